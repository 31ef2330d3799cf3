/* SPDX-License-Identifier: MIT */
/* Life and readiness of endpoints. */
#include "sock_fixture.h"

struct watch {
	struct sf *f;
	struct sock *sk;
	uint32_t n_calls;
	uint32_t events;
	bool closes;
};

/* The fixture's arg is taken by the test, so events come from here. */
static uint32_t watch_events(const struct sock *sk)
{
	return ((const struct watch *)sk->arg)->f->events;
}

static const struct sock_proto watch_proto = {
	.name = "watch",
	.close = sf_close,
	.events = watch_events,
	.destroy = sf_destroy,
};

static void watch_call(struct weft_sock *s UNUSED, void *arg, uint32_t events)
{
	struct watch *w = arg;

	w->n_calls++;
	w->events = events;
	if (w->closes) {
		sock_set_callback(w->sk, NULL, NULL);
		w->sk->proto->close(w->sk, false);
	}
}

static void watch_setup(struct watch *w, struct sf *f)
{
	sf_setup(f);
	*w = (struct watch){.f = f, .sk = sf_sock(f, IP_PROTO_UDP)};
	w->sk->proto = &watch_proto;
	sock_set_callback(w->sk, watch_call, w);
	while (engine_run(f->eng, 0))
		;
}

static void watch_teardown(struct watch *w)
{
	sock_close_all(w->f->st, &watch_proto);
	sf_teardown(w->f);
}

static void socket_woken_many_times_calls_back_once(void **state UNUSED)
{
	struct sf f;
	struct watch w;

	watch_setup(&w, &f);
	assert_int_equal(w.n_calls, 0);
	f.events = SOCK_IN | SOCK_OUT;
	sock_wake(w.sk, SOCK_IN);
	sock_wake(w.sk, SOCK_OUT);
	assert_int_equal(w.n_calls, 0);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 1);
	assert_int_equal(w.events, SOCK_IN | SOCK_OUT);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 1);
	watch_teardown(&w);
}

static void readiness_gone_before_the_call_is_not_reported(void **state UNUSED)
{
	struct sf f;
	struct watch w;

	watch_setup(&w, &f);
	f.events = SOCK_OUT;
	sock_wake(w.sk, SOCK_IN);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 0);
	watch_teardown(&w);
}

static void callback_set_while_ready_is_called_once(void **state UNUSED)
{
	struct sf f;
	struct watch w;

	watch_setup(&w, &f);
	f.events = SOCK_IN;
	sock_set_callback(w.sk, watch_call, &w);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 1);
	watch_teardown(&w);
}

static void callback_may_close_its_socket(void **state UNUSED)
{
	struct sf f;
	struct watch w;

	watch_setup(&w, &f);
	f.events = SOCK_IN;
	w.closes = true;
	sock_wake(w.sk, SOCK_IN);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 1);
	assert_true(list_is_empty(&f.st->socks->all));
	watch_teardown(&w);
}

static void socket_closed_after_wake_is_not_called(void **state UNUSED)
{
	struct sf f;
	struct watch w;

	watch_setup(&w, &f);
	f.events = SOCK_IN;
	sock_wake(w.sk, SOCK_IN);
	sock_set_callback(w.sk, NULL, NULL);
	w.sk->proto->close(w.sk, false);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 0);
	watch_teardown(&w);
}

static void error_is_reported_and_cleared_when_taken(void **state UNUSED)
{
	struct sf f;
	struct watch w;

	watch_setup(&w, &f);
	f.events = SOCK_ERR;
	sock_set_err(w.sk, ECONNREFUSED);
	engine_run(f.eng, 0);
	assert_int_equal(w.n_calls, 1);
	assert_int_equal(sock_take_err(w.sk), -ECONNREFUSED);
	assert_int_equal(sock_take_err(w.sk), 0);
	watch_teardown(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socket_woken_many_times_calls_back_once),
		cmocka_unit_test(readiness_gone_before_the_call_is_not_reported),
		cmocka_unit_test(callback_set_while_ready_is_called_once),
		cmocka_unit_test(callback_may_close_its_socket),
		cmocka_unit_test(socket_closed_after_wake_is_not_called),
		cmocka_unit_test(error_is_reported_and_cleared_when_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
