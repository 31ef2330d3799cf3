/* SPDX-License-Identifier: MIT */
/*
 * Captures: the frames of any interfaces of an engine as one pcapng stream.
 *
 * How it works: a tap on each interface appends an enhanced packet block to a buffer, with the
 * packet's trace id as a comment. While netif_rx() or netif_tx() works on the frame its record is
 * open; when the packet is dropped meanwhile, the reason is inserted into the record as a second
 * comment. A packet that is dropped later (from a queue) gets a record of its own. What has been
 * collected goes to the owner's function when the engine has finished with the burst.
 *
 * A checksum that is still to be completed is completed in the copy, so that a reader sees what a
 * wire would have carried; super-packets stay whole.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "core/engine.h"
#include "core/netif.h"

enum {
	CAPTURE_OPEN_MAX = 8, /* records open at a time: netif_tx inside netif_rx and so on */
	CAPTURE_SNAPLEN_MAX = 262144,
};

typedef void capture_fn(void *arg, const void *blocks, size_t len);

struct capture_open {
	size_t off; /* of the record in the buffer */
	uint32_t trace_id;
	const struct netif *netif;
};

struct capture {
	struct engine *eng;
	capture_fn *fn;
	void *arg;
	uint32_t snaplen;
	uint8_t *buf; /* whole blocks */
	size_t len;
	size_t cap;
	struct list ifs; /* struct capture_if */
	uint32_t n_ifs;  /* ever added: ids in the stream */
	struct capture_open open[CAPTURE_OPEN_MAX];
	uint32_t n_open;
	uint64_t n_lost; /* records for which there was no memory */
	struct engine_work work;
};

/* `snaplen`: most bytes kept of a frame; 0: all. Delivers the section header at the next run. 0 or
 * -ENOMEM. */
int capture_new(struct engine *eng, uint32_t snaplen, capture_fn *fn, void *arg,
		struct capture **ret) MUST_CHECK;
/* Watches an interface, which is called "stack:interface" in the stream. It leaves by itself when
 * the interface goes. 0 or -ENOMEM; -EEXIST: watched already. */
int capture_add(struct capture *cap, struct netif *netif) MUST_CHECK;
/* Delivers what is left and each interface's statistics. NULL is fine. */
void capture_free(struct capture *cap);
