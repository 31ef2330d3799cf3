/* SPDX-License-Identifier: MIT */
/*
 * The common part of every endpoint: addresses and ports for the demultiplexer, events and options
 * for the socket layer. A protocol embeds it as the first member of its own struct (tcp_conn,
 * tcp_listener, udp_sock, raw_sock, ping_sock).
 *
 * Who sees what: input functions find a `struct sock` by address and port; the socket layer
 * (socket/) drives it through `proto`; when its readiness changes the protocol calls sock_wake(),
 * and the engine calls `on_event` once it has finished with the current packet.
 *
 * Lifetime: sock_new() makes one reference, the application's. The protocol holds another while the
 * endpoint lives on without the application (a closing connection). sock_unref() of the last one
 * calls proto->destroy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/htab.h"
#include "core/engine.h"
#include "core/stack.h"
#include "ip/ip.h"

struct sock;
struct weft_iovec;

/* Readiness, as bits of sock_events(): values equal poll(2)'s so that adapters need no table. */
enum {
	SOCK_IN = 0x001,     /* recv or accept would not return -EAGAIN */
	SOCK_OUT = 0x004,    /* send would take at least one byte */
	SOCK_ERR = 0x008,    /* an error is pending (SO_ERROR) */
	SOCK_HUP = 0x010,    /* both directions are finished */
	SOCK_RDHUP = 0x2000, /* the peer has finished sending */
};

/* sock->flags */
enum {
	SOCK_F_REUSEADDR = 1 << 0,
	SOCK_F_REUSEPORT = 1 << 1,
	SOCK_F_BROADCAST = 1 << 2,
	SOCK_F_KEEPALIVE = 1 << 3,
	SOCK_F_V6ONLY = 1 << 4,
	SOCK_F_LINGER = 1 << 5,
	SOCK_F_BOUND_ADDR = 1 << 6, /* the application chose the address */
	SOCK_F_BOUND_PORT = 1 << 7, /* the application chose the port */
	SOCK_F_CONNECTED = 1 << 8,
	SOCK_F_SHUT_RD = 1 << 9,
	SOCK_F_SHUT_WR = 1 << 10,
	SOCK_F_HASHED = 1 << 11,    /* in the connection table */
	SOCK_F_PORT_HELD = 1 << 12, /* in the port table */
	SOCK_F_ORPHAN = 1 << 13,    /* the application has closed it */
	SOCK_F_NODELAY = 1 << 14,
	SOCK_F_CORK = 1 << 15,
};

/* One send or receive call. */
struct sock_msg {
	const struct weft_iovec *iov; /* where the bytes are or go */
	size_t n_iov;
	size_t n_bytes; /* their sum */
	/* sendto: destination, unspecified family: connected. recvfrom: filled in. */
	struct ip_addr addr;
	uint16_t port;
	bool has_addr;
	uint32_t flags;     /* WEFT_MSG_* */
	uint32_t out_flags; /* recv: WEFT_MSG_TRUNC … */
	uint32_t ifindex;   /* recv: where it came in */
};

/* What a protocol does for the socket layer. Functions return 0 or a count, or -Exxx as Linux's
 * calls of the same name would; NULL means -EOPNOTSUPP. None blocks: -EAGAIN, -EINPROGRESS. */
struct sock_proto {
	const char *name; /* "tcp", "udp", "raw", "ping" */
	uint8_t ip_proto;
	int type; /* WEFT_SOCK_STREAM … */
	int (*bind)(struct sock *sk, const struct ip_addr *addr, uint16_t port);
	int (*connect)(struct sock *sk, const struct ip_addr *addr, uint16_t port);
	/* A stream socket becomes a listener: may replace the object behind `*sk`. */
	int (*listen)(struct sock *sk, int backlog);
	int (*accept)(struct sock *sk, struct sock **ret);
	ptrdiff_t (*send)(struct sock *sk, struct sock_msg *msg);
	ptrdiff_t (*recv)(struct sock *sk, struct sock_msg *msg);
	int (*shutdown)(struct sock *sk, bool rd, bool wr);
	/* The application lets go; never fails. With `abort`, a connection is reset. */
	void (*close)(struct sock *sk, bool abort);
	int (*setopt)(struct sock *sk, int level, int name, const void *val, size_t len);
	/* `*len` in: room; out: bytes written. */
	int (*getopt)(struct sock *sk, int level, int name, void *val, size_t *len);
	uint32_t (*events)(const struct sock *sk); /* level-triggered readiness now */
	void (*destroy)(struct sock *sk);          /* last reference gone: free all */
};

struct sock {
	/* line 0: what the demultiplexer compares */
	struct htab_node conn_node; /* connection table; key: both addresses and ports */
	struct ip_addr raddr;       /* unspecified: not connected */
	uint16_t lport, rport;
	uint32_t bound_ifindex; /* SO_BINDTODEVICE; 0: any */

	/* line 1 */
	struct ip_addr laddr; /* unspecified: any */
	struct stack *stack;
	const struct sock_proto *proto;
	uint32_t flags; /* SOCK_F_* */
	uint32_t refs;
	uint8_t family; /* WEFT_AF_* as created */
	uint8_t protocol;
	uint8_t ttl; /* 0: default */
	uint8_t tos;
	int err; /* SO_ERROR: positive errno, cleared when read */
	uint32_t mark;
	uint32_t sndbuf_bytes;
	uint32_t rcvbuf_bytes;
	uint32_t pending; /* readiness bits to report */

	/* line 2 */
	struct engine_work work; /* calls on_event later */
	void (*on_event)(struct sock *sk, void *arg, uint32_t events);
	void *arg;
	struct ip_dst dst;
	struct hlist_node port_node; /* bound ports: socket without a connection of its own */
};
static_assert(sizeof(struct sock) <= 240, "tcp_conn + sock <= 704 (doc/tcp-connection.md)");
