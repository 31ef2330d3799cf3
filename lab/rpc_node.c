/* SPDX-License-Identifier: MIT */
/* Methods about nodes: what there is, and the way into a kernel node. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/holder.h"
#include "lab/lab.h"
#include "lab/live.h"
#include "lab/rpc.h"

static const char *const kind_names[] = {
	[LABFILE_WEFT] = "weft",
	[LABFILE_KERNEL] = "kernel",
	[LABFILE_SWITCH] = "switch",
};

/* The interface that its link leads to, "node:interface", or null. */
static json_t *peer_json(const struct lab_iface *iface)
{
	const struct labfile_end *end;

	if (!iface->link)
		return json_null();
	end = &iface->link->file->ends[!iface->end];
	return json_sprintf("%s:%s", end->node->name, end->iface->name);
}

static json_t *iface_json(const struct lab_iface *iface)
{
	const struct labfile_iface *file = iface->file;
	json_t *addrs = json_array();
	char text[LAB_NET_TEXT];

	for (uint32_t i = 0; i < file->n_addrs; i++)
		json_array_append_new(addrs,
				      json_string(lab_net_format(&file->addrs[i].net, text)));
	return json_pack("{s:s, s:o, s:i, s:o}", "name", file->name, "peer", peer_json(iface),
			 "mtu", (int)file->mtu, "addresses", addrs);
}

static json_t *node_json(const struct lab_node *node)
{
	json_t *ifaces = json_array();

	for (uint32_t i = 0; i < node->n_ifaces; i++)
		json_array_append_new(ifaces, iface_json(&node->ifaces[i]));
	return json_pack("{s:s, s:s, s:o, s:o}", "name", node->file->name, "kind",
			 kind_names[node->file->kind], "pid",
			 node->holder ? json_integer(holder_pid(node->holder)) : json_null(),
			 "interfaces", ifaces);
}

static int list_run(struct rpc_call *call)
{
	const struct lab *lab = rpc_call_lab(call);
	json_t *list = json_array();

	for (uint32_t i = 0; i < lab->n_nodes; i++)
		json_array_append_new(list, node_json(lab->nodes[i]));
	return rpc_reply(call, list);
}

static int info_run(struct rpc_call *call)
{
	return rpc_reply(call, node_json(rpc_call_node(call, "node")));
}

static int enter_run(struct rpc_call *call)
{
	/* In the order in which they are joined. */
	static const char *const names[] = {"user", "mnt", "net", "uts", "pid"};
	struct lab_node *node = rpc_call_node(call, "node");
	json_t *list;
	int fds[sizeof(names) / sizeof(names[0])];
	size_t n = 0;
	int err = 0;

	if (!node->holder)
		return rpc_fail_kind(call, node, "kernel nodes");
	list = json_array();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];

		/* Root's nodes have no user namespace of their own, and joining one's own is an
		 * error. */
		if (i == 0 && geteuid() == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)holder_pid(node->holder),
			 names[i]);
		fds[n] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[n] < 0) {
			err = -errno;
			break;
		}
		n++;
		json_array_append_new(list, json_string(names[i]));
	}
	if (!err)
		return rpc_reply_fds(call, json_pack("{s:o}", "namespaces", list), fds, n);
	json_decref(list);
	while (n)
		close(fds[--n]);
	return rpc_fail_errno(call, err, "cannot open the node's namespaces");
}

static int add_run(struct rpc_call *call)
{
	const json_t *params = rpc_call_params(call);
	struct lab_node *node;
	char msg[LAB_MSG_MAX];
	int err = lab_node_add(rpc_call_lab(call), rpc_call_string(call, "name", ""),
			       json_object_get(params, "node"), json_object_get(params, "links"),
			       &node, msg);

	if (err)
		return rpc_fail(call, err == -EINVAL ? RPC_INVALID_PARAMS : RPC_FAILED, err, "%s",
				msg);
	return rpc_reply(call, node_json(node));
}

static int del_run(struct rpc_call *call)
{
	struct lab_node *node = rpc_call_node(call, "node");

	if (node->is_needed)
		return rpc_fail(call, RPC_FAILED, -EBUSY,
				"the program that the lab was started for runs in %s",
				node->file->name);
	rpc_node_gone(node, call);
	lab_node_del(node);
	return rpc_reply(call, json_object());
}

static const struct rpc_param one_node[] = {
	{"node", RPC_NODE, true, 0, 0, "The node"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

const struct rpc_method rpc_methods_node[] = {
	{
		.name = "node.list",
		.help = "Lists the nodes",
		.result = "An array of what node.info says of one",
		.run = list_run,
	},
	{
		.name = "node.info",
		.help = "What a node is made of",
		.params = one_node,
		.result =
			"`{name, kind, pid, interfaces}`: `kind` is `weft`, `kernel` or `switch`; "
			"`pid` is the first process of a kernel node; each interface is `{name, "
			"peer, mtu, addresses}` as it was made, `peer` being the other end of its "
			"link",
		.run = info_run,
	},
	{
		.name = "node.enter",
		.help = "Passes descriptors of the namespaces of a kernel node, for setns(2)",
		.params = one_node,
		.result = "`{namespaces}`: what the descriptors that come with the answer "
			  "(SCM_RIGHTS) are, in the order in which to join them: `user` if it has "
			  "one, "
			  "`mnt`, `net`, `uts`, `pid`",
		.run = enter_run,
	},
	{
		.name = "node.add",
		.help = "Adds a node and its links to the lab, which runs on",
		.params =
			(const struct rpc_param[]){
				{"name", RPC_STRING, true, 0, 0, "Its name"},
				{"node", RPC_OBJECT, false, 0, 0,
				 "What it is, as `nodes: NAME:` of a lab file has it: `kind`, "
				 "`forwarding`, `interfaces`, `routes`, `services` …"},
				{"links", RPC_ARRAY, false, 0, 0,
				 "Its links, each an object like a link of a lab file, with `to` "
				 "in "
				 "place of `between`: `node` or `node:interface`, which is made if "
				 "it "
				 "is not there; and `interface`, the new node's (default eth0, "
				 "eth1 …, "
				 "of a switch p1, p2 …)"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "The node, as node.info has it",
		.run = add_run,
	},
	{
		.name = "node.del",
		.help = "Removes a node with its links; calls about it end with error -32003",
		.params = one_node,
		.result = "`{}`",
		.run = del_run,
	},
	{.name = NULL},
};
