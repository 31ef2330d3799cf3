/* SPDX-License-Identifier: MIT */
/*
 * Steering: which of the stacks that share an address (shards) has what belongs to a frame.
 *
 * How it works
 *
 * A flow (protocol and two endpoints) is hashed with a key, its endpoints in order of their value,
 * so that both directions give the same; the hash says which shard. Two rules come before that:
 * - Local ports from own_first to own_last belong to one shard each, port modulo the number of
 *   shards, whoever is on the other side. Sockets that get a port without a peer (bind to port 0,
 *   datagrams without connect, echo sockets with their identifiers) get one of their shard's.
 * - What concerns the host and no flow goes to every shard: ARP, neighbour discovery, group
 *   management, multicast, broadcasts, and ICMP errors that quote no ports.
 *
 * An ICMP error goes where the flow that it quotes is, seen as we sent it. Fragments have no ports,
 * so all of a datagram go to the shard of its addresses and identification, which steers again when
 * it is whole. Anything else goes by its two addresses; what has none goes to the speaker.
 *
 * The *speaker*, the lowest shard that lives, says for all of them what a host says once: it
 * answers ARP and neighbour solicitations, announces and probes addresses, asks for routers.
 *
 * A shard that goes leaves what was its to the others: what is steered to it is steered by the
 * remaining hash among those that live. Nothing else moves.
 *
 * SipHash-1-3 and not the usual Toeplitz hash: nobody can aim flows at one shard without its key.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

enum {
	STEER_SHARDS_MAX = 16,
	STEER_ALL = 0xff, /* in place of a shard */
};

struct steer {
	struct siphash_key key;
	uint32_t n_shards;
	uint16_t own_first, own_last; /* local ports that belong to one shard each */
	_Atomic uint32_t live;        /* a bit for each shard that has not gone */
};

/* One flow, from our side. Echo identifiers stand in place of both ports; 0: there are none. */
struct steer_flow {
	struct ip_addr laddr, raddr;
	uint16_t lport, rport;
	uint8_t proto;
};

uint32_t steer_flow(const struct steer *s, const struct steer_flow *flow);
/* The shard that a port belongs to whatever the peer; -1: it goes by the flow. */
int steer_port_owner(const struct steer *s, uint16_t port);
uint32_t steer_speaker(const struct steer *s);

/* Of a frame that arrived, `data` at the Ethernet header: a shard, or STEER_ALL. */
uint32_t steer_pkt(const struct steer *s, const struct pkt *pkt);
/* Of a whole datagram, `data` at its IP header. */
uint32_t steer_datagram(const struct steer *s, const struct pkt *pkt, bool is_ip6);
/* Of a frame that is sent: it is one of those that the speaker alone sends. */
bool steer_is_speakers(const struct pkt *pkt);

/* An IPv4 identification that no other shard uses: each has a part of all, from `id`'s place in it
 * on so many in a row as there are frames. */
uint16_t steer_ip4_id(const struct steer *s, uint32_t shard, uint16_t id, uint32_t n_frames);
/* The same of IPv6 fragments. */
uint32_t steer_ip6_id(uint32_t shard, uint32_t id);
