/* SPDX-License-Identifier: MIT */
/* The demultiplexing tables; how they work is told in sock_table.h, who chooses ports in
 * sock_ephemeral.c. */
#include "transport/sock_table.h"

#include <assert.h>
#include <errno.h>

#include "core/steer.h"
#include "core/sysctl.h"
#include "transport/sock_table_priv.h"
#include "transport/stamp.h"
#include "weft/types.h"
#include "wire/ip4.h"

enum {
	CONN_BUCKETS_MIN = 16,
	CONN_BUCKETS_MAX = 1 << 24,
	PORT_BUCKETS_MIN = 16,
	PORT_BUCKETS_MAX = 1 << 17,
};

/* Hashes */

static uint64_t conn_hash(const struct stack *st, uint8_t proto, const struct ip_addr *laddr,
			  uint16_t lport, const struct ip_addr *raddr, uint16_t rport)
{
	const struct siphash_key *key = &st->eng->hash_key;
	uint64_t ports = (uint64_t)proto << 32 | (uint32_t)lport << 16 | rport;

	if (likely(ip_addr_is_ip4(laddr) && ip_addr_is_ip4(raddr)))
		return siphash_2u64(
			key, (uint64_t)load_be32(laddr->b + 12) << 32 | load_be32(raddr->b + 12),
			ports);
	return siphash_5u64(key, (const uint64_t[5]){load_be64(laddr->b), load_be64(laddr->b + 8),
						     load_be64(raddr->b), load_be64(raddr->b + 8),
						     ports});
}

static uint64_t flow_hash(const struct stack *st, const struct sock_flow *flow)
{
	return conn_hash(st, flow->proto, &flow->laddr, flow->lport, &flow->raddr, flow->rport);
}

static uint32_t node_hash(const struct stack *st, const struct conn_node *node)
{
	return (uint32_t)conn_hash(st, node->proto, &node->laddr, node->lport, &node->raddr,
				   node->rport);
}

/* Ports are taken by our own side, so their hash needs no key. */
static uint32_t port_hash(uint8_t proto, uint16_t port)
{
	return (uint32_t)((((uint64_t)proto << 16 | port) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* Ports */

struct sock_port *sock_port_find(const struct stack *st, uint8_t proto, uint16_t port)
{
	struct htab_node *link = htab_first(&st->socks->ports, port_hash(proto, port));

	for (; link; link = htab_next(link)) {
		struct sock_port *p = container_of(link, struct sock_port, hash_link);

		if (p->port == port && p->proto == proto)
			return p;
	}
	return NULL;
}

/* The entry of a port, made if need be; NULL: no memory. */
static struct sock_port *port_get(struct stack *st, uint8_t proto, uint16_t port)
{
	struct sock_table *t = st->socks;
	struct sock_port *p = sock_port_find(st, proto, port);

	if (p)
		return p;
	p = mem_zalloc(&st->eng->mem, sizeof(*p));
	if (!p)
		return NULL;
	p->port = port;
	p->proto = proto;
	htab_add(&t->ports, &p->hash_link, port_hash(proto, port));
	list_add_tail(&t->port_list, &p->link);
	return p;
}

static void port_put(struct stack *st, struct sock_port *p)
{
	if (!hlist_is_empty(&p->owners) || !hlist_is_empty(&p->conns))
		return;
	htab_del(&st->socks->ports, &p->hash_link);
	list_del(&p->link);
	mem_free(&st->eng->mem, p, sizeof(*p));
}

/* The families whose packets a node may get: an IPv6 socket that is bound to no address takes those
 * of IPv4 too (RFC 3493 §3.7), unless it says otherwise (§5.3). */
enum {
	TAKES_IP4 = 1 << 0,
	TAKES_IP6 = 1 << 1,
};

static unsigned int node_takes(const struct conn_node *node)
{
	if (node->family != WEFT_AF_INET6 || ip_addr_is_ip4(&node->laddr))
		return TAKES_IP4;
	if ((node->flags & CONN_F_V6ONLY) || !ip_addr_is_unspecified(&node->laddr))
		return TAKES_IP6;
	return TAKES_IP4 | TAKES_IP6;
}

static bool addrs_overlap(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_addr_is_unspecified(a) || ip_addr_is_unspecified(b) || ip_addr_eq(a, b);
}

static bool ifindexes_overlap(uint32_t a, uint32_t b)
{
	return a == 0 || b == 0 || a == b;
}

/* Whether `node`, which wants the port that `other` holds, may not have it. */
static bool node_conflicts(const struct conn_node *node, const struct conn_node *other)
{
	uint8_t both = node->flags & other->flags;
	bool is_listener = other->proto == IP_PROTO_TCP && (other->flags & CONN_F_RECEIVES);

	if (node == other || !ifindexes_overlap(node->ifindex, other->ifindex) ||
	    !addrs_overlap(&node->laddr, &other->laddr) || !(node_takes(node) & node_takes(other)))
		return false;
	if (both & CONN_F_REUSEPORT)
		return false;
	return !(both & CONN_F_REUSEADDR) || is_listener;
}

static bool port_conflicts(const struct sock_port *p, const struct conn_node *node)
{
	struct conn_node *other;

	hlist_for_each (other, &p->owners, port_link)
		if (node_conflicts(node, other))
			return true;
	hlist_for_each (other, &p->conns, port_link)
		if (node_conflicts(node, other))
			return true;
	return false;
}

static bool port_has_owner_at(const struct sock_port *p, const struct sock_flow *flow)
{
	struct conn_node *owner;

	hlist_for_each (owner, &p->owners, port_link)
		if (ifindexes_overlap(flow->ifindex, owner->ifindex) &&
		    addrs_overlap(&flow->laddr, &owner->laddr))
			return true;
	return false;
}

static struct conn_node *conn_find(const struct stack *st, const struct sock_flow *f)
{
	struct conn_node **recent = sock_recent_at(st->socks, f->lport, f->rport);
	struct htab_node *link;

	if (*recent && sock_node_is(*recent, &f->laddr, &f->raddr, f->lport, f->rport, f->proto))
		return *recent;
	link = htab_first(&st->socks->conns, (uint32_t)flow_hash(st, f));
	for (; link; link = htab_next(link)) {
		struct conn_node *node = container_of(link, struct conn_node, hash_link);

		if (sock_node_is(node, &f->laddr, &f->raddr, f->lport, f->rport, f->proto)) {
			*recent = node;
			return node;
		}
	}
	return NULL;
}

/* A node leaves the connection table; its ports are still set. */
static void conn_unlink(struct stack *st, struct conn_node *node)
{
	struct conn_node **recent = sock_recent_at(st->socks, node->lport, node->rport);

	if (*recent == node)
		*recent = NULL;
	htab_del(&st->socks->conns, &node->hash_link);
	node->flags &= (uint8_t)~CONN_F_HASHED;
}

/*
 * An ephemeral port is never shared with an owner, whatever the reuse options say. For bind it is
 * not shared with connections either; a connection only needs its own four-tuple, which must not be
 * a connection to itself.
 */
static bool port_is_unused(const struct stack *st, const struct port_want *want, uint16_t port)
{
	const struct sock_port *p = sock_port_find(st, want->flow.proto, port);
	struct sock_flow flow = want->flow;

	flow.lport = port;
	if (want->is_connect && port == flow.rport && ip_addr_eq(&flow.laddr, &flow.raddr))
		return false;
	if (!p)
		return true;
	if (port_has_owner_at(p, &flow))
		return false;
	return want->is_connect ? !conn_find(st, &flow) : hlist_is_empty(&p->conns);
}

/* What comes back for the port comes to this shard (core/steer.h). */
static bool port_is_shards(const struct stack *st, const struct port_want *want, uint16_t port)
{
	const struct steer_flow flow = {.laddr = want->flow.laddr,
					.raddr = want->flow.raddr,
					.lport = port,
					.rport = want->flow.rport,
					.proto = want->flow.proto};

	if (!want->is_connect)
		return steer_port_owner(st->steer, port) == (int)st->shard_index;
	return steer_flow(st->steer, &flow) == st->shard_index;
}

bool sock_port_is_free(const struct stack *st, const struct port_want *want, uint16_t port)
{
	if (unlikely(st->steer) && !port_is_shards(st, want, port))
		return false;
	return port_is_unused(st, want, port);
}

/* Lookup */

static bool node_is_on(const struct conn_node *node, uint32_t ifindex)
{
	return node->ifindex == 0 || ifindex == 0 || node->ifindex == ifindex;
}

bool sock_node_matches(const struct conn_node *node, const struct sock_flow *flow)
{
	if (node->lport != flow->lport || node->proto != flow->proto)
		return false;
	if (!node_is_on(node, flow->ifindex))
		return false;
	if (!ip_addr_is_unspecified(&node->laddr) && !ip_addr_eq(&node->laddr, &flow->laddr))
		return false;
	if (!(node_takes(node) & (ip_addr_is_ip4(&flow->laddr) ? TAKES_IP4 : TAKES_IP6)))
		return false;
	return ip_addr_is_unspecified(&node->raddr) ||
	       (node->rport == flow->rport && ip_addr_eq(&node->raddr, &flow->raddr));
}

struct conn_node *sock_lookup_conn(const struct stack *st, const struct sock_flow *flow)
{
	struct conn_node *node = conn_find(st, flow);

	return node && node_is_on(node, flow->ifindex) ? node : NULL;
}

/* How well an owner fits; -1: not at all. The address counts for more than the interface. */
static int owner_score(const struct conn_node *owner, const struct sock_flow *flow)
{
	if (!(owner->flags & CONN_F_RECEIVES) || !sock_node_matches(owner, flow))
		return -1;
	return (ip_addr_is_unspecified(&owner->laddr) ? 0 : 2) + (owner->ifindex ? 1 : 0);
}

/* Among the `n` owners with SO_REUSEPORT and this score, the one that the flow's hash falls on. */
static struct conn_node *owner_of_group(const struct stack *st, const struct sock_port *p,
					const struct sock_flow *flow, int score, uint32_t n)
{
	uint32_t i = (uint32_t)((flow_hash(st, flow) >> 32) * n >> 32);
	struct conn_node *owner;

	hlist_for_each (owner, &p->owners, port_link)
		if ((owner->flags & CONN_F_REUSEPORT) && owner_score(owner, flow) == score &&
		    i-- == 0)
			return owner;
	return NULL;
}

static struct sock *port_receiver(const struct stack *st, const struct sock_port *p,
				  const struct sock_flow *flow)
{
	struct conn_node *best = NULL, *owner;
	int best_score = -1;
	uint32_t n_group = 0;

	hlist_for_each (owner, &p->owners, port_link) {
		int score = owner_score(owner, flow);

		if (score > best_score) {
			best = owner;
			best_score = score;
			n_group = 0;
		}
		if (score == best_score && score >= 0 && (owner->flags & CONN_F_REUSEPORT))
			n_group++;
	}
	if (n_group > 1 && (best->flags & CONN_F_REUSEPORT))
		best = owner_of_group(st, p, flow, best_score, n_group);
	return best ? sock_of_conn(best) : NULL;
}

struct sock *sock_lookup_receiver(const struct stack *st, const struct sock_flow *flow)
{
	const struct sock_port *p = sock_port_find(st, flow->proto, flow->lport);

	return p ? port_receiver(st, p, flow) : NULL;
}

struct sock *sock_lookup_datagram(const struct stack *st, const struct sock_flow *flow)
{
	const struct sock_port *p = sock_port_find(st, flow->proto, flow->lport);
	struct conn_node *node;

	if (!p)
		return NULL;
	if (!hlist_is_empty(&p->conns)) {
		node = sock_lookup_conn(st, flow);
		if (node)
			return sock_of_conn(node);
	}
	return port_receiver(st, p, flow);
}

/* Bind and connect */

static void node_own(struct sock_port *p, struct conn_node *node)
{
	node->port = p;
	node->lport = p->port;
	hlist_add(&p->owners, &node->port_link);
}

static void node_hash_in(struct stack *st, struct sock_port *p, struct conn_node *node)
{
	node->port = p;
	hlist_add(&p->conns, &node->port_link);
	htab_add(&st->socks->conns, &node->hash_link, node_hash(st, node));
	node->flags |= CONN_F_HASHED;
}

/* Not the port of another shard alone. */
static bool port_may_bind(const struct stack *st, uint16_t port)
{
	int owner = steer_port_owner(st->steer, port);

	return owner < 0 || owner == (int)st->shard_index;
}

static int sock_port_choose(struct sock *sk, const struct ip_addr *addr, uint16_t *ret)
{
	struct port_want want = {
		.flow = {.laddr = *addr, .proto = sk->conn.proto, .ifindex = sk->conn.ifindex},
	};
	int err = sock_ephemeral_choose(sk->stack, &want, ret);

	return err == -EADDRNOTAVAIL ? -EADDRINUSE : err;
}

int sock_port_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port)
{
	struct ip_addr old_laddr = sk->conn.laddr;
	struct sock_port *p;
	int err;

	if (sk->conn.port)
		return -EINVAL;
	if (port == 0) {
		err = sock_port_choose(sk, addr, &port);
		if (err)
			return err;
	} else if (unlikely(sk->stack->steer) && !port_may_bind(sk->stack, port)) {
		return -EADDRINUSE;
	}
	p = port_get(sk->stack, sk->conn.proto, port);
	if (!p)
		return -ENOMEM;
	sk->conn.laddr = *addr;
	if (port_conflicts(p, &sk->conn)) {
		sk->conn.laddr = old_laddr;
		return -EADDRINUSE;
	}
	node_own(p, &sk->conn);
	sock_ephemeral_update(sk->stack, sk->conn.proto, port);
	return 0;
}

int sock_port_listen(struct sock *sk)
{
	if (port_conflicts(sk->conn.port, &sk->conn))
		return -EADDRINUSE;
	sk->conn.flags |= CONN_F_RECEIVES;
	return 0;
}

/* The port for a connection: the socket's own if it has one. Datagram sockets that share a port on
 * purpose may have the same peer; one that was given its port by us rather gets another. */
static int conn_port_choose(struct sock *sk, const struct port_want *want, uint16_t *ret)
{
	struct sock_flow flow = want->flow;

	flow.lport = sk->conn.lport;
	if (!sk->conn.port)
		return sock_ephemeral_choose(sk->stack, want, ret);
	/* Answers would reach another shard, but for those from ourselves, which reach none. */
	if (unlikely(sk->stack->steer) && !port_is_shards(sk->stack, want, sk->conn.lport) &&
	    !ip_addr_eq(&want->flow.laddr, &want->flow.raddr))
		return -EADDRNOTAVAIL;
	if (conn_find(sk->stack, &flow)) {
		if (sk->conn.proto == IP_PROTO_TCP)
			return -EADDRNOTAVAIL;
		if (!(sk->flags & SOCK_F_BOUND_PORT))
			return sock_ephemeral_choose(sk->stack, want, ret);
	}
	*ret = sk->conn.lport;
	return 0;
}

int sock_conn_connect(struct sock *sk, const struct ip_addr *laddr, const struct ip_addr *raddr,
		      uint16_t rport)
{
	struct conn_node *node = &sk->conn;
	struct port_want want = {
		.flow = {.laddr = *laddr,
			 .raddr = *raddr,
			 .rport = rport,
			 .proto = node->proto,
			 .ifindex = node->ifindex},
		.is_connect = true,
	};
	struct sock_port *p;
	uint16_t port;
	int err;

	assert(!(node->flags & CONN_F_HASHED));
	err = conn_port_choose(sk, &want, &port);
	if (err)
		return err;
	p = port_get(sk->stack, node->proto, port);
	if (!p)
		return -ENOMEM;
	if (node->port != p)
		sock_conn_del(sk->stack, node);
	hlist_del(&node->port_link);
	node->laddr = *laddr;
	node->raddr = *raddr;
	node->rport = rport;
	node->lport = port;
	node_hash_in(sk->stack, p, node);
	sock_ephemeral_update(sk->stack, node->proto, port);
	return 0;
}

int sock_conn_add(struct stack *st, struct conn_node *node)
{
	struct sock_flow flow = {.laddr = node->laddr,
				 .raddr = node->raddr,
				 .lport = node->lport,
				 .rport = node->rport,
				 .proto = node->proto};
	struct sock_port *p;

	if (conn_find(st, &flow))
		return -EADDRINUSE;
	p = port_get(st, node->proto, node->lport);
	if (!p)
		return -ENOMEM;
	node_hash_in(st, p, node);
	sock_ephemeral_update(st, node->proto, node->lport);
	return 0;
}

/* The connection is over: it counts no more for its peer. */
static void node_forget_peer(struct conn_node *node)
{
	if (node->kind == CONN_SOCK)
		sock_peer_release(sock_of_conn(node), &node->raddr);
}

void sock_conn_replace(struct stack *st, struct conn_node *old, struct conn_node *new)
{
	struct sock_port *p = old->port;

	node_forget_peer(old);
	assert((old->flags & CONN_F_HASHED) && !new->port);
	new->raddr = old->raddr;
	new->laddr = old->laddr;
	new->rport = old->rport;
	new->lport = old->lport;
	new->proto = old->proto;
	new->family = old->family;
	new->flags = old->flags;
	new->ifindex = old->ifindex;
	conn_unlink(st, old);
	hlist_del(&old->port_link);
	old->port = NULL;
	node_hash_in(st, p, new);
}

static void node_hash_out(struct stack *st, struct conn_node *node)
{
	conn_unlink(st, node);
	hlist_del(&node->port_link);
	node->rport = 0;
	node->raddr = (struct ip_addr){0};
}

void sock_conn_disconnect(struct sock *sk, const struct ip_addr *addr)
{
	struct conn_node *node = &sk->conn;

	assert(node->flags & CONN_F_HASHED);
	node_forget_peer(node);
	node_hash_out(sk->stack, node);
	node->laddr = *addr;
	node_own(node->port, node);
	sock_ephemeral_update(sk->stack, node->proto, node->lport);
}

void sock_addr_forget(struct sock *sk)
{
	assert(!(sk->conn.flags & CONN_F_HASHED));
	if (sk->flags & SOCK_F_BOUND_ADDR)
		return;
	sk->conn.laddr = (struct ip_addr){0};
	if (sk->conn.port)
		sock_ephemeral_update(sk->stack, sk->conn.proto, sk->conn.lport);
}

void sock_conn_del(struct stack *st, struct conn_node *node)
{
	struct sock_port *p = node->port;
	uint16_t port = node->lport;

	if (!p)
		return;
	node_forget_peer(node);
	if (node->flags & CONN_F_HASHED)
		node_hash_out(st, node);
	hlist_del(&node->port_link);
	node->port = NULL;
	node->lport = 0;
	port_put(st, p);
	sock_ephemeral_update(st, node->proto, port);
}

void sock_ifindex_set(struct sock *sk, uint32_t ifindex)
{
	sk->conn.ifindex = ifindex;
	if (sk->conn.port)
		sock_ephemeral_update(sk->stack, sk->conn.proto, sk->conn.lport);
}

/* `fn` may delete its node and with it the port's entry, so the entry is held by a marker. */
static void port_conns_each(struct sock_port *p, enum conn_kind kind,
			    void (*fn)(struct conn_node *node, void *arg), void *arg)
{
	struct conn_node marker = {.port = p};
	struct conn_node *node;

	hlist_add(&p->owners, &marker.port_link);
	hlist_for_each_safe (node, &p->conns, port_link)
		if (node->kind == kind)
			fn(node, arg);
	hlist_del(&marker.port_link);
}

void sock_conn_each(struct stack *st, uint8_t proto, enum conn_kind kind,
		    void (*fn)(struct conn_node *node, void *arg), void *arg)
{
	struct sock_port *p;

	list_for_each_safe (p, &st->socks->port_list, link) {
		if (p->proto != proto)
			continue;
		port_conns_each(p, kind, fn, arg);
		port_put(st, p);
	}
}

/* Life */

static void sock_table_fini(struct stack *st)
{
	struct sock_table *t = st->socks;

	assert(list_is_empty(&t->all) && list_is_empty(&t->port_list));
	sock_ephemeral_forget(st);
	sock_limits_fini(st);
	htab_fini(&t->conns);
	htab_fini(&t->ports);
	mem_free(&st->eng->mem, t, sizeof(*t));
	st->socks = NULL;
}

static const struct stack_layer sock_table_layer = {
	.name = "sock",
	.fini = sock_table_fini,
};

/* Settings. Linux's ip_local_port_range is a pair; here it is two names, and a bound that passes
 * the other takes it along. */

static void *sock_conf(struct stack *st)
{
	return st->socks;
}

static void sock_conf_changed(struct stack *st, const struct sysctl *ctl)
{
	struct sock_table *t = st->socks;

	if (t->port_min > t->port_max && ctl->off == offsetof(struct sock_table, port_min))
		t->port_max = t->port_min;
	else if (t->port_min > t->port_max)
		t->port_min = t->port_max;
	sock_ephemeral_forget(st);
}

static const struct sysctl sock_conf_entries[] = {
	SYSCTL(struct sock_table, somaxconn, "net.core.somaxconn", 0, INT32_MAX,
	       "connections that may wait for accept, whatever listen asks for"),
	SYSCTL(struct sock_table, rmem_max, "net.core.rmem_max", SOCK_RCVBUF_MIN, INT32_MAX / 2,
	       "SO_RCVBUF at most, bytes; as in Linux twice that is set"),
	SYSCTL(struct sock_table, wmem_max, "net.core.wmem_max", SOCK_SNDBUF_MIN, INT32_MAX / 2,
	       "SO_SNDBUF at most, bytes; as in Linux twice that is set"),
	SYSCTL(struct sock_table, port_min, "net.ipv4.ip_local_port_range.min", 1, 65535,
	       "first ephemeral port"),
	SYSCTL(struct sock_table, port_max, "net.ipv4.ip_local_port_range.max", 1, 65535,
	       "last ephemeral port"),
};

static const struct sysctl_table sock_sysctls = {
	.entries = sock_conf_entries,
	.n_entries = ARRAY_SIZE(sock_conf_entries),
	.base = sock_conf,
	.changed = sock_conf_changed,
};

static void *sock_limit_conf(struct stack *st)
{
	return st->socks ? &st->socks->limits.stack.conf : NULL;
}

static void sock_limit_changed(struct stack *st, const struct sysctl *ctl UNUSED)
{
	sock_scope_changed(st);
}

static const struct sysctl sock_limit_entries[] = {
	SYSCTL(struct sock_limit_conf, max_socks, "net.limit.sockets", 0, UINT32_MAX,
	       "sockets of the stack at most; 0: any. doc/api.md, also below"),
	SYSCTL(struct sock_limit_conf, max_bytes, "net.limit.bytes", 0, INT64_MAX,
	       "memory behind the queues of all sockets at most, bytes; 0: any"),
	SYSCTL(struct sock_limit_conf, max_per_peer, "net.limit.conns_per_peer", 0, UINT32_MAX,
	       "TCP connections with one address of a peer at most; 0: any"),
	SYSCTL(struct sock_limit_conf, peer_len4, "net.limit.peer_len4", 0, 32,
	       "bits of an IPv4 peer's address that count there; 0: all"),
	SYSCTL(struct sock_limit_conf, peer_len6, "net.limit.peer_len6", 0, 128,
	       "the same of an IPv6 peer's"),
	SYSCTL(struct sock_limit_conf, conns_per_s, "net.limit.conns_per_s", 0, 1000000000,
	       "new TCP connections a second, either way; 0: any"),
	SYSCTL(struct sock_limit_conf, conns_burst, "net.limit.conns_burst", 0, 1000000000,
	       "of them at once at most; 0: those of a second"),
	SYSCTL(struct sock_limit_conf, resets, "net.limit.resets", 0, 1,
	       "SYNs that a limit refuses are reset, not dropped"),
};

static const struct sysctl_table sock_limit_sysctls = {
	.entries = sock_limit_entries,
	.n_entries = ARRAY_SIZE(sock_limit_entries),
	.base = sock_limit_conf,
	.changed = sock_limit_changed,
};

int sock_table_init(struct stack *st)
{
	struct sock_table *t = mem_zalloc(&st->eng->mem, sizeof(*t));
	int err = -ENOMEM;

	if (!t)
		return -ENOMEM;
	list_init(&t->all);
	list_init(&t->port_list);
	t->port_min = SOCK_PORT_MIN;
	t->port_max = SOCK_PORT_MAX;
	t->somaxconn = SOCK_SOMAXCONN;
	t->rmem_max = t->wmem_max = SOCK_BUF_DEFAULT;
	st->socks = t;
	stamp_init(st);
	if (htab_init(&t->conns, &st->eng->mem, CONN_BUCKETS_MIN, CONN_BUCKETS_MAX) ||
	    htab_init(&t->ports, &st->eng->mem, PORT_BUCKETS_MIN, PORT_BUCKETS_MAX))
		goto fail;
	sock_ephemeral_init(st);
	err = sysctl_register(st, &sock_sysctls);
	if (!err)
		err = sysctl_register(st, &sock_limit_sysctls);
	if (!err)
		err = stack_layer_add(st, &sock_table_layer);
	if (!err)
		return 0;
fail:
	sock_table_fini(st);
	return err;
}

int sock_proto_add(struct stack *st, const struct sock_proto *proto)
{
	struct sock_table *t = st->socks;

	if (t->n_protos == SOCK_PROTOS_MAX)
		return -ENOSPC;
	t->protos[t->n_protos++] = proto;
	return 0;
}

void sock_close_all(struct stack *st, const struct sock_proto *proto)
{
	struct list todo = LIST_INIT(todo);
	struct list *link;

	/* A close may take others with it (a listener its children): they leave `todo` too. */
	list_splice_tail(&todo, &st->socks->all);
	while ((link = list_first(&todo))) {
		struct sock *sk = container_of(link, struct sock, link);

		list_del(link);
		list_add_tail(&st->socks->all, link);
		if (sk->proto != proto || (sk->flags & SOCK_F_ORPHAN))
			continue;
		sk->flags |= SOCK_F_ORPHAN;
		sk->on_event = NULL;
		sock_watch_end(sk);
		proto->close(sk, true);
	}
}
