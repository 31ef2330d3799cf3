/* SPDX-License-Identifier: MIT */
/* Life and readiness of endpoints; contracts in sock.h. */
#include "transport/sock.h"

#include <errno.h>

#include "transport/sock_limit.h"
#include "transport/sock_table.h"
#include "transport/stamp.h"

/*
 * The deferred callback. Readiness is a level: what became true and is false again by now (the
 * application has read what came) is not worth a call. The callback may close the socket, so it is
 * held meanwhile.
 */
static void sock_work(struct engine_work *work)
{
	struct sock *sk = container_of(work, struct sock, work);
	const struct sock_watch *watch = sock_watch_of(sk);
	uint32_t changed = sk->pending | SOCK_ERR | SOCK_HUP;
	uint32_t events;

	sk->pending = 0;
	if (!sk->on_event)
		return;
	events = sk->proto->events(sk);
	if (!(events & changed))
		return;
	sock_ref(sk);
	sk->on_event(sock_handle(sk), watch ? watch->arg : sk->arg, events);
	sock_unref(sk);
}

void sock_init(struct sock *sk, struct stack *st, const struct sock_proto *proto, int family,
	       int protocol)
{
	sk->conn.kind = CONN_SOCK;
	sk->conn.proto = (uint8_t)protocol;
	sk->conn.family = (uint8_t)family;
	sk->stack = st;
	sk->proto = proto;
	sk->refs = 1;
	sk->sndbuf_bytes = SOCK_BUF_DEFAULT;
	sk->rcvbuf_bytes = SOCK_BUF_DEFAULT;
	engine_work_init(&sk->work, sock_work);
	list_add_tail(&st->socks->all, &sk->link);
	sock_limit_enter(sk);
}

void sock_unref(struct sock *sk)
{
	struct stack *st;
	uint16_t owner;

	if (!sk)
		return;
	assert(sk->refs > 0);
	if (--sk->refs > 0)
		return;
	sock_watch_end(sk);
	engine_work_cancel(&sk->work);
	sock_conn_del(sk->stack, &sk->conn);
	list_del(&sk->link);
	st = sk->stack;
	owner = sk->owner;
	sk->proto->destroy(sk);
	sock_limit_leave(st, owner);
}

void sock_wake(struct sock *sk, uint32_t events)
{
	sk->pending |= events;
	if (sk->on_event)
		engine_work_defer(sk->stack->eng, &sk->work);
	if (unlikely(sk->flags & SOCK_F_WATCHED))
		sock_watch_wake(sk, events);
}

void sock_watch_wake(struct sock *sk, uint32_t events)
{
	struct sock_watch *watch = sock_watch_of(sk);
	struct sock_watcher *watcher;

	if (!watch)
		return;
	list_for_each (watcher, &watch->watchers, link)
		watcher->wake(watcher, events);
}

struct sock_watch *sock_watch_make(struct sock *sk)
{
	struct sock_watch *watch = sock_watch_of(sk);

	if (watch)
		return watch;
	watch = mem_alloc(&sk->stack->eng->mem, sizeof(*watch));
	if (!watch)
		return NULL;
	list_init(&watch->watchers);
	watch->arg = sk->arg;
	watch->stamps = NULL;
	sk->arg = watch;
	sk->flags |= SOCK_F_WATCHED;
	return watch;
}

void sock_watch_drop(struct sock *sk)
{
	struct sock_watch *watch = sock_watch_of(sk);

	if (!watch || watch->stamps || !list_is_empty(&watch->watchers))
		return;
	sk->arg = watch->arg;
	sk->flags &= ~(uint32_t)SOCK_F_WATCHED;
	mem_free(&sk->stack->eng->mem, watch, sizeof(*watch));
}

int sock_watch_add(struct sock *sk, struct sock_watcher *watcher)
{
	struct sock_watch *watch = sock_watch_make(sk);

	if (!watch)
		return -ENOMEM;
	list_add_tail(&watch->watchers, &watcher->link);
	return 0;
}

void sock_watch_del(struct sock *sk, struct sock_watcher *watcher)
{
	list_del(&watcher->link);
	sock_watch_drop(sk);
}

const struct list *sock_watchers(const struct sock *sk)
{
	const struct sock_watch *watch = sock_watch_of(sk);

	return watch ? &watch->watchers : NULL;
}

void sock_watch_end(struct sock *sk)
{
	const struct sock_watch *watch;

	if (unlikely(sk->flags & SOCK_F_STAMPS))
		stamp_end(sk);
	while ((watch = sock_watch_of(sk))) {
		struct sock_watcher *watcher =
			container_of(list_first(&watch->watchers), struct sock_watcher, link);

		watcher->gone(watcher);
	}
}

void sock_set_callback(struct sock *sk, void (*fn)(struct weft_sock *s, void *arg, uint32_t events),
		       void *arg)
{
	struct sock_watch *watch = sock_watch_of(sk);

	sk->on_event = fn;
	if (watch)
		watch->arg = arg;
	else
		sk->arg = arg;
	if (!fn) {
		engine_work_cancel(&sk->work);
		return;
	}
	sk->pending |= sk->proto->events(sk);
	engine_work_defer(sk->stack->eng, &sk->work);
}

void sock_set_err(struct sock *sk, int err)
{
	sk->err = err;
	sock_wake(sk, SOCK_ERR | SOCK_IN | SOCK_OUT);
}
