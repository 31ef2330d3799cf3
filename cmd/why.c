/* SPDX-License-Identifier: MIT */
/* `weft why`: what became of a packet, and what can be done about it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/client.h"
#include "cmd/live.h"
#include "cmd/why_text.h"

enum {
	WHY_LAST = 256,
	WHY_DROPS,
	WHY_TRACE,
	WHY_SAMPLE,
	WHY_REASON,
	WHY_ALL,
	WHY_HELP,
	WHY_DROPS_MAX = 1000,
};

struct why {
	struct cmd_env *env;
	int what; /* WHY_LAST, WHY_DROPS, WHY_TRACE, WHY_SAMPLE; 0: not said */
	int64_t number;
	const char *reason;
	bool has_all;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] why [--last-drop | --drops[=N] | --trace ID | --sample N] "
		"[OPTIONS]\n\n"
		"What became of a packet: the way that it came, hop by hop, why it was dropped, "
		"and what\n"
		"to do about it.\n\n"
		"  --last-drop    the packet that was dropped last (what it does by itself)\n"
		"  --drops[=N]    the last N drops (20), one a line\n"
		"  --trace ID     the packet of that number: of --drops, of the comments in a "
		"capture\n"
		"                 (`weft dump -w`, `weft up --pcap`), or of `weft dump --json`\n"
		"  --sample N     keeps every hop of one packet in N from now on, with its time; 1 "
		"is\n"
		"                 every packet, 0 none. Of the others only drops are known\n"
		"  -n NODE        drops of this node only\n"
		"  --reason NAME  drops for this reason only, such as UDP_NO_PORT\n"
		"  --all          also what a switch floods to those it is not for; on a gateway, "
		"what its\n"
		"                 guest's kernel sends and nobody needs\n"
		"  --json         the lab's answer instead; a gateway's with what it has "
		"refused\n\n"
		"See weft-why(1).\n");
}

static int number_of(const char *option, int64_t min, int64_t max, int64_t *ret)
{
	if (live_number(optarg, min, max, ret) == 0)
		return 0;
	fprintf(stderr, "weft why: --%s %s: a number from %" PRId64 " to %" PRId64 " is expected\n",
		option, optarg, min, max);
	return EXIT_USAGE;
}

static int what_set(struct why *w, int what)
{
	if (w->what && w->what != what) {
		fprintf(stderr, "weft why: one of --last-drop, --drops, --trace and --sample is "
				"expected; there are two\n");
		return EXIT_USAGE;
	}
	w->what = what;
	return 0;
}

static int option_read(struct why *w, int opt)
{
	int status;

	switch (opt) {
	case 'n':
		w->env->node = optarg;
		return 0;
	case WHY_LAST:
		return what_set(w, opt);
	case WHY_DROPS:
		w->number = 20;
		status = what_set(w, opt);
		return status || !optarg ? status
					 : number_of("drops", 1, WHY_DROPS_MAX, &w->number);
	case WHY_TRACE:
		status = what_set(w, opt);
		return status ? status : number_of("trace", 1, UINT32_MAX, &w->number);
	case WHY_SAMPLE:
		status = what_set(w, opt);
		return status ? status : number_of("sample", 0, UINT32_MAX, &w->number);
	case WHY_REASON:
		w->reason = optarg;
		return 0;
	case WHY_ALL:
		w->has_all = true;
		return 0;
	default:
		fprintf(stderr, "weft why: `weft why --help` lists the options\n");
		return EXIT_USAGE;
	}
}

/* 0; -1: help was asked for; else the exit status. */
static int args_read(struct why *w, int argc, char **argv)
{
	static const struct option longs[] = {
		{"last-drop", no_argument, NULL, WHY_LAST},
		{"drops", optional_argument, NULL, WHY_DROPS},
		{"trace", required_argument, NULL, WHY_TRACE},
		{"sample", required_argument, NULL, WHY_SAMPLE},
		{"node", required_argument, NULL, 'n'},
		{"reason", required_argument, NULL, WHY_REASON},
		{"all", no_argument, NULL, WHY_ALL},
		{"help", no_argument, NULL, WHY_HELP},
		{NULL, 0, NULL, 0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "n:", longs, NULL)) != -1) {
		if (opt == WHY_HELP) {
			usage(stdout);
			return -1;
		}
		status = option_read(w, opt);
		if (status)
			return status;
	}
	if (optind < argc) {
		fprintf(stderr, "weft why: what is `%s`? `weft why --help` lists the options\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	if (!w->what)
		w->what = WHY_LAST;
	return 0;
}

static json_t *params_make(const struct why *w, bool is_gateway)
{
	json_t *params = json_object();
	int64_t max = w->number;

	if (w->what == WHY_LAST)
		/* What is ordinary on a gateway is passed over, however much of it there is. */
		max = is_gateway ? WHY_DROPS_MAX : 1;
	if (w->what == WHY_TRACE) {
		json_object_set_new(params, "trace", json_integer(w->number));
		return params;
	}
	if (w->what == WHY_SAMPLE) {
		json_object_set_new(params, "every", json_integer(w->number));
		return params;
	}
	if (w->env->node)
		json_object_set_new(params, "node", json_string(w->env->node));
	if (w->reason)
		json_object_set_new(params, "reason", json_string(w->reason));
	json_object_set_new(params, "all", json_boolean(w->has_all));
	json_object_set_new(params, "max", json_integer(max));
	return params;
}

/* Nothing was found: why that may be. */
static int nothing(const struct why *w)
{
	if (w->what == WHY_TRACE)
		fprintf(stderr,
			"weft why: nothing is known of packet %" PRId64
			". Only drops are kept, and the hops of packets that are sampled: `weft "
			"why "
			"--sample 1`, and send it again\n",
			w->number);
	else
		fprintf(stderr, "weft why: nothing has been dropped%s%s%s%s%s\n",
			w->env->node ? " in " : "", w->env->node ? w->env->node : "",
			w->reason ? " for " : "", w->reason ? w->reason : "",
			w->has_all ? "" : " (--all shows what a switch floods, too)");
	return EXIT_FAILED;
}

static void event_print(const struct why *w, const json_t *event, bool is_gateway)
{
	if (w->what == WHY_LAST && why_is_refusal(event))
		why_print_refusal(stdout, event);
	else if (w->what == WHY_LAST)
		why_print_drop(stdout, event, is_gateway);
	else if (why_is_refusal(event))
		why_print_refusal_line(stdout, event);
	else
		why_print_line(stdout, event);
}

static int answer_print(const struct why *w, const json_t *result, bool is_gateway)
{
	const json_t *event;
	size_t i;

	if (w->env->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		printf("\n");
		return 0;
	}
	if (w->what == WHY_SAMPLE) {
		if (w->number)
			printf("The hops of one packet in %" PRId64 " are kept from now on.\n",
			       w->number);
		else
			printf("No hops are kept from now on.\n");
		return 0;
	}
	if (!json_array_size(result))
		return nothing(w);
	if (w->what == WHY_TRACE)
		why_print_trace(stdout, result, is_gateway);
	else
		json_array_foreach (result, i, event)
			if (i == 0 || w->what == WHY_DROPS)
				event_print(w, event, is_gateway);
	return 0;
}

/* Of a gateway also what it has refused by itself, which no packet was dropped for. Returns the
 * merged answer; takes `drops`. */
static json_t *refused_add(const struct why *w, json_t *drops, const json_t *refused)
{
	json_t *all, *one;
	size_t i;

	if (w->what == WHY_TRACE || w->what == WHY_SAMPLE || w->reason)
		return drops;
	if (w->what == WHY_LAST && !w->has_all)
		why_drop_ordinary(drops);
	json_array_foreach (refused, i, one)
		json_object_set_new(one, "event", json_string("refused"));
	all = why_merge(drops, refused, w->what == WHY_LAST ? 1 : (size_t)w->number);
	json_decref(drops);
	return all;
}

static int why_ask(const struct why *w)
{
	const char *method = w->what == WHY_TRACE    ? "trace.get"
			     : w->what == WHY_SAMPLE ? "trace.sample"
						     : "trace.drops";
	json_t *result = NULL, *refused = NULL;
	struct client *c;
	int status = client_open(w->env, &c);
	bool is_gateway;
	int err;

	if (status)
		return status;
	/* Only a gateway knows this. */
	is_gateway = client_call_quiet(c, "gateway.refused", NULL, NULL, &refused) == 0;
	err = client_call(c, method, params_make(w, is_gateway), NULL, &result);
	if (err) {
		status = client_exit_status(c, err);
	} else {
		if (is_gateway)
			result = refused_add(w, result, refused);
		status = answer_print(w, result, is_gateway);
	}
	json_decref(result);
	json_decref(refused);
	client_close(c);
	return status;
}

static int why_run(struct cmd_env *env, int argc, char **argv)
{
	struct why w = {.env = env};
	int status;

	live_json_option(env, &argc, argv);
	status = args_read(&w, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	return why_ask(&w);
}

const struct cmd cmd_why = {
	.name = "why",
	.args = "[--last-drop | --drops | --trace ID]",
	.help = "what became of a packet, and what to do",
	.run = why_run,
	.group = CMD_TOOL,
};
