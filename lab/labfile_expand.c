/* SPDX-License-Identifier: MIT */
/*
 * Nodes with a count: NAME becomes NAME1 to NAMEn, each with its own copy of what stands below, and
 * what names NAME becomes as many links and captures. Ends of links that name a switch alone get a
 * port here too. Afterwards the lab is as if it had been written out in full.
 *
 * How it works: nodes and links move to new arrays. The places of their fields (lab_field_pos)
 * belong to addresses in memory, so they are copied along with the bytes. All copies have the
 * places of what they were made of; errors about them are reported once (lab_errors.is_once), as
 * are those about what many have from `defaults`.
 */
#include "lab/labfile_priv.h"
#include "lab/schema.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void expand_broken(struct lab_build *b)
{
	b->broken |= LAB_BROKEN_NAMES | LAB_BROKEN_PLAN;
}

/* ---- Groups: the nodes with a count ---- */

static int group_cmp(const void *a, const void *b)
{
	return strcasecmp(((const struct lab_group *)a)->name, ((const struct lab_group *)b)->name);
}

static int groups_init(struct lab_build *b)
{
	const struct labfile *lab = b->lab;
	uint32_t n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		n += lab->nodes[i].count != 0;
	b->groups = arena_alloc_array(&b->tmp, n, sizeof(*b->groups));
	if (!b->groups)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = &lab->nodes[i];

		if (node->count)
			b->groups[b->n_groups++] = (struct lab_group){node->name, node->count};
	}
	if (n)
		qsort(b->groups, n, sizeof(*b->groups), group_cmp);
	return 0;
}

const struct lab_group *lab_build_group(const struct lab_build *b, const char *name)
{
	struct lab_group key = {.name = name};

	if (b->n_groups == 0)
		return NULL;
	return bsearch(&key, b->groups, b->n_groups, sizeof(key), group_cmp);
}

/* ---- Copies ---- */

static int array_copy(struct lab_build *b, const struct lab_key *key, char *item, size_t size,
		      char **ret_array, uint32_t *ret_n)
{
	char *old, *new;

	memcpy(&old, item + key->offset, sizeof(old));
	memcpy(ret_n, item + key->n_offset, sizeof(*ret_n));
	*ret_array = NULL;
	if (!old)
		return 0;
	new = arena_alloc_array(&b->lab->arena, *ret_n, size);
	if (!new)
		return -ENOMEM;
	if (*ret_n)
		memcpy(new, old, *ret_n * size);
	memcpy(item + key->offset, &new, sizeof(new));
	*ret_array = new;
	return lab_build_fields_copy(b, old, new, *ret_n * size);
}

/* Gives a copied struct its own copies of the arrays that it points to, and so on down. */
static int contents_copy(struct lab_build *b, const struct lab_schema *schema, char *item)
{
	int err = 0;

	for (const struct lab_key *key = schema->keys; key->name && err == 0; key++) {
		char *array;
		uint32_t n;

		if (key->flags & LAB_KEY_ALIAS)
			continue;
		switch (key->type) {
		case LAB_T_MAP:
			err = contents_copy(b, key->sub, item + key->offset);
			break;
		case LAB_T_ADDRS:
			err = array_copy(b, key, item, sizeof(struct labfile_addr), &array, &n);
			break;
		case LAB_T_LIST:
		case LAB_T_NAMED:
		case LAB_T_TAGGED:
			err = array_copy(b, key, item, key->sub->size, &array, &n);
			for (uint32_t i = 0; array && i < n && err == 0; i++)
				err = contents_copy(b, key->sub, array + i * key->sub->size);
			break;
		default:
			break;
		}
	}
	return err;
}

/* The number of array items below a struct, its own copy included: what one more of it costs. */
static uint64_t contents_count(const struct lab_schema *schema, const char *item)
{
	uint64_t sum = 1;

	for (const struct lab_key *key = schema->keys; key->name; key++) {
		const char *array;
		uint32_t n;

		if (key->type == LAB_T_MAP)
			sum += contents_count(key->sub, item + key->offset) - 1;
		if (key->flags & LAB_KEY_ALIAS || key->n_offset == 0)
			continue;
		memcpy(&array, item + key->offset, sizeof(array));
		memcpy(&n, item + key->n_offset, sizeof(n));
		sum += n;
		for (uint32_t i = 0; key->sub && i < n; i++)
			sum += contents_count(key->sub, array + i * key->sub->size);
	}
	return sum;
}

static const struct lab_schema *node_schema(void)
{
	uint32_t offset;

	return lab_schema_key(&lab_schema_file, "nodes", &offset)->sub;
}

/* ---- Nodes ---- */

/* The addresses of a node with a count are those of the first; each other has the next ones. */
static void addrs_step(struct lab_build *b, struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		struct labfile_iface *iface = &node->ifaces[i];

		for (uint32_t k = 0; k < iface->n_addrs; k++) {
			struct labfile_addr *addr = &iface->addrs[k];
			struct lab_net first = addr->net;

			if (addr->net.ip.family == LAB_IP_NONE)
				continue;
			if (lab_ip_add(&addr->net.ip, node->copy - 1) &&
			    lab_net_has(&first, &addr->net.ip))
				continue;
			lab_error_add(b->errs, addr->pos,
				      "nodes.%s.interfaces.%s: there are not so many addresses in "
				      "the subnet after this one; write a smaller one, or leave it "
				      "out and give the link a prefix",
				      node->name, iface->name);
			b->broken |= LAB_BROKEN_PLAN;
		}
	}
}

/* What one node alone can have. */
static void refuse_shared(struct lab_build *b, const struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->ifaces[i];

		if (iface->host && node->count > 1)
			lab_error_add(b->errs, lab_build_field_pos(b, &iface->host, iface->pos),
				      "nodes.%s.interfaces.%s.host: %u nodes cannot have one "
				      "interface of the machine's; join them to a switch that has "
				      "it",
				      node->name, iface->name, node->count);
		if (lab_build_has_field(b, &iface->mac))
			lab_error_add(b->errs, lab_build_field_pos(b, &iface->mac, iface->pos),
				      "nodes.%s.interfaces.%s.mac: %u nodes cannot have one MAC "
				      "address; leave it out",
				      node->name, iface->name, node->count);
	}
}

static int node_copy(struct lab_build *b, const struct labfile_node *from, uint32_t number,
		     struct labfile_node *to)
{
	int err;

	*to = *from;
	err = lab_build_fields_copy(b, from, to, sizeof(*to));
	if (err < 0 || number == 0)
		return err;
	to->copy = number;
	to->name = arena_printf(&b->lab->arena, "%s%u", from->name, number);
	if (!to->name)
		return -ENOMEM;
	if (strlen(to->name) > LABFILE_NODE_NAME_MAX) {
		lab_error_add(b->errs, to->pos,
			      "nodes.%.64s: %.70s is longer than %d bytes; write a shorter name",
			      from->name, to->name, LABFILE_NODE_NAME_MAX);
		expand_broken(b);
	}
	err = contents_copy(b, node_schema(), (char *)to);
	if (err == 0)
		addrs_step(b, to);
	return err;
}

/* How many nodes there will be; 0: too many, which is reported. */
static uint32_t count_nodes(struct lab_build *b)
{
	const struct labfile *lab = b->lab;
	uint64_t n_values = 0, n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = &lab->nodes[i];
		uint32_t count = node->count ? node->count : 1;

		n += count;
		n_values += count * contents_count(node_schema(), (const char *)node);
		if (node->count && n_values > LABFILE_MAX_COPIED) {
			lab_error_add(b->errs, lab_build_field_pos(b, &node->count, node->pos),
				      "nodes.%s.count: with these, the lab has more than %d nodes, "
				      "interfaces, routes and services; write a smaller count",
				      node->name, LABFILE_MAX_COPIED);
			expand_broken(b);
			return 0;
		}
	}
	return (uint32_t)n;
}

static int expand_nodes(struct lab_build *b)
{
	struct labfile *lab = b->lab;
	uint32_t n = count_nodes(b), at = 0;
	struct labfile_node *nodes;
	int err = 0;

	if (n == 0)
		return 0;
	nodes = arena_alloc_array(&lab->arena, n, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = &lab->nodes[i];

		if (node->count == 0)
			err = node_copy(b, node, 0, &nodes[at++]);
		else
			refuse_shared(b, node);
		for (uint32_t k = 1; k <= node->count && err == 0; k++)
			err = node_copy(b, node, k, &nodes[at++]);
		if (err < 0)
			return err;
	}
	lab->nodes = nodes;
	lab->n_nodes = n;
	return 0;
}

/* ---- Links ---- */

/* An end as it is written: NODE or NODE:INTERFACE, where NODE may have a count. */
struct end_text {
	char node[LABFILE_NODE_NAME_MAX + 1];
	const char *iface; /* NULL: none */
	const struct lab_group *group;
};

static struct end_text end_split(const struct lab_build *b, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	struct end_text end = {.iface = colon ? colon + 1 : NULL};

	/* The end's parser has refused longer names. */
	memcpy(end.node, text, len <= LABFILE_NODE_NAME_MAX ? len : LABFILE_NODE_NAME_MAX);
	end.group = lab_build_group(b, end.node);
	return end;
}

/* How a link becomes several: `n` of them, `share` of which end at each node of an end. */
struct fan {
	struct end_text ends[2];
	uint32_t n;
	uint32_t share[2]; /* 0: each is numbered by itself, at one node */
};

static bool fan_init(struct lab_build *b, const struct labfile_link *link, struct fan *fan)
{
	uint32_t count[2];

	for (int i = 0; i < 2; i++) {
		fan->ends[i] = end_split(b, link->ends[i].text);
		count[i] = fan->ends[i].group ? fan->ends[i].group->count : 1;
		assert(count[i] > 0); /* its key has a minimum */
	}
	fan->n = count[0] > count[1] ? count[0] : count[1];
	if (fan->n % count[0] || fan->n % count[1]) {
		lab_error_add(b->errs, link->pos,
			      "links[%u]: %s stands for %u nodes and %s for %u; one must be a "
			      "multiple of the other, to share the links out evenly",
			      link->number, fan->ends[0].node, count[0], fan->ends[1].node,
			      count[1]);
		b->broken |= LAB_BROKEN_PLAN;
		return false;
	}
	for (int i = 0; i < 2; i++)
		fan->share[i] = fan->ends[i].group ? fan->n / count[i] : 0;
	return true;
}

/* The text of one end of the `k`-th copy, from 0. */
static char *fan_end(struct lab_build *b, const struct fan *fan, int i, uint32_t k)
{
	const struct end_text *end = &fan->ends[i];
	uint32_t share = fan->share[i], number = share > 1 ? k % share + 1 : k + 1;
	char node[12] = "", port[12] = "";

	if (share)
		snprintf(node, sizeof(node), "%u", k / share + 1);
	if (share != 1)
		snprintf(port, sizeof(port), "%u", number);
	if (!end->iface)
		return arena_printf(&b->lab->arena, "%s%s", end->node, node);
	return arena_printf(&b->lab->arena, "%s%s:%s%s", end->node, node, end->iface, port);
}

static void check_end_length(struct lab_build *b, const struct labfile_link *link, int i)
{
	const char *colon = strrchr(link->ends[i].text, ':');

	if (!colon || strlen(colon + 1) <= LABFILE_IFACE_NAME_MAX)
		return;
	lab_error_add(b->errs, link->ends[i].pos,
		      "links[%u]: the interface %.20s is longer than %d bytes; write a shorter "
		      "name, to which a number is added",
		      link->number, colon + 1, LABFILE_IFACE_NAME_MAX);
	b->broken |= LAB_BROKEN_PLAN;
}

static int link_copies(struct lab_build *b, const struct labfile_link *from, const struct fan *fan,
		       struct labfile_link *to)
{
	for (uint32_t k = 0; k < fan->n; k++) {
		int err;

		to[k] = *from;
		err = lab_build_fields_copy(b, from, &to[k], sizeof(*to));
		for (int i = 0; i < 2 && err == 0; i++) {
			to[k].ends[i].text = fan_end(b, fan, i, k);
			err = to[k].ends[i].text ? 0 : -ENOMEM;
			if (err == 0)
				check_end_length(b, &to[k], i);
		}
		if (err < 0)
			return err;
	}
	return 0;
}

static bool link_has_group(const struct lab_build *b, const struct labfile_link *link)
{
	for (int i = 0; i < 2; i++) {
		/* An end without a text is a mistake that has been reported. */
		if (!link->ends[i].text || !link->ends[!i].text)
			return false;
		if (end_split(b, link->ends[i].text).group)
			return true;
	}
	return false;
}

static int link_move(struct lab_build *b, const struct labfile_link *from, struct labfile_link *to,
		     uint32_t *ret_n)
{
	struct fan fan;

	if (!link_has_group(b, from)) {
		*to = *from;
		*ret_n = 1;
		return lab_build_fields_copy(b, from, to, sizeof(*to));
	}
	*ret_n = 0;
	if (!fan_init(b, from, &fan))
		return 0;
	*ret_n = fan.n;
	return link_copies(b, from, &fan, to);
}

/* How many links there will be at most; 0: none, or too many, which is reported. */
static uint32_t count_links(struct lab_build *b)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < b->lab->n_links; i++) {
		const struct labfile_link *link = &b->lab->links[i];
		uint32_t most = 1;

		for (int k = 0; k < 2 && link_has_group(b, link); k++) {
			const struct lab_group *group = end_split(b, link->ends[k].text).group;

			if (group && group->count > most)
				most = group->count;
		}
		n += most;
		if (most > 1 && n > LABFILE_MAX_COPIED) {
			lab_error_add(b->errs, link->pos,
				      "links[%u]: with this, there are more "
				      "than %d links; write smaller counts",
				      i, LABFILE_MAX_COPIED);
			expand_broken(b);
			return 0;
		}
	}
	return (uint32_t)n;
}

static int expand_links(struct lab_build *b)
{
	struct labfile *lab = b->lab;
	uint32_t n = count_links(b), at = 0;
	struct labfile_link *links;
	int err = 0;

	if (n == 0)
		return 0;
	links = arena_alloc_array(&lab->arena, n, sizeof(*links));
	if (!links)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_links && err == 0; i++) {
		uint32_t n_made = 0;

		err = link_move(b, &lab->links[i], &links[at], &n_made);
		at += n_made;
	}
	lab->links = links;
	lab->n_links = at;
	return err;
}

/* ---- Captures ---- */

static int expand_captures(struct lab_build *b)
{
	struct labfile *lab = b->lab;
	uint64_t n = 0;
	uint32_t at = 0;
	struct labfile_end *ends;

	for (uint32_t i = 0; i < lab->n_captures; i++) {
		const char *text = lab->captures[i].text;
		struct end_text end = text ? end_split(b, text) : (struct end_text){.group = NULL};

		n += end.group ? end.group->count : 1;
	}
	if (n > LABFILE_MAX_COPIED) {
		lab_error_add(b->errs, lab->captures[0].pos,
			      "capture: more than %d interfaces; "
			      "write \"capture: true\"",
			      LABFILE_MAX_COPIED);
		expand_broken(b);
		return 0;
	}
	ends = arena_alloc_array(&lab->arena, n, sizeof(*ends));
	if (!ends)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_captures; i++) {
		const char *text = lab->captures[i].text;
		struct end_text end = text ? end_split(b, text) : (struct end_text){.group = NULL};

		if (!end.group)
			ends[at++] = lab->captures[i];
		for (uint32_t k = 1; end.group && k <= end.group->count; k++) {
			ends[at] = lab->captures[i];
			ends[at].text =
				arena_printf(&lab->arena, "%s%u:%s", end.node, k, end.iface);
			if (!ends[at++].text)
				return -ENOMEM;
		}
	}
	lab->captures = ends;
	lab->n_captures = at;
	return 0;
}

int labfile_expand(struct lab_build *b)
{
	int err;

	for (uint32_t i = 0; i < b->lab->n_links; i++)
		b->lab->links[i].number = i;
	err = groups_init(b);
	b->errs->is_once = b->n_groups || b->lab->defaults.pos.line;
	if (err < 0 || b->n_groups == 0)
		return err;
	err = expand_nodes(b);
	if (err == 0 && !(b->broken & LAB_BROKEN_NAMES))
		err = expand_links(b);
	if (err == 0 && !(b->broken & LAB_BROKEN_NAMES))
		err = expand_captures(b);
	lab_build_fields_sort(b);
	return err;
}
