/* SPDX-License-Identifier: MIT */
/*
 * One host on a wire that the test holds the other end of: what it says in ICMPv6 is kept, parsed;
 * what others would say is put on the wire. The host is a stack of the public API, in virtual time.
 *
 *	struct nd_net n;
 *	nd_net_start(&n, true);
 *	nd_ns(&n, "::", "ff02::1:ff00:1", "2001:db8::1", NULL);
 *	nd_heard(&n, ICMP6_NEIGH_ADVERT)     the next such message that it has sent, or NULL
 *	nd_net_end(&n);
 */
#pragma once

#include "api/api_priv.h"
#include "base/csum.h"
#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "unit.h"
#include "weft/weft.h"
#include "wire/eth.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/nd.h"
#include "wire/pseudo.h"

#define ND_SEC  INT64_C(1000000000)
#define ND_MSEC INT64_C(1000000)

enum {
	ND_SAID_MAX = 512,
	ND_BYTES_MAX = 1500,
};

struct nd_said {
	int64_t at_ns;
	struct ip6_hdr ip;
	struct icmp6_hdr icmp;
	struct ip6_addr target; /* of neighbour messages */
	struct nd_lladdrs opts;
	uint32_t len; /* of the ICMPv6 message */
	uint8_t bytes[256];
};

struct nd_net {
	uint64_t n_bytes;
	struct weft_engine *eng;
	struct weft_stack *host;
	struct weft_netif *nif;
	uint32_t n_said, n_heard;
	struct nd_said said[ND_SAID_MAX];
};

static const uint8_t nd_host_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t nd_peer_mac[6] = {2, 0, 0, 0, 0, 9};
#define ND_HOST_LL "fe80::ff:fe00:1"

static inline struct ip6_addr nd_addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return ip_addr_to_ip6(&a);
}

static inline struct netif *nd_netif(struct nd_net *n)
{
	return netif_of(n->nif);
}

static inline void *nd_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct nd_net *n = ctx;

	n->n_bytes += new_bytes - old_bytes;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

/* Keeps what is ICMPv6 and has something to do with neighbours and routers. */
static inline int nd_tx(void *arg, const void *frame, size_t len)
{
	struct nd_net *n = arg;
	struct nd_said *s = &n->said[n->n_said];
	const uint8_t *ip = (const uint8_t *)frame + ETH_HDR_LEN;
	struct rd r;

	if (len < ETH_HDR_LEN + IP6_HDR_LEN + ICMP6_HDR_LEN || ip[0] >> 4 != 6)
		return 0;
	ip6_hdr_read(ip, &s->ip);
	if (s->ip.next_hdr != IP_PROTO_ICMPV6)
		return 0;
	s->at_ns = weft_engine_now_ns(n->eng);
	s->len = (uint32_t)(len - ETH_HDR_LEN - IP6_HDR_LEN);
	memcpy(s->bytes, ip + IP6_HDR_LEN, s->len < sizeof(s->bytes) ? s->len : sizeof(s->bytes));
	r = rd_make(ip + IP6_HDR_LEN, s->len);
	assert_int_equal(icmp6_hdr_parse(&r, &s->icmp), 0);
	if (s->icmp.type == ICMP6_NEIGH_SOLICIT || s->icmp.type == ICMP6_NEIGH_ADVERT)
		rd_copy(&r, &s->target, sizeof(s->target));
	if (s->icmp.type >= ICMP6_ROUTER_SOLICIT && s->icmp.type <= ICMP6_NEIGH_ADVERT) {
		if (s->icmp.type == ICMP6_ROUTER_ADVERT)
			rd_skip(&r, 8);
		assert_int_equal(nd_lladdrs_parse(&r, &s->opts), 0);
		assert_int_equal(s->ip.hop_limit, ND_HOP_LIMIT);
	}
	assert_true(++n->n_said < ND_SAID_MAX);
	return 0;
}

static inline void nd_settle(struct nd_net *n)
{
	int64_t now_ns = weft_engine_now_ns(n->eng);

	while (weft_engine_run(n->eng, now_ns) || weft_engine_next_ns(n->eng) <= now_ns)
		;
}

static inline void nd_advance(struct nd_net *n, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(n->eng) + ns;

	nd_settle(n);
	for (int64_t next_ns; (next_ns = weft_engine_next_ns(n->eng)) <= end_ns;)
		(void)weft_engine_run(n->eng, next_ns);
	(void)weft_engine_run(n->eng, end_ns);
	nd_settle(n);
}

static inline void nd_set(struct nd_net *n, const char *name, int64_t value)
{
	assert_int_equal(weft_stack_set(n->host, name, value), 0);
}

/* A host whose interface eth0 comes up now. `quiet`: nothing is asked, nobody listened to. */
static inline void nd_net_start(struct nd_net *n, bool quiet)
{
	static const struct weft_frame_ops ops = {nd_tx};
	struct weft_engine_config cfg = {
		.has_seed = true, .seed = 7, .realloc = nd_realloc, .mem_ctx = n};

	memset(n, 0, sizeof(*n));
	assert_int_equal(weft_engine_new(&cfg, &n->eng), 0);
	assert_int_equal(weft_stack_new(n->eng, "host", &n->host), 0);
	if (quiet) {
		nd_set(n, "net.ipv6.conf.all.accept_dad", 0);
		nd_set(n, "net.ipv6.conf.all.accept_ra", 0);
	}
	assert_int_equal(weft_netif_new(n->host, "eth0", nd_host_mac, 1500, &ops, n, &n->nif), 0);
	nd_settle(n);
}

static inline void nd_net_end(struct nd_net *n)
{
	struct weft_engine_stats stats;

	weft_stack_free(n->host);
	weft_engine_stats(n->eng, &stats);
	assert_int_equal(stats.pkts_used, 0);
	assert_int_equal(stats.bufs_used, 0);
	assert_int_equal(stats.n_timers, 0);
	weft_engine_free(n->eng);
	assert_int_equal(n->n_bytes, 0);
}

/* Puts a message on the wire, with its checksum. */
static inline void nd_put_hops(struct nd_net *n, const char *src, const char *dst, uint8_t hops,
			       uint8_t *icmp, size_t len)
{
	uint8_t frame[ND_BYTES_MAX + ETH_HDR_LEN] = {0};
	struct ip6_hdr hdr = {.src = nd_addr(src),
			      .dst = nd_addr(dst),
			      .payload_len = (uint16_t)len,
			      .next_hdr = IP_PROTO_ICMPV6,
			      .hop_limit = hops};
	struct ip_addr s = ip_addr_from_ip6(&hdr.src), d = ip_addr_from_ip6(&hdr.dst);
	struct cpu_ops cpu;

	cpu_ops_init(&cpu);
	icmp6_csum_store(icmp, 0);
	icmp6_csum_store(icmp,
			 csum_finish(csum_add(&cpu, icmp, len,
					      pseudo_sum(&s, &d, IP_PROTO_ICMPV6, (uint32_t)len))));
	if (hdr.dst.b[0] == 0xff) {
		frame[0] = frame[1] = 0x33;
		memcpy(frame + 2, hdr.dst.b + 12, 4);
	} else {
		memcpy(frame, nd_host_mac, 6);
	}
	memcpy(frame + 6, nd_peer_mac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	ip6_hdr_write(frame + ETH_HDR_LEN, &hdr);
	memcpy(frame + ETH_HDR_LEN + IP6_HDR_LEN, icmp, len);
	assert_int_equal(weft_netif_rx(n->nif, frame, ETH_HDR_LEN + IP6_HDR_LEN + len), 0);
	nd_settle(n);
}

static inline void nd_put(struct nd_net *n, const char *src, const char *dst, uint8_t *icmp,
			  size_t len)
{
	nd_put_hops(n, src, dst, ND_HOP_LIMIT, icmp, len);
}

static inline void nd_ns(struct nd_net *n, const char *src, const char *dst, const char *target,
			 const uint8_t *nonce)
{
	const struct ip6_addr t = nd_addr(target);
	struct eth_addr mac;
	uint8_t icmp[64];
	struct wr w = wr_make(icmp + ICMP6_HDR_LEN, sizeof(icmp) - ICMP6_HDR_LEN);

	icmp6_hdr_write(icmp, &(struct icmp6_hdr){.type = ICMP6_NEIGH_SOLICIT});
	wr_bytes(&w, &t, sizeof(t));
	if (nonce)
		nd_opt_nonce_write(&w, nonce);
	memcpy(&mac, nd_peer_mac, 6);
	if (strcmp(src, "::") != 0)
		nd_opt_lladdr_write(&w, ND_OPT_SRC_LLADDR, &mac);
	nd_put(n, src, dst, icmp, ICMP6_HDR_LEN + wr_len(&w));
}

static inline void nd_na(struct nd_net *n, const char *src, const char *dst, const char *target,
			 uint32_t flags)
{
	const struct ip6_addr t = nd_addr(target);
	struct eth_addr mac;
	uint8_t icmp[64];
	struct wr w = wr_make(icmp + ICMP6_HDR_LEN, sizeof(icmp) - ICMP6_HDR_LEN);

	memcpy(&mac, nd_peer_mac, 6);
	icmp6_hdr_write(icmp, &(struct icmp6_hdr){.type = ICMP6_NEIGH_ADVERT, .u.rest = flags});
	wr_bytes(&w, &t, sizeof(t));
	nd_opt_lladdr_write(&w, ND_OPT_DST_LLADDR, &mac);
	nd_put(n, src, dst, icmp, ICMP6_HDR_LEN + wr_len(&w));
}

/* The next message of a type that the host has sent and nobody has looked at; NULL: none. */
static inline const struct nd_said *nd_heard(struct nd_net *n, uint8_t type)
{
	while (n->n_heard < n->n_said)
		if (n->said[n->n_heard++].icmp.type == type)
			return &n->said[n->n_heard - 1];
	return NULL;
}

/* An address of eth0 in whatever state; NULL: none. */
static inline struct ip6_ifaddr *nd_ifaddr(struct nd_net *n, const char *text)
{
	const struct ip6_addr a = nd_addr(text);

	return ip6_ifaddr_find(nd_netif(n), &a);
}

static inline void assert_ip6(const struct ip6_addr *a, const char *want)
{
	char text[IP6_ADDR_STRLEN];

	assert_string_equal(ip6_addr_print(a, text), want);
}
