/* SPDX-License-Identifier: MIT */
/* The fake IP layer, the pipe and the states of tcp_fix.h. */
#include "tcp_fix.h"

#include "base/csum.h"

/* The IP layer */

static struct tf_host *host_of(const struct stack *st)
{
	return (struct tf_host *)(void *)st->ip4;
}

int ip_route(struct stack *st, const struct ip_flow *flow, struct ip_dst *ret,
	     struct ip_addr *ret_src)
{
	struct tf_host *h = host_of(st);

	if (h->route_err)
		return h->route_err;
	*ret = (struct ip_dst){.netif = &h->netif,
			       .nexthop = flow->dst,
			       .gen = h->gen,
			       .mtu = (uint16_t)h->netif.mtu};
	*ret_src = ip_addr_is_unspecified(&flow->src) ? h->addr : flow->src;
	return 0;
}

struct route_metrics ip_route_metrics(struct stack *st UNUSED, const struct ip_flow *flow UNUSED)
{
	return (struct route_metrics){0};
}

bool ip_dst_is_valid(const struct stack *st, const struct ip_dst *dst)
{
	return dst->gen == host_of(st)->gen;
}

bool ip_addr_is_local(const struct stack *st, const struct ip_addr *addr)
{
	return ip_addr_eq(addr, &host_of(st)->addr);
}

void ip_pmtu_learn(struct stack *st UNUSED, const struct ip_addr *dst UNUSED, uint32_t mtu UNUSED)
{
}

void ip_pmtu_conf_set(struct stack *st UNUSED, uint32_t min_pmtu UNUSED, uint32_t expires_s UNUSED)
{
}

void ip_dst_confirm(struct stack *st UNUSED, struct ip_dst *dst UNUSED)
{
}

struct tf_flight {
	struct list link;
	int64_t at_ns;
	struct pkt *pkt;
	struct ip_addr src, dst;
};

static void host_deliver(struct tf_host *h, struct tf_flight *fl)
{
	struct ip_info info = {.src = fl->src, .dst = fl->dst, .proto = IP_PROTO_TCP, .ttl = 64};
	struct pkt *pkt = fl->pkt;
	enum drop why;

	free(fl);
	pkt->netif = &h->netif;
	pkt->l4_off = pkt_off(pkt);
	why = h->st->ip_protos[IP_PROTO_TCP]->input(h->st, pkt, &info);
	if (why != DROP_NONE)
		pkt_drop(h->st, pkt, why);
	tf_check(h);
}

static void host_arm(struct tf_host *h)
{
	struct list *first = list_first(&h->flying);

	if (first)
		wheel_start(&h->st->eng->wheel, &h->timer,
			    container_of(first, struct tf_flight, link)->at_ns);
}

static void host_timer(struct wheel_timer *timer, int64_t now_ns)
{
	struct tf_host *h = container_of(timer, struct tf_host, timer);
	struct list *first;

	while ((first = list_first(&h->flying))) {
		struct tf_flight *fl = container_of(first, struct tf_flight, link);

		if (fl->at_ns > now_ns)
			break;
		list_del(first);
		host_deliver(h, fl);
	}
	host_arm(h);
}

static void pipe_fly(struct tf_host *to, struct pkt *pkt, const struct ip_out *out, int64_t at_ns)
{
	struct tf_flight *fl = calloc(1, sizeof(*fl));
	struct list *after = to->flying.prev;

	*fl = (struct tf_flight){
		.pkt = pkt, .at_ns = at_ns, .src = out->flow.src, .dst = out->flow.dst};
	while (after != &to->flying && container_of(after, struct tf_flight, link)->at_ns > at_ns)
		after = after->prev;
	list_add(after, &fl->link);
	host_arm(to);
}

/* With WEFT_TEST_TRACE set: one line a segment, for whoever looks for a fault. */
static void trace_segment(const struct tf_host *h, const struct pkt *pkt, const char *what)
{
	struct tcp_opts o;
	struct tcp_hdr t;

	if (!getenv("WEFT_TEST_TRACE"))
		return;
	tcp_hdr_read(pkt->data, &t);
	(void)!tcp_opts_parse(pkt->data + TCP_HDR_LEN, t.data_off - (size_t)TCP_HDR_LEN, &o);
	fprintf(stderr, "%10.6f %s %s %u:%u (%u) ack %u win %u flags %#x gso %u",
		(double)h->st->eng->now_ns / 1e9, h->st->name, what, t.seq,
		t.seq + pkt->len - t.data_off, pkt->len - t.data_off, t.ack, t.wnd, t.flags,
		pkt->gso_size);
	for (uint32_t i = 0; i < o.n_sack; i++)
		fprintf(stderr, " sack %u:%u", o.sack[i].start, o.sack[i].end);
	fprintf(stderr, "\n");
}

static bool chance(struct tf_pipe *p, uint32_t ppm)
{
	return ppm && prng_below(p->prng, 1000000) < ppm;
}

static void pipe_send(struct tf_host *to, struct tf_pipe *p, struct pkt *pkt,
		      const struct ip_out *out)
{
	int64_t at_ns = to->st->eng->now_ns + p->delay_ns;
	struct pkt *copy;

	if (chance(p, p->loss_ppm) || (p->mtu && pkt->len + (p->is_ip6 ? 40 : 20) > p->mtu)) {
		trace_segment(to, pkt, "LOST");
		pkt_free(pkt);
		return;
	}
	if (p->jitter_ns)
		at_ns += (int64_t)prng_below(p->prng, (uint64_t)p->jitter_ns);
	if (chance(p, p->dup_ppm) && (copy = pkt_clone(pkt)))
		pipe_fly(to, copy, out, at_ns + p->jitter_ns / 2);
	pipe_fly(to, pkt, out, at_ns);
}

/* As the wire would have it: frames with complete checksums. */
static void pipe_split(struct tf_host *to, struct tf_pipe *p, struct pkt *pkt,
		       const struct ip_out *out)
{
	uint32_t hdr_len = (uint32_t)(pkt->data[12] >> 4) * 4;
	uint32_t len = pkt->len - hdr_len, gso = pkt->gso_size ? pkt->gso_size : len;
	uint32_t seq = load_be32(pkt->data + 4);
	uint16_t flags = load_be16(pkt->data + 12);
	uint32_t off = 0;

	do {
		uint32_t n = len - off < gso ? len - off : gso;
		struct pkt *frame = pkt_alloc(&to->st->eng->pkts, hdr_len + n);
		uint8_t *b;

		if (!frame)
			break;
		b = pkt_put(frame, hdr_len + n);
		pkt_copy_out(pkt, 0, b, hdr_len);
		pkt_copy_out(pkt, hdr_len + off, b + hdr_len, n);
		store_be32(b + 4, seq + off);
		if (off + n < len)
			store_be16(b + 12, flags & (uint16_t) ~(TCP_F_FIN | TCP_F_PSH));
		frame->l4_off = pkt_off(frame);
		tcp_csum_defer(frame, &out->flow.src, &out->flow.dst);
		assert_int_equal(pkt_csum_complete(frame), 0);
		frame->csum = PKT_CSUM_NONE;
		pipe_send(to, p, frame, out);
		off += n;
	} while (off < len);
	pkt_free(pkt);
}

uint64_t tf_digest(uint64_t digest, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		digest = (digest ^ p[i]) * 0x100000001b3;
	return digest ^ digest >> 29;
}

int ip_output(struct stack *st, struct pkt *pkt, const struct ip_out *out)
{
	struct tf_host *h = host_of(st);

	h->n_out++;
	h->digest = tf_digest(h->digest, pkt->data, pkt->lin_len);
	h->digest = tf_digest(h->digest, &pkt->len, sizeof(pkt->len));
	h->digest = tf_digest(h->digest, &st->eng->now_ns, sizeof(st->eng->now_ns));
	trace_segment(h, pkt, ">");
	assert_int_equal(pkt->csum, PKT_CSUM_PARTIAL);
	assert_true(pkt->gso_size || pkt->len + 20 <= h->netif.mtu);
	if (h->route_err) {
		pkt_free(pkt);
		return h->route_err;
	}
	if (out->dst && out->dst->gen != h->gen) {
		struct ip_addr src;

		(void)!ip_route(st, &out->flow, out->dst, &src);
	}
	if (!h->peer)
		pktq_push(&h->sent, pkt);
	else if (h->pipe->splits)
		pipe_split(h->peer, h->pipe, pkt, out);
	else
		pipe_send(h->peer, h->pipe, pkt, out);
	return 0;
}

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

/* Hosts */

static void host_init(struct tf_host *h, struct engine *eng, const char *name, uint8_t last)
{
	struct ip4_addr addr = IP4_ADDR(10, 0, 0, last);

	h->st = stack_new(eng, name);
	assert_non_null(h->st);
	h->st->ip4 = (struct ip4 *)(void *)h;
	h->addr = ip_addr_from_ip4(&addr);
	h->gen = 1;
	h->netif.mtu = TF_MTU;
	h->netif.gso_max_bytes = 65535;
	h->netif.index = 1;
	h->netif.stack = h->st;
	list_init(&h->netif.taps);
	list_init(&h->flying);
	pktq_init(&h->sent);
	wheel_timer_init(&h->timer, host_timer);
	assert_int_equal(sock_table_init(h->st), 0);
	assert_int_equal(tcp_init(h->st), 0);
}

static void host_fini(struct tf_host *h)
{
	struct engine *eng = h->st->eng;
	struct list *link;

	h->route_err = -ENETUNREACH;
	stack_free(h->st);
	while ((link = list_pop(&h->flying))) {
		struct tf_flight *fl = container_of(link, struct tf_flight, link);

		pkt_free(fl->pkt);
		free(fl);
	}
	wheel_stop(&eng->wheel, &h->timer);
	pktq_purge(&h->sent);
}

struct tf *tf_new(void)
{
	struct tf *f = calloc(1, sizeof(*f));

	f->eng = fix_engine();
	host_init(&f->host, f->eng, "host", 1);
	host_init(&f->peer, f->eng, "peer", 2);
	f->irs = 1000;
	f->ts_val = 5000;
	return f;
}

static void *tf_realloc(void *ctx, void *ptr, size_t old_bytes UNUSED, size_t new_bytes)
{
	struct tf *f = ctx;

	if (new_bytes == 0) {
		free(ptr);
		return NULL;
	}
	if (f->fail_ppm && prng_below(&f->prng, 1000000) < f->fail_ppm)
		return NULL;
	return realloc(ptr, new_bytes);
}

void tf_starve(struct tf *f, uint32_t fail_ppm)
{
	f->fail_ppm = fail_ppm;
}

struct tf *tf_pipe_new(const struct tf_pipe *pipe, uint64_t seed)
{
	return tf_poor_new(pipe, seed, 0);
}

struct tf *tf_poor_new(const struct tf_pipe *pipe, uint64_t seed, uint32_t n_pkts)
{
	struct tf *f = calloc(1, sizeof(*f));
	struct engine_config cfg = {
		.now_ns = FIX_START_NS,
		.has_seed = true,
		.seed = seed,
		.realloc = tf_realloc,
		.mem_ctx = f,
	};

	if (n_pkts)
		cfg.limits = (struct pkt_limits){n_pkts, {n_pkts / 2, n_pkts / 2, n_pkts / 2}};
	f->eng = fix_engine_with(&cfg);
	f->prng.x = seed;
	host_init(&f->host, f->eng, "a", 1);
	host_init(&f->peer, f->eng, "b", 2);
	for (int i = 0; i < 2; i++) {
		f->pipe[i] = *pipe;
		f->pipe[i].prng = &f->prng;
	}
	if (pipe->is_ip6)
		for (int i = 0; i < 2; i++)
			(i ? &f->peer : &f->host)->addr =
				(struct ip_addr){.b = {0xfd, [15] = (uint8_t)(i + 1)}};
	f->host.peer = &f->peer;
	f->host.pipe = &f->pipe[0];
	f->peer.peer = &f->host;
	f->peer.pipe = &f->pipe[1];
	return f;
}

void tf_end(struct tf *f)
{
	struct engine *eng = f->eng;

	if (f->sk)
		tf_close(f->sk);
	/* Flights hold packets of the other stack's queues: both end before the check. */
	f->host.peer = f->peer.peer = NULL;
	f->host.route_err = f->peer.route_err = -ENETUNREACH;
	host_fini(&f->host);
	host_fini(&f->peer);
	free(f);
	fix_end(eng);
}

/* Segments */

void tf_no_probes(struct tf *f)
{
	f->host.st->tcp->conf.early_retrans = 0;
}

void tf_rx(struct tf *f, const struct tseg *seg)
{
	(void)tf_rx_verdict(f, seg);
}

enum drop tf_rx_verdict(struct tf *f, const struct tseg *seg)
{
	struct tf_host *h = &f->host;
	struct ip_info info = {.src = seg->src ? *seg->src : f->peer.addr,
			       .dst = seg->dst ? *seg->dst : h->addr,
			       .proto = IP_PROTO_TCP,
			       .ttl = 64,
			       .is_broadcast = seg->is_broadcast};
	struct tcp_opts opts = seg->opts;
	struct tcp_hdr hdr = {.seq = seg->seq,
			      .ack = seg->ack,
			      .src_port = seg->sport ? seg->sport : TF_PEER_PORT,
			      .dst_port = seg->dport ? seg->dport : TF_PORT,
			      .wnd = seg->wnd,
			      .flags = seg->flags,
			      .urg = seg->urg};
	uint32_t hdr_len;
	struct pkt *pkt;
	enum drop why;
	uint8_t *p;

	if (f->ts && !opts.has_ts && !seg->no_opts && !(seg->flags & TCP_F_RST)) {
		opts.has_ts = true;
		opts.ts_val = f->ts_val;
		opts.ts_ecr = f->sk ? tcp_ts_now(tf_conn(f)) : 0;
	}
	hdr_len = TCP_HDR_LEN + (uint32_t)tcp_opts_len(&opts);
	hdr.data_off = (uint8_t)hdr_len;
	pkt = pkt_alloc(&f->eng->pkts, hdr_len + seg->len);
	assert_non_null(pkt);
	p = pkt_put(pkt, hdr_len + seg->len);
	tcp_hdr_write(p, &hdr);
	tcp_opts_write(p + TCP_HDR_LEN, &opts);
	if (seg->data)
		memcpy(p + hdr_len, seg->data, seg->len);
	else
		memset(p + hdr_len, 'x', seg->len);
	pkt->l4_off = pkt_off(pkt);
	pkt->netif = &h->netif;
	tcp_csum_defer(pkt, &info.src, &info.dst);
	assert_int_equal(pkt_csum_complete(pkt), 0);
	pkt->csum = PKT_CSUM_NONE;
	p[16] ^= seg->bad_csum;
	if (seg->gso)
		pkt->gso_size = seg->gso;
	why = h->st->ip_protos[IP_PROTO_TCP]->input(h->st, pkt, &info);
	if (why != DROP_NONE) {
		/* Refused: as it came. */
		assert_int_equal(pkt->len, hdr_len + seg->len);
		assert_ptr_equal(pkt->data, p);
		pkt_drop(h->st, pkt, why);
	}
	fix_settle(f->eng);
	tf_check(h);
	return why;
}

uint32_t tf_n_sent(const struct tf *f)
{
	return f->host.sent.n_pkts;
}

struct tseg tf_pop(struct tf *f)
{
	struct pkt *pkt = pktq_pop(&f->host.sent);
	struct tseg got = {0};
	struct tcp_hdr hdr;

	assert_non_null(pkt);
	assert_true(pkt->lin_len >= TCP_HDR_LEN);
	tcp_hdr_read(pkt->data, &hdr);
	assert_true(hdr.data_off <= pkt->lin_len);
	assert_int_equal(tcp_opts_parse(pkt->data + TCP_HDR_LEN, hdr.data_off - (size_t)TCP_HDR_LEN,
					&got.opts),
			 0);
	got.seq = hdr.seq;
	got.ack = hdr.ack;
	got.flags = hdr.flags;
	got.wnd = hdr.wnd;
	got.urg = hdr.urg;
	got.sport = hdr.src_port;
	got.dport = hdr.dst_port;
	got.len = pkt->len - hdr.data_off;
	got.gso = pkt->gso_size;
	pkt_copy_out(pkt, hdr.data_off, got.payload, got.len < TF_DATA_MAX ? got.len : TF_DATA_MAX);
	pkt_free(pkt);
	return got;
}

void tf_assert_silent(struct tf *f)
{
	fix_settle(f->eng);
	assert_int_equal(tf_n_sent(f), 0);
}

void tf_ignore(struct tf *f)
{
	fix_settle(f->eng);
	pktq_purge(&f->host.sent);
}

/* Sockets */

struct tcp_conn *tf_conn(const struct tf *f)
{
	return tcp_conn_of(f->sk);
}

struct sock *tf_socket(struct tf_host *h)
{
	struct sock *sk = NULL;

	assert_int_equal(tcp_proto.create(h->st,
					  ip_addr_is_ip4(&h->addr) ? WEFT_AF_INET : WEFT_AF_INET6,
					  0, &sk),
			 0);
	sk->conn.flags |= CONN_F_REUSEADDR;
	return sk;
}

struct sock *tf_listen(struct tf_host *h, uint16_t port, int backlog)
{
	static const struct ip_addr any;
	struct sock *sk = tf_socket(h);

	assert_int_equal(tcp_proto.bind(sk, &any, port), 0);
	assert_int_equal(tcp_proto.listen(sk, backlog), 0);
	return sk;
}

struct sock *tf_connect(struct tf_host *h, const struct ip_addr *to, uint16_t port)
{
	struct sock *sk = tf_socket(h);

	assert_int_equal(tcp_proto.connect(sk, to, port), -EINPROGRESS);
	return sk;
}

struct sock *tf_accept(struct sock *listener)
{
	struct sock *sk = NULL;
	int err = tcp_proto.accept(listener, &sk);

	assert_true(err == 0 || err == -EAGAIN);
	return sk;
}

static void tf_let_go(struct sock *sk, bool abort)
{
	sk->on_event = NULL;
	sk->flags |= SOCK_F_ORPHAN;
	tcp_proto.close(sk, abort);
}

void tf_close(struct sock *sk)
{
	tf_let_go(sk, false);
}

void tf_abort(struct sock *sk)
{
	tf_let_go(sk, true);
}

ptrdiff_t tf_send(struct sock *sk, const void *buf, size_t len, uint32_t flags)
{
	struct weft_iovec iov = {.base = (void *)(uintptr_t)buf, .len = len};
	struct sock_msg msg = {.iov = &iov, .n_iov = 1, .n_bytes = len, .flags = flags};

	return tcp_proto.send(sk, &msg);
}

void tf_send_n(struct tf *f, uint32_t n)
{
	static uint8_t buf[200000];

	for (uint32_t i = 0; i < n; i++)
		buf[i] = (uint8_t)(i * 7);
	assert_int_equal(tf_send(f->sk, buf, n, 0), n);
	tf_check(&f->host);
}

void tf_expect_data(struct tf *f, uint32_t off, uint32_t len)
{
	struct tseg got = tf_pop(f);

	assert_int_equal(got.seq, f->iss + 1 + off);
	assert_int_equal(got.len, len);
	assert_true(got.flags & TCP_F_ACK);
	assert_int_equal(got.gso, len > tf_conn(f)->mss ? tf_conn(f)->mss : 0);
}

struct tcp_opts tf_plain_opts(void)
{
	return (struct tcp_opts){.has_mss = true, .mss = 1460};
}

ptrdiff_t tf_recv(struct sock *sk, void *buf, size_t len, uint32_t flags)
{
	struct weft_iovec iov = {.base = buf, .len = len};
	struct sock_msg msg = {.iov = &iov, .n_iov = 1, .n_bytes = len, .flags = flags};

	return tcp_proto.recv(sk, &msg);
}

int tf_sockopt(struct sock *sk, int name, int v)
{
	return tcp_proto.setopt(sk, WEFT_IPPROTO_TCP, name, &v, sizeof(v));
}

uint32_t tf_events(const struct sock *sk)
{
	return tcp_proto.events(sk);
}

void tf_check(const struct tf_host *h)
{
	struct sock *sk;

	list_for_each (sk, &h->st->socks->all, link)
		tcp_conn_check(tcp_conn_of(sk));
}

/* States */

void tf_syn_sent(struct tf *f)
{
	struct tseg syn;

	f->sk = tf_socket(&f->host);
	assert_int_equal(tcp_proto.bind(f->sk, &f->host.addr, TF_PORT), 0);
	assert_int_equal(tcp_proto.connect(f->sk, &f->peer.addr, TF_PEER_PORT), -EINPROGRESS);
	tf_check(&f->host);
	syn = tf_pop(f);
	assert_int_equal(syn.flags, TCP_F_SYN);
	f->iss = syn.seq;
}

void tf_established_with(struct tf *f, const struct tcp_opts *opts)
{
	struct tseg ack;

	tf_syn_sent(f);
	f->ts = opts->has_ts;
	tf_rx(f, TSEG(.flags = TCP_F_SYN | TCP_F_ACK, .seq = f->irs, .ack = f->iss + 1,
		      .opts = *opts, .no_opts = true));
	ack = tf_pop(f);
	assert_int_equal(ack.flags, TCP_F_ACK);
	assert_int_equal(ack.ack, f->irs + 1);
	tf_assert_silent(f);
	tf_assert_state(f, WEFT_TCP_ESTABLISHED);
}

void tf_established(struct tf *f)
{
	struct tcp_opts opts = {.has_mss = true, .mss = 1460, .sack_ok = true};

	tf_established_with(f, &opts);
}

void tf_fin_wait_1(struct tf *f)
{
	struct tseg fin;

	tf_established(f);
	assert_int_equal(tcp_proto.shutdown(f->sk, false, true), 0);
	fin = tf_pop(f);
	assert_int_equal(fin.flags, TCP_F_FIN | TCP_F_ACK);
	tf_assert_state(f, WEFT_TCP_FIN_WAIT1);
}

void tf_fin_wait_2(struct tf *f)
{
	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.seq = f->irs + 1, .ack = f->iss + 2));
	tf_assert_state(f, WEFT_TCP_FIN_WAIT2);
	tf_assert_silent(f);
}

void tf_close_wait(struct tf *f)
{
	tf_established(f);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = f->irs + 1, .ack = f->iss + 1));
	assert_int_equal(tf_pop(f).ack, f->irs + 2);
	tf_assert_state(f, WEFT_TCP_CLOSE_WAIT);
}

void tf_last_ack(struct tf *f)
{
	tf_close_wait(f);
	assert_int_equal(tcp_proto.shutdown(f->sk, false, true), 0);
	assert_int_equal(tf_pop(f).flags, TCP_F_FIN | TCP_F_ACK);
	tf_assert_state(f, WEFT_TCP_LAST_ACK);
}

void tf_closing(struct tf *f)
{
	tf_fin_wait_1(f);
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = f->irs + 1, .ack = f->iss + 1));
	tf_assert_state(f, WEFT_TCP_CLOSING);
	tf_ignore(f);
}
