/* SPDX-License-Identifier: MIT */
/* The clients that work by themselves, and their services, on two hosts in virtual time. */
#include "unit.h"
#include "world.h"

#include "net/app/app.h"
#include "net/app/app_priv.h"
#include "net/bulk/bulk.h"
#include "net/bulk/discard.h"
#include "net/echo/echo.h"
#include "net/http/http_get.h"
#include "net/http/http_reply.h"
#include "net/http/http_server.h"
#include "net/ping/prober.h"
#include "net/rr/rr.h"

#include <string.h>

static struct world w;
static struct app *app;
static struct app_stats stats;
static uint16_t next_port;

static int set_up(void **state UNUSED)
{
	world_start(&w);
	app = NULL;
	next_port = 1000;
	return 0;
}

static int set_up_ip6(void **state)
{
	world_is_ip6 = true;
	return set_up(state);
}

static int tear_down(void **state UNUSED)
{
	app_free(app);
	world_end(&w);
	world_is_ip6 = false;
	return 0;
}

/* Runs for so long; then `stats` is what the app has done. */
static void run_for(int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(w.eng) + ns;

	while (weft_engine_next_ns(w.eng) <= end_ns)
		weft_engine_run(w.eng, weft_engine_next_ns(w.eng));
	weft_engine_run(w.eng, end_ns);
	app_stats(app, &stats);
}

static struct app_plan plan(uint32_t count, int64_t interval_ns)
{
	return (struct app_plan){
		.count = count, .interval_ns = interval_ns, .timeout_ns = 2 * WORLD_SEC};
}

/* ---- echo and rr ---- */

static struct rr_config rr_config(const char *to, bool is_echo)
{
	return (struct rr_config){
		.to = world_at(to),
		.request = 100,
		.response = 50000,
		.is_echo = is_echo,
		.plan = plan(3, WORLD_SEC),
	};
}

static void rr_server_answers_as_many_bytes_as_asked_for(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.2:5002", false);
	struct server_stats server;
	struct rr_server *srv;

	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_done, 3);
	assert_int_equal(stats.n_failed + stats.n_lost, 0);
	assert_int_equal(stats.bytes_sent, 300);
	assert_int_equal(stats.bytes_received, 150000);
	rr_server_stats(srv, &server);
	assert_int_equal(server.n_conns, 1);
	assert_int_equal(server.n_open, 0);
	assert_int_equal(server.bytes_received, 300);
	rr_server_free(srv);
}

static void rr_empty_responses_come_one_by_one(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.2:5002", false);
	struct rr_server *srv;

	cfg.request = RR_HEAD;
	cfg.response = 0;
	cfg.plan.count = 2;
	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	/* Nothing says when an empty response is there: it is, once the request has gone. */
	assert_int_equal(stats.n_done, 2);
	rr_server_free(srv);
}

static void rr_server_resets_a_request_of_no_length(void **state UNUSED)
{
	static const uint8_t head[RR_HEAD] = {0, 0, 0, 7, 0, 0, 0, 1};
	struct weft_sockaddr to = world_at("10.0.0.2:5002");
	struct server_stats server;
	struct rr_server *srv;
	struct weft_sock *s;
	char c;

	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	assert_int_equal(weft_socket(w.client, to.addr.family, WEFT_SOCK_STREAM, 0, &s), 0);
	assert_int_equal(weft_connect(s, &to), -EINPROGRESS);
	world_settle(&w);
	assert_int_equal(weft_send(s, head, sizeof(head), 0), sizeof(head));
	world_settle(&w);
	assert_int_equal(weft_recv(s, &c, 1, 0), -ECONNRESET);
	rr_server_stats(srv, &server);
	assert_int_equal(server.n_open, 0);
	weft_close(s);
	rr_server_free(srv);
}

static void echo_comes_back_as_it_was(void **state UNUSED)
{
	struct echo_config ec = {.port = 7, .tcp = true};
	struct rr_config cfg = rr_config("10.0.0.2:7", true);
	struct echo *echo;

	cfg.request = 100000;
	assert_int_equal(echo_new(w.server, &ec, &echo), 0);
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_int_equal(stats.n_done, 3);
	assert_int_equal(stats.bytes_received, 300000);
	echo_free(echo);
}

static void echo_of_a_server_that_answers_otherwise_fails(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.2:5002", true);
	struct rr_server *srv;

	/* An rr server reads the pattern as lengths, and resets. */
	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_int_equal(stats.n_done, 0);
	assert_int_equal(stats.n_failed + stats.n_lost, 3);
	assert_int_not_equal(stats.err, 0);
	rr_server_free(srv);
}

static void connection_refused_is_a_result(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.2:5002", false);

	cfg.plan.interval_ns = 0;
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(0);
	assert_int_equal(stats.n_tries, 1);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_failed, 3);
	assert_int_equal(stats.err, -ECONNREFUSED);
	assert_int_equal(app_stats_rate_bps(&stats), 0);
}

static void peer_that_is_not_there_is_lost(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.9:5002", false);

	cfg.plan.timeout_ns = WORLD_SEC;
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(60 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_lost, 3);
	assert_int_equal(stats.err, -ETIMEDOUT);
}

static void network_without_a_route_fails_at_once(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.9.9.9:5002", false);

	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(0);
	assert_int_equal(stats.n_failed, 1);
	assert_int_equal(stats.err, -ENETUNREACH);
}

static void server_that_goes_between_requests_is_connected_to_again(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.2:5002", false);
	struct rr_server *srv;

	cfg.plan.count = 2;
	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
	run_for(WORLD_SEC / 2);
	assert_int_equal(stats.n_done, 1);
	rr_server_free(srv);
	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	run_for(10 * WORLD_SEC);
	assert_int_equal(stats.n_done, 2);
	assert_int_equal(stats.n_failed, 0);
	rr_server_free(srv);
}

static void wrong_sizes_are_refused(void **state UNUSED)
{
	struct rr_config rr = rr_config("10.0.0.2:5002", false);
	struct bulk_config bulk = {.to = rr.to};
	struct prober_config probe = {.to = rr.to, .is_udp = true, .size = 3};
	struct http_get_config get = {.to = rr.to, .host = "a b", .path = "/"};

	rr.request = RR_HEAD - 1;
	assert_int_equal(rr_client_new(w.client, &rr, &app), -EINVAL);
	assert_int_equal(bulk_new(w.client, &bulk, &app), -EINVAL);
	assert_int_equal(prober_new(w.client, &probe, &app), -EINVAL);
	assert_int_equal(http_get_new(w.client, &get, &app), -EINVAL);
	assert_null(app);
}

/* ---- bulk ---- */

static void bulk_of_a_size_is_all_taken(void **state UNUSED)
{
	struct bulk_config cfg = {
		.to = world_at("10.0.0.2:9"), .size = 1000001, .plan = plan(2, 0)};
	struct server_stats server;
	struct discard *srv;

	assert_int_equal(discard_new(w.server, &(struct server_config){.port = 9}, &srv), 0);
	assert_int_equal(bulk_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_done, 2);
	assert_int_equal(stats.bytes_sent, 2000002);
	discard_stats(srv, &server);
	assert_int_equal(server.bytes_received, 2000002);
	assert_int_equal(server.n_conns, 2);
	assert_int_equal(server.n_open, 0);
	discard_free(srv);
}

static void bulk_whose_peer_vanishes_is_lost(void **state UNUSED)
{
	struct bulk_config cfg = {
		.to = world_at("10.0.0.2:9"), .size = 10000000000, .plan = plan(1, 0)};
	struct discard *srv;

	assert_int_equal(discard_new(w.server, &(struct server_config){.port = 9}, &srv), 0);
	assert_int_equal(bulk_new(w.client, &cfg, &app), 0);
	for (int i = 0; i < 20; i++)
		weft_engine_run(w.eng, i);
	weft_netif_set_up(w.server_if, false);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_lost, 1);
	assert_int_equal(stats.err, -ETIMEDOUT);
	assert_true(stats.bytes_sent > 0 && stats.bytes_sent < 10000000000);
	discard_free(srv);
}

/* ---- probes ---- */

static struct prober_config probes(const char *to, bool is_udp)
{
	return (struct prober_config){
		.to = world_at(to),
		.is_udp = is_udp,
		.size = 56,
		.plan = plan(5, WORLD_SEC),
	};
}

static void pings_come_back(void **state UNUSED)
{
	struct prober_config cfg = probes("10.0.0.2:0", false);

	assert_int_equal(prober_new(w.client, &cfg, &app), 0);
	run_for(4 * WORLD_SEC - 1);
	assert_int_equal(stats.n_done, 4);
	assert_false(stats.is_done);
	run_for(1);
	assert_int_equal(stats.n_done, 5);
	assert_true(stats.is_done);
	assert_int_equal(stats.bytes_sent, 5 * 64);
}

static void pings_that_are_not_answered_in_time_are_lost(void **state UNUSED)
{
	struct prober_config cfg = probes("10.0.0.9:0", false);

	assert_int_equal(prober_new(w.client, &cfg, &app), 0);
	run_for(5 * WORLD_SEC);
	assert_false(stats.is_done);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_lost, 5);
}

static void pings_faster_than_slots_give_up_the_oldest(void **state UNUSED)
{
	struct prober_config cfg = probes("10.0.0.9:0", false);

	cfg.plan.count = PROBER_OPEN_MAX + 10;
	cfg.plan.interval_ns = 1;
	assert_int_equal(prober_new(w.client, &cfg, &app), 0);
	run_for(1000000);
	assert_int_equal(stats.n_tries, PROBER_OPEN_MAX + 10);
	assert_int_equal(stats.n_lost, 10);
}

static void pings_to_nowhere_fail(void **state UNUSED)
{
	struct prober_config cfg = probes("10.9.9.9:0", false);

	assert_int_equal(prober_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_failed, 5);
	assert_int_equal(stats.err, -ENETUNREACH);
}

static void datagrams_come_back(void **state UNUSED)
{
	struct echo_config ec = {.port = 7, .udp = true};
	struct prober_config cfg = probes("10.0.0.2:7", true);
	struct echo *echo;

	cfg.size = 4;
	assert_int_equal(echo_new(w.server, &ec, &echo), 0);
	assert_int_equal(prober_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_true(stats.is_done);
	assert_int_equal(stats.n_done, 5);
	assert_int_equal(stats.bytes_received, 20);
	echo_free(echo);
}

/* ---- http ---- */

static struct http_get_config get_config(const char *path)
{
	return (struct http_get_config){
		.to = world_at("10.0.0.2:80"), .host = "web", .path = path, .plan = plan(1, 0)};
}

static void document_of_the_expected_size_is_right(void **state UNUSED)
{
	struct http_doc doc = {.path = "/x", .size = 300000};
	struct http_server_config sc = {.port = 80, .docs = &doc, .n_docs = 1};
	struct http_get_config cfg = get_config("/x");
	struct http_server *srv;

	cfg.has_size = true;
	cfg.size = 300000;
	cfg.plan.count = 3;
	assert_int_equal(http_server_new(w.server, &sc, &srv), 0);
	assert_int_equal(http_get_new(w.client, &cfg, &app), 0);
	run_for(10 * WORLD_SEC);
	assert_int_equal(stats.n_done, 3);
	assert_int_equal(stats.bytes_received, 900000);
	http_server_free(srv);
}

static void document_that_is_not_there_or_too_short_has_failed(void **state UNUSED)
{
	struct http_doc doc = {.path = "/x", .size = 300};
	struct http_server_config sc = {.port = 80, .docs = &doc, .n_docs = 1};
	struct http_get_config cfg = get_config("/y");
	struct http_server *srv;

	assert_int_equal(http_server_new(w.server, &sc, &srv), 0);
	assert_int_equal(http_get_new(w.client, &cfg, &app), 0);
	run_for(WORLD_SEC);
	assert_int_equal(stats.n_failed, 1);
	assert_string_equal(stats.why, "HTTP status 404");
	app_free(app);
	cfg.path = "/x";
	cfg.has_size = true;
	cfg.size = 301;
	assert_int_equal(http_get_new(w.client, &cfg, &app), 0);
	run_for(WORLD_SEC);
	assert_int_equal(stats.err, -EMSGSIZE);
	assert_string_equal(stats.why, "300 bytes came");
	http_server_free(srv);
}

/* A server that says `answer`, one part a millisecond, and closes. */
struct speaker {
	struct weft_sock *listener, *conn;
	const char *answer;
	size_t part;
};

static void speak(const char *answer, size_t part)
{
	struct weft_sockaddr any = world_at("0.0.0.0:80");
	struct http_get_config cfg = get_config("/");
	struct speaker sp = {.answer = answer, .part = part};
	size_t len = strlen(answer);

	app_free(app);
	app = NULL;
	any.port = cfg.to.port = next_port++;
	assert_int_equal(weft_socket(w.server, any.addr.family, WEFT_SOCK_STREAM, 0, &sp.listener),
			 0);
	assert_int_equal(weft_bind(sp.listener, &any), 0);
	assert_int_equal(weft_listen(sp.listener, 1), 0);
	assert_int_equal(http_get_new(w.client, &cfg, &app), 0);
	run_for(0);
	assert_int_equal(weft_accept(sp.listener, &sp.conn, NULL), 0);
	for (size_t off = 0; off < len; off += part) {
		size_t n = len - off < part ? len - off : part;

		(void)weft_send(sp.conn, answer + off, n, 0);
		run_for(1000000);
	}
	(void)weft_shutdown(sp.conn, WEFT_SHUT_WR);
	run_for(1000000);
	weft_abort(sp.conn);
	weft_abort(sp.listener);
	world_settle(&w);
	assert_true(stats.is_done);
}

static void responses_of_all_framings_are_read(void **state UNUSED)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 200\r\n\r\nhello",
		"HTTP/1.1 200 OK\nconnection: close\n\nhello",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello",
		("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		for (size_t part = 1; part < 90; part += 11) {
			speak(answers[i], part);
			assert_int_equal(stats.n_done, 1);
			assert_int_equal(stats.bytes_received, 5);
		}
}

static void responses_that_are_none_have_failed(void **state UNUSED)
{
	static const char *const answers[] = {
		"",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"SSH-2.0-OpenSSH\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		speak(answers[i], 1000);
		assert_int_equal(stats.n_failed, 1);
		assert_int_not_equal(stats.err, 0);
	}
}

static void head_without_an_end_is_given_up(void **state UNUSED)
{
	static const char line[17] = "HTTP/1.1 200 OK\r\n"; /* without a NUL */
	char *answer = calloc(1, 2 * HTTP_REPLY_HEAD_MAX);

	memset(answer, 'a', 2 * HTTP_REPLY_HEAD_MAX - 1);
	memcpy(answer, line, sizeof(line));
	speak(answer, 1000);
	assert_int_equal(stats.n_failed, 1);
	assert_int_equal(stats.err, -EPROTO);
	free(answer);
}

/* ---- figures ---- */

static void rate_of_large_numbers_does_not_overflow(void **state UNUSED)
{
	struct app_stats s = {.bytes_sent = UINT64_C(1) << 60, .busy_ns = INT64_C(1) << 40};

	assert_int_equal(app_stats_rate_bps(&s) >> 20, UINT64_C(8000000000));
	s.busy_ns = 0;
	assert_int_equal(app_stats_rate_bps(&s), 0);
}

static void client_that_is_freed_at_any_time_leaves_nothing(void **state UNUSED)
{
	struct rr_config cfg = rr_config("10.0.0.2:5002", false);
	struct rr_server *srv;

	assert_int_equal(rr_server_new(w.server, &(struct server_config){.port = 5002}, &srv), 0);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(rr_client_new(w.client, &cfg, &app), 0);
		for (int k = 0; k < i; k++)
			weft_engine_run(w.eng, weft_engine_now_ns(w.eng));
		app_free(app);
		app = NULL;
	}
	rr_server_free(srv);
}

#define in_families(name)                                        \
	{#name "_ipv4", name, set_up, tear_down, NULL},          \
	{                                                        \
#name "_ipv6", name, set_up_ip6, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_families(rr_server_answers_as_many_bytes_as_asked_for),
		in_families(rr_empty_responses_come_one_by_one),
		in_families(rr_server_resets_a_request_of_no_length),
		in_families(echo_comes_back_as_it_was),
		in_families(echo_of_a_server_that_answers_otherwise_fails),
		in_families(connection_refused_is_a_result),
		in_families(peer_that_is_not_there_is_lost),
		in_families(network_without_a_route_fails_at_once),
		in_families(server_that_goes_between_requests_is_connected_to_again),
		in_families(wrong_sizes_are_refused),
		in_families(bulk_of_a_size_is_all_taken),
		in_families(bulk_whose_peer_vanishes_is_lost),
		in_families(pings_come_back),
		in_families(pings_that_are_not_answered_in_time_are_lost),
		in_families(pings_faster_than_slots_give_up_the_oldest),
		in_families(pings_to_nowhere_fail),
		in_families(datagrams_come_back),
		in_families(document_of_the_expected_size_is_right),
		in_families(document_that_is_not_there_or_too_short_has_failed),
		in_families(responses_of_all_framings_are_read),
		in_families(responses_that_are_none_have_failed),
		in_families(head_without_an_end_is_given_up),
		in_families(rate_of_large_numbers_does_not_overflow),
		in_families(client_that_is_freed_at_any_time_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
