/* SPDX-License-Identifier: MIT */
/*
 * Taking a loss back: when what was held lost had only been late, the window and the threshold of
 * before are restored (RFC 4015).
 *
 * How it is known that a retransmission was needless:
 *
 *	Eifel (RFC 3522)     the ACK echoes a timestamp of before the first retransmission; or
 *	                     nothing has been sent again yet
 *	D-SACK (RFC 3708)    the peer reports every byte that was sent again as a duplicate
 *	F-RTO (RFC 5682)     after a timeout, and before anything else was sent again, something
 *	                     arrives that was sent once; tcp_recover.c has its steps
 *
 * What is kept: window and threshold of before, snd_una then (undo_una), and how many bytes were
 * sent again since and not reported as duplicates (undo_bytes). It is kept after the recovery, as
 * duplicates may be reported a round trip later, until the next loss.
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

void tcp_undo_start(struct tcp_conn *conn, uint32_t prior_cwnd, uint32_t prior_ssthresh)
{
	struct tcp_sender *snd = tcp_sender(conn);
	uint32_t again = conn->txq ? conn->txq->again_bytes : 0;

	snd->undo_una = conn->snd_una;
	snd->undo_bytes = again;
	snd->prior_cwnd = prior_cwnd;
	snd->prior_ssthresh = prior_ssthresh;
	snd->marks |= TCP_SND_UNDO;
	/* When retransmissions of the last recovery are still on their way, what they bring echoes
	 * their time: the first of those is the one to compare with (as Linux's retrans_stamp). */
	if (again == 0)
		snd->marks &= (uint8_t)~TCP_SND_UNDO_AGAIN;
}

void tcp_undo_forget(struct tcp_conn *conn)
{
	tcp_sender(conn)->marks &= (uint8_t)~TCP_SND_UNDO;
}

uint32_t tcp_again_lag(const struct tcp_conn *conn)
{
	const struct tcp_conf *conf = tcp_conf(conn);

	if (conn->n_reord_seen == 0 || conf->paws_window == 0)
		return 0;
	return conn->rtt_min_us / 4 / 1000 / conf->ts_tick_ms;
}

uint32_t tcp_again_ts(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);
	uint32_t ts = tcp_ts_now(conn);

	/* After a timeout the echo measures the round trip. */
	if (conn->ca_state != TCP_CA_RECOVERY)
		return ts;
	ts -= tcp_again_lag(conn);
	return (snd->marks & TCP_SND_UNDO_AGAIN) && seq_lt(ts, snd->again_ts) ? snd->again_ts : ts;
}

void tcp_undo_sent_again(struct tcp_conn *conn, uint32_t n)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!(tcp_snd_marks(conn) & TCP_SND_UNDO_AGAIN))
		snd->again_ts = tcp_again_ts(conn);
	snd->marks |= TCP_SND_UNDO_AGAIN;
	snd->undo_bytes += tcp_min(n, UINT32_MAX - snd->undo_bytes);
}

void tcp_undo_on_dsack(struct tcp_conn *conn, const struct tcp_sack_block *b)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if ((tcp_snd_marks(conn) & TCP_SND_UNDO) && seq_geq(b->start, snd->undo_una))
		snd->undo_bytes -= tcp_min(snd->undo_bytes, b->end - b->start);
}

/* The echo is of before the first retransmission; or there was none yet, when what was held lost is
 * acknowledged: of ACKs that come in one batch a later one fills the hole that an earlier one tells
 * of. */
static bool undo_says_echo(const struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	if (!(snd->marks & TCP_SND_UNDO_AGAIN))
		return seq_gt(conn->snd_una, snd->undo_una);
	return ev->has_echo && seq_lt(ev->ts_ecr, snd->again_ts);
}

static bool undo_says_dsack(const struct tcp_conn *conn)
{
	return (tcp_snd_marks(conn) & TCP_SND_UNDO_AGAIN) && tcp_sender(conn)->undo_bytes == 0;
}

static void undo_do(struct tcp_conn *conn, bool are_found)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct cc_undo ev = {
		.now_ns = tcp_now(conn),
		.prior_cwnd = snd->prior_cwnd,
		.prior_ssthresh = snd->prior_ssthresh,
	};

	if (are_found)
		tcp_txq_unlose_all(conn);
	cc_on_undo(&conn->cc, &ev);
	tcp_cwv_recovered(conn, true);
	snd->rack_has_news = true; /* what is lost is to be judged anew */
	snd->prr_cwnd = 0;
	tcp_undo_forget(conn);
}

bool tcp_undo_recovery(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	if (!(tcp_snd_marks(conn) & TCP_SND_UNDO) ||
	    (!undo_says_echo(conn, ev) && !undo_says_dsack(conn)))
		return false;
	tcp_mib(conn,
		conn->ca_state == TCP_CA_LOSS ? MIB_TcpExtTCPLossUndo : MIB_TcpExtTCPFullUndo);
	undo_do(conn, false);
	return true;
}

bool tcp_undo_partial(struct tcp_conn *conn, const struct tcp_ack_event *ev)
{
	if (!(tcp_snd_marks(conn) & TCP_SND_UNDO) || !undo_says_echo(conn, ev))
		return false;
	tcp_mib(conn, MIB_TcpExtTCPPartialUndo);
	if (tcp_snd_marks(conn) & TCP_SND_UNDO_AGAIN)
		tcp_sack_reordering_by_echo(conn, ev);
	undo_do(conn, true);
	return true;
}

bool tcp_undo_dsack(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!(tcp_snd_marks(conn) & TCP_SND_UNDO) || !undo_says_dsack(conn))
		return false;
	tcp_mib(conn, MIB_TcpExtTCPDSACKUndo);
	if (snd->reo_keep > 0 && snd->reo_keep < UINT8_MAX)
		snd->reo_keep++;
	undo_do(conn, false);
	return true;
}

bool tcp_undo_loss(struct tcp_conn *conn, const struct tcp_ack_event *ev, bool is_frto)
{
	if (!(tcp_snd_marks(conn) & TCP_SND_UNDO))
		return false;
	if (!is_frto && !undo_says_echo(conn, ev) && !undo_says_dsack(conn))
		return false;
	tcp_mib(conn, MIB_TcpExtTCPLossUndo);
	if (is_frto)
		tcp_mib(conn, MIB_TcpExtTCPSpuriousRTOs);
	undo_do(conn, true);
	return true;
}
