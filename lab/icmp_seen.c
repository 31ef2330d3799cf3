/* SPDX-License-Identifier: MIT */
/* ICMP as ping and traceroute hear it; the contract is in icmp_seen.h. */
#include "lab/icmp_seen.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

enum {
	IP4_HDR = 20,
	IP6_HDR = 40,
	IP6_EXTS_MAX = 8, /* extension headers of a quoted packet that are skipped */
	ICMP_HDR = 8,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_HOPOPTS = 0,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
};

static struct weft_addr addr4(const uint8_t *b)
{
	struct weft_addr a = {.family = WEFT_AF_INET};

	memcpy(a.bytes, b, 4);
	return a;
}

/* The IPv4 header at `r`, which moves behind it; NULL: malformed. */
static const uint8_t *ip4_hdr(struct rd *r)
{
	const uint8_t *h = rd_bytes(r, IP4_HDR);
	size_t hdr_len = h ? (h[0] & 15u) * 4 : 0;

	if (hdr_len < IP4_HDR || h[0] >> 4 != 4)
		return NULL;
	rd_skip(r, hdr_len - IP4_HDR);
	return rd_ok(r) ? h : NULL;
}

static struct weft_addr addr6(const uint8_t *b)
{
	struct weft_addr a = {.family = WEFT_AF_INET6};

	memcpy(a.bytes, b, 16);
	return a;
}

static uint8_t kind_of(uint8_t type)
{
	switch (type) {
	case ICMP_SEEN_ECHO_REPLY:
		return ICMP_SEEN_ANSWER;
	case ICMP_SEEN_UNREACH:
		return ICMP_SEEN_IS_UNREACH;
	case ICMP_SEEN_TIME:
		return ICMP_SEEN_IS_TIME;
	case ICMP_SEEN_REDIRECT:
		return ICMP_SEEN_IS_REDIRECT;
	default:
		return ICMP_SEEN_IS_OTHER;
	}
}

static bool is_error_type(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The packet of ours that an error quotes: at least 8 bytes behind its IP header. */
static int quote_read(struct rd *r, struct icmp_seen *seen)
{
	const uint8_t *h = ip4_hdr(r), *l4;

	if (!h)
		return -EBADMSG;
	seen->quoted_dst = addr4(h + 16);
	seen->quoted_proto = h[9];
	l4 = rd_bytes(r, 8);
	if (!l4)
		return -EBADMSG;
	if (h[9] == PROTO_ICMP) {
		if (l4[0] != ICMP_SEEN_ECHO)
			return -ENOMSG;
		seen->quotes_echo = true;
		seen->id = load_be16(l4 + 4);
		seen->seq = load_be16(l4 + 6);
	} else if (h[9] == PROTO_TCP || h[9] == PROTO_UDP) {
		seen->quoted_sport = load_be16(l4);
		seen->quoted_dport = load_be16(l4 + 2);
	}
	return 0;
}

int icmp_seen_parse(const uint8_t *packet, size_t len, struct icmp_seen *ret)
{
	struct rd r = rd_make(packet, len);
	const uint8_t *ip = ip4_hdr(&r), *icmp;
	struct icmp_seen seen = {0};
	int err = 0;

	if (!ip)
		return -EBADMSG;
	seen.from = addr4(ip + 12);
	seen.ttl = ip[8];
	seen.tos = ip[1];
	seen.icmp_len = rd_left(&r);
	icmp = rd_bytes(&r, ICMP_HDR);
	if (!icmp)
		return -EBADMSG;
	seen.type = icmp[0];
	seen.code = icmp[1];
	seen.kind = kind_of(seen.type);
	seen.is_error = is_error_type(icmp[0]);
	if (seen.is_error) {
		seen.mtu =
			seen.type == ICMP_SEEN_UNREACH && seen.code == 4 ? load_be16(icmp + 6) : 0;
		err = quote_read(&r, &seen);
	} else if (seen.type == ICMP_SEEN_ECHO_REPLY) {
		seen.id = load_be16(icmp + 4);
		seen.seq = load_be16(icmp + 6);
	} else {
		err = -ENOMSG;
	}
	if (!err)
		*ret = seen;
	return err;
}

static uint8_t kind6_of(uint8_t type)
{
	switch (type) {
	case ICMP6_SEEN_ECHO_REPLY:
		return ICMP_SEEN_ANSWER;
	case ICMP6_SEEN_UNREACH:
	case ICMP6_SEEN_TOO_BIG:
		return ICMP_SEEN_IS_UNREACH;
	case ICMP6_SEEN_TIME:
		return ICMP_SEEN_IS_TIME;
	default:
		return ICMP_SEEN_IS_OTHER;
	}
}

/* Moves behind the extension headers of a quoted packet; the protocol that follows, or -1: the
 * quote ends before, or it is a later fragment. */
static int exts_skip(struct rd *r, uint8_t next)
{
	for (int i = 0; i < IP6_EXTS_MAX; i++) {
		const uint8_t *h;

		if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_FRAGMENT &&
		    next != PROTO_DSTOPTS)
			return next;
		h = rd_bytes(r, 8);
		if (!h || (next == PROTO_FRAGMENT && load_be16(h + 2) & ~7u))
			return -1;
		if (next != PROTO_FRAGMENT)
			rd_skip(r, (size_t)h[1] * 8);
		next = h[0];
	}
	return -1;
}

static int quote6_read(struct rd *r, struct icmp_seen *seen)
{
	const uint8_t *h = rd_bytes(r, IP6_HDR), *l4;
	int proto;

	if (!h || h[0] >> 4 != 6)
		return -EBADMSG;
	seen->quoted_dst = addr6(h + 24);
	proto = exts_skip(r, h[6]);
	l4 = rd_bytes(r, 8);
	if (proto < 0 || !l4)
		return -EBADMSG;
	seen->quoted_proto = (uint8_t)proto;
	if (proto == PROTO_ICMPV6) {
		if (l4[0] != ICMP6_SEEN_ECHO)
			return -ENOMSG;
		seen->quotes_echo = true;
		seen->id = load_be16(l4 + 4);
		seen->seq = load_be16(l4 + 6);
	} else if (proto == PROTO_TCP || proto == PROTO_UDP) {
		seen->quoted_sport = load_be16(l4);
		seen->quoted_dport = load_be16(l4 + 2);
	}
	return 0;
}

int icmp6_seen_parse(const uint8_t *message, size_t len, struct icmp_seen *ret)
{
	struct rd r = rd_make(message, len);
	const uint8_t *icmp = rd_bytes(&r, ICMP_HDR);
	struct icmp_seen seen = {.from = ret->from,
				 .scope_id = ret->scope_id,
				 .ttl = ret->ttl,
				 .tos = ret->tos,
				 .icmp_len = len};
	int err = 0;

	if (!icmp)
		return -EBADMSG;
	seen.type = icmp[0];
	seen.code = icmp[1];
	seen.kind = kind6_of(seen.type);
	seen.is_error = seen.type && seen.type <= ICMP6_SEEN_PROBLEM;
	if (seen.is_error) {
		if (seen.type == ICMP6_SEEN_TOO_BIG || seen.type == ICMP6_SEEN_PROBLEM)
			seen.mtu = load_be32(icmp + 4);
		err = quote6_read(&r, &seen);
	} else if (seen.type == ICMP6_SEEN_ECHO_REPLY) {
		seen.id = load_be16(icmp + 4);
		seen.seq = load_be16(icmp + 6);
	} else {
		err = -ENOMSG;
	}
	if (!err)
		*ret = seen;
	return err;
}

void icmp6_echo_fill(uint8_t *message, uint16_t id, uint16_t seq)
{
	message[0] = ICMP6_SEEN_ECHO;
	message[1] = 0;
	store_be16(message + 2, 0);
	store_be16(message + 4, id);
	store_be16(message + 6, seq);
}

void icmp_echo_fill(uint8_t *message, size_t len, uint16_t id, uint16_t seq)
{
	uint32_t sum = 0;

	message[0] = ICMP_SEEN_ECHO;
	message[1] = 0;
	store_be16(message + 2, 0);
	store_be16(message + 4, id);
	store_be16(message + 6, seq);
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += load_be16(message + i);
	if (len % 2)
		sum += (uint32_t)message[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	store_be16(message + 2, (uint16_t)~sum);
}
