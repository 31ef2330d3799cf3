/* SPDX-License-Identifier: MIT */
/*
 * The inside of TCP: one section a file. A function's contract stands here, or in tcp_listen.h (how
 * connections come to a listener, and fast open) or tcp_sender.h (how much is sent, and what is
 * lost); tcp_conn.h has the data.
 *
 * How a segment travels: tcp_input() reads it into a struct tcp_seg and finds its endpoint; the
 * state's function runs the steps of RFC 9293 §3.10.7 on it. Steps change the connection and set
 * TCPC_ACK_NOW or TCPC_OUTPUT; what has to be sent is sent once, by tcp_conn_work(), when the
 * engine has finished with the batch of frames.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"
#include "core/stack.h"
#include "pkt/pkt.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/tcp_conn.h"
#include "transport/tcp/tcp_mem.h"
#include "transport/tcp/tcp_txq.h"
#include "wire/ip4.h"
#include "wire/seq.h"
#include "wire/tcp.h"

#define TCP_NS_PER_US 1000
#define TCP_NS_PER_MS 1000000
#define TCP_NS_PER_S  1000000000LL

enum {
	TCP_RTO_MAX_US = 120000000,    /* whatever tcp_rto_max_ms says */
	TCP_RTO_FALLBACK_US = 3000000, /* RFC 6298 §5.7 */
	TCP_MSS_MIN = 48,              /* a tiny segment size must not make us work */
	TCP_IP4_HDRS = 20 + TCP_HDR_LEN,
	TCP_IP6_HDRS = 40 + TCP_HDR_LEN,
	TCP_SPARES_MAX = 64,   /* blocks of each kind that a stack keeps: 17 KiB, 3 KiB */
	TCP_MEM_RETRY_MS = 10, /* at first; doubles up to 64 times that */
	TCP_MEM_RETRY_SHIFT_MAX = 6,
	TCP_IP6_PMTU_MIN = 1280,
	TCP_COPY_MAX = 96, /* payload up to this is copied into the packet, not referred to */
	TCP_REASM_RUNS_MAX = 1024,
	TCP_HDR_IP_MAX = 40 + TCP_HDR_MAX, /* what a super-packet leaves for headers */
};

static inline uint32_t tcp_min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t tcp_max(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* One segment as it came in. */
struct tcp_seg {
	struct pkt *pkt; /* `data` at the TCP header; NULL: taken by a queue */
	const struct ip_info *info;
	uint32_t seq;
	uint32_t end_seq; /* one past the last number it occupies, SYN and FIN included */
	uint32_t ack;
	uint32_t len; /* payload bytes */
	uint16_t flags;
	uint16_t wnd; /* as on the wire */
	uint16_t urg; /* the same */
	uint16_t sport, dport;
	uint16_t hdr_len;
	uint16_t frame_len; /* payload bytes of its largest frame */
	uint32_t n_frames;
	struct tcp_opts opts;
};

/* What one ACK tells. */
struct tcp_ack_event {
	uint32_t acked_bytes;
	uint32_t sacked_bytes;
	uint32_t flight_bytes; /* before */
	uint32_t held_top;     /* the same: tcp_held_top() */
	/* Of what has arrived without having been sent twice, with `has_once`: the lowest number,
	 * and when the first and the last of it left. */
	uint32_t once_seq;
	int64_t once_first_ns;
	int64_t once_last_ns;
	uint32_t ts_ecr; /* with has_echo */
	bool has_echo;   /* the ACK echoes a timestamp of ours */
	/* Of what has arrived, the record that left last, with `has_rec`. */
	struct tcp_txrec rec;
	uint64_t lost_before; /* tcp_sender->lost_bytes before */
	uint32_t delivered_bytes;
	uint32_t pipe_bytes; /* before */
	bool is_ece;         /* with ECN: it echoes a mark */
	bool has_rec;
	bool has_once;
	bool has_original; /* something sent once, and before the last loss, has arrived */
	bool has_dsack;
	bool has_tlp_dsack; /* it is of a loss probe */
	bool has_reo_timer;
	bool is_pure; /* no data, no window update */
	bool is_dup;
	bool was_cwnd_limited;
};

static inline struct tcp_conn *tcp_conn_of(struct sock *sk)
{
	return container_of(sk, struct tcp_conn, sk);
}

static inline const struct tcp_conn *tcp_conn_of_const(const struct sock *sk)
{
	return container_of(sk, const struct tcp_conn, sk);
}

static inline struct engine *tcp_eng(const struct tcp_conn *conn)
{
	return conn->sk.stack->eng;
}

static inline int64_t tcp_now(const struct tcp_conn *conn)
{
	return conn->sk.stack->eng->now_ns;
}

static inline const struct tcp_conf *tcp_conf(const struct tcp_conn *conn)
{
	return &conn->sk.stack->tcp->conf;
}

/* Of tcp_opt.c: nothing was set. */
extern const struct tcp_sockopts tcp_sockopts_none;

/* tcp_ip.c: options of levels IP and IPv6. */
int tcp_ip_setopt(struct tcp_conn *conn, int level, int name, const void *val,
		  size_t len) MUST_CHECK;
int tcp_ip_getopt(struct tcp_conn *conn, int level, int name, void *val, size_t *len) MUST_CHECK;
/* The error queue is wanted for errors of this family. */
bool tcp_wants_err(const struct tcp_conn *conn, bool is_ip6);
ptrdiff_t tcp_recv_err(struct sock *sk, struct sock_msg *msg);
/* Something waits there, an error or a time of sending. */
bool tcp_err_is_queued(const struct tcp_conn *conn);
/* Errors about what the path carries are heeded. */
bool tcp_heeds_mtu(const struct tcp_conn *conn);
/* tcp_route.c: what segments to `dst`, the peer, have besides; NULL: nothing. Its length; and where
 * they go first. */
const struct ip4_opts *tcp_ip4_opts(const struct tcp_conn *conn, const struct ip_addr *dst);
const struct ip6_exts *tcp_exts(const struct tcp_conn *conn, const struct ip_addr *dst);
uint32_t tcp_ip_opts_len(const struct tcp_conn *conn);
struct ip_addr tcp_via(const struct tcp_conn *conn, const struct ip_addr *dst);

/* What the application set. */
static inline const struct tcp_sockopts *tcp_sockopts(const struct tcp_conn *conn)
{
	return conn->sockopts ? conn->sockopts : &tcp_sockopts_none;
}

static inline void tcp_mib(const struct tcp_conn *conn, enum mib id)
{
	mib_inc(conn->sk.stack, id);
}

/* Milliseconds of the engine's clock, modulo 2^32. */
static inline uint32_t tcp_clock_ms(const struct stack *st)
{
	return (uint32_t)(st->eng->now_ns / TCP_NS_PER_MS);
}

/* RFC 7323 §5.4: the clock of our timestamps, every millisecond unless it is set otherwise. */
static inline uint32_t tcp_ts_clock(const struct stack *st)
{
	uint32_t tick_ms = st->tcp->conf.ts_tick_ms;

	if (likely(tick_ms == 1))
		return tcp_clock_ms(st);
	return (uint32_t)(st->eng->now_ns / ((int64_t)tick_ms * TCP_NS_PER_MS));
}

static inline uint32_t tcp_ts_now(const struct tcp_conn *conn)
{
	return tcp_ts_clock(conn->sk.stack) + conn->ts_off;
}

/* Milliseconds since the timestamp that the peer echoes; capped. */
static inline uint32_t tcp_ts_age_ms(const struct tcp_conn *conn, uint32_t ts_ecr)
{
	uint64_t ms = (uint64_t)(tcp_ts_now(conn) - ts_ecr) * tcp_conf(conn)->ts_tick_ms;

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* RFC 9293 §3.3.2: states in which both sides know each other's sequence numbers. */
static inline bool tcp_is_synced(const struct tcp_conn *conn)
{
	return conn->state != WEFT_TCP_CLOSE && conn->state != WEFT_TCP_LISTEN &&
	       conn->state != WEFT_TCP_SYN_SENT && conn->state != WEFT_TCP_SYN_RECV;
}

/* States in which our direction of the stream is open or still has to be delivered. */
static inline bool tcp_may_send(const struct tcp_conn *conn)
{
	if (conn->tfo & TCP_TFO_CHILD)
		return true;
	return conn->state == WEFT_TCP_ESTABLISHED || conn->state == WEFT_TCP_CLOSE_WAIT ||
	       conn->state == WEFT_TCP_FIN_WAIT1 || conn->state == WEFT_TCP_CLOSING ||
	       conn->state == WEFT_TCP_LAST_ACK;
}

/* A quarter of a pool is kept for packets on their way: were it all in queues, the segment that
 * empties one could not come in. */
static inline bool tcp_pool_is_low(const struct pool *pool)
{
	return pool->n_used >= pool->max_objs - pool->max_objs / 4;
}

static inline bool tcp_pools_are_low(const struct tcp_conn *conn)
{
	const struct pkt_pools *pools = &tcp_eng(conn)->pkts;

	return tcp_pool_is_low(&pools->pkts) || tcp_pool_is_low(&pools->bufs[0]) ||
	       tcp_pool_is_low(&pools->bufs[1]) || tcp_pool_is_low(&pools->bufs[2]);
}

static inline uint32_t tcp_flight(const struct tcp_conn *conn)
{
	return conn->snd_nxt - conn->snd_una;
}

/* Bytes that the application wrote and that were never sent. */
static inline uint32_t tcp_unsent(const struct tcp_conn *conn)
{
	return seq_lt(conn->snd_nxt, conn->snd_end) ? conn->snd_end - conn->snd_nxt : 0;
}

/* Bytes in the send queue: written and not acknowledged. A SYN is none. */
static inline uint32_t tcp_sndq_bytes(const struct tcp_conn *conn)
{
	if (conn->state == WEFT_TCP_SYN_SENT ||
	    (conn->state == WEFT_TCP_SYN_RECV && !(conn->tfo & TCP_TFO_CHILD)))
		return 0;
	return seq_lt(conn->snd_una, conn->snd_end) ? conn->snd_end - conn->snd_una : 0;
}

/* The FIN has been queued, and it has not been sent. */
static inline bool tcp_fin_waits(const struct tcp_conn *conn)
{
	return (conn->flags & (TCPC_FIN_QUEUED | TCPC_FIN_SENT)) == TCPC_FIN_QUEUED;
}

/* Bytes that the peer's window still takes. */
static inline uint32_t tcp_snd_wnd_left(const struct tcp_conn *conn)
{
	uint32_t edge = conn->snd_una + conn->snd_wnd;

	return seq_lt(conn->snd_nxt, edge) ? edge - conn->snd_nxt : 0;
}

/* One past the last byte of the stream that has come in order: a FIN is none. */
static inline uint32_t tcp_text_end(const struct tcp_conn *conn)
{
	return conn->rcv_nxt - ((conn->flags & TCPC_FIN_RCVD) != 0);
}

/* Number of the byte that the application reads next. */
static inline uint32_t tcp_copied_seq(const struct tcp_conn *conn)
{
	return tcp_text_end(conn) - conn->rcvq.n_bytes;
}

static inline uint32_t tcp_clock_us(const struct tcp_conn *conn)
{
	return (uint32_t)(tcp_now(conn) / TCP_NS_PER_US);
}

/* Bytes of the advertised window that are left. */
static inline uint32_t tcp_rcv_wnd(const struct tcp_conn *conn)
{
	return seq_gt(conn->rcv_adv, conn->rcv_nxt) ? conn->rcv_adv - conn->rcv_nxt : 0;
}

/* tcp_state.c */

/* The only place that changes the state: traces, and counts what the MIB wants. */
void tcp_set_state(struct tcp_conn *conn, uint8_t state);
const char *tcp_ca_name(uint8_t ca_state);
/* Aborts the program when an invariant does not hold; for tests. */
void tcp_conn_check(const struct tcp_conn *conn);
/* Why nothing is being sent. */
enum weft_tcp_wait tcp_wait_reason(const struct tcp_conn *conn);

/* tcp_conn.c */

/* A closed connection with one reference, the caller's. NULL: no memory. */
struct tcp_conn *tcp_conn_new(struct stack *st, int family);
/* Back to how tcp_conn_new() left it, for another connect(); options stay. */
void tcp_conn_reinit(struct tcp_conn *conn);
void tcp_conn_destroy(struct sock *sk);
/* Sends what TCPC_ACK_NOW and TCPC_OUTPUT ask for at the end of the current batch. */
void tcp_conn_defer(struct tcp_conn *conn, uint32_t flags);
/* A port that the application chose stays its own until it closes the socket, as in Linux: it may
 * connect again. Another one is free from now on, but getsockname() still names it. */
void tcp_release_port(struct tcp_conn *conn);
/* The connection lives without the application from now on. */
void tcp_conn_hold(struct tcp_conn *conn);
/* The connection is over: state CLOSED, timers off, out of the tables, queues to send gone; what
 * was received can still be read. Drops the protocol's reference: the caller holds another. */
void tcp_done(struct tcp_conn *conn);
/* The same with a pending error for the application. */
void tcp_fail(struct tcp_conn *conn, int err);
/* tcp_fail() after telling the peer with a RST. */
void tcp_abort(struct tcp_conn *conn, int err);
/* Tells the on_end hook, once. */
void tcp_report_end(struct tcp_conn *conn);

/* tcp_in.c */

enum drop tcp_input(struct stack *st, struct pkt *pkt, const struct ip_info *info) MUST_CHECK;
/* The SYN's options, agreed with ours: segment sizes, TS, SACK, window scale. */
void tcp_learn_syn(struct tcp_conn *conn, const struct tcp_seg *seg);
/* The window scale that we offer. */
uint8_t tcp_wscale_offer(const struct tcp_conf *conf);

/* tcp_fast.c: what is plain, in a straight line */

/* False: it is not, and nothing was changed. Takes `pkt` otherwise. */
bool tcp_fast_input(struct stack *st, struct pkt *pkt, const struct ip_info *info) MUST_CHECK;
/* tcp_proto.send_plain and recv_plain. */
ptrdiff_t tcp_fast_send(struct sock *sk, const void *buf, size_t n);
ptrdiff_t tcp_fast_recv(struct sock *sk, void *buf, size_t n);

/* tcp_in_synced.c */

/* RFC 9293 §3.10.7.4: SYN-RECEIVED and all later states. */
enum drop tcp_in_synced(struct tcp_conn *conn, struct tcp_seg *seg) MUST_CHECK;
/* The queues hold a FIN that is now in order. */
void tcp_in_fin(struct tcp_conn *conn);
/* SYN-RECEIVED or SYN-SENT becomes ESTABLISHED. */
void tcp_established(struct tcp_conn *conn);
/* The peer's reset is believed. */
void tcp_was_reset(struct tcp_conn *conn);

/* tcp_in_text.c */

enum drop tcp_in_text(struct tcp_conn *conn, struct tcp_seg *seg) MUST_CHECK;
/* RFC 2883 §4: the next ACK reports that [start, end) came twice. */
void tcp_note_dsack(struct tcp_conn *conn, uint32_t start, uint32_t end);
/* In-order data arrived: is an ACK due now, or soon? */
void tcp_ack_schedule(struct tcp_conn *conn);

/* tcp_syn_sent.c */

enum drop tcp_in_syn_sent(struct tcp_conn *conn, struct tcp_seg *seg) MUST_CHECK;

/* tcp_out.c */

/* Sends what may be sent now: retransmissions first, then new data and FIN; arms the timer. */
void tcp_output(struct tcp_conn *conn);
/* The SYN, or in SYN-RECEIVED the SYN-ACK; first or again. 0 or -Exxx of the route. */
int tcp_send_syn(struct tcp_conn *conn);
/* The same with a fast-open option and with `n` bytes of the send queue. */
int tcp_send_syn_tfo(struct tcp_conn *conn, const struct tcp_opts *tfo, uint32_t n);
/* An ACK without data, now. Without memory it becomes a delayed one. */
void tcp_send_ack(struct tcp_conn *conn);
/* Asks the peer for an ACK: a byte-less segment from before its window (keepalive, probe). */
void tcp_send_probe(struct tcp_conn *conn);
/* A RST that the peer will accept. */
void tcp_send_reset(struct tcp_conn *conn);
/* Sends numbers from [seq, seq+len) again, at most a super-packet, the FIN with them when they end
 * with it. Returns how many; 0: no memory. */
uint32_t tcp_send_again(struct tcp_conn *conn, uint32_t seq, uint32_t len) MUST_CHECK;
/* Sends new data whatever Nagle, cork and silly-window avoidance say, if the window takes any.
 * False: it takes none. */
bool tcp_send_override(struct tcp_conn *conn) MUST_CHECK;
/* Payload of a full segment with the options that the next one carries. */
uint32_t tcp_out_mss(const struct tcp_conn *conn);
/* An ACK has gone out: nothing is owed any more. */
static inline void tcp_ack_was_sent(struct tcp_conn *conn)
{
	conn->rcv_wup = conn->rcv_nxt;
	conn->flags &= ~(uint32_t)(TCPC_ACK_NOW | TCPC_ACK_DELAYED | TCPC_DSACK);
	conn->delack_ns = 0;
	if (conn->n_quickacks > 0)
		conn->n_quickacks--;
}
/* Data goes out soon after some came in: the application answers, so that later ACKs may wait for
 * its answers. As Linux, soon is less than the longest delay of an ACK. */
static inline void tcp_note_answer(struct tcp_conn *conn)
{
	uint32_t ms = tcp_clock_ms(conn->sk.stack) - conn->last_text_ms;

	if (ms < tcp_conf(conn)->delack_ms)
		conn->flags |= TCPC_PINGPONG;
}
/* Hands a segment, with its header, to IP. A failure to route or queue is like a loss on the way:
 * the timers deal with it. */
int tcp_xmit_ip(struct tcp_conn *conn, struct pkt *pkt, uint8_t ecn);
/* A segment that is not full has to wait for an ACK or more data (RFC 9293 §3.7.4, Minshall). */
bool tcp_nagle_holds(const struct tcp_conn *conn);

/* tcp_route.c */

/* Route and segment size follow the routing table. 0, or ip_route()'s error with the old values
 * kept. */
int tcp_route_sync(struct tcp_conn *conn) MUST_CHECK;
/* What the route says of the connection besides. */
struct route_metrics tcp_route_metrics(const struct tcp_conn *conn);
/* A handshake begins, with a route: its congestion control, and its wish for ECN, hold. */
void tcp_route_begin(struct tcp_conn *conn);
void tcp_mss_sync(struct tcp_conn *conn);
/* An ICMP error says that datagrams longer than `mtu` do not get through. */
void tcp_pmtu_learn(struct tcp_conn *conn, uint32_t mtu);
/* What an ICMP error said is forgotten after a time: the path may have grown (RFC 1191 §6.3). */
void tcp_pmtu_age(struct tcp_conn *conn);
/* RFC 9293 MUST-15: of a peer that names none. */
uint16_t tcp_mss_default(const struct ip_addr *raddr);
/* Segment size without options that fits `mtu`. */
uint16_t tcp_mtu_to_mss(const struct ip_addr *raddr, uint32_t mtu);

/* tcp_mtup.c: packetization-layer path MTU discovery (RFC 4821) */

/* Sizes of IP packets; those of IPv4 and the options that every segment has are in them. */
struct tcp_mtup {
	uint32_t seq, end; /* with `probe`: the numbers of the one in flight */
	uint32_t since_s;  /* engine seconds: when the search began */
	int32_t low;       /* up to here they arrive: what segments are made for */
	int32_t high;      /* beyond, they do not, or are of no use */
	int32_t probe;     /* size of the probe in flight; 0: none */
};

/* The handshake tells: by the settings the search begins now. */
void tcp_mtup_start(struct tcp_conn *conn);
void tcp_mtup_free(struct tcp_conn *conn);
/* Route and errors allow packets of `mtu`: how long they may be as far as is known. */
uint32_t tcp_mtup_clip(const struct tcp_conn *conn, uint32_t mtu);
/* Payload of a probe that is to go now as the next new data; 0: none. `*ret_waits`: one will be,
 * once more of the window is free, and nothing else is to go before it. */
uint32_t tcp_mtup_due(struct tcp_conn *conn, bool *ret_waits);
void tcp_mtup_sent(struct tcp_conn *conn, uint32_t seq, uint32_t n);
/* Of a probe that goes again in pieces nothing can be learned. */
void tcp_mtup_sent_again(struct tcp_conn *conn, uint32_t seq, uint32_t n);
/* snd_una has moved. */
void tcp_mtup_on_ack(struct tcp_conn *conn);
/* Something was found lost. True: the probe alone was, and all of it is marked so: no sign of
 * congestion. */
bool tcp_mtup_on_loss(struct tcp_conn *conn) MUST_CHECK;
/* An ICMP error says so. True: the probe in flight was too large, and is marked lost. */
bool tcp_mtup_on_mtu(struct tcp_conn *conn, uint32_t mtu) MUST_CHECK;
/* Timeouts in a row without an answer: it may be for the size. */
void tcp_mtup_on_black_hole(struct tcp_conn *conn);

/* tcp_ack.c */

/* The ACK step of synchronised states: window, scoreboard, RTT, recovery, queue. */
enum drop tcp_ack(struct tcp_conn *conn, struct tcp_seg *seg) MUST_CHECK;
void tcp_ack_window(struct tcp_conn *conn, const struct tcp_seg *seg);
/* RFC 9293 §3.10.7.4: SND.WND follows the segment that is newest in both numbers. */
static inline void tcp_snd_wnd_follow(struct tcp_conn *conn, uint32_t seq, uint32_t ack,
				      uint32_t wnd)
{
	if (!seq_lt(conn->snd_wl1, seq) && !(conn->snd_wl1 == seq && seq_leq(conn->snd_wl2, ack)))
		return;
	conn->snd_wl1 = seq;
	conn->snd_wl2 = ack;
	conn->snd_wnd = wnd;
	conn->snd_wnd_max = tcp_max(conn->snd_wnd_max, wnd);
}
/* Only what passed every check tells that the peer is there. */
static inline void tcp_ack_heard(struct tcp_conn *conn)
{
	conn->last_rcv_ms = tcp_clock_ms(conn->sk.stack);
	conn->n_keepalives = 0;
	conn->soft_err = 0;
}
/* What was sent once and has arrived, in order or not: the newest of it came fastest. */
void tcp_ack_rtt_min(struct tcp_conn *conn, int64_t rtt_ns);
/* The application may write again. */
void tcp_ack_wake_writer(struct tcp_conn *conn);
/* The first `n` numbers of a record have arrived, which was not known before. */
void tcp_ack_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t n,
		       struct tcp_ack_event *ev);

/* tcp_rto.c */

void tcp_rtt_sample(struct tcp_conn *conn, uint32_t rtt_us);
/* What is being timed was acknowledged: takes the sample. False: nothing was. */
bool tcp_rtt_timed(struct tcp_conn *conn);
/* Time until the next attempt to send after one that found no memory. */
int64_t tcp_mem_retry_ns(struct tcp_conn *conn);
void tcp_rexmt_set(struct tcp_conn *conn, enum tcp_rexmt_kind kind, int64_t delay_ns);
/* The timeout of the oldest data in flight, from now or from when that left. */
void tcp_rexmt_rto(struct tcp_conn *conn, bool is_from_now);
/* New data has gone out: a loss probe is due later than it was. */
void tcp_rexmt_sent_new(struct tcp_conn *conn);
/* Of what is in flight or waits; sets or clears the retransmission deadline. */
void tcp_rexmt_arm(struct tcp_conn *conn);
/* New data was acknowledged: RFC 6298 §5.3. */
void tcp_rexmt_restart(struct tcp_conn *conn);
void tcp_rexmt_fire(struct tcp_conn *conn);
/* The timeout with its backoff. */
int64_t tcp_rto_ns(const struct tcp_conn *conn);

/* tcp_timer.c */

/* A deadline was set or cleared: the wheel fires no later than the earliest. */
void tcp_timer_sync(struct tcp_conn *conn);
/* One of them was set: the wheel fires no later than at `deadline_ns`, nor than the others, as it
 * does already. */
static inline void tcp_timer_upto(struct tcp_conn *conn, int64_t deadline_ns)
{
	if (!wheel_timer_is_pending(&conn->timer) || deadline_ns < conn->timer.deadline_ns)
		tcp_timer_sync(conn);
}
void tcp_timer_stop_all(struct tcp_conn *conn);
void tcp_timer_fire(struct wheel_timer *timer, int64_t now_ns);
/* Sets idle_ns by state, options and when the peer was last heard. */
void tcp_idle_arm(struct tcp_conn *conn);

/* tcp_prune.c */

/* The out-of-order queue may pin `n` bytes more. */
bool tcp_reasm_has_room(struct tcp_conn *conn, uint32_t n) MUST_CHECK;

/* There is room for `n` bytes of memory with data from `seq` on, or room was made: queues are
 * packed densely, then data out of order that lies behind `seq` is thrown away, the farthest first.
 * False: to no avail. */
bool tcp_prune(struct tcp_conn *conn, uint32_t seq, uint32_t n) MUST_CHECK;

/* tcp_sndq.c */

/* tcp->lents, where blocks of lent bytes wait for the next ones. */
void tcp_sndq_init(struct tcp *tcp);

/* Bytes written and not sent beyond which no more is taken; UINT32_MAX: any. */
uint32_t tcp_notsent_lowat(const struct tcp_conn *conn);
/* There is room for at least a byte, as poll sees it. */
bool tcp_sndq_is_writable(const struct tcp_conn *conn);
/* Wakes the application when it waits for room, and there is enough that it is worth it. */
void tcp_sndq_wake(struct tcp_conn *conn);
/* The same, whether or not there is room by that measure. */
void tcp_sndq_wake_now(struct tcp_conn *conn);
/* The send buffer grows to `n` bytes if nobody set it and there is memory. */
void tcp_sndbuf_grow(struct tcp_conn *conn, uint32_t n);
/* Copies up to `n` bytes from the message, starting at its byte `off`. Returns what was taken, or
 * -ENOBUFS when there is no memory for any. */
ptrdiff_t tcp_sndq_write(struct tcp_conn *conn, const struct sock_msg *msg, size_t off, uint32_t n);
/* The same of a few bytes when nothing is queued. False: they are not within what any connection
 * may have (tcp_wmem_min), or there is no memory. */
bool tcp_sndq_put_first(struct tcp_conn *conn, const void *buf, uint32_t n) MUST_CHECK;
/* Puts [seq, seq+len) behind the packet's bytes, by reference or, when short, by copy. Returns how
 * many fitted (at least 1). 0: no memory. */
uint32_t tcp_sndq_fill(struct tcp_conn *conn, struct pkt *pkt, uint32_t seq, uint32_t len);
/* What was written last ends a record (MSG_EOR): later bytes never share a segment with it. */
void tcp_sndq_end_record(struct tcp_conn *conn);
/* Of the `len` bytes from `seq` on, those up to the end of a record. */
uint32_t tcp_sndq_record(struct tcp_conn *conn, uint32_t seq, uint32_t len);
/* Frees what lies before snd_una. */
void tcp_sndq_ack(struct tcp_conn *conn);
void tcp_sndq_purge(struct tcp_conn *conn);

/* tcp_rcvq.c */

uint32_t tcp_truesize(const struct pkt *pkt);
/* Payload that is better copied than kept in a packet of its own. */
bool tcp_pkt_is_small(const struct pkt *pkt);
/* Appends the payload to `last` and frees `pkt`. False: `last` has no room of its own. */
bool tcp_pkt_merge(struct pkt *last, struct pkt *pkt);
/* Queues payload (headers already off) that starts at rcv_nxt. Takes `pkt`. */
void tcp_rcvq_push(struct tcp_conn *conn, struct pkt *pkt);
/* Copies to the application at most `max` bytes after the first `skip`, of which there must be so
 * many. With `peek` all stay, else what was skipped is gone too. */
size_t tcp_rcvq_read(struct tcp_conn *conn, struct sock_msg *msg, bool peek, uint32_t skip,
		     uint32_t max);
/* Copies a chain of packets, linked by `next`, with `n_bytes` in all, into dense ones, as far as
 * there is memory for it. Returns the chain as it is then, with the new truesizes counted. */
struct pkt *tcp_pkt_pack(struct tcp_conn *conn, struct pkt *first, uint32_t n_bytes);
/* Packs the queue densely when that frees memory. */
void tcp_rcvq_collapse(struct tcp_conn *conn);
/* Throws the first `n` bytes away. */
void tcp_rcvq_eat(struct tcp_conn *conn, uint32_t n);
void tcp_rcvq_purge(struct tcp_conn *conn);
/* The window to put into the next segment, scaled down; moves rcv_adv. */
uint16_t tcp_rcv_wnd_select(struct tcp_conn *conn);
/* The window that a SYN of this socket or of its listener offers: it is never scaled. */
uint32_t tcp_syn_wnd(const struct tcp_conn *conn);
/* As poll sees it: SO_RCVLOWAT has come, or no more can come. */
bool tcp_rcvq_is_readable(const struct tcp_conn *conn);
/* SO_RCVLOWAT: the buffer grows with it. */
void tcp_rcvq_set_lowat(struct tcp_conn *conn, struct tcp_sockopts *o, int v);
/* The application can read from now on: starts the measurements for buffer tuning. */
void tcp_rcvq_tune_start(struct tcp_conn *conn);
/* A round trip as the receiver sees it: from an ACK of ours to data that echoes its timestamp. */
void tcp_rcvq_tune_rtt(struct tcp_conn *conn, uint32_t rtt_us);
/* The window that the free buffer allows, bytes. */
uint32_t tcp_rcv_wnd_space(const struct tcp_conn *conn);
/* The application has read: buffer tuning, and a window update if the peer should know. */
void tcp_rcvq_was_read(struct tcp_conn *conn);

/* tcp_urg.c */

/* A segment with URG. */
void tcp_urg_input(struct tcp_conn *conn, const struct tcp_seg *seg);
/* SIOCATMARK: the next byte to read is the urgent one. */
bool tcp_urg_at_mark(const struct tcp_conn *conn);
/* MSG_OOB would return the byte. */
bool tcp_urg_is_readable(const struct tcp_conn *conn);
/* How many bytes an ordinary read skips (1 at the mark, else 0), and how many it returns at most.
 */
uint32_t tcp_urg_skip(const struct tcp_conn *conn);
uint32_t tcp_urg_limit(const struct tcp_conn *conn);
/* Moves packets of at most `max` bytes from the receive queue to `q`, or a part of the first when
 * that is larger. How many bytes; -ENOBUFS. */
ptrdiff_t tcp_rcvq_take(struct tcp_conn *conn, uint32_t max, uint32_t max_pkts,
			struct pktq *q) MUST_CHECK;
/* The application has read: the mark may be behind it now. */
void tcp_urg_was_read(struct tcp_conn *conn);
/* SIOCINQ: bytes to read, up to the mark. */
uint32_t tcp_urg_inq(const struct tcp_conn *conn);
/* recv() with MSG_OOB. */
ptrdiff_t tcp_urg_recv(struct tcp_conn *conn, struct sock_msg *msg);
/* The last byte written is urgent. */
void tcp_urg_mark(struct tcp_conn *conn);
/* snd_una has moved. */
void tcp_urg_acked(struct tcp_conn *conn);
/* URG and pointer of a segment to send. */
void tcp_urg_header(const struct tcp_conn *conn, struct tcp_hdr *hdr);

/* tcp_reasm.c */

struct tcp_run {
	uint32_t seq, end_seq;
	struct pkt *first, *last; /* touching packets in order */
};
struct tcp_reasm {
	uint32_t n;
	uint32_t cap;
	uint32_t n_bytes;
	uint32_t truesize;             /* of all packets in it */
	uint32_t collapsed;            /* truesize when it was packed last; 0: never */
	uint32_t recent[TCP_SACK_MAX]; /* numbers within the runs that grew last, newest first */
	uint32_t n_recent;
	/* TS.Recent and rcv_nxt when the block came to be: what was sent since then is not older
	 * (tcp_paws_rejects). Moved on now and then, when much is received with it. */
	uint32_t ts_since;
	uint32_t seq_since;
	struct tcp_run runs[];
};
/* Takes `pkt` (payload only, pkt->tcp filled in) on DROP_NONE and DROP_TCP_OLD_SEQ (a duplicate,
 * freed). DROP_TCP_REASM or DROP_NOMEM: not taken. */
enum drop tcp_reasm_add(struct tcp_conn *conn, struct pkt *pkt) MUST_CHECK;
/* The first piece of [start, end) that is there already. */
bool tcp_reasm_overlap(const struct tcp_conn *conn, uint32_t start, uint32_t end,
		       struct tcp_sack_block *ret) MUST_CHECK;
/* Moves what has become in order to the receive queue and advances rcv_nxt. True: with the FIN. */
bool tcp_reasm_drain(struct tcp_conn *conn) MUST_CHECK;
/* SACK blocks for the next ACK, most recent first. */
uint8_t tcp_reasm_blocks(const struct tcp_conn *conn, struct tcp_sack_block *ret, uint8_t max);
/* Number of the last run; there is one. */
uint32_t tcp_reasm_last(const struct tcp_conn *conn);
/* Throws the last run away. */
void tcp_reasm_drop_last(struct tcp_conn *conn);
/* Packs chains of wasteful packets into dense ones. */
void tcp_reasm_collapse(struct tcp_conn *conn);
void tcp_reasm_purge(struct tcp_conn *conn);

/* tcp_time_wait.c */

/* The connection becomes a TIME-WAIT entry and ends (tcp_done()). */
void tcp_time_wait(struct tcp_conn *conn);
/* RFC 6191: the segment is a SYN that is surely newer than the old connection. */
bool tcp_tw_may_reopen(const struct tcp_tw *tw, const struct tcp_seg *seg);
/* Frees the entry. Returns the number that a new connection in its place starts from. */
uint32_t tcp_tw_reopen(struct stack *st, struct tcp_tw *tw);
enum drop tcp_in_time_wait(struct stack *st, struct tcp_tw *tw,
			   const struct tcp_seg *seg) MUST_CHECK;
void tcp_tw_free(struct stack *st, struct tcp_tw *tw);
uint32_t tcp_tw_left_ms(const struct stack *st, const struct tcp_tw *tw);
/* The setting of how long they wait has changed. */
void tcp_tw_rearm(struct stack *st);
void tcp_tw_timer(struct wheel_timer *timer, int64_t now_ns);
void tcp_tw_purge(struct stack *st);

/* tcp_csum.c */

bool tcp_csum_ok(const struct pkt *pkt, const struct ip_info *info);
/* Makes the checksum of a packet, whose `data` is at the TCP header, PARTIAL. */
void tcp_csum_defer(struct pkt *pkt, const struct ip_addr *src, const struct ip_addr *dst);

/* tcp_reset.c: segments that belong to no connection's stream */

struct tcp_ctl {
	struct ip_addr laddr, raddr;
	uint16_t lport, rport;
	uint32_t seq, ack;
	uint16_t flags;
	uint16_t wnd;
	uint8_t ttl, tos;
	uint32_t ifindex;
	uint32_t mark;
	struct ip_dst *dst; /* NULL: to be found */
	const struct ip4_opts *ip4_opts;
	const struct ip6_exts *exts;
	struct tcp_opts opts;
};
/* 0 or -Exxx. */
int tcp_ctl_output(struct stack *st, const struct tcp_ctl *ctl);
/* RFC 9293 §3.10.7.1: answers a segment that nobody wants, unless it is a RST itself. */
void tcp_reset_for(struct stack *st, const struct tcp_seg *seg);
/* The entry or connection has answered segments that are not its stream's often enough for now;
 * if not, this answer is noted. */
bool tcp_answer_is_limited(struct stack *st, struct conn_node *node);
/* RFC 5961 §7: an ACK that makes a blind attacker none the wiser, at a bounded rate. */
void tcp_challenge_ack(struct tcp_conn *conn);
/* The same for what is no connection: may it send one now? Counts it. */
bool tcp_challenge_is_due(struct stack *st, struct conn_node *node) MUST_CHECK;

/* tcp_isn.c */

uint32_t tcp_isn(struct stack *st, const struct conn_node *node);
/* RFC 7323 §5.4: offset of the timestamp clock, the same for all connections of two hosts. */
uint32_t tcp_ts_offset(struct stack *st, const struct conn_node *node);

/* tcp_error.c */

void tcp_error(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
	       uint32_t quote_len);

/* tcp_trace.c */

void tcp_trace_figures(const struct tcp_conn *conn);
/* After each ACK and timeout. */
static inline void tcp_trace(const struct tcp_conn *conn)
{
	if (unlikely(tcp_eng(conn)->trace.has_figures))
		tcp_trace_figures(conn);
}

/* tcp_sock.c, tcp_info.c, tcp_conf.c, tcp_opt.c */

/* What a receive call says when the queue is empty: 0 at the end, or -Exxx. */
ptrdiff_t tcp_recv_nothing(struct tcp_conn *conn);
/* Takes SHUT_WR into account: the FIN follows the last byte. */
void tcp_queue_fin(struct tcp_conn *conn);

void tcp_info_fill(const struct tcp_conn *conn, struct weft_tcp_info *ret);
void tcp_info_linux(const struct tcp_conn *conn, struct weft_tcp_info_linux *ret);
int tcp_conf_register(struct stack *st) MUST_CHECK;
void tcp_conf_default(struct tcp_conf *conf);
/* The block to set an option in. NULL: no memory. */
struct tcp_sockopts *tcp_sockopts_get(struct tcp_conn *conn);
void tcp_sockopts_free(struct tcp_conn *conn);
int tcp_setopt(struct sock *sk, int level, int name, const void *val, size_t len);
int tcp_getopt(struct sock *sk, int level, int name, void *val, size_t *len);
