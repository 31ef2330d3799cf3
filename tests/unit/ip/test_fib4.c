/* SPDX-License-Identifier: MIT */
/* The IPv4 forwarding table: rules one by one, then at random against a list that is searched. */
#include "unit.h"

#include <errno.h>

#include "base/mem.h"
#include "core/netif.h"
#include "ip/fib/fib4.h"

enum {
	TWIN_MAX = 4096,
	N_NETIFS = 4,
};

struct fixture {
	struct mem mem;
	struct fib4 fib;
	struct netif netifs[N_NETIFS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	mem_init(&f->mem, NULL, NULL, 0);
	fib4_init(&f->fib, &f->mem);
	for (uint32_t i = 0; i < N_NETIFS; i++)
		f->netifs[i] = (struct netif){.index = i + 1, .flags = NETIF_UP | NETIF_CARRIER};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fib4_fini(&f->fib);
	assert_int_equal(f->fib.n_routes, 0);
	assert_int_equal(f->mem.n_bytes, 0);
	assert_int_equal(f->mem.n_blocks, 0);
	free(f);
	return 0;
}

static struct ip4_addr addr(const char *text)
{
	struct ip4_addr a;

	assert_int_equal(ip4_addr_parse(text, &a), 0);
	return a;
}

/* A unicast route over interface 0; a test names what it changes. */
#define ROUTE(d, len, ...)                              \
	((struct fib4_route){.dst = addr(d),            \
			     .prefix_len = (len),       \
			     .netif = &f->netifs[0],    \
			     .type = ROUTE_UNICAST,     \
			     .proto = ROUTE_PROTO_BOOT, \
			     __VA_ARGS__})

static void add(struct fixture *f, struct fib4_route r)
{
	assert_int_equal(fib4_add(&f->fib, &r, FIB4_EXCLUSIVE), 0);
}

/* Prefix length of the route found, or -1. */
static int found_len(struct fixture *f, const char *dst)
{
	const struct fib4_route *r = fib4_lookup(&f->fib, addr(dst));

	return r ? r->prefix_len : -1;
}

static void empty_table_lookup_finds_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(found_len(f, "0.0.0.0"), -1);
	assert_int_equal(found_len(f, "255.255.255.255"), -1);
}

static void nested_prefixes_longest_wins(void **state)
{
	struct fixture *f = *state;

	for (uint8_t len = 0; len <= 32; len++) {
		struct fib4_route r = ROUTE("0.0.0.0", len);

		r.dst = ip4_addr_from_u32(0xc0a8ffff & ip4_prefix_mask(len));
		add(f, r);
	}
	for (uint8_t len = 0; len < 32; len++) {
		/* Differs from the nested prefixes in bit `len`. */
		struct ip4_addr a = ip4_addr_from_u32(0xc0a8ffff ^ 0x80000000u >> len);

		assert_int_equal(fib4_lookup(&f->fib, a)->prefix_len, len);
	}
	assert_int_equal(found_len(f, "192.168.255.255"), 32);
}

static void equal_prefixes_lowest_metric_wins(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("10.0.0.0", 8, .metric = 20));
	add(f, ROUTE("10.0.0.0", 8, .metric = 10, .netif = &f->netifs[1]));
	add(f, ROUTE("10.0.0.0", 8, .metric = 30));
	assert_int_equal(fib4_lookup(&f->fib, addr("10.1.2.3"))->metric, 10);
}

static void same_prefix_and_metric_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fib4_route r = ROUTE("10.0.0.0", 8, .netif = &f->netifs[1]);

	add(f, ROUTE("10.0.0.0", 8));
	assert_int_equal(fib4_add(&f->fib, &r, FIB4_EXCLUSIVE), -EEXIST);
	assert_int_equal(fib4_add(&f->fib, &r, FIB4_APPEND), 0);
	assert_int_equal(fib4_add(&f->fib, &r, FIB4_APPEND), -EEXIST);
	assert_ptr_equal(fib4_lookup(&f->fib, addr("10.0.0.1"))->netif, &f->netifs[0]);
}

static void host_bits_or_long_prefix_are_refused(void **state)
{
	struct fixture *f = *state;
	struct fib4_route bits = ROUTE("10.0.0.1", 24);
	struct fib4_route dflt = ROUTE("0.0.0.1", 0);
	struct fib4_route len = ROUTE("10.0.0.0", 33);

	assert_int_equal(fib4_add(&f->fib, &bits, FIB4_EXCLUSIVE), -EINVAL);
	assert_int_equal(fib4_add(&f->fib, &dflt, FIB4_EXCLUSIVE), -EINVAL);
	assert_int_equal(fib4_add(&f->fib, &len, FIB4_EXCLUSIVE), -EINVAL);
}

static void deleted_route_uncovers_the_shorter_one(void **state)
{
	struct fixture *f = *state;
	struct fib4_key key = {.dst = addr("10.1.0.0"), .prefix_len = 16};

	add(f, ROUTE("10.0.0.0", 8));
	add(f, ROUTE("10.1.0.0", 16));
	assert_int_equal(found_len(f, "10.1.0.1"), 16);
	assert_int_equal(fib4_del(&f->fib, &key), 0);
	assert_int_equal(found_len(f, "10.1.0.1"), 8);
	assert_int_equal(fib4_del(&f->fib, &key), -ESRCH);
}

static void delete_with_metric_takes_that_route(void **state)
{
	struct fixture *f = *state;
	struct fib4_key key = {.dst = addr("10.0.0.0"), .prefix_len = 8, .has_metric = true};

	add(f, ROUTE("10.0.0.0", 8, .metric = 1));
	add(f, ROUTE("10.0.0.0", 8, .metric = 2));
	assert_int_equal(fib4_del(&f->fib, &key), -ESRCH);
	key.metric = 2;
	assert_int_equal(fib4_del(&f->fib, &key), 0);
	assert_int_equal(fib4_lookup(&f->fib, addr("10.0.0.1"))->metric, 1);
}

static void route_of_stopped_interface_is_passed_over_until_it_runs(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("0.0.0.0", 0, .netif = &f->netifs[1]));
	add(f, ROUTE("10.0.0.0", 8));
	add(f, ROUTE("10.0.0.0", 8, .metric = 5, .netif = &f->netifs[2]));
	fib4_netif_set_up(&f->fib, &f->netifs[0], false);
	assert_int_equal(fib4_lookup(&f->fib, addr("10.0.0.1"))->metric, 5);
	fib4_netif_set_up(&f->fib, &f->netifs[2], false);
	assert_int_equal(found_len(f, "10.0.0.1"), 0);
	fib4_netif_set_up(&f->fib, &f->netifs[0], true);
	assert_int_equal(fib4_lookup(&f->fib, addr("10.0.0.1"))->metric, 0);
}

static void local_route_of_stopped_interface_stays(void **state)
{
	struct fixture *f = *state;

	f->netifs[0].flags = 0;
	add(f, ROUTE("10.0.0.1", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("10.0.0.0", 24));
	assert_int_equal(found_len(f, "10.0.0.1"), 32);
	assert_int_equal(found_len(f, "10.0.0.2"), -1);
}

static void lookup_by_interface_falls_back_to_shorter_prefixes(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("0.0.0.0", 0, .netif = &f->netifs[1]));
	add(f, ROUTE("10.0.0.0", 8));
	add(f, ROUTE("10.0.0.0", 8, .metric = 1, .netif = &f->netifs[2]));
	assert_int_equal(fib4_lookup_netif(&f->fib, addr("10.0.0.1"), &f->netifs[1])->prefix_len,
			 0);
	assert_int_equal(fib4_lookup_netif(&f->fib, addr("10.0.0.1"), &f->netifs[2])->metric, 1);
	assert_null(fib4_lookup_netif(&f->fib, addr("10.0.0.1"), &f->netifs[3]));
	add(f, ROUTE("10.0.0.0", 24, .netif = NULL, .type = ROUTE_UNREACHABLE));
	assert_int_equal(fib4_lookup_netif(&f->fib, addr("10.0.0.1"), &f->netifs[3])->type,
			 ROUTE_UNREACHABLE);
}

static void deleted_interface_takes_its_routes_along(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("10.0.0.0", 8));
	add(f, ROUTE("10.0.0.1", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("10.0.0.0", 8, .metric = 1, .netif = &f->netifs[1]));
	fib4_netif_del(&f->fib, &f->netifs[0]);
	assert_int_equal(f->fib.n_routes, 1);
	assert_ptr_equal(fib4_lookup(&f->fib, addr("10.0.0.1"))->netif, &f->netifs[1]);
}

static void lost_source_takes_routes_that_prefer_it_along(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("10.0.0.0", 8, .src = addr("10.0.0.1")));
	add(f, ROUTE("11.0.0.0", 8));
	fib4_src_del(&f->fib, addr("10.0.0.1"));
	assert_int_equal(found_len(f, "10.0.0.1"), -1);
	assert_int_equal(found_len(f, "11.0.0.1"), 8);
}

struct seen {
	struct fib4_route last;
	uint32_t n, stop_at;
};

static bool see(void *arg, const struct fib4_route *r)
{
	struct seen *s = arg;
	uint32_t a = ip4_addr_u32(&s->last.dst), b = ip4_addr_u32(&r->dst);

	if (s->n)
		assert_true(a < b || (a == b && (s->last.prefix_len < r->prefix_len ||
						 (s->last.prefix_len == r->prefix_len &&
						  s->last.metric <= r->metric))));
	s->last = *r;
	return ++s->n != s->stop_at;
}

static void walk_goes_by_address_then_length_then_metric_and_can_stop(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0}, stopped = {.stop_at = 3};

	add(f, ROUTE("10.0.0.0", 32));
	add(f, ROUTE("10.0.0.0", 8, .metric = 9));
	add(f, ROUTE("10.0.0.0", 8, .metric = 3));
	add(f, ROUTE("0.0.0.0", 0));
	add(f, ROUTE("255.255.255.255", 32));
	add(f, ROUTE("9.0.0.0", 8));
	add(f, ROUTE("10.64.0.0", 10));
	fib4_for_each(&f->fib, see, &seen);
	assert_int_equal(seen.n, 7);
	fib4_for_each(&f->fib, see, &stopped);
	assert_int_equal(stopped.n, 3);
}

static void *failing_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	int *left = ctx;

	if (new_bytes > old_bytes && (*left)-- <= 0)
		return NULL;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

static void add_without_memory_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	struct fib4_route r = ROUTE("10.1.2.3", 32);
	struct mem mem;
	struct fib4 fib;
	int left = 0, err = -ENOMEM;

	mem_init(&mem, failing_realloc, &left, 0);
	fib4_init(&fib, &mem);
	for (int n = 0; err; n++) {
		left = n;
		err = fib4_add(&fib, &r, FIB4_EXCLUSIVE);
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(fib.n_routes, err ? 0 : 1);
		if (err)
			assert_int_equal(mem.n_bytes, 0);
	}
	fib4_fini(&fib);
	assert_int_equal(mem.n_bytes, 0);
}

static void small_table_takes_little_memory(void **state)
{
	struct fixture *f = *state;

	/* A host: loopback, one address, default route. */
	add(f, ROUTE("127.0.0.0", 8, .type = ROUTE_LOCAL));
	add(f, ROUTE("127.0.0.1", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("127.255.255.255", 32, .type = ROUTE_BROADCAST));
	add(f, ROUTE("10.0.0.0", 24));
	add(f, ROUTE("10.0.0.1", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("10.0.0.255", 32, .type = ROUTE_BROADCAST));
	add(f, ROUTE("0.0.0.0", 0));
	assert_in_range(f->mem.n_bytes, 0, 1536);
}

/* The naive twin: all routes in a list, in order of adding. */
struct twin {
	struct fib4_route routes[TWIN_MAX];
	uint32_t n;
	uint64_t rng;
};

static uint32_t rnd(struct twin *t)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return (uint32_t)(t->rng >> 16);
}

/* Addresses and prefixes that are likely to nest and to meet. */
static struct ip4_addr rnd_addr(struct twin *t)
{
	static const uint32_t bases[] = {0x0a000000, 0x0a0100ff, 0xc0a80000, 0xffffffff,
					 0x7f000001};
	uint32_t a = bases[rnd(t) % ARRAY_SIZE(bases)];

	for (int i = 0; i < 2; i++)
		a ^= 1u << rnd(t) % 32;
	return ip4_addr_from_u32(a);
}

static bool twin_same(const struct fib4_route *a, const struct fib4_route *b)
{
	return ip4_addr_eq(&a->dst, &b->dst) && a->prefix_len == b->prefix_len &&
	       a->metric == b->metric;
}

static int twin_add(struct twin *t, const struct fib4_route *r)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (twin_same(&t->routes[i], r))
			return -EEXIST;
	t->routes[t->n] = *r;
	t->routes[t->n++].is_dead =
		r->type != ROUTE_LOCAL && r->netif && !(r->netif->flags & NETIF_UP);
	return 0;
}

static void twin_del(struct twin *t, uint32_t i)
{
	t->n--;
	memmove(&t->routes[i], &t->routes[i + 1], (t->n - i) * sizeof(t->routes[0]));
}

static bool twin_better(const struct fib4_route *a, const struct fib4_route *b)
{
	return !b || a->prefix_len > b->prefix_len ||
	       (a->prefix_len == b->prefix_len && a->metric < b->metric);
}

static const struct fib4_route *twin_lookup(struct twin *t, struct ip4_addr dst,
					    const struct netif *netif)
{
	const struct fib4_route *best = NULL;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct fib4_route *r = &t->routes[i];

		if (!r->is_dead && ip4_in_prefix(&dst, &r->dst, r->prefix_len) &&
		    (!netif || !r->netif || r->netif == netif) && twin_better(r, best))
			best = r;
	}
	return best;
}

static void same_result(const struct fib4_route *a, const struct fib4_route *b)
{
	assert_int_equal(a != NULL, b != NULL);
	if (a && b)
		assert_true(twin_same(a, b) && a->netif == b->netif);
}

/* Whoever begins with the bits that decide goes the same way. */
static void same_in_span(struct fixture *f, struct twin *t, struct ip4_addr a)
{
	unsigned int span = fib4_span(&f->fib, a);
	uint32_t beyond = ~ip4_prefix_mask(span);
	struct ip4_addr b = ip4_addr_from_u32((ip4_addr_u32(&a) & ~beyond) | (rnd(t) & beyond));

	assert_true(span <= 32);
	assert_ptr_equal(fib4_lookup(&f->fib, b), fib4_lookup(&f->fib, a));
}

static void routes_of_a_length_are_told_by_as_many_bits(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fib4_span(&f->fib, addr("192.0.2.1")), 0);
	for (uint8_t len = 8; len <= 24; len += 8) {
		add(f, ROUTE("10.0.0.0", len));
		assert_int_equal(fib4_span(&f->fib, addr("10.0.0.9")), len);
	}
}

static void twin_step(struct fixture *f, struct twin *t)
{
	uint32_t op = rnd(t) % 1000, len = rnd(t) % 33, i;
	struct ip4_addr a = rnd_addr(t);
	struct netif *netif = &f->netifs[rnd(t) % N_NETIFS];
	struct fib4_route r = {.dst = ip4_addr_from_u32(ip4_addr_u32(&a) & ip4_prefix_mask(len)),
			       .prefix_len = (uint8_t)len,
			       .metric = rnd(t) % 3,
			       .netif = netif,
			       .type = rnd(t) % 4 ? ROUTE_UNICAST : ROUTE_LOCAL};

	if (op < 400 && t->n < TWIN_MAX) {
		assert_int_equal(fib4_add(&f->fib, &r, FIB4_EXCLUSIVE), twin_add(t, &r));
	} else if (op < 700 && t->n) {
		i = rnd(t) % t->n;
		r = t->routes[i];
		assert_int_equal(fib4_del(&f->fib, &(struct fib4_key){.dst = r.dst,
								      .prefix_len = r.prefix_len,
								      .has_metric = true,
								      .metric = r.metric}),
				 0);
		twin_del(t, i);
	} else if (op < 703) {
		netif->flags ^= NETIF_CARRIER;
		fib4_netif_set_up(&f->fib, netif, (netif->flags & NETIF_UP));
		for (i = 0; i < t->n; i++)
			if (t->routes[i].netif == netif && t->routes[i].type != ROUTE_LOCAL)
				t->routes[i].is_dead = !(netif->flags & NETIF_UP);
	} else if (op < 704) {
		fib4_netif_del(&f->fib, netif);
		for (i = t->n; i-- > 0;)
			if (t->routes[i].netif == netif)
				twin_del(t, i);
	}
	assert_int_equal(f->fib.n_routes, t->n);
	a = rnd_addr(t);
	same_result(fib4_lookup(&f->fib, a), twin_lookup(t, a, NULL));
	same_in_span(f, t, a);
	if (op % 8 == 0)
		same_result(fib4_lookup_netif(&f->fib, a, netif), twin_lookup(t, a, netif));
}

static void random_changes_agree_with_the_naive_twin(void **state)
{
	struct fixture *f = *state;
	struct twin *t = calloc(1, sizeof(*t));
	struct seen seen = {0};

	t->rng = 0x9e3779b97f4a7c15;
	for (int i = 0; i < 100000; i++)
		twin_step(f, t);
	fib4_for_each(&f->fib, see, &seen);
	assert_int_equal(seen.n, t->n);
	while (t->n) {
		struct fib4_key key = {.dst = t->routes[0].dst,
				       .prefix_len = t->routes[0].prefix_len,
				       .has_metric = true,
				       .metric = t->routes[0].metric};

		assert_int_equal(fib4_del(&f->fib, &key), 0);
		twin_del(t, 0);
	}
	/* Deleting the last route has given back every node. */
	assert_int_equal(f->mem.n_bytes, 0);
	free(t);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(empty_table_lookup_finds_nothing),
		T(routes_of_a_length_are_told_by_as_many_bits),
		T(nested_prefixes_longest_wins),
		T(equal_prefixes_lowest_metric_wins),
		T(same_prefix_and_metric_is_refused),
		T(host_bits_or_long_prefix_are_refused),
		T(deleted_route_uncovers_the_shorter_one),
		T(delete_with_metric_takes_that_route),
		T(route_of_stopped_interface_is_passed_over_until_it_runs),
		T(local_route_of_stopped_interface_stays),
		T(lookup_by_interface_falls_back_to_shorter_prefixes),
		T(deleted_interface_takes_its_routes_along),
		T(lost_source_takes_routes_that_prefer_it_along),
		T(walk_goes_by_address_then_length_then_metric_and_can_stop),
		T(add_without_memory_leaves_no_trace),
		T(small_table_takes_little_memory),
		T(random_changes_agree_with_the_naive_twin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
