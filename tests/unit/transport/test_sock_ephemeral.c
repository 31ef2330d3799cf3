/* SPDX-License-Identifier: MIT */
/* Choice of ports: distribution, reuse between peers, exhaustion. */
#include "core/sysctl.h"
#include "prng.h"
#include "sock_fixture.h"

enum {
	N_PORTS = SOCK_PORT_MAX - SOCK_PORT_MIN + 1,
};

static struct sock *connected(struct sf *f, struct ip_addr raddr, uint16_t rport)
{
	struct sock *sk = sf_sock(f, IP_PROTO_TCP);

	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &raddr, rport), 0);
	return sk;
}

static void ports_towards_one_peer_are_all_used_before_none_is_left(void **state UNUSED)
{
	static bool seen[65536];
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < N_PORTS; i++) {
		sk = connected(&f, PEER, 80);
		assert_in_range(sk->conn.lport, SOCK_PORT_MIN, SOCK_PORT_MAX);
		assert_false(seen[sk->conn.lport]);
		seen[sk->conn.lport] = true;
	}
	sk = sf_sock(&f, IP_PROTO_TCP);
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &PEER, 80), -EADDRNOTAVAIL);
	assert_null(sk->conn.port);
	/* Another port of the peer, another peer: not even crowded. */
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &PEER, 81), 0);
	(void)connected(&f, ADDR_B, 80);
	sf_teardown(&f);
}

static void port_given_up_by_a_crowded_peer_is_found_again(void **state UNUSED)
{
	struct prng prng = prng_make();
	static struct sock *socks[N_PORTS];
	struct sf f;

	sf_setup(&f);
	for (uint32_t i = 0; i < N_PORTS; i++)
		socks[i] = connected(&f, PEER, 80);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t victim = (uint32_t)prng_below(&prng, N_PORTS);
		uint16_t port = socks[victim]->conn.lport;

		sock_unref(socks[victim]);
		socks[victim] = connected(&f, PEER, 80);
		assert_int_equal(socks[victim]->conn.lport, port);
	}
	sf_teardown(&f);
}

static void bound_ports_run_out_cleanly(void **state UNUSED)
{
	struct sock *sk = NULL, *peer;
	struct sf f;

	sf_setup(&f);
	for (uint32_t i = 0; i < N_PORTS; i++) {
		sk = sf_sock(&f, IP_PROTO_UDP);
		assert_int_equal(sock_port_bind(sk, &ANY, 0), 0);
	}
	peer = sf_sock(&f, IP_PROTO_UDP);
	peer->conn.flags |= CONN_F_REUSEADDR; /* does not make ephemeral ports shared */
	assert_int_equal(sock_port_bind(peer, &ANY, 0), -EADDRINUSE);
	assert_int_equal(sock_conn_connect(peer, &ADDR_A, &PEER, 53), -EADDRNOTAVAIL);
	sock_unref(sk);
	assert_int_equal(sock_port_bind(peer, &ANY, 0), 0);
	sf_teardown(&f);
}

static void ports_bound_at_one_address_are_free_at_another(void **state UNUSED)
{
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.min", 50000), 0);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.max", 50009), 0);
	for (uint32_t i = 0; i < 20; i++) {
		sk = sf_sock(&f, IP_PROTO_UDP);
		assert_int_equal(sock_port_bind(sk, i % 2 ? &ADDR_A : &ADDR_B, 0), 0);
		assert_in_range(sk->conn.lport, 50000, 50009);
	}
	sk = sf_sock(&f, IP_PROTO_UDP);
	assert_int_equal(sock_port_bind(sk, &ADDR_A, 0), -EADDRINUSE);
	sf_teardown(&f);
}

static void connections_in_a_row_to_one_peer_get_ports_in_a_row(void **state UNUSED)
{
	struct sock *a, *b;
	struct sf f;

	sf_setup(&f);
	a = connected(&f, PEER, 80);
	b = connected(&f, PEER, 80);
	/* RFC 6056 §3.3.4: as late a reuse as possible. */
	assert_int_equal(b->conn.lport,
			 a->conn.lport == SOCK_PORT_MAX ? SOCK_PORT_MIN : a->conn.lport + 1);
	sf_teardown(&f);
}

static void first_ports_of_many_peers_are_spread_evenly(void **state UNUSED)
{
	enum {
		PEERS = 16000,
		BINS = 16
	};
	uint32_t bins[BINS] = {0};
	struct sf f;

	sf_setup(&f);
	for (uint32_t i = 0; i < PEERS; i++) {
		struct sock *sk = sf_sock(&f, IP_PROTO_TCP);
		struct ip_addr raddr = ADDR4(10, 9, (uint8_t)(i >> 8), (uint8_t)i);

		assert_int_equal(sock_conn_connect(sk, &ADDR_A, &raddr, 443), 0);
		bins[(uint32_t)(sk->conn.lport - SOCK_PORT_MIN) * BINS / N_PORTS]++;
		sock_unref(sk);
	}
	for (uint32_t i = 0; i < BINS; i++)
		assert_in_range(bins[i], PEERS / BINS * 8 / 10, PEERS / BINS * 12 / 10);
	sf_teardown(&f);
}

static void port_of_an_unconnected_owner_is_not_used_to_connect(void **state UNUSED)
{
	struct sock *owner, *sk;
	struct sf f;

	sf_setup(&f);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.max", 40001), 0);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.min", 40000), 0);
	owner = sf_sock(&f, IP_PROTO_TCP);
	assert_int_equal(sock_port_bind(owner, &ANY, 40000), 0);
	sk = connected(&f, PEER, 80);
	assert_int_equal(sk->conn.lport, 40001);
	sk = sf_sock(&f, IP_PROTO_TCP);
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &PEER, 80), -EADDRNOTAVAIL);
	sf_teardown(&f);
}

static void connection_to_oneself_does_not_get_the_peers_port(void **state UNUSED)
{
	struct sock *sk;
	struct sf f;

	sf_setup(&f);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.max", 40000), 0);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.min", 40000), 0);
	sk = sf_sock(&f, IP_PROTO_TCP);
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &ADDR_A, 40000), -EADDRNOTAVAIL);
	assert_int_equal(sock_conn_connect(sk, &ADDR_A, &ADDR_A, 40001), 0);
	sf_teardown(&f);
}

static void bound_of_the_range_that_passes_the_other_takes_it_along(void **state UNUSED)
{
	struct sf f;
	int64_t v;

	sf_setup(&f);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.min", 65000), 0);
	assert_int_equal(sysctl_get(f.st, "net.ipv4.ip_local_port_range.max", &v), 0);
	assert_int_equal(v, 65000);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.max", 1024), 0);
	assert_int_equal(sysctl_get(f.st, "net.ipv4.ip_local_port_range.min", &v), 0);
	assert_int_equal(v, 1024);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.min", 0), -EINVAL);
	sf_teardown(&f);
}

/* Against a twin that knows which ports are taken: whatever happens, a free one is found. */
static void random_connects_and_closes_agree_with_a_naive_twin(void **state UNUSED)
{
	enum {
		PEERS = 3,
		PORTS = 200,
		STEPS = 20000
	};
	static struct sock *table[PEERS][PORTS];
	uint32_t n_used[PEERS] = {0};
	struct prng prng = prng_make();
	struct sf f;

	sf_setup(&f);
	memset(table, 0, sizeof(table));
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.max", 50000 + PORTS - 1),
			 0);
	assert_int_equal(sysctl_set(f.st, "net.ipv4.ip_local_port_range.min", 50000), 0);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t p = (uint32_t)prng_below(&prng, PEERS);
		uint32_t i = (uint32_t)prng_below(&prng, PORTS);
		struct ip_addr raddr = ADDR4(10, 1, 1, (uint8_t)p);

		/* Alternately mostly opening and mostly closing. */
		if (prng_below(&prng, 10) < (step / 2000 % 2 ? 3 : 8)) {
			struct sock *sk = sf_sock(&f, IP_PROTO_TCP);
			int err = sock_conn_connect(sk, &ADDR_A, &raddr, 80);

			assert_int_equal(err, n_used[p] == PORTS ? -EADDRNOTAVAIL : 0);
			if (err) {
				sock_unref(sk);
				continue;
			}
			assert_in_range(sk->conn.lport, 50000, 50000 + PORTS - 1);
			assert_null(table[p][sk->conn.lport - 50000]);
			table[p][sk->conn.lport - 50000] = sk;
			n_used[p]++;
		} else if (table[p][i]) {
			sock_unref(table[p][i]);
			table[p][i] = NULL;
			n_used[p]--;
		}
	}
	sf_teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_towards_one_peer_are_all_used_before_none_is_left),
		cmocka_unit_test(port_given_up_by_a_crowded_peer_is_found_again),
		cmocka_unit_test(bound_ports_run_out_cleanly),
		cmocka_unit_test(ports_bound_at_one_address_are_free_at_another),
		cmocka_unit_test(connections_in_a_row_to_one_peer_get_ports_in_a_row),
		cmocka_unit_test(first_ports_of_many_peers_are_spread_evenly),
		cmocka_unit_test(port_of_an_unconnected_owner_is_not_used_to_connect),
		cmocka_unit_test(connection_to_oneself_does_not_get_the_peers_port),
		cmocka_unit_test(bound_of_the_range_that_passes_the_other_takes_it_along),
		cmocka_unit_test(random_connects_and_closes_agree_with_a_naive_twin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
