/* SPDX-License-Identifier: MIT */
/*
 * The method nstat.read: counters of a weft node, and what they were when somebody last asked.
 *
 * That history is the lab's, one a node, and not a file of each user: a lab has one user (its
 * socket has mode 0600), so whoever looks sees what has happened since anybody looked, and nothing
 * is left behind when the lab ends.
 */
#include <string.h>

#include "lab/lab.h"
#include "lab/rpc.h"
#include "lab/rpc_ip.h"

static void counter_add(void *arg, const char *name, const char *text, uint64_t n)
{
	(void)text;
	json_object_set_new(arg, name, json_integer((json_int_t)n));
}

static int read_run(struct rpc_call *call)
{
	struct lab_node *node = rpc_call_node(call, "node");
	json_t *now, *before, *result;
	int ret = 0;
	struct weft_stack *st = rpc_ip_stack(call, &ret);

	if (!st)
		return ret;
	now = json_object();
	if (now)
		weft_stack_counters(st, counter_add, now);
	if (rpc_call_boolean(call, "forget", false)) {
		json_decref(node->nstat_history);
		node->nstat_history = NULL;
	}
	before = node->nstat_history ? json_incref(node->nstat_history) : json_object();
	result = json_pack("{s:O?, s:o?}", "kernel", now, "history", before);
	if (result && rpc_call_boolean(call, "remember", false)) {
		json_decref(node->nstat_history);
		node->nstat_history = json_incref(now);
	}
	json_decref(now);
	return rpc_reply(call, result);
}

static const struct rpc_param read_params[] = {
	{"node", RPC_NODE, true, 0, 0, "The node: of kind weft, or a switch"},
	{"remember", RPC_BOOLEAN, false, 0, 0,
	 "These values are the history from now on; default: false"},
	{"forget", RPC_BOOLEAN, false, 0, 0,
	 "The history is forgotten before it is read; default: false"},
	{NULL, RPC_NODE, false, 0, 0, NULL},
};

extern const struct rpc_method rpc_methods_nstat[];
const struct rpc_method rpc_methods_nstat[] = {
	{
		.name = "nstat.read",
		.help = "All counters of a node, and what they were when they were last remembered",
		.params = read_params,
		.result = "`{kernel, history}`: two objects from the names of counters, as nstat "
			  "has them, to numbers; `history` is empty when nothing is remembered",
		.run = read_run,
	},
	{.name = NULL},
};
