/* SPDX-License-Identifier: MIT */
/* Coalescing on reception; the contract is in gro.h. */
#include "core/gro.h"

#include <string.h>

#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "wire/gro.h"

void gro_init(struct gro *gro, struct netif *netif)
{
	gro->netif = netif;
	list_init(&gro->held);
	list_init(&gro->idle);
	for (uint32_t i = 0; i < GRO_GROUPS; i++)
		list_add_tail(&gro->idle, &gro->groups[i].link);
}

static void pkt_set_partial(struct pkt *pkt, const struct gso_hdr *hdr)
{
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + hdr->l4_off);
	pkt->csum_off = hdr->csum_off;
}

void gro_pkt_set(struct pkt *pkt, const struct gso_hdr *hdr, uint16_t gso_size)
{
	pkt_set_partial(pkt, hdr);
	pkt->gso_size = gso_size;
	pkt->gso_type = PKT_GSO_UDP;
	if (hdr->is_tcp)
		pkt->gso_type = hdr->is_ip6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4;
}

/* A frame goes up as it is. `hdr` NULL: its headers are not known. */
static void rx_alone(struct gro *gro, const uint8_t *frame, uint32_t len, enum pkt_csum csum,
		     const struct gso_hdr *hdr)
{
	struct netif *netif = gro->netif;
	struct pkt *pkt = pkt_alloc(&netif->stack->eng->pkts, len);

	if (!pkt) {
		netif->stats.rx_dropped++;
		netif->stack->drops[DROP_NOMEM]++;
		return;
	}
	memcpy(pkt_put(pkt, len), frame, len);
	if (csum == PKT_CSUM_VERIFIED)
		pkt->csum = PKT_CSUM_VERIFIED;
	else if (csum == PKT_CSUM_PARTIAL && hdr)
		pkt_set_partial(pkt, hdr);
	netif_rx(netif, pkt);
}

/* Copies payload behind the packet's bytes, of which `n_left` are still to come with these. False:
 * no memory. */
static bool pkt_fill(struct pkt *pkt, const uint8_t *p, uint32_t n, uint32_t n_left)
{
	while (n) {
		struct pkt_frag *f = pkt->n_frags ? &pkt->frags[pkt->n_frags - 1] : NULL;
		uint32_t room = f ? f->buf->cap - f->len : 0;
		uint32_t part = n < room ? n : room;

		if (!room) {
			struct buf *buf = buf_alloc(pkt->pools, n_left < BUF_M ? n_left : BUF_M);

			if (!buf)
				return false;
			pkt->frags[pkt->n_frags++] = (struct pkt_frag){.buf = buf};
			continue;
		}
		memcpy(f->buf->bytes + f->len, p, part);
		f->len += part;
		pkt->len += part;
		p += part;
		n -= part;
		n_left -= part;
	}
	return true;
}

static_assert((GRO_IP_BYTES_MAX + BUF_M - 1) / BUF_M <= PKT_FRAGS_MAX,
	      "a super-packet's frags fit");

/* The super-packet of a group; NULL: no memory. */
static struct pkt *group_pkt(const struct gro *gro, const struct gro_group *g)
{
	uint32_t hdr_len = g->hdr.payload_off, n_left = g->n_payload;
	struct pkt *pkt = pkt_alloc(&gro->netif->stack->eng->pkts, hdr_len);
	struct gso_hdr last;
	uint8_t *p;

	if (!pkt)
		return NULL;
	p = pkt_put(pkt, hdr_len);
	memcpy(p, g->frames[0], hdr_len);
	for (uint32_t i = 0; i < g->n_frames; i++) {
		uint32_t n = g->lens[i] - hdr_len;

		if (!pkt_fill(pkt, g->frames[i] + hdr_len, n, n_left)) {
			pkt_free(pkt);
			return NULL;
		}
		n_left -= n;
	}
	(void)gro_read(g->frames[g->n_frames - 1], g->lens[g->n_frames - 1],
		       g->lens[g->n_frames - 1], &last);
	gro_hdr_patch(p, &g->hdr, g->n_payload, gro_has_psh(&last));
	gro_pkt_set(pkt, &g->hdr, g->gso_size);
	return pkt;
}

static void group_flush(struct gro *gro, struct gro_group *g)
{
	struct pkt *pkt = g->n_frames > 1 ? group_pkt(gro, g) : NULL;

	list_del(&g->link);
	list_add_tail(&gro->idle, &g->link);
	if (pkt) {
		netif_rx(gro->netif, pkt);
		return;
	}
	/* One, or many for which there is no memory as a whole: each may still find some. */
	for (uint32_t i = 0; i < g->n_frames; i++)
		rx_alone(gro, g->frames[i], g->lens[i], g->csum[i], &g->hdr);
}

void gro_flush(struct gro *gro)
{
	struct list *link;

	while ((link = list_first(&gro->held)))
		group_flush(gro, container_of(link, struct gro_group, link));
}

static struct gro_group *group_find(struct gro *gro, const uint8_t *frame,
				    const struct gso_hdr *hdr)
{
	struct gro_group *g;

	list_for_each (g, &gro->held, link)
		if (gro_is_same_flow(g->frames[0], &g->hdr, frame, hdr))
			return g;
	return NULL;
}

/* Without a place the oldest makes one. */
static struct gro_group *group_begin(struct gro *gro, const struct gso_hdr *hdr, uint32_t n_payload)
{
	struct gro_group *g;

	if (list_is_empty(&gro->idle))
		group_flush(gro, container_of(list_first(&gro->held), struct gro_group, link));
	g = container_of(list_pop(&gro->idle), struct gro_group, link);
	list_add_tail(&gro->held, &g->link);
	g->hdr = *hdr;
	g->n_frames = 0;
	g->n_payload = 0;
	g->gso_size = (uint16_t)n_payload;
	return g;
}

static bool group_takes(const struct gro_group *g, const uint8_t *frame, uint32_t len,
			const struct gso_hdr *hdr)
{
	uint32_t n = len - hdr->payload_off;

	return n <= g->gso_size &&
	       (uint32_t)(g->hdr.payload_off - g->hdr.l3_off) + g->n_payload + n <=
		       GRO_IP_BYTES_MAX &&
	       gro_is_next(g->frames[0], &g->hdr, frame, hdr, g->n_frames, g->n_payload);
}

/* Whether a frame, GRO_DATA by its headers, may be one of many. Sets what is known of its checksum
 * then. */
static bool frame_may_join(const struct gro *gro, const uint8_t *frame, uint32_t len,
			   const struct gso_hdr *hdr, enum pkt_csum *csum)
{
	const struct stack *st = gro->netif->stack;

	if (!hdr->is_tcp && !st->n_gro_socks)
		return false;
	if (*csum == PKT_CSUM_NONE && gro_csum_ok(&st->eng->cpu, frame, len, hdr))
		*csum = PKT_CSUM_VERIFIED;
	return *csum != PKT_CSUM_NONE;
}

static void frame_join(struct gro *gro, const uint8_t *frame, uint32_t len, enum pkt_csum csum,
		       const struct gso_hdr *hdr)
{
	struct gro_group *g = group_find(gro, frame, hdr);
	uint32_t n_payload = len - hdr->payload_off;

	if (g && !group_takes(g, frame, len, hdr)) {
		group_flush(gro, g);
		g = NULL;
	}
	if (!g)
		g = group_begin(gro, hdr, n_payload);
	g->frames[g->n_frames] = frame;
	g->lens[g->n_frames] = len;
	g->csum[g->n_frames] = csum;
	g->n_frames++;
	g->n_payload += n_payload;
	if (n_payload < g->gso_size || g->n_frames == GRO_FRAMES_MAX || gro_has_psh(hdr))
		group_flush(gro, g);
}

void gro_rx(struct gro *gro, const uint8_t *frame, uint32_t len, enum pkt_csum csum)
{
	struct gso_hdr hdr;
	enum gro_kind kind = gro_read(frame, len, len, &hdr);
	struct gro_group *g;

	if (kind == GRO_FOREIGN) { /* perhaps a fragment of any of the flows */
		gro_flush(gro);
		rx_alone(gro, frame, len, csum, NULL);
		return;
	}
	if (kind == GRO_DATA && netif_takes(gro->netif, NETIF_F_GRO) &&
	    frame_may_join(gro, frame, len, &hdr, &csum)) {
		frame_join(gro, frame, len, csum, &hdr);
		return;
	}
	g = group_find(gro, frame, &hdr);
	if (g)
		group_flush(gro, g);
	rx_alone(gro, frame, len, csum, &hdr);
}
