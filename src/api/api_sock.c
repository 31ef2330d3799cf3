/* SPDX-License-Identifier: MIT */
/* Sockets of the public API: types and handles; the calls themselves are socket/'s. */
#include "api/api_priv.h"
#include "weft/packet.h"
#include "weft/socket.h"

/* An address that the application gave, of any family: which are right is socket/'s to say. */
struct sock_name api_sock_name(const struct weft_sockaddr *sa)
{
	struct sock_name name = {
		.family = sa->addr.family, .port = sa->port, .ifindex = sa->scope_id};

	if (name.family == WEFT_AF_PACKET) /* as its bytes are: weft/packet.h */
		memcpy(&name.addr, sa->addr.bytes, sizeof(name.addr));
	else if (ip_addr_of(&sa->addr, &name.addr))
		name.addr = (struct ip_addr){0};
	return name;
}

int weft_socket(struct weft_stack *st, int family, int type, int protocol, struct weft_sock **ret)
{
	struct sock *sk;
	int err;

	engine_check_thread(stack_of(st)->eng);
	err = socket_new(stack_of(st), 0, family, type, protocol, &sk);

	if (!err)
		*ret = sock_handle(sk);
	return err;
}

void weft_on_event(struct weft_sock *s, void (*fn)(struct weft_sock *s, void *arg, uint32_t events),
		   void *arg)
{
	sock_set_callback(sock_of(s), fn, arg);
}

/* Who hears that it is not writable wants to be told when it is, as of poll(2) in Linux: it may not
 * have sent so much that it was refused. */
uint32_t weft_events(const struct weft_sock *s)
{
	struct sock *sk = sock_of((struct weft_sock *)(uintptr_t)s);
	uint32_t events = sk->proto->events(sk);

	if (!(events & SOCK_OUT) && sk->proto->want_out)
		sk->proto->want_out(sk);
	return events;
}

int weft_bind(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	struct sock_name name = api_sock_name(sa);

	return socket_bind(sock_of(s), &name);
}

int weft_listen(struct weft_sock *s, int backlog)
{
	return socket_listen(sock_of(s), backlog);
}

int weft_accept(struct weft_sock *s, struct weft_sock **ret, struct weft_sockaddr *ret_peer)
{
	struct sock *sk;
	struct sock_name peer;
	int err = socket_accept(sock_of(s), &sk);

	if (err)
		return err;
	*ret = sock_handle(sk);
	if (ret_peer) {
		/* A connection may be over by now; its peer's address is still there. */
		peer = (struct sock_name){
			.family = sk->conn.family, .addr = sk->conn.raddr, .port = sk->conn.rport};
		*ret_peer = weft_sockaddr_of(&peer);
	}
	return 0;
}

int weft_connect(struct weft_sock *s, const struct weft_sockaddr *sa)
{
	struct sock_name name = api_sock_name(sa);

	return socket_connect(sock_of(s), &name);
}

ptrdiff_t weft_send(struct weft_sock *s, const void *buf, size_t len, uint32_t flags)
{
	return socket_send_one(sock_of(s), buf, len, flags);
}

ptrdiff_t weft_sendv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
		     uint32_t flags)
{
	return socket_send(sock_of(s), iov, n_iov, flags, NULL);
}

ptrdiff_t weft_sendto(struct weft_sock *s, const void *buf, size_t len, uint32_t flags,
		      const struct weft_sockaddr *to)
{
	struct weft_iovec iov = {.base = (void *)(uintptr_t)buf, .len = len};
	struct sock_name name;

	if (!to)
		return socket_send(sock_of(s), &iov, 1, flags, NULL);
	name = api_sock_name(to);
	return socket_send(sock_of(s), &iov, 1, flags, &name);
}

ptrdiff_t weft_recv(struct weft_sock *s, void *buf, size_t len, uint32_t flags)
{
	return socket_recv_one(sock_of(s), buf, len, flags);
}

ptrdiff_t weft_recvv(struct weft_sock *s, const struct weft_iovec *iov, size_t n_iov,
		     uint32_t flags)
{
	return socket_recv(sock_of(s), iov, n_iov, flags, NULL);
}

ptrdiff_t weft_recvfrom(struct weft_sock *s, void *buf, size_t len, uint32_t flags,
			struct weft_sockaddr *ret_from)
{
	struct weft_iovec iov = {.base = buf, .len = len};
	struct sock_name from;
	ptrdiff_t n = socket_recv(sock_of(s), &iov, 1, flags, &from);

	if (n >= 0 && ret_from)
		*ret_from = weft_sockaddr_of(&from);
	return n;
}

ptrdiff_t weft_sendmsg(struct weft_sock *s, const struct weft_msghdr *msg, uint32_t flags)
{
	struct sock_name name;

	if (!msg->name)
		return socket_sendmsg(sock_of(s), msg, flags, NULL);
	name = api_sock_name(msg->name);
	return socket_sendmsg(sock_of(s), msg, flags, &name);
}

ptrdiff_t weft_recvmsg(struct weft_sock *s, struct weft_msghdr *msg, uint32_t flags)
{
	struct sock_name from;
	ptrdiff_t n = socket_recvmsg(sock_of(s), msg, flags, &from);

	if (n >= 0 && msg->name)
		*msg->name = weft_sockaddr_of(&from);
	return n;
}

int weft_sendmmsg(struct weft_sock *s, struct weft_mmsghdr *vec, size_t n, uint32_t flags)
{
	size_t i;

	n = n < SOCKET_MMSG_MAX ? n : SOCKET_MMSG_MAX;
	for (i = 0; i < n; i++) {
		ptrdiff_t done = weft_sendmsg(s, &vec[i].hdr, flags);

		if (done < 0)
			return i ? (int)i : (int)done;
		vec[i].len = (size_t)done;
	}
	return (int)i;
}

static void api_name_put(struct weft_sockaddr *ret, const struct sock_name *name)
{
	*ret = weft_sockaddr_of(name);
}

int weft_recvmmsg(struct weft_sock *s, struct weft_mmsghdr *vec, size_t n, uint32_t flags)
{
	return socket_recvmmsg(sock_of(s), vec, n, flags, api_name_put);
}

int weft_ioctl(struct weft_sock *s, unsigned int request, int *ret)
{
	return socket_ioctl(sock_of(s), request, ret);
}

int weft_shutdown(struct weft_sock *s, int how)
{
	return socket_shutdown(sock_of(s), how);
}

void weft_close(struct weft_sock *s)
{
	if (s)
		socket_close(sock_of(s), false);
}

void weft_abort(struct weft_sock *s)
{
	if (s)
		socket_close(sock_of(s), true);
}

int weft_getsockname(const struct weft_sock *s, struct weft_sockaddr *ret)
{
	struct sock_name name;

	socket_name(sock_of_const(s), &name);
	*ret = weft_sockaddr_of(&name);
	return 0;
}

int weft_getpeername(const struct weft_sock *s, struct weft_sockaddr *ret)
{
	struct sock_name name;
	int err = socket_peer(sock_of_const(s), &name);

	if (!err)
		*ret = weft_sockaddr_of(&name);
	return err;
}

int weft_setsockopt(struct weft_sock *s, int level, int name, const void *val, size_t len)
{
	return socket_setopt(sock_of(s), level, name, val, len);
}

int weft_getsockopt(struct weft_sock *s, int level, int name, void *val, size_t *len)
{
	return socket_getopt(sock_of(s), level, name, val, len);
}
