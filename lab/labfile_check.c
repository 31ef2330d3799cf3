/* SPDX-License-Identifier: MIT */
/* Each node and each link by itself: what a kind of node can have, services, addresses' form. */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void check_error(struct lab_build *b)
{
	b->broken |= LAB_BROKEN_PLAN;
}

/* ---- Services ---- */

/* The service that has each port of a node already, by protocol; filled anew for each node. */
struct port_table {
	const struct labfile_service *of[2][65536];
};

static void check_port(struct lab_build *b, struct port_table *ports,
		       const struct labfile_service *service, const char *where, uint32_t protos,
		       const uint32_t *port)
{
	for (int i = 0; i < 2; i++) {
		const struct labfile_service **slot = &ports->of[i][*port];

		if (!(protos & (i == 0 ? LABFILE_TCP : LABFILE_UDP)))
			continue;
		if (*slot) {
			lab_error_add(b->errs, lab_build_field_pos(b, port, service->pos),
				      "%s: %s port %u is taken by the service on line %u already; "
				      "choose another port",
				      where, i == 0 ? "TCP" : "UDP", *port, (*slot)->pos.line);
			return;
		}
		*slot = service;
	}
}

/* Where a service listens. */
struct service_port {
	const char *kind;
	const struct lab_pos *pos;
	const uint32_t *port;
	uint32_t protos;
};

static struct service_port port_of(const struct labfile_service *s)
{
	switch (s->kind) {
	case LABFILE_HTTP:
		return (struct service_port){"http", &s->http.pos, &s->http.port, LABFILE_TCP};
	case LABFILE_ECHO:
		return (struct service_port){"echo", &s->echo.pos, &s->echo.port, s->echo.protos};
	default:
		return (struct service_port){s->kind == LABFILE_RR ? "rr" : "discard",
					     &s->listener.pos, &s->listener.port, LABFILE_TCP};
	}
}

static void clear_ports(struct port_table *ports, const struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_services; i++)
		for (int k = 0; k < 2; k++)
			if (node->services[i].kind != LABFILE_RADV)
				ports->of[k][*port_of(&node->services[i]).port] = NULL;
}

static int check_http_root(struct lab_build *b, struct labfile_http *http, const char *where)
{
	struct lab_pos pos = lab_build_field_pos(b, &http->root_text, http->pos);
	struct stat st;
	int err;

	http->root = http->root_text;
	if (!b->dir)
		return 0;
	if (*http->root_text != '/') {
		http->root = arena_printf(&b->lab->arena, "%s/%s", b->dir, http->root_text);
		if (!http->root)
			return -ENOMEM;
	}
	err = stat(http->root, &st) < 0 ? errno : 0;
	if (err == ENOENT || err == ENOTDIR)
		lab_error_add(b->errs, pos,
			      "%s: there is no directory \"%.100s\" (it was looked for at %.200s); "
			      "make it, or write another",
			      where, http->root_text, http->root);
	else if (err)
		lab_error_add(b->errs, pos,
			      "%s: cannot look at directory \"%.100s\" (at %.200s): %s", where,
			      http->root_text, http->root, strerror(err));
	else if (!S_ISDIR(st.st_mode))
		lab_error_add(b->errs, pos,
			      "%s: \"%.100s\" is not a directory (at %.200s); write the one whose "
			      "files it serves",
			      where, http->root_text, http->root);
	return 0;
}

/* The bits of labfile_doc.given. */
enum {
	DOC_GIVES_TEXT = 1 << 0,
	DOC_GIVES_SIZE = 1 << 1,
};

static int check_http(struct lab_build *b, struct labfile_http *http, const char *where)
{
	for (uint32_t i = 0; i < http->n_docs; i++) {
		const struct labfile_doc *doc = &http->docs[i];
		uint32_t given = doc->given & (DOC_GIVES_TEXT | DOC_GIVES_SIZE);

		if (given == DOC_GIVES_TEXT || given == DOC_GIVES_SIZE)
			continue;
		lab_error_add(b->errs, doc->pos, "%s.files.%.64s: give %s", where, doc->path,
			      given ? "either text or size, not both; remove one" : "text or size");
	}
	if (http->root_text)
		return check_http_root(b, http, where);
	if (http->n_docs == 0 && !(http->docs && b->errs->n_errors)) /* not only wrong ones */
		lab_error_add(b->errs, http->pos,
			      "%s: a web server needs \"root\" (a directory) or \"files\"; add one "
			      "of them",
			      where);
	return 0;
}

static bool has_iface(const struct labfile_node *node, const char *name)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		if (!strcmp(node->ifaces[i].name, name))
			return true;
	return false;
}

/* What the service itself would refuse (RFC 4861 §6.2.1). */
static void check_radv_numbers(struct lab_build *b, const struct labfile_radv *r, const char *where)
{
	const int64_t s = 1000000000;

	if (r->interval_ns < 4 * s || r->interval_ns > 1800 * s)
		lab_error_add(b->errs, lab_build_field_pos(b, &r->interval_ns, r->pos),
			      "%s.interval: write 4s to 1800s", where);
	else if (r->lifetime_ns && (r->lifetime_ns < r->interval_ns || r->lifetime_ns > 9000 * s))
		lab_error_add(b->errs, lab_build_field_pos(b, &r->lifetime_ns, r->pos),
			      "%s.lifetime: write 0, or a time from the interval to 9000s", where);
	if (r->mtu && r->mtu < 1280)
		lab_error_add(b->errs, lab_build_field_pos(b, &r->mtu, r->pos),
			      "%s.mtu: IPv6 needs 1280 at least", where);
	if (r->preferred_s > r->valid_s)
		lab_error_add(b->errs, lab_build_field_pos(b, &r->preferred_s, r->pos),
			      "%s.preferred: no address is preferred for longer than it is valid",
			      where);
}

static void check_radv_lists(struct lab_build *b, const struct labfile_radv *r, const char *where)
{
	if (r->n_prefixes > 16 || r->n_routes > 16 || r->n_dns > 8 || r->n_search > 8)
		lab_error_add(b->errs, r->pos,
			      "%s: write at most 16 prefixes, 16 routes, 8 name servers and 8 "
			      "domains",
			      where);
	for (uint32_t i = 0; i < r->n_prefixes; i++)
		if (r->prefixes[i].prefix.ip.family == LAB_IP4 ||
		    r->prefixes[i].preferred_s > r->prefixes[i].valid_s)
			lab_error_add(b->errs, r->prefixes[i].pos,
				      "%s.prefixes[%u]: write an IPv6 prefix, preferred for no "
				      "longer than it is valid",
				      where, i);
	for (uint32_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].prefix.ip.family == LAB_IP4)
			lab_error_add(b->errs, r->routes[i].pos,
				      "%s.routes[%u]: write an IPv6 prefix", where, i);
	for (uint32_t i = 0; i < r->n_dns; i++)
		if (r->dns[i].ip.family == LAB_IP4)
			lab_error_add(b->errs, r->dns[i].pos, "%s.dns[%u]: write an IPv6 address",
				      where, i);
}

static void check_radv(struct lab_build *b, const struct labfile_node *node,
		       const struct labfile_radv *r, const char *where)
{
	if (r->pos.line == 0)
		return; /* it could not be read */
	if (r->iface && !has_iface(node, r->iface))
		lab_error_add(b->errs, lab_build_field_pos(b, &r->iface, r->pos),
			      "%s.interface: %s has no interface %s", where, node->name, r->iface);
	if (!node->forwarding && r->lifetime_ns)
		lab_error_add(b->errs, r->pos,
			      "%s: %s does not forward packets; write \"forwarding: true\" for the "
			      "node, or \"lifetime: 0\"",
			      where, node->name);
	check_radv_numbers(b, r, where);
	check_radv_lists(b, r, where);
}

static int check_services(struct lab_build *b, struct labfile_node *node, struct port_table *ports)
{
	char where[LABFILE_NODE_NAME_MAX + 60];
	int err = 0;

	if (node->kind != LABFILE_WEFT) {
		lab_error_add(b->errs, node->services[0].pos,
			      "nodes.%s.services: services run on weft nodes only; %s", node->name,
			      node->kind == LABFILE_KERNEL ? "on a kernel node, start programs of "
							     "your own with weft run or weft exec"
							   : "a switch has no TCP/IP");
		return 0;
	}
	clear_ports(ports, node);
	for (uint32_t i = 0; i < node->n_services && err == 0; i++) {
		struct labfile_service *s = &node->services[i];
		struct service_port at;

		if (s->kind == LABFILE_RADV) {
			snprintf(where, sizeof(where), "nodes.%s.services[%u].radv", node->name, i);
			check_radv(b, node, &s->radv, where);
			continue;
		}
		at = port_of(s);

		if (at.pos->line == 0)
			continue; /* it could not be read */
		snprintf(where, sizeof(where), "nodes.%s.services[%u].%s", node->name, i, at.kind);
		check_port(b, ports, s, where, at.protos, at.port);
		if (s->kind == LABFILE_HTTP)
			err = check_http(b, &s->http, where);
	}
	return err;
}

/* ---- Interfaces ---- */

/* Multicast and all-zero addresses are nobody's (IEEE 802-2014 §8.2). */
static void check_mac(struct lab_build *b, const struct labfile_iface *iface, const char *where)
{
	char text[LAB_MAC_TEXT];

	if (!lab_build_has_field(b, &iface->mac))
		return;
	if (!(iface->mac.bytes[0] & 1) && memcmp(&iface->mac, &(struct lab_mac){{0}}, 6) != 0)
		return;
	lab_error_add(b->errs, lab_build_field_pos(b, &iface->mac, iface->pos),
		      "%s.mac: %s is not the address of one interface; its first byte is even in "
		      "one that is (for example 02)",
		      where, lab_mac_format(&iface->mac, text));
}

static void check_addr(struct lab_build *b, const struct labfile_addr *addr, const char *where)
{
	const char *special = lab_net_special(&addr->net);
	char text[LAB_NET_TEXT];

	if (special) {
		lab_error_add(b->errs, addr->pos, "%s: %s is %s; choose an address of a host",
			      where, lab_net_format(&addr->net, text), special);
		check_error(b);
	}
}

static bool node_has_ip(const struct labfile_node *node)
{
	return node->kind != LABFILE_SWITCH;
}

static void check_iface_link(struct lab_build *b, const struct labfile_iface *iface,
			     const char *where)
{
	if (iface->is_implied && iface->n_addrs == 0 && node_has_ip(iface->node) && !b->broken)
		lab_warning_add(b->errs, iface->pos,
				"%s: the interface has no address; give the link a prefix, or "
				"write it under nodes.%s.interfaces",
				where, iface->node->name);
	if (iface->host && iface->link)
		lab_error_add(
			b->errs, lab_build_field_pos(b, &iface->host, iface->pos),
			"%s.host: links[%u] leads to this interface already; it cannot be one of "
			"the machine's too",
			where, iface->link->number);
	if (iface->host && iface->node->kind == LABFILE_KERNEL)
		lab_error_add(
			b->errs, lab_build_field_pos(b, &iface->host, iface->pos),
			"%s.host: only nodes of kind weft and switch can have an interface of "
			"the machine's",
			where);
	if (!iface->host && iface->driver != LABFILE_DRIVER_PACKET)
		lab_error_add(b->errs, lab_build_field_pos(b, &iface->driver, iface->pos),
			      "%s.driver: only of an interface of the machine's; name it by host",
			      where);
	if (!iface->link && !iface->host &&
	    !b->broken) /* else its link may just not have been read */
		lab_warning_add(
			b->errs, iface->pos,
			"%s: no link leads to this interface; add one under links, or remove it",
			where);
	if ((iface->acd || iface->link_local) && iface->node->kind != LABFILE_WEFT)
		lab_error_add(b->errs,
			      lab_build_field_pos(b, iface->acd ? &iface->acd : &iface->link_local,
						  iface->pos),
			      "%s.%s: only nodes of kind weft ask about their addresses", where,
			      iface->acd ? "acd" : "link_local");
	if (iface->mss_clamp && iface->node->kind != LABFILE_WEFT)
		lab_error_add(b->errs, lab_build_field_pos(b, &iface->mss_clamp, iface->pos),
			      "%s.mss_clamp: only nodes of kind weft can lower TCP's segments",
			      where);
	if (iface->gro && iface->node->kind != LABFILE_WEFT)
		lab_error_add(b->errs, lab_build_field_pos(b, &iface->gro, iface->pos),
			      "%s.gro: only nodes of kind weft join what arrives", where);
	if (iface->link && iface->mtu > iface->link->mtu)
		lab_warning_add(b->errs, lab_build_field_pos(b, &iface->mtu, iface->pos),
				"%s.mtu: packets of more than %u bytes do not fit links[%u] and "
				"will be lost; write less, or raise the link's mtu",
				where, iface->link->mtu, iface->link->number);
}

static void check_iface(struct lab_build *b, const struct labfile_node *node,
			const struct labfile_iface *iface)
{
	char where[LABFILE_NODE_NAME_MAX + LABFILE_IFACE_NAME_MAX + 40];

	snprintf(where, sizeof(where), "nodes.%s.interfaces.%s", node->name, iface->name);
	if (node->kind == LABFILE_SWITCH) {
		if (iface->n_addrs)
			lab_error_add(b->errs, iface->addrs[0].pos,
				      "%s: a switch has no addresses; give them to the nodes "
				      "around it",
				      where);
	} else if (strcmp(iface->name, "lo") == 0) {
		lab_error_add(b->errs, iface->pos,
			      "%s: every node has its loopback interface \"lo\" already; choose "
			      "another name",
			      where);
	}
	check_mac(b, iface, where);
	for (uint32_t i = 0; i < iface->n_addrs && node->kind != LABFILE_SWITCH; i++)
		check_addr(b, &iface->addrs[i], where);
	check_iface_link(b, iface, where);
}

/* ---- Nodes ---- */

static void check_switch(struct lab_build *b, const struct labfile_node *node)
{
	if (node->gateway) {
		lab_error_add(
			b->errs, lab_build_field_pos(b, &node->gateway, node->pos),
			"nodes.%s.gateway: a switch has no routes; give it to the nodes around "
			"it",
			node->name);
		check_error(b);
	}
	if (node->n_routes || node->forwarding) {
		lab_error_add(b->errs, node->n_routes ? node->routes[0].pos : node->pos,
			      "nodes.%s: a switch forwards frames by itself and has no routes; a "
			      "router is a node of kind weft or kernel",
			      node->name);
		check_error(b);
	}
	if (node->n_ifaces == 0 && !b->broken)
		lab_warning_add(
			b->errs, node->pos,
			"nodes.%s: no link leads to this switch; add one under links, or remove it",
			node->name);
}

static void check_burst(struct lab_build *b, const struct labfile_node *node,
			const struct labfile_limits *l)
{
	if (l->burst && !l->rate)
		lab_error_add(b->errs, l->pos,
			      "nodes.%s: limits: a burst without a rate limits nothing; add one",
			      node->name);
}

static bool has_limits(const struct labfile_limits *l)
{
	return l->sockets || l->bytes || l->peer_connections || l->rate || l->burst || l->resets;
}

static int check_node(struct lab_build *b, struct labfile_node *node, struct port_table *ports)
{
	uint32_t n_addrs = 0;

	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		check_iface(b, node, &node->ifaces[i]);
		n_addrs += node->ifaces[i].n_addrs;
	}
	if (n_addrs > LABFILE_MAX_ADDRS) {
		lab_error_add(b->errs, node->pos, "nodes.%s: more than %d addresses", node->name,
			      LABFILE_MAX_ADDRS);
		check_error(b);
	}
	if (node->kind != LABFILE_SWITCH && node->prefix.ip.family) {
		lab_error_add(
			b->errs, lab_build_field_pos(b, &node->prefix, node->pos),
			"nodes.%s.prefix: only a switch has one; give it to the links of this "
			"node, or write the address under interfaces",
			node->name);
		check_error(b);
	}
	if (node->kind == LABFILE_SWITCH)
		check_switch(b, node);
	else if (node->n_ifaces == 0 && !b->broken)
		lab_warning_add(b->errs, node->pos,
				"nodes.%s: the node has no interfaces, nothing can reach it; add a "
				"link to it under links",
				node->name);
	if (node->n_sysctls && node->kind != LABFILE_WEFT)
		lab_error_add(b->errs, node->sysctls[0].pos,
			      "nodes.%s.sysctls: only nodes of kind weft have weft's settings",
			      node->name);
	if (has_limits(&node->limits) && node->kind != LABFILE_WEFT)
		lab_error_add(b->errs, node->limits.pos,
			      "nodes.%s.limits: only nodes of kind weft have limits", node->name);
	check_burst(b, node, &node->limits);
	for (uint32_t i = 0; i < node->n_services; i++)
		check_burst(b, node, lab_service_limits(&node->services[i]));
	return node->n_services ? check_services(b, node, ports) : 0;
}

/* ---- Interfaces of the machine ---- */

/* By the machine's, then in the order of the file. */
static int by_host_cmp(const void *a_, const void *b_)
{
	const struct labfile_iface *a = *(const struct labfile_iface *const *)a_;
	const struct labfile_iface *b = *(const struct labfile_iface *const *)b_;
	int cmp = strcmp(a->host, b->host);

	if (cmp)
		return cmp;
	if (a->node != b->node)
		return a->node->index < b->node->index ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Two would both answer what comes, with one hardware address, or one would get nothing at all. */
static void check_hosts_apart(struct lab_build *b, const struct labfile_iface *const *list,
			      uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		const struct labfile_iface *first = list[i - 1], *iface = list[i];

		if (strcmp(first->host, iface->host) != 0)
			continue;
		/* Copies of one node have been refused when they were made. */
		if (iface->node->copy > 1 && first->node != iface->node)
			continue;
		lab_error_add(b->errs, lab_build_field_pos(b, &iface->host, iface->pos),
			      "nodes.%s.interfaces.%s.host: %s is %s:%s (line %u) already; choose "
			      "another, or join both to a switch that has it",
			      iface->node->name, iface->name, iface->host, first->node->name,
			      first->name, lab_build_field_pos(b, &first->host, first->pos).line);
	}
}

static int check_hosts(struct lab_build *b)
{
	const struct labfile_iface **list;
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->lab->n_nodes; i++)
		for (uint32_t k = 0; k < b->lab->nodes[i].n_ifaces; k++)
			n += b->lab->nodes[i].ifaces[k].host != NULL;
	if (n < 2)
		return 0;
	list = arena_alloc(&b->tmp, n * sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = 0;
	for (uint32_t i = 0; i < b->lab->n_nodes; i++)
		for (uint32_t k = 0; k < b->lab->nodes[i].n_ifaces; k++)
			if (b->lab->nodes[i].ifaces[k].host)
				list[n++] = &b->lab->nodes[i].ifaces[k];
	qsort(list, n, sizeof(*list), by_host_cmp);
	check_hosts_apart(b, list, n);
	return 0;
}

/* ---- Links ---- */

/* A burst that never ends is a mistake, not a link. False: it is one, and was reported. */
static bool check_gemodel(struct lab_build *b, const struct labfile_link *link,
			  const struct labfile_shape dirs[2], struct lab_pos pos)
{
	for (int d = 0; d < 2; d++) {
		if (!dirs[d].gemodel_p_ppm || dirs[d].gemodel_r_ppm)
			continue;
		lab_error_add(b->errs, pos,
			      "links[%u]: gemodel_p without gemodel_r: once the link is bad it "
			      "stays bad; add gemodel_r, 1/r being the length of a burst in frames",
			      link->number);
		check_error(b);
		return false;
	}
	return true;
}

static void check_changes(struct lab_build *b, const struct labfile_link *link)
{
	bool is_good = check_gemodel(b, link, link->dir,
				     lab_build_field_pos(b, &link->both.gemodel_p_ppm, link->pos));
	int64_t last_ns = 0;

	for (uint32_t i = 0; i < link->n_changes; i++) {
		const struct labfile_change *change = &link->changes[i];

		if (change->at_ns < last_ns) {
			lab_error_add(b->errs, lab_build_field_pos(b, &change->at_ns, change->pos),
				      "links[%u].changes[%u]: comes before the one above it; write "
				      "changes in the order of their times",
				      link->number, i);
			check_error(b);
		}
		last_ns = change->at_ns;
		if (change->carrier == LABFILE_CARRIER_KEEP && !change->both.given &&
		    !change->dir[0].given && !change->dir[1].given)
			lab_warning_add(b->errs, change->pos,
					"links[%u].changes[%u]: changes nothing; give it a state, "
					"set, a_to_b or b_to_a",
					link->number, i);
		is_good = is_good && check_gemodel(b, link, change->dir, change->pos);
	}
}

static void check_shape(struct lab_build *b, const struct labfile_link *link, int i)
{
	const struct labfile_shape *s = &link->dir[i];
	struct lab_pos pos = lab_build_field_pos(
		b, &s->reorder_ppm, lab_build_field_pos(b, &link->both.reorder_ppm, s->pos));

	if (s->reorder_ppm && s->reorder_delay_ns == 0 && s->delay_ns == 0)
		lab_warning_add(b->errs, pos,
				"links[%u]: reorder does nothing from %s: neither delay nor "
				"reorder_delay is more than 0; set one of them",
				link->number, i == 0 ? "a to b" : "b to a");
}

int labfile_check(struct lab_build *b)
{
	struct port_table *ports = arena_alloc(&b->tmp, sizeof(*ports));
	int err = ports ? 0 : -ENOMEM;

	if (b->lab->n_nodes == 0)
		lab_error_add(
			b->errs, lab_build_field_pos(b, &b->lab->nodes, b->lab->pos),
			"nodes: a lab needs at least one node; write its name and a colon below");
	for (uint32_t i = 0; i < b->lab->n_nodes && err == 0; i++)
		err = check_node(b, &b->lab->nodes[i], ports);
	if (err == 0)
		err = check_hosts(b);
	for (uint32_t i = 0; i < b->lab->n_links; i++) {
		check_shape(b, &b->lab->links[i], 0);
		check_shape(b, &b->lab->links[i], 1);
		check_changes(b, &b->lab->links[i]);
	}
	return err;
}
