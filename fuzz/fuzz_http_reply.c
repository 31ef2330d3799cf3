/* SPDX-License-Identifier: MIT */
/*
 * What a web client reads: the input is the bytes of a connection up to its end. The first byte
 * says into what pieces they are cut, which must not matter.
 */
#include "fuzz.h"

#include "net/http/http_reply.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Each call sees a block of exactly its bytes. */
static void read_cut(struct http_reply *r, const uint8_t *data, size_t size, size_t piece)
{
	for (size_t off = 0; off < size;) {
		size_t n = size - off < piece ? size - off : piece;
		char *block = malloc(n);

		if (!block)
			abort();
		memcpy(block, data + off, n);
		http_reply_read(r, block, n);
		free(block);
		off += n;
		assert(r->body_bytes <= off && r->head_bytes <= HTTP_REPLY_HEAD_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_reply whole, cut;
	size_t piece = size ? (size_t)data[0] + 1 : 1;

	if (!size)
		return 0;
	http_reply_init(&whole);
	http_reply_init(&cut);
	read_cut(&whole, data + 1, size - 1, size);
	read_cut(&cut, data + 1, size - 1, piece);
	assert(whole.state == cut.state && whole.status == cut.status);
	assert(whole.body_bytes == cut.body_bytes);
	http_reply_eof(&whole);
	assert(whole.state == HTTP_REPLY_DONE || whole.state == HTTP_REPLY_BAD);
	return 0;
}
