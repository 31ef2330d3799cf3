/* SPDX-License-Identifier: MIT */
/* Echo sockets. */
#include "base/load.h"
#include "wire/icmp4.h"
#include "world.h"

struct echo {
	uint8_t b[64];
	size_t len;
};

static struct echo request(uint16_t seq)
{
	struct echo e = {.b = {ICMP4_ECHO}, .len = 16};

	store_be16(e.b + 6, seq);
	memcpy(e.b + ICMP4_HDR_LEN, "payload!", 8);
	return e;
}

static struct weft_sock *ping_socket(struct weft_stack *st)
{
	return world_socket(st, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP);
}

static void echo_request_is_answered_to_its_socket(void **state UNUSED)
{
	struct weft_sock *s, *other;
	struct echo e = request(7);
	struct weft_sockaddr sa;
	struct world w;
	uint8_t b[64];

	world_start(&w);
	s = ping_socket(w.client);
	other = ping_socket(w.client);
	assert_int_equal(world_sendto(s, e.b, e.len, "10.0.0.2:0"), 16);
	assert_int_equal(world_sendto(other, request(9).b, e.len, "10.0.0.2:0"), 16);
	world_settle(&w);
	assert_int_equal(weft_recvfrom(s, b, sizeof(b), 0, &sa), 16);
	world_assert_at(&sa, "10.0.0.2:0");
	assert_int_equal(b[0], ICMP4_ECHO_REPLY);
	assert_int_equal(load_be16(b + 6), 7);
	assert_memory_equal(b + ICMP4_HDR_LEN, "payload!", 8);
	/* The identifier is the port. */
	assert_int_equal(weft_getsockname(s, &sa), 0);
	assert_int_equal(load_be16(b + 4), sa.port);
	assert_int_equal(weft_recv(s, b, sizeof(b), 0), -EAGAIN);
	assert_int_equal(weft_recv(other, b, sizeof(b), 0), 16);
	assert_int_equal(load_be16(b + 6), 9);
	world_end(&w);
}

static void connected_echo_socket_works_with_a_chosen_identifier(void **state UNUSED)
{
	struct weft_sockaddr id = world_at("0.0.0.0:4242");
	struct echo e = request(1);
	struct weft_sock *s, *second;
	struct world w;
	uint8_t b[64];

	world_start(&w);
	s = ping_socket(w.client);
	second = ping_socket(w.client);
	assert_int_equal(weft_bind(s, &id), 0);
	assert_int_equal(weft_bind(second, &id), -EADDRINUSE);
	assert_int_equal(world_connect(s, "10.0.0.2:0"), 0);
	assert_int_equal(weft_send(s, e.b, e.len, 0), 16);
	world_settle(&w);
	assert_int_equal(weft_recv(s, b, sizeof(b), 0), 16);
	assert_int_equal(load_be16(b + 4), 4242);
	world_end(&w);
}

static void message_that_is_no_echo_request_is_refused(void **state UNUSED)
{
	struct echo e = request(1);
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	s = ping_socket(w.client);
	assert_int_equal(world_sendto(s, e.b, 7, "10.0.0.2:0"), -EINVAL);
	assert_int_equal(world_sendto(s, e.b, 0, "10.0.0.2:0"), -EINVAL);
	e.b[1] = 1;
	assert_int_equal(world_sendto(s, e.b, e.len, "10.0.0.2:0"), -EINVAL);
	e.b[0] = ICMP4_UNREACH;
	e.b[1] = 0;
	assert_int_equal(world_sendto(s, e.b, e.len, "10.0.0.2:0"), -EINVAL);
	assert_int_equal(weft_send(s, e.b, e.len, 0), -EDESTADDRREQ);
	world_settle(&w);
	assert_int_equal(weft_stack_counter(w.server, "IcmpInMsgs"), 0);
	world_end(&w);
}

static void reply_that_nobody_waits_for_is_dropped(void **state UNUSED)
{
	struct echo e = request(1);
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	s = ping_socket(w.client);
	assert_int_equal(world_sendto(s, e.b, e.len, "10.0.0.2:0"), 16);
	weft_close(s);
	world_settle(&w);
	assert_int_equal(weft_stack_counter(w.client, "ICMP_NO_SOCKET"), 1);
	world_end(&w);
}

/* A router in between says that the protocol, or the host, cannot be had. */
static void hard_error_reaches_the_connected_socket(void **state UNUSED)
{
	struct weft_sockaddr far = world_at("192.0.2.1:0");
	struct weft_route route = {.dst = far.addr, .prefix_len = 32};
	struct echo e = request(1);
	struct weft_sock *s;
	struct world w;
	uint8_t b[64];

	world_start(&w);
	route.via = world_at("10.0.0.2:0").addr;
	assert_int_equal(weft_route_add(w.client, &route), 0);
	assert_int_equal(weft_route_add_text(w.server, "prohibit 192.0.2.1/32"), 0);
	assert_int_equal(weft_stack_set(w.server, "net.ipv4.ip_forward", 1), 0);
	s = ping_socket(w.client);
	assert_int_equal(world_connect(s, "192.0.2.1:0"), 0);
	assert_int_equal(weft_send(s, e.b, e.len, 0), 16);
	world_settle(&w);
	assert_int_equal(weft_recv(s, b, sizeof(b), 0), -EHOSTUNREACH);
	assert_int_equal(weft_recv(s, b, sizeof(b), 0), -EAGAIN);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echo_request_is_answered_to_its_socket),
		cmocka_unit_test(connected_echo_socket_works_with_a_chosen_identifier),
		cmocka_unit_test(message_that_is_no_echo_request_is_refused),
		cmocka_unit_test(reply_that_nobody_waits_for_is_dropped),
		cmocka_unit_test(hard_error_reaches_the_connected_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
