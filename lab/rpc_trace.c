/* SPDX-License-Identifier: MIT */
/*
 * Methods about what has happened to packets: drops with the way that the packet came, and every
 * hop of packets that are traced.
 *
 * A hop says what and where. Interfaces before the first crossing between nodes have no name in the
 * engine's event; the lab knows who is at the other end of the link that was crossed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "lab/rpc.h"
#include "lab/trace_store.h"

enum {
	TRACE_LIST_MAX = 1000,
	TRACE_LIST_DEFAULT = 20,
	TRACE_EVENTS_MAX = 256, /* of one packet */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* ---- hops -------------------------------------------------------------------------------- */

/* The interface at the other end of the link that an interface has now, as "node" and "interface".
 */
static bool peer_of(const struct lab *lab, const char *node_name, const char *if_name,
		    const char **ret_node, const char **ret_if)
{
	for (uint32_t i = 0; i < lab->n_nodes; i++) {
		const struct lab_node *node = lab->nodes[i];

		if (strcmp(node->file->name, node_name) != 0)
			continue;
		for (uint32_t k = 0; k < node->n_ifaces; k++) {
			const struct lab_iface *iface = &node->ifaces[k];
			const struct labfile_end *peer;

			if (strcmp(iface->file->name, if_name) != 0 || !iface->link)
				continue;
			peer = &iface->link->file->ends[!iface->end];
			*ret_node = peer->node->name;
			*ret_if = peer->iface->name;
			return true;
		}
	}
	return false;
}

/* Where the packet began: the far end of the link by which it came to the second node. */
static void origin_find(const struct lab *lab, json_t *hops)
{
	json_t *hop, *tx = NULL;
	const char *stack = NULL, *node, *iface;
	size_t i;

	json_array_foreach (hops, i, hop) {
		const char *kind = text_of(hop, "hop");

		if (!strcmp(kind, "tx") && !stack)
			tx = hop;
		else if (!strcmp(kind, "stack") && !stack)
			stack = text_of(hop, "node");
		else if (!strcmp(kind, "rx") && stack)
			break;
	}
	if (!stack || i >= json_array_size(hops) ||
	    !peer_of(lab, stack, text_of(json_array_get(hops, i), "if"), &node, &iface))
		return;
	if (tx)
		json_object_set_new(tx, "if", json_string(iface));
	json_array_insert_new(hops, 0, json_pack("{s:s, s:s}", "hop", "stack", "node", node));
}

/* ["rx 2", "route 24"], ["eth0", ""] to [{hop: rx, if: eth0}, {hop: route, n: 24}]. */
static json_t *hops_json(const struct lab *lab, const json_t *event)
{
	const json_t *texts = json_object_get(event, "hops"), *text;
	const json_t *names = json_object_get(event, "names");
	json_t *hops = json_array();
	bool has_origin = false;
	size_t i;

	json_array_foreach (texts, i, text) {
		const char *s = json_string_value(text), *space = s ? strchr(s, ' ') : NULL;
		const char *name = json_string_value(json_array_get(names, i));
		json_t *hop;

		if (!space)
			continue;
		hop = json_pack("{s:s%}", "hop", s, (size_t)(space - s));
		if (!strncmp(s, "stack ", 6))
			json_object_set_new(hop, "node", json_string(name ? name : ""));
		else if (!strncmp(s, "rx ", 3) || !strncmp(s, "tx ", 3))
			json_object_set_new(hop, "if", json_string(name ? name : ""));
		else if (!strncmp(s, "drop ", 5))
			json_object_set_new(hop, "reason", json_string(space + 1));
		else
			json_object_set_new(hop, "n", json_integer(strtoll(space + 1, NULL, 10)));
		has_origin = has_origin || !strncmp(s, "stack ", 6);
		json_array_append_new(hops, hop);
	}
	if (has_origin)
		origin_find(lab, hops);
	else if (json_array_size(hops))
		json_array_insert_new(
			hops, 0,
			json_pack("{s:s, s:s}", "hop", "stack", "node", text_of(event, "stack")));
	return hops;
}

/* An event of the engine in the words of this socket; NULL: it is not one. */
static json_t *event_json(const struct lab *lab, const char *line)
{
	json_t *event = json_loads(line, 0, NULL), *out;
	json_int_t t_ns = json_integer_value(json_object_get(event, "t_ns")), time_ns, ago_ns;

	if (!event)
		return NULL;
	time_ns = lab->start_epoch_ns + (t_ns - lab->start_ns);
	ago_ns = weft_engine_now_ns(lab->eng) - t_ns;
	out = json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:s}", "time_ns", time_ns, "ago_ns",
			ago_ns, "event", text_of(event, "event"), "node", text_of(event, "stack"),
			"if", text_of(event, "if"), "trace",
			json_integer_value(json_object_get(event, "trace")), "len",
			json_integer_value(json_object_get(event, "len")), "flow",
			text_of(event, "flow"));
	if (!strcmp(text_of(event, "event"), "drop")) {
		json_object_set(out, "reason", json_object_get(event, "reason"));
		json_object_set(out, "layer", json_object_get(event, "layer"));
		json_object_set(out, "why", json_object_get(event, "why"));
	}
	json_object_set_new(out, "hops", hops_json(lab, event));
	json_decref(event);
	return out;
}

/* ---- methods ----------------------------------------------------------------------------- */

struct search {
	const struct lab *lab;
	const char *node;   /* NULL: all */
	const char *reason; /* NULL: all */
	size_t max;
	json_t *found;
};

static bool drop_see(void *arg, const char *line)
{
	struct search *s = arg;
	json_t *event = event_json(s->lab, line);

	if (!event || (s->node && strcmp(s->node, text_of(event, "node")) != 0) ||
	    (s->reason && strcmp(s->reason, text_of(event, "reason")) != 0))
		json_decref(event);
	else
		json_array_append_new(s->found, event);
	return json_array_size(s->found) < s->max;
}

static bool event_see(void *arg, const char *line)
{
	struct search *s = arg;

	json_array_insert_new(s->found, 0, event_json(s->lab, line));
	return json_array_size(s->found) < s->max;
}

/* The newest `max` of both, which are sorted: the newest first. */
static json_t *merge(json_t *a, json_t *b, size_t max)
{
	json_t *both = json_array();

	while (json_array_size(both) < max && (json_array_size(a) || json_array_size(b))) {
		json_t *from = a;

		if (!json_array_size(a) ||
		    (json_array_size(b) &&
		     json_integer_value(json_object_get(json_array_get(b, 0), "ago_ns")) <
			     json_integer_value(json_object_get(json_array_get(a, 0), "ago_ns"))))
			from = b;
		json_array_append(both, json_array_get(from, 0));
		json_array_remove(from, 0);
	}
	json_decref(a);
	json_decref(b);
	return both;
}

static int drops_run(struct rpc_call *call)
{
	const struct lab_node *node = rpc_call_node(call, "node");
	struct search drops = {
		.lab = rpc_call_lab(call),
		.node = node ? node->file->name : NULL,
		.reason = rpc_call_string(call, "reason", NULL),
		.max = (size_t)rpc_call_integer(call, "max", TRACE_LIST_DEFAULT),
		.found = json_array(),
	};
	struct search ordinary = drops;

	ordinary.found = json_array();
	trace_store_each(drops.lab->traces, TRACE_STORE_DROP, 0, drop_see, &drops);
	if (drops.reason || rpc_call_boolean(call, "all", false))
		trace_store_each(drops.lab->traces, TRACE_STORE_ORDINARY_DROP, 0, drop_see,
				 &ordinary);
	return rpc_reply(call, merge(drops.found, ordinary.found, drops.max));
}

/* In the order in which it happened: hops, then what became of it. */
static int get_run(struct rpc_call *call)
{
	static const enum trace_store_what parts[] = {TRACE_STORE_HOP, TRACE_STORE_ORDINARY_DROP,
						      TRACE_STORE_DROP};
	uint32_t trace_id = (uint32_t)rpc_call_integer(call, "trace", 0);
	struct search s = {.lab = rpc_call_lab(call), .max = TRACE_EVENTS_MAX};
	json_t *all = json_array();

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		s.found = json_array();
		trace_store_each(s.lab->traces, parts[i], trace_id, event_see, &s);
		json_array_extend(all, s.found);
		json_decref(s.found);
	}
	return rpc_reply(call, all);
}

static int sample_run(struct rpc_call *call)
{
	int64_t every = rpc_call_integer(call, "every", 0);

	weft_trace_sample(rpc_call_lab(call)->eng, (uint32_t)every);
	return rpc_reply(call, json_pack("{s:I}", "every", (json_int_t)every));
}

static const struct rpc_param drops_params[] = {
	{"node", RPC_NODE, false, 0, 0, "Dropped there; default: anywhere"},
	{"reason", RPC_STRING, false, 0, 0, "For this reason, such as `UDP_NO_PORT`; default: any"},
	{"max", RPC_INTEGER, false, 1, TRACE_LIST_MAX, "At most so many, the newest; default 20"},
	{"all", RPC_BOOLEAN, false, 0, 0,
	 "Also what belongs to how a network works: frames that a switch has flooded to those they "
	 "are not for; default false"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

static const struct rpc_param get_params[] = {
	{"trace", RPC_INTEGER, true, 1, UINT32_MAX,
	 "The packet's id, as captures have it in their comments"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

static const struct rpc_param sample_params[] = {
	{"every", RPC_INTEGER, true, 0, UINT32_MAX,
	 "The hops of one packet in so many are kept; 1: of every packet, 0: of none"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

#define EVENT_WORDS                                                                               \
	"`{time_ns, ago_ns, event, node, if, trace, len, flow, hops}`, of a drop also `{reason, " \
	"layer, why}`: `event` is `rx`, `tx` or `drop`; `flow` who sends to whom; a hop is "      \
	"`{hop, "                                                                                 \
	"node}` of `stack`, the node that it is in from here on, `{hop, if}` of `rx` and `tx`, "  \
	"`{hop, n}` of `route` (length of the prefix), `bridge` (1 known, 0 flooded), `queue` "   \
	"(packets in front), `sock` (IP protocol) and `neigh`, `{hop, reason}` of `drop`"

const struct rpc_method rpc_methods_trace[] = {
	{
		.name = "trace.drops",
		.help = "The packets that were dropped last, and the way that each had come",
		.params = drops_params,
		.result = "An array, the newest first, of " EVENT_WORDS,
		.run = drops_run,
	},
	{
		.name = "trace.get",
		.help = "What is known of one packet",
		.params = get_params,
		.result =
			"An array of events like those of trace.drops, in the order in which they "
			"happened; empty when nothing is known: of packets that are not sampled "
			"only drops are",
		.run = get_run,
	},
	{
		.name = "trace.sample",
		.help = "Chooses the packets whose hops are kept, from now on",
		.params = sample_params,
		.result = "`{every}`",
		.run = sample_run,
	},
	{.name = NULL},
};
