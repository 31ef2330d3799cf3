/* SPDX-License-Identifier: MIT */
/*
 * The memory of a TCP connection, by cache line. doc/tcp-connection.md says why it is laid out so.
 *
 * A connection that is established and idle is this struct and nothing else: queues hold no
 * buffers, and records of what is in flight, out-of-order queue and listener state are blocks of
 * their own that exist while they have something in them. Connections in TIME-WAIT and half-open
 * ones (SYN received) are not struct tcp_conn at all: see struct tcp_tw and struct tcp_req.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "base/wheel.h"
#include "core/engine.h"
#include "ip/ip4_opts.h"
#include "pkt/pkt.h"
#include "transport/cc/cc.h"
#include "transport/errq.h"
#include "transport/sock.h"
#include "transport/sock_ip6.h"
#include "weft/socket.h"
#include "wire/tcp.h"

/* tcp_conn->flags */
enum {
	/* agreed in the handshake */
	TCPC_TS = 1 << 0,
	TCPC_SACK = 1 << 1,
	TCPC_WSCALE = 1 << 2,
	/* what to do at the end of the batch (tcp_conn_work()) */
	TCPC_ACK_NOW = 1 << 3,
	TCPC_OUTPUT = 1 << 4,
	TCPC_ACK_DELAYED = 1 << 5, /* an ACK is owed; delack_ns says by when */
	TCPC_DSACK = 1 << 6,       /* dsack is to be reported in the next ACK */
	/* the two directions */
	TCPC_FIN_QUEUED = 1 << 7, /* the application has finished: FIN follows the last byte */
	TCPC_FIN_SENT = 1 << 8,   /* snd_nxt includes it */
	TCPC_FIN_RCVD = 1 << 9,   /* rcv_nxt includes it */
	/* the application */
	TCPC_NOSPACE = 1 << 10, /* it was told to wait for room to send */
	TCPC_SNDBUF_LOCK = 1 << 11,
	TCPC_RCVBUF_LOCK = 1 << 12,
	TCPC_PMTU_FLOOR = 1 << 13,   /* the path claims less than we send: let routers fragment */
	TCPC_PROTO_REF = 1 << 14,    /* the protocol holds a reference */
	TCPC_PINGPONG = 1 << 15,     /* interactive: replies carry our ACKs */
	TCPC_PASSIVE = 1 << 16,      /* made by a listener */
	TCPC_ACCEPTQ = 1 << 17,      /* waits in an accept queue */
	TCPC_RTT_TIMING = 1 << 18,   /* rtt_seq is being timed */
	TCPC_MEM_WAIT = 1 << 19,     /* the last attempt to send found no memory */
	TCPC_CWND_LIMITED = 1 << 20, /* the congestion window kept data back in this flight */
	TCPC_ENDED = 1 << 21,        /* final figures were reported */
	TCPC_QUICKACK = 1 << 22,     /* TCP_QUICKACK asked for */
	TCPC_MORE = 1 << 23,         /* the last send had MSG_MORE: as if corked */
	/* urgent data (tcp_urg.c) */
	TCPC_SND_URG = 1 << 24,    /* snd_up is beyond snd_una */
	TCPC_RCV_URG = 1 << 25,    /* rcv_urg is where the peer's urgent byte is, or will be */
	TCPC_URG_READ = 1 << 26,   /* with RCV_URG: it has been read out of band */
	TCPC_INQ = 1 << 27,        /* TCP_INQ */
	TCPC_CONNECTING = 1 << 29, /* connect() has not been told yet that it has succeeded */
	TCPC_EOR = 1 << 28,        /* there are ends of records in the send queue (MSG_EOR) */
	TCPC_MTUP = 1 << 30,       /* the path MTU is searched by probes (tcp_mtup.c) */
};

/* sock->flags of TCP's own */
enum {
	TCP_SOCK_F_NOMEM = SOCK_F_FREE, /* the last send found no memory: not writable until told */
};

enum {
	/* what the application set, which outlives a failed connect() */
	TCPC_OPTIONS = TCPC_SNDBUF_LOCK | TCPC_RCVBUF_LOCK | TCPC_QUICKACK | TCPC_INQ,
};

/* tcp_conn->ca_state, with Linux's values */
enum tcp_ca_state {
	TCP_CA_OPEN = 0,
	TCP_CA_DISORDER = 1, /* something was selectively acknowledged, nothing is held lost */
	TCP_CA_REDUCED = 2,  /* only TCP_INFO's: tcp_ecn_is_reducing() */
	TCP_CA_RECOVERY = 3, /* fast recovery until snd_una reaches `recover` */
	TCP_CA_LOSS = 4,     /* after a timeout */
};

/* tcp_conn->ecn (RFC 3168, tcp_ecn.c) */
enum {
	TCP_ECN_OK = 1 << 0,    /* agreed in the handshake */
	TCP_ECN_ECE = 1 << 1,   /* as receiver: a mark came, every ACK says so until CWR comes */
	TCP_ECN_CWR = 1 << 2,   /* as sender: the next new data tells that the window is smaller */
	TCP_ECN_CE = 1 << 3,    /* RFC 8257 §3.2: DCTCP.CE, the last data was marked */
	TCP_ECN_EXACT = 1 << 4, /* marks are echoed one by one */
	TCP_ECN_ASKED = 1 << 5, /* the SYN had ECE and CWR */
	TCP_ECN_SEEN = 1 << 6,  /* the peer sends ECT: a missing mark means something */
	TCP_ECN_ROUTE = 1 << 7, /* the route asks for it, whatever the setting is */
};

/* tcp_conn->tfo: fast open (tcp_tfo.c) */
enum {
	TCP_TFO_ASKED = 1 << 0,    /* our SYN had the option */
	TCP_TFO_EXP = 1 << 1,      /* in the experimental form */
	TCP_TFO_DATA = 1 << 2,     /* our SYN carried data */
	TCP_TFO_TAKEN = 1 << 3,    /* all data of the SYN, ours or the peer's, was acknowledged */
	TCP_TFO_DEFERRED = 1 << 4, /* in SYN-SENT: the SYN waits for the first data */
	TCP_TFO_CHILD = 1 << 5,    /* made by a SYN with a good cookie, handshake under way */
	TCP_TFO_CHECK = 1 << 6,    /* tried after a stop: if data comes, all is well again */
	TCP_TFO_FAIL_SHIFT = 8,    /* two bits: enum weft_tfo_fail */
};

/* What rexmt_ns is the deadline of. */
enum tcp_rexmt_kind {
	TCP_REXMT_NONE,
	TCP_REXMT_RTO,   /* data, SYN or FIN in flight (RFC 6298) */
	TCP_REXMT_PROBE, /* nothing in flight, but something waits: zero window, Nagle, cork */
	TCP_REXMT_MEM,   /* no memory when we wanted to send */
	TCP_REXMT_TLP,   /* a loss probe (RFC 8985 §7) */
	TCP_REXMT_REO,   /* what may have been overtaken is lost by then (RFC 8985 §6.3) */
};

struct tcp_sndblk;
struct tcp_txq;
struct tcp_tfoq;
struct tcp_reasm;
struct tcp_listen;

/* Send queue: the bytes from snd_una to snd_end, in blocks (tcp_sndq.c). */
struct tcp_sndq {
	struct tcp_sndblk *first;
	struct tcp_sndblk *last;
	struct tcp_sndblk *cursor; /* where the last segment ended; NULL: nowhere */
};

/* Options of a socket that few set: a block of its own from the first one on (tcp_opt.c). Zero, but
 * for pmtudisc, is what a socket has that set none. */
struct tcp_sockopts {
	uint32_t user_timeout_ms; /* TCP_USER_TIMEOUT; 0: none */
	uint32_t window_clamp;    /* TCP_WINDOW_CLAMP; 0: none */
	uint32_t notsent_lowat;   /* TCP_NOTSENT_LOWAT; 0: the stack's */
	uint32_t rcvlowat;        /* SO_RCVLOWAT; 0: a byte */
	uint16_t keepidle_s;      /* 0: the stack's, also below */
	uint16_t keepintvl_s;
	uint16_t mss_user; /* TCP_MAXSEG; 0: none */
	uint8_t keepcnt;
	uint8_t syncnt;   /* TCP_SYNCNT */
	int8_t linger2_s; /* TCP_LINGER2; -1: no FIN-WAIT-2 after close */
	uint8_t n_defer;  /* TCP_DEFER_ACCEPT, in repetitions of the SYN-ACK; 0: off */
	bool tfo_connect; /* TCP_FASTOPEN_CONNECT */
	bool tfo_no_cookie;
	uint8_t pmtudisc; /* WEFT_IP_PMTUDISC_* */
	uint32_t wants;   /* DGRAM_WANTS_*: but for the errors only kept */
	struct errq errq;
	struct ip4_opts ip4_opts; /* IP_OPTIONS; of a listener's connection, the answer to its SYN's
				   */
	struct sock_ip6 ip6;
	/* A listener's fast open; of a connection with TCP_TFO_CHILD, the queue that it counts in.
	 */
	struct tcp_tfoq *tfoq;
};

struct tcp_conn {
	struct sock sk;

	/* every segment, either direction */
	uint8_t state;      /* enum weft_tcp_state */
	uint8_t ca_state;   /* enum tcp_ca_state */
	uint8_t rexmt_kind; /* enum tcp_rexmt_kind */
	uint8_t n_retries;  /* timeouts or probes in a row without an answer */
	uint32_t flags;     /* TCPC_* */

	/* receiving */
	uint32_t rcv_nxt;
	uint32_t rcv_wup;     /* rcv_nxt in the last ACK we sent (RFC 7323 Last.ACK.sent) */
	uint32_t rcv_adv;     /* right edge of the window we advertised; never moves back */
	uint32_t ts_recent;   /* RFC 7323 TS.Recent */
	uint32_t ts_recent_s; /* engine seconds when it was set */
	uint32_t ts_off;      /* added to the millisecond clock in our timestamps */

	/* sending */
	uint32_t snd_una;
	uint32_t snd_nxt;
	uint32_t snd_end; /* one past the last byte that the application wrote */
	uint32_t snd_wnd; /* bytes */
	uint32_t snd_wl1;
	uint32_t snd_wl2;
	uint32_t snd_sml;     /* end of the last small segment sent (Minshall's Nagle) */
	uint32_t snd_wnd_max; /* largest window the peer ever offered */
	uint16_t mss;         /* payload of a full segment that we send, options subtracted */
	uint16_t mss_peer;    /* what the peer's SYN said */
	uint16_t advmss;      /* what our SYN said */
	uint16_t rcv_mss;     /* largest segment seen from the peer: its likely MSS */
	uint16_t gso_max;     /* payload and headers of a super-packet on this route */
	uint16_t pmtu;        /* what an ICMP error said; 0: the route's */
	uint8_t snd_wscale;   /* 0 to 14 */
	uint8_t rcv_wscale;   /* 0 to 14 */
	uint8_t n_quickacks;  /* ACKs to send without delay */
	uint8_t n_keepalives; /* sent without an answer */
	uint16_t n_dupacks;   /* in a row; saturates */
	uint8_t soft_err;     /* errno of the last ICMP error that did not end us */
	uint8_t n_mem_tries;  /* attempts to send in a row that found no memory */
	uint16_t pmtu_s;      /* with pmtu: engine seconds when it was learned, wraps */
	struct cc_state cc;   /* cwnd, ssthresh; cc.priv is the end of a struct tcp_sender */
	struct tcp_sndq sndq;
	struct pktq rcvq;      /* in-order payload */
	uint32_t rcv_truesize; /* memory behind rcvq and the out-of-order queue */
	uint32_t snd_truesize; /* memory behind sndq */

	/* recovery */
	uint32_t recover; /* snd_nxt when the last recovery began; below snd_una: long ago */
	uint32_t rtt_seq;
	uint8_t n_backoffs;      /* of the retransmission timeout; until an RTT sample (Karn) */
	uint8_t reordering;      /* segments that may be overtaken before we hold one lost */
	bool is_wnd_shut;        /* as receiver: the last window field that we sent was 0 */
	uint32_t last_text_ms;   /* engine milliseconds, wraps: when data came in last */
	struct tcp_txq *txq;     /* what is in flight; NULL: nothing */
	struct tcp_reasm *reasm; /* as receiver; NULL: nothing is out of order */

	/* time */
	struct wheel_timer timer; /* the earliest of the three deadlines */
	struct engine_work work;
	int64_t rexmt_ns; /* deadlines; 0: not set */
	int64_t delack_ns;
	int64_t idle_ns;           /* keepalive, FIN-WAIT-2 */
	uint32_t rtt_us;           /* engine microseconds, wraps: when rtt_seq was sent */
	uint32_t rexmt_started_ms; /* with n_retries: engine ms of the first timeout */
	uint32_t last_snd_ms;      /* data sent last */
	uint32_t last_rcv_ms;      /* anything received last */
	uint32_t srtt_us8;         /* smoothed, in eighths */
	uint32_t rttvar_us4;       /* in quarters */
	uint32_t rto_us;
	uint32_t rtt_min_us;
	uint32_t snd_up;  /* with TCPC_SND_URG: one past the urgent byte */
	uint32_t rcv_urg; /* with TCPC_RCV_URG: the urgent byte's number */

	union {
		struct {                     /* receive-buffer tuning (tcp_rcvq.c) */
			uint32_t drs_read;   /* stream position read at drs_us */
			uint32_t drs_space;  /* bytes read in the last round trip that set it */
			uint32_t drs_us;     /* engine microseconds, wraps */
			uint32_t drs_rtt_us; /* from our ACK to the data that it allowed */
		};
		struct list accept_link; /* with TCPC_ACCEPTQ: nobody can read yet */
	};

	/* rarely */
	uint32_t iss;
	uint32_t irs;
	struct tcp_sack_block dsack;
	uint32_t handshake_us;
	uint16_t tfo;                  /* TCP_TFO_* */
	struct tcp_sockopts *sockopts; /* what the application set; NULL: nothing of it */
	struct tcp_listen *listen;     /* in LISTEN; with TCPC_ACCEPTQ, the listener's */

	/* figures (struct weft_tcp_info) */
	uint64_t bytes_acked;
	uint64_t bytes_rcvd;
	uint64_t bytes_rexmt;
	int64_t established_ns;
	uint32_t n_rexmt;
	uint32_t segs_out;
	uint32_t segs_in;
	uint32_t data_segs_out;
	uint32_t data_segs_in;
	uint32_t n_ooo_in;     /* segments that came out of order */
	uint16_t n_dsack_in;   /* duplicates that the peer reported; saturates */
	uint16_t n_reord_seen; /* saturates */
	uint8_t ecn;           /* TCP_ECN_* */
};

enum {
	TCP_CONN_BYTES_MAX = 704,
};
static_assert(sizeof(struct tcp_conn) <= TCP_CONN_BYTES_MAX, "doc/tcp-connection.md");
static_assert(offsetof(struct tcp_conn, sk) == 0, "a socket and its connection are one object");

/* A SYN that was answered: what LISTEN keeps until the handshake's last ACK (tcp_req.c). */
struct tcp_req {
	struct conn_node node; /* CONN_SYN; hash_link.room: with TCP_REQ_ACKED, see there */
	struct tcp_conn *listener;
	uint32_t iss;
	uint32_t irs;
	uint32_t ts_recent;
	uint32_t due_ms;   /* engine milliseconds, wraps: when to send the SYN-ACK again */
	uint16_t slot;     /* in listener->listen->reqs */
	uint16_t mss_peer; /* 0: the SYN had no MSS option */
	uint16_t snd_wnd;  /* the SYN's window, never scaled */
	uint8_t wscales;   /* ours << 4 | peer's; TCP_REQ_NO_WSCALE: none */
	uint8_t flags : 4; /* TCP_REQ_* */
	uint8_t n_retries : 4;
};
static_assert(sizeof(struct tcp_req) <= 128, "a SYN costs two lines");

/* With CONN_F_OPTS in node.flags, an entry whose SYN had IPv4 options that the answer has, too. */
struct tcp_req_opts {
	struct tcp_req req;
	struct ip4_opts opts;
};

enum {
	TCP_REQ_TS = 1 << 0,
	TCP_REQ_SACK = 1 << 1,
	TCP_REQ_ECN = 1 << 2,
	/* The handshake is complete, data is waited for (TCP_DEFER_ACCEPT). What was known then
	 * stays: milliseconds since the SYN-ACK << 4 | n_retries. */
	TCP_REQ_ACKED = 1 << 3,
	TCP_REQ_RTT_MAX_MS = (1 << 28) - 1,
};

/* What is remembered of a connection in TIME-WAIT (tcp_time_wait.c). */
struct tcp_tw {
	struct conn_node node; /* CONN_TW; hash_link.room: the last window, as on the wire */
	struct list link;      /* tcp->tw, longest waiting first */
	uint32_t since_ms;     /* engine milliseconds, wraps */
	uint32_t snd_nxt;
	uint32_t rcv_nxt;
	uint32_t ts_recent; /* 0: the connection had no timestamps */
};
static_assert(sizeof(struct tcp_tw) <= 128, "TIME-WAIT costs two lines");
