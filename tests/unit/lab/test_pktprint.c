/* SPDX-License-Identifier: MIT */
/*
 * The packet printer: lines that tcpdump 4.99.3 -n prints for the same frames, and that no
 * truncation, flipped bit or small buffer makes it read or write where it must not.
 */
#include "unit.h"

#include "lab/pktprint.h"

#include <stdio.h>

struct line {
	const char *frame; /* hexadecimal */
	const char *text;
};

/* In this order, since numbers of TCP are relative to what came before. */
static const struct line lines[] = {
	{"ffffffffffff020000000001080600010800060400010200000000010a00000100000000"
	 "00000a000002",
	 "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28"},
	{"020000000002020000000001080600010800060400020200000000020a00000202000000"
	 "00010a000001",
	 "ARP, Reply 10.0.0.2 is-at 02:00:00:00:00:02, length 28"},
	{"02000000000202000000000108004500005400014000400126a60a0000010a0000020800"
	 "009f004d0001000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
	 "1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
	 "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 77, seq 1, length 64"},
	{"02000000000202000000000108004500003d00014000400126bd0a0000020a0000010303"
	 "111e000000004500002100014000401126c90a0000010a0000020fa0829a000d15c56865"
	 "6c6c6f",
	 "IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 udp port 33434 unreachable, length 41"},
	{"02000000000202000000000108004500003d00014000400126bd0a0000020a0000010304"
	 "0ba5000005784500002100014000401126c90a0000010a0000020fa0829a000d15c56865"
	 "6c6c6f",
	 "IP 10.0.0.2 > 10.0.0.1: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), length 41"},
	{"02000000000202000000000108004500003d00014000400126bd0a0000020a0000010b00"
	 "ff170a0000094500002100014000401126c90a0000010a0000020fa0829a000d15c56865"
	 "6c6c6f",
	 "IP 10.0.0.2 > 10.0.0.1: ICMP time exceeded in-transit, length 41"},
	{"02000000000202000000000108004500003d00014000400126bd0a0000020a0000010501"
	 "05170a0000094500002100014000401126c90a0000010a0000020fa0829a000d15c56865"
	 "6c6c6f",
	 "IP 10.0.0.2 > 10.0.0.1: ICMP redirect 10.0.0.2 to host 10.0.0.9, length 41"},
	{"02000000000202000000000108004500001c00014000401126ce0a0000010a0000020fa0"
	 "13880008c8b3",
	 "IP 10.0.0.1.4000 > 10.0.0.2.5000: UDP, length 0"},
	{"02000000000202000000000108004500001c00012002401146cc0a0000010a0000027a7a"
	 "7a7a7a7a7a7a",
	 "IP 10.0.0.1 > 10.0.0.2: ip-proto-17"},
	{"02000000000202000000000108004500003c00014000400626b90a0000010a0000020fa0"
	 "0050000003e800000000a002faf024c60000020405b40402080a0000006f000000000103"
	 "0307",
	 "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [S], seq 1000, win 64240, options [mss "
	 "1460,sackOK,TS val 111 ecr 0,nop,wscale 7], length 0"},
	{"02000000000202000000000108004500003c00014000400626b90a0000020a0000010050"
	 "0fa000001388000003e9a012faf0112d0000020405b40402080a0000006f000000000103"
	 "0307",
	 "IP 10.0.0.2.80 > 10.0.0.1.4000: Flags [S.], seq 5000, ack 1001, win 64240, options [mss "
	 "1460,sackOK,TS val 111 ecr 0,nop,wscale 7], length 0"},
	{"02000000000202000000000108004500004f00014000400626a60a0000010a0000020fa0"
	 "0050000003e9000013898018faf0ec2000000101080a0000006f00000000474554202f20"
	 "485454502f312e310d0a486f73743a20780d0a0d0a",
	 "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [P.], seq 1:28, ack 1, win 64240, options "
	 "[nop,nop,TS val 111 ecr 0], length 27: HTTP: GET / HTTP/1.1"},
	{"02000000000202000000000108004500004c00014000400626a90a0000020a0000010050"
	 "0fa000001389000004045018faf0fa500000485454502f312e3120323030204f4b0d0a53"
	 "65727665723a20776566740d0a0d0a616263",
	 "IP 10.0.0.2.80 > 10.0.0.1.4000: Flags [P.], seq 1:37, ack 28, win 64240, length 36: "
	 "HTTP: HTTP/1.1 200 OK"},
	{"02000000000202000000000108004500003c00014000400626b90a0000010a0000020fa0"
	 "00500000040400001389a010faf0d418000001010512000013ba000013c4000013ce0000"
	 "13d8",
	 "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [.], ack 1, win 64240, options [nop,nop,sack 2 "
	 "{50:60}{70:80}], length 0"},
	{"02000000000202000000000108004500002800014000400626cd0a0000010a0000020fa0"
	 "005000000404000013ad5011faf0793f0000",
	 "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [F.], seq 28, ack 37, win 64240, length 0"},
	{"02000000000202000000000108004500002800014000400626cd0a0000010a0000020fa0"
	 "005000000404000000005004faf08cf90000",
	 "IP 10.0.0.1.4000 > 10.0.0.2.80: Flags [R], seq 1028, win 64240, length 0"},
	{"02000000000202000000000108004500002800014000400626cd0a0000010a0000020fa1"
	 "000900000007000000005000faf091400000",
	 "IP 10.0.0.1.4001 > 10.0.0.2.9: Flags [none], win 64240, length 0"},
	{"02000000000202000000000108004500002800014000400626cd0a0000010a0000020fa1"
	 "000900000008000000093010faf0b1260000",
	 "IP 10.0.0.1.4001 > 10.0.0.2.9:  tcp 8 [bad hdr length 12 - too short, < 20]"},
	{"02000000000202000000000108004500002800014000400626cd0a0000010a0000020fa1"
	 "000900000008000000099010faf051260000",
	 "IP 10.0.0.1.4001 > 10.0.0.2.9: Flags [.] [bad hdr length 36 - too long, > 20]"},
	{"02000000000202000000000108004500003400014000400626c10a0000010a0000020fa1"
	 "000900000008000000098010faf0d19d0000220a636f6f6b696531320000",
	 "IP 10.0.0.1.4001 > 10.0.0.2.9: Flags [.], ack 1, win 64240, options [tfo  cookie "
	 "636f6f6b69653132,eol], length 0"},
	{"020000000002020000000001080045000039000140004011267e0a0000010a0000359c40"
	 "003500257ab904d201000001000000000000076578616d706c6503636f6d0000010001",
	 "IP 10.0.0.1.40000 > 10.0.0.53.53: 1234+ A? example.com. (29)"},
	{"02000000000202000000000108004500004400014000401126730a0000010a0000359c40"
	 "003500307a59000201200001000000000001076578616d706c6503636f6d000001000100"
	 "002904d0000000000000",
	 "IP 10.0.0.1.40000 > 10.0.0.53.53: 2+ [1au] A? example.com. (40)"},
	{"02000000000202000000000108004500008600014000401126310a0000350a0000010035"
	 "9c4000725a2a000581830001000000010000076578616d706c6503636f6d000001000107"
	 "6578616d706c6503636f6d00000600010000003c0036026e73076578616d706c6503636f"
	 "6d0004726f6f74076578616d706c6503636f6d0000000001000000020000000300000004"
	 "00000005",
	 "IP 10.0.0.53.53 > 10.0.0.1.40000: 5 NXDomain 0/1/0 (106)"},
	{"02000000000202000000000108004500011700014000401125a00a0000350a0000010035"
	 "9c4001033125000881800001000800000000076578616d706c6503636f6d0000050001c0"
	 "0c000500010000003c000f0161076578616d706c6503636f6d000161076578616d706c65"
	 "03636f6d00001c00010000003c001020010db8000000000000000000000001c00c000f00"
	 "01000000090012000a026d78076578616d706c6503636f6d00c00c001000010000000900"
	 "0a0568656c6c6f03616263c00c00020001000000090010026e73076578616d706c650363"
	 "6f6d00c00c000c000100000009000f0170076578616d706c6503636f6d00c00c00210001"
	 "0000000900150001000200500173076578616d706c6503636f6d00c00c00630001000000"
	 "0900027a7a",
	 "IP 10.0.0.53.53 > 10.0.0.1.40000: 8 8/0/0 CNAME a.example.com., AAAA 2001:db8::1, MX "
	 "mx.example.com. 10, TXT \"hello\" \"abc\", NS ns.example.com., PTR p.example.com., SRV "
	 "s.example.com.:80 1 2, SPF (251)"},
	{"02000000000202000000000108004500001e00014000401126990a0000010a0000359c40"
	 "0035000a4e2d0102",
	 "IP 10.0.0.1.40000 > 10.0.0.53.53: domain [length 2 < 12] (invalid)"},
	{"02000000000202000000000186dd6000000000203afffe80000000000000000000000000"
	 "0001ff0200000000000000000001ff00000987007a8900000000fe800000000000000000"
	 "0000000000090101020000000001",
	 "IP6 fe80::1 > ff02::1:ff00:9: ICMP6, neighbor solicitation, who has fe80::9, length 32"},
	{"02000000000202000000000186dd6000000000203afffe80000000000000000000000000"
	 "0001fe8000000000000000000000000000028800181460000000fe800000000000000000"
	 "0000000000090201020000000001",
	 "IP6 fe80::1 > fe80::2: ICMP6, neighbor advertisement, tgt is fe80::9, length 32"},
	{"02000000000202000000000186dd6000000000403a40fe80000000000000000000000000"
	 "0001fe80000000000000000000000000000280008b670005000100010203040506070809"
	 "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d"
	 "2e2f3031323334353637",
	 "IP6 fe80::1 > fe80::2: ICMP6, echo request, id 5, seq 1, length 64"},
	{"02000000000202000000000186dd6000000000240001fe80000000000000000000000000"
	 "0001ff0200000000000000000000000000163a000502000001008f006ff4000000010400"
	 "0000ff020000000000000000000000000016",
	 "IP6 fe80::1 > ff02::16: HBH ICMP6, multicast listener report v2, 1 group record(s), "
	 "length 28"},
	{"02000000000202000000000186dd60000000000c2c40fe80000000000000000000000000"
	 "0001fe80000000000000000000000000000211000008000000097a7a7a7a",
	 "IP6 fe80::1 > fe80::2: frag (8|4)"},
	{"02000000000202000000000186dd6030000000180640fe80000000000000000000000000"
	 "0001fe8000000000000000000000000000020fa0005000000001000000006002faf09040"
	 "0000020405b4",
	 "IP6 fe80::1.4000 > fe80::2.80: Flags [S], seq 1, win 64240, options [mss 1460], length "
	 "0"},
	{"02000000000202000000000186dd60000000003d3a40fe80000000000000000000000000"
	 "0001fe80000000000000000000000000000202008a540000050060000000000d1140fe80"
	 "0000000000000000000000000001fe8000000000000000000000000000020fa0829a000d"
	 "2cc368656c6c6f",
	 "IP6 fe80::1 > fe80::2: ICMP6, packet too big, mtu 1280, length 61"},
	{"02000000000202000000000186dd60000000003d3a40fe80000000000000000000000000"
	 "0001fe80000000000000000000000000000201048b500000050060000000000d1140fe80"
	 "0000000000000000000000000001fe8000000000000000000000000000020fa0829a000d"
	 "2cc368656c6c6f",
	 "IP6 fe80::1 > fe80::2: ICMP6, destination unreachable, unreachable port, fe80::2 udp "
	 "port 33434, length 61"},
	{"02000000000202000000000108004500001c000140004063267c0a0000010a0000026162"
	 "636465666768",
	 "IP 10.0.0.1 > 10.0.0.2:  ip-proto-99 8"},
	{"0200000000020200000000010800450001f400014000401124f60a0000010a0000020fa0"
	 "829a000d15c568656c6c6f",
	 "IP truncated-ip - 467 bytes missing! 10.0.0.1.4000 > 10.0.0.2.33434: UDP, length 5"},
	{"02000000000202000000000108004200002100014000401126c90a0000010a0000020fa0"
	 "829a000d15c568656c6c6f",
	 "IP bad-hlen 8"},
	{"02000000000202000000000108004500000f00014000401126db0a0000010a0000020fa0"
	 "829a000d15c568656c6c6f",
	 "IP bad-len 15"},
};

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes in a block of just their size, so that a sanitizer sees what is read beyond. */
static uint8_t *frame_make(const char *hex, size_t *ret_len)
{
	size_t n = strlen(hex) / 2;
	uint8_t *b = malloc(n ? n : 1);

	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	*ret_len = n;
	return b;
}

static void frames_are_printed_as_by_tcpdump(void **state UNUSED)
{
	struct pkt_flows *flows = pkt_flows_new();
	struct pkt_print_opts opts = {.flows = flows};
	char buf[PKT_PRINT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len;
		uint8_t *b = frame_make(lines[i].frame, &len);

		assert_int_equal(pkt_print(buf, sizeof(buf), b, len, len, &opts),
				 strlen(lines[i].text));
		assert_string_equal(buf, lines[i].text);
		free(b);
	}
	pkt_flows_free(flows);
}

static void frame_cut_anywhere_is_printed_within_it(void **state UNUSED)
{
	char buf[PKT_PRINT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len;
		uint8_t *b = frame_make(lines[i].frame, &len);

		for (size_t cut = 0; cut < len; cut++) {
			struct pkt_print_opts opts = {.verbose = (unsigned int)(cut % 4),
						      .has_link_header = cut % 2};
			uint8_t *part = malloc(cut ? cut : 1);

			assert_non_null(part);
			memcpy(part, b, cut);
			assert_true(pkt_print(buf, sizeof(buf), part, cut, len, &opts) > 0);
			/* also as a frame that was that short on the wire */
			assert_true(pkt_print(buf, sizeof(buf), part, cut, cut, &opts) > 0);
			free(part);
		}
		free(b);
	}
}

static void any_bit_flipped_is_printed_without_harm(void **state UNUSED)
{
	char buf[PKT_PRINT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len;
		uint8_t *b = frame_make(lines[i].frame, &len);

		for (size_t bit = 0; bit < len * 8; bit++) {
			struct pkt_print_opts opts = {.verbose = (unsigned int)(bit % 4)};

			b[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(pkt_print(buf, sizeof(buf), b, len, len, &opts) < sizeof(buf));
			b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(b);
	}
}

static void buffer_too_small_holds_the_beginning_of_the_text(void **state UNUSED)
{
	struct pkt_print_opts opts = {.verbose = 1};
	char whole[PKT_PRINT_SIZE];
	size_t len, n;
	uint8_t *b = frame_make(lines[9].frame, &len);

	n = pkt_print(whole, sizeof(whole), b, len, len, &opts);
	for (size_t size = 1; size <= n; size++) {
		char *buf = malloc(size);

		assert_non_null(buf);
		assert_int_equal(pkt_print(buf, size, b, len, len, &opts), size - 1);
		assert_memory_equal(buf, whole, size - 1);
		assert_int_equal(buf[size - 1], '\0');
		free(buf);
	}
	free(b);
}

static void verbose_packet_has_a_line_for_its_ip_header(void **state UNUSED)
{
	struct pkt_print_opts opts = {.verbose = 1, .has_link_header = true};
	char buf[PKT_PRINT_SIZE];
	size_t len;
	uint8_t *b = frame_make(lines[2].frame, &len);

	pkt_print(buf, sizeof(buf), b, len, len, &opts);
	assert_string_equal(buf,
			    "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800), "
			    "length 98: (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto ICMP "
			    "(1), length 84)\n    10.0.0.1 > 10.0.0.2: ICMP echo request, id 77, "
			    "seq 1, length 64");
	free(b);
}

static void packet_without_link_header_is_printed_by_its_version(void **state UNUSED)
{
	struct pkt_print_opts opts = {.is_quiet = true};
	char buf[PKT_PRINT_SIZE];
	size_t len;
	uint8_t *b = frame_make(lines[9].frame, &len);

	pkt_print_ip(buf, sizeof(buf), b + 14, len - 14, len - 14, &opts);
	assert_string_equal(buf, "IP 10.0.0.1.4000 > 10.0.0.2.80: tcp 0");
	pkt_print_ip(buf, sizeof(buf), "\x60", 1, 1, &opts);
	assert_string_equal(buf, "IP6  [|ip6]");
	pkt_print_ip(buf, sizeof(buf), NULL, 0, 0, &opts);
	assert_string_equal(buf, "IP  [|ip]");
	free(b);
}

static const char *host_of_test(void *arg, const uint8_t *addr, size_t addr_len)
{
	assert_string_equal(arg, "arg");
	return addr_len == 4 && addr[3] == 1 ? "pc" : NULL;
}

static const char *port_of_test(void *arg UNUSED, uint8_t ip_proto, uint16_t port)
{
	return ip_proto == 6 && port == 80 ? "http" : NULL;
}

static void names_replace_numbers_where_there_are_any(void **state UNUSED)
{
	char arg[] = "arg", buf[PKT_PRINT_SIZE];
	struct pkt_print_opts opts = {
		.is_quiet = true, .host_name = host_of_test, .port_name = port_of_test, .arg = arg};
	size_t len;
	uint8_t *b = frame_make(lines[9].frame, &len);

	pkt_print(buf, sizeof(buf), b, len, len, &opts);
	assert_string_equal(buf, "IP pc.4000 > 10.0.0.2.http: tcp 0");
	free(b);
}

static void bytes_are_printed_in_lines_of_sixteen(void **state UNUSED)
{
	char buf[256];

	pkt_print_hex(buf, sizeof(buf), "ABCDEFGHIJKLMNOP\n ", 18, true);
	assert_string_equal(buf, "\n\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50  "
				 "ABCDEFGHIJKLMNOP"
				 "\n\t0x0010:  0a20                                     ..");
	pkt_print_hex(buf, sizeof(buf), "ABC", 3, false);
	assert_string_equal(buf, "\n\t0x0000:  4142 43");
	pkt_print_text(buf, sizeof(buf), "GET /\r\n\033\x80\r!\r", 12);
	assert_string_equal(buf, "\nGET /\n...!");
}

/* Far more connections than there is room for: the printer forgets, and does not grow. */
static void connections_beyond_the_bound_take_the_place_of_others(void **state UNUSED)
{
	struct pkt_flows *flows = pkt_flows_new();
	struct pkt_print_opts opts = {.flows = flows};
	char buf[PKT_PRINT_SIZE];
	size_t len;
	uint8_t *b = frame_make(lines[11].frame, &len);

	for (unsigned int i = 0; i < 5000; i++) {
		b[34] = (uint8_t)(i >> 8);
		b[35] = (uint8_t)i;
		pkt_print(buf, sizeof(buf), b, len, len, &opts);
		assert_non_null(strstr(buf, "seq 1001:1028")); /* the first of its connection */
	}
	pkt_print(buf, sizeof(buf), b, len, len, &opts);
	assert_non_null(strstr(buf, "seq 0:27"));
	pkt_flows_free(flows);
	free(b);
}

/* A compressed name that points at itself, forwards, or in a circle. */
static void dns_name_in_a_circle_ends(void **state UNUSED)
{
	static const char *const tails[] = {"c00c", "c00e", "c0ff", "01610100", "4161", "3f"};
	struct pkt_print_opts opts = {.verbose = 3};
	char hex[512], buf[PKT_PRINT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		unsigned int n = (unsigned int)strlen(tails[i]) / 2;
		size_t len;
		uint8_t *b;

		snprintf(hex, sizeof(hex),
			 "020000000002020000000001080045000000000100004011000001020304050607080035"
			 "0035%04x0000000081800001000000000000%s",
			 20 + n, tails[i]);
		b = frame_make(hex, &len);
		b[17] = (uint8_t)(len - 14);
		pkt_print(buf, sizeof(buf), b, len, len, &opts);
		assert_non_null(strstr(buf, "[|domain]"));
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_printed_as_by_tcpdump),
		cmocka_unit_test(frame_cut_anywhere_is_printed_within_it),
		cmocka_unit_test(any_bit_flipped_is_printed_without_harm),
		cmocka_unit_test(buffer_too_small_holds_the_beginning_of_the_text),
		cmocka_unit_test(verbose_packet_has_a_line_for_its_ip_header),
		cmocka_unit_test(packet_without_link_header_is_printed_by_its_version),
		cmocka_unit_test(names_replace_numbers_where_there_are_any),
		cmocka_unit_test(bytes_are_printed_in_lines_of_sixteen),
		cmocka_unit_test(connections_beyond_the_bound_take_the_place_of_others),
		cmocka_unit_test(dns_name_in_a_circle_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
