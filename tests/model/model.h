/* SPDX-License-Identifier: MIT */
/*
 * The model test: one run is a world of two hosts, drawn from a seed, and what TCP owes its
 * applications there whatever the links do.
 *
 *	host 0 ------------ link ------------ host 1
 *	host 0 --- link --- router --- link --- host 1          in a quarter of the runs
 *
 * What is drawn: the family, whether there is fast open, what links do to frames and how that
 * changes, outages, segment sizes, settings of the stacks, options of the sockets, how much each
 * end writes and reads in which pieces, and how it ends. From heal_ns on, the links are good:
 * everything that was written has to arrive.
 *
 * What must hold:
 *  - what is read is a prefix of what was written, and its end is the end of it (model_end.c);
 *  - tcp_conn_check() of every connection before each segment and after each turn of the engine;
 *  - nothing waits for ever: while an end is not done, the engine has something to do, and within
 *    an hour everything is done;
 *  - afterwards no connection, packet, buffer, timer or byte of memory is left.
 *
 * Whatever goes wrong ends the program and names the seed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "core/netif.h"
#include "prng.h"
#include "weft/weft.h"

#define MODEL_MS INT64_C(1000000)
#define MODEL_S  (1000 * MODEL_MS)

enum {
	MODEL_PAIRS_MAX = 3,
	MODEL_LINKS_MAX = 2,
	MODEL_PORT = 1000,           /* of the first pair's listener */
	MODEL_CHUNK_MAX = 64 * 1024, /* read or written at once */
	MODEL_PATTERN = 65521,       /* bytes; prime, so that what is shifted is noticed */
	MODEL_PPM = 1000000,
};

/* What carries the connections of a run. */
enum family {
	FAMILY_IP4,
	FAMILY_IP6,
	FAMILY_MAPPED, /* IPv4, by sockets of IPv6 */
	FAMILY_N,
};

/* How an end finishes when it has written everything and read the peer's end. */
enum finish {
	FINISH_SHUTDOWN, /* shutdown(), read to the end, close() */
	FINISH_CLOSE,    /* close() when all is written, even with data unread: the peer may lose */
	FINISH_ABORT,    /* a reset after a part */
};

struct pair;

/* One end of a connection: an application. */
struct end {
	struct pair *pair;
	struct weft_sock *s; /* NULL: not yet, or gone */
	struct weft_timer *timer;
	uint64_t to_write, written, read;
	uint64_t finish_after; /* FINISH_ABORT: bytes written or read */
	int64_t lazy_ns;       /* acts so often; 0: when the socket calls */
	uint32_t write_max, read_max;
	enum finish finish;
	uint8_t side;
	uint8_t option_percent; /* how often it sets an option before it writes */
	bool is_connected;
	bool has_shut, has_eof;
	bool is_done;
	bool is_fast; /* its SYN waits for data to carry (TCP_FASTOPEN_CONNECT) */
};

struct pair {
	struct model *m;
	struct end ends[2]; /* 0 connects to 1 */
	struct weft_sock *listener;
	uint16_t port;
	bool may_fail;    /* an end breaks off: the other may see errors, and lose bytes */
	bool has_failed;  /* it has */
	uint64_t pattern; /* where in the pattern the streams begin */
};

/* Looks at the connections of a host before each frame that comes in. */
struct model_tap {
	struct netif_tap tap;
	uint64_t n_segments;
};

struct model {
	struct prng prng;
	uint64_t seed;
	uint64_t n_bytes;  /* that the engine has allocated */
	uint32_t fail_ppm; /* of allocations, until heal_ns */
	struct weft_engine *eng;
	struct weft_stack *hosts[2];
	struct weft_stack *router; /* NULL: none */
	struct weft_link *links[MODEL_LINKS_MAX];
	struct weft_link_dir dirs[MODEL_LINKS_MAX][2];
	bool is_down[MODEL_LINKS_MAX];
	uint32_t n_links;
	struct weft_netif *netifs[2]; /* of the hosts */
	struct model_tap taps[2];
	uint32_t badness; /* 0 to 3 */
	enum family family;
	bool is_strict; /* ICMP errors end connections (tcp.profile 1) */
	bool is_fast;   /* fast open on both hosts */
	int64_t heal_ns;
	bool has_healed;
	bool has_outages;
	bool has_cookies; /* a client whose first ACK is lost, or overtaken, may be reset */
	struct weft_timer *trouble;
	struct pair pairs[MODEL_PAIRS_MAX];
	uint32_t n_pairs;
	bool is_verbose;
};

/* Ends the program: something does not hold. */
_Noreturn void model_fail(const struct model *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A call that may not fail; but without memory, which the run may be short of, it waits. */
void must(struct model *m, int err, const char *what);

/* Random numbers of the run. */
static inline uint64_t rnd(struct model *m, uint64_t n)
{
	return prng_below(&m->prng, n);
}

static inline bool rnd_percent(struct model *m, uint32_t percent)
{
	return rnd(m, 100) < percent;
}

/* Between lo and hi, as likely in each power of two. */
uint64_t rnd_log(struct model *m, uint64_t lo, uint64_t hi);

/* model_net.c */

/* Hosts, links, settings; trouble begins. */
void model_net_new(struct model *m);
/* From now on some runs are short of memory. */
void model_net_starve(struct model *m);
void model_net_free(struct model *m);
/* tcp_conn_check() of all connections of a host. */
void model_check_host(const struct weft_stack *st);
/* No connection and no remains of one are left. */
void model_check_gone(const struct model *m);

/* model_end.c */

void model_pairs_new(struct model *m);
void model_pairs_free(struct model *m);
/* Ends that wait for one that broke off, and whose reset was lost, wait for ever: these close.
 * False: there are none. */
bool model_pairs_let_go(struct model *m);
bool model_pairs_are_done(const struct model *m);
