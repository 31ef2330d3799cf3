/* SPDX-License-Identifier: MIT */
/*
 * `weft ping`: ICMP and ICMPv6 echo from a weft node, with the command line, output and exit status
 * of iputils' ping. The lab sends and measures (lab/rpc_ping.c); what is printed comes from its
 * notifications, so that the figures are there too when Ctrl-C ends it.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/live.h"
#include "lab/icmp_seen.h"
#include "lab/ping_stats.h"
#include "lab/rpc.h"

enum {
	/* iputils' exit statuses. */
	PING_NO_ANSWER = 1,
	PING_ERROR = 2,
	IP4_ICMP_HDR = 28,
	HOST_TEXT = 200,
};

#define NS_PER_S INT64_C(1000000000)

struct ping {
	struct cmd_env *env;
	const char *host;
	const char *dev; /* -I with an interface */
	bool is_numeric, is_quiet, has_time, is_adaptive;
	bool is_ip6; /* the destination is; as the lab says */
	int64_t count, deadline_ns;
	int64_t size;
	struct ping_stats stats;
	char dst[HOST_TEXT]; /* address */
	json_t *params;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] -n NODE ping [OPTIONS] HOST\n\n"
		"Sends ICMP echo requests from a node to an address or a name of the lab, as "
		"ping(8).\n\n"
		"  -4, -6       IPv4, IPv6 only; otherwise the best address of a name (RFC 6724)\n"
		"  -c COUNT     stop after so many answers\n"
		"  -i INTERVAL  seconds between requests (1)\n"
		"  -W TIMEOUT   seconds to wait for the last answer when none has come (10)\n"
		"  -w DEADLINE  seconds after which it ends in any case\n"
		"  -s SIZE      bytes of payload (56)\n"
		"  -t TTL       time to live, hop limit\n"
		"  -Q TOS       type of service, traffic class, 0 to 255 or 0x00 to 0xff\n"
		"  -I IF|ADDR   interface or address to send from\n"
		"  -p PATTERN   up to 16 bytes of payload in hexadecimal\n"
		"  -A           adaptive: the next request when the last was answered\n"
		"  -b           allow a broadcast address\n"
		"  -n           addresses, no names\n"
		"  -q           only the first line and the figures at the end\n"
		"  -D           the time of each line, in seconds since 1970\n"
		"  --json       one JSON object a line instead\n\n"
		"Exit status: 0 answered; 1 no answer, or fewer than -c within -w; 2 an error.\n"
		"On a kernel node, the system's ping runs. See weft-ping(1).\n");
}

/* ---- output ------------------------------------------------------------------------------ */

static void print_stamp(const struct ping *p, const json_t *params)
{
	int64_t ns = live_int(params, "time_ns");

	if (p->has_time)
		printf("[%" PRId64 ".%06" PRId64 "] ", ns / NS_PER_S, ns % NS_PER_S / 1000);
}

/* As iputils: four significant digits. */
static void print_rtt(int64_t rtt_ns)
{
	int64_t us = rtt_ns / 1000;

	if (us >= 100000 - 50)
		printf(" time=%" PRId64 " ms", (us + 500) / 1000);
	else if (us >= 10000 - 5)
		printf(" time=%" PRId64 ".%01" PRId64 " ms", (us + 50) / 1000,
		       (us + 50) % 1000 / 100);
	else if (us >= 1000)
		printf(" time=%" PRId64 ".%02" PRId64 " ms", (us + 5) / 1000, (us + 5) % 1000 / 10);
	else
		printf(" time=%" PRId64 ".%03" PRId64 " ms", us / 1000, us % 1000);
}

static void on_begin(struct ping *p, const json_t *params)
{
	const json_t *to = json_object_get(params, "to");
	char host[HOST_TEXT];

	p->is_ip6 = !strcmp(live_text(params, "family"), "inet6");
	snprintf(p->dst, sizeof(p->dst), "%s", live_text(to, "addr"));
	if (!strcmp(p->host, p->dst)) /* what was not named is not named */
		p->is_numeric = true;
	if (live_text(p->params, "pattern")[0])
		printf("PATTERN: 0x%s\n", live_text(p->params, "pattern"));
	if (p->is_ip6)
		printf("PING %s(%s) ", p->host, live_host(to, p->is_numeric, host, sizeof(host)));
	else
		printf("PING %s (%s) ", p->host, p->dst);
	if (p->dev)
		printf("from %s %s: ", live_text(params, "source"), p->dev);
	else if (json_object_get(p->params, "source"))
		printf("from %s : ", live_text(params, "source"));
	if (p->is_ip6)
		printf("%" PRId64 " data bytes\n", p->size);
	else
		printf("%" PRId64 "(%" PRId64 ") bytes of data.\n", p->size,
		       p->size + IP4_ICMP_HDR);
}

static void on_reply(struct ping *p, const json_t *params)
{
	const json_t *rtt = json_object_get(params, "rtt_ns");
	bool is_dup = json_is_true(json_object_get(params, "duplicate"));
	char host[HOST_TEXT];

	ping_stats_reply(&p->stats, (uint64_t)live_int(params, "seq"),
			 rtt ? json_integer_value(rtt) : -1, is_dup);
	if (p->is_quiet)
		return;
	print_stamp(p, params);
	printf("%" PRId64 " bytes from %s: icmp_seq=%" PRId64 " ttl=%" PRId64,
	       live_int(params, "bytes"),
	       live_host(json_object_get(params, "from"), p->is_numeric, host, sizeof(host)),
	       live_int(params, "seq"), live_int(params, "ttl"));
	if (rtt)
		print_rtt(json_integer_value(rtt));
	printf("%s\n", is_dup ? " (DUP!)" : "");
}

static void print_unreachable(int64_t code, int64_t mtu)
{
	static const char *const texts[] = {
		"Destination Net Unreachable",
		"Destination Host Unreachable",
		"Destination Protocol Unreachable",
		"Destination Port Unreachable",
		NULL,
		"Source Route Failed",
		"Destination Net Unknown",
		"Destination Host Unknown",
		"Source Host Isolated",
		"Destination Net Prohibited",
		"Destination Host Prohibited",
		"Destination Net Unreachable for Type of Service",
		"Destination Host Unreachable for Type of Service",
		"Packet filtered",
		"Precedence Violation",
		"Precedence Cutoff",
	};

	if (code == 4)
		printf("Frag needed and DF set (mtu = %" PRId64 ")", mtu);
	else if (code < (int64_t)ARRAY_SIZE(texts))
		printf("%s", texts[code]);
	else
		printf("Dest Unreachable, Bad Code: %" PRId64, code);
}

static void print_unreachable6(int64_t code)
{
	static const char *const texts[] = {"No route", "Administratively prohibited",
					    "Beyond scope of source address", "Address unreachable",
					    "Port unreachable"};

	printf("Destination unreachable: ");
	if (code < (int64_t)ARRAY_SIZE(texts))
		printf("%s", texts[code]);
	else
		printf("Unknown code %" PRId64, code);
}

static void print_problem6(int64_t code, int64_t pointer)
{
	static const char *const texts[] = {"Wrong header field ", "Unknown header ",
					    "Unknown option "};

	printf("Parameter problem: ");
	if (code < (int64_t)ARRAY_SIZE(texts))
		printf("%s", texts[code]);
	else
		printf("code %" PRId64 " ", code);
	printf("at %" PRId64, pointer);
}

static void print_icmp6_error(int64_t type, int64_t code, int64_t mtu)
{
	switch (type) {
	case ICMP6_SEEN_UNREACH:
		print_unreachable6(code);
		break;
	case ICMP6_SEEN_TOO_BIG:
		printf("Packet too big: mtu=%" PRId64, mtu);
		if (code)
			printf(", code=%" PRId64, code);
		break;
	case ICMP6_SEEN_TIME:
		if (code > 1)
			printf("Time exceeded: code %" PRId64, code);
		else
			printf("Time exceeded: %s", code ? "Defragmentation failure" : "Hop limit");
		break;
	case ICMP6_SEEN_PROBLEM:
		print_problem6(code, mtu);
		break;
	default:
		printf("unknown icmp type: %" PRId64, type);
	}
}

static void print_icmp_error(int64_t type, int64_t code, int64_t mtu)
{
	switch (type) {
	case ICMP_SEEN_UNREACH:
		print_unreachable(code, mtu);
		break;
	case ICMP_SEEN_TIME:
		if (code == 0)
			printf("Time to live exceeded");
		else if (code == 1)
			printf("Frag reassembly time exceeded");
		else
			printf("Time exceeded, Bad Code: %" PRId64, code);
		break;
	case 4:
		printf("Source Quench");
		break;
	case ICMP_SEEN_REDIRECT:
		printf("Redirect");
		break;
	case 12:
		printf("Parameter problem");
		break;
	default:
		printf("Bad ICMP type: %" PRId64, type);
	}
}

static void on_error(struct ping *p, const json_t *params)
{
	int64_t type = live_int(params, "type");
	char host[HOST_TEXT];

	if (p->is_ip6 || type != ICMP_SEEN_REDIRECT)
		ping_stats_error(&p->stats, (uint64_t)live_int(params, "seq"));
	if (p->is_quiet)
		return;
	print_stamp(p, params);
	printf("From %s icmp_seq=%" PRId64 " ",
	       live_host(json_object_get(params, "from"), p->is_numeric, host, sizeof(host)),
	       live_int(params, "seq"));
	if (p->is_ip6)
		print_icmp6_error(type, live_int(params, "code"), live_int(params, "mtu"));
	else
		print_icmp_error(type, live_int(params, "code"), live_int(params, "mtu"));
	printf("\n");
}

static void on_local_error(struct ping *p, const json_t *params)
{
	ping_stats_error(&p->stats, (uint64_t)live_int(params, "seq"));
	if (p->is_quiet)
		return;
	fflush(stdout);
	if (!strcmp(live_text(params, "errno"), "EMSGSIZE"))
		fprintf(stderr, "ping: local error: message too long\n");
	else
		fprintf(stderr, "ping: sendmsg: %s\n", live_text(params, "text"));
}

static int on_notify(void *arg, const char *method, const json_t *params)
{
	struct ping *p = arg;

	if (p->env->json) {
		if (!strcmp(method, "ping.sent"))
			return 0;
		live_json_line(method + strlen("ping."), params);
	} else if (!strcmp(method, "ping.begin")) {
		on_begin(p, params);
	} else if (!strcmp(method, "ping.sent")) {
		ping_stats_sent(&p->stats, live_int(params, "time_ns"));
	} else if (!strcmp(method, "ping.reply")) {
		on_reply(p, params);
	} else if (!strcmp(method, "ping.error")) {
		on_error(p, params);
	} else if (!strcmp(method, "ping.local_error")) {
		on_local_error(p, params);
	}
	fflush(stdout);
	return 0;
}

static void print_us(int64_t us, const char *after)
{
	printf("%" PRId64 ".%03" PRId64 "%s", us / 1000, us % 1000, after);
}

/* As printf("%g"): at most six significant digits, no zeros at the end. */
static void print_loss(uint64_t n_lost, uint64_t n_sent)
{
	printf("%g%%", n_sent ? (double)n_lost * 100.0 / (double)n_sent : 0.0);
}

static void print_stats(const struct ping *p)
{
	const struct ping_stats *s = &p->stats;
	const char *sep = "";

	printf("\n--- %s ping statistics ---\n", p->host);
	printf("%" PRIu64 " packets transmitted, %" PRIu64 " received", s->n_sent, s->n_received);
	if (s->n_duplicates)
		printf(", +%" PRIu64 " duplicates", s->n_duplicates);
	if (s->n_errors)
		printf(", +%" PRIu64 " errors", s->n_errors);
	if (s->n_sent) {
		printf(", ");
		print_loss(s->n_sent > s->n_received ? s->n_sent - s->n_received : 0, s->n_sent);
		printf(" packet loss, time %" PRId64 "ms", (s->last_ns - s->start_ns) / 1000000);
	}
	printf("\n");
	if (s->n_timed) {
		printf("rtt min/avg/max/mdev = ");
		print_us(s->min_us, "/");
		print_us(ping_stats_avg_us(s), "/");
		print_us(s->max_us, "/");
		print_us(ping_stats_mdev_us(s), " ms");
		sep = ", ";
	}
	if (s->pipe > 1) {
		printf("%spipe %" PRIu64, sep, s->pipe);
		sep = ", ";
	}
	if (p->is_adaptive && s->n_timed && s->n_sent > 1) {
		printf("%sipg/ewma ", sep);
		print_us((s->last_ns - s->start_ns) / 1000 / (int64_t)(s->n_sent - 1), "/");
		print_us(s->ewma_8us / 8, " ms");
	}
	printf("\n");
}

/* ---- arguments --------------------------------------------------------------------------- */

static int refuse(const char *fmt, const char *arg)
{
	fprintf(stderr, fmt, arg); /* one of the literals below */
	return PING_ERROR;
}

/* A number as iputils reads it, into a parameter. 0, or the exit status. */
static int number_option(struct ping *p, const char *key, const char *text, int64_t min,
			 int64_t max, int64_t *ret)
{
	int64_t v = 0;
	int err = live_number(text, min, max, &v);

	if (err == -EINVAL) {
		fprintf(stderr, "ping: invalid argument: '%s'\n", text);
		return PING_NO_ANSWER;
	}
	if (err) {
		fprintf(stderr,
			"ping: invalid argument: '%s': out of range: %" PRId64
			" <= value <= %" PRId64 "\n",
			text, min, max);
		return PING_NO_ANSWER;
	}
	if (ret)
		*ret = v;
	if (key)
		json_object_set_new(p->params, key, json_integer(v));
	return 0;
}

static int seconds_option(struct ping *p, const char *key, const char *text, int64_t max_s,
			  int64_t *ret)
{
	int64_t ns;

	if (!live_seconds(text, 0, max_s * NS_PER_S, &ns)) {
		fprintf(stderr,
			"ping: invalid argument: '%s': seconds from 0 to %" PRId64
			" are expected, such as 0.5\n",
			text, max_s);
		return PING_NO_ANSWER;
	}
	if (ret)
		*ret = ns;
	if (ns) /* 0 is as good as the default, or as soon as it can be */
		json_object_set_new(p->params, key, json_integer(ns));
	return 0;
}

static int interval_option(struct ping *p, const char *text)
{
	int64_t ns = -1;
	int status = seconds_option(p, "interval_ns", text, 3600, &ns);

	/* Without a pause a lab would do nothing else. */
	if (!status && ns < 1000000)
		json_object_set_new(p->params, "interval_ns", json_integer(1000000));
	return status;
}

static int pattern_option(struct ping *p, const char *text)
{
	if (!text[0] || strspn(text, "0123456789abcdefABCDEF") != strlen(text))
		return refuse("ping: patterns must be specified as hex digits: %s\n", text);
	if (strlen(text) > 32)
		return refuse("ping: a pattern has at most 16 bytes: %s\n", text);
	json_object_set_new(p->params, "pattern", json_string(text));
	return 0;
}

static int tos_option(struct ping *p, const char *text)
{
	int64_t v;

	if (live_number(text, INT64_MIN, INT64_MAX, &v) < 0)
		return refuse("ping: bad TOS value: %s\n", text);
	if (v < 0 || v > 255)
		return refuse("ping: the decimal value of TOS bits must be in range 0-255: %s\n",
			      text);
	json_object_set_new(p->params, "tos", json_integer(v));
	return 0;
}

static void from_option(struct ping *p, const char *text)
{
	struct weft_addr addr;

	if (weft_addr_parse(text, &addr) == 0) {
		json_object_set_new(p->params, "source", json_string(text));
	} else {
		p->dev = text;
		json_object_set_new(p->params, "dev", json_string(text));
	}
}

static int option_read(struct ping *p, int opt)
{
	switch (opt) {
	case 'c':
		return number_option(p, "count", optarg, 1, INT64_MAX, &p->count);
	case 'i':
		return interval_option(p, optarg);
	case 'W':
		return seconds_option(p, "timeout_ns", optarg, 3600, NULL);
	case 'w':
		return seconds_option(p, "deadline_ns", optarg, 86400, &p->deadline_ns);
	case 's':
		return number_option(p, "size", optarg, 0, 65507, &p->size);
	case 't':
		return number_option(p, "ttl", optarg, 0, 255, NULL);
	case 'Q':
		return tos_option(p, optarg);
	case 'p':
		return pattern_option(p, optarg);
	case 'I':
		from_option(p, optarg);
		return 0;
	case 'A':
		p->is_adaptive = true;
		json_object_set_new(p->params, "adaptive", json_true());
		return 0;
	case 'b':
		json_object_set_new(p->params, "broadcast", json_true());
		return 0;
	case 'n':
		p->is_numeric = true;
		return 0;
	case 'q':
		p->is_quiet = true;
		return 0;
	case 'D':
		p->has_time = true;
		return 0;
	case '4':
	case '6':
		return live_family_option(p->params, opt, "ping") ? PING_ERROR : 0;
	default:
		fprintf(stderr, "weft ping: `weft ping --help` lists the options\n");
		return PING_ERROR;
	}
}

/* 0; -1: help was asked for; else the exit status. */
static int args_read(struct ping *p, int argc, char **argv)
{
	static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int opt, status;

	while ((opt = getopt_long(argc, argv, "46AbDc:hI:i:np:Q:qs:t:W:w:", longs, NULL)) != -1) {
		if (opt == 'h') {
			usage(stdout);
			return -1;
		}
		status = option_read(p, opt);
		if (status)
			return status;
	}
	if (optind == argc) {
		fprintf(stderr, "ping: usage error: Destination address required\n");
		return PING_NO_ANSWER;
	}
	if (optind + 1 < argc)
		return refuse("weft ping: one destination is expected; what is `%s`?\n",
			      argv[optind + 1]);
	p->host = argv[optind];
	json_object_set_new(p->params, "host", json_string(p->host));
	return 0;
}

/* ---- running ----------------------------------------------------------------------------- */

static int refusal_print(struct client *c, int err)
{
	const json_t *error = client_error(c);
	const char *name = live_text(json_object_get(error, "data"), "errno");

	if (err != -EREMOTEIO || live_int(error, "code") != RPC_FAILED)
		client_print_error(c, err);
	else if (!strcmp(name, "EACCES") && strstr(live_text(error, "message"), "broadcast"))
		fprintf(stderr, "ping: Do you want to ping broadcast? Then -b. If not, check your "
				"local firewall rules\n");
	else
		fprintf(stderr, "ping: %s\n", live_text(error, "message"));
	return PING_ERROR;
}

static int ping_ask(struct ping *p, struct client *c)
{
	int stop_fd = live_stop_fd(p->env);
	struct client_extra extra = {.on_notify = on_notify, .arg = p, .stop_fd = &stop_fd};
	json_t *result = NULL;
	int err;

	if (stop_fd < 0)
		return PING_ERROR;
	err = client_call_quiet(c, "ping.start", json_incref(p->params), &extra, &result);
	close(stop_fd);
	if (err && err != -ECANCELED)
		return refusal_print(c, err);
	if (p->env->json) {
		if (result)
			live_json_line("end", result);
		p->stats.n_received = (uint64_t)live_int(result, "received");
	} else {
		print_stats(p);
	}
	json_decref(result);
	if (!p->stats.n_received)
		return PING_NO_ANSWER;
	return p->deadline_ns && p->stats.n_received < (uint64_t)p->count ? PING_NO_ANSWER : 0;
}

static int ping_run(struct cmd_env *env, int argc, char **argv)
{
	struct ping p = {.env = env, .size = 56};
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
	p.params = client_node_params(env);
	if (!p.params)
		return PING_ERROR;
	status = args_read(&p, argc, argv);
	if (!status)
		status = client_open(env, &c);
	if (!status)
		status = ping_ask(&p, c);
	client_close(c);
	json_decref(p.params);
	return status < 0 ? 0 : status;
}

const struct cmd cmd_ping = {
	.name = "ping",
	.args = "[OPTIONS] HOST",
	.help = "ICMP echo requests, as ping(8)",
	.run = ping_run,
	.group = CMD_TOOL,
};
