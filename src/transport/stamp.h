/* SPDX-License-Identifier: MIT */
/*
 * Times of sending (SO_TIMESTAMPING): when what a socket sent was handed to an interface, to its
 * driver, and acknowledged. They come back through the error queue (errq.h), as in Linux.
 *
 *	send --> stamp_pkt()     the packet has PKT_F_STAMP, and is waited for by its trace id
 *	netif_tx() --> stack->tx_stamp()     SCHED, then SND: struct errq_stamp on the queue
 *	tcp_ack() --> stamp_acked()          ACK: the last byte of a send has arrived
 *
 * A packet refers to no socket: whoever waits is found by the packet's trace id, so that a socket
 * may close, and a packet may be lost on its way, without telling each other. Bounds: at most
 * STAMP_WAITS_MAX packets are waited for in a stack, then the longest waiting is forgotten; a
 * stream remembers the last bytes of at most STAMP_MARKS_MAX sends.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "pkt/pkt.h"
#include "transport/cmsg.h"
#include "transport/errq.h"
#include "transport/sock.h"
#include "weft/socket.h"

enum {
	STAMP_WAITS_MAX = 256,
	STAMP_MARKS_MAX = 4096,
	/* what a send may ask for by itself */
	STAMP_KINDS =
		WEFT_SOF_TX_HARDWARE | WEFT_SOF_TX_SOFTWARE | WEFT_SOF_TX_SCHED | WEFT_SOF_TX_ACK,
	/* bits of SO_TIMESTAMPING that are kept in sock->flags */
	STAMP_RX = WEFT_SOF_RX_HARDWARE | WEFT_SOF_RX_SOFTWARE | WEFT_SOF_SOFTWARE |
		   WEFT_SOF_SYS_HARDWARE | WEFT_SOF_RAW_HARDWARE,
	STAMP_KNOWN = STAMP_RX | STAMP_KINDS | WEFT_SOF_OPT_ID | WEFT_SOF_OPT_CMSG |
		      WEFT_SOF_OPT_TSONLY | WEFT_SOF_OPT_PKTINFO | WEFT_SOF_OPT_TX_SWHW |
		      WEFT_SOF_OPT_ID_TCP,
};

/* The last byte of a send of a stream. */
struct stamp_mark {
	uint32_t seq;
	uint32_t len;   /* of the send */
	uint32_t kinds; /* WEFT_SOF_TX_* */
};

/* What a socket has that asked for times of sending; sock->flags has SOCK_F_STAMPS then. */
struct stamps {
	uint32_t flags;   /* WEFT_SOF_* but those of STAMP_RX */
	uint32_t key;     /* datagrams: of the next; streams: the number that keys count from */
	struct errq errq; /* streams: times that wait to be read */
	struct stamp_mark *marks; /* in order of seq */
	uint32_t n_marks, marks_cap;
};

/* Once a stack: the hook in netif_tx(). */
void stamp_init(struct stack *st);

/* SO_TIMESTAMPING; when that begins with OPT_ID, keys count from `key`. -EINVAL, -ENOMEM. */
int stamp_set(struct sock *sk, uint32_t flags, uint32_t key) MUST_CHECK;
uint32_t stamp_get(const struct sock *sk);
/* What sends of the socket ask for. */
static inline uint32_t stamp_kinds(const struct sock *sk)
{
	return unlikely(sk->flags & SOCK_F_STAMPS) ? stamp_get(sk) & STAMP_KINDS : 0;
}
/* A control message of level SOL_SOCKET: SO_TIMESTAMPING says what this send asks for. -EINVAL: it
 * is malformed, or another one. */
int stamp_ctl(const struct cmsg *c, uint32_t *ret_kinds) MUST_CHECK;
/* `pkt` is what a send made that asks for `kinds`. Without memory nothing is told. */
void stamp_pkt(struct sock *sk, struct pkt *pkt, uint32_t kinds);
/* The socket closes. */
void stamp_end(struct sock *sk);

/* Streams: a send has written the bytes [seq, end). */
void stamp_mark(struct sock *sk, uint32_t seq, uint32_t end, uint32_t kinds);
/* Of a socket with SOCK_F_STAMPS: bytes [seq, end) leave in `pkt`. */
void stamp_segment(struct sock *sk, struct pkt *pkt, uint32_t seq, uint32_t end);
/* Of such a socket: all before `una` is acknowledged. The oldest send whose end is among that and
 * who wants to know: true, with its last byte and how many bytes are to be told with the time
 * (0: none), until it is told. */
bool stamp_is_acked(struct sock *sk, uint32_t una, uint32_t *ret_seq, uint32_t *ret_len);
void stamp_acked(struct sock *sk, const struct pkt *pkt);
/* Of streams: a time waits to be read; proto->recv_err. */
bool stamp_is_told(const struct sock *sk) MUST_CHECK;
ptrdiff_t stamp_recv(struct sock *sk, struct sock_msg *msg);
