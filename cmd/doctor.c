/* SPDX-License-Identifier: MIT */
/* `weft doctor`: what this machine allows, and the one command that grants what is missing. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/json_text.h"
#include "gateway/setup/doctor.h"

static void doctor_help(FILE *out)
{
	fprintf(out,
		"usage: weft doctor [--json]\n\n"
		"Tries what weft needs of this machine as the user who runs it, and prints a line "
		"for each\n"
		"thing: ok, limited (weft works, with a limit) or missing, what that means, and "
		"the "
		"one\n"
		"command that grants what is missing. Nothing is changed.\n\n"
		"  --json  the same as an array of objects\n\n"
		"Exit status: 0 when nothing is missing, 1 when something is.\n");
}

static void findings_print(const struct doctor_finding *d, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		printf("%-8s %-11s %s\n", doctor_status_name(d[i].status), d[i].check, d[i].found);
		if (d[i].means[0])
			printf("%21s%s\n", "", d[i].means);
		if (d[i].command[0])
			printf("%21sgrant: %s\n", "", d[i].command);
	}
}

static json_t *finding_json(const struct doctor_finding *d)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "check", d->check, "status",
			      doctor_status_name(d->status), "found", d->found);

	if (o && d->means[0])
		json_object_set_new(o, "means", json_string(d->means));
	if (o && d->command[0])
		json_object_set_new(o, "command", json_string(d->command));
	return o;
}

static void findings_print_json(const struct doctor_finding *d, uint32_t n)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(all, finding_json(&d[i]));
	json_text_print(stdout, all, false);
	json_decref(all);
}

static int doctor_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {{"json", no_argument, NULL, 'j'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};
	struct doctor_finding found[DOCTOR_FINDINGS_MAX];
	struct doctor_facts facts;
	int status = 0;
	uint32_t n;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		if (opt == 'j') {
			env->json = true;
		} else {
			doctor_help(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "weft doctor: `%s` is too much\n", argv[optind]);
		return EXIT_USAGE;
	}
	doctor_look(&facts);
	n = doctor_judge(&facts, found);
	if (env->json)
		findings_print_json(found, n);
	else
		findings_print(found, n);
	for (uint32_t i = 0; i < n; i++)
		if (found[i].status == DOCTOR_MISSING)
			status = EXIT_FAILED;
	return status;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.args = "[--json]",
	.help = "what this machine allows, and what grants more",
	.run = doctor_run,
	.group = CMD_FILE,
};
