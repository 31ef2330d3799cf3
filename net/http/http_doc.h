/* SPDX-License-Identifier: MIT */
/*
 * Documents that a server has without a file: a text, or any number of bytes made from a seed.
 *
 * The bytes of a made-up document are those of SplitMix64 (Steele, Lea, Flood 2014) as a counter:
 * the bytes 8n to 8n+7 are, in little-endian order, the n-th output of the generator started with
 * `seed`, that is mix(seed + (n + 1) * 0x9e3779b97f4a7c15). So any part can be made alone, every
 * run makes the same, and a test can make them again with ten lines of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct http_doc {
	const char *path; /* in the normal form of http_path.h, not escaped: "/10m" */
	const char *text; /* its content; NULL: `size` bytes made from `seed` */
	uint64_t size;
	uint64_t seed;
	const char *type; /* the Content-Type; NULL: by the path's ending */
};

/* The length of its content. */
uint64_t http_doc_size(const struct http_doc *doc);
/* Writes the bytes from `off` to `off + len`, which lie inside the content. */
void http_doc_read(const struct http_doc *doc, uint64_t off, void *ret, size_t len);
/* A strong entity tag with its quotes, the same for the same content; `size` is HTTP_ETAG_SIZE. */
void http_doc_etag(const struct http_doc *doc, char *ret, size_t size);
