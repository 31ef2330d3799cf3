/* SPDX-License-Identifier: MIT */
/* Pseudo-header sums against the pseudo-headers written out, byte by byte. */
#include "wire_test.h"

#include "base/cpu.h"
#include "wire/ip4.h"
#include "wire/pseudo.h"
#include "wire/tcp.h"
#include "wire/udp.h"

static void sums_at_random_are_those_of_the_header_written_out(void **state UNUSED)
{
	struct cpu_ops cpu;
	struct rng rng = RNG_FIXED;

	cpu_ops_init(&cpu);
	for (int i = 0; i < N_RANDOM; i++) {
		uint8_t v4[12], v6[40] = {0}, proto = (uint8_t)rng_u32(&rng);
		uint32_t len = rng_u32(&rng) % 65536;
		struct ip4_addr src4, dst4;
		struct ip6_addr src6, dst6;
		struct ip_addr src, dst;

		rng_bytes(&rng, v4, 8);
		v4[8] = 0;
		v4[9] = proto;
		store_be16(v4 + 10, (uint16_t)len);
		memcpy(&src4, v4, 4);
		memcpy(&dst4, v4 + 4, 4);
		src = ip_addr_from_ip4(&src4);
		dst = ip_addr_from_ip4(&dst4);
		assert_int_equal(csum_fold(pseudo4_sum(&src4, &dst4, proto, (uint16_t)len)),
				 csum_fold(csum_add(&cpu, v4, sizeof(v4), 0)));
		assert_int_equal(csum_fold(pseudo_sum(&src, &dst, proto, len)),
				 csum_fold(csum_add(&cpu, v4, sizeof(v4), 0)));

		rng_bytes(&rng, v6, 32);
		v6[0] = 0x20; /* not v4-mapped */
		v6[16] = 0x20;
		store_be32(v6 + 32, len * 7);
		v6[39] = proto;
		memcpy(&src6, v6, 16);
		memcpy(&dst6, v6 + 16, 16);
		src = ip_addr_from_ip6(&src6);
		dst = ip_addr_from_ip6(&dst6);
		assert_int_equal(csum_fold(pseudo6_sum(&src6, &dst6, proto, len * 7)),
				 csum_fold(csum_add(&cpu, v6, sizeof(v6), 0)));
		assert_int_equal(csum_fold(pseudo_sum(&src, &dst, proto, len * 7)),
				 csum_fold(csum_add(&cpu, v6, sizeof(v6), 0)));
	}
}

/* 192.0.2.1:49500 > 198.51.100.2:53 "hello": worked out by hand. */
static void udp_datagram_with_its_checksum_sums_to_all_ones(void **state UNUSED)
{
	const struct ip4_addr src = IP4_ADDR(192, 0, 2, 1), dst = IP4_ADDR(198, 51, 100, 2);
	uint8_t bytes[UDP_HDR_LEN + 5] = {[8] = 'h', 'e', 'l', 'l', 'o'};
	struct udp_hdr hdr = {.src_port = 49500, .dst_port = 53, .len = sizeof(bytes)};
	struct cpu_ops cpu;
	uint64_t pseudo = pseudo4_sum(&src, &dst, IP_PROTO_UDP, sizeof(bytes));

	cpu_ops_init(&cpu);
	udp_hdr_write(bytes, &hdr);
	hdr.csum = csum_udp(csum_finish(csum_add(&cpu, bytes, sizeof(bytes), pseudo)));
	assert_int_equal(hdr.csum, 0x0e39);
	udp_hdr_write(bytes, &hdr);
	assert_int_equal(csum_fold(csum_add(&cpu, bytes, sizeof(bytes), pseudo)), 0xffff);
}

/* The field starts with the folded pseudo-header; the segment's own sum then completes it. */
static void partial_checksum_is_completed_by_the_segment_alone(void **state UNUSED)
{
	const struct ip4_addr src = IP4_ADDR(192, 0, 2, 1), dst = IP4_ADDR(198, 51, 100, 2);
	struct rng rng = RNG_FIXED;
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	for (uint16_t len = TCP_HDR_LEN; len < 200; len++) {
		uint8_t bytes[200];
		uint64_t pseudo = pseudo4_sum(&src, &dst, IP_PROTO_TCP, len);
		uint16_t whole;

		rng_bytes(&rng, bytes, sizeof(bytes));
		store_be16(bytes + 16, 0);
		whole = csum_finish(csum_add(&cpu, bytes, len, pseudo));
		store_be16(bytes + 16, csum_fold(pseudo));
		assert_int_equal(csum_finish(csum_add(&cpu, bytes, len, 0)), whole);
		store_be16(bytes + 16, whole);
		assert_int_equal(csum_fold(csum_add(&cpu, bytes, len, pseudo)), 0xffff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_at_random_are_those_of_the_header_written_out),
		cmocka_unit_test(udp_datagram_with_its_checksum_sums_to_all_ones),
		cmocka_unit_test(partial_checksum_is_completed_by_the_segment_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
