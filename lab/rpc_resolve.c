/* SPDX-License-Identifier: MIT */
/*
 * A method about names: the addresses of one as a weft node sees it, of the lab's own names or by
 * asking the name servers that routers have advertised to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "lab/names.h"
#include "lab/rpc.h"

enum {
	RESOLVE_ADDRS_MAX = 64,
};

struct resolve {
	struct rpc_call *call;
	struct weft_net net;
	struct weft_resolve *ask;
};

static int addrs_reply(struct rpc_call *call, const struct weft_addr *addrs, size_t n)
{
	json_t *list = json_array();
	char text[WEFT_ADDR_STRLEN];

	for (size_t i = 0; i < n; i++) {
		weft_addr_print(&addrs[i], text, sizeof(text));
		json_array_append_new(list, json_string(text));
	}
	return rpc_reply(call, json_pack("{s:o}", "addresses", list));
}

static int unknown(struct rpc_call *call, int err)
{
	const char *name = rpc_call_string(call, "name", "");

	if (err == -EAGAIN)
		return rpc_fail(call, RPC_FAILED, err, "%s: Temporary failure in name resolution",
				name);
	return rpc_fail(call, RPC_FAILED, err, "%s: Name or service not known", name);
}

static void on_resolved(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	struct resolve *r = arg;

	if (err)
		(void)unknown(r->call, err);
	else
		(void)addrs_reply(r->call, addrs, n);
	free(r);
}

static void on_cancel(void *arg)
{
	struct resolve *r = arg;

	r->net.ops->resolve_cancel(r->ask);
	free(r);
}

static int ask(struct rpc_call *call, struct lab_node *node, int family)
{
	struct resolve *r = calloc(1, sizeof(*r));
	int err = r ? 0 : -ENOMEM;

	if (!err) {
		r->call = call;
		weft_net_of_stack(node->stack, &r->net);
		err = r->net.ops->resolve(&r->net, rpc_call_string(call, "name", ""), family,
					  on_resolved, r, &r->ask);
	}
	if (err) {
		free(r);
		return unknown(call, err);
	}
	rpc_call_on_cancel(call, on_cancel, r);
	return RPC_LATER;
}

static int resolve_run(struct rpc_call *call)
{
	struct lab_node *node = rpc_call_node(call, "node");
	const char *family_name = rpc_call_string(call, "family", "");
	struct weft_addr addrs[RESOLVE_ADDRS_MAX];
	int family = WEFT_AF_UNSPEC, n;

	if (node->file->kind != LABFILE_WEFT || !node->stack)
		return rpc_fail_kind(call, node, "weft nodes");
	if (!strcmp(family_name, "inet"))
		family = WEFT_AF_INET;
	else if (!strcmp(family_name, "inet6"))
		family = WEFT_AF_INET6;
	else if (family_name[0])
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"`family` must be inet or inet6; not `%s`", family_name);
	n = lab_name_lookup(node, rpc_call_string(call, "name", ""), family, addrs,
			    RESOLVE_ADDRS_MAX);
	if (n == -ENOENT)
		return ask(call, node, family);
	return n < 0 ? unknown(call, n) : addrs_reply(call, addrs, (size_t)n);
}

static const struct rpc_param resolve_params[] = {
	{"node", RPC_NODE, true, 0, 0, "The weft node that asks"},
	{"name", RPC_STRING, true, 0, 0, "A name, of the lab or of the domain name system"},
	{"family", RPC_STRING, false, 0, 0, "inet or inet6; default: both"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

const struct rpc_method rpc_methods_resolve[] = {
	{
		.name = "node.resolve",
		.help = "Looks up a name: of the lab, else by the name servers and in the domains "
			"that routers have advertised to the node (RFC 8106)",
		.params = resolve_params,
		.result = "`{addresses}`, the best destination first",
		.run = resolve_run,
	},
	{.name = NULL},
};
