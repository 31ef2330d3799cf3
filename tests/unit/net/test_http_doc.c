/* SPDX-License-Identifier: MIT */
/* Made-up documents: their bytes are those that the header promises, from any offset. */
#include "net/http/http_doc.h"

#include "net/http/http_cond.h"
#include "prng.h"
#include "unit.h"

static void made_up_bytes_are_the_outputs_of_splitmix64(void **state UNUSED)
{
	struct http_doc doc = {.path = "/x", .size = 1000, .seed = 7};
	struct prng twin = {.x = 7};
	uint8_t bytes[1000];

	http_doc_read(&doc, 0, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i += 8) {
		uint64_t want = prng_u64(&twin);

		for (size_t k = 0; k < 8; k++)
			assert_int_equal(bytes[i + k], want >> 8 * k & 0xff);
	}
}

/* The first output for seed 0, as in other implementations of SplitMix64. */
static void made_up_bytes_of_seed_0_start_with_the_known_word(void **state UNUSED)
{
	static const uint8_t want[] = {0xaf, 0xcd, 0x1d, 0x7b, 0x39, 0xa8, 0x20, 0xe2};
	struct http_doc doc = {.path = "/x", .size = 8};
	uint8_t bytes[8];

	http_doc_read(&doc, 0, bytes, sizeof(bytes));
	assert_memory_equal(bytes, want, sizeof(want));
}

static void parts_are_parts_of_the_whole(void **state UNUSED)
{
	struct http_doc doc = {.path = "/x", .size = 64, .seed = UINT64_MAX};
	uint8_t whole[64], part[64];

	http_doc_read(&doc, 0, whole, sizeof(whole));
	for (size_t off = 0; off <= sizeof(whole); off++)
		for (size_t len = 0; off + len <= sizeof(whole); len++) {
			memset(part, 0xee, sizeof(part));
			http_doc_read(&doc, off, part, len);
			assert_memory_equal(part, whole + off, len);
			assert_true(len == sizeof(part) || part[len] == 0xee);
		}
}

static void text_is_its_own_content(void **state UNUSED)
{
	struct http_doc doc = {.path = "/x", .text = "hello\n"};
	char part[3];

	assert_int_equal(http_doc_size(&doc), 6);
	http_doc_read(&doc, 2, part, sizeof(part));
	assert_memory_equal(part, "llo", 3);
}

static void tags_tell_contents_apart(void **state UNUSED)
{
	static const struct http_doc docs[] = {
		{.path = "/a", .text = ""},
		{.path = "/b", .text = "a"},
		{.path = "/c", .text = "b"},
		{.path = "/d", .size = 0},
		{.path = "/e", .size = 1},
		{.path = "/f", .size = 1, .seed = 1},
		{.path = "/g", .size = UINT64_MAX, .seed = UINT64_MAX},
	};
	char tags[ARRAY_SIZE(docs)][HTTP_ETAG_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		http_doc_etag(&docs[i], tags[i], sizeof(tags[i]));
		assert_int_equal(tags[i][0], '"');
		assert_int_equal(tags[i][strlen(tags[i]) - 1], '"');
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(tags[i], tags[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_up_bytes_are_the_outputs_of_splitmix64),
		cmocka_unit_test(made_up_bytes_of_seed_0_start_with_the_known_word),
		cmocka_unit_test(parts_are_parts_of_the_whole),
		cmocka_unit_test(text_is_its_own_content),
		cmocka_unit_test(tags_tell_contents_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
