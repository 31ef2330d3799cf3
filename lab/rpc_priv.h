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

/* The method of that name; NULL: there is none. */
const struct rpc_method *rpc_method_find(const char *name);
/* "integer", as doc/rpc.md and messages call a type. */
const char *rpc_type_name(enum rpc_type type);
