/* SPDX-License-Identifier: MIT */
/*
 * The common part of every endpoint: addresses and ports for the demultiplexer, events and options
 * for the socket layer. A protocol embeds it as the first member of its own struct (tcp_conn,
 * udp_sock, raw_sock, ping_sock).
 *
 * Who sees what: input functions find a `struct sock` by address and port (sock_table.h); the
 * socket layer (socket/) drives it through `proto`; when its readiness changes the protocol calls
 * sock_wake(), and the engine calls `on_event` once it has finished with the current packet.
 *
 * Lifetime: proto->create() makes one reference, the application's, which proto->close() takes.
 * The protocol holds another while the endpoint lives on without the application (a closing
 * connection). sock_unref() of the last one unlinks the socket everywhere and calls
 * proto->destroy.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/htab.h"
#include "base/list.h"
#include "core/engine.h"
#include "core/stack.h"
#include "ip/ip.h"
#include "wire/addr.h"

struct sock;
struct sock_port;
struct buf;
struct pktq;
struct weft_iovec;
struct weft_sock;

/* Readiness, as bits of sock_events(): values equal poll(2)'s so that adapters need no table. */
enum {
	SOCK_IN = 0x001,     /* recv or accept would not return -EAGAIN */
	SOCK_PRI = 0x002,    /* urgent data waits */
	SOCK_OUT = 0x004,    /* send would take at least one byte */
	SOCK_ERR = 0x008,    /* an error is pending (SO_ERROR) */
	SOCK_HUP = 0x010,    /* both directions are finished */
	SOCK_RDHUP = 0x2000, /* the peer has finished sending */
};

/* sock->flags */
enum {
	SOCK_F_BROADCAST = 1 << 0,
	SOCK_F_KEEPALIVE = 1 << 1,
	SOCK_F_WATCHED = 1 << 2, /* `arg` is a struct sock_watch */
	SOCK_F_LINGER = 1 << 3,
	SOCK_F_BOUND_ADDR = 1 << 4, /* the application chose the address */
	SOCK_F_BOUND_PORT = 1 << 5, /* the application chose the port */
	SOCK_F_CONNECTED = 1 << 6,
	SOCK_F_SHUT_RD = 1 << 7,
	SOCK_F_SHUT_WR = 1 << 8,
	SOCK_F_ORPHAN = 1 << 9, /* the application has closed it: no more events */
	SOCK_F_NODELAY = 1 << 10,
	SOCK_F_CORK = 1 << 11,
	SOCK_F_OOBINLINE = 1 << 12,
	SOCK_F_PEER = 1 << 13,        /* counts as a connection with its peer (sock_limit.h) */
	SOCK_F_TRANSPARENT = 1 << 14, /* may be bound to addresses that are not ours */
	SOCK_F_TSTAMP = 1 << 15,      /* SO_TIMESTAMP or SO_TIMESTAMPNS */
	SOCK_F_TSTAMPNS = 1 << 16,    /* the latter */
	/* SO_TIMESTAMPING: five of its bits, from RX_HARDWARE on. */
	SOCK_F_TSTAMPING_SHIFT = 17,
	SOCK_F_TSTAMPING = 0x1f << SOCK_F_TSTAMPING_SHIFT,
	SOCK_F_STAMPS = 1 << 22, /* asked for times of sending (stamp.h): sock_watch.stamps */
	SOCK_F_FREE = 1 << 23,   /* the first bit for the protocol's own flags */
};

enum {
	SOCK_BUF_DEFAULT = 212992, /* Linux's net.core.{w,r}mem_default and _max */
	SOCK_SNDBUF_MIN = 4608,
	SOCK_RCVBUF_MIN = 2304,
};

/* What a conn_node is part of. */
enum conn_kind {
	CONN_SOCK, /* struct sock */
	CONN_SYN,  /* an entry of TCP's SYN queue */
	CONN_TW,   /* a TCP connection in TIME-WAIT */
	CONN_ASK,  /* a SYN that the application is asked about (transport/intercept.h) */
};

/* conn_node->flags */
enum {
	CONN_F_REUSEADDR = 1 << 0,
	CONN_F_REUSEPORT = 1 << 1,
	CONN_F_RECEIVES = 1 << 2, /* takes what comes for its port from anywhere: a listener, an
				     unconnected datagram socket */
	CONN_F_V6ONLY = 1 << 4,   /* of an IPv6 socket: no IPv4 packets */
	CONN_F_OPTS = 1 << 5,     /* of a SYN-queue entry: struct tcp_req_opts */
	CONN_F_HASHED = 1 << 3,   /* internal: in the connection table */
};

/* What the tables of sock_table.h hold: the first member of struct sock and of TCP's SYN-queue and
 * TIME-WAIT entries. */
struct conn_node {
	/* one line: what the demultiplexer compares */
	struct htab_node hash_link; /* connection table; key: proto, both addresses and ports */
	struct ip_addr raddr;       /* unspecified: not connected */
	struct ip_addr laddr;       /* unspecified: any */
	uint16_t rport, lport;      /* lport 0: no port held */
	uint8_t kind;               /* enum conn_kind */
	uint8_t proto;              /* IP protocol, as created */
	uint8_t flags;              /* CONN_F_* */
	uint8_t family;             /* WEFT_AF_* as created */

	struct sock_port *port; /* the port that it holds; NULL: none */
	struct hlist_node port_link;
	uint32_t ifindex; /* SO_BINDTODEVICE; 0: any */
	/* TCP: engine milliseconds of the last answer to a segment that was none of the stream's;
	 * 0: never. In the padding of SYN-queue and TIME-WAIT entries, hence here. */
	uint32_t answered_ms;
};
static_assert(offsetof(struct conn_node, port) <= CACHE_LINE, "a mismatch touches one line");

/* One send or receive call. */
struct sock_msg {
	const struct weft_iovec *iov; /* where the bytes are or go */
	size_t n_iov;
	size_t n_bytes; /* their sum */
	/* sendto: destination when has_addr; recvfrom: filled in. */
	struct ip_addr addr;
	uint16_t port;
	bool has_addr;
	uint32_t flags;     /* WEFT_MSG_* */
	uint32_t out_flags; /* recv: WEFT_MSG_TRUNC … */
	uint32_t ifindex;   /* recv: where it came in */
	bool has_inq;       /* recv: TCP_INQ is set */
	uint32_t inq_bytes; /* with it: what is left */
	int64_t rx_ns;      /* streams: when the last of it arrived */
	uint32_t stamps;    /* streams, send: WEFT_SOF_TX_* */
	struct buf *lent; /* send: the bytes of `iov`, which is one, to be referred to; else NULL */
	/* Control messages (transport/cmsg.h). Send: as the application wrote them. Recv: where
	 * they go, the room for them, and how much of it is used. */
	void *control;
	size_t control_len, control_used;
	bool wants_control; /* recv: weft_recvmsg(), with or without room */
};

/* None that a call returns. */
#define SOCK_NOT_PLAIN PTRDIFF_MIN

/* What `ss` shows of an endpoint besides its addresses. */
struct sock_diag {
	uint8_t state;           /* enum weft_tcp_state; 7 (CLOSE): unconnected datagram socket */
	uint32_t recv_q, send_q; /* bytes; of a listener: waiting, and its backlog */
	uint64_t mem_bytes;      /* memory behind its queues */
};

/* What a protocol does for the socket layer. Functions return 0 or a count, or -Exxx as Linux's
 * calls of the same name would; NULL means -EOPNOTSUPP. None blocks: -EAGAIN, -EINPROGRESS. The
 * socket layer has checked states that are the same for all (doc/sockets.md). */
struct sock_proto {
	const char *name; /* "tcp", "udp", "raw", "ping" */
	uint8_t ip_proto; /* 0: any (raw) */
	int type;         /* WEFT_SOCK_STREAM … */
	/* A new socket with one reference. 0, -ENOMEM, -EPROTONOSUPPORT. */
	int (*create)(struct stack *st, int family, int protocol, struct sock **ret);
	int (*bind)(struct sock *sk, const struct ip_addr *addr, uint16_t port);
	int (*connect)(struct sock *sk, const struct ip_addr *addr, uint16_t port);
	/* What connect says of the state alone: 0: it may begin; 1: it has succeeded; -Exxx. NULL:
	 * nothing. */
	int (*connect_state)(struct sock *sk);
	/* Undoes connect of a datagram socket (AF_UNSPEC). */
	int (*disconnect)(struct sock *sk);
	/* A stream socket becomes a listener. The object stays where it is, since the application
	 * holds its address; a listener's state hangs off the protocol's struct. */
	int (*listen)(struct sock *sk, int backlog);
	int (*accept)(struct sock *sk, struct sock **ret);
	ptrdiff_t (*send)(struct sock *sk, struct sock_msg *msg);
	ptrdiff_t (*recv)(struct sock *sk, struct sock_msg *msg);
	/* The same for a message of one piece without flags, names and control messages, when it is
	 * as simple in all other respects: SOCK_NOT_PLAIN, and nothing has changed, when it is not.
	 * NULL: it never is. */
	ptrdiff_t (*send_plain)(struct sock *sk, const void *buf, size_t n);
	ptrdiff_t (*recv_plain)(struct sock *sk, void *buf, size_t n);
	/* Takes received packets off the queue, at most `max` bytes and `max_pkts`, and appends
	 * them to `q`; otherwise as recv. -ENOBUFS: packets run short. NULL: -EOPNOTSUPP. */
	ptrdiff_t (*take)(struct sock *sk, struct sock_msg *msg, size_t max, uint32_t max_pkts,
			  struct pktq *q);
	bool can_lend; /* send understands msg->lent */
	/* The oldest error of the error queue (WEFT_MSG_ERRQUEUE). NULL: there never is one. */
	ptrdiff_t (*recv_err)(struct sock *sk, struct sock_msg *msg);
	/* Control messages about a packet that it sent, by its IP header and the interface by which
	 * it left (WEFT_SOF_OPT_CMSG). NULL: there are none. */
	void (*cmsg_sent)(const struct sock *sk, const uint8_t *hdr, uint32_t ifindex,
			  struct sock_msg *msg);
	int (*shutdown)(struct sock *sk, bool rd, bool wr);
	/* The application lets go: takes its reference, never fails. With `abort`, a connection is
	 * reset. `on_event` is already NULL and SOCK_F_ORPHAN set. */
	void (*close)(struct sock *sk, bool abort);
	/* Options of the protocol's own level. Those that the socket layer keeps (SOL_SOCKET and
	 * IPPROTO_IP) are told to it afterwards (KEEPALIVE starts a timer, RCVBUF moves a window):
	 * what it returns for them does not count. -ENOPROTOOPT, -EINVAL. */
	int (*setopt)(struct sock *sk, int level, int name, const void *val, size_t len);
	/* `*len` in: room; out: bytes written. */
	int (*getopt)(struct sock *sk, int level, int name, void *val, size_t *len);
	/* WEFT_SIOC*. NULL: -ENOTTY. */
	int (*ioctl)(struct sock *sk, unsigned int request, int *ret);
	uint32_t (*events)(const struct sock *sk); /* level-triggered readiness now */
	/* Somebody waits for SOCK_OUT, which is not true: sock_wake() tells when it is. NULL: it
	 * does anyway. */
	void (*want_out)(struct sock *sk);
	void (*diag)(const struct sock *sk, struct sock_diag *ret);
	void (*destroy)(struct sock *sk); /* last reference gone: frees what is the protocol's */
};

struct sock {
	/* line 0 */
	struct conn_node conn;

	/* line 1 */
	struct stack *stack;
	const struct sock_proto *proto;
	uint32_t flags; /* SOCK_F_* */
	uint16_t refs;
	uint16_t owner;    /* slot in sock_limits.owners, from 1; 0: nobody's */
	uint16_t linger_s; /* with SOCK_F_LINGER */
	uint8_t ttl;       /* 0: default */
	uint8_t tos;
	int err; /* SO_ERROR: positive errno, cleared when read */
	uint32_t mark;
	uint32_t sndbuf_bytes;
	uint32_t rcvbuf_bytes;
	uint32_t pending; /* readiness bits that changed since on_event was called */

	/* line 2 */
	struct engine_work work; /* calls on_event later */
	/* The application's callback. Its handle is this socket's address (sock_handle()). */
	void (*on_event)(struct weft_sock *s, void *arg, uint32_t events);
	void *arg; /* with SOCK_F_WATCHED: struct sock_watch, which has it */
	struct ip_dst dst;
	struct list link; /* sock_table.all */
};
static_assert(sizeof(struct sock) <= 240, "tcp_conn + sock <= 704 (doc/tcp-connection.md)");

/* Initialises the common part of a zeroed object, with one reference, on the stack's list of
 * sockets. */
void sock_init(struct sock *sk, struct stack *st, const struct sock_proto *proto, int family,
	       int protocol);
static inline struct sock *sock_ref(struct sock *sk)
{
	sk->refs++;
	return sk;
}
/* NULL is fine. */
void sock_unref(struct sock *sk);

/* Readiness `events` came about: the application's callback runs when the engine has finished with
 * the current packet, once for any number of wakes, and never after close. */
void sock_wake(struct sock *sk, uint32_t events);
/* Who is told; a callback follows if anything is ready now. NULL: nobody. */
void sock_set_callback(struct sock *sk, void (*fn)(struct weft_sock *s, void *arg, uint32_t events),
		       void *arg);
/*
 * Watchers: others besides the application's callback that are told of a socket's wakes, at once
 * and from inside the protocol; they may call nothing of the socket but sock_watch_del(). What they
 * need is allocated with the first one.
 */
struct sock_watcher {
	struct list link;
	void (*wake)(struct sock_watcher *watcher, uint32_t events);
	/* The application has closed the socket: calls sock_watch_del(). */
	void (*gone)(struct sock_watcher *watcher);
};
struct sock_watch {
	struct list watchers;
	void *arg;             /* the callback's, in place of sock->arg */
	struct stamps *stamps; /* with SOCK_F_STAMPS */
};
/* The block, made when there is none; NULL: no memory. sock_watch_drop() frees it when nothing
 * needs it. */
struct sock_watch *sock_watch_make(struct sock *sk);
void sock_watch_drop(struct sock *sk);
static inline struct sock_watch *sock_watch_of(const struct sock *sk)
{
	return sk->flags & SOCK_F_WATCHED ? sk->arg : NULL;
}
int sock_watch_add(struct sock *sk, struct sock_watcher *watcher) MUST_CHECK; /* -ENOMEM */
void sock_watch_del(struct sock *sk, struct sock_watcher *watcher);
/* The list of a socket's watchers; NULL: there are none. */
const struct list *sock_watchers(const struct sock *sk);
/* Tells them alone, not the callback. */
void sock_watch_wake(struct sock *sk, uint32_t events);
/* Ends them all, and times of sending: the application has closed the socket, or its stack goes. */
void sock_watch_end(struct sock *sk);

/* Sets SO_ERROR to the positive errno `err` and wakes the application (ERR, IN, OUT). */
void sock_set_err(struct sock *sk, int err);
/* -SO_ERROR, which is cleared; 0: none. */
static inline int sock_take_err(struct sock *sk)
{
	int err = sk->err;

	sk->err = 0;
	return -err;
}

/* Public handle and socket are one object. */
static inline struct weft_sock *sock_handle(struct sock *sk)
{
	return (struct weft_sock *)(void *)sk;
}

static inline struct sock *sock_of_conn(struct conn_node *node)
{
	assert(node->kind == CONN_SOCK);
	return container_of(node, struct sock, conn);
}
