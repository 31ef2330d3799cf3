/* SPDX-License-Identifier: MIT */
/* Editing pcapng blocks; the contract is in pcapng_edit.h. Blocks are little-endian, as written. */
#include "wire/pcapng_edit.h"

#include <errno.h>
#include <string.h>

#include "base/load.h"
#include "wire/pcapng.h"

enum {
	OPT_COMMENT = 1,
	OPT_HDR = 4,    /* code and length */
	BLOCK_TAIL = 8, /* end of options, and the length once more */
	BLOCK_MIN = 32 + BLOCK_TAIL + 4,
};

static size_t pad4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

size_t pcapng_comment_len(size_t text_len)
{
	return OPT_HDR + pad4(text_len);
}

int pcapng_comment_insert(uint8_t *buf, size_t cap, size_t *len, size_t off, const char *text,
			  size_t text_len)
{
	size_t n_add = pcapng_comment_len(text_len);
	size_t block_len, at;
	uint8_t *p;

	if (off > *len || *len - off < BLOCK_MIN || load_le32(buf + off) != PCAPNG_EPB)
		return -EBADMSG;
	block_len = load_le32(buf + off + 4);
	if (block_len < BLOCK_MIN || block_len > *len - off || text_len > PCAPNG_TEXT_MAX)
		return -EBADMSG;
	if (cap - *len < n_add)
		return -ENOSPC;

	at = off + block_len - BLOCK_TAIL; /* in front of the end of options */
	memmove(buf + at + n_add, buf + at, *len - at);
	p = buf + at;
	store_le16(p, OPT_COMMENT);
	store_le16(p + 2, (uint16_t)text_len);
	memcpy(p + OPT_HDR, text, text_len);
	memset(p + OPT_HDR + text_len, 0, pad4(text_len) - text_len);
	store_le32(buf + off + 4, (uint32_t)(block_len + n_add));
	store_le32(buf + off + block_len + n_add - 4, (uint32_t)(block_len + n_add));
	*len += n_add;
	return 0;
}
