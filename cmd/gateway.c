/* SPDX-License-Identifier: MIT */
/* `weft gateway`: the network of a guest behind a TAP, by the host's own sockets. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "gateway/run.h"
#include "lab/lab.h"
#include "lab/units.h"

enum {
	FORWARDS_MAX = 64,
};

struct options {
	struct gateway_run_config cfg;
	const char *forwards[FORWARDS_MAX];
	size_t n_forwards;
};

static void gateway_help(FILE *out)
{
	fprintf(out,
		"usage: weft gateway --tap-fd N [OPTIONS]\n\n"
		"Connects what is behind a TAP to the network of this user, without any right\n"
		"of root: what the guest opens and sends goes by the host's own sockets.\n\n"
		"  --tap-fd N             the TAP (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)\n"
		"  --name NAME            of the lab, for `weft -l NAME ...`; gateway\n"
		"  --mtu N                of our end; 1500\n"
		"  --guest ADDR           the guest's address; 10.0.2.100\n"
		"  --allow-host-loopback  10.0.2.2 and fd00::2 are the host's 127.0.0.1 and ::1\n"
		"  --forward SPEC         PROTO,HOST:PORT[,GUEST:PORT]: a port of the host leads\n"
		"                         to the guest: tcp,127.0.0.1:8080,10.0.2.100:80\n");
}

static bool forward_parse(const char *spec, struct gateway_forward *ret)
{
	char text[3 * WEFT_SOCKADDR_STRLEN];
	char *proto, *host, *guest, *save = NULL;
	struct weft_sockaddr sa;

	*ret = (struct gateway_forward){.n_ports = 1};
	if (strlen(spec) >= sizeof(text))
		return false;
	memcpy(text, spec, strlen(spec) + 1);
	proto = strtok_r(text, ",", &save);
	host = strtok_r(NULL, ",", &save);
	guest = strtok_r(NULL, ",", &save);
	if (!proto || !host || (strcmp(proto, "tcp") && strcmp(proto, "udp")) ||
	    weft_sockaddr_parse(host, &sa))
		return false;
	ret->proto = proto[0] == 't' ? WEFT_IPPROTO_TCP : WEFT_IPPROTO_UDP;
	ret->host_addr = sa.addr;
	ret->host_port = sa.port;
	if (!guest)
		return true;
	if (weft_sockaddr_parse(guest, &sa))
		return false;
	ret->guest_addr = sa.addr;
	ret->guest_port = sa.port;
	return true;
}

static bool option_uint(const char *name, const char *text, uint64_t max, uint64_t *ret)
{
	const char *why;

	if (lab_uint_parse(text, 0, max, ret, &why) == 0)
		return true;
	fprintf(stderr, "weft gateway: %s %s: %s\n", name, text, why);
	return false;
}

/* 0; or the exit status, with -1 for `--help`. */
static int options_parse(int argc, char **argv, struct options *o)
{
	static const struct option opts[] = {
		{"tap-fd", required_argument, NULL, 't'},
		{"name", required_argument, NULL, 'N'},
		{"mtu", required_argument, NULL, 'm'},
		{"guest", required_argument, NULL, 'g'},
		{"allow-host-loopback", no_argument, NULL, 'L'},
		{"forward", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	uint64_t n;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		switch (opt) {
		case 't':
			if (!option_uint("--tap-fd", optarg, INT32_MAX, &n))
				return EXIT_USAGE;
			o->cfg.tap_fd = (int)n;
			break;
		case 'm':
			if (!option_uint("--mtu", optarg, GATEWAY_RUN_MTU_MAX, &n))
				return EXIT_USAGE;
			o->cfg.mtu = (uint32_t)n;
			break;
		case 'N':
			o->cfg.name = optarg;
			break;
		case 'g':
			if (weft_addr_parse(optarg, &o->cfg.gw.guest4) ||
			    o->cfg.gw.guest4.family != WEFT_AF_INET) {
				fprintf(stderr, "weft gateway: --guest %s: not an IPv4 address\n",
					optarg);
				return EXIT_USAGE;
			}
			break;
		case 'L':
			o->cfg.gw.allow_host_loopback = true;
			break;
		case 'f':
			if (o->n_forwards == FORWARDS_MAX) {
				fprintf(stderr, "weft gateway: more than %d forwards\n",
					FORWARDS_MAX);
				return EXIT_USAGE;
			}
			o->forwards[o->n_forwards++] = optarg;
			break;
		case 'h':
			gateway_help(stdout);
			return -1;
		default:
			gateway_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc && o->cfg.tap_fd >= 0)
		return 0;
	gateway_help(stderr);
	return EXIT_USAGE;
}

static int forwards_add(struct gateway_run *run, const struct options *o)
{
	char msg[GATEWAY_MSG_MAX];
	struct gateway_forward f;
	uint32_t id;

	for (size_t i = 0; i < o->n_forwards; i++) {
		if (!forward_parse(o->forwards[i], &f)) {
			fprintf(stderr,
				"weft gateway: --forward %s: write PROTO,HOST:PORT[,GUEST:PORT], "
				"for example tcp,127.0.0.1:8080,10.0.2.100:80\n",
				o->forwards[i]);
			return EXIT_USAGE;
		}
		if (gateway_forward_add(gateway_run_gateway(run), &f, &id, msg) < 0) {
			fprintf(stderr, "weft gateway: --forward %s: %s\n", o->forwards[i], msg);
			return EXIT_FAILED;
		}
	}
	return 0;
}

static void signal_ready(void *arg, int fd, uint32_t events)
{
	struct signalfd_siginfo si;

	(void)events;
	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		gateway_run_end(arg);
}

static int signals_watch(struct gateway_run *run)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	return weft_loop_watch(gateway_run_loop(run), fd, EPOLLIN, signal_ready, run) ? -ENOMEM
										      : fd;
}

static int gateway_run_cmd(struct cmd_env *env, int argc, char **argv)
{
	struct options o = {.n_forwards = 0};
	char msg[LAB_MSG_MAX], hint[GATEWAY_MSG_MAX];
	struct gateway_run *run;
	int status, sigfd, err;

	(void)env;
	gateway_run_defaults(&o.cfg);
	status = options_parse(argc, argv, &o);
	if (status)
		return status < 0 ? 0 : status;
	if (gateway_run_start(&o.cfg, &run, msg) < 0) {
		fprintf(stderr, "weft gateway: %s\n", msg);
		return EXIT_FAILED;
	}
	sigfd = signals_watch(run);
	status = sigfd < 0 ? EXIT_FAILED : forwards_add(run, &o);
	if (!status) {
		if (!gateway_can_ping(gateway_run_gateway(run), hint))
			fprintf(stderr, "weft gateway: %s\n", hint);
		printf("gateway is up\n");
		fflush(stdout);
		err = gateway_run_loop_until_end(run);
		if (err) {
			fprintf(stderr, "weft gateway: the loop failed: %s\n", strerror(-err));
			status = EXIT_FAILED;
		}
	}
	if (sigfd >= 0) {
		(void)weft_loop_watch(gateway_run_loop(run), sigfd, 0, NULL, NULL);
		close(sigfd);
	}
	gateway_run_stop(run);
	return status;
}

const struct cmd cmd_gateway = {"gateway", "--tap-fd N [OPTIONS]",
				"a guest's network by this user's sockets", gateway_run_cmd,
				CMD_LAB};
