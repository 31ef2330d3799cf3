/* SPDX-License-Identifier: MIT */
/* SipHash against values computed by OpenSSL 3 (key 00..0f, input 00 01 02 ...); those of 2-4 are
 * also in the reference implementation. */
#include "unit.h"

#include "base/hash.h"
#include "base/load.h"

struct vector {
	size_t len;
	uint64_t hash;
};

static const struct vector vectors24[] = {
	{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
	{3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},
	{6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
	{9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
	{12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee},
	{15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb}, {31, 0x32d892fad841c342},
	{40, 0x0e3ea96b5304a7d0}, {63, 0x958a324ceb064572},
};

static const struct vector vectors13[] = {
	{0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {2, 0x82cb9b024dc7d44d},
	{3, 0x8bf80ab8e7ddf7fb},  {4, 0xcf75576088d38328},  {5, 0xdef9d52f49533b67},
	{6, 0xc50d2b50c59f22a7},  {7, 0xd3927d989bb11140},  {8, 0x369095118d299a8e},
	{9, 0x25a48eb36c063de4},  {10, 0x79de85ee92ff097f}, {11, 0x70c118c1f94dc352},
	{12, 0x78a384b157b4d9a2}, {13, 0x306f760c1229ffa7}, {14, 0x605aa111c0f95d34},
	{15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66}, {31, 0x2370dd1f8c21d1bc},
	{40, 0xc1d2363299e41531}, {63, 0x9d199062b7bbb3a8},
};

static struct siphash_key key_and_input(uint8_t input[64])
{
	for (uint8_t i = 0; i < 64; i++)
		input[i] = i;
	return siphash_key_load(input);
}

static void siphash24_of_reference_input_gives_reference_values(void **state UNUSED)
{
	uint8_t input[64];
	struct siphash_key key = key_and_input(input);

	for (size_t i = 0; i < ARRAY_SIZE(vectors24); i++)
		assert_true(siphash24(&key, input, vectors24[i].len) == vectors24[i].hash);
}

static void siphash13_of_reference_input_gives_reference_values(void **state UNUSED)
{
	uint8_t input[64];
	struct siphash_key key = key_and_input(input);

	for (size_t i = 0; i < ARRAY_SIZE(vectors13); i++)
		assert_true(siphash13(&key, input, vectors13[i].len) == vectors13[i].hash);
}

static void inline_forms_equal_the_hash_of_their_bytes(void **state UNUSED)
{
	uint8_t input[64];
	struct siphash_key key = key_and_input(input);
	uint64_t w[5];

	for (size_t i = 0; i < 5; i++)
		w[i] = load_le64(input + 8 * i);
	assert_true(siphash_u64(&key, w[0]) == siphash13(&key, input, 8));
	assert_true(siphash_2u64(&key, w[0], w[1]) == siphash13(&key, input, 16));
	assert_true(siphash_5u64(&key, w) == siphash13(&key, input, 40));
}

static void unaligned_input_of_exact_size_is_not_overread(void **state UNUSED)
{
	uint8_t input[64];
	struct siphash_key key = key_and_input(input);

	for (size_t len = 0; len < 40; len++) {
		uint8_t *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact + 1, input, len);
		assert_true(siphash13(&key, exact + 1, len) == siphash13(&key, input, len));
		assert_true(siphash24(&key, exact + 1, len) == siphash24(&key, input, len));
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash24_of_reference_input_gives_reference_values),
		cmocka_unit_test(siphash13_of_reference_input_gives_reference_values),
		cmocka_unit_test(inline_forms_equal_the_hash_of_their_bytes),
		cmocka_unit_test(unaligned_input_of_exact_size_is_not_overread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
