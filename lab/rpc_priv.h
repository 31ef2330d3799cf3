/* SPDX-License-Identifier: MIT */
/*
 * Inside the control socket: what rpc.c, which knows JSON-RPC, and rpc_server.c, which knows
 * sockets, share. Tests and the fuzz target are peers without a socket.
 */
#pragma once

#include "base/list.h"
#include "lab/rpc.h"

/* One that sends requests: a client of the server, embedded there. */
struct rpc_peer {
	struct lab *lab;
	struct list link; /* of lab->rpc_peers */
	/* Sends one message, which ends with '\n'. Takes `line` (malloc(3)) and the descriptors.
	 * Must not free the peer, whatever happens. */
	void (*send)(struct rpc_peer *peer, char *line, size_t len, const int *fds, size_t n_fds);
	/* Bytes that wait to be read by the client. */
	size_t (*waiting)(const struct rpc_peer *peer);
	struct list calls; /* that are not answered yet, oldest first */
	uint32_t n_calls;
};

void rpc_peer_init(struct rpc_peer *peer, struct lab *lab);
/* Gives up every open call. Not from a method. */
void rpc_peer_fini(struct rpc_peer *peer);
/* One line that came from the peer, without the '\n': a request, a notification or a batch. */
void rpc_peer_line(struct rpc_peer *peer, const char *line, size_t len);
/* Tells the peer what is wrong with the connection: an error without an id. */
void rpc_peer_complain(struct rpc_peer *peer, enum rpc_code code, const char *text);

/* ---- between rpc.c, rpc_request.c and rpc_params.c --------------------------------------- */

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

json_t *rpc_error_object(enum rpc_code code, const char *text, json_t *data);
/* An answer; takes `value`. NULL: out of memory. */
json_t *rpc_answer_make(const char *kind, json_t *value, json_t *id);
/* Takes `message` (NULL: out of memory) and the descriptors. */
void rpc_peer_send(struct rpc_peer *peer, json_t *message, const int *fds, size_t n_fds);
/* What can be said without memory for saying it. */
void rpc_peer_send_oom(struct rpc_peer *peer);
void rpc_batch_put(struct rpc_peer *peer, struct rpc_batch *batch, json_t *answer);
/* One answer less is missing; the last one sends them all. */
void rpc_batch_release(struct rpc_peer *peer, struct rpc_batch *batch);
void rpc_call_free(struct rpc_call *call);
/* Gives an open call up and tells the peer so. */
void rpc_call_cancel(struct rpc_call *call, const char *why);
/* rpc_fail() with its `data`, which it takes. */
int rpc_fail_data(struct rpc_call *call, enum rpc_code code, const char *text, json_t *data);
/* All parameters against the method's table. False: answered. */
bool rpc_params_check(struct rpc_call *call);

/* The lab's method of that name; NULL: there is none. */
const struct rpc_method *rpc_method_find(const struct lab *lab, const char *name);
/* "integer", as doc/rpc.md and messages call a type. */
const char *rpc_type_name(enum rpc_type type);
