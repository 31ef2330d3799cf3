/* SPDX-License-Identifier: MIT */
/*
 * Probes; the contract is in prober.h.
 *
 * How it works: probe n has slot n modulo PROBER_OPEN_MAX, with the time at which it was sent. Its
 * number stands in the packet: in the sequence field of ICMP, in the first four bytes of a
 * datagram. The deadline of the oldest one that is open is armed; as all have the same timeout,
 * they expire in their order.
 */
#include "net/ping/prober.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/app/app_priv.h"

enum {
	ICMP_HEAD = 8,
	ICMP_ECHO_REPLY = 0,
	ICMP_ECHO_REQUEST = 8,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	UDP_HEAD = 4,
};

static const int64_t DEFAULT_TIMEOUT_NS = INT64_C(10000000000);

struct prober {
	struct app app;
	struct prober_config cfg;
	struct weft_sock *sock;
	struct weft_timer *expiry;
	uint64_t n_sent, oldest;          /* probes oldest .. n_sent - 1 may be open */
	int64_t sent_ns[PROBER_OPEN_MAX]; /* -1: answered or given up */
	size_t len;                       /* of a message */
	uint8_t *in;                      /* len + 1 bytes, so that longer ones are noticed */
	uint8_t out[];                    /* len bytes, and `in` behind them */
};

static struct prober *prober_of(struct app *a)
{
	return (struct prober *)(void *)a; /* its first member */
}

static int64_t *slot_of(struct prober *p, uint64_t n)
{
	return &p->sent_ns[n % PROBER_OPEN_MAX];
}

static void probe_fail(struct prober *p, int err)
{
	p->app.stats.err = err;
	p->app.stats.why = NULL;
}

/* Goes on to the oldest that is still open, or to the end. */
static void prober_settle(struct prober *p)
{
	while (p->oldest < p->n_sent && *slot_of(p, p->oldest) < 0)
		p->oldest++;
	weft_timer_stop(p->expiry);
	if (p->oldest < p->n_sent)
		weft_timer_start(p->expiry, *slot_of(p, p->oldest) + p->cfg.plan.timeout_ns);
	else if (app_is_last(&p->app) && !p->app.stats.is_done)
		p->app.stats.is_done = true;
}

static void oldest_give_up(struct prober *p)
{
	*slot_of(p, p->oldest++) = -1;
	p->app.stats.n_lost++;
	p->app.stats.end_ns = weft_engine_now_ns(p->app.eng);
	if (!p->app.stats.err)
		probe_fail(p, -ETIMEDOUT);
}

static void expiry_fire(void *arg)
{
	struct prober *p = arg;

	oldest_give_up(p);
	prober_settle(p);
}

static void number_write(struct prober *p, uint64_t n)
{
	if (p->cfg.is_udp) {
		p->out[0] = (uint8_t)(n >> 24);
		p->out[1] = (uint8_t)(n >> 16);
		p->out[2] = (uint8_t)(n >> 8);
		p->out[3] = (uint8_t)n;
	} else {
		p->out[6] = (uint8_t)(n >> 8);
		p->out[7] = (uint8_t)n;
	}
}

/* The number that stands in an answer, or a number that was never sent. */
static uint64_t number_read(const struct prober *p)
{
	uint64_t mask = p->cfg.is_udp ? UINT32_MAX : UINT16_MAX;
	uint64_t low;

	if (p->cfg.is_udp)
		low = (uint64_t)p->in[0] << 24 | (uint64_t)p->in[1] << 16 |
		      (uint64_t)p->in[2] << 8 | p->in[3];
	else
		low = (uint64_t)p->in[6] << 8 | p->in[7];
	/* The one of these bits that is not before the oldest. */
	return p->oldest + ((low - p->oldest) & mask);
}

static bool is_ip6(const struct prober *p)
{
	return p->cfg.to.addr.family == WEFT_AF_INET6;
}

static bool is_answer(const struct prober *p, size_t len)
{
	size_t head = p->cfg.is_udp ? UDP_HEAD : ICMP_HEAD;

	if (len != p->len ||
	    (!p->cfg.is_udp && p->in[0] != (is_ip6(p) ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY)))
		return false;
	return memcmp(p->in + head, p->out + head, len - head) == 0;
}

static void answer_take(struct prober *p, size_t len)
{
	int64_t now_ns = weft_engine_now_ns(p->app.eng);
	uint64_t n = number_read(p);

	if (n >= p->n_sent || *slot_of(p, n) < 0)
		return;
	p->app.stats.bytes_received += len;
	p->app.stats.end_ns = now_ns;
	if (is_answer(p, len)) {
		p->app.stats.n_done++;
		app_time_add(&p->app, now_ns - *slot_of(p, n));
	} else {
		p->app.stats.n_failed++;
		p->app.stats.err = -EPROTO;
		p->app.stats.why = "wrong answer";
	}
	*slot_of(p, n) = -1;
}

/* An error that is pending is about some probe; that one is lost when its time is over. */
static void prober_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct prober *p = arg;
	ptrdiff_t n;

	(void)events;
	while ((n = p->app.net.ops->recv(s, p->in, p->len + 1, 0)) != -EAGAIN) {
		if (n < 0)
			probe_fail(p, (int)n);
		else if ((size_t)n >= (p->cfg.is_udp ? UDP_HEAD : ICMP_HEAD))
			answer_take(p, (size_t)n);
	}
	prober_settle(p);
}

static int prober_open(struct prober *p)
{
	int icmp = is_ip6(p) ? WEFT_IPPROTO_ICMPV6 : WEFT_IPPROTO_ICMP;
	int proto = p->cfg.is_udp ? 0 : icmp;
	int err = p->app.net.ops->socket(&p->app.net, p->cfg.to.addr.family, WEFT_SOCK_DGRAM, proto,
					 &p->sock);

	if (err)
		p->sock = NULL;
	else
		err = p->app.net.ops->connect(p->sock, &p->cfg.to);
	if (!err)
		p->app.net.ops->on_event(p->sock, prober_ready, p);
	return err;
}

/* A socket whose peer could not be set (no route yet) is made anew for the next probe. */
static int prober_begin(struct app *a)
{
	struct prober *p = prober_of(a);
	ptrdiff_t n = p->sock ? 0 : prober_open(p);

	if (n < 0) {
		p->app.net.ops->close(p->sock);
		p->sock = NULL;
	} else {
		number_write(p, p->n_sent);
		n = p->app.net.ops->send(p->sock, p->out, p->len, 0);
		if (n < 0) /* perhaps what an earlier one met: that is not about this one */
			n = p->app.net.ops->send(p->sock, p->out, p->len, 0);
	}
	if (n < 0) {
		a->stats.n_failed++;
		a->stats.end_ns = a->try_ns;
		probe_fail(p, (int)n);
		prober_settle(p);
		return 0;
	}
	if (p->n_sent - p->oldest == PROBER_OPEN_MAX)
		oldest_give_up(p);
	*slot_of(p, p->n_sent++) = a->try_ns;
	a->stats.bytes_sent += p->len;
	prober_settle(p);
	return 0;
}

static void prober_free(struct app *a)
{
	struct prober *p = prober_of(a);

	if (p->sock)
		p->app.net.ops->close(p->sock);
	weft_timer_free(p->expiry);
	app_fini(a);
	free(p);
}

static void prober_refresh(struct app *a)
{
	struct prober *p = prober_of(a);

	if (!a->stats.is_done && a->stats.start_ns >= 0)
		a->stats.end_ns = weft_engine_now_ns(p->app.eng);
}

static const struct app_ops prober_ops = {
	.begin = prober_begin,
	.refresh = prober_refresh,
	.free = prober_free,
	.overlaps = true,
};

int prober_new(struct weft_stack *st, const struct prober_config *cfg, struct app **ret)
{
	size_t head = cfg->is_udp ? UDP_HEAD : ICMP_HEAD;
	size_t len = cfg->is_udp ? cfg->size : ICMP_HEAD + cfg->size;
	struct prober *p;

	if (cfg->size > PROBER_SIZE_MAX || (cfg->is_udp && cfg->size < UDP_HEAD))
		return -EINVAL;
	p = calloc(1, sizeof(*p) + 2 * len + 1);
	if (!p)
		return -ENOMEM;
	p->cfg = *cfg;
	if (!p->cfg.plan.timeout_ns)
		p->cfg.plan.timeout_ns = DEFAULT_TIMEOUT_NS;
	p->len = len;
	p->in = p->out + len;
	if (!cfg->is_udp)
		p->out[0] = is_ip6(p) ? ICMP6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
	for (size_t i = head; i < p->len; i++)
		p->out[i] = (uint8_t)i;
	p->expiry = weft_timer_new(app_engine(st, &cfg->plan), expiry_fire, p);
	if (!p->expiry || app_init(&p->app, &prober_ops, st, &cfg->plan) < 0) {
		prober_free(&p->app);
		return -ENOMEM;
	}
	*ret = &p->app;
	return 0;
}
