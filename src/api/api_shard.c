/* SPDX-License-Identifier: MIT */
/* weft/shard.h: stacks that share their addresses. */
#include <errno.h>
#include <stdio.h>

#include "api/api_priv.h"
#include "base/rng.h"
#include "core/sysctl.h"
#include "ip/ip6.h"
#include "link/frame_ring.h"
#include "link/shard.h"
#include "transport/tcp/tcp.h"
#include "weft/shard.h"

enum {
	API_SHARD_QUEUE = 256,
	API_SHARD_OWN_FIRST = 49152, /* RFC 6335 §6: ports that nobody has registered */
	API_SHARD_OWN_LAST = 65535,
};

static struct shards *shards_of(struct weft_shards *node)
{
	return (struct shards *)(void *)node;
}

static int key_init(const struct weft_shards_config *cfg, struct siphash_key *ret)
{
	struct rng rng;
	int err = 0;

	if (!cfg->has_seed && !cfg->entropy)
		return -EINVAL;
	if (cfg->has_seed)
		rng_init_seed(&rng, cfg->seed);
	else
		err = rng_init_entropy(&rng, cfg->entropy, cfg->entropy_ctx);
	if (!err)
		rng_bytes(&rng, ret, sizeof(*ret));
	return err;
}

int weft_shards_new(const struct weft_shards_config *cfg, struct weft_shards **ret)
{
	bool has_own = cfg->own_first || cfg->own_last;
	struct shards_config config = {
		.n_shards = cfg->n_shards,
		.ring_bytes = cfg->ring_bytes ? cfg->ring_bytes : FRAME_RING_BYTES,
		.queue_pkts = cfg->queue_pkts ? cfg->queue_pkts : API_SHARD_QUEUE,
		.own_first = has_own ? cfg->own_first : API_SHARD_OWN_FIRST,
		.own_last = has_own ? cfg->own_last : API_SHARD_OWN_LAST,
		.realloc = cfg->realloc,
		.mem_ctx = cfg->mem_ctx,
	};
	struct shards *node;
	int err = key_init(cfg, &config.key);

	static_assert((int)WEFT_SHARDS_MAX == (int)STEER_SHARDS_MAX &&
			      (int)WEFT_SHARD_PORTS == (int)SHARD_PORTS,
		      "the same bounds under two names");
	if (!err)
		err = shards_new(&config, &node);
	if (err)
		return err;
	*ret = (struct weft_shards *)(void *)node;
	return 0;
}

void weft_shards_free(struct weft_shards *node)
{
	shards_unref(shards_of(node));
}

int weft_shards_of(const struct weft_shards *node, uint8_t proto, const struct weft_sockaddr *local,
		   const struct weft_sockaddr *remote)
{
	struct steer_flow flow = {.lport = local->port, .rport = remote->port, .proto = proto};
	int err = ip_addr_of(&local->addr, &flow.laddr);

	if (!err)
		err = ip_addr_of(&remote->addr, &flow.raddr);
	if (err)
		return err;
	return (int)steer_flow(shards_steer((const struct shards *)(const void *)node), &flow);
}

/* Secrets that peers see the effect of are the node's: a cookie of one shard is good for another,
 * and opaque addresses are the same. */
static void share_secrets(struct stack *st)
{
	const struct siphash_key *root = &st->steer->key;

	st->tcp->tfo.key.k0 = siphash_2u64(root, 't', 0);
	st->tcp->tfo.key.k1 = siphash_2u64(root, 't', 1);
	st->ip6->secret.k0 = siphash_2u64(root, 's', 0);
	st->ip6->secret.k1 = siphash_2u64(root, 's', 1);
	st->ip6->has_secret = true;
}

int weft_shard_new(struct weft_shards *node, uint32_t index, struct weft_engine *eng,
		   const char *name, struct weft_stack **ret)
{
	struct weft_stack *st;
	int err = weft_stack_new(eng, name, &st);

	if (err)
		return err;
	err = shard_join(shards_of(node), index, stack_of(st));
	if (err) {
		weft_stack_free(st);
		return err;
	}
	share_secrets(stack_of(st));
	*ret = st;
	return 0;
}

int weft_shard_port(struct weft_stack *st, uint32_t no, const char *name, struct weft_netif **ret)
{
	struct netif *netif;
	int err = shard_port_new(stack_of(st), no, name, &netif);

	if (err)
		return err;
	netif_set_up(netif, true);
	*ret = weft_netif_of(netif);
	return 0;
}

int weft_shard_uplink(struct weft_stack *st, uint32_t no, struct weft_netif *nif)
{
	struct netif *netif = netif_of(nif);
	char name[64];
	int err = shard_uplink_add(stack_of(st), no, netif);

	if (err)
		return err;
	(void)snprintf(name, sizeof(name), "net.ipv6.conf.%s.disable_ipv6", netif->name);
	err = sysctl_set(netif->stack, name, 1);
	if (err)
		shard_uplink_del(netif);
	return err;
}

void weft_shard_stats(const struct weft_stack *st, struct weft_shard_stats *ret)
{
	struct shard_stats s;

	shard_stats(stack_of_const(st), &s);
	*ret = (struct weft_shard_stats){
		.own = s.n_own,
		.away = s.n_away,
		.in = s.n_in,
		.out = s.n_out,
		.again = s.n_again,
		.dropped = s.n_dropped,
		.quiet = s.n_quiet,
	};
}
