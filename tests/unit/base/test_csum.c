/* SPDX-License-Identifier: MIT */
/*
 * Internet checksum: every version against the loop of RFC 1071 read literally, at all short
 * lengths and alignments; sums in pieces; incremental update.
 */
#include "unit.h"

#include "base/csum.h"
#include "prng.h"

/* RFC 1071 §1: 16-bit words, high byte first, one's complement sum, not complemented. */
static uint16_t naive_fold(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of exact size, so that AddressSanitizer sees one byte read or written too far. */
static uint8_t *exact_bytes(struct prng *prng, size_t len)
{
	uint8_t *p = malloc(len + !len);
	bool all_ones = prng_below(prng, 8) == 0; /* most carries */

	assert_non_null(p);
	for (size_t i = 0; i < len; i++)
		p[i] = all_ones ? 0xff : (uint8_t)prng_u64(prng);
	return p;
}

static void check_add_and_copy(const struct cpu_ops *cpu, struct prng *prng, size_t align,
			       size_t len)
{
	uint8_t *src = exact_bytes(prng, align + len), *dst = malloc(align + len + 1);
	uint16_t want = naive_fold(src + align, len);
	uint64_t before = prng_u64(prng);

	assert_non_null(dst);
	assert_int_equal(csum_fold(csum_add(cpu, src + align, len, 0)), want);
	memset(dst, 0xa5, align + len + 1);
	assert_int_equal(csum_fold(csum_copy(cpu, dst + align, src + align, len, 0)), want);
	assert_memory_equal(dst + align, src + align, len);
	assert_int_equal(dst[align + len], 0xa5);
	for (size_t i = 0; i < align; i++)
		assert_int_equal(dst[i], 0xa5);
	/* A sum to start from is added, also when that carries. */
	assert_int_equal(csum_fold(csum_add(cpu, src + align, len, before)),
			 csum_fold(csum_join(csum_add(cpu, src + align, len, 0), before)));
	free(src);
	free(dst);
}

static void check_level(enum cpu_level level)
{
	struct prng prng = prng_make();
	struct cpu_ops cpu;

	if (cpu_ops_init_level(&cpu, level) < 0)
		skip();
	for (size_t len = 0; len <= 300; len++)
		for (size_t align = 0; align < 8; align++)
			check_add_and_copy(&cpu, &prng, align, len);
	for (int i = 0; i < 300; i++)
		check_add_and_copy(&cpu, &prng, prng_below(&prng, 64), prng_below(&prng, 9000));
	for (size_t len = 65535; len <= 65537; len++)
		check_add_and_copy(&cpu, &prng, len % 3, len);
}

static void scalar_version_equals_the_naive_loop(void **state UNUSED)
{
	check_level(CPU_SCALAR);
}

static void avx2_version_equals_the_naive_loop(void **state UNUSED)
{
	check_level(CPU_AVX2);
}

static void avx512_version_equals_the_naive_loop(void **state UNUSED)
{
	check_level(CPU_AVX512);
}

static void best_level_is_one_of_them_and_unknown_ones_are_refused(void **state UNUSED)
{
	struct cpu_ops cpu = {0}, same;

	assert_int_equal(cpu_ops_init_level(&cpu, CPU_LEVELS), -95);
	assert_null(cpu.name);
	cpu_ops_init(&cpu);
	for (unsigned int level = 0; level < CPU_LEVELS; level++)
		if (cpu_ops_init_level(&same, (enum cpu_level)level) == 0)
			assert_non_null(same.name);
	assert_non_null(cpu.csum_add);
	assert_non_null(cpu.csum_copy);
	assert_non_null(cpu.crc32c);
}

/* RFC 1071 §3 adds 0001 f203 f4f5 f6f7 to ddf2. */
static void example_of_the_rfc_gives_its_sum(void **state UNUSED)
{
	const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	struct cpu_ops cpu;
	uint64_t sum;

	cpu_ops_init(&cpu);
	sum = csum_add(&cpu, bytes, sizeof(bytes), 0);
	assert_int_equal(csum_fold(sum), 0xddf2);
	assert_int_equal(csum_finish(sum), 0x220d);
	sum = csum_add16(csum_add32(csum_add16(0, 0x0001), 0xf203f4f5), 0xf6f7);
	assert_int_equal(csum_fold(sum), 0xddf2);
}

static void bytes_with_their_checksum_fold_to_all_ones(void **state UNUSED)
{
	uint8_t hdr[20] = {0x45, 0, 0,  0x54, 0x12, 0x34, 0x40, 0, 64, 1,
			   0,    0, 10, 0,    0,    1,    10,   0, 0,  2};
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	store_be16(hdr + 10, csum_finish(csum_add(&cpu, hdr, sizeof(hdr), 0)));
	assert_int_equal(csum_fold(csum_add(&cpu, hdr, sizeof(hdr), 0)), 0xffff);
	hdr[8] ^= 1;
	assert_int_not_equal(csum_fold(csum_add(&cpu, hdr, sizeof(hdr), 0)), 0xffff);
}

static void zeroes_fold_to_zero_and_ones_to_all_ones(void **state UNUSED)
{
	assert_int_equal(csum_fold(0), 0);
	assert_int_equal(csum_finish(0), 0xffff);
	assert_int_equal(csum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(csum_fold(0xffff), 0xffff);
	assert_int_equal(csum_fold(0xffffffff), 0xffff);
	assert_int_equal(csum_udp(0), 0xffff);
	assert_int_equal(csum_udp(1), 1);
}

static void folded_sum_equals_its_remainder(void **state UNUSED)
{
	struct prng prng = prng_make();

	for (int i = 0; i < 100000; i++) {
		uint64_t sum = prng_u64(&prng) >> prng_below(&prng, 64);
		uint64_t want = sum % 0xffff;

		if (want == 0 && sum > 0)
			want = 0xffff;
		assert_int_equal(LOAD_SWAP16(csum_fold(sum)), want);
		assert_int_equal(csum_is_intact(sum), want == 0xffff);
		assert_true(csum_is_intact(sum - sum % 0xffff) || sum < 0xffff);
	}
}

static void pieces_of_any_length_add_up_to_the_whole(void **state UNUSED)
{
	struct prng prng = prng_make();
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	for (int round = 0; round < 500; round++) {
		size_t len = prng_below(&prng, 2000), at = 0;
		uint8_t *p = exact_bytes(&prng, len);
		uint64_t sum = 0, last = 0;
		size_t last_at = 0;

		while (at < len) {
			size_t n = 1 + prng_below(&prng, len - at);

			last = csum_add(&cpu, p + at, n, 0);
			last_at = at;
			sum = csum_block_add(sum, last, at);
			at += n;
		}
		assert_int_equal(csum_fold(sum), naive_fold(p, len));
		sum = csum_block_sub(sum, last, last_at);
		/* Taking away may leave -0 where there was nothing. */
		assert_int_equal(csum_fold(sum) % 0xffff, naive_fold(p, last_at) % 0xffff);
		free(p);
	}
}

/* A header whose first byte, as in reality, is never zero. */
static void updated_checksum_equals_the_one_computed_anew(void **state UNUSED)
{
	struct prng prng = prng_make();
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	for (int round = 0; round < 100000; round++) {
		uint8_t hdr[12] = {0x45};
		uint16_t csum, was16;
		uint32_t was32;

		/* Few different words, most of them extreme. */
		for (size_t i = 2; i < sizeof(hdr); i++)
			hdr[i] = (uint8_t)(prng_below(&prng, 4) ? -(int)prng_below(&prng, 2)
								: (int)prng_u64(&prng));
		csum = csum_finish(csum_add(&cpu, hdr, sizeof(hdr), 0));
		was16 = load_be16(hdr + 2);
		store_be16(hdr + 2,
			   (uint16_t)(prng_below(&prng, 2) ? prng_u64(&prng) : (uint16_t)~was16));
		csum = csum_update16(csum, was16, load_be16(hdr + 2));
		assert_int_equal(csum, csum_finish(csum_add(&cpu, hdr, sizeof(hdr), 0)));
		was32 = load_be32(hdr + 4);
		store_be32(hdr + 4,
			   (uint32_t)(prng_below(&prng, 2) ? prng_u64(&prng) : (uint32_t)~was32));
		csum = csum_update32(csum, was32, load_be32(hdr + 4));
		assert_int_equal(csum, csum_finish(csum_add(&cpu, hdr, sizeof(hdr), 0)));
	}
}

/* RFC 1624 §4: with the field changing from 0x5555 to 0x3285 under checksum 0xdd2f, the older
 * equation gave 0xffff where 0x0000 is right. */
static void update_to_zero_gives_zero_as_the_rfc_shows(void **state UNUSED)
{
	assert_int_equal(csum_update16(0xdd2f, 0x5555, 0x3285), 0x0000);
	assert_int_equal(csum_update16(0x0000, 0x3285, 0x5555), 0xdd2f);
	assert_int_equal(csum_update16(0x1234, 0x0000, 0x0000), 0x1234);
	assert_int_equal(csum_update16(0x0000, 0xffff, 0x0000), 0x0000);
	assert_int_equal(csum_update16(0x0000, 0x0000, 0xffff), 0x0000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalar_version_equals_the_naive_loop),
		cmocka_unit_test(avx2_version_equals_the_naive_loop),
		cmocka_unit_test(avx512_version_equals_the_naive_loop),
		cmocka_unit_test(best_level_is_one_of_them_and_unknown_ones_are_refused),
		cmocka_unit_test(example_of_the_rfc_gives_its_sum),
		cmocka_unit_test(bytes_with_their_checksum_fold_to_all_ones),
		cmocka_unit_test(zeroes_fold_to_zero_and_ones_to_all_ones),
		cmocka_unit_test(folded_sum_equals_its_remainder),
		cmocka_unit_test(pieces_of_any_length_add_up_to_the_whole),
		cmocka_unit_test(updated_checksum_equals_the_one_computed_anew),
		cmocka_unit_test(update_to_zero_gives_zero_as_the_rfc_shows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
