/* SPDX-License-Identifier: MIT */
/*
 * Receive queue: payload in order until the application takes it, and the window that follows from
 * the room left.
 *
 * How it works: packets are queued as they came, headers pulled off. Memory is counted as what the
 * packets really pin ("truesize"), since a peer that sends single bytes would otherwise make us
 * keep a packet for each: short payload is copied behind the last packet when that has room, and
 * under pressure into a dense packet of its own. Half of the free memory is offered as window, as
 * in Linux (tcp_adv_win_scale 1), so that ordinary frames fit with their overhead.
 *
 * The window's right edge never moves back (RFC 9293 §3.8.6.2.1), and it moves in steps of at
 * least a segment (silly window avoidance, §3.8.6.2.2).
 *
 * The buffer grows while the application keeps up: when it has read as much in a round trip as the
 * window allowed, twice that is offered ("dynamic right-sizing", up to tcp_rmem's maximum).
 */
#include "transport/tcp/tcp_priv.h"

enum {
	RCVQ_SMALL = 512,                      /* payload worth copying to save a packet */
	RCVQ_DENSE = 16 * 1024 - PKT_HEADROOM, /* tailroom of a dense packet: one BUF_M */
};

uint32_t tcp_truesize(const struct pkt *pkt)
{
	uint32_t n = (uint32_t)sizeof(*pkt) + (pkt->buf ? pkt->buf->cap : 0);

	for (uint32_t i = 0; i < pkt->n_frags; i++) {
		const struct pkt_frag *frag = &pkt->frags[i];

		n += frag->buf->refs == 1 ? frag->buf->cap : frag->len;
	}
	return n;
}

static void tcp_rcvq_link(struct tcp_conn *conn, struct pkt *pkt)
{
	pkt->tcp.truesize = tcp_truesize(pkt);
	tcp_mem_add_rcv(conn, pkt->tcp.truesize);
	pktq_push(&conn->rcvq, pkt);
}

/* The last packet of the queue; NULL when it is empty. */
static struct pkt *tcp_rcvq_last(struct tcp_conn *conn)
{
	if (pktq_is_empty(&conn->rcvq))
		return NULL;
	return container_of(conn->rcvq.last, struct pkt, next);
}

bool tcp_pkt_merge(struct pkt *last, struct pkt *pkt)
{
	uint32_t n = pkt->len;

	if (last->n_frags > 0 || !pkt_is_writable(last) || pkt_tailroom(last) < n)
		return false;
	pkt_copy_out(pkt, 0, pkt_put(last, n), n);
	last->ts_ns = pkt->ts_ns;
	pkt_free(pkt);
	return true;
}

bool tcp_pkt_is_small(const struct pkt *pkt)
{
	return pkt->len <= RCVQ_SMALL || tcp_truesize(pkt) / 4 > pkt->len;
}

/* Memory runs short with little payload in it: starts a dense packet. */
static struct pkt *tcp_rcvq_densify(struct tcp_conn *conn, struct pkt *pkt)
{
	struct pkt *dense;

	if (conn->rcv_truesize < conn->sk.rcvbuf_bytes / 2 || pkt->len > RCVQ_DENSE)
		return pkt;
	dense = pkt_alloc(&tcp_eng(conn)->pkts, RCVQ_DENSE);
	if (!dense)
		return pkt;
	pkt_copy_out(pkt, 0, pkt_put(dense, pkt->len), pkt->len);
	dense->ts_ns = pkt->ts_ns;
	pkt_free(pkt);
	return dense;
}

/* The next dense packet of a chain, for the bytes from packet `from` on. */
static struct pkt *tcp_pack_start(struct tcp_conn *conn, const struct pkt *from, uint32_t n_left)
{
	struct pkt *dense = pkt_alloc(&tcp_eng(conn)->pkts, tcp_min(n_left, RCVQ_DENSE));

	if (dense) {
		dense->tcp = from->tcp;
		dense->tcp.end_seq = dense->tcp.seq;
	}
	return dense;
}

/* Moves bytes from the front of a chain behind those of `to`; returns what is left of it. */
static struct pkt *tcp_pack_move(struct tcp_conn *conn, struct pkt *to, struct pkt *from)
{
	uint32_t n = tcp_min(from->len, pkt_tailroom(to));
	struct pkt *next = from->next;

	pkt_copy_out(from, 0, pkt_put(to, n), n);
	to->tcp.end_seq += n;
	to->ts_ns = from->ts_ns;
	if (n < from->len) {
		pkt_eat(from, n);
		from->tcp.seq += n;
		return from;
	}
	tcp_mib(conn, MIB_TcpExtTCPRcvCollapsed);
	pkt_free(from);
	return next;
}

struct pkt *tcp_pkt_pack(struct tcp_conn *conn, struct pkt *first, uint32_t n_bytes)
{
	struct pkt *chain = NULL, **link = &chain, *dense = NULL;

	for (const struct pkt *pkt = first; pkt; pkt = pkt->next)
		tcp_mem_sub_rcv(conn, pkt->tcp.truesize);
	while (first) {
		if (!dense || pkt_tailroom(dense) == 0) {
			dense = tcp_pack_start(conn, first, n_bytes);
			if (!dense)
				break;
			*link = dense;
			link = &dense->next;
		}
		n_bytes -= tcp_min(first->len, pkt_tailroom(dense));
		first = tcp_pack_move(conn, dense, first);
	}
	*link = first;
	for (struct pkt *pkt = chain; pkt; pkt = pkt->next) {
		pkt->tcp.truesize = tcp_truesize(pkt);
		tcp_mem_add_rcv(conn, pkt->tcp.truesize);
	}
	return chain;
}

void tcp_rcvq_collapse(struct tcp_conn *conn)
{
	uint32_t truesize = conn->rcv_truesize - (conn->reasm ? conn->reasm->truesize : 0);
	uint32_t n_bytes = conn->rcvq.n_bytes;
	struct pkt *pkt = conn->rcvq.first, *next;

	/* Dense already, but for its first packet, which is perhaps half read, and its last. */
	if (truesize < n_bytes + n_bytes / 2 + 2 * BUF_M)
		return;
	pkt = tcp_pkt_pack(conn, pkt, n_bytes);
	pktq_init(&conn->rcvq);
	for (; pkt; pkt = next) {
		next = pkt->next;
		pktq_push(&conn->rcvq, pkt);
	}
}

void tcp_rcvq_push(struct tcp_conn *conn, struct pkt *pkt)
{
	struct pkt *last = tcp_rcvq_last(conn);
	uint32_t n = pkt->len;

	conn->bytes_rcvd += n;
	if (tcp_pkt_is_small(pkt)) {
		if (last && tcp_pkt_merge(last, pkt)) {
			conn->rcvq.n_bytes += n;
			return;
		}
		pkt = tcp_rcvq_densify(conn, pkt);
	}
	tcp_rcvq_link(conn, pkt);
}

static void tcp_rcvq_pop(struct tcp_conn *conn)
{
	struct pkt *pkt = pktq_pop(&conn->rcvq);

	tcp_mem_sub_rcv(conn, pkt->tcp.truesize);
	pkt_free(pkt);
}

void tcp_rcvq_purge(struct tcp_conn *conn)
{
	while (!pktq_is_empty(&conn->rcvq))
		tcp_rcvq_pop(conn);
}

/* Copies at most `max` bytes from `pkt` at `off` into the message's byte `iov_off` of `iov`;
 * returns how many. Without a message they are only counted. */
static uint32_t tcp_rcvq_copy(const struct pkt *pkt, uint32_t off, const struct weft_iovec *iov,
			      size_t iov_off, uint32_t max, bool is_dry)
{
	size_t room = iov->len - iov_off;
	uint32_t n = tcp_min(pkt->len - off, max);

	n = n < room ? n : (uint32_t)room;
	if (n > 0 && !is_dry)
		pkt_copy_out(pkt, off, (uint8_t *)iov->base + iov_off, n);
	return n;
}

void tcp_rcvq_eat(struct tcp_conn *conn, uint32_t n)
{
	while (n > 0) {
		struct pkt *pkt = conn->rcvq.first;

		assert(pkt);
		if (pkt->len > n) {
			pkt_eat(pkt, n);
			conn->rcvq.n_bytes -= n;
			return;
		}
		n -= pkt->len;
		tcp_rcvq_pop(conn);
	}
}

size_t tcp_rcvq_read(struct tcp_conn *conn, struct sock_msg *msg, bool peek, uint32_t skip,
		     uint32_t max)
{
	bool is_dry = (msg->flags & WEFT_MSG_TRUNC) && !(msg->flags & WEFT_MSG_OOB);
	struct pkt *pkt = conn->rcvq.first;
	size_t done = 0, iov_off = 0, i = 0;
	uint32_t off = skip; /* into pkt */

	while (pkt && off >= pkt->len) {
		off -= pkt->len;
		pkt = pkt->next;
	}
	while (pkt && i < msg->n_iov && max > 0) {
		uint32_t n = tcp_rcvq_copy(pkt, off, &msg->iov[i], iov_off, max, is_dry);

		msg->rx_ns = pkt->ts_ns;
		off += n;
		iov_off += n;
		done += n;
		max -= n;
		if (iov_off == msg->iov[i].len) {
			i++;
			iov_off = 0;
		}
		if (off == pkt->len) {
			pkt = pkt->next;
			off = 0;
		}
	}
	if (!peek)
		tcp_rcvq_eat(conn, skip + (uint32_t)done);
	return done;
}

ptrdiff_t tcp_rcvq_take(struct tcp_conn *conn, uint32_t max, uint32_t max_pkts, struct pktq *q)
{
	uint32_t done = 0;
	struct pkt *pkt;

	for (; max_pkts > 0 && (pkt = conn->rcvq.first) && pkt->len <= max; max_pkts--) {
		(void)pktq_pop(&conn->rcvq);
		tcp_mem_sub_rcv(conn, pkt->tcp.truesize);
		max -= pkt->len;
		done += pkt->len;
		pktq_push(q, pkt);
	}
	if (done > 0 || max == 0)
		return (ptrdiff_t)done;
	/* The first alone is more: a part of it. */
	pkt = pkt_alloc(&tcp_eng(conn)->pkts, 0);
	if (!pkt || pkt_share(pkt, conn->rcvq.first, 0, max)) {
		pkt_free(pkt);
		return -ENOBUFS;
	}
	tcp_rcvq_eat(conn, max);
	pktq_push(q, pkt);
	return (ptrdiff_t)max;
}

uint32_t tcp_rcv_wnd_space(const struct tcp_conn *conn)
{
	uint32_t buf = conn->sk.rcvbuf_bytes;
	uint32_t space = conn->rcv_truesize < buf ? (buf - conn->rcv_truesize) / 2 : 0;

	/* In a shortage windows open by little; what is promised stays so (tcp_rcv_wnd_select()).
	 */
	if (tcp_mem_is_short(conn))
		space = tcp_min(space, tcp_mem_wnd_max(conn));
	if (unlikely(conn->sockopts && conn->sockopts->window_clamp))
		space = tcp_min(space, conn->sockopts->window_clamp);
	return tcp_min(space, 65535u << conn->rcv_wscale);
}

/* What is left of the window that the peer knows of. What is promised, but less than a unit of the
 * field, it may have been shown as 0. */
static uint32_t tcp_rcv_wnd_shown(const struct tcp_conn *conn)
{
	return conn->is_wnd_shut ? 0 : tcp_rcv_wnd(conn);
}

/* RFC 9293 §3.8.6.2.2: the edge moves by a segment or half the buffer, or not at all. A clamp below
 * a segment is the buffer then, or the window would stay closed for ever. */
static bool tcp_rcv_wnd_moves(const struct tcp_conn *conn, uint32_t space)
{
	uint32_t step = tcp_min(conn->sk.rcvbuf_bytes / 4, conn->rcv_mss);
	uint32_t clamp = unlikely(conn->sockopts) ? conn->sockopts->window_clamp : 0;
	uint32_t shown = tcp_rcv_wnd_shown(conn);

	if (clamp)
		step = tcp_min(step, clamp / 2);
	return space > shown && space - shown >= step;
}

uint16_t tcp_rcv_wnd_select(struct tcp_conn *conn)
{
	uint32_t old = tcp_rcv_wnd(conn), wnd = old;
	uint32_t space = tcp_rcv_wnd_space(conn);
	uint32_t unit = 1u << conn->rcv_wscale;
	bool moves = tcp_rcv_wnd_moves(conn, space);
	uint32_t round, scaled;

	if (moves) /* no less than what is advertised already */
		wnd = tcp_max(space, old);
	/* Up, so that the edge does not move back; but down when there is no memory behind it: a
	 * peer that always leaves a few bytes would get a whole unit for them each time. What was
	 * promised is taken all the same, as RFC 7323 §2.4 asks. */
	round = wnd <= space || moves ? unit - 1 : 0;
	scaled = tcp_min((wnd + round) >> conn->rcv_wscale, 65535);

	wnd = scaled << conn->rcv_wscale;
	conn->rcv_adv = seq_max(conn->rcv_adv, conn->rcv_nxt + wnd);
	conn->is_wnd_shut = scaled == 0;
	if (old == 0 && wnd > 0)
		tcp_mib(conn, MIB_TcpExtTCPFromZeroWindowAdv);
	else if (old > 0 && wnd == 0)
		tcp_mib(conn, MIB_TcpExtTCPToZeroWindowAdv);
	return (uint16_t)scaled;
}

uint32_t tcp_syn_wnd(const struct tcp_conn *conn)
{
	uint32_t wnd = tcp_min(conn->sk.rcvbuf_bytes / 2, 65535);

	return tcp_sockopts(conn)->window_clamp ? tcp_min(wnd, tcp_sockopts(conn)->window_clamp)
						: wnd;
}

bool tcp_rcvq_is_readable(const struct tcp_conn *conn)
{
	uint32_t skip = tcp_urg_skip(conn), n = conn->rcvq.n_bytes;

	if (n <= skip)
		return false;
	/* As Linux: nor does it wait for what the window does not let come. */
	return n - skip >= tcp_sockopts(conn)->rcvlowat || tcp_mem_is_short(conn) ||
	       tcp_rcv_wnd(conn) <= conn->rcv_mss;
}

void tcp_rcvq_set_lowat(struct tcp_conn *conn, struct tcp_sockopts *o, int v)
{
	bool is_locked = conn->flags & TCPC_RCVBUF_LOCK;
	uint32_t most = (is_locked ? conn->sk.rcvbuf_bytes : tcp_conf(conn)->rmem_max) / 2;

	o->rcvlowat = tcp_min(v < 0 ? INT32_MAX : (uint32_t)v, most);
	if (!is_locked)
		conn->sk.rcvbuf_bytes = tcp_max(conn->sk.rcvbuf_bytes, 2 * o->rcvlowat);
	sock_wake(&conn->sk, SOCK_IN);
}

void tcp_rcvq_tune_start(struct tcp_conn *conn)
{
	conn->drs_read = conn->rcv_nxt - conn->rcvq.n_bytes;
	conn->drs_space = tcp_min(tcp_rcv_wnd(conn), CC_INITIAL_WINDOW * (uint32_t)conn->advmss);
	conn->drs_us = tcp_clock_us(conn);
	conn->drs_rtt_us = conn->srtt_us8 / 8;
}

void tcp_rcvq_tune_rtt(struct tcp_conn *conn, uint32_t rtt_us)
{
	if (conn->flags & TCPC_ACCEPTQ)
		return;
	/* The least counts: waiting for the application makes it longer, nothing shorter. */
	if (!conn->drs_rtt_us || rtt_us < conn->drs_rtt_us)
		conn->drs_rtt_us = rtt_us;
	else
		conn->drs_rtt_us += (rtt_us - conn->drs_rtt_us) / 8;
}

/* Memory for a window of twice what one round trip used, more while that still grows. */
static void tcp_drs_grow(struct tcp_conn *conn, uint32_t copied)
{
	const struct tcp_conf *conf = tcp_conf(conn);
	uint64_t wnd = 2ull * copied + 16ull * conn->advmss;

	wnd += 2 * wnd * (copied - conn->drs_space) / tcp_max(conn->drs_space, conn->advmss);
	conn->drs_space = copied;
	if (!conf->moderate_rcvbuf || (conn->flags & TCPC_RCVBUF_LOCK) || tcp_mem_is_short(conn))
		return;
	wnd = wnd < conf->rmem_max / 2 ? wnd : conf->rmem_max / 2;
	conn->sk.rcvbuf_bytes = tcp_max(conn->sk.rcvbuf_bytes, (uint32_t)(2 * wnd));
}

/* In a simulation any amount may be read while the clock stands still: then there are no round
 * trips to count by, and all that is read is one. */
static void tcp_drs_read(struct tcp_conn *conn)
{
	uint32_t read = conn->rcv_nxt - conn->rcvq.n_bytes;
	uint32_t copied = read - conn->drs_read;
	uint32_t elapsed_us = tcp_clock_us(conn) - conn->drs_us;
	bool is_over = elapsed_us >= tcp_max(conn->drs_rtt_us, 1000);

	if (copied > conn->drs_space && (is_over || elapsed_us == 0))
		tcp_drs_grow(conn, copied);
	else if (!is_over)
		return;
	conn->drs_read = read;
	conn->drs_us = tcp_clock_us(conn);
}

void tcp_rcvq_was_read(struct tcp_conn *conn)
{
	uint32_t space;

	tcp_drs_read(conn);
	if (!tcp_is_synced(conn) || (conn->flags & TCPC_FIN_RCVD))
		return;
	space = tcp_rcv_wnd_space(conn);
	/* As Linux: tell the peer once the window has at least doubled. */
	if (tcp_rcv_wnd_moves(conn, space) &&
	    tcp_max(space, tcp_rcv_wnd(conn)) / 2 >= tcp_rcv_wnd_shown(conn))
		tcp_conn_defer(conn, TCPC_ACK_NOW);
}
