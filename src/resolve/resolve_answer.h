/* SPDX-License-Identifier: MIT */
/*
 * What a message says about a question, as a pure function: RFC 1034 §4.3.1, RFC 2308, RFC 5452.
 *
 * A message that does not repeat the question under its ID is no answer at all: it came late, is
 * broken, or somebody is guessing. Of an answer nothing is believed but the chain that begins at
 * the name that was asked for: what else a server adds is not looked at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/resolver.h"
#include "wire/dns.h"

enum {
	RESOLVE_CHAIN_MAX = 16,            /* aliases from the name to its addresses */
	RESOLVE_TTL_MAX_S = 24 * 3600,     /* longer is cut (RFC 2181 §8 allows it) */
	RESOLVE_NEG_TTL_MAX_S = 1 * 3600u, /* RFC 2308 §5: one to three hours */
};

struct resolve_question {
	struct dns_name name; /* as it was sent */
	uint16_t id, type;
	bool case_counts; /* the answer has to repeat the name's case */
};

/* What is known of a name and a type. */
struct resolved {
	int err; /* 0; -ENOENT: there is nothing; -EAGAIN: it could not be found out */
	uint32_t ttl_s;
	uint32_t n;
	struct weft_addr addrs[WEFT_RESOLVER_ADDRS_MAX];
};

enum resolve_verdict {
	RESOLVE_FINAL,     /* `res` */
	RESOLVE_ALIAS,     /* `alias` is to be asked for; res.ttl_s is that of the way there */
	RESOLVE_FAILED,    /* the server cannot say: another one may */
	RESOLVE_NO_EDNS,   /* the server does not understand EDNS */
	RESOLVE_TRUNCATED, /* to be asked over TCP */
	RESOLVE_FOREIGN,   /* no answer to this question */
};

struct resolve_answer {
	struct resolved res;
	struct dns_name alias;
	uint32_t n_aliases; /* followed in the message */
};

enum resolve_verdict resolve_answer(const uint8_t *msg, size_t len,
				    const struct resolve_question *q,
				    struct resolve_answer *ret) MUST_CHECK;
