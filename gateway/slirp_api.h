/* SPDX-License-Identifier: MIT */
/*
 * The API socket of slirp4netns(1): forwards of a running gateway, asked for in JSON.
 *
 * How it works: a client connects to a socket of the file system, sends one object
 * ({"execute": ..., "arguments": {...}}) of less than 4 KiB, gets one back, and that is all. A
 * request counts when the client has shut its side down, or when the object is complete.
 *
 *	add_hostfwd     proto, host_addr (0.0.0.0), host_port, guest_addr (the guest's), guest_port
 *	                -> {"return": {"id": 1}}
 *	list_hostfwd    -> {"return": {"entries": [...]}, "entries": [...]}
 *	remove_hostfwd  id -> {"return": {}}
 *	anything wrong  -> {"error": {"desc": "bad request: ..."}}
 *
 * `desc` has slirp4netns' words, byte for byte; why a forward could not be made stands beside it,
 * as `reason`. Addresses may be of either family; slirp4netns knows IPv4 alone.
 *
 * The list stands twice in its answer: under `return` as slirp4netns documents it, and outside as
 * slirp4netns 1.2 sends it.
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "gateway/gateway.h"

enum {
	SLIRP_API_REQUEST_MAX = 4096, /* bytes; a request is shorter */
	SLIRP_API_CLIENTS_MAX = 16,   /* the oldest makes room for another */
};

struct slirp_api;

/* Serves `listen_fd` (listening, taken) on the loop; both borrowed otherwise. 0; -ENOMEM. */
int slirp_api_new(struct weft_loop *loop, struct gateway *gw, const struct weft_addr *guest4,
		  int listen_fd, struct slirp_api **ret) MUST_CHECK;
/* Before the gateway and the loop. NULL is fine. */
void slirp_api_free(struct slirp_api *api);

/* A socket of the file system, listening, for this user only. A file that a dead process has left
 * in its place is replaced. Returns the descriptor or -Exxx. */
int slirp_api_listen(const char *path) MUST_CHECK;

/* The answer to one request, as text; free(3) it. SLIRP_API_REQUEST_MAX bytes are too many. NULL:
 * no memory. */
char *slirp_api_answer(struct gateway *gw, const struct weft_addr *guest4, const char *request,
		       size_t len);
