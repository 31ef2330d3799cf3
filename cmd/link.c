/* SPDX-License-Identifier: MIT */
/* `weft link`: the links of a running lab, and changing them: `weft link set A-B loss 5%`. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/client.h"
#include "cmd/cmd.h"
#include "lab/suggest.h"
#include "lab/units.h"

static void link_help(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] link [show] [--json]\n"
		"       weft [-l LAB] link set LINK CHANGE...\n\n"
		"Shows what the links of a running lab do to packets, or changes it.\n\n"
		"LINK is A-B for both directions, A->B for one (quote it), or one of its\n"
		"interfaces; A and B are nodes, or node:interface where several links join "
		"them.\n\n"
		"CHANGE:\n"
		"  up | down\n"
		"  rate 10mbit        rate unlimited\n"
		"  delay 30ms         jitter 5ms\n"
		"  loss 5%%            duplicate 1%%          corrupt 0.1%%\n"
		"  reorder 2%%         reorder_delay 1ms     reorder_gap 5\n"
		"  reorder_correlation 50%%\n"
		"  distribution normal|pareto|paretonormal|uniform (of the jitter)\n"
		"  gemodel_p 1%%  gemodel_r 20%%  gemodel_1-h 100%%  gemodel_1-k 0%% (bursts)\n"
		"  queue 100          queue 64KiB           ecn_threshold 20\n\n"
		"Exit status: 0 done, 1 refused, 2 usage.\n");
}

/* ---- changes ----------------------------------------------------------------------------- */

static int put(json_t *params, const char *key, uint64_t value)
{
	return json_object_set_new(params, key, json_integer((json_int_t)value)) < 0 ? -ENOMEM : 0;
}

static int put_rate(json_t *params, const char *key, const char *text, const char **why)
{
	uint64_t bps = 0;
	int err = lab_rate_parse(text, &bps, why);

	return err ? err : put(params, key, bps);
}

static int put_duration(json_t *params, const char *key, const char *text, const char **why)
{
	int64_t ns = 0;
	int err = lab_duration_parse(text, &ns, why);

	return err ? err : put(params, key, (uint64_t)ns);
}

static int put_share(json_t *params, const char *key, const char *text, const char **why)
{
	uint32_t ppm = 0;
	int err = lab_share_parse(text, &ppm, why);

	return err ? err : put(params, key, ppm);
}

static int put_number(json_t *params, const char *key, const char *text, const char **why)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*why = "is not a number";
	if (!isdigit((unsigned char)text[0]) || *end || n > INT32_MAX)
		return -EINVAL;
	return put(params, key, n);
}

/* The lab knows the words. */
static int put_word(json_t *params, const char *key, const char *text, const char **why)
{
	(void)why;
	return json_object_set_new(params, key, json_string(text)) < 0 ? -ENOMEM : 0;
}

static int put_queue(json_t *params, const char *key, const char *text, const char **why)
{
	struct lab_queue q = {0};
	int err = lab_queue_parse(text, &q, why);

	(void)key;
	if (err)
		return err;
	return q.bytes ? put(params, "queue_bytes", q.bytes) : put(params, "queue_pkts", q.pkts);
}

static const struct change {
	const char *word, *key;
	int (*put)(json_t *params, const char *key, const char *text, const char **why);
} changes[] = {
	{"rate", "rate_bps", put_rate},
	{"delay", "delay_ns", put_duration},
	{"jitter", "jitter_ns", put_duration},
	{"loss", "loss_ppm", put_share},
	{"duplicate", "duplicate_ppm", put_share},
	{"corrupt", "corrupt_ppm", put_share},
	{"reorder", "reorder_ppm", put_share},
	{"reorder_delay", "reorder_delay_ns", put_duration},
	{"reorder_gap", "reorder_gap", put_number},
	{"reorder_correlation", "reorder_correlation_ppm", put_share},
	{"distribution", "distribution", put_word},
	{"gemodel_p", "gemodel_p_ppm", put_share},
	{"gemodel_r", "gemodel_r_ppm", put_share},
	{"gemodel_1-h", "gemodel_1h_ppm", put_share},
	{"gemodel_1-k", "gemodel_1k_ppm", put_share},
	{"ecn_threshold", "ecn_threshold", put_number},
	{"queue", "queue", put_queue},
};

static int change_unknown(const char *word)
{
	struct lab_suggest near = lab_suggest_start(word);

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		lab_suggest_try(&near, changes[i].word);
	lab_suggest_try(&near, "up");
	lab_suggest_try(&near, "down");
	if (near.best)
		fprintf(stderr, "weft link: `%s` is no change of a link; did you mean `%s`?\n",
			word, near.best);
	else
		fprintf(stderr, "weft link: `%s` is no change of a link; `weft link --help`\n",
			word);
	return EXIT_USAGE;
}

/* One word with its value; returns how many words it took, or 0 after a message. */
static int change_read(json_t *params, char **words)
{
	const char *why = "";
	int err;

	if (!strcmp(words[0], "up") || !strcmp(words[0], "down")) {
		json_object_set_new(params, "up", json_boolean(words[0][0] == 'u'));
		return 1;
	}
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (strcmp(changes[i].word, words[0]))
			continue;
		if (!words[1]) {
			fprintf(stderr, "weft link: %s needs a value\n", words[0]);
			return 0;
		}
		err = changes[i].put(params, changes[i].key, words[1], &why);
		if (!err)
			return 2;
		fprintf(stderr, "weft link: %s %s: %s\n", words[0], words[1],
			err == -EINVAL ? why : strerror(-err));
		return 0;
	}
	change_unknown(words[0]);
	return 0;
}

/* ---- showing ----------------------------------------------------------------------------- */

static int64_t number(const json_t *dir, const char *key)
{
	return json_integer_value(json_object_get(dir, key));
}

static void print_scaled(const char *word, int64_t value, const char *const *units, int64_t step)
{
	size_t u = 0;

	while (units[u + 1] && value % step == 0) {
		value /= step;
		u++;
	}
	printf(" %s %" PRId64 "%s", word, value, units[u]);
}

static void print_duration(const char *word, int64_t ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s", NULL};

	if (ns)
		print_scaled(word, ns, units, 1000);
}

static void print_share(const char *word, int64_t ppm)
{
	char text[24];
	size_t len;

	if (!ppm)
		return;
	len = (size_t)snprintf(text, sizeof(text), "%" PRId64 ".%04" PRId64, ppm / 10000,
			       ppm % 10000);
	while (text[len - 1] == '0')
		text[--len] = '\0';
	if (text[len - 1] == '.')
		text[--len] = '\0';
	printf(" %s %s%%", word, text);
}

/* In the words of `weft link set`, so that it can be copied. */
static void print_direction(const json_t *dir)
{
	static const char *const rates[] = {"bit", "kbit", "mbit", "gbit", NULL};
	const char *distribution = json_string_value(json_object_get(dir, "distribution"));

	printf("  %s->%s", json_string_value(json_object_get(dir, "from")),
	       json_string_value(json_object_get(dir, "to")));
	if (number(dir, "rate_bps"))
		print_scaled("rate", number(dir, "rate_bps"), rates, 1000);
	print_duration("delay", number(dir, "delay_ns"));
	print_duration("jitter", number(dir, "jitter_ns"));
	if (number(dir, "jitter_ns") && strcmp(distribution, "uniform") != 0)
		printf(" distribution %s", distribution);
	print_share("loss", number(dir, "loss_ppm"));
	print_share("gemodel_p", number(dir, "gemodel_p_ppm"));
	if (number(dir, "gemodel_p_ppm")) {
		print_share("gemodel_r", number(dir, "gemodel_r_ppm"));
		print_share("gemodel_1-h", number(dir, "gemodel_1h_ppm"));
	}
	print_share("gemodel_1-k", number(dir, "gemodel_1k_ppm"));
	print_share("duplicate", number(dir, "duplicate_ppm"));
	print_share("corrupt", number(dir, "corrupt_ppm"));
	print_share("reorder", number(dir, "reorder_ppm"));
	if (number(dir, "reorder_ppm"))
		print_duration("reorder_delay", number(dir, "reorder_delay_ns"));
	if (number(dir, "reorder_gap"))
		printf(" reorder_gap %" PRId64, number(dir, "reorder_gap"));
	print_share("reorder_correlation", number(dir, "reorder_correlation_ppm"));
	if (number(dir, "ecn_threshold"))
		printf(" ecn_threshold %" PRId64, number(dir, "ecn_threshold"));
	if (number(dir, "queue_bytes"))
		printf(" queue %" PRId64 "B", number(dir, "queue_bytes"));
	else if (number(dir, "queue_pkts"))
		printf(" queue %" PRId64, number(dir, "queue_pkts"));
	printf("\n");
}

static void print_link(const json_t *link)
{
	const json_t *ends = json_object_get(link, "ends");
	const json_t *dirs = json_object_get(link, "directions");

	printf("%s-%s %s mtu %" PRId64 "\n", json_string_value(json_array_get(ends, 0)),
	       json_string_value(json_array_get(ends, 1)),
	       json_is_true(json_object_get(link, "up")) ? "up" : "down", number(link, "mtu"));
	print_direction(json_array_get(dirs, 0));
	print_direction(json_array_get(dirs, 1));
}

static void print_result(const struct cmd_env *env, const json_t *result)
{
	const json_t *link;
	size_t i;

	if (env->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (json_is_array(result)) {
		json_array_foreach (result, i, link)
			print_link(link);
	}
}

/* Takes `params`. */
static int link_call(const struct cmd_env *env, const char *method, json_t *params)
{
	struct client *c;
	json_t *result;
	int status = client_open(env, &c);
	int err;

	if (status) {
		json_decref(params);
		return status;
	}
	err = client_call(c, method, params, NULL, &result);
	if (err) {
		status = client_exit_status(c, err);
	} else {
		print_result(env, result);
		json_decref(result);
	}
	client_close(c);
	return status;
}

static int link_set(const struct cmd_env *env, char **words)
{
	json_t *params = words[0] ? json_pack("{s:s}", "link", words[0]) : NULL;

	if (!params || !words[1]) {
		fprintf(stderr, "usage: weft link set LINK CHANGE...; `weft link --help`\n");
		json_decref(params);
		return EXIT_USAGE;
	}
	for (char **w = words + 1; *w;) {
		int n = change_read(params, w);

		if (!n) {
			json_decref(params);
			return EXIT_USAGE;
		}
		w += n;
	}
	return link_call(env, "link.set", params);
}

static int link_run(struct cmd_env *env, int argc, char **argv)
{
	char **words = argv + 1;

	if (argc > 1 && (!strcmp(argv[argc - 1], "--json") || !strcmp(argv[argc - 1], "-j"))) {
		env->json = true;
		argv[--argc] = NULL;
	}
	if (argc > 1 && (!strcmp(words[0], "--help") || !strcmp(words[0], "-h"))) {
		link_help(stdout);
		return 0;
	}
	if (argc == 1 || (argc == 2 && (!strcmp(words[0], "show") || !strcmp(words[0], "list"))))
		return link_call(env, "link.list", NULL);
	if (!strcmp(words[0], "set"))
		return link_set(env, words + 1);
	link_help(stderr);
	return EXIT_USAGE;
}

const struct cmd cmd_link = {"link", "[show] | set A-B CHANGE...", "links: look, change them now",
			     link_run, CMD_LAB};
