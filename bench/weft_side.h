/* SPDX-License-Identifier: MIT */
/* Our side of the benchmarks: what its files share, and the figures that have files of their own.
 */
#pragma once

#include "meter.h"
#include "weft/io.h"
#include "weft/weft.h"

/* Default settings, the system's clock and entropy; exits when that fails. */
struct weft_engine *side_engine(void);
struct weft_stack *side_stack(struct weft_engine *eng, const char *name);
void side_address(struct weft_netif *nif, const char *prefix);
void side_sockaddr(struct weft_sockaddr *ret, const char *addr, uint16_t port);

/* Two stacks joined by a veth: 10.0.0.1 and 2001:db8::1, 10.0.0.2 and 2001:db8::2. */
struct side_pair {
	struct weft_engine *eng;
	struct weft_stack *st[2];
	struct weft_netif *nif[2];
};
void side_pair_init(struct side_pair *p);
void side_pair_fini(struct side_pair *p);
/* One turn: the engine runs. */
void side_run(struct weft_engine *eng);
/* The same for workers whose engine need not. */
void side_turn(void);

/* Runs a worker in this process for `n_turns`, with a clock that moves by a microsecond a turn and
 * a seed, so that every run executes the same instructions, and prints a line of JSON: turns,
 * bytes, ops. For who counts instructions. */
void side_count(void (*fn)(struct gauge *g, const void *arg), const void *arg, uint64_t n_turns);

/* Resident memory of the process. */
uint64_t side_rss_bytes(void);
/* What is between them is the set-up whose CPU time and memory the gauge notes. */
struct setup {
	int64_t start_cpu_ns;
	uint64_t rss_bytes;
};
void setup_start(struct setup *s);
void setup_end(const struct setup *s, struct gauge *g);

/* Workers of the meter; `arg` as said. */
void weft_crr(struct gauge *g, const void *arg);    /* none: connections a second */
void weft_fwd(struct gauge *g, const void *arg);    /* struct fwd_what */
void weft_timers(struct gauge *g, const void *arg); /* uint32_t: how many are pending */
void weft_conns(struct gauge *g, const void *arg);  /* uint32_t: connections, each used in turn */

struct fwd_what {
	bool is_ip6;
	unsigned int n_dsts; /* up to FWD_MANY */
};

void weft_engines(struct gauge *g, const void *arg); /* struct engines_what: round trips */

struct engines_what {
	uint32_t n_engines; /* 1 or 2, a thread each */
	bool is_sharded;  /* one client and one server in as many shards; else pairs of their own */
	bool is_crossing; /* they divide the flows differently */
};

/* Opens `n_conns` connections in one process, half of them over IPv6, measures, has each echo, and
 * prints a line of JSON: value (endpoints a GB), bytes (an endpoint), seconds (of the set-up). */
void weft_mem_conn(uint32_t n_conns);
