/* SPDX-License-Identifier: MIT */
/* The IPv6 part of the public calls for addresses and routes; api_ip.c dispatches by family. */
#pragma once

#include "api/api_priv.h"
#include "ip/fib/route.h"

int api_ip6_addr_put(struct netif *netif, const struct weft_addr *addr, uint8_t prefix_len,
		     const struct weft_addr_how *how) MUST_CHECK;
int api_ip6_addr_del(struct netif *netif, const struct weft_addr *addr,
		     uint8_t prefix_len) MUST_CHECK;
void api_ip6_addrs(struct netif *netif, void (*fn)(void *arg, const struct weft_addr_info *info),
		   void *arg);

/* `type`: enum route_type. */
int api_ip6_route_put(struct stack *st, const struct weft_route *r, uint8_t type,
		      enum weft_route_how how) MUST_CHECK;
int api_ip6_route_del(struct stack *st, const struct weft_route *r, uint8_t type) MUST_CHECK;
/* `type_of`: from enum route_type. */
void api_ip6_routes(struct stack *st, enum weft_route_type (*type_of)(uint8_t type),
		    void (*fn)(void *arg, const struct weft_route_info *info), void *arg);
int api_ip6_route_get(struct stack *st, const struct weft_addr *dst, const struct weft_addr *src,
		      const struct netif *oif, struct weft_route_info *ret) MUST_CHECK;

/* What a route says besides, of both families: -EINVAL, -EPROTONOSUPPORT; and back, to where it is
 * shown. */
int api_route_metrics_of(const struct weft_route *r, struct route_metrics *ret) MUST_CHECK;
void api_route_metrics_show(const struct route_metrics *m, struct weft_route *ret);
