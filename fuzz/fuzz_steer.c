/* SPDX-License-Identifier: MIT */
/*
 * Steering: the input is a byte that says which shards live and one that says how much of the frame
 * is linear, then the frame. Wherever it goes, it goes there whatever is linear, to one that lives.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "core/engine.h"
#include "core/steer.h"
#include "wire/eth.h"

enum {
	N_SHARDS = 4,
	FRAME_MAX = 1024,
};

static struct pkt *pkt_of(struct engine *eng, const uint8_t *p, uint32_t len, uint32_t n_lin)
{
	struct pkt *pkt = pkt_alloc(&eng->pkts, n_lin);
	struct buf *buf = buf_alloc(&eng->pkts, FRAME_MAX);

	assert(pkt && buf);
	if (n_lin)
		memcpy(pkt_put(pkt, n_lin), p, n_lin);
	memcpy(buf->bytes, p + n_lin, len - n_lin);
	if (len > n_lin && !pkt_add_frag(pkt, buf, 0, len - n_lin))
		abort();
	buf_unref(buf);
	return pkt;
}

static void check(const struct steer *s, uint32_t to)
{
	if (to != STEER_ALL && !(s->live >> to & 1))
		abort();
}

static void steer_one(struct engine *eng, const uint8_t *data, uint32_t len)
{
	struct steer s = {.key = {1, 2},
			  .n_shards = N_SHARDS,
			  .own_first = 60000,
			  .own_last = 65535,
			  .live = data[0] % 15 + 1u};
	const uint8_t *frame = data + 2;
	struct pkt *whole, *cut;
	uint32_t to;

	len -= 2;
	whole = pkt_of(eng, frame, len, len);
	cut = pkt_of(eng, frame, len, data[1] < len ? data[1] : len);
	to = steer_pkt(&s, whole);
	check(&s, to);
	if (steer_pkt(&s, cut) != to || steer_is_speakers(whole) != steer_is_speakers(cut))
		abort();
	if (len > ETH_HDR_LEN) {
		pkt_pull(whole, ETH_HDR_LEN);
		check(&s, steer_datagram(&s, whole, false));
		check(&s, steer_datagram(&s, whole, true));
	}
	pkt_free(whole);
	pkt_free(cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One for all inputs, for its pools: to make one takes ten times as long as to steer. */
	static struct engine *eng;
	struct engine_config cfg = {.has_seed = true, .seed = 1};

	if (size < 2 || size > FRAME_MAX || (!eng && engine_new(&cfg, &eng) < 0))
		return 0;
	steer_one(eng, data, (uint32_t)size);
	assert(eng->pkts.pkts.n_used == 0);
	return 0;
}
