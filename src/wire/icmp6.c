/* SPDX-License-Identifier: MIT */
/* ICMPv6 message codec; the contracts are in icmp6.h. */
#include "wire/icmp6.h"

#include <errno.h>

#include "wire/ip4.h"
#include "wire/ip6_ext.h"

static bool icmp6_type_has_echo(uint8_t type)
{
	return type == ICMP6_ECHO || type == ICMP6_ECHO_REPLY;
}

/* The errors whose quote may be followed by extensions (RFC 4884 §4). */
static bool icmp6_type_has_quote_len(uint8_t type)
{
	return type == ICMP6_UNREACH || type == ICMP6_TIME_EXCEEDED;
}

int icmp6_hdr_parse(struct rd *r, struct icmp6_hdr *ret)
{
	const uint8_t *p = rd_bytes(r, ICMP6_HDR_LEN);
	struct icmp6_hdr hdr = {.type = 0};

	if (!p)
		return -EBADMSG;
	hdr.type = p[0];
	hdr.code = p[1];
	hdr.csum = load_be16(p + 2);
	if (icmp6_type_has_echo(hdr.type)) {
		hdr.u.echo.id = load_be16(p + 4);
		hdr.u.echo.seq = load_be16(p + 6);
	} else if (icmp6_type_has_quote_len(hdr.type)) {
		hdr.quote_len = p[4];
	} else {
		hdr.u.rest = load_be32(p + 4);
	}
	*ret = hdr;
	return 0;
}

void icmp6_hdr_write(uint8_t *p, const struct icmp6_hdr *hdr)
{
	p[0] = hdr->type;
	p[1] = hdr->code;
	store_be16(p + 2, hdr->csum);
	if (icmp6_type_has_echo(hdr->type)) {
		store_be16(p + 4, hdr->u.echo.id);
		store_be16(p + 6, hdr->u.echo.seq);
	} else if (icmp6_type_has_quote_len(hdr->type)) {
		store_be32(p + 4, (uint32_t)hdr->quote_len << 24);
	} else {
		store_be32(p + 4, hdr->u.rest);
	}
}

/* How many of the `len` bytes after an error's header are the quote; the rest is extensions. */
static size_t icmp6_quote_size(const struct icmp6_hdr *hdr, size_t len)
{
	size_t quote_len = hdr->quote_len * (size_t)8;

	return quote_len >= ICMP6_QUOTE_EXT_MIN && quote_len < len ? quote_len : len;
}

int icmp6_quote_parse(struct rd *r, const struct icmp6_hdr *hdr, struct icmp6_quote *ret)
{
	size_t len = icmp6_quote_size(hdr, rd_left(r)), l4_max;
	const uint8_t *p = r->p;
	struct icmp6_quote quote = {.l4 = NULL};
	struct ip6_chain chain;

	if (len < IP6_HDR_LEN)
		return -EBADMSG;
	ip6_hdr_read(p, &quote.ip);
	if (quote.ip.version != 6)
		return -EBADMSG;
	if (ip6_chain_skip(p + IP6_HDR_LEN, len - IP6_HDR_LEN, quote.ip.next_hdr, &chain) < 0)
		return -EBADMSG;
	quote.proto = chain.proto;
	quote.is_later_frag = chain.is_later_frag;
	quote.l4 = p + IP6_HDR_LEN + chain.len;
	quote.l4_len = len - IP6_HDR_LEN - chain.len;
	l4_max = quote.ip.payload_len > chain.len ? quote.ip.payload_len - chain.len : 0;
	if (quote.l4_len > l4_max)
		quote.l4_len = l4_max;
	if (quote.l4_len < ICMP6_QUOTE_L4_MIN)
		return -EBADMSG;
	rd_skip(r, len);
	*ret = quote;
	return 0;
}
