/* SPDX-License-Identifier: MIT */
/*
 * Messages of packets that are said header by header: neighbour discovery (RFC 4861) with its
 * options (RFC 4191, 8106, 3971 §5.3.2), MLD (RFC 2710, 3810), IGMP (RFC 2236, 3376), echo,
 * errors, UDP.
 */
#include <string.h>

#include "drill/icmp_name.h"
#include "drill/layer.h"
#include "drill/parse_layer.h"

enum {
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_UDP = 17,
	PROTO_ICMP6 = 58,
	ND_HOPS = 255,
	GROUP_HOPS = 1,
};

struct message {
	struct drill_parser *ps;
	struct drill_layers *all;
	struct drill_layer *l;
	unsigned depth;
};

static bool put(struct message *m, const char *name, uint32_t len, uint32_t value)
{
	return drill_field_int(m->ps, m->l, name, len, value);
}

/* WORD N, or what is meant without it. */
static bool number_or(struct message *m, const char *word, uint32_t max, uint32_t *ret)
{
	int64_t v;

	if (!drill_accept_word(m->ps, word))
		return true;
	if (max == UINT32_MAX && drill_accept_word(m->ps, "forever")) {
		*ret = UINT32_MAX;
		return true;
	}
	if (!drill_need_int(m->ps, word, 0, max, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Letters, each a bit; `-` is none. */
static bool letters(struct message *m, const char *set, const uint8_t *bits, uint8_t *ret)
{
	const struct drill_tok *tok = &m->ps->lx.tok;

	if (drill_accept(m->ps, '-'))
		return true;
	if (tok->kind != DRILL_TOK_WORD || strspn(tok->text, set) != strlen(tok->text))
		return true;
	for (const char *c = tok->text; *c; c++)
		*ret |= bits[strchr(set, *c) - set];
	drill_lex_next(&m->ps->lx);
	return true;
}

static bool preference(struct message *m, uint8_t *ret)
{
	if (!drill_accept_word(m->ps, "pref"))
		return true;
	if (drill_accept_word(m->ps, "high"))
		*ret |= 0x08;
	else if (drill_accept_word(m->ps, "low"))
		*ret |= 0x18;
	else if (drill_accept_word(m->ps, "reserved"))
		*ret |= 0x10;
	else if (!drill_accept_word(m->ps, "medium"))
		return drill_expected(m->ps, "high, medium, low or reserved");
	return true;
}

/*
 * Options of neighbour discovery: type, length in units of 8 bytes, the rest.
 */

static bool opt_head(struct message *m, uint8_t type, uint8_t units)
{
	return put(m, "option", 1, type) && put(m, "option's length", 1, units);
}

static bool opt_slla(struct message *m)
{
	return opt_head(m, 1, 1) && drill_field_mac(m->ps, m->l, "source link-layer address");
}

static bool opt_tlla(struct message *m)
{
	return opt_head(m, 2, 1) && drill_field_mac(m->ps, m->l, "target link-layer address");
}

static bool opt_mtu(struct message *m)
{
	int64_t v;

	return drill_need_int(m->ps, "an MTU", 0, UINT32_MAX, &v) && opt_head(m, 5, 1) &&
	       put(m, "reserved", 2, 0) && put(m, "MTU", 4, (uint32_t)v);
}

/* ADDR/LEN: the address is a field to come; *ret is the length. */
static bool prefix(struct message *m, struct drill_addr *ret, uint32_t *ret_len)
{
	int64_t len;

	if (!drill_parse_addr(m->ps, ret) || !drill_need(m->ps, '/') ||
	    !drill_need_int(m->ps, "a prefix length", 0, 255, &len))
		return false;
	*ret_len = (uint32_t)len;
	return true;
}

static bool put_addr(struct message *m, const char *name, const struct drill_addr *addr)
{
	struct drill_field *f = drill_field_put(m->ps, m->l, name, DRILL_FIELD_ADDR, 16);

	if (f)
		f->addr = *addr;
	return f != NULL;
}

static bool opt_prefix(struct message *m)
{
	static const uint8_t bits[] = {0x80, 0x40};
	uint32_t len, valid = 2592000, preferred = 604800;
	struct drill_addr addr = {0};
	uint8_t flags = 0;

	return prefix(m, &addr, &len) && letters(m, "LA", bits, &flags) &&
	       number_or(m, "valid", UINT32_MAX, &valid) &&
	       number_or(m, "preferred", UINT32_MAX, &preferred) && opt_head(m, 3, 4) &&
	       put(m, "prefix length", 1, len) && put(m, "prefix flags", 1, flags) &&
	       put(m, "valid lifetime", 4, valid) && put(m, "preferred lifetime", 4, preferred) &&
	       put(m, "reserved", 4, 0) && put_addr(m, "prefix", &addr);
}

static bool opt_route(struct message *m)
{
	uint32_t len, life = 1800;
	struct drill_addr addr = {0};
	uint8_t flags = 0;

	return prefix(m, &addr, &len) && preference(m, &flags) &&
	       number_or(m, "life", UINT32_MAX, &life) && opt_head(m, 24, 3) &&
	       put(m, "prefix length", 1, len) && put(m, "preference", 1, flags) &&
	       put(m, "route lifetime", 4, life) && put_addr(m, "prefix", &addr);
}

static bool opt_rdnss(struct message *m)
{
	uint32_t life = 1800;
	struct drill_addr addr = {0};

	return drill_parse_addr(m->ps, &addr) && number_or(m, "life", UINT32_MAX, &life) &&
	       opt_head(m, 25, 3) && put(m, "reserved", 2, 0) && put(m, "lifetime", 4, life) &&
	       put_addr(m, "server", &addr);
}

static bool opt_nonce(struct message *m)
{
	struct drill_field *f;

	if (!opt_head(m, 14, 1))
		return false;
	if (!drill_is_char(m->ps, '$') && m->ps->lx.tok.kind != DRILL_TOK_ELLIPSIS)
		return drill_field_hex(m->ps, m->l, "nonce");
	f = drill_field_put(m->ps, m->l, "nonce", DRILL_FIELD_VAR, 6);
	if (!f)
		return false;
	if (m->ps->lx.tok.kind == DRILL_TOK_ELLIPSIS) {
		drill_lex_next(&m->ps->lx);
		return true;
	}
	f->var = drill_parse_var(m->ps);
	return f->var != NULL;
}

static bool opt_raw(struct message *m)
{
	return drill_field_hex(m->ps, m->l, "option");
}

static const struct {
	const char *word;
	bool (*parse)(struct message *);
} nd_options[] = {
	{"slla", opt_slla},   {"tlla", opt_tlla},   {"mtu", opt_mtu},     {"prefix", opt_prefix},
	{"route", opt_route}, {"rdnss", opt_rdnss}, {"nonce", opt_nonce}, {"raw", opt_raw},
};

static bool nd_option(struct message *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(nd_options); i++)
		if (drill_accept_word(m->ps, nd_options[i].word))
			return nd_options[i].parse(m);
	return drill_expected(m->ps,
			      "an option: slla, tlla, mtu, prefix, route, rdnss, nonce, raw");
}

/* <slla local, nonce $n>, <...> */
static bool nd_list(struct message *m)
{
	if (!drill_accept(m->ps, '<'))
		return true;
	if (m->ps->lx.tok.kind == DRILL_TOK_ELLIPSIS) {
		m->l->is_open = true;
		drill_lex_next(&m->ps->lx);
		return drill_need(m->ps, '>');
	}
	do {
		if (!nd_option(m))
			return false;
	} while (drill_accept(m->ps, ','));
	return drill_need(m->ps, '>');
}

/*
 * Neighbour discovery.
 */

static bool icmp6_head(struct message *m, uint8_t type, uint8_t hops, enum drill_subject about)
{
	m->l->proto = PROTO_ICMP6;
	m->l->csum_at = 2;
	m->l->hops = hops;
	m->all->says |= 1u << about;
	return put(m, "type", 1, type) && put(m, "code", 1, 0) && put(m, "checksum", 2, 0);
}

static bool parse_ns(struct message *m)
{
	return icmp6_head(m, 135, ND_HOPS, DRILL_ABOUT_ND) && put(m, "reserved", 4, 0) &&
	       drill_field_addr(m->ps, m->l, "target") && nd_list(m);
}

static bool parse_na(struct message *m)
{
	static const uint8_t bits[] = {0x80, 0x40, 0x20};
	struct drill_addr target = {0};
	uint8_t flags = 0;

	return icmp6_head(m, 136, ND_HOPS, DRILL_ABOUT_ND) && drill_parse_addr(m->ps, &target) &&
	       letters(m, "RSO", bits, &flags) && put(m, "flags", 1, flags) &&
	       put(m, "reserved", 3, 0) && put_addr(m, "target", &target) && nd_list(m);
}

static bool parse_rs(struct message *m)
{
	return icmp6_head(m, 133, ND_HOPS, DRILL_ABOUT_ND) && put(m, "reserved", 4, 0) &&
	       nd_list(m);
}

static bool parse_ra(struct message *m)
{
	static const uint8_t bits[] = {0x80, 0x40};
	uint32_t hops = 0, life = 0, reachable = 0, retrans = 0;
	uint8_t flags = 0;

	return icmp6_head(m, 134, ND_HOPS, DRILL_ABOUT_ND) && letters(m, "MO", bits, &flags) &&
	       number_or(m, "hops", 255, &hops) && number_or(m, "life", UINT16_MAX, &life) &&
	       preference(m, &flags) && number_or(m, "reachable", UINT32_MAX, &reachable) &&
	       number_or(m, "retrans", UINT32_MAX, &retrans) && put(m, "hop limit", 1, hops) &&
	       put(m, "flags", 1, flags) && put(m, "router lifetime", 2, life) &&
	       put(m, "reachable time", 4, reachable) &&
	       put(m, "retransmission time", 4, retrans) && nd_list(m);
}

static bool parse_redirect(struct message *m)
{
	return icmp6_head(m, 137, ND_HOPS, DRILL_ABOUT_ND) && put(m, "reserved", 4, 0) &&
	       drill_field_addr(m->ps, m->l, "target") &&
	       drill_field_addr(m->ps, m->l, "destination") && nd_list(m);
}

/*
 * Groups.
 */

static bool mld1(struct message *m, uint8_t type)
{
	uint32_t max = 0;
	struct drill_addr group = {0};

	return icmp6_head(m, type, GROUP_HOPS, DRILL_ABOUT_GROUPS) &&
	       drill_parse_addr(m->ps, &group) && number_or(m, "max", UINT16_MAX, &max) &&
	       put(m, "maximum response", 2, max) && put(m, "reserved", 2, 0) &&
	       put_addr(m, "group", &group);
}

static bool parse_mld_query(struct message *m)
{
	return mld1(m, 130);
}

static bool parse_mld_report(struct message *m)
{
	return mld1(m, 131);
}

static bool parse_mld_done(struct message *m)
{
	return mld1(m, 132);
}

/* mld2_query GROUP max N qrv N qqi N */
static bool parse_mld2_query(struct message *m)
{
	uint32_t max = 0, qrv = 2, qqi = 125;
	struct drill_addr group = {0};

	return icmp6_head(m, 130, GROUP_HOPS, DRILL_ABOUT_GROUPS) &&
	       drill_parse_addr(m->ps, &group) && number_or(m, "max", UINT16_MAX, &max) &&
	       number_or(m, "qrv", 15, &qrv) && number_or(m, "qqi", 255, &qqi) &&
	       put(m, "maximum response", 2, max) && put(m, "reserved", 2, 0) &&
	       put_addr(m, "group", &group) && put(m, "flags", 1, qrv) &&
	       put(m, "query interval", 1, qqi) && put(m, "number of sources", 2, 0);
}

/* to_ex GROUP: a record without sources */
static bool record(struct message *m, uint32_t addr_len)
{
	static const char *const kinds[] = {"is_in", "is_ex", "to_in", "to_ex", "allow", "block"};
	struct drill_field *f;

	for (uint32_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!drill_accept_word(m->ps, kinds[i]))
			continue;
		if (!put(m, "record's type", 1, i + 1) || !put(m, "record's data", 1, 0) ||
		    !put(m, "record's sources", 2, 0))
			return false;
		f = drill_field_put(m->ps, m->l, "group", DRILL_FIELD_ADDR, addr_len);
		return f && drill_parse_addr(m->ps, &f->addr);
	}
	return drill_expected(m->ps, "a record: is_in, is_ex, to_in, to_ex, allow, block");
}

static bool records(struct message *m, uint32_t addr_len)
{
	struct drill_field *count;
	uint32_t n = 0;

	if (!put(m, "reserved", 2, 0))
		return false;
	count = drill_field_put(m->ps, m->l, "number of records", DRILL_FIELD_BYTES, 2);
	if (!count || !drill_need(m->ps, '<'))
		return false;
	do {
		if (!record(m, addr_len))
			return false;
		n++;
	} while (drill_accept(m->ps, ','));
	count->bytes[0] = (uint8_t)(n >> 8);
	count->bytes[1] = (uint8_t)n;
	return drill_need(m->ps, '>');
}

static bool parse_mld2_report(struct message *m)
{
	return icmp6_head(m, 143, GROUP_HOPS, DRILL_ABOUT_GROUPS) && records(m, 16);
}

static bool igmp_head(struct message *m, uint8_t type, uint32_t max)
{
	m->l->proto = PROTO_IGMP;
	m->l->csum_at = 2;
	m->l->hops = GROUP_HOPS;
	m->all->says |= 1u << DRILL_ABOUT_GROUPS4;
	return put(m, "type", 1, type) && put(m, "maximum response", 1, max) &&
	       put(m, "checksum", 2, 0);
}

static bool igmp(struct message *m, uint8_t type)
{
	struct drill_addr group = {0};
	struct drill_field *f;
	uint32_t max = 0;

	if (!drill_parse_addr(m->ps, &group) || !number_or(m, "max", 255, &max) ||
	    !igmp_head(m, type, max))
		return false;
	f = drill_field_put(m->ps, m->l, "group", DRILL_FIELD_ADDR, 4);
	if (f)
		f->addr = group;
	return f != NULL;
}

static bool parse_igmp_query(struct message *m)
{
	return igmp(m, 0x11);
}

static bool parse_igmp_report(struct message *m)
{
	return igmp(m, 0x16);
}

static bool parse_igmp_leave(struct message *m)
{
	return igmp(m, 0x17);
}

static bool parse_igmp3_query(struct message *m)
{
	return igmp(m, 0x11) && put(m, "flags", 1, 2) && put(m, "query interval", 1, 125) &&
	       put(m, "number of sources", 2, 0);
}

static bool parse_igmp3_report(struct message *m)
{
	return igmp_head(m, 0x22, 0) && records(m, 4);
}

/*
 * Both families: echo, errors, UDP.
 */

static bool icmp_head(struct message *m, uint8_t type, uint8_t code)
{
	struct drill_field *f;

	m->l->proto = PROTO_ICMP;
	m->l->csum_at = 2;
	f = drill_field_put(m->ps, m->l, "type and code", DRILL_FIELD_ICMP, 2);
	if (!f)
		return false;
	f->bytes[0] = type;
	f->bytes[1] = code;
	return put(m, "checksum", 2, 0);
}

static bool payload(struct message *m, uint32_t *ret)
{
	int64_t len;

	if (!drill_need(m->ps, '(') ||
	    !drill_need_int(m->ps, "a length", 0, DRILL_PAYLOAD_MAX, &len) ||
	    !drill_need(m->ps, ')'))
		return false;
	*ret = (uint32_t)len;
	return true;
}

static bool echo(struct message *m, uint8_t type)
{
	uint32_t id = 0, seq = 0, len;

	return icmp_head(m, type, 0) && number_or(m, "id", UINT16_MAX, &id) &&
	       number_or(m, "seq", UINT16_MAX, &seq) && payload(m, &len) &&
	       put(m, "identifier", 2, id) && put(m, "sequence number", 2, seq) &&
	       drill_field_put(m->ps, m->l, "payload", DRILL_FIELD_PATTERN, len);
}

static bool parse_echo_request(struct message *m)
{
	return echo(m, DRILL_ICMP_ECHO_REQUEST);
}

static bool parse_echo_reply(struct message *m)
{
	return echo(m, DRILL_ICMP_ECHO_REPLY);
}

static bool parse_udp(struct message *m)
{
	int64_t sport, dport;
	uint32_t len;

	m->l->proto = PROTO_UDP;
	m->l->csum_at = 6;
	return drill_need_int(m->ps, "a port", 0, UINT16_MAX, &sport) && drill_need(m->ps, '>') &&
	       drill_need_int(m->ps, "a port", 0, UINT16_MAX, &dport) && payload(m, &len) &&
	       put(m, "source port", 2, (uint32_t)sport) &&
	       put(m, "destination port", 2, (uint32_t)dport) && put(m, "length", 2, len + 8) &&
	       put(m, "checksum", 2, 0) &&
	       drill_field_put(m->ps, m->l, "payload", DRILL_FIELD_PATTERN, len);
}

/* icmp TYPE [CODE] [at N | mtu N] [about from ...]; a code is a name */
static bool parse_icmp(struct message *m)
{
	const struct drill_tok *tok = &m->ps->lx.tok;
	bool is_pointer;
	struct drill_field *f;
	uint8_t type, code = 0;
	int64_t v = 0;

	if (tok->kind != DRILL_TOK_WORD || !drill_icmp_type(tok->text, &type))
		return drill_expected(m->ps, "a type of ICMP");
	drill_lex_next(&m->ps->lx);
	if (tok->kind == DRILL_TOK_WORD && drill_icmp_code(type, tok->text, &code))
		drill_lex_next(&m->ps->lx);
	if (!icmp_head(m, type, code))
		return false;
	is_pointer = type == DRILL_ICMP_PARAMETER_PROBLEM;
	if (drill_accept_word(m->ps, is_pointer ? "at" : "mtu") &&
	    !drill_need_int(m->ps, "a number", 0, UINT32_MAX, &v))
		return false;
	f = drill_field_put(m->ps, m->l, is_pointer ? "pointer" : "MTU",
			    is_pointer ? DRILL_FIELD_POINTER : DRILL_FIELD_BYTES, 4);
	if (!f)
		return false;
	for (int i = 0; i < 4; i++)
		f->bytes[i] = (uint8_t)((uint64_t)v >> (24 - 8 * i));
	if (!drill_accept_word(m->ps, "about")) {
		m->l->is_open = true;
		return true;
	}
	f = drill_field_put(m->ps, m->l, "quote", DRILL_FIELD_QUOTE, 0);
	if (f)
		f->quote = drill_parse_quote(m->ps, m->depth);
	return f && f->quote;
}

static bool parse_hex(struct message *m)
{
	int64_t proto;

	if (!drill_need_int(m->ps, "a protocol", 0, 255, &proto) || !drill_need(m->ps, ':'))
		return false;
	m->l->proto = (uint8_t)proto;
	return drill_field_hex(m->ps, m->l, "payload");
}

static const struct {
	const char *word;
	bool (*parse)(struct message *);
} messages[] = {
	{"ns", parse_ns},
	{"na", parse_na},
	{"rs", parse_rs},
	{"ra", parse_ra},
	{"redirect", parse_redirect},
	{"mld_query", parse_mld_query},
	{"mld_report", parse_mld_report},
	{"mld_done", parse_mld_done},
	{"mld2_query", parse_mld2_query},
	{"mld2_report", parse_mld2_report},
	{"igmp_query", parse_igmp_query},
	{"igmp_report", parse_igmp_report},
	{"igmp_leave", parse_igmp_leave},
	{"igmp3_query", parse_igmp3_query},
	{"igmp3_report", parse_igmp3_report},
	{"echo_request", parse_echo_request},
	{"echo_reply", parse_echo_reply},
	{"icmp", parse_icmp},
	{"udp", parse_udp},
	{"proto", parse_hex},
};

bool drill_parse_message(struct drill_parser *ps, struct drill_layers *all, unsigned depth)
{
	struct message m = {.ps = ps, .all = all, .depth = depth};

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		if (!drill_accept_word(ps, messages[i].word))
			continue;
		m.l = drill_layer_put(ps, all, DRILL_LAYER_UPPER, 0);
		return m.l && messages[i].parse(&m);
	}
	return drill_expected(ps,
			      "a header (hop, dst, routing, frag, next) or a message (ns, na, rs, "
			      "ra, redirect, icmp, echo_request, udp, mld_query, ...)");
}
