/* SPDX-License-Identifier: MIT */
/*
 * TAP devices with IFF_VNET_HDR: the kernel on the other side is a peer that takes and gives
 * super-packets.
 *
 * How it works: every frame read or written has a virtio_net_hdr in front. It carries the two
 * states of a packet that a wire could not: a checksum still to be completed (PKT_CSUM_PARTIAL) and
 * a segment size (gso_size). So 64 KiB of TCP cross the system call boundary at once, neither
 * summed nor split.
 *
 * Reading: one 66 KiB buffer is always ready. What is far smaller is copied to one of its size and
 * the big one stays, so that who has small frames wait does not hold 66 KiB for each; what is not
 * travels on in it, and a new one is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "drivers/loop.h"
#include "drivers/offload.h"
#include "weft/io.h"
#include "wire/eth.h"
#include "wire/vnet.h"

enum {
	TAP_READ_HEADROOM = PKT_HEADROOM,
	TAP_COPY_MAX = BUF_M / 2, /* longer frames keep the buffer they were read into */
	TAP_SMALL_MAX = BUF_S - PKT_HEADROOM,
	TAP_BATCH_BYTES = 512 * 1024,
	/* Frames read in one turn before others have theirs: as many ACKs as others may cause in
	 * theirs, so that the kernel's queue does not overflow with a thousand connections. */
	TAP_BATCH = 1024,
	TAP_MTU = 1500,
	TAP_F_USO = 0x20 | 0x40, /* TUN_F_USO4, TUN_F_USO6, of Linux 6.2: older headers lack them */
	TAP_LONE_MIN = 4,   /* after so many turns with one small frame each, the next is taken to
			       have one */
	TAP_LONE_LOOK = 16, /* ... but every so many turns, to see whether this still holds */
};

struct tap {
	struct netif netif;
	struct loop_watch watch;
	struct weft_loop *loop;
	struct buf *rx_buf; /* the next read goes here */
	uint32_t rx_len;    /* of the last frame */
	uint32_t n_lone;    /* turns with one small frame, in a row */
	struct weft_tap_stats stats;
};

static struct tap *tap_of(struct netif *netif)
{
	return container_of(netif, struct tap, netif);
}

/* The form of the header in front of each frame, and what the kernel may leave to us. The features
 * of an interface on it, or -Exxx. */
static int tap_fd_setup(int fd)
{
	unsigned int offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	int features = NETIF_F_CSUM | NETIF_F_GSO_TCP | NETIF_F_FRAGS;
	int hdr_len = VNET_HDR_LEN;
	int little_endian = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr_len) < 0 || ioctl(fd, TUNSETVNETLE, &little_endian) < 0)
		return -errno;
	/* A kernel that leaves rows of datagrams to us takes them too. */
	if (ioctl(fd, TUNSETOFFLOAD, offloads | TAP_F_USO) == 0)
		return features | NETIF_F_GSO_UDP;
	return ioctl(fd, TUNSETOFFLOAD, offloads) < 0 ? -errno : features;
}

int weft_tap_open(const char *ifname)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	if (strlen(ifname) >= sizeof(ifr.ifr_name)) {
		close(fd);
		return -EINVAL;
	}
	memcpy(ifr.ifr_name, ifname, strlen(ifname));
	err = ioctl(fd, TUNSETIFF, &ifr) < 0 ? -errno : tap_fd_setup(fd);
	if (err >= 0)
		return fd;
	close(fd);
	return err;
}

/* A packet around the `len` bytes that were just read into tap->rx_buf. NULL: no memory. */
static struct pkt *tap_rx_pkt(struct tap *tap, uint32_t len)
{
	struct pkt_pools *pools = &tap->netif.stack->eng->pkts;
	const uint8_t *frame = tap->rx_buf->bytes + TAP_READ_HEADROOM;
	struct pkt *pkt;

	if (len <= TAP_COPY_MAX) {
		pkt = pkt_alloc(pools, len);
		if (pkt)
			memcpy(pkt_put(pkt, len), frame, len);
		return pkt;
	}
	pkt = pkt_alloc(pools, 0);
	if (!pkt)
		return NULL;
	pkt->buf = tap->rx_buf;
	pkt->head = tap->rx_buf->bytes;
	pkt->data = pkt->head + TAP_READ_HEADROOM;
	pkt_put(pkt, len);
	tap->rx_buf = NULL;
	return pkt;
}

/* Reads one frame. False: nothing more to read now. */
static bool tap_rx_one(struct tap *tap)
{
	struct netif *netif = &tap->netif;
	uint8_t hdr[VNET_HDR_LEN];
	struct vnet_hdr vh;
	struct iovec iov[2] = {{hdr, sizeof(hdr)}};
	struct pkt *pkt;
	ssize_t n;

	if (!tap->rx_buf)
		tap->rx_buf = buf_alloc(&netif->stack->eng->pkts, BUF_L);
	if (!tap->rx_buf)
		return false; /* the kernel's queue holds the frame until memory is back */
	iov[1].iov_base = tap->rx_buf->bytes + TAP_READ_HEADROOM;
	iov[1].iov_len = tap->rx_buf->cap - TAP_READ_HEADROOM;
	n = readv(tap->watch.fd, iov, 2);
	if (n < 0)
		return errno == EINTR;
	if (n < VNET_HDR_LEN)
		return true;
	tap->stats.reads++;
	tap->stats.read_bytes += (uint64_t)n - VNET_HDR_LEN;
	tap->rx_len = (uint32_t)n - VNET_HDR_LEN;
	loop_note_frame(tap->loop, tap->rx_len);
	pkt = tap_rx_pkt(tap, tap->rx_len);
	if (!pkt) {
		netif->stats.rx_dropped++;
		netif->stack->drops[DROP_NOMEM]++;
		return true;
	}
	vnet_hdr_read(hdr, VNET_HDR_LEN, &vh);
	if (offload_rx(pkt, &vh) < 0) {
		netif->stats.rx_errors++;
		pkt->netif = netif;
		pkt_drop(netif->stack, pkt, DROP_IF_DRIVER);
		return true;
	}
	netif_rx(netif, pkt);
	return true;
}

/* A guess, after the first frame of a turn: where messages go to and fro one at a time, the read
 * that says EAGAIN would be half of all. If it is wrong, the next turn comes at once. */
static bool tap_is_empty_now(const struct tap *tap)
{
	return tap->rx_len <= TAP_SMALL_MAX && tap->n_lone >= TAP_LONE_MIN &&
	       tap->n_lone % TAP_LONE_LOOK != 0;
}

static void tap_ready(struct loop_watch *watch, uint32_t events)
{
	struct tap *tap = container_of(watch, struct tap, watch);
	uint32_t n_bytes = 0;
	int n = 0;

	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN)) {
		/* The namespace is gone, and the device with it. */
		loop_watch_del(tap->loop, watch);
		netif_set_carrier(&tap->netif, false);
		return;
	}
	while (n < TAP_BATCH && n_bytes < TAP_BATCH_BYTES && tap_rx_one(tap)) {
		n++;
		n_bytes += tap->rx_len;
		if (n == 1 && tap_is_empty_now(tap))
			break;
	}
	tap->n_lone = n == 1 && tap->rx_len <= TAP_SMALL_MAX ? tap->n_lone + 1 : 0;
}

static void tap_tx(struct netif *netif, struct pkt *pkt)
{
	struct tap *tap = tap_of(netif);
	uint8_t hdr[VNET_HDR_LEN];
	struct vnet_hdr vh;
	struct iovec iov[2 + PKT_FRAGS_MAX] = {{hdr, sizeof(hdr)}, {pkt->data, pkt->lin_len}};
	ssize_t n;

	offload_tx(pkt, &vh);
	vnet_hdr_write(hdr, VNET_HDR_LEN, &vh);
	for (uint8_t i = 0; i < pkt->n_frags; i++)
		iov[2 + i] = (struct iovec){pkt->frags[i].buf->bytes + pkt->frags[i].off,
					    pkt->frags[i].len};
	do
		n = writev(tap->watch.fd, iov, 2 + pkt->n_frags);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		tap->stats.write_drops++;
		netif->stats.tx_dropped++;
		pkt_drop(netif->stack, pkt,
			 errno == EAGAIN || errno == ENOBUFS ? DROP_IF_TX_QUEUE : DROP_IF_DRIVER);
		return;
	}
	tap->stats.writes++;
	tap->stats.write_bytes += pkt->len;
	loop_note_frame(tap->loop, pkt->len);
	pkt_free(pkt);
}

static void tap_fini(struct netif *netif)
{
	struct tap *tap = tap_of(netif);

	loop_watch_del(tap->loop, &tap->watch);
	close(tap->watch.fd);
	buf_unref(tap->rx_buf);
	mem_free(&netif->stack->eng->mem, tap, sizeof(*tap));
}

static const struct netif_ops tap_ops = {
	.kind = "tap",
	.tx = tap_tx,
	.fini = tap_fini,
};

static bool fd_is_vnet_tap(int fd)
{
	struct ifreq ifr = {.ifr_flags = 0};

	return ioctl(fd, TUNGETIFF, &ifr) == 0 &&
	       (ifr.ifr_flags & (IFF_TAP | IFF_VNET_HDR)) == (IFF_TAP | IFF_VNET_HDR);
}

static struct tap *tap_alloc(struct weft_loop *loop, struct stack *st, int fd, uint32_t features)
{
	struct tap *tap = mem_zalloc(&st->eng->mem, sizeof(*tap));

	if (!tap)
		return NULL;
	tap->loop = loop;
	tap->watch.fd = fd;
	tap->watch.fn = tap_ready;
	list_init(&tap->watch.link);
	tap->netif.ops = &tap_ops;
	tap->netif.mtu = TAP_MTU;
	tap->netif.flags = NETIF_BROADCAST;
	tap->netif.features = features;
	rng_bytes(&st->eng->rng, tap->netif.hwaddr.b, sizeof(tap->netif.hwaddr.b));
	tap->netif.hwaddr.b[0] = 0x02; /* locally administered, unicast */
	return tap;
}

int weft_tap_new(struct weft_loop *loop, struct weft_stack *wst, const char *name, int fd,
		 struct weft_netif **ret)
{
	struct stack *st = (struct stack *)(void *)wst;
	struct tap *tap;
	int features, err = -EINVAL;

	if (!fd_is_vnet_tap(fd) || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		goto fail_fd;
	features = tap_fd_setup(fd); /* whoever opened it may have left it as it was */
	err = features;
	if (features < 0)
		goto fail_fd;
	err = -ENOMEM;
	tap = tap_alloc(loop, st, fd, (uint32_t)features);
	if (!tap)
		goto fail_fd;
	err = loop_watch_add(loop, &tap->watch, EPOLLIN);
	if (err)
		goto fail_tap;
	err = netif_add(st, &tap->netif, name);
	if (err)
		goto fail_watch;
	netif_set_carrier(&tap->netif, true);
	netif_set_up(&tap->netif, true);
	*ret = (struct weft_netif *)(void *)&tap->netif;
	return 0;
fail_watch:
	loop_watch_del(loop, &tap->watch);
fail_tap:
	mem_free(&st->eng->mem, tap, sizeof(*tap));
fail_fd:
	close(fd);
	return err;
}

void weft_tap_stats(const struct weft_netif *nif, struct weft_tap_stats *ret)
{
	const struct netif *netif = (const struct netif *)(const void *)nif;

	*ret = container_of(netif, const struct tap, netif)->stats;
}
