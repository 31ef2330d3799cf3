/* SPDX-License-Identifier: MIT */
/* The `weft` command: finds the subcommand and hands over. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "weft/weft.h"

static const struct cmd *const cmds[] = {&cmd_run, &cmd_up, &cmd_check};
enum {
	N_CMDS = sizeof(cmds) / sizeof(cmds[0]),
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft COMMAND ...\n\n"
		"A whole network in one process: hosts, switches, routers and services described\n"
		"in a file, with real programs inside.\n\n");
	for (size_t i = 0; i < N_CMDS; i++)
		fprintf(out, "  weft %-6s %-36s %s\n", cmds[i]->name, cmds[i]->args, cmds[i]->help);
	fprintf(out,
		"\n`weft COMMAND --help` tells more about one. weft --version prints %d.%d.%d.\n",
		WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR, WEFT_VERSION_PATCH);
}

/* Letters that differ at the same place, and the difference in length: good enough for typing
 * mistakes in short words. */
static size_t word_distance(const char *a, const char *b)
{
	size_t n = 0;

	for (; *a && *b; a++, b++)
		n += *a != *b;
	return n + strlen(a) + strlen(b);
}

static const struct cmd *cmd_nearest(const char *word)
{
	const struct cmd *best = NULL;
	size_t best_n = 3;

	for (size_t i = 0; i < N_CMDS; i++) {
		size_t n = word_distance(word, cmds[i]->name);

		if (n < best_n) {
			best = cmds[i];
			best_n = n;
		}
	}
	return best;
}

static int unknown_command(const char *word)
{
	const struct cmd *near = cmd_nearest(word);

	if (near)
		fprintf(stderr, "weft: there is no command `%s`; did you mean `weft %s`?\n", word,
			near->name);
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

int main(int argc, char **argv)
{
	int err = std_streams_open();

	if (err) {
		fprintf(stderr, "weft: /dev/null: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("weft %d.%d.%d\n", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR,
		       WEFT_VERSION_PATCH);
		return 0;
	}
	for (size_t i = 0; i < N_CMDS; i++)
		if (!strcmp(argv[1], cmds[i]->name))
			return cmds[i]->run(argc - 1, argv + 1);
	return unknown_command(argv[1]);
}
