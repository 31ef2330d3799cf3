/* SPDX-License-Identifier: MIT */
/*
 * `weft run FILE -n NODE -- PROGRAM ...`: a lab for as long as one program runs in it.
 *
 * The program has our terminal, working directory and environment. A signal that ends us is passed
 * on to it, but for Ctrl-C, which the terminal has sent to it already; when it does not end within
 * END_WAIT_NS, or on the second signal, it is killed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/session.h"
#include "lab/belief.h"
#include "lab/holder.h"
#include "lab/report.h"
#include "lab/units.h"

enum {
	/* After the program has ended, what is still on its way may arrive, for the report. */
	LINGER_NS = 100 * 1000 * 1000,
};
static const int64_t END_WAIT_NS = INT64_C(3000000000);

struct run {
	struct session s;
	const char *node_name;
	struct lab_node *node;
	char **argv;
	bool report;
	uint32_t prog_id;
	int status; /* exit status */
	int n_signals;
	struct weft_timer *kill_timer;
};

static void run_help(FILE *out)
{
	fprintf(out,
		"usage: weft run FILE -n NODE [--name NAME] [--pcap PATH] [--seed N] [--report]\n"
		"                -- PROGRAM [ARG...]\n\n"
		"Brings up the lab that FILE describes, runs PROGRAM in its node NODE (of "
		"kind kernel),\n"
		"takes the lab down and exits with the program's status.\n\n"
		"  -n NODE      where to run it\n"
		"  --name NAME  call the lab so, not as the file does: to run it twice\n"
		"  --pcap PATH  capture every interface to PATH if it ends in .pcapng, else to "
		"PATH/LAB.pcapng\n"
		"  --seed N     repeatable random numbers (losses, ports, sequence numbers)\n"
		"  --report     say at the end what happened: paths, connections, drops\n");
}

static void run_kill(void *arg)
{
	struct run *run = arg;

	run->status = run->status ? run->status : EXIT_FAILED;
	run->s.is_ending = true; /* the node goes, and the program with it */
}

static void run_on_signal(struct session *s, int signo, bool from_tty)
{
	struct run *run = (struct run *)(void *)s; /* its first member */
	int64_t now_ns = weft_io_now_ns();

	/* Ctrl-C is the program's: a shell or a prompt lives on. */
	if (from_tty && signo == SIGINT && run->prog_id)
		return;
	run->status = EXIT_SIGNALLED + signo;
	if (run->n_signals++ || !run->prog_id ||
	    holder_signal(run->node->holder, run->prog_id, signo) < 0) {
		s->is_ending = true;
		return;
	}
	weft_timer_start(run->kill_timer, now_ns + END_WAIT_NS);
}

static int status_of_wait(int status)
{
	return WIFSIGNALED(status) ? EXIT_SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static void program_ended(struct run *run, const struct holder_event *ev)
{
	if (!ev->started) {
		fprintf(stderr, "weft run: %s: %s\n", run->argv[0], strerror(ev->err));
		run->status = ev->err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
	} else {
		run->status = status_of_wait(ev->status);
	}
	run->s.is_ending = true;
}

static void holder_ready(void *arg, int fd, uint32_t events)
{
	struct run *run = arg;
	struct holder_event ev;
	int err;

	(void)events;
	while ((err = holder_read(run->node->holder, &ev)) == 0)
		if (ev.id == run->prog_id)
			program_ended(run, &ev);
	if (err == -EAGAIN)
		return;
	(void)!weft_loop_watch(run->s.lab->loop, fd, 0, NULL, NULL); /* nothing more will come */
	if (!run->s.is_ending) {
		fprintf(stderr, "weft run: the process of node %s has gone: %s\n", run->node_name,
			strerror(-err));
		run->status = EXIT_FAILED;
		run->s.is_ending = true;
	}
}

/* The node must exist and be one in which programs can run. */
static int node_check(struct run *run)
{
	struct lab_node *node = lab_node_find(run->s.lab, run->node_name);
	uint32_t n_kernel = 0;

	if (node && node->holder) {
		run->node = node;
		node->is_needed = true;
		return 0;
	}
	fprintf(stderr,
		node ? "weft run: node %s is not of kind kernel; programs run in kernel nodes only:"
		     : "weft run: the lab has no node %s; programs can run in:",
		run->node_name);
	for (uint32_t i = 0; i < run->s.lab->n_nodes; i++) {
		if (run->s.lab->nodes[i]->holder) {
			fprintf(stderr, " %s", run->s.lab->nodes[i]->file->name);
			n_kernel++;
		}
	}
	fputs(n_kernel ? "\n" : " none; give a node `kind: kernel`\n", stderr);
	return EXIT_USAGE;
}

static int program_start(struct run *run)
{
	char *cwd = getcwd(NULL, 0);
	struct holder_cmd cmd = {
		.argv = run->argv,
		.envp = environ,
		.cwd = cwd ? cwd : "/",
		.fds = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
	};
	int err = weft_loop_watch(run->s.lab->loop, holder_fd(run->node->holder), EPOLLIN,
				  holder_ready, run);

	if (!err)
		err = holder_run(run->node->holder, &cmd, &run->prog_id);
	free(cwd);
	if (!err)
		return 0;
	fprintf(stderr, "weft run: cannot start %s: %s\n", run->argv[0], strerror(-err));
	return EXIT_FAILED;
}

static int run_lab(struct run *run)
{
	int status = node_check(run);

	if (status)
		return status;
	run->kill_timer = weft_timer_new(run->s.lab->eng, run_kill, run);
	if (!run->kill_timer || (run->report && lab_report_start(run->s.lab) < 0)) {
		fprintf(stderr, "weft run: out of memory\n");
		return EXIT_FAILED;
	}
	status = program_start(run);
	if (status)
		return status;
	status = session_loop(&run->s, -1);
	if (run->report && !status && !run->n_signals) {
		run->s.is_ending = false;
		status = session_loop(&run->s, LINGER_NS);
		lab_report_print(run->s.lab, stderr);
	} else {
		lab_belief_warn(run->s.lab, stderr);
	}
	return status ? status : run->status;
}

static int run_options(struct run *run, int argc, char **argv, struct lab_config *cfg)
{
	static const struct option opts[] = {
		{"node", required_argument, NULL, 'n'}, {"name", required_argument, NULL, 'N'},
		{"pcap", required_argument, NULL, 'p'}, {"seed", required_argument, NULL, 's'},
		{"report", no_argument, NULL, 'r'},     {"sim", no_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
	};
	const char *why;
	int opt;

	while ((opt = getopt_long(argc, argv, "n:h", opts, NULL)) != -1) {
		switch (opt) {
		case 'n':
			run->node_name = optarg;
			break;
		case 'N':
			cfg->name = optarg;
			break;
		case 'p':
			cfg->pcap = optarg;
			break;
		case 's':
			if (lab_uint_parse(optarg, 0, UINT64_MAX, &cfg->seed, &why) < 0) {
				fprintf(stderr, "weft run: --seed %s: %s\n", optarg, why);
				return EXIT_USAGE;
			}
			cfg->has_seed = true;
			break;
		case 'r':
			run->report = true;
			break;
		case 'S':
			fprintf(stderr,
				"weft run: programs keep to the machine's clock, so there is no "
				"--sim; weft up --sim FILE runs a lab of weft nodes in virtual "
				"time\n");
			return EXIT_USAGE;
		case 'h':
			run_help(stdout);
			exit(0);
		default:
			run_help(stderr);
			return EXIT_USAGE;
		}
	}
	return 0;
}

static int run_run(struct cmd_env *env, int argc, char **argv)
{
	struct run run = {.s = {.sigfd = -1, .on_signal = run_on_signal}, .node_name = env->node};
	struct lab_config cfg = {.pcap = NULL};
	int status = run_options(&run, argc, argv, &cfg);

	if (status)
		return status;
	/* getopt has moved FILE in front of what follows "--". */
	if (!run.node_name || argc - optind < 2) {
		run_help(stderr);
		return EXIT_USAGE;
	}
	run.argv = argv + optind + 1;
	status = session_start(&run.s, argv[optind], &cfg);
	if (!status)
		status = run_lab(&run);
	weft_timer_free(run.kill_timer);
	return session_end(&run.s, status);
}

const struct cmd cmd_run = {"run", "FILE -n NODE -- PROGRAM ...", "run a program in a lab", run_run,
			    CMD_LAB};
