/* SPDX-License-Identifier: MIT */
/*
 * Floods of what a stranger on the link can send to the Internet layer: fragments, ARP, neighbour
 * discovery, reports and queries of groups, router advertisements. What is kept stays within its
 * documented bound, and a TCP connection keeps at least half of its rate.
 *
 * A client sends to a server as fast as this program can carry its frames, and in the windows that
 * are flooded so does the stranger: both have always a frame to send, and the wire serves them in
 * turn, as a switch or driver with a queue for each does. So there are as many of the stranger's
 * frames as of the client's with data, and a frame of his may cost as much as one of those, from
 * its application to the server's and with what is acknowledged. Flooded windows and quiet ones
 * take turns, and processor time is compared, so that a busy machine slows both.
 *
 * WEFT_TEST_FLOOD_MS sets how long each flood lasts (of processor time), and
 * WEFT_TEST_FLOOD_PERCENT which share of its rate the connection must keep: 0 by default, since an
 * allocator that looks for mistakes says nothing about work. The suite `long` runs it with 50 for
 * 10 s a flood, the suite `interop` for half a second with 40: few windows, beside other tests.
 */
#include "unit.h"

#include <time.h>

#include "api/api_priv.h"
#include "core/engine.h"
#include "ip/ip4.h"
#include "ip/ip6.h"
#include "ip/mcast.h"
#include "ip/ra.h"
#include "link/neigh.h"
#include "prng.h"
#include "transport/tcp/tcp.h"
#include "weft/weft.h"
#include "wire/eth.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/nd.h"

enum {
	FRAME_MAX = 1514,
	QUEUE_MAX = 4096,
	STRANGER_MAX = 1024,
	TURN_FRAMES = 128,
	DATA_LEN = 1000, /* frames from here on have data */
	CHUNK = 64 * 1024,
	WINDOW_MS = 2,
	FLOOD_MS = 60,
	PAIRS_MAX = 3000,
	TURN_NS = 20000, /* virtual time of a turn */
	PORT = 9,
	MEM_MORE = 12 * 1024 * 1024, /* twice 4 MB of fragments, tables, queues */
};

struct frame {
	bool to_server;
	uint16_t len;
	uint8_t bytes[FRAME_MAX];
};

struct net {
	struct frame *stranger; /* STRANGER_MAX frames that are ready to be sent; their making costs
				   nobody who is measured */
	uint32_t next_stranger;
	struct weft_engine *eng;
	struct weft_stack *client, *server;
	struct weft_netif *cnif, *snif;
	struct weft_sock *tx, *rx, *listener;
	struct frame *queue; /* a ring of QUEUE_MAX */
	uint32_t head, tail;
	uint64_t n_received, n_flood;
	uint32_t n_heard;
	uint64_t tcp_bytes; /* the most that the connection was seen to hold */
	int64_t now_ns;
	struct prng prng;
	uint8_t data[CHUNK];
};

/* What a stranger sends next: its frame's length. */
typedef size_t flood_fn(struct net *n, uint8_t *p);

static const uint8_t client_mac[6] = {2, 0, 0, 0, 0, 1}, server_mac[6] = {2, 0, 0, 0, 0, 2};

/*
 * The wire.
 */

static void wire_put(struct net *n, bool to_server, const void *bytes, size_t len)
{
	struct frame *f = &n->queue[n->head % QUEUE_MAX];

	if (n->head - n->tail == QUEUE_MAX || len > FRAME_MAX)
		return;
	f->to_server = to_server;
	f->len = (uint16_t)len;
	memcpy(f->bytes, bytes, len);
	n->head++;
}

static int client_sends(void *arg, const void *bytes, size_t len)
{
	wire_put(arg, true, bytes, len);
	return 0;
}

/* What it answers to strangers is lost. */
static int server_sends(void *arg, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	if (memcmp(p, client_mac, 6) == 0 || (p[0] & 1))
		wire_put(arg, false, bytes, len);
	return 0;
}

static void stranger_prepare(struct net *n, flood_fn *flood)
{
	for (uint32_t i = 0; i < STRANGER_MAX; i++)
		n->stranger[i].len = (uint16_t)flood(n, n->stranger[i].bytes);
}

static void stranger_sends(struct net *n)
{
	const struct frame *f = &n->stranger[n->next_stranger++ % STRANGER_MAX];

	n->n_flood++;
	(void)!weft_netif_rx(n->snif, f->bytes, f->len);
}

static void wire_carry(struct net *n, bool is_loud)
{
	for (int i = 0; i < TURN_FRAMES && n->tail != n->head; i++) {
		struct frame *f = &n->queue[n->tail++ % QUEUE_MAX];
		struct weft_netif *to = f->to_server ? n->snif : n->cnif;

		(void)!weft_netif_rx(to, f->bytes, f->len);
		if (is_loud && f->to_server && f->len >= DATA_LEN)
			stranger_sends(n);
	}
}

/*
 * The connection.
 */

static void fill(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct net *n = arg;

	while (weft_send(s, n->data, CHUNK, 0) > 0)
		;
}

static void drain(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct net *n = arg;
	ptrdiff_t len;

	while ((len = weft_recv(s, n->data, CHUNK, 0)) > 0)
		n->n_received += (uint64_t)len;
}

static void take(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	struct net *n = arg;

	assert_int_equal(weft_accept(s, &n->rx, NULL), 0);
	weft_on_event(n->rx, drain, n);
}

static void turn(struct net *n, bool is_loud)
{
	wire_carry(n, is_loud);
	n->now_ns += TURN_NS;
	while (weft_engine_run(n->eng, n->now_ns))
		;
}

static void addr_add(struct weft_netif *nif, const char *prefix)
{
	struct weft_addr a;
	uint8_t len;

	assert_int_equal(weft_prefix_parse(prefix, &a, &len), 0);
	assert_int_equal(weft_addr_add(nif, &a, len), 0);
}

static void neigh_add(struct weft_netif *nif, const char *addr, const uint8_t mac[6])
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(addr, &a), 0);
	assert_int_equal(weft_neigh_add(nif, &a, mac), 0);
}

static void connect_both(struct net *n, bool is_ip6)
{
	struct weft_sockaddr sa = {.addr.family = is_ip6 ? WEFT_AF_INET6 : WEFT_AF_INET,
				   .port = PORT};

	assert_int_equal(weft_socket(n->server, sa.addr.family, WEFT_SOCK_STREAM, 0, &n->listener),
			 0);
	assert_int_equal(weft_bind(n->listener, &sa), 0);
	assert_int_equal(weft_listen(n->listener, 1), 0);
	weft_on_event(n->listener, take, n);
	assert_int_equal(weft_addr_parse(is_ip6 ? "2001:db8::2" : "10.0.0.2", &sa.addr), 0);
	assert_int_equal(weft_socket(n->client, sa.addr.family, WEFT_SOCK_STREAM, 0, &n->tx), 0);
	weft_on_event(n->tx, fill, n);
	assert_int_equal(weft_connect(n->tx, &sa), -EINPROGRESS);
}

static struct net *net_new(bool is_ip6)
{
	static const struct weft_frame_ops client_ops = {.tx = client_sends};
	static const struct weft_frame_ops server_ops = {.tx = server_sends};
	const struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	n->queue = calloc(QUEUE_MAX, sizeof(*n->queue));
	n->stranger = calloc(STRANGER_MAX, sizeof(*n->stranger));
	assert_true(n->queue && n->stranger);
	n->prng.x = 7;
	assert_int_equal(weft_engine_new(&cfg, &n->eng), 0);
	assert_int_equal(weft_stack_new(n->eng, "client", &n->client), 0);
	assert_int_equal(weft_stack_new(n->eng, "server", &n->server), 0);
	assert_int_equal(
		weft_netif_new(n->client, "eth0", client_mac, 1500, &client_ops, n, &n->cnif), 0);
	assert_int_equal(
		weft_netif_new(n->server, "eth0", server_mac, 1500, &server_ops, n, &n->snif), 0);
	addr_add(n->cnif, "10.0.0.1/16");
	addr_add(n->snif, "10.0.0.2/16");
	addr_add(n->cnif, "2001:db8::1/64");
	addr_add(n->snif, "2001:db8::2/64");
	neigh_add(n->snif, "10.0.0.1", client_mac);
	neigh_add(n->snif, "2001:db8::1", client_mac);
	neigh_add(n->cnif, "10.0.0.2", server_mac);
	neigh_add(n->cnif, "2001:db8::2", server_mac);
	assert_int_equal(weft_stack_set(n->server, "net.ipv4.igmp_querier", 1), 0);
	connect_both(n, is_ip6);
	return n;
}

static void net_free(struct net *n)
{
	struct weft_engine_stats s;

	weft_close(n->tx);
	weft_close(n->rx);
	weft_close(n->listener);
	weft_stack_free(n->client);
	weft_stack_free(n->server);
	weft_engine_stats(n->eng, &s);
	assert_int_equal(s.pkts_used, 0);
	assert_int_equal(s.bufs_used, 0);
	weft_engine_free(n->eng);
	free(n->queue);
	free(n->stranger);
	free(n);
}

/*
 * Measuring.
 */

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Bytes a millisecond that arrive in a window. */
static uint64_t window(struct net *n, bool is_loud)
{
	int64_t begin_ns = cpu_ns(), took_ns;
	uint64_t before = n->n_received;

	do {
		turn(n, is_loud);
		took_ns = cpu_ns() - begin_ns;
	} while (took_ns < WINDOW_MS * INT64_C(1000000));
	return (n->n_received - before) * 1000000 / (uint64_t)took_ns;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[n / 2];
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *env = getenv(name);

	return env ? strtoull(env, NULL, 10) : otherwise;
}

static size_t n_pairs(void)
{
	size_t n = setting("WEFT_TEST_FLOOD_MS", FLOOD_MS) / (2 * WINDOW_MS) + 1;

	return n < PAIRS_MAX ? n : PAIRS_MAX;
}

static void count_heard(void *arg, const struct weft_group_info *info)
{
	struct net *n = arg;

	n->n_heard += info->is_heard;
}

static void assert_bounds(struct net *n)
{
	const struct stack *st = stack_of(n->server);
	const struct netif *nif = netif_of(n->snif);
	const struct ra_if *ra = nif->ip6->ra;
	uint64_t tcp_bytes = st->tcp->mem_bytes + stack_of(n->client)->tcp->mem_bytes;

	if (tcp_bytes > n->tcp_bytes)
		n->tcp_bytes = tcp_bytes;
	assert_true(st->ip4->reasm.mem_bytes <= st->ip4->reasm.conf.high_thresh);
	assert_true(st->ip6->reasm.mem_bytes <= st->ip6->reasm.conf.high_thresh);
	assert_true(neigh_n_entries(st) <= 1024);
	for (int i = 0; i < 2; i++)
		assert_true(nif->mcast->side[i].n_groups <= MCAST_GROUPS_MAX);
	n->n_heard = 0;
	weft_groups(n->server, count_heard, n);
	assert_true(n->n_heard <= 2 * MCAST_HEARD_MAX);
	if (!ra)
		return;
	assert_true(ra->n_routes[RA_ROUTER] <= RA_ROUTERS_MAX);
	assert_true(ra->n_routes[RA_ROUTE] <= RA_ROUTES_MAX);
	assert_true(ra->n_routes[RA_PREFIX] <= RA_PREFIXES_MAX);
	assert_true(ra->n_servers <= RA_DNS_MAX && ra->n_domains <= RA_SEARCH_MAX);
}

/* `counter` shows that the flood arrived where it should; NULL: there is none. */
static void flooded(const char *what, bool is_ip6, flood_fn *flood, const char *counter)
{
	static uint64_t quiet[PAIRS_MAX], loud[PAIRS_MAX];
	struct net *n = net_new(is_ip6);
	struct weft_engine_stats before, after;
	uint64_t share;
	size_t pairs = n_pairs();

	for (int i = 0; i < 1000; i++) /* up to its speed */
		turn(n, false);
	weft_engine_stats(n->eng, &before);
	for (size_t i = 0; i < pairs; i++) {
		quiet[i] = window(n, false);
		stranger_prepare(n, flood);
		loud[i] = window(n, true);
		assert_bounds(n);
	}
	share = median(loud, pairs) * 100 / median(quiet, pairs);
	weft_engine_stats(n->eng, &after);
	print_message("# %s: the connection keeps %u %% of its rate among %u frames, %u KiB more "
		      "at most\n",
		      what, (unsigned int)share, (unsigned int)n->n_flood,
		      (unsigned int)((after.mem_peak_bytes - before.mem_bytes) / 1024));
	assert_true(share >= setting("WEFT_TEST_FLOOD_PERCENT", 0));
	/* Buffers that grow with a rate are none of the flood's; between two looks, twice of it. */
	assert_true(after.mem_peak_bytes <= before.mem_bytes + MEM_MORE + 2 * n->tcp_bytes);
	assert_true(n->n_flood > 1000);
	assert_true(!counter || weft_stack_counter(n->server, counter) >= n->n_flood / 2);
	net_free(n);
}

/*
 * The frames.
 */

/* The checksum of a message: `sum` is that of its pseudo-header. */
static uint16_t checksum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += load_be16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint8_t *frame_eth(uint8_t *p, const uint8_t dst[6], uint16_t type, uint32_t who)
{
	memcpy(p, dst, 6);
	memcpy(p + 6, (uint8_t[]){2, 1}, 2);
	store_be32(p + 8, who);
	store_be16(p + 12, type);
	return p + 14;
}

static uint32_t some(struct net *n)
{
	return (uint32_t)prng_u64(&n->prng);
}

static uint8_t *frame_ip4(struct net *n, uint8_t *p, const uint8_t mac[6], struct ip4_hdr hdr)
{
	p = frame_eth(p, mac, ETHERTYPE_IPV4, some(n));
	hdr.hdr_len = IP4_HDR_LEN;
	ip4_hdr_write(p, &hdr);
	ip4_hdr_csum_set(p, IP4_HDR_LEN);
	return p + IP4_HDR_LEN;
}

static struct ip6_addr link_local(uint32_t who)
{
	struct ip6_addr a = {.b = {0xfe, 0x80}};

	store_be32(a.b + 12, who);
	return a;
}

static struct ip6_addr on_link(uint32_t who)
{
	struct ip6_addr a = {.b = {0x20, 1, 0x0d, 0xb8}};

	store_be32(a.b + 12, who | 0x1000000);
	return a;
}

static uint8_t *frame_ip6(struct net *n, uint8_t *p, const uint8_t mac[6], struct ip6_hdr hdr)
{
	p = frame_eth(p, mac, ETHERTYPE_IPV6, some(n));
	ip6_hdr_write(p, &hdr);
	return p + IP6_HDR_LEN;
}

/* Completes the checksum of an ICMPv6 message of `len` bytes at `p`, whose header is at `ip`. */
static void icmp6_complete(const uint8_t *ip, uint8_t *p, size_t len)
{
	uint32_t sum = IP_PROTO_ICMPV6 + (uint32_t)len;

	for (int i = 8; i < 40; i += 2)
		sum += load_be16(ip + i);
	store_be16(p + 2, 0);
	icmp6_csum_store(p, checksum(p, len, sum));
}

static const struct ip6_addr server6 = {.b = {0x20, 1, 0x0d, 0xb8, [15] = 2}};
static const struct ip4_addr server4 = {{10, 0, 0, 2}};

/* The least and the most that a fragment carries here: who floods does not send much in each. */
static uint16_t fragment_size(struct net *n)
{
	return (uint16_t)(8 * (1 + some(n) % 64));
}

static size_t fragment4(struct net *n, uint8_t *p)
{
	uint16_t len = fragment_size(n);
	uint8_t *end = frame_ip4(n, p, server_mac,
				 (struct ip4_hdr){.tot_len = (uint16_t)(IP4_HDR_LEN + len),
						  .id = (uint16_t)some(n),
						  .frag_off = (uint16_t)(8 * (some(n) % 8)),
						  .mf = true,
						  .ttl = 64,
						  .proto = IP_PROTO_UDP,
						  .src = {{10, 0, 9, (uint8_t)some(n)}},
						  .dst = server4});

	memset(end, 0, len);
	return (size_t)(end - p) + len;
}

static size_t fragment6(struct net *n, uint8_t *p)
{
	uint16_t len = fragment_size(n);
	uint8_t *end = frame_ip6(n, p, server_mac,
				 (struct ip6_hdr){.payload_len = (uint16_t)(8 + len),
						  .next_hdr = IP_PROTO_FRAGMENT,
						  .hop_limit = 64,
						  .src = on_link(some(n) % 256),
						  .dst = server6});

	memset(end, 0, 8u + len);
	end[0] = IP_PROTO_UDP;
	store_be16(end + 2, (uint16_t)(8 * (some(n) % 8) | 1));
	store_be32(end + 4, some(n));
	return (size_t)(end - p) + 8 + len;
}

/* Everybody on the link asks for the server: each becomes a neighbour. */
static size_t arp_request(struct net *n, uint8_t *p)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1};
	uint8_t *end = frame_eth(p, all, ETHERTYPE_ARP, some(n));

	memset(end, 0, 28);
	memcpy(end, head, sizeof(head));
	memcpy(end + 8, p + 6, 6);
	memcpy(end + 14,
	       (uint8_t[]){10, 0, (uint8_t)(1 + some(n) % 200), (uint8_t)(1 + some(n) % 250)}, 4);
	memcpy(end + 24, server4.b, 4);
	return 14 + 28;
}

/* The server has to answer strangers that are not there: it asks for each. */
static size_t echo_of_strangers(struct net *n, uint8_t *p)
{
	uint8_t *ip = p + 14, *end;

	end = frame_ip6(n, p, server_mac,
			(struct ip6_hdr){.payload_len = 16,
					 .next_hdr = IP_PROTO_ICMPV6,
					 .hop_limit = 64,
					 .src = on_link(some(n) & 0xffffff),
					 .dst = server6});
	memset(end, 0, 16);
	end[0] = ICMP6_ECHO;
	icmp6_complete(ip, end, 16);
	return (size_t)(end - p) + 16;
}

static size_t solicitation(struct net *n, uint8_t *p)
{
	struct eth_addr mac = {.b = {2, 9, 1, 2, 3, (uint8_t)some(n)}};
	uint8_t *ip = p + 14, *end;
	struct wr w;

	end = frame_ip6(n, p, server_mac,
			(struct ip6_hdr){.payload_len = ND_NS_LEN + ND_LLADDR_OPT_LEN,
					 .next_hdr = IP_PROTO_ICMPV6,
					 .hop_limit = ND_HOP_LIMIT,
					 .src = on_link(some(n) & 0xffffff),
					 .dst = server6});
	memset(end, 0, 8);
	end[0] = ICMP6_NEIGH_SOLICIT;
	memcpy(end + 8, &server6, sizeof(server6));
	w = wr_make(end + ND_NS_LEN, ND_LLADDR_OPT_LEN);
	nd_opt_lladdr_write(&w, ND_OPT_SRC_LLADDR, &mac);
	icmp6_complete(ip, end, ND_NS_LEN + ND_LLADDR_OPT_LEN);
	return (size_t)(end - p) + ND_NS_LEN + ND_LLADDR_OPT_LEN;
}

/* Another router each time, with another prefix, route, server. */
static size_t router(struct net *n, uint8_t *p)
{
	static const uint8_t all[6] = {0x33, 0x33, 0, 0, 0, 1};
	struct nd_prefix prefix = {.prefix = {.b = {0x20, 2}},
				   .len = 64,
				   .on_link = true,
				   .autonomous = true,
				   .valid_s = 600,
				   .preferred_s = 600};
	struct nd_route route = {.prefix = {.b = {0x20, 3}}, .len = 64, .lifetime_s = 600};
	struct ip6_addr server = on_link(some(n) & 0xffffff);
	uint8_t *ip = p + 14, *end;
	struct nd_ra ra = {.router_lifetime_s = 600};
	size_t len = ND_RA_LEN + ND_PREFIX_OPT_LEN + 16 + 24;
	struct wr w;

	store_be32(prefix.prefix.b + 4, some(n));
	store_be32(route.prefix.b + 4, some(n));
	end = frame_ip6(n, p, all,
			(struct ip6_hdr){.payload_len = (uint16_t)len,
					 .next_hdr = IP_PROTO_ICMPV6,
					 .hop_limit = ND_HOP_LIMIT,
					 .src = link_local(some(n)),
					 .dst = {.b = {0xff, 2, [15] = 1}}});
	memset(end, 0, 8);
	end[0] = ICMP6_ROUTER_ADVERT;
	store_be32(end + 4, nd_ra_rest(&ra));
	w = wr_make(end + 8, len - 8);
	nd_ra_write(&w, &ra);
	nd_opt_prefix_write(&w, &prefix);
	nd_opt_route_write(&w, &route);
	nd_opt_rdnss_write(&w, &server, 1, 600);
	assert_true(wr_ok(&w) && (size_t)(w.p - end) == len);
	icmp6_complete(ip, end, len);
	return (size_t)(end - p) + len;
}

static size_t igmp(struct net *n, uint8_t *p, uint8_t type, struct ip4_addr group)
{
	uint8_t mac[6] = {1, 0, 0x5e, group.b[1] & 0x7f, group.b[2], group.b[3]};
	struct ip4_addr dst = type == 0x11 ? (struct ip4_addr){{224, 0, 0, 1}} : group;
	uint8_t *end;

	if (type == 0x11)
		memcpy(mac, (uint8_t[]){1, 0, 0x5e, 0, 0, 1}, 6);
	end = frame_ip4(n, p, mac,
			(struct ip4_hdr){.tot_len = 28,
					 .ttl = 1,
					 .proto = IP_PROTO_IGMP,
					 .src = {{10, 0, 8, (uint8_t)some(n)}},
					 .dst = dst});
	memset(end, 0, 8);
	end[0] = type;
	end[1] = type == 0x11 ? 1 : 0;
	if (type != 0x11)
		memcpy(end + 4, group.b, 4);
	store_be16(end + 2, checksum(end, 8, 0));
	return (size_t)(end - p) + 8;
}

/* The server asks as routers do, and remembers who is heard. */
static size_t report4(struct net *n, uint8_t *p)
{
	uint32_t r = some(n);

	return igmp(n, p, 0x16,
		    (struct ip4_addr){{239, (uint8_t)(r >> 16), (uint8_t)(r >> 8), (uint8_t)r}});
}

static size_t query4(struct net *n, uint8_t *p)
{
	return igmp(n, p, 0x11, (struct ip4_addr){{0}});
}

static size_t mld(struct net *n, uint8_t *p, uint8_t type, struct ip6_addr group)
{
	struct ip6_addr dst =
		type == ICMP6_MLD_QUERY ? (struct ip6_addr){.b = {0xff, 2, [15] = 1}} : group;
	uint8_t mac[6] = {0x33, 0x33, dst.b[12], dst.b[13], dst.b[14], dst.b[15]};
	uint8_t *ip = p + 14, *end;

	end = frame_ip6(n, p, mac,
			(struct ip6_hdr){.payload_len = 8 + 24,
					 .next_hdr = IP_PROTO_HOPOPTS,
					 .hop_limit = 1,
					 .src = link_local(some(n)),
					 .dst = dst});
	memcpy(end, (uint8_t[]){IP_PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0}, 8);
	end += 8;
	memset(end, 0, 24);
	end[0] = type;
	end[5] = 100;
	if (type != ICMP6_MLD_QUERY)
		memcpy(end + 8, &group, sizeof(group));
	icmp6_complete(ip, end, 24);
	return (size_t)(end - p) + 24;
}

static size_t report6(struct net *n, uint8_t *p)
{
	struct ip6_addr group = {.b = {0xff, 0x15}};

	store_be32(group.b + 12, some(n));
	return mld(n, p, ICMP6_MLD_REPORT, group);
}

static size_t query6(struct net *n, uint8_t *p)
{
	return mld(n, p, ICMP6_MLD_QUERY, (struct ip6_addr){{0}});
}

/*
 * The floods.
 */

static void fragments_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("fragments", false, fragment4, "IpReasmReqds");
}

static void fragments_of_ipv6_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("fragments of IPv6", true, fragment6, "Ip6ReasmReqds");
}

static void arp_leaves_the_connection_its_rate(void **state UNUSED)
{
	flooded("ARP", false, arp_request, "ArpInRequests");
}

static void solicitations_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("solicitations", true, solicitation, "Icmp6InNeighborSolicits");
}

static void strangers_that_are_not_there_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("echo requests", true, echo_of_strangers, "Icmp6InEchos");
}

static void router_advertisements_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("router advertisements", true, router, "Icmp6InRouterAdvertisements");
}

static void reports_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("reports of IGMP", false, report4, NULL);
}

static void queries_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("queries of IGMP", false, query4, NULL);
}

static void reports_of_ipv6_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("reports of MLD", true, report6, NULL);
}

static void queries_of_ipv6_leave_the_connection_its_rate(void **state UNUSED)
{
	flooded("queries of MLD", true, query6, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_leave_the_connection_its_rate),
		cmocka_unit_test(fragments_of_ipv6_leave_the_connection_its_rate),
		cmocka_unit_test(arp_leaves_the_connection_its_rate),
		cmocka_unit_test(solicitations_leave_the_connection_its_rate),
		cmocka_unit_test(strangers_that_are_not_there_leave_the_connection_its_rate),
		cmocka_unit_test(router_advertisements_leave_the_connection_its_rate),
		cmocka_unit_test(reports_leave_the_connection_its_rate),
		cmocka_unit_test(queries_leave_the_connection_its_rate),
		cmocka_unit_test(reports_of_ipv6_leave_the_connection_its_rate),
		cmocka_unit_test(queries_of_ipv6_leave_the_connection_its_rate),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
