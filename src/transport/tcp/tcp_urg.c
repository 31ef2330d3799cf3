/* SPDX-License-Identifier: MIT */
/*
 * Urgent data: a mark in the stream (RFC 9293 §3.8.5, RFC 6093).
 *
 * The pointer names the number behind the urgent byte, as RFC 6093 §3.1 has it and everybody does;
 * tcp_stdurg makes it the byte itself (RFC 1122). As in Linux the byte before the mark is taken out
 * of the stream and read with MSG_OOB, unless SO_OOBINLINE is set, and a read never crosses the
 * mark. There is one mark: a newer one makes the byte of the older an ordinary one.
 *
 * How it works: the byte stays in the receive queue, where the mark is nothing but a number, so a
 * pointer that lies can do no more than stop one read early. MSG_OOB copies the byte, an ordinary
 * read skips it.
 */
#include "transport/tcp/tcp_priv.h"

/* The mark is set and has not been passed. */
static bool tcp_urg_is_set(const struct tcp_conn *conn)
{
	return conn->flags & TCPC_RCV_URG;
}

/* The urgent byte has come. */
static bool tcp_urg_is_here(const struct tcp_conn *conn)
{
	return tcp_urg_is_set(conn) && seq_lt(conn->rcv_urg, tcp_text_end(conn));
}

static bool tcp_urg_is_inline(const struct tcp_conn *conn)
{
	return conn->sk.flags & SOCK_F_OOBINLINE;
}

bool tcp_urg_at_mark(const struct tcp_conn *conn)
{
	return tcp_urg_is_set(conn) && conn->rcv_urg == tcp_copied_seq(conn);
}

bool tcp_urg_is_readable(const struct tcp_conn *conn)
{
	return tcp_urg_is_here(conn) && !(conn->flags & TCPC_URG_READ);
}

uint32_t tcp_urg_skip(const struct tcp_conn *conn)
{
	return tcp_urg_at_mark(conn) && tcp_urg_is_here(conn) && !tcp_urg_is_inline(conn);
}

uint32_t tcp_urg_limit(const struct tcp_conn *conn)
{
	uint32_t off = conn->rcv_urg - tcp_copied_seq(conn);

	return tcp_urg_is_set(conn) && off > 0 ? off : UINT32_MAX;
}

void tcp_urg_was_read(struct tcp_conn *conn)
{
	if (tcp_urg_is_set(conn) && seq_gt(tcp_copied_seq(conn), conn->rcv_urg))
		conn->flags &= ~(uint32_t)(TCPC_RCV_URG | TCPC_URG_READ);
}

uint32_t tcp_urg_inq(const struct tcp_conn *conn)
{
	if (!tcp_urg_is_here(conn) || tcp_urg_is_inline(conn))
		return conn->rcvq.n_bytes;
	return conn->rcv_urg - tcp_copied_seq(conn);
}

void tcp_urg_input(struct tcp_conn *conn, const struct tcp_seg *seg)
{
	bool is_std = tcp_conf(conn)->stdurg;
	uint32_t mark = seg->seq + (seg->urg && !is_std ? seg->urg - 1u : seg->urg);

	/* Behind what came is nothing to announce; and a repeated pointer moves nothing. */
	if ((conn->flags & TCPC_FIN_RCVD) || seq_lt(mark, conn->rcv_nxt) ||
	    (tcp_urg_is_set(conn) && seq_leq(mark, conn->rcv_urg)))
		return;
	/* The byte that stands at the head of the queue for MSG_OOB is lost to the next. */
	if (tcp_urg_skip(conn))
		tcp_rcvq_eat(conn, 1);
	conn->flags |= TCPC_RCV_URG;
	conn->flags &= ~(uint32_t)TCPC_URG_READ;
	conn->rcv_urg = mark;
}

ptrdiff_t tcp_urg_recv(struct tcp_conn *conn, struct sock_msg *msg)
{
	if (conn->state == WEFT_TCP_LISTEN)
		return -ENOTCONN;
	if (tcp_urg_is_inline(conn) || !tcp_urg_is_set(conn) || (conn->flags & TCPC_URG_READ))
		return -EINVAL;
	if (!tcp_urg_is_here(conn)) {
		if (conn->state == WEFT_TCP_CLOSE || (conn->flags & TCPC_FIN_RCVD) ||
		    (conn->sk.flags & SOCK_F_SHUT_RD))
			return 0;
		return -EAGAIN;
	}
	msg->out_flags |= WEFT_MSG_OOB;
	if (!(msg->flags & WEFT_MSG_PEEK))
		conn->flags |= TCPC_URG_READ;
	if (msg->n_bytes == 0) {
		msg->out_flags |= WEFT_MSG_TRUNC;
		return 0;
	}
	return (ptrdiff_t)tcp_rcvq_read(conn, msg, true, conn->rcv_urg - tcp_copied_seq(conn), 1);
}

/* Sending */

void tcp_urg_mark(struct tcp_conn *conn)
{
	conn->flags |= TCPC_SND_URG;
	conn->snd_up = conn->snd_end;
}

void tcp_urg_acked(struct tcp_conn *conn)
{
	if ((conn->flags & TCPC_SND_URG) && seq_geq(conn->snd_una, conn->snd_up))
		conn->flags &= ~(uint32_t)TCPC_SND_URG;
}

void tcp_urg_header(const struct tcp_conn *conn, struct tcp_hdr *hdr)
{
	uint32_t off = conn->snd_up - hdr->seq;

	if (!(conn->flags & TCPC_SND_URG) || !seq_lt(hdr->seq, conn->snd_up) ||
	    (hdr->flags & (TCP_F_SYN | TCP_F_RST)))
		return;
	if (tcp_conf(conn)->stdurg)
		off--;
	/* RFC 1122 §4.2.2.4: further ahead than the pointer reaches, but urgent all the same. */
	hdr->urg = (uint16_t)tcp_min(off, UINT16_MAX);
	hdr->flags |= TCP_F_URG;
}
