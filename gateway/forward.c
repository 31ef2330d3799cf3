/* SPDX-License-Identifier: MIT */
/*
 * Forwards: ports of the host that lead to the guest.
 *
 * A forward of TCP is a listener a port (two with both families); of UDP a socket a port, and a
 * mapping for each client, by which the guest's answers find their way back through that socket and
 * from the address that the client has spoken to.
 *
 * The client appears to the guest with its own address and port, so the guest's answers go to that
 * and come to the intercept. A client whose address cannot be answered that way (loopback, the
 * guest's own link) appears as the gateway.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"
#include "weft/packet.h"

enum {
	ACCEPTS_AT_ONCE = 64,
	BATCHES_AT_ONCE = 8,
	BACKLOG = 1024,
	SHOWN_TRIES = 64,
};

void gw_forward_note(struct gw_forward *fw, const char *state)
{
	fw->info.state = state;
}

struct weft_sockaddr gw_forward_target(const struct gw_forward *fw, uint16_t index, uint8_t family)
{
	const struct gateway_forward *f = &fw->info.forward;
	const struct gateway_config *cfg = &fw->gw->cfg;
	struct weft_sockaddr to = {.addr = f->guest_addr};

	if (!to.addr.family)
		to.addr = family == WEFT_AF_INET ? cfg->guest4 : cfg->guest6;
	/* A client of the other family has to do with what the guest has. */
	if (!to.addr.family)
		to.addr = family == WEFT_AF_INET ? cfg->guest6 : cfg->guest4;
	to.port = (uint16_t)((f->guest_port ? f->guest_port : f->host_port) + index);
	return to;
}

bool gw_forward_shows(const struct gw_forward *fw, const struct weft_sockaddr *client)
{
	static const uint8_t link_local[2] = {0xfe, 0x80};

	if (fw->info.forward.hide_source || gw_is_loopback(&client->addr) ||
	    gw_source_ok(fw->gw, &client->addr))
		return false;
	return client->addr.family == WEFT_AF_INET ||
	       memcmp(client->addr.bytes, link_local, sizeof(link_local)) != 0;
}

/*
 * TCP.
 */

static void listener_tcp_ready(struct gw_fd *gfd, uint32_t events)
{
	struct gw_listener *l = container_of(gfd, struct gw_listener, host);
	struct gw_forward *fw = l->forward;

	(void)events;
	l->is_starved = false;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t len = sizeof(ss);
		struct weft_sockaddr client;
		int fd = -1;

		if (gw_fd_fits(fw->gw))
			fd = accept4(gfd->fd, (struct sockaddr *)&ss, &len,
				     SOCK_NONBLOCK | SOCK_CLOEXEC);
		else
			errno = EMFILE;
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			/* The client stays in the queue, of which the kernel has told. */
			l->is_starved = errno != EAGAIN;
			if (l->is_starved)
				gw_forward_note(fw, "no-descriptors");
			return;
		}
		if (!gw_sockaddr_of(&ss, &client)) {
			close(fd);
			continue;
		}
		gw_flow_inbound(fw, l->index, fd, &client);
	}
	gw_fd_again(gfd);
}

void gw_forwards_sweep(struct gateway *gw)
{
	struct gw_forward *fw;

	list_for_each (fw, &gw->forwards, link)
		for (uint32_t i = 0; i < fw->n_listeners; i++)
			if (fw->listeners[i].is_starved)
				gw_fd_again(&fw->listeners[i].host);
}

/*
 * UDP.
 */

/* An address of ours that the client appears with, and a port that no other client has. False: none
 * is left. */
static bool client_hide(struct gateway *gw, const struct weft_sockaddr *guest,
			struct weft_sockaddr *shown)
{
	size_t i = 0;

	while (i < gw->n_own &&
	       (gw->own[i].family != guest->addr.family ||
		(gw->own[i].family == WEFT_AF_INET6 && gw->own[i].bytes[0] == 0xfe)))
		i++;
	if (i == gw->n_own)
		return false;
	shown->addr = gw->own[i];
	for (int n = 0; n < SHOWN_TRIES; n++) {
		if (!gw_map_find_client(gw, shown, guest))
			return true;
		shown->port = (uint16_t)(1024 + weft_engine_random(gw->eng) % (65536 - 1024));
	}
	return false;
}

/* The mapping of a client that is not shown as itself: there are few of them. */
static struct gw_map *client_find_hidden(struct gw_listener *l, const struct weft_sockaddr *client)
{
	struct gw_map *map;

	list_for_each (map, &l->forward->gw->maps, link)
		if (map->listener == l && map->client.port == client->port &&
		    gw_addr_eq(&map->client.addr, &client->addr))
			return map;
	return NULL;
}

static struct gw_map *client_get(struct gw_listener *l, const struct weft_sockaddr *client,
				 const struct weft_sockaddr *guest)
{
	struct gw_forward *fw = l->forward;
	struct weft_sockaddr shown = *client;
	bool is_shown = client->addr.family == guest->addr.family && gw_forward_shows(fw, client);
	struct gw_map *map = is_shown ? gw_map_find_client(fw->gw, &shown, guest)
				      : client_find_hidden(l, client);

	if (map && map->listener == l)
		return map;
	if (map || (!is_shown && !client_hide(fw->gw, guest, &shown)))
		return NULL;
	map = gw_map_new_client(l, client, &shown, guest);
	if (map)
		fw->info.n_accepted++;
	return map;
}

static void client_in(struct gw_listener *l, const struct weft_sockaddr *client,
		      const struct gw_group *group)
{
	struct gw_forward *fw = l->forward;
	struct weft_intercept_msg msg = {
		.dst = gw_forward_target(fw, l->index, client->addr.family),
		.proto = WEFT_IPPROTO_UDP,
		.iov = group->iov,
		.n_iov = group->n_iov,
		.gso_size = group->gso_size};
	struct gw_map *map = msg.dst.addr.family ? client_get(l, client, &msg.dst) : NULL;

	if (!map) {
		fw->info.n_refused++;
		gw_refused_client(fw, WEFT_IPPROTO_UDP, client, &msg.dst, 0);
		gw_forward_note(fw, msg.dst.addr.family ? "full" : "guest-no-address");
		return;
	}
	map->local = *group->local;
	gw_map_touch(map);
	msg.src = map->shown;
	if (weft_intercept_send(fw->gw->ic, &msg) == 0) {
		map->bytes_in += group->len;
		fw->info.bytes_in += group->len;
		fw->gw->stats.udp_in += group->n_dgrams;
		gw_forward_note(fw, "listening");
	} else {
		gw_forward_note(fw, "guest-unreachable");
	}
}

static void listener_udp_ready(struct gw_fd *gfd, uint32_t events)
{
	struct gw_listener *l = container_of(gfd, struct gw_listener, host);
	struct gateway *gw = l->forward->gw;
	size_t size_max = gw_segment_max(gw);
	struct weft_sockaddr client;
	struct gw_group group;
	struct gw_batch batch;

	(void)events;
	for (int turn = 0; turn < BATCHES_AT_ONCE; turn++) {
		int n = gw_batch_recv(&batch, gfd->fd, gw->dgrams);

		while (n > 0 && gw_batch_next(&batch, size_max, &group))
			if (gw_sockaddr_of(group.from, &client))
				client_in(l, &client, &group);
		/* Otherwise it was an error about an earlier answer, or there may be more. */
		if (n == -EAGAIN || (n >= 0 && n < GW_BATCH))
			return;
	}
	gw_fd_again(gfd);
}

/*
 * Life.
 */

static int PRINTF_LIKE(3, 4) refuse(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, GATEWAY_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static void forward_free(struct gw_forward *fw)
{
	struct gateway *gw = fw->gw;
	struct gw_flow *flow;
	struct gw_map *map;

	list_for_each (flow, &gw->flows, link)
		if (flow->forward == fw)
			flow->forward = NULL;
	list_for_each_safe (map, &gw->maps, link)
		if (map->forward == fw)
			gw_map_free(map);
	for (uint32_t i = 0; i < fw->n_listeners; i++)
		gw_fd_close(gw, &fw->listeners[i].host);
	gw->n_forward_ports -= fw->n_listeners;
	list_del(&fw->link);
	free(fw->listeners);
	free(fw);
}

void gw_forwards_free(struct gateway *gw)
{
	struct list *link;

	while ((link = list_first(&gw->forwards)))
		forward_free(container_of(link, struct gw_forward, link));
}

static int listener_socket(struct gw_forward *fw, const struct weft_sockaddr *at, int *ret_fd)
{
	bool is_tcp = fw->info.forward.proto == WEFT_IPPROTO_TCP;
	bool is_ip4 = at->addr.family == WEFT_AF_INET;
	struct sockaddr_storage ss;
	socklen_t len = gw_sockaddr_to(at, &ss);
	int fd;

	if (!gw_fd_fits(fw->gw))
		return -EMFILE;
	fd = socket(is_ip4 ? AF_INET : AF_INET6,
		    (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (is_tcp)
		(void)gw_opt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	else if (is_ip4)
		(void)gw_opt(fd, IPPROTO_IP, IP_PKTINFO, 1);
	else
		(void)gw_opt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!is_ip4)
		(void)gw_opt(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (!is_tcp)
		(void)gw_opt(fd, IPPROTO_UDP, WEFT_UDP_GRO, 1);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || (is_tcp && listen(fd, BACKLOG) < 0)) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int listener_add(struct gw_forward *fw, uint16_t index, struct weft_addr addr)
{
	struct gw_listener *l = &fw->listeners[fw->n_listeners];
	const struct weft_sockaddr at = {.addr = addr,
					 .port = (uint16_t)(fw->info.forward.host_port + index)};
	int fd = -1, err = listener_socket(fw, &at, &fd);

	if (err)
		return err;
	l->forward = fw;
	l->index = index;
	err = gw_fd_add(fw->gw, &l->host, fd, EPOLLIN,
			fw->info.forward.proto == WEFT_IPPROTO_TCP ? listener_tcp_ready
								   : listener_udp_ready);
	if (err) {
		close(fd);
		return err;
	}
	fw->n_listeners++;
	fw->gw->n_forward_ports++;
	return 0;
}

static const char *listen_reason(int err)
{
	switch (err) {
	case -EADDRINUSE:
		return "in use: somebody on the host listens there already";
	case -EADDRNOTAVAIL:
		return "not an address of the host";
	case -EMFILE:
	case -ENFILE:
		return "no descriptors left";
	default:
		return strerror(-err);
	}
}

static int listen_refuse(const struct weft_sockaddr *at, int err, char *msg)
{
	char text[WEFT_SOCKADDR_STRLEN];

	weft_sockaddr_print(at, text, sizeof(text));
	if (err != -EACCES)
		return refuse(msg, err, "cannot listen at %s: %s", text, listen_reason(err));
	/* Forwards of the command line are made before the sandbox. */
	return refuse(msg, err,
		      "cannot listen at %s: not permitted; `sudo sysctl -w "
		      "net.ipv4.ip_unprivileged_port_start=%u` lets users listen from there on%s",
		      text, at->port,
		      geteuid() ? "" : ", or start the gateway with --forward, while it is root");
}

static int forward_open(struct gw_forward *fw, char *msg)
{
	static const struct weft_addr any4 = {.family = WEFT_AF_INET},
				      any6 = {.family = WEFT_AF_INET6};
	const struct gateway_forward *f = &fw->info.forward;

	for (uint16_t i = 0; i < f->n_ports; i++) {
		struct weft_sockaddr at = {.addr = f->host_addr,
					   .port = (uint16_t)(f->host_port + i)};
		int err = listener_add(fw, i, at.addr.family ? at.addr : any4);

		/* A host without IPv6 is all right. */
		if (!err && !at.addr.family) {
			err = listener_add(fw, i, any6);
			if (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)
				err = 0;
		}
		if (err) {
			if (!at.addr.family)
				at.addr = any4;
			return listen_refuse(&at, err, msg);
		}
	}
	return 0;
}

static int forward_check(const struct gateway *gw, struct gateway_forward *f, char *msg)
{
	uint32_t n_ports;

	if (!f->n_ports)
		f->n_ports = 1;
	n_ports = f->n_ports;
	if (f->proto != WEFT_IPPROTO_TCP && f->proto != WEFT_IPPROTO_UDP)
		return refuse(msg, -EINVAL, "forwards are of TCP or UDP");
	if (!f->host_port || f->host_port + n_ports > 65536u ||
	    (f->guest_port ? f->guest_port : f->host_port) + n_ports > 65536u)
		return refuse(msg, -EINVAL, "ports are 1 to 65535");
	if (gw->n_forward_ports + 2 * n_ports > GATEWAY_FORWARD_PORTS_MAX)
		return refuse(msg, -E2BIG, "more than %d forwarded ports",
			      GATEWAY_FORWARD_PORTS_MAX / 2);
	return 0;
}

int gateway_forward_add(struct gateway *gw, const struct gateway_forward *forward, uint32_t *ret_id,
			char *ret_msg)
{
	struct gateway_forward f = *forward;
	struct gw_forward *fw;
	struct list *link;
	uint32_t n = 0;
	int err;

	for (link = gw->forwards.next; link != &gw->forwards; link = link->next)
		n++;
	if (n >= GATEWAY_FORWARDS_MAX)
		return refuse(ret_msg, -E2BIG, "more than %d forwards", GATEWAY_FORWARDS_MAX);
	err = forward_check(gw, &f, ret_msg);
	if (err)
		return err;
	fw = calloc(1, sizeof(*fw));
	if (!fw)
		return refuse(ret_msg, -ENOMEM, "out of memory");
	fw->gw = gw;
	fw->info.forward = f;
	fw->info.state = "listening";
	list_add_tail(&gw->forwards, &fw->link);
	fw->listeners = calloc(2 * (size_t)f.n_ports, sizeof(*fw->listeners));
	err = fw->listeners ? forward_open(fw, ret_msg) : refuse(ret_msg, -ENOMEM, "out of memory");
	if (err) {
		forward_free(fw);
		return err;
	}
	fw->info.id = ++gw->next_id;
	*ret_id = fw->info.id;
	return 0;
}

int gateway_forward_del(struct gateway *gw, uint32_t id)
{
	struct gw_forward *fw;

	list_for_each (fw, &gw->forwards, link) {
		if (fw->info.id == id) {
			forward_free(fw);
			return 0;
		}
	}
	return -ENOENT;
}

void gateway_forwards(struct gateway *gw,
		      void (*fn)(void *arg, const struct gateway_forward_info *info), void *arg)
{
	struct gw_forward *fw;

	list_for_each (fw, &gw->forwards, link)
		fn(arg, &fw->info);
}
