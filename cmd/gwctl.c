/* SPDX-License-Identifier: MIT */
/* `weft gateway flows|stats|forward|rule`, by the gateway's control socket; the contract is in
 * gwctl.h.
 */
#include "cmd/gwctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/client.h"
#include "cmd/gwspec.h"
#include "cmd/json_text.h"
#include "lab/rpc.h"
#include "lab/units.h"

enum {
	SPEC_MAX = 256,
	END_MAX = WEFT_ADDR_STRLEN + 16,
	NS_PER_MS = 1000000,
};

static void gwctl_help(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] gateway flows|stats [--json]\n"
		"       weft [-l LAB] gateway forward [list] [--json]\n"
		"       weft [-l LAB] gateway forward add PROTO HOST:PORT [GUEST:PORT] "
		"[hide-source]\n"
		"       weft [-l LAB] gateway forward del ID | PROTO HOST:PORT\n"
		"       weft [-l LAB] gateway rule [list] [--json]\n"
		"       weft [-l LAB] gateway rule add allow|deny PROTO PREFIX [PORTS] [before "
		"ID]\n"
		"       weft [-l LAB] gateway rule del ID\n\n"
		"Looks at a gateway that runs, and changes its forwards and rules. Ports may be "
		"ranges\n"
		"(8000-8010); *:PORT is every address of the host.\n\n"
		"  flows    connections, and in one word why each is not moving\n"
		"  stats    what the gateway has done and what it holds\n"
		"  forward  ports of the host that lead to the guest; ports below 1024 only as the "
		"host's\n"
		"           sysctl net.ipv4.ip_unprivileged_port_start allows, or by --forward at "
		"the start\n"
		"  rule     whom the guest may reach; the first that fits decides\n\n"
		"Exit status: 0 done, 1 refused, 2 usage.\n");
}

static int usage(void)
{
	gwctl_help(stderr);
	return EXIT_USAGE;
}

/* ---- text -------------------------------------------------------------------------------- */

static void flows_print(const json_t *list)
{
	const json_t *flow;
	size_t i;

	printf("%-6s %-3s %-17s %-28s %-28s %12s %12s %9s\n", "Proto", "Dir", "Wait", "Guest",
	       "Remote", "Out", "In", "Idle ms");
	json_array_foreach (list, i, flow) {
		static const char *const keys[2] = {"guest", "remote"};
		char ends[2][END_MAX] = {"*", "*"};

		for (size_t e = 0; e < 2; e++) {
			const json_t *end = json_object_get(flow, keys[e]);
			const char *addr = json_text_of(end, "address");
			bool is_ip6 = strchr(addr, ':') != NULL;

			if (addr[0])
				snprintf(ends[e], sizeof(ends[e]), "%s%s%s:%" PRId64,
					 is_ip6 ? "[" : "", addr, is_ip6 ? "]" : "",
					 json_int_of(end, "port"));
		}
		printf("%-6s %-3s %-17s %-28s %-28s %12" PRId64 " %12" PRId64 " %9" PRId64 "\n",
		       json_text_of(flow, "proto"), json_text_of(flow, "direction"),
		       json_text_of(flow, "wait"), ends[0], ends[1], json_int_of(flow, "bytes_out"),
		       json_int_of(flow, "bytes_in"), json_int_of(flow, "idle_ns") / NS_PER_MS);
	}
}

static void stats_print(const json_t *stats)
{
	const char *hint = json_text_of(stats, "ping_hint");
	const char *name;
	const json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)stats, name, value)
		if (json_is_integer(value))
			printf("%-20s %" PRId64 "\n", name, (int64_t)json_integer_value(value));
	if (hint[0])
		printf("%s\n", hint);
}

/* ADDR:FIRST[-LAST] of one side of a forward; `none` where no address was given. */
static void end_text(const json_t *f, const char *addr_key, const char *port_key, const char *none,
		     char ret[END_MAX])
{
	const char *addr = json_text_of(f, addr_key);
	int64_t port = json_int_of(f, port_key), last = port + json_int_of(f, "n_ports") - 1;
	bool is_ip6 = strchr(addr, ':') != NULL;
	int len = snprintf(ret, END_MAX, "%s%s%s:%" PRId64, is_ip6 ? "[" : "",
			   addr[0] ? addr : none, is_ip6 ? "]" : "", port);

	if (last > port && len > 0 && len < END_MAX)
		snprintf(ret + len, END_MAX - (size_t)len, "-%" PRId64, last);
}

static void forwards_print(const json_t *list)
{
	const json_t *f;
	size_t i;

	printf("%5s %-5s %-28s %-28s %-17s %6s %9s %9s %12s %12s\n", "Id", "Proto", "Host", "Guest",
	       "State", "Open", "Accepted", "Refused", "In", "Out");
	json_array_foreach (list, i, f) {
		char host[END_MAX], guest[END_MAX];

		end_text(f, "host_addr", "host_port", "*", host);
		end_text(f, "guest_addr", "guest_port", "guest", guest);
		printf("%5" PRId64 " %-5s %-28s %-28s %-17s %6" PRId64 " %9" PRId64 " %9" PRId64
		       " %12" PRId64 " %12" PRId64 "\n",
		       json_int_of(f, "id"), json_text_of(f, "proto"), host, guest,
		       json_text_of(f, "state"), json_int_of(f, "open"), json_int_of(f, "accepted"),
		       json_int_of(f, "refused"), json_int_of(f, "bytes_in"),
		       json_int_of(f, "bytes_out"));
	}
}

static void rules_print(const json_t *list)
{
	const json_t *r;
	size_t i;

	printf("%5s %-6s %-5s %-28s %-12s %12s\n", "Id", "Action", "Proto", "To", "Ports", "Hits");
	json_array_foreach (list, i, r) {
		int64_t first = json_int_of(r, "port_first"), last = json_int_of(r, "port_last");
		const char *prefix = json_text_of(r, "prefix");
		char ports[32] = "any";

		if (first && first == last)
			snprintf(ports, sizeof(ports), "%" PRId64, first);
		else if (first)
			snprintf(ports, sizeof(ports), "%" PRId64 "-%" PRId64, first, last);
		printf("%5" PRId64 " %-6s %-5s %-28s %-12s %12" PRId64 "\n", json_int_of(r, "id"),
		       json_text_of(r, "action"), json_text_of(r, "proto"),
		       prefix[0] ? prefix : "any", ports, json_int_of(r, "hits"));
	}
}

static void added_print(const json_t *result)
{
	printf("forward %" PRId64 "\n", json_int_of(result, "id"));
}

static void rule_added_print(const json_t *result)
{
	printf("rule %" PRId64 "\n", json_int_of(result, "id"));
}

static void nothing_print(const json_t *result)
{
	(void)result;
}

/* ---- calls ------------------------------------------------------------------------------- */

/* What the lab said; of a lab that has no such method, what it is not. */
static int failed(const struct client *c, int err)
{
	int64_t code = json_int_of(client_error(c), "code");

	if (code == RPC_METHOD_NOT_FOUND) {
		fprintf(stderr, "weft gateway: the lab `%s` is not a gateway\n",
			client_lab_name(c));
		return EXIT_FAILED;
	}
	client_print_error(c, err);
	return client_exit_status(c, err);
}

/* Takes `params`. */
static int gateway_call(const struct cmd_env *env, struct client *c, const char *method,
			json_t *params, void (*print)(const json_t *result))
{
	json_t *result;
	int err = client_call_quiet(c, method, params, NULL, &result);

	if (err)
		return failed(c, err);
	if (env->json) {
		json_dumpf(result, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		print(result);
	}
	json_decref(result);
	return 0;
}

static int call_once(const struct cmd_env *env, const char *method, json_t *params,
		     void (*print)(const json_t *result))
{
	struct client *c;
	int status = client_open(env, &c);

	if (status) {
		json_decref(params);
		return status;
	}
	status = gateway_call(env, c, method, params, print);
	client_close(c);
	return status;
}

/* ---- forwards ---------------------------------------------------------------------------- */

/* "PROTO HOST [GUEST]" as the words of the command line. 0, or an exit status after a message. */
static int forward_read(int n, char **words, struct gateway_forward *ret)
{
	char spec[SPEC_MAX], why[GWSPEC_WHY_MAX] = "it is too long";
	int len = n == 3 ? snprintf(spec, sizeof(spec), "%s,%s,%s", words[0], words[1], words[2])
			 : snprintf(spec, sizeof(spec), "%s,%s", words[0], words[1]);

	if (len >= 0 && len < SPEC_MAX && gwspec_forward_parse(spec, ret, why))
		return 0;
	fprintf(stderr,
		"weft gateway: %s; write PROTO HOST:PORT [GUEST:PORT], for example\n"
		"  tcp 127.0.0.1:8080 10.0.2.100:80    udp *:5000-5010\n",
		why);
	return EXIT_USAGE;
}

static void put_addr(json_t *params, const char *key, const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];

	if (addr->family)
		json_object_set_new(params, key,
				    json_string(weft_addr_print(addr, text, sizeof(text))));
}

static int forward_add(const struct cmd_env *env, int n, char **words)
{
	struct gateway_forward f;
	json_t *params;
	bool hide = n > 2 && !strcmp(words[n - 1], "hide-source");
	int status;

	n -= hide;
	if (n < 2 || n > 3)
		return usage();
	status = forward_read(n, words, &f);
	if (status)
		return status;
	params = json_pack("{s:s, s:i, s:i, s:b}", "proto",
			   f.proto == WEFT_IPPROTO_TCP ? "tcp" : "udp", "host_port",
			   (int)f.host_port, "n_ports", (int)f.n_ports, "hide_source", hide);
	put_addr(params, "host_addr", &f.host_addr);
	put_addr(params, "guest_addr", &f.guest_addr);
	if (f.guest_port)
		json_object_set_new(params, "guest_port", json_integer(f.guest_port));
	return call_once(env, "gateway.forward_add", params, added_print);
}

/* The number of the forward that has this side of the host; 0: there is none. */
static int64_t forward_find(const json_t *list, const struct gateway_forward *want)
{
	const char *proto = want->proto == WEFT_IPPROTO_TCP ? "tcp" : "udp";
	char addr[WEFT_ADDR_STRLEN] = "";
	const json_t *f;
	size_t i;

	if (want->host_addr.family)
		weft_addr_print(&want->host_addr, addr, sizeof(addr));
	json_array_foreach (list, i, f)
		if (!strcmp(json_text_of(f, "proto"), proto) &&
		    !strcmp(json_text_of(f, "host_addr"), addr) &&
		    json_int_of(f, "host_port") == want->host_port &&
		    (want->n_ports == 1 || json_int_of(f, "n_ports") == want->n_ports))
			return json_int_of(f, "id");
	return 0;
}

/* By the host's side: the gateway knows its number. */
static int forward_del_named(const struct cmd_env *env, char **words)
{
	struct gateway_forward want;
	int status = forward_read(2, words, &want);
	struct client *c;
	int64_t id;
	json_t *list;
	int err;

	if (status)
		return status;
	status = client_open(env, &c);
	if (status)
		return status;
	err = client_call_quiet(c, "gateway.forwards", NULL, NULL, &list);
	if (err) {
		status = failed(c, err);
	} else {
		id = forward_find(list, &want);
		json_decref(list);
		if (!id) {
			fprintf(stderr, "weft gateway: there is no forward %s %s\n", words[0],
				words[1]);
			status = EXIT_FAILED;
		} else {
			status = gateway_call(env, c, "gateway.forward_del",
					      json_pack("{s:I}", "id", (json_int_t)id),
					      nothing_print);
		}
	}
	client_close(c);
	return status;
}

/* 0, or an exit status after a message. */
static int id_read(const char *what, const char *word, uint64_t *ret)
{
	const char *why;

	if (lab_uint_parse(word, 1, UINT32_MAX, ret, &why) >= 0)
		return 0;
	fprintf(stderr, "weft gateway: %s %s: %s\n", what, word, why);
	return EXIT_USAGE;
}

static int forward_del(const struct cmd_env *env, int n, char **words)
{
	uint64_t id;
	int status;

	if (n == 2)
		return forward_del_named(env, words);
	if (n != 1)
		return usage();
	status = id_read("forward", words[0], &id);
	return status ? status
		      : call_once(env, "gateway.forward_del",
				  json_pack("{s:I}", "id", (json_int_t)id), nothing_print);
}

static int forward_run(const struct cmd_env *env, int n, char **words)
{
	if (n == 0 || (n == 1 && !strcmp(words[0], "list")))
		return call_once(env, "gateway.forwards", NULL, forwards_print);
	if (!strcmp(words[0], "add"))
		return forward_add(env, n - 1, words + 1);
	if (!strcmp(words[0], "del"))
		return forward_del(env, n - 1, words + 1);
	return usage();
}

/* ---- rules ------------------------------------------------------------------------------- */

/* "PROTO PREFIX [PORTS]" as the words of the command line. 0, or an exit status after a message. */
static int rule_read(int n, char **words, struct gateway_rule *ret)
{
	char spec[SPEC_MAX], why[GWSPEC_WHY_MAX] = "it is too long";
	int len = n == 3 ? snprintf(spec, sizeof(spec), "%s,%s,%s", words[0], words[1], words[2])
			 : snprintf(spec, sizeof(spec), "%s,%s", words[0], words[1]);

	if (len >= 0 && len < SPEC_MAX && gwspec_rule_parse(spec, ret, why))
		return 0;
	fprintf(stderr,
		"weft gateway: %s; write allow|deny PROTO PREFIX [PORTS], for example\n"
		"  deny tcp 10.0.0.0/8 80-443    allow udp any 53    deny any any\n",
		why);
	return EXIT_USAGE;
}

static json_t *rule_params(const struct gateway_rule *r, const char *action, const char *proto,
			   uint64_t before)
{
	json_t *params = json_pack("{s:s, s:s}", "action", action, "proto", proto);
	char addr[WEFT_ADDR_STRLEN], prefix[WEFT_ADDR_STRLEN + 4];

	if (r->prefix.family) {
		snprintf(prefix, sizeof(prefix), "%s/%u",
			 weft_addr_print(&r->prefix, addr, sizeof(addr)), r->prefix_len);
		json_object_set_new(params, "prefix", json_string(prefix));
	}
	if (r->port_first) {
		json_object_set_new(params, "port_first", json_integer(r->port_first));
		json_object_set_new(params, "port_last", json_integer(r->port_last));
	}
	if (before)
		json_object_set_new(params, "before", json_integer((json_int_t)before));
	return params;
}

static int rule_add(const struct cmd_env *env, int n, char **words)
{
	struct gateway_rule r;
	uint64_t before = 0;
	int status = 0;

	if (n > 2 && !strcmp(words[n - 2], "before")) {
		status = id_read("rule", words[n - 1], &before);
		n -= 2;
	}
	if (status)
		return status;
	if (n < 3 || n > 4 || (strcmp(words[0], "allow") != 0 && strcmp(words[0], "deny") != 0))
		return usage();
	status = rule_read(n - 1, words + 1, &r);
	if (status)
		return status;
	return call_once(env, "gateway.rule_add", rule_params(&r, words[0], words[1], before),
			 rule_added_print);
}

static int rule_run(const struct cmd_env *env, int n, char **words)
{
	uint64_t id;
	int status;

	if (n == 0 || (n == 1 && !strcmp(words[0], "list")))
		return call_once(env, "gateway.rules", NULL, rules_print);
	if (!strcmp(words[0], "add"))
		return rule_add(env, n - 1, words + 1);
	if (n != 2 || strcmp(words[0], "del") != 0)
		return usage();
	status = id_read("rule", words[1], &id);
	return status ? status
		      : call_once(env, "gateway.rule_del", json_pack("{s:I}", "id", (json_int_t)id),
				  nothing_print);
}

/* Takes --json out of the words. */
static int json_take(struct cmd_env *env, int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "-j"))
			env->json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	return n;
}

int gwctl_run(struct cmd_env *env, int argc, char **argv)
{
	bool is_flows, is_stats, is_forward, is_rule;
	int n;

	if (argc < 2)
		return -1;
	is_flows = !strcmp(argv[1], "flows");
	is_stats = !strcmp(argv[1], "stats");
	is_forward = !strcmp(argv[1], "forward");
	is_rule = !strcmp(argv[1], "rule");
	if (!is_flows && !is_stats && !is_forward && !is_rule)
		return -1;
	n = json_take(env, argc, argv) - 2;
	if (n > 0 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
		gwctl_help(stdout);
		return 0;
	}
	if (is_forward)
		return forward_run(env, n, argv + 2);
	if (is_rule)
		return rule_run(env, n, argv + 2);
	if (n > 0)
		return usage();
	return is_flows ? call_once(env, "gateway.flows", NULL, flows_print)
			: call_once(env, "gateway.stats", NULL, stats_print);
}
