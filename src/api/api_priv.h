/* SPDX-License-Identifier: MIT */
/*
 * Between the public, opaque types and the internal ones: most are the same object under another
 * name, converted here and nowhere else.
 */
#pragma once

#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "link/bridge.h"
#include "link/media.h"
#include "weft/netif.h"

static inline struct engine *engine_of(struct weft_engine *eng)
{
	return (struct engine *)(void *)eng;
}

static inline struct weft_engine *weft_engine_of(struct engine *eng)
{
	return (struct weft_engine *)(void *)eng;
}

static inline struct stack *stack_of(struct weft_stack *st)
{
	return (struct stack *)(void *)st;
}

static inline struct weft_stack *weft_stack_of(struct stack *st)
{
	return (struct weft_stack *)(void *)st;
}

static inline struct netif *netif_of(struct weft_netif *nif)
{
	return (struct netif *)(void *)nif;
}

static inline const struct netif *netif_of_const(const struct weft_netif *nif)
{
	return (const struct netif *)(const void *)nif;
}

static inline struct weft_netif *weft_netif_of(struct netif *netif)
{
	return (struct weft_netif *)(void *)netif;
}

static inline struct media *media_of_link(struct weft_link *link)
{
	return (struct media *)(void *)link;
}

static inline const struct media *media_of_link_const(const struct weft_link *link)
{
	return (const struct media *)(const void *)link;
}

static inline struct weft_link *weft_link_of(struct media *m)
{
	return (struct weft_link *)(void *)m;
}

static inline struct bridge *bridge_of(struct weft_bridge *br)
{
	return (struct bridge *)(void *)br;
}

static inline struct weft_bridge *weft_bridge_of(struct bridge *br)
{
	return (struct weft_bridge *)(void *)br;
}
