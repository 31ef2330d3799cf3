/* SPDX-License-Identifier: MIT */
/* Stacks of the public API: builds a host out of its layers. */
#include <errno.h>

#include "api/api_priv.h"
#include "core/sysctl.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "ip/mcast.h"
#include "link/link.h"
#include "link/loopback.h"
#include "socket/packet.h"
#include "transport/intercept.h"
#include "transport/ping.h"
#include "transport/raw.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp.h"
#include "transport/udp.h"
#include "weft/engine.h"

/* From the bottom up: a layer registers with those below it, and goes before them. */
static int (*const api_layers[])(struct stack *st) = {
	link_init, ip4_init,  ip6_init, mcast_init,     sock_table_init, udp_init,
	raw_init,  ping_init, tcp_init, intercept_init, packet_init,
};

static int api_stack_loopback(struct stack *st)
{
	struct netif *lo;
	int err = loopback_new(st, "lo", &lo);

	if (err)
		return err;
	netif_set_up(lo, true);
	return 0;
}

static int api_stack_build(struct stack *st)
{
	for (size_t i = 0; i < ARRAY_SIZE(api_layers); i++) {
		int err = api_layers[i](st);

		if (err)
			return err;
	}
	return api_stack_loopback(st);
}

static struct api_stack *api_stack_api(struct engine *eng)
{
	struct api_stack *api = mem_zalloc(&eng->mem, sizeof(*api));

	if (!api)
		return NULL;
	list_init(&api->hosts);
	list_init(&api->resolves);
	list_init(&api->ip_protos);
	list_init(&api->eth_protos);
	return api;
}

int weft_stack_new(struct weft_engine *handle, const char *name, struct weft_stack **ret)
{
	struct engine *eng = engine_of(handle);
	struct stack *st = stack_new(eng, name);
	int err = -ENOMEM;

	if (!st)
		return -ENOMEM;
	st->api = api_stack_api(eng);
	if (st->api)
		err = api_stack_build(st);
	if (err) {
		weft_stack_free(weft_stack_of(st));
		return err;
	}
	*ret = weft_stack_of(st);
	return 0;
}

void weft_stack_free(struct weft_stack *handle)
{
	struct stack *st = stack_of(handle);
	struct api_stack *api;
	struct engine *eng;

	if (!st)
		return;
	/* The addresses of a shard live on: the peers of its connections are told. */
	if (st->shard)
		tcp_reset_all(st);
	/* Connections that end now are still reported. */
	eng = st->eng;
	api = st->api;
	stack_free(st);
	if (api) {
		api_net_fini(eng, api);
		api_proto_fini(eng, api);
	}
	mem_free(&eng->mem, api, sizeof(*api));
}

struct weft_engine *weft_stack_engine(const struct weft_stack *st)
{
	return weft_engine_of(stack_of_const(st)->eng);
}

const char *weft_stack_name(const struct weft_stack *st)
{
	return stack_of_const(st)->name;
}

int weft_stack_set(struct weft_stack *st, const char *name, int64_t value)
{
	return sysctl_set(stack_of(st), name, value);
}

int weft_stack_set_text(struct weft_stack *st, const char *name, const char *text)
{
	return sysctl_set_text(stack_of(st), name, text);
}

int weft_stack_get_text(const struct weft_stack *st, const char *name, char *ret, size_t size)
{
	return sysctl_get_text((struct stack *)(uintptr_t)stack_of_const(st), name, ret, size);
}

int weft_stack_get(const struct weft_stack *st, const char *name, int64_t *ret)
{
	/* Reading changes nothing; sysctl's `base` functions serve both ways. */
	return sysctl_get((struct stack *)(uintptr_t)stack_of_const(st), name, ret);
}
