/* SPDX-License-Identifier: MIT */
/*
 * `weft gateway`: the network of a namespace that exists already, or of a QEMU guest, by this
 * user's sockets. The TAP is made in there, or comes as a descriptor from whoever made it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/gwargs.h"
#include "cmd/gwctl.h"
#include "cmd/gwproc.h"
#include "gateway/setup/netns.h"
#include "lab/addr.h"
#include "lab/units.h"

enum {
	GATEWAY_MTU = 65520, /* of the interface inside: what crosses the TAP costs by the packet */
};

struct gateway_cmd {
	struct gwproc p;
	struct gwargs args;
	struct netns_target target;
	struct netns_tap tap;
	bool has_target;
	const char *qemu_to; /* connect there; NULL: not */
};

static void gateway_help(FILE *out)
{
	fprintf(out,
		"usage: weft gateway --netns PATH|--pid PID|--tap-fd N|--qemu SOCKET [OPTIONS]\n"
		"       weft [-l LAB] gateway flows|stats|forward|rule ... (of one that runs)\n\n"
		"Connects a network namespace, or a QEMU guest, to the network of this user, "
		"without\nany right of root: "
		"what is opened and sent inside goes by the host's own sockets. In the "
		"foreground.\n\n"
		"      --netns PATH           the namespace, by a file that stands for it\n"
		"      --pid PID              that of a process; the gateway ends with it\n"
		"      --userns PATH          join this user namespace first; else the owner\n"
		"      --tap-fd N             a TAP that somebody has made (with a vnet header)\n"
		"      --qemu SOCKET          listen there for QEMU, one guest at a time:\n"
		"                             -netdev stream,id=n,server=off,addr.type=unix,"
		"addr.path=SOCKET\n"
		"      --qemu-connect SOCKET  of a QEMU that listens (server=on); ends with it\n"
		"      --ifname NAME          of the interface inside; tap0\n"
		"      --no-configure         make the interface only: no addresses, routes, MTU\n"
		"      --guest ADDR           the guest's address, of either family; 10.0.2.100, "
		"fd00::100\n"
		"      --ready-fd N           write \"1\" there when all is ready\n"
		"      --exit-fd N            end when something happens there\n");
	gwargs_help(out);
}

static int wrong(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "weft gateway: %s %s: %s\n", option, value, why);
	return EXIT_USAGE;
}

static int number(const char *option, const char *text, uint64_t min, int *ret)
{
	const char *why;
	uint64_t n;

	if (lab_uint_parse(text, min, INT32_MAX, &n, &why) < 0)
		return wrong(option, text, why);
	*ret = (int)n;
	return 0;
}

static int descriptor(const char *option, const char *text, int *ret)
{
	int fd, status = number(option, text, 0, &fd);

	if (!status && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return wrong(option, text, strerror(errno));
	if (!status)
		*ret = fd;
	return status;
}

static int guest_take(struct gateway_cmd *g, const char *value)
{
	struct gateway_run_config *run = &g->p.run;
	struct lab_net net = {.ip = {.family = LAB_IP4}, .len = run->len4};
	const struct weft_addr *own = &run->addr4, *dns = &run->dns4;
	char why[sizeof("not within /128") + LAB_IP_TEXT], text[LAB_IP_TEXT];
	struct lab_ip guest;
	struct weft_addr addr;

	if (lab_ip_parse(value, &guest) < 0 || weft_addr_parse(value, &addr) < 0)
		return wrong("--guest", value, "not an IP address");
	if (guest.family == LAB_IP6) {
		net = (struct lab_net){.ip = {.family = LAB_IP6}, .len = run->len6};
		own = &run->addr6;
		dns = &run->dns6;
	}
	memcpy(net.ip.bytes, own->bytes, lab_ip_bits(&net.ip) / 8);
	net = lab_net_base(&net);
	if (!lab_net_has(&net, &guest)) {
		snprintf(why, sizeof(why), "not within %s/%u", lab_ip_format(&net.ip, text),
			 net.len);
		return wrong("--guest", value, why);
	}
	net.ip = guest;
	if (lab_net_special(&net))
		return wrong("--guest", value, lab_net_special(&net));
	if (!memcmp(addr.bytes, own->bytes, lab_ip_bits(&guest) / 8) ||
	    !memcmp(addr.bytes, dns->bytes, lab_ip_bits(&guest) / 8))
		return wrong("--guest", value, "an address of the gateway's own");
	*(addr.family == WEFT_AF_INET ? &run->gw.guest4 : &run->gw.guest6) = addr;
	return 0;
}

static int option_take(struct gateway_cmd *g, int opt, const char *value)
{
	int status = 0, n;

	switch (opt) {
	case 'n':
		g->target.path = value;
		g->has_target = true;
		break;
	case 'p':
		status = number("--pid", value, 1, &n);
		g->target.pid = status ? 0 : n;
		g->has_target = true;
		break;
	case 'u':
		g->target.userns = value;
		break;
	case 't':
		return descriptor("--tap-fd", value, &g->p.run.tap_fd);
	case 'q':
		g->p.qemu_path = value;
		break;
	case 'Q':
		g->qemu_to = value;
		break;
	case 'i':
		g->tap.ifname = value;
		break;
	case 'C':
		g->tap.configure = false;
		break;
	case 'g':
		return guest_take(g, value);
	case 'r':
		return descriptor("--ready-fd", value, &g->p.ready_fd);
	default: /* 'e' */
		status = descriptor("--exit-fd", value, &n);
		if (!status)
			gwproc_end_by(&g->p, n);
		break;
	}
	return status;
}

static int guests_count(const struct gateway_cmd *g)
{
	return g->has_target + (g->p.run.tap_fd >= 0) + !!g->p.qemu_path + !!g->qemu_to;
}

/* 0; an exit status; -1: help was asked for. */
static int options_read(struct gateway_cmd *g, int argc, char **argv)
{
	static const struct option own[] = {
		{"netns", required_argument, NULL, 'n'},
		{"pid", required_argument, NULL, 'p'},
		{"userns", required_argument, NULL, 'u'},
		{"tap-fd", required_argument, NULL, 't'},
		{"qemu", required_argument, NULL, 'q'},
		{"qemu-connect", required_argument, NULL, 'Q'},
		{"ifname", required_argument, NULL, 'i'},
		{"no-configure", no_argument, NULL, 'C'},
		{"guest", required_argument, NULL, 'g'},
		{"ready-fd", required_argument, NULL, 'r'},
		{"exit-fd", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'h'},
	};
	int opt, status;

	gwargs_init(&g->args, &g->p, own, sizeof(own) / sizeof(own[0]));
	while ((opt = gwargs_next(&g->args, argc, argv, "h")) > 0) {
		if (opt == 'h') {
			gateway_help(stdout);
			return -1;
		}
		status = option_take(g, opt, optarg);
		if (status)
			return status;
	}
	if (opt == GWARGS_WRONG)
		return EXIT_USAGE;
	if (optind < argc) {
		fprintf(stderr,
			"weft gateway: `%s` is neither an option nor flows, stats, forward or "
			"rule; `weft gateway --help` lists all\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	if (guests_count(g) == 1 && !(g->target.path && g->target.pid)) {
		if (!g->args.mtu)
			g->args.mtu = g->has_target ? GATEWAY_MTU : g->p.run.mtu;
		return gwargs_finish(&g->args) ? EXIT_USAGE : 0;
	}
	gateway_help(stderr);
	return EXIT_USAGE;
}

/* Ends the gateway with its target: a descriptor that says so, or -1 where none can. A namespace by
 * its file ends when the file is removed (`ip netns del`). */
static int target_watch(const struct netns_target *target)
{
	int fd;

	if (!target->path)
		return (int)syscall(SYS_pidfd_open, target->pid, 0);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd >= 0 && inotify_add_watch(fd, target->path, IN_DELETE_SELF | IN_UNMOUNT) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int tap_make(struct gateway_cmd *g)
{
	char msg[NETNS_MSG_MAX];
	struct netns ns;
	int err, fd;

	g->tap.mtu = g->args.mtu;
	gwargs_tap_addrs(&g->p.run, &g->tap);
	err = netns_open(&g->target, &ns, msg);
	if (!err) {
		err = netns_tap_open(&ns, &g->tap, &g->p.run.tap_fd, msg);
		netns_close(&ns);
	}
	if (err) {
		fprintf(stderr, "weft gateway: %s\n", msg);
		return EXIT_FAILED;
	}
	fd = target_watch(&g->target);
	if (fd >= 0)
		gwproc_end_by(&g->p, fd);
	return 0;
}

/* A guest has come or gone. */
static void qemu_print(void *arg UNUSED, const char *what)
{
	fprintf(stderr, "weft gateway: %s\n", what);
}

static int qemu_open(struct gateway_cmd *g)
{
	struct gateway_run_config *run = &g->p.run;
	const char *path = g->p.qemu_path ? g->p.qemu_path : g->qemu_to;
	int fd = g->p.qemu_path ? qemu_listen(path) : qemu_connect(path);

	if (fd < 0) {
		fprintf(stderr, "weft gateway: %s: %s\n", path, strerror(-fd));
		return EXIT_FAILED;
	}
	*(g->p.qemu_path ? &run->qemu_listen_fd : &run->qemu_fd) = fd;
	run->on_qemu = qemu_print;
	return 0;
}

static void ready_print(const struct gwproc *p UNUSED, struct gateway_run *run)
{
	char hint[GATEWAY_MSG_MAX];

	if (!gateway_can_ping(gateway_run_gateway(run), hint))
		fprintf(stderr, "weft gateway: %s\n", hint);
	printf("gateway is up\n");
}

static int gateway_cmd_run(struct cmd_env *env, int argc, char **argv)
{
	struct gateway_cmd g = {.tap = {.ifname = "tap0", .configure = true}};
	int status = gwctl_run(env, argc, argv);

	if (status >= 0)
		return status;
	gwproc_init(&g.p, "weft gateway");
	g.p.on_ready = ready_print;
	status = options_read(&g, argc, argv);
	if (!status && g.has_target)
		status = tap_make(&g);
	else if (!status && (g.p.qemu_path || g.qemu_to))
		status = qemu_open(&g);
	if (status)
		return status < 0 ? 0 : status;
	return gwproc_run(&g.p);
}

const struct cmd cmd_gateway = {
	.name = "gateway",
	.args = "--netns PATH|--qemu SOCKET [OPTIONS]",
	.help = "a guest's network by this user's sockets",
	.run = gateway_cmd_run,
	.group = CMD_LAB,
};
