/* SPDX-License-Identifier: MIT */
/* Sockets of the host: addresses both ways, and what all of them are set to. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

socklen_t gw_sockaddr_to(const struct weft_sockaddr *sa, struct sockaddr_storage *ret)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(sa->port)};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(sa->port)};

	memset(ret, 0, sizeof(*ret));
	if (sa->addr.family == WEFT_AF_INET) {
		memcpy(&sin.sin_addr, sa->addr.bytes, 4);
		memcpy(ret, &sin, sizeof(sin));
		return sizeof(sin);
	}
	memcpy(&sin6.sin6_addr, sa->addr.bytes, 16);
	memcpy(ret, &sin6, sizeof(sin6));
	return sizeof(sin6);
}

bool gw_sockaddr_of(const struct sockaddr_storage *ss, struct weft_sockaddr *ret)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	*ret = (struct weft_sockaddr){0};
	if (ss->ss_family == AF_INET) {
		memcpy(&sin, ss, sizeof(sin));
		ret->addr.family = WEFT_AF_INET;
		memcpy(ret->addr.bytes, &sin.sin_addr, 4);
		ret->port = ntohs(sin.sin_port);
		return true;
	}
	if (ss->ss_family != AF_INET6)
		return false;
	memcpy(&sin6, ss, sizeof(sin6));
	ret->addr.family = WEFT_AF_INET6;
	memcpy(ret->addr.bytes, &sin6.sin6_addr, 16);
	ret->port = ntohs(sin6.sin6_port);
	return true;
}

int gw_opt(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

void gw_reset_on_close(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	(void)!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

int gw_socket(const struct gateway *gw, int family, int type, int protocol)
{
	const struct gateway_config *cfg = &gw->cfg;
	int fd =
		gw_fd_fits(gw) ? socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol) : -1;
	size_t len = strnlen(cfg->bind_device, sizeof(cfg->bind_device));
	int err = 0;

	if (fd < 0)
		return gw_fd_fits(gw) ? -errno : -EMFILE;
	if (len &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, cfg->bind_device, (socklen_t)len) < 0)
		err = -errno;
	if (!err && family == AF_INET6)
		err = gw_opt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int gw_bind_outbound(const struct gateway *gw, int fd, uint8_t family)
{
	const struct gateway_config *cfg = &gw->cfg;
	const struct weft_sockaddr at = {.addr = family == WEFT_AF_INET ? cfg->bind4 : cfg->bind6};
	struct sockaddr_storage ss;
	socklen_t len;

	if (!at.addr.family)
		return 0;
	len = gw_sockaddr_to(&at, &ss);
	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}
