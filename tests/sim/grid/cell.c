/* SPDX-License-Identifier: MIT */
/* Building, running and measuring a cell; what it is stands in cell.h. */
#include "cell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PORT = 1000,
	FRAME = 1514,
	PAYLOAD = 1448, /* of a full frame, with timestamps; IPv6's header takes 20 more */
	CHUNK = 65536,
	NET_NECK = 0x900,
	NET_ACCESS = 0x100, /* and the number of the sender */
};

struct world;

struct flow {
	struct world *w;
	struct weft_stack *from;
	struct weft_sock *tx, *listener, *rx;
	struct weft_timer *start;
	uint32_t i;
	uint64_t n_bytes;
};

struct world {
	struct cell *c;
	struct weft_engine *eng;
	struct weft_stack *receiver, *router, *senders[CELL_FLOWS_MAX];
	struct weft_link *neck;
	struct weft_link_dir dir, back;
	struct weft_timer *sample, *start, *up;
	struct flow flows[CELL_FLOWS_MAX];
	uint64_t before[CELL_FLOWS_MAX]; /* bytes when the measurement began */
	uint64_t n_bytes;
};

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "grid: %s: %s\n", what, strerror(-err));
	exit(2);
}

/* ---- applications ---- */

static void on_tx(struct weft_sock *s, void *arg, uint32_t events)
{
	static const uint8_t zeros[CHUNK];

	(void)arg;
	(void)events;
	while (weft_send(s, zeros, sizeof(zeros), 0) > 0)
		;
}

static void on_rx(struct weft_sock *s, void *arg, uint32_t events)
{
	static uint8_t sink[CHUNK];
	struct flow *f = arg;
	ptrdiff_t n;

	(void)events;
	while ((n = weft_recv(s, sink, sizeof(sink), WEFT_MSG_TRUNC)) > 0) {
		f->n_bytes += (uint64_t)n;
		f->w->n_bytes += (uint64_t)n;
	}
}

static void on_accept(struct weft_sock *s, void *arg, uint32_t events)
{
	struct flow *f = arg;

	(void)events;
	if (!f->rx && weft_accept(s, &f->rx, NULL) == 0)
		weft_on_event(f->rx, on_rx, f);
}

static struct weft_sockaddr receiver_at(const struct flow *f)
{
	struct weft_sockaddr sa;

	must(weft_sockaddr_parse(f->w->c->is_ip6 ? "[fd00:9:0::2]:0" : "10.9.0.2:0", &sa),
	     "address");
	sa.port = (uint16_t)(PORT + f->i);
	return sa;
}

static void flow_start(void *arg)
{
	struct flow *f = arg;
	const char *cc = f->w->c->cc[f->i];
	struct weft_sockaddr sa = receiver_at(f);
	int err;

	must(weft_socket(f->from, sa.addr.family, WEFT_SOCK_STREAM, 0, &f->tx), "socket");
	must(weft_setsockopt(f->tx, WEFT_IPPROTO_TCP, WEFT_TCP_CONGESTION, cc, strlen(cc)), cc);
	weft_on_event(f->tx, on_tx, f);
	err = weft_connect(f->tx, &sa);
	must(err == -EINPROGRESS ? 0 : err, "connect");
}

static void flow_new(struct world *w, uint32_t i)
{
	struct flow *f = &w->flows[i];
	struct weft_sockaddr sa;

	f->w = w;
	f->i = i;
	f->from = w->senders[w->router ? i : 0];
	sa = receiver_at(f);
	must(weft_socket(w->receiver, sa.addr.family, WEFT_SOCK_STREAM, 0, &f->listener), "socket");
	must(weft_bind(f->listener, &sa), "bind");
	must(weft_listen(f->listener, 1), "listen");
	weft_on_event(f->listener, on_accept, f);
	f->start = weft_timer_new(w->eng, flow_start, f);
	must(f->start ? 0 : -ENOMEM, "timer");
	weft_timer_start(f->start, (int64_t)i * w->c->stagger_ns);
}

/* ---- the network ---- */

/* The address of a host on a network, a number of 16 bits. */
static const char *at(const struct world *w, char *text, size_t size, uint32_t net, uint32_t host)
{
	snprintf(text, size, w->c->is_ip6 ? "fd00:%u:%u::%u" : "10.%u.%u.%u", net >> 8, net & 255,
		 host);
	return text;
}

static void address(struct world *w, struct weft_netif *nif, uint32_t net, uint32_t host)
{
	struct weft_addr addr;
	char text[48];

	must(weft_addr_parse(at(w, text, sizeof(text), net, host), &addr), text);
	must(weft_addr_add(nif, &addr, w->c->is_ip6 ? 64 : 24), text);
}

static void gateway(struct world *w, struct weft_stack *st, uint32_t net)
{
	char addr[48], text[80];

	snprintf(text, sizeof(text), "default via %s", at(w, addr, sizeof(addr), net, 1));
	must(weft_route_add_text(st, text), text);
}

static uint64_t bdp_bytes(const struct cell *c)
{
	return c->rate_bps / 8 * (uint64_t)(c->rtt_ns[0] / 1000) / 1000000;
}

static struct weft_stack *host_new(struct world *w, const char *name)
{
	struct weft_stack *st;

	must(weft_stack_new(w->eng, name, &st), name);
	/* What IPv6 says when an interface comes up is none of the cell's traffic. */
	if (!w->c->is_ip6)
		must(weft_stack_set(st, "net.ipv6.conf.all.disable_ipv6", 1), name);
	if (w->c->marks)
		(void)!weft_stack_set(st, "net.ipv4.tcp_ecn", 1);
	return st;
}

static void neck_new(struct world *w, struct weft_stack *from, int64_t delay_ns)
{
	const struct cell *c = w->c;
	uint64_t buffer = c->buffer_bytes ? c->buffer_bytes : bdp_bytes(c);

	w->dir = c->link;
	w->dir.rate_bps = c->rate_bps;
	w->dir.delay_ns = delay_ns;
	w->dir.queue_pkts = (uint32_t)(buffer / FRAME > 4 ? buffer / FRAME : 4);
	if (c->marks)
		w->dir.ecn_pkts = w->dir.queue_pkts / 6 + 2;
	w->back = (struct weft_link_dir){
		.rate_bps = c->rate_bps, .delay_ns = delay_ns, .queue_pkts = 10000};
	must(weft_link_new(from, "neck", w->receiver, "eth0", &w->dir, &w->back, &w->neck),
	     "bottleneck");
	address(w, weft_link_netif(w->neck, 0), NET_NECK, 1);
	address(w, weft_link_netif(w->neck, 1), NET_NECK, 2);
	gateway(w, w->receiver, NET_NECK);
}

static void access_new(struct world *w, uint32_t i)
{
	struct weft_link_dir dir = {.delay_ns = w->c->rtt_ns[i] / 2};
	struct weft_link *link;
	char name[16];

	snprintf(name, sizeof(name), "s%u", i);
	w->senders[i] = host_new(w, name);
	must(weft_link_new(w->senders[i], "eth0", w->router, name, &dir, &dir, &link), name);
	address(w, weft_link_netif(link, 0), NET_ACCESS + i, 2);
	address(w, weft_link_netif(link, 1), NET_ACCESS + i, 1);
	gateway(w, w->senders[i], NET_ACCESS + i);
}

static void network_new(struct world *w)
{
	const struct cell *c = w->c;
	bool is_plain = true;

	for (uint32_t i = 1; i < c->n_flows; i++)
		is_plain &= c->rtt_ns[i] == c->rtt_ns[0];
	w->receiver = host_new(w, "receiver");
	if (is_plain) {
		w->senders[0] = host_new(w, "sender");
		neck_new(w, w->senders[0], c->rtt_ns[0] / 2);
		return;
	}
	w->router = host_new(w, "router");
	must(weft_stack_set(w->router,
			    c->is_ip6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward", 1),
	     "forwarding");
	neck_new(w, w->router, 0);
	for (uint32_t i = 0; i < c->n_flows; i++)
		access_new(w, i);
}

/* ---- measuring ---- */

static void sample_timer(void *arg)
{
	struct world *w = arg;
	struct cell *c = w->c;
	struct weft_link_stats stats;

	weft_link_stats(w->neck, 0, &stats);
	if (c->n_samples < CELL_SAMPLES_MAX) {
		c->queue[c->n_samples] = (uint32_t)stats.queue_pkts;
		c->received[c->n_samples] = w->n_bytes;
		c->n_samples++;
	}
	weft_timer_start(w->sample, weft_engine_now_ns(w->eng) + CELL_SAMPLE_NS);
}

static void loss_set(struct world *w, bool is_out)
{
	struct weft_link_dir dirs[2] = {w->dir, w->back};

	for (int d = 0; d < 2; d++) {
		if (is_out)
			dirs[d].loss_ppm = 1000000;
		must(weft_link_set(w->neck, d, &dirs[d]), "outage");
	}
}

static void outage_over(void *arg)
{
	loss_set(arg, false);
}

static void measure_start(void *arg)
{
	struct world *w = arg;

	for (uint32_t i = 0; i < w->c->n_flows; i++)
		w->before[i] = w->flows[i].n_bytes;
	if (!w->c->outage_ns)
		return;
	loss_set(w, true);
	weft_timer_start(w->up, weft_engine_now_ns(w->eng) + w->c->outage_ns);
}

static void measure_end(struct world *w)
{
	struct cell *c = w->c;

	for (uint32_t i = 0; i < c->n_flows; i++) {
		struct weft_tcp_info info;
		size_t len = sizeof(info);

		c->bytes[i] = w->flows[i].n_bytes - w->before[i];
		if (!w->flows[i].tx ||
		    weft_getsockopt(w->flows[i].tx, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len))
			continue;
		c->segs += info.data_segs_out;
		c->again += info.total_retrans;
		c->spurious += info.dsack_dups;
	}
	for (uint32_t i = 0; i < (w->router ? c->n_flows : 1); i++)
		c->timeouts += weft_stack_counter(w->senders[i], "TcpExtTCPTimeouts");
}

static struct weft_timer *timer_new(struct world *w, void (*fn)(void *arg), int64_t at_ns)
{
	struct weft_timer *t = weft_timer_new(w->eng, fn, w);

	must(t ? 0 : -ENOMEM, "timer");
	if (at_ns >= 0)
		weft_timer_start(t, at_ns);
	return t;
}

static void world_free(struct world *w)
{
	for (uint32_t i = 0; i < w->c->n_flows; i++) {
		weft_abort(w->flows[i].tx);
		weft_abort(w->flows[i].rx);
		weft_close(w->flows[i].listener);
		weft_timer_free(w->flows[i].start);
	}
	weft_timer_free(w->sample);
	weft_timer_free(w->start);
	weft_timer_free(w->up);
	for (uint32_t i = 0; i < CELL_FLOWS_MAX; i++)
		weft_stack_free(w->senders[i]);
	weft_stack_free(w->router);
	weft_stack_free(w->receiver);
	weft_engine_free(w->eng);
}

void cell_run(struct cell *c)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = c->seed, .max_pkts = 1 << 20};
	struct world w = {.c = c};

	must(weft_engine_new(&cfg, &w.eng), "engine");
	network_new(&w);
	for (uint32_t i = 0; i < c->n_flows; i++)
		flow_new(&w, i);
	w.sample = timer_new(&w, sample_timer, CELL_SAMPLE_NS);
	w.up = timer_new(&w, outage_over, -1);
	w.start = timer_new(&w, measure_start, c->start_ns);
	while (weft_engine_now_ns(w.eng) < c->end_ns) {
		int64_t next_ns = weft_engine_next_ns(w.eng);

		(void)weft_engine_run(w.eng, next_ns < c->end_ns ? next_ns : c->end_ns);
	}
	measure_end(&w);
	world_free(&w);
}

/* ---- figures ---- */

uint32_t cell_goodput(const struct cell *c)
{
	uint64_t sum = 0, most, payload = c->is_ip6 ? PAYLOAD - 20 : PAYLOAD;

	for (uint32_t i = 0; i < c->n_flows; i++)
		sum += c->bytes[i];
	most = c->rate_bps / 8 * (uint64_t)((c->end_ns - c->start_ns) / MS) / 1000 * payload /
	       FRAME;
	return (uint32_t)((sum * 1000 + most / 2) / most);
}

uint32_t cell_fairness(const struct cell *c)
{
	uint64_t sum = 0, squares = 0;

	for (uint32_t i = 0; i < c->n_flows; i++) {
		uint64_t kb = c->bytes[i] / 1000;

		sum += kb;
		squares += kb * kb;
	}
	return squares ? (uint32_t)(sum * sum * 1000 / (c->n_flows * squares)) : 0;
}

static uint32_t pkts_to_tenths(const struct cell *c, uint64_t pkts, uint64_t per)
{
	return (uint32_t)(pkts * FRAME * 8 * 10000 / (c->rate_bps * per));
}

static uint32_t sample_at(const struct cell *c, int64_t ns)
{
	uint32_t i = (uint32_t)(ns / CELL_SAMPLE_NS);

	return i < c->n_samples ? i : c->n_samples;
}

uint32_t cell_queue_between(const struct cell *c, int64_t from_ns, int64_t to_ns)
{
	uint32_t from = sample_at(c, from_ns), to = sample_at(c, to_ns);
	uint64_t sum = 0;

	for (uint32_t i = from; i < to; i++)
		sum += c->queue[i];
	return to > from ? pkts_to_tenths(c, sum, to - from) : 0;
}

uint32_t cell_queue_avg(const struct cell *c)
{
	return cell_queue_between(c, c->start_ns, c->end_ns);
}

static int u32_cmp(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

uint32_t cell_queue_p95(const struct cell *c)
{
	static uint32_t sorted[CELL_SAMPLES_MAX];
	uint32_t from = sample_at(c, c->start_ns), n = c->n_samples - from;

	memcpy(sorted, c->queue + from, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), u32_cmp);
	return n ? pkts_to_tenths(c, sorted[n * 95 / 100], 1) : 0;
}

uint32_t cell_again(const struct cell *c)
{
	return c->segs ? (uint32_t)(c->again * 10000 / c->segs) : 0;
}

uint32_t cell_spurious(const struct cell *c)
{
	return c->segs ? (uint32_t)(c->spurious * 10000 / c->segs) : 0;
}

uint32_t cell_recovery_ms(const struct cell *c)
{
	uint32_t out = sample_at(c, c->start_ns), up = sample_at(c, c->start_ns + c->outage_ns);
	uint64_t before; /* bytes in 100 ms, of the last second before the outage */

	if (out < 100)
		return UINT32_MAX;
	before = (c->received[out - 1] - c->received[out - 101]) / 10;
	for (uint32_t i = up; i + 10 < c->n_samples; i++)
		if (c->received[i + 10] - c->received[i] >= before * 9 / 10)
			return (uint32_t)((int64_t)(i + 10 - up) * (CELL_SAMPLE_NS / MS));
	return UINT32_MAX;
}
