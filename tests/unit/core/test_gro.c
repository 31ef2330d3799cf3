/* SPDX-License-Identifier: MIT */
/* Coalescing: what is joined, what is not, and at random beside none; of frames that a device has
 * (core/gro.h), and of packets that wait (core/gro_join.h). */
#include "core_fixture.h"

#include "gro_twin.h"
#include "prng.h"

enum {
	N_RANDOM = 300,
	PROGRAM_MAX = 3 * TWIN_FRAMES,
};

/* Runs a program; `ret_units`: packets in which its frames went up. */
static void run(bool has_pkts, const uint8_t *program, size_t len, uint32_t *ret_frames,
		uint32_t *ret_units)
{
	static struct gro_twin t;
	struct engine_config cfg = {.has_seed = true, .seed = 1};
	struct engine *eng;

	assert_int_equal(engine_new(&cfg, &eng), 0);
	assert_true(gro_twin_run(&t, eng, has_pkts, program, len));
	*ret_frames = t.n_frames;
	*ret_units = t.n_units;
	engine_free(eng);
}

static void frames_follow_each_other_they_are_one_packet(void **state UNUSED)
{
	uint32_t n_frames, n_units;

	for (uint8_t i = 0; i < 8; i++) {
		uint8_t family = (uint8_t)(i % 4 * 4);
		uint8_t program[3 * 10] = {(uint8_t)(0x80 | family), 0, 100};

		for (size_t k = 3; k < sizeof(program); k += 3)
			program[k] = family;
		run(i / 4, program, sizeof(program), &n_frames, &n_units);
		assert_int_equal(n_frames, 10);
		assert_int_equal(n_units, 1);
	}
}

/* Two, the odd one, two: by the oddity the packets that they become. */
static uint32_t units_with(bool has_pkts, uint8_t family, enum twin_odd odd)
{
	uint8_t program[] = {0x80, 0, 100, 0, 0, 0, 0, (uint8_t)odd, 0, 0, 0, 0, 0, 0, 0};
	uint32_t n_frames, n_units;

	for (size_t i = 0; i < sizeof(program); i += 3)
		program[i] |= family;
	run(has_pkts, program, sizeof(program), &n_frames, &n_units);
	assert_int_equal(n_frames, 5);
	return n_units;
}

static void a_frame_differs_it_begins_anew_or_is_alone(void **state UNUSED)
{
	static const uint8_t tcp4[TWIN_ODDS] = {
		[TWIN_AS_BEFORE] = 1, [TWIN_L4_CSUM] = 3,    [TWIN_IP_CSUM] = 3,
		[TWIN_FIN] = 3,       [TWIN_PSH] = 2,        [TWIN_SYN] = 3,
		[TWIN_CWR] = 3,       [TWIN_ACK] = 2,        [TWIN_WINDOW] = 2,
		[TWIN_TIMESTAMP] = 2, [TWIN_NO_OPTIONS] = 3, [TWIN_ID] = 2,
		[TWIN_SEQ] = 2,       [TWIN_TTL] = 2,        [TWIN_TOS] = 2,
		[TWIN_DF] = 3,        [TWIN_FRAGMENT] = 3,   [TWIN_PADDED] = 3,
		[TWIN_MAC] = 3,       [TWIN_URGENT] = 3,     [TWIN_EMPTY] = 3,
	};

	for (int has_pkts = 0; has_pkts < 2; has_pkts++) {
		for (enum twin_odd odd = 0; odd < TWIN_ODDS; odd++)
			if (tcp4[odd] && units_with(has_pkts, 0, odd) != tcp4[odd])
				fail_msg("oddity %u: %u packets", (unsigned int)odd,
					 units_with(has_pkts, 0, odd));
		assert_int_equal(units_with(has_pkts, 8, TWIN_UDP_NO_CSUM), 3);
		assert_int_equal(units_with(has_pkts, 8, TWIN_L4_CSUM), 3);
		assert_int_equal(units_with(has_pkts, 4, TWIN_TOS), 2);
	}
}

static void a_frame_is_shorter_it_is_the_last(void **state UNUSED)
{
	uint8_t program[] = {0x80, 0, 100, 0, 0, 0, 0x20, 0, 9, 0, 0, 0, 0, 0, 0};
	uint32_t n_frames, n_units;

	for (int has_pkts = 0; has_pkts < 2; has_pkts++) {
		run(has_pkts, program, sizeof(program), &n_frames, &n_units);
		assert_int_equal(n_frames, 5);
		assert_int_equal(n_units, 2);
	}
}

/* Packets, which keep the order of all, are joined when nothing of another flow is between them. */
static void programs_at_random_nothing_is_lost_or_changed(void **state UNUSED)
{
	uint64_t n_frames_all = 0, n_units_all[2] = {0};
	struct prng rng = prng_make();

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t program[PROGRAM_MAX];
		uint32_t n_frames, n_units, n_flows = 1 + (uint32_t)prng_below(&rng, 12);

		for (size_t k = 0; k < sizeof(program); k += 3) {
			program[k] = (uint8_t)prng_below(&rng, n_flows);
			if (prng_below(&rng, 20) == 0)
				program[k] |= (uint8_t)(prng_below(&rng, 16) << 4 & 0x70);
			program[k + 1] = prng_below(&rng, 10) ? 0 : (uint8_t)prng_below(&rng, 24);
			program[k + 2] = (uint8_t)prng_below(&rng, 256);
		}
		for (int has_pkts = 0; has_pkts < 2; has_pkts++) {
			run(has_pkts, program, sizeof(program), &n_frames, &n_units);
			n_units_all[has_pkts] += n_units;
		}
		n_frames_all += n_frames;
	}
	assert_true(n_units_all[0] * 2 < n_frames_all);
	assert_true(n_units_all[1] * 5 < n_frames_all * 4);
}

/* A packet has so many places for buffers of others; what was cut from one buffer needs one. */
static void frames_have_a_buffer_each_their_number_is_bounded(void **state)
{
	static struct gro_twin t;
	struct fixture *f = *state;
	uint8_t bytes[TWIN_FRAME_MAX];

	f->netif.features |= NETIF_F_GRO;
	for (uint32_t i = 0; i < 2 * PKT_FRAGS_MAX; i++) {
		uint32_t len = twin_make(&t, bytes, 0, false, TWIN_AS_BEFORE, 500);
		struct pkt *pkt = pkt_alloc(&f->eng->pkts, len);

		assert_non_null(pkt);
		memcpy(pkt_put(pkt, len), bytes, len);
		netif_rx_later(&f->netif, pkt);
	}
	(void)engine_run(f->eng, 0);
	assert_int_equal(f->n_input, 2);
}

static void whole_again(struct fixture *f, struct pkt *pkt)
{
	assert_int_equal(pkt_n_frames(pkt), GRO_FRAMES_MAX);
	assert_int_equal(pkt->n_frags, 1);
	assert_int_equal(f->n_input, 1);
}

/* The payload is neither copied nor referred to in pieces. */
static void super_packet_was_cut_up_it_is_one_again(void **state)
{
	static struct gro_twin t;
	struct fixture *f = *state;
	struct pkt *pkt = pkt_alloc(&f->eng->pkts, 0);
	struct buf *buf = buf_alloc(&f->eng->pkts, GRO_FRAMES_MAX * 500);
	uint8_t bytes[TWIN_FRAME_MAX];
	uint32_t len = twin_make(&t, bytes, 0, false, TWIN_AS_BEFORE, 500);
	struct gso_hdr hdr;
	struct pktq segs;

	assert_true(pkt && buf);
	memset(buf->bytes, 7, GRO_FRAMES_MAX * 500);
	assert_int_equal(gro_read(bytes, len, len, &hdr), GRO_DATA);
	memcpy(pkt_put(pkt, hdr.payload_off), bytes, hdr.payload_off);
	assert_true(pkt_add_frag(pkt, buf, 0, GRO_FRAMES_MAX * 500));
	buf_unref(buf);
	gro_hdr_patch(pkt->data, &hdr, GRO_FRAMES_MAX * 500, false);
	gro_pkt_set(pkt, &hdr, 500);
	pktq_init(&segs);
	assert_int_equal(pkt_segment(pkt, &segs), 0);
	f->netif.features |= NETIF_F_GRO;
	f->on_input = whole_again;
	while (!pktq_is_empty(&segs))
		netif_rx_later(&f->netif, pktq_pop(&segs));
	(void)engine_run(f->eng, 0);
	assert_int_equal(f->n_input, 1);
	assert_int_equal(f->netif.stats.rx_packets, GRO_FRAMES_MAX);
	assert_int_equal(f->netif.stats.rx_units, 1);
}

/* Who else has the first frame's bytes goes on seeing them. */
static void first_frame_is_shared_its_other_owner_keeps_it(void **state)
{
	static struct gro_twin t;
	struct fixture *f = *state;
	uint8_t bytes[TWIN_FRAME_MAX], kept[TWIN_FRAME_MAX];
	struct pkt *other = NULL;
	uint32_t len = 0;

	f->netif.features |= NETIF_F_GRO;
	for (int i = 0; i < 3; i++) {
		uint32_t n = twin_make(&t, bytes, 0, false, TWIN_AS_BEFORE, 500);
		struct pkt *pkt = pkt_alloc(&f->eng->pkts, n);

		assert_non_null(pkt);
		memcpy(pkt_put(pkt, n), bytes, n);
		if (i == 0) {
			other = pkt_clone(pkt);
			assert_non_null(other);
			memcpy(kept, bytes, len = n);
		}
		netif_rx_later(&f->netif, pkt);
	}
	(void)engine_run(f->eng, 0);
	assert_int_equal(f->n_input, 1);
	assert_int_equal(other->len, len);
	assert_memory_equal(other->data, kept, len);
	pkt_free(other);
}

/* Interfaces take turns, and what was joined is one. */
static void others_wait_a_joined_packet_is_one_turn(void **state)
{
	static const struct netif_ops ops = {.kind = "fake", .tx = fake_tx};
	static struct gro_twin t;
	struct fixture *f = *state;
	struct netif second = {.ops = &ops, .mtu = 1500};
	uint8_t bytes[TWIN_FRAME_MAX];

	assert_int_equal(netif_add(f->st, &second, "eth1"), 0);
	f->netif.features |= NETIF_F_GRO;
	for (int i = 0; i < 3; i++) {
		uint32_t n = twin_make(&t, bytes, 0, false, TWIN_AS_BEFORE, 500);
		struct pkt *pkt = pkt_alloc(&f->eng->pkts, n);

		assert_non_null(pkt);
		memcpy(pkt_put(pkt, n), bytes, n);
		netif_rx_later(&f->netif, pkt);
		netif_rx_later(&second, frame(f, 60));
	}
	assert_int_equal(netif_backlog_run(&f->netif, 2), 2); /* no more than the engine may */
	assert_int_equal(netif_backlog_run(&second, 2), 1);
	assert_int_equal(f->n_input, 1);
	(void)engine_run(f->eng, 0);
	assert_int_equal(f->n_input, 2);
	assert_int_equal(second.stats.rx_packets, 3);
	netif_del(&second);
}

static void partial_seen(struct fixture *f, struct pkt *pkt)
{
	assert_int_equal(pkt->csum, PKT_CSUM_PARTIAL);
	f->verdict = DROP_NONE;
	assert_int_equal(pkt->gso_size ? pkt_n_frames(pkt) : 1, f->n_input == 1 ? 3 : 1);
}

static void checksums_are_unfinished_nobody_looks_at_them(void **state)
{
	static struct gro_twin t;
	struct fixture *f = *state;
	uint8_t frames[4][TWIN_FRAME_MAX];
	struct gro *gro = calloc(1, sizeof(*gro));

	assert_non_null(gro);
	f->on_input = partial_seen;
	f->netif.features |= NETIF_F_GRO;
	gro_init(gro, &f->netif);
	for (int i = 0; i < 4; i++) {
		uint32_t len =
			twin_make(&t, frames[i], 0, false, i < 3 ? TWIN_L4_CSUM : TWIN_ACK, 500);

		gro_rx(gro, frames[i], len, PKT_CSUM_PARTIAL);
	}
	gro_flush(gro);
	assert_int_equal(f->n_input, 2);
	free(gro);
}

/* As a device that looked at them says, which calls a datagram without a checksum right, too. */
static void checksums_are_vouched_for_none_is_added(void **state)
{
	static struct gro_twin t;
	struct fixture *f = *state;
	uint8_t frames[8][TWIN_FRAME_MAX];
	struct gro *gro = calloc(1, sizeof(*gro));

	assert_non_null(gro);
	f->netif.features |= NETIF_F_GRO;
	f->st->n_gro_socks = 1;
	gro_init(gro, &f->netif);
	for (int i = 0; i < 8; i++) {
		uint32_t len = twin_make(&t, frames[i], 8, false,
					 i < 4 ? TWIN_AS_BEFORE : TWIN_UDP_NO_CSUM, 500);

		gro_rx(gro, frames[i], len, PKT_CSUM_VERIFIED);
	}
	gro_flush(gro);
	assert_int_equal(f->n_input, 1 + 4);
	f->st->n_gro_socks = 0;
	free(gro);
}

static void it_is_switched_off_each_frame_is_alone(void **state)
{
	static struct gro_twin t;
	struct fixture *f = *state;
	uint8_t frame[TWIN_FRAME_MAX];
	struct gro *gro = calloc(1, sizeof(*gro));

	assert_non_null(gro);
	f->netif.features |= NETIF_F_GRO;
	f->netif.features_off = NETIF_F_GRO;
	gro_init(gro, &f->netif);
	for (int i = 0; i < 4; i++)
		gro_rx(gro, frame, twin_make(&t, frame, 0, false, TWIN_AS_BEFORE, 500),
		       PKT_CSUM_NONE);
	assert_int_equal(f->n_input, 4);
	free(gro);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_follow_each_other_they_are_one_packet),
		cmocka_unit_test(a_frame_differs_it_begins_anew_or_is_alone),
		cmocka_unit_test(a_frame_is_shorter_it_is_the_last),
		cmocka_unit_test(programs_at_random_nothing_is_lost_or_changed),
		cmocka_unit_test_setup_teardown(frames_have_a_buffer_each_their_number_is_bounded,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(super_packet_was_cut_up_it_is_one_again,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(first_frame_is_shared_its_other_owner_keeps_it,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(others_wait_a_joined_packet_is_one_turn,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(checksums_are_unfinished_nobody_looks_at_them,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(checksums_are_vouched_for_none_is_added,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(it_is_switched_off_each_frame_is_alone,
						fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
