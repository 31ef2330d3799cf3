/* SPDX-License-Identifier: MIT */
/*
 * Default routes: what `gateway` says, and without it, what a host gets that shares a link with a
 * prefix. They become routes of the node like those of the file, and are checked with them.
 */
#include "lab/labfile_priv.h"
#include "lab/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An address of a router: where a gateway can be. */
struct router {
	const struct labfile_iface *iface;
	const struct labfile_addr *addr;
	uint32_t order; /* in the file */
};

struct gateways {
	struct lab_build *b;
	struct router *routers; /* by segment, then in the order of the file */
	size_t n_routers;
};

static int router_cmp(const void *a_, const void *b_)
{
	const struct router *a = a_, *b = b_;

	if (a->iface->segment != b->iface->segment)
		return a->iface->segment < b->iface->segment ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int find_routers(struct gateways *g)
{
	const struct labfile *lab = g->b->lab;
	size_t n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		for (uint32_t k = 0; k < lab->nodes[i].n_ifaces && lab->nodes[i].forwarding; k++)
			n += lab->nodes[i].ifaces[k].n_addrs;
	}
	g->routers = arena_alloc_array(&g->b->tmp, n, sizeof(*g->routers));
	if (!g->routers)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = &lab->nodes[i];

		for (uint32_t k = 0; k < node->n_ifaces && node->forwarding; k++) {
			const struct labfile_iface *iface = &node->ifaces[k];

			for (uint32_t m = 0; m < iface->n_addrs; m++) {
				g->routers[g->n_routers] = (struct router){iface, &iface->addrs[m],
									   (uint32_t)g->n_routers};
				g->n_routers++;
			}
		}
	}
	if (n)
		qsort(g->routers, n, sizeof(*g->routers), router_cmp);
	return 0;
}

/* The first router on the interface's link in one of its subnets, other than its own node. */
static const struct router *iface_router(const struct gateways *g,
					 const struct labfile_iface *iface)
{
	size_t lo = 0, hi = g->n_routers;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->routers[mid].iface->segment < iface->segment)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < g->n_routers && g->routers[lo].iface->segment == iface->segment; lo++) {
		const struct router *r = &g->routers[lo];

		for (uint32_t k = 0; k < iface->n_addrs && r->iface->node != iface->node; k++) {
			if (lab_net_has(&iface->addrs[k].net, &r->addr->net.ip))
				return r;
		}
	}
	return NULL;
}

/* Who says nothing gets a default route where addresses come without asking, too. */
static bool iface_is_easy(const struct lab_build *b, const struct labfile_iface *iface)
{
	return b->lab->routing == LABFILE_ROUTING_AUTO || b->has_prefix[iface->segment];
}

/* NULL: there is none. */
static const struct router *node_router(const struct gateways *g, const struct labfile_node *node,
					bool any)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->ifaces[i];
		const struct router *r = NULL;

		if (any || iface_is_easy(g->b, iface))
			r = iface_router(g, iface);
		if (r)
			return r;
	}
	return NULL;
}

/* An address of `to` in a subnet that the two share on a link, or NULL. */
static const struct lab_ip *shared_addr(const struct labfile_node *node,
					const struct labfile_node *to)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->ifaces[i];

		for (uint32_t k = 0; k < to->n_ifaces; k++) {
			const struct labfile_iface *other = &to->ifaces[k];

			if (iface->segment != other->segment)
				continue;
			for (uint32_t m = 0; m < iface->n_addrs * other->n_addrs; m++) {
				const struct lab_ip *ip = &other->addrs[m % other->n_addrs].net.ip;

				if (lab_net_has(&iface->addrs[m / other->n_addrs].net, ip))
					return ip;
			}
		}
	}
	return NULL;
}

static void gateway_error(struct lab_build *b)
{
	b->broken |= LAB_BROKEN_PLAN;
}

static bool node_has_default(const struct labfile_node *node, uint8_t family)
{
	for (uint32_t i = 0; i < node->n_routes; i++) {
		const struct labfile_route *route = &node->routes[i];

		if (route->dst.len == 0 &&
		    (route->dst.ip.family == family || route->via.ip.family == family ||
		     (family == LAB_IP4 && !route->dst.ip.family && !route->via.ip.family)))
			return true;
	}
	return false;
}

int lab_build_route_add(struct lab_build *b, struct labfile_node *node,
			const struct labfile_route *route, uint32_t *max_routes)
{
	struct labfile_route *routes;
	int err = 0;

	if (node->n_routes >= *max_routes) {
		uint32_t max = node->n_routes ? 2 * node->n_routes : 1;

		routes = arena_alloc_array(&b->lab->arena, max, sizeof(*routes));
		if (!routes)
			return -ENOMEM;
		if (node->n_routes) {
			memcpy(routes, node->routes, node->n_routes * sizeof(*routes));
			err = lab_build_fields_copy(b, node->routes, routes,
						    node->n_routes * sizeof(*routes));
		}
		node->routes = routes;
		*max_routes = max;
	}
	node->routes[node->n_routes++] = *route;
	return err;
}

static int add_default(struct lab_build *b, struct labfile_node *node,
		       const struct lab_scoped_ip *via, struct lab_pos pos)
{
	struct labfile_route route = {.pos = pos, .via = *via, .is_auto = true};
	uint32_t max = node->n_routes;

	route.dst.ip.family = via->ip.family;
	return lab_build_route_add(b, node, &route, &max);
}

static void report_unknown(struct gateways *g, const struct labfile_node *node, struct lab_pos pos)
{
	struct lab_suggest s = lab_suggest_start(node->gateway);

	for (uint32_t i = 0; i < g->b->lab->n_nodes && lab_errors_wants(g->b->errs, pos); i++)
		lab_suggest_try(&s, g->b->lab->nodes[i].name);
	lab_suggest_try(&s, "auto");
	lab_suggest_try(&s, "none");
	if (s.best)
		lab_error_add(g->b->errs, pos,
			      "nodes.%s.gateway: there is no node \"%.64s\"; did you mean \"%s\"?",
			      node->name, node->gateway, s.best);
	else
		lab_error_add(g->b->errs, pos,
			      "nodes.%s.gateway: there is no node \"%.64s\"; write the address or "
			      "the name of a router, auto, or none",
			      node->name, node->gateway);
}

/* "gateway: r1" */
static int add_named(struct gateways *g, struct labfile_node *node, struct lab_pos pos)
{
	const struct labfile_node *to = labfile_node_find(g->b->lab, node->gateway);
	const struct lab_ip *ip = to ? shared_addr(node, to) : NULL;

	if (ip && to != node)
		return add_default(g->b, node, &(struct lab_scoped_ip){.ip = *ip}, pos);
	if (!to)
		report_unknown(g, node, pos);
	else if (to == node)
		lab_error_add(g->b->errs, pos,
			      "nodes.%s.gateway: a node is not its own gateway; write the next "
			      "router's name",
			      node->name);
	else
		lab_error_add(
			g->b->errs, pos,
			"nodes.%s.gateway: %s shares no subnet with %s; a gateway is a router "
			"on a link of the node",
			node->name, to->name, node->name);
	gateway_error(g->b);
	return 0;
}

static int add_auto(struct gateways *g, struct labfile_node *node, struct lab_pos pos)
{
	bool is_asked = node->gateway;
	const struct router *r = node_router(g, node, is_asked);

	if (r && (is_asked || !node_has_default(node, r->addr->net.ip.family)))
		return add_default(g->b, node, &(struct lab_scoped_ip){.ip = r->addr->net.ip},
				   is_asked ? pos : r->addr->pos);
	if (!r && is_asked) {
		lab_error_add(g->b->errs, pos,
			      "nodes.%s.gateway: there is no router on the links of %s; set "
			      "\"forwarding: true\" on the node that is to be one",
			      node->name, node->name);
		gateway_error(g->b);
	}
	return 0;
}

static int add_gateway(struct gateways *g, struct labfile_node *node)
{
	struct lab_pos pos = lab_build_field_pos(g->b, &node->gateway, node->pos);
	struct lab_scoped_ip ip;

	if (node->kind == LABFILE_SWITCH || (!node->gateway && node->forwarding))
		return 0;
	if (!node->gateway || strcmp(node->gateway, "auto") == 0)
		return add_auto(g, node, pos);
	if (strcmp(node->gateway, "none") == 0)
		return 0;
	if (lab_scoped_ip_parse(node->gateway, &ip) == 0)
		return add_default(g->b, node, &ip, pos);
	return add_named(g, node, pos);
}

int labfile_gateways(struct lab_build *b)
{
	struct gateways g = {.b = b};
	int err = find_routers(&g);

	for (uint32_t i = 0; i < b->lab->n_nodes && err == 0; i++)
		err = add_gateway(&g, &b->lab->nodes[i]);
	lab_build_fields_sort(b);
	return err;
}
