/* SPDX-License-Identifier: MIT */
/*
 * The packet printer: DNS questions and answers (RFC 1035).
 *
 * A compressed name may only point backwards and to at most DNS_JUMPS_MAX places, so a message that
 * points at itself ends.
 */
#include "lab/pktprint_priv.h"

enum {
	DNS_HDR = 12,
	DNS_JUMPS_MAX = 32,
	DNS_NAME_MAX = 255,
	DNS_RRS_MAX = 256, /* of a section; more are not printed */
};

enum {
	DNS_QR = 0x8000,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_RA = 0x0080,
	DNS_AD = 0x0020,
	DNS_CD = 0x0010,
};

enum {
	DNS_T_A = 1,
	DNS_T_NS = 2,
	DNS_T_CNAME = 5,
	DNS_T_SOA = 6,
	DNS_T_PTR = 12,
	DNS_T_MX = 15,
	DNS_T_TXT = 16,
	DNS_T_AAAA = 28,
	DNS_T_SRV = 33,
	DNS_T_OPT = 41,
};

struct dns {
	const uint8_t *msg;
	size_t len;
};

static void dns_type(struct pp *p, uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{DNS_T_A, "A"},     {DNS_T_NS, "NS"},   {DNS_T_CNAME, "CNAME"},
		{DNS_T_SOA, "SOA"}, {DNS_T_PTR, "PTR"}, {13, "HINFO"},
		{DNS_T_MX, "MX"},   {DNS_T_TXT, "TXT"}, {17, "RP"},
		{24, "SIG"},        {25, "KEY"},        {DNS_T_AAAA, "AAAA"},
		{29, "LOC"},        {DNS_T_SRV, "SRV"}, {35, "NAPTR"},
		{39, "DNAME"},      {DNS_T_OPT, "OPT"}, {43, "DS"},
		{44, "SSHFP"},      {46, "RRSIG"},      {47, "NSEC"},
		{48, "DNSKEY"},     {50, "NSEC3"},      {51, "NSEC3PARAM"},
		{52, "TLSA"},       {64, "SVCB"},       {65, "HTTPS"},
		{99, "SPF"},        {249, "TKEY"},      {250, "TSIG"},
		{251, "IXFR"},      {252, "AXFR"},      {255, "ANY"},
		{256, "URI"},       {257, "CAA"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].type == type) {
			pp_put(p, "%s", names[i].name);
			return;
		}
	}
	pp_put(p, "Type%u", type);
}

static void dns_class(struct pp *p, uint16_t class)
{
	switch (class) {
	case 1:
		break;
	case 3:
		pp_put(p, " CHAOS");
		break;
	case 4:
		pp_put(p, " HS");
		break;
	case 255:
		pp_put(p, " ANY");
		break;
	default:
		pp_put(p, " Class%u", class);
	}
}

static void dns_label(struct pp *p, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pp_char(p, b[i]);
	pp_put(p, ".");
}

/* Prints the name at `r`, which moves behind it. False: malformed or cut. `p` may be NULL: skipped.
 */
static bool dns_name(struct pp *p, const struct dns *dns, struct rd *r)
{
	struct rd at = *r;
	size_t total = 0, limit = dns->len;
	int jumps = 0;

	for (;;) {
		size_t here = (size_t)(at.p - dns->msg);
		uint8_t n = rd_u8(&at);
		const uint8_t *label;

		if (!rd_ok(&at))
			return false;
		if (n >= 0xc0) {
			size_t to = (size_t)(n & 0x3f) << 8 | rd_u8(&at);

			if (!rd_ok(&at))
				return false;
			if (jumps++ == 0)
				*r = at;
			/* strictly backwards, so that it ends */
			if (to >= here || to >= limit || jumps > DNS_JUMPS_MAX)
				return false;
			limit = to;
			at = rd_make(dns->msg + to, dns->len - to);
			continue;
		}
		if (n == 0)
			break;
		label = n < 0x40 ? rd_bytes(&at, n) : NULL;
		total += n + 1u;
		if (!label || total > DNS_NAME_MAX)
			return false;
		if (p)
			dns_label(p, label, n);
	}
	if (p && total == 0)
		pp_put(p, ".");
	if (jumps == 0)
		*r = at;
	return true;
}

static bool dns_question(struct pp *p, const struct dns *dns, struct rd *r, bool is_shown)
{
	struct rd name = *r;
	uint16_t type, class;

	if (!dns_name(NULL, dns, r))
		return false;
	type = rd_be16(r);
	class = rd_be16(r);
	if (!rd_ok(r))
		return false;
	if (!is_shown)
		return true;
	pp_put(p, " ");
	dns_type(p, type);
	dns_class(p, class);
	pp_put(p, "? ");
	return dns_name(p, dns, &name);
}

static void dns_texts(struct pp *p, struct rd *r)
{
	while (rd_left(r)) {
		struct rd s = rd_sub(r, rd_u8(r));

		pp_put(p, " \"");
		while (rd_left(&s))
			pp_char(p, rd_u8(&s));
		pp_put(p, "\"");
	}
}

static bool dns_soa(struct pp *p, const struct dns *dns, struct rd *r)
{
	for (int i = 0; i < 2; i++) {
		pp_put(p, " ");
		if (!dns_name(p, dns, r))
			return false;
	}
	for (int i = 0; i < 5; i++)
		pp_put(p, " %u", rd_be32(r));
	return rd_ok(r);
}

/* What a record says; `r` is its data. */
static bool dns_data(struct pp *p, const struct dns *dns, uint16_t type, struct rd r)
{
	const uint8_t *b;
	uint16_t prio, weight, port;

	switch (type) {
	case DNS_T_A:
	case DNS_T_AAAA:
		b = rd_bytes(&r, type == DNS_T_A ? PP_IP4_LEN : PP_IP6_LEN);
		if (!b)
			return false;
		pp_put(p, " ");
		pp_addr_numeric(p, b, type == DNS_T_A ? PP_IP4_LEN : PP_IP6_LEN);
		return true;
	case DNS_T_NS:
	case DNS_T_CNAME:
	case DNS_T_PTR:
		pp_put(p, " ");
		return dns_name(p, dns, &r);
	case DNS_T_MX:
		prio = rd_be16(&r);
		pp_put(p, " ");
		if (!dns_name(p, dns, &r))
			return false;
		pp_put(p, " %u", prio);
		return true;
	case DNS_T_SRV:
		prio = rd_be16(&r);
		weight = rd_be16(&r);
		port = rd_be16(&r);
		pp_put(p, " ");
		if (!dns_name(p, dns, &r))
			return false;
		pp_put(p, ":%u %u %u", port, prio, weight);
		return true;
	case DNS_T_SOA:
		return p->opts->verbose < 2 || dns_soa(p, dns, &r);
	case DNS_T_TXT:
		dns_texts(p, &r);
		return true;
	default:
		return true;
	}
}

static bool dns_record(struct pp *p, const struct dns *dns, struct rd *r)
{
	struct rd name = *r, data;
	uint16_t type, class;
	uint32_t ttl;

	if (!dns_name(NULL, dns, r))
		return false;
	type = rd_be16(r);
	class = rd_be16(r);
	ttl = rd_be32(r);
	data = rd_sub(r, rd_be16(r));
	if (!rd_ok(r))
		return false;
	pp_put(p, " ");
	if (p->opts->verbose) {
		if (!dns_name(p, dns, &name))
			return false;
		pp_put(p, " ");
	}
	if (type != DNS_T_OPT)
		dns_class(p, class);
	if (p->opts->verbose > 2 && type != DNS_T_OPT)
		pp_put(p, "[%us] ", ttl);
	dns_type(p, type);
	if (type == DNS_T_OPT)
		pp_put(p, " UDPsize=%u", class);
	return dns_data(p, dns, type, data);
}

static bool dns_records(struct pp *p, const struct dns *dns, struct rd *r, uint16_t n,
			const char *title)
{
	if (n)
		pp_put(p, "%s", title);
	for (uint16_t i = 0; i < n && i < DNS_RRS_MAX; i++) {
		if (i)
			pp_put(p, ",");
		if (!dns_record(p, dns, r))
			return false;
	}
	return true;
}

static void dns_op(struct pp *p, uint16_t flags)
{
	static const char *const ops[] = {"", " inv_q", " stat", " op3", " notify", " update"};
	unsigned int op = flags >> 11 & 15;

	if (op < ARRAY_SIZE(ops))
		pp_put(p, "%s", ops[op]);
	else
		pp_put(p, " op%u", op);
}

static void dns_rcode(struct pp *p, uint16_t flags)
{
	static const char *const codes[] = {"",         " FormErr", " ServFail", " NXDomain",
					    " NotImp",  " Refused", " YXDomain", " YXRRSet",
					    " NXRRSet", " NotAuth", " NotZone"};
	unsigned int code = flags & 15;

	if (code < ARRAY_SIZE(codes))
		pp_put(p, "%s", codes[code]);
	else
		pp_put(p, " Resp%u", code);
}

static bool dns_answer(struct pp *p, const struct dns *dns, struct rd *r, const uint16_t n[4],
		       uint16_t flags)
{
	dns_rcode(p, flags);
	pp_put(p, "%s%s%s%s", flags & DNS_AA ? "*" : "", flags & DNS_RA ? "" : "-",
	       flags & DNS_TC ? "|" : "", flags & DNS_AD ? "$" : "");
	if (n[0] != 1)
		pp_put(p, " [%uq]", n[0]);
	if (p->opts->verbose > 1 && n[0])
		pp_put(p, " q:");
	for (uint16_t i = 0; i < n[0] && i < DNS_RRS_MAX; i++) {
		if (i && p->opts->verbose > 1)
			pp_put(p, ",");
		if (!dns_question(p, dns, r, p->opts->verbose > 1))
			return false;
	}
	pp_put(p, " %u/%u/%u", n[1], n[2], n[3]);
	if (!dns_records(p, dns, r, n[1], ""))
		return false;
	if (p->opts->verbose < 2 || flags & DNS_TC)
		return true;
	return dns_records(p, dns, r, n[2], " ns:") && dns_records(p, dns, r, n[3], " ar:");
}

static bool dns_query(struct pp *p, const struct dns *dns, struct rd *r, const uint16_t n[4],
		      uint16_t flags)
{
	pp_put(p, "%s%s", flags & DNS_RD ? "+" : "", flags & DNS_CD ? "%" : "");
	if (n[1])
		pp_put(p, " [%ua]", n[1]);
	if (n[2])
		pp_put(p, " [%un]", n[2]);
	if (n[3])
		pp_put(p, " [%uau]", n[3]);
	if (n[0] != 1)
		pp_put(p, " [%uq]", n[0]);
	for (uint16_t i = 0; i < n[0] && i < DNS_RRS_MAX; i++)
		if (!dns_question(p, dns, r, true))
			return false;
	if (p->opts->verbose < 2)
		return true;
	return dns_records(p, dns, r, n[1], " an:") && dns_records(p, dns, r, n[2], " ns:") &&
	       dns_records(p, dns, r, n[3], " ar:");
}

void pp_dns(struct pp *p, struct rd r, size_t wire_len)
{
	struct dns dns = {.msg = r.p, .len = rd_left(&r)};
	uint16_t id = rd_be16(&r), flags = rd_be16(&r), n[4];
	bool ok;

	for (size_t i = 0; i < ARRAY_SIZE(n); i++)
		n[i] = rd_be16(&r);
	if (wire_len < DNS_HDR) {
		pp_put(p, "domain [length %zu < 12] (invalid)", wire_len);
		return;
	}
	if (!rd_ok(&r)) {
		pp_put(p, " [|domain]");
		return;
	}
	pp_put(p, "%u", id);
	dns_op(p, flags);
	ok = flags & DNS_QR ? dns_answer(p, &dns, &r, n, flags) : dns_query(p, &dns, &r, n, flags);
	if (ok)
		pp_put(p, " (%zu)", wire_len);
	else
		pp_put(p, " [|domain]");
}
