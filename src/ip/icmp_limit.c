/* SPDX-License-Identifier: MIT */
/*
 * How many ICMP errors are sent (RFC 1812 §4.3.2.8).
 *
 * Two token buckets, each kept as one time, `due_ns`: when the bucket will be full again. Sending
 * moves it on by one interval; it may not run ahead of now by more than the burst.
 *
 *	one a host:     ICMP_LIMIT_BURST at once, then one each ratelimit_ms
 *	one for all:    msgs_burst at once, then msgs_per_sec
 *
 * Hosts are remembered in a table of fixed size by keyed hash. Who meets another in a slot that is
 * not idle shares its bucket: memory is bounded, and nobody can choose whom to meet.
 * How much of the common burst there is changes at random from one message to the next, so that
 * counting the errors that we send to oneself does not tell what we send to others (the side
 * channel of CVE-2020-25705).
 */
#include "core/engine.h"
#include "ip/icmp.h"

enum {
	NS_PER_MS = 1000000,
	BURST_JITTER = 3,
};

static bool bucket_has(int64_t due_ns, int64_t now_ns, int64_t interval_ns, int64_t burst)
{
	return due_ns - now_ns <= (burst - 1) * interval_ns;
}

static int64_t bucket_take(int64_t due_ns, int64_t now_ns, int64_t interval_ns)
{
	return (due_ns > now_ns ? due_ns : now_ns) + interval_ns;
}

/* NULL: no memory, then the common limit alone holds. */
static struct icmp_limit_host *host_get(struct stack *st, const struct ip_addr *addr)
{
	struct icmp_limit *lim = &st->icmp->limit;
	struct icmp_limit_host *h;
	uint64_t hash;

	if (!lim->hosts) {
		lim->hosts = mem_zalloc_array(&st->eng->mem, ICMP_LIMIT_HOSTS, sizeof(*h));
		if (!lim->hosts)
			return NULL;
	}
	hash = siphash_2u64(&st->eng->hash_key, load_be64(addr->b), load_be64(addr->b + 8));
	h = &lim->hosts[hash % ICMP_LIMIT_HOSTS];
	if (!ip_addr_eq(&h->addr, addr) && h->due_ns <= st->eng->now_ns)
		*h = (struct icmp_limit_host){.addr = *addr, .due_ns = st->eng->now_ns};
	return h;
}

bool icmp_limit_allow(struct stack *st, const struct ip_addr *addr, uint32_t ratelimit_ms)
{
	const struct icmp_conf *conf = &st->icmp->conf;
	int64_t host_ns = (int64_t)ratelimit_ms * NS_PER_MS;
	int64_t all_ns = 1000 * (int64_t)NS_PER_MS / conf->msgs_per_sec;
	int64_t now_ns = st->eng->now_ns, burst = conf->msgs_burst;
	struct icmp_limit_host *h = host_ns ? host_get(st, addr) : NULL;

	if (h && !bucket_has(h->due_ns, now_ns, host_ns, ICMP_LIMIT_BURST))
		return false;
	if (burst > BURST_JITTER)
		burst -= (int64_t)rng_below(&st->eng->rng, BURST_JITTER);
	if (!bucket_has(st->icmp->limit.due_ns, now_ns, all_ns, burst))
		return false;
	st->icmp->limit.due_ns = bucket_take(st->icmp->limit.due_ns, now_ns, all_ns);
	if (h)
		h->due_ns = bucket_take(h->due_ns, now_ns, host_ns);
	return true;
}
