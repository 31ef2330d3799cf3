/* SPDX-License-Identifier: MIT */
/*
 * A capture file. Every block that parses is written by our writer, after a section header of ours,
 * and read again: it must say the same.
 */
#include "fuzz.h"

#include "wire/pcapng.h"

#include <stdlib.h>

enum {
	MAX_OPTS = 16,     /* comments and custom options taken over from one packet */
	MAX_BLOCK = 60000, /* of longer ones, texts may be cut when written again */
	CUSTOM_PEN_LEN = 4,
};

static const struct pcapng_shb no_shb;

static void check(bool ok)
{
	if (!ok)
		abort();
}

static bool text_same(struct pcapng_text a, struct pcapng_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.s, b.s, a.len) == 0);
}

/* Room for a section header, which is written, and `len` bytes more; freed by out_free(). */
static struct wr out_new(size_t len)
{
	size_t size = pcapng_shb_len(&no_shb) + len;
	uint8_t *buf = malloc(size);
	struct wr w;

	check(buf != NULL);
	w = wr_make(buf, size);
	pcapng_shb_write(&w, &no_shb);
	return w;
}

static void out_free(struct wr *w)
{
	free(w->start);
}

/* The same with one byte too few has been written to: there is nothing but the section header. */
static void out_check_refused(struct wr *w)
{
	check(!wr_ok(w) && wr_len(w) == pcapng_shb_len(&no_shb));
	out_free(w);
}

/* The one block after the section header, which fills `w`. */
static struct pcapng_block out_block(const struct wr *w, uint32_t type)
{
	struct pcapng_reader in = pcapng_reader(w->start, wr_len(w));
	struct pcapng_block block, end;

	check(wr_ok(w) && wr_left(w) == 0);
	check(pcapng_next(&in, &block) == 1 && block.type == PCAPNG_SHB);
	check(pcapng_next(&in, &block) == 1 && block.type == type);
	check(pcapng_next(&in, &end) == 0);
	return block;
}

static void fuzz_shb(const struct pcapng_block *block)
{
	struct pcapng_block again;
	struct pcapng_shb a, b;
	struct wr w;

	if (pcapng_shb_parse(block, &a) < 0)
		return;
	w = out_new(pcapng_shb_len(&a) - 1);
	pcapng_shb_write(&w, &a);
	out_check_refused(&w);
	w = out_new(pcapng_shb_len(&a));
	pcapng_shb_write(&w, &a);
	again = out_block(&w, PCAPNG_SHB);
	check(pcapng_shb_parse(&again, &b) == 0);
	check(text_same(a.hardware, b.hardware) && text_same(a.os, b.os));
	check(text_same(a.userappl, b.userappl) && text_same(a.comment, b.comment));
	out_free(&w);
}

static void fuzz_idb(const struct pcapng_block *block)
{
	struct pcapng_block again;
	struct pcapng_idb a, b;
	struct wr w;

	if (pcapng_idb_parse(block, &a) < 0)
		return;
	check(pcapng_ts_ns(a.speed_bps, a.tsresol) >= 0);
	w = out_new(pcapng_idb_len(&a) - 1);
	pcapng_idb_write(&w, &a);
	out_check_refused(&w);
	w = out_new(pcapng_idb_len(&a));
	pcapng_idb_write(&w, &a);
	again = out_block(&w, PCAPNG_IDB);
	check(pcapng_idb_parse(&again, &b) == 0);
	check(a.linktype == b.linktype && a.snaplen == b.snaplen && a.tsresol == b.tsresol);
	check(a.speed_bps == b.speed_bps && text_same(a.name, b.name));
	check(text_same(a.description, b.description) && text_same(a.filter, b.filter));
	out_free(&w);
}

/* Comments and custom options of a packet, for writing. */
struct epb_opts {
	struct pcapng_text comments[MAX_OPTS];
	struct pcapng_custom customs[MAX_OPTS];
	size_t n_comments;
	size_t n_customs;
};

static void epb_opts_collect(struct pcapng_opts opts, struct epb_opts *ret)
{
	struct pcapng_opt opt;

	*ret = (struct epb_opts){.n_comments = 0};
	while (pcapng_opt_next(&opts, &opt) > 0) {
		if (opt.code == PCAPNG_OPT_COMMENT && ret->n_comments < MAX_OPTS && opt.len > 0)
			ret->comments[ret->n_comments++] =
				(struct pcapng_text){.s = (const char *)opt.data, .len = opt.len};
		if (opt.code == PCAPNG_OPT_CUSTOM_BYTES && ret->n_customs < MAX_OPTS &&
		    opt.len >= CUSTOM_PEN_LEN)
			ret->customs[ret->n_customs++] =
				(struct pcapng_custom){.pen = load_le32(opt.data),
						       .data = opt.data + CUSTOM_PEN_LEN,
						       .len = (size_t)opt.len - CUSTOM_PEN_LEN};
	}
}

/* Writes the packet with its bytes given or filled in afterwards. */
static void epb_write(struct wr *w, const struct pcapng_epb *epb, bool afterwards)
{
	struct pcapng_epb bare = *epb;
	uint8_t *data;

	if (!afterwards) {
		check(pcapng_epb_write(w, epb) != NULL);
		return;
	}
	bare.data = NULL;
	data = pcapng_epb_write(w, &bare);
	check(data != NULL);
	if (epb->cap_len > 0)
		memcpy(data, epb->data, epb->cap_len);
}

static void fuzz_epb(const struct pcapng_block *block)
{
	struct epb_opts extra, extra2;
	struct pcapng_block again;
	struct pcapng_opts opts;
	struct pcapng_epb a, b;
	struct wr w;

	if (pcapng_epb_parse(block, &a, &opts) < 0)
		return;
	epb_opts_collect(opts, &extra);
	a.comments = extra.comments;
	a.n_comments = extra.n_comments;
	a.customs = extra.customs;
	a.n_customs = extra.n_customs;
	w = out_new(pcapng_epb_len(&a) - 1);
	check(pcapng_epb_write(&w, &a) == NULL);
	out_check_refused(&w);
	w = out_new(pcapng_epb_len(&a));
	epb_write(&w, &a, a.if_id & 1);
	again = out_block(&w, PCAPNG_EPB);
	check(pcapng_epb_parse(&again, &b, &opts) == 0);
	epb_opts_collect(opts, &extra2);
	check(a.if_id == b.if_id && a.ts == b.ts && a.orig_len == b.orig_len);
	check(a.cap_len == b.cap_len && memcmp(a.data, b.data, a.cap_len) == 0);
	check(a.flags == b.flags && a.has_drops == b.has_drops && a.n_drops == b.n_drops);
	check(a.has_packet_id == b.has_packet_id && a.packet_id == b.packet_id);
	check(extra.n_comments == extra2.n_comments && extra.n_customs == extra2.n_customs);
	for (size_t i = 0; i < extra.n_comments; i++)
		check(text_same(extra.comments[i], extra2.comments[i]));
	out_free(&w);
}

static void fuzz_isb(const struct pcapng_block *block)
{
	struct pcapng_block again;
	struct pcapng_isb a, b;
	struct wr w;

	if (pcapng_isb_parse(block, &a) < 0)
		return;
	w = out_new(pcapng_isb_len(&a) - 1);
	pcapng_isb_write(&w, &a);
	out_check_refused(&w);
	w = out_new(pcapng_isb_len(&a));
	pcapng_isb_write(&w, &a);
	again = out_block(&w, PCAPNG_ISB);
	check(pcapng_isb_parse(&again, &b) == 0);
	check(a.if_id == b.if_id && a.ts == b.ts && text_same(a.comment, b.comment));
	check(a.has_start == b.has_start && a.start_ts == b.start_ts);
	check(a.has_end == b.has_end && a.end_ts == b.end_ts);
	check(a.has_received == b.has_received && a.n_received == b.n_received);
	check(a.has_dropped == b.has_dropped && a.n_dropped == b.n_dropped);
	out_free(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcapng_reader in = pcapng_reader(data, size);
	struct pcapng_block block;

	while (pcapng_next(&in, &block) > 0) {
		if (rd_left(&block.body) > MAX_BLOCK)
			continue;
		if (block.type == PCAPNG_SHB)
			fuzz_shb(&block);
		else if (block.type == PCAPNG_IDB)
			fuzz_idb(&block);
		else if (block.type == PCAPNG_EPB)
			fuzz_epb(&block);
		else if (block.type == PCAPNG_ISB)
			fuzz_isb(&block);
	}
	return 0;
}
