/* SPDX-License-Identifier: MIT */
/*
 * How connections come to a listener, or to who is asked about each: the inside of TCP (tcp_priv.h)
 * from the SYN to the end of the handshake, and fast open at both ends. One section a file.
 */
#pragma once

#include "transport/tcp/tcp_priv.h"

/* tcp_listen.c, tcp_req.c */

struct tcp_tfo_reply;

struct tcp_listen {
	struct list accept_q; /* tcp_conn->accept_link, oldest first */
	uint32_t n_accept;
	uint32_t backlog;
	struct tcp_req **reqs; /* the SYN queue, in no order */
	uint32_t n_reqs;
	uint32_t cap_reqs;
	uint32_t cookie_s; /* one up: engine second of the last SYN cookie; 0: none */
	uint32_t hand;     /* where the search for an entry to evict goes on */
};

int tcp_listen_start(struct tcp_conn *conn, int backlog) MUST_CHECK;
/* Ends SYN queue and accept queue; children not accepted are reset. */
void tcp_listen_stop(struct tcp_conn *conn);
struct tcp_conn *tcp_accept_pop(struct tcp_conn *listener); /* NULL: none */
void tcp_accept_remove(struct tcp_conn *child);             /* fine when it is in no queue */
enum drop tcp_in_listen(struct tcp_conn *listener, struct tcp_seg *seg,
			uint32_t iss_hint) MUST_CHECK;
enum drop tcp_in_req(struct stack *st, struct tcp_req *req, struct tcp_seg *seg) MUST_CHECK;
int tcp_req_add(struct tcp_conn *listener, const struct tcp_seg *seg, uint32_t iss,
		struct tcp_req **ret) MUST_CHECK;
/* An entry from a SYN, in no table: everything but our initial sequence number. */
void tcp_req_init(struct tcp_req *ret, struct tcp_conn *listener, const struct tcp_seg *seg);
/* The same with the IPv4 options of the answer. */
void tcp_req_opts_init(struct tcp_req_opts *ret, struct tcp_conn *listener,
		       const struct tcp_seg *seg);
/* A copy of it enters the tables. 0, -ENOMEM, -EADDRINUSE. */
int tcp_req_insert(const struct tcp_req_opts *from, struct tcp_req **ret) MUST_CHECK;
/* The IPv4 options of what is sent to the entry's peer; NULL: none. */
static inline const struct ip4_opts *tcp_req_ip4_opts(const struct tcp_req *req)
{
	if (likely(!(req->node.flags & CONN_F_OPTS)))
		return NULL;
	return &container_of(req, const struct tcp_req_opts, req)->opts;
}
void tcp_req_free(struct stack *st, struct tcp_req *req);
/* From the last SYN-ACK to the next. */
uint32_t tcp_req_timeout_ms(const struct tcp_req *req);
/* Since the last SYN-ACK. */
uint32_t tcp_req_age_ms(const struct stack *st, const struct tcp_req *req);
/* `ts`: our clock as the SYN-ACK has it, without its offset; `tfo`: what it says of fast open. */
void tcp_req_synack_tfo(struct stack *st, struct tcp_req *req, uint32_t ts,
			const struct tcp_tfo_reply *tfo);
void tcp_req_synack(struct stack *st, struct tcp_req *req, uint32_t ts);
/* The ACK that completes a handshake. With `is_lent` an entry that makes no connection is freed. */
enum drop tcp_req_complete(struct stack *st, struct tcp_req *req, struct tcp_seg *seg,
			   bool is_lent) MUST_CHECK;
/* Timer of a listener: SYN-ACKs to send again, entries to give up. */
void tcp_listen_timer(struct tcp_conn *listener);
/* The connection that takes the entry's place in the tables, in SYN-RECEIVED and with one reference
 * besides its own; the entry itself stays. NULL: no memory. */
struct tcp_conn *tcp_child_new(struct tcp_req *req);
/* The handshake is complete: makes the connection, which takes the entry's place in the tables and
 * waits in the accept queue. NULL: no memory, and the entry is as it was. */
struct tcp_conn *tcp_listen_child(struct tcp_req *req, uint32_t ack);

/* The same for a SYN with a good fast-open cookie: the connection is in SYN-RECEIVED. */
struct tcp_conn *tcp_listen_child_early(struct tcp_req *req);

/* tcp_ask.c */

/* A SYN that waits for the application's word: an entry of no listener's queue. */
struct tcp_ask {
	struct tcp_req req; /* CONN_ASK; `iss` 0: to be made; not in the tables: cancelled */
	struct intercept *ic;
	struct list link; /* one of ic's lists */
	void *data;       /* the application's */
	int64_t since_ns;
	uint8_t ttl, tos;
	bool is_told;      /* the application knows of it */
	bool is_cancelled; /* and does not know of that yet */
};

enum drop tcp_ask_syn(struct intercept *ic, struct tcp_seg *seg, uint32_t iss_hint) MUST_CHECK;
enum drop tcp_in_ask(struct stack *st, struct tcp_ask *ask, struct tcp_seg *seg) MUST_CHECK;

/* tcp_tfo.c: fast open */

enum {
	TCP_TFO_COOKIE_LEN = 8,
	TFO_RST_SLOTS = 61, /* seconds: a whole minute whatever the fraction */
};

struct tcp_tfo_keys {
	uint32_t n;
	struct siphash_key keys[TCP_TFO_KEYS];
};

/* A listener's fast open, shared with its connections whose handshake is under way. */
struct tcp_tfoq {
	uint32_t refs;
	uint32_t max;                  /* TCP_FASTOPEN */
	uint32_t n;                    /* connections under way */
	uint32_t rst_s;                /* engine seconds of the newest slot of n_rst */
	uint32_t n_rst_all;            /* sum of n_rst */
	uint16_t n_rst[TFO_RST_SLOTS]; /* that were reset, by the second */
	struct tcp_tfo_keys keys;      /* TCP_FASTOPEN_KEY; n 0: the stack's */
};

/* What a SYN-ACK says of fast open. */
struct tcp_tfo_reply {
	bool has_cookie;
	bool is_exp;
	bool is_older_key; /* the client's cookie was made with it */
	uint8_t cookie[TCP_TFO_COOKIE_LEN];
};

static inline void tcp_tfo_set_fail(struct tcp_conn *conn, uint32_t fail)
{
	conn->tfo = (uint16_t)((conn->tfo & ((1u << TCP_TFO_FAIL_SHIFT) - 1)) |
			       fail << TCP_TFO_FAIL_SHIFT);
}

/* One or two keys of TCP_TFO_KEY_LEN bytes. */
void tcp_tfo_keys_load(const uint8_t *bytes, size_t len, struct tcp_tfo_keys *ret);
/* Those of a listener, or the stack's. */
void tcp_tfo_keys_of(const struct tcp_conn *conn, struct tcp_tfo_keys *ret);
void tcp_tfo_cookie_make(const struct siphash_key *key, const struct ip_addr *client,
			 const struct ip_addr *server, uint8_t ret[TCP_TFO_COOKIE_LEN]);
/* A box on the way swallows such connections: none for a time. */
bool tcp_tfo_is_stopped(struct tcp_conn *conn);
/* The retransmission timer has fired, n_retries times in a row; `is_last`: it was given up. */
void tcp_tfo_on_timeout(struct tcp_conn *conn, bool is_last);
/* The connection is over. */
void tcp_tfo_on_end(struct tcp_conn *conn);

/* tcp_tfo_active.c */

/* Forgets all cookies. */
void tcp_tfo_fini(struct tcp *tcp);
/* A SYN may carry data now. */
bool tcp_tfo_may_send(struct tcp_conn *conn);
/* TCP_FASTOPEN_CONNECT: the SYN waits for data to carry. */
bool tcp_tfo_defers(struct tcp_conn *conn);
/* The first SYN, with what of the message it takes; NULL: with a request for a cookie at most. */
void tcp_tfo_syn(struct tcp_conn *conn, const struct sock_msg *msg);
/* The SYN-ACK; snd_una has moved. */
void tcp_tfo_synack(struct tcp_conn *conn, const struct tcp_seg *seg);
/* Now established: what the SYN carried and the peer did not take goes again. */
void tcp_tfo_resend(struct tcp_conn *conn);

/* tcp_tfo_passive.c */

/* A listener's queue, made when there is none. NULL: no memory. */
struct tcp_tfoq *tcp_tfoq_get(struct tcp_conn *listener);
void tcp_tfoq_unref(struct tcp_conn *conn);
/* The handshake is over, one way or the other. */
void tcp_tfoq_leave(struct tcp_conn *child, bool was_reset);
/* listen() has been called. */
void tcp_tfo_listen(struct tcp_conn *listener);
/* The SYN makes a connection at once; else `ret` says what to answer of fast open. */
bool tcp_tfo_accepts(struct tcp_conn *listener, const struct tcp_seg *seg,
		     struct tcp_tfo_reply *ret) MUST_CHECK;
/* The handshake has ended well. */
void tcp_tfo_established(struct tcp_conn *child);
void tcp_tfo_reply_opts(const struct tcp_tfo_reply *reply, struct tcp_opts *ret);
/* Makes it, with the SYN's data, and answers. False: no memory, and all is as it was. */
bool tcp_tfo_child(struct tcp_conn *listener, struct tcp_req *req, struct tcp_seg *seg,
		   const struct tcp_tfo_reply *reply) MUST_CHECK;

enum {
	TCP_REQ_NO_WSCALE = 0xff,
};

static inline bool tcp_req_has_wscale(const struct tcp_req *req)
{
	return req->wscales != TCP_REQ_NO_WSCALE;
}

static inline uint8_t tcp_req_rcv_wscale(const struct tcp_req *req)
{
	return tcp_req_has_wscale(req) ? req->wscales >> 4 : 0;
}

/* tcp_cookie.c */

/* Answers a SYN for which there is no room, and forgets it. */
void tcp_cookie_synack(struct tcp_conn *listener, const struct tcp_seg *seg);
/* An ACK to a listener: makes the connection when it brings a cookie back. DROP_TCP_NO_SOCKET: it
 * does not. */
enum drop tcp_cookie_ack(struct tcp_conn *listener, struct tcp_seg *seg) MUST_CHECK;
