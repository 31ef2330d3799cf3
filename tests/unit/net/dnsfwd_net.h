/* SPDX-License-Identifier: MIT */
/* A DNS forwarder between a guest's network and that of two servers, which the test plays. */
#pragma once

#include "base/load.h"
#include "net/dnsfwd/dnsfwd.h"
#include "wire/dns.h"
#include "world.h"

/*
 *	client 10.0.0.1 ---- 10.0.0.2 server: the forwarder ---- 10.9.0.1 upstream 10.9.0.2, .3
 */
struct net {
	struct world w;
	struct weft_stack *up;
	struct weft_net inside, outside;
	struct dnsfwd *fwd;
	struct weft_sock *guest, *dns[2]; /* servers: datagram sockets */
	uint8_t buf[65535];
	ptrdiff_t len; /* of what was received last */
	struct weft_sockaddr from;
};

static inline void upstream_start(struct net *n)
{
	struct weft_addr ours = world_addr("10.9.0.1");
	struct weft_netif *a, *b;

	assert_int_equal(weft_stack_new(n->w.eng, "up", &n->up), 0);
	world_quiet(n->up);
	assert_int_equal(weft_veth_new(n->w.server, "up0", n->up, "eth0", &a, &b), 0);
	assert_int_equal(weft_addr_add(a, &ours, 24), 0);
	for (int i = 0; i < 2; i++) {
		char text[] = "10.9.0.2:53";
		struct weft_addr theirs;

		text[7] = (char)('2' + i);
		theirs = world_at(text).addr;
		assert_int_equal(weft_addr_add(b, &theirs, 24), 0);
		n->dns[i] = world_bound(n->up, text);
	}
}

static inline void net_start_with(struct net *n, struct dnsfwd_config cfg)
{
	world_start(&n->w);
	upstream_start(n);
	weft_net_of_stack(n->w.server, &n->inside);
	n->outside = n->inside;
	cfg.inside = &n->inside;
	cfg.outside = &n->outside;
	cfg.n_at = 1;
	cfg.at[0] = (struct weft_sockaddr){.addr = world_addr("10.0.0.2")};
	cfg.servers[0] = world_at("10.9.0.2:53");
	cfg.servers[1] = (struct weft_sockaddr){.addr = world_addr("10.9.0.3")};
	assert_int_equal(dnsfwd_new(&cfg, &n->fwd), 0);
	n->guest = world_bound(n->w.client, "10.0.0.1:1000");
}

static inline void net_start(struct net *n)
{
	net_start_with(n, (struct dnsfwd_config){.n_servers = 2});
}

static inline void net_end(struct net *n)
{
	weft_close(n->guest);
	weft_close(n->dns[0]);
	weft_close(n->dns[1]);
	dnsfwd_free(n->fwd);
	weft_stack_free(n->up);
	world_end(&n->w);
}

static inline struct dnsfwd_stats stats_of(const struct net *n)
{
	struct dnsfwd_stats stats;

	dnsfwd_stats(n->fwd, &stats);
	return stats;
}

/* A question for an address. */
static inline size_t query(uint8_t buf[DNS_UDP_MAX], uint16_t id, const char *name,
			   const struct dns_edns *edns)
{
	const struct dns_hdr hdr = {.id = id, .wants_recursion = true};
	struct dns_question q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	struct dns_wr w;

	assert_int_equal(dns_name_parse(name, &q.name), 0);
	dns_wr_start(&w, buf, DNS_UDP_MAX, &hdr, edns);
	dns_question_write(&w, &q);
	return dns_wr_finish(&w);
}

static inline void guest_asks(struct net *n, uint16_t id, const char *name)
{
	uint8_t buf[DNS_UDP_MAX];
	size_t len = query(buf, id, name, NULL);

	assert_int_equal(world_sendto(n->guest, buf, len, "10.0.0.2:53"), len);
	world_settle(&n->w);
}

/* Whether there is a message. */
static inline bool got(struct net *n, struct weft_sock *s)
{
	n->len = weft_recvfrom(s, n->buf, sizeof(n->buf), 0, &n->from);
	return n->len >= 0;
}

/* What was received last, as an answer with that many addresses. */
static inline size_t answer(const struct net *n, uint8_t *buf, size_t size, uint32_t n_addrs,
			    uint8_t rcode)
{
	struct ip4_addr addr = {{192, 0, 2, 55}};
	struct dns_question q;
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_wr w;

	assert_int_equal(dns_msg_open(&rd, n->buf, (size_t)n->len, &hdr), 0);
	assert_int_equal(dns_question_read(&rd, &q), 1);
	hdr.is_response = true;
	hdr.rcode = rcode;
	dns_wr_start(&w, buf, size, &hdr, NULL);
	dns_question_write(&w, &q);
	for (uint32_t i = 0; i < n_addrs; i++)
		dns_a_write(&w, DNS_ANSWER, &q.name, &addr, 60);
	return dns_wr_finish(&w);
}

/* The server answers what was received last. */
static inline void server_answers(struct net *n, int which, uint32_t n_addrs, uint8_t rcode)
{
	uint8_t buf[4096];
	size_t len = answer(n, buf, sizeof(buf), n_addrs, rcode);

	assert_int_equal(weft_sendto(n->dns[which], buf, len, 0, &n->from), len);
	world_settle(&n->w);
}

static inline void guest_gets(struct net *n, uint16_t id, uint8_t rcode, uint16_t n_addrs)
{
	struct dns_hdr hdr;
	struct dns_rd rd;

	assert_true(got(n, n->guest));
	world_assert_at(&n->from, "10.0.0.2:53");
	assert_int_equal(dns_msg_open(&rd, n->buf, (size_t)n->len, &hdr), 0);
	assert_int_equal(hdr.id, id);
	assert_true(hdr.is_response);
	assert_int_equal(hdr.rcode, rcode);
	assert_int_equal(hdr.n[DNS_ANSWER], n_addrs);
}
