/* SPDX-License-Identifier: MIT */
/*
 * TCP: how connections come to be. One of the guest stands when the host's does, and fails as it
 * failed; one by a forward is made to the guest when the host has accepted it. flow.c has the rest.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

/*
 * Outbound: the host connects first.
 */

/* The host has said no, and so does the guest's connect. */
static void request_fail(struct gateway *gw, struct weft_tcp_request *req, int err)
{
	struct weft_tcp_request_info info;
	struct weft_icmp_error icmp;

	weft_tcp_request_info(req, &info);
	gw_refused_host(gw, WEFT_IPPROTO_TCP, &info.src, &info.dst, err);
	switch (err) {
	case ECONNREFUSED:
	case ECONNRESET:
		gw->stats.tcp_refused++;
		weft_tcp_request_refuse(req);
		return;
	case ETIMEDOUT:
		/* As long as the guest repeats its SYN it is tried again. */
		gw->stats.tcp_timed_out++;
		weft_tcp_request_drop(req);
		return;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EAGAIN:
		gw->stats.full++;
		weft_tcp_request_refuse(req);
		return;
	default:
		gw->stats.tcp_unreachable++;
		gw_icmp_of_errno(info.src.addr.family, err, &icmp);
		weft_tcp_request_unreachable(req, &icmp);
	}
}

void gw_flow_host_failed(struct gw_flow *flow, int err)
{
	struct weft_tcp_request *req = flow->req;

	flow->req = NULL;
	request_fail(flow->gw, req, err);
	gw_flow_free(flow);
}

static void stream_options(int fd)
{
	(void)gw_opt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	(void)gw_opt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	(void)gw_opt(fd, IPPROTO_TCP, TCP_KEEPIDLE, GATEWAY_KEEP_IDLE_S);
	(void)gw_opt(fd, IPPROTO_TCP, TCP_KEEPINTVL, GATEWAY_KEEP_INTERVAL_S);
	(void)gw_opt(fd, IPPROTO_TCP, TCP_KEEPCNT, GATEWAY_KEEP_PROBES);
	(void)gw_opt(fd, SOL_SOCKET, SO_OOBINLINE, 1);
}

/* When keepalive asks is the stack's (run.c), which costs a connection no memory. */
static void sock_options(struct weft_sock *sock)
{
	static const int on = 1;

	(void)!weft_setsockopt(sock, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &on, sizeof(on));
	(void)!weft_setsockopt(sock, WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE, &on, sizeof(on));
	(void)!weft_setsockopt(sock, WEFT_SOL_SOCKET, WEFT_SO_OOBINLINE, &on, sizeof(on));
}

/* From now on an ICMP error is none of the connection's end any more. */
static void recverr_set(int fd, uint8_t family, int on)
{
	if (family == WEFT_AF_INET)
		(void)gw_opt(fd, IPPROTO_IP, IP_RECVERR, on);
	else
		(void)gw_opt(fd, IPPROTO_IPV6, IPV6_RECVERR, on);
}

static void flow_host_connected(struct gw_flow *flow)
{
	struct weft_tcp_request *req = flow->req;
	int err;

	if (!gw_half_has_room(flow->gw, &flow->remote)) {
		gw_flow_abort(flow);
		return;
	}
	err = weft_tcp_request_accept(req, &flow->sock);
	if (err == -ECONNABORTED)
		flow->req = NULL;
	if (err) {
		gw_flow_abort(flow);
		return;
	}
	flow->req = NULL;
	recverr_set(flow->host.fd, flow->remote.addr.family, 0);
	gw_flow_set_state(flow, GW_FLOW_SPLICED);
	flow->gw->stats.tcp_opened++;
	sock_options(flow->sock);
	gw_half_add(flow, &flow->remote);
	weft_on_event(flow->sock, gw_flow_guest_event, flow);
	gw_flow_pump(flow);
}

static void flow_connect_ready(struct gw_fd *gfd, uint32_t events)
{
	struct gw_flow *flow = container_of(gfd, struct gw_flow, host);
	socklen_t len = sizeof(int);
	int err = 0;

	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	if (getsockopt(gfd->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (!err && (events & EPOLLHUP) && !(events & EPOLLOUT))
		return; /* as a socket is before connect(2) */
	if (err) {
		gw_flow_host_failed(flow, err);
		return;
	}
	gfd->ready = gw_flow_host_ready;
	gw_flow_note_events(flow, events);
	flow_host_connected(flow);
}

/* Connects. 1: it stands, as it does at once within this host; 0: it is under way; -Exxx. */
static int flow_host_connect(struct gw_flow *flow, const struct weft_sockaddr *to)
{
	struct gateway *gw = flow->gw;
	struct sockaddr_storage ss;
	bool is_connected;
	socklen_t len;
	int fd, err;

	fd = gw_socket(gw, to->addr.family == WEFT_AF_INET ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	if (fd < 0)
		return fd;
	stream_options(fd);
	recverr_set(fd, to->addr.family, 1);
	err = gw_is_loopback(&to->addr) ? 0 : gw_bind_outbound(gw, fd, to->addr.family);
	if (err)
		goto fail;
	len = gw_sockaddr_to(to, &ss);
	is_connected = connect(fd, (struct sockaddr *)&ss, len) == 0;
	if (!is_connected && errno == EINPROGRESS) {
		/* The answer of a socket of this host has come within the call. */
		is_connected = connect(fd, (struct sockaddr *)&ss, len) == 0;
		if (!is_connected && errno == EALREADY)
			errno = EINPROGRESS;
	}
	if (!is_connected && errno != EINPROGRESS) {
		err = -errno;
		goto fail;
	}
	/* In the set only now: before, it would be ready with nothing to say. */
	flow->out_watched = !is_connected;
	err = gw_fd_add(gw, &flow->host, fd, GW_FLOW_EVENTS | (is_connected ? 0 : EPOLLOUT),
			is_connected ? gw_flow_host_ready : flow_connect_ready);
	if (!err)
		return is_connected;
fail:
	close(fd);
	return err;
}

static void request_refuse(struct gateway *gw, struct weft_tcp_request *req, uint8_t family,
			   enum gw_verdict why)
{
	struct weft_icmp_error icmp = {0};

	if (why == GW_NOBODY) {
		gw->stats.tcp_refused++;
		weft_tcp_request_refuse(req);
		return;
	}
	if (why == GW_DENIED)
		gw->stats.denied++;
	else
		gw->stats.tcp_unreachable++;
	gw_icmp_of(family, why, &icmp);
	weft_tcp_request_unreachable(req, &icmp);
}

static bool flows_have_room(struct gateway *gw)
{
	return gw->stats.n_flows < gw->cfg.limits.max_flows || gw_half_make_room(gw);
}

void gw_flow_request(struct gateway *gw, struct weft_tcp_request *req)
{
	struct weft_tcp_request_info info;
	struct weft_sockaddr to;
	struct gw_flow *flow;
	enum gw_verdict why;
	int err;

	weft_tcp_request_info(req, &info);
	if (!gw_source_ok(gw, &info.src.addr)) {
		gw->stats.bad_source++;
		gw_refused_note(gw, &(struct gateway_refused){.why = GATEWAY_REFUSED_SOURCE,
							      .proto = WEFT_IPPROTO_TCP,
							      .src = info.src,
							      .dst = info.dst});
		weft_tcp_request_drop(req);
		return;
	}
	why = gw_check(gw, WEFT_IPPROTO_TCP, &info.dst, &to);
	if (why != GW_ALLOWED) {
		gw_refused_verdict(gw, WEFT_IPPROTO_TCP, &info.src, &info.dst, why);
		request_refuse(gw, req, info.src.addr.family, why);
		return;
	}
	flow = flows_have_room(gw) ? gw_flow_new(gw, GW_FLOW_HOST_CONNECTS) : NULL;
	if (!flow) {
		request_fail(gw, req, ENOBUFS);
		return;
	}
	flow->req = req;
	flow->guest = info.src;
	flow->remote = info.dst;
	weft_tcp_request_set_data(req, flow);
	err = flow_host_connect(flow, &to);
	if (err < 0)
		gw_flow_host_failed(flow, -err);
	else if (err > 0)
		flow_host_connected(flow);
}

void gw_flow_cancelled(struct gateway *gw, struct weft_tcp_request *req)
{
	struct gw_flow *flow = weft_tcp_request_data(req);

	(void)gw;
	if (!flow)
		return;
	flow->req = NULL;
	gw_flow_abort(flow);
}

/*
 * Inbound: by a forward.
 */

static int guest_socket(struct gw_flow *flow, const struct weft_sockaddr *client, bool is_shown)
{
	static const int on = 1;
	bool is_ip4 = flow->guest.addr.family == WEFT_AF_INET;
	int err = weft_socket(flow->gw->st, flow->guest.addr.family, WEFT_SOCK_STREAM, 0,
			      &flow->sock);

	if (err)
		return err;
	sock_options(flow->sock);
	if (is_shown) {
		err = weft_setsockopt(flow->sock, is_ip4 ? WEFT_IPPROTO_IP : WEFT_IPPROTO_IPV6,
				      is_ip4 ? WEFT_IP_TRANSPARENT : WEFT_IPV6_TRANSPARENT, &on,
				      sizeof(on));
		if (!err)
			err = weft_bind(flow->sock, client);
	}
	weft_on_event(flow->sock, gw_flow_guest_event, flow);
	if (!err)
		err = weft_connect(flow->sock, &flow->guest);
	return err == -EINPROGRESS ? 0 : err;
}

void gw_flow_inbound(struct gw_forward *fw, uint16_t index, int fd,
		     const struct weft_sockaddr *client)
{
	struct gateway *gw = fw->gw;
	struct weft_sockaddr to = gw_forward_target(fw, index, client->addr.family);
	struct gw_flow *flow = NULL;
	const char *why = "full";
	bool is_shown;

	if (flows_have_room(gw) && gw_half_has_room(gw, &to))
		flow = gw_flow_new(gw, GW_FLOW_GUEST_CONNECTS);
	if (!flow) {
		gw->stats.full++;
		goto fail;
	}
	flow->is_inbound = true;
	gw_half_add(flow, &to);
	flow->forward = fw;
	fw->info.n_open++;
	flow->guest = to;
	flow->remote = *client;
	stream_options(fd);
	if (gw_fd_add(gw, &flow->host, fd, GW_FLOW_EVENTS, gw_flow_host_ready)) {
		why = "no-descriptors";
		goto fail;
	}
	fd = -1;
	why = to.addr.family ? "guest-unreachable" : "guest-no-address";
	is_shown = client->addr.family == to.addr.family && gw_forward_shows(fw, client);
	if (!to.addr.family || guest_socket(flow, client, is_shown) < 0)
		goto fail;
	fw->info.n_accepted++;
	return;
fail:
	fw->info.n_refused++;
	gw_refused_client(fw, WEFT_IPPROTO_TCP, client, &to, 0);
	gw_forward_note(fw, why);
	if (fd >= 0) {
		gw_reset_on_close(fd);
		close(fd);
	}
	if (flow)
		gw_flow_abort(flow);
}
