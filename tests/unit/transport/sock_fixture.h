/* SPDX-License-Identifier: MIT */
/* Sockets of protocols that do nothing, in a stack that has the socket tables only. */
#pragma once

#include <errno.h>

#include "core/engine.h"
#include "core/stack.h"
#include "transport/sock.h"
#include "transport/sock_table.h"
#include "unit.h"
#include "weft/socket.h"
#include "wire/ip4.h"

struct sf {
	struct engine *eng;
	struct stack *st;
	uint32_t events; /* what sf_proto.events answers */
	uint32_t n_destroyed;
};

static inline uint32_t sf_events(const struct sock *sk)
{
	return ((const struct sf *)sk->arg)->events;
}

static inline void sf_destroy(struct sock *sk)
{
	mem_free(&sk->stack->eng->mem, sk, sizeof(*sk));
}

static inline void sf_close(struct sock *sk, bool abort UNUSED)
{
	sock_unref(sk);
}

static const struct sock_proto sf_proto = {
	.name = "test",
	.close = sf_close,
	.events = sf_events,
	.destroy = sf_destroy,
};

static inline void sf_setup(struct sf *f)
{
	struct engine_config cfg = {.has_seed = true, .seed = 1};

	*f = (struct sf){0};
	assert_int_equal(engine_new(&cfg, &f->eng), 0);
	f->st = stack_new(f->eng, "test");
	assert_non_null(f->st);
	assert_int_equal(sock_table_init(f->st), 0);
}

static inline void sf_teardown(struct sf *f)
{
	sock_close_all(f->st, &sf_proto);
	stack_free(f->st);
	engine_free(f->eng);
}

static inline struct sock *sf_sock(struct sf *f, uint8_t proto)
{
	struct sock *sk = mem_zalloc(&f->eng->mem, sizeof(*sk));

	assert_non_null(sk);
	sock_init(sk, f->st, &sf_proto, WEFT_AF_INET, proto);
	sk->arg = f;
	return sk;
}

/* v4-mapped, as an lvalue. */
#define ADDR4(a, b, c, d) ((struct ip_addr){{[10] = 0xff, 0xff, a, b, c, d}})
#define ANY               ADDR4(0, 0, 0, 0)
#define ADDR_A            ADDR4(10, 0, 0, 1)
#define ADDR_B            ADDR4(10, 0, 0, 2)
#define PEER              ADDR4(192, 0, 2, 1)
