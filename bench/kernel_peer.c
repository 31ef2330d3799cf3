/* SPDX-License-Identifier: MIT */
/* Bulk, request/response and datagrams over the kernel's sockets. */
#include "kernel_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECT_TRIES = 2000, /* a ms each: an address needs a moment until it answers */
	LOOK_UP_US = 100000,  /* a blocked call returns so often, to see whether to stop */
	DGRAM_ROOM = DGRAM_BATCH * DGRAM_BYTES,
};

static void set_opt(int fd, int level, int name, int value, const char *what)
{
	must_sys(setsockopt(fd, level, name, &value, sizeof(value)), what);
}

static int socket_new(int family, int type)
{
	struct timeval look_up = {.tv_usec = LOOK_UP_US};
	int fd = must_sys(socket(family, type | SOCK_CLOEXEC, 0), "socket");

	must_sys(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look_up, sizeof(look_up)), "SO_RCVTIMEO");
	must_sys(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &look_up, sizeof(look_up)), "SO_SNDTIMEO");
	return fd;
}

static int stream_new(int family)
{
	char cc[16] = "";
	socklen_t len = sizeof(cc);
	int fd = socket_new(family, SOCK_STREAM);

	must_sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, KERNEL_CC, strlen(KERNEL_CC)),
		 "congestion control " KERNEL_CC);
	must_sys(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, &len), "TCP_CONGESTION");
	if (strcmp(cc, KERNEL_CC) != 0)
		die("congestion control is not " KERNEL_CC, -EINVAL);
	return fd;
}

/* All addresses of a family, BENCH_PORT. */
static socklen_t any_address(bool is_ip6, struct sockaddr_storage *ret)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(BENCH_PORT)};
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(BENCH_PORT)};

	memset(ret, 0, sizeof(*ret));
	if (is_ip6)
		memcpy(ret, &any6, sizeof(any6));
	else
		memcpy(ret, &any, sizeof(any));
	return is_ip6 ? sizeof(any6) : sizeof(any);
}

static int stream_listen(struct gauge *g, const struct kernel_peer *peer, int backlog)
{
	struct sockaddr_storage any;
	socklen_t len = any_address(peer->is_ip6, &any);
	int listener = stream_new(any.ss_family);

	set_opt(listener, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
	must_sys(bind(listener, (struct sockaddr *)&any, len), "bind");
	must_sys(listen(listener, backlog), "listen");
	gauge_ready(g);
	return listener;
}

/* Listens, says so, and waits for the one connection. */
static int stream_accept(struct gauge *g, const struct kernel_peer *peer)
{
	struct timeval look_up = {.tv_usec = LOOK_UP_US};
	int listener = stream_listen(g, peer, 1);
	int fd;

	do
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && errno == EAGAIN && !gauge_is_stopping(g));
	must_sys(fd, "accept");
	close(listener);
	must_sys(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look_up, sizeof(look_up)), "SO_RCVTIMEO");
	return fd;
}

struct sockaddr_in kernel_peer_address(const struct kernel_peer *peer)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(peer->port ? peer->port : BENCH_PORT)};

	if (inet_pton(AF_INET, peer->server, &to.sin_addr) != 1)
		die(peer->server, -EINVAL);
	return to;
}

/* The server's, of either family. */
static socklen_t peer_address(const struct kernel_peer *peer, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6,
				   .sin6_port = htons(peer->port ? peer->port : BENCH_PORT)};
	struct sockaddr_in to;

	memset(ret, 0, sizeof(*ret));
	if (!peer->is_ip6) {
		to = kernel_peer_address(peer);
		memcpy(ret, &to, sizeof(to));
		return sizeof(to);
	}
	if (inet_pton(AF_INET6, peer->server, &to6.sin6_addr) != 1)
		die(peer->server, -EINVAL);
	memcpy(ret, &to6, sizeof(to6));
	return sizeof(to6);
}

static int stream_connect(struct gauge *g, const struct kernel_peer *peer)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	struct sockaddr_storage to;
	socklen_t len = peer_address(peer, &to);

	for (int i = 0; i < CONNECT_TRIES; i++) {
		int fd = stream_new(to.ss_family);

		if (connect(fd, (struct sockaddr *)&to, len) == 0) {
			gauge_ready(g);
			return fd;
		}
		close(fd);
		nanosleep(&ms, NULL);
	}
	die(peer->server, -errno);
}

/* --- bulk --- */

static uint8_t *buffer_new(void)
{
	uint8_t *buf = malloc(BULK_BYTES);

	if (!buf)
		die("buffer", -ENOMEM);
	memset(buf, 'w', BULK_BYTES);
	return buf;
}

/* True: worth another try. */
static bool is_passing(struct gauge *g, ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR) && !gauge_is_stopping(g);
}

void kernel_bulk_server(struct gauge *g, const void *arg)
{
	uint8_t *buf = buffer_new();
	int fd = stream_accept(g, arg);
	ssize_t n;

	while ((n = recv(fd, buf, BULK_BYTES, 0)) > 0 || is_passing(g, n))
		if (n > 0)
			gauge_add(&g->n_bytes, (uint64_t)n);
	close(fd);
	free(buf);
}

void kernel_bulk_client(struct gauge *g, const void *arg)
{
	uint8_t *buf = buffer_new();
	int fd = stream_connect(g, arg);
	ssize_t n;

	do
		n = send(fd, buf, BULK_BYTES, MSG_NOSIGNAL);
	while ((n > 0 && !gauge_is_stopping(g)) || is_passing(g, n));
	close(fd);
	free(buf);
}

/* --- request and response --- */

/* Readies `fd` for round trips; returns what byte_wait() needs besides. */
static int rr_init(int fd, enum wait_how how)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int ep;

	set_opt(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
	if (how != WAIT_EPOLL)
		return -1;
	ep = must_sys(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	must_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "epoll_ctl");
	return ep;
}

/* True: a byte was received. False: the end. */
static bool byte_wait(struct gauge *g, int fd, int ep, enum wait_how how)
{
	struct epoll_event ev;
	uint8_t byte;
	ssize_t n;

	do {
		if (how == WAIT_EPOLL)
			epoll_wait(ep, &ev, 1, LOOK_UP_US / 1000);
		n = recv(fd, &byte, 1, how == WAIT_BLOCKING ? 0 : MSG_DONTWAIT);
	} while (is_passing(g, n));
	return n == 1;
}

void kernel_rr_server(struct gauge *g, const void *arg)
{
	const struct kernel_peer *peer = arg;
	int fd = stream_accept(g, peer);
	int ep = rr_init(fd, peer->wait);

	while (byte_wait(g, fd, ep, peer->wait) && send(fd, "b", 1, MSG_NOSIGNAL) == 1)
		;
	if (ep >= 0)
		close(ep);
	close(fd);
}

void kernel_rr_client(struct gauge *g, const void *arg)
{
	const struct kernel_peer *peer = arg;
	int fd = stream_connect(g, peer);
	int ep = rr_init(fd, peer->wait);

	while (!gauge_is_stopping(g) && send(fd, "a", 1, MSG_NOSIGNAL) == 1 &&
	       byte_wait(g, fd, ep, peer->wait))
		gauge_add(&g->n_ops, 1);
	if (ep >= 0)
		close(ep);
	close(fd);
}

/* --- connections, each with a request and a response --- */

/* The client ends each; what breaks is the client's to notice. */
void kernel_crr_server(struct gauge *g, const void *arg)
{
	int listener = stream_listen(g, arg, SOMAXCONN);
	char byte;

	while (!gauge_is_stopping(g)) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		set_opt(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
		if (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
			(void)!recv(fd, &byte, 1, 0);
		close(fd);
	}
	close(listener);
}

/* Returns whether it went as it should. */
static bool crr_once(const struct sockaddr_in *to)
{
	/* As it blocks, without looking up: one that waits for a retransmission is waited for. */
	int fd = must_sys(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	char byte = 'a';
	bool is_done;

	errno = 0;
	is_done = connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0;
	if (is_done) {
		set_opt(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
		is_done = send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1;
	}
	close(fd);
	return is_done;
}

void kernel_crr_client(struct gauge *g, const void *arg)
{
	struct sockaddr_in to = kernel_peer_address(arg);

	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		if (crr_once(&to))
			gauge_add(&g->n_ops, 1);
		else if (!gauge_is_stopping(g)) /* the server may have ended first */
			die("a connection", errno ? -errno : -ECONNRESET);
	}
}

/* --- datagrams --- */

struct batch {
	struct mmsghdr msgs[DGRAM_BATCH];
	struct iovec iovs[DGRAM_BATCH];
	uint8_t room[DGRAM_BATCH][DGRAM_ROOM];
};

static struct batch *batch_new(size_t len)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		die("buffers", -ENOMEM);
	for (int i = 0; i < DGRAM_BATCH; i++) {
		b->iovs[i] = (struct iovec){b->room[i], len};
		b->msgs[i].msg_hdr = (struct msghdr){.msg_iov = &b->iovs[i], .msg_iovlen = 1};
	}
	return b;
}

void kernel_udp_server(struct gauge *g, const void *arg)
{
	const struct kernel_peer *peer = arg;
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(BENCH_PORT)};
	struct batch *b = batch_new(DGRAM_ROOM);
	int fd = socket_new(AF_INET, SOCK_DGRAM);
	int flags = peer->wait == WAIT_SPIN ? MSG_DONTWAIT : MSG_WAITFORONE;
	int n;

	must_sys(bind(fd, (struct sockaddr *)&any, sizeof(any)), "bind");
	if (peer->has_gso)
		set_opt(fd, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
	gauge_ready(g);
	while ((n = recvmmsg(fd, b->msgs, DGRAM_BATCH, flags, NULL)) > 0 || is_passing(g, n)) {
		for (int i = 0; i < n; i++) {
			gauge_add(&g->n_bytes, b->msgs[i].msg_len);
			gauge_add(&g->n_ops, b->msgs[i].msg_len / DGRAM_BYTES);
		}
	}
	close(fd);
	free(b);
}

void kernel_udp_client(struct gauge *g, const void *arg)
{
	const struct kernel_peer *peer = arg;
	struct sockaddr_in to = kernel_peer_address(peer);
	struct batch *b = batch_new(peer->has_gso ? DGRAM_ROOM : DGRAM_BYTES);
	int fd = socket_new(AF_INET, SOCK_DGRAM);
	int n;

	must_sys(connect(fd, (struct sockaddr *)&to, sizeof(to)), "connect");
	if (peer->has_gso)
		set_opt(fd, IPPROTO_UDP, UDP_SEGMENT, DGRAM_BYTES, "UDP_SEGMENT");
	gauge_ready(g);
	do
		n = sendmmsg(fd, b->msgs, DGRAM_BATCH, 0);
	while ((n > 0 && !gauge_is_stopping(g)) || is_passing(g, n));
	close(fd);
	free(b);
}
