/* SPDX-License-Identifier: MIT */
/* The DHCPv6 server (RFC 8415), asked by a client of ours from its link-local address. */
#include "net/dhcp6/dhcp6.h"

#include "base/cursor.h"
#include "world.h"

enum {
	LEASE_S = 600,
	ANY = 0xff,
};

struct msg {
	uint8_t b[2000];
	size_t len;
};

struct net {
	struct world w;
	struct dhcp6 *dhcp;
	struct weft_sock *client;
	struct msg reply; /* the last one */
	struct dhcp6_duid server;
	struct weft_addr leased;
	int n_leased;
};

/* Messages. */

static struct msg msg_new(uint8_t type)
{
	return (struct msg){.b = {type, 1, 2, 3}, .len = 4};
}

static void add(struct msg *m, uint16_t option, const void *data, size_t len)
{
	store_be16(m->b + m->len, option);
	store_be16(m->b + m->len + 2, (uint16_t)len);
	if (len)
		memcpy(m->b + m->len + 4, data, len);
	m->len += 4 + len;
}

static void add_client(struct msg *m, uint8_t client)
{
	const uint8_t id[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, client};

	add(m, DHCP6_OPT_CLIENT_ID, id, sizeof(id));
}

static void add_server(struct msg *m, const struct net *n)
{
	add(m, DHCP6_OPT_SERVER_ID, n->server.b, n->server.len);
}

/* An association, with an address or without. */
static void add_ia(struct msg *m, uint16_t kind, uint8_t iaid, const char *addr)
{
	uint8_t ia[12 + 28] = {[3] = iaid};
	size_t len = kind == DHCP6_OPT_IA_TA ? 4 : 12;

	if (addr) {
		struct weft_addr a = world_addr(addr);

		store_be16(ia + len, DHCP6_OPT_IA_ADDR);
		store_be16(ia + len + 2, 24);
		memcpy(ia + len + 4, a.bytes, 16);
		len += 28;
	}
	add(m, kind, ia, len);
}

static void add_wanted(struct msg *m)
{
	static const uint8_t wanted[] = {0, DHCP6_OPT_DNS,         0, DHCP6_OPT_SEARCH,
					 0, DHCP6_OPT_REFRESH_TIME};

	add(m, DHCP6_OPT_WANTED, wanted, sizeof(wanted));
}

/* The first option of that number at the top, or within `in`. */
static struct rd option_in(struct rd r, uint16_t option)
{
	while (rd_left(&r)) {
		uint16_t got = rd_be16(&r);
		struct rd body = rd_sub(&r, rd_be16(&r));

		assert_true(rd_ok(&r));
		if (got == option)
			return body;
	}
	r.bad = true;
	return r;
}

static struct rd option_of(const struct net *n, uint16_t option)
{
	return option_in(rd_make(n->reply.b + 4, n->reply.len - 4), option);
}

static bool has_option(const struct net *n, uint16_t option)
{
	struct rd r = option_of(n, option);

	return rd_ok(&r);
}

/* The status of the message (kind 0) or of its association; ANY: none is said. */
static uint16_t status_of(const struct net *n, uint16_t kind)
{
	struct rd r = rd_make(n->reply.b + 4, n->reply.len - 4);

	if (kind) {
		r = option_of(n, kind);
		assert_true(rd_ok(&r));
		rd_skip(&r, kind == DHCP6_OPT_IA_TA ? 4 : 12);
	}
	r = option_in(r, DHCP6_OPT_STATUS);
	return rd_ok(&r) ? rd_be16(&r) : ANY;
}

struct given {
	char addr[WEFT_ADDR_STRLEN]; /* "": none */
	uint32_t t1, t2, preferred_s, valid_s;
};

static struct given given_in(const struct net *n)
{
	struct weft_addr addr = {.family = WEFT_AF_INET6};
	struct rd ia = option_of(n, DHCP6_OPT_IA_NA);
	struct given g = {.addr = ""};
	struct rd r;

	assert_true(rd_ok(&ia));
	rd_skip(&ia, 4);
	g.t1 = rd_be32(&ia);
	g.t2 = rd_be32(&ia);
	r = option_in(ia, DHCP6_OPT_IA_ADDR);
	if (!rd_ok(&r))
		return g;
	rd_copy(&r, addr.bytes, 16);
	g.preferred_s = rd_be32(&r);
	g.valid_s = rd_be32(&r);
	assert_true(rd_ok(&r));
	weft_addr_print(&addr, g.addr, sizeof(g.addr));
	return g;
}

/* The network. */

static void leased(void *arg, const struct weft_addr *addr)
{
	struct net *n = arg;

	n->leased = *addr;
	n->n_leased++;
}

static struct dhcp6_config config(struct net *n)
{
	return (struct dhcp6_config){
		.prefix = world_addr("fd00::2"),
		.prefix_len = 64,
		.first = world_addr("fd00::100"),
		.n_addrs = 2,
		.lease_s = LEASE_S,
		.dns = {world_addr("fd00::3")},
		.n_dns = 1,
		.search = {"example.org", "a.test"},
		.n_search = 2,
		.on_lease = leased,
		.arg = n,
	};
}

static void net_start_with(struct net *n, const struct dhcp6_config *cfg)
{
	struct weft_addr ours = world_addr("fd00::2"), theirs = world_addr("fd00::9");
	struct weft_sockaddr at = {.addr.family = WEFT_AF_INET6, .port = DHCP6_CLIENT_PORT};
	struct weft_netif_info info;

	world_start(&n->w);
	n->n_leased = 0;
	assert_int_equal(weft_addr_add(n->w.server_if, &ours, 64), 0);
	assert_int_equal(weft_addr_add(n->w.client_if, &theirs, 64), 0);
	assert_int_equal(dhcp6_new(n->w.server_if, n->w.server, cfg, &n->dhcp), 0);
	assert_int_equal(weft_socket(n->w.client, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &n->client),
			 0);
	assert_int_equal(weft_bind(n->client, &at), 0);
	weft_netif_info(n->w.server_if, &info);
	n->server = (struct dhcp6_duid){.len = 10, .b = {0, 3, 0, 1}};
	memcpy(n->server.b + 4, info.mac, 6);
	world_advance(&n->w, 3 * WORLD_SEC); /* the link-local addresses are there */
}

static void net_start(struct net *n)
{
	struct dhcp6_config cfg = config(n);

	net_start_with(n, &cfg);
}

static void net_end(struct net *n)
{
	weft_close(n->client);
	dhcp6_free(n->dhcp);
	world_end(&n->w);
}

static struct dhcp6_stats stats_of(const struct net *n)
{
	struct dhcp6_stats stats;

	dhcp6_stats(n->dhcp, &stats);
	return stats;
}

static uint8_t answer_at(struct net *n, const struct msg *m, const char *to)
{
	struct weft_sockaddr at = {.addr = world_addr(to),
				   .port = DHCP6_SERVER_PORT,
				   .scope_id = weft_netif_index(n->w.client_if)};
	ptrdiff_t got;

	assert_int_equal(weft_sendto(n->client, m->b, m->len, 0, &at), m->len);
	world_settle(&n->w);
	got = weft_recv(n->client, n->reply.b, sizeof(n->reply.b), 0);
	if (got < 0)
		return 0;
	n->reply.len = (size_t)got;
	assert_memory_equal(n->reply.b + 1, m->b + 1, 3);
	assert_int_equal(weft_recv(n->client, &got, sizeof(got), 0), -EAGAIN); /* one for one */
	return n->reply.b[0];
}

/* The reply's type; 0: none. */
static uint8_t answer_to(struct net *n, const struct msg *m)
{
	return answer_at(n, m, "ff02::1:2");
}

static struct msg asking(const struct net *n, uint8_t type, uint8_t client, const char *addr)
{
	struct msg m = msg_new(type);

	add_client(&m, client);
	if (type == DHCP6_REQUEST || type == DHCP6_RENEW || type == DHCP6_RELEASE ||
	    type == DHCP6_DECLINE)
		add_server(&m, n);
	add_ia(&m, DHCP6_OPT_IA_NA, 1, addr);
	return m;
}

static uint8_t ask(struct net *n, uint8_t type, uint8_t client, const char *addr)
{
	struct msg m = asking(n, type, client, addr);

	return answer_to(n, &m);
}

static void assert_given(const struct net *n, const char *addr)
{
	assert_string_equal(given_in(n).addr, addr);
}

static void solicit_is_advertised_the_first_address_and_request_has_it_leased(void **state UNUSED)
{
	struct given g;
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_SOLICIT, 7, NULL), DHCP6_ADVERTISE);
	assert_given(&n, "fd00::100");
	assert_true(has_option(&n, DHCP6_OPT_CLIENT_ID));
	assert_int_equal(stats_of(&n).n_leases, 0);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, "fd00::100"), DHCP6_REPLY);
	g = given_in(&n);
	assert_string_equal(g.addr, "fd00::100");
	assert_int_equal(g.t1, LEASE_S / 2);
	assert_int_equal(g.t2, LEASE_S * 4 / 5);
	assert_int_equal(g.preferred_s, LEASE_S);
	assert_int_equal(g.valid_s, 2 * LEASE_S);
	assert_int_equal(n.n_leased, 1);
	assert_int_equal(n.leased.bytes[14], 1);
	assert_int_equal(stats_of(&n).n_leases, 1);
	net_end(&n);
}

static void rapid_commit_leases_in_one_step(void **state UNUSED)
{
	struct net n;
	struct msg m;

	net_start(&n);
	m = asking(&n, DHCP6_SOLICIT, 7, NULL);
	add(&m, DHCP6_OPT_RAPID, NULL, 0);
	assert_int_equal(answer_to(&n, &m), DHCP6_REPLY);
	assert_true(has_option(&n, DHCP6_OPT_RAPID));
	assert_given(&n, "fd00::100");
	assert_int_equal(stats_of(&n).n_leases, 1);
	net_end(&n);
}

static void names_are_told_to_those_who_ask_for_them(void **state UNUSED)
{
	struct msg m = msg_new(DHCP6_INFORMATION_REQUEST);
	struct net n;
	struct rd r;

	net_start(&n);
	assert_int_equal(answer_to(&n, &m), DHCP6_REPLY);
	assert_false(has_option(&n, DHCP6_OPT_DNS));
	add_wanted(&m);
	assert_int_equal(answer_to(&n, &m), DHCP6_REPLY);
	assert_false(has_option(&n, DHCP6_OPT_CLIENT_ID)); /* it gave none */
	assert_true(has_option(&n, DHCP6_OPT_SERVER_ID));
	r = option_of(&n, DHCP6_OPT_DNS);
	assert_int_equal(rd_left(&r), 16);
	assert_int_equal(r.p[15], 3);
	r = option_of(&n, DHCP6_OPT_SEARCH);
	assert_int_equal(rd_left(&r), 13 + 8);
	assert_memory_equal(r.p, "\7example\3org\0\1a\4test\0", 21);
	r = option_of(&n, DHCP6_OPT_REFRESH_TIME);
	assert_int_equal(rd_be32(&r), 86400);
	/* When to ask again is only said to those who get no address (§21.23). */
	m = asking(&n, DHCP6_SOLICIT, 7, NULL);
	add_wanted(&m);
	assert_int_equal(answer_to(&n, &m), DHCP6_ADVERTISE);
	assert_true(has_option(&n, DHCP6_OPT_DNS));
	assert_false(has_option(&n, DHCP6_OPT_REFRESH_TIME));
	net_end(&n);
}

static void renewal_extends_and_foreign_addresses_get_no_time(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, NULL), DHCP6_REPLY);
	world_advance(&n.w, LEASE_S * WORLD_SEC);
	assert_int_equal(ask(&n, DHCP6_RENEW, 7, "fd00::100"), DHCP6_REPLY);
	assert_given(&n, "fd00::100");
	assert_int_equal(stats_of(&n).n_renewed, 1);
	world_advance(&n.w, (2 * LEASE_S - 1) * WORLD_SEC);
	assert_int_equal(stats_of(&n).n_leases, 1);
	assert_int_equal(ask(&n, DHCP6_REBIND, 7, "fd00::100"), DHCP6_REPLY);
	assert_int_equal(stats_of(&n).n_renewed, 2);
	assert_int_equal(ask(&n, DHCP6_RENEW, 7, "fd00::55"), DHCP6_REPLY);
	assert_given(&n, "fd00::100");
	struct rd ia = option_of(&n, DHCP6_OPT_IA_NA), addr;

	rd_skip(&ia, 12 + 28);
	addr = option_in(ia, DHCP6_OPT_IA_ADDR);
	assert_int_equal(addr.p[15], 0x55);
	rd_skip(&addr, 16);
	assert_int_equal(rd_be32(&addr), 0);
	assert_int_equal(rd_be32(&addr), 0);
	net_end(&n);
}

/* The server was started anew: who has an address keeps it. */
static void renewal_of_an_unknown_association_is_given_its_own_address(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_REBIND, 7, "fd00::101"), DHCP6_REPLY);
	assert_given(&n, "fd00::101");
	assert_int_equal(ask(&n, DHCP6_RENEW, 8, "fd00::101"), DHCP6_REPLY);
	assert_given(&n, "fd00::100");
	assert_int_equal(ask(&n, DHCP6_RENEW, 9, "fd00::101"), DHCP6_REPLY);
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_NA), DHCP6_NO_BINDING);
	assert_int_equal(given_in(&n).valid_s, 0);
	net_end(&n);
}

static void associations_beyond_the_range_are_told_until_a_lease_ends(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 1, NULL), DHCP6_REPLY);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 2, NULL), DHCP6_REPLY);
	assert_given(&n, "fd00::101");
	assert_int_equal(ask(&n, DHCP6_SOLICIT, 3, NULL), DHCP6_ADVERTISE);
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_NA), DHCP6_NO_ADDRS);
	assert_given(&n, "");
	assert_int_equal(stats_of(&n).n_full, 1);
	world_advance(&n.w, (2 * LEASE_S + 1) * WORLD_SEC);
	assert_int_equal(stats_of(&n).n_leases, 0);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 3, NULL), DHCP6_REPLY);
	assert_given(&n, "fd00::100"); /* whose time ended first */
	assert_int_equal(ask(&n, DHCP6_REQUEST, 2, NULL), DHCP6_REPLY);
	assert_given(&n, "fd00::101"); /* what it had */
	net_end(&n);
}

static void associations_of_one_message_get_an_address_each(void **state UNUSED)
{
	struct net n;
	struct msg m;

	net_start(&n);
	m = asking(&n, DHCP6_SOLICIT, 7, NULL);
	add_ia(&m, DHCP6_OPT_IA_NA, 2, NULL);
	add_ia(&m, DHCP6_OPT_IA_TA, 1, NULL);
	add_ia(&m, DHCP6_OPT_IA_PD, 1, NULL);
	assert_int_equal(answer_to(&n, &m), DHCP6_ADVERTISE);
	assert_given(&n, "fd00::100");
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_TA), DHCP6_NO_ADDRS);
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_PD), DHCP6_NO_PREFIXES);
	m.b[0] = DHCP6_REQUEST;
	add_server(&m, &n);
	assert_int_equal(answer_to(&n, &m), DHCP6_REPLY);
	assert_int_equal(stats_of(&n).n_leases, 2);
	assert_int_equal(stats_of(&n).n_full, 0);
	net_end(&n);
}

static void address_of_another_link_is_refused(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, "2001:db8::1"), DHCP6_REPLY);
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_NA), DHCP6_NOT_ON_LINK);
	assert_int_equal(stats_of(&n).n_leases, 0);
	net_end(&n);
}

static void confirm_says_whether_the_addresses_are_of_this_link(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_CONFIRM, 7, "fd00::77"), DHCP6_REPLY);
	assert_int_equal(status_of(&n, 0), DHCP6_SUCCESS);
	assert_int_equal(ask(&n, DHCP6_CONFIRM, 7, "fd00:0:0:1::77"), DHCP6_REPLY);
	assert_int_equal(status_of(&n, 0), DHCP6_NOT_ON_LINK);
	assert_int_equal(ask(&n, DHCP6_CONFIRM, 7, NULL), 0); /* §18.3.3 */
	assert_int_equal(stats_of(&n).n_silent, 1);
	net_end(&n);
}

static void release_gives_the_address_back_and_keeps_it_in_mind(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, NULL), DHCP6_REPLY);
	assert_int_equal(ask(&n, DHCP6_RELEASE, 7, "fd00::101"), DHCP6_REPLY); /* not its own */
	assert_int_equal(stats_of(&n).n_leases, 1);
	assert_int_equal(ask(&n, DHCP6_RELEASE, 7, "fd00::100"), DHCP6_REPLY);
	assert_int_equal(status_of(&n, 0), DHCP6_SUCCESS);
	assert_int_equal(stats_of(&n).n_leases, 0);
	assert_int_equal(ask(&n, DHCP6_RELEASE, 7, "fd00::100"), DHCP6_REPLY);
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_NA), DHCP6_NO_BINDING);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 8, NULL), DHCP6_REPLY);
	assert_given(&n, "fd00::101"); /* nobody's before somebody's */
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, NULL), DHCP6_REPLY);
	assert_given(&n, "fd00::100");
	net_end(&n);
}

static void declined_address_is_set_aside(void **state UNUSED)
{
	struct net n;

	net_start(&n);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, NULL), DHCP6_REPLY);
	assert_int_equal(ask(&n, DHCP6_DECLINE, 7, "fd00::100"), DHCP6_REPLY);
	assert_int_equal(stats_of(&n).n_declined, 1);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 7, "fd00::100"), DHCP6_REPLY);
	assert_given(&n, "fd00::101");
	world_advance(&n.w, (DHCP6_DECLINED_S + 1) * WORLD_SEC);
	assert_int_equal(ask(&n, DHCP6_REQUEST, 8, NULL), DHCP6_REPLY);
	assert_given(&n, "fd00::100");
	net_end(&n);
}

/* §16, §18.4 */
static void what_is_not_sent_to_the_group_is_dropped_or_told_to(void **state UNUSED)
{
	char local[WEFT_ADDR_STRLEN];
	struct weft_addr at = {.family = WEFT_AF_INET6};
	struct net n;
	struct msg m;

	net_start(&n);
	m = msg_new(DHCP6_SOLICIT);
	add_client(&m, 7);
	/* The source is then the client's own address of the prefix, or a link-local one. */
	assert_int_equal(answer_at(&n, &m, "fd00::2"), 0);
	assert_int_equal(stats_of(&n).n_not_local, 1);
	at.bytes[0] = 0xfe;
	at.bytes[1] = 0x80;
	memcpy(at.bytes + 8, n.server.b + 4, 3);
	at.bytes[8] ^= 2;
	at.bytes[11] = 0xff;
	at.bytes[12] = 0xfe;
	memcpy(at.bytes + 13, n.server.b + 7, 3);
	weft_addr_print(&at, local, sizeof(local));
	assert_int_equal(answer_at(&n, &m, local), 0);
	assert_int_equal(stats_of(&n).n_not_local, 2);
	m = asking(&n, DHCP6_REQUEST, 7, NULL);
	assert_int_equal(answer_at(&n, &m, local), DHCP6_REPLY);
	assert_int_equal(status_of(&n, 0), DHCP6_USE_MULTICAST);
	assert_int_equal(stats_of(&n).n_leases, 0);
	net_end(&n);
}

static void messages_for_others_and_incomplete_ones_are_dropped(void **state UNUSED)
{
	static const uint8_t other[] = {0, 3, 0, 1, 9, 9};
	struct net n;
	struct msg m;

	net_start(&n);
	m = msg_new(DHCP6_REQUEST);
	add_client(&m, 7);
	add(&m, DHCP6_OPT_SERVER_ID, other, sizeof(other));
	assert_int_equal(answer_to(&n, &m), 0);
	assert_int_equal(stats_of(&n).n_other, 1);
	/* Of each type: without any identifier, and with both. */
	for (uint8_t type = 0; type <= 13; type++) {
		bool may_be_bare = type == DHCP6_INFORMATION_REQUEST;
		bool has_both = type == DHCP6_REQUEST || type == DHCP6_RENEW ||
				type == DHCP6_RELEASE || type == DHCP6_DECLINE || may_be_bare;
		uint64_t n_malformed = stats_of(&n).n_malformed;

		m = msg_new(type);
		assert_int_equal(answer_to(&n, &m) != 0, may_be_bare);
		add_client(&m, 7);
		add_server(&m, &n);
		assert_int_equal(answer_to(&n, &m) != 0, has_both);
		assert_int_equal(stats_of(&n).n_malformed - n_malformed,
				 2 - may_be_bare - has_both);
	}
	net_end(&n);
}

static void stateless_server_gives_no_addresses(void **state UNUSED)
{
	struct net n;
	struct dhcp6_config cfg = config(&n);
	struct msg m = msg_new(DHCP6_INFORMATION_REQUEST);

	cfg.n_addrs = 0;
	net_start_with(&n, &cfg);
	add_wanted(&m);
	assert_int_equal(answer_to(&n, &m), DHCP6_REPLY);
	assert_true(has_option(&n, DHCP6_OPT_DNS));
	assert_int_equal(ask(&n, DHCP6_SOLICIT, 7, NULL), DHCP6_ADVERTISE);
	assert_int_equal(status_of(&n, DHCP6_OPT_IA_NA), DHCP6_NO_ADDRS);
	assert_int_equal(stats_of(&n).n_full, 0);
	net_end(&n);
}

/* In memory of just that size, so that a sanitizer sees a byte too many. */
static int read_exact(const uint8_t *b, size_t len, struct dhcp6_query *q)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, b, len);
	err = dhcp6_query_read(copy, len, q);
	free(copy);
	return err;
}

static void message_cut_anywhere_is_refused_or_has_lost_whole_options(void **state UNUSED)
{
	struct msg m = msg_new(DHCP6_SOLICIT);
	size_t whole[3];
	struct dhcp6_query q;

	add_client(&m, 7);
	whole[0] = m.len;
	add_ia(&m, DHCP6_OPT_IA_NA, 1, "fd00::100");
	whole[1] = m.len;
	add_wanted(&m);
	whole[2] = m.len;
	for (size_t len = 0; len <= m.len; len++) {
		bool is_whole = len == whole[0] || len == whole[1] || len == whole[2];

		assert_int_equal(read_exact(m.b, len, &q), is_whole ? 0 : -EBADMSG);
	}
	assert_int_equal(q.n_ias, 1);
	assert_int_equal(q.ias[0].iaid, 1);
	assert_int_equal(q.ias[0].n_addrs, 1);
	assert_int_equal(q.xid, 0x010203);
	assert_true(dhcp6_query_wants(&q, DHCP6_OPT_SEARCH));
	assert_false(dhcp6_query_wants(&q, DHCP6_OPT_STATUS));
}

static void what_is_repeated_or_of_a_wrong_length_is_refused(void **state UNUSED)
{
	static const uint8_t zeros[200];
	const struct {
		uint16_t option;
		size_t len;
		bool is_right;
	} cases[] = {
		{DHCP6_OPT_CLIENT_ID, 2, false},
		{DHCP6_OPT_CLIENT_ID, 3, true},
		{DHCP6_OPT_CLIENT_ID, DHCP6_DUID_MAX, true},
		{DHCP6_OPT_CLIENT_ID, DHCP6_DUID_MAX + 1, false},
	};
	struct dhcp6_query q;
	struct msg m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		m = msg_new(DHCP6_SOLICIT);
		add(&m, cases[i].option, zeros, cases[i].len);
		assert_int_equal(read_exact(m.b, m.len, &q), cases[i].is_right ? 0 : -EBADMSG);
	}
	m = msg_new(DHCP6_SOLICIT);
	add_client(&m, 7);
	add_client(&m, 7);
	assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
	for (size_t len = 0; len < 12; len++) {
		m = msg_new(DHCP6_SOLICIT);
		add_client(&m, 7);
		add(&m, DHCP6_OPT_IA_NA, zeros, len);
		assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
	}
	m = msg_new(DHCP6_SOLICIT);
	add_client(&m, 7);
	add_ia(&m, DHCP6_OPT_IA_NA, 1, NULL);
	add_ia(&m, DHCP6_OPT_IA_NA, 1, NULL); /* the same number */
	assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
	m = msg_new(DHCP6_SOLICIT);
	add_client(&m, 7);
	for (uint8_t i = 0; i < DHCP6_IAS_MAX; i++)
		add_ia(&m, DHCP6_OPT_IA_NA, i, NULL);
	assert_int_equal(read_exact(m.b, m.len, &q), 0);
	add_ia(&m, DHCP6_OPT_IA_NA, 99, NULL);
	assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
}

/* The largest of everything: the domains give way, nothing else does. */
static void reply_stays_within_what_every_link_carries(void **state UNUSED)
{
	struct dhcp6_query q = {.type = DHCP6_RENEW,
				.client.len = DHCP6_DUID_MAX,
				.wanted = {DHCP6_OPT_DNS, DHCP6_OPT_SEARCH, DHCP6_OPT_REFRESH_TIME},
				.n_wanted = 3};
	const struct dhcp6_duid server = {.len = DHCP6_DUID_MAX};
	struct dhcp6_params p = {.n_dns = DHCP6_DNS_MAX, .n_search = DHCP6_SEARCH_MAX};
	struct dhcp6_reply r = {.type = DHCP6_REPLY,
				.server = &server,
				.has_status = true,
				.status = DHCP6_NOT_ON_LINK,
				.n_ias = DHCP6_IAS_MAX,
				.rapid = true,
				.refresh_s = 1,
				.params = &p};
	char name[DHCP6_DOMAIN_MAX + 1] = "";
	struct net n;

	for (size_t i = 0; i < DHCP6_DOMAIN_MAX; i++)
		name[i] = i % 60 == 59 ? '.' : 'a';
	for (uint32_t i = 0; i < DHCP6_SEARCH_MAX; i++)
		p.search[i] = name;
	for (uint32_t i = 0; i < DHCP6_IAS_MAX; i++)
		r.ias[i] = (struct dhcp6_reply_ia){.kind = DHCP6_OPT_IA_NA,
						   .status = DHCP6_NOT_ON_LINK,
						   .has_addr = true,
						   .n_gone = DHCP6_IA_ADDRS_MAX};
	n.reply.len = dhcp6_reply_write(&q, &r, n.reply.b);
	assert_in_range(n.reply.len, 1000, DHCP6_MSG_MAX);
	assert_true(has_option(&n, DHCP6_OPT_DNS));
	assert_true(has_option(&n, DHCP6_OPT_REFRESH_TIME));
	assert_false(has_option(&n, DHCP6_OPT_SEARCH));
	r.n_ias = 0;
	n.reply.len = dhcp6_reply_write(&q, &r, n.reply.b);
	assert_true(has_option(&n, DHCP6_OPT_SEARCH));
}

static void settings_out_of_range_are_refused(void **state UNUSED)
{
	struct net n;
	struct dhcp6_config good = config(&n), bad[9];
	struct dhcp6 *d;

	world_start(&n.w);
	for (size_t i = 0; i < 9; i++)
		bad[i] = good;
	bad[0].prefix_len = 0;
	bad[1].prefix_len = 129;
	bad[2].n_addrs = DHCP6_POOL_MAX + 1;
	bad[3].first = world_addr("fd01::1");
	bad[4].first = world_addr("fd00::ffff:ffff"); /* the second would carry */
	bad[5].lease_s = 1;
	bad[6].search[1] = "a..b";
	bad[7].dns[0] = world_addr("10.0.0.1");
	bad[8].prefix_len = 128;
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(dhcp6_new(n.w.server_if, n.w.server, &bad[i], &d), -EINVAL);
	for (int i = 0; i < 8; i++) { /* without memory: an error, and nothing is left */
		int err;

		world_fail_after(&n.w, i);
		err = dhcp6_new(n.w.server_if, n.w.server, &good, &d);
		world_fail_after(&n.w, -1);
		if (!err)
			dhcp6_free(d);
	}
	assert_int_equal(dhcp6_new(n.w.server_if, n.w.server, &good, &d), 0);
	dhcp6_free(d);
	world_end(&n.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(solicit_is_advertised_the_first_address_and_request_has_it_leased),
		cmocka_unit_test(rapid_commit_leases_in_one_step),
		cmocka_unit_test(names_are_told_to_those_who_ask_for_them),
		cmocka_unit_test(renewal_extends_and_foreign_addresses_get_no_time),
		cmocka_unit_test(renewal_of_an_unknown_association_is_given_its_own_address),
		cmocka_unit_test(associations_beyond_the_range_are_told_until_a_lease_ends),
		cmocka_unit_test(associations_of_one_message_get_an_address_each),
		cmocka_unit_test(address_of_another_link_is_refused),
		cmocka_unit_test(confirm_says_whether_the_addresses_are_of_this_link),
		cmocka_unit_test(release_gives_the_address_back_and_keeps_it_in_mind),
		cmocka_unit_test(declined_address_is_set_aside),
		cmocka_unit_test(what_is_not_sent_to_the_group_is_dropped_or_told_to),
		cmocka_unit_test(messages_for_others_and_incomplete_ones_are_dropped),
		cmocka_unit_test(stateless_server_gives_no_addresses),
		cmocka_unit_test(message_cut_anywhere_is_refused_or_has_lost_whole_options),
		cmocka_unit_test(what_is_repeated_or_of_a_wrong_length_is_refused),
		cmocka_unit_test(reply_stays_within_what_every_link_carries),
		cmocka_unit_test(settings_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
