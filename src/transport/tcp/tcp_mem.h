/* SPDX-License-Identifier: MIT */
/*
 * tcp_mem.c: the memory that the queues of all connections pin, counted as it is taken and given
 * back, and what happens as there is less of it (net.ipv4.tcp_mem).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/stack.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp.h"
#include "transport/tcp/tcp_conn.h"

enum {
	TCP_MEM_PAGE = 4096, /* the unit of tcp_mem, as Linux's on most machines */
};

/* The marks that suit the engine. */
void tcp_mem_default(const struct stack *st, struct tcp_conf *conf);
/* Bytes of so many pages, the unit of tcp_mem. */
static inline uint64_t tcp_mem_bytes(uint32_t pages)
{
	return (uint64_t)pages * TCP_MEM_PAGE;
}
/* Enters a shortage above the second mark, leaves it below the first. */
void tcp_mem_judge(struct stack *st);
/* Memory that a queue pins from now on, or no more. */
static inline void tcp_mem_add(struct tcp_conn *conn, int64_t n)
{
	struct tcp *tcp = conn->sk.stack->tcp;

	sock_bytes_add(&conn->sk, n);
	tcp->mem_bytes += (uint64_t)n;
	if (unlikely(tcp->mem_short_ns || tcp->mem_bytes > tcp_mem_bytes(tcp->conf.mem_pressure)))
		tcp_mem_judge(conn->sk.stack);
}
static inline void tcp_mem_add_rcv(struct tcp_conn *conn, uint32_t n)
{
	conn->rcv_truesize += n;
	tcp_mem_add(conn, n);
}
static inline void tcp_mem_sub_rcv(struct tcp_conn *conn, uint32_t n)
{
	conn->rcv_truesize -= n;
	tcp_mem_add(conn, -(int64_t)n);
}
static inline void tcp_mem_add_snd(struct tcp_conn *conn, uint32_t n)
{
	conn->snd_truesize += n;
	tcp_mem_add(conn, n);
}
static inline void tcp_mem_sub_snd(struct tcp_conn *conn, uint32_t n)
{
	conn->snd_truesize -= n;
	tcp_mem_add(conn, -(int64_t)n);
}
/* Buffers do not grow, and windows open by tcp_mem_wnd_max() at most. */
static inline bool tcp_mem_is_short(const struct tcp_conn *conn)
{
	return conn->sk.stack->tcp->mem_short_ns != 0 ||
	       unlikely(sock_bytes_have_limit(&conn->sk) && sock_bytes_are_short(&conn->sk));
}
uint32_t tcp_mem_wnd_max(const struct tcp_conn *conn);
/* The connection may pin `n` bytes more to receive, or to send. */
bool tcp_mem_has_rcv(struct tcp_conn *conn, uint32_t n) MUST_CHECK;
bool tcp_mem_has_snd(struct tcp_conn *conn, uint32_t n) MUST_CHECK;
/* Nothing is left, and here is a connection that holds more than the least to send. */
bool tcp_mem_is_out(const struct tcp_conn *conn);
