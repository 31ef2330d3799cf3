/* SPDX-License-Identifier: MIT */
/* Packets and their bytes: every operation against a flat copy of the same bytes. */
#include "unit.h"

#include "base/cpu.h"
#include "base/csum.h"
#include "base/mem.h"
#include "base/rng.h"
#include "pkt/pkt.h"

#include <errno.h>

struct fixture {
	struct mem mem;
	struct cpu_ops cpu;
	struct pkt_pools pools;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pkt_limits limits = {.n_pkts = 64, .n_bufs = {64, 16, 8}};

	mem_init(&f->mem, NULL, NULL, 0);
	cpu_ops_init(&f->cpu);
	assert_int_equal(pkt_pools_init(&f->pools, &f->mem, &limits, &f->cpu), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(f->pools.pkts.n_used, 0);
	for (int i = 0; i < BUF_CLASSES; i++)
		assert_int_equal(f->pools.bufs[i].n_used, 0);
	pkt_pools_fini(&f->pools);
	assert_int_equal(f->mem.n_bytes, 0);
	free(f);
	return 0;
}

/* Byte `i` of every test payload. */
static uint8_t pattern(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static void assert_bytes(const struct pkt *pkt, uint32_t first, uint32_t len)
{
	uint8_t *copy = malloc(len + 1u);

	assert_int_equal(pkt->len, len);
	pkt_copy_out(pkt, 0, copy, len);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(copy[i], pattern(first + i));
	free(copy);
}

static uint8_t *pattern_new(uint32_t len)
{
	uint8_t *p = malloc(len + 1u);

	for (uint32_t i = 0; i < len; i++)
		p[i] = pattern(i);
	return p;
}

static struct pkt *pkt_of(struct fixture *f, uint32_t tailroom, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(&f->pools, tailroom);
	uint8_t *p = pattern_new(len);

	assert_non_null(pkt);
	assert_int_equal(pkt_append(pkt, p, len), 0);
	free(p);
	return pkt;
}

static void new_packet_is_empty_with_its_headroom(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_alloc(&f->pools, 10);

	assert_int_equal(pkt->len, 0);
	assert_int_equal(pkt_headroom(pkt), PKT_HEADROOM);
	assert_true(pkt_tailroom(pkt) >= 10);
	assert_null(pkt->buf);
	pkt_free(pkt);
}

static void tailroom_beyond_the_largest_buffer_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_null(pkt_alloc(&f->pools, BUF_L - PKT_HEADROOM + 1));
	assert_null(buf_alloc(&f->pools, BUF_L + 1));
}

static void exhausted_pool_gives_null_and_recovers(void **state)
{
	struct fixture *f = *state;
	struct pktq q;
	struct pkt *pkt;

	pktq_init(&q);
	while ((pkt = pkt_alloc(&f->pools, 1)))
		pktq_push(&q, pkt);
	assert_int_equal(q.n_pkts, 64);
	pktq_purge(&q);
	pkt = pkt_alloc(&f->pools, 1);
	assert_non_null(pkt);
	pkt_free(pkt);
}

static void every_trace_id_is_new(void **state)
{
	struct fixture *f = *state;
	struct pkt *a = pkt_alloc(&f->pools, 1), *b = pkt_alloc(&f->pools, 1);
	struct pkt *clone = pkt_clone(a);

	assert_int_not_equal(a->trace_id, b->trace_id);
	assert_int_equal(clone->trace_id, a->trace_id);
	pkt_free(a);
	pkt_free(b);
	pkt_free(clone);
}

static void clone_of_a_small_packet_is_independent(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_of(f, 100, 100);
	struct pkt *clone = pkt_clone(pkt);

	memset(pkt->data, 0xff, 100);
	assert_bytes(clone, 0, 100);
	pkt_free(pkt);
	assert_bytes(clone, 0, 100);
	pkt_free(clone);
}

static void clone_of_a_large_packet_shares_its_bytes(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_of(f, 1400, 40000);
	uint32_t n_bufs = 0, n_after = 0;
	struct pkt *clone;

	for (int i = 0; i < BUF_CLASSES; i++)
		n_bufs += f->pools.bufs[i].n_used;
	clone = pkt_clone(pkt);
	for (int i = 0; i < BUF_CLASSES; i++)
		n_after += f->pools.bufs[i].n_used;
	assert_int_equal(n_after, n_bufs);
	pkt_free(pkt);
	assert_bytes(clone, 0, 40000);
	pkt_free(clone);
}

static void push_on_a_clone_leaves_the_original_alone(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_of(f, 1400, 1400);
	struct pkt *clone = pkt_clone(pkt);
	uint8_t *p = pkt_push(clone, 14);

	assert_non_null(p);
	memset(p, 0xee, 14);
	assert_int_equal(clone->len, 1414);
	pkt_pull(clone, 14);
	assert_bytes(clone, 0, 1400);
	assert_bytes(pkt, 0, 1400);
	assert_true(pkt_make_writable(clone, 20));
	clone->data[0] ^= 0xff;
	assert_bytes(pkt, 0, 1400);
	pkt_free(clone);
	pkt_free(pkt);
}

static void push_beyond_the_headroom_moves_the_packet(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_of(f, 64, 64);

	pkt->l3_off = pkt_off(pkt);
	for (int i = 0; i < 4; i++)
		assert_non_null(pkt_push(pkt, 100));
	assert_int_equal(pkt->len, 464);
	assert_ptr_equal(pkt_l3(pkt), pkt->data + 400);
	pkt_eat(pkt, 400);
	assert_bytes(pkt, 0, 64);
	pkt_free(pkt);
}

static void pullup_makes_headers_linear_and_keeps_offsets(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_of(f, 0, 30);
	uint8_t *p = pattern_new(3000);
	struct buf *buf = buf_alloc(&f->pools, 3000);

	memcpy(buf->bytes, p, 3000);
	assert_true(pkt_add_frag(pkt, buf, 30, 2970));
	buf_unref(buf);
	pkt->l2_off = pkt_off(pkt);
	pkt_pull(pkt, 14);
	pkt->l3_off = pkt_off(pkt);

	assert_true(pkt_pullup(pkt, 500));
	assert_true(pkt->lin_len >= 500);
	assert_ptr_equal(pkt_l3(pkt), pkt->data);
	assert_ptr_equal(pkt_l2(pkt), pkt->data - 14);
	assert_bytes(pkt, 14, 2986);
	assert_false(pkt_pullup(pkt, 2987));
	pkt_unpull_to(pkt, pkt->l2_off);
	assert_bytes(pkt, 0, 3000);
	pkt_free(pkt);
	free(p);
}

static void touching_frags_of_one_buffer_merge(void **state)
{
	struct fixture *f = *state;
	struct buf *buf = buf_alloc(&f->pools, 2000);
	struct pkt *pkt = pkt_alloc(&f->pools, 0);

	assert_true(pkt_add_frag(pkt, buf, 0, 100));
	assert_true(pkt_add_frag(pkt, buf, 100, 50));
	assert_int_equal(pkt->n_frags, 1);
	assert_true(pkt_add_frag(pkt, buf, 200, 50));
	assert_int_equal(pkt->n_frags, 2);
	assert_int_equal(pkt->len, 200);
	buf_unref(buf);
	pkt_free(pkt);
}

static void full_frag_table_refuses_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct buf *buf = buf_alloc(&f->pools, 2000);
	struct pkt *pkt = pkt_alloc(&f->pools, 0);

	for (uint32_t i = 0; i < PKT_FRAGS_MAX; i++)
		assert_true(pkt_add_frag(pkt, buf, i * 10, 5));
	assert_false(pkt_add_frag(pkt, buf, 1000, 5));
	assert_int_equal(buf->refs, 1 + PKT_FRAGS_MAX);
	assert_int_equal(pkt->len, 5 * PKT_FRAGS_MAX);
	buf_unref(buf);
	pkt_free(pkt);
}

/* Random eating, trimming, pulling up, cloning: the bytes are always the expected stretch. */
static void random_operations_keep_the_bytes(void **state)
{
	struct fixture *f = *state;
	struct rng rng;

	rng_init_seed(&rng, 1);
	for (int run = 0; run < 3000; run++) {
		uint32_t len = 1 + (uint32_t)rng_below(&rng, 60000), first = 0;
		struct pkt *pkt = pkt_of(f, (uint32_t)rng_below(&rng, 1800), len);

		for (int step = 0; step < 8; step++) {
			uint32_t n = (uint32_t)rng_below(&rng, len + 1);
			struct pkt *clone;

			switch (rng_below(&rng, 5)) {
			case 0:
				n %= 2000;
				n = n < len ? n : len;
				pkt_eat(pkt, n);
				first += n;
				len -= n;
				break;
			case 1:
				n = len - n % 1500 % (len + 1);
				pkt_trim(pkt, n);
				len = n;
				break;
			case 2:
				n %= 4000;
				if (n <= len)
					assert_true(pkt_pullup(pkt, n));
				break;
			case 3:
				clone = pkt_clone(pkt);
				pkt_free(pkt);
				pkt = clone;
				break;
			default:
				n %= 300;
				if (n <= len)
					assert_true(pkt_make_writable(pkt, n));
				break;
			}
			assert_bytes(pkt, first, len);
		}
		pkt_free(pkt);
	}
}

static void append_without_memory_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_of(f, 100, 50);
	struct buf *taken[16];
	uint8_t *p = pattern_new(60000);

	for (int i = 0; i < 16; i++)
		taken[i] = buf_alloc(&f->pools, BUF_M);
	assert_int_equal(pkt_append(pkt, p, 60000), -ENOBUFS);
	assert_bytes(pkt, 0, 50);
	for (int i = 0; i < 16; i++)
		buf_unref(taken[i]);
	pkt_free(pkt);
	free(p);
}

static void lent_buffer_is_released_once_by_its_last_reference(void **state);

static int n_released;
static void count_release(struct buf *buf)
{
	n_released++;
	free(buf);
}

static void lent_buffer_is_released_once_by_its_last_reference(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[100];
	struct buf *buf = calloc(1, sizeof(*buf));
	struct pkt *pkt = pkt_alloc(&f->pools, 0), *clone;

	*buf = (struct buf){.bytes = bytes,
			    .cap = 100,
			    .refs = 1,
			    .class = BUF_CLASSES,
			    .release = count_release};
	n_released = 0;
	assert_true(pkt_add_frag(pkt, buf, 0, 100));
	buf_unref(buf);
	clone = pkt_clone(pkt);
	pkt_free(pkt);
	assert_int_equal(n_released, 0);
	pkt_free(clone);
	assert_int_equal(n_released, 1);
}

static void sum_over_any_stretch_equals_that_of_flat_bytes(void **state)
{
	struct fixture *f = *state;
	struct rng rng;
	uint32_t len = 40001;
	uint8_t *p = pattern_new(len);
	struct pkt *pkt = pkt_of(f, 333, len);

	rng_init_seed(&rng, 2);
	pkt_eat(pkt, 1); /* odd boundaries between the pieces */
	for (int i = 0; i < 500; i++) {
		uint32_t off = (uint32_t)rng_below(&rng, len - 1);
		uint32_t n = (uint32_t)rng_below(&rng, len - 1 - off + 1);

		assert_int_equal(csum_fold(pkt_csum_add(pkt, off, n, 0)),
				 csum_fold(csum_add(&f->cpu, p + 1 + off, n, 0)));
	}
	pkt_free(pkt);
	free(p);
}

static void hop_ring_keeps_the_latest(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_alloc(&f->pools, 0);

	for (uint32_t i = 0; i < 100; i++) {
		pkt_hop(pkt, HOP_TX, i);
		assert_int_equal(pkt->hops[(pkt->n_hops - 1) % PKT_HOPS_MAX], HOP_TX | i);
	}
	for (uint32_t i = 0; i < PKT_HOPS_MAX; i++)
		assert_int_equal(pkt->hops[(pkt->n_hops + i) % PKT_HOPS_MAX],
				 HOP_TX | (100 - PKT_HOPS_MAX + i));
	pkt_hop(pkt, HOP_TX, 1000000);
	assert_int_equal(pkt->hops[(pkt->n_hops - 1) % PKT_HOPS_MAX], HOP_TX | 4095);
	pkt_free(pkt);
}

static void every_drop_reason_has_name_layer_text_and_errno(void **state)
{
	(void)state;
	for (int why = DROP_NONE + 1; why < DROP_MAX; why++) {
		assert_true(strlen(drop_name((enum drop)why)) > 0);
		assert_true(strlen(drop_layer((enum drop)why)) > 0);
		assert_true(strlen(drop_text((enum drop)why)) > 0);
		assert_true(drop_errno((enum drop)why) < 0);
	}
}

/* Bytes that sum up to 0xffff: the checksum is 0, which only UDP must not send. */
static void partial_checksum_of_zero_is_sent_but_by_udp(void **state)
{
	static const uint16_t offs[] = {6, 16}, fields[] = {0xffff, 0};
	struct fixture *f = *state;
	uint8_t copy[20];

	for (int i = 0; i < 2; i++) {
		struct pkt *pkt = pkt_alloc(&f->pools, 20);
		uint8_t *p = pkt_put(pkt, 20);

		memset(p, 0, 20);
		store_be16(p, 0xffff);
		pkt->csum = PKT_CSUM_PARTIAL;
		pkt->csum_start = (uint16_t)pkt_off(pkt);
		pkt->csum_off = offs[i];
		pkt_copy_finished(pkt, copy);
		assert_int_equal(load_be16(copy + offs[i]), fields[i]);
		assert_int_equal(pkt_csum_complete(pkt), 0);
		assert_int_equal(load_be16(pkt->data + offs[i]), fields[i]);
		pkt_free(pkt);
	}
}

/* A PARTIAL frame whose summed part begins at `start`; `n_lin` bytes are linear, those behind are
 * frags of 1, 2, 3 … times `step` bytes. */
static struct pkt *partial_frame(struct fixture *f, uint32_t len, uint32_t n_lin, uint32_t start,
				 uint16_t csum_off, uint32_t step)
{
	struct pkt *pkt = pkt_alloc(&f->pools, n_lin);
	uint32_t at = n_lin;

	assert_non_null(pkt);
	for (uint32_t i = 0; i < n_lin; i++)
		*pkt_put(pkt, 1) = pattern(i);
	for (uint32_t n = step; at < len; n += step) {
		struct buf *buf = buf_alloc(&f->pools, BUF_S);

		assert_non_null(buf);
		if (n > len - at)
			n = len - at;
		/* Also an odd address. */
		for (uint32_t i = 0; i < n; i++)
			buf->bytes[n % 3 + i] = pattern(at + i);
		assert_true(pkt_add_frag(pkt, buf, n % 3, n));
		buf_unref(buf);
		at += n;
	}
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + start);
	pkt->csum_off = csum_off;
	return pkt;
}

/* TCP and UDP over IPv4 and IPv6, by where their sums begin and their fields are. */
static void copy_with_its_checksum_equals_that_of_a_completed_packet(void **state)
{
	enum {
		LEN_MAX = 700,
	};
	static const uint32_t starts[] = {34, 54, 38, 58};
	static const uint16_t fields[] = {16, 6};
	static const uint32_t steps[] = {1, 2, 7, 64, 131, LEN_MAX};
	struct fixture *f = *state;
	uint8_t want[LEN_MAX], got[LEN_MAX + 1];

	for (uint32_t k = 0; k < 4 * 2 * 6 * 40; k++) {
		uint32_t start = starts[k % 4], step = steps[k / 8 % 6], i = k / 48;
		uint16_t field = fields[k / 4 % 2];
		uint32_t n_lin = start + 20 + i % 5, len = n_lin + i * (step < 64 ? 1 : 15) % 620;
		struct pkt *pkt;

		/* Few frags have to do. */
		if (step * (PKT_FRAGS_MAX * (PKT_FRAGS_MAX + 1) / 2) < len - n_lin)
			len = n_lin + step * (PKT_FRAGS_MAX * (PKT_FRAGS_MAX + 1) / 2);
		pkt = partial_frame(f, len, n_lin, start, field, step);
		got[len] = 0x5a;
		pkt_copy_finished(pkt, got);
		assert_int_equal(got[len], 0x5a);
		assert_int_equal(pkt->csum, PKT_CSUM_PARTIAL);
		assert_bytes(pkt, 0, len);
		assert_int_equal(pkt_csum_complete(pkt), 0);
		pkt_copy_out(pkt, 0, want, len);
		assert_memory_equal(got, want, len);
		/* What needs none is copied as it is. */
		pkt_copy_finished(pkt, got);
		assert_memory_equal(got, want, len);
		pkt_free(pkt);
	}
}

/* A device may hand over headers in pieces: the sum begins behind, or within, any of them. */
static void copy_with_its_checksum_takes_headers_in_pieces(void **state)
{
	struct fixture *f = *state;
	uint8_t want[120], got[120];

	for (uint32_t n_lin = 1; n_lin < 80; n_lin++) {
		struct pkt *pkt = partial_frame(f, 120, n_lin, 34, 16, 11);

		pkt_copy_finished(pkt, got);
		assert_int_equal(pkt_csum_complete(pkt), 0);
		pkt_copy_out(pkt, 0, want, 120);
		assert_memory_equal(got, want, 120);
		pkt_free(pkt);
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(new_packet_is_empty_with_its_headroom),
		T(tailroom_beyond_the_largest_buffer_is_refused),
		T(exhausted_pool_gives_null_and_recovers),
		T(every_trace_id_is_new),
		T(clone_of_a_small_packet_is_independent),
		T(clone_of_a_large_packet_shares_its_bytes),
		T(push_on_a_clone_leaves_the_original_alone),
		T(push_beyond_the_headroom_moves_the_packet),
		T(pullup_makes_headers_linear_and_keeps_offsets),
		T(touching_frags_of_one_buffer_merge),
		T(full_frag_table_refuses_and_changes_nothing),
		T(random_operations_keep_the_bytes),
		T(append_without_memory_changes_nothing),
		T(lent_buffer_is_released_once_by_its_last_reference),
		T(sum_over_any_stretch_equals_that_of_flat_bytes),
		T(partial_checksum_of_zero_is_sent_but_by_udp),
		T(copy_with_its_checksum_equals_that_of_a_completed_packet),
		T(copy_with_its_checksum_takes_headers_in_pieces),
		T(hop_ring_keeps_the_latest),
		T(every_drop_reason_has_name_layer_text_and_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
