/* SPDX-License-Identifier: MIT */
/*
 * An Ethernet interface of the host's by a packet socket (packet(7)): a NIC, or one end of a veth.
 *
 * How it works: frames come by a receive ring (packet_ring.h) and are copied from there into
 * packets of their size. They leave by sendmmsg(2), many a call: its vectors take packets in pieces
 * as they are, where the kernel's transmit ring would have us copy them into slots first. With
 * offloads each has a virtio_net_hdr, so that 64 KiB of TCP cross at once both ways, neither summed
 * nor split.
 *
 *	kernel ──► ring ──► netif_rx
 *	tx() ──► txq ──► sendmmsg       at the end of a burst, and by POLLOUT
 *
 * What the socket's send buffer does not take waits in `txq`, which is bounded: beyond it packets
 * are dropped, as on any interface that is too slow. The kernel's own stack sees the same frames,
 * unless the interface has no address there.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
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
#include "drivers/hostif.h"
#include "drivers/loop.h"
#include "drivers/offload.h"
#include "drivers/packet_ring.h"
#include "weft/io.h"
#include "wire/eth.h"
#include "wire/gso.h"
#include "wire/vlan.h"

enum {
	AFP_RING_BYTES = 8 * 1024 * 1024,
	AFP_RING_BYTES_MAX = 1024 * 1024 * 1024,
	AFP_BATCH = 256, /* frames read in one turn before others have theirs */
	AFP_BATCH_BYTES = 512 * 1024,
	AFP_HOLD = 64,     /* frames that the ring has to keep for us until they go up */
	AFP_TX_BATCH = 32, /* packets a system call */
	AFP_TX_PKTS = 1024,
	AFP_TX_BYTES = 4 * 1024 * 1024,
	AFP_SNDBUF = 4 * 1024 * 1024,
	AFP_FRAME_EXTRA = ETH_HDR_LEN + VLAN_HDR_LEN, /* of the longest frame above the MTU */
	ETH_ADDRS_LEN = 12,                           /* in front of a VLAN tag */
};

struct afpacket {
	struct netif netif;
	struct loop_watch watch; /* the packet socket */
	struct weft_loop *loop;
	struct hostif hostif;
	struct packet_ring ring;
	struct pktq txq;
	uint32_t frame_max;
	bool has_vnet;
	bool is_blocked;       /* the socket took no more: POLLOUT is watched */
	bool is_promisc_asked; /* by the configuration */
	struct weft_afpacket_stats stats;
	struct gro gro;
};

static struct afpacket *afpacket_of(struct netif *netif)
{
	return container_of(netif, struct afpacket, netif);
}

/*
 * Reception.
 */

/* What the kernel dropped for want of room since it was asked last. */
static void afpacket_count_drops(struct afpacket *ap)
{
	struct netif *netif = &ap->netif;
	struct tpacket_stats_v3 s = {.tp_drops = 0};
	socklen_t len = sizeof(s);

	if (getsockopt(ap->watch.fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) < 0)
		return;
	ap->stats.rx_drops += s.tp_drops;
	netif->stats.rx_dropped += s.tp_drops;
	netif->stack->drops[DROP_IF_RX_RING] += s.tp_drops;
}

static void afpacket_refuse(struct afpacket *ap, enum drop why)
{
	ap->netif.stats.rx_dropped++;
	ap->netif.stack->drops[why]++;
}

/* The frame's bytes, with the tag that the kernel has taken out back in its place. */
static void frame_copy(uint8_t *to, const struct packet_frame *f, uint32_t n_tag)
{
	if (!n_tag) {
		memcpy(to, f->bytes, f->len);
		return;
	}
	memcpy(to, f->bytes, ETH_ADDRS_LEN);
	store_be16(to + ETH_ADDRS_LEN,
		   f->status & TP_STATUS_VLAN_TPID_VALID ? f->vlan_tpid : ETHERTYPE_VLAN);
	store_be16(to + ETH_ADDRS_LEN + 2, f->vlan_tci);
	memcpy(to + ETH_ADDRS_LEN + n_tag, f->bytes + ETH_ADDRS_LEN, f->len - ETH_ADDRS_LEN);
}

/* Whether the header tells no more than GRO finds out for itself: no super-packet, and of an
 * unfinished checksum that it is TCP's or UDP's. */
static bool vnet_is_plain(const struct packet_frame *f, const struct vnet_hdr *vh)
{
	struct gso_hdr hdr;

	if (vh->gso_type != VNET_GSO_NONE)
		return false;
	return !(vh->flags & VNET_F_NEEDS_CSUM) ||
	       (gso_hdr_parse(f->bytes, f->len, &hdr) == 0 && vh->csum_start == hdr.l4_off &&
		vh->csum_offset == hdr.csum_off);
}

static enum pkt_csum vnet_csum(const struct vnet_hdr *vh)
{
	if (vh->flags & VNET_F_NEEDS_CSUM)
		return PKT_CSUM_PARTIAL;
	return vh->flags & VNET_F_DATA_VALID ? PKT_CSUM_VERIFIED : PKT_CSUM_NONE;
}

/* A frame that GRO has nothing to do with: it comes behind what is held. */
static void afpacket_rx_alone(struct afpacket *ap, const struct packet_frame *f, uint32_t n_tag,
			      const struct vnet_hdr *vh)
{
	struct netif *netif = &ap->netif;
	struct vnet_hdr tagged = *vh;
	struct pkt *pkt;

	gro_flush(&ap->gro);
	pkt = pkt_alloc(&netif->stack->eng->pkts, f->len + n_tag);
	if (!pkt) {
		afpacket_refuse(ap, DROP_NOMEM);
		return;
	}
	frame_copy(pkt_put(pkt, f->len + n_tag), f, n_tag);
	tagged.csum_start = (uint16_t)(vh->csum_start + n_tag);
	if (offload_rx(pkt, &tagged) < 0) {
		netif->stats.rx_errors++;
		pkt->netif = netif;
		pkt_drop(netif->stack, pkt, DROP_IF_DRIVER);
		return;
	}
	netif_rx(netif, pkt);
}

/* A virtio_net_hdr for a frame that came without. */
static void vnet_of_status(const struct packet_frame *f, struct vnet_hdr *ret)
{
	struct gso_hdr hdr;

	*ret = (struct vnet_hdr){.gso_type = VNET_GSO_NONE};
	if (f->status & TP_STATUS_CSUM_VALID)
		ret->flags = VNET_F_DATA_VALID;
	if (!(f->status & TP_STATUS_CSUMNOTREADY) || gso_hdr_parse(f->bytes, f->len, &hdr) < 0)
		return;
	ret->flags = VNET_F_NEEDS_CSUM;
	ret->csum_start = hdr.l4_off;
	ret->csum_offset = hdr.csum_off;
}

static void afpacket_rx(struct afpacket *ap, const struct packet_frame *f)
{
	uint32_t n_tag = f->status & TP_STATUS_VLAN_VALID ? VLAN_HDR_LEN : 0;
	struct vnet_hdr vh;

	ap->stats.rx_frames++;
	ap->stats.rx_bytes += f->full_len;
	if (f->len < f->full_len || f->len + n_tag > ap->frame_max) {
		afpacket_refuse(ap, DROP_IF_MTU);
		return;
	}
	if (f->len < ETH_HDR_LEN) {
		afpacket_refuse(ap, DROP_ETH_HDR);
		return;
	}
	if (ap->has_vnet)
		vnet_hdr_read(f->bytes - VNET_HDR_LEN, VNET_HDR_LEN, &vh);
	else
		vnet_of_status(f, &vh);
	if (n_tag || !vnet_is_plain(f, &vh))
		afpacket_rx_alone(ap, f, n_tag, &vh);
	else
		gro_rx(&ap->gro, f->bytes, f->len, vnet_csum(&vh));
}

/* Reads some frames, `*n_bytes` in all, and gives them back. False: those were all. */
static bool afpacket_read_some(struct afpacket *ap, uint32_t *n_bytes, bool *is_losing)
{
	struct packet_frame f;
	int n = 0;

	while (n < AFP_HOLD && packet_ring_next(&ap->ring, &f)) {
		*is_losing = *is_losing || f.status & TP_STATUS_LOSING;
		*n_bytes += f.len;
		afpacket_rx(ap, &f);
		n++;
	}
	gro_flush(&ap->gro);
	packet_ring_release(&ap->ring);
	return n == AFP_HOLD;
}

static void afpacket_read(struct afpacket *ap)
{
	uint32_t n_bytes = 0;
	bool is_losing = false;

	for (int n = 0; n < AFP_BATCH && n_bytes < AFP_BATCH_BYTES; n += AFP_HOLD)
		if (!afpacket_read_some(ap, &n_bytes, &is_losing))
			break;
	if (is_losing)
		afpacket_count_drops(ap);
}

/*
 * Transmission.
 */

/* One packet of a system call. */
struct afp_msg {
	uint8_t vnet[VNET_HDR_LEN];
	struct iovec iov[2 + PKT_FRAGS_MAX];
};

static void msg_fill(const struct afpacket *ap, const struct pkt *pkt, struct afp_msg *m,
		     struct msghdr *ret)
{
	struct iovec *iov = m->iov;
	struct vnet_hdr vh;

	if (ap->has_vnet) {
		offload_tx(pkt, &vh);
		vnet_hdr_write(m->vnet, VNET_HDR_LEN, &vh);
		*iov++ = (struct iovec){m->vnet, VNET_HDR_LEN};
	}
	*iov++ = (struct iovec){pkt->data, pkt->lin_len};
	for (uint8_t i = 0; i < pkt->n_frags; i++)
		*iov++ = (struct iovec){pkt->frags[i].buf->bytes + pkt->frags[i].off,
					pkt->frags[i].len};
	*ret = (struct msghdr){.msg_iov = m->iov, .msg_iovlen = (size_t)(iov - m->iov)};
}

static void afpacket_tx_drop(struct afpacket *ap, struct pkt *pkt, enum drop why)
{
	ap->stats.tx_drops++;
	ap->netif.stats.tx_dropped++;
	pkt_drop(ap->netif.stack, pkt, why);
}

static enum drop tx_drop_reason(int err)
{
	if (err == ENOBUFS) /* the device's queue was full: the kernel has lost it */
		return DROP_IF_TX_QUEUE;
	return err == EMSGSIZE ? DROP_IF_MTU : DROP_IF_DRIVER;
}

static void afpacket_set_blocked(struct afpacket *ap, bool on)
{
	if (ap->is_blocked != on &&
	    loop_watch_mod(ap->loop, &ap->watch, on ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0)
		ap->is_blocked = on;
}

/* Hands the first packets over. False: the socket takes no more now. */
static bool afpacket_send_some(struct afpacket *ap)
{
	struct mmsghdr msgs[AFP_TX_BATCH];
	struct afp_msg bodies[AFP_TX_BATCH];
	const struct pkt *pkt = ap->txq.first;
	unsigned int n_msgs = 0;
	int n;

	for (; pkt && n_msgs < AFP_TX_BATCH; pkt = pkt->next, n_msgs++)
		msg_fill(ap, pkt, &bodies[n_msgs], &msgs[n_msgs].msg_hdr);
	n = sendmmsg(ap->watch.fd, msgs, n_msgs, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0 && errno != EINTR)
		afpacket_tx_drop(ap, pktq_pop(&ap->txq), tx_drop_reason(errno));
	ap->stats.tx_calls++;
	for (int i = 0; i < n; i++) {
		struct pkt *sent = pktq_pop(&ap->txq);

		ap->stats.tx_frames++;
		ap->stats.tx_bytes += sent->len;
		pkt_free(sent);
	}
	return true;
}

static void afpacket_send(struct afpacket *ap)
{
	while (!pktq_is_empty(&ap->txq))
		if (!afpacket_send_some(ap)) {
			afpacket_set_blocked(ap, true);
			return;
		}
	afpacket_set_blocked(ap, false);
}

static void afpacket_tx(struct netif *netif, struct pkt *pkt)
{
	struct afpacket *ap = afpacket_of(netif);

	if (ap->txq.n_pkts >= AFP_TX_PKTS || ap->txq.n_bytes >= AFP_TX_BYTES) {
		afpacket_tx_drop(ap, pkt, DROP_IF_TX_QUEUE);
		return;
	}
	pktq_push(&ap->txq, pkt);
	if (ap->txq.n_pkts >= AFP_TX_BATCH && !ap->is_blocked)
		afpacket_send(ap);
	else
		netif_flush_later(netif);
}

static void afpacket_flush(struct netif *netif)
{
	struct afpacket *ap = afpacket_of(netif);

	if (!ap->is_blocked)
		afpacket_send(ap);
}

/*
 * The interface.
 */

static void afpacket_ready(struct loop_watch *watch, uint32_t events)
{
	struct afpacket *ap = container_of(watch, struct afpacket, watch);
	socklen_t len = sizeof(int);
	int err;

	if (events & EPOLLERR) /* it went down: hostif tells of that, here it is only taken back */
		(void)getsockopt(watch->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (events & EPOLLOUT)
		afpacket_send(ap);
	if (events & EPOLLIN)
		afpacket_read(ap);
}

static void afpacket_change(struct netif *netif)
{
	struct afpacket *ap = afpacket_of(netif);

	hostif_filter(&ap->hostif, ap->watch.fd, &netif->hwaddr,
		      ap->is_promisc_asked || netif->flags & NETIF_PROMISC);
}

static void afpacket_host_changed(struct hostif *h)
{
	struct afpacket *ap = container_of(h, struct afpacket, hostif);

	if (h->has_new_mtu && h->mtu + AFP_FRAME_EXTRA <= ap->frame_max)
		/* -EINVAL: not one that IP can have. */
		(void)!netif_set_mtu(&ap->netif, h->mtu);
	netif_set_carrier(&ap->netif, h->is_running);
	if (!h->is_gone)
		afpacket_change(&ap->netif);
}

/* Closes what is open, also of a driver half built. */
static void afpacket_close(struct afpacket *ap)
{
	packet_ring_close(&ap->ring);
	hostif_close(&ap->hostif);
	if (ap->watch.fd < 0)
		return;
	if (!list_is_empty(&ap->watch.link))
		loop_watch_del(ap->loop, &ap->watch);
	close(ap->watch.fd); /* its memberships end with it */
}

static void afpacket_fini(struct netif *netif)
{
	struct afpacket *ap = afpacket_of(netif);

	pktq_purge(&ap->txq);
	afpacket_close(ap);
	mem_free(&netif->stack->eng->mem, ap, sizeof(*ap));
}

static const struct netif_ops afpacket_ops = {
	.kind = "afpacket",
	.tx = afpacket_tx,
	.flush = afpacket_flush,
	.change = afpacket_change,
	.fini = afpacket_fini,
};

/*
 * Set-up.
 */

static int socket_opt(int fd, int name, int value)
{
	return setsockopt(fd, SOL_PACKET, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* A large send buffer, which the process may lack the right to ask for. */
static void socket_sndbuf(int fd)
{
	int bytes = AFP_SNDBUF;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* What is to be set before frames come. The first step that fails goes to `ret_step`. */
static int afpacket_setup(struct afpacket *ap, const struct weft_afpacket_config *cfg,
			  const char **ret_step)
{
	struct packet_ring_conf ring = {
		.ring_bytes = cfg->ring_bytes ? cfg->ring_bytes : AFP_RING_BYTES,
		.frame_max = ap->frame_max,
		.timeout_ms = cfg->block_ms,
	};
	int fd = ap->watch.fd, err;

	*ret_step = "PACKET_IGNORE_OUTGOING (Linux 4.20)";
	err = socket_opt(fd, PACKET_IGNORE_OUTGOING, 1);
	if (!err && ap->has_vnet) {
		*ret_step = "PACKET_VNET_HDR";
		err = socket_opt(fd, PACKET_VNET_HDR, 1);
	}
	if (!err && cfg->qdisc_bypass) {
		*ret_step = "PACKET_QDISC_BYPASS";
		err = socket_opt(fd, PACKET_QDISC_BYPASS, 1);
	}
	if (err)
		return err;
	*ret_step = "no receive ring";
	return packet_ring_open(&ap->ring, fd, &ring);
}

static int afpacket_bind(struct afpacket *ap, const struct weft_afpacket_config *cfg,
			 const char **ret_step)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = ap->hostif.ifindex,
	};
	int fanout = cfg->fanout_group | PACKET_FANOUT_HASH << 16;

	store_be16((uint8_t *)&sll.sll_protocol, ETH_P_ALL);
	*ret_step = "the packet socket cannot be bound";
	if (bind(ap->watch.fd, (struct sockaddr *)&sll, sizeof(sll)) < 0)
		return -errno;
	*ret_step = "PACKET_FANOUT";
	if (cfg->fanout_group)
		return socket_opt(ap->watch.fd, PACKET_FANOUT, fanout);
	return 0;
}

static int afpacket_open(struct afpacket *ap, const struct weft_afpacket_config *cfg,
			 const char **ret_step)
{
	int err;

	*ret_step = "no such interface that can be used";
	err = hostif_open(&ap->hostif, cfg->ifname);
	if (err)
		return err;
	ap->netif.hwaddr = ap->hostif.mac;
	ap->netif.mtu = ap->hostif.mtu;
	ap->frame_max = (ap->has_vnet ? NETIF_MTU_MAX : ap->netif.mtu) + AFP_FRAME_EXTRA;
	*ret_step = "no packet socket";
	/* Protocol 0: nothing comes before it is bound. */
	ap->watch.fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ap->watch.fd < 0)
		return -errno;
	socket_sndbuf(ap->watch.fd);
	err = afpacket_setup(ap, cfg, ret_step);
	if (!err)
		err = afpacket_bind(ap, cfg, ret_step);
	if (err)
		return err;
	*ret_step = "groups";
	err = hostif_groups(&ap->hostif, ap->watch.fd);
	if (err)
		return err;
	*ret_step = "the loop";
	err = loop_watch_add(ap->loop, &ap->watch, EPOLLIN);
	return err ? err : hostif_watch(&ap->hostif, ap->loop, afpacket_host_changed);
}

static struct afpacket *afpacket_alloc(struct weft_loop *loop, struct stack *st,
				       const struct weft_afpacket_config *cfg)
{
	struct afpacket *ap = mem_zalloc(&st->eng->mem, sizeof(*ap));

	if (!ap)
		return NULL;
	ap->loop = loop;
	ap->watch.fd = -1;
	ap->watch.fn = afpacket_ready;
	ap->hostif.watch.fd = -1;
	ap->has_vnet = !cfg->no_offloads;
	ap->is_promisc_asked = cfg->promisc;
	list_init(&ap->watch.link);
	list_init(&ap->hostif.watch.link);
	pktq_init(&ap->txq);
	ap->netif.ops = &afpacket_ops;
	ap->netif.flags = NETIF_BROADCAST;
	ap->netif.features = NETIF_F_FRAGS | NETIF_F_GRO;
	gro_init(&ap->gro, &ap->netif);
	if (ap->has_vnet)
		ap->netif.features |= NETIF_F_CSUM | NETIF_F_GSO_TCP;
	return ap;
}

int weft_afpacket_new(struct weft_loop *loop, struct weft_stack *wst, const char *name,
		      const struct weft_afpacket_config *cfg, struct weft_netif **ret)
{
	struct stack *st = (struct stack *)(void *)wst;
	const struct hostif_why why = {cfg->why, cfg->why_bytes, cfg->ifname, "CAP_NET_RAW"};
	const char *step = "the interface's memory";
	struct afpacket *ap;
	int err = -ENOMEM;

	if (cfg->ring_bytes > AFP_RING_BYTES_MAX)
		return hostif_fault(&why, -EINVAL, "the ring is larger than 1 GiB");
	ap = afpacket_alloc(loop, st, cfg);
	if (!ap)
		return hostif_fault(&why, err, step);
	err = afpacket_open(ap, cfg, &step);
	if (!err) {
		step = "its name in the stack";
		err = netif_add(st, &ap->netif, name);
	}
	if (err) {
		afpacket_close(ap);
		mem_free(&st->eng->mem, ap, sizeof(*ap));
		return hostif_fault(&why, err, step);
	}
	afpacket_change(&ap->netif);
	netif_set_carrier(&ap->netif, ap->hostif.is_running);
	netif_set_up(&ap->netif, true);
	*ret = (struct weft_netif *)(void *)&ap->netif;
	return 0;
}

void weft_afpacket_stats(struct weft_netif *nif, struct weft_afpacket_stats *ret)
{
	struct afpacket *ap = afpacket_of((struct netif *)(void *)nif);

	afpacket_count_drops(ap);
	*ret = ap->stats;
}
