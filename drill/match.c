/* SPDX-License-Identifier: MIT */
/* Expected and seen packets, field by field; the first difference is named. */
#include "drill/match.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/load.h"
#include "drill/tcp_opt.h"

struct matcher {
	const struct drill_match *m;
	const struct drill_packet *want, *got;
	char *why;
	size_t why_size;
};

static int differs(const struct matcher *mt, const char *field, uint64_t want, uint64_t got)
{
	if (want == got)
		return 0;
	snprintf(mt->why, mt->why_size, "%s: expected %llu, seen %llu", field,
		 (unsigned long long)want, (unsigned long long)got);
	return -EINVAL;
}

static int match_ip(const struct matcher *mt)
{
	const struct drill_packet *want = mt->want, *got = mt->got;
	unsigned ecn = got->tos & 3u;

	if (want->tos_check == DRILL_TOS_ECT01 && ecn != 1 && ecn != 2)
		return differs(mt, "ECN bits (1 would do too)", 2, ecn);
	if (want->tos_check == DRILL_TOS_ECN && differs(mt, "ECN bits", want->tos, ecn))
		return -EINVAL;
	if (want->tos_check == DRILL_TOS_ALL && differs(mt, "type of service", want->tos, got->tos))
		return -EINVAL;
	if (want->ttl && differs(mt, "time to live", want->ttl, got->ttl))
		return -EINVAL;
	if (want->flow_label && differs(mt, "flow label", want->flow_label, got->flow_label))
		return -EINVAL;
	return 0;
}

static int match_flags(const struct matcher *mt)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} flags[] = {
		{DRILL_SYN, "flag SYN"}, {DRILL_RST, "flag RST"}, {DRILL_FIN, "flag FIN"},
		{DRILL_PSH, "flag PSH"}, {DRILL_ACK, "flag ACK"}, {DRILL_URG, "flag URG"},
		{DRILL_ECE, "flag ECE"}, {DRILL_CWR, "flag CWR"}, {DRILL_AE, "flag AE"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (differs(mt, flags[i].name, (mt->want->flags & flags[i].bit) != 0,
			    (mt->got->flags & flags[i].bit) != 0))
			return -EINVAL;
	return 0;
}

static bool ts_is_near(const struct matcher *mt, uint32_t want, uint32_t got)
{
	int64_t off = (int32_t)(want - got);

	return mt->m->ts_tolerance < 0 ||
	       (off >= -mt->m->ts_tolerance && off <= mt->m->ts_tolerance);
}

/* Two options of one kind and length. */
static int match_opt(const struct matcher *mt, const uint8_t *want, const uint8_t *got, uint8_t len)
{
	if (want[0] == DRILL_OPT_TS && len == 10) {
		if (!ts_is_near(mt, load_be32(want + 2), load_be32(got + 2)))
			return differs(mt, "TS val", load_be32(want + 2), load_be32(got + 2));
		return differs(mt, "TS ecr", load_be32(want + 6), load_be32(got + 6));
	}
	if (memcmp(want, got, len) == 0)
		return 0;
	snprintf(mt->why, mt->why_size, "TCP option %u has another value", want[0]);
	return -EINVAL;
}

static int match_opts(const struct matcher *mt)
{
	uint8_t pw = 0, pg = 0, aw = 0, ag = 0;

	if (mt->want->opts_any)
		return 0;
	for (;;) {
		uint8_t lw = drill_opt_next(mt->want->opts, mt->want->opts_len, &pw);
		uint8_t lg = drill_opt_next(mt->got->opts, mt->got->opts_len, &pg);

		if (!lw && !lg)
			break;
		if (!lw || !lg || lw != lg || mt->want->opts[aw] != mt->got->opts[ag]) {
			snprintf(mt->why, mt->why_size, "TCP options differ");
			return -EINVAL;
		}
		if (match_opt(mt, mt->want->opts + aw, mt->got->opts + ag, lw))
			return -EINVAL;
		aw = pw;
		ag = pg;
	}
	return differs(mt, "bytes of TCP options", mt->want->opts_len, mt->got->opts_len);
}

static int match_tcp(const struct matcher *mt)
{
	const struct drill_packet *want = mt->want, *got = mt->got;

	if (match_flags(mt) || differs(mt, "sequence number", want->seq, got->seq) ||
	    differs(mt, "payload", want->len, got->len) ||
	    differs(mt, "acknowledgement", want->ack, got->ack))
		return -EINVAL;
	if (want->wnd >= 0 && differs(mt, "window", (uint64_t)want->wnd, (uint64_t)got->wnd))
		return -EINVAL;
	if (differs(mt, "urgent pointer", want->urg, got->urg))
		return -EINVAL;
	return match_opts(mt);
}

static int match_icmp(const struct matcher *mt)
{
	if (differs(mt, "ICMP type", mt->want->icmp_type, mt->got->icmp_type) ||
	    differs(mt, "ICMP code", mt->want->icmp_code, mt->got->icmp_code))
		return -EINVAL;
	if (mt->want->icmp_mtu >= 0 &&
	    differs(mt, "MTU", (uint64_t)mt->want->icmp_mtu, (uint64_t)mt->got->icmp_mtu))
		return -EINVAL;
	return 0;
}

int drill_match(const struct drill_match *m, const struct drill_packet *want,
		const struct drill_packet *got, char *why, size_t why_size)
{
	struct matcher mt = {.m = m, .want = want, .got = got, .why = why, .why_size = why_size};

	if (want->proto != got->proto) {
		snprintf(why, why_size, "another protocol");
		return -EINVAL;
	}
	if (match_ip(&mt))
		return -EINVAL;
	switch (want->proto) {
	case DRILL_TCP:
		return match_tcp(&mt);
	case DRILL_UDP:
		return differs(&mt, "payload", want->len, got->len);
	default:
		return match_icmp(&mt);
	}
}

bool drill_continues(const struct drill_packet *first, const struct drill_packet *next)
{
	const uint16_t cut = DRILL_FIN | DRILL_PSH | DRILL_CWR;

	return first->proto == DRILL_TCP && next->proto == DRILL_TCP && first->len > 0 &&
	       next->len > 0 && !((first->flags | next->flags) & (DRILL_SYN | DRILL_RST)) &&
	       !(first->flags & DRILL_FIN) && next->seq == first->seq + first->len &&
	       ((first->flags ^ next->flags) & ~cut) == 0 && first->ack == next->ack &&
	       first->wnd == next->wnd && first->opts_len == next->opts_len;
}
