/* SPDX-License-Identifier: MIT */
/* An interface on a stream socket, on socket pairs: what goes up, what comes down, how it ends. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/load.h"
#include "core/engine.h"
#include "core/netif.h"
#include "unit.h"
#include "weft/io.h"
#include "weft/weft.h"

enum {
	FRAME_MAX = 65553,
	N_FRAMES = 5,
	LEN = 4,
};

struct fix {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_stack *st;
	struct weft_netif *nif;
	int peer; /* the other end of the socket; -1: closed */
	int next; /* attached from `ended`; -1: none */
	int n_ended;
	char why[128];
	/* Frames that came up: each says its length and is filled with its number. */
	uint32_t n_up, up_len[1024];
	bool is_up_wrong;
};

static struct fix
	*the_fix; /* netif->input has no place for a pointer of ours that is not its owner's */

static struct netif *netif_of(struct fix *f)
{
	return (struct netif *)(void *)f->nif;
}

static enum drop input(struct netif *netif UNUSED, struct pkt *pkt)
{
	struct fix *f = the_fix;

	for (uint32_t i = 0; i < pkt->len; i++)
		if (pkt->data[i] != (uint8_t)f->n_up)
			f->is_up_wrong = true;
	if (f->n_up < 1024)
		f->up_len[f->n_up] = pkt->len;
	f->n_up++;
	pkt_free(pkt);
	return DROP_NONE;
}

static void ended(void *arg, const char *why)
{
	struct fix *f = arg;

	f->n_ended++;
	snprintf(f->why, sizeof(f->why), "%s", why);
	if (f->next >= 0) {
		assert_int_equal(weft_stream_attach(f->nif, f->next), 0);
		f->next = -1;
	}
}

static void attach(struct fix *f)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(weft_stream_attach(f->nif, fds[0]), 0);
	f->peer = fds[1];
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .now_ns = weft_io_now_ns()};

	assert_non_null(f);
	f->next = -1;
	assert_int_equal(weft_engine_new(&cfg, &f->eng), 0);
	assert_int_equal(weft_loop_new(f->eng, &f->loop), 0);
	assert_int_equal(weft_stack_new(f->eng, "one", &f->st), 0);
	/* Nothing goes out but what the tests send. */
	assert_int_equal(weft_stack_set(f->st, "net.ipv6.conf.all.disable_ipv6", 1), 0);
	assert_int_equal(weft_stream_new(f->loop, f->st, "net0", ended, f, &f->nif), 0);
	netif_of(f)->input = input;
	attach(f);
	the_fix = f;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	weft_stack_free(f->st);
	weft_loop_free(f->loop);
	weft_engine_free(f->eng);
	if (f->peer >= 0)
		close(f->peer);
	free(f);
	return 0;
}

static void turns(struct fix *f, int n)
{
	while (n--)
		assert_int_equal(weft_loop_turn(f->loop, 0), 0);
}

static void peer_writes(struct fix *f, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(f->peer, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			turns(f, 1);
			continue;
		}
		bytes += n;
		len -= (size_t)n;
	}
}

/* A frame of `len` bytes, the n-th. Returns what it takes with its length. */
static size_t frame_put(uint8_t *at, uint32_t len, uint32_t n)
{
	store_be32(at, len);
	memset(at + LEN, (uint8_t)n, len);
	return LEN + len;
}

static bool has_carrier(struct fix *f)
{
	struct weft_netif_info info;

	weft_netif_info(f->nif, &info);
	return info.flags & WEFT_IFF_LOWER_UP;
}

static void send_frame(struct fix *f, uint32_t len, uint8_t fill)
{
	struct pkt *pkt = pkt_alloc(&((struct engine *)(void *)f->eng)->pkts, len);

	assert_non_null(pkt);
	memset(pkt_put(pkt, len), fill, len);
	netif_tx(netif_of(f), pkt);
}

static const uint32_t lens[N_FRAMES] = {60, 1, 14, 33, 20};

static void frames_cut_at_any_two_places_come_up_whole(void **state)
{
	struct fix *f = *state;
	uint8_t bytes[512];
	size_t len = 0;

	for (uint32_t i = 0; i < N_FRAMES; i++)
		len += frame_put(bytes + len, lens[i], i);
	for (size_t a = 0; a <= len; a++)
		for (size_t b = a; b <= len; b += 3) {
			f->n_up = 0;
			peer_writes(f, bytes, a);
			turns(f, 1);
			peer_writes(f, bytes + a, b - a);
			turns(f, 1);
			peer_writes(f, bytes + b, len - b);
			turns(f, 1);
			assert_int_equal(f->n_up, N_FRAMES);
			assert_memory_equal(f->up_len, lens, sizeof(lens));
		}
	assert_false(f->is_up_wrong);
	assert_int_equal(f->n_ended, 0);
}

static void largest_frames_in_a_row_come_up_whole(void **state)
{
	struct fix *f = *state;
	uint8_t *bytes = malloc(20 * (LEN + FRAME_MAX));
	struct weft_stream_stats stats;
	size_t len = 0;

	assert_non_null(bytes);
	for (uint32_t i = 0; i < 20; i++)
		len += frame_put(bytes + len, i % 3 ? FRAME_MAX - i : FRAME_MAX, i);
	peer_writes(f, bytes, len);
	turns(f, 4);
	free(bytes);
	assert_int_equal(f->n_up, 20);
	assert_int_equal(f->up_len[0], FRAME_MAX);
	assert_int_equal(f->up_len[19], FRAME_MAX - 19);
	assert_false(f->is_up_wrong);
	weft_stream_stats(f->nif, &stats);
	assert_int_equal(stats.rx_frames, 20);
	assert_int_equal(stats.rx_bytes, len - 20 * LEN);
}

static void many_frames_take_one_read_and_one_write(void **state)
{
	struct fix *f = *state;
	uint8_t bytes[64 * (LEN + 100)], back[sizeof(bytes)];
	struct weft_stream_stats stats;
	size_t len = 0;

	for (uint32_t i = 0; i < 64; i++)
		len += frame_put(bytes + len, 100, i);
	peer_writes(f, bytes, len);
	turns(f, 1);
	assert_int_equal(f->n_up, 64);
	for (uint32_t i = 0; i < 64; i++)
		send_frame(f, 100, (uint8_t)i);
	assert_int_equal(recv(f->peer, back, sizeof(back), MSG_DONTWAIT),
			 -1); /* not before the end */
	turns(f, 1);
	assert_int_equal(recv(f->peer, back, sizeof(back), MSG_DONTWAIT), len);
	assert_memory_equal(back, bytes, len);
	weft_stream_stats(f->nif, &stats);
	assert_int_equal(stats.rx_reads, 1);
	assert_int_equal(stats.tx_writes, 1);
	assert_int_equal(stats.tx_frames, 64);
	assert_int_equal(stats.tx_drops, 0);
}

/* Reads frames of a stream, in pieces of any size: their number must be as they were sent. */
struct reader {
	uint8_t frame[LEN + 2000];
	uint32_t have, n;
};

static void reader_take(struct reader *r, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		r->frame[r->have++] = bytes[i];
		if (r->have < LEN || r->have < LEN + load_be32(r->frame))
			continue;
		assert_int_equal(load_be32(r->frame), 1000 + r->n % 500);
		for (uint32_t at = LEN; at < r->have; at++)
			assert_int_equal(r->frame[at], (uint8_t)r->n);
		r->n++;
		r->have = 0;
	}
}

static void peer_that_does_not_read_bounds_what_waits_and_gets_it_all_later(void **state)
{
	struct fix *f = *state;
	static uint8_t bytes[7777];
	struct weft_stream_stats stats;
	struct reader r = {.have = 0};
	uint32_t n_sent = 0;

	/* Three rounds, so that the ring comes round at any place. */
	for (int round = 0; round < 3; round++) {
		uint64_t n_dropped;

		weft_stream_stats(f->nif, &stats);
		n_dropped = stats.tx_drops;
		for (;;) {
			send_frame(f, 1000 + n_sent % 500, (uint8_t)n_sent);
			turns(f, 1);
			weft_stream_stats(f->nif, &stats);
			if (stats.tx_drops > n_dropped)
				break;
			n_sent++;
		}
		assert_true(stats.tx_bytes < (uint64_t)(round + 1) * 4 * 1024 * 1024);
		assert_int_equal(f->n_ended, 0);
		while (r.n < n_sent) {
			ssize_t n = recv(f->peer, bytes, sizeof(bytes), MSG_DONTWAIT);

			if (n > 0)
				reader_take(&r, bytes, (size_t)n);
			turns(f, 1);
		}
	}
	weft_stream_stats(f->nif, &stats);
	assert_int_equal(stats.tx_frames, n_sent);
	assert_int_equal(stats.tx_drops, 3);
	turns(f, 2);
	assert_int_equal(recv(f->peer, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
}

static void length_that_no_frame_has_ends_the_connection(void **state)
{
	struct fix *f = *state;
	static const uint32_t bad[] = {0, FRAME_MAX + 1, 0x80000000u, UINT32_MAX};
	uint8_t bytes[2 * LEN + 60];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f->n_up = 0;
		store_be32(bytes + frame_put(bytes, 60, 0), bad[i]);
		peer_writes(f, bytes, sizeof(bytes));
		turns(f, 2);
		assert_int_equal(f->n_up, 1); /* what came before is a frame */
		assert_int_equal(f->n_ended, i + 1);
		assert_non_null(strstr(f->why, "a frame of"));
		assert_false(has_carrier(f));
		assert_int_equal(recv(f->peer, bytes, 1, MSG_DONTWAIT), 0);
		close(f->peer);
		attach(f);
		assert_true(has_carrier(f));
	}
}

/* One frame of each kind: its checksum is open, and its payload, of odd length, in frags. */
static void send_partial(struct fix *f, uint32_t n_hdrs, uint32_t start, uint16_t csum_off)
{
	struct pkt_pools *pools = &((struct engine *)(void *)f->eng)->pkts;
	struct pkt *pkt = pkt_alloc(pools, n_hdrs);

	assert_non_null(pkt);
	for (uint32_t i = 0; i < n_hdrs; i++)
		*pkt_put(pkt, 1) = (uint8_t)(i * 7);
	for (uint32_t k = 1; k <= 3; k++) {
		struct buf *buf = buf_alloc(pools, 512);

		assert_non_null(buf);
		for (uint32_t i = 0; i < 512; i++)
			buf->bytes[i] = (uint8_t)(i * 13 + k);
		assert_true(pkt_add_frag(pkt, buf, k, 101 * k));
		buf_unref(buf);
	}
	pkt->csum = PKT_CSUM_PARTIAL;
	pkt->csum_start = (uint16_t)(pkt_off(pkt) + start);
	pkt->csum_off = csum_off;
	netif_tx(netif_of(f), pkt);
}

/* TCP and UDP, over IPv4 and IPv6. */
static void frames_of_the_driver_s_checksum_are_those_of_the_stack_s(void **state)
{
	struct fix *f = *state;
	uint8_t bytes[2][4096];
	ssize_t n[2];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			weft_netif_set_offloads(f->nif, i ? 0 : (uint32_t)WEFT_OFFLOAD_ALL), 0);
		send_partial(f, 54, 34, 16);
		send_partial(f, 42, 34, 6);
		send_partial(f, 74, 54, 16);
		send_partial(f, 62, 54, 6);
		turns(f, 1);
		n[i] = recv(f->peer, bytes[i], sizeof(bytes[i]), MSG_DONTWAIT);
	}
	assert_int_equal(n[0], 4 * (LEN + 606) + 54 + 42 + 74 + 62);
	assert_int_equal(n[1], n[0]);
	assert_memory_equal(bytes[0], bytes[1], (size_t)n[0]);
}

/* The peer would end the connection. */
static void frame_longer_than_any_is_dropped(void **state)
{
	struct fix *f = *state;
	struct weft_stream_stats stats;
	struct pkt *pkt = pkt_alloc(&((struct engine *)(void *)f->eng)->pkts, 0);
	struct buf *buf = buf_alloc(&((struct engine *)(void *)f->eng)->pkts, FRAME_MAX);
	uint8_t byte;

	assert_non_null(pkt);
	assert_non_null(buf);
	memset(buf->bytes, 0, FRAME_MAX);
	assert_true(pkt_add_frag(pkt, buf, 0, FRAME_MAX));
	assert_true(pkt_add_frag(pkt, buf, 0, 1));
	buf_unref(buf);
	netif_tx(netif_of(f), pkt);
	turns(f, 1);
	weft_stream_stats(f->nif, &stats);
	assert_int_equal(stats.tx_drops, 1);
	assert_int_equal(recv(f->peer, &byte, 1, MSG_DONTWAIT), -1);
}

static void peer_that_goes_takes_the_carrier_and_the_next_starts_anew(void **state)
{
	struct fix *f = *state;
	uint8_t bytes[LEN + 60];
	int fds[2];

	assert_true(has_carrier(f));
	frame_put(bytes, 60, 0);
	peer_writes(f, bytes, 30);
	turns(f, 1);
	close(f->peer);
	turns(f, 1);
	assert_int_equal(f->n_ended, 1);
	assert_string_equal(f->why, "it closed the connection within a frame");
	assert_false(has_carrier(f));
	assert_int_equal(f->n_up, 0);
	send_frame(f, 60, 1); /* nobody has it */
	turns(f, 2);
	attach(f);
	peer_writes(f, bytes, sizeof(bytes));
	turns(f, 1);
	assert_int_equal(f->n_up, 1);
	assert_int_equal(recv(f->peer, bytes, 1, MSG_DONTWAIT), -1);
	/* And the next is brought by who is told. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	f->next = fds[0];
	close(f->peer);
	f->peer = fds[1];
	turns(f, 1);
	assert_int_equal(f->n_ended, 2);
	assert_string_equal(f->why, "it closed the connection");
	assert_true(has_carrier(f));
	f->n_up = 0;
	frame_put(bytes, 60, 0);
	peer_writes(f, bytes, sizeof(bytes));
	turns(f, 1);
	assert_int_equal(f->n_up, 1);
}

static void peer_that_goes_while_much_waits_for_it_ends_once(void **state)
{
	struct fix *f = *state;
	struct weft_stream_stats stats;

	for (int i = 0; i < 1000; i++)
		send_frame(f, 1000, 1);
	turns(f, 1);
	close(f->peer);
	f->peer = -1;
	for (int i = 0; i < 10; i++)
		send_frame(f, 1000, 1);
	turns(f, 3);
	assert_int_equal(f->n_ended, 1);
	assert_false(has_carrier(f));
	attach(f);
	send_frame(f, 1000, 2);
	turns(f, 1);
	weft_stream_stats(f->nif, &stats);
	assert_int_equal(stats.n_peers, 2);
	assert_int_equal(f->n_ended, 1);
}

static void next_peer_faster_than_the_end_of_the_last_is_let_in(void **state)
{
	struct fix *f = *state;
	uint8_t bytes[LEN + 60];

	/* The loop does not turn in between. */
	close(f->peer);
	attach(f);
	assert_int_equal(f->n_ended, 1);
	assert_true(has_carrier(f));
	peer_writes(f, bytes, frame_put(bytes, 60, 0));
	turns(f, 1);
	assert_int_equal(f->n_up, 1);
	assert_int_equal(f->n_ended, 1);
}

static void frames_without_memory_are_dropped_and_the_next_are_taken(void **state)
{
	struct fix *f = *state;
	struct pkt_pools *pools = &((struct engine *)(void *)f->eng)->pkts;
	struct pktq held = {.n_pkts = 0};
	uint8_t bytes[LEN + 60];
	struct pkt *pkt;

	pktq_init(&held);
	while ((pkt = pkt_alloc(pools, 0)))
		pktq_push(&held, pkt);
	peer_writes(f, bytes, frame_put(bytes, 60, 0));
	turns(f, 1);
	assert_int_equal(f->n_up, 0);
	assert_int_equal(netif_of(f)->stats.rx_dropped, 1);
	while ((pkt = pktq_pop(&held)))
		pkt_free(pkt);
	peer_writes(f, bytes, sizeof(bytes));
	turns(f, 1);
	assert_int_equal(f->n_up, 1);
	assert_int_equal(f->n_ended, 0);
}

static void descriptors_that_are_no_stream_are_refused_and_closed(void **state)
{
	struct fix *f = *state;
	int fds[2], fd = dup(f->peer);

	assert_int_equal(weft_stream_attach(f->nif, fd), -EBUSY);
	assert_int_equal(close(fd), -1);
	close(f->peer);
	f->peer = -1;
	turns(f, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	assert_int_equal(weft_stream_attach(f->nif, fds[0]), -EINVAL);
	assert_int_equal(close(fds[0]), -1);
	close(fds[1]);
	assert_int_equal(weft_stream_attach(f->nif, socket(AF_UNIX, SOCK_STREAM, 0)), -ENOTCONN);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(weft_stream_attach(f->nif, fds[0]), -ENOTSOCK);
	close(fds[1]);
	assert_int_equal(weft_stream_attach(f->nif, -1), -EBADF);
	assert_false(has_carrier(f));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_cut_at_any_two_places_come_up_whole),
		T(largest_frames_in_a_row_come_up_whole),
		T(many_frames_take_one_read_and_one_write),
		T(peer_that_does_not_read_bounds_what_waits_and_gets_it_all_later),
		T(length_that_no_frame_has_ends_the_connection),
		T(frames_of_the_driver_s_checksum_are_those_of_the_stack_s),
		T(frame_longer_than_any_is_dropped),
		T(peer_that_goes_takes_the_carrier_and_the_next_starts_anew),
		T(peer_that_goes_while_much_waits_for_it_ends_once),
		T(next_peer_faster_than_the_end_of_the_last_is_let_in),
		T(frames_without_memory_are_dropped_and_the_next_are_taken),
		T(descriptors_that_are_no_stream_are_refused_and_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
