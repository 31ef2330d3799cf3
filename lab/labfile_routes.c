/* SPDX-License-Identifier: MIT */
/*
 * Routes: each by itself (is its gateway on a link of the node, is it a router at all), those of a
 * node together (duplicates), and those of the lab (loops).
 *
 * A loop is found by following packets: for the first and the last address of every route's
 * prefix, each node has one next node, and a walk that meets itself again goes round. The walk
 * stops at a budget, which only labs with thousands of routes use up; loops are warnings.
 */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOP_BUDGET = 20 * 1000 * 1000, /* routes and addresses looked at */
	LOOP_REPORTS = LAB_WARNINGS_MAX,
};

struct routes {
	struct lab_build *b;
	struct lab_owners owners;
	/* Loops: */
	uint32_t *mark; /* by node: in which walk it was met; 0: never */
	uint32_t n_marks;
	int64_t budget;
	const struct labfile_route *reported[LOOP_REPORTS];
	uint32_t n_reported;
};

/* The place of a route in words: "nodes.laptop.routes[0]". */
enum {
	WHERE_TEXT = LABFILE_NODE_NAME_MAX + 32
};

static const char *route_where(const struct labfile_node *node, const struct labfile_route *route,
			       char buf[static WHERE_TEXT])
{
	if (route->is_auto)
		snprintf(buf, WHERE_TEXT, "nodes.%s.gateway", node->name);
	else
		snprintf(buf, WHERE_TEXT, "nodes.%s.routes[%u]", node->name,
			 (uint32_t)(route - node->routes));
	return buf;
}

/* The interface in one of whose subnets the address is; the longest prefix wins. */
static struct labfile_iface *node_iface_to(const struct labfile_node *node, const struct lab_ip *ip,
					   int *ret_len)
{
	struct labfile_iface *best = NULL;
	int best_len = -1;

	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		struct labfile_iface *iface = &node->ifaces[i];

		for (uint32_t k = 0; k < iface->n_addrs; k++) {
			const struct lab_net *net = &iface->addrs[k].net;

			if (net->len > best_len && lab_net_has(net, ip)) {
				best = iface;
				best_len = net->len;
			}
		}
	}
	*ret_len = best_len;
	return best;
}

static bool node_has_addr(const struct labfile_node *node, const struct lab_ip *ip)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		for (uint32_t k = 0; k < node->ifaces[i].n_addrs; k++) {
			if (lab_ip_eq(&node->ifaces[i].addrs[k].net.ip, ip))
				return true;
		}
	}
	return false;
}

/* "PREFIX dev IF" makes addresses reachable that no subnet of the node has. */
static struct labfile_iface *node_onlink_to(const struct labfile_node *node,
					    const struct lab_ip *ip)
{
	for (uint32_t i = 0; i < node->n_routes; i++) {
		const struct labfile_route *route = &node->routes[i];

		if (route->via.ip.family == LAB_IP_NONE && lab_net_has(&route->dst, ip))
			return route->iface;
	}
	return NULL;
}

/* ---- One route ---- */

/* "default" takes the family of its gateway, and without one is IPv4's. */
static void route_set_family(struct labfile_route *route)
{
	if (route->dst.ip.family == LAB_IP_NONE)
		route->dst.ip.family = route->via.ip.family ? route->via.ip.family : LAB_IP4;
}

static void check_gateway_node(struct routes *r, const struct labfile_node *node,
			       const struct labfile_route *route, struct lab_pos pos)
{
	const struct labfile_iface *owner =
		lab_owners_find(&r->owners, route->iface->segment, &route->via.ip);
	char where[WHERE_TEXT], ip[LAB_IP_TEXT];

	route_where(node, route, where);
	lab_ip_format(&route->via.ip, ip);
	if (!owner && route->iface->link)
		lab_warning_add(r->b->errs, pos,
				"%s: nobody on the link of %s:%s has the gateway's address %s; "
				"write that of a router there",
				where, node->name, route->iface->name, ip);
	else if (owner && !owner->node->forwarding)
		lab_warning_add(
			r->b->errs, pos,
			"%s: the gateway %s is %s, which does not forward; set \"forwarding: "
			"true\" there",
			where, ip, owner->node->name);
}

/* A link-local gateway may be on any link; the file has to say on which. */
static void check_link_local(struct routes *r, struct labfile_node *node,
			     struct labfile_route *route, struct lab_pos pos)
{
	const char *zone = route->via.zone;
	char where[WHERE_TEXT], ip[LAB_IP_TEXT];
	struct labfile_iface *iface = zone[0] ? labfile_iface_find(node, zone) : NULL;

	route_where(node, route, where);
	lab_ip_format(&route->via.ip, ip);
	if (zone[0] && !iface)
		lab_error_add(r->b->errs, pos,
			      "%s: the gateway %s%%%s is on an interface that %s does not have",
			      where, ip, zone, node->name);
	else if (zone[0] && route->iface && route->iface != iface)
		lab_error_add(r->b->errs, pos,
			      "%s: the gateway %s is on the link of %s, not of %s; leave out "
			      "\"dev\"",
			      where, ip, zone, route->iface->name);
	else if (!zone[0] && !route->iface)
		lab_error_add(r->b->errs, pos,
			      "%s: a link-local gateway may be on any link; write its interface "
			      "behind it, such as %s%%%s",
			      where, ip, node->n_ifaces ? node->ifaces[0].name : "eth0");
	else if (zone[0])
		route->iface = iface;
}

static void check_gateway(struct routes *r, struct labfile_node *node, struct labfile_route *route)
{
	struct lab_pos pos = lab_build_field_pos(r->b, &route->via, route->pos);
	struct labfile_iface *iface;
	char where[WHERE_TEXT], ip[LAB_IP_TEXT];
	int len;

	route_where(node, route, where);
	lab_ip_format(&route->via.ip, ip);
	if (route->via.ip.family != route->dst.ip.family) {
		lab_error_add(r->b->errs, pos,
			      "%s: the gateway %s is of the other IP version; write one of the "
			      "same as the destination",
			      where, ip);
		return;
	}
	if (node_has_addr(node, &route->via.ip)) {
		lab_error_add(
			r->b->errs, pos,
			"%s: the gateway %s is an address of %s itself; write the next router's",
			where, ip, node->name);
		return;
	}
	if (lab_ip_is_link_local6(&route->via.ip)) {
		check_link_local(r, node, route, pos);
		return;
	}
	iface = node_iface_to(node, &route->via.ip, &len);
	if (!iface)
		iface = node_onlink_to(node, &route->via.ip);
	if (!iface) {
		lab_error_add(
			r->b->errs, pos,
			"%s: the gateway %s is in no subnet of %s; a gateway is the address of "
			"a router on a link of the node",
			where, ip, node->name);
		return;
	}
	if (route->iface && route->iface != iface) {
		lab_error_add(
			r->b->errs, pos,
			"%s: the gateway %s is on the link of %s, not of %s; leave out \"dev\"",
			where, ip, iface->name, route->iface->name);
		return;
	}
	route->iface = iface;
	check_gateway_node(r, node, route, pos);
}

static void check_route(struct routes *r, struct labfile_node *node, struct labfile_route *route)
{
	struct lab_pos pos = lab_build_field_pos(r->b, &route->dst, route->pos);
	struct lab_net base;
	char where[WHERE_TEXT], t1[LAB_NET_TEXT], t2[LAB_NET_TEXT];

	route_set_family(route);
	route_where(node, route, where);
	base = lab_net_base(&route->dst);
	if (!lab_ip_eq(&base.ip, &route->dst.ip))
		lab_error_add(r->b->errs, pos,
			      "%s: %s has bits behind its prefix; did you mean %s or %s/%u?", where,
			      lab_net_format(&route->dst, t1), lab_net_format(&base, t2),
			      lab_ip_format(&route->dst.ip, (char[LAB_IP_TEXT]){0}),
			      lab_ip_bits(&route->dst.ip));
	else if (route->via.ip.family)
		check_gateway(r, node, route);
	else if (!route->iface)
		lab_error_add(
			r->b->errs, route->pos,
			"%s: the route leads nowhere; add \"via GATEWAY\" or \"dev INTERFACE\"",
			where);
}

/* ---- The routes of a node ---- */

static int route_cmp(const void *a_, const void *b_)
{
	const struct labfile_route *a = *(const struct labfile_route *const *)a_;
	const struct labfile_route *b = *(const struct labfile_route *const *)b_;
	int cmp = lab_ip_cmp(&a->dst.ip, &b->dst.ip);

	if (cmp)
		return cmp;
	if (a->dst.len != b->dst.len)
		return a->dst.len < b->dst.len ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return a < b ? -1 : a > b; /* of one array: the order of the file */
}

static int check_twins(struct routes *r, const struct labfile_node *node)
{
	const struct labfile_route **list =
		arena_alloc_array(&r->b->tmp, node->n_routes, sizeof(struct labfile_route *));
	char where[WHERE_TEXT], text[LAB_NET_TEXT];

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < node->n_routes; i++)
		list[i] = &node->routes[i];
	qsort(list, node->n_routes, sizeof(*list), route_cmp);
	for (uint32_t i = 1; i < node->n_routes; i++) {
		const struct labfile_route *a = list[i - 1], *b = list[i];

		if (!lab_ip_eq(&a->dst.ip, &b->dst.ip) || a->dst.len != b->dst.len ||
		    a->metric != b->metric)
			continue;
		lab_error_add(
			r->b->errs, b->pos,
			"%s: there is a route for %s already (line %u); remove one or give it "
			"another metric",
			route_where(node, b, where), lab_net_format(&b->dst, text), a->pos.line);
	}
	return 0;
}

/* ---- Loops ---- */

/* The route that a node takes to an address, or NULL: it delivers the packet or has none. */
static const struct labfile_route *node_route_to(const struct labfile_node *node,
						 const struct lab_ip *ip)
{
	const struct labfile_route *best = NULL;
	int connected_len;

	node_iface_to(node, ip, &connected_len);
	for (uint32_t i = 0; i < node->n_routes; i++) {
		const struct labfile_route *route = &node->routes[i];

		if (!lab_net_has(&route->dst, ip) || route->dst.len <= connected_len)
			continue;
		if (!best || route->dst.len > best->dst.len ||
		    (route->dst.len == best->dst.len && route->metric < best->metric))
			best = route;
	}
	return best;
}

static struct labfile_node *node_next_to(struct routes *r, const struct labfile_node *node,
					 const struct lab_ip *ip,
					 const struct labfile_route **ret_route)
{
	const struct labfile_route *route;
	const struct labfile_iface *owner;

	*ret_route = NULL;
	r->budget -= 1 + (int64_t)node->n_ifaces + node->n_routes;
	if (node_has_addr(node, ip))
		return NULL;
	route = node_route_to(node, ip);
	if (!route || !route->via.ip.family)
		return NULL;
	*ret_route = route;
	owner = lab_owners_find(&r->owners, route->iface->segment, &route->via.ip);
	return owner && owner->node->forwarding ? owner->node : NULL;
}

static void report_loop(struct routes *r, struct labfile_node *start, const struct lab_ip *ip)
{
	const struct labfile_route *route, *first;
	struct labfile_node *node = node_next_to(r, start, ip, &first);
	char where[WHERE_TEXT], text[LAB_NET_TEXT], way[200];
	int at = snprintf(way, sizeof(way), "%.63s", start->name);

	for (uint32_t i = 0; i < r->n_reported; i++) {
		if (r->reported[i] == first)
			return;
	}
	if (!first || r->n_reported == LOOP_REPORTS)
		return;
	r->reported[r->n_reported++] = first;
	for (; node && node != start; node = node_next_to(r, node, ip, &route)) {
		if (at < (int)sizeof(way) - 80)
			at += snprintf(way + at, sizeof(way) - (size_t)at, " -> %.63s", node->name);
	}
	snprintf(way + at, sizeof(way) - (size_t)at, " -> %.63s", start->name);
	lab_warning_add(r->b->errs, first->pos,
			"%s: packets for unused addresses in %s go round in a loop: %s; change one "
			"of these routes",
			route_where(start, first, where), lab_net_format(&first->dst, text), way);
}

/* Of the nodes of a loop, the first in the file: so each loop has one name. */
static struct labfile_node *loop_first_node(struct routes *r, struct labfile_node *in,
					    const struct lab_ip *ip)
{
	const struct labfile_route *route;
	struct labfile_node *first = in;

	for (struct labfile_node *n = node_next_to(r, in, ip, &route); n && n != in;
	     n = node_next_to(r, n, ip, &route)) {
		if (n->index < first->index)
			first = n;
	}
	return first;
}

/* Follows packets for one address from every router: who does not forward is in no loop. */
static void check_loops_to(struct routes *r, const struct lab_ip *ip)
{
	const struct labfile *lab = r->b->lab;
	uint32_t before = r->n_marks;

	for (uint32_t i = 0; i < lab->n_nodes && r->budget > 0; i++) {
		struct labfile_node *node = &lab->nodes[i];
		const struct labfile_route *route;
		uint32_t walk;

		if (!node->forwarding)
			continue;
		walk = ++r->n_marks;
		while (node && r->mark[node->index] <= before) {
			r->mark[node->index] = walk;
			node = node_next_to(r, node, ip, &route);
		}
		if (node && r->mark[node->index] == walk)
			report_loop(r, loop_first_node(r, node, ip), ip);
	}
}

/* The shortest ways of `routing: auto` lead nowhere in circles; mixed with others they may. */
static bool route_can_loop(const struct labfile_route *route)
{
	return !route->is_auto || route->dst.len == 0;
}

struct loop_dst {
	struct lab_ip ip;
	uint32_t order; /* in the file */
};

static int by_dst_cmp(const void *a_, const void *b_)
{
	const struct loop_dst *a = a_, *b = b_;
	int cmp = lab_ip_cmp(&a->ip, &b->ip);

	return cmp ? cmp : (int)(a->order > b->order) - (int)(a->order < b->order);
}

static int by_order_cmp(const void *a_, const void *b_)
{
	const struct loop_dst *a = a_, *b = b_;

	return (int)(a->order > b->order) - (int)(a->order < b->order);
}

/* The addresses to follow packets to, each once, in the order of the file. */
static int loop_dsts(struct routes *r, struct loop_dst **ret_list, uint32_t *ret_n)
{
	const struct labfile *lab = r->b->lab;
	struct loop_dst *list;
	uint32_t n = 0, n_kept = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		n += 2 * lab->nodes[i].n_routes;
	list = arena_alloc_array(&r->b->tmp, n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = 0;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		for (uint32_t k = 0; k < lab->nodes[i].n_routes; k++) {
			const struct labfile_route *route = &lab->nodes[i].routes[k];

			if (!route_can_loop(route))
				continue;
			list[n] = (struct loop_dst){route->dst.ip, n};
			n++;
			list[n] = (struct loop_dst){lab_net_last(&route->dst), n};
			n++;
		}
	}
	if (n)
		qsort(list, n, sizeof(*list), by_dst_cmp);
	for (uint32_t i = 0; i < n; i++) {
		if (n_kept == 0 || !lab_ip_eq(&list[n_kept - 1].ip, &list[i].ip))
			list[n_kept++] = list[i];
	}
	if (n_kept)
		qsort(list, n_kept, sizeof(*list), by_order_cmp);
	*ret_list = list;
	*ret_n = n_kept;
	return 0;
}

static int check_loops(struct routes *r)
{
	struct loop_dst *dsts = NULL;
	uint32_t n = 0;
	int err = loop_dsts(r, &dsts, &n);

	r->mark = arena_alloc_array(&r->b->tmp, r->b->lab->n_nodes, sizeof(*r->mark));
	if (err < 0 || !r->mark)
		return -ENOMEM;
	r->budget = LOOP_BUDGET;
	for (uint32_t i = 0; i < n && r->budget > 0; i++)
		check_loops_to(r, &dsts[i].ip);
	return 0;
}

int labfile_routes_check(struct lab_build *b)
{
	struct routes r = {.b = b};
	int err = lab_owners_init(&r.owners, b);
	uint32_t n_errors = b->errs->n_errors;

	for (uint32_t i = 0; i < b->lab->n_nodes && err == 0; i++) {
		struct labfile_node *node = &b->lab->nodes[i];

		for (uint32_t k = 0; k < node->n_routes; k++)
			check_route(&r, node, &node->routes[k]);
		err = check_twins(&r, node);
	}
	if (err == 0 && b->errs->n_errors == n_errors)
		err = check_loops(&r);
	return err;
}
