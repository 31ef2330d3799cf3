/* SPDX-License-Identifier: MIT */
/*
 * Limits of a stack and of the owners of its sockets, and an audit log of who did what.
 *
 * An owner is a number that the application gives to sockets: a tenant, a program, a user. What is
 * opened with weft_socket_for(), or has WEFT_SO_OWNER set, counts for its owner and for the stack,
 * connections of a listener for the listener's. Owner 0 is nobody: such sockets count for the stack
 * alone. doc/api.md says what is refused when a limit is reached, and how.
 */
#pragma once

#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero: no limit. */
struct weft_limits {
	/* Sockets, from when they are opened, or their handshake is complete, until the stack has
	 * forgotten them: closed connections count as long as they have something to send. */
	uint32_t max_socks;
	/* TCP connections, either way, with one address of a peer; half-open ones do not count. */
	uint32_t max_conns_per_peer;
	uint32_t conns_per_s; /* new TCP connections a second, either way, */
	uint32_t conns_burst; /* of which so many may come at once; 0: those of a second */
	uint64_t max_bytes;   /* memory behind the queues of all sockets */
	/* Bits of a peer's address that count for max_conns_per_peer; 0: all. */
	uint8_t peer_len4, peer_len6;
	bool resets; /* SYNs that a limit refuses are reset; else dropped, so that they come again
		      */
};

/* What counts against the limits, and how often each has refused something. */
struct weft_usage {
	uint32_t owner; /* 0: the whole stack */
	uint32_t n_socks;
	uint64_t n_bytes;
	uint64_t refused_socks, refused_bytes, refused_peer, refused_rate;
};

/* As weft_socket(), for an owner. Besides -EMFILE: the owner has max_socks; -ENFILE: the stack has
 * (also of weft_socket()); -ENOMEM. */
WEFT_API int weft_socket_for(struct weft_stack *st, uint32_t owner, int family, int type,
			     int protocol, struct weft_sock **ret);
/* Sets the limits of an owner, or of the stack (0; the same as its settings net.limit.*), from now
 * on: nothing that is there goes. NULL: none. -EINVAL: a prefix is longer than addresses are;
 * -ENOMEM: nothing has changed. */
WEFT_API int weft_stack_limits_set(struct weft_stack *st, uint32_t owner,
				   const struct weft_limits *limits);
/* Either may be NULL. -ENOENT: no such owner, that is, it has neither sockets nor limits. */
WEFT_API int weft_stack_limits_get(const struct weft_stack *st, uint32_t owner,
				   struct weft_limits *ret, struct weft_usage *ret_usage);
/* Calls `fn` for the stack, then for each owner that has sockets or limits. It may change nothing.
 */
WEFT_API void weft_stack_usage(const struct weft_stack *st,
			       void (*fn)(void *arg, const struct weft_usage *usage), void *arg);

/* The engine's mem_limit_bytes from now on; 0: none. Packets and buffers that nobody uses are given
 * back at once, also when the limit stays as it is (and later when something else needs it). What
 * is in use stays, if need be above the limit, and nothing more is to be had until there is less;
 * doc/api.md says what is refused then, in which order. TCP's marks (net.ipv4.tcp_mem_*) follow, as
 * in an engine that was made with this limit, unless they have been set. */
WEFT_API void weft_engine_mem_limit_set(struct weft_engine *eng, uint64_t bytes);

enum {
	WEFT_AUDIT_BIND = 1,    /* also listen */
	WEFT_AUDIT_CONNECT = 2, /* begun */
	WEFT_AUDIT_ACCEPT = 4,  /* by the application */
	WEFT_AUDIT_REFUSE = 8,  /* what of these failed; connections that a listener refused */
	WEFT_AUDIT_ALL = 15,
};
/* From now on calls `fn` with a line of JSON (no newline) for each of `what`; doc/api.md has the
 * fields. `fn` must not call into the stack. At most 100 refused connections a second are told, the
 * next line says how many were not. NULL: stop. */
WEFT_API void weft_stack_audit(struct weft_stack *st, uint32_t what,
			       void (*fn)(void *arg, const char *line), void *arg);

#ifdef __cplusplus
}
#endif
