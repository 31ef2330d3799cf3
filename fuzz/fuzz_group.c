/* SPDX-License-Identifier: MIT */
/*
 * IGMP, or with an odd first byte MLD: whatever parses has its sources and records inside of the
 * message, and what is written of it parses to the same.
 */
#include "fuzz.h"

#include <assert.h>

#include "wire/igmp.h"
#include "wire/mld.h"

enum {
	SRCS_MAX = 64,
};

struct proto {
	struct ip_addr (*src_read)(struct rd *srcs);
	int (*record_parse)(struct rd *records, struct group_record *ret);
	bool is_mld;
};

static uint16_t srcs_read(const struct proto *p, struct rd srcs, uint16_t n, struct ip_addr *ret)
{
	uint16_t i = 0;

	for (; i < n && i < SRCS_MAX; i++)
		ret[i] = p->src_read(&srcs);
	assert(rd_ok(&srcs));
	return i;
}

static void query_again(const struct proto *p, const struct group_query *q)
{
	struct ip_addr srcs[SRCS_MAX];
	struct group_record_out rec = {.srcs = srcs};
	uint8_t buf[MLD_QUERY_V2_LEN + 16 * SRCS_MAX];
	struct wr w = wr_make(buf, sizeof(buf));
	struct group_query got;
	struct igmp igmp;
	struct mld mld;
	struct rd r;

	if (q->level != GROUP_LEVEL_3)
		return;
	rec.n_srcs = srcs_read(p, q->srcs, q->n_srcs, srcs);
	if (p->is_mld)
		mld_query_write(&w, q, &rec);
	else
		igmp_query_write(&w, q, &rec);
	r = rd_make(buf, wr_len(&w));
	assert((p->is_mld ? mld_parse(&r, &mld) : igmp_parse(&r, &igmp)) == 0);
	got = p->is_mld ? mld.query : igmp.query;
	assert(got.max_resp_ms == q->max_resp_ms && got.interval_s == q->interval_s);
	assert(got.n_srcs == rec.n_srcs && ip_addr_eq(&got.group, &q->group));
}

static void records_again(const struct proto *p, struct rd records, uint16_t n)
{
	struct ip_addr srcs[SRCS_MAX];
	struct group_record rec, got;

	for (uint16_t i = 0; i < n && p->record_parse(&records, &rec) == 0; i++) {
		struct group_record_out out = {.type = rec.type, .group = rec.group, .srcs = srcs};
		uint8_t buf[64 + 16 * SRCS_MAX];
		struct wr w = wr_make(buf, sizeof(buf));
		struct rd r;

		out.n_srcs = srcs_read(p, rec.srcs, rec.n_srcs, srcs);
		if (p->is_mld)
			mld_report_write(&w, &out, 1);
		else
			igmp_report_write(&w, &out, 1);
		r = rd_make(buf, wr_len(&w));
		rd_skip(&r, 8);
		assert(p->record_parse(&r, &got) == 0);
		assert(got.type == rec.type && got.n_srcs == out.n_srcs);
		assert(ip_addr_eq(&got.group, &rec.group));
	}
}

static void old_again(const struct proto *p, uint8_t type, const struct ip_addr *group)
{
	uint8_t buf[32];
	struct wr w = wr_make(buf, sizeof(buf));
	struct igmp igmp;
	struct mld mld;
	struct rd r;

	if (p->is_mld)
		mld_write(&w, type, 0, group);
	else
		igmp_write(&w, type, 0, ip_addr_to_ip4(group));
	r = rd_make(buf, wr_len(&w));
	assert((p->is_mld ? mld_parse(&r, &mld) : igmp_parse(&r, &igmp)) == 0);
	assert(ip_addr_eq(p->is_mld ? &mld.group : &igmp.group, group));
}

static void igmp_one(struct rd *r)
{
	static const struct proto p = {igmp_src_read, igmp_record_parse, false};
	struct igmp m;

	if (igmp_parse(r, &m))
		return;
	if (m.type == IGMP_QUERY)
		query_again(&p, &m.query);
	else if (m.type == IGMP_REPORT_V3)
		records_again(&p, m.records, m.n_records);
	else
		old_again(&p, m.type, &m.group);
}

static void mld_one(struct rd *r)
{
	static const struct proto p = {mld_src_read, mld_record_parse, true};
	struct mld m;

	if (mld_parse(r, &m))
		return;
	if (m.type == ICMP6_MLD_QUERY)
		query_again(&p, &m.query);
	else if (m.type == ICMP6_MLD2_REPORT)
		records_again(&p, m.records, m.n_records);
	else
		old_again(&p, m.type, &m.group);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);

	if (rd_u8(&r) & 1)
		mld_one(&r);
	else
		igmp_one(&r);
	return 0;
}
