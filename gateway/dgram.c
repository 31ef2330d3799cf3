/* SPDX-License-Identifier: MIT */
/*
 * UDP: a mapping is the host's socket of one address and port of the guest, whomever it sends to
 * (RFC 4787 REQ-1: endpoint-independent), with the guest's own port where that is free. Echo
 * requests have mappings too (echo.c).
 *
 * The list has the mappings by when they were used last, so that the first is the one to give way.
 * Answers refresh a mapping only when they come from somebody whom the guest has sent to, so that
 * nobody else can keep it alive (RFC 4787 §4.3).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* After <time.h>, which it forgets. */
#include <linux/errqueue.h>

#include "gateway/gateway_priv.h"
#include "weft/packet.h"

enum {
	GIVES_WAY_S = 60, /* idle so long, a mapping makes room for another */
	ECHO_TIMEOUT_S = 60,
	ERRORS_AT_ONCE = 16,
	BATCHES_AT_ONCE = 8,
	QUOTE_MAX = 1232,
	SLICE_IOVS = 32,
	SEGMENTS_MAX = 128, /* UDP_MAX_SEGMENTS of Linux */
};

/*
 * Mappings.
 */

static struct hlist *map_bucket(struct gateway *gw, uint8_t proto,
				const struct weft_sockaddr *guest)
{
	uint64_t a, b;

	memcpy(&a, guest->addr.bytes, sizeof(a));
	memcpy(&b, guest->addr.bytes + 8, sizeof(b));
	if (guest->addr.family == WEFT_AF_INET)
		b = 0;
	b ^= (uint64_t)guest->port << 8 | proto;
	return &gw->buckets[siphash_2u64(&gw->hash_key, a, b) % GW_BUCKETS];
}

static struct gw_map *map_find(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *guest)
{
	struct gw_map *map;

	hlist_for_each (map, map_bucket(gw, proto, guest), hash_link)
		if (map->proto == proto && map->guest.port == guest->port && !map->forward &&
		    gw_addr_eq(&map->guest.addr, &guest->addr))
			return map;
	return NULL;
}

void gw_map_free(struct gw_map *map)
{
	struct gateway *gw = map->gw;

	gw_fd_close(gw, &map->host);
	list_del(&map->link);
	hlist_del(&map->hash_link);
	gw->stats.n_mappings--;
	if (map->forward)
		map->forward->info.n_open--;
	free(map->peers);
	free(map);
}

void gw_maps_free(struct gateway *gw)
{
	struct gw_map *map;

	list_for_each_safe (map, &gw->maps, link)
		gw_map_free(map);
}

void gw_map_touch(struct gw_map *map)
{
	map->moved_ns = gw_now(map->gw);
	list_del(&map->link);
	list_add_tail(&map->gw->maps, &map->link);
}

/* The host's port is the guest's, if nobody has it. */
static int dgram_bind(const struct gw_map *map, int fd)
{
	const struct gateway_config *cfg = &map->gw->cfg;
	bool is_ip4 = map->guest.addr.family == WEFT_AF_INET;
	struct weft_sockaddr at = {.addr = is_ip4 ? cfg->bind4 : cfg->bind6,
				   .port = map->guest.port};
	struct sockaddr_storage ss;
	socklen_t len;

	at.addr.family = map->guest.addr.family;
	len = gw_sockaddr_to(&at, &ss);
	if (bind(fd, (struct sockaddr *)&ss, len) == 0)
		return 0;
	if (errno != EADDRINUSE && errno != EACCES)
		return -errno;
	at.port = 0;
	len = gw_sockaddr_to(&at, &ss);
	return bind(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

static void dgram_ready(struct gw_fd *gfd, uint32_t events);

static int dgram_socket(struct gw_map *map)
{
	bool is_ip4 = map->guest.addr.family == WEFT_AF_INET;
	int fd = gw_socket(map->gw, is_ip4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	int err;

	if (fd < 0)
		return fd;
	if (is_ip4)
		(void)gw_opt(fd, IPPROTO_IP, IP_RECVERR, 1);
	else
		(void)gw_opt(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	/* Many that came as one are read as one. */
	(void)gw_opt(fd, IPPROTO_UDP, WEFT_UDP_GRO, 1);
	err = dgram_bind(map, fd);
	if (!err)
		err = gw_fd_add(map->gw, &map->host, fd, EPOLLIN, dgram_ready);
	if (err)
		close(fd);
	return err;
}

/* There is room, or the mapping that was idle longest has made it. */
static bool map_has_room(struct gateway *gw)
{
	struct list *first = list_first(&gw->maps);
	struct gw_map *oldest;

	if (gw->stats.n_mappings < gw->cfg.limits.max_mappings)
		return true;
	gw->stats.full++;
	if (!first)
		return false;
	oldest = container_of(first, struct gw_map, link);
	if (gw_now(gw) - oldest->moved_ns < (int64_t)GIVES_WAY_S * GW_NS_PER_S)
		return false;
	gw_map_free(oldest);
	return true;
}

static struct gw_map *map_new(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *guest,
			      const struct weft_sockaddr *key)
{
	struct gw_map *map = map_has_room(gw) ? calloc(1, sizeof(*map)) : NULL;

	if (!map)
		return NULL;
	map->gw = gw;
	map->proto = proto;
	map->guest = *guest;
	map->guest.scope_id = 0;
	map->host.fd = -1;
	map->ttl = map->tos = map->df = -1;
	map->segment_max = UINT16_MAX;
	map->start_ns = map->moved_ns = gw_now(gw);
	list_add_tail(&gw->maps, &map->link);
	hlist_add(map_bucket(gw, proto, key), &map->hash_link);
	gw->stats.n_mappings++;
	return map;
}

struct gw_map *gw_map_find_client(struct gateway *gw, const struct weft_sockaddr *shown,
				  const struct weft_sockaddr *guest)
{
	struct gw_map *map;

	hlist_for_each (map, map_bucket(gw, WEFT_IPPROTO_UDP, shown), hash_link)
		if (map->forward && map->shown.port == shown->port &&
		    map->guest.port == guest->port && gw_addr_eq(&map->shown.addr, &shown->addr) &&
		    gw_addr_eq(&map->guest.addr, &guest->addr))
			return map;
	return NULL;
}

struct gw_map *gw_map_new_client(struct gw_listener *listener, const struct weft_sockaddr *client,
				 const struct weft_sockaddr *shown,
				 const struct weft_sockaddr *guest)
{
	struct gw_map *map = map_new(listener->forward->gw, WEFT_IPPROTO_UDP, guest, shown);

	if (!map)
		return NULL;
	map->forward = listener->forward;
	map->listener = listener;
	map->client = *client;
	map->shown = *shown;
	map->forward->info.n_open++;
	return map;
}

int gw_map_get(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *guest,
	       struct gw_map **ret)
{
	struct gw_map *map = map_find(gw, proto, guest);
	int err = 0;

	if (!map) {
		map = map_new(gw, proto, guest, guest);
		if (!map)
			return -ENOBUFS;
		err = proto == WEFT_IPPROTO_UDP ? dgram_socket(map) : gw_echo_socket(map);
	}
	if (err) {
		gw->stats.full += gw_is_full(-err);
		gw_map_free(map);
		return err;
	}
	*ret = map;
	return 0;
}

void gw_map_failed(struct gateway *gw, const struct weft_intercept_msg *msg, int err)
{
	bool is_udp = msg->proto == WEFT_IPPROTO_UDP;
	struct weft_sockaddr src = msg->src, dst = msg->dst;
	struct weft_icmp_error icmp;

	if (!is_udp)
		src.port = dst.port = 0;
	if (err == EACCES && !is_udp) {
		gw->stats.echo_not_allowed++;
		gw_refused_note(gw, &(struct gateway_refused){.why = GATEWAY_REFUSED_PING,
							      .proto = msg->proto,
							      .src = src,
							      .dst = dst});
		return;
	}
	gw_refused_host(gw, msg->proto, &src, &dst, err);
	if (gw_is_full(err))
		return;
	gw->stats.udp_send_errors++;
	gw_icmp_of_errno(msg->dst.addr.family, err, &icmp);
	gw_dgram_refuse(gw, msg, &icmp);
}

static bool peer_is(const struct gw_peer *p, const struct weft_sockaddr *sa, bool any_port)
{
	return (any_port || p->port == sa->port) && gw_addr_eq(&p->addr, &sa->addr);
}

static bool map_has_peer(const struct gw_map *map, const struct weft_sockaddr *sa, bool any_port)
{
	uint32_t n = map->n_peers < map->cap_peers ? map->n_peers : map->cap_peers;

	/* The latest first: it is nearly always that one. */
	for (uint32_t i = 0; i < n; i++)
		if (peer_is(&map->peers[(map->n_peers - 1 - i) % map->cap_peers], sa, any_port))
			return true;
	return false;
}

/* The guest has sent to it. The oldest one is forgotten at the bound. */
static void map_add_peer(struct gw_map *map, const struct weft_sockaddr *sa)
{
	uint32_t max = map->gw->cfg.limits.max_peers;

	if (map_has_peer(map, sa, false))
		return;
	if (map->n_peers == map->cap_peers && map->cap_peers < max) {
		uint32_t cap = map->cap_peers ? map->cap_peers * 2 : 2;
		struct gw_peer *peers;

		cap = cap < max ? cap : max;
		peers = realloc(map->peers, cap * sizeof(*peers));
		if (!peers)
			return;
		map->peers = peers;
		map->cap_peers = cap;
	}
	if (!map->cap_peers)
		return;
	if (map->n_peers >= 2 * map->cap_peers) /* the phase of the ring stays */
		map->n_peers -= map->cap_peers;
	map->peers[map->n_peers++ % map->cap_peers] =
		(struct gw_peer){.addr = sa->addr, .port = sa->port};
}

/*
 * To the host.
 */

void gw_map_set_ip(struct gw_map *map, const struct weft_intercept_msg *msg)
{
	bool is_ip4 = map->guest.addr.family == WEFT_AF_INET;
	int ttl = msg->ttl > 1 ? msg->ttl - 1 : 1;
	int level = is_ip4 ? IPPROTO_IP : IPPROTO_IPV6;

	if (map->ttl != ttl) {
		(void)gw_opt(map->host.fd, level, is_ip4 ? IP_TTL : IPV6_UNICAST_HOPS, ttl);
		map->ttl = ttl;
	}
	if (map->tos != msg->tos) {
		(void)gw_opt(map->host.fd, level, is_ip4 ? IP_TOS : IPV6_TCLASS, msg->tos);
		map->tos = msg->tos;
	}
	if (is_ip4 && map->df != msg->df) {
		(void)gw_opt(map->host.fd, IPPROTO_IP, IP_MTU_DISCOVER,
			     msg->df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
		map->df = msg->df;
	}
}

/* An ICMP error about a message of the guest's. */
void gw_dgram_refuse(struct gateway *gw, const struct weft_intercept_msg *msg,
		     const struct weft_icmp_error *icmp)
{
	struct weft_icmp_error about = *icmp;
	uint8_t quote[QUOTE_MAX];
	size_t len = 0;

	for (size_t i = 0; i < msg->n_iov && len < sizeof(quote); i++) {
		size_t n = msg->iov[i].len;

		if (n > sizeof(quote) - len)
			n = sizeof(quote) - len;
		memcpy(quote + len, msg->iov[i].base, n);
		len += n;
	}
	about.proto = msg->proto;
	about.src = msg->src;
	about.dst = msg->dst;
	about.quote = quote;
	about.quote_len = len;
	about.subject_len = (uint32_t)msg->len;
	if (gw_icmp_allow(gw))
		(void)!weft_intercept_error(gw->ic, &about);
}

/* What the host's socket says at once, without an entry in its error queue. */
void gw_dgram_send_failed(struct gw_map *map, const struct weft_intercept_msg *msg, int err)
{
	struct weft_icmp_error icmp;

	map->gw->stats.udp_send_errors++;
	switch (err) {
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EHOSTUNREACH:
	case EACCES:
	case EPERM:
		gw_icmp_of_errno(map->guest.addr.family, err, &icmp);
		gw_dgram_refuse(map->gw, msg, &icmp);
		return;
	default:
		return; /* in the error queue (EMSGSIZE, and what an earlier one met), or lost */
	}
}

static uint32_t dgrams_of(const struct weft_intercept_msg *msg)
{
	return msg->gso_size ? (uint32_t)((msg->len + msg->gso_size - 1) / msg->gso_size) : 1;
}

/* Where the answer to a client of a forward comes from is where its question went to. */
static size_t control_from(struct cmsghdr *c, const struct weft_addr *local)
{
	if (local->family == WEFT_AF_INET) {
		struct in_pktinfo info = {0};

		memcpy(&info.ipi_spec_dst, local->bytes, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	if (local->family == WEFT_AF_INET6) {
		struct in6_pktinfo info = {0};

		memcpy(&info.ipi6_addr, local->bytes, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		return CMSG_SPACE(sizeof(info));
	}
	return 0;
}

static size_t control_segment(struct cmsghdr *c, uint16_t size)
{
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = WEFT_UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	return CMSG_SPACE(sizeof(size));
}

/* 0 or -Exxx. */
static int dgram_send_now(struct gw_map *map, const struct weft_intercept_msg *msg,
			  const struct weft_sockaddr *to)
{
	int fd = map->forward ? map->listener->host.fd : map->host.fd;
	char control[128] __attribute__((aligned(8))) = {0};
	struct sockaddr_storage ss;
	struct msghdr hdr = {
		.msg_name = &ss,
		.msg_iov = (struct iovec *)(uintptr_t)msg->iov,
		.msg_iovlen = msg->n_iov,
		.msg_control = control,
	};
	size_t n = 0;

	hdr.msg_namelen = gw_sockaddr_to(to, &ss);
	if (map->forward)
		n += control_from((struct cmsghdr *)(void *)control, &map->local);
	if (msg->gso_size)
		n += control_segment((struct cmsghdr *)(void *)(control + n), msg->gso_size);
	hdr.msg_controllen = n;
	if (sendmsg(fd, &hdr, MSG_NOSIGNAL) < 0)
		return -errno;
	map->bytes_out += msg->len;
	if (map->forward)
		map->forward->info.bytes_out += msg->len;
	map->gw->stats.udp_out += dgrams_of(msg);
	return 0;
}

/* One message: a datagram, or many. */
static void dgram_send(struct gw_map *map, const struct weft_intercept_msg *msg,
		       const struct weft_sockaddr *to)
{
	int err = dgram_send_now(map, msg, to);

	/* An error that came for an earlier one is told, and this one has not gone. */
	if (err && err != -EAGAIN && err != -EMSGSIZE && !map->forward) {
		gw_map_errors(map);
		err = dgram_send_now(map, msg, to);
	}
	if (err && map->forward)
		map->gw->stats.udp_send_errors++;
	else if (err)
		gw_dgram_send_failed(map, msg, -err);
}

/* Many, where the way out does not take them together: the datagrams are too large for it, or its
 * device sums none. Each by itself may be cut into fragments, or refused with its own error. */
static void dgram_send_each(struct gw_map *map, const struct weft_intercept_msg *msg,
			    const struct weft_sockaddr *to)
{
	size_t off = 0, i = 0;

	while (i < msg->n_iov) {
		struct weft_iovec iov[SLICE_IOVS];
		struct weft_intercept_msg one = *msg;

		one.iov = iov;
		one.n_iov = one.len = one.gso_size = 0;
		while (i < msg->n_iov && one.n_iov < SLICE_IOVS && one.len < msg->gso_size) {
			size_t left = msg->iov[i].len - off, want = msg->gso_size - one.len;
			size_t n = left < want ? left : want;

			iov[one.n_iov++] =
				(struct weft_iovec){(uint8_t *)msg->iov[i].base + off, n};
			one.len += n;
			off = n == left ? 0 : off + n;
			i += n == left;
		}
		dgram_send(map, &one, to);
	}
}

static void dgrams_send(struct gw_map *map, const struct weft_intercept_msg *msg,
			const struct weft_sockaddr *to)
{
	int err;

	if (!map->forward) /* the socket of a forward has other clients too */
		gw_map_set_ip(map, msg);
	if (!msg->gso_size) {
		dgram_send(map, msg, to);
		return;
	}
	if (msg->gso_size <= map->segment_max) {
		err = dgram_send_now(map, msg, to);
		if (!err)
			return;
		if (err == -EIO)
			map->segment_max = 0;
		else if (err == -EMSGSIZE || err == -EINVAL)
			map->segment_max = (uint16_t)(msg->gso_size - 1);
	}
	dgram_send_each(map, msg, to);
}

/* It goes, now or with those behind it. */
static void dgram_take(struct gw_map *map, const struct weft_intercept_msg *msg,
		       const struct weft_sockaddr *to)
{
	gw_map_touch(map);
	if (!gw_burst_start(&map->gw->burst, map, msg, to))
		dgrams_send(map, msg, to);
}

/* What waits to go together goes. */
static void burst_flush(struct gateway *gw)
{
	struct weft_intercept_msg msg;
	struct weft_sockaddr to;
	struct gw_map *map = gw_burst_end(&gw->burst, &msg, &to);

	if (map)
		dgrams_send(map, &msg, &to);
}

/* To whom it goes, if it may. */
static bool dgram_may_go(struct gateway *gw, const struct weft_intercept_msg *msg,
			 struct weft_sockaddr *ret_to)
{
	struct weft_icmp_error icmp = {0};
	enum gw_verdict why = gw_check(gw, WEFT_IPPROTO_UDP, &msg->dst, ret_to);

	if (why == GW_ALLOWED)
		return true;
	gw->stats.denied += why == GW_DENIED;
	gw_refused_verdict(gw, WEFT_IPPROTO_UDP, &msg->src, &msg->dst, why);
	gw_icmp_of(msg->dst.addr.family, why, &icmp);
	gw_dgram_refuse(gw, msg, &icmp);
	return false;
}

static void dgram_note(struct gateway *gw, const struct weft_intercept_msg *msg,
		       enum gateway_refusal why)
{
	gw_refused_note(gw,
			&(struct gateway_refused){
				.why = why, .proto = msg->proto, .src = msg->src, .dst = msg->dst});
}

static void dgram_out(struct gateway *gw, const struct weft_intercept_msg *msg)
{
	struct weft_sockaddr to;
	struct gw_map *map;
	int err;

	if (!dgram_may_go(gw, msg, &to))
		return;
	err = gw_map_get(gw, WEFT_IPPROTO_UDP, &msg->src, &map);
	if (err) {
		gw_map_failed(gw, msg, -err);
		return;
	}
	if (gw->cfg.filtering != GATEWAY_FILTER_NONE || !map->n_peers)
		map_add_peer(map, &to);
	dgram_take(map, msg, &to);
}

/* Behind one that waits; a rule counts it too. */
static bool dgram_joins(struct gateway *gw, const struct weft_intercept_msg *msg)
{
	struct weft_sockaddr to;

	if (!gw_burst_takes(&gw->burst, msg))
		return false;
	if (gw->burst.map->forward || dgram_may_go(gw, msg, &to))
		gw_burst_add(&gw->burst, msg);
	return true;
}

static void dgram_first(struct gateway *gw, const struct weft_intercept_msg *msg)
{
	struct gw_map *client;

	if (msg->proto != WEFT_IPPROTO_UDP) {
		gw_echo_out(gw, msg);
		return;
	}
	/* No socket sends so many at once: each would be a call of ours. */
	if (dgrams_of(msg) > SEGMENTS_MAX) {
		gw->stats.udp_send_errors++;
		return;
	}
	client = gw_map_find_client(gw, &msg->dst, &msg->src);
	if (client)
		dgram_take(client, msg, &client->client);
	else
		dgram_out(gw, msg);
}

void gw_dgram_readable(struct gateway *gw)
{
	struct weft_intercept_msg msg;

	gw->burst.bytes = gw->dgrams;
	while (weft_intercept_recv(gw->ic, &msg) == 0) {
		if (!gw_source_ok(gw, &msg.src.addr)) {
			gw->stats.bad_source++;
			dgram_note(gw, &msg, GATEWAY_REFUSED_SOURCE);
			continue;
		}
		if (dgram_joins(gw, &msg))
			continue;
		burst_flush(gw);
		dgram_first(gw, &msg);
	}
	burst_flush(gw);
}

/*
 * To the guest.
 */

static bool dgram_is_wanted(const struct gw_map *map, const struct weft_sockaddr *from,
			    bool *ret_known)
{
	enum gateway_filtering how = map->gw->cfg.filtering;

	*ret_known = map_has_peer(map, from, how != GATEWAY_FILTER_ADDRESS_PORT);
	return *ret_known || how == GATEWAY_FILTER_NONE;
}

size_t gw_segment_max(const struct gateway *gw)
{
	struct weft_netif_info info;

	weft_netif_info(gw->nif, &info);
	return info.mtu - GW_DGRAM_HEADERS;
}

static void dgram_in(struct gw_map *map, const struct gw_group *group)
{
	struct gateway *gw = map->gw;
	struct weft_intercept_msg msg = {.dst = map->guest,
					 .proto = WEFT_IPPROTO_UDP,
					 .iov = group->iov,
					 .n_iov = group->n_iov,
					 .gso_size = group->gso_size};
	bool is_known;

	if (!gw_sockaddr_of(group->from, &msg.src))
		return;
	if (!dgram_is_wanted(map, &msg.src, &is_known)) {
		gw->stats.udp_filtered += group->n_dgrams;
		dgram_note(gw, &msg, GATEWAY_REFUSED_FILTERED);
		return;
	}
	if (is_known)
		gw_map_touch(map);
	msg.src.addr = gw_seen(gw, &msg.src.addr);
	if (gw_is_loopback(&msg.src.addr))
		return; /* nobody on a wire has that address */
	if (weft_intercept_send(gw->ic, &msg) == 0) {
		map->bytes_in += group->len;
		gw->stats.udp_in += group->n_dgrams;
	}
}

static void dgram_read(struct gw_map *map)
{
	size_t size_max = gw_segment_max(map->gw);
	struct gw_group group;
	struct gw_batch batch;

	for (int turn = 0; turn < BATCHES_AT_ONCE; turn++) {
		int n = gw_batch_recv(&batch, map->host.fd, map->gw->dgrams);

		while (n > 0 && gw_batch_next(&batch, size_max, &group))
			dgram_in(map, &group);
		if (n == -EAGAIN || (n >= 0 && n < GW_BATCH))
			return;
		/* In the place of a datagram it said what had become of an earlier one. */
		if (n < 0 && n != -EINTR)
			gw_map_errors(map);
	}
	gw_fd_again(&map->host);
}

static void dgram_ready(struct gw_fd *gfd, uint32_t events)
{
	struct gw_map *map = container_of(gfd, struct gw_map, host);

	if (events & EPOLLERR)
		gw_map_errors(map);
	if (events & (EPOLLIN | EPOLLERR))
		dgram_read(map);
}

/* One entry of an error queue. */
static void map_error(struct gw_map *map, const struct sock_extended_err *ee,
		      const struct sockaddr_storage *offender, const struct sockaddr_storage *to,
		      const uint8_t *quote, size_t len)
{
	bool is_ip4 = map->guest.addr.family == WEFT_AF_INET;
	struct weft_icmp_error icmp = {.proto = map->proto, .src = map->guest};
	struct weft_sockaddr from;

	if (!gw_sockaddr_of(to, &icmp.dst))
		return;
	icmp.dst.addr = gw_seen(map->gw, &icmp.dst.addr);
	if (ee->ee_origin == SO_EE_ORIGIN_ICMP || ee->ee_origin == SO_EE_ORIGIN_ICMP6) {
		icmp.type = ee->ee_type;
		icmp.code = ee->ee_code;
		if (gw_sockaddr_of(offender, &from) && !gw_is_loopback(&from.addr))
			icmp.from = from.addr;
	} else if (ee->ee_errno == EMSGSIZE) {
		icmp.type = is_ip4 ? 3 : 2;
		icmp.code = is_ip4 ? 4 : 0;
	} else {
		return; /* what sendmsg(2) has said */
	}
	if (ee->ee_errno == EMSGSIZE)
		icmp.info = ee->ee_info;
	/* Who is there by a map reports for itself. */
	if (icmp.from.family && gw_addr_eq(&icmp.from, &icmp.dst.addr) == false)
		icmp.from = gw_seen(map->gw, &icmp.from);
	if (map->proto != WEFT_IPPROTO_UDP) {
		if (len < 8)
			return;
		icmp.dst.port = (uint16_t)(quote[6] << 8 | quote[7]);
		quote += 8;
		len -= 8;
	}
	icmp.quote = quote;
	icmp.quote_len = len;
	if (gw_icmp_allow(map->gw))
		(void)!weft_intercept_error(map->gw->ic, &icmp);
}

void gw_map_errors(struct gw_map *map)
{
	for (int i = 0; i < ERRORS_AT_ONCE; i++) {
		struct sockaddr_storage to = {0}, offender = {0};
		uint8_t quote[QUOTE_MAX];
		char control[512] __attribute__((aligned(8)));
		struct iovec iov = {quote, sizeof(quote)};
		struct msghdr hdr = {
			.msg_name = &to,
			.msg_namelen = sizeof(to),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(map->host.fd, &hdr, MSG_ERRQUEUE);
		struct sock_extended_err ee;

		if (n < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&hdr); c; c = CMSG_NXTHDR(&hdr, c)) {
			bool is_err =
				(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
				(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
			size_t len = c->cmsg_len - CMSG_LEN(0);

			if (!is_err || len < sizeof(ee))
				continue;
			memcpy(&ee, CMSG_DATA(c), sizeof(ee));
			len -= sizeof(ee);
			if (len > sizeof(offender))
				len = sizeof(offender);
			memcpy(&offender, CMSG_DATA(c) + sizeof(ee), len);
			map_error(map, &ee, &offender, &to, quote, (size_t)n);
		}
	}
	gw_fd_again(&map->host);
}

void gw_dgram_sweep(struct gateway *gw)
{
	struct gw_map *map;

	/* Echoes are given up sooner, and are few. */
	list_for_each_safe (map, &gw->maps, link) {
		uint32_t timeout_s = map->proto == WEFT_IPPROTO_UDP ? gw->cfg.limits.udp_timeout_s
								    : (uint32_t)ECHO_TIMEOUT_S;

		if (gw_now(gw) - map->moved_ns >= (int64_t)timeout_s * GW_NS_PER_S)
			gw_map_free(map);
	}
}

void gw_dgram_show(const struct gw_map *map, struct gateway_flow_info *ret)
{
	int64_t now_ns = gw_now(map->gw);
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	*ret = (struct gateway_flow_info){
		.proto = map->proto,
		.is_inbound = map->forward != NULL,
		.guest = map->guest,
		.remote = map->shown,
		.wait = now_ns - map->moved_ns < GW_NS_PER_S ? GATEWAY_MOVING : GATEWAY_IDLE,
		.bytes_out = map->bytes_out,
		.bytes_in = map->bytes_in,
		.age_ns = now_ns - map->start_ns,
		.idle_ns = now_ns - map->moved_ns,
	};
	if (map->host.fd >= 0 && getsockname(map->host.fd, (struct sockaddr *)&ss, &len) == 0)
		(void)gw_sockaddr_of(&ss, &ret->host);
}
