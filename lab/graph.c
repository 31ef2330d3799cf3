/* SPDX-License-Identifier: MIT */
/*
 * How it works: nodes with a count that hang on one neighbour by their only link are a bunch, and a
 * large bunch is drawn as one node, "h1 - h40". The first of it stands for all; the others are
 * skipped. dot draws the first end of a line above the second, so lines go from the best connected
 * router outwards. Names of nodes and interfaces need no quoting here: their parsers let no quote
 * pass.
 */
#include "lab/graph.h"

#include "lab/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUNCH_MIN = 4, /* fewer are drawn each by itself */
};

#define COLOR_TEXT   "#1f2937"
#define COLOR_SUBTLE "#6b7280"

/* By node of the lab. */
struct bunch {
	uint32_t first; /* the node that stands for this one: itself, or the first of its bunch */
	uint32_t last;  /* of a first: the last of its bunch */
	uint32_t n;     /* of a first: how many they are */
};

struct graph {
	const struct labfile *lab;
	struct bunch *bunches;
	uint32_t *levels; /* by node: links between it and the top of its part of the lab */
	const struct labfile_node **queue;
	uint32_t *n_below; /* by node: links that are drawn downwards from it */
	FILE *out;
};

/* ---- Bunches ---- */

/* The neighbour of a node that has one link; NULL: it has none, more, or one out of the lab. */
static const struct labfile_node *only_neighbour(const struct labfile_node *node)
{
	const struct labfile_iface *peer = NULL;

	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		if (node->ifaces[i].host)
			return NULL;
		if (!node->ifaces[i].link)
			continue;
		if (peer)
			return NULL;
		peer = labfile_iface_peer(&node->ifaces[i]);
	}
	return peer ? peer->node : NULL;
}

/* Copies of one node follow each other, so a bunch is a run of nodes. */
static bool are_of_a_bunch(const struct labfile_node *a, const struct labfile_node *b)
{
	const struct labfile_node *hub = only_neighbour(a);

	return hub && a->copy && b->copy == a->copy + 1 && a->pos.line == b->pos.line &&
	       a->pos.col == b->pos.col && hub == only_neighbour(b);
}

static void find_bunches(struct graph *g, bool all)
{
	const struct labfile *lab = g->lab;

	for (uint32_t i = 0, end; i < lab->n_nodes; i = end) {
		for (end = i + 1; end < lab->n_nodes && !all; end++) {
			if (!are_of_a_bunch(&lab->nodes[end - 1], &lab->nodes[end]))
				break;
		}
		if (end - i < BUNCH_MIN)
			end = i + 1;
		for (uint32_t k = i; k < end; k++)
			g->bunches[k].first = i;
		g->bunches[i].last = end - 1;
		g->bunches[i].n = end - i;
	}
}

/* ---- Levels: what is drawn above what ---- */

static const uint32_t LEVEL_NONE = UINT32_MAX; /* not reached yet */

/* A network is drawn from its best connected router down; without one, from a switch, or a host. */
static uint32_t node_weight(const struct labfile_node *node)
{
	uint32_t n = node->n_ifaces < 100000 ? node->n_ifaces : 100000;

	if (node->kind != LABFILE_SWITCH && node->forwarding)
		n += 1000000;
	else if (node->kind == LABFILE_SWITCH)
		n += 500000;
	return n;
}

/* Breadth first from `top` through its part of the lab. */
static void find_levels_from(struct graph *g, const struct labfile_node *top)
{
	uint32_t n = 0;

	g->levels[top->index] = 0;
	g->queue[n++] = top;
	for (uint32_t at = 0; at < n; at++) {
		const struct labfile_node *node = g->queue[at];

		for (uint32_t i = 0; i < node->n_ifaces; i++) {
			const struct labfile_iface *peer = labfile_iface_peer(&node->ifaces[i]);

			if (!peer || g->levels[peer->node->index] != LEVEL_NONE)
				continue;
			g->levels[peer->node->index] = g->levels[node->index] + 1;
			g->queue[n++] = peer->node;
		}
	}
}

static int heavier_first(const void *a_, const void *b_)
{
	const struct labfile_node *a = *(const struct labfile_node *const *)a_;
	const struct labfile_node *b = *(const struct labfile_node *const *)b_;

	if (node_weight(a) != node_weight(b))
		return node_weight(a) > node_weight(b) ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int find_levels(struct graph *g)
{
	uint32_t n = g->lab->n_nodes;
	const struct labfile_node **tops = calloc(n, sizeof(struct labfile_node *));

	if (!tops)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		g->levels[i] = LEVEL_NONE;
		tops[i] = &g->lab->nodes[i];
	}
	qsort(tops, n, sizeof(struct labfile_node *), heavier_first);
	for (uint32_t i = 0; i < n; i++) {
		if (g->levels[tops[i]->index] == LEVEL_NONE)
			find_levels_from(g, tops[i]);
	}
	free(tops);
	return 0;
}

/* Is it drawn at all? Of a bunch, the first has a link like those of the others. */
static bool link_is_drawn(const struct graph *g, const struct labfile_link *link)
{
	for (int i = 0; i < 2; i++) {
		uint32_t index = link->ends[i].node->index;

		if (g->bunches[index].first != index)
			return false;
	}
	return true;
}

/* The end that is drawn above the other one. */
static int link_top(const struct graph *g, const struct labfile_link *link)
{
	return g->levels[link->ends[1].node->index] < g->levels[link->ends[0].node->index];
}

static void count_below(struct graph *g)
{
	for (uint32_t i = 0; i < g->lab->n_links; i++) {
		const struct labfile_link *link = &g->lab->links[i];

		if (link_is_drawn(g, link))
			g->n_below[link->ends[link_top(g, link)].node->index]++;
	}
	for (uint32_t i = 0; i < g->lab->n_nodes; i++)
		for (uint32_t k = 0; k < g->lab->nodes[i].n_ifaces; k++)
			g->n_below[i] += g->lab->nodes[i].ifaces[k].host != NULL;
}

/* ---- Nodes ---- */

/* Labels at lines that fan out from one node would cover each other: there they stand in it. */
static bool iface_is_in_node(const struct graph *g, const struct labfile_iface *iface)
{
	const struct labfile_link *link = iface->link;
	bool is_upper = link ? link->ends[link_top(g, link)].iface == iface : iface->host != NULL;

	return is_upper && iface->node->kind != LABFILE_SWITCH &&
	       g->n_below[iface->node->index] > 1;
}

/* The counterpart of an interface for the last node of the bunch at its link; NULL: no bunch. */
static const struct labfile_iface *last_of_bunch(const struct graph *g,
						 const struct labfile_iface *iface)
{
	const struct labfile_iface *peer = labfile_iface_peer(iface);
	const struct bunch *own = &g->bunches[iface->node->index];
	const struct bunch *other = peer ? &g->bunches[peer->node->index] : own;
	const struct labfile_node *last;

	if (own->n > 1)
		return &g->lab->nodes[own->last].ifaces[iface - iface->node->ifaces];
	if (other->n <= 1)
		return NULL;
	last = &g->lab->nodes[other->last];
	return labfile_iface_peer(&last->ifaces[peer - peer->node->ifaces]);
}

static void print_ifaces(const struct graph *g, const struct labfile_node *node)
{
	char text[LAB_NET_TEXT];

	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->ifaces[i], *last;

		if (!iface_is_in_node(g, iface) || (iface->link && !link_is_drawn(g, iface->link)))
			continue;
		last = last_of_bunch(g, iface);
		fprintf(g->out, "<br/><font point-size=\"9\" color=\"" COLOR_SUBTLE "\">%s",
			iface->name);
		for (uint32_t k = 0; k < iface->n_addrs; k++)
			fprintf(g->out, " %s", lab_net_format(&iface->addrs[k].net, text));
		if (last && last->n_addrs)
			fprintf(g->out, " &#8211; %s %s", last->name,
				lab_net_format(&last->addrs[0].net, text));
		fprintf(g->out, "</font>");
	}
}

enum {
	ROUND_MAX = 4, /* lines of text in an ellipse; more are in a box with corners cut off */
};

static const char *node_look(const struct graph *g, const struct labfile_node *node)
{
	bool round = g->n_below[node->index] <= ROUND_MAX;

	if (node->kind == LABFILE_SWITCH)
		return "shape=box, style=filled, fillcolor=\"#e5e7eb\", color=\"#6b7280\", "
		       "margin=\"0.12,0.04\", height=0.3";
	if (node->forwarding && !round)
		return node->kind == LABFILE_KERNEL
			       ? "shape=octagon, style=filled, fillcolor=\"#dcfce7\", "
				 "color=\"#15803d\""
			       : "shape=octagon, style=filled, fillcolor=\"#ffedd5\", "
				 "color=\"#c2410c\"";
	if (node->kind == LABFILE_KERNEL && node->forwarding)
		return "shape=ellipse, style=filled, fillcolor=\"#dcfce7\", color=\"#15803d\"";
	if (node->kind == LABFILE_KERNEL)
		return "shape=box, style=\"rounded,filled\", fillcolor=\"#dcfce7\", "
		       "color=\"#15803d\"";
	if (node->forwarding)
		return "shape=ellipse, style=filled, fillcolor=\"#ffedd5\", color=\"#c2410c\"";
	return "shape=box, style=\"rounded,filled\", fillcolor=\"#dbeafe\", color=\"#1d4ed8\"";
}

/* The small print of a node: how many, whose stack, what it serves. */
static void print_details(const struct graph *g, const struct labfile_node *node)
{
	static const char *const kinds[] = {
		[LABFILE_WEFT] = NULL, [LABFILE_KERNEL] = "kernel", [LABFILE_SWITCH] = "switch"};
	uint32_t n = g->bunches[node->index].n, seen = 0, offset;
	const struct lab_schema *nodes = lab_schema_key(&lab_schema_file, "nodes", &offset)->sub;
	const struct lab_schema *services = lab_schema_key(nodes, "services", &offset)->sub;
	const char *sep = "<br/><font point-size=\"9\">", *start = sep;

	if (n > 1) {
		fprintf(g->out, "%s%u nodes", sep, n);
		sep = ", ";
	}
	if (kinds[node->kind]) {
		fprintf(g->out, "%s%s", sep, kinds[node->kind]);
		sep = ", ";
	}
	for (uint32_t i = 0; i < node->n_services; i++) {
		uint32_t kind = node->services[i].kind;

		if (!(seen & 1u << kind))
			fprintf(g->out, "%s%s", sep, services->keys[kind].name);
		seen |= 1u << kind;
		sep = ", ";
	}
	if (sep != start)
		fprintf(g->out, "</font>");
}

static void print_node(const struct graph *g, const struct labfile_node *node)
{
	const struct bunch *bunch = &g->bunches[node->index];

	fprintf(g->out, "\t\"%s\" [%s, label=<<b>%s", node->name, node_look(g, node), node->name);
	if (bunch->n > 1)
		fprintf(g->out, " &#8211; %s", g->lab->nodes[bunch->last].name);
	fprintf(g->out, "</b>");
	print_details(g, node);
	print_ifaces(g, node);
	fprintf(g->out, ">%s];\n", bunch->n > 1 ? ", peripheries=2" : "");
}

/* ---- Links ---- */

/* Text on a line hides it, so that it can be read. */
#define LABEL_OPEN \
	"<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" bgcolor=\"white\"><tr><td>"
#define LABEL_CLOSE "</td></tr></table>>"

/* What stands at an end: the interface and its addresses; nothing at switches. */
static void print_end(const struct graph *g, const char *key, const struct labfile_iface *iface)
{
	const struct labfile_iface *last = last_of_bunch(g, iface);
	char text[LAB_NET_TEXT];

	if (iface->node->kind == LABFILE_SWITCH || iface_is_in_node(g, iface))
		return;
	fprintf(g->out, ", %s=" LABEL_OPEN "%s", key, iface->name);
	for (uint32_t i = 0; i < iface->n_addrs; i++)
		fprintf(g->out, "<br/>%s", lab_net_format(&iface->addrs[i].net, text));
	if (last && last->n_addrs)
		fprintf(g->out, "<br/>&#8211; %s", lab_net_format(&last->addrs[0].net, text));
	fprintf(g->out, LABEL_CLOSE);
}

static void print_way(const struct graph *g, const struct labfile_link *link, int from,
		      const char *shape)
{
	fprintf(g->out, "%s &#8594; %s: %s", link->ends[from].node->name,
		link->ends[!from].node->name, *shape ? shape : "as it is");
}

static void print_shape(const struct graph *g, const struct labfile_link *link)
{
	char ab[LABFILE_SHAPE_TEXT], ba[LABFILE_SHAPE_TEXT];

	labfile_shape_format(&link->dir[0], ab);
	labfile_shape_format(&link->dir[1], ba);
	if (strcmp(ab, ba) != 0) {
		fprintf(g->out, ", label=" LABEL_OPEN);
		print_way(g, link, 0, ab);
		fprintf(g->out, "<br/>");
		print_way(g, link, 1, ba);
		fprintf(g->out, LABEL_CLOSE);
	} else if (*ab) {
		fprintf(g->out, ", label=" LABEL_OPEN "%s" LABEL_CLOSE, ab);
	}
	if (!link->up)
		fprintf(g->out, ", style=dashed, color=\"#dc2626\"");
}

/* From the upper end to the lower one: that is how dot puts them. */
static void print_link(const struct graph *g, const struct labfile_link *link)
{
	const struct labfile_end *ends = link->ends;
	int top = link_top(g, link);

	if (!link_is_drawn(g, link))
		return;
	fprintf(g->out, "\t\"%s\" -- \"%s\" [tooltip=\"%s -- %s\"", ends[top].node->name,
		ends[!top].node->name, ends[0].text, ends[1].text);
	print_end(g, "taillabel", ends[top].iface);
	print_end(g, "headlabel", ends[!top].iface);
	print_shape(g, link);
	fprintf(g->out, "];\n");
}

/* Interfaces of the machine: what is behind them is not of the lab. */
static void print_outside(const struct graph *g, const struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->ifaces[i];

		if (!iface->host)
			continue;
		/* No node of the lab has a colon in its name. */
		fprintf(g->out,
			"\t\"host:%s\" [shape=box, style=\"dashed,filled\", fillcolor=white, "
			"color=\"" COLOR_SUBTLE "\", label=<<b>%s</b><br/>"
			"<font point-size=\"9\">of the machine%s</font>>];\n",
			iface->host, iface->host,
			iface->driver == LABFILE_DRIVER_XDP ? ", xdp" : "");
		fprintf(g->out, "\t\"%s\" -- \"host:%s\" [tooltip=\"%s:%s -- %s\"", node->name,
			iface->host, node->name, iface->name, iface->host);
		print_end(g, "taillabel", iface);
		fprintf(g->out, "];\n");
	}
}

static void print_graph(const struct graph *g)
{
	const struct labfile *lab = g->lab;

	fprintf(g->out,
		"graph \"%s\" {\n"
		"\tgraph [fontname=\"Helvetica,Arial,sans-serif\", fontsize=16, "
		"fontcolor=\"" COLOR_TEXT "\", label=<<b>%s</b>>, labelloc=t, bgcolor=white, "
		"pad=0.3, nodesep=0.7, ranksep=1.5];\n"
		"\tnode [fontname=\"Helvetica,Arial,sans-serif\", fontsize=12, "
		"fontcolor=\"" COLOR_TEXT "\", penwidth=1.4];\n"
		"\tedge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, "
		"fontcolor=\"" COLOR_SUBTLE "\", color=\"#4b5563\", penwidth=1.2, "
		"labeldistance=3.4, labelangle=0];\n",
		lab->name, lab->name);
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		if (g->bunches[i].first == i)
			print_node(g, &lab->nodes[i]);
	}
	for (uint32_t i = 0; i < lab->n_links; i++)
		print_link(g, &lab->links[i]);
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		print_outside(g, &lab->nodes[i]);
	fprintf(g->out, "}\n");
}

int lab_graph_print(const struct labfile *lab, bool all, FILE *out)
{
	struct graph g = {.lab = lab, .out = out};
	int err = -ENOMEM;

	g.bunches = calloc(lab->n_nodes, sizeof(*g.bunches));
	g.levels = calloc(lab->n_nodes, sizeof(*g.levels));
	g.queue = calloc(lab->n_nodes, sizeof(struct labfile_node *));
	g.n_below = calloc(lab->n_nodes, sizeof(*g.n_below));
	if (g.bunches && g.levels && g.queue && g.n_below)
		err = find_levels(&g);
	if (err == 0) {
		find_bunches(&g, all);
		count_below(&g);
		print_graph(&g);
	}
	free(g.bunches);
	free(g.levels);
	free(g.queue);
	free(g.n_below);
	return err;
}
