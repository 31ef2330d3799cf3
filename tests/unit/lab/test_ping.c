/* SPDX-License-Identifier: MIT */
/* What ping and traceroute understand of ICMP, and the figures of a ping. */
#include "unit.h"

#include "lab/icmp_seen.h"
#include "lab/ping_stats.h"

#include <errno.h>

/* An IP header from 10.0.0.2 to 10.0.0.1 with TTL 63. */
#define IP_HDR(proto) 0x45, 0x10, 0, 0, 0, 0, 0, 0, 63, proto, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1
/* One of ours, from 10.0.0.1 to 10.0.0.9. */
#define OUR_HDR(proto) 0x45, 0, 0, 0, 0, 0, 0, 0, 1, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 9

static void echo_reply_has_its_number(void **state UNUSED)
{
	static const uint8_t b[] = {IP_HDR(1), 0, 0, 0, 0, 0x12, 0x34, 0, 7, 'x'};
	struct icmp_seen seen;

	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), 0);
	assert_false(seen.is_error);
	assert_int_equal(seen.type, ICMP_SEEN_ECHO_REPLY);
	assert_int_equal(seen.id, 0x1234);
	assert_int_equal(seen.seq, 7);
	assert_int_equal(seen.ttl, 63);
	assert_int_equal(seen.tos, 0x10);
	assert_int_equal(seen.icmp_len, 9);
	assert_int_equal(seen.from.bytes[3], 2);
}

static void error_tells_about_the_packet_it_quotes(void **state UNUSED)
{
	static const uint8_t b[] = {IP_HDR(1),   3,    3,    0,    0,    0, 0, 0, 0,
				    OUR_HDR(17), 0x80, 0x01, 0x82, 0x9a, 0, 8, 0, 0};
	struct icmp_seen seen;

	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), 0);
	assert_true(seen.is_error);
	assert_int_equal(seen.quoted_proto, 17);
	assert_int_equal(seen.quoted_dst.bytes[3], 9);
	assert_int_equal(seen.quoted_sport, 0x8001);
	assert_int_equal(seen.quoted_dport, 33434);
	assert_int_equal(seen.mtu, 0);
}

static void fragmentation_needed_has_the_mtu(void **state UNUSED)
{
	static const uint8_t b[] = {IP_HDR(1),  3, 4, 0, 0, 0, 0, 0x05, 0x14,
				    OUR_HDR(1), 8, 0, 0, 0, 0, 5, 0,    6};
	struct icmp_seen seen;

	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), 0);
	assert_int_equal(seen.mtu, 1300);
	assert_int_equal(seen.id, 5);
	assert_int_equal(seen.seq, 6);
}

static void message_cut_anywhere_is_refused(void **state UNUSED)
{
	static const uint8_t b[] = {IP_HDR(1),  11, 0, 0, 0, 0, 0, 0, 0,
				    OUR_HDR(1), 8,  0, 0, 0, 0, 5, 0, 6};
	struct icmp_seen seen;

	for (size_t len = 0; len < sizeof(b); len++) {
		uint8_t *part = malloc(len ? len : 1);

		assert_non_null(part);
		memcpy(part, b, len);
		assert_int_equal(icmp_seen_parse(part, len, &seen), -EBADMSG);
		free(part);
	}
	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), 0);
}

static void header_of_impossible_length_is_refused(void **state UNUSED)
{
	uint8_t b[] = {IP_HDR(1), 0, 0, 0, 0, 0, 1, 0, 1};
	struct icmp_seen seen;

	b[0] = 0x44;
	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), -EBADMSG);
	b[0] = 0x4f;
	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), -EBADMSG);
	b[0] = 0x65;
	assert_int_equal(icmp_seen_parse(b, sizeof(b), &seen), -EBADMSG);
}

static void message_about_something_else_is_no_news(void **state UNUSED)
{
	static const uint8_t request[] = {IP_HDR(1), 8, 0, 0, 0, 0, 1, 0, 1};
	static const uint8_t about_reply[] = {IP_HDR(1),  11, 0, 0, 0, 0, 0, 0, 0,
					      OUR_HDR(1), 0,  0, 0, 0, 0, 5, 0, 6};
	struct icmp_seen seen;

	assert_int_equal(icmp_seen_parse(request, sizeof(request), &seen), -ENOMSG);
	assert_int_equal(icmp_seen_parse(about_reply, sizeof(about_reply), &seen), -ENOMSG);
}

static void echo_request_has_a_right_checksum(void **state UNUSED)
{
	for (size_t len = 8; len < 40; len++) {
		uint8_t b[40] = {0};
		uint32_t sum = 0;

		memset(b + 8, 0xa5, len - 8);
		icmp_echo_fill(b, len, 0xffff, 0x0102);
		for (size_t i = 0; i < len; i++)
			sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		assert_int_equal(sum, 0xffff);
		assert_int_equal(b[0], 8);
		assert_int_equal(b[7], 2);
	}
}

static void times_have_mean_and_deviation(void **state UNUSED)
{
	struct ping_stats s = {0};

	for (int i = 0; i < 4; i++)
		ping_stats_sent(&s, i * 1000);
	ping_stats_reply(&s, 1, 2000000, false);
	ping_stats_reply(&s, 2, 4000000, false);
	ping_stats_reply(&s, 2, 4000000, true);
	ping_stats_reply(&s, 3, -1, false);
	ping_stats_error(&s, 4);
	assert_int_equal(s.n_sent, 4);
	assert_int_equal(s.n_received, 3);
	assert_int_equal(s.n_duplicates, 1);
	assert_int_equal(s.n_errors, 1);
	assert_int_equal(s.min_us, 2000);
	assert_int_equal(s.max_us, 4000);
	assert_int_equal(ping_stats_avg_us(&s), 3333);
	assert_int_equal(ping_stats_mdev_us(&s), 943);
	assert_int_equal(s.pipe, 4);
	assert_int_equal(s.last_ns - s.start_ns, 3000);
}

static void no_answer_has_no_times(void **state UNUSED)
{
	struct ping_stats s = {0};

	assert_int_equal(ping_stats_avg_us(&s), 0);
	assert_int_equal(ping_stats_mdev_us(&s), 0);
}

/* A reply after a very long time must not overflow the sums. */
static void huge_time_is_counted_as_the_longest(void **state UNUSED)
{
	struct ping_stats s = {0};

	for (int i = 0; i < 1000; i++)
		ping_stats_reply(&s, 1, INT64_MAX, false);
	assert_int_equal(s.max_us, 1000000000);
	assert_int_equal(ping_stats_avg_us(&s), 1000000000);
}

/* An IPv6 header of ours, from 2001:db8::1 to 2001:db8::9. */
#define OUR_HDR6(next)                                                                         \
	0x60, 0, 0, 0, 0, 8, next, 1, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, \
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9

static void icmpv6_reply_has_its_number(void **state UNUSED)
{
	static const uint8_t b[] = {129, 0, 0, 0, 0x12, 0x34, 0, 7, 'x'};
	struct icmp_seen seen = {.ttl = 63, .scope_id = 2};

	assert_int_equal(icmp6_seen_parse(b, sizeof(b), &seen), 0);
	assert_false(seen.is_error);
	assert_int_equal(seen.kind, ICMP_SEEN_ANSWER);
	assert_int_equal(seen.id, 0x1234);
	assert_int_equal(seen.seq, 7);
	assert_int_equal(seen.ttl, 63);
	assert_int_equal(seen.scope_id, 2);
	assert_int_equal(seen.icmp_len, 9);
}

static void icmpv6_errors_tell_about_the_packet_they_quote(void **state UNUSED)
{
	static const uint8_t too_big[] = {2,   0, 0, 0, 0, 0, 0x05, 0x14, OUR_HDR6(58),
					  128, 0, 0, 0, 0, 5, 0,    6};
	/* Behind a destination options header and the header of a first fragment. */
	static const uint8_t port[] = {
		1,  4, 0, 0, 0, 0, 0, 0, OUR_HDR6(60), 44,   0,    1,    4, 0, 0, 0, 0,
		17, 0, 0, 1, 0, 0, 0, 9, 0x80,         0x01, 0x82, 0x9a, 0, 8, 0, 0};
	struct icmp_seen seen = {.ttl = 1};

	assert_int_equal(icmp6_seen_parse(too_big, sizeof(too_big), &seen), 0);
	assert_true(seen.is_error && seen.quotes_echo);
	assert_int_equal(seen.kind, ICMP_SEEN_IS_UNREACH);
	assert_int_equal(seen.mtu, 1300);
	assert_int_equal(seen.id, 5);
	assert_int_equal(seen.seq, 6);
	assert_int_equal(seen.quoted_dst.bytes[15], 9);
	assert_int_equal(icmp6_seen_parse(port, sizeof(port), &seen), 0);
	assert_false(seen.quotes_echo);
	assert_int_equal(seen.quoted_proto, 17);
	assert_int_equal(seen.quoted_sport, 0x8001);
	assert_int_equal(seen.quoted_dport, 33434);
	for (size_t len = 0; len < sizeof(port); len++) {
		uint8_t *part = malloc(len ? len : 1);

		assert_non_null(part);
		memcpy(part, port, len);
		assert_int_equal(icmp6_seen_parse(part, len, &seen), -EBADMSG);
		free(part);
	}
}

static void icmpv6_of_others_is_none_of_ours(void **state UNUSED)
{
	static const uint8_t request[] = {128, 0, 0, 0, 0, 1, 0, 1};
	static const uint8_t advert[24] = {136};
	static const uint8_t about_reply[] = {3,   0, 0, 0, 0, 0, 0, 0, OUR_HDR6(58),
					      129, 0, 0, 0, 0, 5, 0, 6};
	static const uint8_t later[] = {3,  0, 0, 0, 0, 0, 0, 0, OUR_HDR6(44),
					58, 0, 0, 8, 0, 0, 0, 9, 0,
					0,  0, 0, 0, 0, 0, 0};
	struct icmp_seen seen = {.ttl = 1};

	assert_int_equal(icmp6_seen_parse(request, sizeof(request), &seen), -ENOMSG);
	assert_int_equal(icmp6_seen_parse(advert, sizeof(advert), &seen), -ENOMSG);
	assert_int_equal(icmp6_seen_parse(about_reply, sizeof(about_reply), &seen), -ENOMSG);
	assert_int_equal(icmp6_seen_parse(later, sizeof(later), &seen), -EBADMSG);
	assert_int_equal(seen.ttl, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_reply_has_its_number),
		cmocka_unit_test(icmpv6_reply_has_its_number),
		cmocka_unit_test(icmpv6_errors_tell_about_the_packet_they_quote),
		cmocka_unit_test(icmpv6_of_others_is_none_of_ours),
		cmocka_unit_test(error_tells_about_the_packet_it_quotes),
		cmocka_unit_test(fragmentation_needed_has_the_mtu),
		cmocka_unit_test(message_cut_anywhere_is_refused),
		cmocka_unit_test(header_of_impossible_length_is_refused),
		cmocka_unit_test(message_about_something_else_is_no_news),
		cmocka_unit_test(echo_request_has_a_right_checksum),
		cmocka_unit_test(times_have_mean_and_deviation),
		cmocka_unit_test(no_answer_has_no_times),
		cmocka_unit_test(huge_time_is_counted_as_the_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
