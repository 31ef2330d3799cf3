/* SPDX-License-Identifier: MIT */
/*
 * A thread that waits for the disk, so that the engine's thread does not.
 *
 * A job is part of its owner's struct. It is submitted on the engine's thread, run on the other
 * one, one job after the other in their order, and done on the engine's thread again, which an
 * eventfd(2) in its loop wakes for that. Nothing is allocated on the way, so nothing can fail; the
 * queues are as long as their owners are many, which these bound.
 *
 * Without a loop to watch the eventfd, there is no thread, and jobs run where they are submitted:
 * for virtual time, where waiting for the disk takes no time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct http_disk;

struct http_job {
	void (*run)(struct http_job *job);  /* on the disk's thread */
	void (*done)(struct http_job *job); /* on the engine's thread; not without a loop */
	bool is_done;                       /* set before `done` is called; read by the owner */
	struct http_job *next;
};

/* How to watch a descriptor: calls `fn(arg, fd, events)` when it is readable; `fn` NULL: forget
 * it. Returns 0 or -Exxx. */
typedef int http_watch_fn(void *ctx, int fd, void (*fn)(void *arg, int fd, uint32_t events),
			  void *arg);

/* `watch` NULL: no thread. -ENOMEM, -EMFILE, -EAGAIN, or what `watch` says. */
int http_disk_new(http_watch_fn *watch, void *watch_ctx, struct http_disk **ret)
	__attribute__((warn_unused_result));
/* Waits for the jobs under way and calls their `done`; those submitted meanwhile run at once. NULL
 * is fine. */
void http_disk_free(struct http_disk *disk);
/* Borrows `job` until it is done. Without a thread that is when this returns. */
void http_disk_submit(struct http_disk *disk, struct http_job *job);
/* Jobs that have been submitted and are not done. */
uint32_t http_disk_n_jobs(const struct http_disk *disk);
