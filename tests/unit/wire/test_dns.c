/* SPDX-License-Identifier: MIT */
/* Messages of DNS; the groups of bad ones are those of RFC 9267. */
#include "wire_test.h"

#include <errno.h>

#include "wire/dns.h"

enum {
	MSG = 512,
};

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	assert_int_equal(dns_name_parse(text, &name), 0);
	return name;
}

static void assert_name(const struct dns_name *name, const char *text)
{
	char buf[DNS_NAME_STRLEN];

	assert_string_equal(dns_name_print(name, buf, sizeof(buf)), text);
}

/* A reply with everything. */
static size_t reply_write(uint8_t *buf, size_t size)
{
	const struct dns_hdr hdr = {
		.id = 0x1234, .is_response = true, .wants_recursion = true, .has_recursion = true};
	const struct dns_edns edns = {.udp_bytes = 1232};
	struct dns_name www = name_of("www.weft.test"), host = name_of("host.weft.test");
	struct dns_name zone = name_of("weft.test");
	const struct dns_soa soa = {.mname = host, .rname = www, .serial = 7, .minimum_s = 60};
	const struct dns_question q = {.name = www, .type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	const struct ip6_addr six = {{0x20, 1, 0x0d, 0xb8, [15] = 1}};
	struct dns_wr d;

	dns_wr_start(&d, buf, size, &hdr, &edns);
	dns_question_write(&d, &q);
	dns_name_rr_write(&d, DNS_ANSWER, &www, DNS_TYPE_CNAME, &host, 300);
	dns_a_write(&d, DNS_ANSWER, &host, &IP4_ADDR(192, 0, 2, 1), 200);
	dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 100);
	dns_aaaa_write(&d, DNS_ADDITIONAL, &host, &six, 50);
	return dns_wr_finish(&d);
}

static void a_reply_is_read_as_it_was_written(void **state UNUSED)
{
	uint8_t buf[MSG];
	size_t len = reply_write(buf, sizeof(buf));
	struct dns_question q;
	struct dns_name name;
	struct dns_soa soa;
	struct dns_edns edns;
	struct ip6_addr six;
	struct ip4_addr four;
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;

	assert_int_equal(dns_msg_check(buf, len), 0);
	assert_int_equal(dns_msg_open(&d, buf, len, &hdr), 0);
	assert_int_equal(hdr.id, 0x1234);
	assert_true(hdr.is_response && hdr.wants_recursion && hdr.has_recursion);
	assert_false(hdr.is_truncated || hdr.is_authoritative || hdr.rcode || hdr.opcode);
	assert_int_equal(dns_question_read(&d, &q), 1);
	assert_name(&q.name, "www.weft.test");
	assert_int_equal(dns_question_read(&d, &q), 0);
	assert_int_equal(dns_rr_read(&d, &rr), 1);
	assert_int_equal(rr.ttl_s, 300);
	assert_int_equal(dns_rr_name(&rr, &name), 0);
	assert_name(&name, "host.weft.test");
	assert_int_equal(dns_rr_a(&rr, &four), -EBADMSG);
	assert_int_equal(dns_rr_read(&d, &rr), 1);
	assert_int_equal(dns_rr_a(&rr, &four), 0);
	assert_int_equal(four.b[3], 1);
	assert_int_equal(dns_rr_read(&d, &rr), 1);
	assert_int_equal(rr.section, DNS_AUTHORITY);
	assert_int_equal(dns_rr_soa(&rr, &soa), 0);
	assert_name(&soa.rname, "www.weft.test");
	assert_int_equal(soa.minimum_s, 60);
	assert_int_equal(dns_rr_read(&d, &rr), 1);
	assert_int_equal(dns_rr_aaaa(&rr, &six), 0);
	assert_int_equal(dns_rr_read(&d, &rr), 1);
	assert_int_equal(dns_rr_edns(&rr, &edns), 0);
	assert_int_equal(edns.udp_bytes, 1232);
	assert_int_equal(dns_rr_read(&d, &rr), 0);
}

static void names_are_compressed(void **state UNUSED)
{
	uint8_t buf[MSG];

	/* The header; a question; then names that are a pointer, or a label and a pointer. */
	assert_int_equal(reply_write(buf, sizeof(buf)),
			 12 + 19 + (12 + 7) + (12 + 4) + (12 + 4 + 20) + (12 + 16) + 11);
}

static void what_does_not_fit_is_left_out_and_said(void **state UNUSED)
{
	uint8_t buf[MSG];
	size_t whole = reply_write(buf, sizeof(buf));

	for (size_t size = 0; size < whole; size++) {
		uint8_t *copy = malloc(size + 1);
		size_t len = reply_write(copy, size);
		struct dns_hdr hdr;
		struct dns_rd d;

		assert_true(len <= size);
		if (size < DNS_HDR_LEN + 19 + DNS_OPT_LEN) {
			assert_int_equal(len, 0);
		} else {
			assert_int_equal(dns_msg_check(copy, len), 0);
			assert_int_equal(dns_msg_open(&d, copy, len, &hdr), 0);
			assert_true(hdr.is_truncated);
			assert_true(hdr.n[DNS_ADDITIONAL] >= 1);
		}
		free(copy);
	}
}

static void parse_cut(struct rd *r, size_t len)
{
	uint8_t buf[MSG];
	size_t whole = reply_write(buf, sizeof(buf));

	assert_int_equal(dns_msg_check(r->p, len), len == whole ? 0 : -EBADMSG);
}

static void a_reply_that_is_cut_anywhere_is_refused(void **state UNUSED)
{
	uint8_t buf[MSG];

	each_truncation(buf, reply_write(buf, sizeof(buf)), parse_cut);
}

static void texts_of_names_have_bounds_and_escapes(void **state UNUSED)
{
	static const char *const bad[] = {"",    "..",    ".a",     "a..b",
					  "a\\", "a\\25", "a\\256", "a\\2x5"};
	struct dns_name name, other;
	char text[300], out[DNS_NAME_STRLEN];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(dns_name_parse(bad[i], &name), -EINVAL);
	name = name_of(".");
	assert_int_equal(name.len, 1);
	assert_name(&name, ".");
	name = name_of("a.b.");
	assert_name(&name, "a.b");
	assert_int_equal(dns_name_n_labels(&name), 2);
	name = name_of("a\\.b\\032\\\\.c");
	assert_int_equal(name.b[0], 5);
	assert_name(&name, "a\\.b\\032\\\\.c");
	assert_string_equal(dns_name_print(&name, out, 4), "a\\.");
	memset(text, 'x', sizeof(text));
	text[63] = '\0';
	assert_int_equal(dns_name_parse(text, &name), 0);
	text[63] = 'x';
	text[64] = '\0';
	assert_int_equal(dns_name_parse(text, &name), -EINVAL);
	/* 63 + 63 + 63 + 61 bytes of labels, four lengths and the root: 255. */
	memset(text, 'x', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0';
	assert_int_equal(dns_name_parse(text, &name), 0);
	assert_int_equal(name.len, DNS_NAME_MAX);
	other = name_of("b");
	assert_int_equal(dns_name_join(&other, &name, &other), -EINVAL);
	text[253] = 'x';
	text[254] = '\0';
	assert_int_equal(dns_name_parse(text, &name), -EINVAL);
}

static void names_are_compared_by_label_without_case(void **state UNUSED)
{
	struct dns_name a = name_of("WWW.Weft.Test"), b = name_of("www.weft.TEST");
	struct dns_name zone = name_of("weft.test"), tail = name_of("eft.test"),
			root = name_of(".");
	struct dns_name www = name_of("www");

	assert_true(dns_name_eq(&a, &b));
	assert_false(dns_name_eq_case(&a, &b));
	assert_true(dns_name_is_within(&a, &zone) && dns_name_is_within(&zone, &zone));
	assert_false(dns_name_is_within(&a, &tail) || dns_name_is_within(&zone, &a));
	assert_true(dns_name_is_within(&a, &root));
	dns_name_lower(&a);
	assert_name(&a, "www.weft.test");
	assert_int_equal(dns_name_join(&www, &zone, &b), 0);
	assert_true(dns_name_eq(&a, &b));
}

/* `bytes` behind a header, read as a name at `at`. */
static int name_err(const void *bytes, size_t len, size_t at, struct dns_name *ret)
{
	uint8_t buf[1024] = {0}, *copy;
	struct rd r;
	int err;

	memcpy(buf + DNS_HDR_LEN, bytes, len);
	copy = exact_copy(buf, DNS_HDR_LEN + len);
	r = rd_make(copy, DNS_HDR_LEN + len);
	rd_skip(&r, DNS_HDR_LEN + at);
	err = dns_name_read(&r, copy, ret);
	assert_int_equal(err == 0, rd_ok(&r));
	free(copy);
	return err;
}

/* RFC 9267 §2 */
static void pointers_lead_backwards_or_nowhere(void **state UNUSED)
{
	struct dns_name name;

	assert_int_equal(name_err("\1a\0\1b\xc0\x0c", 7, 3, &name), 0);
	assert_name(&name, "b.a");
	assert_int_equal(name_err("\xc0\x0c", 2, 0, &name), -EBADMSG);         /* itself */
	assert_int_equal(name_err("\xc0\x0e\1a\0", 5, 0, &name), -EBADMSG);    /* forward */
	assert_int_equal(name_err("\xc0\x0e\xc0\x0c", 4, 2, &name), -EBADMSG); /* a pair */
	assert_int_equal(name_err("\1a\xc0\x0c", 4, 0, &name), -EBADMSG);      /* own start */
	assert_int_equal(name_err("\2a\1b\xc0\x0c", 6, 0, &name), -EBADMSG);   /* inside */
	assert_int_equal(name_err("\xff\xff", 2, 0, &name), -EBADMSG);         /* past the end */
	assert_int_equal(name_err("\1a\xc0", 3, 0, &name), -EBADMSG);          /* half of one */
	assert_int_equal(name_err("\x40"
				  "a\0",
				  3, 0, &name),
			 -EBADMSG); /* RFC 2673 */
	assert_int_equal(name_err("\x80"
				  "a\0",
				  3, 0, &name),
			 -EBADMSG);
}

static void a_chain_of_pointers_has_an_end(void **state UNUSED)
{
	uint8_t chain[2 + 2 * 200] = {0};
	struct dns_name name;

	for (size_t i = 1; i <= 200; i++)
		store_be16(chain + 2 * i, (uint16_t)(0xc000 | (DNS_HDR_LEN + 2 * (i - 1))));
	assert_int_equal(name_err(chain, sizeof(chain), 2 * (size_t)DNS_POINTERS_MAX, &name), 0);
	assert_name(&name, ".");
	assert_int_equal(name_err(chain, sizeof(chain), 2 * (size_t)DNS_POINTERS_MAX + 2, &name),
			 -EBADMSG);
}

/* RFC 9267 §3: 63, 64, 255 and 256. */
static void labels_and_names_have_their_lengths(void **state UNUSED)
{
	uint8_t b[300] = {0};
	struct dns_name name;

	b[0] = 63;
	assert_int_equal(name_err(b, 65, 0, &name), 0);
	b[0] = 64;
	assert_int_equal(name_err(b, 66, 0, &name), -EBADMSG);
	b[0] = b[64] = b[128] = 63;
	b[192] = 61;
	assert_int_equal(name_err(b, 255, 0, &name), 0);
	assert_int_equal(name.len, 255);
	b[192] = 62;
	assert_int_equal(name_err(b, 256, 0, &name), -EBADMSG);
	/* The same length in two parts: 254 bytes, and a label in front of them. */
	b[192] = 60;
	store_be32(b + 254, 0x0161c00c); /* "a" and a pointer */
	assert_int_equal(name_err(b, 258, 254, &name), -EBADMSG);
}

/* RFC 9267 §4 */
static void a_name_without_an_end_is_refused(void **state UNUSED)
{
	struct dns_name name;

	assert_int_equal(name_err("\3abc", 4, 0, &name), -EBADMSG);
	assert_int_equal(name_err("\3ab", 3, 0, &name), -EBADMSG);
	assert_int_equal(name_err("", 0, 0, &name), -EBADMSG);
}

static int check(const void *bytes, size_t len)
{
	uint8_t *copy = exact_copy(bytes, len);
	int err = dns_msg_check(copy, len);

	free(copy);
	return err;
}

#define HDR(an, ns, ar) "\0\1\x80\0\0\0\0" an "\0" ns "\0" ar

/* RFC 9267 §5 */
static void the_length_of_data_is_that_of_the_record(void **state UNUSED)
{
	static const char a_short[] = HDR("\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\3abc";
	static const char a_long[] = HDR("\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\5abcde";
	static const char past[] = HDR("\1", "\0", "\0") "\0\0\x10\0\1\0\0\0\0\xff\xff"
							 "a";
	static const char name_past[] = HDR("\1", "\0", "\0") "\0\0\5\0\1\0\0\0\0\0\2\1a\0";
	static const char name_short[] = HDR("\1", "\0", "\0") "\0\0\5\0\1\0\0\0\0\0\4\1a\0\0";
	static const char good[] = HDR("\1", "\0", "\0") "\0\0\5\0\1\0\0\0\0\0\3\1a\0";

	assert_int_equal(check(a_short, sizeof(a_short) - 1), -EBADMSG);
	assert_int_equal(check(a_long, sizeof(a_long) - 1), -EBADMSG);
	assert_int_equal(check(past, sizeof(past) - 1), -EBADMSG);
	assert_int_equal(check(name_past, sizeof(name_past) - 1), -EBADMSG);
	assert_int_equal(check(name_short, sizeof(name_short) - 1), -EBADMSG);
	assert_int_equal(check(good, sizeof(good) - 1), 0);
}

/* RFC 9267 §6 */
static void counts_that_are_not_true_are_refused(void **state UNUSED)
{
	uint8_t hdr[DNS_HDR_LEN] = {0};

	assert_int_equal(check(hdr, sizeof(hdr)), 0);
	for (size_t at = 4; at < DNS_HDR_LEN; at += 2) {
		store_be16(hdr + at, UINT16_MAX);
		assert_int_equal(check(hdr, sizeof(hdr)), -EBADMSG);
		store_be16(hdr + at, 0);
	}
}

static void the_opt_record_is_one_of_the_root_at_its_place(void **state UNUSED)
{
#define OPT "\0\0\x29\2\0\1\2\x80\0\0\0"
	static const char one[] = HDR("\0", "\0", "\1") OPT;
	static const char two[] = HDR("\0", "\0", "\2") OPT OPT;
	static const char answer[] = HDR("\1", "\0", "\0") OPT;
	static const char named[] = HDR("\0", "\0", "\1") "\1a" OPT;
	static const char cut[] = HDR("\0", "\0", "\1") "\0\0\x29\2\0\1\2\x80\0\0\5\0\1\0\3a";
	struct dns_edns edns;
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;

	assert_int_equal(check(one, sizeof(one) - 1), 0);
	assert_int_equal(check(two, sizeof(two) - 1), -EBADMSG);
	assert_int_equal(check(answer, sizeof(answer) - 1), -EBADMSG);
	assert_int_equal(check(named, sizeof(named) - 1), -EBADMSG);
	assert_int_equal(check(cut, sizeof(cut) - 1), -EBADMSG);
	assert_int_equal(dns_msg_open(&d, (const uint8_t *)one, sizeof(one) - 1, &hdr), 0);
	assert_int_equal(dns_rr_read(&d, &rr), 1);
	assert_int_equal(dns_rr_edns(&rr, &edns), 0);
	assert_int_equal(edns.udp_bytes, 512);
	assert_int_equal(edns.rcode_high, 1);
	assert_int_equal(edns.version, 2);
	assert_true(edns.wants_dnssec);
}

static void a_message_ages_and_says_how_long_it_may_be_kept(void **state UNUSED)
{
	uint8_t buf[MSG];
	size_t len = reply_write(buf, sizeof(buf));

	assert_int_equal(dns_msg_ttl_s(buf, len), 200);
	dns_msg_age(buf, len, 150);
	assert_int_equal(dns_msg_check(buf, len), 0);
	assert_int_equal(dns_msg_ttl_s(buf, len), 50);
	dns_msg_age(buf, len, 51);
	assert_int_equal(dns_msg_ttl_s(buf, len), 0);
	assert_int_equal(dns_msg_ttl_s(buf, len - 1), 0);
}

static void a_negative_reply_is_kept_as_its_soa_says(void **state UNUSED)
{
	struct dns_hdr hdr = {.is_response = true, .rcode = DNS_NXDOMAIN};
	struct dns_name zone = name_of("test");
	struct dns_soa soa = {.mname = zone, .rname = zone, .minimum_s = 60};
	struct dns_wr d;
	uint8_t buf[MSG];
	size_t len;

	dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
	dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 90);
	assert_int_equal(dns_msg_ttl_s(buf, dns_wr_finish(&d)), 60);
	dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
	dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 30);
	assert_int_equal(dns_msg_ttl_s(buf, dns_wr_finish(&d)), 30);
	/* Without SOA: not at all; nor a failure of the server. */
	dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
	assert_int_equal(dns_msg_ttl_s(buf, dns_wr_finish(&d)), 0);
	hdr.rcode = DNS_SERVFAIL;
	dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
	dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 30);
	len = dns_wr_finish(&d);
	assert_int_equal(dns_msg_ttl_s(buf, len), 0);
	/* A TTL with the top bit set is none (RFC 2181 §8). */
	hdr.rcode = DNS_NXDOMAIN;
	dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
	dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 0x80000000u);
	len = dns_wr_finish(&d);
	assert_int_equal(dns_msg_ttl_s(buf, len), 0);
}

/* RFC 2308 §5: also where an alias of a longer time leads to it. */
static void an_alias_to_nothing_is_kept_no_longer_than_the_soa_says(void **state UNUSED)
{
	const struct dns_hdr hdr = {.is_response = true};
	struct dns_name zone = name_of("test"), name = name_of("a.test"), to = name_of("b.test");
	struct dns_soa soa = {.mname = zone, .rname = zone, .minimum_s = 60};
	struct dns_question q = {.name = name, .type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	struct dns_wr d;
	uint8_t buf[MSG];

	dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
	dns_question_write(&d, &q);
	dns_name_rr_write(&d, DNS_ANSWER, &name, DNS_TYPE_CNAME, &to, 3600);
	dns_soa_write(&d, DNS_AUTHORITY, &zone, &soa, 90);
	assert_int_equal(dns_msg_ttl_s(buf, dns_wr_finish(&d)), 60);
	/* Without SOA: not at all. Who asks for the alias has his answer. */
	for (int i = 0; i < 2; i++) {
		dns_wr_start(&d, buf, sizeof(buf), &hdr, NULL);
		dns_question_write(&d, &q);
		dns_name_rr_write(&d, DNS_ANSWER, &name, DNS_TYPE_CNAME, &to, 3600);
		assert_int_equal(dns_msg_ttl_s(buf, dns_wr_finish(&d)), i ? 3600 : 0);
		q.type = DNS_TYPE_CNAME;
	}
}

static void random_bytes_do_no_harm(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;

	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t buf[MSG];
		size_t len = reply_write(buf, sizeof(buf));

		for (uint32_t n = 1 + rng_u32(&rng) % 4; n--;)
			buf[rng_u32(&rng) % len] = (uint8_t)rng_u32(&rng);
		(void)check(buf, len);
		(void)dns_msg_ttl_s(buf, len);
		dns_msg_age(buf, len, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_is_read_as_it_was_written),
		cmocka_unit_test(names_are_compressed),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_said),
		cmocka_unit_test(a_reply_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(texts_of_names_have_bounds_and_escapes),
		cmocka_unit_test(names_are_compared_by_label_without_case),
		cmocka_unit_test(pointers_lead_backwards_or_nowhere),
		cmocka_unit_test(a_chain_of_pointers_has_an_end),
		cmocka_unit_test(labels_and_names_have_their_lengths),
		cmocka_unit_test(a_name_without_an_end_is_refused),
		cmocka_unit_test(the_length_of_data_is_that_of_the_record),
		cmocka_unit_test(counts_that_are_not_true_are_refused),
		cmocka_unit_test(the_opt_record_is_one_of_the_root_at_its_place),
		cmocka_unit_test(a_message_ages_and_says_how_long_it_may_be_kept),
		cmocka_unit_test(a_negative_reply_is_kept_as_its_soa_says),
		cmocka_unit_test(an_alias_to_nothing_is_kept_no_longer_than_the_soa_says),
		cmocka_unit_test(random_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
