/* SPDX-License-Identifier: MIT */
/* The trace ring: writing, reading, and events as JSON lines. What is traced is said in trace.h. */
#include "core/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/load.h"
#include "core/engine.h"
#include "core/netif.h"
#include "core/stack.h"
#include "wire/addr.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

static const char *const trace_kind_names[] = {
	[TRACE_RX] = "rx",       [TRACE_TX] = "tx",   [TRACE_DROP] = "drop",
	[TRACE_STATE] = "state", [TRACE_TCP] = "tcp", [TRACE_NOTE] = "note",
	[TRACE_QUEUE] = "queue",
};
static_assert(ARRAY_SIZE(trace_kind_names) == TRACE_KINDS, "one name a kind");

const char *trace_kind_name(uint8_t kind)
{
	return trace_kind_names[kind];
}

static const char *const hop_names[16] = {
	[HOP_STACK >> 12] = "stack", [HOP_RX >> 12] = "rx",         [HOP_TX >> 12] = "tx",
	[HOP_ROUTE >> 12] = "route", [HOP_BRIDGE >> 12] = "bridge", [HOP_QUEUE >> 12] = "queue",
	[HOP_SOCK >> 12] = "sock",   [HOP_NEIGH >> 12] = "neigh",   [HOP_RULE >> 12] = "rule",
	[HOP_NAT >> 12] = "nat",     [HOP_DROP >> 12] = "drop",
};

int trace_init(struct engine *eng, uint32_t n_events, uint32_t sample_every)
{
	struct trace *t = &eng->trace;
	uint32_t n = 1;

	*t = (struct trace){.sample_every = sample_every};
	if (!n_events)
		return 0;
	while (n < n_events && n < UINT32_MAX / 2)
		n *= 2;
	t->ring = mem_alloc(&eng->mem, n * sizeof(t->ring[0]));
	if (!t->ring)
		return -ENOMEM;
	t->n_events = n;
	return 0;
}

void trace_fini(struct engine *eng)
{
	struct trace *t = &eng->trace;

	mem_free(&eng->mem, t->ring, t->n_events * sizeof(t->ring[0]));
	*t = (struct trace){.sample_every = 0};
}

/* The slot for the next event, cleared but for its text; the oldest gives way. */
static struct trace_event *trace_slot(struct engine *eng)
{
	struct trace *t = &eng->trace;
	struct trace_event *ev;

	if (!t->ring)
		return NULL;
	ev = &t->ring[t->head & (t->n_events - 1)];
	if (t->head - t->tail == t->n_events) {
		t->tail++;
		t->n_lost++;
	}
	t->head++;
	memset(ev, 0, offsetof(struct trace_event, text));
	ev->text[0] = '\0';
	ev->now_ns = eng->now_ns;
	return ev;
}

/* In words, where that is left for the reader. */
static void trace_say(struct trace_event *ev)
{
	if (ev->kind != TRACE_STATE || !ev->moved.print)
		return;
	ev->moved.print(&ev->moved, (uint8_t)(ev->code >> 8), (uint8_t)ev->code, ev->text,
			sizeof(ev->text));
	ev->moved.print = NULL;
}

static void trace_publish(struct engine *eng, struct trace_event *ev)
{
	if (!eng->trace.sink)
		return;
	trace_say(ev);
	eng->trace.sink(eng->trace.sink_ctx, ev);
}

/* Hop codes of a packet, oldest first. */
static uint8_t hops_unroll(const struct pkt *pkt, uint16_t *out)
{
	uint8_t n = pkt->n_hops < PKT_HOPS_MAX ? pkt->n_hops : PKT_HOPS_MAX;

	for (uint8_t i = 0; i < n; i++)
		out[i] = pkt->hops[(uint8_t)(pkt->n_hops - n + i) % PKT_HOPS_MAX];
	return n;
}

/* The first bytes from the network header on, wherever `data` is now. */
static uint8_t l3_copy(const struct pkt *pkt, uint8_t *out)
{
	uint32_t end = pkt_off(pkt) + pkt->lin_len, off = pkt->l3_off;
	const uint8_t *l2 = pkt->head + pkt->l2_off;

	if (pkt->l3_off == PKT_NO_OFF) {
		if (pkt->l2_off == PKT_NO_OFF || pkt->l2_off + (uint32_t)ETH_HDR_LEN > end)
			return 0;
		if (load_be16(l2 + ETH_HDR_LEN - 2) != ETHERTYPE_IPV4 &&
		    load_be16(l2 + ETH_HDR_LEN - 2) != ETHERTYPE_IPV6)
			return 0;
		off = pkt->l2_off + (uint32_t)ETH_HDR_LEN;
	}
	if (off >= end || (pkt->head[off] >> 4 != 4 && pkt->head[off] >> 4 != 6))
		return 0;
	end = end - off < TRACE_L3_MAX ? end - off : TRACE_L3_MAX;
	memcpy(out, pkt->head + off, end);
	return (uint8_t)end;
}

void trace_pkt(struct stack *st, enum trace_kind kind, const struct pkt *pkt,
	       const struct netif *netif, uint16_t code)
{
	struct trace_event *ev = trace_slot(st->eng);

	if (!ev)
		return;
	ev->kind = (uint8_t)kind;
	ev->code = code;
	ev->stack_id = st->id;
	ev->ifindex = netif ? netif->index : 0;
	if (pkt) {
		ev->trace_id = pkt->trace_id;
		ev->len = pkt->len;
		if (pkt->l2_off != PKT_NO_OFF && pkt->l2_off < pkt_off(pkt))
			ev->len += (uint32_t)(pkt_off(pkt) - pkt->l2_off);
		ev->n_hops = hops_unroll(pkt, ev->hops);
		ev->n_l3 = l3_copy(pkt, ev->l3);
	}
	trace_publish(st->eng, ev);
}

void trace_state(struct stack *st, uint8_t from, uint8_t to, const struct trace_moved *moved)
{
	struct trace_event *ev = trace_slot(st->eng);

	if (!ev)
		return;
	ev->kind = TRACE_STATE;
	ev->code = (uint16_t)(from << 8 | to);
	ev->stack_id = st->id;
	ev->moved = *moved;
	trace_publish(st->eng, ev);
}

void trace_text(struct stack *st, enum trace_kind kind, uint16_t code, const char *fmt, ...)
{
	struct trace_event *ev = trace_slot(st->eng);
	va_list ap;

	if (!ev)
		return;
	ev->kind = (uint8_t)kind;
	ev->code = code;
	ev->stack_id = st->id;
	va_start(ap, fmt);
	vsnprintf(ev->text, sizeof(ev->text), fmt, ap);
	va_end(ap);
	trace_publish(st->eng, ev);
}

void trace_tcp(struct stack *st, const struct trace_tcp *figures)
{
	struct trace_event *ev = trace_slot(st->eng);

	if (!ev)
		return;
	ev->kind = TRACE_TCP;
	ev->stack_id = st->id;
	ev->tcp = *figures;
	trace_publish(st->eng, ev);
}

void trace_queue(struct stack *st, const struct netif *netif, uint32_t n_pkts)
{
	struct trace_event *ev = trace_slot(st->eng);

	if (!ev)
		return;
	ev->kind = TRACE_QUEUE;
	ev->stack_id = st->id;
	ev->ifindex = netif->index;
	ev->len = n_pkts;
	trace_publish(st->eng, ev);
}

bool trace_read(struct engine *eng, struct trace_event *ret)
{
	struct trace *t = &eng->trace;

	if (t->tail == t->head)
		return false;
	*ret = t->ring[t->tail++ & (t->n_events - 1)];
	trace_say(ret);
	return true;
}

static const struct netif *netif_by_index(const struct stack *st, uint32_t index)
{
	const struct netif *netif;

	list_for_each (netif, &st->netifs, link)
		if (netif->index == index)
			return netif;
	return NULL;
}

static void hops_json(const struct trace_event *ev, struct sb *out)
{
	sb_str(out, ",\"hops\":[");
	for (uint8_t i = 0; i < ev->n_hops; i++) {
		const char *name = hop_names[ev->hops[i] >> 12];
		uint16_t index = ev->hops[i] & 0xfff;

		if (i)
			sb_str(out, ",");
		if ((ev->hops[i] & HOP_KIND_MASK) == HOP_DROP && index < DROP_MAX)
			sb_printf(out, "\"drop %s\"", drop_name(index));
		else
			sb_printf(out, "\"%s %u\"", name ? name : "?", index);
	}
	sb_str(out, "]");
}

/* The names of what the hops are numbers of. Interfaces are those of the stack that the packet was
 * in: the event's own when it never crossed over, else each that it entered. */
static void hop_names_json(const struct engine *eng, const struct trace_event *ev, struct sb *out)
{
	const struct stack *st = stack_by_id(eng, ev->stack_id);

	for (uint8_t i = 0; i < ev->n_hops; i++)
		if ((ev->hops[i] & HOP_KIND_MASK) == HOP_STACK)
			st = NULL; /* where it began is not noted */
	sb_str(out, ",\"names\":[");
	for (uint8_t i = 0; i < ev->n_hops; i++) {
		uint16_t kind = ev->hops[i] & HOP_KIND_MASK, index = ev->hops[i] & 0xfff;
		const struct netif *netif = NULL;
		const char *name = "";

		if (kind == HOP_STACK) {
			st = stack_by_id(eng, index);
			name = st ? st->name : "";
		} else if (st && (kind == HOP_RX || kind == HOP_TX)) {
			netif = netif_by_index(st, index);
			name = netif ? netif->name : "";
		}
		if (i)
			sb_str(out, ",");
		sb_json_str(out, name);
	}
	sb_str(out, "]");
}

static const char *l4_name(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_TCP:
		return " tcp";
	case IP_PROTO_UDP:
		return " udp";
	case IP_PROTO_ICMP:
		return " icmp";
	case IP_PROTO_ICMPV6:
		return " icmp6";
	default:
		return "";
	}
}

/* "10.0.0.1:40000 > 10.0.0.2:80 tcp", as far as it can be read. */
static void flow_json(const struct trace_event *ev, struct sb *out)
{
	bool is_ip6 = ev->l3[0] >> 4 == 6;
	uint32_t hdr_len = is_ip6 ? IP6_HDR_LEN : (ev->l3[0] & 15u) * 4;
	uint8_t proto = is_ip6 ? ev->l3[6] : ev->l3[9];
	bool is_first = is_ip6 || (load_be16(ev->l3 + 6) & 0x1fff) == 0;
	bool has_ports = is_first && (proto == IP_PROTO_TCP || proto == IP_PROTO_UDP) &&
			 hdr_len + 4 <= ev->n_l3;
	char text[IP_ADDR_STRLEN];

	if (ev->n_l3 < (is_ip6 ? IP6_HDR_LEN : IP4_HDR_LEN))
		return;
	sb_str(out, ",\"flow\":\"");
	for (uint32_t end = 0; end < 2; end++) {
		struct ip6_addr a6;
		struct ip4_addr a4;

		memcpy(&a4, ev->l3 + 12 + sizeof(a4) * end, sizeof(a4));
		memcpy(&a6, ev->l3 + (is_ip6 ? 8 + sizeof(a6) * end : 8), sizeof(a6));
		sb_str(out, is_ip6 ? ip6_addr_print(&a6, text) : ip4_addr_print(&a4, text));
		if (has_ports)
			sb_printf(out, ":%u", load_be16(ev->l3 + hdr_len + 2 * end));
		if (!end)
			sb_str(out, " > ");
	}
	sb_printf(out, "%s\"", l4_name(proto));
}

static void where_json(const struct engine *eng, const struct trace_event *ev, struct sb *out)
{
	const struct stack *st = stack_by_id(eng, ev->stack_id);
	const struct netif *netif = st && ev->ifindex ? netif_by_index(st, ev->ifindex) : NULL;

	sb_str(out, ",\"stack\":");
	if (st)
		sb_json_str(out, st->name);
	else
		sb_printf(out, "%" PRIu32, ev->stack_id);
	if (netif) {
		sb_str(out, ",\"if\":");
		sb_json_str(out, netif->name);
	} else if (ev->ifindex) {
		sb_printf(out, ",\"if\":%" PRIu32, ev->ifindex);
	}
}

static void tcp_json(const struct trace_tcp *f, struct sb *out)
{
	sb_printf(out, ",\"lport\":%u,\"rport\":%u,\"cwnd\":%" PRIu32, f->lport, f->rport, f->cwnd);
	if (f->ssthresh != UINT32_MAX)
		sb_printf(out, ",\"ssthresh\":%" PRIu32, f->ssthresh);
	sb_printf(out,
		  ",\"srtt_us\":%" PRIu32 ",\"flight\":%" PRIu32 ",\"una\":%" PRIu32
		  ",\"nxt\":%" PRIu32 ",\"wnd\":%" PRIu32 ",\"rate_bps\":%" PRIu64,
		  f->srtt_us, f->flight, f->una, f->nxt, f->wnd, f->rate_bps);
}

void trace_event_json(const struct engine *eng, const struct trace_event *ev, struct sb *out)
{
	sb_printf(out, "{\"t_ns\":%" PRId64 ",\"event\":\"%s\"", ev->now_ns,
		  trace_kind_names[ev->kind]);
	where_json(eng, ev, out);
	if (ev->kind == TRACE_TCP)
		tcp_json(&ev->tcp, out);
	if (ev->kind == TRACE_QUEUE)
		sb_printf(out, ",\"waiting\":%" PRIu32, ev->len);
	if (ev->trace_id)
		sb_printf(out, ",\"trace\":%" PRIu32 ",\"len\":%" PRIu32, ev->trace_id, ev->len);
	if (ev->kind == TRACE_DROP && ev->code < DROP_MAX) {
		sb_printf(out, ",\"reason\":\"%s\",\"layer\":\"%s\",\"why\":", drop_name(ev->code),
			  drop_layer(ev->code));
		sb_json_str(out, drop_text(ev->code));
	}
	if (ev->n_l3)
		flow_json(ev, out);
	if (ev->n_hops) {
		hops_json(ev, out);
		hop_names_json(eng, ev, out);
	}
	if (ev->text[0]) {
		sb_str(out, ",\"text\":");
		sb_json_str(out, ev->text);
	}
	sb_str(out, "}");
}
