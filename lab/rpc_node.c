/* SPDX-License-Identifier: MIT */
/* Methods about nodes: what there is, and the way into a kernel node. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/holder.h"
#include "lab/lab.h"
#include "lab/rpc.h"

static const char *const kind_names[] = {
	[LABFILE_WEFT] = "weft",
	[LABFILE_KERNEL] = "kernel",
	[LABFILE_SWITCH] = "switch",
};

/* The interface that its link leads to, "node:interface", or null. */
static json_t *peer_json(const struct lab_iface *iface)
{
	const struct labfile_link *link = iface->file->link;

	return link ? json_string(link->ends[!iface->file->end].text) : json_null();
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
	{.name = NULL},
};
