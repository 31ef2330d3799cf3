/* SPDX-License-Identifier: MIT */
/*
 * Our side at a device of the host's, the kernel's sockets at its other end: bulk TCP, and
 * datagrams of 64 bytes.
 *
 *	device_bench bulk|udp tap|packet|blocks|xdp out|in SECONDS KERNEL_NETNS WEFT_NETNS DEVICE
 *
 * `packet` and `blocks` are AF_PACKET with slots and with blocks. A TAP is in the kernel's
 * namespace, the others take one end of a veth. Out, weft sends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_peer.h"
#include "weft_side.h"

enum {
	TURN_NS = 20 * 1000 * 1000,
	BLOCK_MS = 1,
};

struct device {
	const char *driver, *name;
	bool is_udp;
};

struct side {
	struct gauge *gauge;
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_stack *st;
	struct weft_sock *s;
	struct weft_netif *nif;
	bool is_connected;
	uint8_t buf[BULK_BYTES];
};

static void device_attach(struct side *side, const struct device *d)
{
	char why[128] = "";
	struct weft_afpacket_config packet = {
		.ifname = d->name, .why = why, .why_bytes = sizeof(why)};
	struct weft_afxdp_config xdp = {.ifname = d->name, .why = why, .why_bytes = sizeof(why)};
	int err;

	if (!strcmp(d->driver, "blocks"))
		packet.block_ms = BLOCK_MS;
	if (!strcmp(d->driver, "tap")) {
		int fd = weft_tap_open(d->name);

		must(fd, d->name);
		err = weft_tap_new(side->loop, side->st, "eth0", fd, &side->nif);
	} else if (!strcmp(d->driver, "xdp")) {
		err = weft_afxdp_new(side->loop, side->st, "eth0", &xdp, &side->nif);
	} else {
		err = weft_afpacket_new(side->loop, side->st, "eth0", &packet, &side->nif);
	}
	must(err, *why ? why : d->name);
	side_address(side->nif, "10.0.0.1/24");
}

static struct side *side_new(struct gauge *g, const struct device *d)
{
	struct side *side = calloc(1, sizeof(*side));

	if (!side)
		die("memory", -ENOMEM);
	side->gauge = g;
	/* Memory of its own: pages that nobody has written to are all the same one. */
	memset(side->buf, 'w', sizeof(side->buf));
	side->eng = side_engine();
	must(weft_loop_new(side->eng, &side->loop), "loop");
	side->st = side_stack(side->eng, "weft");
	device_attach(side, d);
	return side;
}

static void turn(struct side *side, int64_t timeout_ns)
{
	int err = weft_loop_turn(side->loop, timeout_ns);

	if (err != -EINTR)
		must(err, "loop");
}

static void side_end(struct side *side)
{
	struct weft_netif_stats ns;

	weft_netif_stats(side->nif, &ns);
	atomic_store(&side->gauge->sent_units, ns.tx_units);
	atomic_store(&side->gauge->sent_unit_bytes, ns.tx_bytes);
	atomic_store(&side->gauge->n_retrans, weft_stack_counter(side->st, "TcpRetransSegs"));
	weft_stack_free(side->st);
	weft_loop_free(side->loop);
	weft_engine_free(side->eng);
	free(side);
}

static void check(const struct side *side, uint32_t events)
{
	if (events & (WEFT_ERR | WEFT_HUP) && !gauge_is_stopping(side->gauge))
		die("connection", -ECONNRESET);
}

static void on_rx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct side *side = arg;
	ptrdiff_t n;

	check(side, events);
	while ((n = weft_recv(s, side->buf, sizeof(side->buf), 0)) > 0) {
		gauge_add(&side->gauge->n_bytes, (uint64_t)n);
		gauge_add(&side->gauge->n_ops, 1);
	}
}

static void on_accept(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_sock *conn;

	(void)events;
	must(weft_accept(s, &conn, NULL), "accept");
	weft_on_event(conn, on_rx, arg);
}

static void on_tx(struct weft_sock *s, void *arg, uint32_t events)
{
	struct side *side = arg;

	check(side, events);
	side->is_connected = true;
	while (weft_send(s, side->buf, sizeof(side->buf), 0) > 0)
		;
}

/* Datagrams until the device takes no more now. */
static void send_datagrams(struct side *side)
{
	for (int i = 0; i < DGRAM_BATCH; i++) {
		ptrdiff_t n = weft_send(side->s, side->buf, DGRAM_BYTES, 0);

		if (n < 0 && n != -EAGAIN && n != -ENOBUFS)
			die("datagram", (int)n);
	}
	turn(side, 0);
}

/* Until the kernel has answered, to ARP: a TAP comes up late. */
static void wait_for_answer(struct side *side)
{
	struct weft_netif_stats ns;

	do {
		(void)weft_send(side->s, side->buf, DGRAM_BYTES, 0);
		turn(side, TURN_NS);
		weft_netif_stats(side->nif, &ns);
	} while (!ns.rx_packets && !gauge_is_stopping(side->gauge));
}

static void weft_out(struct gauge *g, const void *arg)
{
	const struct device *d = arg;
	struct side *side = side_new(g, d);
	int type = d->is_udp ? WEFT_SOCK_DGRAM : WEFT_SOCK_STREAM;
	struct weft_sockaddr to;
	int err;

	side_sockaddr(&to, "10.0.0.2", BENCH_PORT);
	must(weft_socket(side->st, WEFT_AF_INET, type, 0, &side->s), "socket");
	if (!d->is_udp)
		weft_on_event(side->s, on_tx, side);
	err = weft_connect(side->s, &to);
	if (err != -EINPROGRESS)
		must(err, "connect");
	if (d->is_udp)
		wait_for_answer(side);
	while (!d->is_udp && !side->is_connected)
		turn(side, TURN_NS);
	gauge_ready(g);
	while (!gauge_is_stopping(g))
		if (d->is_udp)
			send_datagrams(side);
		else
			turn(side, TURN_NS);
	side_end(side);
}

static void weft_in(struct gauge *g, const void *arg)
{
	const struct device *d = arg;
	struct side *side = side_new(g, d);
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = BENCH_PORT};
	int type = d->is_udp ? WEFT_SOCK_DGRAM : WEFT_SOCK_STREAM;

	must(weft_socket(side->st, WEFT_AF_INET, type, 0, &side->s), "socket");
	must(weft_bind(side->s, &any), "bind");
	if (!d->is_udp)
		must(weft_listen(side->s, 1), "listen");
	weft_on_event(side->s, d->is_udp ? on_rx : on_accept, side);
	gauge_ready(g);
	while (!gauge_is_stopping(g))
		turn(side, TURN_NS);
	side_end(side);
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	static const char *const shapes[] = {"bulk", "udp", NULL};
	static const char *const drivers[] = {"tap", "packet", "blocks", "xdp", NULL};
	static const char *const directions[] = {"out", "in", NULL};
	struct kernel_peer peer = {.server = "10.0.0.1", .wait = WAIT_BLOCKING};
	struct device d;
	bool is_out;

	if (argc != 8 || !is_one_of(argv[1], shapes) || !is_one_of(argv[2], drivers) ||
	    !is_one_of(argv[3], directions)) {
		fprintf(stderr, "usage: device_bench bulk|udp tap|packet|blocks|xdp out|in SECONDS "
				"KERNEL_NETNS WEFT_NETNS DEVICE\n");
		return 2;
	}
	d = (struct device){argv[2], argv[7], !strcmp(argv[1], "udp")};
	is_out = !strcmp(argv[3], "out");
	const struct worker ours = {"weft", is_out ? weft_out : weft_in, &d, argv[6], 0};
	const struct worker theirs = {"kernel",
				      is_out ? (d.is_udp ? kernel_udp_server : kernel_bulk_server)
					     : (d.is_udp ? kernel_udp_client : kernel_bulk_client),
				      &peer, argv[5], 0};
	/* The server starts first. */
	const struct worker workers[] = {is_out ? theirs : ours, is_out ? ours : theirs};

	meter_run(workers, 2, d.is_udp ? UNIT_PER_S : UNIT_GBIT_S, meter_seconds(argv[4]),
		  "\"cc\": \"" KERNEL_CC "\", ");
	return 0;
}
