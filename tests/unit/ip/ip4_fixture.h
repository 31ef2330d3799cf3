/* SPDX-License-Identifier: MIT */
/*
 * A host or a router with the Internet layer and nothing above, on fix_if interfaces:
 *
 *	10.0.0.2 (mac a2) --- eth0 10.0.0.1/24 [st] 10.0.1.1/24 eth1 --- 10.0.1.2 (mac b2)
 *
 * The neighbours are permanent, so that what is sent is what the test is about. Protocol 253 (RFC
 * 3692) is the test's: it keeps what is delivered.
 */
#pragma once

#include <errno.h>

#include "base/csum.h"
#include "core/sysctl.h"
#include "fixture.h"
#include "ip/icmp.h"
#include "ip/ip4.h"
#include "link/loopback.h"
#include "link/neigh.h"

enum {
	TEST_PROTO = 253,
	PAYLOAD_LEN = 16,
	MAC_A2 = 0xa2,
	MAC_B2 = 0xb2,
};

struct ip4_fix {
	struct engine *eng;
	struct stack *st;
	struct netif *lo;
	struct fix_if *a, *b;
};

/* What protocol 253 saw; reset by ip4_fix_new(). One test runs at a time. */
static struct {
	uint32_t n, n_errors;
	struct ip_info info;
	uint32_t len;
	uint16_t gso_size;
	struct icmp_err err;
	uint8_t quote[64];
	uint32_t quote_len;
	enum drop verdict;
} seen;

static enum drop seen_input(struct stack *st UNUSED, struct pkt *pkt, const struct ip_info *info)
{
	if (seen.verdict != DROP_NONE) {
		pkt_pull(pkt, 4); /* a transport may have pulled its header before it refuses */
		return seen.verdict;
	}
	assert_int_equal(pkt_off(pkt), pkt->l4_off);
	seen.n++;
	seen.info = *info;
	seen.len = pkt->len;
	seen.gso_size = pkt->gso_size;
	pkt_free(pkt);
	return DROP_NONE;
}

static void seen_error(struct stack *st UNUSED, const struct icmp_err *err, const uint8_t *quote,
		       uint32_t quote_len)
{
	seen.n_errors++;
	seen.err = *err;
	seen.quote_len = quote_len;
	memcpy(seen.quote, quote, quote_len < sizeof(seen.quote) ? quote_len : sizeof(seen.quote));
}

static const struct ip_proto seen_proto = {
	.proto = TEST_PROTO,
	.input = seen_input,
	.error = seen_error,
};

static inline struct ip4_addr ip4(const char *text)
{
	struct ip4_addr a;

	assert_int_equal(ip4_addr_parse(text, &a), 0);
	return a;
}

static inline struct ip_addr ip(const char *text)
{
	struct ip4_addr a = ip4(text);

	return ip_addr_from_ip4(&a);
}

static inline void assert_ip4(struct ip4_addr got, const char *want)
{
	char buf[IP4_ADDR_STRLEN];

	assert_string_equal(ip4_addr_print(&got, buf), want);
}

static inline void assert_ip(struct ip_addr got, const char *want)
{
	char buf[IP_ADDR_STRLEN];

	assert_string_equal(ip_addr_print(&got, buf), want);
}

static inline void add_addr(struct fix_if *nif, const char *text, uint8_t prefix_len)
{
	assert_int_equal(ip4_addr_add(&nif->netif, ip4(text), prefix_len), 0);
}

static inline void add_neigh(struct fix_if *nif, const char *text, uint8_t mac)
{
	struct ip_addr a = ip(text);
	struct eth_addr lladdr = fix_mac(mac);

	assert_int_equal(neigh_add_permanent(&nif->netif, &a, &lladdr), 0);
}

/* `via` or `nif` may be NULL. */
static inline void add_route(struct stack *st, const char *dst, uint8_t len, const char *via,
			     struct fix_if *nif)
{
	struct fib4_route r = {.dst = ip4(dst),
			       .prefix_len = len,
			       .netif = nif ? &nif->netif : NULL,
			       .type = ROUTE_UNICAST,
			       .proto = ROUTE_PROTO_STATIC};

	if (via)
		r.via = ip4(via);
	assert_int_equal(ip4_route_add(st, &r), 0);
}

static inline void add_route_type(struct stack *st, const char *dst, uint8_t len,
				  enum route_type type)
{
	struct fib4_route r = {.dst = ip4(dst), .prefix_len = len, .type = (uint8_t)type};

	assert_int_equal(ip4_route_add(st, &r), 0);
}

static inline void set_sysctl(struct stack *st, const char *name, int64_t value)
{
	assert_int_equal(sysctl_set(st, name, value), 0);
}

/* A host without addresses but 127.0.0.1. */
static inline struct ip4_fix *ip4_fix_bare(uint32_t features)
{
	struct ip4_fix *f = calloc(1, sizeof(*f));

	memset(&seen, 0, sizeof(seen));
	f->eng = fix_engine();
	f->st = fix_stack(f->eng, "test");
	assert_int_equal(ip4_init(f->st), 0);
	assert_int_equal(stack_ip_proto_add(f->st, &seen_proto), 0);
	assert_int_equal(loopback_new(f->st, "lo", &f->lo), 0);
	netif_set_up(f->lo, true);
	f->a = fix_if_new_features(f->st, "eth0", features);
	f->b = fix_if_new_features(f->st, "eth1", features);
	return f;
}

static inline struct ip4_fix *ip4_fix_host_features(uint32_t features)
{
	struct ip4_fix *f = ip4_fix_bare(features);

	add_addr(f->a, "10.0.0.1", 24);
	add_addr(f->b, "10.0.1.1", 24);
	add_neigh(f->a, "10.0.0.2", MAC_A2);
	add_neigh(f->b, "10.0.1.2", MAC_B2);
	fix_ignore_sent(f->a);
	fix_ignore_sent(f->b);
	return f;
}

static inline struct ip4_fix *ip4_fix_host(void)
{
	return ip4_fix_host_features(0);
}

static inline struct ip4_fix *ip4_fix_router(void)
{
	struct ip4_fix *f = ip4_fix_host();

	set_sysctl(f->st, "net.ipv4.ip_forward", 1);
	return f;
}

static inline void ip4_fix_free(struct ip4_fix *f)
{
	fix_end(f->eng);
	free(f);
}

/*
 * Datagrams. DGRAM() fills in a good one from 10.0.0.2 to 10.0.0.1; a test names what it changes.
 */
struct dgram {
	struct ip4_hdr hdr; /* tot_len 0: right; hdr_len: with the options */
	uint8_t opts[IP4_OPTS_MAX];
	uint32_t len;     /* of the payload */
	uint8_t head[16]; /* first bytes of the payload; the rest counts up */
	uint32_t padding; /* behind it */
	uint32_t cut;     /* bytes missing at its end */
	bool bad_csum;
	uint8_t version_ihl; /* not 0: overwrites the first byte */
	struct eth_addr l2_dst;
};

#define DGRAM(...)                                  \
	((struct dgram){.hdr.src = {{10, 0, 0, 2}}, \
			.hdr.dst = {{10, 0, 0, 1}}, \
			.hdr.hdr_len = IP4_HDR_LEN, \
			.hdr.ttl = 64,              \
			.hdr.proto = TEST_PROTO,    \
			.len = PAYLOAD_LEN,         \
			__VA_ARGS__})

static inline void fill(uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i + 1);
}

static inline struct fix_frame dgram_frame(const struct fix_if *nif, const struct dgram *d)
{
	struct eth_addr dst = eth_addr_is_zero(&d->l2_dst) ? nif->netif.hwaddr : d->l2_dst;
	struct fix_frame fr = fix_frame(dst, fix_mac(0x77), ETHERTYPE_IPV4);
	uint8_t *p = fr.b + fr.len;
	struct ip4_hdr hdr = d->hdr;

	if (!hdr.tot_len)
		hdr.tot_len = (uint16_t)(hdr.hdr_len + d->len);
	fr.len += hdr.hdr_len + d->len;
	assert_true(fr.len + d->padding <= sizeof(fr.b));
	memcpy(p + IP4_HDR_LEN, d->opts, hdr.hdr_len - IP4_HDR_LEN);
	ip4_hdr_write(p, &hdr);
	fill(p + hdr.hdr_len, d->len);
	memcpy(p + hdr.hdr_len, d->head, d->len < sizeof(d->head) ? d->len : sizeof(d->head));
	if (d->version_ihl) {
		p[0] = d->version_ihl;
		ip4_hdr_csum_set(p, IP4_HDR_LEN);
	}
	if (d->bad_csum)
		p[10] ^= 1;
	fr.len += d->padding;
	fr.len -= d->cut;
	return fr;
}

static inline void rx(struct fix_if *nif, struct dgram d)
{
	struct fix_frame fr = dgram_frame(nif, &d);

	fix_rx(nif, &fr);
}

/* The datagram arrives; why it was dropped, or DROP_NONE. */
static inline enum drop rx_verdict(struct fix_if *nif, struct dgram d)
{
	struct stack *st = nif->netif.stack;
	uint64_t before[DROP_MAX];

	memcpy(before, st->drops, sizeof(before));
	rx(nif, d);
	for (int i = 0; i < DROP_MAX; i++)
		if (st->drops[i] != before[i])
			return (enum drop)i;
	return DROP_NONE;
}

/* A datagram that was sent. */
struct sent {
	struct fix_frame frame;
	struct eth_hdr eth;
	struct ip4_hdr hdr;
	const uint8_t *ip; /* its header */
	const uint8_t *l4;
	uint32_t l4_len;
};

/* Takes the oldest frame, which must be an intact IPv4 datagram, into `ret`. */
static inline void sent_ip4(struct fix_if *nif, struct sent *ret)
{
	struct rd r;

	assert_true(fix_sent(nif, &ret->frame));
	eth_hdr_read(ret->frame.b, &ret->eth);
	assert_int_equal(ret->eth.type, ETHERTYPE_IPV4);
	ret->ip = ret->frame.b + ETH_HDR_LEN;
	r = rd_make(ret->ip, ret->frame.len - ETH_HDR_LEN);
	assert_int_equal(ip4_hdr_parse(&r, &ret->hdr), IP4_HDR_OK);
	assert_true(ip4_hdr_csum_ok(ret->ip, ret->hdr.hdr_len));
	assert_int_equal(ret->hdr.tot_len, ret->frame.len - ETH_HDR_LEN);
	ret->l4 = ret->ip + ret->hdr.hdr_len;
	ret->l4_len = ret->hdr.tot_len - ret->hdr.hdr_len;
}

/* Takes the oldest frame, which must be an ICMP message with a good checksum. */
static inline struct icmp4_hdr sent_icmp4(struct fix_if *nif, struct sent *ret)
{
	struct icmp4_hdr hdr;
	struct rd r;

	sent_ip4(nif, ret);
	assert_int_equal(ret->hdr.proto, IP_PROTO_ICMP);
	r = rd_make(ret->l4, ret->l4_len);
	assert_int_equal(icmp4_hdr_parse(&r, &hdr), 0);
	assert_int_equal(csum_fold(csum_add(&nif->netif.stack->eng->cpu, ret->l4, ret->l4_len, 0)),
			 0xffff);
	return hdr;
}

static inline void assert_icmp4(struct fix_if *nif, uint8_t type, uint8_t code)
{
	struct sent s;
	struct icmp4_hdr hdr = sent_icmp4(nif, &s);

	assert_int_equal(hdr.type, type);
	assert_int_equal(hdr.code, code);
	fix_assert_silent(nif);
}

/* A packet of a transport: `len` bytes of payload. */
static inline struct pkt *payload_pkt(struct ip4_fix *f, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(&f->eng->pkts, len);

	assert_non_null(pkt);
	if (len)
		fill(pkt_put(pkt, len), len);
	pkt->l4_off = pkt_off(pkt);
	return pkt;
}

#define IP_OUT(d, ...)                               \
	((struct ip_out){.flow.dst = ip(d),          \
			 .flow.src = ip("10.0.0.1"), \
			 .flow.proto = TEST_PROTO,   \
			 __VA_ARGS__})

static inline int out(struct ip4_fix *f, uint32_t len, struct ip_out o)
{
	int err = ip_output(f->st, payload_pkt(f, len), &o);

	fix_settle(f->eng);
	return err;
}
