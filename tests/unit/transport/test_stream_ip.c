/* SPDX-License-Identifier: MIT */
/*
 * What levels IP and IPv6 mean to a stream: the error queue (ip(7), ipv6(7)), the path's MTU, also
 * options and source routes (RFC 1122 §4.2.3.8), extension headers (RFC 3542). Over a router:
 *
 *	client 10.0.0.1/24 ---- 10.0.0.2 router 10.0.1.9 ---- 10.0.1.2 host, MTU 1300
 */
#include "world.h"

enum {
	FAR_MTU = 1300,
};

struct net {
	struct world w;
	struct weft_stack *host;
	struct weft_netif *router_if, *host_if;
	struct weft_sock *lst, *a, *b; /* the listener at the host, a connection's two ends */
};

static int level(void)
{
	return world_is_ip6 ? WEFT_IPPROTO_IPV6 : WEFT_IPPROTO_IP;
}

static int opt(int ip4, int ip6)
{
	return world_is_ip6 ? ip6 : ip4;
}

static void default_route(struct weft_stack *st, const char *via)
{
	struct weft_route route = {
		.type = WEFT_ROUTE_UNICAST, .dst = world_addr("0.0.0.0"), .via = world_addr(via)};

	assert_int_equal(weft_route_add(st, &route), 0);
}

static void net_start(struct net *n)
{
	struct weft_addr router = world_addr("10.0.1.9"), host = world_addr("10.0.1.2");
	int len = world_is_ip6 ? 64 : 24;

	*n = (struct net){.a = NULL};
	world_start(&n->w);
	assert_int_equal(weft_stack_new(n->w.eng, "host", &n->host), 0);
	world_quiet(n->host);
	assert_int_equal(
		weft_veth_new(n->w.server, "eth1", n->host, "eth0", &n->router_if, &n->host_if), 0);
	assert_int_equal(weft_netif_set_mtu(n->router_if, FAR_MTU), 0);
	assert_int_equal(weft_addr_add(n->router_if, &router, (uint8_t)len), 0);
	assert_int_equal(weft_addr_add(n->host_if, &host, (uint8_t)len), 0);
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv6.conf.all.forwarding", 1), 0);
	default_route(n->w.client, "10.0.0.2");
	default_route(n->host, "10.0.1.9");
	n->lst = world_bound_stream(n->host, "0.0.0.0:80");
	assert_int_equal(weft_listen(n->lst, 5), 0);
	n->a = world_socket(n->w.client, WEFT_SOCK_STREAM, 0);
}

static void net_connect(struct net *n)
{
	assert_int_equal(world_connect(n->a, "10.0.1.2:80"), -EINPROGRESS);
	world_settle(&n->w);
	assert_int_equal(world_error(n->a), 0);
	assert_int_equal(weft_accept(n->lst, &n->b, NULL), 0);
}

static void net_end(struct net *n)
{
	weft_abort(n->a);
	weft_abort(n->b);
	weft_close(n->lst);
	world_settle(&n->w);
	weft_stack_free(n->host);
	world_end(&n->w);
}

struct message {
	struct weft_msghdr hdr;
	struct weft_iovec iov;
	struct weft_sockaddr peer;
	uint8_t bytes[200];
	_Alignas(8) uint8_t control[256];
	struct weft_sock_extended_err ee;
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
	assert_int_equal(c->level, level());
	assert_int_equal(c->type, opt(WEFT_IP_RECVERR, WEFT_IPV6_RECVERR));
	memcpy(&m->ee, weft_cmsg_data(c), sizeof(m->ee));
	return n;
}

/* Bytes go both ways. */
static void assert_carries(struct net *n)
{
	static uint8_t out[5000], in[sizeof(out)];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	assert_int_equal(weft_send(n->a, out, sizeof(out), 0), sizeof(out));
	assert_int_equal(weft_send(n->b, "back", 4, 0), 4);
	world_advance(&n->w, 2 * WORLD_SEC);
	assert_int_equal(weft_recv(n->b, in, sizeof(in), 0), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(weft_recv(n->a, in, sizeof(in), 0), 4);
}

static void opening_stream_has_the_error_and_its_syn_in_the_queue(void **state UNUSED)
{
	struct net n;
	struct message m;

	net_start(&n);
	world_setopt(n.a, level(), opt(WEFT_IP_RECVERR, WEFT_IPV6_RECVERR), 1);
	/* Behind the router there is no such network. */
	assert_int_equal(world_connect(n.a, "10.0.7.7:99"), -EINPROGRESS);
	world_settle(&n.w);
	assert_int_equal(weft_events(n.a) & WEFT_ERR, WEFT_ERR);
	assert_int_equal(world_error(n.a), ENETUNREACH);
	assert_true(next_error(n.a, &m) >= 8);
	assert_int_equal(m.ee.err, ENETUNREACH);
	assert_int_equal(m.ee.origin, opt(WEFT_SO_EE_ORIGIN_ICMP, WEFT_SO_EE_ORIGIN_ICMP6));
	world_assert_at(&m.peer, "10.0.7.7:99");
	assert_int_equal(m.bytes[2] << 8 | m.bytes[3], 99); /* from TCP's header on */
	assert_int_equal(next_error(n.a, &m), -EAGAIN);
	assert_int_equal(weft_events(n.a) & WEFT_ERR, 0);
	net_end(&n);
}

static void without_the_option_nothing_is_queued(void **state UNUSED)
{
	struct net n;
	struct message m;

	net_start(&n);
	assert_int_equal(next_error(n.a, &m), -EAGAIN);
	assert_int_equal(world_connect(n.a, "10.0.7.7:99"), -EINPROGRESS);
	world_settle(&n.w);
	assert_int_equal(world_error(n.a), ENETUNREACH);
	assert_int_equal(next_error(n.a, &m), -EAGAIN);
	net_end(&n);
}

static void queue_goes_with_the_option_and_with_the_socket(void **state UNUSED)
{
	int name = opt(WEFT_IP_RECVERR, WEFT_IPV6_RECVERR);
	struct net n;
	struct message m;

	net_start(&n);
	world_setopt(n.a, level(), name, 1);
	assert_int_equal(world_getopt(n.a, level(), name), 1);
	assert_int_equal(world_connect(n.a, "10.0.7.7:99"), -EINPROGRESS);
	world_settle(&n.w);
	world_setopt(n.a, level(), name, 0);
	assert_int_equal(next_error(n.a, &m), -EAGAIN);
	/* One that nobody reads. */
	(void)world_error(n.a);
	world_setopt(n.a, level(), name, 1);
	assert_int_equal(world_connect(n.a, "10.0.7.7:99"), -ECONNABORTED);
	assert_int_equal(world_connect(n.a, "10.0.7.7:99"), -EINPROGRESS);
	world_settle(&n.w);
	net_end(&n);
}

/* The way breaks behind the router, and comes back. */
static void established_stream_is_told_once_and_goes_on(void **state UNUSED)
{
	struct net n;
	struct message m;
	char c;

	for (int wants = 0; wants < 2; wants++) {
		net_start(&n);
		net_connect(&n);
		world_setopt(n.a, level(), opt(WEFT_IP_RECVERR, WEFT_IPV6_RECVERR), wants);
		weft_netif_set_up(n.router_if, false);
		assert_int_equal(weft_send(n.a, "x", 1, 0), 1);
		world_settle(&n.w);
		assert_int_equal(weft_recv(n.a, &c, 1, 0), wants ? -ENETUNREACH : -EAGAIN);
		assert_int_equal(weft_recv(n.a, &c, 1, 0), -EAGAIN);
		assert_int_equal(next_error(n.a, &m), -EAGAIN);
		weft_netif_set_up(n.router_if, true);
		world_advance(&n.w, 10 * WORLD_SEC);
		assert_int_equal(weft_recv(n.b, &c, 1, 0), 1);
		net_end(&n);
	}
}

static void mtu_of_a_stream_is_its_paths(void **state UNUSED)
{
	int name = opt(WEFT_IP_MTU, WEFT_IPV6_MTU);
	struct net n;
	size_t len = sizeof(int);
	int v;

	net_start(&n);
	assert_int_equal(weft_getsockopt(n.a, level(), name, &v, &len), -ENOTCONN);
	assert_int_equal(weft_getsockopt(n.lst, level(), name, &v, &len), -ENOTCONN);
	net_connect(&n);
	assert_int_equal(world_getopt(n.a, level(), name), 1500);
	assert_carries(&n);
	assert_int_equal(world_getopt(n.a, level(), name), FAR_MTU);
	net_end(&n);
}

static void stream_that_looks_for_no_mtu_lets_routers_cut(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	world_setopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_MTU_DISCOVER, WEFT_IP_PMTUDISC_DONT);
	net_connect(&n);
	assert_carries(&n);
	assert_int_equal(world_getopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_MTU), 1500);
	assert_true(weft_stack_counter(n.w.server, "IpFragCreates") > 0);
	net_end(&n);
}

/*
 * IPv4's options.
 */

static size_t options_of(struct weft_sock *s, uint8_t ret[40])
{
	size_t len = 40;

	assert_int_equal(weft_getsockopt(s, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, ret, &len), 0);
	return len;
}

static void syn_with_a_record_route_is_answered_with_it(void **state UNUSED)
{
	static const uint8_t rr[16] = {7, 15, 4};
	/* The host as the answer has it: what came, and itself. */
	static const uint8_t answer[16] = {7, 15, 16, 10, 0, 0, 1, 10, 0, 1, 9, 10, 0, 1, 2};
	struct net n;
	uint8_t got[40];

	net_start(&n);
	assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, rr, sizeof(rr)), 0);
	net_connect(&n);
	assert_int_equal(options_of(n.b, got), sizeof(answer));
	assert_memory_equal(got, answer, sizeof(answer));
	/* A listener's own are not its connections'. */
	assert_int_equal(options_of(n.a, got), sizeof(rr));
	assert_memory_equal(got, rr, sizeof(rr));
	assert_carries(&n);
	net_end(&n);
}

static void options_take_from_the_segment(void **state UNUSED)
{
	static const uint8_t rr[40] = {7, 39, 4};
	struct net n;
	int before;

	net_start(&n);
	net_connect(&n);
	before = world_getopt(n.a, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG);
	assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, rr, sizeof(rr)), 0);
	assert_int_equal(world_getopt(n.a, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG), before - 40);
	assert_carries(&n);
	assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, NULL, 0), 0);
	assert_carries(&n);
	net_end(&n);
}

static void accept_routes(struct net *n, int v)
{
	const char *name = "net.ipv4.conf.all.accept_source_route";

	assert_int_equal(weft_stack_set(n->w.client, name, v), 0);
	assert_int_equal(weft_stack_set(n->w.server, name, v), 0);
	assert_int_equal(weft_stack_set(n->host, name, v), 0);
}

static void source_route_is_sent_if_it_may_be_and_answered_the_other_way_round(void **state UNUSED)
{
	static const uint8_t types[] = {131, 137};
	struct net n;
	uint8_t got[40];

	for (size_t i = 0; i < sizeof(types); i++) {
		const uint8_t route[8] = {types[i], 7, 4, 10, 0, 0, 2};
		const uint8_t back[8] = {types[i], 7, 4, 10, 0, 1, 9};

		net_start(&n);
		assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, route, 8),
				 -EOPNOTSUPP);
		accept_routes(&n, 1);
		assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, route, 8),
				 0);
		assert_int_equal(options_of(n.a, got), 8);
		assert_memory_equal(got, route, 8);
		net_connect(&n);
		assert_int_equal(options_of(n.b, got), 8);
		assert_memory_equal(got, back, 8);
		assert_carries(&n);
		net_end(&n);
	}
}

static void strict_source_route_goes_to_neighbours_only(void **state UNUSED)
{
	const uint8_t route[8] = {137, 7, 4, 10, 0, 1, 9};
	struct weft_sock *s;
	struct net n;

	net_start(&n);
	accept_routes(&n, 1);
	s = world_socket(n.w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, route, 8), 0);
	assert_int_equal(world_sendto(s, "x", 1, "10.0.1.2:9"), -EHOSTUNREACH);
	net_end(&n);
}

static void source_route_that_is_none_is_refused(void **state UNUSED)
{
	static const uint8_t bad[][12] = {
		{131, 3, 4},                        /* names nobody */
		{131, 7, 8, 10, 0, 0, 2},           /* somebody has been visited */
		{131, 8, 4, 10, 0, 0, 2, 1},        /* half an address */
		{131, 4, 4, 1, 131, 7, 4, 1, 1, 1}, /* two of them */
	};
	struct net n;

	net_start(&n);
	accept_routes(&n, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, bad[i],
						 sizeof(bad[i])),
				 -EINVAL);
	net_end(&n);
}

/* With cookies nothing is kept of the SYN: the connection has the options of the last ACK. */
static void syn_cookie_keeps_the_options_of_the_ack(void **state UNUSED)
{
	static const uint8_t rr[8] = {7, 7, 4};
	struct net n;
	uint8_t got[40];

	net_start(&n);
	assert_int_equal(weft_stack_set(n.host, "net.ipv4.tcp_syncookies", 2), 0);
	assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IP, WEFT_IP_OPTIONS, rr, sizeof(rr)), 0);
	net_connect(&n);
	assert_int_equal(options_of(n.b, got), sizeof(rr));
	assert_carries(&n);
	net_end(&n);
}

/*
 * IPv6's extension headers.
 */

static void segments_have_the_extension_headers_of_their_socket(void **state UNUSED)
{
	static const uint8_t opts[16] = {0, 1, 0x1e, 12};
	struct net n;
	uint8_t got[40];
	size_t len = sizeof(got);
	int before;

	world_is_ip6 = true;
	net_start(&n);
	assert_int_equal(weft_setsockopt(n.lst, WEFT_IPPROTO_IPV6, WEFT_IPV6_DSTOPTS, opts, 16), 0);
	net_connect(&n);
	/* A listener's are its connections'. */
	assert_int_equal(weft_getsockopt(n.b, WEFT_IPPROTO_IPV6, WEFT_IPV6_DSTOPTS, got, &len), 0);
	assert_int_equal(len, 16);
	assert_memory_equal(got, opts, 16);
	before = world_getopt(n.a, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG);
	assert_int_equal(world_getopt(n.b, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG), before - 16);
	assert_int_equal(weft_setsockopt(n.a, WEFT_IPPROTO_IPV6, WEFT_IPV6_HOPOPTS, opts, 16), 0);
	assert_int_equal(world_getopt(n.a, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG), before - 16);
	assert_carries(&n);
	net_end(&n);
	world_is_ip6 = false;
}

static void segments_fit_the_mtu_that_was_set(void **state UNUSED)
{
	struct net n;

	world_is_ip6 = true;
	net_start(&n);
	net_connect(&n);
	world_setopt(n.a, WEFT_IPPROTO_IPV6, WEFT_IPV6_MTU, 1280);
	assert_int_equal(world_getopt(n.a, WEFT_IPPROTO_TCP, WEFT_TCP_MAXSEG), 1280 - 72);
	assert_carries(&n);
	net_end(&n);
	world_is_ip6 = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(opening_stream_has_the_error_and_its_syn_in_the_queue),
		in_both_families(without_the_option_nothing_is_queued),
		in_both_families(queue_goes_with_the_option_and_with_the_socket),
		in_both_families(established_stream_is_told_once_and_goes_on),
		in_both_families(mtu_of_a_stream_is_its_paths),
		cmocka_unit_test(stream_that_looks_for_no_mtu_lets_routers_cut),
		cmocka_unit_test(syn_with_a_record_route_is_answered_with_it),
		cmocka_unit_test(options_take_from_the_segment),
		cmocka_unit_test(
			source_route_is_sent_if_it_may_be_and_answered_the_other_way_round),
		cmocka_unit_test(strict_source_route_goes_to_neighbours_only),
		cmocka_unit_test(source_route_that_is_none_is_refused),
		cmocka_unit_test(syn_cookie_keeps_the_options_of_the_ack),
		cmocka_unit_test(segments_have_the_extension_headers_of_their_socket),
		cmocka_unit_test(segments_fit_the_mtu_that_was_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
