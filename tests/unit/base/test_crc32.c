/* SPDX-License-Identifier: MIT */
/* CRCs: published values, and every version against the shift register, bit by bit. */
#include "unit.h"

#include "base/crc32.h"
#include "prng.h"

static uint32_t naive_crc(uint32_t poly, const uint8_t *p, size_t len)
{
	uint32_t state = UINT32_MAX;

	for (size_t i = 0; i < 8 * len; i++) {
		uint32_t out = (state ^ (uint32_t)(p[i / 8] >> i % 8)) & 1;

		state = state >> 1 ^ (out ? poly : 0);
	}
	return ~state;
}

/* The check value of both is that of the digits 1 to 9; the others are of RFC 3720 §B.4. */
static void published_inputs_give_published_values(void **state UNUSED)
{
	uint8_t bytes[32] = {0};
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	assert_int_equal(crc32("123456789", 9, 0), 0xcbf43926);
	assert_int_equal(crc32c(&cpu, "123456789", 9, 0), 0xe3069283);
	assert_int_equal(crc32c(&cpu, bytes, 32, 0), 0x8a9136aa);
	memset(bytes, 0xff, 32);
	assert_int_equal(crc32c(&cpu, bytes, 32, 0), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(crc32c(&cpu, bytes, 32, 0), 0x46dd794e);
	assert_int_equal(crc32(NULL, 0, 0), 0);
	assert_int_equal(crc32c(&cpu, NULL, 0, 0), 0);
}

static void versions_equal_the_shift_register_whole_and_in_parts(void **state UNUSED)
{
	struct prng prng = prng_make();

	for (size_t len = 0; len < 200; len++) {
		uint8_t *p = malloc(len + 1);
		size_t cut = prng_below(&prng, len + 1);

		assert_non_null(p);
		p++; /* unaligned, and exact at the end */
		for (size_t i = 0; i < len; i++)
			p[i] = (uint8_t)prng_u64(&prng);
		assert_int_equal(crc32(p, len, 0), naive_crc(0xedb88320, p, len));
		assert_int_equal(crc32(p + cut, len - cut, crc32(p, cut, 0)), crc32(p, len, 0));
		for (unsigned int level = 0; level < CPU_LEVELS; level++) {
			struct cpu_ops cpu;

			if (cpu_ops_init_level(&cpu, (enum cpu_level)level) < 0)
				continue;
			assert_int_equal(crc32c(&cpu, p, len, 0), naive_crc(0x82f63b78, p, len));
			assert_int_equal(crc32c(&cpu, p + cut, len - cut, crc32c(&cpu, p, cut, 0)),
					 crc32c(&cpu, p, len, 0));
		}
		free(p - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_inputs_give_published_values),
		cmocka_unit_test(versions_equal_the_shift_register_whole_and_in_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
