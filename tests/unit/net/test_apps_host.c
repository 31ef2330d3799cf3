/* SPDX-License-Identifier: MIT */
/* Clients and servers of net/ on the host's own sockets, on loopback, in real time; tests of what
 * they do on stacks are in test_apps.c. */
#include <errno.h>

#include "net/bulk/bulk.h"
#include "net/bulk/discard.h"
#include "net/echo/echo.h"
#include "net/ping/prober.h"
#include "net/rr/rr.h"
#include "unit.h"
#include "weft/io.h"

#define SEC INT64_C(1000000000)

struct host {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_net *net;
	struct weft_sockaddr at; /* a port of loopback that nobody has */
	struct app_plan plan;
};

static int setup(void **state)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .now_ns = weft_io_now_ns()};
	struct host *h = calloc(1, sizeof(*h));
	struct weft_sock *s;

	assert_non_null(h);
	assert_int_equal(weft_engine_new(&cfg, &h->eng), 0);
	assert_int_equal(weft_loop_new(h->eng, &h->loop), 0);
	assert_int_equal(weft_host_net_new(h->loop, &h->net), 0);
	assert_int_equal(weft_sockaddr_parse("127.0.0.1:0", &h->at), 0);
	assert_int_equal(h->net->ops->socket(h->net, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &s), 0);
	assert_int_equal(h->net->ops->bind(s, &h->at), 0);
	assert_int_equal(h->net->ops->getsockname(s, &h->at), 0);
	h->net->ops->close(s);
	h->plan = (struct app_plan){.count = 3, .timeout_ns = 20 * SEC, .net = h->net};
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;

	weft_host_net_free(h->net);
	weft_loop_free(h->loop);
	weft_engine_free(h->eng);
	free(h);
	return 0;
}

static struct app_stats until_done(struct host *h, struct app *app)
{
	struct app_stats stats;
	int64_t end_ns = weft_io_now_ns() + 60 * SEC;

	do {
		assert_int_equal(weft_loop_turn(h->loop, SEC / 100), 0);
		app_stats(app, &stats);
	} while (!stats.is_done && weft_io_now_ns() < end_ns);
	assert_true(stats.is_done);
	app_free(app);
	return stats;
}

static struct server_config server_at(const struct host *h)
{
	return (struct server_config){.at = h->at, .net = h->net};
}

static void requests_are_answered(void **state)
{
	struct host *h = *state;
	struct server_config at = server_at(h);
	struct rr_config cfg = {.to = h->at, .request = 1000, .response = 200000, .plan = h->plan};
	struct rr_server *srv;
	struct app *app;

	assert_int_equal(rr_server_new(NULL, &at, &srv), 0);
	assert_int_equal(rr_client_new(NULL, &cfg, &app), 0);
	assert_int_equal(until_done(h, app).n_done, 3);
	rr_server_free(srv);
}

static void transfers_arrive_whole(void **state)
{
	struct host *h = *state;
	struct server_config at = server_at(h);
	struct bulk_config cfg = {.to = h->at, .size = 3000000, .plan = h->plan};
	struct server_stats got;
	struct app_stats stats;
	struct discard *srv;
	struct app *app;

	assert_int_equal(discard_new(NULL, &at, &srv), 0);
	assert_int_equal(bulk_new(NULL, &cfg, &app), 0);
	stats = until_done(h, app);
	assert_int_equal(stats.n_done, 3);
	assert_int_equal(stats.bytes_sent, 9000000);
	discard_stats(srv, &got);
	assert_int_equal(got.bytes_received, 9000000);
	discard_free(srv);
}

static void probes_come_back(void **state)
{
	struct host *h = *state;
	struct echo_config at = {.at = h->at, .net = h->net, .udp = true};
	struct prober_config cfg = {.to = h->at, .size = 100, .is_udp = true, .plan = h->plan};
	struct echo *srv;
	struct app *app;

	assert_int_equal(echo_new(NULL, &at, &srv), 0);
	assert_int_equal(prober_new(NULL, &cfg, &app), 0);
	assert_int_equal(until_done(h, app).n_done, 3);
	echo_free(srv);
}

static void nobody_there_is_a_refusal(void **state)
{
	struct host *h = *state;
	struct bulk_config cfg = {.to = h->at, .size = 1, .plan = h->plan};
	struct app_stats stats;
	struct app *app;

	cfg.plan.count = 1;
	assert_int_equal(bulk_new(NULL, &cfg, &app), 0);
	stats = until_done(h, app);
	assert_int_equal(stats.n_failed, 1);
	assert_int_equal(stats.err, -ECONNREFUSED);
}

static void clients_end_in_the_middle(void **state)
{
	struct host *h = *state;
	struct server_config at = server_at(h);
	struct bulk_config cfg = {.to = h->at, .time_ns = 100 * SEC, .plan = h->plan};
	struct discard *srv;
	struct app *app;

	assert_int_equal(discard_new(NULL, &at, &srv), 0);
	assert_int_equal(bulk_new(NULL, &cfg, &app), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(weft_loop_turn(h->loop, SEC / 1000), 0);
	app_free(app);
	discard_free(srv);
}

int main(void)
{
#define HOST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		HOST(requests_are_answered),     HOST(transfers_arrive_whole),
		HOST(probes_come_back),          HOST(nobody_there_is_a_refusal),
		HOST(clients_end_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
