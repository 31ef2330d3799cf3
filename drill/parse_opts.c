/* SPDX-License-Identifier: MIT */
/* TCP options of a script: parsed into the bytes that stand in the header, in the script's order.
 */
#include <string.h>

#include "base/load.h"
#include "drill/parse_priv.h"
#include "drill/tcp_opt.h"

struct opts {
	struct drill_parser *ps;
	struct drill_packet *pkt;
};

static bool put(struct opts *o, const void *bytes, size_t len)
{
	if (len > DRILL_TCP_OPTS_MAX - (size_t)o->pkt->opts_len)
		return drill_fail(o->ps, "the options are longer than %d bytes",
				  DRILL_TCP_OPTS_MAX);
	memcpy(o->pkt->opts + o->pkt->opts_len, bytes, len);
	o->pkt->opts_len = (uint8_t)(o->pkt->opts_len + len);
	return true;
}

static bool put8(struct opts *o, uint8_t v)
{
	return put(o, &v, 1);
}

static bool put16(struct opts *o, uint16_t v)
{
	uint8_t b[2];

	store_be16(b, v);
	return put(o, b, sizeof(b));
}

static bool put32(struct opts *o, uint32_t v)
{
	uint8_t b[4];

	store_be32(b, v);
	return put(o, b, sizeof(b));
}

static bool put_head(struct opts *o, uint8_t kind, size_t len)
{
	return put8(o, kind) && put8(o, (uint8_t)len);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An even number of hexadecimal digits; none is fine when `may_lack`. */
static bool hex_blob(struct opts *o, bool may_lack, uint8_t bytes[DRILL_TCP_OPTS_MAX],
		     size_t *ret_len)
{
	struct drill_tok *tok = &o->ps->lx.tok;
	bool is_there = tok->kind == DRILL_TOK_WORD || (tok->kind == DRILL_TOK_INT && tok->text);
	size_t n = is_there ? tok->len : 0;

	*ret_len = 0;
	if (!is_there && may_lack)
		return true;
	if (!is_there || n % 2 || n / 2 > DRILL_TCP_OPTS_MAX)
		return drill_expected(o->ps, "an even number of hexadecimal digits");
	for (size_t i = 0; i < n; i += 2) {
		int hi = hex_digit(tok->text[i]), lo = hex_digit(tok->text[i + 1]);

		if (hi < 0 || lo < 0)
			return drill_expected(o->ps, "hexadecimal digits");
		bytes[i / 2] = (uint8_t)(hi * 16 + lo);
	}
	*ret_len = n / 2;
	drill_lex_next(&o->ps->lx);
	return true;
}

static bool opt_mss(struct opts *o)
{
	int64_t v;

	return drill_need_int(o->ps, "a segment size", 0, UINT16_MAX, &v) &&
	       put_head(o, DRILL_OPT_MSS, 4) && put16(o, (uint16_t)v);
}

static bool opt_wscale(struct opts *o)
{
	int64_t v;

	return drill_need_int(o->ps, "a shift", 0, UINT8_MAX, &v) &&
	       put_head(o, DRILL_OPT_WSCALE, 3) && put8(o, (uint8_t)v);
}

static bool opt_sack_ok(struct opts *o)
{
	return put_head(o, DRILL_OPT_SACK_OK, 2);
}

static bool opt_sack(struct opts *o)
{
	size_t head = o->pkt->opts_len;
	int64_t left, right;

	if (!put_head(o, DRILL_OPT_SACK, 2))
		return false;
	do {
		if (!drill_need_int(o->ps, "a sequence number", 0, UINT32_MAX, &left) ||
		    !drill_need(o->ps, ':') ||
		    !drill_need_int(o->ps, "a sequence number", 0, UINT32_MAX, &right) ||
		    !put32(o, (uint32_t)left) || !put32(o, (uint32_t)right))
			return false;
	} while (o->ps->lx.tok.kind == DRILL_TOK_INT);
	o->pkt->opts[head + 1] = (uint8_t)(o->pkt->opts_len - head);
	return true;
}

static bool opt_ts(struct opts *o)
{
	int64_t val, ecr;

	if (!drill_accept_word(o->ps, "val"))
		return drill_expected(o->ps, "\"val\"");
	if (!drill_need_int(o->ps, "a timestamp", 0, UINT32_MAX, &val))
		return false;
	if (!drill_accept_word(o->ps, "ecr"))
		return drill_expected(o->ps, "\"ecr\"");
	return drill_need_int(o->ps, "a timestamp", 0, UINT32_MAX, &ecr) &&
	       put_head(o, DRILL_OPT_TS, 10) && put32(o, (uint32_t)val) && put32(o, (uint32_t)ecr);
}

static bool opt_md5(struct opts *o)
{
	uint8_t bytes[DRILL_TCP_OPTS_MAX];
	size_t len;

	if (!hex_blob(o, false, bytes, &len))
		return false;
	if (len != 16)
		return drill_fail(o->ps, "an MD5 digest has 16 bytes");
	return put_head(o, DRILL_OPT_MD5, 18) && put(o, bytes, len);
}

/* RFC 7413 §2 */
static bool opt_fo(struct opts *o)
{
	uint8_t bytes[DRILL_TCP_OPTS_MAX];
	size_t len;

	return hex_blob(o, true, bytes, &len) && put_head(o, DRILL_OPT_FO, 2 + len) &&
	       put(o, bytes, len);
}

/* The coding of before RFC 7413: experimental option 254 with magic number 0xf989. */
static bool opt_foexp(struct opts *o)
{
	uint8_t bytes[DRILL_TCP_OPTS_MAX];
	size_t len;

	return hex_blob(o, true, bytes, &len) && put_head(o, DRILL_OPT_EXP, 4 + len) &&
	       put16(o, DRILL_OPT_EXP_FO) && put(o, bytes, len);
}

static bool opt_nop(struct opts *o)
{
	return put8(o, DRILL_OPT_NOP);
}

static bool opt_eol(struct opts *o)
{
	return put8(o, DRILL_OPT_EOL);
}

/* Ours: bytes as they are, for options that are wrong. */
static bool opt_raw(struct opts *o)
{
	uint8_t bytes[DRILL_TCP_OPTS_MAX];
	size_t len;

	return hex_blob(o, false, bytes, &len) && put(o, bytes, len);
}

static const struct {
	const char *name;
	bool (*parse)(struct opts *o);
} opt_names[] = {
	{"mss", opt_mss}, {"wscale", opt_wscale}, {"sackOK", opt_sack_ok}, {"sack", opt_sack},
	{"TS", opt_ts},   {"md5", opt_md5},       {"FO", opt_fo},          {"FOEXP", opt_foexp},
	{"nop", opt_nop}, {"eol", opt_eol},       {"raw", opt_raw},
};

static bool opt_one(struct opts *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(opt_names); i++)
		if (drill_accept_word(o->ps, opt_names[i].name))
			return opt_names[i].parse(o);
	return drill_expected(o->ps, "a TCP option");
}

bool drill_parse_tcp_opts(struct drill_parser *ps, struct drill_packet *pkt)
{
	struct opts o = {.ps = ps, .pkt = pkt};

	if (ps->lx.tok.kind == DRILL_TOK_ELLIPSIS) {
		if (pkt->is_in)
			return drill_fail(ps, "<...> is for expected packets only");
		pkt->opts_any = true;
		drill_lex_next(&ps->lx);
		return drill_need(ps, '>');
	}
	do {
		if (!opt_one(&o))
			return false;
	} while (drill_accept(ps, ','));
	if (pkt->opts_len % 4)
		return drill_fail(ps,
				  "the options have %d bytes; add nop until that is a multiple "
				  "of 4",
				  pkt->opts_len);
	return drill_need(ps, '>');
}
