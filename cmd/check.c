/* SPDX-License-Identifier: MIT */
/* `weft check FILE`: reads a lab file and says what is wrong with it, without bringing it up. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/json_text.h"
#include "cmd/session.h"

static void check_help(FILE *out)
{
	fprintf(out,
		"usage: weft check [--plan] [--json] FILE\n\n"
		"Reads a lab file and prints every mistake with its line and column.\n\n"
		"  --plan   print what the file stands for: every node with its addresses and\n"
		"           routes, every link, also those that come from count, prefix and\n"
		"           routing\n"
		"  --json   print the mistakes as JSON, for editors\n\n"
		"Exit status: 0 the file is good (there may be warnings), 2 it is not.\n");
}

static json_t *message_json(const struct lab_error *e)
{
	return json_pack("{s:i, s:i, s:s, s:s}", "line", (int)e->pos.line, "column",
			 (int)e->pos.col, "severity", e->is_warning ? "warning" : "error",
			 "message", e->text);
}

static json_t *messages_json(const char *path, int err, const struct lab_errors *errs)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < errs->n_list; i++)
		json_array_append_new(list, message_json(&errs->list[i]));
	return json_pack("{s:s, s:b, s:i, s:i, s:o}", "file", path, "good", err == 0, "errors",
			 (int)errs->n_errors, "warnings", (int)errs->n_warnings, "messages", list);
}

/* The messages that others get on their screens, on our output. */
static int check_json(const char *path)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct labfile *file = NULL;
	int err = errs ? session_read(path, &file, errs) : -ENOMEM;
	json_t *json = err == -ENOMEM ? NULL : messages_json(path, err, errs);

	if (json)
		json_text_print(stdout, json, false);
	else
		fprintf(stderr, "weft check: out of memory\n");
	json_decref(json);
	labfile_free(file);
	free(errs);
	if (err == -ENOMEM || !json)
		return EXIT_FAILED;
	return err ? EXIT_USAGE : 0;
}

static int check_text(const char *path, bool plan)
{
	struct labfile *file;
	int status = session_load(path, &file);

	if (status)
		return status;
	if (plan)
		labfile_print_plan(file, stdout);
	else
		printf("%s: lab %s: %u nodes, %u links: good\n", path, file->name, file->n_nodes,
		       file->n_links);
	labfile_free(file);
	return 0;
}

static int check_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {{"plan", no_argument, NULL, 'p'},
					     {"json", no_argument, NULL, 'j'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};
	bool plan = false, json = env->json;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		if (opt == 'p') {
			plan = true;
		} else if (opt == 'j') {
			json = true;
		} else {
			check_help(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : EXIT_USAGE;
		}
	}
	if (optind + 1 != argc || (plan && json)) {
		check_help(stderr);
		return EXIT_USAGE;
	}
	return json ? check_json(argv[optind]) : check_text(argv[optind], plan);
}

const struct cmd cmd_check = {"check", "FILE", "check a lab file", check_run, CMD_FILE};
