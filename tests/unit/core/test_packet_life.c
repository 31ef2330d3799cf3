/* SPDX-License-Identifier: MIT */
/*
 * The way of a packet through the stacks, as doc/packet-life.md tells it: read from the hops that
 * the packet itself has noted.
 *
 *	client 10.0.0.2 -- eth0 --- a [router] b --- p1 [switch] p2 --- eth0 -- 10.0.1.2 server
 *
 * Stacks have the ids 1 to 4 in this order. Interface 1 of each is lo.
 */
#include "world.h"

struct line {
	struct weft_engine *eng;
	struct weft_stack *client, *router, *sw, *server;
	struct weft_netif *up, *down; /* the client's and the server's interface */
};

static struct weft_netif *wire(struct weft_stack *a, const char *a_name, const char *a_addr,
			       struct weft_stack *b, const char *b_name, const char *b_addr)
{
	struct weft_netif *end[2];
	const char *const addrs[2] = {a_addr, b_addr};
	struct weft_addr addr;

	assert_int_equal(weft_veth_new(a, a_name, b, b_name, &end[0], &end[1]), 0);
	for (int i = 0; i < 2; i++) {
		if (!addrs[i])
			continue;
		addr = world_addr(addrs[i]);
		assert_int_equal(weft_addr_add(end[i], &addr, 24), 0);
	}
	return end[0];
}

static int setup(void **state)
{
	const struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct line *l = calloc(1, sizeof(*l));
	struct weft_bridge *br;

	assert_non_null(l);
	assert_int_equal(weft_engine_new(&cfg, &l->eng), 0);
	assert_int_equal(weft_stack_new(l->eng, "client", &l->client), 0);
	assert_int_equal(weft_stack_new(l->eng, "router", &l->router), 0);
	assert_int_equal(weft_stack_new(l->eng, "switch", &l->sw), 0);
	assert_int_equal(weft_stack_new(l->eng, "server", &l->server), 0);
	l->up = wire(l->client, "eth0", "10.0.0.2", l->router, "a", "10.0.0.1");
	wire(l->router, "b", "10.0.1.1", l->sw, "p1", NULL);
	l->down = wire(l->server, "eth0", "10.0.1.2", l->sw, "p2", NULL);
	assert_int_equal(weft_bridge_new(l->sw, &br), 0);
	assert_int_equal(weft_bridge_add(br, weft_netif_find(l->sw, "p1")), 0);
	assert_int_equal(weft_bridge_add(br, weft_netif_find(l->sw, "p2")), 0);
	assert_int_equal(weft_stack_set(l->router, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_route_add_text(l->client, "default via 10.0.0.1"), 0);
	assert_int_equal(weft_route_add_text(l->server, "default via 10.0.1.1"), 0);
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct line *l = *state;
	struct weft_engine_stats stats;

	weft_stack_free(l->client);
	weft_stack_free(l->router);
	weft_stack_free(l->sw);
	weft_stack_free(l->server);
	weft_engine_stats(l->eng, &stats);
	assert_int_equal(stats.pkts_used, 0);
	assert_int_equal(stats.bufs_used, 0);
	weft_engine_free(l->eng);
	free(l);
	return 0;
}

static void settle(struct line *l)
{
	int64_t now_ns = weft_engine_now_ns(l->eng);

	while (weft_engine_run(l->eng, now_ns) || weft_engine_next_ns(l->eng) <= now_ns)
		;
}

static void forget_events(struct line *l)
{
	char text[1024];

	while (weft_trace_read(l->eng, text, sizeof(text)))
		;
}

/* The next event of a kind ("drop", "rx"); the test fails when there is none. */
static void next_event(struct line *l, const char *kind, char text[1024])
{
	char want[64];

	snprintf(want, sizeof(want), "\"event\":\"%s\"", kind);
	while (weft_trace_read(l->eng, text, 1024))
		if (strstr(text, want))
			return;
	fail_msg("no event %s", kind);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\nhas no %s", text, part);
}

static void send_from_client(struct line *l, const char *to)
{
	struct weft_sock *s = world_socket(l->client, WEFT_SOCK_DGRAM, 0);
	struct weft_sockaddr sa = world_at(to);

	assert_int_equal(weft_sendto(s, "x", 1, 0, &sa), 1);
	settle(l);
	weft_close(s);
}

/* Next hops are known and addresses are learned from here on. */
static void warm_up(struct line *l)
{
	struct weft_sock *s = world_bound(l->server, "0.0.0.0:7");

	send_from_client(l, "10.0.1.2:7");
	weft_close(s);
	forget_events(l);
}

static void datagram_goes_down_across_and_up(void **state)
{
	struct line *l = *state;
	char text[1024];

	warm_up(l);
	send_from_client(l, "10.0.1.2:9");
	next_event(l, "drop", text);
	assert_has(text, "\"stack\":\"server\",\"if\":\"eth0\"");
	assert_has(text, "\"reason\":\"UDP_NO_PORT\",\"layer\":\"udp\"");
	assert_has(text, "\"hops\":[\"sock 17\",\"route 0\",\"tx 2\","
			 "\"stack 2\",\"rx 2\",\"route 24\",\"tx 3\","
			 "\"stack 3\",\"rx 2\",\"bridge 1\",\"tx 3\","
			 "\"stack 4\",\"rx 2\",\"drop UDP_NO_PORT\"]");
}

static void first_datagram_waits_for_each_next_hop(void **state)
{
	struct line *l = *state;
	char text[1024];

	send_from_client(l, "10.0.1.2:9");
	next_event(l, "drop", text);
	while (strstr(text, "ARP"))
		next_event(l, "drop", text);
	assert_has(text, "\"hops\":[\"sock 17\",\"route 0\",\"neigh 0\",\"tx 2\","
			 "\"stack 2\",\"rx 2\",\"route 24\",\"neigh 0\",\"tx 3\","
			 "\"stack 3\",\"rx 2\",\"bridge 1\",\"tx 3\","
			 "\"stack 4\",\"rx 2\",\"drop UDP_NO_PORT\"]");
}

static void segment_goes_the_same_way_and_its_reset_comes_back(void **state)
{
	struct line *l = *state;
	struct weft_sock *s = world_socket(l->client, WEFT_SOCK_STREAM, 0);
	struct weft_sockaddr to = world_at("10.0.1.2:9");
	char text[1024];

	warm_up(l);
	weft_trace_sample(l->eng, 1);
	assert_int_equal(weft_connect(s, &to), -EINPROGRESS);
	settle(l);
	next_event(l, "tx", text);
	assert_has(text, "\"stack\":\"client\"");
	assert_has(text, "\"hops\":[\"sock 6\",\"route 0\",\"tx 2\"]");
	for (int i = 0; i < 3; i++)
		next_event(l, "rx", text);
	assert_has(text, "\"stack\":\"server\"");
	assert_has(text, "\"hops\":[\"sock 6\",\"route 0\",\"tx 2\","
			 "\"stack 2\",\"rx 2\",\"route 24\",\"tx 3\","
			 "\"stack 3\",\"rx 2\",\"bridge 1\",\"tx 3\","
			 "\"stack 4\",\"rx 2\"]");
	for (int i = 0; i < 3; i++)
		next_event(l, "rx", text);
	assert_has(text, "\"stack\":\"client\"");
	assert_has(text, "\"hops\":[\"sock 6\",\"route 0\",\"tx 2\","
			 "\"stack 3\",\"rx 3\",\"bridge 1\",\"tx 2\","
			 "\"stack 2\",\"rx 3\",\"route 24\",\"tx 2\","
			 "\"stack 1\",\"rx 2\"]");
	assert_int_equal(weft_send(s, "x", 1, 0), -ECONNREFUSED);
}

/* Where a packet is refused tells how far up it came. */
static void refused_packet_has_no_hop_of_a_layer_above(void **state)
{
	struct line *l = *state;
	char text[1024];

	warm_up(l);
	assert_int_equal(weft_stack_set(l->router, "net.ipv4.ip_forward", 0), 0);
	send_from_client(l, "10.0.1.2:9");
	next_event(l, "drop", text);
	assert_has(text, "\"stack\":\"router\",\"if\":\"a\"");
	assert_has(text, "\"hops\":[\"sock 17\",\"route 0\",\"tx 2\",\"stack 2\",\"rx 2\","
			 "\"drop IP4_NOT_LOCAL\"]");
	weft_netif_set_up(l->up, false);
	send_from_client(l, "127.0.0.1:9");
	next_event(l, "drop", text);
	assert_has(text, "\"hops\":[\"sock 17\",\"route 32\",\"tx 1\",\"rx 1\","
			 "\"drop UDP_NO_PORT\"]");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(datagram_goes_down_across_and_up),
		T(first_datagram_waits_for_each_next_hop),
		T(segment_goes_the_same_way_and_its_reset_comes_back),
		T(refused_packet_has_no_hop_of_a_layer_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
