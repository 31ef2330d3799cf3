/* SPDX-License-Identifier: MIT */
/*
 * The packets of a pcapng stream (draft-ietf-opsawg-pcapng) with what weft says about them:
 * direction, trace id and why they were dropped, which it writes as comments. For live captures,
 * and for files of anybody: either byte order, and everything is checked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/cursor.h"

enum {
	PCAPNG_SCAN_IFS_MAX = 1024, /* interfaces whose names are kept; others have none */
	PCAPNG_SCAN_NAME_MAX = 80,
	PCAPNG_SCAN_BLOCK_MAX = 1 << 24,
};

enum pcapng_scan_kind {
	PCAPNG_SCAN_HEADER, /* section or interface header, statistics: anything but a packet */
	PCAPNG_SCAN_PACKET,
};

struct pcapng_scan_if {
	char name[PCAPNG_SCAN_NAME_MAX];
	uint16_t linktype;
	uint8_t tsresol;
};

/* Zeroed, it is at the beginning of a stream. */
struct pcapng_scan {
	bool has_section, is_big;
	struct pcapng_scan_if *ifs; /* PCAPNG_SCAN_IFS_MAX */
	uint32_t n_ifs;
};

struct pcapng_scan_packet {
	const char *ifname; /* "" : not known */
	uint16_t linktype;
	int64_t ts_ns;
	uint32_t len; /* on the wire */
	const uint8_t *data;
	uint32_t cap_len;
	uint8_t direction; /* 0 unknown, 1 in, 2 out */
	uint32_t trace_id; /* 0: none */
	char drop[40];     /* "UDP_NO_PORT", or empty */
	bool is_dropped_later;
};

int pcapng_scan_init(struct pcapng_scan *scan) MUST_CHECK; /* -ENOMEM */
void pcapng_scan_fini(struct pcapng_scan *scan);
/*
 * Takes the block at the beginning of [buf, buf + len). Its length, with *ret_kind and, for a
 * packet, *ret_packet, which points into it; 0: not all of it is there; -EBADMSG: this is not
 * pcapng.
 */
ptrdiff_t pcapng_scan_block(struct pcapng_scan *scan, const uint8_t *buf, size_t len,
			    enum pcapng_scan_kind *ret_kind,
			    struct pcapng_scan_packet *ret_packet) MUST_CHECK;
