/* SPDX-License-Identifier: MIT */
/*
 * What a router says of IPv6 packets that it cannot pass on (RFC 8200 §3, §5; RFC 4443 §2.4, §3),
 * and labels of flows (RFC 6437). Addresses are as world.h has them:
 *
 *	client 10.0.0.1 ---- 10.0.0.2 router 10.0.1.9 ---- 10.0.1.2 host, MTU 1300
 */
#include "world.h"

enum {
	FAR_MTU = 1300,
	LEVEL = WEFT_IPPROTO_IPV6,
	UNREACH = 1,
	TOO_BIG = 2,
	EXCEEDED = 3,
};

struct net {
	struct world w;
	struct weft_stack *host;
	struct weft_netif *router_if, *host_if;
	struct weft_sock *s; /* the client's, with an error queue */
};

static int setup(void **state)
{
	struct net *n = calloc(1, sizeof(*n));
	struct weft_addr router, host;
	struct weft_route to = {.type = WEFT_ROUTE_UNICAST}, from = to;

	world_is_ip6 = true;
	assert_non_null(n);
	router = world_addr("10.0.1.9");
	host = world_addr("10.0.1.2");
	world_start(&n->w);
	assert_int_equal(weft_stack_new(n->w.eng, "host", &n->host), 0);
	world_quiet(n->host);
	assert_int_equal(
		weft_veth_new(n->w.server, "eth1", n->host, "eth0", &n->router_if, &n->host_if), 0);
	assert_int_equal(weft_netif_set_mtu(n->router_if, FAR_MTU), 0);
	assert_int_equal(weft_addr_add(n->router_if, &router, 64), 0);
	assert_int_equal(weft_addr_add(n->host_if, &host, 64), 0);
	assert_int_equal(weft_stack_set(n->w.server, "net.ipv6.conf.all.forwarding", 1), 0);
	to.dst = from.dst = world_addr("0.0.0.0");
	to.via = world_addr("10.0.0.2");
	from.via = world_addr("10.0.1.9");
	assert_int_equal(weft_route_add(n->w.client, &to), 0);
	assert_int_equal(weft_route_add(n->host, &from), 0);
	n->s = world_bound(n->w.client, "0.0.0.0:1000");
	world_setopt(n->s, LEVEL, WEFT_IPV6_RECVERR, 1);
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	weft_close(n->s);
	weft_stack_free(n->host);
	world_end(&n->w);
	free(n);
	world_is_ip6 = false;
	return 0;
}

/* The next error of the queue; type 0: there is none. */
static struct weft_sock_extended_err next_error(struct net *n)
{
	_Alignas(8) uint8_t control[128];
	struct weft_sock_extended_err ee = {.err = 0};
	uint8_t bytes[64];
	struct weft_iovec iov = {bytes, sizeof(bytes)};
	struct weft_msghdr msg = {
		.iov = &iov, .n_iov = 1, .control = control, .control_len = sizeof(control)};
	struct weft_cmsghdr *c;

	world_settle(&n->w);
	if (weft_recvmsg(n->s, &msg, WEFT_MSG_ERRQUEUE) < 0)
		return ee;
	c = weft_cmsg_next(&msg, NULL);
	assert_non_null(c);
	memcpy(&ee, weft_cmsg_data(c), sizeof(ee));
	return ee;
}

static void assert_told(struct net *n, const char *to, uint8_t type, uint8_t code, int err)
{
	struct weft_sock_extended_err ee;

	assert_int_equal(world_sendto(n->s, "x", 1, to), 1);
	ee = next_error(n);
	if (ee.type != type || ee.code != code || (int)ee.err != err)
		fail_msg("to %s: type %d code %d errno %u", to, ee.type, ee.code, ee.err);
	assert_int_equal(next_error(n).type, 0);
}

static void route_add(struct net *n, const char *text)
{
	assert_int_equal(weft_route_add_text(n->w.server, text), 0);
}

static void packet_without_a_way_on_is_told_why(void **state)
{
	struct net *n = *state;

	assert_told(n, "10.7.0.1:9", UNREACH, 0, ENETUNREACH); /* no route */
	route_add(n, "unreachable 2001:db8:0:800::/64");
	assert_told(n, "10.8.0.1:9", UNREACH, 0, ENETUNREACH);
	route_add(n, "prohibit 2001:db8:0:900::/64");
	assert_told(n, "10.9.0.1:9", UNREACH, 1, EACCES);
	route_add(n, "blackhole 2001:db8:0:a00::/64");
	assert_int_equal(world_sendto(n->s, "x", 1, "10.10.0.1:9"), 1);
	assert_int_equal(next_error(n).type, 0);
	/* A neighbour that does not answer; a host that has no such port. */
	assert_int_equal(world_sendto(n->s, "x", 1, "10.0.1.77:9"), 1);
	world_advance(&n->w, 5 * WORLD_SEC);
	assert_int_equal(next_error(n).code, 3);
	assert_told(n, "10.0.1.2:9", UNREACH, 4, ECONNREFUSED);
}

static void link_local_see(void *arg, const struct weft_addr_info *info)
{
	struct weft_sockaddr *at = arg;

	if (info->addr.bytes[0] == 0xfe)
		*at = (struct weft_sockaddr){.addr = info->addr,
					     .scope_id = weft_netif_index(info->dev)};
}

/* RFC 4443 §3.1, code 2. */
static void link_local_source_is_not_forwarded(void **state)
{
	struct net *n = *state;
	struct weft_sockaddr at = {.port = 0};

	weft_addrs(n->w.client, link_local_see, &at);
	assert_int_equal(at.addr.family, WEFT_AF_INET6);
	weft_close(n->s);
	n->s = world_socket(n->w.client, WEFT_SOCK_DGRAM, 0);
	assert_int_equal(weft_bind(n->s, &at), 0);
	world_setopt(n->s, LEVEL, WEFT_IPV6_RECVERR, 1);
	assert_told(n, "10.0.1.2:9", UNREACH, 2, EHOSTUNREACH);
}

static void hop_limit_that_ends_at_a_router_is_told(void **state)
{
	struct net *n = *state;

	world_setopt(n->s, LEVEL, WEFT_IPV6_UNICAST_HOPS, 1);
	assert_told(n, "10.0.1.2:9", EXCEEDED, 0, EHOSTUNREACH);
	/* One is enough for the router itself, two for who is behind it. */
	assert_told(n, "10.0.0.2:9", UNREACH, 4, ECONNREFUSED);
	world_setopt(n->s, LEVEL, WEFT_IPV6_UNICAST_HOPS, 2);
	assert_told(n, "10.0.1.2:9", UNREACH, 4, ECONNREFUSED);
}

/* RFC 8200 §5: routers do not cut; RFC 4443 §3.2. */
static void packet_too_large_for_the_next_link_is_told_its_mtu(void **state)
{
	static uint8_t bytes[1400];
	struct net *n = *state;
	struct weft_sock_extended_err ee;
	struct weft_sock *to = world_bound(n->host, "0.0.0.0:9");

	assert_int_equal(world_sendto(n->s, bytes, 1400, "10.0.1.2:9"), 1400);
	ee = next_error(n);
	assert_int_equal(ee.type, TOO_BIG);
	assert_int_equal(ee.err, EMSGSIZE);
	assert_int_equal(ee.info, FAR_MTU);
	assert_int_equal(weft_stack_counter(n->w.server, "Ip6FragCreates"), 0);
	assert_int_equal(weft_recv(to, bytes, sizeof(bytes), 0), -EAGAIN);
	/* From then on the source cuts. */
	(void)world_error(n->s);
	assert_int_equal(world_sendto(n->s, bytes, 1400, "10.0.1.2:9"), 1400);
	world_settle(&n->w);
	assert_int_equal(weft_recv(to, bytes, sizeof(bytes), 0), 1400);
	assert_int_equal(weft_stack_counter(n->w.client, "Ip6FragCreates"), 2);
}

/* RFC 4443 §2.4 (f): a few at once, then one a second; and a router that is silent stays one. */
static void errors_of_a_router_have_a_rate(void **state)
{
	struct net *n = *state;
	unsigned int n_told = 0;

	for (int i = 0; i < 50; i++)
		(void)!world_sendto(n->s, "x", 1, "10.7.0.1:9");
	world_settle(&n->w);
	while (next_error(n).type)
		n_told++;
	assert_in_range(n_told, 1, 10);
	for (int i = 0; i < 10; i++) {
		(void)world_error(n->s);
		(void)!world_sendto(n->s, "x", 1, "10.7.0.1:9");
		world_advance(&n->w, WORLD_SEC);
		n_told += next_error(n).type != 0;
	}
	assert_in_range(n_told, 10, 21);
}

/*
 * RFC 6437.
 */

/* The label of the next packet of protocol UDP that came to the host. */
static uint32_t next_label(struct weft_sock *packets)
{
	uint8_t b[200];

	while (weft_recv(packets, b, sizeof(b), 0) > 40)
		if (b[6] == 17)
			return (b[1] & 15u) << 16 | b[2] * 256u | b[3];
	fail_msg("no packet came");
	return 0;
}

static uint32_t label_of(struct net *n, struct weft_sock *packets, const char *to)
{
	(void)world_error(n->s);
	assert_int_equal(world_sendto(n->s, "x", 1, to), 1);
	world_settle(&n->w);
	return next_label(packets);
}

static void flow_has_one_label_and_another_flow_another(void **state)
{
	struct net *n = *state;
	struct weft_sock *packets, *to = world_bound(n->host, "0.0.0.0:9");
	uint32_t label;

	assert_int_equal(weft_socket(n->host, WEFT_AF_PACKET, WEFT_SOCK_DGRAM, 0x86dd, &packets),
			 0);
	label = label_of(n, packets, "10.0.1.2:9");
	assert_true(label > 0); /* §3: and routers do not change it */
	assert_int_equal(label_of(n, packets, "10.0.1.2:9"), label);
	assert_int_not_equal(label_of(n, packets, "10.0.1.2:10"), label);
	/* The application, or the stack, does without. */
	world_setopt(n->s, LEVEL, WEFT_IPV6_AUTOFLOWLABEL, 0);
	assert_int_equal(label_of(n, packets, "10.0.1.2:9"), 0);
	world_setopt(n->s, LEVEL, WEFT_IPV6_AUTOFLOWLABEL, 1);
	assert_int_equal(label_of(n, packets, "10.0.1.2:9"), label);
	assert_int_equal(weft_stack_set(n->w.client, "net.ipv6.auto_flowlabels", 0), 0);
	assert_int_equal(label_of(n, packets, "10.0.1.2:9"), 0);
	weft_close(packets);
	weft_close(to);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(packet_without_a_way_on_is_told_why),
		T(link_local_source_is_not_forwarded),
		T(hop_limit_that_ends_at_a_router_is_told),
		T(packet_too_large_for_the_next_link_is_told_its_mtu),
		T(errors_of_a_router_have_a_rate),
		T(flow_has_one_label_and_another_flow_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
