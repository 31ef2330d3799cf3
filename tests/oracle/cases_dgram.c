/* SPDX-License-Identifier: MIT */
/* Datagram sockets: every call in every state. */
#include <netinet/in.h>

#include "oracle.h"

struct dg {
	struct os_sock *s;    /* the socket under test, on host 0 */
	struct os_sock *peer; /* on host 1, at `port` */
	uint16_t port;
};

static void fresh(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	f->s = sock(0, AF_INET, SOCK_DGRAM);
	f->peer = sock(1, AF_INET, SOCK_DGRAM);
	os_bind(f->peer, &sa);
}

static void bound(struct dg *f)
{
	struct weft_sockaddr sa = at(1, f->port);

	fresh(f);
	os_bind(f->s, &sa);
}

static void connected(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	bound(f);
	os_connect(f->s, &sa);
}

static void has_data(struct dg *f)
{
	struct weft_sockaddr sa = at(1, f->port);

	bound(f);
	os_sendto(f->peer, "abcdef", 6, 0, &sa);
	os_sendto(f->peer, "", 0, 0, &sa);
	os_settle();
}

static void connected_has_data(struct dg *f)
{
	struct weft_sockaddr sa = at(1, f->port);

	connected(f);
	os_sendto(f->peer, "abcdef", 6, 0, &sa);
	os_settle();
}

static void has_error(struct dg *f)
{
	connected(f);
	drop(f->peer);
	f->peer = NULL;
	os_sendto(f->s, "x", 1, 0, NULL);
	os_settle();
}

static void has_queued_error(struct dg *f)
{
	connected(f);
	opt_set(f->s, IPPROTO_IP, IP_RECVERR, 1);
	drop(f->peer);
	f->peer = NULL;
	os_sendto(f->s, "x", 1, 0, NULL);
	os_settle();
}

static void shut_rd(struct dg *f)
{
	connected(f);
	os_shutdown(f->s, SHUT_RD);
}

static void shut_wr(struct dg *f)
{
	connected(f);
	os_shutdown(f->s, SHUT_WR);
}

static const struct {
	const char *name;
	void (*enter)(struct dg *f);
} states[] = {
	{"fresh", fresh},
	{"bound", bound},
	{"connected", connected},
	{"has_data", has_data},
	{"connected_has_data", connected_has_data},
	{"has_error", has_error},
	{"has_queued_error", has_queued_error},
	{"shut_rd", shut_rd},
	{"shut_wr", shut_wr},
};

static char big[70000];

static long call_none(struct dg *f)
{
	(void)f;
	return 0;
}

static long call_bind(struct dg *f)
{
	struct weft_sockaddr sa = at(1, port_new());

	return os_bind(f->s, &sa);
}

static long call_listen(struct dg *f)
{
	return os_listen(f->s, 1);
}

static long call_accept(struct dg *f)
{
	struct os_sock *conn;

	return os_accept(f->s, &conn, NULL);
}

static long call_connect(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	return os_connect(f->s, &sa);
}

static long call_connect_unspec(struct dg *f)
{
	struct weft_sockaddr sa = {.addr.family = AF_UNSPEC};

	return os_connect(f->s, &sa);
}

static long call_connect_broadcast(struct dg *f)
{
	struct weft_sockaddr sa = at(255, 9);

	return os_connect(f->s, &sa);
}

static long call_send(struct dg *f)
{
	return os_sendto(f->s, "xy", 2, 0, NULL);
}

static long call_send_nothing(struct dg *f)
{
	return os_sendto(f->s, "", 0, 0, NULL);
}

static long call_sendto(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	return os_sendto(f->s, "xy", 2, 0, &sa);
}

static long call_sendto_port0(struct dg *f)
{
	struct weft_sockaddr sa = at(2, 0);

	return os_sendto(f->s, "xy", 2, 0, &sa);
}

static long call_sendto_in6(struct dg *f)
{
	struct weft_sockaddr sa = at6(2, f->port);

	return os_sendto(f->s, "xy", 2, 0, &sa);
}

static long call_sendto_broadcast(struct dg *f)
{
	struct weft_sockaddr sa = at(255, f->port);

	return os_sendto(f->s, "xy", 2, 0, &sa);
}

static long call_sendto_nowhere(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	sa.addr.bytes[0] = 192; /* no route */
	return os_sendto(f->s, "xy", 2, 0, &sa);
}

static long call_send_largest(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	return os_sendto(f->s, big, 65507, 0, &sa);
}

static long call_send_too_large(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	return os_sendto(f->s, big, 65508, 0, &sa);
}

static long call_send_oob(struct dg *f)
{
	struct weft_sockaddr sa = at(2, f->port);

	return os_sendto(f->s, "xy", 2, MSG_OOB, &sa);
}

static long call_recv(struct dg *f)
{
	char buf[16];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
}

static long call_recv_twice(struct dg *f)
{
	char buf[16];

	os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
}

static long call_recv_short(struct dg *f)
{
	char buf[2];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, NULL);
}

static long call_recv_trunc(struct dg *f)
{
	char buf[2];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC, NULL);
}

static long call_recv_peek(struct dg *f)
{
	char buf[16];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK, NULL);
}

static long call_recv_oob(struct dg *f)
{
	char buf[16];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT | MSG_OOB, NULL);
}

static long call_recv_errqueue(struct dg *f)
{
	char buf[16];

	return os_recvfrom(f->s, buf, sizeof(buf), MSG_ERRQUEUE, NULL);
}

static long call_recv_from(struct dg *f)
{
	struct weft_sockaddr from = {.port = 0};
	char buf[16];
	long n = os_recvfrom(f->s, buf, sizeof(buf), MSG_DONTWAIT, &from);

	return n < 0 ? n : n * 1000 + from.addr.bytes[3] * 10 + (from.port == f->port);
}

static long call_shut_rd(struct dg *f)
{
	return os_shutdown(f->s, SHUT_RD);
}

static long call_shut_wr(struct dg *f)
{
	return os_shutdown(f->s, SHUT_WR);
}

static long call_shut_both(struct dg *f)
{
	return os_shutdown(f->s, SHUT_RDWR);
}

static long call_getpeername(struct dg *f)
{
	struct weft_sockaddr sa;
	int err = os_getpeername(f->s, &sa);

	return err ? err : sa.addr.bytes[3] * 10 + (sa.port == f->port);
}

static long call_getsockname(struct dg *f)
{
	struct weft_sockaddr sa;
	int err = os_getsockname(f->s, &sa);

	return err ? err : sa.addr.bytes[3] * 10 + (sa.port != 0);
}

static long call_inq(struct dg *f)
{
	int n = -1, err = os_ioctl(f->s, WEFT_SIOCINQ, &n);

	return err ? err : n;
}

static long call_outq(struct dg *f)
{
	int n = -1, err = os_ioctl(f->s, WEFT_SIOCOUTQ, &n);

	return err ? err : n;
}

static const struct {
	const char *name;
	long (*call)(struct dg *f);
} calls[] = {
	{"none", call_none},
	{"bind", call_bind},
	{"listen", call_listen},
	{"accept", call_accept},
	{"connect", call_connect},
	{"connect_unspec", call_connect_unspec},
	{"connect_broadcast", call_connect_broadcast},
	{"send", call_send},
	{"send_nothing", call_send_nothing},
	{"sendto", call_sendto},
	{"sendto_port0", call_sendto_port0},
	{"sendto_in6", call_sendto_in6},
	{"sendto_broadcast", call_sendto_broadcast},
	{"sendto_nowhere", call_sendto_nowhere},
	{"send_largest", call_send_largest},
	{"send_too_large", call_send_too_large},
	{"send_oob", call_send_oob},
	{"recv", call_recv},
	{"recv_twice", call_recv_twice},
	{"recv_short", call_recv_short},
	{"recv_trunc", call_recv_trunc},
	{"recv_peek", call_recv_peek},
	{"recv_oob", call_recv_oob},
	{"recv_errqueue", call_recv_errqueue},
	{"recv_from", call_recv_from},
	{"shut_rd", call_shut_rd},
	{"shut_wr", call_shut_wr},
	{"shut_both", call_shut_both},
	{"getpeername", call_getpeername},
	{"getsockname", call_getsockname},
	{"inq", call_inq},
	{"outq", call_outq},
};

static void dgram_call(size_t state, size_t call)
{
	struct dg f = {.port = port_new()};
	uint32_t before;
	long n;

	states[state].enter(&f);
	n = calls[call].call(&f);
	os_settle();
	before = os_poll(f.s, ALL_EVENTS, 0);
	printf("dgram %s %s: %s, poll %s, SO_ERROR %s", states[state].name, calls[call].name,
	       res(n), events(before), so_error(f.s));
	printf(", poll %s", events(os_poll(f.s, ALL_EVENTS, 0)));
	if (f.peer)
		printf(", peer %s", events(os_poll(f.peer, ALL_EVENTS, 0)));
	printf("\n");
	case_end();
}

static void dgram_epoll(size_t state)
{
	struct dg f = {.port = port_new()};
	struct weft_sockaddr sa = at(1, f.port);
	struct os_set *edge;
	uint32_t a, b;

	os_set_new(&edge);
	states[state].enter(&f);
	os_set_add(edge, f.s, ALL_EVENTS | WEFT_ET);
	a = os_set_get(edge);
	b = os_set_get(edge);
	printf("epoll dgram %s: %s, %s", states[state].name, events(a), events(b));
	if (f.peer)
		os_sendto(f.peer, "x", 1, MSG_DONTWAIT, &sa);
	os_settle();
	printf(", after data %s", events(os_set_get(edge)));
	os_shutdown(f.s, SHUT_RD);
	printf(", after shutdown %s\n", events(os_set_get(edge)));
	os_set_free(edge);
	case_end();
}

void cases_dgram(void)
{
	for (size_t i = 0; i < N_OF(states); i++)
		for (size_t k = 0; k < N_OF(calls); k++)
			dgram_call(i, k);
	for (size_t i = 0; i < N_OF(states); i++)
		dgram_epoll(i);
}
