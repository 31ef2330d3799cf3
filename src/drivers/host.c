/* SPDX-License-Identifier: MIT */
/*
 * The host's kernel sockets as a network (weft/net.h): each a descriptor that the loop watches
 * edge-triggered, so that a callback follows changes as a stack's does. Contracts in weft/io.h.
 */
#include "drivers/host.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/engine.h"
struct host_sock {
	struct loop_watch watch;
	struct list link; /* host_net.socks */
	struct host_net *net;
	void (*fn)(struct weft_sock *s, void *arg, uint32_t events);
	void *arg;
};

static_assert(sizeof(struct weft_iovec) == sizeof(struct iovec) &&
		      offsetof(struct weft_iovec, len) == offsetof(struct iovec, iov_len),
	      "one may stand for the other");
static_assert(sizeof(struct weft_linger) == sizeof(struct linger), "options are passed on");

enum {
	HOST_REFUSED_AT_ONCE = 64,
};

static const uint32_t HOST_EVENTS = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET;

static struct host_sock *host_sock_of(struct weft_sock *s)
{
	return (struct host_sock *)(void *)s;
}

static int host_fd(const struct weft_sock *s)
{
	return ((const struct host_sock *)(const void *)s)->watch.fd;
}

/* Names */

union host_name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t host_name_of(const struct weft_sockaddr *from, union host_name *ret)
{
	*ret = (union host_name){.sa.sa_family = from->addr.family};
	if (from->addr.family == WEFT_AF_INET6) {
		ret->in6.sin6_port = htons(from->port);
		ret->in6.sin6_scope_id = from->scope_id;
		memcpy(&ret->in6.sin6_addr, from->addr.bytes, sizeof(ret->in6.sin6_addr));
		return sizeof(ret->in6);
	}
	ret->in.sin_port = htons(from->port);
	memcpy(&ret->in.sin_addr, from->addr.bytes, sizeof(ret->in.sin_addr));
	return sizeof(ret->in);
}

static struct weft_sockaddr weft_name_of(const union host_name *from)
{
	struct weft_sockaddr ret = {.addr.family = WEFT_AF_UNSPEC};

	if (from->sa.sa_family == AF_INET) {
		ret.addr.family = WEFT_AF_INET;
		ret.port = ntohs(from->in.sin_port);
		memcpy(ret.addr.bytes, &from->in.sin_addr, sizeof(from->in.sin_addr));
	} else if (from->sa.sa_family == AF_INET6) {
		ret.addr.family = WEFT_AF_INET6;
		ret.port = ntohs(from->in6.sin6_port);
		ret.scope_id = from->in6.sin6_scope_id;
		memcpy(ret.addr.bytes, &from->in6.sin6_addr, sizeof(from->in6.sin6_addr));
	}
	return ret;
}

/* Life */

static void host_ready(struct loop_watch *watch, uint32_t events)
{
	struct host_sock *s = container_of(watch, struct host_sock, watch);

	if (s->fn)
		s->fn((struct weft_sock *)(void *)s, s->arg, events);
}

/* Takes `fd`, also on failure. Without a callback it is watched for its end alone. */
static int host_sock_new(struct host_net *net, int fd, struct weft_sock **ret)
{
	struct host_sock *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s) {
		s->net = net;
		s->watch.fd = fd;
		s->watch.fn = host_ready;
		list_init(&s->watch.link);
		err = loop_watch_add(net->loop, &s->watch, EPOLLET);
	}
	if (err) {
		free(s);
		close(fd);
		return err;
	}
	list_add_tail(&net->socks, &s->link);
	*ret = (struct weft_sock *)(void *)s;
	return 0;
}

static int host_socket(const struct weft_net *net, int family, int type, int protocol,
		       struct weft_sock **ret)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	return fd < 0 ? -errno : host_sock_new(net->ctx, fd, ret);
}

static void host_close(struct weft_sock *handle)
{
	struct host_sock *s = host_sock_of(handle);

	if (!s)
		return;
	loop_watch_del(s->net->loop, &s->watch);
	list_del(&s->link);
	close(s->watch.fd);
	free(s);
}

static void host_abort(struct weft_sock *s)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (!s)
		return;
	(void)setsockopt(host_fd(s), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	host_close(s);
}

/* Readiness */

/* Setting what is watched makes what is true now news, so that a callback follows. */
static void host_on_event(struct weft_sock *handle,
			  void (*fn)(struct weft_sock *s, void *arg, uint32_t events), void *arg)
{
	struct host_sock *s = host_sock_of(handle);

	s->fn = fn;
	s->arg = arg;
	/* It is in the set: changing what is watched does not fail. */
	(void)!loop_watch_mod(s->net->loop, &s->watch, fn ? HOST_EVENTS : (uint32_t)EPOLLET);
}

static uint32_t host_events(const struct weft_sock *s)
{
	struct pollfd p = {.fd = host_fd(s), .events = POLLIN | POLLPRI | POLLOUT | POLLRDHUP};

	return poll(&p, 1, 0) == 1 ? (uint32_t)(uint16_t)p.revents : 0;
}

/* Calls */

static int host_result(int ret)
{
	return ret < 0 ? -errno : 0;
}

static int host_bind(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	union host_name name;
	socklen_t len = host_name_of(sa, &name);

	return host_result(bind(host_fd(s), &name.sa, len));
}

static int host_listen(struct weft_sock *s, int backlog)
{
	return host_result(listen(host_fd(s), backlog));
}

/*
 * Without a descriptor left, the kernel leaves the connection in the queue, and an edge-triggered
 * listener would hear of it no more, or spin. One descriptor is kept to take such a connection and
 * reset it.
 */
static bool host_accept_refuse(struct host_net *net, int listener_fd)
{
	int fd;

	if (net->spare_fd >= 0)
		close(net->spare_fd);
	fd = accept4(listener_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		const struct linger now = {.l_onoff = 1, .l_linger = 0};

		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
		net->stats.n_refused++;
	}
	net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0;
}

static int host_accept(struct weft_sock *handle, struct weft_sock **ret,
		       struct weft_sockaddr *ret_peer)
{
	struct host_net *net = host_sock_of(handle)->net;
	int listener_fd = host_fd(handle), fd, err;
	union host_name name = {.sa.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(name);

	do {
		fd = accept4(listener_fd, &name.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		err = fd < 0 ? -errno : 0;
	} while (err == -EINTR || err == -ECONNABORTED);
	if (err == -EMFILE || err == -ENFILE) {
		int n = 0;

		while (n < HOST_REFUSED_AT_ONCE && host_accept_refuse(net, listener_fd))
			n++;
		/* They may come faster than they are refused: the loop tells of the rest. */
		if (n == HOST_REFUSED_AT_ONCE && host_sock_of(handle)->fn)
			(void)!loop_watch_mod(net->loop, &host_sock_of(handle)->watch, HOST_EVENTS);
		return -EAGAIN;
	}
	if (err)
		return err;
	err = host_sock_new(net, fd, ret);
	if (!err && ret_peer)
		*ret_peer = weft_name_of(&name);
	return err;
}

static int host_connect(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	union host_name name;
	socklen_t len = host_name_of(sa, &name);

	return host_result(connect(host_fd(s), &name.sa, len));
}

static ptrdiff_t host_sendmsg(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			      uint32_t flags, const struct weft_sockaddr *to)
{
	union host_name name;
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(void *)(uintptr_t)iov,
		.msg_iovlen = n_iov,
	};
	ssize_t n;

	if (to) {
		msg.msg_name = &name;
		msg.msg_namelen = host_name_of(to, &name);
	}
	n = sendmsg(host_fd(s), &msg, (int)flags | MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static ptrdiff_t host_send(struct weft_sock *s, const void *buf, size_t len, uint32_t flags)
{
	ssize_t n = send(host_fd(s), buf, len, (int)flags | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

static ptrdiff_t host_sendv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			    uint32_t flags)
{
	return host_sendmsg(s, iov, n_iov, flags, NULL);
}

static ptrdiff_t host_sendto(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
			     const struct weft_sockaddr *to)
{
	struct weft_iovec iov = {.base = (void *)(uintptr_t)buf, .len = len};

	return host_sendmsg(s, &iov, 1, flags, to);
}

static ptrdiff_t host_recv(struct weft_sock *s, void *buf, size_t len, uint32_t flags)
{
	ssize_t n = recv(host_fd(s), buf, len, (int)flags);

	return n < 0 ? -errno : n;
}

static ptrdiff_t host_recvv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
			    uint32_t flags)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(void *)(uintptr_t)iov,
		.msg_iovlen = n_iov,
	};
	ssize_t n = recvmsg(host_fd(s), &msg, (int)flags);

	return n < 0 ? -errno : n;
}

static ptrdiff_t host_recvfrom(struct weft_sock *s, void *buf, size_t len, uint32_t flags,
			       struct weft_sockaddr *ret_from)
{
	union host_name name = {.sa.sa_family = AF_UNSPEC};
	socklen_t name_len = sizeof(name);
	ssize_t n = recvfrom(host_fd(s), buf, len, (int)flags, &name.sa, &name_len);

	if (n < 0)
		return -errno;
	if (ret_from)
		*ret_from = weft_name_of(&name);
	return n;
}

static int host_shutdown(struct weft_sock *s, int how)
{
	return host_result(shutdown(host_fd(s), how));
}

static int host_getsockname(const struct weft_sock *s, struct weft_sockaddr *ret)
{
	union host_name name = {.sa.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(name);

	if (getsockname(host_fd(s), &name.sa, &len) < 0)
		return -errno;
	*ret = weft_name_of(&name);
	return 0;
}

static int host_getpeername(const struct weft_sock *s, struct weft_sockaddr *ret)
{
	union host_name name = {.sa.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(name);

	if (getpeername(host_fd(s), &name.sa, &len) < 0)
		return -errno;
	*ret = weft_name_of(&name);
	return 0;
}

static int host_setsockopt(struct weft_sock *s, int level, int name, const void *val, size_t len)
{
	if (len > INT32_MAX)
		return -EINVAL;
	return host_result(setsockopt(host_fd(s), level, name, val, (socklen_t)len));
}

static int host_getsockopt(struct weft_sock *s, int level, int name, void *val, size_t *len)
{
	socklen_t n = *len > INT32_MAX ? INT32_MAX : (socklen_t)*len;

	if (getsockopt(host_fd(s), level, name, val, &n) < 0)
		return -errno;
	*len = n;
	return 0;
}

static const struct weft_net_ops host_ops = {
	.name = "host",
	.socket = host_socket,
	.on_event = host_on_event,
	.events = host_events,
	.bind = host_bind,
	.listen = host_listen,
	.accept = host_accept,
	.connect = host_connect,
	.send = host_send,
	.sendv = host_sendv,
	.sendto = host_sendto,
	.recv = host_recv,
	.recvv = host_recvv,
	.recvfrom = host_recvfrom,
	.shutdown = host_shutdown,
	.close = host_close,
	.abort = host_abort,
	.getsockname = host_getsockname,
	.getpeername = host_getpeername,
	.setsockopt = host_setsockopt,
	.getsockopt = host_getsockopt,
	.resolve = host_resolve,
	.resolve_cancel = host_resolve_cancel,
};

int weft_host_net_new(struct weft_loop *loop, struct weft_net **ret)
{
	struct host_net *net = calloc(1, sizeof(*net));

	if (!net)
		return -ENOMEM;
	net->loop = loop;
	net->net = (struct weft_net){.ops = &host_ops,
				     .ctx = net,
				     .eng = (struct weft_engine *)(void *)loop_engine(loop)};
	list_init(&net->socks);
	net->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*ret = &net->net;
	return 0;
}

void weft_host_net_free(struct weft_net *handle)
{
	struct host_net *net;
	struct host_sock *s;

	if (!handle)
		return;
	net = container_of(handle, struct host_net, net);
	list_for_each_safe (s, &net->socks, link)
		host_abort((struct weft_sock *)(void *)s);
	host_resolver_free(net);
	if (net->spare_fd >= 0)
		close(net->spare_fd);
	free(net);
}

void weft_host_net_stats(const struct weft_net *net, struct weft_host_net_stats *ret)
{
	*ret = ((const struct host_net *)net->ctx)->stats;
}
