/* SPDX-License-Identifier: MIT */
/* The socket calls; contracts in socket.h. Options are in socket_opt.c. */
#include "socket/socket.h"

#include <errno.h>
#include <string.h>

#include "ip/ip.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "socket/packet.h"
#include "transport/cmsg.h"
#include "transport/sock_table.h"
#include "weft/limit.h"
#include "weft/packet.h"
#include "weft/socket.h"
#include "wire/ip4.h"

enum {
	SOCK_FAMILIES = 46,   /* Linux's AF_MAX */
	SOCK_TYPE_MASK = 0xf, /* bits that a type may have */
	SOCK_TYPES = 11, /* Linux's SOCK_MAX: below, a type is unknown; from there on it is no type
			  */
};

static bool socket_family_is_known(const struct stack *st, int family)
{
	return (family == WEFT_AF_INET && st->ip4) || (family == WEFT_AF_INET6 && st->ip6) ||
	       (family == WEFT_AF_PACKET && st->packet);
}

/* Protocol 0 asks for the type's first; raw sockets take any but 0. */
static bool socket_proto_fits(const struct sock_proto *proto, int type, int protocol)
{
	if (proto->type != type)
		return false;
	if (proto->ip_proto == 0)
		return protocol != 0;
	return protocol == 0 || protocol == proto->ip_proto;
}

static int socket_create(struct stack *st, const struct sock_proto *proto, int family, int protocol,
			 struct sock **ret)
{
	int err = proto->create(st, family, protocol, ret);

	if (!err && family == WEFT_AF_INET6 && st->ip6->conf.bindv6only)
		(*ret)->conn.flags |= CONN_F_V6ONLY;
	return err;
}

/* The protocol of such a socket; NULL: the packet sockets'. */
static int socket_proto_find(const struct stack *st, int family, int type, int protocol,
			     const struct sock_proto **ret)
{
	const struct sock_table *t = st->socks;
	bool type_is_known = false;

	/* In Linux's order: what no type can be, what no family can be, what no family has. */
	if (type & ~SOCK_TYPE_MASK)
		return -EINVAL;
	if (family >= 0 && family < SOCK_FAMILIES && type >= SOCK_TYPES)
		return -EINVAL;
	if (!socket_family_is_known(st, family))
		return -EAFNOSUPPORT;
	*ret = NULL;
	if (family == WEFT_AF_PACKET)
		return 0;
	if (protocol < 0 || protocol > UINT8_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < t->n_protos; i++) {
		type_is_known |= t->protos[i]->type == type;
		if (!socket_proto_fits(t->protos[i], type, protocol))
			continue;
		*ret = t->protos[i];
		return 0;
	}
	return type_is_known ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
}

int socket_new(struct stack *st, uint32_t owner, int family, int type, int protocol,
	       struct sock **ret)
{
	const struct sock_proto *proto;
	struct sock *sk;
	int err = socket_proto_find(st, family, type, protocol, &proto);

	if (err)
		return err;
	err = sock_limit_open(st);
	if (err) {
		sock_audit_open(st, proto ? proto->name : "packet", owner, err);
		return err;
	}
	err = proto ? socket_create(st, proto, family, protocol, &sk)
		    : packet_new(st, type, protocol, &sk);
	if (err)
		return err;
	err = sock_owner_set(sk, owner);
	if (err) {
		sock_audit_open(st, sk->proto->name, owner, err);
		socket_close(sk, true);
		return err;
	}
	*ret = sk;
	return 0;
}

/* An address that a socket can be bound to: one of ours, or a group's. */
static bool socket_addr_is_bindable(const struct stack *st, const struct ip_addr *addr)
{
	if (ip_addr_is_unspecified(addr) || ip_addr_is_multicast(addr) ||
	    ip_addr_is_local(st, addr))
		return true;
	if (ip_addr_is_ip4(addr)) {
		struct ip4_addr ip4 = ip_addr_to_ip4(addr);

		return ip4_addr_is_broadcast(&ip4) || ip4_own(st->ip4, ip4) == IP4_OWN_BROADCAST;
	}
	return false;
}

/* A link-local address means nothing without its interface (RFC 4007 §6). */
static bool socket_name_has_scope(const struct sock_name *name)
{
	struct ip6_addr addr = ip_addr_to_ip6(&name->addr);

	return name->family == WEFT_AF_INET6 &&
	       (ip6_addr_is_link_local(&addr) ||
		(ip6_addr_is_multicast(&addr) && (addr.b[1] & 0xf) <= 2));
}

/* As in Linux, the interface that such an address comes with binds the socket to it, and without
 * one nobody knows which link is meant. */
static int socket_scope_set(struct sock *sk, const struct sock_name *name)
{
	if (!socket_name_has_scope(name))
		return 0;
	if (name->ifindex && sk->conn.ifindex && name->ifindex != sk->conn.ifindex)
		return -EINVAL;
	if (name->ifindex && !netif_find_index(sk->stack, name->ifindex))
		return -ENODEV;
	if (name->ifindex)
		sock_ifindex_set(sk, name->ifindex);
	return sk->conn.ifindex ? 0 : -EINVAL;
}

static int socket_bind_check(struct sock *sk, const struct sock_name *name)
{
	if (sk->conn.family == WEFT_AF_INET6 && (sk->conn.flags & CONN_F_V6ONLY) &&
	    ip_addr_is_ip4(&name->addr))
		return -EINVAL;
	if (!(sk->flags & SOCK_F_TRANSPARENT) && !socket_addr_is_bindable(sk->stack, &name->addr))
		return -EADDRNOTAVAIL;
	return socket_scope_set(sk, name);
}

static int socket_do_bind(struct sock *sk, const struct sock_name *name)
{
	bool is_any = ip_addr_is_unspecified(&name->addr);
	int err;

	if (sk->conn.family == WEFT_AF_PACKET)
		return packet_bind(sk, name);
	/* Linux lets AF_UNSPEC pass for AF_INET when the address is 0.0.0.0. */
	if (name->family != sk->conn.family &&
	    !(name->family == WEFT_AF_UNSPEC && sk->conn.family == WEFT_AF_INET && is_any))
		return -EAFNOSUPPORT;
	err = socket_bind_check(sk, name);
	if (err)
		return err;
	if (!sk->proto->bind)
		return -EOPNOTSUPP;
	err = sk->proto->bind(sk, &name->addr, name->port);
	if (err)
		return err;
	if (!is_any)
		sk->flags |= SOCK_F_BOUND_ADDR;
	if (name->port)
		sk->flags |= SOCK_F_BOUND_PORT;
	return 0;
}

int socket_bind(struct sock *sk, const struct sock_name *name)
{
	int err = socket_do_bind(sk, name);

	sock_audit_call(sk, WEFT_AUDIT_BIND, "bind", err ? &name->addr : NULL, name->port, err);
	return err;
}

/* As in Linux, the unspecified address as a destination means this host. */
static struct ip_addr socket_dst(const struct sock_name *name)
{
	static const struct ip4_addr loopback4 = {{127, 0, 0, 1}};

	if (!ip_addr_is_unspecified(&name->addr) || name->family == WEFT_AF_PACKET)
		return name->addr;
	if (ip_addr_is_ip4(&name->addr))
		return ip_addr_from_ip4(&loopback4);
	return (struct ip_addr){{[15] = 1}};
}

/* The peer's family is one that the socket speaks. */
static int socket_dst_check(const struct sock *sk, const struct sock_name *name)
{
	bool is_ip4 = ip_addr_is_ip4(&name->addr);

	if (name->family != sk->conn.family)
		return -EAFNOSUPPORT;
	if (sk->conn.family != WEFT_AF_INET6)
		return 0;
	if (is_ip4 && (sk->conn.flags & CONN_F_V6ONLY))
		return -ENETUNREACH;
	/* Bound to an address of the other family, it can reach nobody of this one. */
	if ((sk->flags & SOCK_F_BOUND_ADDR) && ip_addr_is_ip4(&sk->conn.laddr) != is_ip4)
		return -ENETUNREACH;
	return 0;
}

static int socket_do_connect(struct sock *sk, const struct sock_name *name)
{
	struct ip_addr dst = socket_dst(name);
	int err;

	if (name->family == WEFT_AF_UNSPEC)
		return sk->proto->disconnect ? sk->proto->disconnect(sk) : -EOPNOTSUPP;
	err = socket_dst_check(sk, name);
	/* A stream that is not free to connect says so first, as in Linux. */
	if (err == -EAFNOSUPPORT && sk->proto->connect_state) {
		int state = sk->proto->connect_state(sk);

		if (state)
			return state < 0 ? state : 0;
	}
	if (!err)
		err = socket_scope_set(sk, name);
	if (err)
		return err;
	return sk->proto->connect ? sk->proto->connect(sk, &dst, name->port) : -EOPNOTSUPP;
}

/* Calls that only ask how a connect goes on are not of interest. */
static bool socket_connect_is_news(const struct sock *sk, const struct sock_name *name, int err)
{
	if (name->family == WEFT_AF_UNSPEC || err == -EALREADY || err == -EISCONN)
		return false;
	return err || sk->proto->type != WEFT_SOCK_STREAM;
}

int socket_connect(struct sock *sk, const struct sock_name *name)
{
	int err = socket_do_connect(sk, name);

	if (socket_connect_is_news(sk, name, err))
		sock_audit_call(sk, WEFT_AUDIT_CONNECT, "connect", &name->addr, name->port,
				err == -EINPROGRESS ? 0 : err);
	return err;
}

int socket_listen(struct sock *sk, int backlog)
{
	uint32_t somaxconn = sk->stack->socks->somaxconn;
	int err;

	/* As in Linux a negative number asks for as many as there may be. */
	if ((uint32_t)backlog > somaxconn)
		backlog = (int)somaxconn;
	err = sk->proto->listen ? sk->proto->listen(sk, backlog) : -EOPNOTSUPP;
	sock_audit_call(sk, WEFT_AUDIT_BIND, "listen", NULL, 0, err);
	return err;
}

int socket_accept(struct sock *sk, struct sock **ret)
{
	int err = sk->proto->accept ? sk->proto->accept(sk, ret) : -EOPNOTSUPP;

	if (!err)
		sock_audit_call(*ret, WEFT_AUDIT_ACCEPT, "accept", &(*ret)->conn.raddr,
				(*ret)->conn.rport, 0);
	return err;
}

static int socket_msg_init(struct sock_msg *msg, const struct weft_iovec *iov, size_t n_iov,
			   uint32_t flags)
{
	size_t n_bytes = 0;

	for (size_t i = 0; i < n_iov; i++)
		if (__builtin_add_overflow(n_bytes, iov[i].len, &n_bytes) || n_bytes > PTRDIFF_MAX)
			return -EINVAL;
	*msg = (struct sock_msg){
		.iov = iov,
		.n_iov = n_iov,
		.n_bytes = n_bytes,
		.flags = flags & ~SOCKET_FLAGS_IGNORED,
	};
	return 0;
}

static ptrdiff_t socket_send_msg(struct sock *sk, struct sock_msg *msg, const struct sock_name *to)
{
	if (!sk->proto->send)
		return -EOPNOTSUPP;
	if (to && to->family != WEFT_AF_UNSPEC) {
		int err = socket_dst_check(sk, to);

		if (err)
			return err;
		if (to->family == WEFT_AF_PACKET || socket_name_has_scope(to))
			msg->ifindex = to->ifindex;
		msg->addr = socket_dst(to);
		msg->port = to->port;
		msg->has_addr = true;
	}
	return sk->proto->send(sk, msg);
}

ptrdiff_t socket_send(struct sock *sk, const struct weft_iovec *iov, size_t n_iov, uint32_t flags,
		      const struct sock_name *to)
{
	struct sock_msg msg;
	int err = socket_msg_init(&msg, iov, n_iov, flags);

	return err ? err : socket_send_msg(sk, &msg, to);
}

ptrdiff_t socket_send_lent(struct sock *sk, const struct weft_iovec *iov, uint32_t flags,
			   const struct sock_name *to, struct buf *lent)
{
	struct sock_msg msg;
	int err = socket_msg_init(&msg, iov, 1, flags);

	if (err)
		return err;
	if (!sk->proto->can_lend)
		return -EOPNOTSUPP;
	msg.lent = lent;
	return socket_send_msg(sk, &msg, to);
}

/* Whether every control message is whole; what they say is the protocol's to judge. */
static int socket_control_check(const struct sock_msg *msg)
{
	struct cmsg c;
	size_t pos = 0;
	int got;

	if (msg->control_len > 0 && !msg->control)
		return -EINVAL;
	while ((got = cmsg_next(msg, &pos, &c)) > 0)
		;
	return got;
}

ptrdiff_t socket_sendmsg(struct sock *sk, const struct weft_msghdr *hdr, uint32_t flags,
			 const struct sock_name *to)
{
	struct sock_msg msg;
	int err = socket_msg_init(&msg, hdr->iov, hdr->n_iov, flags);

	if (err)
		return err;
	msg.control = hdr->control;
	msg.control_len = hdr->control_len;
	err = socket_control_check(&msg);
	return err ? err : socket_send_msg(sk, &msg, to);
}

/* As in Linux what is not known is not looked at; raw and echo sockets alone refuse MSG_OOB. */
static int socket_recv_flags(const struct sock *sk, struct sock_msg *msg)
{
	uint32_t known = WEFT_MSG_PEEK | WEFT_MSG_TRUNC | WEFT_MSG_ERRQUEUE;

	if (sk->proto->type == WEFT_SOCK_STREAM)
		known |= WEFT_MSG_OOB;
	else if ((msg->flags & WEFT_MSG_OOB) && sk->proto->ip_proto != IP_PROTO_UDP)
		return -EOPNOTSUPP;
	msg->flags &= known;
	return 0;
}

static void socket_from(const struct sock *sk, const struct sock_msg *msg, struct sock_name *ret)
{
	*ret = (struct sock_name){.family = WEFT_AF_UNSPEC};
	if (msg->has_addr)
		*ret = (struct sock_name){
			.family = sk->conn.family, .addr = msg->addr, .port = msg->port};
	if (sk->conn.family == WEFT_AF_PACKET || socket_name_has_scope(ret))
		ret->ifindex = msg->ifindex;
}

static ptrdiff_t socket_recv_msg(struct sock *sk, struct sock_msg *msg, struct sock_name *ret_from)
{
	ptrdiff_t n;

	if (!sk->proto->recv || socket_recv_flags(sk, msg))
		return -EOPNOTSUPP;
	if (msg->flags & WEFT_MSG_ERRQUEUE)
		n = sk->proto->recv_err ? sk->proto->recv_err(sk, msg) : -EAGAIN;
	else
		n = sk->proto->recv(sk, msg);
	if (n < 0 || !ret_from)
		return n;
	socket_from(sk, msg, ret_from);
	return n;
}

ptrdiff_t socket_take(struct sock *sk, size_t max, uint32_t flags, struct pktq *q,
		      struct sock_name *ret_from)
{
	struct sock_msg msg = {.flags = flags & ~(uint32_t)WEFT_MSG_DONTWAIT};
	ptrdiff_t n;

	if (!sk->proto->take || msg.flags)
		return -EOPNOTSUPP;
	n = sk->proto->take(sk, &msg, max, SOCKET_TAKE_PKTS_MAX, q);
	if (n >= 0)
		socket_from(sk, &msg, ret_from);
	return n;
}

ptrdiff_t socket_recv(struct sock *sk, const struct weft_iovec *iov, size_t n_iov, uint32_t flags,
		      struct sock_name *ret_from)
{
	struct sock_msg msg;
	int err = socket_msg_init(&msg, iov, n_iov, flags);

	return err ? err : socket_recv_msg(sk, &msg, ret_from);
}

ptrdiff_t socket_recvmsg(struct sock *sk, struct weft_msghdr *hdr, uint32_t flags,
			 struct sock_name *ret_from)
{
	struct sock_msg msg;
	ptrdiff_t n = socket_msg_init(&msg, hdr->iov, hdr->n_iov, flags);

	if (n < 0)
		return n;
	msg.control = hdr->control;
	msg.control_len = hdr->control ? hdr->control_len : 0;
	msg.wants_control = true;
	n = socket_recv_msg(sk, &msg, ret_from);
	if (n < 0)
		return n;
	if (msg.has_inq)
		cmsg_put_int(&msg, WEFT_IPPROTO_TCP, WEFT_TCP_CM_INQ,
			     msg.inq_bytes < INT32_MAX ? (int)msg.inq_bytes : INT32_MAX);
	hdr->flags = msg.out_flags;
	hdr->control_len = msg.control_used;
	return n;
}

/* As in Linux an error after the first message is kept for the next call. */
int socket_recvmmsg(struct sock *sk, struct weft_mmsghdr *vec, size_t n, uint32_t flags,
		    void (*put_name)(struct weft_sockaddr *ret, const struct sock_name *name))
{
	size_t i;

	n = n < SOCKET_MMSG_MAX ? n : SOCKET_MMSG_MAX;
	for (i = 0; i < n; i++) {
		struct sock_name from;
		ptrdiff_t got = socket_recvmsg(sk, &vec[i].hdr, flags, &from);

		if (got < 0 && i == 0)
			return (int)got;
		if (got < 0) {
			sk->err = got == -EAGAIN ? sk->err : (int)-got;
			break;
		}
		vec[i].len = (size_t)got;
		if (vec[i].hdr.name)
			put_name(vec[i].hdr.name, &from);
	}
	return (int)i;
}

int socket_ioctl(struct sock *sk, unsigned int request, int *ret)
{
	return sk->proto->ioctl ? sk->proto->ioctl(sk, request, ret) : -ENOTTY;
}

int socket_shutdown(struct sock *sk, int how)
{
	bool rd = how == WEFT_SHUT_RD || how == WEFT_SHUT_RDWR;
	bool wr = how == WEFT_SHUT_WR || how == WEFT_SHUT_RDWR;
	int err;

	if (!rd && !wr)
		return -EINVAL;
	if (!sk->proto->shutdown)
		return -EOPNOTSUPP;
	err = sk->proto->shutdown(sk, rd, wr);
	/* In Linux whoever polls is woken whatever came of it. */
	sock_watch_wake(sk, SOCK_HUP);
	return err;
}

void socket_close(struct sock *sk, bool abort)
{
	/* SO_LINGER with a time of 0 asks for a reset; with another time there is nobody to wait.
	 */
	if ((sk->flags & SOCK_F_LINGER) && sk->linger_s == 0)
		abort = true;
	sk->flags |= SOCK_F_ORPHAN;
	sock_set_callback(sk, NULL, NULL);
	sock_watch_end(sk);
	sk->proto->close(sk, abort);
}

void socket_name(const struct sock *sk, struct sock_name *ret)
{
	if (sk->conn.family == WEFT_AF_PACKET) {
		packet_name(sk, ret);
		return;
	}
	*ret = (struct sock_name){
		.family = sk->conn.family, .addr = sk->conn.laddr, .port = sk->conn.lport};
	if (socket_name_has_scope(ret))
		ret->ifindex = sk->conn.ifindex;
}

int socket_peer(const struct sock *sk, struct sock_name *ret)
{
	if (!(sk->flags & SOCK_F_CONNECTED))
		return -ENOTCONN;
	*ret = (struct sock_name){
		.family = sk->conn.family, .addr = sk->conn.raddr, .port = sk->conn.rport};
	if (socket_name_has_scope(ret))
		ret->ifindex = sk->conn.ifindex;
	return 0;
}
