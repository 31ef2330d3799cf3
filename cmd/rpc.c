/* SPDX-License-Identifier: MIT */
/* `weft rpc METHOD [JSON]`: any method of the control socket from the command line. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/client.h"
#include "cmd/cmd.h"
#include "gateway/rpc.h"
#include "lab/rpc.h"
#include "lab/rpc_priv.h"

static void rpc_help(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] rpc METHOD [PARAMETERS]\n"
		"       weft rpc --list [--markdown]\n\n"
		"Calls a method of the lab's control socket and prints the result as JSON.\n"
		"PARAMETERS is a JSON object, or an array by position. Notifications that come\n"
		"before the result are printed first, one a line.\n\n"
		"  --list      the methods of this version; --markdown: all about them\n\n"
		"Exit status: 0 answered, 1 the lab refused (its error is printed), 2 usage.\n");
}

static void print_list(const struct rpc_method *const *tables)
{
	for (const struct rpc_method *const *t = tables; *t; t++)
		for (const struct rpc_method *m = *t; m->name; m++)
			printf("%-18s %s\n", m->name, m->help);
}

static void print_lists(void)
{
	print_list(rpc_tables);
	print_list(gateway_rpc_tables);
}

static int print_notification(void *arg, const char *method, const json_t *params)
{
	json_t *copy = json_pack("{s:s, s:O}", "method", method, "params", params);

	(void)arg;
	if (!copy)
		return -1;
	json_dumpf(copy, stdout, JSON_COMPACT);
	printf("\n");
	fflush(stdout);
	json_decref(copy);
	return 0;
}

static int rpc_call(struct cmd_env *env, const char *method, json_t *params)
{
	struct client_extra extra = {.on_notify = print_notification};
	struct client *c;
	json_t *result;
	int status = client_open(env, &c);

	if (status) {
		json_decref(params);
		return status;
	}
	if (client_call(c, method, params, &extra, &result) == 0) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		printf("\n");
		json_decref(result);
	} else {
		status = EXIT_FAILED;
	}
	client_close(c);
	return status;
}

static int rpc_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {
		{"list", no_argument, NULL, 'L'},
		{"markdown", no_argument, NULL, 'm'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool list = false, markdown = false;
	json_t *params = NULL;
	json_error_t error;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		switch (opt) {
		case 'L':
			list = true;
			break;
		case 'm':
			markdown = true;
			break;
		case 'j': /* it always is */
			break;
		case 'h':
			rpc_help(stdout);
			return 0;
		default:
			rpc_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (list && optind == argc) {
		if (markdown)
			rpc_print_markdown(stdout, gateway_rpc_tables, GATEWAY_RPC_TEXT);
		else
			print_lists();
		return 0;
	}
	if (list || argc - optind < 1 || argc - optind > 2) {
		rpc_help(stderr);
		return EXIT_USAGE;
	}
	if (argc - optind == 2) {
		params = json_loads(argv[optind + 1], JSON_REJECT_DUPLICATES, &error);
		if (!params) {
			fprintf(stderr, "weft rpc: the parameters are not JSON: %s (byte %d)\n",
				error.text, error.position);
			return EXIT_USAGE;
		}
	}
	return rpc_call(env, argv[optind], params);
}

const struct cmd cmd_rpc = {"rpc", "METHOD [JSON]", "call a method of the control socket", rpc_run,
			    CMD_LAB};
