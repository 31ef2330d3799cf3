/* SPDX-License-Identifier: MIT */
/*
 * A stack's resolver (weft/resolver.h) against servers that the tests play: on 10.0.0.2, and a
 * second one on 10.0.0.3, both over UDP and TCP.
 */
#include "weft/resolver.h"

#include "wire/dns.h"
#include "world.h"

enum {
	SERVERS = 2,
	REPLY_MAX = 20000,
	CASE_BIT = 0x20,
};

/* A record that the servers have; NULL text: the name exists, and that is all. */
struct record {
	const char *name;
	uint16_t type;
	const char *text;
	uint32_t ttl_s;
};

struct server {
	struct fix *f;
	struct weft_sock *udp, *listener, *conn;
	/* What it does with queries. */
	bool is_deaf, is_lame, no_edns, is_truncating, is_forging, is_mixing, is_cut;
	uint8_t rcode, rcode_high;
	int n_queries, n_tcp;
	uint16_t last_id, last_port;
	struct dns_question last;
};

struct fix {
	struct world w;
	struct weft_net net;
	struct server servers[SERVERS];
	const struct record *records;
	size_t n_records;
	bool without_targets; /* an alias without what it leads to */
	int n_told, err;
	size_t n;
	struct weft_addr addrs[32];
};

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void record_write(struct dns_wr *d, const struct record *rec)
{
	struct dns_name name = name_of(rec->name), to;
	struct weft_addr addr;

	if (rec->type == DNS_TYPE_CNAME) {
		to = name_of(rec->text);
		dns_name_rr_write(d, DNS_ANSWER, &name, rec->type, &to, rec->ttl_s);
		return;
	}
	addr = world_addr(rec->text);
	dns_rr_begin(d, DNS_ANSWER, &name, rec->type, DNS_CLASS_IN, rec->ttl_s);
	wr_bytes(&d->w, addr.bytes, rec->type == DNS_TYPE_A ? 4 : 16);
	dns_rr_end(d);
}

/* 1: written; 0: there is the name, and nothing of that type; -1: no such name. */
static int records_write(const struct fix *f, struct dns_wr *d, const struct dns_name *asked,
			 uint16_t type, int depth)
{
	int found = -1;

	for (size_t i = 0; i < f->n_records; i++) {
		const struct record *rec = &f->records[i];
		struct dns_name name = name_of(rec->name);

		if (!dns_name_eq(&name, asked))
			continue;
		if (found < 0)
			found = 0;
		if (!rec->text || (rec->type != type && rec->type != DNS_TYPE_CNAME))
			continue;
		record_write(d, rec);
		found = 1;
		if (rec->type == DNS_TYPE_CNAME && !f->without_targets && depth < 20) {
			name = name_of(rec->text);
			found = records_write(f, d, &name, type, depth + 1);
		}
	}
	return found;
}

static size_t reply_make(struct server *s, const struct dns_hdr *query, const struct dns_edns *edns,
			 bool is_tcp, uint8_t *buf, size_t size)
{
	struct dns_hdr hdr = {.id = query->id,
			      .is_response = true,
			      .wants_recursion = true,
			      .has_recursion = !s->is_lame,
			      .is_truncated = s->is_truncating && !is_tcp,
			      .rcode = s->rcode};
	struct dns_question q = s->last;
	struct dns_name zone = name_of("test");
	const struct dns_soa soa = {.mname = zone, .rname = zone, .minimum_s = 30};
	struct dns_wr d;
	int found = 0;

	if (s->is_mixing)
		for (size_t i = 0; i < q.name.len; i++)
			if (q.name.b[i] > DNS_LABEL_MAX)
				q.name.b[i] ^= CASE_BIT;
	dns_wr_start(&d, buf, size, &hdr, edns);
	dns_question_write(&d, &q);
	if (!hdr.is_truncated && !s->rcode && !s->rcode_high && !s->is_lame)
		found = records_write(s->f, &d, &q.name, q.type, 0);
	if (found < 0)
		d.hdr.rcode = DNS_NXDOMAIN;
	if (found <= 0 && !s->rcode && !s->is_lame)
		dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 60);
	return dns_wr_finish(&d);
}

/* 0: no reply. */
static size_t query_take(struct server *s, const uint8_t *msg, size_t len, bool is_tcp,
			 uint8_t *buf, size_t size)
{
	const struct dns_edns edns = {.udp_bytes = 4096, .rcode_high = s->rcode_high};
	struct dns_edns got;
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;

	s->n_queries++;
	s->n_tcp += is_tcp;
	assert_int_equal(dns_msg_check(msg, len), 0);
	assert_int_equal(dns_msg_open(&d, msg, len, &hdr), 0);
	assert_true(hdr.wants_recursion && !hdr.is_response);
	assert_int_equal(dns_question_read(&d, &s->last), 1);
	s->last_id = hdr.id;
	if (s->is_deaf)
		return 0;
	if (dns_rr_read(&d, &rr) != 1)
		return reply_make(s, &hdr, NULL, is_tcp, buf, size);
	assert_int_equal(dns_rr_edns(&rr, &got), 0);
	assert_int_equal(got.udp_bytes, 1232);
	if (s->no_edns) {
		struct dns_wr w;

		dns_wr_start(
			&w, buf, size,
			&(struct dns_hdr){.id = hdr.id, .is_response = true, .rcode = DNS_FORMERR},
			NULL);
		return dns_wr_finish(&w);
	}
	return reply_make(s, &hdr, &edns, is_tcp, buf, size);
}

static void udp_ready(struct weft_sock *sock, void *arg, uint32_t events UNUSED)
{
	struct server *s = arg;
	uint8_t in[600], out[REPLY_MAX];
	struct weft_sockaddr from;
	ptrdiff_t n;

	while ((n = weft_recvfrom(sock, in, sizeof(in), 0, &from)) >= 0) {
		size_t len = query_take(s, in, (size_t)n, false, out, 1232);

		s->last_port = from.port;
		if (s->is_cut)
			len--;
		for (int i = 1; s->is_forging && i <= 20; i++) {
			out[0] = (uint8_t)(s->last_id >> 8 ^ i); /* another ID each time */
			(void)weft_sendto(sock, out, len, 0, &from);
		}
		if (len && !s->is_forging)
			(void)weft_sendto(sock, out, len, 0, &from);
	}
}

static void conn_ready(struct weft_sock *sock, void *arg, uint32_t events UNUSED)
{
	struct server *s = arg;
	uint8_t in[600], out[REPLY_MAX];
	ptrdiff_t n = weft_recv(sock, in, sizeof(in), 0);
	const int one = 1;
	size_t len;

	if (n <= 0) {
		if (n != -EAGAIN) {
			weft_close(sock);
			s->conn = NULL;
		}
		return;
	}
	assert_int_equal(load_be16(in), n - 2);
	len = query_take(s, in + 2, (size_t)n - 2, true, out + 2, sizeof(out) - 2);
	if (!len)
		return;
	store_be16(out, (uint16_t)len);
	/* In pieces, as TCP may deliver it. */
	assert_int_equal(
		weft_setsockopt(sock, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, &one, sizeof(one)), 0);
	(void)weft_send(sock, out, 1, 0);
	(void)weft_send(sock, out + 1, len + 1, 0);
}

static void listener_ready(struct weft_sock *sock, void *arg, uint32_t events UNUSED)
{
	struct server *s = arg;
	struct weft_sock *conn;

	while (weft_accept(sock, &conn, NULL) == 0) {
		weft_close(s->conn);
		s->conn = conn;
		weft_on_event(conn, conn_ready, s);
	}
}

static void server_open(struct fix *f, struct server *s, const char *at)
{
	s->f = f;
	s->udp = world_bound(f->w.server, at);
	weft_on_event(s->udp, udp_ready, s);
	s->listener = world_bound_stream(f->w.server, at);
	assert_int_equal(weft_listen(s->listener, 4), 0);
	weft_on_event(s->listener, listener_ready, s);
}

static const struct record records[] = {
	{"www.weft.test", DNS_TYPE_A, "192.0.2.1", 100},
	{"www.weft.test", DNS_TYPE_AAAA, "2001:db8::1", 200},
	{"four.weft.test", DNS_TYPE_A, "192.0.2.4", 100},
	{"alias.test", DNS_TYPE_CNAME, "next.test", 50},
	{"next.test", DNS_TYPE_CNAME, "four.weft.test", 400},
	{"loop.test", DNS_TYPE_CNAME, "pool.test", 50},
	{"pool.test", DNS_TYPE_CNAME, "loop.test", 50},
	{"nowhere.test", DNS_TYPE_CNAME, "none.test", 50},
	{"short.test", DNS_TYPE_A, "192.0.2.5", 0},
	{"two.dots.test", DNS_TYPE_A, "192.0.2.6", 10},
	{"host", DNS_TYPE_A, "192.0.2.7", 10},
};

static void resolver_put(struct fix *f, struct weft_resolver_config *cfg)
{
	struct weft_sockaddr servers[SERVERS] = {world_at("10.0.0.2:53"), world_at("10.0.0.3:0")};

	cfg->servers = servers;
	cfg->n_servers = SERVERS;
	assert_int_equal(weft_stack_resolver_set(f->w.client, cfg), 0);
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct weft_addr second = world_addr("10.0.0.3");

	assert_non_null(f);
	world_start(&f->w);
	assert_int_equal(weft_addr_add(f->w.server_if, &second, 24), 0);
	server_open(f, &f->servers[0], "10.0.0.2:53");
	server_open(f, &f->servers[1], "10.0.0.3:53");
	f->records = records;
	f->n_records = ARRAY_SIZE(records);
	weft_net_of_stack(f->w.client, &f->net);
	resolver_put(f, &(struct weft_resolver_config){.ndots = 0});
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	world_end(&f->w);
	free(f);
	return 0;
}

static void told(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	struct fix *f = arg;

	f->n_told++;
	f->err = err;
	f->n = n;
	memcpy(f->addrs, addrs, n * sizeof(*addrs));
}

static struct weft_resolve *ask(struct fix *f, const char *name, int family)
{
	struct weft_resolve *r;

	f->n_told = 0;
	f->n = 0;
	assert_int_equal(f->net.ops->resolve(&f->net, name, family, told, f, &r), 0);
	assert_int_equal(f->n_told, 0); /* never from inside */
	return r;
}

static int answer(struct fix *f, const char *name, int family)
{
	ask(f, name, family);
	world_advance(&f->w, WORLD_SEC / 10);
	assert_int_equal(f->n_told, 1);
	return f->err;
}

static void assert_addr(const struct fix *f, size_t i, const char *text)
{
	char buf[WEFT_ADDR_STRLEN];

	assert_true(i < f->n);
	assert_string_equal(weft_addr_print(&f->addrs[i], buf, sizeof(buf)), text);
}

static struct weft_resolver_stats stats_of(const struct fix *f)
{
	struct weft_resolver_stats stats;

	weft_resolver_stats(weft_stack_resolver(f->w.client), &stats);
	return stats;
}

static void a_name_gives_its_addresses_of_both_families(void **state)
{
	struct fix *f = *state;

	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_UNSPEC), 0);
	assert_int_equal(f->n, 2);
	/* No route leads to either: RFC 6724 prefers IPv6. */
	assert_addr(f, 0, "2001:db8::1");
	assert_addr(f, 1, "192.0.2.1");
	assert_int_equal(f->servers[0].n_queries, 2);
	assert_int_equal(answer(f, "WWW.weft.TEST", WEFT_AF_INET6), 0);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->servers[0].n_queries, 2); /* known */
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_UNSPEC), 0);
	assert_int_equal(f->n, 1);
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET6), -ENOENT);
}

static void answers_are_kept_for_their_time(void **state)
{
	struct fix *f = *state;

	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	world_advance(&f->w, 99 * WORLD_SEC);
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 1);
	world_advance(&f->w, 2 * WORLD_SEC);
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 2);
	/* TTL 0: for this answer only. */
	assert_int_equal(answer(f, "short.test", WEFT_AF_INET), 0);
	assert_int_equal(answer(f, "short.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 4);
	/* That there is nothing is kept as the zone says: 30 s. */
	assert_int_equal(answer(f, "none.test", WEFT_AF_INET), -ENOENT);
	world_advance(&f->w, 29 * WORLD_SEC);
	assert_int_equal(answer(f, "none.test", WEFT_AF_INET), -ENOENT);
	assert_int_equal(f->servers[0].n_queries, 5);
	world_advance(&f->w, 2 * WORLD_SEC);
	assert_int_equal(answer(f, "none.test", WEFT_AF_INET), -ENOENT);
	assert_int_equal(f->servers[0].n_queries, 6);
	weft_resolver_flush(weft_stack_resolver(f->w.client));
	assert_int_equal(stats_of(f).n_entries, 0);
}

static void the_cache_has_a_bound(void **state)
{
	struct fix *f = *state;

	resolver_put(f, &(struct weft_resolver_config){.cache_entries = 2});
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(answer(f, "two.dots.test", WEFT_AF_INET), 0);
	assert_int_equal(stats_of(f).n_entries, 2);
	assert_int_equal(f->servers[0].n_queries, 3);
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0); /* used later: stayed */
	assert_int_equal(f->servers[0].n_queries, 3);
	resolver_put(f, &(struct weft_resolver_config){.no_cache = true});
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 5);
}

static void aliases_are_followed_and_have_an_end(void **state)
{
	struct fix *f = *state;

	/* Once more with servers that do not say what an alias leads to. */
	for (int i = 0; i < 2; i++) {
		f->without_targets = i;
		weft_resolver_flush(weft_stack_resolver(f->w.client));
		assert_int_equal(answer(f, "alias.test", WEFT_AF_INET), 0);
		assert_addr(f, 0, "192.0.2.4");
		assert_int_equal(answer(f, "loop.test", WEFT_AF_INET), -EAGAIN);
		assert_int_equal(answer(f, "nowhere.test", WEFT_AF_INET), -ENOENT);
	}
	/* It is kept for as long as the shortest of the chain: 50 s. */
	f->servers[0].n_queries = 0;
	world_advance(&f->w, 49 * WORLD_SEC);
	assert_int_equal(answer(f, "alias.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 0);
	world_advance(&f->w, 2 * WORLD_SEC);
	assert_int_equal(answer(f, "alias.test", WEFT_AF_INET), 0);
	assert_int_not_equal(f->servers[0].n_queries, 0);
}

static void the_search_list_is_tried_as_resolv_conf_says(void **state)
{
	static const char *const search[] = {"dots.test", "weft.test."};
	struct fix *f = *state;

	resolver_put(f, &(struct weft_resolver_config){.search = search, .n_search = 2});
	assert_int_equal(answer(f, "www", WEFT_AF_INET), 0); /* the second domain */
	assert_addr(f, 0, "192.0.2.1");
	assert_int_equal(f->servers[0].n_queries, 2);
	assert_int_equal(answer(f, "host", WEFT_AF_INET), 0); /* none: as it is, last */
	assert_addr(f, 0, "192.0.2.7");
	assert_int_equal(f->servers[0].n_queries, 5);
	assert_int_equal(answer(f, "www.", WEFT_AF_INET), -ENOENT);
	assert_int_equal(f->servers[0].n_queries, 6);
	/* With a dot: as it is first. */
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 7);
	assert_int_equal(answer(f, "x.y", WEFT_AF_INET), -ENOENT);
	assert_int_equal(f->servers[0].n_queries, 10);
	resolver_put(f,
		     &(struct weft_resolver_config){.search = search, .n_search = 1, .ndots = 2});
	assert_int_equal(answer(f, "four.test", WEFT_AF_INET), -ENOENT);
	assert_true(dns_name_eq(&f->servers[0].last.name,
				&(struct dns_name){.len = 11, .b = "\4four\4test"}));
}

static void a_server_that_says_nothing_makes_room_for_the_next(void **state)
{
	struct fix *f = *state;

	f->servers[0].is_deaf = true;
	ask(f, "www.weft.test", WEFT_AF_INET);
	world_advance(&f->w, 2 * WORLD_SEC - 1);
	assert_int_equal(f->n_told, 0);
	world_advance(&f->w, WORLD_SEC / 10);
	assert_int_equal(f->n_told, 1);
	assert_int_equal(f->err, 0);
	/* The one that answered is asked first from now on. */
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 1);
	f->servers[1].is_deaf = true;
	ask(f, "two.dots.test", WEFT_AF_INET);
	world_advance(&f->w, 2 * (2 + 4 + 8) * WORLD_SEC - WORLD_SEC);
	assert_int_equal(f->n_told, 0);
	world_advance(&f->w, 2 * WORLD_SEC);
	assert_int_equal(f->n_told, 1);
	assert_int_equal(f->err, -EAGAIN);
	assert_int_equal(f->servers[0].n_queries, 1 + 3);
	assert_int_equal(stats_of(f).n_timeouts, 1 + 6);
}

static void a_server_that_cannot_say_makes_room_at_once(void **state)
{
	struct fix *f = *state;

	f->servers[0].rcode = DNS_SERVFAIL;
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	f->servers[0].rcode = 0;
	f->servers[1].is_lame = true;
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET), 0);
	/* Nobody at the port: ICMP says so. */
	weft_close(f->servers[0].udp);
	f->servers[1].is_lame = false;
	assert_int_equal(answer(f, "two.dots.test", WEFT_AF_INET), 0);
	f->servers[1].rcode = DNS_REFUSED;
	assert_int_equal(answer(f, "host", WEFT_AF_INET), -EAGAIN);
}

static void a_reply_that_does_not_fit_comes_over_tcp(void **state)
{
	struct fix *f = *state;

	f->servers[0].is_truncating = true;
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_addr(f, 0, "192.0.2.1");
	assert_int_equal(f->servers[0].n_queries, 2);
	assert_int_equal(f->servers[0].n_tcp, 1);
	resolver_put(f, &(struct weft_resolver_config){.always_tcp = true});
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_tcp, 2);
	/* A server without TCP: the next one. */
	weft_close(f->servers[0].listener);
	assert_int_equal(answer(f, "two.dots.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[1].n_tcp, 1);
}

static void a_server_without_edns_is_asked_without(void **state)
{
	struct fix *f = *state;

	f->servers[0].no_edns = true;
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 2);
	assert_int_equal(answer(f, "four.weft.test", WEFT_AF_INET), 0);
	assert_int_equal(f->servers[0].n_queries, 3);
	assert_int_equal(f->servers[1].n_queries, 0);
}

/* RFC 5452 §9 */
static void forged_replies_are_not_believed(void **state)
{
	struct fix *f = *state;

	f->servers[0].is_forging = true;
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_addr(f, 0, "192.0.2.1");
	assert_int_equal(f->servers[0].n_tcp, 1);
	assert_int_equal(stats_of(f).n_refused, 8);
	f->servers[0].is_forging = false;
	f->servers[0].is_cut = true;
	f->servers[1].is_deaf = true;
	ask(f, "four.weft.test", WEFT_AF_INET);
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(f->n_told, 0);
	assert_int_equal(stats_of(f).n_refused, 9);
}

static void ids_and_ports_differ_from_query_to_query(void **state)
{
	struct fix *f = *state;
	uint16_t ids[16], ports[16];
	int n_same = 0;

	resolver_put(f, &(struct weft_resolver_config){.no_cache = true});
	for (int i = 0; i < 16; i++) {
		assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
		ids[i] = f->servers[0].last_id;
		ports[i] = f->servers[0].last_port;
		for (int k = 0; k < i; k++)
			n_same += ids[k] == ids[i] || ports[k] == ports[i] ||
				  ports[i] == ports[k] + 1;
	}
	assert_true(n_same <= 1);
}

static void names_in_mixed_case_have_to_come_back_as_they_went(void **state)
{
	struct fix *f = *state;

	resolver_put(f, &(struct weft_resolver_config){.mixed_case = true});
	assert_int_equal(answer(f, "a-rather-long-name.test", WEFT_AF_INET), -ENOENT);
	assert_false(dns_name_eq_case(
		&f->servers[0].last.name,
		&(struct dns_name){.len = 25, .b = "\22a-rather-long-name\4test"}));
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	f->servers[0].is_mixing = true;
	ask(f, "four.weft.test", WEFT_AF_INET);
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(f->n_told, 0);
	world_advance(&f->w, 2 * WORLD_SEC);
	assert_int_equal(f->err, 0);
	assert_int_equal(f->servers[1].n_queries, 1);
}

static void one_question_at_a_time_is_asked_for_all_who_ask_it(void **state)
{
	struct fix *f = *state;
	struct weft_resolve *first = ask(f, "www.weft.test", WEFT_AF_INET);
	struct weft_resolve *second = ask(f, "www.weft.test", WEFT_AF_INET);

	(void)second;
	f->net.ops->resolve_cancel(first);
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(f->n_told, 1);
	assert_int_equal(f->servers[0].n_queries, 1);
	first = ask(f, "four.weft.test", WEFT_AF_INET);
	f->net.ops->resolve_cancel(first);
	world_advance(&f->w, WORLD_SEC);
	assert_int_equal(f->n_told, 0);
	assert_int_equal(f->servers[0].n_queries, 1);
}

static void a_resolver_that_goes_ends_its_questions(void **state)
{
	struct fix *f = *state;

	f->servers[0].is_deaf = true;
	ask(f, "www.weft.test", WEFT_AF_INET);
	world_advance(&f->w, WORLD_SEC / 10);
	assert_int_equal(weft_stack_resolver_set(f->w.client, NULL), 0);
	assert_null(weft_stack_resolver(f->w.client));
	world_settle(&f->w);
	assert_int_equal(f->n_told, 1);
	assert_int_equal(f->err, -EAGAIN);
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), -ENOENT);
	/* And one that is there, asking over TCP, when the stack goes. */
	resolver_put(f, &(struct weft_resolver_config){.always_tcp = true});
	ask(f, "www.weft.test", WEFT_AF_UNSPEC);
	world_advance(&f->w, WORLD_SEC / 10);
}

static void what_needs_no_server_asks_none(void **state)
{
	struct fix *f = *state;

	assert_int_equal(answer(f, "192.0.2.9", WEFT_AF_UNSPEC), 0);
	assert_int_equal(answer(f, "localhost", WEFT_AF_UNSPEC), 0);
	assert_int_equal(answer(f, "a.localhost.", WEFT_AF_UNSPEC), 0);
	assert_addr(f, 0, "::1");
	assert_int_equal(answer(f, "x.invalid", WEFT_AF_UNSPEC), -ENOENT);
	assert_int_equal(answer(f, "x.onion", WEFT_AF_UNSPEC), -ENOENT);
	assert_int_equal(f->servers[0].n_queries, 0);
}

/* "x.onion.weft.test" would tell the servers what nobody shall hear. */
static void special_names_do_not_go_through_the_search_list(void **state)
{
	static const char *const search[] = {"weft.test"};
	struct fix *f = *state;
	struct weft_resolver_ask *ask;

	resolver_put(f,
		     &(struct weft_resolver_config){.search = search, .n_search = 1, .ndots = 3});
	assert_int_equal(answer(f, "x.onion", WEFT_AF_UNSPEC), -ENOENT);
	assert_int_equal(answer(f, "x.invalid", WEFT_AF_UNSPEC), -ENOENT);
	assert_int_equal(answer(f, "a.localhost", WEFT_AF_INET), 0);
	assert_addr(f, 0, "127.0.0.1");
	f->n_told = 0;
	assert_int_equal(weft_resolver_ask(weft_stack_resolver(f->w.client), "localhost",
					   WEFT_AF_INET6, told, f, &ask),
			 0);
	world_advance(&f->w, WORLD_SEC / 10);
	assert_int_equal(f->n_told, 1);
	assert_addr(f, 0, "::1");
	assert_int_equal(f->servers[0].n_queries, 0);
}

static void a_version_of_edns_that_is_refused_is_no_answer(void **state)
{
	struct fix *f = *state;

	f->servers[0].rcode_high = DNS_BADVERS >> 4;
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
	assert_addr(f, 0, "192.0.2.1");
	assert_int_equal(f->servers[0].n_queries, 1);
	assert_int_equal(f->servers[1].n_queries, 1);
}

static void bad_names_and_settings_are_refused(void **state)
{
	static const char *const bad[] = {"", ".", "a..b", ".a"};
	struct fix *f = *state;
	struct weft_resolver *r = weft_stack_resolver(f->w.client);
	struct weft_sockaddr none = {.port = 53};
	const char *domain = "a..b";
	struct weft_resolver_ask *got;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(weft_resolver_ask(r, bad[i], WEFT_AF_INET, told, f, &got),
				 -EINVAL);
	assert_int_equal(weft_resolver_ask(r, "a", 77, told, f, &got), -EINVAL);
	assert_int_equal(weft_stack_resolver_set(f->w.client, &(struct weft_resolver_config){0}),
			 -EINVAL);
	assert_int_equal(weft_stack_resolver_set(
				 f->w.client,
				 &(struct weft_resolver_config){.servers = &none, .n_servers = 1}),
			 -EINVAL);
	none = world_at("10.0.0.2:53");
	assert_int_equal(weft_stack_resolver_set(f->w.client,
						 &(struct weft_resolver_config){.servers = &none,
										.n_servers = 1,
										.search = &domain,
										.n_search = 1}),
			 -EINVAL);
	assert_ptr_equal(weft_stack_resolver(f->w.client), r);
	assert_int_equal(weft_resolver_new(&f->net,
					   &(struct weft_resolver_config){.with_advertised = true},
					   &r),
			 -EINVAL);
	/* Too long with its domain, but fine without. */
	assert_int_equal(answer(f, "www.weft.test", WEFT_AF_INET), 0);
}

static void questions_have_a_bound(void **state)
{
	struct fix *f = *state;
	struct weft_resolver *r = weft_stack_resolver(f->w.client);
	struct weft_resolver_ask *got;
	int n = 0, err;

	f->servers[0].is_deaf = true;
	while ((err = weft_resolver_ask(r, "www.weft.test", WEFT_AF_INET, told, f, &got)) == 0)
		n++;
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(n, 1024);
	world_advance(&f->w, 3 * WORLD_SEC);
	assert_int_equal(f->n_told, 1024);
}

static void no_memory_is_an_error_and_leaves_nothing(void **state)
{
	struct fix *f = *state;
	struct weft_resolve *r;

	f->servers[0].is_truncating = true;
	for (int i = 0; i < 60; i++) {
		int err;

		weft_resolver_flush(weft_stack_resolver(f->w.client));
		world_fail_after(&f->w, i);
		f->n_told = 0;
		err = f->net.ops->resolve(&f->net, "www.weft.test", WEFT_AF_UNSPEC, told, f, &r);
		assert_true(err == 0 || err == -ENOMEM);
		if (!err)
			world_advance(&f->w, 100 * WORLD_SEC);
		world_fail_after(&f->w, -1);
		assert_int_equal(f->n_told, err == 0);
	}
	assert_int_equal(f->err, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_name_gives_its_addresses_of_both_families),
		T(answers_are_kept_for_their_time),
		T(the_cache_has_a_bound),
		T(aliases_are_followed_and_have_an_end),
		T(the_search_list_is_tried_as_resolv_conf_says),
		T(a_server_that_says_nothing_makes_room_for_the_next),
		T(a_server_that_cannot_say_makes_room_at_once),
		T(a_reply_that_does_not_fit_comes_over_tcp),
		T(a_server_without_edns_is_asked_without),
		T(forged_replies_are_not_believed),
		T(ids_and_ports_differ_from_query_to_query),
		T(names_in_mixed_case_have_to_come_back_as_they_went),
		T(one_question_at_a_time_is_asked_for_all_who_ask_it),
		T(a_resolver_that_goes_ends_its_questions),
		T(what_needs_no_server_asks_none),
		T(special_names_do_not_go_through_the_search_list),
		T(a_version_of_edns_that_is_refused_is_no_answer),
		T(bad_names_and_settings_are_refused),
		T(questions_have_a_bound),
		T(no_memory_is_an_error_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
