/* SPDX-License-Identifier: MIT */
/*
 * The audit log: a line of JSON for each bind, connect, accept and refusal that the application
 * wants to hear of (weft/limit.h; doc/api.md has the fields).
 */
#pragma once

#include <stdint.h>

#include "pkt/pkt.h"
#include "wire/addr.h"

struct ip_info;
struct sock;
struct stack;

struct sock_audit {
	void (*fn)(void *arg, const char *line); /* NULL: nobody listens */
	void *arg;
	uint32_t what;       /* WEFT_AUDIT_* */
	int64_t second;      /* of the engine: in it, */
	uint32_t n_refused;  /* so many refused connections were told, */
	uint64_t n_withheld; /* and so many were not, until the next line */
};

/* A call of the application's: `event` "bind", "listen", "connect", "accept"; `err` 0 or -Exxx;
 * `peer` NULL: it has none; of a bind that fails, what was asked for. */
void sock_audit_call(const struct sock *sk, uint32_t what, const char *event,
		     const struct ip_addr *peer, uint16_t port, int err);
/* A socket that could not be opened. */
void sock_audit_open(struct stack *st, const char *proto, uint32_t owner, int err);
/* A connection that a listener did not take. */
void sock_audit_refuse(const struct sock *listener, const struct ip_info *info, uint16_t port,
		       enum drop why);
