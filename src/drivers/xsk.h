/* SPDX-License-Identifier: MIT */
/*
 * An AF_XDP socket: one queue of an interface, its memory for frames, and the four rings by which
 * frames of that memory change hands.
 *
 *	        fill (free ones for the kernel)          tx (to be sent)
 *	we ───────────────────────────► kernel   we ───────────────────► kernel
 *	   ◄───────────────────────────             ◄───────────────────
 *	        rx (with what came)                      completion (free again)
 *
 * Half of the frames are for reception, half for transmission. What xsk_rx() gave stays as it is
 * until xsk_rx_release().
 *
 * Cancelling: nothing can be taken back from the tx ring, but a descriptor outside of the memory
 * is passed over by the kernel, which counts it (tx_invalid_descs). It may have sent some of
 * those that we make such, for its own count of what it has taken is shown late; these it has
 * not counted, and they are the first ones. So when it is through, as many as it has counted,
 * from the end, are free, and the others come back as usual. That some versions give back the
 * former, too, is left alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	XSK_CHUNK = 4096,  /* a frame's place; the kernel keeps some of it in front for XDP */
	XSK_CHUNKS = 2048, /* of each direction: a power of two, for the rings are as long */
	XSK_FRAME_MAX = 3840 - 256, /* what fits every driver's page with its own data around it */
};

/* A ring as both see it: entries of `mask`+1, a producer's and a consumer's count. */
struct xsk_ring {
	uint32_t *producer, *consumer, *flags;
	void *entries;
	void *map;
	size_t map_bytes;
	uint32_t mask;
	uint32_t next; /* our own count: of what we have produced, or consumed */
};

struct xsk {
	int fd; /* -1: not open */
	uint8_t *umem;
	struct xsk_ring fill, completion, rx, tx;
	uint32_t n_held, n_tx_free;
	uint32_t n_void;         /* frames at the end of the tx ring that are not to be sent */
	uint64_t n_void_counted; /* what the kernel had counted of such before */
	bool is_zero_copy;
	uint64_t held[XSK_CHUNKS];    /* frames that were received, and are not given back */
	uint32_t tx_free[XSK_CHUNKS]; /* numbers of frames that can be sent in */
};

/* `x` is zeroed. The step that failed goes to `ret_step`; xsk_close() is right in any case. */
int xsk_open(struct xsk *x, int ifindex, uint32_t queue, const char **ret_step) MUST_CHECK;
void xsk_close(struct xsk *x);
/* False: there is none now. */
bool xsk_rx(struct xsk *x, const uint8_t **ret_frame, uint32_t *ret_len);
/* Gives the kernel back what xsk_rx() gave. */
void xsk_rx_release(struct xsk *x);
/* A place for a frame of XSK_FRAME_MAX bytes; NULL: all are under way, or what was cancelled has
 * not been passed over yet. xsk_tx() hands it over. */
uint8_t *xsk_tx_place(struct xsk *x);
void xsk_tx(struct xsk *x, const uint8_t *place, uint32_t len);
/* Makes the kernel send what it has. 0; -EAGAIN: not all now; -EBUSY: it has not passed over what
 * was cancelled; else what sendto(2) says. */
int xsk_tx_kick(struct xsk *x) MUST_CHECK;
/* What the kernel has not sent is not sent any more; how many frames. A kick when it can send again
 * makes them free. */
uint32_t xsk_tx_cancel(struct xsk *x);
/* Frames that the kernel dropped since it is open. */
uint64_t xsk_rx_drops(const struct xsk *x);
