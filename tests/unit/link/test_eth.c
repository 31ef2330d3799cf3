/* SPDX-License-Identifier: MIT */
/* Ethernet input by address, tag and type; output. */
#include "fixture.h"

#include "link/eth.h"
#include "wire/vlan.h"

enum {
	PROTO = 0x88b5, /* for local experiments */
};

/* What the protocol above saw last. */
struct seen {
	uint32_t n;
	uint8_t flags;
	uint32_t len;
	uint16_t l3_off, l2_off;
	uint8_t first;
	enum drop verdict;
};

static struct seen *seen_of(struct netif *netif)
{
	return netif->input_ctx;
}

static enum drop proto_input(struct netif *netif, struct pkt *pkt)
{
	struct seen *seen = seen_of(netif);

	*seen = (struct seen){
		.n = seen->n + 1,
		.flags = pkt->flags,
		.len = pkt->len,
		.l3_off = pkt->l3_off,
		.l2_off = pkt->l2_off,
		.first = pkt->lin_len ? pkt->data[0] : 0,
		.verdict = seen->verdict,
	};
	if (seen->verdict == DROP_NONE)
		pkt_free(pkt);
	return seen->verdict;
}

struct host {
	struct engine *eng;
	struct stack *st;
	struct fix_if *nif;
	struct seen seen;
};

static struct host *host_new(void)
{
	struct host *h = calloc(1, sizeof(*h));

	h->eng = fix_engine();
	h->st = fix_stack(h->eng, "host");
	assert_int_equal(stack_eth_proto_add(h->st, PROTO, proto_input), 0);
	h->nif = fix_if_new(h->st, "eth0");
	h->nif->netif.input_ctx = &h->seen;
	return h;
}

static void host_free(struct host *h)
{
	fix_end(h->eng);
	free(h);
}

static struct fix_frame frame_to(struct eth_addr dst)
{
	struct fix_frame f = fix_frame(dst, fix_mac(0x77), PROTO);

	fix_frame_add(&f, "x", 1);
	return f;
}

static void frame_for_us_is_handed_up_without_its_header(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame f = frame_to(h->nif->netif.hwaddr);

	fix_rx(h->nif, &f);
	assert_int_equal(h->seen.n, 1);
	assert_int_equal(h->seen.len, 1);
	assert_int_equal(h->seen.first, 'x');
	assert_int_equal(h->seen.flags, 0);
	assert_int_equal(h->seen.l3_off, h->seen.l2_off + ETH_HDR_LEN);
	host_free(h);
}

static void group_frames_are_flagged(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame broadcast = frame_to(ETH_ADDR_BROADCAST);
	struct fix_frame multicast = frame_to(ETH_ADDR(1, 0, 0x5e, 0, 0, 1));

	fix_rx(h->nif, &broadcast);
	assert_int_equal(h->seen.flags, PKT_F_L2_BROADCAST);
	fix_rx(h->nif, &multicast);
	assert_int_equal(h->seen.flags, PKT_F_L2_MULTICAST);
	assert_int_equal(h->nif->netif.stats.rx_multicast, 1);
	host_free(h);
}

static void frame_for_another_host_is_dropped(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame f = frame_to(fix_mac(0x55));

	fix_rx(h->nif, &f);
	assert_int_equal(h->seen.n, 0);
	fix_assert_drops(h->st, DROP_ETH_OTHERHOST, 1);
	host_free(h);
}

static void promiscuous_interface_frame_for_another_host_is_flagged(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame f = frame_to(fix_mac(0x55));

	h->nif->netif.flags |= NETIF_PROMISC;
	fix_rx(h->nif, &f);
	assert_int_equal(h->seen.flags, PKT_F_L2_OTHERHOST);
	host_free(h);
}

static void bad_frames_are_dropped_with_their_reason(void **state UNUSED)
{
	struct host *h = host_new();
	struct eth_addr us = h->nif->netif.hwaddr;
	struct fix_frame short_hdr = frame_to(us);
	struct fix_frame group_src = fix_frame(us, ETH_ADDR(3, 0, 0, 0, 0, 1), PROTO);
	struct fix_frame unknown = fix_frame(us, fix_mac(9), PROTO + 1);
	struct fix_frame length = fix_frame(us, fix_mac(9), 46); /* 802.3 with LLC */
	struct fix_frame empty = {.len = 0};

	short_hdr.len = ETH_HDR_LEN - 1;
	fix_rx(h->nif, &short_hdr);
	fix_rx(h->nif, &empty);
	fix_assert_drops(h->st, DROP_ETH_HDR, 2);
	fix_rx(h->nif, &group_src);
	fix_assert_drops(h->st, DROP_ETH_SRC, 1);
	fix_rx(h->nif, &unknown);
	fix_rx(h->nif, &length);
	fix_assert_drops(h->st, DROP_ETH_PROTO, 2);
	assert_int_equal(h->seen.n, 0);
	assert_int_equal(h->nif->netif.stats.rx_dropped, 5);
	host_free(h);
}

static struct fix_frame frame_tagged(struct eth_addr dst, uint16_t vid)
{
	struct fix_frame f = fix_frame(dst, fix_mac(9), ETHERTYPE_VLAN);
	uint8_t tag[VLAN_HDR_LEN];

	vlan_hdr_write(tag, &(struct vlan_hdr){.vid = vid, .pcp = 5, .type = PROTO});
	fix_frame_add(&f, tag, sizeof(tag));
	fix_frame_add(&f, "y", 1);
	return f;
}

static void priority_tag_is_removed(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame f = frame_tagged(h->nif->netif.hwaddr, 0);

	fix_rx(h->nif, &f);
	assert_int_equal(h->seen.n, 1);
	assert_int_equal(h->seen.first, 'y');
	assert_int_equal(h->seen.l3_off, h->seen.l2_off + ETH_HDR_LEN + VLAN_HDR_LEN);
	host_free(h);
}

static void other_vlans_and_cut_tags_are_dropped(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame other = frame_tagged(h->nif->netif.hwaddr, 7);
	struct fix_frame cut = frame_tagged(h->nif->netif.hwaddr, 0);

	fix_rx(h->nif, &other);
	fix_assert_drops(h->st, DROP_ETH_VLAN, 1);
	cut.len = ETH_HDR_LEN + VLAN_HDR_LEN - 1;
	fix_rx(h->nif, &cut);
	fix_assert_drops(h->st, DROP_ETH_HDR, 1);
	assert_int_equal(h->seen.n, 0);
	host_free(h);
}

static void refusal_of_the_protocol_is_the_verdict(void **state UNUSED)
{
	struct host *h = host_new();
	struct fix_frame f = frame_to(h->nif->netif.hwaddr);

	h->seen.verdict = DROP_IP4_HDR;
	fix_rx(h->nif, &f);
	fix_assert_drops(h->st, DROP_IP4_HDR, 1);
	host_free(h);
}

static void output_writes_the_header(void **state UNUSED)
{
	struct host *h = host_new();
	struct eth_addr dst = fix_mac(0x42);
	struct pkt *pkt = fix_pkt(h->eng, "abc", 3);
	struct fix_frame f;
	struct eth_hdr hdr;

	assert_int_equal(eth_output(&h->nif->netif, pkt, PROTO, &dst), 0);
	assert_true(fix_sent(h->nif, &f));
	assert_int_equal(f.len, ETH_HDR_LEN + 3);
	eth_hdr_read(f.b, &hdr);
	assert_true(eth_addr_eq(&hdr.dst, &dst));
	assert_true(eth_addr_eq(&hdr.src, &h->nif->netif.hwaddr));
	assert_int_equal(hdr.type, PROTO);
	assert_memory_equal(f.b + ETH_HDR_LEN, "abc", 3);
	host_free(h);
}

static void output_on_a_stopped_interface_returns_its_errno(void **state UNUSED)
{
	struct host *h = host_new();
	struct eth_addr dst = fix_mac(0x42);

	netif_set_up(&h->nif->netif, false);
	assert_int_equal(eth_output(&h->nif->netif, fix_pkt(h->eng, "abc", 3), PROTO, &dst),
			 -ENETDOWN);
	fix_assert_drops(h->st, DROP_IF_DOWN, 1);
	fix_assert_silent(h->nif);
	host_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_for_us_is_handed_up_without_its_header),
		cmocka_unit_test(group_frames_are_flagged),
		cmocka_unit_test(frame_for_another_host_is_dropped),
		cmocka_unit_test(promiscuous_interface_frame_for_another_host_is_flagged),
		cmocka_unit_test(bad_frames_are_dropped_with_their_reason),
		cmocka_unit_test(priority_tag_is_removed),
		cmocka_unit_test(other_vlans_and_cut_tags_are_dropped),
		cmocka_unit_test(refusal_of_the_protocol_is_the_verdict),
		cmocka_unit_test(output_writes_the_header),
		cmocka_unit_test(output_on_a_stopped_interface_returns_its_errno),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
