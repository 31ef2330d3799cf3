/* SPDX-License-Identifier: MIT */
/*
 * The DNS forwarder between clients and servers of one host: the input is a program of what they
 * send, well formed or any bytes, over UDP and TCP, of time that passes, of servers that change,
 * of calls and memory that fail. One query is one answer, an answer is one to a query, and nothing
 * is left at the end.
 */
#include "fuzz.h"

#include "base/cursor.h"
#include "fake_net.h"
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
	MSG_MAX = 4200,
	MAX_QUERIES = 4,
	MAX_CACHED = 3,
	FAMILIES = 2,
	RECORDS_MANY = 250,
	RECORDS_OF_A_LONG_ONE = 258, /* more than are kept in the cache */
};

struct world {
	struct weft_engine *eng;
	struct fake_net net;
	struct dnsfwd *d;
	struct weft_sock *client;
	struct weft_sock *servers[FAMILIES], *listeners[FAMILIES];
	struct weft_sock *tcp_clients[CLIENTS], *tcp_server;
	struct weft_sock *asked;    /* of the servers, by the last query */
	struct weft_sockaddr asker; /* of that */
	uint8_t query[MSG_MAX];     /* that */
	size_t query_len;
	uint32_t n_sent, n_got, max_queries, max_cached;
};

static struct weft_sockaddr at(const char *text)
{
	struct weft_sockaddr sa;

	if (weft_sockaddr_parse(text, &sa))
		abort();
	return sa;
}

/*
 * Memory: so many blocks are had, then so many are not. The linker brings the forwarder's malloc()
 * and calloc() here; the engine's come by its allocator.
 */

static struct {
	uint32_t n_left, n_failing;
} mem;

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

static bool mem_fails(void)
{
	if (!mem.n_failing)
		return false;
	if (mem.n_left) {
		mem.n_left--;
		return false;
	}
	mem.n_failing--;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return mem_fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return mem_fails() ? NULL : __real_calloc(n, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void *engine_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	(void)ctx;
	if (new_bytes > old_bytes && mem_fails())
		return NULL;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

static struct weft_sock *sock_new(struct world *w, int type, const char *bound)
{
	struct weft_sockaddr sa = at(bound);
	struct weft_sock *s = fake_socket(&w->net, sa.addr.family, type);

	if (fake_bind(s, &sa) || (type == WEFT_SOCK_STREAM && fake_listen(s, 4)))
		abort();
	return s;
}

static void turn(struct world *w, int64_t now_ns)
{
	(void)weft_engine_run(w->eng, now_ns);
	fake_net_run(&w->net);
}

static void advance(struct world *w, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(w->eng) + ns;

	fake_net_run(&w->net);
	for (int64_t next_ns; (next_ns = weft_engine_next_ns(w->eng)) <= end_ns;)
		turn(w, next_ns);
	turn(w, end_ns);
}

/* A second one at the same place, and with wrong numbers. */
static void wrong_settings(struct dnsfwd_config *dns)
{
	struct dnsfwd *none = NULL;

	if (!dnsfwd_new(dns, &none))
		abort();
	dns->max_cached = DNSFWD_CACHED_MAX + 1;
	if (!dnsfwd_new(dns, &none))
		abort();
	dns->n_servers = DNSFWD_SERVERS_MAX + 1;
	if (!dnsfwd_new(dns, &none))
		abort();
	dns->n_at = DNSFWD_AT_MAX + 1;
	if (!dnsfwd_new(dns, &none))
		abort();
	dnsfwd_free(none);
}

enum {
	HOW_TWO = 1, /* servers */
	HOW_CACHE = 2,
	HOW_BOUND = 4,
	HOW_BOUND_NOWHERE = 8,
	HOW_DEVICE = 16,
	HOW_WRONG = 32,
	HOW_IP6 = 64, /* the first of the servers */
	HOW_DEFAULTS = 128,
};

/* One for all inputs: clock, timers and random numbers are all that is used of it, each timer is a
 * block of its own, and asking the CPU what it can takes as long as half an input. */
static struct weft_engine *engine(void)
{
	static struct weft_engine *eng;
	const struct weft_engine_config cfg = {
		.has_seed = true, .seed = 1, .realloc = engine_realloc, .trace_events = 8};

	if (!eng && weft_engine_new(&cfg, &eng))
		abort();
	return eng;
}

static void world_start(struct world *w, uint8_t how)
{
	struct dnsfwd_config dns = {.inside = &w->net.net,
				    .outside = &w->net.net,
				    .n_at = 1,
				    .n_servers = how & HOW_TWO ? 2 : 1,
				    .max_queries = how & HOW_DEFAULTS ? 0 : MAX_QUERIES,
				    .timeout_ms = how & HOW_DEFAULTS ? 700 : 0,
				    .max_cached = how & HOW_CACHE ? MAX_CACHED : 0};

	*w = (struct world){.max_queries = dns.max_queries ? dns.max_queries : 256,
			    .max_cached = dns.max_cached};
	mem.n_failing = 0;
	w->eng = engine();
	fake_net_init(&w->net, w->eng);
	dns.at[0].addr = at("127.0.0.1:0").addr;
	dns.servers[0] = at(how & HOW_IP6 ? "[2001:db8::1]:5353" : "10.0.0.1:5353");
	dns.servers[1] = at(how & HOW_IP6 ? "[::1]:5353" : "127.0.0.1:5353");
	if (how & HOW_BOUND) {
		dns.bind4 = at(how & HOW_BOUND_NOWHERE ? "10.9.9.9:0" : "10.0.0.1:0").addr;
		dns.bind6 = at("[2001:db8::1]:0").addr;
	}
	if (how & HOW_DEVICE)
		memcpy(dns.device, "lo", 3);
	if (dnsfwd_new(&dns, &w->d))
		abort();
	if (how & HOW_WRONG)
		wrong_settings(&dns);
	w->client = sock_new(w, WEFT_SOCK_DGRAM, "127.0.0.1:1000");
	for (int i = 0; i < FAMILIES; i++) {
		const char *any = i ? "[::]:5353" : "0.0.0.0:5353";

		w->servers[i] = sock_new(w, WEFT_SOCK_DGRAM, any);
		w->listeners[i] = sock_new(w, WEFT_SOCK_STREAM, any);
	}
}

static void world_end(struct world *w)
{
	struct weft_engine_stats stats;

	mem.n_failing = 0;
	dnsfwd_free(w->d);
	fake_close(w->client, false);
	fake_close(w->tcp_server, false);
	for (int i = 0; i < FAMILIES; i++) {
		fake_close(w->servers[i], false);
		fake_close(w->listeners[i], false);
	}
	for (int i = 0; i < CLIENTS; i++)
		fake_close(w->tcp_clients[i], false);
	weft_engine_stats(w->eng, &stats);
	assert(stats.n_timers == 0 && list_is_empty(&w->net.socks));
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
	int n_records;
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
	n_records = n < RECORDS_MANY ? n % 100 : RECORDS_OF_A_LONG_ONE;
	for (int i = 0; i < n_records; i++)
		dns_a_write(&out, DNS_ANSWER, &q.name, &four, n);
	if (how & 16)
		dns_soa_write(&out, DNS_AUTHORITY, &q.name, &soa, 10);
	return dns_wr_finish(&out);
}

static void udp_ask(struct world *w, struct rd *r)
{
	const struct weft_sockaddr to = at("127.0.0.1:53");
	uint8_t buf[MSG_MAX];
	size_t len = query_make(r, buf);

	w->n_sent += fake_sendto(w->client, buf, len, &to) >= 0;
}

/* The servers read a query. */
static void udp_take(struct world *w)
{
	for (int i = 0; i < FAMILIES; i++) {
		ptrdiff_t n = fake_recvfrom(w->servers[i], w->query, sizeof(w->query), &w->asker);

		if (n < 0)
			continue;
		w->query_len = (size_t)n;
		w->asked = w->servers[i];
		return;
	}
}

static void udp_answer(struct world *w, struct rd *r)
{
	uint8_t buf[MSG_MAX];

	udp_take(w);
	if (w->asked)
		fake_sendto(w->asked, buf, answer_make(w, r, buf, sizeof(buf)), &w->asker);
}

static void tcp_ask(struct world *w, struct rd *r)
{
	const struct weft_sockaddr to = at("127.0.0.1:53");
	uint8_t how = rd_u8(r), buf[MSG_MAX + 2];
	struct weft_sock **s = &w->tcp_clients[how % CLIENTS];
	size_t len;

	if (how & 2) {
		fake_close(*s, how & 32);
		*s = NULL;
		return;
	}
	if (!*s) {
		*s = fake_socket(&w->net, WEFT_AF_INET, WEFT_SOCK_STREAM);
		(void)!fake_connect(*s, &to);
		advance(w, 1000000);
	}
	len = query_make(r, buf + 2);
	if (how & 16) {
		memset(buf + 2 + len, 0, MSG_MAX - len);
		len = MSG_MAX;
	}
	store_be16(buf, how & 4 ? 5000 : (uint16_t)len); /* longer than a query may be */
	fake_sendto(*s, buf, how & 8 ? len : len + 2, NULL);
}

static void tcp_server_accept(struct world *w)
{
	for (int i = 0; i < FAMILIES && !w->tcp_server; i++)
		if (fake_accept(w->listeners[i], &w->tcp_server, NULL))
			w->tcp_server = NULL;
}

static void tcp_answer(struct world *w, struct rd *r)
{
	uint8_t how = rd_u8(r), buf[MSG_MAX + 2];
	ptrdiff_t n;
	size_t len;

	tcp_server_accept(w);
	if (!w->tcp_server)
		return;
	n = fake_recvfrom(w->tcp_server, buf, sizeof(buf), NULL);
	if (n > 2) {
		w->query_len = (size_t)n - 2;
		memcpy(w->query, buf + 2, w->query_len);
	}
	if (how & 1) {
		len = answer_make(w, r, buf + 2, MSG_MAX);
		store_be16(buf, (uint16_t)len);
		fake_sendto(w->tcp_server, buf, how & 8 ? 1 + len / 2 : len + 2, NULL);
	}
	if (how & 2) {
		fake_close(w->tcp_server, how & 4);
		w->tcp_server = NULL;
	}
}

static void servers_set(struct world *w, struct rd *r)
{
	const struct weft_sockaddr servers[2] = {at("127.0.0.1:5353"), at("10.0.0.1:54")};
	uint8_t n = rd_u8(r);
	const struct weft_sockaddr six[2] = {at("[::1]:5353"), at("[2001:db8::1]:0")};

	if (dnsfwd_set_servers(w->d, n & 4 ? six : servers,
			       n % 4 == 3 ? DNSFWD_SERVERS_MAX + 1 : n % 4))
		assert(n % 4 == 3);
}

/* More at once than are taken in a turn. */
static void udp_crowd(struct world *w, struct rd *r)
{
	static const uint8_t forged[12] = {0, 0, 0x80};
	const struct weft_sockaddr to = at("127.0.0.1:53");
	uint8_t buf[MSG_MAX];
	bool is_asked = rd_u8(r) & 1;
	size_t len = is_asked ? query_make(r, buf) : 0;

	for (int i = 0; i < CROWD; i++) {
		if (is_asked)
			w->n_sent += fake_sendto(w->client, buf, len, &to) >= 0;
		else if (w->asked)
			fake_sendto(w->asked, forged, sizeof(forged), &w->asker);
	}
}

static void tcp_crowd(struct world *w)
{
	const struct weft_sockaddr to = at("127.0.0.1:53");
	struct weft_sock *socks[CROWD];

	for (int i = 0; i < CROWD; i++) {
		socks[i] = fake_socket(&w->net, WEFT_AF_INET, WEFT_SOCK_STREAM);
		(void)!fake_connect(socks[i], &to);
		if (i % 8 == 7) /* the forwarder's queue is not much longer */
			advance(w, 1000000);
	}
	advance(w, 1000000);
	for (int i = 0; i < CROWD; i++)
		fake_close(socks[i], i & 1);
}

/* Calls of the forwarder fail: which, after how many, how many, and with what. */
static void calls_fail(struct world *w, struct rd *r)
{
	static const int errs[] = {EAGAIN,      ECONNREFUSED, ECONNRESET, EINPROGRESS,
				   ENETUNREACH, ENOBUFS,      EMFILE,     EACCES};
	uint8_t what = rd_u8(r), n = rd_u8(r);

	w->net.fail_calls = rd_u8(r);
	w->net.fail_err = errs[what % ARRAY_SIZE(errs)];
	w->net.fail_after = what >> 3;
	w->net.n_failing = n % 64;
}

/* An error comes to one of the sockets from outside, or streams get more or less room. */
static void trouble(struct world *w, struct rd *r)
{
	static const int errs[] = {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ETIMEDOUT};
	uint8_t what = rd_u8(r), which = rd_u8(r);

	w->net.room = what & 1 ? 1u + which : UINT32_MAX;
	if (what & 2)
		return;
	fake_error(fake_sock(&w->net, which), errs[what >> 2 & 3]);
}

/* What the client gets are answers, one a query at most. */
static void answers_take(struct world *w)
{
	static uint8_t buf[65535];
	struct dnsfwd_stats stats;
	struct dns_hdr hdr;
	struct dns_rd rd;
	ptrdiff_t n;

	while ((n = fake_recvfrom(w->client, buf, sizeof(buf), NULL)) != -EAGAIN) {
		if (n < 0)
			continue;
		w->n_got++;
		if (dns_msg_open(&rd, buf, (size_t)n, &hdr) || !hdr.is_response)
			abort();
	}
	assert(w->n_got <= w->n_sent);
	for (int i = 0; i < CLIENTS; i++)
		while (w->tcp_clients[i] &&
		       fake_recvfrom(w->tcp_clients[i], buf, sizeof(buf), NULL) > 0)
			;
	dnsfwd_stats(w->d, &stats);
	assert(stats.n_waiting <= w->max_queries && stats.n_cached <= w->max_cached &&
	       stats.n_conns <= DNSFWD_CONNS_MAX);
}

static void mem_short(struct world *w, struct rd *r)
{
	(void)w;
	mem.n_left = rd_u8(r) % 32;
	mem.n_failing = 1 + rd_u8(r) % 32;
}

static void op_time(struct world *w, struct rd *r)
{
	advance(w, rd_u8(r) * INT64_C(100000000));
}

static void op_tcp_crowd(struct world *w, struct rd *r)
{
	(void)r;
	tcp_crowd(w);
}

static void (*const ops[])(struct world *w, struct rd *r) = {
	udp_ask,   udp_answer,   tcp_ask,   tcp_answer, servers_set, op_time,
	udp_crowd, op_tcp_crowd, mem_short, calls_fail, trouble,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct rd r = rd_make(data, size);

	world_start(&w, rd_u8(&r));
	for (int i = 0; i < OPS_MAX && rd_left(&r); i++) {
		ops[rd_u8(&r) % ARRAY_SIZE(ops)](&w, &r);
		advance(&w, 1000000);
		answers_take(&w);
	}
	world_end(&w);
	return 0;
}
