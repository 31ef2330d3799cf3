/* SPDX-License-Identifier: MIT */
/*
 * What a stack does when its memory or its device goes, and comes back (doc/api.md, "When memory or
 * a device goes"): in which order things are refused, that they come back by themselves, and that
 * no byte that was accepted is lost. In both families.
 */
#include <string.h>

#include "base/compiler.h"
#include "world.h"

enum {
	TOTAL = 3000000,
	CHUNK = 30000,
};

struct fix {
	struct world w;
	bool six;
	struct weft_sock *listener, *out, *in;
	size_t n_sent, n_rcvd;
	bool reads; /* the receiver reads */
};

static uint8_t byte_at(size_t i)
{
	return (uint8_t)((i * 2654435761U) >> 13);
}

static const char *at(const struct fix *f, const char *four, const char *six)
{
	return f->six ? six : four;
}

static void addrs(struct fix *f)
{
	struct weft_addr a4 = world_addr("10.0.0.1"), b4 = world_addr("10.0.0.2");
	struct weft_addr a6 = world_addr("fd00::1"), b6 = world_addr("fd00::2");

	(void)!weft_addr_add(f->w.client_if, &a4, 24);
	(void)!weft_addr_add(f->w.server_if, &b4, 24);
	assert_int_equal(weft_addr_add(f->w.client_if, &a6, 64), 0);
	assert_int_equal(weft_addr_add(f->w.server_if, &b6, 64), 0);
}

static struct weft_sock *sock(const struct fix *f, struct weft_stack *st, int type)
{
	struct weft_sock *s;

	assert_int_equal(weft_socket(st, f->six ? WEFT_AF_INET6 : WEFT_AF_INET, type, 0, &s), 0);
	return s;
}

static void start(struct fix *f, bool six)
{
	struct weft_sockaddr sa;

	memset(f, 0, sizeof(*f));
	world_start(&f->w);
	f->six = six;
	f->reads = true;
	addrs(f);
	world_settle(&f->w);
	sa = world_at(at(f, "10.0.0.2:80", "[fd00::2]:80"));
	f->listener = sock(f, f->w.server, WEFT_SOCK_STREAM);
	assert_int_equal(weft_bind(f->listener, &sa), 0);
	assert_int_equal(weft_listen(f->listener, 10), 0);
	f->out = sock(f, f->w.client, WEFT_SOCK_STREAM);
	assert_int_equal(weft_connect(f->out, &sa), -EINPROGRESS);
	world_settle(&f->w);
	assert_int_equal(weft_accept(f->listener, &f->in, NULL), 0);
}

static void end(struct fix *f)
{
	weft_abort(f->out);
	weft_abort(f->in);
	weft_close(f->listener);
	world_advance(&f->w, WORLD_SEC);
	world_end(&f->w);
}

/* Sends what fits, reads what is there, compares it; 10 ms pass. */
static void step(struct fix *f)
{
	static uint8_t buf[CHUNK];
	ptrdiff_t n = 1;

	while (f->n_sent < TOTAL && n > 0) {
		size_t len = TOTAL - f->n_sent < CHUNK ? TOTAL - f->n_sent : CHUNK;

		for (size_t i = 0; i < len; i++)
			buf[i] = byte_at(f->n_sent + i);
		n = weft_send(f->out, buf, len, 0);
		assert_true(n > 0 || n == -EAGAIN);
		f->n_sent += n > 0 ? (size_t)n : 0;
	}
	world_advance(&f->w, 10 * WORLD_MSEC);
	while (f->reads && (n = weft_recv(f->in, buf, CHUNK, 0)) > 0) {
		for (ptrdiff_t i = 0; i < n; i++)
			assert_int_equal(buf[i], byte_at(f->n_rcvd + (size_t)i));
		f->n_rcvd += (size_t)n;
	}
	assert_true(!f->reads || n == -EAGAIN);
}

static void steps(struct fix *f, int n)
{
	while (n-- > 0)
		step(f);
}

static void until_all_is_there(struct fix *f)
{
	for (int i = 0; i < 60000 && f->n_rcvd < TOTAL; i++)
		step(f);
	assert_int_equal(f->n_rcvd, TOTAL);
}

static struct weft_engine_stats stats(const struct fix *f)
{
	struct weft_engine_stats s;

	weft_engine_stats(f->w.eng, &s);
	return s;
}

/* The budget becomes less than what is in use, with a stream in the middle of it. */
static void budget_that_shrinks_loses_no_byte_and_comes_back(bool six)
{
	struct weft_sockaddr to;
	struct weft_sock *more, *udp;
	uint64_t before;
	struct fix f;
	int err;

	start(&f, six);
	to = world_at(at(&f, "10.0.0.2:80", "[fd00::2]:80"));
	f.reads = false;
	steps(&f, 30);
	before = stats(&f).mem_bytes;
	weft_engine_mem_limit_set(f.w.eng, before / 2);
	/* At once: what nobody uses has been given back. What is new finds no memory ... */
	assert_true(stats(&f).mem_bytes <= before);
	err = weft_socket(f.w.client, to.addr.family, WEFT_SOCK_STREAM, 0, &more);
	assert_int_equal(err, -ENOMEM);
	/* ... and what is there goes on with what it has. */
	steps(&f, 50);
	assert_true(f.n_sent < TOTAL);
	assert_true(stats(&f).mem_bytes <= before);
	f.reads = true;
	steps(&f, 500);
	assert_true(f.n_rcvd > 0);
	assert_true(stats(&f).mem_bytes <= before);
	/* With room again, new ones are served by themselves. */
	weft_engine_mem_limit_set(f.w.eng, 0);
	assert_int_equal(weft_socket(f.w.client, to.addr.family, WEFT_SOCK_STREAM, 0, &more), 0);
	assert_int_equal(weft_connect(more, &to), -EINPROGRESS);
	until_all_is_there(&f);
	assert_true(weft_events(more) & WEFT_OUT);
	udp = sock(&f, f.w.client, WEFT_SOCK_DGRAM);
	assert_int_equal(weft_sendto(udp, "datagram", 8, 0, &to), 8);
	weft_close(udp);
	weft_abort(more);
	end(&f);
}

static void budget_that_shrinks_loses_no_byte_and_comes_back_4(void **state UNUSED)
{
	budget_that_shrinks_loses_no_byte_and_comes_back(false);
}

static void budget_that_shrinks_loses_no_byte_and_comes_back_6(void **state UNUSED)
{
	budget_that_shrinks_loses_no_byte_and_comes_back(true);
}

/* The wire goes for half a minute, and another one comes. */
static void device_that_goes_loses_no_byte_and_comes_back(bool six)
{
	struct weft_sockaddr to;
	struct weft_sock *more, *udp;
	size_t n_before;
	struct fix f;

	start(&f, six);
	to = world_at(at(&f, "10.0.0.2:80", "[fd00::2]:80"));
	steps(&f, 3);
	n_before = f.n_rcvd;
	assert_true(n_before < TOTAL);
	weft_netif_del(f.w.client_if);
	udp = sock(&f, f.w.client, WEFT_SOCK_DGRAM);
	assert_int_equal(weft_sendto(udp, "datagram", 8, 0, &to), -ENETUNREACH);
	more = sock(&f, f.w.client, WEFT_SOCK_STREAM);
	assert_int_equal(weft_connect(more, &to), -ENETUNREACH);
	steps(&f, 3000);
	assert_int_equal(world_error(f.out), 0);
	assert_int_equal(weft_veth_new(f.w.client, "eth0", f.w.server, "eth0", &f.w.client_if,
				       &f.w.server_if),
			 0);
	addrs(&f);
	until_all_is_there(&f);
	assert_int_equal(weft_sendto(udp, "datagram", 8, 0, &to), 8);
	assert_int_equal(weft_connect(more, &to), -EINPROGRESS);
	world_advance(&f.w, WORLD_SEC);
	assert_true(weft_events(more) & WEFT_OUT);
	weft_abort(more);
	weft_close(udp);
	end(&f);
}

static void device_that_goes_loses_no_byte_and_comes_back_4(void **state UNUSED)
{
	device_that_goes_loses_no_byte_and_comes_back(false);
}

static void device_that_goes_loses_no_byte_and_comes_back_6(void **state UNUSED)
{
	device_that_goes_loses_no_byte_and_comes_back(true);
}

/* The receive queue of a datagram socket keeps what it has taken. */
static void datagrams_that_were_taken_stay_when_the_device_and_the_budget_go(void **state UNUSED)
{
	struct weft_sock *to, *from;
	struct fix f;
	char buf[20], want[20];

	start(&f, false);
	to = world_bound(f.w.server, "10.0.0.2:53");
	from = world_socket(f.w.client, WEFT_SOCK_DGRAM, 0);
	for (int i = 0; i < 50; i++) {
		snprintf(buf, sizeof(buf), "%03d", i);
		assert_int_equal(world_sendto(from, buf, 4, "10.0.0.2:53"), 4);
	}
	world_settle(&f.w);
	weft_engine_mem_limit_set(f.w.eng, 1000);
	weft_netif_del(f.w.client_if);
	world_advance(&f.w, WORLD_SEC);
	for (int i = 0; i < 50; i++) {
		snprintf(want, sizeof(want), "%03d", i);
		assert_int_equal(weft_recv(to, buf, sizeof(buf), 0), 4);
		assert_string_equal(buf, want);
	}
	weft_close(to);
	weft_close(from);
	end(&f);
}

/*
 * The whole order. Many streams, over a long path on which each of their first flights has lost a
 * frame, fill the queues of a host that reads nothing; then the budget becomes what is in use. What
 * is given up says so: the first step of each, in the order of doc/api.md. Then all comes back.
 */
enum {
	GIVES_IDLE,   /* 1: what pools hold for nobody */
	GIVES_GROWTH, /* 2: buffers grow no more */
	GIVES_OFO,    /* 3: data out of order is packed, then thrown away */
	GIVES_DATA,   /* 4: data is refused, datagrams are dropped */
	GIVES_SOCKS,  /* 5: new sockets are refused */
	N_GIVES,
	N_FLOWS = 60,
	FLOW_BYTES = 200000,
	FULL_STEPS = 400,
	ALL_STEPS = FULL_STEPS + 100,
};

struct flow {
	struct weft_sock *out, *in;
	size_t n_sent, n_rcvd;
};

struct order {
	struct fix f;
	struct weft_link *link;
	struct flow flows[N_FLOWS];
	struct weft_sockaddr to;
	int first[N_GIVES]; /* step; 0: not yet */
};

static uint64_t counted(const struct fix *f, const char *name)
{
	return weft_stack_counter(f->w.server, name) + weft_stack_counter(f->w.client, name);
}

static void long_path(struct order *o)
{
	const struct weft_link_dir far = {.delay_ns = 200 * WORLD_MSEC}, near = {.delay_ns = 1};
	struct fix *f = &o->f;

	weft_netif_del(f->w.client_if);
	assert_int_equal(
		weft_link_new(f->w.client, "eth0", f->w.server, "eth0", &far, &near, &o->link), 0);
	f->w.client_if = weft_link_netif(o->link, 0);
	f->w.server_if = weft_link_netif(o->link, 1);
	weft_netif_set_up(f->w.client_if, true);
	weft_netif_set_up(f->w.server_if, true);
	addrs(f);
}

static void flows_connect(struct order *o)
{
	struct fix *f = &o->f;

	for (int i = 0; i < N_FLOWS; i++) {
		o->flows[i].out = sock(f, f->w.client, WEFT_SOCK_STREAM);
		assert_int_equal(weft_connect(o->flows[i].out, &o->to), -EINPROGRESS);
		world_advance(&f->w, WORLD_SEC);
		assert_int_equal(weft_accept(f->listener, &o->flows[i].in, NULL), 0);
	}
}

static void flow_send(struct flow *fl)
{
	static uint8_t buf[CHUNK];
	ptrdiff_t n = 1;

	while (fl->n_sent < FLOW_BYTES && n > 0) {
		size_t left = FLOW_BYTES - fl->n_sent, len = left < CHUNK ? left : CHUNK;

		for (size_t i = 0; i < len; i++)
			buf[i] = byte_at(fl->n_sent + i);
		n = weft_send(fl->out, buf, len, 0);
		assert_true(n > 0 || n == -EAGAIN);
		fl->n_sent += n > 0 ? (size_t)n : 0;
	}
}

static void flow_recv(struct flow *fl)
{
	static uint8_t buf[CHUNK];
	ptrdiff_t n;

	while ((n = weft_recv(fl->in, buf, CHUNK, 0)) > 0) {
		for (ptrdiff_t i = 0; i < n; i++)
			assert_int_equal(buf[i], byte_at(fl->n_rcvd + (size_t)i));
		fl->n_rcvd += (size_t)n;
	}
	assert_int_equal(n, -EAGAIN);
}

static bool is_given_up(const struct order *o, int what)
{
	const struct fix *f = &o->f;
	struct weft_sock *more;
	int err;

	switch (what) {
	case GIVES_GROWTH:
		return counted(f, "TcpExtTCPMemoryPressures") > 0;
	case GIVES_OFO:
		return counted(f, "TcpExtPruneCalled") > 0;
	case GIVES_DATA:
		return counted(f, "TcpExtRcvPruned") + counted(f, "TcpExtTCPRcvQDrop") > 0;
	case GIVES_SOCKS:
		err = weft_socket(f->w.client, o->to.addr.family, WEFT_SOCK_STREAM, 0, &more);
		if (!err)
			weft_abort(more);
		return err == -ENOMEM;
	default:
		return false;
	}
}

static void order_step(struct order *o, int step)
{
	for (int i = 0; i < N_FLOWS; i++)
		flow_send(&o->flows[i]);
	world_advance(&o->f.w, 10 * WORLD_MSEC);
	for (int what = GIVES_GROWTH; what < N_GIVES; what++)
		if (!o->first[what] && is_given_up(o, what))
			o->first[what] = step;
}

static void order_recovers(struct order *o)
{
	size_t n = 0;

	weft_engine_mem_limit_set(o->f.w.eng, 0);
	assert_false(is_given_up(o, GIVES_SOCKS));
	for (int k = 0; k < 60000 && n < (size_t)N_FLOWS * FLOW_BYTES; k++) {
		n = 0;
		for (int i = 0; i < N_FLOWS; i++) {
			flow_send(&o->flows[i]);
			flow_recv(&o->flows[i]);
			n += o->flows[i].n_rcvd;
		}
		world_advance(&o->f.w, 10 * WORLD_MSEC);
	}
	assert_int_equal(n, (size_t)N_FLOWS * FLOW_BYTES);
}

static void things_are_given_up_in_the_documented_order(bool six)
{
	const struct weft_link_dir lossy = {
		.delay_ns = 200 * WORLD_MSEC, .n_lose = 1, .lose = {{1, N_FLOWS}}};
	struct order *o = calloc(1, sizeof(*o));
	struct fix *f = &o->f;
	uint64_t was;

	assert_non_null(o);
	start(f, six);
	long_path(o);
	o->to = world_at(at(f, "10.0.0.2:80", "[fd00::2]:80"));
	flows_connect(o);
	f->reads = false; /* pools grow ... */
	steps(f, 100);
	f->reads = true; /* ... and are idle */
	until_all_is_there(f);
	was = stats(f).mem_bytes;
	weft_engine_mem_limit_set(f->w.eng, was);
	o->first[GIVES_IDLE] = stats(f).mem_bytes < was;
	weft_engine_mem_limit_set(f->w.eng, stats(f).mem_bytes + 4000000);
	assert_int_equal(weft_link_set(o->link, 0, &lossy), 0);
	for (int i = 1; i <= FULL_STEPS; i++)
		order_step(o, i);
	weft_engine_mem_limit_set(f->w.eng, stats(f).mem_bytes / 2);
	for (int i = FULL_STEPS + 1; i <= ALL_STEPS; i++)
		order_step(o, i);
	for (int what = 0; what < N_GIVES; what++) {
		assert_true(o->first[what] > 0);
		assert_true(what == 0 || o->first[what] >= o->first[what - 1]);
	}
	assert_true(o->first[GIVES_SOCKS] > FULL_STEPS);
	order_recovers(o);
	for (int i = 0; i < N_FLOWS; i++) {
		weft_abort(o->flows[i].out);
		weft_abort(o->flows[i].in);
	}
	end(f);
	free(o);
}

static void things_are_given_up_in_the_documented_order_4(void **state UNUSED)
{
	things_are_given_up_in_the_documented_order(false);
}

static void things_are_given_up_in_the_documented_order_6(void **state UNUSED)
{
	things_are_given_up_in_the_documented_order(true);
}

/* What packets took at their peak is there for sockets afterwards, and comes back to packets when
 * the sockets are gone. */
static void memory_of_idle_pools_goes_to_who_needs_it(void **state UNUSED)
{
	enum {
		SOCKS_MAX = 20000
	};
	static struct weft_sock *socks[SOCKS_MAX];
	uint64_t limit, left;
	struct fix f;
	int n = 0;

	start(&f, false);
	limit = stats(&f).mem_bytes + 8000000;
	weft_engine_mem_limit_set(f.w.eng, limit);
	f.reads = false;
	steps(&f, 30); /* both queues are full */
	f.reads = true;
	until_all_is_there(&f);
	left = limit - stats(&f).mem_bytes;
	while (n < SOCKS_MAX &&
	       !weft_socket(f.w.client, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &socks[n]))
		n++;
	assert_in_range(n, 1, SOCKS_MAX - 1);
	assert_true(stats(&f).mem_bytes > limit - 70000);
	assert_true((uint64_t)n * 700 > left + 300000); /* more than was free */
	while (n > 0)
		weft_abort(socks[--n]);
	f.n_sent = f.n_rcvd = 0;
	until_all_is_there(&f);
	end(&f);
}

/* What somebody has set stays; what nobody has follows the limit. */
static void marks_of_tcp_that_were_set_outlive_a_new_limit(void **state UNUSED)
{
	struct fix f;
	int64_t max, now;

	start(&f, false);
	assert_int_equal(weft_stack_get(f.w.client, "net.ipv4.tcp_mem_max", &max), 0);
	assert_int_equal(weft_stack_set(f.w.client, "net.ipv4.tcp_mem_max", max / 2), 0);
	weft_engine_mem_limit_set(f.w.eng, 8 << 20);
	assert_int_equal(weft_stack_get(f.w.client, "net.ipv4.tcp_mem_max", &now), 0);
	assert_int_equal(now, max / 2);
	assert_int_equal(weft_stack_get(f.w.server, "net.ipv4.tcp_mem_max", &now), 0);
	assert_int_equal(now, (8 << 20) / 8192);
	weft_engine_mem_limit_set(f.w.eng, 0);
	assert_int_equal(weft_stack_get(f.w.server, "net.ipv4.tcp_mem_max", &now), 0);
	assert_int_equal(now, max);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget_that_shrinks_loses_no_byte_and_comes_back_4),
		cmocka_unit_test(budget_that_shrinks_loses_no_byte_and_comes_back_6),
		cmocka_unit_test(device_that_goes_loses_no_byte_and_comes_back_4),
		cmocka_unit_test(device_that_goes_loses_no_byte_and_comes_back_6),
		cmocka_unit_test(things_are_given_up_in_the_documented_order_4),
		cmocka_unit_test(things_are_given_up_in_the_documented_order_6),
		cmocka_unit_test(memory_of_idle_pools_goes_to_who_needs_it),
		cmocka_unit_test(marks_of_tcp_that_were_set_outlive_a_new_limit),
		cmocka_unit_test(datagrams_that_were_taken_stay_when_the_device_and_the_budget_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
