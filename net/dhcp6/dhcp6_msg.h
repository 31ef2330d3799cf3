/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6 messages (RFC 8415 §8, §21; RFC 3646): a client's read, a server's written.
 *
 * Options that say nothing to a server of a few addresses are passed over. What there is more of
 * than there is room for is cut where it only asks (the option request, hints), and an error where
 * it decides something: identity associations and identifiers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	DHCP6_SERVER_PORT = 547,
	DHCP6_CLIENT_PORT = 546,
	DHCP6_MSG_MAX = 1280 - 48, /* read and written: every link carries that */
	DHCP6_DUID_MAX = 130,      /* RFC 8415 §11.1 */
	DHCP6_IAS_MAX = 4,
	DHCP6_IA_ADDRS_MAX = 4,
	DHCP6_WANTED_MAX = 32,
	DHCP6_DNS_MAX = 4,
	DHCP6_SEARCH_MAX = 8,
	DHCP6_DOMAIN_MAX = 253, /* of one, as text */
};

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE = 2,
	DHCP6_REQUEST = 3,
	DHCP6_CONFIRM = 4,
	DHCP6_RENEW = 5,
	DHCP6_REBIND = 6,
	DHCP6_REPLY = 7,
	DHCP6_RELEASE = 8,
	DHCP6_DECLINE = 9,
	DHCP6_RECONFIGURE = 10,
	DHCP6_INFORMATION_REQUEST = 11,
};

enum dhcp6_option {
	DHCP6_OPT_CLIENT_ID = 1,
	DHCP6_OPT_SERVER_ID = 2,
	DHCP6_OPT_IA_NA = 3,
	DHCP6_OPT_IA_TA = 4,
	DHCP6_OPT_IA_ADDR = 5,
	DHCP6_OPT_WANTED = 6,
	DHCP6_OPT_STATUS = 13,
	DHCP6_OPT_RAPID = 14,
	DHCP6_OPT_DNS = 23,
	DHCP6_OPT_SEARCH = 24,
	DHCP6_OPT_IA_PD = 25,
	DHCP6_OPT_IA_PREFIX = 26,
	DHCP6_OPT_REFRESH_TIME = 32,
};

enum dhcp6_status {
	DHCP6_SUCCESS = 0,
	DHCP6_UNSPEC_FAIL = 1,
	DHCP6_NO_ADDRS = 2,
	DHCP6_NO_BINDING = 3,
	DHCP6_NOT_ON_LINK = 4,
	DHCP6_USE_MULTICAST = 5,
	DHCP6_NO_PREFIXES = 6,
};

struct dhcp6_addr {
	uint8_t b[16];
};

struct dhcp6_duid {
	uint8_t len; /* 0: none */
	uint8_t b[DHCP6_DUID_MAX];
};

/* An identity association of a client's message, or of an answer. */
struct dhcp6_ia {
	uint8_t kind; /* DHCP6_OPT_IA_NA, _IA_TA or _IA_PD */
	uint32_t iaid;
	struct dhcp6_addr addrs[DHCP6_IA_ADDRS_MAX]; /* of IA_PD none are kept */
	uint32_t n_addrs;
};

/* A client's. */
struct dhcp6_query {
	uint8_t type;
	uint32_t xid; /* 24 bits */
	struct dhcp6_duid client, server;
	struct dhcp6_ia ias[DHCP6_IAS_MAX];
	uint32_t n_ias;
	bool rapid;
	uint16_t wanted[DHCP6_WANTED_MAX]; /* what is beyond is not looked at */
	uint32_t n_wanted;
};

/* 0; -EBADMSG: malformed, no client's message, or one that RFC 8415 §16 has discarded whatever the
 * server (an identifier that is missing, or that must not be there). `ret` is untouched then. */
int dhcp6_query_read(const uint8_t *buf, size_t len, struct dhcp6_query *ret) MUST_CHECK;
bool dhcp6_query_wants(const struct dhcp6_query *q, uint16_t option);
bool dhcp6_duid_eq(const struct dhcp6_duid *a, const struct dhcp6_duid *b);

/* What is said of one association: an address with its times, a status, or both. */
struct dhcp6_reply_ia {
	uint8_t kind;
	uint32_t iaid;
	uint16_t status; /* enum dhcp6_status */
	bool has_addr;
	struct dhcp6_addr addr;
	/* Addresses that the client has to give up: their times are 0. */
	struct dhcp6_addr gone[DHCP6_IA_ADDRS_MAX];
	uint32_t n_gone;
};

/* What a network tells its hosts. */
struct dhcp6_params {
	struct dhcp6_addr dns[DHCP6_DNS_MAX];
	uint32_t n_dns;
	const char *search[DHCP6_SEARCH_MAX]; /* domains, as text */
	uint32_t n_search;
};

/* A server's. */
struct dhcp6_reply {
	uint8_t type;
	const struct dhcp6_duid *server;
	bool has_status;
	uint16_t status; /* of the whole message */
	uint32_t preferred_s, valid_s;
	struct dhcp6_reply_ia ias[DHCP6_IAS_MAX];
	uint32_t n_ias;
	bool rapid;
	uint32_t refresh_s;                /* §21.23, when to ask again; 0: not said */
	const struct dhcp6_params *params; /* NULL: none */
};

/* The reply to `q`: its length. Names that do not fit are left out; all else does. */
size_t dhcp6_reply_write(const struct dhcp6_query *q, const struct dhcp6_reply *reply,
			 uint8_t buf[DHCP6_MSG_MAX]);
