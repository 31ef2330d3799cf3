/* SPDX-License-Identifier: MIT */
/*
 * Scaling curves: what something costs as there is more of it.
 *
 *	weft_curves size|conns|hops|routes|routes6|stacks|timers N SECONDS
 *	weft_curves loss|loss-bbr N SECONDS
 *
 * One point of a curve: with messages of N bytes, N connections, routers in a row, routes, stacks
 * in the process, pending timers, or N of a million frames lost. All is in one process and one
 * thread, with default settings. Of lossy links SECONDS are virtual ones, and the same run has the
 * same result; the others measure as weft_bench does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel_peer.h"
#include "weft_side.h"

enum {
	NS_PER_S = 1000000000,
	SIZE_MAX_BYTES = 1 << 20,
	HOPS_MAX = 64,
	HOPS_TTL = 128,
	STACKS_MAX = 10000,
	STACKS_BATCH = 64, /* round trips under way at a time */
	ROUTES_MAX = 1000000,
	ROUTES_BATCH = 64,
	ROUTES_FIRST4 = 0x10000000, /* route i goes to 16.0.0.0 + (i << 8), /24 */
	ROUTES_FIRST6 = 0x24000000, /* or to 2400::, i added to its first 32 bits, /32 */
	LOSS_RATE_BPS = 100000000,
	LOSS_DELAY_NS = 10000000,
	LOSS_SETTLE_S = 5, /* virtual, before what is measured */
	PPM_MAX = 100000,
	DST4_AT = 14 + 16, /* in a frame: the destination, the header's checksum */
	SUM4_AT = 14 + 10,
	DST6_AT = 14 + 24,
};

/* xorshift64: cheap next to what is measured. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* What an application with one stream has. */
struct stream {
	struct gauge *gauge;
	struct weft_sock *tx, *rx;
	size_t n_msg; /* bytes a call */
	uint8_t *tx_buf, *rx_buf;
	bool is_connected;
	uint64_t n_received;
};

/* --- a stream from one stack to another --- */

/* A call in a long row of short ones may be the one after which to stop. */
static bool stream_goes_on(const struct stream *s)
{
	return !s->gauge || !gauge_is_stopping(s->gauge);
}

static void stream_check(const struct stream *s, uint32_t events)
{
	if (events & (WEFT_ERR | WEFT_HUP) && stream_goes_on(s))
		die("stream", -ECONNRESET);
}

static void on_stream_rx(struct weft_sock *sk, void *arg, uint32_t events)
{
	struct stream *s = arg;
	ptrdiff_t n;

	stream_check(s, events);
	while (stream_goes_on(s) && (n = weft_recv(sk, s->rx_buf, s->n_msg, 0)) > 0) {
		s->n_received += (uint64_t)n;
		if (s->gauge) {
			gauge_add(&s->gauge->n_bytes, (uint64_t)n);
			gauge_add(&s->gauge->n_ops, 1);
		}
	}
}

static void on_stream_accept(struct weft_sock *listener, void *arg, uint32_t events)
{
	struct stream *s = arg;

	(void)events;
	must(weft_accept(listener, &s->rx, NULL), "accept");
	weft_on_event(s->rx, on_stream_rx, s);
}

static void on_stream_tx(struct weft_sock *sk, void *arg, uint32_t events)
{
	struct stream *s = arg;

	stream_check(s, events);
	s->is_connected = true;
	while (stream_goes_on(s) && weft_send(sk, s->tx_buf, s->n_msg, 0) > 0)
		;
}

static void stream_init(struct stream *s, struct weft_stack *tx, struct weft_stack *rx,
			const char *to, size_t n_msg)
{
	struct weft_sockaddr sa, any = {.addr.family = WEFT_AF_INET, .port = BENCH_PORT};
	struct weft_sock *listener;
	int err;

	s->n_msg = n_msg;
	s->tx_buf = calloc(2, n_msg);
	if (!s->tx_buf)
		die("memory", -ENOMEM);
	s->rx_buf = s->tx_buf + n_msg;
	memset(s->tx_buf, 'w', n_msg);
	must(weft_socket(rx, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &listener), "socket");
	must(weft_bind(listener, &any), "bind");
	must(weft_listen(listener, 1), "listen");
	weft_on_event(listener, on_stream_accept, s);
	side_sockaddr(&sa, to, BENCH_PORT);
	must(weft_socket(tx, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s->tx), "socket");
	weft_on_event(s->tx, on_stream_tx, s);
	err = weft_connect(s->tx, &sa);
	if (err != -EINPROGRESS)
		must(err, "connect");
}

static void stream_run(struct stream *s, struct weft_engine *eng)
{
	while (!s->is_connected)
		side_run(eng);
	gauge_ready(s->gauge);
	while (!gauge_is_stopping(s->gauge))
		side_run(eng);
	free(s->tx_buf);
}

static void curve_size(struct gauge *g, const void *arg)
{
	struct stream s = {.gauge = g};
	struct side_pair pair;

	side_pair_init(&pair);
	stream_init(&s, pair.st[0], pair.st[1], "10.0.0.2", *(const uint32_t *)arg);
	stream_run(&s, pair.eng);
	side_pair_fini(&pair);
}

/* --- routers in a row --- */

/* Node i and the next one share 10.0.i.0/24, with addresses 1 and 2. */
static void hops_join(struct weft_stack **st, uint32_t i)
{
	struct weft_netif *left, *right;
	char text[32];

	must(weft_veth_new(st[i], "right", st[i + 1], "left", &left, &right), "veth");
	snprintf(text, sizeof(text), "10.0.%u.1/24", i);
	side_address(left, text);
	snprintf(text, sizeof(text), "10.0.%u.2/24", i);
	side_address(right, text);
}

/* Towards the last network, and towards the first. */
static void hops_route(struct weft_stack *st, uint32_t i, uint32_t n_links)
{
	char text[64];

	if (i + 1 < n_links) {
		snprintf(text, sizeof(text), "10.0.%u.0/24 via 10.0.%u.2", n_links - 1, i);
		must(weft_route_add_text(st, text), text);
	}
	if (i > 1) {
		snprintf(text, sizeof(text), "10.0.0.0/24 via 10.0.%u.1", i - 1);
		must(weft_route_add_text(st, text), text);
	}
}

static void curve_hops(struct gauge *g, const void *arg)
{
	uint32_t n = *(const uint32_t *)arg, n_links = n + 1;
	struct weft_stack *st[HOPS_MAX + 2] = {0};
	struct weft_engine *eng = side_engine();
	struct stream s = {.gauge = g};
	char to[32];

	for (uint32_t i = 0; i < n + 2; i++) {
		st[i] = side_stack(eng, "node");
		must(weft_stack_set(st[i], "net.ipv4.ip_forward", 1), "forwarding");
		must(weft_stack_set(st[i], "net.ipv4.ip_default_ttl", HOPS_TTL), "TTL");
	}
	for (uint32_t i = 0; i < n_links; i++)
		hops_join(st, i);
	for (uint32_t i = 0; i < n + 2; i++)
		hops_route(st[i], i, n_links);
	snprintf(to, sizeof(to), "10.0.%u.2", n_links - 1);
	stream_init(&s, st[0], st[n + 1], to, BULK_BYTES);
	stream_run(&s, eng);
	for (uint32_t i = 0; i < n + 2; i++)
		weft_stack_free(st[i]);
	weft_engine_free(eng);
}

/* --- routes --- */

struct table {
	struct gauge *gauge;
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_netif *in, *out;
	bool is_ip6;
	uint32_t n;
};

static int table_tx(void *arg, const void *frame, size_t len)
{
	const struct table *t = arg;

	(void)frame;
	if (len == FWD_FRAME) {
		gauge_add(&t->gauge->n_ops, 1);
		gauge_add(&t->gauge->n_bytes, len);
	}
	return 0;
}

static void be32_put(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static void table_fill(struct table *t)
{
	struct weft_route route = {.dev = t->out, .prefix_len = t->is_ip6 ? 32 : 24};

	must(weft_addr_parse(t->is_ip6 ? "2001:db8:2::2" : "10.0.2.2", &route.via), "next hop");
	must(weft_neigh_add(t->out, &route.via, (const uint8_t[6]){2, 0, 0, 0, 0, 3}), "neighbour");
	must(weft_addr_parse(t->is_ip6 ? "::" : "0.0.0.0", &route.dst), "prefix");
	for (uint32_t i = 0; i < t->n; i++) {
		be32_put(route.dst.bytes, t->is_ip6 ? ROUTES_FIRST6 + i : ROUTES_FIRST4 + (i << 8));
		must(weft_route_add(t->st, &route), "route");
	}
}

static void table_init(struct table *t)
{
	static const struct weft_frame_ops ops = {.tx = table_tx};
	static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

	t->eng = side_engine();
	t->st = side_stack(t->eng, "router");
	must(weft_netif_new(t->st, "in", macs[0], 1500, &ops, t, &t->in), "in");
	must(weft_netif_new(t->st, "out", macs[1], 1500, &ops, t, &t->out), "out");
	side_address(t->in, t->is_ip6 ? "2001:db8:1::1/64" : "10.0.1.1/24");
	side_address(t->out, t->is_ip6 ? "2001:db8:2::1/64" : "10.0.2.1/24");
	must(weft_stack_set(t->st,
			    t->is_ip6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward", 1),
	     "forwarding");
}

/* Gives the frame the destination of route `i`. */
static void frame_aim(uint8_t *frame, bool is_ip6, uint32_t i)
{
	uint32_t sum = 0;

	if (is_ip6) {
		be32_put(frame + DST6_AT, ROUTES_FIRST6 + i);
		return;
	}
	be32_put(frame + DST4_AT, ROUTES_FIRST4 + (i << 8) + 1);
	memset(frame + SUM4_AT, 0, 2);
	for (size_t at = 14; at < 14 + 20; at += 2)
		sum += (uint32_t)frame[at] << 8 | frame[at + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	frame[SUM4_AT] = (uint8_t)(sum >> 8);
	frame[SUM4_AT + 1] = (uint8_t)sum;
}

static void curve_table(struct gauge *g, uint32_t n, bool is_ip6)
{
	struct table t = {.gauge = g, .is_ip6 = is_ip6, .n = n};
	uint64_t random = 88172645463325252;
	uint8_t frame[FWD_FRAME];
	struct setup setup;

	table_init(&t);
	setup_start(&setup);
	table_fill(&t);
	setup_end(&setup, g);
	fwd_frame_write(frame, (const uint8_t[6]){2, 0, 0, 0, 0, 1}, is_ip6, 0);
	side_run(t.eng);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		for (int i = 0; i < ROUTES_BATCH; i++) {
			frame_aim(frame, is_ip6,
				  (uint32_t)((next_random(&random) & UINT32_MAX) * n >> 32));
			must(weft_netif_rx(t.in, frame, FWD_FRAME), "frame");
		}
		side_run(t.eng);
	}
	weft_stack_free(t.st);
	weft_engine_free(t.eng);
}

static void curve_routes(struct gauge *g, const void *arg)
{
	curve_table(g, *(const uint32_t *)arg, false);
}

static void curve_routes6(struct gauge *g, const void *arg)
{
	curve_table(g, *(const uint32_t *)arg, true);
}

/* --- stacks --- */

/* Two stacks that are joined, or one that talks to itself. */
struct talker {
	struct gauge *gauge;
	struct weft_stack *st[2];
	struct weft_sock *client, *server;
};

static void on_talk_server(struct weft_sock *sk, void *arg, uint32_t events)
{
	struct weft_sockaddr from;
	uint8_t buf[DGRAM_BYTES];

	(void)arg;
	(void)events;
	while (weft_recvfrom(sk, buf, sizeof(buf), 0, &from) == DGRAM_BYTES)
		if (weft_sendto(sk, buf, sizeof(buf), 0, &from) != DGRAM_BYTES)
			die("a datagram was not taken", -EAGAIN);
}

static void on_talk_client(struct weft_sock *sk, void *arg, uint32_t events)
{
	struct talker *t = arg;
	uint8_t buf[DGRAM_BYTES];

	(void)events;
	while (weft_recv(sk, buf, sizeof(buf), 0) == DGRAM_BYTES) {
		gauge_add(&t->gauge->n_ops, 1);
		gauge_add(&t->gauge->n_bytes, DGRAM_BYTES);
	}
}

/* Without IPv6, whose first seconds (duplicates, groups, routers) would be measured instead. */
static struct weft_stack *talker_stack(struct weft_engine *eng, const char *name)
{
	struct weft_stack *st = side_stack(eng, name);

	must(weft_stack_set(st, "net.ipv6.conf.all.disable_ipv6", 1), "disable_ipv6");
	must(weft_stack_set(st, "net.ipv6.conf.default.disable_ipv6", 1), "disable_ipv6");
	return st;
}

static void talker_init(struct talker *t, struct weft_engine *eng, bool is_alone)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = BENCH_PORT}, to;
	struct weft_netif *nif[2];

	t->st[0] = talker_stack(eng, "a");
	t->st[1] = is_alone ? t->st[0] : talker_stack(eng, "b");
	if (!is_alone) {
		must(weft_veth_new(t->st[0], "eth0", t->st[1], "eth0", &nif[0], &nif[1]), "veth");
		side_address(nif[0], "10.0.0.1/24");
		side_address(nif[1], "10.0.0.2/24");
	}
	must(weft_socket(t->st[1], WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &t->server), "socket");
	must(weft_bind(t->server, &any), "bind");
	weft_on_event(t->server, on_talk_server, t);
	side_sockaddr(&to, is_alone ? "127.0.0.1" : "10.0.0.2", BENCH_PORT);
	must(weft_socket(t->st[0], WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &t->client), "socket");
	must(weft_connect(t->client, &to), "connect");
	weft_on_event(t->client, on_talk_client, t);
}

static void talk(struct talker *t)
{
	static const uint8_t datagram[DGRAM_BYTES];

	if (weft_send(t->client, datagram, sizeof(datagram), 0) != DGRAM_BYTES)
		die("a datagram was not taken", -EAGAIN);
}

/* Has each talk once, a few at a time. */
static void talk_round(struct gauge *g, struct weft_engine *eng, struct talker *talkers, uint32_t n)
{
	for (uint32_t at = 0; at < n && !gauge_is_stopping(g); at += STACKS_BATCH) {
		uint32_t end = n - at < STACKS_BATCH ? n : at + STACKS_BATCH;

		for (uint32_t i = at; i < end; i++)
			talk(&talkers[i]);
		while (weft_engine_run(eng, weft_io_now_ns()))
			;
	}
}

static void curve_stacks(struct gauge *g, const void *arg)
{
	uint32_t n_stacks = *(const uint32_t *)arg, n = n_stacks == 1 ? 1 : n_stacks / 2;
	struct weft_engine *eng = side_engine();
	struct talker *talkers = calloc(n, sizeof(*talkers));
	struct setup setup;

	if (!talkers)
		die("memory", -ENOMEM);
	setup_start(&setup);
	for (uint32_t i = 0; i < n; i++) {
		talkers[i].gauge = g;
		talker_init(&talkers[i], eng, n_stacks == 1);
	}
	talk_round(g, eng, talkers, n); /* all have found their neighbours */
	setup_end(&setup, g);
	gauge_ready(g);
	while (!gauge_is_stopping(g))
		talk_round(g, eng, talkers, n);
	for (uint32_t i = 0; i < n; i++) {
		weft_stack_free(talkers[i].st[0]);
		if (n_stacks > 1)
			weft_stack_free(talkers[i].st[1]);
	}
	free(talkers);
	weft_engine_free(eng);
}

/* --- loss --- */

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / NS_PER_S;
}

static void virtual_run(struct weft_engine *eng, int64_t end_ns)
{
	int64_t now_ns = weft_engine_now_ns(eng);

	while (now_ns < end_ns) {
		while (weft_engine_run(eng, now_ns))
			;
		now_ns = weft_engine_next_ns(eng);
	}
}

/* A stream over a link of 100 Mbit/s with a round trip of 20 ms, in virtual time: what arrives, and
 * what CPU time that takes. */
static void curve_loss(uint32_t loss_ppm, const char *cc, double seconds)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct weft_link_dir there = {
		.rate_bps = LOSS_RATE_BPS, .delay_ns = LOSS_DELAY_NS, .loss_ppm = loss_ppm};
	struct weft_link_dir back = {.rate_bps = LOSS_RATE_BPS, .delay_ns = LOSS_DELAY_NS};
	struct stream s = {0};
	struct weft_engine *eng;
	struct weft_stack *a, *b;
	struct weft_link *link;
	int64_t start_ns = LOSS_SETTLE_S * (int64_t)NS_PER_S;
	double cpu;
	uint64_t n_bytes;

	must(weft_engine_new(&cfg, &eng), "engine");
	a = side_stack(eng, "a");
	b = side_stack(eng, "b");
	must(weft_stack_set_text(a, "net.ipv4.tcp_congestion_control", cc), cc);
	must(weft_link_new(a, "eth0", b, "eth0", &there, &back, &link), "link");
	side_address(weft_link_netif(link, 0), "10.0.0.1/24");
	side_address(weft_link_netif(link, 1), "10.0.0.2/24");
	stream_init(&s, a, b, "10.0.0.2", BULK_BYTES);
	virtual_run(eng, start_ns);
	n_bytes = s.n_received;
	cpu = cpu_s();
	virtual_run(eng, start_ns + (int64_t)(seconds * NS_PER_S));
	n_bytes = s.n_received - n_bytes;
	cpu = cpu_s() - cpu;
	printf("{\"value\": %.6g, \"bytes\": %llu, \"cpu_s\": %.4f, \"seconds\": %.4f}\n",
	       (double)n_bytes * 8 / 1e9 / seconds, (unsigned long long)n_bytes, cpu, seconds);
	weft_stack_free(a);
	weft_stack_free(b);
	weft_engine_free(eng);
	free(s.tx_buf);
}

/* --- the command line --- */

static int usage(void)
{
	fprintf(stderr, "usage: weft_curves size|conns|hops|routes|routes6|stacks|timers|loss|"
			"loss-bbr N SECONDS\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(struct gauge *g, const void *arg);
		enum unit unit;
		long max;
	} curves[] = {
		{"size", curve_size, UNIT_GBIT_S, SIZE_MAX_BYTES},
		{"conns", weft_conns, UNIT_GBIT_S, 1000000},
		{"hops", curve_hops, UNIT_GBIT_S, HOPS_MAX},
		{"routes", curve_routes, UNIT_PER_S, ROUTES_MAX},
		{"routes6", curve_routes6, UNIT_PER_S, ROUTES_MAX},
		{"stacks", curve_stacks, UNIT_PER_S, STACKS_MAX},
		{"timers", weft_timers, UNIT_PER_S, 10000000},
	};

	if (argc != 4)
		return usage();
	if (!strcmp(argv[1], "loss") || !strcmp(argv[1], "loss-bbr")) {
		curve_loss((uint32_t)meter_number(argv[2], 0, PPM_MAX),
			   strcmp(argv[1], "loss") ? "bbr" : "cubic", meter_seconds(argv[3]));
		return 0;
	}
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		uint32_t n;
		struct worker w = {"weft", curves[i].fn, &n, NULL, 0};

		if (strcmp(argv[1], curves[i].name) != 0)
			continue;
		n = (uint32_t)meter_number(argv[2], 1, curves[i].max);
		meter_run(&w, 1, curves[i].unit, meter_seconds(argv[3]), "");
		return 0;
	}
	return usage();
}
