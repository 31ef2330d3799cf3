/* SPDX-License-Identifier: MIT */
/*
 * What fuzz_stack.c plays with: a router with two interfaces and the sockets of an application on
 * it, a peer behind the interfaces, and the checks of what the stack sends, delivers and is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer.h"
#include "twin.h"
#include "weft/weft.h"

enum {
	SLOTS = 24,
	CHUNK = PEER_BYTES_MAX,     /* what one call sends or receives at most */
	SERVE_MAX = 20000,          /* bytes that a server answers, so that two can talk */
	MEM_MAX = 24 * 1024 * 1024, /* bytes of the engine */
	TX_OP_MAX = 30000,          /* frames that one operation may cause */
	RUN_OP_MAX = 200000,        /* turns of the engine that it may take: without memory, every
				       connection tries again every 10 ms */
	RAW_PROTO = 253,
};

/* What a socket does by itself when it is told that something happened. */
enum serve {
	SERVE_NOTHING,
	SERVE_ACCEPT, /* connections, which then SERVE_ECHO */
	SERVE_ECHO,   /* answers as many bytes as came, and closes after the peer */
	SERVE_DRAIN,  /* reads all */
	SERVE_CLOSE,  /* closes at the first event */
	SERVE_ABORT,
	SERVE_KINDS,
};

struct world;

/* Which headers the application writes itself. */
enum slot_hdrs {
	SLOT_NO_HDRS,
	SLOT_IP_HDR,
	SLOT_ETH_HDR,
};

struct slot {
	struct world *w;
	struct weft_sock *s; /* NULL: free */
	uint32_t n_read;     /* of the stream since it was opened */
	uint32_t n_served;
	uint8_t serve; /* enum serve */
	bool is_mute;  /* raw: sends nothing that looks like another protocol's */
	uint8_t hdrs;  /* enum slot_hdrs */
};

struct world {
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_stack *far; /* a second host, 10.0.2.2 behind `link`; NULL: not yet */
	struct weft_link *link;
	struct weft_netif *ports[PEER_PORTS]; /* NULL: removed */
	uint8_t port_ids[PEER_PORTS];
	struct slot slots[SLOTS];
	struct weft_capture *cap;
	struct peer peer;
	size_t mem_bytes;
	uint32_t fail_in;    /* the allocation that fails, counted from now; 0: none */
	uint32_t fail_again; /* and every so many-th after it */
	uint32_t n_tx;       /* frames sent in this operation */
	bool port_refuses;   /* the driver's queue is full */
	bool is_renumbered;  /* an address was taken away: what is sent may be another's */
	bool is_forged;      /* the application writes headers: what is sent may be anything */
	bool is_blind;       /* data went with a SYN, before it had numbers: not compared */
	bool has_ip6;
	bool has_failed; /* memory, or may have */
	struct twin *twin;
	uint8_t buf[CHUNK];
};

/* How the engine is made: a byte of the input. */
enum {
	WORLD_FEW_PKTS = 1 << 0,
	WORLD_LATE = 1 << 1, /* milliseconds are about to wrap */
	WORLD_BARE = 1 << 2, /* nothing is open */
	WORLD_IP6 = 1 << 3,  /* both families: sockets are IPv6's, which take IPv4 too */
	WORLD_TWIN = 1 << 4, /* with and without short ways */
};

/* `how`: WORLD_*. `w` is zero but for its twin. */
void world_init(struct world *w, uint8_t how);
/* Frees all, the sockets first or with the stack, and asserts that nothing is left. */
void world_fini(struct world *w, bool closes_first);
/* Everything that is due now. */
void world_settle(struct world *w);
/* Time passes, with every deadline on the way. */
void world_advance(struct world *w, int64_t ns);
/* Time passes in one step: the machine was asleep. */
void world_jump(struct world *w, int64_t ns);
/* Asserts the invariants of connections, and the bounds. */
void world_check(struct world *w);
/* Interface `i` with its address; without memory, none. */
void world_port_add(struct world *w, uint8_t i);
/* The second host with a server, behind a link that does `dir` to frames either way. */
void world_far_add(struct world *w, const struct weft_link_dir *dir);
/* A new socket: `kind` is a number of the input. NULL: no slot is free, or it cannot be. */
struct slot *world_socket(struct world *w, uint8_t kind, enum serve serve);

struct slot *slot_free(struct world *w); /* NULL: none */
void slot_set(struct slot *slot, struct weft_sock *s, enum serve serve);
void slot_serve(struct slot *slot, enum serve serve);
void slot_close(struct slot *slot, bool abort);
bool slot_is_tcp(const struct slot *slot);
/* Into w->buf; what a stream brings is checked. */
ptrdiff_t slot_recv(struct slot *slot, size_t len, uint32_t flags);
void slot_check_read(struct slot *slot, const uint8_t *p, size_t n, bool is_peek);
/* From w->buf, which gets the bytes that the stream carries next. */
ptrdiff_t slot_send(struct slot *slot, size_t len, uint32_t flags);
void slot_fill(struct slot *slot, size_t len);
