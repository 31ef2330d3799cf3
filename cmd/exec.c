/* SPDX-License-Identifier: MIT */
/*
 * `weft exec -n NODE -- PROGRAM ...`: a program in a kernel node of a running lab; and what starts
 * the system's own tool when one of ours is asked about a kernel node.
 *
 * How it works: the lab passes descriptors of the node's namespaces. A child of ours joins them and
 * clones the program with CLONE_PARENT, since only a new process enters a PID namespace; so the
 * program is our own child, in our process group, on our terminal, and we stay where we are:
 *
 *	weft --fork--> joiner: setns() ... --clone(CLONE_PARENT)--> program
 *	  ^ status of the program                                      |
 *	  '------------------------------------------------------------'
 *
 * The terminal sends its signals to the program itself; one that somebody sends to us is passed on.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/cmd.h"
#include "lab/rpc.h"

/* What the joiner and the program report before exec; the pipe closes when that has succeeded. */
enum report_kind {
	REPORT_PID,       /* the program's */
	REPORT_JOIN_FAIL, /* errno of joining the namespaces */
	REPORT_EXEC_FAIL, /* errno of exec */
};

struct report {
	enum report_kind kind;
	int value;
};

static _Noreturn void report_and_exit(int fd, enum report_kind kind, int value)
{
	struct report r = {kind, value};

	(void)!write(fd, &r, sizeof(r));
	_exit(EXIT_NOT_FOUND);
}

static void signals_default(void)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void program_exec(char *const argv[], const char *cwd, int report_fd)
{
	/* When we are killed, the program gets what a terminal that goes away sends. */
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	signals_default();
	/* A directory that the node cannot see is no reason not to run. */
	if (chdir(cwd) < 0 && chdir("/") < 0)
		report_and_exit(report_fd, REPORT_EXEC_FAIL, errno);
	execvp(argv[0], argv);
	report_and_exit(report_fd, REPORT_EXEC_FAIL, errno);
}

static _Noreturn void join_and_clone(const int *fds, size_t n_fds, char *const argv[],
				     const char *cwd, int report_fd)
{
	pid_t pid;

	for (size_t i = 0; i < n_fds; i++)
		if (setns(fds[i], 0) < 0)
			report_and_exit(report_fd, REPORT_JOIN_FAIL, errno);
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		program_exec(argv, cwd, report_fd);
	if (pid < 0)
		report_and_exit(report_fd, REPORT_JOIN_FAIL, errno);
	report_and_exit(report_fd, REPORT_PID, pid);
}

static int status_of_wait(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Passes on what is sent to us until the program has ended; returns its exit status. */
static int program_wait(pid_t pid, int sigfd)
{
	int pidfd = pidfd_open(pid, 0);
	struct pollfd fds[2] = {{pidfd, POLLIN, 0}, {sigfd, POLLIN, 0}};
	struct signalfd_siginfo si;
	int status;

	while (pidfd >= 0 && sigfd >= 0 && !fds[0].revents) {
		if (poll(fds, 2, -1) < 0) {
			fds[0].revents = 0;
			continue;
		}
		/* From the terminal (SI_KERNEL) the program has had it already. */
		if (fds[1].revents && read(sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si) &&
		    si.ssi_code != SI_KERNEL)
			kill(pid, (int)si.ssi_signo);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILED;
	if (pidfd >= 0)
		close(pidfd);
	return status_of_wait(status);
}

/* Reads what the two children have to say. The program's pid; 0 after a message and with an exit
 * status when there is none. */
static pid_t program_await(const struct cmd_env *env, int report_fd, char *const argv[],
			   int *ret_status)
{
	struct report r;
	pid_t pid = 0;

	*ret_status = EXIT_FAILED;
	for (;;) {
		ssize_t n = read(report_fd, &r, sizeof(r));

		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(r))
			return pid;
		if (r.kind == REPORT_PID) {
			pid = r.value;
		} else if (r.kind == REPORT_EXEC_FAIL) {
			fprintf(stderr, "weft %s: %s: %s\n", env->tool, argv[0], strerror(r.value));
			*ret_status = r.value == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
		} else {
			fprintf(stderr, "weft %s: cannot join the namespaces of %s: %s\n",
				env->tool, env->node, strerror(r.value));
		}
	}
}

static int signals_take(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int program_run(const struct cmd_env *env, const int *fds, size_t n_fds, char *const argv[])
{
	char *cwd = getcwd(NULL, 0);
	int status = EXIT_FAILED;
	int pipe_fds[2];
	sigset_t old;
	pid_t joiner, pid;
	int sigfd;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		fprintf(stderr, "weft %s: pipe: %s\n", env->tool, strerror(errno));
		free(cwd);
		return EXIT_FAILED;
	}
	fflush(NULL);
	sigfd = signals_take(&old);
	joiner = fork();
	if (joiner == 0)
		join_and_clone(fds, n_fds, argv, cwd ? cwd : "/", pipe_fds[1]);
	if (joiner < 0)
		fprintf(stderr, "weft %s: fork: %s\n", env->tool, strerror(errno));
	close(pipe_fds[1]);
	pid = joiner < 0 ? 0 : program_await(env, pipe_fds[0], argv, &status);
	close(pipe_fds[0]);
	if (joiner > 0)
		waitpid(joiner, NULL, 0);
	if (pid) {
		int ended = program_wait(pid, sigfd);

		/* A program that could not be executed has ended too. */
		if (status != EXIT_NOT_FOUND && status != EXIT_CANNOT_EXEC)
			status = ended;
	}
	if (sigfd >= 0)
		close(sigfd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	free(cwd);
	return status;
}

/* 0 and the descriptors; or as client_call(). */
static int node_enter(struct client *c, const struct cmd_env *env, int *fds, size_t *ret_n)
{
	struct client_extra extra = {.fds = fds, .max_fds = RPC_FDS_MAX};
	json_t *result;
	int err = client_call_quiet(c, "node.enter", json_pack("{s:s}", "node", env->node), &extra,
				    &result);

	if (err)
		return err;
	*ret_n = extra.n_fds;
	json_decref(result);
	return 0;
}

static bool is_wrong_kind(const struct client *c)
{
	return json_integer_value(json_object_get(client_error(c), "code")) == RPC_WRONG_KIND;
}

static int exec_in_node(const struct cmd_env *env, struct client *c, char *const argv[],
			bool is_tool)
{
	int fds[RPC_FDS_MAX];
	size_t n_fds = 0;
	int err = node_enter(c, env, fds, &n_fds);
	int status;

	if (err == -EREMOTEIO && is_wrong_kind(c)) {
		if (is_tool)
			return -1;
		fprintf(stderr,
			"weft %s: node %s is not of kind kernel; programs run in kernel nodes "
			"only\n",
			env->tool, env->node);
		return EXIT_USAGE;
	}
	if (err) {
		client_print_error(c, err);
		return client_exit_status(c, err);
	}
	status = program_run(env, fds, n_fds, argv);
	while (n_fds)
		close(fds[--n_fds]);
	return status;
}

int client_exec(const struct cmd_env *env, struct client *c, char *const argv[])
{
	return exec_in_node(env, c, argv, false);
}

/* `ip` is the one of them whose own --json is ours: -j, before the object. */
static int argv_with_json(const struct cmd_env *env, int argc, char **argv, char ***ret)
{
	static char json_option[] = "-j";
	char **with;

	*ret = NULL;
	if (!env->json)
		return 0;
	if (strcmp(argv[0], "ip")) {
		fprintf(stderr,
			"weft %s: %s is of kind kernel: the system's %s runs there, and has no "
			"--json\n",
			env->tool, env->node, argv[0]);
		return EXIT_USAGE;
	}
	with = calloc((size_t)argc + 2, sizeof(*with));
	if (!with) {
		fprintf(stderr, "weft %s: out of memory\n", env->tool);
		return EXIT_FAILED;
	}
	with[0] = argv[0];
	with[1] = json_option;
	memcpy(with + 2, argv + 1, (size_t)(argc - 1) * sizeof(*with));
	*ret = with;
	return 0;
}

int client_tool_on_kernel_node(const struct cmd_env *env, int argc, char **argv)
{
	char **with_json = NULL;
	struct client *c;
	json_t *info;
	bool is_kernel;
	int status;

	if (!env->node)
		return -1;
	status = client_open(env, &c);
	if (status)
		return status;
	status = client_call(c, "node.info", json_pack("{s:s}", "node", env->node), NULL, &info);
	if (status) {
		status = client_exit_status(c, status);
		client_close(c);
		return status;
	}
	is_kernel = !strcmp(json_string_value(json_object_get(info, "kind")), "kernel");
	json_decref(info);
	status = -1;
	if (is_kernel)
		status = argv_with_json(env, argc, argv, &with_json);
	if (is_kernel && !status)
		status = exec_in_node(env, c, with_json ? with_json : argv, true);
	free(with_json);
	client_close(c);
	return status;
}

static void exec_help(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] exec -n NODE -- PROGRAM [ARG...]\n\n"
		"Runs PROGRAM in a kernel node of a running lab: in its network, with its hosts\n"
		"file, and with our terminal, directory and environment.\n\n"
		"Exit status: the program's; 126 it cannot be executed, 127 it is not found,\n"
		"128+N signal N ended it; 1 the lab refused, 2 usage.\n");
}

static int exec_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {
		{"lab", required_argument, NULL, 'l'},
		{"node", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct client *c;
	int status, opt;

	/* '+': what follows the first word is the program's. */
	while ((opt = getopt_long(argc, argv, "+l:n:h", opts, NULL)) != -1) {
		switch (opt) {
		case 'l':
			env->lab = optarg;
			break;
		case 'n':
			env->node = optarg;
			break;
		case 'h':
			exec_help(stdout);
			return 0;
		default:
			exec_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc || !env->node) {
		exec_help(stderr);
		return EXIT_USAGE;
	}
	status = client_open(env, &c);
	if (status)
		return status;
	status = client_exec(env, c, argv + optind);
	client_close(c);
	return status;
}

const struct cmd cmd_exec = {"exec", "-n NODE -- PROGRAM ...", "run a program in a running lab",
			     exec_run, CMD_LAB};
