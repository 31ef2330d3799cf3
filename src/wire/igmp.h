/* SPDX-License-Identifier: MIT */
/*
 * IGMP, all versions (RFC 1112 appendix I, RFC 2236, RFC 3376 §4). The checksum over the whole
 * message is the caller's to verify and to fill in (IGMP_CSUM_OFF).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"
#include "wire/group.h"

enum igmp_type {
	IGMP_QUERY = 0x11,
	IGMP_REPORT_V1 = 0x12,
	IGMP_REPORT_V2 = 0x16,
	IGMP_LEAVE = 0x17,
	IGMP_REPORT_V3 = 0x22,
};

enum {
	IGMP_HDR_LEN = 8,        /* also of versions 1 and 2 as a whole, and of a report's header */
	IGMP_QUERY_V3_LEN = 12,  /* without sources */
	IGMP_RECORD_HDR_LEN = 8, /* without sources */
	IGMP_CSUM_OFF = 2,
};

struct igmp {
	uint8_t type;
	struct ip_addr group;     /* reports of version 1 and 2, leaves */
	struct group_query query; /* IGMP_QUERY */
	uint16_t n_records;       /* IGMP_REPORT_V3 */
	struct rd records;
};

/* 0; -EBADMSG: too short for what it says; -EPROTONOSUPPORT: another type; -EINVAL: the group is
 * no multicast address. Records are checked as they are read. */
int igmp_parse(struct rd *r, struct igmp *ret) MUST_CHECK;
/* The next of a report's records; -EBADMSG. Call it n_records times. */
int igmp_record_parse(struct rd *records, struct group_record *ret) MUST_CHECK;
/* The next source. */
struct ip_addr igmp_src_read(struct rd *srcs);

/* A message of version 1 or 2. */
void igmp_write(struct wr *w, uint8_t type, uint8_t max_resp, struct ip4_addr group);
/* A query of version 3; `q` has no sources, they are in `rec`. */
void igmp_query_write(struct wr *w, const struct group_query *q,
		      const struct group_record_out *rec);
void igmp_report_write(struct wr *w, const struct group_record_out *recs, uint16_t n_recs);
