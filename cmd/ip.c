/* SPDX-License-Identifier: MIT */
/*
 * `weft ip`: interfaces, addresses, routes and neighbours of a node, with the command line, the
 * output, the error messages and the exit statuses of iproute2's ip.
 */
#include "cmd/ip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/json_text.h"
#include "lab/rpc.h"

static void usage(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] -n NODE ip [ -4 | -6 ] [ -br ] [ -d ] [ -s ] [ -o ] [ -j [ "
		"-p ] ]\n"
		"               { addr | link | route | neigh } COMMAND ...\n\n"
		"  ip addr  [ show [ dev ] IF | up | to PREFIX | scope SCOPE | primary | secondary "
		"]\n"
		"  ip addr  { add | del | replace } ADDRESS/LEN dev IF;  ip addr flush dev IF\n"
		"  ip link  [ show [ dev ] IF | up | type KIND ]\n"
		"  ip link  set [ dev ] IF { up | down | mtu N | address MAC |\n"
		"                         mss-clamp { pmtu | N | off } | gro { on | off } } ...\n"
		"  ip route [ show [ to { root | match | exact } ] PREFIX | dev IF | via ADDRESS "
		"|\n"
		"             proto PROTOCOL | scope SCOPE | src ADDRESS | table { main | local | "
		"all } ]\n"
		"  ip route { add | replace | change | append | del } [ TYPE ] PREFIX\n"
		"             [ via ADDRESS ] [ dev IF ] [ src ADDRESS ] [ metric N ] [ proto "
		"PROTOCOL ]\n"
		"             TYPE := { unicast | unreachable | blackhole | prohibit }\n"
		"  ip route get ADDRESS [ from ADDRESS ] [ oif IF ];  ip route flush SELECTOR\n"
		"  ip neigh [ show ADDRESS | dev IF | nud STATE ];  ip neigh get ADDRESS dev IF\n"
		"  ip neigh { add | replace | change } ADDRESS lladdr MAC dev IF [ nud STATE ]\n"
		"  ip neigh del ADDRESS dev IF;  ip neigh flush dev IF\n\n"
		"Words may be abbreviated: `ip a`, `ip r`, `ip ro get`. See weft-ip(1).\n");
}

/* ---- the lab ------------------------------------------------------------------------------- */

/* The number of an errno's name; 0: none of that name. */
static int errno_of(const char *name)
{
	for (int e = 1; e < 200; e++) {
		const char *known = strerrorname_np(e);

		if (known && strcmp(known, name) == 0)
			return e;
	}
	return 0;
}

/* The lab has refused: in iproute2's words. A message that ends with a full stop is what the kernel
 * would say itself; other refusals are known by their errno. */
static int refusal_print(const struct ip *ip)
{
	const json_t *error = client_error(ip->client);
	const char *text = json_text_of(error, "message");
	int e = errno_of(json_text_of(json_object_get(error, "data"), "errno"));
	size_t len = strlen(text);

	if (json_int_of(error, "code") != RPC_FAILED || !e) {
		fprintf(stderr, "weft ip: %s\n", text);
		return IP_FAILED;
	}
	if (strncmp(text, "Cannot find device", 18) == 0) {
		fprintf(stderr, "%s\n", text);
		return IP_FAILED;
	}
	if (len && text[len - 1] == '.')
		fprintf(stderr, "Error: %s\n", text);
	else
		fprintf(stderr, "RTNETLINK answers: %s\n", strerror(e));
	return IP_REFUSED;
}

int ip_call(struct ip *ip, const char *method, json_t *params, json_t **ret_result)
{
	json_t *all = NULL, *result = NULL;
	int err;

	if (!ip->client) {
		err = client_open(ip->env, &ip->client);
		if (err) {
			json_decref(params);
			return err;
		}
	}
	all = client_node_params(ip->env);
	if (!all) {
		json_decref(params);
		return IP_USAGE;
	}
	if (params)
		json_object_update_new(all, params);
	err = client_call_quiet(ip->client, method, all, NULL, &result);
	if (err == -EREMOTEIO)
		return refusal_print(ip);
	if (err) {
		client_print_error(ip->client, err);
		return client_exit_status(ip->client, err);
	}
	if (ret_result)
		*ret_result = result;
	else
		json_decref(result);
	return IP_OK;
}

void ip_json_print(const struct ip *ip, const json_t *value)
{
	json_text_print(ip->out, value, ip->opts.pretty);
}

/* ---- options ------------------------------------------------------------------------------- */

/* One option: its name without the dashes. False: there is none of that name. */
static bool option_read(struct ip_opts *o, const char *name)
{
	if (!strcmp(name, "4"))
		o->family = 4;
	else if (!strcmp(name, "6"))
		o->family = 6;
	else if (ip_word_is(name, "stats") || ip_word_is(name, "statistics"))
		o->stats++;
	else if (ip_word_is(name, "details"))
		o->detail = true;
	else if (ip_word_is(name, "oneline"))
		o->oneline = true;
	else if (ip_word_is(name, "brief") && strlen(name) > 1)
		o->brief = true;
	else if (ip_word_is(name, "json"))
		o->json = true;
	else if (ip_word_is(name, "pretty"))
		o->pretty = true;
	else /* there are no colours to choose */
		return ip_word_is(name, "color") || strncmp(name, "c=", 2) == 0 ||
		       strncmp(name, "color=", 6) == 0;
	return true;
}

/* Reads what stands before the object. IP_OK with ip->argv at the object; else the status, or -1
 * when there is nothing to do. */
static int options_read(struct ip *ip)
{
	while (ip->argc > 0 && ip->argv[0][0] == '-') {
		const char *word = ip_next(ip), *name = word + 1;

		if (!strcmp(word, "--"))
			break;
		if (*name == '-')
			name++;
		if (!strcmp(name, "h") || !strcmp(name, "help")) {
			usage(stdout);
			return -1;
		}
		if (!strcmp(name, "V") || ip_word_is(name, "Version")) {
			printf("ip of weft, as of iproute2-6.1.0\n");
			return -1;
		}
		if (ip_word_is(name, "family")) {
			name = ip_value(ip);
			if (!name)
				return IP_USAGE;
			name = !strcmp(name, "inet") ? "4" : !strcmp(name, "inet6") ? "6" : "?";
		}
		if (!option_read(&ip->opts, name)) {
			fprintf(stderr, "Option \"%s\" is unknown, try \"ip -help\".\n", word);
			return IP_USAGE;
		}
	}
	return IP_OK;
}

static int object_run(struct ip *ip)
{
	/* In iproute2's order, which decides what an abbreviation means. */
	static const struct {
		const char *name;
		int (*run)(struct ip *ip);
	} objects[] = {
		{"address", ip_addr_run},    {"route", ip_route_run}, {"neighbor", ip_neigh_run},
		{"neighbour", ip_neigh_run}, {"link", ip_link_run},
	};
	const char *word = ip_next(ip);

	if (!word) {
		usage(stderr);
		return IP_USAGE;
	}
	if (ip_word_is(word, "help")) {
		usage(stdout);
		return IP_OK;
	}
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		if (!ip_word_is(word, objects[i].name))
			continue;
		if (ip->argc > 0 &&
		    (ip_word_is(ip->argv[0], "help") || !strcmp(ip->argv[0], "--help") ||
		     !strcmp(ip->argv[0], "-h"))) {
			usage(stdout);
			return IP_OK;
		}
		return objects[i].run(ip);
	}
	fprintf(stderr, "Object \"%s\" is unknown, try \"ip help\".\n", word);
	return IP_FAILED;
}

/* On a kernel node, the system's ip: `--json` before the tool becomes its own option. */
static int ip_on_kernel(const struct cmd_env *env, int argc, char **argv)
{
	char json[] = "-j";
	char **copy;
	int status;

	if (!env->json)
		return client_tool_on_kernel_node(env, argc, argv);
	copy = calloc((size_t)argc + 2, sizeof(*copy));
	if (!copy)
		return EXIT_FAILED;
	copy[0] = argv[0];
	copy[1] = json;
	memcpy(copy + 2, argv + 1, ((size_t)argc - 1) * sizeof(*copy));
	status = client_tool_on_kernel_node(env, argc + 1, copy);
	free(copy);
	return status;
}

/* Words go into requests as they are, and JSON is UTF-8. */
static bool words_are_text(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		json_t *text = json_string(argv[i]);

		if (!text) {
			fprintf(stderr, "weft ip: word %d of the command line is not UTF-8\n", i);
			return false;
		}
		json_decref(text);
	}
	return true;
}

static int ip_run(struct cmd_env *env, int argc, char **argv)
{
	struct ip ip = {.env = env, .opts.json = env->json, .out = stdout};
	int status;

	ip.argc = argc - 1;
	ip.argv = argv + 1;
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return IP_OK;
	}
	status = ip_on_kernel(env, argc, argv);
	if (status >= 0)
		return status;
	if (!words_are_text(argc, argv))
		return IP_USAGE;
	status = options_read(&ip);
	if (status)
		return status < 0 ? IP_OK : status;
	status = object_run(&ip);
	client_close(ip.client);
	return status;
}

const struct cmd cmd_ip = {
	.name = "ip",
	.args = "[OPTIONS] OBJECT COMMAND",
	.help = "interfaces, addresses, routes, neighbours",
	.run = ip_run,
	.group = CMD_TOOL,
};
