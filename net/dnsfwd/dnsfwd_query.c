/* SPDX-License-Identifier: MIT */
/* A query under way: whom it is sent to, what is taken for its answer, what the client gets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/load.h"
#include "net/dnsfwd/dnsfwd_priv.h"

#define NSEC_PER_MSEC INT64_C(1000000)

enum {
	ROUNDS = 2,
	TC_BYTE = 2, /* of the header, with TC */
	TC_BIT = 2,
	UDP_BYTES = 1232, /* that we say we take: no fragments, whatever the link */
};

/* struct dnsfwd_key: flags. */
enum {
	KEY_RD = 1,
	KEY_AD = 2,
	KEY_CD = 4,
	KEY_EDNS = 8,
	KEY_DO = 16,
};

/*
 * Words of our own: a header, the question where there is one, and a code; with an OPT record for
 * who has sent one (RFC 6891 §6.1.1), so that it does not take us for somebody who knows none.
 */

static void client_tell(struct dnsfwd *d, struct weft_sock *in, const struct weft_sockaddr *to,
			struct dnsfwd_conn *conn, const uint8_t *msg, size_t len)
{
	if (conn)
		dnsfwd_conn_answer(conn, msg, len);
	else
		(void)!d->inside.ops->sendto(in, msg, len, 0, to);
}

static size_t words_write(uint8_t buf[DNS_UDP_MAX], const struct dns_hdr *to,
			  const struct dnsfwd_key *key, uint8_t rcode, bool is_truncated)
{
	const struct dns_edns edns = {.udp_bytes = UDP_BYTES,
				      .wants_dnssec = key && key->flags & KEY_DO};
	const struct dns_hdr hdr = {.id = to->id,
				    .is_response = true,
				    .opcode = to->opcode,
				    .wants_recursion = to->wants_recursion,
				    .has_recursion = true,
				    .rcode = rcode};
	struct dns_wr w;
	size_t len;

	dns_wr_start(&w, buf, DNS_UDP_MAX, &hdr, key && key->flags & KEY_EDNS ? &edns : NULL);
	if (key)
		dns_question_write(&w, &key->question);
	len = dns_wr_finish(&w);
	if (len && is_truncated)
		buf[TC_BYTE] |= TC_BIT;
	return len;
}

/*
 * The end of a query.
 */

static void try_end(struct dnsfwd_query *q)
{
	q->d->outside.ops->close(q->out);
	q->out = NULL;
	dnsfwd_frame_clear(&q->in_frame);
	dnsfwd_frame_clear(&q->out_frame);
}

void dnsfwd_query_free(struct dnsfwd_query *q)
{
	try_end(q);
	list_del(&q->link);
	q->d->stats.n_waiting--;
	weft_timer_free(q->timer);
	free(q);
}

static void query_answer(struct dnsfwd_query *q, const uint8_t *msg, size_t len)
{
	struct dnsfwd_query end = *q;

	dnsfwd_query_free(q);
	client_tell(end.d, end.in, &end.from, end.conn, msg, len);
}

static void query_say(struct dnsfwd_query *q, uint8_t rcode, bool is_truncated)
{
	const struct dns_hdr to = {.id = q->client_id,
				   .wants_recursion = q->msg[DNSFWD_FRAME_HDR + 2] & 1};
	uint8_t buf[DNS_UDP_MAX];
	size_t len = words_write(buf, &to, &q->key, rcode, is_truncated);

	query_answer(q, buf, len);
}

/*
 * Answers.
 */

/* RFC 5452 §9.1: the number and the question; the socket has only what its server sends. A server
 * that cannot read the question may leave it out. */
static bool is_answer(const struct dnsfwd_query *q, const uint8_t *msg, size_t len,
		      struct dns_hdr *ret)
{
	struct dns_question question;
	struct dns_rd rd;

	if (dns_msg_open(&rd, msg, len, ret) || !ret->is_response || ret->opcode ||
	    ret->id != q->id || dns_msg_check(msg, len))
		return false;
	if (!ret->n[DNS_QUESTION])
		return ret->rcode != DNS_NOERROR && ret->rcode != DNS_NXDOMAIN;
	return ret->n[DNS_QUESTION] == 1 && dns_question_read(&rd, &question) == 1 &&
	       question.type == q->key.question.type && question.class == q->key.question.class &&
	       dns_name_eq(&question.name, &q->key.question.name);
}

static bool may_try_again(const struct dnsfwd_query *q)
{
	return q->n_tries < q->d->n_servers * (q->conn ? 1 : ROUNDS);
}

/* The server itself has no answer; another one may have. */
static bool is_refusal(const struct dns_hdr *hdr)
{
	return hdr->rcode == DNS_SERVFAIL || hdr->rcode == DNS_REFUSED || hdr->rcode == DNS_NOTIMP;
}

static void query_try(struct dnsfwd_query *q);

/* False: it was no answer, and another message is waited for. */
static bool query_take_answer(struct dnsfwd_query *q, uint8_t *msg, size_t len)
{
	struct dns_hdr hdr;

	if (!is_answer(q, msg, len, &hdr)) {
		q->d->stats.n_forged++;
		return false;
	}
	if (is_refusal(&hdr) && q->n_tries < q->d->n_servers) {
		query_try(q);
		return true;
	}
	q->d->stats.n_answers++;
	dnsfwd_cache_put(q->d, &q->key, &hdr, msg, len);
	if (!q->conn && len > q->client_bytes) {
		q->d->stats.n_truncated++;
		query_say(q, hdr.rcode, true);
		return true;
	}
	store_be16(msg, q->client_id);
	query_answer(q, msg, len);
	return true;
}

static void query_failed(struct dnsfwd_query *q)
{
	q->d->stats.n_errors++;
	query_try(q);
}

static void dgram_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct dnsfwd_query *q = arg;
	struct dnsfwd *d = q->d;

	for (int i = 0; i < DNSFWD_BATCH; i++) {
		ptrdiff_t n = d->outside.ops->recv(s, d->buf, sizeof(d->buf), 0);

		if (n == -EAGAIN)
			return;
		if (n < 0) {
			query_failed(q); /* nobody is there */
			return;
		}
		if (query_take_answer(q, d->buf, (size_t)n))
			return;
	}
	d->outside.ops->on_event(s, dgram_ready, q);
}

static void stream_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct dnsfwd_query *q = arg;
	struct dnsfwd_frame answer;
	int r = dnsfwd_frame_write(&q->d->outside, s, &q->out_frame);

	if (r == 1)
		r = dnsfwd_frame_read(&q->d->outside, s, &q->in_frame);
	if (r < 0)
		query_failed(q);
	if (r != 1)
		return;
	answer = q->in_frame; /* the query may go, and its frames */
	q->in_frame = (struct dnsfwd_frame){0};
	if (!query_take_answer(q, answer.buf + DNSFWD_FRAME_HDR, answer.len - DNSFWD_FRAME_HDR))
		query_failed(q);
	dnsfwd_frame_clear(&answer);
}

/*
 * Tries.
 */

static bool is_loopback(const struct weft_addr *addr)
{
	static const uint8_t one[16] = {[15] = 1};

	return addr->family == WEFT_AF_INET ? addr->bytes[0] == 127
					    : !memcmp(addr->bytes, one, sizeof(one));
}

/* As the configuration wants the sockets that ask. */
static int out_set(const struct dnsfwd *d, struct weft_sock *s, const struct weft_addr *to)
{
	const struct weft_net_ops *ops = d->outside.ops;
	struct weft_sockaddr from = {.addr = to->family == WEFT_AF_INET ? d->bind4 : d->bind6};
	size_t len = strnlen(d->device, sizeof(d->device));
	int err = 0;

	if (is_loopback(to))
		return 0;
	if (len)
		err = ops->setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, d->device, len);
	if (!err && from.addr.family)
		err = ops->bind(s, &from);
	return err;
}

/* 0: the answer is waited for. */
static int try_start(struct dnsfwd_query *q)
{
	const struct weft_net *net = &q->d->outside;
	const struct weft_sockaddr *to = &q->d->servers[q->n_tries % q->d->n_servers];
	uint8_t *msg = q->msg + DNSFWD_FRAME_HDR;
	ptrdiff_t n;
	int err;

	/* A number of its own for each: an answer to an earlier one is none to this. */
	q->id = (uint16_t)weft_engine_random(q->d->eng);
	store_be16(msg, q->id);
	q->n_tries++;
	q->d->stats.n_tries++;
	err = net->ops->socket(net, to->addr.family, q->conn ? WEFT_SOCK_STREAM : WEFT_SOCK_DGRAM,
			       0, &q->out);
	if (!err)
		err = out_set(q->d, q->out, &to->addr);
	if (err)
		return err;
	err = net->ops->connect(q->out, to);
	if (q->conn) {
		if (!err || err == -EINPROGRESS)
			err = dnsfwd_frame_set(&q->out_frame, msg, q->len);
		if (!err)
			net->ops->on_event(q->out, stream_ready, q);
		return err;
	}
	n = err ? err : net->ops->send(q->out, msg, q->len, 0);
	if (n < 0)
		return (int)n;
	net->ops->on_event(q->out, dgram_ready, q);
	return 0;
}

/* The next server; none is left: that is the answer. */
static void query_try(struct dnsfwd_query *q)
{
	int64_t now_ns = weft_engine_now_ns(q->d->eng);

	while (may_try_again(q)) {
		try_end(q);
		weft_timer_start(q->timer, now_ns + q->d->timeout_ms * NSEC_PER_MSEC);
		if (!try_start(q))
			return;
		q->d->stats.n_errors++;
	}
	q->d->stats.n_failed++;
	query_say(q, DNS_SERVFAIL, false);
}

static void query_late(void *arg)
{
	struct dnsfwd_query *q = arg;

	q->d->stats.n_timeouts++;
	query_try(q);
}

/*
 * Queries.
 */

/* What the query's OPT record asks for. */
static void edns_take(const struct dns_edns *edns, struct dnsfwd_key *key, uint16_t *ret_bytes)
{
	if (edns->udp_bytes > DNS_UDP_MAX)
		*ret_bytes = edns->udp_bytes;
	key->flags |= KEY_EDNS | (edns->wants_dnssec ? KEY_DO : 0);
	key->may_keep &= !edns->options_len && !edns->version;
}

/* What is wrong with a query, as an answer's code; DNS_NOERROR: nothing. */
static uint8_t query_read(const uint8_t *msg, size_t len, struct dns_rd *rd,
			  const struct dns_hdr *hdr, struct dnsfwd_key *ret, uint16_t *ret_bytes)
{
	struct dns_edns edns;
	struct dns_rr rr;

	*ret_bytes = DNS_UDP_MAX;
	ret->may_keep = true;
	ret->flags = (uint8_t)((hdr->wants_recursion ? KEY_RD : 0) |
			       (hdr->is_authentic ? KEY_AD : 0) | (hdr->no_check ? KEY_CD : 0));
	if (hdr->opcode)
		return DNS_NOTIMP;
	if (dns_msg_check(msg, len) || hdr->n[DNS_QUESTION] != 1 ||
	    dns_question_read(rd, &ret->question) != 1 || hdr->n[DNS_ANSWER] ||
	    hdr->n[DNS_AUTHORITY])
		return DNS_FORMERR;
	if (ret->question.type == DNS_TYPE_AXFR || ret->question.type == DNS_TYPE_IXFR)
		return DNS_REFUSED; /* many messages: not for a forwarder */
	while (dns_rr_read(rd, &rr) == 1) {
		if (rr.type == DNS_TYPE_OPT && !dns_rr_edns(&rr, &edns))
			edns_take(&edns, ret, ret_bytes);
		else
			ret->may_keep = false; /* a signature, or who knows what */
	}
	return DNS_NOERROR;
}

static bool is_waiting(const struct dnsfwd *d, const struct dnsfwd_query *like)
{
	struct dnsfwd_query *q;

	list_for_each (q, &d->queries, link)
		if (!q->conn && q->in == like->in && q->client_id == like->client_id &&
		    q->from.port == like->from.port &&
		    !memcmp(q->from.addr.bytes, like->from.addr.bytes,
			    sizeof(q->from.addr.bytes)) &&
		    q->key.question.type == like->key.question.type &&
		    dns_name_eq(&q->key.question.name, &like->key.question.name))
			return true;
	return false;
}

static struct dnsfwd_query *query_new(const struct dnsfwd_query *like, const uint8_t *msg)
{
	struct dnsfwd *d = like->d;
	struct dnsfwd_query *q = malloc(sizeof(*q) + DNSFWD_FRAME_HDR + like->len);

	if (!q)
		return NULL;
	*q = *like;
	memcpy(q->msg + DNSFWD_FRAME_HDR, msg, q->len);
	q->timer = weft_timer_new(d->eng, query_late, q);
	if (!q->timer) {
		free(q);
		return NULL;
	}
	list_add(&d->queries, &q->link);
	d->stats.n_waiting++;
	if (q->conn)
		q->conn->query = q;
	return q;
}

/* The answer that is kept, if there is one. */
static bool kept_tell(const struct dnsfwd_query *like, const struct dns_hdr *hdr)
{
	struct dnsfwd *d = like->d;
	size_t len = dnsfwd_cache_get(d, &like->key, d->buf);

	if (!len)
		return false;
	if (!like->conn && len > like->client_bytes) {
		d->stats.n_truncated++;
		len = words_write(d->buf, hdr, &like->key, DNS_NOERROR, true);
	}
	store_be16(d->buf, like->client_id);
	client_tell(d, like->in, &like->from, like->conn, d->buf, len);
	return true;
}

bool dnsfwd_query_take(struct dnsfwd *d, struct weft_sock *in, const struct weft_sockaddr *from,
		       struct dnsfwd_conn *conn, const uint8_t *msg, size_t len)
{
	struct dnsfwd_query like = {.d = d, .in = in, .conn = conn, .len = len}, *q;
	uint8_t buf[DNS_UDP_MAX], rcode;
	struct dns_hdr hdr;
	struct dns_rd rd;

	if (from)
		like.from = *from;
	/* An answer is never answered (RFC 5625 §4.1 and what loops are made of). */
	if (dns_msg_open(&rd, msg, len, &hdr) || hdr.is_response) {
		d->stats.n_malformed++;
		return false;
	}
	like.client_id = hdr.id;
	rcode = query_read(msg, len, &rd, &hdr, &like.key, &like.client_bytes);
	if (rcode) {
		d->stats.n_malformed++;
		len = words_write(buf, &hdr, rcode == DNS_REFUSED ? &like.key : NULL, rcode, false);
		client_tell(d, in, from, conn, buf, len);
		return false;
	}
	d->stats.n_queries++;
	d->stats.n_tcp += conn != NULL;
	if (kept_tell(&like, &hdr))
		return false;
	if (!conn && is_waiting(d, &like)) {
		d->stats.n_repeated++;
		return false;
	}
	q = d->stats.n_waiting < d->max_queries ? query_new(&like, msg) : NULL;
	if (!q) {
		d->stats.n_full++;
		return false;
	}
	query_try(q);
	return true;
}
