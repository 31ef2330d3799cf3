/* SPDX-License-Identifier: MIT */
/* Captures: the stream is read back with our own pcapng reader. */
#include "core_fixture.h"

#include "core/capture.h"
#include "wire/pcapng.h"

#include <errno.h>
#include <stdio.h>

struct stream {
	uint8_t *buf;
	size_t len;
};

static void collect(void *arg, const void *blocks, size_t len)
{
	struct stream *s = arg;

	s->buf = realloc(s->buf, s->len + len);
	memcpy(s->buf + s->len, blocks, len);
	s->len += len;
}

/* One line a block: what a test wants to see. */
static void describe(const struct stream *s, char *out, size_t size)
{
	struct pcapng_reader in = pcapng_reader(s->buf, s->len);
	struct pcapng_block block;
	size_t n = 0;

	out[0] = '\0';
	while (pcapng_next(&in, &block) == 1) {
		struct pcapng_epb epb;
		struct pcapng_opts opts;
		struct pcapng_opt opt;

		if (block.type != PCAPNG_EPB) {
			n += (size_t)snprintf(out + n, size - n, "block %x\n", block.type);
			continue;
		}
		assert_int_equal(pcapng_epb_parse(&block, &epb, &opts), 0);
		n += (size_t)snprintf(out + n, size - n, "if %u len %u dir %u", epb.if_id,
				      epb.orig_len, epb.flags & PCAPNG_DIR_MASK);
		while (pcapng_opt_next(&opts, &opt) == 1)
			if (opt.code == 1)
				n += (size_t)snprintf(out + n, size - n, " [%.*s]", opt.len,
						      (const char *)opt.data);
		n += (size_t)snprintf(out + n, size - n, "\n");
	}
	assert_int_equal(pcapng_next(&in, &block), 0);
}

static void answer(struct fixture *f, struct pkt *pkt)
{
	(void)pkt;
	assert_int_equal(netif_tx(&f->netif, frame(f, 70)), 0);
}

static void drop_reason_goes_to_the_record_in_front_of_its_answer(void **state)
{
	struct fixture *f = *state;
	struct stream s = {NULL, 0};
	struct capture *cap;
	char text[1024];

	assert_int_equal(capture_new(f->eng, 0, collect, &s, &cap), 0);
	assert_int_equal(capture_add(cap, &f->netif), 0);
	assert_int_equal(capture_add(cap, &f->netif), -EEXIST);
	f->on_input = answer;
	f->verdict = DROP_UDP_NO_PORT;
	netif_rx(&f->netif, frame(f, 60));
	netif_rx(&f->netif, frame(f, 61));
	engine_run(f->eng, 1);
	capture_free(cap);
	describe(&s, text, sizeof(text));
	assert_string_equal(text,
			    "block a0d0d0a\nblock 1\n"
			    "if 0 len 60 dir 1 [trace 1] [dropped: UDP_NO_PORT: no socket bound to "
			    "the destination port]\n"
			    "if 0 len 70 dir 2 [trace 2]\n"
			    "if 0 len 61 dir 1 [trace 3] [dropped: UDP_NO_PORT: no socket bound to "
			    "the destination port]\n"
			    "if 0 len 70 dir 2 [trace 4]\n"
			    "block 5\n");
	free(s.buf);
}

static void packet_dropped_from_a_queue_gets_a_record_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct stream s = {NULL, 0};
	struct capture *cap;
	char text[1024];

	assert_int_equal(capture_new(f->eng, 0, collect, &s, &cap), 0);
	assert_int_equal(capture_add(cap, &f->netif), 0);
	assert_int_equal(netif_tx(&f->netif, frame(f, 60)), 0);
	pkt_drop(f->st, pktq_pop(&f->sent), DROP_LINK_QUEUE);
	capture_free(cap);
	describe(&s, text, sizeof(text));
	assert_non_null(strstr(text, "if 0 len 60 dir 2 [trace 1]\n"));
	assert_non_null(strstr(text, "[trace 1; dropped later: LINK_QUEUE: "));
	free(s.buf);
}

static void snaplen_cuts_and_interface_may_go_first(void **state)
{
	struct fixture *f = *state;
	struct stream s = {NULL, 0};
	struct capture *cap;
	char text[1024];

	assert_int_equal(capture_new(f->eng, 20, collect, &s, &cap), 0);
	assert_int_equal(capture_add(cap, &f->netif), 0);
	netif_rx(&f->netif, frame(f, 500));
	netif_del(&f->netif);
	capture_free(cap);
	describe(&s, text, sizeof(text));
	assert_string_equal(text,
			    "block a0d0d0a\nblock 1\nif 0 len 500 dir 1 [trace 1]\nblock 5\n");
	assert_true(s.len < 400);
	free(s.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(drop_reason_goes_to_the_record_in_front_of_its_answer),
		T(packet_dropped_from_a_queue_gets_a_record_of_its_own),
		T(snaplen_cuts_and_interface_may_go_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
