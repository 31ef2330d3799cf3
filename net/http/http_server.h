/* SPDX-License-Identifier: MIT */
/*
 * A web server (HTTP/1.1, RFC 9110 and RFC 9112) on a node's stack: the files of a folder, and
 * documents without a file.
 *
 * GET, HEAD and OPTIONS; persistent connections with pipelining; ranges, entity tags, conditions;
 * index.html for folders. An ordinary application of the public API: it runs on the engine's thread
 * from callbacks, and leaves what waits for a disk to a thread of its own. README.md has the
 * limits.
 */
#pragma once

#include "net/http/http_disk.h"
#include "net/http/http_doc.h"
#include "weft/weft.h"

/* 0 stands for the default of everything but port and root. */
struct http_server_config {
	uint16_t port;
	struct weft_sockaddr at;    /* where it listens instead, unless the family is UNSPEC */
	const struct weft_net *net; /* copied; on which it runs instead of a stack; NULL: none */
	uint32_t owner;   /* whose its sockets are (weft/limit.h), on a stack; 0: nobody's */
	const char *root; /* the folder whose files are served; NULL: none */
	const struct http_doc *docs; /* copied, but for the strings in it; come before files */
	size_t n_docs;
	/* How to watch a descriptor of the disk's thread, for `root` (http_disk.h). NULL: files are
	 * read on the engine's thread, as is right in virtual time. */
	http_watch_fn *watch;
	void *watch_ctx;
	/* Seconds since 1970, for Date; NULL: the system's clock. */
	int64_t (*now_s)(void *ctx);
	void *now_ctx;
	/* Is given a line a request; it must not call the server. NULL: nobody is. */
	void (*log)(void *arg, const char *line);
	void *log_arg;

	uint32_t max_conns;       /* at a time; more get 503: 10000 */
	uint32_t max_files;       /* open at a time; more get 503: 1024 */
	int64_t idle_timeout_ns;  /* between requests, and without progress in one: 60 s */
	int64_t head_timeout_ns;  /* from the first byte of a request to its empty line: 10 s */
	int64_t close_timeout_ns; /* for the client to close after us: 2 s */
	uint32_t max_body;        /* bytes of a request's body that are skipped: 65536 */
};

struct http_server_stats {
	uint64_t n_conns;      /* accepted */
	uint64_t n_refused;    /* of these above max_conns */
	uint64_t n_requests;   /* that were answered in full */
	uint64_t n_status[6];  /* of these with a status of 1xx .. 5xx; [0] is not used */
	uint64_t n_body_bytes; /* of contents, given to the sockets */
	uint64_t n_timeouts;   /* connections that were ended for one */
	uint64_t n_broken;     /* connections that ended amid an answer */
	uint32_t n_open;       /* connections now */
	uint32_t n_files;      /* files open now */
};

struct http_server;

/* Starts to listen on all addresses of `st`, or as cfg->net and cfg->at say. 0 or -Exxx, and
 * nothing is left open then: of weft_bind() and weft_listen(), of opening `root` (-ENOENT,
 * -ENOTDIR, -EACCES), of `watch`; -EINVAL: a document's path does not start with '/', or its type
 * is not one; -EEXIST: two documents have the same path; -ENOMEM. */
int http_server_new(struct weft_stack *st, const struct http_server_config *cfg,
		    struct http_server **ret) __attribute__((warn_unused_result));
/* Resets what is open. To be called before the stack is freed. NULL is fine. */
void http_server_free(struct http_server *srv);
void http_server_stats(const struct http_server *srv, struct http_server_stats *ret);
