/* SPDX-License-Identifier: MIT */
/*
 * Send queue: the application's bytes from snd_una to snd_end, until they are acknowledged.
 *
 * How it works: a list of blocks, each a counted buffer whose first bytes hold the block's own
 * header; the rest is filled front to back. Segments refer to the bytes (one reference a frag) and
 * never change them; new bytes are only ever written behind those that segments refer to. A block
 * is released when its last byte is acknowledged; a packet still queued somewhere below keeps the
 * buffer alive through its own reference. An empty queue holds no block.
 *
 *	first ---------------> block --------------> last block
 *	[hdr|ack'd|  in flight  ] [in flight | not sent ] [not sent | free ]
 *	          ^snd_una                   ^snd_nxt (near cursor) ^snd_end
 */
#include "transport/tcp/tcp_priv.h"

struct tcp_sndblk {
	struct tcp_sndblk *next;
	struct buf *buf;
	uint32_t off;    /* of the first byte not acknowledged, in buf->bytes */
	uint32_t seq;    /* its number */
	uint32_t len;    /* bytes from there on */
	uint32_t is_end; /* its last byte ends a record */
	uint32_t n_mem;  /* memory that it counts for */
	bool is_lent; /* the application's bytes: no room behind them, and the header is elsewhere
		       */
};

uint32_t tcp_notsent_lowat(const struct tcp_conn *conn)
{
	uint32_t own = tcp_sockopts(conn)->notsent_lowat;

	return own ? own : tcp_conf(conn)->notsent_lowat;
}

/* As Linux: half of TCP_NOTSENT_LOWAT, so that each write is worth a while. */
static bool tcp_unsent_is_low(const struct tcp_conn *conn)
{
	uint32_t lowat = tcp_notsent_lowat(conn);

	return lowat == UINT32_MAX || 2ull * tcp_unsent(conn) < lowat;
}

bool tcp_sndq_is_writable(const struct tcp_conn *conn)
{
	return tcp_sndq_bytes(conn) < conn->sk.sndbuf_bytes && tcp_unsent_is_low(conn) &&
	       !(conn->sk.flags & TCP_SOCK_F_NOMEM);
}

/* Of the buffer a third must be free, as in Linux. */
void tcp_sndq_wake(struct tcp_conn *conn)
{
	if (!(conn->flags & TCPC_NOSPACE) || tcp_sndq_bytes(conn) > conn->sk.sndbuf_bytes / 3 * 2 ||
	    !tcp_unsent_is_low(conn))
		return;
	tcp_sndq_wake_now(conn);
}

void tcp_sndq_wake_now(struct tcp_conn *conn)
{
	conn->flags &= ~(uint32_t)TCPC_NOSPACE;
	conn->sk.flags &= ~(uint32_t)TCP_SOCK_F_NOMEM;
	sock_wake(&conn->sk, SOCK_OUT);
}

void tcp_sndbuf_grow(struct tcp_conn *conn, uint32_t n)
{
	struct sock *sk = &conn->sk;

	if (!(conn->flags & TCPC_SNDBUF_LOCK) && !tcp_mem_is_short(conn))
		sk->sndbuf_bytes = tcp_max(sk->sndbuf_bytes, tcp_min(n, tcp_conf(conn)->wmem_max));
}

void tcp_sndq_init(struct tcp *tcp)
{
	spares_init(&tcp->lents, &tcp->st->eng->mem, sizeof(struct tcp_sndblk), TCP_SPARES_MAX);
}

static uint32_t tcp_sndblk_room(const struct tcp_sndblk *blk)
{
	return blk->is_lent ? 0 : blk->buf->cap - blk->off - blk->len;
}

/* A new, empty block behind the others. */
static void tcp_sndblk_link(struct tcp_conn *conn, struct tcp_sndblk *blk)
{
	tcp_mem_add_snd(conn, blk->n_mem);
	blk->seq = conn->snd_end;
	if (conn->sndq.last)
		conn->sndq.last->next = blk;
	else
		conn->sndq.first = blk;
	conn->sndq.last = blk;
}

/* A block for `n` more bytes: small for one short message, large when the queue is busy. */
static struct tcp_sndblk *tcp_sndblk_add(struct tcp_conn *conn, uint32_t n)
{
	struct pkt_pools *pools = &tcp_eng(conn)->pkts;
	uint32_t small = BUF_S - (uint32_t)sizeof(struct tcp_sndblk);
	bool is_busy = n > small || tcp_sndq_bytes(conn) > small;
	struct buf *buf = NULL;
	struct tcp_sndblk *blk;

	if (is_busy && !tcp_pool_is_low(&pools->bufs[1]) && tcp_mem_has_snd(conn, BUF_M))
		buf = buf_alloc(pools, BUF_M);
	if (!buf && !tcp_pool_is_low(&pools->bufs[0]) && tcp_mem_has_snd(conn, BUF_S))
		buf = buf_alloc(pools, BUF_S);
	if (!buf)
		return NULL;
	blk = (struct tcp_sndblk *)(void *)buf->bytes;
	*blk = (struct tcp_sndblk){.buf = buf, .off = sizeof(*blk), .n_mem = buf->cap};
	tcp_sndblk_link(conn, blk);
	return blk;
}

/* Bytes of the application's, which the block refers to. */
static ptrdiff_t tcp_sndq_lend(struct tcp_conn *conn, struct buf *lent, size_t off, uint32_t n)
{
	struct tcp_sndblk *blk = NULL;

	if (tcp_mem_has_snd(conn, n))
		blk = spares_get(&conn->sk.stack->tcp->lents);
	if (!blk)
		return -ENOBUFS;
	*blk = (struct tcp_sndblk){
		.buf = buf_ref(lent), .off = (uint32_t)off, .n_mem = n, .is_lent = true};
	tcp_sndblk_link(conn, blk);
	blk->len = n;
	conn->snd_end += n;
	return (ptrdiff_t)n;
}

/* Where a byte of the message lies, and how many follow it there. */
struct msg_cursor {
	const struct weft_iovec *iov;
	size_t off;
};

static struct msg_cursor msg_seek(const struct sock_msg *msg, size_t off)
{
	struct msg_cursor c = {.iov = msg->iov, .off = off};

	while (c.off >= c.iov->len) {
		c.off -= c.iov->len;
		c.iov++;
	}
	return c;
}

static uint32_t msg_copy_in(struct msg_cursor *c, uint8_t *dst, uint32_t n)
{
	uint32_t done = 0;

	while (done < n) {
		size_t left = c->iov->len - c->off;
		size_t step = left < n - done ? left : n - done;

		if (step > 0)
			memcpy(dst + done, (const uint8_t *)c->iov->base + c->off, step);
		done += (uint32_t)step;
		c->off += step;
		if (c->off == c->iov->len && done < n) {
			c->iov++;
			c->off = 0;
		}
	}
	return done;
}

ptrdiff_t tcp_sndq_write(struct tcp_conn *conn, const struct sock_msg *msg, size_t off, uint32_t n)
{
	struct msg_cursor c;
	uint32_t done = 0;

	if (n == 0)
		return 0;
	if (msg->lent)
		return tcp_sndq_lend(conn, msg->lent, off, n);
	c = msg_seek(msg, off);
	while (done < n) {
		struct tcp_sndblk *blk = conn->sndq.last;
		uint32_t step;

		if (!blk || blk->is_end || tcp_sndblk_room(blk) == 0)
			blk = tcp_sndblk_add(conn, n - done);
		if (!blk)
			return done > 0 ? (ptrdiff_t)done : -ENOBUFS;
		step = tcp_min(n - done, tcp_sndblk_room(blk));
		msg_copy_in(&c, blk->buf->bytes + blk->off + blk->len, step);
		blk->len += step;
		conn->snd_end += step;
		done += step;
	}
	return (ptrdiff_t)done;
}

bool tcp_sndq_put_first(struct tcp_conn *conn, const void *buf, uint32_t n)
{
	struct pkt_pools *pools = &tcp_eng(conn)->pkts;
	struct tcp_sndblk *blk;
	struct buf *b;

	if (tcp_pool_is_low(&pools->bufs[0]) ||
	    conn->snd_truesize + BUF_S > tcp_conf(conn)->wmem_min || !(b = buf_alloc(pools, BUF_S)))
		return false;
	blk = (struct tcp_sndblk *)(void *)b->bytes;
	*blk = (struct tcp_sndblk){
		.buf = b, .off = sizeof(*blk), .seq = conn->snd_end, .len = n, .n_mem = b->cap};
	tcp_mem_add_snd(conn, blk->n_mem);
	conn->sndq.first = conn->sndq.last = blk;
	memcpy(b->bytes + sizeof(*blk), buf, n);
	conn->snd_end += n;
	return true;
}

/* The block that holds `seq`, which is in the queue. Segments go out in order, so the search
 * starts where the last one ended; a retransmission starts at the front. */
static struct tcp_sndblk *tcp_sndq_seek(struct tcp_conn *conn, uint32_t seq)
{
	struct tcp_sndblk *blk = conn->sndq.cursor;

	if (!blk || seq_lt(seq, blk->seq))
		blk = conn->sndq.first;
	while (seq_geq(seq, blk->seq + blk->len))
		blk = blk->next;
	return blk;
}

void tcp_sndq_end_record(struct tcp_conn *conn)
{
	conn->sndq.last->is_end = true;
	conn->flags |= TCPC_EOR;
}

uint32_t tcp_sndq_record(struct tcp_conn *conn, uint32_t seq, uint32_t len)
{
	const struct tcp_sndblk *blk;
	uint32_t n;

	if (len == 0)
		return 0;
	blk = tcp_sndq_seek(conn, seq);
	n = blk->seq + blk->len - seq;
	while (!blk->is_end && n < len) {
		blk = blk->next;
		n += blk->len;
	}
	return tcp_min(n, len);
}

/* Short payload: copied, so that the receiver finds it in one piece and no buffer is pinned. */
static uint32_t tcp_sndq_copy(struct pkt *pkt, const struct tcp_sndblk *blk, uint32_t seq,
			      uint32_t len)
{
	uint32_t done = 0;

	while (done < len) {
		uint32_t skip = seq + done - blk->seq;
		uint32_t step = tcp_min(len - done, blk->len - skip);

		memcpy(pkt_put(pkt, step), blk->buf->bytes + blk->off + skip, step);
		done += step;
		blk = blk->next;
	}
	return done;
}

uint32_t tcp_sndq_fill(struct tcp_conn *conn, struct pkt *pkt, uint32_t seq, uint32_t len)
{
	struct tcp_sndblk *blk = tcp_sndq_seek(conn, seq);
	uint32_t done = 0;

	if (len <= TCP_COPY_MAX && len <= pkt_tailroom(pkt))
		return tcp_sndq_copy(pkt, blk, seq, len);
	while (done < len) {
		uint32_t skip = seq + done - blk->seq;
		uint32_t step = tcp_min(len - done, blk->len - skip);

		if (!pkt_add_frag(pkt, blk->buf, blk->off + skip, step))
			break;
		done += step;
		conn->sndq.cursor = blk;
		blk = blk->next;
	}
	return done;
}

static void tcp_sndq_pop(struct tcp_conn *conn)
{
	struct tcp_sndq *q = &conn->sndq;
	struct tcp_sndblk *blk = q->first;
	struct buf *buf;

	q->first = blk->next;
	if (!q->first) {
		q->last = NULL;
		conn->flags &= ~(uint32_t)TCPC_EOR;
	}
	if (q->cursor == blk)
		q->cursor = NULL;
	tcp_mem_sub_snd(conn, blk->n_mem);
	buf = blk->buf; /* the block may be in it */
	if (blk->is_lent)
		spares_put(&conn->sk.stack->tcp->lents, blk);
	buf_unref(buf);
}

void tcp_sndq_ack(struct tcp_conn *conn)
{
	struct tcp_sndblk *blk;

	while ((blk = conn->sndq.first) && seq_geq(conn->snd_una, blk->seq + blk->len))
		tcp_sndq_pop(conn);
	if (blk && seq_gt(conn->snd_una, blk->seq)) {
		uint32_t n = conn->snd_una - blk->seq;

		blk->off += n;
		blk->seq += n;
		blk->len -= n;
	}
}

void tcp_sndq_purge(struct tcp_conn *conn)
{
	while (conn->sndq.first)
		tcp_sndq_pop(conn);
}
