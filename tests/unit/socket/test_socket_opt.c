/* SPDX-License-Identifier: MIT */
/* Options of SOL_SOCKET and IPPROTO_IP. */
#include "world.h"

static int set(struct weft_sock *s, int level, int name, int v)
{
	return weft_setsockopt(s, level, name, &v, sizeof(v));
}

static void flags_read_back_as_zero_or_one(void **state UNUSED)
{
	const int names[] = {WEFT_SO_REUSEADDR, WEFT_SO_REUSEPORT, WEFT_SO_BROADCAST,
			     WEFT_SO_KEEPALIVE};
	const int types[] = {WEFT_SOCK_STREAM, WEFT_SOCK_DGRAM};
	struct world w;

	world_start(&w);
	for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
		struct weft_sock *s = world_socket(w.client, types[t], 0);

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, names[i]), 0);
			world_setopt(s, WEFT_SOL_SOCKET, names[i], 17);
			assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, names[i]), 1);
			world_setopt(s, WEFT_SOL_SOCKET, names[i], 0);
			assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, names[i]), 0);
		}
	}
	world_end(&w);
}

static void buffer_sizes_are_doubled_and_kept_in_range(void **state UNUSED)
{
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF), 212992);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 10000);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF), 20000);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 1);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF), 2304);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, 1);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF), 4608);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, INT32_MAX);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF), 425984);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF, -1);
	assert_int_equal(world_getopt(s, WEFT_SOL_SOCKET, WEFT_SO_SNDBUF), 425984);
	world_end(&w);
}

static void linger_keeps_its_seconds(void **state UNUSED)
{
	struct weft_linger linger = {.onoff = 5, .linger_s = 30}, got;
	size_t len = sizeof(got);
	struct weft_sock *s;
	struct world w;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(
		weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, sizeof(linger)), 0);
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &got, &len), 0);
	assert_int_equal(got.onoff, 1);
	assert_int_equal(got.linger_s, 30);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, 4), -EINVAL);
	world_end(&w);
}

static void ttl_and_tos_are_checked(void **state UNUSED)
{
	struct weft_sock *udp, *tcp;
	struct world w;

	world_start(&w);
	udp = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	tcp = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_getopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL), 64);
	assert_int_equal(set(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL, 0), -EINVAL);
	assert_int_equal(set(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL, 256), -EINVAL);
	assert_int_equal(set(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL, 255), 0);
	assert_int_equal(world_getopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL), 255);
	assert_int_equal(set(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL, -1), 0);
	assert_int_equal(weft_stack_set(w.client, "net.ipv4.ip_default_ttl", 33), 0);
	assert_int_equal(world_getopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL), 33);
	/* A single byte will do. */
	assert_int_equal(weft_setsockopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TOS, &(uint8_t){0x2e}, 1),
			 0);
	assert_int_equal(world_getopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TOS), 0x2e);
	assert_int_equal(weft_setsockopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TOS, "", 0), 0);
	assert_int_equal(world_getopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TOS), 0);
	assert_int_equal(weft_setsockopt(udp, WEFT_IPPROTO_IP, WEFT_IP_TTL, "", 0), -EINVAL);
	/* The ECN bits of a stream are TCP's. */
	assert_int_equal(set(tcp, WEFT_IPPROTO_IP, WEFT_IP_TOS, 0xbb), 0);
	assert_int_equal(world_getopt(tcp, WEFT_IPPROTO_IP, WEFT_IP_TOS), 0xb8);
	world_end(&w);
}

static void device_is_set_and_read_by_name(void **state UNUSED)
{
	struct weft_sock *s;
	size_t len = 16;
	char name[16];
	struct world w;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "nope", 5),
			 -ENODEV);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "lo", 3), 0);
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name, &len), 0);
	assert_int_equal(len, 3);
	assert_string_equal(name, "lo");
	assert_int_equal(world_sendto(s, "x", 1, "10.0.0.2:9"), -EADDRNOTAVAIL);
	len = 15;
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name, &len),
			 -EINVAL);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "", 0), 0);
	len = 16;
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(world_sendto(s, "x", 1, "10.0.0.2:9"), 1);
	world_end(&w);
}

/* Two sockets on one port, each with what comes in on its interface. */
static void device_decides_who_receives(void **state UNUSED)
{
	struct weft_sockaddr any = world_at("0.0.0.0:53");
	struct weft_sock *on_lo, *on_eth, *a;
	struct world w;
	char c;

	world_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	on_lo = world_socket(w.server, WEFT_SOCK_DGRAM, 0);
	on_eth = world_socket(w.server, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_setsockopt(on_lo, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "lo", 2), 0);
	assert_int_equal(weft_setsockopt(on_eth, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, "eth0", 4),
			 0);
	assert_int_equal(weft_bind(on_lo, &any), 0);
	assert_int_equal(weft_bind(on_eth, &any), 0);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_int_equal(weft_recv(on_lo, &c, 1, 0), -EAGAIN);
	assert_int_equal(weft_recv(on_eth, &c, 1, 0), 1);
	world_end(&w);
}

static void unknown_options_and_short_values_are_refused(void **state UNUSED)
{
	size_t len = sizeof(int);
	struct weft_sock *s;
	struct world w;
	int v = 0;

	world_start(&w);
	s = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(set(s, WEFT_SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
	assert_int_equal(set(s, WEFT_SOL_SOCKET, WEFT_SO_TYPE, 1), -ENOPROTOOPT);
	assert_int_equal(set(s, WEFT_IPPROTO_IP, 9999, 1), -ENOPROTOOPT);
	assert_int_equal(set(s, WEFT_IPPROTO_TCP, WEFT_TCP_NODELAY, 1), -ENOPROTOOPT);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, &v, 3), -EINVAL);
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, 9999, &v, &len), -ENOPROTOOPT);
	assert_int_equal(weft_getsockopt(s, WEFT_IPPROTO_IP, 9999, &v, &len), -ENOPROTOOPT);
	assert_int_equal(weft_getsockopt(s, WEFT_IPPROTO_TCP, 1, &v, &len), -EOPNOTSUPP);
	/* A small buffer gets the first bytes, as in Linux. */
	len = 1;
	assert_int_equal(weft_getsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_TYPE, &v, &len), 0);
	assert_int_equal(len, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_both_families(flags_read_back_as_zero_or_one),
		in_both_families(buffer_sizes_are_doubled_and_kept_in_range),
		in_both_families(linger_keeps_its_seconds),
		in_both_families(ttl_and_tos_are_checked),
		cmocka_unit_test(device_is_set_and_read_by_name),
		in_both_families(device_decides_who_receives),
		cmocka_unit_test(unknown_options_and_short_values_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
