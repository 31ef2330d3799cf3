/* SPDX-License-Identifier: MIT */
/*
 * pcapng blocks (draft-ietf-opsawg-pcapng): section header, interface description, enhanced packet,
 * interface statistics are written, little-endian always, and read back in either byte order.
 *
 * A writer puts a whole block into the buffer or, when it does not fit, nothing and sets `bad`; the
 * _len() functions say beforehand how much that is. A reader iterates over blocks, then over a
 * block's options:
 *
 *	struct pcapng_reader in = pcapng_reader(buf, len);
 *	while ((err = pcapng_next(&in, &block)) > 0)
 *		if (block.type == PCAPNG_EPB && pcapng_epb_parse(&block, &epb, &opts) == 0)
 *			...
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"

enum pcapng_block_type {
	PCAPNG_SHB = 0x0a0d0d0a, /* section header */
	PCAPNG_IDB = 1,          /* interface description */
	PCAPNG_SPB = 3,          /* simple packet: not read further */
	PCAPNG_NRB = 4,          /* name resolution: not read further */
	PCAPNG_ISB = 5,          /* interface statistics */
	PCAPNG_EPB = 6,          /* enhanced packet */
};

enum {
	PCAPNG_LINKTYPE_ETHERNET = 1,
	PCAPNG_LINKTYPE_RAW = 101, /* IPv4 or IPv6 without a link header */
	PCAPNG_TSRESOL_US = 6,     /* what an interface without the option has */
	PCAPNG_TSRESOL_NS = 9,
	PCAPNG_BLOCK_MAX = 1 << 24, /* a longer block is refused when reading */
	PCAPNG_TEXT_MAX = 65532,    /* longer texts are cut when writing */
};

/* Option codes; those from 2 on mean something in one block type only. */
enum pcapng_opt_code {
	PCAPNG_OPT_END = 0,
	PCAPNG_OPT_COMMENT = 1,
	PCAPNG_OPT_CUSTOM_TEXT = 2988,
	PCAPNG_OPT_CUSTOM_BYTES = 2989,

	PCAPNG_SHB_HARDWARE = 2,
	PCAPNG_SHB_OS = 3,
	PCAPNG_SHB_USERAPPL = 4,

	PCAPNG_IF_NAME = 2,
	PCAPNG_IF_DESCRIPTION = 3,
	PCAPNG_IF_SPEED = 8,
	PCAPNG_IF_TSRESOL = 9,
	PCAPNG_IF_FILTER = 11,

	PCAPNG_EPB_FLAGS = 2,
	PCAPNG_EPB_DROPCOUNT = 4,
	PCAPNG_EPB_PACKETID = 5,

	PCAPNG_ISB_STARTTIME = 2,
	PCAPNG_ISB_ENDTIME = 3,
	PCAPNG_ISB_IFRECV = 4,
	PCAPNG_ISB_IFDROP = 5,
};

/* Low two bits of an enhanced packet's flags. */
enum pcapng_direction {
	PCAPNG_DIR_UNKNOWN = 0,
	PCAPNG_DIR_IN = 1,
	PCAPNG_DIR_OUT = 2,
	PCAPNG_DIR_MASK = 3,
};

/* UTF-8 text, not NUL-terminated; len 0: none. */
struct pcapng_text {
	const char *s;
	size_t len;
};

/* Text of a C string; NULL is none. */
struct pcapng_text pcapng_text(const char *s);

struct pcapng_shb {
	struct pcapng_text hardware;
	struct pcapng_text os;
	struct pcapng_text userappl;
	struct pcapng_text comment;
};

struct pcapng_idb {
	uint16_t linktype;
	uint8_t tsresol;    /* unit of timestamps: 10^-n s, or with the top bit 2^-n s */
	uint32_t snaplen;   /* most bytes kept of a packet; 0: no limit */
	uint64_t speed_bps; /* 0: unknown */
	struct pcapng_text name;
	struct pcapng_text description;
	struct pcapng_text filter; /* a capture filter's text */
};

/* An option of somebody's own: `pen` is the IANA private enterprise number. */
struct pcapng_custom {
	uint32_t pen;
	const uint8_t *data;
	size_t len;
};

struct pcapng_epb {
	uint32_t if_id;      /* counts the interface descriptions of the section, from 0 */
	uint64_t ts;         /* since 1970 in the interface's unit */
	uint32_t cap_len;    /* bytes here */
	uint32_t orig_len;   /* bytes it had */
	const uint8_t *data; /* cap_len bytes; NULL for writing: filled in by the caller */
	uint32_t flags;      /* enum pcapng_direction and more; 0: none */
	bool has_drops;
	bool has_packet_id;
	uint64_t n_drops;   /* lost since the previous packet of the interface */
	uint64_t packet_id; /* the same packet on another interface has the same */
	/* For writing; a reader finds these with pcapng_opt_next(). */
	const struct pcapng_text *comments;
	const struct pcapng_custom *customs;
	size_t n_comments;
	size_t n_customs;
};

struct pcapng_isb {
	uint32_t if_id;
	uint64_t ts;
	bool has_start;
	bool has_end;
	bool has_received;
	bool has_dropped;
	uint64_t start_ts;
	uint64_t end_ts;
	uint64_t n_received;
	uint64_t n_dropped; /* by the interface for lack of resources */
	struct pcapng_text comment;
};

size_t pcapng_shb_len(const struct pcapng_shb *shb);
void pcapng_shb_write(struct wr *w, const struct pcapng_shb *shb);

size_t pcapng_idb_len(const struct pcapng_idb *idb);
void pcapng_idb_write(struct wr *w, const struct pcapng_idb *idb);

size_t pcapng_epb_len(const struct pcapng_epb *epb);
/* Returns where the packet's cap_len bytes are in the buffer, NULL when the block does not fit.
 * With epb->data NULL the caller copies the bytes there itself (from a packet in fragments). */
uint8_t *pcapng_epb_write(struct wr *w, const struct pcapng_epb *epb);

size_t pcapng_isb_len(const struct pcapng_isb *isb);
void pcapng_isb_write(struct wr *w, const struct pcapng_isb *isb);

struct pcapng_reader {
	struct rd r;
	bool in_section; /* a section header has been read */
	bool big_endian; /* the section's byte order */
};

struct pcapng_block {
	uint32_t type; /* enum pcapng_block_type or any other */
	bool big_endian;
	struct rd body; /* between the two lengths */
};

struct pcapng_opts {
	struct rd r;
	bool big_endian;
};

struct pcapng_opt {
	uint16_t code; /* enum pcapng_opt_code or any other */
	uint16_t len;
	const uint8_t *data;
	bool big_endian; /* byte order of numbers in it */
};

struct pcapng_reader pcapng_reader(const uint8_t *buf, size_t len);

/* The next block: 1 with `ret` filled, 0 at the end of the bytes, -ENODATA when they end within a
 * block (a file that is still being written), -EBADMSG for something else than pcapng or lengths
 * that disagree. On anything but 1 `ret` and `in` are as they were. */
int pcapng_next(struct pcapng_reader *in, struct pcapng_block *ret) MUST_CHECK;

/* The next option: 1 with `ret` filled, 0 at the end, -EBADMSG when it leads past the end. */
int pcapng_opt_next(struct pcapng_opts *opts, struct pcapng_opt *ret) MUST_CHECK;

/* Each reads a block of its type: 0, or -EBADMSG with `ret` untouched (too short, malformed
 * options). Texts and data point into the block. */
int pcapng_shb_parse(const struct pcapng_block *block, struct pcapng_shb *ret) MUST_CHECK;
int pcapng_idb_parse(const struct pcapng_block *block, struct pcapng_idb *ret) MUST_CHECK;
int pcapng_epb_parse(const struct pcapng_block *block, struct pcapng_epb *ret,
		     struct pcapng_opts *ret_opts) MUST_CHECK;
int pcapng_isb_parse(const struct pcapng_block *block, struct pcapng_isb *ret) MUST_CHECK;

/* A timestamp in nanoseconds; INT64_MAX when it does not fit. */
int64_t pcapng_ts_ns(uint64_t ts, uint8_t tsresol);
