/* SPDX-License-Identifier: MIT */
/* Options that `weft gateway` and `weft unshare` share. */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "cmd/gwproc.h"
#include "gateway/setup/netns.h"

enum {
	GWARGS_FORWARDS_MAX = 64,
	GWARGS_RULES_MAX = 64,
	GWARGS_OPTIONS_MAX = 40,
	GWARGS_WRONG = -2,
};

struct gwargs {
	struct gwproc *p;
	uint32_t mtu; /* of the guest's interface; the caller's default stands in it */
	bool no_dns, ip4_only, ip6_only;
	struct option options[GWARGS_OPTIONS_MAX];
	struct gateway_forward forwards[GWARGS_FORWARDS_MAX];
	struct gateway_rule rules[GWARGS_RULES_MAX];
};

void gwargs_init(struct gwargs *a, struct gwproc *p, const struct option *own, size_t n_own);
/* As getopt_long(3), after the shared options have been taken: one of the caller's own, -1 at the
 * end; GWARGS_WRONG after a message. */
int gwargs_next(struct gwargs *a, int argc, char **argv, const char *short_opts) MUST_CHECK;
/* After the last option: what depends on several. 0; GWARGS_WRONG after a message. */
int gwargs_finish(struct gwargs *a) MUST_CHECK;
void gwargs_help(FILE *out);

/* The guest's addresses and routes for its interface. */
void gwargs_tap_addrs(const struct gateway_run_config *run, struct netns_tap *tap);
