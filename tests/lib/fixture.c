/* SPDX-License-Identifier: MIT */
/* The engine in virtual time and the interfaces of fixture.h. */
#include "fixture.h"

#include "link/link.h"

struct engine *fix_engine_with(const struct engine_config *cfg)
{
	struct engine *eng = NULL;

	assert_int_equal(engine_new(cfg, &eng), 0);
	return eng;
}

struct engine *fix_engine(void)
{
	return fix_engine_with(
		&(struct engine_config){.now_ns = FIX_START_NS, .has_seed = true, .seed = 1});
}

struct stack *fix_stack(struct engine *eng, const char *name)
{
	struct stack *st = stack_new(eng, name);

	assert_non_null(st);
	assert_int_equal(link_init(st), 0);
	return st;
}

void fix_assert_pools_empty(const struct engine *eng)
{
	assert_int_equal(eng->pkts.pkts.n_used, 0);
	for (int i = 0; i < BUF_CLASSES; i++)
		assert_int_equal(eng->pkts.bufs[i].n_used, 0);
}

uint32_t fix_exhaust_bufs(struct engine *eng, struct buf *ret[FIX_BUFS_MAX])
{
	static const uint32_t caps[BUF_CLASSES] = {BUF_S, BUF_M, BUF_L};
	uint32_t n = 0;

	for (int i = 0; i < BUF_CLASSES; i++) {
		struct pool *pool = &eng->pkts.bufs[i];
		struct buf *buf;

		pool->max_objs = pool->n_objs;
		while ((buf = buf_alloc(&eng->pkts, caps[i]))) {
			assert_true(n < FIX_BUFS_MAX);
			ret[n++] = buf;
		}
	}
	return n;
}

void fix_release_bufs(struct buf *bufs[], uint32_t n)
{
	while (n)
		buf_unref(bufs[--n]);
}

void fix_end(struct engine *eng)
{
	struct list *first;

	while ((first = list_first(&eng->stacks)))
		stack_free(container_of(first, struct stack, link));
	fix_assert_pools_empty(eng);
	assert_int_equal(eng->wheel.n_pending, 0);
	engine_free(eng);
}

void fix_settle(struct engine *eng)
{
	while (engine_run(eng, eng->now_ns) || engine_next_ns(eng) <= eng->now_ns)
		;
}

void fix_advance(struct engine *eng, int64_t ns)
{
	int64_t end_ns = eng->now_ns + ns;

	fix_settle(eng);
	for (int64_t next_ns; (next_ns = engine_next_ns(eng)) <= end_ns;)
		(void)engine_run(eng, next_ns);
	(void)engine_run(eng, end_ns);
	fix_settle(eng);
}

static void fix_if_tx(struct netif *netif, struct pkt *pkt)
{
	struct fix_if *nif = netif->priv;
	struct fix_frame *f = &nif->sent[nif->n_sent % FIX_SENT_MAX];

	if (nif->refuses) {
		pkt_drop(netif->stack, pkt, DROP_IF_DRIVER);
		return;
	}
	assert_true(fix_n_unseen(nif) < FIX_SENT_MAX);
	f->len = pkt->len < sizeof(f->b) ? pkt->len : sizeof(f->b);
	pkt_copy_out(pkt, 0, f->b, (uint32_t)f->len);
	nif->n_sent++;
	pkt_free(pkt);
}

static void fix_if_fini(struct netif *netif)
{
	struct fix_if *nif = netif->priv;

	free(nif->sent);
	free(nif);
}

static const struct netif_ops fix_if_ops = {
	.kind = "test",
	.tx = fix_if_tx,
	.fini = fix_if_fini,
};

struct fix_if *fix_if_new_features(struct stack *st, const char *name, uint32_t features)
{
	struct fix_if *nif = calloc(1, sizeof(*nif));

	assert_non_null(nif);
	nif->sent = calloc(FIX_SENT_MAX, sizeof(*nif->sent));
	assert_non_null(nif->sent);
	nif->netif.ops = &fix_if_ops;
	nif->netif.priv = nif;
	nif->netif.flags = NETIF_BROADCAST | NETIF_CARRIER;
	nif->netif.features = features;
	nif->netif.mtu = ETH_MTU;
	nif->netif.hwaddr = fix_mac((uint8_t)(st->next_ifindex + 1));
	assert_int_equal(netif_add(st, &nif->netif, name), 0);
	netif_set_up(&nif->netif, true);
	return nif;
}

struct fix_if *fix_if_new(struct stack *st, const char *name)
{
	return fix_if_new_features(st, name, 0);
}

struct pkt *fix_pkt(struct engine *eng, const void *bytes, size_t len)
{
	struct pkt *pkt = pkt_alloc(&eng->pkts, (uint32_t)len);

	assert_non_null(pkt);
	if (len)
		memcpy(pkt_put(pkt, (uint32_t)len), bytes, len);
	return pkt;
}

void fix_rx(struct fix_if *nif, const struct fix_frame *frame)
{
	struct engine *eng = nif->netif.stack->eng;

	netif_rx(&nif->netif, fix_pkt(eng, frame->b, frame->len));
	fix_settle(eng);
}

bool fix_sent(struct fix_if *nif, struct fix_frame *ret)
{
	if (fix_n_unseen(nif) == 0)
		return false;
	if (ret)
		*ret = nif->sent[nif->n_popped % FIX_SENT_MAX];
	nif->n_popped++;
	return true;
}

uint32_t fix_n_unseen(const struct fix_if *nif)
{
	return nif->n_sent - nif->n_popped;
}

void fix_assert_silent(const struct fix_if *nif)
{
	assert_int_equal(fix_n_unseen(nif), 0);
}

void fix_ignore_sent(struct fix_if *nif)
{
	nif->n_popped = nif->n_sent;
}

struct eth_addr fix_mac(uint8_t last)
{
	return ETH_ADDR(2, 0, 0, 0, 0, last);
}

struct fix_frame fix_frame(struct eth_addr dst, struct eth_addr src, uint16_t ethertype)
{
	struct fix_frame f = {.len = ETH_HDR_LEN};

	eth_hdr_write(f.b, &(struct eth_hdr){.dst = dst, .src = src, .type = ethertype});
	return f;
}

void fix_frame_add(struct fix_frame *f, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(f->b) - f->len);
	memcpy(f->b + f->len, bytes, len);
	f->len += len;
}

struct fix_frame fix_arp_frame(struct eth_addr dst, const struct arp *arp)
{
	struct fix_frame f = fix_frame(dst, arp->sha, ETHERTYPE_ARP);
	struct wr w = wr_make(f.b + f.len, ARP_LEN);

	arp_write(&w, arp);
	f.len += ARP_LEN;
	return f;
}

struct arp fix_arp_of(const struct fix_frame *f)
{
	struct eth_hdr hdr;
	struct arp arp;
	struct rd r;

	assert_true(f->len >= ETH_HDR_LEN + ARP_LEN);
	eth_hdr_read(f->b, &hdr);
	assert_int_equal(hdr.type, ETHERTYPE_ARP);
	r = rd_make(f->b + ETH_HDR_LEN, f->len - ETH_HDR_LEN);
	assert_int_equal(arp_parse(&r, &arp), 0);
	return arp;
}
