/* SPDX-License-Identifier: MIT */
/*
 * Two addresses of either family, then a datagram: what parses is written back as it was, and given
 * its checksum it verifies.
 */
#include "fuzz.h"

#include "base/cpu.h"
#include "wire/ip4.h"
#include "wire/pseudo.h"
#include "wire/udp.h"

#include <assert.h>
#include <stdlib.h>

static void check_csum(const uint8_t *in, struct udp_hdr hdr, uint64_t pseudo)
{
	uint8_t *copy = malloc(hdr.len);
	struct cpu_ops cpu;

	if (!copy)
		return;
	cpu_ops_init(&cpu);
	memcpy(copy, in, hdr.len);
	hdr.csum = 0;
	udp_hdr_write(copy, &hdr);
	hdr.csum = csum_udp(csum_finish(csum_add(&cpu, copy, hdr.len, pseudo)));
	udp_hdr_write(copy, &hdr);
	assert(csum_fold(csum_add(&cpu, copy, hdr.len, pseudo)) == 0xffff);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	struct ip_addr src, dst;
	uint8_t out[UDP_HDR_LEN];
	struct udp_hdr hdr;
	const uint8_t *in;
	size_t len;

	rd_copy(&r, &src, sizeof(src));
	rd_copy(&r, &dst, sizeof(dst));
	in = r.p;
	len = rd_left(&r);
	if (udp_hdr_parse(&r, &hdr) < 0)
		return 0;
	assert(hdr.len >= UDP_HDR_LEN && hdr.len <= len);
	assert(rd_left(&r) == len - UDP_HDR_LEN);
	udp_hdr_write(out, &hdr);
	assert(memcmp(in, out, sizeof(out)) == 0);
	check_csum(in, hdr, pseudo_sum(&src, &dst, IP_PROTO_UDP, hdr.len));
	return 0;
}
