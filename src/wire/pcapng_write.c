/* SPDX-License-Identifier: MIT */
/*
 * pcapng writer; the contracts are in pcapng.h.
 *
 * A block is: type, total length, body, total length again; everything is padded to four bytes. The
 * length is computed first and the block reserved as a whole, so that what follows can neither fail
 * nor leave half a block.
 */
#include "wire/pcapng.h"

#include <assert.h>
#include <string.h>

enum {
	BLOCK_OVERHEAD = 12, /* type and both lengths */
	OPT_HDR_LEN = 4,
	OPT_PEN_LEN = 4,
	OPT_MAX = 65532, /* longest value that we write: a multiple of 4 */
	SHB_FIXED_LEN = 16,
	IDB_FIXED_LEN = 8,
	EPB_FIXED_LEN = 20,
	ISB_FIXED_LEN = 12,
	VERSION_MAJOR = 1,
};

static const uint32_t BYTE_ORDER_MAGIC = 0x1a2b3c4d;
static const uint64_t SECTION_LEN_UNKNOWN = UINT64_MAX;

static size_t pad4(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

struct pcapng_text pcapng_text(const char *s)
{
	return (struct pcapng_text){.s = s, .len = s ? strlen(s) : 0};
}

/* Lengths of options in the buffer; an absent one takes nothing. */

static size_t opt_len(size_t value_len)
{
	return OPT_HDR_LEN + pad4(value_len);
}

/* What is kept of a text. A cut does not split a UTF-8 character. */
static size_t text_cut(const struct pcapng_text *text)
{
	size_t len = text->len;

	if (len <= PCAPNG_TEXT_MAX)
		return len;
	for (len = PCAPNG_TEXT_MAX; len > 0 && ((uint8_t)text->s[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

static size_t text_opt_len(const struct pcapng_text *text)
{
	return text->len > 0 ? opt_len(text_cut(text)) : 0;
}

static size_t custom_cut(const struct pcapng_custom *custom)
{
	return custom->len < OPT_MAX - OPT_PEN_LEN ? custom->len : OPT_MAX - OPT_PEN_LEN;
}

/* The options of a block together: with an end marker, or nothing at all. */
static size_t opts_len(size_t len)
{
	return len > 0 ? len + OPT_HDR_LEN : 0;
}

/* Writing. `w` has room for the whole block. */

static void pad_write(struct wr *w, size_t len)
{
	wr_zero(w, pad4(len) - len);
}

static void opt_hdr_write(struct wr *w, enum pcapng_opt_code code, size_t len)
{
	wr_le16(w, (uint16_t)code);
	wr_le16(w, (uint16_t)len);
}

static void opt_text_write(struct wr *w, enum pcapng_opt_code code, const struct pcapng_text *text)
{
	size_t len = text_cut(text);

	if (text->len == 0)
		return;
	opt_hdr_write(w, code, len);
	wr_bytes(w, text->s, len);
	pad_write(w, len);
}

static void opt_custom_write(struct wr *w, const struct pcapng_custom *custom)
{
	size_t len = custom_cut(custom);

	opt_hdr_write(w, PCAPNG_OPT_CUSTOM_BYTES, OPT_PEN_LEN + len);
	wr_le32(w, custom->pen);
	wr_bytes(w, custom->data, len);
	pad_write(w, len);
}

static void opt_u8_write(struct wr *w, enum pcapng_opt_code code, uint8_t v)
{
	opt_hdr_write(w, code, 1);
	wr_u8(w, v);
	pad_write(w, 1);
}

static void opt_u32_write(struct wr *w, enum pcapng_opt_code code, uint32_t v)
{
	opt_hdr_write(w, code, 4);
	wr_le32(w, v);
}

static void opt_u64_write(struct wr *w, enum pcapng_opt_code code, uint64_t v)
{
	opt_hdr_write(w, code, 8);
	wr_le64(w, v);
}

/* Timestamps are two halves, the high one first, in either byte order. */
static void ts_write(struct wr *w, uint64_t ts)
{
	wr_le32(w, (uint32_t)(ts >> 32));
	wr_le32(w, (uint32_t)ts);
}

static void opt_ts_write(struct wr *w, enum pcapng_opt_code code, uint64_t ts)
{
	opt_hdr_write(w, code, 8);
	ts_write(w, ts);
}

/* Reserves a block of `len` bytes in `w` and opens a cursor on it. False: it does not fit. */
static bool block_begin(struct wr *w, enum pcapng_block_type type, size_t len, struct wr *ret_block)
{
	uint8_t *p = len <= UINT32_MAX ? wr_reserve(w, len) : NULL;

	if (!p) {
		w->bad = true;
		return false;
	}
	*ret_block = wr_make(p, len);
	wr_le32(ret_block, (uint32_t)type);
	wr_le32(ret_block, (uint32_t)len);
	return true;
}

static void block_end(struct wr *block)
{
	if (wr_left(block) > 4)
		opt_hdr_write(block, PCAPNG_OPT_END, 0);
	wr_le32(block, (uint32_t)(wr_len(block) + 4));
	assert(wr_ok(block) && wr_left(block) == 0);
}

size_t pcapng_shb_len(const struct pcapng_shb *shb)
{
	size_t len = text_opt_len(&shb->hardware) + text_opt_len(&shb->os) +
		     text_opt_len(&shb->userappl) + text_opt_len(&shb->comment);

	return BLOCK_OVERHEAD + SHB_FIXED_LEN + opts_len(len);
}

void pcapng_shb_write(struct wr *w, const struct pcapng_shb *shb)
{
	struct wr block;

	if (!block_begin(w, PCAPNG_SHB, pcapng_shb_len(shb), &block))
		return;
	wr_le32(&block, BYTE_ORDER_MAGIC);
	wr_le16(&block, VERSION_MAJOR);
	wr_le16(&block, 0);
	wr_le64(&block, SECTION_LEN_UNKNOWN);
	opt_text_write(&block, PCAPNG_OPT_COMMENT, &shb->comment);
	opt_text_write(&block, PCAPNG_SHB_HARDWARE, &shb->hardware);
	opt_text_write(&block, PCAPNG_SHB_OS, &shb->os);
	opt_text_write(&block, PCAPNG_SHB_USERAPPL, &shb->userappl);
	block_end(&block);
}

/* A filter's value starts with a byte that says its kind; 0: text in libpcap's syntax. */
static struct pcapng_text filter_text(const struct pcapng_idb *idb)
{
	struct pcapng_text text = idb->filter;

	if (text.len > PCAPNG_TEXT_MAX - 1)
		text.len = PCAPNG_TEXT_MAX - 1;
	return text;
}

static void opt_filter_write(struct wr *w, const struct pcapng_idb *idb)
{
	struct pcapng_text text = filter_text(idb);

	if (text.len == 0)
		return;
	opt_hdr_write(w, PCAPNG_IF_FILTER, 1 + text.len);
	wr_u8(w, 0);
	wr_bytes(w, text.s, text.len);
	pad_write(w, 1 + text.len);
}

size_t pcapng_idb_len(const struct pcapng_idb *idb)
{
	size_t len = text_opt_len(&idb->name) + text_opt_len(&idb->description) + opt_len(1);

	if (idb->speed_bps > 0)
		len += opt_len(8);
	if (idb->filter.len > 0)
		len += opt_len(1 + filter_text(idb).len);
	return BLOCK_OVERHEAD + IDB_FIXED_LEN + opts_len(len);
}

void pcapng_idb_write(struct wr *w, const struct pcapng_idb *idb)
{
	struct wr block;

	if (!block_begin(w, PCAPNG_IDB, pcapng_idb_len(idb), &block))
		return;
	wr_le16(&block, idb->linktype);
	wr_le16(&block, 0);
	wr_le32(&block, idb->snaplen);
	opt_text_write(&block, PCAPNG_IF_NAME, &idb->name);
	opt_text_write(&block, PCAPNG_IF_DESCRIPTION, &idb->description);
	if (idb->speed_bps > 0)
		opt_u64_write(&block, PCAPNG_IF_SPEED, idb->speed_bps);
	opt_u8_write(&block, PCAPNG_IF_TSRESOL, idb->tsresol);
	opt_filter_write(&block, idb);
	block_end(&block);
}

size_t pcapng_epb_len(const struct pcapng_epb *epb)
{
	size_t len = 0;

	if (epb->flags != 0)
		len += opt_len(4);
	if (epb->has_drops)
		len += opt_len(8);
	if (epb->has_packet_id)
		len += opt_len(8);
	for (size_t i = 0; i < epb->n_comments; i++)
		len += text_opt_len(&epb->comments[i]);
	for (size_t i = 0; i < epb->n_customs; i++)
		len += opt_len(OPT_PEN_LEN + custom_cut(&epb->customs[i]));
	return BLOCK_OVERHEAD + EPB_FIXED_LEN + pad4(epb->cap_len) + opts_len(len);
}

static void epb_opts_write(struct wr *w, const struct pcapng_epb *epb)
{
	if (epb->flags != 0)
		opt_u32_write(w, PCAPNG_EPB_FLAGS, epb->flags);
	if (epb->has_drops)
		opt_u64_write(w, PCAPNG_EPB_DROPCOUNT, epb->n_drops);
	if (epb->has_packet_id)
		opt_u64_write(w, PCAPNG_EPB_PACKETID, epb->packet_id);
	for (size_t i = 0; i < epb->n_comments; i++)
		opt_text_write(w, PCAPNG_OPT_COMMENT, &epb->comments[i]);
	for (size_t i = 0; i < epb->n_customs; i++)
		opt_custom_write(w, &epb->customs[i]);
}

uint8_t *pcapng_epb_write(struct wr *w, const struct pcapng_epb *epb)
{
	struct wr block;
	uint8_t *data;

	if (!block_begin(w, PCAPNG_EPB, pcapng_epb_len(epb), &block))
		return NULL;
	wr_le32(&block, epb->if_id);
	ts_write(&block, epb->ts);
	wr_le32(&block, epb->cap_len);
	wr_le32(&block, epb->orig_len);
	data = wr_reserve(&block, epb->cap_len);
	if (epb->data && epb->cap_len > 0)
		memcpy(data, epb->data, epb->cap_len);
	pad_write(&block, epb->cap_len);
	epb_opts_write(&block, epb);
	block_end(&block);
	return data;
}

size_t pcapng_isb_len(const struct pcapng_isb *isb)
{
	size_t n_numbers =
		(size_t)isb->has_start + isb->has_end + isb->has_received + isb->has_dropped;

	return BLOCK_OVERHEAD + ISB_FIXED_LEN +
	       opts_len(text_opt_len(&isb->comment) + n_numbers * opt_len(8));
}

void pcapng_isb_write(struct wr *w, const struct pcapng_isb *isb)
{
	struct wr block;

	if (!block_begin(w, PCAPNG_ISB, pcapng_isb_len(isb), &block))
		return;
	wr_le32(&block, isb->if_id);
	ts_write(&block, isb->ts);
	opt_text_write(&block, PCAPNG_OPT_COMMENT, &isb->comment);
	if (isb->has_start)
		opt_ts_write(&block, PCAPNG_ISB_STARTTIME, isb->start_ts);
	if (isb->has_end)
		opt_ts_write(&block, PCAPNG_ISB_ENDTIME, isb->end_ts);
	if (isb->has_received)
		opt_u64_write(&block, PCAPNG_ISB_IFRECV, isb->n_received);
	if (isb->has_dropped)
		opt_u64_write(&block, PCAPNG_ISB_IFDROP, isb->n_dropped);
	block_end(&block);
}
