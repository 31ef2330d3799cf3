/* SPDX-License-Identifier: MIT */
/* Dates of HTTP, against the C library's calendar. */
#include "net/http/http_date.h"

#include "prng.h"
#include "unit.h"

#include <errno.h>
#include <time.h>

static const int64_t now_s = 1700000000; /* Tue, 14 Nov 2023 22:13:20 GMT */

static int parse(const char *text, int64_t *ret)
{
	return http_date_parse(http_text_make(text, strlen(text)), now_s, ret);
}

static const struct {
	const char *text;
	int64_t time_s;
} good[] = {
	{"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
	{"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
	{"Sun Nov  6 08:49:37 1994", 784111777},
	{"Sun Nov 06 08:49:37 1994", 784111777},
	{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	{"Wed, 31 Dec 1969 23:59:59 GMT", -1},
	{"Mon, 01 Jan 0001 00:00:00 GMT", -62135596800},
	{"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
	{"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000},
	{"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
	{"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},
	/* Two digits: not more than 50 years ahead of 2023. */
	{"Friday, 01-Jan-73 00:00:00 GMT", 3250454400},
	{"Monday, 01-Jan-74 00:00:00 GMT", 126230400},
};

static const char *const bad[] = {
	"",
	"Sun, 06 Nov 1994 08:49:37",
	"Sun, 06 Nov 1994 08:49:37 CET",
	"Sun, 06 Nov 1994 08:49:37 GMT ",
	"Sun, 6 Nov 1994 08:49:37 GMT",
	"Sun, 06 nov 1994 08:49:37 GMT",
	"Sun, 06 Foo 1994 08:49:37 GMT",
	"Sun, 00 Nov 1994 08:49:37 GMT",
	"Sun, 31 Nov 1994 08:49:37 GMT",
	"Sun, 29 Feb 2023 08:49:37 GMT",
	"Sun, 29 Feb 1900 08:49:37 GMT",
	"Sun, 06 Nov 0000 08:49:37 GMT",
	"Sun, 06 Nov 1994 24:49:37 GMT",
	"Sun, 06 Nov 1994 08:60:37 GMT",
	"Sun, 06 Nov 1994 08:49:61 GMT",
	"Sun, 06 Nov 1994 8:49:37 GMT",
	"Sun, 06 Nov 1994 08-49-37 GMT",
	", 06-Nov-94 08:49:37 GMT",
	"S1n, 06-Nov-94 08:49:37 GMT",
	"Sunday, 06-Nov-1994 08:49:37 GMT",
	"Sunday",
	"Sunday,",
	"Sun Nov 6 08:49:37 1994",
	"784111777",
};

static void dates_of_all_formats_are_read(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t time_s = 42;

		if (parse(good[i].text, &time_s) < 0 || time_s != good[i].time_s)
			fail_msg("%s: %lld", good[i].text, (long long)time_s);
	}
}

static void dates_that_are_none_are_refused(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t time_s = 42;

		if (parse(bad[i], &time_s) != -EINVAL || time_s != 42)
			fail_msg("%s: taken", bad[i]);
	}
}

static void dates_at_random_are_those_of_libc(void **state UNUSED)
{
	struct prng prng = prng_make();
	char mine[HTTP_DATE_SIZE], theirs[64];

	for (int i = 0; i < 20000; i++) {
		uint64_t span = 253402300799 + 62135596800 + 1;
		time_t t = (time_t)((int64_t)prng_below(&prng, span) - 62135596800);
		struct tm tm;
		int64_t back;

		assert_non_null(gmtime_r(&t, &tm));
		snprintf(theirs, sizeof(theirs), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
			 &"SunMonTueWedThuFriSat"[3 * tm.tm_wday], tm.tm_mday,
			 &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * tm.tm_mon], tm.tm_year + 1900,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
		http_date_write(t, mine);
		assert_string_equal(mine, theirs);
		assert_int_equal(parse(mine, &back), 0);
		assert_int_equal(back, t);
	}
}

static void times_beyond_the_calendar_are_cut(void **state UNUSED)
{
	char text[HTTP_DATE_SIZE];

	http_date_write(INT64_MIN, text);
	assert_string_equal(text, "Mon, 01 Jan 0001 00:00:00 GMT");
	http_date_write(INT64_MAX, text);
	assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_all_formats_are_read),
		cmocka_unit_test(dates_that_are_none_are_refused),
		cmocka_unit_test(dates_at_random_are_those_of_libc),
		cmocka_unit_test(times_beyond_the_calendar_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
