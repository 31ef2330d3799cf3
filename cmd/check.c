/* SPDX-License-Identifier: MIT */
/* `weft check FILE`: reads a lab file and says what is wrong with it, without bringing it up. */
#include <getopt.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/session.h"

static void check_help(FILE *out)
{
	fprintf(out,
		"usage: weft check [--plan] FILE\n\n"
		"Reads a lab file and prints every mistake with its line and column.\n\n"
		"  --plan   print what the file stands for: every node with its addresses and\n"
		"           routes, every link, also those that come from count, prefix and\n"
		"           routing\n\n"
		"Exit status: 0 the file is good (there may be warnings), 2 it is not.\n");
}

static int check_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {{"plan", no_argument, NULL, 'p'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};
	struct labfile *file;
	bool plan = false;
	int status, opt;

	(void)env;
	while ((opt = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		if (opt == 'p') {
			plan = true;
			continue;
		}
		check_help(opt == 'h' ? stdout : stderr);
		return opt == 'h' ? 0 : EXIT_USAGE;
	}
	if (optind + 1 != argc) {
		check_help(stderr);
		return EXIT_USAGE;
	}
	status = session_load(argv[optind], &file);
	if (status)
		return status;
	if (plan)
		labfile_print_plan(file, stdout);
	else
		printf("%s: lab %s: %u nodes, %u links: good\n", argv[optind], file->name,
		       file->n_nodes, file->n_links);
	labfile_free(file);
	return 0;
}

const struct cmd cmd_check = {"check", "FILE", "check a lab file", check_run, CMD_FILE};
