/* SPDX-License-Identifier: MIT */
/*
 * A gateway that answers for everybody (weft/intercept.h):
 *
 *	guest 10.0.0.1, 2001:db8::1 ---- 10.0.0.2, 2001:db8::2 gateway	(default route of the guest)
 */
#include "world.h"

#include <string.h>

enum {
	ASKED_MAX = 64,
};

struct gate {
	struct world w;
	struct weft_intercept *ic;
	struct weft_tcp_request *asked[ASKED_MAX];
	uint32_t n_asked, n_cancelled, n_readable;
};

static void on_request(void *arg, struct weft_tcp_request *req)
{
	struct gate *g = arg;

	assert_true(g->n_asked < ASKED_MAX);
	g->asked[g->n_asked++] = req;
}

static void on_cancelled(void *arg, struct weft_tcp_request *req)
{
	struct gate *g = arg;

	(void)req;
	g->n_cancelled++;
}

static void on_readable(void *arg)
{
	struct gate *g = arg;

	g->n_readable++;
}

static void gate_open(struct gate *g, uint32_t max_requests, uint32_t max_queue_bytes)
{
	const struct weft_intercept_config cfg = {
		.request = on_request,
		.cancelled = on_cancelled,
		.readable = on_readable,
		.arg = g,
		.max_requests = max_requests,
		.max_queue_bytes = max_queue_bytes,
	};
	struct weft_addr a = world_addr("2001:db8::1"), b = world_addr("2001:db8::2");

	world_start(&g->w);
	assert_int_equal(weft_addr_add(g->w.client_if, &a, 64), 0);
	assert_int_equal(weft_addr_add(g->w.server_if, &b, 64), 0);
	assert_int_equal(weft_route_add_text(g->w.client, "default via 10.0.0.2"), 0);
	assert_int_equal(weft_route_add_text(g->w.client, "default via 2001:db8::2"), 0);
	assert_int_equal(weft_intercept_new(g->w.server_if, &cfg, &g->ic), 0);
	assert_int_equal(weft_intercept_new(g->w.server_if, &cfg, &g->ic), -EEXIST);
}

static int setup(void **state)
{
	struct gate *g = calloc(1, sizeof(*g));

	gate_open(g, 8, 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct gate *g = *state;

	weft_intercept_free(g->ic);
	world_end(&g->w);
	free(g);
	return 0;
}

/* A connection of the guest that has not been answered. */
static struct weft_sock *dial(struct gate *g, const char *to)
{
	int family = to[0] == '[' ? WEFT_AF_INET6 : WEFT_AF_INET;
	struct weft_sock *s;

	assert_int_equal(weft_socket(g->w.client, family, WEFT_SOCK_STREAM, 0, &s), 0);
	assert_int_equal(world_connect(s, to), -EINPROGRESS);
	world_settle(&g->w);
	return s;
}

static uint8_t tcp_state(struct weft_sock *s)
{
	struct weft_tcp_info info;
	size_t len = sizeof(info);

	assert_int_equal(weft_getsockopt(s, WEFT_IPPROTO_TCP, WEFT_TCP_INFO, &info, &len), 0);
	return info.state;
}

static void accepted_is_a_connection_with_the_address_that_was_asked_for(void **state)
{
	static const char *const dsts[] = {"192.0.2.7:80", "[2001:db8:7::7]:80"};
	struct gate *g = *state;

	for (size_t i = 0; i < 2; i++) {
		struct weft_tcp_request_info info;
		struct weft_sock *s = dial(g, dsts[i]), *ours;
		struct weft_sockaddr sa;
		char buf[8];

		assert_int_equal(g->n_asked, i + 1);
		weft_tcp_request_info(g->asked[i], &info);
		world_assert_at(&info.dst, dsts[i]);
		assert_true(info.has_ts && info.has_sack && info.has_wscale);
		assert_int_equal(tcp_state(s), WEFT_TCP_SYN_SENT);
		assert_int_equal(weft_tcp_request_accept(g->asked[i], &ours), 0);
		/* What follows the SYN-ACK at once is not lost. */
		assert_int_equal(weft_send(ours, "hello", 5, 0), 5);
		world_settle(&g->w);
		assert_int_equal(tcp_state(s), WEFT_TCP_ESTABLISHED);
		assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 5);
		assert_int_equal(weft_send(s, "back", 4, 0), 4);
		world_settle(&g->w);
		assert_int_equal(weft_recv(ours, buf, sizeof(buf), 0), 4);
		assert_int_equal(weft_getsockname(ours, &sa), 0);
		world_assert_at(&sa, dsts[i]);
		weft_close(s);
		weft_close(ours);
		world_advance(&g->w, 300 * WORLD_SEC);
	}
}

static void nothing_is_answered_before_the_application_has(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s = dial(g, "192.0.2.7:80");
	struct weft_intercept_stats stats;

	world_advance(&g->w, 8 * WORLD_SEC); /* the SYN comes three times more */
	assert_int_equal(tcp_state(s), WEFT_TCP_SYN_SENT);
	assert_int_equal(g->n_asked, 1);
	assert_int_equal(weft_stack_counter(g->w.server, "TcpOutSegs"), 0);
	assert_int_equal(weft_stack_counter(g->w.server, "TCP_SYN_AGAIN"), 3);
	weft_intercept_stats(g->ic, &stats);
	assert_int_equal(stats.n_requests, 1);
	weft_close(s);
}

static void refused_is_econnrefused_and_unreachable_its_errno(void **state)
{
	static const struct {
		const char *dst;
		struct weft_icmp_error icmp;
		int err;
	} rows[] = {
		{"192.0.2.7:80", {.type = 3, .code = 0}, ENETUNREACH},
		{"192.0.2.7:81", {.type = 3, .code = 1}, EHOSTUNREACH},
		{"192.0.2.7:82", {.type = 3, .code = 13}, EHOSTUNREACH},
		{"[2001:db8:7::7]:80", {.type = 1, .code = 0}, ENETUNREACH},
		{"[2001:db8:7::7]:81", {.type = 1, .code = 1}, EACCES},
		{"[2001:db8:7::7]:82", {.type = 1, .code = 3}, EHOSTUNREACH},
	};
	struct gate *g = *state;
	struct weft_sock *s = dial(g, "192.0.2.7:80");

	weft_tcp_request_refuse(g->asked[0]);
	world_settle(&g->w);
	assert_int_equal(world_error(s), ECONNREFUSED);
	weft_close(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		s = dial(g, rows[i].dst);
		weft_tcp_request_unreachable(g->asked[i + 1], &rows[i].icmp);
		/* Linux gives up at once only where a router reports it; else after the SYNs. */
		world_advance(&g->w, 200 * WORLD_SEC);
		for (uint32_t k = (uint32_t)i + 2; k < g->n_asked; k++)
			weft_tcp_request_drop(g->asked[k]);
		g->n_asked = (uint32_t)i + 2;
		assert_int_equal(world_error(s), rows[i].err);
		weft_close(s);
	}
}

static void the_reporter_of_an_error_is_who_the_application_says(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s = world_socket(g->w.client, WEFT_SOCK_DGRAM, 0);
	char control[256], buf[64];
	struct weft_iovec iov = {buf, sizeof(buf)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = control, .control_len = sizeof(control)};
	struct weft_sock_extended_err ee;
	struct weft_intercept_msg in;
	struct weft_icmp_error icmp = {.from = world_addr("198.51.100.9"), .type = 11};

	world_setopt(s, WEFT_IPPROTO_IP, WEFT_IP_RECVERR, 1);
	assert_int_equal(world_sendto(s, "probe", 5, "192.0.2.7:33434"), 5);
	world_settle(&g->w);
	assert_int_equal(weft_intercept_recv(g->ic, &in), 0);
	icmp.proto = in.proto;
	icmp.src = in.src;
	icmp.dst = in.dst;
	icmp.quote = "probe";
	icmp.quote_len = 5;
	assert_int_equal(weft_intercept_error(g->ic, &icmp), 0);
	world_settle(&g->w);
	assert_int_equal(weft_recvmsg(s, &msg, WEFT_MSG_ERRQUEUE), 5);
	memcpy(&ee, weft_cmsg_data(weft_cmsg_next(&msg, NULL)), sizeof(ee));
	assert_int_equal(ee.type, 11);
	assert_int_equal(ee.err, EHOSTUNREACH);
	weft_close(s);
}

static void a_request_that_its_host_gives_up_is_cancelled(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s = dial(g, "192.0.2.7:80"), *ours;
	struct weft_sockaddr sa;

	/* The same port begins anew, with another sequence number: the first is forgotten. */
	assert_int_equal(weft_getsockname(s, &sa), 0);
	weft_abort(s);
	assert_int_equal(weft_socket(g->w.client, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), 0);
	assert_int_equal(weft_bind(s, &sa), 0);
	world_advance(&g->w, WORLD_SEC);
	assert_int_equal(world_connect(s, "192.0.2.7:80"), -EINPROGRESS);
	world_settle(&g->w);
	assert_int_equal(g->n_cancelled, 1);
	assert_int_equal(g->n_asked, 2);
	assert_int_equal(weft_tcp_request_accept(g->asked[1], &ours), 0);
	world_settle(&g->w);
	assert_int_equal(tcp_state(s), WEFT_TCP_ESTABLISHED);
	weft_abort(s);
	weft_abort(ours);
	world_settle(&g->w);
}

static void a_flood_is_bounded_and_the_oldest_gives_way(void **state)
{
	struct gate *g = *state;
	struct weft_intercept_stats stats;
	struct weft_sock *s[12];

	for (int i = 0; i < 10; i++)
		s[i] = dial(g, "192.0.2.7:80");
	weft_intercept_stats(g->ic, &stats);
	assert_int_equal(g->n_asked, 8);
	assert_int_equal(stats.n_requests, 8);
	assert_int_equal(weft_stack_counter(g->w.server, "TCP_REQUESTS_FULL"), 2);
	world_advance(&g->w, 8 * WORLD_SEC); /* those that came again have made two give way */
	assert_int_equal(g->n_cancelled, 2);
	assert_int_equal(g->n_asked, 10);
	weft_intercept_stats(g->ic, &stats);
	assert_int_equal(stats.n_requests, 8);
	for (int i = 0; i < 10; i++)
		weft_close(s[i]);
}

static void datagrams_come_with_both_addresses_and_answers_from_any(void **state)
{
	static const char *const dsts[] = {"192.0.2.7:53", "[2001:db8:7::7]:53"};
	struct gate *g = *state;

	for (size_t i = 0; i < 2; i++) {
		int family = i ? WEFT_AF_INET6 : WEFT_AF_INET;
		struct weft_sockaddr to = world_at(dsts[i]), from;
		struct weft_intercept_msg msg, answer = {.proto = WEFT_IPPROTO_UDP};
		struct weft_iovec iov = {"answer", 6};
		struct weft_sock *s;
		char buf[16];

		assert_int_equal(weft_socket(g->w.client, family, WEFT_SOCK_DGRAM, 0, &s), 0);
		assert_int_equal(weft_sendto(s, "question", 8, 0, &to), 8);
		world_settle(&g->w);
		assert_int_equal(g->n_readable, i + 1);
		assert_int_equal(weft_intercept_recv(g->ic, &msg), 0);
		assert_int_equal(msg.proto, WEFT_IPPROTO_UDP);
		assert_int_equal(msg.ttl, 64);
		assert_int_equal(msg.len, 8);
		assert_int_equal(msg.n_iov, 1);
		assert_memory_equal(msg.iov[0].base, "question", 8);
		world_assert_at(&msg.dst, dsts[i]);
		answer.src = msg.dst;
		answer.dst = msg.src;
		answer.iov = &iov;
		answer.n_iov = 1;
		assert_int_equal(weft_intercept_recv(g->ic, &msg), -EAGAIN);
		assert_int_equal(weft_intercept_send(g->ic, &answer), 0);
		world_settle(&g->w);
		assert_int_equal(weft_recvfrom(s, buf, sizeof(buf), 0, &from), 6);
		world_assert_at(&from, dsts[i]);
		weft_close(s);
	}
}

static void datagrams_that_nobody_reads_are_bounded(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s = world_socket(g->w.client, WEFT_SOCK_DGRAM, 0);
	struct weft_intercept_stats stats;

	for (int i = 0; i < 5000; i++) {
		assert_int_equal(world_sendto(s, "x", 1, "192.0.2.7:53"), 1);
		world_settle(&g->w);
	}
	weft_intercept_stats(g->ic, &stats);
	assert_true(stats.queue_bytes <= 1 << 20);
	assert_true(stats.dropped_full > 1000);
	assert_int_equal(stats.datagrams + stats.dropped_full, 5000);
	assert_int_equal(weft_stack_counter(g->w.server, "INTERCEPT_QUEUE"), stats.dropped_full);
	weft_close(s);
}

static void an_echo_to_another_is_asked_about_and_one_to_us_answered(void **state)
{
	static const uint8_t ping[12] = {8, [6] = 0, 7, 'p', 'i', 'n', 'g'};
	struct gate *g = *state;
	struct weft_sock *s = world_socket(g->w.client, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP);
	struct weft_intercept_msg msg, reply = {.proto = WEFT_IPPROTO_ICMP, .ttl = 9};
	struct weft_iovec iov = {"ping", 4};
	struct weft_sockaddr from;
	uint8_t buf[32];

	assert_int_equal(world_sendto(s, ping, sizeof(ping), "10.0.0.2:0"), 12);
	world_settle(&g->w);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), 12);
	assert_int_equal(g->n_readable, 0);
	assert_int_equal(world_sendto(s, ping, sizeof(ping), "192.0.2.7:0"), 12);
	world_advance(&g->w, 10 * WORLD_SEC);
	assert_int_equal(weft_recv(s, buf, sizeof(buf), 0), -EAGAIN); /* nobody made one up */
	assert_int_equal(weft_intercept_recv(g->ic, &msg), 0);
	assert_int_equal(msg.proto, WEFT_IPPROTO_ICMP);
	assert_int_equal(msg.dst.port, 7);
	assert_int_equal(msg.len, 4);
	reply.src = msg.dst;
	reply.dst = msg.src;
	reply.iov = &iov;
	reply.n_iov = 1;
	assert_int_equal(weft_intercept_send(g->ic, &reply), 0);
	world_settle(&g->w);
	assert_int_equal(weft_recvfrom(s, buf, sizeof(buf), 0, &from), 12);
	assert_int_equal(buf[0], 0);
	assert_memory_equal(buf + 6, ping + 6, 6);
	world_assert_at(&from, "192.0.2.7:0");
	weft_close(s);
}

static void the_last_hop_ends_here(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s = world_socket(g->w.client, WEFT_SOCK_DGRAM, 0);

	world_setopt(s, WEFT_IPPROTO_IP, WEFT_IP_RECVERR, 1);
	world_setopt(s, WEFT_IPPROTO_IP, WEFT_IP_TTL, 1);
	assert_int_equal(world_sendto(s, "x", 1, "192.0.2.7:33434"), 1);
	world_settle(&g->w);
	assert_int_equal(world_error(s), EHOSTUNREACH);
	assert_int_equal(g->n_readable, 0);
	assert_int_equal(weft_stack_counter(g->w.server, "IcmpOutTimeExcds"), 1);
	weft_close(s);
}

static void sockets_of_the_stack_have_what_is_for_its_addresses(void **state)
{
	struct gate *g = *state;
	struct weft_sock *listener = world_bound_stream(g->w.server, "0.0.0.0:80");
	struct weft_sock *dns = world_bound(g->w.server, "0.0.0.0:53");
	struct weft_sock *c = world_socket(g->w.client, WEFT_SOCK_DGRAM, 0), *s, *peer;
	char buf[8];

	assert_int_equal(weft_listen(listener, 4), 0);
	s = dial(g, "10.0.0.2:80");
	assert_int_equal(g->n_asked, 0);
	assert_int_equal(weft_accept(listener, &peer, NULL), 0);
	weft_abort(s);
	weft_abort(peer);
	s = dial(g, "10.0.0.2:81"); /* no socket there: the application is asked */
	assert_int_equal(g->n_asked, 1);
	weft_abort(s);
	s = dial(g, "192.0.2.7:80"); /* nobody is spoken for by a socket that is bound to any */
	assert_int_equal(g->n_asked, 2);
	weft_abort(s);
	assert_int_equal(world_sendto(c, "q", 1, "10.0.0.2:53"), 1);
	assert_int_equal(world_sendto(c, "q", 1, "192.0.2.7:53"), 1);
	world_settle(&g->w);
	assert_int_equal(weft_recv(dns, buf, sizeof(buf), 0), 1);
	assert_int_equal(weft_recv(dns, buf, sizeof(buf), 0), -EAGAIN);
	assert_int_equal(g->n_readable, 1);
	weft_close(c);
	weft_close(dns);
	weft_close(listener);
}

static void a_transparent_socket_speaks_in_anothers_name(void **state)
{
	struct gate *g = *state;
	struct weft_sock *listener = world_bound_stream(g->w.client, "0.0.0.0:80"), *s, *peer;
	struct weft_sockaddr at = world_at("192.0.2.7:4000"), from;

	assert_int_equal(weft_listen(listener, 4), 0);
	s = world_socket(g->w.server, WEFT_SOCK_STREAM, 0);
	assert_int_equal(weft_bind(s, &at), -EADDRNOTAVAIL);
	world_setopt(s, WEFT_IPPROTO_IP, WEFT_IP_TRANSPARENT, 1);
	assert_int_equal(world_getopt(s, WEFT_IPPROTO_IP, WEFT_IP_TRANSPARENT), 1);
	assert_int_equal(weft_bind(s, &at), 0);
	assert_int_equal(world_connect(s, "10.0.0.1:80"), -EINPROGRESS);
	world_settle(&g->w);
	assert_int_equal(tcp_state(s), WEFT_TCP_ESTABLISHED);
	assert_int_equal(weft_accept(listener, &peer, &from), 0);
	world_assert_at(&from, "192.0.2.7:4000");
	weft_close(s);
	weft_close(peer);
	weft_close(listener);
	world_advance(&g->w, 300 * WORLD_SEC);
}

static void what_waits_goes_with_the_interface(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s = dial(g, "192.0.2.7:80");

	assert_int_equal(g->n_asked, 1);
	weft_abort(s);
	weft_netif_del(g->w.server_if);
	g->ic = NULL;
}

static void memory_that_runs_out_loses_requests_only(void **state)
{
	struct gate *g = *state;

	for (int i = 0; i < 12; i++) {
		struct weft_sock *s, *ours;
		uint32_t n = g->n_asked;
		int err;

		assert_int_equal(weft_socket(g->w.client, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s),
				 0);
		assert_int_equal(world_connect(s, "192.0.2.7:80"), -EINPROGRESS);
		world_fail_after(&g->w, i);
		world_settle(&g->w);
		if (g->n_asked > n) {
			err = weft_tcp_request_accept(g->asked[n], &ours);
			world_fail_after(&g->w, -1);
			if (err) {
				assert_int_equal(err, -ENOMEM);
				weft_tcp_request_drop(g->asked[n]);
			} else {
				weft_abort(ours);
			}
		}
		world_fail_after(&g->w, -1);
		weft_abort(s);
		world_settle(&g->w);
	}
}

static void on_line(void *arg, const char *line)
{
	uint32_t *n = arg;

	*n += strstr(line, "\"event\":\"accept\"") != NULL;
	assert_non_null(strstr(line, "\"local\":\"192.0.2.7:80\",\"peer\":\"10.0.0.1:"));
}

/* What is accepted in the names of others counts as what a listener accepts does. */
static void accepting_is_within_the_limits_of_the_stack(void **state)
{
	struct gate *g = *state;
	struct weft_sock *s[2] = {dial(g, "192.0.2.7:80"), dial(g, "192.0.2.7:80")}, *ours, *more;
	uint32_t n_lines = 0;

	assert_int_equal(g->n_asked, 2);
	weft_stack_audit(g->w.server, WEFT_AUDIT_ACCEPT, on_line, &n_lines);
	assert_int_equal(weft_stack_set(g->w.server, "net.limit.conns_per_peer", 1), 0);
	assert_int_equal(weft_tcp_request_accept(g->asked[0], &ours), 0);
	assert_int_equal(n_lines, 1);
	assert_int_equal(weft_tcp_request_accept(g->asked[1], &more), -ECONNREFUSED);
	assert_int_equal(weft_stack_counter(g->w.server, "SockLimitPeer"), 1);
	assert_int_equal(weft_stack_set(g->w.server, "net.limit.conns_per_peer", 0), 0);
	assert_int_equal(weft_stack_set(g->w.server, "net.limit.sockets", 1), 0);
	assert_int_equal(weft_tcp_request_accept(g->asked[1], &more), -ENFILE);
	/* The request is as it was. */
	assert_int_equal(weft_stack_set(g->w.server, "net.limit.sockets", 0), 0);
	assert_int_equal(weft_tcp_request_accept(g->asked[1], &more), 0);
	assert_int_equal(n_lines, 2);
	weft_stack_audit(g->w.server, 0, NULL, NULL);
	weft_abort(ours);
	weft_abort(more);
	weft_abort(s[0]);
	weft_abort(s[1]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(accepted_is_a_connection_with_the_address_that_was_asked_for),
		T(nothing_is_answered_before_the_application_has),
		T(refused_is_econnrefused_and_unreachable_its_errno),
		T(the_reporter_of_an_error_is_who_the_application_says),
		T(a_request_that_its_host_gives_up_is_cancelled),
		T(a_flood_is_bounded_and_the_oldest_gives_way),
		T(datagrams_come_with_both_addresses_and_answers_from_any),
		T(datagrams_that_nobody_reads_are_bounded),
		T(an_echo_to_another_is_asked_about_and_one_to_us_answered),
		T(the_last_hop_ends_here),
		T(sockets_of_the_stack_have_what_is_for_its_addresses),
		T(a_transparent_socket_speaks_in_anothers_name),
		T(accepting_is_within_the_limits_of_the_stack),
		T(what_waits_goes_with_the_interface),
		T(memory_that_runs_out_loses_requests_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
