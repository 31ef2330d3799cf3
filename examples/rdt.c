/* SPDX-License-Identifier: MIT */
/*
 * A reliable datagram protocol over UDP; what applications call is in rdt.h.
 *
 *	 0      1      2             4             8             12            16
 *	+------+------+-------------+-------------+-------------+-------------+-- ~ --+-- ~ --+
 *	| flags|n_sack| window      | connection  | number      | expected    | sacks | data  |
 *	+------+------+-------------+-------------+-------------+-------------+-- ~ --+-- ~ --+
 *
 *	number      of this message: SYN is 0, then one for each message, FIN has one too
 *	expected    the next number that the sender waits for: all before it are there
 *	window      how many from there on it has room for
 *	sacks       up to four ranges (first, behind the last) of those that came too early
 *	connection  drawn by who opens it: with the peer's address it names the control block
 *
 * How it works
 *
 * Sending: messages wait in a ring of RDT_WINDOW slots until they have been acknowledged. As many
 * are under way as the peer has room for and as the congestion window allows.
 *
 * Loss: three later ones have been acknowledged, and it is sent again at once; the retransmission
 * timer (RFC 6298, doubled each time) is for what nothing comes behind. Round trips are measured on
 * packets that were sent once only (Karn's rule).
 *
 * Flow control: who reads slowly has a smaller window; a closed one is probed by the timer, with
 * the message that is next, for as long as the peer answers.
 *
 * Closing: each side's FIN is a message like others; when both have been acknowledged, the block
 * stays for a second, to acknowledge the peer's once more. One whose application is done with it,
 * and whose peer does not finish, stays for RDT_LINGER_S.
 *
 * Bounds: RDT_CONNS_MAX connections of an endpoint, each of two rings; RDT_TRIES without an answer
 * end it. What is not understood is dropped; what belongs to no connection is answered with RST.
 */
#include "rdt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	RDT_WINDOW = 64, /* slots of a ring; a power of two */
	RDT_SACKS_MAX = 4,
	RDT_HDR = 16,
	RDT_TRIES = 12,
	RDT_REORDER = 3, /* so many later ones there: it is lost */
	RDT_BATCH = 64,  /* packets taken before others have their turn */
	RDT_LINGER_S = 60,
};

enum rdt_flag {
	RDT_SYN = 1 << 0,
	RDT_ACK = 1 << 1, /* `expected` and `window` mean something */
	RDT_MSG = 1 << 2,
	RDT_FIN = 1 << 3,
	RDT_RST = 1 << 4,
};

static const int64_t MSEC = 1000000, SEC = 1000000000;

struct rdt_slot {
	uint8_t flags; /* RDT_MSG or RDT_FIN, or RDT_SYN; 0: empty */
	bool is_there; /* sending: the peer has it, by SACK; receiving: it has come */
	uint8_t n_sent;
	int64_t sent_ns;
	size_t len;
	uint8_t data[RDT_MSG_MAX];
};

/* The control block of a connection. */
struct rdt_conn {
	struct rdt *rdt;
	struct rdt_conn *next;
	struct weft_sockaddr peer;
	uint32_t id;
	void (*fn)(struct rdt_conn *c, void *arg);
	void *arg;
	bool is_open;   /* the peer has answered */
	bool is_closed; /* the application is done with it */
	bool is_over;   /* only to be freed */
	bool ack_is_due;
	int err;                  /* why it has ended; 0: properly, or not at all */
	struct weft_timer *timer; /* retransmission, probes; at last the time to linger */
	/* Sending: una <= nxt <= end. */
	uint32_t una, nxt, end; /* not acknowledged; to be sent; to be written next */
	uint32_t peer_edge;     /* the first number the peer has no room for */
	uint32_t highest;       /* behind the last one that the peer is known to have */
	uint32_t cwnd, ssthresh, n_acked;
	uint32_t recover; /* one reduction for all that was lost before this */
	int64_t srtt_ns, rttvar_ns, rto_ns;
	unsigned int n_timeouts; /* of the timer since something was acknowledged: it backs off */
	unsigned int n_silent;   /* since the peer was heard of */
	/* Receiving: what has come is in [read, read + RDT_WINDOW). */
	uint32_t read, expected;
	bool fin_came, fin_acked;
	uint64_t n_resent;
	struct rdt_slot out[RDT_WINDOW], in[RDT_WINDOW];
};

static int64_t rdt_now(const struct rdt *r)
{
	return weft_engine_now_ns(r->net.eng);
}

/* Numbers go round: which of two is ahead is a matter of less than half the circle. */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) << 16 | get16(p + 2);
}

/* ---- Packets out ---- */

static void packet_send(struct rdt *r, const struct weft_sockaddr *to, const uint8_t *p, size_t len)
{
	if (weft_engine_random(r->net.eng) % 1000000 < r->drop_ppm)
		return;
	/* One that does not go is one that is lost. */
	(void)r->net.ops->sendto(r->sock, p, len, 0, to);
}

/* The ranges of what has come ahead of its turn. */
static size_t sacks_write(const struct rdt_conn *c, uint8_t *p)
{
	uint32_t end = c->read + RDT_WINDOW;
	size_t n = 0;

	for (uint32_t i = c->expected; i != end && n < RDT_SACKS_MAX; i++) {
		uint32_t first = i;

		while (i != end && c->in[i % RDT_WINDOW].is_there)
			i++;
		if (i != first) {
			put32(p + 8 * n, first);
			put32(p + 8 * n + 4, i);
			n++;
		}
		if (i == end)
			break;
	}
	return n;
}

static void conn_packet(struct rdt_conn *c, uint8_t flags, uint32_t number,
			const struct rdt_slot *slot)
{
	uint8_t p[RDT_HDR + 8 * RDT_SACKS_MAX + RDT_MSG_MAX];
	size_t n_sacks = sacks_write(c, p + RDT_HDR), len = RDT_HDR + 8 * n_sacks;

	p[0] = flags;
	p[1] = (uint8_t)n_sacks;
	put16(p + 2, c->read + RDT_WINDOW - c->expected);
	put32(p + 4, c->id);
	put32(p + 8, number);
	put32(p + 12, c->expected);
	if (slot) {
		memcpy(p + len, slot->data, slot->len);
		len += slot->len;
	}
	c->ack_is_due = false;
	packet_send(c->rdt, &c->peer, p, len);
}

static void slot_send(struct rdt_conn *c, uint32_t number)
{
	struct rdt_slot *slot = &c->out[number % RDT_WINDOW];
	/* Who opens has nothing to acknowledge yet. */
	uint8_t ack = c->is_open || !(slot->flags & RDT_SYN) || c->expected ? RDT_ACK : 0;

	c->n_resent += slot->n_sent > 0;
	if (slot->n_sent < UINT8_MAX)
		slot->n_sent++;
	slot->sent_ns = rdt_now(c->rdt);
	conn_packet(c, slot->flags | ack, number, slot);
}

static void timer_arm(struct rdt_conn *c)
{
	int64_t now = rdt_now(c->rdt);

	if (c->una != c->end)
		weft_timer_start(c->timer,
				 now + (c->rto_ns << (c->n_timeouts < 6 ? c->n_timeouts : 6)));
	else if (c->is_closed) /* the peer's FIN is not waited for for ever */
		weft_timer_start(c->timer, now + RDT_LINGER_S * SEC);
	else
		weft_timer_stop(c->timer);
}

/* All that the peer and the network have room for. */
static void conn_output(struct rdt_conn *c)
{
	bool was_idle = c->una == c->nxt;

	while (c->nxt != c->end && before(c->nxt, c->peer_edge) && c->nxt - c->una < c->cwnd)
		slot_send(c, c->nxt++);
	if (was_idle)
		timer_arm(c);
}

/* ---- The end ---- */

static void conn_end(struct rdt_conn *c, int err)
{
	if (c->is_over)
		return;
	c->is_over = true;
	c->err = err;
	/* Freed by the timer, not under the feet of who called. */
	weft_timer_start(c->timer, rdt_now(c->rdt));
	if (c->fn && !c->is_closed)
		c->fn(c, c->arg);
}

static void conn_free(struct rdt_conn *c)
{
	struct rdt_conn **at = &c->rdt->conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->rdt->n_conns--;
	weft_timer_free(c->timer);
	free(c);
}

static bool both_finished(const struct rdt_conn *c)
{
	return c->fin_came && c->fin_acked;
}

/* ---- Loss ---- */

static void cwnd_reduce(struct rdt_conn *c)
{
	if (before(c->una, c->recover))
		return;
	c->recover = c->nxt;
	c->ssthresh = c->cwnd / 2 > 2 ? c->cwnd / 2 : 2;
	c->cwnd = c->ssthresh;
}

/* Sends again what three later ones have overtaken; once in a round trip. */
static void losses_mend(struct rdt_conn *c)
{
	int64_t now = rdt_now(c->rdt), rtt = c->srtt_ns + c->rttvar_ns;

	for (uint32_t i = c->una; before(i + RDT_REORDER, c->highest); i++) {
		struct rdt_slot *slot = &c->out[i % RDT_WINDOW];

		if (slot->is_there || (slot->n_sent > 1 && now - slot->sent_ns < rtt))
			continue;
		cwnd_reduce(c);
		slot_send(c, i);
	}
}

static void conn_timer(void *arg)
{
	struct rdt_conn *c = arg;

	if (c->is_over || (c->una == c->end && (both_finished(c) || c->is_closed))) {
		c->is_over = true;
		if (c->is_closed)
			conn_free(c);
		return;
	}
	if (++c->n_silent > RDT_TRIES) {
		conn_end(c, -ETIMEDOUT);
		return;
	}
	c->n_timeouts++;
	/* Nothing under way: the window is closed, and the next one asks whether it still is. */
	if (c->nxt == c->una) {
		slot_send(c, c->nxt++);
	} else {
		cwnd_reduce(c);
		c->cwnd = 1;
		slot_send(c, c->una);
	}
	timer_arm(c);
}

/* RFC 6298 §2, in shifts. */
static void rtt_take(struct rdt_conn *c, int64_t rtt_ns)
{
	int64_t off = rtt_ns - c->srtt_ns;

	if (!c->srtt_ns) {
		c->srtt_ns = rtt_ns;
		c->rttvar_ns = rtt_ns / 2;
	} else {
		c->srtt_ns += off / 8;
		c->rttvar_ns += ((off < 0 ? -off : off) - c->rttvar_ns) / 4;
	}
	c->rto_ns = c->srtt_ns + 4 * c->rttvar_ns;
	if (c->rto_ns < 50 * MSEC)
		c->rto_ns = 50 * MSEC;
}

/* ---- Packets in ---- */

static void slot_acked(struct rdt_conn *c, uint32_t number)
{
	struct rdt_slot *slot = &c->out[number % RDT_WINDOW];

	if (slot->is_there)
		return;
	slot->is_there = true;
	if (slot->n_sent == 1)
		rtt_take(c, rdt_now(c->rdt) - slot->sent_ns);
	if (before(c->highest, number + 1))
		c->highest = number + 1;
	/* Slow start, then one more for a whole window. */
	if (c->cwnd < c->ssthresh || ++c->n_acked >= c->cwnd) {
		c->cwnd += c->cwnd < RDT_WINDOW;
		c->n_acked = 0;
	}
}

static void ack_input(struct rdt_conn *c, uint32_t expected, uint32_t window, const uint8_t *sacks,
		      size_t n_sacks)
{
	uint32_t edge = expected + (window > RDT_WINDOW ? RDT_WINDOW : window);
	uint32_t una = c->una;

	if (before(expected, c->una) || before(c->nxt, expected))
		return; /* late, or about what was never sent */
	c->n_silent = 0;
	for (size_t i = 0; i < n_sacks; i++) {
		uint32_t first = get32(sacks + 8 * i), end = get32(sacks + 8 * i + 4);

		if (before(first, c->una) || before(c->nxt, end))
			continue;
		for (; before(first, end); first++)
			slot_acked(c, first);
	}
	for (; c->una != expected; c->una++) {
		struct rdt_slot *slot = &c->out[c->una % RDT_WINDOW];

		slot_acked(c, c->una);
		c->fin_acked |= slot->flags & RDT_FIN;
		slot->flags = 0;
	}
	if (before(c->peer_edge, edge))
		c->peer_edge = edge;
	if (c->una != una) {
		c->n_timeouts = 0;
		timer_arm(c);
	}
	losses_mend(c);
}

static void msg_input(struct rdt_conn *c, uint8_t flags, uint32_t number, const uint8_t *data,
		      size_t len)
{
	struct rdt_slot *slot = &c->in[number % RDT_WINDOW];

	/* Whatever it is, the peer wants to know where we are. */
	c->ack_is_due = true;
	if (before(number, c->expected) || !before(number, c->read + RDT_WINDOW) ||
	    slot->is_there || len > RDT_MSG_MAX)
		return;
	slot->is_there = true;
	slot->flags = flags & (RDT_SYN | RDT_MSG | RDT_FIN);
	slot->len = len;
	memcpy(slot->data, data, len);
	while (c->expected != c->read + RDT_WINDOW && c->in[c->expected % RDT_WINDOW].is_there) {
		c->fin_came |= c->in[c->expected % RDT_WINDOW].flags & RDT_FIN;
		c->expected++;
	}
	/* SYN is for us, not for the application. */
	if (c->read == 0 && c->expected) {
		c->in[0].is_there = false;
		c->read = 1;
	}
}

static void conn_input(struct rdt_conn *c, const uint8_t *p, size_t len)
{
	size_t hdr = RDT_HDR + 8u * p[1];
	uint8_t flags = p[0];

	if (c->is_over)
		return;
	if (flags & RDT_RST) {
		conn_end(c, -ECONNRESET);
		return;
	}
	if (flags & (RDT_SYN | RDT_MSG | RDT_FIN))
		msg_input(c, flags, get32(p + 8), p + hdr, len - hdr);
	if (flags & RDT_ACK) {
		c->is_open = true;
		ack_input(c, get32(p + 12), get16(p + 2), p + RDT_HDR, p[1]);
	}
	conn_output(c);
	if (both_finished(c))
		weft_timer_start(c->timer, rdt_now(c->rdt) + SEC);
	if (c->fn && !c->is_closed)
		c->fn(c, c->arg);
}

static struct rdt_conn *conn_new(struct rdt *r, const struct weft_sockaddr *peer, uint32_t id)
{
	struct rdt_conn *c = r->n_conns < RDT_CONNS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->timer = weft_timer_new(r->net.eng, conn_timer, c);
	if (!c->timer) {
		free(c);
		return NULL;
	}
	c->rdt = r;
	c->peer = *peer;
	c->id = id;
	c->cwnd = 4;
	c->ssthresh = RDT_WINDOW;
	c->rto_ns = 500 * MSEC;
	c->peer_edge = 1; /* SYN may go */
	c->out[0].flags = RDT_SYN;
	c->end = 1;
	c->next = r->conns;
	r->conns = c;
	r->n_conns++;
	return c;
}

static struct rdt_conn *conn_find(const struct rdt *r, const struct weft_sockaddr *peer,
				  uint32_t id)
{
	struct rdt_conn *c = r->conns;

	while (c && (c->id != id || c->peer.port != peer->port ||
		     memcmp(&c->peer.addr, &peer->addr, sizeof(peer->addr)) != 0))
		c = c->next;
	return c;
}

static void packet_input(struct rdt *r, const struct weft_sockaddr *from, const uint8_t *p,
			 size_t len)
{
	struct rdt_conn *c;
	uint8_t rst[RDT_HDR] = {RDT_RST};

	if (len < RDT_HDR || p[1] > RDT_SACKS_MAX || len < RDT_HDR + 8u * p[1])
		return;
	c = conn_find(r, from, get32(p + 4));
	if (!c && (p[0] & (RDT_SYN | RDT_ACK)) == RDT_SYN && r->accept_fn) {
		c = conn_new(r, from, get32(p + 4));
		if (c)
			r->accept_fn(c, r->arg);
	}
	if (c) {
		conn_input(c, p, len);
	} else if (!(p[0] & RDT_RST)) { /* never an answer to an answer */
		memcpy(rst + 4, p + 4, 4);
		packet_send(r, from, rst, sizeof(rst));
	}
}

/* One acknowledgement answers all that came together. */
static void rdt_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct rdt *r = arg;
	uint8_t p[2048];
	struct weft_sockaddr from;
	ptrdiff_t n = 0;
	int i;

	(void)events;
	for (i = 0; i < RDT_BATCH; i++) {
		n = r->net.ops->recvfrom(s, p, sizeof(p), 0, &from);
		if (n == -EAGAIN)
			break;
		if (n >=
		    0) /* else an ICMP error about a packet that went: the timer knows better */
			packet_input(r, &from, p, (size_t)n);
	}
	for (struct rdt_conn *c = r->conns; c; c = c->next)
		if (c->ack_is_due)
			conn_packet(c, RDT_ACK, c->nxt, NULL);
	if (i == RDT_BATCH) /* more may wait: set again, the callback comes once more */
		r->net.ops->on_event(s, rdt_ready, r);
}

/* ---- What applications call ---- */

int rdt_open(struct rdt *r, const struct weft_net *net, const struct weft_sockaddr *at)
{
	int err;

	*r = (struct rdt){.net = *net};
	err = net->ops->socket(net, at->addr.family, WEFT_SOCK_DGRAM, 0, &r->sock);
	if (err)
		return err;
	err = net->ops->bind(r->sock, at);
	if (!err)
		net->ops->on_event(r->sock, rdt_ready, r);
	return err;
}

void rdt_end(struct rdt *r)
{
	for (struct rdt_conn *c = r->conns, *next; c; c = next) {
		next = c->next;
		conn_free(c);
	}
	if (r->sock)
		r->net.ops->close(r->sock);
}

struct rdt_conn *rdt_connect(struct rdt *r, const struct weft_sockaddr *to)
{
	struct rdt_conn *c = conn_new(r, to, (uint32_t)weft_engine_random(r->net.eng));

	if (c)
		conn_output(c);
	return c;
}

void rdt_on_change(struct rdt_conn *c, void (*fn)(struct rdt_conn *c, void *arg), void *arg)
{
	c->fn = fn;
	c->arg = arg;
}

static int slot_put(struct rdt_conn *c, uint8_t flags, const void *msg, size_t len)
{
	struct rdt_slot *slot = &c->out[c->end % RDT_WINDOW];

	if (c->is_over)
		return c->err ? c->err : -EPIPE;
	if (len > RDT_MSG_MAX)
		return -EMSGSIZE;
	if (c->end - c->una == RDT_WINDOW)
		return -EAGAIN;
	*slot = (struct rdt_slot){.flags = flags, .len = len};
	if (len)
		memcpy(slot->data, msg, len);
	c->end++;
	conn_output(c);
	return 0;
}

int rdt_send(struct rdt_conn *c, const void *msg, size_t len)
{
	return slot_put(c, RDT_MSG, msg, len);
}

int rdt_finish(struct rdt_conn *c)
{
	return slot_put(c, RDT_FIN, NULL, 0);
}

ptrdiff_t rdt_recv(struct rdt_conn *c, void *buf, size_t size)
{
	struct rdt_slot *slot = &c->in[c->read % RDT_WINDOW];
	bool was_closed = c->read + RDT_WINDOW - c->expected < RDT_WINDOW / 4;
	size_t len = slot->len;

	if (c->read == c->expected)
		return c->err ? c->err : -EAGAIN;
	if (slot->flags & RDT_FIN)
		return -EPIPE;
	memcpy(buf, slot->data, len < size ? len : size);
	slot->is_there = false;
	c->read++;
	/* The peer hears of it when it may be waiting for it. */
	if (was_closed && c->read + RDT_WINDOW - c->expected >= RDT_WINDOW / 4)
		conn_packet(c, RDT_ACK, c->nxt, NULL);
	return (ptrdiff_t)len;
}

bool rdt_is_finished(const struct rdt_conn *c)
{
	return c->fin_acked;
}

int rdt_error(const struct rdt_conn *c)
{
	return c->err;
}

void rdt_close(struct rdt_conn *c)
{
	c->is_closed = true;
	if (c->is_over)
		weft_timer_start(c->timer, rdt_now(c->rdt));
	else if (c->una == c->end && !both_finished(c))
		timer_arm(c);
}
