/* SPDX-License-Identifier: MIT */
/* Settings of interfaces for IPv4; what they mean is in ip4_conf.h. */
#include "ip/ip4_conf.h"

#include "core/sysctl.h"
#include "ip/ip4.h"

static const struct ip4_if_conf if_defaults = {
	.send_redirects = true,
	.accept_redirects = true,
	.secure_redirects = true,
	.shared_media = true,
	.arp_notify = true,
};

#define IF_SYSCTL(field, lo, hi, text) \
	SYSCTL(struct ip4_if_conf, field, "net.ipv4.conf.*." #field, (lo), (hi), text)

static const struct sysctl ip4_if_sysctls[] = {
	IF_SYSCTL(forwarding, 0, 1, "forward packets that come in here"),
	IF_SYSCTL(bc_forwarding, 0, 1,
		  "with forwarding: also broadcasts to the links of other interfaces"),
	IF_SYSCTL(
		rp_filter, IP4_RP_OFF, IP4_RP_LOOSE,
		"drop packets whose source is reached by another interface (1), or not at all (2)"),
	IF_SYSCTL(
		accept_source_route, 0, 1,
		"take datagrams with source routes, and when forwarding send them on by these; the "
		"default's: let sockets send them"),
	IF_SYSCTL(send_redirects, 0, 1, "tell hosts of a nearer gateway on their link"),
	IF_SYSCTL(accept_redirects, 0, 1, "heed redirects, unless we forward packets"),
	IF_SYSCTL(secure_redirects, 0, 1,
		  "without shared_media: only to gateways of default routes"),
	IF_SYSCTL(shared_media, 0, 1,
		  "heed redirects to gateways that are in no prefix of the link, too"),
	IF_SYSCTL(
		arp_ignore, IP4_ARP_ANY, IP4_ARP_NONE,
		"answer for addresses of any interface (0), of this one (1), and only those in its "
		"prefix (2), for none (8)"),
	IF_SYSCTL(arp_announce, IP4_ARP_SRC_PACKET, IP4_ARP_SRC_BEST,
		  "ask with the source of the packet (0), if it is of the prefix (1), with this "
		  "link's best (2)"),
	IF_SYSCTL(arp_filter, 0, 1, "answer only where packets to who asks would leave"),
	IF_SYSCTL(
		arp_accept, 0, 2,
		"learn of neighbours from announcements (1), if they are of a prefix of ours (2)"),
	IF_SYSCTL(arp_notify, 0, 1, "announce addresses when the interface starts to run"),
};

static void *ip4_if_sysctl_base(struct stack *st, struct netif *netif)
{
	if (!st->ip4 || (netif && !netif->ip4))
		return NULL;
	return netif ? &netif->ip4->conf : &st->ip4->if_default;
}

static const struct sysctl_table ip4_if_sysctl_table = {
	.entries = ip4_if_sysctls,
	.n_entries = ARRAY_SIZE(ip4_if_sysctls),
	.base_of = ip4_if_sysctl_base,
};

int ip4_conf_init(struct stack *st)
{
	st->ip4->if_default = if_defaults;
	return sysctl_register(st, &ip4_if_sysctl_table);
}
