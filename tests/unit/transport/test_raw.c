/* SPDX-License-Identifier: MIT */
/* Raw sockets and what they show of other sockets' headers. */
#include "wire/ip4.h"
#include "world.h"

enum {
	TEST_PROTO = 253, /* RFC 3692 */
};

struct seen {
	struct ip4_hdr hdr;
	uint8_t b[2048];
	size_t len; /* with the header */
};

static bool take(struct weft_sock *s, struct seen *ret)
{
	ptrdiff_t n = weft_recv(s, ret->b, sizeof(ret->b), 0);

	if (n == -EAGAIN)
		return false;
	assert_true(n >= IP4_HDR_LEN);
	ret->len = (size_t)n;
	ip4_hdr_read(ret->b, &ret->hdr);
	assert_true(ip4_hdr_csum_ok(ret->b, ret->hdr.hdr_len));
	assert_int_equal(ret->hdr.tot_len, n);
	return true;
}

static void raw_datagram_arrives_with_its_ip_header(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct seen seen;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_RAW, TEST_PROTO);
	b = world_socket(w.server, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(world_sendto(a, "hello", 5, "10.0.0.2:0"), 5);
	world_settle(&w);
	assert_true(take(b, &seen));
	assert_int_equal(seen.hdr.proto, TEST_PROTO);
	assert_int_equal(seen.len, IP4_HDR_LEN + 5);
	assert_memory_equal(seen.b + IP4_HDR_LEN, "hello", 5);
	assert_false(take(b, &seen));
	assert_false(take(a, &seen));
	world_end(&w);
}

static void protocol_with_no_socket_is_answered_unreachable(void **state UNUSED)
{
	struct weft_sock *a;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:0"), 1);
	world_settle(&w);
	assert_int_equal(weft_stack_counter(w.server, "IP4_NO_PROTO"), 1);
	assert_int_equal(weft_stack_counter(w.server, "IcmpOutDestUnreachs"), 1);
	world_end(&w);
}

static void raw_socket_sees_what_another_protocol_takes_too(void **state UNUSED)
{
	struct weft_sock *a, *b, *raw[2];
	struct seen seen;
	struct world w;
	char c;

	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	b = world_bound(w.server, "0.0.0.0:53");
	raw[0] = world_socket(w.server, WEFT_SOCK_RAW, WEFT_IPPROTO_UDP);
	raw[1] = world_socket(w.server, WEFT_SOCK_RAW, WEFT_IPPROTO_UDP);
	world_setopt(a, WEFT_IPPROTO_IP, WEFT_IP_TTL, 7);
	world_setopt(a, WEFT_IPPROTO_IP, WEFT_IP_TOS, 0xb8);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_int_equal(weft_recv(b, &c, 1, 0), 1);
	for (int i = 0; i < 2; i++) {
		assert_true(take(raw[i], &seen));
		assert_int_equal(seen.hdr.ttl, 7);
		assert_int_equal(seen.hdr.tos, 0xb8);
		assert_int_equal(load_be16(seen.b + IP4_HDR_LEN), 1000);
		assert_int_equal(seen.b[IP4_HDR_LEN + 8], 'x');
	}
	world_end(&w);
}

/* An echo reply: without the raw socket it is a drop, with it somebody has taken it. */
static void echo_reply_that_only_a_raw_socket_takes_is_no_drop(void **state UNUSED)
{
	static const uint8_t reply[] = {0, 0, 0xff, 0xfa, 0, 5, 0, 0};
	struct weft_sock *a, *b;
	struct seen seen;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMP);
	assert_int_equal(world_sendto(a, reply, sizeof(reply), "10.0.0.2:0"), 8);
	world_settle(&w);
	assert_int_equal(weft_stack_counter(w.server, "ICMP_NO_SOCKET"), 1);
	b = world_socket(w.server, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMP);
	assert_int_equal(world_sendto(a, reply, sizeof(reply), "10.0.0.2:0"), 8);
	world_settle(&w);
	assert_true(take(b, &seen));
	assert_int_equal(weft_stack_counter(w.server, "ICMP_NO_SOCKET"), 1);
	world_end(&w);
}

static void bound_and_connected_raw_sockets_hear_their_addresses_only(void **state UNUSED)
{
	struct weft_sockaddr second = world_at("10.0.0.77:0");
	struct weft_sock *a, *bound, *connected;
	struct seen seen;
	struct world w;

	world_start(&w);
	assert_int_equal(weft_addr_add(w.server_if, &second.addr, 24), 0);
	a = world_socket(w.client, WEFT_SOCK_RAW, TEST_PROTO);
	bound = world_socket(w.server, WEFT_SOCK_RAW, TEST_PROTO);
	connected = world_socket(w.server, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(weft_bind(bound, &second), 0);
	assert_int_equal(world_connect(connected, "10.0.0.9:0"), 0);
	assert_int_equal(world_sendto(a, "1", 1, "10.0.0.2:0"), 1);
	assert_int_equal(world_sendto(a, "2", 1, "10.0.0.77:0"), 1);
	world_settle(&w);
	assert_true(take(bound, &seen));
	assert_int_equal(seen.b[IP4_HDR_LEN], '2');
	assert_false(take(bound, &seen));
	assert_false(take(connected, &seen));
	assert_int_equal(world_connect(connected, "10.0.0.1:0"), 0);
	assert_int_equal(world_sendto(a, "3", 1, "10.0.0.2:0"), 1);
	world_settle(&w);
	assert_true(take(connected, &seen));
	assert_int_equal(seen.b[IP4_HDR_LEN], '3');
	/* And it may send without naming its peer. */
	assert_int_equal(weft_send(connected, "4", 1, 0), 1);
	world_settle(&w);
	assert_true(take(a, &seen));
	assert_int_equal(weft_connect(connected, &(struct weft_sockaddr){0}), 0);
	assert_int_equal(weft_send(connected, "5", 1, 0), -EDESTADDRREQ);
	world_end(&w);
}

static void full_raw_queue_drops_its_copy_alone(void **state UNUSED)
{
	struct weft_sock *a, *b, *raw;
	struct world w;
	char c;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = world_bound(w.server, "0.0.0.0:53");
	raw = world_socket(w.server, WEFT_SOCK_RAW, WEFT_IPPROTO_UDP);
	world_setopt(raw, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	for (int i = 0; i < 10; i++)
		assert_int_equal(weft_recv(b, &c, 1, 0), 1);
	assert_in_range(weft_stack_counter(w.server, "RAW_RCVBUF"), 5, 9);
	world_end(&w);
}

static void raw_sockets_that_cannot_be_are_refused(void **state UNUSED)
{
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	assert_int_equal(weft_socket(w.client, WEFT_AF_INET, WEFT_SOCK_RAW, 0, &s),
			 -EPROTONOSUPPORT);
	s = world_socket(w.client, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(weft_send(s, "x", 1, 0), -EDESTADDRREQ);
	assert_int_equal(world_sendto(s, "x", 1, "192.0.2.1:0"), -ENETUNREACH);
	weft_close(s);
	world_end(&w);
}

static void copy_is_kept_when_its_interface_goes(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct seen seen;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_RAW, TEST_PROTO);
	b = world_socket(w.server, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(world_sendto(a, "hello", 5, "10.0.0.2:0"), 5);
	world_settle(&w);
	weft_netif_del(w.client_if);
	assert_true(take(b, &seen));
	assert_int_equal(seen.len, IP4_HDR_LEN + 5);
	world_end(&w);
}

/* Headers of the application's own */

static void header_included_is_completed_and_sent_as_it_is(void **state UNUSED)
{
	uint8_t out[IP4_HDR_LEN + 3] = {0};
	struct ip4_hdr hdr = {.hdr_len = IP4_HDR_LEN, .proto = TEST_PROTO, .ttl = 9, .tos = 4};
	struct weft_sock *a, *b;
	struct seen seen;
	struct world w;
	int on = 1;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_RAW, WEFT_IPPROTO_RAW); /* implies it */
	b = world_socket(w.server, WEFT_SOCK_RAW, TEST_PROTO);
	hdr.dst = IP4_ADDR(10, 0, 0, 2);
	ip4_hdr_write(out, &hdr);
	out[IP4_HDR_LEN] = 'x';
	assert_int_equal(world_getopt(a, WEFT_IPPROTO_IP, WEFT_IP_HDRINCL), 1);
	assert_int_equal(world_sendto(a, out, sizeof(out), "10.0.0.2:0"), sizeof(out));
	world_settle(&w);
	assert_true(take(b, &seen)); /* length and checksum are right */
	assert_int_equal(seen.hdr.ttl, 9);
	assert_int_equal(seen.hdr.tos, 4);
	assert_int_equal(seen.hdr.src.b[3], 1); /* filled in */
	assert_int_equal(seen.b[IP4_HDR_LEN], 'x');
	/* A source that is not ours goes out as it is. */
	hdr.src = IP4_ADDR(10, 0, 0, 77);
	hdr.id = 0x1234;
	ip4_hdr_write(out, &hdr);
	assert_int_equal(weft_setsockopt(a, WEFT_IPPROTO_IP, WEFT_IP_HDRINCL, &on, sizeof(on)), 0);
	assert_int_equal(world_sendto(a, out, sizeof(out), "10.0.0.2:0"), sizeof(out));
	world_settle(&w);
	assert_true(take(b, &seen));
	assert_int_equal(seen.hdr.src.b[3], 77);
	assert_int_equal(seen.hdr.id, 0x1234);
	world_end(&w);
}

static void header_that_is_none_is_refused(void **state UNUSED)
{
	static uint8_t out[1501] = {0x45};
	struct weft_sock *a;
	struct world w;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_RAW, WEFT_IPPROTO_RAW);
	assert_int_equal(world_sendto(a, out, 19, "10.0.0.2:0"), -EINVAL);
	assert_int_equal(world_sendto(a, out, sizeof(out), "10.0.0.2:0"), -EMSGSIZE);
	out[0] = 0x4f; /* longer than what is there */
	assert_int_equal(world_sendto(a, out, 40, "10.0.0.2:0"), -EINVAL);
	out[0] = 0x65;
	assert_int_equal(world_sendto(a, out, 40, "10.0.0.2:0"), -EINVAL);
	world_end(&w);
}

/* ICMP filters, and IPv6 */

static void icmp_types_filtered_do_not_arrive(void **state UNUSED)
{
	uint8_t echo[8] = {8};
	uint32_t block = 1u << 0; /* echo replies */
	struct weft_sock *ping, *raw, *other;
	struct seen seen;
	struct world w;

	world_start(&w);
	ping = world_socket(w.client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP);
	raw = world_socket(w.client, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMP);
	other = world_socket(w.client, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(
		weft_setsockopt(raw, WEFT_SOL_RAW, WEFT_ICMP_FILTER, &block, sizeof(block)), 0);
	assert_int_equal(
		weft_setsockopt(other, WEFT_SOL_RAW, WEFT_ICMP_FILTER, &block, sizeof(block)),
		-EOPNOTSUPP);
	assert_int_equal(world_sendto(ping, echo, sizeof(echo), "10.0.0.2:0"), 8);
	world_settle(&w);
	assert_false(take(raw, &seen));
	block = 0;
	assert_int_equal(
		weft_setsockopt(raw, WEFT_SOL_RAW, WEFT_ICMP_FILTER, &block, sizeof(block)), 0);
	assert_int_equal(world_sendto(ping, echo, sizeof(echo), "10.0.0.2:0"), 8);
	world_settle(&w);
	assert_true(take(raw, &seen));
	world_end(&w);
}

static void world6_start(struct world *w)
{
	struct weft_addr a = world_addr("2001:db8::1"), b = world_addr("2001:db8::2");

	world_start(w);
	assert_int_equal(weft_addr_add(w->client_if, &a, 64), 0);
	assert_int_equal(weft_addr_add(w->server_if, &b, 64), 0);
	world_settle(w);
}

static struct weft_sock *raw6(struct weft_stack *st, int protocol)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, WEFT_AF_INET6, WEFT_SOCK_RAW, protocol, &s), 0);
	return s;
}

static void raw_ip6_arrives_without_its_header(void **state UNUSED)
{
	struct weft_sock *a, *b, *four;
	struct weft_sockaddr from;
	uint8_t buf[64];
	struct seen seen;
	struct world w;

	world6_start(&w);
	a = raw6(w.client, TEST_PROTO);
	b = raw6(w.server, TEST_PROTO);
	four = world_socket(w.server, WEFT_SOCK_RAW, TEST_PROTO);
	assert_int_equal(world_sendto(a, "hello", 5, "[2001:db8::2]:0"), 5);
	world_settle(&w);
	assert_int_equal(weft_recvfrom(b, buf, sizeof(buf), 0, &from), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(from.addr.bytes[15], 1);
	assert_false(take(four, &seen));
	world_end(&w);
}

static void checksum_of_raw_ip6_is_made_and_verified(void **state UNUSED)
{
	struct weft_sock *a, *b, *plain;
	uint8_t buf[64];
	struct world w;
	int v;

	world6_start(&w);
	a = raw6(w.client, TEST_PROTO);
	b = raw6(w.server, TEST_PROTO);
	plain = raw6(w.client, TEST_PROTO);
	v = 3;
	assert_int_equal(weft_setsockopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_CHECKSUM, &v, sizeof(v)),
			 -EINVAL);
	world_setopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_CHECKSUM, 2);
	world_setopt(b, WEFT_SOL_RAW, WEFT_IPV6_CHECKSUM, 2);
	assert_int_equal(world_getopt(b, WEFT_SOL_RAW, WEFT_IPV6_CHECKSUM), 2);
	assert_int_equal(world_sendto(a, "abcd1234", 8, "[2001:db8::2]:0"), 8);
	assert_int_equal(world_sendto(plain, "abcd1234", 8, "[2001:db8::2]:0"), 8); /* none */
	assert_int_equal(world_sendto(a, "abc", 3, "[2001:db8::2]:0"), -EINVAL);
	world_settle(&w);
	assert_int_equal(weft_recv(b, buf, sizeof(buf), 0), 8);
	assert_memory_equal(buf, "ab", 2);
	assert_memory_not_equal(buf + 2, "cd", 2);
	assert_memory_equal(buf + 4, "1234", 4);
	assert_int_equal(weft_recv(b, buf, sizeof(buf), 0), -EAGAIN);
	world_end(&w);
}

static void raw_icmp6_has_its_checksum_and_filter(void **state UNUSED)
{
	uint8_t echo[8] = {128, 0, 0, 0, 1, 2, 3, 4}, buf[64], block[32];
	struct weft_sock *s;
	struct world w;
	int v = 2;

	world6_start(&w);
	s = raw6(w.client, WEFT_IPPROTO_ICMPV6);
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IPV6, WEFT_IPV6_CHECKSUM, &v, sizeof(v)),
			 -EINVAL);
	memset(block, 0xff, sizeof(block));
	block[129 / 8] &= (uint8_t) ~(1u << (129 % 8)); /* nothing but replies */
	assert_int_equal(
		weft_setsockopt(s, WEFT_IPPROTO_ICMPV6, WEFT_ICMP6_FILTER, block, sizeof(block)),
		0);
	assert_int_equal(world_sendto(s, echo, sizeof(echo), "[2001:db8::2]:0"), 8);
	world_settle(&w);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 8);
	assert_int_equal(buf[0], 129);
	assert_memory_equal(buf + 4, echo + 4, 4);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), -EAGAIN);
	block[129 / 8] = 0xff;
	assert_int_equal(
		weft_setsockopt(s, WEFT_IPPROTO_ICMPV6, WEFT_ICMP6_FILTER, block, sizeof(block)),
		0);
	assert_int_equal(world_sendto(s, echo, sizeof(echo), "[2001:db8::2]:0"), 8);
	world_settle(&w);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), -EAGAIN);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_included_is_completed_and_sent_as_it_is),
		cmocka_unit_test(header_that_is_none_is_refused),
		cmocka_unit_test(icmp_types_filtered_do_not_arrive),
		cmocka_unit_test(raw_ip6_arrives_without_its_header),
		cmocka_unit_test(checksum_of_raw_ip6_is_made_and_verified),
		cmocka_unit_test(raw_icmp6_has_its_checksum_and_filter),
		cmocka_unit_test(raw_datagram_arrives_with_its_ip_header),
		cmocka_unit_test(protocol_with_no_socket_is_answered_unreachable),
		cmocka_unit_test(raw_socket_sees_what_another_protocol_takes_too),
		cmocka_unit_test(echo_reply_that_only_a_raw_socket_takes_is_no_drop),
		cmocka_unit_test(bound_and_connected_raw_sockets_hear_their_addresses_only),
		cmocka_unit_test(full_raw_queue_drops_its_copy_alone),
		cmocka_unit_test(raw_sockets_that_cannot_be_are_refused),
		cmocka_unit_test(copy_is_kept_when_its_interface_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
