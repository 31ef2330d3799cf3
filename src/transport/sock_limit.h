/* SPDX-License-Identifier: MIT */
/*
 * What sockets may take: limits of a stack and of each owner (weft/limit.h).
 *
 * How it works: a *scope* counts sockets, the bytes behind their queues and, while it has a limit
 * for that, connections by the peer's address. There is one of the stack, and one of each owner
 * that has sockets or limits; a socket knows its owner's by a slot in an array. Everything is
 * counted always, in one or two additions; limits are looked at where something new is asked for:
 *
 *	socket()               sockets                   -ENFILE, -EMFILE
 *	connect()              bytes, peer, rate         -ENOBUFS, -ECONNREFUSED
 *	SYN, end of handshake  sockets, bytes, peer, rate	 dropped (or reset): DROP_LIMIT_*
 *	datagram received      bytes                     dropped
 *	TCP's queues           bytes                     as when memory is short (tcp_mem.c)
 *
 * A SYN only looks at the rate; the end of its handshake takes from it, as it does from the peer's
 * number: addresses of SYNs may be forged, and must not use up what is somebody else's.
 *
 * The rate is a token bucket, kept as the time at which it is full again.
 *
 * Invariants: scope->n_socks is the number of its struct sock; with a table of peers, the sum of
 * its counts is the number of its sockets with SOCK_F_PEER.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/htab.h"
#include "pkt/pkt.h"
#include "transport/sock.h"
#include "wire/addr.h"

enum sock_limit {
	SOCK_LIMIT_SOCKS,
	SOCK_LIMIT_BYTES,
	SOCK_LIMIT_PEER,
	SOCK_LIMIT_RATE,
	SOCK_LIMITS,
};

enum {
	SOCK_OWNERS_MAX = UINT16_MAX, /* of a stack */
};

struct sock_limit_conf {
	uint32_t max_socks; /* 0: any, as below */
	uint32_t max_per_peer;
	uint32_t conns_per_s, conns_burst;
	int64_t max_bytes;
	uint8_t peer_len4, peer_len6;
	uint8_t resets;
};

struct sock_scope {
	struct htab_node by_id; /* of an owner */
	uint32_t id;            /* the owner; 0: the stack */
	uint32_t n_socks;
	uint64_t n_bytes;
	struct sock_limit_conf conf;
	int64_t full_ns;   /* the bucket of tokens is full then */
	struct htab peers; /* struct sock_peer; no buckets: not counted */
	uint64_t n_refused[SOCK_LIMITS];
};

struct sock_limits {
	struct sock_scope stack;
	struct sock_scope **owners; /* by slot - 1; NULL: free */
	uint32_t n_slots, n_owners;
	uint32_t next_slot; /* where the next free one is looked for */
	struct htab by_id;
};

/* Frees what there is; no socket is left. */
void sock_limits_fini(struct stack *st);

/* The scope of an owner, made if there is none (0: the stack's). NULL: no memory, or too many. */
struct sock_scope *sock_scope_get(struct stack *st, uint32_t owner) MUST_CHECK;
const struct sock_scope *sock_scope_find(const struct stack *st, uint32_t owner);
/* Frees an owner's that has neither sockets nor limits. */
void sock_scope_put(struct stack *st, struct sock_scope *scope);
/* 0; -EINVAL; -ENOMEM. */
int sock_scope_conf(struct stack *st, struct sock_scope *scope,
		    const struct sock_limit_conf *conf) MUST_CHECK;
/* Its sysctls have changed its peers' part. */
void sock_scope_changed(struct stack *st);

/* The owner of a socket; 0: nobody. */
uint32_t sock_owner(const struct sock *sk);
/* Moves what the socket has to an owner. 0; -EMFILE; -ENOMEM. */
int sock_owner_set(struct sock *sk, uint32_t owner) MUST_CHECK;
/* A connection of a listener, which is asked for nothing any more. */
void sock_owner_inherit(struct sock *sk, const struct sock *listener);
/* A socket comes, or has gone; for sock.c. */
void sock_limit_enter(struct sock *sk);
void sock_limit_leave(struct stack *st, uint32_t slot);

/* Whether another socket without an owner may be opened. 0; -ENFILE. */
int sock_limit_open(struct stack *st) MUST_CHECK;
/* Whether `sk` may begin a connection to a peer, which it has then. 0; -ENOBUFS; -ECONNREFUSED;
 * -ENOMEM. */
int sock_limit_connect(struct sock *sk, const struct ip_addr *peer) MUST_CHECK;
/* Whether a listener may have a connection from a peer; with `takes` it has one more. */
enum drop sock_limit_accept(struct sock *listener, const struct ip_addr *peer,
			    bool takes) MUST_CHECK;
/* Whether the application may accept a connection that it was asked about (intercept.h), with one
 * more socket like `model`. 0; -ENFILE; -ENOBUFS; -ECONNREFUSED. */
int sock_limit_asked(struct sock *model, const struct ip_addr *peer) MUST_CHECK;
/* SYNs that the limits refuse are to be reset. */
bool sock_limit_resets(const struct sock *listener);
/* The connection counts as one with the peer, until it leaves the connection table or this is taken
 * back. 0; -ENOMEM. */
int sock_peer_hold(struct sock *sk, const struct ip_addr *peer) MUST_CHECK;
void sock_peer_release(struct sock *sk, const struct ip_addr *peer);

/* Bytes that come to, or leave, the socket's queues are counted by sock_bytes_add()
 * (sock_table.h). */
/* Whether `n` bytes more are within the limits; counts a refusal. */
bool sock_bytes_fit(struct sock *sk, uint32_t n) MUST_CHECK;
/* Three quarters of a limit of bytes are in use. */
bool sock_bytes_are_short(const struct sock *sk);
