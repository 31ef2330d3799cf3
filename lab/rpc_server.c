/* SPDX-License-Identifier: MIT */
/*
 * The sockets of the control server: lines in, messages out, bounds. JSON-RPC itself is in rpc.c.
 *
 * How it works: a client's input is read in small pieces, so that one that sends thousands of
 * requests in a row does not stop the lab for long; a piece is cut into lines, and these are handed
 * over one by one, until the client is paused because too much waits for it. A client is freed only
 * from its descriptor's event: whoever wants it closed shuts the socket down, which makes one.
 */
#include "lab/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"
#include "lab/rundir.h"
#include "lab/runner.h"

enum {
	READ_BYTES = 4096,     /* taken from a client a turn */
	IN_KEEP_BYTES = 65536, /* a larger buffer is given back when it is empty */
	ACCEPT_BURST = 16,
	ACCEPT_RETRY_NS = 1000000000, /* after descriptors or memory ran out */
	FULL_WAIT_NS = 20000000,      /* before the first client too many is refused */
};

struct rpc_server {
	struct lab *lab;
	int fd;
	char *path;
	dev_t dev; /* of the socket's file: what is removed at the end is ours */
	ino_t ino;
	struct list clients;
	uint32_t n_clients;
	struct weft_timer *accept_timer;
	bool has_waited; /* there are RPC_CLIENTS_MAX still */
};

/* One message, or what is left of it. */
struct rpc_out {
	struct list link;
	char *data;
	size_t len, off;
	int fds[RPC_FDS_MAX];
	size_t n_fds;
};

struct rpc_client {
	struct rpc_peer peer;
	struct rpc_server *srv;
	struct list link;
	int fd;
	uint32_t events; /* watched for */
	char *in;        /* what has come and is no whole line yet */
	size_t in_len, in_size;
	struct list out; /* struct rpc_out */
	size_t out_bytes;
	bool is_ending; /* no more input: closes when everything is answered and read */
	bool is_dead;   /* nothing can be sent any more: closes at its next event */
};

static void client_ready(void *arg, int fd, uint32_t events);
static void server_ready(void *arg, int fd, uint32_t events);

static void out_free(struct rpc_client *c, struct rpc_out *out)
{
	list_del(&out->link);
	c->out_bytes -= out->len + sizeof(*out);
	for (size_t i = 0; i < out->n_fds; i++)
		close(out->fds[i]);
	free(out->data);
	free(out);
}

/* Its next event, which this makes, frees it. */
static void client_kill(struct rpc_client *c)
{
	c->is_dead = true;
	shutdown(c->fd, SHUT_RDWR);
}

/* One sendmsg(2) of a message. Returns bytes or -Exxx. */
static ssize_t out_send(struct rpc_client *c, struct rpc_out *out)
{
	union {
		char buf[CMSG_SPACE(RPC_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} ctl = {.buf = {0}};
	struct iovec iov = {out->data + out->off, out->len - out->off};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (out->n_fds) {
		struct cmsghdr *cm = &ctl.align;

		mh.msg_control = &ctl;
		mh.msg_controllen = CMSG_SPACE(out->n_fds * sizeof(int));
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(out->n_fds * sizeof(int));
		memcpy(CMSG_DATA(cm), out->fds, out->n_fds * sizeof(int));
	}
	do
		n = sendmsg(c->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (size_t i = 0; i < out->n_fds; i++)
		close(out->fds[i]);
	out->n_fds = 0;
	return n;
}

static void client_flush(struct rpc_client *c)
{
	struct list *link;

	while (!c->is_dead && (link = list_first(&c->out))) {
		struct rpc_out *out = container_of(link, struct rpc_out, link);
		ssize_t n = out_send(c, out);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			client_kill(c);
			return;
		}
		out->off += (size_t)n;
		if (out->off == out->len)
			out_free(c, out);
	}
}

static bool is_paused(const struct rpc_client *c)
{
	return c->out_bytes > RPC_OUT_MAX / 2;
}

/* Watches for what the client's state asks for; ends a client that is done. */
static void client_update(struct rpc_client *c)
{
	uint32_t events = EPOLLERR; /* comes anyway: there is no "nothing" */

	if (c->is_dead)
		return;
	if (c->is_ending && list_is_empty(&c->out) && list_is_empty(&c->peer.calls)) {
		client_kill(c);
		events |= EPOLLIN;
	} else if (!list_is_empty(&c->out)) {
		events |= EPOLLOUT;
	}
	if (!c->is_ending && !is_paused(c))
		events |= EPOLLIN;
	if (events != c->events &&
	    runner_watch(c->srv->lab->runner, c->fd, events, client_ready, c) < 0)
		client_kill(c);
	c->events = events;
}

static void fds_close(const int *fds, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
}

static void client_send(struct rpc_peer *peer, char *line, size_t len, const int *fds, size_t n_fds)
{
	struct rpc_client *c = container_of(peer, struct rpc_client, peer);
	struct rpc_out *out = line && !c->is_dead ? calloc(1, sizeof(*out)) : NULL;

	if (!out) {
		free(line);
		fds_close(fds, n_fds);
		if (!c->is_dead)
			client_kill(c);
		return;
	}
	out->data = line;
	out->len = len;
	out->n_fds = n_fds;
	if (n_fds)
		memcpy(out->fds, fds, n_fds * sizeof(*fds));
	list_add_tail(&c->out, &out->link);
	c->out_bytes += len + sizeof(*out);
	client_flush(c);
	/* One answer may be as large as the bound by itself. */
	if (c->out_bytes > RPC_OUT_MAX && list_first(&c->out) != list_last(&c->out))
		client_kill(c);
	client_update(c);
}

static size_t client_waiting(const struct rpc_peer *peer)
{
	return container_of(peer, const struct rpc_client, peer)->out_bytes;
}

static void client_free(struct rpc_client *c)
{
	struct rpc_out *out;

	list_del(&c->link);
	c->srv->n_clients--;
	c->is_dead = true;
	rpc_peer_fini(&c->peer);
	(void)!runner_watch(c->srv->lab->runner, c->fd, 0, NULL, NULL);
	list_for_each_safe (out, &c->out, link)
		out_free(c, out);
	close(c->fd);
	free(c->in);
	free(c);
}

/* ---- input ------------------------------------------------------------------------------- */

/* Room for another piece. False: the client has been told or killed. */
static bool in_grow(struct rpc_client *c)
{
	size_t size = c->in_size ? c->in_size * 2 : (size_t)READ_BYTES;
	char *in;

	if (c->in_size - c->in_len >= READ_BYTES)
		return true;
	in = realloc(c->in, size);
	if (!in) {
		client_kill(c);
		return false;
	}
	c->in = in;
	c->in_size = size;
	return true;
}

/* Hands the whole lines over, until too much waits for the client. */
static void client_lines(struct rpc_client *c)
{
	size_t done = 0;

	while (!c->is_dead && !is_paused(c)) {
		char *line = c->in + done;
		char *end = c->in_len > done ? memchr(line, '\n', c->in_len - done) : NULL;

		if (!end)
			break;
		done += (size_t)(end - line) + 1;
		rpc_peer_line(&c->peer, line, (size_t)(end - line));
	}
	c->in_len -= done;
	if (done && c->in_len)
		memmove(c->in, c->in + done, c->in_len);
	if (!c->in_len && c->in_size > IN_KEEP_BYTES) {
		free(c->in);
		c->in = NULL;
		c->in_size = 0;
	}
}

/* A last line needs no '\n' when the client has said all. */
static void client_last_line(struct rpc_client *c)
{
	c->is_ending = true;
	if (c->in_len && !is_paused(c)) {
		rpc_peer_line(&c->peer, c->in, c->in_len);
		c->in_len = 0;
	}
}

static void client_read(struct rpc_client *c)
{
	ssize_t n;

	if (!in_grow(c))
		return;
	n = recv(c->fd, c->in + c->in_len, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_kill(c);
		return;
	}
	c->in_len += (size_t)n;
	client_lines(c);
	if (c->in_len > RPC_LINE_MAX) {
		c->in_len = 0;
		c->is_ending = true;
		rpc_peer_complain(&c->peer, RPC_INVALID_REQUEST,
				  "a request is at most 1 MiB: the connection is closed");
	}
	if (n == 0)
		client_last_line(c);
}

static void client_ready(void *arg, int fd, uint32_t events)
{
	struct rpc_client *c = arg;
	bool was_paused = is_paused(c);

	(void)fd;
	client_flush(c);
	if (was_paused && !is_paused(c)) { /* lines are there already */
		client_lines(c);
		if (c->is_ending)
			client_last_line(c);
	}
	if (!c->is_dead && !c->is_ending && !is_paused(c) && (events & (EPOLLIN | EPOLLHUP)))
		client_read(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		c->is_dead = true;
	/* Whatever it wanted to hear, it has closed. */
	if (c->is_ending && (events & EPOLLHUP))
		c->is_dead = true;
	if (c->is_dead)
		client_free(c);
	else
		client_update(c);
}

/* ---- clients ----------------------------------------------------------------------------- */

static void client_refuse(int fd)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":"
		"\"64 clients are connected to the lab already\"},\"id\":null}\n";

	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void client_new(struct rpc_server *srv, int fd)
{
	struct rpc_client *c = srv->n_clients < RPC_CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		client_refuse(fd);
		return;
	}
	rpc_peer_init(&c->peer, srv->lab);
	c->peer.send = client_send;
	c->peer.waiting = client_waiting;
	c->srv = srv;
	c->fd = fd;
	c->events = EPOLLIN | EPOLLERR;
	list_init(&c->out);
	list_add_tail(&srv->clients, &c->link);
	srv->n_clients++;
	if (runner_watch(srv->lab->runner, fd, c->events, client_ready, c) < 0)
		client_free(c);
}

static void accept_again(void *arg)
{
	struct rpc_server *srv = arg;

	if (runner_watch(srv->lab->runner, srv->fd, EPOLLIN, server_ready, srv) < 0)
		weft_timer_start(srv->accept_timer,
				 weft_engine_now_ns(srv->lab->eng) + ACCEPT_RETRY_NS);
}

/* Stays ready meanwhile, so look away. */
static void accept_pause(struct rpc_server *srv, int64_t wait_ns)
{
	(void)!runner_watch(srv->lab->runner, srv->fd, 0, NULL, NULL);
	weft_timer_start(srv->accept_timer, weft_engine_now_ns(srv->lab->eng) + wait_ns);
}

/* Whether to wait before refusing: every command connects for a moment to see which labs live, and
 * fifty of them at once would take the places of those that stay. */
static bool should_wait(struct rpc_server *srv)
{
	bool is_full = srv->n_clients >= RPC_CLIENTS_MAX;
	bool wait = is_full && !srv->has_waited;

	srv->has_waited = is_full;
	return wait;
}

static void server_ready(void *arg, int fd, uint32_t events)
{
	struct rpc_server *srv = arg;

	(void)events;
	for (int i = 0; i < ACCEPT_BURST; i++) {
		int client;

		if (should_wait(srv)) {
			accept_pause(srv, FULL_WAIT_NS);
			return;
		}
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0) {
			client_new(srv, client);
			continue;
		}
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		accept_pause(srv, ACCEPT_RETRY_NS); /* descriptors or memory ran out */
		return;
	}
}

/* ---- the server -------------------------------------------------------------------------- */

int rpc_server_start(struct lab *lab, const char *path, struct rpc_server **ret)
{
	struct rpc_server *srv = calloc(1, sizeof(*srv));
	struct stat st;
	int err = -ENOMEM;

	if (!srv)
		return -ENOMEM;
	srv->lab = lab;
	srv->fd = -1;
	list_init(&srv->clients);
	srv->path = strdup(path);
	srv->accept_timer = weft_timer_new(lab->eng, accept_again, srv);
	if (srv->path && srv->accept_timer)
		err = rundir_listen(path, &srv->fd);
	if (!err && stat(path, &st) < 0)
		err = -errno;
	if (!err) {
		srv->dev = st.st_dev;
		srv->ino = st.st_ino;
		err = runner_watch(lab->runner, srv->fd, EPOLLIN, server_ready, srv);
	}
	if (err) {
		rpc_server_stop(srv);
		return err;
	}
	lab->rpc = srv;
	*ret = srv;
	return 0;
}

void rpc_server_stop(struct rpc_server *srv)
{
	struct rpc_client *c;
	struct stat st;

	if (!srv)
		return;
	if (srv->fd >= 0 && srv->path) {
		if (stat(srv->path, &st) == 0 && st.st_dev == srv->dev && st.st_ino == srv->ino)
			unlink(srv->path);
		(void)!runner_watch(srv->lab->runner, srv->fd, 0, NULL, NULL);
		close(srv->fd);
	}
	list_for_each_safe (c, &srv->clients, link)
		client_free(c);
	weft_timer_free(srv->accept_timer);
	if (srv->lab->rpc == srv)
		srv->lab->rpc = NULL;
	free(srv->path);
	free(srv);
}

uint32_t rpc_server_n_clients(const struct rpc_server *srv)
{
	return srv->n_clients;
}
