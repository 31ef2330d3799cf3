/* SPDX-License-Identifier: MIT */
/* Urgent data (RFC 6093) as Linux's sockets show it, and the ends of records. */
#include "tcp_fix.h"

#define NXT (f->irs + 1)
#define UNA (f->iss + 1)

enum {
	URG = TCP_F_URG | TCP_F_ACK,
	OOB = WEFT_MSG_OOB,
	MSS = 1460,
};

static int at_mark(struct tf *f)
{
	int v = -1;

	assert_int_equal(tcp_proto.ioctl(f->sk, WEFT_SIOCATMARK, &v), 0);
	return v;
}

static int inq(struct tf *f)
{
	int v = -1;

	assert_int_equal(tcp_proto.ioctl(f->sk, WEFT_SIOCINQ, &v), 0);
	return v;
}

static void expect_read(struct tf *f, uint32_t flags, const char *text)
{
	char buf[64];
	ptrdiff_t n = tf_recv(f->sk, buf, sizeof(buf), flags);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

/* "abcXde", the X urgent. */
static struct tf *with_mark_in_the_middle(void)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .len = 6, .data = "abcXde", .urg = 4));
	tf_ignore(f);
	return f;
}

static void urgent_byte_is_read_out_of_band(void **state UNUSED)
{
	struct tf *f = with_mark_in_the_middle();
	char c;

	assert_int_equal(tf_events(f->sk) & SOCK_PRI, SOCK_PRI);
	assert_int_equal(inq(f), 3);
	expect_read(f, OOB | WEFT_MSG_PEEK, "X");
	expect_read(f, OOB, "X");
	assert_int_equal(tf_events(f->sk) & SOCK_PRI, 0);
	assert_int_equal(tf_recv(f->sk, &c, 1, OOB), -EINVAL); /* once */
	assert_int_equal(at_mark(f), 0);
	expect_read(f, 0, "abc"); /* not past the mark */
	assert_int_equal(at_mark(f), 1);
	expect_read(f, WEFT_MSG_PEEK, "de");
	expect_read(f, 0, "de");
	assert_int_equal(at_mark(f), 0);
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), -EAGAIN);
	assert_int_equal(tf_recv(f->sk, &c, 1, OOB), -EINVAL);
	tf_end(f);
}

static void urgent_byte_that_nobody_reads_is_skipped(void **state UNUSED)
{
	struct tf *f = with_mark_in_the_middle();
	char c;

	expect_read(f, 0, "abc");
	expect_read(f, 0, "de");
	assert_int_equal(tf_recv(f->sk, &c, 1, OOB), -EINVAL);
	tf_end(f);
}

static void urgent_byte_in_line_is_part_of_the_stream(void **state UNUSED)
{
	struct tf *f = with_mark_in_the_middle();
	char c;

	f->sk->flags |= SOCK_F_OOBINLINE;
	assert_int_equal(inq(f), 6);
	assert_int_equal(tf_recv(f->sk, &c, 1, OOB), -EINVAL);
	expect_read(f, 0, "abc"); /* reads stop at the mark all the same */
	assert_int_equal(at_mark(f), 1);
	expect_read(f, 0, "Xde");
	tf_end(f);
}

static void urgent_byte_alone_makes_nothing_readable(void **state UNUSED)
{
	struct tf *f = tf_new();
	char c;

	tf_established(f);
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .len = 1, .data = "X", .urg = 1));
	assert_int_equal(tf_events(f->sk) & (SOCK_IN | SOCK_PRI), SOCK_PRI);
	assert_int_equal(at_mark(f), 1);
	expect_read(f, OOB, "X");
	assert_int_equal(tf_recv(f->sk, &c, 1, 0), -EAGAIN);
	assert_int_equal(tf_conn(f)->rcvq.n_bytes, 0);
	tf_ignore(f);
	tf_end(f);
}

static void urgent_pointer_ahead_of_its_byte_waits_for_it(void **state UNUSED)
{
	struct tf *f = tf_new();
	char c;

	tf_established(f);
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .len = 3, .data = "abc", .urg = 5));
	assert_int_equal(tf_events(f->sk) & SOCK_PRI, 0);
	assert_int_equal(tf_recv(f->sk, &c, 1, OOB), -EAGAIN);
	tf_rx(f, TSEG(.seq = NXT + 3, .ack = UNA, .len = 3, .data = "dXe"));
	assert_int_equal(tf_events(f->sk) & SOCK_PRI, SOCK_PRI);
	expect_read(f, OOB, "X");
	expect_read(f, 0, "abcd");
	expect_read(f, 0, "e");
	tf_ignore(f);
	tf_end(f);
}

static void note_events(struct weft_sock *s UNUSED, void *arg, uint32_t events)
{
	uint32_t *seen = arg;

	*seen |= events;
}

/* There is nothing else to read, so that only SOCK_PRI can be the reason. */
static void urgent_byte_alone_calls_the_application(void **state UNUSED)
{
	struct tf *f = tf_new();
	uint32_t seen = 0;

	tf_established(f);
	sock_set_callback(f->sk, note_events, &seen);
	fix_settle(f->eng);
	seen = 0;
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .urg = 1));
	assert_int_equal(seen & SOCK_PRI, 0);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 1, .data = "X"));
	assert_int_equal(seen & (SOCK_PRI | SOCK_IN), SOCK_PRI);
	expect_read(f, OOB, "X");
	sock_set_callback(f->sk, NULL, NULL);
	tf_ignore(f);
	tf_end(f);
}

static void newer_mark_makes_the_older_byte_an_ordinary_one(void **state UNUSED)
{
	struct tf *f = with_mark_in_the_middle();

	tf_rx(f, TSEG(.flags = URG, .seq = NXT + 6, .ack = UNA, .len = 2, .data = "fY", .urg = 2));
	expect_read(f, OOB, "Y");
	expect_read(f, 0, "abcXdef");
	tf_ignore(f);
	tf_end(f);

	/* but at the head of the queue it is gone */
	f = with_mark_in_the_middle();
	expect_read(f, 0, "abc");
	tf_rx(f, TSEG(.flags = URG, .seq = NXT + 6, .ack = UNA, .len = 2, .data = "fY", .urg = 2));
	expect_read(f, 0, "def");
	tf_ignore(f);
	tf_end(f);
}

static void urgent_pointer_to_what_came_before_is_ignored(void **state UNUSED)
{
	struct tf *f = tf_new();

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .len = 3, .data = "abc"));
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .len = 3, .data = "abc", .urg = 2));
	expect_read(f, 0, "abc");
	tf_ignore(f);
	tf_end(f);
}

static void urgent_pointer_names_the_byte_itself_with_stdurg(void **state UNUSED)
{
	struct tf *f = tf_new();

	f->host.st->tcp->conf.stdurg = 1;
	tf_established(f);
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .len = 4, .data = "abcX", .urg = 3));
	expect_read(f, OOB, "X");
	tf_ignore(f);
	tf_end(f);
}

static void urgent_read_after_the_end_returns_nothing(void **state UNUSED)
{
	struct tf *f = tf_new();
	char c;

	tf_established(f);
	tf_rx(f, TSEG(.flags = URG, .seq = NXT, .ack = UNA, .len = 1, .urg = 100));
	tf_rx(f, TSEG(.flags = TCP_F_FIN | TCP_F_ACK, .seq = NXT + 1, .ack = UNA));
	assert_int_equal(tf_recv(f->sk, &c, 1, OOB), 0);
	tf_ignore(f);
	tf_end(f);
}

/* Sending */

static void urgent_send_marks_its_last_byte(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	assert_int_equal(tf_send(f->sk, "abc", 3, OOB), 3);
	got = tf_pop(f);
	assert_true(got.flags & TCP_F_URG);
	assert_int_equal(got.urg, 3);
	assert_int_equal(got.len, 3);
	/* past Nagle, and the mark moves on */
	assert_int_equal(tf_send(f->sk, "de", 2, OOB), 2);
	got = tf_pop(f);
	assert_int_equal(got.urg, 2);
	/* behind the mark nothing is urgent */
	assert_int_equal(tf_sockopt(f->sk, WEFT_TCP_NODELAY, 1), 0);
	assert_int_equal(tf_send(f->sk, "f", 1, 0), 1);
	got = tf_pop(f);
	assert_int_equal(got.flags & TCP_F_URG, 0);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 6));
	assert_int_equal(tf_conn(f)->flags & TCPC_SND_URG, 0);
	tf_end(f);
}

static void urgent_data_goes_out_in_single_segments_with_their_own_pointers(void **state UNUSED)
{
	static uint8_t buf[3 * MSS];
	struct tf *f = tf_new();

	tf_established(f);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), OOB), sizeof(buf));
	for (uint32_t i = 0; i < 3; i++) {
		struct tseg got = tf_pop(f);

		assert_int_equal(got.len, MSS);
		assert_int_equal(got.gso, 0);
		assert_int_equal(got.urg, (3 - i) * MSS);
	}
	tf_end(f);
}

static void urgent_mark_beyond_64k_is_announced_as_far_as_it_reaches(void **state UNUSED)
{
	static uint8_t buf[50000];
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	f->sk->sndbuf_bytes = 200000;
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), 0), sizeof(buf));
	tf_ignore(f);
	assert_int_equal(tf_send(f->sk, buf, sizeof(buf), OOB), sizeof(buf));
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + MSS));
	got = tf_pop(f);
	assert_true(got.flags & TCP_F_URG);
	assert_int_equal(got.urg, 65535);
	tf_ignore(f);
	tf_end(f);
}

static void closed_window_is_probed_with_the_urgent_mark(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_established(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA, .wnd = 0));
	assert_int_equal(tf_send(f->sk, "abc", 3, OOB), 3);
	tf_assert_silent(f);
	fix_advance(f->eng, SEC);
	got = tf_pop(f);
	assert_int_equal(got.seq, UNA);
	assert_true(got.flags & TCP_F_URG);
	assert_int_equal(got.urg, 3);
	tf_ignore(f);
	tf_end(f);
}

/* Records */

static void record_ends_its_segment(void **state UNUSED)
{
	struct tf *f = tf_new();
	struct tseg got;

	tf_no_probes(f);
	tf_established(f);
	assert_int_equal(tf_send(f->sk, "abc", 3, WEFT_MSG_EOR), 3);
	assert_int_equal(tf_pop(f).len, 3);
	assert_int_equal(tf_send(f->sk, "defg", 4, WEFT_MSG_EOR), 4);
	tf_assert_silent(f); /* Nagle's: it might still be the last */
	assert_int_equal(tf_send(f->sk, "hi", 2, WEFT_MSG_EOR), 2);
	assert_int_equal(tf_pop(f).len, 4); /* nothing will ever fill it up */
	assert_int_equal(tf_send(f->sk, "jkl", 3, 0), 3);
	assert_int_equal(tf_pop(f).len, 2);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 3));
	/* lost: sent again, no two together */
	fix_advance(f->eng, 250 * MSEC);
	got = tf_pop(f);
	assert_int_equal(got.seq, UNA + 3);
	assert_int_equal(got.len, 4);
	tf_ignore(f);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 9));
	assert_int_equal(tf_pop(f).len, 3);
	tf_rx(f, TSEG(.seq = NXT, .ack = UNA + 12));
	assert_int_equal(tf_conn(f)->flags & TCPC_EOR, 0);
	tf_ignore(f);
	tf_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urgent_byte_is_read_out_of_band),
		cmocka_unit_test(urgent_byte_that_nobody_reads_is_skipped),
		cmocka_unit_test(urgent_byte_in_line_is_part_of_the_stream),
		cmocka_unit_test(urgent_byte_alone_makes_nothing_readable),
		cmocka_unit_test(urgent_pointer_ahead_of_its_byte_waits_for_it),
		cmocka_unit_test(urgent_byte_alone_calls_the_application),
		cmocka_unit_test(newer_mark_makes_the_older_byte_an_ordinary_one),
		cmocka_unit_test(urgent_pointer_to_what_came_before_is_ignored),
		cmocka_unit_test(urgent_pointer_names_the_byte_itself_with_stdurg),
		cmocka_unit_test(urgent_read_after_the_end_returns_nothing),
		cmocka_unit_test(urgent_send_marks_its_last_byte),
		cmocka_unit_test(urgent_data_goes_out_in_single_segments_with_their_own_pointers),
		cmocka_unit_test(urgent_mark_beyond_64k_is_announced_as_far_as_it_reaches),
		cmocka_unit_test(closed_window_is_probed_with_the_urgent_mark),
		cmocka_unit_test(record_ends_its_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
