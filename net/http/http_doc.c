/* SPDX-License-Identifier: MIT */
/* Documents without a file; the contracts are in http_doc.h. */
#include "net/http/http_doc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t word(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void word_write(uint64_t value, uint8_t ret[8])
{
	for (int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(value >> 8 * i);
}

/* A part of one word. Returns how many bytes that is. */
static size_t part_write(uint64_t seed, uint64_t off, uint8_t *ret, size_t len)
{
	size_t skip = off % 8;
	size_t n = len < 8 - skip ? len : 8 - skip;
	uint8_t bytes[8];

	word_write(word(seed, off / 8), bytes);
	memcpy(ret, bytes + skip, n);
	return n;
}

static void made_up_write(uint64_t seed, uint64_t off, uint8_t *ret, size_t len)
{
	if (off % 8) {
		size_t n = part_write(seed, off, ret, len);

		off += n;
		ret += n;
		len -= n;
	}
	for (; len >= 8; off += 8, ret += 8, len -= 8)
		word_write(word(seed, off / 8), ret);
	if (len)
		part_write(seed, off, ret, len);
}

uint64_t http_doc_size(const struct http_doc *doc)
{
	return doc->text ? strlen(doc->text) : doc->size;
}

void http_doc_read(const struct http_doc *doc, uint64_t off, void *ret, size_t len)
{
	if (doc->text)
		memcpy(ret, doc->text + off, len);
	else
		made_up_write(doc->seed, off, ret, len);
}

/* FNV-1a: the texts are the operator's own, so nobody looks for collisions. */
static uint64_t text_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
	return hash;
}

void http_doc_etag(const struct http_doc *doc, char *ret, size_t size)
{
	if (doc->text)
		snprintf(ret, size, "\"t%zx-%016" PRIx64 "\"", strlen(doc->text),
			 text_hash(doc->text));
	else
		snprintf(ret, size, "\"s%" PRIx64 "-%" PRIx64 "\"", doc->size, doc->seed);
}
