/* SPDX-License-Identifier: MIT */
/*
 * A stream socket as a piece of Ethernet: each frame goes with its length in front, 32 bits, big
 * end first. It is what QEMU's `-netdev stream` and `-netdev socket` speak over TCP and local
 * sockets.
 *
 * How it works: both directions have a buffer of their own, so that a system call moves many
 * frames.
 *
 *	recv ──► rx [ whole frames ... | part of one ]   whole ones go up, the part to the front
 *	tx() ──► tx ring of bytes ──► sendmsg            at the end of a burst, and by POLLOUT
 *
 * A frame that is sent is copied in one piece, its checksum being computed in the same pass: behind
 * the ring is room for the end of one, which then goes to the ring's front.
 *
 * Neither grows. A peer that does not read fills the ring, and then frames are dropped, as on any
 * wire that is too slow: TCP above sees loss. What a peer sends is taken in at most STREAM_READS
 * buffers a turn. A length that no frame has ends the connection: there is no way to find the next
 * frame in such a stream.
 *
 * A connection ends in one place, the watch's callback: who finds out while writing shuts the
 * socket down, and the loop reports that. The interface stays, without carrier, for the next peer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/load.h"
#include "base/mem.h"
#include "core/engine.h"
#include "core/gro.h"
#include "core/netif.h"
#include "core/stack.h"
#include "drivers/loop.h"
#include "weft/io.h"
#include "wire/eth.h"

enum {
	STREAM_LEN_BYTES = 4, /* of the length in front of a frame */
	/* An Ethernet header with a VLAN tag, and the largest IP packet. */
	STREAM_FRAME_MAX = NETIF_MTU_MAX + 18,
	STREAM_RX_BYTES = 256 * 1024,
	STREAM_TX_BYTES = 2 * 1024 * 1024, /* a power of two */
	STREAM_TX_ROOM = STREAM_TX_BYTES + STREAM_LEN_BYTES + STREAM_FRAME_MAX,
	STREAM_READS = 4, /* in one turn before others have theirs */
	STREAM_MTU = 1500,
	STREAM_WHY_MAX = 96,
};

static_assert(STREAM_FRAME_MAX <= BUF_L - PKT_HEADROOM, "the largest frame fits a buffer");
static_assert(STREAM_FRAME_MAX + STREAM_LEN_BYTES <= STREAM_RX_BYTES, "a frame gets whole");
static_assert((STREAM_TX_BYTES & (STREAM_TX_BYTES - 1)) == 0, "the ring's places are masked");

struct stream {
	struct netif netif;
	struct loop_watch watch; /* fd -1: no peer */
	struct weft_loop *loop;
	void (*ended)(void *arg, const char *why);
	void *arg;
	uint8_t *rx;      /* STREAM_RX_BYTES */
	uint32_t rx_len;  /* received and not yet gone up: less than one frame between turns */
	uint8_t *tx;      /* STREAM_TX_ROOM: a ring of STREAM_TX_BYTES, and a frame behind it */
	uint32_t tx_head; /* place of the first byte not yet written */
	uint32_t tx_len;
	bool is_blocked; /* the socket took no more: POLLOUT is watched */
	bool is_broken;  /* a write has failed: nothing is sent any more */
	struct gro gro;
	struct weft_stream_stats stats;
};

static struct stream *stream_of(struct netif *netif)
{
	return container_of(netif, struct stream, netif);
}

/* Nobody is there any more. The owner may bring the next one at once. */
static void stream_end(struct stream *s, const char *why)
{
	loop_watch_del(s->loop, &s->watch);
	close(s->watch.fd);
	s->watch.fd = -1;
	s->rx_len = s->tx_head = s->tx_len = 0;
	s->is_blocked = s->is_broken = false;
	netif_set_carrier(&s->netif, false);
	if (s->ended)
		s->ended(s->arg, why);
}

/* Whole frames go up, those of a flow together, and what is left goes to the front. 0; -EBADMSG:
 * this is no frame's length. */
static int stream_rx_frames(struct stream *s, char *ret_why)
{
	uint32_t at = 0;
	int err = 0;

	while (s->rx_len - at >= STREAM_LEN_BYTES) {
		uint32_t len = load_be32(s->rx + at);

		if (!len || len > STREAM_FRAME_MAX) {
			snprintf(ret_why, STREAM_WHY_MAX, "it sent a frame of %u bytes: 1 to %u",
				 len, STREAM_FRAME_MAX);
			err = -EBADMSG;
			break;
		}
		if (s->rx_len - at - STREAM_LEN_BYTES < len)
			break;
		s->stats.rx_frames++;
		s->stats.rx_bytes += len;
		gro_rx(&s->gro, s->rx + at + STREAM_LEN_BYTES, len, PKT_CSUM_NONE);
		at += STREAM_LEN_BYTES + len;
	}
	gro_flush(&s->gro);
	s->rx_len -= at;
	memmove(s->rx, s->rx + at, s->rx_len);
	return err;
}

/* One read. 1: there may be more; 0: not now; -Exxx: the connection is at its end. */
static int stream_read(struct stream *s, char *ret_why)
{
	uint32_t room = STREAM_RX_BYTES - s->rx_len;
	ssize_t n = recv(s->watch.fd, s->rx + s->rx_len, room, 0);
	int err;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		err = n ? -errno : -EPIPE;
		snprintf(ret_why, STREAM_WHY_MAX, "%s",
			 n           ? strerror(errno)
			 : s->rx_len ? "it closed the connection within a frame"
				     : "it closed the connection");
		return err;
	}
	s->stats.rx_reads++;
	s->rx_len += (uint32_t)n;
	err = stream_rx_frames(s, ret_why);
	return err ? err : (uint32_t)n == room;
}

/* Writes what the socket takes. */
static void stream_write(struct stream *s)
{
	while (s->tx_len) {
		uint32_t to_end = STREAM_TX_BYTES - s->tx_head;
		uint32_t first = s->tx_len < to_end ? s->tx_len : to_end;
		struct iovec iov[2] = {{s->tx + s->tx_head, first}, {s->tx, s->tx_len - first}};
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = s->tx_len > first ? 2 : 1};
		ssize_t n = sendmsg(s->watch.fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!s->is_blocked &&
			    loop_watch_mod(s->loop, &s->watch, EPOLLIN | EPOLLOUT) == 0)
				s->is_blocked = true;
			return;
		}
		if (n < 0) {
			s->is_broken = true;
			s->tx_len = 0;
			(void)shutdown(s->watch.fd, SHUT_RDWR);
			break;
		}
		s->stats.tx_writes++;
		s->tx_head = (s->tx_head + (uint32_t)n) & (STREAM_TX_BYTES - 1);
		s->tx_len -= (uint32_t)n;
	}
	s->tx_head = 0; /* the part in the cache */
	if (s->is_blocked && loop_watch_mod(s->loop, &s->watch, EPOLLIN) == 0)
		s->is_blocked = false;
}

static void stream_ready(struct loop_watch *watch, uint32_t events)
{
	struct stream *s = container_of(watch, struct stream, watch);
	char why[STREAM_WHY_MAX];
	int more = 1;

	if (events & EPOLLOUT)
		stream_write(s);
	if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return;
	for (int i = 0; i < STREAM_READS && more > 0; i++)
		more = stream_read(s, why);
	if (more < 0)
		stream_end(s, why);
}

/* There is room for it. */
static void stream_tx_put(struct stream *s, const struct pkt *pkt)
{
	uint32_t at = (s->tx_head + s->tx_len) & (STREAM_TX_BYTES - 1);
	uint32_t end = at + STREAM_LEN_BYTES + pkt->len;

	store_be32(s->tx + at, pkt->len);
	pkt_copy_finished(pkt, s->tx + at + STREAM_LEN_BYTES);
	if (end > STREAM_TX_BYTES)
		memcpy(s->tx, s->tx + STREAM_TX_BYTES, end - STREAM_TX_BYTES);
	s->tx_len += end - at;
}

static void stream_tx_drop(struct stream *s, struct pkt *pkt, enum drop why)
{
	s->stats.tx_drops++;
	s->netif.stats.tx_dropped++;
	pkt_drop(s->netif.stack, pkt, why);
}

static void stream_tx(struct netif *netif, struct pkt *pkt)
{
	struct stream *s = stream_of(netif);
	uint32_t need = STREAM_LEN_BYTES + pkt->len;

	if (pkt->len > STREAM_FRAME_MAX) {
		stream_tx_drop(s, pkt, DROP_IF_MTU);
		return;
	}
	if (STREAM_TX_BYTES - s->tx_len < need && !s->is_blocked)
		stream_write(s);
	if (s->is_broken || STREAM_TX_BYTES - s->tx_len < need) {
		stream_tx_drop(s, pkt, s->is_broken ? DROP_IF_DRIVER : DROP_IF_TX_QUEUE);
		return;
	}
	stream_tx_put(s, pkt);
	s->stats.tx_frames++;
	s->stats.tx_bytes += pkt->len;
	pkt_free(pkt);
	netif_flush_later(netif);
}

static void stream_flush(struct netif *netif)
{
	struct stream *s = stream_of(netif);

	if (!s->is_blocked)
		stream_write(s);
}

static void stream_free(struct mem *mem, struct stream *s)
{
	mem_free(mem, s->rx, STREAM_RX_BYTES);
	mem_free(mem, s->tx, STREAM_TX_ROOM);
	mem_free(mem, s, sizeof(*s));
}

static void stream_fini(struct netif *netif)
{
	struct stream *s = stream_of(netif);

	if (s->watch.fd >= 0) {
		loop_watch_del(s->loop, &s->watch);
		close(s->watch.fd);
	}
	stream_free(&netif->stack->eng->mem, s);
}

static const struct netif_ops stream_ops = {
	.kind = "stream",
	.tx = stream_tx,
	.flush = stream_flush,
	.fini = stream_fini,
};

static struct stream *stream_alloc(struct weft_loop *loop, struct stack *st)
{
	struct stream *s = mem_zalloc(&st->eng->mem, sizeof(*s));

	if (!s)
		return NULL;
	s->rx = mem_alloc(&st->eng->mem, STREAM_RX_BYTES);
	s->tx = mem_alloc(&st->eng->mem, STREAM_TX_ROOM);
	if (!s->rx || !s->tx) {
		stream_free(&st->eng->mem, s);
		return NULL;
	}
	s->loop = loop;
	s->watch.fd = -1;
	s->watch.fn = stream_ready;
	list_init(&s->watch.link);
	s->netif.ops = &stream_ops;
	s->netif.mtu = STREAM_MTU;
	s->netif.flags = NETIF_BROADCAST;
	s->netif.features = NETIF_F_CSUM | NETIF_F_FRAGS | NETIF_F_GRO;
	gro_init(&s->gro, &s->netif);
	rng_bytes(&st->eng->rng, s->netif.hwaddr.b, sizeof(s->netif.hwaddr.b));
	s->netif.hwaddr.b[0] = 0x02; /* locally administered, unicast */
	return s;
}

int weft_stream_new(struct weft_loop *loop, struct weft_stack *wst, const char *name,
		    void (*ended)(void *arg, const char *why), void *arg, struct weft_netif **ret)
{
	struct stack *st = (struct stack *)(void *)wst;
	struct stream *s = stream_alloc(loop, st);
	int err;

	if (!s)
		return -ENOMEM;
	s->ended = ended;
	s->arg = arg;
	err = netif_add(st, &s->netif, name);
	if (err) {
		stream_free(&st->eng->mem, s);
		return err;
	}
	netif_set_up(&s->netif, true);
	*ret = (struct weft_netif *)(void *)&s->netif;
	return 0;
}

/* 0; -Exxx: this is no connected stream socket. */
static int fd_check(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	len = sizeof(peer);
	if (type != SOCK_STREAM)
		return -EINVAL;
	if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
		return -errno;
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* It has closed its end, of which the loop has not told yet: who comes next may be faster. */
static bool peer_has_gone(const struct stream *s)
{
	struct pollfd p = {.fd = s->watch.fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) == 1 && p.revents;
}

int weft_stream_attach(struct weft_netif *nif, int fd)
{
	struct stream *s = stream_of((struct netif *)(void *)nif);
	int err;

	if (s->watch.fd >= 0 && peer_has_gone(s))
		stream_end(s, "it closed the connection");
	err = s->watch.fd >= 0 ? -EBUSY : fd_check(fd);
	if (err)
		goto fail;
	s->watch.fd = fd;
	err = loop_watch_add(s->loop, &s->watch, EPOLLIN);
	if (err)
		goto fail_watch;
	s->stats.n_peers++;
	netif_set_carrier(&s->netif, true);
	return 0;
fail_watch:
	s->watch.fd = -1;
fail:
	if (fd >= 0)
		close(fd);
	return err;
}

void weft_stream_stats(const struct weft_netif *nif, struct weft_stream_stats *ret)
{
	const struct netif *netif = (const struct netif *)(const void *)nif;

	*ret = container_of(netif, const struct stream, netif)->stats;
}
