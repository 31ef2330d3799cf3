/* SPDX-License-Identifier: MIT */
/*
 * TCP as its neighbours see it: what a stack has of it, and what tools ask it.
 *
 * Packets come in through the IP protocol table, the application through `tcp_proto`. The inside of
 * the module is tcp_priv.h; README.md lists the files in reading order.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/spares.h"
#include "base/wheel.h"
#include "transport/sock.h"
#include "weft/socket.h"

struct tcp_conn;
struct tcp_tw;
struct tcp_txq;
struct tcp_req;

enum {
	TCP_TFO_KEYS = 2, /* the one that makes cookies, and an older one */
	TCP_TFO_KEY_LEN = 16,
};

/* net.ipv4.tcp_fastopen */
enum {
	TCP_TFO_CLIENT = 0x1,
	TCP_TFO_SERVER = 0x2,
	TCP_TFO_CLIENT_NO_COOKIE = 0x4,   /* sends data without a cookie */
	TCP_TFO_SERVER_NO_COOKIE = 0x200, /* takes data without a cookie */
	TCP_TFO_SERVER_ALL = 0x400,       /* listeners need not ask */
};

/* Settings of a stack (sysctl net.ipv4.tcp_*); defaults are Linux's. */
struct tcp_conf {
	uint32_t rmem_min; /* bytes, memory behind the queue as Linux counts it */
	uint32_t rmem_default;
	uint32_t rmem_max;
	uint32_t wmem_min;
	uint32_t wmem_default;
	uint32_t wmem_max;
	uint32_t notsent_lowat;
	uint32_t fastopen; /* TCP_TFO_* above */
	uint32_t tfo_blackhole_timeout_s;
	uint32_t tfo_key[8]; /* two keys; zeroes: a random one, and none */
	uint32_t mem_min;    /* pages of 4 KiB: marks of what all connections hold */
	uint32_t mem_pressure;
	uint32_t mem_max;
	uint32_t max_tw_buckets;
	uint32_t max_syn_backlog; /* entries of a listener's SYN queue */
	uint32_t fin_timeout_s;
	uint32_t keepalive_time_s;
	uint32_t keepalive_intvl_s;
	uint32_t delack_ms;
	uint32_t rto_initial_ms;
	uint32_t rto_min_ms;
	uint32_t rto_max_ms;
	uint32_t ts_tick_ms;
	uint32_t tw_timeout_s;
	uint32_t init_cwnd; /* segments; 0: RFC 5681's */
	uint32_t invalid_ratelimit_ms;
	uint32_t challenge_ack_limit;
	uint32_t min_pmtu;
	uint32_t mtu_expires_s;
	uint32_t base_mss; /* where the search of the path MTU begins */
	uint32_t min_snd_mss;
	uint32_t mtu_probe_floor;
	uint32_t probe_threshold; /* bytes */
	uint32_t probe_interval_s;
	uint16_t pacing_ss_ratio; /* percent */
	uint16_t pacing_ca_ratio;
	uint8_t keepalive_probes;
	uint8_t syn_retries;
	uint8_t synack_retries;
	uint8_t retries2;
	uint8_t orphan_retries;
	uint8_t timestamps; /* 0 or 1 */
	uint8_t sack;
	uint8_t window_scaling;
	uint8_t slow_start_after_idle; /* 0; 1: RFC 2861; 2: RFC 7661 */
	uint8_t moderate_rcvbuf;
	uint8_t rfc1337;
	uint8_t syn_loss_iw;
	uint8_t stdurg;
	uint8_t syncookies;
	uint8_t profile; /* enum tcp_profile: what was set last */
	uint8_t rto_min_of_variance;
	uint8_t quickacks;
	uint8_t fin_ack_waits;
	uint8_t retries1;
	uint8_t reordering;
	uint8_t max_reordering;
	uint8_t recovery; /* bits: 1 RACK, 2 its window is constant, 4 whatever the duplicates say
			   */
	uint8_t early_retrans; /* 3, 4: loss probes */
	uint8_t frto;
	uint8_t reduce_again; /* 0 or 1 */
	uint8_t paws_window;
	uint8_t nagle_minshall;
	uint8_t push_bursts;
	uint8_t icmp_fails_connect;
	uint8_t icmp_aborts;
	uint8_t ecn; /* 0 never, 1 ask and agree, 2 agree */
	uint8_t ecn_fallback;
	uint8_t mtu_probing;        /* 0 never, 1 out of black holes, 2 always */
	uint8_t congestion_control; /* cc_at() */
};

/* Values of the setting tcp.profile. */
enum tcp_profile {
	TCP_PROFILE_LINUX = 0,
	TCP_PROFILE_RFC = 1,
};

struct tcp_tfo_peer;

/* Fast open of a stack. */
struct tcp_tfo {
	struct siphash_key key;     /* while none is set */
	struct tcp_tfo_peer *peers; /* servers whose cookies we have, in no order */
	uint32_t n_peers, cap_peers;
	uint64_t n_uses;
	int64_t stop_ns;  /* when a box that swallows it was found last */
	uint32_t n_stops; /* how often in a row */
};

struct tcp {
	struct stack *st;
	struct tcp_conf conf;
	struct siphash_key isn_key;
	struct siphash_key ts_key;
	struct siphash_key cookie_key;
	struct tcp_tfo tfo;
	uint32_t challenge_s; /* one up: engine second that challenges_left is of */
	uint32_t challenges_left;
	struct list tw;       /* struct tcp_tw, longest waiting first */
	struct spares txqs;   /* blocks for records, of the least size (tcp_txq.c) */
	struct spares lents;  /* struct tcp_sndblk of lent bytes (tcp_sndq.c) */
	uint64_t mem_bytes;   /* what all connections hold (tcp_mem.c) */
	int64_t mem_short_ns; /* since when memory is short; 0: it is not */
	uint32_t n_conns;     /* struct tcp_conn in any state */
	uint32_t n_tw;
	bool has_no_fast;   /* of tests: every segment takes the general path (tcp_fast.c) */
	uint64_t n_fast[2]; /* segments that took the short one, in and out */
	struct wheel_timer tw_timer; /* of the first on `tw` */
	/* Called with the final figures of a connection. */
	void (*on_end)(void *arg, const struct sock *sk, const struct weft_tcp_info *info);
	void *on_end_arg;
};

extern const struct sock_proto tcp_proto;

/* Sets up st->tcp: protocol, sockets, settings. After sock_table_init() and the IP layer. 0 or
 * -Exxx. */
int tcp_init(struct stack *st) MUST_CHECK;
/* Who is told when a connection ends; NULL: nobody. */
void tcp_on_end(struct stack *st,
		void (*fn)(void *arg, const struct sock *sk, const struct weft_tcp_info *info),
		void *arg);
/* Every connection ends with a RST, every socket of the application is closed: the stack goes and
 * its addresses stay. */
void tcp_reset_all(struct stack *st);
/* Figures of a connection or listener; `sk` must be TCP's. */
void tcp_info_get(const struct sock *sk, struct weft_tcp_info *ret);
/* What is known of a SYN-queue or TIME-WAIT entry: `timer`, `timer_tries`, `timer_ns`, `owner`. */
void tcp_node_info(const struct stack *st, const struct conn_node *node,
		   struct weft_sock_info *ret);
/* enum weft_tcp_state of any node of the connection table that is TCP's. */
uint8_t tcp_node_state(const struct conn_node *node);
/* "ESTABLISHED" …, as RFC 9293 writes them. */
const char *tcp_state_name(uint8_t state);
