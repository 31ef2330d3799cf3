/* SPDX-License-Identifier: MIT */
/* A lab in the foreground; the contract is in session.h. */
#include "cmd/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lab/report.h"
#include "lab/runner.h"

int session_load(const char *path, struct labfile **ret)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	int err;

	if (!errs) {
		fprintf(stderr, "weft: out of memory\n");
		return EXIT_FAILED;
	}
	err = labfile_load(path, ret, errs);
	lab_errors_print(errs, stderr);
	if (err == -ENOMEM)
		fprintf(stderr, "weft: out of memory while reading %s\n", path);
	free(errs);
	return err ? EXIT_USAGE : 0;
}

static int signals_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void signal_ready(void *arg, int fd, uint32_t events)
{
	struct session *s = arg;
	struct signalfd_siginfo si;

	(void)events;
	while (read(fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		s->on_signal(s, (int)si.ssi_signo, si.ssi_code == SI_KERNEL);
}

int session_start(struct session *s, const char *path, const struct lab_config *cfg)
{
	char msg[LAB_MSG_MAX];
	int status = session_load(path, &s->file);
	int err;

	s->sigfd = -1;
	if (status)
		return status;
	s->sigfd = signals_block();
	if (s->sigfd < 0) {
		fprintf(stderr, "weft: signalfd: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	err = lab_start(s->file, cfg, &s->lab, msg);
	if (err) {
		fprintf(stderr, "weft: %s\n", msg);
		return err == -EOPNOTSUPP && cfg->is_sim ? EXIT_USAGE : EXIT_FAILED;
	}
	if (runner_watch(s->lab->runner, s->sigfd, EPOLLIN, signal_ready, s) < 0) {
		fprintf(stderr, "weft: cannot watch for signals\n");
		return EXIT_FAILED;
	}
	return 0;
}

int session_loop(struct session *s, int64_t for_ns)
{
	struct runner *r = s->lab->runner;
	int64_t now_ns = runner_now_ns(r);
	int64_t end_ns = for_ns < 0 || for_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + for_ns;

	while (!s->is_ending && !runner_is_over(r, end_ns)) {
		int err = runner_turn(r, end_ns);

		if (err && err != -EINTR) {
			fprintf(stderr, "weft: the loop failed: %s\n", strerror(-err));
			return EXIT_FAILED;
		}
	}
	return 0;
}

void session_end(struct session *s)
{
	lab_stop(s->lab);
	labfile_free(s->file);
	if (s->sigfd >= 0)
		close(s->sigfd);
	*s = (struct session){.sigfd = -1};
}
