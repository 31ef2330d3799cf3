/* SPDX-License-Identifier: MIT */
/*
 * Coalescing beside none: a program of bytes makes frames of some flows, most of which follow each
 * other, and some do not in one of many ways. What goes up is cut into frames again and must be
 * what came, byte for byte, each once, those of a flow in their order.
 *
 * The frames come either as a device has them (core/gro.h), or as packets that wait on the backlog
 * (core/gro_join.h), which keep the order of all and are shown to taps one by one.
 */
#pragma once

#include <assert.h>
#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine.h"
#include "core/gro.h"
#include "core/netif.h"
#include "core/stack.h"
#include "wire/gro.h"

enum {
	TWIN_FRAMES = 300,
	TWIN_FRAME_MAX = 1600,
};

/* Behind those of enum twin_odd: a frame as before. */
enum {
	TWIN_VERIFIED = 0x80, /* its checksum has been looked at */
	TWIN_SOCKS = 0x40, /* from it on there are sockets that take coalesced datagrams, or none */
};

/* How a frame is unlike the one before. */
enum twin_odd {
	TWIN_AS_BEFORE,
	TWIN_L4_CSUM,
	TWIN_IP_CSUM,
	TWIN_FIN,
	TWIN_PSH,
	TWIN_SYN,
	TWIN_CWR,
	TWIN_ACK,
	TWIN_WINDOW,
	TWIN_TIMESTAMP,
	TWIN_NO_OPTIONS,
	TWIN_ID,
	TWIN_SEQ,
	TWIN_TTL,
	TWIN_TOS,
	TWIN_DF,
	TWIN_FRAGMENT,
	TWIN_PADDED,
	TWIN_MAC,
	TWIN_URGENT,
	TWIN_EMPTY,
	TWIN_UDP_NO_CSUM,
	TWIN_CSUM_ODD_ZERO,
	TWIN_IP_OPTIONS,
	TWIN_ODDS,
};

struct twin_flow {
	uint32_t seq, ack, ts;
	uint16_t id, wnd, size;
	uint8_t ttl, tos;
};

struct twin_frame {
	uint32_t len;
	bool is_seen;
	uint8_t bytes[TWIN_FRAME_MAX];
};

struct gro_twin {
	struct engine *eng;
	struct stack *st;
	struct netif netif;
	struct gro gro;
	struct twin_flow flows[16];
	uint32_t n_frames;
	uint32_t n_seen, n_units; /* frames, and packets that brought them */
	bool has_pkts;            /* frames come as packets */
	struct netif_tap tap;
	uint32_t n_shown, n_open;
	enum pkt_csum csum;                    /* of the frame made last */
	struct twin_frame frames[TWIN_FRAMES]; /* what is in them before a run does not matter */
};

static uint16_t twin_sum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void twin_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void twin_put32(uint8_t *p, uint32_t v)
{
	twin_put16(p, v >> 16);
	twin_put16(p + 2, v);
}

/* A frame that goes up came, and nothing of its flow that came before it is missing. */
static void twin_see(struct gro_twin *t, const uint8_t *p, size_t len)
{
	struct gso_hdr h, other;
	bool has_flow = gro_read(p, len, len, &h) != GRO_FOREIGN && !t->has_pkts;

	for (uint32_t i = 0; i < t->n_frames; i++) {
		struct twin_frame *f = &t->frames[i];

		if (f->is_seen)
			continue;
		if (f->len == len && memcmp(f->bytes, p, len) == 0) {
			f->is_seen = true;
			t->n_seen++;
			return;
		}
		/* One without a known flow keeps its place among all. */
		assert(has_flow && gro_read(f->bytes, f->len, f->len, &other) != GRO_FOREIGN);
		assert(!gro_is_same_flow(p, &h, f->bytes, &other));
	}
	assert(false && "a frame goes up that did not come");
}

static void twin_see_pkt(struct gro_twin *t, struct pkt *pkt)
{
	uint8_t flat[TWIN_FRAME_MAX];

	if (pkt->csum == PKT_CSUM_PARTIAL) {
		int err = pkt_csum_complete(pkt);

		assert(err == 0);
		(void)err;
	}
	assert(pkt->len <= sizeof(flat));
	pkt_copy_out(pkt, 0, flat, pkt->len);
	twin_see(t, flat, pkt->len);
	pkt_free(pkt);
}

static enum drop twin_input(struct netif *netif, struct pkt *pkt)
{
	struct gro_twin *t = container_of(netif, struct gro_twin, netif);
	struct pktq segs;
	int err;

	t->n_units++;
	if (!pkt->gso_size) {
		twin_see_pkt(t, pkt);
		return DROP_NONE;
	}
	assert(pkt_n_frames(pkt) <= GRO_FRAMES_MAX);
	pktq_init(&segs);
	err = pkt_segment(pkt, &segs);
	assert(err == 0);
	(void)err;
	while (!pktq_is_empty(&segs))
		twin_see_pkt(t, pktq_pop(&segs));
	return DROP_NONE;
}

/* A frame as it came, whatever becomes of it. */
static void twin_tap_frame(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
			   bool is_tx)
{
	struct gro_twin *t = container_of(tap, struct gro_twin, tap);
	const struct twin_frame *f = &t->frames[t->n_shown++];
	uint8_t flat[TWIN_FRAME_MAX];

	(void)netif;
	assert(!is_tx && pkt->len == f->len && !pkt->gso_size);
	pkt_copy_out(pkt, 0, flat, pkt->len);
	assert(memcmp(flat, f->bytes, f->len) == 0);
	t->n_open++;
}

static void twin_tap_done(struct netif_tap *tap, const struct netif *netif)
{
	(void)netif;
	container_of(tap, struct gro_twin, tap)->n_open--;
}

static void twin_tap_drop(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
			  enum drop why)
{
	(void)tap;
	(void)netif;
	(void)pkt;
	(void)why;
}

static void twin_tap_gone(struct netif_tap *tap)
{
	list_del(&tap->link);
}

/* How much of a frame is linear: all; its headers, as those of one that was cut from something
 * larger; or anything. */
static uint32_t twin_n_lin(const struct gro_twin *t, const struct twin_frame *f)
{
	struct gso_hdr hdr;

	if (t->n_frames % 3 == 0 && gso_hdr_parse(f->bytes, f->len, &hdr) == 0)
		return hdr.payload_off;
	return t->n_frames % 7 == 5 && f->len > 90 ? 90 : f->len;
}

/* The linear bytes lie in the packet or, when they are many, in a buffer. */
static struct pkt *twin_pkt(struct gro_twin *t, const struct twin_frame *f)
{
	uint32_t n_lin = twin_n_lin(t, f);
	struct pkt *pkt = pkt_alloc(&t->eng->pkts, n_lin);

	assert(pkt);
	memcpy(pkt_put(pkt, n_lin), f->bytes, n_lin);
	if (n_lin < f->len) {
		struct buf *buf = buf_alloc(&t->eng->pkts, f->len - n_lin);
		bool is_in;

		assert(buf);
		memcpy(buf->bytes, f->bytes + n_lin, f->len - n_lin);
		is_in = pkt_add_frag(pkt, buf, 0, f->len - n_lin);
		assert(is_in);
		(void)is_in;
		buf_unref(buf);
	}
	pkt->csum = (uint8_t)t->csum;
	return pkt;
}

static void twin_flush(struct gro_twin *t)
{
	if (t->has_pkts)
		(void)engine_run(t->eng, 0);
	else
		gro_flush(&t->gro);
}

static void twin_tx(struct netif *netif, struct pkt *pkt)
{
	(void)netif;
	pkt_free(pkt);
}

/* IPv4 or IPv6 at `p`, with `l4_len` bytes behind it. Returns its length. */
static uint32_t twin_ip(struct twin_flow *f, uint8_t *p, uint32_t which, uint32_t l4_len,
			enum twin_odd odd)
{
	bool is_udp = which & 8;
	uint32_t hdr_len = odd == TWIN_IP_OPTIONS ? 24 : 20;

	if (which & 4) {
		memset(p, 0, 40);
		twin_put32(p, 6u << 28 | (uint32_t)f->tos << 20);
		twin_put16(p + 4, l4_len);
		p[6] = odd == TWIN_FRAGMENT ? 44 : (uint8_t)(is_udp ? 17 : 6);
		p[7] = f->ttl;
		p[8] = p[24] = 0xfd;
		p[23] = (uint8_t)(1 + (which & 3));
		p[39] = 9;
		return 40;
	}
	memset(p, 0, hdr_len);
	p[0] = (uint8_t)(4 << 4 | hdr_len / 4);
	p[1] = f->tos;
	twin_put16(p + 2, hdr_len + l4_len);
	twin_put16(p + 4, f->id);
	twin_put16(p + 6, odd == TWIN_FRAGMENT ? 0x2000 : odd == TWIN_DF ? 0 : 0x4000);
	p[8] = f->ttl;
	p[9] = is_udp ? 17 : 6;
	twin_put32(p + 12, 0x0a000001 + (which & 3));
	twin_put32(p + 16, 0x0a000009);
	if (hdr_len > 20)
		memset(p + 20, 1, hdr_len - 20);
	twin_put16(p + 10, (uint16_t)~twin_sum(p, hdr_len, odd == TWIN_IP_CSUM));
	f->id++;
	return hdr_len;
}

static uint32_t twin_tcp(struct twin_flow *f, uint8_t *p, enum twin_odd odd)
{
	uint32_t hdr_len = odd == TWIN_NO_OPTIONS ? 20 : 32;
	uint32_t flags = 0x10;

	flags |= odd == TWIN_FIN ? 1 : odd == TWIN_SYN ? 2 : odd == TWIN_PSH ? 8 : 0;
	flags |= odd == TWIN_URGENT ? 0x20 : odd == TWIN_CWR ? 0x80 : 0;
	memset(p, 0, hdr_len);
	twin_put16(p, 4000);
	twin_put16(p + 2, 80);
	twin_put32(p + 4, f->seq);
	twin_put32(p + 8, f->ack);
	twin_put16(p + 12, hdr_len / 4 << 12 | flags);
	twin_put16(p + 14, f->wnd);
	twin_put16(p + 18, odd == TWIN_URGENT);
	if (hdr_len == 32) {
		twin_put32(p + 20, 0x0101080a);
		twin_put32(p + 24, f->ts);
	}
	return hdr_len;
}

static void twin_change(struct twin_flow *f, enum twin_odd odd)
{
	f->ack += odd == TWIN_ACK;
	f->wnd = (uint16_t)(f->wnd + (odd == TWIN_WINDOW));
	f->ts += odd == TWIN_TIMESTAMP;
	f->id = (uint16_t)(f->id + (odd == TWIN_ID));
	f->seq += odd == TWIN_SEQ;
	f->ttl = (uint8_t)(f->ttl ^ (odd == TWIN_TTL));
	f->tos = (uint8_t)(f->tos ^ (odd == TWIN_TOS ? 3 : 0));
}

static void twin_l4_csum(uint8_t *l4, uint32_t l4_len, const uint8_t *ip, uint32_t which,
			 enum twin_odd odd)
{
	uint8_t *field = l4 + (which & 8 ? 6 : 16);
	uint32_t pseudo = (which & 8 ? 17 : 6) + l4_len;
	uint16_t csum;

	pseudo += twin_sum(which & 4 ? ip + 8 : ip + 12, which & 4 ? 32 : 8, 0);
	csum = (uint16_t)~twin_sum(l4, l4_len, pseudo);
	if (which & 8 && csum == 0)
		csum = 0xffff;
	if (odd == TWIN_L4_CSUM)
		csum ^= 0x55;
	if (odd == TWIN_CSUM_ODD_ZERO && csum == 0)
		csum = 0xffff;
	if (odd == TWIN_UDP_NO_CSUM)
		csum = 0;
	twin_put16(field, csum);
}

/* A frame of flow `which` (2 bits number, 1 IPv6, 1 UDP) of `n` bytes of payload. */
static uint32_t twin_make(struct gro_twin *t, uint8_t *p, uint32_t which, bool has_vlan,
			  enum twin_odd odd, uint32_t n)
{
	struct twin_flow *f = &t->flows[which];
	uint32_t at = 14, ip_at, l4_at, l4_hdr = 8;
	uint8_t l4[64] = {0x0f, 0xa0, 0, 53};

	twin_change(f, odd);
	if (!(which & 8))
		l4_hdr = twin_tcp(f, l4, odd);
	if (odd == TWIN_EMPTY)
		n = 0;
	memset(p, 2, 12);
	p[11] = odd == TWIN_MAC;
	if (has_vlan) {
		twin_put32(p + 12, 0x81002000);
		at += 4;
	}
	twin_put16(p + at - 2, which & 4 ? 0x86dd : 0x0800);
	ip_at = at;
	at += twin_ip(f, p + at, which, l4_hdr + n, odd);
	l4_at = at;
	memcpy(p + at, l4, l4_hdr);
	if (which & 8)
		twin_put16(p + at + 4, l4_hdr + n);
	at += l4_hdr;
	for (uint32_t i = 0; i < n; i++)
		p[at + i] = (uint8_t)(f->seq + i);
	twin_l4_csum(p + l4_at, l4_hdr + n, p + ip_at, which, odd);
	f->seq += n;
	at += n;
	if (odd == TWIN_PADDED) {
		memset(p + at, 0, 5);
		at += 5;
	}
	return at;
}

/* The next byte of the program; 0 behind its end. */
static uint32_t twin_byte(const uint8_t **p, size_t *n)
{
	if (!*n)
		return 0;
	(*n)--;
	return *(*p)++;
}

/* A frame of the program's own bytes. */
static uint32_t twin_raw(uint8_t *to, const uint8_t **p, size_t *n)
{
	uint32_t len = twin_byte(p, n) * 6;

	for (uint32_t i = 0; i < len; i++)
		to[i] = (uint8_t)twin_byte(p, n);
	return len < 14 ? 0 : len;
}

static uint32_t twin_step(struct gro_twin *t, uint8_t *to, const uint8_t **p, size_t *n)
{
	uint32_t op = twin_byte(p, n), odd = twin_byte(p, n), size = twin_byte(p, n);
	struct twin_flow *f = &t->flows[op & 15];

	if (op & 0x40)
		twin_flush(t);
	t->csum = PKT_CSUM_NONE;
	if ((op & 0xa0) == 0xa0)
		return twin_raw(to, p, n);
	if (odd >= TWIN_ODDS && odd & TWIN_VERIFIED)
		t->csum = PKT_CSUM_VERIFIED;
	if (odd >= TWIN_ODDS && odd & TWIN_SOCKS)
		t->st->n_gro_socks ^= 1;
	if (op & 0x80 || !f->size)
		f->size = (uint16_t)(1 + size * 5);
	return twin_make(t, to, op & 15, op & 0x10, odd < TWIN_ODDS ? odd : TWIN_AS_BEFORE,
			 op & 0x20 ? size : f->size);
}

/* The next frame of the program, behind whose end nobody may read. */
static void twin_next(struct gro_twin *t, const uint8_t **program, size_t *len)
{
	struct twin_frame *f = &t->frames[t->n_frames];

	ASAN_UNPOISON_MEMORY_REGION(f->bytes, sizeof(f->bytes));
	f->is_seen = false;
	f->len = twin_step(t, f->bytes, program, len);
	if (!f->len)
		return;
	t->n_frames++;
	ASAN_POISON_MEMORY_REGION(f->bytes + f->len, sizeof(f->bytes) - f->len);
	if (t->has_pkts)
		netif_rx_later(&t->netif, twin_pkt(t, f));
	else
		gro_rx(&t->gro, f->bytes, f->len, t->csum);
}

/* Runs a program in an engine, of packets or of frames; true: all that it made went up, as they
 * were. */
static bool gro_twin_run(struct gro_twin *t, struct engine *eng, bool has_pkts,
			 const uint8_t *program, size_t len)
{
	static const struct netif_ops ops = {.kind = "twin", .tx = twin_tx};
	int err;

	memset(t, 0, offsetof(struct gro_twin, frames));
	t->eng = eng;
	t->has_pkts = has_pkts;
	t->st = stack_new(t->eng, "twin");
	assert(t->st);
	t->st->n_gro_socks = 1;
	t->netif.ops = &ops;
	t->netif.mtu = 1500;
	t->netif.input = twin_input;
	t->netif.features = NETIF_F_GRO;
	err = netif_add(t->st, &t->netif, "eth0");
	assert(err == 0);
	(void)err;
	netif_set_up(&t->netif, true);
	t->tap = (struct netif_tap){.frame = twin_tap_frame,
				    .drop = twin_tap_drop,
				    .done = twin_tap_done,
				    .gone = twin_tap_gone};
	if (t->has_pkts)
		list_add_tail(&t->netif.taps, &t->tap.link);
	gro_init(&t->gro, &t->netif);
	while (len && t->n_frames < TWIN_FRAMES)
		twin_next(t, &program, &len);
	twin_flush(t);
	assert(!t->has_pkts ||
	       (t->n_shown == t->n_frames && t->n_open == 0 &&
		t->netif.stats.rx_packets == t->n_frames && t->netif.stats.rx_units == t->n_units));
	for (uint32_t i = 0; i < t->n_frames; i++)
		ASAN_UNPOISON_MEMORY_REGION(t->frames[i].bytes, sizeof(t->frames[i].bytes));
	stack_free(t->st);
	assert(t->eng->pkts.pkts.n_used == 0);
	return t->n_seen == t->n_frames;
}
