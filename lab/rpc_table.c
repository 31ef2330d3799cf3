/* SPDX-License-Identifier: MIT */
/* Every method of the control socket, and doc/rpc.md, which is printed from them. */
#include "lab/rpc.h"

#include <inttypes.h>
#include <string.h>

#include "lab/rpc_priv.h"

extern const struct rpc_method rpc_methods_rpc[];
extern const struct rpc_method rpc_methods_lab[];
extern const struct rpc_method rpc_methods_node[];
extern const struct rpc_method rpc_methods_resolve[];
extern const struct rpc_method rpc_methods_link[];
extern const struct rpc_method rpc_methods_ip[];
extern const struct rpc_method rpc_methods_ss[];
extern const struct rpc_method rpc_methods_nstat[];
extern const struct rpc_method rpc_methods_ping[];
extern const struct rpc_method rpc_methods_traceroute[];
extern const struct rpc_method rpc_methods_dump[];
extern const struct rpc_method rpc_methods_trace[];

/* One line a subject, in the order of doc/rpc.md. */
/* clang-format off */
const struct rpc_method *const rpc_tables[] = {
	rpc_methods_rpc,
	rpc_methods_lab,
	rpc_methods_node,
	rpc_methods_resolve,
	rpc_methods_link,
	rpc_methods_ip,
	rpc_methods_ss,
	rpc_methods_nstat,
	rpc_methods_ping,
	rpc_methods_traceroute,
	rpc_methods_dump,
	rpc_methods_trace,
	NULL,
};
/* clang-format on */

static void print_params(const struct rpc_param *params, FILE *out)
{
	if (!params || !params->name)
		return;
	fprintf(out, "| parameter | type | meaning |\n|---|---|---|\n");
	for (const struct rpc_param *p = params; p->name; p++) {
		fprintf(out, "| `%s`%s | %s", p->name, p->is_required ? " (required)" : "",
			rpc_type_name(p->type));
		if (p->min || p->max)
			fprintf(out, ", %" PRId64 " to %" PRId64, p->min, p->max);
		fprintf(out, " | %s |\n", p->help);
	}
	fprintf(out, "\n");
}

static void print_method(const struct rpc_method *m, FILE *out)
{
	fprintf(out, "\n### %s\n\n%s.\n\n", m->name, m->help);
	print_params(m->params, out);
	fprintf(out, "Result: %s.\n", m->result);
	if (m->notifies)
		fprintf(out, "\nNotifications: %s.\n", m->notifies);
}

static void print_errors(FILE *out)
{
	static const struct {
		enum rpc_code code;
		const char *text;
	} errors[] = {
		{RPC_PARSE_ERROR, "the line is not JSON"},
		{RPC_INVALID_REQUEST, "the JSON is not a request"},
		{RPC_METHOD_NOT_FOUND, "there is no such method"},
		{RPC_INVALID_PARAMS, "a parameter is unknown, missing or of the wrong type"},
		{RPC_INTERNAL_ERROR, "memory ran out, or the method has a fault"},
		{RPC_FAILED,
		 "refused; `data.errno` is the name of the error, `EEXIST`, if it has one"},
		{RPC_NO_NODE,
		 "the lab has no such node; `data.did_you_mean` is a name that is close"},
		{RPC_WRONG_KIND,
		 "a node of this kind cannot do that; `data.kind` is `weft`, `kernel` "
		 "or `switch`"},
		{RPC_CANCELLED, "given up by `rpc.cancel`, or because the node has gone"},
	};

	fprintf(out, "| code | meaning |\n|---|---|\n");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		fprintf(out, "| %d | %s |\n", (int)errors[i].code, errors[i].text);
}

static void print_methods(const struct rpc_method *const *tables, FILE *out)
{
	for (; *tables; tables++)
		for (const struct rpc_method *m = *tables; m->name; m++)
			print_method(m, out);
}

void rpc_print_markdown(FILE *out, const struct rpc_method *const *more, const char *more_text)
{
	fprintf(out,
		"# Methods of the control socket\n\n"
		"Printed from the table of methods (`weft rpc --list --markdown`); what the socket "
		"is and where it lives\n"
		"is in [control.md](control.md). A message is one line of JSON-RPC 2.0. Parameters "
		"are given by name\n"
		"or by position; `null` stands for an optional one that is not given. A parameter "
		"of type *node* is\n"
		"the name of a node. Notifications carry the `id` of the request they belong to "
		"and, when the client did\n"
		"not read fast enough, `left_out`: how many are missing before this one.\n\n"
		"Bounds: %d bytes a request, %d requests a batch, %d clients, %d open calls of a "
		"client, %d bytes that\n"
		"wait for a client to read them.\n\n"
		"```\n"
		"$ weft rpc rpc.list\n"
		"$ echo '{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"lab.info\"}' | socat - "
		"UNIX:$XDG_RUNTIME_DIR/weft/home.sock\n"
		"```\n\n"
		"## Errors\n\n",
		RPC_LINE_MAX, RPC_BATCH_MAX, RPC_CLIENTS_MAX, RPC_CALLS_MAX, RPC_OUT_MAX);
	print_errors(out);
	fprintf(out, "\n## Methods\n");
	print_methods(rpc_tables, out);
	fprintf(out, "\n## %s\n", more_text);
	print_methods(more, out);
}
