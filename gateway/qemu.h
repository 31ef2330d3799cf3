/* SPDX-License-Identifier: MIT */
/*
 * QEMU guests of a gateway, one after the other: who listens on a local socket, and makes who
 * connects the peer of an interface (weft_stream_new() of weft/io.h).
 */
#pragma once

#include "base/compiler.h"
#include "weft/io.h"

struct qemu_guests;

/* Told of guests that come and go, with a sentence. */
typedef void (*qemu_guests_fn)(void *arg, const char *what);

/* A local socket at `path` for this user alone; one that nobody listens on any more is replaced.
 * The descriptor, or -Exxx. */
int qemu_listen(const char *path) MUST_CHECK;
/* Connects to one that QEMU listens on (`server=on`). The descriptor, or -Exxx. */
int qemu_connect(const char *path) MUST_CHECK;

struct qemu_guests_config {
	int listen_fd;       /* of qemu_listen(): guests come there; -1: none do */
	int guest_fd;        /* connected: the one guest that there is; -1: none yet */
	qemu_guests_fn told; /* may be NULL */
	void *arg;
	/* One has gone, before the next one comes; may be NULL. */
	void (*gone)(void *arg);
	void *gone_arg;
};

/* An interface of `st` called `name`, and its guests. While one is there, others are sent away. The
 * descriptors are taken, also on failure. 0 or -Exxx. */
int qemu_guests_new(struct weft_loop *loop, struct weft_stack *st, const char *name,
		    const struct qemu_guests_config *cfg, struct qemu_guests **ret) MUST_CHECK;
/* No others come; the interface stays with its stack, and must not turn any more. NULL is fine. */
void qemu_guests_free(struct qemu_guests *g);
struct weft_netif *qemu_guests_netif(struct qemu_guests *g);
