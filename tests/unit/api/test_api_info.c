/* SPDX-License-Identifier: MIT */
/* What tools show of a stack, and stacks that are freed in the middle of things. */
#include "world.h"

/* A line an endpoint, as ss would print it. */
struct lines {
	char text[4096];
};

static const char *const states[] = {"?",          "ESTAB",     "SYN-SENT",  "SYN-RECV",
				     "FIN-WAIT1",  "FIN-WAIT2", "TIME-WAIT", "UNCONN",
				     "CLOSE-WAIT", "LAST-ACK",  "LISTEN",    "CLOSING"};

static void line_add(void *arg, const struct weft_sock_info *info)
{
	char local[WEFT_SOCKADDR_STRLEN], peer[WEFT_SOCKADDR_STRLEN], line[256];
	struct lines *l = arg;

	snprintf(line, sizeof(line), "%s %s %s %s%s\n", info->proto, states[info->state],
		 weft_sockaddr_print(&info->local, local, sizeof(local)),
		 weft_sockaddr_print(&info->peer, peer, sizeof(peer)), info->tcp ? " tcp" : "");
	strncat(l->text, line, sizeof(l->text) - strlen(l->text) - 1);
}

static const char *list(struct weft_stack *st, struct lines *l)
{
	l->text[0] = '\0';
	weft_stack_sockets(st, line_add, l);
	return l->text;
}

/* A connection of `w.client` port 1000 to `w.server` port 80. */
struct conn {
	struct weft_sock *listener, *client, *server;
};

static void conn_setup(struct world *w, struct conn *c)
{
	c->listener = world_bound_stream(w->server, "0.0.0.0:80");
	assert_int_equal(weft_listen(c->listener, 8), 0);
	c->client = world_bound_stream(w->client, "10.0.0.1:1000");
	assert_int_equal(world_connect(c->client, "10.0.0.2:80"), -EINPROGRESS);
	world_advance(w, WORLD_SEC);
	assert_int_equal(weft_accept(c->listener, &c->server, NULL), 0);
}

static void endpoints_are_listed_with_their_states(void **state UNUSED)
{
	struct lines l;
	struct conn c;
	struct world w;

	world_start(&w);
	assert_string_equal(list(w.client, &l), "");
	conn_setup(&w, &c);
	(void)world_bound(w.client, "0.0.0.0:53");
	assert_int_equal(world_connect(world_bound(w.client, "0.0.0.0:54"), "10.0.0.2:9"), 0);
	(void)world_socket(w.client, WEFT_SOCK_DGRAM, 0); /* holds nothing: not shown */
	(void)world_socket(w.client, WEFT_SOCK_RAW, 253);
	assert_string_equal(list(w.client, &l), "tcp ESTAB 10.0.0.1:1000 10.0.0.2:80 tcp\n"
						"udp UNCONN 0.0.0.0:53 0.0.0.0:0\n"
						"udp ESTAB 10.0.0.1:54 10.0.0.2:9\n"
						"raw UNCONN 0.0.0.0:0 0.0.0.0:0\n");
	assert_string_equal(list(w.server, &l), "tcp LISTEN 0.0.0.0:80 0.0.0.0:0\n"
						"tcp ESTAB 10.0.0.2:80 10.0.0.1:1000 tcp\n");
	weft_close(c.client);
	world_advance(&w, WORLD_SEC);
	assert_non_null(strstr(list(w.client, &l), "tcp FIN-WAIT2 10.0.0.1:1000 10.0.0.2:80"));
	weft_close(c.server);
	world_advance(&w, WORLD_SEC);
	assert_non_null(strstr(list(w.client, &l), "tcp TIME-WAIT 10.0.0.1:1000 10.0.0.2:80\n"));
	assert_string_equal(list(w.server, &l), "tcp LISTEN 0.0.0.0:80 0.0.0.0:0\n");
	world_end(&w);
}

static void half_open_connection_is_listed(void **state UNUSED)
{
	struct weft_sockaddr strange = world_at("172.16.0.1:0");
	struct weft_sock *client;
	struct lines l;
	struct world w;

	world_start(&w);
	/* A SYN whose answer goes nowhere: b does not know the way back. */
	assert_int_equal(weft_addr_add(w.client_if, &strange.addr, 32), 0);
	assert_int_equal(weft_route_add_text(w.server, "172.16.0.1/32 via 10.0.0.99"), 0);
	assert_int_equal(weft_listen(world_bound_stream(w.server, "0.0.0.0:80"), 8), 0);
	client = world_bound_stream(w.client, "172.16.0.1:1000");
	assert_int_equal(world_connect(client, "10.0.0.2:80"), -EINPROGRESS);
	world_advance(&w, WORLD_MSEC);
	assert_string_equal(list(w.client, &l), "tcp SYN-SENT 172.16.0.1:1000 10.0.0.2:80 tcp\n");
	assert_string_equal(list(w.server, &l), "tcp LISTEN 0.0.0.0:80 0.0.0.0:0\n"
						"tcp SYN-RECV 10.0.0.2:80 172.16.0.1:1000\n");
	world_end(&w);
}

struct end {
	uint32_t n;
	uint64_t bytes_sent;
	uint16_t port;
};

static void end_call(void *arg, const struct weft_sock_info *info)
{
	struct end *e = arg;

	e->n++;
	e->bytes_sent = info->tcp->bytes_sent;
	e->port = info->local.port;
}

static void ended_connection_is_reported_with_its_figures(void **state UNUSED)
{
	struct end e = {0};
	struct conn c;
	struct world w;

	world_start(&w);
	weft_stack_on_tcp_end(w.client, end_call, &e);
	conn_setup(&w, &c);
	assert_int_equal(weft_send(c.client, "hello", 5, 0), 5);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(weft_recv(c.server, (char[8]){0}, 8, 0), 5);
	weft_close(c.server);
	weft_close(c.client);
	world_advance(&w, WORLD_SEC);
	assert_int_equal(e.n, 1);
	assert_int_equal(e.bytes_sent, 5);
	assert_int_equal(e.port, 1000);
	weft_stack_on_tcp_end(w.client, NULL, NULL);
	world_end(&w);
}

static void count(void *arg, const char *name, const char *text, uint64_t n UNUSED)
{
	assert_true(name[0] && text[0]);
	++*(uint32_t *)arg;
}

static void counters_are_listed_and_found_by_name(void **state UNUSED)
{
	uint32_t n = 0, n_drops = 0;
	struct world w;

	world_start(&w);
	weft_stack_counters(w.client, count, &n);
	weft_stack_drops(w.client, count, &n_drops);
	assert_true(n > 50 && n_drops > 50);
	assert_int_equal(weft_stack_counter(w.client, "NoSuchCounter"), 0);
	assert_int_equal(
		world_sendto(world_socket(w.client, WEFT_SOCK_DGRAM, 0), "x", 1, "10.0.0.2:9"), 1);
	assert_int_equal(weft_stack_counter(w.client, "UdpOutDatagrams"), 1);
	world_end(&w);
}

static void settings_are_set_and_read_by_name(void **state UNUSED)
{
	struct world w;
	int64_t v;

	world_start(&w);
	assert_int_equal(weft_stack_get(w.client, "net.ipv4.ip_forward", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(weft_stack_set(w.client, "net.ipv4.ip_forward", 1), 0);
	assert_int_equal(weft_stack_get(w.client, "net.ipv4.ip_forward", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(weft_stack_get(w.server, "net.ipv4.ip_forward", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(weft_stack_set(w.client, "net.ipv4.ip_forward", 2), -EINVAL);
	assert_int_equal(weft_stack_set(w.client, "net.nothing", 1), -ENOENT);
	assert_int_equal(weft_stack_get(w.client, "net.nothing", &v), -ENOENT);
	world_end(&w);
}

static void never_called(struct weft_sock *s UNUSED, void *arg UNUSED, uint32_t events UNUSED)
{
	fail_msg("a callback of a socket that is gone");
}

/* Everything is open, bytes are under way, callbacks are due: it goes without a word. */
static void stack_freed_in_the_middle_says_nothing(void **state UNUSED)
{
	static char bulk[65536];
	struct weft_sock *udp, *syn_sent;
	struct weft_netif_stats before, after;
	struct conn c;
	struct world w;

	world_start(&w);
	conn_setup(&w, &c);
	assert_true(weft_send(c.server, bulk, sizeof(bulk), 0) > 0);
	world_settle(&w);
	udp = world_bound(w.server, "0.0.0.0:53");
	syn_sent = world_socket(w.server, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(syn_sent, "10.0.0.77:80"), -EINPROGRESS);
	assert_int_equal(world_connect(world_socket(w.client, WEFT_SOCK_STREAM, 0), "10.0.0.2:80"),
			 -EINPROGRESS);
	(void)world_socket(w.server, WEFT_SOCK_RAW, 253);
	(void)world_socket(w.server, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP);
	weft_on_event(c.server, never_called, NULL);
	weft_on_event(udp, never_called, NULL);
	weft_on_event(c.listener, never_called, NULL);
	weft_netif_stats(weft_netif_find(w.client, "lo"), &before);
	weft_stack_free(w.server);
	w.server = NULL;
	world_advance(&w, WORLD_SEC);
	weft_netif_stats(weft_netif_find(w.client, "lo"), &after);
	assert_int_equal(before.rx_packets, after.rx_packets);
	/* Nobody told the peer: its connection stands. */
	assert_false(weft_events(c.client) & (WEFT_ERR | WEFT_HUP));
	world_end(&w);
}

struct found {
	uint8_t state;
	struct weft_sock_info info;
	bool is_found;
};

static void find_state(void *arg, const struct weft_sock_info *info)
{
	struct found *f = arg;

	if (info->state != f->state)
		return;
	f->info = *info;
	f->is_found = true;
}

static struct weft_sock_info info_of(struct weft_stack *st, uint8_t state)
{
	struct found f = {.state = state};

	weft_stack_sockets(st, find_state, &f);
	assert_true(f.is_found);
	return f.info;
}

static void timers_of_endpoints_are_shown(void **state UNUSED)
{
	struct weft_sock_info info;
	struct weft_sock *lost;
	struct conn c;
	struct world w;

	world_start(&w);
	conn_setup(&w, &c);
	info = info_of(w.client, WEFT_TCP_ESTABLISHED);
	assert_int_equal(info.timer, WEFT_TCP_TIMER_NONE);
	assert_true(info.has_buffers);
	assert_int_equal(info.ip_proto, WEFT_IPPROTO_TCP);
	assert_false(info.is_orphan);
	assert_int_equal(weft_setsockopt(c.client, WEFT_SOL_SOCKET, WEFT_SO_KEEPALIVE, &(int){1},
					 sizeof(int)),
			 0);
	info = info_of(w.client, WEFT_TCP_ESTABLISHED);
	assert_int_equal(info.timer, WEFT_TCP_TIMER_KEEPALIVE);
	assert_true(info.timer_ns > 7000 * WORLD_SEC && info.timer_ns <= 7200 * WORLD_SEC);

	lost = world_socket(w.client, WEFT_SOCK_STREAM, 0);
	assert_int_equal(world_connect(lost, "10.0.0.77:80"), -EINPROGRESS);
	info = info_of(w.client, WEFT_TCP_SYN_SENT);
	assert_int_equal(info.timer, WEFT_TCP_TIMER_REXMT);
	assert_true(info.timer_ns > 0 && info.timer_ns <= WORLD_SEC);
	weft_close(lost);

	weft_close(c.client);
	world_settle(&w);
	info = info_of(w.client, WEFT_TCP_FIN_WAIT2);
	assert_true(info.is_orphan);
	assert_int_equal(info.timer, WEFT_TCP_TIMER_TIMEWAIT);
	weft_close(c.server);
	world_settle(&w);
	info = info_of(w.client, WEFT_TCP_TIME_WAIT);
	assert_int_equal(info.timer, WEFT_TCP_TIMER_TIMEWAIT);
	assert_true(info.timer_ns > 50 * WORLD_SEC && info.timer_ns <= 61 * WORLD_SEC);
	assert_false(info.has_buffers);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_are_listed_with_their_states),
		cmocka_unit_test(half_open_connection_is_listed),
		in_both_families(ended_connection_is_reported_with_its_figures),
		in_both_families(counters_are_listed_and_found_by_name),
		in_both_families(settings_are_set_and_read_by_name),
		in_both_families(timers_of_endpoints_are_shown),
		cmocka_unit_test(stack_freed_in_the_middle_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
