/* SPDX-License-Identifier: MIT */
/*
 * The packet printer. The first byte chooses how it prints: bits 0 and 1 the -v, 2 -e, 3 -q, 4 a
 * packet without link header, 5 a capture that is cut, 6 a small buffer, 7 relative numbers. The
 * text must be as long as is said, within its bounds, and the same the second time.
 */
#include "fuzz.h"

#include "lab/pktprint.h"

#include <stdlib.h>
#include <string.h>

enum {
	SMALL = 40,
	CUT = 1000,
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static size_t print(char *buf, size_t size, uint8_t how, const uint8_t *b, size_t len)
{
	struct pkt_print_opts opts = {
		.verbose = how & 3,
		.has_link_header = how & 4,
		.is_quiet = how & 8,
		.flows = how & 0x80 ? pkt_flows_new() : NULL,
	};
	size_t wire_len = how & 0x20 ? len + CUT : len, n;

	if (how & 0x10)
		n = pkt_print_ip(buf, size, b, len, wire_len, &opts);
	else
		n = pkt_print(buf, size, b, len, wire_len, &opts);
	check(n < size && strlen(buf) == n);
	for (size_t i = 0; i < n; i++) /* nothing that a terminal would obey */
		check((buf[i] >= ' ' && buf[i] < 0x7f) || buf[i] == '\n' || buf[i] == '\t');
	pkt_flows_free(opts.flows);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char a[PKT_PRINT_SIZE], b[PKT_PRINT_SIZE];
	size_t room, n;

	if (size < 1)
		return 0;
	room = data[0] & 0x40 ? SMALL : sizeof(a);
	n = print(a, room, data[0], data + 1, size - 1);
	check(print(b, room, data[0], data + 1, size - 1) == n && memcmp(a, b, n) == 0);
	return 0;
}
