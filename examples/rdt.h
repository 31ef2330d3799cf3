/* SPDX-License-Identifier: MIT */
/*
 * RDT: a reliable datagram protocol over UDP, on `struct weft_net`, so it runs on a weft stack and
 * on the host's kernel. Messages of up to 1,200 bytes arrive whole, once and in order, or the
 * connection ends with an error. How it works is in rdt.c; rdt_trial.c tries it out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/weft.h"

enum {
	RDT_MSG_MAX = 1200,
	RDT_CONNS_MAX = 64, /* of an endpoint */
};

struct rdt_conn;

/* An endpoint: a UDP socket and its connections. */
struct rdt {
	struct weft_net net;
	struct weft_sock *sock;
	struct rdt_conn *conns;
	uint32_t n_conns;
	/* Somebody connects: for rdt_on_change(). NULL: nobody is let in. */
	void (*accept_fn)(struct rdt_conn *c, void *arg);
	void *arg;
	uint32_t drop_ppm; /* for trials: packets that are not sent */
};

int rdt_open(struct rdt *r, const struct weft_net *net, const struct weft_sockaddr *at);
/* Forgets its connections. */
void rdt_end(struct rdt *r);

/* NULL: no memory, or too many. */
struct rdt_conn *rdt_connect(struct rdt *r, const struct weft_sockaddr *to);
/* `fn` is told of changes: there is something to read, room to send, or the end. */
void rdt_on_change(struct rdt_conn *c, void (*fn)(struct rdt_conn *c, void *arg), void *arg);
/* 0; -EAGAIN: the ring is full; -EMSGSIZE; or why the connection has ended. */
int rdt_send(struct rdt_conn *c, const void *msg, size_t len);
/* No more will be sent. As rdt_send(). */
int rdt_finish(struct rdt_conn *c);
/* The peer has all that was sent, and knows that it is all. */
bool rdt_is_finished(const struct rdt_conn *c);
/* The next message's length; -EAGAIN; -EPIPE: the peer has finished; or why it has ended. */
ptrdiff_t rdt_recv(struct rdt_conn *c, void *buf, size_t size);
/* Why it has ended; 0: properly, or not at all. */
int rdt_error(const struct rdt_conn *c);
/* The application is done with it; it ends in the background. */
void rdt_close(struct rdt_conn *c);
