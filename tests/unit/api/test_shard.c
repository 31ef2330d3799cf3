/* SPDX-License-Identifier: MIT */
/*
 * A sharded node of two stacks in two engines, stepped by hand; with threads: drivers/test_shard.c.
 *
 *	client 10.0.0.1 --veth-- front ==uplink== shard 0 --rings-- shard 1
 *	`-------------- engine 0 -------------------------'    `-- engine 1 --'
 *
 * Shard 1 has no uplink. Both shards are 10.0.0.2 and 2001:db8::2.
 */
#include "weft/shard.h"

#include <errno.h>
#include <stdlib.h>

#include "unit.h"
#include "weft/weft.h"

enum {
	N_SHARDS = 2,
	N_CONNS = 64,
	SERVICE = 80,
	BIG = 8000,
	N_FLOOD = 3000,
};

#define MSEC INT64_C(1000000)
#define SEC  (1000 * MSEC)

struct fix {
	struct weft_engine *eng[N_SHARDS];
	struct weft_stack *client, *front, *shard[N_SHARDS];
	struct weft_netif *client_if, *front_if, *shard_if[N_SHARDS];
	struct weft_shards *node;
	int64_t now_ns;
};

static struct weft_sockaddr at(const char *text)
{
	struct weft_sockaddr sa;

	assert_int_equal(weft_sockaddr_parse(text, &sa), 0);
	return sa;
}

static void addrs_add(struct weft_netif *nif, const char *a4, const char *a6)
{
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse(a4, &addr), 0);
	assert_int_equal(weft_addr_add(nif, &addr, 24), 0);
	assert_int_equal(weft_addr_parse(a6, &addr), 0);
	assert_int_equal(weft_addr_add(nif, &addr, 64), 0);
}

/* Both engines, until nothing is left to do at this time. */
static void settle(struct fix *f)
{
	for (int quiet = 0; quiet < 3;) {
		bool more = false;

		for (int i = 0; i < N_SHARDS; i++)
			more = weft_engine_run(f->eng[i], f->now_ns) || more;
		quiet = more ? 0 : quiet + 1;
	}
}

static void advance(struct fix *f, int64_t ns)
{
	int64_t end_ns = f->now_ns + ns;

	settle(f);
	while (f->now_ns < end_ns) {
		int64_t next_ns = end_ns;

		for (int i = 0; i < N_SHARDS; i++)
			if (weft_engine_next_ns(f->eng[i]) < next_ns)
				next_ns = weft_engine_next_ns(f->eng[i]);
		f->now_ns = next_ns > f->now_ns ? next_ns : f->now_ns + 1;
		settle(f);
	}
}

static void shard_start(struct fix *f, uint32_t i)
{
	assert_int_equal(weft_shard_new(f->node, i, f->eng[i], "server", &f->shard[i]), 0);
	assert_int_equal(weft_shard_port(f->shard[i], 0, "eth0", &f->shard_if[i]), 0);
	addrs_add(f->shard_if[i], "10.0.0.2", "2001:db8::2");
}

static int setup(void **state)
{
	const struct weft_shards_config cfg = {
		.n_shards = N_SHARDS, .has_seed = true, .seed = 7, .ring_bytes = 1 << 18};
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(weft_shards_new(&cfg, &f->node), 0);
	for (uint32_t i = 0; i < N_SHARDS; i++) {
		struct weft_engine_config config = {.has_seed = true, .seed = i + 1};

		assert_int_equal(weft_engine_new(&config, &f->eng[i]), 0);
		shard_start(f, i);
	}
	assert_int_equal(weft_stack_new(f->eng[0], "client", &f->client), 0);
	assert_int_equal(weft_stack_new(f->eng[0], "front", &f->front), 0);
	assert_int_equal(
		weft_veth_new(f->client, "eth0", f->front, "q0", &f->client_if, &f->front_if), 0);
	addrs_add(f->client_if, "10.0.0.1", "2001:db8::1");
	assert_int_equal(weft_shard_uplink(f->shard[0], 0, f->front_if), 0);
	advance(f, 3 * SEC); /* addresses are in use */
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	weft_stack_free(f->client);
	weft_stack_free(f->front);
	for (int i = 0; i < N_SHARDS; i++)
		weft_stack_free(f->shard[i]);
	weft_shards_free(f->node);
	for (int i = 0; i < N_SHARDS; i++) {
		struct weft_engine_stats s;

		weft_engine_stats(f->eng[i], &s);
		assert_int_equal(s.pkts_used, 0);
		assert_int_equal(s.bufs_used, 0);
		weft_engine_free(f->eng[i]);
	}
	free(f);
	return 0;
}

static struct weft_sock *sock(struct weft_stack *st, int family, int type, int proto)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, family, type, proto, &s), 0);
	return s;
}

static struct weft_sock *bound(struct weft_stack *st, int type, const char *text)
{
	struct weft_sockaddr sa = at(text);
	struct weft_sock *s = sock(st, sa.addr.family, type, 0);

	assert_int_equal(weft_bind(s, &sa), 0);
	return s;
}

static struct weft_sock *listener(struct weft_stack *st, const char *text)
{
	struct weft_sock *s = bound(st, WEFT_SOCK_STREAM, text);

	assert_int_equal(weft_listen(s, N_CONNS), 0);
	return s;
}

static struct weft_sock *connecting(struct weft_stack *st, const char *to)
{
	struct weft_sockaddr sa = at(to);
	struct weft_sock *s = sock(st, sa.addr.family, WEFT_SOCK_STREAM, 0);

	assert_int_equal(weft_connect(s, &sa), -EINPROGRESS);
	return s;
}

static void connections_of_one_address_spread(struct fix *f, const char *service)
{
	struct weft_sock *listeners[N_SHARDS], *conns[N_CONNS], *s;
	struct weft_sockaddr peer, me;
	int n[N_SHARDS] = {0};
	uint8_t byte = 0;

	for (int i = 0; i < N_SHARDS; i++)
		listeners[i] = listener(f->shard[i], service);
	for (int i = 0; i < N_CONNS; i++)
		conns[i] = connecting(f->client, service);
	advance(f, 100 * MSEC);
	for (int i = 0; i < N_SHARDS; i++) {
		for (; weft_accept(listeners[i], &s, &peer) == 0; n[i]++) {
			assert_int_equal(weft_getsockname(s, &me), 0);
			assert_int_equal(weft_shards_of(f->node, 6, &me, &peer), i);
			assert_int_equal(weft_send(s, "x", 1, 0), 1);
			weft_close(s);
		}
		weft_close(listeners[i]);
		assert_true(n[i] > N_CONNS / 5);
	}
	assert_int_equal(n[0] + n[1], N_CONNS);
	advance(f, 100 * MSEC);
	for (int i = 0; i < N_CONNS; i++) {
		assert_int_equal(weft_recv(conns[i], &byte, 1, 0), 1);
		weft_close(conns[i]);
	}
	advance(f, SEC);
}

static void connections_to_one_address_are_spread_and_served(void **state)
{
	connections_of_one_address_spread(*state, "10.0.0.2:80");
	connections_of_one_address_spread(*state, "[2001:db8::2]:80");
}

static void connections_from_each_shard_get_their_answers(void **state)
{
	struct fix *f = *state;
	struct weft_sock *l = listener(f->client, "10.0.0.1:80"), *s;
	struct weft_sock *conns[N_SHARDS][20];
	struct weft_sockaddr me, peer;

	for (int i = 0; i < N_SHARDS; i++)
		for (int k = 0; k < 20; k++)
			conns[i][k] = connecting(f->shard[i], "10.0.0.1:80");
	advance(f, 100 * MSEC);
	for (int i = 0; i < N_SHARDS; i++) {
		for (int k = 0; k < 20; k++) {
			assert_int_equal(weft_getpeername(conns[i][k], &peer), 0);
			assert_int_equal(weft_getsockname(conns[i][k], &me), 0);
			assert_int_equal(weft_shards_of(f->node, 6, &me, &peer), i);
			assert_true(me.port < 49152); /* by the flow, not by the port */
			weft_close(conns[i][k]);
		}
	}
	while (weft_accept(l, &s, NULL) == 0)
		weft_close(s);
	weft_close(l);
}

static void datagrams_without_connect_get_their_answers(void **state)
{
	struct fix *f = *state;
	struct weft_sock *server = bound(f->client, WEFT_SOCK_DGRAM, "10.0.0.1:53");
	struct weft_sockaddr to = at("10.0.0.1:53"), from;
	char buf[8];

	for (int i = 0; i < 2 * N_SHARDS; i++) {
		struct weft_sock *s = sock(f->shard[i / 2], WEFT_AF_INET, WEFT_SOCK_DGRAM, 0);

		assert_int_equal(weft_sendto(s, "ask", 3, 0, &to), 3);
		advance(f, 10 * MSEC);
		assert_int_equal(weft_recvfrom(server, buf, sizeof(buf), 0, &from), 3);
		assert_int_equal(weft_sendto(server, "answer", 6, 0, &from), 6);
		advance(f, 10 * MSEC);
		assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 6);
		weft_close(s);
	}
	weft_close(server);
}

static void pings_of_each_shard_get_their_answers(void **state)
{
	static const uint8_t echo4[8] = {8}, echo6[8] = {128};
	struct weft_sockaddr to4 = at("10.0.0.1:0"), to6 = at("[2001:db8::1]:0");
	struct fix *f = *state;
	uint8_t buf[64];

	for (int i = 0; i < 4 * N_SHARDS; i++) {
		bool is_ip6 = i & 1;
		struct weft_sock *s =
			sock(f->shard[i / 4], is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET,
			     WEFT_SOCK_DGRAM, is_ip6 ? WEFT_IPPROTO_ICMPV6 : WEFT_IPPROTO_ICMP);

		assert_int_equal(weft_sendto(s, is_ip6 ? echo6 : echo4, 8, 0, is_ip6 ? &to6 : &to4),
				 8);
		advance(f, 10 * MSEC);
		assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 8);
		weft_close(s);
	}
}

static void errors_reach_the_shard_that_sent(void **state)
{
	struct fix *f = *state;
	struct weft_sockaddr closed = at("10.0.0.1:9");

	for (int i = 0; i < 4 * N_SHARDS; i++) {
		struct weft_sock *s = sock(f->shard[i / 4], WEFT_AF_INET, WEFT_SOCK_DGRAM, 0);

		assert_int_equal(weft_connect(s, &closed), 0);
		assert_int_equal(weft_send(s, "x", 1, 0), 1);
		advance(f, 1100 * MSEC); /* errors are limited in rate */
		assert_int_equal(weft_send(s, "x", 1, 0), -ECONNREFUSED);
		weft_close(s);
	}
}

static void datagram_in_fragments_reaches_the_shard_of_its_flow(void **state)
{
	struct fix *f = *state;
	static const char *const servers[] = {"10.0.0.2:53", "[2001:db8::2]:53"};
	static uint8_t buf[BIG];
	struct weft_shard_stats stats;
	uint64_t n_again = 0;

	for (int six = 0; six < 2; six++) {
		struct weft_sockaddr to = at(servers[six]), me;
		struct weft_sock *servers_of[N_SHARDS];

		for (int i = 0; i < N_SHARDS; i++)
			servers_of[i] = bound(f->shard[i], WEFT_SOCK_DGRAM, servers[six]);
		for (int k = 0; k < 30; k++) {
			struct weft_sock *s = bound(f->client, WEFT_SOCK_DGRAM,
						    six ? "[2001:db8::1]:0" : "10.0.0.1:0");
			int owner;

			assert_int_equal(weft_sendto(s, buf, sizeof(buf), 0, &to), BIG);
			assert_int_equal(weft_getsockname(s, &me), 0);
			owner = weft_shards_of(f->node, 17, &to, &me);
			advance(f, 10 * MSEC);
			assert_int_equal(weft_recv(servers_of[owner], buf, sizeof(buf), 0), BIG);
			assert_int_equal(weft_recv(servers_of[!owner], buf, sizeof(buf), 0),
					 -EAGAIN);
			weft_close(s);
		}
		for (int i = 0; i < N_SHARDS; i++)
			weft_close(servers_of[i]);
	}
	for (int i = 0; i < N_SHARDS; i++) {
		weft_shard_stats(f->shard[i], &stats);
		n_again += stats.again;
	}
	assert_in_range(n_again, 10, 50); /* about half of 60 */
}

static void ports_of_other_shards_are_refused(void **state)
{
	struct fix *f = *state;
	struct weft_sockaddr own = at("0.0.0.0:50000"), peer = at("10.0.0.1:80"), me;
	struct weft_sock *s;
	int n_refused = 0;

	for (int i = 0; i < N_SHARDS; i++) {
		s = sock(f->shard[i], WEFT_AF_INET, WEFT_SOCK_STREAM, 0);
		assert_int_equal(weft_bind(s, &own), i == 50000 % N_SHARDS ? 0 : -EADDRINUSE);
		weft_close(s);
		/* A port of nobody's goes by the flow. */
		for (uint16_t port = 1000; port < 1020; port++) {
			int err;

			me = at("10.0.0.2:0");
			me.port = port;
			s = sock(f->shard[i], WEFT_AF_INET, WEFT_SOCK_STREAM, 0);
			assert_int_equal(weft_bind(s, &me), 0);
			err = weft_connect(s, &peer);
			assert_int_equal(err, weft_shards_of(f->node, 6, &me, &peer) == i
						      ? -EINPROGRESS
						      : -EADDRNOTAVAIL);
			n_refused += err == -EADDRNOTAVAIL;
			weft_close(s);
		}
	}
	assert_int_equal(n_refused, 20);
}

static void shard_reaches_its_own_sockets(void **state)
{
	struct fix *f = *state;

	for (int i = 0; i < N_SHARDS; i++) {
		struct weft_sock *l = listener(f->shard[i], "10.0.0.2:80"), *s;
		struct weft_sock *c = connecting(f->shard[i], "10.0.0.2:80");

		advance(f, 10 * MSEC);
		assert_int_equal(weft_accept(l, &s, NULL), 0);
		weft_close(s);
		weft_close(c);
		weft_close(l);
	}
}

static void one_shard_speaks_for_all(void **state)
{
	struct fix *f = *state;
	struct weft_netif_stats before, after;
	struct weft_shard_stats stats;
	struct weft_addr addr;

	assert_int_equal(weft_addr_parse("10.0.0.2", &addr), 0);
	(void)weft_neigh_del(f->client_if, &addr);
	weft_netif_stats(f->client_if, &before);
	weft_close(connecting(f->client, "10.0.0.2:81"));
	advance(f, MSEC);
	weft_netif_stats(f->client_if, &after);
	assert_in_range(after.rx_packets - before.rx_packets, 1, 2); /* ARP, perhaps a RST */
	weft_shard_stats(f->shard[1], &stats);
	assert_true(stats.quiet >= 1);
	weft_shard_stats(f->shard[0], &stats);
	assert_int_equal(stats.quiet, 0);
}

static void connections_of_a_shard_that_goes_are_reset_and_new_ones_served(void **state)
{
	struct fix *f = *state;
	struct weft_sock *listeners[N_SHARDS], *conns[N_CONNS], *s;
	struct weft_sockaddr me, server = at("10.0.0.2:80");
	int n_reset = 0, n_accepted = 0;

	for (int i = 0; i < N_SHARDS; i++)
		listeners[i] = listener(f->shard[i], "10.0.0.2:80");
	for (int i = 0; i < N_CONNS; i++)
		conns[i] = connecting(f->client, "10.0.0.2:80");
	advance(f, 100 * MSEC);
	weft_stack_free(f->shard[1]);
	f->shard[1] = NULL;
	advance(f, 100 * MSEC);
	/* Also those who say nothing hear of it. */
	for (int i = 0; i < N_CONNS; i++) {
		uint8_t byte;
		ptrdiff_t n = weft_recv(conns[i], &byte, 1, 0);

		assert_true(n == -ECONNRESET || n == -EAGAIN);
		n_reset += n == -ECONNRESET;
		weft_close(conns[i]);
	}
	while (weft_accept(listeners[0], &s, NULL) == 0) {
		n_accepted++;
		weft_close(s);
	}
	assert_int_equal(n_accepted + n_reset, N_CONNS);
	assert_true(n_reset > N_CONNS / 5);
	for (int i = 0; i < 20; i++)
		conns[i] = connecting(f->client, "10.0.0.2:80");
	advance(f, 100 * MSEC);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(weft_accept(listeners[0], &s, NULL), 0);
		assert_int_equal(weft_getsockname(conns[i], &me), 0);
		assert_int_equal(weft_shards_of(f->node, 6, &server, &me), 0);
		weft_close(s);
		weft_close(conns[i]);
	}
	assert_int_equal(weft_shard_new(f->node, 1, f->eng[1], "again", &f->shard[1]), -EBUSY);
	weft_close(listeners[0]);
}

static void connections_of_the_shard_with_the_uplink_are_reset_in_every_state(void **state)
{
	struct fix *f = *state;
	struct weft_sock *listeners[N_SHARDS], *conns[N_CONNS], *s;
	struct weft_sockaddr me, server = at("[2001:db8::2]:80");
	int n_own = 0, n_closed = 0, n_reset = 0;

	for (int i = 0; i < N_SHARDS; i++)
		listeners[i] = listener(f->shard[i], "[2001:db8::2]:80");
	for (int i = 0; i < N_CONNS; i++)
		conns[i] = connecting(f->client, "[2001:db8::2]:80");
	advance(f, 100 * MSEC);
	for (int i = 0; i < N_CONNS; i++) {
		assert_int_equal(weft_getsockname(conns[i], &me), 0);
		n_own += weft_shards_of(f->node, 6, &server, &me) == 0;
	}
	/* Some are accepted, some of those closed, which the client has not: FIN-WAIT-2. */
	for (; n_closed < n_own / 4; n_closed++) {
		assert_int_equal(weft_accept(listeners[0], &s, NULL), 0);
		assert_int_equal(weft_accept(listeners[0], &s, NULL), 0);
		weft_close(s);
	}
	advance(f, 100 * MSEC);
	weft_stack_free(f->shard[0]);
	f->shard[0] = NULL;
	advance(f, 100 * MSEC);
	for (int i = 0; i < N_CONNS; i++) {
		ptrdiff_t n = weft_send(conns[i], "x", 1, 0);

		assert_true(n == 1 || n == -ECONNRESET || n == -EPIPE);
		n_reset += n < 0;
		weft_close(conns[i]);
	}
	assert_int_equal(n_reset, n_own);
	weft_close(listeners[1]);
}

static void resets_are_lost_who_speaks_later_is_reset_by_those_left(void **state)
{
	struct fix *f = *state;
	struct weft_sock *listeners[N_SHARDS], *conns[N_CONNS];
	int n_reset = 0;

	for (int i = 0; i < N_SHARDS; i++)
		listeners[i] = listener(f->shard[i], "10.0.0.2:80");
	for (int i = 0; i < N_CONNS; i++)
		conns[i] = connecting(f->client, "10.0.0.2:80");
	advance(f, 100 * MSEC);
	weft_netif_set_up(f->front_if, false);
	weft_stack_free(f->shard[1]);
	f->shard[1] = NULL;
	advance(f, 100 * MSEC);
	weft_netif_set_up(f->front_if, true);
	for (int i = 0; i < N_CONNS; i++)
		assert_int_equal(weft_send(conns[i], "x", 1, 0), 1);
	advance(f, 3 * SEC);
	for (int i = 0; i < N_CONNS; i++) {
		uint8_t byte;

		n_reset += weft_recv(conns[i], &byte, 1, 0) == -ECONNRESET;
		weft_close(conns[i]);
	}
	assert_in_range(n_reset, N_CONNS / 5, N_CONNS - N_CONNS / 5);
	weft_close(listeners[0]);
}

static void shard_that_does_not_run_loses_what_is_too_much(void **state)
{
	struct fix *f = *state;
	struct weft_sock *c = sock(f->client, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr to = at("10.0.0.2:53"), me;
	static uint8_t buf[1000];
	struct weft_shard_stats stats;

	/* A port of the other shard's. */
	for (to.port = 50000; to.port % N_SHARDS != 1; to.port++)
		;
	me = at("10.0.0.1:0");
	assert_int_equal(weft_connect(c, &to), 0);
	assert_int_equal(weft_getsockname(c, &me), 0);
	advance(f, 10 * MSEC);
	for (int i = 0; i < N_FLOOD; i++) {
		(void)weft_send(c, buf, sizeof(buf), 0);
		while (weft_engine_run(f->eng[0], f->now_ns))
			;
	}
	weft_shard_stats(f->shard[0], &stats);
	assert_in_range(stats.dropped, N_FLOOD / 2, N_FLOOD);
	weft_close(c);
	advance(f, 100 * MSEC); /* and lives on */
	weft_shard_stats(f->shard[1], &stats);
	assert_true(stats.in > 100);
	connections_of_one_address_spread(f, "10.0.0.2:80");
}

static void node_that_makes_no_sense_is_refused(void **state)
{
	struct weft_shards_config cfg = {.n_shards = 2, .has_seed = true};
	struct fix *f = *state;
	struct weft_shards *node;
	struct weft_stack *st;
	struct weft_netif *nif;

	cfg.n_shards = 0;
	assert_int_equal(weft_shards_new(&cfg, &node), -EINVAL);
	cfg.n_shards = WEFT_SHARDS_MAX + 1;
	assert_int_equal(weft_shards_new(&cfg, &node), -EINVAL);
	cfg.n_shards = 2;
	cfg.ring_bytes = 1000;
	assert_int_equal(weft_shards_new(&cfg, &node), -EINVAL);
	cfg.ring_bytes = 0;
	cfg.own_first = 2;
	cfg.own_last = 1;
	assert_int_equal(weft_shards_new(&cfg, &node), -EINVAL);
	cfg.own_first = cfg.own_last = 0;
	cfg.has_seed = false;
	assert_int_equal(weft_shards_new(&cfg, &node), -EINVAL);

	assert_int_equal(weft_shard_new(f->node, 2, f->eng[0], "x", &st), -EINVAL);
	assert_int_equal(weft_shard_new(f->node, 0, f->eng[0], "x", &st), -EBUSY);
	assert_int_equal(weft_shard_port(f->shard[0], 0, "eth1", &nif), -EBUSY);
	assert_int_equal(weft_shard_port(f->shard[0], 1, "eth0", &nif), -EEXIST);
	assert_int_equal(weft_shard_port(f->shard[0], WEFT_SHARD_PORTS, "eth1", &nif), -EINVAL);
	assert_int_equal(weft_shard_port(f->client, 0, "eth1", &nif), -EINVAL);
	assert_int_equal(weft_shard_uplink(f->shard[0], 1, f->front_if), -EBUSY);
	assert_int_equal(weft_shard_uplink(f->shard[0], 1, f->shard_if[0]), -EINVAL);
	assert_int_equal(weft_shard_uplink(f->shard[1], 0, f->client_if), -EINVAL);
}

static void uplink_that_goes_takes_the_carrier_of_all(void **state)
{
	struct fix *f = *state;
	struct weft_netif_info info;

	weft_netif_del(f->client_if); /* and its other end */
	settle(f);
	for (int i = 0; i < N_SHARDS; i++) {
		weft_netif_info(f->shard_if[i], &info);
		assert_false(info.flags & WEFT_IFF_LOWER_UP);
		assert_string_equal(info.kind, "shard");
	}
}

static void port_is_gone_what_its_uplink_brings_is_dropped(void **state)
{
	struct fix *f = *state;
	struct weft_sock *s = sock(f->client, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr to = at("10.0.0.2:9");

	for (int i = 0; i < N_SHARDS; i++)
		weft_netif_del(f->shard_if[i]);
	assert_int_equal(weft_sendto(s, "?", 1, 0, &to), 1);
	advance(f, SEC);
	/* It may come again. */
	assert_int_equal(weft_shard_port(f->shard[0], 0, "eth0", &f->shard_if[0]), 0);
	addrs_add(f->shard_if[0], "10.0.0.2", "2001:db8::2");
	assert_int_equal(weft_sendto(s, "?", 1, 0, &to), 1);
	advance(f, SEC);
	weft_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(connections_to_one_address_are_spread_and_served),
		T(connections_from_each_shard_get_their_answers),
		T(datagrams_without_connect_get_their_answers),
		T(pings_of_each_shard_get_their_answers),
		T(errors_reach_the_shard_that_sent),
		T(datagram_in_fragments_reaches_the_shard_of_its_flow),
		T(ports_of_other_shards_are_refused),
		T(shard_reaches_its_own_sockets),
		T(one_shard_speaks_for_all),
		T(connections_of_a_shard_that_goes_are_reset_and_new_ones_served),
		T(connections_of_the_shard_with_the_uplink_are_reset_in_every_state),
		T(resets_are_lost_who_speaks_later_is_reset_by_those_left),
		T(shard_that_does_not_run_loses_what_is_too_much),
		T(node_that_makes_no_sense_is_refused),
		T(uplink_that_goes_takes_the_carrier_of_all),
		T(port_is_gone_what_its_uplink_brings_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
