/* SPDX-License-Identifier: MIT */
/* The public calls about interfaces, links and bridges, through the public types alone. */
#include "fixture.h"

#include "api/api_priv.h"
#include "link/neigh.h"
#include "weft/netif.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x42};

/* What an application interface was given to send. */
struct wire {
	uint32_t n;
	size_t len;
	uint8_t frame[2048];
	int result;
};

static int wire_tx(void *arg, const void *frame, size_t len)
{
	struct wire *w = arg;

	w->n++;
	w->len = len;
	memcpy(w->frame, frame, len < sizeof(w->frame) ? len : sizeof(w->frame));
	return w->result;
}

static const struct weft_frame_ops wire_ops = {.tx = wire_tx};

static struct weft_stack *stack(struct engine *eng, const char *name)
{
	return weft_stack_of(fix_stack(eng, name));
}

static void veth_comes_up_on_both_sides(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *a = stack(eng, "a"), *b = stack(eng, "b");
	struct weft_netif *end[2];

	assert_int_equal(weft_veth_new(a, "eth0", b, "eth7", &end[0], &end[1]), 0);
	assert_true(netif_is_running(netif_of(end[0])));
	assert_true(netif_is_running(netif_of(end[1])));
	assert_string_equal(weft_netif_name(end[1]), "eth7");
	assert_int_equal(weft_netif_index(end[0]), 1);
	assert_ptr_equal(weft_netif_find(b, "eth7"), end[1]);
	assert_null(weft_netif_find(b, "eth8"));
	assert_int_equal(weft_veth_new(a, "eth0", b, "eth8", &end[0], &end[1]), -EEXIST);
	assert_int_equal(weft_veth_new(a, "", b, "eth8", &end[0], &end[1]), -EINVAL);
	weft_netif_del(end[0]);
	assert_null(weft_netif_find(b, "eth7"));
	fix_end(eng);
}

static void ends_in_two_engines_are_refused(void **state UNUSED)
{
	struct engine *eng[2] = {fix_engine(), fix_engine()};
	struct weft_stack *a = stack(eng[0], "a"), *b = stack(eng[1], "b");
	const struct weft_link_dir dir = {0};
	struct weft_netif *end[2];
	struct weft_link *link;

	assert_int_equal(weft_veth_new(a, "eth0", b, "eth0", &end[0], &end[1]), -EINVAL);
	assert_int_equal(weft_link_new(a, "eth0", b, "eth0", &dir, &dir, &link), -EINVAL);
	fix_end(eng[0]);
	fix_end(eng[1]);
}

static void interfaces_are_walked_in_order(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct weft_netif *x, *y;

	assert_null(weft_netif_next(st, NULL));
	assert_int_equal(weft_veth_new(st, "x", st, "y", &x, &y), 0);
	assert_ptr_equal(weft_netif_next(st, NULL), x);
	assert_ptr_equal(weft_netif_next(st, x), y);
	assert_null(weft_netif_next(st, y));
	fix_end(eng);
}

static void link_carries_its_settings_and_figures(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *a = stack(eng, "a"), *b = stack(eng, "b");
	struct weft_link_dir there = {.rate_bps = 1000000, .delay_ns = MSEC}, back = {0};
	struct fix_frame f = fix_frame(ETH_ADDR_BROADCAST, fix_mac(1), 0x88b5);
	struct weft_link_stats stats;
	struct weft_link *link;

	assert_int_equal(weft_link_new(a, "eth0", b, "eth0", &there, &back, &link), 0);
	assert_ptr_equal(weft_link_netif(link, 1), weft_netif_find(b, "eth0"));
	f.len = 125;
	(void)netif_tx(netif_of(weft_link_netif(link, 0)), fix_pkt(eng, f.b, f.len));
	fix_advance(eng, SEC);
	weft_link_stats(link, 0, &stats);
	assert_int_equal(stats.frames, 1);
	assert_int_equal(stats.bytes, 125);
	assert_int_equal(stats.busy_ns, MSEC);
	there.loss_ppm = 1000001;
	assert_int_equal(weft_link_set(link, 0, &there), -EINVAL);
	there.loss_ppm = 1000000;
	assert_int_equal(weft_link_set(link, 0, &there), 0);
	(void)netif_tx(netif_of(weft_link_netif(link, 0)), fix_pkt(eng, f.b, f.len));
	fix_advance(eng, SEC);
	weft_link_set_up(link, false);
	weft_link_stats(link, 0, &stats);
	assert_int_equal(stats.lost, 1);
	assert_false(netif_is_running(netif_of(weft_link_netif(link, 1))));
	fix_end(eng);
}

static void bridge_takes_each_port_once(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "switch");
	struct weft_netif *x, *y;
	struct weft_bridge *br;

	assert_int_equal(weft_veth_new(st, "x", st, "y", &x, &y), 0);
	assert_int_equal(weft_bridge_new(st, &br), 0);
	assert_int_equal(weft_bridge_add(br, x), 0);
	assert_int_equal(weft_bridge_add(br, x), -EBUSY);
	fix_end(eng);
}

static void application_gets_frames_complete_and_in_one_piece(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct fix_frame f = fix_frame(fix_mac(9), fix_mac(0x42), 0x88b5);
	struct buf *buf = buf_alloc(&eng->pkts, 1000);
	struct wire w = {0};
	struct weft_netif *nif;
	struct pkt *pkt;

	assert_int_equal(weft_netif_new(st, "tun0", mac, 1500, &wire_ops, &w, &nif), 0);
	fix_frame_add(&f, "head", 4);
	pkt = fix_pkt(eng, f.b, f.len);
	memcpy(buf->bytes, "body", 4);
	assert_true(pkt_add_frag(pkt, buf, 0, 4));
	buf_unref(buf);
	assert_int_equal(netif_tx(netif_of(nif), pkt), 0);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.len, ETH_HDR_LEN + 8);
	assert_memory_equal(w.frame + ETH_HDR_LEN, "headbody", 8);
	fix_end(eng);
}

enum {
	OFFLOAD_BYTES = 20000,
};

/* Sends OFFLOAD_BYTES over TCP: what the sender's interface has sent and the receiver's received,
 * and the receiver's errors. */
static struct weft_netif_stats sent_with(uint32_t tx_offloads, uint32_t rx_offloads,
					 uint64_t *ret_csum_errors)
{
	static const struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	static uint8_t buf[OFFLOAD_BYTES];
	struct weft_sockaddr to = {.port = 7};
	struct weft_engine *eng;
	struct weft_stack *st[2];
	struct weft_netif *nif[2];
	struct weft_sock *listener, *a, *b;
	struct weft_netif_stats stats, received;
	int64_t now_ns = 0;

	assert_int_equal(weft_engine_new(&cfg, &eng), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(weft_stack_new(eng, i ? "b" : "a", &st[i]), 0);
	assert_int_equal(weft_veth_new(st[0], "eth0", st[1], "eth0", &nif[0], &nif[1]), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(weft_addr_parse(i ? "10.0.0.2" : "10.0.0.1", &to.addr), 0);
		assert_int_equal(weft_addr_add(nif[i], &to.addr, 24), 0);
		assert_int_equal(weft_netif_set_offloads(nif[i], i ? rx_offloads : tx_offloads), 0);
	}
	assert_int_equal(weft_socket(st[1], WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &listener), 0);
	assert_int_equal(weft_bind(listener, &to), 0);
	assert_int_equal(weft_listen(listener, 1), 0);
	assert_int_equal(weft_socket(st[0], WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &a), 0);
	assert_int_equal(weft_connect(a, &to), -EINPROGRESS);
	weft_engine_run(eng, now_ns += MSEC);
	assert_int_equal(weft_accept(listener, &b, NULL), 0);
	assert_int_equal(weft_send(a, buf, sizeof(buf), 0), sizeof(buf));
	for (size_t n = 0; n < sizeof(buf);) {
		ptrdiff_t got;

		weft_engine_run(eng, now_ns += MSEC);
		got = weft_recv(b, buf, sizeof(buf), 0);
		assert_true(got > 0);
		n += (size_t)got;
	}
	weft_netif_stats(nif[0], &stats);
	weft_netif_stats(nif[1], &received);
	stats.rx_packets = received.rx_packets;
	stats.rx_units = received.rx_units;
	*ret_csum_errors = weft_stack_counter(st[1], "TcpInCsumErrors");
	for (int i = 0; i < 2; i++)
		weft_stack_free(st[i]);
	weft_engine_free(eng);
	return stats;
}

static void interface_without_offloads_gets_frames_with_their_checksums(void **state UNUSED)
{
	uint64_t n_errors;
	struct weft_netif_stats with = sent_with(WEFT_OFFLOAD_ALL, WEFT_OFFLOAD_ALL, &n_errors),
				without;

	assert_true(with.tx_units < with.tx_packets);
	without = sent_with(0, 0, &n_errors);
	assert_int_equal(without.tx_units, without.tx_packets);
	assert_true(without.tx_units >= OFFLOAD_BYTES / 1448);
	assert_int_equal(n_errors, 0);
}

static void application_refusing_a_frame_is_counted(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct fix_frame f = fix_frame(fix_mac(9), fix_mac(0x42), 0x88b5);
	struct wire w = {.result = -ENOBUFS};
	struct weft_netif_stats stats;
	struct weft_netif *nif;

	assert_int_equal(weft_netif_new(st, "tun0", mac, 1500, &wire_ops, &w, &nif), 0);
	(void)netif_tx(netif_of(nif), fix_pkt(eng, f.b, f.len));
	weft_netif_stats(nif, &stats);
	assert_int_equal(stats.tx_dropped, 1);
	fix_assert_drops(stack_of(st), DROP_IF_DRIVER, 1);
	fix_end(eng);
}

static void frame_handed_in_is_dealt_with_at_the_next_run(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct fix_frame f = fix_frame(fix_mac(0x42), fix_mac(9), 0x88b5);
	struct wire w = {0};
	struct weft_netif_stats stats;
	struct weft_netif *nif;
	uint8_t *huge = calloc(1, 65550);

	assert_int_equal(weft_netif_new(st, "tun0", mac, 1500, &wire_ops, &w, &nif), 0);
	assert_int_equal(weft_netif_rx(nif, f.b, f.len), 0);
	weft_netif_stats(nif, &stats);
	assert_int_equal(stats.rx_packets, 0);
	fix_settle(eng);
	weft_netif_stats(nif, &stats);
	assert_int_equal(stats.rx_packets, 1);
	fix_assert_drops(stack_of(st), DROP_ETH_PROTO, 1);
	assert_int_equal(weft_netif_rx(nif, huge, 65550), -EMSGSIZE);
	assert_int_equal(weft_netif_rx(nif, huge, 65549), 0);
	assert_int_equal(weft_netif_rx(nif, huge, 0), 0);
	fix_settle(eng);
	fix_assert_drops(stack_of(st), DROP_ETH_HDR, 1);
	free(huge);
	fix_end(eng);
}

static void full_backlog_says_so(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct wire w = {0};
	struct weft_netif *nif;

	assert_int_equal(weft_netif_new(st, "tun0", mac, 1500, &wire_ops, &w, &nif), 0);
	netif_of(nif)->backlog_max_pkts = 2;
	assert_int_equal(weft_netif_rx(nif, "x", 1), 0);
	assert_int_equal(weft_netif_rx(nif, "x", 1), 0);
	assert_int_equal(weft_netif_rx(nif, "x", 1), -ENOBUFS);
	fix_settle(eng);
	assert_int_equal(weft_netif_rx(nif, "x", 1), 0);
	fix_end(eng);
}

static void offloads_are_told_as_they_are(void **state UNUSED)
{
	static const uint32_t all_but_gro = WEFT_OFFLOAD_ALL & ~WEFT_OFFLOAD_GRO;
	const struct weft_link_dir fast = {0}, slow = {.rate_bps = 1000000};
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct weft_netif *nif[2], *app, *lo;
	struct weft_link *link;
	struct wire w = {0};
	uint32_t allowed;

	assert_int_equal(weft_veth_new(st, "x", st, "y", &nif[0], &nif[1]), 0);
	assert_int_equal(weft_netif_offloads(nif[0], &allowed), all_but_gro);
	assert_int_equal(allowed, all_but_gro);
	assert_int_equal(weft_netif_set_offloads(nif[0], WEFT_OFFLOAD_GRO), 0);
	assert_int_equal(weft_netif_offloads(nif[0], &allowed), WEFT_OFFLOAD_GRO);
	assert_int_equal(weft_netif_offloads(nif[1], NULL), all_but_gro);
	assert_int_equal(weft_netif_new(st, "tun0", mac, 1500, &wire_ops, &w, &app), 0);
	assert_int_equal(weft_netif_offloads(app, &allowed), 0);
	assert_int_equal(allowed, all_but_gro);
	assert_int_equal(weft_netif_set_offloads(app, WEFT_OFFLOAD_ALL), 0);
	assert_int_equal(weft_netif_offloads(app, NULL), WEFT_OFFLOAD_GRO);
	/* What a link can follows what it does; what is allowed does not. */
	assert_int_equal(weft_link_new(st, "l0", st, "l1", &slow, &fast, &link), 0);
	assert_int_equal(weft_netif_offloads(weft_link_netif(link, 0), &allowed),
			 WEFT_OFFLOAD_CSUM);
	assert_int_equal(allowed, all_but_gro);
	assert_int_equal(weft_netif_set_offloads(weft_link_netif(link, 0), WEFT_OFFLOAD_ALL), 0);
	assert_int_equal(weft_link_set(link, 0, &fast), 0);
	assert_int_equal(weft_netif_offloads(weft_link_netif(link, 0), NULL), WEFT_OFFLOAD_ALL);
	lo = weft_netif_find(st, "lo");
	if (lo)
		assert_int_equal(weft_netif_offloads(lo, NULL), all_but_gro);
	fix_end(eng);
}

/* Frames one by one on the wire, and what is received: with GRO, in fewer packets. */
static void frames_of_a_burst_go_up_together_when_that_is_asked_for(void **state UNUSED)
{
	struct weft_netif_stats with, without;
	uint64_t n_errors;

	without = sent_with(0, 0, &n_errors);
	assert_int_equal(without.rx_units, without.rx_packets);
	assert_int_equal(n_errors, 0);
	with = sent_with(0, WEFT_OFFLOAD_GRO, &n_errors);
	assert_true(with.rx_packets >= OFFLOAD_BYTES / 1448);
	assert_true(with.rx_units < with.rx_packets / 2);
	assert_int_equal(n_errors, 0);
}

static void offload_that_nobody_knows_is_refused(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct weft_netif *nif[2];

	assert_int_equal(weft_veth_new(st, "x", st, "y", &nif[0], &nif[1]), 0);
	assert_int_equal(weft_netif_set_offloads(nif[0], WEFT_OFFLOAD_ALL + 1), -EINVAL);
	fix_end(eng);
}

static void bad_interfaces_are_refused(void **state UNUSED)
{
	static const uint8_t group[6] = {1};
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct weft_netif *nif;

	assert_int_equal(weft_netif_new(st, "x", group, 1500, &wire_ops, NULL, &nif), -EINVAL);
	assert_int_equal(weft_netif_new(st, "x", mac, 67, &wire_ops, NULL, &nif), -EINVAL);
	assert_int_equal(weft_netif_new(st, "x", mac, 65536, &wire_ops, NULL, &nif), -EINVAL);
	assert_int_equal(weft_netif_new(st, "a b", mac, 1500, &wire_ops, NULL, &nif), -EINVAL);
	assert_null(weft_netif_next(st, NULL));
	fix_end(eng);
}

static void settings_of_an_interface_are_read_back(void **state UNUSED)
{
	static const uint8_t other[6] = {2, 9, 9, 9, 9, 9};
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct weft_netif *nif;
	uint8_t got[6];

	assert_int_equal(weft_netif_new(st, "x", mac, 1500, &wire_ops, NULL, &nif), 0);
	weft_netif_mac(nif, got);
	assert_memory_equal(got, mac, 6);
	weft_netif_set_mac(nif, other);
	weft_netif_mac(nif, got);
	assert_memory_equal(got, other, 6);
	assert_int_equal(weft_netif_set_mtu(nif, 9000), 0);
	assert_int_equal(weft_netif_set_mtu(nif, 10), -EINVAL);
	assert_int_equal(netif_of(nif)->mtu, 9000);
	weft_netif_set_up(nif, false);
	assert_false(netif_is_running(netif_of(nif)));
	fix_end(eng);
}

static void neighbour_is_added_for_good(void **state UNUSED)
{
	static const uint8_t group[6] = {1};
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a");
	struct weft_addr addr = {.family = WEFT_AF_INET, .bytes = {10, 0, 0, 2}};
	const struct weft_addr none = {.family = WEFT_AF_UNSPEC};
	struct ip_addr ip = ip_addr_from_ip4(&IP4_ADDR(10, 0, 0, 2));
	struct weft_netif *nif;

	assert_int_equal(weft_netif_new(st, "x", mac, 1500, &wire_ops, NULL, &nif), 0);
	assert_int_equal(weft_neigh_add(nif, &addr, mac), 0);
	assert_int_equal(neigh_find(netif_of(nif), &ip)->state, NEIGH_PERMANENT);
	assert_int_equal(weft_neigh_add(nif, &addr, group), -EINVAL);
	assert_true(weft_neigh_add(nif, &none, mac) < 0);
	addr.bytes[0] = 224;
	assert_int_equal(weft_neigh_add(nif, &addr, mac), -EINVAL);
	fix_end(eng);
}

static void interface_says_what_it_is(void **state UNUSED)
{
	struct engine *eng = fix_engine();
	struct weft_stack *st = stack(eng, "a"), *b = stack(eng, "b");
	const struct weft_link_dir dir = {0};
	struct weft_netif_info info;
	struct weft_netif *nif;
	struct weft_link *link;

	assert_int_equal(weft_netif_new(st, "x", mac, 1400, &wire_ops, NULL, &nif), 0);
	weft_netif_info(nif, &info);
	assert_string_equal(info.kind, "app");
	assert_int_equal(info.index, weft_netif_index(nif));
	assert_int_equal(info.mtu, 1400);
	assert_int_equal(weft_netif_set_mtu(nif, info.max_mtu), 0);
	assert_int_equal(weft_netif_set_mtu(nif, info.max_mtu + 1), -EINVAL);
	assert_int_equal(weft_netif_set_mtu(nif, info.min_mtu), 0);
	assert_int_equal(weft_netif_set_mtu(nif, info.min_mtu - 1), -EINVAL);
	assert_memory_equal(info.mac, mac, 6);
	assert_int_equal(info.flags,
			 WEFT_IFF_UP | WEFT_IFF_LOWER_UP | WEFT_IFF_BROADCAST | WEFT_IFF_MULTICAST);
	weft_netif_set_up(nif, false);
	weft_netif_info(nif, &info);
	assert_false(info.flags & WEFT_IFF_UP);

	assert_int_equal(weft_link_new(st, "l", b, "l", &dir, &dir, &link), 0);
	weft_link_set_up(link, false);
	weft_netif_info(weft_link_netif(link, 0), &info);
	assert_string_equal(info.kind, "link");
	assert_true(info.flags & WEFT_IFF_UP);
	assert_false(info.flags & WEFT_IFF_LOWER_UP);
	fix_end(eng);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(veth_comes_up_on_both_sides),
		cmocka_unit_test(ends_in_two_engines_are_refused),
		cmocka_unit_test(interfaces_are_walked_in_order),
		cmocka_unit_test(link_carries_its_settings_and_figures),
		cmocka_unit_test(bridge_takes_each_port_once),
		cmocka_unit_test(application_gets_frames_complete_and_in_one_piece),
		cmocka_unit_test(interface_without_offloads_gets_frames_with_their_checksums),
		cmocka_unit_test(application_refusing_a_frame_is_counted),
		cmocka_unit_test(frame_handed_in_is_dealt_with_at_the_next_run),
		cmocka_unit_test(full_backlog_says_so),
		cmocka_unit_test(offloads_are_told_as_they_are),
		cmocka_unit_test(frames_of_a_burst_go_up_together_when_that_is_asked_for),
		cmocka_unit_test(offload_that_nobody_knows_is_refused),
		cmocka_unit_test(bad_interfaces_are_refused),
		cmocka_unit_test(settings_of_an_interface_are_read_back),
		cmocka_unit_test(neighbour_is_added_for_good),
		cmocka_unit_test(interface_says_what_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
