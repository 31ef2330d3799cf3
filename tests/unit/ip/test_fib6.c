/* SPDX-License-Identifier: MIT */
/* The IPv6 forwarding table: rules one by one, then at random against a list that is searched. */
#include "unit.h"

#include <errno.h>

#include "base/mem.h"
#include "core/netif.h"
#include "ip/fib/fib6.h"

enum {
	TWIN_MAX = 4096,
	N_NETIFS = 4,
};

struct fixture {
	struct mem mem;
	struct fib6 fib;
	struct netif netifs[N_NETIFS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	mem_init(&f->mem, NULL, NULL, 0);
	fib6_init(&f->fib, &f->mem);
	for (uint32_t i = 0; i < N_NETIFS; i++)
		f->netifs[i] = (struct netif){.index = i + 1, .flags = NETIF_UP | NETIF_CARRIER};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fib6_fini(&f->fib);
	assert_int_equal(f->fib.n_routes, 0);
	assert_int_equal(f->mem.n_bytes, 0);
	assert_int_equal(f->mem.n_blocks, 0);
	free(f);
	return 0;
}

static struct ip6_addr addr(const char *text)
{
	struct ip6_addr a;

	assert_int_equal(ip6_addr_parse(text, &a), 0);
	return a;
}

/* A unicast route over interface 0; a test names what it changes. */
#define ROUTE(d, len, ...)                              \
	((struct fib6_route){.dst = addr(d),            \
			     .prefix_len = (len),       \
			     .netif = &f->netifs[0],    \
			     .type = ROUTE_UNICAST,     \
			     .proto = ROUTE_PROTO_BOOT, \
			     __VA_ARGS__})

static void add(struct fixture *f, struct fib6_route r)
{
	assert_int_equal(fib6_add(&f->fib, &r, FIB6_EXCLUSIVE), 0);
}

static const struct fib6_route *lookup(struct fixture *f, struct ip6_addr a)
{
	return fib6_lookup(&f->fib, &a);
}

static const struct fib6_route *lookup_netif(struct fixture *f, struct ip6_addr a,
					     const struct netif *netif)
{
	return fib6_lookup_netif(&f->fib, &a, netif);
}

static struct ip6_addr masked(struct ip6_addr a, unsigned int len)
{
	for (unsigned int bit = len; bit < 128; bit++)
		a.b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return a;
}

/* Prefix length of the route found, or -1. */
static int found_len(struct fixture *f, const char *dst)
{
	const struct fib6_route *r = lookup(f, addr(dst));

	return r ? r->prefix_len : -1;
}

static void empty_table_lookup_finds_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(found_len(f, "::"), -1);
	assert_int_equal(found_len(f, "ffff:ffff::"), -1);
}

static void nested_prefixes_longest_wins(void **state)
{
	struct fixture *f = *state;
	const struct ip6_addr full = addr("2001:db8:ffff:0:1:ffff:0:ffff");

	for (uint8_t len = 0; len <= 128; len++) {
		struct fib6_route r = ROUTE("::", len);

		r.dst = masked(full, len);
		add(f, r);
	}
	for (uint8_t len = 0; len < 128; len++) {
		/* Differs from the nested prefixes in bit `len`. */
		struct ip6_addr a = full;

		a.b[len / 8] ^= (uint8_t)(0x80u >> len % 8);
		assert_int_equal(lookup(f, a)->prefix_len, len);
	}
	assert_int_equal(lookup(f, full)->prefix_len, 128);
}

static void equal_prefixes_lowest_metric_wins(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("a00:0::", 8, .metric = 20));
	add(f, ROUTE("a00:0::", 8, .metric = 10, .netif = &f->netifs[1]));
	add(f, ROUTE("a00:0::", 8, .metric = 30));
	assert_int_equal(lookup(f, addr("a01:203::"))->metric, 10);
}

static void same_prefix_and_metric_is_refused(void **state)
{
	struct fixture *f = *state;
	struct fib6_route r = ROUTE("a00:0::", 8, .netif = &f->netifs[1]);

	add(f, ROUTE("a00:0::", 8));
	assert_int_equal(fib6_add(&f->fib, &r, FIB6_EXCLUSIVE), -EEXIST);
	assert_int_equal(fib6_add(&f->fib, &r, FIB6_APPEND), 0);
	assert_int_equal(fib6_add(&f->fib, &r, FIB6_APPEND), -EEXIST);
	assert_ptr_equal(lookup(f, addr("a00:1::"))->netif, &f->netifs[0]);
}

static void host_bits_or_long_prefix_are_refused(void **state)
{
	struct fixture *f = *state;
	struct fib6_route bits = ROUTE("a00:1::", 24);
	struct fib6_route dflt = ROUTE("0:1::", 0);
	struct fib6_route len = ROUTE("a00:0::", 129);

	assert_int_equal(fib6_add(&f->fib, &bits, FIB6_EXCLUSIVE), -EINVAL);
	assert_int_equal(fib6_add(&f->fib, &dflt, FIB6_EXCLUSIVE), -EINVAL);
	assert_int_equal(fib6_add(&f->fib, &len, FIB6_EXCLUSIVE), -EINVAL);
}

static void deleted_route_uncovers_the_shorter_one(void **state)
{
	struct fixture *f = *state;
	struct fib6_key key = {.dst = addr("a01:0::"), .prefix_len = 16};

	add(f, ROUTE("a00:0::", 8));
	add(f, ROUTE("a01:0::", 16));
	assert_int_equal(found_len(f, "a01:1::"), 16);
	assert_int_equal(fib6_del(&f->fib, &key), 0);
	assert_int_equal(found_len(f, "a01:1::"), 8);
	assert_int_equal(fib6_del(&f->fib, &key), -ESRCH);
}

static void delete_with_metric_takes_that_route(void **state)
{
	struct fixture *f = *state;
	struct fib6_key key = {.dst = addr("a00:0::"), .prefix_len = 8, .has_metric = true};

	add(f, ROUTE("a00:0::", 8, .metric = 1));
	add(f, ROUTE("a00:0::", 8, .metric = 2));
	assert_int_equal(fib6_del(&f->fib, &key), -ESRCH);
	key.metric = 2;
	assert_int_equal(fib6_del(&f->fib, &key), 0);
	assert_int_equal(lookup(f, addr("a00:1::"))->metric, 1);
}

static void route_of_stopped_interface_is_passed_over_until_it_runs(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("::", 0, .netif = &f->netifs[1]));
	add(f, ROUTE("a00:0::", 8));
	add(f, ROUTE("a00:0::", 8, .metric = 5, .netif = &f->netifs[2]));
	fib6_netif_set_up(&f->fib, &f->netifs[0], false);
	assert_int_equal(lookup(f, addr("a00:1::"))->metric, 5);
	fib6_netif_set_up(&f->fib, &f->netifs[2], false);
	assert_int_equal(found_len(f, "a00:1::"), 0);
	fib6_netif_set_up(&f->fib, &f->netifs[0], true);
	assert_int_equal(lookup(f, addr("a00:1::"))->metric, 0);
}

static void local_route_of_stopped_interface_stays(void **state)
{
	struct fixture *f = *state;

	f->netifs[0].flags = 0;
	add(f, ROUTE("a00:1::", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("a00:0::", 24));
	assert_int_equal(found_len(f, "a00:1::"), 32);
	assert_int_equal(found_len(f, "a00:2::"), -1);
}

static void lookup_by_interface_falls_back_to_shorter_prefixes(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("::", 0, .netif = &f->netifs[1]));
	add(f, ROUTE("a00:0::", 8));
	add(f, ROUTE("a00:0::", 8, .metric = 1, .netif = &f->netifs[2]));
	assert_int_equal(lookup_netif(f, addr("a00:1::"), &f->netifs[1])->prefix_len, 0);
	assert_int_equal(lookup_netif(f, addr("a00:1::"), &f->netifs[2])->metric, 1);
	assert_null(lookup_netif(f, addr("a00:1::"), &f->netifs[3]));
	add(f, ROUTE("a00:0::", 24, .netif = NULL, .type = ROUTE_UNREACHABLE));
	assert_int_equal(lookup_netif(f, addr("a00:1::"), &f->netifs[3])->type, ROUTE_UNREACHABLE);
}

static void deleted_interface_takes_its_routes_along(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("a00:0::", 8));
	add(f, ROUTE("a00:1::", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("a00:0::", 8, .metric = 1, .netif = &f->netifs[1]));
	fib6_netif_del(&f->fib, &f->netifs[0]);
	assert_int_equal(f->fib.n_routes, 1);
	assert_ptr_equal(lookup(f, addr("a00:1::"))->netif, &f->netifs[1]);
}

static void lost_source_takes_routes_that_prefer_it_along(void **state)
{
	struct fixture *f = *state;

	add(f, ROUTE("a00:0::", 8, .src = addr("a00:1::")));
	add(f, ROUTE("b00:0::", 8));
	struct ip6_addr src = addr("a00:1::");

	fib6_src_del(&f->fib, &src);
	assert_int_equal(found_len(f, "a00:1::"), -1);
	assert_int_equal(found_len(f, "b00:1::"), 8);
}

struct seen {
	struct fib6_route last;
	uint32_t n, stop_at;
};

static bool see(void *arg, const struct fib6_route *r)
{
	struct seen *s = arg;
	int cmp = memcmp(&s->last.dst, &r->dst, sizeof(r->dst));

	if (s->n)
		assert_true(cmp < 0 || (cmp == 0 && (s->last.prefix_len < r->prefix_len ||
						     (s->last.prefix_len == r->prefix_len &&
						      s->last.metric <= r->metric))));
	s->last = *r;
	return ++s->n != s->stop_at;
}

static void walk_goes_by_address_then_length_then_metric_and_can_stop(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0}, stopped = {.stop_at = 3};

	add(f, ROUTE("a00:0::", 32));
	add(f, ROUTE("a00:0::", 8, .metric = 9));
	add(f, ROUTE("a00:0::", 8, .metric = 3));
	add(f, ROUTE("::", 0));
	add(f, ROUTE("ffff:ffff::", 32));
	add(f, ROUTE("900:0::", 8));
	add(f, ROUTE("a40:0::", 10));
	fib6_for_each(&f->fib, see, &seen);
	assert_int_equal(seen.n, 7);
	fib6_for_each(&f->fib, see, &stopped);
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
	struct fib6_route r = ROUTE("a01:203::", 32);
	struct mem mem;
	struct fib6 fib;
	int left = 0, err = -ENOMEM;

	mem_init(&mem, failing_realloc, &left, 0);
	fib6_init(&fib, &mem);
	for (int n = 0; err; n++) {
		left = n;
		err = fib6_add(&fib, &r, FIB6_EXCLUSIVE);
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(fib.n_routes, err ? 0 : 1);
		if (err)
			assert_int_equal(mem.n_bytes, 0);
	}
	fib6_fini(&fib);
	assert_int_equal(mem.n_bytes, 0);
}

static void small_table_takes_little_memory(void **state)
{
	struct fixture *f = *state;

	/* A host: loopback, one address, default route. */
	add(f, ROUTE("7f00:0::", 8, .type = ROUTE_LOCAL));
	add(f, ROUTE("7f00:1::", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("7fff:ffff::", 32, .type = ROUTE_BROADCAST));
	add(f, ROUTE("a00:0::", 24));
	add(f, ROUTE("a00:1::", 32, .type = ROUTE_LOCAL));
	add(f, ROUTE("a00:ff::", 32, .type = ROUTE_BROADCAST));
	add(f, ROUTE("::", 0));
	assert_in_range(f->mem.n_bytes, 0, 2048);
}

/* The naive twin: all routes in a list, in order of adding. */
struct twin {
	struct fib6_route routes[TWIN_MAX];
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
static struct ip6_addr rnd_addr(struct twin *t)
{
	static const char *const bases[] = {"::", "2001:db8::1", "2001:db8:0:ff::", "fe80::1",
					    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
	struct ip6_addr a = addr(bases[rnd(t) % ARRAY_SIZE(bases)]);

	for (int i = 0; i < 2; i++) {
		uint32_t bit = rnd(t) % 128;

		a.b[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
	}
	return a;
}

static bool twin_same(const struct fib6_route *a, const struct fib6_route *b)
{
	return ip6_addr_eq(&a->dst, &b->dst) && a->prefix_len == b->prefix_len &&
	       a->metric == b->metric;
}

static int twin_add(struct twin *t, const struct fib6_route *r)
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

static bool twin_better(const struct fib6_route *a, const struct fib6_route *b)
{
	return !b || a->prefix_len > b->prefix_len ||
	       (a->prefix_len == b->prefix_len && a->metric < b->metric);
}

static const struct fib6_route *twin_lookup(struct twin *t, struct ip6_addr dst,
					    const struct netif *netif)
{
	const struct fib6_route *best = NULL;

	for (uint32_t i = 0; i < t->n; i++) {
		const struct fib6_route *r = &t->routes[i];

		if (!r->is_dead && ip6_in_prefix(&dst, &r->dst, r->prefix_len) &&
		    (!netif || !r->netif || r->netif == netif) && twin_better(r, best))
			best = r;
	}
	return best;
}

static void same_result(const struct fib6_route *a, const struct fib6_route *b)
{
	assert_int_equal(a != NULL, b != NULL);
	if (a && b)
		assert_true(twin_same(a, b) && a->netif == b->netif);
}

/* Whoever begins with the bits that decide goes the same way. */
static void same_in_span(struct fixture *f, struct twin *t, struct ip6_addr a)
{
	unsigned int span = fib6_span(&f->fib, &a);
	struct ip6_addr b = a;

	assert_true(span <= 128);
	for (unsigned int bit = span; bit < 128; bit++)
		b.b[bit / 8] ^= (uint8_t)((rnd(t) & 1) << (7 - bit % 8));
	assert_ptr_equal(fib6_lookup(&f->fib, &b), fib6_lookup(&f->fib, &a));
}

static void twin_step(struct fixture *f, struct twin *t)
{
	uint32_t op = rnd(t) % 1000, len = rnd(t) % 129, i;
	struct ip6_addr a = rnd_addr(t);
	struct netif *netif = &f->netifs[rnd(t) % N_NETIFS];
	struct fib6_route r = {.dst = masked(a, len),
			       .prefix_len = (uint8_t)len,
			       .metric = rnd(t) % 3,
			       .netif = netif,
			       .type = rnd(t) % 4 ? ROUTE_UNICAST : ROUTE_LOCAL};

	if (op < 400 && t->n < TWIN_MAX) {
		assert_int_equal(fib6_add(&f->fib, &r, FIB6_EXCLUSIVE), twin_add(t, &r));
	} else if (op < 700 && t->n) {
		i = rnd(t) % t->n;
		r = t->routes[i];
		assert_int_equal(fib6_del(&f->fib, &(struct fib6_key){.dst = r.dst,
								      .prefix_len = r.prefix_len,
								      .has_metric = true,
								      .metric = r.metric}),
				 0);
		twin_del(t, i);
	} else if (op < 703) {
		netif->flags ^= NETIF_CARRIER;
		fib6_netif_set_up(&f->fib, netif, (netif->flags & NETIF_UP));
		for (i = 0; i < t->n; i++)
			if (t->routes[i].netif == netif && t->routes[i].type != ROUTE_LOCAL)
				t->routes[i].is_dead = !(netif->flags & NETIF_UP);
	} else if (op < 704) {
		fib6_netif_del(&f->fib, netif);
		for (i = t->n; i-- > 0;)
			if (t->routes[i].netif == netif)
				twin_del(t, i);
	}
	assert_int_equal(f->fib.n_routes, t->n);
	a = rnd_addr(t);
	same_result(lookup(f, a), twin_lookup(t, a, NULL));
	same_in_span(f, t, a);
	if (op % 8 == 0)
		same_result(lookup_netif(f, a, netif), twin_lookup(t, a, netif));
}

static void random_changes_agree_with_the_naive_twin(void **state)
{
	struct fixture *f = *state;
	struct twin *t = calloc(1, sizeof(*t));
	struct seen seen = {0};

	t->rng = 0x9e3779b97f4a7c15;
	for (int i = 0; i < 100000; i++)
		twin_step(f, t);
	fib6_for_each(&f->fib, see, &seen);
	assert_int_equal(seen.n, t->n);
	while (t->n) {
		struct fib6_key key = {.dst = t->routes[0].dst,
				       .prefix_len = t->routes[0].prefix_len,
				       .has_metric = true,
				       .metric = t->routes[0].metric};

		assert_int_equal(fib6_del(&f->fib, &key), 0);
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
