/* SPDX-License-Identifier: MIT */
/*
 * The inside of TCP: one section a file. A function's contract stands here; tcp_conn.h has the
 * data.
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

/* Of tcp_opt.c: all zero. */
extern const struct tcp_sockopts tcp_sockopts_none;

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

/* tcp_listen.c, tcp_req.c */

struct tcp_tfo_reply;

struct tcp_listen {
	struct list accept_q; /* tcp_conn->accept_link, oldest first */
	uint32_t n_accept;
	uint32_t backlog;
	struct tcp_req **reqs; /* the SYN queue, in no order */
	uint32_t n_reqs;
	uint32_t cap_reqs;
	uint32_t cookie_s; /* one up: engine second of the last SYN cookie; 0: none */
	uint32_t hand;     /* where the search for an entry to evict goes on */
};

int tcp_listen_start(struct tcp_conn *conn, int backlog) MUST_CHECK;
/* Ends SYN queue and accept queue; children not accepted are reset. */
void tcp_listen_stop(struct tcp_conn *conn);
struct tcp_conn *tcp_accept_pop(struct tcp_conn *listener); /* NULL: none */
void tcp_accept_remove(struct tcp_conn *child);             /* fine when it is in no queue */
enum drop tcp_in_listen(struct tcp_conn *listener, struct tcp_seg *seg,
			uint32_t iss_hint) MUST_CHECK;
enum drop tcp_in_req(struct stack *st, struct tcp_req *req, struct tcp_seg *seg) MUST_CHECK;
int tcp_req_add(struct tcp_conn *listener, const struct tcp_seg *seg, uint32_t iss,
		struct tcp_req **ret) MUST_CHECK;
/* An entry from a SYN, in no table: everything but our initial sequence number. */
void tcp_req_init(struct tcp_req *ret, struct tcp_conn *listener, const struct tcp_seg *seg);
/* A copy of `req` enters the tables. 0, -ENOMEM, -EADDRINUSE. */
int tcp_req_insert(const struct tcp_req *req, struct tcp_req **ret) MUST_CHECK;
void tcp_req_free(struct stack *st, struct tcp_req *req);
/* From the last SYN-ACK to the next. */
uint32_t tcp_req_timeout_ms(const struct tcp_req *req);
/* Since the last SYN-ACK. */
uint32_t tcp_req_age_ms(const struct stack *st, const struct tcp_req *req);
/* `ts`: our clock as the SYN-ACK has it, without its offset; `tfo`: what it says of fast open. */
void tcp_req_synack_tfo(struct stack *st, struct tcp_req *req, uint32_t ts,
			const struct tcp_tfo_reply *tfo);
void tcp_req_synack(struct stack *st, struct tcp_req *req, uint32_t ts);
/* The ACK that completes a handshake. With `is_lent` an entry that makes no connection is freed. */
enum drop tcp_req_complete(struct stack *st, struct tcp_req *req, struct tcp_seg *seg,
			   bool is_lent) MUST_CHECK;
/* Timer of a listener: SYN-ACKs to send again, entries to give up. */
void tcp_listen_timer(struct tcp_conn *listener);
/* The connection that takes the entry's place in the tables, in SYN-RECEIVED and with one reference
 * besides its own; the entry itself stays. NULL: no memory. */
struct tcp_conn *tcp_child_new(struct tcp_req *req);
/* The handshake is complete: makes the connection, which takes the entry's place in the tables and
 * waits in the accept queue. NULL: no memory, and the entry is as it was. */
struct tcp_conn *tcp_listen_child(struct tcp_req *req, uint32_t ack);

/* The same for a SYN with a good fast-open cookie: the connection is in SYN-RECEIVED. */
struct tcp_conn *tcp_listen_child_early(struct tcp_req *req);

/* tcp_ask.c */

/* A SYN that waits for the application's word: an entry of no listener's queue. */
struct tcp_ask {
	struct tcp_req req; /* CONN_ASK; `iss` 0: to be made; not in the tables: cancelled */
	struct intercept *ic;
	struct list link; /* one of ic's lists */
	void *data;       /* the application's */
	int64_t since_ns;
	uint8_t ttl, tos;
	bool is_told;      /* the application knows of it */
	bool is_cancelled; /* and does not know of that yet */
};

enum drop tcp_ask_syn(struct intercept *ic, struct tcp_seg *seg, uint32_t iss_hint) MUST_CHECK;
enum drop tcp_in_ask(struct stack *st, struct tcp_ask *ask, struct tcp_seg *seg) MUST_CHECK;

/* tcp_tfo.c: fast open */

enum {
	TCP_TFO_COOKIE_LEN = 8,
	TFO_RST_SLOTS = 61, /* seconds: a whole minute whatever the fraction */
};

struct tcp_tfo_keys {
	uint32_t n;
	struct siphash_key keys[TCP_TFO_KEYS];
};

/* A listener's fast open, shared with its connections whose handshake is under way. */
struct tcp_tfoq {
	uint32_t refs;
	uint32_t max;                  /* TCP_FASTOPEN */
	uint32_t n;                    /* connections under way */
	uint32_t rst_s;                /* engine seconds of the newest slot of n_rst */
	uint32_t n_rst_all;            /* sum of n_rst */
	uint16_t n_rst[TFO_RST_SLOTS]; /* that were reset, by the second */
	struct tcp_tfo_keys keys;      /* TCP_FASTOPEN_KEY; n 0: the stack's */
};

/* What a SYN-ACK says of fast open. */
struct tcp_tfo_reply {
	bool has_cookie;
	bool is_exp;
	bool is_older_key; /* the client's cookie was made with it */
	uint8_t cookie[TCP_TFO_COOKIE_LEN];
};

static inline void tcp_tfo_set_fail(struct tcp_conn *conn, uint32_t fail)
{
	conn->tfo = (uint16_t)((conn->tfo & ((1u << TCP_TFO_FAIL_SHIFT) - 1)) |
			       fail << TCP_TFO_FAIL_SHIFT);
}

/* One or two keys of TCP_TFO_KEY_LEN bytes. */
void tcp_tfo_keys_load(const uint8_t *bytes, size_t len, struct tcp_tfo_keys *ret);
/* Those of a listener, or the stack's. */
void tcp_tfo_keys_of(const struct tcp_conn *conn, struct tcp_tfo_keys *ret);
void tcp_tfo_cookie_make(const struct siphash_key *key, const struct ip_addr *client,
			 const struct ip_addr *server, uint8_t ret[TCP_TFO_COOKIE_LEN]);
/* A box on the way swallows such connections: none for a time. */
bool tcp_tfo_is_stopped(struct tcp_conn *conn);
/* The retransmission timer has fired, n_retries times in a row; `is_last`: it was given up. */
void tcp_tfo_on_timeout(struct tcp_conn *conn, bool is_last);
/* The connection is over. */
void tcp_tfo_on_end(struct tcp_conn *conn);

/* tcp_tfo_active.c */

/* Forgets all cookies. */
void tcp_tfo_fini(struct tcp *tcp);
/* A SYN may carry data now. */
bool tcp_tfo_may_send(struct tcp_conn *conn);
/* TCP_FASTOPEN_CONNECT: the SYN waits for data to carry. */
bool tcp_tfo_defers(struct tcp_conn *conn);
/* The first SYN, with what of the message it takes; NULL: with a request for a cookie at most. */
void tcp_tfo_syn(struct tcp_conn *conn, const struct sock_msg *msg);
/* The SYN-ACK; snd_una has moved. */
void tcp_tfo_synack(struct tcp_conn *conn, const struct tcp_seg *seg);
/* Now established: what the SYN carried and the peer did not take goes again. */
void tcp_tfo_resend(struct tcp_conn *conn);

/* tcp_tfo_passive.c */

/* A listener's queue, made when there is none. NULL: no memory. */
struct tcp_tfoq *tcp_tfoq_get(struct tcp_conn *listener);
void tcp_tfoq_unref(struct tcp_conn *conn);
/* The handshake is over, one way or the other. */
void tcp_tfoq_leave(struct tcp_conn *child, bool was_reset);
/* listen() has been called. */
void tcp_tfo_listen(struct tcp_conn *listener);
/* The SYN makes a connection at once; else `ret` says what to answer of fast open. */
bool tcp_tfo_accepts(struct tcp_conn *listener, const struct tcp_seg *seg,
		     struct tcp_tfo_reply *ret) MUST_CHECK;
/* The handshake has ended well. */
void tcp_tfo_established(struct tcp_conn *child);
void tcp_tfo_reply_opts(const struct tcp_tfo_reply *reply, struct tcp_opts *ret);
/* Makes it, with the SYN's data, and answers. False: no memory, and all is as it was. */
bool tcp_tfo_child(struct tcp_conn *listener, struct tcp_req *req, struct tcp_seg *seg,
		   const struct tcp_tfo_reply *reply) MUST_CHECK;

enum {
	TCP_REQ_NO_WSCALE = 0xff,
};

static inline bool tcp_req_has_wscale(const struct tcp_req *req)
{
	return req->wscales != TCP_REQ_NO_WSCALE;
}

static inline uint8_t tcp_req_rcv_wscale(const struct tcp_req *req)
{
	return tcp_req_has_wscale(req) ? req->wscales >> 4 : 0;
}

/* tcp_cookie.c */

/* Answers a SYN for which there is no room, and forgets it. */
void tcp_cookie_synack(struct tcp_conn *listener, const struct tcp_seg *seg);
/* An ACK to a listener: makes the connection when it brings a cookie back. DROP_TCP_NO_SOCKET: it
 * does not. */
enum drop tcp_cookie_ack(struct tcp_conn *listener, struct tcp_seg *seg) MUST_CHECK;

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

/* tcp_cc.c: congestion control of a connection, and what only a sender needs */

enum tcp_chrono {
	TCP_CHRONO_NONE,
	TCP_CHRONO_BUSY,   /* data in flight or waiting */
	TCP_CHRONO_RWND,   /* the same, and the peer's window holds it back */
	TCP_CHRONO_SNDBUF, /* the same, and the send buffer is too small for the window */
	TCP_CHRONO_N,
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
	uint32_t reo_round;   /* snd_nxt when the reordering window grew last */
	uint32_t tlp_high;    /* with TLP: snd_nxt when the probe was sent */
	uint32_t prr_cwnd;    /* the window before the reduction; 0: no reduction */
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

/* tcp_ack.c */

/* The ACK step of synchronised states: window, scoreboard, RTT, recovery, queue. */
enum drop tcp_ack(struct tcp_conn *conn, struct tcp_seg *seg) MUST_CHECK;
void tcp_ack_window(struct tcp_conn *conn, const struct tcp_seg *seg);
/* The first `n` numbers of a record have arrived, which was not known before. */
void tcp_ack_delivered(struct tcp_conn *conn, const struct tcp_txrec *rec, uint32_t n,
		       struct tcp_ack_event *ev);

/* tcp_txq.c */

/* The block for records exists: before anything is sent. False: no memory. */
bool tcp_txq_open(struct tcp_conn *conn) MUST_CHECK;
void tcp_txq_free(struct tcp_conn *conn);
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
/* A record has arrived up to `end`. */
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

/* tcp_rto.c */

void tcp_rtt_sample(struct tcp_conn *conn, uint32_t rtt_us);
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
void tcp_timer_stop_all(struct tcp_conn *conn);
void tcp_timer_fire(struct wheel_timer *timer, int64_t now_ns);
/* Sets idle_ns by state, options and when the peer was last heard. */
void tcp_idle_arm(struct tcp_conn *conn);

/* tcp_mem.c: memory of all connections */

/* The marks that suit the engine. */
void tcp_mem_default(const struct stack *st, struct tcp_conf *conf);
/* Memory that a queue pins from now on, or no more. */
void tcp_mem_add_rcv(struct tcp_conn *conn, uint32_t n);
void tcp_mem_sub_rcv(struct tcp_conn *conn, uint32_t n);
void tcp_mem_add_snd(struct tcp_conn *conn, uint32_t n);
void tcp_mem_sub_snd(struct tcp_conn *conn, uint32_t n);
/* Buffers do not grow, and windows open by tcp_mem_wnd_max() at most. */
bool tcp_mem_is_short(const struct tcp_conn *conn);
uint32_t tcp_mem_wnd_max(const struct tcp_conn *conn);
/* The connection may pin `n` bytes more to receive, or to send. */
bool tcp_mem_has_rcv(struct tcp_conn *conn, uint32_t n) MUST_CHECK;
bool tcp_mem_has_snd(struct tcp_conn *conn, uint32_t n) MUST_CHECK;
/* Nothing is left, and here is a connection that holds more than the least to send. */
bool tcp_mem_is_out(const struct tcp_conn *conn);

/* tcp_prune.c */

/* The out-of-order queue may pin `n` bytes more. */
bool tcp_reasm_has_room(struct tcp_conn *conn, uint32_t n) MUST_CHECK;

/* There is room for `n` bytes of memory with data from `seq` on, or room was made: queues are
 * packed densely, then data out of order that lies behind `seq` is thrown away, the farthest first.
 * False: to no avail. */
bool tcp_prune(struct tcp_conn *conn, uint32_t seq, uint32_t n) MUST_CHECK;

/* tcp_sndq.c */

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

/* Takes SHUT_WR into account: the FIN follows the last byte. */
void tcp_queue_fin(struct tcp_conn *conn);

void tcp_info_fill(const struct tcp_conn *conn, struct weft_tcp_info *ret);
void tcp_info_linux(const struct tcp_conn *conn, struct weft_tcp_info_linux *ret);
int tcp_conf_register(struct stack *st) MUST_CHECK;
void tcp_conf_default(struct tcp_conf *conf);
/* The block to set an option in. NULL: no memory. */
struct tcp_sockopts *tcp_sockopts_get(struct tcp_conn *conn);
int tcp_setopt(struct sock *sk, int level, int name, const void *val, size_t len);
int tcp_getopt(struct sock *sk, int level, int name, void *val, size_t *len);
