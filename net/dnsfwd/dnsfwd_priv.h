/* SPDX-License-Identifier: MIT */
/*
 * What the files of the forwarder share.
 *
 *	dnsfwd.c	sockets to be asked at, life
 *	dnsfwd_conn.c	a client's connection: messages in, answers out
 *	dnsfwd_query.c	a query under way: servers one after the other, what an answer is
 *	dnsfwd_cache.c	answers that are kept for their time
 */
#pragma once

#include "base/list.h"
#include "net/dnsfwd/dnsfwd.h"
#include "wire/dns.h"

enum {
	DNSFWD_BATCH = 32, /* datagrams and connections taken before others have their turn */
	DNSFWD_MSG_MAX = 65535,
	DNSFWD_FRAME_HDR = 2, /* a message's length, over TCP */
};

/* A message over TCP, on its way in or out. */
struct dnsfwd_frame {
	uint8_t *buf; /* with its length in front; NULL: that is not known yet */
	uint8_t hdr[DNSFWD_FRAME_HDR];
	size_t off, len; /* done of, all of it; with the length */
};

struct dnsfwd_listener {
	struct dnsfwd *d;
	struct weft_sock *sock;
};

/* What an answer depends on. */
struct dnsfwd_key {
	struct dns_question question;
	uint8_t flags; /* RD, AD, CD; whether there is an OPT record, and DO */
	bool may_keep; /* no option of EDNS asks for something of its own */
};

struct dnsfwd {
	struct weft_net inside, outside;
	struct weft_engine *eng;
	struct dnsfwd_listener udp[DNSFWD_AT_MAX], tcp[DNSFWD_AT_MAX];
	struct weft_sockaddr servers[DNSFWD_SERVERS_MAX];
	uint32_t n_servers, max_queries, timeout_ms, max_cached;
	struct weft_addr bind4, bind6;
	char device[16];
	struct list queries, conns;
	struct dnsfwd_cached *cached[DNSFWD_CACHED_MAX]; /* stats.n_cached of them */
	size_t cached_bytes;
	uint64_t cached_used; /* counts uses */
	struct dnsfwd_stats stats;
	uint8_t buf[DNSFWD_MSG_MAX];
};

/* A client's connection: it reads a query, waits for its answer, writes it. */
struct dnsfwd_conn {
	struct dnsfwd *d;
	struct list link; /* d->conns */
	struct weft_sock *sock;
	struct weft_timer *timer;   /* it is idle */
	struct dnsfwd_query *query; /* waits; NULL: none */
	struct dnsfwd_frame in, out;
	bool is_running; /* in conn_run(): what ends a query must not begin another one */
};

struct dnsfwd_query {
	struct dnsfwd *d;
	struct list link;          /* d->queries */
	struct dnsfwd_conn *conn;  /* NULL: by UDP, */
	struct weft_sock *in;      /* here, */
	struct weft_sockaddr from; /* from there */
	struct dnsfwd_key key;
	uint16_t client_id, id;
	uint16_t client_bytes; /* that the client takes by UDP */
	struct weft_sock *out; /* of the try under way */
	struct weft_timer *timer;
	struct dnsfwd_frame in_frame, out_frame; /* over TCP */
	uint32_t n_tries;
	size_t len;
	uint8_t msg[]; /* room for a frame's length, and the query with our number */
};

/* dnsfwd_query.c */

/* A client's message: sends it on, or answers at once. `conn` NULL: by UDP. False: there is no
 * answer to be waited for. */
bool dnsfwd_query_take(struct dnsfwd *d, struct weft_sock *in, const struct weft_sockaddr *from,
		       struct dnsfwd_conn *conn, const uint8_t *msg, size_t len) MUST_CHECK;
/* Without an answer. */
void dnsfwd_query_free(struct dnsfwd_query *q);

/* dnsfwd_cache.c */

/* An answer with the question in the query's letters, its TTLs lowered, its number anybody's; its
 * length; 0: there is none. */
size_t dnsfwd_cache_get(struct dnsfwd *d, const struct dnsfwd_key *key,
			uint8_t buf[DNSFWD_MSG_MAX]) MUST_CHECK;
/* A right answer, if it may be kept. */
void dnsfwd_cache_put(struct dnsfwd *d, const struct dnsfwd_key *key, const struct dns_hdr *hdr,
		      const uint8_t *msg, size_t len);
void dnsfwd_cache_clear(struct dnsfwd *d);

/* dnsfwd_conn.c */

void dnsfwd_conn_new(struct dnsfwd *d, struct weft_sock *sock);
void dnsfwd_conn_free(struct dnsfwd_conn *c);
/* The answer to what it waits for. */
void dnsfwd_conn_answer(struct dnsfwd_conn *c, const uint8_t *msg, size_t len);
/* 1: the message is whole; 0: not yet; -Exxx: it will not be. */
int dnsfwd_frame_read(const struct weft_net *net, struct weft_sock *s,
		      struct dnsfwd_frame *f) MUST_CHECK;
int dnsfwd_frame_write(const struct weft_net *net, struct weft_sock *s,
		       struct dnsfwd_frame *f) MUST_CHECK;
/* A copy of the message as a frame to be written. -ENOMEM. */
int dnsfwd_frame_set(struct dnsfwd_frame *f, const uint8_t *msg, size_t len) MUST_CHECK;
void dnsfwd_frame_clear(struct dnsfwd_frame *f);
