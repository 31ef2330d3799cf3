/* SPDX-License-Identifier: MIT */
/*
 * Congestion control: pure functions from an event to a window and a pacing rate.
 *
 * A controller sees `struct cc_state`, its own memory behind `priv`, and what happened, and changes
 * the state; it knows no connection, clock, packet or timer, so it is tested with tables of events.
 * Loss detection, retransmission, the window while losses are repaired (PRR) and "how much is in
 * flight" are TCP's.
 *
 * Who sets the window:
 *
 *	                   ordinary controls             with CC_OWN_CWND (BBR)
 *	nothing is lost    on_ack(), when the window     on_ack(), every ACK that tells of a
 *	                   was what limited us           delivery
 *	a loss is found    on_loss(): ssthresh, cwnd     on_loss() notes it
 *	in recovery        TCP                           on_ack()
 *	recovery ends      on_recovered(): cwnd          on_recovered() notes it
 *	loss was none      on_undo()                     on_undo()
 *
 * Times are the engine's nanoseconds, rates bytes a second, windows bytes. All is integer
 * arithmetic: the same events give the same windows on every machine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct cc_ops;

struct cc_state {
	uint32_t cwnd;     /* bytes */
	uint32_t ssthresh; /* bytes; UINT32_MAX: not known yet */
	uint32_t acked;    /* bytes acknowledged since cwnd last grew, in congestion avoidance */
	uint32_t mss;      /* bytes; follows the connection's */
	const struct cc_ops *ops;
	void *priv; /* ops->priv_bytes, 8-aligned; NULL: no data was sent yet, and no event comes */
};

/* What a round trip said of the path (draft-ietf-ccwg-ack-rate-sampling): from the time that the
 * newest segment this ACK acknowledges was sent. */
struct cc_sample {
	uint64_t total_bytes; /* delivered on this connection so far */
	uint64_t prior_bytes; /* the same when that segment was sent */
	uint64_t
		delivered_bytes; /* their difference, less what was delivered before the interval */
	int64_t interval_ns;     /* in which they were delivered; 0: no valid sample */
	uint64_t lost_total_bytes;   /* marked lost on this connection so far */
	uint64_t prior_lost_bytes;   /* the same when that segment was sent */
	uint32_t tx_in_flight_bytes; /* just after that segment was sent; 0: not known */
	uint32_t newly_bytes;        /* delivered by this ACK */
	uint32_t newly_lost_bytes;   /* marked lost by this ACK */
	uint32_t rtt_us;             /* of this ACK; 0: not measured */
	bool is_app_limited;         /* the application, not the path, set the rate */
	bool has_no_sack;            /* not more than one loss a round trip can be seen */
	bool is_ack_delayed;         /* the peer waited for more before it acknowledged */
};

enum cc_phase {
	CC_OPEN,
	CC_RECOVERY, /* fast recovery */
	CC_LOSS,     /* after a timeout */
};

/* New data was acknowledged while nothing is being recovered; with CC_OWN_CWND: anything was
 * delivered. */
struct cc_ack {
	int64_t now_ns;
	uint32_t acked_bytes;  /* of new data at snd_una */
	uint32_t flight_bytes; /* before this ACK */
	uint32_t srtt_us;
	bool is_cwnd_limited; /* the window, not the application or the peer, held data back */
	bool is_ece;          /* the peer echoes a congestion mark */
	uint8_t phase;        /* enum cc_phase, after this ACK */
	uint32_t una, nxt;    /* numbers after this ACK: what a round trip is counted by */
	uint32_t pipe_bytes;  /* in the network after this ACK */
	struct cc_sample rate;
};

/* Something was lost, or marked. */
struct cc_loss {
	int64_t now_ns;
	uint32_t flight_bytes; /* outstanding when the loss was found */
	bool is_timeout;
	bool is_repeated; /* a timeout of a segment that timed out before (RFC 5681 §3.1) */
	bool is_ecn;      /* no loss but a mark (RFC 3168 §6.1.2): once a window at most */
	uint32_t nxt;     /* snd_nxt */
};

/* A transmission was held lost: what was known of it. Once for each, before the events of the ACK
 * or timer that told of it. */
struct cc_lost {
	int64_t now_ns;
	uint64_t lost_bytes;         /* marked lost since it was sent, with it */
	uint32_t seq, end;           /* its numbers */
	uint32_t tx_in_flight_bytes; /* just after it was sent; 0: not known */
	bool is_app_limited;
	bool has_no_sack; /* as in a sample */
};

/* The last loss was none (RFC 5682, RFC 3522): what TCP kept from before it. */
struct cc_undo {
	int64_t now_ns;
	uint32_t prior_cwnd, prior_ssthresh;
};

/* The first data after nothing was in flight. */
struct cc_restart {
	int64_t now_ns;
	uint64_t total_bytes; /* delivered so far */
	bool is_app_limited;
};

/* Figures beside the window, as `ss -i` shows them. */
struct cc_info {
	uint64_t bw_Bps;          /* BBR: bottleneck's rate; 0: not a figure of this control */
	uint32_t min_rtt_us;      /* with bw_Bps */
	uint16_t pacing_gain_256; /* with bw_Bps: in 256ths */
	uint16_t cwnd_gain_256;
	uint16_t alpha_1024; /* DCTCP, with has_alpha: fraction of marked bytes */
	bool has_bw, has_alpha;
};

/* cc_ops->flags */
enum {
	CC_OWN_CWND = 1 << 0,    /* sets cwnd itself, in recovery too */
	CC_PACED = 1 << 1,       /* segments leave at pacing_rate() */
	CC_ECN = 1 << 2,         /* asks for ECN, whatever tcp_ecn says */
	CC_ECN_EXACT = 1 << 3,   /* the receiver echoes each change of marks (RFC 8257 §3.2) */
	CC_PACED_START = 1 << 4, /* large windows of slow start are paced, on long paths */
	/* on_ack() without is_cwnd_limited is on_restart(), of which only the time counts. */
	CC_REST = 1 << 5,
};

struct cc_ops {
	const char *name;
	uint16_t priv_bytes;
	uint16_t flags; /* CC_* */
	/* Its memory, zeroed, is there: before the first data, or when a connection changes its
	 * control. May be NULL, as all below. */
	void (*init)(struct cc_state *cc, int64_t now_ns, uint32_t srtt_us, uint32_t nxt);
	void (*on_ack)(struct cc_state *cc, const struct cc_ack *ev);
	/* Recovery or the loss state begins, or a mark was echoed: sets ssthresh, and cwnd for what
	 * follows unless TCP has a better idea (PRR). */
	void (*on_loss)(struct cc_state *cc, const struct cc_loss *ev);
	void (*on_lost)(struct cc_state *cc, const struct cc_lost *ev);
	/* Fast recovery has ended. */
	void (*on_recovered)(struct cc_state *cc);
	void (*on_undo)(struct cc_state *cc, const struct cc_undo *ev);
	/* Nothing was sent for `idle_us`, with a retransmission timeout of `rto_us`. */
	void (*on_idle)(struct cc_state *cc, uint64_t idle_us, uint32_t rto_us);
	void (*on_restart)(struct cc_state *cc, const struct cc_restart *ev);
	/* Bytes a second; 0: as fast as the window allows. */
	uint64_t (*pacing_rate)(const struct cc_state *cc);
	/* It keeps the window small on purpose: what is delivered meanwhile is no measure. */
	bool (*limits_itself)(const struct cc_state *cc);
	void (*info)(const struct cc_state *cc, struct cc_info *ret);
};

enum {
	CC_INITIAL_WINDOW = 10, /* segments, RFC 6928 */
	CC_CWND_MAX = 1 << 30,
	CC_COUNT = 6,     /* controls there are */
	CC_NAME_MAX = 16, /* with the NUL; Linux's TCP_CA_NAME_MAX */
};

extern const struct cc_ops cc_tahoe;
extern const struct cc_ops cc_newreno;
extern const struct cc_ops cc_cubic;
extern const struct cc_ops cc_bbr;
extern const struct cc_ops cc_bbr3;
extern const struct cc_ops cc_dctcp;

/* All of them: what TCP_CONGESTION and tcp_available_congestion_control name. NULL: no such
 * number or name. Number 0 is the default. */
const struct cc_ops *cc_at(size_t i);
const struct cc_ops *cc_find(const char *name);
size_t cc_index(const struct cc_ops *ops);

/* A new connection, without the control's memory. */
void cc_init(struct cc_state *cc, const struct cc_ops *ops, uint32_t mss);
/* The segment size changed (path MTU); the window keeps its number of bytes, at least a segment. */
void cc_set_mss(struct cc_state *cc, uint32_t mss);

/* What TCP calls: each passes the event on to the control, if there is one that can take it. */

static inline bool cc_is_ready(const struct cc_state *cc)
{
	return cc->priv || cc->ops->priv_bytes == 0;
}

static inline void cc_on_ack(struct cc_state *cc, const struct cc_ack *ev)
{
	if (cc->ops->on_ack && cc_is_ready(cc))
		cc->ops->on_ack(cc, ev);
}

static inline void cc_on_loss(struct cc_state *cc, const struct cc_loss *ev)
{
	if (cc->ops->on_loss && cc_is_ready(cc))
		cc->ops->on_loss(cc, ev);
}

static inline void cc_on_lost(struct cc_state *cc, const struct cc_lost *ev)
{
	if (cc->ops->on_lost && cc_is_ready(cc))
		cc->ops->on_lost(cc, ev);
}

static inline void cc_on_recovered(struct cc_state *cc)
{
	if (cc->ops->on_recovered && cc_is_ready(cc))
		cc->ops->on_recovered(cc);
}

static inline void cc_on_undo(struct cc_state *cc, const struct cc_undo *ev)
{
	if (cc->ops->on_undo && cc_is_ready(cc))
		cc->ops->on_undo(cc, ev);
}

static inline void cc_on_idle(struct cc_state *cc, uint64_t idle_us, uint32_t rto_us)
{
	if (cc->ops->on_idle && cc_is_ready(cc))
		cc->ops->on_idle(cc, idle_us, rto_us);
}

static inline void cc_on_restart(struct cc_state *cc, const struct cc_restart *ev)
{
	if (cc->ops->on_restart && cc_is_ready(cc))
		cc->ops->on_restart(cc, ev);
}

static inline uint64_t cc_pacing_rate(const struct cc_state *cc)
{
	return cc->ops->pacing_rate && cc_is_ready(cc) ? cc->ops->pacing_rate(cc) : 0;
}
