/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the packet printer share: the text that grows, and one function a protocol.
 *
 * A protocol gets a cursor over the bytes that are there, which ends where the packet above it says
 * that it ends, and the length that it had on the wire (which may be more, when the capture is
 * cut).
 */
#pragma once

#include "base/compiler.h"
#include "base/cursor.h"
#include "lab/pktprint.h"

enum {
	PP_DEPTH_MAX = 4, /* packets within packets */
	PP_IP4_LEN = 4,
	PP_IP6_LEN = 16,
};

enum pp_ip_proto {
	PP_HOPOPTS = 0,
	PP_ICMP = 1,
	PP_IGMP = 2,
	PP_IPIP = 4,
	PP_TCP = 6,
	PP_UDP = 17,
	PP_IP6 = 41,
	PP_ROUTING = 43,
	PP_FRAGMENT = 44,
	PP_GRE = 47,
	PP_ESP = 50,
	PP_AH = 51,
	PP_ICMP6 = 58,
	PP_NONE = 59,
	PP_DSTOPTS = 60,
};

struct pp {
	char *buf;
	size_t size; /* > 0 */
	size_t len;  /* < size: buf[len] is NUL */
	const struct pkt_print_opts *opts;
	unsigned int depth;
};

/* What a transport needs to know of the IP header in front of it. */
struct pp_ip {
	const uint8_t *src, *dst;
	size_t addr_len; /* 4 or 16 */
	uint8_t proto;
	bool is_cut;    /* not all bytes of the payload are there, or it is a fragment */
	bool is_quoted; /* inside of an ICMP error */
};

void pp_put(struct pp *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A character of the packet's: printable ASCII as it is, everything else as \ooo. */
void pp_char(struct pp *p, uint8_t c);
/* An address as its name or in numbers. */
void pp_addr(struct pp *p, const uint8_t *addr, size_t addr_len);
void pp_addr_numeric(struct pp *p, const uint8_t *addr, size_t addr_len);
void pp_mac(struct pp *p, const uint8_t *mac);
/* A port as its name or number. */
void pp_port(struct pp *p, uint8_t ip_proto, uint16_t port);
/* "tcp", "UDP": the protocol's name; NULL: none known. */
const char *pp_proto_name(uint8_t proto);
/* One's-complement sum; `sum` is what was summed before (an even number of bytes). */
uint32_t pp_csum_add(uint32_t sum, const uint8_t *b, size_t n);
uint16_t pp_csum_fold(uint32_t sum);
/* What is left over of a right checksum over an L4 packet is 0. */
uint16_t pp_csum_l4(const struct pp_ip *ip, const uint8_t *b, size_t n);

void pp_ip4(struct pp *p, struct rd r, size_t wire_len, bool is_quoted);
void pp_ip6(struct pp *p, struct rd r, size_t wire_len, bool is_quoted);
void pp_icmp4(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip);
void pp_icmp6(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip);
void pp_udp(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip);
void pp_tcp(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip);
void pp_dns(struct pp *p, struct rd r, size_t wire_len);

/* What makes the numbers of a segment relative to the first of its connection; 0 for that one,
 * which is remembered. */
struct pp_rel {
	uint32_t seq, ack; /* to be taken off */
};
struct pp_rel pp_flow_rel(struct pkt_flows *flows, const struct pp_ip *ip, uint16_t sport,
			  uint16_t dport, uint32_t seq, uint32_t ack, bool is_syn);
