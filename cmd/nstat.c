/* SPDX-License-Identifier: MIT */
/* `weft nstat`: counters of a node since the last call, with the command line and the output of
 * iproute2's nstat. */
#include "cmd/nstat.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/client.h"

enum {
	NSTAT_USAGE = 255, /* nstat's exit status for a wrong command line */
};

static void usage(FILE *out)
{
	fprintf(out, "usage: weft [-l LAB] -n NODE nstat [OPTION] [PATTERN ...]\n\n"
		     "Counters of a node that have changed since the last call.\n\n"
		     "  -a, --ignore    all that has happened since the node came up\n"
		     "  -z, --zeros     also those that are zero\n"
		     "  -s, --noupdate  do not remember these values for the next call\n"
		     "  -n, --nooutput  only remember them\n"
		     "  -r, --reset     forget what was remembered, then show and remember\n"
		     "  -j, --json      JSON; -p, --pretty: over many lines\n"
		     "  -h, --help      this\n\n"
		     "Patterns are the shell's: `weft -n host nstat -az 'TcpExt*'`. What is\n"
		     "remembered belongs to the node and goes with the lab. See weft-nstat(1).\n");
}

/* 0, or the exit status after a message; -1: there is nothing to do. */
static int options_read(int argc, char **argv, struct nstat_opts *o)
{
	static const struct option opts[] = {
		{"ignore", no_argument, NULL, 'a'},         {"zeros", no_argument, NULL, 'z'},
		{"noupdate", no_argument, NULL, 's'},       {"nooutput", no_argument, NULL, 'n'},
		{"reset", no_argument, NULL, 'r'},          {"json", no_argument, NULL, 'j'},
		{"pretty", no_argument, NULL, 'p'},         {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},        {"scan", required_argument, NULL, 'd'},
		{"interval", required_argument, NULL, 't'}, {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "aznsrjphVd:t:", opts, NULL)) != -1) {
		switch (opt) {
		case 'a':
			o->is_absolute = true;
			break;
		case 'z':
			o->has_zeros = true;
			break;
		case 's':
			o->no_update = true;
			break;
		case 'n':
			o->no_output = true;
			break;
		case 'r':
			o->is_reset = true;
			break;
		case 'j':
			o->json = true;
			break;
		case 'p':
			o->pretty = true;
			break;
		case 'h':
			usage(stdout);
			return -1;
		case 'V':
			printf("nstat of weft, as of iproute2-6.1.0\n");
			return -1;
		case 'd':
		case 't':
			fprintf(stderr,
				"weft nstat: -%c is for nstat's daemon, which a lab does "
				"not have\n",
				opt);
			return NSTAT_USAGE;
		default:
			usage(stderr);
			return NSTAT_USAGE;
		}
	}
	return 0;
}

static int counters_show(const struct cmd_env *env, const struct nstat_opts *o)
{
	struct client *client;
	json_t *params, *answer;
	int err = client_open(env, &client);

	if (err)
		return err;
	params = client_node_params(env);
	if (!params) {
		client_close(client);
		return EXIT_USAGE;
	}
	json_object_set_new(params, "remember", json_boolean(!o->no_update));
	json_object_set_new(params, "forget", json_boolean(o->is_reset));
	err = client_call(client, "nstat.read", params, NULL, &answer);
	if (err) {
		err = client_exit_status(client, err);
	} else {
		json_t *counters = nstat_pick(answer, o);

		if (!o->no_output)
			nstat_print(stdout, counters, o);
		json_decref(counters);
		json_decref(answer);
	}
	client_close(client);
	return err;
}

static int nstat_run(struct cmd_env *env, int argc, char **argv)
{
	struct nstat_opts o = {.json = env->json};
	int status;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	status = client_tool_on_kernel_node(env, argc, argv);
	if (status >= 0)
		return status;
	status = options_read(argc, argv, &o);
	if (status)
		return status < 0 ? 0 : status;
	o.patterns = argv + optind;
	return counters_show(env, &o);
}

const struct cmd cmd_nstat = {
	.name = "nstat",
	.args = "[-aznsrj] [PATTERN ...]",
	.help = "counters since the last call",
	.run = nstat_run,
	.group = CMD_TOOL,
};
