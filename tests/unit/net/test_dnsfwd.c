/* SPDX-License-Identifier: MIT */
/* The DNS forwarder: a guest asks it over one network, and it asks servers over another one. */
#include "net/dnsfwd/dnsfwd.h"

#include "base/load.h"
#include "wire/dns.h"
#include "world.h"

/*
 *	client 10.0.0.1 ---- 10.0.0.2 server: the forwarder ---- 10.9.0.1 upstream 10.9.0.2, .3
 */
struct net {
	struct world w;
	struct weft_stack *up;
	struct weft_net inside, outside;
	struct dnsfwd *fwd;
	struct weft_sock *guest, *dns[2]; /* servers: datagram sockets */
	uint8_t buf[65535];
	ptrdiff_t len; /* of what was received last */
	struct weft_sockaddr from;
};

static void upstream_start(struct net *n)
{
	struct weft_addr ours = world_addr("10.9.0.1");
	struct weft_netif *a, *b;

	assert_int_equal(weft_stack_new(n->w.eng, "up", &n->up), 0);
	world_quiet(n->up);
	assert_int_equal(weft_veth_new(n->w.server, "up0", n->up, "eth0", &a, &b), 0);
	assert_int_equal(weft_addr_add(a, &ours, 24), 0);
	for (int i = 0; i < 2; i++) {
		char text[] = "10.9.0.2:53";
		struct weft_addr theirs;

		text[7] = (char)('2' + i);
		theirs = world_at(text).addr;
		assert_int_equal(weft_addr_add(b, &theirs, 24), 0);
		n->dns[i] = world_bound(n->up, text);
	}
}

static void net_start_with(struct net *n, struct dnsfwd_config cfg)
{
	world_start(&n->w);
	upstream_start(n);
	weft_net_of_stack(n->w.server, &n->inside);
	n->outside = n->inside;
	cfg.inside = &n->inside;
	cfg.outside = &n->outside;
	cfg.n_at = 1;
	cfg.at[0] = (struct weft_sockaddr){.addr = world_addr("10.0.0.2")};
	cfg.servers[0] = world_at("10.9.0.2:53");
	cfg.servers[1] = (struct weft_sockaddr){.addr = world_addr("10.9.0.3")};
	assert_int_equal(dnsfwd_new(&cfg, &n->fwd), 0);
	n->guest = world_bound(n->w.client, "10.0.0.1:1000");
}

static void net_start(struct net *n)
{
	net_start_with(n, (struct dnsfwd_config){.n_servers = 2});
}

static void net_end(struct net *n)
{
	weft_close(n->guest);
	weft_close(n->dns[0]);
	weft_close(n->dns[1]);
	dnsfwd_free(n->fwd);
	weft_stack_free(n->up);
	world_end(&n->w);
}

static struct dnsfwd_stats stats_of(const struct net *n)
{
	struct dnsfwd_stats stats;

	dnsfwd_stats(n->fwd, &stats);
	return stats;
}

/* A question for an address. */
static size_t query(uint8_t buf[DNS_UDP_MAX], uint16_t id, const char *name,
		    const struct dns_edns *edns)
{
	const struct dns_hdr hdr = {.id = id, .wants_recursion = true};
	struct dns_question q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	struct dns_wr w;

	assert_int_equal(dns_name_parse(name, &q.name), 0);
	dns_wr_start(&w, buf, DNS_UDP_MAX, &hdr, edns);
	dns_question_write(&w, &q);
	return dns_wr_finish(&w);
}

static void guest_asks(struct net *n, uint16_t id, const char *name)
{
	uint8_t buf[DNS_UDP_MAX];
	size_t len = query(buf, id, name, NULL);

	assert_int_equal(world_sendto(n->guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n->w);
}

/* Whether there is a message. */
static bool got(struct net *n, struct weft_sock *s)
{
	n->len = weft_recvfrom(s, n->buf, sizeof(n->buf), 0, &n->from);
	return n->len >= 0;
}

/* What was received last, as an answer with that many addresses. */
static size_t answer(const struct net *n, uint8_t *buf, size_t size, uint32_t n_addrs,
		     uint8_t rcode)
{
	struct ip4_addr addr = {{192, 0, 2, 55}};
	struct dns_question q;
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_wr w;

	assert_int_equal(dns_msg_open(&rd, n->buf, (size_t)n->len, &hdr), 0);
	assert_int_equal(dns_question_read(&rd, &q), 1);
	hdr.is_response = true;
	hdr.rcode = rcode;
	dns_wr_start(&w, buf, size, &hdr, NULL);
	dns_question_write(&w, &q);
	for (uint32_t i = 0; i < n_addrs; i++)
		dns_a_write(&w, DNS_ANSWER, &q.name, &addr, 60);
	return dns_wr_finish(&w);
}

/* The server answers what was received last. */
static void server_answers(struct net *n, int which, uint32_t n_addrs, uint8_t rcode)
{
	uint8_t buf[4096];
	size_t len = answer(n, buf, sizeof(buf), n_addrs, rcode);

	assert_int_equal(weft_sendto(n->dns[which], buf, len, 0, &n->from), len);
	world_settle(&n->w);
}

static void guest_gets(struct net *n, uint16_t id, uint8_t rcode, uint16_t n_addrs)
{
	struct dns_hdr hdr;
	struct dns_rd rd;

	assert_true(got(n, n->guest));
	world_assert_at(&n->from, "10.0.0.2:53");
	assert_int_equal(dns_msg_open(&rd, n->buf, (size_t)n->len, &hdr), 0);
	assert_int_equal(hdr.id, id);
	assert_true(hdr.is_response);
	assert_int_equal(hdr.rcode, rcode);
	assert_int_equal(hdr.n[DNS_ANSWER], n_addrs);
}

static void
query_is_sent_on_with_another_number_and_port_and_its_answer_comes_back(void **state UNUSED)
{
	uint16_t ids[2], ports[2];
	struct net n;

	net_start(&n);
	for (uint16_t i = 0; i < 2; i++) {
		guest_asks(&n, (uint16_t)(77 + i), "www.example");
		assert_true(got(&n, n.dns[0]));
		ids[i] = load_be16(n.buf);
		ports[i] = n.from.port;
		server_answers(&n, 0, 1, 0);
		guest_gets(&n, (uint16_t)(77 + i), DNS_NOERROR, 1);
	}
	assert_int_not_equal(ids[0], 77);
	assert_int_not_equal(ids[1] - ids[0], 1);
	assert_int_not_equal(ports[0], ports[1]);
	assert_false(got(&n, n.dns[1]));
	assert_int_equal(stats_of(&n).n_waiting, 0);
	net_end(&n);
}

static void
silent_server_is_followed_by_the_next_and_silence_of_all_by_servfail(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	guest_asks(&n, 1, "www.example");
	assert_true(got(&n, n.dns[0]));
	assert_false(got(&n, n.dns[1]));
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_true(got(&n, n.dns[1]));
	server_answers(&n, 1, 1, 0);
	guest_gets(&n, 1, DNS_NOERROR, 1);
	guest_asks(&n, 2, "www.example");
	world_advance(&n.w, 8 * WORLD_SEC);
	guest_gets(&n, 2, DNS_SERVFAIL, 0);
	assert_int_equal(stats_of(&n).n_tries, 2 + 4);
	assert_int_equal(stats_of(&n).n_failed, 1);
	net_end(&n);
}

static void server_that_is_not_there_costs_no_time(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	weft_close(n.dns[0]);
	n.dns[0] = NULL;
	guest_asks(&n, 1, "www.example");
	assert_true(got(&n, n.dns[1]));
	server_answers(&n, 1, 1, 0);
	guest_gets(&n, 1, DNS_NOERROR, 1);
	net_end(&n);
}

static void
servfail_of_one_server_has_the_next_asked_and_of_the_last_is_passed_on(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	guest_asks(&n, 1, "www.example");
	for (int i = 0; i < 2; i++) {
		assert_false(got(&n, n.guest));
		assert_true(got(&n, n.dns[i]));
		server_answers(&n, i, 0, DNS_SERVFAIL);
	}
	guest_gets(&n, 1, DNS_SERVFAIL, 0);
	guest_asks(&n, 2, "www.example");
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 0, DNS_NXDOMAIN);
	guest_gets(&n, 2, DNS_NXDOMAIN, 0);
	net_end(&n);
}

static void answers_with_wrong_number_question_or_sender_are_not_taken(void **state UNUSED)
{
	uint8_t good[DNS_UDP_MAX], bad[DNS_UDP_MAX];
	struct net n;
	size_t len;

	net_start(&n);
	guest_asks(&n, 1, "www.example");
	assert_true(got(&n, n.dns[0]));
	len = answer(&n, good, sizeof(good), 1, 0);
	for (int i = 0; i < 5; i++) {
		memcpy(bad, good, len);
		if (i == 0)
			bad[1] ^= 1; /* number */
		else if (i == 1)
			bad[13] ^= 2; /* name */
		else if (i == 2)
			bad[2] &= 0x7f; /* a query */
		else if (i == 3)
			bad[7] = 2; /* two addresses announced */
		assert_int_equal(weft_sendto(n.dns[i == 4], bad, len, 0, &n.from), len);
		world_settle(&n.w);
		assert_int_equal(stats_of(&n).n_forged, i < 4 ? i + 1 : 4);
	}
	assert_false(weft_recv(n.guest, bad, sizeof(bad), 0) >= 0);
	assert_int_equal(weft_sendto(n.dns[0], good, len, 0, &n.from), len);
	world_settle(&n.w);
	guest_gets(&n, 1, DNS_NOERROR, 1);
	/* A second one comes to nobody. */
	net_end(&n);
}

static void answer_longer_than_the_client_takes_is_truncated(void **state UNUSED)
{
	const struct dns_edns edns = {.udp_bytes = 1232};
	uint8_t buf[DNS_UDP_MAX];
	struct net n;
	size_t len;

	net_start(&n);
	guest_asks(&n, 1, "www.example");
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 60, 0);
	guest_gets(&n, 1, DNS_NOERROR, 0);
	assert_true(n.buf[2] & 2);
	assert_int_equal(stats_of(&n).n_truncated, 1);
	len = query(buf, 2, "www.example", &edns);
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 60, 0);
	guest_gets(&n, 2, DNS_NOERROR, 60);
	net_end(&n);
}

static void repeated_query_is_not_sent_on_twice(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	for (int i = 0; i < 10; i++)
		guest_asks(&n, 1, "www.example");
	guest_asks(&n, 1, "other.example");
	assert_int_equal(stats_of(&n).n_tries, 2);
	assert_int_equal(stats_of(&n).n_repeated, 9);
	net_end(&n);
}

static void queries_beyond_the_bound_are_dropped(void **state UNUSED)
{
	struct net n;

	net_start_with(&n, (struct dnsfwd_config){.n_servers = 1, .max_queries = 3});
	for (uint16_t i = 0; i < 10; i++)
		guest_asks(&n, i, "www.example");
	assert_int_equal(stats_of(&n).n_waiting, 3);
	assert_int_equal(stats_of(&n).n_full, 7);
	world_advance(&n.w, 10 * WORLD_SEC);
	assert_int_equal(stats_of(&n).n_waiting, 0);
	guest_asks(&n, 11, "www.example");
	assert_int_equal(stats_of(&n).n_waiting, 1);
	net_end(&n);
}

/* Every cut is answered by FORMERR of 12 bytes, or by nothing: never by more than came. */
static void malformed_queries_are_answered_by_less_than_they_are(void **state UNUSED)
{
	uint8_t buf[DNS_UDP_MAX], got_buf[DNS_UDP_MAX];
	struct net n;
	size_t len = query(buf, 1, "www.example", NULL);

	net_start(&n);
	for (size_t cut = 0; cut < len; cut++) {
		ptrdiff_t r;

		assert_int_equal(world_sendto(n.guest, buf, cut, "10.0.0.2:53"), cut);
		world_settle(&n.w);
		r = weft_recv(n.guest, got_buf, sizeof(got_buf), 0);
		assert_int_equal(r, cut < DNS_HDR_LEN ? -EAGAIN : DNS_HDR_LEN);
	}
	buf[2] |= 0x80; /* an answer is never answered */
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	assert_false(got(&n, n.guest));
	buf[2] = 0x10; /* opcode 2 */
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	guest_gets(&n, 1, DNS_NOTIMP, 0);
	buf[2] = 1;
	buf[len - 3] = DNS_TYPE_AXFR;
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	guest_gets(&n, 1, DNS_REFUSED, 0);
	assert_int_equal(stats_of(&n).n_tries, 0);
	net_end(&n);
}

/*
 * TCP.
 */

static struct weft_sock *guest_connects(struct net *n)
{
	struct weft_sock *s = world_socket(n->w.client, WEFT_SOCK_STREAM, 0);

	assert_int_equal(world_connect(s, "10.0.0.2:53"), -EINPROGRESS);
	world_settle(&n->w);
	return s;
}

static size_t framed(uint8_t *buf, uint16_t id, const char *name)
{
	size_t len = query(buf + 2, id, name, NULL);

	store_be16(buf, (uint16_t)len);
	return len + 2;
}

/* The server takes a connection and its query, and answers. */
static void server_serves(struct net *n, struct weft_sock *listener, uint32_t n_addrs)
{
	static uint8_t buf[65535];
	struct weft_sock *s;
	size_t len;

	assert_int_equal(weft_accept(listener, &s, NULL), 0);
	n->len = weft_recv(s, n->buf, sizeof(n->buf), 0);
	assert_true(n->len > 2);
	assert_int_equal(load_be16(n->buf), n->len - 2);
	n->len -= 2;
	memmove(n->buf, n->buf + 2, (size_t)n->len);
	len = answer(n, buf + 2, sizeof(buf) - 2, n_addrs, 0);
	store_be16(buf, (uint16_t)len);
	assert_int_equal(weft_send(s, buf, len + 2, 0), len + 2);
	world_settle(&n->w);
	weft_close(s);
	world_advance(&n->w, 50 * WORLD_MSEC);
}

static void queries_of_a_connection_are_answered_in_turn_over_tcp(void **state UNUSED)
{
	struct weft_sock *listener, *s;
	uint8_t buf[2 * DNS_UDP_MAX];
	struct net n;
	size_t len, second;

	net_start(&n);
	listener = world_bound_stream(n.up, "10.9.0.2:53");
	assert_int_equal(weft_listen(listener, 4), 0);
	s = guest_connects(&n);
	len = framed(buf, 1, "www.example");
	second = framed(buf + len, 2, "other.example");
	/* Byte by byte, and the second at once with the end of the first. */
	for (size_t i = 0; i + 1 < len; i++) {
		assert_int_equal(weft_send(s, buf + i, 1, 0), 1);
		world_advance(&n.w, 50 * WORLD_MSEC);
	}
	assert_int_equal(weft_send(s, buf + len - 1, 1 + second, 0), 1 + second);
	world_advance(&n.w, 50 * WORLD_MSEC);
	for (uint16_t i = 1; i <= 2; i++) {
		ptrdiff_t got_len;

		server_serves(&n, listener, 500);
		got_len = weft_recv(s, n.buf, sizeof(n.buf), 0);
		assert_in_range(got_len, 8000, 9000);
		assert_int_equal(load_be16(n.buf), got_len - 2);
		assert_int_equal(load_be16(n.buf + 2), i);
	}
	assert_int_equal(stats_of(&n).n_tcp, 2);
	weft_close(s);
	weft_close(listener);
	world_settle(&n.w);
	assert_int_equal(stats_of(&n).n_conns, 0);
	net_end(&n);
}

static void connection_is_closed_when_idle_malformed_or_beyond_the_bound(void **state UNUSED)
{
	struct weft_sock *socks[DNSFWD_CONNS_MAX + 1];
	uint8_t byte;
	struct net n;

	net_start(&n);
	for (int i = 0; i <= DNSFWD_CONNS_MAX; i++)
		socks[i] = guest_connects(&n);
	assert_int_equal(stats_of(&n).n_conns, DNSFWD_CONNS_MAX);
	assert_int_equal(weft_recv(socks[DNSFWD_CONNS_MAX], &byte, 1, 0), -ECONNRESET);
	assert_int_equal(weft_send(socks[0], "\0\3abc", 5, 0), 5); /* no header */
	assert_int_equal(weft_send(socks[1], "\xff\xff", 2, 0), 2);
	world_settle(&n.w);
	assert_int_equal(stats_of(&n).n_conns, DNSFWD_CONNS_MAX - 1);
	world_advance(&n.w, 11 * WORLD_SEC);
	assert_int_equal(stats_of(&n).n_conns, 0);
	for (int i = 0; i <= DNSFWD_CONNS_MAX; i++)
		weft_close(socks[i]);
	net_end(&n);
}

static void connection_without_a_server_gets_servfail(void **state UNUSED)
{
	uint8_t buf[DNS_UDP_MAX + 2];
	struct weft_sock *s;
	struct net n;
	size_t len = framed(buf, 9, "www.example");

	net_start(&n);
	s = guest_connects(&n);
	assert_int_equal(weft_send(s, buf, len, 0), len);
	world_settle(&n.w);
	n.len = weft_recv(s, n.buf, sizeof(n.buf), 0);
	assert_int_equal(n.len, len);
	assert_int_equal(n.buf[5] & 15, DNS_SERVFAIL);
	weft_close(s);
	net_end(&n);
}

static void cached_start(struct net *n, uint32_t max_cached)
{
	net_start_with(n, (struct dnsfwd_config){.n_servers = 1, .max_cached = max_cached});
}

/* Asked by the guest and answered by the server, which must be asked. */
static void asked_and_answered(struct net *n, const char *name, uint32_t n_addrs)
{
	guest_asks(n, 1, name);
	assert_true(got(n, n->dns[0]));
	server_answers(n, 0, n_addrs, DNS_NOERROR);
	guest_gets(n, 1, DNS_NOERROR, (uint16_t)n_addrs);
}

static uint32_t ttl_of(const struct net *n)
{
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_rr rr;

	assert_int_equal(dns_msg_open(&rd, n->buf, (size_t)n->len, &hdr), 0);
	assert_int_equal(dns_rr_read(&rd, &rr), 1);
	return rr.ttl_s;
}

static void kept_answer_is_given_with_its_age_in_the_letters_of_who_asks(void **state UNUSED)
{
	struct net n;

	cached_start(&n, 8);
	asked_and_answered(&n, "www.example", 1);
	world_advance(&n.w, 25 * WORLD_SEC);
	guest_asks(&n, 2, "WWW.exAmple");
	guest_gets(&n, 2, DNS_NOERROR, 1);
	assert_memory_equal(n.buf + DNS_HDR_LEN, "\3WWW\7exAmple", 13);
	assert_int_equal(ttl_of(&n), 60 - 25);
	assert_int_equal(stats_of(&n).n_hits, 1);
	assert_false(got(&n, n.dns[0]));
	world_advance(&n.w, 35 * WORLD_SEC);
	asked_and_answered(&n, "www.example", 1); /* its time is over */
	assert_int_equal(stats_of(&n).n_cached, 1);
	net_end(&n);
}

/* RFC 2308 §5: for as long as its SOA record says, and not at all without one. */
static void negative_answer_is_kept_with_its_soa_alone(void **state UNUSED)
{
	struct dns_soa soa = {.mname = {1, {0}}, .rname = {1, {0}}, .minimum_s = 30};
	struct dns_question q;
	uint8_t buf[512];
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_wr w;
	struct net n;
	size_t len;

	cached_start(&n, 8);
	guest_asks(&n, 1, "no.example");
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 0, DNS_NXDOMAIN);
	guest_gets(&n, 1, DNS_NXDOMAIN, 0);
	guest_asks(&n, 2, "no.example");
	assert_true(got(&n, n.dns[0]));
	assert_int_equal(dns_msg_open(&rd, n.buf, (size_t)n.len, &hdr), 0);
	assert_int_equal(dns_question_read(&rd, &q), 1);
	hdr.is_response = true;
	hdr.rcode = DNS_NXDOMAIN;
	dns_wr_start(&w, buf, sizeof(buf), &hdr, NULL);
	dns_question_write(&w, &q);
	dns_soa_write(&w, DNS_AUTHORITY, &q.name, &soa, 3600);
	len = dns_wr_finish(&w);
	assert_int_equal(weft_sendto(n.dns[0], buf, len, 0, &n.from), len);
	world_settle(&n.w);
	guest_gets(&n, 2, DNS_NXDOMAIN, 0);
	world_advance(&n.w, 29 * WORLD_SEC);
	guest_asks(&n, 3, "no.example");
	guest_gets(&n, 3, DNS_NXDOMAIN, 0);
	world_advance(&n.w, WORLD_SEC);
	guest_asks(&n, 4, "no.example");
	assert_true(got(&n, n.dns[0]));
	net_end(&n);
}

/* What the server sends to what was received last, with a change that keeps it an answer. */
static void server_sends(struct net *n, const uint8_t *buf, size_t len)
{
	assert_int_equal(weft_sendto(n->dns[0], buf, len, 0, &n->from), len);
	world_settle(&n->w);
}

/* 0x20: who asked may refuse it as forged, so the next one must not get it in its own letters. */
static void answer_in_other_letters_is_passed_on_as_it_is_and_not_kept(void **state UNUSED)
{
	uint8_t buf[DNS_UDP_MAX];
	struct net n;
	size_t len;

	cached_start(&n, 8);
	guest_asks(&n, 1, "wWw.exAmple");
	assert_true(got(&n, n.dns[0]));
	assert_memory_equal(n.buf + DNS_HDR_LEN, "\3wWw\7exAmple", 13);
	len = answer(&n, buf, sizeof(buf), 1, DNS_NOERROR);
	memcpy(buf + DNS_HDR_LEN, "\3www\7example", 13);
	server_sends(&n, buf, len);
	guest_gets(&n, 1, DNS_NOERROR, 1);
	assert_memory_equal(n.buf + DNS_HDR_LEN, "\3www\7example", 13);
	assert_int_equal(stats_of(&n).n_cached, 0);
	guest_asks(&n, 2, "wWw.exAmple");
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 1, DNS_NOERROR);
	guest_gets(&n, 2, DNS_NOERROR, 1);
	assert_int_equal(stats_of(&n).n_cached, 1);
	net_end(&n);
}

/* The root is where the high byte of the number of questions is: nothing of that can be written
 * over with the letters of who asks next. */
static void answer_whose_question_is_compressed_is_passed_on_and_not_kept(void **state UNUSED)
{
	static const uint8_t rest[] = {0xc0, 4, 0, 1, 0,  1, 0xc0, 4,   0, 1, 0,
				       1,    0, 0, 0, 60, 0, 4,    192, 0, 2, 55};
	uint8_t buf[DNS_HDR_LEN + sizeof(rest)];
	struct net n;

	cached_start(&n, 8);
	for (uint16_t id = 1; id <= 2; id++) {
		guest_asks(&n, id, ".");
		assert_true(got(&n, n.dns[0]));
		memcpy(buf, n.buf, DNS_HDR_LEN);
		buf[2] |= 0x80;
		buf[7] = 1; /* an answer */
		memcpy(buf + DNS_HDR_LEN, rest, sizeof(rest));
		server_sends(&n, buf, sizeof(buf));
		guest_gets(&n, id, DNS_NOERROR, 1);
		assert_int_equal(n.len, sizeof(buf));
		assert_memory_equal(n.buf + DNS_HDR_LEN, rest, sizeof(rest));
	}
	assert_int_equal(stats_of(&n).n_cached, 0);
	net_end(&n);
}

/* RFC 6891 §6.1.1, and nothing of it to who has not sent one. */
static void words_of_our_own_have_an_opt_record_for_who_sent_one(void **state UNUSED)
{
	const struct dns_edns edns = {.udp_bytes = 1232, .wants_dnssec = true};
	struct dns_edns ours;
	uint8_t buf[DNS_UDP_MAX];
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_rr rr;
	struct net n;
	size_t len;

	net_start_with(&n, (struct dnsfwd_config){.n_servers = 0});
	len = query(buf, 1, "www.example", &edns);
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	guest_gets(&n, 1, DNS_SERVFAIL, 0);
	assert_int_equal(n.len, len);
	assert_int_equal(dns_msg_open(&rd, n.buf, (size_t)n.len, &hdr), 0);
	assert_int_equal(dns_rr_read(&rd, &rr), 1);
	assert_int_equal(dns_rr_edns(&rr, &ours), 0);
	assert_int_equal(ours.udp_bytes, 1232);
	assert_true(ours.wants_dnssec);
	guest_asks(&n, 2, "www.example");
	guest_gets(&n, 2, DNS_SERVFAIL, 0);
	assert_int_equal(n.len, len - DNS_OPT_LEN);
	net_end(&n);
}

static void failures_are_not_kept(void **state UNUSED)
{
	struct net n;

	cached_start(&n, 8);
	guest_asks(&n, 1, "www.example");
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 1, DNS_SERVFAIL);
	guest_gets(&n, 1, DNS_SERVFAIL, 1);
	assert_int_equal(stats_of(&n).n_cached, 0);
	net_end(&n);
}

/* An OPT record is a question of its own, and one with options is asked every time. */
static void answers_are_kept_by_what_they_depend_on(void **state UNUSED)
{
	static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	const struct dns_edns plain = {.udp_bytes = 1232},
			      dnssec = {.udp_bytes = 1232, .wants_dnssec = true},
			      with_cookie = {.udp_bytes = 1232,
					     .options = cookie,
					     .options_len = sizeof(cookie)};
	const struct dns_edns *const all[] = {&plain, &dnssec, &with_cookie};
	uint8_t buf[DNS_UDP_MAX];
	struct net n;

	cached_start(&n, 8);
	asked_and_answered(&n, "www.example", 1);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < 3; i++) {
			bool is_asked = round == 0 || i == 2;
			size_t len = query(buf, 7, "www.example", all[i]);

			assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
			world_settle(&n.w);
			assert_int_equal(got(&n, n.dns[0]), is_asked);
			if (is_asked)
				server_answers(&n, 0, 1, DNS_NOERROR);
			guest_gets(&n, 7, DNS_NOERROR, 1);
		}
	assert_int_equal(stats_of(&n).n_cached, 3);
	net_end(&n);
}

static void kept_answers_are_bounded_and_the_one_unused_longest_goes(void **state UNUSED)
{
	struct net n;

	cached_start(&n, 2);
	asked_and_answered(&n, "a.example", 1);
	asked_and_answered(&n, "b.example", 1);
	guest_asks(&n, 2, "a.example");
	guest_gets(&n, 2, DNS_NOERROR, 1);
	asked_and_answered(&n, "c.example", 1);
	assert_int_equal(stats_of(&n).n_cached, 2);
	guest_asks(&n, 3, "a.example");
	guest_gets(&n, 3, DNS_NOERROR, 1);
	asked_and_answered(&n, "b.example", 1); /* it had gone */
	net_end(&n);
}

static void kept_answer_longer_than_the_client_takes_is_truncated(void **state UNUSED)
{
	const struct dns_edns wide = {.udp_bytes = 1232}, narrow = {.udp_bytes = 512};
	uint8_t buf[DNS_UDP_MAX];
	struct net n;
	size_t len;

	cached_start(&n, 8);
	len = query(buf, 1, "www.example", &wide);
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	assert_true(got(&n, n.dns[0]));
	server_answers(&n, 0, 60, 0);
	guest_gets(&n, 1, DNS_NOERROR, 60);
	len = query(buf, 2, "www.example", &narrow);
	assert_int_equal(world_sendto(n.guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n.w);
	guest_gets(&n, 2, DNS_NOERROR, 0);
	assert_true(n.buf[2] & 2);
	assert_false(got(&n, n.dns[0]));
	net_end(&n);
}

static void other_servers_are_asked_from_then_on_and_nothing_kept_stays(void **state UNUSED)
{
	struct weft_sockaddr second;
	struct net n;

	cached_start(&n, 8);
	second = (struct weft_sockaddr){.addr = world_addr("10.9.0.3")};
	asked_and_answered(&n, "www.example", 1);
	guest_asks(&n, 1, "slow.example"); /* under way */
	assert_true(got(&n, n.dns[0]));
	assert_int_equal(dnsfwd_set_servers(n.fwd, &second, 1), 0);
	assert_int_equal(stats_of(&n).n_cached, 0);
	world_advance(&n.w, 2 * WORLD_SEC);
	assert_true(got(&n, n.dns[1]));
	server_answers(&n, 1, 1, DNS_NOERROR);
	guest_gets(&n, 1, DNS_NOERROR, 1);
	guest_asks(&n, 2, "www.example");
	assert_true(got(&n, n.dns[1]));
	assert_int_equal(dnsfwd_set_servers(n.fwd, &second, DNSFWD_SERVERS_MAX + 1), -EINVAL);
	assert_int_equal(dnsfwd_set_servers(n.fwd, NULL, 0), 0);
	world_advance(&n.w, 4 * WORLD_SEC);
	guest_gets(&n, 2, DNS_SERVFAIL, 0);
	net_end(&n);
}

static void sockets_that_ask_have_the_address_that_was_set(void **state UNUSED)
{
	struct weft_addr ours = world_addr("10.9.0.9");
	struct dnsfwd_config cfg = {.n_servers = 1, .device = "up0"};
	struct net n;

	*(world_is_ip6 ? &cfg.bind6 : &cfg.bind4) = ours;
	net_start_with(&n, cfg);
	guest_asks(&n, 1, "www.example"); /* it is not there: that is an error */
	guest_gets(&n, 1, DNS_SERVFAIL, 0);
	assert_int_equal(weft_addr_add(weft_netif_find(n.w.server, "up0"), &ours, 24), 0);
	guest_asks(&n, 2, "www.example");
	assert_true(got(&n, n.dns[0]));
	assert_int_equal(n.from.addr.bytes[world_is_ip6 ? 15 : 3], 9);
	net_end(&n);
}

/* All is given back, at whatever moment it ends. */
static void forwarder_that_ends_with_queries_under_way_leaves_nothing(void **state UNUSED)
{
	uint8_t buf[DNS_UDP_MAX + 2];
	struct weft_sock *s, *listener;
	struct net n;
	size_t len = framed(buf, 9, "www.example");

	net_start(&n);
	listener = world_bound_stream(n.up, "10.9.0.2:53");
	assert_int_equal(weft_listen(listener, 4), 0);
	guest_asks(&n, 1, "www.example");
	s = guest_connects(&n);
	assert_int_equal(weft_send(s, buf, len, 0), len);
	world_settle(&n.w);
	assert_int_equal(stats_of(&n).n_waiting, 2);
	weft_close(s); /* the client does not wait */
	world_settle(&n.w);
	weft_close(listener);
	net_end(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(
			query_is_sent_on_with_another_number_and_port_and_its_answer_comes_back),
		in_both_families(
			silent_server_is_followed_by_the_next_and_silence_of_all_by_servfail),
		in_both_families(server_that_is_not_there_costs_no_time),
		cmocka_unit_test(
			servfail_of_one_server_has_the_next_asked_and_of_the_last_is_passed_on),
		in_both_families(answers_with_wrong_number_question_or_sender_are_not_taken),
		cmocka_unit_test(answer_longer_than_the_client_takes_is_truncated),
		cmocka_unit_test(repeated_query_is_not_sent_on_twice),
		cmocka_unit_test(queries_beyond_the_bound_are_dropped),
		cmocka_unit_test(malformed_queries_are_answered_by_less_than_they_are),
		in_both_families(queries_of_a_connection_are_answered_in_turn_over_tcp),
		cmocka_unit_test(connection_is_closed_when_idle_malformed_or_beyond_the_bound),
		cmocka_unit_test(connection_without_a_server_gets_servfail),
		in_both_families(kept_answer_is_given_with_its_age_in_the_letters_of_who_asks),
		cmocka_unit_test(negative_answer_is_kept_with_its_soa_alone),
		cmocka_unit_test(answer_in_other_letters_is_passed_on_as_it_is_and_not_kept),
		cmocka_unit_test(answer_whose_question_is_compressed_is_passed_on_and_not_kept),
		cmocka_unit_test(words_of_our_own_have_an_opt_record_for_who_sent_one),
		cmocka_unit_test(failures_are_not_kept),
		cmocka_unit_test(answers_are_kept_by_what_they_depend_on),
		cmocka_unit_test(kept_answers_are_bounded_and_the_one_unused_longest_goes),
		cmocka_unit_test(kept_answer_longer_than_the_client_takes_is_truncated),
		in_both_families(other_servers_are_asked_from_then_on_and_nothing_kept_stays),
		in_both_families(sockets_that_ask_have_the_address_that_was_set),
		cmocka_unit_test(forwarder_that_ends_with_queries_under_way_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
