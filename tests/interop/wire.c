/* SPDX-License-Identifier: MIT */
/* The wire between kernel and weft; the contract is in wire.h. */
#include "wire.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NS_PER_MS = 1000000,
	TURN_NS = 5 * NS_PER_MS,
	ADDR_KERNEL = 0x0a090001,
	ADDR_WEFT = 0x0a090002,
	ALL_TIMERS_S = 300, /* TIME-WAIT, neighbours, orphans: all has run out */
};
static const int64_t NS_PER_S = 1000000000;

bool wire_begin(int argc, char **argv)
{
	int flags = CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER);

	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		print_message("/dev/net/tun: %s\n", strerror(errno));
		return false;
	}
	if (unshare(flags) < 0) {
		print_message("no network namespace: %s\n", strerror(errno));
		return false;
	}
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return true;
}

static void *counted_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct wire *w = ctx;
	void *new = NULL;

	if (new_bytes) {
		new = realloc(ptr, new_bytes);
		if (!new)
			return NULL;
	} else {
		free(ptr);
	}
	w->live_bytes += (int64_t)new_bytes - (int64_t)old_bytes;
	return new;
}

static void ifreq_do(int fd, const char *ifname, unsigned long request, struct ifreq *req)
{
	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", ifname);
	if (ioctl(fd, request, req) < 0)
		fail_msg("%s: ioctl %lx: %s", ifname, request, strerror(errno));
}

static struct sockaddr_in kernel_sockaddr(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(addr),
	};
}

static void ifreq_set_addr(struct ifreq *req, uint32_t addr)
{
	struct sockaddr_in sin = kernel_sockaddr(addr, 0);

	memcpy(&req->ifr_addr, &sin, sizeof(sin));
}

static void kernel_side_up(uint32_t mtu)
{
	struct ifreq req = {.ifr_mtu = (int)mtu};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	ifreq_do(fd, "tap0", SIOCSIFMTU, &req);
	ifreq_set_addr(&req, ADDR_KERNEL);
	ifreq_do(fd, "tap0", SIOCSIFADDR, &req);
	ifreq_set_addr(&req, 0xffffff00);
	ifreq_do(fd, "tap0", SIOCSIFNETMASK, &req);
	req.ifr_flags = IFF_UP | IFF_RUNNING;
	ifreq_do(fd, "tap0", SIOCSIFFLAGS, &req);
	ifreq_do(fd, "lo", SIOCSIFFLAGS, &req);
	close(fd);
}

static void tap_attach(struct wire *w)
{
	int fd;

	if (!w->eng)
		return; /* the device comes with its descriptor */
	fd = weft_tap_open("tap0");
	if (fd < 0)
		fail_msg("tap0: %s", strerror(-fd));
	assert_int_equal(weft_tap_new(w->loop, w->st, "tap0", fd, &w->nif), 0);
}

void wire_start_by(struct wire *w, uint32_t mtu, void (*attach)(struct wire *w))
{
	static const uint8_t mac[6] = {0x02, 0, 0, 0, 0, 0x02};
	struct weft_engine_config cfg = {
		.now_ns = weft_io_now_ns(),
		.epoch_ns = weft_io_epoch_ns(),
		.entropy = weft_io_entropy,
		.realloc = counted_realloc,
		.mem_ctx = w,
	};
	struct weft_sockaddr addr = wire_weft_addr(0);

	*w = (struct wire){.eng = NULL};
	attach(w);
	assert_int_equal(weft_engine_new(&cfg, &w->eng), 0);
	assert_int_equal(weft_loop_new(w->eng, &w->loop), 0);
	assert_int_equal(weft_stack_new(w->eng, "weft", &w->st), 0);
	assert_int_equal(weft_stack_set(w->st, "net.ipv6.conf.all.accept_dad", 0), 0);
	assert_int_equal(weft_stack_set(w->st, "net.ipv6.conf.all.accept_ra", 0), 0);
	attach(w);
	kernel_side_up(mtu);
	weft_netif_set_mac(w->nif, mac);
	assert_int_equal(weft_netif_set_mtu(w->nif, mtu), 0);
	assert_int_equal(weft_addr_add(w->nif, &addr.addr, 24), 0);
}

void wire_start(struct wire *w, uint32_t mtu)
{
	wire_start_by(w, mtu, tap_attach);
}

static void wire_free(struct wire *w)
{
	weft_stack_free(w->st);
	weft_loop_free(w->loop);
	weft_engine_free(w->eng);
	w->st = NULL;
	w->loop = NULL;
	w->eng = NULL;
}

static void time_pass(struct wire *w, int64_t seconds)
{
	int64_t end_ns = weft_engine_now_ns(w->eng) + seconds * NS_PER_S;
	int64_t next_ns;

	while ((next_ns = weft_engine_next_ns(w->eng)) <= end_ns)
		weft_engine_run(w->eng, next_ns);
	while (weft_engine_run(w->eng, end_ns))
		;
}

void wire_stop(struct wire *w)
{
	struct weft_engine_stats stats;

	wire_for_ms(w, 50); /* what is still on its way */
	time_pass(w, ALL_TIMERS_S);
	assert_int_equal(wire_count_conns(w, 0), 0);
	weft_engine_stats(w->eng, &stats);
	assert_int_equal(stats.pkts_used, 0);
	weft_netif_del(w->nif); /* it holds a buffer ready for the next read */
	weft_engine_stats(w->eng, &stats);
	assert_int_equal(stats.bufs_used, 0);
	wire_free(w);
	assert_int_equal(w->live_bytes, 0);
}

void wire_abandon(struct wire *w)
{
	for (uint32_t i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i].id, NULL);
	w->n_threads = 0;
	wire_free(w);
}

static void wire_turn(struct wire *w)
{
	int err = weft_loop_turn(w->loop, TURN_NS);

	assert_true(err == 0 || err == -EINTR);
}

void wire_until(struct wire *w, bool (*cond)(void *arg), void *arg, int timeout_s)
{
	int64_t start_ns = weft_io_now_ns();
	int64_t end_ns = start_ns + timeout_s * NS_PER_S;

	while (!cond(arg)) {
		wire_turn(w);
		if (weft_io_now_ns() > end_ns)
			fail_msg("not done after %d s", timeout_s);
	}
	w->turned_ns += weft_io_now_ns() - start_ns;
}

static bool is_past(void *arg)
{
	const int64_t *end_ns = arg;

	return weft_io_now_ns() >= *end_ns;
}

void wire_for_ms(struct wire *w, int ms)
{
	int64_t end_ns = weft_io_now_ns() + (int64_t)ms * NS_PER_MS;

	wire_until(w, is_past, &end_ns, ms / 1000 + WIRE_PATIENCE_S);
}

static void *thread_main(void *arg)
{
	struct wire_thread *t = arg;

	t->fault = t->fn(t->arg);
	atomic_store(&t->is_done, true);
	return NULL;
}

struct wire_thread *wire_kernel(struct wire *w, const char *(*fn)(void *arg), void *arg)
{
	struct wire_thread *t = &w->threads[w->n_threads];

	assert_true(w->n_threads < WIRE_THREADS);
	*t = (struct wire_thread){.fn = fn, .arg = arg};
	assert_int_equal(pthread_create(&t->id, NULL, thread_main, t), 0);
	w->n_threads++;
	return t;
}

static bool thread_is_done(void *arg)
{
	struct wire_thread *t = arg;

	return atomic_load(&t->is_done);
}

/* Threads are joined in any order, and forgotten when the last one is. */
void wire_join(struct wire *w, struct wire_thread *t, int timeout_s)
{
	wire_until(w, thread_is_done, t, timeout_s);
	if (t->fault)
		fail_msg("kernel's side: %s", t->fault);
	for (uint32_t i = 0; i < w->n_threads; i++)
		if (!thread_is_done(&w->threads[i]))
			return;
	while (w->n_threads)
		pthread_join(w->threads[--w->n_threads].id, NULL);
}

struct counter {
	int state;
	uint32_t n;
};

static void count_conn(void *arg, const struct weft_sock_info *info)
{
	struct counter *c = arg;

	if (strcmp(info->proto, "tcp"))
		return;
	if (c->state ? info->state == c->state : info->state != WEFT_TCP_LISTEN)
		c->n++;
}

uint32_t wire_count_conns(struct wire *w, int state)
{
	struct counter c = {.state = state};

	weft_stack_sockets(w->st, count_conn, &c);
	return c.n;
}

void wire_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

static void patience_set(int fd)
{
	struct timeval tv = {.tv_sec = WIRE_PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* Closes the socket, for the errno of what it refused. */
static int close_failed(int fd)
{
	int err = -errno;

	close(fd);
	return err;
}

int kernel_listen(uint16_t port, int backlog)
{
	struct sockaddr_in sin = kernel_sockaddr(ADDR_KERNEL, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	patience_set(fd);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, backlog) < 0)
		return close_failed(fd);
	return fd;
}

int kernel_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	patience_set(fd);
	return fd;
}

int kernel_connect(uint16_t port)
{
	struct sockaddr_in sin = kernel_sockaddr(ADDR_WEFT, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	patience_set(fd);
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return close_failed(fd);
	return fd;
}

int kernel_udp(uint16_t port, uint16_t peer_port)
{
	struct sockaddr_in sin = kernel_sockaddr(ADDR_KERNEL, port);
	struct sockaddr_in peer = kernel_sockaddr(ADDR_WEFT, peer_port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	patience_set(fd);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    (peer_port && connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0))
		return close_failed(fd);
	return fd;
}

int kernel_raw(int protocol)
{
	struct sockaddr_in peer = kernel_sockaddr(ADDR_WEFT, 0);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return -errno;
	patience_set(fd);
	if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0)
		return close_failed(fd);
	return fd;
}

int kernel_frames(void)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex("tap0"),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	patience_set(fd);
	if (bind(fd, (struct sockaddr *)&sll, sizeof(sll)) < 0)
		return close_failed(fd);
	return fd;
}

bool kernel_send(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool kernel_recv(int fd, void *buf, size_t len)
{
	return !len || recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

const char *kernel_send_stream(int fd, uint32_t id, uint64_t len)
{
	uint8_t *buf = malloc(WIRE_CHUNK);
	const char *fault = buf ? NULL : "out of memory";

	for (uint64_t off = 0; !fault && off < len;) {
		size_t n = len - off < WIRE_CHUNK ? (size_t)(len - off) : WIRE_CHUNK;

		stream_fill(id, off, buf, n);
		if (!kernel_send(fd, buf, n))
			fault = "cannot send the stream";
		off += n;
	}
	free(buf);
	return fault;
}

const char *kernel_recv_stream(int fd, uint32_t id, uint64_t len)
{
	uint8_t *buf = malloc(WIRE_CHUNK);
	const char *fault = buf ? NULL : "out of memory";

	for (uint64_t off = 0; !fault && off < len;) {
		size_t want = len - off < WIRE_CHUNK ? (size_t)(len - off) : WIRE_CHUNK;
		ssize_t n = recv(fd, buf, want, 0);

		if (n <= 0)
			fault = n == 0 ? "the stream ended too early" : "cannot receive the stream";
		else if (!stream_check(id, off, buf, (size_t)n))
			fault = "the stream has wrong bytes";
		else
			off += (uint64_t)n;
	}
	free(buf);
	return fault;
}

const char *kernel_recv_end(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n == 0)
		return NULL;
	return n > 0 ? "more bytes than there should be" : "no end of the stream";
}

static struct weft_sockaddr sockaddr_of(uint32_t addr, uint16_t port)
{
	return (struct weft_sockaddr){
		.addr = {WEFT_AF_INET,
			 {(uint8_t)(addr >> 24), (uint8_t)(addr >> 16), (uint8_t)(addr >> 8),
			  (uint8_t)addr}},
		.port = port,
	};
}

struct weft_sockaddr wire_kernel_addr(uint16_t port)
{
	return sockaddr_of(ADDR_KERNEL, port);
}

struct weft_sockaddr wire_weft_addr(uint16_t port)
{
	return sockaddr_of(ADDR_WEFT, port);
}

/* Bytes 8 w to 8 w + 7 of stream `id`. */
static uint64_t stream_word(uint32_t id, uint64_t w)
{
	uint64_t x = ((uint64_t)id << 48 ^ w) * 0x9e3779b97f4a7c15;

	return (x ^ x >> 32) * 0xd6e8feb86659fd93;
}

void stream_fill(uint32_t id, uint64_t off, uint8_t *buf, size_t len)
{
	while (len) {
		uint64_t word = stream_word(id, off / sizeof(word));
		size_t at = (size_t)(off % sizeof(word));
		size_t n = sizeof(word) - at < len ? sizeof(word) - at : len;

		memcpy(buf, (uint8_t *)&word + at, n);
		buf += n;
		off += n;
		len -= n;
	}
}

bool stream_check(uint32_t id, uint64_t off, const uint8_t *buf, size_t len)
{
	uint8_t want[4096];

	while (len) {
		size_t n = len < sizeof(want) ? len : sizeof(want);

		stream_fill(id, off, want, n);
		if (memcmp(buf, want, n))
			return false;
		buf += n;
		off += n;
		len -= n;
	}
	return true;
}
