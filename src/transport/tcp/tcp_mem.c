/* SPDX-License-Identifier: MIT */
/*
 * Memory of all connections of a stack, and who may take more of it (net.ipv4.tcp_mem).
 *
 * How it works: every packet in a receive or out-of-order queue and every block of a send queue is
 * counted, as the memory that it pins, for its connection and for the stack. Three marks, as in
 * Linux:
 *
 *	0 ......... min ............ pressure .................. max
 *	    plenty   |  as it was     |  shortage, until below min |  nothing more but the least
 *
 * In a shortage buffers do not grow, windows are opened by a few segments only, and a connection
 * gets more memory while it holds less than its share, that is max divided by the number of
 * sockets: one peer cannot starve the others. Whatever the total is, each connection may hold the
 * least (tcp_rmem_min to receive, tcp_wmem_min to send), and one segment in order always finds an
 * empty queue open, so that every connection moves.
 * (Linux grants the least below max only.)
 *
 * What is done for a segment that finds no room is in tcp_prune.c, in this order: queues are packed
 * densely, data out of order is thrown away, and at last the segment itself is. A window that was
 * promised is never taken back.
 *
 * The engine's pools bound all stacks together; when a quarter of one is left (tcp_pools_are_low())
 * it is as if max was reached.
 */
#include "transport/tcp/tcp_mem.h"

#include "transport/tcp/tcp_priv.h"

enum {
	TCP_MEM_WND_SEGS = 4,
};

/* Half of the buffers that the engine has for all stacks, or of its memory when that is less; the
 * other marks in Linux's relation. */
void tcp_mem_default(const struct stack *st, struct tcp_conf *conf)
{
	const struct pkt_pools *pools = &st->eng->pkts;
	uint64_t bytes = 0;
	uint32_t pages;

	for (uint32_t i = 0; i < BUF_CLASSES; i++)
		bytes += (uint64_t)pools->bufs[i].max_objs * pools->bufs[i].obj_bytes;
	if (st->eng->mem.limit_bytes && st->eng->mem.limit_bytes < bytes)
		bytes = st->eng->mem.limit_bytes;
	bytes /= 2 * (uint64_t)TCP_MEM_PAGE;
	pages = bytes < INT32_MAX ? (uint32_t)bytes : INT32_MAX;
	conf->mem_min = pages / 2;
	conf->mem_pressure = pages / 3 * 2;
	conf->mem_max = pages;
}

/* What is kept for nobody goes in a shortage, and is not kept until it ends. */
static void tcp_mem_keep(struct tcp *tcp, uint32_t max)
{
	spares_bound(&tcp->txqs, max);
	spares_bound(&tcp->lents, max);
}

void tcp_mem_judge(struct stack *st)
{
	struct tcp *tcp = st->tcp;
	uint64_t n = tcp->mem_bytes;

	if (!tcp->mem_short_ns && n > tcp_mem_bytes(tcp->conf.mem_pressure)) {
		tcp->mem_short_ns = st->eng->now_ns ? st->eng->now_ns : 1;
		tcp_mem_keep(tcp, 0);
		mib_inc(st, MIB_TcpExtTCPMemoryPressures);
	} else if (tcp->mem_short_ns && n <= tcp_mem_bytes(tcp->conf.mem_min)) {
		int64_t ns = st->eng->now_ns - tcp->mem_short_ns;

		tcp->mem_short_ns = 0;
		tcp_mem_keep(tcp, TCP_SPARES_MAX);
		mib_add(st, MIB_TcpExtTCPMemoryPressuresChrono, (uint64_t)(ns / TCP_NS_PER_MS));
	}
}

uint32_t tcp_mem_wnd_max(const struct tcp_conn *conn)
{
	return TCP_MEM_WND_SEGS * (uint32_t)conn->advmss;
}

/* Within the stack's marks `n` bytes more are this connection's due. */
static bool tcp_mem_is_granted(struct tcp_conn *conn, uint32_t n)
{
	const struct tcp *tcp = conn->sk.stack->tcp;
	uint64_t held = (uint64_t)conn->rcv_truesize + conn->snd_truesize;
	uint64_t max = tcp_mem_bytes(tcp->conf.mem_max);

	if (tcp->mem_bytes + n > max)
		return false;
	if (tcp->mem_short_ns && held * tcp->n_conns >= max)
		return false;
	return sock_bytes_fit(&conn->sk, n);
}

bool tcp_mem_has_rcv(struct tcp_conn *conn, uint32_t n)
{
	if (conn->rcv_truesize + n <= tcp_conf(conn)->rmem_min)
		return true;
	return tcp_mem_is_granted(conn, n) && !tcp_pools_are_low(conn);
}

bool tcp_mem_has_snd(struct tcp_conn *conn, uint32_t n)
{
	return conn->snd_truesize + n <= tcp_conf(conn)->wmem_min || tcp_mem_is_granted(conn, n);
}

bool tcp_mem_is_out(const struct tcp_conn *conn)
{
	const struct tcp *tcp = conn->sk.stack->tcp;

	return conn->snd_truesize > tcp->conf.wmem_min &&
	       tcp->mem_bytes > tcp_mem_bytes(tcp->conf.mem_max);
}
