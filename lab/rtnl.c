/* SPDX-License-Identifier: MIT */
/* rtnetlink requests for kernel nodes; the contract is in rtnl.h. */
#include "lab/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RTNL_MSG_MAX = 512,
	RTNL_CONGCTL_MAX = 16, /* TCP_CA_NAME_MAX */
};

/* A request under construction; the headers come first, attributes are appended. */
struct rtnl_msg {
	struct nlmsghdr hdr;
	char body[RTNL_MSG_MAX];
};

int rtnl_open(struct rtnl *nl)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};

	nl->seq = 0;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (nl->fd < 0)
		return -errno;
	if (bind(nl->fd, (struct sockaddr *)&self, sizeof(self)) < 0) {
		int err = -errno;

		close(nl->fd);
		return err;
	}
	return 0;
}

void rtnl_close(struct rtnl *nl)
{
	close(nl->fd);
}

static void msg_init(struct rtnl *nl, struct rtnl_msg *msg, uint16_t type, uint16_t flags,
		     const void *family_hdr, size_t len)
{
	memset(msg, 0, sizeof(*msg));
	msg->hdr.nlmsg_type = type;
	msg->hdr.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	msg->hdr.nlmsg_seq = ++nl->seq;
	msg->hdr.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(msg->body, family_hdr, len);
}

static void msg_attr(struct rtnl_msg *msg, uint16_t type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(msg->hdr.nlmsg_len);
	struct rtattr rta = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(len)};
	char *p = (char *)msg + at;

	memcpy(p, &rta, sizeof(rta));
	if (len > 0)
		memcpy(p + RTA_LENGTH(0), data, len);
	msg->hdr.nlmsg_len = (uint32_t)(at + RTA_LENGTH(len));
}

/* Sends the request and waits for the acknowledgement that belongs to it. */
static int msg_talk(struct rtnl *nl, const struct rtnl_msg *msg)
{
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
		char rest[RTNL_MSG_MAX];
	} ans;

	if (send(nl->fd, msg, msg->hdr.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(nl->fd, &ans, sizeof(ans), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n < sizeof(ans.hdr) + sizeof(ans.err.error))
			return -EBADMSG;
		if (ans.hdr.nlmsg_type == NLMSG_ERROR && ans.hdr.nlmsg_seq == nl->seq)
			return ans.err.error;
	}
}

static unsigned char rtnl_family(const struct lab_ip *ip)
{
	return ip->family == LAB_IP6 ? AF_INET6 : AF_INET;
}

static size_t rtnl_addr_len(const struct lab_ip *ip)
{
	return lab_ip_bits(ip) / 8;
}

int rtnl_link_up(struct rtnl *nl, int ifindex, const uint8_t *mac, uint32_t mtu)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct rtnl_msg msg;

	msg_init(nl, &msg, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	if (mac)
		msg_attr(&msg, IFLA_ADDRESS, mac, 6);
	if (mtu)
		msg_attr(&msg, IFLA_MTU, &mtu, sizeof(mtu));
	return msg_talk(nl, &msg);
}

int rtnl_link_queue(struct rtnl *nl, int ifindex, uint32_t n_frames)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};
	struct rtnl_msg msg;

	msg_init(nl, &msg, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
	msg_attr(&msg, IFLA_TXQLEN, &n_frames, sizeof(n_frames));
	return msg_talk(nl, &msg);
}

int rtnl_addr_add(struct rtnl *nl, int ifindex, const struct lab_net *net)
{
	struct ifaddrmsg ifa = {
		.ifa_family = rtnl_family(&net->ip),
		.ifa_prefixlen = net->len,
		.ifa_flags = net->ip.family == LAB_IP6 ? IFA_F_NODAD : 0,
		.ifa_index = (uint32_t)ifindex,
	};
	struct rtnl_msg msg;

	msg_init(nl, &msg, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa));
	msg_attr(&msg, IFA_LOCAL, net->ip.bytes, rtnl_addr_len(&net->ip));
	msg_attr(&msg, IFA_ADDRESS, net->ip.bytes, rtnl_addr_len(&net->ip));
	if (net->ip.family == LAB_IP4 && net->len < 31) {
		struct lab_ip last = lab_net_last(net);

		msg_attr(&msg, IFA_BROADCAST, last.bytes, 4);
	}
	return msg_talk(nl, &msg);
}

/* Attributes within an attribute. */
static void msg_route_metrics(struct rtnl_msg *msg, const struct rtnl_metrics *m)
{
	uint32_t at = NLMSG_ALIGN(msg->hdr.nlmsg_len);
	struct rtattr rta = {.rta_type = RTA_METRICS};

	msg_attr(msg, RTA_METRICS, NULL, 0);
	if (m->mtu)
		msg_attr(msg, RTAX_MTU, &m->mtu, sizeof(m->mtu));
	if (m->initcwnd)
		msg_attr(msg, RTAX_INITCWND, &m->initcwnd, sizeof(m->initcwnd));
	if (m->congctl)
		msg_attr(msg, RTAX_CC_ALGO, m->congctl, strlen(m->congctl) + 1);
	rta.rta_len = (uint16_t)(msg->hdr.nlmsg_len - at);
	memcpy((char *)msg + at, &rta, sizeof(rta));
}

int rtnl_route_add(struct rtnl *nl, const struct lab_net *dst, const struct lab_ip *via,
		   int ifindex, const struct rtnl_metrics *m)
{
	struct rtmsg rtm = {
		.rtm_family = rtnl_family(&dst->ip),
		.rtm_dst_len = dst->len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct rtnl_msg msg;

	msg_init(nl, &msg, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rtm, sizeof(rtm));
	if (dst->len)
		msg_attr(&msg, RTA_DST, dst->ip.bytes, rtnl_addr_len(&dst->ip));
	if (via)
		msg_attr(&msg, RTA_GATEWAY, via->bytes, rtnl_addr_len(via));
	if (ifindex)
		msg_attr(&msg, RTA_OIF, &ifindex, sizeof(ifindex));
	if (m->metric)
		msg_attr(&msg, RTA_PRIORITY, &m->metric, sizeof(m->metric));
	if (m->congctl && strlen(m->congctl) >= RTNL_CONGCTL_MAX)
		return -EPROTONOSUPPORT;
	if (m->mtu || m->initcwnd || m->congctl)
		msg_route_metrics(&msg, m);
	return msg_talk(nl, &msg);
}
