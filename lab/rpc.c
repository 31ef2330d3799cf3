/* SPDX-License-Identifier: MIT */
/*
 * JSON-RPC 2.0: from a line to calls of methods, and from their answers to lines. The contract is
 * in rpc.h; the sockets are in rpc_server.c.
 *
 * How it works: a call lives from its request to its answer, on its peer's list. A method that
 * answers at once does so below call_run(), which frees the call; one that answers later frees it
 * by answering. Who gives a call up (a client that goes, rpc.cancel, a node that goes) marks it as
 * done first, so that nothing that the method's on_cancel does can answer it. The answers of a
 * batch are collected and sent when the last one is there.
 */
#include "lab/rpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"
#include "lab/suggest.h"

enum {
	RPC_MSG_MAX = 512, /* of an error's text */
};

struct rpc_batch {
	json_t *answers;
	uint32_t n_open; /* calls without an answer, and 1 while it is being read */
};

struct rpc_call {
	struct list link;      /* of peer->calls */
	struct rpc_peer *peer; /* NULL: gone, the answer is thrown away */
	struct lab *lab;
	const struct rpc_method *method;
	json_t *id; /* NULL: a notification, which is not answered */
	json_t *params;
	struct rpc_batch *batch; /* NULL: it came alone */
	void (*on_cancel)(void *arg);
	void *on_cancel_arg;
	uint64_t n_left_out, n_left_out_told;
	bool is_running; /* call_run() is below us and frees it */
	bool is_done;    /* answered or given up */
};

/* ---- messages ---------------------------------------------------------------------------- */

json_t *rpc_text(const char *s)
{
	json_t *text = json_string(s);
	char *copy;

	if (text)
		return text;
	copy = strdup(s);
	if (!copy)
		return NULL;
	for (char *p = copy; *p; p++)
		if (*p & ~0x7f)
			*p = '?';
	text = json_string(copy);
	free(copy);
	return text;
}

static json_t *error_object(enum rpc_code code, const char *text, json_t *data)
{
	json_t *error = json_pack("{s:i, s:o}", "code", (int)code, "message", rpc_text(text));

	if (data && error && json_object_set_new(error, "data", data) < 0) {
		json_decref(error);
		return NULL;
	}
	if (!error)
		json_decref(data);
	return error;
}

/* An answer; takes `value`. NULL: out of memory. */
static json_t *answer_make(const char *kind, json_t *value, json_t *id)
{
	json_t *null_id = id ? NULL : json_null();

	return json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", kind, value, "id", id ? id : null_id);
}

static char *line_make(const json_t *message, size_t *ret_len)
{
	char *text = message ? json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;

	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	*ret_len = len + 1;
	return line;
}

static void fds_close(const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
}

/* What can be said without memory for saying it. */
static void peer_send_oom(struct rpc_peer *peer)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":"
				   "\"out of memory\"},\"id\":null}\n";

	peer->send(peer, strdup(text), strlen(text), NULL, 0);
}

/* Takes `message` (NULL: out of memory) and the descriptors. */
static void peer_send(struct rpc_peer *peer, json_t *message, const int *fds, size_t n_fds)
{
	size_t len = 0;
	char *line = line_make(message, &len);

	if (line && len <= RPC_OUT_MAX) {
		peer->send(peer, line, len, fds, n_fds);
	} else {
		fds_close(fds, n_fds);
		if (line) {
			json_t *id = json_object_get(message, "id");
			json_t *error = error_object(RPC_FAILED,
						     "the answer is larger than 8 MiB: ask for "
						     "less",
						     json_pack("{s:s}", "errno", "EMSGSIZE"));
			json_t *small = answer_make("error", error, id);

			free(line);
			line = line_make(small, &len);
			json_decref(small);
		}
		if (line)
			peer->send(peer, line, len, NULL, 0);
		else
			peer_send_oom(peer);
	}
	json_decref(message);
}

void rpc_peer_complain(struct rpc_peer *peer, enum rpc_code code, const char *text)
{
	peer_send(peer, answer_make("error", error_object(code, text, NULL), NULL), NULL, 0);
}

/* ---- batches ----------------------------------------------------------------------------- */

static void batch_put(struct rpc_peer *peer, struct rpc_batch *batch, json_t *answer)
{
	if (answer && peer && json_array_append_new(batch->answers, answer) == 0)
		return;
	if (!peer)
		json_decref(answer);
	else
		peer_send_oom(peer);
}

/* One answer less is missing; the last one sends them all. */
static void batch_release(struct rpc_peer *peer, struct rpc_batch *batch)
{
	if (--batch->n_open)
		return;
	if (peer && json_array_size(batch->answers))
		peer_send(peer, batch->answers, NULL, 0);
	else
		json_decref(batch->answers);
	free(batch);
}

/* An answer to a request that did not become a call. */
static void refuse(struct rpc_peer *peer, struct rpc_batch *batch, json_t *id, enum rpc_code code,
		   const char *text)
{
	json_t *answer = answer_make("error", error_object(code, text, NULL), id);

	if (batch)
		batch_put(peer, batch, answer);
	else
		peer_send(peer, answer, NULL, 0);
}

/* ---- calls ------------------------------------------------------------------------------- */

struct lab *rpc_call_lab(const struct rpc_call *call)
{
	return call->lab;
}

const json_t *rpc_call_params(const struct rpc_call *call)
{
	return call->params;
}

struct lab_node *rpc_call_node(const struct rpc_call *call, const char *name)
{
	const char *node = json_string_value(json_object_get(call->params, name));

	return node ? lab_node_find(call->lab, node) : NULL;
}

const char *rpc_call_string(const struct rpc_call *call, const char *name, const char *deflt)
{
	const char *s = json_string_value(json_object_get(call->params, name));

	return s ? s : deflt;
}

int64_t rpc_call_integer(const struct rpc_call *call, const char *name, int64_t deflt)
{
	const json_t *v = json_object_get(call->params, name);

	return v ? json_integer_value(v) : deflt;
}

bool rpc_call_boolean(const struct rpc_call *call, const char *name, bool deflt)
{
	const json_t *v = json_object_get(call->params, name);

	return v ? json_is_true(v) : deflt;
}

uint64_t rpc_call_left_out(const struct rpc_call *call)
{
	return call->n_left_out;
}

static void call_free(struct rpc_call *call)
{
	json_decref(call->id);
	json_decref(call->params);
	free(call);
}

/* Takes the answer and the descriptors; the call goes, unless its method is still running. */
static void call_end(struct rpc_call *call, json_t *answer, const int *fds, size_t n_fds)
{
	struct rpc_peer *peer = call->peer;
	struct rpc_batch *batch = call->batch;

	call->is_done = true;
	call->batch = NULL;
	if (peer) {
		list_del(&call->link);
		peer->n_calls--;
	}
	if (!peer || !call->id || batch)
		fds_close(fds, n_fds);
	if (batch && call->id)
		batch_put(peer, batch, answer);
	else if (peer && call->id)
		peer_send(peer, answer, fds, n_fds);
	else
		json_decref(answer);
	if (batch)
		batch_release(peer, batch);
	if (!call->is_running)
		call_free(call);
}

/* Tells the method; the call must have been marked as done. */
static void call_release(struct rpc_call *call)
{
	void (*fn)(void *arg) = call->on_cancel;

	call->on_cancel = NULL;
	if (fn)
		fn(call->on_cancel_arg);
}

/* Gives an open call up and tells the peer so. */
static void call_cancel(struct rpc_call *call, const char *why)
{
	call->is_done = true;
	call_release(call);
	call_end(call,
		 call->id ? answer_make("error", error_object(RPC_CANCELLED, why, NULL), call->id)
			  : NULL,
		 NULL, 0);
}

int rpc_reply_fds(struct rpc_call *call, json_t *result, const int *fds, size_t n_fds)
{
	json_t *answer = NULL;

	if (call->is_done) {
		json_decref(result);
		fds_close(fds, n_fds);
		return 0;
	}
	if (n_fds && call->batch) {
		json_decref(result);
		fds_close(fds, n_fds);
		return rpc_fail(call, RPC_FAILED, -EINVAL,
				"descriptors do not travel in a batch: send %s alone",
				call->method->name);
	}
	if (!result) {
		fds_close(fds, n_fds);
		return rpc_fail(call, RPC_INTERNAL_ERROR, 0, "out of memory");
	}
	if (call->id && call->peer)
		answer = answer_make("result", result, call->id);
	else
		json_decref(result);
	call_end(call, answer, fds, n_fds);
	return 0;
}

int rpc_reply(struct rpc_call *call, json_t *result)
{
	return rpc_reply_fds(call, result, NULL, 0);
}

static int fail_data(struct rpc_call *call, enum rpc_code code, const char *text, json_t *data)
{
	json_t *answer = NULL;

	if (call->is_done || !call->id || !call->peer)
		json_decref(data);
	else
		answer = answer_make("error", error_object(code, text, data), call->id);
	if (!call->is_done)
		call_end(call, answer, NULL, 0);
	return 0;
}

static json_t *errno_data(int err)
{
	const char *name = err < 0 ? strerrorname_np(-err) : NULL;

	return name ? json_pack("{s:s}", "errno", name) : NULL;
}

int rpc_fail(struct rpc_call *call, enum rpc_code code, int err, const char *fmt, ...)
{
	char text[RPC_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail_data(call, code, text, errno_data(err));
}

int rpc_fail_errno(struct rpc_call *call, int err, const char *what)
{
	return rpc_fail(call, RPC_FAILED, err, "%s: %s", what, strerror(-err));
}

int rpc_fail_kind(struct rpc_call *call, const struct lab_node *node, const char *wanted)
{
	static const char *const kinds[] = {
		[LABFILE_WEFT] = "weft",
		[LABFILE_KERNEL] = "kernel",
		[LABFILE_SWITCH] = "switch",
	};
	const char *kind = kinds[node->file->kind];
	char text[RPC_MSG_MAX];

	snprintf(text, sizeof(text), "%s works on %s; %s is of kind %s", call->method->name, wanted,
		 node->file->name, kind);
	return fail_data(call, RPC_WRONG_KIND, text, json_pack("{s:s}", "kind", kind));
}

void rpc_call_on_cancel(struct rpc_call *call, void (*fn)(void *arg), void *arg)
{
	call->on_cancel = fn;
	call->on_cancel_arg = arg;
}

bool rpc_notify(struct rpc_call *call, const char *method, json_t *params)
{
	struct rpc_peer *peer = call->peer;
	json_t *message;

	if (!peer || call->is_done || !call->id || !params ||
	    peer->waiting(peer) > RPC_OUT_MAX / 2) {
		json_decref(params);
		call->n_left_out++;
		return false;
	}
	if (call->n_left_out > call->n_left_out_told) {
		json_object_set_new(
			params, "left_out",
			json_integer((json_int_t)(call->n_left_out - call->n_left_out_told)));
		call->n_left_out_told = call->n_left_out;
	}
	json_object_set(params, "id", call->id);
	message =
		json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", method, "params", params);
	if (message)
		peer_send(peer, message, NULL, 0);
	else
		call->n_left_out++;
	return message != NULL;
}

/* ---- parameters -------------------------------------------------------------------------- */

const char *rpc_type_name(enum rpc_type type)
{
	static const char *const names[] = {
		[RPC_STRING] = "string", [RPC_INTEGER] = "integer", [RPC_BOOLEAN] = "boolean",
		[RPC_OBJECT] = "object", [RPC_ARRAY] = "array",     [RPC_NODE] = "node",
		[RPC_ANY] = "any",
	};

	return names[type];
}

static bool type_fits(const struct rpc_param *param, const json_t *value)
{
	switch (param->type) {
	case RPC_STRING:
	case RPC_NODE:
		return json_is_string(value);
	case RPC_INTEGER:
		return json_is_integer(value);
	case RPC_BOOLEAN:
		return json_is_boolean(value);
	case RPC_OBJECT:
		return json_is_object(value);
	case RPC_ARRAY:
		return json_is_array(value);
	case RPC_ANY:
		return true;
	}
	return false;
}

/* Parameters by position become parameters by name. False: answered. */
static bool params_name(struct rpc_call *call)
{
	const struct rpc_param *param = call->method->params;
	json_t *named, *value;
	size_t i;

	if (!json_is_array(call->params))
		return true;
	named = json_object();
	json_array_foreach (call->params, i, value) {
		if (!param || !param->name) {
			json_decref(named);
			(void)rpc_fail(call, RPC_INVALID_PARAMS, 0,
				       "%s takes %zu parameters, not %zu", call->method->name, i,
				       json_array_size(call->params));
			return false;
		}
		json_object_set(named, param->name, value);
		param++;
	}
	json_decref(call->params);
	call->params = named;
	return true;
}

static const struct rpc_param *param_find(const struct rpc_method *method, const char *name)
{
	for (const struct rpc_param *p = method->params; p && p->name; p++)
		if (!strcmp(p->name, name))
			return p;
	return NULL;
}

static int unknown_param(struct rpc_call *call, const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);

	for (const struct rpc_param *p = call->method->params; p && p->name; p++)
		lab_suggest_try(&near, p->name);
	if (near.best)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"%s has no parameter `%.60s`; did you mean `%s`?",
				call->method->name, name, near.best);
	return rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s has no parameter `%.60s`",
			call->method->name, name);
}

static int unknown_node(struct rpc_call *call, const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);
	char text[RPC_MSG_MAX];

	for (uint32_t i = 0; i < call->lab->n_nodes; i++)
		lab_suggest_try(&near, call->lab->nodes[i]->file->name);
	if (!near.best) {
		snprintf(text, sizeof(text), "the lab has no node `%.60s`", name);
		return fail_data(call, RPC_NO_NODE, text, NULL);
	}
	snprintf(text, sizeof(text), "the lab has no node `%.60s`; did you mean `%s`?", name,
		 near.best);
	return fail_data(call, RPC_NO_NODE, text, json_pack("{s:s}", "did_you_mean", near.best));
}

/* One that is there. False: answered. */
static bool param_check(struct rpc_call *call, const struct rpc_param *param, const json_t *value)
{
	const char *method = call->method->name;

	if (!type_fits(param, value)) {
		(void)rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s: parameter `%s` must be %s %s%s",
			       method, param->name,
			       strchr("aio", rpc_type_name(param->type)[0]) ? "an" : "a",
			       param->type == RPC_NODE ? "string" : rpc_type_name(param->type),
			       param->type == RPC_NODE ? ", the name of a node" : "");
		return false;
	}
	if (param->type == RPC_INTEGER && (param->min || param->max) &&
	    (json_integer_value(value) < param->min || json_integer_value(value) > param->max)) {
		(void)rpc_fail(call, RPC_INVALID_PARAMS, 0,
			       "%s: parameter `%s` must be from %lld to %lld", method, param->name,
			       (long long)param->min, (long long)param->max);
		return false;
	}
	if (param->type == RPC_NODE && !lab_node_find(call->lab, json_string_value(value))) {
		(void)unknown_node(call, json_string_value(value));
		return false;
	}
	return true;
}

/* All parameters against the method's table. False: answered. */
static bool params_check(struct rpc_call *call)
{
	const struct rpc_param *param = call->method->params;
	const char *name;
	json_t *value;
	void *next;

	if (!params_name(call))
		return false;
	json_object_foreach_safe(call->params, next, name, value)
	{
		const struct rpc_param *p = param_find(call->method, name);

		if (!p) {
			(void)unknown_param(call, name);
			return false;
		}
		if (json_is_null(value) && !p->is_required)
			json_object_del(call->params, name);
	}
	for (; param && param->name; param++) {
		value = json_object_get(call->params, param->name);
		if (!value && param->is_required) {
			(void)rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s needs a parameter `%s`: %s",
				       call->method->name, param->name, param->help);
			return false;
		}
		if (value && !param_check(call, param, value))
			return false;
	}
	return true;
}

/* ---- requests ---------------------------------------------------------------------------- */

const struct rpc_method *rpc_method_find(const char *name)
{
	for (const struct rpc_method *const *t = rpc_tables; *t; t++)
		for (const struct rpc_method *m = *t; m->name; m++)
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
	char text[RPC_MSG_MAX];

	for (const struct rpc_method *const *t = rpc_tables; *t; t++)
		for (const struct rpc_method *m = *t; m->name; m++)
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
	if (params_check(call))
		err = call->method->run(call);
	if (!call->is_done && err != RPC_LATER)
		(void)rpc_fail(call, RPC_INTERNAL_ERROR, err, "%s did not answer",
			       call->method->name);
	call->is_running = false;
	if (call->is_done)
		call_free(call);
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
	method = rpc_method_find(name);
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
		peer_send_oom(peer);
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
		peer_send_oom(peer);
		return;
	}
	batch->n_open = 1;
	json_array_foreach (requests, i, request)
		request_take(peer, request, batch);
	batch_release(peer, batch);
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

/* ---- peers ------------------------------------------------------------------------------- */

void rpc_peer_init(struct rpc_peer *peer, struct lab *lab)
{
	peer->lab = lab;
	peer->n_calls = 0;
	list_init(&peer->calls);
	list_add_tail(&lab->rpc_peers, &peer->link);
}

void rpc_peer_fini(struct rpc_peer *peer)
{
	struct list *link;

	list_del(&peer->link);
	while ((link = list_first(&peer->calls))) {
		struct rpc_call *call = container_of(link, struct rpc_call, link);

		if (call->on_cancel) {
			call->is_done = true;
			call_release(call);
			call->peer = NULL;
			list_del(&call->link);
			call_end(call, NULL, NULL, 0);
		} else {
			call->peer = NULL;
			list_del(&call->link);
		}
	}
	peer->n_calls = 0;
}

static bool call_names(const struct rpc_call *call, const struct lab_node *node)
{
	for (const struct rpc_param *p = call->method->params; p && p->name; p++)
		if (p->type == RPC_NODE && rpc_call_node(call, p->name) == node)
			return true;
	return false;
}

void rpc_node_gone(const struct lab_node *node, const struct rpc_call *self)
{
	struct rpc_peer *peer;
	struct rpc_call *call;

	list_for_each (peer, &node->lab->rpc_peers, link)
		list_for_each_safe (call, &peer->calls, link)
			if (call != self && call_names(call, node))
				call_cancel(call, "the node has been removed");
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
	json_t *list = json_array();

	for (const struct rpc_method *const *t = rpc_tables; *t; t++)
		for (const struct rpc_method *m = *t; m->name; m++)
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
	call_cancel(open, "cancelled");
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
