/* SPDX-License-Identifier: MIT */
/* What is no matrix: names and their conflicts, parts, control messages, groups, reuse, out-of-band
 * data, and what becomes of a peer. */
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>

#include "oracle.h"

/* Who may bind where when somebody has bound already. */
static void bind_conflict(int type, bool first_any, bool second_any, int reuse, bool listens)
{
	uint16_t port = port_new();
	struct weft_sockaddr a = at(first_any ? 0 : 1, port), b = at(second_any ? 0 : 1, port);
	struct os_sock *s = sock(0, AF_INET, type), *t = sock(0, AF_INET, type);
	int e1, e2, e3 = 0;

	if (reuse) {
		opt_set(s, SOL_SOCKET, reuse, 1);
		opt_set(t, SOL_SOCKET, reuse, 1);
	}
	e1 = os_bind(s, &a);
	if (listens)
		e3 = os_listen(s, 1);
	e2 = os_bind(t, &b);
	printf("bind %s %s then %s, reuse %d%s: %s, %s, %s, listen %s\n",
	       type == SOCK_STREAM ? "stream" : "dgram", first_any ? "any" : "own",
	       second_any ? "any" : "own", reuse, listens ? ", listening" : "", res(e1), res(e3),
	       res(e2), res(os_listen(t, 1)));
	case_end();
}

static void bind_names(void)
{
	static const char *const addrs[] = {"10.0.0.1",   "0.0.0.0",         "127.0.0.1",
					    "10.0.0.255", "255.255.255.255", "224.0.0.251",
					    "192.0.2.1",  "10.0.0.2"};

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
		for (size_t i = 0; i < N_OF(addrs); i++) {
			struct weft_sockaddr sa = {.port = 0}, got = {.port = 0};
			struct os_sock *s = sock(0, AF_INET, type);
			int err;

			(void)weft_addr_parse(addrs[i], &sa.addr);
			err = os_bind(s, &sa);
			os_getsockname(s, &got);
			printf("bind %d to %s: %s, %d, port %d\n", type, addrs[i], res(err),
			       got.addr.bytes[3], got.port > 0);
			case_end();
		}
}

/* A pair of connected streams. */
static void pair(struct os_sock **ret_a, struct os_sock **ret_b)
{
	uint16_t port = port_new();
	struct weft_sockaddr sa = at(2, port);
	struct os_sock *lst = sock(1, AF_INET, SOCK_STREAM);

	os_bind(lst, &sa);
	os_listen(lst, 4);
	*ret_a = sock(0, AF_INET, SOCK_STREAM);
	if (os_connect(*ret_a, &sa) || os_accept(lst, ret_b, NULL))
		abort();
	keep(*ret_b);
}

static long rx(struct os_sock *s, size_t len, uint32_t flags)
{
	char buf[64];

	return os_recvfrom(s, buf, len, flags | MSG_DONTWAIT, NULL);
}

static void parts(void)
{
	struct os_sock *a, *b;
	struct weft_iovec iov[3];
	char one[2], two[3], three[8];
	struct weft_msghdr msg = {.iov = iov, .n_iov = 3};
	long n;

	pair(&a, &b);
	os_sendto(a, "0123456789", 10, 0, NULL);
	os_settle();
	printf("parts peek: %s\n", res(rx(b, 4, MSG_PEEK)));
	printf("parts read: %s", res(rx(b, 4, 0)));
	iov[0] = (struct weft_iovec){one, sizeof(one)};
	iov[1] = (struct weft_iovec){two, sizeof(two)};
	iov[2] = (struct weft_iovec){three, sizeof(three)};
	n = os_recvmsg(b, &msg, MSG_DONTWAIT);
	printf(" %s %.2s %.3s %.1s\n", res(n), one, two, three);
	iov[1].len = 0;
	iov[2].len = 1;
	n = os_sendmsg(a, &msg, 0);
	os_settle();
	printf("parts gather: %s, %s\n", res(n), res(rx(b, 64, 0)));
	msg.n_iov = 0;
	printf("parts none: %s, %s\n", res(os_sendmsg(a, &msg, MSG_DONTWAIT)),
	       res(os_recvmsg(b, &msg, MSG_DONTWAIT)));
	msg.n_iov = 2000;
	case_end();
}

static void lowat(void)
{
	struct os_sock *a, *b;

	pair(&a, &b);
	opt_set(b, SOL_SOCKET, SO_RCVLOWAT, 4);
	os_sendto(a, "ab", 2, 0, NULL);
	os_settle();
	printf("lowat 2 of 4: poll %s, read %s\n", events(os_poll(b, WEFT_IN, 0)),
	       res(rx(b, 1, 0)));
	os_sendto(a, "cde", 3, 0, NULL);
	os_settle();
	printf("lowat 4 of 4: poll %s, read %s\n", events(os_poll(b, WEFT_IN, 0)),
	       res(rx(b, 64, 0)));
	os_sendto(a, "ab", 2, 0, NULL);
	os_shutdown(a, SHUT_WR);
	os_settle();
	printf("lowat at the end: poll %s\n", events(os_poll(b, WEFT_IN, 0)));
	case_end();
}

/* Out-of-band data: where the mark is, and who reads it how. */
static void urgent(bool inlined)
{
	struct os_sock *a, *b;
	int mark = -1;

	pair(&a, &b);
	opt_set(b, SOL_SOCKET, SO_OOBINLINE, inlined);
	os_sendto(a, "ab", 2, 0, NULL);
	os_sendto(a, "!", 1, MSG_OOB, NULL);
	os_sendto(a, "cd", 2, 0, NULL);
	os_settle();
	printf("urgent inline %d: poll %s", inlined, events(os_poll(b, ALL_EVENTS, 0)));
	printf(", oob %s", res(rx(b, 1, MSG_OOB | MSG_PEEK)));
	printf(" %s", res(rx(b, 1, MSG_OOB)));
	printf(" %s, poll %s", res(rx(b, 1, MSG_OOB)), events(os_poll(b, ALL_EVENTS, 0)));
	os_ioctl(b, WEFT_SIOCATMARK, &mark);
	printf(", mark %d", mark);
	printf(", read %s", res(rx(b, 64, 0)));
	os_ioctl(b, WEFT_SIOCATMARK, &mark);
	printf(", mark %d", mark);
	printf(", read %s", res(rx(b, 64, 0)));
	printf(" %s\n", res(rx(b, 64, 0)));
	os_sendto(a, "1", 1, MSG_OOB, NULL);
	os_sendto(a, "2", 1, MSG_OOB, NULL);
	os_settle();
	printf("urgent twice inline %d: oob %s", inlined, res(rx(b, 1, MSG_OOB)));
	printf(", read %s", res(rx(b, 64, 0)));
	printf(", %s\n", res(rx(b, 64, 0)));
	case_end();
}

static void halves(int how_a, int how_b)
{
	struct os_sock *a, *b;
	int e1, e2;

	pair(&a, &b);
	e1 = os_shutdown(a, how_a);
	os_settle();
	e2 = os_shutdown(b, how_b);
	os_settle();
	printf("halves %d %d: %s %s", how_a, how_b, res(e1), res(e2));
	printf(", poll %s %s", events(os_poll(a, ALL_EVENTS, 0)),
	       events(os_poll(b, ALL_EVENTS, 0)));
	printf(", send %s", res(os_sendto(a, "x", 1, MSG_DONTWAIT, NULL)));
	os_settle();
	printf(" %s", res(os_sendto(b, "x", 1, MSG_DONTWAIT, NULL)));
	os_settle();
	printf(", recv %s", res(rx(a, 8, 0)));
	printf(" %s", res(rx(b, 8, 0)));
	printf(", again %s", res(rx(a, 8, 0)));
	printf(" %s\n", res(rx(b, 8, 0)));
	case_end();
}

static long since_ms(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

/* Closes that wait: with more written than the peer takes or nothing, something unread or nothing,
 * on a socket that waits otherwise or not. */
static void lingering(bool is_full, bool unread, bool nonblock, int time_s)
{
	static const char bytes[65536];
	struct linger l = {.l_onoff = 1, .l_linger = time_s};
	struct timespec start;
	struct os_sock *a, *b;
	long n, sum = 0, got = 0, took;
	char buf[65536];

	pair(&a, &b);
	os_nonblock(a, true);
	for (int tries = 0; is_full && tries < 10; tries++) {
		while ((n = os_sendto(a, bytes, sizeof(bytes), 0, NULL)) > 0)
			sum += n;
		os_settle();
	}
	if (unread)
		os_sendto(b, "x", 1, 0, NULL);
	os_settle();
	os_nonblock(a, nonblock);
	os_setsockopt(a, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	clock_gettime(CLOCK_MONOTONIC, &start);
	drop(a);
	took = since_ms(&start);
	os_settle();
	while ((n = os_recvfrom(b, buf, sizeof(buf), 0, NULL)) > 0)
		got += n;
	printf("lingering %d full %d unread %d nonblock %d: waits %d, peer reads %s, then %s\n",
	       time_s, is_full, unread, nonblock, took > 900, got == sum ? "all" : "less",
	       n ? res(n) : "the end");
	case_end();
}

/* What the peer sees when a socket is closed with and without unread data, and with SO_LINGER 0. */
static void closing(bool unread, bool lingers)
{
	struct linger now = {.l_onoff = 1};
	struct os_sock *a, *b;

	pair(&a, &b);
	if (unread)
		os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	if (lingers)
		os_setsockopt(b, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	drop(b);
	os_settle();
	printf("closing unread %d linger %d: poll %s", unread, lingers,
	       events(os_poll(a, ALL_EVENTS, 0)));
	printf(", send %s", res(os_sendto(a, "x", 1, MSG_DONTWAIT, NULL)));
	os_settle();
	printf(" %s", res(os_sendto(a, "x", 1, MSG_DONTWAIT, NULL)));
	printf(", recv %s", res(rx(a, 8, 0)));
	printf(" %s", res(rx(a, 8, 0)));
	printf(", SO_ERROR %s\n", so_error(a));
	case_end();
}

/* Control messages of a datagram. */
static void control(const char *name, int option, size_t room)
{
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *a = sock(0, AF_INET, SOCK_DGRAM), *b = sock(1, AF_INET, SOCK_DGRAM);
	char buf[16];
	union {
		struct weft_cmsghdr align;
		char bytes[256];
	} ctl;
	struct weft_iovec iov = {buf, sizeof(buf)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = ctl.bytes, .control_len = room};
	long n;

	memset(&ctl, 0, sizeof(ctl));
	os_bind(b, &to);
	opt_set(b, IPPROTO_IP, option, 1);
	opt_set(a, IPPROTO_IP, IP_TOS, 0x10);
	opt_set(a, IPPROTO_IP, IP_TTL, 33);
	os_sendto(a, "x", 1, 0, &to);
	os_settle();
	n = os_recvmsg(b, &msg, MSG_DONTWAIT);
	printf("control %s room %zu: %s, flags %x, %zu bytes", name, room, res(n), msg.flags,
	       msg.control_len);
	for (struct weft_cmsghdr *c = weft_cmsg_next(&msg, NULL); n >= 0 && c;
	     c = weft_cmsg_next(&msg, c)) {
		const uint8_t *data = weft_cmsg_data(c);

		printf(", %d %d %zu:", c->level, c->type, c->len);
		/* Of IP_PKTINFO the interface's number differs. */
		for (size_t i = option == IP_PKTINFO ? 4 : 0; i + sizeof(*c) < c->len; i++)
			printf(" %02x", data[i]);
	}
	printf("\n");
	case_end();
}

/* When it came: which messages, in which order and of which size. */
static void control_time(const char *name, int type, int option, int v)
{
	struct weft_sockaddr to = at(2, port_new()), from = at(1, port_new());
	struct os_sock *a = sock(0, AF_INET, type), *b = sock(1, AF_INET, type), *c = b;
	char buf[16];
	union {
		struct weft_cmsghdr align;
		char bytes[256];
	} ctl;
	struct weft_iovec iov = {buf, sizeof(buf)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = ctl.bytes, .control_len = sizeof(ctl)};
	long n;

	os_bind(b, &to);
	os_bind(a, &from);
	opt_set(b, SOL_SOCKET, option, v);
	if (type == SOCK_STREAM) {
		os_listen(b, 1);
		os_connect(a, &to);
		os_settle();
		if (os_accept(b, &c, NULL))
			abort();
		keep(c);
	} else {
		opt_set(b, IPPROTO_IP, IP_RECVTTL, 1);
		os_connect(a, &to);
	}
	os_sendto(a, "x", 1, 0, NULL);
	os_settle();
	n = os_recvmsg(c, &msg, MSG_DONTWAIT);
	printf("time %s %d: %s, flags %x, %zu bytes", name, v, res(n), msg.flags, msg.control_len);
	for (struct weft_cmsghdr *m = weft_cmsg_next(&msg, NULL); n >= 0 && m;
	     m = weft_cmsg_next(&msg, m)) {
		int64_t part = 0;

		if (m->len >= sizeof(*m) + 16)
			memcpy(&part, (char *)weft_cmsg_data(m) + 8, sizeof(part));
		printf(", %d %d %zu%s", m->level, m->type, m->len,
		       part >= (m->type == SO_TIMESTAMP ? 1000000 : 1000000000) ? " too much" : "");
	}
	printf("\n");
	case_end();
}

static void control_send(const char *name, int level, int type, int v, size_t len)
{
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *a = sock(0, AF_INET, SOCK_DGRAM), *b = sock(1, AF_INET, SOCK_DGRAM);
	char text[] = "x";
	struct {
		struct weft_cmsghdr h;
		int v[2];
	} ctl = {.h = {.len = len, .level = level, .type = type}, .v = {v, 0}};
	struct weft_iovec iov = {text, 1};
	struct weft_msghdr msg = {
		.name = &to, .iov = &iov, .n_iov = 1, .control = &ctl, .control_len = sizeof(ctl)};
	long n;

	os_bind(b, &to);
	n = os_sendmsg(a, &msg, 0);
	os_settle();
	printf("control send %s %d len %zu: %s, arrived %s\n", name, v, len, res(n),
	       res(rx(b, 8, 0)));
	case_end();
}

/* Groups: joins and leaves as the errno says, and who hears. */
static void groups(void)
{
	struct weft_sockaddr to = {.port = port_new()}, any = at(0, to.port), group;
	struct os_sock *a = sock(0, AF_INET, SOCK_DGRAM), *b = sock(1, AF_INET, SOCK_DGRAM);
	struct ip_mreq own = {.imr_multiaddr = {htonl(0xe8010203)},
			      .imr_interface = {htonl(0x0a000002)}};
	struct ip_mreq foreign = own, unicast = own, none = own;
	struct ip_mreq_source src = {.imr_multiaddr = own.imr_multiaddr,
				     .imr_interface = own.imr_interface,
				     .imr_sourceaddr = {htonl(0x0a000001)}};
	struct ip_mreqn out = {.imr_address = {htonl(0x0a000001)}};

	foreign.imr_interface.s_addr = htonl(0x0a000009);
	unicast.imr_multiaddr.s_addr = htonl(0x0a000003);
	none.imr_multiaddr.s_addr = htonl(0xe8010204);
	os_bind(b, &any);
	(void)weft_addr_parse("232.1.2.3", &to.addr);
	group = to;
	os_setsockopt(a, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out));
	os_sendto(a, "x", 1, 0, &group);
	os_settle();
	printf("group not joined: %s\n", res(rx(b, 8, 0)));
#define JOIN(opt, m) res(os_setsockopt(b, IPPROTO_IP, opt, &(m), sizeof(m)))
	printf("group join: foreign %s", JOIN(IP_ADD_MEMBERSHIP, foreign));
	printf(", unicast %s", JOIN(IP_ADD_MEMBERSHIP, unicast));
	printf(", own %s", JOIN(IP_ADD_MEMBERSHIP, own));
	printf(", again %s\n", JOIN(IP_ADD_MEMBERSHIP, own));
	os_settle();
	os_sendto(a, "x", 1, 0, &group);
	os_settle();
	printf("group joined: %s\n", res(rx(b, 8, 0)));
	printf("group sources: block %s", JOIN(IP_BLOCK_SOURCE, src));
	printf(", again %s", JOIN(IP_BLOCK_SOURCE, src));
	os_sendto(a, "x", 1, 0, &group);
	os_settle();
	printf(", blocked %s", res(rx(b, 8, 0)));
	printf(", add %s", JOIN(IP_ADD_SOURCE_MEMBERSHIP, src));
	printf(", unblock %s", JOIN(IP_UNBLOCK_SOURCE, src));
	printf(", again %s\n", JOIN(IP_UNBLOCK_SOURCE, src));
	printf("group leave: other %s", JOIN(IP_DROP_MEMBERSHIP, none));
	printf(", own %s", JOIN(IP_DROP_MEMBERSHIP, own));
	printf(", again %s\n", JOIN(IP_DROP_MEMBERSHIP, own));
	os_sendto(a, "x", 1, 0, &group);
	os_settle();
	printf("group left: %s\n", res(rx(b, 8, 0)));
	printf("group source only: %s", JOIN(IP_ADD_SOURCE_MEMBERSHIP, src));
	os_sendto(a, "x", 1, 0, &group);
	os_settle();
	printf(", %s", res(rx(b, 8, 0)));
	printf(", drop %s", JOIN(IP_DROP_SOURCE_MEMBERSHIP, src));
	printf(", again %s\n", JOIN(IP_DROP_SOURCE_MEMBERSHIP, src));
	printf("group short: %s\n", res(os_setsockopt(b, IPPROTO_IP, IP_ADD_MEMBERSHIP, &own, 4)));
	case_end();
	b = sock(1, AF_INET, SOCK_STREAM);
	printf("group of a stream: %s\n", JOIN(IP_ADD_MEMBERSHIP, own));
	case_end();
}

/* Sixty-four senders on four sockets: all arrive, no socket has none, and each sender stays. */
static void reuseport_dgram(void)
{
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *b[4], *a[64];
	int n_total = 0, n_idle = 0, n_moved = 0, first[4], second[4];

	for (size_t i = 0; i < N_OF(b); i++) {
		b[i] = sock(1, AF_INET, SOCK_DGRAM);
		opt_set(b[i], SOL_SOCKET, SO_REUSEPORT, 1);
		os_bind(b[i], &to);
	}
	for (size_t i = 0; i < N_OF(a); i++) {
		a[i] = sock(0, AF_INET, SOCK_DGRAM);
		os_sendto(a[i], "x", 1, 0, &to);
	}
	os_settle();
	for (size_t i = 0; i < N_OF(b); i++) {
		for (first[i] = 0; rx(b[i], 8, 0) == 1; first[i]++)
			n_total++;
		n_idle += first[i] == 0;
	}
	for (size_t i = 0; i < N_OF(a); i++)
		os_sendto(a[i], "x", 1, 0, &to);
	os_settle();
	for (size_t i = 0; i < N_OF(b); i++) {
		for (second[i] = 0; rx(b[i], 8, 0) == 1; second[i]++)
			;
		n_moved += first[i] != second[i];
	}
	printf("reuseport dgram: %d arrived, %d sockets idle, %d differ\n", n_total, n_idle,
	       n_moved);
	case_end();
}

static void reuseport_stream(void)
{
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *lst[4], *conn;
	int n_total = 0, n_idle = 0;

	for (size_t i = 0; i < N_OF(lst); i++) {
		lst[i] = sock(1, AF_INET, SOCK_STREAM);
		opt_set(lst[i], SOL_SOCKET, SO_REUSEPORT, 1);
		os_bind(lst[i], &to);
		os_listen(lst[i], 64);
		os_nonblock(lst[i], true);
	}
	for (int i = 0; i < 64; i++)
		os_connect(sock(0, AF_INET, SOCK_STREAM), &to);
	os_settle();
	for (size_t i = 0; i < N_OF(lst); i++) {
		int n = 0;

		for (; os_accept(lst[i], &conn, NULL) == 0; n++)
			keep(conn);
		n_total += n;
		n_idle += n == 0;
	}
	printf("reuseport stream: %d accepted, %d sockets idle\n", n_total, n_idle);
	case_end();
}

static void backlog(int n)
{
	struct weft_sockaddr to = at(2, port_new());
	struct os_sock *lst = sock(1, AF_INET, SOCK_STREAM), *conn;
	int n_there = 0;

	os_bind(lst, &to);
	os_listen(lst, n);
	os_nonblock(lst, true);
	for (int i = 0; i < 12; i++) {
		struct os_sock *c = sock(0, AF_INET, SOCK_STREAM);

		os_nonblock(c, true);
		os_connect(c, &to);
	}
	os_settle();
	while (os_accept(lst, &conn, NULL) == 0) {
		keep(conn);
		n_there++;
	}
	printf("backlog %d: %d of 12 wait\n", n, n_there);
	case_end();
}

/* An IPv6 socket and IPv4. */
static void mapped(int type, int v6only)
{
	uint16_t port = port_new();
	struct weft_sockaddr any = at6(0, port), to = at(2, port), to6 = at6(2, port);
	struct os_sock *b = sock(1, AF_INET6, type), *b4 = sock(1, AF_INET, type);
	struct os_sock *a = sock(0, AF_INET, type), *a6 = sock(0, AF_INET6, type);
	struct weft_sockaddr map = {.addr.family = AF_INET6, .port = port};
	int e1, e2;

	memcpy(map.addr.bytes + 10, (uint8_t[]){0xff, 0xff, 10, 0, 0, 2}, 6);
	opt_set(b, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
	e1 = os_bind(b, &any);
	any = at(0, port);
	e2 = os_bind(b4, &any);
	if (type == SOCK_STREAM)
		os_listen(b, 4);
	printf("mapped %d v6only %d: bind %s %s, late %s", type, v6only, res(e1), res(e2),
	       res(opt_set(b, IPPROTO_IPV6, IPV6_V6ONLY, 1)));
	drop(b4);
	printf(", IPv4 %s", res(os_connect(a, &to)));
	printf(", IPv6 %s", res(os_connect(a6, &to6)));
	drop(a6);
	a6 = sock(0, AF_INET6, type);
	printf(", mapped %s\n", res(os_connect(a6, &map)));
	case_end();
}

static void send_flags(void)
{
	static const uint32_t flags[] = {MSG_PEEK,    MSG_TRUNC,    MSG_EOR,     MSG_DONTROUTE,
					 MSG_CONFIRM, MSG_ERRQUEUE, MSG_WAITALL, 0x00800000};
	struct os_sock *a, *b;

	for (size_t i = 0; i < N_OF(flags); i++) {
		pair(&a, &b);
		printf("flag %x: send %s", flags[i], res(os_sendto(a, "ab", 2, flags[i], NULL)));
		os_settle();
		printf(", recv %s\n", res(rx(b, 1, flags[i])));
		case_end();
	}
}

void cases_misc(void)
{
	static const int reuses[] = {0, SO_REUSEADDR, SO_REUSEPORT};

	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
		for (int i = 0; i < 12; i++)
			bind_conflict(type, i & 1, i & 2, reuses[i / 4], false);
	for (int i = 0; i < 12; i++)
		bind_conflict(SOCK_STREAM, i & 1, i & 2, reuses[i / 4], true);
	bind_names();
	parts();
	lowat();
	urgent(false);
	urgent(true);
	for (int i = 0; i < 9; i++)
		halves(i / 3, i % 3);
	for (int i = 0; i < 4; i++)
		closing(i & 1, i & 2);
	lingering(false, false, false, 30);
	lingering(true, false, false, 1);
	lingering(false, true, false, 30);
	lingering(true, true, false, 30);
	lingering(true, false, true, 1);
	lingering(true, true, false, 0);
	for (size_t room = 0; room <= 64; room += 32) {
		control("none", IP_RECVOPTS, room);
		control("IP_PKTINFO", IP_PKTINFO, room);
		control("IP_RECVTTL", IP_RECVTTL, room);
		control("IP_RECVTOS", IP_RECVTOS, room);
	}
	control("IP_RECVTTL", IP_RECVTTL, 18);
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		const char *kind = type == SOCK_STREAM ? "stream" : "dgram";

		for (int v = 0; v < 2; v++) {
			printf("%s ", kind);
			control_time("SO_TIMESTAMP", type, SO_TIMESTAMP, v);
			printf("%s ", kind);
			control_time("SO_TIMESTAMPNS", type, SO_TIMESTAMPNS, v);
		}
		printf("%s ", kind);
		control_time("SO_TIMESTAMPING", type, SO_TIMESTAMPING,
			     SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
		printf("%s ", kind);
		control_time("SO_TIMESTAMPING", type, SO_TIMESTAMPING,
			     SOF_TIMESTAMPING_RX_HARDWARE);
	}
	for (int v = -1; v <= 256; v += 257 / 4)
		control_send("IP_TTL", IPPROTO_IP, IP_TTL, v, 20);
	control_send("IP_TOS", IPPROTO_IP, IP_TOS, 16, 20);
	control_send("IP_TOS", IPPROTO_IP, IP_TOS, 16, 17);
	control_send("IP_TOS", IPPROTO_IP, IP_TOS, 300, 20);
	control_send("unknown", IPPROTO_IP, 200, 0, 20);
	control_send("short", IPPROTO_IP, IP_TTL, 1, 18);
	control_send("cut", IPPROTO_IP, IP_TTL, 1, 200);
	control_send("too short", IPPROTO_IP, IP_TTL, 1, 8);
	control_send("other level", 77, 1, 1, 20);
	groups();
	reuseport_dgram();
	reuseport_stream();
	for (int i = -1; i < 6; i++)
		backlog(i);
	for (int i = 0; i < 4; i++)
		mapped(i / 2 ? SOCK_DGRAM : SOCK_STREAM, i % 2);
	send_flags();
}
