/* SPDX-License-Identifier: MIT */
/* An ICMP message: header, then by its type a quoted datagram or a timestamp. */
#include "fuzz.h"

#include "wire/icmp4.h"

#include <assert.h>

/* What was written reads the same; fields that the type does not have are zero by then. */
static void check_header(const uint8_t *in, const struct icmp4_hdr *hdr)
{
	uint8_t out[ICMP4_HDR_LEN], again[ICMP4_HDR_LEN];
	struct rd r = rd_make(out, sizeof(out));
	struct icmp4_hdr back;
	int err;

	icmp4_hdr_write(out, hdr);
	assert(memcmp(in, out, 4) == 0);
	err = icmp4_hdr_parse(&r, &back);
	assert(err == 0);
	(void)err;
	icmp4_hdr_write(again, &back);
	assert(memcmp(out, again, sizeof(out)) == 0);
}

static void fuzz_quote(struct rd r, const struct icmp4_hdr *hdr)
{
	const uint8_t *start = r.p, *end = r.end;
	struct icmp4_quote quote;

	if (icmp4_quote_parse(&r, hdr, &quote) < 0)
		return;
	assert(quote.hdr == start && quote.l4 == start + quote.ip.hdr_len);
	assert(quote.l4_len >= ICMP4_QUOTE_L4_MIN);
	assert(quote.l4 + quote.l4_len <= end);
	assert(quote.ip.hdr_len + quote.l4_len <= quote.ip.tot_len);
	assert(r.p >= quote.l4 + quote.l4_len);
}

static void fuzz_timestamp(struct rd r)
{
	const uint8_t *start = r.p;
	struct icmp4_timestamp ts;
	uint8_t out[ICMP4_TIMESTAMP_LEN - ICMP4_HDR_LEN];
	struct wr w = wr_make(out, sizeof(out));

	if (icmp4_timestamp_parse(&r, &ts) < 0)
		return;
	icmp4_timestamp_write(&w, &ts);
	assert(wr_ok(&w) && memcmp(start, out, sizeof(out)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	struct icmp4_hdr hdr;

	if (icmp4_hdr_parse(&r, &hdr) < 0)
		return 0;
	check_header(data, &hdr);
	if (icmp4_type_is_error(hdr.type))
		fuzz_quote(r, &hdr);
	else
		fuzz_timestamp(r);
	return 0;
}
