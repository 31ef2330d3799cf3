/* SPDX-License-Identifier: MIT */
/* ICMP as ping and traceroute hear it; the contract is in icmp_seen.h. */
#include "lab/icmp_seen.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

enum {
	IP4_HDR = 20,
	ICMP_HDR = 8,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
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
