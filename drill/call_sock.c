/* SPDX-License-Identifier: MIT */
/* Calls that make, name, join and end sockets. "..." as an address means the one of the run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "drill/run_priv.h"

bool drill_fd_make_at(struct drill_ctx *c, int64_t num)
{
	struct drill_fd *fd;

	if (num < 0)
		return drill_run_fail(c->run, c->ev->line,
				      "%s\n  expected an error\n  seen     a new descriptor",
				      c->ev->text);
	if (num >= DRILL_FDS_MAX || drill_fd_find(c->run, (int)num)) {
		drill_bad(c, "the descriptor %lld cannot be made", (long long)num);
		return false;
	}
	fd = calloc(1, sizeof(*fd));
	if (!fd) {
		drill_bad(c, "out of memory");
		return false;
	}
	fd->run = c->run;
	fd->num = (int)num;
	fd->next = c->run->fds;
	c->run->fds = fd;
	c->fd = fd;
	return true;
}

enum drill_call_state drill_fd_make(struct drill_ctx *c)
{
	int64_t num;

	if (!drill_expr_int(c, c->call->result, &num) || !drill_fd_make_at(c, num))
		return DRILL_CALL_BAD;
	return drill_done(c, num);
}

/* Something happened on a socket: for those who watch its edges. */
static void on_event(struct weft_sock *sk, void *arg, uint32_t events)
{
	const struct drill_fd *it = arg;

	(void)sk;
	(void)events;
	for (struct drill_fd *fd = it->run->fds; fd; fd = fd->next)
		for (unsigned i = 0; fd->is_epoll && i < DRILL_WATCH_MAX; i++)
			if (fd->watch[i].events && fd->watch[i].fd == it->num)
				fd->watch[i].is_new = true;
}

static enum drill_call_state new_fd_done(struct drill_ctx *c, struct weft_sock *sk, int64_t flags)
{
	enum drill_call_state state = drill_fd_make(c);

	if (state != DRILL_CALL_DONE) {
		weft_close(sk);
		return state;
	}
	c->fd->sk = sk;
	c->fd->nonblock = (flags & SOCK_NONBLOCK) != 0;
	weft_on_event(sk, on_event, c->fd);
	return state;
}

static int default_family(const struct drill_run *run)
{
	return run->opts.ip == DRILL_IP4 ? WEFT_AF_INET : WEFT_AF_INET6;
}

enum drill_call_state drill_sys_socket(struct drill_ctx *c)
{
	int64_t family = default_family(c->run), type, proto;
	enum drill_call_state state;
	struct weft_sock *sk;
	int err;

	if (drill_arg(c, 0)->kind != DRILL_EXPR_ELLIPSIS && !drill_arg_int(c, 0, &family))
		return DRILL_CALL_BAD;
	if (!drill_arg_int(c, 1, &type) || !drill_arg_int(c, 2, &proto))
		return DRILL_CALL_BAD;
	err = weft_socket(c->run->st, (int)family,
			  (int)(type & ~(int64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC)), (int)proto, &sk);
	if (err)
		return drill_done(c, err);
	state = new_fd_done(c, sk, type);
	if (state == DRILL_CALL_DONE) {
		c->fd->domain = (int)family;
		c->fd->type = (int)type & 15;
		c->run->fd = c->fd;
		c->run->flow = NULL;
	}
	return state;
}

struct weft_sockaddr drill_addr_of(const struct drill_fd *fd, const struct weft_addr *addr,
				   uint16_t port)
{
	struct weft_sockaddr sa = {.addr = *addr, .port = port};

	if (fd->domain == WEFT_AF_INET6 && addr->family == WEFT_AF_INET) {
		sa.addr = (struct weft_addr){.family = WEFT_AF_INET6};
		sa.addr.bytes[10] = sa.addr.bytes[11] = 0xff;
		memcpy(sa.addr.bytes + 12, addr->bytes, 4);
	}
	return sa;
}

/* A script that binds to 0.0.0.0 means every address, of the family that it is run in. */
static void any_of_the_family(const struct drill_fd *fd, struct weft_addr *addr)
{
	static const uint8_t zero[4];

	if (fd->domain == WEFT_AF_INET6 && addr->family == WEFT_AF_INET &&
	    memcmp(addr->bytes, zero, 4) == 0)
		*addr = (struct weft_addr){.family = WEFT_AF_INET6};
}

static void learn_bound(struct drill_fd *fd)
{
	struct weft_sockaddr sa;

	if (!weft_getsockname(fd->sk, &sa))
		fd->bound = sa.port;
}

enum drill_call_state drill_sys_bind(struct drill_ctx *c)
{
	struct weft_sockaddr sa;
	struct drill_fd *fd;
	int err;

	if (!drill_arg_fd(c, 0, &fd))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	sa = drill_addr_of(fd, &c->run->local, c->run->opts.bind_port);
	if (!drill_arg_addr(c, drill_arg(c, 1), &sa))
		return DRILL_CALL_BAD;
	any_of_the_family(fd, &sa.addr);
	if (drill_arg(c, 1)->kind != DRILL_EXPR_ELLIPSIS)
		c->run->has_ports = true;
	err = weft_bind(fd->sk, &sa);
	if (!err)
		learn_bound(fd);
	return drill_done(c, err);
}

enum drill_call_state drill_sys_listen(struct drill_ctx *c)
{
	struct drill_fd *fd;
	int64_t backlog;
	int err;

	if (!drill_arg_fd(c, 0, &fd) || !drill_arg_int(c, 1, &backlog))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	err = weft_listen(fd->sk, (int)backlog);
	if (!err) {
		fd->is_listening = true;
		learn_bound(fd);
		c->run->fd = fd;
	}
	return drill_done(c, err);
}

/* The address that a call gives back is compared with what the script says, when it says it. */
static bool check_addr(struct drill_ctx *c, const struct drill_expr *e,
		       const struct weft_sockaddr *got)
{
	struct weft_sockaddr want = *got;
	char want_text[WEFT_SOCKADDR_STRLEN], got_text[WEFT_SOCKADDR_STRLEN];

	if (!drill_arg_addr(c, e, &want))
		return false;
	if (want.port == got->port && want.addr.family == got->addr.family &&
	    memcmp(want.addr.bytes, got->addr.bytes, want.addr.family == WEFT_AF_INET ? 4 : 16) ==
		    0)
		return true;
	return drill_run_fail(c->run, c->ev->line, "%s\n  expected the address %s\n  seen     %s",
			      c->ev->text, weft_sockaddr_print(&want, want_text, sizeof(want_text)),
			      weft_sockaddr_print(got, got_text, sizeof(got_text)));
}

enum drill_call_state drill_sys_accept(struct drill_ctx *c)
{
	struct weft_sockaddr peer;
	enum drill_call_state state;
	struct weft_sock *sk;
	struct drill_fd *fd;
	int64_t flags = 0;
	int err;

	if (!drill_arg_fd(c, 0, &fd) || (drill_arg(c, 3) && !drill_arg_int(c, 3, &flags)))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	err = weft_accept(fd->sk, &sk, &peer);
	if (err == -EAGAIN)
		return drill_would_block(c, fd->nonblock);
	if (err)
		return drill_done(c, err);
	state = new_fd_done(c, sk, flags);
	if (state != DRILL_CALL_DONE)
		return state;
	c->fd->domain = fd->domain;
	c->fd->type = fd->type;
	c->fd->is_named = true;
	return check_addr(c, drill_arg(c, 1), &peer) ? state : DRILL_CALL_BAD;
}

/* The flow of the connection that was asked for. */
static bool connect_flow(struct drill_ctx *c, struct drill_fd *fd, const struct weft_sockaddr *to)
{
	enum drill_proto proto = fd->type == WEFT_SOCK_STREAM ? DRILL_TCP : DRILL_UDP;
	struct weft_sockaddr own;
	struct drill_flow *flow;

	if (to->addr.family == WEFT_AF_UNSPEC || weft_getsockname(fd->sk, &own))
		return true;
	flow = drill_flow_new(c->run, proto, own.port, to->port);
	if (!flow) {
		drill_bad(c, "out of memory");
		return false;
	}
	fd->bound = own.port;
	fd->is_named = true;
	if (to->addr.family == c->run->remote.family)
		flow->raddr = to->addr;
	c->run->flow = flow;
	c->run->fd = fd;
	return true;
}

enum drill_call_state drill_sys_connect(struct drill_ctx *c)
{
	struct weft_sockaddr to;
	struct drill_fd *fd;
	int err;

	if (!drill_arg_fd(c, 0, &fd))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	if (c->n_tries > 1 && !(weft_events(fd->sk) & (WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return DRILL_CALL_WAIT;
	to = drill_addr_of(fd, &c->run->remote, c->run->opts.connect_port);
	if (!drill_arg_addr(c, drill_arg(c, 1), &to))
		return DRILL_CALL_BAD;
	/* The second time it says how the attempt has ended. */
	err = weft_connect(fd->sk, &to);
	if (c->n_tries > 1)
		return drill_done(c, err);
	if ((err == 0 || err == -EINPROGRESS) && !connect_flow(c, fd, &to))
		return DRILL_CALL_BAD;
	if (err == -EINPROGRESS && !fd->nonblock)
		return DRILL_CALL_WAIT;
	return drill_done(c, err);
}

enum drill_call_state drill_sys_close(struct drill_ctx *c)
{
	struct drill_fd *fd;

	if (!drill_arg_fd(c, 0, &fd))
		return DRILL_CALL_BAD;
	if (!fd)
		return drill_done(c, -EBADF);
	drill_fd_free(c->run, fd);
	c->fd = NULL;
	return drill_done(c, 0);
}

enum drill_call_state drill_sys_shutdown(struct drill_ctx *c)
{
	struct drill_fd *fd;
	int64_t how;

	if (!drill_arg_fd(c, 0, &fd) || !drill_arg_int(c, 1, &how))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	return drill_done(c, weft_shutdown(fd->sk, (int)how));
}

enum drill_call_state drill_sys_getname(struct drill_ctx *c)
{
	bool is_peer = !strcmp(c->call->name, "getpeername");
	struct weft_sockaddr sa;
	struct drill_fd *fd;
	int err;

	if (!drill_arg_fd(c, 0, &fd))
		return DRILL_CALL_BAD;
	if (!fd || !fd->sk)
		return drill_done(c, fd ? -ENOTSOCK : -EBADF);
	err = is_peer ? weft_getpeername(fd->sk, &sa) : weft_getsockname(fd->sk, &sa);
	if (!err && !check_addr(c, drill_arg(c, 1), &sa))
		return DRILL_CALL_BAD;
	return drill_done(c, err);
}
