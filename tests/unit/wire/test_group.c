/* SPDX-License-Identifier: MIT */
/* IGMP and MLD codecs: what is written is read back, lengths tell versions, codes of times. */
#include "wire/igmp.h"
#include "wire/mld.h"

#include <errno.h>

#include "unit.h"

static struct ip_addr addr_of(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void codes_of_times_are_the_largest_not_above(void **state UNUSED)
{
	for (uint32_t v = 0; v < 40000; v++) {
		uint8_t code = group_code8(v);

		assert_true(group_code8_read(code) <= v);
		assert_true(code == 255 || group_code8_read((uint8_t)(code + 1)) > v);
	}
	assert_int_equal(group_code8_read(0x80), 128);
	assert_int_equal(group_code8_read(0xff), 31744);
	for (uint32_t v = 30000; v < 9000000; v += 97) {
		uint16_t code = group_code16(v);

		assert_true(group_code16_read(code) <= v);
		assert_true(code == 65535 || group_code16_read((uint16_t)(code + 1)) > v);
	}
	assert_int_equal(group_code16_read(0x8000), 32768);
}

static void igmp_report_is_read_as_written(void **state UNUSED)
{
	struct ip_addr srcs[2] = {addr_of("10.0.0.1"), addr_of("10.0.0.2")};
	const struct group_record_out recs[2] = {
		{.type = GROUP_TO_EX, .group = addr_of("239.1.2.3")},
		{.type = GROUP_ALLOW, .group = addr_of("232.1.1.1"), .n_srcs = 2, .srcs = srcs}};
	struct group_record rec;
	uint8_t buf[64];
	struct wr w = wr_make(buf, sizeof(buf));
	struct igmp m;
	struct rd r;

	igmp_report_write(&w, recs, 2);
	assert_int_equal(wr_len(&w), 8 + 8 + 16);
	for (size_t len = 0; len < wr_len(&w); len++) {
		int err;

		r = rd_make(buf, len);
		err = igmp_parse(&r, &m);
		for (int i = 0; !err && i < 2; i++)
			err = igmp_record_parse(&m.records, &rec);
		assert_int_equal(err, -EBADMSG);
	}
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(igmp_parse(&r, &m), 0);
	assert_int_equal(m.n_records, 2);
	assert_int_equal(igmp_record_parse(&m.records, &rec), 0);
	assert_int_equal(rec.type, GROUP_TO_EX);
	assert_int_equal(rec.n_srcs, 0);
	assert_int_equal(igmp_record_parse(&m.records, &rec), 0);
	assert_int_equal(rec.n_srcs, 2);
	for (int i = 0; i < 2; i++) {
		struct ip_addr src = igmp_src_read(&rec.srcs);

		assert_true(ip_addr_eq(&src, &srcs[i]));
	}
}

static void igmp_query_tells_its_version_by_its_length(void **state UNUSED)
{
	const struct group_query q = {
		.max_resp_ms = 10000, .robustness = 2, .interval_s = 125, .is_suppressed = true};
	const struct group_record_out none = {0};
	uint8_t buf[64];
	struct wr w = wr_make(buf, sizeof(buf));
	struct igmp m;
	struct rd r;

	igmp_query_write(&w, &q, &none);
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(igmp_parse(&r, &m), 0);
	assert_int_equal(m.query.level, GROUP_LEVEL_3);
	assert_int_equal(m.query.max_resp_ms, 10000);
	assert_int_equal(m.query.interval_s, 125);
	assert_int_equal(m.query.robustness, 2);
	assert_true(m.query.is_suppressed);
	for (size_t len = 9; len < 12; len++) {
		r = rd_make(buf, len);
		assert_int_equal(igmp_parse(&r, &m), -EBADMSG);
	}
	r = rd_make(buf, 8);
	assert_int_equal(igmp_parse(&r, &m), 0);
	assert_int_equal(m.query.level, GROUP_LEVEL_2);
	buf[1] = 0;
	r = rd_make(buf, 8);
	assert_int_equal(igmp_parse(&r, &m), 0);
	assert_int_equal(m.query.level, GROUP_LEVEL_1);
	assert_int_equal(m.query.max_resp_ms, 10000);
}

static void mld_messages_are_read_as_written(void **state UNUSED)
{
	struct ip_addr group = addr_of("ff05::1:3"), src = addr_of("2001:db8::1");
	const struct group_record_out rec_out = {
		.type = GROUP_IS_IN, .group = group, .n_srcs = 1, .srcs = &src};
	const struct group_query q = {.group = group, .max_resp_ms = 40000, .interval_s = 125};
	struct group_record rec;
	uint8_t buf[128];
	struct wr w = wr_make(buf, sizeof(buf));
	struct ip_addr got;
	struct mld m;
	struct rd r;

	mld_query_write(&w, &q, &rec_out);
	assert_int_equal(wr_len(&w), MLD_QUERY_V2_LEN + 16);
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(mld_parse(&r, &m), 0);
	assert_int_equal(m.query.level, GROUP_LEVEL_3);
	assert_int_equal(m.query.max_resp_ms, 40000);
	assert_int_equal(m.query.n_srcs, 1);
	got = mld_src_read(&m.query.srcs);
	assert_true(ip_addr_eq(&got, &src));
	r = rd_make(buf, MLD_HDR_LEN);
	assert_int_equal(mld_parse(&r, &m), 0);
	assert_int_equal(m.query.level, GROUP_LEVEL_2);
	r = rd_make(buf, MLD_HDR_LEN - 1);
	assert_int_equal(mld_parse(&r, &m), -EBADMSG);

	w = wr_make(buf, sizeof(buf));
	mld_report_write(&w, &rec_out, 1);
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(mld_parse(&r, &m), 0);
	assert_int_equal(m.n_records, 1);
	assert_int_equal(mld_record_parse(&m.records, &rec), 0);
	assert_true(ip_addr_eq(&rec.group, &group));

	w = wr_make(buf, sizeof(buf));
	mld_write(&w, ICMP6_MLD_DONE, 0, &group);
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(mld_parse(&r, &m), 0);
	assert_true(ip_addr_eq(&m.group, &group));
	buf[8] = 0x20; /* no group */
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(mld_parse(&r, &m), -EINVAL);
	buf[0] = ICMP6_ECHO;
	r = rd_make(buf, wr_len(&w));
	assert_int_equal(mld_parse(&r, &m), -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_of_times_are_the_largest_not_above),
		cmocka_unit_test(igmp_report_is_read_as_written),
		cmocka_unit_test(igmp_query_tells_its_version_by_its_length),
		cmocka_unit_test(mld_messages_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
