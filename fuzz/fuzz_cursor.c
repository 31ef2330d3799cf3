/* SPDX-License-Identifier: MIT */
/*
 * The byte cursors against a naive twin: the input is a program of reads, and the bytes it reads.
 * What a program reads is written again by the writing cursor, into a buffer of its own size.
 */
#include "fuzz.h"

#include "base/cursor.h"

#include <assert.h>
#include <stdlib.h>

/* The next `n` bytes as a number in network or little-endian order; 0 when fewer are left, or some
 * read failed. */
static uint64_t twin_read(const uint8_t *data, size_t size, size_t *pos, size_t n, bool le)
{
	uint64_t value = 0;

	if (*pos + n > size) {
		*pos = size + 1;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		value = value << 8 | data[*pos + (le ? n - 1 - i : i)];
	*pos += n;
	return value;
}

static uint64_t read_number(struct rd *r, size_t n, bool le)
{
	switch (n) {
	case 1:
		return rd_u8(r);
	case 2:
		return le ? rd_le16(r) : rd_be16(r);
	case 4:
		return le ? rd_le32(r) : rd_be32(r);
	default:
		return le ? rd_le64(r) : rd_be64(r);
	}
}

static void write_number(struct wr *w, uint64_t value, size_t n, bool le)
{
	if (n == 1)
		wr_u8(w, (uint8_t)value);
	else if (n == 2)
		le ? wr_le16(w, (uint16_t)value) : wr_be16(w, (uint16_t)value);
	else if (n == 4)
		le ? wr_le32(w, (uint32_t)value) : wr_be32(w, (uint32_t)value);
	else
		le ? wr_le64(w, value) : wr_be64(w, value);
}

/* One read of `n` bytes, in one of four ways, and the write that undoes it. Returns the number. */
static uint64_t step(struct rd *r, struct wr *w, unsigned int how, size_t n, bool le)
{
	uint64_t value = 0;
	uint8_t copy[8] = {0};
	struct rd sub;

	switch (how) {
	case 0:
		value = read_number(r, n, le);
		write_number(w, value, n, le);
		break;
	case 1:
		sub = rd_sub(r, n);
		value = read_number(&sub, n, le);
		assert(rd_ok(&sub) == rd_ok(r) && rd_left(&sub) == 0);
		write_number(w, value, n, le);
		break;
	case 2:
		rd_copy(r, copy + 8 - n, n);
		value = le ? load_le64(copy) >> 8 * (8 - n) : load_be64(copy);
		wr_bytes(w, copy + 8 - n, n);
		break;
	default:
		rd_skip(r, n);
		wr_zero(w, n);
	}
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t widths[] = {1, 2, 4, 8};
	size_t n_ops = size ? data[0] % (size + 1) : 0;
	const uint8_t *bytes = data + n_ops;
	size_t n_bytes = size - n_ops, pos = 0;
	uint8_t *out = malloc(n_bytes ? n_bytes : 1);
	struct rd r = rd_make(bytes, n_bytes);
	struct wr w = wr_make(out, n_bytes);

	if (!out)
		return 0;
	for (size_t i = 0; i < n_ops; i++) {
		unsigned int how = data[i] >> 2 & 3;
		size_t n = widths[data[i] & 3];
		bool le = data[i] >> 4 & 1;
		uint64_t got = step(&r, &w, how, n, le);
		uint64_t want = twin_read(bytes, n_bytes, &pos, n, le);

		assert(how == 3 || got == want);
		assert(rd_ok(&r) == (pos <= n_bytes));
		assert(wr_ok(&w) == rd_ok(&r));
		assert(!wr_ok(&w) || wr_len(&w) == pos);
	}
	assert(wr_left(&w) + wr_len(&w) <= n_bytes);
	assert(rd_left(&r) == (pos <= n_bytes ? n_bytes - pos : 0));
	free(out);
	return 0;
}
