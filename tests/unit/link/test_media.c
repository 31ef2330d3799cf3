/* SPDX-License-Identifier: MIT */
/* Simulated links: exact times, shares of what is random, reconfiguration, bounds. */
#include "fixture.h"

#include "link/media.h"
#include "prng.h"

/*
 * Two stacks joined by a link; the receiver notes what arrives and when. A frame carries its number
 * in the first four bytes after the Ethernet header.
 */
enum {
	PROTO = 0x88b5,
	ARRIVALS_MAX = 120000,
};

struct arrival {
	uint32_t id;
	uint32_t len;
	int64_t at_ns;
};

struct net {
	struct engine *eng;
	struct stack *st[2];
	struct media *m;
	struct netif *end[2];
	struct arrival *got;
	uint32_t n_got;
	uint32_t n_bad; /* not what was sent */
	uint32_t n_sent;
};

static enum drop net_input(struct netif *netif, struct pkt *pkt)
{
	struct net *net = netif->input_ctx;

	assert_true(net->n_got < ARRIVALS_MAX);
	net->got[net->n_got++] = (struct arrival){
		.id = load_be32(pkt->data + ETH_HDR_LEN),
		.len = pkt->len,
		.at_ns = netif->stack->eng->now_ns,
	};
	for (uint32_t i = ETH_HDR_LEN + 4; i < pkt->lin_len; i++)
		if (pkt->data[i] != (uint8_t)i) {
			net->n_bad++;
			break;
		}
	pkt_free(pkt);
	return DROP_NONE;
}

static struct net *net_new_seeded(struct media_conf there, struct media_conf back, uint64_t seed)
{
	struct net *net = calloc(1, sizeof(*net));
	struct media_end a, b;

	net->eng = fix_engine_with(
		&(struct engine_config){.now_ns = FIX_START_NS, .has_seed = true, .seed = seed});
	net->got = calloc(ARRIVALS_MAX, sizeof(*net->got));
	net->st[0] = fix_stack(net->eng, "a");
	net->st[1] = fix_stack(net->eng, "b");
	a = (struct media_end){.stack = net->st[0], .name = "eth0", .conf = &there};
	b = (struct media_end){.stack = net->st[1], .name = "eth0", .conf = &back};
	assert_int_equal(media_new(&a, &b, &net->m), 0);
	for (int i = 0; i < 2; i++) {
		net->end[i] = media_netif(net->m, i);
		net->end[i]->input = net_input;
		net->end[i]->input_ctx = net;
		net->end[i]->backlog_max_pkts = 1000000;
		netif_set_up(net->end[i], true);
	}
	return net;
}

static struct net *net_new(struct media_conf there)
{
	return net_new_seeded(there, (struct media_conf){0}, 1);
}

static void net_free(struct net *net)
{
	fix_end(net->eng);
	free(net->got);
	free(net);
}

/* Sends a frame of `len` bytes with the next number from end 0. */
static int net_send(struct net *net, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(&net->eng->pkts, len);
	uint8_t *p;

	assert_non_null(pkt);
	p = pkt_put(pkt, len);
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)i;
	eth_hdr_write(p, &(struct eth_hdr){.dst = net->end[1]->hwaddr,
					   .src = net->end[0]->hwaddr,
					   .type = PROTO});
	store_be32(p + ETH_HDR_LEN, net->n_sent++);
	return netif_tx(net->end[0], pkt);
}

static int64_t net_time(const struct net *net)
{
	return net->eng->now_ns - FIX_START_NS;
}

static void assert_arrival(const struct net *net, uint32_t i, uint32_t id, int64_t after_ns)
{
	assert_true(i < net->n_got);
	assert_int_equal(net->got[i].id, id);
	assert_int_equal(net->got[i].at_ns - FIX_START_NS, after_ns);
}

static void perfect_link_delivers_at_once(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){0});

	assert_int_equal(net_send(net, 100), 0);
	fix_settle(net->eng);
	assert_arrival(net, 0, 0, 0);
	assert_int_equal(net->n_bad, 0);
	net_free(net);
}

static void delay_is_exact(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.delay_ns = 20 * MSEC});

	(void)net_send(net, 100);
	fix_advance(net->eng, 20 * MSEC - 1);
	assert_int_equal(net->n_got, 0);
	fix_advance(net->eng, 1);
	assert_arrival(net, 0, 0, 20 * MSEC);
	net_free(net);
}

static void rate_serialises_frames_back_to_back(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 50000000, .delay_ns = MSEC});

	(void)net_send(net, 1514);
	(void)net_send(net, 60);
	(void)net_send(net, 1514);
	fix_advance(net->eng, SEC);
	assert_arrival(net, 0, 0, MSEC + 242240);
	assert_arrival(net, 1, 1, MSEC + 242240 + 9600);
	assert_arrival(net, 2, 2, MSEC + 242240 + 9600 + 242240);
	assert_int_equal(media_stats(net->m, 0)->busy_ns, 242240 + 9600 + 242240);
	net_free(net);
}

/* 60 bytes at 7 Mbit/s are 68571.428… ns; what is cut off is made up for. */
static void remainder_of_a_nanosecond_is_carried(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 7000000});

	for (int i = 0; i < 7; i++)
		(void)net_send(net, 60);
	fix_advance(net->eng, SEC);
	assert_arrival(net, 0, 0, 68571);
	assert_arrival(net, 6, 6, 480000);
	net_free(net);
}

/* A link kept busy by frames of random sizes: the last bit leaves exactly when all bits together
 * have been sent at that rate, however they were cut into frames. */
static void saturated_link_is_exact_over_many_frames(void **state UNUSED)
{
	static const struct {
		uint64_t rate_bps;
		uint32_t n;
	} cases[] = {{56000, 3000}, {50000000, 100000}, {999999937, 3000}, {100000000000, 100000}};
	struct prng prng = prng_make();

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		uint64_t rate_bps = cases[c].rate_bps;
		struct net *net = net_new((struct media_conf){.rate_bps = rate_bps});
		uint64_t n_bits = 0;

		for (uint32_t i = 0; i < cases[c].n; i++) {
			uint32_t len = 60 + (uint32_t)prng_below(&prng, 1455);

			(void)net_send(net, len);
			n_bits += len * 8;
			while (net->n_sent - net->n_got > 900) /* room in the queue again */
				(void)engine_run(net->eng, engine_next_ns(net->eng));
		}
		fix_advance(net->eng, 600 * SEC);
		assert_int_equal(net->n_got, cases[c].n);
		assert_int_equal(net->got[cases[c].n - 1].at_ns - FIX_START_NS,
				 (int64_t)(n_bits * 1000000000 / rate_bps));
		assert_int_equal(media_stats(net->m, 0)->busy_ns,
				 (int64_t)(n_bits * 1000000000 / rate_bps));
		net_free(net);
	}
}

static void full_queue_drops_the_newest(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000000, .queue_pkts = 2});

	for (int i = 0; i < 5; i++) /* one in the transmitter, two wait */
		(void)net_send(net, 125);
	fix_advance(net->eng, SEC);
	assert_int_equal(net->n_got, 3);
	assert_arrival(net, 2, 2, 3 * MSEC);
	fix_assert_drops(net->st[0], DROP_LINK_QUEUE, 2);
	assert_int_equal(media_stats(net->m, 0)->queue_drops, 2);
	assert_int_equal(media_stats(net->m, 0)->queue_peak_pkts, 2);
	net_free(net);
}

static void queue_is_bounded_in_bytes(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000000, .queue_bytes = 250});

	for (int i = 0; i < 4; i++)
		(void)net_send(net, 125);
	fix_advance(net->eng, SEC);
	assert_int_equal(net->n_got, 3);
	net_free(net);
}

static void queue_without_a_number_holds_a_thousand(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000000});

	for (int i = 0; i < 1002; i++)
		(void)net_send(net, 125);
	fix_advance(net->eng, 10 * SEC);
	assert_int_equal(net->n_got, 1001);
	net_free(net);
}

static void loss_hits_its_share(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.loss_ppm = 10000});
	uint64_t lost;

	for (int i = 0; i < 100000; i++) {
		(void)net_send(net, 60);
		fix_settle(net->eng);
	}
	lost = media_stats(net->m, 0)->lost;
	assert_in_range(lost, 880, 1120); /* 1000 and four standard deviations */
	assert_int_equal(net->n_got + lost, 100000);
	fix_assert_drops(net->st[0], DROP_LINK_LOSS, lost);
	net_free(net);
}

static void certain_loss_loses_all_and_none_none(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.loss_ppm = MEDIA_PPM});

	for (int i = 0; i < 1000; i++)
		(void)net_send(net, 60);
	fix_settle(net->eng);
	assert_int_equal(net->n_got, 0);
	net_free(net);
}

static void duplicate_arrives_right_after(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.duplicate_ppm = MEDIA_PPM});

	(void)net_send(net, 60);
	(void)net_send(net, 2000);
	fix_settle(net->eng);
	assert_int_equal(net->n_got, 4);
	assert_arrival(net, 0, 0, 0);
	assert_arrival(net, 1, 0, 0);
	assert_arrival(net, 3, 1, 0);
	assert_int_equal(media_stats(net->m, 0)->duplicated, 2);
	assert_int_equal(media_stats(net->m, 0)->frames, 4);
	assert_int_equal(net->n_bad, 0);
	net_free(net);
}

static uint32_t n_bits_wrong(const struct pkt *pkt, const struct fix_frame *sent)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < pkt->len; i++)
		n += (uint32_t)__builtin_popcount((unsigned int)(pkt->data[i] ^ sent->b[i]));
	return n;
}

static struct {
	struct fix_frame sent;
	uint32_t n_wrong;
	uint8_t csum;
} corrupted;

static enum drop corrupted_input(struct netif *netif UNUSED, struct pkt *pkt)
{
	assert_int_equal(pkt->lin_len, pkt->len);
	corrupted.n_wrong = n_bits_wrong(pkt, &corrupted.sent);
	corrupted.csum = pkt->csum;
	pkt_free(pkt);
	return DROP_NONE;
}

static void corruption_flips_one_bit_and_spares_who_shares_the_bytes(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.corrupt_ppm = MEDIA_PPM});
	struct pkt *pkt, *other;

	corrupted.sent = fix_frame(net->end[1]->hwaddr, net->end[0]->hwaddr, PROTO);
	corrupted.sent.len = 1000;
	net->end[1]->input = corrupted_input;
	for (int i = 0; i < 100; i++) {
		pkt = fix_pkt(net->eng, corrupted.sent.b, corrupted.sent.len);
		pkt->csum = PKT_CSUM_VERIFIED;
		other = pkt_clone(pkt);
		assert_non_null(other);
		corrupted.n_wrong = 0;
		(void)netif_tx(net->end[0], pkt);
		fix_settle(net->eng);
		assert_int_equal(corrupted.n_wrong, 1);
		assert_int_equal(corrupted.csum, PKT_CSUM_NONE);
		assert_int_equal(n_bits_wrong(other, &corrupted.sent), 0);
		pkt_free(other);
	}
	assert_int_equal(media_stats(net->m, 0)->corrupted, 100);
	net_free(net);
}

static void jitter_keeps_the_order_within_its_range(void **state UNUSED)
{
	struct net *net =
		net_new((struct media_conf){.delay_ns = 10 * MSEC, .jitter_ns = 5 * MSEC});
	int64_t min_ns = INT64_MAX, max_ns = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		(void)net_send(net, 60);
		fix_advance(net->eng, 100 * USEC);
	}
	fix_advance(net->eng, SEC);
	assert_int_equal(net->n_got, 10000);
	for (uint32_t i = 0; i < net->n_got; i++) {
		int64_t took_ns = net->got[i].at_ns - FIX_START_NS - (int64_t)i * 100 * USEC;

		assert_int_equal(net->got[i].id, i);
		min_ns = took_ns < min_ns ? took_ns : min_ns;
		max_ns = took_ns > max_ns ? took_ns : max_ns;
	}
	assert_in_range(min_ns, 10 * MSEC, 15 * MSEC);
	assert_in_range(max_ns, 14 * MSEC, 15 * MSEC);
	net_free(net);
}

static void reordered_frame_is_late_by_its_time(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){
		.delay_ns = MSEC, .reorder_ppm = 50000, .reorder_ns = 350 * USEC});
	uint32_t n_late = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		(void)net_send(net, 60);
		fix_advance(net->eng, 100 * USEC);
	}
	fix_advance(net->eng, SEC);
	assert_int_equal(net->n_got, 10000);
	for (uint32_t i = 0; i < net->n_got; i++) {
		const struct arrival *a = &net->got[i];
		int64_t took_ns = a->at_ns - FIX_START_NS - (int64_t)a->id * 100 * USEC;

		assert_true(took_ns == MSEC || took_ns == MSEC + 350 * USEC);
		n_late += took_ns != MSEC;
	}
	assert_int_equal(n_late, media_stats(net->m, 0)->reordered);
	assert_in_range(n_late, 413, 587); /* 500 and four standard deviations */
	net_free(net);
}

static void reordered_frame_without_a_time_skips_the_delay(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){
		.rate_bps = 1000000, .delay_ns = 10 * MSEC, .reorder_ppm = 300000});
	uint32_t n_early = 0;

	for (uint32_t i = 0; i < 500; i++)
		(void)net_send(net, 125);
	fix_advance(net->eng, 10 * SEC);
	assert_int_equal(net->n_got, 500);
	for (uint32_t i = 0; i < net->n_got; i++) {
		const struct arrival *a = &net->got[i];
		int64_t took_ns = a->at_ns - FIX_START_NS - ((int64_t)a->id + 1) * MSEC;

		assert_true(took_ns == 0 || took_ns == 10 * MSEC);
		n_early += took_ns == 0;
	}
	assert_int_equal(n_early, media_stats(net->m, 0)->reordered);
	net_free(net);
}

/* The link against its specification written down naively: a sorted list of arrivals. */
static int arrival_cmp(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->id < y->id ? -1 : 1;
}

static void random_traffic_equals_a_naive_twin(void **state UNUSED)
{
	struct prng prng = prng_make();

	for (int round = 0; round < 20; round++) {
		uint64_t rate_bps = 1000 + prng_below(&prng, round % 2 ? 1000000000 : 20000000);
		int64_t delay_ns = (int64_t)prng_below(&prng, 50 * (uint64_t)MSEC);
		struct net *net = net_new((struct media_conf){
			.rate_bps = rate_bps, .delay_ns = delay_ns, .queue_pkts = 100000});
		struct arrival *want = calloc(2000, sizeof(*want));
		int64_t idle_ns = 0; /* when the transmitter is free */
		uint64_t rem = 0;

		for (uint32_t i = 0; i < 2000; i++) {
			uint32_t len = 60 + (uint32_t)prng_below(&prng, 1455);
			int64_t start_ns = idle_ns > net_time(net) ? idle_ns : net_time(net);
			uint64_t t = (uint64_t)len * 8 * 1000000000 + rem;

			idle_ns = start_ns + (int64_t)(t / rate_bps);
			rem = t % rate_bps;
			want[i] = (struct arrival){i, len, FIX_START_NS + idle_ns + delay_ns};
			(void)net_send(net, len);
			if (prng_below(&prng, 3) == 0)
				fix_advance(
					net->eng,
					(int64_t)prng_below(&prng, 40 * 8000000000000 / rate_bps));
		}
		fix_advance(net->eng, idle_ns + SEC);
		qsort(want, 2000, sizeof(*want), arrival_cmp);
		assert_int_equal(net->n_got, 2000);
		assert_memory_equal(net->got, want, 2000 * sizeof(*want));
		assert_int_equal(net->n_bad, 0);
		free(want);
		net_free(net);
	}
}

static void same_seed_gives_the_same_run(void **state UNUSED)
{
	const struct media_conf conf = {
		.rate_bps = 10000000,
		.delay_ns = 5 * MSEC,
		.jitter_ns = 2 * MSEC,
		.loss_ppm = 50000,
		.duplicate_ppm = 20000,
		.reorder_ppm = 30000,
		.reorder_ns = 3 * MSEC,
	};
	struct net *net[3];

	for (int n = 0; n < 3; n++) {
		net[n] = net_new_seeded(conf, conf, n == 2 ? 99 : 7);
		for (uint32_t i = 0; i < 500; i++)
			(void)net_send(net[n], 60 + i);
		fix_advance(net[n]->eng, 10 * SEC);
	}
	assert_int_equal(net[0]->n_got, net[1]->n_got);
	assert_memory_equal(net[0]->got, net[1]->got, net[0]->n_got * sizeof(*net[0]->got));
	assert_true(net[2]->n_got != net[0]->n_got ||
		    memcmp(net[0]->got, net[2]->got, net[0]->n_got * sizeof(*net[0]->got)) != 0);
	for (int n = 0; n < 3; n++)
		net_free(net[n]);
}

static void late_timer_keeps_the_rate(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000000});

	for (int i = 0; i < 10; i++)
		(void)net_send(net, 125);
	(void)engine_run(net->eng, FIX_START_NS + 5 * MSEC + 700 * USEC); /* one late turn */
	assert_int_equal(net->n_got, 5);
	assert_int_equal(engine_next_ns(net->eng), FIX_START_NS + 6 * MSEC);
	fix_advance(net->eng, SEC);
	assert_arrival(net, 9, 9, 10 * MSEC);
	net_free(net);
}

static void new_rate_serves_what_waits(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000});

	for (int i = 0; i < 3; i++)
		(void)net_send(net, 125); /* a second each */
	assert_int_equal(media_set(net->m, 0, &(struct media_conf){.rate_bps = 1000000}), 0);
	fix_advance(net->eng, 10 * SEC);
	assert_arrival(net, 0, 0, SEC); /* was in the transmitter */
	assert_arrival(net, 1, 1, SEC + MSEC);
	assert_arrival(net, 2, 2, SEC + 2 * MSEC);
	net_free(net);
}

static void rate_taken_away_empties_the_queue(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000});

	for (int i = 0; i < 3; i++)
		(void)net_send(net, 125);
	assert_int_equal(media_set(net->m, 0, &(struct media_conf){0}), 0);
	(void)net_send(net, 125);
	fix_advance(net->eng, 10 * SEC);
	assert_int_equal(net->n_got, 4);
	assert_arrival(net, 3, 3, SEC);
	net_free(net);
}

static void shorter_delay_keeps_the_order(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.delay_ns = 10 * MSEC});

	(void)net_send(net, 60);
	assert_int_equal(media_set(net->m, 0, &(struct media_conf){.delay_ns = MSEC}), 0);
	(void)net_send(net, 60);
	fix_advance(net->eng, SEC);
	assert_arrival(net, 0, 0, 10 * MSEC);
	assert_arrival(net, 1, 1, 10 * MSEC);
	(void)net_send(net, 60);
	fix_advance(net->eng, SEC);
	assert_arrival(net, 2, 2, SEC + MSEC);
	net_free(net);
}

static void values_out_of_range_are_refused(void **state UNUSED)
{
	const struct media_conf bad[] = {
		{.rate_bps = MEDIA_RATE_MAX_BPS + 1},
		{.delay_ns = -1},
		{.delay_ns = MEDIA_TIME_MAX_NS + 1},
		{.jitter_ns = -1},
		{.jitter_ns = INT64_MAX},
		{.reorder_ns = -1},
		{.reorder_ns = INT64_MAX},
		{.loss_ppm = MEDIA_PPM + 1},
		{.duplicate_ppm = MEDIA_PPM + 1},
		{.corrupt_ppm = MEDIA_PPM + 1},
		{.reorder_ppm = MEDIA_PPM + 1},
	};
	struct net *net = net_new((struct media_conf){.delay_ns = MSEC});
	const struct media_conf good = {0};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct media_end a = {net->st[0], "x", &good}, b = {net->st[1], "x", &bad[i]};
		struct media *m = NULL;

		assert_int_equal(media_set(net->m, 0, &bad[i]), -EINVAL);
		assert_int_equal(media_new(&a, &b, &m), -EINVAL);
		assert_null(m);
	}
	(void)net_send(net, 60);
	fix_advance(net->eng, SEC);
	assert_arrival(net, 0, 0, MSEC); /* as it was */
	net_free(net);
}

static void extreme_rates_do_not_overflow(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1});
	int64_t changed_ns;

	(void)net_send(net, 65549);
	(void)net_send(net, 60);
	fix_advance(net->eng, 524392 * SEC - 1);
	assert_int_equal(net->n_got, 0);
	fix_advance(net->eng, 1);
	assert_int_equal(net->n_got, 1);
	fix_advance(net->eng, 480 * SEC);
	assert_int_equal(net->n_got, 2);
	assert_int_equal(media_set(net->m, 0, &(struct media_conf){.rate_bps = MEDIA_RATE_MAX_BPS}),
			 0);
	changed_ns = net->eng->now_ns;
	for (int i = 0; i < 125; i++) /* 8 ps each */
		(void)net_send(net, 1000);
	fix_advance(net->eng, 1000);
	assert_int_equal(net->n_got, 127);
	assert_int_equal(net->got[125].at_ns, changed_ns);
	assert_int_equal(net->got[126].at_ns, changed_ns + 1);
	net_free(net);
}

static void link_going_down_loses_what_it_carries(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000000,
						      .delay_ns = 10 * MSEC,
						      .reorder_ppm = 200000,
						      .reorder_ns = MSEC});

	for (int i = 0; i < 20; i++)
		(void)net_send(net, 125);
	fix_advance(net->eng, 5 * MSEC);
	media_set_up(net->m, false);
	fix_assert_pools_empty(net->eng);
	assert_int_equal(media_stats(net->m, 0)->down_drops, 20);
	fix_assert_drops(net->st[0], DROP_IF_CARRIER, 20);
	assert_false(netif_is_running(net->end[0]));
	assert_false(netif_is_running(net->end[1]));
	assert_int_equal(net_send(net, 125), -ENETDOWN);
	media_set_up(net->m, true);
	assert_true(netif_is_running(net->end[0]));
	assert_int_equal(net_send(net, 125), 0);
	fix_advance(net->eng, SEC);
	assert_int_equal(net->n_got, 1);
	net_free(net);
}

static void carrier_follows_the_other_end(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){0});

	netif_set_up(net->end[1], false);
	assert_false(net->end[0]->flags & NETIF_CARRIER);
	media_set_up(net->m, false);
	netif_set_up(net->end[1], true);
	assert_false(net->end[0]->flags & NETIF_CARRIER);
	media_set_up(net->m, true);
	assert_true(net->end[0]->flags & NETIF_CARRIER);
	net_free(net);
}

static void deleting_one_end_deletes_the_link(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.rate_bps = 1000000, .delay_ns = 10 * MSEC});

	for (int i = 0; i < 5; i++)
		(void)net_send(net, 125);
	fix_advance(net->eng, 2 * MSEC);
	assert_ptr_equal(media_of(net->end[1]), net->m);
	netif_del(net->end[1]);
	assert_null(netif_find(net->st[0], "eth0"));
	fix_assert_pools_empty(net->eng);
	net_free(net);
}

static void directions_are_separate(void **state UNUSED)
{
	struct net *net = net_new_seeded((struct media_conf){.rate_bps = 1000000},
					 (struct media_conf){.delay_ns = 7 * MSEC}, 1);
	struct fix_frame f = fix_frame(net->end[0]->hwaddr, net->end[1]->hwaddr, PROTO);

	fix_frame_add(&f, "\0\0\0\7", 4);
	(void)net_send(net, 125);
	(void)netif_tx(net->end[1], fix_pkt(net->eng, f.b, f.len));
	fix_advance(net->eng, SEC);
	assert_arrival(net, 0, 0, MSEC);
	assert_arrival(net, 1, 7, 7 * MSEC);
	assert_int_equal(media_stats(net->m, 0)->frames, 1);
	assert_int_equal(media_stats(net->m, 0)->bytes, 125);
	assert_int_equal(media_stats(net->m, 1)->frames, 1);
	assert_int_equal(media_stats(net->m, 1)->busy_ns, 0);
	net_free(net);
}

static void super_packets_pass_whole_only_where_nothing_is_decided_by_frame(void **state UNUSED)
{
	const uint32_t gso = NETIF_F_GSO_TCP | NETIF_F_GSO_UDP;
	const struct media_conf whole[] = {{0}, {.delay_ns = MSEC, .jitter_ns = MSEC}};
	const struct media_conf split[] = {
		{.rate_bps = 1000}, {.loss_ppm = 1},    {.duplicate_ppm = 1},
		{.corrupt_ppm = 1}, {.reorder_ppm = 1},
	};
	struct net *net = net_new((struct media_conf){0});

	for (size_t i = 0; i < ARRAY_SIZE(split); i++) {
		assert_int_equal(media_set(net->m, 0, &split[i]), 0);
		assert_int_equal(net->end[0]->features & gso, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		assert_int_equal(media_set(net->m, 0, &whole[i]), 0);
		assert_int_equal(net->end[0]->features & gso, gso);
	}
	net_free(net);
}

static void exhausted_pool_only_costs_the_twin(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.duplicate_ppm = MEDIA_PPM});
	struct pool *pool = &net->eng->pkts.pkts;
	struct pkt *held[1024];
	uint32_t n = 0;

	(void)net_send(net, 60);
	fix_settle(net->eng);
	assert_int_equal(net->n_got, 2);
	pool->max_objs = pool->n_objs; /* no more than there have been so far */
	while (n < 1024 && pool->n_used + 1 < pool->max_objs &&
	       (held[n] = pkt_alloc(&net->eng->pkts, 0)))
		n++;
	(void)net_send(net, 60);
	fix_settle(net->eng);
	assert_int_equal(net->n_got, 3);
	assert_int_equal(media_stats(net->m, 0)->duplicated, 1);
	while (n)
		pkt_free(held[--n]);
	net_free(net);
}

static void exhausted_buffers_drop_the_frame_to_be_corrupted(void **state UNUSED)
{
	struct net *net = net_new((struct media_conf){.corrupt_ppm = MEDIA_PPM});
	struct fix_frame f = fix_frame(net->end[1]->hwaddr, net->end[0]->hwaddr, PROTO);
	struct buf *bufs[FIX_BUFS_MAX];
	struct pkt *pkt, *other;
	uint32_t n;

	f.len = 1000;
	pkt = fix_pkt(net->eng, f.b, f.len);
	other = pkt_clone(pkt); /* so that it must be copied */
	n = fix_exhaust_bufs(net->eng, bufs);
	(void)netif_tx(net->end[0], pkt);
	fix_settle(net->eng);
	fix_assert_drops(net->st[0], DROP_LINK_CORRUPT, 1);
	fix_release_bufs(bufs, n);
	pkt_free(other);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perfect_link_delivers_at_once),
		cmocka_unit_test(delay_is_exact),
		cmocka_unit_test(rate_serialises_frames_back_to_back),
		cmocka_unit_test(remainder_of_a_nanosecond_is_carried),
		cmocka_unit_test(saturated_link_is_exact_over_many_frames),
		cmocka_unit_test(full_queue_drops_the_newest),
		cmocka_unit_test(queue_is_bounded_in_bytes),
		cmocka_unit_test(queue_without_a_number_holds_a_thousand),
		cmocka_unit_test(loss_hits_its_share),
		cmocka_unit_test(certain_loss_loses_all_and_none_none),
		cmocka_unit_test(duplicate_arrives_right_after),
		cmocka_unit_test(corruption_flips_one_bit_and_spares_who_shares_the_bytes),
		cmocka_unit_test(jitter_keeps_the_order_within_its_range),
		cmocka_unit_test(reordered_frame_is_late_by_its_time),
		cmocka_unit_test(reordered_frame_without_a_time_skips_the_delay),
		cmocka_unit_test(random_traffic_equals_a_naive_twin),
		cmocka_unit_test(same_seed_gives_the_same_run),
		cmocka_unit_test(late_timer_keeps_the_rate),
		cmocka_unit_test(new_rate_serves_what_waits),
		cmocka_unit_test(rate_taken_away_empties_the_queue),
		cmocka_unit_test(shorter_delay_keeps_the_order),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(extreme_rates_do_not_overflow),
		cmocka_unit_test(link_going_down_loses_what_it_carries),
		cmocka_unit_test(carrier_follows_the_other_end),
		cmocka_unit_test(deleting_one_end_deletes_the_link),
		cmocka_unit_test(directions_are_separate),
		cmocka_unit_test(super_packets_pass_whole_only_where_nothing_is_decided_by_frame),
		cmocka_unit_test(exhausted_pool_only_costs_the_twin),
		cmocka_unit_test(exhausted_buffers_drop_the_frame_to_be_corrupted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
