/* SPDX-License-Identifier: MIT */
/* Making the parts of a lab file and joining them; how it fits together is in lab.h. */
#include "lab/lab.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lab/apps.h"
#include "lab/audit.h"
#include "lab/belief.h"
#include "lab/capture.h"
#include "lab/holder.h"
#include "lab/lab_priv.h"
#include "lab/live.h"
#include "lab/report.h"
#include "lab/runner.h"
#include "lab/service.h"
#include "lab/sysctls.h"
#include "lab/trace_store.h"
#include "weft/resolver.h"

enum {
	ROUTE_STATIC = 4, /* of routes in the lab file: rtnetlink's "static", as on kernel nodes */
};

static int PRINTF_LIKE(3, 4) refuse(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, LAB_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static struct weft_addr addr_of(const struct lab_ip *ip)
{
	struct weft_addr addr = {.family = WEFT_AF_UNSPEC};

	if (ip->family == LAB_IP_NONE)
		return addr;
	addr.family = ip->family == LAB_IP4 ? WEFT_AF_INET : WEFT_AF_INET6;
	memcpy(addr.bytes, ip->bytes, sizeof(addr.bytes));
	return addr;
}

void lab_iface_mac(const struct labfile_iface *iface, uint8_t ret[6])
{
	static const struct lab_mac none;
	uint32_t node = iface->node->index;
	uint32_t i = (uint32_t)(iface - iface->node->ifaces);

	if (memcmp(&iface->mac, &none, sizeof(none))) {
		memcpy(ret, iface->mac.bytes, 6);
		return;
	}
	ret[0] = 0x02; /* locally administered, unicast */
	ret[1] = (uint8_t)(node >> 16);
	ret[2] = (uint8_t)(node >> 8);
	ret[3] = (uint8_t)node;
	ret[4] = (uint8_t)(i >> 8);
	ret[5] = (uint8_t)i;
}

struct lab_node *lab_node_find(struct lab *lab, const char *name)
{
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		if (!strcasecmp(lab->nodes[i]->file->name, name))
			return lab->nodes[i];
	return NULL;
}

static struct lab_iface *lab_iface_get(struct lab *lab, const struct labfile_end *end)
{
	return &lab->nodes[end->node->index]->ifaces[end->iface - end->node->ifaces];
}

static bool hosts_has(const struct labfile *file, const char *name)
{
	for (uint32_t i = 0; i < file->n_hosts; i++)
		if (!strcasecmp(file->hosts[i].name, name))
			return true;
	return false;
}

/* Every node's name and the extra names, as hosts(5) wants them; an extra name wins (names.h). */
int lab_hosts_build(struct lab *lab)
{
	const struct labfile *file = lab->file;
	char text[LAB_IP_TEXT];
	char *hosts = NULL;
	size_t size;
	FILE *f = open_memstream(&hosts, &size);

	if (!f)
		return -ENOMEM;
	fprintf(f, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct labfile_node *node = lab->nodes[i]->file;
		const uint8_t families[] = {LAB_IP4, LAB_IP6};

		for (size_t k = 0; k < 2 && !hosts_has(file, node->name); k++) {
			const struct lab_ip *ip = labfile_node_addr_of(node, families[k]);

			if (ip)
				fprintf(f, "%s %s\n", lab_ip_format(ip, text), node->name);
		}
	}
	for (uint32_t i = 0; i < file->n_hosts; i++)
		fprintf(f, "%s %s\n", lab_ip_format(&file->hosts[i].ip, text), file->hosts[i].name);
	/* glibc reports success without a text when only the last allocation fails. */
	if (fclose(f) != 0 || !hosts) {
		free(hosts);
		return -ENOMEM;
	}
	free(lab->hosts);
	lab->hosts = hosts;
	return 0;
}

int lab_node_alloc(struct lab *lab, const struct labfile_node *file)
{
	struct lab_node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	lab->nodes[lab->n_nodes++] = node;
	lab->n_nodes_ever++;
	node->file = file;
	node->lab = lab;
	node->ifaces = calloc(file->n_ifaces + 1u, sizeof(*node->ifaces));
	node->services = calloc(file->n_services + 1u, sizeof(*node->services));
	node->apps = calloc(file->n_apps + 1u, sizeof(*node->apps));
	if (!node->ifaces || !node->services || !node->apps)
		return -ENOMEM;
	for (uint32_t k = 0; k < file->n_ifaces; k++) {
		node->ifaces[k].file = &file->ifaces[k];
		node->ifaces[k].tap_fd = -1;
	}
	node->n_ifaces = file->n_ifaces;
	return 0;
}

char *lab_node_hosts(const struct lab_node *node)
{
	char text[LAB_IP_TEXT];
	char *hosts = NULL;
	size_t size;
	FILE *f = open_memstream(&hosts, &size);

	if (!f)
		return NULL;
	for (uint32_t i = 0; i < node->file->n_hosts; i++)
		fprintf(f, "%s %s\n", lab_ip_format(&node->file->hosts[i].ip, text),
			node->file->hosts[i].name);
	fputs(node->lab->hosts, f);
	if (fclose(f) == 0)
		return hosts;
	free(hosts);
	return NULL;
}

int lab_node_hold(struct lab_node *node, char *msg)
{
	char why[HOLDER_ERR_MAX] = "";
	int *fds = calloc(node->file->n_ifaces + 1u, sizeof(*fds));
	char *hosts = lab_node_hosts(node);
	int err = fds && hosts ? 0 : -ENOMEM;

	if (!err)
		err = holder_start(node->file, hosts, &node->holder, fds, why);
	for (uint32_t i = 0; !err && i < node->file->n_ifaces; i++)
		node->ifaces[i].tap_fd = fds[i];
	free(hosts);
	free(fds);
	if (!err)
		return 0;
	return refuse(msg, err, "node %s: %s", node->file->name, why[0] ? why : strerror(-err));
}

/* A router is one in both families. */
static int forwarding_set(struct weft_stack *st)
{
	int err = weft_stack_set(st, "net.ipv4.ip_forward", 1);

	return err ? err : weft_stack_set(st, "net.ipv6.conf.all.forwarding", 1);
}

/* Addresses of a lab serve at once, as the file gives them: nobody is asked about them, and routers
 * are not looked for, unless a setting of the node says so. */
static int ip6_quiet(struct weft_stack *st)
{
	int err = weft_stack_set(st, "net.ipv6.conf.all.accept_dad", 0);

	return err ? err : weft_stack_set(st, "net.ipv6.conf.all.accept_ra", 0);
}

/* A stack that only bridges has nothing to say. */
static int ip6_off(struct weft_stack *st)
{
	return weft_stack_set(st, "net.ipv6.conf.all.disable_ipv6", 1);
}

int lab_node_start(struct lab_node *node, char *msg)
{
	struct weft_engine *eng = node->lab->eng;
	const struct labfile_sysctl *bad;
	int err = weft_stack_new(eng, node->file->name, &node->stack);

	if (!err)
		err = node->file->kind == LABFILE_WEFT ? ip6_quiet(node->stack)
						       : ip6_off(node->stack);

	if (!err && node->file->kind == LABFILE_SWITCH)
		err = weft_bridge_new(node->stack, &node->bridge);
	if (!err && node->file->forwarding && node->file->kind == LABFILE_WEFT)
		err = forwarding_set(node->stack);
	if (!err) {
		err = lab_sysctls_set(node->file, node->stack, &bad);
		if (err)
			return refuse(msg, err, "node %s: the setting %s: %s", node->file->name,
				      bad->name, strerror(-err));
	}
	if (!err)
		err = lab_limits_set(node->stack, 0, &node->file->limits);
	if (err)
		return refuse(msg, err, "node %s: %s", node->file->name, strerror(-err));
	return lab_audit_start(node, msg);
}

static struct weft_link_dir dir_of(const struct labfile_shape *s)
{
	static_assert((int)LABFILE_PARETONORMAL == (int)WEFT_LINK_PARETONORMAL, "the same");
	return (struct weft_link_dir){
		.rate_bps = s->rate_bps,
		.delay_ns = s->delay_ns,
		.jitter_ns = s->jitter_ns,
		.loss_ppm = s->loss_ppm,
		.duplicate_ppm = s->duplicate_ppm,
		.corrupt_ppm = s->corrupt_ppm,
		.reorder_ppm = s->reorder_ppm,
		.reorder_ns = s->reorder_delay_ns,
		/* A queue in bytes holds any number of packets; 0 would mean the default. */
		.queue_pkts = s->queue.bytes ? UINT32_MAX : s->queue.pkts,
		.queue_bytes =
			(uint32_t)(s->queue.bytes < UINT32_MAX ? s->queue.bytes : UINT32_MAX),
		.jitter_dist = s->distribution,
		.gemodel_p_ppm = s->gemodel_p_ppm,
		.gemodel_r_ppm = s->gemodel_r_ppm,
		.gemodel_1h_ppm = s->gemodel_1h_ppm,
		.gemodel_1k_ppm = s->gemodel_1k_ppm,
		.reorder_gap = s->reorder_gap,
		.reorder_corr_ppm = s->reorder_corr_ppm,
		.ecn_pkts = s->ecn_pkts,
	};
}

/* Joins two interfaces, by their place in each node, that have no link yet. */
static int link_join(struct lab_link *link, struct lab_iface *ends[2])
{
	const struct labfile_link *file = link->file;
	int err = weft_link_new(link->nodes[0]->stack, ends[0]->file->name, link->nodes[1]->stack,
				ends[1]->file->name, &link->dir[0], &link->dir[1], &link->link);

	for (int i = 0; !err && i < 2; i++) {
		ends[i]->netif = weft_link_netif(link->link, i);
		ends[i]->link = link;
		ends[i]->end = i;
	}
	for (int i = 0; !err && i < 2; i++) {
		uint8_t mac[6];

		lab_iface_mac(ends[i]->file, mac);
		/* The patch end of a kernel node is not the node: the TAP's owner has the MAC. */
		if (link->nodes[i]->file->kind == LABFILE_KERNEL)
			mac[0] |= 0x40;
		weft_netif_set_mac(ends[i]->netif, mac);
		err = weft_netif_set_mtu(ends[i]->netif, file->mtu);
	}
	if (!err && !link->is_up)
		weft_link_set_up(link->link, false);
	return err;
}

static void link_change(struct lab_link *link, const struct labfile_change *change)
{
	uint32_t given = change->both.given;

	for (int d = 0; d < 2; d++) {
		struct weft_link_dir dir = dir_of(&change->dir[d]);

		/* What the file says was checked. */
		if (given | change->dir[d].given)
			(void)!lab_link_change(link, d, &dir);
	}
	if (change->carrier != LABFILE_CARRIER_KEEP)
		lab_link_set_up(link, change->carrier == LABFILE_CARRIER_UP);
}

static void link_timer(void *arg)
{
	struct lab_link *link = arg;
	const struct labfile_link *file = link->file;
	int64_t now_ns = weft_engine_now_ns(link->nodes[0]->lab->eng);

	while (link->n_changed < file->n_changes &&
	       link->start_ns + file->changes[link->n_changed].at_ns <= now_ns)
		link_change(link, &file->changes[link->n_changed++]);
	if (link->n_changed < file->n_changes)
		weft_timer_start(link->timer,
				 link->start_ns + file->changes[link->n_changed].at_ns);
}

int lab_link_schedule(struct lab_link *link)
{
	struct weft_engine *eng = link->nodes[0]->lab->eng;

	if (!link->file->n_changes)
		return 0;
	link->timer = weft_timer_new(eng, link_timer, link);
	if (!link->timer)
		return -ENOMEM;
	link->start_ns = weft_engine_now_ns(eng);
	weft_timer_start(link->timer, link->start_ns + link->file->changes[0].at_ns);
	return 0;
}

void lab_link_free(struct lab_link *link)
{
	weft_timer_free(link->timer);
	free(link);
}

int lab_link_make(struct lab *lab, const struct labfile_link *file, struct lab_node *nodes[2],
		  struct lab_iface *ends[2])
{
	struct lab_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	lab->links[lab->n_links++] = link;
	link->file = file;
	link->is_up = file->up;
	for (int i = 0; i < 2; i++) {
		link->nodes[i] = nodes[i];
		link->dir[i] = dir_of(&file->dir[i]);
	}
	return link_join(link, ends);
}

static int file_link_make(struct lab *lab, const struct labfile_link *file)
{
	struct lab_node *nodes[2];
	struct lab_iface *ends[2];

	for (int i = 0; i < 2; i++) {
		nodes[i] = lab->nodes[file->ends[i].node->index];
		ends[i] = lab_iface_get(lab, &file->ends[i]);
	}
	return lab_link_make(lab, file, nodes, ends);
}

static int dummy_tx(void *arg, const void *frame, size_t len)
{
	(void)arg;
	(void)frame;
	(void)len;
	return -ENETDOWN;
}

int lab_iface_make_unlinked(struct lab_node *node, struct lab_iface *iface)
{
	static const struct weft_frame_ops dummy_ops = {dummy_tx};
	uint8_t mac[6];

	lab_iface_mac(iface->file, mac);
	return weft_netif_new(node->stack, iface->file->name, mac, iface->file->mtu, &dummy_ops,
			      NULL, &iface->netif);
}

/* Joins a kernel node's TAP with what it has in place of a cable. */
static int tap_patch(struct lab_node *node, struct lab_iface *iface)
{
	int fd = iface->tap_fd;
	char name[16];
	int err;

	if (iface->patch)
		return weft_bridge_add(iface->patch, iface->netif);
	iface->tap_fd = -1;
	snprintf(name, sizeof(name), "tap%u", node->n_taps_ever++);
	err = weft_tap_new(node->lab->loop, node->stack, name, fd, &iface->tap);
	if (!err)
		err = weft_netif_set_mtu(iface->tap, iface->file->mtu);
	if (!err)
		err = weft_bridge_new(node->stack, &iface->patch);
	if (!err)
		err = weft_bridge_add(iface->patch, iface->tap);
	if (!err)
		err = weft_bridge_add(iface->patch, iface->netif);
	return err;
}

static int ip6_set(struct lab_iface *iface, struct weft_stack *st, const char *name, int64_t value)
{
	char path[64];

	snprintf(path, sizeof(path), "net.ipv6.conf.%s.%s", iface->file->name, name);
	return weft_stack_set(st, path, value);
}

/* An interface that asks about its addresses, or listens to routers, does so from its link-local
 * address on: it is made anew. */
static int iface_ip6(struct lab_node *node, struct lab_iface *iface)
{
	const struct labfile_iface *file = iface->file;
	int err;

	if (!file->slaac && !file->dad)
		return 0;
	err = ip6_set(iface, node->stack, "disable_ipv6", 1);
	if (!err)
		err = ip6_set(iface, node->stack, "accept_dad", 1);
	if (!err && file->slaac)
		err = ip6_set(iface, node->stack, "accept_ra", 2);
	return err ? err : ip6_set(iface, node->stack, "disable_ipv6", 0);
}

static int iface_addrs_add(struct lab_node *node, struct lab_iface *iface)
{
	int ret = iface_ip6(node, iface);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < iface->file->n_addrs; i++) {
		struct weft_addr addr = addr_of(&iface->file->addrs[i].net.ip);
		struct weft_addr_how how = {.dad = iface->file->dad};
		bool is_asked = iface->file->acd && addr.family == WEFT_AF_INET;
		uint8_t len = iface->file->addrs[i].net.len;
		int err = is_asked ? weft_addr_probe(iface->netif, &addr, len)
				   : weft_addr_put(iface->netif, &addr, len, &how);

		if (err)
			return err;
	}
	return iface->file->link_local ? weft_netif_set_link_local(iface->netif, true) : 0;
}

static int route_add(struct lab_node *node, const struct labfile_route *r)
{
	struct weft_route route = {
		.dst = addr_of(&r->dst.ip),
		.prefix_len = r->dst.len,
		.via = addr_of(&r->via.ip),
		.dev = r->iface ? node->ifaces[r->iface - node->file->ifaces].netif : NULL,
		.metric = r->metric,
		.mtu = r->mtu,
		.initcwnd = r->initcwnd,
		.proto = ROUTE_STATIC,
	};

	if (r->congctl && strlen(r->congctl) >= sizeof(route.congctl))
		return -EPROTONOSUPPORT;
	if (r->congctl)
		memcpy(route.congctl, r->congctl, strlen(r->congctl) + 1);
	return weft_route_add(node->stack, &route);
}

int lab_iface_attach(struct lab_node *node, struct lab_iface *iface)
{
	int err;

	switch (node->file->kind) {
	case LABFILE_SWITCH:
		return weft_bridge_add(node->bridge, iface->netif);
	case LABFILE_KERNEL:
		return tap_patch(node, iface);
	default:
		err = weft_netif_set_mss_clamp(iface->netif, iface->file->mss_clamp);
		if (!err && iface->file->gro)
			err = weft_netif_set_offloads(iface->netif, WEFT_OFFLOAD_ALL);
		return err ? err : iface_addrs_add(node, iface);
	}
}

/* Who listens to routers has the name servers that they tell of, while they do (RFC 8106). */
static int node_resolver(struct lab_node *node)
{
	const struct weft_resolver_config cfg = {.with_advertised = true};

	if (node->file->kind != LABFILE_WEFT)
		return 0;
	for (uint32_t i = 0; i < node->file->n_ifaces; i++)
		if (node->file->ifaces[i].slaac)
			return weft_stack_resolver_set(node->stack, &cfg);
	return 0;
}

int lab_node_configure(struct lab_node *node, char *msg)
{
	const struct labfile_node *file = node->file;
	const char *what = "interface";
	int err = 0;

	for (uint32_t i = 0; !err && i < file->n_ifaces; i++) {
		struct lab_iface *iface = &node->ifaces[i];

		if (!iface->netif && iface->file->host) {
			err = lab_iface_open_host(node, iface, msg);
			if (err)
				return err;
		}
		if (!iface->netif)
			err = lab_iface_make_unlinked(node, iface);
		if (!err)
			err = lab_iface_attach(node, iface);
	}
	if (!err)
		what = "route";
	for (uint32_t i = 0; !err && file->kind == LABFILE_WEFT && i < file->n_routes; i++)
		err = route_add(node, &file->routes[i]);
	if (!err) {
		what = "resolver";
		err = node_resolver(node);
	}
	return err ? refuse(msg, err, "node %s: %s: %s", file->name, what, strerror(-err)) : 0;
}

static int node_apps_start(struct lab_node *node, char *msg)
{
	for (; node->n_apps < node->file->n_apps; node->n_apps++) {
		const struct labfile_app *file = &node->file->apps[node->n_apps];
		int err = lab_app_start(node, file, &node->apps[node->n_apps]);

		if (err)
			return refuse(msg, err, "node %s: app %s: %s", node->file->name,
				      lab_app_kind_name(file), strerror(-err));
	}
	return 0;
}

int lab_node_serve(struct lab_node *node, char *msg)
{
	for (; node->n_services < node->file->n_services; node->n_services++) {
		const struct labfile_service *file = &node->file->services[node->n_services];
		int err = lab_service_start(node, file, &node->services[node->n_services]);

		if (err)
			return refuse(msg, err, "node %s: service %s: %s", node->file->name,
				      lab_service_kind_name(file), strerror(-err));
	}
	return node_apps_start(node, msg);
}

static struct weft_engine_config engine_config(const struct lab *lab, const struct lab_config *cfg)
{
	struct weft_engine_config ec = {
		.has_seed = cfg->has_seed || lab->file->has_seed || cfg->is_sim,
		.entropy = weft_io_entropy,
	};

	if (cfg->has_seed)
		ec.seed = cfg->seed;
	else
		ec.seed = lab->file->has_seed ? lab->file->seed : LAB_SIM_SEED;
	if (cfg->is_sim) {
		ec.epoch_ns = LAB_SIM_EPOCH_NS;
	} else {
		ec.now_ns = weft_io_now_ns();
		ec.epoch_ns = weft_io_epoch_ns();
	}
	return ec;
}

static int engine_make(struct lab *lab, const struct lab_config *cfg)
{
	struct weft_engine_config ec = engine_config(lab, cfg);
	int err = weft_engine_new(&ec, &lab->eng);

	if (!err)
		err = cfg->is_sim ? runner_virtual_new(lab->eng, &lab->runner)
				  : runner_real_new(lab->eng, &lab->runner);
	if (!err) {
		lab->loop = lab->runner->loop;
		err = trace_store_new(lab, &lab->traces);
	}
	return err;
}

static bool has_host_iface(const struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		if (node->ifaces[i].host)
			return true;
	return false;
}

/* Programs, the kernel and its interfaces keep to the machine's clock, whatever ours says. */
static int sim_check(const struct labfile *file, char *msg)
{
	char names[200];
	FILE *f = fmemopen(names, sizeof(names), "w");
	uint32_t n = 0;

	if (!f)
		return -ENOMEM;
	for (uint32_t i = 0; i < file->n_nodes; i++)
		if (file->nodes[i].kind == LABFILE_KERNEL && n++ < 5)
			fprintf(f, "%s%.30s", n > 1 ? ", " : "", file->nodes[i].name);
	if (n > 5)
		fprintf(f, " and %u more", n - 5);
	fclose(f);
	for (uint32_t i = 0; !n && i < file->n_nodes; i++)
		if (has_host_iface(&file->nodes[i]))
			return refuse(
				msg, -EOPNOTSUPP,
				"a simulation has no interfaces of the machine, whose clock is "
				"another: node %.30s; leave out its `host`, or --sim",
				file->nodes[i].name);
	if (!n)
		return 0;
	return refuse(msg, -EOPNOTSUPP,
		      "a simulation has no nodes of kind kernel, whose clock is the machine's: %s; "
		      "make %s weft nodes or leave out --sim",
		      names, n > 1 ? "them" : "it");
}

static int lab_alloc(struct lab *lab)
{
	int err = 0;

	lab->nodes = calloc(lab->file->n_nodes + 1u, sizeof(*lab->nodes));
	lab->links = calloc(lab->file->n_links + 1u, sizeof(*lab->links));
	if (!lab->nodes || !lab->links)
		return -ENOMEM;
	for (uint32_t i = 0; !err && i < lab->file->n_nodes; i++)
		err = lab_node_alloc(lab, &lab->file->nodes[i]);
	return err ? err : lab_hosts_build(lab);
}

/* Steps of bringing a lab up that have been made, of how many. */
struct steps {
	const struct lab_config *cfg;
	uint32_t done, total;
};

static void step_done(struct steps *steps)
{
	steps->done++;
	if (steps->cfg->on_progress)
		steps->cfg->on_progress(steps->cfg->on_progress_arg, steps->done, steps->total);
}

static int build_nodes(struct lab *lab, struct steps *steps,
		       int (*step)(struct lab_node *node, char *msg), char *msg)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < lab->n_nodes; i++) {
		err = step(lab->nodes[i], msg);
		step_done(steps);
	}
	return err;
}

static int build_links(struct lab *lab, struct steps *steps, char *msg)
{
	for (uint32_t i = 0; i < lab->file->n_links; i++) {
		const struct labfile_link *file = &lab->file->links[i];
		int err = file_link_make(lab, file);

		if (err)
			return refuse(msg, err, "link %s -- %s: %s", file->ends[0].text,
				      file->ends[1].text, strerror(-err));
		step_done(steps);
	}
	return 0;
}

static int hold_if_kernel(struct lab_node *node, char *msg)
{
	return node->file->kind == LABFILE_KERNEL ? lab_node_hold(node, msg) : 0;
}

/* Holders are cloned first, while this process has opened as little as possible. */
static int lab_build(struct lab *lab, const struct lab_config *cfg, char *msg)
{
	const struct labfile *file = lab->file;
	struct steps steps = {.cfg = cfg, .total = 4 * file->n_nodes + file->n_links};
	int err = cfg->is_sim ? sim_check(file, msg) : 0;

	if (!err)
		err = lab_alloc(lab);
	if (!err)
		err = build_nodes(lab, &steps, hold_if_kernel, msg);
	if (!err)
		err = engine_make(lab, cfg);
	if (!err)
		err = build_nodes(lab, &steps, lab_node_start, msg);
	if (!err)
		err = build_links(lab, &steps, msg);
	if (!err)
		err = build_nodes(lab, &steps, lab_node_configure, msg);
	if (!err)
		err = build_nodes(lab, &steps, lab_node_serve, msg);
	/* Last, so that a lab that fails does not overwrite what an earlier run has captured. */
	return err ? err : lab_captures_start(lab, cfg->pcap, msg);
}

int lab_start(const struct labfile *file, const struct lab_config *cfg, struct lab **ret,
	      char *ret_msg)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	int err = -ENOMEM;

	ret_msg[0] = '\0';
	if (lab) {
		lab->file = file;
		list_init(&lab->rpc_peers);
		lab->name = cfg->name ? cfg->name : file->name;
		lab->audit = cfg->audit;
		err = lab_build(lab, cfg, ret_msg);
	}
	for (uint32_t i = 0; !err && i < lab->n_links; i++)
		err = lab_link_schedule(lab->links[i]);
	if (!err) {
		lab->start_ns = weft_engine_now_ns(lab->eng);
		lab_belief_start(lab);
		lab->start_epoch_ns = weft_io_epoch_ns() + weft_io_now_ns();
		*ret = lab;
		return 0;
	}
	if (!ret_msg[0])
		refuse(ret_msg, err, "cannot bring the lab up: %s", strerror(-err));
	lab_stop(lab);
	return err;
}

void lab_node_free(struct lab_node *node)
{
	while (node->n_apps)
		lab_app_stop(&node->apps[--node->n_apps]);
	while (node->n_services)
		lab_service_stop(&node->services[--node->n_services]);
	lab_audit_stop(node);
	weft_stack_free(node->stack);
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		if (node->ifaces[i].tap_fd >= 0)
			close(node->ifaces[i].tap_fd);
	holder_stop(node->holder);
	free(node->ifaces);
	free(node->services);
	free(node->apps);
	labfile_free(node->live);
	json_decref(node->nstat_history);
	free(node);
}

int lab_stop(struct lab *lab)
{
	int err;

	if (!lab)
		return 0;
	/* Connections that end with their stacks are no news for the report. */
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		if (lab->nodes[i]->stack)
			weft_stack_on_tcp_end(lab->nodes[i]->stack, NULL, NULL);
	lab_report_free(lab);
	err = lab_captures_stop(lab);
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		lab_node_free(lab->nodes[i]);
	for (uint32_t i = 0; i < lab->n_links; i++)
		lab_link_free(lab->links[i]);
	trace_store_free(lab->traces);
	runner_free(lab->runner);
	weft_engine_free(lab->eng);
	free(lab->hosts);
	free(lab->links);
	free(lab->nodes);
	free(lab);
	return err;
}
