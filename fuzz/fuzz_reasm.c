/* SPDX-License-Identifier: MIT */
/*
 * Reassembly. The input is a list of steps of five bytes: which datagram, where in it, how long,
 * and flags; some let time pass or flush. What becomes whole has the bytes that its datagram has,
 * nothing is held beyond the bounds, and at the end nothing is left.
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
};

/* flags of a step */
enum {
	MORE = 1 << 0,
	SHARED = 1 << 1, /* the payload is in a buffer of its own */
	ECN_SHIFT = 2,
	LONG = 1 << 4,  /* length in units of 64 bytes */
	TIME = 1 << 5,  /* time passes instead */
	FLUSH = 1 << 6, /* with TIME: all is dropped */
	OTHER = 1 << 7, /* from another source */
};

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
	.expired = expired,
	.reqds = MIB_IpReasmReqds,
	.oks = MIB_IpReasmOKs,
	.fails = MIB_IpReasmFails,
	.timeouts = MIB_IpReasmTimeout,
	.overlaps = MIB_IpExtReasmOverlaps,
};

static struct pkt *fragment(struct engine *eng, uint32_t id, uint32_t off, uint32_t len,
			    bool is_shared)
{
	struct pkt *pkt = pkt_alloc(&eng->pkts, HDR + (is_shared ? 0 : len));
	struct buf *buf = is_shared && len ? buf_alloc(&eng->pkts, len) : NULL;
	uint8_t *p;

	if (!pkt || (is_shared && len && !buf))
		abort();
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

static void step(struct engine *eng, struct reasm *r, const uint8_t *p)
{
	uint8_t flags = p[4];
	struct reasm_key key = {.src = {{flags & OTHER ? 1 : 2}}, .dst = {{3}}, .id = p[0] % 8u};
	struct reasm_frag_info info = {.off = (uint32_t)(p[1] << 8 | p[2]) & 0xfff8,
				       .hdr_len = HDR,
				       .more = flags & MORE,
				       .ecn = flags >> ECN_SHIFT & 3};
	uint32_t len = p[3] * (flags & LONG ? 64u : 1u);
	struct reasm_whole whole = {0};
	struct pkt *pkt;

	if (flags & TIME) {
		if (flags & FLUSH)
			reasm_flush(r);
		(void)engine_run(eng, eng->now_ns + (int64_t)p[3] * 200000000);
		return;
	}
	pkt = fragment(eng, key.id, info.off, len, flags & SHARED);
	if (reasm_input(r, &key, &info, pkt, &whole) != DROP_NONE)
		pkt_free(pkt);
	else if (whole.pkt)
		check_whole(whole.pkt, key.id);
	assert(r->mem_bytes <= HIGH);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct engine_config cfg = {.has_seed = true, .seed = 1};
	struct engine *eng;
	struct stack *st;
	struct reasm r;

	if (engine_new(&cfg, &eng) || !(st = stack_new(eng, "fuzz")))
		abort();
	if (reasm_init(&r, st, &ops, 30))
		abort();
	r.conf.high_thresh = HIGH;
	r.conf.low_thresh = HIGH / 2;
	for (size_t i = 0; i + STEP <= size && i < (size_t)STEPS_MAX * STEP; i += STEP)
		step(eng, &r, data + i);
	reasm_fini(&r);
	assert(r.mem_bytes == 0 && r.n_pkts == 0);
	stack_free(st);
	assert(eng->pkts.pkts.n_used == 0);
	engine_free(eng);
	return 0;
}
