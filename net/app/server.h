/* SPDX-License-Identifier: MIT */
/*
 * The frame of a small TCP service: a listener, and connections of one kind, each a struct of a few
 * bytes that begins with `struct server_conn`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/weft.h"

struct server;

struct server_conn {
	struct server_conn *next;
	struct server_conn **pprev; /* what points here */
	struct server *srv;
	struct weft_sock *sock;
};

struct server_stats {
	uint64_t n_conns;   /* accepted */
	uint64_t n_refused; /* reset at the bound */
	uint64_t bytes_received, bytes_sent;
	uint32_t n_open;
};

struct server_kind {
	size_t conn_size;   /* of the struct, made all zero */
	uint32_t max_conns; /* more are reset */
	bool no_delay;      /* TCP_NODELAY: the end of an answer does not wait */
	/* Something can be read or written. 0; 1: it has ended well and is closed; -Exxx: it is
	 * reset. */
	int (*ready)(struct server_conn *c, uint32_t events);
};

/* Where it listens. */
struct server_config {
	uint16_t port;              /* on all addresses of both families */
	struct weft_sockaddr at;    /* there instead, unless the family is UNSPEC */
	const struct weft_net *net; /* copied; on which it runs instead of a stack; NULL: none */
	uint32_t owner; /* whose its sockets are (weft/limit.h), on a stack; 0: nobody's */
};

struct server {
	const struct server_kind *kind;
	struct weft_net net;
	struct weft_sock *listeners[2]; /* IPv4, IPv6; NULL: the stack has no such */
	struct server_conn *conns;
	struct server_stats stats;
};

/* 0 or -Exxx of weft_bind() and weft_listen(). `st` may be NULL where cfg->net is not. */
int server_init(struct server *srv, const struct server_kind *kind, struct weft_stack *st,
		const struct server_config *cfg) __attribute__((warn_unused_result));
/* Resets what is open. Also after a server_init() that failed. */
void server_fini(struct server *srv);
