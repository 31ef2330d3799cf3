/* SPDX-License-Identifier: MIT */
/* Super-packets: splitting into frames, sizes, checksums of the frames. */
#include "unit.h"

#include "base/cpu.h"
#include "base/csum.h"
#include "base/load.h"
#include "base/mem.h"
#include "pkt/pkt.h"

#include <errno.h>

enum {
	L2 = 14,
	L3 = 20,
	L4 = 32, /* with timestamps */
	HDRS = L2 + L3 + L4,
	MSS = 1448,
	ID = 0xfffe,
	FIN = 1,
	PSH = 8,
	ACK = 0x10,
	CWR = 0x80,
};
static const uint32_t SEQ = 0xfffff000; /* wraps within the packet */

struct fixture {
	struct mem mem;
	struct cpu_ops cpu;
	struct pkt_pools pools;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct pkt_limits limits = {.n_pkts = 128, .n_bufs = {64, 16, 8}};

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

static uint8_t payload_byte(uint32_t i)
{
	return (uint8_t)(i * 31 + i / 253);
}

static void headers_write(uint8_t *p, uint32_t n_payload, uint16_t flags)
{
	static const uint8_t addrs[8] = {192, 0, 2, 1, 198, 51, 100, 7};

	memset(p, 0, HDRS);
	store_be16(p + 12, 0x0800);
	p[L2] = 0x45;
	store_be16(p + L2 + 2, (uint16_t)(L3 + L4 + n_payload));
	store_be16(p + L2 + 4, ID);
	p[L2 + 8] = 64;
	p[L2 + 9] = 6;
	memcpy(p + L2 + 12, addrs, 8);
	store_be32(p + L2 + L3 + 4, SEQ);
	store_be16(p + L2 + L3 + 12, (uint16_t)((L4 / 4) << 12 | flags));
}

/* A super-packet of `n_payload` bytes; its headers are in room[], its payload in frags. */
static struct pkt *super(struct fixture *f, uint32_t n_payload, uint16_t flags)
{
	struct pkt *pkt = pkt_alloc(&f->pools, HDRS);
	uint8_t *bytes = malloc(n_payload + 1u);

	headers_write(pkt_put(pkt, HDRS), n_payload, flags);
	pkt->l2_off = pkt_off(pkt);
	for (uint32_t i = 0; i < n_payload; i++)
		bytes[i] = payload_byte(i);
	for (uint32_t off = 0; off < n_payload; off += BUF_M) {
		uint32_t part = n_payload - off < BUF_M ? n_payload - off : BUF_M;
		struct buf *buf = buf_alloc(&f->pools, part);

		memcpy(buf->bytes, bytes + off, part);
		assert_true(pkt_add_frag(pkt, buf, 0, part));
		buf_unref(buf);
	}
	free(bytes);
	pkt->gso_size = MSS;
	pkt->gso_type = PKT_GSO_TCP4;
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt->l2_off + L2 + L3);
	pkt->csum_off = 16;
	return pkt;
}

/* The frame as a wire would carry it: both checksums must be right. */
static void assert_checksums(struct fixture *f, struct pkt *seg)
{
	uint8_t wire[1600];
	uint64_t sum;

	assert_int_equal(pkt_csum_complete(seg), 0);
	pkt_copy_out(seg, 0, wire, seg->len);
	assert_int_equal(csum_fold(csum_add(&f->cpu, wire + L2, L3, 0)), 0xffff);
	sum = csum_add(&f->cpu, wire + L2 + 12, 8, 0);
	sum = csum_add16(sum, 6);
	sum = csum_add16(sum, (uint16_t)(seg->len - L2 - L3));
	sum = csum_add(&f->cpu, wire + L2 + L3, seg->len - L2 - L3, sum);
	assert_int_equal(csum_fold(sum), 0xffff);
}

static void frames_carry_all_bytes_with_right_headers(void **state)
{
	struct fixture *f = *state;
	const uint32_t n_payload = 10 * MSS + 77;
	struct pktq q;
	struct pkt *seg;
	uint32_t pos = 0, i = 0;

	pktq_init(&q);
	assert_int_equal(pkt_segment(super(f, n_payload, FIN | PSH | ACK | CWR), &q), 0);
	assert_int_equal(q.n_pkts, 11);
	for (; (seg = pktq_pop(&q)); i++) {
		uint32_t n = seg->len - HDRS;
		uint8_t *h = malloc(seg->len);
		bool last = i == 10;

		pkt_copy_out(seg, 0, h, seg->len);
		assert_int_equal(n, last ? 77 : MSS);
		assert_int_equal(load_be16(h + L2 + 2), L3 + L4 + n);
		assert_int_equal(load_be16(h + L2 + 4), (uint16_t)(ID + i));
		assert_int_equal(load_be32(h + L2 + L3 + 4), (uint32_t)(SEQ + pos));
		assert_int_equal(load_be16(h + L2 + L3 + 12) & 0x1ff,
				 ACK | (last ? FIN | PSH : 0) | (i ? 0 : CWR));
		for (uint32_t k = 0; k < n; k++)
			assert_int_equal(h[HDRS + k], payload_byte(pos + k));
		assert_checksums(f, seg);
		pos += n;
		free(h);
		pkt_free(seg);
	}
	assert_int_equal(pos, n_payload);
}

static void payload_of_a_multiple_of_the_size_has_no_empty_frame(void **state)
{
	struct fixture *f = *state;
	struct pktq q;

	pktq_init(&q);
	assert_int_equal(pkt_segment(super(f, 3 * MSS, ACK), &q), 0);
	assert_int_equal(q.n_pkts, 3);
	pktq_purge(&q);
}

static void assert_split(struct fixture *f, uint32_t n_payload)
{
	uint32_t n = 0;
	struct pktq q;
	struct pkt *seg;

	pktq_init(&q);
	assert_int_equal(pkt_segment(super(f, n_payload, ACK), &q), 0);
	assert_int_equal(q.n_pkts, (n_payload + MSS - 1) / MSS);
	while ((seg = pktq_pop(&q))) {
		assert_in_range(seg->len - HDRS, 1, MSS);
		n += seg->len - HDRS;
		pkt_free(seg);
	}
	assert_int_equal(n, n_payload);
}

/* Around each multiple of the size, and many between, up to what a length field can say. */
static void every_size_is_split_into_frames_that_fit(void **state)
{
	const uint32_t most = 65535 - L3 - L4;

	for (uint32_t n = MSS + 1; n <= most; n += 251)
		assert_split(*state, n);
	for (uint32_t n = 2 * MSS; n <= most; n += MSS) {
		assert_split(*state, n - 1);
		assert_split(*state, n);
		assert_split(*state, n + 1 <= most ? n + 1 : most);
	}
	assert_split(*state, most);
}

static void splitting_shares_the_payload(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = super(f, 40000, ACK);
	uint32_t n_before = f->pools.bufs[0].n_used + f->pools.bufs[1].n_used;
	struct pktq q;

	pktq_init(&q);
	assert_int_equal(pkt_segment(pkt, &q), 0);
	assert_int_equal(f->pools.bufs[0].n_used + f->pools.bufs[1].n_used, n_before);
	pktq_purge(&q);
}

static void linear_super_packet_splits_too(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = pkt_alloc(&f->pools, 20000);
	struct pktq q;
	struct pkt *seg;
	uint32_t pos = 0;

	headers_write(pkt_put(pkt, HDRS), 10000, ACK);
	for (uint32_t i = 0; i < 10000; i++)
		*pkt_put(pkt, 1) = payload_byte(i);
	pkt->l2_off = pkt_off(pkt);
	pkt->gso_size = MSS;
	pktq_init(&q);
	assert_int_equal(pkt_segment(pkt, &q), 0);
	while ((seg = pktq_pop(&q))) {
		uint8_t b[2000];

		pkt_copy_out(seg, 0, b, seg->len);
		for (uint32_t k = HDRS; k < seg->len; k++)
			assert_int_equal(b[k], payload_byte(pos++));
		assert_checksums(f, seg);
		pkt_free(seg);
	}
	assert_int_equal(pos, 10000);
}

static void unreadable_headers_are_refused_and_left(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = super(f, 5000, ACK);
	struct pktq q;

	pktq_init(&q);
	pkt->data[L2] = 0x75;
	assert_int_equal(pkt_segment(pkt, &q), -EBADMSG);
	assert_true(pktq_is_empty(&q));
	assert_int_equal(pkt->len, HDRS + 5000);
	pkt_free(pkt);
}

static void exhausted_pool_while_splitting_leaves_the_packet(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = super(f, 60000, ACK);
	struct pktq q, hog;
	struct pkt *p;

	pktq_init(&q);
	pktq_init(&hog);
	while ((p = pkt_alloc(&f->pools, 0)))
		pktq_push(&hog, p);
	pkt_free(pktq_pop(&hog)); /* one frame fits, the second does not */
	assert_int_equal(pkt_segment(pkt, &q), -ENOBUFS);
	assert_true(pktq_is_empty(&q));
	pktq_purge(&hog);
	assert_int_equal(pkt_segment(pkt, &q), 0);
	pktq_purge(&q);
}

static void sizes_are_those_of_the_frames(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = super(f, 2 * MSS + 1, ACK);

	assert_int_equal(pkt_n_frames(pkt), 3);
	assert_int_equal(pkt_wire_bytes(pkt), 3 * HDRS + 2 * MSS + 1);
	pkt_pull(pkt, L2);
	pkt->l3_off = pkt_off(pkt);
	assert_int_equal(pkt_frame_l3_len(pkt), L3 + L4 + MSS);
	assert_int_equal(pkt_n_frames(pkt), 3);
	pkt_pull(pkt, L3);
	assert_int_equal(pkt_frame_l3_len(pkt), L3 + L4 + MSS);
	pkt_free(pkt);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_carry_all_bytes_with_right_headers),
		T(payload_of_a_multiple_of_the_size_has_no_empty_frame),
		T(every_size_is_split_into_frames_that_fit),
		T(splitting_shares_the_payload),
		T(linear_super_packet_splits_too),
		T(unreadable_headers_are_refused_and_left),
		T(exhausted_pool_while_splitting_leaves_the_packet),
		T(sizes_are_those_of_the_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
