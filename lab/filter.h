/* SPDX-License-Identifier: MIT */
/*
 * Capture filters: pcap-filter(7) expressions with the names of the lab in them, for Ethernet
 * frames.
 *
 * How it works: libpcap would ask the host's resolver about a name, and wait for it. So names are
 * looked up here first and replaced by their addresses; one that nobody knows is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/types.h"

struct filter;

enum {
	FILTER_TEXT_MAX = 4096,
	FILTER_MSG_MAX = 512,
};

/* The address of a name; false: there is none. */
typedef bool filter_lookup_fn(void *arg, const char *name, struct weft_addr *ret);

/*
 * Compiles an expression; empty: everything passes. 0; -EINVAL with what is wrong in `msg`
 * (FILTER_MSG_MAX bytes); -ENOMEM.
 */
int filter_new(const char *text, uint32_t snaplen, filter_lookup_fn *lookup, void *arg,
	       struct filter **ret, char *msg) MUST_CHECK;
void filter_free(struct filter *f); /* NULL is fine */
bool filter_pass(const struct filter *f, const uint8_t *frame, uint32_t cap_len, uint32_t len);
/* The expression with its names replaced, into `ret` (FILTER_TEXT_MAX bytes). 0 or -EINVAL with
 * `msg`. */
int filter_names(const char *text, filter_lookup_fn *lookup, void *arg, char *ret,
		 char *msg) MUST_CHECK;
