/* SPDX-License-Identifier: MIT */
/* The error queue; the contract is in errq.h. */
#include "transport/errq.h"

#include <errno.h>
#include <string.h>

#include "core/engine.h"
#include "transport/cmsg.h"
#include "weft/socket.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

struct errq_entry {
	struct list link;
	struct weft_sock_extended_err ee;
	struct ip_addr dst, offender;
	int64_t ns;       /* when */
	uint32_t ifindex; /* times, OPT_CMSG: left by; 0: not to be told */
	uint16_t l3_off;  /* with it: of the IP header in bytes */
	uint16_t port;
	uint32_t len;
	uint8_t bytes[];
};

static bool errq_is_stamp(const struct errq_entry *e)
{
	return e->ee.origin == WEFT_SO_EE_ORIGIN_TIMESTAMPING;
}

static struct errq_entry *errq_add(struct sock *sk, struct errq *q, uint32_t len)
{
	struct errq_entry *e = mem_zalloc(&sk->stack->eng->mem, sizeof(*e) + len);

	if (!e)
		return NULL;
	e->len = len;
	e->ns = sk->stack->eng->now_ns;
	list_add_tail(&q->list, &e->link);
	return e;
}

static struct errq_entry *errq_new(struct sock *sk, struct errq *q, uint32_t len)
{
	struct errq_entry *e;

	if (q->n_errs >= ERRQ_MAX)
		return NULL;
	e = errq_add(sk, q, len);
	if (e)
		q->n_errs++;
	return e;
}

static void errq_free(struct sock *sk, struct errq *q, struct errq_entry *e)
{
	list_del(&e->link);
	if (errq_is_stamp(e))
		q->n_stamp_bytes -= ERRQ_STAMP_BYTES + e->len;
	else
		q->n_errs--;
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

/* The source of a packet that we sent. */
static struct ip_addr errq_sender(const uint8_t *hdr)
{
	struct ip4_hdr h4;
	struct ip6_hdr h6;

	if (hdr[0] >> 4 == 6) {
		ip6_hdr_read(hdr, &h6);
		return ip_addr_from_ip6(&h6.src);
	}
	ip4_hdr_read(hdr, &h4);
	return ip_addr_from_ip4(&h4.src);
}

bool errq_stamp(struct sock *sk, struct errq *q, const struct errq_stamp *stamp)
{
	const struct pkt *pkt = stamp->pkt;
	uint32_t len = pkt ? pkt->len : 0;
	bool has_cmsg = stamp->has_cmsg || sk->conn.family == WEFT_AF_INET6;
	struct errq_entry *e;

	if (q->n_stamp_bytes + ERRQ_STAMP_BYTES + len > sk->rcvbuf_bytes)
		return false;
	e = errq_add(sk, q, len);
	if (!e)
		return false;
	q->n_stamp_bytes += ERRQ_STAMP_BYTES + len;
	e->ee = (struct weft_sock_extended_err){
		.err = ENOMSG,
		.origin = WEFT_SO_EE_ORIGIN_TIMESTAMPING,
		.info = stamp->what,
		.data = stamp->key,
	};
	if (len)
		pkt_copy_out(pkt, 0, e->bytes, len);
	if (len && has_cmsg && pkt->netif && pkt->l3_off != PKT_NO_OFF) {
		e->ifindex = pkt->netif->index;
		e->l3_off = (uint16_t)(pkt->l3_off - pkt_off(pkt));
		e->offender = errq_sender(e->bytes + e->l3_off);
	}
	sock_wake(sk, SOCK_ERR);
	return true;
}

/* Linux's struct sockaddr_in and sockaddr_in6, byte by byte. */
enum {
	SOCKADDR_IN_LEN = 16,
	SOCKADDR_IN6_LEN = 28,
};

static bool errq_has_offender(const struct errq_entry *e)
{
	return errq_is_stamp(e) ? e->ifindex != 0 : e->ee.origin != WEFT_SO_EE_ORIGIN_LOCAL;
}

static size_t offender_write(const struct errq_entry *e, uint16_t family, uint8_t *p)
{
	bool is_ip6 = family == WEFT_AF_INET6;
	size_t len = is_ip6 ? SOCKADDR_IN6_LEN : SOCKADDR_IN_LEN;

	memset(p, 0, len);
	if (!errq_has_offender(e))
		return len;
	memcpy(p, &family, sizeof(family));
	if (is_ip6)
		memcpy(p + 8, e->offender.b, sizeof(e->offender.b));
	else
		memcpy(p + 4, e->offender.b + 12, 4);
	return len;
}

/* As in Linux: the time first, then what a received packet would be told with. The socket's family
 * counts: one of IPv6 is told of IPv4 addresses as mapped ones. */
static void errq_put(const struct sock *sk, const struct errq_entry *e, struct sock_msg *msg)
{
	uint8_t data[sizeof(e->ee) + SOCKADDR_IN6_LEN];
	size_t len = sizeof(e->ee) + offender_write(e, sk->conn.family, data + sizeof(e->ee));

	if (errq_is_stamp(e))
		cmsg_put_tx_time(sk, msg, e->ns);
	else
		cmsg_put_time(sk, msg, e->ns);
	if (e->ifindex && sk->proto->cmsg_sent)
		sk->proto->cmsg_sent(sk, e->bytes + e->l3_off, e->ifindex, msg);
	memcpy(data, &e->ee, sizeof(e->ee));
	if (sk->conn.family == WEFT_AF_INET6)
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

/* As in Linux SO_ERROR is the next error's; when an error was the last, there is none. */
static void errq_next(struct sock *sk, const struct errq *q, bool was_error)
{
	const struct errq_entry *next =
		list_is_empty(&q->list) ? NULL
					: container_of(q->list.next, const struct errq_entry, link);
	bool is_error = next && !errq_is_stamp(next);

	if (is_error)
		sk->err = (int)next->ee.err;
	else if (was_error)
		sk->err = 0;
	if (next)
		sock_wake(sk, SOCK_ERR);
}

ptrdiff_t errq_recv(struct sock *sk, struct errq *q, struct sock_msg *msg)
{
	struct errq_entry *e;
	bool was_error;
	size_t n;

	if (list_is_empty(&q->list))
		return -EAGAIN;
	e = container_of(list_first(&q->list), struct errq_entry, link);
	was_error = !errq_is_stamp(e);
	n = errq_copy(e, msg);
	if (n < e->len)
		msg->out_flags |= WEFT_MSG_TRUNC;
	msg->out_flags |= WEFT_MSG_ERRQUEUE;
	if (was_error) {
		msg->addr = e->dst;
		msg->port = e->port;
		msg->has_addr = true;
	}
	errq_put(sk, e, msg);
	errq_free(sk, q, e);
	errq_next(sk, q, was_error);
	return (ptrdiff_t)n;
}

void errq_purge(struct sock *sk, struct errq *q)
{
	while (!list_is_empty(&q->list))
		errq_free(sk, q, container_of(list_first(&q->list), struct errq_entry, link));
}
