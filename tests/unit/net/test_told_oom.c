/* SPDX-License-Identifier: MIT */
/*
 * What tells a guest its addresses and names, without memory: DHCP, DHCPv6, router advertisements
 * and the DNS forwarder are started, asked, and ended; the run is repeated, and each of its
 * allocations fails once, alone or with all that follow. What cannot be made says so, what was made
 * goes on or says nothing, and nothing is lost.
 *
 * The code under test is compiled once more for this, with malloc() and its like renamed; timers
 * and sockets are the engine's, whose allocator fails the same way.
 */
#include "net_oom.h"
#include "unit.h"

#include "net/dhcp/dhcp.h"
#include "net/dhcp6/dhcp6.h"
#include "net/dnsfwd/dnsfwd.h"
#include "net/radv/radv.h"
#include "wire/dns.h"

#include <errno.h>
#include <stdlib.h>

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

struct run {
	struct weft_engine *eng;
	struct weft_stack *guest, *gw;
	struct weft_netif *guest_if, *gw_if;
	struct weft_net net;
	struct dhcp *dhcp;
	struct dhcp6 *dhcp6;
	struct radv *radv;
	struct dnsfwd *dns;
};

static void all_start(struct run *r)
{
	const struct dhcp_config dhcp = {.server = addr("10.0.2.2"),
					 .prefix_len = 24,
					 .first = addr("10.0.2.100"),
					 .n_addrs = 4};
	const struct dhcp6_config dhcp6 = {.prefix = addr("fd00::2"),
					   .prefix_len = 64,
					   .first = addr("fd00::100"),
					   .n_addrs = 4};
	struct dnsfwd_config dns = {.inside = &r->net,
				    .outside = &r->net,
				    .at = {{.addr = addr("10.0.2.2")}},
				    .n_at = 1,
				    .servers = {{.addr = addr("10.0.2.100"), .port = 5353}},
				    .n_servers = 1,
				    .max_cached = 2};

	weft_net_of_stack(r->gw, &r->net);
	if (dhcp_new(r->gw_if, r->gw, &dhcp, &r->dhcp))
		r->dhcp = NULL;
	if (dhcp6_new(r->gw_if, r->gw, &dhcp6, &r->dhcp6))
		r->dhcp6 = NULL;
	if (radv_new(r->gw_if, r->gw, &radv_defaults, &r->radv))
		r->radv = NULL;
	if (dnsfwd_new(&dns, &r->dns))
		r->dns = NULL;
}

/* A socket of the guest's, or NULL. */
static struct weft_sock *guest_socket(struct run *r, uint8_t family, int type, uint16_t port)
{
	const struct weft_sockaddr at = {.addr.family = family, .port = port};
	struct weft_sock *s;

	if (weft_socket(r->guest, family, type, 0, &s))
		return NULL;
	if (weft_bind(s, &at) == 0)
		return s;
	weft_close(s);
	return NULL;
}

static void advance(struct run *r, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(r->eng) + ns;

	for (int64_t next_ns; (next_ns = weft_engine_next_ns(r->eng)) <= end_ns;)
		(void)weft_engine_run(r->eng, next_ns);
	(void)weft_engine_run(r->eng, end_ns);
}

static void say(struct run *r, struct weft_sock *s, const uint8_t *msg, size_t len, const char *to,
		uint16_t port)
{
	const struct weft_sockaddr at = {
		.addr = addr(to), .port = port, .scope_id = weft_netif_index(r->guest_if)};

	if (s)
		(void)!weft_sendto(s, msg, len, 0, &at);
	advance(r, 10000000);
}

static size_t query_make(uint8_t buf[512], const char *name)
{
	const struct dns_hdr hdr = {.id = 7, .wants_recursion = true};
	struct dns_question q = {.type = DNS_TYPE_A, .class = DNS_CLASS_IN};
	struct dns_wr w;

	assert_int_equal(dns_name_parse(name, &q.name), 0);
	dns_wr_start(&w, buf, 512, &hdr, NULL);
	dns_question_write(&w, &q);
	return dns_wr_finish(&w);
}

/* The server of the forwarder is on the guest too. */
static void server_answer(struct run *r, struct weft_sock *s)
{
	const struct ip4_addr four = {{192, 0, 2, 55}};
	struct weft_sockaddr from;
	struct dns_question q;
	uint8_t buf[512];
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_wr w;
	ptrdiff_t n = s ? weft_recvfrom(s, buf, sizeof(buf), 0, &from) : -1;

	if (n < 0 || dns_msg_open(&rd, buf, (size_t)n, &hdr) || dns_question_read(&rd, &q) != 1)
		return;
	hdr.is_response = true;
	dns_wr_start(&w, buf, sizeof(buf), &hdr, NULL);
	dns_question_write(&w, &q);
	dns_a_write(&w, DNS_ANSWER, &q.name, &four, 60);
	(void)!weft_sendto(s, buf, dns_wr_finish(&w), 0, &from);
	advance(r, 10000000);
}

/* By UDP and TCP; names come back, and from what is kept. */
static void names_ask(struct run *r)
{
	static const char *const names[] = {"a.example", "b.example", "c.example", "c.example"};
	struct weft_sock *client = guest_socket(r, WEFT_AF_INET, WEFT_SOCK_DGRAM, 1000);
	struct weft_sock *stream = guest_socket(r, WEFT_AF_INET, WEFT_SOCK_STREAM, 1000);
	struct weft_sock *server = guest_socket(r, WEFT_AF_INET, WEFT_SOCK_DGRAM, 5353);
	const struct weft_sockaddr at = {.addr = addr("10.0.2.2"), .port = 53};
	uint8_t buf[514];
	size_t len;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		len = query_make(buf, names[i]);
		say(r, client, buf, len, "10.0.2.2", 53);
		server_answer(r, server);
	}
	if (stream && weft_connect(stream, &at) == -EINPROGRESS) {
		advance(r, 10000000);
		len = query_make(buf + 2, "d.example");
		buf[0] = 0;
		buf[1] = (uint8_t)len;
		(void)!weft_send(stream, buf, len + 2, 0);
		advance(r, 10000000);
	}
	weft_close(client);
	weft_close(stream);
	weft_close(server);
}

static void addresses_ask(struct run *r)
{
	static const uint8_t solicit[] = {1, 1, 2, 3,  0, 1, 0, 4, 0, 3, 0, 1, 0, 14, 0, 0,
					  0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,  0, 0};
	struct weft_sock *four = guest_socket(r, WEFT_AF_INET, WEFT_SOCK_DGRAM, 68);
	struct weft_sock *six = guest_socket(r, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 546);
	uint8_t discover[300] = {1,  1, 6, [28] = 2, [33] = 7, [236] = 0x63, 0x82, 0x53, 0x63,
				 53, 1, 1, 80,       0,        255};
	int one = 1;

	if (four)
		(void)!weft_setsockopt(four, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, &one, sizeof(one));
	say(r, four, discover, sizeof(discover), "10.0.2.255", 67);
	say(r, six, solicit, sizeof(solicit), "ff02::1:2", 547);
	weft_close(four);
	weft_close(six);
}

/* How many were leased and answered; the network itself has its memory. */
static uint64_t run_all(void)
{
	const struct weft_engine_config ec = {.has_seed = true, .realloc = engine_realloc};
	const struct weft_addr ours[2] = {addr("10.0.2.2"), addr("fd00::2")};
	const struct weft_addr theirs[2] = {addr("10.0.2.100"), addr("fd00::9")};
	struct dhcp6_stats dhcp6 = {0};
	struct dnsfwd_stats dns = {0};
	struct dhcp_stats dhcp = {0};
	struct run r = {.dns = NULL};

	assert_int_equal(weft_engine_new(&ec, &r.eng), 0);
	assert_int_equal(weft_stack_new(r.eng, "guest", &r.guest), 0);
	assert_int_equal(weft_stack_new(r.eng, "gw", &r.gw), 0);
	assert_int_equal(weft_stack_set(r.guest, "net.ipv6.conf.all.accept_dad", 0), 0);
	assert_int_equal(weft_stack_set(r.gw, "net.ipv6.conf.all.accept_dad", 0), 0);
	assert_int_equal(weft_veth_new(r.guest, "eth0", r.gw, "eth0", &r.guest_if, &r.gw_if), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(weft_addr_add(r.gw_if, &ours[i], i ? 64 : 24), 0);
		assert_int_equal(weft_addr_add(r.guest_if, &theirs[i], i ? 64 : 24), 0);
	}
	advance(&r, INT64_C(2000000000));
	oom.is_on = true;
	all_start(&r);
	names_ask(&r);
	addresses_ask(&r);
	oom.is_on = false;
	if (r.dhcp)
		dhcp_stats(r.dhcp, &dhcp);
	if (r.dhcp6)
		dhcp6_stats(r.dhcp6, &dhcp6);
	if (r.dns)
		dnsfwd_stats(r.dns, &dns);
	dnsfwd_free(r.dns);
	radv_free(r.radv);
	dhcp6_free(r.dhcp6);
	dhcp_free(r.dhcp);
	weft_stack_free(r.guest);
	weft_stack_free(r.gw);
	weft_engine_free(r.eng);
	return dhcp.n_acks + dhcp6.n_leased + dns.n_answers + dns.n_hits + dns.n_tcp;
}

static void each_allocation_fails_once_and_nothing_is_lost(void **state UNUSED)
{
	long n;

	oom.fail_at = -1;
	/* Two leases, three answers, one from what was kept, one question over TCP. */
	assert_int_equal(run_all(), 1 + 1 + 3 + 1 + 1);
	n = oom.n;
	assert_in_range(n, 10, 2000);
	for (int all = 0; all < 2; all++) {
		oom.and_all_after = all;
		for (long i = 0; i < n; i++) {
			oom.n = oom.n_failed = 0;
			oom.fail_at = i;
			assert_in_range(run_all(), 0, 7);
			assert_true(oom.n_failed > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails_once_and_nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
