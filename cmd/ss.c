/* SPDX-License-Identifier: MIT */
/*
 * `weft ss`: sockets and connections of a node, with the command line and the output of iproute2's
 * ss; and why a connection is not sending.
 */
#include "cmd/ss.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/client.h"
#include "cmd/json_text.h"

enum {
	FILTER_FILE_MAX = 65536,
};

struct ss {
	struct ss_opts o;
	bool is_all, is_listening, is_summary, json;
	char *filter_file; /* its text; NULL: none */
	char **words;      /* the filter */
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] -n NODE ss [OPTIONS] [FILTER]\n\n"
		"  -t, --tcp  -u, --udp  -w, --raw    those sockets only\n"
		"  -4, --ipv4  -6, --ipv6             those addresses only; -f inet, -f inet6\n"
		"  -l, --listening                    listening sockets\n"
		"  -a, --all                          listening and others\n"
		"  -n, --numeric                      ports as numbers\n"
		"  -o, --options                      timers\n"
		"  -e, --extended                     timers and options of TCP\n"
		"  -m, --memory                       sizes of buffers\n"
		"  -i, --info                         figures of TCP, and why it is not sending\n"
		"  -s, --summary                      how many of each there are\n"
		"  -O, --oneline                      each socket in one line\n"
		"  -H, --no-header                    no line of titles\n"
		"  -A, --query=KIND[,KIND]            all, inet, tcp, udp, raw\n"
		"  -F, --filter=FILE                  the filter is in this file\n"
		"  -j, --json                         JSON, see weft-ss(1)\n\n"
		"FILTER := [ state STATE | exclude STATE ] ... [ EXPRESSION ]\n"
		"  STATE := all | connected | synchronized | bucket | big | established | syn-sent "
		"|\n"
		"           syn-recv | fin-wait-1 | fin-wait-2 | time-wait | closed | close-wait "
		"|\n"
		"           last-ack | listening | closing\n"
		"  EXPRESSION: dst ADDRESS[/LEN][:PORT], src ..., sport OP :PORT, dport OP :PORT,\n"
		"           dev = IF; with and, or, not and parentheses\n\n"
		"weft -n server ss -tni state established 'sport = :80 and not dst 10.0.0.0/24'\n");
}

/* ---- options ------------------------------------------------------------------------------- */

static const struct option options[] = {
	{"numeric", no_argument, NULL, 'n'},      {"resolve", no_argument, NULL, 'r'},
	{"options", no_argument, NULL, 'o'},      {"extended", no_argument, NULL, 'e'},
	{"memory", no_argument, NULL, 'm'},       {"info", no_argument, NULL, 'i'},
	{"processes", no_argument, NULL, 'p'},    {"threads", no_argument, NULL, 'T'},
	{"summary", no_argument, NULL, 's'},      {"all", no_argument, NULL, 'a'},
	{"listening", no_argument, NULL, 'l'},    {"ipv4", no_argument, NULL, '4'},
	{"ipv6", no_argument, NULL, '6'},         {"tcp", no_argument, NULL, 't'},
	{"udp", no_argument, NULL, 'u'},          {"raw", no_argument, NULL, 'w'},
	{"unix", no_argument, NULL, 'x'},         {"packet", no_argument, NULL, '0'},
	{"dccp", no_argument, NULL, 'd'},         {"sctp", no_argument, NULL, 'S'},
	{"mptcp", no_argument, NULL, 'M'},        {"vsock", no_argument, NULL, 'x'},
	{"tipc", no_argument, NULL, 'x'},         {"xdp", no_argument, NULL, 'x'},
	{"family", required_argument, NULL, 'f'}, {"query", required_argument, NULL, 'A'},
	{"socket", required_argument, NULL, 'A'}, {"filter", required_argument, NULL, 'F'},
	{"no-header", no_argument, NULL, 'H'},    {"oneline", no_argument, NULL, 'O'},
	{"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
};

static int family_read(struct ss *ss, const char *name)
{
	if (!strcmp(name, "inet") || !strcmp(name, "inet6")) {
		ss->o.family = strcmp(name, "inet") ? 6 : 4;
		return 0;
	}
	if (!strcmp(name, "link") || !strcmp(name, "unix") || !strcmp(name, "netlink") ||
	    !strcmp(name, "vsock") || !strcmp(name, "tipc") || !strcmp(name, "xdp")) {
		ss->o.kinds |= SS_OTHER;
		return 0;
	}
	fprintf(stderr, "ss: \"%s\" is invalid family; expected are inet and inet6\n", name);
	return SS_USAGE;
}

static int query_read(struct ss *ss, char *list)
{
	static const struct {
		const char *name;
		uint32_t kinds;
	} kinds[] = {
		{"all", SS_INET | SS_OTHER},
		{"inet", SS_INET},
		{"tcp", SS_TCP},
		{"udp", SS_UDP},
		{"raw", SS_RAW},
		{"unix", SS_OTHER},
		{"packet", SS_OTHER},
		{"netlink", SS_OTHER},
		{"sctp", SS_OTHER},
		{"dccp", SS_OTHER},
		{"mptcp", SS_OTHER},
	};
	char *rest = list, *name;

	while ((name = strsep(&rest, ","))) {
		size_t i;

		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			if (strcmp(name, kinds[i].name) == 0)
				break;
		if (i == sizeof(kinds) / sizeof(kinds[0])) {
			fprintf(stderr,
				"ss: \"%s\" is illegal socket table id; expected are all, inet, "
				"tcp, udp and raw\n",
				name);
			return SS_USAGE;
		}
		ss->o.kinds |= kinds[i].kinds;
	}
	return 0;
}

static int filter_file_read(struct ss *ss, const char *path)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t len;

	if (!f) {
		fprintf(stderr, "ss: %s: %s\n", path, strerror(errno));
		return SS_USAGE;
	}
	free(ss->filter_file);
	ss->filter_file = calloc(1, FILTER_FILE_MAX + 1);
	len = ss->filter_file ? fread(ss->filter_file, 1, FILTER_FILE_MAX, f) : 0;
	if (f != stdin)
		fclose(f);
	if (len < FILTER_FILE_MAX)
		return 0;
	fprintf(stderr, "ss: %s: a filter has at most %d bytes\n", path, FILTER_FILE_MAX - 1);
	return SS_USAGE;
}

/* Options that only choose what is shown of a socket. */
static bool view_option(struct ss *ss, int opt)
{
	switch (opt) {
	case 'n':
		ss->o.is_numeric = true;
		return true;
	case 'o':
		ss->o.timers = true;
		return true;
	case 'e':
		ss->o.extended = true;
		return true;
	case 'm':
		ss->o.memory = true;
		return true;
	case 'i':
		ss->o.info = true;
		return true;
	case 'H':
		ss->o.no_header = true;
		return true;
	case 'O':
		ss->o.oneline = true;
		return true;
	case 'j':
		ss->json = true;
		return true;
	case 'r': /* there are no names of hosts to be had here */
	case 'p': /* sockets of a weft node belong to no process */
	case 'T':
		return true;
	default:
		return false;
	}
}

/* Options that choose sockets. */
static bool kind_option(struct ss *ss, int opt)
{
	switch (opt) {
	case 't':
		ss->o.kinds |= SS_TCP;
		return true;
	case 'u':
		ss->o.kinds |= SS_UDP;
		return true;
	case 'w':
		ss->o.kinds |= SS_RAW;
		return true;
	case 'x':
	case '0':
	case 'd':
	case 'S':
	case 'M':
		ss->o.kinds |= SS_OTHER;
		return true;
	case '4':
	case '6':
		ss->o.family = opt - '0';
		return true;
	case 'a':
		ss->is_all = true;
		return true;
	case 'l':
		ss->is_listening = true;
		return true;
	case 's':
		ss->is_summary = true;
		return true;
	default:
		return false;
	}
}

/* 0, the exit status after a message, or -1: there is nothing to do. */
static int options_read(struct ss *ss, int argc, char **argv)
{
	int opt, err = 0;

	while (!err && (opt = getopt_long(argc, argv, "+nroempTisal46tuwx0dSMf:A:F:HOjhV", options,
					  NULL)) != -1) {
		if (view_option(ss, opt) || kind_option(ss, opt))
			continue;
		switch (opt) {
		case 'f':
			err = family_read(ss, optarg);
			break;
		case 'A':
			err = query_read(ss, optarg);
			break;
		case 'F':
			err = filter_file_read(ss, optarg);
			break;
		case 'h':
			usage(stdout);
			return -1;
		case 'V':
			printf("ss of weft, as of iproute2-6.1.0\n");
			return -1;
		default:
			fprintf(stderr, "weft ss: `weft ss --help` lists the options\n");
			return SS_USAGE;
		}
	}
	return err;
}

/* `state X`, `exclude X` in front of the expression; moves ss->words behind them. */
static int states_read(struct ss *ss)
{
	bool is_said = false;

	while (ss->words[0]) {
		bool is_state = !strcmp(ss->words[0], "state");
		uint32_t states;

		if (!is_state && strcmp(ss->words[0], "exclude") && strcmp(ss->words[0], "excl"))
			break;
		if (!ss->words[1]) {
			fprintf(stderr, "ss: a state is missing after \"%s\"\n", ss->words[0]);
			return SS_USAGE;
		}
		states = ss_states_of(ss->words[1]);
		if (!states) {
			fprintf(stderr, "ss: wrong state name: %s\n", ss->words[1]);
			return SS_USAGE;
		}
		if (!is_said)
			ss->o.states = is_state ? 0 : SS_STATES_ALL;
		is_said = true;
		if (is_state)
			ss->o.states |= states;
		else
			ss->o.states &= ~states;
		ss->words += 2;
	}
	return 0;
}

/* ---- the sockets --------------------------------------------------------------------------- */

static bool sock_fits(const struct ss *ss, const struct ss_filter *filter, const json_t *sock)
{
	bool is_six = strcmp(json_text_of(sock, "family"), "inet6") == 0;

	if (!(ss->o.kinds & ss_kind_of(sock)))
		return false;
	if (ss->o.family && is_six != (ss->o.family == 6))
		return false;
	return (ss->o.states & ss_state_bit(json_text_of(sock, "state"))) &&
	       ss_filter_fits(filter, sock);
}

static void socks_show(const struct ss *ss, const struct ss_filter *filter, const json_t *all)
{
	json_t *fit = json_array();
	const json_t *sock;
	size_t i;

	json_array_foreach (all, i, sock)
		if (sock_fits(ss, filter, sock))
			json_array_append(fit, (json_t *)(uintptr_t)sock);
	if (ss->json)
		json_text_print(stdout, fit, false);
	else
		ss_table_print(stdout, fit, &ss->o);
	json_decref(fit);
}

static int socks_get(const struct cmd_env *env, json_t **ret)
{
	struct client *client;
	json_t *params;
	int err = client_open(env, &client);

	if (err)
		return err;
	params = client_node_params(env);
	if (!params) {
		client_close(client);
		return EXIT_USAGE;
	}
	err = client_call(client, "ss.list", params, NULL, ret);
	if (err)
		err = client_exit_status(client, err);
	client_close(client);
	return err;
}

static uint32_t screen_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

static int ss_show(const struct cmd_env *env, struct ss *ss, bool is_default)
{
	char *from_file[] = {ss->filter_file, NULL};
	struct ss_filter *filter = NULL, *file_filter = NULL;
	json_t *all, *fit;
	const json_t *sock;
	size_t i;
	int err = states_read(ss);

	if (!err)
		err = ss_filter_parse(ss->words, &filter);
	if (!err)
		err = ss_filter_parse(from_file, &file_filter);
	if (!err)
		err = socks_get(env, &all);
	if (!err) {
		if (ss->is_summary)
			ss_summary_print(stdout, all);
		fit = json_array();
		json_array_foreach (all, i, sock)
			if (ss_filter_fits(file_filter, sock))
				json_array_append(fit, (json_t *)(uintptr_t)sock);
		if (!ss->is_summary || !is_default)
			socks_show(ss, filter, fit);
		json_decref(fit);
		json_decref(all);
	}
	ss_filter_free(filter);
	ss_filter_free(file_filter);
	return err;
}

static int ss_run(struct cmd_env *env, int argc, char **argv)
{
	struct ss ss = {.json = env->json};
	bool is_default;
	int status;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	status = client_tool_on_kernel_node(env, argc, argv);
	if (status >= 0)
		return status;
	status = options_read(&ss, argc, argv);
	if (status) {
		free(ss.filter_file);
		return status < 0 ? 0 : status;
	}
	ss.words = argv + optind;
	is_default = !ss.o.kinds && !ss.is_all && !ss.is_listening && !ss.words[0];
	if (!ss.o.kinds)
		ss.o.kinds = SS_INET | SS_OTHER;
	ss.o.states =
		ss.is_all ? SS_STATES_ALL : (ss.is_listening ? SS_STATES_LISTEN : SS_STATES_USUAL);
	ss.o.screen_columns = screen_columns();
	status = ss_show(env, &ss, is_default);
	free(ss.filter_file);
	return status;
}

const struct cmd cmd_ss = {
	.name = "ss",
	.args = "[-tulanioems] [FILTER]",
	.help = "sockets, connections, and why they wait",
	.run = ss_run,
	.group = CMD_TOOL,
};
