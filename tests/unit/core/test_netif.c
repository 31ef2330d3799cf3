/* SPDX-License-Identifier: MIT */
/* Interfaces: their life, and what the two ends of a packet's path do to it. */
#include "core_fixture.h"

#include "base/load.h"

#include <errno.h>

static void names_that_linux_would_refuse_are_refused(void **state)
{
	static const char *const bad[] = {"", "a/b", "a b", ".", "..", "sixteen_letters_"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct netif n = {.ops = &fake_ops, .mtu = 1500};

		assert_int_equal(netif_add(f->st, &n, bad[i]), -EINVAL);
	}
	struct netif again = {.ops = &fake_ops, .mtu = 1500};

	assert_int_equal(netif_add(f->st, &again, "eth0"), -EEXIST);
	again.mtu = 60;
	assert_int_equal(netif_add(f->st, &again, "eth1"), -EINVAL);
}

static void refused_frame_is_dropped_once_with_its_reason(void **state)
{
	struct fixture *f = *state;

	f->verdict = DROP_ETH_PROTO;
	netif_rx(&f->netif, frame(f, 60));
	assert_int_equal(f->st->drops[DROP_ETH_PROTO], 1);
	assert_int_equal(f->netif.stats.rx_packets, 1);
	assert_int_equal(f->netif.stats.rx_bytes, 60);
	assert_int_equal(f->netif.stats.rx_dropped, 1);
}

static void frame_for_an_interface_that_is_down_is_dropped(void **state)
{
	struct fixture *f = *state;

	netif_set_up(&f->netif, false);
	netif_rx(&f->netif, frame(f, 60));
	assert_int_equal(f->n_input, 0);
	assert_int_equal(f->st->drops[DROP_IF_DOWN], 1);
	assert_int_equal(netif_tx(&f->netif, frame(f, 60)), -ENETDOWN);
	netif_set_up(&f->netif, true);
	netif_set_carrier(&f->netif, false);
	assert_int_equal(netif_tx(&f->netif, frame(f, 60)), -ENETDOWN);
	assert_int_equal(f->st->drops[DROP_IF_CARRIER], 1);
	assert_true(pktq_is_empty(&f->sent));
}

static void backlog_is_bounded(void **state)
{
	struct fixture *f = *state;

	f->netif.backlog_max_pkts = 3;
	for (int i = 0; i < 5; i++)
		netif_rx_later(&f->netif, frame(f, 60));
	assert_int_equal(f->st->drops[DROP_IF_BACKLOG], 2);
	engine_run(f->eng, 1);
	assert_int_equal(f->n_input, 3);
}

static struct pkt *tcp_super(struct fixture *f, uint32_t n_payload)
{
	struct pkt *pkt = pkt_alloc(&f->eng->pkts, 54);
	uint8_t *p = pkt_put(pkt, 54);
	struct buf *buf = buf_alloc(&f->eng->pkts, n_payload);

	memset(p, 0, 54);
	store_be16(p + 12, 0x0800);
	p[14] = 0x45;
	p[14 + 9] = 6;
	p[34 + 12] = 0x50;
	memset(buf->bytes, 7, n_payload);
	assert_true(pkt_add_frag(pkt, buf, 0, n_payload));
	buf_unref(buf);
	pkt->gso_size = 1000;
	pkt->gso_type = PKT_GSO_TCP4;
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + 34);
	pkt->csum_off = 16;
	return pkt;
}

static void able_driver_gets_the_super_packet_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(netif_tx(&f->netif, tcp_super(f, 10000)), 0);
	assert_int_equal(f->sent.n_pkts, 1);
	assert_int_equal(f->sent.first->csum, PKT_CSUM_PARTIAL);
	assert_int_equal(f->netif.stats.tx_packets, 10);
	assert_int_equal(f->netif.stats.tx_units, 1);
	assert_int_equal(f->netif.stats.tx_bytes, 10000 + 10 * 54);
}

static void plain_driver_gets_linear_frames_with_checksums(void **state)
{
	struct fixture *f = *state;

	f->netif.features = 0;
	assert_int_equal(netif_tx(&f->netif, tcp_super(f, 10000)), 0);
	assert_int_equal(f->sent.n_pkts, 10);
	pktq_for_each (p, &f->sent) {
		assert_int_equal(p->n_frags, 0);
		assert_int_equal(p->csum, PKT_CSUM_VERIFIED);
		assert_int_equal(p->len, 1054);
	}
}

static void unreadable_super_packet_is_dropped_not_sent(void **state)
{
	struct fixture *f = *state;
	struct pkt *pkt = tcp_super(f, 3000);

	f->netif.features = 0;
	pkt->data[14] = 0x15;
	assert_int_equal(netif_tx(&f->netif, pkt), -EBADMSG);
	assert_int_equal(f->st->drops[DROP_IF_GSO], 1);
	assert_true(pktq_is_empty(&f->sent));
}

static uint32_t n_layer_add, n_layer_del, n_layer_change, n_layer_fini;

static int layer_add(struct netif *netif)
{
	(void)netif;
	n_layer_add++;
	return 0;
}

static int layer_refuse(struct netif *netif)
{
	(void)netif;
	return -ENOMEM;
}

static void layer_del(struct netif *netif)
{
	(void)netif;
	n_layer_del++;
}

static void layer_change(struct netif *netif)
{
	(void)netif;
	n_layer_change++;
}

static void layer_fini(struct stack *st)
{
	(void)st;
	n_layer_fini++;
}

static void layers_hear_of_interfaces_and_may_refuse_them(void **state)
{
	static const struct stack_layer first = {"first", layer_add, layer_del, layer_change,
						 layer_fini};
	static const struct stack_layer second = {"second", layer_refuse, layer_del, NULL, NULL};
	struct fixture *f = *state;
	struct stack *st = stack_new(f->eng, "other");
	struct netif n = {.ops = &fake_ops, .mtu = 1500};

	n_layer_add = n_layer_del = n_layer_change = n_layer_fini = 0;
	assert_int_equal(stack_layer_add(st, &first), 0);
	assert_int_equal(stack_layer_add(st, &second), 0);
	assert_int_equal(netif_add(st, &n, "x"), -ENOMEM);
	assert_int_equal(n_layer_add, 1);
	assert_int_equal(n_layer_del, 1); /* only the one that had taken it */
	assert_null(netif_find(st, "x"));
	stack_free(st);
	assert_int_equal(n_layer_fini, 1);
}

static void deleted_interface_frees_its_backlog_and_is_finished_once(void **state)
{
	struct fixture *f = *state;

	netif_rx_later(&f->netif, frame(f, 60));
	netif_del(&f->netif);
	assert_int_equal(f->n_fini, 1);
	assert_false(engine_run(f->eng, 1));
	assert_null(netif_find(f->st, "eth0"));
}

static void registration_is_bounded_and_unique(void **state)
{
	struct fixture *f = *state;
	static const struct ip_proto proto = {.proto = 6};

	for (uint16_t i = 0; i < STACK_ETH_PROTOS; i++)
		assert_int_equal(stack_eth_proto_add(f->st, (uint16_t)(0x800 + i), fake_input), 0);
	assert_int_equal(stack_eth_proto_add(f->st, 0x800, fake_input), -EEXIST);
	assert_int_equal(stack_eth_proto_add(f->st, 0x9000, fake_input), -ENOSPC);
	assert_int_equal(stack_ip_proto_add(f->st, &proto), 0);
	assert_int_equal(stack_ip_proto_add(f->st, &proto), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(names_that_linux_would_refuse_are_refused),
		T(refused_frame_is_dropped_once_with_its_reason),
		T(frame_for_an_interface_that_is_down_is_dropped),
		T(backlog_is_bounded),
		T(able_driver_gets_the_super_packet_whole),
		T(plain_driver_gets_linear_frames_with_checksums),
		T(unreadable_super_packet_is_dropped_not_sent),
		T(layers_hear_of_interfaces_and_may_refuse_them),
		T(deleted_interface_frees_its_backlog_and_is_finished_once),
		T(registration_is_bounded_and_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
