/* SPDX-License-Identifier: MIT */
/* Settings of interfaces; what they mean is in ip6_conf.h. */
#include "ip/ip6_conf.h"

#include "core/sysctl.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"

enum {
	/* RFC 8981 §3.8. */
	TEMP_VALID_S = 2 * 86400,
	TEMP_PREFERRED_S = 86400,
	MAX_DESYNC_S = 600,
	YEAR_S = 365 * 86400,
};

static const struct ip6_if_conf if_defaults = {
	.hop_limit = IP6_HOPS_DEFAULT,
	.addr_gen_mode = IP6_GEN_EUI64,
	.accept_dad = IP6_DAD_ON,
	.dad_transmits = 1,
	.enhanced_dad = true,
	.accept_ra = 1,
	.accept_ra_defrtr = true,
	.accept_ra_pinfo = true,
	.accept_ra_mtu = true,
	.accept_ra_rtr_pref = true,
	.accept_ra_rt_info_max_plen = 128,
	.router_solicitations = -1,
	.rtr_solicit_interval_s = 4,
	.rtr_solicit_max_interval_s = 3600,
	.rtr_solicit_delay_s = 1,
	.autoconf = true,
	.temp_valid_s = TEMP_VALID_S,
	.temp_preferred_s = TEMP_PREFERRED_S,
	.max_desync_s = MAX_DESYNC_S,
	.regen_max_retry = 3,
	.max_addresses = 16,
	.accept_redirects = true,
};

#define IF_SYSCTL(field, name, lo, hi, text) \
	SYSCTL(struct ip6_if_conf, field, "net.ipv6.conf.*." name, (lo), (hi), text)

#define SECRET_TEXT(nth)                                                                       \
	nth " word of the secret of opaque addresses, which sets addr_gen_mode 2; all 0: the " \
	    "stack's own, random"

static const struct sysctl ip6_if_sysctls[] = {
	IF_SYSCTL(disable, "disable_ipv6", 0, 1, "take no IPv6 packets and have no addresses"),
	IF_SYSCTL(hop_limit, "hop_limit", 1, 255, "hop limit of packets sent, hops"),
	IF_SYSCTL(mtu, "mtu", 0, UINT16_MAX,
		  "largest packet, bytes, if less than the link's; 0: that"),
	IF_SYSCTL(
		addr_gen_mode, "addr_gen_mode", IP6_GEN_EUI64, IP6_GEN_RANDOM,
		"lower half of addresses: 0 of the hardware address, 1 the same but no link-local "
		"one, 2 and 3 opaque and stable"),
	IF_SYSCTL(stable_secret[0], "stable_secret.0", 0, UINT32_MAX, SECRET_TEXT("first")),
	IF_SYSCTL(stable_secret[1], "stable_secret.1", 0, UINT32_MAX, SECRET_TEXT("second")),
	IF_SYSCTL(stable_secret[2], "stable_secret.2", 0, UINT32_MAX, SECRET_TEXT("third")),
	IF_SYSCTL(stable_secret[3], "stable_secret.3", 0, UINT32_MAX, SECRET_TEXT("fourth")),
	IF_SYSCTL(accept_dad, "accept_dad", IP6_DAD_OFF, IP6_DAD_STRICT,
		  "ask whether an address is taken; 2: and have none when the hardware's is"),
	IF_SYSCTL(dad_transmits, "dad_transmits", 0, 20, "how often that is asked; 0: never"),
	IF_SYSCTL(enhanced_dad, "enhanced_dad", 0, 1, "tell our own question by a nonce"),
	IF_SYSCTL(accept_ra, "accept_ra", 0, 2,
		  "listen to routers: 1 unless we forward packets, 2 also then"),
	IF_SYSCTL(accept_ra_defrtr, "accept_ra_defrtr", 0, 1, "have default routes from them"),
	IF_SYSCTL(accept_ra_pinfo, "accept_ra_pinfo", 0, 1, "take their prefixes"),
	IF_SYSCTL(accept_ra_mtu, "accept_ra_mtu", 0, 1, "take their MTU"),
	IF_SYSCTL(accept_ra_rtr_pref, "accept_ra_rtr_pref", 0, 1, "heed their preference"),
	IF_SYSCTL(accept_ra_rt_info_max_plen, "accept_ra_rt_info_max_plen", 0, 128,
		  "the longest prefix of their routes that is taken, bits"),
	IF_SYSCTL(router_solicitations, "router_solicitations", -1, 1000,
		  "how often routers are asked for; -1: until there is one"),
	IF_SYSCTL(rtr_solicit_interval_s, "router_solicitation_interval", 1, YEAR_S,
		  "s to the second time; it doubles from then on"),
	IF_SYSCTL(rtr_solicit_max_interval_s, "router_solicitation_max_interval", 1, YEAR_S,
		  "the longest that it becomes, s"),
	IF_SYSCTL(rtr_solicit_delay_s, "router_solicitation_delay", 0, 3600,
		  "the longest random time before the first message, s"),
	IF_SYSCTL(autoconf, "autoconf", 0, 1, "make addresses out of prefixes"),
	IF_SYSCTL(use_tempaddr, "use_tempaddr", 0, 2,
		  "temporary addresses: 1 have them, 2 prefer them"),
	IF_SYSCTL(temp_valid_s, "temp_valid_lft", 1, YEAR_S, "how long one is valid, s"),
	IF_SYSCTL(temp_preferred_s, "temp_prefered_lft", 1, YEAR_S, "and preferred, s"),
	IF_SYSCTL(max_desync_s, "max_desync_factor", 0, YEAR_S,
		  "at most that much less at random, s"),
	IF_SYSCTL(regen_max_retry, "regen_max_retry", 0, 255,
		  "how often another one is made when one is taken"),
	IF_SYSCTL(max_addresses, "max_addresses", 0, IP6_IF_ADDRS_MAX,
		  "how many addresses routers may make us have"),
	IF_SYSCTL(accept_redirects, "accept_redirects", 0, 1,
		  "heed redirects, unless we forward packets"),
};

static void *ip6_if_sysctl_base(struct stack *st, struct netif *netif)
{
	if (!st->ip6 || (netif && !netif->ip6))
		return NULL;
	return netif ? &netif->ip6->conf : &st->ip6->if_default;
}

bool ip6_conf_is_secret(const struct sysctl *ctl)
{
	return ctl->off >= offsetof(struct ip6_if_conf, stable_secret) &&
	       ctl->off < offsetof(struct ip6_if_conf, stable_secret) +
				  sizeof(((struct ip6_if_conf *)0)->stable_secret);
}

/* As in Linux, who gives a secret wants it used. */
static void ip6_if_default_changed(struct stack *st, const struct sysctl *ctl)
{
	if (ip6_conf_is_secret(ctl))
		st->ip6->if_default.addr_gen_mode = IP6_GEN_STABLE;
}

static const struct sysctl_table ip6_if_sysctl_table = {
	.entries = ip6_if_sysctls,
	.n_entries = ARRAY_SIZE(ip6_if_sysctls),
	.base_of = ip6_if_sysctl_base,
	.changed = ip6_if_default_changed,
	.netif_changed = ip6_if_conf_changed,
};

int ip6_conf_init(struct stack *st)
{
	st->ip6->if_default = if_defaults;
	return sysctl_register(st, &ip6_if_sysctl_table);
}
