/* SPDX-License-Identifier: MIT */
/*
 * The other end of groups: a router that asks a link for members and remembers what it hears (RFC
 * 3376 §6, RFC 3810 §7). Of several on a link the one with the lowest address asks. weft does not
 * forward multicast, so what is remembered serves who looks at it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "wire/group.h"

struct mcast_side;
struct netif;

/* Begins to ask, or stops; what was heard is forgotten. Harmless when it is so already. */
void mcast_querier_start(struct mcast_side *side);
void mcast_querier_stop(struct mcast_side *side);

/* What comes in; each does nothing while we are no querier. */
void mcast_querier_query(struct mcast_side *side, const struct group_query *q,
			 const struct ip_addr *src);
void mcast_querier_record(struct mcast_side *side, struct group_record *rec,
			  struct ip_addr (*next_src)(struct rd *srcs));
void mcast_querier_report_old(struct mcast_side *side, uint8_t level, const struct ip_addr *group);
void mcast_querier_leave_old(struct mcast_side *side, const struct ip_addr *group);

/* A group that somebody on the link wants. */
struct mcast_heard_info {
	struct ip_addr group;
	bool is_exclude;
	uint16_t n_srcs;            /* INCLUDE: wanted; EXCLUDE: refused */
	const struct ip_addr *srcs; /* during the call */
	int64_t expires_ns;         /* EXCLUDE: when, unless somebody reports it */
};
void mcast_querier_each(const struct mcast_side *side,
			void (*fn)(void *arg, const struct mcast_heard_info *info), void *arg);
