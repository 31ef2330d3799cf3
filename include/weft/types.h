/* SPDX-License-Identifier: MIT */
/*
 * Types that every part of the weft API shares: addresses, endpoints, and how calls report errors.
 *
 * Calls return 0 (or a count) on success and -Exxx with Linux's errno values on failure; they never
 * set errno. Objects belong to the thread that owns their engine; calls are not locked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEFT_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

struct weft_engine; /* clock, timers, packet pools of one thread */
struct weft_stack;  /* one host: interfaces, addresses, routes, sockets */
struct weft_netif;  /* one network interface of a stack */
struct weft_sock;   /* one socket */

/* Address families and socket types, with Linux's values. */
enum {
	WEFT_AF_UNSPEC = 0,
	WEFT_AF_INET = 2,
	WEFT_AF_INET6 = 10,
};

/* An address of either family; IPv4 in the first four bytes. */
struct weft_addr {
	uint8_t family; /* WEFT_AF_*; WEFT_AF_UNSPEC: no address */
	uint8_t bytes[16];
};

/* An endpoint: address and port, in host order. */
struct weft_sockaddr {
	struct weft_addr addr;
	uint16_t port;
	uint32_t scope_id; /* interface index of a link-local IPv6 address; else 0 */
};

enum {
	WEFT_ADDR_STRLEN = 46,     /* longest text of an address, with the NUL */
	WEFT_SOCKADDR_STRLEN = 64, /* "[address%scope]:port" */
};

/* Reads "192.0.2.1" or "2001:db8::1" (RFC 4291, RFC 5952). 0, or -EINVAL with `ret` untouched. */
WEFT_API int weft_addr_parse(const char *text, struct weft_addr *ret);
/* What IANA's registries of special-purpose addresses say about one (RFC 6890, RFC 8190). */
struct weft_addr_special {
	const char *name; /* "Loopback"; NULL: it is in no registry, and an ordinary address */
	struct weft_addr prefix; /* the entry's */
	uint8_t prefix_len;
	uint16_t rfc;
	bool is_source;      /* may be a packet's source … */
	bool is_destination; /* … or destination */
	bool is_forwardable; /* routers may pass such packets on … */
	bool is_global;      /* … beyond an administrative domain */
	bool is_reserved;    /* by protocol: the stack itself refuses what is not allowed above */
};
/* 0; -EAFNOSUPPORT. Groups are in no registry. */
WEFT_API int weft_addr_special(const struct weft_addr *addr, struct weft_addr_special *ret);

/* Reads "192.0.2.0/24"; without "/", the prefix is the whole address. 0, or -EINVAL. */
WEFT_API int weft_prefix_parse(const char *text, struct weft_addr *ret_addr, uint8_t *ret_len);
/* Writes at most `size` bytes with the NUL; returns `buf`. Canonical text, RFC 5952. */
WEFT_API const char *weft_addr_print(const struct weft_addr *addr, char *buf, size_t size);
/* Reads "192.0.2.1:80", "[2001:db8::1]:80" or, with the index of an interface, "[fe80::1%2]:80"
 * (RFC 4007 §11). 0, or -EINVAL. Names of interfaces: weft_sockaddr_parse_scoped(). */
WEFT_API int weft_sockaddr_parse(const char *text, struct weft_sockaddr *ret);
WEFT_API const char *weft_sockaddr_print(const struct weft_sockaddr *sa, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
