/* SPDX-License-Identifier: MIT */
/*
 * A classic BPF program and a packet: what passes the checks runs to its end without reading
 * outside of either, whatever the packet is, and gives the same a second time.
 *
 *	number of instructions, linear bytes of the packet; instructions of 8 bytes; the packet
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bpf.h"
#include "base/cursor.h"

struct pkt_bytes {
	const uint8_t *bytes;
	uint32_t len;
};

static bool load(void *ctx, int32_t off, uint32_t n, uint8_t *ret)
{
	const struct pkt_bytes *p = ctx;

	assert(n == 1 || n == 2 || n == 4);
	if (off < 0 || p->len < n || (uint32_t)off > p->len - n)
		return false;
	memcpy(ret, p->bytes + off, n);
	return true;
}

static uint32_t ancillary(void *ctx, enum bpf_ad what)
{
	assert(what < BPF_AD_MAX && what % 4 == 0);
	return ((const struct pkt_bytes *)ctx)->len + what;
}

static uint32_t read_prog(struct rd *r, uint32_t n, struct bpf_insn *prog)
{
	for (uint32_t i = 0; i < n; i++) {
		prog[i].code = rd_be16(r);
		prog[i].jt = rd_u8(r);
		prog[i].jf = rd_u8(r);
		prog[i].k = rd_be32(r);
	}
	return rd_ok(r) ? n : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	uint32_t n = rd_u8(&r), lin_len = rd_u8(&r);
	struct bpf_insn *prog = malloc((n + 1) * sizeof(*prog));
	struct pkt_bytes p;
	struct bpf_view view;

	if (!prog)
		return 0;
	n = read_prog(&r, n, prog);
	p = (struct pkt_bytes){.bytes = r.p, .len = (uint32_t)rd_left(&r)};
	view = (struct bpf_view){.data = p.bytes,
				 .lin_len = lin_len < p.len ? lin_len : p.len,
				 .len = p.len,
				 .ctx = &p,
				 .load = load,
				 .ancillary = ancillary};
	if (bpf_check(prog, n) == 0) {
		uint32_t got = bpf_run(prog, &view);

		/* Where the bytes lie makes no difference. */
		view.lin_len = 0;
		assert(bpf_run(prog, &view) == got);
	}
	free(prog);
	return 0;
}
