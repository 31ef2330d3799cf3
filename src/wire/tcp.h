/* SPDX-License-Identifier: MIT */
/*
 * TCP header and options codec (RFC 9293 §3.1 and §3.2; RFC 7323 window scale and timestamps; RFC
 * 2018 SACK; RFC 7413 fast open; RFC 2385 MD5).
 *
 * On the data path: compare TCP_HDR_LEN once, tcp_hdr_read(), compare data_off with the bytes
 * present, tcp_opts_parse() of what lies between.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "base/load.h"

enum {
	TCP_HDR_LEN = 20, /* without options */
	TCP_HDR_MAX = 60,
	TCP_OPTS_MAX = 40,
	TCP_MSS_DEFAULT = 536, /* RFC 9293 MUST-15, IPv4 */
	TCP_WSCALE_MAX = 14,  /* RFC 7323 §2.3: more counts as 14; the codec gives what was sent */
	TCP_OPTS_TS_LEN = 12, /* NOP NOP TS, on nearly every segment */
	TCP_SACK_MAX = 4,     /* blocks that fit into 40 bytes; 3 beside timestamps */
	TCP_TFO_COOKIE_MIN = 4, /* RFC 7413 §4.1.1 */
	TCP_TFO_COOKIE_MAX = 16,
	TCP_MD5_LEN = 16,
};

/* Bits of tcp_hdr.flags; AE was NS (RFC 9768). */
enum tcp_flag {
	TCP_F_FIN = 0x001,
	TCP_F_SYN = 0x002,
	TCP_F_RST = 0x004,
	TCP_F_PSH = 0x008,
	TCP_F_ACK = 0x010,
	TCP_F_URG = 0x020,
	TCP_F_ECE = 0x040,
	TCP_F_CWR = 0x080,
	TCP_F_AE = 0x100,
	TCP_F_ALL = 0x1ff,
};

enum tcp_opt_kind {
	TCP_OPT_EOL = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_WSCALE = 3,
	TCP_OPT_SACK_OK = 4,
	TCP_OPT_SACK = 5,
	TCP_OPT_TS = 8,
	TCP_OPT_MD5 = 19,
	TCP_OPT_TFO = 34,
	TCP_OPT_EXP1 = 253, /* RFC 4727; shared by a 16-bit identifier (RFC 6994) */
	TCP_OPT_EXP2 = 254,
	TCP_OPT_EXP_TFO = 0xf989, /* identifier of fast open in the two above */
};

struct tcp_hdr {
	uint32_t seq;
	uint32_t ack; /* means something with TCP_F_ACK only, but is carried as it is */
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t wnd; /* as on the wire, not scaled */
	uint16_t csum;
	uint16_t urg;     /* urgent pointer, means something with TCP_F_URG only */
	uint16_t flags;   /* TCP_F_*; the three reserved bits are ignored and written as zero */
	uint8_t data_off; /* header with options, bytes, a multiple of 4 */
};

static inline void tcp_hdr_read(const uint8_t *p, struct tcp_hdr *ret)
{
	ret->src_port = load_be16(p);
	ret->dst_port = load_be16(p + 2);
	ret->seq = load_be32(p + 4);
	ret->ack = load_be32(p + 8);
	ret->data_off = (uint8_t)((p[12] >> 4) * 4);
	ret->flags = load_be16(p + 12) & TCP_F_ALL;
	ret->wnd = load_be16(p + 14);
	ret->csum = load_be16(p + 16);
	ret->urg = load_be16(p + 18);
}

/* Whether the header ends within itself and within `len`, the bytes present from its start on. */
static inline bool tcp_hdr_len_ok(const struct tcp_hdr *hdr, size_t len)
{
	return hdr->data_off >= TCP_HDR_LEN && hdr->data_off <= len;
}

/* Writes the 20 fixed bytes, all fields as given. Options are written at p + TCP_HDR_LEN. */
static inline void tcp_hdr_write(uint8_t *p, const struct tcp_hdr *hdr)
{
	store_be16(p, hdr->src_port);
	store_be16(p + 2, hdr->dst_port);
	store_be32(p + 4, hdr->seq);
	store_be32(p + 8, hdr->ack);
	store_be16(p + 12, (uint16_t)(hdr->data_off / 4 << 12 | (hdr->flags & TCP_F_ALL)));
	store_be16(p + 14, hdr->wnd);
	store_be16(p + 16, hdr->csum);
	store_be16(p + 18, hdr->urg);
}

/* Reads a header and leaves `r` at the payload: the options lie in the data_off - TCP_HDR_LEN bytes
 * before it. Returns 0, or -EBADMSG with `ret` untouched: cut off, or a data offset below 20. */
int tcp_hdr_parse(struct rd *r, struct tcp_hdr *ret) MUST_CHECK;

struct tcp_sack_block {
	uint32_t start; /* first sequence number received */
	uint32_t end;   /* the one after the last */
};

/* The options of one segment. Which of them count on which segment (MSS, window scale and SACK
 * permitted on a SYN only) is for TCP to decide, not for the codec. */
struct tcp_opts {
	bool has_mss;
	bool has_wscale;
	bool sack_ok; /* SACK permitted */
	bool has_ts;
	bool has_tfo; /* fast open; tfo_len 0: asks for a cookie */
	bool tfo_exp; /* in the experimental form; answered in the same */
	uint8_t tfo_len;
	uint8_t wscale;
	uint8_t n_sack;
	uint8_t n_unknown; /* options skipped: unknown kind, or a known one of the wrong length */
	uint16_t mss;
	uint32_t ts_val;
	uint32_t ts_ecr;
	const uint8_t *tfo; /* the cookie: parsed in place, borrowed for writing */
	const uint8_t *md5; /* NULL: none; else TCP_MD5_LEN bytes */
	struct tcp_sack_block sack[TCP_SACK_MAX]; /* the first n_sack; the rest is unspecified */
};

/* For the data path: the options at `p` are NOP NOP TS and nothing else. */
static inline bool tcp_opts_is_ts_only(const uint8_t *p, size_t len)
{
	return len == TCP_OPTS_TS_LEN && load_be32(p) == 0x0101080a;
}

/*
 * Reads `len` option bytes, at most TCP_OPTS_MAX. Of a repeated option the last counts. A known
 * option of the wrong length is skipped like an unknown one, as Linux does.
 * Returns 0, or -EBADMSG when an option's length is 0 or 1 or leads past the end; then `ret` holds
 * the options before it, and the caller drops the segment or makes do with them.
 */
int tcp_opts_parse(const uint8_t *p, size_t len, struct tcp_opts *ret) MUST_CHECK;

/* Bytes that tcp_opts_write() would write: 0 to 96, a multiple of 4. More than TCP_OPTS_MAX cannot
 * be sent; the caller then leaves something out (a fast-open cookie, SACK blocks). */
size_t tcp_opts_len(const struct tcp_opts *opts);

/* How many SACK blocks fit beside the other options, 0 to 4; opts->n_sack does not matter. */
unsigned int tcp_opts_sack_room(const struct tcp_opts *opts);

/* Writes the options as Linux orders and aligns them, padded to 4 with NOP, and returns their
 * length. tcp_opts_len() must not exceed TCP_OPTS_MAX. n_unknown is ignored. */
size_t tcp_opts_write(uint8_t *p, const struct tcp_opts *opts);

/*
 * Lowers the MSS option of the header at `p`, `len` bytes with its options (as data_off says), to
 * at most `max`. With `has_csum` the checksum, which is over the whole segment then, follows (RFC
 * 1624). 1: it was lowered; 0: there is nothing to do; -EBADMSG: the options are malformed, or
 * signed (RFC 2385), so that they must stay as they are.
 */
int tcp_mss_lower(uint8_t *p, size_t len, uint16_t max, bool has_csum) MUST_CHECK;
