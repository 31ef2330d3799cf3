/* SPDX-License-Identifier: MIT */
/*
 * Nodes that come and go while a lab runs; the contract is in live.h.
 *
 * How it works: what is asked for is written down as a small lab file, of the new node, its links
 * and a stub for each node that they lead to, and read by the one reader of lab files; so the
 * language, its checks and its messages are the same. The new node owns that file, and with it what
 * its links and the interfaces made for them on other nodes refer to:
 *
 *	node --owns--> labfile { new node, stubs, links }
 *	  lab_link.file ------------------------^
 *	  lab_iface.file of a live interface ---^     (gone before the node is)
 *
 * A link goes with either of its nodes, and a live interface goes with its link. An interface that
 * was there before gets a new net device when its link comes or goes, since a link is a pair of
 * devices; its addresses and routes are carried over.
 */
#include "lab/live.h"

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/capture.h"
#include "lab/holder.h"
#include "lab/lab_priv.h"
#include "lab/report.h"
#include "lab/suggest.h"

enum {
	LIVE_LINKS_MAX = 256,   /* of one new node */
	LIVE_NODES_MAX = 65536, /* of a lab */
};

/* One end of a link at a node that is there. */
struct plug {
	struct lab_node *peer;
	char iface[LABFILE_IFACE_NAME_MAX + 1];
	char own[LABFILE_IFACE_NAME_MAX + 1]; /* the new node's interface */
	json_t *shape;                        /* the link without `to` and `interface` */
};

struct plan {
	struct lab *lab;
	const char *name;
	bool is_switch;
	struct plug plugs[LIVE_LINKS_MAX];
	size_t n_plugs;
	char *msg;
};

static int PRINTF_LIKE(3, 4) refuse(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, LAB_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* ---- planning ---------------------------------------------------------------------------- */

static struct lab_iface *iface_find(const struct lab_node *node, const char *name)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		if (!strcmp(node->ifaces[i].file->name, name))
			return &node->ifaces[i];
	return NULL;
}

static bool is_planned(const struct plan *plan, const struct lab_node *peer, const char *iface)
{
	for (size_t i = 0; i < plan->n_plugs; i++)
		if (plan->plugs[i].peer == peer && !strcmp(plan->plugs[i].iface, iface))
			return true;
	return false;
}

/* The first of eth0, eth1 … (p1, p2 … of a switch) that the peer does not have. */
static void iface_name_free(const struct plan *plan, struct plug *plug)
{
	bool is_switch = plug->peer->file->kind == LABFILE_SWITCH;

	for (uint32_t n = is_switch; n <= LABFILE_MAX_IFACES; n++) {
		snprintf(plug->iface, sizeof(plug->iface), is_switch ? "p%u" : "eth%u", n);
		if (!iface_find(plug->peer, plug->iface) &&
		    !is_planned(plan, plug->peer, plug->iface))
			return;
	}
}

static int peer_unknown(const struct plan *plan, const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);

	for (uint32_t i = 0; i < plan->lab->n_nodes; i++)
		lab_suggest_try(&near, plan->lab->nodes[i]->file->name);
	if (near.best)
		return refuse(plan->msg, -EINVAL,
			      "a link leads to `%.60s`, which is no node; did you mean `%s`?", name,
			      near.best);
	return refuse(plan->msg, -EINVAL, "a link leads to `%.60s`, which is no node", name);
}

/* Reads "node" or "node:interface". */
static int plug_to(struct plan *plan, struct plug *plug, const char *to)
{
	const char *colon = strchr(to, ':');
	size_t node_len = colon ? (size_t)(colon - to) : strlen(to);
	char node[LABFILE_NODE_NAME_MAX + 1];
	struct lab_iface *iface;

	if (node_len < sizeof(node))
		snprintf(node, sizeof(node), "%.*s", (int)node_len, to);
	plug->peer = node_len < sizeof(node) ? lab_node_find(plan->lab, node) : NULL;
	if (!plug->peer)
		return peer_unknown(plan, to);
	if (plug->peer->n_ifaces >= LABFILE_MAX_IFACES)
		return refuse(plan->msg, -ENOSPC, "node %s has %u interfaces already", node,
			      plug->peer->n_ifaces);
	if (!colon) {
		iface_name_free(plan, plug);
		return 0;
	}
	if (strlen(colon + 1) >= sizeof(plug->iface))
		return refuse(plan->msg, -EINVAL, "`%.60s` is not the name of an interface",
			      colon + 1);
	snprintf(plug->iface, sizeof(plug->iface), "%s", colon + 1);
	iface = iface_find(plug->peer, plug->iface);
	if (is_planned(plan, plug->peer, plug->iface) ||
	    (iface && (iface->link || iface->file->host)))
		return refuse(plan->msg, -EBUSY, "%s:%s has a link already", plug->peer->file->name,
			      plug->iface);
	return 0;
}

static int plug_plan(struct plan *plan, const json_t *link, size_t i)
{
	struct plug *plug = &plan->plugs[plan->n_plugs];
	const char *to = json_string_value(json_object_get(link, "to"));
	const char *own = json_string_value(json_object_get(link, "interface"));
	int err;

	if (!to || (json_object_get(link, "interface") && !own))
		return refuse(plan->msg, -EINVAL,
			      "a link of a new node has a `to`: \"node\" or \"node:interface\"");
	err = plug_to(plan, plug, to);
	if (err)
		return err;
	if (own && strlen(own) >= sizeof(plug->own))
		return refuse(plan->msg, -EINVAL, "`%.60s` is not the name of an interface", own);
	if (own)
		snprintf(plug->own, sizeof(plug->own), "%s", own);
	else
		snprintf(plug->own, sizeof(plug->own), plan->is_switch ? "p%zu" : "eth%zu",
			 plan->is_switch ? i + 1 : i);
	plug->shape = json_copy((json_t *)(uintptr_t)link);
	if (!plug->shape)
		return -ENOMEM;
	plan->n_plugs++;
	json_object_del(plug->shape, "to");
	json_object_del(plug->shape, "interface");
	return 0;
}

static bool is_switch(const struct lab_node *node)
{
	return node->file->kind == LABFILE_SWITCH;
}

/* Numbers the switches, the same for those that links join. */
static void switches_group(const struct lab *lab)
{
	bool has_changed = true;

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		lab->nodes[i]->group = i;
	while (has_changed) {
		has_changed = false;
		for (uint32_t i = 0; i < lab->n_links; i++) {
			struct lab_node *a = lab->links[i]->nodes[0], *b = lab->links[i]->nodes[1];

			if (!is_switch(a) || !is_switch(b) || a->group == b->group)
				continue;
			if (a->group < b->group)
				b->group = a->group;
			else
				a->group = b->group;
			has_changed = true;
		}
	}
}

/* Frames would go round for ever in a circle of switches; the small file does not show one. */
static int circle_check(const struct plan *plan)
{
	switches_group(plan->lab);
	for (size_t i = 0; i < plan->n_plugs; i++)
		for (size_t k = 0; k < i; k++) {
			const struct lab_node *a = plan->plugs[i].peer, *b = plan->plugs[k].peer;

			if (is_switch(a) && is_switch(b) && a->group == b->group)
				return refuse(
					plan->msg, -EINVAL,
					"the links to %s and %s close a circle of switches, in "
					"which frames would go round for ever",
					b->file->name, a->file->name);
		}
	return 0;
}

static int plan_links(struct plan *plan, const json_t *links)
{
	const json_t *link;
	size_t i;

	if (json_array_size(links) > LIVE_LINKS_MAX)
		return refuse(plan->msg, -EINVAL, "a new node has at most %d links",
			      LIVE_LINKS_MAX);
	json_array_foreach (links, i, link) {
		int err = plug_plan(plan, link, i);

		if (err)
			return err;
	}
	return plan->is_switch ? circle_check(plan) : 0;
}

/* ---- the small lab file ------------------------------------------------------------------ */

/* The node as asked for, with an interface for every link. */
static json_t *node_json(const struct plan *plan, const json_t *spec)
{
	json_t *node = spec ? json_deep_copy(spec) : json_object();
	json_t *ifaces = json_object_get(node, "interfaces");

	if (plan->is_switch || (ifaces && !json_is_object(ifaces)))
		return node;
	if (!ifaces && plan->n_plugs) {
		ifaces = json_object();
		json_object_set_new(node, "interfaces", ifaces);
	}
	for (size_t i = 0; i < plan->n_plugs; i++)
		if (!json_object_get(ifaces, plan->plugs[i].own))
			json_object_set_new(ifaces, plan->plugs[i].own, json_object());
	return node;
}

/* What a link leads to: a switch, or a host with that interface. */
static void stub_json(json_t *nodes, const struct plug *plug)
{
	const char *name = plug->peer->file->name;
	json_t *stub = json_object_get(nodes, name);

	if (!stub) {
		stub = is_switch(plug->peer) ? json_pack("{s:s}", "kind", "switch")
					     : json_pack("{s:{}}", "interfaces");
		json_object_set_new(nodes, name, stub);
	}
	if (!is_switch(plug->peer))
		json_object_set_new(json_object_get(stub, "interfaces"), plug->iface,
				    json_object());
}

static json_t *file_json(const struct plan *plan, const json_t *spec)
{
	json_t *nodes = json_object();
	json_t *links = json_array();

	json_object_set_new(nodes, plan->name, node_json(plan, spec));
	for (size_t i = 0; i < plan->n_plugs; i++) {
		const struct plug *plug = &plan->plugs[i];
		const char *peer = plug->peer->file->name;
		char ends[2][LABFILE_NODE_NAME_MAX + LABFILE_IFACE_NAME_MAX + 2];

		snprintf(ends[0], sizeof(ends[0]), "%s:%s", plan->name, plug->own);
		snprintf(ends[1], sizeof(ends[1]), "%s:%s", peer, plug->iface);
		stub_json(nodes, plug);
		json_object_set_new(plug->shape, "between", json_pack("[s, s]", ends[0], ends[1]));
		json_array_append(links, plug->shape);
	}
	return json_pack("{s:s, s:o, s:o}", "lab", "live", "nodes", nodes, "links", links);
}

/* Errors without their places, which nobody has seen. */
static int file_refuse(const struct plan *plan, const struct lab_errors *errs)
{
	for (uint32_t i = 0; i < errs->n_list; i++)
		if (!errs->list[i].is_warning)
			return refuse(plan->msg, -EINVAL, "%s", errs->list[i].text);
	return refuse(plan->msg, -EINVAL, "what is asked for is wrong");
}

/* JSON is YAML, so the reader of lab files reads it. */
static int file_make(const struct plan *plan, const json_t *spec, struct labfile **ret)
{
	json_t *json = file_json(plan, spec);
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_ENSURE_ASCII) : NULL;
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	char *path = strdup(plan->lab->file->file);
	int err = text && errs && path ? 0 : -ENOMEM;

	if (!err)
		err = labfile_parse("node.add", dirname(path), text, strlen(text), ret, errs);
	if (err == -EINVAL)
		err = file_refuse(plan, errs);
	json_decref(json);
	free(text);
	free(errs);
	free(path);
	return err;
}

/* Makes the file's numbers those of the lab, and stubs look like what they stand for. */
static void file_fit(const struct plan *plan, struct labfile *file)
{
	struct lab *lab = plan->lab;

	for (uint32_t i = 0; i < file->n_nodes; i++) {
		struct labfile_node *node = &file->nodes[i];
		const struct lab_node *peer = lab_node_find(lab, node->name);

		node->index = peer ? peer->file->index : lab->n_nodes_ever;
		if (!peer)
			continue;
		node->kind = peer->file->kind;
		for (uint32_t k = 0; k < node->n_ifaces; k++) {
			uint32_t n = lab->n_ifaces_live_ever++;
			uint8_t mac[6] = {0x02,
					  (uint8_t)(node->index >> 16),
					  (uint8_t)(node->index >> 8),
					  (uint8_t)node->index,
					  (uint8_t)(0x80 | n >> 8),
					  (uint8_t)n};

			memcpy(node->ifaces[k].mac.bytes, mac, sizeof(mac));
		}
	}
}

static bool node_has_addr(const struct labfile_node *node, const struct lab_ip *ip)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		for (uint32_t k = 0; k < node->ifaces[i].n_addrs; k++)
			if (lab_ip_eq(&node->ifaces[i].addrs[k].net.ip, ip))
				return true;
	return false;
}

/* An address is one node's: what the file's own check cannot see. */
static int addrs_check(const struct plan *plan, const struct labfile_node *node)
{
	const struct lab *lab = plan->lab;
	char text[LAB_IP_TEXT];

	for (uint32_t i = 0; i < node->n_ifaces; i++)
		for (uint32_t k = 0; k < node->ifaces[i].n_addrs; k++) {
			const struct lab_ip *ip = &node->ifaces[i].addrs[k].net.ip;

			for (uint32_t n = 0; n < lab->n_nodes; n++)
				if (node_has_addr(lab->nodes[n]->file, ip))
					return refuse(
						plan->msg, -EEXIST, "%s is the address of node %s",
						lab_ip_format(ip, text), lab->nodes[n]->file->name);
		}
	return 0;
}

/* ---- interfaces -------------------------------------------------------------------------- */

/* What is configured on a net device, to be carried over to the one that takes its place. */
struct config {
	struct weft_netif *netif; /* NULL: there was none */
	struct weft_netif_info info;
	struct weft_addr_info *addrs;
	struct weft_route *routes;
	size_t n_addrs, n_routes;
	int err;
};

static void config_addr(void *arg, const struct weft_addr_info *info)
{
	struct config *c = arg;
	struct weft_addr_info *addrs;

	/* The new interface makes those by itself. */
	if (info->dev != c->netif || info->is_auto || c->err)
		return;
	addrs = realloc(c->addrs, (c->n_addrs + 1) * sizeof(*addrs));
	if (!addrs) {
		c->err = -ENOMEM;
		return;
	}
	c->addrs = addrs;
	c->addrs[c->n_addrs++] = *info;
}

static void config_route(void *arg, const struct weft_route_info *info)
{
	enum {
		PROTO_KERNEL = 2
	};
	struct config *c = arg;
	struct weft_route *routes;

	if (info->route.dev != c->netif || info->proto == PROTO_KERNEL || c->err)
		return;
	routes = realloc(c->routes, (c->n_routes + 1) * sizeof(*routes));
	if (!routes) {
		c->err = -ENOMEM;
		return;
	}
	c->routes = routes;
	c->routes[c->n_routes] = info->route;
	c->routes[c->n_routes++].proto = info->proto;
}

static struct config config_save(struct lab_node *node, struct weft_netif *netif)
{
	struct config c = {.netif = netif};

	if (netif && node->file->kind == LABFILE_WEFT) {
		weft_netif_info(netif, &c.info);
		weft_addrs(node->stack, config_addr, &c);
		weft_routes(node->stack, config_route, &c);
	}
	return c;
}

static void config_free(struct config *c)
{
	free(c->addrs);
	free(c->routes);
}

/* Also frees it. */
static int config_restore(struct config *c, struct lab_node *node, struct weft_netif *netif)
{
	int err = c->err;

	if (!err && c->netif) {
		weft_netif_set_mac(netif, c->info.mac);
		err = weft_netif_set_mtu(netif, c->info.mtu);
	}
	for (size_t i = 0; !err && i < c->n_addrs; i++)
		err = weft_addr_add(netif, &c->addrs[i].addr, c->addrs[i].prefix_len);
	for (size_t i = 0; !err && i < c->n_routes; i++) {
		c->routes[i].dev = netif;
		err = weft_route_add(node->stack, &c->routes[i]);
	}
	if (!err && c->netif && !(c->info.flags & WEFT_IFF_UP))
		weft_netif_set_up(netif, false);
	config_free(c);
	return err;
}

/* Makes the new device a part of its node, as the old one was. Frees `old`. */
static int iface_join(struct lab_node *node, struct lab_iface *iface, struct config *old)
{
	if (node->file->kind == LABFILE_WEFT)
		return config_restore(old, node, iface->netif);
	config_free(old);
	return lab_iface_attach(node, iface);
}

/* A live interface goes; its link has gone. */
static void iface_drop(struct lab_node *node, struct lab_iface *iface)
{
	size_t after = (size_t)(node->ifaces + node->n_ifaces - (iface + 1));

	if (iface->netif)
		weft_netif_del(iface->netif);
	if (iface->tap)
		weft_netif_del(iface->tap); /* and the kernel's interface with its descriptor */
	if (iface->tap_fd >= 0)
		close(iface->tap_fd);
	memmove(iface, iface + 1, after * sizeof(*iface));
	node->n_ifaces--;
}

/* Its link has gone: the node keeps the interface, with nothing behind it. When memory runs out it
 * loses what cannot be kept. */
static void iface_unplug(struct lab_node *node, struct lab_iface *iface, struct config *old)
{
	if (lab_iface_make_unlinked(node, iface) == 0)
		(void)!iface_join(node, iface, old);
	else
		config_free(old);
	if (iface->netif)
		(void)!lab_captures_add(node->lab, iface);
}

static struct lab_iface *iface_of_link(const struct lab_link *link, int end)
{
	struct lab_node *node = link->nodes[end];

	for (uint32_t i = 0; i < node->n_ifaces; i++)
		if (node->ifaces[i].link == link && node->ifaces[i].end == end)
			return &node->ifaces[i];
	return NULL;
}

/* ---- links ------------------------------------------------------------------------------- */

/* `i`: of lab->links. */
static void link_del(struct lab *lab, uint32_t i)
{
	struct lab_link *link = lab->links[i];
	struct config old[2] = {{.netif = NULL}, {.netif = NULL}};

	for (int end = 0; end < 2; end++) {
		struct lab_iface *iface = iface_of_link(link, end);

		if (iface)
			old[end] = config_save(link->nodes[end], iface->netif);
	}
	if (link->link) /* both ends go together */
		weft_netif_del(weft_link_netif(link->link, 0));
	for (int end = 0; end < 2; end++) {
		struct lab_iface *iface = iface_of_link(link, end);

		if (!iface)
			continue;
		iface->netif = NULL;
		iface->link = NULL;
		if (!iface->is_live) {
			iface_unplug(link->nodes[end], iface, &old[end]);
		} else {
			config_free(&old[end]);
			iface_drop(link->nodes[end], iface);
		}
	}
	memmove(&lab->links[i], &lab->links[i + 1], (lab->n_links - i - 1) * sizeof(*lab->links));
	lab->n_links--;
	lab_link_free(link);
}

/* A new interface at a node that is there. */
static int iface_add(struct lab_node *node, const struct labfile_iface *file, char *msg,
		     struct lab_iface **ret)
{
	struct lab_iface *ifaces =
		realloc(node->ifaces, (node->n_ifaces + 1) * sizeof(*node->ifaces));
	struct lab_iface *iface;
	char why[HOLDER_ERR_MAX] = "";
	int err = 0;

	if (!ifaces)
		return -ENOMEM;
	node->ifaces = ifaces;
	iface = &ifaces[node->n_ifaces];
	*iface = (struct lab_iface){.file = file, .tap_fd = -1, .is_live = true};
	if (node->holder)
		err = holder_iface_add(node->holder, file, &iface->tap_fd, why);
	if (err)
		return refuse(msg, err, "node %s: %s", node->file->name, why);
	node->n_ifaces++;
	*ret = iface;
	return 0;
}

/* Joins the new node with the other end of a link of its file. */
static int link_add(struct lab_node *node, const struct labfile_link *file, char *msg)
{
	int own_end = file->ends[0].node == node->file ? 0 : 1;
	const struct labfile_end *own = &file->ends[own_end], *other = &file->ends[!own_end];
	struct lab_node *peer = lab_node_find(node->lab, other->node->name);
	struct lab_iface *iface = iface_find(peer, other->iface->name);
	struct config old = {.netif = NULL};
	struct lab_node *nodes[2];
	struct lab_iface *ends[2];
	int err = 0;

	if (iface) {
		old = config_save(peer, iface->netif);
		if (iface->netif)
			weft_netif_del(iface->netif);
		iface->netif = NULL;
	} else {
		err = iface_add(peer, other->iface, msg, &iface);
	}
	if (err)
		return err;
	nodes[own_end] = node;
	nodes[!own_end] = peer;
	ends[own_end] = iface_find(node, own->iface->name);
	ends[!own_end] = iface;
	err = lab_link_make(node->lab, file, nodes, ends);
	if (err && !iface->link && iface->is_live)
		iface_drop(peer, iface);
	else if (err && !iface->link)
		iface_unplug(peer, iface, &old);
	else if (err)
		config_free(&old);
	else
		err = iface_join(peer, iface, &old);
	if (!err)
		err = lab_link_schedule(node->lab->links[node->lab->n_links - 1]);
	return err ? err : lab_captures_add(node->lab, iface);
}

/* ---- nodes ------------------------------------------------------------------------------- */

/* Every kernel node learns the names that there are now. One that cannot keeps what it had. */
static void hosts_renew(struct lab *lab)
{
	if (lab_hosts_build(lab) < 0)
		return;
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		char *hosts = lab->nodes[i]->holder ? lab_node_hosts(lab->nodes[i]) : NULL;

		if (hosts)
			(void)!holder_hosts_set(lab->nodes[i]->holder, hosts);
		free(hosts);
	}
}

void lab_node_del(struct lab_node *node)
{
	struct lab *lab = node->lab;
	uint32_t i;

	for (i = lab->n_links; i > 0; i--)
		if (lab->links[i - 1]->nodes[0] == node || lab->links[i - 1]->nodes[1] == node)
			link_del(lab, i - 1);
	for (i = 0; lab->nodes[i] != node; i++)
		;
	memmove(&lab->nodes[i], &lab->nodes[i + 1],
		(lab->n_nodes - i - 1) * sizeof(struct lab_node *));
	lab->n_nodes--;
	if (node->stack)
		weft_stack_on_tcp_end(node->stack, NULL, NULL);
	lab_node_free(node);
	hosts_renew(lab);
}

static int room_make(struct lab *lab, uint32_t n_links)
{
	struct lab_node **nodes = realloc(lab->nodes, (lab->n_nodes + 1u) * sizeof(*nodes));
	struct lab_link **links;

	if (!nodes)
		return -ENOMEM;
	lab->nodes = nodes;
	links = realloc(lab->links, (lab->n_links + n_links + 1u) * sizeof(*links));
	if (!links)
		return -ENOMEM;
	lab->links = links;
	return 0;
}

/* From the file to a node that runs. The file is the node's as soon as there is one. */
static int node_make(struct plan *plan, struct labfile *file, struct lab_node **ret)
{
	const struct labfile_node *file_node = labfile_node_find(file, plan->name);
	struct lab *lab = plan->lab;
	struct lab_node *node;
	uint32_t n_before = lab->n_nodes;
	int err = room_make(lab, file->n_links);

	if (!err)
		err = lab_node_alloc(lab, file_node);
	if (lab->n_nodes == n_before) {
		labfile_free(file);
		return err;
	}
	node = lab->nodes[lab->n_nodes - 1];
	node->live = file;
	if (!err)
		err = lab_hosts_build(lab);
	if (!err && file_node->kind == LABFILE_KERNEL)
		err = lab_node_hold(node, plan->msg);
	if (!err)
		err = lab_node_start(node, plan->msg);
	for (uint32_t i = 0; !err && i < file->n_links; i++)
		err = link_add(node, &file->links[i], plan->msg);
	if (!err)
		err = lab_node_configure(node, plan->msg);
	if (!err)
		err = lab_node_serve(node, plan->msg);
	for (uint32_t i = 0; !err && i < node->n_ifaces; i++)
		err = lab_captures_add(lab, &node->ifaces[i]);
	if (err) {
		lab_node_del(node);
		return err;
	}
	lab_report_node(node);
	hosts_renew(lab);
	*ret = node;
	return 0;
}

int lab_node_add(struct lab *lab, const char *name, const json_t *spec, const json_t *links,
		 struct lab_node **ret, char *msg)
{
	const char *kind = json_string_value(json_object_get(spec, "kind"));
	struct plan *plan;
	struct labfile *file = NULL;
	int err;

	msg[0] = '\0';
	if (lab_node_find(lab, name))
		return refuse(msg, -EEXIST, "the lab has a node %s", name);
	if (lab->n_nodes >= LIVE_NODES_MAX)
		return refuse(msg, -ENOSPC, "a lab has at most %d nodes", LIVE_NODES_MAX);
	if (!lab->loop && kind && !strcmp(kind, "kernel"))
		return refuse(msg, -EOPNOTSUPP, "a simulation has no nodes of kind kernel");
	if (json_object_get(spec, "count"))
		return refuse(msg, -EINVAL, "one node is added at a time: leave out `count`");
	plan = calloc(1, sizeof(*plan));
	if (!plan)
		return -ENOMEM;
	plan->lab = lab;
	plan->name = name;
	plan->msg = msg;
	plan->is_switch = kind && !strcmp(kind, "switch");
	err = plan_links(plan, links);
	if (!err)
		err = file_make(plan, spec, &file);
	if (!err) {
		file_fit(plan, file);
		err = addrs_check(plan, labfile_node_find(file, name));
		if (err)
			labfile_free(file);
	}
	if (!err)
		err = node_make(plan, file, ret);
	if (err && !msg[0])
		refuse(msg, err, "cannot add node %s: %s", name, strerror(-err));
	while (plan->n_plugs)
		json_decref(plan->plugs[--plan->n_plugs].shape);
	free(plan);
	return err;
}
