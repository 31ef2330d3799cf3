/* SPDX-License-Identifier: MIT */
/*
 * DHCP messages (RFC 2131 §2, RFC 2132): a client's read, a server's written.
 *
 * Options may stand behind the header and, when option 52 says so, in the fields `file` and `sname`
 * too; pieces of one option are put together (RFC 3396). What is longer than there is room for here
 * is an error where it decides something (the client's identifier), and is cut elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	DHCP_SERVER_PORT = 67,
	DHCP_CLIENT_PORT = 68,
	DHCP_MSG_MIN = 300,   /* what is sent is padded to this: BOOTP's size (RFC 1542 §2.1) */
	DHCP_MSG_MAX = 1472,  /* read and written: a packet of 1500 bytes */
	DHCP_MSG_SMALL = 548, /* what every client takes: a packet of 576 bytes (RFC 2131 §2) */
	DHCP_ID_MAX = 255,
	DHCP_WANTED_MAX = 64,
	DHCP_DNS_MAX = 4,
	DHCP_SEARCH_MAX = 8,
	DHCP_DOMAIN_MAX = 253, /* of one, as text */
};

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_DECLINE = 4,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
	DHCP_RELEASE = 7,
	DHCP_INFORM = 8,
};

/* An IPv4 address as a number in host order; 0: none. */
typedef uint32_t dhcp_addr;

struct dhcp_client_id {
	uint8_t len; /* 0: none was given; the hardware's address stands for it */
	uint8_t b[DHCP_ID_MAX];
};

/* A client's. */
struct dhcp_query {
	uint8_t type; /* enum dhcp_type */
	uint32_t xid;
	uint16_t secs;
	bool wants_broadcast;
	dhcp_addr ciaddr, giaddr;
	uint8_t mac[6];
	struct dhcp_client_id id;
	dhcp_addr requested; /* option 50 */
	dhcp_addr server;    /* option 54 */
	bool rapid;          /* option 80 */
	uint16_t max_bytes;  /* option 57, of UDP's payload; at least DHCP_MSG_SMALL */
	uint8_t wanted[DHCP_WANTED_MAX];
	uint8_t n_wanted; /* option 55; what is beyond is not looked at */
};

/* 0; -EBADMSG: malformed, no client's message, no DHCP (BOOTP), or not of Ethernet. `ret` is
 * untouched then. */
int dhcp_query_read(const uint8_t *buf, size_t len, struct dhcp_query *ret) MUST_CHECK;
bool dhcp_query_wants(const struct dhcp_query *q, uint8_t option);

/* What a network tells its hosts. */
struct dhcp_params {
	dhcp_addr netmask, broadcast, router;
	dhcp_addr dns[DHCP_DNS_MAX];
	uint32_t n_dns;
	const char *search[DHCP_SEARCH_MAX]; /* domains, as text; the first is the host's own */
	uint32_t n_search;
	uint16_t mtu; /* 0: not said */
};

/* A server's. */
struct dhcp_reply {
	uint8_t type;
	dhcp_addr yiaddr;
	dhcp_addr server;
	uint32_t lease_s;                 /* 0: none is said (INFORM) */
	const char *message;              /* of a NAK; NULL: none */
	const struct dhcp_params *params; /* NULL: none (NAK) */
};

/* The reply to `q`: its length, at most `q->max_bytes`. Options that do not fit are left out, the
 * least important last. */
size_t dhcp_reply_write(const struct dhcp_query *q, const struct dhcp_reply *reply,
			uint8_t buf[DHCP_MSG_MAX]);
/* A domain name that can be told. */
bool dhcp_domain_is_right(const char *name);
/* Copies a search list to `store`, and where its names are to `ret`; DHCPv6's, too. -EINVAL, with
 * nothing changed: too many, or one that cannot be told. */
int dhcp_search_copy(const char *const *search, uint32_t n,
		     char store[DHCP_SEARCH_MAX][DHCP_DOMAIN_MAX + 1],
		     const char *ret[DHCP_SEARCH_MAX]) MUST_CHECK;
