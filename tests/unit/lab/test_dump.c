/* SPDX-License-Identifier: MIT */
/* What live captures are made of: filters with names, pcapng read back, bytes in JSON. */
#include "unit.h"

#include "lab/base64.h"
#include "lab/filter.h"
#include "lab/pcapng_scan.h"
#include "wire/pcapng.h"

#include <errno.h>

static bool lookup(void *arg UNUSED, const char *name, struct weft_addr *ret)
{
	if (strcmp(name, "server") != 0 && strcmp(name, "www.example.org") != 0)
		return false;
	return weft_addr_parse("192.0.2.7", ret) == 0;
}

static void check_names(const char *text, const char *expected)
{
	char out[FILTER_TEXT_MAX], msg[FILTER_MSG_MAX] = "";

	assert_int_equal(filter_names(text, lookup, NULL, out, msg), 0);
	assert_string_equal(out, expected);
}

static void names_of_the_lab_become_addresses(void **state UNUSED)
{
	check_names("host server", "host 192.0.2.7");
	check_names("src server or www.example.org", "src 192.0.2.7 or 192.0.2.7");
	check_names("(tcp port 80)and(not host server)", "(tcp port 80)and(not host 192.0.2.7)");
	check_names("tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
		    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0");
	check_names("ether host 02:00:00:00:00:0a", "ether host 02:00:00:00:00:0a");
	check_names("ip6 host 2001:db8::1 and port http", "ip6 host 2001:db8::1 and port http");
	check_names("ip proto \\tcp and ip[6:2] & 0x1fff = 0",
		    "ip proto \\tcp and ip[6:2] & 0x1fff = 0");
	check_names("net 10.0.0.0/8 and portrange 1-1023", "net 10.0.0.0/8 and portrange 1-1023");
	check_names("", "");
}

/* Without asking anybody outside: that could take long. */
static void unknown_name_is_refused_by_name(void **state UNUSED)
{
	char out[FILTER_TEXT_MAX], msg[FILTER_MSG_MAX] = "";

	assert_int_equal(filter_names("host www.google.com", lookup, NULL, out, msg), -EINVAL);
	assert_non_null(strstr(msg, "`www.google.com`"));
	assert_int_equal(filter_names("host server", NULL, NULL, out, msg), -EINVAL);
}

static void expression_too_long_is_refused(void **state UNUSED)
{
	char out[FILTER_TEXT_MAX], msg[FILTER_MSG_MAX] = "", text[2 * FILTER_TEXT_MAX];

	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(filter_names(text, lookup, NULL, out, msg), -EINVAL);
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(filter_names(text, lookup, NULL, out, msg), -EINVAL);
}

static void filter_passes_what_it_says(void **state UNUSED)
{
	static const uint8_t arp[42] = {[12] = 0x08, [13] = 0x06, [14] = 0, 1, 8, 0, 6, 4, 0, 1};
	char msg[FILTER_MSG_MAX] = "";
	struct filter *f;

	assert_int_equal(filter_new("arp", 0, lookup, NULL, &f, msg), 0);
	assert_true(filter_pass(f, arp, sizeof(arp), sizeof(arp)));
	assert_false(filter_pass(f, arp, 10, sizeof(arp)));
	filter_free(f);
	assert_int_equal(filter_new("ip", 0, lookup, NULL, &f, msg), 0);
	assert_false(filter_pass(f, arp, sizeof(arp), sizeof(arp)));
	filter_free(f);
	assert_int_equal(filter_new("  ", 0, lookup, NULL, &f, msg), 0);
	assert_true(filter_pass(f, arp, sizeof(arp), sizeof(arp)));
	filter_free(f);
	filter_free(NULL);
}

static void wrong_expression_is_refused_with_a_reason(void **state UNUSED)
{
	char msg[FILTER_MSG_MAX] = "";
	struct filter *f;

	assert_int_equal(filter_new("host and", 0, lookup, NULL, &f, msg), -EINVAL);
	assert_string_equal(msg, "syntax error");
	/* The message ends with what was written. */
	assert_int_equal(filter_new("ether host 1:2:", 0, lookup, NULL, &f, msg), -EINVAL);
	assert_non_null(strstr(msg, "1:2:"));
}

/* A stream as the library writes it. */
static size_t stream_make(uint8_t *buf, size_t size, const char *comment)
{
	struct pcapng_shb shb = {.userappl = pcapng_text("weft")};
	struct pcapng_idb idb = {.linktype = 1, .tsresol = 9, .name = pcapng_text("a:eth0")};
	struct pcapng_text text = pcapng_text(comment);
	struct pcapng_epb epb = {
		.ts = 1700000000123456789,
		.cap_len = 5,
		.orig_len = 60,
		.data = (const uint8_t *)"hello",
		.flags = PCAPNG_DIR_IN,
		.comments = &text,
		.n_comments = 1,
	};
	struct wr w = wr_make(buf, size);

	pcapng_shb_write(&w, &shb);
	pcapng_idb_write(&w, &idb);
	assert_non_null(pcapng_epb_write(&w, &epb));
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

static void check_packet(const struct pcapng_scan_packet *pkt)
{
	assert_string_equal(pkt->ifname, "a:eth0");
	assert_int_equal(pkt->ts_ns, 1700000000123456789);
	assert_int_equal(pkt->len, 60);
	assert_int_equal(pkt->cap_len, 5);
	assert_memory_equal(pkt->data, "hello", 5);
	assert_int_equal(pkt->direction, 1);
}

/* The packets in the first `len` bytes. */
static size_t scan(const uint8_t *b, size_t len, struct pcapng_scan_packet *ret)
{
	struct pcapng_scan s;
	enum pcapng_scan_kind kind;
	size_t off = 0, n = 0;
	ptrdiff_t took;

	assert_int_equal(pcapng_scan_init(&s), 0);
	while ((took = pcapng_scan_block(&s, b + off, len - off, &kind, ret)) > 0) {
		if (kind == PCAPNG_SCAN_PACKET) {
			check_packet(ret);
			n++;
		}
		off += (size_t)took;
	}
	assert_int_equal(took, 0);
	pcapng_scan_fini(&s);
	return n;
}

static void packet_has_interface_direction_and_trace(void **state UNUSED)
{
	struct pcapng_scan_packet pkt;
	uint8_t b[1024];

	assert_int_equal(scan(b, stream_make(b, sizeof(b), "trace 17"), &pkt), 1);
	assert_int_equal(pkt.trace_id, 17);
	assert_string_equal(pkt.drop, "");
}

static void dropped_packet_has_its_reason(void **state UNUSED)
{
	struct pcapng_scan_packet pkt;
	uint8_t b[1024];

	assert_int_equal(
		scan(b, stream_make(b, sizeof(b), "dropped: UDP_NO_PORT: no socket"), &pkt), 1);
	assert_string_equal(pkt.drop, "UDP_NO_PORT");
	assert_false(pkt.is_dropped_later);
	assert_int_equal(scan(b,
			      stream_make(b, sizeof(b), "trace 3; dropped later: LINK_QUEUE: full"),
			      &pkt),
			 1);
	assert_string_equal(pkt.drop, "LINK_QUEUE");
	assert_true(pkt.is_dropped_later);
	assert_int_equal(pkt.trace_id, 3);
}

static void stream_cut_anywhere_has_no_packet(void **state UNUSED)
{
	struct pcapng_scan_packet pkt;
	uint8_t b[1024];
	size_t len = stream_make(b, sizeof(b), "trace 17");

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *part = malloc(cut ? cut : 1);

		assert_non_null(part);
		memcpy(part, b, cut);
		assert_int_equal(scan(part, cut, &pkt), 0);
		free(part);
	}
}

/* Every bit of a stream flipped: refused or read, but never beyond its end. */
static void stream_with_any_bit_flipped_does_no_harm(void **state UNUSED)
{
	uint8_t b[1024];
	size_t len = stream_make(b, sizeof(b), "trace 17");
	uint8_t *copy = malloc(len);

	assert_non_null(copy);
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct pcapng_scan_packet pkt;
		enum pcapng_scan_kind kind;
		struct pcapng_scan s;
		size_t off = 0;
		ptrdiff_t took;

		memcpy(copy, b, len);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(pcapng_scan_init(&s), 0);
		while ((took = pcapng_scan_block(&s, copy + off, len - off, &kind, &pkt)) > 0)
			off += (size_t)took;
		assert_true(off <= len);
		pcapng_scan_fini(&s);
	}
	free(copy);
}

static void something_else_than_pcapng_is_refused(void **state UNUSED)
{
	static const uint8_t pcap[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0};
	struct pcapng_scan_packet pkt;
	enum pcapng_scan_kind kind;
	struct pcapng_scan s;

	assert_int_equal(pcapng_scan_init(&s), 0);
	assert_int_equal(pcapng_scan_block(&s, pcap, sizeof(pcap), &kind, &pkt), -EBADMSG);
	pcapng_scan_fini(&s);
}

static void bytes_come_back_from_base64(void **state UNUSED)
{
	uint8_t b[64];

	for (size_t len = 0; len < sizeof(b); len++) {
		size_t n;
		char *text;
		uint8_t *back;

		for (size_t i = 0; i < len; i++)
			b[i] = (uint8_t)(i * 37 + len);
		text = base64_encode(b, len);
		assert_non_null(text);
		back = base64_decode(text, &n);
		assert_non_null(back);
		assert_int_equal(n, len);
		assert_memory_equal(back, b, len);
		free(text);
		free(back);
	}
}

static void text_that_is_not_base64_is_refused(void **state UNUSED)
{
	static const char *const texts[] = {
		"A", "AA", "AAA", "AA=A", "A===", "AAA!", "\xff\xff\xff\xff"};
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_null(base64_decode(texts[i], &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_lab_become_addresses),
		cmocka_unit_test(unknown_name_is_refused_by_name),
		cmocka_unit_test(expression_too_long_is_refused),
		cmocka_unit_test(filter_passes_what_it_says),
		cmocka_unit_test(wrong_expression_is_refused_with_a_reason),
		cmocka_unit_test(packet_has_interface_direction_and_trace),
		cmocka_unit_test(dropped_packet_has_its_reason),
		cmocka_unit_test(stream_cut_anywhere_has_no_packet),
		cmocka_unit_test(stream_with_any_bit_flipped_does_no_harm),
		cmocka_unit_test(something_else_than_pcapng_is_refused),
		cmocka_unit_test(bytes_come_back_from_base64),
		cmocka_unit_test(text_that_is_not_base64_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
