/* SPDX-License-Identifier: MIT */
/* From a line to calls: requests, notifications and batches; and the methods about methods. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"
#include "lab/suggest.h"

/* Where method_next() is; all zero: at the start. */
struct method_at {
	const struct rpc_method *const *table;
	size_t i;
	bool is_more; /* in lab->rpc_more */
};

/* An answer to a request that did not become a call. */
static void refuse(struct rpc_peer *peer, struct rpc_batch *batch, json_t *id, enum rpc_code code,
		   const char *text)
{
	json_t *answer = rpc_answer_make("error", rpc_error_object(code, text, NULL), id);

	if (batch)
		rpc_batch_put(peer, batch, answer);
	else
		rpc_peer_send(peer, answer, NULL, 0);
}

/* Each method of the lab: those of all labs, and then its own. */
static const struct rpc_method *method_next(const struct lab *lab, struct method_at *at)
{
	if (!at->table)
		at->table = rpc_tables;
	for (;;) {
		const struct rpc_method *m = *at->table ? &(*at->table)[at->i] : NULL;

		if (m && m->name) {
			at->i++;
			return m;
		}
		at->i = 0;
		if (m) {
			at->table++;
		} else if (lab->rpc_more && !at->is_more) {
			at->is_more = true;
			at->table = lab->rpc_more;
		} else {
			return NULL;
		}
	}
}

const struct rpc_method *rpc_method_find(const struct lab *lab, const char *name)
{
	struct method_at at = {0};
	const struct rpc_method *m;

	while ((m = method_next(lab, &at)))
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static struct rpc_call *call_find(const struct rpc_peer *peer, const json_t *id)
{
	struct rpc_call *call;

	list_for_each (call, &peer->calls, link)
		if (call->id && json_equal(call->id, id))
			return call;
	return NULL;
}

static void unknown_method(struct rpc_peer *peer, struct rpc_batch *batch, json_t *id,
			   const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);
	struct method_at at = {0};
	const struct rpc_method *m;
	char text[RPC_MSG_MAX];

	while ((m = method_next(peer->lab, &at)))
		lab_suggest_try(&near, m->name);
	if (near.best)
		snprintf(text, sizeof(text), "there is no method `%.60s`; did you mean `%s`?", name,
			 near.best);
	else
		snprintf(text, sizeof(text), "there is no method `%.60s`; rpc.list lists them",
			 name);
	if (id)
		refuse(peer, batch, id, RPC_METHOD_NOT_FOUND, text);
}

static void call_run(struct rpc_call *call)
{
	int err = 0;

	call->is_running = true;
	if (rpc_params_check(call))
		err = call->method->run(call);
	if (!call->is_done && err != RPC_LATER)
		(void)rpc_fail(call, RPC_INTERNAL_ERROR, err, "%s did not answer",
			       call->method->name);
	call->is_running = false;
	if (call->is_done)
		rpc_call_free(call);
}

/* NULL: out of memory. Takes nothing. */
static struct rpc_call *call_new(struct rpc_peer *peer, const struct rpc_method *method, json_t *id,
				 json_t *params, struct rpc_batch *batch)
{
	struct rpc_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->params = params ? json_copy(params) : json_object();
	if (!call->params) {
		free(call);
		return NULL;
	}
	call->peer = peer;
	call->lab = peer->lab;
	call->method = method;
	call->id = json_incref(id);
	call->batch = batch;
	if (batch)
		batch->n_open++;
	list_add_tail(&peer->calls, &call->link);
	peer->n_calls++;
	return call;
}

/* What JSON-RPC 2.0 §4 asks of a request object; NULL: all of it. */
static const char *request_fault(const json_t *request)
{
	const json_t *version = json_object_get(request, "jsonrpc");
	const json_t *params = json_object_get(request, "params");
	const json_t *id = json_object_get(request, "id");

	if (!json_is_object(request))
		return "a request is an object";
	if (!json_is_string(version) || strcmp(json_string_value(version), "2.0"))
		return "a request has \"jsonrpc\": \"2.0\"";
	if (!json_is_string(json_object_get(request, "method")))
		return "a request has a \"method\", a string";
	if (params && !json_is_object(params) && !json_is_array(params))
		return "\"params\" is an object or an array";
	if (id && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
		return "\"id\" is a string, an integer or null";
	return NULL;
}

static int rpc_cancel_run(struct rpc_call *call);

static void request_take(struct rpc_peer *peer, const json_t *request, struct rpc_batch *batch)
{
	const char *fault = request_fault(request);
	json_t *id = json_object_get(request, "id");
	const struct rpc_method *method;
	struct rpc_call *call;
	const char *name;

	if (fault) {
		if (!json_is_string(id) && !json_is_integer(id))
			id = NULL;
		refuse(peer, batch, id, RPC_INVALID_REQUEST, fault);
		return;
	}
	name = json_string_value(json_object_get(request, "method"));
	method = rpc_method_find(peer->lab, name);
	if (!method) {
		unknown_method(peer, batch, id, name);
		return;
	}
	if (id && !json_is_null(id) && call_find(peer, id)) {
		refuse(peer, batch, id, RPC_INVALID_REQUEST, "a call with this id is open");
		return;
	}
	/* One that has too many must still be able to give some up. */
	if (peer->n_calls >= RPC_CALLS_MAX && method->run != rpc_cancel_run) {
		refuse(peer, batch, id, RPC_FAILED, "64 calls are open: wait for answers first");
		return;
	}
	call = call_new(peer, method, id, json_object_get(request, "params"), batch);
	if (call)
		call_run(call);
	else
		rpc_peer_send_oom(peer);
}

static void batch_take(struct rpc_peer *peer, const json_t *requests)
{
	struct rpc_batch *batch;
	json_t *request;
	size_t i;

	if (!json_array_size(requests) || json_array_size(requests) > RPC_BATCH_MAX) {
		rpc_peer_complain(peer, RPC_INVALID_REQUEST, "a batch has 1 to 64 requests");
		return;
	}
	batch = calloc(1, sizeof(*batch));
	if (batch)
		batch->answers = json_array();
	if (!batch || !batch->answers) {
		free(batch);
		rpc_peer_send_oom(peer);
		return;
	}
	batch->n_open = 1;
	json_array_foreach (requests, i, request)
		request_take(peer, request, batch);
	rpc_batch_release(peer, batch);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r", line[i]) || !line[i])
			return false;
	return true;
}

void rpc_peer_line(struct rpc_peer *peer, const char *line, size_t len)
{
	json_error_t error;
	json_t *message;

	if (is_blank(line, len))
		return;
	message = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!message) {
		char text[RPC_MSG_MAX];

		snprintf(text, sizeof(text), "not JSON: %s, byte %d", error.text, error.position);
		rpc_peer_complain(peer, RPC_PARSE_ERROR, text);
		return;
	}
	if (json_is_array(message))
		batch_take(peer, message);
	else
		request_take(peer, message, NULL);
	json_decref(message);
}

/* ---- the methods of the subject `rpc` ---------------------------------------------------- */

static json_t *param_json(const struct rpc_param *param)
{
	json_t *j = json_pack("{s:s, s:s, s:b, s:s}", "name", param->name, "type",
			      rpc_type_name(param->type), "required", param->is_required, "help",
			      param->help);

	if (j && (param->min || param->max)) {
		json_object_set_new(j, "min", json_integer(param->min));
		json_object_set_new(j, "max", json_integer(param->max));
	}
	return j;
}

static json_t *method_json(const struct rpc_method *method)
{
	json_t *params = json_array();

	for (const struct rpc_param *p = method->params; p && p->name; p++)
		json_array_append_new(params, param_json(p));
	return json_pack("{s:s, s:s, s:o, s:s, s:s?}", "name", method->name, "help", method->help,
			 "params", params, "result", method->result, "notifies", method->notifies);
}

static int rpc_list_run(struct rpc_call *call)
{
	struct method_at at = {0};
	const struct rpc_method *m;
	json_t *list = json_array();

	while ((m = method_next(rpc_call_lab(call), &at)))
		json_array_append_new(list, method_json(m));
	return rpc_reply(call, list);
}

static int rpc_cancel_run(struct rpc_call *call)
{
	const json_t *id = json_object_get(rpc_call_params(call), "id");
	struct rpc_call *open = call->peer ? call_find(call->peer, id) : NULL;

	if (!open || open == call)
		return rpc_fail(call, RPC_FAILED, -ENOENT, "no call with this id is open");
	if (!open->on_cancel)
		return rpc_fail(call, RPC_FAILED, -EBUSY, "%s cannot be given up",
				open->method->name);
	rpc_call_cancel(open, "cancelled");
	return rpc_reply(call, json_object());
}

const struct rpc_method rpc_methods_rpc[] = {
	{
		.name = "rpc.list",
		.help = "Lists every method",
		.result = "An array of `{name, help, params, result, notifies}`; `params` is an "
			  "array "
			  "of `{name, type, required, help, min, max}`",
		.run = rpc_list_run,
	},
	{
		.name = "rpc.cancel",
		.help = "Gives up a call of this connection that has not been answered yet; it is "
			"answered with error -32003",
		.params =
			(const struct rpc_param[]){
				{"id", RPC_ANY, true, 0, 0, "The id of its request"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "`{}`",
		.run = rpc_cancel_run,
	},
	{.name = NULL},
};
