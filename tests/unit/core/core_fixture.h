/* SPDX-License-Identifier: MIT */
/* An engine with one stack and one interface whose frames are kept: everything core/ can do without
 * any protocol. */
#pragma once

#include "unit.h"

#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"

struct fixture {
	struct engine *eng;
	struct stack *st;
	struct netif netif;
	struct pktq sent;
	enum drop verdict; /* of the interface's input */
	void (*on_input)(struct fixture *f, struct pkt *pkt);
	uint32_t n_input;
	uint32_t n_fini;
};

static void fake_tx(struct netif *netif, struct pkt *pkt)
{
	struct fixture *f = container_of(netif, struct fixture, netif);

	pktq_push(&f->sent, pkt);
}

static void fake_fini(struct netif *netif)
{
	container_of(netif, struct fixture, netif)->n_fini++;
}

static const struct netif_ops fake_ops = {.kind = "fake", .tx = fake_tx, .fini = fake_fini};

static enum drop fake_input(struct netif *netif, struct pkt *pkt)
{
	struct fixture *f = container_of(netif, struct fixture, netif);

	f->n_input++;
	if (f->on_input)
		f->on_input(f, pkt);
	if (f->verdict == DROP_NONE)
		pkt_free(pkt);
	return f->verdict;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct engine_config cfg = {.has_seed = true, .seed = 1, .trace_events = 8};

	assert_int_equal(engine_new(&cfg, &f->eng), 0);
	f->st = stack_new(f->eng, "host");
	assert_non_null(f->st);
	pktq_init(&f->sent);
	f->netif.ops = &fake_ops;
	f->netif.mtu = 1500;
	f->netif.input = fake_input;
	f->netif.features = NETIF_F_FRAGS | NETIF_F_CSUM | NETIF_F_GSO_TCP;
	assert_int_equal(netif_add(f->st, &f->netif, "eth0"), 0);
	netif_set_up(&f->netif, true);
	netif_set_carrier(&f->netif, true);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	pktq_purge(&f->sent);
	stack_free(f->st);
	assert_int_equal(f->eng->pkts.pkts.n_used, 0);
	for (int i = 0; i < BUF_CLASSES; i++)
		assert_int_equal(f->eng->pkts.bufs[i].n_used, 0);
	engine_free(f->eng);
	free(f);
	return 0;
}

/* A frame of `len` bytes, 0xAA each behind a plausible Ethernet header. */
static inline struct pkt *frame(struct fixture *f, uint32_t len)
{
	struct pkt *pkt = pkt_alloc(&f->eng->pkts, len);

	assert_non_null(pkt);
	memset(pkt_put(pkt, len), 0xaa, len);
	return pkt;
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
