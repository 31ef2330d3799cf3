/* SPDX-License-Identifier: MIT */
/*
 * The `weft` command: one file a subcommand, each with a table entry that main.c lists.
 *
 * Exit status: 0 success; 1 the thing asked for failed; 2 the command line or the lab file is
 * wrong; `weft run` passes on the program's own status, 126 when it cannot be executed, 127 when it
 * is not found, 128+N when signal N ended it, as shells do.
 */
#pragma once

enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNALLED = 128,
};

struct cmd {
	const char *name;
	const char *args; /* for usage: "FILE [OPTIONS]" */
	const char *help; /* one line */
	/* argv[0] is the subcommand's name. Returns the exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct cmd cmd_up;
extern const struct cmd cmd_run;
extern const struct cmd cmd_check;
