/* SPDX-License-Identifier: MIT */
/*
 * The services on real stacks: a client and a server host in one engine, joined by a wire or a bad
 * link, in virtual time. What they answer in detail is tested without a stack.
 */
#include "net/echo/echo.h"
#include "net/http/http_server.h"
#include "weft/weft.h"

#include "unit.h"

#include <errno.h>

static const int64_t second_ns = 1000000000;

enum {
	BIG_SIZE = 3000001,
};

static const struct http_doc docs[] = {
	{.path = "/hello", .text = "hello\n"},
	{.path = "/big", .size = BIG_SIZE, .seed = 5},
};

static struct net {
	struct weft_engine *eng;
	struct weft_stack *client, *server;
	struct http_server *http;
	struct echo *echo;
	int64_t now_ns;
} net;

/* A client connection: sends a text, and collects what comes until the server finishes. */
struct peer {
	struct weft_sock *sock;
	const char *to_send;
	size_t left;
	bool finishes; /* sends its FIN behind the text */
	char *got;
	size_t len, cap;
	bool is_done; /* the server has finished */
	int err;
};

static void run_until(int64_t end_ns)
{
	while (net.now_ns <= end_ns) {
		if (weft_engine_run(net.eng, net.now_ns))
			continue;
		net.now_ns = weft_engine_next_ns(net.eng);
	}
	net.now_ns = end_ns;
}

static void run_for(int64_t ns)
{
	run_until(net.now_ns + ns);
}

static void peer_receive(struct peer *p)
{
	ptrdiff_t n;

	do {
		if (p->len == p->cap) {
			p->cap = p->cap ? 2 * p->cap : 4096;
			p->got = realloc(p->got, p->cap);
			assert_non_null(p->got);
		}
		n = weft_recv(p->sock, p->got + p->len, p->cap - p->len, 0);
		p->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	p->is_done |= n == 0;
	p->err = n < 0 && n != -EAGAIN ? (int)n : p->err;
}

static void peer_ready(struct weft_sock *s, void *arg, uint32_t events)
{
	struct peer *p = arg;
	ptrdiff_t n = 0;

	if (p->left && events & WEFT_OUT)
		n = weft_send(s, p->to_send, p->left, 0);
	if (n > 0) {
		p->to_send += n;
		p->left -= (size_t)n;
		if (!p->left && p->finishes)
			assert_int_equal(weft_shutdown(s, WEFT_SHUT_WR), 0);
	}
	if (n < 0 && n != -EAGAIN)
		p->err = (int)n;
	if (!p->is_done && !p->err)
		peer_receive(p);
}

static void peer_start(struct peer *p, uint16_t port, const char *text)
{
	struct weft_sockaddr to = {.port = port};

	assert_int_equal(weft_addr_parse("10.0.0.2", &to.addr), 0);
	*p = (struct peer){.to_send = text, .left = strlen(text), .finishes = p->finishes};
	assert_int_equal(weft_socket(net.client, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &p->sock), 0);
	assert_int_equal(weft_connect(p->sock, &to), -EINPROGRESS);
	weft_on_event(p->sock, peer_ready, p);
}

static void peer_end(struct peer *p)
{
	weft_close(p->sock);
	free(p->got);
}

static void host_start(struct weft_netif *nif, const char *addr)
{
	struct weft_addr a;
	uint8_t len;

	assert_int_equal(weft_prefix_parse(addr, &a, &len), 0);
	assert_int_equal(weft_addr_add(nif, &a, len), 0);
	weft_netif_set_up(nif, true);
}

static int64_t fixed_now(void *ctx UNUSED)
{
	return 784111777;
}

/* `dir` NULL: a wire. */
static void net_start(const struct weft_link_dir *dir)
{
	struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct http_server_config http = {
		.port = 80,
		.docs = docs,
		.n_docs = ARRAY_SIZE(docs),
		.now_s = fixed_now,
	};
	struct echo_config echo = {.port = 7, .tcp = true, .udp = true};
	struct weft_netif *a, *b;
	struct weft_link *link;

	net = (struct net){.now_ns = 0};
	assert_int_equal(weft_engine_new(&cfg, &net.eng), 0);
	assert_int_equal(weft_stack_new(net.eng, "client", &net.client), 0);
	assert_int_equal(weft_stack_new(net.eng, "server", &net.server), 0);
	if (dir) {
		assert_int_equal(
			weft_link_new(net.client, "eth0", net.server, "eth0", dir, dir, &link), 0);
		a = weft_link_netif(link, 0);
		b = weft_link_netif(link, 1);
	} else {
		assert_int_equal(weft_veth_new(net.client, "eth0", net.server, "eth0", &a, &b), 0);
	}
	host_start(a, "10.0.0.1/24");
	host_start(b, "10.0.0.2/24");
	assert_int_equal(http_server_new(net.server, &http, &net.http), 0);
	assert_int_equal(echo_new(net.server, &echo, &net.echo), 0);
}

static void net_end(void)
{
	struct weft_engine_stats stats;

	http_server_free(net.http);
	echo_free(net.echo);
	run_for(300 * second_ns); /* TIME-WAIT and whatever was under way */
	weft_stack_free(net.client);
	weft_stack_free(net.server);
	weft_engine_stats(net.eng, &stats);
	assert_int_equal(stats.pkts_used, 0);
	assert_int_equal(stats.bufs_used, 0);
	assert_int_equal(stats.n_timers, 0);
	weft_engine_free(net.eng);
}

static int set_up_wire(void **state UNUSED)
{
	net_start(NULL);
	return 0;
}

static int set_up_bad_link(void **state UNUSED)
{
	static const struct weft_link_dir bad = {
		.rate_bps = 50000000,
		.delay_ns = 5000000,
		.loss_ppm = 10000,
		.reorder_ppm = 50000,
		.reorder_ns = 2000000,
	};

	net_start(&bad);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	net_end();
	return 0;
}

static struct http_server_stats http_stats(void)
{
	struct http_server_stats s;

	http_server_stats(net.http, &s);
	return s;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n"
#define CLOSE     "Connection: close\r\n\r\n"

/* The content of a single answer. */
static const char *body(const struct peer *p, size_t *ret_len)
{
	const char *end = memmem(p->got, p->len, "\r\n\r\n", 4);

	assert_non_null(end);
	*ret_len = p->len - (size_t)(end + 4 - p->got);
	return end + 4;
}

static void assert_is_big(const struct peer *p)
{
	static uint8_t want[BIG_SIZE];
	const char *bytes;
	size_t len;

	bytes = body(p, &len);
	http_doc_read(&docs[1], 0, want, sizeof(want));
	assert_int_equal(len, BIG_SIZE);
	assert_memory_equal(bytes, want, len);
}

static void get_across_a_wire_is_answered(void **state UNUSED)
{
	struct peer p = {.finishes = false};
	const char *bytes;
	size_t len;

	peer_start(&p, 80, GET("/hello") CLOSE);
	run_for(second_ns);
	assert_true(p.is_done);
	bytes = body(&p, &len);
	assert_int_equal(len, 6);
	assert_memory_equal(bytes, "hello\n", 6);
	peer_end(&p);
	run_for(second_ns);
	assert_int_equal(http_stats().n_open, 0);
}

static void big_document_across_a_wire_goes_in_super_packets(void **state UNUSED)
{
	struct peer p = {.finishes = false};
	struct weft_netif_stats stats;

	peer_start(&p, 80, GET("/big") CLOSE);
	run_for(second_ns);
	assert_true(p.is_done);
	assert_is_big(&p);
	weft_netif_stats(weft_netif_find(net.client, "eth0"), &stats);
	print_message("%u bytes in %u packets\n", (unsigned int)stats.rx_bytes,
		      (unsigned int)stats.rx_units);
	assert_true(stats.rx_bytes / stats.rx_units > 30000);
	peer_end(&p);
}

static void big_document_across_a_bad_link_is_intact(void **state UNUSED)
{
	struct peer p = {.finishes = false};

	peer_start(&p, 80, GET("/big") CLOSE);
	run_for(120 * second_ns);
	assert_true(p.is_done);
	assert_is_big(&p);
	peer_end(&p);
}

static void client_half_closed_still_gets_its_answer(void **state UNUSED)
{
	struct peer p = {.finishes = true};

	peer_start(&p, 80, GET("/big") "\r\n");
	run_for(120 * second_ns);
	assert_true(p.is_done);
	assert_is_big(&p);
	peer_end(&p);
}

static void requests_pipelined_are_answered_in_order(void **state UNUSED)
{
	struct peer p = {.finishes = false};
	const char *at;

	peer_start(&p, 80,
		   GET("/hello") "\r\n" GET("/nothing") "\r\n" GET(
			   "/hello") "Range: bytes=1-2\r\n" CLOSE);
	run_for(120 * second_ns);
	assert_true(p.is_done);
	at = memmem(p.got, p.len, "HTTP/1.1 200 ", 13);
	assert_non_null(at);
	at = memmem(at, p.len - (size_t)(at - p.got), "HTTP/1.1 404 ", 13);
	assert_non_null(at);
	at = memmem(at, p.len - (size_t)(at - p.got), "HTTP/1.1 206 ", 13);
	assert_non_null(at);
	assert_memory_equal(p.got + p.len - 2, "el", 2);
	peer_end(&p);
}

static void clients_in_parallel_all_get_theirs(void **state UNUSED)
{
	static struct peer peers[200];

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		peers[i].finishes = i % 3 == 0;
		peer_start(&peers[i], 80, i % 10 ? GET("/hello") CLOSE : GET("/big") CLOSE);
	}
	run_for(600 * second_ns);
	assert_int_equal(http_stats().n_requests, ARRAY_SIZE(peers));
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		assert_true(peers[i].is_done);
		if (i % 10 == 0)
			assert_is_big(&peers[i]);
		peer_end(&peers[i]);
	}
	assert_int_equal(http_stats().n_broken, 0);
}

static void clients_that_reset_leave_nothing_behind(void **state UNUSED)
{
	struct peer peers[20] = {{.sock = NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		peer_start(&peers[i], 80, GET("/big") "\r\n");
	run_for(second_ns / 20);
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		weft_abort(peers[i].sock);
		free(peers[i].got);
	}
	run_for(120 * second_ns);
	assert_int_equal(http_stats().n_open, 0);
}

static void idle_client_sees_the_end_after_60_s(void **state UNUSED)
{
	struct peer p = {.finishes = false};

	peer_start(&p, 80, "");
	run_for(59 * second_ns);
	assert_false(p.is_done);
	run_for(2 * second_ns);
	assert_true(p.is_done);
	peer_end(&p);
}

static void server_freed_amid_an_answer_resets_the_client(void **state UNUSED)
{
	struct peer p = {.finishes = false};

	peer_start(&p, 80, GET("/big") "\r\n");
	run_for(second_ns / 10);
	http_server_free(net.http);
	net.http = NULL;
	run_for(10 * second_ns);
	assert_int_equal(p.err, -ECONNRESET);
	peer_end(&p);
}

static void port_in_use_refuses_a_second_server(void **state UNUSED)
{
	struct http_server_config cfg = {.port = 80, .docs = docs, .n_docs = 1};
	struct http_server *second = NULL;

	assert_int_equal(http_server_new(net.server, &cfg, &second), -EADDRINUSE);
	assert_null(second);
}

static void echo_returns_what_it_gets(void **state UNUSED)
{
	static char text[300001];
	struct peer p = {.finishes = true};

	for (size_t i = 0; i + 1 < sizeof(text); i++)
		text[i] = (char)('a' + i % 23);
	peer_start(&p, 7, text);
	run_for(120 * second_ns);
	assert_true(p.is_done);
	assert_int_equal(p.len, sizeof(text) - 1);
	assert_memory_equal(p.got, text, p.len);
	peer_end(&p);
}

static void echo_returns_datagrams(void **state UNUSED)
{
	struct weft_sockaddr to = {.port = 7}, from;
	struct weft_sock *s;
	char buf[16];

	assert_int_equal(weft_addr_parse("10.0.0.2", &to.addr), 0);
	assert_int_equal(weft_socket(net.client, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_int_equal(weft_sendto(s, "ping", 4, 0, &to), 4);
	run_for(second_ns);
	assert_int_equal(weft_recvfrom(s, buf, sizeof(buf), 0, &from), 4);
	assert_memory_equal(buf, "ping", 4);
	assert_int_equal(from.port, 7);
	weft_close(s);
}

#define on_wire(name)     cmocka_unit_test_setup_teardown(name, set_up_wire, tear_down)
#define on_bad_link(name) cmocka_unit_test_setup_teardown(name, set_up_bad_link, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_wire(get_across_a_wire_is_answered),
		on_wire(big_document_across_a_wire_goes_in_super_packets),
		on_bad_link(big_document_across_a_bad_link_is_intact),
		on_bad_link(client_half_closed_still_gets_its_answer),
		on_bad_link(requests_pipelined_are_answered_in_order),
		on_wire(clients_in_parallel_all_get_theirs),
		on_bad_link(clients_that_reset_leave_nothing_behind),
		on_wire(idle_client_sees_the_end_after_60_s),
		on_bad_link(server_freed_amid_an_answer_resets_the_client),
		on_wire(port_in_use_refuses_a_second_server),
		on_bad_link(echo_returns_what_it_gets),
		on_wire(echo_returns_datagrams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
