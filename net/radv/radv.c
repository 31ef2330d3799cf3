/* SPDX-License-Identifier: MIT */
/* Router advertisements: when something is said; the contract is in radv.h. */
#include "net/radv/radv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/radv/radv_msg.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	/* RFC 4861 §10 */
	INITIAL_ADVERTS = 3,
	INITIAL_INTERVAL_S = 16,
	MIN_DELAY_S = 3, /* between two to all */
	ANSWER_DELAY_MS = 500,
	FILTER_WORDS = 8,
	BATCH = 64, /* messages taken before others have their turn */
};

static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1}, no_addr[16];

/* Who asked, and when he is answered. */
struct radv_ask {
	uint8_t addr[16];
	int64_t at_ns;
};

struct radv {
	struct weft_netif *nif;
	struct weft_stack *st;
	struct weft_engine *eng;
	struct weft_sock *sock;
	struct weft_timer *timer; /* the next advertisement */
	struct radv_config cfg;
	bool has_prefixes;  /* they were given; else they are those of the interface */
	uint32_t n_initial; /* advertisements of the beginning still to be sent */
	int64_t last_ns;    /* the last one to all; -1: none */
	int64_t next_ns;    /* the next one to all */
	int64_t start_ns;   /* lifetimes run down from here on */
	struct radv_ask asks[RADV_ASKS_MAX];
	uint32_t n_asks;
	bool has_link_local; /* in `src` */
	uint8_t src[16];
	struct radv_stats stats;
	uint8_t buf[2048];
};

const struct radv_config radv_defaults = {
	.max_interval_s = 600,
	.lifetime_s = 1800,
	.hop_limit = 64,
	.valid_s = 86400 * 30,
	.preferred_s = 86400 * 7,
	.dns_lifetime_s = 1800,
};

/*
 * What the interface has.
 */

static void prefix_add(struct radv *r, const struct weft_addr_info *info)
{
	struct radv_prefix p = {.len = 64,
				.on_link = true,
				.autonomous = true,
				.valid_s = r->cfg.valid_s,
				.preferred_s = r->cfg.preferred_s};

	memcpy(p.prefix, info->addr.bytes, 8);
	for (uint32_t i = 0; i < r->cfg.n_prefixes; i++)
		if (!memcmp(r->cfg.prefixes[i].prefix, p.prefix, sizeof(p.prefix)))
			return;
	if (r->cfg.n_prefixes < RADV_PREFIXES_MAX)
		r->cfg.prefixes[r->cfg.n_prefixes++] = p;
}

static void addr_take(void *arg, const struct weft_addr_info *info)
{
	const uint8_t *b = info->addr.bytes;
	struct radv *r = arg;
	bool is_link_local = b[0] == 0xfe && (b[1] & 0xc0) == 0x80;

	if (info->dev != r->nif || info->addr.family != WEFT_AF_INET6 ||
	    info->state == WEFT_ADDR_TENTATIVE || info->state == WEFT_ADDR_DUPLICATE)
		return;
	if (is_link_local && !r->has_link_local) {
		r->has_link_local = true;
		memcpy(r->src, b, sizeof(r->src));
	} else if (!is_link_local && !r->has_prefixes && !info->is_auto && info->prefix_len == 64) {
		prefix_add(r, info);
	}
}

static void addrs_look(struct radv *r)
{
	r->has_link_local = false;
	if (!r->has_prefixes)
		r->cfg.n_prefixes = 0;
	weft_addrs(r->st, addr_take, r);
}

/* §6.2.1: what is left of a lifetime that runs down. */
static uint32_t left_of(uint32_t lifetime_s, uint32_t passed_s)
{
	if (lifetime_s == RADV_INFINITE_S)
		return lifetime_s;
	return lifetime_s > passed_s ? lifetime_s - passed_s : 0;
}

/* The settings as they are now. */
static void config_now(const struct radv *r, struct radv_config *ret)
{
	int64_t s = (weft_engine_now_ns(r->eng) - r->start_ns) / NSEC_PER_SEC;
	uint32_t passed_s = s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;

	*ret = r->cfg;
	for (uint32_t i = 0; r->cfg.run_down && i < ret->n_prefixes; i++) {
		ret->prefixes[i].valid_s = left_of(ret->prefixes[i].valid_s, passed_s);
		ret->prefixes[i].preferred_s = left_of(ret->prefixes[i].preferred_s, passed_s);
	}
}

/*
 * Out.
 */

static int message_send(struct radv *r, const uint8_t to_addr[16], const uint8_t *buf, size_t len)
{
	struct {
		struct weft_cmsghdr hdr;
		struct weft_in6_pktinfo info;
		uint32_t pad;
	} control = {.hdr = {.len = sizeof(control.hdr) + sizeof(control.info),
			     .level = WEFT_IPPROTO_IPV6,
			     .type = WEFT_IPV6_PKTINFO},
		     .info = {.ifindex = weft_netif_index(r->nif)}};
	struct weft_sockaddr to = {.addr = {.family = WEFT_AF_INET6},
				   .scope_id = weft_netif_index(r->nif)};
	const struct weft_iovec iov = {(void *)(uintptr_t)buf, len};
	const struct weft_msghdr msg = {.name = &to,
					.iov = &iov,
					.n_iov = 1,
					.control = &control,
					.control_len = sizeof(control)};
	ptrdiff_t n;

	memcpy(to.addr.bytes, to_addr, sizeof(to.addr.bytes));
	memcpy(control.info.addr, r->src, sizeof(r->src));
	n = weft_sendmsg(r->sock, &msg, 0);
	return n < 0 ? (int)n : 0;
}

static void advertise(struct radv *r, const uint8_t to[16], bool is_last)
{
	struct radv_config now;
	struct weft_netif_info info;
	uint8_t buf[RADV_MSG_MAX];
	size_t len;

	addrs_look(r);
	config_now(r, &now);
	weft_netif_info(r->nif, &info);
	len = radv_ra_write(&now, info.mac, is_last, buf);
	/* Without an address of the link there is nobody to be the router yet (§6.1.2). */
	if (!len || !r->has_link_local || message_send(r, to, buf, len))
		r->stats.n_failed++;
	else
		r->stats.n_sent++;
}

/*
 * When.
 */

static int64_t between(struct radv *r, int64_t min_ns, int64_t max_ns)
{
	return min_ns + (int64_t)(weft_engine_random(r->eng) % (uint64_t)(max_ns - min_ns + 1));
}

static void timer_set(struct radv *r)
{
	int64_t at_ns = r->next_ns;

	for (uint32_t i = 0; i < r->n_asks; i++)
		at_ns = r->asks[i].at_ns < at_ns ? r->asks[i].at_ns : at_ns;
	weft_timer_start(r->timer, at_ns);
}

static void plan_at(struct radv *r, int64_t at_ns)
{
	r->next_ns = at_ns;
	timer_set(r);
}

/* §6.2.4: a random time, short at the beginning. */
static void plan_next(struct radv *r, int64_t now_ns)
{
	int64_t max_ns = r->cfg.max_interval_s * NSEC_PER_SEC;
	int64_t min_ns = r->cfg.min_interval_s ? r->cfg.min_interval_s * NSEC_PER_SEC : max_ns / 3;
	int64_t in_ns = between(r, min_ns, max_ns);

	if (r->n_initial) {
		r->n_initial--;
		if (in_ns > INITIAL_INTERVAL_S * NSEC_PER_SEC)
			in_ns = INITIAL_INTERVAL_S * NSEC_PER_SEC;
	}
	plan_at(r, now_ns + in_ns);
}

static void asks_answer(struct radv *r, int64_t now_ns)
{
	for (uint32_t i = 0; i < r->n_asks;) {
		uint64_t n_sent = r->stats.n_sent;

		if (r->asks[i].at_ns > now_ns) {
			i++;
			continue;
		}
		advertise(r, r->asks[i].addr, false);
		r->stats.n_unicast += r->stats.n_sent - n_sent;
		r->asks[i] = r->asks[--r->n_asks];
	}
}

static void on_timer(void *arg)
{
	struct radv *r = arg;
	int64_t now_ns = weft_engine_now_ns(r->eng);

	asks_answer(r, now_ns);
	if (now_ns < r->next_ns) {
		timer_set(r);
		return;
	}
	advertise(r, all_nodes, false);
	if (!r->has_link_local) { /* it is not known yet whether it is ours */
		plan_at(r, now_ns + NSEC_PER_SEC);
		return;
	}
	r->last_ns = now_ns;
	plan_next(r, now_ns);
}

/* He is answered alone, once. False: he cannot be. */
static bool answer_one(struct radv *r, const uint8_t addr[16], int64_t at_ns)
{
	for (uint32_t i = 0; i < r->n_asks; i++)
		if (!memcmp(r->asks[i].addr, addr, sizeof(r->asks[i].addr)))
			return true;
	if (r->n_asks == RADV_ASKS_MAX)
		return false;
	memcpy(r->asks[r->n_asks].addr, addr, sizeof(r->asks[r->n_asks].addr));
	r->asks[r->n_asks++].at_ns = at_ns;
	timer_set(r);
	return true;
}

/* §6.2.6: after a random time; to all, and then not too soon after the last one, unless the host
 * has an address and is to be answered alone. */
static void answer(struct radv *r, const uint8_t from[16])
{
	int64_t now_ns = weft_engine_now_ns(r->eng);
	int64_t at_ns = now_ns + between(r, 0, ANSWER_DELAY_MS * NSEC_PER_SEC / 1000);

	if (r->cfg.unicast && memcmp(from, no_addr, sizeof(no_addr)) != 0 &&
	    answer_one(r, from, at_ns))
		return;
	if (r->last_ns >= 0 && at_ns < r->last_ns + MIN_DELAY_S * NSEC_PER_SEC)
		at_ns = r->last_ns + MIN_DELAY_S * NSEC_PER_SEC;
	if (at_ns < r->next_ns)
		plan_at(r, at_ns);
}

/*
 * In.
 */

static void on_message(struct radv *r, const uint8_t *msg, size_t len,
		       const struct weft_sockaddr *from)
{
	const uint8_t *src = from->addr.bytes;
	struct radv_config now;

	if (len && msg[0] == RADV_RS) {
		if (!radv_rs_is_right(msg, len, !memcmp(src, no_addr, sizeof(no_addr)))) {
			r->stats.n_invalid++;
			return;
		}
		r->stats.n_solicited++;
		answer(r, src);
	} else if (len && msg[0] == RADV_RA && memcmp(src, r->src, sizeof(r->src)) != 0) {
		if (!radv_ra_is_right(msg, len, src[0] == 0xfe && (src[1] & 0xc0) == 0x80)) {
			r->stats.n_invalid++;
			return;
		}
		r->stats.n_heard++;
		config_now(r, &now);
		if (!radv_ra_is_consistent(&now, msg, len))
			r->stats.n_inconsistent++;
	}
}

/* The hop limit and the interface that a message came with. */
static bool is_from_link(const struct radv *r, const struct weft_msghdr *msg)
{
	int hops = 0;
	uint32_t ifindex = 0;

	for (struct weft_cmsghdr *c = weft_cmsg_next(msg, NULL); c; c = weft_cmsg_next(msg, c)) {
		struct weft_in6_pktinfo info;

		if (c->level != WEFT_IPPROTO_IPV6)
			continue;
		if (c->type == WEFT_IPV6_HOPLIMIT)
			memcpy(&hops, weft_cmsg_data(c), sizeof(hops));
		if (c->type == WEFT_IPV6_PKTINFO) {
			memcpy(&info, weft_cmsg_data(c), sizeof(info));
			ifindex = info.ifindex;
		}
	}
	return hops == RADV_HOPS && ifindex == weft_netif_index(r->nif);
}

static void on_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct radv *r = arg;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		_Alignas(8) uint8_t control[128];
		struct weft_sockaddr from;
		struct weft_iovec iov = {r->buf, sizeof(r->buf)};
		struct weft_msghdr msg = {.name = &from,
					  .iov = &iov,
					  .n_iov = 1,
					  .control = control,
					  .control_len = sizeof(control)};
		ptrdiff_t len = weft_recvmsg(s, &msg, 0);

		if (len < 0)
			return;
		if (is_from_link(r, &msg) && !(msg.flags & WEFT_MSG_TRUNC))
			on_message(r, r->buf, (size_t)len, &from);
		else
			r->stats.n_invalid++;
	}
	/* More may wait: being set again, the callback comes once more. */
	weft_on_event(s, on_ready, r);
}

/*
 * Start and end.
 */

static int option(struct weft_sock *s, int name, int value)
{
	return weft_setsockopt(s, WEFT_IPPROTO_IPV6, name, &value, sizeof(value));
}

static int join_routers(struct radv *r)
{
	struct weft_group_req req = {
		.ifindex = weft_netif_index(r->nif),
		.group = {.family = WEFT_AF_INET6, .bytes = {0xff, 2, [15] = 2}}};

	return weft_setsockopt(r->sock, WEFT_IPPROTO_IPV6, WEFT_MCAST_JOIN_GROUP, &req,
			       sizeof(req));
}

static int sock_open(struct radv *r)
{
	uint32_t filter[FILTER_WORDS]; /* a bit set: a type that is not wanted */
	int err = weft_socket(r->st, WEFT_AF_INET6, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMPV6, &r->sock);

	if (err)
		return err;
	memset(filter, 0xff, sizeof(filter));
	filter[RADV_RS / 32] &= ~(1u << RADV_RS % 32);
	filter[RADV_RA / 32] &= ~(1u << RADV_RA % 32);
	err = weft_setsockopt(r->sock, WEFT_IPPROTO_ICMPV6, WEFT_ICMP6_FILTER, filter,
			      sizeof(filter));
	if (!err)
		err = option(r->sock, WEFT_IPV6_MULTICAST_HOPS, RADV_HOPS);
	if (!err)
		err = option(r->sock, WEFT_IPV6_UNICAST_HOPS, RADV_HOPS);
	if (!err)
		err = option(r->sock, WEFT_IPV6_MULTICAST_IF, (int)weft_netif_index(r->nif));
	if (!err)
		err = option(r->sock, WEFT_IPV6_MULTICAST_LOOP, 0);
	if (!err)
		err = option(r->sock, WEFT_IPV6_RECVPKTINFO, 1);
	if (!err)
		err = option(r->sock, WEFT_IPV6_RECVHOPLIMIT, 1);
	if (!err)
		err = join_routers(r);
	if (!err)
		weft_on_event(r->sock, on_ready, r);
	return err;
}

int radv_new(struct weft_netif *nif, struct weft_stack *st, const struct radv_config *cfg,
	     struct radv **ret)
{
	struct radv *r;
	uint8_t buf[RADV_MSG_MAX];
	int err;

	if (!radv_config_is_right(cfg) || !radv_ra_write(cfg, buf, false, buf))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->nif = nif;
	r->st = st;
	r->eng = weft_stack_engine(st);
	r->cfg = *cfg;
	r->has_prefixes = cfg->n_prefixes;
	r->n_initial = INITIAL_ADVERTS;
	r->last_ns = -1;
	r->start_ns = weft_engine_now_ns(r->eng);
	r->timer = weft_timer_new(r->eng, on_timer, r);
	err = r->timer ? sock_open(r) : -ENOMEM;
	if (err) {
		weft_close(r->sock);
		weft_timer_free(r->timer);
		free(r);
		return err;
	}
	plan_at(r, weft_engine_now_ns(r->eng));
	*ret = r;
	return 0;
}

int radv_set_search(struct radv *r, const char *const *search, uint32_t n)
{
	struct radv_config cfg = r->cfg;
	int64_t at_ns = weft_engine_now_ns(r->eng);
	uint8_t buf[RADV_MSG_MAX];

	if (n > RADV_SEARCH_MAX)
		return -EINVAL;
	for (cfg.n_search = 0; cfg.n_search < n; cfg.n_search++)
		cfg.search[cfg.n_search] = search[cfg.n_search];
	if (!radv_config_is_right(&cfg) || !radv_ra_write(&cfg, buf, false, buf))
		return -EINVAL;
	r->cfg = cfg;
	/* §6.2.4: what has changed is said a few times at once. */
	r->n_initial = INITIAL_ADVERTS;
	if (r->last_ns >= 0 && at_ns < r->last_ns + MIN_DELAY_S * NSEC_PER_SEC)
		at_ns = r->last_ns + MIN_DELAY_S * NSEC_PER_SEC;
	if (at_ns < r->next_ns)
		plan_at(r, at_ns);
	return 0;
}

void radv_free(struct radv *r)
{
	if (!r)
		return;
	if (r->last_ns >= 0)
		advertise(r, all_nodes, true); /* §6.2.5 */
	weft_close(r->sock);
	weft_timer_free(r->timer);
	free(r);
}

void radv_stats(const struct radv *r, struct radv_stats *ret)
{
	*ret = r->stats;
}
