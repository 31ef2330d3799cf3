/* SPDX-License-Identifier: MIT */
/* A lab in the foreground; the contract is in session.h. */
#include "cmd/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lab/report.h"
#include "lab/rundir.h"
#include "lab/runner.h"
#include "lab/sysctls.h"

enum {
	NS_PER_S = 1000000000,
	PROGRESS_TURNS = 1024,
	PROGRESS_NS = 500000000,
};

int session_read(const char *path, struct labfile **ret, struct lab_errors *errs)
{
	int err = labfile_load(path, ret, errs);

	if (err)
		return err;
	err = lab_sysctls_check(*ret, errs);
	if (err) {
		labfile_free(*ret);
		*ret = NULL;
	}
	return err;
}

int session_load(const char *path, struct labfile **ret)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	int err;

	if (!errs) {
		fprintf(stderr, "weft: out of memory\n");
		return EXIT_FAILED;
	}
	err = session_read(path, ret, errs);
	lab_errors_print(errs, stderr);
	if (err == -ENOMEM)
		fprintf(stderr, "weft: out of memory while reading %s\n", path);
	free(errs);
	if (err == -ENOMEM)
		return EXIT_FAILED;
	return err ? EXIT_USAGE : 0;
}

static int signals_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
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

static void name_taken(const char *name)
{
	fprintf(stderr,
		"weft: a lab `%s` is running; `weft down -l %s` ends it, --name gives this one "
		"another name\n",
		name, name);
}

/* Where the lab will listen. A name that is in use is refused before anything is made. */
static int socket_find(const char *name, char path[static RUNDIR_PATH_MAX])
{
	int fd;
	int err = rundir_socket(name, path);

	if (err) {
		char dir[RUNDIR_PATH_MAX] = "";

		(void)!rundir_path(dir);
		fprintf(stderr, "weft: the directory of control sockets, %s: %s\n", dir,
			strerror(-err));
		return EXIT_FAILED;
	}
	err = rundir_connect(path, &fd);
	if (!err)
		close(fd);
	if (!err || err == -EAGAIN) {
		name_taken(name);
		return EXIT_FAILED;
	}
	return 0;
}

/* Somebody has called lab.down. */
static void session_down(void *arg)
{
	struct session *s = arg;

	s->on_signal(s, SIGTERM, false);
}

static int socket_listen(struct session *s, const char *path)
{
	int err = rpc_server_start(s->lab, path, &s->rpc);

	s->lab->on_down = session_down;
	s->lab->on_down_arg = s;
	if (!err)
		return 0;
	if (err == -EADDRINUSE)
		name_taken(s->lab->name);
	else
		fprintf(stderr, "weft: the control socket, %s: %s\n", path, strerror(-err));
	return EXIT_FAILED;
}

/* What is shown on a terminal while a lab takes long to come up. */
struct progress {
	int64_t start_ns, shown_ns;
	bool is_shown;
};

static void progress_show(void *arg, uint32_t done, uint32_t total)
{
	static const int64_t after_ns = 500000000, every_ns = 100000000;
	struct progress *p = arg;
	int64_t now_ns = weft_io_now_ns();

	if (now_ns - p->start_ns < after_ns || now_ns - p->shown_ns < every_ns || !total)
		return;
	fprintf(stderr, "\rweft: bringing the lab up: %u%%", (unsigned)(100ull * done / total));
	p->is_shown = true;
	p->shown_ns = now_ns;
}

static int lab_start_shown(struct session *s, const struct lab_config *cfg, char *msg)
{
	struct progress progress = {.start_ns = weft_io_now_ns()};
	struct lab_config with = *cfg;
	int err;

	if (isatty(STDERR_FILENO)) {
		with.on_progress = progress_show;
		with.on_progress_arg = &progress;
	}
	err = lab_start(s->file, &with, &s->lab, msg);
	if (progress.is_shown)
		fprintf(stderr, "\r\033[K");
	return err;
}

int session_start(struct session *s, const char *path, const struct lab_config *cfg)
{
	char msg[LAB_MSG_MAX];
	char socket_path[RUNDIR_PATH_MAX];
	int status, err;

	s->sigfd = -1;
	if (cfg->name && !labfile_is_lab_name(cfg->name)) {
		fprintf(stderr,
			"weft: `%s` is not the name of a lab; write up to %d of a-z, 0-9, - and _, "
			"a letter or digit first\n",
			cfg->name, LABFILE_NAME_MAX);
		return EXIT_USAGE;
	}
	status = session_load(path, &s->file);
	if (status)
		return status;
	if (!cfg->is_sim)
		status = socket_find(cfg->name ? cfg->name : s->file->name, socket_path);
	if (status)
		return status;
	s->sigfd = signals_block();
	if (s->sigfd < 0) {
		fprintf(stderr, "weft: signalfd: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	err = lab_start_shown(s, cfg, msg);
	if (err) {
		fprintf(stderr, "weft: %s\n", msg);
		return err == -EOPNOTSUPP && cfg->is_sim ? EXIT_USAGE : EXIT_FAILED;
	}
	lab_host_warn(s->lab, stderr);
	if (runner_watch(s->lab->runner, s->sigfd, EPOLLIN, signal_ready, s) < 0) {
		fprintf(stderr, "weft: cannot watch for signals\n");
		return EXIT_FAILED;
	}
	/* A simulation listens to nobody: its run depends on its file alone. */
	return cfg->is_sim ? 0 : socket_listen(s, socket_path);
}

/* How far a simulation is, on a terminal, twice a second. The clock of the machine is looked at
 * for this alone. */
struct sim_progress {
	bool is_wanted, is_shown;
	uint32_t n_turns;
	int64_t next_ns; /* on the machine's clock */
};

static void sim_progress_show(struct sim_progress *p, const struct runner *r, int64_t end_ns)
{
	int64_t clock_ns, now_ns = runner_now_ns(r);

	if (!p->is_wanted || ++p->n_turns % PROGRESS_TURNS)
		return;
	clock_ns = weft_io_now_ns();
	if (clock_ns < p->next_ns)
		return;
	p->next_ns = clock_ns + PROGRESS_NS;
	p->is_shown = true;
	fprintf(stderr, "\r%" PRId64 ".%" PRId64 " of %" PRId64 ".%" PRId64 " s", now_ns / NS_PER_S,
		now_ns / (NS_PER_S / 10) % 10, end_ns / NS_PER_S, end_ns / (NS_PER_S / 10) % 10);
}

static void sim_progress_clear(const struct sim_progress *p)
{
	if (p->is_shown)
		fprintf(stderr, "\r\033[K");
}

int session_loop(struct session *s, int64_t for_ns)
{
	struct runner *r = s->lab->runner;
	int64_t now_ns = runner_now_ns(r);
	int64_t end_ns = for_ns < 0 || for_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + for_ns;
	struct sim_progress progress = {
		.is_wanted = !r->loop && isatty(STDERR_FILENO),
		.next_ns = weft_io_now_ns() + 2 * PROGRESS_NS, /* not for a short one */
	};

	while (!s->is_ending && !runner_is_over(r, end_ns)) {
		int err = runner_turn(r, end_ns);

		sim_progress_show(&progress, r, end_ns);
		if (err && err != -EINTR) {
			fprintf(stderr, "weft: the loop failed: %s\n", strerror(-err));
			return EXIT_FAILED;
		}
	}
	sim_progress_clear(&progress);
	return 0;
}

int session_end(struct session *s, int status)
{
	rpc_server_stop(s->rpc);
	if (lab_stop(s->lab) < 0 && !status)
		status = EXIT_FAILED;
	labfile_free(s->file);
	if (s->sigfd >= 0)
		close(s->sigfd);
	*s = (struct session){.sigfd = -1};
	return status;
}
