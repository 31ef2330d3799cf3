/* SPDX-License-Identifier: MIT */
/* The `weft` command: finds the subcommand and hands over. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "lab/rundir.h"
#include "lab/suggest.h"
#include "weft/weft.h"

/* clang-format off */
const struct cmd *const cmd_table[] = {
	&cmd_up,
	&cmd_run,
	&cmd_exec,
	&cmd_gateway,
	&cmd_slirp4netns,
	&cmd_unshare,
	&cmd_ls,
	&cmd_down,
	&cmd_link,
	&cmd_node,
	&cmd_addr,
	&cmd_rpc,
	&cmd_ip,
	&cmd_ss,
	&cmd_nstat,
	&cmd_ping,
	&cmd_traceroute,
	&cmd_dump,
	&cmd_why,
	&cmd_check,
	&cmd_drill,
	&cmd_graph,
	&cmd_plot,
	&cmd_schema,
	&cmd_serve,
	&cmd_doctor,
	NULL,
};
/* clang-format on */

static const char *const group_titles[] = {
	[CMD_LAB] = "Labs",
	[CMD_TOOL] = "Tools on a node: weft [-l LAB] -n NODE TOOL ...",
	[CMD_FILE] = "Files",
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] [-n NODE] [--json] COMMAND ...\n\n"
		"A whole network in one process: hosts, switches, routers and services described\n"
		"in a file, with real programs inside.\n");
	for (size_t g = 0; g < sizeof(group_titles) / sizeof(group_titles[0]); g++) {
		const char *title = group_titles[g];

		for (const struct cmd *const *c = cmd_table; *c; c++) {
			if ((*c)->group != g)
				continue;
			if (title)
				fprintf(out, "\n%s\n", title);
			title = NULL;
			fprintf(out, "  %-10s %-36s %s\n", (*c)->name, (*c)->args, (*c)->help);
		}
	}
	fprintf(out,
		"\n`weft COMMAND --help` tells more about one. weft --version prints %d.%d.%d.\n",
		WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
}

static const struct cmd *cmd_find(const char *word)
{
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if (!strcmp((*c)->name, word))
			return *c;
	return NULL;
}

static int unknown_command(const char *word)
{
	struct lab_suggest near = lab_suggest_start(word);

	for (const struct cmd *const *c = cmd_table; *c; c++)
		lab_suggest_try(&near, (*c)->name);
	if (near.best)
		fprintf(stderr, "weft: there is no command `%s`; did you mean `weft %s`?\n", word,
			near.best);
	else
		fprintf(stderr, "weft: there is no command `%s`; `weft --help` lists them\n", word);
	return EXIT_USAGE;
}

/* When we are started with a standard stream closed, the next descriptor that a lab opens would
 * take its number, and be the input or output of the node's program. */
static int std_streams_open(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Reads what stands before the subcommand; returns the index of the latter, or -1 with *ret_status
 * when there is nothing more to do. */
static int options_read(int argc, char **argv, struct cmd_env *env, int *ret_status)
{
	static const struct option opts[] = {
		{"lab", required_argument, NULL, 'l'}, {"node", required_argument, NULL, 'n'},
		{"json", no_argument, NULL, 'j'},      {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},   {NULL, 0, NULL, 0},
	};
	int opt;

	*ret_status = 0;
	while ((opt = getopt_long(argc, argv, "+l:n:hV", opts, NULL)) != -1) {
		switch (opt) {
		case 'l':
			env->lab = optarg;
			break;
		case 'n':
			env->node = optarg;
			break;
		case 'j':
			env->json = true;
			break;
		case 'h':
			usage(stdout);
			return -1;
		case 'V':
			printf("weft %d.%d.%d\n", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR,
			       WEFT_VERSION_PATCH);
			return -1;
		default:
			fprintf(stderr, "weft: `weft --help` lists the options and commands\n");
			*ret_status = EXIT_USAGE;
			return -1;
		}
	}
	if (optind < argc && strcmp(argv[optind], "help"))
		return optind;
	*ret_status = optind < argc ? 0 : EXIT_USAGE;
	usage(optind < argc ? stdout : stderr);
	return -1;
}

/* What cannot be written, as to a full disk, is a failure. What the reader of a pipe has not waited
 * for is not. */
static int output_check(const char *tool, int status)
{
	bool is_lost = ferror(stdout);
	struct stat st;

	errno = EIO; /* of an earlier write, when this one has nothing to do */
	if (fflush(stdout) != 0)
		is_lost = true;
	if (!is_lost || status || errno == EPIPE ||
	    (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode)))
		return status;
	fprintf(stderr, "weft %s: standard output: %s\n", tool, strerror(errno));
	return EXIT_FAILED;
}

/* By which name weft was started: a link to it may have another one. */
static bool called_as(const char *argv0, const char *name)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	return argv0 && !strcmp(slash ? slash + 1 : argv0, name);
}

int main(int argc, char **argv)
{
	struct cmd_env env = {.tool = NULL};
	const struct cmd *cmd;
	int err = std_streams_open();
	int status, i;

	if (err) {
		fprintf(stderr, "weft: /dev/null: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	if (called_as(argv[0], cmd_slirp4netns.name))
		return output_check(cmd_slirp4netns.name, cmd_slirp4netns.run(&env, argc, argv));
	i = options_read(argc, argv, &env, &status);
	if (i < 0)
		return status;
	cmd = cmd_find(argv[i]);
	if (!cmd)
		return unknown_command(argv[i]);
	env.tool = cmd->name;
	if (cmd->group != CMD_FILE)
		rundir_sweep();
	optind = 0; /* glibc: start again, in its usual order */
	return output_check(cmd->name, cmd->run(&env, argc - i, argv + i));
}
