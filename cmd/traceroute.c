/* SPDX-License-Identifier: MIT */
/*
 * `weft traceroute`: the way from a weft node to a host, with the command line and the output of
 * Debian's traceroute. The probes are the lab's (lab/rpc_traceroute.c).
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/live.h"
#include "lab/icmp_seen.h"
#include "lab/rpc.h"

enum {
	TRACE_FAILED = 1,
	TRACE_USAGE = 2,
	PACKET_MAX = 65000,
	HOST_TEXT = 200,
	OPT_HELP = 256,
};

#define NS_PER_S INT64_C(1000000000)

struct trace {
	struct cmd_env *env;
	const char *host;
	bool is_numeric;
	bool is_ip6; /* the destination is; as the lab says */
	int64_t first_hop, max_hops;
	bool has_begun;       /* a line has, which is to be ended */
	int64_t hop;          /* whose line that is; 0: the first one */
	char from[HOST_TEXT]; /* last address on it */
	json_t *params;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] -n NODE traceroute [OPTIONS] HOST [PACKETLEN]\n\n"
		"Finds the routers on the way from a node to an address or a name of the lab, as\n"
		"traceroute(8): UDP datagrams (or, with -I, ICMP echo requests) with growing time "
		"to\n"
		"live.\n\n"
		"  -4, -6       IPv4, IPv6 only; otherwise the best address of a name (RFC 6724)\n"
		"  -I           ICMP echo requests\n"
		"  -f HOP       first hop (1)\n"
		"  -m HOPS      last hop (30)\n"
		"  -q N         probes a hop (3)\n"
		"  -N N         probes at a time (16)\n"
		"  -w MAX[,HERE[,NEAR]]   seconds to wait for an answer (5), at most HERE (3) "
		"times as\n"
		"               long as the hop has taken, or NEAR (10) times as the next hop\n"
		"  -z SECONDS   between probes (0); from 10 on, milliseconds\n"
		"  -p PORT      first destination port (33434), or first number with -I\n"
		"  -t TOS       type of service, traffic class\n"
		"  -s ADDR, -i IF   where to send from\n"
		"  -n           addresses, no names\n"
		"  --json       one JSON object a line instead\n\n"
		"After a time: !N !H !P network, host, protocol unreachable; !X prohibited; "
		"!F-MTU\n"
		"fragmentation needed; !S !V !C source route, precedence; !<CODE> anything else.\n"
		"On a kernel node, the system's traceroute runs. See weft-traceroute(1).\n");
}

/* ---- output ------------------------------------------------------------------------------ */

static void on_begin(struct trace *t, const json_t *params)
{
	t->has_begun = true;
	t->is_ip6 = !strcmp(live_text(params, "family"), "inet6");
	printf("traceroute to %s (%s), %" PRId64 " hops max, %" PRId64 " byte packets", t->host,
	       live_text(json_object_get(params, "to"), "addr"), live_int(params, "max_hops"),
	       live_int(params, "packet_len"));
}

static void print_unreachable(int64_t code, int64_t mtu)
{
	switch (code) {
	case 0:
	case 6:
	case 8:
	case 11:
		printf(" !N");
		break;
	case 1:
	case 7:
	case 12:
		printf(" !H");
		break;
	case 2:
		printf(" !P");
		break;
	case 3:
		break;
	case 4:
		printf(" !F-%" PRId64, mtu);
		break;
	case 5:
		printf(" !S");
		break;
	case 9:
	case 10:
	case 13:
		printf(" !X");
		break;
	case 14:
		printf(" !V");
		break;
	case 15:
		printf(" !C");
		break;
	default:
		printf(" !<%" PRId64 ">", code);
	}
}

static void print_error6(int64_t type, int64_t code, int64_t mtu)
{
	if (type == ICMP6_SEEN_TOO_BIG) {
		printf(" !F-%" PRId64, mtu);
		return;
	}
	if (type != ICMP6_SEEN_UNREACH)
		return;
	switch (code) {
	case 0:
		printf(" !N");
		break;
	case 1:
		printf(" !X");
		break;
	case 2:
	case 3:
		printf(" !H");
		break;
	case 4:
		break;
	default:
		printf(" !<%" PRId64 ">", code);
	}
}

static void print_from(struct trace *t, const json_t *from)
{
	const char *addr = live_text(from, "addr"), *name = live_text(from, "name");

	if (!strcmp(addr, t->from))
		return;
	snprintf(t->from, sizeof(t->from), "%s", addr);
	if (t->is_numeric)
		printf(" %s", addr);
	else
		printf(" %s (%s)", name[0] ? name : addr, addr);
}

static void on_probe(struct trace *t, const json_t *params)
{
	const json_t *from = json_object_get(params, "from");
	int64_t us = live_int(params, "rtt_ns") / 1000;

	if (live_int(params, "hop") != t->hop) {
		t->hop = live_int(params, "hop");
		t->from[0] = '\0';
		printf("\n%2" PRId64 " ", t->hop);
	}
	if (!from) {
		printf(" *");
		return;
	}
	print_from(t, from);
	printf("  %" PRId64 ".%03" PRId64 " ms", us / 1000, us % 1000);
	if (t->is_ip6)
		print_error6(live_int(params, "type"), live_int(params, "code"),
			     live_int(params, "mtu"));
	else if (live_int(params, "type") == ICMP_SEEN_UNREACH)
		print_unreachable(live_int(params, "code"), live_int(params, "mtu"));
}

static int on_notify(void *arg, const char *method, const json_t *params)
{
	struct trace *t = arg;

	if (t->env->json)
		live_json_line(method + strlen("traceroute."), params);
	else if (!strcmp(method, "traceroute.begin"))
		on_begin(t, params);
	else if (!strcmp(method, "traceroute.probe"))
		on_probe(t, params);
	fflush(stdout);
	return 0;
}

/* ---- arguments --------------------------------------------------------------------------- */

static int bad_value(int opt, const char *text, const char *expected)
{
	fprintf(stderr, "Cannot handle `-%c' option with arg `%s': %s expected\n", opt, text,
		expected);
	return TRACE_USAGE;
}

/* A number for a parameter; `too_much` is what is said beyond `max`. 0, or the exit status. */
static int number_option(struct trace *t, int opt, const char *key, int64_t min, int64_t max,
			 const char *too_much, int64_t *ret)
{
	int64_t v;
	int err = live_number(optarg, INT64_MIN, INT64_MAX, &v);

	if (err)
		return bad_value(opt, optarg, "a number is");
	if (v < min || v > max) {
		if (too_much)
			fprintf(stderr, "%s\n", too_much);
		else
			fprintf(stderr,
				"Cannot handle `-%c' option with arg `%s': %" PRId64 " to %" PRId64
				" is expected\n",
				opt, optarg, min, max);
		return TRACE_USAGE;
	}
	if (ret)
		*ret = v;
	json_object_set_new(t->params, key, json_integer(v));
	return 0;
}

/* "5", "5,3", "5,3,10". */
static int wait_option(struct trace *t)
{
	static const char *const keys[] = {"wait_here", "wait_near"};
	char text[64], *rest, *word;
	int64_t v;

	snprintf(text, sizeof(text), "%s", optarg);
	word = strtok_r(text, ",", &rest);
	if (!word || !live_seconds(word, 0, 86400 * NS_PER_S, &v))
		return bad_value('w', optarg, "seconds are");
	json_object_set_new(t->params, "wait_ns", json_integer(v));
	for (int i = 0; i < 2; i++) {
		word = strtok_r(NULL, ",", &rest);
		if (word && live_number(word, 0, 1000, &v) < 0)
			return bad_value('w', optarg, "MAX,HERE,NEAR is");
		if (word)
			json_object_set_new(t->params, keys[i], json_integer(v));
	}
	return 0;
}

static int send_wait_option(struct trace *t)
{
	int64_t ns;

	if (!live_seconds(optarg, 0, 3600 * NS_PER_S, &ns))
		return bad_value('z', optarg, "seconds are");
	if (ns > 10 * NS_PER_S)
		ns /= 1000;
	json_object_set_new(t->params, "send_wait_ns", json_integer(ns));
	return 0;
}

static int option_read(struct trace *t, int opt)
{
	switch (opt) {
	case 'I':
		json_object_set_new(t->params, "icmp", json_true());
		return 0;
	case 'f':
		return number_option(t, opt, "first_hop", 1, 255, "first hop out of range",
				     &t->first_hop);
	case 'm':
		return number_option(t, opt, "max_hops", 1, 255,
				     !strcmp(optarg, "0") ? "first hop out of range"
							  : "max hops cannot be more than 255",
				     &t->max_hops);
	case 'q':
		return number_option(t, opt, "queries", 1, 10, "no more than 10 probes per hop",
				     NULL);
	case 'N':
		return number_option(t, opt, "parallel", 1, 1000, NULL, NULL);
	case 'p':
		return number_option(t, opt, "port", 0, 65535, NULL, NULL);
	case 't':
		return number_option(t, opt, "tos", 0, 255, NULL, NULL);
	case 'w':
		return wait_option(t);
	case 'z':
		return send_wait_option(t);
	case 's':
		json_object_set_new(t->params, "source", json_string(optarg));
		return 0;
	case 'i':
		json_object_set_new(t->params, "dev", json_string(optarg));
		return 0;
	case 'n':
		t->is_numeric = true;
		return 0;
	case '4':
	case '6':
		return live_family_option(t->params, opt, "traceroute") ? TRACE_USAGE : 0;
	default:
		fprintf(stderr, "weft traceroute: `weft traceroute --help` lists the options\n");
		return TRACE_USAGE;
	}
}

static int packet_len_read(struct trace *t, const char *text)
{
	int64_t v;
	int err = live_number(text, 0, PACKET_MAX, &v);

	if (err == -ERANGE) {
		fprintf(stderr, "too big packetlen %s specified\n", text);
		return TRACE_USAGE;
	}
	if (err) {
		fprintf(stderr, "Cannot handle \"packetlen\" cmdline arg `%s' on position 2\n",
			text);
		return TRACE_USAGE;
	}
	json_object_set_new(t->params, "packet_len", json_integer(v));
	return 0;
}

/* 0; -1: help was asked for; else the exit status. */
static int args_read(struct trace *t, int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, OPT_HELP},
		{"icmp", no_argument, NULL, 'I'},
		{"first", required_argument, NULL, 'f'},
		{"max-hops", required_argument, NULL, 'm'},
		{"queries", required_argument, NULL, 'q'},
		{"sim-queries", required_argument, NULL, 'N'},
		{"wait", required_argument, NULL, 'w'},
		{"sendwait", required_argument, NULL, 'z'},
		{"port", required_argument, NULL, 'p'},
		{"tos", required_argument, NULL, 't'},
		{"source", required_argument, NULL, 's'},
		{"interface", required_argument, NULL, 'i'},
		{NULL, 0, NULL, 0},
	};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "46If:i:m:nN:p:q:s:t:w:z:", longs, NULL)) != -1) {
		if (opt == OPT_HELP) {
			usage(stdout);
			return -1;
		}
		status = option_read(t, opt);
		if (status)
			return status;
	}
	if (optind == argc) {
		usage(stdout);
		return -1;
	}
	if (t->first_hop > t->max_hops) {
		fprintf(stderr, "first hop out of range\n");
		return TRACE_USAGE;
	}
	t->host = argv[optind];
	json_object_set_new(t->params, "host", json_string(t->host));
	return optind + 1 < argc ? packet_len_read(t, argv[optind + 1]) : 0;
}

/* ---- running ----------------------------------------------------------------------------- */

static int refusal_print(const struct trace *t, struct client *c, int err)
{
	const json_t *error = client_error(c);
	const char *text = live_text(error, "message");

	if (t->has_begun) {
		printf("\n");
		fflush(stdout);
	}
	if (err != -EREMOTEIO || live_int(error, "code") != RPC_FAILED) {
		client_print_error(c, err);
		return TRACE_USAGE;
	}
	fprintf(stderr, "%s\n", text);
	if (strncmp(text, t->host, strlen(t->host)) != 0)
		return TRACE_FAILED;
	fprintf(stderr, "Cannot handle \"host\" cmdline arg `%s' on position 1\n", t->host);
	return TRACE_USAGE;
}

static int trace_ask(struct trace *t, struct client *c)
{
	int stop_fd = live_stop_fd(t->env);
	struct client_extra extra = {.on_notify = on_notify, .arg = t, .stop_fd = &stop_fd};
	json_t *result = NULL;
	int err;

	if (stop_fd < 0)
		return TRACE_FAILED;
	err = client_call_quiet(c, "traceroute.start", json_incref(t->params), &extra, &result);
	close(stop_fd);
	if (err && err != -ECANCELED)
		return refusal_print(t, c, err);
	if (!t->env->json)
		printf("\n");
	else if (result)
		live_json_line("end", result);
	json_decref(result);
	return err ? EXIT_SIGNALLED + 2 : 0; /* SIGINT */
}

static int trace_run(struct cmd_env *env, int argc, char **argv)
{
	struct trace t = {.env = env, .first_hop = 1, .max_hops = 30};
	struct client *c = NULL;
	int status;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return 0;
	}
	status = client_tool_on_kernel_node(env, argc, argv);
	if (status >= 0)
		return status;
	live_json_option(env, &argc, argv);
	t.params = client_node_params(env);
	if (!t.params)
		return TRACE_USAGE;
	status = args_read(&t, argc, argv);
	if (!status)
		status = client_open(env, &c);
	if (!status)
		status = trace_ask(&t, c);
	client_close(c);
	json_decref(t.params);
	return status < 0 ? 0 : status;
}

const struct cmd cmd_traceroute = {
	.name = "traceroute",
	.args = "[OPTIONS] HOST [PACKETLEN]",
	.help = "the routers on the way, as traceroute(8)",
	.run = trace_run,
	.group = CMD_TOOL,
};
