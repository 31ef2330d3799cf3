/* SPDX-License-Identifier: MIT */
/* Changing a packet block that has been written: a comment that was not known at the time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Bytes by which a block grows for a comment of `text_len` bytes. */
size_t pcapng_comment_len(size_t text_len);

/*
 * Inserts a comment into the enhanced packet block at `off` of `buf`, which must have been written
 * by pcapng_epb_write() with at least one option. `*len` bytes of `cap` are in use; what follows
 * the block moves. 0; -ENOSPC: no room, or -EBADMSG: no such block; unchanged.
 */
int pcapng_comment_insert(uint8_t *buf, size_t cap, size_t *len, size_t off, const char *text,
			  size_t text_len) MUST_CHECK;
