/* SPDX-License-Identifier: MIT */
/*
 * Addresses from prefixes. A prefix belongs to a segment: it is written on one of its links or on
 * one of its switches. Each interface there that has no address gets the next one that is free:
 * first those of routers, then the others, both in the order of the file.
 *
 * Where a count makes several segments of one prefix in the file, the first has that prefix and
 * each further one the next prefix of the same length.
 */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The prefix of a segment, and where it comes from. */
struct seg_prefix {
	struct lab_net net; /* family LAB_IP_NONE: none */
	struct lab_pos pos;
	const struct labfile_node *node; /* a switch ... */
	const struct labfile_link *link; /* ... or a link */
	uint32_t segment;
	uint32_t run; /* segments with the same number have the prefix from one place in the file */
};

/* An interface that takes part in a segment with a prefix. */
struct member {
	struct labfile_iface *iface;
	uint32_t order; /* in the file */
};

struct assign {
	struct lab_build *b;
	struct seg_prefix *segs; /* by segment */
	struct member *members;  /* by segment, then routers first, then in the order of the file */
	uint32_t n_members;
	struct lab_ip *taken; /* addresses of one segment, sorted */
};

enum {
	PREFIX_WHERE = LABFILE_NODE_NAME_MAX + 32
};

static const char *prefix_where(const struct seg_prefix *p, char buf[static PREFIX_WHERE])
{
	if (p->node)
		snprintf(buf, PREFIX_WHERE, "nodes.%s.prefix", p->node->name);
	else
		snprintf(buf, PREFIX_WHERE, "links[%u].prefix", p->link->number);
	return buf;
}

static void assign_error(struct assign *a)
{
	a->b->broken |= LAB_BROKEN_PLAN;
}

/* ---- Which prefix a segment has ---- */

static void seg_set(struct assign *a, const struct seg_prefix *p)
{
	struct seg_prefix *seg = &a->segs[p->segment];
	char where[PREFIX_WHERE], text[LAB_NET_TEXT];

	if (seg->net.ip.family == LAB_IP_NONE) {
		*seg = *p;
		return;
	}
	if (lab_ip_eq(&seg->net.ip, &p->net.ip) && seg->net.len == p->net.len)
		return;
	lab_error_add(a->b->errs, p->pos,
		      "%s: this link has the prefix %s already, from line %u; all links that "
		      "switches join have one",
		      prefix_where(p, where), lab_net_format(&seg->net, text), seg->pos.line);
	assign_error(a);
}

/* The segments that one prefix of the file has got so far. */
struct prefix_run {
	uint32_t id;
	struct lab_net first;
	uint32_t n; /* segments */
};

/* What has this prefix is on this segment; a further copy of what was here last, or not. */
static void run_add(struct assign *a, struct prefix_run *run, struct seg_prefix p, bool is_copy)
{
	char where[PREFIX_WHERE], text[LAB_NET_TEXT];

	if (!is_copy)
		*run = (struct prefix_run){.id = run->id + 1, .first = p.net};
	p.run = run->id;
	if (a->segs[p.segment].run == p.run)
		return;
	p.net = run->first;
	if (lab_net_step(&p.net, run->n++) && !lab_ip_special(&p.net.ip)) {
		seg_set(a, &p);
		return;
	}
	lab_error_add(a->b->errs, p.pos,
		      "%s: there are not so many prefixes of this length after "
		      "%s; write a smaller one",
		      prefix_where(&p, where), lab_net_format(&run->first, text));
	assign_error(a);
}

static void find_prefixes(struct assign *a)
{
	struct lab_build *b = a->b;
	struct prefix_run run = {.id = 0};

	for (uint32_t i = 0; i < b->lab->n_nodes; i++) {
		const struct labfile_node *node = &b->lab->nodes[i];
		struct seg_prefix p = {.net = node->prefix, .node = node};

		if (node->kind != LABFILE_SWITCH || !p.net.ip.family || node->n_ifaces == 0)
			continue;
		p.pos = lab_build_field_pos(b, &node->prefix, node->pos);
		for (uint32_t k = 0; k < node->n_ifaces; k++) {
			p.segment = node->ifaces[k].segment;
			if (node->ifaces[k].link)
				break; /* all ports with a link are on one segment */
		}
		run_add(a, &run, p, node->copy > 1);
	}
	for (uint32_t i = 0; i < b->lab->n_links; i++) {
		const struct labfile_link *link = &b->lab->links[i];
		struct seg_prefix p = {.net = link->prefix, .link = link};

		if (!p.net.ip.family || !link->ends[0].iface)
			continue;
		p.pos = lab_build_field_pos(b, &link->prefix, link->pos);
		p.segment = link->ends[0].iface->segment;
		run_add(a, &run, p, i > 0 && link[-1].number == link->number);
	}
}

/* ---- Prefixes among each other ---- */

static int seg_cmp(const void *a_, const void *b_)
{
	const struct seg_prefix *a = *(const struct seg_prefix *const *)a_;
	const struct seg_prefix *b = *(const struct seg_prefix *const *)b_;
	int cmp = lab_ip_cmp(&a->net.ip, &b->net.ip);

	if (cmp)
		return cmp;
	if (a->net.len != b->net.len)
		return a->net.len < b->net.len ? -1 : 1;
	return a->segment < b->segment ? -1 : a->segment > b->segment;
}

static void report_overlap(struct assign *a, const struct seg_prefix *x, const struct seg_prefix *y)
{
	bool swap = x->pos.line > y->pos.line ||
		    (x->pos.line == y->pos.line && x->pos.col > y->pos.col);
	const struct seg_prefix *first = swap ? y : x, *second = swap ? x : y;
	char w1[PREFIX_WHERE], w2[PREFIX_WHERE], t1[LAB_NET_TEXT], t2[LAB_NET_TEXT];

	prefix_where(first, w1);
	prefix_where(second, w2);
	lab_net_format(&first->net, t1);
	if (first->net.len == second->net.len)
		lab_error_add(a->b->errs, second->pos,
			      "%s: %s is %s already (line %u), of another link; choose another "
			      "prefix, or join the links by a switch",
			      w2, t1, w1, first->pos.line);
	else
		lab_error_add(a->b->errs, second->pos,
			      "%s: %s overlaps with %s of %s (line %u), which is another link; "
			      "choose another prefix",
			      w2, lab_net_format(&second->net, t2), t1, w1, first->pos.line);
	assign_error(a);
}

/* In this order, what a prefix overlaps with is the last one that reaches so far. */
static int check_overlaps(struct assign *a)
{
	uint32_t n_segs = a->b->lab->n_segments, n = 0;
	const struct seg_prefix **list =
		arena_alloc_array(&a->b->tmp, n_segs, sizeof(struct seg_prefix *));
	const struct seg_prefix *outer = NULL;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_segs; i++) {
		if (a->segs[i].net.ip.family)
			list[n++] = &a->segs[i];
	}
	if (n)
		qsort(list, n, sizeof(*list), seg_cmp);
	for (uint32_t i = 0; i < n; i++) {
		if (outer && lab_net_has(&outer->net, &list[i]->net.ip))
			report_overlap(a, outer, list[i]);
		else
			outer = list[i];
	}
	return 0;
}

/* ---- Who is there ---- */

static int member_cmp(const void *a_, const void *b_)
{
	const struct member *a = a_, *b = b_;
	bool a_host = !a->iface->node->forwarding, b_host = !b->iface->node->forwarding;

	if (a->iface->segment != b->iface->segment)
		return a->iface->segment < b->iface->segment ? -1 : 1;
	if (a_host != b_host)
		return a_host ? 1 : -1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int find_members(struct assign *a)
{
	const struct labfile *lab = a->b->lab;
	uint32_t n = 0;

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		n += lab->nodes[i].n_ifaces;
	a->members = arena_alloc_array(&a->b->tmp, n, sizeof(*a->members));
	if (!a->members)
		return -ENOMEM;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = &lab->nodes[i];

		for (uint32_t k = 0; k < node->n_ifaces && node->kind != LABFILE_SWITCH; k++) {
			struct labfile_iface *iface = &node->ifaces[k];

			if (a->segs[iface->segment].net.ip.family)
				a->members[a->n_members++] = (struct member){iface, a->n_members};
		}
	}
	if (a->n_members)
		qsort(a->members, a->n_members, sizeof(*a->members), member_cmp);
	return 0;
}

/* ---- Addresses ---- */

static int ip_cmp(const void *a, const void *b)
{
	return lab_ip_cmp(a, b);
}

/* "address: []" says that there is none. */
static bool wants_addr(const struct labfile_iface *iface)
{
	return !iface->addrs;
}

static bool iface_in_net(const struct labfile_iface *iface, const struct lab_net *net)
{
	for (uint32_t i = 0; i < iface->n_addrs; i++) {
		if (lab_net_has(net, &iface->addrs[i].net.ip))
			return true;
	}
	return iface->n_addrs == 0;
}

/* The addresses that are written on a segment, sorted; those outside of its prefix are reported. */
static uint32_t take_written(struct assign *a, const struct seg_prefix *seg, uint32_t from,
			     uint32_t to)
{
	char net[LAB_NET_TEXT], addr[LAB_NET_TEXT];
	uint32_t n = 0;

	for (uint32_t i = from; i < to; i++) {
		const struct labfile_iface *iface = a->members[i].iface;

		for (uint32_t k = 0; k < iface->n_addrs; k++)
			a->taken[n++] = iface->addrs[k].net.ip;
		if (iface_in_net(iface, &seg->net))
			continue;
		lab_error_add(a->b->errs, iface->addrs[0].pos,
			      "nodes.%s.interfaces.%s: %s is outside of its link's prefix %s (line "
			      "%u); write an address of that, or leave it out to get one",
			      iface->node->name, iface->name,
			      lab_net_format(&iface->addrs[0].net, addr),
			      lab_net_format(&seg->net, net), seg->pos.line);
		assign_error(a);
	}
	if (n)
		qsort(a->taken, n, sizeof(*a->taken), ip_cmp);
	return n;
}

static void report_full(struct assign *a, const struct seg_prefix *seg, uint32_t n_want)
{
	char where[PREFIX_WHERE], text[LAB_NET_TEXT];
	uint8_t len = lab_ip_bits(&seg->net.ip);
	uint32_t n_bits = 1;

	while ((UINT64_C(1) << n_bits) < (uint64_t)n_want + 2)
		n_bits++;
	lab_error_add(a->b->errs, seg->pos,
		      "%s: %s has too few addresses for the %u interfaces of the link; write a "
		      "shorter prefix, /%u or less",
		      prefix_where(seg, where), lab_net_format(&seg->net, text), n_want,
		      len - n_bits);
	assign_error(a);
}

/* The next address from *ip on that is nobody's. `taken` is read on from *at. */
static bool next_free(const struct assign *a, const struct seg_prefix *seg, uint32_t n_taken,
		      uint32_t *at, struct lab_ip *ip)
{
	bool is_pair = lab_ip_bits(ip) - seg->net.len == 1; /* RFC 3021, RFC 6164 */
	struct lab_ip last = lab_net_last(&seg->net);

	for (;; (*at)++) {
		while (*at < n_taken && lab_ip_cmp(&a->taken[*at], ip) < 0)
			(*at)++;
		if (!lab_net_has(&seg->net, ip))
			return false;
		if (*at == n_taken || !lab_ip_eq(&a->taken[*at], ip))
			break;
		if (!lab_ip_add(ip, 1))
			return false;
	}
	return is_pair || ip->family == LAB_IP6 || !lab_ip_eq(ip, &last);
}

static int give(struct assign *a, const struct seg_prefix *seg, struct labfile_iface *iface,
		const struct lab_ip *ip)
{
	struct labfile_addr *addr = arena_alloc(&a->b->lab->arena, sizeof(*addr));

	if (!addr)
		return -ENOMEM;
	*addr = (struct labfile_addr){
		.pos = seg->pos, .net = {.ip = *ip, .len = seg->net.len}, .is_assigned = true};
	iface->addrs = addr;
	iface->n_addrs = 1;
	return 0;
}

/* The members `from` to `to` are one segment. */
static int assign_segment(struct assign *a, uint32_t from, uint32_t to)
{
	const struct seg_prefix *seg = &a->segs[a->members[from].iface->segment];
	uint32_t n_taken = take_written(a, seg, from, to), at = 0;
	struct lab_ip ip = seg->net.ip;
	/* The first address is the network's own (IPv6: that of all its routers), except of two. */
	bool more = lab_ip_bits(&ip) - seg->net.len == 1 || lab_ip_add(&ip, 1);
	int err = 0;

	for (uint32_t i = from; i < to && err == 0; i++) {
		struct labfile_iface *iface = a->members[i].iface;

		if (!wants_addr(iface))
			continue;
		if (!more || !next_free(a, seg, n_taken, &at, &ip)) {
			report_full(a, seg, to - from);
			return 0;
		}
		err = give(a, seg, iface, &ip);
		more = lab_ip_add(&ip, 1);
	}
	return err;
}

static int assign_all(struct assign *a)
{
	size_t n_addrs = 0;
	int err = 0;

	for (uint32_t i = 0; i < a->n_members; i++)
		n_addrs += a->members[i].iface->n_addrs;
	a->taken = arena_alloc_array(&a->b->tmp, n_addrs, sizeof(*a->taken));
	if (!a->taken)
		return -ENOMEM;
	for (uint32_t from = 0, to; from < a->n_members && err == 0; from = to) {
		uint32_t segment = a->members[from].iface->segment;

		for (to = from + 1; to < a->n_members; to++) {
			if (a->members[to].iface->segment != segment)
				break;
		}
		err = assign_segment(a, from, to);
	}
	return err;
}

int labfile_assign(struct lab_build *b)
{
	struct assign a = {.b = b};
	int err;

	a.segs = arena_alloc_array(&b->tmp, b->lab->n_segments, sizeof(*a.segs));
	b->has_prefix = arena_alloc_array(&b->tmp, b->lab->n_segments, sizeof(bool));
	if (!a.segs || !b->has_prefix)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->lab->n_segments; i++)
		a.segs[i].segment = i;
	find_prefixes(&a);
	for (uint32_t i = 0; i < b->lab->n_segments; i++)
		b->has_prefix[i] = a.segs[i].net.ip.family;
	err = check_overlaps(&a);
	if (err == 0)
		err = find_members(&a);
	return err < 0 ? err : assign_all(&a);
}
