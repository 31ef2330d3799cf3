/* SPDX-License-Identifier: MIT */
/*
 * JSON-RPC 2.0: the life of a call, and from answers to lines. The contract is in rpc.h; requests
 * are read in rpc_request.c, their parameters checked in rpc_params.c; the sockets are in
 * rpc_server.c.
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

json_t *rpc_error_object(enum rpc_code code, const char *text, json_t *data)
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

json_t *rpc_answer_make(const char *kind, json_t *value, json_t *id)
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

void rpc_peer_send_oom(struct rpc_peer *peer)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":"
				   "\"out of memory\"},\"id\":null}\n";

	peer->send(peer, strdup(text), strlen(text), NULL, 0);
}

void rpc_peer_send(struct rpc_peer *peer, json_t *message, const int *fds, size_t n_fds)
{
	size_t len = 0;
	char *line = line_make(message, &len);

	if (line && len <= RPC_OUT_MAX) {
		peer->send(peer, line, len, fds, n_fds);
	} else {
		fds_close(fds, n_fds);
		if (line) {
			json_t *id = json_object_get(message, "id");
			json_t *error = rpc_error_object(RPC_FAILED,
							 "the answer is larger than 8 MiB: ask for "
							 "less",
							 json_pack("{s:s}", "errno", "EMSGSIZE"));
			json_t *small = rpc_answer_make("error", error, id);

			free(line);
			line = line_make(small, &len);
			json_decref(small);
		}
		if (line)
			peer->send(peer, line, len, NULL, 0);
		else
			rpc_peer_send_oom(peer);
	}
	json_decref(message);
}

void rpc_peer_complain(struct rpc_peer *peer, enum rpc_code code, const char *text)
{
	rpc_peer_send(peer, rpc_answer_make("error", rpc_error_object(code, text, NULL), NULL),
		      NULL, 0);
}

/* ---- batches ----------------------------------------------------------------------------- */

void rpc_batch_put(struct rpc_peer *peer, struct rpc_batch *batch, json_t *answer)
{
	if (answer && peer && json_array_append_new(batch->answers, answer) == 0)
		return;
	if (!peer)
		json_decref(answer);
	else
		rpc_peer_send_oom(peer);
}

void rpc_batch_release(struct rpc_peer *peer, struct rpc_batch *batch)
{
	if (--batch->n_open)
		return;
	if (peer && json_array_size(batch->answers))
		rpc_peer_send(peer, batch->answers, NULL, 0);
	else
		json_decref(batch->answers);
	free(batch);
}

/* ---- calls ------------------------------------------------------------------------------- */

struct lab *rpc_call_lab(const struct rpc_call *call)
{
	return call->lab;
}

uint64_t rpc_call_left_out(const struct rpc_call *call)
{
	return call->n_left_out;
}

void rpc_call_free(struct rpc_call *call)
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
		rpc_batch_put(peer, batch, answer);
	else if (peer && call->id)
		rpc_peer_send(peer, answer, fds, n_fds);
	else
		json_decref(answer);
	if (batch)
		rpc_batch_release(peer, batch);
	if (!call->is_running)
		rpc_call_free(call);
}

/* Tells the method; the call must have been marked as done. */
static void call_release(struct rpc_call *call)
{
	void (*fn)(void *arg) = call->on_cancel;

	call->on_cancel = NULL;
	if (fn)
		fn(call->on_cancel_arg);
}

void rpc_call_cancel(struct rpc_call *call, const char *why)
{
	call->is_done = true;
	call_release(call);
	call_end(call,
		 call->id ? rpc_answer_make("error", rpc_error_object(RPC_CANCELLED, why, NULL),
					    call->id)
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
		answer = rpc_answer_make("result", result, call->id);
	else
		json_decref(result);
	call_end(call, answer, fds, n_fds);
	return 0;
}

int rpc_reply(struct rpc_call *call, json_t *result)
{
	return rpc_reply_fds(call, result, NULL, 0);
}

int rpc_fail_data(struct rpc_call *call, enum rpc_code code, const char *text, json_t *data)
{
	json_t *answer = NULL;

	if (call->is_done || !call->id || !call->peer)
		json_decref(data);
	else
		answer = rpc_answer_make("error", rpc_error_object(code, text, data), call->id);
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
	return rpc_fail_data(call, code, text, errno_data(err));
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
	return rpc_fail_data(call, RPC_WRONG_KIND, text, json_pack("{s:s}", "kind", kind));
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
		rpc_peer_send(peer, message, NULL, 0);
	else
		call->n_left_out++;
	return message != NULL;
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
				rpc_call_cancel(call, "the node has been removed");
}
