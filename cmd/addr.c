/* SPDX-License-Identifier: MIT */
/* `weft addr add A/B dev IF -n NODE`: `weft ip addr`, with the node where one likes to say it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static void addr_help(FILE *out)
{
	fprintf(out, "usage: weft [-l LAB] addr [show [dev IF]] -n NODE\n"
		     "       weft [-l LAB] addr add|del ADDRESS/LEN dev IF -n NODE\n\n"
		     "Shows or changes the addresses of a node of a running lab. The same as\n"
		     "`weft -n NODE ip addr`, which `weft ip --help` tells more about.\n");
}

static bool is_option(const char *word, const char *letter, const char *name)
{
	return !strcmp(word, letter) || !strcmp(word, name);
}

/* Takes our options out of the words. False: one has no value. */
static bool options_take(struct cmd_env *env, int *argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < *argc; i++) {
		bool is_node = is_option(argv[i], "-n", "--node");

		if (is_node || is_option(argv[i], "-l", "--lab")) {
			if (i + 1 == *argc)
				return false;
			i++;
			if (is_node)
				env->node = argv[i];
			else
				env->lab = argv[i];
		} else if (!strcmp(argv[i], "--json")) {
			env->json = true;
		} else {
			argv[n++] = argv[i];
		}
	}
	argv[n] = NULL;
	*argc = n;
	return true;
}

static int addr_run(struct cmd_env *env, int argc, char **argv)
{
	static char ip[] = "ip", addr[] = "addr";
	char **ip_argv;
	int status;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		addr_help(stdout);
		return 0;
	}
	if (!options_take(env, &argc, argv) || !env->node) {
		addr_help(stderr);
		return EXIT_USAGE;
	}
	ip_argv = calloc((size_t)argc + 2, sizeof(*ip_argv));
	if (!ip_argv) {
		fprintf(stderr, "weft addr: out of memory\n");
		return EXIT_FAILED;
	}
	ip_argv[0] = ip;
	ip_argv[1] = addr;
	memcpy(ip_argv + 2, argv + 1, (size_t)(argc - 1) * sizeof(*ip_argv));
	status = cmd_ip.run(env, argc + 1, ip_argv);
	free(ip_argv);
	return status;
}

const struct cmd cmd_addr = {"addr", "add|del A/B dev IF -n NODE", "addresses of a node", addr_run,
			     CMD_LAB};
