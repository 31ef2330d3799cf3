/* SPDX-License-Identifier: MIT */
/*
 * Connections by the thousand between weft and the kernel: 10,000 one after the other, with either
 * side as the one that opens and the one that closes first, and 1,000 at once. What is right about
 * ports and TIME-WAIT: they stay with the side that closed first, and a port comes back into use
 * when the other side's timestamps allow it (RFC 6191).
 *
 * One connection: the opener sends four bytes, the other side returns them; then one side finishes,
 * and the other does on learning it.
 */
#include "wend.h"

#include "unit.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT = 5000,
	N_SEQUENCE = 10000,
	N_AT_ONCE = 1000,
	N_FEW_PORTS = 3000,
	WORD = 4, /* bytes that go there and back */
	EACH_BYTES = 32 * 1024,
	PATIENCE_S = 120,
};

static struct wire wire;

static int setup(void **state)
{
	(void)state;
	wire_start(&wire, 1500);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wire_abandon(&wire);
	return 0;
}

/* The kernel's side of a sequence. */
struct sequence {
	uint32_t n;
	bool kernel_finishes_first;
	int listener; /* when weft opens */
	uint32_t n_done;
};

static const char *sequence_end(const struct sequence *q, int fd)
{
	const char *fault = NULL;

	if (q->kernel_finishes_first && shutdown(fd, SHUT_WR) < 0)
		fault = "shutdown";
	return fault ? fault : kernel_recv_end(fd);
}

static const char *kernel_opens(void *arg)
{
	struct sequence *q = arg;
	const char *fault = NULL;

	for (; !fault && q->n_done < q->n; q->n_done++) {
		uint32_t word = q->n_done, back = 0;
		int fd = kernel_connect(PORT);

		if (fd < 0)
			return fd == -EADDRNOTAVAIL ? "no port is left" : "cannot connect";
		if (!kernel_send(fd, &word, WORD) || !kernel_recv(fd, &back, WORD) || back != word)
			fault = "the word did not come back";
		else
			fault = sequence_end(q, fd);
		close(fd);
	}
	return fault;
}

static const char *kernel_accepts(void *arg)
{
	struct sequence *q = arg;
	const char *fault = NULL;

	for (; !fault && q->n_done < q->n; q->n_done++) {
		uint32_t word;
		int fd = kernel_accept(q->listener);

		if (fd < 0)
			return "no connection came";
		if (!kernel_recv(fd, &word, WORD) || !kernel_send(fd, &word, WORD))
			fault = "the word could not be returned";
		else
			fault = sequence_end(q, fd);
		close(fd);
	}
	return fault;
}

/* weft's side: one connection after the other. */
struct weft_side {
	bool finishes_first;
	bool opens;
	uint32_t n, n_done;
	uint32_t n_sent; /* words, when it opens */
	struct weft_sock *listener;
	int err;
};

static void weft_open_next(struct weft_side *side);

static void side_done(struct weft_side *side, struct weft_sock *s, int err)
{
	weft_close(s);
	side->n_done++;
	if (err)
		side->err = err;
	else if (side->opens && side->n_done < side->n)
		weft_open_next(side);
}

/* What came instead of the word: the end, or a fault. */
static void side_ended(struct weft_side *side, struct weft_sock *s, ptrdiff_t n)
{
	if (n == -EAGAIN)
		return;
	if (n == 0 && !side->finishes_first)
		side_done(side, s, 0);
	else
		side_done(side, s, n < 0 ? (int)n : -EBADMSG);
}

/* Of the one that accepted: returns the word, and ends. */
static void answer_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_side *side = arg;
	uint8_t word[WORD];
	ptrdiff_t n;

	(void)events;
	while ((n = weft_recv(s, word, sizeof(word), 0)) == WORD) {
		if (weft_send(s, word, WORD, 0) != WORD)
			side->err = -EIO;
		if (side->finishes_first) {
			side_done(side, s, 0);
			return;
		}
	}
	side_ended(side, s, n);
}

/* Of the one that opened: sends the word when it is connected, and waits for it and the end. */
static void opened_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_side *side = arg;
	uint32_t word = side->n_done;
	ptrdiff_t n;

	if (events & WEFT_OUT && side->n_sent == side->n_done) {
		side->n_sent++;
		if (weft_send(s, &word, WORD, 0) != WORD)
			side->err = -EIO;
	}
	while ((n = weft_recv(s, &word, WORD, 0)) == WORD && word == side->n_done) {
		if (side->finishes_first) {
			side_done(side, s, 0);
			return;
		}
	}
	side_ended(side, s, n);
}

static void weft_open_next(struct weft_side *side)
{
	struct weft_sockaddr sa = wire_kernel_addr(PORT);
	struct weft_sock *s;
	int err = weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s);

	if (!err) {
		weft_on_event(s, opened_ready, side);
		err = weft_connect(s, &sa);
	}
	if (err != -EINPROGRESS)
		side->err = err;
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct weft_sock *conn;

	(void)events;
	while (weft_accept(s, &conn, NULL) == 0)
		weft_on_event(conn, answer_ready, arg);
}

static void side_listen(struct weft_side *side)
{
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET, .port = PORT};

	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &side->listener),
			 0);
	assert_int_equal(weft_bind(side->listener, &any), 0);
	assert_int_equal(weft_listen(side->listener, 1024), 0);
	weft_on_event(side->listener, listener_ready, side);
}

static bool side_is_done(void *arg)
{
	struct weft_side *side = arg;

	return side->err || side->n_done >= side->n;
}

static void print_rate(uint32_t n)
{
	print_message("%u connections, %llu a second\n", n,
		      (unsigned long long)(n * 1000000000ULL / (uint64_t)(wire.turned_ns + 1)));
}

static void sequence_kernel_opens(uint32_t n, bool kernel_finishes_first)
{
	struct sequence q = {.n = n, .kernel_finishes_first = kernel_finishes_first};
	struct weft_side side = {.finishes_first = !kernel_finishes_first, .n = n};
	struct wire_thread *t;

	side_listen(&side);
	t = wire_kernel(&wire, kernel_opens, &q);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, side_is_done, &side, PATIENCE_S);
	assert_int_equal(side.err, 0);
	assert_int_equal(side.n_done, n);
	weft_close(side.listener);
	print_rate(n);
}

static void sequence_weft_opens(uint32_t n, bool kernel_finishes_first)
{
	struct sequence q = {.n = n,
			     .kernel_finishes_first = kernel_finishes_first,
			     .listener = kernel_listen(PORT, 1024)};
	struct weft_side side = {.finishes_first = !kernel_finishes_first, .opens = true, .n = n};
	struct wire_thread *t;

	assert_true(q.listener >= 0);
	t = wire_kernel(&wire, kernel_accepts, &q);
	weft_open_next(&side);
	wire_until(&wire, side_is_done, &side, PATIENCE_S);
	assert_int_equal(side.err, 0);
	wire_join(&wire, t, PATIENCE_S);
	close(q.listener);
	print_rate(n);
}

static void kernel_opens_and_finishes_10000_in_sequence(void **state UNUSED)
{
	sequence_kernel_opens(N_SEQUENCE, true);
	wire_for_ms(&wire, 50);
	assert_int_equal(wire_count_conns(&wire, 0), 0); /* TIME-WAIT is the kernel's */
	wire_stop(&wire);
}

/* A port that is used again before its time takes the place of the one that waits. */
static void kernel_opens_weft_finishes_10000_in_sequence(void **state UNUSED)
{
	uint32_t n_waiting;

	sequence_kernel_opens(N_SEQUENCE, false);
	wire_for_ms(&wire, 50);
	n_waiting = wire_count_conns(&wire, WEFT_TCP_TIME_WAIT);
	/* How many ports the kernel uses twice is its choice. */
	assert_int_equal(weft_stack_counter(wire.st, "TcpExtTW"), N_SEQUENCE);
	assert_int_equal(n_waiting, N_SEQUENCE - weft_stack_counter(wire.st, "TcpExtTWKilled"));
	assert_int_equal(wire_count_conns(&wire, 0), n_waiting);
	wire_stop(&wire);
}

static void weft_opens_and_finishes_10000_in_sequence(void **state UNUSED)
{
	sequence_weft_opens(N_SEQUENCE, false);
	wire_for_ms(&wire, 50);
	assert_int_equal(wire_count_conns(&wire, WEFT_TCP_TIME_WAIT), N_SEQUENCE);
	assert_int_equal(wire_count_conns(&wire, 0), N_SEQUENCE);
	wire_stop(&wire);
}

static void weft_opens_kernel_finishes_10000_in_sequence(void **state UNUSED)
{
	sequence_weft_opens(N_SEQUENCE, true);
	wire_for_ms(&wire, 50);
	assert_int_equal(wire_count_conns(&wire, 0), 0);
	wire_stop(&wire);
}

/* With 50 ports for 3,000 connections each waits at weft's end when it is used again. */
static void kernel_has_few_ports_weft_lets_new_ones_replace_time_wait(void **state UNUSED)
{
	wire_sysctl("ip_local_port_range", "40000 40049");
	sequence_kernel_opens(N_FEW_PORTS, false);
	wire_sysctl("ip_local_port_range", "32768 60999");
	assert_in_range(wire_count_conns(&wire, WEFT_TCP_TIME_WAIT), 1, 50);
	wire_stop(&wire);
}

static void ports_set(int64_t min, int64_t max)
{
	assert_int_equal(weft_stack_set(wire.st, "net.ipv4.ip_local_port_range.max", max), 0);
	assert_int_equal(weft_stack_set(wire.st, "net.ipv4.ip_local_port_range.min", min), 0);
}

static void weft_has_few_ports_kernel_lets_new_ones_replace_time_wait(void **state UNUSED)
{
	ports_set(40000, 40049);
	sequence_weft_opens(N_FEW_PORTS, true);
	wire_stop(&wire);
}

static void weft_has_few_ports_in_time_wait_connect_says_so(void **state UNUSED)
{
	struct weft_sockaddr sa = wire_kernel_addr(PORT);
	struct weft_sock *s;

	ports_set(40000, 40019);
	sequence_weft_opens(20, false);
	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), 0);
	assert_int_equal(weft_connect(s, &sa), -EADDRNOTAVAIL);
	weft_close(s);
	wire_stop(&wire);
}

static int fds[N_AT_ONCE];

static const char *all_send_and_receive(void)
{
	const char *fault = NULL;

	for (uint32_t i = 0; !fault && i < N_AT_ONCE; i++)
		fault = kernel_send_stream(fds[i], 1, EACH_BYTES);
	for (uint32_t i = 0; !fault && i < N_AT_ONCE; i++)
		fault = kernel_recv_stream(fds[i], 2, EACH_BYTES);
	for (uint32_t i = 0; i < N_AT_ONCE; i++) {
		if (!fault && shutdown(fds[i], SHUT_WR) < 0)
			fault = "shutdown";
	}
	for (uint32_t i = 0; i < N_AT_ONCE; i++) {
		if (!fault)
			fault = kernel_recv_end(fds[i]);
		close(fds[i]);
	}
	return fault;
}

static const char *kernel_opens_all(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < N_AT_ONCE; i++) {
		fds[i] = kernel_connect(PORT);
		if (fds[i] < 0)
			return "cannot connect";
	}
	return all_send_and_receive();
}

static const char *kernel_accepts_all(void *arg)
{
	for (uint32_t i = 0; i < N_AT_ONCE; i++) {
		fds[i] = kernel_accept(*(int *)arg);
		if (fds[i] < 0)
			return "cannot accept";
	}
	return all_send_and_receive();
}

static struct wend ends[N_AT_ONCE];

static void ends_init(void)
{
	for (uint32_t i = 0; i < N_AT_ONCE; i++)
		ends[i] = (struct wend){
			.tx_id = 2, .rx_id = 1, .to_send = EACH_BYTES, .close_at_end = true};
}

static bool ends_are_done(void *arg UNUSED)
{
	for (uint32_t i = 0; i < N_AT_ONCE; i++)
		if (!wend_has_all(&ends[i]))
			return false;
	return true;
}

static void ends_were_good(void)
{
	for (uint32_t i = 0; i < N_AT_ONCE; i++) {
		assert_int_equal(ends[i].err, 0);
		assert_false(ends[i].is_corrupt);
		assert_int_equal(ends[i].received, EACH_BYTES);
	}
}

static void kernel_opens_1000_at_once_all_are_served(void **state UNUSED)
{
	struct wire_thread *t;
	struct wlisten l;

	ends_init();
	wlisten_start(&l, &wire, PORT, ends, N_AT_ONCE);
	t = wire_kernel(&wire, kernel_opens_all, NULL);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, ends_are_done, NULL, PATIENCE_S);
	ends_were_good();
	wlisten_stop(&l);
	wire_stop(&wire);
}

static void weft_opens_1000_at_once_all_are_served(void **state UNUSED)
{
	int listener = kernel_listen(PORT, 1024);
	struct wire_thread *t;

	assert_true(listener >= 0);
	ends_init();
	t = wire_kernel(&wire, kernel_accepts_all, &listener);
	for (uint32_t i = 0; i < N_AT_ONCE; i++)
		wend_connect(&ends[i], &wire, PORT);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, ends_are_done, NULL, PATIENCE_S);
	ends_were_good();
	close(listener);
	wire_stop(&wire);
}

static bool may_open_many(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0 || lim.rlim_max < N_AT_ONCE + 100)
		return false;
	lim.rlim_cur = N_AT_ONCE + 100;
	return setrlimit(RLIMIT_NOFILE, &lim) == 0;
}

#define WIRE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(kernel_opens_and_finishes_10000_in_sequence),
		WIRE_TEST(kernel_opens_weft_finishes_10000_in_sequence),
		WIRE_TEST(weft_opens_and_finishes_10000_in_sequence),
		WIRE_TEST(weft_opens_kernel_finishes_10000_in_sequence),
		WIRE_TEST(kernel_has_few_ports_weft_lets_new_ones_replace_time_wait),
		WIRE_TEST(weft_has_few_ports_kernel_lets_new_ones_replace_time_wait),
		WIRE_TEST(weft_has_few_ports_in_time_wait_connect_says_so),
		WIRE_TEST(kernel_opens_1000_at_once_all_are_served),
		WIRE_TEST(weft_opens_1000_at_once_all_are_served),
	};

	if (!may_open_many()) {
		print_message("the limit of open files is below %d\n", N_AT_ONCE + 100);
		return 77;
	}
	return wire_begin(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
