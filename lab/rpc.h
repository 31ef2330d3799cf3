/* SPDX-License-Identifier: MIT */
/*
 * The control socket of a lab: JSON-RPC 2.0 over a Unix socket, and the table of its methods.
 *
 * How it works: a message is one line of JSON, in either direction; a client may send several
 * requests without waiting, and a batch (an array) as the standard has it. The server lives on the
 * lab's loop, on the engine's thread, so a method calls the public API directly and never waits. A
 * method that cannot answer at once (ping, traceroute, dump) returns RPC_LATER, keeps its call and
 * answers from a callback; until then it may send notifications that carry the request's id, and
 * when its client goes away it is told by `on_cancel`.
 *
 * A method is an entry in a table: name, help, parameters, result. Parameters are checked against
 * the table before the method runs (unknown names, missing ones, wrong types are refused by name),
 * and doc/rpc.md is printed from the same table. Each subject has its own file, rpc_SUBJECT.c,
 * which exports one table; rpc_table.c lists them.
 *
 * Bounds: RPC_LINE_MAX bytes a request and RPC_CLIENTS_MAX clients: who exceeds one is told so and
 * closed. RPC_BATCH_MAX requests of a batch and RPC_CALLS_MAX open calls of a client: the request
 * is refused. RPC_OUT_MAX bytes that wait for a client to read them: while half of that waits, its
 * requests are not read and its notifications are left out and counted; above, it is closed. An
 * answer that is larger becomes an error.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"

struct lab;
struct lab_node;
struct rpc_call;
struct rpc_server;

enum {
	RPC_LINE_MAX = 1 << 20,
	RPC_CLIENTS_MAX = 64,
	RPC_CALLS_MAX = 64,
	RPC_BATCH_MAX = 64,
	RPC_OUT_MAX = 8 << 20,
	RPC_FDS_MAX = 8, /* descriptors that an answer carries */
};

/* Codes of errors: JSON-RPC 2.0 §5.1, and ours. */
enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_INTERNAL_ERROR = -32603,
	RPC_FAILED = -32000, /* refused; `data.errno` is the name of the errno, "EEXIST" */
	RPC_NO_NODE =
		-32001, /* the lab has no node of that name; `data.did_you_mean` if one is near */
	RPC_WRONG_KIND = -32002, /* the node's kind cannot do that; `data.kind` is what it is */
	RPC_CANCELLED = -32003,  /* by `rpc.cancel`, or because the call's node has gone */
};

enum rpc_type {
	RPC_STRING,
	RPC_INTEGER,
	RPC_BOOLEAN,
	RPC_OBJECT,
	RPC_ARRAY,
	RPC_NODE, /* a string that names a node; the method gets it by rpc_call_node() */
	RPC_ANY,  /* any value: the method checks it */
};

struct rpc_param {
	const char *name;
	enum rpc_type type;
	bool is_required;
	int64_t min, max; /* RPC_INTEGER, unless both are 0 */
	const char *help; /* one sentence, no full stop at the end; with the default if optional */
};

enum {
	RPC_LATER = 1, /* what a method returns that answers by and by */
};

struct rpc_method {
	const char *name;               /* "SUBJECT.VERB": "link.set", "ping.start" */
	const char *help;               /* one sentence */
	const struct rpc_param *params; /* ends with a NULL name */
	const char *result;             /* the result in words and field names, for doc/rpc.md */
	const char *notifies;           /* its notifications, the same way; NULL: none */
	/*
	 * Answers with rpc_reply() or rpc_fail() and returns what they return; or returns RPC_LATER
	 * and does so later, exactly once.
	 */
	int (*run)(struct rpc_call *call) MUST_CHECK;
};

/* ---- for methods ------------------------------------------------------------------------- */

struct lab *rpc_call_lab(const struct rpc_call *call);
/* The parameters, checked; an empty object if there were none. Borrowed. */
const json_t *rpc_call_params(const struct rpc_call *call);
/* The node that the RPC_NODE parameter `name` names; NULL when it was not given. */
struct lab_node *rpc_call_node(const struct rpc_call *call, const char *name);
/* A parameter, or `deflt` when it was not given. The string is the call's. */
const char *rpc_call_string(const struct rpc_call *call, const char *name, const char *deflt);
int64_t rpc_call_integer(const struct rpc_call *call, const char *name, int64_t deflt);
bool rpc_call_boolean(const struct rpc_call *call, const char *name, bool deflt);

/* Ends the call with a result, which it takes; NULL: memory ran out, and the client is told so. */
int rpc_reply(struct rpc_call *call, json_t *result);
/* The same, with descriptors, which it takes and closes: the client gets them by SCM_RIGHTS. */
int rpc_reply_fds(struct rpc_call *call, json_t *result, const int *fds, size_t n_fds);
/* Ends the call with an error. `err`: -Exxx for RPC_FAILED, else 0. */
int rpc_fail(struct rpc_call *call, enum rpc_code code, int err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* The usual refusal: RPC_FAILED with "WHAT: strerror". */
int rpc_fail_errno(struct rpc_call *call, int err, const char *what);

/* Refuses because of the node's kind: RPC_WRONG_KIND, "METHOD works on weft nodes; r1 is a switch".
 * `wanted`: "weft nodes". */
int rpc_fail_kind(struct rpc_call *call, const struct lab_node *node, const char *wanted);

/* Sends {"jsonrpc","method","params":{"id": the request's, ...params}}; takes `params`. False: left
 * out, since the client does not read; the next one that is sent has `left_out`, how many were. */
bool rpc_notify(struct rpc_call *call, const char *method, json_t *params);
/* Notifications of this call that have been left out so far. */
uint64_t rpc_call_left_out(const struct rpc_call *call);
/* `fn(arg)` when the client gives the call up (it has gone, or has sent `rpc.cancel`): `fn` must
 * release what the call holds. The call is gone afterwards: nothing may be sent on it. Also when
 * the lab ends, and when a node that a parameter names is removed. Without, the call cannot be
 * given up, and its answer is thrown away when nobody waits for it any more. */
void rpc_call_on_cancel(struct rpc_call *call, void (*fn)(void *arg), void *arg);

/* A string that may not be UTF-8 (a path, a program's argument): other bytes become '?'. */
json_t *rpc_text(const char *s);

/* ---- for the lab ------------------------------------------------------------------------- */

/*
 * Listens at PATH (mode 0600) on the lab's loop. 0; -EADDRINUSE: a lab of that name is running;
 * -ENAMETOOLONG, -ENOMEM or what socket(2), bind(2) and listen(2) say.
 */
int rpc_server_start(struct lab *lab, const char *path, struct rpc_server **ret) MUST_CHECK;
/* Cancels the open calls, closes the clients, removes the socket. NULL is fine. */
void rpc_server_stop(struct rpc_server *srv);

/* Ends every call that has a parameter that names the node, which is about to go; but for `self`,
 * the call that removes it. */
void rpc_node_gone(const struct lab_node *node, const struct rpc_call *self);
/* How many clients are connected. */
uint32_t rpc_server_n_clients(const struct rpc_server *srv);

/* Every lab's methods: tables, each ended by a NULL name; the list ends with NULL. Who runs a lab
 * gives it more by lab->rpc_more, a list like this one. */
extern const struct rpc_method *const rpc_tables[];
/* doc/rpc.md. `more`: methods that not every lab has, and `more_text` says which do. */
void rpc_print_markdown(FILE *out, const struct rpc_method *const *more, const char *more_text);
