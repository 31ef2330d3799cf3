/* SPDX-License-Identifier: MIT */
/* `weft unshare`: a shell or a program in a user and a network namespace of its own, with a
 * gateway. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/gwargs.h"
#include "cmd/gwproc.h"
#include "gateway/setup/netns.h"
#include "gateway/setup/nsrun.h"

enum {
	RESOLV_MAX = 4096,
	UNSHARE_MTU =
		65520, /* as pasta: what the device carries is not what the host's network does */
};

static void unshare_help(FILE *out)
{
	fprintf(out,
		"usage: weft unshare [OPTIONS] [-- PROGRAM ARG...]\n\n"
		"Runs a program ($SHELL, when none is given) in a user and a network namespace of "
		"its own,\n"
		"whose network is this user's sockets. No right of root is needed. Everything ends "
		"with\n"
		"the program, and weft exits with its status.\n\n"
		"  -r, --map-root-user        be root inside; else the user stays who it is\n"
		"      --map-auto             and have the other ids of /etc/subuid and "
		"/etc/subgid from 1 "
		"on\n\n"
		"/etc/resolv.conf inside names our forwarder; --no-dns leaves it as it is.\n\n");
	gwargs_help(out);
}

/* A name server of ours, and what else the system's file says of names. */
static void resolv_make(const struct gwproc *p, char *ret)
{
	char text[WEFT_ADDR_STRLEN], line[256];
	FILE *f = fopen("/etc/resolv.conf", "re");
	size_t len = 0;

	if (p->run.dns4.family)
		len += (size_t)snprintf(ret, RESOLV_MAX, "nameserver %s\n",
					weft_addr_print(&p->run.dns4, text, sizeof(text)));
	if (p->run.dns6.family)
		len += (size_t)snprintf(ret + len, RESOLV_MAX - len, "nameserver %s\n",
					weft_addr_print(&p->run.dns6, text, sizeof(text)));
	for (uint32_t i = 0; i < p->run.n_search; i++)
		len += (size_t)snprintf(ret + len, RESOLV_MAX - len, "%s %s%s", i ? "" : "search",
					p->run.search[i], i + 1 == p->run.n_search ? "\n" : "");
	while (f && fgets(line, sizeof(line), f)) {
		bool is_search = !strncmp(line, "search ", 7) || !strncmp(line, "domain ", 7);
		bool is_kept = (is_search && !p->run.n_search && !p->run.no_search) ||
			       !strncmp(line, "options ", 8);

		if (is_kept && strlen(line) < RESOLV_MAX - len)
			len += (size_t)snprintf(ret + len, RESOLV_MAX - len, "%s", line);
	}
	if (f)
		(void)fclose(f);
}

static int tap_make(const struct nsrun *r, struct gwproc *p, uint32_t mtu)
{
	struct netns_target target = {.pid = nsrun_pid(r)};
	struct netns_tap tap = {
		.ifname = "eth0", .configure = true, .mtu = mtu, .open_to_users = true};
	char msg[NETNS_MSG_MAX];
	struct netns ns;
	int err;

	gwargs_tap_addrs(&p->run, &tap);
	err = netns_open(&target, &ns, msg);
	if (!err) {
		err = netns_tap_open(&ns, &tap, &p->run.tap_fd, msg);
		netns_close(&ns);
	}
	if (err)
		fprintf(stderr, "weft unshare: %s\n", msg);
	return err ? EXIT_FAILED : 0;
}

/* The gateway as a process of its own; it ends when `life` does. 0 once it is ready, or the status
 * with which it failed. */
static int gateway_start(struct gwproc *p, pid_t *ret_pid, int *ret_life)
{
	int ready[2], life[2], status = 0;
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(life, O_CLOEXEC) < 0) {
		fprintf(stderr, "weft unshare: pipe: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	fflush(NULL);
	*ret_pid = fork();
	if (*ret_pid == 0) {
		sigset_t none;

		close(ready[0]);
		close(life[1]);
		/* Not in the program's process group: the terminal's keys are not for us. */
		(void)setpgid(0, 0);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		p->ready_fd = ready[1];
		gwproc_end_by(p, life[0]);
		_exit(gwproc_run(p));
	}
	close(p->run.tap_fd);
	close(ready[1]);
	close(life[0]);
	*ret_life = life[1];
	if (*ret_pid > 0 && read(ready[0], &c, 1) != 1)
		status = EXIT_FAILED; /* it has said why */
	close(ready[0]);
	return *ret_pid < 0 ? EXIT_FAILED : status;
}

static int program_run(struct nsrun *r, struct gwproc *p, uint32_t mtu)
{
	int status = tap_make(r, p, mtu);
	pid_t gateway = -1;
	int life = -1;

	if (!status)
		status = gateway_start(p, &gateway, &life);
	if (!status)
		status = nsrun_start(r) < 0 ? EXIT_FAILED : nsrun_wait(r);
	if (life >= 0)
		close(life);
	while (gateway > 0 && waitpid(gateway, NULL, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int unshare_run(struct cmd_env *env UNUSED, int argc, char **argv)
{
	static const struct option own[] = {
		{"map-root-user", no_argument, NULL, 'r'},
		{"map-auto", no_argument, NULL, 'A'},
		{"help", no_argument, NULL, 'h'},
	};
	const char *shell = getenv("SHELL");
	char *shell_argv[] = {(char *)(uintptr_t)(shell && *shell ? shell : "/bin/sh"), NULL};
	struct nsrun_config cfg = {.argv = shell_argv};
	char resolv[RESOLV_MAX] = "", msg[NSRUN_MSG_MAX], name[32];
	struct gwargs args;
	struct gwproc p;
	struct nsrun *r;
	sigset_t set, old;
	int opt, status;

	gwproc_init(&p, "weft unshare");
	gwargs_init(&args, &p, own, sizeof(own) / sizeof(own[0]));
	args.mtu = UNSHARE_MTU;
	while ((opt = gwargs_next(&args, argc, argv, "+hr")) > 0) {
		if (opt == 'r')
			cfg.map = cfg.map == IDMAP_AUTO ? IDMAP_AUTO : IDMAP_ROOT;
		else if (opt == 'A')
			cfg.map = IDMAP_AUTO;
		else
			unshare_help(stdout);
		if (opt == 'h')
			return 0;
	}
	if (opt < -1)
		return EXIT_USAGE;
	if (optind < argc)
		cfg.argv = argv + optind;
	if (gwargs_finish(&args))
		return EXIT_USAGE;
	if (!args.no_dns) {
		resolv_make(&p, resolv);
		cfg.resolv_conf = resolv;
	}
	snprintf(name, sizeof(name), "unshare-%d", (int)getpid());
	if (!p.run.name)
		p.run.name = name;
	nsrun_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	status = EXIT_FAILED;
	if (nsrun_new(&cfg, &r, msg) < 0) {
		fprintf(stderr, "weft unshare: %s\n", msg);
	} else {
		status = program_run(r, &p, args.mtu);
		nsrun_free(r);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

const struct cmd cmd_unshare = {
	.name = "unshare",
	.args = "[OPTIONS] [-- PROGRAM]",
	.help = "a program in a network namespace of its own",
	.run = unshare_run,
	.group = CMD_LAB,
};
