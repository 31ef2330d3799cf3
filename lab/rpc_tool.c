/* SPDX-License-Identifier: MIT */
/* What ping and traceroute share; the contract is in rpc_tool.h. */
#include "lab/rpc_tool.h"

#include <errno.h>
#include <string.h>

#include "lab/names.h"

int64_t rpc_tool_wall_ns(const struct lab *lab)
{
	return lab->start_epoch_ns + (weft_engine_now_ns(lab->eng) - lab->start_ns);
}

json_t *rpc_tool_addr_json(const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];

	return json_string(weft_addr_print(addr, text, sizeof(text)));
}

json_t *rpc_tool_host_json(const struct lab_node *node, const struct weft_addr *addr)
{
	const char *name = lab_name_of(node, addr);
	json_t *host = json_pack("{s:o}", "addr", rpc_tool_addr_json(addr));

	if (name)
		json_object_set_new(host, "name", json_string(name));
	return host;
}

static bool host_find(struct rpc_call *call, struct rpc_tool_route *route, int *ret)
{
	const char *host = rpc_call_string(call, "host", "");
	int n = lab_name_lookup(route->node, host, WEFT_AF_INET, &route->dst, 1);
	const char *near;

	if (n > 0)
		return true;
	if (n == -EADDRNOTAVAIL) {
		*ret = rpc_fail(call, RPC_FAILED, n, "%s: no IPv4 address", host);
		return false;
	}
	near = lab_name_suggest(route->node, host);
	if (near)
		*ret = rpc_fail(call, RPC_FAILED, n,
				"%s: Name or service not known; did you mean %s?", host, near);
	else
		*ret = rpc_fail(call, RPC_FAILED, n, "%s: Name or service not known", host);
	return false;
}

/* The source address and interface that were asked for. */
static bool from_find(struct rpc_call *call, struct weft_stack *st, struct weft_addr *ret_src,
		      struct weft_netif **ret_dev, int *ret)
{
	const char *src = rpc_call_string(call, "source", NULL);
	const char *dev = rpc_call_string(call, "dev", NULL);

	if (src && (weft_addr_parse(src, ret_src) < 0 || ret_src->family != WEFT_AF_INET)) {
		*ret = rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`source` must be an IPv4 address, such as 10.0.0.1; not `%s`",
				src);
		return false;
	}
	*ret_dev = dev ? weft_netif_find(st, dev) : NULL;
	if (dev && !*ret_dev) {
		*ret = rpc_fail(call, RPC_FAILED, -ENODEV, "SO_BINDTODEVICE %s: No such device",
				dev);
		return false;
	}
	return true;
}

struct own_addr {
	const struct weft_addr *addr;
	bool is_own;
};

static void own_addr_see(void *arg, const struct weft_addr_info *info)
{
	struct own_addr *own = arg;

	own->is_own = own->is_own || memcmp(&info->addr, own->addr, sizeof(*own->addr)) == 0;
}

bool rpc_tool_route(struct rpc_call *call, struct rpc_tool_route *route, int *ret)
{
	struct weft_addr src = {.family = WEFT_AF_UNSPEC};
	struct weft_netif *dev = NULL;
	struct weft_route_info info;
	struct own_addr own = {&src, false};
	struct weft_stack *st;
	int err;

	*route = (struct rpc_tool_route){.node = rpc_call_node(call, "node"),
					 .dev = rpc_call_string(call, "dev", NULL)};
	if (route->node->file->kind != LABFILE_WEFT) {
		*ret = rpc_fail_kind(call, route->node, "weft nodes");
		return false;
	}
	st = route->node->stack;
	if (!host_find(call, route, ret) || !from_find(call, st, &src, &dev, ret))
		return false;
	if (src.family != WEFT_AF_UNSPEC) {
		weft_addrs(st, own_addr_see, &own);
		if (!own.is_own) {
			*ret = rpc_fail(call, RPC_FAILED, -EADDRNOTAVAIL, "bind: %s",
					strerror(EADDRNOTAVAIL));
			return false;
		}
	}
	err = weft_route_get(st, &route->dst, src.family != WEFT_AF_UNSPEC ? &src : NULL, dev,
			     &info);
	if (err) {
		*ret = rpc_fail(call, RPC_FAILED, err, "connect: %s", strerror(-err));
		return false;
	}
	route->src = info.route.src;
	route->type = info.route.type;
	return true;
}
