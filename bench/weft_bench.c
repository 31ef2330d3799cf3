/* SPDX-License-Identifier: MIT */
/*
 * Our side of the benchmarks.
 *
 *	weft_bench FIGURE SECONDS
 *	weft_bench bulk-tap-out|bulk-tap-out-zc|bulk-tap-in SECONDS NETNS TAP
 *	weft_bench mem-conn CONNECTIONS
 *	weft_bench --count TURNS FIGURE
 *
 * In process, two stacks of one engine and one thread are joined by a veth, over IPv4 or, with a 6,
 * over IPv6. Over a TAP, which is in
 * the network namespace NETNS (a path) with the address 10.0.0.2, the peer is the kernel's sockets
 * in that namespace. Either way the stack's users are applications of the public API with default
 * settings.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_peer.h"
#include "weft/packet.h"
#include "weft/zero.h"
#include "weft_side.h"

enum {
	COLD_BYTES = 64 << 20, /* a source that no cache holds */
	PATTERN_BYTES = 128 * 1024 - 8,
	TURN_NS = 10 * 1000 * 1000, /* a loop with nothing to do looks so often whether to stop */
};

struct bench {
	struct gauge *gauge;
	struct weft_engine *eng;
	struct weft_stack *tx_stack, *rx_stack; /* over a TAP, only one of them is there */
	struct weft_netif *tx_netif;
	struct weft_sock *tx, *rx, *listener;
	void (*on_rx)(struct weft_sock *s, void *arg, uint32_t events); /* of an accepted one */
	bool has_nodelay; /* TCP_NODELAY at both ends */
	bool is_ip6;
	bool is_connected;
	uint8_t *source; /* what is sent from: source_bytes, over and over */
	size_t source_bytes, source_at;
	size_t pattern_at; /* where in the pattern the next byte received is */
	uint8_t tx_buf[BULK_BYTES], rx_buf[BULK_BYTES]; /* the applications' */
};

static struct bench *bench_new(struct gauge *g)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		die("memory", -ENOMEM);
	b->gauge = g;
	b->eng = side_engine();
	b->source = b->tx_buf;
	b->source_bytes = BULK_BYTES;
	/* Memory of its own: pages that nobody has written to are all the same one. */
	memset(b->tx_buf, 'w', BULK_BYTES);
	return b;
}

/* Leaves notes of the run for the report, and frees everything. */
static void bench_free(struct bench *b)
{
	struct weft_netif_stats ns;

	if (b->tx_stack) {
		weft_netif_stats(b->tx_netif, &ns);
		atomic_store(&b->gauge->sent_units, ns.tx_units);
		atomic_store(&b->gauge->sent_unit_bytes, ns.tx_bytes);
		atomic_store(&b->gauge->n_retrans,
			     weft_stack_counter(b->tx_stack, "TcpRetransSegs"));
	}
	weft_stack_free(b->tx_stack);
	weft_stack_free(b->rx_stack);
	weft_engine_free(b->eng);
	if (b->source != b->tx_buf)
		free(b->source);
	free(b);
}

/* --- applications --- */

/* A connection that breaks before the end fails the run. */
static void check(const struct bench *b, struct weft_sock *s, uint32_t events, const char *what)
{
	int err = 0;
	size_t len = sizeof(err);

	if (!(events & (WEFT_ERR | WEFT_HUP)) || gauge_is_stopping(b->gauge))
		return;
	must(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &err, &len), what);
	die(what, -(err ? err : ECONNRESET));
}

static void on_bulk_rx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;
	ptrdiff_t n;

	check(b, s, events, "receiver");
	while ((n = weft_recv(s, b->rx_buf, BULK_BYTES, 0)) > 0)
		gauge_add(&b->gauge->n_bytes, (uint64_t)n);
}

static void on_bulk_tx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;

	check(b, s, events, "sender");
	b->is_connected = true;
	while (weft_send(s, b->source + b->source_at, BULK_BYTES, 0) > 0)
		b->source_at = (b->source_at + BULK_BYTES) % b->source_bytes;
}

/* The bytes stay lent, and are the same whenever they are sent again: the pattern. */
static void on_lent_done(void *arg, const void *buf, size_t n)
{
	(void)arg;
	(void)buf;
	(void)n;
}

static void on_zc_tx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;
	ptrdiff_t n;

	check(b, s, events, "sender");
	b->is_connected = true;
	while ((n = weft_send_lent(s, b->source + b->source_at, b->source_bytes - b->source_at, 0,
				   NULL, on_lent_done, b)) > 0)
		b->source_at = (b->source_at + (size_t)n) % b->source_bytes;
}

/* Every byte is compared with a pattern that the receiver has of its own. */
static void pattern_check(struct bench *b, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t left = PATTERN_BYTES - b->pattern_at;
		size_t step = n < left ? n : left;

		if (memcmp(p, b->rx_buf + b->pattern_at, step) != 0)
			die("a byte is not the pattern's", -EIO);
		b->pattern_at = (b->pattern_at + step) % PATTERN_BYTES;
		p += step;
		n -= step;
	}
}

static void on_zc_rx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;
	struct weft_ref *ref;
	ptrdiff_t n;

	check(b, s, events, "receiver");
	while ((n = weft_recv_ref(s, BULK_BYTES, 0, NULL, &ref)) > 0) {
		size_t n_iov;
		const struct weft_iovec *iov = weft_ref_iov(ref, &n_iov);

		for (size_t i = 0; i < n_iov; i++)
			pattern_check(b, iov[i].base, iov[i].len);
		weft_ref_free(ref);
		gauge_add(&b->gauge->n_bytes, (uint64_t)n);
	}
}

static void pattern_write(uint8_t *p)
{
	for (uint64_t i = 0, word = 1; i < PATTERN_BYTES; i += sizeof(word)) {
		word = word * 6364136223846793005 + 1442695040888963407;
		memcpy(p + i, &word, sizeof(word));
	}
}

static void byte_send(struct weft_sock *s)
{
	if (weft_send(s, "b", 1, 0) != 1)
		die("a byte was not taken", -EAGAIN);
}

static void on_rr_server(struct weft_sock *s, void *arg, uint32_t events)
{
	uint8_t byte;

	check(arg, s, events, "server");
	while (weft_recv(s, &byte, 1, 0) == 1)
		byte_send(s);
}

static void on_rr_client(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;
	uint8_t byte;

	check(b, s, events, "client");
	if (!b->is_connected) {
		b->is_connected = true;
		byte_send(s);
	}
	while (weft_recv(s, &byte, 1, 0) == 1) {
		gauge_add(&b->gauge->n_ops, 1);
		byte_send(s);
	}
}

static void on_udp_rx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;

	(void)events;
	while (weft_recv(s, b->rx_buf, BULK_BYTES, 0) == DGRAM_BYTES) {
		gauge_add(&b->gauge->n_ops, 1);
		gauge_add(&b->gauge->n_bytes, DGRAM_BYTES);
	}
}

static void udp_tx_batch(struct bench *b)
{
	for (int i = 0; i < DGRAM_BATCH; i++) {
		ptrdiff_t n = weft_send(b->tx, b->tx_buf, DGRAM_BYTES, 0);

		if (n < 0 && n != -EAGAIN && n != -ENOBUFS)
			die("datagram", (int)n);
	}
}

/* Received as the groups that were sent, or as what is left of them. */
static void on_udp_gro_rx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;
	ptrdiff_t n;

	(void)events;
	while ((n = weft_recv(s, b->rx_buf, BULK_BYTES, 0)) > 0) {
		gauge_add(&b->gauge->n_ops, (uint64_t)n / DGRAM_BYTES);
		gauge_add(&b->gauge->n_bytes, (uint64_t)n);
	}
}

static void udp_tx_group(struct bench *b)
{
	ptrdiff_t n = weft_send(b->tx, b->tx_buf, (size_t)DGRAM_BATCH * DGRAM_BYTES, 0);

	if (n < 0 && n != -EAGAIN && n != -ENOBUFS)
		die("datagrams", (int)n);
}

/* --- sockets --- */

static uint8_t family(const struct bench *b)
{
	return b->is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET;
}

static struct weft_sock *socket_new(const struct bench *b, struct weft_stack *st, int type)
{
	struct weft_sock *s;

	must(weft_socket(st, family(b), type, 0, &s), "socket");
	return s;
}

static struct weft_sock *socket_bound(const struct bench *b, struct weft_stack *st, int type)
{
	struct weft_sockaddr any = {.addr.family = family(b), .port = BENCH_PORT};
	struct weft_sock *s = socket_new(b, st, type);

	must(weft_bind(s, &any), "bind");
	return s;
}

static void set_opt(struct weft_sock *s, int level, int name, int value, const char *what)
{
	must(weft_setsockopt(s, level, name, &value, sizeof(value)), what);
}

static void nodelay(struct weft_sock *s)
{
	set_opt(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, 1, "TCP_NODELAY");
}

static void on_accept(struct weft_sock *s, void *arg, uint32_t events)
{
	struct bench *b = arg;

	(void)events;
	must(weft_accept(s, &b->rx, NULL), "accept");
	if (b->has_nodelay)
		nodelay(b->rx);
	weft_on_event(b->rx, b->on_rx, b);
}

static void rx_listen(struct bench *b, void (*on_rx)(struct weft_sock *, void *, uint32_t))
{
	b->on_rx = on_rx;
	b->listener = socket_bound(b, b->rx_stack, WEFT_SOCK_STREAM);
	must(weft_listen(b->listener, 1), "listen");
	weft_on_event(b->listener, on_accept, b);
}

static void tx_connect(struct bench *b, int type, const char *to,
		       void (*on_tx)(struct weft_sock *, void *, uint32_t))
{
	struct weft_sockaddr sa = {.port = BENCH_PORT};
	int err;

	must(weft_addr_parse(to, &sa.addr), to);
	b->tx = socket_new(b, b->tx_stack, type);
	if (b->has_nodelay)
		nodelay(b->tx);
	weft_on_event(b->tx, on_tx, b);
	err = weft_connect(b->tx, &sa);
	if (err != -EINPROGRESS)
		must(err, "connect");
}

/* --- in process --- */

/* What a figure in process is about. */
struct inproc {
	const char *figure;
	void (*fn)(struct gauge *g, const void *arg);
	enum unit unit;
	bool is_ip6;
	const char *variant; /* of bulk: cold, zc, mtu or gro; of udp: gso; NULL: none */
};

static bool is_variant(const struct inproc *p, const char *name)
{
	return p->variant && !strcmp(p->variant, name);
}

static struct bench *inproc_new(struct gauge *g, const struct inproc *p)
{
	struct bench *b = bench_new(g);
	struct weft_netif *rx_netif;

	b->tx_stack = side_stack(b->eng, "a");
	b->rx_stack = side_stack(b->eng, "b");
	must(weft_veth_new(b->tx_stack, "eth0", b->rx_stack, "eth0", &b->tx_netif, &rx_netif),
	     "veth");
	b->is_ip6 = p->is_ip6;
	side_address(b->tx_netif, b->is_ip6 ? "2001:db8::1/64" : "10.0.0.1/24");
	side_address(rx_netif, b->is_ip6 ? "2001:db8::2/64" : "10.0.0.2/24");
	if (is_variant(p, "mtu") || is_variant(p, "gro")) {
		uint32_t offloads = is_variant(p, "gro") ? WEFT_OFFLOAD_GRO : 0;

		must(weft_netif_set_offloads(b->tx_netif, offloads), "offloads");
		must(weft_netif_set_offloads(rx_netif, offloads), "offloads");
	}
	return b;
}

static void inproc_connect(struct bench *b, int type,
			   void (*on_tx)(struct weft_sock *, void *, uint32_t))
{
	tx_connect(b, type, b->is_ip6 ? "2001:db8::2" : "10.0.0.2", on_tx);
}

/* There are no devices to wait for: the engine runs as often as it can. */
static void inproc_run(struct bench *b)
{
	while (!b->is_connected)
		side_run(b->eng);
	gauge_ready(b->gauge);
	while (!gauge_is_stopping(b->gauge))
		side_run(b->eng);
	bench_free(b);
}

static void source_set(struct bench *b, size_t n)
{
	b->source_bytes = n;
	b->source = malloc(n);
	if (!b->source)
		die("memory", -ENOMEM);
	memset(b->source, 'w', n);
}

static void bulk_inproc(struct gauge *g, const void *arg)
{
	struct bench *b = inproc_new(g, arg);

	if (is_variant(arg, "cold"))
		source_set(b, COLD_BYTES);
	if (is_variant(arg, "zc")) {
		source_set(b, PATTERN_BYTES);
		pattern_write(b->source);
		pattern_write(b->rx_buf);
		rx_listen(b, on_zc_rx);
		inproc_connect(b, WEFT_SOCK_STREAM, on_zc_tx);
		inproc_run(b);
		return;
	}
	rx_listen(b, on_bulk_rx);
	inproc_connect(b, WEFT_SOCK_STREAM, on_bulk_tx);
	inproc_run(b);
}

static void rr_inproc(struct gauge *g, const void *arg)
{
	struct bench *b = inproc_new(g, arg);

	b->has_nodelay = true;
	rx_listen(b, on_rr_server);
	inproc_connect(b, WEFT_SOCK_STREAM, on_rr_client);
	inproc_run(b);
}

static void udp_inproc(struct gauge *g, const void *arg)
{
	struct bench *b = inproc_new(g, arg);
	bool is_gso = is_variant(arg, "gso");

	b->rx = socket_bound(b, b->rx_stack, WEFT_SOCK_DGRAM);
	weft_on_event(b->rx, is_gso ? on_udp_gro_rx : on_udp_rx, b);
	inproc_connect(b, WEFT_SOCK_DGRAM, NULL);
	if (is_gso) {
		set_opt(b->tx, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, DGRAM_BYTES, "UDP_SEGMENT");
		set_opt(b->rx, WEFT_IPPROTO_UDP, WEFT_UDP_GRO, 1, "UDP_GRO");
	}
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		if (is_gso)
			udp_tx_group(b);
		else
			udp_tx_batch(b);
		side_run(b->eng);
	}
	bench_free(b);
}

/* --- over a TAP --- */

static void turn(struct weft_loop *loop)
{
	int err = weft_loop_turn(loop, TURN_NS);

	if (err != -EINTR)
		must(err, "loop");
}

/* A sender is ready when it is connected, which takes a second when the TAP comes up late. */
static void tap_run(struct bench *b, struct weft_loop *loop)
{
	while (b->tx && !b->is_connected)
		turn(loop);
	gauge_ready(b->gauge);
	while (!gauge_is_stopping(b->gauge))
		turn(loop);
	bench_free(b);
	weft_loop_free(loop);
}

static struct weft_netif *tap_new(struct weft_loop *loop, struct weft_stack *st, const char *tap)
{
	struct weft_netif *nif;
	int fd = weft_tap_open(tap);

	must(fd, tap);
	must(weft_tap_new(loop, st, "eth0", fd, &nif), tap);
	side_address(nif, "10.0.0.1/24");
	return nif;
}

/* `on_tx`: how the application sends. */
static void tap_out(struct gauge *g, const char *tap,
		    void (*on_tx)(struct weft_sock *, void *, uint32_t))
{
	struct bench *b = bench_new(g);
	struct weft_loop *loop;

	must(weft_loop_new(b->eng, &loop), "loop");
	b->tx_stack = side_stack(b->eng, "a");
	b->tx_netif = tap_new(loop, b->tx_stack, tap);
	tx_connect(b, WEFT_SOCK_STREAM, "10.0.0.2", on_tx);
	tap_run(b, loop);
}

static void bulk_tap_out(struct gauge *g, const void *arg)
{
	tap_out(g, arg, on_bulk_tx);
}

static void bulk_tap_out_zc(struct gauge *g, const void *arg)
{
	tap_out(g, arg, on_zc_tx);
}

static void bulk_tap_in(struct gauge *g, const void *arg)
{
	struct bench *b = bench_new(g);
	struct weft_loop *loop;

	must(weft_loop_new(b->eng, &loop), "loop");
	b->rx_stack = side_stack(b->eng, "b");
	tap_new(loop, b->rx_stack, arg);
	rx_listen(b, on_bulk_rx);
	tap_run(b, loop);
}

/* --- the command line --- */

/* What measures, or counts, a figure; `fn` NULL: there is none of that name. */
struct how {
	void (*fn)(struct gauge *g, const void *arg);
	const void *arg;
	enum unit unit;
};

static struct how figure_find(const char *figure)
{
	static const struct inproc figures[] = {
		{"bulk-inproc", bulk_inproc, UNIT_GBIT_S, false, NULL},
		{"bulk-inproc6", bulk_inproc, UNIT_GBIT_S, true, NULL},
		{"bulk-inproc-cold", bulk_inproc, UNIT_GBIT_S, false, "cold"},
		{"bulk-inproc-zc", bulk_inproc, UNIT_GBIT_S, false, "zc"},
		{"bulk-inproc-mtu", bulk_inproc, UNIT_GBIT_S, false, "mtu"},
		{"bulk-inproc-gro", bulk_inproc, UNIT_GBIT_S, false, "gro"},
		{"rr-inproc", rr_inproc, UNIT_PER_S, false, NULL},
		{"rr-inproc6", rr_inproc, UNIT_PER_S, true, NULL},
		{"udp-inproc", udp_inproc, UNIT_PER_S, false, NULL},
		{"udp-inproc6", udp_inproc, UNIT_PER_S, true, NULL},
		{"udp-inproc-gso", udp_inproc, UNIT_PER_S, false, "gso"},
	};
	static const struct fwd_what fwd4 = {false, FWD_ROUTES}, fwd6 = {true, FWD_ROUTES};
	static const struct fwd_what fwd4_few = {false, FWD_FEW}, fwd6_few = {true, FWD_FEW};
	static const struct fwd_what fwd4_many = {false, FWD_MANY}, fwd6_many = {true, FWD_MANY};
	static const struct engines_what scale[] = {{1, false, false}, {2, false, false}};
	static const struct engines_what shards[] = {
		{1, true, false}, {2, true, false}, {2, true, true}};
	static const uint32_t many[] = {1000, 100000, 1000000, 10000000};
	static const struct {
		const char *figure;
		void (*fn)(struct gauge *g, const void *arg);
		const void *arg;
	} others[] = {
		{"crr-inproc", weft_crr, NULL},
		{"fwd4", weft_fwd, &fwd4},
		{"fwd6", weft_fwd, &fwd6},
		{"fwd4-few", weft_fwd, &fwd4_few},
		{"fwd6-few", weft_fwd, &fwd6_few},
		{"fwd4-many", weft_fwd, &fwd4_many},
		{"fwd6-many", weft_fwd, &fwd6_many},
		{"scale1", weft_engines, &scale[0]},
		{"scale2", weft_engines, &scale[1]},
		{"shard1", weft_engines, &shards[0]},
		{"shard2", weft_engines, &shards[1]},
		{"shard2-cross", weft_engines, &shards[2]},
		{"timers-1e3", weft_timers, &many[0]},
		{"timers-1e5", weft_timers, &many[1]},
		{"timers-1e6", weft_timers, &many[2]},
		{"timers-1e7", weft_timers, &many[3]},
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (!strcmp(figure, figures[i].figure))
			return (struct how){figures[i].fn, &figures[i], figures[i].unit};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(figure, others[i].figure))
			return (struct how){others[i].fn, others[i].arg, UNIT_PER_S};
	return (struct how){0};
}

static int inproc_main(const char *figure, double seconds)
{
	struct how how = figure_find(figure);
	struct worker w = {"weft", how.fn, how.arg, NULL, 0};

	if (!how.fn)
		return 2;
	meter_run(&w, 1, how.unit, seconds, "");
	return 0;
}

static int count_main(const char *turns, const char *figure)
{
	struct how how = figure_find(figure);

	if (!how.fn)
		return 2;
	side_count(how.fn, how.arg, (uint64_t)meter_number(turns, 1, 1000000000));
	return 0;
}

/* The server starts first. */
static int tap_main(const char *figure, double seconds, const char *netns, const char *tap)
{
	struct kernel_peer peer = {.wait = WAIT_BLOCKING};
	struct worker out[] = {
		{"kernel", kernel_bulk_server, &peer, netns, 0},
		{"weft", bulk_tap_out, tap, netns, 0},
	};
	struct worker in[] = {
		{"weft", bulk_tap_in, tap, netns, 0},
		{"kernel", kernel_bulk_client, &peer, netns, 0},
	};
	bool is_zc = !strcmp(figure, "bulk-tap-out-zc");
	bool is_out = is_zc || !strcmp(figure, "bulk-tap-out");

	if (!is_out && strcmp(figure, "bulk-tap-in") != 0)
		return 2;
	if (is_zc)
		out[1].fn = bulk_tap_out_zc;
	peer.server = "10.0.0.1";
	meter_run(is_out ? out : in, 2, UNIT_GBIT_S, seconds, "\"cc\": \"" KERNEL_CC "\", ");
	return 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc == 3 && !strcmp(argv[1], "mem-conn")) {
		weft_mem_conn((uint32_t)meter_number(argv[2], 1, 500000));
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "--count"))
		status = count_main(argv[2], argv[3]);
	else if (argc == 3)
		status = inproc_main(argv[1], meter_seconds(argv[2]));
	else if (argc == 5)
		status = tap_main(argv[1], meter_seconds(argv[2]), argv[3], argv[4]);
	if (status)
		fprintf(stderr,
			"usage: weft_bench FIGURE SECONDS\n"
			"       weft_bench bulk-tap-out|bulk-tap-out-zc|bulk-tap-in SECONDS NETNS "
			"TAP\n"
			"       weft_bench mem-conn CONNECTIONS\n"
			"       weft_bench --count TURNS FIGURE\n");
	return status;
}
