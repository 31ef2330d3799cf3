/* SPDX-License-Identifier: MIT */
/* The real-time loop as drivers see it: one epoll descriptor, one watch a descriptor. */
#pragma once

#include <stdint.h>

#include "base/list.h"
#include "weft/io.h"

/* A descriptor that the loop watches; embedded in its owner. */
struct loop_watch {
	struct list link; /* loop->watches */
	int fd;           /* borrowed */
	void (*fn)(struct loop_watch *watch, uint32_t events);
};

/* The engine that it drives. */
struct engine *loop_engine(struct weft_loop *loop);
/* A device has read or written a frame of `len` bytes: for who has to know whether to sleep. */
void loop_note_frame(struct weft_loop *loop, uint32_t len);
/* Watches watch->fd for poll(2) bits; `watch` must live until loop_watch_del(). 0 or -Exxx. */
int loop_watch_add(struct weft_loop *loop, struct loop_watch *watch, uint32_t events) MUST_CHECK;
int loop_watch_mod(struct weft_loop *loop, struct loop_watch *watch, uint32_t events) MUST_CHECK;
/* Safe from inside any watch's callback: events already fetched for it are forgotten. */
void loop_watch_del(struct weft_loop *loop, struct loop_watch *watch);
