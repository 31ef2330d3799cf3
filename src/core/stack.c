/* SPDX-License-Identifier: MIT */
/* Stacks: registration of layers and protocols, counters, and the one place that drops packets. */
#include "core/stack.h"

#include <errno.h>
#include <string.h>

#include "core/trace.h"

enum {
	STACK_IDS_MIN = 16, /* room for ids, doubled when it is full */
};

struct counter_text {
	const char *name;
	const char *text;
};

static const struct counter_text mib_texts[MIB_MAX] = {
#define MIB(name_, text_) [MIB_##name_] = {#name_, text_},
#include "core/mib.def"
#undef MIB
};

const char *mib_name(enum mib id)
{
	assert(id < MIB_MAX);
	return mib_texts[id].name;
}

const char *mib_text(enum mib id)
{
	assert(id < MIB_MAX);
	return mib_texts[id].text;
}

/* Room for the id of the next stack. 0 or -ENOMEM. */
static int stack_ids_grow(struct engine *eng)
{
	uint32_t max = eng->max_stack_ids ? 2 * eng->max_stack_ids : STACK_IDS_MIN;
	struct stack **by_id;

	if (eng->n_stacks_ever + 1 < eng->max_stack_ids)
		return 0;
	by_id = mem_resize(&eng->mem, eng->stacks_by_id, eng->max_stack_ids * sizeof(*by_id),
			   max * sizeof(*by_id));
	if (!by_id)
		return -ENOMEM;
	for (uint32_t i = eng->max_stack_ids; i < max; i++)
		by_id[i] = NULL;
	eng->stacks_by_id = by_id;
	eng->max_stack_ids = max;
	return 0;
}

const struct stack *stack_by_id(const struct engine *eng, uint32_t id)
{
	return id < eng->max_stack_ids ? eng->stacks_by_id[id] : NULL;
}

struct stack *stack_new(struct engine *eng, const char *name)
{
	struct stack *st;

	if (stack_ids_grow(eng) < 0)
		return NULL;
	st = mem_zalloc(&eng->mem, sizeof(*st));
	if (!st)
		return NULL;
	st->eng = eng;
	st->id = ++eng->n_stacks_ever;
	eng->stacks_by_id[st->id] = st;
	list_init(&st->netifs);
	list_add_tail(&eng->stacks, &st->link);
	strncat(st->name, name, sizeof(st->name) - 1);
	return st;
}

void stack_free(struct stack *st)
{
	struct list *first;

	if (!st)
		return;
	while ((first = list_first(&st->netifs)))
		netif_del(container_of(first, struct netif, link));
	while (st->n_layers) {
		const struct stack_layer *layer = st->layers[--st->n_layers];

		if (layer->fini)
			layer->fini(st);
	}
	list_del(&st->link);
	st->eng->stacks_by_id[st->id] = NULL;
	mem_free(&st->eng->mem, st, sizeof(*st));
}

int stack_layer_add(struct stack *st, const struct stack_layer *layer)
{
	/* A layer that came after an interface would never hear of it. */
	assert(list_is_empty(&st->netifs));
	if (st->n_layers == STACK_LAYERS)
		return -ENOSPC;
	st->layers[st->n_layers++] = layer;
	return 0;
}

int stack_eth_proto_add(struct stack *st, uint16_t ethertype, eth_proto_fn *input)
{
	for (size_t i = 0; i < STACK_ETH_PROTOS; i++) {
		if (st->eth_protos[i].input && st->eth_protos[i].type == ethertype)
			return -EEXIST;
		if (!st->eth_protos[i].input) {
			st->eth_protos[i].type = ethertype;
			st->eth_protos[i].input = input;
			return 0;
		}
	}
	return -ENOSPC;
}

int stack_ip_proto_add(struct stack *st, const struct ip_proto *proto)
{
	if (st->ip_protos[proto->proto])
		return -EEXIST;
	st->ip_protos[proto->proto] = proto;
	return 0;
}

static void drop_show_taps(const struct pkt *pkt, enum drop why)
{
	const struct netif *netif = pkt->netif;
	struct netif_tap *tap;

	if (!netif)
		return;
	list_for_each (tap, &netif->taps, link)
		if (tap->drop)
			tap->drop(tap, netif, pkt, why);
}

int pkt_drop(struct stack *st, struct pkt *pkt, enum drop why)
{
	assert(why != DROP_NONE);
	st->drops[why] += pkt_n_frames(pkt);
	pkt_hop(pkt, HOP_DROP, why);
	if (st->eng->trace.ring)
		trace_pkt(st, TRACE_DROP, pkt, pkt->netif, (uint16_t)why);
	drop_show_taps(pkt, why);
	pkt_free(pkt);
	return drop_errno(why);
}
