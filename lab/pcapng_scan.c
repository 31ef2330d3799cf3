/* SPDX-License-Identifier: MIT */
/* Reading pcapng; the contract is in pcapng_scan.h. */
#include "lab/pcapng_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BLOCK_SHB = 0x0a0d0d0a,
	BLOCK_IDB = 1,
	BLOCK_EPB = 6,
	MAGIC = 0x1a2b3c4d,
	MAGIC_SWAPPED = 0x4d3c2b1a,
	BLOCK_MIN = 12, /* type and two lengths */
	OPT_COMMENT = 1,
	OPT_IF_NAME = 2,
	OPT_IF_TSRESOL = 9,
	OPT_EPB_FLAGS = 2,
	TSRESOL_US = 6,
	TSRESOL_BINARY = 0x80,
};

int pcapng_scan_init(struct pcapng_scan *scan)
{
	*scan = (struct pcapng_scan){.ifs = calloc(PCAPNG_SCAN_IFS_MAX, sizeof(*scan->ifs))};
	return scan->ifs ? 0 : -ENOMEM;
}

void pcapng_scan_fini(struct pcapng_scan *scan)
{
	free(scan->ifs);
	*scan = (struct pcapng_scan){0};
}

static uint32_t get32(const struct pcapng_scan *scan, struct rd *r)
{
	return scan->is_big ? rd_be32(r) : rd_le32(r);
}

static uint16_t get16(const struct pcapng_scan *scan, struct rd *r)
{
	return scan->is_big ? rd_be16(r) : rd_le16(r);
}

/* The next option: false at the end, or where the bytes make no sense. */
static bool option_next(const struct pcapng_scan *scan, struct rd *r, uint16_t *ret_code,
			struct rd *ret_value)
{
	uint16_t code, len;

	if (rd_left(r) < 4)
		return false;
	code = get16(scan, r);
	len = get16(scan, r);
	if (code == 0 || len > rd_left(r))
		return false;
	*ret_code = code;
	*ret_value = rd_sub(r, len);
	rd_skip(r, rd_left(r) < (4u - len % 4u) % 4u ? rd_left(r) : (4u - len % 4u) % 4u);
	return true;
}

static void text_copy(char *dst, size_t size, struct rd text)
{
	size_t n = rd_left(&text) < size - 1 ? rd_left(&text) : size - 1;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = rd_u8(&text);

		dst[i] = (char)(c >= ' ' && c < 0x7f ? c : '?');
	}
	dst[n] = '\0';
}

static int idb_take(struct pcapng_scan *scan, struct rd r)
{
	struct pcapng_scan_if info = {.tsresol = TSRESOL_US};
	struct rd value;
	uint16_t code;

	info.linktype = get16(scan, &r);
	rd_skip(&r, 6);
	if (!rd_ok(&r))
		return -EBADMSG;
	while (option_next(scan, &r, &code, &value)) {
		if (code == OPT_IF_NAME)
			text_copy(info.name, sizeof(info.name), value);
		else if (code == OPT_IF_TSRESOL && rd_left(&value))
			info.tsresol = rd_u8(&value);
	}
	if (scan->n_ifs < PCAPNG_SCAN_IFS_MAX)
		scan->ifs[scan->n_ifs] = info;
	if (scan->n_ifs < UINT32_MAX)
		scan->n_ifs++;
	return 0;
}

/* A timestamp in units of 10^-n s, or with the top bit 2^-n s, in ns. */
static int64_t ts_ns(uint64_t ts, uint8_t tsresol)
{
	uint64_t unit = 1, s, part;
	uint8_t n = tsresol & 0x7f;

	if (tsresol & TSRESOL_BINARY) {
		if (n > 63)
			return 0;
		s = ts >> n;
		part = ts & ((UINT64_C(1) << n) - 1);
		/* In 32 bits, so that the product fits. */
		part = n > 32 ? part >> (n - 32) : part << (32 - n);
		part = part * 1000000000 >> 32;
	} else {
		if (n > 18)
			return 0;
		for (uint8_t i = 0; i < n; i++)
			unit *= 10;
		s = ts / unit;
		part = ts % unit;
		if (n > 9)
			for (uint8_t i = 9; i < n; i++)
				part /= 10;
		else
			for (uint8_t i = n; i < 9; i++)
				part *= 10;
	}
	return s < INT64_MAX / 1000000000 ? (int64_t)(s * 1000000000 + part) : INT64_MAX;
}

/* "trace 17", "dropped: UDP_NO_PORT: ...", "trace 17; dropped later: LINK_QUEUE: ...". */
static void comment_take(struct pcapng_scan_packet *pkt, struct rd value)
{
	static const char later[] = "dropped later: ", now[] = "dropped: ";
	char text[200];
	const char *at;
	unsigned int id;
	size_t n;

	text_copy(text, sizeof(text), value);
	if (sscanf(text, "trace %10u", &id) == 1)
		pkt->trace_id = id;
	at = strstr(text, later);
	if (at) {
		pkt->is_dropped_later = true;
		at += sizeof(later) - 1;
	} else {
		at = strstr(text, now);
		if (!at)
			return;
		at += sizeof(now) - 1;
	}
	n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	snprintf(pkt->drop, sizeof(pkt->drop), "%.*s", (int)n, at);
}

static int epb_take(struct pcapng_scan *scan, struct rd r, struct pcapng_scan_packet *pkt)
{
	static const struct pcapng_scan_if unknown = {.linktype = 1, .tsresol = TSRESOL_US};
	uint32_t if_id = get32(scan, &r), high = get32(scan, &r), low = get32(scan, &r);
	const struct pcapng_scan_if *info;
	struct rd value;
	uint16_t code;

	*pkt = (struct pcapng_scan_packet){.cap_len = get32(scan, &r)};
	pkt->len = get32(scan, &r);
	if (!rd_ok(&r) || pkt->cap_len > rd_left(&r) || if_id >= scan->n_ifs)
		return -EBADMSG;
	info = if_id < PCAPNG_SCAN_IFS_MAX ? &scan->ifs[if_id] : &unknown;
	pkt->ifname = info->name;
	pkt->linktype = info->linktype;
	pkt->ts_ns = ts_ns((uint64_t)high << 32 | low, info->tsresol);
	pkt->data = rd_bytes(&r, pkt->cap_len);
	rd_skip(&r, rd_left(&r) < (4u - pkt->cap_len % 4u) % 4u ? rd_left(&r)
								: (4u - pkt->cap_len % 4u) % 4u);
	while (option_next(scan, &r, &code, &value)) {
		if (code == OPT_COMMENT)
			comment_take(pkt, value);
		else if (code == OPT_EPB_FLAGS && rd_left(&value) == 4)
			pkt->direction = get32(scan, &value) & 3;
	}
	return 0;
}

/* The byte order of a section, which its header says. */
static int shb_take(struct pcapng_scan *scan, const uint8_t *buf, size_t len)
{
	uint32_t magic;

	if (len < BLOCK_MIN)
		return -EAGAIN;
	magic = load_le32(buf + 8);
	if (magic != MAGIC && magic != MAGIC_SWAPPED)
		return -EBADMSG;
	scan->is_big = magic == MAGIC_SWAPPED;
	scan->has_section = true;
	scan->n_ifs = 0;
	return 0;
}

ptrdiff_t pcapng_scan_block(struct pcapng_scan *scan, const uint8_t *buf, size_t len,
			    enum pcapng_scan_kind *ret_kind, struct pcapng_scan_packet *ret_packet)
{
	struct rd r = rd_make(buf, len);
	uint32_t type, block_len;
	int err = 0;

	if (len < 8)
		return 0;
	if (load_le32(buf) == BLOCK_SHB) {
		err = shb_take(scan, buf, len);
		if (err)
			return err == -EAGAIN ? 0 : err;
	}
	if (!scan->has_section)
		return -EBADMSG;
	type = get32(scan, &r);
	block_len = get32(scan, &r);
	if (block_len < BLOCK_MIN || block_len % 4 || block_len > PCAPNG_SCAN_BLOCK_MAX)
		return -EBADMSG;
	if (block_len > len)
		return 0;
	r = rd_make(buf + 8, block_len - BLOCK_MIN);
	*ret_kind = PCAPNG_SCAN_HEADER;
	if (type == BLOCK_IDB) {
		err = idb_take(scan, r);
	} else if (type == BLOCK_EPB) {
		err = epb_take(scan, r, ret_packet);
		*ret_kind = PCAPNG_SCAN_PACKET;
	}
	return err ? err : (ptrdiff_t)block_len;
}
