/* SPDX-License-Identifier: MIT */
/* The DNS forwarder: a guest asks it over one network, and it asks servers over another one. */
#include "net/dnsfwd/dnsfwd.h"

#include "dnsfwd_net.h"

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
		in_both_families(sockets_that_ask_have_the_address_that_was_set),
		cmocka_unit_test(forwarder_that_ends_with_queries_under_way_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
