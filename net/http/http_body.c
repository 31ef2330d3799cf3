/* SPDX-License-Identifier: MIT */
/* Skipping of request bodies; the contracts are in http_body.h. */
#include "net/http/http_body.h"

void http_body_init(struct http_body *b, const struct http_request *req, uint64_t max_bytes)
{
	*b = (struct http_body){
		.state = HTTP_BODY_DONE,
		.total_left = max_bytes,
		.is_chunked = req->is_chunked,
	};
	if (req->is_chunked) {
		b->state = HTTP_BODY_CHUNK_SIZE;
	} else if (req->content_length > max_bytes) {
		b->state = HTTP_BODY_BAD;
	} else if (req->content_length > 0) {
		b->left = req->content_length;
		b->state = HTTP_BODY_BYTES;
	}
}

static enum http_body_state chunk_head_end(struct http_body *b)
{
	if (b->n_digits == 0 || b->left > b->total_left)
		return HTTP_BODY_BAD;
	b->n_col = 0;
	return b->left ? HTTP_BODY_BYTES : HTTP_BODY_TRAILER;
}

static enum http_body_state chunk_start(struct http_body *b)
{
	b->left = 0;
	b->n_digits = 0;
	return HTTP_BODY_CHUNK_SIZE;
}

/* RFC 9112 §7.1: 1*HEXDIG, blanks that old software adds, extensions after a ';'. */
static enum http_body_state on_size(struct http_body *b, char c)
{
	int value = http_hex_value(c);

	if (c == '\n')
		return chunk_head_end(b);
	if (c == ';' || c == ' ' || c == '\t')
		return HTTP_BODY_CHUNK_EXT;
	if (value < 0 || b->left >> 60)
		return HTTP_BODY_BAD;
	b->left = b->left << 4 | (uint64_t)value;
	b->n_digits++;
	return HTTP_BODY_CHUNK_SIZE;
}

static enum http_body_state on_trailer(struct http_body *b, char c)
{
	if (c != '\n') {
		b->n_col++;
		return HTTP_BODY_TRAILER;
	}
	if (b->n_col == 0)
		return HTTP_BODY_DONE;
	b->n_col = 0;
	return HTTP_BODY_TRAILER;
}

/* A byte outside the data. A CR is only ever followed by LF, and does not count. */
static enum http_body_state on_line_byte(struct http_body *b, char c)
{
	if (++b->line_bytes > HTTP_BODY_LINES || (b->has_cr && c != '\n'))
		return HTTP_BODY_BAD;
	b->has_cr = c == '\r';
	if (b->has_cr)
		return b->state;
	switch (b->state) {
	case HTTP_BODY_CHUNK_SIZE:
		return on_size(b, c);
	case HTTP_BODY_CHUNK_EXT:
		return c == '\n' ? chunk_head_end(b) : HTTP_BODY_CHUNK_EXT;
	case HTTP_BODY_CHUNK_END:
		return c == '\n' ? chunk_start(b) : HTTP_BODY_BAD;
	case HTTP_BODY_TRAILER:
		return on_trailer(b, c);
	default:
		return HTTP_BODY_BAD;
	}
}

static size_t skip_bytes(struct http_body *b, size_t len)
{
	size_t n = len < b->left ? len : (size_t)b->left;

	b->left -= n;
	b->total_left -= n;
	if (b->left == 0)
		b->state = b->is_chunked ? HTTP_BODY_CHUNK_END : HTTP_BODY_DONE;
	return n;
}

size_t http_body_skip(struct http_body *b, const char *buf, size_t len)
{
	size_t n = 0;

	while (n < len && b->state != HTTP_BODY_DONE && b->state != HTTP_BODY_BAD) {
		if (b->state == HTTP_BODY_BYTES)
			n += skip_bytes(b, len - n);
		else
			b->state = on_line_byte(b, buf[n++]);
	}
	return n;
}
