/* SPDX-License-Identifier: MIT */
/* Control messages of datagram sockets, through the public API. */
#include "world.h"

enum {
	IP_LEVEL = WEFT_IPPROTO_IP,
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	world_start(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

/* One message received, or to be sent. */
struct message {
	struct weft_msghdr hdr;
	struct weft_iovec iov;
	struct weft_sockaddr peer;
	char bytes[64];
	_Alignas(8) uint8_t control[256];
};

static ptrdiff_t receive(struct weft_sock *s, struct message *m, uint32_t flags)
{
	*m = (struct message){0};
	m->iov = (struct weft_iovec){m->bytes, sizeof(m->bytes)};
	m->hdr = (struct weft_msghdr){.name = &m->peer,
				      .iov = &m->iov,
				      .n_iov = 1,
				      .control = m->control,
				      .control_len = sizeof(m->control)};
	return weft_recvmsg(s, &m->hdr, flags);
}

/* The data of the control message of a type; NULL: it did not come. */
static void *control(const struct message *m, int level, int type, size_t len)
{
	struct weft_cmsghdr *c = NULL;

	while ((c = weft_cmsg_next(&m->hdr, c)))
		if (c->level == level && c->type == type) {
			assert_int_equal(c->len, sizeof(*c) + len);
			return weft_cmsg_data(c);
		}
	return NULL;
}

static void add_control(struct message *m, int level, int type, const void *data, size_t len)
{
	struct weft_cmsghdr c = {.len = sizeof(c) + len, .level = level, .type = type};
	uint8_t *p = m->control + m->hdr.control_len;

	memcpy(p, &c, sizeof(c));
	memcpy(p + sizeof(c), data, len);
	m->hdr.control = m->control;
	m->hdr.control_len += weft_cmsg_space(len);
}

static void message_to(struct message *m, const char *to)
{
	*m = (struct message){0};
	m->peer = world_at(to);
	m->iov = (struct weft_iovec){m->bytes, 4};
	m->hdr = (struct weft_msghdr){.name = &m->peer, .iov = &m->iov, .n_iov = 1};
}

static void receiver_that_asks_is_told_destination_ttl_and_tos(void **state)
{
	struct world *w = *state;
	struct weft_sock *a = world_bound(w->client, "0.0.0.0:1000");
	struct weft_sock *b = world_bound(w->server, "0.0.0.0:53");
	const struct weft_in_pktinfo *info;
	struct message m;
	int ttl;

	world_setopt(a, IP_LEVEL, WEFT_IP_TTL, 7);
	world_setopt(a, IP_LEVEL, WEFT_IP_TOS, 0xb8);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(w);
	/* Nobody is told what he did not ask for. */
	assert_int_equal(receive(b, &m, WEFT_MSG_PEEK), 1);
	assert_int_equal(m.hdr.control_len, 0);
	world_setopt(b, IP_LEVEL, WEFT_IP_PKTINFO, 1);
	world_setopt(b, IP_LEVEL, WEFT_IP_RECVTTL, 1);
	world_setopt(b, IP_LEVEL, WEFT_IP_RECVTOS, 1);
	assert_int_equal(world_getopt(b, IP_LEVEL, WEFT_IP_RECVTOS), 1);
	assert_int_equal(receive(b, &m, 0), 1);
	assert_int_equal(m.hdr.flags, 0);
	info = control(&m, IP_LEVEL, WEFT_IP_PKTINFO, sizeof(*info));
	assert_non_null(info);
	assert_int_equal(info->ifindex, weft_netif_index(w->server_if));
	assert_memory_equal(info->addr, ((uint8_t[]){10, 0, 0, 2}), 4);
	assert_memory_equal(info->spec_dst, info->addr, 4);
	memcpy(&ttl, control(&m, IP_LEVEL, WEFT_IP_TTL, sizeof(ttl)), sizeof(ttl));
	assert_int_equal(ttl, 7);
	assert_int_equal(*(uint8_t *)control(&m, IP_LEVEL, WEFT_IP_TOS, 1), 0xb8);
}

static void receiver_of_a_broadcast_is_told_its_own_address_too(void **state)
{
	struct world *w = *state;
	struct weft_sock *a = world_bound(w->client, "0.0.0.0:1000");
	struct weft_sock *b = world_bound(w->server, "0.0.0.0:53");
	const struct weft_in_pktinfo *info;
	struct message m;

	world_setopt(a, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, 1);
	world_setopt(b, IP_LEVEL, WEFT_IP_PKTINFO, 1);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.255:53"), 1);
	world_settle(w);
	assert_int_equal(receive(b, &m, 0), 1);
	info = control(&m, IP_LEVEL, WEFT_IP_PKTINFO, sizeof(*info));
	assert_memory_equal(info->addr, ((uint8_t[]){10, 0, 0, 255}), 4);
	assert_memory_equal(info->spec_dst, ((uint8_t[]){10, 0, 0, 2}), 4);
}

static void room_for_less_than_all_cuts_the_rest_off(void **state)
{
	struct world *w = *state;
	struct weft_sock *a = world_bound(w->client, "0.0.0.0:1000");
	struct weft_sock *b = world_bound(w->server, "0.0.0.0:53");
	struct message m = {0};

	world_setopt(b, IP_LEVEL, WEFT_IP_RECVTTL, 1);
	world_setopt(b, IP_LEVEL, WEFT_IP_RECVTOS, 1);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(w);
	m.iov = (struct weft_iovec){m.bytes, sizeof(m.bytes)};
	m.hdr = (struct weft_msghdr){
		.iov = &m.iov, .n_iov = 1, .control = m.control, .control_len = 30};
	assert_int_equal(weft_recvmsg(b, &m.hdr, WEFT_MSG_PEEK), 1);
	assert_int_equal(m.hdr.flags, WEFT_MSG_CTRUNC);
	assert_non_null(control(&m, IP_LEVEL, WEFT_IP_TTL, sizeof(int)));
	m.hdr = (struct weft_msghdr){.iov = &m.iov, .n_iov = 1, .control_len = 100};
	assert_int_equal(weft_recvmsg(b, &m.hdr, 0), 1);
	assert_int_equal(m.hdr.flags, WEFT_MSG_CTRUNC);
	assert_int_equal(m.hdr.control_len, 0);
}

static void sender_overrides_ttl_tos_and_source_for_one_message(void **state)
{
	struct world *w = *state;
	struct weft_sock *a = world_bound(w->client, "0.0.0.0:1000");
	struct weft_sock *b = world_bound(w->server, "0.0.0.0:53");
	struct weft_in_pktinfo info = {.spec_dst = {10, 0, 0, 77}};
	struct weft_addr second = world_addr("10.0.0.77");
	int ttl = 9, tos = 0x20;
	struct message m;

	assert_int_equal(weft_addr_add(w->client_if, &second, 24), 0);
	world_setopt(b, IP_LEVEL, WEFT_IP_RECVTTL, 1);
	world_setopt(b, IP_LEVEL, WEFT_IP_RECVTOS, 1);
	message_to(&m, "10.0.0.2:53");
	add_control(&m, IP_LEVEL, WEFT_IP_TTL, &ttl, sizeof(ttl));
	add_control(&m, IP_LEVEL, WEFT_IP_TOS, &tos, sizeof(tos));
	add_control(&m, IP_LEVEL, WEFT_IP_PKTINFO, &info, sizeof(info));
	assert_int_equal(weft_sendmsg(a, &m.hdr, 0), 4);
	assert_int_equal(world_sendto(a, "next", 4, "10.0.0.2:53"), 4);
	world_settle(w);
	assert_int_equal(receive(b, &m, 0), 4);
	world_assert_at(&m.peer, "10.0.0.77:1000");
	memcpy(&ttl, control(&m, IP_LEVEL, WEFT_IP_TTL, sizeof(ttl)), sizeof(ttl));
	assert_int_equal(ttl, 9);
	assert_int_equal(*(uint8_t *)control(&m, IP_LEVEL, WEFT_IP_TOS, 1), 0x20);
	/* The next goes as always. */
	assert_int_equal(receive(b, &m, 0), 4);
	world_assert_at(&m.peer, "10.0.0.1:1000");
	memcpy(&ttl, control(&m, IP_LEVEL, WEFT_IP_TTL, sizeof(ttl)), sizeof(ttl));
	assert_int_equal(ttl, 64);
}

static void control_messages_that_are_nonsense_are_refused(void **state)
{
	struct world *w = *state;
	struct weft_sock *a = world_bound(w->client, "0.0.0.0:1000");
	struct weft_in_pktinfo foreign = {.spec_dst = {192, 0, 2, 1}}, nowhere = {.ifindex = 99};
	int zero = 0, big = 256;
	struct weft_cmsghdr cut = {.len = 8};
	const struct {
		int type;
		const void *data;
		size_t len;
		int err;
	} cases[] = {
		{WEFT_IP_TTL, &zero, sizeof(zero), -EINVAL},
		{WEFT_IP_TTL, &big, sizeof(big), -EINVAL},
		{WEFT_IP_TTL, &big, 2, -EINVAL},
		{WEFT_IP_TOS, &big, sizeof(big), -EINVAL},
		{WEFT_IP_PKTINFO, &foreign, sizeof(foreign), -EINVAL},
		{WEFT_IP_PKTINFO, &nowhere, sizeof(nowhere), -ENODEV},
		{WEFT_IP_PKTINFO, &nowhere, 4, -EINVAL},
		{77, &zero, sizeof(zero), -EINVAL},
	};
	struct message m;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		message_to(&m, "10.0.0.2:53");
		add_control(&m, IP_LEVEL, cases[i].type, cases[i].data, cases[i].len);
		assert_int_equal(weft_sendmsg(a, &m.hdr, 0), cases[i].err);
	}
	message_to(&m, "10.0.0.2:53");
	memcpy(m.control, &cut, sizeof(cut));
	m.hdr.control = m.control;
	m.hdr.control_len = sizeof(cut);
	assert_int_equal(weft_sendmsg(a, &m.hdr, 0), -EINVAL);
	m.hdr.control = NULL;
	assert_int_equal(weft_sendmsg(a, &m.hdr, 0), -EINVAL);
	/* A level that is somebody else's. */
	message_to(&m, "10.0.0.2:53");
	add_control(&m, 4711, 1, &zero, sizeof(zero));
	assert_int_equal(weft_sendmsg(a, &m.hdr, 0), 4);
	world_settle(w);
}

static void options_of_ipv6_are_none_of_an_ipv4_socket(void **state)
{
	struct world *w = *state;
	struct weft_sock *a = world_bound(w->client, "0.0.0.0:1000");
	int on = 1;

	assert_int_equal(
		weft_setsockopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVPKTINFO, &on, sizeof(on)),
		-ENOPROTOOPT);
	assert_int_equal(weft_setsockopt(a, IP_LEVEL, WEFT_IP_RECVTTL, &on, 0), 0);
	assert_int_equal(weft_setsockopt(a, IP_LEVEL, 4711, &on, sizeof(on)), -ENOPROTOOPT);
}

/*
 * Extension headers of IPv6 (RFC 3542).
 */

static const uint8_t hop[8] = {0, 0, 1, 4}, dstopts[8] = {0, 0, 0x1e, 4, 1, 2, 3, 4};

static void assert_ext(const struct message *m, int type, const uint8_t want[8])
{
	const uint8_t *got = control(m, WEFT_IPPROTO_IPV6, type, 8);

	assert_non_null(got);
	assert_memory_equal(got + 1, want + 1, 7);
}

static void extension_headers_are_told_also_of_what_came_in_fragments(void **state UNUSED)
{
	static const size_t sizes[] = {4, 2500};
	static uint8_t bytes[2500];
	struct weft_sock *a, *b;
	struct message m;
	struct world w;

	world_is_ip6 = true;
	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	b = world_bound(w.server, "0.0.0.0:53");
	world_setopt(b, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVHOPOPTS, 1);
	world_setopt(b, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVDSTOPTS, 1);
	assert_int_equal(weft_setsockopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_HOPOPTS, hop, 8), 0);
	assert_int_equal(weft_setsockopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_DSTOPTS, dstopts, 8), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_sendto(a, bytes, sizes[i], "10.0.0.2:53"), sizes[i]);
		world_settle(&w);
		assert_int_equal(receive(b, &m, WEFT_MSG_TRUNC), sizes[i]);
		assert_ext(&m, WEFT_IPV6_HOPOPTS, hop);
		assert_ext(&m, WEFT_IPV6_DSTOPTS, dstopts);
	}
	/* One message's own, in place of all others; the next has the socket's again. */
	message_to(&m, "10.0.0.2:53");
	add_control(&m, WEFT_IPPROTO_IPV6, WEFT_IPV6_DSTOPTS, hop, 8);
	assert_int_equal(weft_sendmsg(a, &m.hdr, WEFT_MSG_MORE), 4);
	assert_int_equal(weft_send(a, "more", 4, 0), 4);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.0.2:53"), 1);
	world_settle(&w);
	assert_int_equal(receive(b, &m, 0), 8);
	assert_null(control(&m, WEFT_IPPROTO_IPV6, WEFT_IPV6_HOPOPTS, 8));
	assert_ext(&m, WEFT_IPV6_DSTOPTS, hop);
	assert_int_equal(receive(b, &m, 0), 1);
	assert_ext(&m, WEFT_IPV6_DSTOPTS, dstopts);
	/* Frames of a super-packet have none. */
	world_setopt(a, WEFT_IPPROTO_UDP, WEFT_UDP_SEGMENT, 100);
	assert_int_equal(world_sendto(a, bytes, 1000, "10.0.0.2:53"), -EINVAL);
	world_end(&w);
	world_is_ip6 = false;
}

static void routing_header_leads_over_the_node_that_it_names(void **state UNUSED)
{
	/* To 10.0.0.2 first, which has no use for routing headers: RFC 8200 §4.4. */
	uint8_t rt[24] = {0, 2, 2, 1};
	struct weft_addr via;
	struct weft_sock *a;
	struct world w;

	world_is_ip6 = true;
	via = world_addr("10.0.0.2");
	memcpy(rt + 8, via.bytes, 16);
	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	assert_int_equal(weft_setsockopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_RTHDR, rt, 24), 0);
	world_setopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVERR, 1);
	/* No route leads to the destination itself. */
	assert_int_equal(world_sendto(a, "x", 1, "10.0.9.9:53"), 1);
	world_settle(&w);
	assert_int_equal(weft_stack_counter(w.server, "Ip6InHdrErrors"), 1);
	assert_int_equal(weft_setsockopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_RTHDR, NULL, 0), 0);
	(void)world_error(a);
	assert_int_equal(world_sendto(a, "x", 1, "10.0.9.9:53"), -ENETUNREACH);
	world_end(&w);
	world_is_ip6 = false;
}

/* RFC 3542 §11. */
static void what_may_not_be_cut_is_refused_and_the_mtu_told(void **state UNUSED)
{
	static uint8_t bytes[2000];
	const struct weft_ip6_mtuinfo *info;
	struct weft_addr dst;
	struct weft_sock *a;
	struct message m;
	struct world w;

	world_is_ip6 = true;
	world_start(&w);
	dst = world_addr("10.0.0.2");
	a = world_bound(w.client, "0.0.0.0:1000");
	world_setopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_DONTFRAG, 1);
	assert_int_equal(world_sendto(a, bytes, 1453, "10.0.0.2:53"), -EMSGSIZE);
	assert_int_equal(weft_events(a) & WEFT_IN, 0);
	world_setopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_RECVPATHMTU, 1);
	world_setopt(a, WEFT_IPPROTO_IPV6, WEFT_IPV6_MTU, 1400);
	assert_int_equal(world_sendto(a, bytes, 1353, "10.0.0.2:53"), -EMSGSIZE);
	assert_int_equal(weft_events(a) & WEFT_IN, WEFT_IN);
	assert_int_equal(receive(a, &m, 0), 0);
	info = control(&m, WEFT_IPPROTO_IPV6, WEFT_IPV6_PATHMTU, sizeof(*info));
	assert_non_null(info);
	assert_int_equal(info->mtu, 1400);
	assert_memory_equal(info->addr + 8, dst.bytes, 16);
	assert_int_equal(receive(a, &m, 0), -EAGAIN);
	assert_int_equal(world_sendto(a, bytes, 1352, "10.0.0.2:53"), 1352);
	world_end(&w);
	world_is_ip6 = false;
}

static void preferences_are_kept_by_pairs(void **state UNUSED)
{
	enum {
		NAME = WEFT_IPV6_ADDR_PREFERENCES,
		LEVEL = WEFT_IPPROTO_IPV6,
	};
	struct weft_sock *a;
	struct world w;
	int v = 3;

	world_is_ip6 = true;
	world_start(&w);
	a = world_bound(w.client, "0.0.0.0:1000");
	assert_int_equal(world_getopt(a, LEVEL, NAME), 0x500);
	world_setopt(a, LEVEL, NAME, WEFT_IPV6_PREFER_SRC_TMP);
	world_setopt(a, LEVEL, NAME, WEFT_IPV6_PREFER_SRC_COA);
	assert_int_equal(world_getopt(a, LEVEL, NAME), 5);
	assert_int_equal(weft_setsockopt(a, LEVEL, NAME, &v, sizeof(v)), -EINVAL);
	world_end(&w);
	world_is_ip6 = false;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(receiver_that_asks_is_told_destination_ttl_and_tos),
		T(receiver_of_a_broadcast_is_told_its_own_address_too),
		T(room_for_less_than_all_cuts_the_rest_off),
		T(sender_overrides_ttl_tos_and_source_for_one_message),
		T(control_messages_that_are_nonsense_are_refused),
		T(options_of_ipv6_are_none_of_an_ipv4_socket),
		cmocka_unit_test(extension_headers_are_told_also_of_what_came_in_fragments),
		cmocka_unit_test(routing_header_leads_over_the_node_that_it_names),
		cmocka_unit_test(what_may_not_be_cut_is_refused_and_the_mtu_told),
		cmocka_unit_test(preferences_are_kept_by_pairs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
