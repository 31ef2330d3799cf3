/* SPDX-License-Identifier: MIT */
/* A program in namespaces of its own; the contract is in nsrun.h. */
#include "gateway/setup/nsrun.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/nsfile.h"

enum {
	STATUS_FAILED = 1,
	STATUS_CANNOT_EXEC = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNALLED = 128,
	WORD_START = -1, /* to the first process; else a signal to pass on */
};

struct nsrun {
	pid_t pid;
	int sock; /* to the first process: words; from it: the exit status */
};

static int PRINTF_LIKE(3, 4) explain(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, NSRUN_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* ---- the first process ---- */

static void mounts_set(const struct nsrun_config *cfg)
{
	int err = nsfile_mounts_private();

	/* So that ps and /sys/class/net show what is inside; a sandbox may refuse it. */
	if (!err && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0)
		(void)mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	if (!err && cfg->resolv_conf) {
		/* Over /tmp only while the file in it is bound to its place. */
		if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755") <
		    0) {
			err = -errno;
		} else {
			err = nsfile_cover("/etc/resolv.conf", "/tmp/resolv.conf",
					   cfg->resolv_conf);
			(void)umount2("/tmp", MNT_DETACH);
		}
	}
	if (err)
		fprintf(stderr, "weft unshare: /etc/resolv.conf stays the system's: %s\n",
			strerror(-err));
}

static _Noreturn void program_exec(char *const *argv)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "weft unshare: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_EXEC);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNALLED + WTERMSIG(status);
}

/* Takes a word of the socket: false when the other side has gone. */
static bool word_take(int sock, int32_t *ret)
{
	ssize_t n;

	do
		n = recv(sock, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*ret);
}

/* Collects whoever has ended: process 1 inherits orphans. True with the status: the program has. */
static bool children_reap(int sigfd, pid_t program, int *ret_status)
{
	struct signalfd_siginfo si;
	bool is_over = false;
	int status;
	pid_t pid;

	(void)!read(sigfd, &si, sizeof(si));
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == program) {
			*ret_status = exit_status(status);
			is_over = true;
		}
	}
	return is_over;
}

/* Signals of the terminal are for the program; this process ends with it, or with its socket. */
static int signals_hold(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static _Noreturn void first_main(int sock, const struct nsrun_config *cfg)
{
	int32_t word, status = STATUS_FAILED;
	int sigfd = signals_hold();
	pid_t program;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "weft-unshare");
	if (sigfd < 0 || !word_take(sock, &word))
		_exit(STATUS_FAILED);
	mounts_set(cfg);
	program = fork();
	if (program == 0)
		program_exec(cfg->argv);
	while (program > 0) {
		struct pollfd pfds[2] = {{sock, POLLIN, 0}, {sigfd, POLLIN, 0}};

		if (poll(pfds, 2, -1) < 0 && errno != EINTR)
			break;
		if (pfds[1].revents && children_reap(sigfd, program, &status))
			break;
		if (!pfds[0].revents)
			continue;
		if (!word_take(sock, &word))
			_exit(STATUS_FAILED);
		kill(program, word);
	}
	(void)!send(sock, &status, sizeof(status), MSG_NOSIGNAL);
	_exit(status);
}

/* ---- its maker ---- */

static int clone_explain(int err, char *msg)
{
	return explain(msg, -err, "cannot create namespaces: %s; `weft doctor` says what allows it",
		       strerror(err));
}

int nsrun_new(const struct nsrun_config *cfg, struct nsrun **ret, char *ret_msg)
{
	const unsigned long flags =
		CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | SIGCHLD;
	struct nsrun *r = calloc(1, sizeof(*r));
	int socks[2], err;

	if (!r)
		return explain(ret_msg, -ENOMEM, "out of memory");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) < 0) {
		free(r);
		return explain(ret_msg, -errno, "socketpair: %s", strerror(errno));
	}
	fflush(NULL);
	r->sock = socks[0];
	r->pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
	if (r->pid == 0) {
		close(socks[0]);
		first_main(socks[1], cfg);
	}
	err = errno;
	close(socks[1]);
	if (r->pid < 0) {
		close(socks[0]);
		free(r);
		return clone_explain(err, ret_msg);
	}
	err = idmap_write(r->pid, cfg->map, ret_msg);
	if (err) {
		nsrun_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

pid_t nsrun_pid(const struct nsrun *r)
{
	return r->pid;
}

static int word_send(const struct nsrun *r, int32_t word)
{
	return send(r->sock, &word, sizeof(word), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int nsrun_start(struct nsrun *r)
{
	return word_send(r, WORD_START);
}

void nsrun_signals(sigset_t *ret)
{
	static const int passed[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
				     SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};

	sigemptyset(ret);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaddset(ret, passed[i]);
}

int nsrun_wait(struct nsrun *r)
{
	int32_t status = STATUS_FAILED;
	sigset_t set;
	int raw;

	nsrun_signals(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		siginfo_t si;
		pid_t pid = waitpid(r->pid, &raw, WNOHANG);

		if (pid == r->pid || (pid < 0 && errno != EINTR))
			break;
		if (sigwaitinfo(&set, &si) < 0 || si.si_signo == SIGCHLD)
			continue;
		/* What the terminal sends (SI_KERNEL) the program has heard by itself. */
		if (si.si_code <= 0)
			(void)!word_send(r, si.si_signo);
	}
	r->pid = 0;
	if (!word_take(r->sock, &status)) /* the first process was killed: so was everything */
		return exit_status(raw);
	return status;
}

void nsrun_free(struct nsrun *r)
{
	if (!r)
		return;
	close(r->sock);
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(r);
}
