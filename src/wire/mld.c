/* SPDX-License-Identifier: MIT */
/* MLD codec; contracts in mld.h. */
#include "wire/mld.h"

#include <errno.h>

enum {
	MLD_QUERY_FLAG_S = 1 << 3,
	MLD_QRV_MASK = 7,
};

struct ip_addr mld_src_read(struct rd *srcs)
{
	struct ip_addr a = {{0}};

	rd_copy(srcs, &a, sizeof(a));
	return a;
}

static bool group_is_valid(const struct ip_addr *group, bool may_be_any)
{
	return group->b[0] == 0xff || (may_be_any && ip_addr_is_unspecified(group));
}

/* RFC 3810 §8.1: the length tells the version. */
static int query_parse(struct rd *r, size_t len, struct group_query *ret)
{
	uint16_t code = rd_be16(r);
	uint8_t flags;

	rd_skip(r, 2);
	ret->group = mld_src_read(r);
	if (len == MLD_HDR_LEN) {
		ret->level = GROUP_LEVEL_2;
		ret->max_resp_ms = code;
		return 0;
	}
	ret->level = GROUP_LEVEL_3;
	ret->max_resp_ms = group_code16_read(code);
	flags = rd_u8(r);
	ret->is_suppressed = flags & MLD_QUERY_FLAG_S;
	ret->robustness = flags & MLD_QRV_MASK;
	ret->interval_s = group_code8_read(rd_u8(r));
	ret->n_srcs = rd_be16(r);
	ret->srcs = rd_sub(r, (size_t)ret->n_srcs * sizeof(struct ip6_addr));
	return rd_ok(r) ? 0 : -EBADMSG;
}

int mld_parse(struct rd *r, struct mld *ret)
{
	size_t len = rd_left(r);
	struct mld m = {.type = rd_u8(r)};

	rd_skip(r, 3); /* code and checksum */
	switch (m.type) {
	case ICMP6_MLD_QUERY:
		if (query_parse(r, len, &m.query) || !rd_ok(r))
			return -EBADMSG;
		if (!group_is_valid(&m.query.group, true))
			return -EINVAL;
		break;
	case ICMP6_MLD_REPORT:
	case ICMP6_MLD_DONE:
		rd_skip(r, 4);
		m.group = mld_src_read(r);
		if (!rd_ok(r))
			return -EBADMSG;
		if (!group_is_valid(&m.group, false))
			return -EINVAL;
		break;
	case ICMP6_MLD2_REPORT:
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

int mld_record_parse(struct rd *records, struct group_record *ret)
{
	struct group_record rec = {.type = rd_u8(records)};
	size_t aux = rd_u8(records) * 4u;

	rec.n_srcs = rd_be16(records);
	rec.group = mld_src_read(records);
	rec.srcs = rd_sub(records, (size_t)rec.n_srcs * sizeof(struct ip6_addr));
	rd_skip(records, aux); /* RFC 3810 §5.2.6: ignored */
	if (!rd_ok(records))
		return -EBADMSG;
	*ret = rec;
	return 0;
}

void mld_write(struct wr *w, uint8_t type, uint16_t max_resp_ms, const struct ip_addr *group)
{
	wr_u8(w, type);
	wr_u8(w, 0);
	wr_be16(w, 0);
	wr_be16(w, max_resp_ms);
	wr_be16(w, 0);
	wr_bytes(w, group, sizeof(*group));
}

static void srcs_write(struct wr *w, const struct group_record_out *rec)
{
	for (uint16_t i = 0; i < rec->n_srcs; i++)
		wr_bytes(w, &rec->srcs[i], sizeof(rec->srcs[i]));
}

void mld_query_write(struct wr *w, const struct group_query *q, const struct group_record_out *rec)
{
	mld_write(w, ICMP6_MLD_QUERY, group_code16(q->max_resp_ms), &q->group);
	wr_u8(w, (uint8_t)((q->is_suppressed ? MLD_QUERY_FLAG_S : 0) |
			   (q->robustness <= MLD_QRV_MASK ? q->robustness : 0)));
	wr_u8(w, group_code8(q->interval_s));
	wr_be16(w, rec->n_srcs);
	srcs_write(w, rec);
}

void mld_report_write(struct wr *w, const struct group_record_out *recs, uint16_t n_recs)
{
	wr_u8(w, ICMP6_MLD2_REPORT);
	wr_u8(w, 0);
	wr_be16(w, 0);
	wr_be16(w, 0);
	wr_be16(w, n_recs);
	for (uint16_t i = 0; i < n_recs; i++) {
		wr_u8(w, recs[i].type);
		wr_u8(w, 0);
		wr_be16(w, recs[i].n_srcs);
		wr_bytes(w, &recs[i].group, sizeof(recs[i].group));
		srcs_write(w, &recs[i]);
	}
}
