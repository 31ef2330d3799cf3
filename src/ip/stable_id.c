/* SPDX-License-Identifier: MIT */
/*
 * Interface identifiers that are the same whenever the host is in the same network, and tell nobody
 * else anything (RFC 7217 §5): F(prefix, interface, DAD counter, secret), F being SipHash-2-4, of
 * which 64 bits are used. The interface is its name, since hardware addresses may be random. There
 * is no network identifier.
 */
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "ip/ra.h"

/* RFC 5453, and its registry: subnet router, subnet anycast, proxy mobile IPv6. */
bool iid_is_reserved(uint64_t iid)
{
	bool is_anycast =
		iid >= UINT64_C(0xfdffffffffffff80) && iid <= UINT64_C(0xfdffffffffffffff);

	return iid == 0 || is_anycast || iid >> 24 == UINT64_C(0x02005efffe);
}

static const struct siphash_key *secret_get(struct ip6 *ip6, struct engine *eng)
{
	if (!ip6->has_secret) {
		rng_bytes(&eng->rng, &ip6->secret, sizeof(ip6->secret));
		ip6->has_secret = true;
	}
	return &ip6->secret;
}

/* That of the interface, else the stack's. */
static struct siphash_key key_of(struct netif *netif)
{
	const uint32_t *s = netif->ip6->conf.stable_secret;

	if (netif->ip6->conf.addr_gen_mode != IP6_GEN_STABLE || !(s[0] | s[1] | s[2] | s[3]))
		return *secret_get(netif->stack->ip6, netif->stack->eng);
	return (struct siphash_key){(uint64_t)s[0] << 32 | s[1], (uint64_t)s[2] << 32 | s[3]};
}

uint64_t stable_id(struct netif *netif, const struct ip6_addr *prefix, uint32_t n_try)
{
	const struct siphash_key key = key_of(netif);
	uint8_t in[8 + NETIF_NAME_MAX + 4] = {0};
	uint64_t iid;

	memcpy(in, prefix->b, 8);
	memcpy(in + 8, netif->name, strnlen(netif->name, NETIF_NAME_MAX));
	do {
		store_be32(in + 8 + NETIF_NAME_MAX, n_try++);
		iid = siphash24(&key, in, sizeof(in));
	} while (iid_is_reserved(iid));
	return iid;
}
