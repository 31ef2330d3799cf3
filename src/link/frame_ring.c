/* SPDX-License-Identifier: MIT */
/* Packets by value; the contract is in frame_ring.h. */
#include "link/frame_ring.h"

#include <errno.h>
#include <string.h>

/* In front of the bytes. */
struct frame_rec {
	uint32_t tag;
	uint16_t csum_start; /* PARTIAL: from the frame's first byte */
	uint16_t csum_off;
	uint16_t gso_size;
	uint8_t gso_type;
	uint8_t csum;
	uint32_t reserved;
};

static_assert(sizeof(struct frame_rec) == 16, "the frame behind it stays aligned");
static_assert(FRAME_RING_BYTES_MIN / 2 >= FRAME_RING_MAX + 16 + REC_HDR, "the largest fits");

int frame_ring_put(struct rec_ring *ring, const struct pkt *pkt, uint32_t tag)
{
	uint32_t len = (uint32_t)sizeof(struct frame_rec) + pkt->len;
	struct frame_rec *rec;

	if (pkt->len > FRAME_RING_MAX)
		return -EMSGSIZE;
	rec = rec_ring_reserve(ring, len);
	if (!rec)
		return -EAGAIN;
	*rec = (struct frame_rec){.tag = tag,
				  .csum = pkt->csum,
				  .gso_type = pkt->gso_type,
				  .gso_size = pkt->gso_size};
	if (pkt->csum == PKT_CSUM_PARTIAL) {
		rec->csum_start = (uint16_t)(pkt->csum_start - pkt_off(pkt));
		rec->csum_off = pkt->csum_off;
	}
	pkt_copy_out(pkt, 0, rec + 1, pkt->len);
	rec_ring_commit(ring, len);
	return 0;
}

static struct pkt *frame_pkt(struct pkt_pools *pools, const struct frame_rec *rec, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(pools, len);

	if (!pkt)
		return NULL;
	if (len)
		memcpy(pkt_put(pkt, len), rec + 1, len);
	pkt->csum = rec->csum;
	pkt->gso_type = rec->gso_type;
	pkt->gso_size = rec->gso_size;
	if (rec->csum == PKT_CSUM_PARTIAL) {
		pkt->csum_start = (uint16_t)(pkt_off(pkt) + rec->csum_start);
		pkt->csum_off = rec->csum_off;
	}
	return pkt;
}

enum frame_got frame_ring_get(struct rec_ring *ring, struct pkt_pools *pools, struct pkt **ret,
			      uint32_t *ret_tag)
{
	const struct frame_rec *rec;
	struct pkt *pkt;
	uint32_t len;

	rec = rec_ring_peek(ring, &len);
	if (!rec)
		return FRAME_NONE;
	pkt = frame_pkt(pools, rec, len - (uint32_t)sizeof(*rec));
	if (pkt) {
		*ret = pkt;
		*ret_tag = rec->tag;
	}
	rec_ring_pop(ring);
	return pkt ? FRAME_GOT : FRAME_LOST;
}

void frame_tx_init(struct frame_tx *tx, struct rec_ring *ring, struct door *door,
		   uint32_t queue_max)
{
	*tx = (struct frame_tx){.ring = ring, .door = door, .queue_max = queue_max};
	pktq_init(&tx->queue);
}

void frame_tx_purge(struct frame_tx *tx)
{
	pktq_purge(&tx->queue);
}

/* One more is in the ring. */
static void frame_tx_count(struct frame_tx *tx)
{
	if (++tx->n_hidden < FRAME_RING_BURST)
		return;
	tx->n_hidden = 0;
	rec_ring_publish(tx->ring);
	door_knock(tx->door);
}

enum drop frame_tx_copy(struct frame_tx *tx, const struct pkt *pkt, uint32_t tag)
{
	int err = -EAGAIN;

	if (pktq_is_empty(&tx->queue))
		err = frame_ring_put(tx->ring, pkt, tag);
	if (err)
		return err == -EAGAIN ? DROP_IF_TX_QUEUE : DROP_IF_MTU;
	frame_tx_count(tx);
	return DROP_NONE;
}

enum drop frame_tx_send(struct frame_tx *tx, struct pkt *pkt, uint32_t tag)
{
	enum drop why = frame_tx_copy(tx, pkt, tag);

	if (why == DROP_NONE) {
		pkt_free(pkt);
		return DROP_NONE;
	}
	if (why != DROP_IF_TX_QUEUE || tx->queue.n_pkts >= tx->queue_max)
		return why;
	memcpy(pkt->cb, &tag, sizeof(tag));
	pktq_push(&tx->queue, pkt);
	return DROP_NONE;
}

static void frame_tx_drain(struct frame_tx *tx)
{
	struct pkt *pkt;
	uint32_t tag;

	while ((pkt = tx->queue.first)) {
		memcpy(&tag, pkt->cb, sizeof(tag));
		if (frame_ring_put(tx->ring, pkt, tag) < 0)
			return; /* none that is too long waits */
		pkt_free(pktq_pop(&tx->queue));
		frame_tx_count(tx);
	}
}

/* After asking it looks once more: room may have come meanwhile. */
void frame_tx_flush(struct frame_tx *tx)
{
	frame_tx_drain(tx);
	if (!pktq_is_empty(&tx->queue)) {
		rec_ring_ask_room(tx->ring);
		frame_tx_drain(tx);
	}
	if (tx->n_hidden) {
		tx->n_hidden = 0;
		rec_ring_publish(tx->ring);
	}
	door_knock(tx->door);
}
