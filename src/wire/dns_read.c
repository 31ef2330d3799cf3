/* SPDX-License-Identifier: MIT */
/* Reading messages of DNS; contracts in dns.h. */
#include <errno.h>

#include "wire/dns.h"

enum {
	HDR_QR = 0x8000,
	HDR_AA = 0x0400,
	HDR_TC = 0x0200,
	HDR_RD = 0x0100,
	HDR_RA = 0x0080,
	HDR_AD = 0x0020,
	HDR_CD = 0x0010,
	OPT_DO = 0x8000,
};

int dns_msg_open(struct dns_rd *d, const uint8_t *msg, size_t len, struct dns_hdr *ret)
{
	struct rd r = rd_make(msg, len);
	struct dns_hdr hdr = {.id = rd_be16(&r)};
	uint16_t flags = rd_be16(&r);

	hdr.is_response = flags & HDR_QR;
	hdr.opcode = flags >> 11 & 0xf;
	hdr.is_authoritative = flags & HDR_AA;
	hdr.is_truncated = flags & HDR_TC;
	hdr.wants_recursion = flags & HDR_RD;
	hdr.has_recursion = flags & HDR_RA;
	hdr.is_authentic = flags & HDR_AD;
	hdr.no_check = flags & HDR_CD;
	hdr.rcode = flags & 0xf;
	for (int i = 0; i < DNS_N_SECTIONS; i++)
		hdr.n[i] = rd_be16(&r);
	if (!rd_ok(&r))
		return -EBADMSG;
	*d = (struct dns_rd){.r = r, .msg = msg};
	memcpy(d->left, hdr.n, sizeof(d->left));
	*ret = hdr;
	return 0;
}

int dns_question_read(struct dns_rd *d, struct dns_question *ret)
{
	struct dns_question q;

	if (d->section != DNS_QUESTION || d->left[DNS_QUESTION] == 0)
		return 0;
	if (dns_name_read(&d->r, d->msg, &q.name))
		return -EBADMSG;
	q.type = rd_be16(&d->r);
	q.class = rd_be16(&d->r);
	if (!rd_ok(&d->r))
		return -EBADMSG;
	d->left[DNS_QUESTION]--;
	*ret = q;
	return 1;
}

static int questions_skip(struct dns_rd *d)
{
	struct dns_question q;
	int got;

	do
		got = dns_question_read(d, &q);
	while (got > 0);
	return got;
}

int dns_rr_read(struct dns_rd *d, struct dns_rr *ret)
{
	struct dns_rr rr;

	if (d->section == DNS_QUESTION && questions_skip(d))
		return -EBADMSG;
	while (d->section < DNS_N_SECTIONS && d->left[d->section] == 0)
		d->section++;
	if (d->section == DNS_N_SECTIONS)
		return 0;
	if (dns_name_read(&d->r, d->msg, &rr.name))
		return -EBADMSG;
	rr.section = d->section;
	rr.msg = d->msg;
	rr.type = rd_be16(&d->r);
	rr.class = rd_be16(&d->r);
	rr.ttl_s = rd_be32(&d->r);
	if (rr.ttl_s > INT32_MAX && rr.type != DNS_TYPE_OPT)
		rr.ttl_s = 0;
	rr.rdata_len = rd_be16(&d->r);
	rr.rdata = rd_bytes(&d->r, rr.rdata_len);
	if (!rd_ok(&d->r))
		return -EBADMSG;
	d->left[d->section]--;
	*ret = rr;
	return 1;
}

static struct rd rdata_rd(const struct dns_rr *rr)
{
	return rd_make(rr->rdata, rr->rdata_len);
}

int dns_rr_a(const struct dns_rr *rr, struct ip4_addr *ret)
{
	if (rr->type != DNS_TYPE_A || rr->rdata_len != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, rr->rdata, sizeof(*ret));
	return 0;
}

int dns_rr_aaaa(const struct dns_rr *rr, struct ip6_addr *ret)
{
	if (rr->type != DNS_TYPE_AAAA || rr->rdata_len != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, rr->rdata, sizeof(*ret));
	return 0;
}

static bool type_is_name(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_NS || type == DNS_TYPE_PTR ||
	       type == DNS_TYPE_DNAME;
}

int dns_rr_name(const struct dns_rr *rr, struct dns_name *ret)
{
	struct rd r = rdata_rd(rr);
	struct dns_name name;

	if (!type_is_name(rr->type) || dns_name_read(&r, rr->msg, &name) || rd_left(&r))
		return -EBADMSG;
	*ret = name;
	return 0;
}

int dns_rr_soa(const struct dns_rr *rr, struct dns_soa *ret)
{
	struct rd r = rdata_rd(rr);
	struct dns_soa soa;

	if (rr->type != DNS_TYPE_SOA || dns_name_read(&r, rr->msg, &soa.mname) ||
	    dns_name_read(&r, rr->msg, &soa.rname))
		return -EBADMSG;
	soa.serial = rd_be32(&r);
	soa.refresh_s = rd_be32(&r);
	soa.retry_s = rd_be32(&r);
	soa.expire_s = rd_be32(&r);
	soa.minimum_s = rd_be32(&r);
	if (!rd_ok(&r) || rd_left(&r))
		return -EBADMSG;
	*ret = soa;
	return 0;
}

static bool options_are_good(struct rd r)
{
	while (rd_left(&r)) {
		rd_skip(&r, 2);
		rd_skip(&r, rd_be16(&r));
	}
	return rd_ok(&r);
}

/* RFC 6891 §6.1: the root's name; the class is a size, the TTL flags. */
int dns_rr_edns(const struct dns_rr *rr, struct dns_edns *ret)
{
	if (rr->type != DNS_TYPE_OPT || rr->name.len != 1 || rr->section != DNS_ADDITIONAL ||
	    !options_are_good(rdata_rd(rr)))
		return -EBADMSG;
	*ret = (struct dns_edns){
		.udp_bytes = rr->class < DNS_UDP_MAX ? DNS_UDP_MAX : rr->class,
		.rcode_high = (uint8_t)(rr->ttl_s >> 24),
		.version = (uint8_t)(rr->ttl_s >> 16),
		.wants_dnssec = rr->ttl_s & OPT_DO,
		.options = rr->rdata,
		.options_len = rr->rdata_len,
	};
	return 0;
}

static int rr_check(const struct dns_rr *rr, unsigned int *n_opt)
{
	struct dns_edns edns;
	struct dns_name name;
	struct dns_soa soa;
	struct ip4_addr a;
	struct ip6_addr aaaa;

	if (rr->type == DNS_TYPE_OPT)
		return ++*n_opt > 1 ? -EBADMSG : dns_rr_edns(rr, &edns);
	if (rr->class != DNS_CLASS_IN)
		return 0;
	if (rr->type == DNS_TYPE_A)
		return dns_rr_a(rr, &a);
	if (rr->type == DNS_TYPE_AAAA)
		return dns_rr_aaaa(rr, &aaaa);
	if (rr->type == DNS_TYPE_SOA)
		return dns_rr_soa(rr, &soa);
	return type_is_name(rr->type) ? dns_rr_name(rr, &name) : 0;
}

int dns_msg_check(const uint8_t *msg, size_t len)
{
	unsigned int n_opt = 0;
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;
	int got;

	if (dns_msg_open(&d, msg, len, &hdr))
		return -EBADMSG;
	while ((got = dns_rr_read(&d, &rr)) > 0)
		if (rr_check(&rr, &n_opt))
			return -EBADMSG;
	return got;
}

/* Of a reply without answer the SOA record counts, and it must be there (RFC 2308 §5), also where
 * aliases lead to it: both have to be true. A failure (SERVFAIL and the like) is not kept at all.
 */
uint32_t dns_msg_ttl_s(const uint8_t *msg, size_t len)
{
	uint32_t answer_s = UINT32_MAX, soa_s = 0;
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;
	struct dns_soa soa;
	struct dns_question q = {.type = DNS_TYPE_ANY};
	bool is_answered = false;
	int got;

	if (dns_msg_open(&d, msg, len, &hdr) || !hdr.is_response || hdr.is_truncated ||
	    (hdr.rcode != DNS_NOERROR && hdr.rcode != DNS_NXDOMAIN) ||
	    dns_question_read(&d, &q) < 0)
		return 0;
	while ((got = dns_rr_read(&d, &rr)) > 0) {
		if (rr.section == DNS_ANSWER && (rr.type == q.type || q.type == DNS_TYPE_ANY))
			is_answered = true;
		if (rr.section == DNS_ANSWER && rr.ttl_s < answer_s)
			answer_s = rr.ttl_s;
		if (rr.section == DNS_AUTHORITY && dns_rr_soa(&rr, &soa) == 0)
			soa_s = soa.minimum_s < rr.ttl_s ? soa.minimum_s : rr.ttl_s;
	}
	if (got)
		return 0;
	if (is_answered && hdr.rcode == DNS_NOERROR)
		return answer_s;
	return soa_s < answer_s ? soa_s : answer_s;
}

void dns_msg_age(uint8_t *msg, size_t len, uint32_t age_s)
{
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;

	if (dns_msg_open(&d, msg, len, &hdr))
		return;
	while (dns_rr_read(&d, &rr) > 0) {
		/* The TTL is the four bytes before those of the length. */
		uint8_t *ttl = msg + (d.r.p - msg) - rr.rdata_len - 2 - 4;

		if (rr.type != DNS_TYPE_OPT)
			store_be32(ttl, rr.ttl_s > age_s ? rr.ttl_s - age_s : 0);
	}
}
