/* SPDX-License-Identifier: MIT */
/*
 * What the gateway has refused, for who asks why: the last GATEWAY_REFUSED_MAX, oldest first in a
 * ring. The same thing again in a row (a program that repeats its SYN) is counted, not added.
 */
#include <errno.h>
#include <string.h>

#include "gateway/gateway_priv.h"

const char *gateway_refusal_name(enum gateway_refusal why)
{
	static const char *const names[GATEWAY_REFUSAL_MAX] = {
		[GATEWAY_REFUSED_RULE] = "rule",
		[GATEWAY_REFUSED_LOOPBACK] = "host-loopback",
		[GATEWAY_REFUSED_NOBODY] = "nobody",
		[GATEWAY_REFUSED_ON_LINK] = "on-link",
		[GATEWAY_REFUSED_SOURCE] = "source",
		[GATEWAY_REFUSED_PING] = "ping",
		[GATEWAY_REFUSED_FULL] = "full",
		[GATEWAY_REFUSED_HALF_OPEN] = "half-open",
		[GATEWAY_REFUSED_FILTERED] = "filtered",
		[GATEWAY_REFUSED_HOST] = "host",
		[GATEWAY_REFUSED_FORWARD] = "forward",
	};

	return (unsigned int)why < GATEWAY_REFUSAL_MAX ? names[why] : "?";
}

static bool end_eq(const struct weft_sockaddr *a, const struct weft_sockaddr *b)
{
	return a->port == b->port && gw_addr_eq(&a->addr, &b->addr);
}

/* The port of who asks is another one with each try. */
static bool is_again(const struct gateway_refused *a, const struct gateway_refused *b)
{
	return a->why == b->why && a->proto == b->proto && a->id == b->id && a->err == b->err &&
	       gw_addr_eq(&a->src.addr, &b->src.addr) && end_eq(&a->dst, &b->dst);
}

void gw_refused_note(struct gateway *gw, const struct gateway_refused *what)
{
	struct gateway_refused *last =
		&gw->refused[(gw->n_refused + GATEWAY_REFUSED_MAX - 1) % GATEWAY_REFUSED_MAX];

	if (gw->n_refused && is_again(last, what)) {
		last->n++;
		last->src = what->src;
	} else {
		last = &gw->refused[gw->n_refused++ % GATEWAY_REFUSED_MAX];
		*last = *what;
		last->n = 1;
	}
	last->ago_ns = gw_now(gw); /* when, until it is shown */
}

void gw_refused_verdict(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *src,
			const struct weft_sockaddr *dst, enum gw_verdict verdict)
{
	struct gateway_refused what = {.proto = proto, .src = *src, .dst = *dst};

	what.id = verdict == GW_DENIED ? gw_rules_which(gw, proto, dst) : 0;
	if (verdict == GW_NOBODY)
		what.why = GATEWAY_REFUSED_NOBODY;
	else if (verdict == GW_ON_LINK)
		what.why = GATEWAY_REFUSED_ON_LINK;
	else
		what.why = what.id ? GATEWAY_REFUSED_RULE : GATEWAY_REFUSED_LOOPBACK;
	/* An address of ours that stands for one of the host's loopback, were that open. */
	if (verdict == GW_NOBODY && gw_is_map(gw, &dst->addr))
		what.why = GATEWAY_REFUSED_LOOPBACK;
	gw_refused_note(gw, &what);
}

bool gw_is_full(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM || err == EAGAIN;
}

void gw_refused_host(struct gateway *gw, uint8_t proto, const struct weft_sockaddr *src,
		     const struct weft_sockaddr *dst, int err)
{
	struct gateway_refused what = {
		.proto = proto, .src = *src, .dst = *dst, .why = GATEWAY_REFUSED_HOST, .err = err};

	if (gw_is_full(err)) {
		what.why = GATEWAY_REFUSED_FULL;
		what.err = 0;
	}
	gw_refused_note(gw, &what);
}

void gw_refused_client(const struct gw_forward *fw, uint8_t proto,
		       const struct weft_sockaddr *client, const struct weft_sockaddr *guest,
		       int err)
{
	gw_refused_note(fw->gw, &(struct gateway_refused){.why = GATEWAY_REFUSED_FORWARD,
							  .proto = proto,
							  .src = *client,
							  .dst = *guest,
							  .id = fw->info.id,
							  .err = err});
}

void gateway_refused(const struct gateway *gw,
		     void (*fn)(void *arg, const struct gateway_refused *what), void *arg)
{
	uint64_t first =
		gw->n_refused > GATEWAY_REFUSED_MAX ? gw->n_refused - GATEWAY_REFUSED_MAX : 0;

	for (uint64_t i = gw->n_refused; i > first; i--) {
		struct gateway_refused what = gw->refused[(i - 1) % GATEWAY_REFUSED_MAX];

		what.ago_ns = gw_now(gw) - what.ago_ns;
		fn(arg, &what);
	}
}
