/* SPDX-License-Identifier: MIT */
/* `weft up FILE`: brings a lab up in the foreground until a signal or the given time ends it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/session.h"
#include "lab/apps.h"
#include "lab/belief.h"
#include "lab/report.h"
#include "lab/trace_store.h"
#include "lab/units.h"

static void up_help(FILE *out)
{
	fprintf(out,
		"usage: weft up FILE [-d] [--name NAME] [--sim] [--for TIME] [--pcap PATH]\n"
		"               [--seed N] [--trace PATH] [--audit DIR] [--report] [--json]\n\n"
		"Brings up the lab that FILE describes and stays in the foreground until "
		"Ctrl-C.\n\n"
		"  -d, --detach go into the background once the lab is up; `weft down` ends it\n"
		"  --name NAME  call the lab so, not as the file does: to run it twice\n"
		"  --for TIME   end after this long (10s, 300s)\n"
		"  --sim        in virtual time: as fast as it goes, the same in every run; for "
		"labs of\n"
		"               weft nodes and switches; needs --for\n"
		"  --pcap PATH  capture every interface to PATH if it ends in .pcapng, else to "
		"PATH/LAB.pcapng\n"
		"  --seed N     repeatable random numbers (losses, ports, sequence numbers)\n"
		"  --trace PATH write what connections and queues do over time to PATH, for `weft "
		"plot`\n"
		"  --audit DIR  write who binds, connects, accepts and is refused to "
		"DIR/NODE.jsonl, for "
		"each\n"
		"               weft node\n"
		"  --report     say at the end what happened: apps, paths, connections, drops\n"
		"  --json       say at the end what the apps have done, as JSON\n");
}

static void up_on_signal(struct session *s, int signo, bool from_tty)
{
	(void)signo;
	(void)from_tty;
	s->is_ending = true;
}

static void up_print(const struct lab *lab, bool is_detached)
{
	const char *sep = "  programs run in";

	printf("lab %s is up: %u nodes, %u links. %s ends it.\n", lab->name, lab->n_nodes,
	       lab->n_links, is_detached ? "`weft down`" : "Ctrl-C");
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		if (lab->nodes[i]->holder) {
			printf("%s %s", sep, lab->nodes[i]->file->name);
			sep = ",";
		}
	if (sep[0] == ',')
		printf(": weft exec -n NODE -- PROGRAM\n");
	fflush(stdout);
}

/*
 * Goes into the background: what was started stays as a process that waits until the other one says
 * that the lab is up, and exits. Returns in that other one only, with the descriptor to say it on.
 */
static int up_fork(int *ret_fd)
{
	int fds[2];
	unsigned char status = EXIT_FAILED;
	ssize_t n;
	pid_t pid;

	/* A lab may live for days: locks and pipes of who called us are not its own, and of ours
	 * nothing is open yet. */
	close_range(STDERR_FILENO + 1, ~0U, 0);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		close(fds[0]);
		close(fds[1]);
		return err;
	}
	if (pid == 0) {
		close(fds[0]);
		*ret_fd = fds[1];
		return 0;
	}
	close(fds[1]);
	do
		n = read(fds[0], &status, 1);
	while (n < 0 && errno == EINTR);
	/* It has ended without a word: its own exit status says why. */
	if (n != 1) {
		int wait_status;

		while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
			;
		status = WIFEXITED(wait_status) ? (unsigned char)WEXITSTATUS(wait_status)
						: (unsigned char)EXIT_FAILED;
	}
	_exit(status);
}

/* The lab is up: away from the terminal. False: who started us has been killed, and wants no lab.
 */
static bool up_detach(int fd)
{
	unsigned char status = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool is_told;

	setsid();
	fflush(NULL);
	for (int i = 0; null >= 0 && i <= STDERR_FILENO; i++)
		dup2(null, i);
	if (null >= 0)
		close(null);
	is_told = write(fd, &status, 1) == 1;
	close(fd);
	return is_told;
}

/* {"lab", "ran_ns", "is_believable", "apps"}: of a simulation, the same in every run. */
static void up_print_json(const struct lab *lab)
{
	json_int_t ran_ns = weft_engine_now_ns(lab->eng) - lab->start_ns;
	json_t *apps = lab_apps_json(lab);
	struct lab_belief belief;
	json_t *all = NULL;

	lab_belief_get(lab, &belief);
	if (apps)
		all = json_pack("{s:s, s:I, s:b, s:o}", "lab", lab->name, "ran_ns", ran_ns,
				"is_believable", belief.is_believable, "apps", apps);

	if (!all || json_dumpf(all, stdout, JSON_INDENT(2)) < 0)
		fprintf(stderr, "weft up: out of memory\n");
	printf("\n");
	json_decref(all);
}

/* What has been simulated, when nothing else is said. */
static void sim_print(const struct lab *lab)
{
	int64_t ran_ms = (weft_engine_now_ns(lab->eng) - lab->start_ns) / 1000000;

	printf("lab %s: %lld.%03d s of virtual time; --report says what happened, --pcap shows "
	       "it.\n",
	       lab->name, (long long)(ran_ms / 1000), (int)(ran_ms % 1000));
}

static void trace_line(void *arg, const char *line)
{
	fprintf(arg, "%s\n", line);
}

/* What the command line says. */
struct up_args {
	struct lab_config cfg;
	const char *file;
	const char *trace_path;
	int64_t for_ns; /* -1: until a signal */
	bool report, detach, json;
};

enum {
	UP_GO_ON = -1, /* no exit status */
};

static int up_wrong(const char *option, const char *what, const char *why)
{
	fprintf(stderr, "weft up: %s %s: %s\n", option, what, why);
	return EXIT_USAGE;
}

static int up_option(struct up_args *a, int opt)
{
	const char *why;

	switch (opt) {
	case 'f':
		if (lab_duration_parse(optarg, &a->for_ns, &why) < 0)
			return up_wrong("--for", optarg, why);
		break;
	case 'd':
		a->detach = true;
		break;
	case 'N':
		a->cfg.name = optarg;
		break;
	case 'p':
		a->cfg.pcap = optarg;
		break;
	case 's':
		if (lab_uint_parse(optarg, 0, UINT64_MAX, &a->cfg.seed, &why) < 0)
			return up_wrong("--seed", optarg, why);
		a->cfg.has_seed = true;
		break;
	case 'A':
		a->cfg.audit = optarg;
		break;
	case 't':
		a->trace_path = optarg;
		break;
	case 'r':
		a->report = true;
		break;
	case 'S':
		a->cfg.is_sim = true;
		break;
	case 'j':
		a->json = true;
		break;
	case 'h':
		up_help(stdout);
		return 0;
	default:
		up_help(stderr);
		return EXIT_USAGE;
	}
	return UP_GO_ON;
}

/* UP_GO_ON, or the status to exit with. */
static int up_args_read(struct up_args *a, int argc, char **argv)
{
	static const struct option opts[] = {
		{"for", required_argument, NULL, 'f'},   {"pcap", required_argument, NULL, 'p'},
		{"audit", required_argument, NULL, 'A'}, {"seed", required_argument, NULL, 's'},
		{"report", no_argument, NULL, 'r'},      {"sim", no_argument, NULL, 'S'},
		{"name", required_argument, NULL, 'N'},  {"trace", required_argument, NULL, 't'},
		{"detach", no_argument, NULL, 'd'},      {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "dh", opts, NULL)) != -1) {
		status = up_option(a, opt);
		if (status != UP_GO_ON)
			return status;
	}
	if (optind + 1 != argc) {
		up_help(stderr);
		return EXIT_USAGE;
	}
	a->file = argv[optind];
	if (a->cfg.is_sim && a->for_ns < 0) {
		fprintf(stderr, "weft up: a simulation needs an end: give --for TIME, for example "
				"--for 60s\n");
		return EXIT_USAGE;
	}
	if (a->detach && (a->cfg.is_sim || a->report || a->json)) {
		fprintf(stderr, "weft up: -d leaves nobody to read what --sim, --report and --json "
				"print at the end\n");
		return EXIT_USAGE;
	}
	return UP_GO_ON;
}

/* The lab has started: until it ends. `ready_fd`: who waits for it in the foreground, with -d. */
static int up_session(struct session *s, const struct up_args *a, int ready_fd)
{
	int status;

	if (!a->cfg.is_sim && !a->json)
		up_print(s->lab, a->detach);
	if (a->detach)
		s->is_ending = !up_detach(ready_fd);
	status = session_loop(s, a->for_ns);
	if (a->report)
		lab_report_print(s->lab, a->json ? stderr : stdout);
	else
		lab_belief_warn(s->lab, stderr);
	if (a->json)
		up_print_json(s->lab);
	else if (a->cfg.is_sim && !a->report)
		sim_print(s->lab);
	return status;
}

/* `trace`: where events are written, or NULL. */
static int up_lab(struct session *s, const struct up_args *a, FILE *trace, int ready_fd)
{
	int status = session_start(s, a->file, &a->cfg);

	if (status)
		return status;
	if (a->report && lab_report_start(s->lab) < 0)
		fprintf(stderr, "weft: no memory for a report\n");
	if (trace)
		trace_store_figures(s->lab->traces, trace_line, trace);
	status = up_session(s, a, ready_fd);
	if (trace)
		trace_store_figures(s->lab->traces, NULL, NULL);
	return status;
}

static int up_run(struct cmd_env *env, int argc, char **argv)
{
	struct session s = {.sigfd = -1, .on_signal = up_on_signal};
	struct up_args a = {.for_ns = -1, .json = env->json};
	FILE *trace = NULL;
	int ready_fd = -1;
	int status = up_args_read(&a, argc, argv), err;

	if (status != UP_GO_ON)
		return status;
	err = a.detach ? up_fork(&ready_fd) : 0;
	if (err) {
		fprintf(stderr, "weft up: cannot go into the background: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	trace = a.trace_path ? fopen(a.trace_path, "we") : NULL;
	if (a.trace_path && !trace) {
		fprintf(stderr, "weft up: --trace %s: %s\n", a.trace_path, strerror(errno));
		return EXIT_FAILED;
	}
	status = up_lab(&s, &a, trace, ready_fd);
	if (trace && fclose(trace) != 0) {
		fprintf(stderr, "weft up: --trace %s: %s\n", a.trace_path, strerror(errno));
		status = status ? status : EXIT_FAILED;
	}
	return session_end(&s, status);
}

const struct cmd cmd_up = {"up", "FILE [-d] [--sim] [--for TIME] [--pcap PATH]", "bring a lab up",
			   up_run, CMD_LAB};
