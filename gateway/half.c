/* SPDX-License-Identifier: MIT */
/*
 * Connections that the guest has not completed: the host's side stands, and the guest owes the ACK
 * of our SYN-ACK, or by a forward the answer to our SYN. A guest that never gives it would hold
 * each for as long as the SYN is repeated, a minute and more, and after max_flows of them have no
 * other connection.
 *
 * How it works: they are in one list, the oldest first, and in one for each of 256 classes of
 * destinations, told apart by a keyed hash. All together have max_half_open places, a class half of
 * those, so that a flood of one destination leaves room for the others. Where there is no place the
 * oldest of the same list gives way with a reset, unless it is so young that an honest guest, whose
 * answer takes microseconds but may be lost among a flood's frames, may not have had its turn; then
 * the newcomer goes without a word, and comes again when its SYN is repeated.
 *
 * Invariant: is_half is in both lists and counted, whatever the flow's state; gw_flow_free() takes
 * it out.
 */
#include <string.h>

#include "gateway/gateway_priv.h"

enum {
	GIVES_WAY_MS = 300, /* an ACK that was lost comes with data that is repeated after 200 ms */
	NS_PER_MS = 1000000,
};

static struct gw_half *half_class(struct gateway *gw, const struct weft_sockaddr *to)
{
	uint64_t a = 0, b = 0;

	if (to->addr.family == WEFT_AF_INET) {
		memcpy(&a, to->addr.bytes, 4);
	} else {
		memcpy(&a, to->addr.bytes, sizeof(a));
		memcpy(&b, to->addr.bytes + sizeof(a), sizeof(b));
	}
	b ^= to->port;
	return &gw->halves[siphash_2u64(&gw->hash_key, a, b) % GW_HALF_CLASSES];
}

static void half_note(struct gateway *gw, const struct weft_sockaddr *guest,
		      const struct weft_sockaddr *remote)
{
	gw_refused_note(gw, &(struct gateway_refused){.why = GATEWAY_REFUSED_HALF_OPEN,
						      .proto = WEFT_IPPROTO_TCP,
						      .src = *guest,
						      .dst = *remote});
}

/* It has made room, or has been completed meanwhile: of that the event may be still to come. */
static bool half_gives_way(struct gateway *gw, struct gw_flow *oldest)
{
	gw_half_look(oldest);
	if (!oldest->is_half)
		return true;
	if (gw_now(gw) - oldest->half_ns < (int64_t)GIVES_WAY_MS * NS_PER_MS)
		return false;
	gw->stats.half_ended++;
	half_note(gw, &oldest->guest, &oldest->remote);
	gw_flow_abort(oldest);
	return true;
}

void gw_half_init(struct gateway *gw)
{
	list_init(&gw->half);
	for (size_t i = 0; i < GW_HALF_CLASSES; i++)
		list_init(&gw->halves[i].flows);
}

bool gw_half_make_room(struct gateway *gw)
{
	uint64_t ended = gw->stats.half_ended;
	struct list *first;

	while (gw->stats.half_ended == ended && (first = list_first(&gw->half)))
		if (!half_gives_way(gw, container_of(first, struct gw_flow, half_link)))
			return false;
	return gw->stats.half_ended != ended;
}

bool gw_half_has_room(struct gateway *gw, const struct weft_sockaddr *to)
{
	struct gw_half *class = half_class(gw, to);
	uint32_t max = gw->cfg.limits.max_half_open;
	bool has_room = true;

	while (has_room && class->n >= (max + 1) / 2)
		has_room = half_gives_way(gw, container_of(list_first(&class->flows),
							   struct gw_flow, half_class_link));
	while (has_room && gw->stats.n_half_open >= max)
		has_room = half_gives_way(
			gw, container_of(list_first(&gw->half), struct gw_flow, half_link));
	gw->stats.half_refused += !has_room;
	return has_room;
}

void gw_half_add(struct gw_flow *flow, const struct weft_sockaddr *to)
{
	struct gateway *gw = flow->gw;

	flow->is_half = true;
	flow->half_ns = gw_now(gw);
	flow->half_class = half_class(gw, to);
	flow->half_class->n++;
	gw->stats.n_half_open++;
	list_add_tail(&gw->half, &flow->half_link);
	list_add_tail(&flow->half_class->flows, &flow->half_class_link);
}

void gw_half_del(struct gw_flow *flow)
{
	if (!flow->is_half)
		return;
	flow->is_half = false;
	flow->half_class->n--;
	flow->gw->stats.n_half_open--;
	list_del(&flow->half_link);
	list_del(&flow->half_class_link);
}

void gw_half_look(struct gw_flow *flow)
{
	struct weft_tcp_info info = {0};
	size_t len = sizeof(info);

	if (weft_getsockopt(flow->sock, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len) < 0 ||
	    (info.state != WEFT_TCP_SYN_RECV && info.state != WEFT_TCP_SYN_SENT))
		gw_half_del(flow);
}
