/* SPDX-License-Identifier: MIT */
/*
 * Many TCP connections in one process: open, idle, echoing, closed.
 *
 * Two hosts on one wire, N connections between them, half of them over IPv6, so the process holds
 * both ends: 2 N endpoints. Every endpoint is watched by one poll set. In turn:
 *
 *	open    all of them; then memory an endpoint is compared with doc/tcp-connection.md
 *	idle    an hour passes: what that costs is counted
 *	echo    in waves, then all at once, which is more than the packet pools hold: whoever
 *	        finds no room waits for WEFT_OUT; each byte that comes back is compared
 *	close   all; nothing is left
 *
 * Prints one line "ok - ..." a step with its figures. Virtual time, public API only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weft/poll.h"
#include "weft/weft.h"

#define NS_PER_S INT64_C(1000000000)

enum {
	N_PORTS = 5, /* times two families, for an address has 28,232 ephemeral ports for each */
	PORT = 7001,
	OPEN_BATCH = 500, /* connects under way at once */
	MSG_MIN = 16,
	MSG_SPREAD = 400, /* messages are of 16 to 415 bytes */
	N_WAVES = 10,
	ENDPOINT_BYTES_MAX = 1024, /* doc/tcp-connection.md */
	EVENTS = 256,
	MSG_MAX = MSG_MIN + MSG_SPREAD,
};

/* What the application keeps of an endpoint. */
struct end {
	struct weft_sock *s;
	uint32_t id;     /* of the connection */
	uint16_t n_todo; /* client: bytes to be sent; server: nothing */
	uint16_t n_wait; /* client: bytes that have not come back */
	uint16_t n_held; /* server: bytes of `held` to be sent back */
	bool is_client;
	char *held; /* server: what found no room; NULL: nothing */
};

static struct {
	struct weft_engine *eng;
	struct weft_stack *st[2];
	struct weft_netif *nif[2];
	struct weft_pollset *set;
	struct weft_sock *listeners[2][N_PORTS];
	struct end *ends; /* client, server, client, server ... in order of accept */
	uint32_t n, n_accepted, round;
	uint64_t n_echoed; /* messages that came back whole */
	uint64_t n_waited; /* calls that found no room */
	int64_t now_ns;
} w;

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...)
{
	va_list ap;

	printf("not ok - ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		die("%s: %s", what, strerror(-err));
}

static struct weft_engine_stats stats(void)
{
	struct weft_engine_stats s;

	weft_engine_stats(w.eng, &s);
	return s;
}

static void advance(int64_t ns)
{
	int64_t end_ns = w.now_ns + ns, at_ns;

	while ((at_ns = weft_engine_next_ns(w.eng)) < end_ns) {
		w.now_ns = at_ns > w.now_ns ? at_ns : w.now_ns;
		while (weft_engine_run(w.eng, w.now_ns))
			;
	}
	w.now_ns = end_ns;
	while (weft_engine_run(w.eng, w.now_ns))
		;
}

static struct weft_sockaddr sockaddr(bool is_ip6, uint32_t port)
{
	struct weft_sockaddr sa;
	char text[64];

	snprintf(text, sizeof(text), is_ip6 ? "[fd00::2]:%u" : "10.0.0.2:%u", port);
	must(weft_sockaddr_parse(text, &sa), "address");
	return sa;
}

/* The byte at `i` of the message that connection `id` sends in a round. */
static char byte_at(uint32_t id, uint32_t i)
{
	return (char)((id * 7919 + i * 31 + w.round * 101) >> 3);
}

static uint16_t msg_len(uint32_t id)
{
	return (uint16_t)(MSG_MIN + (id * 2654435761U + w.round * 40503U) % MSG_SPREAD);
}

static void build(void)
{
	static const struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	static const char *const names[] = {"client", "server"};
	static const char *const addrs[][2] = {{"10.0.0.1", "fd00::1"}, {"10.0.0.2", "fd00::2"}};
	struct weft_addr a;

	must(weft_engine_new(&cfg, &w.eng), "engine");
	for (int i = 0; i < 2; i++)
		must(weft_stack_new(w.eng, names[i], &w.st[i]), "stack");
	must(weft_veth_new(w.st[0], "eth0", w.st[1], "eth0", &w.nif[0], &w.nif[1]), "veth");
	for (int i = 0; i < 2; i++) {
		must(weft_addr_parse(addrs[i][0], &a), "address");
		must(weft_addr_add(w.nif[i], &a, 24), "address");
		must(weft_addr_parse(addrs[i][1], &a), "address");
		must(weft_addr_add(w.nif[i], &a, 64), "address");
	}
	must(weft_pollset_new(w.eng, &w.set), "poll set");
	advance(3 * NS_PER_S); /* addresses are no longer tentative */
	for (int ip6 = 0; ip6 < 2; ip6++) {
		for (uint32_t i = 0; i < N_PORTS; i++) {
			struct weft_sockaddr sa = sockaddr(ip6, PORT + i);
			struct weft_sock **s = &w.listeners[ip6][i];

			must(weft_socket(w.st[1], ip6 ? WEFT_AF_INET6 : WEFT_AF_INET,
					 WEFT_SOCK_STREAM, 0, s),
			     "socket");
			must(weft_bind(*s, &sa), "bind");
			must(weft_listen(*s, OPEN_BATCH), "listen");
		}
	}
}

static void watch(struct end *e)
{
	must(weft_pollset_add(w.set, e->s, WEFT_IN | WEFT_ET, (uintptr_t)e), "watch");
}

static void accept_from(struct weft_sock *listener)
{
	for (;;) {
		struct end *e = &w.ends[2 * (size_t)w.n_accepted + 1];
		struct weft_sock *s;
		int err = weft_accept(listener, &s, NULL);

		if (err == -EAGAIN)
			return;
		must(err, "accept");
		e->s = s;
		w.n_accepted++;
		watch(e);
	}
}

static void accept_all(void)
{
	for (int ip6 = 0; ip6 < 2; ip6++)
		for (uint32_t i = 0; i < N_PORTS; i++)
			accept_from(w.listeners[ip6][i]);
}

static void open_one(uint32_t id)
{
	struct end *e = &w.ends[2 * (size_t)id];
	struct weft_sockaddr sa = sockaddr(id & 1, PORT + id / 2 % N_PORTS);
	int err;

	e->id = id;
	e->is_client = true;
	must(weft_socket(w.st[0], id & 1 ? WEFT_AF_INET6 : WEFT_AF_INET, WEFT_SOCK_STREAM, 0,
			 &e->s),
	     "socket");
	err = weft_connect(e->s, &sa);
	if (err != -EINPROGRESS)
		die("connect %u: %s", id, strerror(-err));
	watch(e);
}

static void open_all(void)
{
	for (uint32_t id = 0; id < w.n;) {
		/* The first two find the neighbours: few packets wait for that. */
		uint32_t batch = id ? OPEN_BATCH : 2;
		uint32_t end = w.n - id < batch ? w.n : id + batch;

		while (id < end)
			open_one(id++);
		advance(NS_PER_S / 100);
		accept_all();
	}
	advance(2 * NS_PER_S); /* delayed acknowledgements have gone */
	accept_all();
	if (w.n_accepted != w.n)
		die("%u of %u connections were accepted", w.n_accepted, w.n);
}

/* The rest of what the client has to send; the events that it waits for then. */
static uint32_t client_send(struct end *e)
{
	char buf[MSG_MAX];
	uint16_t len = msg_len(e->id), at = (uint16_t)(len - e->n_todo);
	ptrdiff_t done;

	for (uint32_t i = 0; i < e->n_todo; i++)
		buf[i] = byte_at(e->id, at + i);
	done = weft_send(e->s, buf, e->n_todo, 0);
	if (done < 0 && done != -EAGAIN)
		die("send: %s", strerror((int)-done));
	e->n_todo = (uint16_t)(e->n_todo - (done > 0 ? done : 0));
	w.n_waited += e->n_todo > 0;
	return e->n_todo ? WEFT_IN | WEFT_OUT | WEFT_ET : WEFT_IN | WEFT_ET;
}

static void client_recv(struct end *e)
{
	char buf[MSG_MAX];
	uint16_t len = msg_len(e->id);
	ptrdiff_t n;

	while ((n = weft_recv(e->s, buf, sizeof(buf), 0)) > 0) {
		uint32_t at = (uint32_t)(len - e->n_wait);

		if (n > e->n_wait)
			die("connection %u: more came back than was sent", e->id);
		for (uint32_t i = 0; i < n; i++)
			if (buf[i] != byte_at(e->id, at + i))
				die("connection %u: byte %u is wrong", e->id, at + i);
		e->n_wait = (uint16_t)(e->n_wait - n);
		w.n_echoed += e->n_wait == 0;
	}
	if (n != -EAGAIN)
		die("recv: %s", n ? strerror((int)-n) : "end");
}

static bool server_flush(struct end *e)
{
	ptrdiff_t done;

	if (!e->held)
		return true;
	done = weft_send(e->s, e->held, e->n_held, 0);
	if (done == e->n_held) {
		free(e->held);
		e->held = NULL;
		e->n_held = 0;
		return true;
	}
	if (done < 0 && done != -EAGAIN)
		die("send: %s", strerror((int)-done));
	w.n_waited++;
	if (done > 0) {
		e->n_held = (uint16_t)(e->n_held - done);
		memmove(e->held, e->held + done, e->n_held);
	}
	return false;
}

/* Sends back what comes; nothing more is read while something waits. */
static void server_echo(struct end *e)
{
	char buf[MSG_MAX];
	ptrdiff_t n;

	while (server_flush(e)) {
		n = weft_recv(e->s, buf, sizeof(buf), 0);
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			die("recv: %s", n ? strerror((int)-n) : "end");
		e->held = malloc((size_t)n);
		if (!e->held)
			die("no memory");
		memcpy(e->held, buf, (size_t)n);
		e->n_held = (uint16_t)n;
	}
	must(weft_pollset_mod(w.set, e->s, WEFT_IN | WEFT_OUT | WEFT_ET, (uintptr_t)e), "mod");
}

static void on_event(void *arg, uint32_t events)
{
	struct end *e = arg;

	if (events & (WEFT_ERR | WEFT_HUP))
		die("a connection of %s has failed", e->is_client ? "the client" : "the server");
	if (!e->is_client) {
		server_echo(e);
		return;
	}
	client_recv(e);
	if (e->n_todo && (events & WEFT_OUT))
		must(weft_pollset_mod(w.set, e->s, client_send(e), (uintptr_t)e), "mod");
}

static void serve(int64_t ns)
{
	struct weft_poll_event ev[EVENTS];
	size_t n;

	do {
		while ((n = weft_pollset_get(w.set, ev, EVENTS)) > 0) {
			for (size_t i = 0; i < n; i++)
				on_event((void *)(uintptr_t)ev[i].data, ev[i].events);
			while (weft_engine_run(w.eng, w.now_ns))
				;
		}
		advance(NS_PER_S / 100);
		ns -= NS_PER_S / 100;
	} while (ns > 0);
}

/* Connections first, first + step, ... send a message each, and get it back. */
static void echo_wave(uint32_t first, uint32_t step)
{
	uint64_t want = w.n_echoed;

	w.round++;
	for (uint32_t id = first; id < w.n; id += step) {
		struct end *e = &w.ends[2 * (size_t)id];
		uint32_t events;

		e->n_todo = e->n_wait = msg_len(id);
		events = client_send(e);
		if (events & WEFT_OUT)
			must(weft_pollset_mod(w.set, e->s, events, (uintptr_t)e), "mod");
		want++;
	}
	for (int i = 0; i < 6000 && w.n_echoed < want; i++)
		serve(NS_PER_S / 10);
	if (w.n_echoed != want)
		die("%" PRIu64 " of %" PRIu64 " messages came back", w.n_echoed, want);
}

static int64_t cpu_ms(void)
{
	return (int64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* kB, as the kernel counts it. */
static uint64_t rss_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	uint64_t kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmRSS:", 6))
			kb = strtoull(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static void step_open(void)
{
	uint64_t base = stats().mem_bytes, rss = rss_kb(), per_end, per_rss;
	int64_t t = cpu_ms();

	w.ends = calloc(w.n, 2 * sizeof(*w.ends));
	if (!w.ends)
		die("no memory");
	open_all();
	per_end = (stats().mem_bytes - base) / w.n / 2;
	per_rss = (rss_kb() - rss) * 1024 / w.n / 2;
	if (per_end > ENDPOINT_BYTES_MAX)
		die("an idle endpoint takes %" PRIu64 " bytes", per_end);
	printf("ok - %u connections, %u endpoints, open and watched: %" PRIu64
	       " bytes of the engine's an endpoint with its poll item, %" PRIu64
	       " resident with the application's %zu; %" PRIu64 " MiB in all, %" PRId64 " ms\n",
	       w.n, 2 * w.n, per_end, per_rss, sizeof(struct end), stats().mem_bytes >> 20,
	       cpu_ms() - t);
}

static void step_idle(void)
{
	int64_t t = cpu_ms();
	uint32_t n_timers = stats().n_timers;

	if (n_timers > 100)
		die("%u timers are armed for idle connections", n_timers);
	advance(3600 * NS_PER_S);
	printf("ok - an hour idle: %u timers armed, %" PRId64 " ms of CPU time\n", n_timers,
	       cpu_ms() - t);
}

static void step_echo(void)
{
	int64_t t = cpu_ms();
	uint64_t n;

	for (uint32_t i = 0; i < N_WAVES; i++)
		echo_wave(i, N_WAVES);
	n = w.n_echoed;
	printf("ok - %" PRIu64 " messages echoed in %u waves: %" PRId64 " ms\n", n, N_WAVES,
	       cpu_ms() - t);
	t = cpu_ms();
	echo_wave(0, 1);
	printf("ok - %" PRIu64 " messages echoed at once: %" PRIu64
	       " calls waited for room, %" PRIu64 " MiB at most, %" PRId64 " ms\n",
	       w.n_echoed - n, w.n_waited, stats().mem_peak_bytes >> 20, cpu_ms() - t);
}

static void step_close(uint64_t base)
{
	struct weft_engine_stats s;

	for (size_t i = 0; i < 2 * (size_t)w.n; i++)
		weft_close(w.ends[i].s);
	for (int ip6 = 0; ip6 < 2; ip6++)
		for (uint32_t i = 0; i < N_PORTS; i++)
			weft_close(w.listeners[ip6][i]);
	advance(300 * NS_PER_S);
	s = stats();
	if (s.pkts_used || s.bufs_used)
		die("%" PRIu64 " packets and %" PRIu64 " buffers are left", s.pkts_used,
		    s.bufs_used);
	printf("ok - all closed: %" PRIu64 " KiB at first, %" PRIu64
	       " KiB now, most of it the pools' free packets\n",
	       base >> 10, s.mem_bytes >> 10);
	weft_pollset_free(w.set);
	weft_stack_free(w.st[0]);
	weft_stack_free(w.st[1]);
	weft_engine_free(w.eng);
	free(w.ends);
}

int main(int argc, char **argv)
{
	uint64_t base;

	setvbuf(stdout, NULL, _IOLBF, 0);
	w.n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
	if (w.n == 0 || w.n > N_PORTS * 2 * 28000) {
		fprintf(stderr, "connections [N]: N connections, 1 to %u\n", N_PORTS * 2 * 28000);
		return 2;
	}
	build();
	base = stats().mem_bytes;
	step_open();
	step_idle();
	step_echo();
	step_close(base);
	return 0;
}
