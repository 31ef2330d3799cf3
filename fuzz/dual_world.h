/* SPDX-License-Identifier: MIT */
/*
 * What fuzz_dual.c plays with: two hosts with a router between them, in both families, whose wires
 * are the target's own:
 *
 *	a 10.0.0.2 fd00::2 --- wire 0 --- r --- wire 1 --- 10.0.1.2 fd00:0:0:1::2 b
 *
 * A wire carries what is sent at once, or loses, repeats, holds back, changes or cuts it as it was
 * told, and takes frames from nobody. The peer (peer.h) makes those, from either end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip/hook.h"
#include "peer.h"
#include "twin.h"
#include "weft/weft.h"

enum {
	DUAL_A,
	DUAL_ROUTER,
	DUAL_B,
	DUAL_NODES,
};
enum {
	DUAL_WIRES = 2,
	DUAL_SLOTS = 20,
	DUAL_FRAME_MAX = 2100,
	DUAL_MTU_MAX = 2000,
	DUAL_QUEUE = 128, /* frames under way */
	DUAL_PAST = 8,    /* frames remembered */
	DUAL_CARRY_MAX = 3000,
	DUAL_STEPS_MAX = 150, /* deadlines of one wait: what is left of it passes at once */
	DUAL_CHUNK = 60000,
	DUAL_MEM_MAX = 24 * 1024 * 1024,
};

struct dual_frame {
	uint8_t end; /* who sent it */
	uint16_t len;
	uint8_t bytes[DUAL_FRAME_MAX];
};

enum dual_trouble {
	TROUBLE_NONE,
	TROUBLE_LOSS,
	TROUBLE_TWICE,
	TROUBLE_LATE, /* behind the next one */
	TROUBLE_XOR,  /* byte `at` is changed by `with` */
	TROUBLE_CUT,  /* `at` bytes are left */
	TROUBLES,
};

/* An interface on a wire: 2 * wire, and one more at the router. */
struct dual_end {
	struct weft_netif *netif;
	enum dual_trouble trouble; /* for the next `n` that it sends */
	uint8_t n, at, with;
};

struct dual_slot {
	struct dual *d;
	struct weft_sock *s; /* NULL: free */
	uint8_t node;
	uint8_t type; /* WEFT_SOCK_* */
	bool is_listener;
	uint32_t n_sent, n_got; /* bytes of the stream */
};

struct dual {
	struct weft_engine *eng;
	struct weft_stack *st[DUAL_NODES];
	struct dual_end ends[2 * DUAL_WIRES];
	uint8_t end_ids[2 * DUAL_WIRES];
	struct dual_slot slots[DUAL_SLOTS];
	uint32_t n_in, n_out; /* of the queue, ever */
	bool has_held;
	uint32_t n_past;
	struct peer peer;
	size_t mem_bytes;
	uint32_t fail_in, fail_again;
	struct ip_hook hook; /* linked: at one point of one node */
	enum ip_verdict verdict;
	bool is_forged;   /* somebody else may have written into a stream */
	bool has_changed; /* the wire has changed a frame */
	bool has_failed;  /* memory, or may have */
	struct twin *twin;
	/* From here on what is written before it is read: dual_init() leaves it as it is. */
	struct dual_frame queue[DUAL_QUEUE];
	struct dual_frame held;
	struct dual_frame past[DUAL_PAST];
	uint8_t buf[DUAL_CHUNK];
};

/* A byte of the input. */
enum {
	DUAL_AUTO = 1 << 0,    /* hosts have no IPv6 address but link-local ones */
	DUAL_QUERIER = 1 << 1, /* the router asks for members of groups */
	DUAL_LATE = 1 << 2,    /* milliseconds are about to wrap */
	DUAL_TWIN = 1 << 3,    /* with and without short ways */
};

void dual_init(struct dual *d, uint8_t how, struct twin *twin);
/* Frees all, and asserts that nothing is left. */
void dual_fini(struct dual *d);
/* Everything that is due now, and all that the wires carry. */
void dual_settle(struct dual *d);
void dual_advance(struct dual *d, int64_t ns);
/* Asserts what holds after every operation. */
void dual_check(struct dual *d);
/* The frame that the peer made arrives at an end. */
void dual_inject(struct dual *d, uint8_t end, const uint8_t *frame, size_t len);
/* A frame sent `back` frames ago; NULL: there was none. */
const struct dual_frame *dual_past(const struct dual *d, uint8_t back);
/* NULL: no slot is free, or it cannot be. */
struct dual_slot *dual_socket(struct dual *d, uint8_t node, int family, int type, int proto);
void dual_close(struct dual_slot *slot, bool abort);
/* The next `len` bytes of a stream; of a datagram anything. */
void dual_send(struct dual_slot *slot, size_t len, const struct weft_sockaddr *to);
struct weft_stack *dual_stack_of_end(struct dual *d, uint8_t end);
