/* SPDX-License-Identifier: MIT */
/* Bind conflicts, lookup and the connection table. */
#include "sock_fixture.h"

enum {
	RA = CONN_F_REUSEADDR,
	RP = CONN_F_REUSEPORT,
};

static struct sock_flow flow_to(struct ip_addr laddr, uint16_t lport, struct ip_addr raddr,
				uint16_t rport)
{
	return (struct sock_flow){.laddr = laddr,
				  .raddr = raddr,
				  .lport = lport,
				  .rport = rport,
				  .proto = IP_PROTO_UDP,
				  .ifindex = 1};
}

static struct sock *bound(struct sf *f, struct ip_addr addr, uint16_t port)
{
	struct sock *sk = sf_sock(f, IP_PROTO_UDP);

	sk->conn.flags |= CONN_F_RECEIVES;
	assert_int_equal(sock_port_bind(sk, &addr, port), 0);
	return sk;
}

struct bind_case {
	uint8_t proto;
	struct {
		struct ip_addr addr;
		uint8_t flags;
		uint32_t ifindex;
	} first, second;
	bool first_listens;
	int want;
};

static void second_bind_of_a_port_conflicts_as_in_linux(void **state UNUSED)
{
	const struct bind_case cases[] = {
		/* addresses */
		{IP_PROTO_UDP, {ANY, 0, 0}, {ANY, 0, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ANY, 0, 0}, {ADDR_A, 0, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ADDR_A, 0, 0}, {ANY, 0, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ADDR_A, 0, 0}, {ADDR_A, 0, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ADDR_A, 0, 0}, {ADDR_B, 0, 0}, false, 0},
		/* interfaces */
		{IP_PROTO_UDP, {ANY, 0, 1}, {ANY, 0, 2}, false, 0},
		{IP_PROTO_UDP, {ANY, 0, 1}, {ANY, 0, 1}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ANY, 0, 0}, {ANY, 0, 1}, false, -EADDRINUSE},
		/* SO_REUSEADDR: both must have it */
		{IP_PROTO_UDP, {ANY, RA, 0}, {ANY, 0, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ANY, 0, 0}, {ANY, RA, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ANY, RA, 0}, {ANY, RA, 0}, false, 0},
		{IP_PROTO_UDP, {ANY, RA, 0}, {ADDR_A, RA, 0}, false, 0},
		{IP_PROTO_TCP, {ANY, RA, 0}, {ANY, RA, 0}, false, 0},
		{IP_PROTO_TCP, {ANY, RA, 0}, {ANY, RA, 0}, true, -EADDRINUSE},
		{IP_PROTO_TCP, {ADDR_B, RA, 0}, {ADDR_A, RA, 0}, true, 0},
		/* SO_REUSEPORT: both must have it, listening or not */
		{IP_PROTO_UDP, {ANY, RP, 0}, {ANY, RP, 0}, false, 0},
		{IP_PROTO_UDP, {ANY, RP, 0}, {ANY, 0, 0}, false, -EADDRINUSE},
		{IP_PROTO_UDP, {ANY, RP, 0}, {ANY, RA, 0}, false, -EADDRINUSE},
		{IP_PROTO_TCP, {ANY, RP, 0}, {ANY, RP, 0}, true, 0},
		{IP_PROTO_TCP, {ANY, RP | RA, 0}, {ANY, RA, 0}, true, -EADDRINUSE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct bind_case *c = &cases[i];
		struct sock *first, *second;
		struct sf f;

		sf_setup(&f);
		first = sf_sock(&f, c->proto);
		second = sf_sock(&f, c->proto);
		first->conn.flags |= c->first.flags;
		first->conn.ifindex = c->first.ifindex;
		second->conn.flags |= c->second.flags;
		second->conn.ifindex = c->second.ifindex;
		assert_int_equal(sock_port_bind(first, &c->first.addr, 80), 0);
		if (c->first_listens)
			assert_int_equal(sock_port_listen(first), 0);
		if (sock_port_bind(second, &c->second.addr, 80) != c->want)
			fail_msg("case %zu", i);
		assert_int_equal(second->conn.lport, c->want ? 0 : 80);
		sf_teardown(&f);
	}
}

static void ports_of_different_protocols_do_not_conflict(void **state UNUSED)
{
	struct sock *udp, *tcp;
	struct sf f;

	sf_setup(&f);
	udp = sf_sock(&f, IP_PROTO_UDP);
	tcp = sf_sock(&f, IP_PROTO_TCP);
	assert_int_equal(sock_port_bind(udp, &ANY, 53), 0);
	assert_int_equal(sock_port_bind(tcp, &ANY, 53), 0);
	sf_teardown(&f);
}

static void second_listener_on_a_shared_port_is_refused(void **state UNUSED)
{
	struct sock *a, *b;
	struct sf f;

	sf_setup(&f);
	a = sf_sock(&f, IP_PROTO_TCP);
	b = sf_sock(&f, IP_PROTO_TCP);
	a->conn.flags |= RA;
	b->conn.flags |= RA;
	assert_int_equal(sock_port_bind(a, &ANY, 80), 0);
	assert_int_equal(sock_port_bind(b, &ANY, 80), 0);
	assert_int_equal(sock_port_listen(a), 0);
	assert_int_equal(sock_port_listen(b), -EADDRINUSE);
	sock_unref(a);
	assert_int_equal(sock_port_listen(b), 0);
	sf_teardown(&f);
}

/* A server that restarts while connections of the old one linger. */
static void port_with_connections_binds_again_only_with_reuseaddr(void **state UNUSED)
{
	struct conn_node tw = {.kind = CONN_TW,
			       .proto = IP_PROTO_TCP,
			       .laddr = ADDR_A,
			       .raddr = PEER,
			       .lport = 80,
			       .rport = 1234};
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	sk = sf_sock(&f, IP_PROTO_TCP);
	assert_int_equal(sock_conn_add(f.st, &tw), 0);
	assert_int_equal(sock_port_bind(sk, &ANY, 80), -EADDRINUSE);
	assert_int_equal(sock_port_bind(sk, &ADDR_B, 80), 0);
	sock_conn_del(f.st, &sk->conn);

	sock_conn_del(f.st, &tw);
	tw.lport = 80;
	tw.raddr = PEER;
	tw.rport = 1234;
	tw.flags = CONN_F_REUSEADDR;
	assert_int_equal(sock_conn_add(f.st, &tw), 0);
	assert_int_equal(sock_port_bind(sk, &ANY, 80), -EADDRINUSE);
	sk->conn.flags |= RA;
	assert_int_equal(sock_port_bind(sk, &ANY, 80), 0);
	sock_conn_del(f.st, &tw);
	sf_teardown(&f);
}

static void receiver_bound_to_the_address_is_preferred_then_to_the_interface(void **state UNUSED)
{
	struct sock *any, *any_if, *addr, *addr_if;
	struct sock_flow flow = flow_to(ADDR_A, 53, PEER, 1000);
	struct sf f;

	sf_setup(&f);
	assert_null(sock_lookup_receiver(f.st, &flow));
	/* All four share the port, so that each could have the packet. */
	any = sf_sock(&f, IP_PROTO_UDP);
	any_if = sf_sock(&f, IP_PROTO_UDP);
	addr = sf_sock(&f, IP_PROTO_UDP);
	addr_if = sf_sock(&f, IP_PROTO_UDP);
	any->conn.flags = any_if->conn.flags = CONN_F_RECEIVES | RA;
	addr->conn.flags = addr_if->conn.flags = CONN_F_RECEIVES | RA;
	any_if->conn.ifindex = addr_if->conn.ifindex = 1;

	assert_int_equal(sock_port_bind(any, &ANY, 53), 0);
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), any);
	assert_int_equal(sock_port_bind(any_if, &ANY, 53), 0);
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), any_if);
	assert_int_equal(sock_port_bind(addr, &ADDR_A, 53), 0);
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), addr);
	assert_int_equal(sock_port_bind(addr_if, &ADDR_A, 53), 0);
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), addr_if);
	flow.ifindex = 2;
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), addr);
	flow.laddr = ADDR_B;
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), any);
	sf_teardown(&f);
}

static void bound_socket_that_does_not_receive_is_not_found(void **state UNUSED)
{
	struct sock_flow flow = flow_to(ADDR_A, 53, PEER, 1000);
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	sk = bound(&f, ANY, 53);
	sk->conn.flags &= (uint8_t)~CONN_F_RECEIVES;
	assert_null(sock_lookup_receiver(f.st, &flow));
	sf_teardown(&f);
}

static void among_sharers_without_reuseport_the_last_bound_receives(void **state UNUSED)
{
	struct sock_flow flow = flow_to(ADDR_A, 53, PEER, 1000);
	struct sock *a, *b;
	struct sf f;

	sf_setup(&f);
	a = sf_sock(&f, IP_PROTO_UDP);
	b = sf_sock(&f, IP_PROTO_UDP);
	a->conn.flags = b->conn.flags = CONN_F_RECEIVES | RA;
	assert_int_equal(sock_port_bind(a, &ANY, 53), 0);
	assert_int_equal(sock_port_bind(b, &ANY, 53), 0);
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), b);
	sock_unref(b);
	assert_ptr_equal(sock_lookup_receiver(f.st, &flow), a);
	sf_teardown(&f);
}

static void reuseport_group_shares_flows_evenly_and_keeps_each(void **state UNUSED)
{
	enum {
		N = 4,
		FLOWS = 4000
	};
	struct sock *group[N];
	uint32_t hits[N] = {0};
	struct sf f;

	sf_setup(&f);
	for (uint32_t i = 0; i < N; i++) {
		group[i] = sf_sock(&f, IP_PROTO_UDP);
		group[i]->conn.flags = CONN_F_RECEIVES | RP;
		assert_int_equal(sock_port_bind(group[i], &ANY, 53), 0);
	}
	for (uint16_t port = 1; port <= FLOWS; port++) {
		struct sock_flow flow = flow_to(ADDR_A, 53, PEER, port);
		struct sock *sk = sock_lookup_receiver(f.st, &flow);

		assert_ptr_equal(sk, sock_lookup_receiver(f.st, &flow));
		for (uint32_t i = 0; i < N; i++)
			hits[i] += group[i] == sk;
	}
	for (uint32_t i = 0; i < N; i++)
		assert_in_range(hits[i], FLOWS / N * 8 / 10, FLOWS / N * 12 / 10);
	sf_teardown(&f);
}

static void connection_is_found_by_its_four_tuple_only(void **state UNUSED)
{
	struct sock_flow flow;
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	sk = sf_sock(&f, IP_PROTO_UDP);
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &PEER, 53), 0);
	assert_in_range(sk->conn.lport, SOCK_PORT_MIN, SOCK_PORT_MAX);
	flow = flow_to(ADDR_A, sk->conn.lport, PEER, 53);
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &sk->conn);
	assert_ptr_equal(sock_lookup_datagram(f.st, &flow), sk);
	flow.rport = 54;
	assert_null(sock_lookup_conn(f.st, &flow));
	assert_null(sock_lookup_datagram(f.st, &flow));
	flow.rport = 53;
	flow.raddr = ADDR_B;
	assert_null(sock_lookup_conn(f.st, &flow));
	flow.raddr = PEER;
	flow.proto = IP_PROTO_TCP;
	assert_null(sock_lookup_conn(f.st, &flow));
	sf_teardown(&f);
}

static void connection_bound_to_another_interface_is_not_found(void **state UNUSED)
{
	struct sock_flow flow;
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	sk = sf_sock(&f, IP_PROTO_UDP);
	sk->conn.ifindex = 7;
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &PEER, 53), 0);
	flow = flow_to(ADDR_A, sk->conn.lport, PEER, 53);
	assert_null(sock_lookup_conn(f.st, &flow));
	flow.ifindex = 7;
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &sk->conn);
	flow.ifindex = 0; /* not known, as in an ICMP error */
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &sk->conn);
	sf_teardown(&f);
}

static void ip6_connection_is_found(void **state UNUSED)
{
	struct ip_addr laddr, raddr;
	struct sock_flow flow;
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	assert_int_equal(ip_addr_parse("2001:db8::1", &laddr), 0);
	assert_int_equal(ip_addr_parse("2001:db8::2", &raddr), 0);
	sk = sf_sock(&f, IP_PROTO_UDP);
	assert_int_equal(sock_conn_connect(sk, &laddr, &raddr, 53), 0);
	flow = flow_to(laddr, sk->conn.lport, raddr, 53);
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &sk->conn);
	sf_teardown(&f);
}

static void bound_stream_socket_connects_once_to_each_peer(void **state UNUSED)
{
	struct sock *a, *b;
	struct sf f;

	sf_setup(&f);
	a = sf_sock(&f, IP_PROTO_TCP);
	b = sf_sock(&f, IP_PROTO_TCP);
	a->conn.flags |= RA;
	b->conn.flags |= RA;
	assert_int_equal(sock_port_bind(a, &ANY, 2000), 0);
	assert_int_equal(sock_port_bind(b, &ANY, 2000), 0);
	assert_int_equal(sock_conn_connect(a, &ADDR_A, &PEER, 80), 0);
	assert_int_equal(sock_conn_connect(b, &ADDR_A, &PEER, 80), -EADDRNOTAVAIL);
	assert_true(ip_addr_is_unspecified(&b->conn.raddr));
	assert_int_equal(sock_conn_connect(b, &ADDR_A, &PEER, 81), 0);
	assert_int_equal(b->conn.lport, 2000);
	sf_teardown(&f);
}

/* SYN-queue entry, then connection, then TIME-WAIT: one key, no gap. */
static void replaced_nodes_are_found_in_each_others_place(void **state UNUSED)
{
	struct conn_node syn = {.kind = CONN_SYN,
				.proto = IP_PROTO_TCP,
				.flags = CONN_F_REUSEADDR,
				.family = WEFT_AF_INET,
				.laddr = ADDR_A,
				.raddr = PEER,
				.lport = 80,
				.rport = 1234,
				.ifindex = 0};
	struct conn_node tw = {.kind = CONN_TW};
	struct sock_flow flow = flow_to(ADDR_A, 80, PEER, 1234);
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	flow.proto = IP_PROTO_TCP;
	assert_int_equal(sock_conn_add(f.st, &syn), 0);
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &syn);
	assert_int_equal(sock_conn_add(f.st, &(struct conn_node){.kind = CONN_SYN,
								 .proto = IP_PROTO_TCP,
								 .laddr = ADDR_A,
								 .raddr = PEER,
								 .lport = 80,
								 .rport = 1234}),
			 -EADDRINUSE);
	sk = sf_sock(&f, IP_PROTO_TCP);
	sock_conn_replace(f.st, &syn, &sk->conn);
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &sk->conn);
	assert_int_equal(sk->conn.lport, 80);
	assert_true(sk->conn.flags & CONN_F_REUSEADDR);
	sock_conn_del(f.st, &syn); /* in no table: nothing happens */
	sock_conn_replace(f.st, &sk->conn, &tw);
	sock_unref(sk);
	assert_ptr_equal(sock_lookup_conn(f.st, &flow), &tw);
	sock_conn_del(f.st, &tw);
	assert_null(sock_lookup_conn(f.st, &flow));
	assert_null(sock_port_find(f.st, IP_PROTO_TCP, 80));
	sf_teardown(&f);
}

static void disconnected_socket_owns_its_port_again(void **state UNUSED)
{
	struct sock_flow flow = flow_to(ADDR_A, 2000, ADDR_B, 9);
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	sk = bound(&f, ANY, 2000);
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &PEER, 53), 0);
	assert_null(sock_lookup_datagram(f.st, &flow));
	sock_conn_disconnect(sk, &ANY);
	assert_ptr_equal(sock_lookup_datagram(f.st, &flow), sk);
	assert_true(ip_addr_is_unspecified(&sk->conn.laddr));
	sf_teardown(&f);
}

struct each_ctx {
	struct sf *f;
	uint32_t n;
	uint16_t ports[8];
};

static void each_delete(struct conn_node *node, void *arg)
{
	struct each_ctx *ctx = arg;

	ctx->ports[ctx->n++] = node->lport;
	sock_conn_del(ctx->f->st, node);
}

static void walk_may_delete_its_nodes_and_goes_by_port(void **state UNUSED)
{
	struct conn_node tw[4];
	struct sf f;
	struct each_ctx ctx = {.f = &f};
	const uint16_t ports[4] = {90, 80, 90, 85};

	sf_setup(&f);
	for (uint16_t i = 0; i < 4; i++) {
		tw[i] = (struct conn_node){.kind = i == 3 ? CONN_SYN : CONN_TW,
					   .proto = IP_PROTO_TCP,
					   .laddr = ADDR_A,
					   .raddr = PEER,
					   .lport = ports[i],
					   .rport = (uint16_t)(1000 + i)};
		assert_int_equal(sock_conn_add(f.st, &tw[i]), 0);
	}
	sock_conn_each(f.st, IP_PROTO_TCP, CONN_TW, each_delete, &ctx);
	assert_int_equal(ctx.n, 3);
	assert_int_equal(ctx.ports[0], 90);
	assert_int_equal(ctx.ports[1], 90);
	assert_int_equal(ctx.ports[2], 80);
	assert_null(sock_port_find(f.st, IP_PROTO_TCP, 90));
	assert_non_null(sock_port_find(f.st, IP_PROTO_TCP, 85));
	sock_conn_del(f.st, &tw[3]);
	sf_teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_bind_of_a_port_conflicts_as_in_linux),
		cmocka_unit_test(ports_of_different_protocols_do_not_conflict),
		cmocka_unit_test(second_listener_on_a_shared_port_is_refused),
		cmocka_unit_test(port_with_connections_binds_again_only_with_reuseaddr),
		cmocka_unit_test(receiver_bound_to_the_address_is_preferred_then_to_the_interface),
		cmocka_unit_test(bound_socket_that_does_not_receive_is_not_found),
		cmocka_unit_test(among_sharers_without_reuseport_the_last_bound_receives),
		cmocka_unit_test(reuseport_group_shares_flows_evenly_and_keeps_each),
		cmocka_unit_test(connection_is_found_by_its_four_tuple_only),
		cmocka_unit_test(connection_bound_to_another_interface_is_not_found),
		cmocka_unit_test(ip6_connection_is_found),
		cmocka_unit_test(bound_stream_socket_connects_once_to_each_peer),
		cmocka_unit_test(replaced_nodes_are_found_in_each_others_place),
		cmocka_unit_test(disconnected_socket_owns_its_port_again),
		cmocka_unit_test(walk_may_delete_its_nodes_and_goes_by_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
