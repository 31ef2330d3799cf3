/* SPDX-License-Identifier: MIT */
/*
 * pcapng reader; the contracts are in pcapng.h.
 *
 * Numbers are in the byte order of their section, which its header tells. Timestamps are two
 * halves, the high one first, in either order.
 */
#include "wire/pcapng.h"

#include <errno.h>

enum {
	BLOCK_OVERHEAD = 12, /* type and both lengths */
	VERSION_MAJOR = 1,
	TSRESOL_BINARY = 0x80,
	NS_PER_S = 1000000000,
};

static const uint32_t BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/* What follows `len` bytes up to the next multiple of four. */
static size_t pad_len(size_t len)
{
	return -len & 3;
}

static uint16_t rd_u16(struct rd *r, bool big_endian)
{
	return big_endian ? rd_be16(r) : rd_le16(r);
}

static uint32_t rd_u32(struct rd *r, bool big_endian)
{
	return big_endian ? rd_be32(r) : rd_le32(r);
}

static uint64_t rd_u64(struct rd *r, bool big_endian)
{
	return big_endian ? rd_be64(r) : rd_le64(r);
}

static uint64_t rd_ts(struct rd *r, bool big_endian)
{
	uint64_t high = rd_u32(r, big_endian);

	return high << 32 | rd_u32(r, big_endian);
}

struct pcapng_reader pcapng_reader(const uint8_t *buf, size_t len)
{
	return (struct pcapng_reader){.r = rd_make(buf, len)};
}

/* A section header says by its magic number in which order it and its section are; its type reads
 * the same in both. */
static int section_order(const struct rd *at, bool *ret_big_endian)
{
	struct rd r = *at;
	uint32_t magic;

	rd_skip(&r, 8);
	magic = rd_le32(&r);
	if (!rd_ok(&r))
		return -ENODATA;
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return -EBADMSG;
	*ret_big_endian = magic != BYTE_ORDER_MAGIC;
	return 0;
}

int pcapng_next(struct pcapng_reader *in, struct pcapng_block *ret)
{
	struct rd r = in->r;
	bool big_endian = in->big_endian;
	struct pcapng_block block;
	uint32_t len;
	int err;

	if (rd_left(&r) == 0)
		return 0;
	block.type = rd_u32(&r, big_endian);
	if (!rd_ok(&r))
		return -ENODATA;
	if (block.type == PCAPNG_SHB) {
		err = section_order(&in->r, &big_endian);
		if (err < 0)
			return err;
	} else if (!in->in_section) {
		return -EBADMSG;
	}
	len = rd_u32(&r, big_endian);
	if (!rd_ok(&r))
		return -ENODATA;
	if (len < BLOCK_OVERHEAD || len % 4 != 0 || len > PCAPNG_BLOCK_MAX)
		return -EBADMSG;
	block.big_endian = big_endian;
	block.body = rd_sub(&r, len - BLOCK_OVERHEAD);
	if (rd_u32(&r, big_endian) != len)
		return rd_ok(&r) ? -EBADMSG : -ENODATA;

	*in = (struct pcapng_reader){.r = r, .in_section = true, .big_endian = big_endian};
	*ret = block;
	return 1;
}

int pcapng_opt_next(struct pcapng_opts *opts, struct pcapng_opt *ret)
{
	struct pcapng_opt opt = {.big_endian = opts->big_endian};

	if (rd_left(&opts->r) == 0) /* no end marker: the block's end will do */
		return 0;
	opt.code = rd_u16(&opts->r, opts->big_endian);
	opt.len = rd_u16(&opts->r, opts->big_endian);
	if (opt.code == PCAPNG_OPT_END) {
		rd_skip(&opts->r, rd_left(&opts->r));
		return rd_ok(&opts->r) ? 0 : -EBADMSG;
	}
	opt.data = rd_bytes(&opts->r, opt.len);
	rd_skip(&opts->r, pad_len(opt.len));
	if (!rd_ok(&opts->r))
		return -EBADMSG;
	*ret = opt;
	return 1;
}

/* The text of an option, which some writers end with a NUL. */
static struct pcapng_text opt_text(const struct pcapng_opt *opt)
{
	size_t len = opt->len;

	while (len > 0 && opt->data[len - 1] == '\0')
		len--;
	return (struct pcapng_text){.s = (const char *)opt->data, .len = len};
}

/* Numbers in options: false when the length is not theirs. */

static bool opt_u32(const struct pcapng_opt *opt, uint32_t *ret)
{
	struct rd r = rd_make(opt->data, opt->len);
	uint32_t v = rd_u32(&r, opt->big_endian);

	if (!rd_ok(&r) || rd_left(&r) > 0)
		return false;
	*ret = v;
	return true;
}

static bool opt_u64(const struct pcapng_opt *opt, uint64_t *ret)
{
	struct rd r = rd_make(opt->data, opt->len);
	uint64_t v = rd_u64(&r, opt->big_endian);

	if (!rd_ok(&r) || rd_left(&r) > 0)
		return false;
	*ret = v;
	return true;
}

static bool opt_ts(const struct pcapng_opt *opt, uint64_t *ret)
{
	struct rd r = rd_make(opt->data, opt->len);
	uint64_t v = rd_ts(&r, opt->big_endian);

	if (!rd_ok(&r) || rd_left(&r) > 0)
		return false;
	*ret = v;
	return true;
}

/* Each X_opt() takes one option into its struct; false: malformed. Unknown ones are fine. */

static bool shb_opt(void *shb_, const struct pcapng_opt *opt)
{
	struct pcapng_shb *shb = shb_;

	switch (opt->code) {
	case PCAPNG_OPT_COMMENT:
		shb->comment = opt_text(opt);
		return true;
	case PCAPNG_SHB_HARDWARE:
		shb->hardware = opt_text(opt);
		return true;
	case PCAPNG_SHB_OS:
		shb->os = opt_text(opt);
		return true;
	case PCAPNG_SHB_USERAPPL:
		shb->userappl = opt_text(opt);
		return true;
	default:
		return true;
	}
}

static bool idb_opt(void *idb_, const struct pcapng_opt *opt)
{
	struct pcapng_idb *idb = idb_;

	switch (opt->code) {
	case PCAPNG_IF_NAME:
		idb->name = opt_text(opt);
		return true;
	case PCAPNG_IF_DESCRIPTION:
		idb->description = opt_text(opt);
		return true;
	case PCAPNG_IF_SPEED:
		return opt_u64(opt, &idb->speed_bps);
	case PCAPNG_IF_TSRESOL:
		if (opt->len != 1)
			return false;
		idb->tsresol = opt->data[0];
		return true;
	case PCAPNG_IF_FILTER:
		if (opt->len == 0)
			return false;
		if (opt->data[0] == 0) /* text; the other kinds are programs */
			idb->filter = (struct pcapng_text){.s = (const char *)opt->data + 1,
							   .len = opt->len - 1u};
		return true;
	default:
		return true;
	}
}

static bool epb_opt(void *epb_, const struct pcapng_opt *opt)
{
	struct pcapng_epb *epb = epb_;

	switch (opt->code) {
	case PCAPNG_EPB_FLAGS:
		return opt_u32(opt, &epb->flags);
	case PCAPNG_EPB_DROPCOUNT:
		epb->has_drops = true;
		return opt_u64(opt, &epb->n_drops);
	case PCAPNG_EPB_PACKETID:
		epb->has_packet_id = true;
		return opt_u64(opt, &epb->packet_id);
	default:
		return true;
	}
}

static bool isb_opt(void *isb_, const struct pcapng_opt *opt)
{
	struct pcapng_isb *isb = isb_;

	switch (opt->code) {
	case PCAPNG_OPT_COMMENT:
		isb->comment = opt_text(opt);
		return true;
	case PCAPNG_ISB_STARTTIME:
		isb->has_start = true;
		return opt_ts(opt, &isb->start_ts);
	case PCAPNG_ISB_ENDTIME:
		isb->has_end = true;
		return opt_ts(opt, &isb->end_ts);
	case PCAPNG_ISB_IFRECV:
		isb->has_received = true;
		return opt_u64(opt, &isb->n_received);
	case PCAPNG_ISB_IFDROP:
		isb->has_dropped = true;
		return opt_u64(opt, &isb->n_dropped);
	default:
		return true;
	}
}

/* Takes all options in `r` into `obj`. The fixed fields before them have been read. */
static int opts_parse(struct rd r, bool big_endian, bool (*take)(void *, const struct pcapng_opt *),
		      void *obj)
{
	struct pcapng_opts opts = {.r = r, .big_endian = big_endian};
	struct pcapng_opt opt;
	int err;

	if (!rd_ok(&r))
		return -EBADMSG;
	while ((err = pcapng_opt_next(&opts, &opt)) > 0)
		if (!take(obj, &opt))
			return -EBADMSG;
	return err;
}

int pcapng_shb_parse(const struct pcapng_block *block, struct pcapng_shb *ret)
{
	struct rd r = block->body;
	struct pcapng_shb shb = {.comment.len = 0};
	uint16_t major;

	rd_skip(&r, 4); /* the magic number */
	major = rd_u16(&r, block->big_endian);
	rd_skip(&r, 2 + 8); /* minor version, section length */
	if (opts_parse(r, block->big_endian, shb_opt, &shb) < 0 || major != VERSION_MAJOR)
		return -EBADMSG;
	*ret = shb;
	return 0;
}

int pcapng_idb_parse(const struct pcapng_block *block, struct pcapng_idb *ret)
{
	struct rd r = block->body;
	struct pcapng_idb idb = {.tsresol = PCAPNG_TSRESOL_US};

	idb.linktype = rd_u16(&r, block->big_endian);
	rd_skip(&r, 2);
	idb.snaplen = rd_u32(&r, block->big_endian);
	if (opts_parse(r, block->big_endian, idb_opt, &idb) < 0)
		return -EBADMSG;
	*ret = idb;
	return 0;
}

int pcapng_epb_parse(const struct pcapng_block *block, struct pcapng_epb *ret,
		     struct pcapng_opts *ret_opts)
{
	struct rd r = block->body;
	struct pcapng_epb epb = {.if_id = rd_u32(&r, block->big_endian)};

	epb.ts = rd_ts(&r, block->big_endian);
	epb.cap_len = rd_u32(&r, block->big_endian);
	epb.orig_len = rd_u32(&r, block->big_endian);
	epb.data = rd_bytes(&r, epb.cap_len);
	rd_skip(&r, pad_len(epb.cap_len));
	if (opts_parse(r, block->big_endian, epb_opt, &epb) < 0)
		return -EBADMSG;
	*ret = epb;
	*ret_opts = (struct pcapng_opts){.r = r, .big_endian = block->big_endian};
	return 0;
}

int pcapng_isb_parse(const struct pcapng_block *block, struct pcapng_isb *ret)
{
	struct rd r = block->body;
	struct pcapng_isb isb = {.if_id = rd_u32(&r, block->big_endian)};

	isb.ts = rd_ts(&r, block->big_endian);
	if (opts_parse(r, block->big_endian, isb_opt, &isb) < 0)
		return -EBADMSG;
	*ret = isb;
	return 0;
}

/* A multiple of 10^-exp s. */
static int64_t ts_decimal_ns(uint64_t ts, unsigned int exp)
{
	for (; exp > 9 && ts > 0; exp--)
		ts /= 10;
	for (; exp < 9; exp++)
		if (__builtin_mul_overflow(ts, 10, &ts))
			return INT64_MAX;
	return ts > INT64_MAX ? INT64_MAX : (int64_t)ts;
}

/* A multiple of 2^-exp s. The fraction is taken to 32 bits, which is a quarter of a nanosecond. */
static int64_t ts_binary_ns(uint64_t ts, unsigned int exp)
{
	uint64_t s = exp < 64 ? ts >> exp : 0;
	uint64_t fraction = exp < 64 ? ts - (s << exp) : ts;

	if (s >= INT64_MAX / NS_PER_S)
		return INT64_MAX;
	if (exp < 32)
		fraction <<= 32 - exp;
	else
		fraction = exp - 32 < 64 ? fraction >> (exp - 32) : 0;
	return (int64_t)(s * NS_PER_S + (fraction * NS_PER_S >> 32));
}

int64_t pcapng_ts_ns(uint64_t ts, uint8_t tsresol)
{
	unsigned int exp = tsresol & ~(unsigned int)TSRESOL_BINARY;

	return tsresol & TSRESOL_BINARY ? ts_binary_ns(ts, exp) : ts_decimal_ns(ts, exp);
}
