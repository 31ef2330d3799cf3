/* SPDX-License-Identifier: MIT */
/* An ICMPv6 message: header, then the packet that an error quotes. */
#include "fuzz.h"

#include "wire/icmp6.h"

#include <assert.h>

/* What was written reads the same; fields that the type does not have are zero by then. */
static void check_header(const uint8_t *in, const struct icmp6_hdr *hdr)
{
	uint8_t out[ICMP6_HDR_LEN], again[ICMP6_HDR_LEN];
	struct rd r = rd_make(out, sizeof(out));
	struct icmp6_hdr back;
	int err;

	icmp6_hdr_write(out, hdr);
	assert(memcmp(in, out, 4) == 0);
	err = icmp6_hdr_parse(&r, &back);
	assert(err == 0);
	(void)err;
	icmp6_hdr_write(again, &back);
	assert(memcmp(out, again, sizeof(out)) == 0);
}

static void check_quote(struct rd r, const struct icmp6_hdr *hdr)
{
	const uint8_t *start = r.p, *end = r.end;
	struct icmp6_quote quote;

	if (icmp6_quote_parse(&r, hdr, &quote) < 0)
		return;
	assert(quote.ip.version == 6);
	assert(quote.l4 >= start + IP6_HDR_LEN);
	assert(quote.l4_len >= ICMP6_QUOTE_L4_MIN);
	assert(quote.l4 + quote.l4_len <= end);
	assert((size_t)(quote.l4 - start) + quote.l4_len <=
	       (size_t)IP6_HDR_LEN + quote.ip.payload_len);
	assert(r.p >= quote.l4 + quote.l4_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	struct icmp6_hdr hdr;

	if (icmp6_hdr_parse(&r, &hdr) < 0)
		return 0;
	check_header(data, &hdr);
	assert(!icmp6_type_is_error(hdr.type) || !icmp6_type_is_nd(hdr.type));
	check_quote(r, &hdr); /* of whatever type: the caller decides */
	return 0;
}
