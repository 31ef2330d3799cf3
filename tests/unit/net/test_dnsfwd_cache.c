/* SPDX-License-Identifier: MIT */
/* Answers that the DNS forwarder keeps, and those that it must not keep. */
#include "net/dnsfwd/dnsfwd.h"

#include "dnsfwd_net.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
