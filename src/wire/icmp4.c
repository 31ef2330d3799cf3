/* SPDX-License-Identifier: MIT */
/* ICMP message codec; the contracts are in icmp4.h. */
#include "wire/icmp4.h"

#include <errno.h>

static bool icmp4_type_has_echo(uint8_t type)
{
	return type == ICMP4_ECHO || type == ICMP4_ECHO_REPLY || type == ICMP4_TIMESTAMP ||
	       type == ICMP4_TIMESTAMP_REPLY;
}

/* The errors whose quote may be followed by extensions (RFC 4884 §4). */
static bool icmp4_type_has_quote_len(uint8_t type)
{
	return type == ICMP4_UNREACH || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAM_PROBLEM;
}

static bool icmp4_hdr_has_mtu(const struct icmp4_hdr *hdr)
{
	return hdr->type == ICMP4_UNREACH && hdr->code == ICMP4_UNREACH_FRAG_NEEDED;
}

int icmp4_hdr_parse(struct rd *r, struct icmp4_hdr *ret)
{
	const uint8_t *p = rd_bytes(r, ICMP4_HDR_LEN);
	struct icmp4_hdr hdr = {.type = 0};

	if (!p)
		return -EBADMSG;
	hdr.type = p[0];
	hdr.code = p[1];
	hdr.csum = load_be16(p + 2);
	if (icmp4_type_has_echo(hdr.type)) {
		hdr.u.echo.id = load_be16(p + 4);
		hdr.u.echo.seq = load_be16(p + 6);
	} else if (icmp4_type_has_quote_len(hdr.type)) {
		hdr.u.err.pointer = hdr.type == ICMP4_PARAM_PROBLEM ? p[4] : 0;
		hdr.u.err.quote_len = p[5];
		hdr.u.err.mtu = icmp4_hdr_has_mtu(&hdr) ? load_be16(p + 6) : 0;
	} else if (hdr.type == ICMP4_REDIRECT) {
		memcpy(&hdr.u.gateway, p + 4, 4);
	} else {
		hdr.u.rest = load_be32(p + 4);
	}
	*ret = hdr;
	return 0;
}

void icmp4_hdr_write(uint8_t *p, const struct icmp4_hdr *hdr)
{
	p[0] = hdr->type;
	p[1] = hdr->code;
	store_be16(p + 2, hdr->csum);
	if (icmp4_type_has_echo(hdr->type)) {
		store_be16(p + 4, hdr->u.echo.id);
		store_be16(p + 6, hdr->u.echo.seq);
	} else if (icmp4_type_has_quote_len(hdr->type)) {
		p[4] = hdr->type == ICMP4_PARAM_PROBLEM ? hdr->u.err.pointer : 0;
		p[5] = hdr->u.err.quote_len;
		store_be16(p + 6, icmp4_hdr_has_mtu(hdr) ? hdr->u.err.mtu : 0);
	} else if (hdr->type == ICMP4_REDIRECT) {
		memcpy(p + 4, &hdr->u.gateway, 4);
	} else {
		store_be32(p + 4, hdr->u.rest);
	}
}

/* How many of the `len` bytes after an error's header are the quote; the rest is extensions. An old
 * sender left garbage where the length is now, so it counts only where RFC 4884 lets it be. */
static size_t icmp4_quote_size(const struct icmp4_hdr *hdr, size_t len)
{
	size_t quote_len;

	if (!icmp4_type_has_quote_len(hdr->type))
		return len;
	quote_len = hdr->u.err.quote_len * (size_t)4;
	return quote_len >= ICMP4_QUOTE_EXT_MIN && quote_len < len ? quote_len : len;
}

int icmp4_quote_parse(struct rd *r, const struct icmp4_hdr *hdr, struct icmp4_quote *ret)
{
	size_t len = icmp4_quote_size(hdr, rd_left(r)), l4_max;
	struct icmp4_quote quote = {.hdr = r->p};

	if (len < IP4_HDR_LEN)
		return -EBADMSG;
	ip4_hdr_read(quote.hdr, &quote.ip);
	/* The datagram was longer than what is quoted: only its own fields must agree. */
	if (ip4_hdr_check(&quote.ip, IP4_LEN_MAX) != IP4_HDR_OK || quote.ip.hdr_len > len)
		return -EBADMSG;
	l4_max = quote.ip.tot_len - quote.ip.hdr_len;
	quote.l4 = quote.hdr + quote.ip.hdr_len;
	quote.l4_len = len - quote.ip.hdr_len;
	if (quote.l4_len > l4_max)
		quote.l4_len = l4_max;
	if (quote.l4_len < ICMP4_QUOTE_L4_MIN)
		return -EBADMSG;
	rd_skip(r, len);
	*ret = quote;
	return 0;
}

int icmp4_timestamp_parse(struct rd *r, struct icmp4_timestamp *ret)
{
	struct icmp4_timestamp ts;

	ts.originate = rd_be32(r);
	ts.receive = rd_be32(r);
	ts.transmit = rd_be32(r);
	if (!rd_ok(r))
		return -EBADMSG;
	*ret = ts;
	return 0;
}

void icmp4_timestamp_write(struct wr *w, const struct icmp4_timestamp *ts)
{
	wr_be32(w, ts->originate);
	wr_be32(w, ts->receive);
	wr_be32(w, ts->transmit);
}
