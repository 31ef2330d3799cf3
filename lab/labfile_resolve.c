/* SPDX-License-Identifier: MIT */
/*
 * Names to pointers: the ends of links, devices of routes, targets of hosts, interfaces to
 * capture. A switch gets the ports that links name, and so does a node that says nothing about its
 * interfaces; after that, interfaces do not move any more.
 * Also what follows from links: MTUs, both directions in full, and segments.
 *
 * A segment is what hears one broadcast: all links that are joined by switches. Their numbers are
 * found with a union-find over links, and given in the order of the file.
 */
#include "lab/labfile_priv.h"
#include "lab/schema.h"
#include "lab/suggest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void report_broken(struct lab_build *b)
{
	b->broken |= LAB_BROKEN_PLAN;
}

static int by_name_cmp(const void *a, const void *b)
{
	return strcasecmp((*(struct labfile_node *const *)a)->name,
			  (*(struct labfile_node *const *)b)->name);
}

/* The reader has refused names that stand in the file twice; a count can make them so. */
static void check_names(struct lab_build *b)
{
	for (uint32_t i = 1; i < b->lab->n_nodes; i++) {
		const struct labfile_node *x = b->lab->by_name[i - 1], *y = b->lab->by_name[i];
		bool swap = x->pos.line > y->pos.line ||
			    (x->pos.line == y->pos.line && x->pos.col > y->pos.col);
		const struct labfile_node *first = swap ? y : x, *second = swap ? x : y;

		if (strcasecmp(x->name, y->name) != 0)
			continue;
		lab_error_add(b->errs, second->pos,
			      "nodes: there is a node \"%s\" on line %u already (a count makes "
			      "NAME1, NAME2 ...); rename one",
			      second->name, first->pos.line);
		b->broken |= LAB_BROKEN_NAMES | LAB_BROKEN_PLAN;
	}
}

static int index_nodes(struct lab_build *b)
{
	struct labfile *lab = b->lab;

	lab->by_name = arena_alloc_array(&lab->arena, lab->n_nodes, sizeof(struct labfile_node *));
	if (!lab->by_name)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		lab->nodes[i].index = i;
		lab->by_name[i] = &lab->nodes[i];
	}
	if (lab->n_nodes)
		qsort(lab->by_name, lab->n_nodes, sizeof(struct labfile_node *), by_name_cmp);
	check_names(b);
	return 0;
}

static const char *suggest_node(const struct labfile *lab, const char *name)
{
	struct lab_suggest s = lab_suggest_start(name);

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		lab_suggest_try(&s, lab->nodes[i].name);
	return s.best;
}

static const char *suggest_iface(const struct labfile_node *node, const char *name)
{
	struct lab_suggest s = lab_suggest_start(name);

	for (uint32_t i = 0; i < node->n_ifaces; i++)
		lab_suggest_try(&s, node->ifaces[i].name);
	return s.best;
}

/* "node:interface" was checked by its parser; the colon is there. */
static const char *end_iface_name(const struct labfile_end *end)
{
	return strrchr(end->text, ':') + 1;
}

static void report_no_node(struct lab_build *b, struct lab_pos pos, const char *where,
			   const char *name, bool is_bare)
{
	const struct lab_group *group = lab_build_group(b, name);
	const char *best =
		lab_errors_wants(b->errs, pos) && !group ? suggest_node(b->lab, name) : NULL;

	if (group)
		lab_error_add(b->errs, pos,
			      "%s: \"%s\" is %s1 to %s%u, because of its count; write one of them",
			      where, group->name, group->name, group->name, group->count);
	else if (best)
		lab_error_add(b->errs, pos, "%s: there is no node \"%s\"; did you mean \"%s\"?",
			      where, name, best);
	else if (is_bare)
		lab_error_add(b->errs, pos,
			      "%s: there is no node \"%s\"; write NODE:INTERFACE, or the name of "
			      "a switch alone",
			      where, name);
	else
		lab_error_add(b->errs, pos, "%s: there is no node \"%s\"; add it under nodes",
			      where, name);
	report_broken(b);
}

static void report_no_iface(struct lab_build *b, struct lab_pos pos, const char *where,
			    const struct labfile_node *node, const char *name)
{
	const char *best = lab_errors_wants(b->errs, pos) ? suggest_iface(node, name) : NULL;

	if (best)
		lab_error_add(b->errs, pos, "%s: %s has no interface \"%s\"; did you mean \"%s\"?",
			      where, node->name, name, best);
	else
		lab_error_add(b->errs, pos,
			      "%s: %s has no interface \"%s\"; add it under nodes.%s.interfaces",
			      where, node->name, name, node->name);
	report_broken(b);
}

/* NULL: there is no such node, and an error says so; or the text was no end in the first place. */
static struct labfile_node *end_node(struct lab_build *b, const struct labfile_end *end,
				     const char *where)
{
	const char *colon = end->text ? strrchr(end->text, ':') : NULL;
	char name[LABFILE_NODE_NAME_MAX + 1] = {0};
	struct labfile_node *node;

	if (!end->text)
		return NULL;
	memcpy(name, end->text, colon ? (size_t)(colon - end->text) : strlen(end->text));
	node = labfile_node_find(b->lab, name);
	if (!node) {
		report_no_node(b, end->pos, where, name, !colon);
	} else if (!colon && node->kind != LABFILE_SWITCH) {
		lab_error_add(b->errs, end->pos,
			      "%s: which interface of %s? write %s:eth0, for example", where, name,
			      name);
		report_broken(b);
		return NULL;
	}
	return node;
}

/* ---- Ports of switches ---- */

static int node_add_iface(struct labfile *lab, struct labfile_node *node, uint32_t *max_ifaces,
			  const struct labfile_end *end)
{
	if (node->n_ifaces == *max_ifaces) {
		uint32_t max = *max_ifaces ? 2 * *max_ifaces : 8;
		struct labfile_iface *ifaces = arena_alloc_array(&lab->arena, max, sizeof(*ifaces));

		if (!ifaces)
			return -ENOMEM;
		if (node->n_ifaces)
			memcpy(ifaces, node->ifaces, node->n_ifaces * sizeof(*ifaces));
		node->ifaces = ifaces;
		*max_ifaces = max;
	}
	node->ifaces[node->n_ifaces++] = (struct labfile_iface){
		.pos = end->pos, .name = end_iface_name(end), .is_implied = true};
	return 0;
}

/* The interfaces of a node while links add to them. */
struct ports {
	uint32_t max;    /* room in node->ifaces */
	bool are_open;   /* links may add to them */
	uint32_t n_bare; /* the number of the last port that has been made up */
};

/* A name for the port at an end that is a switch alone: the next of p1, p2 ... that is free. */
static int name_port(struct lab_build *b, struct ports *ports, struct labfile_end *end)
{
	char name[LABFILE_IFACE_NAME_MAX + 1];

	do {
		snprintf(name, sizeof(name), "p%u", ++ports->n_bare);
	} while (labfile_iface_find(end->node, name));
	end->text = arena_printf(&b->lab->arena, "%s:%s", end->node->name, name);
	return end->text ? 0 : -ENOMEM;
}

static int resolve_port(struct lab_build *b, struct ports *ports, struct labfile_end *end,
			bool is_bare)
{
	struct labfile_node *node = end->node;
	int err = 0;

	if (!node || !ports[node->index].are_open || node->n_ifaces > LABFILE_MAX_IFACES ||
	    is_bare != !strchr(end->text, ':'))
		return 0;
	if (is_bare)
		err = name_port(b, &ports[node->index], end);
	if (err < 0 || labfile_iface_find(node, end_iface_name(end)))
		return err;
	return node_add_iface(b->lab, node, &ports[node->index].max, end);
}

/*
 * Finds the nodes of all links, and adds what ports they lack: first those that links name, then
 * those that have to be made up.
 */
static int resolve_link_nodes(struct lab_build *b)
{
	struct labfile *lab = b->lab;
	struct ports *ports = arena_alloc_array(&b->tmp, lab->n_nodes, sizeof(*ports));
	char where[32];
	int err = 0;

	if (!ports)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = &lab->nodes[i];

		ports[i].max = node->n_ifaces;
		ports[i].are_open = node->kind == LABFILE_SWITCH || !node->ifaces;
	}
	for (uint32_t i = 0; i < 2 * lab->n_links; i++) {
		struct labfile_end *end = &lab->links[i / 2].ends[i % 2];

		snprintf(where, sizeof(where), "links[%u]", lab->links[i / 2].number);
		end->node = end_node(b, end, where);
	}
	for (uint32_t i = 0; i < 2 * lab->n_links && err == 0; i++)
		err = resolve_port(b, ports, &lab->links[i / 2].ends[i % 2], false);
	for (uint32_t i = 0; i < 2 * lab->n_links && err == 0; i++)
		err = resolve_port(b, ports, &lab->links[i / 2].ends[i % 2], true);
	return err;
}

static void resolve_iface_nodes(struct lab_build *b)
{
	for (uint32_t i = 0; i < b->lab->n_nodes; i++) {
		struct labfile_node *node = &b->lab->nodes[i];

		for (uint32_t k = 0; k < node->n_ifaces; k++)
			node->ifaces[k].node = node;
		if (node->n_ifaces > LABFILE_MAX_IFACES) {
			lab_error_add(b->errs, node->pos, "nodes.%s: more than %d interfaces",
				      node->name, LABFILE_MAX_IFACES);
			report_broken(b);
		}
	}
}

/* ---- Links ---- */

static void resolve_end(struct lab_build *b, struct labfile_link *link, uint32_t i)
{
	struct labfile_end *end = &link->ends[i];
	struct labfile_iface *iface;
	char where[32];

	snprintf(where, sizeof(where), "links[%u]", link->number);
	if (!end->node || !strchr(end->text, ':')) /* a switch with too many ports */
		return;
	iface = labfile_iface_find(end->node, end_iface_name(end));
	if (!iface) {
		report_no_iface(b, end->pos, where, end->node, end_iface_name(end));
		return;
	}
	if (iface->link == link) {
		lab_error_add(b->errs, end->pos,
			      "%s: both ends are %s; a link joins two interfaces", where,
			      end->text);
		report_broken(b);
	} else if (iface->link) {
		lab_error_add(
			b->errs, end->pos,
			"%s: %s is an end of links[%u] (line %u) already; an interface has one "
			"link, a switch joins several",
			where, end->text, iface->link->number, iface->link->pos.line);
		report_broken(b);
	} else {
		end->iface = iface;
		iface->link = link;
		iface->end = i;
	}
}

/* What a direction does not say for itself, it takes from another shape: those of the keys `mask`.
 */
static void shape_inherit(const struct lab_schema *schema, struct labfile_shape *dir,
			  const struct labfile_shape *from, uint32_t mask)
{
	for (uint32_t i = 0; schema->keys[i].name; i++) {
		const struct lab_key *key = &schema->keys[i];

		if (!(dir->given & 1u << i) && mask & 1u << i)
			memcpy((char *)dir + key->offset, (const char *)from + key->offset,
			       lab_type_infos[key->type].size);
	}
}

/* What a change does not say stays as it was. */
static void resolve_changes(const struct lab_schema *schema, struct labfile_link *link)
{
	const struct labfile_shape *was[2] = {&link->dir[0], &link->dir[1]};

	for (uint32_t i = 0; i < link->n_changes; i++) {
		struct labfile_change *change = &link->changes[i];

		for (int d = 0; d < 2; d++) {
			struct labfile_shape *dir = &change->dir[d];

			shape_inherit(schema, dir, was[d], ~change->both.given);
			shape_inherit(schema, dir, &change->both, change->both.given);
			if (dir->pos.line == 0)
				dir->pos = change->pos;
			was[d] = dir;
		}
	}
}

static const struct lab_schema *shape_schema(void)
{
	for (size_t i = 0; lab_schemas[i]; i++) {
		if (lab_schemas[i]->also)
			return lab_schemas[i]->also;
	}
	return NULL;
}

static void resolve_links(struct lab_build *b)
{
	const struct lab_schema *schema = shape_schema();

	for (uint32_t i = 0; i < b->lab->n_links; i++) {
		struct labfile_link *link = &b->lab->links[i];

		link->index = i;
		resolve_end(b, link, 0);
		resolve_end(b, link, 1);
		for (int d = 0; d < 2; d++) {
			if (link->dir[d].pos.line == 0)
				link->dir[d].pos = link->pos;
			shape_inherit(schema, &link->dir[d], &link->both, UINT32_MAX);
		}
		resolve_changes(schema, link);
	}
}

/* An interface without an MTU of its own has its link's; unconnected, Ethernet's; one of the
 * machine's keeps what it has. */
static void resolve_mtus(struct labfile *lab)
{
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		struct labfile_node *node = &lab->nodes[i];

		for (uint32_t k = 0; k < node->n_ifaces; k++) {
			struct labfile_iface *iface = &node->ifaces[k];

			if (iface->mtu == 0 && !iface->host)
				iface->mtu = iface->link ? iface->link->mtu : 1500;
		}
	}
}

/* ---- Segments ---- */

static uint32_t group_find(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

static uint32_t *groups_new(struct lab_build *b, uint32_t n)
{
	uint32_t *parent = arena_alloc_array(&b->tmp, n, sizeof(*parent));

	for (uint32_t i = 0; parent && i < n; i++)
		parent[i] = i;
	return parent;
}

static void join_switch_links(const struct labfile_node *node, uint32_t *parent)
{
	const struct labfile_link *first = NULL;

	for (uint32_t k = 0; k < node->n_ifaces; k++) {
		const struct labfile_link *link = node->ifaces[k].link;

		if (!link)
			continue;
		if (!first)
			first = link;
		parent[group_find(parent, link->index)] = group_find(parent, first->index);
	}
}

static int resolve_segments(struct lab_build *b)
{
	struct labfile *lab = b->lab;
	uint32_t *parent = groups_new(b, lab->n_links);
	uint32_t *number = arena_alloc_array(&b->tmp, lab->n_links, sizeof(*number));
	uint32_t n = 0;

	if (!parent || !number)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		if (lab->nodes[i].kind == LABFILE_SWITCH)
			join_switch_links(&lab->nodes[i], parent);
	}
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		for (uint32_t k = 0; k < lab->nodes[i].n_ifaces; k++) {
			struct labfile_iface *iface = &lab->nodes[i].ifaces[k];
			uint32_t *group;

			if (!iface->link) {
				iface->segment = n++;
				continue;
			}
			group = &number[group_find(parent, iface->link->index)];
			if (*group == 0)
				*group = ++n; /* one more than the number, so that 0 is none */
			iface->segment = *group - 1;
		}
	}
	lab->n_segments = n;
	return 0;
}

/* Without a spanning tree, a broadcast would go round a circle of switches for ever. */
static int check_switch_circles(struct lab_build *b)
{
	struct labfile *lab = b->lab;
	uint32_t *parent = groups_new(b, lab->n_nodes);

	if (!parent)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_links; i++) {
		const struct labfile_link *link = &lab->links[i];
		const struct labfile_node *n0 = link->ends[0].node, *n1 = link->ends[1].node;

		if (!link->up || !n0 || !n1 || n0->kind != LABFILE_SWITCH ||
		    n1->kind != LABFILE_SWITCH)
			continue;
		if (group_find(parent, n0->index) == group_find(parent, n1->index)) {
			lab_error_add(b->errs, link->pos,
				      "links[%u]: this link closes a circle of switches, in which "
				      "broadcasts never end; remove it, or set \"up: false\"",
				      link->number);
			continue;
		}
		parent[group_find(parent, n0->index)] = group_find(parent, n1->index);
	}
	return 0;
}

/* ---- Routes, hosts, captures ---- */

static void resolve_routes(struct lab_build *b, struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_routes; i++) {
		struct labfile_route *route = &node->routes[i];
		char where[LABFILE_NODE_NAME_MAX + 40];

		if (!route->dev_name)
			continue;
		route->iface = labfile_iface_find(node, route->dev_name);
		snprintf(where, sizeof(where), "nodes.%s.routes[%u]", node->name, i);
		if (!route->iface)
			report_no_iface(b, lab_build_field_pos(b, &route->dev_name, route->pos),
					where, node, route->dev_name);
	}
}

static void resolve_hosts(struct lab_build *b, struct labfile_host *hosts, uint32_t n,
			  const struct labfile_node *of)
{
	for (uint32_t i = 0; i < n; i++) {
		struct labfile_host *host = &hosts[i];
		struct lab_pos pos;
		const struct labfile_node *node;
		char where[2 * LAB_ERROR_TEXT];

		if (!host->target || lab_ip_parse(host->target, &host->ip) == 0)
			continue;
		pos = lab_build_field_pos(b, &host->target, host->pos);
		snprintf(where, sizeof(where), "%s%s%shosts.%s", of ? "nodes." : "",
			 of ? of->name : "", of ? "." : "", host->name);
		node = labfile_node_find(b->lab, host->target);
		if (!node)
			report_no_node(b, pos, where, host->target, false);
		else if (!labfile_node_addr(node) && !b->broken) /* else it may just lack it now */
			lab_error_add(b->errs, pos,
				      "%s: node \"%s\" has no address; give it one, or write an "
				      "address here",
				      where, node->name);
		else if (!labfile_node_addr(node))
			continue;
		else
			host->ip = *labfile_node_addr(node);
	}
}

static void resolve_captures(struct lab_build *b)
{
	for (uint32_t i = 0; i < b->lab->n_captures; i++) {
		struct labfile_end *end = &b->lab->captures[i];
		char where[32];

		snprintf(where, sizeof(where), "capture[%u]", i);
		end->node = end_node(b, end, where);
		if (!end->node)
			continue;
		end->iface = labfile_iface_find(end->node, end_iface_name(end));
		if (!end->iface)
			report_no_iface(b, end->pos, where, end->node, end_iface_name(end));
	}
}

void labfile_resolve_hosts(struct lab_build *b)
{
	for (uint32_t i = 0; i < b->lab->n_nodes; i++) {
		struct labfile_node *node = &b->lab->nodes[i];

		resolve_hosts(b, node->hosts, node->n_hosts, node);
	}
	resolve_hosts(b, b->lab->hosts, b->lab->n_hosts, NULL);
}

int labfile_resolve(struct lab_build *b)
{
	int err = index_nodes(b);

	if (err == 0 && b->broken & LAB_BROKEN_NAMES)
		return 0;
	if (err == 0)
		err = resolve_link_nodes(b);
	if (err < 0)
		return err;
	resolve_iface_nodes(b);
	resolve_links(b);
	resolve_mtus(b->lab);
	for (uint32_t i = 0; i < b->lab->n_nodes; i++)
		resolve_routes(b, &b->lab->nodes[i]);
	resolve_captures(b);
	err = resolve_segments(b);
	return err < 0 ? err : check_switch_circles(b);
}
