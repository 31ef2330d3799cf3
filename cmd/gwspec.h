/* SPDX-License-Identifier: MIT */
/* Forwards and access rules as words of the command line. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "gateway/gateway.h"

enum {
	GWSPEC_WHY_MAX = 256,
};

/* "tcp,127.0.0.1:8080,10.0.2.100:80", the ports also as ranges (8000-8010); the guest's part may be
 * left out; `*:8080` is every address. False: it is not one,
 * and `ret_why` (GWSPEC_WHY_MAX bytes) names the word that is wrong. */
bool gwspec_forward_parse(const char *spec, struct gateway_forward *ret, char *ret_why) MUST_CHECK;
/* "tcp,10.0.0.0/8,80-443": tcp, udp, icmp or any; a prefix, an address or any; ports, which may be
 * left out. Sets all but is_allow. False: as above. */
bool gwspec_rule_parse(const char *spec, struct gateway_rule *ret, char *ret_why) MUST_CHECK;
