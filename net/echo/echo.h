/* SPDX-License-Identifier: MIT */
/*
 * The echo service (RFC 862), over TCP and UDP: what comes in goes back.
 *
 * An ordinary application of the public API, on any network (weft/net.h): it runs on the engine's
 * thread, from socket callbacks, and stores at most ECHO_BUF bytes a connection; a peer that does
 * not read is not read from.
 */
#pragma once

#include <stdint.h>

#include "weft/weft.h"

enum {
	ECHO_BUF = 16384,       /* bytes held for one TCP connection */
	ECHO_CONNS_MAX = 20000, /* connections at a time; more are reset */
};

struct echo_config {
	uint16_t port;
	struct weft_sockaddr at;    /* where it listens instead, unless the family is UNSPEC */
	const struct weft_net *net; /* copied; on which it runs instead of a stack; NULL: none */
	bool tcp, udp;
	uint32_t owner; /* whose its sockets are (weft/limit.h), on a stack; 0: nobody's */
};

struct echo_stats {
	uint64_t n_conns;   /* accepted */
	uint64_t n_refused; /* reset at the bound */
	uint64_t n_bytes;   /* returned over TCP */
	uint64_t n_datagrams;
	uint32_t n_open;
};

struct echo;

/* Starts to listen on all addresses of `st`, or as cfg->net and cfg->at say. 0 or -Exxx of
 * weft_bind() and weft_listen(); nothing is left open then. */
int echo_new(struct weft_stack *st, const struct echo_config *cfg, struct echo **ret)
	__attribute__((warn_unused_result));
/* Resets what is open. NULL is fine. */
void echo_free(struct echo *e);
void echo_stats(const struct echo *e, struct echo_stats *ret);
