/* SPDX-License-Identifier: MIT */
/* What ping and traceroute share; the contract is in rpc_tool.h. */
#include "lab/rpc_tool.h"

#include <errno.h>
#include <string.h>

#include "lab/names.h"
#include "weft/mcast.h"

int64_t rpc_tool_wall_ns(const struct lab *lab)
{
	return lab->start_epoch_ns + (weft_engine_now_ns(lab->eng) - lab->start_ns);
}

json_t *rpc_tool_addr_json(const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];

	return json_string(weft_addr_print(addr, text, sizeof(text)));
}

static bool is_link_local6(const struct weft_addr *addr)
{
	return addr->family == WEFT_AF_INET6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

/* Means something on one link only: link-local addresses, groups of that scope. */
static bool is_of_link(const struct weft_addr *addr)
{
	return is_link_local6(addr) || (addr->family == WEFT_AF_INET6 && addr->bytes[0] == 0xff &&
					(addr->bytes[1] & 0xf) <= 2);
}

json_t *rpc_tool_host_json(const struct lab_node *node, const struct weft_addr *addr,
			   uint32_t scope_id)
{
	char text[WEFT_SOCKADDR_STRLEN];
	bool is_scoped = is_of_link(addr) && scope_id && node->stack;
	const char *name = is_of_link(addr) ? NULL : lab_name_of(node, addr);
	json_t *host;

	if (is_scoped)
		weft_addr_print_scoped(node->stack, addr, scope_id, text, sizeof(text));
	else
		weft_addr_print(addr, text, sizeof(text));
	host = json_pack("{s:s}", "addr", text);

	if (name)
		json_object_set_new(host, "name", json_string(name));
	return host;
}

/* What `family` says, or the family of `source`. False: refused. */
static bool family_read(struct rpc_call *call, int *ret_family, struct weft_addr *ret_src, int *ret)
{
	const char *family = rpc_call_string(call, "family", "");
	const char *src = rpc_call_string(call, "source", NULL);

	*ret_family = WEFT_AF_UNSPEC;
	if (!strcmp(family, "inet"))
		*ret_family = WEFT_AF_INET;
	else if (!strcmp(family, "inet6"))
		*ret_family = WEFT_AF_INET6;
	else if (family[0]) {
		*ret = rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`family` must be inet or inet6; not `%s`", family);
		return false;
	}
	if (!src)
		return true;
	if (weft_addr_parse(src, ret_src) < 0 ||
	    (*ret_family != WEFT_AF_UNSPEC && *ret_family != ret_src->family)) {
		*ret = rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`source` must be an %s address, such as %s; not `%s`",
				*ret_family == WEFT_AF_INET6  ? "IPv6"
				: *ret_family == WEFT_AF_INET ? "IPv4"
							      : "IP",
				*ret_family == WEFT_AF_INET6 ? "2001:db8::1" : "10.0.0.1", src);
		return false;
	}
	*ret_family = ret_src->family;
	return true;
}

static bool host_find(struct rpc_call *call, struct rpc_tool_route *route, int family, int *ret)
{
	const char *host = rpc_call_string(call, "host", "");
	int err = weft_addr_parse_scoped(route->node->stack, host, &route->dst, &route->scope_id);
	const char *near;
	int n;

	if (!err && (family == WEFT_AF_UNSPEC || family == route->dst.family))
		return true;
	if (err == -ENODEV) {
		*ret = rpc_fail(call, RPC_FAILED, err, "%s: No such device", host);
		return false;
	}
	n = err ? lab_name_lookup(route->node, host, family, &route->dst, 1) : -EADDRNOTAVAIL;
	if (n > 0)
		return true;
	if (n == -EADDRNOTAVAIL) {
		*ret = rpc_fail(call, RPC_FAILED, n, "%s: no %s address", host,
				family == WEFT_AF_INET6  ? "IPv6"
				: family == WEFT_AF_INET ? "IPv4"
							 : "IP");
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

/* The interface that was asked for: by `dev`, or behind the address. */
static bool dev_find(struct rpc_call *call, const struct rpc_tool_route *route,
		     struct weft_netif **ret_dev, int *ret)
{
	const char *dev = rpc_call_string(call, "dev", NULL);
	struct weft_netif *nif = dev ? weft_netif_find(route->node->stack, dev) : NULL;

	if (dev && !nif) {
		*ret = rpc_fail(call, RPC_FAILED, -ENODEV, "SO_BINDTODEVICE %s: No such device",
				dev);
		return false;
	}
	if (dev && route->scope_id && weft_netif_index(nif) != route->scope_id) {
		*ret = rpc_fail(call, RPC_FAILED, -EINVAL, "connect: %s", strerror(EINVAL));
		return false;
	}
	while (!dev && route->scope_id) {
		nif = weft_netif_next(route->node->stack, nif);
		if (weft_netif_index(nif) == route->scope_id)
			break;
	}
	*ret_dev = nif;
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
	int err, family;

	*route = (struct rpc_tool_route){.node = rpc_call_node(call, "node"),
					 .dev = rpc_call_string(call, "dev", NULL)};
	if (route->node->file->kind != LABFILE_WEFT) {
		*ret = rpc_fail_kind(call, route->node, "weft nodes");
		return false;
	}
	st = route->node->stack;
	if (!family_read(call, &family, &src, ret) || !host_find(call, route, family, ret) ||
	    !dev_find(call, route, &dev, ret))
		return false;
	if (src.family != WEFT_AF_UNSPEC) {
		weft_addrs(st, own_addr_see, &own);
		if (!own.is_own) {
			*ret = rpc_fail(call, RPC_FAILED, -EADDRNOTAVAIL, "bind: %s",
					strerror(EADDRNOTAVAIL));
			return false;
		}
	}
	if (is_link_local6(&route->dst) && !dev) { /* on which link? */
		*ret = rpc_fail(call, RPC_FAILED, -EINVAL, "connect: %s", strerror(EINVAL));
		return false;
	}
	err = weft_route_get(st, &route->dst, src.family != WEFT_AF_UNSPEC ? &src : NULL, dev,
			     &info);
	if (err) {
		*ret = rpc_fail(call, RPC_FAILED, err, "connect: %s", strerror(-err));
		return false;
	}
	route->src = info.route.src;
	if (is_of_link(&route->dst) || is_link_local6(&route->src))
		route->scope_id = weft_netif_index(dev ? dev : info.route.dev);
	route->type = info.route.type;
	return true;
}

/* ---- sockets ----------------------------------------------------------------------------- */

static int sock_set(struct weft_sock *sock, int level, int name, int value)
{
	return weft_setsockopt(sock, level, name, &value, sizeof(value));
}

int rpc_tool_sock_ttl(struct weft_sock *sock, const struct weft_addr *dst, int ttl)
{
	int err;

	if (dst->family == WEFT_AF_INET)
		return sock_set(sock, WEFT_IPPROTO_IP, WEFT_IP_TTL, ttl);
	err = sock_set(sock, WEFT_IPPROTO_IPV6, WEFT_IPV6_UNICAST_HOPS, ttl);
	return err ? err : sock_set(sock, WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_HOPS, ttl);
}

int rpc_tool_sock_open(const struct rpc_tool_route *route, bool is_udp, int tos,
		       struct weft_sock **ret)
{
	struct weft_sockaddr local = {.addr = route->src};
	bool is_ip6 = route->dst.family == WEFT_AF_INET6;
	int icmp = is_ip6 ? WEFT_IPPROTO_ICMPV6 : WEFT_IPPROTO_ICMP;
	int err = weft_socket(route->node->stack, route->dst.family,
			      is_udp ? WEFT_SOCK_DGRAM : WEFT_SOCK_RAW, is_udp ? 0 : icmp, ret);

	if (local.addr.family == WEFT_AF_UNSPEC)
		local.addr.family = route->dst.family;
	if (is_link_local6(&route->src))
		local.scope_id = route->scope_id;
	if (!err && route->dev)
		err = weft_setsockopt(*ret, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, route->dev,
				      strlen(route->dev));
	if (!err)
		err = is_ip6 ? sock_set(*ret, WEFT_IPPROTO_IPV6, WEFT_IPV6_TCLASS, tos)
			     : sock_set(*ret, WEFT_IPPROTO_IP, WEFT_IP_TOS, tos);
	if (!err && is_ip6 && !is_udp)
		err = sock_set(*ret, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVHOPLIMIT, 1);
	if (!err)
		err = weft_bind(*ret, &local);
	return err;
}

void rpc_tool_echo_fill(const struct weft_addr *dst, uint8_t *message, size_t len, uint16_t id,
			uint16_t seq)
{
	if (dst->family == WEFT_AF_INET6)
		icmp6_echo_fill(message, id, seq);
	else
		icmp_echo_fill(message, len, id, seq);
}

static uint8_t hop_limit_of(const struct weft_msghdr *msg)
{
	struct weft_cmsghdr *c = NULL;
	int hops = 0;

	while ((c = weft_cmsg_next(msg, c))) {
		if (c->level == WEFT_IPPROTO_IPV6 && c->type == WEFT_IPV6_HOPLIMIT)
			memcpy(&hops, weft_cmsg_data(c), sizeof(hops));
	}
	return (uint8_t)hops;
}

static int icmp6_recv(struct weft_sock *sock, struct icmp_seen *ret)
{
	_Alignas(8) char control[64];
	uint8_t buf[IP_QUOTED_MAX];
	struct weft_iovec iov = {buf, sizeof(buf)};
	struct weft_sockaddr from;
	struct weft_msghdr msg = {.name = &from,
				  .iov = &iov,
				  .n_iov = 1,
				  .control = control,
				  .control_len = sizeof(control)};
	ptrdiff_t n = weft_recvmsg(sock, &msg, WEFT_MSG_TRUNC);
	size_t len = n > (ptrdiff_t)sizeof(buf) ? sizeof(buf) : (size_t)n;
	int err;

	if (n < 0)
		return (int)n;
	*ret = (struct icmp_seen){
		.from = from.addr, .scope_id = from.scope_id, .ttl = hop_limit_of(&msg)};
	err = icmp6_seen_parse(buf, len, ret);
	ret->icmp_len += (size_t)n - len;
	return err;
}

static int icmp4_recv(struct weft_sock *sock, struct icmp_seen *ret)
{
	uint8_t buf[IP_QUOTED_MAX];
	ptrdiff_t n = weft_recv(sock, buf, sizeof(buf), WEFT_MSG_TRUNC);
	size_t len = n > (ptrdiff_t)sizeof(buf) ? sizeof(buf) : (size_t)n;
	int err;

	if (n < 0)
		return (int)n;
	*ret = (struct icmp_seen){.ttl = 0};
	err = icmp_seen_parse(buf, len, ret);
	ret->icmp_len += (size_t)n - len;
	return err;
}

int rpc_tool_icmp_recv(struct weft_sock *sock, const struct weft_addr *dst, struct icmp_seen *ret)
{
	return dst->family == WEFT_AF_INET6 ? icmp6_recv(sock, ret) : icmp4_recv(sock, ret);
}
