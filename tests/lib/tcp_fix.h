/* SPDX-License-Identifier: MIT */
/*
 * TCP without the layers below: this file is the IP layer of the tests (it defines ip_output(),
 * ip_route() and their kin), so that a test sees exactly the segments that TCP sends and decides
 * what becomes of them.
 *
 * Two ways of use:
 *  - one stack, the test plays the peer:
 *
 *	struct tf *f = tf_new();
 *	tf_rx(f, TSEG(.flags = TCP_F_SYN, .seq = 100));        a segment arrives
 *	struct tseg got = tf_pop(f);                            what was sent, oldest first
 *	tf_assert_silent(f);
 *
 *  - two stacks joined by a pipe with delay, loss, duplication and reordering: tf_pipe_new().
 */
#pragma once

#include "fixture.h"
#include "prng.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp_listen.h"
#include "transport/tcp/tcp_priv.h"
#include "transport/tcp/tcp_sender.h"

enum {
	TF_PORT = 80, /* ours, in tests that play the peer */
	TF_PEER_PORT = 40000,
	TF_DATA_MAX = 4096,
	TF_MTU = 1500,
};

/* What the pipe does to segments, in each direction. */
struct tf_pipe {
	int64_t delay_ns;
	int64_t jitter_ns; /* uniform; reorders */
	uint32_t loss_ppm, dup_ppm;
	uint32_t mtu; /* with `splits`: what is longer vanishes; 0: nothing does */
	bool splits;  /* super-packets into frames, checksums completed and to be verified */
	bool is_ip6;  /* the hosts have addresses of IPv6 */
	struct prng *prng;
};

struct tf_host {
	struct stack *st;
	struct ip_addr addr;
	struct netif netif;   /* only what TCP looks at */
	struct tf_host *peer; /* NULL: the test plays the peer */
	struct tf_pipe *pipe;
	struct list flying; /* struct tf_flight, by time, towards this host */
	struct wheel_timer timer;
	struct pktq sent; /* without a peer */
	uint32_t n_out;
	uint64_t digest; /* of all segments sent so far, and when */
	uint32_t gen;
	int route_err;
};

/* A segment as a test writes and reads it. */
struct tseg {
	uint32_t seq, ack, len;
	uint16_t flags, wnd, urg;
	uint16_t sport, dport; /* 0: the usual */
	uint16_t gso;          /* of what was sent */
	struct tcp_opts opts;
	const void *data; /* len bytes; NULL: 'x' */
	bool bad_csum, no_opts;
	struct ip_addr *src, *dst; /* NULL: the usual */
	bool is_broadcast;
	uint8_t payload[TF_DATA_MAX]; /* of what was sent */
};
#define TSEG(...) (&(struct tseg){.flags = TCP_F_ACK, .wnd = 65535, __VA_ARGS__})

struct tf {
	struct engine *eng;
	struct tf_host host; /* us */
	struct tf_host peer; /* with tf_pipe_new() */
	struct tf_pipe pipe[2];
	struct prng prng;
	struct sock *sk;   /* the socket under test */
	uint32_t iss, irs; /* of the socket under test; irs is the test's */
	bool ts;           /* segments that the test sends carry timestamps */
	uint32_t ts_val;
	uint32_t fail_ppm;
};

struct tf *tf_new(void);
struct tf *tf_pipe_new(const struct tf_pipe *pipe, uint64_t seed);
/* The same, short of memory: `n_pkts` packets and half as many buffers of a class (0: plenty), and
 * `fail_ppm` millionths of the allocations fail from tf_starve() on. */
struct tf *tf_poor_new(const struct tf_pipe *pipe, uint64_t seed, uint32_t n_pkts);
void tf_starve(struct tf *f, uint32_t fail_ppm);
/* Frees all and checks that nothing is left. */
void tf_end(struct tf *f);

/* No tail loss probes: what is repeated is the retransmission timer's. */
void tf_no_probes(struct tf *f);

/* Test plays the peer */
void tf_rx(struct tf *f, const struct tseg *seg);
/* The verdict of the last tf_rx(). */
enum drop tf_rx_verdict(struct tf *f, const struct tseg *seg);
/* The oldest segment sent; fails when there is none. */
struct tseg tf_pop(struct tf *f);
uint32_t tf_n_sent(const struct tf *f);
void tf_assert_silent(struct tf *f);
/* The oldest segment sent carries `len` bytes of the stream from `off` on. */
void tf_expect_data(struct tf *f, uint32_t off, uint32_t len);
void tf_ignore(struct tf *f);

struct tcp_conn *tf_conn(const struct tf *f);
#define tf_assert_state(f, s) \
	assert_string_equal(tcp_state_name(tf_conn(f)->state), tcp_state_name(s))

/* A listener on TF_PORT. */
struct sock *tf_listen(struct tf_host *h, uint16_t port, int backlog);
struct sock *tf_socket(struct tf_host *h);
struct sock *tf_connect(struct tf_host *h, const struct ip_addr *to, uint16_t port);
struct sock *tf_accept(struct sock *listener); /* NULL: none */
void tf_close(struct sock *sk);
void tf_abort(struct sock *sk);
ptrdiff_t tf_send(struct sock *sk, const void *buf, size_t len, uint32_t flags);
/* `n` bytes of the socket under test, which takes them all. */
void tf_send_n(struct tf *f, uint32_t n);
ptrdiff_t tf_recv(struct sock *sk, void *buf, size_t len, uint32_t flags);
int tf_sockopt(struct sock *sk, int name, int v);
uint32_t tf_events(const struct sock *sk);
/* Adds bytes to a digest, of which the first is any. */
uint64_t tf_digest(uint64_t digest, const void *bytes, size_t n);
/* Checks the invariants of every connection of the host. */
void tf_check(const struct tf_host *h);

/* f->sk is an active connection in the named state, everything it sent is taken. The peer's
 * numbers: irs + 1 is next; ours iss + 1. Options: MSS 1460 and what `opts` says (NULL: TS, SACK,
 * wscale 7). */
void tf_syn_sent(struct tf *f);
struct tcp_opts tf_plain_opts(void); /* MSS 1460 alone */
void tf_established(struct tf *f);
void tf_established_with(struct tf *f, const struct tcp_opts *opts);
void tf_fin_wait_1(struct tf *f);
void tf_fin_wait_2(struct tf *f);
void tf_close_wait(struct tf *f);
void tf_last_ack(struct tf *f);
void tf_closing(struct tf *f);
