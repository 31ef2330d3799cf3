/* SPDX-License-Identifier: MIT */
/*
 * Hook points: where filters, connection tracking and address translation look at IP packets.
 *
 *	netif -> PREROUTING -> route -> FORWARD ----> POSTROUTING -> netif
 *	                         |                        ^
 *	                       INPUT -> transport -> route -> OUTPUT
 *
 * Each point has a list of functions, called in order of priority until one does not accept. An
 * empty list costs one load and one branch that is always predicted.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/list.h"
#include "pkt/pkt.h"

struct stack;
struct netif;

enum ip_hook_point {
	IP_HOOK_PREROUTING,
	IP_HOOK_INPUT,
	IP_HOOK_FORWARD,
	IP_HOOK_OUTPUT,
	IP_HOOK_POSTROUTING,
	IP_HOOK_POINTS,
};

enum ip_verdict {
	IP_ACCEPT, /* go on with the next function */
	IP_DROP,   /* `why` of the context says why; the packet is as it came */
	IP_STOLEN, /* the function owns the packet now */
};

/* Where a packet is. `data` is at the network header, l3_off set. */
struct ip_hook_ctx {
	struct stack *st;
	enum ip_hook_point point;
	struct netif *in;  /* NULL: made here */
	struct netif *out; /* NULL before routing and on the way in */
	bool is_ip6;
	enum drop why; /* set by a function that says IP_DROP */
};

struct ip_hook {
	struct list link;
	int priority; /* lower is called first; equal: in order of adding */
	/* May change the packet, with pkt_make_writable(), when it accepts. */
	enum ip_verdict (*fn)(struct ip_hook *hook, struct pkt *pkt, struct ip_hook_ctx *ctx);
};

struct ip_hooks {
	struct list points[IP_HOOK_POINTS]; /* struct ip_hook */
};

void ip_hooks_init(struct ip_hooks *hooks);
/* `hook` is borrowed and on no list. */
void ip_hook_add(struct ip_hooks *hooks, enum ip_hook_point point, struct ip_hook *hook);
void ip_hook_del(struct ip_hook *hook);

/* Calls the functions of ctx->point. */
enum ip_verdict ip_hooks_call(const struct ip_hooks *hooks, struct pkt *pkt,
			      struct ip_hook_ctx *ctx) MUST_CHECK;

static inline bool ip_hooks_empty(const struct ip_hooks *hooks, enum ip_hook_point point)
{
	return likely(list_is_empty(&hooks->points[point]));
}
