/* SPDX-License-Identifier: MIT */
/*
 * Probes that come back: ICMP echo requests, or datagrams to an echo service.
 *
 * One is sent every interval, whether or not the earlier ones have been answered; one that is not
 * answered within the timeout is lost, and a later answer to it counts for nothing.
 */
#pragma once

#include "net/app/app.h"

enum {
	PROBER_SIZE_MAX = 65507 - 8, /* of an ICMP payload: an IPv4 datagram's, less its head */
	PROBER_OPEN_MAX = 1024,      /* under way at a time; the oldest gives way */
};

struct prober_config {
	struct weft_sockaddr to; /* the port is for datagrams */
	bool is_udp;             /* else ICMP */
	uint32_t size;           /* bytes of payload; of a datagram at least 4 */
	struct app_plan plan;    /* timeout_ns 0: 10 s */
};

/* 0; -EINVAL: the size; -ENOMEM, -EAFNOSUPPORT. */
int prober_new(struct weft_stack *st, const struct prober_config *cfg, struct app **ret)
	__attribute__((warn_unused_result));
