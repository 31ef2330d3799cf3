/* SPDX-License-Identifier: MIT */
/* A resolver on the host's own sockets (weft/resolver.h), against a server on its loopback. */
#include <errno.h>

#include "unit.h"
#include "weft/io.h"
#include "weft/resolver.h"
#include "wire/dns.h"

enum {
	TURNS_MAX = 2000, /* of 10 ms at most */
	MSG_MAX = 600,
};

struct fix {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_net *net;
	struct weft_resolver *r;
	/* the server */
	struct weft_sock *udp, *listener, *conn;
	struct weft_sockaddr at;
	bool is_truncating, is_refusing;
	int n_udp, n_tcp;
	/* the answer */
	int n_told, err;
	size_t n;
	struct weft_addr addr;
};

/* Every name has this address. */
static size_t reply_make(const struct fix *f, const uint8_t *msg, size_t len, bool is_tcp,
			 uint8_t *ret)
{
	static const struct ip4_addr addr = {{192, 0, 2, 1}};
	struct dns_question q;
	struct dns_hdr hdr;
	struct dns_rd rd;
	struct dns_wr d;

	assert_int_equal(dns_msg_check(msg, len), 0);
	assert_int_equal(dns_msg_open(&rd, msg, len, &hdr), 0);
	assert_int_equal(dns_question_read(&rd, &q), 1);
	hdr.is_response = hdr.has_recursion = true;
	hdr.is_truncated = f->is_truncating && !is_tcp;
	hdr.rcode = f->is_refusing ? DNS_REFUSED : DNS_NOERROR;
	dns_wr_start(&d, ret, MSG_MAX, &hdr, NULL);
	dns_question_write(&d, &q);
	if (!hdr.is_truncated && !hdr.rcode && q.type == DNS_TYPE_A)
		dns_a_write(&d, DNS_ANSWER, &q.name, &addr, 60);
	return dns_wr_finish(&d);
}

static void udp_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	uint8_t in[MSG_MAX], out[MSG_MAX];
	struct weft_sockaddr from;
	struct fix *f = arg;
	ptrdiff_t n;

	while ((n = f->net->ops->recvfrom(s, in, sizeof(in), 0, &from)) >= 0) {
		f->n_udp++;
		(void)f->net->ops->sendto(s, out, reply_make(f, in, (size_t)n, false, out), 0,
					  &from);
	}
}

static void conn_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	uint8_t in[MSG_MAX], out[2 + MSG_MAX];
	struct fix *f = arg;
	ptrdiff_t n = f->net->ops->recv(s, in, sizeof(in), 0);
	size_t len;

	if (n <= 0)
		return;
	assert_int_equal(load_be16(in), n - 2);
	f->n_tcp++;
	len = reply_make(f, in + 2, (size_t)n - 2, true, out + 2);
	store_be16(out, (uint16_t)len);
	(void)f->net->ops->send(s, out, len + 2, 0);
}

static void listener_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct weft_sock *conn;
	struct fix *f = arg;

	while (f->net->ops->accept(s, &conn, NULL) == 0) {
		f->net->ops->close(f->conn);
		f->conn = conn;
		f->net->ops->on_event(conn, conn_ready, f);
	}
}

static bool udp_open(struct fix *f)
{
	const struct weft_net_ops *ops = f->net->ops;

	assert_int_equal(ops->socket(f->net, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &f->udp), 0);
	if (ops->bind(f->udp, &f->at) == 0) {
		ops->on_event(f->udp, udp_ready, f);
		return true;
	}
	ops->close(f->udp);
	ops->close(f->listener);
	return false;
}

static void listener_open(struct fix *f)
{
	const struct weft_net_ops *ops = f->net->ops;
	const uint8_t here[] = {127, 0, 0, 1};

	f->at = (struct weft_sockaddr){.addr.family = WEFT_AF_INET};
	memcpy(f->at.addr.bytes, here, sizeof(here));
	assert_int_equal(ops->socket(f->net, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &f->listener), 0);
	assert_int_equal(ops->bind(f->listener, &f->at), 0);
	assert_int_equal(ops->listen(f->listener, 4), 0);
	assert_int_equal(ops->getsockname(f->listener, &f->at), 0);
	ops->on_event(f->listener, listener_ready, f);
}

/* One port for both, which nobody else has for UDP. */
static void server_open(struct fix *f)
{
	do
		listener_open(f);
	while (!udp_open(f));
}

static int setup(void **state)
{
	struct weft_engine_config cfg = {.entropy = weft_io_entropy, .now_ns = weft_io_now_ns()};
	struct fix *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(weft_engine_new(&cfg, &f->eng), 0);
	assert_int_equal(weft_loop_new(f->eng, &f->loop), 0);
	assert_int_equal(weft_host_net_new(f->loop, &f->net), 0);
	server_open(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	weft_resolver_free(f->r);
	f->net->ops->close(f->conn);
	f->net->ops->close(f->udp);
	f->net->ops->close(f->listener);
	weft_host_net_free(f->net);
	weft_loop_free(f->loop);
	weft_engine_free(f->eng);
	free(f);
	return 0;
}

static void told(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	struct fix *f = arg;

	f->n_told++;
	f->err = err;
	f->n = n;
	if (n)
		f->addr = addrs[0];
}

static void resolver_open(struct fix *f, const struct weft_sockaddr *servers, size_t n)
{
	const struct weft_resolver_config cfg = {.servers = servers, .n_servers = n, .rounds = 1};

	assert_int_equal(weft_resolver_new(f->net, &cfg, &f->r), 0);
}

static int answer(struct fix *f, const char *name)
{
	struct weft_resolver_ask *ask;

	f->n_told = 0;
	assert_int_equal(weft_resolver_ask(f->r, name, WEFT_AF_UNSPEC, told, f, &ask), 0);
	for (int i = 0; i < TURNS_MAX && !f->n_told; i++)
		assert_int_equal(weft_loop_turn(f->loop, 10000000), 0);
	assert_int_equal(f->n_told, 1);
	return f->err;
}

static void assert_answer(const struct fix *f)
{
	static const uint8_t want[] = {192, 0, 2, 1};

	assert_int_equal(f->n, 1);
	assert_int_equal(f->addr.family, WEFT_AF_INET);
	assert_memory_equal(f->addr.bytes, want, sizeof(want));
}

static void name_is_asked_for_over_udp(void **state)
{
	struct fix *f = *state;

	resolver_open(f, &f->at, 1);
	assert_int_equal(answer(f, "www.weft.test"), 0);
	assert_answer(f);
	assert_int_equal(f->n_udp, 2); /* A and AAAA */
	assert_int_equal(f->n_tcp, 0);
}

static void what_is_truncated_is_asked_for_over_tcp(void **state)
{
	struct fix *f = *state;

	f->is_truncating = true;
	resolver_open(f, &f->at, 1);
	assert_int_equal(answer(f, "www.weft.test"), 0);
	assert_answer(f);
	assert_true(f->n_tcp > 0);
}

/* Where nobody listens the kernel tells of the ICMP error, and the next server is asked at once. */
static void server_that_is_not_there_makes_room_for_the_next(void **state)
{
	struct fix *f = *state;
	struct weft_sockaddr servers[2] = {f->at, f->at};
	struct weft_resolver_stats stats;

	/* Our port on another address of the host: nobody else can have it. */
	servers[0].addr.bytes[3] = 2;
	resolver_open(f, servers, 2);
	assert_int_equal(answer(f, "www.weft.test"), 0);
	assert_answer(f);
	weft_resolver_stats(f->r, &stats);
	assert_true(stats.n_errors > 0);
	assert_int_equal(stats.n_timeouts, 0);
}

static void servers_that_refuse_end_the_question(void **state)
{
	struct fix *f = *state;

	f->is_refusing = true;
	resolver_open(f, &f->at, 1);
	assert_int_equal(answer(f, "www.weft.test"), -EAGAIN);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(name_is_asked_for_over_udp),
		T(what_is_truncated_is_asked_for_over_tcp),
		T(server_that_is_not_there_makes_room_for_the_next),
		T(servers_that_refuse_end_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
