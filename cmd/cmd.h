/* SPDX-License-Identifier: MIT */
/*
 * The `weft` command: one file a subcommand, each with a table entry that main.c lists.
 *
 * Exit status: 0 success; 1 the thing asked for failed; 2 the command line or the lab file is
 * wrong; `weft run`, `weft exec` and tools on kernel nodes pass on the program's own status, 126
 * when it cannot be executed, 127 when it is not found, 128+N when signal N ended it, as shells do.
 */
#pragma once

#include <stdbool.h>

enum {
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CANNOT_EXEC = 126,
	EXIT_NOT_FOUND = 127,
	EXIT_SIGNALLED = 128,
};

/* What stands before the subcommand: weft [-l LAB] [-n NODE] [--json] COMMAND ... */
struct cmd_env {
	const char *tool; /* the subcommand's name, for messages */
	const char *lab;  /* -l; NULL: the only one that runs */
	const char *node; /* -n; NULL: not given */
	bool json;        /* --json, before or after the subcommand */
};

enum cmd_group {
	CMD_LAB,  /* bring up, change, look at labs */
	CMD_TOOL, /* looks at a node of a running lab: needs -n */
	CMD_FILE, /* works on files, without a lab */
};

struct cmd {
	const char *name;
	const char *args; /* for usage: "FILE [OPTIONS]" */
	const char *help; /* one line */
	/* argv[0] is the subcommand's name. Returns the exit status. */
	int (*run)(struct cmd_env *env, int argc, char **argv);
	enum cmd_group group;
};

/* Every subcommand, in the order of `weft --help`; ends with NULL. */
extern const struct cmd *const cmd_table[];

extern const struct cmd cmd_up;
extern const struct cmd cmd_run;
extern const struct cmd cmd_exec;
extern const struct cmd cmd_ls;
extern const struct cmd cmd_down;
extern const struct cmd cmd_link;
extern const struct cmd cmd_node;
extern const struct cmd cmd_addr;
extern const struct cmd cmd_check;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_drill;
extern const struct cmd cmd_gateway;
extern const struct cmd cmd_slirp4netns;
extern const struct cmd cmd_unshare;
extern const struct cmd cmd_graph;
extern const struct cmd cmd_plot;
extern const struct cmd cmd_schema;
extern const struct cmd cmd_rpc;
extern const struct cmd cmd_serve;
extern const struct cmd cmd_ip;
extern const struct cmd cmd_ss;
extern const struct cmd cmd_nstat;
extern const struct cmd cmd_ping;
extern const struct cmd cmd_traceroute;
extern const struct cmd cmd_dump;
extern const struct cmd cmd_why;
