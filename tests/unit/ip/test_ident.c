/* SPDX-License-Identifier: MIT */
/* Identification fields (RFC 6864, RFC 7739) as a neighbour sees them: fresh for what may be cut or
 * is cut, also when it is sent again, and not to be guessed from others. */
#include "weft/packet.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "world.h"

enum {
	N_IDS = 64,
	BIG = 2000, /* bytes: two fragments */
};

/* A host whose frames end here, and the numbers that they bear. */
struct host {
	uint64_t seed;
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_netif *nif;
	uint32_t ids[N_IDS];
	bool has_df[N_IDS];
	size_t n;
};

static int host_tx(void *arg, const void *frame, size_t len)
{
	struct host *h = arg;
	const uint8_t *p = (const uint8_t *)frame + ETH_HDR_LEN;
	struct ip4_hdr h4;

	if (len < ETH_HDR_LEN + IP4_HDR_LEN || h->n == N_IDS)
		return 0;
	if (p[0] >> 4 == 4) {
		ip4_hdr_read(p, &h4);
		if (h4.proto == IP_PROTO_IGMP || h4.frag_off > 0)
			return 0;
		h->has_df[h->n] = h4.df;
		h->ids[h->n++] = h4.id;
	} else if (p[0] >> 4 == 6 && p[6] == IP_PROTO_FRAGMENT &&
		   (load_be16(p + IP6_HDR_LEN + 2) & 0xfff8) == 0) {
		h->ids[h->n++] = load_be32(p + IP6_HDR_LEN + 4);
	}
	return 0;
}

static void host_start(struct host *h, uint64_t seed)
{
	const struct weft_engine_config cfg = {.has_seed = true, .seed = seed};
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, peer[6] = {2, 0, 0, 0, 0, 2};
	const struct weft_frame_ops ops = {.tx = host_tx};
	struct weft_addr a4 = world_addr("10.0.0.1"), a6 = world_addr("2001:db8::1");

	*h = (struct host){.seed = seed};
	assert_int_equal(weft_engine_new(&cfg, &h->eng), 0);
	assert_int_equal(weft_stack_new(h->eng, "host", &h->st), 0);
	world_quiet(h->st);
	assert_int_equal(weft_netif_new(h->st, "eth0", mac, 1500, &ops, h, &h->nif), 0);
	assert_int_equal(weft_addr_add(h->nif, &a4, 24), 0);
	assert_int_equal(weft_addr_add(h->nif, &a6, 64), 0);
	for (int i = 2; i < 6; i++) {
		char text[32];
		struct weft_addr addr;

		(void)snprintf(text, sizeof(text), "10.0.0.%d", i);
		addr = world_addr(text);
		assert_int_equal(weft_neigh_add(h->nif, &addr, peer), 0);
		(void)snprintf(text, sizeof(text), "2001:db8::%d", i);
		addr = world_addr(text);
		assert_int_equal(weft_neigh_add(h->nif, &addr, peer), 0);
	}
}

static void host_run(struct host *h, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(h->eng) + ns;

	for (int64_t next_ns; (next_ns = weft_engine_next_ns(h->eng)) <= end_ns;)
		(void)weft_engine_run(h->eng, next_ns);
	(void)weft_engine_run(h->eng, end_ns);
}

static void host_end(struct host *h)
{
	weft_stack_free(h->st);
	weft_engine_free(h->eng);
}

static struct weft_sock *host_socket(struct host *h, int family, int type)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(h->st, family, type, 0, &s), 0);
	return s;
}

/* A datagram in two fragments to host number `to`; the number that it bears. */
static uint32_t id_to(struct host *h, struct weft_sock *s, int family, int to)
{
	static const uint8_t bytes[BIG] = {0};
	struct weft_sockaddr sa;
	char text[64];

	(void)snprintf(text, sizeof(text),
		       family == WEFT_AF_INET ? "10.0.0.%d:9" : "[2001:db8::%d]:9", to);
	sa = world_at(text);
	h->n = 0;
	assert_int_equal(weft_sendto(s, bytes, sizeof(bytes), 0, &sa), sizeof(bytes));
	host_run(h, 0);
	assert_int_equal(h->n, 1);
	return h->ids[0];
}

static const int families[] = {WEFT_AF_INET, WEFT_AF_INET6};

/* The segments that a router hears. */
static void hear_segments(struct weft_sock *s, uint32_t ids[N_IDS], bool has_df[N_IDS], size_t *n)
{
	static uint8_t frame[2000];
	ptrdiff_t len;

	while ((len = weft_recv(s, frame, sizeof(frame), 0)) > 0) {
		struct ip4_hdr hdr;

		if (len < ETH_HDR_LEN + IP4_HDR_LEN || load_be16(frame + 12) != ETHERTYPE_IPV4)
			continue;
		ip4_hdr_read(frame + ETH_HDR_LEN, &hdr);
		if (hdr.proto != IP_PROTO_TCP || hdr.tot_len < 200 || *n == N_IDS)
			continue;
		ids[*n] = hdr.id;
		has_df[(*n)++] = hdr.df;
	}
}

/* RFC 6864 §4.3: what is sent again has a number of its own. The path carries less than the least
 * MTU that we believe in, so segments go without DF; then it carries nothing any more. */
static void segment_sent_again_without_df_has_a_new_number(void **state UNUSED)
{
	struct weft_addr router = world_addr("10.0.1.9"), host = world_addr("10.0.1.2");
	struct weft_addr gw = world_addr("10.0.0.2"), any = world_addr("0.0.0.0");
	struct weft_route to = {.type = WEFT_ROUTE_UNICAST, .dst = any, .via = gw};
	struct weft_route from = {.type = WEFT_ROUTE_UNICAST, .dst = any, .via = router};
	static const uint8_t data[1400] = {0};
	struct weft_netif *router_if, *host_if;
	struct weft_sock *s, *listener, *tap;
	uint32_t ids[N_IDS];
	bool has_df[N_IDS];
	struct weft_stack *far;
	struct world w;
	size_t n = 0;

	world_start(&w);
	assert_int_equal(weft_stack_new(w.eng, "far", &far), 0);
	assert_int_equal(weft_veth_new(w.server, "eth1", far, "eth0", &router_if, &host_if), 0);
	assert_int_equal(weft_netif_set_mtu(router_if, 300), 0);
	assert_int_equal(weft_addr_add(router_if, &router, 24), 0);
	assert_int_equal(weft_addr_add(host_if, &host, 24), 0);
	assert_int_equal(weft_stack_set(w.server, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_route_add(w.client, &to), 0);
	assert_int_equal(weft_route_add(far, &from), 0);
	listener = world_bound_stream(far, "0.0.0.0:80");
	assert_int_equal(weft_listen(listener, 1), 0);
	s = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(s, "10.0.1.2:80"), -EINPROGRESS);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_send(s, data, sizeof(data), 0), sizeof(data));
	world_advance(&w, WORLD_SEC); /* the router has said what it carries */

	weft_netif_set_up(host_if, false);
	assert_int_equal(weft_socket(w.server, WEFT_AF_PACKET, WEFT_SOCK_RAW, WEFT_ETH_P_ALL, &tap),
			 0);
	assert_int_equal(weft_send(s, data, 300, 0), 300);
	for (int i = 0; i < 5; i++) {
		world_advance(&w, 5 * WORLD_SEC);
		hear_segments(tap, ids, has_df, &n);
	}
	assert_true(n >= 4);
	for (size_t i = 0; i < n; i++) {
		assert_false(has_df[i]);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
	weft_stack_free(far);
	world_end(&w);
}

/* RFC 6864 §4.1: where nothing can be cut the number means nothing, and says nothing. */
static void segment_with_df_has_no_number(void **state UNUSED)
{
	struct weft_sockaddr to = world_at("10.0.0.2:80");
	struct weft_sock *s;
	struct host h;

	host_start(&h, 1);
	s = host_socket(&h, WEFT_AF_INET, WEFT_SOCK_STREAM);
	assert_int_equal(weft_connect(s, &to), -EINPROGRESS);
	host_run(&h, 20 * WORLD_SEC);
	assert_true(h.n >= 4);
	for (size_t i = 0; i < h.n; i++) {
		assert_true(h.has_df[i]);
		assert_int_equal(h.ids[i], 0);
	}
	host_end(&h);
}

static void same_datagram_sent_again_has_a_new_number(void **state UNUSED)
{
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		uint32_t ids[N_IDS];
		struct weft_sock *s;
		struct host h;

		host_start(&h, 1);
		s = host_socket(&h, families[f], WEFT_SOCK_DGRAM);
		for (size_t i = 0; i < N_IDS; i++) {
			ids[i] = id_to(&h, s, families[f], 2);
			for (size_t j = 0; j < i; j++)
				assert_int_not_equal(ids[i], ids[j]);
		}
		host_end(&h);
	}
}

/* A super-packet takes as many numbers as it has frames. */
static void frames_of_super_packets_have_numbers_of_their_own(void **state UNUSED)
{
	static const uint8_t bytes[1000] = {0};
	struct weft_sockaddr to = world_at("10.0.0.2:9");
	int size = 200, may_cut = WEFT_IP_PMTUDISC_DONT;
	struct weft_sock *s;
	struct host h;

	host_start(&h, 1);
	s = host_socket(&h, WEFT_AF_INET, WEFT_SOCK_DGRAM);
	assert_int_equal(
		weft_setsockopt(s, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, &size, sizeof(size)), 0);
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IP, WEFT_IP_MTU_DISCOVER, &may_cut,
					 sizeof(may_cut)),
			 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(weft_sendto(s, bytes, sizeof(bytes), 0, &to), sizeof(bytes));
	host_run(&h, 0);
	assert_int_equal(h.n, 20);
	for (size_t i = 0; i < h.n; i++) {
		assert_false(h.has_df[i]);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(h.ids[i], h.ids[j]);
	}
	host_end(&h);
}

/* RFC 7739 §5: who sees the numbers of his own datagrams learns nothing of those to others. */
static void numbers_to_one_say_nothing_of_those_to_another(void **state UNUSED)
{
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		uint32_t gap[4], n_same = 0;
		struct weft_sock *s;
		struct host h;

		/* However many go to others in between, ours do not tell. */
		host_start(&h, 1);
		s = host_socket(&h, families[f], WEFT_SOCK_DGRAM);
		for (uint32_t i = 0; i < ARRAY_SIZE(gap); i++) {
			uint32_t before = id_to(&h, s, families[f], 2);

			for (uint32_t j = 0; j < i * 5; j++)
				(void)id_to(&h, s, families[f], 3);
			gap[i] = id_to(&h, s, families[f], 2) - before;
			n_same += families[f] == WEFT_AF_INET ? gap[i] == gap[0]
							      : gap[i] != i * 5 + 1;
		}
		assert_int_equal(n_same, ARRAY_SIZE(gap));
		/* Nor do destinations begin at one place. */
		assert_int_not_equal(id_to(&h, s, families[f], 4), id_to(&h, s, families[f], 5));
		host_end(&h);
	}
}

static void numbers_begin_elsewhere_with_another_seed(void **state UNUSED)
{
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		uint32_t first[8], n_same = 0;

		for (uint64_t seed = 0; seed < ARRAY_SIZE(first); seed++) {
			struct host h;

			host_start(&h, seed + 1);
			first[seed] = id_to(&h, host_socket(&h, families[f], WEFT_SOCK_DGRAM),
					    families[f], 2);
			for (uint64_t i = 0; i < seed; i++)
				n_same += first[i] == first[seed];
			host_end(&h);
		}
		assert_true(n_same <= 1); /* of 28 pairs, by chance of 1 in 65,536 each */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_sent_again_without_df_has_a_new_number),
		cmocka_unit_test(segment_with_df_has_no_number),
		cmocka_unit_test(same_datagram_sent_again_has_a_new_number),
		cmocka_unit_test(frames_of_super_packets_have_numbers_of_their_own),
		cmocka_unit_test(numbers_to_one_say_nothing_of_those_to_another),
		cmocka_unit_test(numbers_begin_elsewhere_with_another_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
