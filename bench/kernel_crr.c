/* SPDX-License-Identifier: MIT */
/*
 * Connections over the kernel's sockets that carry a byte each way, CRR_OUTSTANDING at a time; the
 * server closes first. Both ends wait with epoll, and try what may have come already before that.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel_peer.h"

enum {
	EVENTS = 128,
	WAIT_MS = 100,
};

static void watch(int ep, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};

	must_sys(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "epoll_ctl");
}

static int stream_new(void)
{
	int fd = must_sys(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");

	must_sys(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, KERNEL_CC, strlen(KERNEL_CC)),
		 "congestion control " KERNEL_CC);
	return fd;
}

/* True: the byte came, was answered, and the connection is closed. */
static bool serve(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n == 1)
		(void)!send(fd, "b", 1, MSG_NOSIGNAL);
	close(fd);
	return true;
}

static void accept_all(int ep, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		if (!serve(fd))
			watch(ep, fd, EPOLLIN);
}

void kernel_crrs_server(struct gauge *g, const void *arg)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(BENCH_PORT)};
	struct epoll_event evs[EVENTS];
	int listener = stream_new(), ep = must_sys(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	int one = 1;

	(void)arg;
	must_sys(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	must_sys(bind(listener, (struct sockaddr *)&any, sizeof(any)), "bind");
	must_sys(listen(listener, CRR_OUTSTANDING), "listen");
	watch(ep, listener, EPOLLIN);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		int n = epoll_wait(ep, evs, EVENTS, WAIT_MS);

		for (int i = 0; i < n; i++) {
			if (evs[i].data.fd == listener)
				accept_all(ep, listener);
			else
				serve(evs[i].data.fd);
		}
	}
	close(ep);
	close(listener);
}

static void client_open(int ep, const struct sockaddr_in *to)
{
	int fd = stream_new();

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
		die("connect", -errno);
	watch(ep, fd, EPOLLOUT);
}

/* It is connected, or the byte has come, and maybe the end. */
static void client_event(struct gauge *g, int ep, const struct epoll_event *ev,
			 const struct sockaddr_in *to)
{
	struct epoll_event in = {.events = EPOLLIN, .data.fd = ev->data.fd};
	int fd = ev->data.fd;
	char byte;
	ssize_t n;

	if ((ev->events & EPOLLOUT) && send(fd, "a", 1, MSG_NOSIGNAL) == 1) {
		must_sys(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &in), "epoll_ctl");
		return;
	}
	while ((n = recv(fd, &byte, 1, 0)) == 1)
		gauge_add(&g->n_ops, 1);
	if (n < 0 && errno == EAGAIN)
		return;
	close(fd); /* at its end, or refused, which does not count */
	client_open(ep, to);
}

void kernel_crrs_client(struct gauge *g, const void *arg)
{
	struct sockaddr_in to = kernel_peer_address(arg);
	struct epoll_event evs[EVENTS];
	int ep = must_sys(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	for (int i = 0; i < CRR_OUTSTANDING; i++)
		client_open(ep, &to);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		int n = epoll_wait(ep, evs, EVENTS, WAIT_MS);

		for (int i = 0; i < n; i++)
			client_event(g, ep, &evs[i], &to);
	}
	close(ep);
}
