/* SPDX-License-Identifier: MIT */
/* `weft schema`: the lab file's language as a JSON Schema, for editors and other programs. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lab/schema.h"

static void schema_help(FILE *out)
{
	fprintf(out,
		"usage: weft schema\n\n"
		"Prints a JSON Schema (draft 7) of lab files. An editor that knows it completes "
		"keys,\n"
		"explains them and marks mistakes of form; weft check finds the others.\n\n"
		"  weft schema > weft-lab.json\n"
		"  # yaml-language-server: $schema=weft-lab.json    (first line of a lab file)\n");
}

static int schema_run(struct cmd_env *env, int argc, char **argv)
{
	bool help = argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));

	(void)env;
	if (argc != 1) {
		schema_help(help ? stdout : stderr);
		return help ? 0 : EXIT_USAGE;
	}
	lab_schema_print_json(stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	perror("weft schema");
	return EXIT_FAILED;
}

const struct cmd cmd_schema = {"schema", "", "print the JSON Schema of lab files", schema_run,
			       CMD_FILE};
