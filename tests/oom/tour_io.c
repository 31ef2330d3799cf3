/* SPDX-License-Identifier: MIT */
/*
 * Every function of libweft-io, with every allocation made to fail in turn: those of the engine and
 * those that libweft-io makes itself (calloc, which the linker redirects to here). Real time, real
 * descriptors, threads; in a network namespace of its own where that may be made.
 *
 *	tour_io [STEP]   every STEPth allocation (1)
 */
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inject.h"
#include "weft/blocking.h"
#include "weft/weft.h"

#define NS_PER_MS INT64_C(1000000)

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
/* NOLINTEND(bugprone-reserved-identifier) */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_on; /* allocations of the tour's own are not counted */
static bool has_tap;

static bool fails(const void *ptr, size_t old_bytes, size_t new_bytes)
{
	bool ret;

	pthread_mutex_lock(&lock);
	ret = is_on && inject_fails(ptr, old_bytes, new_bytes);
	pthread_mutex_unlock(&lock);
	return ret;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails(NULL, 0, n * size) ? NULL : __real_calloc(n, size);
}

static size_t n_bytes;

static void *tour_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	(void)ctx;
	if (new_bytes > old_bytes && fails(ptr, old_bytes, new_bytes))
		return NULL;
	pthread_mutex_lock(&lock);
	inj.has_freed = inj.has_freed || !new_bytes;
	n_bytes += new_bytes - old_bytes;
	pthread_mutex_unlock(&lock);
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

static struct weft_sockaddr at(const char *text)
{
	struct weft_sockaddr sa;

	HOLDS(weft_sockaddr_parse(text, &sa) == 0);
	return sa;
}

static struct weft_addr addr(const char *text)
{
	return at(text).addr;
}

/*
 * The loop, and what it drives.
 */

struct io {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_stack *a, *b;
	int n_calls;
};

static void on_fd(void *arg, int fd, uint32_t events)
{
	uint64_t n;

	(void)events;
	(void)!read(fd, &n, sizeof(n));
	++*(int *)arg;
}

static void on_watch(void *arg, uint32_t events)
{
	(void)events;
	++*(int *)arg;
}

/* It has taken the descriptor when it succeeds, not before. */
static void watch_part(struct io *io)
{
	int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC), before = io->n_calls;
	struct weft_watch *watch;

	CALL(weft_watch_new(io->loop, fd, POLLOUT, on_watch, &io->n_calls, &watch));
	CALL(weft_watch_set(watch, POLLIN));
	CALL(weft_loop_turn(io->loop, NS_PER_MS));
	HOLDS(io->n_calls > before);
	weft_watch_close(watch);
}

static void on_timer(void *arg)
{
	weft_loop_stop(arg);
}

static void on_end(void *arg, const char *why)
{
	(void)why;
	++*(int *)arg;
}

static void loop_part(struct io *io)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy,
					 .now_ns = weft_io_now_ns(),
					 .epoch_ns = weft_io_epoch_ns(),
					 .realloc = tour_realloc};
	struct weft_loop_stats stats;
	struct weft_timer *timer = NULL;
	const uint64_t one = 1;
	uint64_t random;
	int fd, own;

	CALL(weft_io_entropy(NULL, &random, sizeof(random)));
	CALL(weft_engine_new(&cfg, &io->eng));
	CALL(weft_loop_new(io->eng, &io->loop));
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	CALL(weft_loop_watch(io->loop, fd, POLLIN, on_fd, &io->n_calls));
	HOLDS(write(fd, &one, sizeof(one)) == sizeof(one));
	CALL(weft_loop_turn(io->loop, NS_PER_MS));
	HOLDS(io->n_calls == 1);
	CALL(weft_loop_watch(io->loop, fd, 0, NULL, NULL));
	close(fd);
	watch_part(io);
	for (int i = 0; i < 2 && !timer; i++)
		timer = weft_timer_new(io->eng, on_timer, io->loop);
	HOLDS(timer);
	weft_timer_start(timer, weft_io_now_ns() + NS_PER_MS);
	HOLDS(weft_loop_wants(io->loop, &own) < INT64_MAX && own >= 0);
	CALL(weft_loop_run(io->loop));
	weft_timer_free(timer);
	weft_loop_set_tolerance(io->loop, NS_PER_MS);
	weft_loop_set_busy(io->loop, NS_PER_MS);
	weft_loop_stats(io->loop, &stats);
	HOLDS(stats.n_turns > 0);
}

/* A datagram that memory cost on the way is sent again. */
static void ping_over(struct io *io, struct weft_sock *from, struct weft_sock *to,
		      const struct weft_sockaddr *where)
{
	char buf[16];
	ptrdiff_t n = -EAGAIN;

	for (int i = 0; i < 400 && n < 0; i++) {
		if (i % 20 == 0)
			(void)!weft_sendto(from, "datagram", 8, 0, where);
		CALL(weft_loop_turn(io->loop, 5 * NS_PER_MS));
		n = weft_recv(to, buf, sizeof(buf), 0);
	}
	HOLDS(n == 8);
}

static void stream_part(struct io *io)
{
	struct weft_addr a4 = addr("10.0.0.1:0"), b4 = addr("10.0.0.2:0");
	struct weft_sockaddr to = at("10.0.0.2:9");
	struct weft_stream_stats stats;
	struct weft_netif *na, *nb;
	struct weft_sock *from, *s;
	int fds[2];

	CALL(weft_stack_new(io->eng, "a", &io->a));
	CALL(weft_stack_new(io->eng, "b", &io->b));
	CALL(weft_stream_new(io->loop, io->a, "net0", on_end, &io->n_calls, &na));
	CALL(weft_stream_new(io->loop, io->b, "net0", on_end, &io->n_calls, &nb));
	CALL(weft_addr_add(na, &a4, 24));
	CALL(weft_addr_add(nb, &b4, 24));
	for (int i = 0;; i++) {
		int e1, e2;

		HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
		/* It takes the descriptor, also when it fails; both, so that they are a pair. */
		e1 = weft_stream_attach(na, fds[0]);
		e2 = weft_stream_attach(nb, fds[1]);
		if (!e1 && !e2)
			break;
		HOLDS(i == 0 && (!e1 || is_memory(e1)) && (!e2 || is_memory(e2)));
		for (int k = 0; k < 10; k++) /* the one that is left hears of it */
			CALL(weft_loop_turn(io->loop, NS_PER_MS));
	}
	CALL(weft_socket(io->a, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &from));
	CALL(weft_socket(io->b, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s));
	CALL(weft_bind(s, &to));
	ping_over(io, from, s, &to);
	weft_stream_stats(nb, &stats);
	HOLDS(stats.rx_frames > 0);
	weft_close(from);
	weft_close(s);
}

static void tap_part(struct io *io)
{
	struct weft_tap_stats stats;
	struct weft_netif *nif;
	int err = -ENOMEM;

	if (!has_tap)
		return;
	for (int i = 0; i < 2 && err; i++) {
		int fd = weft_tap_open("weft%d");

		HOLDS(fd >= 0);
		err = weft_tap_new(io->loop, io->a, "tap0", fd, &nif);
		HOLDS(!err || is_memory(err));
	}
	HOLDS(!err);
	for (int i = 0; i < 5; i++)
		CALL(weft_loop_turn(io->loop, NS_PER_MS));
	weft_tap_stats(nif, &stats);
	weft_netif_del(nif);
}

/* The allocation has failed already. What follows and takes long (the kernel waits for all its CPUs
 * when a packet socket or an XDP program goes) is left to the other runs. */
static bool has_failed(void)
{
	return inj.fail_at && inj.n_allocs >= inj.fail_at;
}

/* Of the TAP that is there meanwhile: an Ethernet interface like any other. */
static void afpacket_part(struct io *io)
{
	struct weft_afpacket_config cfg = {.ifname = "weft0", .ring_bytes = 1};
	struct weft_afpacket_stats stats;
	struct weft_netif *nif;
	int fd, err = -ENOMEM;

	if (!has_tap || has_failed())
		return;
	fd = weft_tap_open("weft0");
	HOLDS(fd >= 0);
	for (int i = 0; i < 2 && err; i++) {
		err = weft_afpacket_new(io->loop, io->a, "eth7", &cfg, &nif);
		HOLDS(!err || is_memory(err));
	}
	HOLDS(!err);
	CALL(weft_loop_turn(io->loop, NS_PER_MS));
	weft_afpacket_stats(nif, &stats);
	weft_netif_del(nif);
	close(fd);
}

/* The same TAP by AF_XDP, where the kernel lets us. */
static void afxdp_part(struct io *io)
{
	struct weft_afxdp_config cfg = {.ifname = "weft0", .n_queues = 1};
	struct weft_afxdp_stats stats;
	struct weft_netif *nif;
	int fd, err = -ENOMEM;

	if (!has_tap || has_failed())
		return;
	fd = weft_tap_open("weft0");
	HOLDS(fd >= 0);
	/* The kernel takes its time to give a queue back that the first attempt had. */
	for (int i = 0; i < 500 && (err == -EBUSY || (i < 2 && err == -ENOMEM)); i++) {
		if (err == -EBUSY)
			usleep(10 * 1000);
		err = weft_afxdp_new(io->loop, io->a, "eth7", &cfg, &nif);
	}
	HOLDS(!err || err == -EPERM || err == -EAFNOSUPPORT);
	if (!err) {
		CALL(weft_loop_turn(io->loop, NS_PER_MS));
		weft_afxdp_stats(nif, &stats);
		weft_netif_del(nif);
	}
	close(fd);
}

/*
 * The host's network.
 */

static void on_event(struct weft_sock *s, void *arg, uint32_t events)
{
	(void)s, (void)events;
	++*(int *)arg;
}

static void on_resolved(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	(void)addrs, (void)n;
	*(int *)arg = err ? err : 1;
}

static void host_part(struct io *io)
{
	struct weft_sockaddr sa = at("127.0.0.1:0"), to;
	struct weft_host_net_stats stats;
	struct weft_sock *lst, *c, *s = NULL;
	struct weft_resolve *q;
	struct weft_net *net;
	int err = -EAGAIN, got = 0;

	CALL(weft_host_net_new(io->loop, &net));
	CALL(net->ops->socket(net, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &lst));
	net->ops->on_event(lst, on_event, &io->n_calls);
	CALL(net->ops->bind(lst, &sa));
	CALL(net->ops->listen(lst, 8));
	CALL(net->ops->getsockname(lst, &to));
	CALL(net->ops->socket(net, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &c));
	err = net->ops->connect(c, &to);
	HOLDS(err == 0 || err == -EINPROGRESS);
	/* A connection for which there was no memory is refused; then another comes. */
	for (int i = 0; i < 400 && !s; i++) {
		CALL(weft_loop_turn(io->loop, 5 * NS_PER_MS));
		err = net->ops->accept(lst, &s, NULL);
		HOLDS(err == 0 || err == -EAGAIN || is_memory(err));
		if (err && err != -EAGAIN) {
			net->ops->close(c);
			CALL(net->ops->socket(net, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &c));
			(void)!net->ops->connect(c, &to);
		}
	}
	HOLDS(s);
	CALL(net->ops->resolve(net, "127.0.0.1", WEFT_AF_INET, on_resolved, &got, &q));
	for (int i = 0; i < 400 && !got; i++)
		CALL(weft_loop_turn(io->loop, 5 * NS_PER_MS));
	HOLDS(got == 1 || is_memory(got));
	weft_host_net_stats(net, &stats);
	net->ops->close(c);
	net->ops->close(s);
	net->ops->close(lst);
	weft_host_net_free(net);
}

static void io_tour(void)
{
	struct io io = {.n_calls = 0};

	loop_part(&io);
	stream_part(&io);
	tap_part(&io);
	afpacket_part(&io);
	afxdp_part(&io);
	host_part(&io);
	weft_stack_free(io.a);
	weft_stack_free(io.b);
	weft_loop_free(io.loop);
	weft_engine_free(io.eng);
	HOLDS(n_bytes == 0);
}

/*
 * Blocking sockets.
 */

struct two {
	struct weft_stack *a, *b;
};

static int build(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct weft_addr a4 = addr("10.0.0.1:0"), b4 = addr("10.0.0.2:0");
	struct weft_netif *na, *nb;
	struct two *two = arg;
	int err;

	(void)loop;
	err = weft_stack_new(eng, "a", &two->a);
	if (!err)
		err = weft_stack_new(eng, "b", &two->b);
	if (!err)
		err = weft_veth_new(two->a, "eth0", two->b, "eth0", &na, &nb);
	if (!err)
		err = weft_addr_add(na, &a4, 24);
	if (!err)
		err = weft_addr_add(nb, &b4, 24);
	if (err) {
		weft_stack_free(two->a);
		weft_stack_free(two->b);
		*two = (struct two){.a = NULL};
	}
	return err;
}

static int demolish(struct weft_engine *eng, struct weft_loop *loop, void *arg)
{
	struct two *two = arg;

	(void)eng, (void)loop;
	weft_stack_free(two->a);
	weft_stack_free(two->b);
	return 0;
}

static void poll_part(struct weft_thread *t, struct weft_bsock *s)
{
	struct weft_b_pollfd fd = {.sock = s, .events = WEFT_OUT};
	struct weft_bpollset *set;
	struct weft_poll_event ev;

	CALL(weft_b_poll(t, &fd, 1, 1000 * NS_PER_MS));
	HOLDS(fd.revents & WEFT_OUT);
	CALL(weft_b_pollset_new(t, &set));
	CALL(weft_b_pollset_add(set, s, WEFT_OUT, 7));
	CALL(weft_b_pollset_mod(set, s, WEFT_OUT, 8));
	CALL(weft_b_pollset_wait(set, &ev, 1, 1000 * NS_PER_MS));
	HOLDS(ev.data == 8);
	CALL(weft_b_pollset_del(set, s));
	CALL(weft_b_pollset_wait(set, &ev, 1, NS_PER_MS));
	weft_b_pollset_free(set);
}

static void stream_calls(struct weft_bsock *c, struct weft_bsock *s)
{
	struct weft_iovec iov = {"message", 7};
	struct weft_msghdr msg = {.iov = &iov, .n_iov = 1};
	struct weft_linger linger = {.onoff = 1, .linger_s = 5};
	struct weft_sockaddr sa;
	size_t len = sizeof(linger);
	char buf[32];
	int v;

	CALL(weft_b_send(c, "hello", 5, 0));
	CALL(weft_b_sendmsg(c, &msg, 0));
	iov = (struct weft_iovec){buf, 5};
	CALL(weft_b_recv(s, buf, 5, WEFT_MSG_WAITALL));
	iov.len = 7;
	CALL(weft_b_recvmsg(s, &msg, WEFT_MSG_WAITALL));
	HOLDS(!memcmp(buf, "message", 7));
	CALL(weft_b_ioctl(s, WEFT_SIOCINQ, &v));
	CALL(weft_b_getsockname(c, &sa));
	CALL(weft_b_getpeername(c, &sa));
	CALL(weft_b_setsockopt(c, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, sizeof(linger)));
	CALL(weft_b_getsockopt(c, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, &len));
	CALL(weft_b_shutdown(s, WEFT_SHUT_WR));
	CALL(weft_b_recv(c, buf, sizeof(buf), 0));
}

static void dgram_calls(struct weft_thread *t, const struct two *two)
{
	struct weft_timeval tv = {.us = 20000};
	struct weft_sockaddr to = at("10.0.0.2:9");
	struct weft_iovec iov = {"datagram", 8};
	struct weft_mmsghdr vec = {.hdr = {.iov = &iov, .n_iov = 1}};
	struct weft_bsock *a, *b;
	char buf[16];
	ptrdiff_t n = -EAGAIN;

	CALL(weft_b_socket(t, two->a, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &a));
	CALL(weft_b_socket(t, two->b, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &b));
	CALL(weft_b_bind(b, &to));
	CALL(weft_b_setsockopt(b, WEFT_SOL_SOCKET, WEFT_SO_RCVTIMEO, &tv, sizeof(tv)));
	CALL(weft_b_connect(a, &to));
	for (int i = 0; i < 100 && n < 0; i++) {
		(void)!weft_b_sendto(a, "datagram", 8, 0, &to);
		n = weft_b_recvfrom(b, buf, sizeof(buf), 0, NULL);
	}
	HOLDS(n == 8);
	CALL(weft_b_sendmmsg(a, &vec, 1, 0));
	iov = (struct weft_iovec){buf, sizeof(buf)};
	(void)!weft_b_recvmmsg(b, &vec, 1, 0);
	weft_b_set_nonblock(b, true);
	weft_b_cancel(b);
	weft_b_close(a);
	weft_b_close(b);
}

static void blocking_tour(void)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .realloc = tour_realloc};
	struct weft_sockaddr to = at("10.0.0.2:80");
	struct weft_bsock *lst, *c, *s;
	struct two two = {.a = NULL};
	struct weft_thread *t;

	CALL(weft_thread_new(&cfg, &t));
	CALL(weft_thread_call(t, build, &two));
	CALL(weft_b_socket(t, two.b, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &lst));
	CALL(weft_b_bind(lst, &to));
	CALL(weft_b_listen(lst, 8));
	CALL(weft_b_socket(t, two.a, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &c));
	CALL(weft_b_connect(c, &to));
	CALL(weft_b_accept(lst, &s, NULL));
	poll_part(t, c);
	stream_calls(c, s);
	dgram_calls(t, &two);
	weft_b_close(c);
	weft_b_close(s);
	weft_b_close(lst);
	CALL(weft_thread_call(t, demolish, &two));
	weft_thread_free(t);
	HOLDS(n_bytes == 0);
}

/* Kernel interfaces are made in a namespace of our own alone. */
static bool own_network(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd, err;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
	if (err)
		die("loopback of a namespace", errno, __LINE__);
	fd = weft_tap_open("weft%d");
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void run(void)
{
	is_on = true;
	io_tour();
	blocking_tour();
	is_on = false;
}

int main(int argc, char **argv)
{
	uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, n, n_runs = 0, n_refused = 0;

	if (step == 0)
		return 2;
	has_tap = own_network();
	run();
	n = inj.n_allocs;
	for (uint64_t i = 1; i <= n; i += step, n_runs++) {
		memset(&inj, 0, sizeof(inj));
		inj.fail_at = i;
		run();
		n_refused += inj.n_refused;
	}
	printf("ok - %" PRIu64 " of %" PRIu64 " allocations failed, one a run%s; %" PRIu64
	       " calls said so\n",
	       n_runs, n, has_tap ? "" : " (no TAP)", n_refused);
	return 0;
}
