/* SPDX-License-Identifier: MIT */
/* Limits of sockets; how it works is in sock_limit.h. */
#include "transport/sock_limit.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "core/stack.h"
#include "transport/sock_table.h"
#include "wire/ip4.h"

enum {
	SCOPE_BUCKETS_MIN = 16,
	SCOPE_BUCKETS_MAX = 1 << 16,
	PEER_BUCKETS_MIN = 16,
	PEER_BUCKETS_MAX = 1 << 20,
	IP4_MAPPED_BITS = 96,
	IP4_BITS = 32,
	IP6_BITS = 128,
};

#define LIMIT_NS_PER_S INT64_C(1000000000)

/* The connections of a scope with one peer, or prefix of peers. */
struct sock_peer {
	struct htab_node link; /* scope->peers */
	struct ip_addr addr;
	uint32_t n;
};

static struct sock_limits *limits_of(const struct stack *st)
{
	return &st->socks->limits;
}

/* Scopes */

static struct sock_scope *scope_at(const struct stack *st, uint16_t slot)
{
	return slot ? limits_of(st)->owners[slot - 1] : NULL;
}

static uint32_t scope_hash(const struct stack *st, uint32_t owner)
{
	return (uint32_t)siphash_u64(&st->eng->hash_key, owner);
}

const struct sock_scope *sock_scope_find(const struct stack *st, uint32_t owner)
{
	const struct sock_limits *l = limits_of(st);
	uint32_t hash = scope_hash(st, owner);

	if (owner == 0)
		return &l->stack;
	if (!l->by_id.buckets)
		return NULL;
	for (struct htab_node *n = htab_first(&l->by_id, hash); n; n = htab_next(n)) {
		struct sock_scope *scope = container_of(n, struct sock_scope, by_id);

		if (scope->id == owner)
			return scope;
	}
	return NULL;
}

/* More slots, if there is memory for them. */
static void slots_grow(struct stack *st)
{
	struct sock_limits *l = limits_of(st);
	uint32_t n_old = l->n_slots, n = n_old ? n_old * 2 : 4;
	struct sock_scope **owners;

	if (n > SOCK_OWNERS_MAX)
		n = SOCK_OWNERS_MAX;
	owners = mem_resize(&st->eng->mem, l->owners, n_old * sizeof(struct sock_scope *),
			    n * sizeof(struct sock_scope *));
	if (!owners)
		return;
	memset(owners + n_old, 0, (n - n_old) * sizeof(struct sock_scope *));
	l->owners = owners;
	l->n_slots = n;
	l->next_slot = n_old;
}

/* A free slot, from 0. -1: no memory, or too many owners. An eighth of them is kept free, and the
 * search goes on where the last one ended, so that on average it takes a few steps. */
static int64_t slot_get(struct stack *st)
{
	struct sock_limits *l = limits_of(st);
	uint32_t slot;

	if (l->n_owners >= l->n_slots - l->n_slots / 8 && l->n_slots < SOCK_OWNERS_MAX)
		slots_grow(st);
	if (l->n_owners == l->n_slots)
		return -1;
	do
		slot = l->next_slot++ % l->n_slots;
	while (l->owners[slot]);
	return slot;
}

struct sock_scope *sock_scope_get(struct stack *st, uint32_t owner)
{
	struct sock_limits *l = limits_of(st);
	struct sock_scope *scope = (struct sock_scope *)(uintptr_t)sock_scope_find(st, owner);
	int64_t slot;

	if (scope)
		return scope;
	if (!l->by_id.buckets &&
	    htab_init(&l->by_id, &st->eng->mem, SCOPE_BUCKETS_MIN, SCOPE_BUCKETS_MAX))
		return NULL;
	slot = slot_get(st);
	scope = slot < 0 ? NULL : mem_zalloc(&st->eng->mem, sizeof(*scope));
	if (!scope)
		return NULL;
	scope->id = owner;
	scope->by_id.room = (uint32_t)slot + 1;
	l->owners[slot] = scope;
	l->n_owners++;
	htab_add(&l->by_id, &scope->by_id, scope_hash(st, owner));
	return scope;
}

/* Peers */

/* Clears what does not count of a peer's address. */
static struct ip_addr peer_key(const struct sock_scope *scope, const struct ip_addr *peer)
{
	uint32_t bits = IP6_BITS;
	struct ip_addr key = *peer;

	if (ip_addr_is_ip4(peer) && scope->conf.peer_len4)
		bits = IP4_MAPPED_BITS + scope->conf.peer_len4;
	else if (!ip_addr_is_ip4(peer) && scope->conf.peer_len6)
		bits = scope->conf.peer_len6;
	for (uint32_t i = 0; i < sizeof(key.b); i++) {
		uint32_t left = bits > i * 8 ? bits - i * 8 : 0;

		if (left < 8)
			key.b[i] &= (uint8_t)(0xff00 >> left);
	}
	return key;
}

static uint32_t peer_hash(const struct stack *st, const struct ip_addr *key)
{
	return (uint32_t)siphash13(&st->eng->hash_key, key, sizeof(*key));
}

static struct sock_peer *peer_find(const struct stack *st, const struct sock_scope *scope,
				   const struct ip_addr *key)
{
	uint32_t hash = peer_hash(st, key);

	for (struct htab_node *n = htab_first(&scope->peers, hash); n; n = htab_next(n)) {
		struct sock_peer *p = container_of(n, struct sock_peer, link);

		if (ip_addr_eq(&p->addr, key))
			return p;
	}
	return NULL;
}

static int peer_add(struct stack *st, struct sock_scope *scope, const struct ip_addr *peer)
{
	struct ip_addr key = peer_key(scope, peer);
	struct sock_peer *p;

	if (!scope->peers.buckets)
		return 0;
	p = peer_find(st, scope, &key);
	if (!p) {
		p = mem_zalloc(&st->eng->mem, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->addr = key;
		htab_add(&scope->peers, &p->link, peer_hash(st, &key));
	}
	p->n++;
	return 0;
}

static void peer_sub(struct stack *st, struct sock_scope *scope, const struct ip_addr *peer)
{
	struct ip_addr key = peer_key(scope, peer);
	struct sock_peer *p;

	if (!scope->peers.buckets)
		return;
	p = peer_find(st, scope, &key);
	if (!p || --p->n > 0)
		return;
	htab_del(&scope->peers, &p->link);
	mem_free(&st->eng->mem, p, sizeof(*p));
}

static void peers_free(struct stack *st, struct htab *peers)
{
	struct htab_iter it = {.cursor = 0};
	struct htab_node *n;

	if (!peers->buckets)
		return;
	while ((n = htab_iter_next(peers, &it))) {
		struct sock_peer *p = container_of(n, struct sock_peer, link);

		htab_del(peers, n);
		mem_free(&st->eng->mem, p, sizeof(*p));
	}
	htab_fini(peers);
	*peers = (struct htab){.buckets = NULL};
}

/* Counts the connections that there are, by the scope's prefixes. */
static int peers_build(struct stack *st, struct sock_scope *scope)
{
	const struct sock *sk;

	if (htab_init(&scope->peers, &st->eng->mem, PEER_BUCKETS_MIN, PEER_BUCKETS_MAX))
		return -ENOMEM;
	list_for_each (sk, &st->socks->all, link) {
		if (!(sk->flags & SOCK_F_PEER) || (scope->id && scope_at(st, sk->owner) != scope))
			continue;
		if (peer_add(st, scope, &sk->conn.raddr)) {
			peers_free(st, &scope->peers);
			return -ENOMEM;
		}
	}
	return 0;
}

int sock_peer_hold(struct sock *sk, const struct ip_addr *peer)
{
	struct sock_scope *own = scope_at(sk->stack, sk->owner);
	int err = peer_add(sk->stack, &limits_of(sk->stack)->stack, peer);

	if (err)
		return err;
	if (own)
		err = peer_add(sk->stack, own, peer);
	if (err) {
		peer_sub(sk->stack, &limits_of(sk->stack)->stack, peer);
		return err;
	}
	sk->flags |= SOCK_F_PEER;
	return 0;
}

void sock_peer_release(struct sock *sk, const struct ip_addr *peer)
{
	struct sock_scope *own = scope_at(sk->stack, sk->owner);

	if (!(sk->flags & SOCK_F_PEER))
		return;
	sk->flags &= ~(uint32_t)SOCK_F_PEER;
	peer_sub(sk->stack, &limits_of(sk->stack)->stack, peer);
	if (own)
		peer_sub(sk->stack, own, peer);
}

/* Settings */

static bool conf_is_none(const struct sock_limit_conf *c)
{
	return !c->max_socks && !c->max_per_peer && !c->conns_per_s && !c->conns_burst &&
	       !c->max_bytes && !c->peer_len4 && !c->peer_len6 && !c->resets;
}

void sock_scope_put(struct stack *st, struct sock_scope *scope)
{
	struct sock_limits *l = limits_of(st);

	if (!scope || !scope->id || scope->n_socks || !conf_is_none(&scope->conf))
		return;
	htab_del(&l->by_id, &scope->by_id);
	l->owners[scope->by_id.room - 1] = NULL;
	l->n_owners--;
	peers_free(st, &scope->peers);
	mem_free(&st->eng->mem, scope, sizeof(*scope));
}

void sock_limits_fini(struct stack *st)
{
	struct sock_limits *l = limits_of(st);

	peers_free(st, &l->stack.peers);
	for (uint32_t i = 0; i < l->n_slots; i++) {
		if (!l->owners[i])
			continue;
		peers_free(st, &l->owners[i]->peers);
		mem_free(&st->eng->mem, l->owners[i], sizeof(struct sock_scope));
	}
	mem_free(&st->eng->mem, l->owners, l->n_slots * sizeof(struct sock_scope *));
	htab_fini(&l->by_id);
}

static int64_t scope_token_ns(const struct sock_scope *scope)
{
	return LIMIT_NS_PER_S / scope->conf.conns_per_s;
}

static uint32_t scope_burst(const struct sock_scope *scope)
{
	return scope->conf.conns_burst ? scope->conf.conns_burst : scope->conf.conns_per_s;
}

/* A bucket lacks no more than it holds: what was taken at a slower rate would be owed for long. */
static void scope_tokens_bound(const struct stack *st, struct sock_scope *scope)
{
	int64_t empty_ns = st->eng->now_ns;

	if (scope->conf.conns_per_s)
		empty_ns += (int64_t)scope_burst(scope) * scope_token_ns(scope);
	if (scope->full_ns > empty_ns)
		scope->full_ns = empty_ns;
}

int sock_scope_conf(struct stack *st, struct sock_scope *scope, const struct sock_limit_conf *conf)
{
	struct sock_limit_conf before = scope->conf;
	struct htab peers = scope->peers;
	int err = 0;

	if (conf->peer_len4 > IP4_BITS || conf->peer_len6 > IP6_BITS)
		return -EINVAL;
	scope->conf = *conf;
	scope->peers = (struct htab){.buckets = NULL};
	if (conf->max_per_peer)
		err = peers_build(st, scope);
	if (err) {
		scope->conf = before;
		scope->peers = peers;
		return err;
	}
	peers_free(st, &peers);
	scope_tokens_bound(st, scope);
	return 0;
}

void sock_scope_changed(struct stack *st)
{
	struct sock_scope *scope = &limits_of(st)->stack;
	struct sock_limit_conf conf = scope->conf;

	if (!sock_scope_conf(st, scope, &conf))
		return;
	/* What cannot be counted cannot be limited; the counts are of what was asked before. */
	scope->conf.max_per_peer = 0;
	peers_free(st, &scope->peers);
	scope_tokens_bound(st, scope);
}

/* Owners */

uint32_t sock_owner(const struct sock *sk)
{
	const struct sock_scope *own = scope_at(sk->stack, sk->owner);

	return own ? own->id : 0;
}

static uint64_t sock_mem_bytes(const struct sock *sk)
{
	struct sock_diag diag = {.mem_bytes = 0};

	if (sk->proto->diag)
		sk->proto->diag(sk, &diag);
	return diag.mem_bytes;
}

static int scope_refuse(struct stack *st, struct sock_scope *scope, enum sock_limit why, int err)
{
	static const enum mib mibs[SOCK_LIMITS] = {
		[SOCK_LIMIT_SOCKS] = MIB_SockLimitSockets,
		[SOCK_LIMIT_BYTES] = MIB_SockLimitBytes,
		[SOCK_LIMIT_PEER] = MIB_SockLimitPeer,
		[SOCK_LIMIT_RATE] = MIB_SockLimitRate,
	};

	scope->n_refused[why]++;
	mib_inc(st, mibs[why]);
	return err;
}

static bool scope_has_socks(const struct sock_scope *scope)
{
	return !scope->conf.max_socks || scope->n_socks < scope->conf.max_socks;
}

int sock_owner_set(struct sock *sk, uint32_t owner)
{
	struct stack *st = sk->stack;
	struct sock_scope *from = scope_at(st, sk->owner), *to = NULL;
	uint64_t n_bytes = sock_mem_bytes(sk);

	if (sock_owner(sk) == owner)
		return 0;
	if (owner) {
		to = sock_scope_get(st, owner);
		if (!to)
			return -ENOMEM;
		if (!scope_has_socks(to))
			return scope_refuse(st, to, SOCK_LIMIT_SOCKS, -EMFILE);
		if ((sk->flags & SOCK_F_PEER) && peer_add(st, to, &sk->conn.raddr)) {
			sock_scope_put(st, to);
			return -ENOMEM;
		}
		to->n_socks++;
		to->n_bytes += n_bytes;
	}
	sk->owner = to ? (uint16_t)to->by_id.room : 0;
	if (from) {
		if (sk->flags & SOCK_F_PEER)
			peer_sub(st, from, &sk->conn.raddr);
		from->n_socks--;
		from->n_bytes -= n_bytes;
		sock_scope_put(st, from);
	}
	return 0;
}

void sock_owner_inherit(struct sock *sk, const struct sock *listener)
{
	struct sock_scope *own = scope_at(sk->stack, listener->owner);

	sk->owner = listener->owner;
	if (own)
		own->n_socks++;
}

void sock_limit_enter(struct sock *sk)
{
	limits_of(sk->stack)->stack.n_socks++;
}

void sock_limit_leave(struct stack *st, uint32_t slot)
{
	struct sock_scope *own = scope_at(st, (uint16_t)slot);

	limits_of(st)->stack.n_socks--;
	if (!own)
		return;
	own->n_socks--;
	sock_scope_put(st, own);
}

/* What is asked */

/* The bucket lacks `full_ns - now` of what it holds, that is conns_burst tokens. */
static bool scope_has_token(const struct stack *st, const struct sock_scope *scope)
{
	const struct sock_limit_conf *c = &scope->conf;
	int64_t lacks = scope->full_ns - st->eng->now_ns;

	return !c->conns_per_s ||
	       lacks <= (int64_t)(scope_burst(scope) - 1) * scope_token_ns(scope);
}

static void scope_take_token(const struct stack *st, struct sock_scope *scope)
{
	int64_t now_ns = st->eng->now_ns;

	if (!scope->conf.conns_per_s)
		return;
	scope->full_ns =
		(scope->full_ns > now_ns ? scope->full_ns : now_ns) + scope_token_ns(scope);
}

static bool scope_has_bytes(const struct sock_scope *scope, uint64_t n)
{
	uint64_t max = (uint64_t)scope->conf.max_bytes;

	return !max || (n <= max && scope->n_bytes <= max - n);
}

static bool scope_has_peer(const struct stack *st, const struct sock_scope *scope,
			   const struct ip_addr *peer)
{
	struct ip_addr key = peer_key(scope, peer);
	const struct sock_peer *p;

	if (!scope->peers.buckets)
		return true;
	p = peer_find(st, scope, &key);
	return !p || p->n < scope->conf.max_per_peer;
}

/* What hinders a connection with the peer; SOCK_LIMITS: nothing. */
static enum sock_limit scope_check(const struct stack *st, const struct sock_scope *scope,
				   const struct ip_addr *peer, bool is_new_sock)
{
	if (is_new_sock && !scope_has_socks(scope))
		return SOCK_LIMIT_SOCKS;
	if (!scope_has_bytes(scope, 1))
		return SOCK_LIMIT_BYTES;
	if (!scope_has_peer(st, scope, peer))
		return SOCK_LIMIT_PEER;
	return scope_has_token(st, scope) ? SOCK_LIMITS : SOCK_LIMIT_RATE;
}

/* The same of both scopes of a socket; counts what it finds, else takes a token of each. */
static enum sock_limit limit_check(const struct sock *sk, const struct ip_addr *peer,
				   bool is_new_sock, bool takes)
{
	struct stack *st = sk->stack;
	struct sock_scope *scopes[] = {&limits_of(st)->stack, scope_at(st, sk->owner)};

	for (size_t i = 0; i < ARRAY_SIZE(scopes) && scopes[i]; i++) {
		enum sock_limit why = scope_check(st, scopes[i], peer, is_new_sock);

		if (why != SOCK_LIMITS) {
			scope_refuse(st, scopes[i], why, 0);
			return why;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(scopes) && scopes[i] && takes; i++)
		scope_take_token(st, scopes[i]);
	return SOCK_LIMITS;
}

int sock_limit_open(struct stack *st)
{
	struct sock_scope *scope = &limits_of(st)->stack;

	return scope_has_socks(scope) ? 0 : scope_refuse(st, scope, SOCK_LIMIT_SOCKS, -ENFILE);
}

static int limit_errno(enum sock_limit why)
{
	static const int errs[] = {
		[SOCK_LIMIT_SOCKS] = -ENFILE,
		[SOCK_LIMIT_BYTES] = -ENOBUFS,
		[SOCK_LIMIT_PEER] = -ECONNREFUSED,
		[SOCK_LIMIT_RATE] = -ECONNREFUSED,
		[SOCK_LIMITS] = 0,
	};

	return errs[why];
}

int sock_limit_connect(struct sock *sk, const struct ip_addr *peer)
{
	int err = limit_errno(limit_check(sk, peer, false, true));

	return err ? err : sock_peer_hold(sk, peer);
}

int sock_limit_asked(struct sock *model, const struct ip_addr *peer)
{
	return limit_errno(limit_check(model, peer, true, true));
}

enum drop sock_limit_accept(struct sock *listener, const struct ip_addr *peer, bool takes)
{
	static const enum drop drops[] = {
		[SOCK_LIMIT_SOCKS] = DROP_LIMIT_SOCKS,
		[SOCK_LIMIT_BYTES] = DROP_LIMIT_BYTES,
		[SOCK_LIMIT_PEER] = DROP_LIMIT_PEER,
		[SOCK_LIMIT_RATE] = DROP_LIMIT_RATE,
		[SOCK_LIMITS] = DROP_NONE,
	};

	return drops[limit_check(listener, peer, true, takes)];
}

bool sock_limit_resets(const struct sock *listener)
{
	const struct sock_scope *own = scope_at(listener->stack, listener->owner);

	return limits_of(listener->stack)->stack.conf.resets || (own && own->conf.resets);
}

/* Bytes */

bool sock_bytes_fit(struct sock *sk, uint32_t n)
{
	struct sock_scope *all = &limits_of(sk->stack)->stack;
	struct sock_scope *own = scope_at(sk->stack, sk->owner);

	if (unlikely(!scope_has_bytes(all, n))) {
		scope_refuse(sk->stack, all, SOCK_LIMIT_BYTES, 0);
		return false;
	}
	if (unlikely(own) && !scope_has_bytes(own, n)) {
		scope_refuse(sk->stack, own, SOCK_LIMIT_BYTES, 0);
		return false;
	}
	return true;
}

static bool scope_is_short(const struct sock_scope *scope)
{
	uint64_t max = (uint64_t)scope->conf.max_bytes;

	return max && scope->n_bytes > max / 4 * 3;
}

bool sock_bytes_are_short(const struct sock *sk)
{
	const struct sock_scope *own = scope_at(sk->stack, sk->owner);

	return scope_is_short(&limits_of(sk->stack)->stack) || (own && scope_is_short(own));
}
