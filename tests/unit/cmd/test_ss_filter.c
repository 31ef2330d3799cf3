/* SPDX-License-Identifier: MIT */
/* Filters of `weft ss`. */
#include "unit.h"

#include <stdlib.h>

#include "cmd/ss.h"

/* 10.0.0.1:80 to 10.0.0.2:48890, bound to eth0; a listener at 127.0.0.1:8081; one of IPv6. */
static json_t *sock(size_t i)
{
	static const struct {
		const char *local, *peer, *dev;
		int lport, pport;
	} socks[] = {
		{"10.0.0.1", "10.0.0.2", "eth0", 80, 48890},
		{"127.0.0.1", "0.0.0.0", "", 8081, 0},
		{"2001:db8::1", "2001:db8::2", "", 443, 50000},
	};

	return json_pack("{s:s, s:{s:s, s:i}, s:{s:s, s:i}}", "dev", socks[i].dev, "local",
			 "address", socks[i].local, "port", socks[i].lport, "peer", "address",
			 socks[i].peer, "port", socks[i].pport);
}

/* Which of the three sockets fit, as three digits. */
static void fits(const char *text, const char *want)
{
	char got[] = "000", copy[512], *words[] = {copy, NULL};
	struct ss_filter *f;

	snprintf(copy, sizeof(copy), "%s", text);
	assert_int_equal(ss_filter_parse(words, &f), 0);
	for (size_t i = 0; i < 3; i++) {
		json_t *s = sock(i);

		if (ss_filter_fits(f, s))
			got[i] = '1';
		json_decref(s);
	}
	ss_filter_free(f);
	assert_string_equal(got, want);
}

static void ports_are_compared(void **state UNUSED)
{
	fits("sport = :80", "100");
	fits("sport == 80", "100");
	fits("sport eq :http", "100");
	fits("sport != :80", "011");
	fits("sport > 100", "011");
	fits("sport>=:443", "011");
	fits("sport lt 443", "100");
	fits("sport le 443", "101");
	fits("dport gt 1000", "101");
	fits("dport = 0", "010");
}

static void addresses_are_prefixes_with_ports(void **state UNUSED)
{
	fits("dst 10.0.0.2", "100");
	fits("dst = 10.0.0.0/24", "100");
	fits("dst != 10.0.0.0/24", "011");
	fits("10.0.0.2", "100");
	fits("src 127.0.0.1:8081", "010");
	fits("src 127.0.0.1:8082", "000");
	fits("src :443", "001");
	fits("src 0.0.0.0/0", "110");
	fits("src *:80", "100");
	fits("src 2001:db8::/32", "001");
	fits("src [2001:db8::1]:443", "001");
	fits("src [2001:db8::1]", "001");
	fits("dst 2001:db8::2", "001");
	fits("src inet:10.0.0.1:*", "100");
	fits("dev = eth0", "100");
	fits("dev eth1", "000");
	fits("dev != eth0", "011");
}

static void expressions_bind_not_before_and_before_or(void **state UNUSED)
{
	fits("( sport = :80 and not dst 10.0.0.0/24 ) or sport = :8081", "010");
	fits("sport = :80 or sport = :8081 and dst 9.9.9.9", "100");
	fits("(sport = :80 or sport = :8081) and dst 10.0.0.2", "100");
	fits("! sport = :80", "011");
	fits("not not sport = :80", "100");
	fits("!(sport=:80|sport=:443)", "010");
	fits("sport = :80 dst 10.0.0.2", "100"); /* next to each other: and */
	fits("sport = :80 && dst 10.0.0.2 || sport = :443", "101");
	fits("  ", "111");
}

static void refused(const char *text, int status)
{
	char copy[8192], *words[] = {copy, NULL};
	struct ss_filter *f = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	if (ss_filter_parse(words, &f) != status)
		fail_msg("%s", text);
	assert_null(f);
}

static void filters_that_make_no_sense_are_refused(void **state UNUSED)
{
	char deep[4096] = "", wide[8192] = "";

	refused("( sport = :80", SS_USAGE);
	refused("sport = :80 )", SS_USAGE);
	refused("sport =", SS_USAGE);
	refused("sport", SS_USAGE);
	refused("and", 1);
	refused("sport = :80 and", SS_USAGE);
	refused("sport = :80 or", SS_USAGE);
	refused("not", SS_USAGE);
	refused("= :80", SS_USAGE);
	refused("dst > 10.0.0.1", SS_USAGE);
	refused("dev < eth0", SS_USAGE);
	refused("dev a-name-that-is-much-too-long", SS_USAGE);
	refused("bogus = :80", 1);
	refused("sport = :bogus", 1);
	refused("sport = 65536", 1);
	refused("sport = -1", 1);
	refused("dst 10.0.0.x", 1);
	refused("dst 10.0.0.0/33", 1);
	refused("src [2001:db8::1]:x", 1);
	refused("src :", 1);
	memset(deep, '(', 3000);
	refused(deep, SS_USAGE);
	for (size_t i = 0; i < 400; i++)
		strncat(wide, "sport = :80 or ", sizeof(wide) - strlen(wide) - 1);
	strncat(wide, "sport = :80", sizeof(wide) - strlen(wide) - 1);
	refused(wide, SS_USAGE);
	memset(deep, 'x', 3000);
	refused(deep, SS_USAGE);
}

static void states_are_known_by_their_words(void **state UNUSED)
{
	assert_int_equal(ss_states_of("established"), 1 << 1);
	assert_int_equal(ss_states_of("LISTENING"), 1 << 10);
	assert_int_equal(ss_states_of("connected"), 0xffe & ~(1 << 7 | 1 << 10));
	assert_int_equal(ss_states_of("synchronized"), 0xffe & ~(1 << 7 | 1 << 10 | 1 << 2));
	assert_int_equal(ss_states_of("bucket"), 1 << 3 | 1 << 6);
	assert_int_equal(ss_states_of("bogus"), 0);
	assert_int_equal(ss_state_bit("FIN-WAIT-2"), 1 << 5);
	assert_int_equal(ss_state_bit("UNKNOWN"), 0);
}

static void no_words_are_no_filter(void **state UNUSED)
{
	char *none[] = {NULL};
	struct ss_filter *f;

	assert_int_equal(ss_filter_parse(none, &f), 0);
	assert_null(f);
	assert_true(ss_filter_fits(NULL, NULL));
}

/* Words in any order: never worse than refused, and what is taken can be asked. */
static void any_words_are_taken_or_refused(void **state UNUSED)
{
	static char vocabulary[][24] = {
		"(",     ")",    "and",      "or",         "not",   "!",
		"|",     "||",   "&",        "sport",      "dst",   "src",
		"dport", "dev",  "=",        "!=",         "<=",    ":80",
		"80",    "eth0", "10.0.0.1", "10.0.0.0/8", ":",     "[",
		"[::1]", "]:1",  "::1",      "*",          "inet:", "[2001:db8::1]:443",
		"a:b:c", "/",
	};
	FILE *stderr_kept = stderr, *null = fopen("/dev/null", "we");
	uint32_t seed = 1, n_taken = 0;
	json_t *s = sock(0);

	assert_non_null(null);
	stderr = null;
	for (uint32_t i = 0; i < 20000; i++) {
		char *words[12];
		struct ss_filter *f;
		uint32_t n = 0, len = 1 + (seed >> 8) % 10;

		for (; n < len; n++) {
			seed = seed * 1664525 + 1013904223;
			words[n] = vocabulary[(seed >> 16) % 32];
		}
		words[n] = NULL;
		if (ss_filter_parse(words, &f) == 0) {
			n_taken++;
			(void)ss_filter_fits(f, s);
		}
		ss_filter_free(f);
	}
	stderr = stderr_kept;
	fclose(null);
	json_decref(s);
	assert_true(n_taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_compared),
		cmocka_unit_test(addresses_are_prefixes_with_ports),
		cmocka_unit_test(expressions_bind_not_before_and_before_or),
		cmocka_unit_test(filters_that_make_no_sense_are_refused),
		cmocka_unit_test(states_are_known_by_their_words),
		cmocka_unit_test(no_words_are_no_filter),
		cmocka_unit_test(any_words_are_taken_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
