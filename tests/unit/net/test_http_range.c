/* SPDX-License-Identifier: MIT */
/* The Range field, as a table. */
#include "net/http/http_range.h"

#include "unit.h"

#include <stdio.h>

#define WHOLE HTTP_RANGE_WHOLE, 0, 0
#define NONE  HTTP_RANGE_UNSATISFIABLE, 0, 0
#define PART  HTTP_RANGE_PART

static const struct {
	const char *value;
	uint64_t size;
	enum http_range_result result;
	uint64_t off, len;
} ranges[] = {
	{"bytes=0-0", 10, PART, 0, 1},
	{"bytes=0-9", 10, PART, 0, 10},
	{"bytes=0-10", 10, PART, 0, 10},
	{"bytes=0-", 10, PART, 0, 10},
	{"bytes=9-", 10, PART, 9, 1},
	{"bytes=9-9", 10, PART, 9, 1},
	{"bytes=3-5", 10, PART, 3, 3},
	{"bytes=5-99999999999999999999999", 10, PART, 5, 5},
	{"BYTES=3-5", 10, PART, 3, 3},
	{"bytes= 3-5 ", 10, PART, 3, 3},
	{"bytes=,3-5,,", 10, PART, 3, 3},
	{"bytes=003-05", 10, PART, 3, 3},
	{"bytes=10-", 10, NONE},
	{"bytes=10-20", 10, NONE},
	{"bytes=18446744073709551615-", 10, NONE},
	{"bytes=99999999999999999999999-", 10, NONE},
	{"bytes=0-", 0, NONE},
	{"bytes=0-0", 0, NONE},
	{"bytes=-1", 10, PART, 9, 1},
	{"bytes=-10", 10, PART, 0, 10},
	{"bytes=-11", 10, PART, 0, 10},
	{"bytes=-99999999999999999999999", 10, PART, 0, 10},
	{"bytes=-0", 10, NONE},
	{"bytes=-0", 0, NONE},
	{"bytes=-5", 0, WHOLE},
	{"bytes=1099511627776-", 2199023255552, PART, 1099511627776, 1099511627776},
	/* taken as not there */
	{"bytes=5-3", 10, WHOLE},
	{"bytes=0-1,3-4", 10, WHOLE},
	{"bytes=0-1,", 10, PART, 0, 2},
	{"bytes=0-1,x", 10, WHOLE},
	{"bytes=", 10, WHOLE},
	{"bytes=,", 10, WHOLE},
	{"bytes", 10, WHOLE},
	{"bytes=-", 10, WHOLE},
	{"bytes=3", 10, WHOLE},
	{"bytes=3-x", 10, WHOLE},
	{"bytes=x-3", 10, WHOLE},
	{"bytes=-x", 10, WHOLE},
	{"bytes=--3", 10, WHOLE},
	{"bytes=+1-3", 10, WHOLE},
	{"bytes=1-3-5", 10, WHOLE},
	{"bytes=1 - 3", 10, WHOLE},
	{"bytes=0x1-3", 10, WHOLE},
	{"bytes =1-3", 10, WHOLE},
	{" bytes=1-3", 10, WHOLE},
	{"lines=1-3", 10, WHOLE},
	{"1-3", 10, WHOLE},
	{"", 10, WHOLE},
};

static void range_fields_name_their_part(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		struct http_text value = http_text_make(ranges[i].value, strlen(ranges[i].value));
		struct http_range range = {.off = 0};
		enum http_range_result r = http_range_parse(value, ranges[i].size, &range);

		if (r != ranges[i].result || range.off != ranges[i].off ||
		    range.len != ranges[i].len)
			fail_msg("\"%s\" of %u: %d, %u bytes from %u", ranges[i].value,
				 (unsigned int)ranges[i].size, r, (unsigned int)range.len,
				 (unsigned int)range.off);
	}
}

/* Against a naive twin: for all small ranges and sizes, the bytes that are inside both. */
static void small_ranges_are_inside_the_document(void **state UNUSED)
{
	char value[32];

	for (unsigned int size = 0; size < 6; size++) {
		for (unsigned int n = 0; n < 64; n++) {
			unsigned int first = n / 8, last = n % 8;
			struct http_range range = {.off = 0};
			enum http_range_result r;
			int len = snprintf(value, sizeof(value), "bytes=%u-%u", first, last);

			r = http_range_parse(http_text_make(value, (size_t)len), size, &range);
			if (last < first) {
				assert_int_equal(r, HTTP_RANGE_WHOLE);
			} else if (first >= size) {
				assert_int_equal(r, HTTP_RANGE_UNSATISFIABLE);
			} else {
				assert_int_equal(r, HTTP_RANGE_PART);
				assert_int_equal(range.off, first);
				assert_int_equal(range.off + range.len,
						 last < size ? last + 1 : size);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_fields_name_their_part),
		cmocka_unit_test(small_ranges_are_inside_the_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
