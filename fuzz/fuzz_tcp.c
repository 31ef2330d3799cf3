/* SPDX-License-Identifier: MIT */
/*
 * A TCP segment. A header that parses is written back as it was, but for reserved bits; options
 * that fit are written in our order, and read the same as before.
 */
#include "fuzz.h"

#include "wire/tcp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static void check_header(const uint8_t *in, const struct tcp_hdr *hdr)
{
	uint8_t out[TCP_HDR_LEN];

	tcp_hdr_write(out, hdr);
	out[12] |= in[12] & 0x0e;
	assert(memcmp(in, out, sizeof(out)) == 0);
}

static void check_same(const struct tcp_opts *a, const struct tcp_opts *b)
{
	assert(a->has_mss == b->has_mss && a->mss == b->mss);
	assert(a->has_wscale == b->has_wscale && a->wscale == b->wscale);
	assert(a->sack_ok == b->sack_ok);
	assert(a->has_ts == b->has_ts && a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr);
	assert(a->has_tfo == b->has_tfo && a->tfo_exp == b->tfo_exp && a->tfo_len == b->tfo_len);
	assert(a->tfo_len == 0 || memcmp(a->tfo, b->tfo, a->tfo_len) == 0);
	assert(!a->md5 == !b->md5 && (!a->md5 || memcmp(a->md5, b->md5, TCP_MD5_LEN) == 0));
	assert(a->n_sack == b->n_sack);
	assert(memcmp(a->sack, b->sack, a->n_sack * sizeof(a->sack[0])) == 0);
}

static void check_options(const struct tcp_opts *opts)
{
	size_t len = tcp_opts_len(opts);
	struct tcp_opts back;
	uint8_t *out;
	int err;

	assert(opts->n_sack <= TCP_SACK_MAX);
	assert(len % 4 == 0);
	if (len > TCP_OPTS_MAX)
		return;
	assert(opts->n_sack <= tcp_opts_sack_room(opts));
	out = malloc(len ? len : 1);
	if (!out)
		return;
	len = tcp_opts_write(out, opts);
	assert(len == tcp_opts_len(opts));
	err = tcp_opts_parse(out, len, &back);
	assert(err == 0 && back.n_unknown == 0);
	(void)err;
	check_same(opts, &back);
	free(out);
}

/* A clamp lowers the MSS to its bound and leaves all else, or leaves everything. */
static void check_clamp(const uint8_t *in, const struct tcp_hdr *hdr, struct tcp_opts *opts,
			bool ok)
{
	bool has_csum = hdr->src_port & 1;
	uint8_t *p = malloc(hdr->data_off);
	struct tcp_opts back;
	int done, err;

	if (!p)
		return;
	memcpy(p, in, hdr->data_off);
	done = tcp_mss_lower(p, hdr->data_off, hdr->wnd, has_csum);
	if (done == 1) {
		assert(has_csum || memcmp(p, in, TCP_HDR_LEN) == 0);
		err = tcp_opts_parse(p + TCP_HDR_LEN, hdr->data_off - (size_t)TCP_HDR_LEN, &back);
		assert(!ok || (err == 0 && back.has_mss && back.mss <= hdr->wnd));
		if (ok && err == 0) {
			opts->mss = back.mss;
			check_same(opts, &back);
		}
	} else {
		assert(done == 0 || done == -EBADMSG);
		assert(memcmp(p, in, hdr->data_off) == 0);
	}
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(data, size);
	struct tcp_opts opts;
	struct tcp_hdr hdr;
	bool ok;

	if (tcp_hdr_parse(&r, &hdr) < 0)
		return 0;
	assert(rd_left(&r) == size - hdr.data_off);
	check_header(data, &hdr);
	ok = tcp_opts_parse(data + TCP_HDR_LEN, hdr.data_off - (size_t)TCP_HDR_LEN, &opts) == 0;
	if (ok)
		check_options(&opts);
	check_clamp(data, &hdr, &opts, ok);
	return 0;
}
