/* SPDX-License-Identifier: MIT */
/*
 * Every function of libweft, with every allocation made to fail in turn.
 *
 * A tour calls each function of the public headers of libweft at least once (covers.py compares
 * with include/abi.txt), on two hosts in virtual time. It is run once to count its allocations,
 * then once for each of them, which fails. The call that it happens to either says so with one of
 * the errors that the headers have for it, and succeeds when it is made again, since no other
 * allocation fails; or it does not notice, and all goes on. At the end nothing is left.
 *
 *	tour [STEP]   every STEPth allocation (1)
 */
#include <string.h>

#include "inject.h"
#include "weft/weft.h"

#define NS_PER_MS INT64_C(1000000)

static struct {
	size_t n_bytes;
	int64_t now_ns;
	struct weft_engine *eng;
	struct weft_stack *a, *b;
	struct weft_netif *na, *nb, *app;
	uint32_t n_calls; /* of callbacks */
	const char *at;
} t;

static void *tour_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	(void)ctx;
	if (new_bytes > old_bytes && inject_fails(ptr, old_bytes, new_bytes))
		return NULL;
	inj.has_freed = inj.has_freed || !new_bytes;
	t.n_bytes += new_bytes - old_bytes;
	if (new_bytes)
		return realloc(ptr, new_bytes);
	free(ptr);
	return NULL;
}

static void settle(int64_t ns)
{
	int64_t end_ns = t.now_ns + ns, at_ns;

	while ((at_ns = weft_engine_next_ns(t.eng)) < end_ns) {
		t.now_ns = at_ns > t.now_ns ? at_ns : t.now_ns;
		while (weft_engine_run(t.eng, t.now_ns))
			;
	}
	t.now_ns = end_ns;
	while (weft_engine_run(t.eng, t.now_ns))
		;
}

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	HOLDS(weft_addr_parse(text, &a) == 0);
	return a;
}

static struct weft_sockaddr at(const char *text)
{
	struct weft_sockaddr sa;

	HOLDS(weft_sockaddr_parse(text, &sa) == 0);
	return sa;
}

static int on_tx(void *arg, const void *frame, size_t len)
{
	(void)arg, (void)frame, (void)len;
	return 0;
}

static void on_count(void *arg, const char *name, const char *text, uint64_t n)
{
	(void)arg, (void)name, (void)text, (void)n;
	t.n_calls++;
}

static void on_thing(void *arg)
{
	(void)arg;
	t.n_calls++;
}

static void on_line(void *arg, const char *line)
{
	(void)line;
	on_thing(arg);
}

static void on_trace(void *arg, const struct weft_trace_event *ev)
{
	char buf[2000];

	on_thing(arg);
	HOLDS(weft_trace_kind(ev));
	(void)weft_trace_reason(ev);
	(void)weft_trace_id(ev);
	HOLDS(weft_trace_print(t.eng, ev, buf, sizeof(buf)) > 0);
}

static void engine_part(void)
{
	static const struct weft_engine_config cfg = {
		.has_seed = true, .seed = 1, .realloc = tour_realloc, .trace_sample_every = 1};
	struct weft_engine_stats stats;
	struct weft_timer *timer;
	char buf[2000];
	int64_t v;

	CALL(weft_engine_new(&cfg, &t.eng));
	weft_engine_adopt(t.eng);
	HOLDS(weft_engine_now_ns(t.eng) == 0);
	(void)weft_engine_random(t.eng);
	weft_trace_listen(t.eng, on_line, NULL);
	weft_trace_watch(t.eng, on_trace, NULL);
	weft_trace_sample(t.eng, 2);
	weft_trace_figures(t.eng, true);
	CALL(weft_stack_new(t.eng, "a", &t.a));
	CALL(weft_stack_new(t.eng, "b", &t.b));
	HOLDS(weft_stack_engine(t.a) == t.eng && !strcmp(weft_stack_name(t.a), "a"));
	timer = weft_timer_new(t.eng, on_thing, NULL);
	if (!timer)
		timer = weft_timer_new(t.eng, on_thing, NULL);
	HOLDS(timer);
	weft_timer_start(timer, NS_PER_MS);
	settle(2 * NS_PER_MS);
	HOLDS(t.n_calls > 0);
	weft_timer_start(timer, 100 * NS_PER_MS);
	weft_timer_stop(timer);
	weft_timer_free(timer);
	for (int i = 0; i < 2; i++) {
		struct weft_stack *st = i ? t.b : t.a;

		CALL(weft_stack_set(st, "net.ipv4.ip_default_ttl", 70));
		CALL(weft_stack_set(st, "net.ipv6.conf.all.accept_dad", 0));
		CALL(weft_stack_set_text(st, "net.ipv4.tcp_congestion_control", "cubic"));
	}
	CALL(weft_stack_get(t.a, "net.ipv4.ip_default_ttl", &v));
	CALL(weft_stack_get_text(t.a, "net.ipv4.tcp_congestion_control", buf, sizeof(buf)));
	weft_stack_counters(t.a, on_count, NULL);
	weft_stack_drops(t.a, on_count, NULL);
	(void)weft_stack_counter(t.a, "TcpInSegs");
	(void)weft_trace_read(t.eng, buf, sizeof(buf));
	weft_engine_stats(t.eng, &stats);
	HOLDS(stats.n_stacks == 2);
	weft_engine_mem_limit_set(t.eng, 0);
}

static void on_blocks(void *arg, const void *blocks, size_t len)
{
	(void)arg, (void)blocks, (void)len;
}

static struct weft_capture *capture;

static void links_part(void)
{
	static const struct weft_frame_ops ops = {.tx = on_tx};
	static const uint8_t mac[6] = {2, 0, 0, 0, 9, 9};
	const struct weft_link_dir dir = {.delay_ns = NS_PER_MS};
	struct weft_netif_stats nstats;
	struct weft_netif_info info;
	struct weft_link_stats lstats;
	struct weft_link *link;
	struct weft_netif *port, *x, *y;
	struct weft_bridge *br;
	uint8_t frame[60] = {2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 9, 8, 8, 0}, got[6];

	CALL(weft_veth_new(t.a, "eth0", t.b, "eth0", &t.na, &t.nb));
	CALL(weft_link_new(t.a, "eth1", t.b, "eth1", &dir, &dir, &link));
	CALL(weft_link_set(link, 0, &dir));
	weft_link_set_up(link, false);
	weft_link_set_up(link, true);
	weft_link_stats(link, 0, &lstats);
	HOLDS(weft_link_netif(link, 0) == weft_netif_find(t.a, "eth1"));
	CALL(weft_netif_new(t.b, "app0", mac, 1500, &ops, NULL, &t.app));
	CALL(weft_netif_rx(t.app, frame, sizeof(frame)));
	CALL(weft_netif_new(t.b, "port0", mac, 1500, &ops, NULL, &port));
	CALL(weft_bridge_new(t.b, &br));
	CALL(weft_bridge_add(br, port));
	CALL(weft_veth_new(t.a, "gone0", t.b, "gone0", &x, &y));
	weft_netif_del(x);
	HOLDS(weft_netif_next(t.a, NULL) && weft_netif_index(t.na));
	HOLDS(!strcmp(weft_netif_name(t.na), "eth0"));
	weft_netif_set_up(t.app, false);
	weft_netif_set_up(t.app, true);
	CALL(weft_netif_set_mtu(t.app, 1400));
	CALL(weft_netif_set_mss_clamp(t.app, WEFT_MSS_PMTU));
	CALL(weft_netif_set_offloads(t.app, WEFT_OFFLOAD_CSUM));
	HOLDS(weft_netif_offloads(t.app, NULL) == 0);
	weft_netif_set_mac(t.app, mac);
	weft_netif_mac(t.app, got);
	weft_netif_stats(t.app, &nstats);
	weft_netif_info(t.app, &info);
	CALL(weft_netif_set_link_local(t.app, true));
	CALL(weft_netif_set_link_local(t.app, false));
	CALL(weft_capture_new(t.eng, 128, on_blocks, NULL, &capture));
	CALL(weft_capture_add(capture, t.na));
	settle(10 * NS_PER_MS);
}

static void on_addr(void *arg, const struct weft_addr_info *info)
{
	(void)info;
	on_thing(arg);
}

static void on_route(void *arg, const struct weft_route_info *info)
{
	(void)info;
	on_thing(arg);
}

static void on_neigh(void *arg, const struct weft_neigh_info *info)
{
	(void)info;
	on_thing(arg);
}

static void on_policy(void *arg, const struct weft_addr_policy *row)
{
	(void)row;
	on_thing(arg);
}

static void on_dns(void *arg, const struct weft_ra_dns *dns)
{
	(void)dns;
	on_thing(arg);
}

static void addrs_part(void)
{
	struct weft_addr a4 = addr("10.0.0.1"), b4 = addr("10.0.0.2"), a6 = addr("fd00::1"),
			 b6 = addr("fd00::2"), x4 = addr("10.9.0.1"), n4 = addr("10.0.0.77"), got;
	const struct weft_addr_how how = {.valid_s = 1000, .preferred_s = 500};
	const struct weft_addr_policy row = {.prefix = addr("::"), .precedence = 40, .label = 1};
	static const uint8_t mac[6] = {2, 0, 0, 0, 9, 7};
	struct weft_addr both[2] = {b4, b6};
	struct weft_route r = {.dst = addr("192.0.2.0"), .prefix_len = 24, .via = b4};
	struct weft_addr_special special;
	struct weft_route_info rinfo;
	struct weft_ra_info ra;
	struct weft_sockaddr sa;
	char buf[100];
	uint32_t scope;
	uint8_t len;

	CALL(weft_addr_add(t.na, &a4, 24));
	CALL(weft_addr_add(t.nb, &b4, 24));
	CALL(weft_addr_put(t.na, &a6, 64, &how));
	CALL(weft_addr_add(t.nb, &b6, 64));
	CALL(weft_addr_add(t.app, &x4, 24));
	CALL(weft_addr_del(t.app, &x4, 24));
	CALL(weft_addr_probe(t.app, &x4, 24));
	CALL(weft_addr_del(t.app, &x4, 24));
	weft_addrs(t.a, on_addr, NULL);
	CALL(weft_addrs_sort(t.a, both, 2));
	CALL(weft_addr_policies_set(t.a, &row, 1));
	CALL(weft_addr_policies_set(t.a, NULL, 0));
	weft_addr_policies(t.a, on_policy, NULL);
	CALL(weft_route_add(t.a, &r));
	r.metric = 7;
	CALL(weft_route_put(t.a, &r, WEFT_ROUTE_ADD));
	CALL(weft_route_put(t.a, &r, WEFT_ROUTE_REPLACE));
	CALL(weft_route_del(t.a, &r));
	CALL(weft_route_add_text(t.a, "2001:db8::/32 via fd00::2"));
	CALL(weft_route_get(t.a, &b4, NULL, NULL, &rinfo));
	weft_routes(t.a, on_route, NULL);
	CALL(weft_neigh_add(t.na, &n4, mac));
	CALL(weft_neigh_set(t.na, &n4, mac, WEFT_NUD_STALE));
	weft_neighs(t.a, on_neigh, NULL);
	CALL(weft_neigh_del(t.na, &n4));
	(void)weft_ra_info(t.na, &ra);
	weft_ra_dns(t.na, on_dns, NULL);
	CALL(weft_addr_parse_scoped(t.a, "fe80::1%eth0", &got, &scope));
	HOLDS(weft_addr_print_scoped(t.a, &got, scope, buf, sizeof(buf)));
	CALL(weft_sockaddr_parse_scoped(t.a, "[fe80::1%eth0]:80", &sa));
	HOLDS(weft_addr_print(&a4, buf, sizeof(buf)) && weft_sockaddr_print(&sa, buf, sizeof(buf)));
	CALL(weft_prefix_parse("10.0.0.0/8", &got, &len));
	CALL(weft_addr_special(&a4, &special));
	settle(100 * NS_PER_MS);
}

static void on_event(struct weft_sock *s, void *arg, uint32_t events)
{
	(void)s, (void)events;
	on_thing(arg);
}

static void on_ready(struct weft_pollset *set, void *arg)
{
	(void)set;
	on_thing(arg);
}

static void on_lent(void *arg, const void *buf, size_t n)
{
	(void)buf;
	*(size_t *)arg += n;
}

static void on_sock(void *arg, const struct weft_sock_info *info)
{
	(void)info;
	on_thing(arg);
}

static void on_group(void *arg, const struct weft_group_info *info)
{
	(void)info;
	on_thing(arg);
}

static void on_usage(void *arg, const struct weft_usage *usage)
{
	(void)usage;
	on_thing(arg);
}

/* What memory cost on the way comes again: by a retransmission, or by `again`. */
static ptrdiff_t receive(struct weft_sock *s, void *buf, size_t len, void (*again)(void *arg),
			 void *arg)
{
	ptrdiff_t n = -EAGAIN;

	for (int i = 0; i < 300 && n == -EAGAIN; i++) {
		settle(20 * NS_PER_MS);
		n = weft_recv(s, buf, len, 0);
		if (n == -EAGAIN && again && i % 50 == 49)
			again(arg);
	}
	return n;
}

static void send_again(void *arg)
{
	(void)!weft_send(arg, "datagram", 8, 0);
}

static void streams_of(int family, const char *to)
{
	static char big[20000];
	struct weft_sockaddr sa = at(to), peer;
	struct weft_sock *l, *c, *s = NULL;
	struct weft_pollset *set;
	struct weft_pollset_stats pstats;
	struct weft_poll_event ev[4];
	struct weft_ref *ref = NULL;
	struct weft_iovec iov = {.base = (char[]){"vector"}, .len = 6};
	struct weft_msghdr msg = {.iov = &iov, .n_iov = 1};
	size_t n_lent = 0, n_iov, len, n_read = 0;
	ptrdiff_t n;
	char buf[100];
	int v = 1, err;

	CALL(weft_socket(t.b, family, WEFT_SOCK_STREAM, 0, &l));
	CALL(weft_setsockopt(l, WEFT_SOL_SOCKET, WEFT_SO_OWNER, &(int){9}, sizeof(int)));
	CALL(weft_bind(l, &sa));
	CALL(weft_listen(l, 4));
	CALL(weft_socket_for(t.a, 3, family, WEFT_SOCK_STREAM, 0, &c));
	CALL(weft_setsockopt(c, WEFT_IPPROTO_TCP, WEFT_TCP_KEEPIDLE, &v, sizeof(v)));
	len = sizeof(v);
	CALL(weft_getsockopt(c, WEFT_IPPROTO_TCP, WEFT_TCP_KEEPIDLE, &v, &len));
	CALL(weft_pollset_new(t.eng, &set));
	weft_pollset_on_ready(set, on_ready, NULL);
	CALL(weft_pollset_add(set, l, WEFT_IN, 1));
	CALL(weft_pollset_add(set, c, WEFT_IN | WEFT_ET, 2));
	CALL(weft_pollset_mod(set, c, WEFT_OUT, 2));
	err = weft_connect(c, &sa);
	if (err != -EINPROGRESS) {
		HOLDS(is_memory(err));
		err = weft_connect(c, &sa);
	}
	HOLDS(err == -EINPROGRESS);
	for (int i = 0; i < 300 && !s; i++) {
		settle(20 * NS_PER_MS);
		(void)!weft_accept(l, &s, &peer);
	}
	HOLDS(s);
	(void)weft_pollset_get(set, ev, 4);
	weft_pollset_stats(set, &pstats);
	CALL(weft_pollset_del(set, c));
	weft_pollset_free(set);
	weft_on_event(s, on_event, NULL);
	(void)weft_events(s);
	CALL(weft_getsockname(c, &peer));
	CALL(weft_getpeername(c, &peer));
	for (int i = 0; i < 100 && (n = weft_send(c, "hello", 5, 0)) == -EAGAIN; i++)
		settle(20 * NS_PER_MS);
	HOLDS(n == 5 && receive(s, buf, sizeof(buf), NULL, NULL) == 5 && !memcmp(buf, "hello", 5));
	for (int i = 0; i < 100 && (n = weft_sendv(c, &iov, 1, 0)) == -EAGAIN; i++)
		settle(20 * NS_PER_MS);
	HOLDS(n == 6);
	for (int i = 0;
	     i < 300 && (n = weft_recvv(s, &(struct weft_iovec){buf, 100}, 1, 0)) == -EAGAIN; i++)
		settle(20 * NS_PER_MS);
	HOLDS(n == 6);
	for (int i = 0; i < 100 && (n = weft_sendmsg(c, &msg, 0)) == -EAGAIN; i++)
		settle(20 * NS_PER_MS);
	HOLDS(n == 6 && receive(s, buf, sizeof(buf), NULL, NULL) == 6);
	CALL(weft_ioctl(c, WEFT_SIOCOUTQ, &v));
	for (int i = 0; i < 100; i++) {
		n = weft_send_lent(c, big, sizeof(big), 0, NULL, on_lent, &n_lent);
		if (n > 0 || (n != -EAGAIN && !is_memory(n)))
			break;
		settle(20 * NS_PER_MS);
	}
	HOLDS(n > 0);
	for (int i = 0; i < 2000 && n_read < (size_t)n; i++) {
		ptrdiff_t got = weft_recv_ref(s, 4000, 0, NULL, &ref);

		if (got < 0) {
			HOLDS(got == -EAGAIN || is_memory(got));
			settle(20 * NS_PER_MS);
			continue;
		}
		n_read += (size_t)got;
		HOLDS(weft_ref_iov(ref, &n_iov) && n_iov > 0);
		weft_ref_free(ref);
	}
	HOLDS(n_read == (size_t)n);
	settle(100 * NS_PER_MS);
	weft_stack_sockets(t.a, on_sock, NULL);
	CALL(weft_shutdown(c, WEFT_SHUT_WR));
	HOLDS(receive(s, buf, sizeof(buf), NULL, NULL) == 0);
	weft_close(s);
	weft_close(c);
	weft_abort(l);
	settle(200000 * NS_PER_MS);
	HOLDS(n_lent == (size_t)n);
}

static void datagrams_of(int family, const char *to, const char *group)
{
	struct weft_sockaddr sa = at(to), from;
	struct weft_iovec iov = {.base = (char[]){"many"}, .len = 4};
	struct weft_mmsghdr many = {.hdr = {.iov = &iov, .n_iov = 1}};
	struct weft_group_req join = {.ifindex = weft_netif_index(t.nb), .group = addr(group)};
	struct weft_group_source_req block = {.ifindex = join.ifindex, .group = join.group};
	struct weft_sock *s, *c;
	char buf[100], control[200];
	struct weft_iovec riov = {.base = buf, .len = sizeof(buf)};
	struct weft_msghdr rmsg = {.iov = &riov, .n_iov = 1, .control = control};
	struct weft_mmsghdr rmany = {.hdr = {.iov = &riov, .n_iov = 1}};
	int level = family == WEFT_AF_INET ? WEFT_IPPROTO_IP : WEFT_IPPROTO_IPV6, v = 1;
	ptrdiff_t n;

	CALL(weft_socket(t.b, family, WEFT_SOCK_DGRAM, 0, &s));
	CALL(weft_bind(s, &sa));
	CALL(weft_setsockopt(s, level,
			     family == WEFT_AF_INET ? WEFT_IP_PKTINFO : WEFT_IPV6_RECVPKTINFO, &v,
			     sizeof(v)));
	CALL(weft_setsockopt(s, level, WEFT_MCAST_JOIN_GROUP, &join, sizeof(join)));
	block.source = addr(family == WEFT_AF_INET ? "10.0.0.9" : "fd00::9");
	CALL(weft_setsockopt(s, level, WEFT_MCAST_BLOCK_SOURCE, &block, sizeof(block)));
	weft_groups(t.b, on_group, NULL);
	CALL(weft_socket(t.a, family, WEFT_SOCK_DGRAM, 0, &c));
	CALL(weft_connect(c, &sa));
	CALL(weft_send(c, "datagram", 8, 0));
	HOLDS(receive(s, buf, sizeof(buf), send_again, c) == 8);
	CALL(weft_sendto(c, "datagram", 8, 0, &sa));
	for (int i = 0; i < 100; i++) {
		n = weft_recvfrom(s, buf, sizeof(buf), 0, &from);
		if (n != -EAGAIN)
			break;
		settle(100 * NS_PER_MS);
		send_again(c);
	}
	HOLDS(n == 8);
	while (weft_recv(s, buf, sizeof(buf), 0) >= 0)
		;
	CALL(weft_sendmmsg(c, &many, 1, 0));
	for (int i = 0; i < 100; i++) {
		rmsg.control_len = sizeof(control);
		n = weft_recvmsg(s, &rmsg, 0);
		if (n != -EAGAIN)
			break;
		settle(100 * NS_PER_MS);
		send_again(c);
	}
	HOLDS(n > 0);
	for (int i = 0; i < 100; i++) {
		n = weft_recvmmsg(s, &rmany, 1, 0);
		if (n != -EAGAIN)
			break;
		settle(100 * NS_PER_MS);
		send_again(c);
	}
	HOLDS(n == 1);
	weft_close(c);
	weft_close(s);
}

/* Raw, echo and packet sockets, with a filter; protocols of the application's. */
static void ip_input(void *arg, const struct weft_ip_rx *rx, const void *bytes, size_t len)
{
	(void)rx, (void)bytes, (void)len;
	on_thing(arg);
}

static void eth_input(void *arg, struct weft_netif *nif, const uint8_t *src, const void *bytes,
		      size_t len)
{
	(void)nif, (void)src, (void)bytes, (void)len;
	on_thing(arg);
}

static void others_part(void)
{
	static const struct weft_ip_proto ip = {.number = 253, .input = ip_input};
	static const struct weft_eth_proto eth = {.type = 0x88b5, .input = eth_input};
	static const struct weft_sock_filter insns[] = {{6, 0, 0, UINT32_MAX}};
	const struct weft_sock_fprog prog = {.len = 1, .filter = insns};
	static const uint8_t echo[16] = {8}, all[6] = {255, 255, 255, 255, 255, 255};
	struct weft_addr b4 = addr("10.0.0.2");
	struct weft_sockaddr to = at("10.0.0.2:0");
	struct weft_packet_mreq promisc = {.ifindex = (int)weft_netif_index(t.na),
					   .type = WEFT_PACKET_MR_PROMISC};
	int fanout = 5 | WEFT_PACKET_FANOUT_RND << 16;
	struct weft_sock *raw, *ping, *pkt;
	char buf[200];

	CALL(weft_ip_proto_add(t.b, &ip));
	CALL(weft_ip_send(t.a, 253, NULL, &b4, "custom", 6));
	CALL(weft_eth_proto_add(t.b, &eth));
	CALL(weft_eth_send(t.na, 0x88b5, all, "custom", 6));
	CALL(weft_socket(t.a, WEFT_AF_INET, WEFT_SOCK_RAW, WEFT_IPPROTO_ICMP, &raw));
	CALL(weft_socket(t.a, WEFT_AF_INET, WEFT_SOCK_DGRAM, WEFT_IPPROTO_ICMP, &ping));
	CALL(weft_socket(t.a, WEFT_AF_PACKET, WEFT_SOCK_RAW, 0x0800, &pkt));
	CALL(weft_setsockopt(pkt, WEFT_SOL_SOCKET, WEFT_SO_ATTACH_FILTER, &prog, sizeof(prog)));
	CALL(weft_setsockopt(pkt, WEFT_SOL_PACKET, WEFT_PACKET_ADD_MEMBERSHIP, &promisc,
			     sizeof(promisc)));
	CALL(weft_setsockopt(pkt, WEFT_SOL_PACKET, WEFT_PACKET_FANOUT, &fanout, sizeof(fanout)));
	for (int i = 0; i < 3; i++) {
		CALL(weft_sendto(ping, echo, sizeof(echo), 0, &to));
		settle(1100 * NS_PER_MS);
	}
	HOLDS(weft_recv(ping, buf, sizeof(buf), 0) == sizeof(echo));
	HOLDS(weft_recv(raw, buf, sizeof(buf), 0) > 0);
	HOLDS(weft_recv(pkt, buf, sizeof(buf), 0) > 0);
	weft_close(raw);
	weft_close(ping);
	weft_close(pkt);
}

static void on_resolved(void *arg, int err, const struct weft_addr *addrs, size_t n)
{
	(void)addrs, (void)n;
	HOLDS(err == 0 || err == -ENOENT || err == -EAGAIN || err == -ENOMEM || err == -ETIMEDOUT);
	on_thing(arg);
}

static void names_part(void)
{
	struct weft_sockaddr server = at("10.0.0.2:53");
	const struct weft_resolver_config cfg = {
		.servers = &server, .n_servers = 1, .rounds = 1, .timeout_ns = NS_PER_MS};
	struct weft_addr b4 = addr("10.0.0.2");
	struct weft_resolver_stats stats;
	struct weft_resolver_ask *ask;
	struct weft_resolve *resolve;
	struct weft_resolver *r;
	struct weft_net net;

	weft_net_of_stack(t.a, &net);
	CALL(weft_stack_host_add(t.a, "b.test", &b4));
	CALL(net.ops->resolve(&net, "b.test", WEFT_AF_UNSPEC, on_resolved, NULL, &resolve));
	settle(10 * NS_PER_MS);
	CALL(weft_resolver_new(&net, &cfg, &r));
	CALL(weft_resolver_ask(r, "c.test", WEFT_AF_INET, on_resolved, NULL, &ask));
	weft_resolver_cancel(ask);
	CALL(weft_resolver_ask(r, "c.test", WEFT_AF_INET, on_resolved, NULL, &ask));
	settle(5000 * NS_PER_MS);
	weft_resolver_stats(r, &stats);
	weft_resolver_flush(r);
	weft_resolver_free(r);
	CALL(weft_stack_resolver_set(t.a, &cfg));
	HOLDS(weft_stack_resolver(t.a));
}

static struct weft_tcp_request *request;

static void on_request(void *arg, struct weft_tcp_request *req)
{
	on_thing(arg);
	request = req;
}

static void on_cancelled(void *arg, struct weft_tcp_request *req)
{
	on_thing(arg);
	if (request == req)
		request = NULL;
}

/* A SYN for somebody who is not there; one that was lost for want of memory comes again. */
static struct weft_sock *asked(const char *to)
{
	struct weft_sockaddr sa = at(to);
	struct weft_sock *s;

	request = NULL;
	CALL(weft_socket(t.a, sa.addr.family, WEFT_SOCK_STREAM, 0, &s));
	for (int err = -ENOBUFS, i = 0; i < 3 && err && err != -EINPROGRESS; i++)
		err = weft_connect(s, &sa);
	for (int i = 0; i < 300 && !request; i++)
		settle(20 * NS_PER_MS);
	HOLDS(request);
	return s;
}

static void intercept_tcp(void)
{
	const struct weft_icmp_error icmp = {.type = 3, .code = 1};
	struct weft_tcp_request_info info;
	struct weft_sock *s, *peer;

	s = asked("203.0.113.7:80");
	weft_tcp_request_info(request, &info);
	HOLDS(info.dst.port == 80);
	weft_tcp_request_set_data(request, &info);
	HOLDS(weft_tcp_request_data(request) == &info);
	CALL(weft_tcp_request_accept(request, &peer));
	settle(5000 * NS_PER_MS);
	weft_abort(s);
	weft_close(peer);
	s = asked("203.0.113.7:81");
	weft_tcp_request_refuse(request);
	weft_abort(s);
	s = asked("203.0.113.7:82");
	weft_tcp_request_drop(request);
	weft_abort(s);
	s = asked("203.0.113.7:83");
	weft_tcp_request_unreachable(request, &icmp);
	settle(20 * NS_PER_MS);
	weft_abort(s);
}

static void intercept_udp(struct weft_intercept *ic)
{
	struct weft_sockaddr to = at("203.0.113.7:53");
	struct weft_intercept_msg in, back;
	struct weft_icmp_error icmp = {.type = 3, .code = 3};
	struct weft_sock *s;
	int err = -EAGAIN;

	CALL(weft_socket(t.a, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s));
	for (int i = 0; i < 300 && err; i++) {
		if (i % 50 == 0)
			(void)!weft_sendto(s, "datagram", 8, 0, &to);
		settle(20 * NS_PER_MS);
		err = weft_intercept_recv(ic, &in);
	}
	HOLDS(!err && in.len == 8);
	back = in;
	back.src = in.dst;
	back.dst = in.src;
	icmp.proto = in.proto;
	icmp.src = in.src;
	icmp.dst = in.dst;
	CALL(weft_intercept_send(ic, &back));
	CALL(weft_intercept_error(ic, &icmp));
	settle(20 * NS_PER_MS);
	weft_close(s);
}

static void intercept_part(void)
{
	const struct weft_intercept_config cfg = {
		.request = on_request, .cancelled = on_cancelled, .readable = on_thing};
	struct weft_intercept_stats stats;
	struct weft_intercept *ic;

	CALL(weft_route_add_text(t.a, "203.0.113.0/24 via 10.0.0.2"));
	CALL(weft_intercept_new(t.nb, &cfg, &ic));
	intercept_tcp();
	intercept_udp(ic);
	weft_intercept_stats(ic, &stats);
	HOLDS(stats.requests >= 4 && stats.datagrams >= 1);
	weft_intercept_free(ic);
}

static void on_wake(void *arg)
{
	(void)arg;
	t.n_calls++;
}

/* Both ends in one engine: what they allocate is the same as with two. */
static void cable_part(void)
{
	const struct weft_cable_config cfg = {.ring_bytes = 1 << 18, .realloc = tour_realloc};
	const struct weft_addr addrs[2] = {addr("10.9.0.1"), addr("10.9.0.2")};
	struct weft_sockaddr to = at("10.9.0.2:9");
	struct weft_netif *ends[2];
	struct weft_cable *cable;
	struct weft_sock *s;

	CALL(weft_cable_new(&cfg, &cable));
	CALL(weft_cable_plug(cable, 0, t.a, "cable0", &ends[0]));
	CALL(weft_cable_plug(cable, 1, t.b, "cable0", &ends[1]));
	weft_cable_free(cable);
	CALL(weft_addr_add(ends[0], &addrs[0], 24));
	CALL(weft_addr_add(ends[1], &addrs[1], 24));
	weft_engine_set_wake(t.eng, on_wake, NULL);
	settle(NS_PER_MS);
	HOLDS(weft_engine_doze(t.eng));
	CALL(weft_socket(t.a, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s));
	(void)!weft_sendto(s, "datagram", 8, 0, &to);
	settle(NS_PER_MS);
	weft_close(s);
	weft_engine_set_wake(t.eng, NULL, NULL);
	weft_netif_del(ends[0]);
	weft_netif_del(ends[1]);
}

static void shard_part(void)
{
	const struct weft_shards_config cfg = {
		.n_shards = 2, .ring_bytes = 1 << 18, .has_seed = true, .realloc = tour_realloc};
	const struct weft_addr server = addr("10.8.0.2"), client = addr("10.8.0.1");
	struct weft_sockaddr to = at("10.8.0.2:9"), from = at("10.8.0.1:9");
	struct weft_stack *shards[2], *front;
	struct weft_netif *nif, *queue;
	struct weft_shard_stats stats;
	struct weft_shards *node;
	struct weft_sock *s;

	CALL(weft_shards_new(&cfg, &node));
	CALL(weft_stack_new(t.eng, "front", &front));
	CALL(weft_veth_new(t.a, "shards0", front, "q0", &nif, &queue));
	CALL(weft_addr_add(nif, &client, 24));
	for (uint32_t i = 0; i < 2; i++) {
		CALL(weft_shard_new(node, i, t.eng, "shard", &shards[i]));
		CALL(weft_shard_port(shards[i], 0, "eth0", &nif));
		CALL(weft_addr_add(nif, &server, 24));
	}
	CALL(weft_shard_uplink(shards[0], 0, queue));
	HOLDS(weft_shards_of(node, 17, &to, &from) >= 0);
	CALL(weft_socket(t.a, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s));
	for (int i = 0; i < 4; i++) {
		to.port++;
		(void)!weft_sendto(s, "datagram", 8, 0, &to);
		settle(NS_PER_MS);
	}
	weft_close(s);
	weft_shard_stats(shards[0], &stats);
	HOLDS(stats.own + stats.away > 0);
	weft_shards_free(node);
	weft_stack_free(shards[1]);
	weft_stack_free(front);
	weft_stack_free(shards[0]);
}

static void tour(void)
{
	const struct weft_limits limits = {.max_socks = 100, .max_conns_per_peer = 10};
	struct weft_usage usage;

	engine_part();
	links_part();
	addrs_part();
	CALL(weft_stack_limits_set(t.a, 3, &limits));
	CALL(weft_stack_limits_set(t.b, 0, &limits));
	CALL(weft_stack_limits_get(t.b, 0, NULL, &usage));
	weft_stack_audit(t.b, WEFT_AUDIT_ALL, on_line, NULL);
	weft_stack_on_tcp_end(t.a, on_sock, NULL);
	streams_of(WEFT_AF_INET, "10.0.0.2:80");
	streams_of(WEFT_AF_INET6, "[fd00::2]:80");
	datagrams_of(WEFT_AF_INET, "10.0.0.2:53", "239.1.2.3");
	datagrams_of(WEFT_AF_INET6, "[fd00::2]:53", "ff15::1234");
	others_part();
	names_part();
	intercept_part();
	cable_part();
	shard_part();
	weft_stack_usage(t.a, on_usage, NULL);
	weft_stack_free(t.a);
	weft_stack_free(t.b);
	weft_capture_free(capture);
	weft_engine_free(t.eng);
	HOLDS(t.n_bytes == 0);
}

int main(int argc, char **argv)
{
	uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, n, n_runs = 0, n_refused = 0;

	if (step == 0)
		return 2;
	tour();
	n = inj.n_allocs;
	for (uint64_t i = 1; i <= n; i += step, n_runs++) {
		memset(&t, 0, sizeof(t));
		memset(&inj, 0, sizeof(inj));
		inj.fail_at = i;
		tour();
		n_refused += inj.n_refused;
	}
	printf("ok - %" PRIu64 " of %" PRIu64 " allocations failed, one a run; %" PRIu64
	       " calls said so\n",
	       n_runs, n, n_refused);
	return 0;
}
