/* SPDX-License-Identifier: MIT */
/* Resolvers: settings, where servers come from, and being a stack's. Contracts in
 * weft/resolver.h. */
#include "resolve/resolver_priv.h"
#include "weft/netif.h"

static const int64_t TIMEOUT_NS = INT64_C(2000000000);
static const int64_t TIMEOUT_MAX_NS = INT64_C(60000000000);

enum {
	ROUNDS = 3,
	CACHE_ENTRIES = 256,
};

static void server_add(struct weft_resolver *r, const struct weft_sockaddr *at)
{
	if (r->n_servers == WEFT_RESOLVER_SERVERS_MAX)
		return;
	r->servers[r->n_servers] = (struct resolver_server){.at = *at};
	if (!at->port)
		r->servers[r->n_servers].at.port = DNS_PORT;
	r->n_servers++;
}

static int search_add(struct weft_resolver *r, const char *domain)
{
	if (r->n_search == WEFT_RESOLVER_SEARCH_MAX)
		return -EINVAL;
	if (dns_name_parse(domain, &r->search[r->n_search]))
		return -EINVAL;
	r->n_search++;
	return 0;
}

struct advertised {
	struct weft_resolver *r;
	uint32_t ifindex;
};

static void advertised_add(void *arg, const struct weft_ra_dns *dns)
{
	const struct advertised *a = arg;
	struct weft_sockaddr at = {.addr = dns->server};

	if (dns->domain) {
		(void)!search_add(a->r, dns->domain);
		return;
	}
	/* A link-local one means something on this link only. */
	if (at.addr.bytes[0] == 0xfe && (at.addr.bytes[1] & 0xc0) == 0x80)
		at.scope_id = a->ifindex;
	server_add(a->r, &at);
}

/* While queries are under way, the servers stay as they are. */
void resolver_advertised_take(struct weft_resolver *r)
{
	struct weft_netif *nif = NULL;

	if (!r->with_advertised || r->n_queries)
		return;
	r->n_servers = r->n_servers_own;
	r->n_search = r->n_search_own;
	while ((nif = weft_netif_next(r->st, nif))) {
		struct advertised a = {.r = r, .ifindex = weft_netif_index(nif)};

		weft_ra_dns(nif, advertised_add, &a);
	}
	r->first = r->n_servers ? r->first % r->n_servers : 0;
}

static int settings_take(struct weft_resolver *r, const struct weft_resolver_config *cfg)
{
	if (cfg->n_servers > WEFT_RESOLVER_SERVERS_MAX ||
	    cfg->n_search > WEFT_RESOLVER_SEARCH_MAX || cfg->rounds > RESOLVER_ROUNDS_MAX ||
	    cfg->timeout_ns < 0 || cfg->timeout_ns > TIMEOUT_MAX_NS ||
	    (cfg->with_advertised && !r->st) || (!cfg->n_servers && !cfg->with_advertised))
		return -EINVAL;
	for (size_t i = 0; i < cfg->n_servers; i++) {
		if (!cfg->servers[i].addr.family)
			return -EINVAL;
		server_add(r, &cfg->servers[i]);
	}
	for (size_t i = 0; i < cfg->n_search; i++) {
		int err = search_add(r, cfg->search[i]);

		if (err)
			return err;
	}
	r->n_servers_own = r->n_servers;
	r->n_search_own = r->n_search;
	r->with_advertised = cfg->with_advertised;
	r->ndots = cfg->ndots ? cfg->ndots : 1;
	r->rounds = cfg->rounds ? cfg->rounds : ROUNDS;
	r->timeout_ns = cfg->timeout_ns ? cfg->timeout_ns : TIMEOUT_NS;
	r->rotate = cfg->rotate;
	r->mixed_case = cfg->mixed_case;
	r->always_tcp = cfg->always_tcp;
	return 0;
}

static void resolver_free(struct weft_resolver *r, bool has_sockets)
{
	if (!r)
		return;
	queries_free(r, has_sockets);
	asks_free(r);
	resolver_cache_fini(&r->cache);
	mem_free(r->mem, r, sizeof(*r));
}

void weft_resolver_free(struct weft_resolver *r)
{
	resolver_free(r, true);
}

static int resolver_new(const struct weft_net *net, struct weft_stack *st,
			const struct weft_resolver_config *cfg, struct weft_resolver **ret)
{
	struct mem *mem = &engine_of(net->eng)->mem;
	struct weft_resolver *r = mem_zalloc(mem, sizeof(*r));
	uint32_t max = cfg->cache_entries ? cfg->cache_entries : CACHE_ENTRIES;
	int err;

	if (!r)
		return -ENOMEM;
	r->net = *net;
	r->mem = mem;
	r->st = st;
	list_init(&r->asks);
	list_init(&r->queries);
	err = resolver_cache_init(&r->cache, net->eng, mem, cfg->no_cache ? 0 : max);
	if (!err)
		err = settings_take(r, cfg);
	if (err) {
		resolver_free(r, true);
		return err;
	}
	*ret = r;
	return 0;
}

int weft_resolver_new(const struct weft_net *net, const struct weft_resolver_config *cfg,
		      struct weft_resolver **ret)
{
	return resolver_new(net, NULL, cfg, ret);
}

void weft_resolver_flush(struct weft_resolver *r)
{
	resolver_cache_flush(&r->cache);
}

void weft_resolver_stats(const struct weft_resolver *r, struct weft_resolver_stats *ret)
{
	*ret = r->stats;
	ret->n_entries = r->cache.entries.n_nodes;
	ret->n_waiting = r->n_asks;
}

static int stack_ask(void *ctx, const char *name, int family, weft_resolve_fn *fn, void *arg,
		     void **ret)
{
	struct weft_resolver_ask *ask;
	int err = weft_resolver_ask(ctx, name, family, fn, arg, &ask);

	if (!err)
		*ret = ask;
	return err;
}

static void stack_cancel(void *ask)
{
	weft_resolver_cancel(ask);
}

static void stack_free_it(void *ctx, bool has_sockets)
{
	resolver_free(ctx, has_sockets);
}

static const struct api_resolver_ops stack_ops = {
	.ask = stack_ask,
	.cancel = stack_cancel,
	.free = stack_free_it,
};

int weft_stack_resolver_set(struct weft_stack *st, const struct weft_resolver_config *cfg)
{
	struct weft_resolver *r = NULL;
	struct weft_net net;
	int err;

	weft_net_of_stack(st, &net);
	err = cfg ? resolver_new(&net, st, cfg, &r) : 0;
	if (!err)
		api_resolver_set(stack_of(st), r ? &stack_ops : NULL, r);
	return err;
}

struct weft_resolver *weft_stack_resolver(struct weft_stack *st)
{
	const struct api_stack *api = stack_of(st)->api;

	return api->resolver_ops == &stack_ops ? api->resolver : NULL;
}
