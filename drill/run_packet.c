/* SPDX-License-Identifier: MIT */
/* Packets of a script: injected ones are made and handed in, expected ones are waited for. */
#include <stdlib.h>
#include <string.h>

#include "base/load.h"
#include "drill/icmp_name.h"
#include "drill/match.h"
#include "drill/run_priv.h"
#include "drill/tcp_opt.h"
#include "lab/pktprint.h"

enum {
	/* How long the time * waits, and how often the engine may run meanwhile. */
	ANY_TIME_US = 1000 * 1000000,
	ANY_STEPS_MAX = 1000000,
	WIRE_TEXT_MAX = 500,
};

/* ---- flows ---- */

struct drill_flow *drill_flow_new(struct drill_run *run, enum drill_proto proto, uint16_t lport,
				  uint16_t rport)
{
	struct drill_flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	*flow = (struct drill_flow){.next = run->flows,
				    .proto = proto,
				    .laddr = run->local,
				    .raddr = run->remote,
				    .lport = lport,
				    .rport = rport};
	run->flows = flow;
	return flow;
}

static struct drill_flow *flow_by_script(struct drill_run *run, enum drill_proto proto,
					 uint16_t local, uint16_t remote)
{
	for (struct drill_flow *f = run->flows; f; f = f->next)
		if (f->is_named && f->proto == proto && f->script_local == local &&
		    f->script_remote == remote)
			return f;
	return NULL;
}

/* The flow that a packet of the script belongs to; NULL: it is the first of one. */
static struct drill_flow *flow_of(struct drill_run *run, const struct drill_packet *pkt)
{
	uint16_t local = pkt->is_in ? pkt->dport : pkt->sport;
	uint16_t remote = pkt->is_in ? pkt->sport : pkt->dport;
	struct drill_flow *flow;

	if (!pkt->has_ports)
		return run->flow;
	flow = flow_by_script(run, pkt->proto, local, remote);
	if (flow || !run->flow || run->flow->is_named || run->flow->proto != pkt->proto)
		return flow;
	run->flow->is_named = true;
	run->flow->script_local = local;
	run->flow->script_remote = remote;
	return run->flow;
}

static bool port_is_bound(const struct drill_run *run, uint16_t port)
{
	for (const struct drill_fd *fd = run->fds; fd; fd = fd->next)
		if (fd->bound == port)
			return true;
	return false;
}

/* A first packet comes in: from a new port of the peer to where the script's socket is bound. */
static struct drill_flow *flow_in(struct drill_run *run, const struct drill_packet *pkt)
{
	uint16_t lport = run->fd && run->fd->bound ? run->fd->bound : run->opts.bind_port;
	uint16_t rport = pkt->has_ports ? pkt->sport : run->next_port++;
	struct drill_flow *flow;

	/* A port that the script names is the real one, unless it stands for that of bind(...). */
	if (pkt->has_ports && (run->has_ports || port_is_bound(run, pkt->dport) || !run->fd))
		lport = pkt->dport;
	if (pkt->proto == DRILL_UDP && !pkt->has_ports)
		rport = run->opts.connect_port;
	flow = drill_flow_new(run, pkt->proto, lport, rport);
	if (!flow) {
		drill_run_refuse(run, run->line, "out of memory");
		return NULL;
	}
	if (pkt->has_ports) {
		flow->is_named = true;
		flow->script_local = pkt->dport;
		flow->script_remote = pkt->sport;
	}
	run->flow = flow;
	return flow;
}

/* ---- injected packets ---- */

static uint32_t ts_live(const struct drill_flow *flow, uint32_t script)
{
	uint32_t n = flow->n_ts < DRILL_TS_MAP ? flow->n_ts : DRILL_TS_MAP;

	for (uint32_t i = 1; i <= n; i++) {
		uint32_t k = (flow->n_ts - i) % DRILL_TS_MAP;

		if (flow->ts[k].script == script)
			return flow->ts[k].live;
	}
	/* The clocks run at one speed; 0 is what stands there when there is nothing to echo. */
	return flow->has_ts && script ? script + flow->ts_off : script;
}

/* Numbers in the options that are ours: SACK blocks and echoed timestamps. */
static void opts_to_wire(const struct drill_flow *flow, const struct drill_packet *pkt,
			 uint8_t *opts)
{
	uint8_t pos = 0, at = 0, len;

	memcpy(opts, pkt->opts, pkt->opts_len);
	for (; (len = drill_opt_next(opts, pkt->opts_len, &pos)) > 0; at = pos) {
		uint8_t *o = opts + at;

		if (o[0] == DRILL_OPT_TS && len == 10)
			store_be32(o + 6, ts_live(flow, load_be32(o + 6)));
		if (o[0] != DRILL_OPT_SACK)
			continue;
		for (uint8_t i = 2; i + 4 <= len; i = (uint8_t)(i + 4))
			store_be32(o + i, load_be32(o + i) + flow->off);
	}
}

static bool inject(struct drill_run *run, const struct drill_event *ev)
{
	const struct drill_packet *pkt = ev->packet;
	struct drill_flow *flow = flow_of(run, pkt);
	struct drill_packet wire = *pkt;
	struct drill_build b = {.pkt = &wire};
	uint32_t is_syn = (pkt->flags & DRILL_SYN) != 0;
	size_t len;

	if (!flow)
		flow = flow_in(run, pkt);
	if (!flow)
		return false;
	if (pkt->flags & DRILL_RST)
		flow->is_over = true;
	if (pkt->flags & DRILL_URG)
		run->has_text = true; /* a byte will be read out of its place */
	if (pkt->proto == DRILL_TCP && is_syn) {
		flow->is_over |= flow->has_risn && flow->risn != pkt->seq;
		flow->has_risn = true;
		flow->risn = pkt->seq;
	}
	memcpy(b.dst_mac, run->local_mac, 6);
	memcpy(b.src_mac, run->remote_mac, 6);
	b.src = flow->raddr;
	b.dst = flow->laddr;
	b.sport = flow->rport;
	b.dport = flow->lport;
	b.ip_id = run->next_ip_id++;
	b.seq = pkt->seq;
	b.ack = pkt->flags & DRILL_ACK ? pkt->ack + flow->off : pkt->ack;
	b.stream_pos = flow->has_risn ? pkt->seq + is_syn - flow->risn - 1 : 0;
	opts_to_wire(flow, pkt, b.opts);
	if (pkt->proto == DRILL_ICMP) {
		b.quote_proto = pkt->quote.proto           ? pkt->quote.proto
				: flow->proto == DRILL_UDP ? 17
							   : 6;
		b.seq = pkt->quote.seq + flow->off;
	}
	if (wire.icmp_mtu > 0)
		wire.icmp_mtu += run->mtu_extra;
	len = drill_build(&b, run->frame);
	if (!len)
		return drill_run_refuse(run, ev->line, "a packet of more than 65535 bytes");
	if (weft_netif_rx(run->nif, run->frame, len))
		return drill_run_fail(run, ev->line, "the stack has no room for the packet");
	return drill_run_until(run, drill_now_us(run));
}

/* ---- packets that are said header by header ---- */

static bool inject_layers(struct drill_run *run, const struct drill_event *ev)
{
	char why[100];
	size_t len = drill_layers_build(&run->names, ev->packet, run->next_ip_id++, run->frame, why,
					sizeof(why));

	if (!len)
		return drill_run_refuse(run, ev->line, "%s", why);
	if (weft_netif_rx(run->nif, run->frame, len))
		return drill_run_fail(run, ev->line, "the stack has no room for the packet");
	return drill_run_until(run, drill_now_us(run));
}

/* ---- expected packets ---- */

static bool is_of(const struct drill_seen *seen, const struct drill_flow *flow)
{
	if (seen->pkt.proto == DRILL_LAYERS)
		return false;
	return !flow || seen->pkt.proto == DRILL_ICMP || flow->proto == DRILL_ICMP ||
	       (seen->pkt.proto == flow->proto && seen->pkt.sport == flow->lport &&
		seen->pkt.dport == flow->rport);
}

/* Is it what a packet that is said header by header may be? Not of a connection whose packets the
 * script says in the other way. */
static bool is_layered(const struct drill_run *run, const struct drill_seen *seen)
{
	return seen->pkt.proto == DRILL_LAYERS || seen->pkt.proto == DRILL_ICMP ||
	       seen->pkt.proto == DRILL_UDP || !run->flow;
}

/* Takes the oldest packet of the flow from what has been seen; NULL: none. */
static struct drill_seen *take(struct drill_run *run, const struct drill_flow *flow, bool layered)
{
	for (struct drill_seen **p = &run->seen; *p; p = &(*p)->next) {
		struct drill_seen *seen = *p;

		if (layered ? !is_layered(run, seen) : !is_of(seen, flow))
			continue;
		*p = seen->next;
		if (!*p)
			run->seen_tail = p;
		run->seen_bytes -= sizeof(*seen) + seen->len;
		return seen;
	}
	return NULL;
}

static int64_t latest(const struct drill_run *run, const struct drill_event *ev)
{
	int64_t end = run->event_us + run->opts.tolerance_us;

	if (ev->when == DRILL_ANY_TIME)
		return drill_now_us(run) + ANY_TIME_US;
	if (ev->when == DRILL_AT_RANGE || ev->when == DRILL_AFT_RANGE)
		end += ev->end_us - ev->us;
	/* A packet that comes a little late is told from one that does not come. */
	return end + (end - run->last_us) / 2 + 1000000;
}

/* Waits for a packet of the flow. NULL: none came. */
static struct drill_seen *await(struct drill_run *run, const struct drill_event *ev,
				const struct drill_flow *flow)
{
	int64_t end = latest(run, ev);
	unsigned n = 0;

	if (!drill_run_until(run, drill_now_us(run)))
		return NULL;
	for (;;) {
		struct drill_seen *seen = take(run, flow, ev->packet->proto == DRILL_LAYERS);
		int64_t next = drill_next_us(run);

		if (seen || next > end || ++n > ANY_STEPS_MAX)
			return seen;
		if (!drill_run_until(run, next))
			return NULL;
	}
}

static bool no_packet(struct drill_run *run, const struct drill_event *ev)
{
	char text[DRILL_TEXT_MAX];

	return drill_run_fail(run, ev->line, "%s\n  expected %s\n  seen     nothing until %.6f s",
			      ev->text, drill_packet_text(ev->packet, text, sizeof(text)),
			      (double)drill_now_us(run) / 1e6);
}

/* Remembers how TS val lies to the script's, and rewrites it. */
static void ts_to_script(struct drill_flow *flow, const struct drill_packet *want,
			 struct drill_packet *got)
{
	uint8_t pw = 0, pg = 0, aw = 0, ag = 0, lw, lg;

	while ((lw = drill_opt_next(want->opts, want->opts_len, &pw)) > 0 &&
	       want->opts[aw] != DRILL_OPT_TS)
		aw = pw;
	while ((lg = drill_opt_next(got->opts, got->opts_len, &pg)) > 0 &&
	       got->opts[ag] != DRILL_OPT_TS)
		ag = pg;
	if (lg != 10)
		return;
	if (lw == 10) {
		uint32_t live = load_be32(got->opts + ag + 2);
		uint32_t script = load_be32(want->opts + aw + 2);

		flow->ts[flow->n_ts % DRILL_TS_MAP].script = script;
		flow->ts[flow->n_ts % DRILL_TS_MAP].live = live;
		flow->n_ts++;
		if (!flow->has_ts) {
			flow->has_ts = true;
			flow->ts_off = live - script;
		}
	}
	if (flow->has_ts)
		store_be32(got->opts + ag + 2, load_be32(got->opts + ag + 2) - flow->ts_off);
}

/* MTU and kind of an ICMP message: "packet too big" is what a script may call "fragmentation
 * needed". */
static void icmp_to_script(const struct drill_run *run, const struct drill_packet *want,
			   const struct drill_seen *seen, struct drill_packet *got)
{
	if (got->proto != DRILL_ICMP)
		return;
	if (got->icmp_type == DRILL_ICMP_UNREACHABLE && got->icmp_code == 4)
		got->icmp_mtu = (int32_t)(seen->icmp_rest & 0xffff);
	if (got->icmp_type != DRILL_ICMP_PACKET_TOO_BIG)
		return;
	got->icmp_mtu = (int32_t)(seen->icmp_rest & INT32_MAX) - run->mtu_extra;
	if (want->icmp_type == DRILL_ICMP_UNREACHABLE && want->icmp_code == 4) {
		got->icmp_type = want->icmp_type;
		got->icmp_code = want->icmp_code;
	}
}

/* What was seen, in the numbers of the script. */
static struct drill_packet to_script(const struct drill_run *run, struct drill_flow *flow,
				     const struct drill_packet *want, const struct drill_seen *seen)
{
	struct drill_packet got = seen->pkt;

	got.tos_check = want->tos_check == DRILL_TOS_ECT01 ? DRILL_TOS_ECN : want->tos_check;
	got.ttl = want->ttl ? got.ttl : 0;
	got.flow_label = want->flow_label ? got.flow_label : 0;
	got.has_ports = want->has_ports;
	if (got.has_ports && flow->is_named) {
		got.sport = flow->script_local;
		got.dport = flow->script_remote;
	}
	icmp_to_script(run, want, seen, &got);
	if (got.proto == DRILL_ICMP && got.icmp_type != DRILL_ICMP_ECHO_REPLY &&
	    got.icmp_type != DRILL_ICMP_ECHO_REQUEST)
		got.icmp_id = 0;
	if (got.proto != DRILL_TCP)
		return got;
	flow->is_over |= (got.flags & DRILL_RST) != 0;
	if ((got.flags & DRILL_SYN) && (!flow->has_off || flow->is_over)) {
		flow->has_off = true;
		flow->is_over = false;
		flow->off = got.seq - want->seq;
		flow->lisn = want->seq;
	}
	/* RFC 9293 §3.5.2: a reset for a segment without ACK has sequence number 0. */
	if (!(got.flags & DRILL_RST) || got.seq != 0 || want->seq != 0)
		got.seq -= flow->off;
	if (!(got.flags & DRILL_ACK))
		got.ack = want->ack;
	ts_to_script(flow, want, &got);
	return got;
}

/* The bytes must be those that the application wrote there. */
static bool check_payload(struct drill_run *run, const struct drill_event *ev,
			  const struct drill_flow *flow, const struct drill_packet *got,
			  const struct drill_seen *seen)
{
	uint32_t pos = got->seq - flow->lisn - 1;

	if (seen->pkt.proto != DRILL_TCP || !flow->has_off || run->has_text ||
	    (got->flags & (DRILL_SYN | DRILL_RST)))
		return true;
	for (uint32_t i = 0; i < seen->pkt.len; i++)
		if (seen->payload[i] != drill_pattern((uint64_t)pos + i))
			return drill_run_fail(
				run, ev->line,
				"%s\n  byte %u of the payload is not what was written", ev->text,
				i);
	return true;
}

/* The frame as tcpdump prints it, with the numbers of the wire. */
static const char *wire_text(const struct drill_seen *seen, char *buf, size_t size)
{
	const struct pkt_print_opts opts = {.flows = NULL};

	pkt_print(buf, size, seen->frame, seen->len, seen->len, &opts);
	return buf;
}

static bool mismatch(struct drill_run *run, const struct drill_event *ev, const char *why,
		     const struct drill_packet *got, const struct drill_seen *seen)
{
	char want_text[DRILL_TEXT_MAX], got_text[DRILL_TEXT_MAX], wire[WIRE_TEXT_MAX];

	return drill_run_fail(
		run, ev->line, "%s\n  expected %.6f %s\n  seen     %.6f %s\n  wire     %s\n  %s",
		ev->text, (double)run->event_us / 1e6,
		drill_packet_text(ev->packet, want_text, sizeof(want_text)), (double)seen->us / 1e6,
		drill_packet_text(got, got_text, sizeof(got_text)),
		wire_text(seen, wire, sizeof(wire)), why);
}

static struct drill_flow *flow_out(struct drill_run *run, const struct drill_packet *pkt,
				   const struct drill_seen *seen)
{
	struct drill_flow *flow =
		drill_flow_new(run, seen->pkt.proto, seen->pkt.sport, seen->pkt.dport);

	if (!flow) {
		drill_run_refuse(run, run->line, "out of memory");
		return NULL;
	}
	if (pkt->has_ports) {
		flow->is_named = true;
		flow->script_local = pkt->sport;
		flow->script_remote = pkt->dport;
	}
	run->flow = flow;
	return flow;
}

/* Segments that go on where `got` ends, up to the length that is wanted. False: failed. */
static bool gather(struct drill_run *run, const struct drill_event *ev, struct drill_flow *flow,
		   struct drill_packet *got, int64_t *us)
{
	const struct drill_packet *want = ev->packet;

	while (want->proto == DRILL_TCP && !run->opts.strict_segments && got->len < want->len) {
		struct drill_seen *seen = take(run, flow, false);
		struct drill_packet next;
		bool ok;

		if (!seen)
			return true;
		next = to_script(run, flow, want, seen);
		ok = drill_continues(got, &next) && got->len + next.len <= want->len;
		if (ok) {
			*us = seen->us;
			got->len += next.len;
			got->flags |= next.flags;
			ok = check_payload(run, ev, flow, &next, seen);
			free(seen);
			if (!ok)
				return false;
			continue;
		}
		seen->next = run->seen; /* it was not for us */
		if (!run->seen)
			run->seen_tail = &seen->next;
		run->seen = seen;
		run->seen_bytes += sizeof(*seen) + seen->len;
		return true;
	}
	return true;
}

/* What came, against what is expected. `seen` is its first frame. */
static bool compare(struct drill_run *run, const struct drill_event *ev, struct drill_flow *flow,
		    const struct drill_seen *seen)
{
	const struct drill_packet *want = ev->packet;
	struct drill_match m = {.is_ip4 = run->local.family == WEFT_AF_INET, .ts_tolerance = -1};
	struct drill_packet got = to_script(run, flow, want, seen);
	int64_t us = seen->us;
	char why[200];

	if (!check_payload(run, ev, flow, &got, seen) || !gather(run, ev, flow, &got, &us))
		return false;
	if (run->opts.verbose && run->opts.out) {
		char text[DRILL_TEXT_MAX];

		fprintf(run->opts.out, "  seen %.6f %s\n", (double)us / 1e6,
			drill_packet_text(&got, text, sizeof(text)));
	}
	if (run->opts.ts_tick_us)
		m.ts_tolerance = run->opts.tolerance_us / run->opts.ts_tick_us + 1;
	if (drill_match(&m, want, &got, why, sizeof(why)))
		return mismatch(run, ev, why, &got, seen);
	if (!drill_check_time(run, ev, us, "the packet"))
		return false;
	if (ev->when == DRILL_ANY_TIME)
		run->event_us = us;
	return true;
}

static bool expect_layers(struct drill_run *run, const struct drill_event *ev)
{
	struct drill_seen *seen = await(run, ev, NULL);
	char why[200], wire[WIRE_TEXT_MAX];
	bool ok;

	if (!seen)
		return run->has_failed ? false
				       : drill_run_fail(run, ev->line,
							"%s\n  seen     nothing until %.6f s",
							ev->text, (double)drill_now_us(run) / 1e6);
	ok = !drill_layers_match(&run->names, ev->packet, seen->frame, seen->len, why, sizeof(why));
	if (!ok)
		drill_run_fail(run, ev->line, "%s\n  seen     %.6f %s\n  %s", ev->text,
			       (double)seen->us / 1e6, wire_text(seen, wire, sizeof(wire)), why);
	ok = ok && drill_check_time(run, ev, seen->us, "the packet");
	if (ok && ev->when == DRILL_ANY_TIME)
		run->event_us = seen->us;
	free(seen);
	return ok;
}

static bool expect(struct drill_run *run, const struct drill_event *ev)
{
	struct drill_flow *flow = flow_of(run, ev->packet);
	struct drill_seen *seen = await(run, ev, flow);
	bool ok;

	if (!seen)
		return run->has_failed ? false : no_packet(run, ev);
	if (!flow)
		flow = flow_out(run, ev->packet, seen);
	ok = flow && compare(run, ev, flow, seen);
	free(seen);
	return ok;
}

bool drill_run_packet(struct drill_run *run, const struct drill_event *ev)
{
	if (ev->packet->proto == DRILL_LAYERS)
		return ev->packet->is_in ? inject_layers(run, ev) : expect_layers(run, ev);
	return ev->packet->is_in ? inject(run, ev) : expect(run, ev);
}

bool drill_check_left(struct drill_run *run)
{
	struct drill_seen *seen = run->seen;
	struct drill_packet got;
	char text[DRILL_TEXT_MAX], wire[WIRE_TEXT_MAX];

	if (!run->opts.nothing_left || !seen)
		return true;
	if (seen->pkt.proto == DRILL_LAYERS)
		return drill_run_fail(run, run->line,
				      "the script is over, but the stack sent what it did not "
				      "expect\n  seen     %.6f %s",
				      (double)seen->us / 1e6, wire_text(seen, wire, sizeof(wire)));
	got = seen->pkt;
	if (run->flow && is_of(seen, run->flow))
		got = to_script(run, run->flow, &(struct drill_packet){.seq = 0}, seen);
	return drill_run_fail(run, run->line,
			      "the script is over, but the stack sent what it did not expect\n"
			      "  seen     %.6f %s\n  wire     %s",
			      (double)seen->us / 1e6, drill_packet_text(&got, text, sizeof(text)),
			      wire_text(seen, wire, sizeof(wire)));
}
