/* SPDX-License-Identifier: MIT */
/* The DHCP server (RFC 2131, RFC 2132), asked by a client of ours that has no address. */
#include "net/dhcp/dhcp.h"

#include "base/load.h"
#include "world.h"

enum {
	HDR_LEN = 240, /* with the cookie */
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_WANTED = 55,
	OPT_MAX = 57,
	OPT_ID = 61,
	OPT_RAPID = 80,
	OPT_SEARCH = 119,
};
#define ADDR(last) (10u << 24 | (last))

struct msg {
	uint8_t b[1500];
	size_t len;
};

struct net {
	struct world w;
	struct dhcp *dhcp;
	struct weft_sock *client;
	struct msg reply; /* the last one */
	struct weft_addr leased;
	int n_leased;
};

static struct msg msg_new(uint8_t type, uint8_t client)
{
	struct msg m = {.b = {1, 1, 6, [4] = 1, 2, 3, client}, .len = HDR_LEN + 3};

	m.b[28] = 2; /* the client's MAC */
	m.b[33] = client;
	store_be32(m.b + 236, 0x63825363);
	m.b[240] = OPT_TYPE;
	m.b[241] = 1;
	m.b[242] = type;
	return m;
}

static void msg_add(struct msg *m, uint8_t option, const void *data, uint8_t len)
{
	m->b[m->len++] = option;
	m->b[m->len++] = len;
	if (len)
		memcpy(m->b + m->len, data, len);
	m->len += len;
}

static void msg_add_u32(struct msg *m, uint8_t option, uint32_t v)
{
	uint8_t b[4];

	store_be32(b, v);
	msg_add(m, option, b, 4);
}

static void broadcast_wanted(struct msg *m)
{
	m->b[10] = 0x80;
}

/* The option's data, in one piece; NULL: it is not there. */
static const uint8_t *option_of(const struct msg *m, uint8_t option, uint8_t *ret_len)
{
	for (size_t i = HDR_LEN; i + 1 < m->len && m->b[i] != 255; i += 2u + m->b[i + 1]) {
		if (m->b[i] == option) {
			*ret_len = m->b[i + 1];
			return m->b + i + 2;
		}
	}
	return NULL;
}

static uint32_t u32_of(const struct msg *m, uint8_t option)
{
	uint8_t len;
	const uint8_t *p = option_of(m, option, &len);

	return p && len == 4 ? load_be32(p) : 0;
}

static void leased(void *arg, const struct weft_addr *addr, const uint8_t mac[6])
{
	struct net *n = arg;

	assert_int_equal(mac[0], 2);
	n->leased = *addr;
	n->n_leased++;
}

static struct dhcp_config config(struct net *n)
{
	return (struct dhcp_config){
		.server = world_addr("10.0.0.2"),
		.prefix_len = 24,
		.first = world_addr("10.0.0.100"),
		.n_addrs = 2,
		.lease_s = 600,
		.router = world_addr("10.0.0.2"),
		.dns = {world_addr("10.0.0.3"), world_addr("10.0.0.4")},
		.n_dns = 2,
		.search = {"example.org", "a.test"},
		.n_search = 2,
		.mtu = 1400,
		.on_lease = leased,
		.arg = n,
	};
}

static void net_start_with(struct net *n, const struct dhcp_config *cfg)
{
	struct weft_addr a = world_addr("10.0.0.1");

	world_start(&n->w);
	n->n_leased = 0;
	/* The client has no address, and takes what comes to its MAC for the one it will have. */
	assert_int_equal(weft_addr_del(n->w.client_if, &a, 24), 0);
	assert_int_equal(dhcp_new(n->w.server_if, n->w.server, cfg, &n->dhcp), 0);
	assert_int_equal(
		weft_socket(n->w.client, WEFT_AF_PACKET, WEFT_SOCK_DGRAM, 0x0800, &n->client), 0);
}

static void net_start(struct net *n)
{
	struct dhcp_config cfg = config(n);

	net_start_with(n, &cfg);
}

static void net_end(struct net *n)
{
	weft_close(n->client);
	dhcp_free(n->dhcp);
	world_end(&n->w);
}

static struct dhcp_stats stats_of(const struct net *n)
{
	struct dhcp_stats stats;

	dhcp_stats(n->dhcp, &stats);
	return stats;
}

static uint16_t ip_checksum(const uint8_t *hdr)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += load_be16(hdr + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* From 0.0.0.0, or from ciaddr, to all. */
static void ask(struct net *n, const struct msg *m)
{
	uint8_t pkt[20 + 8 + sizeof(m->b) + 1] = {0x45, [8] = 64, [9] = 17};
	struct weft_ll ll = {.protocol = 0x0800,
			     .ifindex = weft_netif_index(n->w.client_if),
			     .halen = 6,
			     .addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	struct weft_sockaddr to = weft_sockaddr_ll(&ll);
	size_t len = m->len + 1; /* and the end mark */

	store_be16(pkt + 2, (uint16_t)(28 + len));
	memcpy(pkt + 12, m->b + 12, 4);
	store_be32(pkt + 16, UINT32_MAX);
	store_be16(pkt + 10, ip_checksum(pkt));
	store_be16(pkt + 20, DHCP_CLIENT_PORT);
	store_be16(pkt + 22, DHCP_SERVER_PORT);
	store_be16(pkt + 24, (uint16_t)(8 + len));
	memcpy(pkt + 28, m->b, m->len);
	pkt[28 + m->len] = 255;
	assert_int_equal(weft_sendto(n->client, pkt, 28 + len, 0, &to), 28 + len);
	world_settle(&n->w);
}

/* The next reply: its type, 0: none; where it was sent to is in `ret_to`. */
static uint8_t reply_take(struct net *n, uint32_t *ret_to)
{
	uint8_t pkt[2000], len;
	ptrdiff_t got;

	while ((got = weft_recv(n->client, pkt, sizeof(pkt), 0)) >= 0) {
		const uint8_t *type;

		if (got < 28 + 300 || pkt[9] != 17 || load_be16(pkt + 22) != DHCP_CLIENT_PORT)
			continue;
		assert_int_equal(load_be32(pkt + 12), ADDR(2));
		*ret_to = load_be32(pkt + 16);
		n->reply.len = (size_t)got - 28;
		memcpy(n->reply.b, pkt + 28, n->reply.len);
		assert_int_equal(n->reply.b[0], 2);
		type = option_of(&n->reply, OPT_TYPE, &len);
		assert_non_null(type);
		return *type;
	}
	return 0;
}

static uint8_t answer_to(struct net *n, const struct msg *m)
{
	uint32_t to;

	ask(n, m);
	return reply_take(n, &to);
}

static uint32_t yiaddr(const struct net *n)
{
	return load_be32(n->reply.b + 16);
}

static uint8_t request(struct net *n, uint8_t client, uint32_t addr)
{
	struct msg m = msg_new(DHCP_REQUEST, client);

	msg_add_u32(&m, OPT_SERVER, ADDR(2));
	msg_add_u32(&m, OPT_REQUESTED, addr);
	return answer_to(n, &m);
}

static void
discover_is_offered_the_first_address_and_request_has_it_acknowledged(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 7);
	struct net n;
	uint32_t to;

	net_start(&n);
	ask(&n, &m);
	assert_int_equal(reply_take(&n, &to), DHCP_OFFER);
	assert_int_equal(to, ADDR(100)); /* to the client alone, which no ARP was asked for */
	assert_int_equal(yiaddr(&n), ADDR(100));
	assert_int_equal(n.n_leased, 0);
	assert_int_equal(request(&n, 7, ADDR(100)), DHCP_ACK);
	assert_int_equal(yiaddr(&n), ADDR(100));
	assert_int_equal(u32_of(&n.reply, OPT_SERVER), ADDR(2));
	assert_int_equal(u32_of(&n.reply, OPT_LEASE), 600);
	assert_int_equal(load_be32(n.reply.b + 4), load_be32(m.b + 4));
	assert_int_equal(n.n_leased, 1);
	assert_int_equal(n.leased.bytes[3], 100);
	net_end(&n);
}

static void broadcast_flag_has_the_answer_sent_to_all(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 7);
	struct net n;
	uint32_t to;

	net_start(&n);
	broadcast_wanted(&m);
	ask(&n, &m);
	assert_int_equal(reply_take(&n, &to), DHCP_OFFER);
	assert_int_equal(to, UINT32_MAX);
	net_end(&n);
}

static void ack_tells_all_that_is_configured(void **state UNUSED)
{
	static const uint8_t wanted[] = {1, 3, OPT_SEARCH}, id[] = {1, 2, 3};
	static const uint8_t search[] = "\7example\3org\0\1a\4test";
	struct msg m = msg_new(DHCP_DISCOVER, 7);
	const uint8_t *p;
	struct net n;
	uint8_t len;

	net_start(&n);
	msg_add(&m, OPT_WANTED, wanted, sizeof(wanted));
	msg_add(&m, OPT_ID, id, sizeof(id));
	assert_int_equal(answer_to(&n, &m), DHCP_OFFER);
	assert_int_equal(u32_of(&n.reply, 1), 0xffffff00);
	assert_int_equal(u32_of(&n.reply, 3), ADDR(2));
	assert_int_equal(u32_of(&n.reply, 28), ADDR(255));
	assert_int_equal(u32_of(&n.reply, 58), 300);
	assert_int_equal(u32_of(&n.reply, 59), 525);
	p = option_of(&n.reply, 6, &len);
	assert_non_null(p);
	assert_int_equal(len, 8);
	assert_int_equal(load_be32(p + 4), ADDR(4));
	p = option_of(&n.reply, 26, &len);
	assert_non_null(p);
	assert_int_equal(load_be16(p), 1400);
	p = option_of(&n.reply, 15, &len);
	assert_non_null(p);
	assert_memory_equal(p, "example.org", len);
	p = option_of(&n.reply, OPT_SEARCH, &len);
	assert_non_null(p);
	assert_int_equal(len, sizeof(search));
	assert_memory_equal(p, search, len);
	p = option_of(&n.reply, OPT_ID, &len); /* RFC 6842 */
	assert_non_null(p);
	assert_memory_equal(p, id, sizeof(id));
	net_end(&n);
}

/* The client configures itself. */
static void client_has(struct net *n, const char *text)
{
	struct weft_addr addr = world_addr(text);

	assert_int_equal(weft_addr_add(n->w.client_if, &addr, 24), 0);
}

static void renewal_is_answered_to_the_clients_address_and_extends_the_lease(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_REQUEST, 7);
	struct net n;
	uint32_t to;

	net_start(&n);
	assert_int_equal(request(&n, 7, ADDR(100)), DHCP_ACK);
	client_has(&n, "10.0.0.100");
	world_advance(&n.w, 500 * WORLD_SEC);
	store_be32(m.b + 12, ADDR(100));
	ask(&n, &m);
	assert_int_equal(reply_take(&n, &to), DHCP_ACK);
	assert_int_equal(to, ADDR(100));
	assert_int_equal(n.n_leased, 1);
	world_advance(&n.w, 500 * WORLD_SEC);
	assert_int_equal(request(&n, 8, ADDR(100)), DHCP_NAK);
	net_end(&n);
}

static void address_of_another_or_of_another_network_is_refused_to_all(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_REQUEST, 8);
	struct net n;
	uint32_t to;

	net_start(&n);
	assert_int_equal(request(&n, 7, ADDR(100)), DHCP_ACK);
	assert_int_equal(request(&n, 8, ADDR(100)), DHCP_NAK);
	msg_add_u32(&m, OPT_REQUESTED, 0xc0a80001);
	ask(&n, &m);
	assert_int_equal(reply_take(&n, &to), DHCP_NAK);
	assert_int_equal(to, UINT32_MAX);
	assert_int_equal(yiaddr(&n), 0);
	assert_int_equal(stats_of(&n).n_naks, 2);
	net_end(&n);
}

static void clients_beyond_the_range_get_no_answer_until_a_lease_ends(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 9);
	struct net n;

	net_start(&n);
	assert_int_equal(request(&n, 7, ADDR(100)), DHCP_ACK);
	assert_int_equal(request(&n, 8, ADDR(101)), DHCP_ACK);
	assert_int_equal(answer_to(&n, &m), 0);
	assert_int_equal(stats_of(&n).n_full, 1);
	world_advance(&n.w, 601 * WORLD_SEC);
	assert_int_equal(answer_to(&n, &m), DHCP_OFFER);
	assert_int_equal(yiaddr(&n), ADDR(100));
	net_end(&n);
}

static void client_that_comes_again_gets_what_it_had(void **state UNUSED)
{
	struct msg seven = msg_new(DHCP_DISCOVER, 7), eight = msg_new(DHCP_DISCOVER, 8);
	struct msg bye = msg_new(DHCP_RELEASE, 8);
	struct net n;

	net_start(&n);
	assert_int_equal(request(&n, 8, ADDR(101)), DHCP_ACK);
	msg_add_u32(&bye, OPT_SERVER, ADDR(2));
	store_be32(bye.b + 12, ADDR(101));
	assert_int_equal(answer_to(&n, &bye), 0);
	assert_int_equal(stats_of(&n).n_releases, 1);
	assert_int_equal(answer_to(&n, &seven), DHCP_OFFER);
	assert_int_equal(yiaddr(&n), ADDR(100)); /* nobody ever had it */
	assert_int_equal(answer_to(&n, &eight), DHCP_OFFER);
	assert_int_equal(yiaddr(&n), ADDR(101));
	net_end(&n);
}

static void declined_address_is_set_aside(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DECLINE, 7), again = msg_new(DHCP_DISCOVER, 7);
	struct net n;

	net_start(&n);
	assert_int_equal(request(&n, 7, ADDR(100)), DHCP_ACK);
	msg_add_u32(&m, OPT_SERVER, ADDR(2));
	msg_add_u32(&m, OPT_REQUESTED, ADDR(100));
	assert_int_equal(answer_to(&n, &m), 0);
	assert_int_equal(stats_of(&n).n_declines, 1);
	msg_add_u32(&again, OPT_REQUESTED, ADDR(100));
	assert_int_equal(answer_to(&n, &again), DHCP_OFFER);
	assert_int_equal(yiaddr(&n), ADDR(101));
	/* Another's is not its to decline. */
	m.b[33] = 8;
	store_be32(m.b + m.len - 4, ADDR(101));
	assert_int_equal(answer_to(&n, &m), 0);
	assert_int_equal(stats_of(&n).n_declines, 1);
	net_end(&n);
}

static void choice_of_another_server_gives_the_offer_back(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 7), r = msg_new(DHCP_REQUEST, 7);
	struct net n;

	net_start(&n);
	assert_int_equal(answer_to(&n, &m), DHCP_OFFER);
	assert_int_equal(request(&n, 8, ADDR(100)), DHCP_NAK);
	msg_add_u32(&r, OPT_SERVER, ADDR(77));
	msg_add_u32(&r, OPT_REQUESTED, ADDR(100));
	assert_int_equal(answer_to(&n, &r), 0);
	assert_int_equal(request(&n, 8, ADDR(100)), DHCP_ACK);
	net_end(&n);
}

static void offer_that_is_not_taken_ends(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 7);
	struct net n;

	net_start(&n);
	assert_int_equal(answer_to(&n, &m), DHCP_OFFER);
	world_advance(&n.w, (DHCP_OFFER_S + 1) * WORLD_SEC);
	assert_int_equal(request(&n, 8, ADDR(100)), DHCP_ACK);
	net_end(&n);
}

static void rapid_commit_is_acknowledged_at_once(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 7);
	struct net n;
	uint8_t len;

	net_start(&n);
	msg_add(&m, OPT_RAPID, NULL, 0);
	assert_int_equal(answer_to(&n, &m), DHCP_ACK);
	assert_non_null(option_of(&n.reply, OPT_RAPID, &len));
	assert_int_equal(n.n_leased, 1);
	net_end(&n);
}

static void inform_gets_settings_without_a_lease(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_INFORM, 7);
	struct net n;
	uint8_t len;

	net_start(&n);
	store_be32(m.b + 12, ADDR(100));
	client_has(&n, "10.0.0.100");
	assert_int_equal(answer_to(&n, &m), DHCP_ACK);
	assert_int_equal(yiaddr(&n), 0);
	assert_null(option_of(&n.reply, OPT_LEASE, &len));
	assert_non_null(option_of(&n.reply, 6, &len));
	net_end(&n);
}

static void what_a_relay_or_a_server_sends_is_not_answered(void **state UNUSED)
{
	struct msg m = msg_new(DHCP_DISCOVER, 7);
	struct net n;

	net_start(&n);
	m.b[27] = 1; /* giaddr */
	assert_int_equal(answer_to(&n, &m), 0);
	m = msg_new(DHCP_OFFER, 7);
	assert_int_equal(answer_to(&n, &m), 0);
	m = msg_new(DHCP_DISCOVER, 7);
	m.b[0] = 2;
	assert_int_equal(answer_to(&n, &m), 0);
	m = msg_new(DHCP_INFORM, 7);
	store_be32(m.b + 12, 0x08080808);
	assert_int_equal(answer_to(&n, &m), 0);
	assert_int_equal(stats_of(&n).n_invalid, 4);
	net_end(&n);
}

/* In memory of just that size, so that a sanitizer sees a byte too many. */
static int read_exact(const uint8_t *b, size_t len, struct dhcp_query *q)
{
	uint8_t *copy = malloc(len ? len : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, b, len);
	err = dhcp_query_read(copy, len, q);
	free(copy);
	return err;
}

static void message_cut_anywhere_is_refused_or_has_lost_whole_options(void **state UNUSED)
{
	static const uint8_t id[] = {1, 2, 3, 4, 5, 6, 7};
	struct msg m = msg_new(DHCP_REQUEST, 7);
	struct dhcp_query q;
	size_t whole[] = {243, 252, 258, 264};

	msg_add(&m, OPT_ID, id, sizeof(id));
	msg_add_u32(&m, OPT_REQUESTED, ADDR(100));
	msg_add_u32(&m, OPT_SERVER, ADDR(2));
	assert_int_equal(m.len, whole[3]);
	for (size_t len = 0; len <= m.len; len++) {
		bool is_whole = false;

		for (size_t i = 0; i < 4; i++)
			is_whole |= len == whole[i];
		assert_int_equal(read_exact(m.b, len, &q), is_whole ? 0 : -EBADMSG);
	}
	assert_int_equal(q.requested, ADDR(100));
	assert_int_equal(q.server, ADDR(2));
	assert_int_equal(q.id.len, sizeof(id));
}

static void options_are_read_from_file_and_sname_when_it_says_so(void **state UNUSED)
{
	static const uint8_t both = 3, two[] = {1, 2};
	static const uint8_t requested[] = {OPT_REQUESTED, 4, 10, 0, 0, 100};
	static const uint8_t half[] = {OPT_ID, 2, 3, 4, 255}; /* of the identifier: RFC 3396 */
	struct msg m = msg_new(DHCP_REQUEST, 7);
	struct dhcp_query q;
	uint8_t *sname = m.b + 44, *file = m.b + 108;

	msg_add(&m, OPT_ID, two, 2);
	memcpy(file, requested, sizeof(requested));
	memcpy(sname, half, sizeof(half));
	assert_int_equal(read_exact(m.b, m.len, &q), 0);
	assert_int_equal(q.requested, 0);
	msg_add(&m, OPT_OVERLOAD, &both, 1);
	assert_int_equal(read_exact(m.b, m.len, &q), 0);
	assert_int_equal(q.requested, ADDR(100));
	assert_int_equal(q.id.len, 4);
	assert_memory_equal(q.id.b, "\1\2\3\4", 4);
	sname[1] = 63; /* beyond the field */
	assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
}

static void options_of_wrong_lengths_are_refused(void **state UNUSED)
{
	static const uint8_t zeros[255],
		options[] = {OPT_REQUESTED, OPT_SERVER, OPT_TYPE, OPT_MAX, OPT_OVERLOAD};
	static const uint8_t right[] = {4, 4, 1, 2, 1};
	struct dhcp_query q;

	for (size_t i = 0; i < sizeof(options); i++)
		for (uint8_t len = 0; len < 8; len++) {
			struct msg m = msg_new(DHCP_REQUEST, 7);

			msg_add(&m, options[i], zeros, len);
			if (len != right[i])
				assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
			else if (options[i] != OPT_TYPE)
				assert_int_equal(read_exact(m.b, m.len, &q), 0);
		}
	struct msg m = msg_new(DHCP_REQUEST, 7);

	msg_add(&m, OPT_ID, zeros, 255);
	assert_int_equal(read_exact(m.b, m.len, &q), 0);
	msg_add(&m, OPT_ID, zeros, 1);
	assert_int_equal(read_exact(m.b, m.len, &q), -EBADMSG);
}

/* What does not fit into what a client takes is left out whole. */
static void reply_stays_within_what_the_client_takes(void **state UNUSED)
{
	static char long_name[DHCP_DOMAIN_MAX + 1];
	struct dhcp_params p = {.netmask = 1, .n_search = DHCP_SEARCH_MAX};
	struct dhcp_reply r = {.type = DHCP_ACK, .yiaddr = 1, .lease_s = 60, .params = &p};
	struct dhcp_query q = {.type = DHCP_REQUEST, .wanted = {OPT_SEARCH}, .n_wanted = 1};
	uint8_t buf[DHCP_MSG_MAX];
	uint8_t len;
	struct msg m;

	memset(long_name, 'a', 61);
	long_name[61] = '.';
	memset(long_name + 62, 'b', 61);
	for (size_t i = 0; i < DHCP_SEARCH_MAX; i++)
		p.search[i] = long_name;
	for (q.max_bytes = DHCP_MSG_SMALL; q.max_bytes <= DHCP_MSG_MAX; q.max_bytes++) {
		m.len = dhcp_reply_write(&q, &r, buf);
		assert_in_range(m.len, DHCP_MSG_MIN, q.max_bytes);
		memcpy(m.b, buf, m.len);
		assert_non_null(option_of(&m, 1, &len));
		assert_non_null(memchr(m.b + HDR_LEN, 255, m.len - HDR_LEN));
	}
	assert_non_null(option_of(&m, OPT_SEARCH, &len)); /* in pieces of 255 */
	assert_int_equal(len, 255);
}

static void settings_out_of_range_are_refused(void **state UNUSED)
{
	struct net n;
	struct dhcp_config good = config(&n), bad[10];
	struct dhcp *d;

	world_start(&n.w);
	for (size_t i = 0; i < 10; i++)
		bad[i] = good;
	bad[0].prefix_len = 31;
	bad[1].prefix_len = 0;
	bad[2].n_addrs = 0;
	bad[3].n_addrs = DHCP_POOL_MAX + 1;
	bad[4].first = world_addr("10.0.1.1");   /* another link's */
	bad[5].first = world_addr("10.0.0.254"); /* with the broadcast address */
	bad[6].first = world_addr("10.0.0.1");   /* with ours */
	bad[7].search[1] = "a..b";
	bad[8].lease_s = 1;
	bad[9].server.family = WEFT_AF_UNSPEC;
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(dhcp_new(n.w.server_if, n.w.server, &bad[i], &d), -EINVAL);
	assert_int_equal(dhcp_new(n.w.server_if, n.w.server, &good, &d), 0);
	dhcp_free(d);
	world_end(&n.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			discover_is_offered_the_first_address_and_request_has_it_acknowledged),
		cmocka_unit_test(broadcast_flag_has_the_answer_sent_to_all),
		cmocka_unit_test(ack_tells_all_that_is_configured),
		cmocka_unit_test(renewal_is_answered_to_the_clients_address_and_extends_the_lease),
		cmocka_unit_test(address_of_another_or_of_another_network_is_refused_to_all),
		cmocka_unit_test(clients_beyond_the_range_get_no_answer_until_a_lease_ends),
		cmocka_unit_test(client_that_comes_again_gets_what_it_had),
		cmocka_unit_test(declined_address_is_set_aside),
		cmocka_unit_test(choice_of_another_server_gives_the_offer_back),
		cmocka_unit_test(offer_that_is_not_taken_ends),
		cmocka_unit_test(rapid_commit_is_acknowledged_at_once),
		cmocka_unit_test(inform_gets_settings_without_a_lease),
		cmocka_unit_test(what_a_relay_or_a_server_sends_is_not_answered),
		cmocka_unit_test(message_cut_anywhere_is_refused_or_has_lost_whole_options),
		cmocka_unit_test(options_are_read_from_file_and_sname_when_it_says_so),
		cmocka_unit_test(options_of_wrong_lengths_are_refused),
		cmocka_unit_test(reply_stays_within_what_the_client_takes),
		cmocka_unit_test(settings_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
