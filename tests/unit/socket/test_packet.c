/* SPDX-License-Identifier: MIT */
/* Packet sockets: what they see of frames, what they send, filters, memberships and fanout. */
#include "base/bpf.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "world.h"

enum {
	TEST_ETHERTYPE = 0x88b5, /* IEEE 802: local experiments */
};

/* The two hosts, after they have announced their addresses. */
static void quiet_start(struct world *w)
{
	world_start(w);
	world_settle(w);
}

static struct weft_sock *packet_socket(struct weft_stack *st, int type, int protocol)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, WEFT_AF_PACKET, type, protocol, &s), 0);
	return s;
}

static uint32_t ifindex_of(const struct weft_netif *nif)
{
	return weft_netif_index(nif);
}

static void packet_bind_to(struct weft_sock *s, const struct weft_netif *nif, uint16_t protocol)
{
	const struct weft_ll ll = {.protocol = protocol, .ifindex = ifindex_of(nif)};
	struct weft_sockaddr sa = weft_sockaddr_ll(&ll);

	assert_int_equal(weft_bind(s, &sa), 0);
}

static ptrdiff_t packet_take(struct weft_sock *s, uint8_t *buf, size_t size, struct weft_ll *ret)
{
	struct weft_sockaddr from;
	ptrdiff_t n = weft_recvfrom(s, buf, size, 0, &from);

	if (n >= 0 && ret)
		*ret = weft_ll_of(&from);
	return n;
}

static uint32_t packet_count(struct weft_sock *s)
{
	uint8_t buf[2048];
	uint32_t n = 0;

	while (weft_recv(s, buf, sizeof(buf), 0) >= 0)
		n++;
	return n;
}

static void cooked_send(struct world *w, struct weft_sock *s, const void *data, size_t len,
			const uint8_t dst[6])
{
	struct weft_ll ll = {
		.protocol = TEST_ETHERTYPE, .ifindex = ifindex_of(w->client_if), .halen = 6};
	struct weft_sockaddr sa;

	memcpy(ll.addr, dst, 6);
	sa = weft_sockaddr_ll(&ll);
	assert_int_equal(weft_sendto(s, data, len, 0, &sa), len);
	world_settle(w);
}

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void ip_cooked_is_received_from_its_ip_header_on(void **state UNUSED)
{
	struct weft_sock *a, *p;
	struct ip4_hdr hdr;
	struct weft_ll ll;
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	p = packet_socket(w.server, WEFT_SOCK_DGRAM, ETHERTYPE_IPV4);
	assert_int_equal(world_sendto(a, "hello", 5, "10.0.0.2:53"), 5);
	world_settle(&w);
	assert_int_equal(packet_take(p, buf, sizeof(buf), &ll), 33);
	ip4_hdr_read(buf, &hdr);
	assert_true(ip4_hdr_csum_ok(buf, hdr.hdr_len));
	assert_int_equal(hdr.proto, IP_PROTO_UDP);
	/* The checksum that the sender left to the interface is there. */
	assert_int_not_equal(buf[26] | buf[27], 0);
	assert_memory_equal(buf + 28, "hello", 5);
	assert_int_equal(ll.protocol, ETHERTYPE_IPV4);
	assert_int_equal(ll.ifindex, ifindex_of(w.server_if));
	assert_int_equal(ll.type, WEFT_PACKET_HOST);
	assert_int_equal(ll.halen, 6);
	assert_int_equal(ll.hatype, 1);
	/* What the server answered (port unreachable) is not for a socket of one protocol. */
	assert_int_equal(packet_take(p, buf, sizeof(buf), &ll), -EAGAIN);
	world_end(&w);
}

static void all_protocols_are_seen_both_ways_with_their_header(void **state UNUSED)
{
	struct weft_sock *a, *p;
	struct eth_hdr hdr;
	struct weft_ll ll;
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	p = packet_socket(w.client, WEFT_SOCK_RAW, WEFT_ETH_P_ALL);
	assert_int_equal(world_sendto(a, "hello", 5, "10.0.0.2:53"), 5);
	world_settle(&w);
	assert_int_equal(packet_take(p, buf, sizeof(buf), &ll), ETH_HDR_LEN + 28);
	eth_hdr_read(buf, &hdr);
	assert_int_equal(hdr.type, ETHERTYPE_ARP);
	assert_true(eth_addr_is_broadcast(&hdr.dst));
	assert_int_equal(ll.type, WEFT_PACKET_OUTGOING);
	assert_true(packet_take(p, buf, sizeof(buf), &ll) > 0);
	assert_int_equal(ll.type, WEFT_PACKET_HOST); /* the answer */
	assert_int_equal(ll.protocol, ETHERTYPE_ARP);
	assert_true(packet_take(p, buf, sizeof(buf), &ll) > 0);
	assert_int_equal(ll.type, WEFT_PACKET_OUTGOING); /* the datagram */
	assert_int_equal(ll.protocol, ETHERTYPE_IPV4);
	assert_true(packet_take(p, buf, sizeof(buf), &ll) > 0);
	assert_int_equal(ll.type, WEFT_PACKET_HOST); /* port unreachable */
	assert_int_equal(packet_take(p, buf, sizeof(buf), &ll), -EAGAIN);
	world_end(&w);
}

static void outgoing_frames_ignored_are_not_seen(void **state UNUSED)
{
	struct weft_sock *a, *p;
	struct world w;

	quiet_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	p = packet_socket(w.client, WEFT_SOCK_RAW, WEFT_ETH_P_ALL);
	world_setopt(p, WEFT_SOL_PACKET, WEFT_PACKET_IGNORE_OUTGOING, 1);
	assert_int_equal(world_sendto(a, "hello", 5, "10.0.0.2:53"), 5);
	world_settle(&w);
	assert_int_equal(packet_count(p), 2);
	world_end(&w);
}

static void frame_written_whole_arrives_as_written(void **state UNUSED)
{
	uint8_t out[60] = {0x01, 0x00, 0x5e, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0x88, 0xb5, 'x'};
	struct weft_sock *a, *b;
	struct weft_ll ll;
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	a = packet_socket(w.client, WEFT_SOCK_RAW, WEFT_ETH_P_ALL);
	b = packet_socket(w.server, WEFT_SOCK_RAW, TEST_ETHERTYPE);
	assert_int_equal(weft_send(a, out, sizeof(out), 0), -ENXIO);
	packet_bind_to(a, w.client_if, 0);
	assert_int_equal(weft_send(a, out, sizeof(out), 0), sizeof(out));
	assert_int_equal(weft_send(a, out, ETH_HDR_LEN - 1, 0), -EINVAL);
	world_settle(&w);
	assert_int_equal(packet_take(b, buf, sizeof(buf), &ll), sizeof(out));
	assert_memory_equal(buf, out, sizeof(out));
	assert_int_equal(ll.type, WEFT_PACKET_MULTICAST);
	assert_memory_equal(ll.addr, out + 6, 6);
	/* Nobody sees what it sent itself. */
	assert_int_equal(packet_take(a, buf, sizeof(buf), &ll), -EAGAIN);
	world_end(&w);
}

static void cooked_frame_gets_its_header(void **state UNUSED)
{
	struct weft_sock *a, *b;
	struct weft_sockaddr sa;
	struct weft_ll ll = {0};
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	a = packet_socket(w.client, WEFT_SOCK_DGRAM, 0);
	b = packet_socket(w.server, WEFT_SOCK_RAW, TEST_ETHERTYPE);
	cooked_send(&w, a, "abc", 3, broadcast);
	assert_int_equal(packet_take(b, buf, sizeof(buf), &ll), ETH_HDR_LEN + 3);
	assert_int_equal(ll.type, WEFT_PACKET_BROADCAST);
	assert_int_equal(ll.protocol, TEST_ETHERTYPE);
	/* Without a destination there is no header to write. */
	packet_bind_to(a, w.client_if, TEST_ETHERTYPE);
	assert_int_equal(weft_send(a, "abc", 3, 0), -EINVAL);
	ll.halen = 2;
	sa = weft_sockaddr_ll(&ll);
	assert_int_equal(weft_sendto(a, "abc", 3, 0, &sa), -EINVAL);
	world_end(&w);
}

static void frame_longer_than_the_mtu_is_refused(void **state UNUSED)
{
	static uint8_t out[ETH_HDR_LEN + 1500 + 5] = {[12] = 0x88, 0xb5};
	struct weft_sock *a;
	struct world w;

	quiet_start(&w);
	a = packet_socket(w.client, WEFT_SOCK_RAW, 0);
	packet_bind_to(a, w.client_if, 0);
	assert_int_equal(weft_send(a, out, ETH_HDR_LEN + 1500, 0), ETH_HDR_LEN + 1500);
	assert_int_equal(weft_send(a, out, ETH_HDR_LEN + 1501, 0), -EMSGSIZE);
	out[12] = 0x81;
	out[13] = 0; /* a VLAN tag does not count */
	assert_int_equal(weft_send(a, out, ETH_HDR_LEN + 1504, 0), ETH_HDR_LEN + 1504);
	assert_int_equal(weft_send(a, out, ETH_HDR_LEN + 1505, 0), -EMSGSIZE);
	world_settle(&w);
	world_end(&w);
}

static void interface_and_protocol_bound_to_are_all_that_is_seen(void **state UNUSED)
{
	const struct weft_ll nowhere = {.ifindex = 99};
	struct weft_sockaddr sa = weft_sockaddr_ll(&nowhere);
	struct weft_sock *a, *p;
	struct weft_ll ll;
	struct world w;

	quiet_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	p = packet_socket(w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_bind(p, &sa), -ENODEV);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	assert_int_equal(world_sendto(a, "x", 1, "127.0.0.1:53"), 1);
	world_settle(&w);
	assert_int_equal(packet_count(p), 0); /* protocol 0 */
	packet_bind_to(p, w.client_if, WEFT_ETH_P_ALL);
	assert_int_equal(weft_getsockname(p, &sa), 0);
	ll = weft_ll_of(&sa);
	assert_int_equal(ll.ifindex, ifindex_of(w.client_if));
	assert_int_equal(ll.protocol, WEFT_ETH_P_ALL);
	assert_int_equal(ll.halen, 6);
	assert_int_equal(world_sendto(a, "x", 1, "127.0.0.1:53"), 1);
	world_settle(&w);
	assert_int_equal(packet_count(p), 0);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_int_equal(packet_count(p), 2);
	world_end(&w);
}

static void loopback_is_seen_leaving_and_arriving(void **state UNUSED)
{
	struct weft_sock *a, *p;
	struct weft_ll ll;
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	(void)world_bound(w.client, "127.0.0.1:53");
	p = packet_socket(w.client, WEFT_SOCK_RAW, WEFT_ETH_P_ALL);
	assert_int_equal(world_sendto(a, "x", 1, "127.0.0.1:53"), 1);
	world_settle(&w);
	assert_true(packet_take(p, buf, sizeof(buf), &ll) > 0);
	assert_int_equal(ll.type, WEFT_PACKET_OUTGOING);
	assert_int_equal(ll.hatype, 772);
	assert_true(packet_take(p, buf, sizeof(buf), &ll) > 0);
	assert_int_equal(ll.type, WEFT_PACKET_HOST);
	world_end(&w);
}

static void queue_is_bounded_and_what_is_lost_is_counted(void **state UNUSED)
{
	struct weft_packet_stats stats;
	struct weft_sock *a, *p;
	size_t len = sizeof(stats);
	struct world w;

	quiet_start(&w);
	a = packet_socket(w.client, WEFT_SOCK_DGRAM, 0);
	p = packet_socket(w.server, WEFT_SOCK_RAW, TEST_ETHERTYPE);
	world_setopt(p, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 0);
	for (int i = 0; i < 100; i++)
		cooked_send(&w, a, "abc", 3, broadcast);
	assert_int_equal(weft_getsockopt(p, WEFT_SOL_PACKET, WEFT_PACKET_STATISTICS, &stats, &len),
			 0);
	assert_int_equal(stats.packets, 100);
	assert_in_range(stats.drops, 90, 99);
	assert_int_equal(weft_stack_counter(w.server, "PACKET_RCVBUF"), stats.drops);
	assert_int_equal(packet_count(p), 100 - stats.drops);
	assert_int_equal(weft_getsockopt(p, WEFT_SOL_PACKET, WEFT_PACKET_STATISTICS, &stats, &len),
			 0);
	assert_int_equal(stats.packets, 0);
	world_end(&w);
}

static void promiscuous_membership_counts_who_wants_it(void **state UNUSED)
{
	struct weft_packet_mreq mreq = {.type = WEFT_PACKET_MR_PROMISC};
	struct weft_netif_info info;
	struct weft_sock *a, *b;
	struct world w;

	quiet_start(&w);
	mreq.ifindex = (int)ifindex_of(w.server_if);
	a = packet_socket(w.server, WEFT_SOCK_RAW, 0);
	b = packet_socket(w.server, WEFT_SOCK_RAW, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(weft_setsockopt(a, WEFT_SOL_PACKET, WEFT_PACKET_ADD_MEMBERSHIP,
						 &mreq, sizeof(mreq)),
				 0);
	assert_int_equal(weft_setsockopt(b, WEFT_SOL_PACKET, WEFT_PACKET_ADD_MEMBERSHIP, &mreq,
					 sizeof(mreq)),
			 0);
	weft_netif_info(w.server_if, &info);
	assert_true(info.flags & WEFT_IFF_PROMISC);
	weft_close(b);
	assert_int_equal(weft_setsockopt(a, WEFT_SOL_PACKET, WEFT_PACKET_DROP_MEMBERSHIP, &mreq,
					 sizeof(mreq)),
			 0);
	weft_netif_info(w.server_if, &info);
	assert_true(info.flags & WEFT_IFF_PROMISC);
	assert_int_equal(weft_setsockopt(a, WEFT_SOL_PACKET, WEFT_PACKET_DROP_MEMBERSHIP, &mreq,
					 sizeof(mreq)),
			 0);
	weft_netif_info(w.server_if, &info);
	assert_false(info.flags & WEFT_IFF_PROMISC);
	mreq.ifindex = 99;
	assert_int_equal(weft_setsockopt(a, WEFT_SOL_PACKET, WEFT_PACKET_ADD_MEMBERSHIP, &mreq,
					 sizeof(mreq)),
			 -ENODEV);
	mreq.alen = 9;
	assert_int_equal(weft_setsockopt(a, WEFT_SOL_PACKET, WEFT_PACKET_ADD_MEMBERSHIP, &mreq,
					 sizeof(mreq)),
			 -EINVAL);
	world_end(&w);
}

static void socket_of_an_interface_that_goes_is_told_once(void **state UNUSED)
{
	struct weft_packet_mreq mreq = {.type = WEFT_PACKET_MR_PROMISC};
	struct weft_sock *a;
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	mreq.ifindex = (int)ifindex_of(w.client_if);
	a = packet_socket(w.client, WEFT_SOCK_RAW, WEFT_ETH_P_ALL);
	packet_bind_to(a, w.client_if, 0);
	assert_int_equal(weft_setsockopt(a, WEFT_SOL_PACKET, WEFT_PACKET_ADD_MEMBERSHIP, &mreq,
					 sizeof(mreq)),
			 0);
	weft_netif_set_up(w.client_if, false);
	assert_int_equal(weft_recv(a, buf, sizeof(buf), 0), -ENETDOWN);
	assert_int_equal(weft_recv(a, buf, sizeof(buf), 0), -EAGAIN);
	assert_int_equal(weft_send(a, buf, sizeof(buf), 0), -ENETDOWN);
	weft_netif_del(w.client_if);
	assert_int_equal(weft_recv(a, buf, sizeof(buf), 0), -ENETDOWN);
	assert_int_equal(weft_send(a, buf, sizeof(buf), 0), -ENXIO);
	world_end(&w);
}

/* Filters */

static int filter_attach(struct weft_sock *s, const struct weft_sock_filter *insns, uint16_t n)
{
	const struct weft_sock_fprog prog = {.len = n, .filter = insns};

	return weft_setsockopt(s, WEFT_SOL_SOCKET, WEFT_SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static void filter_chooses_and_cuts(void **state UNUSED)
{
	/* The first byte behind the Ethernet header must be 'b'; 4 bytes of it are kept. */
	const struct weft_sock_filter raw_b[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 14},
						 {BPF_JMP | BPF_JEQ, 0, 1, 'b'},
						 {BPF_RET, 0, 0, 18},
						 {BPF_RET, 0, 0, 0}};
	/* The same for a cooked socket, by the network header and by the packet's type. */
	const struct weft_sock_filter cooked_b[] = {
		{BPF_LD | BPF_B | BPF_ABS, 0, 0, 0},
		{BPF_JMP | BPF_JEQ, 0, 5, 'b'},
		{BPF_LD | BPF_B | BPF_ABS, 0, 0, (uint32_t)BPF_NET_OFF},
		{BPF_JMP | BPF_JEQ, 0, 3, 'b'},
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)BPF_AD_OFF + BPF_AD_PKTTYPE},
		{BPF_JMP | BPF_JEQ, 0, 1, WEFT_PACKET_BROADCAST},
		{BPF_RET, 0, 0, 2},
		{BPF_RET, 0, 0, 0}};
	struct weft_sock *a, *raw, *cooked;
	uint8_t buf[100];
	struct world w;

	quiet_start(&w);
	a = packet_socket(w.client, WEFT_SOCK_DGRAM, 0);
	raw = packet_socket(w.server, WEFT_SOCK_RAW, TEST_ETHERTYPE);
	cooked = packet_socket(w.server, WEFT_SOCK_DGRAM, TEST_ETHERTYPE);
	assert_int_equal(filter_attach(raw, raw_b, ARRAY_SIZE(raw_b)), 0);
	assert_int_equal(filter_attach(cooked, cooked_b, ARRAY_SIZE(cooked_b)), 0);
	cooked_send(&w, a, "abcdefgh", 8, broadcast);
	cooked_send(&w, a, "bcdefghi", 8, broadcast);
	assert_int_equal(packet_take(raw, buf, sizeof(buf), NULL), 18);
	assert_memory_equal(buf + 14, "bcde", 4);
	assert_int_equal(packet_take(raw, buf, sizeof(buf), NULL), -EAGAIN);
	assert_int_equal(packet_take(cooked, buf, sizeof(buf), NULL), 2);
	assert_memory_equal(buf, "bc", 2);
	assert_int_equal(packet_take(cooked, buf, sizeof(buf), NULL), -EAGAIN);
	world_end(&w);
}

static void filter_is_checked_read_back_locked(void **state UNUSED)
{
	const struct weft_sock_filter good[] = {{BPF_RET, 0, 0, 7}}, bad[] = {{BPF_LD, 0, 0, 0}};
	struct weft_sock_filter got[2];
	struct weft_sock *p, *tcp;
	size_t len = 0;
	int on = 1, off = 0;
	struct world w;

	quiet_start(&w);
	p = packet_socket(w.client, WEFT_SOCK_RAW, WEFT_ETH_P_ALL);
	assert_int_equal(filter_attach(p, bad, 1), -EINVAL);
	assert_int_equal(filter_attach(p, good, 0), -EINVAL);
	assert_int_equal(
		weft_setsockopt(p, WEFT_SOL_SOCKET, WEFT_SO_DETACH_FILTER, &on, sizeof(on)),
		-ENOENT);
	assert_int_equal(filter_attach(p, good, 1), 0);
	assert_int_equal(filter_attach(p, good, 1), 0);
	assert_int_equal(weft_getsockopt(p, WEFT_SOL_SOCKET, WEFT_SO_GET_FILTER, NULL, &len), 0);
	assert_int_equal(len, 1);
	len = 2;
	assert_int_equal(weft_getsockopt(p, WEFT_SOL_SOCKET, WEFT_SO_GET_FILTER, got, &len), 0);
	assert_int_equal(len, 1);
	assert_memory_equal(got, good, sizeof(good));
	assert_int_equal(weft_setsockopt(p, WEFT_SOL_SOCKET, WEFT_SO_LOCK_FILTER, &on, sizeof(on)),
			 0);
	assert_int_equal(filter_attach(p, good, 1), -EPERM);
	assert_int_equal(
		weft_setsockopt(p, WEFT_SOL_SOCKET, WEFT_SO_DETACH_FILTER, &on, sizeof(on)),
		-EPERM);
	assert_int_equal(
		weft_setsockopt(p, WEFT_SOL_SOCKET, WEFT_SO_LOCK_FILTER, &off, sizeof(off)),
		-EPERM);
	tcp = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(filter_attach(tcp, good, 1), -ENOPROTOOPT);
	world_end(&w);
}

/* Fanout */

static int fanout_join(struct weft_sock *s, uint32_t id, uint32_t mode)
{
	int v = (int)(id | mode << 16);

	return weft_setsockopt(s, WEFT_SOL_PACKET, WEFT_PACKET_FANOUT, &v, sizeof(v));
}

/* Four sockets of a group, and 64 frames; how many each has of them. */
static void fanout_run(uint32_t mode, uint32_t ret[4])
{
	struct weft_sock *a, *p[4];
	struct world w;

	quiet_start(&w);
	a = world_socket(w.client, WEFT_SOCK_DGRAM, 0);
	for (int i = 0; i < 4; i++) {
		p[i] = packet_socket(w.server, WEFT_SOCK_RAW, ETHERTYPE_IPV4);
		assert_int_equal(fanout_join(p[i], 7, mode), 0);
		world_setopt(p[i], WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, 20 * 576 / 2);
	}
	for (int i = 0; i < 64; i++) {
		char to[32];

		(void)snprintf(to, sizeof(to), "10.0.0.2:%d", 1000 + i);
		assert_int_equal(world_sendto(a, "x", 1, to), 1);
		world_settle(&w);
	}
	for (int i = 0; i < 4; i++)
		ret[i] = packet_count(p[i]);
	world_end(&w);
}

static void group_spreads_frames_by_its_mode(void **state UNUSED)
{
	uint32_t n[4];

	fanout_run(WEFT_PACKET_FANOUT_LB, n);
	for (int i = 0; i < 4; i++)
		assert_int_equal(n[i], 16);
	fanout_run(WEFT_PACKET_FANOUT_HASH, n);
	for (int i = 0; i < 4; i++)
		assert_in_range(n[i], 5, 30);
	assert_int_equal(n[0] + n[1] + n[2] + n[3], 64);
	fanout_run(WEFT_PACKET_FANOUT_RND, n);
	for (int i = 0; i < 4; i++)
		assert_in_range(n[i], 5, 30);
	fanout_run(WEFT_PACKET_FANOUT_CPU, n);
	assert_int_equal(n[0], 20); /* all to one, as many as it has room for */
	assert_int_equal(n[1], 0);
	fanout_run(WEFT_PACKET_FANOUT_ROLLOVER, n);
	assert_int_equal(n[0], 20);
	assert_int_equal(n[1], 20);
	assert_int_equal(n[2], 20);
	assert_int_equal(n[3], 4);
	fanout_run(WEFT_PACKET_FANOUT_CPU | WEFT_PACKET_FANOUT_FLAG_ROLLOVER, n);
	assert_int_equal(n[3], 4);
}

static void group_by_program_goes_where_it_says(void **state UNUSED)
{
	const struct weft_sock_filter by_byte[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 14},
						   {BPF_RET | BPF_A, 0, 0, 0}};
	const struct weft_sock_fprog prog = {.len = 2, .filter = by_byte};
	struct weft_sock *a, *p[2];
	struct world w;

	quiet_start(&w);
	a = packet_socket(w.client, WEFT_SOCK_DGRAM, 0);
	for (int i = 0; i < 2; i++) {
		p[i] = packet_socket(w.server, WEFT_SOCK_RAW, TEST_ETHERTYPE);
		assert_int_equal(weft_setsockopt(p[i], WEFT_SOL_PACKET, WEFT_PACKET_FANOUT_DATA,
						 &prog, sizeof(prog)),
				 -EINVAL);
		assert_int_equal(fanout_join(p[i], 0, WEFT_PACKET_FANOUT_CBPF), 0);
	}
	assert_int_equal(weft_setsockopt(p[0], WEFT_SOL_PACKET, WEFT_PACKET_FANOUT_DATA, &prog,
					 sizeof(prog)),
			 0);
	cooked_send(&w, a, "\1", 1, broadcast);
	cooked_send(&w, a, "\3", 1, broadcast);
	cooked_send(&w, a, "\2", 1, broadcast);
	assert_int_equal(packet_count(p[0]), 1);
	assert_int_equal(packet_count(p[1]), 2);
	world_end(&w);
}

static void who_does_not_agree_with_a_group_is_refused(void **state UNUSED)
{
	struct weft_sock *p[4];
	size_t len = sizeof(int);
	int v;
	struct world w;

	quiet_start(&w);
	for (int i = 0; i < 4; i++)
		p[i] = packet_socket(w.server, WEFT_SOCK_RAW, TEST_ETHERTYPE);
	assert_int_equal(fanout_join(p[0], 7, WEFT_PACKET_FANOUT_LB), 0);
	assert_int_equal(fanout_join(p[0], 7, WEFT_PACKET_FANOUT_LB), -EALREADY);
	assert_int_equal(fanout_join(p[1], 7, WEFT_PACKET_FANOUT_HASH), -EINVAL);
	assert_int_equal(fanout_join(p[1], 7, 9), -EINVAL);
	assert_int_equal(
		fanout_join(p[1], 7,
			    WEFT_PACKET_FANOUT_ROLLOVER | WEFT_PACKET_FANOUT_FLAG_ROLLOVER),
		-EINVAL);
	packet_bind_to(p[2], w.server_if, 0);
	assert_int_equal(fanout_join(p[2], 7, WEFT_PACKET_FANOUT_LB), -EINVAL);
	assert_int_equal(fanout_join(p[1], 7, WEFT_PACKET_FANOUT_LB), 0);
	/* A number that is free. */
	assert_int_equal(
		fanout_join(p[3], 0, WEFT_PACKET_FANOUT_LB | WEFT_PACKET_FANOUT_FLAG_UNIQUEID), 0);
	assert_int_equal(weft_getsockopt(p[3], WEFT_SOL_PACKET, WEFT_PACKET_FANOUT, &v, &len), 0);
	assert_int_not_equal(v & 0xffff, 7);
	assert_int_equal(v >> 16, WEFT_PACKET_FANOUT_LB);
	/* The group goes with its last socket. */
	weft_close(p[0]);
	weft_close(p[1]);
	assert_int_equal(fanout_join(p[2], 7, WEFT_PACKET_FANOUT_HASH), 0);
	world_end(&w);
}

static void types_and_protocols_that_do_not_exist_are_refused(void **state UNUSED)
{
	struct weft_sock *s;
	struct world w;
	int v = 1;

	quiet_start(&w);
	assert_int_equal(weft_socket(w.client, WEFT_AF_PACKET, WEFT_SOCK_STREAM, 3, &s),
			 -ESOCKTNOSUPPORT);
	assert_int_equal(weft_socket(w.client, WEFT_AF_PACKET, WEFT_SOCK_RAW, 0x10000, &s),
			 -EINVAL);
	s = packet_socket(w.client, WEFT_SOCK_RAW, 3);
	assert_int_equal(weft_setsockopt(s, WEFT_SOL_PACKET, 99, &v, sizeof(v)), -ENOPROTOOPT);
	assert_int_equal(weft_listen(s, 1), -EOPNOTSUPP);
	assert_int_equal(weft_shutdown(s, WEFT_SHUT_RD), -EOPNOTSUPP);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_cooked_is_received_from_its_ip_header_on),
		cmocka_unit_test(all_protocols_are_seen_both_ways_with_their_header),
		cmocka_unit_test(outgoing_frames_ignored_are_not_seen),
		cmocka_unit_test(frame_written_whole_arrives_as_written),
		cmocka_unit_test(cooked_frame_gets_its_header),
		cmocka_unit_test(frame_longer_than_the_mtu_is_refused),
		cmocka_unit_test(interface_and_protocol_bound_to_are_all_that_is_seen),
		cmocka_unit_test(loopback_is_seen_leaving_and_arriving),
		cmocka_unit_test(queue_is_bounded_and_what_is_lost_is_counted),
		cmocka_unit_test(promiscuous_membership_counts_who_wants_it),
		cmocka_unit_test(socket_of_an_interface_that_goes_is_told_once),
		cmocka_unit_test(filter_chooses_and_cuts),
		cmocka_unit_test(filter_is_checked_read_back_locked),
		cmocka_unit_test(group_spreads_frames_by_its_mode),
		cmocka_unit_test(group_by_program_goes_where_it_says),
		cmocka_unit_test(who_does_not_agree_with_a_group_is_refused),
		cmocka_unit_test(types_and_protocols_that_do_not_exist_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
