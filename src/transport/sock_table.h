/* SPDX-License-Identifier: MIT */
/*
 * Demultiplexing: which endpoint does a packet belong to, and which ports are taken.
 *
 * How it works
 * - The connection table finds an exact match: a hash table keyed by SipHash over protocol, both
 *   addresses and both ports (IPv4 as v4-mapped), since a peer chooses half of it. It holds
 *   sockets, TCP's SYN-queue entries and TIME-WAIT entries side by side, as `struct conn_node`.
 * - Every port in use has a `struct sock_port`, found by protocol and number. It lists the nodes
 *   that hold the port: `owners` are bound and not connected (listeners, unconnected datagram
 *   sockets), `conns` are in the connection table.
 *
 *	conns (htab) --> node --> node             sock_port {tcp, 80}
 *	                   |  \.port ---------------> owners --> listener --> listener
 *	                   |                                   (SO_REUSEPORT)
 *	                   `--port_link <------------ conns ---> child, SYN, TIME-WAIT ...
 *	ports (htab) -----------------------------> sock_port {udp, 53} ...
 *
 * Invariants: a node holds a port (lport != 0, `port` set, on one of the two lists) or none; a node
 * in the connection table is on its port's `conns`. A sock_port exists while a node holds it.
 *
 * A packet for nobody's exact match goes to the best owner: bound to its destination address and
 * interface before bound to any. Among equals with SO_REUSEPORT the keyed hash of the packet's
 * addresses chooses, so that a flow stays with one socket; otherwise the last bound wins, as in
 * Linux.
 *
 * Two nodes may hold one port as in Linux: when they are bound to different addresses or
 * interfaces; when both have SO_REUSEADDR and the first is not a listening stream socket; or when
 * both have SO_REUSEPORT.
 *
 * What was found last is remembered by a sum of its ports, so that the next packet of a busy
 * connection needs no keyed hash. A peer that chooses its ports badly, or well, misses there, which
 * costs a comparison.
 *
 * Ports are chosen by RFC 6056 algorithm 4 (see sock_ephemeral.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/htab.h"
#include "base/list.h"
#include "core/stack.h"
#include "transport/sock.h"
#include "transport/sock_audit.h"
#include "transport/sock_limit.h"
#include "wire/addr.h"

enum {
	SOCK_PROTOS_MAX = 8,
	SOCK_PORT_MIN = 32768, /* net.ipv4.ip_local_port_range of Linux */
	SOCK_PORT_MAX = 60999,
	SOCK_SOMAXCONN = 4096,   /* net.core.somaxconn of Linux */
	SOCK_PORT_COUNTERS = 64, /* RFC 6056 §3.3.4: the table of algorithm 4 */
	SOCK_PORT_HINTS = 8,
	SOCK_RECENTS = 64,
};

struct sock_port {
	struct htab_node hash_link; /* key: proto, port */
	struct hlist owners;        /* conn_node.port_link, last bound first */
	struct hlist conns;         /* conn_node.port_link, latest first */
	struct list link;           /* sock_table.port_list */
	uint16_t port;
	uint8_t proto;
};

struct sock_hint;

struct sock_table {
	struct htab conns; /* struct conn_node */
	struct htab ports; /* struct sock_port */
	/* Nodes of the connection table that were found last, by their ports (sock_recent_at()). */
	struct conn_node *recents[SOCK_RECENTS];
	struct list port_list; /* struct sock_port, in order of creation */
	struct list all;       /* every struct sock of the stack, in order of creation */
	const struct sock_proto *protos[SOCK_PROTOS_MAX];
	uint32_t n_protos;
	uint16_t port_min, port_max; /* ephemeral ports, inclusive */
	uint32_t somaxconn;          /* bound of a listener's backlog */
	uint32_t rmem_max, wmem_max; /* what SO_RCVBUF and SO_SNDBUF may ask for, before doubling */
	struct sock_hint *hints[SOCK_PORT_HINTS];
	uint32_t next_hint;
	struct siphash_key port_key;
	uint32_t port_counters[SOCK_PORT_COUNTERS];
	struct sock_limits limits;
	struct sock_audit audit;
	struct list stamp_waits; /* packets whose sending is to be told (stamp.h), oldest first */
	uint32_t n_stamp_waits;
};

/* The addresses of a packet, as its receiver sees them. */
struct sock_flow {
	struct ip_addr laddr, raddr;
	uint16_t lport, rport;
	uint8_t proto;
	uint32_t ifindex; /* arrived on; 0: not known */
};

/* Sets up st->socks and its layer; 0 or -ENOMEM. Before all transports. */
int sock_table_init(struct stack *st) MUST_CHECK;
/* A protocol offers its sockets to the socket layer; -ENOSPC. */
int sock_proto_add(struct stack *st, const struct sock_proto *proto) MUST_CHECK;
/* Closes, with abort, every socket of `proto` that the application still has. In the protocol's
 * fini no interface is left, so nothing is sent. */
void sock_close_all(struct stack *st, const struct sock_proto *proto);

static inline struct conn_node **sock_recent_at(struct sock_table *t, uint16_t lport,
						uint16_t rport)
{
	return &t->recents[(uint32_t)(lport + rport) % SOCK_RECENTS];
}

static inline bool sock_node_is(const struct conn_node *node, const struct ip_addr *laddr,
				const struct ip_addr *raddr, uint16_t lport, uint16_t rport,
				uint8_t proto)
{
	return node->lport == lport && node->rport == rport && node->proto == proto &&
	       ip_addr_eq(&node->raddr, raddr) && ip_addr_eq(&node->laddr, laddr);
}

/* `n` bytes come to, or leave, the socket's queues. */
static inline void sock_bytes_add(struct sock *sk, int64_t n)
{
	struct sock_limits *l = &sk->stack->socks->limits;

	l->stack.n_bytes += (uint64_t)n;
	if (unlikely(sk->owner))
		l->owners[sk->owner - 1]->n_bytes += (uint64_t)n;
}

/* There may be one; else sock_bytes_are_short() never holds. */
static inline bool sock_bytes_have_limit(const struct sock *sk)
{
	return sk->owner || sk->stack->socks->limits.stack.conf.max_bytes;
}

/* The node with exactly these addresses; NULL: none. */
struct conn_node *sock_lookup_conn(const struct stack *st, const struct sock_flow *flow);
/* The best socket with CONN_F_RECEIVES for a packet that is no connection's; NULL: none. */
struct sock *sock_lookup_receiver(const struct stack *st, const struct sock_flow *flow);
/* Both in turn, for protocols whose connections are all sockets: cheap while none of the port's
 * sockets is connected. */
struct sock *sock_lookup_datagram(const struct stack *st, const struct sock_flow *flow);
/* Of a group packet or an ICMP error: the port's entry, to look at all its nodes; NULL: free. */
struct sock_port *sock_port_find(const struct stack *st, uint8_t proto, uint16_t port);
/* This socket may have what came for `flow`: its addresses, ports and interface, as far as set. */
bool sock_node_matches(const struct conn_node *node, const struct sock_flow *flow);

/*
 * Bind: makes the socket an owner of `port` (0: a free ephemeral one is chosen) at `addr`, and sets
 * laddr and lport. 0; -EINVAL: it holds a port already; -EADDRINUSE: conflict, or no ephemeral port
 * left; -ENOMEM. Nothing changes on failure.
 */
int sock_port_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port) MUST_CHECK;
/* Before a bound socket gets CONN_F_RECEIVES as a listener: checks again, now as a listener would
 * conflict, and sets it. 0 or -EADDRINUSE. */
int sock_port_listen(struct sock *sk) MUST_CHECK;
/*
 * Connect: puts the socket into the connection table with these addresses. Without a port of its
 * own it gets an ephemeral one for which the four addresses and ports are unique, so different
 * peers may share one. 0; -EADDRNOTAVAIL: none left, or the connection exists (with a stream
 * socket); -ENOMEM. Nothing changes on failure.
 */
int sock_conn_connect(struct sock *sk, const struct ip_addr *laddr, const struct ip_addr *raddr,
		      uint16_t rport) MUST_CHECK;
/* Puts a node with its key filled in (all but hash_link, port, port_link) into the connection
 * table, holding its lport. 0; -EADDRINUSE: there is one with this key; -ENOMEM. */
int sock_conn_add(struct stack *st, struct conn_node *node) MUST_CHECK;
/* `new` takes the place of `old` in both tables, with its key, flags and interface; its kind is
 * set already. `old` is in no table afterwards. Cannot fail. */
void sock_conn_replace(struct stack *st, struct conn_node *old, struct conn_node *new);
/* Back from connected to an owner of the same port, at `addr` (AF_UNSPEC on a bound datagram
 * socket). */
void sock_conn_disconnect(struct sock *sk, const struct ip_addr *addr);
/* The address that a connection chose is given up; one that the application chose stays. The socket
 * is not in the connection table. */
void sock_addr_forget(struct sock *sk);
/* Takes a node out of both tables and gives up its port; raddr, rport and lport are cleared. Fine
 * when it is in none. */
void sock_conn_del(struct stack *st, struct conn_node *node);

/* Binds the socket to an interface; 0: any. As in Linux a port that it holds is not checked again.
 */
void sock_ifindex_set(struct sock *sk, uint32_t ifindex);

/* Calls `fn` for each node of the connection table of one kind and protocol. `fn` may delete the
 * node that it is given. Ports in
 * order of their first use, the latest node of a port first. */
void sock_conn_each(struct stack *st, uint8_t proto, enum conn_kind kind,
		    void (*fn)(struct conn_node *node, void *arg), void *arg);
