/* SPDX-License-Identifier: MIT */
/*
 * Packetization-layer path MTU discovery (RFC 4821): TCP finds by its own segments how large the
 * packets are that arrive. It needs no ICMP error, so it helps where a router or a firewall throws
 * away both what is too large and the errors about it, a "black hole".
 *
 * How it works: sizes are those of IP packets. Up to `low` they are known to arrive, beyond `high`
 * not, or they would be of no use; segments are made for `low`. In between, one segment of the
 * middle size is sent now and then, a probe, made of bytes that had to go anyway:
 *
 *	acknowledged            low = its size                       (§7.6.1)
 *	lost, and nothing else  high = its size - 1; the window is not reduced (§7.6.2)
 *	lost among others       nothing is known; once more          (§7.6.4)
 *	sent again for another reason (timeout, loss probe): the same
 *
 * until both are nearer to each other than tcp_probe_threshold. After tcp_probe_interval the search
 * begins anew, since the path may carry more by then (§7.3).
 *
 * With tcp_mtu_probing 2 the search begins with the connection, at tcp_base_mss; with 1 when
 * nothing has arrived for so long that the route is looked up again (§7.7, full-stop timeout). That
 * may be a mere outage, and each further timeout halves `low`: what was lost is climbed back to by
 * probes. With 0, as in Linux the default, there is none of this.
 *
 * A path of IPv6 carries 1280 bytes, so `low` is never less there (RFC 8200 §5).
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	MTUP_CWND_MIN = 11, /* segments: a lost probe must not empty the window (as Linux) */
};

static struct tcp_mtup *tcp_mtup(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	return snd ? snd->mtup : NULL;
}

static uint32_t mtup_hdrs(const struct tcp_conn *conn)
{
	uint32_t n = ip_addr_is_ip4(&conn->sk.conn.raddr) ? TCP_IP4_HDRS : TCP_IP6_HDRS;

	return n + (conn->flags & TCPC_TS ? TCP_OPTS_TS_LEN : 0);
}

/* Payload of a packet of that size. */
static uint32_t mtup_payload(const struct tcp_conn *conn, int32_t size)
{
	uint32_t hdrs = mtup_hdrs(conn);

	return size > (int32_t)hdrs ? (uint32_t)size - hdrs : 0;
}

static int32_t mtup_size(const struct tcp_conn *conn, uint32_t payload)
{
	return (int32_t)(payload + mtup_hdrs(conn));
}

/* The size for payload `mss`, but what every path carries. */
static int32_t mtup_low(const struct tcp_conn *conn, uint32_t mss)
{
	int32_t least = ip_addr_is_ip4(&conn->sk.conn.raddr) ? 0 : TCP_IP6_PMTU_MIN;
	int32_t size = mtup_size(conn, tcp_min(mss, UINT16_MAX));

	return size > least ? size : least;
}

/* What the peer takes; tcp_mtup_clip() says what the route does. */
static int32_t mtup_high(const struct tcp_conn *conn)
{
	uint32_t mss = conn->mss_peer ? conn->mss_peer : UINT16_MAX;

	if (tcp_sockopts(conn)->mss_user)
		mss = tcp_min(mss, tcp_sockopts(conn)->mss_user);
	return mtup_size(conn, mss) - (conn->flags & TCPC_TS ? TCP_OPTS_TS_LEN : 0);
}

static uint32_t mtup_now_s(const struct tcp_conn *conn)
{
	return (uint32_t)(tcp_now(conn) / TCP_NS_PER_S);
}

/* The block exists from now on. NULL: no memory. */
static struct tcp_mtup *mtup_get(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender_get(conn);
	struct tcp_mtup *m;

	if (!snd)
		return NULL;
	if (snd->mtup)
		return snd->mtup;
	m = mem_zalloc(&tcp_eng(conn)->mem, sizeof(*m));
	if (!m)
		return NULL;
	m->low = mtup_low(conn, tcp_conf(conn)->base_mss);
	m->high = mtup_high(conn);
	m->since_s = mtup_now_s(conn);
	snd->mtup = m;
	tcp_mss_sync(conn);
	return m;
}

void tcp_mtup_free(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!snd || !snd->mtup)
		return;
	mem_free(&tcp_eng(conn)->mem, snd->mtup, sizeof(*snd->mtup));
	snd->mtup = NULL;
}

void tcp_mtup_start(struct tcp_conn *conn)
{
	if (tcp_conf(conn)->mtu_probing > 1)
		conn->flags |= TCPC_MTUP;
}

uint32_t tcp_mtup_clip(const struct tcp_conn *conn, uint32_t mtu)
{
	struct tcp_mtup *m = tcp_mtup(conn);
	int32_t low;

	if (m && m->high > (int32_t)mtu)
		m->high = (int32_t)mtu;
	low = m ? m->low : mtup_low(conn, tcp_conf(conn)->base_mss);
	return tcp_min(mtu, (uint32_t)low);
}

/* The search is over. After a time it starts again, from what is in use: the path may carry more
 * by now. */
static void mtup_check_again(struct tcp_conn *conn, struct tcp_mtup *m)
{
	if (mtup_now_s(conn) - m->since_s < tcp_conf(conn)->probe_interval_s)
		return;
	m->since_s = mtup_now_s(conn);
	m->low = mtup_size(conn, conn->mss);
	m->high = mtup_high(conn);
	tcp_mss_sync(conn);
}

/* RFC 4821 §7.4: nothing is being recovered, and a loss would be seen at once. The header has no
 * options of varying length. */
static bool mtup_may_probe(const struct tcp_conn *conn, const struct tcp_mtup *m)
{
	return m->probe == 0 && conn->ca_state == TCP_CA_OPEN &&
	       conn->cc.cwnd >= MTUP_CWND_MIN * conn->mss && !conn->reasm &&
	       !(conn->flags & (TCPC_DSACK | TCPC_SND_URG | TCPC_PMTU_FLOOR));
}

uint32_t tcp_mtup_due(struct tcp_conn *conn, bool *ret_waits)
{
	struct tcp_mtup *m = mtup_get(conn);
	uint32_t n, needed, pipe = tcp_pipe(conn), unsent = tcp_unsent(conn);

	*ret_waits = false;
	if (!m || !mtup_may_probe(conn, m))
		return 0;
	if (m->high - m->low < (int32_t)tcp_conf(conn)->probe_threshold) {
		mtup_check_again(conn, m);
		return 0;
	}
	n = mtup_payload(conn, (m->low + m->high) / 2);
	/* What follows must tell of its loss. */
	needed = n + (conn->reordering + 1u) * conn->mss;
	if (n <= conn->mss || unsent < needed || conn->snd_wnd < needed)
		return 0;
	if ((conn->flags & TCPC_EOR) && tcp_sndq_record(conn, conn->snd_nxt, unsent) < n)
		return 0;
	if (tcp_snd_wnd_left(conn) < needed) {
		*ret_waits = true;
		return 0;
	}
	if (pipe + n > conn->cc.cwnd) {
		*ret_waits = pipe > 0;
		if (pipe > 0)
			conn->flags |= TCPC_CWND_LIMITED;
		return 0;
	}
	return n;
}

void tcp_mtup_sent(struct tcp_conn *conn, uint32_t seq, uint32_t n)
{
	struct tcp_mtup *m = tcp_mtup(conn);

	m->seq = seq;
	m->end = seq + n;
	m->probe = mtup_size(conn, n);
}

void tcp_mtup_sent_again(struct tcp_conn *conn, uint32_t seq, uint32_t n)
{
	struct tcp_mtup *m = tcp_mtup(conn);

	if (m && m->probe && seq_lt(seq, m->end) && seq_gt(seq + n, m->seq))
		m->probe = 0;
}

void tcp_mtup_on_ack(struct tcp_conn *conn)
{
	struct tcp_mtup *m = tcp_mtup(conn);

	if (!m || !m->probe || seq_lt(conn->snd_una, m->end))
		return;
	m->low = m->probe;
	m->probe = 0;
	tcp_mib(conn, MIB_TcpExtTCPMTUPSuccess);
	tcp_mss_sync(conn);
}

/* What is lost and has not been sent again is the probe, or a part of it, and nothing else. */
static bool mtup_is_lost_alone(struct tcp_conn *conn, const struct tcp_mtup *m)
{
	struct tcp_txq *q = conn->txq;
	uint32_t n = 0;

	if (!q || q->due_bytes == 0 || conn->snd_una != m->seq)
		return false;
	for (uint32_t i = 0; i < q->n && seq_leq(tcp_txq_at(q, i)->end, m->end); i++) {
		const struct tcp_txrec *r = tcp_txq_at(q, i);

		if (tcp_txr_is_due(r))
			n += r->end - r->seq;
	}
	return n == q->due_bytes;
}

bool tcp_mtup_on_loss(struct tcp_conn *conn)
{
	struct tcp_mtup *m = tcp_mtup(conn);

	if (!m || !m->probe || !mtup_is_lost_alone(conn, m))
		return false;
	m->high = m->probe - 1;
	m->probe = 0;
	tcp_mib(conn, MIB_TcpExtTCPMTUPFail);
	tcp_txq_lose_below(conn, m->end);
	return true;
}

bool tcp_mtup_on_mtu(struct tcp_conn *conn, uint32_t mtu)
{
	struct tcp_mtup *m = tcp_mtup(conn);
	struct tcp_txq *q = conn->txq;

	if (!m || !m->probe || m->probe <= (int32_t)mtu || !q)
		return false;
	m->probe = 0;
	tcp_mib(conn, MIB_TcpExtTCPMTUPFail);
	for (uint32_t i = tcp_txq_find(q, m->seq); i < q->n; i++) {
		const struct tcp_txrec *r = tcp_txq_at(q, i);

		if (seq_gt(r->end, m->end))
			break;
		if (!(r->flags & TXR_HELD))
			tcp_txq_lose(conn, i);
	}
	return q->due_bytes > 0;
}

/* The least segment that is tried. */
static uint32_t mtup_least(const struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);

	return mtup_payload(conn,
			    mtup_low(conn, tcp_max(conf->mtu_probe_floor, conf->min_snd_mss)));
}

void tcp_mtup_on_black_hole(struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	struct tcp_mtup *m;
	uint32_t mss;

	/* What is no larger than that is not lost for its size. */
	if (!conf->mtu_probing || tcp_min(tcp_flight(conn), conn->mss) <= mtup_least(conn))
		return;
	if (!(conn->flags & TCPC_MTUP)) {
		conn->flags |= TCPC_MTUP;
		(void)mtup_get(conn);
		tcp_mss_sync(conn);
		return;
	}
	m = mtup_get(conn);
	if (!m)
		return;
	mss = tcp_min(mtup_payload(conn, m->low) / 2, conf->base_mss);
	mss = tcp_max(mss, tcp_max(conf->mtu_probe_floor, conf->min_snd_mss));
	m->low = mtup_low(conn, mss);
	tcp_mss_sync(conn);
}
