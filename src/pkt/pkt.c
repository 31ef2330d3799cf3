/* SPDX-License-Identifier: MIT */
/* Packets and their buffers: allocation, sharing, release. The layout is drawn in pkt.h. */
#include "pkt/pkt.h"

#include <string.h>

#include "base/mem.h"

enum {
	BUF_HDR = CACHE_LINE, /* struct buf and padding, in front of the bytes */
};
static_assert(sizeof(struct buf) <= BUF_HDR, "a buffer's header is one line");

static const uint32_t buf_class_bytes[BUF_CLASSES] = {BUF_S, BUF_M, BUF_L};

int pkt_pools_init(struct pkt_pools *pools, struct mem *mem, const struct pkt_limits *limits,
		   const struct cpu_ops *cpu)
{
	*pools = (struct pkt_pools){.cpu = cpu};
	pool_init(&pools->pkts, mem, sizeof(struct pkt), limits->n_pkts);
	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		pool_init(&pools->bufs[i], mem, BUF_HDR + buf_class_bytes[i], limits->n_bufs[i]);
	return 0;
}

void pkt_pools_trim(struct pkt_pools *pools)
{
	pool_trim(&pools->pkts);
	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		pool_trim(&pools->bufs[i]);
}

void pkt_pools_fini(struct pkt_pools *pools)
{
	pool_fini(&pools->pkts);
	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		pool_fini(&pools->bufs[i]);
}

struct buf *buf_alloc(struct pkt_pools *pools, uint32_t cap)
{
	uint32_t class = 0;
	struct buf *buf;

	while (class < BUF_CLASSES && cap > buf_class_bytes[class])
		class ++;
	if (class == BUF_CLASSES)
		return NULL;
	buf = pool_alloc(&pools->bufs[class]);
	if (!buf)
		return NULL;
	buf->bytes = (uint8_t *)buf + BUF_HDR;
	buf->cap = buf_class_bytes[class];
	buf->refs = 1;
	buf->pools = pools;
	buf->class = class;
	buf->release = NULL;
	buf->owner = NULL;
	return buf;
}

void buf_free(struct buf *buf)
{
	if (buf->class < BUF_CLASSES)
		pool_free(&buf->pools->bufs[buf->class], buf);
	else
		buf->release(buf);
}

/* Everything but the storage: as a packet is born. */
static void pkt_reset(struct pkt *pkt, struct pkt_pools *pools)
{
	pkt->next = NULL;
	pkt->head = pkt->room;
	pkt->data = pkt->room + PKT_HEADROOM;
	pkt->buf = NULL;
	pkt->len = 0;
	pkt->lin_len = 0;
	pkt->l2_off = PKT_NO_OFF;
	pkt->l3_off = PKT_NO_OFF;
	pkt->l4_off = PKT_NO_OFF;
	pkt->gso_size = 0;
	pkt->csum_start = 0;
	pkt->csum_off = 0;
	pkt->csum = PKT_CSUM_NONE;
	pkt->gso_type = PKT_GSO_NONE;
	pkt->n_frags = 0;
	pkt->flags = 0;
	pkt->pools = pools;
	pkt->netif = NULL;
	pkt->ts_ns = 0;
	pkt->mark = 0;
	pkt->trace_id = ++pools->next_trace_id;
	pkt->n_hops = 0;
	pkt->hash = 0;
}

struct pkt *pkt_alloc(struct pkt_pools *pools, uint32_t tailroom)
{
	struct pkt *pkt;

	if (tailroom > BUF_L - PKT_HEADROOM)
		return NULL;
	pkt = pool_alloc(&pools->pkts);
	if (!pkt)
		return NULL;
	pkt_reset(pkt, pools);
	if (tailroom <= PKT_ROOM - PKT_HEADROOM)
		return pkt;

	pkt->buf = buf_alloc(pools, PKT_HEADROOM + tailroom);
	if (!pkt->buf) {
		pool_free(&pools->pkts, pkt);
		return NULL;
	}
	pkt->head = pkt->buf->bytes;
	pkt->data = pkt->head + PKT_HEADROOM;
	return pkt;
}

static void pkt_frags_release(struct pkt *pkt)
{
	for (uint8_t i = 0; i < pkt->n_frags; i++)
		buf_unref(pkt->frags[i].buf);
	pkt->n_frags = 0;
}

void pkt_free(struct pkt *pkt)
{
	if (!pkt)
		return;
	if (unlikely(pkt->n_frags))
		pkt_frags_release(pkt);
	if (pkt->buf)
		buf_unref(pkt->buf);
	pool_free(&pkt->pools->pkts, pkt);
}

void pktq_purge(struct pktq *q)
{
	struct pkt *pkt;

	while ((pkt = pktq_pop(q)))
		pkt_free(pkt);
}

struct pkt *pkt_clone(struct pkt *pkt)
{
	struct pkt *clone = pool_alloc(&pkt->pools->pkts);

	if (!clone)
		return NULL;
	/* Lines 0 to 2 and the frags in use; room[] only when the linear part lives there. */
	memcpy(clone, pkt, offsetof(struct pkt, frags) + pkt->n_frags * sizeof(pkt->frags[0]));
	clone->next = NULL;
	for (uint8_t i = 0; i < pkt->n_frags; i++)
		buf_ref(pkt->frags[i].buf);
	if (pkt->buf) {
		buf_ref(pkt->buf);
		return clone;
	}
	clone->head = clone->room;
	clone->data = clone->room + pkt_off(pkt);
	memcpy(clone->room, pkt->room, pkt_off(pkt) + pkt->lin_len);
	return clone;
}

bool pkt_add_frag(struct pkt *pkt, struct buf *buf, uint32_t off, uint32_t len)
{
	struct pkt_frag *last = pkt->n_frags ? &pkt->frags[pkt->n_frags - 1] : NULL;

	assert(off <= buf->cap && len <= buf->cap - off);
	if (last && last->buf == buf && last->off + last->len == off) {
		last->len += len;
		pkt->len += len;
		return true;
	}
	if (pkt->n_frags == PKT_FRAGS_MAX)
		return false;
	pkt->frags[pkt->n_frags++] = (struct pkt_frag){.buf = buf_ref(buf), .off = off, .len = len};
	pkt->len += len;
	return true;
}
