/* SPDX-License-Identifier: MIT */
/*
 * The command line of slirp4netns(1): weft called by that name is one. RootlessKit and Podman ask
 * it what it can by the words of its help, start it with a namespace, and speak to its API socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/gwproc.h"
#include "gateway/setup/netns.h"
#include "lab/addr.h"
#include "lab/rundir.h"
#include "lab/units.h"
#include "weft/weft.h"

enum {
	SLIRP_MTU_DEFAULT = 1500,
	SLIRP_MTU_MAX = 65521,
	SLIRP_CIDR_LEN_MAX = 25, /* the guest's is address 100 of it */
	SLIRP_GATEWAY = 2,
	SLIRP_DNS = 3,
	SLIRP_GUEST = 100,
};

struct slirp {
	bool configure, ip6, no_dns, no_host_loopback, is_path, must_sandbox;
	const char *api_path, *userns_path, *outbound4, *outbound6;
	int exit_fd, ready_fd;
	uint32_t mtu;
	struct lab_net cidr;
	bool has_mac;
	struct lab_mac mac;
	const char *target, *tapname;
};

static void slirp_help(FILE *out)
{
	fprintf(out,
		"usage: slirp4netns [OPTION]... PID|PATH TAPNAME\n\n"
		"The network of a namespace without root, by weft; the options are those of "
		"slirp4netns(1).\n\n"
		"  -c, --configure          set the interface up, with address and routes\n"
		"  -e, --exit-fd=FD         end when this descriptor has an event\n"
		"  -r, --ready-fd=FD        write \"1\" there once the network is ready\n"
		"  -m, --mtu=MTU            1500; at most 65521\n"
		"  -6, --enable-ipv6        IPv6 too\n"
		"  -a, --api-socket=PATH    serve the API for forwards on this socket\n"
		"  --cidr=CIDR              the network; 10.0.2.0/24\n"
		"  --disable-host-loopback  10.0.2.2 does not lead to the host's 127.0.0.1\n"
		"  --netns-type=TYPE        what the target is: pid (default) or path\n"
		"  --userns-path=PATH       the user namespace to join; the network namespace's "
		"owner\n"
		"  --enable-sandbox         fail where no empty root can be had (it is always "
		"tried)\n"
		"  --enable-seccomp         always on: for compatibility\n"
		"  --outbound-addr=IPv4     address or interface that outbound sockets are bound "
		"to\n"
		"  --outbound-addr6=IPv6    the same for IPv6\n"
		"  --disable-dns            10.0.2.3 does not answer DNS\n"
		"  --macaddress=MAC         of the TAP; only with -c\n"
		"  --target-type=TYPE       netns (bess is not supported)\n"
		"  -h, --help\n"
		"  -v, --version\n");
}

static int refuse(const char *option, const char *value, const char *what)
{
	fprintf(stderr, "slirp4netns: %s %s: %s\n", option, value, what);
	return EXIT_FAILED;
}

static int number_read(const char *option, const char *text, uint64_t min, uint64_t max,
		       uint64_t *ret)
{
	const char *why;

	return lab_uint_parse(text, min, max, ret, &why) ? refuse(option, text, why) : 0;
}

static int fd_read(const char *option, const char *text, int *ret)
{
	uint64_t n = 0;
	int status = number_read(option, text, 0, INT32_MAX, &n);

	if (!status && fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
		return refuse(option, text, strerror(errno));
	if (!status)
		*ret = (int)n;
	return status;
}

static int cidr_read(const char *text, struct lab_net *ret)
{
	struct lab_net net, base;

	if (lab_net_parse(text, &net) < 0 || net.ip.family != LAB_IP4)
		return refuse("--cidr", text, "not an IPv4 network such as 10.0.2.0/24");
	base = lab_net_base(&net);
	if (!lab_ip_eq(&base.ip, &net.ip))
		return refuse("--cidr", text, "an address, not a network");
	if (net.len > SLIRP_CIDR_LEN_MAX || !net.len)
		return refuse("--cidr", text, "/1 to /25: the guest is address 100 of it");
	*ret = net;
	return 0;
}

static int option_take(struct slirp *s, int opt, const char *value)
{
	uint64_t n = 0;
	int status = 0;

	switch (opt) {
	case 'c':
		s->configure = true;
		break;
	case 'e':
		return fd_read("--exit-fd", value, &s->exit_fd);
	case 'r':
		return fd_read("--ready-fd", value, &s->ready_fd);
	case 'm':
		status = number_read("--mtu", value, 68, SLIRP_MTU_MAX, &n);
		s->mtu = (uint32_t)n;
		break;
	case '6':
		s->ip6 = true;
		break;
	case 'a':
		s->api_path = value;
		break;
	case 'C':
		return cidr_read(value, &s->cidr);
	case 'L':
		s->no_host_loopback = true;
		break;
	case 'T':
		if (strcmp(value, "path") != 0 && strcmp(value, "pid") != 0)
			return refuse("--netns-type", value, "path or pid");
		s->is_path = !strcmp(value, "path");
		break;
	case 'U':
		s->userns_path = value;
		break;
	case 'S':
		s->must_sandbox = true;
		break;
	case 'o':
		s->outbound4 = value;
		break;
	case 'O':
		s->outbound6 = value;
		break;
	case 'D':
		s->no_dns = true;
		break;
	case 'M':
		if (lab_mac_parse(value, &s->mac) < 0 || s->mac.bytes[0] & 1)
			return refuse("--macaddress", value, "not a MAC address of a host");
		s->has_mac = true;
		break;
	case 'B':
		if (strcmp(value, "netns") != 0)
			return refuse("--target-type", value,
				      strcmp(value, "bess") ? "netns or bess"
							    : "only netns is supported");
		break;
	default: /* --enable-seccomp */
		break;
	}
	return status;
}

static void version_print(void)
{
	/* Clients look for the words behind slirp4netns', and compare the number. */
	printf("slirp4netns version 1.2.0\n"
	       "commit: weft %d.%d.%d\n",
	       WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
}

/* 0; an exit status; -1: done. */
static int options_read(struct slirp *s, int argc, char **argv)
{
	static const struct option opts[] = {
		{"configure", no_argument, NULL, 'c'},
		{"exit-fd", required_argument, NULL, 'e'},
		{"ready-fd", required_argument, NULL, 'r'},
		{"mtu", required_argument, NULL, 'm'},
		{"enable-ipv6", no_argument, NULL, '6'},
		{"api-socket", required_argument, NULL, 'a'},
		{"cidr", required_argument, NULL, 'C'},
		{"disable-host-loopback", no_argument, NULL, 'L'},
		{"netns-type", required_argument, NULL, 'T'},
		{"userns-path", required_argument, NULL, 'U'},
		{"enable-sandbox", no_argument, NULL, 'S'},
		{"enable-seccomp", no_argument, NULL, 'F'},
		{"outbound-addr", required_argument, NULL, 'o'},
		{"outbound-addr6", required_argument, NULL, 'O'},
		{"disable-dns", no_argument, NULL, 'D'},
		{"macaddress", required_argument, NULL, 'M'},
		{"target-type", required_argument, NULL, 'B'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "hvce:r:m:6a:", opts, NULL)) != -1) {
		if (opt == 'h')
			slirp_help(stdout);
		else if (opt == 'v')
			version_print();
		if (opt == 'h' || opt == 'v')
			return -1;
		status = opt == '?' ? EXIT_FAILED : option_take(s, opt, optarg);
		if (status) {
			fprintf(stderr, "slirp4netns: `slirp4netns --help` lists the options\n");
			return status;
		}
	}
	if (argc - optind < 2) {
		slirp_help(stderr);
		return EXIT_FAILED;
	}
	if (argc - optind > 2) /* as slirp4netns does, for who passes more */
		fprintf(stderr, "slirp4netns: `%s` is too much, and ignored\n", argv[optind + 2]);
	s->target = argv[optind];
	s->tapname = argv[optind + 1];
	if (s->has_mac && !s->configure)
		return refuse("--macaddress", "", "only with --configure");
	return 0;
}

static struct weft_addr weft_addr_of(const struct lab_ip *ip)
{
	struct weft_addr addr = {.family = ip->family == LAB_IP6 ? WEFT_AF_INET6 : WEFT_AF_INET};

	memcpy(addr.bytes, ip->bytes, ip->family == LAB_IP6 ? 16 : 4);
	return addr;
}

static struct lab_ip net_addr(const struct lab_net *net, uint32_t n)
{
	struct lab_ip ip = net->ip;

	(void)lab_ip_add(&ip, n);
	return ip;
}

/* The first address of that family on a device of the host. */
static bool device_addr(const char *name, int family, struct lab_ip *ret)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a && !found; a = a->ifa_next) {
		if (!a->ifa_addr || a->ifa_addr->sa_family != family ||
		    strcmp(a->ifa_name, name) != 0)
			continue;
		found = true;
		if (family == AF_INET) {
			struct sockaddr_in sin;

			memcpy(&sin, a->ifa_addr, sizeof(sin));
			*ret = (struct lab_ip){.family = LAB_IP4};
			memcpy(ret->bytes, &sin.sin_addr, 4);
		} else {
			struct sockaddr_in6 sin6;

			memcpy(&sin6, a->ifa_addr, sizeof(sin6));
			*ret = (struct lab_ip){.family = LAB_IP6};
			memcpy(ret->bytes, &sin6.sin6_addr, 16);
			found = !lab_ip_is_link_local6(ret);
		}
	}
	freeifaddrs(all);
	return found;
}

static int outbound_set(const char *option, const char *text, int family, struct weft_addr *ret)
{
	struct lab_ip ip;

	if (!text)
		return 0;
	if (lab_ip_parse(text, &ip) < 0 && !device_addr(text, family, &ip))
		return refuse(option, text, "neither an address nor an interface that has one");
	if (ip.family != (family == AF_INET ? LAB_IP4 : LAB_IP6))
		return refuse(option, text, "of the other family");
	*ret = weft_addr_of(&ip);
	return 0;
}

/* slirp4netns' words in ours; `maps` is room for two. */
static int config_make(const struct slirp *s, struct gwproc *p, struct gateway_map *maps)
{
	struct gateway_run_config *run = &p->run;
	struct lab_ip gw = net_addr(&s->cidr, SLIRP_GATEWAY), dns = net_addr(&s->cidr, SLIRP_DNS),
		      guest = net_addr(&s->cidr, SLIRP_GUEST);
	int status;

	run->mtu = s->mtu < GATEWAY_RUN_MTU_MIN ? GATEWAY_RUN_MTU_MIN : s->mtu;
	run->addr4 = weft_addr_of(&gw);
	run->dns4 = weft_addr_of(&dns);
	run->len4 = run->gw.guest4_len = s->cidr.len;
	run->gw.guest4 = weft_addr_of(&guest);
	run->gw.allow_host_loopback = !s->no_host_loopback;
	maps[0] = run->gw.maps[0];
	maps[0].guest = run->addr4;
	maps[1] = run->gw.maps[1];
	run->gw.maps = maps;
	if (!s->ip6) {
		run->gw.n_maps = 1;
		run->addr6.family = run->dns6.family = run->gw.guest6.family = WEFT_AF_UNSPEC;
		run->no_ra = true;
	}
	if (s->no_dns)
		run->dns4.family = run->dns6.family = WEFT_AF_UNSPEC;
	p->api_path = s->api_path;
	p->must_have_root = s->must_sandbox;
	p->ready_fd = s->ready_fd;
	if (s->exit_fd >= 0)
		gwproc_end_by(p, s->exit_fd);
	status = outbound_set("--outbound-addr", s->outbound4, AF_INET, &run->gw.bind4);
	return status ? status
		      : outbound_set("--outbound-addr6", s->outbound6, AF_INET6, &run->gw.bind6);
}

static int tap_make(const struct slirp *s, const struct gwproc *p, int *ret_fd)
{
	struct netns_target target = {.path = s->is_path ? s->target : NULL,
				      .userns = s->userns_path};
	struct netns_tap tap = {
		.ifname = s->tapname,
		.configure = s->configure,
		.mac = s->has_mac ? s->mac.bytes : NULL,
		.mtu = s->mtu,
		.addrs = {{net_addr(&s->cidr, SLIRP_GUEST), s->cidr.len}},
		.n_addrs = 1,
		.via4 = net_addr(&s->cidr, SLIRP_GATEWAY),
	};
	char msg[NETNS_MSG_MAX];
	struct netns ns;
	uint64_t pid = 0;
	int err;

	if (!s->is_path && number_read("PID", s->target, 1, INT32_MAX, &pid))
		return EXIT_FAILED;
	target.pid = (pid_t)pid;
	if (s->ip6) {
		tap.addrs[1].ip.family = tap.via6.family = LAB_IP6;
		memcpy(tap.addrs[1].ip.bytes, p->run.gw.guest6.bytes, 16);
		memcpy(tap.via6.bytes, p->run.addr6.bytes, 16);
		tap.addrs[1].len = p->run.len6;
		tap.n_addrs = 2;
	}
	err = netns_open(&target, &ns, msg);
	if (!err) {
		err = netns_tap_open(&ns, &tap, ret_fd, msg);
		netns_close(&ns);
	}
	if (err)
		fprintf(stderr, "slirp4netns: %s\n", msg);
	return err ? EXIT_FAILED : 0;
}

static void addr_line(const char *what, const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];

	if (addr->family)
		printf("* %-16s %s\n", what, weft_addr_print(addr, text, sizeof(text)));
}

static void banner(const struct gwproc *p, struct gateway_run *run UNUSED)
{
	printf("Starting slirp, by weft\n* MTU:             %u\n", p->run.mtu);
	addr_line("Gateway:", &p->run.addr4);
	addr_line("DNS:", &p->run.dns4);
	addr_line("Recommended IP:", &p->run.gw.guest4);
	if (p->api_path)
		printf("* API Socket:      %s\n", p->api_path);
}

static int slirp_run(struct cmd_env *env UNUSED, int argc, char **argv)
{
	struct slirp s = {
		.exit_fd = -1,
		.ready_fd = -1,
		.mtu = SLIRP_MTU_DEFAULT,
		.cidr = {{LAB_IP4, {10, 0, 2, 0}}, 24},
	};
	char name[32], path[RUNDIR_PATH_MAX];
	struct gateway_map maps[2];
	struct gwproc p;
	int status = options_read(&s, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	gwproc_init(&p, "slirp4netns");
	status = config_make(&s, &p, maps);
	if (!status)
		status = tap_make(&s, &p, &p.run.tap_fd);
	if (status)
		return status;
	/* `weft ls` shows it; who has no directory for sockets does without. */
	snprintf(name, sizeof(name), "slirp-%d", (int)getpid());
	p.run.name = name;
	p.run.no_socket = rundir_socket(name, path) < 0;
	p.on_ready = banner;
	return gwproc_run(&p);
}

const struct cmd cmd_slirp4netns = {
	.name = "slirp4netns",
	.args = "[OPTIONS] PID|PATH TAPNAME",
	.help = "as slirp4netns(1), by that name too",
	.run = slirp_run,
	.group = CMD_LAB,
};
