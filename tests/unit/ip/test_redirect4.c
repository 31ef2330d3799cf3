/* SPDX-License-Identifier: MIT */
/* Redirects of IPv4, heeded by a host (RFC 792, RFC 1122 §3.2.2.2). */
#include "ip/redirect4.h"

#include <stdio.h>

#include "ip4_fixture.h"
#include "unit.h"

#define GATEWAY "10.0.0.2"
#define NEARER  "10.0.0.3"
#define FAR     "192.0.2.1"

static int setup(void **state)
{
	struct ip4_fix *f = ip4_fix_host();

	add_neigh(f->a, NEARER, 0xa3);
	add_route(f->st, "0.0.0.0", 0, GATEWAY, NULL);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	ip4_fix_free(*state);
	return 0;
}

struct redirect {
	const char *from, *via, *dst;
	uint8_t code;
	bool is_not_ours; /* it quotes a packet that we have not sent */
	uint32_t cut;
	struct fix_if *nif;
};

/* `from` says that `via` is nearer to `dst`. */
static void redirect_rx(struct ip4_fix *f, const struct redirect *re)
{
	struct ip4_addr via = ip4(re->via);
	const struct icmp4_hdr icmp = {.type = ICMP4_REDIRECT, .code = re->code, .u.gateway = via};
	struct dgram quote = DGRAM(.hdr.src = ip4(re->is_not_ours ? "10.0.0.77" : "10.0.0.1"),
				   .hdr.dst = ip4(re->dst), .len = 8);
	struct dgram d = DGRAM(.hdr.src = ip4(re->from), .hdr.proto = IP_PROTO_ICMP,
			       .len = ICMP4_HDR_LEN + IP4_HDR_LEN + 8 - re->cut);
	struct fix_if *nif = re->nif ? re->nif : f->a;
	struct fix_frame q = dgram_frame(nif, &quote), fr = dgram_frame(nif, &d);
	uint8_t *p = fr.b + ETH_HDR_LEN + IP4_HDR_LEN;

	icmp4_hdr_write(p, &icmp);
	memcpy(p + ICMP4_HDR_LEN, q.b + ETH_HDR_LEN, d.len - ICMP4_HDR_LEN);
	icmp4_csum_store(p, 0);
	icmp4_csum_store(p, csum_finish(csum_add(&f->eng->cpu, p, d.len, 0)));
	fix_rx(nif, &fr);
}

#define REDIRECT(f, ...) \
	redirect_rx(f, &(struct redirect){.from = GATEWAY, .via = NEARER, .dst = FAR, __VA_ARGS__})

static void assert_goes_by(struct ip4_fix *f, const char *dst, const char *via)
{
	const struct fib4_route *r = fib4_lookup(&f->st->ip4->fib, ip4(dst));

	assert_non_null(r);
	assert_ip4(r->via, via);
}

static void redirect_is_heeded_for_its_destination_and_time(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .code = ICMP4_REDIRECT_HOST);
	assert_goes_by(f, FAR, NEARER);
	assert_goes_by(f, "192.0.2.2", GATEWAY);
	fix_advance(f->eng, (REDIRECT4_S - 1) * SEC);
	assert_goes_by(f, FAR, NEARER);
	/* Told again, it holds again for its time. */
	REDIRECT(f, .from = NEARER, .via = "10.0.0.4");
	assert_goes_by(f, FAR, "10.0.0.4");
	fix_advance(f->eng, (REDIRECT4_S - 1) * SEC);
	assert_goes_by(f, FAR, "10.0.0.4");
	fix_advance(f->eng, SEC);
	assert_goes_by(f, FAR, GATEWAY);
}

static void every_code_is_about_the_host(void **state)
{
	struct ip4_fix *f = *state;

	for (uint8_t code = 0; code < 4; code++) {
		char dst[IP4_ADDR_STRLEN];

		(void)snprintf(dst, sizeof(dst), "192.0.2.%d", code + 1);
		REDIRECT(f, .code = code, .dst = dst);
		assert_goes_by(f, dst, NEARER);
	}
	assert_goes_by(f, "192.0.2.9", GATEWAY);
	REDIRECT(f, .code = 4, .dst = "192.0.2.9");
	assert_goes_by(f, "192.0.2.9", GATEWAY);
	fix_assert_drops(f->st, DROP_ICMP_TYPE, 1);
}

static void destination_itself_may_be_on_the_link(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .via = FAR);
	assert_goes_by(f, FAR, "0.0.0.0");
}

static void redirect_of_another_than_the_gateway_in_use_is_dropped(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .from = NEARER, .via = "10.0.0.4");
	REDIRECT(f, .from = "192.0.2.77");
	REDIRECT(f, .dst = "10.0.0.50"); /* is on the link already */
	REDIRECT(f, .nif = f->b);        /* by another interface */
	assert_goes_by(f, FAR, GATEWAY);
	fix_assert_drops(f->st, DROP_ICMP_REDIRECT, 4);
}

static void what_can_be_no_gateway_is_dropped(void **state)
{
	static const char *const vias[] = {GATEWAY,     "10.0.0.1",  "10.0.1.1",
					   "0.0.0.0",   "127.0.0.1", "255.255.255.255",
					   "224.0.0.1", "240.0.0.1", "10.0.0.255"};
	struct ip4_fix *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(vias); i++) {
		REDIRECT(f, .via = vias[i]);
		assert_goes_by(f, FAR, GATEWAY);
		fix_assert_drops(f->st, DROP_ICMP_REDIRECT, i + 1);
	}
}

static void redirect_about_what_we_have_not_sent_is_dropped(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .is_not_ours = true);
	REDIRECT(f, .cut = 1);
	REDIRECT(f, .cut = 28);
	assert_goes_by(f, FAR, GATEWAY);
	fix_assert_drops(f->st, DROP_ICMP_QUOTE, 3);
}

static void settings_and_forwarding_say_whether_redirects_are_heeded(void **state)
{
	struct ip4_fix *f = *state;

	set_sysctl(f->st, "net.ipv4.conf.all.accept_redirects", 0);
	REDIRECT(f, .code = ICMP4_REDIRECT_HOST);
	assert_goes_by(f, FAR, GATEWAY);
	set_sysctl(f->st, "net.ipv4.conf.all.accept_redirects", 1);
	set_sysctl(f->st, "net.ipv4.ip_forward", 1);
	REDIRECT(f, .code = ICMP4_REDIRECT_HOST);
	assert_goes_by(f, FAR, GATEWAY);
	fix_assert_drops(f->st, DROP_ICMP_REDIRECT_IGNORED, 2);
	set_sysctl(f->st, "net.ipv4.ip_forward", 0);
	REDIRECT(f, .code = ICMP4_REDIRECT_HOST);
	assert_goes_by(f, FAR, NEARER);
}

/* RFC 1620; without a shared medium RFC 1122 §3.2.2.2, and secure_redirects. */
static void shared_medium_lets_gateways_be_of_another_prefix(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .via = "172.16.0.1");
	assert_goes_by(f, FAR, "172.16.0.1");
	set_sysctl(f->st, "net.ipv4.conf.all.shared_media", 0);
	REDIRECT(f, .dst = "192.0.2.2", .via = "172.16.0.1");
	REDIRECT(f, .dst = "192.0.2.2"); /* no gateway of a default route */
	assert_goes_by(f, "192.0.2.2", GATEWAY);
	set_sysctl(f->st, "net.ipv4.conf.all.secure_redirects", 0);
	REDIRECT(f, .dst = "192.0.2.2");
	assert_goes_by(f, "192.0.2.2", NEARER);
	set_sysctl(f->st, "net.ipv4.conf.all.secure_redirects", 1);
	assert_int_equal(fib4_add(&f->st->ip4->fib,
				  &(struct fib4_route){.netif = &f->a->netif,
						       .via = ip4("10.0.0.4"),
						       .metric = 9,
						       .type = ROUTE_UNICAST},
				  FIB4_EXCLUSIVE),
			 0);
	REDIRECT(f, .dst = "192.0.2.4", .via = "10.0.0.4");
	assert_goes_by(f, "192.0.2.4", "10.0.0.4");
}

static void flood_of_redirects_is_bounded(void **state)
{
	struct ip4_fix *f = *state;
	uint32_t n = f->st->ip4->fib.n_routes;

	for (int i = 0; i < 1000; i++) {
		char dst[IP4_ADDR_STRLEN];

		(void)snprintf(dst, sizeof(dst), "198.51.%d.%d", i / 250, i % 250 + 1);
		REDIRECT(f, .dst = dst);
		assert_goes_by(f, dst, NEARER);
	}
	assert_int_equal(f->st->ip4->redirects.n_entries, REDIRECT4_MAX);
	assert_int_equal(f->st->ip4->fib.n_routes, n + REDIRECT4_MAX);
	assert_goes_by(f, "198.51.0.1", GATEWAY); /* the oldest have made room */
	fix_advance(f->eng, REDIRECT4_S * SEC);
	assert_int_equal(f->st->ip4->fib.n_routes, n);
}

static void silent_gateway_is_left(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .via = "10.0.0.9");
	REDIRECT(f, .dst = "192.0.2.2");
	redirect4_silent(&f->a->netif, ip4("10.0.0.9"));
	assert_goes_by(f, FAR, GATEWAY);
	assert_goes_by(f, "192.0.2.2", NEARER);
}

/* The same by packets: the gateway that was named is asked for, and does not answer. */
static void gateway_that_does_not_answer_is_left(void **state)
{
	struct ip4_fix *f = *state;
	struct ip_out out = {.flow = {.dst = ip(FAR), .src = ip("10.0.0.1"), .proto = TEST_PROTO}};
	uint8_t byte = 0;

	REDIRECT(f, .via = "10.0.0.9");
	(void)!ip_output(f->st, fix_pkt(f->eng, &byte, 1), &out);
	fix_advance(f->eng, 5 * SEC);
	assert_goes_by(f, FAR, GATEWAY);
}

static void routes_of_redirects_go_with_their_interface(void **state)
{
	struct ip4_fix *f = *state;

	REDIRECT(f, .code = ICMP4_REDIRECT_HOST);
	redirect4_flush(&f->b->netif);
	assert_goes_by(f, FAR, NEARER);
	redirect4_flush(&f->a->netif);
	assert_goes_by(f, FAR, GATEWAY);
	/* One that an administrator has deleted is gone, too. */
	REDIRECT(f, .code = ICMP4_REDIRECT_HOST);
	assert_int_equal(
		ip4_route_del(f->st, &(struct fib4_key){.dst = ip4(FAR), .prefix_len = 32}), 0);
	fix_advance(f->eng, REDIRECT4_S * SEC);
	assert_int_equal(f->st->ip4->redirects.n_entries, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(redirect_is_heeded_for_its_destination_and_time),
		T(every_code_is_about_the_host),
		T(destination_itself_may_be_on_the_link),
		T(redirect_of_another_than_the_gateway_in_use_is_dropped),
		T(what_can_be_no_gateway_is_dropped),
		T(redirect_about_what_we_have_not_sent_is_dropped),
		T(settings_and_forwarding_say_whether_redirects_are_heeded),
		T(shared_medium_lets_gateways_be_of_another_prefix),
		T(flood_of_redirects_is_bounded),
		T(silent_gateway_is_left),
		T(gateway_that_does_not_answer_is_left),
		T(routes_of_redirects_go_with_their_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
