/* SPDX-License-Identifier: MIT */
/*
 * Clients that work by themselves: what all kinds of them share.
 *
 * A client makes tries (a download, a message, an echo request) one after the other, as its plan
 * says, and keeps figures. Nothing that a peer or the network does ends it: a refusal, a timeout or
 * a wrong answer is a try that failed, and the next one comes at its time. They are ordinary
 * applications of the public API, on the engine's thread.
 *
 * The kinds: net/http/http_get.h, net/bulk/bulk.h, net/rr/rr_client.h, net/ping/prober.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "weft/weft.h"

struct app;

struct app_plan {
	int64_t at_ns;       /* the first try, after the client was made */
	uint32_t count;      /* tries; 0: for ever */
	int64_t interval_ns; /* from one try's start to the next one's */
	int64_t timeout_ns; /* a try without an end (bulk: without progress) has failed; 0: never */
	const struct weft_net *net; /* copied; on which it runs instead of a stack; NULL: none */
};

struct app_stats {
	uint64_t n_tries;                    /* begun */
	uint64_t n_done;                     /* ended well */
	uint64_t n_lost;                     /* no end in time */
	uint64_t n_failed;                   /* refused, reset, wrong answers */
	uint64_t bytes_sent, bytes_received; /* of application data */
	int64_t start_ns; /* the first try's start, on the engine's clock; -1: not yet */
	int64_t end_ns;   /* the last try's end; while one is under way, now */
	int64_t busy_ns;  /* time in which data moved: what a rate is worked out from */
	/* Of tries that ended well: from request to the end of the answer. */
	uint64_t n_times;
	int64_t time_min_ns, time_max_ns, time_sum_ns;
	int err;         /* why the last one that failed did: -Exxx, or 0 */
	const char *why; /* the same in words when `err` alone does not tell; or NULL */
	bool is_done;    /* all tries have ended */
};

/* Ends it, with what it has open. NULL is fine. */
void app_free(struct app *a);
void app_stats(struct app *a, struct app_stats *ret);
/* Bytes a second of application data, both ways, in bits; 0 when no time was measured. */
uint64_t app_stats_rate_bps(const struct app_stats *stats);
