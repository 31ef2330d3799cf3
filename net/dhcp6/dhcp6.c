/* SPDX-License-Identifier: MIT */
/*
 * A DHCPv6 server: what is answered to a message; the contract is in dhcp6.h.
 *
 * RFC-DEVIATION: RFC 8415 §18.3.10: replies go to port 546, whatever port a client has sent from.
 * RFC-DEVIATION: RFC 8415 §18.3.4, §18.3.5: an association that is not known gets an address, its
 * own where that is free: the server was started anew, and there is no other.
 */
#include "net/dhcp6/dhcp6.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/load.h"
#include "net/dhcp/dhcp_msg.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	LEASE_DEFAULT_S = 3600,
	LEASE_MIN_S = 60,
	VALID_LEASES = 2,     /* the valid lifetime, of preferred ones */
	REFRESH_S = 86400,    /* RFC 8415 §7.6 */
	BATCH = 64,           /* messages taken before others have their turn */
	DUID_LL = 3,          /* RFC 8415 §11.4: by a link-layer address, */
	DUID_LL_ETHERNET = 1, /* of that kind */
	TOO_LONG = DHCP6_MSG_MAX + 1,
	COUNTED_AT = 12,
};

struct dhcp6 {
	struct weft_netif *nif;
	struct weft_engine *eng;
	struct weft_sock *sock;
	struct dhcp6_duid duid;
	struct dhcp6_params params;
	struct dhcp6_addr prefix;
	uint8_t prefix_len;
	uint32_t lease_s;
	struct dhcp6_pool pool;
	void (*on_lease)(void *arg, const struct weft_addr *addr);
	void *arg;
	struct dhcp6_stats stats;
	char search[DHCP6_SEARCH_MAX][DHCP6_DOMAIN_MAX + 1];
	uint8_t buf[TOO_LONG];
};

/* Where a message came from, and to where. */
struct came {
	struct weft_sockaddr from;
	bool to_group;
	bool on_nif;
};

static bool is_on_link(const struct dhcp6 *d, const struct dhcp6_addr *addr)
{
	uint32_t n = d->prefix_len / 8, rest = d->prefix_len % 8;

	if (memcmp(addr->b, d->prefix.b, n) != 0)
		return false;
	return !rest || (addr->b[n] ^ d->prefix.b[n]) >> (8 - rest) == 0;
}

/*
 * Out.
 */

static void reply_send(struct dhcp6 *d, const struct dhcp6_query *q, struct dhcp6_reply *reply,
		       const struct weft_sockaddr *from)
{
	struct weft_sockaddr to = *from;
	uint8_t buf[DHCP6_MSG_MAX];
	size_t len;

	reply->server = &d->duid;
	to.port = DHCP6_CLIENT_PORT;
	to.scope_id = weft_netif_index(d->nif);
	len = dhcp6_reply_write(q, reply, buf);
	if (weft_sendto(d->sock, buf, len, 0, &to) < 0)
		d->stats.n_failed++;
	else if (reply->type == DHCP6_ADVERTISE)
		d->stats.n_advertised++;
	else
		d->stats.n_replied++;
}

/*
 * What: one function a type of message (RFC 8415 §18.3).
 */

struct answering {
	struct dhcp6 *d;
	const struct dhcp6_query *q;
	struct dhcp6_reply reply;
	bool taken[DHCP6_POOL_MAX];
	int64_t now_ns;
};

static struct dhcp6_reply_ia *ia_answer(struct answering *a, const struct dhcp6_ia *ia,
					uint16_t status)
{
	struct dhcp6_reply_ia *r = &a->reply.ias[a->reply.n_ias++];

	*r = (struct dhcp6_reply_ia){.kind = ia->kind, .iaid = ia->iaid, .status = status};
	return r;
}

static void lease_take(struct answering *a, struct dhcp6_lease *lease, const struct dhcp6_ia *ia)
{
	struct dhcp6 *d = a->d;
	struct dhcp6_addr addr = dhcp6_pool_addr(&d->pool, lease);
	struct weft_addr told = {.family = WEFT_AF_INET6};
	bool is_new = dhcp6_lease_is_free(lease, a->now_ns) ||
		      !dhcp6_lease_is_of(lease, &a->q->client, ia->iaid);

	dhcp6_pool_give(lease, &a->q->client, ia->iaid,
			a->now_ns + VALID_LEASES * d->lease_s * NSEC_PER_SEC);
	if (!is_new) {
		d->stats.n_renewed++;
		return;
	}
	d->stats.n_leased++;
	memcpy(told.bytes, addr.b, sizeof(addr.b));
	if (d->on_lease)
		d->on_lease(d->arg, &told);
}

/* What the client names and does not get: it shall not go on using it (§18.3.4). */
static void gone_say(struct dhcp6_reply_ia *r, const struct dhcp6_ia *ia)
{
	for (uint32_t i = 0; i < ia->n_addrs; i++)
		if (!r->has_addr || memcmp(r->addr.b, ia->addrs[i].b, sizeof(r->addr.b)) != 0)
			r->gone[r->n_gone++] = ia->addrs[i];
}

/* How an association is dealt with. */
enum give {
	GIVE_OFFER,  /* Solicit: nothing is committed */
	GIVE_COMMIT, /* Request, and Solicit with rapid commit */
	GIVE_RENEW,
};

static bool names_foreign(const struct dhcp6 *d, const struct dhcp6_ia *ia)
{
	for (uint32_t i = 0; i < ia->n_addrs; i++)
		if (!is_on_link(d, &ia->addrs[i]))
			return true;
	return false;
}

static void addr_give(struct answering *a, const struct dhcp6_ia *ia, enum give how)
{
	struct dhcp6 *d = a->d;
	struct dhcp6_lease *lease =
		ia->kind == DHCP6_OPT_IA_NA
			? dhcp6_pool_choose(&d->pool, &a->q->client, ia, a->taken, a->now_ns)
			: NULL;
	struct dhcp6_reply_ia *r = ia_answer(a, ia, DHCP6_SUCCESS);

	if (lease) {
		a->taken[lease - d->pool.leases] = true;
		r->has_addr = true;
		r->addr = dhcp6_pool_addr(&d->pool, lease);
		if (how != GIVE_OFFER)
			lease_take(a, lease, ia);
	} else {
		r->status = how == GIVE_RENEW ? DHCP6_NO_BINDING : DHCP6_NO_ADDRS;
		d->stats.n_full += ia->kind == DHCP6_OPT_IA_NA && d->pool.n;
	}
	if (how == GIVE_RENEW)
		gone_say(r, ia);
}

static void addrs_give(struct answering *a, enum give how)
{
	for (uint32_t i = 0; i < a->q->n_ias; i++) {
		const struct dhcp6_ia *ia = &a->q->ias[i];

		if (ia->kind == DHCP6_OPT_IA_PD)
			ia_answer(a, ia, DHCP6_NO_PREFIXES);
		else if (a->q->type == DHCP6_REQUEST && names_foreign(a->d, ia))
			ia_answer(a, ia, DHCP6_NOT_ON_LINK); /* §18.3.2 */
		else
			addr_give(a, ia, how);
	}
}

/* §18.3.1 */
static void on_solicit(struct answering *a)
{
	a->reply.rapid = a->q->rapid;
	a->reply.type = a->q->rapid ? DHCP6_REPLY : DHCP6_ADVERTISE;
	addrs_give(a, a->q->rapid ? GIVE_COMMIT : GIVE_OFFER);
}

/* §18.3.3: only whether its addresses are of this link. */
static bool on_confirm(struct answering *a)
{
	uint32_t n = 0;

	a->reply.has_status = true;
	a->reply.status = DHCP6_SUCCESS;
	a->reply.params = NULL;
	for (uint32_t i = 0; i < a->q->n_ias; i++) {
		const struct dhcp6_ia *ia = &a->q->ias[i];

		for (uint32_t k = 0; k < ia->n_addrs; k++, n++)
			if (!is_on_link(a->d, &ia->addrs[k]))
				a->reply.status = DHCP6_NOT_ON_LINK;
	}
	a->d->stats.n_silent += !n;
	return n;
}

/* The association's address, if the client names it: of others nothing changes. */
static void lease_end(struct answering *a, const struct dhcp6_ia *ia, struct dhcp6_lease *lease)
{
	struct dhcp6_addr addr = dhcp6_pool_addr(&a->d->pool, lease);
	bool is_named = false;

	for (uint32_t i = 0; i < ia->n_addrs; i++)
		is_named |= !memcmp(ia->addrs[i].b, addr.b, sizeof(addr.b));
	if (!is_named)
		return;
	if (a->q->type == DHCP6_DECLINE) {
		dhcp6_lease_decline(lease, a->now_ns);
		a->d->stats.n_declined++;
	} else {
		dhcp6_lease_free(lease, a->now_ns);
		a->d->stats.n_released++;
	}
}

/* §18.3.7, §18.3.8: of associations that are not known it says so. */
static void on_give_back(struct answering *a)
{
	a->reply.has_status = true;
	a->reply.status = DHCP6_SUCCESS;
	a->reply.params = NULL;
	for (uint32_t i = 0; i < a->q->n_ias; i++) {
		const struct dhcp6_ia *ia = &a->q->ias[i];
		struct dhcp6_lease *lease =
			ia->kind == DHCP6_OPT_IA_NA
				? dhcp6_pool_find(&a->d->pool, &a->q->client, ia->iaid)
				: NULL;

		if (lease && lease->state == DHCP6_LEASED)
			lease_end(a, ia, lease);
		else
			ia_answer(a, ia, DHCP6_NO_BINDING);
	}
}

/* False: without a word. */
static bool on_type(struct answering *a)
{
	switch (a->q->type) {
	case DHCP6_SOLICIT:
		on_solicit(a);
		return true;
	case DHCP6_REQUEST:
		addrs_give(a, GIVE_COMMIT);
		return true;
	case DHCP6_CONFIRM:
		return on_confirm(a);
	case DHCP6_RENEW:  /* §18.3.4 */
	case DHCP6_REBIND: /* §18.3.5 */
		addrs_give(a, GIVE_RENEW);
		return true;
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		on_give_back(a);
		return true;
	default: /* DHCP6_INFORMATION_REQUEST, §18.3.6 */
		a->reply.refresh_s = REFRESH_S;
		return true;
	}
}

static void on_query(struct dhcp6 *d, const struct dhcp6_query *q, const struct came *came)
{
	struct answering a = {.d = d,
			      .q = q,
			      .reply = {.type = DHCP6_REPLY,
					.preferred_s = d->lease_s,
					.valid_s = VALID_LEASES * d->lease_s,
					.params = &d->params},
			      .now_ns = weft_engine_now_ns(d->eng)};

	if (on_type(&a))
		reply_send(d, q, &a.reply, &came->from);
}

/* §18.4: who asks us alone was never told to. */
static void multicast_ask_for(struct dhcp6 *d, const struct dhcp6_query *q, const struct came *came)
{
	struct dhcp6_reply reply = {
		.type = DHCP6_REPLY, .has_status = true, .status = DHCP6_USE_MULTICAST};

	reply_send(d, q, &reply, &came->from);
}

/*
 * In.
 */

static bool is_link_local(const struct weft_addr *addr)
{
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static struct came came_of(const struct dhcp6 *d, const struct weft_msghdr *msg)
{
	struct came came = {.from = *msg->name};

	for (struct weft_cmsghdr *c = weft_cmsg_next(msg, NULL); c; c = weft_cmsg_next(msg, c)) {
		struct weft_in6_pktinfo info;

		if (c->level != WEFT_IPPROTO_IPV6 || c->type != WEFT_IPV6_PKTINFO)
			continue;
		memcpy(&info, weft_cmsg_data(c), sizeof(info));
		came.on_nif = info.ifindex == weft_netif_index(d->nif);
		came.to_group = info.addr[0] == 0xff;
	}
	return came;
}

static void on_message(struct dhcp6 *d, size_t len, const struct came *came)
{
	struct dhcp6_query q;
	bool is_named;

	if (!came->on_nif || !is_link_local(&came->from.addr)) {
		d->stats.n_not_local++;
		return;
	}
	if (len == TOO_LONG || dhcp6_query_read(d->buf, len, &q)) {
		d->stats.n_malformed++;
		return;
	}
	is_named = q.server.len;
	if (is_named && !dhcp6_duid_eq(&q.server, &d->duid)) {
		d->stats.n_other++;
	} else if (came->to_group) {
		d->stats.n_queries++;
		on_query(d, &q, came);
	} else if (is_named && q.type != DHCP6_INFORMATION_REQUEST) {
		d->stats.n_queries++;
		multicast_ask_for(d, &q, came);
	} else {
		d->stats.n_not_local++; /* §16 */
	}
}

static void on_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct dhcp6 *d = arg;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		_Alignas(8) uint8_t control[128];
		struct weft_sockaddr from;
		struct weft_iovec iov = {d->buf, sizeof(d->buf)};
		struct weft_msghdr msg = {.name = &from,
					  .iov = &iov,
					  .n_iov = 1,
					  .control = control,
					  .control_len = sizeof(control)};
		ptrdiff_t len = weft_recvmsg(s, &msg, 0);
		struct came came;

		if (len == -EAGAIN)
			return;
		if (len < 0)
			continue; /* an ICMP error about a reply: it is cleared by being read */
		came = came_of(d, &msg);
		on_message(d, (size_t)len, &came);
	}
	/* More may wait: being set again, the callback comes once more. */
	weft_on_event(s, on_ready, d);
}

/*
 * Start and end.
 */

static bool addr_take(const struct weft_addr *addr, struct dhcp6_addr *ret)
{
	memcpy(ret->b, addr->bytes, sizeof(ret->b));
	return addr->family == WEFT_AF_INET6;
}

static bool range_take(struct dhcp6 *d, const struct dhcp6_config *cfg)
{
	struct dhcp6_addr last;

	d->prefix_len = cfg->prefix_len;
	if (!addr_take(&cfg->prefix, &d->prefix) || !cfg->prefix_len || cfg->prefix_len > 128 ||
	    cfg->n_addrs > DHCP6_POOL_MAX)
		return false;
	if (!cfg->n_addrs)
		return true;
	d->pool.n = cfg->n_addrs;
	if (!addr_take(&cfg->first, &d->pool.first) ||
	    load_be32(d->pool.first.b + COUNTED_AT) > UINT32_MAX - (d->pool.n - 1))
		return false;
	last = dhcp6_pool_addr(&d->pool, &d->pool.leases[d->pool.n - 1]);
	return is_on_link(d, &d->pool.first) && is_on_link(d, &last);
}

static_assert((int)DHCP6_SEARCH_MAX == (int)DHCP_SEARCH_MAX &&
		      (int)DHCP6_DOMAIN_MAX == (int)DHCP_DOMAIN_MAX,
	      "dhcp_search_copy() is for both");

int dhcp6_set_search(struct dhcp6 *d, const char *const *search, uint32_t n)
{
	int err = dhcp_search_copy(search, n, d->search, d->params.search);

	if (!err)
		d->params.n_search = n;
	return err;
}

static bool config_take(struct dhcp6 *d, const struct dhcp6_config *cfg)
{
	struct dhcp6_params *p = &d->params;

	if (cfg->n_dns > DHCP6_DNS_MAX || (cfg->lease_s && cfg->lease_s < LEASE_MIN_S) ||
	    cfg->lease_s > UINT32_MAX / VALID_LEASES)
		return false;
	d->lease_s = cfg->lease_s ? cfg->lease_s : LEASE_DEFAULT_S;
	for (; p->n_dns < cfg->n_dns; p->n_dns++)
		if (!addr_take(&cfg->dns[p->n_dns], &p->dns[p->n_dns]))
			return false;
	return !dhcp6_set_search(d, cfg->search, cfg->n_search) && range_take(d, cfg);
}

static void duid_make(struct dhcp6 *d)
{
	struct weft_netif_info info;

	weft_netif_info(d->nif, &info);
	store_be16(d->duid.b, DUID_LL);
	store_be16(d->duid.b + 2, DUID_LL_ETHERNET);
	memcpy(d->duid.b + 4, info.mac, sizeof(info.mac));
	d->duid.len = 4 + sizeof(info.mac);
}

static int join_servers(struct dhcp6 *d)
{
	struct weft_group_req req = {
		.ifindex = weft_netif_index(d->nif),
		.group = {.family = WEFT_AF_INET6, .bytes = {0xff, 2, [13] = 1, [15] = 2}}};

	return weft_setsockopt(d->sock, WEFT_IPPROTO_IPV6, WEFT_MCAST_JOIN_GROUP, &req,
			       sizeof(req));
}

static int sock_open(struct dhcp6 *d, struct weft_stack *st)
{
	struct weft_sockaddr at = {.addr.family = WEFT_AF_INET6, .port = DHCP6_SERVER_PORT};
	const char *name = weft_netif_name(d->nif);
	int one = 1, err = weft_socket(st, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &d->sock);

	if (!err)
		err = weft_setsockopt(d->sock, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name,
				      strlen(name));
	if (!err)
		err = weft_setsockopt(d->sock, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVPKTINFO, &one,
				      sizeof(one));
	if (!err)
		err = weft_bind(d->sock, &at);
	if (!err)
		err = join_servers(d);
	if (!err)
		weft_on_event(d->sock, on_ready, d);
	return err;
}

int dhcp6_new(struct weft_netif *nif, struct weft_stack *st, const struct dhcp6_config *cfg,
	      struct dhcp6 **ret)
{
	struct dhcp6 *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->nif = nif;
	d->eng = weft_stack_engine(st);
	d->on_lease = cfg->on_lease;
	d->arg = cfg->arg;
	duid_make(d);
	err = config_take(d, cfg) ? sock_open(d, st) : -EINVAL;
	if (err) {
		dhcp6_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void dhcp6_free(struct dhcp6 *d)
{
	if (!d)
		return;
	weft_close(d->sock);
	free(d);
}

void dhcp6_stats(const struct dhcp6 *d, struct dhcp6_stats *ret)
{
	int64_t now_ns = weft_engine_now_ns(d->eng);

	*ret = d->stats;
	for (uint32_t i = 0; i < d->pool.n; i++)
		ret->n_leases += d->pool.leases[i].state == DHCP6_LEASED &&
				 !dhcp6_lease_is_free(&d->pool.leases[i], now_ns);
}
