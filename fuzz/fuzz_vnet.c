/* SPDX-License-Identifier: MIT */
/* A byte that chooses the header's length, the header, the frame. */
#include "fuzz.h"

#include "wire/vnet.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	size_t hdr_len = rd_u8(&r) & 1 ? VNET_HDR_MRG_LEN : VNET_HDR_LEN;
	const uint8_t *in = r.p;
	uint8_t out[VNET_HDR_MRG_LEN];
	struct vnet_hdr hdr;

	if (!in || vnet_hdr_parse(&r, hdr_len, &hdr) < 0)
		return 0;
	if (hdr.flags & VNET_F_NEEDS_CSUM)
		assert((size_t)hdr.csum_start + hdr.csum_offset + 2 <= rd_left(&r));
	if (hdr.gso_type != VNET_GSO_NONE)
		assert(hdr.gso_size > 0 && hdr.hdr_len <= rd_left(&r));
	vnet_hdr_write(out, hdr_len, &hdr);
	assert(memcmp(in, out, hdr_len) == 0);
	return 0;
}
