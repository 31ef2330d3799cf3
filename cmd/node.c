/* SPDX-License-Identifier: MIT */
/* `weft node`: the nodes of a running lab; adding and removing some. */
#include <stdio.h>
#include <string.h>

#include "cmd/client.h"
#include "cmd/cmd.h"

static void node_help(FILE *out)
{
	fprintf(out,
		"usage: weft [-l LAB] node [show] [--json]\n"
		"       weft [-l LAB] node add NAME [kind KIND] [forwarding] [LINK...] [ROUTE...]\n"
		"       weft [-l LAB] node del NAME\n\n"
		"Shows the nodes of a running lab, adds one, or removes one with its links.\n\n"
		"KIND:   weft (the default), switch, kernel\n"
		"LINK:   link PEER[:INTERFACE] [dev NAME] [addr ADDRESS/LEN]... [KEY VALUE]...\n"
		"        PEER's interface is made if it is not there; KEY is one of a link of a\n"
		"        lab file: rate, delay, jitter, loss, queue, mtu ...\n"
		"ROUTE:  via GATEWAY, or route \"PREFIX via GATEWAY\"\n\n"
		"  weft node add tablet link switch addr 192.168.1.11/24 via 192.168.1.1\n\n"
		"Exit status: 0 done, 1 refused, 2 usage.\n");
}

/* ---- what the command line says ---------------------------------------------------------- */

struct reader {
	char **words; /* what is left */
	json_t *node, *ifaces, *links;
	json_t *link; /* the one that words belong to; NULL: none yet */
	char own[16]; /* its interface */
	unsigned int n_links;
	bool is_switch;
};

/* The word after a key; NULL after a message. */
static const char *value_of(struct reader *r)
{
	if (r->words[1])
		return r->words[1];
	fprintf(stderr, "weft node: %s needs a value\n", r->words[0]);
	return NULL;
}

static json_t *list_in(json_t *object, const char *key)
{
	json_t *list = json_object_get(object, key);

	if (list)
		return list;
	list = json_array();
	json_object_set_new(object, key, list);
	return list;
}

/* The interface of the link under way, in the node's `interfaces`. */
static json_t *own_iface(struct reader *r)
{
	json_t *iface = json_object_get(r->ifaces, r->own);

	if (iface)
		return iface;
	iface = json_object();
	json_object_set_new(r->ifaces, r->own, iface);
	return iface;
}

static int need_link(const struct reader *r)
{
	if (r->link)
		return 0;
	fprintf(stderr, "weft node: `%s` belongs to a link: link PEER %s ...\n", r->words[0],
		r->words[0]);
	return EXIT_USAGE;
}

static int read_link(struct reader *r, const char *peer)
{
	snprintf(r->own, sizeof(r->own), r->is_switch ? "p%u" : "eth%u",
		 r->is_switch ? r->n_links + 1 : r->n_links);
	r->n_links++;
	r->link = json_pack("{s:s, s:s}", "to", peer, "interface", r->own);
	json_array_append_new(r->links, r->link);
	return 0;
}

static int read_dev(struct reader *r, const char *name)
{
	if (need_link(r))
		return EXIT_USAGE;
	if (strlen(name) >= sizeof(r->own)) {
		fprintf(stderr, "weft node: `%s` is too long for an interface\n", name);
		return EXIT_USAGE;
	}
	snprintf(r->own, sizeof(r->own), "%s", name);
	json_object_set_new(r->link, "interface", json_string(name));
	return 0;
}

static int read_addr(struct reader *r, const char *addr)
{
	if (need_link(r))
		return EXIT_USAGE;
	json_array_append_new(list_in(own_iface(r), "address"), json_string(addr));
	return 0;
}

static int read_via(struct reader *r, const char *gateway)
{
	json_array_append_new(list_in(r->node, "routes"), json_sprintf("default via %s", gateway));
	return 0;
}

static int read_route(struct reader *r, const char *route)
{
	json_array_append_new(list_in(r->node, "routes"), json_string(route));
	return 0;
}

static int read_kind(struct reader *r, const char *kind)
{
	r->is_switch = !strcmp(kind, "switch");
	json_object_set_new(r->node, "kind", json_string(kind));
	return 0;
}

/* Any other word is a key of the link: the lab knows them. */
static int read_key(struct reader *r, const char *value)
{
	if (need_link(r))
		return EXIT_USAGE;
	json_object_set_new(r->link, r->words[0], json_string(value));
	return 0;
}

static int read_words(struct reader *r)
{
	static const struct {
		const char *word;
		int (*read)(struct reader *r, const char *value);
	} words[] = {
		{"kind", read_kind}, {"link", read_link}, {"dev", read_dev},
		{"addr", read_addr}, {"via", read_via},   {"route", read_route},
	};

	while (r->words[0]) {
		int (*read)(struct reader *, const char *) = read_key;
		const char *value;
		int status;

		if (!strcmp(r->words[0], "forwarding")) {
			json_object_set_new(r->node, "forwarding", json_true());
			r->words++;
			continue;
		}
		value = value_of(r);
		if (!value)
			return EXIT_USAGE;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (!strcmp(words[i].word, r->words[0]))
				read = words[i].read;
		status = read(r, value);
		if (status)
			return status;
		r->words += 2;
	}
	return 0;
}

/* ---- output ------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void print_node(const json_t *node)
{
	const json_t *iface, *addr;
	size_t i, k;

	printf("%s %s\n", text_of(node, "name"), text_of(node, "kind"));
	json_array_foreach (json_object_get(node, "interfaces"), i, iface) {
		const char *peer = text_of(iface, "peer");

		printf("  %s", text_of(iface, "name"));
		json_array_foreach (json_object_get(iface, "addresses"), k, addr)
			printf(" %s", json_string_value(addr));
		if (peer[0])
			printf(" -- %s", peer);
		printf("\n");
	}
}

/* Takes `params`. */
static int node_call(const struct cmd_env *env, const char *method, json_t *params, bool is_shown)
{
	struct client *c;
	json_t *result, *node;
	int status = client_open(env, &c);
	size_t i;
	int err;

	if (status) {
		json_decref(params);
		return status;
	}
	err = client_call(c, method, params, NULL, &result);
	if (err) {
		status = client_exit_status(c, err);
	} else {
		if (env->json) {
			json_dumpf(result, stdout, JSON_INDENT(2));
			printf("\n");
		} else if (is_shown) {
			json_array_foreach (result, i, node)
				print_node(node);
		}
		json_decref(result);
	}
	client_close(c);
	return status;
}

static int node_add(const struct cmd_env *env, char **words)
{
	struct reader r = {
		.words = words + 1,
		.node = json_object(),
		.ifaces = json_object(),
		.links = json_array(),
	};
	int status = read_words(&r);
	json_t *params;

	if (json_object_size(r.ifaces))
		json_object_set(r.node, "interfaces", r.ifaces);
	params = json_pack("{s:s, s:O, s:O}", "name", words[0], "node", r.node, "links", r.links);
	json_decref(r.node);
	json_decref(r.ifaces);
	json_decref(r.links);
	if (!status && !params) {
		fprintf(stderr, "weft node: a word is not UTF-8\n");
		status = EXIT_USAGE;
	}
	if (!status)
		return node_call(env, "node.add", params, false);
	json_decref(params);
	return status;
}

static int node_run(struct cmd_env *env, int argc, char **argv)
{
	char **words = argv + 1;

	if (argc > 1 && (!strcmp(argv[argc - 1], "--json") || !strcmp(argv[argc - 1], "-j"))) {
		env->json = true;
		argv[--argc] = NULL;
	}
	if (argc > 1 && (!strcmp(words[0], "--help") || !strcmp(words[0], "-h"))) {
		node_help(stdout);
		return 0;
	}
	if (argc == 1 || (argc == 2 && (!strcmp(words[0], "show") || !strcmp(words[0], "list"))))
		return node_call(env, "node.list", NULL, true);
	if (argc > 2 && !strcmp(words[0], "add"))
		return node_add(env, words + 1);
	if (argc == 3 && (!strcmp(words[0], "del") || !strcmp(words[0], "delete")))
		return node_call(env, "node.del", json_pack("{s:s}", "node", words[1]), false);
	node_help(stderr);
	return EXIT_USAGE;
}

const struct cmd cmd_node = {"node", "[show] | add NAME ... | del NAME",
			     "nodes: look, add, remove them now", node_run, CMD_LAB};
