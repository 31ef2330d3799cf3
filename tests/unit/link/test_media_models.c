/* SPDX-License-Identifier: MIT */
/* What is random about simulated links: distributions, bursts, reordering; and marks. */
#include "fixture.h"

#include "base/rng.h"
#include "link/media.h"
#include "link/media_delay.h"
#include "link/media_ecn.h"
#include "link/media_loss.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
	DRAWS = 200000,
};

static struct rng seeded(uint64_t seed)
{
	struct rng rng;

	rng_init_seed(&rng, seed);
	return rng;
}

/* Delays */

/* The normal distribution function by its series. */
static double normal_cdf(double x)
{
	double term = x, sum = x;

	for (int n = 1; n < 200; n++) {
		term *= -x * x / (2.0 * n);
		sum += term / (2 * n + 1);
	}
	return 0.5 + sum / 2.5066282746310002;
}

static void table_of_the_normal_distribution_has_its_quantiles(void **state UNUSED)
{
	for (int i = 1; i < 1024; i++) {
		double x = media_dist_normal[i] / (double)MEDIA_DIST_ONE;
		double off = normal_cdf(x) - i / 1024.0;

		assert_true(off < 1e-4 && off > -1e-4);
		/* Rounded either way at a half. */
		assert_in_range(media_dist_normal[i] + media_dist_normal[1024 - i] + 1, 0, 2);
	}
	assert_int_equal(media_dist_normal[0], INT16_MIN);
	assert_int_equal(media_dist_normal[1024], INT16_MAX);
}

/* P(X > x) = (1.5 + x * sqrt(3/4))^-3. */
static void table_of_the_pareto_distribution_has_its_quantiles(void **state UNUSED)
{
	for (int i = 0; i <= 1024; i++) {
		double b = 1.5 + media_dist_pareto[i] / (double)MEDIA_DIST_ONE * 0.8660254037844386;
		double off = 1 / (b * b * b) - (1 - i / 1024.0);

		if (media_dist_pareto[i] == INT16_MAX)
			assert_true(off >= 0);
		else
			assert_true(off < 3e-4 && off > -3e-4);
	}
	assert_int_equal(media_dist_pareto[1024], INT16_MAX);
}

struct moments {
	double mean_ms, variance_ms2;
	int64_t min_ns, max_ns;
};

static struct moments moments_of(const struct media_conf *conf)
{
	struct moments m = {.min_ns = INT64_MAX};
	struct rng rng = seeded(1);
	double sum = 0, sum2 = 0;

	for (int i = 0; i < DRAWS; i++) {
		int64_t ns = media_delay_draw(conf, &rng);
		double ms = (double)ns / MSEC;

		sum += ms;
		sum2 += ms * ms;
		m.min_ns = ns < m.min_ns ? ns : m.min_ns;
		m.max_ns = ns > m.max_ns ? ns : m.max_ns;
	}
	m.mean_ms = sum / DRAWS;
	m.variance_ms2 = sum2 / DRAWS - m.mean_ms * m.mean_ms;
	return m;
}

#define assert_about(x, want, by) assert_true((x) > (want) - (by) && (x) < (want) + (by))

static struct media_conf jittery(enum media_dist dist)
{
	return (struct media_conf){
		.delay_ns = 100 * MSEC, .jitter_ns = 10 * MSEC, .jitter_dist = dist};
}

static void uniform_jitter_only_adds(void **state UNUSED)
{
	struct media_conf conf = jittery(MEDIA_DIST_UNIFORM);
	struct moments m = moments_of(&conf);

	assert_about(m.mean_ms, 105.0, 0.05);
	assert_about(m.variance_ms2, 100 / 12.0, 0.1);
	assert_in_range(m.min_ns, 100 * MSEC, 100 * MSEC + 10 * USEC);
	assert_in_range(m.max_ns, 110 * MSEC - 10 * USEC, 110 * MSEC);
}

static void normal_jitter_is_the_standard_deviation(void **state UNUSED)
{
	struct media_conf conf = jittery(MEDIA_DIST_NORMAL);
	struct moments m = moments_of(&conf);

	assert_about(m.mean_ms, 100.0, 0.1);
	assert_about(m.variance_ms2, 100.0, 2.0);
	assert_in_range(m.min_ns, 60 * MSEC, 70 * MSEC);
	assert_in_range(m.max_ns, 130 * MSEC, 140 * MSEC);
}

static void pareto_jitter_has_a_long_tail_and_is_cut(void **state UNUSED)
{
	struct media_conf conf = jittery(MEDIA_DIST_PARETO);
	struct moments m = moments_of(&conf);

	/* What is cut beyond four deviations is missing from both. */
	assert_about(m.mean_ms, 99.8, 0.3);
	assert_about(m.variance_ms2, 60.0, 6.0);
	assert_in_range(m.min_ns, 94 * MSEC, 94300 * USEC);
	assert_in_range(m.max_ns, 139 * MSEC, 140 * MSEC);
}

static void paretonormal_jitter_lies_between(void **state UNUSED)
{
	struct media_conf conf = jittery(MEDIA_DIST_PARETONORMAL);
	struct moments m = moments_of(&conf);

	assert_about(m.mean_ms, 99.8, 0.3);
	assert_about(m.variance_ms2, 60.0 * 9 / 16 + 100.0 / 16, 5.0);
	assert_true(m.min_ns < 94 * MSEC);
}

static void delay_is_never_negative(void **state UNUSED)
{
	struct media_conf conf = {
		.delay_ns = MSEC, .jitter_ns = MEDIA_TIME_MAX_NS, .jitter_dist = MEDIA_DIST_NORMAL};
	struct moments m = moments_of(&conf);

	assert_int_equal(m.min_ns, 0);
	assert_true(m.max_ns > 3 * MEDIA_TIME_MAX_NS && m.max_ns <= 4 * MEDIA_TIME_MAX_NS + MSEC);
}

/* Losses */

static void gemodel_loses_its_share_in_bursts_of_its_length(void **state UNUSED)
{
	struct media_conf conf = {
		.gemodel_p_ppm = 10000, .gemodel_r_ppm = 250000, .gemodel_1h_ppm = MEDIA_PPM};
	struct media_loss loss = {0};
	struct rng rng = seeded(1);
	uint32_t n_lost = 0, n_bursts = 0;
	bool was = false;

	for (int i = 0; i < DRAWS; i++) {
		bool is = media_loss_draw(&loss, &conf, &rng);

		n_lost += is;
		n_bursts += is && !was;
		was = is;
	}
	/* p/(p+r) are lost, in bursts of 1/r. */
	assert_about(n_lost / (double)DRAWS, 10.0 / 260, 0.002);
	assert_about(n_lost / (double)n_bursts, 4.0, 0.15);
}

static void gemodel_loses_what_its_states_say(void **state UNUSED)
{
	struct media_conf conf = {.gemodel_p_ppm = 500000,
				  .gemodel_r_ppm = 500000,
				  .gemodel_1h_ppm = 600000,
				  .gemodel_1k_ppm = 200000};
	struct media_loss loss = {0};
	struct rng rng = seeded(2);
	uint32_t n_lost = 0;

	for (int i = 0; i < DRAWS; i++)
		n_lost += media_loss_draw(&loss, &conf, &rng);
	assert_about(n_lost / (double)DRAWS, 0.4, 0.005);
}

static void listed_frames_are_lost_and_no_others(void **state UNUSED)
{
	struct media_conf conf = {.n_lose = 2, .lose = {{2, 2}, {5, 7}}};
	struct media_loss loss = {0};
	struct rng rng = seeded(1);

	for (int round = 0; round < 2; round++) {
		for (int i = 1; i < 20; i++)
			assert_int_equal(media_loss_draw(&loss, &conf, &rng),
					 i == 2 || (i >= 5 && i <= 7));
		media_loss_restart(&loss);
	}
}

/* Reordering */

static void correlated_reordering_keeps_its_share_in_longer_runs(void **state UNUSED)
{
	for (uint32_t corr = 0; corr < 2; corr++) {
		struct media_conf conf = {.reorder_ppm = 100000,
					  .reorder_corr_ppm = corr ? 500000 : 0};
		struct media_reorder reorder = {0};
		struct rng rng = seeded(3);
		uint32_t n = 0, n_runs = 0;
		bool was = false;

		for (int i = 0; i < DRAWS; i++) {
			bool is = media_reorder_draw(&reorder, &conf, &rng);

			n += is;
			n_runs += is && !was;
			was = is;
		}
		assert_about(n / (double)DRAWS, 0.1, 0.004);
		/* A run goes on with probability p, or c + (1-c)p. */
		assert_about(n / (double)n_runs, corr ? 1 / 0.45 : 1 / 0.9, 0.05);
	}
}

static void reordered_frames_are_a_gap_apart(void **state UNUSED)
{
	struct media_conf conf = {.reorder_ppm = MEDIA_PPM, .reorder_gap = 5};
	struct media_reorder reorder = {0};
	struct rng rng = seeded(3);

	for (int i = 1; i <= 100; i++)
		assert_int_equal(media_reorder_draw(&reorder, &conf, &rng), i % 5 == 0);
}

/* Marks */

static struct pkt *ip4_frame(struct engine *eng, uint8_t tos)
{
	struct fix_frame f = fix_frame(fix_mac(1), fix_mac(2), ETHERTYPE_IPV4);
	uint8_t p[IP4_HDR_LEN + 8] = {0};

	ip4_hdr_write(p, &(struct ip4_hdr){.hdr_len = 20, .tot_len = 28, .ttl = 64, .tos = tos});
	fix_frame_add(&f, p, sizeof(p));
	return fix_pkt(eng, f.b, f.len);
}

static uint8_t tos_of(const struct pkt *pkt)
{
	struct ip4_hdr hdr;

	ip4_hdr_read(pkt->data + ETH_HDR_LEN, &hdr);
	assert_true(ip4_hdr_csum_ok(pkt->data + ETH_HDR_LEN, hdr.hdr_len));
	return hdr.tos;
}

static void frame_of_a_sender_that_understands_is_marked(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct pkt *pkt = ip4_frame(eng, 0xb8 | IP_ECN_ECT0), *twin = pkt_clone(pkt);

	assert_true(media_ecn_mark(pkt));
	assert_int_equal(tos_of(pkt), 0xb8 | IP_ECN_CE);
	assert_int_equal(tos_of(twin), 0xb8 | IP_ECN_ECT0);
	pkt_free(pkt);
	pkt_free(twin);
	fix_end(eng);
}

static void frame_of_another_sender_is_not_marked(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct pkt *pkt = ip4_frame(eng, 0xb8);

	assert_false(media_ecn_mark(pkt));
	assert_int_equal(tos_of(pkt), 0xb8);
	pkt_free(pkt);
	pkt = fix_pkt(eng, "abc", 3);
	assert_false(media_ecn_mark(pkt));
	pkt_free(pkt);
	fix_end(eng);
}

static void ip6_frame_is_marked(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct fix_frame f = fix_frame(fix_mac(1), fix_mac(2), ETHERTYPE_IPV6);
	struct ip6_hdr hdr = {.tclass = 0xb8 | IP_ECN_ECT1, .flow = 0x12345, .hop_limit = 3};
	uint8_t p[IP6_HDR_LEN];
	struct pkt *pkt;

	ip6_hdr_write(p, &hdr);
	fix_frame_add(&f, p, sizeof(p));
	pkt = fix_pkt(eng, f.b, f.len);
	assert_true(media_ecn_mark(pkt));
	ip6_hdr_read(pkt->data + ETH_HDR_LEN, &hdr);
	assert_int_equal(hdr.tclass, 0xb8 | IP_ECN_CE);
	assert_int_equal(hdr.flow, 0x12345);
	assert_int_equal(hdr.hop_limit, 3);
	pkt_free(pkt);
	fix_end(eng);
}

/* The link itself */

struct pair {
	struct engine *eng;
	struct media *m;
	struct netif *from;
	uint32_t n_got, n_ce;
	uint32_t got[64];
};

static enum drop pair_input(struct netif *netif, struct pkt *pkt)
{
	struct pair *p = netif->input_ctx;

	p->n_ce += (tos_of(pkt) & IP_ECN_MASK) == IP_ECN_CE;
	p->got[p->n_got++] = pkt->data[ETH_HDR_LEN + IP4_HDR_LEN];
	pkt_free(pkt);
	return DROP_NONE;
}

static struct pair *pair_new(const struct media_conf *conf)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct media_conf good = {0};
	struct media_end a, b;

	p->eng = fix_engine();
	a = (struct media_end){fix_stack(p->eng, "a"), "eth0", conf};
	b = (struct media_end){fix_stack(p->eng, "b"), "eth0", &good};
	assert_int_equal(media_new(&a, &b, &p->m), 0);
	for (int i = 0; i < 2; i++) {
		media_netif(p->m, i)->input = pair_input;
		media_netif(p->m, i)->input_ctx = p;
		netif_set_up(media_netif(p->m, i), true);
	}
	p->from = media_netif(p->m, 0);
	return p;
}

static void pair_send(struct pair *p, uint8_t id)
{
	struct pkt *pkt = ip4_frame(p->eng, IP_ECN_ECT0);

	pkt->data[ETH_HDR_LEN + IP4_HDR_LEN] = id;
	(void)netif_tx(p->from, pkt);
}

static void pair_free(struct pair *p)
{
	fix_end(p->eng);
	free(p);
}

static void queue_above_the_threshold_marks(void **state UNUSED)
{
	struct pair *p = pair_new(&(struct media_conf){.rate_bps = 1000000, .ecn_pkts = 5});

	for (uint8_t i = 0; i < 20; i++)
		pair_send(p, i);
	assert_int_equal(media_queue_pkts(p->m, 0), 19);
	fix_advance(p->eng, SEC);
	/* One was in the transmitter and five waited when the first was marked. */
	assert_int_equal(p->n_ce, 14);
	assert_int_equal(media_stats(p->m, 0)->marked, 14);
	assert_int_equal(media_queue_pkts(p->m, 0), 0);
	pair_free(p);
}

static void list_that_is_set_again_counts_anew(void **state UNUSED)
{
	struct media_conf conf = {.n_lose = 1, .lose = {{1, 2}}};
	struct pair *p = pair_new(&conf);

	for (uint8_t i = 0; i < 4; i++)
		pair_send(p, i);
	fix_settle(p->eng);
	assert_int_equal(p->n_got, 2);
	assert_int_equal(p->got[0], 2);
	conf.delay_ns = MSEC; /* the list is the same, so it goes on counting */
	assert_int_equal(media_set(p->m, 0, &conf), 0);
	pair_send(p, 4);
	fix_advance(p->eng, SEC);
	assert_int_equal(p->n_got, 3);
	conf.lose[0].last = 1;
	assert_int_equal(media_set(p->m, 0, &conf), 0);
	pair_send(p, 5);
	pair_send(p, 6);
	fix_advance(p->eng, SEC);
	assert_int_equal(p->n_got, 4);
	assert_int_equal(p->got[3], 6);
	pair_free(p);
}

static void models_out_of_range_are_refused(void **state UNUSED)
{
	const struct media_conf bad[] = {
		{.gemodel_p_ppm = MEDIA_PPM + 1},    {.gemodel_r_ppm = MEDIA_PPM + 1},
		{.gemodel_1h_ppm = MEDIA_PPM + 1},   {.gemodel_1k_ppm = MEDIA_PPM + 1},
		{.reorder_corr_ppm = MEDIA_PPM + 1}, {.jitter_dist = MEDIA_DISTS},
		{.n_lose = MEDIA_LOSE_MAX + 1},      {.n_lose = 1, .lose = {{0, 1}}},
		{.n_lose = 1, .lose = {{2, 1}}},
	};
	struct pair *p = pair_new(&(struct media_conf){0});

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(media_set(p->m, 0, &bad[i]), -EINVAL);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_of_the_normal_distribution_has_its_quantiles),
		cmocka_unit_test(table_of_the_pareto_distribution_has_its_quantiles),
		cmocka_unit_test(uniform_jitter_only_adds),
		cmocka_unit_test(normal_jitter_is_the_standard_deviation),
		cmocka_unit_test(pareto_jitter_has_a_long_tail_and_is_cut),
		cmocka_unit_test(paretonormal_jitter_lies_between),
		cmocka_unit_test(delay_is_never_negative),
		cmocka_unit_test(gemodel_loses_its_share_in_bursts_of_its_length),
		cmocka_unit_test(gemodel_loses_what_its_states_say),
		cmocka_unit_test(listed_frames_are_lost_and_no_others),
		cmocka_unit_test(correlated_reordering_keeps_its_share_in_longer_runs),
		cmocka_unit_test(reordered_frames_are_a_gap_apart),
		cmocka_unit_test(frame_of_a_sender_that_understands_is_marked),
		cmocka_unit_test(frame_of_another_sender_is_not_marked),
		cmocka_unit_test(ip6_frame_is_marked),
		cmocka_unit_test(queue_above_the_threshold_marks),
		cmocka_unit_test(list_that_is_set_again_counts_anew),
		cmocka_unit_test(models_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
