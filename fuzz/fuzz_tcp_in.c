/* SPDX-License-Identifier: MIT */
/*
 * TCP as a whole, by state: the input is a program of segments, application calls, time and ICMP
 * errors. A segment's numbers are offsets from what the connection expects, and its checksum is
 * right unless the program says otherwise, so that it gets past the first checks; its options are
 * raw bytes. After every step all invariants of every connection must hold (tcp_conn_check()).
 *
 * This file stands in for the IP layer.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "transport/tcp/tcp_priv.h"

enum {
	SOCKS = 4,
	PROGRAM_MAX = 4096,
	PORT = 80,
	PEER_PORT = 1000, /* of the first socket; the next is the second's … */
	PAYLOAD_MAX = 6000,
};

struct lab {
	struct engine *eng;
	struct stack *st;
	struct netif netif;
	struct ip_addr us, peer;
	struct sock *listener;
	struct sock *socks[SOCKS];
	struct tcp_hdr sent; /* the last segment that went out */
	uint32_t gen;
	bool no_route;
	struct rd r;
};

static struct lab *lab_of(const struct stack *st)
{
	return (struct lab *)(void *)st->ip4;
}

/* The Internet layer */

int ip_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
	     struct ip_addr *ret_src)
{
	struct lab *lab = lab_of(st);

	if (lab->no_route)
		return -ENETUNREACH;
	*ret = (struct ip_dst){.netif = &lab->netif,
			       .nexthop = flow->dst,
			       .gen = lab->gen,
			       .mtu = (uint16_t)lab->netif.mtu};
	*ret_src = lab->us;
	return 0;
}

struct route_metrics ip_route_metrics(struct stack *st UNUSED, const struct ip_flow *flow UNUSED)
{
	return (struct route_metrics){0};
}

bool ip_dst_is_valid(const struct stack *st, const struct ip_dst *dst)
{
	return dst->gen == lab_of(st)->gen;
}

bool ip_addr_is_local(const struct stack *st, const struct ip_addr *addr)
{
	return ip_addr_eq(addr, &lab_of(st)->us);
}

void ip_pmtu_learn(struct stack *st, const struct ip_addr *dst, uint32_t mtu)
{
	(void)st;
	(void)dst;
	(void)mtu;
}

void ip_pmtu_conf_set(struct stack *st, uint32_t min_pmtu, uint32_t expires_s)
{
	(void)st;
	(void)min_pmtu;
	(void)expires_s;
}

void ip_dst_confirm(struct stack *st, struct ip_dst *dst)
{
	(void)st;
	(void)dst;
}

int ip_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct lab *lab = lab_of(st);
	struct tcp_opts opts;

	(void)out;
	if (lab->no_route) {
		pkt_free(pkt);
		return -ENETUNREACH;
	}
	assert(pkt->csum == PKT_CSUM_PARTIAL && pkt->lin_len >= TCP_HDR_LEN);
	tcp_hdr_read(pkt->data, &lab->sent);
	assert(lab->sent.data_off <= pkt->lin_len);
	if (tcp_opts_parse(pkt->data + TCP_HDR_LEN, lab->sent.data_off - (size_t)TCP_HDR_LEN,
			   &opts) < 0)
		abort();
	assert(pkt->len <= 65515);
	assert((pkt->gso_size ? lab->sent.data_off + pkt->gso_size : pkt->len) <=
	       lab->netif.mtu - 20);
	pkt_free(pkt);
	return 0;
}

static void check(struct lab *lab)
{
	struct sock *sk;

	list_for_each (sk, &lab->st->socks->all, link)
		tcp_conn_check(tcp_conn_of(sk));
}

static void settle(struct lab *lab)
{
	while (engine_run(lab->eng, lab->eng->now_ns))
		;
	check(lab);
}

/* Segments */

static struct sock *pick(struct lab *lab, uint8_t *ret_i)
{
	*ret_i = rd_u8(&lab->r) % SOCKS;
	return lab->socks[*ret_i];
}

/* What the connection with this peer port expects, be it a connection, half open or TIME-WAIT. */
static void expected(struct lab *lab, uint16_t rport, uint32_t *seq, uint32_t *ack)
{
	struct sock_flow flow = {.laddr = lab->us,
				 .raddr = lab->peer,
				 .lport = PORT,
				 .rport = rport,
				 .proto = IP_PROTO_TCP};
	struct conn_node *node = sock_lookup_conn(lab->st, &flow);
	const struct tcp_conn *conn;

	*seq = rport * 77777u;
	*ack = lab->sent.seq + 1;
	if (!node)
		return;
	if (node->kind == CONN_SYN) {
		*seq = container_of(node, struct tcp_req, node)->irs + 1;
		*ack = container_of(node, struct tcp_req, node)->iss + 1;
		return;
	}
	if (node->kind == CONN_TW) {
		*seq = container_of(node, struct tcp_tw, node)->rcv_nxt;
		*ack = container_of(node, struct tcp_tw, node)->snd_nxt;
		return;
	}
	conn = tcp_conn_of(sock_of_conn(node));
	*ack = conn->snd_nxt;
	if (conn->state != WEFT_TCP_SYN_SENT)
		*seq = conn->rcv_nxt;
}

/* SACK blocks within what is in flight: two bytes each, in 256ths of it. */
static size_t add_sack(struct lab *lab, uint8_t *p, uint16_t rport, uint8_t n)
{
	uint32_t seq, ack, una;
	struct sock_flow flow = {.laddr = lab->us,
				 .raddr = lab->peer,
				 .lport = PORT,
				 .rport = rport,
				 .proto = IP_PROTO_TCP};
	struct conn_node *node = sock_lookup_conn(lab->st, &flow);
	struct tcp_opts opts = {.n_sack = n % 4};

	expected(lab, rport, &seq, &ack);
	una = node && node->kind == CONN_SOCK ? tcp_conn_of(sock_of_conn(node))->snd_una : ack;
	for (uint8_t i = 0; i < opts.n_sack; i++) {
		uint32_t a = (ack - una) * rd_u8(&lab->r) / 256;

		opts.sack[i].start = una + a;
		opts.sack[i].end = una + a + (ack - una) * rd_u8(&lab->r) / 256;
	}
	return tcp_opts_write(p, &opts);
}

static size_t add_ts(struct lab *lab, uint8_t *p, uint16_t rport)
{
	struct conn_node key = {.laddr = lab->us, .raddr = lab->peer};
	struct tcp_opts opts = {.has_ts = true};

	(void)rport;
	opts.ts_val = 100000 + tcp_clock_ms(lab->st) + rd_u8(&lab->r) - 128;
	opts.ts_ecr = tcp_clock_ms(lab->st) + tcp_ts_offset(lab->st, &key);
	return tcp_opts_write(p, &opts);
}

/* None, raw, timestamps, or SACK blocks. */
static size_t add_opts(struct lab *lab, uint8_t *p, uint16_t rport, uint8_t how)
{
	size_t n = 0;

	switch (how % 4) {
	case 0:
		return 0;
	case 1:
		n = (how >> 2 & 7) * 4u;
		rd_copy(&lab->r, p, n);
		return n;
	case 2:
		return add_ts(lab, p, rport);
	default:
		n = how & 64 ? add_ts(lab, p, rport) : 0;
		return n + add_sack(lab, p + n, rport, how >> 2 & 3);
	}
}

static void op_segment(struct lab *lab)
{
	static const int32_t steps[] = {0, 1, 100, 1000, 1460, 30000, 70000, 1 << 30};
	struct ip_info info = {.src = lab->peer, .dst = lab->us, .proto = IP_PROTO_TCP, .ttl = 64};
	uint16_t rport = PEER_PORT + rd_u8(&lab->r) % SOCKS;
	uint8_t how = rd_u8(&lab->r), num = rd_u8(&lab->r), opts = rd_u8(&lab->r);
	struct tcp_hdr hdr = {.src_port = rport, .dst_port = PORT};
	uint32_t len = how & 3 ? 0 : rd_be16(&lab->r) % PAYLOAD_MAX;
	uint8_t bytes[TCP_HDR_MAX] = {0};
	struct pkt *pkt;
	enum drop why;
	size_t hdr_len;
	uint8_t *p;

	expected(lab, rport, &hdr.seq, &hdr.ack);
	hdr.flags = rd_u8(&lab->r);
	hdr.wnd = (uint16_t)(rd_u8(&lab->r) << 8);
	hdr.urg = how & 64 ? rd_be16(&lab->r) : 0;
	hdr.seq += (uint32_t)(num & 8 ? -steps[num & 7] : steps[num & 7]);
	hdr.ack += (uint32_t)(num & 128 ? steps[num >> 4 & 7] : -steps[num >> 4 & 7]);
	hdr_len = TCP_HDR_LEN + add_opts(lab, bytes + TCP_HDR_LEN, rport, opts);
	hdr.data_off = (uint8_t)hdr_len;
	if (how == 255)
		hdr.data_off = 16;
	tcp_hdr_write(bytes, &hdr);
	pkt = pkt_alloc(&lab->eng->pkts, (uint32_t)hdr_len + len);
	if (!pkt)
		return;
	p = pkt_put(pkt, (uint32_t)hdr_len + len);
	memcpy(p, bytes, hdr_len);
	memset(p + hdr_len, 'x', len);
	pkt->l4_off = pkt_off(pkt);
	pkt->netif = &lab->netif;
	tcp_csum_defer(pkt, &info.src, &info.dst);
	if (how & 4 && pkt_csum_complete(pkt) == 0)
		pkt->csum = PKT_CSUM_NONE;
	if (how & 8)
		pkt->gso_size = 1460;
	info.is_broadcast = how == 254;
	why = lab->st->ip_protos[IP_PROTO_TCP]->input(lab->st, pkt, &info);
	if (why != DROP_NONE) {
		assert(pkt->data == p && pkt->len == hdr_len + len);
		pkt_drop(lab->st, pkt, why);
	}
	check(lab);
	if (how & 16)
		settle(lab);
}

static void op_error(struct lab *lab)
{
	uint8_t how = rd_u8(&lab->r);
	uint16_t rport = PEER_PORT + how % SOCKS;
	struct icmp_err err = {.src = lab->us, .dst = lab->peer, .err = EHOSTUNREACH};
	uint8_t quote[8];
	uint32_t seq, ack;

	expected(lab, rport, &seq, &ack);
	if (how & 16)
		err.mtu = 40 + rd_be16(&lab->r);
	store_be16(quote, PORT);
	store_be16(quote + 2, rport);
	store_be32(quote + 4, ack - (how >> 6));
	tcp_error(lab->st, &err, quote, how & 32 ? 7 : 8);
	check(lab);
}

/* The application */

static void op_connect(struct lab *lab)
{
	uint8_t i;
	struct sock *sk = pick(lab, &i);

	if (!sk) {
		if (tcp_proto.create(lab->st, WEFT_AF_INET, 0, &sk) < 0)
			return;
		sk->conn.flags |= CONN_F_REUSEADDR;
		lab->socks[i] = sk;
		(void)!tcp_proto.bind(sk, &lab->us, PORT);
	}
	(void)!tcp_proto.connect(sk, &lab->peer, (uint16_t)(PEER_PORT + i));
}

static void op_accept(struct lab *lab)
{
	uint8_t i;

	if (pick(lab, &i) || !lab->listener)
		return;
	(void)!tcp_proto.accept(lab->listener, &lab->socks[i]);
}

static void op_listen(struct lab *lab)
{
	static const struct ip_addr any;
	uint8_t how = rd_u8(&lab->r);

	if (lab->listener && how & 1) {
		lab->listener->flags |= SOCK_F_ORPHAN;
		tcp_proto.close(lab->listener, false);
		lab->listener = NULL;
		return;
	}
	if (lab->listener) {
		(void)!tcp_proto.listen(lab->listener, how >> 4);
		return;
	}
	if (tcp_proto.create(lab->st, WEFT_AF_INET, 0, &lab->listener) < 0)
		return;
	lab->listener->conn.flags |= CONN_F_REUSEADDR;
	if (tcp_proto.bind(lab->listener, &any, PORT) == 0 &&
	    tcp_proto.listen(lab->listener, how >> 4) == 0)
		return;
	lab->listener->flags |= SOCK_F_ORPHAN;
	tcp_proto.close(lab->listener, false);
	lab->listener = NULL;
}

static void op_send(struct lab *lab)
{
	static uint8_t buf[65536];
	uint8_t i;
	struct sock *sk = pick(lab, &i);
	struct weft_iovec iov = {.base = buf, .len = rd_be16(&lab->r)};
	struct sock_msg msg = {.iov = &iov, .n_iov = 1, .n_bytes = iov.len};

	msg.flags = rd_u8(&lab->r) & 1 ? WEFT_MSG_MORE : 0;
	if (sk)
		(void)!tcp_proto.send(sk, &msg);
}

static void op_recv(struct lab *lab)
{
	static uint8_t buf[65536];
	uint8_t i;
	struct sock *sk = pick(lab, &i);
	struct weft_iovec iov = {.base = buf, .len = rd_be16(&lab->r)};
	struct sock_msg msg = {.iov = &iov, .n_iov = 1, .n_bytes = iov.len};

	msg.flags = rd_u8(&lab->r) & 1 ? WEFT_MSG_PEEK : 0;
	if (sk)
		(void)!tcp_proto.recv(sk, &msg);
}

static void op_close(struct lab *lab)
{
	uint8_t i, how = rd_u8(&lab->r);
	struct sock *sk = pick(lab, &i);

	if (!sk)
		return;
	if (how & 4) {
		(void)!tcp_proto.shutdown(sk, how & 1, how & 2);
		return;
	}
	sk->flags |= SOCK_F_ORPHAN;
	tcp_proto.close(sk, how & 1);
	lab->socks[i] = NULL;
}

static void op_setopt(struct lab *lab)
{
	static const int names[] = {WEFT_TCP_NODELAY,  WEFT_TCP_CORK,        WEFT_TCP_MAXSEG,
				    WEFT_TCP_KEEPIDLE, WEFT_TCP_KEEPINTVL,   WEFT_TCP_KEEPCNT,
				    WEFT_TCP_QUICKACK, WEFT_TCP_USER_TIMEOUT};
	uint8_t i, how = rd_u8(&lab->r);
	struct sock *sk = pick(lab, &i);
	int v = rd_be16(&lab->r);

	if (!sk)
		return;
	if (how & 128) {
		sk->flags ^= SOCK_F_KEEPALIVE;
		(void)!tcp_proto.setopt(sk, WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE, &v, sizeof(v));
	} else if (how & 64) {
		sk->rcvbuf_bytes = SOCK_RCVBUF_MIN + (uint32_t)v;
		(void)!tcp_proto.setopt(sk, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, &v, sizeof(v));
	} else if (how & 32) {
		sk->flags ^= SOCK_F_LINGER;
	} else {
		(void)!tcp_proto.setopt(sk, WEFT_IPPROTO_TCP, names[how % ARRAY_SIZE(names)], &v,
					sizeof(v));
	}
}

/* Up to months, stopping at every deadline: a wrong one would spin here. */
static void op_time(struct lab *lab)
{
	uint8_t how = rd_u8(&lab->r);
	int64_t ms = ((int64_t)(how & 15) + 1) << (how >> 4) * 2;
	int64_t end_ns = lab->eng->now_ns + ms * 1000000;
	int steps = 0;

	settle(lab);
	for (int64_t next; (next = engine_next_ns(lab->eng)) <= end_ns; steps++) {
		assert(steps < 100000);
		(void)engine_run(lab->eng, next);
		check(lab);
	}
	(void)engine_run(lab->eng, end_ns);
	settle(lab);
}

static void op_world(struct lab *lab)
{
	uint8_t how = rd_u8(&lab->r);

	if (how & 1)
		lab->no_route = !lab->no_route;
	if (how & 2)
		lab->netif.mtu = 300 + (how >> 4) * 80u;
	lab->gen++;
}

static void step(struct lab *lab)
{
	switch (rd_u8(&lab->r) % 16) {
	case 0:
		op_connect(lab);
		break;
	case 1:
		op_listen(lab);
		break;
	case 2:
		op_accept(lab);
		break;
	case 3:
		op_send(lab);
		break;
	case 4:
		op_recv(lab);
		break;
	case 5:
		op_close(lab);
		break;
	case 6:
		op_setopt(lab);
		break;
	case 7:
	case 8:
		op_time(lab);
		break;
	case 9:
		op_error(lab);
		break;
	case 10:
		op_world(lab);
		break;
	default:
		op_segment(lab);
		break;
	}
	check(lab);
}

static void lab_init(struct lab *lab, uint8_t how)
{
	struct engine_config cfg = {.now_ns = 1000000, .has_seed = true, .seed = 1};
	struct ip4_addr us = IP4_ADDR(10, 0, 0, 1), peer = IP4_ADDR(10, 0, 0, 2);
	struct tcp_conf *conf;

	cfg.limits = (struct pkt_limits){400, {100, 100, 100}};
	if (engine_new(&cfg, &lab->eng) < 0)
		abort();
	lab->st = stack_new(lab->eng, "fuzz");
	if (!lab->st)
		abort();
	lab->st->ip4 = (struct ip4 *)(void *)lab;
	lab->us = ip_addr_from_ip4(&us);
	lab->peer = ip_addr_from_ip4(&peer);
	lab->gen = 1;
	lab->netif.mtu = 1500;
	lab->netif.gso_max_bytes = 65535;
	lab->netif.index = 1;
	lab->netif.stack = lab->st;
	list_init(&lab->netif.taps);
	if (sock_table_init(lab->st) < 0 || tcp_init(lab->st) < 0)
		abort();
	conf = &lab->st->tcp->conf;
	conf->timestamps = how & 1;
	conf->sack = how >> 1 & 1;
	conf->window_scaling = how >> 2 & 1;
	conf->rfc1337 = how >> 3 & 1;
	conf->max_syn_backlog = how & 16 ? 2 : 1024;
	conf->max_tw_buckets = how & 32 ? 1 : 1024;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab lab = {.r = rd_make(data, size < PROGRAM_MAX ? size : PROGRAM_MAX)};

	lab_init(&lab, rd_u8(&lab.r));
	while (rd_left(&lab.r) > 0)
		step(&lab);
	lab.no_route = true;
	stack_free(lab.st);
	engine_free(lab.eng); /* asserts that every packet and buffer is back */
	return 0;
}
