/* SPDX-License-Identifier: MIT */
/*
 * Requests and responses of given sizes over one TCP connection: the client, and its server.
 *
 * A request is at least RR_HEAD bytes long and begins with two big-endian 32-bit numbers: its own
 * length and the response's, in bytes. The server takes the whole request and answers with that
 * many bytes. The client can talk to an echo service instead: then the answer is the request.
 */
#pragma once

#include "net/app/app.h"
#include "net/app/server.h"

enum {
	RR_HEAD = 8,
	RR_SIZE_MAX = 1 << 30, /* of a request or response */
	RR_CONNS_MAX = 20000,  /* of a server, at a time; more are reset */
};

struct rr_config {
	struct weft_sockaddr to;
	uint32_t request, response; /* bytes */
	bool is_echo;               /* `response` is not looked at */
	struct app_plan plan;
};

/* A client: a connection, and a try is a request with its response. A connection that ends is made
 * anew for the next try. 0; -EINVAL: a size; -ENOMEM. */
int rr_client_new(struct weft_stack *st, const struct rr_config *cfg, struct app **ret)
	__attribute__((warn_unused_result));

struct rr_server;

int rr_server_new(struct weft_stack *st, const struct server_config *cfg, struct rr_server **ret)
	__attribute__((warn_unused_result));
void rr_server_free(struct rr_server *s); /* NULL is fine */
void rr_server_stats(const struct rr_server *s, struct server_stats *ret);
