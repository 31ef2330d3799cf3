/* SPDX-License-Identifier: MIT */
/* The process of a gateway; the contract is in gwproc.h. */
#include "cmd/gwproc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/resolvwatch.h"
#include "gateway/slirp_api.h"
#include "lab/errors.h"
#include "lab/lab.h"
#include "lab/rundir.h"

void gwproc_init(struct gwproc *p, const char *tool)
{
	*p = (struct gwproc){
		.tool = tool,
		.box = {.empty_root = true, .seccomp = true},
		.ready_fd = -1,
	};
	gateway_run_defaults(&p->run);
}

void gwproc_end_by(struct gwproc *p, int fd)
{
	p->end_fds[p->n_end_fds++] = fd;
}

static int failed(const struct gwproc *p, const char *what)
{
	fprintf(stderr, "%s: %s\n", p->tool, what);
	return EXIT_FAILED;
}

static void end_ready(void *arg, int fd UNUSED, uint32_t events UNUSED)
{
	gateway_run_end(arg);
}

static int forwards_add(const struct gwproc *p, struct gateway_run *run)
{
	char msg[GATEWAY_MSG_MAX];
	uint32_t id;

	for (size_t i = 0; i < p->n_forwards; i++) {
		const struct gateway_forward *f = &p->forwards[i];

		if (gateway_forward_add(gateway_run_gateway(run), f, &id, msg) < 0) {
			fprintf(stderr, "%s: forward of port %u: %s\n", p->tool, f->host_port, msg);
			return EXIT_FAILED;
		}
	}
	return 0;
}

static int sandbox(const struct gwproc *p)
{
	struct sandbox box = p->box;
	char msg[SANDBOX_MSG_MAX];
	int err = sandbox_enter(&box, msg);

	if ((err == -EPERM || err == -ENOSPC || err == -EUSERS) && box.empty_root &&
	    !p->must_have_root) {
		fprintf(stderr, "%s: %s; it runs without one (`weft doctor` says more)\n", p->tool,
			msg);
		box.empty_root = false;
		err = sandbox_enter(&box, msg);
	}
	return err ? failed(p, msg) : 0;
}

static int watch_ends(const struct gwproc *p, struct gateway_run *run)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n_end_fds; i++)
		err = weft_loop_watch(gateway_run_loop(run), p->end_fds[i], POLLIN, end_ready, run);
	return err ? failed(p, "cannot watch the descriptors that end it") : 0;
}

static int api_start(const struct gwproc *p, struct gateway_run *run, struct slirp_api **ret)
{
	int fd = slirp_api_listen(p->api_path);

	if (fd < 0) {
		fprintf(stderr, "%s: API socket %s: %s\n", p->tool, p->api_path, strerror(-fd));
		return EXIT_FAILED;
	}
	return slirp_api_new(gateway_run_loop(run), gateway_run_gateway(run), &p->run.gw.guest4, fd,
			     ret)
		       ? failed(p, "out of memory")
		       : 0;
}

static int serve(const struct gwproc *p, struct gateway_run *run)
{
	int err;

	if (p->on_ready)
		p->on_ready(p, run);
	fflush(NULL);
	if (p->ready_fd >= 0) {
		(void)!write(p->ready_fd, "1", 1);
		close(p->ready_fd);
	}
	err = gateway_run_loop_until_end(run);
	if (!err)
		return 0;
	fprintf(stderr, "%s: the loop failed: %s\n", p->tool, strerror(-err));
	return EXIT_FAILED;
}

/* The parent ends it, by the pipe. Who kills it with another signal than these means it. */
static void signals_ignore(void)
{
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGTSTP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int child_main(const struct gwproc *p)
{
	struct slirp_api *api = NULL;
	char msg[LAB_MSG_MAX];
	struct gateway_run *run;
	int status;

	signals_ignore();
	(void)prctl(PR_SET_NAME, "weft-gateway");
	if (gateway_run_start(&p->run, &run, msg) < 0)
		return failed(p, msg);
	status = forwards_add(p, run);
	if (!status && p->api_path)
		status = api_start(p, run, &api);
	if (!status)
		status = watch_ends(p, run);
	if (!status)
		status = sandbox(p);
	if (!status)
		status = serve(p, run);
	for (size_t i = 0; i < p->n_end_fds; i++)
		(void)weft_loop_watch(gateway_run_loop(run), p->end_fds[i], 0, NULL, NULL);
	slirp_api_free(api);
	gateway_run_stop(run);
	return status;
}

/* Waits for the child, by a descriptor of the signals that are blocked; one to us closes the pipe,
 * which ends it. Meanwhile it is told when resolv.conf changes. */
static int child_await(pid_t pid, int pipe_fd, int sig_fd, struct resolvwatch *watch)
{
	struct pollfd fds[2] = {{.fd = sig_fd, .events = POLLIN},
				{.fd = watch->fd, .events = POLLIN}};
	struct signalfd_siginfo si;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			resolvwatch_ready(watch);
		if (read(sig_fd, &si, sizeof(si)) != sizeof(si) || si.ssi_signo == SIGCHLD ||
		    pipe_fd < 0)
			continue;
		close(pipe_fd);
		pipe_fd = -1;
	}
	if (pipe_fd >= 0)
		close(pipe_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNALLED + WTERMSIG(status);
}

/* The parent's part, until the child has ended. */
static int parent_main(pid_t pid, int pipe_fd, const sigset_t *signals, int resolv_fd)
{
	int sig_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK), status;
	struct resolvwatch watch;

	resolvwatch_start(&watch, "/etc/resolv.conf", resolv_fd);
	if (sig_fd < 0) {
		close(pipe_fd); /* no descriptor is left: the child ends */
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		resolvwatch_stop(&watch);
		return EXIT_FAILED;
	}
	status = child_await(pid, pipe_fd, sig_fd, &watch);
	close(sig_fd);
	resolvwatch_stop(&watch);
	return status;
}

/* The guest's descriptors are the child's. */
static void guest_close(const struct gwproc *p)
{
	const int fds[] = {p->run.tap_fd, p->run.qemu_fd, p->run.qemu_listen_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int gwproc_run(struct gwproc *p)
{
	int fds[2], conf[2], status;
	sigset_t all, old;
	pid_t pid;

	sigemptyset(&all);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGTERM);
	sigaddset(&all, SIGHUP);
	sigaddset(&all, SIGCHLD);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return failed(p, strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, conf) < 0) {
		close(fds[0]);
		close(fds[1]);
		return failed(p, strerror(errno));
	}
	sigprocmask(SIG_BLOCK, &all, &old);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		close(conf[1]);
		p->run.resolv_fd = conf[0];
		sigprocmask(SIG_SETMASK, &old, NULL);
		gwproc_end_by(p, fds[0]);
		status = child_main(p);
		fflush(NULL);
		/* Handlers of exit(3) have no business in a sandbox. */
		_exit(status);
	}
	close(fds[0]);
	close(conf[0]);
	guest_close(p);
	if (p->ready_fd >= 0)
		close(p->ready_fd);
	if (pid < 0) {
		close(fds[1]);
		close(conf[1]);
		return failed(p, strerror(errno));
	}
	status = parent_main(pid, fds[1], &all, conf[1]);
	if (p->api_path && status <= EXIT_SIGNALLED)
		unlink(p->api_path);
	if (p->qemu_path)
		unlink(p->qemu_path);
	if (!p->run.no_socket)
		rundir_sweep();
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}
