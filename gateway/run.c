/* SPDX-License-Identifier: MIT */
/* A gateway as a lab of one node; the contract is in run.h. */
#include "gateway/run.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/load.h"
#include "gateway/resolvconf.h"
#include "gateway/rpc.h"
#include "lab/errors.h"
#include "lab/lab.h"
#include "lab/rpc.h"
#include "lab/rundir.h"
#include "lab/runner.h"
#include "net/dhcp/dhcp.h"
#include "net/dnsfwd/dnsfwd.h"
#include "net/radv/radv.h"

enum {
	MTU_DEFAULT = 1500,
	RA_INTERVAL_S = 60,
	RA_LIFETIME_S = 1800,
	LEASES = 16, /* whoever else is behind the guest's bridge; the guest's address is the first
		      */
};

struct gateway_run {
	struct labfile *file;
	struct lab *lab;
	struct rpc_server *rpc;
	struct weft_netif *nif;
	struct qemu_guests *qemu; /* NULL: the guest has a TAP */
	bool is_for_many;         /* guests come and go */
	struct radv *radv;
	struct resolvconf conf; /* the host's, as it was at the start */
	struct dhcp *dhcp;
	struct dnsfwd *dns;
	struct weft_net *host; /* the forwarder's outside */
	struct gateway *gw;
	bool is_ending;
};

static int PRINTF_LIKE(3, 4) refuse(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, LAB_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static struct weft_addr addr_of(const char *text)
{
	struct weft_addr addr = {0};

	(void)!weft_addr_parse(text, &addr);
	return addr;
}

void gateway_run_defaults(struct gateway_run_config *cfg)
{
	static struct gateway_map const maps[2] = {
		{.guest = {WEFT_AF_INET, {10, 0, 2, 2}}, .host = {WEFT_AF_INET, {127, 0, 0, 1}}},
		{.guest = {WEFT_AF_INET6, {0xfd, [15] = 2}}, .host = {WEFT_AF_INET6, {[15] = 1}}},
	};

	*cfg = (struct gateway_run_config){
		.tap_fd = -1,
		.qemu_fd = -1,
		.qemu_listen_fd = -1,
		.mtu = MTU_DEFAULT,
		.addr4 = addr_of("10.0.2.2"),
		.len4 = 24,
		.dns4 = addr_of("10.0.2.3"),
		.addr6 = addr_of("fd00::2"),
		.len6 = 64,
		.dns6 = addr_of("fd00::3"),
		.gw = {.guest4 = addr_of("10.0.2.100"),
		       .guest4_len = 24,
		       .guest6 = addr_of("fd00::100"),
		       .guest6_len = 64,
		       .maps = maps,
		       .n_maps = 2},
	};
}

/* The lab file of the one node. */
static int run_lab(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	const char *node = cfg->node ? cfg->node : "gateway";
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	char text[256];
	int err, len;

	if (!errs)
		return refuse(msg, -ENOMEM, "out of memory");
	len = snprintf(text, sizeof(text), "lab: %s\nnodes:\n  %s: {}\n",
		       cfg->name ? cfg->name : "gateway", node);
	err = len < (int)sizeof(text)
		      ? labfile_parse("gateway", NULL, text, (size_t)len, &run->file, errs)
		      : -EINVAL;
	if (err)
		refuse(msg, err, "`%s` or `%s` is not a name: %s",
		       cfg->name ? cfg->name : "gateway", node,
		       errs->n_list ? errs->list[0].text : strerror(-err));
	free(errs);
	if (err)
		return err;
	return lab_start(run->file, &(struct lab_config){.pcap = NULL}, &run->lab, msg);
}

static int addr_add(struct gateway_run *run, const struct weft_addr *addr, uint8_t len, char *msg)
{
	char text[WEFT_ADDR_STRLEN];
	int err;

	if (!addr->family)
		return 0;
	err = weft_addr_add(run->nif, addr, len);
	if (err)
		return refuse(msg, err, "address %s/%u: %s",
			      weft_addr_print(addr, text, sizeof(text)), len, strerror(-err));
	return 0;
}

/* The interface to the guest. Takes its descriptor. */
static int run_device(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	struct weft_stack *st = gateway_run_stack(run);
	int err;

	if (cfg->qemu_fd < 0 && cfg->qemu_listen_fd < 0) {
		err = weft_tap_new(run->lab->loop, st, "guest", cfg->tap_fd, &run->nif);
		return err ? refuse(msg, err, "the TAP: %s", strerror(-err)) : 0;
	}
	run->is_for_many = cfg->qemu_listen_fd >= 0;
	err = qemu_guests_new(run->lab->loop, st, "guest",
			      &(struct qemu_guests_config){.listen_fd = cfg->qemu_listen_fd,
							   .guest_fd = cfg->qemu_fd,
							   .told = cfg->on_qemu,
							   .arg = cfg->on_qemu_arg},
			      &run->qemu);
	if (err)
		return refuse(msg, err, "the socket of QEMU: %s", strerror(-err));
	run->nif = qemu_guests_netif(run->qemu);
	return 0;
}

/* The interface, its addresses and what the node is. Takes the descriptor. */
static int run_netif(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	static const uint8_t none[6];
	struct weft_stack *st = gateway_run_stack(run);
	uint32_t mtu = cfg->mtu ? cfg->mtu : MTU_DEFAULT;
	int err = run_device(run, cfg, msg);

	if (err)
		return err;
	if (memcmp(cfg->mac, none, sizeof(none)))
		weft_netif_set_mac(run->nif, cfg->mac);
	err = mtu < GATEWAY_RUN_MTU_MIN ? -EINVAL : weft_netif_set_mtu(run->nif, mtu);
	if (err)
		return refuse(msg, err, "an MTU of %u is not possible: %u to %u", mtu,
			      GATEWAY_RUN_MTU_MIN, GATEWAY_RUN_MTU_MAX);
	/* A router, to its neighbours. */
	(void)!weft_stack_set(st, "net.ipv6.conf.all.forwarding", 1);
	err = addr_add(run, &cfg->addr4, cfg->len4, msg);
	if (!err)
		err = addr_add(run, &cfg->addr6, cfg->len6, msg);
	if (!err)
		err = addr_add(run, &cfg->dns4, cfg->len4, msg);
	if (!err)
		err = addr_add(run, &cfg->dns6, cfg->len6, msg);
	return err;
}

static int run_radv(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	struct radv_config ra = radv_defaults;
	int err;

	if (cfg->no_ra || !cfg->addr6.family)
		return 0;
	ra.max_interval_s = RA_INTERVAL_S;
	ra.min_interval_s = 0;
	ra.lifetime_s = RA_LIFETIME_S;
	ra.mtu = cfg->mtu ? cfg->mtu : MTU_DEFAULT;
	ra.n_prefixes = 1;
	ra.prefixes[0] = (struct radv_prefix){.len = cfg->len6,
					      .on_link = true,
					      .autonomous = cfg->len6 == 64,
					      .valid_s = 86400,
					      .preferred_s = 14400};
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t left = cfg->len6 > 8 * i ? cfg->len6 - 8 * i : 0;
		uint32_t mask = left >= 8 ? 0xff : 0xff00u >> left;

		ra.prefixes[0].prefix[i] = cfg->addr6.bytes[i] & (uint8_t)mask;
	}
	if (cfg->dns6.family) {
		memcpy(ra.dns[0], cfg->dns6.bytes, 16);
		ra.n_dns = 1;
	}
	err = radv_new(run->nif, gateway_run_stack(run), &ra, &run->radv);
	if (err)
		return refuse(msg, err, "router advertisements: %s", strerror(-err));
	return 0;
}

/* Forwards lead to who asked last. */
static void run_leased(void *arg, const struct weft_addr *addr, const uint8_t mac[6] UNUSED)
{
	struct gateway_run *run = arg;

	gateway_set_guest(run->gw, addr);
}

/* From the guest's on, as many as the link has before an address of ours or its end. */
static uint32_t leases_of(const struct gateway_run_config *cfg)
{
	uint32_t guest = load_be32(cfg->gw.guest4.bytes), n = 1;
	uint32_t last = guest | (uint32_t)(UINT64_C(0xffffffff) >> cfg->len4);

	while (n < LEASES && guest + n < last && guest + n != load_be32(cfg->addr4.bytes) &&
	       (!cfg->dns4.family || guest + n != load_be32(cfg->dns4.bytes)))
		n++;
	return n;
}

static int run_dhcp(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	struct dhcp_config dhcp = {.server = cfg->addr4,
				   .prefix_len = cfg->len4,
				   .first = cfg->gw.guest4,
				   .router = cfg->addr4,
				   .dns = {cfg->dns4},
				   .n_dns = cfg->dns4.family != 0,
				   .mtu = (uint16_t)(cfg->mtu ? cfg->mtu : MTU_DEFAULT),
				   .on_lease = run_leased,
				   .arg = run};
	int err;

	if (cfg->no_dhcp || !cfg->addr4.family || !cfg->gw.guest4.family)
		return 0;
	dhcp.n_addrs = leases_of(cfg);
	for (; dhcp.n_search < run->conf.n_search; dhcp.n_search++)
		dhcp.search[dhcp.n_search] = run->conf.search[dhcp.n_search];
	err = dhcp_new(run->nif, gateway_run_stack(run), &dhcp, &run->dhcp);
	if (err)
		return refuse(msg, err, "DHCP for the guest: %s", strerror(-err));
	return 0;
}

static void dns_servers(const struct gateway_run *run, const struct gateway_run_config *cfg,
			struct dnsfwd_config *dns)
{
	const struct weft_sockaddr *from = cfg->n_resolvers ? cfg->resolvers : run->conf.servers;
	uint32_t n = cfg->n_resolvers ? cfg->n_resolvers : run->conf.n_servers;

	for (dns->n_servers = 0; dns->n_servers < n; dns->n_servers++)
		dns->servers[dns->n_servers] = from[dns->n_servers];
}

/* A forwarder where the guest looks for its name server. It is the host that asks, so a resolver on
 * the host's loopback is reached, whatever the guest itself may reach. */
static int run_dns(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	struct dnsfwd_config dns = {0};
	struct weft_net inside;
	int err;

	if (cfg->n_resolvers > GATEWAY_RUN_RESOLVERS_MAX)
		return refuse(msg, -E2BIG, "more than %d resolvers", GATEWAY_RUN_RESOLVERS_MAX);
	if (cfg->dns4.family)
		dns.at[dns.n_at++].addr = cfg->dns4;
	if (cfg->dns6.family)
		dns.at[dns.n_at++].addr = cfg->dns6;
	if (!dns.n_at)
		return 0;
	dns_servers(run, cfg, &dns);
	weft_net_of_stack(gateway_run_stack(run), &inside);
	err = weft_host_net_new(run->lab->loop, &run->host);
	if (!err) {
		dns.inside = &inside;
		dns.outside = run->host;
		err = dnsfwd_new(&dns, &run->dns);
	}
	return err ? refuse(msg, err, "the DNS forwarder: %s", strerror(-err)) : 0;
}

static void run_down(void *arg)
{
	gateway_run_end(arg);
}

static int run_socket(struct gateway_run *run, const struct gateway_run_config *cfg, char *msg)
{
	char path[RUNDIR_PATH_MAX];
	int err;

	run->lab->on_down = run_down;
	run->lab->on_down_arg = run;
	run->lab->rpc_more = gateway_rpc_tables;
	run->lab->rpc_more_arg = run->gw;
	if (cfg->no_socket)
		return 0;
	err = rundir_socket(run->lab->name, path);
	if (!err)
		err = rpc_server_start(run->lab, path, &run->rpc);
	if (err == -EADDRINUSE)
		return refuse(msg, err, "a lab `%s` is running; give this one another name",
			      run->lab->name);
	return err ? refuse(msg, err, "the control socket: %s", strerror(-err)) : 0;
}

static void descriptors_close(const struct gateway_run_config *cfg)
{
	const int fds[] = {cfg->tap_fd, cfg->qemu_fd, cfg->qemu_listen_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int gateway_run_start(const struct gateway_run_config *cfg, struct gateway_run **ret, char *ret_msg)
{
	struct gateway_run *run = calloc(1, sizeof(*run));
	int err;

	if (!run) {
		descriptors_close(cfg);
		return refuse(ret_msg, -ENOMEM, "out of memory");
	}
	(void)!resolvconf_read("/etc/resolv.conf", &run->conf);
	err = run_lab(run, cfg, ret_msg);
	if (err) {
		descriptors_close(cfg);
		gateway_run_stop(run);
		return err;
	}
	err = run_netif(run, cfg, ret_msg);
	if (!err)
		err = gateway_new(run->lab->loop, gateway_run_stack(run), run->nif, &cfg->gw,
				  &run->gw, ret_msg);
	if (!err)
		err = run_radv(run, cfg, ret_msg);
	if (!err)
		err = run_dhcp(run, cfg, ret_msg);
	if (!err)
		err = run_dns(run, cfg, ret_msg);
	if (!err)
		err = run_socket(run, cfg, ret_msg);
	if (err) {
		gateway_run_stop(run);
		return err;
	}
	*ret = run;
	return 0;
}

void gateway_run_stop(struct gateway_run *run)
{
	if (!run)
		return;
	rpc_server_stop(run->rpc);
	dnsfwd_free(run->dns);
	weft_host_net_free(run->host);
	dhcp_free(run->dhcp);
	gateway_free(run->gw);
	radv_free(run->radv);
	qemu_guests_free(run->qemu);
	if (run->lab)
		(void)!lab_stop(run->lab);
	labfile_free(run->file);
	free(run);
}

int gateway_run_loop_until_end(struct gateway_run *run)
{
	struct weft_netif_info info;

	while (!run->is_ending) {
		int err = runner_turn(run->lab->runner, INT64_MAX);

		if (err && err != -EINTR)
			return err;
		weft_netif_info(run->nif, &info);
		if (!run->is_for_many && !(info.flags & WEFT_IFF_LOWER_UP))
			return 0; /* the namespace or QEMU has gone, and the device with it */
	}
	return 0;
}

void gateway_run_end(struct gateway_run *run)
{
	run->is_ending = true;
}

struct gateway *gateway_run_gateway(struct gateway_run *run)
{
	return run->gw;
}

struct weft_loop *gateway_run_loop(struct gateway_run *run)
{
	return run->lab->loop;
}

struct weft_stack *gateway_run_stack(struct gateway_run *run)
{
	assert(run->lab && run->lab->n_nodes == 1);
	return run->lab->nodes[0]->stack;
}

struct weft_netif *gateway_run_netif(struct gateway_run *run)
{
	return run->nif;
}

struct lab *gateway_run_lab(struct gateway_run *run)
{
	return run->lab;
}
