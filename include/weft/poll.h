/* SPDX-License-Identifier: MIT */
/*
 * Poll sets: which of many sockets are ready, at a cost that grows with those that are.
 *
 * The vocabulary is epoll(7)'s: a set watches sockets for events, level-triggered or edge-triggered
 * (WEFT_ET), for once (WEFT_ONESHOT), and gives back a word of the application's with each event.
 * Nothing waits: weft_pollset_get() returns what is ready now, and weft_pollset_on_ready() names a
 * function that is called from weft_engine_run() when there is something to get.
 *
 * A socket may be in several sets and have a callback besides (weft_on_event()). Sets belong to the
 * thread that owns their engine. doc/api.md has the rules.
 */
#pragma once

#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

/* To be added to WEFT_IN, WEFT_OUT and their like, with epoll's values. WEFT_ERR and WEFT_HUP are
 * always watched for. */
#define WEFT_ET      (UINT32_C(1) << 31) /* told of each change once, not as long as it is true */
#define WEFT_ONESHOT (UINT32_C(1) << 30) /* told once, then of nothing until weft_pollset_mod() */

struct weft_pollset;

struct weft_poll_event {
	uint32_t events; /* those true now of the ones asked for, and WEFT_ERR, WEFT_HUP */
	uint64_t data;   /* as given to weft_pollset_add() */
};

/* 0; -ENOMEM. The set is the caller's, to be freed before its engine. */
WEFT_API int weft_pollset_new(struct weft_engine *eng, struct weft_pollset **ret);
/* Its sockets go on without it. Not from inside its own on_ready function. NULL is fine. */
WEFT_API void weft_pollset_free(struct weft_pollset *set);
/* Watches `s` for `events` until weft_pollset_del() or until the socket is closed; what is true now
 * counts as a change. `data` is not looked at. -EEXIST: it is in the set; -EINVAL: a bit that there
 * is not, or a socket of another engine; -ENOMEM. */
WEFT_API int weft_pollset_add(struct weft_pollset *set, struct weft_sock *s, uint32_t events,
			      uint64_t data);
/* The same for a socket of the set: also ends the rest after WEFT_ONESHOT. -ENOENT, -EINVAL. */
WEFT_API int weft_pollset_mod(struct weft_pollset *set, struct weft_sock *s, uint32_t events,
			      uint64_t data);
/* -ENOENT: it is not in the set. */
WEFT_API int weft_pollset_del(struct weft_pollset *set, struct weft_sock *s);
/* Up to `max` sockets that are ready, each once, those first that have waited longest; returns how
 * many, 0 when none is. Costs what is ready, however many are watched. */
WEFT_API size_t weft_pollset_get(struct weft_pollset *set, struct weft_poll_event *ret, size_t max);
/* `fn` is called from weft_engine_run(), once for any number of sockets that became ready since it
 * was called last, and may call everything but weft_pollset_free(). After setting it, it is called
 * at the next run if something may be ready now. NULL: nobody is told. */
WEFT_API void weft_pollset_on_ready(struct weft_pollset *set,
				    void (*fn)(struct weft_pollset *set, void *arg), void *arg);

struct weft_pollset_stats {
	uint32_t n_watched;
	uint32_t n_queued;   /* that may be ready: what the next weft_pollset_get() looks at */
	uint64_t n_examined; /* sockets looked at by weft_pollset_get() so far */
	uint64_t n_events;   /* given out so far */
};
WEFT_API void weft_pollset_stats(const struct weft_pollset *set, struct weft_pollset_stats *ret);

#ifdef __cplusplus
}
#endif
