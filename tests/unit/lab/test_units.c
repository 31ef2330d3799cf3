/* SPDX-License-Identifier: MIT */
/* Numbers with units: exact values, and what is refused with which words. */
#include "unit.h"

#include "lab/units.h"

#include <errno.h>

/* A text, and its value or why it has none. */
struct unit_case {
	const char *text;
	uint64_t value;
	const char *why;
};

static int rate(const char *s, uint64_t *ret, const char **why)
{
	return lab_rate_parse(s, ret, why);
}

static int duration(const char *s, uint64_t *ret, const char **why)
{
	int64_t ns = 0;
	int err = lab_duration_parse(s, &ns, why);

	*ret = (uint64_t)ns;
	return err;
}

static int share(const char *s, uint64_t *ret, const char **why)
{
	uint32_t ppm = 0;
	int err = lab_share_parse(s, &ppm, why);

	*ret = ppm;
	return err;
}

static int size(const char *s, uint64_t *ret, const char **why)
{
	return lab_size_parse(s, ret, why);
}

static int number(const char *s, uint64_t *ret, const char **why)
{
	return lab_uint_parse(s, 5, UINT64_MAX, ret, why);
}

/* Packets count as themselves, bytes as a million million more. */
static int queue(const char *s, uint64_t *ret, const char **why)
{
	struct lab_queue q = {0};
	int err = lab_queue_parse(s, &q, why);

	assert_true(q.pkts == 0 || q.bytes == 0);
	*ret = q.pkts ? q.pkts : q.bytes + 1000000000000;
	return err;
}

static void check(int (*parse)(const char *, uint64_t *, const char **),
		  const struct unit_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *why = NULL;
		uint64_t value = 0;
		int err = parse(cases[i].text, &value, &why);

		if (cases[i].why) {
			assert_int_equal(err, -EINVAL);
			assert_string_equal(why, cases[i].why);
		} else {
			assert_int_equal(err, 0);
			assert_int_equal(value, cases[i].value);
		}
	}
}

static void rate_with_unit_is_bits_a_second(void **state UNUSED)
{
	static const struct unit_case cases[] = {
		{"1bit", 1, NULL},
		{"50mbit", 50000000, NULL},
		{"50 MBit", 50000000, NULL},
		{"1.5kbit", 1500, NULL},
		{"1.5bit", 0, "is not a whole number of bits a second"},
		{"2.50gbit", 2500000000, NULL},
		{"1tbit", 1000000000000, NULL},
		{"1.000000000001tbit", 0, "is more than 1tbit"},
		{"2tbit", 0, "is more than 1tbit"},
		{"99999999999999999999tbit", 0, "is more than 1tbit"},
		{"18446744073709551615bit", 0, "is more than 1tbit"},
		{"1kbps", 8000, NULL},
		{"1mbps", 8000000, NULL},
		{"10kibit", 10240, NULL},
		{"0.5kibit", 512, NULL},
		{"0.3kibit", 0, "is not a whole number of bits a second"},
		{"unlimited", 0, NULL},
		{"0bit", 0, "lets nothing through (\"up: false\" takes a link down)"},
		{"0", 0, "has no unit"},
		{"5", 0, "has no unit"},
		{"fast", 0, "is not a rate"},
		{"", 0, "is not a rate"},
		{"mbit", 0, "is not a rate"},
		{"5mb", 0, "is not a rate"},
		{"-5mbit", 0, "is negative"},
		{"+5mbit", 0, "is not a rate"},
		{"1e6bit", 0, "is not a rate"},
		{"1,5mbit", 0, "is not a rate"},
		{"5 m bit", 0, "is not a rate"},
		{"5mbit ", 0, "is not a rate"},
	};

	check(rate, cases, ARRAY_SIZE(cases));
}

static void duration_with_unit_is_nanoseconds(void **state UNUSED)
{
	static const struct unit_case cases[] = {
		{"0", 0, NULL},
		{"0ms", 0, NULL},
		{"1ns", 1, NULL},
		{"20ms", 20000000, NULL},
		{"20 ms", 20000000, NULL},
		{"20msec", 20000000, NULL},
		{"0.25us", 250, NULL},
		{".5s", 500000000, NULL},
		{"5.s", 5000000000, NULL},
		{"1.000000001s", 1000000001, NULL},
		{"1.0000000010s", 1000000001, NULL},
		{"1.0000000001s", 0, "is not a whole number of nanoseconds"},
		{"0.5ns", 0, "is not a whole number of nanoseconds"},
		{"3600s", 3600000000000, NULL},
		{"3600.000000001s", 0, "is more than an hour"},
		{"20", 0, "has no unit"},
		{"1h", 0, "is not a duration"},
		{".ms", 0, "is not a duration"},
		{"1..5ms", 0, "is not a duration"},
		{"-1ms", 0, "is negative"},
		{"-", 0, "is not a duration"},
	};

	check(duration, cases, ARRAY_SIZE(cases));
}

static void percentage_is_parts_of_a_million(void **state UNUSED)
{
	static const struct unit_case cases[] = {
		{"0", 0, NULL},
		{"0%", 0, NULL},
		{"0.05%", 500, NULL},
		{"0.0001%", 1, NULL},
		{"0.00010%", 1, NULL},
		{"100%", 1000000, NULL},
		{"33.3333 %", 333333, NULL},
		{"100.0001%", 0, "is more than 100%"},
		{"0.00001%", 0, "has more than four decimals"},
		{"0.0000000000000000000000001%", 0, "has more than four decimals"},
		{"1", 0, "has no % sign"},
		{"0.1", 0, "has no % sign"},
		{"-1%", 0, "is negative"},
		{"some%", 0, "is not a percentage"},
	};

	check(share, cases, ARRAY_SIZE(cases));
}

static void size_with_unit_is_bytes(void **state UNUSED)
{
	static const struct unit_case cases[] = {
		{"0B", 0, NULL},
		{"10MB", 10000000, NULL},
		{"10mb", 10000000, NULL},
		{"1KiB", 1024, NULL},
		{"1.5MiB", 1572864, NULL},
		{"1TB", 1000000000000, NULL},
		{"1TiB", 0, "is more than 1TB"},
		{"0.1KiB", 0, "is not a whole number of bytes"},
		{"10", 0, "has no unit"},
		{"10M", 0, "is not a size"},
	};

	check(size, cases, ARRAY_SIZE(cases));
}

static void queue_without_unit_is_packets_and_with_unit_bytes(void **state UNUSED)
{
	static const struct unit_case cases[] = {
		{"1", 1, NULL},
		{"100 packets", 100, NULL},
		{"1000000p", 1000000, NULL},
		{"64kB", 1000000064000, NULL},
		{"4GB", 1004000000000, NULL},
		{"0", 0, "is not from 1 to 1000000 packets"},
		{"1.5", 0, "is not from 1 to 1000000 packets"},
		{"1000001", 0, "is not from 1 to 1000000 packets"},
		{"0B", 0, "is not from 1B to 4GB"},
		{"4.1GB", 0, "is not from 1B to 4GB"},
		{"5 apples", 0, "is not the length of a queue"},
		{"-1", 0, "is negative"},
	};

	check(queue, cases, ARRAY_SIZE(cases));
}

static void whole_number_is_decimal_or_hexadecimal_within_its_bounds(void **state UNUSED)
{
	static const struct unit_case cases[] = {
		{"5", 5, NULL},
		{"0x1F", 31, NULL},
		{"18446744073709551615", UINT64_MAX, NULL},
		{"0xffffffffffffffff", UINT64_MAX, NULL},
		{"18446744073709551616", 0, "is out of range"},
		{"0x10000000000000000", 0, "is out of range"},
		{"4", 0, "is out of range"},
		{"", 0, "is not a whole number"},
		{"0x", 0, "is not a whole number"},
		{"-5", 0, "is not a whole number"},
		{"5 ", 0, "is not a whole number"},
		{"5.0", 0, "is not a whole number"},
		{"5a", 0, "is not a whole number"},
	};

	check(number, cases, ARRAY_SIZE(cases));
}

static void formatted_values_are_short_and_parse_to_themselves(void **state UNUSED)
{
	static const char *const rates[] = {"unlimited",    "1bit",    "999bit",
					    "1.5kbit",      "50mbit",  "1.024mbit",
					    "1000.001kbit", "2.5gbit", "1000gbit"};
	static const char *const times[] = {"0ns",        "1ns", "1.5us",  "20ms",
					    "1500.001us", "90s", "1.001s", "3600s"};
	static const char *const shares[] = {"0%", "0.0001%", "1.5%", "100%", "12.345%"};
	static const char *const queues[] = {"1", "1000", "64kB", "1.5MB", "1B", "65.537kB"};
	char text[LAB_UNIT_TEXT];
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		uint64_t bps;

		assert_int_equal(lab_rate_parse(rates[i], &bps, &why), 0);
		assert_string_equal(lab_rate_format(bps, text), rates[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		int64_t ns;

		assert_int_equal(lab_duration_parse(times[i], &ns, &why), 0);
		assert_string_equal(lab_duration_format(ns, text), times[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		uint32_t ppm;

		assert_int_equal(lab_share_parse(shares[i], &ppm, &why), 0);
		assert_string_equal(lab_share_format(ppm, text), shares[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		struct lab_queue q;

		assert_int_equal(lab_queue_parse(queues[i], &q, &why), 0);
		assert_string_equal(lab_queue_format(&q, text), queues[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_with_unit_is_bits_a_second),
		cmocka_unit_test(duration_with_unit_is_nanoseconds),
		cmocka_unit_test(percentage_is_parts_of_a_million),
		cmocka_unit_test(size_with_unit_is_bytes),
		cmocka_unit_test(queue_without_unit_is_packets_and_with_unit_bytes),
		cmocka_unit_test(whole_number_is_decimal_or_hexadecimal_within_its_bounds),
		cmocka_unit_test(formatted_values_are_short_and_parse_to_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
