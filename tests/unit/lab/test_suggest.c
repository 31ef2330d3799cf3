/* SPDX-License-Identifier: MIT */
/* "Did you mean": near misses find their word, other words find nothing. */
#include "unit.h"

#include "lab/suggest.h"

static const char *suggest(const char *word)
{
	static const char *const names[] = {"interfaces", "address", "addresses", "delay",
					    "duplicate",  "mtu",     "mac",       "rate"};
	struct lab_suggest s = lab_suggest_start(word);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		lab_suggest_try(&s, names[i]);
	return s.best;
}

static void near_miss_finds_its_word(void **state UNUSED)
{
	assert_string_equal(suggest("interface"), "interfaces");
	assert_string_equal(suggest("adress"), "address");
	assert_string_equal(suggest("addresess"), "addresses");
	assert_string_equal(suggest("dealy"), "delay");
	assert_string_equal(suggest("DELAY"), "delay");
	assert_string_equal(suggest("duplciate"), "duplicate");
	assert_string_equal(suggest("mut"), "mtu");
	assert_string_equal(suggest("raet"), "rate");
}

static void other_word_finds_nothing(void **state UNUSED)
{
	char long_word[200];

	assert_null(suggest("gateway"));
	assert_null(suggest("xyz"));
	assert_null(suggest(""));
	memset(long_word, 'a', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_null(suggest(long_word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(near_miss_finds_its_word),
		cmocka_unit_test(other_word_finds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
