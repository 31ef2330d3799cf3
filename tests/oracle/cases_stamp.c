/* SPDX-License-Identifier: MIT */
/* Times of sending and of reception: SO_TIMESTAMPING, the error queue, and what poll says of it. */
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "oracle.h"

enum {
	TX_ALL = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED,
	TX_ACK = TX_ALL | SOF_TIMESTAMPING_TX_ACK,
	RX = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE,
	SW = SOF_TIMESTAMPING_SOFTWARE,
	ID = SOF_TIMESTAMPING_OPT_ID,
	ONLY = SOF_TIMESTAMPING_OPT_TSONLY,
	CMSG = SOF_TIMESTAMPING_OPT_CMSG,
	ID_TCP = SOF_TIMESTAMPING_OPT_ID | WEFT_SOF_OPT_ID_TCP,
};

/* One family's way of saying things. */
struct family {
	int af;
	int level, pktinfo, ttl, recvttl;
	struct weft_sockaddr (*at)(int host, uint16_t port);
};
static const struct family families[] = {
	{AF_INET, IPPROTO_IP, IP_PKTINFO, IP_TTL, IP_RECVTTL, at},
	{AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, IPV6_HOPLIMIT, IPV6_RECVHOPLIMIT, at6},
};

static void print_err(const struct weft_cmsghdr *c)
{
	const uint8_t *data = (const uint8_t *)(c + 1);
	struct sock_extended_err ee;
	uint16_t family = 0;

	memcpy(&ee, data, sizeof(ee));
	memcpy(&family, data + sizeof(ee), sizeof(family));
	printf(" err %s origin %u info %u data %u from %u", strerrorname_np((int)ee.ee_errno),
	       ee.ee_origin, ee.ee_info, ee.ee_data, family);
	if (family == AF_INET)
		printf(" .%u", data[sizeof(ee) + 7]);
	else if (family == AF_INET6)
		printf(" :%u", data[sizeof(ee) + 23]);
}

/* Control messages as they came; of times, whether there is one. */
static void print_control(const struct weft_msghdr *msg)
{
	for (struct weft_cmsghdr *c = weft_cmsg_next(msg, NULL); c; c = weft_cmsg_next(msg, c)) {
		const int64_t *t = weft_cmsg_data(c);

		printf(" [%d/%d len %zu", c->level, c->type, c->len);
		if (c->level == SOL_SOCKET && c->type == SO_TIMESTAMPING)
			printf(" sw %d hw %d", t[0] != 0, t[4] || t[5]);
		else if (c->level == SOL_SOCKET)
			printf(" set %d", t[0] != 0);
		else if ((c->level == IPPROTO_IP && c->type == IP_RECVERR) ||
			 (c->level == IPPROTO_IPV6 && c->type == IPV6_RECVERR))
			print_err(c);
		printf("]");
	}
}

static long take(struct os_sock *s, size_t room, size_t room_control, uint32_t flags)
{
	static char bytes[2048];
	static union {
		struct weft_cmsghdr align;
		char bytes[512];
	} ctl;
	struct weft_sockaddr from = {.port = 0};
	struct weft_iovec iov = {bytes, room};
	struct weft_msghdr msg = {.name = &from,
				  .iov = &iov,
				  .n_iov = 1,
				  .control = ctl.bytes,
				  .control_len = room_control};
	long n = os_recvmsg(s, &msg, flags | MSG_DONTWAIT);

	if (n < 0)
		return n;
	printf(" {%ld flags %x name %d", n, msg.flags, flags & MSG_ERRQUEUE ? from.addr.family : 0);
	print_control(&msg);
	printf("}");
	return n;
}

static void print_queue(struct os_sock *s, const char *what, const char *name)
{
	printf("stamp %s %s: poll %s", what, name, events(os_poll(s, ALL_EVENTS, 0)));
	while (take(s, 512, 512, MSG_ERRQUEUE) >= 0)
		;
	printf(", then %s, error %s\n", events(os_poll(s, ALL_EVENTS, 0)), so_error(s));
}

static long send_with(struct os_sock *s, const char *text, size_t n, uint32_t kinds, size_t len)
{
	struct {
		struct weft_cmsghdr h;
		uint32_t v[2];
	} ctl = {.h = {len, SOL_SOCKET, SO_TIMESTAMPING}, .v = {kinds, 0}};
	struct weft_iovec iov = {(char *)(uintptr_t)text, n};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = &ctl, .control_len = sizeof(ctl)};

	return os_sendmsg(s, &msg, 0);
}

/*
 * Datagrams.
 */

static const struct {
	const char *name;
	int flags;
} asks[] = {
	{"snd", SOF_TIMESTAMPING_TX_SOFTWARE | SW},
	{"sched", SOF_TIMESTAMPING_TX_SCHED | SW},
	{"both", TX_ALL | SW},
	{"both not told", TX_ALL},
	{"both id", TX_ALL | SW | ID},
	{"both only", TX_ALL | SW | ONLY},
	{"both id only", TX_ALL | SW | ID | ONLY},
	{"snd id cmsg", SOF_TIMESTAMPING_TX_SOFTWARE | SW | ID | CMSG},
	{"snd only cmsg", SOF_TIMESTAMPING_TX_SOFTWARE | SW | ONLY | CMSG},
	{"ack", TX_ACK | SW | ID | ONLY},
	{"reception", RX},
	{"hardware", SOF_TIMESTAMPING_TX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE},
};

static void names(char *buf, size_t len, const struct family *f, const char *name)
{
	snprintf(buf, len, "%s %s", f->af == AF_INET ? "ip4" : "ip6", name);
}

/* A socket of host 0 that is connected to one of host 1. */
static struct os_sock *dgram(const struct family *f, int type, struct os_sock **ret_peer)
{
	struct weft_sockaddr to = f->at(2, port_new());
	struct os_sock *a = sock(0, f->af, type), *b = sock(1, f->af, type);

	os_bind(b, &to);
	os_connect(a, &to);
	*ret_peer = b;
	return a;
}

static void dgram_asks(const struct family *f, const char *name, int flags)
{
	struct os_sock *b, *a = dgram(f, SOCK_DGRAM, &b);
	char what[64];

	names(what, sizeof(what), f, "dgram");
	printf("stamp %s set %s: %s, is %d\n", what, name,
	       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags)),
	       opt_int(a, SOL_SOCKET, SO_TIMESTAMPING));
	opt_set(a, f->level, f->pktinfo, 1);
	opt_set(a, f->level, f->recvttl, 1);
	os_sendto(a, "first", 5, 0, NULL);
	os_sendto(a, "second", 6, 0, NULL);
	os_settle();
	print_queue(a, what, name);
	case_end();
}

/* What a send says by itself, on a socket with these flags. */
static void dgram_per_call(const struct family *f, int flags, uint32_t kinds, size_t len)
{
	struct os_sock *b, *a = dgram(f, SOCK_DGRAM, &b);
	char what[64], name[64];
	long n;

	names(what, sizeof(what), f, "dgram send");
	snprintf(name, sizeof(name), "%x of %x len %zu", kinds, (unsigned)flags, len);
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags);
	n = send_with(a, "hello", 5, kinds, len);
	os_settle();
	printf("stamp %s %s result: %s\n", what, name, res(n));
	print_queue(a, what, name);
	case_end();
}

static void dgram_rooms(const struct family *f)
{
	static const size_t rooms[] = {0, 8, 60};
	static const size_t controls[] = {0, 64, 100, 200};
	struct os_sock *b, *a = dgram(f, SOCK_DGRAM, &b);
	char what[64];

	names(what, sizeof(what), f, "dgram");
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_TX_SOFTWARE | SW | ID);
	for (size_t i = 0; i < N_OF(rooms) * N_OF(controls); i++) {
		os_sendto(a, "hello", 5, 0, NULL);
		os_settle();
		printf("stamp %s room %zu control %zu:", what, rooms[i % N_OF(rooms)],
		       controls[i / N_OF(rooms)]);
		printf(" %s\n", res(take(a, rooms[i % N_OF(rooms)], controls[i / N_OF(rooms)],
					 MSG_ERRQUEUE)));
	}
	case_end();
}

/* Numbers start anew when the option is set anew, and go on when it is set again. */
static void dgram_ids(const struct family *f)
{
	const int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SW | ID | ONLY;
	struct os_sock *b, *a = dgram(f, SOCK_DGRAM, &b);
	char what[64];

	names(what, sizeof(what), f, "dgram");
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags);
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags);
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, SW);
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags);
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	print_queue(a, what, "ids");
	case_end();
}

/* Parts of one datagram, and fragments of a large one: one time each. */
static void dgram_parts(const struct family *f)
{
	static char large[4000];
	struct os_sock *b, *a = dgram(f, SOCK_DGRAM, &b);
	char what[64];

	names(what, sizeof(what), f, "dgram");
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, TX_ALL | SW | ONLY);
	os_sendto(a, "x", 1, MSG_MORE, NULL);
	os_sendto(a, "y", 1, 0, NULL);
	os_settle();
	print_queue(a, what, "parts");
	os_sendto(a, large, sizeof(large), 0, NULL);
	os_settle();
	print_queue(a, what, "fragments");
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	opt_set(a, SOL_SOCKET, SO_TIMESTAMP, 1);
	print_queue(a, what, "with SO_TIMESTAMP");
	case_end();
}

static void raw_asks(const struct family *f, const char *name, int flags)
{
	int icmp = f->af == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	static const char echo4[16] = {8, 0, (char)0xf7, (char)0xff}, echo6[16] = {(char)128};
	struct weft_sockaddr to = f->at(2, 0);
	struct os_sock *a;
	char what[64];

	if (os_socket(0, f->af, SOCK_RAW, icmp, &a))
		return;
	keep(a);
	names(what, sizeof(what), f, "raw");
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags);
	os_sendto(a, f->af == AF_INET ? echo4 : echo6, 16, 0, &to);
	os_settle();
	while (os_recvfrom(a, (char[256]){0}, 256, MSG_DONTWAIT, NULL) >= 0)
		;
	print_queue(a, what, name);
	case_end();
}

/*
 * Streams.
 */

static struct os_sock *stream(const struct family *f, struct os_sock **ret_peer)
{
	struct weft_sockaddr to = f->at(2, port_new());
	struct os_sock *lst = sock(1, f->af, SOCK_STREAM), *a = sock(0, f->af, SOCK_STREAM);

	os_bind(lst, &to);
	os_listen(lst, 1);
	os_connect(a, &to);
	os_accept(lst, ret_peer, NULL);
	keep(*ret_peer);
	return a;
}

static void stream_asks(const struct family *f, const char *name, int flags)
{
	struct os_sock *b, *a = stream(f, &b);
	char what[64];

	names(what, sizeof(what), f, "stream");
	os_sendto(a, "before", 6, 0, NULL);
	os_settle();
	printf("stamp %s set %s: %s, is %d\n", what, name,
	       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags)),
	       opt_int(a, SOL_SOCKET, SO_TIMESTAMPING));
	os_sendto(a, "first", 5, 0, NULL);
	os_settle();
	os_sendto(a, "second", 6, 0, NULL);
	os_settle();
	os_settle();
	print_queue(a, what, name);
	case_end();
}

static void stream_per_call(const struct family *f, int flags, uint32_t kinds, size_t len)
{
	struct os_sock *b, *a = stream(f, &b);
	char what[64], name[64];
	long n;

	names(what, sizeof(what), f, "stream send");
	snprintf(name, sizeof(name), "%x of %x len %zu", kinds, (unsigned)flags, len);
	opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, flags);
	n = send_with(a, "hello", 5, kinds, len);
	os_settle();
	os_settle();
	printf("stamp %s %s result: %s\n", what, name, res(n));
	print_queue(a, what, name);
	case_end();
}

/* Which states and bits are refused. */
static void options(void)
{
	struct os_sock *b, *a;

	for (size_t i = 0; i < N_OF(families); i++) {
		const struct family *f = &families[i];

		for (int bit = 0; bit < 12; bit++) {
			a = sock(0, f->af, SOCK_DGRAM);
			printf("stamp option dgram %d %x: %s", f->af, 1 << bit,
			       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, 1 << bit)));
			printf(", is %x\n", (unsigned)opt_int(a, SOL_SOCKET, SO_TIMESTAMPING));
			case_end();
			a = sock(0, f->af, SOCK_STREAM);
			printf("stamp option stream %d %x: %s", f->af, 1 << bit,
			       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, 1 << bit)));
			printf(", is %x\n", (unsigned)opt_int(a, SOL_SOCKET, SO_TIMESTAMPING));
			case_end();
		}
		a = stream(f, &b);
		printf("stamp option %d id_tcp alone: %s\n", f->af,
		       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, WEFT_SOF_OPT_ID_TCP)));
		printf("stamp option %d id_tcp: %s\n", f->af,
		       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, ID_TCP)));
		case_end();
		a = sock(0, f->af, SOCK_STREAM);
		os_listen(a, 1);
		printf("stamp option %d listener: %s\n", f->af,
		       res(opt_set(a, SOL_SOCKET, SO_TIMESTAMPING, ID)));
		case_end();
	}
}

/* When what is received came, in each family. */
static void reception(const struct family *f)
{
	static const int opts[] = {SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING};
	struct os_sock *b, *a;
	char what[64];

	for (size_t i = 0; i < 2 * N_OF(opts); i++) {
		bool is_stream = i >= N_OF(opts);
		int opt = opts[i % N_OF(opts)];

		a = is_stream ? stream(f, &b) : dgram(f, SOCK_DGRAM, &b);
		names(what, sizeof(what), f, is_stream ? "stream" : "dgram");
		opt_set(b, SOL_SOCKET, opt, opt == SO_TIMESTAMPING ? RX : 1);
		os_sendto(a, "hello", 5, 0, NULL);
		os_settle();
		printf("stamp reception %s %d:", what, opt);
		printf(" %s\n", res(take(b, 16, 512, 0)));
		case_end();
	}
}

void cases_stamp(void)
{
	static const size_t len = sizeof(struct weft_cmsghdr) + 4;

	options();
	for (size_t i = 0; i < N_OF(families); i++) {
		const struct family *f = &families[i];

		for (size_t k = 0; k < N_OF(asks); k++) {
			dgram_asks(f, asks[k].name, asks[k].flags);
			raw_asks(f, asks[k].name, asks[k].flags);
			if (asks[k].flags & ONLY || !(asks[k].flags & SOF_TIMESTAMPING_TX_ACK))
				stream_asks(f, asks[k].name, asks[k].flags);
		}
		stream_asks(f, "ack id_tcp", TX_ACK | SW | ID_TCP | ONLY);
		stream_asks(f, "ack bytes", SOF_TIMESTAMPING_TX_ACK | SW | ID);
		dgram_per_call(f, SW | ID | ONLY, SOF_TIMESTAMPING_TX_SOFTWARE, len);
		dgram_per_call(f, SW | ONLY, SOF_TIMESTAMPING_TX_SCHED, len);
		dgram_per_call(f, TX_ALL | SW | ONLY, 0, len);
		dgram_per_call(f, TX_ALL | SW | ONLY, SOF_TIMESTAMPING_TX_ACK, len);
		dgram_per_call(f, SW | ONLY, SW, len);
		dgram_per_call(f, SW | ONLY, ID, len);
		dgram_per_call(f, SW | ONLY, SOF_TIMESTAMPING_TX_SOFTWARE, len + 4);
		dgram_per_call(f, SW | ONLY, SOF_TIMESTAMPING_TX_SOFTWARE, len - 2);
		stream_per_call(f, SW | ONLY, TX_ACK, len);
		stream_per_call(f, SW | ID_TCP | ONLY, SOF_TIMESTAMPING_TX_ACK, len);
		stream_per_call(f, TX_ALL | SW | ONLY, 0, len);
		stream_per_call(f, SW | ONLY, SW, len);
		stream_per_call(f, SW | ONLY, SOF_TIMESTAMPING_TX_ACK, len - 2);
		dgram_rooms(f);
		dgram_ids(f);
		dgram_parts(f);
		reception(f);
	}
}
