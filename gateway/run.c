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

#include "gateway/rpc.h"
#include "gateway/tell.h"
#include "lab/errors.h"
#include "lab/lab.h"
#include "lab/rpc.h"
#include "lab/rundir.h"
#include "lab/runner.h"

enum {
	MTU_DEFAULT = 1500,
	BUSY_NS = 50000,
	DELACK_MS = 10, /* not so short that each sleep sets the clock's interrupt anew */
};

struct gateway_run {
	struct labfile *file;
	struct lab *lab;
	struct rpc_server *rpc;
	struct weft_netif *nif;
	struct qemu_guests *qemu; /* NULL: the guest has a TAP */
	bool is_for_many;         /* guests come and go */
	struct gateway *gw;
	struct tell *tell;
	int resolv_fd;
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
		.resolv_fd = -1,
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
	if (err == -ENOMEM)
		refuse(msg, err, "out of memory");
	else if (err)
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

/* Not before there is a gateway: it was made after the interface. */
static void run_guest_gone(void *arg)
{
	struct gateway_run *run = arg;

	if (run->gw)
		gateway_guest_gone(run->gw);
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
							   .arg = cfg->on_qemu_arg,
							   .gone = run_guest_gone,
							   .gone_arg = run},
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
	weft_loop_set_busy(run->lab->loop, BUSY_NS);
	/* A router, to its neighbours. */
	(void)!weft_stack_set(st, "net.ipv6.conf.all.forwarding", 1);
	/* Each frame to the guest costs a system call, which an ACK alone is not worth when an
	 * answer or our FIN is about to go; but a guest that waits for it (Nagle) shall not wait
	 * for long. */
	(void)!weft_stack_set(st, "net.ipv4.tcp_quickacks", 0);
	(void)!weft_stack_set(st, "net.ipv4.tcp_fin_ack_waits", 1);
	(void)!weft_stack_set(st, "net.ipv4.tcp_delack_ms", DELACK_MS);
	(void)!weft_stack_set(st, "net.ipv4.tcp_keepalive_time", GATEWAY_KEEP_IDLE_S);
	(void)!weft_stack_set(st, "net.ipv4.tcp_keepalive_intvl", GATEWAY_KEEP_INTERVAL_S);
	(void)!weft_stack_set(st, "net.ipv4.tcp_keepalive_probes", GATEWAY_KEEP_PROBES);
	err = addr_add(run, &cfg->addr4, cfg->len4, msg);
	if (!err)
		err = addr_add(run, &cfg->addr6, cfg->len6, msg);
	if (!err)
		err = addr_add(run, &cfg->dns4, cfg->len4, msg);
	if (!err)
		err = addr_add(run, &cfg->dns6, cfg->len6, msg);
	return err;
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
	run->lab->rpc_more_arg = run;
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
		if (cfg->resolv_fd >= 0)
			close(cfg->resolv_fd);
		return refuse(ret_msg, -ENOMEM, "out of memory");
	}
	run->resolv_fd = cfg->resolv_fd;
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
		err = tell_new(run, cfg, &run->tell, ret_msg);
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
	tell_free(run->tell);
	if (run->resolv_fd >= 0)
		close(run->resolv_fd);
	gateway_free(run->gw);
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

struct tell *gateway_run_tell(struct gateway_run *run)
{
	return run->tell;
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
