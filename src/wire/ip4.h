/* SPDX-License-Identifier: MIT */
/*
 * IPv4 header and options codec (RFC 791, RFC 1122 §3.2.1, RFC 1812 §4.2.2, RFC 2474, RFC 3168).
 *
 * On the data path: compare IP4_HDR_LEN once, ip4_hdr_read(), ip4_hdr_check(), then
 * ip4_hdr_csum_ok() with the header's bytes present. ip4_hdr_parse() is the same in one call.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/csum.h"
#include "base/cursor.h"
#include "base/load.h"
#include "wire/addr.h"

enum {
	IP4_HDR_LEN = 20, /* without options */
	IP4_HDR_MAX = 60,
	IP4_OPTS_MAX = 40,
	IP4_LEN_MAX = 65535,
	IP4_MTU_MIN = 68, /* RFC 791 §3.2: every link carries this */
	IP4_MIN_REASM = 576,
};

/* Protocol numbers of IPv4 and next headers of IPv6 (IANA). */
enum ip_proto_num {
	IP_PROTO_HOPOPTS = 0,
	IP_PROTO_ICMP = 1,
	IP_PROTO_IGMP = 2,
	IP_PROTO_IPIP = 4,
	IP_PROTO_TCP = 6,
	IP_PROTO_UDP = 17,
	IP_PROTO_IPV6 = 41,
	IP_PROTO_ROUTING = 43,
	IP_PROTO_FRAGMENT = 44,
	IP_PROTO_GRE = 47,
	IP_PROTO_ESP = 50,
	IP_PROTO_AH = 51,
	IP_PROTO_ICMPV6 = 58,
	IP_PROTO_NONE = 59,
	IP_PROTO_DSTOPTS = 60,
	IP_PROTO_OSPF = 89,
	IP_PROTO_PIM = 103,
	IP_PROTO_VRRP = 112,
	IP_PROTO_L2TP = 115,
	IP_PROTO_SCTP = 132,
	IP_PROTO_UDPLITE = 136,
};

/* The low two bits of tos (RFC 3168 §5). */
enum ip_ecn {
	IP_ECN_NOT_ECT = 0,
	IP_ECN_ECT1 = 1,
	IP_ECN_ECT0 = 2,
	IP_ECN_CE = 3,
	IP_ECN_MASK = 3,
};

struct ip4_hdr {
	struct ip4_addr src;
	struct ip4_addr dst;
	uint16_t tot_len;  /* header and payload, bytes */
	uint16_t id;       /* groups fragments; means nothing in an atomic datagram (RFC 6864) */
	uint16_t frag_off; /* bytes, a multiple of 8 */
	uint16_t csum;     /* as on the wire; ip4_hdr_write() computes its own */
	uint8_t version;   /* as read; ip4_hdr_write() writes 4 */
	uint8_t hdr_len;   /* with options, bytes, a multiple of 4 */
	uint8_t tos;       /* DSCP and ECN */
	uint8_t ttl;
	uint8_t proto; /* enum ip_proto_num */
	bool rf;       /* reserved flag: should be zero, ignored and kept */
	bool df;       /* do not fragment */
	bool mf;       /* more fragments follow */
};

/* What is wrong with a header; each is a drop reason of its own. */
enum ip4_hdr_err {
	IP4_HDR_OK = 0,
	IP4_HDR_SHORT,      /* fewer bytes than a header, or than its own header length */
	IP4_HDR_VERSION,    /* not 4 */
	IP4_HDR_IHL,        /* header length below 20 */
	IP4_HDR_TOT_SHORT,  /* total length below the header's */
	IP4_HDR_TRUNCATED,  /* total length beyond the bytes present */
	IP4_HDR_FRAG_RANGE, /* the fragment would end beyond 65,535 bytes (ping of death) */
};

static inline void ip4_hdr_read(const uint8_t *p, struct ip4_hdr *ret)
{
	uint16_t frag = load_be16(p + 6);

	ret->version = p[0] >> 4;
	ret->hdr_len = (uint8_t)((p[0] & 0xf) * 4);
	ret->tos = p[1];
	ret->tot_len = load_be16(p + 2);
	ret->id = load_be16(p + 4);
	ret->rf = frag >> 15;
	ret->df = frag >> 14 & 1;
	ret->mf = frag >> 13 & 1;
	ret->frag_off = (uint16_t)(frag << 3);
	ret->ttl = p[8];
	ret->proto = p[9];
	ret->csum = load_be16(p + 10);
	memcpy(&ret->src, p + 12, 4);
	memcpy(&ret->dst, p + 16, 4);
}

/* Whether this is a part of a datagram, not all of it. */
static inline bool ip4_hdr_is_frag(const struct ip4_hdr *hdr)
{
	return hdr->mf || hdr->frag_off != 0;
}

/* Version 4, no options, and all of a datagram: IP4_HDR_LEN bytes at `p` are present. */
static inline bool ip4_hdr_is_plain(const uint8_t *p)
{
	return p[0] == (4 << 4 | IP4_HDR_LEN / 4) && (load_be16(p + 6) & 0x3fff) == 0;
}

/* Judges a header against itself and `len`, the bytes present from its start on (all of the
 * packet's, linear or not). Not its checksum. */
static inline enum ip4_hdr_err ip4_hdr_check(const struct ip4_hdr *hdr, size_t len)
{
	if (unlikely(hdr->version != 4))
		return IP4_HDR_VERSION;
	if (unlikely(hdr->hdr_len < IP4_HDR_LEN))
		return IP4_HDR_IHL;
	if (unlikely(hdr->hdr_len > len))
		return IP4_HDR_SHORT;
	if (unlikely(hdr->tot_len < hdr->hdr_len))
		return IP4_HDR_TOT_SHORT;
	if (unlikely(hdr->tot_len > len))
		return IP4_HDR_TRUNCATED;
	if (unlikely(hdr->frag_off + (hdr->tot_len - hdr->hdr_len) > IP4_LEN_MAX - hdr->hdr_len))
		return IP4_HDR_FRAG_RANGE;
	return IP4_HDR_OK;
}

/* Reads and judges a header; `r` is left behind it and its options. On error `ret` is untouched
 * and `r` where it was. */
enum ip4_hdr_err ip4_hdr_parse(struct rd *r, struct ip4_hdr *ret) MUST_CHECK;

/* Sum over `hdr_len` (20 to 60, a multiple of 4) bytes in the convention of base/csum.h. Inline,
 * because a header is too short to be worth a call of the machine's checksum routine. */
static inline uint64_t ip4_hdr_sum(const uint8_t *p, size_t hdr_len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < hdr_len; i += 4)
		sum += load_native32(p + i);
	return sum;
}

/* Whether the header checksum is right; hdr_len bytes at `p` are present. */
static inline bool ip4_hdr_csum_ok(const uint8_t *p, size_t hdr_len)
{
	return csum_is_intact(ip4_hdr_sum(p, hdr_len));
}

/* The same for a header without options. */
static inline bool ip4_hdr_plain_csum_ok(const uint8_t *p)
{
	uint64_t sum = csum_join(load_native64(p), load_native64(p + 8));

	return csum_is_intact(csum_join(sum, load_native32(p + 16)));
}

/* Computes the header checksum anew and stores it. */
void ip4_hdr_csum_set(uint8_t *p, size_t hdr_len);

/* Writes the 20 fixed bytes and the checksum over hdr->hdr_len bytes; options, if any, must stand
 * at p + IP4_HDR_LEN already. hdr_len is 20 to 60. */
void ip4_hdr_write(uint8_t *p, const struct ip4_hdr *hdr);

/* The same of a header without options: in whole words, which are summed on their way, since to
 * read back what was just written in smaller ones makes a processor wait. */
static inline void ip4_hdr_write_plain(uint8_t *p, const struct ip4_hdr *hdr)
{
	uint32_t frag =
		(uint32_t)(hdr->rf << 15 | hdr->df << 14 | hdr->mf << 13 | hdr->frag_off >> 3);
	uint32_t w0 = 0x45000000u | (uint32_t)hdr->tos << 16 | hdr->tot_len;
	uint32_t w1 = (uint32_t)hdr->id << 16 | frag;
	uint32_t w2 = (uint32_t)hdr->ttl << 24 | (uint32_t)hdr->proto << 16;
	uint64_t sum = (uint64_t)w0 + w1 + w2 + ip4_addr_u32(&hdr->src) + ip4_addr_u32(&hdr->dst);

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16); /* at most 18 bits */
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	store_be32(p, w0);
	store_be32(p + 4, w1);
	store_be32(p + 8, w2 | (uint16_t)~sum);
	memcpy(p + 12, &hdr->src, 4);
	memcpy(p + 16, &hdr->dst, 4);
}

/* Changes one aligned 16-bit word of the header at `p` and its checksum (RFC 1624).
 */
static inline void ip4_hdr_word_set(uint8_t *p, size_t off, uint16_t v)
{
	store_be16(p + 10, csum_update16(load_be16(p + 10), load_be16(p + off), v));
	store_be16(p + off, v);
}

/* One hop: decrements the TTL, which must not be 0, and updates the checksum: what csum_update16()
 * gives for the word at 8, which becomes less by 0x100 whatever it was. */
static inline void ip4_ttl_dec(uint8_t *p)
{
	uint32_t csum = load_be16(p + 10) + 0x100u;

	p[8]--;
	store_be16(p + 10, (uint16_t)(csum + (csum >= 0xffff)));
}

/* Sets the ECN field (a router marks CE, RFC 3168 §5) and updates the checksum. */
static inline void ip4_ecn_set(uint8_t *p, enum ip_ecn ecn)
{
	ip4_hdr_word_set(p, 0, (uint16_t)((load_be16(p) & 0xfffc) | (unsigned int)ecn));
}

/* Options (RFC 791 §3.1). The type byte holds the copy flag, the class and the number. */
enum ip4_opt_type {
	IP4_OPT_EOL = 0,
	IP4_OPT_NOP = 1,
	IP4_OPT_RR = 7,     /* record route */
	IP4_OPT_TS = 68,    /* timestamp */
	IP4_OPT_SEC = 130,  /* security (RFC 1108) */
	IP4_OPT_LSRR = 131, /* loose source route */
	IP4_OPT_SID = 136,
	IP4_OPT_SSRR = 137,  /* strict source route */
	IP4_OPT_RA = 148,    /* router alert (RFC 2113) */
	IP4_OPT_COPY = 0x80, /* flag: goes into every fragment */
};

/* Low four bits of a timestamp option's fourth byte. */
enum ip4_opt_ts_flag {
	IP4_OPT_TS_ONLY = 0,
	IP4_OPT_TS_ADDR = 1,
	IP4_OPT_TS_PRESPEC = 3,
};

struct ip4_opt {
	uint8_t type;
	uint8_t len;         /* whole option, bytes; 1 for NOP */
	uint8_t off;         /* where it starts, from the start of the IP header: ICMP's pointer */
	const uint8_t *data; /* the len - 2 bytes after the length byte */
	uint8_t ptr; /* RR, LSRR, SSRR, TS: offset from `type`, from 1; > len when full. Else 0 */
	uint8_t ts_overflow; /* TS: hosts that found no room */
	uint8_t ts_flag;     /* TS: enum ip4_opt_ts_flag */
	uint16_t ra_value;   /* RA */
};

struct ip4_opts_iter {
	const uint8_t *opts; /* the bytes after the fixed header */
	uint8_t len;         /* how many, 0 to 40 */
	uint8_t pos;
	uint8_t err_off; /* after an error: offending byte from the start of the IP header, for the
			  * pointer of ICMP parameter problem (RFC 1122 §3.2.1.8) */
};

/* `hdr` points to the whole header, of hdr_len bytes (20 to 60, checked before). */
static inline struct ip4_opts_iter ip4_opts_iter(const uint8_t *hdr, size_t hdr_len)
{
	return (struct ip4_opts_iter){.opts = hdr + IP4_HDR_LEN,
				      .len = (uint8_t)(hdr_len - IP4_HDR_LEN)};
}

/* The next option, NOP included: 1 with `ret` filled, 0 at the end (EOL or last byte), -EBADMSG for
 * an option that is malformed; then and at the end `ret` is untouched. */
int ip4_opts_next(struct ip4_opts_iter *it, struct ip4_opt *ret) MUST_CHECK;
