/* SPDX-License-Identifier: MIT */
/* The resolver of names.h: the tables are small, and looked through as they are. */
#include "lab/names.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lab/suggest.h"

enum {
	NAME_ADDRS_MAX = 256, /* addresses of one name that are looked at */
};

/* Addresses on their way to the caller. */
struct found {
	struct weft_addr *list;
	size_t n, max;
	int family;    /* wanted; WEFT_AF_UNSPEC: any */
	bool is_known; /* the name is, whatever addresses it has */
};

static void found_add(struct found *f, const struct weft_addr *addr)
{
	f->is_known = true;
	if (f->n < f->max && (f->family == WEFT_AF_UNSPEC || f->family == addr->family))
		f->list[f->n++] = *addr;
}

static struct weft_addr addr_of(const struct lab_ip *ip)
{
	struct weft_addr addr = {.family = ip->family == LAB_IP4 ? WEFT_AF_INET : WEFT_AF_INET6};

	memcpy(addr.bytes, ip->bytes, sizeof(addr.bytes));
	return addr;
}

static void find_host(struct found *f, const struct labfile_host *hosts, uint32_t n,
		      const char *name)
{
	for (uint32_t i = 0; i < n; i++) {
		struct weft_addr addr = addr_of(&hosts[i].ip);

		if (strcasecmp(hosts[i].name, name) == 0)
			found_add(f, &addr);
	}
}

/* Addresses that mean nothing to another node: of loopback, and link-local ones. */
static bool is_own_affair(const struct weft_addr *addr)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	const uint8_t *b = addr->bytes;

	if (addr->family == WEFT_AF_INET)
		return b[0] == 127;
	return memcmp(b, loopback6, sizeof(loopback6)) == 0 ||
	       (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

static void find_live(void *arg, const struct weft_addr_info *info)
{
	if (!is_own_affair(&info->addr))
		found_add(arg, &info->addr);
}

/* The addresses of a node: its stack's; of a kernel node, those that it was given. */
static void find_node(struct found *f, const struct lab_node *node)
{
	f->is_known = true;
	if (node->file->kind == LABFILE_WEFT && node->stack) {
		weft_addrs(node->stack, find_live, f);
		return;
	}
	for (uint32_t i = 0; i < node->file->n_ifaces; i++) {
		const struct labfile_iface *iface = &node->file->ifaces[i];

		for (uint32_t k = 0; k < iface->n_addrs; k++) {
			struct weft_addr addr = addr_of(&iface->addrs[k].net.ip);

			found_add(f, &addr);
		}
	}
}

static void find_localhost(struct found *f)
{
	struct weft_addr v4 = {.family = WEFT_AF_INET, .bytes = {127, 0, 0, 1}};
	struct weft_addr v6 = {.family = WEFT_AF_INET6, .bytes = {[15] = 1}};

	found_add(f, &v4);
	found_add(f, &v6);
}

static void find_name(struct found *f, const struct lab_node *node, const char *name)
{
	const struct lab *lab = node->lab;
	struct weft_addr addr;

	if (weft_addr_parse(name, &addr) == 0) {
		found_add(f, &addr);
		return;
	}
	find_host(f, node->file->hosts, node->file->n_hosts, name);
	if (!f->is_known)
		find_host(f, lab->file->hosts, lab->file->n_hosts, name);
	for (uint32_t i = 0; i < lab->n_nodes && !f->is_known; i++) {
		if (strcasecmp(lab->nodes[i]->file->name, name) == 0)
			find_node(f, lab->nodes[i]);
	}
	if (!f->is_known && strcasecmp(name, "localhost") == 0)
		find_localhost(f);
}

/* Where no stack of ours can tell: IPv4 before IPv6, each in the order they were found. */
static void found_sort(struct found *f)
{
	for (size_t i = 1; i < f->n; i++) {
		struct weft_addr addr = f->list[i];
		size_t at = i;

		for (; at > 0 && addr.family == WEFT_AF_INET &&
		       f->list[at - 1].family != WEFT_AF_INET;
		     at--)
			f->list[at] = f->list[at - 1];
		f->list[at] = addr;
	}
}

int lab_name_lookup(const struct lab_node *node, const char *name, int family,
		    struct weft_addr *ret, size_t max)
{
	bool has_stack = node->file->kind == LABFILE_WEFT && node->stack;
	struct weft_addr all[NAME_ADDRS_MAX];
	struct found f = {.list = all, .max = ARRAY_SIZE(all), .family = family};
	size_t n;

	find_name(&f, node, name);
	if (!f.is_known)
		return -ENOENT;
	if (f.n == 0)
		return -EADDRNOTAVAIL;
	/* Without memory the order is the other one. */
	if (!has_stack || weft_addrs_sort(node->stack, all, f.n) < 0)
		found_sort(&f);
	n = f.n < max ? f.n : max;
	memcpy(ret, all, n * sizeof(*ret));
	return (int)n;
}

const char *lab_name_suggest(const struct lab_node *node, const char *name)
{
	const struct labfile *file = node->lab->file;
	struct lab_suggest s = lab_suggest_start(name);

	for (uint32_t i = 0; i < node->file->n_hosts; i++)
		lab_suggest_try(&s, node->file->hosts[i].name);
	for (uint32_t i = 0; i < file->n_hosts; i++)
		lab_suggest_try(&s, file->hosts[i].name);
	for (uint32_t i = 0; i < node->lab->n_nodes; i++)
		lab_suggest_try(&s, node->lab->nodes[i]->file->name);
	return s.best;
}

static bool node_has(const struct lab_node *node, const struct weft_addr *addr)
{
	struct weft_addr list[64];
	struct found f = {.list = list, .max = ARRAY_SIZE(list), .family = addr->family};

	find_node(&f, node);
	for (size_t i = 0; i < f.n; i++) {
		if (memcmp(list[i].bytes, addr->bytes, sizeof(addr->bytes)) == 0)
			return true;
	}
	return false;
}

static const char *host_of(const struct labfile_host *hosts, uint32_t n,
			   const struct weft_addr *addr)
{
	for (uint32_t i = 0; i < n; i++) {
		struct weft_addr has = addr_of(&hosts[i].ip);

		if (has.family == addr->family &&
		    memcmp(has.bytes, addr->bytes, sizeof(has.bytes)) == 0)
			return hosts[i].name;
	}
	return NULL;
}

const char *lab_name_of(const struct lab_node *node, const struct weft_addr *addr)
{
	const struct lab *lab = node->lab;
	const char *name;

	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		if (node_has(lab->nodes[i], addr))
			return lab->nodes[i]->file->name;
	}
	name = host_of(node->file->hosts, node->file->n_hosts, addr);
	return name ? name : host_of(lab->file->hosts, lab->file->n_hosts, addr);
}
