/* SPDX-License-Identifier: MIT */
/* What a message says about a question; the contract is in resolve_answer.h. */
#include "resolve/resolve_answer.h"

#include <errno.h>

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* RFC 5452 §9.1: the question comes back as it was asked. Source and port are the socket's. */
static bool is_ours(struct dns_rd *d, const struct dns_hdr *hdr, const struct resolve_question *q)
{
	struct dns_question got;

	return hdr->id == q->id && hdr->is_response && hdr->opcode == 0 &&
	       hdr->n[DNS_QUESTION] == 1 && dns_question_read(d, &got) == 1 &&
	       got.type == q->type && got.class == DNS_CLASS_IN &&
	       (q->case_counts ? dns_name_eq_case(&got.name, &q->name)
			       : dns_name_eq(&got.name, &q->name));
}

/* A server that does not know the OPT record may not even repeat the question (RFC 6891 §7). */
static bool is_edns_refused(const struct dns_hdr *hdr, const struct resolve_question *q)
{
	return hdr->id == q->id && hdr->is_response &&
	       (hdr->rcode == DNS_FORMERR || hdr->rcode == DNS_NOTIMP);
}

/* The header's four bits with those of the OPT record above them: BADVERS would be a success. */
static unsigned int rcode_of(struct dns_rd d, const struct dns_hdr *hdr)
{
	struct dns_edns edns;
	struct dns_rr rr;

	while (dns_rr_read(&d, &rr) > 0)
		if (dns_rr_edns(&rr, &edns) == 0)
			return (unsigned int)edns.rcode_high << 4 | hdr->rcode;
	return hdr->rcode;
}

static void addr_take(struct resolved *res, const struct dns_rr *rr)
{
	struct weft_addr *addr = &res->addrs[res->n];
	struct ip4_addr a4;
	struct ip6_addr a6;

	if (res->n == WEFT_RESOLVER_ADDRS_MAX)
		return;
	if (dns_rr_a(rr, &a4) == 0) {
		*addr = (struct weft_addr){.family = WEFT_AF_INET};
		memcpy(addr->bytes, &a4, sizeof(a4));
	} else if (dns_rr_aaaa(rr, &a6) == 0) {
		*addr = (struct weft_addr){.family = WEFT_AF_INET6};
		memcpy(addr->bytes, &a6, sizeof(a6));
	} else {
		return;
	}
	res->n++;
}

/* What the answer section has of `at`: its addresses into `res`, or where an alias leads. */
static bool name_look(struct dns_rd d, const struct dns_name *at, uint16_t type,
		      struct resolved *res, struct dns_name *ret_alias)
{
	bool has_alias = false;
	struct dns_rr rr;

	while (dns_rr_read(&d, &rr) > 0 && rr.section == DNS_ANSWER) {
		if (rr.class != DNS_CLASS_IN || !dns_name_eq(&rr.name, at))
			continue;
		if (rr.type == type) {
			addr_take(res, &rr);
			res->ttl_s = least(res->ttl_s, rr.ttl_s);
		} else if (rr.type == DNS_TYPE_CNAME && dns_rr_name(&rr, ret_alias) == 0) {
			has_alias = true;
			res->ttl_s = least(res->ttl_s, rr.ttl_s);
		}
	}
	return has_alias;
}

/* RFC 2308 §5: what the zone says, if the record is of a zone above the name. */
static uint32_t negative_ttl_s(struct dns_rd d, const struct dns_name *name)
{
	uint32_t ttl_s = 0;
	struct dns_rr rr;
	struct dns_soa soa;

	while (dns_rr_read(&d, &rr) > 0)
		if (rr.section == DNS_AUTHORITY && rr.class == DNS_CLASS_IN &&
		    dns_rr_soa(&rr, &soa) == 0 && dns_name_is_within(name, &rr.name))
			ttl_s = least(rr.ttl_s, soa.minimum_s);
	return least(ttl_s, RESOLVE_NEG_TTL_MAX_S);
}

static enum resolve_verdict negative(struct dns_rd d, const struct dns_name *name,
				     struct resolved *res)
{
	res->err = -ENOENT;
	res->ttl_s = least(res->ttl_s, negative_ttl_s(d, name));
	return RESOLVE_FINAL;
}

enum resolve_verdict resolve_answer(const uint8_t *msg, size_t len,
				    const struct resolve_question *q, struct resolve_answer *ret)
{
	struct resolve_answer a = {.res.ttl_s = RESOLVE_TTL_MAX_S};
	struct dns_name at = q->name;
	struct dns_hdr hdr;
	struct dns_rd d;
	unsigned int rcode;

	if (dns_msg_open(&d, msg, len, &hdr))
		return RESOLVE_FOREIGN;
	if (is_edns_refused(&hdr, q))
		return RESOLVE_NO_EDNS;
	if (!is_ours(&d, &hdr, q))
		return RESOLVE_FOREIGN;
	if (hdr.is_truncated)
		return RESOLVE_TRUNCATED;
	if (dns_msg_check(msg, len))
		return RESOLVE_FOREIGN;
	rcode = rcode_of(d, &hdr);
	if (rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN)
		return RESOLVE_FAILED;
	while (name_look(d, &at, q->type, &a.res, &a.alias) && a.res.n == 0) {
		at = a.alias;
		if (++a.n_aliases > RESOLVE_CHAIN_MAX)
			return RESOLVE_FAILED;
	}
	*ret = a;
	if (a.res.n)
		return RESOLVE_FINAL;
	if (rcode == DNS_NXDOMAIN)
		return negative(d, &at, &ret->res);
	/* A server that knows nothing, and does not ask on: it is the wrong one. */
	if (!hdr.is_authoritative && !hdr.has_recursion)
		return RESOLVE_FAILED;
	if (a.n_aliases && negative_ttl_s(d, &at) == 0) {
		ret->alias = at;
		return RESOLVE_ALIAS;
	}
	return negative(d, &at, &ret->res);
}
