/* SPDX-License-Identifier: MIT */
/* `weft ls`: the labs that run. Looking at them removes what killed ones have left. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/cmd.h"
#include "lab/rundir.h"

enum {
	ANSWER_WAIT_S = 2, /* for a lab that is stopped, or a machine that is busy */
};

/* What one lab says of itself; one that does not answer has a name only. */
static json_t *lab_ask(const struct cmd_env *env, const char *name, int timer)
{
	struct itimerspec at = {.it_value = {.tv_sec = ANSWER_WAIT_S}};
	struct client_extra extra = {.stop_fd = &timer};
	struct client *c;
	json_t *info = NULL;

	timerfd_settime(timer, 0, &at, NULL);
	if (client_open_lab(env, name, &c))
		return NULL;
	if (client_call_quiet(c, "lab.info", NULL, &extra, &info) < 0)
		info = json_pack("{s:s}", "name", name);
	client_close(c);
	return info;
}

static void since_print(int64_t epoch_ns)
{
	time_t at = (time_t)(epoch_ns / 1000000000);
	char text[32];
	struct tm tm;

	if (localtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		fputs(text, stdout);
}

static int64_t number(const json_t *lab, const char *key)
{
	return json_integer_value(json_object_get(lab, key));
}

/* The share of deadlines that were met too late; with a mark when it is too much. */
static void late_print(const json_t *lab)
{
	int64_t n = number(lab, "deadlines");
	int64_t per_10000 = n ? number(lab, "late") * 10000 / n : 0;
	bool is_good = json_is_true(json_object_get(lab, "is_believable"));

	printf("%3" PRId64 ".%02" PRId64 "%%%c  ", per_10000 / 100, per_10000 % 100,
	       is_good ? ' ' : '!');
}

static void table_print(const json_t *labs)
{
	const json_t *lab;
	size_t i;

	if (!json_array_size(labs))
		return;
	printf("%-16s %8s %6s %6s %8s  %-19s  %s\n", "LAB", "PID", "NODES", "LINKS", "LATE",
	       "SINCE", "FILE");
	json_array_foreach (labs, i, lab) {
		const char *name = json_string_value(json_object_get(lab, "name"));
		const char *file = json_string_value(json_object_get(lab, "file"));

		if (!file) {
			printf("%-16s %8s (it does not answer)\n", name, "?");
			continue;
		}
		printf("%-16s %8" PRId64 " %6" PRId64 " %6" PRId64 "  ", name, number(lab, "pid"),
		       number(lab, "nodes"), number(lab, "links"));
		late_print(lab);
		since_print(number(lab, "start_ns"));
		printf("  %s\n", file);
	}
}

static int ls_labs(const struct cmd_env *env)
{
	struct rundir_list names = {NULL, 0};
	json_t *labs = json_array();
	int err = rundir_list(&names);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int status = EXIT_FAILED;

	if (err || timer < 0 || !labs) {
		fprintf(stderr, "weft ls: cannot look for labs: %s\n",
			err ? strerror(-err) : "out of resources");
		goto out;
	}
	for (size_t i = 0; i < names.n; i++) {
		json_t *lab = lab_ask(env, names.names[i], timer);

		if (lab)
			json_array_append_new(labs, lab);
	}
	if (env->json) {
		json_dumpf(labs, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		table_print(labs);
	}
	status = 0;
out:
	json_decref(labs);
	rundir_list_free(&names);
	if (timer >= 0)
		close(timer);
	return status;
}

static int ls_run(struct cmd_env *env, int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		printf("usage: weft ls [--json]\n\n"
		       "Lists the labs that run: name, process, nodes, links, since when, file; "
		       "and\n"
		       "what share of their deadlines the machine has met too late: with a !, the\n"
		       "times of the lab are not to be believed.\n"
		       "What labs that were killed have left is removed.\n");
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--json"))
		env->json = true;
	else if (argc != 1) {
		fprintf(stderr, "usage: weft ls [--json]\n");
		return EXIT_USAGE;
	}
	return ls_labs(env);
}

const struct cmd cmd_ls = {"ls", "[--json]", "list the labs that run", ls_run, CMD_LAB};
