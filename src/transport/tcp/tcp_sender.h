/* SPDX-License-Identifier: MIT */
/*
 * How much is sent, and what of it is lost: the inside of TCP (tcp_priv.h) that only a sender has
 * to do with. One section a file.
 */
#pragma once

#include "transport/tcp/tcp_priv.h"

/* tcp_cc.c: congestion control of a connection, and what only a sender needs */

enum tcp_chrono {
	TCP_CHRONO_NONE,
	TCP_CHRONO_BUSY,   /* data in flight or waiting */
	TCP_CHRONO_RWND,   /* the same, and the peer's window holds it back */
	TCP_CHRONO_SNDBUF, /* the same, and the send buffer is too small for the window */
	TCP_CHRONO_N,
};

/* tcp_early_retrans; the others are off */
enum {
	TCP_TLP_ON = 3,
	TCP_TLP_ON_TOO = 4,
};

/* tcp_sender->marks */
enum {
	TCP_SND_TLP = 1 << 0,        /* a loss probe is in flight */
	TCP_SND_TLP_AGAIN = 1 << 1,  /* it was a retransmission */
	TCP_SND_UNDO = 1 << 2,       /* the last reduction can be taken back */
	TCP_SND_UNDO_AGAIN = 1 << 3, /* something was sent again since */
	TCP_SND_FRTO = 1 << 4,       /* the timeout may have been spurious (RFC 5682) */
	TCP_SND_FRTO_NEW = 1 << 5,   /* its step 2.b: new data goes before any retransmission */
	TCP_SND_LOST_AGAIN = 1 << 6, /* what was sent again since the last reduction is lost */
};

/* Memory of a connection that has sent data, with the control's at its end. */
struct tcp_sender {
	/* delivery (tcp_rate.c) */
	uint64_t delivered_bytes;
	uint64_t lost_bytes;
	uint64_t app_limited; /* up to which delivered_bytes the application sets the rate; 0: no */
	int64_t delivered_ns; /* when delivered_bytes grew last */
	int64_t first_tx_ns;  /* when the segment that was acknowledged last was sent */
	uint64_t rate_Bps;    /* the largest of late; for TCP_INFO */
	/* pacing (tcp_pace.c) */
	uint64_t pacing_max_Bps; /* SO_MAX_PACING_RATE; UINT64_MAX: none */
	int64_t pace_ns;         /* when the next segment may leave */
	/* ECN (tcp_ecn.c) */
	uint32_t cwr_high;     /* snd_nxt when the window was last made smaller for a mark */
	uint32_t delivered_ce; /* segments acknowledged with a mark */
	/* recovery (tcp_rack.c, tcp_prr.c, tcp_undo.c, tcp_recover.c) */
	int64_t rack_ns;      /* when what left last of all that has arrived left */
	int64_t reduced_ns;   /* when the last recovery began, or reduced the window once more */
	uint32_t rack_end;    /* where that ended */
	uint32_t rack_rtt_us; /* the round trip of what arrived last */
	/* the send buffer (tcp_ack.c) */
	uint32_t near_us[2]; /* least round trip of this period and of the one before; 0: none */
	uint32_t near_ms;    /* engine milliseconds, wraps: when this period began */
	uint32_t reo_round;  /* snd_nxt when the reordering window grew last */
	uint32_t tlp_high;   /* with TLP: snd_nxt when the probe was sent */
	uint32_t prr_cwnd;   /* the window before the reduction; 0: no reduction */
	uint32_t prr_delivered;
	uint32_t prr_out;
	uint32_t undo_una;   /* with UNDO: snd_una when the window was reduced */
	uint32_t undo_bytes; /* the same: sent again since and not reported as duplicates */
	uint32_t prior_cwnd; /* the same: window and threshold before */
	uint32_t prior_ssthresh;
	uint32_t again_ts;  /* with UNDO_AGAIN: our timestamp of the first retransmission */
	uint8_t marks;      /* TCP_SND_* */
	uint8_t reo_steps;  /* by which the reordering window is larger, in quarters */
	uint8_t reo_keep;   /* recoveries for which it still is */
	bool rack_has_news; /* something arrived since the last look for losses */
	/* times with something to send (TCP_INFO) */
	int64_t chrono_ns; /* when `chrono` began */
	int64_t chronos_ns[TCP_CHRONO_N - 1];
	uint32_t usage_seq; /* what TCPC_CWND_LIMITED tells of ends when this is acknowledged */
	uint8_t chrono;     /* enum tcp_chrono */
	bool is_pace_held;  /* the timer waits for pace_ns, or is late */
	bool is_cwr;        /* until cwr_high is acknowledged */
	bool is_rate_app_limited;
	uint16_t n_cc;         /* bytes of the control's memory */
	struct tcp_mtup *mtup; /* NULL: the path MTU was not searched yet */
	struct tcp_cwv *cwv;   /* NULL: whether the window is used is not asked */
	uint64_t cc[];
};

/* NULL: no data was sent yet, and nothing set that must be kept there. */
static inline struct tcp_sender *tcp_sender(const struct tcp_conn *conn)
{
	return conn->cc.priv ? container_of(conn->cc.priv, struct tcp_sender, cc) : NULL;
}
static inline uint8_t tcp_snd_marks(const struct tcp_conn *conn)
{
	const struct tcp_sender *snd = tcp_sender(conn);

	return snd ? snd->marks : 0;
}
/* The block exists from now on. NULL: no memory. */
struct tcp_sender *tcp_sender_get(struct tcp_conn *conn);
void tcp_sender_free(struct tcp_conn *conn);
/* Congestion control begins, with the initial window. */
void tcp_cc_start(struct tcp_conn *conn);
/* Another control from now on. 0 or -ENOMEM. */
int tcp_cc_set(struct tcp_conn *conn, const struct cc_ops *ops) MUST_CHECK;
/* New data was acknowledged while nothing is being recovered. */
void tcp_cc_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev);
/* What holds the sender back has changed. */
void tcp_chrono_set(struct tcp_conn *conn, enum tcp_chrono chrono);
int64_t tcp_chrono_ns(const struct tcp_conn *conn, enum tcp_chrono chrono);

/* tcp_cwv.c: windows that are not used (RFC 7661); its names */

struct tcp_cwv {
	int64_t valid_ns;     /* when the window was last validated, or halved */
	int64_t half_ns;      /* when the half of most[0] began */
	uint64_t rexmt_bytes; /* with is_repairing: bytes_rexmt before */
	uint32_t most[2];     /* acknowledged in a round trip of this half, and of the last one */
	uint32_t sample_una;  /* snd_una and snd_nxt when this round trip began */
	uint32_t sample_end;
	bool is_defined;   /* there was a sample since the last recovery */
	bool is_repairing; /* a recovery of a window that was not validated */
};
void tcp_cwv_free(struct tcp_conn *conn);
/* The window may grow by what is acknowledged. There is a sender. */
bool tcp_cwv_may_grow(struct tcp_conn *conn) MUST_CHECK;
/* So much new data was acknowledged; there is a sender. */
void tcp_cwv_on_ack(struct tcp_conn *conn, uint32_t acked);
/* Data waits to be sent: the window was not used for too long? */
void tcp_cwv_before_send(struct tcp_conn *conn);
/* A recovery begins, there is a sender. Returns what is to be held in flight: `flight`, or more. */
uint32_t tcp_cwv_on_loss(struct tcp_conn *conn, uint32_t flight) MUST_CHECK;
/* It is over; or it was none, or has become another. */
void tcp_cwv_recovered(struct tcp_conn *conn, bool is_undone);

/* tcp_ecn.c */

/* DCTCP: marks are echoed one by one. */
bool tcp_ecn_is_exact(const struct tcp_conn *conn);
/* What the SYN, or the SYN-ACK, says of it. */
uint16_t tcp_ecn_syn_flags(struct tcp_conn *conn, bool is_reply, bool is_again);
/* The peer's SYN-ACK, or a SYN that crosses ours. */
void tcp_ecn_learn(struct tcp_conn *conn, const struct tcp_seg *seg);
/* A listener agrees to what the SYN asks for. */
bool tcp_ecn_accepts(const struct tcp_conn *listener, const struct tcp_seg *seg);
/* A segment leaves: adds ECE and CWR; returns its IP_ECN_*. */
uint8_t tcp_ecn_output(struct tcp_conn *conn, bool is_new_data, uint16_t *flags);
/* Data comes in, before it is queued. */
void tcp_ecn_input(struct tcp_conn *conn, const struct tcp_seg *seg);
/* The window was made smaller for a mark, and that window is not over. */
bool tcp_ecn_is_reducing(const struct tcp_conn *conn);
/* The window was made smaller: new data tells so. */
void tcp_ecn_reduced(struct tcp_conn *conn);
/* The end of an ACK, with or without a mark. */
void tcp_ecn_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev);

/* tcp_rate.c */

/* `rec` leaves now: notes what its sample will be measured from. */
void tcp_rate_stamp(struct tcp_conn *conn, struct tcp_txrec *rec);
/* `n` numbers of it have arrived, or are held lost. */
void tcp_rate_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t n,
			struct tcp_ack_event *ev);
void tcp_rate_lost(struct tcp_conn *conn, const struct tcp_txrec *rec);
/* Both of these for an ACK of all that is in flight, `rec`, which was sent once, where the control
 * does not set the window itself. */
void tcp_rate_on_plain_ack(struct tcp_conn *conn, const struct tcp_txrec *rec);
/* The application is about to write: had it nothing to send until now? */
void tcp_rate_check_app(struct tcp_conn *conn);
/* Round trip of what this ACK acknowledges, microseconds; 0: none to be measured. */
uint32_t tcp_rate_rtt_us(const struct tcp_conn *conn, const struct tcp_ack_event *ev);
/* The end of an ACK: makes the sample, and tells the control that sets the window itself. */
void tcp_rate_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev);

/* tcp_pace.c */

bool tcp_is_paced(const struct tcp_conn *conn);
/* Bytes a second, whether paced or not; UINT64_MAX: not known. */
uint64_t tcp_pace_rate(const struct tcp_conn *conn);
/* Nothing may be sent yet; tcp_output() will be called when it may. */
bool tcp_pace_holds(struct tcp_conn *conn);
void tcp_pace_sent(struct tcp_conn *conn, uint32_t bytes);
/* 0: nothing waits. */
int64_t tcp_pace_deadline_ns(const struct tcp_conn *conn);
void tcp_pace_fire(struct tcp_conn *conn);
/* SO_MAX_PACING_RATE. 0 or -ENOMEM. */
int tcp_pace_set_max(struct tcp_conn *conn, uint64_t Bps) MUST_CHECK;

/* tcp_txq.c */

/* The block for records exists: before anything is sent. False: no memory. */
bool tcp_txq_open(struct tcp_conn *conn) MUST_CHECK;
void tcp_txq_free(struct tcp_conn *conn);
/* tcp->txqs, where tcp_txq_free() keeps some. */
void tcp_txq_init(struct tcp *tcp);
/* tcp_txq_sent() of one segment when nothing is in flight. */
void tcp_txq_sent_first(struct tcp_conn *conn, uint32_t len);
/* `len` new numbers from snd_nxt on have left, in `n_segs` segments; snd_nxt moves after. */
void tcp_txq_sent(struct tcp_conn *conn, uint32_t len, uint32_t n_segs);
/* Numbers in flight have left again. */
void tcp_txq_again(struct tcp_conn *conn, uint32_t seq, uint32_t len);
/* Index of the first record that ends after `seq`. */
uint32_t tcp_txq_find(const struct tcp_txq *q, uint32_t seq);
/* Record `i` ends at `seq`, which is inside of it, and the next begins there. False: no room. */
bool tcp_txq_split(struct tcp_conn *conn, uint32_t i, uint32_t seq) MUST_CHECK;
/* The peer holds [start, end), which lies within what is in flight. Returns how many numbers are
 * news; tcp_ack_delivered() is called for each. */
uint32_t tcp_txq_hold(struct tcp_conn *conn, uint32_t start, uint32_t end,
		      struct tcp_ack_event *ev);
/* snd_una has moved: drops what lies before. False: the peer has let go of what it held. */
bool tcp_txq_ack(struct tcp_conn *conn, struct tcp_ack_event *ev) MUST_CHECK;
/* Record `i` is held lost as it was sent last. */
void tcp_txq_lose(struct tcp_conn *conn, uint32_t i);
/* What lies below `limit` and is not held is lost, unless it was found lost before; and all. */
void tcp_txq_lose_below(struct tcp_conn *conn, uint32_t limit);
void tcp_txq_lose_all(struct tcp_conn *conn);
/* Nothing is held lost any more. */
void tcp_txq_unlose_all(struct tcp_conn *conn);
/* The first numbers that are lost and have not been sent again. */
bool tcp_txq_next_lost(struct tcp_conn *conn, uint32_t *ret_seq, uint32_t *ret_end) MUST_CHECK;
/* Aborts the program when an invariant does not hold; for tests. */
void tcp_txq_check(const struct tcp_conn *conn);

static inline uint32_t tcp_held_bytes(const struct tcp_conn *conn)
{
	return conn->txq ? conn->txq->held_bytes : 0;
}

/* One past the highest number held; snd_una when none. */
static inline uint32_t tcp_held_top(const struct tcp_conn *conn)
{
	return tcp_held_bytes(conn) > 0 ? conn->txq->held_top : conn->snd_una;
}

/* tcp_sack.c: what the blocks of an ACK say */

/* Notes the blocks of an ACK. Returns the bytes that are new. */
uint32_t tcp_sack_update(struct tcp_conn *conn, const struct tcp_seg *seg,
			 struct tcp_ack_event *ev);
/* What has arrived shows how far the network reorders. */
void tcp_sack_reordering(struct tcp_conn *conn, const struct tcp_ack_event *ev);
void tcp_sack_reordering_by_echo(struct tcp_conn *conn, const struct tcp_ack_event *ev);
/* DupThresh: as far as the network has been seen to reorder, but not so far that what is in flight
 * could never show a loss (RFC 4653 §3.2, "aggressive": two thirds of it). */
uint32_t tcp_dup_thresh(const struct tcp_conn *conn);
/* Everything not held below this is lost by RFC 6675's IsLost(); snd_una when nothing is. */
uint32_t tcp_sack_lost_end(const struct tcp_conn *conn);

/* tcp_recover.c */

/* An ACK told of something; `ev->has_reo_timer` is set when the timer is RACK's from now on. */
void tcp_recover_on_ack(struct tcp_conn *conn, struct tcp_ack_event *ev);
/* The retransmission timer has fired: everything not held is lost. */
void tcp_recover_on_timeout(struct tcp_conn *conn);
/* RACK's timer has found `lost` bytes lost. */
void tcp_recover_on_reo_timeout(struct tcp_conn *conn, uint32_t lost);
/* A loss probe has repaired a loss: the window is reduced as for any. */
void tcp_recover_on_tlp(struct tcp_conn *conn);
/* Segments became too large for the path: send them again without blaming congestion. */
void tcp_recover_on_mtu(struct tcp_conn *conn);
/* The same of a probe of the path MTU, which is marked lost. */
void tcp_recover_on_probe(struct tcp_conn *conn);
/* Bytes held to be in the network (RFC 6675 §4 SetPipe). */
uint32_t tcp_pipe(const struct tcp_conn *conn);
/* Retransmits one lost piece if the window allows. True: something was sent; call again. */
bool tcp_recover_output(struct tcp_conn *conn);
/* Everything has been sent that may be: what F-RTO wanted, or not. True: try once more. */
bool tcp_recover_output_done(struct tcp_conn *conn);

/* tcp_rack.c */

/* RACK finds the losses: there is SACK, and tcp_recovery says so. */
bool tcp_rack_is_on(const struct tcp_conn *conn);
/* A record has arrived up to `end`; `ev` is not looked at when it was sent once. */
void tcp_rack_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t end,
			const struct tcp_ack_event *ev);
/* A retransmission was needless. */
void tcp_rack_on_dsack(struct tcp_conn *conn);
/* A recovery has ended in which none was seen to be. */
void tcp_rack_recovered(struct tcp_conn *conn);
/* Marks what is lost. True: TCP_REXMT_REO is set to look again. */
bool tcp_rack_find_lost(struct tcp_conn *conn) MUST_CHECK;
/* Until the record is held lost by its own time; negative: it is. */
int64_t tcp_rack_left_ns(const struct tcp_conn *conn, const struct tcp_txrec *rec,
			 uint32_t window_us);
void tcp_rack_fire(struct tcp_conn *conn);
/* Sets the timer to a loss probe, if one is called for; `rto_ns`: the timeout would come then. */
bool tcp_tlp_schedule(struct tcp_conn *conn, int64_t rto_ns) MUST_CHECK;
/* There are such probes, by the settings and the handshake. */
static inline bool tcp_tlp_is_on(const struct tcp_conn *conn)
{
	uint8_t mode = tcp_conf(conn)->early_retrans;

	return (conn->flags & TCPC_SACK) && (mode == TCP_TLP_ON || mode == TCP_TLP_ON_TOO);
}
/* RFC 8985 §7.2, with Linux's numbers: two round trips, once there is a sample, and for a single
 * segment, whose ACK may be delayed, the least timeout more. */
static inline int64_t tcp_tlp_single_us(const struct tcp_conn *conn)
{
	return (int64_t)(conn->srtt_us8 / 4) + (int64_t)tcp_conf(conn)->rto_min_ms * 1000;
}
void tcp_tlp_fire(struct tcp_conn *conn);
void tcp_tlp_on_ack(struct tcp_conn *conn, const struct tcp_ack_event *ev);

/* tcp_prr.c */

void tcp_prr_start(struct tcp_conn *conn, uint32_t prior_cwnd);
/* `delivered` bytes were, `is_safe`: snd_una moved and no loss was found. Sets the window. */
void tcp_prr_on_ack(struct tcp_conn *conn, uint32_t delivered, bool is_safe);
void tcp_prr_sent(struct tcp_conn *conn, uint32_t n);

/* tcp_undo.c */

/* The window is reduced: what there was before is kept. */
void tcp_undo_start(struct tcp_conn *conn, uint32_t prior_cwnd, uint32_t prior_ssthresh);
void tcp_undo_forget(struct tcp_conn *conn);
void tcp_undo_sent_again(struct tcp_conn *conn, uint32_t n);
/* The timestamp of a retransmission, and by how many ticks it may be behind.
 *
 * RFC-DEVIATION: RFC 7323 §3.2: while losses are repaired on a path that reorders, it is of a
 * quarter of the least round trip ago; not with tcp_paws_window 0. What left before the
 * retransmission and comes after it would otherwise be refused by the peer (PAWS) when the
 * retransmission fills the hole below: lost for no other reason, it costs a part of the window, and
 * its retransmission overtakes others. All that was sent below the hole left a round trip ago, so
 * it is no older than TS.Recent. */
uint32_t tcp_again_ts(const struct tcp_conn *conn);
uint32_t tcp_again_lag(const struct tcp_conn *conn);
void tcp_undo_on_dsack(struct tcp_conn *conn, const struct tcp_sack_block *b);
/* Take the reduction back if it was needless: at the end of a recovery; within one; when the last
 * retransmission was reported as a duplicate; after a timeout, `is_frto` by F-RTO's word. True: it
 * was. */
bool tcp_undo_recovery(struct tcp_conn *conn, const struct tcp_ack_event *ev);
bool tcp_undo_partial(struct tcp_conn *conn, const struct tcp_ack_event *ev) MUST_CHECK;
bool tcp_undo_dsack(struct tcp_conn *conn);
bool tcp_undo_loss(struct tcp_conn *conn, const struct tcp_ack_event *ev, bool is_frto) MUST_CHECK;
