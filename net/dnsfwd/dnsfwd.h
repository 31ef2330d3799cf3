/* SPDX-License-Identifier: MIT */
/*
 * A DNS forwarder between two networks: clients of the inner one ask it, and it asks the servers of
 * the outer one (RFC 5625). A gateway's inner network is the guest's stack, the outer one the
 * host's sockets, so a guest has the names that its host has, those of a resolver on the host's
 * loopback included.
 *
 * How it works: a query that is well formed goes out with a number of our own, from a socket of its
 * own (so from a random port), to one server after the other. What comes back must be from the
 * server, well formed, and have the number and the question; then the client gets it with its own
 * number, byte for byte, or with TC set when it is longer than the client takes by UDP. One query
 * is one answer. A client of TCP has its queries sent on over TCP, one after the other. An answer
 * may be kept for its time, and be given to whoever asks the same.
 *
 * An ordinary application of the public API.
 */
#pragma once

#include "base/compiler.h"
#include "weft/weft.h"

enum {
	DNSFWD_AT_MAX = 4,
	DNSFWD_SERVERS_MAX = 8,
	DNSFWD_CONNS_MAX = 32,   /* of clients, over TCP; the next are refused */
	DNSFWD_QUERY_MAX = 4096, /* bytes; longer ones are malformed */
	DNSFWD_CACHED_MAX = 1024,
};

struct dnsfwd_config {
	const struct weft_net *inside, *outside; /* what they refer to outlives the forwarder */
	struct weft_sockaddr at[DNSFWD_AT_MAX];  /* where it is asked; port 0: 53 */
	uint32_t n_at;
	struct weft_sockaddr servers[DNSFWD_SERVERS_MAX]; /* whom it asks; port 0: 53 */
	uint32_t n_servers;                               /* 0: every answer is SERVFAIL */
	uint32_t max_queries; /* that wait for answers; 0: 256. The next are dropped */
	uint32_t timeout_ms;  /* of a try; 0: 2000. Two rounds over all servers are made */
	uint32_t max_cached;  /* answers kept for their time, up to DNSFWD_CACHED_MAX; 0: none */
	/* The sockets that ask have this address, or leave by this interface ("": any); but not to
	 * a server on the loopback. WEFT_AF_UNSPEC: any. */
	struct weft_addr bind4, bind6;
	char device[16];
};

struct dnsfwd_stats {
	uint64_t n_queries;            /* of the right form */
	uint64_t n_malformed;          /* answered by FORMERR, or by nothing */
	uint64_t n_tcp;                /* of the queries, over TCP */
	uint64_t n_answers;            /* of servers, passed on */
	uint64_t n_failed;             /* answered by SERVFAIL, for want of an answer */
	uint64_t n_tries;              /* messages to servers */
	uint64_t n_timeouts, n_errors; /* of tries */
	uint64_t n_forged;             /* messages that were no answer to what was asked */
	uint64_t n_truncated;          /* longer than the client takes */
	uint64_t n_repeated;           /* a client's repetitions while its query waits */
	uint64_t n_full;               /* queries and connections at their bounds */
	uint64_t n_hits;               /* queries answered by what was kept */
	uint32_t n_waiting, n_conns, n_cached;
};

struct dnsfwd;

/* 0; -EINVAL: a number that is out of its range; -ENOMEM; -Exxx of the sockets. */
int dnsfwd_new(const struct dnsfwd_config *cfg, struct dnsfwd **ret) MUST_CHECK;
/* Without another word to anybody. NULL is fine. */
void dnsfwd_free(struct dnsfwd *d);
/* Others from now on, as in the configuration; queries under way go on with them, and what was kept
 * is forgotten. -EINVAL: more than DNSFWD_SERVERS_MAX. */
int dnsfwd_set_servers(struct dnsfwd *d, const struct weft_sockaddr *servers,
		       uint32_t n) MUST_CHECK;
void dnsfwd_stats(const struct dnsfwd *d, struct dnsfwd_stats *ret);
