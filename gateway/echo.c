/* SPDX-License-Identifier: MIT */
/*
 * Echo requests by the host's ping sockets (SOCK_DGRAM of ICMP), where the host gives them to this
 * user: net.ipv4.ping_group_range, which holds for both families. The kernel puts its own
 * identifier into what is sent, one a socket, so each identifier of the guest has a mapping.
 *
 * A reply reaches the guest only when one came: what the host does not get, the guest does not.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

enum {
	ECHO4_REQUEST = 8,
	ECHO4_REPLY = 0,
	ECHO6_REQUEST = 128,
	ECHO6_REPLY = 129,
	ECHO_HDR = 8,
	ECHO_MAX = 65535,
	ECHOES_AT_ONCE = 64,
};

void gw_echo_open(struct gateway *gw)
{
	static const struct {
		int family, proto;
	} kinds[] = {{AF_INET, IPPROTO_ICMP}, {AF_INET6, IPPROTO_ICMPV6}};

	for (size_t i = 0; i < 2; i++) {
		int fd = socket(kinds[i].family, SOCK_DGRAM | SOCK_CLOEXEC, kinds[i].proto);

		gw->can_ping[i] = fd >= 0;
		if (fd >= 0)
			close(fd);
	}
}

static void echo_in(struct gw_map *map, const struct sockaddr_storage *ss, uint8_t ttl,
		    uint8_t *buf, size_t len)
{
	struct gateway *gw = map->gw;
	const struct weft_iovec iov = {.base = buf + ECHO_HDR, .len = len - ECHO_HDR};
	struct weft_intercept_msg msg = {
		.dst = map->guest, .proto = map->proto, .ttl = ttl, .iov = &iov, .n_iov = 1};

	if (!gw_sockaddr_of(ss, &msg.src))
		return;
	msg.src.addr = gw_seen(gw, &msg.src.addr);
	if (gw_is_loopback(&msg.src.addr))
		return;
	msg.src.port = (uint16_t)(buf[6] << 8 | buf[7]);
	gw_map_touch(map);
	if (weft_intercept_send(gw->ic, &msg) == 0) {
		map->bytes_in += len;
		gw->stats.echo_in++;
	}
}

/* The hops that are left, one less; 0: not told. */
static uint8_t echo_ttl(struct msghdr *hdr)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c; c = CMSG_NXTHDR(hdr, c)) {
		int v;

		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
			memcpy(&v, CMSG_DATA(c), sizeof(v));
			return (uint8_t)(v > 1 && v < 256 ? v - 1 : 1);
		}
	}
	return 0;
}

static void echo_ready(struct gw_fd *gfd, uint32_t events)
{
	struct gw_map *map = container_of(gfd, struct gw_map, host);
	uint8_t type = map->proto == WEFT_IPPROTO_ICMP ? ECHO4_REPLY : ECHO6_REPLY;

	if (events & EPOLLERR)
		gw_map_errors(map);
	for (int i = 0; i < ECHOES_AT_ONCE; i++) {
		uint8_t *buf = map->gw->dgrams;
		struct sockaddr_storage ss = {0};
		char control[64] __attribute__((aligned(8)));
		struct iovec iov = {buf, ECHO_MAX};
		struct msghdr hdr = {
			.msg_name = &ss,
			.msg_namelen = sizeof(ss),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(gfd->fd, &hdr, 0);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			gw_map_errors(map);
			continue;
		}
		if (n < 0)
			return;
		if (n >= ECHO_HDR && buf[0] == type)
			echo_in(map, &ss, echo_ttl(&hdr), buf, (size_t)n);
	}
	gw_fd_again(gfd);
}

int gw_echo_socket(struct gw_map *map)
{
	bool is_ip4 = map->proto == WEFT_IPPROTO_ICMP;
	int fd = gw_socket(map->gw, is_ip4 ? AF_INET : AF_INET6, SOCK_DGRAM,
			   is_ip4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	int err;

	if (fd == -EPERM)
		fd = -EACCES;
	if (fd >= 0 || fd == -EACCES) /* without a descriptor left nothing is known */
		map->gw->can_ping[is_ip4 ? 0 : 1] = fd >= 0;
	if (fd < 0)
		return fd;
	if (is_ip4) {
		(void)gw_opt(fd, IPPROTO_IP, IP_RECVERR, 1);
		(void)gw_opt(fd, IPPROTO_IP, IP_RECVTTL, 1);
	} else {
		(void)gw_opt(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		(void)gw_opt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	}
	err = gw_bind_outbound(map->gw, fd, map->guest.addr.family);
	if (!err)
		err = gw_fd_add(map->gw, &map->host, fd, EPOLLIN, echo_ready);
	if (err)
		close(fd);
	return err;
}

static ssize_t echo_send(struct gw_map *map, const struct weft_intercept_msg *msg,
			 const struct weft_sockaddr *to)
{
	uint8_t head[ECHO_HDR] = {0};
	struct sockaddr_storage ss;
	struct iovec iov[32] = {{head, sizeof(head)}};
	struct weft_sockaddr at = {.addr = to->addr};
	struct msghdr hdr = {.msg_name = &ss, .msg_iov = iov};

	if (msg->n_iov >= sizeof(iov) / sizeof(iov[0]))
		return -EMSGSIZE;
	head[0] = map->proto == WEFT_IPPROTO_ICMP ? ECHO4_REQUEST : ECHO6_REQUEST;
	head[6] = (uint8_t)(msg->dst.port >> 8);
	head[7] = (uint8_t)msg->dst.port;
	for (size_t i = 0; i < msg->n_iov; i++)
		iov[1 + i] = (struct iovec){msg->iov[i].base, msg->iov[i].len};
	hdr.msg_iovlen = 1 + msg->n_iov;
	hdr.msg_namelen = gw_sockaddr_to(&at, &ss);
	return sendmsg(map->host.fd, &hdr, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void gw_echo_out(struct gateway *gw, const struct weft_intercept_msg *msg)
{
	struct weft_sockaddr guest = msg->src, to;
	struct weft_icmp_error icmp = {0};
	struct gw_map *map;
	ssize_t err;
	enum gw_verdict why = gw_check(gw, msg->proto, &msg->dst, &to);

	if (why != GW_ALLOWED) {
		gw->stats.denied += why == GW_DENIED;
		gw_refused_verdict(gw, msg->proto, &msg->src, &msg->dst, why);
		gw_icmp_of(msg->dst.addr.family, why == GW_NOBODY ? GW_ON_LINK : why, &icmp);
		gw_dgram_refuse(gw, msg, &icmp);
		return;
	}
	err = gw_map_get(gw, msg->proto, &guest, &map);
	if (err) {
		gw_map_failed(gw, msg, (int)-err);
		return;
	}
	gw_map_touch(map);
	gw_map_set_ip(map, msg);
	err = echo_send(map, msg, &to);
	if (err && err != -EAGAIN && err != -EMSGSIZE) {
		gw_map_errors(map); /* of an earlier one */
		err = echo_send(map, msg, &to);
	}
	if (!err) {
		map->bytes_out += msg->len;
		gw->stats.echo_out++;
		return;
	}
	gw_dgram_send_failed(map, msg, (int)-err);
}
