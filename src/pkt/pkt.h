/* SPDX-License-Identifier: MIT */
/*
 * Packet buffer: one frame, or one super-packet of up to 64 KiB, on its way through the stack.
 *
 *	head        data          data+lin_len       frags[0] … frags[n_frags-1]
 *	 |<-headroom->|<- linear part ->|<-tailroom->|   bytes of shared, counted buffers
 *	              |<------------------ len ------------------------------------>|
 *
 * How it works
 * - Going up, a layer pulls its header off the front (only `data` moves, so a refused packet is as
 *   it came: the l2/l3/l4 offsets still say where each header began). Going down, a layer pushes
 *   its header into the headroom.
 * - `head` is the packet's own room[] (headers and small frames, never shared) or a `struct buf`.
 *   Payload of a TCP super-packet is not copied: frags refer to the blocks of the send queue.
 * - A clone shares every buffer; only bytes in room[] are copied. Shared bytes are never written:
 *   pkt_push() and pkt_make_writable() first move what must change into the private room[].
 * - Checksum and segmentation are states of the packet (`csum`, `gso_size`), resolved at the edge
 *   that cannot carry them further: see pkt_csum_complete() and pkt_segment().
 *
 * A packet has exactly one owner. X_input() returns a verdict and owns the packet only when that is
 * DROP_NONE; X_output() always consumes it. doc/packet-buffer.md explains the layout.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/csum.h"
#include "base/cursor.h"
#include "base/pool.h"
#include "wire/addr.h"

/* Verdict of an input function. DROP_NONE: the callee took the packet. Anything else: it did
 * not, and the caller still owns it, as it came; in the end netif_rx() hands it to pkt_drop(), the
 * one place that frees, counts and traces. */
enum drop {
	DROP_NONE,
#define DROP(sym, layer, err, text) DROP_##sym,
#include "pkt/drop.def"
#undef DROP
	DROP_MAX,
};

/* Name as in drop.def ("UDP_NO_PORT"), its layer, its explanation, and its errno as -Exxx. */
const char *drop_name(enum drop why);
const char *drop_layer(enum drop why);
const char *drop_text(enum drop why);
int drop_errno(enum drop why);

enum {
	PKT_ROOM = 256,     /* bytes inside every packet, for headers and small frames */
	PKT_HEADROOM = 128, /* what pkt_alloc() keeps free in front: Ethernet + VLAN + IPv6 + TCP
			       with options is 122; deeper encapsulation unshares into a buf */
	PKT_FRAGS_MAX = 10, /* 64 KiB out of 16 KiB blocks, unaligned, needs 5 */
	PKT_HOPS_MAX = 16,
	BUF_S = 2048,      /* an MTU frame with headroom */
	BUF_M = 16 * 1024, /* a block of a busy send queue */
	BUF_L = 66 * 1024, /* a 64 KiB super-packet with its headers, in one piece */
	BUF_CLASSES = 3,
};

enum pkt_csum {
	PKT_CSUM_NONE,     /* the bytes are as on the wire; nobody has looked at the L4 checksum */
	PKT_CSUM_PARTIAL,  /* the L4 checksum field holds the folded, not complemented pseudo-header
			      sum; the sum over [csum_start, end) is still to be put there. On
			      input it means that the bytes never were on a wire: accept */
	PKT_CSUM_VERIFIED, /* a device or an earlier layer has verified it */
};

enum pkt_gso {
	PKT_GSO_NONE,
	PKT_GSO_TCP4,
	PKT_GSO_TCP6,
	PKT_GSO_UDP, /* UDP_SEGMENT, either family */
};

enum {
	PKT_F_TRACED = 1 << 0, /* its hops go to the trace ring with their times */
	PKT_F_L2_BROADCAST = 1 << 1,
	PKT_F_L2_MULTICAST = 1 << 2,
	PKT_F_L2_OTHERHOST = 1 << 3,
	PKT_F_LOOPED = 1 << 4, /* came back over the loopback interface */
	PKT_F_FORWARDED = 1 << 5,
	PKT_F_SEEN = 1 << 6,  /* it has been decided whether it is PKT_F_TRACED */
	PKT_F_STAMP = 1 << 7, /* somebody wants to know when it is sent: stack->tx_stamp */
};

/* Hop codes: what happened (upper 4 bits) and where (lower 12: an index; saturates at 4095). */
enum pkt_hop {
	HOP_STACK = 1 << 12,  /* entered stack `id` */
	HOP_RX = 2 << 12,     /* received on interface `ifindex` */
	HOP_TX = 3 << 12,     /* handed to interface `ifindex` */
	HOP_ROUTE = 4 << 12,  /* matched route: prefix length */
	HOP_BRIDGE = 5 << 12, /* bridged; 0 flooded, 1 by the forwarding table */
	HOP_QUEUE = 6 << 12,  /* waited in a queue: packets in front of it */
	HOP_SOCK = 7 << 12,   /* delivered to, or sent by, a socket: IP protocol */
	HOP_NEIGH = 8 << 12,  /* waited for address resolution */
	HOP_RULE = 9 << 12,
	HOP_NAT = 10 << 12,
	HOP_DROP = 15 << 12, /* dropped: enum drop */
	HOP_KIND_MASK = 15 << 12,
};

struct pkt_pools;
struct netif;

/* A counted byte store. The bytes follow the header (own classes) or are the application's (lent).
 */
struct buf {
	uint8_t *bytes;
	uint32_t cap;
	uint32_t refs;
	struct pkt_pools *pools;
	uint32_t class; /* index of its pool; BUF_CLASSES: lent, `release` frees it */
	/* Lent buffers only: called when the last reference goes. */
	void (*release)(struct buf *buf);
	void *owner;
};

struct pkt_frag {
	struct buf *buf; /* one reference */
	uint32_t off;    /* of the first byte in buf->bytes */
	uint32_t len;
};

struct pkt {
	/* line 0: what every layer touches */
	struct pkt *next; /* link in the one queue this packet sits on */
	uint8_t *head;    /* start of the linear storage */
	uint8_t *data;    /* first byte not yet parsed (up) or already written (down) */
	struct buf *buf;  /* owner of the linear storage; NULL: room[] */
	uint32_t len;     /* all bytes from `data` on: lin_len plus the frags */
	uint32_t lin_len; /* bytes from `data` on that are linear */
	uint16_t l2_off;  /* of each header from `head`; PKT_NO_OFF: not known */
	uint16_t l3_off;
	uint16_t l4_off;
	uint16_t gso_size;   /* payload bytes of one segment; 0: an ordinary packet */
	uint16_t csum_start; /* PARTIAL: first byte summed, from `head` */
	uint16_t csum_off;   /* PARTIAL: of the checksum field from csum_start */
	uint8_t csum;        /* enum pkt_csum */
	uint8_t gso_type;    /* enum pkt_gso */
	uint8_t n_frags;
	uint8_t flags;       /* PKT_F_* */
	struct netif *netif; /* up: arrived on; down: leaves by. Borrowed */

	/* line 1: where it is going, who holds it */
	struct pkt_pools *pools;
	int64_t ts_ns;          /* up: when it arrived; in a queue: when it may leave */
	struct ip_addr nexthop; /* down: whose link-layer address is needed; in the queue of a
				   datagram socket: where it came from */
	uint32_t mark;
	uint32_t trace_id; /* of the packet as first created; survives all but a kernel node */
	union {            /* private to the layer that holds the packet */
		struct {
			uint32_t seq, end_seq; /* reassembly and receive queue */
			uint32_t flags;        /* TCP_F_FIN */
			uint32_t truesize;     /* memory it pins, as counted */
		} tcp;
		struct {
			uint32_t off;
			bool last;
		} frag;
		uint8_t cb[16];
	};
	uint32_t hash;  /* flow hash; 0: not computed */
	uint8_t n_hops; /* next place in hops[], modulo PKT_HOPS_MAX; see pkt_hop() */
	uint8_t reserved[3];

	/* line 2: its journey; and from the middle on, its shared bytes */
	uint16_t hops[PKT_HOPS_MAX]; /* the last PKT_HOPS_MAX hop codes, as a ring */
	struct pkt_frag frags[PKT_FRAGS_MAX];

	/* line 5 to 8 */
	uint8_t room[PKT_ROOM];
};

enum {
	PKT_NO_OFF = 0xffff,
};

static_assert(offsetof(struct pkt, pools) == 1 * CACHE_LINE, "line 0 is what every layer touches");
static_assert(offsetof(struct pkt, hops) == 2 * CACHE_LINE, "line 1 is where it is going");
static_assert(offsetof(struct pkt, room) == 5 * CACHE_LINE, "room starts a line");
static_assert(sizeof(struct pkt) == 9 * CACHE_LINE, "a packet is nine lines");

/* The bounded pools behind all packets of an engine. */
struct pkt_pools {
	struct pool pkts;
	struct pool bufs[BUF_CLASSES];
	const struct cpu_ops *cpu;
	uint32_t next_trace_id;
};

struct pkt_limits {
	uint32_t n_pkts;
	uint32_t n_bufs[BUF_CLASSES];
};

struct mem;
struct cpu_ops;

/* `cpu` is borrowed. Returns 0 or -ENOMEM. */
int pkt_pools_init(struct pkt_pools *pools, struct mem *mem, const struct pkt_limits *limits,
		   const struct cpu_ops *cpu) MUST_CHECK;
/* Gives back the memory of which no packet or buffer is in use. */
void pkt_pools_trim(struct pkt_pools *pools);
/* Every packet and buffer must be back. */
void pkt_pools_fini(struct pkt_pools *pools);

/*
 * An empty packet with PKT_HEADROOM bytes in front and, behind it, tailroom for at least
 * `tailroom` bytes of linear data (up to BUF_L - PKT_HEADROOM). A new trace id.
 * NULL: a pool is exhausted, or `tailroom` is too large.
 */
struct pkt *pkt_alloc(struct pkt_pools *pools, uint32_t tailroom);
/* Consumed normally (delivered, or sent by a driver): gives everything back. NULL is fine. */
void pkt_free(struct pkt *pkt);
/* A packet that shares every byte but those in room[]; same trace id, offsets, states. NULL: no
 * memory. */
struct pkt *pkt_clone(struct pkt *pkt);

/* Of packets, or of buffers of a class, three quarters are in use. */
static inline bool pkt_pools_are_short(const struct pkt_pools *pools)
{
	bool is_short = pool_is_short(&pools->pkts);

	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		is_short = is_short || pool_is_short(&pools->bufs[i]);
	return is_short;
}

/* Smallest class that holds `cap` bytes, with one reference; NULL: exhausted or larger than BUF_L.
 */
struct buf *buf_alloc(struct pkt_pools *pools, uint32_t cap);
void buf_free(struct buf *buf); /* what buf_unref() calls for the last reference */

static inline struct buf *buf_ref(struct buf *buf)
{
	buf->refs++;
	return buf;
}

static inline void buf_unref(struct buf *buf)
{
	if (buf && --buf->refs == 0)
		buf_free(buf);
}

/* End of the linear storage. */
static inline uint8_t *pkt_end(const struct pkt *pkt)
{
	return pkt->head + (pkt->buf ? pkt->buf->cap : PKT_ROOM);
}

static inline uint32_t pkt_headroom(const struct pkt *pkt)
{
	return (uint32_t)(pkt->data - pkt->head);
}

static inline uint32_t pkt_tailroom(const struct pkt *pkt)
{
	return (uint32_t)(pkt_end(pkt) - pkt->data) - pkt->lin_len;
}

/* Memory that it holds on to, for the bounds of queues: a shared buffer counts in full each time.
 */
static inline uint32_t pkt_mem_bytes(const struct pkt *pkt)
{
	uint32_t n = (uint32_t)sizeof(*pkt) + (pkt->buf ? pkt->buf->cap : 0);

	for (uint32_t i = 0; i < pkt->n_frags; i++)
		n += pkt->frags[i].buf->cap;
	return n;
}

/* Bytes of the linear part may be written: nobody else refers to them. */
static inline bool pkt_is_writable(const struct pkt *pkt)
{
	return !pkt->buf || pkt->buf->refs == 1;
}

/* Of a PARTIAL packet: the bytes to be summed begin no earlier than `first` bytes after `data`, and
 * the checksum field ends within the first `len`. Only a device can hand over one where they do
 * not. */
static inline bool pkt_partial_fits(const struct pkt *pkt, uint32_t first, uint32_t len)
{
	uint32_t at = (uint32_t)(pkt->data - pkt->head);

	return pkt->csum_start >= at + first &&
	       (uint32_t)pkt->csum_start + pkt->csum_off + 2 <= at + len;
}

/* The checksum field of a PARTIAL packet with that sum. 0 means "none" in UDP, so it sends 0xffff
 * there (RFC 768); UDP is known by the place of the field, which TCP and ICMP have elsewhere. */
static inline uint16_t pkt_csum_field(const struct pkt *pkt, uint64_t sum)
{
	enum {
		UDP_CSUM_OFF = 6
	};
	uint16_t csum = csum_finish(sum);

	return pkt->csum_off == UDP_CSUM_OFF ? csum_udp(csum) : csum;
}

/* A cursor over the linear part. */
static inline struct rd pkt_rd(const struct pkt *pkt)
{
	return rd_make(pkt->data, pkt->lin_len);
}

static inline uint8_t *pkt_l2(const struct pkt *pkt)
{
	return pkt->head + pkt->l2_off;
}

static inline uint8_t *pkt_l3(const struct pkt *pkt)
{
	return pkt->head + pkt->l3_off;
}

static inline uint8_t *pkt_l4(const struct pkt *pkt)
{
	return pkt->head + pkt->l4_off;
}

static inline uint16_t pkt_off(const struct pkt *pkt)
{
	return (uint16_t)(pkt->data - pkt->head);
}

/* Moves `data` forward over a header; `n` must not exceed lin_len. */
static inline void pkt_pull(struct pkt *pkt, uint32_t n)
{
	assert(n <= pkt->lin_len);
	pkt->data += n;
	pkt->len -= n;
	pkt->lin_len -= n;
}

/* Undoes pulls: `data` is at `off` from `head` again (l2_off, l3_off …). */
static inline void pkt_unpull_to(struct pkt *pkt, uint16_t off)
{
	uint32_t n = (uint32_t)(pkt_off(pkt) - off);

	assert(off <= pkt_off(pkt));
	pkt->data -= n;
	pkt->len += n;
	pkt->lin_len += n;
}

/* Slow part of pkt_push(): moves the header bytes into private room. */
uint8_t *pkt_push_slow(struct pkt *pkt, uint32_t n);

/* Room for `n` bytes in front of `data`, which moves there. Returns the new data; NULL (packet
 * unchanged): shared or no headroom, and no memory to move it. */
static inline uint8_t *pkt_push(struct pkt *pkt, uint32_t n)
{
	if (unlikely(!pkt_is_writable(pkt) || pkt_headroom(pkt) < n))
		return pkt_push_slow(pkt, n);
	pkt->data -= n;
	pkt->len += n;
	pkt->lin_len += n;
	return pkt->data;
}

/* Extends the linear part at its end by `n` bytes and returns where they start. There must be no
 * frags and enough tailroom. */
static inline uint8_t *pkt_put(struct pkt *pkt, uint32_t n)
{
	uint8_t *p = pkt->data + pkt->lin_len;

	assert(pkt->n_frags == 0 && n <= pkt_tailroom(pkt));
	pkt->len += n;
	pkt->lin_len += n;
	return p;
}

/* Appends `len` bytes at `off` of `buf`, taking one new reference. Merges with the last frag when
 * they touch. False: the frag table is full (packet unchanged). */
bool pkt_add_frag(struct pkt *pkt, struct buf *buf, uint32_t off, uint32_t len) MUST_CHECK;
/* Drops the first `n` bytes wherever they are; n <= len. Unlike pkt_pull() it may eat frags. */
void pkt_eat(struct pkt *pkt, uint32_t n);
/* Shortens the packet to `len` bytes; releases frags that become empty. */
void pkt_trim(struct pkt *pkt, uint32_t len);
/* Makes the first `n` bytes linear (moving them out of frags if need be). Header offsets stay
 * right. False: the packet is shorter, or no memory; unchanged. */
bool pkt_pullup_slow(struct pkt *pkt, uint32_t n) MUST_CHECK;
static inline bool pkt_pullup(struct pkt *pkt, uint32_t n)
{
	return likely(n <= pkt->lin_len) || pkt_pullup_slow(pkt, n);
}
/* Makes everything from `head` up to `n` bytes after `data` private and linear, so that headers
 * may be rewritten. `n` is in bytes from `data`. False: no memory or too short; unchanged. */
bool pkt_make_writable(struct pkt *pkt, uint32_t n) MUST_CHECK;
/* Copies `len` bytes from offset `off` after `data` to `dst`; they must exist. */
void pkt_copy_out(const struct pkt *pkt, uint32_t off, void *dst, uint32_t len);
/* Copies all from `data` on to `dst`, with the checksum of a PARTIAL packet put into the copy: one
 * pass over the bytes, for drivers that copy anyway. The packet stays as it is. */
void pkt_copy_finished(const struct pkt *pkt, uint8_t *dst);
/* Appends `len` bytes by copying into tailroom, then into new buffers. 0 or -ENOBUFS (unchanged).
 */
int pkt_append(struct pkt *pkt, const void *src, uint32_t len) MUST_CHECK;
/* Appends bytes [pos, pos+len) after `data` of `from`, which must exist: by reference when they are
 * in a buffer, else by copying. 0, or -ENOBUFS: no memory, or the frag table is full; then `to` may
 * have got some of them. */
int pkt_share(struct pkt *to, const struct pkt *from, uint32_t pos, uint32_t len) MUST_CHECK;
/* One's-complement sum of [off, off+len) after `data`, in the convention of base/csum.h. */
uint64_t pkt_csum_add(const struct pkt *pkt, uint32_t off, uint32_t len, uint64_t sum);

/* Puts the checksum into a PARTIAL packet and makes it VERIFIED. The L4 header must be writable
 * and linear: makes it so. 0, or -ENOBUFS (unchanged). */
int pkt_csum_complete(struct pkt *pkt) MUST_CHECK;

static inline uint16_t pkt_hop_code(enum pkt_hop kind, uint32_t index)
{
	return (uint16_t)(kind | (index < 4095 ? index : 4095));
}

/* Journey: one store a hop. */
static inline void pkt_hop_add(struct pkt *pkt, uint16_t code)
{
	pkt->hops[pkt->n_hops % PKT_HOPS_MAX] = code;
	if (pkt->n_hops < 2 * PKT_HOPS_MAX - 1)
		pkt->n_hops++;
	else
		pkt->n_hops = PKT_HOPS_MAX; /* keep the phase of the ring */
}

/* The same three times, the second and the third from an array. */
static inline void pkt_hop_add3(struct pkt *pkt, uint16_t code, const uint16_t codes[2])
{
	if (likely(pkt->n_hops <= PKT_HOPS_MAX - 3)) {
		pkt->hops[pkt->n_hops] = code;
		memcpy(&pkt->hops[pkt->n_hops + 1], codes, 2 * sizeof(*codes));
		pkt->n_hops = (uint8_t)(pkt->n_hops + 3);
		return;
	}
	pkt_hop_add(pkt, code);
	pkt_hop_add(pkt, codes[0]);
	pkt_hop_add(pkt, codes[1]);
}

static inline void pkt_hop(struct pkt *pkt, enum pkt_hop kind, uint32_t index)
{
	pkt_hop_add(pkt, pkt_hop_code(kind, index));
}

/* First-in first-out queue of packets. */
struct pktq {
	struct pkt *first;
	struct pkt **last; /* where the next is linked */
	uint32_t n_pkts;
	uint32_t n_bytes;
};

#define pktq_for_each(p, q) for (struct pkt *p = (q)->first; p; p = p->next)

static inline void pktq_init(struct pktq *q)
{
	*q = (struct pktq){.last = &q->first};
}

static inline bool pktq_is_empty(const struct pktq *q)
{
	return !q->first;
}

static inline void pktq_push(struct pktq *q, struct pkt *pkt)
{
	assert(q->last); /* pktq_init() was called */
	pkt->next = NULL;
	*q->last = pkt;
	q->last = &pkt->next;
	q->n_pkts++;
	q->n_bytes += pkt->len;
}

/* The oldest packet, or NULL. Its length must be what it was when pushed. */
static inline struct pkt *pktq_pop(struct pktq *q)
{
	struct pkt *pkt = q->first;

	if (!pkt)
		return NULL;
	q->first = pkt->next;
	if (!q->first)
		q->last = &q->first;
	q->n_pkts--;
	q->n_bytes -= pkt->len;
	pkt->next = NULL;
	return pkt;
}

/* Moves all packets of `from` behind those of `q`. */
static inline void pktq_splice(struct pktq *q, struct pktq *from)
{
	if (!from->first)
		return;
	*q->last = from->first;
	q->last = from->last;
	q->n_pkts += from->n_pkts;
	q->n_bytes += from->n_bytes;
	pktq_init(from);
}

/* Frees all packets on the queue. */
void pktq_purge(struct pktq *q);

/*
 * Splits a super-packet (gso_size != 0, `data` at the Ethernet header) into frames that each carry
 * at most gso_size bytes of payload, appended to `out`: IP lengths, IDs, header checksums, TCP
 * sequence numbers and flags (FIN and PSH on the last, CWR on the first only); L4 checksums are
 * PARTIAL. Payload is shared, not copied. Consumes `pkt` on success.
 * Returns 0; -ENOBUFS or -EBADMSG (headers cannot be read): `pkt` is still the caller's, nothing is
 * appended.
 */
int pkt_segment(struct pkt *pkt, struct pktq *out) MUST_CHECK;

/* The three below for super-packets. */
uint32_t pkt_gso_n_frames(const struct pkt *pkt);
uint64_t pkt_gso_wire_bytes(const struct pkt *pkt);
uint32_t pkt_gso_frame_l3_len(const struct pkt *pkt);

/* Frames that it stands for: 1 unless a super-packet whose headers (l2_off or l3_off) can be read.
 */
static inline uint32_t pkt_n_frames(const struct pkt *pkt)
{
	return likely(!pkt->gso_size) ? 1 : pkt_gso_n_frames(pkt);
}

/* Bytes of all those frames, counted from `data` on: headers are repeated. */
static inline uint64_t pkt_wire_bytes(const struct pkt *pkt)
{
	return likely(!pkt->gso_size) ? pkt->len : pkt_gso_wire_bytes(pkt);
}

/* Bytes of its largest frame from the IP header (l3_off) on: what an MTU is compared with. */
static inline uint32_t pkt_frame_l3_len(const struct pkt *pkt)
{
	if (unlikely(pkt->gso_size))
		return pkt_gso_frame_l3_len(pkt);
	assert(pkt->l3_off != PKT_NO_OFF);
	return pkt->len + pkt_off(pkt) - pkt->l3_off;
}
