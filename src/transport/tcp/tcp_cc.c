/* SPDX-License-Identifier: MIT */
/*
 * Congestion control of a connection: which one, its memory, and when it begins. The controls
 * themselves are in ../cc/.
 *
 * What only a sender needs (delivery rates, pacing, times, the control's own memory) is one block
 * that exists from the first data on, so that a connection that never sends costs none of it.
 */
#include <string.h>

#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

static size_t tcp_sender_bytes(uint32_t n_cc)
{
	return sizeof(struct tcp_sender) + n_cc;
}

static uint32_t tcp_cc_bytes(const struct cc_ops *ops)
{
	return (ops->priv_bytes + 7u) & ~7u;
}

static void tcp_cc_begin(struct tcp_conn *conn)
{
	struct cc_state *cc = &conn->cc;

	if (cc->ops->init)
		cc->ops->init(cc, tcp_now(conn), conn->srtt_us8 / 8, conn->snd_nxt);
}

/* A block for `ops`, with what `from` has besides the control's memory. */
static struct tcp_sender *tcp_sender_new(struct tcp_conn *conn, const struct cc_ops *ops,
					 const struct tcp_sender *from)
{
	uint32_t n_cc = tcp_cc_bytes(ops);
	struct tcp_sender *snd = mem_zalloc(&tcp_eng(conn)->mem, tcp_sender_bytes(n_cc));

	if (!snd)
		return NULL;
	snd->pacing_max_Bps = UINT64_MAX;
	if (from)
		memcpy(snd, from, sizeof(*snd));
	snd->n_cc = (uint16_t)n_cc;
	return snd;
}

struct tcp_sender *tcp_sender_get(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (snd)
		return snd;
	snd = tcp_sender_new(conn, conn->cc.ops, NULL);
	if (!snd)
		return NULL;
	conn->cc.priv = snd->cc;
	tcp_cc_begin(conn);
	return snd;
}

void tcp_sender_free(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	tcp_mtup_free(conn);
	tcp_cwv_free(conn);
	conn->cc.priv = NULL;
	if (snd)
		mem_free(&tcp_eng(conn)->mem, snd, tcp_sender_bytes(snd->n_cc));
}

void tcp_cc_start(struct tcp_conn *conn)
{
	uint32_t n = tcp_route_metrics(conn).initcwnd, mss = conn->mss;
	void *priv = conn->cc.priv;

	if (n == 0)
		n = tcp_conf(conn)->init_cwnd;
	if (n == 0)
		n = mss > 2190 ? 2 : mss > 1095 ? 3 : 4; /* RFC 5681 §3.1 */
	cc_init(&conn->cc, conn->cc.ops, mss);
	conn->cc.cwnd = tcp_min(n * mss, CC_CWND_MAX);
	conn->cc.priv = priv;
	if (priv) {
		memset(priv, 0, tcp_sender(conn)->n_cc);
		tcp_cc_begin(conn);
	}
}

int tcp_cc_set(struct tcp_conn *conn, const struct cc_ops *ops)
{
	struct tcp_sender *old = tcp_sender(conn), *snd;

	if (ops == conn->cc.ops)
		return 0;
	if (!old) {
		conn->cc.ops = ops;
		return 0;
	}
	snd = tcp_sender_new(conn, ops, old);
	if (!snd)
		return -ENOMEM;
	mem_free(&tcp_eng(conn)->mem, old, tcp_sender_bytes(old->n_cc));
	conn->cc.priv = snd->cc;
	conn->cc.ops = ops;
	conn->cc.acked = 0;
	tcp_cc_begin(conn);
	return 0;
}

void tcp_cc_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	struct cc_ack ack = {
		.now_ns = tcp_now(conn),
		.acked_bytes = ev->acked_bytes,
		.flight_bytes = ev->flight_bytes,
		.srtt_us = conn->srtt_us8 / 8,
		.una = conn->snd_una,
		.nxt = conn->snd_nxt,
		.is_ece = ev->is_ece,
		.rate.rtt_us = tcp_rate_rtt_us(conn, ev),
	};

	if (conn->cc.ops->flags & CC_OWN_CWND)
		return; /* tcp_rate_on_ack() */
	/* In slow start half a window in flight is enough to see that it carries (as Linux). */
	ack.is_cwnd_limited = ev->was_cwnd_limited || (conn->cc.cwnd < conn->cc.ssthresh &&
						       conn->cc.cwnd < 2 * ev->flight_bytes);
	/* RFC 3168 §6.1.2: no growth by an ACK that tells of a mark, nor in the window after one.
	 */
	if (ev->is_ece || tcp_ecn_is_reducing(conn) || !tcp_cwv_may_grow(conn))
		ack.is_cwnd_limited = false;
	cc_on_ack(&conn->cc, &ack);
}

/* Busy is all of the time with something to send, whatever holds it back. */
static void tcp_chrono_count(struct tcp_sender *snd, int64_t now_ns)
{
	if (snd->chrono != TCP_CHRONO_NONE)
		snd->chronos_ns[snd->chrono - 1] += now_ns - snd->chrono_ns;
	snd->chrono_ns = now_ns;
}

void tcp_chrono_set(struct tcp_conn *conn, enum tcp_chrono chrono)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!snd || snd->chrono == chrono)
		return;
	tcp_chrono_count(snd, tcp_now(conn));
	snd->chrono = (uint8_t)chrono;
}

int64_t tcp_chrono_ns(const struct tcp_conn *conn, enum tcp_chrono chrono)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	int64_t ns = 0;

	for (int c = TCP_CHRONO_BUSY; snd && c < TCP_CHRONO_N; c++) {
		if (c != (int)chrono && chrono != TCP_CHRONO_BUSY)
			continue;
		ns += snd->chronos_ns[c - 1];
		if (snd->chrono == c)
			ns += tcp_now(conn) - snd->chrono_ns;
	}
	return ns;
}
