/* SPDX-License-Identifier: MIT */
/*
 * Addresses that the host loses. Its kernel goes on sending for a connection whose own address has
 * gone, which nobody can answer, and gives up after a quarter of an hour; the guest, whose address
 * has not changed, hears nothing meanwhile. So such connections are reset, on both sides.
 *
 * How it works: a netlink socket, which needs no right, tells that an address went. What is short
 * (a lease that is renewed, a link that is set up anew) harms no connection; so only those are
 * reset whose address is not back after GRACE_S, as bind(2) says. UDP needs nothing: the sockets of
 * mappings have no address of their own.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

enum {
	GRACE_S = 3,
	BUF_BYTES = 8192,
};

static bool has_gone_in(const uint8_t *buf, size_t len)
{
	struct nlmsghdr h;

	for (size_t off = 0; len - off >= sizeof(h); off += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, buf + off, sizeof(h));
		if (h.nlmsg_type == RTM_DELADDR)
			return true;
		if (h.nlmsg_len < sizeof(h) || NLMSG_ALIGN(h.nlmsg_len) > len - off)
			return false;
	}
	return false;
}

static void hostaddr_ready(void *arg, int fd, uint32_t events UNUSED)
{
	struct gateway *gw = arg;
	uint8_t buf[BUF_BYTES];
	ssize_t n;

	/* What did not fit into its buffer may have been the end of an address. */
	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0 || (n < 0 && errno == ENOBUFS))
		if ((n < 0 || has_gone_in(buf, (size_t)n)) && !gw->addr_gone_ns)
			gw->addr_gone_ns = gw_now(gw);
}

/* Without it connections end by their time-outs. */
void gw_hostaddr_open(struct gateway *gw)
{
	struct sockaddr_nl sa = {.nl_family = AF_NETLINK,
				 .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	gw->addr_fd = -1;
	if (fd < 0)
		return;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    weft_loop_watch(gw->loop, fd, POLLIN, hostaddr_ready, gw) < 0)
		close(fd);
	else
		gw->addr_fd = fd;
}

void gw_hostaddr_close(struct gateway *gw)
{
	if (gw->addr_fd < 0)
		return;
	(void)weft_loop_watch(gw->loop, gw->addr_fd, 0, NULL, NULL);
	close(gw->addr_fd);
	gw->addr_fd = -1;
}

static bool is_gone(struct sockaddr_storage *ss, socklen_t len)
{
	int fd = socket(ss->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ret = false;

	if (fd < 0)
		return false;
	/* Any port: those of both families stand at the same place. */
	((struct sockaddr_in *)ss)->sin_port = 0;
	if (bind(fd, (struct sockaddr *)ss, len) < 0)
		ret = errno == EADDRNOTAVAIL;
	close(fd);
	return ret;
}

void gw_hostaddr_sweep(struct gateway *gw)
{
	struct gw_flow *flow;

	if (!gw->addr_gone_ns || gw_now(gw) - gw->addr_gone_ns < (int64_t)GRACE_S * GW_NS_PER_S)
		return;
	gw->addr_gone_ns = 0;
	list_for_each_safe (flow, &gw->flows, link) {
		struct sockaddr_storage ss = {0};
		socklen_t len = sizeof(ss);

		if (flow->host.fd < 0 ||
		    getsockname(flow->host.fd, (struct sockaddr *)&ss, &len) < 0 ||
		    !is_gone(&ss, len))
			continue;
		gw->stats.tcp_addr_gone++;
		gw_flow_abort(flow);
	}
}
