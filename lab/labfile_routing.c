/* SPDX-License-Identifier: MIT */
/*
 * `routing: auto`: every node that forwards gets a route to every network of the lab that it is not
 * on itself, by the fewest routers between; among equally good ones by the router that is first in
 * the file. Routes of the file win: no other is made for the same prefix.
 *
 * How it works: for each network, a search over routers outwards from its segment (breadth first).
 * A router that is met through a segment sends by the router whose turn it was.
 */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SEARCH_BUDGET = 50 * 1000 * 1000, /* interfaces looked at; a second or so */
};

/* A router's interface on a segment. */
struct port {
	struct labfile_iface *iface;
	uint32_t order; /* in the file */
};

struct routing {
	struct lab_build *b;
	struct port *ports; /* of routers with an address; by segment, then in file order */
	uint32_t *first;    /* by segment: its first port; one more at the end */
	uint32_t n_ports;
	uint32_t *max_routes; /* by node: room in its routes */
	uint32_t n_made;
	int64_t budget;
	/* Of one search: */
	uint32_t round;
	uint32_t *met;     /* by node: the round in which it was met last */
	uint32_t *met_seg; /* by segment: likewise */
	struct labfile_node **queue;
};

static int port_cmp(const void *a_, const void *b_)
{
	const struct port *a = a_, *b = b_;

	if (a->iface->segment != b->iface->segment)
		return a->iface->segment < b->iface->segment ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool iface_carries(const struct labfile_iface *iface)
{
	return iface->n_addrs && iface->link && iface->link->up;
}

static int find_ports(struct routing *r)
{
	struct labfile *lab = r->b->lab;
	uint32_t n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		n += lab->nodes[i].forwarding ? lab->nodes[i].n_ifaces : 0;
	r->ports = arena_alloc_array(&r->b->tmp, n, sizeof(*r->ports));
	r->first = arena_alloc_array(&r->b->tmp, (size_t)lab->n_segments + 1, sizeof(*r->first));
	if (!r->ports || !r->first)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		struct labfile_node *node = &lab->nodes[i];

		for (uint32_t k = 0; k < node->n_ifaces && node->forwarding; k++) {
			if (iface_carries(&node->ifaces[k])) {
				r->ports[r->n_ports] = (struct port){&node->ifaces[k], r->n_ports};
				r->n_ports++;
			}
		}
	}
	if (r->n_ports)
		qsort(r->ports, r->n_ports, sizeof(*r->ports), port_cmp);
	for (uint32_t s = 0, at = 0; s <= lab->n_segments; s++) {
		r->first[s] = at;
		while (at < r->n_ports && r->ports[at].iface->segment == s)
			at++;
	}
	return 0;
}

/* Subnets that are on the node itself, or for which the file has a route. */
static bool node_knows(const struct labfile_node *node, const struct lab_net *net)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		for (uint32_t k = 0; k < node->ifaces[i].n_addrs; k++) {
			struct lab_net own = lab_net_base(&node->ifaces[i].addrs[k].net);

			if (own.len == net->len && lab_ip_eq(&own.ip, &net->ip))
				return true;
		}
	}
	for (uint32_t i = 0; i < node->n_routes && !node->routes[i].is_auto; i++) {
		const struct lab_net *dst = &node->routes[i].dst;

		if (dst->len == net->len && lab_ip_eq(&dst->ip, &net->ip))
			return true;
	}
	return false;
}

/* The address of `to` that a router on the same segment can send to, or NULL. */
static const struct lab_ip *port_addr(const struct labfile_iface *from,
				      const struct labfile_iface *to, uint8_t family)
{
	for (uint32_t i = 0; i < to->n_addrs; i++) {
		const struct lab_ip *ip = &to->addrs[i].net.ip;

		for (uint32_t k = 0; k < from->n_addrs && ip->family == family; k++) {
			if (lab_net_has(&from->addrs[k].net, ip))
				return ip;
		}
	}
	return NULL;
}

static void report_too_many(struct routing *r)
{
	if (r->b->broken)
		return; /* said already */
	lab_error_add(r->b->errs, lab_build_field_pos(r->b, &r->b->lab->routing, r->b->lab->pos),
		      "routing: there are more than %d routes from every router to every network; "
		      "use \"gateway\" and \"routes\" in a lab of this size",
		      LABFILE_MAX_ROUTES);
	r->b->broken |= LAB_BROKEN_PLAN;
}

static int add_route(struct routing *r, struct labfile_node *node, const struct labfile_iface *from,
		     const struct lab_net *net, const struct lab_ip *via)
{
	struct labfile_route route = {
		.pos = from->addrs[0].pos, .dst = *net, .via = {.ip = *via}, .is_auto = true};

	if (node_knows(node, net))
		return 0;
	if (++r->n_made > LABFILE_MAX_ROUTES) {
		report_too_many(r);
		return 0;
	}
	return lab_build_route_add(r->b, node, &route, &r->max_routes[node->index]);
}

static bool iface_is_in(const struct labfile_iface *iface, const struct lab_net *net)
{
	for (uint32_t i = 0; i < iface->n_addrs; i++) {
		if (lab_net_has(net, &iface->addrs[i].net.ip))
			return true;
	}
	return false;
}

/* All routers on the segment that have not been met send by `via`, a port there; NULL: it is the
 * network's own segment, and those that are in the network need no route. */
static int meet_segment(struct routing *r, uint32_t segment, const struct labfile_iface *via,
			const struct lab_net *net, uint32_t *n_queue)
{
	int err = 0;

	if (r->met_seg[segment] == r->round)
		return 0;
	r->met_seg[segment] = r->round;
	for (uint32_t i = r->first[segment]; i < r->first[segment + 1] && err == 0; i++) {
		struct labfile_iface *iface = r->ports[i].iface;
		const struct lab_ip *ip = via ? port_addr(iface, via, net->ip.family) : NULL;

		r->budget--;
		if (r->met[iface->node->index] == r->round ||
		    (via ? !ip : !iface_is_in(iface, net)))
			continue;
		r->met[iface->node->index] = r->round;
		r->queue[(*n_queue)++] = iface->node;
		if (via)
			err = add_route(r, iface->node, iface, net, ip);
	}
	return err;
}

static int search(struct routing *r, uint32_t segment, const struct lab_net *net)
{
	uint32_t n_queue = 0;
	int err;

	r->round++;
	err = meet_segment(r, segment, NULL, net, &n_queue);
	for (uint32_t at = 0; at < n_queue && err == 0 && !r->b->broken; at++) {
		struct labfile_node *node = r->queue[at];

		for (uint32_t k = 0; k < node->n_ifaces && err == 0; k++) {
			if (iface_carries(&node->ifaces[k]))
				err = meet_segment(r, node->ifaces[k].segment, &node->ifaces[k],
						   net, &n_queue);
		}
	}
	return err;
}

/* ---- The networks of the lab ---- */

struct network {
	struct lab_net net;
	uint32_t segment;
};

static int network_cmp(const void *a_, const void *b_)
{
	const struct network *a = a_, *b = b_;
	int cmp;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	cmp = lab_ip_cmp(&a->net.ip, &b->net.ip);
	return cmp ? cmp : (int)a->net.len - (int)b->net.len;
}

static int find_networks(struct routing *r, struct network **ret_list, uint32_t *ret_n)
{
	struct lab_owners owners;
	struct network *list;
	uint32_t n = 0;
	int err = lab_owners_init(&owners, r->b);

	if (err < 0)
		return err;
	list = arena_alloc_array(&r->b->tmp, owners.n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < owners.n; i++)
		list[i] = (struct network){lab_net_base(&owners.list[i].addr->net),
					   owners.list[i].iface->segment};
	if (owners.n)
		qsort(list, owners.n, sizeof(*list), network_cmp);
	for (size_t i = 0; i < owners.n; i++) {
		if (n == 0 || network_cmp(&list[n - 1], &list[i]) != 0)
			list[n++] = list[i];
	}
	*ret_list = list;
	*ret_n = n;
	return 0;
}

static int routing_alloc(struct routing *r)
{
	const struct labfile *lab = r->b->lab;

	r->met = arena_alloc_array(&r->b->tmp, lab->n_nodes, sizeof(*r->met));
	r->met_seg = arena_alloc_array(&r->b->tmp, lab->n_segments, sizeof(*r->met_seg));
	r->queue = arena_alloc_array(&r->b->tmp, lab->n_nodes, sizeof(struct labfile_node *));
	r->max_routes = arena_alloc_array(&r->b->tmp, lab->n_nodes, sizeof(*r->max_routes));
	if (!r->met || !r->met_seg || !r->queue || !r->max_routes)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		r->max_routes[i] = lab->nodes[i].n_routes;
	return find_ports(r);
}

int labfile_routing(struct lab_build *b)
{
	struct routing r = {.b = b, .budget = SEARCH_BUDGET};
	struct network *list;
	uint32_t n;
	int err;

	if (b->lab->routing != LABFILE_ROUTING_AUTO)
		return 0;
	err = routing_alloc(&r);
	if (err == 0)
		err = find_networks(&r, &list, &n);
	for (uint32_t i = 0; err == 0 && i < n && !b->broken && r.budget >= 0; i++)
		err = search(&r, list[i].segment, &list[i].net);
	if (r.budget < 0)
		report_too_many(&r);
	lab_build_fields_sort(b);
	return err;
}
