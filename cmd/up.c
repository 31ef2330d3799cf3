/* SPDX-License-Identifier: MIT */
/* `weft up FILE`: brings a lab up in the foreground until a signal or the given time ends it. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/session.h"
#include "lab/apps.h"
#include "lab/holder.h"
#include "lab/report.h"
#include "lab/units.h"

static void up_help(FILE *out)
{
	fprintf(out,
		"usage: weft up FILE [--name NAME] [--sim] [--for TIME] [--pcap PATH] [--seed N] "
		"[--report] [--json]\n\n"
		"Brings up the lab that FILE describes and stays in the foreground until "
		"Ctrl-C.\n\n"
		"  --name NAME  call the lab so, not as the file does: to run it twice\n"
		"  --for TIME   end after this long (10s, 300s)\n"
		"  --sim        in virtual time: as fast as it goes, the same in every run; for "
		"labs of\n"
		"               weft nodes and switches; needs --for\n"
		"  --pcap PATH  capture every interface to PATH if it ends in .pcapng, else to "
		"PATH/LAB.pcapng\n"
		"  --seed N     repeatable random numbers (losses, ports, sequence numbers)\n"
		"  --report     say at the end what happened: apps, paths, connections, drops\n"
		"  --json       say at the end what the apps have done, as JSON\n");
}

static void up_on_signal(struct session *s, int signo, bool from_tty)
{
	(void)signo;
	(void)from_tty;
	s->is_ending = true;
}

static void up_print(const struct lab *lab)
{
	printf("lab %s is up: %u nodes, %u links. Ctrl-C ends it.\n", lab->name, lab->n_nodes,
	       lab->n_links);
	for (uint32_t i = 0; i < lab->n_nodes; i++)
		if (lab->nodes[i]->holder)
			printf("  %s: nsenter -t %d%s -n -m -- PROGRAM runs a program there\n",
			       lab->nodes[i]->file->name, (int)holder_pid(lab->nodes[i]->holder),
			       geteuid() ? " -U --preserve-credentials" : "");
	fflush(stdout);
}

/* {"lab", "ran_ns", "apps"}: of a simulation, the same in every run. */
static void up_print_json(const struct lab *lab)
{
	json_int_t ran_ns = weft_engine_now_ns(lab->eng) - lab->start_ns;
	json_t *apps = lab_apps_json(lab);
	json_t *all = apps ? json_pack("{s:s, s:I, s:o}", "lab", lab->name, "ran_ns", ran_ns,
				       "apps", apps)
			   : NULL;

	if (!all || json_dumpf(all, stdout, JSON_INDENT(2)) < 0)
		fprintf(stderr, "weft up: out of memory\n");
	printf("\n");
	json_decref(all);
}

static int up_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {
		{"for", required_argument, NULL, 'f'},
		{"pcap", required_argument, NULL, 'p'},
		{"seed", required_argument, NULL, 's'},
		{"report", no_argument, NULL, 'r'},
		{"sim", no_argument, NULL, 'S'},
		{"name", required_argument, NULL, 'N'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct session s = {.sigfd = -1, .on_signal = up_on_signal};
	struct lab_config cfg = {.pcap = NULL};
	const char *why;
	int64_t for_ns = -1;
	bool report = false;
	int status, opt;

	while ((opt = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		switch (opt) {
		case 'f':
			if (lab_duration_parse(optarg, &for_ns, &why) < 0) {
				fprintf(stderr, "weft up: --for %s: %s\n", optarg, why);
				return EXIT_USAGE;
			}
			break;
		case 'N':
			cfg.name = optarg;
			break;
		case 'p':
			cfg.pcap = optarg;
			break;
		case 's':
			if (lab_uint_parse(optarg, 0, UINT64_MAX, &cfg.seed, &why) < 0) {
				fprintf(stderr, "weft up: --seed %s: %s\n", optarg, why);
				return EXIT_USAGE;
			}
			cfg.has_seed = true;
			break;
		case 'r':
			report = true;
			break;
		case 'S':
			cfg.is_sim = true;
			break;
		case 'j':
			env->json = true;
			break;
		case 'h':
			up_help(stdout);
			return 0;
		default:
			up_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		up_help(stderr);
		return EXIT_USAGE;
	}
	if (cfg.is_sim && for_ns < 0) {
		fprintf(stderr, "weft up: a simulation needs an end: give --for TIME, for example "
				"--for 60s\n");
		return EXIT_USAGE;
	}
	status = session_start(&s, argv[optind], &cfg);
	if (!status && report && lab_report_start(s.lab) < 0)
		fprintf(stderr, "weft: no memory for a report\n");
	if (!status) {
		if (!cfg.is_sim && !env->json)
			up_print(s.lab);
		status = session_loop(&s, for_ns);
		if (report)
			lab_report_print(s.lab, env->json ? stderr : stdout);
		if (env->json)
			up_print_json(s.lab);
	}
	return session_end(&s, status);
}

const struct cmd cmd_up = {"up", "FILE [--for TIME] [--pcap DIR]", "bring a lab up", up_run,
			   CMD_LAB};
