/* SPDX-License-Identifier: MIT */
/*
 * Many downloads at once: a server that sends to each what it has room for, in the order in which
 * they become writable, and a client that reads in the order in which they become readable.
 *
 * The rate of a download is its bytes over the time from the common start to its own end, so that
 * a gateway that serves one after the other gets what it deserves: Jain's index of rates of 1/1,
 * 1/2, 1/3 ... is near 0, of equal ones 1.
 */
#include "gw_many.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "meter.h"

enum {
	EVENTS = 64,
	LIMIT_S = 60,
	NS_PER_S = 1000000000,
};

struct download {
	int fd; /* -1: ended */
	uint64_t n_bytes;
	int64_t took_ns;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void watch(int ep, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event ev = {.events = events, .data.u64 = tag};

	must_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "epoll_ctl");
}

static uint8_t *buffer_new(void)
{
	uint8_t *buf = malloc(BULK_BYTES);

	if (!buf)
		die("buffer", -ENOMEM);
	memset(buf, 'w', BULK_BYTES);
	return buf;
}

/* --- the server --- */

static void server_accept(const struct many *m, int ep, int listener, struct download *all,
			  uint32_t *n)
{
	int fd;

	while (*n < m->n &&
	       (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		all[*n].fd = fd;
		watch(ep, fd, EPOLLOUT | EPOLLET, *n);
		(*n)++;
	}
}

static void server_send(const struct many *m, struct download *d, const uint8_t *buf)
{
	while (d->n_bytes < m->bytes) {
		uint64_t left = m->bytes - d->n_bytes;
		ssize_t n = send(d->fd, buf, left < BULK_BYTES ? left : BULK_BYTES, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		d->n_bytes += (uint64_t)n;
	}
	close(d->fd);
	d->fd = -1;
}

/* Never returns. Says at `ready_fd` that it listens. */
static _Noreturn void server_live(const struct many *m, int ready_fd)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(BENCH_PORT)};
	struct download *all = calloc(m->n, sizeof(*all));
	struct epoll_event evs[EVENTS];
	uint8_t *buf = buffer_new();
	int on = 1, ep, listener;
	uint32_t n = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	netns_enter(m->server_netns);
	listener =
		must_sys(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
	must_sys(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	must_sys(bind(listener, (struct sockaddr *)&any, sizeof(any)), "bind");
	must_sys(listen(listener, SOMAXCONN), "listen");
	ep = must_sys(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	watch(ep, listener, EPOLLIN, UINT64_MAX);
	must_sys((int)write(ready_fd, "r", 1), "write");
	while (all) {
		int n_evs = epoll_wait(ep, evs, EVENTS, -1);

		for (int i = 0; i < n_evs; i++) {
			if (evs[i].data.u64 == UINT64_MAX)
				server_accept(m, ep, listener, all, &n);
			else if (all[evs[i].data.u64].fd >= 0)
				server_send(m, &all[evs[i].data.u64], buf);
		}
	}
	die("server", -ENOMEM);
}

/* --- the client --- */

static void client_connect(const struct many *m, int ep, struct download *all)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(m->port)};

	if (inet_pton(AF_INET, m->server, &to.sin_addr) != 1)
		die(m->server, -EINVAL);
	for (uint32_t i = 0; i < m->n; i++) {
		all[i].fd = must_sys(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
				     "socket");
		if (connect(all[i].fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		    errno != EINPROGRESS)
			die("connect", -errno);
		watch(ep, all[i].fd, EPOLLIN, i);
	}
}

/* Returns whether it has ended. */
static bool client_recv(struct download *d, uint8_t *buf, int64_t start_ns)
{
	ssize_t n = recv(d->fd, buf, BULK_BYTES, 0);

	if (n > 0)
		d->n_bytes += (uint64_t)n;
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return false;
	d->took_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
	close(d->fd);
	d->fd = -1;
	return true;
}

static void client_live(const struct many *m, struct download *all, int64_t start_ns)
{
	int ep = must_sys(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	struct epoll_event evs[EVENTS];
	uint8_t *buf = buffer_new();
	uint32_t n_left = m->n;

	client_connect(m, ep, all);
	while (n_left && clock_ns(CLOCK_MONOTONIC) - start_ns < (int64_t)LIMIT_S * NS_PER_S) {
		int n = epoll_wait(ep, evs, EVENTS, 1000);

		for (int i = 0; i < n; i++)
			n_left -= client_recv(&all[evs[i].data.u64], buf, start_ns);
	}
	free(buf);
	close(ep);
}

/* --- both --- */

static int64_t cpu_ns(const struct many *m)
{
	int64_t sum_ns = 0;
	clockid_t clock;

	for (uint32_t i = 0; i < m->n_pids; i++)
		if (clock_getcpuclockid(m->pids[i], &clock) == 0)
			sum_ns += clock_ns(clock);
	return sum_ns;
}

static void report(const struct many *m, const struct download *all, int64_t took_ns,
		   int64_t gateway_ns)
{
	double sum = 0, squares = 0, took_s = (double)took_ns / NS_PER_S;
	uint64_t n_bytes = 0;
	uint32_t n_done = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		int64_t ns = all[i].took_ns ? all[i].took_ns : took_ns;
		double rate = (double)all[i].n_bytes / (double)ns;

		sum += rate;
		squares += rate * rate;
		n_bytes += all[i].n_bytes;
		n_done += all[i].fd < 0 && all[i].n_bytes == m->bytes;
	}
	if (!n_bytes) {
		fprintf(stderr, "gw_bench: nothing was received\n");
		exit(1);
	}
	printf("{\"value\": %.6g, \"completed\": %u, \"jain\": %.4f, \"bytes\": %llu, \"ops\": %u, "
	       "\"seconds\": %.4f, \"cpu_s\": %.4f, \"cpu_s_by\": {\"gateway\": %.4f}}\n",
	       (double)n_bytes * 8 / 1e9 / took_s, n_done, sum * sum / squares / m->n,
	       (unsigned long long)n_bytes, n_done, took_s, (double)gateway_ns / NS_PER_S,
	       (double)gateway_ns / NS_PER_S);
}

void many_run(const struct many *m)
{
	struct download *all = calloc(m->n, sizeof(*all));
	int64_t start_ns, start_cpu_ns;
	int ready[2];
	pid_t server;
	char r;

	if (!all)
		die("downloads", -ENOMEM);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must_sys(pipe(ready), "pipe");
	server = must_sys(fork(), "fork");
	if (!server)
		server_live(m, ready[1]);
	close(ready[1]);
	if (read(ready[0], &r, 1) != 1)
		exit(1); /* it has said why */
	netns_enter(m->client_netns);
	start_cpu_ns = cpu_ns(m);
	start_ns = clock_ns(CLOCK_MONOTONIC);
	client_live(m, all, start_ns);
	report(m, all, clock_ns(CLOCK_MONOTONIC) - start_ns, cpu_ns(m) - start_cpu_ns);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	close(ready[0]);
	free(all);
}
