/* SPDX-License-Identifier: MIT */
/*
 * Extension headers on the way in (RFC 8200 §4): each is judged in its turn, with `data` at the
 * IPv6 header all the while, so that an error can quote the packet and point into it.
 *
 * Bounds: IP6_EXTS_MAX headers a packet and OPTS_MAX options a header (RFC 8504 §5.3); what has
 * more is dropped as malformed.
 */
#include <errno.h>

#include "ip/icmp6.h"
#include "ip/ip6.h"
#include "ip/ip6_priv.h"
#include "wire/ip4.h"
#include "wire/ip6_ext.h"

enum {
	OPTS_MAX = 8, /* besides padding; Linux's net.ipv6.max_hbh_opts_number and its twin */
};

static void ext_problem(struct pkt *pkt, uint8_t code, uint32_t pointer)
{
	icmp6_error(pkt->netif->stack, pkt, ICMP6_PARAM_PROBLEM, code, pointer);
}

static bool ext_is_to_group(const struct pkt *pkt)
{
	return pkt->data[24] == 0xff;
}

/* RFC 8200 §4.2, by the upper bits of the type. DROP_NONE: go on. */
static enum drop opt_unknown(struct pkt *pkt, const struct ip6_walk *w, const struct ip6_opt *opt)
{
	enum ip6_opt_action action = ip6_opt_action(opt->type);

	if (action == IP6_OPT_SKIP)
		return DROP_NONE;
	if (action == IP6_OPT_ICMP || (action == IP6_OPT_ICMP_UNICAST && !ext_is_to_group(pkt)))
		ext_problem(pkt, ICMP6_PARAM_OPTION, w->off + opt->off);
	return DROP_IP6_OPTION;
}

/* The whole header is linear afterwards. */
static enum drop ext_pull(struct pkt *pkt, const struct ip6_walk *w, struct ip6_ext *ret)
{
	if (pkt->len - w->off < IP6_EXT_LEN_MIN)
		return DROP_IP6_EXT;
	if (!pkt_pullup(pkt, w->off + IP6_EXT_LEN_MIN))
		return DROP_NOMEM;
	ip6_ext_read(pkt->data + w->off, ret);
	if (w->proto == IP_PROTO_FRAGMENT)
		ret->len = IP6_FRAG_LEN;
	if (ret->len > pkt->len - w->off)
		return DROP_IP6_EXT;
	return pkt_pullup(pkt, w->off + ret->len) ? DROP_NONE : DROP_NOMEM;
}

static void walk_on(struct ip6_walk *w, const struct ip6_ext *ext)
{
	w->next_off = w->off;
	w->off += ext->len;
	w->proto = ext->next_hdr;
	w->n_exts++;
}

static enum drop ext_options(struct pkt *pkt, struct ip6_walk *w)
{
	struct ip6_opts_iter it;
	struct ip6_ext ext;
	struct ip6_opt opt;
	int err, n = 0;
	enum drop why = ext_pull(pkt, w, &ext);

	if (why != DROP_NONE)
		return why;
	it = ip6_opts_iter(pkt->data + w->off, ext.len);
	while ((err = ip6_opts_next(&it, &opt)) > 0) {
		if (++n > OPTS_MAX)
			return DROP_IP6_EXT;
		/* Router alert is a hint to whoever wants it. */
		if (opt.type == IP6_OPT_ROUTER_ALERT)
			continue;
		why = opt_unknown(pkt, w, &opt);
		if (why != DROP_NONE)
			return why;
	}
	if (err == -EBADMSG)
		ext_problem(pkt, ICMP6_PARAM_FIELD, w->off + it.off);
	if (err)
		return DROP_IP6_EXT;
	walk_on(w, &ext);
	return DROP_NONE;
}

enum drop ip6_ext_hopopts(struct pkt *pkt, struct ip6_walk *w)
{
	return ext_options(pkt, w);
}

/* RFC 8200 §4.4: a routing header of a type that is not known is passed over when nothing is left
 * to visit. No type is known: type 0 is refused as any other (RFC 5095). */
static enum drop ext_routing(struct pkt *pkt, struct ip6_walk *w)
{
	struct ip6_routing routing;
	struct ip6_ext ext;
	enum drop why = ext_pull(pkt, w, &ext);

	if (why != DROP_NONE)
		return why;
	ip6_routing_read(pkt->data + w->off, &routing);
	if (routing.n_left) {
		ext_problem(pkt, ICMP6_PARAM_FIELD, w->off + 2);
		return DROP_IP6_ROUTING;
	}
	walk_on(w, &ext);
	return DROP_NONE;
}

/* RFC 6946: an atomic fragment is a whole packet. */
static enum drop ext_fragment(struct pkt *pkt, struct ip6_walk *w, bool *ret_is_frag)
{
	struct ip6_frag frag;
	struct ip6_ext ext;
	enum drop why = ext_pull(pkt, w, &ext);

	if (why != DROP_NONE)
		return why;
	ip6_frag_read(pkt->data + w->off, &frag);
	*ret_is_frag = frag.off || frag.more;
	w->has_frag_hdr = true;
	if (*ret_is_frag)
		return DROP_NONE;
	walk_on(w, &ext);
	return DROP_NONE;
}

enum drop ip6_ext_walk(struct pkt *pkt, struct ip6_walk *w)
{
	enum drop why = DROP_NONE;
	bool is_frag = false;

	while (why == DROP_NONE && !is_frag) {
		if (w->n_exts > IP6_EXTS_MAX)
			return DROP_IP6_EXT;
		switch (w->proto) {
		case IP_PROTO_DSTOPTS:
			why = ext_options(pkt, w);
			break;
		case IP_PROTO_ROUTING:
			why = ext_routing(pkt, w);
			break;
		case IP_PROTO_FRAGMENT:
			why = ext_fragment(pkt, w, &is_frag);
			break;
		case IP_PROTO_HOPOPTS:
			/* §4.1: only right behind the fixed header; elsewhere it is unknown. */
			ext_problem(pkt, ICMP6_PARAM_NEXT_HDR, w->next_off);
			return DROP_IP6_EXT;
		default:
			return DROP_NONE;
		}
	}
	return why;
}
