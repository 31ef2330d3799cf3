/* SPDX-License-Identifier: MIT */
/* `weft down`: ends running labs, and returns when they are gone. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/cmd.h"
#include "lab/rundir.h"

enum {
	/* A lab kills its programs and namespaces and finishes its captures meanwhile. */
	DOWN_WAIT_MS = 15000,
};

static void down_help(FILE *out)
{
	fprintf(out, "usage: weft down [-l LAB | --all]\n\n"
		     "Takes down a running lab (the only one, or the one named) and returns when "
		     "all\nof it is gone.\n\n"
		     "  -l LAB   the lab to take down\n"
		     "  --all    every lab of this user\n\n"
		     "Exit status: 0 it is gone, 1 it is not, 2 usage.\n");
}

/* A descriptor that becomes readable when the lab's process has ended; or the socket itself, which
 * the lab closes a little earlier, where its process cannot be seen. */
static int end_fd(const struct client *c)
{
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);
	int fd = -1;

	if (getsockopt(client_fd(c), SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0)
		fd = pidfd_open(peer.pid, 0);
	return fd >= 0 ? fd : dup(client_fd(c));
}

/* Asks the lab to end; one that is stopped does not answer (-ECANCELED). */
static int down_ask(struct client *c)
{
	struct itimerspec at = {.it_value = {.tv_sec = DOWN_WAIT_MS / 1000}};
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct client_extra extra = {.stop_fd = &timer};
	json_t *result;
	int err;

	if (timer < 0)
		return -errno;
	timerfd_settime(timer, 0, &at, NULL);
	err = client_call_quiet(c, "lab.down", NULL, &extra, &result);
	close(timer);
	if (!err)
		json_decref(result);
	return err;
}

static int lab_down(const struct cmd_env *env, struct client *c)
{
	struct pollfd end = {end_fd(c), POLLIN, 0};
	int status = 0;
	int err = down_ask(c);

	/* One that is going anyway is what we want. */
	if (err && err != -EPIPE && err != -ECANCELED) {
		client_print_error(c, err);
		status = EXIT_FAILED;
	} else if (poll(&end, 1, err == -ECANCELED ? 0 : DOWN_WAIT_MS) <= 0) {
		fprintf(stderr, "weft %s: lab %s has not ended within %d s\n", env->tool,
			client_lab_name(c), DOWN_WAIT_MS / 1000);
		status = EXIT_FAILED;
	} else {
		printf("lab %s is down.\n", client_lab_name(c));
	}
	if (end.fd >= 0)
		close(end.fd);
	return status;
}

static int down_all(const struct cmd_env *env)
{
	struct rundir_list labs;
	int err = rundir_list(&labs);
	int status = 0;

	if (err) {
		fprintf(stderr, "weft down: cannot look for labs: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < labs.n; i++) {
		struct client *c;
		int failed = client_open_lab(env, labs.names[i], &c);

		if (!failed) {
			failed = lab_down(env, c);
			client_close(c);
		}
		status = failed ? failed : status;
	}
	rundir_list_free(&labs);
	return status;
}

static int down_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {
		{"lab", required_argument, NULL, 'l'},
		{"all", no_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct client *c;
	bool all = false;
	int status, opt;

	while ((opt = getopt_long(argc, argv, "l:ah", opts, NULL)) != -1) {
		switch (opt) {
		case 'l':
			env->lab = optarg;
			break;
		case 'a':
			all = true;
			break;
		case 'h':
			down_help(stdout);
			return 0;
		default:
			down_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc || (all && env->lab)) {
		down_help(stderr);
		return EXIT_USAGE;
	}
	if (all)
		return down_all(env);
	status = client_open(env, &c);
	if (status)
		return status;
	status = lab_down(env, c);
	client_close(c);
	return status;
}

const struct cmd cmd_down = {"down", "[-l LAB | --all]", "take a lab down", down_run, CMD_LAB};
