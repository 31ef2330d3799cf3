/* SPDX-License-Identifier: MIT */
/*
 * Our side of the benchmarks.
 *
 *	weft_bench bulk-inproc[6]|rr-inproc[6]|udp-inproc[6] SECONDS
 *	weft_bench bulk-tap-out|bulk-tap-in SECONDS NETNS TAP
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
#include "meter.h"
#include "weft/io.h"
#include "weft/weft.h"

enum {
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
	uint8_t tx_buf[BULK_BYTES], rx_buf[BULK_BYTES]; /* the applications' */
};

static struct bench *bench_new(struct gauge *g)
{
	struct weft_engine_config cfg = {.now_ns = weft_io_now_ns(), .entropy = weft_io_entropy};
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		die("memory", -ENOMEM);
	b->gauge = g;
	must(weft_engine_new(&cfg, &b->eng), "engine");
	return b;
}

static struct weft_stack *stack_new(struct bench *b, const char *name)
{
	struct weft_stack *st;

	must(weft_stack_new(b->eng, name, &st), "stack");
	return st;
}

static void address_add(struct weft_netif *nif, const char *prefix)
{
	struct weft_addr addr;
	uint8_t len;

	must(weft_prefix_parse(prefix, &addr, &len), prefix);
	must(weft_addr_add(nif, &addr, len), prefix);
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
	while (weft_send(s, b->tx_buf, BULK_BYTES, 0) > 0)
		;
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

static void nodelay(struct weft_sock *s)
{
	int one = 1;

	must(weft_setsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one)),
	     "TCP_NODELAY");
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
};

static struct bench *inproc_new(struct gauge *g, const struct inproc *p)
{
	struct bench *b = bench_new(g);
	struct weft_netif *rx_netif;

	b->tx_stack = stack_new(b, "a");
	b->rx_stack = stack_new(b, "b");
	must(weft_veth_new(b->tx_stack, "eth0", b->rx_stack, "eth0", &b->tx_netif, &rx_netif),
	     "veth");
	b->is_ip6 = p->is_ip6;
	address_add(b->tx_netif, b->is_ip6 ? "2001:db8::1/64" : "10.0.0.1/24");
	address_add(rx_netif, b->is_ip6 ? "2001:db8::2/64" : "10.0.0.2/24");
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
		weft_engine_run(b->eng, weft_io_now_ns());
	gauge_ready(b->gauge);
	while (!gauge_is_stopping(b->gauge))
		weft_engine_run(b->eng, weft_io_now_ns());
	bench_free(b);
}

static void bulk_inproc(struct gauge *g, const void *arg)
{
	struct bench *b = inproc_new(g, arg);

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

	b->rx = socket_bound(b, b->rx_stack, WEFT_SOCK_DGRAM);
	weft_on_event(b->rx, on_udp_rx, b);
	inproc_connect(b, WEFT_SOCK_DGRAM, NULL);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		udp_tx_batch(b);
		weft_engine_run(b->eng, weft_io_now_ns());
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
	address_add(nif, "10.0.0.1/24");
	return nif;
}

static void bulk_tap_out(struct gauge *g, const void *arg)
{
	struct bench *b = bench_new(g);
	struct weft_loop *loop;

	must(weft_loop_new(b->eng, &loop), "loop");
	b->tx_stack = stack_new(b, "a");
	b->tx_netif = tap_new(loop, b->tx_stack, arg);
	tx_connect(b, WEFT_SOCK_STREAM, "10.0.0.2", on_bulk_tx);
	tap_run(b, loop);
}

static void bulk_tap_in(struct gauge *g, const void *arg)
{
	struct bench *b = bench_new(g);
	struct weft_loop *loop;

	must(weft_loop_new(b->eng, &loop), "loop");
	b->rx_stack = stack_new(b, "b");
	tap_new(loop, b->rx_stack, arg);
	rx_listen(b, on_bulk_rx);
	tap_run(b, loop);
}

/* --- the command line --- */

static int inproc_main(const char *figure, double seconds)
{
	static const struct inproc figures[] = {
		{"bulk-inproc", bulk_inproc, UNIT_GBIT_S, false},
		{"bulk-inproc6", bulk_inproc, UNIT_GBIT_S, true},
		{"rr-inproc", rr_inproc, UNIT_PER_S, false},
		{"rr-inproc6", rr_inproc, UNIT_PER_S, true},
		{"udp-inproc", udp_inproc, UNIT_PER_S, false},
		{"udp-inproc6", udp_inproc, UNIT_PER_S, true},
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		struct worker w = {"weft", figures[i].fn, &figures[i], NULL, 0};

		if (strcmp(figure, figures[i].figure) != 0)
			continue;
		meter_run(&w, 1, figures[i].unit, seconds, "");
		return 0;
	}
	return 2;
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
	bool is_out = !strcmp(figure, "bulk-tap-out");

	if (!is_out && strcmp(figure, "bulk-tap-in") != 0)
		return 2;
	peer.server = "10.0.0.1";
	meter_run(is_out ? out : in, 2, UNIT_GBIT_S, seconds, "\"cc\": \"" KERNEL_CC "\", ");
	return 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc == 3)
		status = inproc_main(argv[1], meter_seconds(argv[2]));
	else if (argc == 5)
		status = tap_main(argv[1], meter_seconds(argv[2]), argv[3], argv[4]);
	if (status)
		fprintf(stderr,
			"usage: weft_bench bulk-inproc[6]|rr-inproc[6]|udp-inproc[6] SECONDS\n"
			"       weft_bench bulk-tap-out|bulk-tap-in SECONDS NETNS TAP\n");
	return status;
}
