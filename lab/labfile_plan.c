/* SPDX-License-Identifier: MIT */
/*
 * The addresses of the network as a whole: no address twice, no subnet in two places, and who
 * shares a link shares a subnet.
 */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int owner_cmp(const void *a_, const void *b_)
{
	const struct lab_owner *a = a_, *b = b_;

	if (a->iface->segment != b->iface->segment)
		return a->iface->segment < b->iface->segment ? -1 : 1;
	return lab_ip_cmp(&a->addr->net.ip, &b->addr->net.ip);
}

int lab_owners_init(struct lab_owners *owners, struct lab_build *b)
{
	const struct labfile *lab = b->lab;
	size_t n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		for (uint32_t k = 0; k < lab->nodes[i].n_ifaces; k++)
			n += lab->nodes[i].ifaces[k].n_addrs;
	}
	*owners = (struct lab_owners){.list = arena_alloc_array(&b->tmp, n, sizeof(*owners->list))};
	if (!owners->list)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		for (uint32_t k = 0; k < lab->nodes[i].n_ifaces; k++) {
			struct labfile_iface *iface = &lab->nodes[i].ifaces[k];

			for (uint32_t m = 0; m < iface->n_addrs; m++)
				owners->list[owners->n++] = (struct lab_owner){
					.iface = iface, .addr = &iface->addrs[m]};
		}
	}
	qsort(owners->list, owners->n, sizeof(*owners->list), owner_cmp);
	return 0;
}

struct labfile_iface *lab_owners_find(const struct lab_owners *owners, uint32_t segment,
				      const struct lab_ip *ip)
{
	struct labfile_iface iface = {.segment = segment};
	struct labfile_addr addr = {.net.ip = *ip};
	struct lab_owner key = {.iface = &iface, .addr = &addr};
	const struct lab_owner *found = NULL;

	if (owners->n)
		found = bsearch(&key, owners->list, owners->n, sizeof(key), owner_cmp);
	return found ? found->iface : NULL;
}

static void report_plan(struct lab_build *b)
{
	b->broken |= LAB_BROKEN_PLAN;
}

/* "laptop:eth0" */
enum {
	IFACE_TEXT = LABFILE_NODE_NAME_MAX + LABFILE_IFACE_NAME_MAX + 2
};

static const char *iface_text(const struct labfile_iface *iface, char buf[static IFACE_TEXT])
{
	snprintf(buf, IFACE_TEXT, "%s:%s", iface->node->name, iface->name);
	return buf;
}

static const char *owner_where(const struct lab_owner *o, char *buf, size_t size)
{
	snprintf(buf, size, "nodes.%s.interfaces.%s", o->iface->node->name, o->iface->name);
	return buf;
}

static bool pos_less(struct lab_pos a, struct lab_pos b)
{
	return a.line != b.line ? a.line < b.line : a.col < b.col;
}

static int by_addr_cmp(const void *a_, const void *b_)
{
	const struct lab_owner *a = a_, *b = b_;
	int cmp = lab_ip_cmp(&a->addr->net.ip, &b->addr->net.ip);

	if (cmp)
		return cmp;
	if (lab_ip_is_link_local6(&a->addr->net.ip) && a->iface->segment != b->iface->segment)
		return a->iface->segment < b->iface->segment ? -1 : 1;
	return pos_less(a->addr->pos, b->addr->pos) ? -1 : pos_less(b->addr->pos, a->addr->pos);
}

/* A link-local address may be there once on each link (RFC 4007 §6). */
static bool is_same_addr(const struct lab_owner *a, const struct lab_owner *b)
{
	return lab_ip_eq(&a->addr->net.ip, &b->addr->net.ip) &&
	       (!lab_ip_is_link_local6(&a->addr->net.ip) || a->iface->segment == b->iface->segment);
}

static void check_duplicates(struct lab_build *b, struct lab_owner *list, size_t n)
{
	char where[120], text[LAB_IP_TEXT], other[IFACE_TEXT];

	if (n == 0)
		return;
	qsort(list, n, sizeof(*list), by_addr_cmp);
	for (size_t i = 1; i < n; i++) {
		const struct lab_owner *first = &list[i - 1], *o = &list[i];

		if (!is_same_addr(first, o))
			continue;
		lab_error_add(b->errs, o->addr->pos,
			      "%s: %s is the address of %s (line %u) already; choose another",
			      owner_where(o, where, sizeof(where)),
			      lab_ip_format(&o->addr->net.ip, text),
			      iface_text(first->iface, other), first->addr->pos.line);
		report_plan(b);
	}
}

/* ---- One subnet, one place ---- */

/* Outer subnets come before those inside of them, and the same subnets in the order of the file. */
static int by_subnet_cmp(const void *a_, const void *b_)
{
	const struct lab_owner *a = a_, *b = b_;
	struct lab_net an = lab_net_base(&a->addr->net), bn = lab_net_base(&b->addr->net);
	int cmp = lab_ip_cmp(&an.ip, &bn.ip);

	if (cmp)
		return cmp;
	if (an.len != bn.len)
		return an.len < bn.len ? -1 : 1;
	return pos_less(a->addr->pos, b->addr->pos) ? -1 : pos_less(b->addr->pos, a->addr->pos);
}

static void report_overlap(struct lab_build *b, const struct lab_owner *outer,
			   const struct lab_owner *inner)
{
	bool swap = pos_less(inner->addr->pos, outer->addr->pos);
	const struct lab_owner *first = swap ? inner : outer, *second = swap ? outer : inner;
	struct lab_net n1 = lab_net_base(&first->addr->net), n2 = lab_net_base(&second->addr->net);
	char where[120], t1[LAB_NET_TEXT], t2[LAB_NET_TEXT], other[IFACE_TEXT];

	lab_error_add(b->errs, second->addr->pos,
		      "%s: the subnet %s overlaps with %s of %s (line %u), which is on another "
		      "link; choose another subnet, or join the links by a switch",
		      owner_where(second, where, sizeof(where)), lab_net_format(&n2, t2),
		      lab_net_format(&n1, t1), iface_text(first->iface, other),
		      first->addr->pos.line);
	report_plan(b);
}

/* On one link, subnets of different length in each other; a single address of its own is fine. */
static void warn_lengths(struct lab_build *b, const struct lab_owner *outer,
			 const struct lab_owner *inner)
{
	char where[120], name[IFACE_TEXT];

	if (outer->iface == inner->iface ||
	    inner->addr->net.len == lab_ip_bits(&inner->addr->net.ip))
		return;
	lab_warning_add(
		b->errs, inner->addr->pos,
		"%s: the prefix has %u bits here and %u at %s on the same link; they do not "
		"agree on who is in the subnet",
		owner_where(inner, where, sizeof(where)), inner->addr->net.len,
		outer->addr->net.len, iface_text(outer->iface, name));
}

/*
 * Subnets are nested or apart. In this order, those around the current one are on a stack, each
 * once: as many as there are prefix lengths, at most.
 */
static void check_overlaps(struct lab_build *b, struct lab_owner *list, size_t n)
{
	const struct lab_owner *around[130];
	const struct lab_owner *last = NULL; /* with what the clash before this one was */
	uint32_t n_around = 0, last_segment = 0;

	if (n == 0)
		return;
	qsort(list, n, sizeof(*list), by_subnet_cmp);
	for (size_t i = 0; i < n; i++) {
		const struct lab_owner *o = &list[i], *clash = NULL;
		struct lab_net net = lab_net_base(&o->addr->net), top = {0};

		if (lab_ip_is_link_local6(&net.ip)) /* the subnet of every link */
			continue;
		while (n_around > 0 && !lab_net_has(&around[n_around - 1]->addr->net, &net.ip))
			n_around--;
		for (uint32_t k = 0; k < n_around && !clash; k++) {
			if (around[k]->iface->segment != o->iface->segment)
				clash = around[k];
		}
		if (clash && (clash != last || o->iface->segment != last_segment))
			report_overlap(b, clash, o);
		if (clash)
			last_segment = o->iface->segment;
		last = clash ? clash : last;
		if (n_around > 0)
			top = around[n_around - 1]->addr->net;
		if (n_around > 0 && !clash && top.len != net.len)
			warn_lengths(b, around[n_around - 1], o);
		if (n_around == 0 || top.len != net.len)
			around[n_around++] = o;
	}
}

/* ---- Who shares a link shares a subnet ---- */

static bool net_has_other(const struct lab_owner *o, const struct lab_owner *other)
{
	return other->iface != o->iface && (lab_net_has(&o->addr->net, &other->addr->net.ip) ||
					    lab_net_has(&other->addr->net, &o->addr->net.ip));
}

/* A neighbour in the same subnet is next to it in the order of addresses, but for its own. */
static bool owner_has_neighbour(const struct lab_owners *owners, size_t i)
{
	const struct lab_owner *o = &owners->list[i];

	for (size_t k = i + 1; k < owners->n; k++) {
		if (owners->list[k].iface->segment != o->iface->segment)
			break;
		if (owners->list[k].iface != o->iface) {
			if (net_has_other(o, &owners->list[k]))
				return true;
			break;
		}
	}
	for (size_t k = i; k > 0; k--) {
		if (owners->list[k - 1].iface->segment != o->iface->segment)
			break;
		if (owners->list[k - 1].iface != o->iface)
			return net_has_other(o, &owners->list[k - 1]);
	}
	return false;
}

/* "PREFIX dev IF" makes a subnet of its own: then different ones on a link are meant. */
static bool iface_has_onlink_route(const struct labfile_iface *iface)
{
	for (uint32_t i = 0; i < iface->node->n_routes; i++) {
		const struct labfile_route *route = &iface->node->routes[i];

		if (route->iface == iface && route->via.ip.family == LAB_IP_NONE)
			return true;
	}
	return false;
}

/* For each interface of the lab, whether its addresses make sense on its segment. */
struct iface_marks {
	uint32_t *first; /* by node: the number of its first interface */
	bool *ok;
};

static bool *iface_mark(const struct iface_marks *marks, const struct labfile_iface *iface)
{
	return &marks->ok[marks->first[iface->node->index] +
			  (uint32_t)(iface - iface->node->ifaces)];
}

static int iface_marks_init(struct iface_marks *marks, struct lab_build *b)
{
	const struct labfile *lab = b->lab;
	uint32_t n = 0;

	marks->first = arena_alloc_array(&b->tmp, lab->n_nodes, sizeof(*marks->first));
	if (!marks->first)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		marks->first[i] = n;
		n += lab->nodes[i].n_ifaces;
	}
	marks->ok = arena_alloc_array(&b->tmp, n, sizeof(*marks->ok));
	return marks->ok ? 0 : -ENOMEM;
}

/* Of the addresses from `a` to `z`, the one that stands first in the file. */
static const struct lab_owner *first_in_file(const struct lab_owners *owners, size_t a, size_t z)
{
	const struct lab_owner *first = &owners->list[a];

	for (size_t i = a + 1; i < z; i++) {
		if (pos_less(owners->list[i].addr->pos, first->addr->pos))
			first = &owners->list[i];
	}
	return first;
}

static void report_alone(struct lab_build *b, const struct lab_owner *o,
			 const struct lab_owner *other)
{
	char where[120], t1[LAB_NET_TEXT], t2[LAB_NET_TEXT], name[IFACE_TEXT];

	lab_error_add(
		b->errs, o->addr->pos,
		"%s: %s shares its link with %s (%s), but no subnet with anybody there; is an "
		"address wrong? (if it is meant, add a route \"PREFIX dev %s\")",
		owner_where(o, where, sizeof(where)), lab_net_format(&o->addr->net, t1),
		iface_text(other->iface, name), lab_net_format(&other->addr->net, t2),
		o->iface->name);
	report_plan(b);
}

/*
 * The interfaces of a segment, at `a` to `z` of the list, that share a subnet with no other. When
 * that goes for all of them, the first in the file is taken to be right.
 */
static void check_segment(struct lab_build *b, const struct lab_owners *owners,
			  const struct iface_marks *marks, size_t a, size_t z)
{
	const struct lab_owner *first = first_in_file(owners, a, z), *right = NULL;

	for (size_t i = a; i < z; i++) {
		bool *ok = iface_mark(marks, owners->list[i].iface);

		if (!*ok)
			*ok = owner_has_neighbour(owners, i) ||
			      iface_has_onlink_route(owners->list[i].iface);
		if (*ok && !right)
			right = &owners->list[i];
	}
	if (!right) {
		right = first;
		*iface_mark(marks, first->iface) = true;
	}
	for (size_t i = a; i < z; i++) {
		const struct lab_owner *o = &owners->list[i];

		if (o->addr == o->iface->addrs && !*iface_mark(marks, o->iface))
			report_alone(b, o, right);
	}
}

static int check_segments(struct lab_build *b, const struct lab_owners *owners)
{
	struct iface_marks marks;
	int err = iface_marks_init(&marks, b);

	for (size_t a = 0, z; a < owners->n && err == 0; a = z) {
		for (z = a + 1; z < owners->n; z++) {
			if (owners->list[z].iface->segment != owners->list[a].iface->segment)
				break;
		}
		check_segment(b, owners, &marks, a, z);
	}
	return err;
}

int labfile_plan_check(struct lab_build *b)
{
	struct lab_owners owners = {0}, sorted = {0};
	int err = lab_owners_init(&owners, b);

	if (err == 0)
		err = lab_owners_init(&sorted, b);
	if (err < 0)
		return err;
	check_duplicates(b, sorted.list, sorted.n);
	check_overlaps(b, sorted.list, sorted.n);
	return check_segments(b, &owners);
}
