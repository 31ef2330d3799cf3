/* SPDX-License-Identifier: MIT */
/* Public calls for addresses, routes and neighbours. */
#include <errno.h>

#include "api/api_ip6.h"
#include "ip/acd.h"
#include "ip/ip4.h"
#include "link/neigh.h"
#include "transport/cc/cc.h"

/* 0, or -EINVAL: another family's. */
static int ip4_of(const struct weft_addr *addr, struct ip4_addr *ret)
{
	if (addr->family != WEFT_AF_INET)
		return -EINVAL;
	memcpy(ret, addr->bytes, sizeof(*ret));
	return 0;
}

/* The same where no address is allowed, and means 0.0.0.0. */
static int ip4_of_optional(const struct weft_addr *addr, struct ip4_addr *ret)
{
	if (addr->family != WEFT_AF_UNSPEC)
		return ip4_of(addr, ret);
	*ret = IP4_ADDR_ANY;
	return 0;
}

static struct weft_addr weft_ip4_of(struct ip4_addr a)
{
	struct weft_addr ret = {.family = WEFT_AF_INET};

	memcpy(ret.bytes, &a, sizeof(a));
	return ret;
}

static struct weft_addr weft_ip4_of_optional(struct ip4_addr a)
{
	return ip4_addr_is_unspecified(&a) ? (struct weft_addr){0} : weft_ip4_of(a);
}

/*
 * Addresses.
 */

int weft_addr_put(struct weft_netif *nif, const struct weft_addr *addr, uint8_t prefix_len,
		  const struct weft_addr_how *how)
{
	struct ip4_addr a;
	int err;

	if (addr->family == WEFT_AF_INET6)
		return api_ip6_addr_put(netif_of(nif), addr, prefix_len, how);
	err = ip4_of(addr, &a);
	if (!err && (how->no_prefix_route || how->valid_s))
		err = -EINVAL;
	return err ? err : ip4_addr_add(netif_of(nif), a, prefix_len);
}

int weft_addr_add(struct weft_netif *nif, const struct weft_addr *addr, uint8_t prefix_len)
{
	return weft_addr_put(nif, addr, prefix_len, &(struct weft_addr_how){0});
}

int weft_addr_del(struct weft_netif *nif, const struct weft_addr *addr, uint8_t prefix_len)
{
	struct ip4_addr a;
	int err;

	if (addr->family == WEFT_AF_INET6)
		return api_ip6_addr_del(netif_of(nif), addr, prefix_len);
	err = ip4_of(addr, &a);
	return err ? err : ip4_addr_del(netif_of(nif), a, prefix_len);
}

int weft_addr_probe(struct weft_netif *nif, const struct weft_addr *addr, uint8_t prefix_len)
{
	struct ip4_addr a;
	int err;

	if (addr->family == WEFT_AF_INET6)
		return weft_addr_put(nif, addr, prefix_len, &(struct weft_addr_how){.dad = true});
	err = ip4_of(addr, &a);
	return err ? err : acd_add(netif_of(nif), a, prefix_len);
}

int weft_netif_set_link_local(struct weft_netif *nif, bool on)
{
	return acd_link_local_set(netif_of(nif), on);
}

/* Those that are not in use: asked about, or somebody else's. */
static void addrs_waiting(struct netif *netif,
			  void (*fn)(void *arg, const struct weft_addr_info *info), void *arg)
{
	const struct acd *a;

	list_for_each (a, &netif->ip4->acds, link) {
		const struct weft_addr_info info = {.dev = weft_netif_of(netif),
						    .addr = weft_ip4_of(a->addr),
						    .prefix_len = a->prefix_len,
						    .is_auto = a->is_link_local,
						    .state = a->state == ACD_DUPLICATE
								     ? WEFT_ADDR_DUPLICATE
								     : WEFT_ADDR_TENTATIVE,
						    .preferred_s = UINT32_MAX,
						    .valid_s = UINT32_MAX};

		if (a->state != ACD_BOUND)
			fn(arg, &info);
	}
}

void weft_addrs(struct weft_stack *st, void (*fn)(void *arg, const struct weft_addr_info *info),
		void *arg)
{
	const struct ip4_ifaddr *ifa;
	struct netif *netif;

	list_for_each (netif, &stack_of(st)->netifs, link) {
		list_for_each (ifa, &netif->ip4->addrs, link) {
			struct ip4_addr brd;
			struct weft_addr_info info = {.dev = weft_netif_of(netif),
						      .addr = weft_ip4_of(ifa->addr),
						      .prefix_len = ifa->prefix_len,
						      .is_secondary = ifa->is_secondary,
						      .is_auto = acd_is_made_up(ifa),
						      .preferred_s = UINT32_MAX,
						      .valid_s = UINT32_MAX};

			if (ip4_ifaddr_broadcast(ifa, &brd))
				info.broadcast = weft_ip4_of(brd);
			fn(arg, &info);
		}
		addrs_waiting(netif, fn, arg);
		api_ip6_addrs(netif, fn, arg);
	}
}

/*
 * Routes.
 */

static const uint8_t route_types[] = {
	[WEFT_ROUTE_UNICAST] = ROUTE_UNICAST,     [WEFT_ROUTE_UNREACHABLE] = ROUTE_UNREACHABLE,
	[WEFT_ROUTE_BLACKHOLE] = ROUTE_BLACKHOLE, [WEFT_ROUTE_PROHIBIT] = ROUTE_PROHIBIT,
	[WEFT_ROUTE_LOCAL] = ROUTE_LOCAL,         [WEFT_ROUTE_BROADCAST] = ROUTE_BROADCAST,
};

static enum weft_route_type weft_route_type_of(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(route_types); i++)
		if (route_types[i] == type)
			return (enum weft_route_type)i;
	return WEFT_ROUTE_UNICAST;
}

static int route_type_of(const struct weft_route *r, uint8_t *ret)
{
	if ((size_t)r->type >= ARRAY_SIZE(route_types))
		return -EINVAL;
	*ret = route_types[r->type];
	return 0;
}

int api_route_metrics_of(const struct weft_route *r, struct route_metrics *ret)
{
	const struct cc_ops *ops = NULL;

	if (r->mtu > UINT16_MAX || r->initcwnd > UINT16_MAX ||
	    !memchr(r->congctl, '\0', sizeof(r->congctl)))
		return -EINVAL;
	if (r->congctl[0]) {
		ops = cc_find(r->congctl);
		if (!ops)
			return -EPROTONOSUPPORT;
	}
	*ret = (struct route_metrics){.mtu = (uint16_t)r->mtu,
				      .initcwnd = (uint16_t)r->initcwnd,
				      .congctl = ops ? (uint8_t)(cc_index(ops) + 1) : 0,
				      .features = r->ecn ? ROUTE_FEATURE_ECN : 0};
	return 0;
}

void api_route_metrics_show(const struct route_metrics *m, struct weft_route *ret)
{
	const struct cc_ops *ops = m->congctl ? cc_at(m->congctl - 1u) : NULL;

	ret->mtu = m->mtu;
	ret->initcwnd = m->initcwnd;
	ret->ecn = m->features & ROUTE_FEATURE_ECN;
	if (ops)
		memcpy(ret->congctl, ops->name, strlen(ops->name) + 1);
}

static int fib4_route_of(const struct weft_route *r, struct fib4_route *ret)
{
	int err;

	*ret = (struct fib4_route){.netif = r->dev ? netif_of(r->dev) : NULL,
				   .metric = r->metric,
				   .prefix_len = r->prefix_len,
				   .proto = r->proto ? r->proto : ROUTE_PROTO_BOOT};
	err = route_type_of(r, &ret->type);
	if (!err)
		err = ip4_of(&r->dst, &ret->dst);
	if (!err)
		err = ip4_of_optional(&r->via, &ret->via);
	if (!err)
		err = ip4_of_optional(&r->src, &ret->src);
	if (!err)
		err = api_route_metrics_of(r, &ret->metrics);
	return err;
}

int weft_route_put(struct weft_stack *handle, const struct weft_route *r, enum weft_route_how how)
{
	struct stack *st = stack_of(handle);
	struct fib4_route route;
	uint8_t type;
	int err = route_type_of(r, &type);

	if (!err && r->dst.family == WEFT_AF_INET6)
		return api_ip6_route_put(st, r, type, how);
	if (!err)
		err = fib4_route_of(r, &route);
	if (err)
		return err;
	if (route.netif && route.netif->stack != st)
		return -EINVAL;
	switch (how) {
	case WEFT_ROUTE_ADD:
		return ip4_route_add(st, &route);
	case WEFT_ROUTE_APPEND:
		return ip4_route_append(st, &route, false);
	case WEFT_ROUTE_CHANGE:
		return ip4_route_append(st, &route, true);
	case WEFT_ROUTE_REPLACE:
		err = ip4_route_append(st, &route, true);
		return err == -ENOENT ? ip4_route_add(st, &route) : err;
	}
	return -EINVAL;
}

int weft_route_add(struct weft_stack *st, const struct weft_route *r)
{
	return weft_route_put(st, r, WEFT_ROUTE_ADD);
}

int weft_route_del(struct weft_stack *st, const struct weft_route *r)
{
	struct fib4_route route;
	uint8_t type;
	int err = route_type_of(r, &type);

	if (!err && r->dst.family == WEFT_AF_INET6)
		return api_ip6_route_del(stack_of(st), r, type);
	if (!err)
		err = fib4_route_of(r, &route);
	if (err)
		return err;
	return ip4_route_del(stack_of(st), &(struct fib4_key){.dst = route.dst,
							      .prefix_len = route.prefix_len,
							      .has_metric = route.metric != 0,
							      .metric = route.metric,
							      .type = route.type,
							      .proto = r->proto,
							      .netif = route.netif,
							      .via = route.via,
							      .src = route.src});
}

struct routes_walk {
	struct stack *st;
	void (*fn)(void *arg, const struct weft_route_info *info);
	void *arg;
};

static bool routes_show(void *arg, const struct fib4_route *r)
{
	const struct routes_walk *w = arg;
	struct ip4_addr src = r->src;
	struct weft_route_info info = {
		.route = {.dst = weft_ip4_of(r->dst),
			  .prefix_len = r->prefix_len,
			  .via = weft_ip4_of_optional(r->via),
			  .dev = r->netif ? weft_netif_of(r->netif) : NULL,
			  .metric = r->metric,
			  .type = weft_route_type_of(r->type)},
		.proto = r->proto,
		.scope = r->scope,
		.expires_s = UINT32_MAX,
		.is_dead = r->is_dead,
	};

	/* Connected routes show which source they lead to, as `ip route` does. */
	if (ip4_addr_is_unspecified(&src) && r->proto == ROUTE_PROTO_KERNEL && r->netif &&
	    !ip4_addr_select(w->st, r->netif, r->dst, &src))
		src = IP4_ADDR_ANY;
	info.route.src = weft_ip4_of_optional(src);
	api_route_metrics_show(&r->metrics, &info.route);
	w->fn(w->arg, &info);
	return true;
}

void weft_routes(struct weft_stack *st, void (*fn)(void *arg, const struct weft_route_info *info),
		 void *arg)
{
	struct routes_walk w = {.st = stack_of(st), .fn = fn, .arg = arg};

	fib4_for_each(&w.st->ip4->fib, routes_show, &w);
	api_ip6_routes(w.st, weft_route_type_of, fn, arg);
}

/* What kind of destination a packet that goes to `dst` by `to` has. */
static enum weft_route_type dst_type(struct ip4_addr dst, const struct ip_dst *to)
{
	struct ip4_addr hop = ip_addr_to_ip4(&to->nexthop);

	if (ip4_addr_is_multicast(&dst))
		return WEFT_ROUTE_MULTICAST;
	if (to->is_local)
		return WEFT_ROUTE_LOCAL;
	return ip4_addr_is_broadcast(&hop) ? WEFT_ROUTE_BROADCAST : WEFT_ROUTE_UNICAST;
}

int weft_route_get(struct weft_stack *handle, const struct weft_addr *dst,
		   const struct weft_addr *src, struct weft_netif *oif, struct weft_route_info *ret)
{
	struct stack *st = stack_of(handle);
	struct ip4_addr to, from = IP4_ADDR_ANY, hop;
	struct ip_addr chosen;
	struct ip_flow flow;
	struct ip_dst out;
	int err;

	if (dst->family == WEFT_AF_INET6)
		return api_ip6_route_get(st, dst, src, oif ? netif_of(oif) : NULL, ret);
	err = ip4_of(dst, &to);
	if (!err && src)
		err = ip4_of_optional(src, &from);
	if (err)
		return err;
	if (!ip4_addr_is_unspecified(&from) && ip4_own(st->ip4, from) != IP4_OWN_LOCAL)
		return -ENETUNREACH;
	flow = (struct ip_flow){.dst = ip_addr_from_ip4(&to),
				.oif = oif ? netif_of(oif)->index : 0};
	if (!ip4_addr_is_unspecified(&from))
		flow.src = ip_addr_from_ip4(&from);
	err = ip_route(st, &flow, &out, &chosen);
	if (err)
		return err;
	hop = ip_addr_to_ip4(&out.nexthop);
	*ret = (struct weft_route_info){
		.route = {.dst = *dst,
			  .prefix_len = 32,
			  .dev = weft_netif_of(out.netif),
			  .src = weft_ip4_of_optional(ip_addr_to_ip4(&chosen)),
			  .type = dst_type(to, &out)},
	};
	if (out.has_metrics) {
		struct route_metrics m = ip_route_metrics(st, &flow);

		api_route_metrics_show(&m, &ret->route);
	}
	if (ret->route.type == WEFT_ROUTE_UNICAST && !ip4_addr_eq(&hop, &to))
		ret->route.via = weft_ip4_of(hop);
	return 0;
}

/*
 * Routes as text, in the words of `ip route add`.
 */

enum {
	WORD_MAX = 64, /* longest word: a prefix or an interface name fits well */
};

/* Copies the next word and moves on. False: none left, or too long for anything (then `buf` is not
 * empty). */
static bool next_word(const char **text, char buf[WORD_MAX])
{
	size_t len;

	*text += strspn(*text, " \t\n");
	len = strcspn(*text, " \t\n");
	if (len >= WORD_MAX) {
		buf[0] = '?';
		buf[1] = '\0';
		return false;
	}
	memcpy(buf, *text, len);
	buf[len] = '\0';
	*text += len;
	return len > 0;
}

static bool route_type_parse(const char *word, enum weft_route_type *ret)
{
	static const char *const names[] = {
		[WEFT_ROUTE_UNICAST] = "unicast",
		[WEFT_ROUTE_UNREACHABLE] = "unreachable",
		[WEFT_ROUTE_BLACKHOLE] = "blackhole",
		[WEFT_ROUTE_PROHIBIT] = "prohibit",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], word) == 0) {
			*ret = (enum weft_route_type)i;
			return true;
		}
	}
	return false;
}

static int route_metric_parse(const char *name, const char *value, struct weft_route *r)
{
	if (strcmp(name, "mtu") == 0)
		return api_number_parse(value, UINT16_MAX, &r->mtu);
	if (strcmp(name, "initcwnd") == 0)
		return api_number_parse(value, UINT16_MAX, &r->initcwnd);
	if (strcmp(name, "features") == 0) {
		r->ecn = strcmp(value, "ecn") == 0;
		return r->ecn ? 0 : -EINVAL;
	}
	if (strcmp(name, "congctl") == 0 && strlen(value) < sizeof(r->congctl)) {
		memcpy(r->congctl, value, strlen(value) + 1);
		return 0;
	}
	return -EINVAL;
}

static int route_option_parse(struct weft_stack *st, const char *name, const char *value,
			      struct weft_route *r)
{
	if (strcmp(name, "via") == 0)
		return weft_addr_parse(value, &r->via);
	if (strcmp(name, "src") == 0)
		return weft_addr_parse(value, &r->src);
	if (strcmp(name, "metric") == 0)
		return api_number_parse(value, UINT32_MAX, &r->metric);
	if (strcmp(name, "dev") == 0) {
		r->dev = weft_netif_find(st, value);
		return r->dev ? 0 : -ENODEV;
	}
	return route_metric_parse(name, value, r);
}

static int route_parse(struct weft_stack *st, const char *text, struct weft_route *r)
{
	char name[WORD_MAX], value[WORD_MAX];
	bool is_default;
	int err;

	*r = (struct weft_route){.dst.family = WEFT_AF_INET};
	if (!next_word(&text, name))
		return -EINVAL;
	if (route_type_parse(name, &r->type) && !next_word(&text, name))
		return -EINVAL;
	is_default = strcmp(name, "default") == 0;
	if (!is_default) {
		err = weft_prefix_parse(name, &r->dst, &r->prefix_len);
		if (err)
			return err;
	}
	while (next_word(&text, name)) {
		if (!next_word(&text, value))
			return -EINVAL;
		err = route_option_parse(st, name, value, r);
		if (err)
			return err;
	}
	/* "default" is of its gateway's family. */
	if (is_default && r->via.family != WEFT_AF_UNSPEC)
		r->dst.family = r->via.family;
	return name[0] ? -EINVAL : 0;
}

int weft_route_add_text(struct weft_stack *st, const char *text)
{
	struct weft_route r;
	int err = route_parse(st, text, &r);

	return err ? err : weft_route_add(st, &r);
}

/*
 * Neighbours.
 */

int weft_neigh_set(struct weft_netif *nif, const struct weft_addr *addr, const uint8_t mac[6],
		   enum weft_neigh_nud nud)
{
	struct netif *netif = netif_of(nif);
	struct eth_addr lladdr;
	struct ip_addr a;
	int err = ip_addr_of(addr, &a);

	if (err)
		return err;
	memcpy(&lladdr, mac, sizeof(lladdr));
	err = neigh_add_permanent(netif, &a, &lladdr);
	if (err || nud == WEFT_NUD_PERMANENT)
		return err;
	/* The checks are done and there is room; now as if we had heard it. */
	err = neigh_del(netif, &a);
	if (err)
		return err;
	if (!neigh_update(netif, &a, &lladdr,
			  NEIGH_CREATE | NEIGH_OVERRIDE |
				  (nud == WEFT_NUD_REACHABLE ? NEIGH_SOLICITED : 0)))
		return -ENOMEM;
	return 0;
}

int weft_neigh_add(struct weft_netif *nif, const struct weft_addr *addr, const uint8_t mac[6])
{
	return weft_neigh_set(nif, addr, mac, WEFT_NUD_PERMANENT);
}

int weft_neigh_del(struct weft_netif *nif, const struct weft_addr *addr)
{
	struct ip_addr a;
	int err = ip_addr_of(addr, &a);

	return err ? err : neigh_del(netif_of(nif), &a);
}

struct neighs_walk {
	int64_t now_ns;
	void (*fn)(void *arg, const struct weft_neigh_info *info);
	void *arg;
};

static void neighs_show(void *arg, const struct neigh *n)
{
	const struct neighs_walk *w = arg;
	struct weft_neigh_info info = {
		.dev = weft_netif_of(n->netif),
		.addr = weft_addr_of(&n->addr, ip_addr_family(&n->addr)),
		.has_mac = n->state != NEIGH_NONE && n->state != NEIGH_INCOMPLETE &&
			   n->state != NEIGH_FAILED,
		.state = neigh_state_name((enum neigh_state)n->state),
		.confirmed_ago_ns = w->now_ns - n->confirmed_ns,
		.updated_ago_ns = w->now_ns - n->updated_ns,
		.n_probes = n->n_probes,
	};

	if (info.has_mac)
		memcpy(info.mac, n->lladdr.b, sizeof(info.mac));
	w->fn(w->arg, &info);
}

void weft_neighs(struct weft_stack *st, void (*fn)(void *arg, const struct weft_neigh_info *info),
		 void *arg)
{
	struct neighs_walk w = {.now_ns = stack_of(st)->eng->now_ns, .fn = fn, .arg = arg};

	neigh_for_each(stack_of(st), neighs_show, &w);
}
