/* SPDX-License-Identifier: MIT */
/*
 * What a gateway tells its guest: addresses, routers, name servers and domains by DHCP, DHCPv6 and
 * router advertisements, and names by a forwarder to the host's resolvers.
 */
#pragma once

#include "base/compiler.h"
#include "gateway/run.h"
#include "net/dhcp/dhcp.h"
#include "net/dhcp6/dhcp6.h"
#include "net/dnsfwd/dnsfwd.h"
#include "net/radv/radv.h"

struct tell;

/* Of a run whose interface and gateway are there. 0, or -Exxx with what failed in `ret_msg`
 * (LAB_MSG_MAX bytes). */
int tell_new(struct gateway_run *run, const struct gateway_run_config *cfg, struct tell **ret,
	     char *ret_msg) MUST_CHECK;
/* Before the gateway. NULL is fine. */
void tell_free(struct tell *t);

/* All zero where a service is off. */
struct tell_stats {
	struct dhcp_stats dhcp;
	struct dhcp6_stats dhcp6;
	struct radv_stats radv;
	struct dnsfwd_stats dns;
	uint64_t n_resolv_changes; /* of the host's resolv.conf, heard of */
	bool has_dhcp, has_dhcp6, has_radv, has_dns;
};
void tell_stats(const struct tell *t, struct tell_stats *ret);
