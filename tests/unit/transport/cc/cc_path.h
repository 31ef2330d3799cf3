/* SPDX-License-Identifier: MIT */
/*
 * A path for controls alone: one sender that always has data, a bottleneck with a queue, a constant
 * delay. No stack; losses are known when the next segment is acknowledged. Written for the tests of
 * BBR, whose model it can be asked about: what was in flight, at which rate, when.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transport/cc/cc.h"
#include "unit.h"

enum {
	PATH_MSS = 1000,
	PATH_PKTS = 1 << 16, /* in flight, at most */
};

#define PATH_SEC 1000000000LL
#define PATH_MS  1000000LL

struct path_pkt {
	int64_t tx_ns, ack_ns, delivered_ns, first_tx_ns;
	uint64_t delivered, lost;
	uint32_t in_flight;
	bool is_lost, is_marked;
};

struct path {
	struct cc_state cc;
	uint64_t priv[128];
	/* the path */
	uint64_t rate_Bps;
	int64_t rtt_ns;
	uint64_t buffer_bytes;
	uint64_t mark_bytes; /* more before a segment: it is marked; 0: none is */
	/* the sender */
	struct path_pkt pkts[PATH_PKTS];
	uint32_t head, tail; /* wrap */
	uint32_t flight;
	int64_t now_ns, send_ns, free_ns;
	int64_t delivered_ns, first_tx_ns;
	uint64_t delivered, lost, marked;
	uint32_t min_rtt_us;
	uint32_t una, nxt;
	uint32_t cwr_end; /* marks up to here have been told of */
	uint32_t recover; /* index of the packet that ends the recovery */
	enum cc_phase phase;
	bool is_app_limited;
	/* what was seen */
	uint32_t flight_max, flight_min;
	int64_t queue_max_ns;
};

static inline struct path *path_new(const struct cc_ops *ops, uint64_t rate_Bps, int64_t rtt_ns,
				    uint64_t buffer_bytes)
{
	struct path *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	assert_true(ops->priv_bytes <= sizeof(p->priv));
	p->rate_Bps = rate_Bps;
	p->rtt_ns = rtt_ns;
	p->buffer_bytes = buffer_bytes;
	p->min_rtt_us = UINT32_MAX;
	p->now_ns = PATH_SEC;
	cc_init(&p->cc, ops, PATH_MSS);
	p->cc.priv = p->priv;
	if (ops->init)
		ops->init(&p->cc, p->now_ns, (uint32_t)(rtt_ns / 1000), 12345);
	return p;
}

static inline void path_send(struct path *p)
{
	struct path_pkt *k = &p->pkts[p->tail++ % PATH_PKTS];
	uint64_t rate = cc_pacing_rate(&p->cc);
	int64_t queue_ns;

	if (p->flight == 0)
		p->first_tx_ns = p->delivered_ns = p->now_ns;
	p->free_ns = p->free_ns > p->now_ns ? p->free_ns : p->now_ns;
	queue_ns = p->free_ns - p->now_ns;
	p->flight += PATH_MSS;
	p->nxt += PATH_MSS;
	*k = (struct path_pkt){
		.tx_ns = p->now_ns,
		.delivered = p->delivered,
		.delivered_ns = p->delivered_ns,
		.first_tx_ns = p->first_tx_ns,
		.lost = p->lost,
		.in_flight = p->flight,
		.is_lost = (uint64_t)queue_ns * p->rate_Bps / PATH_SEC > p->buffer_bytes,
	};
	k->is_marked = p->mark_bytes && (uint64_t)queue_ns * p->rate_Bps / PATH_SEC > p->mark_bytes;
	if (!k->is_lost)
		p->free_ns += PATH_MSS * PATH_SEC / (int64_t)p->rate_Bps;
	if (!k->is_lost && queue_ns > p->queue_max_ns)
		p->queue_max_ns = queue_ns;
	k->ack_ns = p->free_ns + p->rtt_ns;
	if (rate)
		p->send_ns = p->now_ns + PATH_MSS * PATH_SEC / (int64_t)rate;
	p->flight_max = p->flight > p->flight_max ? p->flight : p->flight_max;
}

static inline uint32_t path_lose(struct path *p)
{
	uint32_t n = 0;

	while (p->head != p->tail && p->pkts[p->head % PATH_PKTS].is_lost) {
		const struct path_pkt *k = &p->pkts[p->head % PATH_PKTS];
		uint32_t seq = p->nxt - (p->tail - p->head) * PATH_MSS;

		p->head++;
		n += PATH_MSS;
		p->lost += PATH_MSS;
		cc_on_lost(&p->cc, &(struct cc_lost){.now_ns = p->now_ns,
						     .lost_bytes = p->lost - k->lost,
						     .seq = seq,
						     .end = seq + PATH_MSS,
						     .tx_in_flight_bytes = k->in_flight});
	}
	p->flight -= n;
	if (n > 0 && p->phase == CC_OPEN) {
		cc_on_loss(&p->cc, &(struct cc_loss){.now_ns = p->now_ns,
						     .flight_bytes = p->flight + n,
						     .nxt = p->nxt});
		p->phase = CC_RECOVERY;
		p->recover = p->tail;
	}
	return n;
}

static inline void path_ack(struct path *p)
{
	struct path_pkt k;
	struct cc_ack ev = {.flight_bytes = p->flight};
	int64_t send_ns, ack_ns;

	ev.rate.newly_lost_bytes = path_lose(p);
	k = p->pkts[p->head++ % PATH_PKTS];
	p->flight -= PATH_MSS;
	p->delivered += PATH_MSS;
	p->delivered_ns = p->now_ns;
	p->first_tx_ns = k.tx_ns;
	p->una = p->nxt - (p->tail - p->head) * PATH_MSS;
	if (p->phase == CC_RECOVERY && (int32_t)(p->head - p->recover) >= 0) {
		p->phase = CC_OPEN;
		cc_on_recovered(&p->cc);
	}
	if (k.is_marked && (int32_t)(p->una - p->cwr_end) >= 0) {
		cc_on_loss(&p->cc, &(struct cc_loss){.now_ns = p->now_ns,
						     .flight_bytes = p->flight + PATH_MSS,
						     .is_ecn = true,
						     .nxt = p->nxt});
		p->cwr_end = p->nxt;
	}
	p->marked += k.is_marked ? PATH_MSS : 0;
	send_ns = k.tx_ns - k.first_tx_ns;
	ack_ns = p->now_ns - k.delivered_ns;
	ev.now_ns = p->now_ns;
	ev.acked_bytes = PATH_MSS;
	ev.srtt_us = (uint32_t)((p->now_ns - k.tx_ns) / 1000);
	ev.is_cwnd_limited = p->flight + 2 * PATH_MSS > p->cc.cwnd;
	ev.phase = (uint8_t)p->phase;
	ev.una = p->una;
	ev.nxt = p->nxt;
	ev.pipe_bytes = p->flight;
	ev.rate.total_bytes = p->delivered;
	ev.rate.prior_bytes = k.delivered;
	ev.rate.delivered_bytes = p->delivered - k.delivered;
	ev.rate.interval_ns = send_ns > ack_ns ? send_ns : ack_ns;
	ev.rate.lost_total_bytes = p->lost;
	ev.rate.prior_lost_bytes = k.lost;
	ev.rate.tx_in_flight_bytes = k.in_flight;
	ev.rate.newly_bytes = PATH_MSS;
	ev.rate.rtt_us = ev.srtt_us;
	ev.rate.is_app_limited = p->is_app_limited;
	if (ev.rate.rtt_us < p->min_rtt_us)
		p->min_rtt_us = ev.rate.rtt_us;
	if (ev.rate.interval_ns < (int64_t)p->min_rtt_us * 1000)
		ev.rate.interval_ns = 0;
	if ((p->cc.ops->flags & CC_OWN_CWND) || p->phase == CC_OPEN)
		cc_on_ack(&p->cc, &ev);
	p->flight_min = p->flight < p->flight_min ? p->flight : p->flight_min;
}

/* The path works for `ns`, with what was seen counted anew. */
static inline void path_run(struct path *p, int64_t ns)
{
	int64_t end_ns = p->now_ns + ns;

	p->flight_max = 0;
	p->flight_min = UINT32_MAX;
	p->queue_max_ns = 0;
	while (p->now_ns < end_ns) {
		bool can_send = p->flight + PATH_MSS <= p->cc.cwnd;
		int64_t send_ns = p->send_ns > p->now_ns ? p->send_ns : p->now_ns;
		uint32_t i = p->head;

		while (i != p->tail && p->pkts[i % PATH_PKTS].is_lost)
			i++;
		if (i == p->tail && p->head != p->tail && !can_send) {
			/* All of it was lost: found out after a while. */
			p->now_ns += p->rtt_ns;
			(void)path_lose(p);
			continue;
		}
		if (can_send && (i == p->tail || send_ns <= p->pkts[i % PATH_PKTS].ack_ns)) {
			if (send_ns > end_ns)
				break;
			p->now_ns = send_ns;
			path_send(p);
			continue;
		}
		if (p->pkts[i % PATH_PKTS].ack_ns > end_ns)
			break;
		p->now_ns = p->pkts[i % PATH_PKTS].ack_ns;
		path_ack(p);
	}
	p->now_ns = end_ns;
}

static inline uint64_t path_bdp(const struct path *p)
{
	return p->rate_Bps * (uint64_t)p->rtt_ns / PATH_SEC;
}

static inline struct cc_info path_info(const struct path *p)
{
	struct cc_info info = {0};

	p->cc.ops->info(&p->cc, &info);
	return info;
}
