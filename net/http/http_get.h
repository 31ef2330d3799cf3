/* SPDX-License-Identifier: MIT */
/*
 * A web client that downloads one document, again and again: each try is a connection, a GET and
 * its response (http_reply.h). It has ended well when the status is 200 and the body is complete
 * and of the expected size.
 */
#pragma once

#include "net/app/app.h"

enum {
	HTTP_GET_TARGET_MAX = 4096, /* bytes of the path, and of the host */
};

struct http_get_config {
	struct weft_sockaddr to;
	const char *host; /* for the Host field: "web:8080" */
	const char *path; /* starts with '/' */
	bool has_size;
	uint64_t size; /* the body's, in bytes, if has_size */
	struct app_plan plan;
};

/* Copies the texts. 0; -EINVAL: host or path; -ENOMEM. */
int http_get_new(struct weft_stack *st, const struct http_get_config *cfg, struct app **ret)
	__attribute__((warn_unused_result));
