/* SPDX-License-Identifier: MIT */
/*
 * Addresses as opaque byte structs, and their text forms.
 *
 * `struct ip_addr` holds either family, IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), for the layers
 * that do not care which: neighbour cache, sockets. The structs have alignment 1, so they may be
 * part of a wire image; equality compares bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "base/load.h"

struct eth_addr {
	uint8_t b[6];
};

struct ip4_addr {
	uint8_t b[4];
};

struct ip6_addr {
	uint8_t b[16];
};

struct ip_addr {
	uint8_t b[16];
};

/* Room for the longest text form and its terminating NUL. */
enum {
	ETH_ADDR_STRLEN = sizeof("00:00:00:00:00:00"),
	IP4_ADDR_STRLEN = sizeof("255.255.255.255"),
	IP6_ADDR_STRLEN = sizeof("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
	IP_ADDR_STRLEN = IP6_ADDR_STRLEN,
};

#define ETH_ADDR(a, b, c, d, e, f) ((struct eth_addr){{a, b, c, d, e, f}})
#define IP4_ADDR(a, b, c, d)       ((struct ip4_addr){{a, b, c, d}})
#define ETH_ADDR_BROADCAST         ETH_ADDR(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
#define IP4_ADDR_ANY               IP4_ADDR(0, 0, 0, 0)
#define IP4_ADDR_BROADCAST         IP4_ADDR(255, 255, 255, 255)

/* Ethernet */

static inline bool eth_addr_eq(const struct eth_addr *a, const struct eth_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool eth_addr_is_zero(const struct eth_addr *a)
{
	return (load_be32(a->b) | load_be16(a->b + 4)) == 0;
}

/* The group bit; the broadcast address has it too. */
static inline bool eth_addr_is_multicast(const struct eth_addr *a)
{
	return a->b[0] & 1;
}

static inline bool eth_addr_is_broadcast(const struct eth_addr *a)
{
	return (load_be32(a->b) & (0xffff0000u | load_be16(a->b + 4))) == 0xffffffffu;
}

/* IPv4. Prefix arithmetic is done on the host-order integer. */

static inline uint32_t ip4_addr_u32(const struct ip4_addr *a)
{
	return load_be32(a->b);
}

static inline struct ip4_addr ip4_addr_from_u32(uint32_t v)
{
	struct ip4_addr a;

	store_be32(a.b, v);
	return a;
}

static inline bool ip4_addr_eq(const struct ip4_addr *a, const struct ip4_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* 0.0.0.0 */
static inline bool ip4_addr_is_unspecified(const struct ip4_addr *a)
{
	return ip4_addr_u32(a) == 0;
}

/* 224.0.0.0/4 */
static inline bool ip4_addr_is_multicast(const struct ip4_addr *a)
{
	return (a->b[0] & 0xf0) == 0xe0;
}

/* The limited broadcast address 255.255.255.255; directed broadcasts are known to routes only. */
static inline bool ip4_addr_is_broadcast(const struct ip4_addr *a)
{
	return ip4_addr_u32(a) == 0xffffffffu;
}

/* 127.0.0.0/8 */
static inline bool ip4_addr_is_loopback(const struct ip4_addr *a)
{
	return a->b[0] == 127;
}

/* 169.254.0.0/16 (RFC 3927) */
static inline bool ip4_addr_is_link_local(const struct ip4_addr *a)
{
	return a->b[0] == 169 && a->b[1] == 254;
}

/* The netmask of a prefix, `plen` 0 to 32, in host order. */
static inline uint32_t ip4_prefix_mask(unsigned int plen)
{
	return plen == 0 ? 0 : 0xffffffffu << (32 - plen);
}

/* Whether `a` lies in `net`/`plen`; host bits of `net` do not matter. */
static inline bool ip4_in_prefix(const struct ip4_addr *a, const struct ip4_addr *net,
				 unsigned int plen)
{
	return ((ip4_addr_u32(a) ^ ip4_addr_u32(net)) & ip4_prefix_mask(plen)) == 0;
}

/* IPv6 */

static inline bool ip6_addr_eq(const struct ip6_addr *a, const struct ip6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* :: */
static inline bool ip6_addr_is_unspecified(const struct ip6_addr *a)
{
	return (load_be64(a->b) | load_be64(a->b + 8)) == 0;
}

/* ff00::/8 */
static inline bool ip6_addr_is_multicast(const struct ip6_addr *a)
{
	return a->b[0] == 0xff;
}

/* ::1 */
static inline bool ip6_addr_is_loopback(const struct ip6_addr *a)
{
	return load_be64(a->b) == 0 && load_be64(a->b + 8) == 1;
}

/* fe80::/10 */
static inline bool ip6_addr_is_link_local(const struct ip6_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Whether the first `plen` bits (0 to 128) of both are the same. */
bool ip6_in_prefix(const struct ip6_addr *a, const struct ip6_addr *net, unsigned int plen);

/* Either family */

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool ip_addr_is_ip4(const struct ip_addr *a)
{
	return load_be64(a->b) == 0 && load_be32(a->b + 8) == 0xffff;
}

static inline struct ip_addr ip_addr_from_ip4(const struct ip4_addr *a)
{
	struct ip_addr ip = {{[10] = 0xff, [11] = 0xff}};

	memcpy(ip.b + 12, a, sizeof(*a));
	return ip;
}

/* The IPv4 address in `a`, for which ip_addr_is_ip4() holds. */
static inline struct ip4_addr ip_addr_to_ip4(const struct ip_addr *a)
{
	struct ip4_addr ip4;

	memcpy(&ip4, a->b + 12, sizeof(ip4));
	return ip4;
}

static inline struct ip_addr ip_addr_from_ip6(const struct ip6_addr *a)
{
	struct ip_addr ip;

	memcpy(&ip, a, sizeof(ip));
	return ip;
}

static inline struct ip6_addr ip_addr_to_ip6(const struct ip_addr *a)
{
	struct ip6_addr ip6;

	memcpy(&ip6, a, sizeof(ip6));
	return ip6;
}

/* :: or 0.0.0.0 */
static inline bool ip_addr_is_unspecified(const struct ip_addr *a)
{
	return load_be64(a->b) == 0 && load_be32(a->b + 12) == 0 &&
	       (load_be32(a->b + 8) == 0 || load_be32(a->b + 8) == 0xffff);
}

static inline bool ip_addr_is_multicast(const struct ip_addr *a)
{
	return ip_addr_is_ip4(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

/* fe80::/10, the addresses that mean nothing without an interface. */
static inline bool ip_addr_is_link_local6(const struct ip_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static inline bool ip_addr_is_loopback(const struct ip_addr *a)
{
	if (ip_addr_is_ip4(a))
		return a->b[12] == 127;
	return load_be64(a->b) == 0 && load_be64(a->b + 8) == 1;
}

/*
 * Text. X_parse() takes the whole NUL-terminated string or fails with -EINVAL; `ret` is untouched
 * on failure. X_print() writes X_STRLEN bytes at most, NUL included, and returns `buf`.
 */

/* Six octets of one or two hex digits, separated by ':'. */
int eth_addr_parse(const char *s, struct eth_addr *ret) MUST_CHECK;
char *eth_addr_print(const struct eth_addr *a, char buf[static ETH_ADDR_STRLEN]);

/* Four decimal octets without leading zeros (which some readers take for octal). */
int ip4_addr_parse(const char *s, struct ip4_addr *ret) MUST_CHECK;
char *ip4_addr_print(const struct ip4_addr *a, char buf[static IP4_ADDR_STRLEN]);

/* The forms of RFC 4291 §2.2, without zone. Printed as RFC 5952 says, v4-mapped with dotted quad.
 */
int ip6_addr_parse(const char *s, struct ip6_addr *ret) MUST_CHECK;
char *ip6_addr_print(const struct ip6_addr *a, char buf[static IP6_ADDR_STRLEN]);

/* Either form; IPv4 prints as a dotted quad without the ::ffff:. */
int ip_addr_parse(const char *s, struct ip_addr *ret) MUST_CHECK;
char *ip_addr_print(const struct ip_addr *a, char buf[static IP_ADDR_STRLEN]);
