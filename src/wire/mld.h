/* SPDX-License-Identifier: MIT */
/*
 * MLD, both versions (RFC 2710 §3, RFC 3810 §5): messages of ICMPv6, from the type field on. The
 * checksum is ICMPv6's, the caller's to verify and to fill in.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "wire/group.h"
#include "wire/icmp6.h"

enum {
	MLD_HDR_LEN = 24,        /* messages of version 1, and a query of version 2 up to there */
	MLD_QUERY_V2_LEN = 28,   /* without sources */
	MLD_REPORT_HDR_LEN = 8,  /* of version 2 */
	MLD_RECORD_HDR_LEN = 20, /* without sources */
};

struct mld {
	uint8_t type;             /* ICMP6_MLD_* */
	struct ip_addr group;     /* reports and dones of version 1 */
	struct group_query query; /* ICMP6_MLD_QUERY */
	uint16_t n_records;       /* ICMP6_MLD2_REPORT */
	struct rd records;
};

/* As igmp_parse(). */
int mld_parse(struct rd *r, struct mld *ret) MUST_CHECK;
int mld_record_parse(struct rd *records, struct group_record *ret) MUST_CHECK;
struct ip_addr mld_src_read(struct rd *srcs);

/* A message of version 1. */
void mld_write(struct wr *w, uint8_t type, uint16_t max_resp_ms, const struct ip_addr *group);
/* A query of version 2; `q` has no sources, they are in `rec`. */
void mld_query_write(struct wr *w, const struct group_query *q, const struct group_record_out *rec);
void mld_report_write(struct wr *w, const struct group_record_out *recs, uint16_t n_recs);
