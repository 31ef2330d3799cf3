/* SPDX-License-Identifier: MIT */
/* IGMP codec; contracts in igmp.h. */
#include "wire/igmp.h"

#include <errno.h>

enum {
	IGMP_TICK_MS = 100,      /* unit of the maximum response time */
	IGMP_V1_RESP_MS = 10000, /* what version 1 means without saying it */
	IGMP_QUERY_FLAG_S = 1 << 3,
	IGMP_QRV_MASK = 7,
};

static struct ip_addr group_read(struct rd *r)
{
	struct ip4_addr a = {{0}};

	rd_copy(r, &a, sizeof(a));
	return ip_addr_from_ip4(&a);
}

struct ip_addr igmp_src_read(struct rd *srcs)
{
	return group_read(srcs);
}

/* RFC 3376 §7.1: the length tells the version. */
static int query_parse(struct rd *r, uint8_t code, struct group_query *ret)
{
	size_t len = rd_left(r) + 4;
	uint8_t flags;

	ret->group = group_read(r);
	if (len == IGMP_HDR_LEN) {
		ret->level = code ? GROUP_LEVEL_2 : GROUP_LEVEL_1;
		ret->max_resp_ms = code ? (uint32_t)code * IGMP_TICK_MS : IGMP_V1_RESP_MS;
		return 0;
	}
	ret->level = GROUP_LEVEL_3;
	ret->max_resp_ms = group_code8_read(code) * IGMP_TICK_MS;
	flags = rd_u8(r);
	ret->is_suppressed = flags & IGMP_QUERY_FLAG_S;
	ret->robustness = flags & IGMP_QRV_MASK;
	ret->interval_s = group_code8_read(rd_u8(r));
	ret->n_srcs = rd_be16(r);
	ret->srcs = rd_sub(r, (size_t)ret->n_srcs * sizeof(struct ip4_addr));
	return 0;
}

static bool group_is_valid(const struct ip_addr *group, bool may_be_any)
{
	return ip_addr_is_multicast(group) || (may_be_any && ip_addr_is_unspecified(group));
}

int igmp_parse(struct rd *r, struct igmp *ret)
{
	struct igmp m = {.type = rd_u8(r)};
	uint8_t code = rd_u8(r);

	rd_skip(r, 2); /* checksum */
	switch (m.type) {
	case IGMP_QUERY:
		if (query_parse(r, code, &m.query) || !rd_ok(r))
			return -EBADMSG;
		if (!group_is_valid(&m.query.group, true))
			return -EINVAL;
		break;
	case IGMP_REPORT_V1:
	case IGMP_REPORT_V2:
	case IGMP_LEAVE:
		m.group = group_read(r);
		if (!rd_ok(r))
			return -EBADMSG;
		if (!group_is_valid(&m.group, false))
			return -EINVAL;
		break;
	case IGMP_REPORT_V3:
		rd_skip(r, 2);
		m.n_records = rd_be16(r);
		m.records = rd_rest(r);
		break;
	default:
		return rd_ok(r) ? -EPROTONOSUPPORT : -EBADMSG;
	}
	if (!rd_ok(r))
		return -EBADMSG;
	*ret = m;
	return 0;
}

int igmp_record_parse(struct rd *records, struct group_record *ret)
{
	struct group_record rec = {.type = rd_u8(records)};
	size_t aux = rd_u8(records) * 4u;

	rec.n_srcs = rd_be16(records);
	rec.group = group_read(records);
	rec.srcs = rd_sub(records, (size_t)rec.n_srcs * sizeof(struct ip4_addr));
	rd_skip(records, aux); /* RFC 3376 §4.2.6: ignored */
	if (!rd_ok(records))
		return -EBADMSG;
	*ret = rec;
	return 0;
}

void igmp_write(struct wr *w, uint8_t type, uint8_t max_resp, struct ip4_addr group)
{
	wr_u8(w, type);
	wr_u8(w, max_resp);
	wr_be16(w, 0);
	wr_bytes(w, &group, sizeof(group));
}

static void addr_write(struct wr *w, const struct ip_addr *addr)
{
	struct ip4_addr a = ip_addr_to_ip4(addr);

	if (!ip_addr_is_ip4(addr)) /* unspecified */
		a = IP4_ADDR_ANY;
	wr_bytes(w, &a, sizeof(a));
}

static void srcs_write(struct wr *w, const struct group_record_out *rec)
{
	for (uint16_t i = 0; i < rec->n_srcs; i++)
		addr_write(w, &rec->srcs[i]);
}

void igmp_query_write(struct wr *w, const struct group_query *q, const struct group_record_out *rec)
{
	wr_u8(w, IGMP_QUERY);
	wr_u8(w, group_code8(q->max_resp_ms / IGMP_TICK_MS));
	wr_be16(w, 0);
	addr_write(w, &q->group);
	wr_u8(w, (uint8_t)((q->is_suppressed ? IGMP_QUERY_FLAG_S : 0) |
			   (q->robustness <= IGMP_QRV_MASK ? q->robustness : 0)));
	wr_u8(w, group_code8(q->interval_s));
	wr_be16(w, rec->n_srcs);
	srcs_write(w, rec);
}

void igmp_report_write(struct wr *w, const struct group_record_out *recs, uint16_t n_recs)
{
	wr_u8(w, IGMP_REPORT_V3);
	wr_u8(w, 0);
	wr_be16(w, 0);
	wr_be16(w, 0);
	wr_be16(w, n_recs);
	for (uint16_t i = 0; i < n_recs; i++) {
		wr_u8(w, recs[i].type);
		wr_u8(w, 0);
		wr_be16(w, recs[i].n_srcs);
		addr_write(w, &recs[i].group);
		srcs_write(w, &recs[i]);
	}
}
