/* SPDX-License-Identifier: MIT */
/*
 * Poll sets: a list of the sockets that may be ready.
 *
 * How it works: each socket of a set has an item, which hangs on the socket's list of watchers
 * (transport/sock.h) and on the set's. When the socket wakes with an event that the item asks for,
 * the item goes on the set's queue; pollset_get() takes items from the front, asks their sockets
 * what is true now, and puts level-triggered ones that are ready back at the end. So an item that
 * is level-triggered and ready is always queued, one that is queued may not be ready, and what is
 * not queued costs nothing. The contracts are in weft/poll.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct engine;
struct pollset;
struct sock;
struct weft_poll_event;
struct weft_pollset;
struct weft_pollset_stats;

int pollset_new(struct engine *eng, struct pollset **ret) MUST_CHECK;
void pollset_free(struct pollset *set);
int pollset_add(struct pollset *set, struct sock *sk, uint32_t events, uint64_t data) MUST_CHECK;
int pollset_mod(struct pollset *set, struct sock *sk, uint32_t events, uint64_t data) MUST_CHECK;
int pollset_del(struct pollset *set, struct sock *sk) MUST_CHECK;
size_t pollset_get(struct pollset *set, struct weft_poll_event *ret, size_t max);
void pollset_on_ready(struct pollset *set, void (*fn)(struct weft_pollset *set, void *arg),
		      void *arg);
void pollset_stats(const struct pollset *set, struct weft_pollset_stats *ret);
