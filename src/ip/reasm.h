/* SPDX-License-Identifier: MIT */
/*
 * Reassembly of fragments (RFC 791 §3.2, RFC 815, RFC 8200 §4.5, RFC 5722), the same for both
 * families. A family fills in a key and where the fragment belongs, and gets the whole datagram
 * with the header of the first fragment in front, to be put right as its header demands.
 *
 *	ip4_input, ip6_input --> reasm_input -+-> kept
 *	                                      +-> *ret_whole --> delivered as if it had come so
 *
 * How it works
 *
 *	by_key      hash table (keyed) of struct reasm_entry, one a datagram
 *	by_src      hash table of struct reasm_src: what one source holds
 *	entries     all, oldest first; one timer stands at the oldest's end
 *	entry->root a treap of fragments by offset: neighbours of a new one are found, and it is put
 *	            in, in O(log n) expected, whatever the order of arrival (FragmentSmack,
 *	            CVE-2018-5391). Priorities are random, so nobody can make it a list.
 *
 * Fragments refer to the packets they came in, and so does the whole datagram where its table of
 * fragments suffices; else the bytes are copied once, into one buffer.
 *
 * Rules: an exact duplicate is ignored; any other overlap, or an end that contradicts another,
 * drops the datagram, and what comes of it later (RFC 5722 §4; RFC 8200 §4.5 for IPv6, and IPv4 is
 * no better off). An empty fragment is dropped alone.
 *
 * Bounds: memory behind packets (not bytes of payload) up to high_thresh; beyond, the oldest
 * datagrams go until low_thresh. One source has a quarter of that, and its own oldest go: who
 * floods drives out himself. Of packets, a quarter of the engine's pool.
 *
 * Memory that goes round among fragments of nothing drives everybody's data out of the cache. So
 * the bounds are halved, three times at most, while more datagrams go for want of memory than
 * become whole, and doubled again when it is the other way round.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/htab.h"
#include "base/list.h"
#include "core/stack.h"

enum {
	REASM_SRC_SHARE = 4,  /* one source may hold high_thresh / this */
	REASM_POOL_SHARE = 4, /* all may hold that part of the pool of packets */
	REASM_SQUEEZE_MAX = 3,
};

struct reasm_conf {
	uint32_t high_thresh; /* bytes of memory */
	uint32_t low_thresh;
	uint32_t time_s;
	/* A datagram is dropped when so many fragments of its source have come since the last of
	 * its own; 0: never. What comes so late bears the number by chance (RFC 4963). */
	uint32_t max_dist;
};

/* What a family brings. */
struct reasm_ops {
	/* Time is over for a datagram whose first fragment had come (RFC 792, RFC 4443 §3.3): tells
	 * its source. `first` is as it came and stays the caller's. */
	void (*expired)(struct stack *st, struct pkt *first);
	uint32_t max_bytes; /* of a whole datagram, with the headers of its first fragment */
	enum mib reqds, oks, fails, timeouts, overlaps; /* counters */
};

struct reasm {
	struct reasm_conf conf;
	struct stack *st;
	const struct reasm_ops *ops;
	struct htab by_key, by_src;
	struct list entries; /* struct reasm_entry.age */
	uint32_t mem_bytes;  /* that all hold */
	uint32_t n_pkts;
	uint32_t n_whole; /* datagrams that became whole since memory ran out last */
	uint8_t squeeze;  /* the bounds are halved so many times */
	struct wheel_timer timer;
	uint64_t n_steps; /* nodes looked at, ever: what work fragments make */
};

/* Which datagram a fragment is part of. */
struct reasm_key {
	struct ip_addr src, dst;
	uint32_t id;
	uint32_t ifindex; /* where addresses mean something on one link only; else 0 */
	uint8_t proto;    /* IPv4's; 0 in IPv6, whose key has none (RFC 8200 §4.5) */
};

/* Where in it. `data` of the packet is at the IP header. */
struct reasm_frag_info {
	uint32_t off;     /* of the payload, bytes */
	uint16_t hdr_len; /* bytes in front of the payload, linear */
	bool more;        /* not the last */
	uint8_t ecn;      /* enum ip_ecn */
};

/* The datagram, when it is complete. */
struct reasm_whole {
	struct pkt *pkt;  /* `data` at the first fragment's header; NULL: not complete */
	uint16_t hdr_len; /* of the first fragment */
	uint8_t ecn;      /* RFC 3168 §5.3: CE when one fragment had it */
};

/* `ops` is borrowed. 0 or -ENOMEM; afterwards reasm_fini() is fine. */
int reasm_init(struct reasm *r, struct stack *st, const struct reasm_ops *ops,
	       uint32_t time_s) MUST_CHECK;
/* Frees all that waits. An all-zero object is fine. */
void reasm_fini(struct reasm *r);
/* Drops all that waits: an interface goes, and packets refer to it. */
void reasm_flush(struct reasm *r);

/* A fragment, whose header has been checked. Takes `pkt` on DROP_NONE; `ret` is filled in then. The
 * whole datagram has no offset beyond 65535 in its payload, and at most ops->max_bytes in all. */
enum drop reasm_input(struct reasm *r, const struct reasm_key *key,
		      const struct reasm_frag_info *info, struct pkt *pkt,
		      struct reasm_whole *ret) MUST_CHECK;
