/* SPDX-License-Identifier: MIT */
/* IPv6's socket options: values and lengths, extension headers sent and told, the path's MTU,
 * source preferences (RFC 3542, RFC 5014); with them the options of IPv4 that streams have, and
 * error queues. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "oracle.h"

/* Not in every libc's headers. */
#ifndef IPV6_AUTOFLOWLABEL
#define IPV6_AUTOFLOWLABEL 70
#endif
#ifndef IPV6_ADDR_PREFERENCES
#define IPV6_ADDR_PREFERENCES 72
#endif

struct option6 {
	const char *name;
	int level, number;
};

static const struct option6 options[] = {
	{"IPV6_RECVHOPOPTS", IPPROTO_IPV6, IPV6_RECVHOPOPTS},
	{"IPV6_RECVDSTOPTS", IPPROTO_IPV6, IPV6_RECVDSTOPTS},
	{"IPV6_RECVRTHDR", IPPROTO_IPV6, IPV6_RECVRTHDR},
	{"IPV6_RECVPATHMTU", IPPROTO_IPV6, IPV6_RECVPATHMTU},
	{"IPV6_DONTFRAG", IPPROTO_IPV6, IPV6_DONTFRAG},
	{"IPV6_AUTOFLOWLABEL", IPPROTO_IPV6, IPV6_AUTOFLOWLABEL},
	{"IPV6_ADDR_PREFERENCES", IPPROTO_IPV6, IPV6_ADDR_PREFERENCES},
	{"IPV6_MTU", IPPROTO_IPV6, IPV6_MTU},
	{"IPV6_MTU_DISCOVER", IPPROTO_IPV6, IPV6_MTU_DISCOVER},
	{"IPV6_RECVERR", IPPROTO_IPV6, IPV6_RECVERR},
	{"IPV6_UNICAST_HOPS", IPPROTO_IPV6, IPV6_UNICAST_HOPS},
	{"IPV6_TCLASS", IPPROTO_IPV6, IPV6_TCLASS},
	{"IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO},
	{"IPV6_RECVHOPLIMIT", IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
	{"IPV6_RECVTCLASS", IPPROTO_IPV6, IPV6_RECVTCLASS},
	{"IPV6_999", IPPROTO_IPV6, 999},
};

static const char *kind(int type)
{
	return type == SOCK_STREAM ? "stream" : "dgram";
}

static void option_values(const struct option6 *o, int type)
{
	static const int values[] = {0, 1, -1, 1279, 1280, 1400, 70000};

	printf("option6 %s %s:", kind(type), o->name);
	for (size_t i = 0; i < N_OF(values); i++) {
		struct os_sock *s = sock(0, AF_INET6, type);
		int before = opt_int(s, o->level, o->number);
		int err = opt_set(s, o->level, o->number, values[i]);

		if (i == 0)
			printf(" %s", res(before));
		printf("; %d %s %s", values[i], res(err), res(opt_int(s, o->level, o->number)));
		case_end();
	}
	printf("\n");
}

static void option_lengths(const struct option6 *o, int type)
{
	static const size_t lengths[] = {0, 1, 3, 4, 8};
	union {
		char bytes[8];
		int v;
	} val = {.v = 1};

	printf("option6 length %s %s:", kind(type), o->name);
	for (size_t i = 0; i < N_OF(lengths); i++) {
		struct os_sock *s = sock(0, AF_INET6, type);
		size_t len = lengths[i];
		int err = os_setsockopt(s, o->level, o->number, val.bytes, lengths[i]);
		int got = os_getsockopt(s, o->level, o->number, val.bytes, &len);

		printf(" set %zu %s get %s", lengths[i], res(err), res(got));
		if (!got)
			printf(" %zu", len);
		val.v = 1;
		case_end();
	}
	printf("\n");
}

/* RFC 5014: each pair of bits, also against each other. */
static void preferences(void)
{
	static const int values[] = {0x1,   0x2, 0x3,   0x100, 0x101, 0x4,  0x400,
				     0x404, 0x8, 0x800, 0x808, 0x405, 0x10, 0};
	struct os_sock *s = sock(0, AF_INET6, SOCK_DGRAM);

	printf("preferences one after the other:");
	for (size_t i = 0; i < N_OF(values); i++) {
		int err = opt_set(s, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, values[i]);

		printf(" %x %s %x;", values[i], res(err),
		       opt_int(s, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES));
	}
	printf("\n");
	case_end();
}

/*
 * Extension headers.
 */

struct blob {
	const char *name;
	int option;
	size_t len;
	uint8_t bytes[48];
};

static const struct blob blobs[] = {
	{"hop padding", IPV6_HOPOPTS, 8, {0, 0, 1, 4, 0, 0, 0, 0}},
	{"hop long", IPV6_HOPOPTS, 16, {0, 1, 1, 12}},
	{"hop too short for itself", IPV6_HOPOPTS, 8, {0, 1, 1, 4}},
	{"hop longer than itself", IPV6_HOPOPTS, 16, {0, 0, 1, 4}},
	{"hop no multiple of 8", IPV6_HOPOPTS, 12, {0, 0, 1, 4}},
	{"hop of two bytes", IPV6_HOPOPTS, 2, {0, 0}},
	{"options padding", IPV6_DSTOPTS, 8, {0, 0, 1, 4}},
	{"options unknown to skip", IPV6_DSTOPTS, 8, {0, 0, 0x1e, 4, 1, 2, 3, 4}},
	{"options on the way", IPV6_RTHDRDSTOPTS, 8, {0, 0, 1, 4}},
	{"routing type 0", IPV6_RTHDR, 24, {0, 2, 0, 1}},
	{"routing type 2", IPV6_RTHDR, 24, {0, 2, 2, 1, 0, 0, 0, 0, 0xfd, [23] = 2}},
	{"routing type 2 at its end", IPV6_RTHDR, 24, {0, 2, 2, 0}},
	{"routing type 2 of two", IPV6_RTHDR, 40, {0, 4, 2, 2}},
	{"routing type 4", IPV6_RTHDR, 24, {0, 2, 4, 0, 0, 0, 0, 0, 0xfd, [23] = 2}},
	{"routing type 9", IPV6_RTHDR, 24, {0, 2, 9, 1}},
};

static void sticky(const struct blob *b, int type)
{
	struct os_sock *s = sock(0, AF_INET6, type);
	uint8_t got[64];
	size_t len = sizeof(got);

	printf("sticky %s %s: set %s", kind(type), b->name,
	       res(os_setsockopt(s, IPPROTO_IPV6, b->option, b->bytes, b->len)));
	printf(", get %s", res(os_getsockopt(s, IPPROTO_IPV6, b->option, got, &len)));
	printf(" %zu:", len);
	for (size_t i = 1; i < len && i < sizeof(got); i++)
		printf(" %02x", got[i]);
	printf(", none %s", res(os_setsockopt(s, IPPROTO_IPV6, b->option, NULL, 0)));
	len = 4;
	printf(", get %s %zu\n", res(os_getsockopt(s, IPPROTO_IPV6, b->option, got, &len)), len);
	case_end();
}

struct message {
	struct weft_msghdr hdr;
	struct weft_iovec iov;
	struct weft_sockaddr from;
	char bytes[128];
	union {
		struct weft_cmsghdr align;
		char bytes[512];
	} ctl;
};

static long receive(struct os_sock *s, struct message *m, uint32_t flags)
{
	*m = (struct message){0};
	m->iov = (struct weft_iovec){m->bytes, sizeof(m->bytes)};
	m->hdr = (struct weft_msghdr){.name = &m->from,
				      .iov = &m->iov,
				      .n_iov = 1,
				      .control = m->ctl.bytes,
				      .control_len = sizeof(m->ctl)};
	return os_recvmsg(s, &m->hdr, flags | MSG_DONTWAIT);
}

static void print_control(const struct message *m, size_t max)
{
	for (struct weft_cmsghdr *c = weft_cmsg_next(&m->hdr, NULL); c;
	     c = weft_cmsg_next(&m->hdr, c)) {
		const uint8_t *data = weft_cmsg_data(c);

		printf(", %d %d %zu:", c->level, c->type, c->len);
		for (size_t i = 0; i + sizeof(*c) < c->len && i < max; i++)
			printf(" %02x", data[i]);
	}
}

static void want_all(struct os_sock *s)
{
	opt_set(s, IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1);
	opt_set(s, IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1);
	opt_set(s, IPPROTO_IPV6, IPV6_RECVRTHDR, 1);
}

/* Two blobs as the socket's, or as control messages, or one of each. */
static void travel(const struct blob *one, const struct blob *two, bool one_is_sticky,
		   bool two_is_sticky, size_t n)
{
	struct weft_sockaddr to = at6(2, port_new());
	struct os_sock *a = sock(0, AF_INET6, SOCK_DGRAM), *b = sock(1, AF_INET6, SOCK_DGRAM);
	const struct blob *all[] = {one, two};
	const bool is_sticky[] = {one_is_sticky, two_is_sticky};
	char bytes[3000] = "x";
	union {
		struct weft_cmsghdr h;
		char bytes[128];
	} ctl = {.bytes = {0}};
	struct weft_iovec iov = {bytes, n};
	struct weft_msghdr msg = {.name = &to, .iov = &iov, .n_iov = 1, .control = &ctl};
	struct message m;
	long sent, got;

	os_bind(b, &to);
	want_all(b);
	for (size_t i = 0; i < N_OF(all); i++) {
		struct weft_cmsghdr h = {.len = sizeof(h) + all[i]->len,
					 .level = IPPROTO_IPV6,
					 .type = all[i]->option};

		if (is_sticky[i]) {
			os_setsockopt(a, IPPROTO_IPV6, all[i]->option, all[i]->bytes, all[i]->len);
			continue;
		}
		memcpy(ctl.bytes + msg.control_len, &h, sizeof(h));
		memcpy(ctl.bytes + msg.control_len + sizeof(h), all[i]->bytes, all[i]->len);
		msg.control_len += weft_cmsg_space(all[i]->len);
	}
	sent = os_sendmsg(a, &msg, 0);
	os_settle();
	got = receive(b, &m, MSG_TRUNC);
	printf("travel %s%s and %s%s, %zu: %s, arrived %s", one->name,
	       one_is_sticky ? " sticky" : "", two->name, two_is_sticky ? " sticky" : "", n,
	       res(sent), res(got));
	if (got >= 0)
		print_control(&m, 48);
	printf("\n");
	case_end();
}

static void bad_control(const char *name, int type, size_t len, const char *bytes)
{
	struct weft_sockaddr to = at6(2, port_new());
	struct os_sock *a = sock(0, AF_INET6, SOCK_DGRAM);
	union {
		struct weft_cmsghdr h;
		char bytes[64];
	} ctl = {.h = {.len = sizeof(ctl.h) + len, .level = IPPROTO_IPV6, .type = type}};
	char text[] = "x";
	struct weft_iovec iov = {text, 1};
	struct weft_msghdr msg = {.name = &to,
				  .iov = &iov,
				  .n_iov = 1,
				  .control = &ctl,
				  .control_len = weft_cmsg_space(len)};

	memcpy(ctl.bytes + sizeof(ctl.h), bytes, len);
	printf("control6 %s: %s\n", name, res(os_sendmsg(a, &msg, 0)));
	case_end();
}

/* A stream's segments with extension headers: it comes about, and carries bytes both ways. */
static void stream_with(const struct blob *b, bool at_listener)
{
	struct weft_sockaddr to = at6(2, port_new());
	struct os_sock *l = sock(1, AF_INET6, SOCK_STREAM), *a = sock(0, AF_INET6, SOCK_STREAM);
	struct os_sock *c;
	char buf[64] = "";
	uint8_t got[64];
	size_t len = sizeof(got);

	os_setsockopt(at_listener ? l : a, IPPROTO_IPV6, b->option, b->bytes, b->len);
	os_bind(l, &to);
	os_listen(l, 1);
	printf("stream with %s%s: connect %s", b->name, at_listener ? " at the listener" : "",
	       res(os_connect(a, &to)));
	os_settle();
	os_nonblock(l, true);
	if (os_accept(l, &c, NULL)) {
		printf(", nothing accepted\n");
		case_end();
		return;
	}
	keep(c);
	printf(", get %s", res(os_getsockopt(c, IPPROTO_IPV6, b->option, got, &len)));
	printf(" %zu", len);
	printf(", send %s", res(os_sendto(a, "hello", 5, 0, NULL)));
	printf(" %s", res(os_sendto(c, "world!", 6, 0, NULL)));
	os_settle();
	printf(", recv %s", res(os_recvfrom(c, buf, sizeof(buf), MSG_DONTWAIT, NULL)));
	printf(" %s", res(os_recvfrom(a, buf, sizeof(buf), MSG_DONTWAIT, NULL)));
	printf(", mtu %s", res(opt_int(a, IPPROTO_IPV6, IPV6_MTU)));
	printf(", mss %s\n", res(opt_int(at_listener ? c : a, IPPROTO_TCP, TCP_MAXSEG)));
	case_end();
}

/*
 * The path's MTU.
 */

static void path_mtu(int type)
{
	struct weft_sockaddr to = at6(2, port_new());
	struct os_sock *l = sock(1, AF_INET6, type), *a = sock(0, AF_INET6, type);
	uint8_t info[64];
	size_t len = sizeof(info);

	os_bind(l, &to);
	if (type == SOCK_STREAM)
		os_listen(l, 1);
	printf("path mtu %s: before %s %s", kind(type), res(opt_int(a, IPPROTO_IPV6, IPV6_MTU)),
	       res(os_getsockopt(a, IPPROTO_IPV6, IPV6_PATHMTU, info, &len)));
	os_connect(a, &to);
	len = sizeof(info);
	memset(info, 0, sizeof(info));
	printf(", connected %s", res(opt_int(a, IPPROTO_IPV6, IPV6_MTU)));
	printf(" %s", res(os_getsockopt(a, IPPROTO_IPV6, IPV6_PATHMTU, info, &len)));
	printf(" %zu %02x%02x", len, info[29], info[28]);
	len = 8;
	printf(", short %s %zu\n", res(os_getsockopt(a, IPPROTO_IPV6, IPV6_PATHMTU, info, &len)),
	       len);
	case_end();
}

static void path_mtu4(int type)
{
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *l = sock(1, AF_INET, type), *a = sock(0, AF_INET, type);

	os_bind(l, &to);
	if (type == SOCK_STREAM)
		os_listen(l, 1);
	printf("path mtu of IPv4 %s: before %s", kind(type), res(opt_int(a, IPPROTO_IP, IP_MTU)));
	os_connect(a, &to);
	printf(", connected %s, listener %s\n", res(opt_int(a, IPPROTO_IP, IP_MTU)),
	       res(opt_int(l, IPPROTO_IP, IP_MTU)));
	case_end();
}

/* How a datagram of `n` bytes is refused, and what is told of it. */
static void too_large(int option, int v, int mtu, size_t n, bool wants_err)
{
	static char bytes[3000];
	struct weft_sockaddr to = at6(2, port_new());
	struct os_sock *a = sock(0, AF_INET6, SOCK_DGRAM), *b = sock(1, AF_INET6, SOCK_DGRAM);
	struct message m;
	long sent, got;

	os_bind(b, &to);
	opt_set(a, IPPROTO_IPV6, option, v);
	opt_set(a, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1);
	if (wants_err)
		opt_set(a, IPPROTO_IPV6, IPV6_RECVERR, 1);
	if (mtu)
		opt_set(a, IPPROTO_IPV6, IPV6_MTU, mtu);
	sent = os_sendto(a, bytes, n, 0, &to);
	os_settle();
	printf("too large option %d %d mtu %d %zu%s: %s", option, v, mtu, n,
	       wants_err ? " with errors" : "", res(sent));
	got = receive(a, &m, 0);
	printf(", recv %s", res(got));
	if (got >= 0)
		print_control(&m, 48);
	got = receive(a, &m, MSG_ERRQUEUE);
	printf(", error %s", res(got));
	if (got >= 0)
		print_control(&m, 16);
	printf(", arrived %s\n", res(receive(b, &m, MSG_TRUNC)));
	case_end();
}

/*
 * Errors in the queue of an IPv6 socket, about packets of either family.
 */

static void unreachable(int family, bool is_mapped, int option_level, int option)
{
	struct weft_sockaddr to = family == AF_INET6 ? at6(2, port_new()) : at(2, port_new());
	struct os_sock *s = sock(0, AF_INET6, SOCK_DGRAM);
	struct message m;
	long got;

	if (is_mapped) {
		struct weft_sockaddr mapped = {.addr.family = WEFT_AF_INET6, .port = to.port};

		memcpy(mapped.addr.bytes, (uint8_t[]){[10] = 0xff, 0xff, 10, 0, 0, 2}, 16);
		to = mapped;
	}
	opt_set(s, option_level, option, 1);
	printf("unreachable %s %d: %s", is_mapped ? "mapped" : "own", option,
	       res(os_sendto(s, "hello", 5, 0, &to)));
	os_settle();
	got = receive(s, &m, MSG_ERRQUEUE);
	printf(", %s flags %x family %d", res(got), m.hdr.flags, m.from.addr.family);
	if (got >= 0)
		print_control(&m, 48);
	printf(", then %s\n", so_error(s));
	case_end();
}

/*
 * IPv4's options of streams.
 */

static void record_route(bool at_client, bool at_listener)
{
	static const uint8_t rr[] = {7, 15, 4, [15] = 0};
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *l = sock(1, AF_INET, SOCK_STREAM), *a = sock(0, AF_INET, SOCK_STREAM), *c;
	uint8_t got[40];
	size_t len = sizeof(got);
	char buf[16];

	if (at_client)
		printf("record route: set %s",
		       res(os_setsockopt(a, IPPROTO_IP, IP_OPTIONS, rr, sizeof(rr))));
	else
		printf("record route%s: none", at_listener ? " at the listener" : "");
	if (at_listener)
		os_setsockopt(l, IPPROTO_IP, IP_OPTIONS, rr, sizeof(rr));
	os_bind(l, &to);
	os_listen(l, 1);
	printf(", connect %s", res(os_connect(a, &to)));
	os_settle();
	if (os_accept(l, &c, NULL))
		abort();
	keep(c);
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	printf(", recv %s", res(os_recvfrom(c, buf, sizeof(buf), MSG_DONTWAIT, NULL)));
	printf(", accepted %s", res(os_getsockopt(c, IPPROTO_IP, IP_OPTIONS, got, &len)));
	printf(" %zu, mss %s", len, res(opt_int(a, IPPROTO_TCP, TCP_MAXSEG)));
	printf(" %s", res(opt_int(c, IPPROTO_TCP, TCP_MAXSEG)));
	len = sizeof(got);
	printf(", connected %s %zu", res(os_getsockopt(a, IPPROTO_IP, IP_OPTIONS, got, &len)), len);
	printf(", none %s", res(os_setsockopt(a, IPPROTO_IP, IP_OPTIONS, NULL, 0)));
	printf(", mss %s\n", res(opt_int(a, IPPROTO_TCP, TCP_MAXSEG)));
	case_end();
}

static void headers(void)
{
	static const uint8_t n_hop = 0, n_opts = 6, n_unknown = 7, n_way = 8;

	for (size_t i = 0; i < N_OF(blobs); i++) {
		sticky(&blobs[i], SOCK_DGRAM);
		sticky(&blobs[i], SOCK_STREAM);
	}
	for (int how = 0; how < 4; how++) {
		travel(&blobs[n_hop], &blobs[n_opts], how & 1, how & 2, 1);
		travel(&blobs[n_unknown], &blobs[n_hop], how & 1, how & 2, 1);
		travel(&blobs[n_way], &blobs[n_unknown], how & 1, how & 2, 1);
	}
	travel(&blobs[n_hop], &blobs[n_unknown], true, true, 2500);
	travel(&blobs[n_hop], &blobs[n_unknown], false, false, 2500);
	travel(&blobs[n_hop], &blobs[n_hop], false, false, 1);
	stream_with(&blobs[n_hop], false);
	stream_with(&blobs[n_unknown], false);
	stream_with(&blobs[n_unknown], true);
	bad_control("hop of nothing", IPV6_HOPOPTS, 0, "");
	bad_control("hop of one byte", IPV6_HOPOPTS, 1, "\0");
	bad_control("hop too short for itself", IPV6_HOPOPTS, 8, "\0\1\1\4\0\0\0\0");
	bad_control("routing type 0", IPV6_RTHDR, 8, "\0\0\0\0\0\0\0\0");
	bad_control("dontfrag 2", IPV6_DONTFRAG, 4, "\2\0\0\0");
	bad_control("dontfrag 1", IPV6_DONTFRAG, 4, "\1\0\0\0");
	bad_control("dontfrag short", IPV6_DONTFRAG, 2, "\1\0");
	bad_control("dontfrag -1", IPV6_DONTFRAG, 4, "\xff\xff\xff\xff");
}

void cases_ip6(void)
{
	for (size_t i = 0; i < N_OF(options); i++) {
		option_values(&options[i], SOCK_STREAM);
		option_values(&options[i], SOCK_DGRAM);
		option_lengths(&options[i], SOCK_STREAM);
		option_lengths(&options[i], SOCK_DGRAM);
	}
	preferences();
	headers();
	path_mtu(SOCK_DGRAM);
	path_mtu(SOCK_STREAM);
	path_mtu4(SOCK_DGRAM);
	path_mtu4(SOCK_STREAM);
	too_large(IPV6_DONTFRAG, 1, 0, 2000, false);
	too_large(IPV6_DONTFRAG, 1, 0, 2000, true);
	too_large(IPV6_DONTFRAG, 1, 1280, 1300, true);
	too_large(IPV6_DONTFRAG, 0, 1280, 1300, true);
	too_large(IPV6_MTU_DISCOVER, 2, 0, 2000, false);
	too_large(IPV6_MTU_DISCOVER, 2, 0, 2000, true);
	too_large(IPV6_MTU_DISCOVER, 2, 1280, 1300, true);
	too_large(IPV6_MTU_DISCOVER, 0, 0, 2000, true);
	unreachable(AF_INET6, false, IPPROTO_IPV6, IPV6_RECVERR);
	unreachable(AF_INET, true, IPPROTO_IP, IP_RECVERR);
	unreachable(AF_INET, true, IPPROTO_IPV6, IPV6_RECVERR);
	unreachable(AF_INET6, false, IPPROTO_IP, IP_RECVERR);
	record_route(false, false);
	record_route(true, false);
	record_route(false, true);
	record_route(true, true);
}
