/* SPDX-License-Identifier: MIT */
/*
 * A question to servers, one after the other.
 *
 *	attempt ---> sent over UDP ---> answered: done, or an alias: begin with that name
 *	   ^            |    \--- truncated, or too much that is no answer: the same over TCP
 *	   |            |
 *	   +-- timer ---+  no answer in time; errors and refusals set the timer to now
 *
 * Whatever happens, the next step comes from the timer, so that no call of the application gets an
 * answer from inside, and no chain of servers that fail at once becomes a recursion.
 *
 * Each try has a socket of its own at a port drawn at random (bind(), since connect() would count
 * them up for one server: RFC 6056 §3.3.4), and a new ID; it is connected, so that the server's own
 * datagrams alone arrive, and its ICMP errors too (RFC 5452 §9).
 */
#include "resolve/resolver_priv.h"

enum {
	QUERY_OUT_MAX = 2 + DNS_HDR_LEN + DNS_NAME_MAX + 4 + DNS_OPT_LEN,
	QUERY_IN_UDP = 4096,
};

struct query {
	struct list link; /* weft_resolver.queries */
	struct weft_resolver *r;
	struct list waiters;  /* struct half */
	struct dns_name name; /* that was asked for */
	struct resolve_question q;
	uint32_t n_aliases, ttl_s; /* from `name` to what is asked for now */
	uint32_t first, n_tries;
	uint32_t n_foreign; /* messages that are no answer, in this try */
	struct resolver_server *server;
	struct weft_timer *timer;
	struct weft_sock *sock; /* NULL: none */
	bool is_tcp, is_connected, wants_tcp;
	size_t out_len, n_out;
	uint8_t *in; /* over TCP; of in_len bytes */
	size_t in_len, n_in;
	uint8_t len[2];
	uint8_t out[QUERY_OUT_MAX];
};

static int64_t now_ns(const struct query *q)
{
	return weft_engine_now_ns(q->r->net.eng);
}

static void in_free(struct query *q)
{
	mem_free(q->r->mem, q->in, q->in_len);
	q->in = NULL;
	q->in_len = q->n_in = 0;
}

static void sock_close(struct query *q)
{
	if (q->is_tcp)
		q->r->net.ops->abort(q->sock);
	else
		q->r->net.ops->close(q->sock);
	q->sock = NULL;
	in_free(q);
}

static void query_free(struct query *q, bool has_sockets)
{
	struct list *link;

	while ((link = list_pop(&q->waiters)))
		container_of(link, struct half, link)->query = NULL;
	if (has_sockets)
		sock_close(q);
	in_free(q);
	weft_timer_free(q->timer);
	list_del(&q->link);
	q->r->n_queries--;
	mem_free(q->r->mem, q, sizeof(*q));
}

/* Nobody of those who are told calls back: they wait for their timers. */
static void query_end(struct query *q, const struct resolved *res)
{
	struct list *link;

	while ((link = list_pop(&q->waiters))) {
		struct half *h = container_of(link, struct half, link);

		h->query = NULL;
		ask_half_done(h, res);
	}
	query_free(q, true);
}

/* This try has failed: the next one comes as soon as the timer can fire. */
static void query_next(struct query *q)
{
	sock_close(q);
	q->wants_tcp = false;
	weft_timer_start(q->timer, now_ns(q));
}

/* The same server again, in another way. */
static void query_again(struct query *q)
{
	q->n_tries--;
	weft_timer_start(q->timer, now_ns(q));
	sock_close(q);
}

static void letters_mix(struct weft_engine *eng, struct dns_name *name)
{
	uint64_t bits = 0;

	for (size_t i = 0, n = 0; i < name->len; i++) {
		uint8_t low = name->b[i] | 0x20;

		if (low < 'a' || low > 'z') /* as no length is */
			continue;
		if (n++ % 64 == 0)
			bits = weft_engine_random(eng);
		name->b[i] = bits & 1 ? low : low & 0xdf;
		bits >>= 1;
	}
}

/* The message behind the two bytes of its length, which TCP alone sends. */
static void query_write(struct query *q)
{
	struct weft_engine *eng = q->r->net.eng;
	const struct dns_edns edns = {.udp_bytes = RESOLVER_UDP_BYTES};
	struct dns_question question = {.type = q->q.type, .class = DNS_CLASS_IN};
	struct dns_hdr hdr = {.wants_recursion = true};
	struct dns_wr d;
	size_t len;

	q->q.id = hdr.id = (uint16_t)weft_engine_random(eng);
	q->q.case_counts = q->r->mixed_case;
	if (q->r->mixed_case)
		letters_mix(eng, &q->q.name);
	question.name = q->q.name;
	dns_wr_start(&d, q->out + 2, sizeof(q->out) - 2, &hdr, q->server->no_edns ? NULL : &edns);
	dns_question_write(&d, &question);
	len = dns_wr_finish(&d);
	store_be16(q->out, (uint16_t)len);
	q->out_len = len + 2;
	q->n_out = q->is_tcp ? 0 : 2;
	q->n_foreign = 0;
}

static void query_follow(struct query *q, const struct resolve_answer *a)
{
	q->n_aliases += 1 + a->n_aliases;
	if (a->res.ttl_s < q->ttl_s)
		q->ttl_s = a->res.ttl_s;
	if (q->n_aliases > RESOLVE_CHAIN_MAX) {
		const struct resolved failed = {.err = -EAGAIN};

		query_end(q, &failed);
		return;
	}
	q->q.name = a->alias;
	q->n_tries = 0;
	q->wants_tcp = false;
	weft_timer_start(q->timer, now_ns(q));
	sock_close(q);
}

static void query_done(struct query *q, struct resolved *res)
{
	struct weft_resolver *r = q->r;

	if (q->ttl_s < res->ttl_s)
		res->ttl_s = q->ttl_s;
	resolver_cache_put(&r->cache, &q->name, q->q.type, now_ns(q), res);
	if (!r->rotate)
		r->first = (uint32_t)(q->server - r->servers);
	query_end(q, res);
}

/* False: go on listening. Otherwise this try, or all of the query, is over. */
static bool msg_take(struct query *q, const uint8_t *msg, size_t len)
{
	struct resolve_answer a;

	switch (resolve_answer(msg, len, &q->q, &a)) {
	case RESOLVE_FINAL:
		query_done(q, &a.res);
		return true;
	case RESOLVE_ALIAS:
		query_follow(q, &a);
		return true;
	case RESOLVE_NO_EDNS:
		if (!q->server->no_edns) {
			q->server->no_edns = true;
			query_again(q);
			return true;
		}
		break;
	case RESOLVE_TRUNCATED:
		if (!q->is_tcp) {
			q->wants_tcp = true;
			query_again(q);
			return true;
		}
		break;
	case RESOLVE_FOREIGN:
		q->r->stats.n_refused++;
		if (q->is_tcp)
			break;
		if (++q->n_foreign < RESOLVER_FOREIGN_MAX)
			return false;
		/* Somebody guesses: over TCP there is more to be guessed (RFC 5452 §9.3). */
		q->wants_tcp = true;
		query_again(q);
		return true;
	case RESOLVE_FAILED:
		break;
	}
	q->r->stats.n_errors++;
	query_next(q);
	return true;
}

static void udp_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct query *q = arg;
	uint8_t buf[QUERY_IN_UDP];
	ptrdiff_t n;

	(void)events;
	/* At most RESOLVER_FOREIGN_MAX turns. */
	while ((n = q->r->net.ops->recv(s, buf, sizeof(buf), 0)) >= 0)
		if (msg_take(q, buf, (size_t)n))
			return;
	if (n != -EAGAIN) {
		q->r->stats.n_errors++;
		query_next(q);
	}
}

/* 0: all of it is there; -EAGAIN; or -Exxx. */
static int tcp_receive(struct query *q)
{
	const struct weft_net_ops *ops = q->r->net.ops;
	ptrdiff_t n;

	while (q->n_in < sizeof(q->len)) {
		n = ops->recv(q->sock, q->len + q->n_in, sizeof(q->len) - q->n_in, 0);
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		q->n_in += (size_t)n;
	}
	if (!q->in) {
		q->in_len = load_be16(q->len);
		q->in = q->in_len ? mem_alloc(q->r->mem, q->in_len) : NULL;
		if (!q->in) {
			q->in_len = 0;
			return -ENOMEM;
		}
	}
	while (q->n_in < sizeof(q->len) + q->in_len) {
		size_t at = q->n_in - sizeof(q->len);

		n = ops->recv(q->sock, q->in + at, q->in_len - at, 0);
		if (n <= 0)
			return n ? (int)n : -ECONNRESET;
		q->n_in += (size_t)n;
	}
	return 0;
}

static int tcp_send(struct query *q)
{
	size_t len = sizeof(int);
	int why = 0;

	if (!q->is_connected) {
		int err = q->r->net.ops->getsockopt(q->sock, WEFT_SOL_SOCKET, WEFT_SO_ERROR, &why,
						    &len);

		if (err || why)
			return err ? err : -why;
		q->is_connected = true;
	}
	while (q->n_out < q->out_len) {
		ptrdiff_t n =
			q->r->net.ops->send(q->sock, q->out + q->n_out, q->out_len - q->n_out, 0);

		if (n < 0)
			return (int)n;
		q->n_out += (size_t)n;
	}
	return 0;
}

static void tcp_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct query *q = arg;
	int err;

	(void)s;
	if (!(events & (WEFT_IN | WEFT_OUT | WEFT_ERR | WEFT_HUP)))
		return;
	err = tcp_send(q);
	if (!err)
		err = tcp_receive(q);
	if (err == -EAGAIN)
		return;
	if (err) {
		q->r->stats.n_errors++;
		query_next(q);
		return;
	}
	(void)msg_take(q, q->in, q->in_len);
}

static int query_open(struct query *q)
{
	const struct weft_net_ops *ops = q->r->net.ops;
	struct weft_sockaddr any = {.addr.family = q->server->at.addr.family};
	int err = ops->socket(&q->r->net, any.addr.family,
			      q->is_tcp ? WEFT_SOCK_STREAM : WEFT_SOCK_DGRAM, 0, &q->sock);

	if (err) {
		q->sock = NULL;
		return err;
	}
	if (!q->is_tcp)
		err = ops->bind(q->sock, &any);
	if (!err)
		err = ops->connect(q->sock, &q->server->at);
	return q->is_tcp && err == -EINPROGRESS ? 0 : err;
}

static int query_send(struct query *q)
{
	int err;

	q->is_tcp = q->wants_tcp || q->r->always_tcp;
	q->is_connected = false;
	query_write(q);
	err = query_open(q);
	if (err)
		return err;
	q->r->stats.n_sent++;
	q->r->stats.n_tcp += q->is_tcp;
	q->r->net.ops->on_event(q->sock, q->is_tcp ? tcp_ready : udp_ready, q);
	if (!q->is_tcp) {
		ptrdiff_t n = q->r->net.ops->send(q->sock, q->out + 2, q->out_len - 2, 0);

		if (n < 0 && n != -EAGAIN)
			return (int)n;
	}
	return 0;
}

static void query_attempt(struct query *q)
{
	struct weft_resolver *r = q->r;
	const struct resolved failed = {.err = -EAGAIN};
	uint32_t round = r->n_servers ? q->n_tries / r->n_servers : r->rounds;

	if (round >= r->rounds) {
		query_end(q, &failed);
		return;
	}
	q->server = &r->servers[(q->first + q->n_tries) % r->n_servers];
	q->n_tries++;
	weft_timer_start(q->timer, now_ns(q) + (r->timeout_ns << round));
	if (query_send(q)) {
		r->stats.n_errors++;
		query_next(q);
	}
}

static void query_timer(void *arg)
{
	struct query *q = arg;

	if (q->sock) {
		q->r->stats.n_timeouts++;
		sock_close(q);
		q->wants_tcp = false;
	}
	query_attempt(q);
}

static struct query *query_find(struct weft_resolver *r, const struct dns_name *name, uint16_t type)
{
	struct query *q;

	list_for_each (q, &r->queries, link)
		if (q->q.type == type && dns_name_eq(&q->name, name))
			return q;
	return NULL;
}

static struct query *query_new(struct weft_resolver *r, const struct dns_name *name, uint16_t type)
{
	struct query *q = mem_zalloc(r->mem, sizeof(*q));

	if (!q)
		return NULL;
	q->timer = weft_timer_new(r->net.eng, query_timer, q);
	if (!q->timer) {
		mem_free(r->mem, q, sizeof(*q));
		return NULL;
	}
	q->r = r;
	q->name = q->q.name = *name;
	q->q.type = type;
	q->ttl_s = RESOLVE_TTL_MAX_S;
	q->first = r->rotate ? r->first++ : r->first;
	list_init(&q->waiters);
	list_add_tail(&r->queries, &q->link);
	r->n_queries++;
	weft_timer_start(q->timer, now_ns(q));
	return q;
}

int query_join(struct weft_resolver *r, const struct dns_name *name, uint16_t type, struct half *h)
{
	struct query *q = query_find(r, name, type);

	if (!q && r->n_queries >= RESOLVER_QUERIES_MAX)
		return -EAGAIN;
	if (!q)
		q = query_new(r, name, type);
	if (!q)
		return -ENOMEM;
	h->query = q;
	list_add_tail(&q->waiters, &h->link);
	return 0;
}

void query_leave(struct half *h)
{
	struct query *q = h->query;

	list_del(&h->link);
	h->query = NULL;
	if (q && list_is_empty(&q->waiters))
		query_free(q, true);
}

void queries_free(struct weft_resolver *r, bool has_sockets)
{
	struct list *link;

	while ((link = list_first(&r->queries)))
		query_free(container_of(link, struct query, link), has_sockets);
}
