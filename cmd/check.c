/* SPDX-License-Identifier: MIT */
/* `weft check FILE`: reads a lab file and says what is wrong with it, without bringing it up. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/session.h"

static int check_run(struct cmd_env *env, int argc, char **argv)
{
	struct labfile *file;
	int status;

	(void)env;
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		printf("usage: weft check FILE\n\n"
		       "Reads a lab file and prints every mistake with its line and column.\n"
		       "Exit status: 0 the file is good (there may be warnings), 2 it is not.\n");
		return 0;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: weft check FILE\n");
		return EXIT_USAGE;
	}
	status = session_load(argv[1], &file);
	if (status)
		return status;
	printf("%s: lab %s: %u nodes, %u links: good\n", argv[1], file->name, file->n_nodes,
	       file->n_links);
	labfile_free(file);
	return 0;
}

const struct cmd cmd_check = {"check", "FILE", "check a lab file", check_run, CMD_FILE};
