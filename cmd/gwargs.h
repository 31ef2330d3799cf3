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
	GWARGS_OPTIONS_MAX = 32,
	GWARGS_WRONG = -2,
};

struct gwargs {
	struct gwproc *p;
	uint32_t mtu; /* of the guest's interface; the caller's default stands in it */
	struct option options[GWARGS_OPTIONS_MAX];
	struct gateway_forward forwards[GWARGS_FORWARDS_MAX];
	struct gateway_rule rules[GWARGS_RULES_MAX];
};

void gwargs_init(struct gwargs *a, struct gwproc *p, const struct option *own, size_t n_own);
/* As getopt_long(3), after the shared options have been taken: one of the caller's own, -1 at the
 * end; GWARGS_WRONG after a message. */
int gwargs_next(struct gwargs *a, int argc, char **argv, const char *short_opts) MUST_CHECK;
/* After the last option: what depends on several. */
void gwargs_finish(struct gwargs *a);
void gwargs_help(FILE *out);

/* The guest's addresses and routes for its interface. */
void gwargs_tap_addrs(const struct gateway_run_config *run, struct netns_tap *tap);

/* "tcp,127.0.0.1:8080,10.0.2.100:80", the ports also as ranges (8000-8010); the guest's part may be
 * left out; `*:8080` is every address. False: it is not one. */
bool gwargs_forward_parse(const char *spec, struct gateway_forward *ret) MUST_CHECK;
/* "tcp,10.0.0.0/8,80-443": tcp, udp, icmp or any; a prefix, an address or any; ports, which may be
 * left out. Sets all but is_allow. False: it is not one. */
bool gwargs_rule_parse(const char *spec, struct gateway_rule *ret) MUST_CHECK;
