/* SPDX-License-Identifier: MIT */
/*
 * An Ethernet interface of the host's by AF_XDP: frames leave the kernel before its stack has
 * looked at them, by memory that both share.
 *
 * How it works: an XDP program on the interface (xdp_prog.h) hands the frames of each queue to that
 * queue's socket (xsk.h); frames of queues without one go to the host. A burst is read, coalesced
 * (GRO: there are no super-packets here) and given back. What is sent is copied into frames of the
 * first queue's socket, checksums being computed in the same pass, and that socket's kernel side is
 * woken at the end of a burst.
 *
 *	queue 0..n ──► rx ring ──► gro_rx ──► netif_rx
 *	tx() ──► frames of queue 0 ──► sendto(2), at the end of a burst and by POLLOUT
 *
 * Devices that can let the kernel share the device's own memory (zero copy); the others are copied
 * from and to by the kernel. A packet socket, which receives nothing, holds what the device has to
 * let through.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/engine.h"
#include "core/gro.h"
#include "core/netif.h"
#include "core/stack.h"
#include "drivers/hostif.h"
#include "drivers/loop.h"
#include "drivers/xdp_prog.h"
#include "drivers/xsk.h"
#include "weft/io.h"
#include "wire/eth.h"
#include "wire/gso.h"
#include "wire/vlan.h"

enum {
	XDP_QUEUES_MAX = 64,
	XDP_BATCH = 256, /* frames read in one turn before others have theirs */
	XDP_HOLD = 64,   /* frames that the ring has to do without until they go up */
	XDP_FRAME_EXTRA = ETH_HDR_LEN + VLAN_HDR_LEN,
	XDP_MTU_MAX = XSK_FRAME_MAX - XDP_FRAME_EXTRA,
};

struct afxdp;

struct afxdp_queue {
	struct loop_watch watch; /* xsk.fd */
	struct afxdp *dev;
	uint64_t n_drops; /* of the kernel's, that are counted */
	struct xsk xsk;
};

struct afxdp {
	struct netif netif;
	struct weft_loop *loop;
	struct hostif hostif;
	struct xdp_prog prog;
	struct afxdp_queue *queues;
	uint32_t n_queues;
	int packet_fd;
	bool is_veth;          /* checksums may be open */
	bool is_blocked;       /* frames wait for the kernel: POLLOUT is watched */
	bool is_promisc_asked; /* by the configuration */
	struct weft_afxdp_stats stats;
	struct gro gro;
};

static struct afxdp *afxdp_of(struct netif *netif)
{
	return container_of(netif, struct afxdp, netif);
}

/*
 * Reception.
 */

static void queue_count_drops(struct afxdp_queue *q)
{
	struct netif *netif = &q->dev->netif;
	uint64_t now = xsk_rx_drops(&q->xsk), n = now > q->n_drops ? now - q->n_drops : 0;

	q->n_drops += n;
	q->dev->stats.rx_drops += n;
	netif->stats.rx_dropped += n;
	netif->stack->drops[DROP_IF_RX_RING] += n;
}

/* XDP tells nothing of checksums. A veth hands over frames of the kernel's own as they are, with
 * the checksum open when it was left to the device; on a wire that is a frame with a wrong one. */
static enum pkt_csum frame_csum(const struct afxdp *x, const uint8_t *frame, uint32_t len)
{
	struct gso_hdr hdr;

	if (x->is_veth && gso_hdr_parse(frame, len, &hdr) == 0 &&
	    gso_csum_is_open(frame, len, &hdr))
		return PKT_CSUM_PARTIAL;
	return PKT_CSUM_NONE;
}

/* Reads some frames and gives them back. False: those were all. */
static bool queue_read_some(struct afxdp_queue *q)
{
	struct afxdp *x = q->dev;
	const uint8_t *frame;
	uint32_t len;
	int n = 0;

	for (; n < XDP_HOLD && xsk_rx(&q->xsk, &frame, &len); n++) {
		x->stats.rx_frames++;
		x->stats.rx_bytes += len;
		gro_rx(&x->gro, frame, len, frame_csum(x, frame, len));
	}
	gro_flush(&x->gro);
	xsk_rx_release(&q->xsk);
	return n == XDP_HOLD;
}

static void queue_read(struct afxdp_queue *q)
{
	int n = 0;

	while (n < XDP_BATCH && queue_read_some(q))
		n += XDP_HOLD;
	if (n == XDP_BATCH) /* who has so many waiting may have lost some */
		queue_count_drops(q);
}

/*
 * Transmission.
 */

static void afxdp_set_blocked(struct afxdp *x, bool on)
{
	if (x->is_blocked != on &&
	    loop_watch_mod(x->loop, &x->queues[0].watch, on ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0)
		x->is_blocked = on;
}

static void afxdp_kick(struct afxdp *x)
{
	x->stats.tx_kicks++;
	afxdp_set_blocked(x, xsk_tx_kick(&x->queues[0].xsk) == -EAGAIN);
}

static void afxdp_tx_drop(struct afxdp *x, struct pkt *pkt, enum drop why)
{
	x->stats.tx_drops++;
	x->netif.stats.tx_dropped++;
	pkt_drop(x->netif.stack, pkt, why);
}

static void afxdp_tx(struct netif *netif, struct pkt *pkt)
{
	struct afxdp *x = afxdp_of(netif);
	struct xsk *xsk = &x->queues[0].xsk;
	uint8_t *place;

	if (pkt->len > XSK_FRAME_MAX) {
		afxdp_tx_drop(x, pkt, DROP_IF_MTU);
		return;
	}
	place = xsk_tx_place(xsk);
	if (!place && !x->is_blocked) {
		afxdp_kick(x);
		place = xsk_tx_place(xsk);
	}
	if (!place) {
		afxdp_tx_drop(x, pkt, DROP_IF_TX_QUEUE);
		return;
	}
	pkt_copy_finished(pkt, place);
	xsk_tx(xsk, place, pkt->len);
	x->stats.tx_frames++;
	x->stats.tx_bytes += pkt->len;
	pkt_free(pkt);
	netif_flush_later(netif);
}

static void afxdp_flush(struct netif *netif)
{
	struct afxdp *x = afxdp_of(netif);

	if (!x->is_blocked)
		afxdp_kick(x);
}

/* What could not be sent is not sent when the interface comes back: it would be old news. */
static void afxdp_tx_cancel(struct afxdp *x)
{
	uint32_t n = xsk_tx_cancel(&x->queues[0].xsk);

	x->stats.tx_drops += n;
	x->netif.stats.tx_dropped += n;
	x->netif.stack->drops[DROP_IF_CARRIER] += n;
	afxdp_set_blocked(x, false);
}

/*
 * The interface.
 */

static void queue_ready(struct loop_watch *watch, uint32_t events)
{
	struct afxdp_queue *q = container_of(watch, struct afxdp_queue, watch);
	socklen_t len = sizeof(int);
	int err;

	if (events & EPOLLERR) /* the interface went: hostif tells of that, here it is taken back */
		(void)getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (events & EPOLLOUT)
		afxdp_kick(q->dev);
	if (events & EPOLLIN)
		queue_read(q);
}

static void afxdp_change(struct netif *netif)
{
	struct afxdp *x = afxdp_of(netif);

	hostif_filter(&x->hostif, x->packet_fd, &netif->hwaddr,
		      x->is_promisc_asked || netif->flags & NETIF_PROMISC);
}

static void afxdp_host_changed(struct hostif *h)
{
	struct afxdp *x = container_of(h, struct afxdp, hostif);

	if (h->has_new_mtu && h->mtu <= XDP_MTU_MAX)
		/* -EINVAL: not one that IP can have. */
		(void)!netif_set_mtu(&x->netif, h->mtu);
	netif_set_carrier(&x->netif, h->is_running);
	if (h->is_running)
		afxdp_kick(x);
	else
		afxdp_tx_cancel(x);
	if (!h->is_gone)
		afxdp_change(&x->netif);
}

/* Frees it as far as it was built; first no more frames are to come. */
static void afxdp_free(struct mem *mem, struct afxdp *x)
{
	xdp_prog_close(&x->prog);
	hostif_close(&x->hostif);
	for (uint32_t i = 0; i < x->n_queues && x->queues; i++) {
		struct afxdp_queue *q = &x->queues[i];

		if (!list_is_empty(&q->watch.link))
			loop_watch_del(x->loop, &q->watch);
		xsk_close(&q->xsk);
	}
	if (x->packet_fd >= 0)
		close(x->packet_fd);
	mem_free(mem, x->queues, x->n_queues * sizeof(*x->queues));
	mem_free(mem, x, sizeof(*x));
}

static void afxdp_fini(struct netif *netif)
{
	afxdp_free(&netif->stack->eng->mem, afxdp_of(netif));
}

static const struct netif_ops afxdp_ops = {
	.kind = "afxdp",
	.tx = afxdp_tx,
	.flush = afxdp_flush,
	.change = afxdp_change,
	.fini = afxdp_fini,
};

/*
 * Set-up.
 */

static int afxdp_queues_alloc(struct afxdp *x, struct mem *mem, uint32_t n)
{
	x->queues = mem_zalloc(mem, n * sizeof(*x->queues));
	if (!x->queues)
		return -ENOMEM;
	x->n_queues = n;
	for (uint32_t i = 0; i < n; i++) {
		struct afxdp_queue *q = &x->queues[i];

		q->dev = x;
		q->xsk.fd = -1;
		q->watch.fn = queue_ready;
		list_init(&q->watch.link);
	}
	return 0;
}

static int afxdp_queue_open(struct afxdp *x, uint32_t i, const char **ret_step)
{
	struct afxdp_queue *q = &x->queues[i];
	int err = xsk_open(&q->xsk, x->hostif.ifindex, i, ret_step);

	if (err)
		return err;
	*ret_step = "the program's map of sockets";
	err = xdp_prog_set(&x->prog, i, q->xsk.fd);
	if (err)
		return err;
	*ret_step = "the loop";
	q->watch.fd = q->xsk.fd;
	return loop_watch_add(x->loop, &q->watch, EPOLLIN);
}

/* The interface itself: what it is, and what it lets through. */
static int afxdp_open_host(struct afxdp *x, const struct weft_afxdp_config *cfg,
			   const char **ret_step)
{
	int err;

	*ret_step = "no such interface that can be used";
	err = hostif_open(&x->hostif, cfg->ifname);
	if (err)
		return err;
	*ret_step = "an MTU above 3566 bytes does not fit XDP's frames";
	if (x->hostif.mtu > XDP_MTU_MAX)
		return -EMSGSIZE;
	x->netif.hwaddr = x->hostif.mac;
	x->netif.mtu = x->hostif.mtu;
	x->is_veth = hostif_is_veth(&x->hostif);
	*ret_step = "no packet socket";
	x->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->packet_fd < 0)
		return -errno;
	*ret_step = "groups";
	return hostif_groups(&x->hostif, x->packet_fd);
}

static int afxdp_open(struct afxdp *x, struct mem *mem, const struct weft_afxdp_config *cfg,
		      const char **ret_step)
{
	uint32_t n = cfg->n_queues;
	int err = afxdp_open_host(x, cfg, ret_step);

	if (err)
		return err;
	if (!n)
		n = hostif_n_queues(&x->hostif);
	*ret_step = "the queues' memory";
	err = afxdp_queues_alloc(x, mem, n < XDP_QUEUES_MAX ? n : XDP_QUEUES_MAX);
	if (!err)
		err = xdp_prog_open(&x->prog, x->n_queues, ret_step);
	for (uint32_t i = 0; i < x->n_queues && !err; i++)
		err = afxdp_queue_open(x, i, ret_step);
	if (!err)
		err = xdp_prog_attach(&x->prog, x->hostif.ifindex, ret_step);
	if (err)
		return err;
	*ret_step = "the loop";
	return hostif_watch(&x->hostif, x->loop, afxdp_host_changed);
}

static struct afxdp *afxdp_alloc(struct weft_loop *loop, struct stack *st,
				 const struct weft_afxdp_config *cfg)
{
	struct afxdp *x = mem_zalloc(&st->eng->mem, sizeof(*x));

	if (!x)
		return NULL;
	x->loop = loop;
	x->packet_fd = -1;
	x->hostif.watch.fd = -1;
	x->prog = (struct xdp_prog){-1, -1, -1};
	x->is_promisc_asked = cfg->promisc;
	x->netif.ops = &afxdp_ops;
	x->netif.flags = NETIF_BROADCAST;
	x->netif.features = NETIF_F_CSUM | NETIF_F_FRAGS | NETIF_F_GRO;
	gro_init(&x->gro, &x->netif);
	return x;
}

int weft_afxdp_new(struct weft_loop *loop, struct weft_stack *wst, const char *name,
		   const struct weft_afxdp_config *cfg, struct weft_netif **ret)
{
	const struct hostif_why why = {cfg->why, cfg->why_bytes, cfg->ifname,
				       "CAP_NET_RAW, CAP_NET_ADMIN or CAP_BPF"};
	struct stack *st = (struct stack *)(void *)wst;
	const char *step = "the interface's memory";
	struct afxdp *x;
	int err;

	if (cfg->n_queues > XDP_QUEUES_MAX)
		return hostif_fault(&why, -EINVAL, "more than 64 queues");
	x = afxdp_alloc(loop, st, cfg);
	if (!x)
		return hostif_fault(&why, -ENOMEM, step);
	err = afxdp_open(x, &st->eng->mem, cfg, &step);
	if (!err) {
		step = "its name in the stack";
		err = netif_add(st, &x->netif, name);
	}
	if (err) {
		afxdp_free(&st->eng->mem, x);
		return hostif_fault(&why, err, step);
	}
	x->stats.n_queues = x->n_queues;
	x->stats.is_zero_copy = x->queues[0].xsk.is_zero_copy;
	afxdp_change(&x->netif);
	netif_set_carrier(&x->netif, x->hostif.is_running);
	netif_set_up(&x->netif, true);
	*ret = (struct weft_netif *)(void *)&x->netif;
	return 0;
}

void weft_afxdp_stats(struct weft_netif *nif, struct weft_afxdp_stats *ret)
{
	struct afxdp *x = afxdp_of((struct netif *)(void *)nif);

	for (uint32_t i = 0; i < x->n_queues; i++)
		queue_count_drops(&x->queues[i]);
	*ret = x->stats;
	ret->loses_tags = hostif_strips_tags(&x->hostif);
}
