/* SPDX-License-Identifier: MIT */
/*
 * Windows that are not used (RFC 7661; with tcp_slow_start_after_idle 2, in place of RFC 2861): an
 * application that sends little, or pauses, finds the window of before when it goes on; but that
 * counts for less when something is lost, and not for ever.
 *
 * How it works: pipeACK is the most that was acknowledged in a round trip of late, three round
 * trips or a second (the greater of two halves of that time). While it is less than half of cwnd,
 * the window is not validated: it does not grow; a loss takes from what was in use, not from cwnd;
 * and after five minutes it is halved. In a recovery nothing is measured, and after it nothing is
 * known: the window counts as validated until the next sample.
 *
 * Not for controls that have a model of the path instead (BBR).
 */
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	CWV_ON = 2, /* tcp_slow_start_after_idle */
};
#define CWV_NVP_NS        (300 * TCP_NS_PER_S) /* §4.4: the non-validated phase */
#define CWV_PERIOD_MIN_NS TCP_NS_PER_S

static bool cwv_is_on(const struct tcp_conn *conn)
{
	return tcp_conf(conn)->slow_start_after_idle == CWV_ON &&
	       !(conn->cc.ops->flags & CC_OWN_CWND);
}

/* §4.2: max(3 * RTT, 1 second) */
static int64_t cwv_period_ns(const struct tcp_conn *conn)
{
	int64_t ns = 3 * (int64_t)(conn->srtt_us8 / 8) * TCP_NS_PER_US;

	return ns > CWV_PERIOD_MIN_NS ? ns : CWV_PERIOD_MIN_NS;
}

static void cwv_sample_begin(const struct tcp_conn *conn, struct tcp_cwv *v)
{
	v->sample_una = conn->snd_una;
	v->sample_end = conn->snd_nxt;
}

/* With the first ACK of data, which ends a sample. */
static struct tcp_cwv *cwv_get(struct tcp_conn *conn, uint32_t acked)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct tcp_cwv *v = snd->cwv;

	if (v)
		return v;
	v = mem_zalloc(&tcp_eng(conn)->mem, sizeof(*v));
	if (!v)
		return NULL; /* the next ACK tries again */
	snd->cwv = v;
	v->valid_ns = v->half_ns = tcp_now(conn);
	v->sample_end = conn->snd_una;
	v->sample_una = conn->snd_una - acked;
	return v;
}

void tcp_cwv_free(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);

	if (!snd || !snd->cwv)
		return;
	mem_free(&tcp_eng(conn)->mem, snd->cwv, sizeof(*snd->cwv));
	snd->cwv = NULL;
}

/* The halves that are over. */
static void cwv_age(const struct tcp_conn *conn, struct tcp_cwv *v)
{
	int64_t half_ns = cwv_period_ns(conn) / 2, age_ns = tcp_now(conn) - v->half_ns;

	if (age_ns < half_ns)
		return;
	v->most[1] = age_ns < 2 * half_ns ? v->most[0] : 0;
	v->most[0] = 0;
	v->half_ns = tcp_now(conn);
}

static uint32_t cwv_pipe_ack(const struct tcp_conn *conn, struct tcp_cwv *v)
{
	cwv_age(conn, v);
	return tcp_max(v->most[0], v->most[1]);
}

/* §4.3 */
static bool cwv_is_validated(const struct tcp_conn *conn, struct tcp_cwv *v)
{
	return !v->is_defined || cwv_pipe_ack(conn, v) >= conn->cc.cwnd / 2;
}

bool tcp_cwv_may_grow(struct tcp_conn *conn)
{
	struct tcp_cwv *v = tcp_sender(conn)->cwv;

	return !v || !cwv_is_on(conn) || cwv_is_validated(conn, v);
}

void tcp_cwv_on_ack(struct tcp_conn *conn, uint32_t acked)
{
	struct tcp_cwv *v = cwv_is_on(conn) ? cwv_get(conn, acked) : NULL;

	if (!v)
		return;
	if (conn->ca_state >= TCP_CA_RECOVERY) {
		v->is_defined = false;
		v->most[0] = v->most[1] = 0;
		cwv_sample_begin(conn, v);
	} else if (seq_geq(conn->snd_una, v->sample_end)) {
		cwv_age(conn, v);
		v->most[0] = tcp_max(v->most[0], conn->snd_una - v->sample_una);
		v->is_defined = true;
		cwv_sample_begin(conn, v);
	}
	if (cwv_is_validated(conn, v))
		v->valid_ns = tcp_now(conn);
}

void tcp_cwv_before_send(struct tcp_conn *conn)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct cc_state *cc = &conn->cc;

	if (!snd || !snd->cwv || !cwv_is_on(conn) || cwv_is_validated(conn, snd->cwv) ||
	    tcp_now(conn) - snd->cwv->valid_ns < CWV_NVP_NS)
		return;
	/* §4.4.4 */
	cc->ssthresh = tcp_max(cc->ssthresh, cc->cwnd / 4 * 3);
	cc->cwnd = tcp_max(cc->cwnd / 2, tcp_min(CC_INITIAL_WINDOW * cc->mss, cc->cwnd));
	snd->cwv->valid_ns = tcp_now(conn);
}

uint32_t tcp_cwv_on_loss(struct tcp_conn *conn, uint32_t flight)
{
	struct tcp_cwv *v = tcp_sender(conn)->cwv;
	uint32_t used;

	if (!v)
		return flight;
	v->is_repairing = cwv_is_on(conn) && !cwv_is_validated(conn, v);
	if (!v->is_repairing)
		return flight;
	/* §4.4.2: what is taken is a part of this. */
	used = tcp_max(tcp_max(cwv_pipe_ack(conn, v), flight), 2 * conn->mss);
	conn->cc.cwnd = tcp_min(conn->cc.cwnd, used);
	v->rexmt_bytes = conn->bytes_rexmt;
	return conn->cc.cwnd;
}

void tcp_cwv_recovered(struct tcp_conn *conn, bool is_undone)
{
	struct tcp_sender *snd = tcp_sender(conn);
	struct tcp_cwv *v = snd ? snd->cwv : NULL;
	uint64_t half;

	if (!v || !v->is_repairing)
		return;
	v->is_repairing = false;
	if (is_undone)
		return;
	/* §4.4.2: less half of what had to be sent again. */
	half = (conn->bytes_rexmt - v->rexmt_bytes) / 2;
	conn->cc.cwnd -= (uint32_t)(half < conn->cc.cwnd ? half : conn->cc.cwnd);
	conn->cc.cwnd = tcp_max(conn->cc.cwnd, 2 * conn->mss);
}
