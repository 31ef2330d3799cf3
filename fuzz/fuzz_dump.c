/* SPDX-License-Identifier: MIT */
/*
 * What the tools read that others have written: pcapng files, base64, filter expressions, and ICMP
 * messages. The first byte chooses.
 */
#include "fuzz.h"

#include "lab/base64.h"
#include "lab/filter.h"
#include "lab/icmp_seen.h"
#include "lab/pcapng_scan.h"

#include <stdlib.h>
#include <string.h>

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* Every block is of this input, and so is its packet. */
static void fuzz_scan(const uint8_t *data, size_t size)
{
	struct pcapng_scan_packet pkt;
	enum pcapng_scan_kind kind;
	struct pcapng_scan scan;
	size_t off = 0;
	ptrdiff_t n;

	if (pcapng_scan_init(&scan) < 0)
		return;
	while ((n = pcapng_scan_block(&scan, data + off, size - off, &kind, &pkt)) > 0) {
		check((size_t)n <= size - off);
		if (kind == PCAPNG_SCAN_PACKET) {
			check(pkt.cap_len <= (size_t)n &&
			      (pkt.cap_len == 0 || pkt.data >= data + off));
			check(strlen(pkt.drop) < sizeof(pkt.drop) && pkt.direction < 4);
			check(strlen(pkt.ifname) < PCAPNG_SCAN_NAME_MAX);
		}
		off += (size_t)n;
	}
	pcapng_scan_fini(&scan);
}

/* What can be read is written the same again, but for bits that nothing says. */
static void fuzz_base64(const char *text)
{
	size_t len, back_len;
	uint8_t *bytes = base64_decode(text, &len), *back;
	char *again;

	if (!bytes)
		return;
	again = base64_encode(bytes, len);
	check(again && strlen(again) == strlen(text));
	back = base64_decode(again, &back_len);
	check(back && back_len == len && (len == 0 || memcmp(back, bytes, len) == 0));
	free(back);
	free(again);
	free(bytes);
}

static bool lookup(void *arg, const char *name, struct weft_addr *ret)
{
	(void)arg;
	return name[0] == 'n' && weft_addr_parse("192.0.2.1", ret) == 0;
}

/* Names only: the compiler is libpcap's. */
static void fuzz_filter(const char *text)
{
	char out[FILTER_TEXT_MAX], msg[FILTER_MSG_MAX] = "";

	if (filter_names(text, lookup, NULL, out, msg) == 0)
		check(strlen(out) < sizeof(out));
	else
		check(msg[0] != 0);
}

static void fuzz_icmp(const uint8_t *data, size_t size)
{
	struct icmp_seen seen;

	if (icmp_seen_parse(data, size, &seen) == 0)
		check(seen.icmp_len >= 8 && seen.icmp_len <= size);
}

static void fuzz_icmp6(const uint8_t *data, size_t size)
{
	struct icmp_seen seen = {.ttl = 64};

	if (icmp6_seen_parse(data, size, &seen) == 0)
		check(seen.icmp_len == size && size >= 8 && seen.ttl == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	switch (data[0] & 3) {
	case 0:
		fuzz_scan(data + 1, size - 1);
		break;
	case 1:
		fuzz_base64(text);
		break;
	case 2:
		fuzz_filter(text);
		break;
	default:
		if (data[0] & 4)
			fuzz_icmp6(data + 1, size - 1);
		else
			fuzz_icmp(data + 1, size - 1);
	}
	free(text);
	return 0;
}
