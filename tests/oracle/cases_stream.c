/* SPDX-License-Identifier: MIT */
/* Streams: every call in every state, without waiting and with. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "oracle.h"

struct st {
	struct os_sock *s;    /* the socket under test, on host 0 */
	struct os_sock *peer; /* what it is connected to, on host 1; NULL: nothing */
	struct os_sock *lst;  /* the listener that it connected to */
	uint16_t port;
};

static struct os_sock *listener(int host, uint16_t port)
{
	struct os_sock *s = sock(host, AF_INET, SOCK_STREAM);
	struct weft_sockaddr sa = at(host + 1, port);

	if (os_bind(s, &sa) || os_listen(s, 8))
		fprintf(stderr, "no listener at port %u\n", port);
	os_nonblock(s, true);
	return s;
}

/* States */

static void fresh(struct st *f)
{
	f->s = sock(0, AF_INET, SOCK_STREAM);
}

static void bound(struct st *f)
{
	struct weft_sockaddr sa = at(1, f->port);

	fresh(f);
	os_bind(f->s, &sa);
}

static void listening(struct st *f)
{
	f->s = listener(0, f->port);
	os_nonblock(f->s, false);
}

static void listening_one(struct st *f)
{
	struct os_sock *c = sock(1, AF_INET, SOCK_STREAM);
	struct weft_sockaddr sa = at(1, f->port);

	listening(f);
	os_connect(c, &sa);
	os_settle();
}

static void connecting(struct st *f)
{
	struct weft_sockaddr sa = at(77, f->port); /* nobody is there */

	fresh(f);
	os_nonblock(f->s, true);
	os_connect(f->s, &sa);
	os_nonblock(f->s, false);
}

static void connected(struct st *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	f->lst = listener(1, f->port);
	fresh(f);
	os_connect(f->s, &sa);
	os_settle();
	if (os_accept(f->lst, &f->peer, NULL) == 0)
		keep(f->peer);
}

static void has_data(struct st *f)
{
	connected(f);
	os_sendto(f->peer, "abcdef", 6, 0, NULL);
	os_settle();
}

static void has_urgent(struct st *f)
{
	connected(f);
	os_sendto(f->peer, "abc", 3, 0, NULL);
	os_sendto(f->peer, "!", 1, MSG_OOB, NULL);
	os_settle();
}

static void peer_finished(struct st *f)
{
	connected(f);
	os_shutdown(f->peer, SHUT_WR);
	os_settle();
}

static void data_and_end(struct st *f)
{
	has_data(f);
	os_shutdown(f->peer, SHUT_WR);
	os_settle();
}

static void shut_rd(struct st *f)
{
	connected(f);
	os_shutdown(f->s, SHUT_RD);
}

static void shut_wr(struct st *f)
{
	connected(f);
	os_shutdown(f->s, SHUT_WR);
	os_settle();
}

static void shut_both(struct st *f)
{
	connected(f);
	os_shutdown(f->s, SHUT_RDWR);
	os_settle();
}

static void over(struct st *f)
{
	peer_finished(f);
	os_shutdown(f->s, SHUT_WR);
	os_settle();
}

static void was_reset(struct st *f)
{
	struct linger now = {.l_onoff = 1};

	connected(f);
	os_setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	drop(f->peer);
	f->peer = NULL;
	os_settle();
}

static void reset_after_data(struct st *f)
{
	struct linger now = {.l_onoff = 1};

	has_data(f);
	os_setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	drop(f->peer);
	f->peer = NULL;
	os_settle();
}

static void refused(struct st *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	fresh(f);
	os_nonblock(f->s, true);
	os_connect(f->s, &sa);
	os_nonblock(f->s, false);
	os_settle();
}

static void full(struct st *f)
{
	static char buf[65536];

	connected(f);
	opt_set(f->s, SOL_SOCKET, SO_SNDBUF, 20000);
	while (os_sendto(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL) > 0)
		os_settle();
}

static const struct {
	const char *name;
	void (*enter)(struct st *f);
} states[] = {
	{"fresh", fresh},
	{"bound", bound},
	{"listening", listening},
	{"listening_one", listening_one},
	{"connecting", connecting},
	{"connected", connected},
	{"has_data", has_data},
	{"has_urgent", has_urgent},
	{"peer_finished", peer_finished},
	{"data_and_end", data_and_end},
	{"shut_rd", shut_rd},
	{"shut_wr", shut_wr},
	{"shut_both", shut_both},
	{"over", over},
	{"was_reset", was_reset},
	{"reset_after_data", reset_after_data},
	{"refused", refused},
	{"full", full},
};

/* Calls: the socket does not wait unless the call's name says so. */

static long call_none(struct st *f)
{
	(void)f;
	return 0;
}

static long call_bind(struct st *f)
{
	struct weft_sockaddr sa = at(1, port_new());

	return os_bind(f->s, &sa);
}

static long call_bind_foreign(struct st *f)
{
	struct weft_sockaddr sa = at(9, 0);

	return os_bind(f->s, &sa);
}

static long call_listen(struct st *f)
{
	return os_listen(f->s, 4);
}

static long call_accept(struct st *f)
{
	struct os_sock *conn;
	int err = os_accept(f->s, &conn, NULL);

	if (!err)
		keep(conn);
	return err;
}

static long call_connect(struct st *f)
{
	uint16_t port = port_new();
	struct weft_sockaddr sa = at(2, port);

	listener(1, port);
	return os_connect(f->s, &sa);
}

static long call_connect_twice(struct st *f)
{
	uint16_t port = port_new();
	struct weft_sockaddr sa = at(2, port);

	listener(1, port);
	os_connect(f->s, &sa);
	os_settle();
	return os_connect(f->s, &sa);
}

static long call_connect_unspec(struct st *f)
{
	struct weft_sockaddr sa = {.addr.family = AF_UNSPEC};

	return os_connect(f->s, &sa);
}

static long call_connect_port0(struct st *f)
{
	struct weft_sockaddr sa = at(2, 0);

	return os_connect(f->s, &sa);
}

static long call_connect_in6(struct st *f)
{
	struct weft_sockaddr sa = at6(2, 80);

	return os_connect(f->s, &sa);
}

static long call_send(struct st *f)
{
	return os_sendto(f->s, "xy", 2, MSG_DONTWAIT, NULL);
}

static long call_send_nothing(struct st *f)
{
	return os_sendto(f->s, "", 0, MSG_DONTWAIT, NULL);
}

static long call_send_more(struct st *f)
{
	return os_sendto(f->s, "xy", 2, MSG_DONTWAIT | MSG_MORE, NULL);
}

static long call_send_oob(struct st *f)
{
	return os_sendto(f->s, "xy", 2, MSG_DONTWAIT | MSG_OOB, NULL);
}

static long call_sendto(struct st *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	return os_sendto(f->s, "xy", 2, MSG_DONTWAIT, &sa);
}

static long call_recv(struct st *f)
{
	char buf[4];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
}

static long call_recv_twice(struct st *f)
{
	char buf[64];

	os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
}

static long call_recv_nothing(struct st *f)
{
	char c;

	return os_recvfrom(f->s, &c, 0, MSG_DONTWAIT, NULL);
}

static long call_recv_peek(struct st *f)
{
	char buf[4];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK, NULL);
}

static long call_recv_oob(struct st *f)
{
	char buf[4];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_OOB, NULL);
}

static long call_recv_trunc(struct st *f)
{
	char buf[4];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC, NULL);
}

static long call_recv_waitall(struct st *f)
{
	char buf[64];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_WAITALL, NULL);
}

static long call_recv_errqueue(struct st *f)
{
	char buf[4];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_ERRQUEUE, NULL);
}

static long call_shut_rd(struct st *f)
{
	return os_shutdown(f->s, SHUT_RD);
}

static long call_shut_wr(struct st *f)
{
	return os_shutdown(f->s, SHUT_WR);
}

static long call_shut_both(struct st *f)
{
	return os_shutdown(f->s, SHUT_RDWR);
}

static long call_shut_bad(struct st *f)
{
	return os_shutdown(f->s, 3);
}

static long call_getpeername(struct st *f)
{
	struct weft_sockaddr sa;
	int err = os_getpeername(f->s, &sa);

	return err ? err : sa.addr.bytes[3] * 10 + (sa.port == f->port);
}

static long call_getsockname(struct st *f)
{
	struct weft_sockaddr sa;
	int err = os_getsockname(f->s, &sa);

	return err ? err : sa.addr.bytes[3] * 10 + (sa.port != 0);
}

static long call_inq(struct st *f)
{
	int n = -1, err = os_ioctl(f->s, WEFT_SIOCINQ, &n);

	return err ? err : n;
}

static long call_atmark(struct st *f)
{
	int n = -1, err = os_ioctl(f->s, WEFT_SIOCATMARK, &n);

	return err ? err : n;
}

static long call_outq(struct st *f)
{
	int n = -1, err = os_ioctl(f->s, WEFT_SIOCOUTQ, &n);

	return err ? err : n > 0;
}

static long call_acceptconn(struct st *f)
{
	return opt_int(f->s, SOL_SOCKET, SO_ACCEPTCONN);
}

static long call_tcp_state(struct st *f)
{
	uint8_t info[104];
	size_t len = sizeof(info);
	int err = os_getsockopt(f->s, IPPROTO_TCP, TCP_INFO, info, &len);

	return err ? err : info[0];
}

static long call_maxseg(struct st *f)
{
	return opt_int(f->s, IPPROTO_TCP, TCP_MAXSEG) > 0;
}

static const struct {
	const char *name;
	long (*call)(struct st *f);
} calls[] = {
	{"none", call_none},
	{"bind", call_bind},
	{"bind_foreign", call_bind_foreign},
	{"listen", call_listen},
	{"accept", call_accept},
	{"connect", call_connect},
	{"connect_twice", call_connect_twice},
	{"connect_unspec", call_connect_unspec},
	{"connect_port0", call_connect_port0},
	{"connect_in6", call_connect_in6},
	{"send", call_send},
	{"send_nothing", call_send_nothing},
	{"send_more", call_send_more},
	{"send_oob", call_send_oob},
	{"sendto", call_sendto},
	{"recv", call_recv},
	{"recv_twice", call_recv_twice},
	{"recv_nothing", call_recv_nothing},
	{"recv_peek", call_recv_peek},
	{"recv_oob", call_recv_oob},
	{"recv_trunc", call_recv_trunc},
	{"recv_waitall", call_recv_waitall},
	{"recv_errqueue", call_recv_errqueue},
	{"shut_rd", call_shut_rd},
	{"shut_wr", call_shut_wr},
	{"shut_both", call_shut_both},
	{"shut_bad", call_shut_bad},
	{"getpeername", call_getpeername},
	{"getsockname", call_getsockname},
	{"inq", call_inq},
	{"atmark", call_atmark},
	{"outq", call_outq},
	{"acceptconn", call_acceptconn},
	{"tcp_state", call_tcp_state},
	{"maxseg", call_maxseg},
};

static void stream_call(size_t state, size_t call)
{
	struct st f = {.port = port_new()};
	uint32_t before;
	long n;

	states[state].enter(&f);
	os_nonblock(f.s, true);
	n = calls[call].call(&f);
	os_settle();
	before = os_poll(f.s, ALL_EVENTS, 0);
	printf("stream %s %s: %s, poll %s, SO_ERROR %s", states[state].name, calls[call].name,
	       res(n), events(before), so_error(f.s));
	printf(", poll %s", events(os_poll(f.s, ALL_EVENTS, 0)));
	if (f.peer)
		printf(", peer %s", events(os_poll(f.peer, ALL_EVENTS, 0)));
	printf("\n");
	case_end();
}

/* Calls that wait, with a time of 10 ms. */

static long wait_recv(struct st *f)
{
	char buf[64];

	return os_recvfrom(f->s, buf, sizeof(buf), 0, NULL);
}

static long wait_recv_all(struct st *f)
{
	char buf[64];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_WAITALL, NULL);
}

static long wait_recv_oob(struct st *f)
{
	char c;

	return os_recvfrom(f->s, &c, 1, MSG_OOB, NULL);
}

static long wait_send(struct st *f)
{
	return os_sendto(f->s, "x", 1, 0, NULL);
}

static const struct {
	const char *name;
	long (*call)(struct st *f);
} waits[] = {
	{"accept", call_accept}, {"connect", call_connect},   {"connect_twice", call_connect_twice},
	{"recv", wait_recv},     {"recv_all", wait_recv_all}, {"recv_oob", wait_recv_oob},
	{"send", wait_send},
};

static void stream_wait(size_t state, size_t call)
{
	struct st f = {.port = port_new()};
	struct {
		int64_t s, us;
	} tv = {0, 10000};
	long n;

	states[state].enter(&f);
	os_setsockopt(f.s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	os_setsockopt(f.s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	n = waits[call].call(&f);
	os_settle();
	printf("wait %s %s: %s, poll %s", states[state].name, waits[call].name, res(n),
	       events(os_poll(f.s, ALL_EVENTS, 0)));
	printf(", SO_ERROR %s\n", so_error(f.s));
	case_end();
}

/* Readiness as epoll has it: level, edge, and after a change. */
static void stream_epoll(size_t state)
{
	struct st f = {.port = port_new()};
	struct os_set *level, *edge, *once;
	uint32_t a, b;

	os_set_new(&level);
	os_set_new(&edge);
	os_set_new(&once);
	states[state].enter(&f);
	os_set_add(level, f.s, ALL_EVENTS);
	os_set_add(edge, f.s, ALL_EVENTS | WEFT_ET);
	os_set_add(once, f.s, WEFT_OUT | WEFT_ONESHOT);
	a = os_set_get(level);
	b = os_set_get(level);
	printf("epoll %s level: %s, %s\n", states[state].name, events(a), events(b));
	a = os_set_get(edge);
	b = os_set_get(edge);
	printf("epoll %s edge: %s, %s", states[state].name, events(a), events(b));
	os_shutdown(f.s, SHUT_WR);
	os_settle();
	printf(", after shutdown %s", events(os_set_get(edge)));
	if (f.peer)
		os_sendto(f.peer, "x", 1, MSG_DONTWAIT, NULL);
	os_settle();
	printf(", after data %s\n", events(os_set_get(edge)));
	a = os_set_get(once);
	b = os_set_get(once);
	os_set_mod(once, f.s, WEFT_IN | WEFT_ONESHOT);
	printf("epoll %s once: %s, %s, then %s", states[state].name, events(a), events(b),
	       events(os_set_get(once)));
	printf(", %s", res(os_set_add(once, f.s, WEFT_IN)));
	printf(", again %s", res(os_set_del(once, f.s)));
	printf(", gone %s\n", res(os_set_del(once, f.s)));
	os_set_free(level);
	os_set_free(edge);
	os_set_free(once);
	case_end();
}

void cases_stream(void)
{
	for (size_t i = 0; i < N_OF(states); i++)
		for (size_t k = 0; k < N_OF(calls); k++)
			stream_call(i, k);
	for (size_t i = 0; i < N_OF(states); i++)
		for (size_t k = 0; k < N_OF(waits); k++)
			stream_wait(i, k);
	for (size_t i = 0; i < N_OF(states); i++)
		stream_epoll(i);
}
