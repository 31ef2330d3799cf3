/* SPDX-License-Identifier: MIT */
/* pcapng blocks written and read back, in the other byte order too, and damaged. */
#include "wire_test.h"

#include <errno.h>

#include "wire/pcapng.h"

enum {
	BUF_LEN = 4096,
};

static const uint8_t packet[61] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6};

static const struct pcapng_text comments[] = {
	{.s = "dropped: no route", .len = 17},
	{.s = "", .len = 0},
	{.s = "trace 7", .len = 7},
};

static const struct pcapng_custom customs[] = {{.pen = 32473, .data = packet, .len = 5}};

static const struct pcapng_epb full_epb = {
	.if_id = 3,
	.ts = 0x1122334455667788,
	.cap_len = sizeof(packet),
	.orig_len = 1514,
	.data = packet,
	.flags = PCAPNG_DIR_OUT,
	.has_drops = true,
	.n_drops = 5,
	.has_packet_id = true,
	.packet_id = 0xabcdef0123456789,
	.comments = comments,
	.n_comments = ARRAY_SIZE(comments),
	.customs = customs,
	.n_customs = ARRAY_SIZE(customs),
};

static const struct pcapng_isb full_isb = {
	.if_id = 3,
	.ts = 5000000000,
	.has_start = true,
	.start_ts = 1,
	.has_end = true,
	.end_ts = 5000000000,
	.has_received = true,
	.n_received = 1000,
	.has_dropped = true,
	.n_dropped = 2,
};

static void assert_text(struct pcapng_text got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len > 0)
		assert_memory_equal(got.s, want, got.len);
}

/* A section with one interface, two packets and statistics. Returns its length. */
static size_t file_write(uint8_t *buf, size_t size)
{
	struct wr w = wr_make(buf, size);

	pcapng_shb_write(&w, &(struct pcapng_shb){.hardware = pcapng_text("x86-64"),
						  .os = pcapng_text("weft"),
						  .userappl = pcapng_text("weft 0.1"),
						  .comment = pcapng_text("lab home")});
	pcapng_idb_write(&w, &(struct pcapng_idb){.linktype = PCAPNG_LINKTYPE_ETHERNET,
						  .tsresol = PCAPNG_TSRESOL_NS,
						  .snaplen = 65535,
						  .speed_bps = 50000000,
						  .name = pcapng_text("router.wan"),
						  .description = pcapng_text("to the ISP"),
						  .filter = pcapng_text("tcp port 80")});
	assert_non_null(pcapng_epb_write(&w, &full_epb));
	assert_non_null(pcapng_epb_write(&w, &(struct pcapng_epb){.if_id = 0}));
	pcapng_isb_write(&w, &full_isb);
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

static struct pcapng_block next(struct pcapng_reader *in, uint32_t type)
{
	struct pcapng_block block;

	assert_int_equal(pcapng_next(in, &block), 1);
	assert_int_equal(block.type, type);
	return block;
}

static void known_blocks_are_written_byte_by_byte(void **state UNUSED)
{
	static const uint8_t want[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 28,   0,    0,    0,    0x4d, 0x3c, 0x2b, 0x1a, 1, 0,    0,
		0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28,   0,    0,    0, /* SHB */
		1,    0,    0,    0,    40,   0,    0,    0,    1,    0,    0,    0,    0, 0,    4,
		0,    2,    0,    2,    0,    'l',  'o',  0,    0,    9,    0,    1,    0, 9,    0,
		0,    0,    0,    0,    0,    0,    40,   0,    0,    0, /* IDB */
		6,    0,    0,    0,    36,   0,    0,    0,    0,    0,    0,    0,    1, 0,    0,
		0,    2,    0,    0,    0,    1,    0,    0,    0,    60,   0,    0,    0, 0xff, 0,
		0,    0,    36,   0,    0,    0, /* EPB */
	};
	uint8_t buf[sizeof(want)];
	struct wr w = wr_make(buf, sizeof(buf));

	pcapng_shb_write(&w, &(struct pcapng_shb){.os.len = 0});
	pcapng_idb_write(&w, &(struct pcapng_idb){.linktype = PCAPNG_LINKTYPE_ETHERNET,
						  .tsresol = PCAPNG_TSRESOL_NS,
						  .snaplen = 0x40000,
						  .name = pcapng_text("lo")});
	assert_non_null(pcapng_epb_write(
		&w, &(struct pcapng_epb){
			    .ts = 0x100000002, .cap_len = 1, .orig_len = 60, .data = packet}));
	assert_true(wr_ok(&w));
	assert_int_equal(wr_left(&w), 0);
	assert_memory_equal(buf, want, sizeof(want));
}

/* Reads what file_write() wrote, in either byte order. */
static void assert_file(const uint8_t *buf, size_t len)
{
	struct pcapng_reader in = pcapng_reader(buf, len);
	struct pcapng_block block;
	struct pcapng_opts opts;
	struct pcapng_shb shb;
	struct pcapng_idb idb;
	struct pcapng_epb epb;
	struct pcapng_isb isb;

	block = next(&in, PCAPNG_SHB);
	assert_int_equal(pcapng_shb_parse(&block, &shb), 0);
	assert_text(shb.hardware, "x86-64");
	assert_text(shb.os, "weft");
	assert_text(shb.userappl, "weft 0.1");
	assert_text(shb.comment, "lab home");
	block = next(&in, PCAPNG_IDB);
	assert_int_equal(pcapng_idb_parse(&block, &idb), 0);
	assert_int_equal(idb.linktype, PCAPNG_LINKTYPE_ETHERNET);
	assert_int_equal(idb.tsresol, PCAPNG_TSRESOL_NS);
	assert_int_equal(idb.snaplen, 65535);
	assert_int_equal(idb.speed_bps, 50000000);
	assert_text(idb.name, "router.wan");
	assert_text(idb.description, "to the ISP");
	assert_text(idb.filter, "tcp port 80");
	block = next(&in, PCAPNG_EPB);
	assert_int_equal(pcapng_epb_parse(&block, &epb, &opts), 0);
	assert_int_equal(epb.if_id, full_epb.if_id);
	assert_int_equal(epb.ts, full_epb.ts);
	assert_int_equal(epb.orig_len, full_epb.orig_len);
	assert_int_equal(epb.cap_len, full_epb.cap_len);
	assert_memory_equal(epb.data, packet, sizeof(packet));
	assert_int_equal(epb.flags, PCAPNG_DIR_OUT);
	assert_true(epb.has_drops && epb.has_packet_id);
	assert_int_equal(epb.n_drops, 5);
	assert_int_equal(epb.packet_id, full_epb.packet_id);
	block = next(&in, PCAPNG_EPB);
	assert_int_equal(pcapng_epb_parse(&block, &epb, &opts), 0);
	assert_int_equal(epb.cap_len, 0);
	assert_false(epb.has_drops || epb.has_packet_id);
	block = next(&in, PCAPNG_ISB);
	assert_int_equal(pcapng_isb_parse(&block, &isb), 0);
	assert_memory_equal(&isb, &full_isb, sizeof(isb));
	assert_int_equal(pcapng_next(&in, &block), 0);
	assert_int_equal(pcapng_next(&in, &block), 0);
}

static void written_file_is_read_back(void **state UNUSED)
{
	uint8_t buf[BUF_LEN], *copy;
	size_t len = file_write(buf, sizeof(buf));

	copy = exact_copy(buf, len);
	assert_file(copy, len);
	free(copy);
}

static void comments_and_custom_options_are_iterated_in_order(void **state UNUSED)
{
	uint8_t buf[BUF_LEN];
	struct wr w = wr_make(buf, sizeof(buf));
	unsigned int n_comments = 0, n_customs = 0;
	struct pcapng_reader in;
	struct pcapng_block block;
	struct pcapng_opts opts;
	struct pcapng_epb epb;
	struct pcapng_opt opt;

	pcapng_shb_write(&w, &(struct pcapng_shb){.os.len = 0});
	pcapng_epb_write(&w, &full_epb);
	in = pcapng_reader(buf, wr_len(&w));
	next(&in, PCAPNG_SHB);
	block = next(&in, PCAPNG_EPB);
	assert_int_equal(pcapng_epb_parse(&block, &epb, &opts), 0);
	while (pcapng_opt_next(&opts, &opt) == 1) {
		if (opt.code == PCAPNG_OPT_COMMENT) {
			const char *want = n_comments++ == 0 ? "dropped: no route" : "trace 7";

			assert_int_equal(opt.len, strlen(want));
			assert_memory_equal(opt.data, want, opt.len);
		} else if (opt.code == PCAPNG_OPT_CUSTOM_BYTES) {
			n_customs++;
			assert_int_equal(opt.len, 4 + 5);
			assert_int_equal(load_le32(opt.data), 32473);
			assert_memory_equal(opt.data + 4, packet, 5);
		}
	}
	assert_int_equal(n_comments, 2); /* the empty one is left out */
	assert_int_equal(n_customs, 1);
}

static void each_block_takes_the_length_foretold(void **state UNUSED)
{
	const struct pcapng_shb shb = {.os = pcapng_text("weft")};
	const struct pcapng_idb idb = {.name = pcapng_text("eth0"), .filter = pcapng_text("ip")};
	uint8_t buf[BUF_LEN];
	struct wr w = wr_make(buf, sizeof(buf));
	size_t len = pcapng_shb_len(&shb);

	pcapng_shb_write(&w, &shb);
	assert_int_equal(wr_len(&w), len);
	len += pcapng_idb_len(&idb);
	pcapng_idb_write(&w, &idb);
	assert_int_equal(wr_len(&w), len);
	len += pcapng_epb_len(&full_epb);
	pcapng_epb_write(&w, &full_epb);
	assert_int_equal(wr_len(&w), len);
	len += pcapng_isb_len(&full_isb);
	pcapng_isb_write(&w, &full_isb);
	assert_int_equal(wr_len(&w), len);
}

static void block_without_room_writes_nothing(void **state UNUSED)
{
	const struct pcapng_shb shb = {.os = pcapng_text("weft")};
	const struct pcapng_idb idb = {.name = pcapng_text("eth0")};
	uint8_t buf[BUF_LEN];
	struct wr w;

	w = wr_make(buf, pcapng_shb_len(&shb) - 1);
	pcapng_shb_write(&w, &shb);
	assert_true(!wr_ok(&w) && wr_len(&w) == 0);
	w = wr_make(buf, pcapng_idb_len(&idb) - 1);
	pcapng_idb_write(&w, &idb);
	assert_true(!wr_ok(&w) && wr_len(&w) == 0);
	w = wr_make(buf, pcapng_epb_len(&full_epb) - 1);
	assert_null(pcapng_epb_write(&w, &full_epb));
	assert_true(!wr_ok(&w) && wr_len(&w) == 0);
	w = wr_make(buf, pcapng_isb_len(&full_isb) - 1);
	pcapng_isb_write(&w, &full_isb);
	assert_true(!wr_ok(&w) && wr_len(&w) == 0);
}

static void packet_bytes_may_be_filled_in_afterwards(void **state UNUSED)
{
	uint8_t whole[BUF_LEN], later[BUF_LEN], *data;
	struct wr w1 = wr_make(whole, sizeof(whole)), w2 = wr_make(later, sizeof(later));
	struct pcapng_epb epb = full_epb;

	pcapng_epb_write(&w1, &epb);
	epb.data = NULL;
	data = pcapng_epb_write(&w2, &epb);
	assert_non_null(data);
	memcpy(data, packet, sizeof(packet));
	assert_int_equal(wr_len(&w1), wr_len(&w2));
	assert_memory_equal(whole, later, wr_len(&w1));
}

static void text_too_long_for_an_option_is_cut_between_characters(void **state UNUSED)
{
	static char text[70000];
	static uint8_t buf[80000];
	const struct pcapng_text comment = {.s = text, .len = sizeof(text)};
	struct wr w = wr_make(buf, sizeof(buf));
	struct pcapng_reader in;
	struct pcapng_block block;
	struct pcapng_shb shb;
	struct pcapng_idb idb;

	for (size_t i = 0; i < sizeof(text); i++) /* two-byte characters, from an odd place on */
		text[i] = (i == 0 ? "x" : i % 2 ? "\xc3" : "\xa4")[0];
	pcapng_shb_write(&w, &(struct pcapng_shb){.comment = comment});
	assert_true(wr_ok(&w));
	in = pcapng_reader(buf, wr_len(&w));
	block = next(&in, PCAPNG_SHB);
	assert_int_equal(pcapng_shb_parse(&block, &shb), 0);
	assert_int_equal(shb.comment.len, PCAPNG_TEXT_MAX - 1);
	assert_int_equal((uint8_t)shb.comment.s[shb.comment.len - 1], 0xa4);

	w = wr_make(buf, sizeof(buf));
	pcapng_shb_write(&w, &(struct pcapng_shb){.os.len = 0});
	pcapng_idb_write(&w, &(struct pcapng_idb){.filter = comment});
	assert_true(wr_ok(&w));
	in = pcapng_reader(buf, wr_len(&w));
	next(&in, PCAPNG_SHB);
	block = next(&in, PCAPNG_IDB);
	assert_int_equal(pcapng_idb_parse(&block, &idb), 0);
	assert_int_equal(idb.filter.len, PCAPNG_TEXT_MAX - 1);
}

/* Parses every block of `buf`; the result is the reader's last word. */
static int read_all(const uint8_t *buf, size_t len)
{
	struct pcapng_reader in = pcapng_reader(buf, len);
	struct pcapng_block block;
	struct pcapng_opts opts;
	struct pcapng_opt opt;
	struct pcapng_shb shb;
	struct pcapng_idb idb;
	struct pcapng_epb epb;
	struct pcapng_isb isb;
	int err;

	while ((err = pcapng_next(&in, &block)) > 0) {
		(void)!pcapng_shb_parse(&block, &shb);
		(void)!pcapng_idb_parse(&block, &idb);
		(void)!pcapng_isb_parse(&block, &isb);
		if (pcapng_epb_parse(&block, &epb, &opts) < 0)
			continue;
		while (pcapng_opt_next(&opts, &opt) > 0)
			;
	}
	return err;
}

static void file_cut_within_a_block_is_incomplete(void **state UNUSED)
{
	uint8_t buf[BUF_LEN];
	size_t len = file_write(buf, sizeof(buf)), n_whole = 0;

	for (size_t n = 0; n <= len; n++) {
		uint8_t *copy = exact_copy(buf, n);
		int err = read_all(copy, n);

		n_whole += err == 0;
		assert_true(err == 0 || err == -ENODATA);
		free(copy);
	}
	assert_int_equal(n_whole, 6); /* nothing, and the end of each block */
}

/* Each block's body cut to every length: its parser sees exactly so many bytes. */
static void block_cut_anywhere_is_parsed_within_its_end(void **state UNUSED)
{
	const struct {
		uint32_t type;
		size_t fixed_len;
	} fixed[] = {{PCAPNG_SHB, 16}, {PCAPNG_IDB, 8}, {PCAPNG_EPB, 20}, {PCAPNG_ISB, 12}};
	uint8_t buf[BUF_LEN];
	struct pcapng_reader in = pcapng_reader(buf, file_write(buf, sizeof(buf)));
	struct pcapng_block whole;

	while (pcapng_next(&in, &whole) == 1) {
		size_t len = rd_left(&whole.body), fixed_len = 0;

		for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
			if (fixed[i].type == whole.type)
				fixed_len = fixed[i].fixed_len;
		for (size_t n = 0; n < len; n++) {
			uint8_t *copy = exact_copy(whole.body.p, n);
			struct pcapng_block cut = {.type = whole.type, .body = rd_make(copy, n)};
			struct pcapng_opts opts;
			struct pcapng_shb shb;
			struct pcapng_idb idb;
			struct pcapng_epb epb;
			struct pcapng_isb isb;
			int err;

			if (whole.type == PCAPNG_SHB)
				err = pcapng_shb_parse(&cut, &shb);
			else if (whole.type == PCAPNG_IDB)
				err = pcapng_idb_parse(&cut, &idb);
			else if (whole.type == PCAPNG_EPB)
				err = pcapng_epb_parse(&cut, &epb, &opts);
			else
				err = pcapng_isb_parse(&cut, &isb);
			if (n < fixed_len)
				assert_int_equal(err, -EBADMSG);
			free(copy);
		}
	}
}

static void swap(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t b = p[i];

		p[i] = p[n - 1 - i];
		p[n - 1 - i] = b;
	}
}

/* Turns the options from `p` on to the other byte order: all numbers, by their length. */
static void opts_swap(uint8_t *p, const uint8_t *end, uint32_t type)
{
	while (p < end) {
		uint16_t code = load_le16(p), len = load_le16(p + 2);

		swap(p, 2);
		swap(p + 2, 2);
		if (type == PCAPNG_ISB &&
		    (code == PCAPNG_ISB_STARTTIME || code == PCAPNG_ISB_ENDTIME)) {
			swap(p + 4, 4);
			swap(p + 8, 4);
		} else if ((type == PCAPNG_IDB && code == PCAPNG_IF_SPEED) ||
			   (type == PCAPNG_ISB && code > PCAPNG_ISB_ENDTIME) ||
			   (type == PCAPNG_EPB &&
			    (code == PCAPNG_EPB_FLAGS || code == PCAPNG_EPB_DROPCOUNT ||
			     code == PCAPNG_EPB_PACKETID))) {
			swap(p + 4, len);
		}
		p += 4 + (len + 3) / 4 * 4;
	}
}

/* Turns a little-endian file to big-endian. */
static void file_swap(uint8_t *buf, size_t len)
{
	for (uint8_t *p = buf; p < buf + len;) {
		uint32_t type = load_le32(p), block_len = load_le32(p + 4);
		uint8_t *body = p + 8, *end = p + block_len - 4, *opts;

		if (type == PCAPNG_SHB) {
			swap(body, 4);
			swap(body + 4, 2);
			opts = body + 16;
		} else if (type == PCAPNG_IDB) {
			swap(body, 2);
			swap(body + 4, 4);
			opts = body + 8;
		} else if (type == PCAPNG_EPB) {
			opts = body + 20 + (load_le32(body + 12) + 3) / 4 * 4;
			for (size_t i = 0; i < 20; i += 4)
				swap(body + i, 4);
		} else {
			for (size_t i = 0; i < 12; i += 4)
				swap(body + i, 4);
			opts = body + 12;
		}
		opts_swap(opts, end, type);
		swap(p, 4);
		swap(p + 4, 4);
		swap(end, 4);
		p += block_len;
	}
}

static void file_in_the_other_byte_order_reads_the_same(void **state UNUSED)
{
	uint8_t buf[BUF_LEN], *copy;
	size_t len = file_write(buf, sizeof(buf));

	file_swap(buf, len);
	assert_int_equal(load_be32(buf + 8), 0x1a2b3c4d);
	copy = exact_copy(buf, len);
	assert_file(copy, len);
	free(copy);
}

static void file_of_another_kind_is_refused(void **state UNUSED)
{
	const struct {
		uint8_t bytes[28];
		const char *what;
	} cases[] = {
		{{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0}, "classic pcap"},
		{{6, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0}, "packet before a section"},
		{{10, 13, 13, 10, 28, 0, 0, 0, 1, 2, 3, 4}, "magic number"},
		{{10, 13, 13, 10, 8, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a}, "length below the frame"},
		{{10, 13, 13, 10, 29, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a}, "length not padded"},
		{{10, 13, 13, 10, 0, 0, 0, 2, 0x4d, 0x3c, 0x2b, 0x1a}, "length beyond the limit"},
		{{10, 13, 13, 10, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, [24] = 32},
		 "lengths differ"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pcapng_reader in = pcapng_reader(cases[i].bytes, sizeof(cases[i].bytes));
		struct pcapng_block block = {.type = 99};

		if (pcapng_next(&in, &block) != -EBADMSG)
			fail_msg("%s", cases[i].what);
		assert_int_equal(block.type, 99);
		assert_ptr_equal(in.r.p, cases[i].bytes);
	}
}

static void options_of_the_wrong_length_are_refused(void **state UNUSED)
{
	const uint32_t types[] = {PCAPNG_IDB, PCAPNG_IDB, PCAPNG_IDB, PCAPNG_EPB, PCAPNG_EPB,
				  PCAPNG_EPB, PCAPNG_ISB, PCAPNG_ISB, PCAPNG_ISB, PCAPNG_ISB};
	const uint8_t codes[] = {PCAPNG_IF_SPEED,      PCAPNG_IF_TSRESOL,    PCAPNG_IF_FILTER,
				 PCAPNG_EPB_FLAGS,     PCAPNG_EPB_DROPCOUNT, PCAPNG_EPB_PACKETID,
				 PCAPNG_ISB_STARTTIME, PCAPNG_ISB_ENDTIME,   PCAPNG_ISB_IFRECV,
				 PCAPNG_ISB_IFDROP};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		uint8_t body[40] = {0};
		size_t fixed_len = types[i] == PCAPNG_IDB ? 8 : types[i] == PCAPNG_EPB ? 20 : 12;
		uint8_t wrong_len = codes[i] == PCAPNG_IF_FILTER ? 0 : 3;
		struct pcapng_block block = {.type = types[i],
					     .body = rd_make(body, fixed_len + 4u + wrong_len + 1)};
		struct pcapng_opts opts;
		struct pcapng_idb idb;
		struct pcapng_epb epb;
		struct pcapng_isb isb;

		body[fixed_len] = codes[i];
		body[fixed_len + 2] = wrong_len;
		if (wrong_len == 0)
			block.body = rd_make(body, fixed_len + 4);
		if (types[i] == PCAPNG_IDB)
			assert_int_equal(pcapng_idb_parse(&block, &idb), -EBADMSG);
		else if (types[i] == PCAPNG_EPB)
			assert_int_equal(pcapng_epb_parse(&block, &epb, &opts), -EBADMSG);
		else
			assert_int_equal(pcapng_isb_parse(&block, &isb), -EBADMSG);
	}
}

static void unknown_options_and_binary_filters_are_passed_over(void **state UNUSED)
{
	const uint8_t body[] = {1,  0, 0, 0, 0,   0,   0, 0,                   /* fixed */
				4,  0, 8, 0, 192, 0,   2, 1, 255, 255, 255, 0, /* if_IPv4addr */
				11, 0, 2, 0, 1,   9,   0, 0,  /* filter: a program */
				2,  0, 4, 0, 'l', 'o', 0, 0}; /* name with NULs; no end */
	struct pcapng_block block = {.type = PCAPNG_IDB, .body = rd_make(body, sizeof(body))};
	struct pcapng_idb idb;

	assert_int_equal(pcapng_idb_parse(&block, &idb), 0);
	assert_text(idb.name, "lo");
	assert_int_equal(idb.filter.len, 0);
	assert_int_equal(idb.tsresol, PCAPNG_TSRESOL_US);
}

static void damage_at_random_is_read_within_the_bytes(void **state UNUSED)
{
	struct rng rng = RNG_FIXED;
	uint8_t buf[BUF_LEN];
	size_t len = file_write(buf, sizeof(buf));

	for (int i = 0; i < N_RANDOM * 5; i++) {
		uint8_t *copy = exact_copy(buf, len);

		for (unsigned int n = 1 + rng_u32(&rng) % 8; n > 0; n--)
			copy[rng_u32(&rng) % len] = (uint8_t)rng_u32(&rng);
		assert_true(read_all(copy, len) <= 0);
		free(copy);
	}
}

static void timestamps_become_nanoseconds_whatever_the_unit(void **state UNUSED)
{
	const struct {
		uint64_t ts;
		uint8_t tsresol;
		int64_t want;
	} cases[] = {
		{5, 9, 5},
		{5, 6, 5000},
		{5, 0, 5000000000},
		{5000, 12, 5},
		{5999, 12, 5},
		{UINT64_MAX, 127, 0},
		{UINT64_MAX, 9, INT64_MAX},
		{INT64_MAX, 9, INT64_MAX},
		{UINT64_MAX, 6, INT64_MAX},
		{UINT64_MAX, 0, INT64_MAX},
		{9223372036, 0, 9223372036000000000},
		{3, 0x80, 3000000000},
		{3, 0x81, 1500000000},
		{(uint64_t)7 << 32 | 0x80000000, 0xa0, 7500000000},
		{(uint64_t)3 << 62, 0xbf, 1500000000}, /* 2^-63 s */
		{(uint64_t)1 << 63, 0xc0, 500000000},  /* 2^-64 s */
		{UINT64_MAX, 0xff, 0},
		{UINT64_MAX, 0x80, INT64_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(pcapng_ts_ns(cases[i].ts, cases[i].tsresol), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_blocks_are_written_byte_by_byte),
		cmocka_unit_test(written_file_is_read_back),
		cmocka_unit_test(comments_and_custom_options_are_iterated_in_order),
		cmocka_unit_test(each_block_takes_the_length_foretold),
		cmocka_unit_test(block_without_room_writes_nothing),
		cmocka_unit_test(packet_bytes_may_be_filled_in_afterwards),
		cmocka_unit_test(text_too_long_for_an_option_is_cut_between_characters),
		cmocka_unit_test(file_cut_within_a_block_is_incomplete),
		cmocka_unit_test(block_cut_anywhere_is_parsed_within_its_end),
		cmocka_unit_test(file_in_the_other_byte_order_reads_the_same),
		cmocka_unit_test(file_of_another_kind_is_refused),
		cmocka_unit_test(options_of_the_wrong_length_are_refused),
		cmocka_unit_test(unknown_options_and_binary_filters_are_passed_over),
		cmocka_unit_test(damage_at_random_is_read_within_the_bytes),
		cmocka_unit_test(timestamps_become_nanoseconds_whatever_the_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
