/* SPDX-License-Identifier: MIT */
/* Random source: ChaCha20's published block, reproducibility, fairness, erasure. */
#include "unit.h"

#include "base/rng.h"

/* RFC 8439 §2.3.2 */
static void chacha20_of_the_rfc_gives_its_block(void **state UNUSED)
{
	static const uint8_t want[CHACHA20_BLOCK_BYTES] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
		0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
		0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
		0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
		0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
	const uint32_t nonce[] = {0x09000000, 0x4a000000, 0x00000000};
	uint8_t bytes[32], got[CHACHA20_BLOCK_BYTES];
	uint32_t key[8];

	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	for (size_t i = 0; i < 8; i++)
		key[i] = load_le32(bytes + 4 * i);
	chacha20_block(key, 1, nonce, got);
	assert_memory_equal(got, want, sizeof(want));
}

static void same_seed_gives_the_same_numbers_and_another_does_not(void **state UNUSED)
{
	struct rng a, b, c;
	int n_equal = 0;

	rng_init_seed(&a, 42);
	rng_init_seed(&b, 42);
	rng_init_seed(&c, 43);
	for (int i = 0; i < 1000; i++) {
		uint64_t v = rng_u64(&a);

		assert_true(v == rng_u64(&b));
		n_equal += v == rng_u64(&c);
	}
	assert_int_equal(n_equal, 0);
}

/* A change here changes every simulation that anybody has recorded. */
static void numbers_of_a_seed_stay_as_they_are(void **state UNUSED)
{
	struct rng rng;

	rng_init_seed(&rng, 1);
	assert_true(rng_u64(&rng) == 0x041c2583678e9d74);
	assert_int_equal(rng_below(&rng, 1000), 738);
}

static void bytes_are_the_same_stream_as_numbers(void **state UNUSED)
{
	uint8_t bytes[1500];
	struct rng a, b;

	rng_init_seed(&a, 7);
	rng_init_seed(&b, 7);
	rng_bytes(&a, bytes, 1);
	rng_bytes(&a, bytes + 1, sizeof(bytes) - 1);
	rng_bytes(&a, NULL, 0);
	for (size_t i = 0; i < sizeof(bytes); i += 4)
		assert_int_equal(load_le32(bytes + i), rng_u32(&b));
}

/* What has been given out, and the key that made it, are nowhere in the generator any more. */
static void numbers_given_out_are_erased(void **state UNUSED)
{
	uint8_t bytes[600], first_key[32];
	struct rng rng;

	rng_init_seed(&rng, 7);
	memcpy(first_key, rng.key, sizeof(first_key));
	rng_bytes(&rng, bytes, sizeof(bytes));
	assert_int_not_equal(rng_u32(&rng), 0);
	assert_memory_not_equal(rng.key, first_key, sizeof(first_key));
	for (size_t i = 0; i < rng.pos; i++)
		assert_int_equal(rng.batch[i], 0);
}

struct entropy {
	int result;
	uint8_t fill;
	size_t n_asked;
};

static int give_entropy(void *ctx, void *buf, size_t len)
{
	struct entropy *e = ctx;

	e->n_asked += len;
	memset(buf, e->fill, len);
	return e->result;
}

static void entropy_keys_the_generator_and_its_failure_is_reported(void **state UNUSED)
{
	struct entropy a = {.fill = 1}, b = {.fill = 2}, bad = {.result = -5};
	struct rng x, y;

	assert_int_equal(rng_init_entropy(&x, give_entropy, &a), 0);
	assert_int_equal(rng_init_entropy(&y, give_entropy, &b), 0);
	assert_int_equal(a.n_asked, 32);
	assert_true(rng_u64(&x) != rng_u64(&y));
	assert_int_equal(rng_init_entropy(&x, give_entropy, &bad), -5);
}

static void numbers_below_n_are_evenly_spread(void **state UNUSED)
{
	uint32_t count[7] = {0};
	struct rng rng;

	rng_init_seed(&rng, 1);
	for (int i = 0; i < 70000; i++)
		count[rng_below(&rng, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(count[i], 9600, 10400);
	assert_int_equal(rng_below(&rng, 0), 0);
	assert_int_equal(rng_below(&rng, 1), 0);
}

/* Where the surplus is largest: a third of all draws must be repeated. Kept, they would favour the
 * lower results. */
static void numbers_below_a_large_n_are_not_biased(void **state UNUSED)
{
	const uint64_t n[] = {UINT64_C(3) << 30, UINT64_C(3) << 62, UINT64_C(1) << 32};
	struct rng rng;

	rng_init_seed(&rng, 1);
	for (size_t k = 0; k < ARRAY_SIZE(n); k++) {
		int n_low = 0;

		for (int i = 0; i < 30000; i++) {
			uint64_t v = rng_below(&rng, n[k]);

			assert_true(v < n[k]);
			n_low += v < n[k] / 2;
		}
		assert_in_range(n_low, 14600, 15400);
	}
}

static void chance_of_ppm_holds_at_its_ends_and_between(void **state UNUSED)
{
	struct rng rng;
	int n = 0;

	rng_init_seed(&rng, 1);
	for (int i = 0; i < 1000; i++) {
		assert_false(rng_chance_ppm(&rng, 0));
		assert_true(rng_chance_ppm(&rng, 1000000));
		assert_true(rng_chance_ppm(&rng, UINT32_MAX));
	}
	for (int i = 0; i < 100000; i++)
		n += rng_chance_ppm(&rng, 10000);
	assert_in_range(n, 900, 1100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chacha20_of_the_rfc_gives_its_block),
		cmocka_unit_test(same_seed_gives_the_same_numbers_and_another_does_not),
		cmocka_unit_test(numbers_of_a_seed_stay_as_they_are),
		cmocka_unit_test(bytes_are_the_same_stream_as_numbers),
		cmocka_unit_test(numbers_given_out_are_erased),
		cmocka_unit_test(entropy_keys_the_generator_and_its_failure_is_reported),
		cmocka_unit_test(numbers_below_n_are_evenly_spread),
		cmocka_unit_test(numbers_below_a_large_n_are_not_biased),
		cmocka_unit_test(chance_of_ppm_holds_at_its_ends_and_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
