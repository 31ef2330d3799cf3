/* SPDX-License-Identifier: MIT */
/*
 * Methods that change interfaces, addresses, routes and neighbours of weft nodes. Refusals that the
 * kernel explains in words of its own end with a full stop and use those words, so that `weft ip`
 * prints them as ip does.
 */
#include <errno.h>
#include <string.h>

#include "lab/addr.h"
#include "lab/rpc_ip.h"

/* The index of a word in a list that ends with NULL, or -1. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

/* Ends a call that does one thing. */
static int done(struct rpc_call *call, int err, const char *what)
{
	return err ? rpc_fail_errno(call, err, what) : rpc_reply(call, json_null());
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* `node`, `dev` and `address`. 0, or what the method returns; *ret_nif is NULL then. */
static int addr_args(struct rpc_call *call, struct weft_netif **ret_nif, struct weft_addr *ret_addr,
		     uint8_t *ret_len)
{
	struct weft_netif *nif;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	*ret_nif = NULL;
	if (!st)
		return ret;
	nif = rpc_ip_dev(call, st, &ret);
	if (!nif)
		return ret;
	if (rpc_ip_addr(call, "address", ret_addr, ret_len, &ret))
		*ret_nif = nif;
	return ret;
}

int rpc_ip_addr_add(struct rpc_call *call)
{
	struct weft_netif *nif;
	struct weft_addr addr;
	uint8_t len;
	struct weft_addr_how how = {
		.dad = !rpc_call_boolean(call, "nodad", false),
		.no_prefix_route = rpc_call_boolean(call, "noprefixroute", false),
	};
	int64_t valid_s = rpc_call_integer(call, "valid_lft", UINT32_MAX);
	int64_t preferred_s = rpc_call_integer(call, "preferred_lft", valid_s);
	int err = addr_args(call, &nif, &addr, &len);

	if (!nif)
		return err;
	if (!valid_s)
		return rpc_fail_errno(call, -EINVAL, "the address cannot be added");
	if (valid_s != UINT32_MAX || preferred_s != UINT32_MAX) {
		how.valid_s = (uint32_t)valid_s;
		how.preferred_s = (uint32_t)preferred_s;
	}
	err = weft_addr_put(nif, &addr, len, &how);
	if (err == -EEXIST)
		return rpc_fail(call, RPC_FAILED, err, "ipv4: Address already assigned.");
	return done(call, err, "the address cannot be added");
}

int rpc_ip_addr_del(struct rpc_call *call)
{
	struct weft_netif *nif;
	struct weft_addr addr;
	uint8_t len;
	int err = addr_args(call, &nif, &addr, &len);

	if (!nif)
		return err;
	err = weft_addr_del(nif, &addr, len);
	if (err == -EADDRNOTAVAIL)
		return rpc_fail(call, RPC_FAILED, err, "ipv4: Address not found.");
	return done(call, err, "the address cannot be deleted");
}

/* ---- interfaces ---------------------------------------------------------------------------- */

static int gro_set(struct weft_netif *nif, bool on)
{
	uint32_t allowed;

	(void)weft_netif_offloads(nif, &allowed);
	return weft_netif_set_offloads(nif, on ? allowed | WEFT_OFFLOAD_GRO
					       : allowed & ~(uint32_t)WEFT_OFFLOAD_GRO);
}

int rpc_ip_link_set(struct rpc_call *call)
{
	const char *text = rpc_call_string(call, "address", NULL);
	int64_t mtu = rpc_call_integer(call, "mtu", -1);
	int64_t clamp = rpc_call_integer(call, "mss_clamp", -1);
	struct weft_netif_info info;
	struct lab_mac mac = {0};
	struct weft_netif *nif;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	nif = st ? rpc_ip_dev(call, st, &ret) : NULL;
	if (!nif)
		return ret;
	if (text && lab_mac_parse(text, &mac))
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`address` must be a MAC address, such as 02:00:00:00:00:01; not "
				"`%s`",
				text);
	weft_netif_info(nif, &info);
	if (text && ((mac.bytes[0] & 1) || (info.flags & WEFT_IFF_LOOPBACK)))
		return rpc_fail_errno(call, mac.bytes[0] & 1 ? -EADDRNOTAVAIL : -EOPNOTSUPP,
				      "the address cannot be set");
	if (mtu >= 0 && mtu < info.min_mtu)
		return rpc_fail(call, RPC_FAILED, -EINVAL, "mtu less than device minimum.");
	if (mtu >= 0 && mtu > info.max_mtu)
		return rpc_fail(call, RPC_FAILED, -EINVAL, "mtu greater than device maximum.");
	if (mtu >= 0)
		ret = weft_netif_set_mtu(nif, (uint32_t)mtu);
	if (!ret && clamp >= 0)
		ret = weft_netif_set_mss_clamp(nif, (uint32_t)clamp);
	if (!ret && json_object_get(rpc_call_params(call), "gro"))
		ret = gro_set(nif, rpc_call_boolean(call, "gro", false));
	if (!ret && text)
		weft_netif_set_mac(nif, mac.bytes);
	if (!ret && json_object_get(rpc_call_params(call), "up"))
		weft_netif_set_up(nif, rpc_call_boolean(call, "up", false));
	return done(call, ret, "that cannot be set");
}

/* ---- routes -------------------------------------------------------------------------------- */

static const char *const route_types[] = {"unicast", "unreachable", "blackhole", "prohibit", NULL};
static const char *const route_modes[] = {"add", "replace", "change", "append", NULL};

/* What the parameters say. False: *ret is what the method returns. */
static bool route_args(struct rpc_call *call, struct weft_route *r, struct weft_stack **ret_st,
		       int *ret)
{
	struct weft_stack *st = rpc_ip_stack(call, ret);
	int type;

	if (!st)
		return false;
	*r = (struct weft_route){.metric = (uint32_t)rpc_call_integer(call, "metric", 0),
				 .proto = (uint8_t)rpc_call_integer(call, "protocol", 0),
				 .mtu = (uint32_t)rpc_call_integer(call, "mtu", 0),
				 .initcwnd = (uint32_t)rpc_call_integer(call, "initcwnd", 0),
				 .ecn = rpc_call_boolean(call, "ecn", false)};
	/* One that is too long is none. */
	(void)snprintf(r->congctl, sizeof(r->congctl), "%s", rpc_call_string(call, "congctl", ""));
	type = word_index(rpc_call_string(call, "type", "unicast"), route_types);
	if (type < 0) {
		*ret = rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`type` must be unicast, unreachable, blackhole or prohibit; not "
				"`%s`",
				rpc_call_string(call, "type", ""));
		return false;
	}
	r->type = (enum weft_route_type)type; /* the first four are those */
	if (!rpc_ip_addr(call, "dst", &r->dst, &r->prefix_len, ret) ||
	    !rpc_ip_addr(call, "via", &r->via, NULL, ret) ||
	    !rpc_ip_addr(call, "src", &r->src, NULL, ret))
		return false;
	/* `default` is of its gateway's family. */
	if (r->prefix_len == 0 && r->via.family != WEFT_AF_UNSPEC)
		r->dst.family = r->via.family;
	if (rpc_call_string(call, "dev", NULL)) {
		r->dev = rpc_ip_dev(call, st, ret);
		if (!r->dev)
			return false;
	}
	*ret_st = st;
	return true;
}

static bool has_host_bits(const struct weft_addr *a, uint8_t len)
{
	size_t n_bits = a->family == WEFT_AF_INET ? 32 : 128;

	for (size_t bit = len; bit < n_bits; bit++)
		if (a->bytes[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

int rpc_ip_route_add(struct rpc_call *call)
{
	int mode = word_index(rpc_call_string(call, "mode", "add"), route_modes);
	struct weft_stack *st;
	struct weft_route r;
	int ret = 0, err;

	if (mode < 0)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`mode` must be add, replace, change or append; not `%s`",
				rpc_call_string(call, "mode", ""));
	if (!route_args(call, &r, &st, &ret))
		return ret;
	if (has_host_bits(&r.dst, r.prefix_len))
		return rpc_fail(call, RPC_FAILED, -EINVAL,
				"Invalid prefix for given prefix length.");
	if (r.type == WEFT_ROUTE_UNICAST && !r.dev && r.via.family == WEFT_AF_UNSPEC)
		return rpc_fail_errno(call, -ENODEV, "neither gateway nor interface");
	/* The words are in the order of enum weft_route_how. */
	err = weft_route_put(st, &r, (enum weft_route_how)mode);
	if (err == -EPROTONOSUPPORT)
		return rpc_fail(call, RPC_FAILED, err, "Unknown tcp congestion algorithm.");
	if (err == -ENETUNREACH || (err == -EINVAL && r.via.family != WEFT_AF_UNSPEC))
		return rpc_fail(call, RPC_FAILED, err, "Nexthop has invalid gateway.");
	if (err == -EINVAL && r.src.family != WEFT_AF_UNSPEC)
		return rpc_fail(call, RPC_FAILED, err, "Invalid prefsrc address.");
	return done(call, err, "the route cannot be added");
}

int rpc_ip_route_del(struct rpc_call *call)
{
	bool any_type = !rpc_call_string(call, "type", NULL);
	struct weft_stack *st;
	struct weft_route r;
	int ret = 0, err;

	if (!route_args(call, &r, &st, &ret))
		return ret;
	if (has_host_bits(&r.dst, r.prefix_len))
		return rpc_fail(call, RPC_FAILED, -EINVAL,
				"Invalid prefix for given prefix length.");
	err = weft_route_del(st, &r);
	for (int type = 1; any_type && err == -ESRCH && route_types[type]; type++) {
		r.type = (enum weft_route_type)type;
		err = weft_route_del(st, &r);
	}
	return done(call, err, "the route cannot be deleted");
}

/* ---- neighbours ---------------------------------------------------------------------------- */

struct neigh_search {
	struct weft_netif *nif;
	struct weft_addr addr;
	bool is_found;
};

static void neigh_compare(void *arg, const struct weft_neigh_info *info)
{
	struct neigh_search *s = arg;

	if (info->dev == s->nif && memcmp(&info->addr, &s->addr, sizeof(s->addr)) == 0)
		s->is_found = true;
}

/* `node`, `dev` and `dst`. 0, or what the method returns; s->nif is NULL then. */
static int neigh_args(struct rpc_call *call, struct neigh_search *s)
{
	struct weft_netif *nif;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	*s = (struct neigh_search){0};
	if (!st)
		return ret;
	nif = rpc_ip_dev(call, st, &ret);
	if (!nif)
		return ret;
	if (!rpc_ip_addr(call, "dst", &s->addr, NULL, &ret))
		return ret;
	s->nif = nif;
	weft_neighs(st, neigh_compare, s);
	return 0;
}

int rpc_ip_neigh_set(struct rpc_call *call)
{
	static const char *const modes[] = {"add", "replace", "change", NULL};
	static const char *const states[] = {"permanent", "reachable", "stale", NULL};
	int mode = word_index(rpc_call_string(call, "mode", "add"), modes);
	int state = word_index(rpc_call_string(call, "state", "permanent"), states);
	struct neigh_search s;
	struct lab_mac mac;
	int err = neigh_args(call, &s);

	if (!s.nif)
		return err;
	if (mode < 0 || state < 0)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s",
				mode < 0 ? "`mode` must be add, replace or change"
					 : "`state` must be permanent, reachable or stale");
	if (lab_mac_parse(rpc_call_string(call, "lladdr", ""), &mac))
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`lladdr` must be a MAC address, such as 02:00:00:00:00:01; not "
				"`%s`",
				rpc_call_string(call, "lladdr", ""));
	if (mode == 0 && s.is_found)
		return rpc_fail_errno(call, -EEXIST, "the neighbour cannot be added");
	if (mode == 2 && !s.is_found)
		return rpc_fail_errno(call, -ENOENT, "the neighbour cannot be changed");
	/* The words are in the order of enum weft_neigh_nud. */
	return done(call, weft_neigh_set(s.nif, &s.addr, mac.bytes, (enum weft_neigh_nud)state),
		    "the neighbour cannot be set");
}

int rpc_ip_neigh_del(struct rpc_call *call)
{
	struct neigh_search s;
	int err = neigh_args(call, &s);

	if (!s.nif)
		return err;
	return done(call, weft_neigh_del(s.nif, &s.addr), "the neighbour cannot be deleted");
}
