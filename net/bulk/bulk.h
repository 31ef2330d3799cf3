/* SPDX-License-Identifier: MIT */
/*
 * A client that sends as fast as TCP lets it, so many bytes or for so long, and then waits until
 * the peer has all of it and closes, as the discard service does. Its time runs from the connection
 * being there to that moment.
 */
#pragma once

#include "net/app/app.h"

struct bulk_config {
	struct weft_sockaddr to;
	uint64_t size;   /* bytes of each transfer; 0: `time_ns` says when it ends */
	int64_t time_ns; /* of each transfer; 0: `size` says */
	struct app_plan plan;
};

/* 0; -EINVAL: neither size nor time; -ENOMEM. */
int bulk_new(struct weft_stack *st, const struct bulk_config *cfg, struct app **ret)
	__attribute__((warn_unused_result));
