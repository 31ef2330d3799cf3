/* SPDX-License-Identifier: MIT */
/* The discard service (RFC 863) over TCP: takes what comes, answers nothing, and closes when the
 * peer has finished. The other end of bulk.h. */
#pragma once

#include "net/app/server.h"

enum {
	DISCARD_CONNS_MAX = 20000, /* at a time; more are reset */
};

struct discard;

int discard_new(struct weft_stack *st, const struct server_config *cfg, struct discard **ret)
	__attribute__((warn_unused_result));
void discard_free(struct discard *d); /* NULL is fine */
void discard_stats(const struct discard *d, struct server_stats *ret);
