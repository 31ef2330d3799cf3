/* SPDX-License-Identifier: MIT */
/*
 * Multicast options of datagram sockets; contracts in dgram_mcast.h. All ways to say what to join
 * become a struct mcast_req first. Errors are Linux's.
 */
#include "transport/dgram_mcast.h"

#include <errno.h>
#include <string.h>

#include "ip/ip4.h"
#include "ip/mcast.h"
#include "transport/dgram.h"
#include "weft/mcast.h"

enum {
	MCAST_TTL_DEFAULT = 1, /* RFC 1112 §6.1 */
};

/* What an option asks for. */
struct mcast_req {
	struct netif *netif;
	struct ip_addr group;
	struct ip_addr src;
};

static struct stack *ds_stack(const struct dgram_sock *ds)
{
	return ds->sk.stack;
}

void dgram_mcast_init(struct dgram_mcast *mc)
{
	list_init(&mc->members);
	mc->ttl = MCAST_TTL_DEFAULT;
}

/*
 * Which interface.
 */

/* The interface with one of our IPv4 addresses. */
static struct netif *netif_by_addr(struct stack *st, const struct ip_addr *addr)
{
	const struct ip4_ifaddr *ifa;
	struct netif *netif;

	list_for_each (netif, &st->netifs, link) {
		if (!netif->ip4)
			continue;
		list_for_each (ifa, &netif->ip4->addrs, link) {
			struct ip_addr own = ip_addr_from_ip4(&ifa->addr);

			if (ip_addr_eq(&own, addr))
				return netif;
		}
	}
	return NULL;
}

static struct netif *netif_by_route(struct stack *st, const struct ip_addr *group)
{
	const struct ip_flow flow = {.dst = *group};
	struct ip_dst dst;
	struct ip_addr src;

	return ip_route(st, &flow, &dst, &src) ? NULL : dst.netif;
}

static int req_netif(struct stack *st, uint32_t ifindex, const struct ip_addr *addr,
		     struct mcast_req *req)
{
	if (!ip_addr_is_multicast(&req->group))
		return -EINVAL;
	if (ifindex)
		req->netif = netif_find_index(st, ifindex);
	else if (addr && !ip_addr_is_unspecified(addr))
		req->netif = netif_by_addr(st, addr);
	else
		req->netif = netif_by_route(st, &req->group);
	return req->netif ? 0 : -ENODEV;
}

/*
 * Members.
 */

static struct mcast_member *member_find(const struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m;

	list_for_each (m, &ds->mcast.members, link)
		if (m->ifindex == req->netif->index && ip_addr_eq(&m->addr, &req->group))
			return m;
	return NULL;
}

static int member_new(struct dgram_sock *ds, const struct mcast_req *req, bool is_exclude,
		      struct mcast_member **ret)
{
	struct stack *st = ds_stack(ds);
	struct mcast_member *m;

	if (ds->mcast.n_members >= st->mcast->conf.max_memberships)
		return -ENOBUFS;
	m = mem_zalloc(&st->eng->mem, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->addr = req->group;
	m->filter.is_exclude = is_exclude;
	*ret = m;
	return 0;
}

static void member_free(struct dgram_sock *ds, struct mcast_member *m)
{
	struct stack *st = ds_stack(ds);

	mcast_leave(m);
	mcast_filter_fini(st, &m->filter);
	mem_free(&st->eng->mem, m, sizeof(*m));
}

static void member_del(struct dgram_sock *ds, struct mcast_member *m)
{
	list_del(&m->link);
	ds->mcast.n_members--;
	member_free(ds, m);
}

/* Takes `m`, also on failure. */
static int member_join(struct dgram_sock *ds, struct netif *netif, struct mcast_member *m)
{
	int err = mcast_join(netif, m);

	if (err) {
		member_free(ds, m);
		return err;
	}
	list_add_tail(&ds->mcast.members, &m->link);
	ds->mcast.n_members++;
	return 0;
}

void dgram_mcast_fini(struct dgram_sock *ds)
{
	struct mcast_member *m;

	list_for_each_safe (m, &ds->mcast.members, link)
		member_del(ds, m);
}

bool dgram_mcast_takes(const struct dgram_sock *ds, const struct ip_info *info, uint32_t ifindex)
{
	const struct mcast_member *m;

	list_for_each (m, &ds->mcast.members, link)
		if (m->ifindex == ifindex && ip_addr_eq(&m->addr, &info->dst))
			return mcast_filter_takes(&m->filter, &info->src);
	return !ds->mcast.only_joined;
}

/*
 * What the options do.
 */

static int group_join(struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m;
	int err;

	if (member_find(ds, req))
		return -EADDRINUSE;
	err = member_new(ds, req, true, &m);
	return err ? err : member_join(ds, req->netif, m);
}

static int group_leave(struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m = member_find(ds, req);

	if (!m)
		return -EADDRNOTAVAIL;
	member_del(ds, m);
	return 0;
}

static int source_add(struct dgram_sock *ds, struct mcast_member *m, const struct ip_addr *src)
{
	int err;

	if (m->filter.n_srcs >= ds_stack(ds)->mcast->conf.max_msf)
		return -ENOBUFS;
	err = mcast_filter_add(ds_stack(ds), &m->filter, src);
	if (err)
		return err == -EEXIST ? -EADDRNOTAVAIL : err;
	mcast_changed(m);
	return 0;
}

/* A membership with sources is of one mode; an empty one changes it (as Linux). */
static int source_mode(struct mcast_member *m, bool is_exclude)
{
	if (m->filter.is_exclude == is_exclude)
		return 0;
	if (m->filter.n_srcs)
		return -EINVAL;
	m->filter.is_exclude = is_exclude;
	return 0;
}

static int source_join(struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m = member_find(ds, req);
	int err;

	if (m) {
		err = source_mode(m, false);
		return err ? err : source_add(ds, m, &req->src);
	}
	err = member_new(ds, req, false, &m);
	if (err)
		return err;
	err = mcast_filter_add(ds_stack(ds), &m->filter, &req->src);
	if (err) {
		member_free(ds, m);
		return err;
	}
	return member_join(ds, req->netif, m);
}

static int source_leave(struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m = member_find(ds, req);
	int err;

	if (!m || m->filter.is_exclude)
		return -EINVAL;
	err = mcast_filter_del(ds_stack(ds), &m->filter, &req->src);
	if (err)
		return err == -ENOENT ? -EADDRNOTAVAIL : err;
	if (m->filter.n_srcs)
		mcast_changed(m);
	else
		member_del(ds, m);
	return 0;
}

static int source_block(struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m = member_find(ds, req);
	int err = m ? source_mode(m, true) : -EINVAL;

	return err ? err : source_add(ds, m, &req->src);
}

static int source_unblock(struct dgram_sock *ds, const struct mcast_req *req)
{
	struct mcast_member *m = member_find(ds, req);
	int err;

	if (!m || !m->filter.is_exclude)
		return -EINVAL;
	err = mcast_filter_del(ds_stack(ds), &m->filter, &req->src);
	if (err)
		return err == -ENOENT ? -EADDRNOTAVAIL : err;
	mcast_changed(m);
	return 0;
}

/*
 * The forms in which they are said.
 */

static struct ip_addr addr4_at(const uint8_t b[4])
{
	struct ip4_addr a;

	memcpy(&a, b, sizeof(a));
	return ip_addr_from_ip4(&a);
}

/* -EINVAL: of another family than the socket. */
static int addr_get(const struct dgram_sock *ds, const struct weft_addr *from, struct ip_addr *ret)
{
	if (from->family != ds->sk.conn.family)
		return -EINVAL;
	if (from->family == WEFT_AF_INET)
		*ret = addr4_at(from->bytes);
	else
		memcpy(ret, from->bytes, sizeof(*ret));
	return 0;
}

/* struct ip_mreqn, or its first 8 bytes, struct ip_mreq. */
static int mreqn_read(const void *val, size_t len, struct weft_ip_mreqn *ret)
{
	*ret = (struct weft_ip_mreqn){.ifindex = 0};
	if (len < offsetof(struct weft_ip_mreqn, ifindex))
		return -EINVAL;
	memcpy(ret, val,
	       len < sizeof(*ret) ? offsetof(struct weft_ip_mreqn, ifindex) : sizeof(*ret));
	return ret->ifindex < 0 ? -ENODEV : 0;
}

static int set_membership4(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	struct weft_ip_mreqn mreqn;
	struct mcast_req req = {.netif = NULL};
	struct ip_addr addr;
	int err = mreqn_read(val, len, &mreqn);

	if (err)
		return err;
	req.group = addr4_at(mreqn.multiaddr);
	addr = addr4_at(mreqn.address);
	err = req_netif(ds_stack(ds), (uint32_t)mreqn.ifindex, &addr, &req);
	if (err)
		return err;
	return name == WEFT_IP_ADD_MEMBERSHIP ? group_join(ds, &req) : group_leave(ds, &req);
}

static int set_source4(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	struct weft_ip_mreq_source mreqs;
	struct mcast_req req = {.netif = NULL};
	struct ip_addr addr;
	int err;

	if (len != sizeof(mreqs))
		return -EINVAL;
	memcpy(&mreqs, val, sizeof(mreqs));
	req.group = addr4_at(mreqs.multiaddr);
	req.src = addr4_at(mreqs.sourceaddr);
	addr = addr4_at(mreqs.interface);
	err = req_netif(ds_stack(ds), 0, &addr, &req);
	if (err)
		return err;
	switch (name) {
	case WEFT_IP_ADD_SOURCE_MEMBERSHIP:
		return source_join(ds, &req);
	case WEFT_IP_DROP_SOURCE_MEMBERSHIP:
		return source_leave(ds, &req);
	case WEFT_IP_BLOCK_SOURCE:
		return source_block(ds, &req);
	default:
		return source_unblock(ds, &req);
	}
}

static int set_membership6(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	struct weft_ipv6_mreq mreq;
	struct mcast_req req = {.netif = NULL};
	int err;

	if (len < sizeof(mreq))
		return -EINVAL;
	memcpy(&mreq, val, sizeof(mreq));
	memcpy(&req.group, mreq.multiaddr, sizeof(req.group));
	if (mreq.ifindex < 0)
		return -ENODEV;
	err = req_netif(ds_stack(ds), (uint32_t)mreq.ifindex, NULL, &req);
	if (err)
		return err;
	return name == WEFT_IPV6_ADD_MEMBERSHIP ? group_join(ds, &req) : group_leave(ds, &req);
}

static int set_group(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	struct weft_group_req greq;
	struct mcast_req req = {.netif = NULL};
	int err;

	if (len < sizeof(greq))
		return -EINVAL;
	memcpy(&greq, val, sizeof(greq));
	err = addr_get(ds, &greq.group, &req.group);
	if (!err)
		err = req_netif(ds_stack(ds), greq.ifindex, NULL, &req);
	if (err)
		return err;
	return name == WEFT_MCAST_JOIN_GROUP ? group_join(ds, &req) : group_leave(ds, &req);
}

static int set_group_source(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	struct weft_group_source_req gsreq;
	struct mcast_req req = {.netif = NULL};
	int err;

	if (len < sizeof(gsreq))
		return -EINVAL;
	memcpy(&gsreq, val, sizeof(gsreq));
	err = addr_get(ds, &gsreq.group, &req.group);
	if (!err)
		err = addr_get(ds, &gsreq.source, &req.src);
	if (!err)
		err = req_netif(ds_stack(ds), gsreq.ifindex, NULL, &req);
	if (err)
		return err;
	switch (name) {
	case WEFT_MCAST_JOIN_SOURCE_GROUP:
		return source_join(ds, &req);
	case WEFT_MCAST_LEAVE_SOURCE_GROUP:
		return source_leave(ds, &req);
	case WEFT_MCAST_BLOCK_SOURCE:
		return source_block(ds, &req);
	default:
		return source_unblock(ds, &req);
	}
}

/* All of the filter at once (RFC 3678 §4.1.3). */
static int filter_read(struct dgram_sock *ds, const struct weft_group_filter *head,
		       const uint8_t *srcs, struct mcast_filter *ret)
{
	struct mcast_filter f = {.is_exclude = head->fmode == WEFT_MCAST_EXCLUDE};
	int err = 0;

	for (uint32_t i = 0; i < head->n_srcs && !err; i++) {
		struct weft_addr a;
		struct ip_addr src;

		memcpy(&a, srcs + i * sizeof(a), sizeof(a));
		err = addr_get(ds, &a, &src);
		if (!err)
			err = mcast_filter_add(ds_stack(ds), &f, &src);
		if (err == -EEXIST)
			err = 0;
	}
	if (err)
		mcast_filter_fini(ds_stack(ds), &f);
	else
		*ret = f;
	return err;
}

static int set_filter(struct dgram_sock *ds, const void *val, size_t len)
{
	struct weft_group_filter head;
	struct mcast_req req = {.netif = NULL};
	struct mcast_filter f;
	struct mcast_member *m;
	int err;

	if (len < sizeof(head))
		return -EINVAL;
	memcpy(&head, val, sizeof(head));
	if (head.fmode != WEFT_MCAST_EXCLUDE && head.fmode != WEFT_MCAST_INCLUDE)
		return -EINVAL;
	if (head.n_srcs > ds_stack(ds)->mcast->conf.max_msf)
		return -ENOBUFS;
	if (len < sizeof(head) + head.n_srcs * sizeof(struct weft_addr))
		return -EINVAL;
	err = addr_get(ds, &head.group, &req.group);
	if (!err)
		err = req_netif(ds_stack(ds), head.ifindex, NULL, &req);
	if (err)
		return err;
	if (head.fmode == WEFT_MCAST_INCLUDE && head.n_srcs == 0)
		return group_leave(ds, &req);
	m = member_find(ds, &req);
	if (!m)
		return -EINVAL;
	err = filter_read(ds, &head, (const uint8_t *)val + sizeof(head), &f);
	if (err)
		return err;
	mcast_filter_fini(ds_stack(ds), &m->filter);
	m->filter = f;
	mcast_changed(m);
	return 0;
}

static int get_filter(const struct dgram_sock *ds, void *val, size_t *len)
{
	struct weft_group_filter head;
	struct mcast_req req = {.netif = NULL};
	const struct mcast_member *m;
	uint32_t room;
	int err;

	if (*len < sizeof(head))
		return -EINVAL;
	memcpy(&head, val, sizeof(head));
	err = addr_get(ds, &head.group, &req.group);
	if (!err)
		err = req_netif(ds_stack(ds), head.ifindex, NULL, &req);
	if (err)
		return err;
	m = member_find(ds, &req);
	if (!m)
		return -EADDRNOTAVAIL;
	room = (uint32_t)((*len - sizeof(head)) / sizeof(struct weft_addr));
	if (room > head.n_srcs)
		room = head.n_srcs;
	if (room > m->filter.n_srcs)
		room = m->filter.n_srcs;
	for (uint32_t i = 0; i < room; i++) {
		const struct ip_addr *src = &m->filter.srcs[i];
		struct weft_addr a = {.family = (uint8_t)ds->sk.conn.family};

		if (a.family == WEFT_AF_INET)
			memcpy(a.bytes, src->b + 12, sizeof(struct ip4_addr));
		else
			memcpy(a.bytes, src, sizeof(*src));
		memcpy((uint8_t *)val + sizeof(head) + i * sizeof(a), &a, sizeof(a));
	}
	head.fmode = m->filter.is_exclude ? WEFT_MCAST_EXCLUDE : WEFT_MCAST_INCLUDE;
	head.n_srcs = m->filter.n_srcs;
	memcpy(val, &head, sizeof(head));
	*len = sizeof(head) + room * sizeof(struct weft_addr);
	return 0;
}

/* An address alone, struct ip_mreq or struct ip_mreqn. */
static int set_multicast_if4(struct dgram_sock *ds, const void *val, size_t len)
{
	struct weft_ip_mreqn mreqn = {.ifindex = 0};
	struct stack *st = ds_stack(ds);
	struct netif *netif = NULL;
	struct ip_addr addr;
	int err = 0;

	if (len < sizeof(struct ip4_addr))
		return -EINVAL;
	if (len < offsetof(struct weft_ip_mreqn, ifindex))
		memcpy(mreqn.address, val, sizeof(mreqn.address));
	else
		err = mreqn_read(val, len, &mreqn);
	if (err)
		return err;
	addr = addr4_at(mreqn.address);
	if (mreqn.ifindex)
		netif = netif_find_index(st, (uint32_t)mreqn.ifindex);
	else if (!ip_addr_is_unspecified(&addr))
		netif = netif_by_addr(st, &addr);
	if (!netif && (mreqn.ifindex || !ip_addr_is_unspecified(&addr)))
		return -EADDRNOTAVAIL;
	if (netif && ds->sk.conn.ifindex && ds->sk.conn.ifindex != netif->index)
		return -EINVAL;
	ds->mcast.ifindex = netif ? netif->index : 0;
	ds->mcast.src = ip_addr_is_unspecified(&addr) ? (struct ip_addr){{0}} : addr;
	ds->sk.dst = (struct ip_dst){0};
	return 0;
}

static int set_multicast_if6(struct dgram_sock *ds, int v)
{
	if (v < 0 || (v && !netif_find_index(ds_stack(ds), (uint32_t)v)))
		return -ENODEV;
	if (v && ds->sk.conn.ifindex && ds->sk.conn.ifindex != (uint32_t)v)
		return -EINVAL;
	ds->mcast.ifindex = (uint32_t)v;
	ds->mcast.src = (struct ip_addr){{0}};
	ds->sk.dst = (struct ip_dst){0};
	return 0;
}

/* As all options of IP, an int or a byte. */
static int int_read(const void *val, size_t len, int *ret)
{
	if (len == 0)
		return -EINVAL;
	if (len < sizeof(*ret))
		*ret = *(const uint8_t *)val;
	else
		memcpy(ret, val, sizeof(*ret));
	return 0;
}

static int set_ttl(struct dgram_sock *ds, int v)
{
	if (v < -1 || v > UINT8_MAX)
		return -EINVAL;
	ds->mcast.ttl = v == -1 ? MCAST_TTL_DEFAULT : (uint8_t)v;
	return 0;
}

static int set_flag(bool *flag, int v)
{
	if (v != 0 && v != 1)
		return -EINVAL;
	*flag = !v;
	return 0;
}

/* IPV6_* and IP_* of the same meaning. */
enum mcast_int {
	MCAST_INT_NONE,
	MCAST_INT_TTL,
	MCAST_INT_LOOP,
	MCAST_INT_ALL,
	MCAST_INT_IF6,
};

static enum mcast_int int_option(int level, int name)
{
	static const struct {
		int level, name;
		enum mcast_int what;
	} ints[] = {
		{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_TTL, MCAST_INT_TTL},
		{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_LOOP, MCAST_INT_LOOP},
		{WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_ALL, MCAST_INT_ALL},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_HOPS, MCAST_INT_TTL},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_LOOP, MCAST_INT_LOOP},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_ALL, MCAST_INT_ALL},
		{WEFT_IPPROTO_IPV6, WEFT_IPV6_MULTICAST_IF, MCAST_INT_IF6},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ints); i++)
		if (ints[i].level == level && ints[i].name == name)
			return ints[i].what;
	return MCAST_INT_NONE;
}

static int set_int(struct dgram_sock *ds, enum mcast_int what, int v)
{
	switch (what) {
	case MCAST_INT_TTL:
		return set_ttl(ds, v);
	case MCAST_INT_LOOP: /* as Linux, IPv4 takes any number */
		return set_flag(&ds->mcast.no_loop,
				ds->sk.conn.family == WEFT_AF_INET ? v != 0 : v);
	case MCAST_INT_ALL:
		return set_flag(&ds->mcast.only_joined, v);
	default:
		return set_multicast_if6(ds, v);
	}
}

static int set_both(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	switch (name) {
	case WEFT_MCAST_JOIN_GROUP:
	case WEFT_MCAST_LEAVE_GROUP:
		return set_group(ds, name, val, len);
	case WEFT_MCAST_BLOCK_SOURCE:
	case WEFT_MCAST_UNBLOCK_SOURCE:
	case WEFT_MCAST_JOIN_SOURCE_GROUP:
	case WEFT_MCAST_LEAVE_SOURCE_GROUP:
		return set_group_source(ds, name, val, len);
	case WEFT_MCAST_MSFILTER:
		return set_filter(ds, val, len);
	default:
		return -ENOPROTOOPT;
	}
}

static int set_ip4(struct dgram_sock *ds, int name, const void *val, size_t len)
{
	switch (name) {
	case WEFT_IP_MULTICAST_IF:
		return set_multicast_if4(ds, val, len);
	case WEFT_IP_ADD_MEMBERSHIP:
	case WEFT_IP_DROP_MEMBERSHIP:
		return set_membership4(ds, name, val, len);
	case WEFT_IP_UNBLOCK_SOURCE:
	case WEFT_IP_BLOCK_SOURCE:
	case WEFT_IP_ADD_SOURCE_MEMBERSHIP:
	case WEFT_IP_DROP_SOURCE_MEMBERSHIP:
		return set_source4(ds, name, val, len);
	default:
		return set_both(ds, name, val, len);
	}
}

int dgram_mcast_setopt(struct dgram_sock *ds, int level, int name, const void *val, size_t len)
{
	enum mcast_int what = int_option(level, name);
	int v, err;

	if (level == WEFT_IPPROTO_IPV6 && ds->sk.conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	if (what != MCAST_INT_NONE) {
		err = int_read(val, len, &v);
		return err ? err : set_int(ds, what, v);
	}
	if (level == WEFT_IPPROTO_IP)
		return set_ip4(ds, name, val, len);
	if (level != WEFT_IPPROTO_IPV6)
		return -ENOPROTOOPT;
	if (name == WEFT_IPV6_ADD_MEMBERSHIP || name == WEFT_IPV6_DROP_MEMBERSHIP)
		return set_membership6(ds, name, val, len);
	return set_both(ds, name, val, len);
}

static int get_put(void *val, size_t *len, const void *from, size_t from_len)
{
	if (*len > from_len)
		*len = from_len;
	if (*len)
		memcpy(val, from, *len);
	return 0;
}

int dgram_mcast_getopt(struct dgram_sock *ds, int level, int name, void *val, size_t *len)
{
	const struct dgram_mcast *mc = &ds->mcast;
	int v;

	if (level == WEFT_IPPROTO_IPV6 && ds->sk.conn.family != WEFT_AF_INET6)
		return -ENOPROTOOPT;
	switch (int_option(level, name)) {
	case MCAST_INT_TTL:
		v = mc->ttl;
		break;
	case MCAST_INT_LOOP:
		v = !mc->no_loop;
		break;
	case MCAST_INT_ALL:
		v = !mc->only_joined;
		break;
	case MCAST_INT_IF6:
		v = (int)mc->ifindex;
		break;
	default:
		if (level == WEFT_IPPROTO_IP && name == WEFT_IP_MULTICAST_IF)
			return get_put(val, len, mc->src.b + 12, sizeof(struct ip4_addr));
		if (name == WEFT_MCAST_MSFILTER &&
		    (level == WEFT_IPPROTO_IP || level == WEFT_IPPROTO_IPV6))
			return get_filter(ds, val, len);
		return -ENOPROTOOPT;
	}
	return get_put(val, len, &v, sizeof(v));
}
