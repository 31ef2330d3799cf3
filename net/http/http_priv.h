/* SPDX-License-Identifier: MIT */
/*
 * What the server's files share: the server itself, a connection, and an exchange, which is a
 * request together with its answer.
 *
 *	http_server.c    listens, accepts, counts        struct http_server
 *	http_conn.c      the life of a connection        struct http_conn
 *	http_exchange.c  what the answer to a request is  struct http_exchange
 */
#pragma once

#include "net/http/http_body.h"
#include "net/http/http_file.h"
#include "net/http/http_response.h"
#include "net/http/http_server.h"

enum {
	HTTP_IN_START = 2048, /* bytes of a connection's first buffer; it grows to HTTP_HEAD_MAX */
	HTTP_DOC_PIECE = 128 * 1024, /* bytes of a made-up document at a time */
	/* Connections above max_conns that are told so; more are reset. */
	HTTP_REFUSED_MAX = 64,
};

/* A document of the configuration. */
struct http_entry {
	struct http_doc doc;
	uint64_t size;
	const char *type;
	struct http_validators validators;
};

struct http_server {
	struct http_server_config cfg; /* with defaults filled in */
	struct weft_net net;
	struct weft_sock *listeners[2]; /* IPv4, IPv6; NULL: the stack has no such */
	struct http_folder folder;      /* fd -1: none */
	struct http_entry *entries;     /* sorted by path */
	size_t n_entries;
	struct http_conn *conns;
	struct http_server_stats stats;
};

/* There is one while a request is being read or answered; an idle connection has none. */
struct http_exchange {
	struct http_parser parser;
	char *in; /* bytes received since the start of the request */
	size_t in_cap, in_len;
	size_t in_used; /* bytes at the start that were the request: known once it is answered */
	int64_t start_ns;

	/* The answer */
	uint32_t status;
	bool keep_alive;
	const char *why;                /* for people, of an error; NULL: the status says it */
	char *out;                      /* the head, and an error's text */
	size_t out_len, out_off;        /* of these, sent */
	const struct http_entry *entry; /* what is sent after it: a document, ... */
	struct http_file *file;         /* ... or a file, or neither */
	uint64_t body_off, body_left;   /* of that, what is not sent yet */
	uint8_t *piece;                 /* of a made-up document */
	size_t piece_len, piece_off;
	uint64_t n_sent; /* bytes of content */

	struct http_body body; /* of the request, when the answer is sent */
};

enum http_conn_state {
	HTTP_CONN_READ,   /* waits for a request, or for the rest of its head */
	HTTP_CONN_OPEN,   /* waits for the disk to open the file */
	HTTP_CONN_SEND,   /* sends the answer */
	HTTP_CONN_SKIP,   /* reads the body of a request that has been answered */
	HTTP_CONN_LINGER, /* has finished sending, and reads what still comes */
};

struct http_conn {
	struct http_conn *next, **pprev; /* what points here */
	struct http_server *srv;
	struct weft_sock *sock;
	struct weft_timer *timer;
	struct weft_sockaddr peer;
	enum http_conn_state state;
	bool is_refused; /* above max_conns */
	struct http_exchange *x;
};

/* http_server.c */

int64_t http_server_now_s(const struct http_server *srv);
/* The document of that path, or NULL. */
const struct http_entry *http_server_find(const struct http_server *srv, const char *path);

/* http_conn.c */

/* Takes `sock`. -ENOMEM: it is still the caller's. */
int http_conn_new(struct http_server *srv, struct weft_sock *sock, const struct weft_sockaddr *peer,
		  bool is_refused) __attribute__((warn_unused_result));
/* Resets the connection. */
void http_conn_abort(struct http_conn *c);

/* http_exchange.c */

/* NULL: no memory. */
struct http_exchange *http_exchange_new(int64_t now_ns);
void http_exchange_free(struct http_exchange *x); /* NULL is fine */
/* Gets ready for the next request, which starts behind the first `in_used` bytes. */
void http_exchange_next(struct http_exchange *x, int64_t now_ns);

/* Decides what the answer to the parsed request is. 0: `out` and what follows it are set; -EAGAIN:
 * the file is being opened, http_exchange_opened() is next, after `ready(arg)`; -ENOMEM. */
int http_exchange_answer(struct http_exchange *x, struct http_server *srv, void (*ready)(void *arg),
			 void *arg) __attribute__((warn_unused_result));
/* The same once http_file_status() is not -EAGAIN any more. 0 or -ENOMEM. */
int http_exchange_opened(struct http_exchange *x, struct http_server *srv)
	__attribute__((warn_unused_result));
/* Makes the answer an error with a short text, `why` being its reason (or NULL). 0 or -ENOMEM. */
int http_exchange_error(struct http_exchange *x, struct http_server *srv, uint32_t status,
			const char *why) __attribute__((warn_unused_result));
/* Sets `ret` to the next bytes of the content, and returns how many are there; 0: that was all;
 * -EAGAIN: the disk is being waited for; other -Exxx: there will be no more. */
ptrdiff_t http_exchange_peek(struct http_exchange *x, const void **ret);
void http_exchange_take(struct http_exchange *x, size_t len);
