/* SPDX-License-Identifier: MIT */
/* Life and readiness of endpoints; contracts in sock.h. */
#include "transport/sock.h"

#include "transport/sock_table.h"

/*
 * The deferred callback. Readiness is a level: what became true and is false again by now (the
 * application has read what came) is not worth a call. The callback may close the socket, so it is
 * held meanwhile.
 */
static void sock_work(struct engine_work *work)
{
	struct sock *sk = container_of(work, struct sock, work);
	uint32_t changed = sk->pending | SOCK_ERR | SOCK_HUP;
	uint32_t events;

	sk->pending = 0;
	if (!sk->on_event)
		return;
	events = sk->proto->events(sk);
	if (!(events & changed))
		return;
	sock_ref(sk);
	sk->on_event(sock_handle(sk), sk->arg, events);
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
}

void sock_unref(struct sock *sk)
{
	if (!sk)
		return;
	assert(sk->refs > 0);
	if (--sk->refs > 0)
		return;
	engine_work_cancel(&sk->work);
	sock_conn_del(sk->stack, &sk->conn);
	list_del(&sk->link);
	sk->proto->destroy(sk);
}

void sock_wake(struct sock *sk, uint32_t events)
{
	sk->pending |= events;
	if (sk->on_event)
		engine_work_defer(sk->stack->eng, &sk->work);
}

void sock_set_callback(struct sock *sk, void (*fn)(struct weft_sock *s, void *arg, uint32_t events),
		       void *arg)
{
	sk->on_event = fn;
	sk->arg = arg;
	if (fn)
		sock_wake(sk, sk->proto->events(sk));
	else
		engine_work_cancel(&sk->work);
}

void sock_set_err(struct sock *sk, int err)
{
	sk->err = err;
	sock_wake(sk, SOCK_ERR | SOCK_IN | SOCK_OUT);
}
