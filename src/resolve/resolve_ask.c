/* SPDX-License-Identifier: MIT */
/*
 * What an application asked: a name, tried with the domains of the search list (RFC 1123 §6.1.4.3)
 * in the order that resolv.conf(5) describes, until there is an answer for one of the types.
 *
 * A server that cannot say ends the search: the next domain might otherwise answer for a name that
 * exists, and the application would talk to somebody else.
 */
#include "resolve/resolver_priv.h"

struct weft_resolver_ask {
	struct list link; /* weft_resolver.asks */
	struct weft_resolver *r;
	struct weft_timer *timer; /* all is known: the application is told */
	weft_resolve_fn *fn;
	void *arg;
	struct dns_name name;
	uint32_t n_dots;
	uint32_t n_tried; /* candidates that have been begun */
	bool is_absolute;
	uint32_t n_halves;
	struct half halves[2];
};

/* The `i`th name to try: false when there is none. A candidate that is too long counts as tried. */
static bool candidate(const struct weft_resolver_ask *ask, uint32_t i, struct dns_name *ret,
		      int *ret_err)
{
	const struct weft_resolver *r = ask->r;
	uint32_t n_search = ask->is_absolute ? 0 : r->n_search;
	uint32_t as_is = ask->n_dots >= r->ndots ? 0 : n_search;

	*ret_err = 0;
	if (i > n_search)
		return false;
	*ret = ask->name;
	if (i != as_is)
		*ret_err = dns_name_join(&ask->name, &r->search[i < as_is ? i : i - 1], ret);
	return true;
}

static void ask_free(struct weft_resolver_ask *ask)
{
	struct weft_resolver *r = ask->r;

	for (uint32_t i = 0; i < ask->n_halves; i++)
		query_leave(&ask->halves[i]);
	list_del(&ask->link);
	r->n_asks--;
	weft_timer_free(ask->timer);
	mem_free(r->mem, ask, sizeof(*ask));
}

static bool all_done(const struct weft_resolver_ask *ask)
{
	for (uint32_t i = 0; i < ask->n_halves; i++)
		if (!ask->halves[i].is_done)
			return false;
	return true;
}

/* Names that no server is asked for: they mean this host, or nothing (RFC 6761 §6.3, §6.4, RFC
 * 7686).
 */
static bool is_special(const struct dns_name *name, uint16_t type, struct resolved *ret)
{
	static const struct dns_name here = {.len = 11, .b = "\11localhost"};
	static const struct dns_name nowhere[] = {{.len = 9, .b = "\7invalid"},
						  {.len = 7, .b = "\5onion"}};
	struct resolved res = {.err = -ENOENT};

	if (dns_name_is_within(name, &here)) {
		res = (struct resolved){.n = 1};
		if (type == DNS_TYPE_A)
			res.addrs[0] =
				(struct weft_addr){.family = WEFT_AF_INET, .bytes = {127, 0, 0, 1}};
		else
			res.addrs[0] =
				(struct weft_addr){.family = WEFT_AF_INET6, .bytes = {[15] = 1}};
	} else if (!dns_name_is_within(name, &nowhere[0]) &&
		   !dns_name_is_within(name, &nowhere[1])) {
		return false;
	}
	*ret = res;
	return true;
}

static void half_begin(struct half *h, const struct dns_name *name)
{
	struct weft_resolver *r = h->ask->r;
	int err;

	h->is_done = is_special(name, h->type, &h->res);
	if (h->is_done)
		return;
	if (resolver_cache_get(&r->cache, name, h->type, weft_engine_now_ns(r->net.eng), &h->res)) {
		r->stats.n_cached++;
		h->is_done = true;
		return;
	}
	err = query_join(r, name, h->type, h);
	if (err) {
		h->res = (struct resolved){.err = err};
		h->is_done = true;
	}
}

/* False: no name is left to try. */
static bool candidate_begin(struct weft_resolver_ask *ask)
{
	struct dns_name name;
	int err;

	while (candidate(ask, ask->n_tried, &name, &err)) {
		ask->n_tried++;
		if (err)
			continue;
		for (uint32_t i = 0; i < ask->n_halves; i++)
			half_begin(&ask->halves[i], &name);
		if (all_done(ask))
			weft_timer_start(ask->timer, weft_engine_now_ns(ask->r->net.eng));
		return true;
	}
	return false;
}

static void ask_answer(struct weft_resolver_ask *ask, int err)
{
	struct weft_addr addrs[2 * WEFT_RESOLVER_ADDRS_MAX];
	struct weft_stack *st = ask->r->st;
	weft_resolve_fn *fn = ask->fn;
	void *arg = ask->arg;
	size_t n = 0;

	for (uint32_t i = 0; i < ask->n_halves; i++) {
		const struct resolved *res = &ask->halves[i].res;

		if (res->err)
			continue;
		memcpy(&addrs[n], res->addrs, res->n * sizeof(addrs[0]));
		n += res->n;
	}
	ask_free(ask);
	/* As RFC 6724 prefers them; without memory for that, as they came. */
	if (st && n > 1)
		(void)!weft_addrs_sort(st, addrs, n);
	fn(arg, n ? 0 : err, addrs, n);
}

/* All halves are done: there are addresses, or the next name has its turn. */
static void ask_timer(void *arg)
{
	struct weft_resolver_ask *ask = arg;
	int err = -ENOENT;

	for (uint32_t i = 0; i < ask->n_halves; i++) {
		int e = ask->halves[i].res.err;

		if (!e) {
			ask_answer(ask, 0);
			return;
		}
		if (e != -ENOENT)
			err = e;
	}
	if (err != -ENOENT || !candidate_begin(ask))
		ask_answer(ask, err);
}

void ask_half_done(struct half *h, const struct resolved *res)
{
	h->res = *res;
	h->is_done = true;
	if (all_done(h->ask))
		weft_timer_start(h->ask->timer, weft_engine_now_ns(h->ask->r->net.eng));
}

static uint32_t dots_count(const char *name)
{
	uint32_t n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

/* An address as text is its own answer. */
static bool literal(struct weft_resolver_ask *ask, const char *name, int family)
{
	struct half *h = &ask->halves[0];
	struct weft_addr addr;

	if (weft_addr_parse(name, &addr))
		return false;
	ask->n_halves = 1;
	ask->is_absolute = true;
	ask->n_tried = 1;
	h->is_done = true;
	if (family == WEFT_AF_UNSPEC || family == addr.family)
		h->res = (struct resolved){.n = 1, .addrs = {addr}};
	else
		h->res = (struct resolved){.err = -ENOENT};
	weft_timer_start(ask->timer, weft_engine_now_ns(ask->r->net.eng));
	return true;
}

static void ask_begin(struct weft_resolver_ask *ask, const char *text, int family)
{
	ask->n_dots = dots_count(text);
	/* With a domain behind it, a special name would be one that servers hear of. */
	ask->is_absolute = text[strlen(text) - 1] == '.' ||
			   is_special(&ask->name, DNS_TYPE_A, &(struct resolved){.err = 0});
	ask->n_halves = family == WEFT_AF_UNSPEC ? 2 : 1;
	ask->halves[0].type = family == WEFT_AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA;
	ask->halves[1].type = DNS_TYPE_A;
	if (!candidate_begin(ask)) { /* each is too long with its domain */
		ask->halves[0].res = (struct resolved){.err = -ENOENT};
		ask->n_halves = 1;
		weft_timer_start(ask->timer, weft_engine_now_ns(ask->r->net.eng));
	}
}

int weft_resolver_ask(struct weft_resolver *r, const char *text, int family, weft_resolve_fn *fn,
		      void *arg, struct weft_resolver_ask **ret)
{
	struct weft_resolver_ask *ask;
	struct dns_name name = {.len = 1};

	if (family != WEFT_AF_UNSPEC && family != WEFT_AF_INET && family != WEFT_AF_INET6)
		return -EINVAL;
	if (weft_addr_parse(text, &(struct weft_addr){0}) &&
	    (dns_name_parse(text, &name) || name.len == 1))
		return -EINVAL;
	if (r->n_asks >= RESOLVER_ASKS_MAX)
		return -EAGAIN;
	ask = mem_zalloc(r->mem, sizeof(*ask));
	if (!ask)
		return -ENOMEM;
	ask->timer = weft_timer_new(r->net.eng, ask_timer, ask);
	if (!ask->timer) {
		mem_free(r->mem, ask, sizeof(*ask));
		return -ENOMEM;
	}
	ask->r = r;
	ask->fn = fn;
	ask->arg = arg;
	ask->name = name;
	for (size_t i = 0; i < ARRAY_SIZE(ask->halves); i++) {
		ask->halves[i].ask = ask;
		list_init(&ask->halves[i].link);
	}
	list_add_tail(&r->asks, &ask->link);
	r->n_asks++;
	r->stats.n_asked++;
	resolver_advertised_take(r);
	if (!literal(ask, text, family))
		ask_begin(ask, text, family);
	*ret = ask;
	return 0;
}

void weft_resolver_cancel(struct weft_resolver_ask *ask)
{
	if (ask)
		ask_free(ask);
}

void asks_free(struct weft_resolver *r)
{
	struct list *link;

	while ((link = list_first(&r->asks)))
		ask_free(container_of(link, struct weft_resolver_ask, link));
}
