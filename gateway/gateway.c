/* SPDX-License-Identifier: MIT */
/* Life of a gateway, its descriptors, and who may speak to whom; the contract is in gateway.h. */
#include "gateway/gateway.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/gateway_priv.h"

enum {
	SWEEP_S = 5,
	KEPT_DESCRIPTORS = 64,
	KEPT_AT_LEAST = 16, /* beyond those that are open when the gateway is made */
};

int64_t gw_now(const struct gateway *gw)
{
	return weft_engine_now_ns(gw->eng);
}

/*
 * Descriptors.
 */

static void fd_ready(void *arg, uint32_t events)
{
	struct gw_fd *gfd = arg;

	gfd->ready(gfd, events);
}

int gw_fd_add(struct gateway *gw, struct gw_fd *gfd, int fd, uint32_t events,
	      void (*ready)(struct gw_fd *fd, uint32_t events))
{
	int err = weft_watch_new(gw->loop, fd, events | EPOLLET, fd_ready, gfd, &gfd->watch);

	if (err)
		return err;
	gfd->fd = fd;
	gfd->events = events;
	gfd->ready = ready;
	gw->stats.n_fds++;
	return 0;
}

bool gw_fd_fits(const struct gateway *gw)
{
	return gw->stats.n_fds < gw->cfg.limits.max_descriptors;
}

void gw_fd_again(struct gw_fd *gfd)
{
	/* It is in the set: the kernel looks anew whether it is ready. */
	(void)!weft_watch_set(gfd->watch, gfd->events | EPOLLET);
}

int gw_fd_set(struct gw_fd *gfd, uint32_t events)
{
	gfd->events = events;
	return weft_watch_set(gfd->watch, events | EPOLLET);
}

void gw_fd_close(struct gateway *gw, struct gw_fd *gfd)
{
	if (gfd->fd < 0)
		return;
	weft_watch_close(gfd->watch);
	gfd->watch = NULL;
	gfd->fd = -1;
	gw->stats.n_fds--;
}

/*
 * Who may speak to whom.
 */

bool gw_in_prefix(const struct weft_addr *addr, const struct weft_addr *prefix, uint8_t len)
{
	uint8_t n_bytes = len / 8, n_bits = len % 8;

	if (addr->family != prefix->family || memcmp(addr->bytes, prefix->bytes, n_bytes))
		return false;
	return !n_bits || ((addr->bytes[n_bytes] ^ prefix->bytes[n_bytes]) >> (8 - n_bits)) == 0;
}

bool gw_is_loopback(const struct weft_addr *addr)
{
	static const uint8_t one[16] = {[15] = 1};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (addr->family == WEFT_AF_INET)
		return addr->bytes[0] == 127;
	return memcmp(addr->bytes, one, 16) == 0 ||
	       (memcmp(addr->bytes, mapped, 12) == 0 && addr->bytes[12] == 127);
}

static bool addr_is_unspecified(const struct weft_addr *addr)
{
	static const uint8_t zero[16];

	return memcmp(addr->bytes, zero, addr->family == WEFT_AF_INET ? 4 : 16) == 0;
}

static bool is_on_link(const struct gateway *gw, const struct weft_addr *addr)
{
	const struct gateway_config *cfg = &gw->cfg;

	if (addr->family == WEFT_AF_INET)
		return cfg->guest4.family && gw_in_prefix(addr, &cfg->guest4, cfg->guest4_len);
	return cfg->guest6.family && gw_in_prefix(addr, &cfg->guest6, cfg->guest6_len);
}

bool gw_source_ok(const struct gateway *gw, const struct weft_addr *src)
{
	return is_on_link(gw, src);
}

static bool is_own(const struct gateway *gw, const struct weft_addr *addr)
{
	for (size_t i = 0; i < gw->n_own; i++)
		if (gw_addr_eq(&gw->own[i], addr))
			return true;
	return false;
}

bool gw_is_map(const struct gateway *gw, const struct weft_addr *addr)
{
	for (size_t i = 0; i < gw->n_maps_addr; i++)
		if (gw_addr_eq(&gw->maps_addr[i].guest, addr))
			return true;
	return false;
}

enum gw_verdict gw_check(const struct gateway *gw, uint8_t proto, const struct weft_sockaddr *dst,
			 struct weft_sockaddr *ret_host)
{
	struct weft_sockaddr host = *dst;
	bool is_mapped = false;

	for (size_t i = 0; i < gw->n_maps_addr && !is_mapped; i++) {
		if (!gw_addr_eq(&gw->maps_addr[i].guest, &dst->addr))
			continue;
		host.addr = gw->maps_addr[i].host;
		is_mapped = gw->cfg.allow_host_loopback || !gw_is_loopback(&host.addr);
	}
	if (!is_mapped && is_own(gw, &dst->addr))
		return GW_NOBODY;
	if (!is_mapped && is_on_link(gw, &dst->addr))
		return GW_ON_LINK;
	/* The unspecified address means this host to connect(2). */
	if (addr_is_unspecified(&host.addr) ||
	    (gw_is_loopback(&host.addr) && !gw->cfg.allow_host_loopback))
		return GW_DENIED;
	if (!gw_rules_allow(gw, proto, dst) || (is_mapped && !gw_rules_allow(gw, proto, &host)))
		return GW_DENIED;
	host.scope_id = 0;
	*ret_host = host;
	return GW_ALLOWED;
}

struct weft_addr gw_seen(const struct gateway *gw, const struct weft_addr *host)
{
	for (size_t i = 0; i < gw->n_maps_addr; i++)
		if (gw_addr_eq(&gw->maps_addr[i].host, host))
			return gw->maps_addr[i].guest;
	return *host;
}

void gw_icmp_of(uint8_t family, enum gw_verdict why, struct weft_icmp_error *ret)
{
	bool is_ip4 = family == WEFT_AF_INET;

	ret->type = is_ip4 ? 3 : 1; /* unreachable */
	switch (why) {
	case GW_NOBODY:
		ret->code = is_ip4 ? 3 : 4; /* port */
		break;
	case GW_ON_LINK:
		ret->code = is_ip4 ? 1 : 3; /* host, address */
		break;
	default:
		ret->code = is_ip4 ? 13 : 1; /* administratively prohibited */
	}
}

void gw_icmp_of_errno(uint8_t family, int err, struct weft_icmp_error *ret)
{
	bool is_ip4 = family == WEFT_AF_INET;

	*ret = (struct weft_icmp_error){.type = is_ip4 ? 3 : 1};
	switch (err) {
	case ENETUNREACH:
	case ENETDOWN:
	case ENODEV:
	case EADDRNOTAVAIL: /* no address of that family */
		ret->code = 0;
		break;
	case EACCES:
	case EPERM:
		ret->code = is_ip4 ? 13 : 1;
		break;
	default:
		ret->code = is_ip4 ? 1 : 3;
	}
}

bool gw_icmp_allow(struct gateway *gw)
{
	int64_t now_s = gw_now(gw) / GW_NS_PER_S;

	if (gw->icmp_s != now_s) {
		gw->icmp_s = now_s;
		gw->icmp_n = 0;
	}
	if (gw->icmp_n < gw->cfg.limits.icmp_errors_per_s) {
		gw->icmp_n++;
		gw->stats.icmp_errors++;
		return true;
	}
	gw->stats.icmp_errors_limited++;
	return false;
}

/*
 * What comes from the stack.
 */

static void gateway_request(void *arg, struct weft_tcp_request *req)
{
	gw_flow_request(arg, req);
}

static void gateway_cancelled(void *arg, struct weft_tcp_request *req)
{
	gw_flow_cancelled(arg, req);
}

static void gateway_readable(void *arg)
{
	gw_dgram_readable(arg);
}

static void gateway_ends(void *arg)
{
	gw_flow_ends(arg);
}

static void gateway_sweep(void *arg)
{
	struct gateway *gw = arg;

	gw_flow_sweep(gw);
	gw_dgram_sweep(gw);
	gw_forwards_sweep(gw);
	gw_hostaddr_sweep(gw);
	weft_timer_start(gw->sweep, gw_now(gw) + (int64_t)SWEEP_S * GW_NS_PER_S);
}

/*
 * Life.
 */

static int PRINTF_LIKE(3, 4) refuse(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, GATEWAY_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

static uint32_t or_default(uint32_t v, uint32_t deflt)
{
	return v ? v : deflt;
}

/* So many are open: the lowest number that is free. */
static rlim_t descriptors_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? (rlim_t)fd : 0;
}

/* Whoever looks what is wrong finds a descriptor when the guest has had all that it may have. */
static uint32_t descriptors_max(void)
{
	struct rlimit lim;
	rlim_t max, kept;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_max > UINT32_MAX)
		return UINT32_MAX;
	max = lim.rlim_max; /* the sandbox raises the other one to it */
	kept = max / 4 < KEPT_DESCRIPTORS ? max / 4 : KEPT_DESCRIPTORS;
	if (kept < descriptors_open() + KEPT_AT_LEAST)
		kept = descriptors_open() + KEPT_AT_LEAST;
	if (kept > max / 2)
		kept = max / 2;
	return (uint32_t)(max - kept);
}

static void limits_fill(struct gateway_limits *l)
{
	l->max_flows = or_default(l->max_flows, 4096);
	l->max_connecting = or_default(l->max_connecting, 1024);
	l->max_half_open = or_default(l->max_half_open, l->max_flows / 2 + 1);
	l->max_mappings = or_default(l->max_mappings, 1024);
	l->max_peers = or_default(l->max_peers, 64);
	l->max_buffer_bytes = or_default(l->max_buffer_bytes, 32 * GW_CHUNK);
	l->max_memory_bytes = or_default(l->max_memory_bytes, 128u << 20);
	l->udp_timeout_s = or_default(l->udp_timeout_s, 300);
	l->connect_timeout_s = or_default(l->connect_timeout_s, 120);
	l->icmp_errors_per_s = or_default(l->icmp_errors_per_s, 1000);
	l->max_descriptors = or_default(l->max_descriptors, descriptors_max());
}

static void own_add(void *arg, const struct weft_addr_info *info)
{
	struct gateway *gw = arg;

	if (info->dev == gw->nif && gw->n_own < GW_OWN_MAX)
		gw->own[gw->n_own++] = info->addr;
}

static int maps_set(struct gateway *gw, const struct gateway_config *cfg, char *msg)
{
	if (cfg->n_maps > GATEWAY_MAPS_MAX)
		return refuse(msg, -E2BIG, "more than %d mapped addresses", GATEWAY_MAPS_MAX);
	for (size_t i = 0; i < cfg->n_maps; i++)
		if (!cfg->maps[i].guest.family ||
		    cfg->maps[i].guest.family != cfg->maps[i].host.family)
			return refuse(msg, -EINVAL, "a mapped address needs two of one family");
	if (cfg->n_maps)
		memcpy(gw->maps_addr, cfg->maps, cfg->n_maps * sizeof(cfg->maps[0]));
	gw->n_maps_addr = cfg->n_maps;
	return 0;
}

static int gateway_open(struct gateway *gw, const struct gateway_config *cfg, char *msg)
{
	const struct weft_intercept_config icfg = {
		.request = gateway_request,
		.cancelled = gateway_cancelled,
		.readable = gateway_readable,
		.arg = gw,
		.max_requests = gw->cfg.limits.max_connecting,
	};
	int err = maps_set(gw, cfg, msg);

	if (err)
		return err;
	err = gateway_set_rules(gw, cfg->rules, cfg->n_rules);
	if (err)
		return refuse(msg, err, "access rules: %s", strerror(-err));
	gw->dgrams = malloc((size_t)GW_BATCH * GW_DGRAM_MAX);
	gw->sweep = weft_timer_new(gw->eng, gateway_sweep, gw);
	gw->end_timer = weft_timer_new(gw->eng, gateway_ends, gw);
	if (!gw->dgrams || !gw->sweep || !gw->end_timer)
		return refuse(msg, -ENOMEM, "out of memory");
	weft_addrs(gw->st, own_add, gw);
	err = weft_intercept_new(gw->nif, &icfg, &gw->ic);
	if (err)
		return refuse(msg, err, "cannot answer for others on the interface: %s",
			      strerror(-err));
	gw_echo_open(gw);
	gw_hostaddr_open(gw);
	gateway_sweep(gw);
	return 0;
}

int gateway_new(struct weft_loop *loop, struct weft_stack *st, struct weft_netif *nif,
		const struct gateway_config *cfg, struct gateway **ret, char *ret_msg)
{
	struct gateway *gw = calloc(1, sizeof(*gw));
	int err;

	if (!gw)
		return refuse(ret_msg, -ENOMEM, "out of memory");
	gw->loop = loop;
	gw->st = st;
	gw->eng = weft_stack_engine(st);
	gw->nif = nif;
	gw->addr_fd = -1;
	gw->cfg = *cfg;
	gw->cfg.maps = NULL;
	gw->cfg.rules = NULL;
	limits_fill(&gw->cfg.limits);
	list_init(&gw->flows);
	list_init(&gw->maps);
	list_init(&gw->forwards);
	gw_half_init(gw);
	list_init(&gw->ends);
	gw->hash_key =
		(struct siphash_key){weft_engine_random(gw->eng), weft_engine_random(gw->eng)};
	err = gateway_open(gw, cfg, ret_msg);
	if (err) {
		gateway_free(gw);
		return err;
	}
	*ret = gw;
	return 0;
}

void gateway_free(struct gateway *gw)
{
	if (!gw)
		return;
	gw->is_ending = true;
	gw_flows_abort(gw);
	gw_maps_free(gw);
	gw_forwards_free(gw);
	gw_hostaddr_close(gw);
	weft_intercept_free(gw->ic);
	weft_timer_free(gw->sweep);
	weft_timer_free(gw->end_timer);
	free(gw->dgrams);
	free(gw->rules);
	free(gw);
}

void gateway_guest_gone(struct gateway *gw)
{
	gw_flows_abort(gw);
	gw_maps_free(gw);
}

void gateway_set_guest(struct gateway *gw, const struct weft_addr *addr)
{
	if (addr->family == WEFT_AF_INET)
		gw->cfg.guest4 = *addr;
	else if (addr->family == WEFT_AF_INET6)
		gw->cfg.guest6 = *addr;
}

/*
 * Looking inside.
 */

const char *gateway_wait_name(enum gateway_wait wait)
{
	static const char *const names[GATEWAY_WAIT_MAX] = {
		[GATEWAY_MOVING] = "moving",
		[GATEWAY_IDLE] = "idle",
		[GATEWAY_HOST_CONNECTING] = "host-connecting",
		[GATEWAY_GUEST_CONNECTING] = "guest-connecting",
		[GATEWAY_HOST_NOT_READING] = "host-not-reading",
		[GATEWAY_GUEST_NOT_READING] = "guest-window",
		[GATEWAY_GUEST_NETWORK] = "guest-network",
		[GATEWAY_HOST_FINISHED] = "host-finished",
		[GATEWAY_GUEST_FINISHED] = "guest-finished",
	};

	return (unsigned int)wait < GATEWAY_WAIT_MAX ? names[wait] : "?";
}

void gateway_flows(struct gateway *gw, void (*fn)(void *arg, const struct gateway_flow_info *info),
		   void *arg)
{
	struct gateway_flow_info info;
	struct gw_flow *flow;
	struct gw_map *map;

	list_for_each (flow, &gw->flows, link) {
		gw_flow_show(flow, &info);
		fn(arg, &info);
	}
	list_for_each (map, &gw->maps, link) {
		gw_dgram_show(map, &info);
		fn(arg, &info);
	}
}

void gateway_stats(const struct gateway *gw, struct gateway_stats *ret)
{
	*ret = gw->stats;
}

bool gateway_can_ping(const struct gateway *gw, char *ret_hint)
{
	if (gw->can_ping[0] && gw->can_ping[1]) {
		ret_hint[0] = '\0';
		return true;
	}
	snprintf(ret_hint, GATEWAY_MSG_MAX,
		 "the host gives this user no ping sockets, so echo requests are dropped; "
		 "`sysctl net.ipv4.ping_group_range=\"0 2147483647\"` as root grants them");
	return false;
}
