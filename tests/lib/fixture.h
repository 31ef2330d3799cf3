/* SPDX-License-Identifier: MIT */
/*
 * An engine in virtual time, and interfaces whose other end is the test.
 *
 *	struct engine *eng = fix_engine();
 *	struct stack *st = fix_stack(eng, "host");          link layer only; ip/ adds its own
 *	struct fix_if *nif = fix_if_new(st, "eth0");        02:00:00:00:00:01, up
 *	struct fix_frame f = fix_frame(mac_a, mac_b, ETHERTYPE_ARP);
 *
 *	fix_rx(nif, &f);                                    arrives, and the stack has dealt with it
 *	assert_true(fix_sent(nif, &f));                     what it sent, oldest first
 *	fix_assert_silent(nif);                             nothing more was sent
 *	fix_advance(eng, 3 * SEC);
 *	fix_end(eng);                                       frees all; every pool is at zero
 *
 * A frame that the stack sends is completed and linear, as on a wire, unless fix_if_new_features()
 * says otherwise.
 */
#pragma once

#include <errno.h>
#include <stdint.h>

#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "unit.h"
#include "wire/arp.h"
#include "wire/eth.h"

#define NSEC ((int64_t)1)
#define USEC (1000 * NSEC)
#define MSEC (1000 * USEC)
#define SEC  (1000 * MSEC)

enum {
	FIX_START_NS = 1000000, /* the engine's first time */
	FIX_FRAME_MAX = 2048,
	FIX_SENT_MAX = 4096, /* frames that an interface remembers */
	FIX_BUFS_MAX = 256,
};

/* Seeded with 1. */
struct engine *fix_engine(void);
struct engine *fix_engine_with(const struct engine_config *cfg);
/* A stack with the link layer. */
struct stack *fix_stack(struct engine *eng, const char *name);
/* Frees the stacks and the engine; fails the test when a packet, a buffer or a byte is left. */
void fix_end(struct engine *eng);
/* Runs until nothing is left to do at this time. */
void fix_settle(struct engine *eng);
/* Lets `ns` pass, stopping at every deadline on the way. */
void fix_advance(struct engine *eng, int64_t ns);
/* No packet or buffer is in use. */
void fix_assert_pools_empty(const struct engine *eng);
/* Takes all buffers, so that the next allocation fails, and allows no more. Returns how many. */
uint32_t fix_exhaust_bufs(struct engine *eng, struct buf *ret[FIX_BUFS_MAX]);
void fix_release_bufs(struct buf *bufs[], uint32_t n);
/* Packets dropped for `why`. */
#define fix_assert_drops(st, why, n) assert_int_equal((st)->drops[why], (n))

struct fix_frame {
	size_t len;
	uint8_t b[FIX_FRAME_MAX];
};

struct fix_if {
	struct netif netif;
	uint32_t n_sent;   /* ever */
	uint32_t n_popped; /* by fix_sent() */
	struct fix_frame *sent;
	bool refuses; /* drops with IF_DRIVER what it should send */
};

/* Running, with a MAC address 02:00:00:00:00:<ifindex>, MTU 1500. Freed with its stack. */
struct fix_if *fix_if_new(struct stack *st, const char *name);
/* The same for an interface that takes frames with NETIF_F_*; what was sent is remembered up to
 * FIX_FRAME_MAX bytes of each. */
struct fix_if *fix_if_new_features(struct stack *st, const char *name, uint32_t features);
/* The packet for a frame; fails the test when there is none. */
struct pkt *fix_pkt(struct engine *eng, const void *bytes, size_t len);
/* The frame arrives on the interface and is dealt with. */
void fix_rx(struct fix_if *nif, const struct fix_frame *frame);
/* Takes the oldest frame sent and not yet taken. False: none. `ret` may be NULL. */
bool fix_sent(struct fix_if *nif, struct fix_frame *ret);
uint32_t fix_n_unseen(const struct fix_if *nif);
void fix_assert_silent(const struct fix_if *nif);
/* Forgets what was sent so far. */
void fix_ignore_sent(struct fix_if *nif);

/* Frames */
struct eth_addr fix_mac(uint8_t last); /* 02:00:00:00:00:<last> */
struct fix_frame fix_frame(struct eth_addr dst, struct eth_addr src, uint16_t ethertype);
void fix_frame_add(struct fix_frame *f, const void *bytes, size_t len);
struct fix_frame fix_arp_frame(struct eth_addr dst, const struct arp *arp);
/* The ARP packet in a frame; fails the test if it is none. */
struct arp fix_arp_of(const struct fix_frame *f);
