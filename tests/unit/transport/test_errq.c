/* SPDX-License-Identifier: MIT */
/*
 * What ICMP errors do to datagram sockets: SO_ERROR, the error queue, the path's MTU (ip(7), RFC
 * 1122 §4.1.3.3, RFC 1191, RFC 5927). The errors are made by a router between client and server:
 *
 *	client 10.0.0.1/24 ---- 10.0.0.9 router 10.0.1.9 ---- 10.0.1.2 host, MTU 1000
 */
#include "api/api_priv.h"
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "world.h"

enum {
	IP_LEVEL = WEFT_IPPROTO_IP,
	FAR_MTU = 1000,
};

struct net {
	struct world w;
	struct weft_stack *host;
	struct weft_netif *router_if, *host_if;
};

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));
	struct weft_addr router = world_addr("10.0.1.9"), host = world_addr("10.0.1.2");
	struct weft_addr gw = world_addr("10.0.0.2"), back = world_addr("10.0.1.9");
	struct weft_addr any = world_addr("0.0.0.0");
	struct weft_route to = {.type = WEFT_ROUTE_UNICAST, .dst = any, .via = gw};
	struct weft_route from = {.type = WEFT_ROUTE_UNICAST, .dst = any, .via = back};

	assert_non_null(n);
	world_start(&n->w);
	assert_int_equal(weft_stack_new(n->w.eng, "host", &n->host), 0);
	assert_int_equal(
		weft_veth_new(n->w.server, "eth1", n->host, "eth0", &n->router_if, &n->host_if), 0);
	assert_int_equal(weft_netif_set_mtu(n->router_if, FAR_MTU), 0);
	assert_int_equal(weft_addr_add(n->router_if, &router, 24), 0);
	assert_int_equal(weft_addr_add(n->host_if, &host, 24), 0);
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_route_add(n->w.client, &to), 0);
	assert_int_equal(weft_route_add(n->host, &from), 0);
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	weft_stack_free(n->host);
	world_end(&n->w);
	free(n);
	return 0;
}

struct message {
	struct weft_msghdr hdr;
	struct weft_iovec iov;
	struct weft_sockaddr peer;
	char bytes[2000];
	_Alignas(8) uint8_t control[256];
	struct weft_sock_extended_err ee;
	uint8_t offender[16];
};

static ptrdiff_t next_error(struct weft_sock *s, struct message *m)
{
	struct weft_cmsghdr *c;
	ptrdiff_t n;

	*m = (struct message){0};
	m->iov = (struct weft_iovec){m->bytes, sizeof(m->bytes)};
	m->hdr = (struct weft_msghdr){.name = &m->peer,
				      .iov = &m->iov,
				      .n_iov = 1,
				      .control = m->control,
				      .control_len = sizeof(m->control)};
	n = weft_recvmsg(s, &m->hdr, WEFT_MSG_ERRQUEUE);
	if (n < 0)
		return n;
	c = weft_cmsg_next(&m->hdr, NULL);
	assert_non_null(c);
	assert_int_equal(c->level, IP_LEVEL);
	assert_int_equal(c->type, WEFT_IP_RECVERR);
	assert_int_equal(c->len, sizeof(*c) + sizeof(m->ee) + sizeof(m->offender));
	memcpy(&m->ee, weft_cmsg_data(c), sizeof(m->ee));
	memcpy(m->offender, (uint8_t *)weft_cmsg_data(c) + sizeof(m->ee), sizeof(m->offender));
	assert_int_equal(m->hdr.flags & WEFT_MSG_ERRQUEUE, WEFT_MSG_ERRQUEUE);
	return n;
}

static void port_unreachable_alone_surfaces_without_the_queue(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	struct message m;
	char c;

	/* Not connected: nothing. */
	assert_int_equal(world_sendto(s, "x", 1, "10.0.1.2:9"), 1);
	world_settle(&n->w);
	assert_int_equal(world_error(s), 0);
	/* Connected: once. */
	assert_int_equal(world_connect(s, "10.0.1.2:9"), 0);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	world_settle(&n->w);
	assert_int_equal(weft_events(s) & WEFT_ERR, WEFT_ERR);
	assert_int_equal(weft_recv(s, &c, 1, 0), -ECONNREFUSED);
	assert_int_equal(weft_recv(s, &c, 1, 0), -EAGAIN);
	/* No route beyond the router: that may pass, so nothing is said. */
	assert_int_equal(world_connect(s, "192.0.2.1:9"), 0);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	world_settle(&n->w);
	assert_int_equal(world_error(s), 0);
	assert_int_equal(weft_events(s) & WEFT_ERR, 0);
	assert_int_equal(next_error(s, &m), -EAGAIN);
}

static void queue_tells_error_origin_offender_and_what_it_is_about(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_bound(n->w.client, "0.0.0.0:1000");
	struct message m;
	char c;

	world_setopt(s, IP_LEVEL, WEFT_IP_RECVERR, 1);
	assert_int_equal(world_sendto(s, "hello", 5, "10.0.1.2:9"), 5);
	assert_int_equal(world_sendto(s, "world!", 6, "192.0.2.1:7"), 6);
	world_settle(&n->w);
	assert_int_equal(weft_events(s) & WEFT_ERR, WEFT_ERR);
	/* Not connected, and told all the same: the last, once. */
	assert_int_equal(weft_recv(s, &c, 1, 0), -ECONNREFUSED);

	/* The router is nearer. */
	assert_int_equal(next_error(s, &m), 6);
	assert_memory_equal(m.bytes, "world!", 6);
	world_assert_at(&m.peer, "192.0.2.1:7");
	assert_int_equal(m.ee.err, ENETUNREACH);
	assert_int_equal(m.ee.origin, WEFT_SO_EE_ORIGIN_ICMP);
	assert_int_equal(m.ee.type, ICMP4_UNREACH);
	assert_int_equal(m.ee.code, ICMP4_UNREACH_NET);
	assert_memory_equal(m.offender, ((uint8_t[]){2, 0, 0, 0, 10, 0, 0, 2}), 8);
	/* SO_ERROR is the next one's. */
	assert_int_equal(world_error(s), ECONNREFUSED);
	assert_int_equal(next_error(s, &m), 5);
	assert_memory_equal(m.bytes, "hello", 5);
	world_assert_at(&m.peer, "10.0.1.2:9");
	assert_int_equal(m.ee.err, ECONNREFUSED);
	assert_int_equal(m.ee.code, ICMP4_UNREACH_PORT);
	assert_memory_equal(m.offender, ((uint8_t[]){2, 0, 0, 0, 10, 0, 1, 2}), 8);
	assert_int_equal(next_error(s, &m), -EAGAIN);
	assert_int_equal(weft_events(s) & WEFT_ERR, 0);
}

static void queue_is_bounded_and_goes_with_its_option(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_bound(n->w.client, "0.0.0.0:1000");
	struct message m;
	int count = 0;

	assert_int_equal(weft_stack_set(n->host, "net.ipv4.icmp_ratelimit", 0), 0);
	world_setopt(s, IP_LEVEL, WEFT_IP_RECVERR, 1);
	for (int i = 0; i < 200; i++) {
		(void)!world_sendto(s, "x", 1, "10.0.1.2:9");
		world_advance(&n->w, 10 * WORLD_MSEC);
	}
	while (next_error(s, &m) >= 0)
		count++;
	assert_int_equal(count, 64);
	(void)!world_sendto(s, "x", 1, "10.0.1.2:9");
	(void)!world_sendto(s, "x", 1, "10.0.1.2:9");
	world_settle(&n->w);
	world_setopt(s, IP_LEVEL, WEFT_IP_RECVERR, 0);
	assert_int_equal(next_error(s, &m), -EAGAIN);
	assert_int_equal(world_getopt(s, IP_LEVEL, WEFT_IP_RECVERR), 0);
	/* One that is left in the queue goes with the socket. */
	world_setopt(s, IP_LEVEL, WEFT_IP_RECVERR, 1);
	(void)world_error(s);
	(void)!world_sendto(s, "x", 1, "10.0.1.2:9");
	world_settle(&n->w);
	weft_close(s);
}

/*
 * Path MTU.
 */

static uint8_t data[3000];

static void path_mtu_is_learned_and_what_is_larger_goes_in_fragments(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	struct weft_sock *to = world_bound(n->host, "0.0.0.0:9"), *other;
	uint8_t buf[1300];

	assert_int_equal(world_connect(s, "10.0.1.2:9"), 0);
	assert_int_equal(world_getopt(s, IP_LEVEL, WEFT_IP_MTU_DISCOVER), WEFT_IP_PMTUDISC_WANT);
	assert_int_equal(world_getopt(s, IP_LEVEL, WEFT_IP_MTU), 1500);
	/* DF is set, so the first is lost. */
	assert_int_equal(weft_send(s, data, sizeof(buf), 0), sizeof(buf));
	world_settle(&n->w);
	assert_int_equal(weft_recv(to, buf, sizeof(buf), 0), -EAGAIN);
	assert_int_equal(world_error(s), EMSGSIZE);
	assert_int_equal(world_getopt(s, IP_LEVEL, WEFT_IP_MTU), FAR_MTU);
	assert_int_equal(weft_send(s, data, sizeof(buf), 0), sizeof(buf));
	world_settle(&n->w);
	assert_int_equal(weft_recv(to, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(weft_stack_counter(n->w.client, "IpFragCreates"), 2);
	assert_int_equal(weft_stack_counter(n->w.server, "IpFragCreates"), 0);
	/* All sockets know it, until it is too old. */
	other = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_connect(other, "10.0.1.2:9"), 0);
	assert_int_equal(world_getopt(other, IP_LEVEL, WEFT_IP_MTU), FAR_MTU);
	world_advance(&n->w, 601 * WORLD_SEC);
	assert_int_equal(world_getopt(other, IP_LEVEL, WEFT_IP_MTU), 1500);
}

static void socket_that_must_not_cut_is_told_the_mtu(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_bound(n->w.client, "0.0.0.0:1000");
	struct message m;

	world_setopt(s, IP_LEVEL, WEFT_IP_MTU_DISCOVER, WEFT_IP_PMTUDISC_DO);
	world_setopt(s, IP_LEVEL, WEFT_IP_RECVERR, 1);
	assert_int_equal(world_sendto(s, data, 1473, "10.0.1.2:9"), -EMSGSIZE);
	assert_int_equal(next_error(s, &m), 0);
	assert_int_equal(m.ee.err, EMSGSIZE);
	assert_int_equal(m.ee.origin, WEFT_SO_EE_ORIGIN_LOCAL);
	assert_int_equal(m.ee.info, 1500);
	world_assert_at(&m.peer, "10.0.1.2:9");
	assert_int_equal(world_sendto(s, data, 1472, "10.0.1.2:9"), 1472);
	world_settle(&n->w);
	assert_int_equal(next_error(s, &m), 520);
	assert_int_equal(m.ee.origin, WEFT_SO_EE_ORIGIN_ICMP);
	assert_int_equal(m.ee.info, FAR_MTU);
	assert_int_equal(world_sendto(s, data, 973, "10.0.1.2:9"), -EMSGSIZE);
	assert_int_equal(next_error(s, &m), 0);
	assert_int_equal(m.ee.info, FAR_MTU);
}

static void mode_of_discovery_decides_about_df_and_fragments(void **state)
{
	static const struct {
		int mode;
		ptrdiff_t large; /* what a send larger than the path returns once that is known */
		bool arrives;    /* it or, for PROBE, one that fits the path */
	} cases[] = {
		{WEFT_IP_PMTUDISC_DONT, 1300, true},      {WEFT_IP_PMTUDISC_WANT, 1300, true},
		{WEFT_IP_PMTUDISC_DO, -EMSGSIZE, false},  {WEFT_IP_PMTUDISC_PROBE, 1300, false},
		{WEFT_IP_PMTUDISC_INTERFACE, 1300, true}, {WEFT_IP_PMTUDISC_OMIT, 1300, true},
	};
	struct net *n = *state;
	struct weft_sock *to = world_bound(n->host, "0.0.0.0:9");
	struct weft_sock *first = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	int bad = 6;
	uint8_t buf[2000];

	assert_int_equal(world_sendto(first, data, 1300, "10.0.1.2:9"), 1300);
	world_settle(&n->w);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct weft_sock *s = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);

		world_setopt(s, IP_LEVEL, WEFT_IP_MTU_DISCOVER, cases[i].mode);
		assert_int_equal(world_sendto(s, data, 1300, "10.0.1.2:9"), cases[i].large);
		world_settle(&n->w);
		assert_int_equal(weft_recv(to, buf, sizeof(buf), 0),
				 cases[i].arrives ? 1300 : -EAGAIN);
		if (cases[i].mode == WEFT_IP_PMTUDISC_PROBE ||
		    cases[i].mode == WEFT_IP_PMTUDISC_INTERFACE)
			assert_int_equal(world_sendto(s, data, 1473, "10.0.1.2:9"), -EMSGSIZE);
		weft_close(s);
	}
	assert_int_equal(weft_setsockopt(first, IP_LEVEL, WEFT_IP_MTU_DISCOVER, &bad, sizeof(bad)),
			 -EINVAL);
}

static void mtu_of_what_is_not_connected_is_not_known(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	size_t len = sizeof(int);
	int v;

	assert_int_equal(weft_getsockopt(s, IP_LEVEL, WEFT_IP_MTU, &v, &len), -ENOTCONN);
}

/* RFC 5927: an error about no socket, or about what was small enough, teaches nothing. */
static void lies_about_the_mtu_are_not_believed(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_bound(n->w.client, "10.0.0.1:1000");
	struct icmp_err err = {.is_hard = false, .err = EMSGSIZE, .mtu = 600, .quoted = 1500};
	struct stack *st = stack_of(n->w.client);
	uint8_t quote[8] = {0x03, 0xe8, 0, 9, 0, 8, 0, 0};
	struct ip4_addr src = IP4_ADDR(10, 0, 0, 1), dst = IP4_ADDR(10, 0, 1, 2);

	err.src = ip_addr_from_ip4(&src);
	err.dst = ip_addr_from_ip4(&dst);
	quote[0] = 4; /* another port */
	st->ip_protos[IP_PROTO_UDP]->error(st, &err, quote, sizeof(quote));
	assert_int_equal(st->ip4->pmtu.n_entries, 0);
	quote[0] = 3;
	err.quoted = 500;
	st->ip_protos[IP_PROTO_UDP]->error(st, &err, quote, sizeof(quote));
	assert_int_equal(st->ip4->pmtu.n_entries, 0);
	world_setopt(s, IP_LEVEL, WEFT_IP_MTU_DISCOVER, WEFT_IP_PMTUDISC_DONT);
	err.quoted = 1500;
	st->ip_protos[IP_PROTO_UDP]->error(st, &err, quote, sizeof(quote));
	assert_int_equal(st->ip4->pmtu.n_entries, 0);
	world_setopt(s, IP_LEVEL, WEFT_IP_MTU_DISCOVER, WEFT_IP_PMTUDISC_WANT);
	st->ip_protos[IP_PROTO_UDP]->error(st, &err, quote, sizeof(quote));
	assert_int_equal(st->ip4->pmtu.n_entries, 1);
}

/* Below min_pmtu nobody gets us: then without DF. */
static void mtu_below_the_floor_means_the_floor_without_df(void **state)
{
	struct net *n = *state;
	struct weft_sock *s = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	struct weft_sock *to = world_bound(n->host, "0.0.0.0:9");
	uint8_t buf[540];

	assert_int_equal(weft_netif_set_mtu(n->router_if, 300), 0);
	assert_int_equal(world_connect(s, "10.0.1.2:9"), 0);
	assert_int_equal(weft_send(s, data, 500, 0), 500);
	world_settle(&n->w);
	(void)world_error(s);
	assert_int_equal(world_getopt(s, IP_LEVEL, WEFT_IP_MTU), 552);
	assert_int_equal(weft_send(s, data, 500, 0), 500);
	world_settle(&n->w);
	assert_int_equal(weft_recv(to, buf, sizeof(buf), 0), 500);
	assert_int_equal(weft_stack_counter(n->w.server, "IpFragCreates"), 2);
}

static void stream_learns_for_the_next_one_too(void **state)
{
	struct net *n = *state;
	struct weft_sock *lst = world_bound_stream(n->host, "0.0.0.0:80");
	struct weft_sock *a = world_socket(n->w.client, WEFT_SOCK_STREAM, 0), *b, *conn;
	struct weft_tcp_info info;
	size_t len = sizeof(info);

	assert_int_equal(weft_listen(lst, 5), 0);
	assert_int_equal(world_connect(a, "10.0.1.2:80"), -EINPROGRESS);
	world_settle(&n->w);
	assert_int_equal(weft_send(a, data, sizeof(data), 0), sizeof(data));
	world_advance(&n->w, WORLD_SEC);
	assert_int_equal(weft_getsockopt(a, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len), 0);
	assert_int_equal(info.pmtu, FAR_MTU);
	b = world_socket(n->w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(b, "10.0.1.2:80"), -EINPROGRESS);
	world_settle(&n->w);
	len = sizeof(info);
	assert_int_equal(weft_getsockopt(b, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len), 0);
	assert_int_equal(info.pmtu, FAR_MTU);
	while (weft_accept(lst, &conn, NULL) == 0)
		weft_abort(conn);
	weft_abort(a);
	weft_abort(b);
	world_settle(&n->w);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(port_unreachable_alone_surfaces_without_the_queue),
		T(queue_tells_error_origin_offender_and_what_it_is_about),
		T(queue_is_bounded_and_goes_with_its_option),
		T(path_mtu_is_learned_and_what_is_larger_goes_in_fragments),
		T(socket_that_must_not_cut_is_told_the_mtu),
		T(mode_of_discovery_decides_about_df_and_fragments),
		T(mtu_of_what_is_not_connected_is_not_known),
		T(lies_about_the_mtu_are_not_believed),
		T(mtu_below_the_floor_means_the_floor_without_df),
		T(stream_learns_for_the_next_one_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
