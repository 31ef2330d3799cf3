/* SPDX-License-Identifier: MIT */
/*
 * Datagram sockets and groups, in both families: who gets what is sent to a group, a broadcast or
 * an address, by what it is bound to; source filters; how what is sent leaves.
 */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

/* The same test with the addresses of either family. */
struct fam {
	int family, level, icmp;
	const char *client, *server, *other; /* other: a second address of the server */
	const char *any, *group, *group2;
	uint8_t echo, echo_reply;
};

static const struct fam fam4 = {
	.family = WEFT_AF_INET,
	.level = WEFT_IPPROTO_IP,
	.icmp = WEFT_IPPROTO_ICMP,
	.client = "10.0.0.1",
	.server = "10.0.0.2",
	.other = "10.0.0.3",
	.any = "0.0.0.0",
	.group = "239.1.2.3",
	.group2 = "239.1.2.4",
	.echo = 8,
	.echo_reply = 0,
};

static const struct fam fam6 = {
	.family = WEFT_AF_INET6,
	.level = WEFT_IPPROTO_IPV6,
	.icmp = WEFT_IPPROTO_ICMPV6,
	.client = "2001:db8::1",
	.server = "2001:db8::2",
	.other = "2001:db8::3",
	.any = "::",
	.group = "ff05::1:3",
	.group2 = "ff05::1:4",
	.echo = 128,
	.echo_reply = 129,
};

struct net {
	struct world w;
	const struct fam *fam;
};

static void net_start(struct net *n, const struct fam *fam)
{
	static const char *const more[][2] = {{"2001:db8::1", NULL},
					      {"2001:db8::2", "s"},
					      {"2001:db8::3", "s"},
					      {"10.0.0.3", "s"}};

	*n = (struct net){.fam = fam};
	world_start(&n->w);
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		struct weft_addr a = world_addr(more[i][0]);

		assert_int_equal(weft_addr_add(more[i][1] ? n->w.server_if : n->w.client_if, &a,
					       a.family == WEFT_AF_INET ? 24 : 64),
				 0);
	}
	world_advance(&n->w, 5 * WORLD_SEC);
}

static struct weft_sockaddr at(const char *addr, uint16_t port)
{
	return (struct weft_sockaddr){.addr = world_addr(addr), .port = port};
}

static struct weft_sock *sock_of(struct net *n, struct weft_stack *st, int protocol)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, n->fam->family, WEFT_SOCK_DGRAM, protocol, &s), 0);
	return s;
}

static struct weft_sock *bound(struct net *n, struct weft_stack *st, const char *addr,
			       uint16_t port)
{
	struct weft_sock *s = sock_of(n, st, 0);
	struct weft_sockaddr sa = at(addr, port);

	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_REUSEADDR, 1);
	world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, 1);
	assert_int_equal(weft_bind(s, &sa), 0);
	return s;
}

static void device_set(struct weft_sock *s, const char *name)
{
	assert_int_equal(
		weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_BINDTODEVICE, name, strlen(name) + 1),
		0);
}

static int group_opt(struct net *n, struct weft_sock *s, int name, const char *group)
{
	struct weft_group_req req = {.group = world_addr(group), .ifindex = 2};

	return weft_setsockopt(s, n->fam->level, name, &req, sizeof(req));
}

static int source_opt(struct net *n, struct weft_sock *s, int name, const char *group,
		      const char *src)
{
	struct weft_group_source_req req = {
		.group = world_addr(group), .source = world_addr(src), .ifindex = 2};

	return weft_setsockopt(s, n->fam->level, name, &req, sizeof(req));
}

static void join(struct net *n, struct weft_sock *s, const char *group)
{
	assert_int_equal(group_opt(n, s, WEFT_MCAST_JOIN_GROUP, group), 0);
	world_settle(&n->w);
}

static ptrdiff_t send_to(struct weft_sock *s, const char *addr, uint16_t port)
{
	struct weft_sockaddr to = at(addr, port);

	if (to.addr.family == WEFT_AF_INET6 && to.addr.bytes[0] == 0xff)
		to.scope_id = 2;
	return weft_sendto(s, "hello", 5, 0, &to);
}

static bool takes(struct weft_sock *s)
{
	char buf[16];
	ptrdiff_t len = weft_recv(s, buf, sizeof(buf), 0);

	assert_true(len == 5 || len == -EAGAIN);
	return len == 5;
}

#define both(name)                                  \
	static void name##_ip4(void **state UNUSED) \
	{                                           \
		name(&fam4);                        \
	}                                           \
	static void name##_ip6(void **state UNUSED) \
	{                                           \
		name(&fam6);                        \
	}                                           \
	struct name##_semicolon

/* Who gets it */

static void group_joined_reaches_every_socket_of_the_port(const struct fam *fam)
{
	struct weft_sock *a, *joined, *other, *elsewhere;
	struct net n;

	net_start(&n, fam);
	a = sock_of(&n, n.w.client, 0);
	device_set(a, "eth0");
	joined = bound(&n, n.w.server, fam->any, 5000);
	other = bound(&n, n.w.server, fam->any, 5000);
	elsewhere = bound(&n, n.w.server, fam->any, 5001);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_false(takes(joined));
	join(&n, joined, fam->group);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_true(takes(joined));
	assert_true(takes(other)); /* as Linux: IP_MULTICAST_ALL */
	assert_false(takes(elsewhere));
	world_setopt(other, fam->level,
		     fam == &fam4 ? WEFT_IP_MULTICAST_ALL : WEFT_IPV6_MULTICAST_ALL, 0);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_true(takes(joined));
	assert_false(takes(other));
	assert_int_equal(group_opt(&n, joined, WEFT_MCAST_LEAVE_GROUP, fam->group), 0);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_false(takes(joined));
	world_end(&n.w);
}
both(group_joined_reaches_every_socket_of_the_port);

/*
 * The whole matrix: what a socket is bound to, what a datagram is for, which device the socket is
 * bound to. A datagram is a socket's when it is bound to any or just that address, and to no device
 * or just that one.
 */
static void bound_address_by_destination_by_device(const struct fam *fam)
{
	const char *const addrs4[] = {"0.0.0.0",         "10.0.0.2",  "10.0.0.3", "10.0.0.255",
				      "255.255.255.255", "239.1.2.3", "239.1.2.4"};
	const char *const addrs6[] = {"::", "2001:db8::2", "2001:db8::3", "ff05::1:3", "ff05::1:4"};
	const char *const devices[] = {"", "eth0", "lo"};
	const char *const *addrs = fam == &fam4 ? addrs4 : addrs6;
	size_t n_addrs = fam == &fam4 ? ARRAY_SIZE(addrs4) : ARRAY_SIZE(addrs6);
	struct weft_sock *s[7][3], *a, *member;
	struct net n;

	net_start(&n, fam);
	a = sock_of(&n, n.w.client, 0);
	world_setopt(a, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, 1);
	device_set(a, "eth0");
	member = sock_of(&n, n.w.server, 0);
	join(&n, member, fam->group);
	join(&n, member, fam->group2);
	for (size_t dst = 1; dst < n_addrs; dst++) {
		struct weft_addr to = world_addr(addrs[dst]);
		bool to_one = dst < 3;

		for (size_t i = 0; i < n_addrs; i++) {
			for (size_t d = 0; d < 3; d++) {
				s[i][d] = bound(&n, n.w.server, addrs[i], 5000);
				device_set(s[i][d], devices[d]);
				/* One datagram to one host is one socket's: each has its turn. */
				if (!to_one)
					continue;
				assert_int_equal(send_to(a, addrs[dst], 5000), 5);
				world_settle(&n.w);
				assert_int_equal(takes(s[i][d]), (i == 0 || i == dst) && d < 2);
				weft_close(s[i][d]);
			}
		}
		if (to_one)
			continue;
		assert_int_equal(send_to(a, addrs[dst], 5000), 5);
		world_settle(&n.w);
		for (size_t i = 0; i < n_addrs; i++) {
			for (size_t d = 0; d < 3; d++) {
				bool wants = (i == 0 || i == dst) && d < 2;

				if (takes(s[i][d]) != wants)
					fail_msg("bound to %s on '%s', datagram for %s (family %d)",
						 addrs[i], devices[d], addrs[dst], to.family);
				weft_close(s[i][d]);
			}
		}
	}
	world_end(&n.w);
}
both(bound_address_by_destination_by_device);

/* Echo sockets: bound address (any, ours, another of ours), destination (one host, a group, and in
 * IPv4 both broadcasts), device. */
static void echo_by_bound_address_by_destination_by_device(const struct fam *fam)
{
	const char *const dsts4[] = {"10.0.0.2", "224.0.0.1", "10.0.0.255", "255.255.255.255"};
	const char *const dsts6[] = {"2001:db8::2", "ff02::1"};
	const char *const *dsts = fam == &fam4 ? dsts4 : dsts6;
	size_t n_dsts = fam == &fam4 ? ARRAY_SIZE(dsts4) : ARRAY_SIZE(dsts6);
	const char *binds[] = {NULL, fam->any, fam->client};
	const char *const devices[] = {"", "eth0", "lo"};
	struct net n;

	net_start(&n, fam);
	assert_int_equal(weft_stack_set(n.w.server, "net.ipv4.icmp_echo_ignore_broadcasts", 0), 0);
	for (size_t i = 0; i < n_dsts * 9; i++) {
		const char *bind = binds[i / 3 % 3], *device = devices[i % 3];
		struct weft_sock *s = sock_of(&n, n.w.client, fam->icmp);
		struct weft_sockaddr to = at(dsts[i / 9], 0), self;
		uint8_t echo[8] = {fam->echo}, buf[64];
		bool works = strcmp(device, "lo") != 0;
		ptrdiff_t len;

		if (!works && to.addr.bytes[0] == 0xff && fam == &fam6) {
			weft_close(s); /* the loopback interface has groups of its own */
			continue;
		}
		world_setopt(s, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, 1);
		device_set(s, device);
		if (bind) {
			self = at(bind, 0);
			assert_int_equal(weft_bind(s, &self), 0);
		}
		/* Where it goes when nobody says so, groups and the limited broadcast need to be
		 * told. */
		if (to.addr.bytes[0] == 0xff || to.addr.bytes[0] == 224)
			to.scope_id = works && fam == &fam6 ? 2 : 0;
		if (!device[0] && (to.addr.bytes[0] == 0xff || to.addr.bytes[0] == 224) &&
		    fam == &fam4 && !(bind && bind == fam->client))
			works = false;
		len = weft_sendto(s, echo, sizeof(echo), 0, &to);
		world_settle(&n.w);
		if ((weft_recv(s, buf, sizeof(buf), 0) == 8) != works)
			fail_msg("echo to %s bound to %s on '%s': sent %zd", dsts[i / 9],
				 bind ? bind : "nothing", device, len);
		weft_close(s);
		world_settle(&n.w);
	}
	world_end(&n.w);
}
both(echo_by_bound_address_by_destination_by_device);

static void echo_socket_is_bound_to_no_group(const struct fam *fam)
{
	struct weft_sockaddr sa = at(fam->group, 0), foreign = at(fam->server, 0);
	struct weft_sock *s;
	struct net n;

	net_start(&n, fam);
	s = sock_of(&n, n.w.client, fam->icmp);
	assert_int_equal(weft_bind(s, &sa), fam == &fam4 ? -EADDRNOTAVAIL : -EINVAL);
	assert_int_equal(weft_bind(s, &foreign), -EADDRNOTAVAIL);
	if (fam == &fam4) {
		sa = at("10.0.0.255", 0);
		assert_int_equal(weft_bind(s, &sa), -EADDRNOTAVAIL);
	}
	world_end(&n.w);
}
both(echo_socket_is_bound_to_no_group);

/* Filters */

static void source_filters_decide(const struct fam *fam)
{
	struct weft_sock *a, *wants, *refuses;
	struct net n;

	net_start(&n, fam);
	a = bound(&n, n.w.client, fam->client, 6000);
	wants = bound(&n, n.w.server, fam->any, 5000);
	refuses = bound(&n, n.w.server, fam->any, 5000);
	assert_int_equal(
		source_opt(&n, wants, WEFT_MCAST_JOIN_SOURCE_GROUP, fam->group, fam->other), 0);
	world_settle(&n.w);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_false(takes(wants));
	assert_int_equal(weft_stack_counter(n.w.server, "MCAST_SOURCE"), 1);
	assert_int_equal(
		source_opt(&n, wants, WEFT_MCAST_JOIN_SOURCE_GROUP, fam->group, fam->client), 0);
	join(&n, refuses, fam->group);
	assert_int_equal(source_opt(&n, refuses, WEFT_MCAST_BLOCK_SOURCE, fam->group, fam->client),
			 0);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_true(takes(wants));
	assert_false(takes(refuses));
	assert_int_equal(
		source_opt(&n, refuses, WEFT_MCAST_UNBLOCK_SOURCE, fam->group, fam->client), 0);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_true(takes(refuses));
	world_end(&n.w);
}
both(source_filters_decide);

static void filter_is_written_and_read_whole(const struct fam *fam)
{
	union {
		struct weft_group_filter f;
		uint8_t bytes[sizeof(struct weft_group_filter) + 3 * sizeof(struct weft_addr)];
	} u = {.f = {.ifindex = 2, .fmode = WEFT_MCAST_EXCLUDE, .n_srcs = 2}};
	struct weft_addr src = world_addr(fam->client), *srcs = (void *)(u.bytes + sizeof(u.f));
	size_t len = sizeof(u);
	struct weft_sock *s;
	struct net n;

	net_start(&n, fam);
	s = sock_of(&n, n.w.server, 0);
	u.f.group = world_addr(fam->group);
	memcpy(&srcs[0], &src, sizeof(src));
	src = world_addr(fam->other);
	memcpy(&srcs[1], &src, sizeof(src));
	assert_int_equal(weft_setsockopt(s, fam->level, WEFT_MCAST_MSFILTER, &u, sizeof(u)),
			 -EINVAL);
	join(&n, s, fam->group);
	assert_int_equal(weft_setsockopt(s, fam->level, WEFT_MCAST_MSFILTER, &u, sizeof(u)), 0);
	u.f.n_srcs = 1;
	assert_int_equal(weft_getsockopt(s, fam->level, WEFT_MCAST_MSFILTER, &u, &len), 0);
	assert_int_equal(u.f.n_srcs, 2);
	assert_int_equal(u.f.fmode, WEFT_MCAST_EXCLUDE);
	assert_int_equal(len, sizeof(struct weft_group_filter) + sizeof(struct weft_addr));
	u.f.n_srcs = 11;
	assert_int_equal(weft_setsockopt(s, fam->level, WEFT_MCAST_MSFILTER, &u, sizeof(u)),
			 -ENOBUFS);
	u.f.n_srcs = 0;
	u.f.fmode = WEFT_MCAST_INCLUDE; /* that is leaving it */
	assert_int_equal(weft_setsockopt(s, fam->level, WEFT_MCAST_MSFILTER, &u, sizeof(u)), 0);
	assert_int_equal(group_opt(&n, s, WEFT_MCAST_LEAVE_GROUP, fam->group), -EADDRNOTAVAIL);
	world_end(&n.w);
}
both(filter_is_written_and_read_whole);

static void mistakes_with_groups_are_told_as_in_linux(const struct fam *fam)
{
	struct weft_group_req nowhere = {.ifindex = 99, .group = world_addr(fam->group)};
	struct weft_sock *s;
	struct net n;
	char text[64];

	net_start(&n, fam);
	s = sock_of(&n, n.w.server, 0);
	assert_int_equal(group_opt(&n, s, WEFT_MCAST_JOIN_GROUP, fam->client), -EINVAL);
	assert_int_equal(
		weft_setsockopt(s, fam->level, WEFT_MCAST_JOIN_GROUP, &nowhere, sizeof(nowhere)),
		-ENODEV);
	assert_int_equal(weft_setsockopt(s, fam->level, WEFT_MCAST_JOIN_GROUP, &nowhere, 3),
			 -EINVAL);
	assert_int_equal(group_opt(&n, s, WEFT_MCAST_LEAVE_GROUP, fam->group), -EADDRNOTAVAIL);
	assert_int_equal(source_opt(&n, s, WEFT_MCAST_BLOCK_SOURCE, fam->group, fam->client),
			 -EINVAL);
	join(&n, s, fam->group);
	assert_int_equal(group_opt(&n, s, WEFT_MCAST_JOIN_GROUP, fam->group), -EADDRINUSE);
	assert_int_equal(source_opt(&n, s, WEFT_MCAST_BLOCK_SOURCE, fam->group, fam->client), 0);
	assert_int_equal(source_opt(&n, s, WEFT_MCAST_BLOCK_SOURCE, fam->group, fam->client),
			 -EADDRNOTAVAIL);
	assert_int_equal(source_opt(&n, s, WEFT_MCAST_JOIN_SOURCE_GROUP, fam->group, fam->other),
			 -EINVAL);
	assert_int_equal(source_opt(&n, s, WEFT_MCAST_UNBLOCK_SOURCE, fam->group, fam->other),
			 -EADDRNOTAVAIL);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof(text), fam == &fam4 ? "239.7.7.%d" : "ff05::7:%d",
			       i + 1);
		assert_int_equal(group_opt(&n, s, WEFT_MCAST_JOIN_GROUP, text),
				 i < 19 ? 0 : -ENOBUFS);
	}
	for (int i = 0; i < 10; i++) {
		(void)snprintf(text, sizeof(text), fam == &fam4 ? "10.1.1.%d" : "2001:db8:1::%d",
			       i + 1);
		assert_int_equal(source_opt(&n, s, WEFT_MCAST_BLOCK_SOURCE, fam->group, text),
				 i < 9 ? 0 : -ENOBUFS);
	}
	world_end(&n.w);
}
both(mistakes_with_groups_are_told_as_in_linux);

/* Sending */

static void sender_hears_itself_unless_it_does_not_want_to(const struct fam *fam)
{
	int loop = fam == &fam4 ? WEFT_IP_MULTICAST_LOOP : WEFT_IPV6_MULTICAST_LOOP;
	struct weft_sockaddr from;
	struct weft_sock *s;
	char buf[16];
	struct net n;

	net_start(&n, fam);
	s = bound(&n, n.w.client, fam->any, 5000);
	device_set(s, "eth0");
	assert_int_equal(send_to(s, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_false(takes(s)); /* not joined */
	join(&n, s, fam->group);
	assert_int_equal(send_to(s, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_int_equal(weft_recvfrom(s, buf, sizeof(buf), 0, &from), 5);
	assert_memory_equal(&from.addr, &(struct weft_addr){0}, 0);
	assert_int_equal(from.port, 5000);
	assert_int_equal(world_getopt(s, fam->level, loop), 1);
	world_setopt(s, fam->level, loop, 0);
	assert_int_equal(send_to(s, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_false(takes(s));
	world_end(&n.w);
}
both(sender_hears_itself_unless_it_does_not_want_to);

static int ttl_seen(struct net *n, struct weft_sock *s)
{
	union {
		struct weft_cmsghdr align;
		uint8_t bytes[64];
	} control;
	char buf[16];
	struct weft_iovec iov = {buf, sizeof(buf)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = &control, .control_len = sizeof(control)};
	struct weft_cmsghdr *c;
	int v;

	world_settle(&n->w);
	if (weft_recvmsg(s, &msg, 0) < 0)
		return -1;
	c = weft_cmsg_next(&msg, NULL);
	assert_non_null(c);
	memcpy(&v, weft_cmsg_data(c), sizeof(v));
	return v;
}

static void group_packets_have_a_ttl_of_their_own(const struct fam *fam)
{
	int ttl = fam == &fam4 ? WEFT_IP_MULTICAST_TTL : WEFT_IPV6_MULTICAST_HOPS;
	struct weft_sock *a, *b, *self;
	struct net n;

	net_start(&n, fam);
	a = sock_of(&n, n.w.client, 0);
	device_set(a, "eth0");
	world_setopt(a, fam->level, fam == &fam4 ? (int)WEFT_IP_TTL : (int)WEFT_IPV6_UNICAST_HOPS,
		     77);
	b = bound(&n, n.w.server, fam->any, 5000);
	self = bound(&n, n.w.client, fam->any, 5000);
	world_setopt(b, fam->level,
		     fam == &fam4 ? (int)WEFT_IP_RECVTTL : (int)WEFT_IPV6_RECVHOPLIMIT, 1);
	join(&n, b, fam->group);
	join(&n, self, fam->group);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	assert_int_equal(ttl_seen(&n, b), 1);
	assert_true(takes(self));
	world_setopt(a, fam->level, ttl, 9);
	assert_int_equal(world_getopt(a, fam->level, ttl), 9);
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	assert_int_equal(ttl_seen(&n, b), 9);
	assert_true(takes(self));
	world_setopt(a, fam->level, ttl, 0); /* stays here */
	assert_int_equal(send_to(a, fam->group, 5000), 5);
	assert_int_equal(ttl_seen(&n, b), -1);
	assert_true(takes(self));
	world_setopt(a, fam->level, ttl, -1);
	assert_int_equal(world_getopt(a, fam->level, ttl), 1);
	assert_int_equal(send_to(a, fam->server, 5000), 5);
	assert_int_equal(ttl_seen(&n, b), 77);
	world_end(&n.w);
}
both(group_packets_have_a_ttl_of_their_own);

static void interface_for_groups_is_chosen(const struct fam *fam)
{
	struct weft_sockaddr to = at(fam->group, 5000);
	int eth0 = 2, none = 99;
	struct weft_sock *a, *b;
	struct net n;

	net_start(&n, fam);
	a = sock_of(&n, n.w.client, 0);
	b = bound(&n, n.w.server, fam->any, 5000);
	join(&n, b, fam->group);
	if (fam == &fam4) {
		struct weft_ip_mreqn mreqn = {.ifindex = 99};

		assert_int_equal(
			weft_setsockopt(a, fam->level, WEFT_IP_MULTICAST_IF, &mreqn, sizeof(mreqn)),
			-EADDRNOTAVAIL);
		assert_int_equal(weft_sendto(a, "hello", 5, 0, &to), -ENETUNREACH);
		mreqn.ifindex = eth0;
		assert_int_equal(
			weft_setsockopt(a, fam->level, WEFT_IP_MULTICAST_IF, &mreqn, sizeof(mreqn)),
			0);
	} else {
		assert_int_equal(
			weft_setsockopt(a, fam->level, WEFT_IPV6_MULTICAST_IF, &none, sizeof(none)),
			-ENODEV);
		assert_int_equal(
			weft_setsockopt(a, fam->level, WEFT_IPV6_MULTICAST_IF, &eth0, sizeof(eth0)),
			0);
	}
	assert_int_equal(weft_sendto(a, "hello", 5, 0, &to), 5);
	world_settle(&n.w);
	assert_true(takes(b));
	world_end(&n.w);
}
both(interface_for_groups_is_chosen);

static void socket_bound_to_a_group_sends_from_an_address(const struct fam *fam)
{
	struct weft_sockaddr from;
	struct weft_sock *a, *b;
	char buf[16], text[WEFT_ADDR_STRLEN];
	struct net n;

	net_start(&n, fam);
	a = bound(&n, n.w.client, fam->group, 5000);
	b = bound(&n, n.w.server, fam->any, 6000);
	assert_int_equal(send_to(a, fam->server, 6000), 5);
	world_settle(&n.w);
	assert_int_equal(weft_recvfrom(b, buf, sizeof(buf), 0, &from), 5);
	assert_string_equal(weft_addr_print(&from.addr, text, sizeof(text)), fam->client);
	/* Connected it still receives at the group. */
	join(&n, a, fam->group);
	from = at(fam->server, 6000);
	assert_int_equal(weft_connect(a, &from), 0);
	device_set(b, "eth0");
	assert_int_equal(send_to(b, fam->group, 5000), 5);
	world_settle(&n.w);
	assert_true(takes(a));
	world_end(&n.w);
}
both(socket_bound_to_a_group_sends_from_an_address);

static void names_of_the_local_link_are_usable(const struct fam *fam)
{
	const char *mdns = fam == &fam4 ? "224.0.0.251" : "ff02::fb";
	struct weft_sock *a, *b;
	struct net n;

	net_start(&n, fam);
	a = bound(&n, n.w.client, fam->any, 5353);
	b = bound(&n, n.w.server, fam->any, 5353);
	device_set(a, "eth0");
	join(&n, a, mdns);
	join(&n, b, mdns);
	assert_int_equal(send_to(a, mdns, 5353), 5);
	world_settle(&n.w);
	assert_true(takes(a));
	assert_true(takes(b));
	world_end(&n.w);
}
both(names_of_the_local_link_are_usable);

static void broadcast_is_heard_by_its_own_host_too(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct net n;

	net_start(&n, &fam4);
	a = bound(&n, n.w.client, "0.0.0.0", 5000);
	b = bound(&n, n.w.server, "0.0.0.0", 5000);
	assert_int_equal(send_to(a, "10.0.0.255", 5000), 5);
	world_settle(&n.w);
	assert_true(takes(a));
	assert_true(takes(b));
	world_end(&n.w);
}

static void old_forms_of_ipv4_memberships_work(void **state UNUSED)
{
	struct weft_ip_mreqn mreq = {{239, 1, 2, 3}, {10, 0, 0, 2}, 0};
	struct weft_ip_mreq_source src = {{232, 1, 2, 3}, {10, 0, 0, 2}, {10, 0, 0, 1}};
	uint8_t addr[4] = {10, 0, 0, 2};
	size_t len = sizeof(addr);
	struct weft_sock *a, *b;
	struct net n;

	net_start(&n, &fam4);
	a = sock_of(&n, n.w.client, 0);
	device_set(a, "eth0");
	b = bound(&n, n.w.server, "0.0.0.0", 5000);
	/* struct ip_mreq: 8 bytes. */
	assert_int_equal(weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_ADD_MEMBERSHIP, &mreq, 8), 0);
	assert_int_equal(
		weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)),
		-EADDRINUSE);
	assert_int_equal(weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_ADD_SOURCE_MEMBERSHIP, &src,
					 sizeof(src)),
			 0);
	assert_int_equal(weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_IF, addr, 4), 0);
	assert_int_equal(weft_getsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_MULTICAST_IF, addr, &len), 0);
	assert_int_equal(addr[3], 2);
	assert_int_equal(send_to(a, "232.1.2.3", 5000), 5);
	world_settle(&n.w);
	assert_true(takes(b));
	assert_int_equal(weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_DROP_SOURCE_MEMBERSHIP, &src,
					 sizeof(src)),
			 0);
	assert_int_equal(weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_DROP_MEMBERSHIP, &mreq, 8), 0);
	assert_int_equal(weft_setsockopt(b, WEFT_IPPROTO_IP, WEFT_IP_DROP_MEMBERSHIP, &mreq, 8),
			 -EADDRNOTAVAIL);
	world_end(&n.w);
}

#define both_tests(name) cmocka_unit_test(name##_ip4), cmocka_unit_test(name##_ip6)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both_tests(group_joined_reaches_every_socket_of_the_port),
		both_tests(bound_address_by_destination_by_device),
		both_tests(echo_by_bound_address_by_destination_by_device),
		both_tests(echo_socket_is_bound_to_no_group),
		both_tests(source_filters_decide),
		both_tests(filter_is_written_and_read_whole),
		both_tests(mistakes_with_groups_are_told_as_in_linux),
		both_tests(sender_hears_itself_unless_it_does_not_want_to),
		both_tests(group_packets_have_a_ttl_of_their_own),
		both_tests(interface_for_groups_is_chosen),
		both_tests(socket_bound_to_a_group_sends_from_an_address),
		both_tests(names_of_the_local_link_are_usable),
		cmocka_unit_test(broadcast_is_heard_by_its_own_host_too),
		cmocka_unit_test(old_forms_of_ipv4_memberships_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
