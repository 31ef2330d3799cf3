/* SPDX-License-Identifier: MIT */
/*
 * UDP_GRO: datagrams that wait for an application which asked for it are put together, so that one
 * call receives many. What may be one has one sender, one way and one size (the last may be
 * shorter), as what UDP_SEGMENT sends; a group holds at most 64, in one packet's memory.
 *
 * The bytes are copied into buffers of the group's own. Nothing waits for more: a group is what has
 * come before the application looks.
 */
#include <string.h>

#include "transport/dgram.h"
#include "transport/udp.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/udp.h"

enum {
	GROUP_BYTES_MAX = IP4_LEN_MAX - IP4_HDR_LEN - UDP_HDR_LEN,
	IP4_TTL_OFF = 8,
	IP4_ADDRS_OFF = 12,
	IP6_HOPS_OFF = 7,
	UDP_CSUM_OFF = 6,
};

static struct pkt *queue_last(struct pktq *q)
{
	return q->first ? container_of(q->last, struct pkt, next) : NULL;
}

/* The same addresses, class, hops left and ports; no options or extension headers in either. */
static bool is_same_flow(const struct pkt *a, const struct pkt *b)
{
	uint32_t hdr = (uint32_t)(a->l4_off - a->l3_off);
	const uint8_t *p = pkt_l3(a), *q = pkt_l3(b);

	if ((uint32_t)(b->l4_off - b->l3_off) != hdr || memcmp(pkt_l4(a), pkt_l4(b), 4) != 0)
		return false;
	if (hdr == IP4_HDR_LEN)
		return p[0] == 0x45 && q[0] == 0x45 && p[1] == q[1] &&
		       p[IP4_TTL_OFF] == q[IP4_TTL_OFF] &&
		       memcmp(p + IP4_ADDRS_OFF, q + IP4_ADDRS_OFF, 8) == 0;
	return hdr == IP6_HDR_LEN && p[0] >> 4 == 6 && memcmp(p, q, 4) == 0 &&
	       p[IP6_HOPS_OFF] == q[IP6_HOPS_OFF] && memcmp(p + 8, q + 8, 32) == 0;
}

/* A checksum was sent: as in Linux others stay alone, since a group is told of as checked. */
static bool has_csum(const struct pkt *pkt)
{
	return pkt_l4(pkt)[UDP_CSUM_OFF] || pkt_l4(pkt)[UDP_CSUM_OFF + 1];
}

static bool is_next(const struct pkt *group, const struct pkt *pkt)
{
	uint32_t size = group->gso_size ? group->gso_size : group->len;

	return pkt->len > 0 && pkt->len <= size && group->len % size == 0 &&
	       group->len / size < UDP_SEGMENTS_MAX && group->len + pkt->len <= GROUP_BYTES_MAX;
}

/* Room for `n` bytes behind the group's last; NULL: none, or no memory that the socket may have. */
static uint8_t *group_put(struct dgram_sock *ds, struct pkt *group, uint32_t n)
{
	struct pkt_frag *f = group->n_frags ? &group->frags[group->n_frags - 1] : NULL;
	struct buf *buf;

	if (f && f->buf->refs == 1 && !f->buf->release && f->buf->cap - f->off - f->len >= n) {
		f->len += n;
		return f->buf->bytes + f->off + f->len - n;
	}
	if (group->n_frags == PKT_FRAGS_MAX || ds->rcvq_mem + BUF_M > ds->sk.rcvbuf_bytes)
		return NULL;
	buf = buf_alloc(group->pools, BUF_M);
	if (!buf)
		return NULL;
	group->frags[group->n_frags++] = (struct pkt_frag){.buf = buf, .len = n};
	return buf->bytes;
}

bool udp_gro_take(struct dgram_sock *ds, const struct pkt *pkt)
{
	uint32_t ifindex = pkt->netif ? pkt->netif->index : 0, mem;
	struct pkt *group = queue_last(&ds->rcvq);
	uint8_t *to;

	if (!group || pkt->gso_size || group->l3_off == PKT_NO_OFF || pkt->l3_off == PKT_NO_OFF ||
	    pkt->len > BUF_M)
		return false;
	if (memcmp(group->cb, &ifindex, sizeof(ifindex)) != 0 || !is_next(group, pkt) ||
	    !has_csum(group) || !has_csum(pkt) || !is_same_flow(group, pkt))
		return false;
	mem = pkt_mem_bytes(group);
	to = group_put(ds, group, pkt->len);
	if (!to)
		return false;
	if (!group->gso_size) {
		group->gso_size = (uint16_t)group->len;
		group->gso_type = PKT_GSO_UDP;
	}
	pkt_copy_out(pkt, 0, to, pkt->len);
	group->len += pkt->len;
	ds->rcvq.n_bytes += pkt->len;
	dgram_mem_add(ds, (int64_t)pkt_mem_bytes(group) - mem);
	return true;
}
