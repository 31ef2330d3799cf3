/* SPDX-License-Identifier: MIT */
/*
 * Choice of ephemeral ports (RFC 6056).
 *
 * How it works: for a connection, algorithm 4 ("double hash"): the search starts at a keyed hash of
 * protocol, addresses and remote port, plus one of a table of counters, so that an observer of one
 * destination learns nothing about the ports used towards another, and a port is reused towards one
 * destination as late as possible. For bind, it starts anywhere at random (algorithm 1).
 *
 * The search tries PORT_PROBES ports in a row, which nearly always finds one. When it does not, the
 * destination is crowded, and trying on would scan the range at every connect. Then a *hint* is
 * made: a bitmap of the ports that are taken for this destination, built by one scan of the range
 * and from then on kept up to date by whoever takes or gives up a port. As long as it is used, a
 * choice costs at most a look at the words of the bitmap (442 for Linux's range), also when one
 * port of 28,232 is left or none. At most SOCK_PORT_HINTS of 8 KiB each are kept; the one that
 * was made first makes room, and one that nobody used for HINT_IDLE_NS goes.
 *
 * Invariant: bit p of a hint is set exactly when !sock_port_is_free(its want, p), for all p of the
 * range.
 */
#include "transport/sock_table_priv.h"

#include <assert.h>
#include <errno.h>

#include "core/steer.h"

enum {
	PORT_PROBES = 32,
	PORT_WORDS = 65536 / 64,
};

static const int64_t HINT_IDLE_NS = 10 * INT64_C(1000000000);

struct sock_hint {
	struct port_want want;
	int64_t used_ns; /* when it was last asked */
	uint64_t taken[PORT_WORDS];
};

static bool hint_is_for(const struct sock_hint *hint, const struct port_want *want)
{
	const struct sock_flow *a = &hint->want.flow, *b = &want->flow;

	return hint->want.is_connect == want->is_connect && a->proto == b->proto &&
	       a->rport == b->rport && a->ifindex == b->ifindex &&
	       ip_addr_eq(&a->laddr, &b->laddr) && ip_addr_eq(&a->raddr, &b->raddr);
}

static void hint_free(struct stack *st, struct sock_hint **slot)
{
	mem_free(&st->eng->mem, *slot, sizeof(**slot));
	*slot = NULL;
}

static void hint_set(struct stack *st, struct sock_hint *hint, uint16_t port)
{
	uint64_t bit = UINT64_C(1) << (port % 64);

	if (sock_port_is_free(st, &hint->want, port))
		hint->taken[port / 64] &= ~bit;
	else
		hint->taken[port / 64] |= bit;
}

static struct sock_hint *hint_find(struct sock_table *t, const struct port_want *want)
{
	for (size_t i = 0; i < SOCK_PORT_HINTS; i++)
		if (t->hints[i] && hint_is_for(t->hints[i], want))
			return t->hints[i];
	return NULL;
}

static struct sock_hint *hint_new(struct stack *st, const struct port_want *want)
{
	struct sock_table *t = st->socks;
	struct sock_hint **slot = &t->hints[t->next_hint++ % SOCK_PORT_HINTS];

	hint_free(st, slot);
	*slot = mem_zalloc(&st->eng->mem, sizeof(**slot));
	if (!*slot)
		return NULL;
	(*slot)->want = *want;
	for (uint32_t port = t->port_min; port <= t->port_max; port++)
		hint_set(st, *slot, (uint16_t)port);
	return *slot;
}

/* The first free port of [from, to]; -1: none. */
static int hint_search(const struct sock_hint *hint, uint32_t from, uint32_t to)
{
	for (uint32_t port = from; port <= to; port = (port | 63) + 1) {
		uint64_t avail = ~hint->taken[port / 64] >> (port % 64);

		if (!avail)
			continue;
		port += (uint32_t)__builtin_ctzll(avail);
		return port <= to ? (int)port : -1;
	}
	return -1;
}

static int hint_choose(struct stack *st, const struct port_want *want, uint16_t start,
		       uint16_t *ret)
{
	struct sock_table *t = st->socks;
	struct sock_hint *hint = hint_find(t, want);
	int port;

	if (!hint)
		hint = hint_new(st, want);
	if (!hint)
		return -ENOMEM;
	hint->used_ns = st->eng->now_ns;
	port = hint_search(hint, start, t->port_max);
	if (port < 0 && start > t->port_min)
		port = hint_search(hint, t->port_min, start - 1u);
	if (port < 0)
		return -EADDRNOTAVAIL;
	*ret = (uint16_t)port;
	return 0;
}

/* Where to start, as an offset into the range, and which counter moves (NULL: none). */
static uint32_t port_start(struct stack *st, const struct port_want *want, uint32_t **ret_counter)
{
	struct sock_table *t = st->socks;
	struct {
		struct ip_addr laddr, raddr;
		uint8_t rport[2], proto;
	} key = {.laddr = want->flow.laddr,
		 .raddr = want->flow.raddr,
		 .rport = {(uint8_t)(want->flow.rport >> 8), (uint8_t)want->flow.rport},
		 .proto = want->flow.proto};
	uint64_t hash;

	*ret_counter = NULL;
	if (!want->is_connect)
		return rng_u32(&st->eng->rng);
	hash = siphash24(&t->port_key, &key, sizeof(key));
	*ret_counter = &t->port_counters[(hash >> 32) % SOCK_PORT_COUNTERS];
	return (uint32_t)hash + **ret_counter;
}

struct ports {
	uint16_t first, last;
};

/*
 * Where the search looks. Of a shard: connections first take ports that go by the flow, so that a
 * device which hashes alike brings their answers to the right queue; binds need one of the
 * shard's own.
 */
static struct ports search_range(const struct stack *st, const struct port_want *want)
{
	struct ports r = {st->socks->port_min, st->socks->port_max};
	const struct steer *s = st->steer;

	if (likely(!s))
		return r;
	if (want->is_connect && r.first < s->own_first && r.last >= s->own_first)
		r.last = (uint16_t)(s->own_first - 1);
	if (!want->is_connect && r.first < s->own_first && r.last >= s->own_first)
		r.first = s->own_first;
	if (!want->is_connect && r.last > s->own_last && r.first <= s->own_last)
		r.last = s->own_last;
	return r;
}

int sock_ephemeral_choose(struct stack *st, const struct port_want *want, uint16_t *ret)
{
	const struct ports range = search_range(st, want);
	uint32_t n_ports = range.last - range.first + 1u;
	uint32_t n_probes = PORT_PROBES;
	uint32_t *counter;
	uint32_t start = port_start(st, want, &counter);

	assert(n_ports > 0);
	if (unlikely(st->steer)) /* of which one in so many is this shard's */
		n_probes *= 2 * st->steer->n_shards;
	for (uint32_t i = 0; i < n_probes && i < n_ports; i++) {
		uint16_t port = (uint16_t)(range.first + (start + i) % n_ports);

		if (!sock_port_is_free(st, want, port))
			continue;
		if (counter)
			*counter += i + 1;
		*ret = port;
		return 0;
	}
	return hint_choose(st, want, (uint16_t)(range.first + start % n_ports), ret);
}

void sock_ephemeral_update(struct stack *st, uint8_t proto, uint16_t port)
{
	struct sock_table *t = st->socks;

	for (size_t i = 0; i < SOCK_PORT_HINTS; i++) {
		if (!t->hints[i])
			continue;
		if (st->eng->now_ns - t->hints[i]->used_ns > HINT_IDLE_NS)
			hint_free(st, &t->hints[i]);
		else if (t->hints[i]->want.flow.proto == proto)
			hint_set(st, t->hints[i], port);
	}
}

void sock_ephemeral_forget(struct stack *st)
{
	for (size_t i = 0; i < SOCK_PORT_HINTS; i++)
		hint_free(st, &st->socks->hints[i]);
}

void sock_ephemeral_init(struct stack *st)
{
	struct sock_table *t = st->socks;

	rng_bytes(&st->eng->rng, &t->port_key, sizeof(t->port_key));
	rng_bytes(&st->eng->rng, t->port_counters, sizeof(t->port_counters));
}
