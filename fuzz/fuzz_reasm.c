/* SPDX-License-Identifier: MIT */
/*
 * Reassembly. The input is a list of steps of five bytes: which datagram, where in it, how long,
 * and flags; some let time pass, flush, change the bounds or let an allocation fail. What becomes
 * whole has the bytes that its datagram has, nothing is held beyond the bounds, and at the end
 * nothing is left.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "ip/reasm_priv.h"

enum {
	HDR = 20,
	STEP = 5,
	STEPS_MAX = 2000,
	HIGH = 100000,
	PKTS = 400,
};

/* p[0] of a step that is no fragment, modulo their number. */
enum {
	STEP_TIME,
	STEP_FAIL,  /* the p[1]th allocation from now on fails, and then every p[2]th */
	STEP_BOUND, /* of memory */
	STEP_DIST,
	STEPS,
};

struct lab {
	struct engine *eng;
	struct stack *st;
	struct reasm r;
	uint32_t fail_in, fail_again; /* allocations until one fails; 0: none */
};

/* flags of a step */
enum {
	MORE = 1 << 0,
	SHARED = 1 << 1, /* the payload is in a buffer of its own */
	ECN_SHIFT = 2,
	LONG = 1 << 4,  /* length in units of 64 bytes */
	TIME = 1 << 5,  /* no fragment: time passes, or STEP_* */
	FLUSH = 1 << 6, /* with TIME: all is dropped */
	OTHER = 1 << 7, /* from another source */
};

static void *lab_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct lab *lab = ctx;

	if (new_bytes > old_bytes && lab->fail_in && --lab->fail_in == 0) {
		lab->fail_in = lab->fail_again;
		return NULL;
	}
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

static uint8_t byte_at(uint32_t id, uint32_t i)
{
	return (uint8_t)((i >> 8) * 31 + i * 7 + id);
}

static void expired(struct stack *st, struct pkt *first)
{
	(void)st;
	assert(first->lin_len >= HDR && first->data[0] == 0xee);
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

/* NULL: there is no packet, or no memory. */
static struct pkt *fragment(struct engine *eng, uint32_t id, uint32_t off, uint32_t len,
			    bool is_shared)
{
	struct pkt *pkt = pkt_alloc(&eng->pkts, HDR + (is_shared ? 0 : len));
	struct buf *buf = is_shared && len ? buf_alloc(&eng->pkts, len) : NULL;
	uint8_t *p;

	if (!pkt || (is_shared && len && !buf)) {
		pkt_free(pkt);
		buf_unref(buf);
		return NULL;
	}
	memset(pkt_put(pkt, HDR), 0xee, HDR);
	pkt->l3_off = pkt_off(pkt);
	p = buf ? buf->bytes : pkt_put(pkt, len);
	for (uint32_t i = 0; i < len; i++)
		p[i] = byte_at(id, off + i);
	if (buf) {
		bool fits = pkt_add_frag(pkt, buf, 0, len);

		assert(fits);
		buf_unref(buf);
	}
	return pkt;
}

static void check_whole(struct pkt *pkt, uint32_t id)
{
	uint8_t *got = malloc(pkt->len);

	if (!got)
		abort();
	pkt_copy_out(pkt, 0, got, pkt->len);
	for (uint32_t i = HDR; i < pkt->len; i++)
		assert(got[i] == byte_at(id, i - HDR));
	free(got);
	pkt_free(pkt);
}

static void step_other(struct lab *lab, const uint8_t *p)
{
	static const uint32_t bounds[] = {HIGH, 0, 2000, 20000, 4 << 20};

	switch (p[0] % STEPS) {
	case STEP_TIME:
		if (p[4] & FLUSH)
			reasm_flush(&lab->r);
		(void)engine_run(lab->eng, lab->eng->now_ns + (int64_t)p[3] * 200000000);
		break;
	case STEP_FAIL:
		lab->fail_in = p[1];
		lab->fail_again = p[2] % 8;
		break;
	case STEP_BOUND:
		lab->r.conf.high_thresh = bounds[p[1] % ARRAY_SIZE(bounds)];
		lab->r.conf.low_thresh = bounds[p[2] % ARRAY_SIZE(bounds)];
		break;
	default:
		lab->r.conf.max_dist = p[1];
		break;
	}
}

static void step(struct lab *lab, const uint8_t *p)
{
	uint8_t flags = p[4];
	struct reasm *r = &lab->r;
	struct reasm_key key = {
		.src = {{flags & OTHER ? 1 : 2, p[0] >> 3 & 7}}, .dst = {{3}}, .id = p[0] % 8u};
	struct reasm_frag_info info = {.off = (uint32_t)(p[1] << 8 | p[2]) & 0xfff8,
				       .hdr_len = HDR,
				       .more = flags & MORE,
				       .ecn = flags >> ECN_SHIFT & 3};
	uint32_t len = p[3] * (flags & LONG ? 64u : 1u);
	struct reasm_whole whole = {0};
	struct pkt *pkt;

	if (flags & TIME) {
		step_other(lab, p);
		return;
	}
	pkt = fragment(lab->eng, key.id, info.off, len, flags & SHARED);
	if (!pkt)
		return;
	if (reasm_input(r, &key, &info, pkt, &whole) != DROP_NONE)
		pkt_free(pkt);
	else if (whole.pkt)
		check_whole(whole.pkt, key.id);
	else
		assert(r->mem_bytes <= r->conf.high_thresh);
	assert(r->n_pkts <= PKTS / REASM_POOL_SHARE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab lab = {.fail_in = 0};
	const struct engine_config cfg = {.has_seed = true,
					  .seed = 1,
					  .realloc = lab_realloc,
					  .mem_ctx = &lab,
					  .limits = {PKTS, {PKTS, PKTS, PKTS}}};

	if (engine_new(&cfg, &lab.eng) || !(lab.st = stack_new(lab.eng, "fuzz")))
		abort();
	if (reasm_init(&lab.r, lab.st, &ops, 30))
		abort();
	lab.r.conf.high_thresh = HIGH;
	lab.r.conf.low_thresh = HIGH / 2;
	for (size_t i = 0; i + STEP <= size && i < (size_t)STEPS_MAX * STEP; i += STEP)
		step(&lab, data + i);
	lab.fail_in = 0;
	reasm_fini(&lab.r);
	assert(lab.r.mem_bytes == 0 && lab.r.n_pkts == 0);
	stack_free(lab.st);
	assert(lab.eng->pkts.pkts.n_used == 0);
	engine_free(lab.eng);
	return 0;
}
