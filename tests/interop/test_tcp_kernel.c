/* SPDX-License-Identifier: MIT */
/*
 * TCP with the kernel as the peer, over a TAP: transfers, resets, half-closes, closed windows, MTUs
 * and options. Connections by the thousand are in test_tcp_many.c.
 */
#include "wend.h"

#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT = 5000,
	MIB = 1024 * 1024,
	BULK = 256 * MIB,
	PATIENCE_S = 60, /* generous: the machine may be busy, the build sanitized */
	SUPER_BYTES = 30 * 1024,
};

static struct wire wire;

/* What one thread of the kernel's side does with a connection, in this order. */
struct job {
	int listener; /* accepts here; -1: connects to PORT */
	uint64_t send_bytes, recv_bytes;
	uint32_t tx_id, rx_id;
	bool fin_first;   /* finishes before it receives */
	bool reset;       /* ends with a reset */
	int rcvbuf_bytes; /* 0: the default */
	int nap_ms;       /* between sending and receiving */
	bool leaves_unread;
};

static const char *job_transfer(const struct job *j, int fd)
{
	const char *fault = kernel_send_stream(fd, j->tx_id, j->send_bytes);

	if (!fault && j->fin_first && shutdown(fd, SHUT_WR) < 0)
		fault = "shutdown";
	usleep((useconds_t)j->nap_ms * 1000);
	if (!fault && !j->leaves_unread) {
		fault = kernel_recv_stream(fd, j->rx_id, j->recv_bytes);
		if (!fault && !j->reset)
			fault = kernel_recv_end(fd);
	}
	return fault;
}

static const char *job_run(void *arg)
{
	const struct job *j = arg;
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	const char *fault;
	int fd;

	if (j->listener >= 0 && j->rcvbuf_bytes)
		setsockopt(j->listener, SOL_SOCKET, SO_RCVBUF, &j->rcvbuf_bytes,
			   sizeof(j->rcvbuf_bytes));
	fd = j->listener >= 0 ? kernel_accept(j->listener) : kernel_connect(PORT);
	if (fd < 0)
		return j->listener >= 0 ? "no connection came" : "cannot connect";
	fault = job_transfer(j, fd);
	if (j->reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	return fault;
}

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

static void transfer_was_good(const struct wend *e, uint64_t received)
{
	assert_int_equal(e->err, 0);
	assert_false(e->is_corrupt);
	assert_int_equal(e->received, received);
	assert_int_equal(e->sent, e->to_send);
}

static uint64_t mean(uint64_t bytes, uint64_t n)
{
	return n ? bytes / n : 0;
}

/* The kernel connects, sends `up` bytes and receives `down`; each side finishes when it has sent.
 */
static void transfer_passive(uint64_t up, uint64_t down, struct wend *e)
{
	struct wlisten l;
	struct job j = {.listener = -1,
			.send_bytes = up,
			.recv_bytes = down,
			.tx_id = 1,
			.rx_id = 2,
			.fin_first = true};
	struct wire_thread *t;

	*e = (struct wend){.tx_id = 2,
			   .rx_id = 1,
			   .to_send = down,
			   .fin_when_sent = true,
			   .close_at_end = true};
	wlisten_start(&l, &wire, PORT, e, 1);
	t = wire_kernel(&wire, job_run, &j);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_all, e, PATIENCE_S);
	wlisten_stop(&l);
	transfer_was_good(e, up);
}

/* The same with weft as the one that connects. */
static void transfer_active(uint64_t up, uint64_t down, struct wend *e)
{
	struct job j = {.listener = kernel_listen(PORT, 1),
			.send_bytes = up,
			.recv_bytes = down,
			.tx_id = 1,
			.rx_id = 2,
			.fin_first = true};
	struct wire_thread *t;

	assert_true(j.listener >= 0);
	*e = (struct wend){.tx_id = 2,
			   .rx_id = 1,
			   .to_send = down,
			   .fin_when_sent = true,
			   .close_at_end = true};
	t = wire_kernel(&wire, job_run, &j);
	wend_connect(e, &wire, PORT);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_all, e, PATIENCE_S);
	close(j.listener);
	transfer_was_good(e, up);
}

static void report_rate(const char *what, uint64_t bytes)
{
	struct weft_tap_stats s;

	weft_tap_stats(wire.nif, &s);
	print_message("%s: %llu MB/s, %llu bytes a read, %llu a write\n", what,
		      (unsigned long long)(bytes * 1000 / (uint64_t)(wire.turned_ns + 1)),
		      (unsigned long long)mean(s.read_bytes, s.reads),
		      (unsigned long long)mean(s.write_bytes, s.writes));
}

static void kernel_sends_bulk_arrives_whole_in_super_packets(void **state UNUSED)
{
	struct weft_tap_stats s;
	struct wend e;

	transfer_passive(BULK, 0, &e);
	report_rate("kernel to weft", BULK);
	weft_tap_stats(wire.nif, &s);
	assert_true(mean(s.read_bytes, s.reads) >= SUPER_BYTES);
	wire_stop(&wire);
}

static void weft_sends_bulk_arrives_whole_in_super_packets(void **state UNUSED)
{
	struct weft_tap_stats s;
	struct wend e;

	transfer_active(0, BULK, &e);
	report_rate("weft to kernel", BULK);
	weft_tap_stats(wire.nif, &s);
	assert_true(mean(s.write_bytes, s.writes) >= SUPER_BYTES);
	wire_stop(&wire);
}

static const char *send_only(void *arg)
{
	return kernel_send_stream(*(int *)arg, 1, BULK);
}

static const char *recv_only(void *arg)
{
	return kernel_recv_stream(*(int *)arg, 2, BULK);
}

static void both_send_bulk_at_once_both_arrive_whole(void **state UNUSED)
{
	struct wend e = {.tx_id = 2, .rx_id = 1, .to_send = BULK};
	struct wire_thread *up, *down;
	struct wlisten l;
	int fd = kernel_listen(PORT, 1);
	int conn;

	assert_true(fd >= 0);
	wlisten_start(&l, &wire, PORT, NULL, 0);
	wend_connect(&e, &wire, PORT);
	wire_until(&wire, wend_is_connected, &e, PATIENCE_S);
	conn = kernel_accept(fd);
	assert_true(conn >= 0);
	up = wire_kernel(&wire, send_only, &conn);
	down = wire_kernel(&wire, recv_only, &conn);
	wire_join(&wire, up, PATIENCE_S);
	wire_join(&wire, down, PATIENCE_S);
	close(conn);
	wire_until(&wire, wend_peer_finished, &e, PATIENCE_S);
	report_rate("both ways", 2ULL * BULK);
	transfer_was_good(&e, BULK);
	wend_close(&e);
	wlisten_stop(&l);
	close(fd);
	wire_stop(&wire);
}

static void mtu_is_small_transfers_arrive_both_ways(void **state UNUSED)
{
	struct wend e;

	wire_stop(&wire);
	wire_start(&wire, 576);
	transfer_passive(32 * MIB, 0, &e);
	assert_true(e.info.rcv_mss <= 536);
	transfer_active(0, 32 * MIB, &e);
	assert_true(e.info.snd_mss <= 536);
	wire_stop(&wire);
}

static void mtu_is_9000_transfers_arrive_both_ways(void **state UNUSED)
{
	struct wend e;

	wire_stop(&wire);
	wire_start(&wire, 9000);
	transfer_passive(64 * MIB, 0, &e);
	transfer_active(0, 64 * MIB, &e);
	assert_true(e.info.snd_mss > 8000 && e.info.snd_mss <= 8960);
	wire_stop(&wire);
}

static void kernel_without(const char *option, struct wend *e)
{
	wire_sysctl(option, "0");
	transfer_passive(16 * MIB, 16 * MIB, e);
	transfer_active(16 * MIB, 16 * MIB, e);
	wire_sysctl(option, "1");
}

static void weft_without(const char *option, struct wend *e)
{
	char name[64];

	snprintf(name, sizeof(name), "net.ipv4.%s", option);
	assert_int_equal(weft_stack_set(wire.st, name, 0), 0);
	transfer_passive(16 * MIB, 16 * MIB, e);
	transfer_active(16 * MIB, 16 * MIB, e);
	assert_int_equal(weft_stack_set(wire.st, name, 1), 0);
}

static void timestamps_are_off_at_either_end_transfers_arrive(void **state UNUSED)
{
	struct wend e;

	kernel_without("tcp_timestamps", &e);
	assert_false(e.info.has_ts);
	assert_true(e.info.has_sack);
	weft_without("tcp_timestamps", &e);
	assert_false(e.info.has_ts);
	wire_stop(&wire);
}

static void sack_is_off_at_either_end_transfers_arrive(void **state UNUSED)
{
	struct wend e;

	kernel_without("tcp_sack", &e);
	assert_false(e.info.has_sack);
	assert_true(e.info.has_ts);
	weft_without("tcp_sack", &e);
	assert_false(e.info.has_sack);
	wire_stop(&wire);
}

static void window_scaling_is_off_at_either_end_transfers_arrive(void **state UNUSED)
{
	struct wend e;

	kernel_without("tcp_window_scaling", &e);
	assert_false(e.info.has_wscale);
	weft_without("tcp_window_scaling", &e);
	assert_false(e.info.has_wscale);
	wire_stop(&wire);
}

static void kernel_half_closes_weft_still_sends_everything(void **state UNUSED)
{
	struct job j = {.listener = -1, .recv_bytes = 4 * MIB, .rx_id = 2, .fin_first = true};
	struct wend e = {.tx_id = 2, .rx_id = 1};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, job_run, &j);
	wire_until(&wire, wend_peer_finished, &e, PATIENCE_S);
	assert_int_equal(wend_info(&e)->state, WEFT_TCP_CLOSE_WAIT);
	e.to_send = 4 * MIB;
	e.fin_when_sent = true;
	e.close_at_end = true;
	wend_resume(&e);
	wire_join(&wire, t, PATIENCE_S);
	transfer_was_good(&e, 0);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static bool is_fin_wait2(void *arg)
{
	struct wend *e = arg;

	return e->err || wend_info(e)->state == WEFT_TCP_FIN_WAIT2;
}

static void weft_half_closes_kernel_still_sends_everything(void **state UNUSED)
{
	struct wend e = {.tx_id = 2, .rx_id = 1, .fin_when_sent = true};
	int listener = kernel_listen(PORT, 1);
	int conn;

	assert_true(listener >= 0);
	wend_connect(&e, &wire, PORT);
	wire_until(&wire, is_fin_wait2, &e, PATIENCE_S);
	assert_int_equal(wend_info(&e)->state, WEFT_TCP_FIN_WAIT2);
	conn = kernel_accept(listener);
	assert_true(conn >= 0);
	assert_null(kernel_recv_end(conn));
	wire_join(&wire, wire_kernel(&wire, send_only, &conn), PATIENCE_S);
	close(conn);
	wire_until(&wire, wend_peer_finished, &e, PATIENCE_S);
	transfer_was_good(&e, BULK);
	wend_close(&e);
	assert_int_equal(wire_count_conns(&wire, WEFT_TCP_TIME_WAIT), 1);
	close(listener);
	wire_stop(&wire);
}

static void kernel_resets_weft_learns_it(void **state UNUSED)
{
	struct job j = {
		.listener = -1, .send_bytes = 10000, .tx_id = 1, .reset = true, .nap_ms = 50};
	struct wend e = {.rx_id = 1};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, job_run, &j);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_failed, &e, PATIENCE_S);
	assert_int_equal(e.err, -ECONNRESET);
	assert_int_equal(e.received, 10000);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static void kernel_closes_with_unread_data_weft_is_reset(void **state UNUSED)
{
	struct job j = {.listener = -1, .nap_ms = 200, .leaves_unread = true};
	struct wend e = {.tx_id = 2, .to_send = 4 * MIB};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, job_run, &j);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_failed, &e, PATIENCE_S);
	assert_true(e.err == -ECONNRESET || e.err == -EPIPE);
	wlisten_stop(&l);
	wire_stop(&wire);
}

/* Waits for its connection to be reset. */
static const char *await_reset(void *arg)
{
	int fd = kernel_connect(PORT);
	char buf[64];
	ssize_t n;
	int err;

	if (fd == -ECONNRESET && !arg) /* the reset came before connect() had returned */
		return NULL;
	if (fd < 0)
		return strerror(-fd);
	if (arg && !kernel_send(fd, "unread", 6))
		return "cannot send";
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		;
	err = errno;
	close(fd);
	return n < 0 && err == ECONNRESET ? NULL : "was not reset";
}

static bool some_is_accepted(void *arg)
{
	struct wlisten *l = arg;

	return l->n_accepted > 0;
}

static void weft_aborts_kernel_is_reset(void **state UNUSED)
{
	struct wend e = {.rx_id = 1};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, await_reset, NULL);
	wire_until(&wire, some_is_accepted, &l, PATIENCE_S);
	weft_abort(e.s);
	wire_join(&wire, t, PATIENCE_S);
	assert_int_equal(wire_count_conns(&wire, 0), 0);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static void weft_lingers_for_no_time_kernel_is_reset(void **state UNUSED)
{
	struct weft_linger linger = {.onoff = 1, .linger_s = 0};
	struct wend e = {.rx_id = 1};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, await_reset, NULL);
	wire_until(&wire, some_is_accepted, &l, PATIENCE_S);
	assert_int_equal(
		weft_setsockopt(e.s, WEFT_SOL_SOCKET, WEFT_SO_LINGER, &linger, sizeof(linger)), 0);
	weft_close(e.s);
	wire_join(&wire, t, PATIENCE_S);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static bool has_unread(void *arg)
{
	struct wend *e = arg;

	return e->s && weft_events(e->s) & WEFT_IN;
}

static void weft_closes_with_unread_data_kernel_is_reset(void **state UNUSED)
{
	struct wend e = {.is_paused = true};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, await_reset, &e);
	wire_until(&wire, has_unread, &e, PATIENCE_S);
	weft_close(e.s);
	wire_join(&wire, t, PATIENCE_S);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static void kernel_sends_into_closed_window_resumes_when_weft_reads(void **state UNUSED)
{
	struct job j = {.listener = -1, .send_bytes = 16 * MIB, .tx_id = 1, .fin_first = true};
	struct wend e = {.rx_id = 1, .is_paused = true, .fin_when_sent = true};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, job_run, &j);
	wire_for_ms(&wire, 1500);
	assert_false(atomic_load(&t->is_done));
	assert_int_equal(e.received, 0);
	assert_true(wend_info(&e)->rcvq_bytes > 0);
	e.close_at_end = true;
	wend_resume(&e);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_all, &e, PATIENCE_S);
	transfer_was_good(&e, 16 * MIB);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static void weft_sends_into_closed_window_resumes_when_kernel_reads(void **state UNUSED)
{
	struct job j = {.listener = -1, .recv_bytes = 16 * MIB, .rx_id = 2, .nap_ms = 1500};
	struct wend e = {
		.tx_id = 2, .to_send = 16 * MIB, .fin_when_sent = true, .close_at_end = true};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, job_run, &j);
	wire_for_ms(&wire, 1000);
	assert_true(e.sent < e.to_send);
	assert_int_equal(wend_info(&e)->wait, WEFT_TCP_WAIT_RWND);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_all, &e, PATIENCE_S);
	transfer_was_good(&e, 0);
	wlisten_stop(&l);
	wire_stop(&wire);
}

static void kernel_port_is_closed_connect_is_refused(void **state UNUSED)
{
	struct wend e = {.rx_id = 1};

	wend_connect(&e, &wire, PORT);
	wire_until(&wire, wend_has_failed, &e, 2);
	assert_int_equal(e.err, -ECONNREFUSED);
	wire_stop(&wire);
}

static const char *connect_refused(void *arg)
{
	int fd = kernel_connect(PORT);

	(void)arg;
	return fd == -ECONNREFUSED ? NULL : "was not refused";
}

static void weft_port_is_closed_connect_is_refused(void **state UNUSED)
{
	struct wire_thread *t = wire_kernel(&wire, connect_refused, NULL);

	wire_join(&wire, t, PATIENCE_S);
	wire_stop(&wire);
}

static void nobody_has_the_address_connect_is_unreachable_promptly(void **state UNUSED)
{
	struct weft_sockaddr sa = wire_kernel_addr(PORT);
	struct wend e = {.rx_id = 1};
	struct weft_sock *s;

	sa.addr.bytes[3] = 77;
	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), 0);
	wend_attach(&e, s);
	assert_int_equal(weft_connect(s, &sa), -EINPROGRESS);
	wire_until(&wire, wend_has_failed, &e, 5);
	assert_int_equal(e.err, -EHOSTUNREACH);
	wire_stop(&wire);
}

/* Keeps a silent connection open with probes, and sees that it lives. */
static const char *keepalive_holds(void *arg)
{
	int fd = kernel_connect(PORT);
	int one = 1, two = 2;
	char byte;

	(void)arg;
	if (fd < 0)
		return strerror(-fd);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &two, sizeof(two));
	sleep(5);
	if (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		return "the connection died";
	close(fd);
	return NULL;
}

static void kernel_probes_silent_connection_it_stays(void **state UNUSED)
{
	struct wend e = {.fin_when_sent = false, .close_at_end = true};
	struct wire_thread *t;
	struct wlisten l;

	wlisten_start(&l, &wire, PORT, &e, 1);
	t = wire_kernel(&wire, keepalive_holds, NULL);
	wire_join(&wire, t, PATIENCE_S);
	wire_until(&wire, wend_has_all, &e, PATIENCE_S);
	assert_int_equal(e.err, 0);
	assert_true(e.info.segs_in >= 5);
	wlisten_stop(&l);
	wire_stop(&wire);
}

#define WIRE_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(kernel_sends_bulk_arrives_whole_in_super_packets),
		WIRE_TEST(weft_sends_bulk_arrives_whole_in_super_packets),
		WIRE_TEST(both_send_bulk_at_once_both_arrive_whole),
		WIRE_TEST(mtu_is_small_transfers_arrive_both_ways),
		WIRE_TEST(mtu_is_9000_transfers_arrive_both_ways),
		WIRE_TEST(timestamps_are_off_at_either_end_transfers_arrive),
		WIRE_TEST(sack_is_off_at_either_end_transfers_arrive),
		WIRE_TEST(window_scaling_is_off_at_either_end_transfers_arrive),
		WIRE_TEST(kernel_half_closes_weft_still_sends_everything),
		WIRE_TEST(weft_half_closes_kernel_still_sends_everything),
		WIRE_TEST(kernel_resets_weft_learns_it),
		WIRE_TEST(kernel_closes_with_unread_data_weft_is_reset),
		WIRE_TEST(weft_aborts_kernel_is_reset),
		WIRE_TEST(weft_lingers_for_no_time_kernel_is_reset),
		WIRE_TEST(weft_closes_with_unread_data_kernel_is_reset),
		WIRE_TEST(kernel_sends_into_closed_window_resumes_when_weft_reads),
		WIRE_TEST(weft_sends_into_closed_window_resumes_when_kernel_reads),
		WIRE_TEST(kernel_port_is_closed_connect_is_refused),
		WIRE_TEST(weft_port_is_closed_connect_is_refused),
		WIRE_TEST(nobody_has_the_address_connect_is_unreachable_promptly),
		WIRE_TEST(kernel_probes_silent_connection_it_stays),
	};

	return wire_begin(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
