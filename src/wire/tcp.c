/* SPDX-License-Identifier: MIT */
/* TCP header and options codec; the contracts are in tcp.h. */
#include "wire/tcp.h"

#include <assert.h>
#include <errno.h>

#include "base/csum.h"

/* Lengths of whole options, kind and length byte included. */
enum {
	OPT_MSS_LEN = 4,
	TCP_CSUM_OFF = 16, /* of the checksum field in the header */
	OPT_WSCALE_LEN = 3,
	OPT_SACK_OK_LEN = 2,
	OPT_SACK_BASE_LEN = 2,
	OPT_TS_LEN = 10,
	OPT_MD5_LEN = 2 + TCP_MD5_LEN,
	OPT_TFO_BASE_LEN = 2,
	OPT_TFO_EXP_BASE_LEN = 4,
	SACK_BLOCK_LEN = 8,
};

int tcp_hdr_parse(struct rd *r, struct tcp_hdr *ret)
{
	size_t len = rd_left(r);
	const uint8_t *p = rd_bytes(r, TCP_HDR_LEN);
	struct tcp_hdr hdr;

	if (!p)
		return -EBADMSG;
	tcp_hdr_read(p, &hdr);
	if (!tcp_hdr_len_ok(&hdr, len))
		return -EBADMSG;
	rd_skip(r, hdr.data_off - (size_t)TCP_HDR_LEN);
	*ret = hdr;
	return 0;
}

static void tcp_opts_sack_read(const uint8_t *p, size_t n, struct tcp_opts *ret)
{
	for (size_t i = 0; i < n; i++, p += SACK_BLOCK_LEN)
		ret->sack[i] =
			(struct tcp_sack_block){.start = load_be32(p), .end = load_be32(p + 4)};
	ret->n_sack = (uint8_t)n;
}

/* RFC 7413 §4.1.1: no cookie, or one of 4 to 16 bytes and even length. */
static bool tcp_opts_tfo_read(const uint8_t *cookie, size_t len, bool exp, struct tcp_opts *ret)
{
	if (len % 2 != 0 || len > TCP_TFO_COOKIE_MAX || (len > 0 && len < TCP_TFO_COOKIE_MIN))
		return false;
	ret->has_tfo = true;
	ret->tfo_exp = exp;
	ret->tfo_len = (uint8_t)len;
	ret->tfo = cookie;
	return true;
}

/* Reads the option at `p`, all of whose `len` bytes are there. False: it is none that we know. */
static bool tcp_opt_read(const uint8_t *p, size_t len, struct tcp_opts *ret)
{
	size_t n_sack;

	switch (p[0]) {
	case TCP_OPT_MSS:
		if (len != OPT_MSS_LEN)
			return false;
		ret->has_mss = true;
		ret->mss = load_be16(p + 2);
		return true;
	case TCP_OPT_WSCALE:
		if (len != OPT_WSCALE_LEN)
			return false;
		ret->has_wscale = true;
		ret->wscale = p[2];
		return true;
	case TCP_OPT_SACK_OK:
		if (len != OPT_SACK_OK_LEN)
			return false;
		ret->sack_ok = true;
		return true;
	case TCP_OPT_SACK:
		n_sack = (len - OPT_SACK_BASE_LEN) / SACK_BLOCK_LEN;
		if (n_sack == 0 || n_sack > TCP_SACK_MAX ||
		    len != OPT_SACK_BASE_LEN + n_sack * SACK_BLOCK_LEN)
			return false;
		tcp_opts_sack_read(p + OPT_SACK_BASE_LEN, n_sack, ret);
		return true;
	case TCP_OPT_TS:
		if (len != OPT_TS_LEN)
			return false;
		ret->has_ts = true;
		ret->ts_val = load_be32(p + 2);
		ret->ts_ecr = load_be32(p + 6);
		return true;
	case TCP_OPT_MD5:
		if (len != OPT_MD5_LEN)
			return false;
		ret->md5 = p + 2;
		return true;
	case TCP_OPT_TFO:
		return tcp_opts_tfo_read(p + 2, len - OPT_TFO_BASE_LEN, false, ret);
	case TCP_OPT_EXP1:
	case TCP_OPT_EXP2:
		if (len < OPT_TFO_EXP_BASE_LEN || load_be16(p + 2) != TCP_OPT_EXP_TFO)
			return false;
		return tcp_opts_tfo_read(p + 4, len - OPT_TFO_EXP_BASE_LEN, true, ret);
	default:
		return false;
	}
}

int tcp_opts_parse(const uint8_t *p, size_t len, struct tcp_opts *ret)
{
	const uint8_t *end = len > 0 ? p + len : p;

	assert(len <= TCP_OPTS_MAX);
	memset(ret, 0, offsetof(struct tcp_opts, sack));
	if (likely(tcp_opts_is_ts_only(p, len))) {
		ret->has_ts = true;
		ret->ts_val = load_be32(p + 4);
		ret->ts_ecr = load_be32(p + 8);
		return 0;
	}
	while (p < end && *p != TCP_OPT_EOL) {
		if (*p == TCP_OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return -EBADMSG;
		if (!tcp_opt_read(p, p[1], ret))
			ret->n_unknown++;
		p += p[1];
	}
	return 0;
}

static size_t tcp_opts_tfo_len(const struct tcp_opts *opts)
{
	size_t base = opts->tfo_exp ? OPT_TFO_EXP_BASE_LEN : OPT_TFO_BASE_LEN;

	return opts->has_tfo ? (base + opts->tfo_len + 3) & ~(size_t)3 : 0;
}

/* Everything but the SACK blocks, each padded to a multiple of 4. */
static size_t tcp_opts_len_without_sack(const struct tcp_opts *opts)
{
	size_t len = tcp_opts_tfo_len(opts);

	if (opts->md5)
		len += 2 + OPT_MD5_LEN;
	if (opts->has_mss)
		len += OPT_MSS_LEN;
	if (opts->has_ts)
		len += 2 + OPT_TS_LEN; /* SACK permitted fits into its padding */
	else if (opts->sack_ok)
		len += 2 + OPT_SACK_OK_LEN;
	if (opts->has_wscale)
		len += 1 + OPT_WSCALE_LEN;
	return len;
}

size_t tcp_opts_len(const struct tcp_opts *opts)
{
	size_t len = tcp_opts_len_without_sack(opts);

	if (opts->n_sack > 0)
		len += 2 + OPT_SACK_BASE_LEN + (size_t)opts->n_sack * SACK_BLOCK_LEN;
	return len;
}

unsigned int tcp_opts_sack_room(const struct tcp_opts *opts)
{
	size_t used = tcp_opts_len_without_sack(opts) + 2 + OPT_SACK_BASE_LEN;
	size_t n = used < TCP_OPTS_MAX ? (TCP_OPTS_MAX - used) / SACK_BLOCK_LEN : 0;

	return (unsigned int)(n < TCP_SACK_MAX ? n : TCP_SACK_MAX);
}

/* Four bytes: two fillers (or a short option) and the start of an option, so that what follows is
 * aligned. */
static uint8_t *opt_word_write(uint8_t *p, unsigned int b0, unsigned int b1, unsigned int kind,
			       unsigned int len)
{
	store_be32(p, b0 << 24 | b1 << 16 | kind << 8 | len);
	return p + 4;
}

static uint8_t *tcp_opts_ts_write(uint8_t *p, const struct tcp_opts *opts)
{
	if (opts->sack_ok)
		p = opt_word_write(p, TCP_OPT_SACK_OK, OPT_SACK_OK_LEN, TCP_OPT_TS, OPT_TS_LEN);
	else
		p = opt_word_write(p, TCP_OPT_NOP, TCP_OPT_NOP, TCP_OPT_TS, OPT_TS_LEN);
	store_be32(p, opts->ts_val);
	store_be32(p + 4, opts->ts_ecr);
	return p + 8;
}

static uint8_t *tcp_opts_sack_write(uint8_t *p, const struct tcp_opts *opts)
{
	p = opt_word_write(p, TCP_OPT_NOP, TCP_OPT_NOP, TCP_OPT_SACK,
			   OPT_SACK_BASE_LEN + opts->n_sack * (unsigned int)SACK_BLOCK_LEN);
	for (size_t i = 0; i < opts->n_sack; i++, p += SACK_BLOCK_LEN) {
		store_be32(p, opts->sack[i].start);
		store_be32(p + 4, opts->sack[i].end);
	}
	return p;
}

static uint8_t *tcp_opts_tfo_write(uint8_t *p, const struct tcp_opts *opts)
{
	uint8_t *end = p + tcp_opts_tfo_len(opts);

	if (opts->tfo_exp) {
		p[0] = TCP_OPT_EXP2;
		p[1] = (uint8_t)(OPT_TFO_EXP_BASE_LEN + opts->tfo_len);
		store_be16(p + 2, TCP_OPT_EXP_TFO);
		p += OPT_TFO_EXP_BASE_LEN;
	} else {
		p[0] = TCP_OPT_TFO;
		p[1] = (uint8_t)(OPT_TFO_BASE_LEN + opts->tfo_len);
		p += OPT_TFO_BASE_LEN;
	}
	if (opts->tfo_len > 0)
		memcpy(p, opts->tfo, opts->tfo_len);
	p += opts->tfo_len;
	memset(p, TCP_OPT_NOP, (size_t)(end - p));
	return end;
}

size_t tcp_opts_write(uint8_t *p, const struct tcp_opts *opts)
{
	const uint8_t *start = p;

	assert(tcp_opts_len(opts) <= TCP_OPTS_MAX);
	if (opts->md5) {
		p = opt_word_write(p, TCP_OPT_NOP, TCP_OPT_NOP, TCP_OPT_MD5, OPT_MD5_LEN);
		memcpy(p, opts->md5, TCP_MD5_LEN);
		p += TCP_MD5_LEN;
	}
	if (opts->has_mss)
		p = opt_word_write(p, TCP_OPT_MSS, OPT_MSS_LEN, opts->mss >> 8, opts->mss & 0xff);
	if (opts->has_ts)
		p = tcp_opts_ts_write(p, opts);
	else if (opts->sack_ok)
		p = opt_word_write(p, TCP_OPT_NOP, TCP_OPT_NOP, TCP_OPT_SACK_OK, OPT_SACK_OK_LEN);
	if (opts->has_wscale)
		p = opt_word_write(p, TCP_OPT_NOP, TCP_OPT_WSCALE, OPT_WSCALE_LEN, opts->wscale);
	if (opts->n_sack > 0)
		p = tcp_opts_sack_write(p, opts);
	if (opts->has_tfo)
		p = tcp_opts_tfo_write(p, opts);
	return (size_t)(p - start);
}

/* Where the value of the MSS option is, 0: there is none, or -EBADMSG. */
static int mss_find(const uint8_t *p, size_t len)
{
	size_t pos = TCP_HDR_LEN;
	int found = 0;

	while (pos < len && p[pos] != TCP_OPT_EOL) {
		uint8_t kind = p[pos], opt_len;

		if (kind == TCP_OPT_NOP) {
			pos++;
			continue;
		}
		if (pos + 1 >= len)
			return -EBADMSG;
		opt_len = p[pos + 1];
		if (opt_len < 2 || opt_len > len - pos || kind == TCP_OPT_MD5)
			return -EBADMSG;
		/* Which of two counts is the receiver's affair: not ours to change one of them. */
		if (kind == TCP_OPT_MSS && (opt_len != OPT_MSS_LEN || found))
			return -EBADMSG;
		if (kind == TCP_OPT_MSS)
			found = (int)pos + 2;
		pos += opt_len;
	}
	return found;
}

int tcp_mss_lower(uint8_t *p, size_t len, uint16_t max, bool has_csum)
{
	int at = mss_find(p, len);
	uint16_t was, now = max, csum;

	if (at <= 0)
		return at;
	was = load_be16(p + at);
	if (was <= max)
		return 0;
	store_be16(p + at, max);
	if (!has_csum)
		return 1;
	if (at % 2) { /* its bytes are summed in other words: as if they were turned */
		was = (uint16_t)(was << 8 | was >> 8);
		now = (uint16_t)(now << 8 | now >> 8);
	}
	csum = csum_update16(load_be16(p + TCP_CSUM_OFF), was, now);
	store_be16(p + TCP_CSUM_OFF, csum);
	return 1;
}
