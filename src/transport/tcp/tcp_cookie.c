/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies (RFC 4987 §3.6): when the SYN queue of a listener is full, a SYN is answered and
 * forgotten. What would have been kept lies in the numbers that the peer has to echo.
 *
 * How it works, as in Linux. The initial sequence number is
 *
 *	hash(peer) + peer's number + minute << 24 + 24 bits of hash(peer, minute) + data
 *
 * where peer is both addresses, ports and the peer's number, and data is an index into a table of
 * segment sizes. Window scale and SACK go into the low bits
 * of our timestamp, when the peer has timestamps; else they are lost.
 *
 *	|  timestamp clock / 64 | - | SACK | window scale, 15: none |
 *	                        5     4     3 … 0
 *
 * An ACK is looked at only while a cookie can be under way (two minutes): otherwise a listener
 * would make connections out of ACKs that were guessed. A guess hits one time in a million; a
 * cookie of others is bound to addresses, ports and time.
 */
#include "base/hash.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"

enum {
	COOKIE_PERIOD_S = 60,
	COOKIE_AGE_MAX = 2, /* periods */
	COOKIE_DATA_MASK = 0xffffff,
	COOKIE_TS_BITS = 6,
	COOKIE_TS_SACK = 1 << 4,
	COOKIE_TS_ECN = 1 << 5,
	COOKIE_TS_NO_WSCALE = 15,
};

/* Segment sizes that are usual: of the least hosts, IPv6 at its least, tunnels, IPv6, Ethernet and
 * large frames. */
static const uint16_t cookie_mss[] = {536, 1220, 1300, 1440, 1460, 8960};

static uint32_t tcp_cookie_hash(struct stack *st, const struct conn_node *node, uint32_t irs,
				uint32_t minute, uint32_t which)
{
	struct {
		struct ip_addr laddr, raddr;
		uint16_t lport, rport;
		uint32_t irs;
		uint32_t minute;
		uint32_t which;
	} key = {node->laddr, node->raddr, node->lport, node->rport, irs, minute, which};

	return (uint32_t)siphash24(&st->tcp->cookie_key, &key, sizeof(key));
}

static uint32_t tcp_cookie_minute(const struct stack *st)
{
	return (uint32_t)(st->eng->now_ns / TCP_NS_PER_S / COOKIE_PERIOD_S);
}

static uint32_t tcp_cookie_make(struct stack *st, const struct conn_node *node, uint32_t irs,
				uint32_t data)
{
	uint32_t minute = tcp_cookie_minute(st);

	return tcp_cookie_hash(st, node, irs, 0, 0) + irs + (minute << 24) +
	       ((tcp_cookie_hash(st, node, irs, minute, 1) + data) & COOKIE_DATA_MASK);
}

/* False: not one that we sent lately. */
static bool tcp_cookie_read(struct stack *st, const struct conn_node *node, uint32_t irs,
			    uint32_t cookie, uint32_t *ret_data)
{
	uint32_t minute = tcp_cookie_minute(st);
	uint32_t rest = cookie - tcp_cookie_hash(st, node, irs, 0, 0) - irs;
	uint32_t age = (minute - (rest >> 24)) & 0xff;
	uint32_t data;

	if (age >= COOKIE_AGE_MAX)
		return false;
	data = (rest - tcp_cookie_hash(st, node, irs, minute - age, 1)) & COOKIE_DATA_MASK;
	if (data >= ARRAY_SIZE(cookie_mss))
		return false;
	*ret_data = data;
	return true;
}

static uint32_t tcp_cookie_mss_index(uint32_t mss)
{
	uint32_t i = ARRAY_SIZE(cookie_mss) - 1;

	while (i > 0 && cookie_mss[i] > mss)
		i--;
	return i;
}

/* The clock with its low bits replaced, not in the future. */
static uint32_t tcp_cookie_ts(const struct stack *st, const struct tcp_req *req)
{
	uint32_t mask = (1u << COOKIE_TS_BITS) - 1;
	uint32_t bits = COOKIE_TS_NO_WSCALE, now = tcp_ts_clock(st), ts;

	if (tcp_req_has_wscale(req))
		bits = req->wscales & 15;
	if (req->flags & TCP_REQ_SACK)
		bits |= COOKIE_TS_SACK;
	if (req->flags & TCP_REQ_ECN)
		bits |= COOKIE_TS_ECN;
	ts = (now & ~mask) | bits;
	return seq_gt(ts, now) ? ts - (mask + 1) : ts;
}

void tcp_cookie_synack(struct tcp_conn *listener, const struct tcp_seg *seg)
{
	struct stack *st = listener->sk.stack;
	struct tcp_req_opts with_opts;
	struct tcp_req *req = &with_opts.req;

	tcp_req_opts_init(&with_opts, listener, seg);
	/* Without the timestamp to remember them in, nothing else is agreed. */
	if (!(req->flags & TCP_REQ_TS)) {
		req->flags = 0;
		req->wscales = TCP_REQ_NO_WSCALE;
	}
	req->iss = tcp_cookie_make(st, &req->node, req->irs, tcp_cookie_mss_index(req->mss_peer));
	listener->listen->cookie_s = (uint32_t)(st->eng->now_ns / TCP_NS_PER_S) + 1;
	mib_inc(st, MIB_TcpExtSyncookiesSent);
	tcp_req_synack(st, req, tcp_cookie_ts(st, req));
}

/* Cookies may be under way. */
static bool tcp_cookie_is_due(const struct tcp_conn *listener)
{
	const struct stack *st = listener->sk.stack;
	uint32_t now_s = (uint32_t)(st->eng->now_ns / TCP_NS_PER_S) + 1;
	uint32_t last_s = listener->listen->cookie_s;

	return st->tcp->conf.syncookies && last_s &&
	       now_s - last_s <= COOKIE_PERIOD_S * COOKIE_AGE_MAX;
}

/* What the timestamp that the peer echoes says of its SYN. */
static bool tcp_cookie_options(struct stack *st, struct tcp_req *req, const struct tcp_seg *seg)
{
	const struct tcp_conf *conf = &st->tcp->conf;
	uint32_t ts, age;

	/* Without a timestamp nothing tells when the SYN-ACK left: as if it had been repeated. */
	req->n_retries = 1;
	req->due_ms = tcp_clock_ms(st) + tcp_req_timeout_ms(req);
	if (!seg->opts.has_ts)
		return true;
	ts = seg->opts.ts_ecr - tcp_ts_offset(st, &req->node);
	if (!conf->timestamps || seq_gt(ts, tcp_ts_clock(st)))
		return false;
	req->flags |= TCP_REQ_TS;
	req->ts_recent = seg->opts.ts_val;
	/* The low bits are not the clock's, which with long ticks leaves nothing to measure; and
	 * the peer may have echoed anything, but no cookie is older than two periods. */
	age = tcp_ts_clock(st) - ts;
	if (conf->ts_tick_ms == 1 && age < COOKIE_AGE_MAX * COOKIE_PERIOD_S * 1000) {
		req->n_retries = 0;
		req->due_ms = ts + tcp_req_timeout_ms(req);
	}
	if (ts & COOKIE_TS_SACK)
		req->flags |= TCP_REQ_SACK;
	if ((ts & COOKIE_TS_ECN) && conf->ecn)
		req->flags |= TCP_REQ_ECN;
	if ((ts & 15) != COOKIE_TS_NO_WSCALE) {
		req->wscales = (uint8_t)((uint32_t)tcp_wscale_offer(conf) << 4 |
					 tcp_min(ts & 15, TCP_WSCALE_MAX));
	}
	return (!(req->flags & TCP_REQ_SACK) || conf->sack) &&
	       (!tcp_req_has_wscale(req) || conf->window_scaling);
}

enum drop tcp_cookie_ack(struct tcp_conn *listener, struct tcp_seg *seg)
{
	struct stack *st = listener->sk.stack;
	struct tcp_req_opts with_opts; /* those of this ACK: the SYN's are not in the cookie */
	struct tcp_req *found = &with_opts.req, *req;
	uint32_t data;

	if (!tcp_cookie_is_due(listener))
		return DROP_TCP_NO_SOCKET;
	tcp_req_opts_init(&with_opts, listener, seg);
	found->irs = seg->seq - 1;
	found->iss = seg->ack - 1;
	found->flags = 0;
	found->wscales = TCP_REQ_NO_WSCALE;
	if (!tcp_cookie_read(st, &found->node, found->irs, found->iss, &data) ||
	    !tcp_cookie_options(st, found, seg)) {
		mib_inc(st, MIB_TcpExtSyncookiesFailed);
		/* RFC-DEVIATION: RFC 9293 §3.10.7.2: data and FIN are not reset then. What went
		 * before, with the cookie, may be lost and come again. */
		return seg->len > 0 || (seg->flags & TCP_F_FIN) ? DROP_TCP_COOKIE
								: DROP_TCP_NO_SOCKET;
	}
	found->mss_peer = cookie_mss[data];
	mib_inc(st, MIB_TcpExtSyncookiesRecv);
	/* The entry that was never kept, for a moment. */
	if (tcp_req_insert(&with_opts, &req) < 0)
		return DROP_NOMEM;
	return tcp_req_complete(st, req, seg, true);
}
