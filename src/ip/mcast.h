/* SPDX-License-Identifier: MIT */
/*
 * Groups: which ones each interface receives, for whom, and what the routers on the link are told
 * (RFC 1112, 2236, 3376 for IPv4; 2710, 3810 for IPv6). Both families share everything but their
 * messages, which struct mcast_ops sends.
 *
 *	sockets --> mcast_join, mcast_leave (mcast.c): what does the interface want now?
 *	            --> mcast_host_changed (mcast_host.c): tell the routers
 *	igmp_input (igmp.c) --> mcast_host_query (mcast_host.c): answer a router
 *	                    --> mcast_querier_* (mcast_querier.c): be one
 *
 * How it works
 * - A member is one socket's wish: a group on an interface, and a filter (INCLUDE or EXCLUDE a list
 *   of sources; a join without sources is EXCLUDE nothing). An interface's reception state for a
 *   group follows from those of its members as RFC 3376 §3.2 says: EXCLUDE if one of them does,
 *   then with the sources that all of these exclude and none of the others includes; else INCLUDE
 *   the union.
 * - A change of that state is reported at once and repeated (robustness variable - 1) times within
 *   a second each. A query is answered after a random delay. What is to be said is worked out when
 *   it is said, so that it is true then.
 * - While a querier of an older version is on the link, the side speaks that version (RFC 3376 §7).
 *
 * Bounds: MCAST_GROUPS_MAX groups of an interface and family; a reception state of more than
 * MCAST_SRCS_MAX sources becomes EXCLUDE nothing (sockets filter again, so nobody gets what he does
 * not want); sockets have their own bounds. A querier remembers MCAST_HEARD_MAX groups of a link.
 *
 * Invariants: a group is on its side's list and in one bucket; it lives while it has members or
 * something left to report.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/wheel.h"
#include "core/stack.h"
#include "wire/addr.h"
#include "wire/group.h"

enum {
	MCAST_GROUPS_MAX = 4096,
	MCAST_SRCS_MAX = 64,
	MCAST_ASKED_MAX = 64, /* sources that a query asks about; more: all of them */
	MCAST_HEARD_MAX = 1024,
	MCAST_BUCKETS = 32,
};

struct mcast_side;
struct mcast_querier;

/* A filter on sources. Lists are sorted. */
struct mcast_filter {
	bool is_exclude;
	uint16_t n_srcs;
	struct ip_addr *srcs; /* NULL: none */
};

/* A source whose change of state is still to be reported. */
struct mcast_change {
	struct ip_addr src;
	uint8_t n_left;
	bool is_allow;
};

struct mcast_group {
	struct list link;         /* mcast_side->groups, in order of joining */
	struct hlist_node bucket; /* mcast_side->buckets */
	struct mcast_side *side;
	struct ip_addr addr;
	struct list members; /* struct mcast_member */
	struct mcast_filter state;
	/* level 3 */
	uint8_t n_mode_left; /* reports of a change of mode still to be sent */
	uint8_t n_changes;
	struct mcast_change *changes; /* 2 * MCAST_SRCS_MAX of them; NULL: none */
	uint8_t n_asked;              /* sources that the pending answer is about; 0: all */
	struct ip_addr *asked;        /* MCAST_ASKED_MAX of them; NULL: none */
	/* levels 1 and 2 */
	uint8_t n_unsolicited_left;
	bool is_ours;             /* we sent the last report: leaving it is to be told */
	struct wheel_timer timer; /* the answer to a query; or an unsolicited report */
};

/* One family on an interface. */
struct mcast_side {
	struct netif *netif;
	const struct mcast_ops *ops;
	struct list groups;
	struct hlist buckets[MCAST_BUCKETS];
	uint32_t n_groups;
	bool was_running;
	uint64_t n_random; /* delays chosen so far */
	/* as queriers say */
	uint8_t robustness;
	uint32_t interval_s;
	int64_t older_until_ns[GROUP_LEVEL_3]; /* a querier of this level is there until then */
	uint32_t max_resp_ms;                  /* of its last query */
	struct wheel_timer change_timer;       /* reports changes of state */
	struct wheel_timer general_timer;      /* answers a general query */
	struct mcast_querier *querier;         /* NULL: we are none */
};

/* What an interface has. */
struct mcast_if {
	struct mcast_side side[2]; /* IPv4, IPv6 */
	struct list own;           /* struct mcast_member: what follows from its addresses */
};

/* What a protocol does for a side. */
struct mcast_ops {
	uint8_t addr_len;       /* of a source in a message */
	uint8_t record_hdr_len; /* of a record without sources */
	uint8_t overhead;       /* bytes of a report without records, from the IP header on */
	struct ip_addr all_systems;
	/* Which groups nobody needs to be told of. */
	bool (*is_silent)(const struct ip_addr *group);
	/* The interface's address that messages come from; false: it has none. */
	bool (*source)(const struct netif *netif, struct ip_addr *ret);
	void (*report)(struct netif *netif, const struct group_record_out *recs, uint16_t n_recs);
	/* Reports and leaves of older levels. */
	void (*report_old)(struct netif *netif, uint8_t level, const struct ip_addr *group);
	void (*leave_old)(struct netif *netif, uint8_t level, const struct ip_addr *group);
	/* `rec` has the sources, if any. */
	void (*query)(struct netif *netif, const struct group_query *q,
		      const struct group_record_out *rec);
};

struct mcast_conf {
	uint32_t max_memberships;      /* net.ipv4.igmp_max_memberships: groups of a socket */
	uint32_t max_msf;              /* net.ipv4.igmp_max_msf: sources of a socket's group */
	uint8_t force_igmp, force_mld; /* versions to speak; 0: that of queriers */
	uint8_t robustness;            /* net.ipv4.igmp_qrv */
	bool querier; /* net.ipv4.igmp_querier: ask, and listen to what comes back */
	uint32_t query_interval_s;
	uint32_t query_response_ms;
};

/* Of a stack. */
struct mcast {
	struct mcast_conf conf;
	struct pktq loopq; /* copies of what was sent to groups that are ours too */
	struct engine_work loop_work;
	struct stack *st;
};

/* A socket's membership; the owner's memory. All zero: of nothing. */
struct mcast_member {
	struct list link;          /* the owner's */
	struct list group_link;    /* mcast_group->members */
	struct mcast_group *group; /* NULL: not joined, or the interface has gone */
	struct ip_addr addr;
	uint32_t ifindex;
	struct mcast_filter filter;
};

/* The layer: st->mcast, netif->mcast, settings. After ip4_init(). 0 or -Exxx. */
int mcast_init(struct stack *st) MUST_CHECK;
/* A family's protocol registers its messages with every interface that comes from now on. */
struct mcast_side *mcast_side_of(const struct netif *netif, const struct ip_addr *group);

/* Makes `m` (addr and filter set) a member on `netif`. 0; -ENOBUFS: too many groups; -ENOMEM. */
int mcast_join(struct netif *netif, struct mcast_member *m) MUST_CHECK;
/* Undoes it; nothing if it has none. Its filter stays the owner's. */
void mcast_leave(struct mcast_member *m);
/* The filter of `m` has changed. */
void mcast_changed(struct mcast_member *m);
/* The filter lets `src` through. */
bool mcast_filter_takes(const struct mcast_filter *f, const struct ip_addr *src);
/* Adds or takes away a source, keeping the order. -EEXIST, -ENOENT, -ENOMEM. */
int mcast_filter_add(struct stack *st, struct mcast_filter *f,
		     const struct ip_addr *src) MUST_CHECK;
int mcast_filter_del(struct stack *st, struct mcast_filter *f,
		     const struct ip_addr *src) MUST_CHECK;
void mcast_filter_fini(struct stack *st, struct mcast_filter *f);

/* Somebody on this interface wants what `src` sends to `group`. */
bool mcast_accepts(const struct netif *netif, const struct ip_addr *group,
		   const struct ip_addr *src);
/* Somebody on this interface has joined `group`. */
bool mcast_is_joined(const struct netif *netif, const struct ip_addr *group);
/* A copy of a packet that leaves by `netif` comes in again later, as if it had come from there, for
 * our own sockets. `data` at the IP header; stays the caller's. */
void mcast_loop(struct netif *netif, struct pkt *pkt);

struct mcast_group *mcast_group_find(const struct mcast_side *side, const struct ip_addr *addr);
/* Frees a group for which nothing is left to do. */
void mcast_group_put(struct mcast_group *g);

/* mcast_host.c: what routers are told */

void mcast_host_init(struct mcast_side *side);
void mcast_host_fini(struct mcast_side *side);
/* The reception state of `g` was `old` until now. */
void mcast_host_changed(struct mcast_group *g, const struct mcast_filter *old);
/* The interface runs again: everything is told anew. */
void mcast_host_restart(struct mcast_side *side);
void mcast_host_group_init(struct mcast_group *g);
/* A group goes: forgets what was to be said. */
void mcast_host_forget(struct mcast_group *g);
/* A query; `next_src` reads its sources. */
void mcast_host_query(struct mcast_side *side, const struct group_query *q,
		      struct ip_addr (*next_src)(struct rd *srcs));
/* Another host reported the group in an older version, so we need not. */
void mcast_host_heard(struct mcast_side *side, const struct ip_addr *group);
/* The level that settings force; GROUP_LEVEL_3 + 1: none. */
uint8_t mcast_level_forced(const struct mcast_side *side);
/* Which version is spoken: enum group_level. */
uint8_t mcast_host_level(const struct mcast_side *side);

/* igmp.c */
extern const struct mcast_ops igmp_ops;
int igmp_init(struct stack *st) MUST_CHECK;
