/* SPDX-License-Identifier: MIT */
/* The error queue; the contract is in errq.h. */
#include "transport/errq.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "transport/cmsg.h"
#include "weft/socket.h"

struct errq_entry {
	struct list link;
	struct weft_sock_extended_err ee;
	struct ip_addr dst, offender;
	uint16_t port;
	uint32_t len;
	uint8_t bytes[];
};

static struct errq_entry *errq_new(struct sock *sk, struct errq *q, uint32_t len)
{
	struct errq_entry *e;

	if (q->n >= ERRQ_MAX)
		return NULL;
	e = mem_zalloc(&sk->stack->eng->mem, sizeof(*e) + len);
	if (!e)
		return NULL;
	e->len = len;
	list_add_tail(&q->list, &e->link);
	q->n++;
	return e;
}

static void errq_free(struct sock *sk, struct errq *q, struct errq_entry *e)
{
	list_del(&e->link);
	q->n--;
	mem_free(&sk->stack->eng->mem, e, sizeof(*e) + e->len);
}

void errq_icmp(struct sock *sk, struct errq *q, const struct icmp_err *err, uint16_t port,
	       const uint8_t *bytes, uint32_t len)
{
	struct errq_entry *e;

	if (len > ERRQ_BYTES_MAX)
		len = ERRQ_BYTES_MAX;
	e = errq_new(sk, q, len);
	if (!e)
		return;
	e->ee = (struct weft_sock_extended_err){
		.err = (uint32_t)(err->mtu ? EMSGSIZE : err->err),
		.origin = err->is_ip6 ? WEFT_SO_EE_ORIGIN_ICMP6 : WEFT_SO_EE_ORIGIN_ICMP,
		.type = err->type,
		.code = err->code,
		.info = err->mtu ? err->mtu : err->pointer,
	};
	e->dst = err->dst;
	e->offender = err->offender;
	e->port = port;
	if (len)
		memcpy(e->bytes, bytes, len);
}

void errq_too_large(struct sock *sk, struct errq *q, const struct ip_addr *dst, uint16_t port,
		    uint32_t mtu)
{
	struct errq_entry *e = errq_new(sk, q, 0);

	if (!e)
		return;
	e->ee = (struct weft_sock_extended_err){
		.err = EMSGSIZE, .origin = WEFT_SO_EE_ORIGIN_LOCAL, .info = mtu};
	e->dst = *dst;
	e->port = port;
}

/* Linux's struct sockaddr_in and sockaddr_in6, byte by byte. */
enum {
	SOCKADDR_IN_LEN = 16,
	SOCKADDR_IN6_LEN = 28,
};

static size_t offender_write(const struct errq_entry *e, uint16_t family, uint8_t *p)
{
	bool is_ip6 = family == WEFT_AF_INET6;
	size_t len = is_ip6 ? SOCKADDR_IN6_LEN : SOCKADDR_IN_LEN;

	memset(p, 0, len);
	if (e->ee.origin == WEFT_SO_EE_ORIGIN_LOCAL)
		return len;
	memcpy(p, &family, sizeof(family));
	if (is_ip6)
		memcpy(p + 8, e->offender.b, sizeof(e->offender.b));
	else
		memcpy(p + 4, e->offender.b + 12, 4);
	return len;
}

/* As in Linux the socket's family counts: one of IPv6 is told of IPv4 addresses as mapped ones. */
static void errq_put(const struct errq_entry *e, uint16_t family, struct sock_msg *msg)
{
	uint8_t data[sizeof(e->ee) + SOCKADDR_IN6_LEN];
	size_t len = sizeof(e->ee) + offender_write(e, family, data + sizeof(e->ee));

	memcpy(data, &e->ee, sizeof(e->ee));
	if (family == WEFT_AF_INET6)
		cmsg_put(msg, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVERR, data, len);
	else
		cmsg_put(msg, WEFT_IPPROTO_IP, WEFT_IP_RECVERR, data, len);
}

static size_t errq_copy(const struct errq_entry *e, const struct sock_msg *msg)
{
	size_t off = 0;

	for (size_t i = 0; i < msg->n_iov && off < e->len; i++) {
		size_t left = e->len - off, n = msg->iov[i].len < left ? msg->iov[i].len : left;

		if (n)
			memcpy(msg->iov[i].base, e->bytes + off, n);
		off += n;
	}
	return off;
}

ptrdiff_t errq_recv(struct sock *sk, struct errq *q, struct sock_msg *msg)
{
	struct errq_entry *e, *next;
	size_t n;

	if (list_is_empty(&q->list))
		return -EAGAIN;
	e = container_of(list_first(&q->list), struct errq_entry, link);
	n = errq_copy(e, msg);
	if (n < e->len)
		msg->out_flags |= WEFT_MSG_TRUNC;
	msg->out_flags |= WEFT_MSG_ERRQUEUE;
	msg->addr = e->dst;
	msg->port = e->port;
	msg->has_addr = true;
	errq_put(e, sk->conn.family, msg);
	errq_free(sk, q, e);
	/* As in Linux, SO_ERROR is that of the next; when none is left, there is none. */
	next = list_is_empty(&q->list)
		       ? NULL
		       : container_of(list_first(&q->list), struct errq_entry, link);
	sk->err = next ? (int)next->ee.err : 0;
	return (ptrdiff_t)n;
}

void errq_purge(struct sock *sk, struct errq *q)
{
	while (!list_is_empty(&q->list))
		errq_free(sk, q, container_of(list_first(&q->list), struct errq_entry, link));
}
