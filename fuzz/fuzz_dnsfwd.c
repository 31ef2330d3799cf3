/* SPDX-License-Identifier: MIT */
/*
 * The DNS forwarder between clients and servers of one host: the input is a program of what they
 * send, well formed or any bytes, over UDP and TCP, of time that passes, and of servers that
 * change. One query is one answer, an answer is one to a query, and nothing is left at the end.
 */
#include "fuzz.h"

#include "base/cursor.h"
#include "net/dnsfwd/dnsfwd.h"
#include "wire/dns.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPS_MAX = 64,
	CLIENTS = 2, /* over TCP */
	CROWD = 40,
	BACKLOG = 8,
	MSG_MAX = 4200,
	MAX_QUERIES = 4,
	MAX_CACHED = 3,
	KEPT = 64,
	KEPT_MIN = 1024,
	TRACE_EVENTS = 8,
};

struct world {
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_net net;
	struct dnsfwd *d;
	struct weft_sock *client, *server, *listener;
	struct weft_sock *tcp_clients[CLIENTS], *tcp_server;
	struct weft_sockaddr asker; /* of the last query at the server */
	uint8_t query[MSG_MAX];     /* that */
	size_t query_len;
	uint32_t n_sent, n_got;
	bool had_crowd;       /* over TCP: once an input, for it takes longer than all the rest */
	uint32_t allocs_left; /* of the engine's, before `n_failing` fail */
	uint32_t n_failing;
	uint8_t buf[65535];
};

static struct weft_sockaddr at(const char *text)
{
	struct weft_sockaddr sa;

	if (weft_sockaddr_parse(text, &sa))
		abort();
	return sa;
}

/* Large blocks of an engine serve that of the next input: pages that come from the system took half
 * of the time. What the forwarder itself has is of malloc(), and goes. */
static struct {
	size_t bytes; /* 0: none */
	void *block;
} kept[KEPT];

static bool block_keep(void *block, size_t bytes)
{
	for (size_t i = 0; bytes >= KEPT_MIN && i < KEPT; i++) {
		if (!kept[i].bytes) {
			kept[i].bytes = bytes;
			kept[i].block = block;
			return true;
		}
	}
	return false;
}

static void *block_take(size_t bytes)
{
	for (size_t i = 0; bytes >= KEPT_MIN && i < KEPT; i++) {
		if (kept[i].bytes == bytes) {
			kept[i].bytes = 0;
			return kept[i].block;
		}
	}
	return NULL;
}

static void *engine_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct world *w = ctx;
	void *block;

	if (!new_bytes) {
		if (ptr && !block_keep(ptr, old_bytes))
			free(ptr);
		return NULL;
	}
	if (w->n_failing && w->allocs_left) {
		w->allocs_left--;
	} else if (w->n_failing) {
		w->n_failing--;
		return NULL;
	}
	block = ptr ? NULL : block_take(new_bytes);
	return block ? block : realloc(ptr, new_bytes);
}

static struct weft_sock *sock_new(struct world *w, int type, const char *bound)
{
	struct weft_sockaddr sa = at(bound);
	struct weft_sock *s;

	if (weft_socket(w->st, WEFT_AF_INET, type, 0, &s) || weft_bind(s, &sa))
		abort();
	return s;
}

static void advance(struct world *w, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(w->eng) + ns;

	for (int64_t next_ns; (next_ns = weft_engine_next_ns(w->eng)) <= end_ns;)
		(void)weft_engine_run(w->eng, next_ns);
	(void)weft_engine_run(w->eng, end_ns);
}

static void world_start(struct world *w, uint8_t how)
{
	const struct weft_engine_config cfg = {.has_seed = true,
					       .seed = 1,
					       .realloc = engine_realloc,
					       .mem_ctx = w,
					       .trace_events = TRACE_EVENTS};
	const struct weft_addr ours = at("10.0.0.1:0").addr;
	struct dnsfwd_config dns = {.inside = &w->net,
				    .outside = &w->net,
				    .n_at = 1,
				    .n_servers = 1 + (how & 1),
				    .max_queries = MAX_QUERIES,
				    .max_cached = how & 2 ? MAX_CACHED : 0};

	memset(w, 0, sizeof(*w));
	if (weft_engine_new(&cfg, &w->eng) || weft_stack_new(w->eng, "host", &w->st) ||
	    weft_addr_add(weft_netif_find(w->st, "lo"), &ours, 32))
		abort();
	weft_net_of_stack(w->st, &w->net);
	dns.at[0].addr = at("127.0.0.1:0").addr;
	dns.servers[0] = at("10.0.0.1:5353");
	dns.servers[1] = at("127.0.0.1:5353");
	if (how & 4)
		dns.bind4 = how & 8 ? at("10.9.9.9:0").addr : ours;
	if (how & 16)
		memcpy(dns.device, "lo", 3);
	if (dnsfwd_new(&dns, &w->d))
		abort();
	if (how & 32) { /* a second one at the same place, and with wrong numbers */
		struct dnsfwd *none = NULL;

		if (!dnsfwd_new(&dns, &none))
			abort();
		dns.max_cached = DNSFWD_CACHED_MAX + 1;
		if (!dnsfwd_new(&dns, &none))
			abort();
		dns.n_servers = DNSFWD_SERVERS_MAX + 1;
		if (!dnsfwd_new(&dns, &none))
			abort();
		dns.n_at = DNSFWD_AT_MAX + 1;
		if (!dnsfwd_new(&dns, &none))
			abort();
		dnsfwd_free(none);
	}
	w->client = sock_new(w, WEFT_SOCK_DGRAM, "127.0.0.1:1000");
	w->server = sock_new(w, WEFT_SOCK_DGRAM, "0.0.0.0:5353");
	w->listener = sock_new(w, WEFT_SOCK_STREAM, "0.0.0.0:5353");
	if (weft_listen(w->listener, 4))
		abort();
}

static void world_end(struct world *w)
{
	struct weft_engine_stats stats;

	dnsfwd_free(w->d);
	weft_close(w->client);
	weft_close(w->server);
	weft_close(w->listener);
	weft_close(w->tcp_server);
	for (int i = 0; i < CLIENTS; i++)
		weft_close(w->tcp_clients[i]);
	weft_stack_free(w->st);
	weft_engine_stats(w->eng, &stats);
	assert(stats.pkts_used == 0 && stats.n_timers == 0);
	weft_engine_free(w->eng);
}

/* Bytes of the input, or a question that they choose. */
static size_t query_make(struct rd *r, uint8_t *buf)
{
	static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_AXFR, DNS_TYPE_IXFR};
	uint8_t how = rd_u8(r), what = rd_u8(r);
	uint8_t id = rd_u8(r);
	const struct dns_hdr hdr = {.id = id,
				    .opcode = how & 64 ? 5 : 0,
				    .is_response = how & 32,
				    .wants_recursion = how & 2,
				    .is_authentic = id & 32,
				    .no_check = id & 16};
	const struct dns_edns edns = {.udp_bytes = what & 64 ? 4096 : 100,
				      .wants_dnssec = how & 8,
				      .options = cookie,
				      .options_len = how & 16 ? sizeof(cookie) : 0};
	const struct ip4_addr four = {{192, 0, 2, 1}};
	struct dns_question q = {.name = {.len = 3, .b = {1, (uint8_t)('A' + what % 60), 0}},
				 .type = types[what >> 6],
				 .class = DNS_CLASS_IN};
	struct dns_wr w;
	size_t len;

	if (how & 1) { /* any bytes, or more than there may be */
		len = rd_left(r) < what ? rd_left(r) : what;
		memset(buf, 0, MSG_MAX);
		rd_copy(r, buf, len);
		return how & 128 ? MSG_MAX : len;
	}
	dns_wr_start(&w, buf, DNS_UDP_MAX, &hdr, how & 4 ? &edns : NULL);
	if (!(how & 128))
		dns_question_write(&w, &q);
	if (hdr.id & 128)
		dns_a_write(&w, hdr.id & 64 ? DNS_ANSWER : DNS_ADDITIONAL, &q.name, &four, 1);
	return dns_wr_finish(&w);
}

/* To the query that came last: right, or wrong as the input says. */
static size_t answer_make(struct world *w, struct rd *r, uint8_t *buf, size_t size)
{
	struct dns_soa soa = {.mname.len = 1, .rname.len = 1, .minimum_s = 5};
	const struct ip4_addr four = {{192, 0, 2, 55}};
	uint8_t how = rd_u8(r), n = rd_u8(r);
	struct dns_question q;
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_wr out;
	size_t len;

	if (how & 1 || dns_msg_open(&rd, w->query, w->query_len, &hdr) ||
	    dns_question_read(&rd, &q) != 1) {
		len = rd_left(r) < n ? rd_left(r) : n;
		rd_copy(r, buf, len);
		if (len > 2 && how & 2) /* of the right number */
			memcpy(buf, w->query, 2);
		return len;
	}
	if ((how & 6) == 6) { /* the question in other letters */
		q.name.b[1] ^= 0x20;
		how &= (uint8_t)~6;
	}
	hdr.is_response = !(how & 2);
	hdr.id = (uint16_t)(hdr.id + (how & 4 ? 1 : 0));
	hdr.rcode = how >> 5;
	hdr.opcode = 0;
	dns_wr_start(&out, buf, size, &hdr, NULL);
	if (how & 8)
		q.type++;
	if (n != 255)
		dns_question_write(&out, &q);
	for (int i = 0; i < n % 100; i++)
		dns_a_write(&out, DNS_ANSWER, &q.name, &four, n);
	if (how & 16)
		dns_soa_write(&out, DNS_AUTHORITY, &q.name, &soa, 10);
	return dns_wr_finish(&out);
}

static void udp_ask(struct world *w, struct rd *r)
{
	struct weft_sockaddr to = at("127.0.0.1:53");
	uint8_t buf[MSG_MAX];
	size_t len = query_make(r, buf);

	w->n_sent += weft_sendto(w->client, buf, len, 0, &to) >= 0;
}

static void udp_answer(struct world *w, struct rd *r)
{
	uint8_t buf[MSG_MAX];
	ptrdiff_t n = weft_recvfrom(w->server, w->query, sizeof(w->query), 0, &w->asker);

	if (n >= 0)
		w->query_len = (size_t)n;
	if (w->asker.port) /* else nobody has asked yet */
		(void)!weft_sendto(w->server, buf, answer_make(w, r, buf, sizeof(buf)), 0,
				   &w->asker);
}

static void tcp_ask(struct world *w, struct rd *r)
{
	struct weft_sockaddr to = at("127.0.0.1:53");
	uint8_t how = rd_u8(r), buf[MSG_MAX + 2];
	struct weft_sock **s = &w->tcp_clients[how % CLIENTS];
	size_t len;

	if (how & 2) {
		weft_close(*s);
		*s = NULL;
		return;
	}
	if (!*s) {
		if (weft_socket(w->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, s)) {
			*s = NULL; /* no memory */
			return;
		}
		(void)!weft_connect(*s, &to);
		advance(w, 1000000);
	}
	len = query_make(r, buf + 2);
	if (how & 16) {
		memset(buf + 2 + len, 0, MSG_MAX - len);
		len = MSG_MAX;
	}
	store_be16(buf, how & 4 ? 5000 : (uint16_t)len); /* longer than a query may be */
	(void)!weft_send(*s, buf, how & 8 ? len : len + 2, 0);
}

static void tcp_answer(struct world *w, struct rd *r)
{
	uint8_t how = rd_u8(r), buf[MSG_MAX + 2];
	ptrdiff_t n;
	size_t len;

	if (!w->tcp_server && weft_accept(w->listener, &w->tcp_server, NULL))
		w->tcp_server = NULL;
	if (!w->tcp_server)
		return;
	n = weft_recv(w->tcp_server, buf, sizeof(buf), 0);
	if (n > 2) {
		w->query_len = (size_t)n - 2;
		memcpy(w->query, buf + 2, w->query_len);
	}
	if (how & 1) {
		len = answer_make(w, r, buf + 2, MSG_MAX);
		store_be16(buf, (uint16_t)len);
		(void)!weft_send(w->tcp_server, buf, len + 2, 0);
	}
	if (how & 2) {
		weft_close(w->tcp_server);
		w->tcp_server = NULL;
	}
}

static void servers_set(struct world *w, struct rd *r)
{
	const struct weft_sockaddr servers[2] = {at("127.0.0.1:5353"), at("10.0.0.1:54")};
	uint32_t n = rd_u8(r) % 4;

	if (dnsfwd_set_servers(w->d, servers, n == 3 ? DNSFWD_SERVERS_MAX + 1 : n))
		assert(n == 3);
}

/* More at once than are taken in a turn. */
static void udp_crowd(struct world *w, struct rd *r)
{
	static const uint8_t forged[12] = {0, 0, 0x80};
	struct weft_sockaddr to = at("127.0.0.1:53");
	uint8_t buf[MSG_MAX];
	bool is_asked = rd_u8(r) & 1;
	size_t len = is_asked ? query_make(r, buf) : 0;

	for (int i = 0; i < CROWD; i++) {
		if (is_asked)
			w->n_sent += weft_sendto(w->client, buf, len, 0, &to) >= 0;
		else if (w->asker.port)
			(void)!weft_sendto(w->server, forged, sizeof(forged), 0, &w->asker);
	}
}

static void tcp_crowd(struct world *w)
{
	struct weft_sockaddr to = at("127.0.0.1:53");
	struct weft_sock *socks[CROWD];

	if (w->had_crowd)
		return;
	w->had_crowd = true;
	for (int i = 0; i < CROWD; i++) {
		if (weft_socket(w->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &socks[i]))
			socks[i] = NULL; /* no memory */
		else
			(void)!weft_connect(socks[i], &to);
		if (i % BACKLOG == BACKLOG - 1) /* the forwarder's queue is not longer */
			advance(w, 1000000);
	}
	advance(w, 1000000);
	for (int i = 0; i < CROWD; i++)
		weft_close(socks[i]);
}

/* What the client gets are answers, one a query at most. */
static void answers_take(struct world *w)
{
	struct dnsfwd_stats stats;
	struct dns_hdr hdr;
	struct dns_rd rd;
	ptrdiff_t n;

	while ((n = weft_recv(w->client, w->buf, sizeof(w->buf), 0)) >= 0) {
		w->n_got++;
		if (dns_msg_open(&rd, w->buf, (size_t)n, &hdr) || !hdr.is_response)
			abort();
	}
	assert(w->n_got <= w->n_sent);
	for (int i = 0; i < CLIENTS; i++)
		while (w->tcp_clients[i] &&
		       weft_recv(w->tcp_clients[i], w->buf, sizeof(w->buf), 0) > 0)
			;
	dnsfwd_stats(w->d, &stats);
	assert(stats.n_waiting <= MAX_QUERIES && stats.n_cached <= MAX_CACHED &&
	       stats.n_conns <= DNSFWD_CONNS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct rd r = rd_make(data, size);

	world_start(&w, rd_u8(&r));
	for (int i = 0; i < OPS_MAX && rd_left(&r); i++) {
		switch (rd_u8(&r) % 9) {
		case 0:
			udp_ask(&w, &r);
			break;
		case 1:
			udp_answer(&w, &r);
			break;
		case 2:
			tcp_ask(&w, &r);
			break;
		case 3:
			tcp_answer(&w, &r);
			break;
		case 4:
			servers_set(&w, &r);
			break;
		case 6:
			udp_crowd(&w, &r);
			break;
		case 7:
			tcp_crowd(&w);
			break;
		case 8:
			w.allocs_left = rd_u8(&r) % 32;
			w.n_failing = 1 + rd_u8(&r) % 32;
			break;
		default:
			advance(&w, rd_u8(&r) * INT64_C(100000000));
			break;
		}
		advance(&w, 1000000);
		answers_take(&w);
	}
	world_end(&w);
	return 0;
}
