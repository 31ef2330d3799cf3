/* SPDX-License-Identifier: MIT */
/*
 * Interfaces of the host's; the contract is in hostif.h.
 *
 * How it works: a socket of rtnetlink tells that some link has changed, and is not read any closer
 * than that: what our link is now is asked for by ioctl, which cannot miss anything when the
 * socket's queue was too short for all the news. Links change rarely.
 */
#include "drivers/hostif.h"

#include <assert.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static_assert(HOSTIF_NAME_MAX == IFNAMSIZ, "a name fits");

static int hostif_ioctl(struct hostif *h, unsigned long request, struct ifreq *req)
{
	memcpy(req->ifr_name, h->name, sizeof(req->ifr_name));
	return ioctl(h->watch.fd, request, req) < 0 ? -errno : 0;
}

/* Its name may have changed. */
static int hostif_read_name(struct hostif *h)
{
	struct ifreq req = {.ifr_ifindex = h->ifindex};

	if (ioctl(h->watch.fd, SIOCGIFNAME, &req) < 0)
		return -errno;
	memcpy(h->name, req.ifr_name, sizeof(h->name));
	return 0;
}

static int hostif_read(struct hostif *h)
{
	const int running = IFF_UP | IFF_RUNNING;
	struct ifreq flags = {.ifr_flags = 0}, mtu = {.ifr_mtu = 0}, mac = {.ifr_flags = 0};
	int err = hostif_read_name(h);

	if (!err)
		err = hostif_ioctl(h, SIOCGIFFLAGS, &flags);
	if (!err)
		err = hostif_ioctl(h, SIOCGIFMTU, &mtu);
	if (!err)
		err = hostif_ioctl(h, SIOCGIFHWADDR, &mac);
	if (!err && mac.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		err = -EPROTONOSUPPORT;
	if (err)
		return err;
	h->is_running = (flags.ifr_flags & running) == running;
	h->mtu = (uint32_t)mtu.ifr_mtu;
	memcpy(h->mac.b, mac.ifr_hwaddr.sa_data, sizeof(h->mac.b));
	return 0;
}

int hostif_open(struct hostif *h, const char *ifname)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	struct ifreq req = {.ifr_flags = 0};
	int err;

	*h = (struct hostif){.watch.fd = -1};
	list_init(&h->watch.link);
	if (!ifname || !*ifname || strlen(ifname) >= sizeof(h->name))
		return -EINVAL;
	memcpy(h->name, ifname, strlen(ifname));
	h->watch.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	/* News is asked for before the first look, so that no change falls between the two. */
	if (h->watch.fd < 0 || bind(h->watch.fd, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		return -errno;
	err = hostif_ioctl(h, SIOCGIFINDEX, &req);
	if (err)
		return err;
	h->ifindex = req.ifr_ifindex;
	return hostif_read(h);
}

static void news_drain(int fd)
{
	uint8_t buf[8192];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	while (n >= 0 || errno == EINTR || errno == ENOBUFS);
}

static void hostif_ready(struct loop_watch *watch, uint32_t events)
{
	struct hostif *h = container_of(watch, struct hostif, watch);
	uint32_t mtu = h->mtu;

	(void)events;
	news_drain(watch->fd);
	if (hostif_read(h) < 0) {
		loop_watch_del(h->loop, watch);
		h->is_running = false;
		h->is_gone = true;
	}
	h->has_new_mtu = h->mtu != mtu;
	h->changed(h);
}

int hostif_watch(struct hostif *h, struct weft_loop *loop, void (*changed)(struct hostif *h))
{
	h->loop = loop;
	h->changed = changed;
	h->watch.fn = hostif_ready;
	return loop_watch_add(loop, &h->watch, EPOLLIN);
}

void hostif_close(struct hostif *h)
{
	if (h->watch.fd < 0)
		return;
	if (!list_is_empty(&h->watch.link))
		loop_watch_del(h->loop, &h->watch);
	close(h->watch.fd);
	h->watch.fd = -1;
}

static int hostif_member(const struct hostif *h, int packet_fd, bool on, uint16_t type,
			 const struct eth_addr *addr)
{
	struct packet_mreq req = {.mr_ifindex = h->ifindex, .mr_type = type};
	int name = on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP;

	if (addr) {
		req.mr_alen = sizeof(addr->b);
		memcpy(req.mr_address, addr->b, sizeof(addr->b));
	}
	return setsockopt(packet_fd, SOL_PACKET, name, &req, sizeof(req)) < 0 ? -errno : 0;
}

int hostif_groups(const struct hostif *h, int packet_fd)
{
	return hostif_member(h, packet_fd, true, PACKET_MR_ALLMULTI, NULL);
}

void hostif_filter(struct hostif *h, int packet_fd, const struct eth_addr *mac, bool wants_all)
{
	bool wants_unicast = !eth_addr_eq(mac, &h->mac);

	if (h->has_unicast && !eth_addr_eq(&h->unicast, mac)) {
		(void)hostif_member(h, packet_fd, false, PACKET_MR_UNICAST, &h->unicast);
		h->has_unicast = false;
	}
	if (wants_unicast && !h->has_unicast) {
		h->unicast = *mac;
		h->has_unicast =
			hostif_member(h, packet_fd, true, PACKET_MR_UNICAST, &h->unicast) == 0;
		wants_all = wants_all || !h->has_unicast;
	}
	if (h->is_promisc != wants_all &&
	    hostif_member(h, packet_fd, wants_all, PACKET_MR_PROMISC, NULL) == 0)
		h->is_promisc = wants_all;
}

uint32_t hostif_n_queues(struct hostif *h)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq req = {.ifr_data = (void *)&c};

	if (hostif_ioctl(h, SIOCETHTOOL, &req) < 0 || !(c.rx_count + c.combined_count))
		return 1;
	return c.rx_count + c.combined_count;
}

bool hostif_strips_tags(struct hostif *h)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ifreq req = {.ifr_data = (void *)&flags};

	return hostif_ioctl(h, SIOCETHTOOL, &req) == 0 && flags.data & ETH_FLAG_RXVLAN;
}

bool hostif_is_veth(struct hostif *h)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq req = {.ifr_data = (void *)&info};

	return hostif_ioctl(h, SIOCETHTOOL, &req) == 0 &&
	       !strncmp(info.driver, "veth", sizeof(info.driver));
}

int hostif_fault(const struct hostif_why *why, int err, const char *step)
{
	if (why->text && why->bytes)
		snprintf(why->text, why->bytes, "%s: %s: %s%s%s",
			 why->ifname ? why->ifname : "(no name)", step, strerror(-err),
			 err == -EPERM ? ": the process lacks " : "",
			 err == -EPERM ? why->caps : "");
	return err;
}
