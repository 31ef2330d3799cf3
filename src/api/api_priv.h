/* SPDX-License-Identifier: MIT */
/*
 * Between the public, opaque types and the internal ones: most are the same object under another
 * name, converted here and nowhere else.
 */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/spares.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "link/bridge.h"
#include "link/media.h"
#include "socket/socket.h"
#include "transport/sock.h"
#include "weft/netif.h"
#include "weft/packet.h"
#include "weft/socket.h"
#include "wire/addr.h"

/* Who answers what the stack itself does not know (src/resolve/); asks are its own objects. */
struct api_resolver_ops {
	int (*ask)(void *ctx, const char *name, int family,
		   void (*fn)(void *arg, int err, const struct weft_addr *addrs, size_t n),
		   void *arg, void **ret);
	void (*cancel)(void *ask);
	/* `has_sockets` false: the stack's sockets are gone already. */
	void (*free)(void *ctx, bool has_sockets);
};

/* What an engine keeps for the public API (engine->api). */
struct api_engine {
	void (*trace_fn)(void *arg, const char *line);
	void *trace_arg;
	void (*watch_fn)(void *arg, const struct weft_trace_event *ev);
	void *watch_arg;
	const struct engine *eng;
	struct spares lents, refs; /* of api_zero.c */
};

/* What a stack keeps for the public API (stack->api). */
struct api_stack {
	const struct api_resolver_ops *resolver_ops; /* NULL: there is none */
	void *resolver;
	void (*tcp_end_fn)(void *arg, const struct weft_sock_info *info);
	void *tcp_end_arg;
	struct list hosts;                 /* names that the resolver knows (api_net.c) */
	struct list resolves;              /* questions under way */
	struct list ip_protos, eth_protos; /* the application's (api_proto.c) */
};

/* An address that the application gave, of any family: which are right is socket/'s to say. */
struct sock_name api_sock_name(const struct weft_sockaddr *sa);
/* Frees what api_proto.c keeps, when nothing comes any more. */
void api_proto_fini(struct engine *eng, struct api_stack *api);
/* In place of the one before, which is freed; its questions are answered with -EAGAIN. */
void api_resolver_set(struct stack *st, const struct api_resolver_ops *ops, void *ctx);
/* Zero copy: `lents` and `refs` of an engine. */
void api_zero_init(struct api_engine *api, struct engine *eng);
void api_zero_fini(struct api_engine *api);
/* Ends what api_net.c keeps. */
void api_net_fini(struct engine *eng, struct api_stack *api);

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

static inline const struct engine *engine_of_const(const struct weft_engine *eng)
{
	return (const struct engine *)(const void *)eng;
}

static inline const struct stack *stack_of_const(const struct weft_stack *st)
{
	return (const struct stack *)(const void *)st;
}

/* Every call of a socket goes through here: where the wrong thread is noticed. */
static inline struct sock *sock_of(struct weft_sock *s)
{
	struct sock *sk = (struct sock *)(void *)s;

	engine_check_thread(sk->stack->eng);
	return sk;
}

static inline const struct sock *sock_of_const(const struct weft_sock *s)
{
	const struct sock *sk = (const struct sock *)(const void *)s;

	engine_check_thread(sk->stack->eng);
	return sk;
}

/* IPv4 becomes v4-mapped. 0; -EAFNOSUPPORT: no address of a known family. */
MUST_CHECK static inline int ip_addr_of(const struct weft_addr *addr, struct ip_addr *ret)
{
	struct ip4_addr ip4;

	if (addr->family == WEFT_AF_INET) {
		memcpy(&ip4, addr->bytes, sizeof(ip4));
		*ret = ip_addr_from_ip4(&ip4);
		return 0;
	}
	if (addr->family != WEFT_AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(ret, addr->bytes, sizeof(*ret));
	return 0;
}

/* As an address of `family`: an IPv6 socket shows IPv4 peers as v4-mapped. */
static inline struct weft_addr weft_addr_of(const struct ip_addr *addr, int family)
{
	struct weft_addr ret = {.family = (uint8_t)family};

	if (family == WEFT_AF_INET)
		memcpy(ret.bytes, addr->b + 12, sizeof(struct ip4_addr));
	else if (family == WEFT_AF_INET6 || family == WEFT_AF_PACKET)
		memcpy(ret.bytes, addr, sizeof(*addr));
	return ret;
}

/* The family that an address is of by itself. */
static inline int ip_addr_family(const struct ip_addr *addr)
{
	return ip_addr_is_ip4(addr) ? WEFT_AF_INET : WEFT_AF_INET6;
}

static inline struct weft_sockaddr weft_sockaddr_of(const struct sock_name *name)
{
	return (struct weft_sockaddr){
		.addr = weft_addr_of(&name->addr, name->family),
		.port = name->port,
		.scope_id = name->ifindex,
	};
}

/* A whole decimal number without sign or superfluous zeros; -EINVAL also when it is above `max`. */
int api_number_parse(const char *text, uint32_t max, uint32_t *ret) MUST_CHECK;
