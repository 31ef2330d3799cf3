/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a packet: trimming, moving between the linear part and the frags, copying, summing.
 *
 * Whatever has to become writable or linear moves into storage of the packet's own, at the same
 * offsets from its head as far as they fit, so that the header offsets can be shifted along.
 */
#include "pkt/pkt.h"

#include <errno.h>
#include <string.h>

#include "base/cpu.h"
#include "base/csum.h"
#include "base/load.h"

enum {
	/* Kept free in front of headers that move on their way through: room for one more tunnel
	 * header, and little enough that most headers still fit into room[]. */
	REHOUSE_HEADROOM = 64,
	MOVED_HDR_MAX = 128, /* what pkt_push() moves of a large packet: enough for its headers */
};

static void frag_drop_first(struct pkt *pkt)
{
	buf_unref(pkt->frags[0].buf);
	pkt->n_frags--;
	memmove(&pkt->frags[0], &pkt->frags[1], pkt->n_frags * sizeof(pkt->frags[0]));
}

/* Drops `n` bytes from the front of the frags. */
static void frags_eat(struct pkt *pkt, uint32_t n)
{
	while (n) {
		struct pkt_frag *f = &pkt->frags[0];
		uint32_t part = n < f->len ? n : f->len;

		f->off += part;
		f->len -= part;
		pkt->len -= part;
		n -= part;
		if (f->len == 0)
			frag_drop_first(pkt);
	}
}

void pkt_eat(struct pkt *pkt, uint32_t n)
{
	uint32_t lin = n < pkt->lin_len ? n : pkt->lin_len;

	assert(n <= pkt->len);
	pkt_pull(pkt, lin);
	frags_eat(pkt, n - lin);
}

void pkt_trim(struct pkt *pkt, uint32_t len)
{
	assert(len <= pkt->len);
	while (pkt->n_frags && pkt->len > len) {
		struct pkt_frag *f = &pkt->frags[pkt->n_frags - 1];
		uint32_t over = pkt->len - len;

		if (over < f->len) {
			f->len -= over;
			pkt->len = len;
			return;
		}
		pkt->len -= f->len;
		buf_unref(f->buf);
		pkt->n_frags--;
	}
	if (pkt->n_frags == 0) {
		pkt->len = len;
		pkt->lin_len = len;
	}
}

void pkt_copy_out(const struct pkt *pkt, uint32_t off, void *dst, uint32_t len)
{
	uint8_t *out = dst;

	assert(off <= pkt->len && len <= pkt->len - off);
	if (off < pkt->lin_len) {
		uint32_t part = pkt->lin_len - off < len ? pkt->lin_len - off : len;

		memcpy(out, pkt->data + off, part);
		out += part;
		len -= part;
		off = 0;
	} else {
		off -= pkt->lin_len;
	}
	for (const struct pkt_frag *f = pkt->frags; len; f++) {
		uint32_t part;

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		part = f->len - off < len ? f->len - off : len;
		memcpy(out, f->buf->bytes + f->off + off, part);
		out += part;
		len -= part;
		off = 0;
	}
}

/* Moves every header offset that is known by `delta` bytes. */
static void offsets_shift(struct pkt *pkt, int32_t delta)
{
	uint16_t *offs[] = {&pkt->l2_off, &pkt->l3_off, &pkt->l4_off};

	for (size_t i = 0; i < ARRAY_SIZE(offs); i++)
		if (*offs[i] != PKT_NO_OFF)
			*offs[i] = (uint16_t)(*offs[i] + delta);
	pkt->csum_start = (uint16_t)(pkt->csum_start + delta);
}

/* First byte that must survive a move of the linear storage: pulled headers count. */
static uint16_t first_kept_off(const struct pkt *pkt)
{
	uint16_t off = pkt_off(pkt);

	if (pkt->l2_off < off)
		off = pkt->l2_off;
	if (pkt->l3_off < off)
		off = pkt->l3_off;
	if (pkt->l4_off < off)
		off = pkt->l4_off;
	return off;
}

/*
 * Gives the packet private linear storage with `headroom` free bytes in front of what it keeps (the
 * headers already pulled, then `n_lin` bytes from `data` on). What was linear behind that becomes
 * the first frag. False: no memory or no free frag; unchanged.
 */
static bool pkt_rehouse(struct pkt *pkt, uint32_t headroom, uint32_t n_lin)
{
	uint16_t kept_off = first_kept_off(pkt);
	uint32_t n_pulled = pkt_off(pkt) - (uint32_t)kept_off;
	uint32_t n_kept = n_pulled + n_lin;
	uint32_t n_from_lin = n_lin < pkt->lin_len ? n_lin : pkt->lin_len;
	uint32_t n_rest = pkt->lin_len - n_from_lin;
	struct buf *old = pkt->buf;
	struct buf *fresh = NULL;
	uint8_t *head = pkt->room;
	bool rest_in_room = !old && n_rest;

	/* Without a buffer the rest cannot become a frag: everything moves. */
	if (rest_in_room) {
		n_kept += n_rest;
		n_from_lin += n_rest;
		n_lin += n_rest;
		n_rest = 0;
	}
	if (n_rest && pkt->n_frags == PKT_FRAGS_MAX)
		return false;
	if (!old || headroom + n_kept > PKT_ROOM) {
		fresh = buf_alloc(pkt->pools, headroom + n_kept);
		if (!fresh)
			return false;
		head = fresh->bytes;
	}

	memcpy(head + headroom, pkt->head + kept_off, n_pulled + n_from_lin);
	if (n_lin > n_from_lin) {
		uint32_t n_more = n_lin - n_from_lin;

		pkt_copy_out(pkt, pkt->lin_len, head + headroom + n_pulled + n_from_lin, n_more);
		frags_eat(pkt, n_more);
		pkt->len += n_more;
	}
	if (n_rest) {
		memmove(&pkt->frags[1], &pkt->frags[0], pkt->n_frags * sizeof(pkt->frags[0]));
		pkt->frags[0] = (struct pkt_frag){
			.buf = buf_ref(old),
			.off = (uint32_t)(pkt->data - old->bytes) + n_from_lin,
			.len = n_rest,
		};
		pkt->n_frags++;
	}
	offsets_shift(pkt, (int32_t)headroom - kept_off);
	pkt->head = head;
	pkt->data = head + headroom + n_pulled;
	pkt->lin_len = n_lin;
	pkt->buf = fresh;
	buf_unref(old);
	return true;
}

uint8_t *pkt_push_slow(struct pkt *pkt, uint32_t n)
{
	uint32_t headroom = n > PKT_HEADROOM ? n : PKT_HEADROOM;
	uint32_t n_lin = pkt->lin_len;

	/* Of a large packet only the headers move; its payload stays shared. */
	if (pkt->buf && n_lin > PKT_ROOM && pkt->n_frags < PKT_FRAGS_MAX)
		n_lin = MOVED_HDR_MAX;
	if (!pkt_rehouse(pkt, headroom, n_lin))
		return NULL;
	assert(pkt_headroom(pkt) >= n && pkt_is_writable(pkt));
	return pkt_push(pkt, n);
}

bool pkt_pullup_slow(struct pkt *pkt, uint32_t n)
{
	if (n > pkt->len)
		return false;
	/* Room behind the linear part: just append, if nobody else sees it. */
	if (pkt_is_writable(pkt) && pkt_tailroom(pkt) >= n - pkt->lin_len) {
		uint32_t n_more = n - pkt->lin_len;

		pkt_copy_out(pkt, pkt->lin_len, pkt->data + pkt->lin_len, n_more);
		frags_eat(pkt, n_more);
		pkt->len += n_more;
		pkt->lin_len += n_more;
		return true;
	}
	return pkt_rehouse(pkt, REHOUSE_HEADROOM, n);
}

bool pkt_make_writable(struct pkt *pkt, uint32_t n)
{
	if (n > pkt->len)
		return false;
	if (!pkt_pullup(pkt, n))
		return false;
	if (pkt_is_writable(pkt))
		return true;
	return pkt_rehouse(pkt, REHOUSE_HEADROOM, n);
}

int pkt_append(struct pkt *pkt, const void *src, uint32_t len)
{
	const uint8_t *p = src;
	struct pkt_frag added[PKT_FRAGS_MAX];
	uint32_t n_added = 0;
	uint32_t n_lin = 0;

	if (pkt->n_frags == 0 && pkt_is_writable(pkt))
		n_lin = pkt_tailroom(pkt) < len ? pkt_tailroom(pkt) : len;
	for (uint32_t left = len - n_lin; left;) {
		uint32_t want = left < BUF_M ? left : BUF_M;
		struct buf *buf;

		if (pkt->n_frags + n_added == PKT_FRAGS_MAX || !(buf = buf_alloc(pkt->pools, want)))
			goto fail;
		memcpy(buf->bytes, p + (len - left), want);
		added[n_added++] = (struct pkt_frag){.buf = buf, .len = want};
		left -= want;
	}
	if (n_lin)
		memcpy(pkt_put(pkt, n_lin), p, n_lin);
	for (uint32_t i = 0; i < n_added; i++)
		pkt->frags[pkt->n_frags++] = added[i];
	pkt->len += len - n_lin;
	return 0;
fail:
	while (n_added)
		buf_unref(added[--n_added].buf);
	return -ENOBUFS;
}

uint64_t pkt_csum_add(const struct pkt *pkt, uint32_t off, uint32_t len, uint64_t sum)
{
	const struct cpu_ops *cpu = pkt->pools->cpu;
	size_t n_done = 0;

	assert(off <= pkt->len && len <= pkt->len - off);
	if (off < pkt->lin_len) {
		uint32_t part = pkt->lin_len - off < len ? pkt->lin_len - off : len;

		sum = csum_add(cpu, pkt->data + off, part, sum);
		n_done = part;
		off = 0;
	} else {
		off -= pkt->lin_len;
	}
	for (const struct pkt_frag *f = pkt->frags; n_done < len; f++) {
		uint32_t part = len - (uint32_t)n_done;

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		if (f->len - off < part)
			part = f->len - off;
		sum = csum_block_add(sum, csum_add(cpu, f->buf->bytes + f->off + off, part, 0),
				     n_done);
		n_done += part;
		off = 0;
	}
	return sum;
}

int pkt_csum_complete(struct pkt *pkt)
{
	uint32_t start, n_hdr;
	uint16_t sum;
	uint8_t *field;

	if (pkt->csum != PKT_CSUM_PARTIAL)
		return 0;
	assert(pkt->csum_start >= pkt_off(pkt));
	start = pkt->csum_start - (uint32_t)pkt_off(pkt);
	n_hdr = start + pkt->csum_off + 2;
	assert(n_hdr <= pkt->len);
	if (!pkt_make_writable(pkt, n_hdr))
		return -ENOBUFS;
	sum = pkt_csum_field(pkt, pkt_csum_add(pkt, start, pkt->len - start, 0));
	field = pkt->data + start + pkt->csum_off;
	store_be16(field, sum);
	pkt->csum = PKT_CSUM_VERIFIED;
	return 0;
}

/* Copies a piece that begins `at` bytes after `data`; its bytes from `start` on are summed. */
static uint64_t piece_copy(const struct cpu_ops *cpu, uint8_t *dst, const uint8_t *src,
			   uint32_t len, uint32_t at, uint32_t start, uint64_t sum)
{
	uint32_t n_plain = 0;

	if (at < start) {
		n_plain = start - at < len ? start - at : len;
		memcpy(dst, src, n_plain);
		if (n_plain == len)
			return sum;
	}
	return csum_block_add(sum, csum_copy(cpu, dst + n_plain, src + n_plain, len - n_plain, 0),
			      at + n_plain - start);
}

void pkt_copy_finished(const struct pkt *pkt, uint8_t *dst)
{
	const struct cpu_ops *cpu = pkt->pools->cpu;
	uint32_t start, at = pkt->lin_len;
	uint64_t sum;

	if (pkt->csum != PKT_CSUM_PARTIAL) {
		pkt_copy_out(pkt, 0, dst, pkt->len);
		return;
	}
	assert(pkt_partial_fits(pkt, 0, pkt->len));
	start = pkt->csum_start - (uint32_t)pkt_off(pkt);
	sum = piece_copy(cpu, dst, pkt->data, pkt->lin_len, 0, start, 0);
	for (uint8_t i = 0; i < pkt->n_frags; i++) {
		const struct pkt_frag *f = &pkt->frags[i];

		sum = piece_copy(cpu, dst + at, f->buf->bytes + f->off, f->len, at, start, sum);
		at += f->len;
	}
	store_be16(dst + start + pkt->csum_off, pkt_csum_field(pkt, sum));
}
