/* SPDX-License-Identifier: MIT */
/*
 * Methods about interfaces, addresses, routes and neighbours of weft nodes, for `weft ip`. Results
 * are what `ip -j -d -s` prints, so that a client picks what it shows: the same names, the same
 * order, sizes as numbers.
 */
#include "lab/rpc_ip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab/lab.h"

enum {
	MAC_TEXT = 18,
};

struct weft_stack *rpc_ip_stack(struct rpc_call *call, int *ret)
{
	struct lab_node *node = rpc_call_node(call, "node");

	if (node->file->kind != LABFILE_KERNEL)
		return node->stack;
	*ret = rpc_fail_kind(call, node, "weft nodes and switches");
	return NULL;
}

struct weft_netif *rpc_ip_dev(struct rpc_call *call, struct weft_stack *st, int *ret)
{
	const char *name = rpc_call_string(call, "dev", "");
	struct weft_netif *nif = weft_netif_find(st, name);

	if (!nif)
		*ret = rpc_fail(call, RPC_FAILED, -ENODEV, "Cannot find device \"%s\"", name);
	return nif;
}

bool rpc_ip_addr(struct rpc_call *call, const char *name, struct weft_addr *ret_addr,
		 uint8_t *ret_len, int *ret)
{
	const char *text = rpc_call_string(call, name, NULL);
	int err;

	if (!text)
		return true;
	if (ret_len && strcmp(text, "default") == 0) {
		*ret_addr = (struct weft_addr){.family = WEFT_AF_INET};
		*ret_len = 0;
		return true;
	}
	err = ret_len ? weft_prefix_parse(text, ret_addr, ret_len)
		      : weft_addr_parse(text, ret_addr);
	if (!err)
		return true;
	*ret = rpc_fail(call, RPC_INVALID_PARAMS, 0, "`%s` must be %s, such as %s; not `%s`", name,
			ret_len ? "a prefix" : "an address", ret_len ? "10.0.0.0/24" : "10.0.0.1",
			text);
	return false;
}

static json_t *mac_json(const uint8_t mac[6])
{
	char text[MAC_TEXT];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return json_string(text);
}

json_t *rpc_ip_addr_json(const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];

	return json_string(weft_addr_print(addr, text, sizeof(text)));
}

/* ---- interfaces and addresses -------------------------------------------------------------- */

/* In the order in which ip prints them. */
static json_t *flags_json(uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{WEFT_IFF_LOOPBACK, "LOOPBACK"},   {WEFT_IFF_BROADCAST, "BROADCAST"},
		{WEFT_IFF_MULTICAST, "MULTICAST"}, {WEFT_IFF_NOARP, "NOARP"},
		{WEFT_IFF_PROMISC, "PROMISC"},     {WEFT_IFF_UP, "UP"},
	};
	bool is_up = flags & WEFT_IFF_UP, has_carrier = flags & WEFT_IFF_LOWER_UP;
	json_t *list = json_array();

	if (is_up && !has_carrier)
		json_array_append_new(list, json_string("NO-CARRIER"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	if (is_up && has_carrier)
		json_array_append_new(list, json_string("LOWER_UP"));
	return list;
}

/* RFC 2863 ifOperStatus, as Linux has it; loopback interfaces have none. */
static const char *operstate(uint32_t flags)
{
	if (!(flags & WEFT_IFF_UP) || !(flags & WEFT_IFF_LOWER_UP))
		return "DOWN";
	return flags & WEFT_IFF_LOOPBACK ? "UNKNOWN" : "UP";
}

static json_t *stats_json(const struct weft_netif *nif)
{
	struct weft_netif_stats s;

	weft_netif_stats(nif, &s);
	return json_pack("{s:{s:I, s:I, s:I, s:I, s:i, s:I}, s:{s:I, s:I, s:I, s:I, s:i, s:i}}",
			 "rx", "bytes", (json_int_t)s.rx_bytes, "packets", (json_int_t)s.rx_packets,
			 "errors", (json_int_t)s.rx_errors, "dropped", (json_int_t)s.rx_dropped,
			 "over_errors", 0, "multicast", (json_int_t)s.rx_multicast, "tx", "bytes",
			 (json_int_t)s.tx_bytes, "packets", (json_int_t)s.tx_packets, "errors",
			 (json_int_t)s.tx_errors, "dropped", (json_int_t)s.tx_dropped,
			 "carrier_errors", 0, "collisions", 0);
}

static json_t *link_json(const struct weft_netif *nif)
{
	static const uint8_t none[6], all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct weft_netif_info info;
	json_t *link;
	bool is_lo;

	weft_netif_info(nif, &info);
	is_lo = info.flags & WEFT_IFF_LOOPBACK;
	link = json_pack("{s:i, s:s, s:o, s:i, s:s, s:s, s:s, s:s, s:i, s:s, s:o, s:o}", "ifindex",
			 (int)info.index, "ifname", weft_netif_name(nif), "flags",
			 flags_json(info.flags), "mtu", (int)info.mtu, "qdisc", "noqueue",
			 "operstate", operstate(info.flags), "linkmode", "DEFAULT", "group",
			 "default", "txqlen", 1000, "link_type", is_lo ? "loopback" : "ether",
			 "address", mac_json(info.mac), "broadcast", mac_json(is_lo ? none : all));
	json_object_update_new(link, json_pack("{s:i, s:i, s:i, s:i}", "promiscuity",
					       info.flags & WEFT_IFF_PROMISC ? 1 : 0, "allmulti", 0,
					       "min_mtu", (int)info.min_mtu, "max_mtu",
					       (int)info.max_mtu));
	if (info.mss_clamp == WEFT_MSS_PMTU)
		json_object_set_new(link, "mss_clamp", json_string("pmtu"));
	else if (info.mss_clamp)
		json_object_set_new(link, "mss_clamp", json_integer(info.mss_clamp));
	if (weft_netif_offloads(nif, NULL) & WEFT_OFFLOAD_GRO)
		json_object_set_new(link, "gro", json_true());
	if (!is_lo)
		json_object_set_new(link, "linkinfo", json_pack("{s:s}", "info_kind", info.kind));
	json_object_update_new(
		link, json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o}", "num_tx_queues", 1,
				"num_rx_queues", 1, "gso_max_size", (int)info.gso_max_bytes,
				"gso_max_segs", UINT16_MAX, "tso_max_size", (int)info.gso_max_bytes,
				"tso_max_segs", UINT16_MAX, "gro_max_size", (int)info.gso_max_bytes,
				"addr_info", json_array(), "stats64", stats_json(nif)));
	return link;
}

/* RFC 4007 scopes in the words of ip. */
static const char *addr_scope(const struct weft_addr *a)
{
	if (a->family == WEFT_AF_INET)
		return a->bytes[0] == 127 ? "host" : "global";
	if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80)
		return "link";
	for (size_t i = 0; i < 15; i++)
		if (a->bytes[i])
			return "global";
	return "host";
}

/* What has no end is 2^32-1 seconds in the kernel's messages. */
static void lifetime_set(json_t *addr, const struct weft_addr_info *info)
{
	json_object_set_new(addr, "valid_life_time", json_integer(info->valid_s));
	json_object_set_new(addr, "preferred_life_time", json_integer(info->preferred_s));
}

/* In iproute2's order. One that another node has is tentative, too. */
static void addr_flags_set(json_t *addr, const struct weft_addr_info *info)
{
	const struct {
		const char *name;
		bool is_set;
	} flags[] = {
		{"secondary", info->is_secondary},
		{"temporary", info->is_temporary},
		{"tentative",
		 info->state == WEFT_ADDR_TENTATIVE || info->state == WEFT_ADDR_DUPLICATE},
		{"deprecated", info->state == WEFT_ADDR_DEPRECATED},
		{"dadfailed", info->state == WEFT_ADDR_DUPLICATE},
		{"dynamic", info->is_dynamic},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].is_set)
			json_object_set_new(addr, flags[i].name, json_true());
}

static void addr_add(void *arg, const struct weft_addr_info *info)
{
	json_t *link, *links = arg, *addr;
	const char *name = weft_netif_name(info->dev), *scope = addr_scope(&info->addr);
	size_t i;

	addr = json_pack("{s:s, s:o, s:i}", "family",
			 info->addr.family == WEFT_AF_INET ? "inet" : "inet6", "local",
			 rpc_ip_addr_json(&info->addr), "prefixlen", info->prefix_len);
	if (info->broadcast.family != WEFT_AF_UNSPEC && strcmp(scope, "host") != 0)
		json_object_set_new(addr, "broadcast", rpc_ip_addr_json(&info->broadcast));
	json_object_set_new(addr, "scope", json_string(scope));
	addr_flags_set(addr, info);
	if (info->addr.family == WEFT_AF_INET)
		json_object_set_new(addr, "label", json_string(name));
	lifetime_set(addr, info);
	json_array_foreach (links, i, link) {
		if (json_integer_value(json_object_get(link, "ifindex")) ==
		    (json_int_t)weft_netif_index(info->dev)) {
			json_array_append(json_object_get(link, "addr_info"), addr);
			break;
		}
	}
	json_decref(addr);
}

static int addrs_run(struct rpc_call *call)
{
	json_t *links;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	if (!st)
		return ret;
	links = json_array();
	for (struct weft_netif *nif = weft_netif_next(st, NULL); nif;
	     nif = weft_netif_next(st, nif))
		json_array_append_new(links, link_json(nif));
	weft_addrs(st, addr_add, links);
	return rpc_reply(call, links);
}

/* ---- routers ------------------------------------------------------------------------------- */

static void ra_dns_add(void *arg, const struct weft_ra_dns *dns)
{
	const char *list = dns->domain ? "search" : "dns";
	json_t *router = arg, *item;

	item = dns->domain ? json_pack("{s:s}", "domain", dns->domain)
			   : json_pack("{s:o}", "address", rpc_ip_addr_json(&dns->server));
	json_object_set_new(item, "lifetime", json_integer(dns->lifetime_s));
	json_array_append_new(json_object_get(router, list), item);
}

static int ra_run(struct rpc_call *call)
{
	struct weft_ra_info info;
	json_t *all, *one;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	if (!st)
		return ret;
	all = json_array();
	for (struct weft_netif *nif = weft_netif_next(st, NULL); nif;
	     nif = weft_netif_next(st, nif)) {
		if (weft_ra_info(nif, &info))
			continue;
		one = json_pack("{s:s, s:b, s:b, s:i, s:i, s:i, s:i, s:I, s:[], s:[]}", "ifname",
				weft_netif_name(nif), "managed", info.managed, "other", info.other,
				"hop_limit", info.hop_limit, "mtu", (int)info.mtu,
				"reachable_time_ms", (int)info.reachable_ms, "retrans_time_ms",
				(int)info.retrans_ms, "heard_ago_ns", (json_int_t)info.heard_ago_ns,
				"dns", "search");
		weft_ra_dns(nif, ra_dns_add, one);
		json_array_append_new(all, one);
	}
	return rpc_reply(call, all);
}

/* ---- routes -------------------------------------------------------------------------------- */

static const char *const route_types[] = {
	[WEFT_ROUTE_UNICAST] = "unicast",     [WEFT_ROUTE_UNREACHABLE] = "unreachable",
	[WEFT_ROUTE_BLACKHOLE] = "blackhole", [WEFT_ROUTE_PROHIBIT] = "prohibit",
	[WEFT_ROUTE_LOCAL] = "local",         [WEFT_ROUTE_BROADCAST] = "broadcast",
	[WEFT_ROUTE_MULTICAST] = "multicast",
};

/* As in /etc/iproute2/rt_protos. */
const char *rpc_ip_proto(uint8_t proto, char buf[static 4])
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {
		{1, "redirect"}, {2, "kernel"}, {3, "boot"},   {4, "static"},
		{9, "ra"},       {16, "dhcp"},  {42, "babel"}, {186, "bgp"},
		{187, "isis"},   {188, "ospf"}, {189, "rip"},  {192, "eigrp"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].proto == proto)
			return names[i].name;
	snprintf(buf, 4, "%u", proto);
	return buf;
}

static const char *route_scope(uint8_t scope)
{
	return scope == 253 ? "link" : scope == 254 ? "host" : "global";
}

/* "default", "10.0.0.0/24", "10.0.0.1". */
static json_t *route_dst_json(const struct weft_route *r)
{
	uint8_t whole = r->dst.family == WEFT_AF_INET ? 32 : 128;
	char text[WEFT_ADDR_STRLEN + 4];

	if (r->prefix_len == 0)
		return json_string("default");
	weft_addr_print(&r->dst, text, WEFT_ADDR_STRLEN);
	if (r->prefix_len < whole)
		snprintf(text + strlen(text), 5, "/%u", r->prefix_len);
	return json_string(text);
}

/* Where it goes: gateway and interface. */
static void route_hop_set(json_t *route, const struct weft_route *r)
{
	if (r->via.family != WEFT_AF_UNSPEC)
		json_object_set_new(route, "gateway", rpc_ip_addr_json(&r->via));
	if (r->dev)
		json_object_set_new(route, "dev", json_string(weft_netif_name(r->dev)));
}

/* "dead": its interface is set down, and it is not used; "linkdown": there is no carrier. */
static json_t *route_flags_json(const struct weft_route_info *info)
{
	json_t *flags = json_array();
	struct weft_netif_info dev;

	if (!info->route.dev || info->route.type == WEFT_ROUTE_LOCAL)
		return flags;
	weft_netif_info(info->route.dev, &dev);
	if (info->is_dead)
		json_array_append_new(flags, json_string("dead"));
	if (info->is_dead || !(dev.flags & WEFT_IFF_LOWER_UP))
		json_array_append_new(flags, json_string("linkdown"));
	return flags;
}

/* As `ip -j` has it: an array of one object, with null for a feature; none: no member. */
static void route_metrics_set(json_t *route, const struct weft_route *r)
{
	json_t *m = json_object();

	if (r->mtu)
		json_object_set_new(m, "mtu", json_integer(r->mtu));
	if (r->initcwnd)
		json_object_set_new(m, "initcwnd", json_integer(r->initcwnd));
	if (r->ecn)
		json_object_set_new(m, "ecn", json_null());
	if (r->congctl[0])
		json_object_set_new(m, "congestion", json_string(r->congctl));
	if (json_object_size(m) > 0)
		json_object_set_new(route, "metrics", json_pack("[O]", m));
	json_decref(m);
}

static void route_add(void *arg, const struct weft_route_info *info)
{
	const struct weft_route *r = &info->route;
	json_t *routes = arg, *route;
	char proto[4];

	route = json_pack("{s:s, s:o}", "type", route_types[r->type], "dst", route_dst_json(r));
	route_hop_set(route, r);
	json_object_update_new(
		route,
		json_pack("{s:s, s:s, s:s}", "table",
			  r->type == WEFT_ROUTE_LOCAL || r->type == WEFT_ROUTE_BROADCAST ? "local"
											 : "main",
			  "protocol", rpc_ip_proto(info->proto, proto), "scope",
			  route_scope(info->scope)));
	if (r->src.family != WEFT_AF_UNSPEC)
		json_object_set_new(route, "prefsrc", rpc_ip_addr_json(&r->src));
	if (r->metric)
		json_object_set_new(route, "metric", json_integer(r->metric));
	if (r->metric && r->dst.family == WEFT_AF_INET6 && info->expires_s != UINT32_MAX)
		json_object_set_new(route, "expires", json_integer(info->expires_s));
	json_object_set_new(route, "flags", route_flags_json(info));
	route_metrics_set(route, r);
	if (info->pref)
		json_object_set_new(route, "pref", json_string(info->pref == 1 ? "high" : "low"));
	json_array_append_new(routes, route);
}

static int routes_run(struct rpc_call *call)
{
	json_t *routes;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	if (!st)
		return ret;
	routes = json_array();
	weft_routes(st, route_add, routes);
	return rpc_reply(call, routes);
}

/* What ip calls the flags of a cached route. */
static json_t *route_cache_json(enum weft_route_type type)
{
	json_t *flags = json_array();

	if (type == WEFT_ROUTE_LOCAL || type == WEFT_ROUTE_BROADCAST)
		json_array_append_new(flags, json_string("local"));
	if (type == WEFT_ROUTE_BROADCAST)
		json_array_append_new(flags, json_string("brd"));
	if (type == WEFT_ROUTE_MULTICAST)
		json_array_append_new(flags, json_string("mc"));
	return flags;
}

static json_t *route_got_json(const struct weft_route_info *info, const struct weft_addr *from)
{
	const struct weft_route *r = &info->route;
	json_t *route = json_object();

	if (r->type != WEFT_ROUTE_UNICAST)
		json_object_set_new(route, "type", json_string(route_types[r->type]));
	json_object_set_new(route, "dst", rpc_ip_addr_json(&r->dst));
	if (from->family != WEFT_AF_UNSPEC)
		json_object_set_new(route, "from", rpc_ip_addr_json(from));
	route_hop_set(route, r);
	if (from->family == WEFT_AF_UNSPEC && r->src.family != WEFT_AF_UNSPEC)
		json_object_set_new(route, "prefsrc", rpc_ip_addr_json(&r->src));
	json_object_set_new(route, "flags", json_array());
	json_object_set_new(route, "uid", json_integer(0));
	json_object_set_new(route, "cache", route_cache_json(r->type));
	route_metrics_set(route, r);
	return route;
}

static int route_get_run(struct rpc_call *call)
{
	struct weft_addr dst = {0}, from = {0};
	struct weft_netif *oif = NULL;
	struct weft_route_info info;
	int ret = 0, err;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	if (!st)
		return ret;
	if (!rpc_ip_addr(call, "dst", &dst, NULL, &ret) ||
	    !rpc_ip_addr(call, "from", &from, NULL, &ret))
		return ret;
	if (rpc_call_string(call, "dev", NULL)) {
		oif = rpc_ip_dev(call, st, &ret);
		if (!oif)
			return ret;
	}
	err = weft_route_get(st, &dst, &from, oif, &info);
	if (err)
		return rpc_fail_errno(call, err, "no route");
	return rpc_reply(call, json_pack("[o]", route_got_json(&info, &from)));
}

/* ---- neighbours ---------------------------------------------------------------------------- */

static json_t *seconds_json(int64_t ns)
{
	return json_integer(ns / 1000000000);
}

static void neigh_add(void *arg, const struct weft_neigh_info *info)
{
	json_t *neighs = arg, *neigh;

	neigh = json_pack("{s:o, s:s}", "dst", rpc_ip_addr_json(&info->addr), "dev",
			  weft_netif_name(info->dev));
	if (info->has_mac)
		json_object_set_new(neigh, "lladdr", mac_json(info->mac));
	json_object_update_new(neigh, json_pack("{s:o, s:o, s:o, s:i, s:[s]}", "used",
						seconds_json(info->updated_ago_ns), "confirmed",
						seconds_json(info->confirmed_ago_ns), "updated",
						seconds_json(info->updated_ago_ns), "probes",
						(int)info->n_probes, "state", info->state));
	json_array_append_new(neighs, neigh);
}

static int neighs_run(struct rpc_call *call)
{
	json_t *neighs;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	if (!st)
		return ret;
	neighs = json_array();
	weft_neighs(st, neigh_add, neighs);
	return rpc_reply(call, neighs);
}

/* ---- the table ----------------------------------------------------------------------------- */

#define END                                       \
	{                                         \
		NULL, RPC_NODE, false, 0, 0, NULL \
	}
#define NODE                                                                        \
	{                                                                           \
		"node", RPC_NODE, true, 0, 0, "The node: of kind weft, or a switch" \
	}

static const struct rpc_param one_node[] = {NODE, END};

static const struct rpc_param route_get_params[] = {
	NODE,
	{"dst", RPC_STRING, true, 0, 0, "The destination's address"},
	{"from", RPC_STRING, false, 0, 0, "The source's address; default: the one that is chosen"},
	{"dev", RPC_STRING, false, 0, 0, "The interface that it must leave by; default: any"},
	END,
};

static const struct rpc_param addr_params[] = {
	NODE,
	{"dev", RPC_STRING, true, 0, 0, "The interface"},
	{"address", RPC_STRING, true, 0, 0,
	 "The address with its prefix's length, 10.0.0.1/24; without a length: the whole address"},
	END,
};

static const struct rpc_param addr_add_params[] = {
	NODE,
	{"dev", RPC_STRING, true, 0, 0, "The interface"},
	{"address", RPC_STRING, true, 0, 0,
	 "The address with its prefix's length, 10.0.0.1/24; without a length: the whole address"},
	{"nodad", RPC_BOOLEAN, false, 0, 0,
	 "IPv6: do not ask whether another node has it; default: as the interface's settings say"},
	{"noprefixroute", RPC_BOOLEAN, false, 0, 0, "IPv6: no route to its prefix; default false"},
	{"valid_lft", RPC_INTEGER, false, 0, UINT32_MAX,
	 "IPv6: seconds until it goes; default: never"},
	{"preferred_lft", RPC_INTEGER, false, 0, UINT32_MAX,
	 "IPv6: seconds until it is deprecated; default: as `valid_lft`"},
	END,
};

static const struct rpc_param link_set_params[] = {
	NODE,
	{"dev", RPC_STRING, true, 0, 0, "The interface"},
	{"up", RPC_BOOLEAN, false, 0, 0, "Set it up or down; default: as it is"},
	{"mtu", RPC_INTEGER, false, 0, UINT32_MAX, "Bytes of an IP datagram; default: as it is"},
	{"address", RPC_STRING, false, 0, 0, "The MAC address; default: as it is"},
	{"mss_clamp", RPC_INTEGER, false, 0, 65535,
	 "The most that TCP segments may carry that are forwarded by it: bytes from 48 on, 0: no "
	 "bound, 65535: what fits the path; default: as it is"},
	{"gro", RPC_BOOLEAN, false, 0, 0,
	 "Frames of a flow that arrive at once go up as one packet; default: as it is"},
	END,
};

static const struct rpc_param route_params[] = {
	NODE,
	{"mode", RPC_STRING, false, 0, 0,
	 "`add`, `replace`, `change` or `append`, as the verbs of ip; default: add"},
	{"type", RPC_STRING, false, 0, 0,
	 "`unicast`, `unreachable`, `blackhole` or `prohibit`; default: unicast, and any for "
	 "ip.route_del"},
	{"dst", RPC_STRING, true, 0, 0, "The prefix, 10.0.0.0/24, or `default`"},
	{"via", RPC_STRING, false, 0, 0, "The gateway; default: none, it is on the link"},
	{"dev", RPC_STRING, false, 0, 0, "The interface; default: the gateway's"},
	{"src", RPC_STRING, false, 0, 0, "The preferred source; default: selected by address"},
	{"metric", RPC_INTEGER, false, 0, UINT32_MAX, "The lowest wins; default: 0"},
	{"protocol", RPC_INTEGER, false, 0, UINT8_MAX,
	 "Who makes it, as in rtnetlink; default: 3, by hand"},
	{"mtu", RPC_INTEGER, false, 0, UINT16_MAX,
	 "Longest packet, bytes; default: the interface's"},
	{"initcwnd", RPC_INTEGER, false, 0, UINT16_MAX,
	 "TCP's initial window, segments; default: net.ipv4.tcp_init_cwnd"},
	{"ecn", RPC_BOOLEAN, false, 0, 0,
	 "TCP asks for ECN and agrees to it; default: by net.ipv4.tcp_ecn"},
	{"congctl", RPC_STRING, false, 0, 0,
	 "TCP's congestion control; default: net.ipv4.tcp_congestion_control"},
	END,
};

static const struct rpc_param neigh_set_params[] = {
	NODE,
	{"mode", RPC_STRING, false, 0, 0, "`add`, `replace` or `change`; default: add"},
	{"dev", RPC_STRING, true, 0, 0, "The interface"},
	{"dst", RPC_STRING, true, 0, 0, "The neighbour's address"},
	{"lladdr", RPC_STRING, true, 0, 0, "Its MAC address"},
	{"state", RPC_STRING, false, 0, 0,
	 "`permanent`, `reachable` or `stale`; default: permanent"},
	END,
};

static const struct rpc_param neigh_del_params[] = {
	NODE,
	{"dev", RPC_STRING, true, 0, 0, "The interface"},
	{"dst", RPC_STRING, true, 0, 0, "The neighbour's address"},
	END,
};

extern const struct rpc_method rpc_methods_ip[];
const struct rpc_method rpc_methods_ip[] = {
	{
		.name = "ip.addrs",
		.help = "Interfaces with their addresses and statistics",
		.params = one_node,
		.result = "An array, an object an interface, of what `ip -j -d -s addr` and `ip -j "
			  "-d -s link` print of it",
		.run = addrs_run,
	},
	{
		.name = "ip.routes",
		.help = "All routes, also those that come with addresses",
		.params = one_node,
		.result = "An array, an object a route, of what `ip -j -d route show table all` "
			  "prints, each with its `table`; flag `dead`: its interface is set down",
		.run = routes_run,
	},
	{
		.name = "ip.route_get",
		.help = "Where a packet would go",
		.params = route_get_params,
		.result = "An array of one object, as `ip -j route get` prints it",
		.run = route_get_run,
	},
	{
		.name = "ip.ra",
		.help = "What IPv6 routers have said of the links; routes and addresses apart",
		.params = one_node,
		.result =
			"An array, an object an interface that has heard one: `{ifname, managed, "
			"other, hop_limit, mtu, reachable_time_ms, retrans_time_ms, heard_ago_ns, "
			"dns: [{address, lifetime}], search: [{domain, lifetime}]}`; lifetimes in "
			"seconds",
		.run = ra_run,
	},
	{
		.name = "ip.neighs",
		.help = "The neighbour cache",
		.params = one_node,
		.result = "An array, an object a neighbour, of what `ip -j -s neigh` prints; "
			  "times in seconds",
		.run = neighs_run,
	},
	{
		.name = "ip.addr_add",
		.help = "Adds an address to an interface, with the routes that follow from it",
		.params = addr_add_params,
		.result = "`null`",
		.run = rpc_ip_addr_add,
	},
	{
		.name = "ip.addr_del",
		.help = "Takes an address away",
		.params = addr_params,
		.result = "`null`",
		.run = rpc_ip_addr_del,
	},
	{
		.name = "ip.link_set",
		.help = "Changes an interface; all is checked before anything is changed",
		.params = link_set_params,
		.result = "`null`",
		.run = rpc_ip_link_set,
	},
	{
		.name = "ip.route_add",
		.help = "Adds or replaces a route",
		.params = route_params,
		.result = "`null`",
		.run = rpc_ip_route_add,
	},
	{
		.name = "ip.route_del",
		.help = "Deletes the first route that the parameters fit",
		.params = route_params,
		.result = "`null`",
		.run = rpc_ip_route_del,
	},
	{
		.name = "ip.neigh_set",
		.help = "Adds or changes an entry of the neighbour cache",
		.params = neigh_set_params,
		.result = "`null`",
		.run = rpc_ip_neigh_set,
	},
	{
		.name = "ip.neigh_del",
		.help = "Forgets a neighbour",
		.params = neigh_del_params,
		.result = "`null`",
		.run = rpc_ip_neigh_del,
	},
	{.name = NULL},
};
