/* SPDX-License-Identifier: MIT */
/*
 * The hosts behind the interfaces of a stack under test, as far as a fuzz target needs them: they
 * learn from the frames that the stack sends (connections and their numbers, what was said last),
 * and make the next frame out of that and a few bytes of the input, right but for what the input
 * says. So a short input leads deep into a connection, and a flipped bit spoils one field only.
 *
 * The bytes of a TCP stream from the number `seq` on are always peer_bytes(seq), in both
 * directions, whoever sends them and however often: what arrives can be checked wherever it is
 * seen.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "wire/addr.h"
#include "wire/tcp.h"

struct cpu_ops;

enum {
	PEER_PORTS = 2, /* interfaces eth0 and eth1: 10.0.N.0/24 and fd00:0:0:N::/64 */
	PEER_FLOWS = 16,
	PEER_SENT = 4,
	PEER_QUOTE_MAX = 200,
	PEER_BYTES_MAX = 70000,
	PEER_TCP_MAX = 20000, /* payload of a super-packet */
	PEER_FRAME_MAX = PEER_TCP_MAX + 400,
};

/* A TCP connection as the peer of the stack sees it. */
struct peer_flow {
	uint8_t port;          /* where its frames go; the interface */
	struct ip_addr stack;  /* the stack's end */
	struct ip_addr remote; /* the peer's */
	uint16_t stack_port, remote_port;
	uint32_t nxt;   /* what the peer sends next */
	uint32_t acked; /* what the stack acknowledged */
	uint32_t una;   /* what the peer acknowledged */
	uint32_t got;   /* one past the highest number that the stack sent */
	uint32_t ts_recent;
	bool is_used, has_ts;
};

/* An IP packet that the stack sent, its first bytes. */
struct peer_sent {
	uint8_t port;
	uint16_t len;
	uint8_t bytes[PEER_QUOTE_MAX];
};

struct peer {
	const struct cpu_ops *cpu;
	uint32_t now_ms;
	struct eth_addr macs[PEER_PORTS]; /* the stack's */
	struct peer_flow flows[PEER_FLOWS];
	uint32_t next_flow;
	struct peer_sent sent[PEER_SENT]; /* a ring, newest at n_sent - 1 */
	uint32_t n_sent;
	uint8_t cookie[TCP_TFO_COOKIE_MAX]; /* of fast open, that the stack gave out last */
	uint8_t cookie_len;

	/* the frame made last */
	uint8_t port;
	uint16_t l4;       /* where the transport header is */
	uint16_t gso_size; /* 0: a frame as on a wire */
	bool is_ip6;
	bool is_csum_partial; /* the checksum field holds the pseudo-header's sum */
	uint8_t frame[PEER_FRAME_MAX];
	size_t len;

	/* the one that is being sent in fragments */
	uint8_t whole[PEER_FRAME_MAX];
	size_t whole_len;
};

/* At least PEER_BYTES_MAX of them. */
const uint8_t *peer_bytes(uint32_t seq);

/* The stack has sent this frame on interface `port`. */
void peer_learn(struct peer *p, uint8_t port, const uint8_t *frame, size_t len);

/* Each makes a frame in p->frame out of the input. False: there was nothing to make one of. */
bool peer_make_tcp(struct peer *p, struct rd *r);
bool peer_make_syn(struct peer *p, struct rd *r);
bool peer_make_udp(struct peer *p, struct rd *r);
bool peer_make_icmp(struct peer *p, struct rd *r);
/* Of ICMPv6: also neighbour discovery and MLD. */
bool peer_make_icmp6(struct peer *p, struct rd *r);
bool peer_make_igmp(struct peer *p, struct rd *r);
/* An error about something that the stack sent. */
bool peer_make_icmp_error(struct peer *p, struct rd *r);
bool peer_make_arp(struct peer *p, struct rd *r);
/* What the stack sent, back at it with its addresses swapped. */
bool peer_make_mirror(struct peer *p, struct rd *r);
/* Bytes of the input. */
bool peer_make_raw(struct peer *p, struct rd *r);
/* The connection numbered `i` acknowledges all. False: there is none, or nothing to acknowledge. */
bool peer_make_ack(struct peer *p, uint32_t i);

/* The frame made last gets IP options, or an extension header, of the input's bytes. */
void peer_wrap(struct peer *p, struct rd *r);
/* The frame made last will be sent in pieces: returns how many there are of about `n`, 0: it is no
 * IP packet. */
uint32_t peer_split(struct peer *p, uint32_t n);
/* Piece `i` of `n` into p->frame, beginning `early` units of 8 bytes before its turn. */
void peer_piece(struct peer *p, uint32_t i, uint32_t n, uint32_t early);
