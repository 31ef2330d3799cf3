/* SPDX-License-Identifier: MIT */
/* Reassembly by itself: at random against a naive twin, the work that fragments make, lack of
 * memory. What IPv4 does with it is in test_ip4_frag.c. */
#include "ip/reasm_priv.h"

#include "core/engine.h"
#include "fixture.h"
#include "prng.h"
#include "unit.h"

enum {
	HDR = 20,
	PAYLOAD_MAX = 65535 - HDR,
	FRAGS_MAX = 512,
};

struct fix {
	struct engine *eng;
	struct stack *st;
	struct reasm r;
	uint32_t n_expired;
};

static struct fix fix;

static void expired(struct stack *st UNUSED, struct pkt *first UNUSED)
{
	fix.n_expired++;
}

static const struct reasm_ops ops = {
	.max_bytes = 65535,
	.expired = expired,
	.reqds = MIB_IpReasmReqds,
	.oks = MIB_IpReasmOKs,
	.fails = MIB_IpReasmFails,
	.timeouts = MIB_IpReasmTimeout,
	.overlaps = MIB_IpExtReasmOverlaps,
};

static int setup(void **state UNUSED)
{
	fix = (struct fix){.eng = fix_engine()};
	fix.st = fix_stack(fix.eng, "test");
	assert_int_equal(reasm_init(&fix.r, fix.st, &ops, 30), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	reasm_fini(&fix.r);
	assert_int_equal(fix.r.mem_bytes, 0);
	assert_int_equal(fix.r.n_pkts, 0);
	fix_end(fix.eng);
	return 0;
}

/* Byte `i` of the datagram with number `id`. */
static uint8_t byte_at(uint32_t id, uint32_t i)
{
	return (uint8_t)((i >> 8) * 31 + i * 7 + id);
}

/* How the packet holds its bytes. */
enum shape {
	IN_ROOM_OR_BUF,
	IN_FRAG,  /* the payload in a shared buffer */
	IN_FRAGS, /* in two */
	N_SHAPES,
};

static struct pkt *part(uint32_t id, uint32_t off, uint32_t len, enum shape shape)
{
	struct pkt *pkt = pkt_alloc(&fix.eng->pkts, HDR + (shape == IN_ROOM_OR_BUF ? len : 0));
	uint32_t pos = 0;

	assert_non_null(pkt);
	memset(pkt_put(pkt, HDR), 0xee, HDR);
	pkt->l3_off = pkt_off(pkt);
	while (pos < len) {
		uint32_t n = shape == IN_FRAGS && len > 1 && pos == 0 ? len / 2 : len - pos;
		struct buf *buf = NULL;
		uint8_t *p;

		if (shape == IN_ROOM_OR_BUF) {
			p = pkt_put(pkt, n);
		} else {
			buf = buf_alloc(&fix.eng->pkts, n);
			assert_non_null(buf);
			p = buf->bytes;
		}
		for (uint32_t i = 0; i < n; i++)
			p[i] = byte_at(id, off + pos + i);
		if (buf) {
			assert_true(pkt_add_frag(pkt, buf, 0, n));
			buf_unref(buf);
		}
		pos += n;
	}
	return pkt;
}

static enum drop input(uint32_t id, uint32_t off, uint32_t len, bool more, enum shape shape,
		       struct reasm_whole *ret)
{
	struct reasm_key key = {.src = {{1}}, .dst = {{2}}, .id = id};
	struct reasm_frag_info info = {.off = off, .hdr_len = HDR, .more = more};
	struct pkt *pkt = part(id, off, len, shape);
	enum drop why;

	*ret = (struct reasm_whole){0};
	why = reasm_input(&fix.r, &key, &info, pkt, ret);
	if (why != DROP_NONE)
		pkt_free(pkt);
	return why;
}

static void assert_whole(const struct reasm_whole *whole, uint32_t id, uint32_t len)
{
	static uint8_t got[65536];

	assert_non_null(whole->pkt);
	assert_int_equal(whole->hdr_len, HDR);
	assert_int_equal(whole->pkt->len, HDR + len);
	pkt_copy_out(whole->pkt, 0, got, whole->pkt->len);
	for (uint32_t i = 0; i < len; i++)
		if (got[HDR + i] != byte_at(id, i))
			fail_msg("byte %u of %u differs", i, len);
	assert_int_equal(whole->pkt->csum, PKT_CSUM_NONE);
	pkt_free(whole->pkt);
}

/*
 * The twin: a list of what has come.
 */
struct twin {
	struct {
		uint32_t off, end;
		bool more;
	} frags[FRAGS_MAX];
	uint32_t n;
	bool is_dead;
};

static enum drop twin_input(struct twin *t, uint32_t off, uint32_t len, bool more, bool *ret_whole)
{
	uint32_t end = off + len, total = 0, max_end = 0, have = len;
	bool overlap = false;

	*ret_whole = false;
	if (len == 0 || (more && len % 8))
		return DROP_IP_FRAG_SIZE;
	if (end > 65535)
		return DROP_IP_FRAG_RANGE;
	if (t->is_dead)
		return DROP_IP_FRAG_OVERLAP;
	for (uint32_t i = 0; i < t->n; i++) {
		if (t->frags[i].off == off && t->frags[i].end == end && t->frags[i].more == more)
			return DROP_IP_FRAG_DUP;
		overlap |= t->frags[i].off < end && off < t->frags[i].end;
		if (!t->frags[i].more)
			total = t->frags[i].end;
		if (t->frags[i].end > max_end)
			max_end = t->frags[i].end;
		have += t->frags[i].end - t->frags[i].off;
	}
	if (overlap) {
		t->is_dead = true;
		return DROP_IP_FRAG_OVERLAP;
	}
	if ((total && (more ? end >= total : end != total)) || (!total && !more && max_end > end)) {
		t->is_dead = true;
		return DROP_IP_FRAG_RANGE;
	}
	assert_true(t->n < FRAGS_MAX);
	t->frags[t->n].off = off;
	t->frags[t->n].end = end;
	t->frags[t->n++].more = more;
	if (!more)
		total = end;
	*ret_whole = total && have == total;
	return DROP_NONE;
}

static uint32_t twin_total(const struct twin *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (!t->frags[i].more)
			return t->frags[i].end;
	return 0;
}

/* Where a datagram is cut. */
static uint32_t cut(struct prng *prng, uint32_t len, uint32_t cuts[FRAGS_MAX])
{
	uint32_t n = 0, pos = 0, most = 8u << prng_below(prng, 9);

	while (pos < len && n < FRAGS_MAX / 4) {
		cuts[n++] = pos;
		pos += 8 + (uint32_t)prng_below(prng, most) / 8 * 8;
	}
	return n;
}

static void shuffle(struct prng *prng, uint32_t *a, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = i + (uint32_t)prng_below(prng, n - i), x = a[i];

		a[i] = a[k];
		a[k] = x;
	}
}

/* One datagram, its fragments in disorder, some of them twice, some mistaken. Returns whether it
 * became whole. */
static bool random_datagram(struct prng *prng, uint32_t id)
{
	static uint32_t cuts[FRAGS_MAX], order[FRAGS_MAX];
	struct twin twin = {0};
	uint32_t len = 1 + (uint32_t)prng_below(prng, prng_below(prng, 4) ? 3000 : PAYLOAD_MAX);
	uint32_t n = cut(prng, len, cuts);
	bool is_bad = prng_below(prng, 3) == 0, is_whole = false;

	for (uint32_t i = 0; i < n; i++)
		order[i] = i;
	if (prng_below(prng, 3))
		shuffle(prng, order, n);
	for (uint32_t i = 0; i < n && !is_whole; i++) {
		uint32_t off = cuts[order[i]], k = order[i];
		uint32_t frag_len = (k + 1 < n ? cuts[k + 1] : len) - off;
		bool more = k + 1 < n;
		struct reasm_whole whole;

		if (is_bad && prng_below(prng, n) == 0) {
			off = off + 8 * (uint32_t)prng_below(prng, 3);
			frag_len += (uint32_t)prng_below(prng, 17);
			more ^= prng_below(prng, 4) == 0;
		}
		for (uint32_t times = prng_below(prng, 8) ? 1 : 2; times && !is_whole; times--) {
			enum drop want = twin_input(&twin, off, frag_len, more, &is_whole);
			enum drop got = input(id, off, frag_len, more,
					      (enum shape)prng_below(prng, N_SHAPES), &whole);

			assert_int_equal(got, want);
			assert_int_equal(whole.pkt != NULL, is_whole);
			if (is_whole)
				assert_whole(&whole, id, twin_total(&twin));
		}
	}
	return is_whole;
}

static void random_fragments_do_what_the_twin_does(void **state UNUSED)
{
	struct prng prng = prng_make();
	uint32_t n_whole = 0;

	fix.r.conf.max_dist = 0;
	fix.r.conf.high_thresh = fix.r.conf.low_thresh = 256 << 20;
	for (uint32_t id = 0; id < 1500; id++) {
		n_whole += random_datagram(&prng, id);
		if (id % 100 == 99)
			reasm_flush(&fix.r);
	}
	assert_int_equal(fix.st->mib[MIB_IpReasmOKs], n_whole);
	assert_true(n_whole > 700);
}

/* FragmentSmack: 8-byte fragments, every other one, forwards, backwards, in disorder. */
static void work_for_a_fragment_is_bounded(void **state UNUSED)
{
	enum {
		N = 4000
	};
	static uint32_t order[N];
	struct prng prng = prng_make();
	struct reasm_whole whole;

	fix.r.conf.high_thresh = fix.r.conf.low_thresh = 64 << 20;
	for (int how = 0; how < 3; how++) {
		uint64_t before = fix.r.n_steps, most = 0;

		for (uint32_t i = 0; i < N; i++)
			order[i] = how == 1 ? N - 1 - i : i;
		if (how == 2)
			shuffle(&prng, order, N);
		for (uint32_t i = 0; i < N; i++) {
			uint64_t steps = fix.r.n_steps;

			assert_int_equal(input((uint32_t)how, order[i] * 16, 8, true,
					       IN_ROOM_OR_BUF, &whole),
					 DROP_NONE);
			steps = fix.r.n_steps - steps;
			most = steps > most ? steps : most;
		}
		/* A list would make 2,000 on average. */
		assert_true((fix.r.n_steps - before) / N < 60);
		assert_true(most < 200);
	}
}

static void bytes_are_not_copied_where_references_do(void **state UNUSED)
{
	struct reasm_whole whole;

	assert_int_equal(input(1, 0, 1480, true, IN_ROOM_OR_BUF, &whole), DROP_NONE);
	assert_int_equal(input(1, 1480, 1480, true, IN_FRAG, &whole), DROP_NONE);
	assert_int_equal(input(1, 2960, 100, false, IN_FRAGS, &whole), DROP_NONE);
	assert_non_null(whole.pkt);
	assert_int_equal(whole.pkt->lin_len, HDR + 1480);
	assert_int_equal(whole.pkt->n_frags, 3);
	assert_whole(&whole, 1, 3060);
}

/* Takes all packets there are, and allows no more. */
static void exhaust_pkts(struct pktq *held)
{
	struct pool *pool = &fix.eng->pkts.pkts;
	struct pkt *pkt;

	pktq_init(held);
	pool->max_objs = pool->n_objs;
	while ((pkt = pkt_alloc(&fix.eng->pkts, 0)))
		pktq_push(held, pkt);
}

static void release_pkts(struct pktq *held)
{
	pktq_purge(held);
	fix.eng->pkts.pkts.max_objs = 65536;
}

static void no_memory_drops_the_datagram_and_leaves_nothing(void **state UNUSED)
{
	struct reasm_whole whole;
	struct pktq held;
	struct pkt *last;
	struct reasm_key key = {.src = {{1}}, .dst = {{2}}, .id = 1};
	struct reasm_frag_info info = {.off = 16, .hdr_len = HDR};

	/* Small fragments are copied into a new packet. */
	assert_int_equal(input(1, 0, 8, true, IN_ROOM_OR_BUF, &whole), DROP_NONE);
	assert_int_equal(input(1, 8, 8, true, IN_ROOM_OR_BUF, &whole), DROP_NONE);
	last = part(1, 16, 8, IN_ROOM_OR_BUF);
	exhaust_pkts(&held);
	assert_int_equal(reasm_input(&fix.r, &key, &info, last, &whole), DROP_NONE);
	release_pkts(&held);
	assert_null(whole.pkt);
	fix_assert_drops(fix.st, DROP_NOMEM, 3);
	assert_int_equal(fix.st->mib[MIB_IpReasmFails], 1);
	assert_int_equal(fix.r.mem_bytes, 0);

	fix.eng->mem.limit_bytes = fix.eng->mem.n_bytes;
	last = part(1, 16, 8, IN_ROOM_OR_BUF);
	assert_int_equal(reasm_input(&fix.r, &key, &info, last, &whole), DROP_NOMEM);
	pkt_free(last);
	fix.eng->mem.limit_bytes = UINT64_MAX;
	assert_int_equal(fix.r.mem_bytes, 0);
}

static void packets_held_are_a_share_of_the_pool(void **state UNUSED)
{
	uint32_t max = fix.eng->pkts.pkts.max_objs;
	struct reasm_whole whole;

	fix.r.conf.max_dist = 0;
	fix.eng->pkts.pkts.max_objs = 400;
	for (uint32_t id = 0; id < 1000; id++) {
		assert_int_equal(input(id, 0, 8, true, IN_ROOM_OR_BUF, &whole), DROP_NONE);
		assert_true(fix.r.n_pkts <= 100);
	}
	fix.eng->pkts.pkts.max_objs = max;
}

static void datagrams_expire_in_the_order_of_their_first_fragments(void **state UNUSED)
{
	struct reasm_whole whole;

	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(input(i, 0, 8, true, IN_ROOM_OR_BUF, &whole), DROP_NONE);
		fix_advance(fix.eng, SEC);
	}
	fix_advance(fix.eng, 20 * SEC + MSEC);
	assert_int_equal(fix.n_expired, 1);
	fix_advance(fix.eng, 4 * SEC);
	assert_int_equal(fix.n_expired, 5);
	fix_advance(fix.eng, 5 * SEC);
	assert_int_equal(fix.n_expired, 10);
	assert_int_equal(fix.r.by_key.n_nodes, 0);
	assert_int_equal(fix.r.by_src.n_nodes, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(random_fragments_do_what_the_twin_does),
		T(work_for_a_fragment_is_bounded),
		T(bytes_are_not_copied_where_references_do),
		T(no_memory_drops_the_datagram_and_leaves_nothing),
		T(packets_held_are_a_share_of_the_pool),
		T(datagrams_expire_in_the_order_of_their_first_fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
