/* SPDX-License-Identifier: MIT */
/*
 * Addresses as people write them: IPv4 and IPv6 in one form, prefixes, and MAC addresses.
 * RFC 4291 §2.2 (text of IPv6 addresses), RFC 5952 (the form we print), RFC 4632 (prefixes).
 */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_family {
	LAB_IP_NONE = 0,
	LAB_IP4 = 4,
	LAB_IP6 = 6,
};

enum {
	LAB_IP_TEXT = 46,  /* longest address with its NUL */
	LAB_NET_TEXT = 50, /* the same with "/128" */
	LAB_MAC_TEXT = 18,
	LAB_ZONE_TEXT = 16, /* name of an interface with its NUL */
};

struct lab_ip {
	uint8_t family;    /* enum lab_family */
	uint8_t bytes[16]; /* network order; IPv4 in the first four, the others 0 */
};

/* A link-local IPv6 address and the interface that it is on (RFC 4007 §11): "fe80::1%eth0". */
struct lab_scoped_ip {
	struct lab_ip ip;
	char zone[LAB_ZONE_TEXT]; /* "": none was written */
};

/* An address and the length of its prefix: a network, or an address together with its network. */
struct lab_net {
	struct lab_ip ip;
	uint8_t len;
};

struct lab_mac {
	uint8_t bytes[6];
};

/* All of these take the whole string or nothing: 0, or -EINVAL. */
int lab_ip_parse(const char *s, struct lab_ip *ret) MUST_CHECK;
/* The same with a zone behind a link-local address. */
int lab_scoped_ip_parse(const char *s, struct lab_scoped_ip *ret) MUST_CHECK;
int lab_net_parse(const char *s, struct lab_net *ret) MUST_CHECK; /* "10.0.0.1/24" */
int lab_mac_parse(const char *s, struct lab_mac *ret) MUST_CHECK; /* "02:00:5e:10:00:01" */

/* They fill `buf` and return it. */
const char *lab_ip_format(const struct lab_ip *ip, char buf[static LAB_IP_TEXT]);
const char *lab_net_format(const struct lab_net *net, char buf[static LAB_NET_TEXT]);
const char *lab_mac_format(const struct lab_mac *mac, char buf[static LAB_MAC_TEXT]);

/* The number of bits of an address: 32 or 128. */
static inline uint8_t lab_ip_bits(const struct lab_ip *ip)
{
	return ip->family == LAB_IP4 ? 32 : 128;
}

/* fe80::/10 */
static inline bool lab_ip_is_link_local6(const struct lab_ip *ip)
{
	return ip->family == LAB_IP6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

/* Orders by family, then by value. */
int lab_ip_cmp(const struct lab_ip *a, const struct lab_ip *b);
bool lab_ip_eq(const struct lab_ip *a, const struct lab_ip *b);

/* The address `n` behind this one; false, and unchanged: there are not so many. */
bool lab_ip_add(struct lab_ip *ip, uint32_t n);

/* Likewise the `n`-th network of the same length. */
bool lab_net_step(struct lab_net *net, uint32_t n);

/* The network itself: all bits behind the prefix 0. `last` has them all 1. */
struct lab_net lab_net_base(const struct lab_net *net);
struct lab_ip lab_net_last(const struct lab_net *net);
bool lab_net_has(const struct lab_net *net, const struct lab_ip *ip);

/*
 * What an address is, beyond a plain unicast one that a host may have: a word for messages
 * ("a multicast address"), or NULL. With the prefix: the address of the network or its broadcast.
 */
const char *lab_ip_special(const struct lab_ip *ip);
const char *lab_net_special(const struct lab_net *net);
