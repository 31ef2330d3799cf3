/* SPDX-License-Identifier: MIT */
/*
 * TCP as a whole, by state: the input is a program of segments, application calls, time and ICMP
 * errors. A segment's numbers are offsets from what the connection expects, and its checksum is
 * right unless the program says otherwise, so that it gets past the first checks; its options are
 * raw bytes. Settings change and allocations fail as the program says. After every step all
 * invariants of every connection must hold (tcp_conn_check()).
 *
 * This file stands in for the IP layer.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "core/sysctl.h"
#include "transport/tcp/tcp_priv.h"

enum {
	SOCKS = 4,
	PROGRAM_MAX = 4096,
	PORT = 80,
	PEER_PORT = 1000, /* of the first socket; the next is the second's … */
	PAYLOAD_MAX = 6000,
	TIME_STEPS_MAX = 3000,
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
	uint32_t fail_in, fail_again; /* allocations until one fails; 0: none */
	struct rd r;
};

static void *lab_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct lab *lab = ctx;

	if (new_bytes > old_bytes && lab->fail_in && --lab->fail_in == 0) {
		lab->fail_in = lab->fail_again;
		return NULL;
	}
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

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

/* Everything goes by ip_output(), which looks at it. */
int ip4_output_plain(struct stack *st UNUSED, struct pkt *pkt UNUSED,
		     const struct ip_plain *out UNUSED)
{
	return IP_NOT_PLAIN;
}

int ip6_output_plain(struct stack *st UNUSED, struct pkt *pkt UNUSED,
		     const struct ip_plain *out UNUSED)
{
	return IP_NOT_PLAIN;
}

int ip_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct lab *lab = lab_of(st);
	struct tcp_opts opts;
	uint32_t most;

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
	/* Segments are of tcp_min_snd_mss at least, whatever the path carries. */
	most = lab->sent.data_off + st->tcp->conf.min_snd_mss;
	most = most > lab->netif.mtu - 20 ? most : lab->netif.mtu - 20;
	assert((pkt->gso_size ? lab->sent.data_off + pkt->gso_size : pkt->len) <= most);
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
		/* From its header on; reassembly may have refused what was cut to the window. */
		assert(pkt->data == p && pkt->len <= hdr_len + len);
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

/* In three parts, one of them empty. */
static struct sock_msg message(uint8_t *buf, struct weft_iovec iov[3], uint16_t len)
{
	iov[0] = (struct weft_iovec){.base = buf, .len = len / 3};
	iov[1] = (struct weft_iovec){.base = NULL, .len = 0};
	iov[2] = (struct weft_iovec){.base = buf + len / 3, .len = len - len / 3u};
	return (struct sock_msg){.iov = iov, .n_iov = 3, .n_bytes = len};
}

static void op_send(struct lab *lab)
{
	static const uint32_t flags[] = {WEFT_MSG_MORE, WEFT_MSG_OOB, WEFT_MSG_EOR,
					 WEFT_MSG_FASTOPEN};
	static uint8_t buf[65536];
	struct weft_iovec iov[3];
	uint8_t i, how;
	struct sock *sk = pick(lab, &i);
	struct sock_msg msg = message(buf, iov, rd_be16(&lab->r));

	how = rd_u8(&lab->r);
	for (size_t k = 0; k < ARRAY_SIZE(flags); k++)
		msg.flags |= how >> k & 1 ? flags[k] : 0;
	if (msg.flags & WEFT_MSG_FASTOPEN) {
		msg.addr = lab->peer;
		msg.port = (uint16_t)(PEER_PORT + i);
		msg.has_addr = true;
	}
	if (sk)
		(void)!tcp_proto.send(sk, &msg);
}

static void op_recv(struct lab *lab)
{
	static const uint32_t flags[] = {WEFT_MSG_PEEK, WEFT_MSG_OOB, WEFT_MSG_TRUNC};
	static uint8_t buf[65536];
	struct weft_iovec iov[3];
	uint8_t i, how;
	struct sock *sk = pick(lab, &i);
	struct sock_msg msg = message(buf, iov, rd_be16(&lab->r));

	how = rd_u8(&lab->r);
	for (size_t k = 0; k < ARRAY_SIZE(flags); k++)
		msg.flags |= how >> k & 1 ? flags[k] : 0;
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
	static const int names[] = {WEFT_TCP_NODELAY,
				    WEFT_TCP_CORK,
				    WEFT_TCP_MAXSEG,
				    WEFT_TCP_KEEPIDLE,
				    WEFT_TCP_KEEPINTVL,
				    WEFT_TCP_KEEPCNT,
				    WEFT_TCP_QUICKACK,
				    WEFT_TCP_USER_TIMEOUT,
				    WEFT_TCP_SYNCNT,
				    WEFT_TCP_LINGER2,
				    WEFT_TCP_DEFER_ACCEPT,
				    WEFT_TCP_WINDOW_CLAMP,
				    WEFT_TCP_INQ,
				    WEFT_TCP_FASTOPEN,
				    WEFT_TCP_NOTSENT_LOWAT,
				    WEFT_TCP_FASTOPEN_CONNECT,
				    WEFT_TCP_FASTOPEN_NO_COOKIE};
	static const int sock_names[] = {WEFT_SO_RCVLOWAT, WEFT_SO_MAX_PACING_RATE, WEFT_SO_SNDBUF};
	uint8_t i, how = rd_u8(&lab->r);
	struct sock *sk = pick(lab, &i);
	int v = rd_be16(&lab->r);

	if (how == 31)
		sk = lab->listener;
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
	} else if (how == 31) {
		(void)!tcp_proto.setopt(sk, WEFT_IPPROTO_TCP,
					names[(size_t)v / 64 % ARRAY_SIZE(names)], &(int){v % 64},
					sizeof(v));
	} else if (how >= 28) {
		(void)!tcp_proto.setopt(sk, WEFT_SOL_SOCKET, sock_names[how - 28], &v, sizeof(v));
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
	int64_t end_ns = lab->eng->now_ns + ms * 1000000, last_ns = 0;
	int steps = 0, n_same = 0;

	settle(lab);
	for (int64_t next; (next = engine_next_ns(lab->eng)) <= end_ns; steps++) {
		/* Settings may ask for a probe a second: not all months of them. */
		if (steps == TIME_STEPS_MAX)
			return;
		n_same = next > last_ns ? 0 : n_same + 1;
		assert(n_same < 100);
		last_ns = next;
		(void)engine_run(lab->eng, next);
		check(lab);
	}
	(void)engine_run(lab->eng, end_ns);
	settle(lab);
}

static void op_fail(struct lab *lab)
{
	lab->fail_in = rd_u8(&lab->r);
	lab->fail_again = rd_u8(&lab->r) % 8;
}

struct nth_ctl {
	uint32_t n;
	const struct sysctl *ctl;
};

static void nth_ctl(void *arg, const struct sysctl *ctl, int64_t value)
{
	struct nth_ctl *nth = arg;

	(void)value;
	if (nth->n-- == 0)
		nth->ctl = ctl;
}

/* A setting of TCP's, by its place in their list: its least value or one above, or its largest. */
static void op_conf(struct lab *lab)
{
	struct nth_ctl nth = {.n = rd_u8(&lab->r) % 96};
	uint8_t how = rd_u8(&lab->r);

	sysctl_for_each(lab->st, nth_ctl, &nth);
	if (nth.ctl)
		(void)!sysctl_set(lab->st, nth.ctl->name,
				  how == 255 ? nth.ctl->max
				  : how < 32 ? nth.ctl->min + how
					     : nth.ctl->min + how * how);
}

static void see_end(void *arg, const struct sock *sk, const struct weft_tcp_info *info)
{
	(void)arg;
	assert(sk && info->state >= WEFT_TCP_ESTABLISHED && info->state <= WEFT_TCP_CLOSING);
}

/* Everything that can be asked about a connection. */
static void op_look(struct lab *lab)
{
	static const int requests[] = {WEFT_SIOCINQ, WEFT_SIOCOUTQ, WEFT_SIOCOUTQNSD,
				       WEFT_SIOCATMARK};
	uint8_t i, how = rd_u8(&lab->r);
	struct sock *sk = pick(lab, &i);
	struct weft_tcp_info_linux info;
	size_t len = sizeof(info);
	struct sock_diag diag;
	int v;

	lab->eng->trace.has_figures = how & 4;
	tcp_on_end(lab->st, how & 8 ? see_end : NULL, NULL);
	if (!sk)
		return;
	if (how & 16) {
		(void)!tcp_proto.disconnect(sk);
		return;
	}
	tcp_proto.diag(sk, &diag);
	(void)tcp_proto.events(sk);
	(void)!tcp_proto.ioctl(sk, (unsigned int)requests[how & 3], &v);
	(void)!tcp_proto.getopt(sk, WEFT_IPPROTO_TCP, WEFT_TCP_INFO_LINUX, &info, &len);
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
	static void (*const ops[])(struct lab * lab) = {
		op_connect, op_listen,  op_accept, op_send,  op_recv,    op_close,   op_setopt,
		op_time,    op_time,    op_error,  op_world, op_segment, op_segment, op_segment,
		op_segment, op_segment, op_fail,   op_conf,  op_look,
	};

	ops[rd_u8(&lab->r) % ARRAY_SIZE(ops)](lab);
	check(lab);
}

static void lab_init(struct lab *lab, uint8_t how)
{
	struct engine_config cfg = {.now_ns = 1000000,
				    .has_seed = true,
				    .seed = 1,
				    .realloc = lab_realloc,
				    .mem_ctx = lab};
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
	lab.fail_in = 0;
	stack_free(lab.st);
	engine_free(lab.eng); /* asserts that every packet and buffer is back */
	return 0;
}
