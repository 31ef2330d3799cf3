/* SPDX-License-Identifier: MIT */
/* The network of a run: hosts, links, the trouble that these make, and looks at TCP's inside. */
#include "model.h"

#include <errno.h>

#include "api/api_priv.h"
#include "transport/sock_table.h"
#include "transport/tcp/tcp_priv.h"

static uint32_t rnd_share(struct model *m, uint32_t percent, uint32_t max_ppm)
{
	return rnd_percent(m, percent) ? (uint32_t)rnd_log(m, 100, max_ppm) : 0;
}

/* What a link does to one direction: badness 0 is a good link. */
static struct weft_link_dir dir_draw(struct model *m)
{
	struct weft_link_dir d = {
		.delay_ns = rnd_percent(m, 80) ? (int64_t)rnd_log(m, 1000, 150 * MODEL_MS) : 0};
	uint32_t percent = m->badness * 25;

	if (rnd_percent(m, 60))
		d.rate_bps = rnd_log(m, 64000, UINT64_C(1000000000));
	if (d.rate_bps && rnd_percent(m, percent))
		d.queue_pkts = (uint32_t)rnd_log(m, 1, 100);
	if (d.rate_bps && rnd_percent(m, percent / 2))
		d.queue_bytes = (uint32_t)rnd_log(m, 1600, 100000);
	d.loss_ppm = rnd_share(m, percent, 300000);
	d.duplicate_ppm = rnd_share(m, percent / 2, 200000);
	d.corrupt_ppm = rnd_share(m, percent / 2, 100000);
	/* No checksum of IPv6 finds another next header, and the error about it ends what it is
	 * taken to be about. */
	if (m->family == FAMILY_IP6 && m->is_strict)
		d.corrupt_ppm = 0;
	d.reorder_ppm = rnd_share(m, percent, 500000);
	if (d.reorder_ppm && rnd_percent(m, 60))
		d.reorder_ns = (int64_t)rnd_log(m, 1000, 100 * MODEL_MS);
	if (rnd_percent(m, percent))
		d.jitter_ns = (int64_t)rnd_log(m, 1000, 100 * MODEL_MS);
	d.jitter_dist = (uint32_t)rnd(m, 4);
	if (rnd_percent(m, percent / 2)) {
		d.gemodel_p_ppm = (uint32_t)rnd_log(m, 100, 30000);
		d.gemodel_r_ppm = (uint32_t)rnd_log(m, 30000, 500000);
		d.gemodel_1h_ppm = (uint32_t)rnd_log(m, 100000, MODEL_PPM);
	}
	if (rnd_percent(m, percent / 2))
		d.reorder_gap = (uint32_t)rnd(m, 20);
	if (rnd_percent(m, percent / 2))
		d.reorder_corr_ppm = (uint32_t)rnd_log(m, 10000, 900000);
	if (d.rate_bps && rnd_percent(m, 20))
		d.ecn_pkts = (uint32_t)rnd_log(m, 1, 50);
	return d;
}

static void dir_set(struct model *m, uint32_t link, int dir, struct weft_link_dir *d)
{
	/* Two bits flipped on two links may cancel each other out in the checksum. */
	if (link > 0)
		d->corrupt_ppm = 0;
	m->dirs[link][dir] = *d;
	must(m, weft_link_set(m->links[link], dir, d), "weft_link_set");
}

static void link_set_up(struct model *m, uint32_t link, bool up)
{
	m->is_down[link] = !up;
	weft_link_set_up(m->links[link], up);
}

static struct weft_netif *link_end(const struct model *m, uint32_t link, int end)
{
	return weft_link_netif(m->links[link], end);
}

static void link_set_mtu(struct model *m, uint32_t link)
{
	uint32_t mtu =
		rnd_percent(m, 70) ? 576 + (uint32_t)rnd(m, 925) : 1500 + (uint32_t)rnd(m, 7501);

	if (m->family == FAMILY_IP6 && mtu < 1280)
		mtu = 1280;
	for (int end = 0; end < 2; end++)
		must(m, weft_netif_set_mtu(link_end(m, link, end), mtu), "mtu");
}

/* From now on all is well, but for delay and rate. */
static void trouble_end(struct model *m)
{
	m->has_healed = true;
	m->fail_ppm = 0;
	for (uint32_t i = 0; i < m->n_links; i++) {
		link_set_up(m, i, true);
		for (int dir = 0; dir < 2; dir++) {
			struct weft_link_dir d = {.delay_ns = m->dirs[i][dir].delay_ns,
						  .rate_bps = m->dirs[i][dir].rate_bps};

			if (d.rate_bps && d.rate_bps < 2000000)
				d.rate_bps = 2000000;
			dir_set(m, i, dir, &d);
		}
	}
}

/* Something changes, and will again. */
static void trouble_timer(void *arg)
{
	struct model *m = arg;
	int64_t now_ns = weft_engine_now_ns(m->eng), next_ns;
	uint32_t link = (uint32_t)rnd(m, m->n_links);
	struct weft_link_dir d;

	if (now_ns >= m->heal_ns) {
		trouble_end(m);
		return;
	}
	if (m->is_down[link]) {
		link_set_up(m, link, true);
	} else if (m->has_outages && rnd_percent(m, 30)) {
		link_set_up(m, link, false);
	} else if (rnd_percent(m, 10 * m->badness)) {
		link_set_mtu(m, link);
	} else {
		d = dir_draw(m);
		dir_set(m, link, (int)rnd(m, 2), &d);
	}
	next_ns = now_ns + (int64_t)rnd_log(m, MODEL_MS, 30 * MODEL_S);
	weft_timer_start(m->trouble, next_ns < m->heal_ns ? next_ns : m->heal_ns);
}

/* Settings */

static void set(struct model *m, struct weft_stack *st, const char *name, int64_t v)
{
	must(m, weft_stack_set(st, name, v), name);
}

static void settings_draw(struct model *m, struct weft_stack *st)
{
	/* Switches, and how often they are not what they are by default. */
	static const struct {
		const char *name;
		int64_t v;
		uint32_t percent;
	} switches[] = {
		{"tcp.profile", 1, 10}, /* first: it sets others */
		{"net.ipv4.tcp_sack", 0, 20},
		{"net.ipv4.tcp_timestamps", 0, 20},
		{"net.ipv4.tcp_window_scaling", 0, 15},
		{"net.ipv4.tcp_slow_start_after_idle", 0, 15},
		{"net.ipv4.tcp_slow_start_after_idle", 2, 15},
		{"net.ipv4.tcp_reduce_again", 1, 15},
		{"net.ipv4.tcp_moderate_rcvbuf", 0, 15},
		{"net.ipv4.tcp_init_cwnd", 1, 10},
		{"net.ipv4.tcp_quickacks", 0, 15},
		{"net.ipv4.tcp_ecn", 1, 20},
		{"net.ipv4.tcp_mtu_probing", 1, 20},
		{"net.ipv4.tcp_mtu_probing", 2, 15},
		{"net.ipv4.tcp_base_mss", 300, 20},
		{"net.ipv4.tcp_rmem_max", 32768, 10},
	};

	/* No neighbour is asked about, no router looked for: it would take seconds of each run. */
	set(m, st, "net.ipv6.conf.all.accept_dad", 0);
	set(m, st, "net.ipv6.conf.all.accept_ra", 0);
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (!rnd_percent(m, switches[i].percent))
			continue;
		set(m, st, switches[i].name, switches[i].v);
		m->is_strict |= i == 0;
	}
	if (rnd_percent(m, 10)) {
		set(m, st, "net.ipv4.tcp_syncookies", 2);
		m->has_cookies = true;
	}
	if (rnd_percent(m, 15))
		set(m, st, "net.ipv4.tcp_rmem_default", (int64_t)rnd_log(m, 4096, 1 << 20));
	if (rnd_percent(m, 15))
		set(m, st, "net.ipv4.tcp_wmem_default", (int64_t)rnd_log(m, 4096, 1 << 20));
	if (rnd_percent(m, 15))
		set(m, st, "net.ipv4.tcp_delack_ms", (int64_t)rnd_log(m, 1, 500));
}

/* Looks inside */

void model_check_host(const struct weft_stack *st)
{
	struct sock *sk;

	list_for_each (sk, &stack_of_const(st)->socks->all, link)
		if (sk->proto == &tcp_proto)
			tcp_conn_check(tcp_conn_of(sk));
}

static void tap_frame(struct netif_tap *tap, const struct netif *netif,
		      const struct pkt *pkt UNUSED, bool is_tx)
{
	if (is_tx)
		return;
	container_of(tap, struct model_tap, tap)->n_segments++;
	model_check_host(weft_stack_of(netif->stack));
}

static void tap_drop(struct netif_tap *tap UNUSED, const struct netif *netif UNUSED,
		     const struct pkt *pkt UNUSED, enum drop why UNUSED)
{
}

static void tap_gone(struct netif_tap *tap)
{
	list_del(&tap->link);
}

void model_check_gone(const struct model *m)
{
	struct weft_engine_stats stats;

	for (int i = 0; i < 2; i++) {
		const struct stack *st = stack_of_const(m->hosts[i]);
		const struct sock *sk;

		list_for_each (sk, &st->socks->all, link)
			if (tcp_conn_of_const(sk)->state != WEFT_TCP_LISTEN)
				model_fail(m, "a connection is left in %s",
					   tcp_state_name(tcp_conn_of_const(sk)->state));
		if (st->tcp->n_tw)
			model_fail(m, "TIME-WAIT does not end");
	}
	weft_engine_stats(m->eng, &stats);
	if (stats.pkts_used || stats.bufs_used)
		model_fail(m, "%llu packets and %llu buffers are left",
			   (unsigned long long)stats.pkts_used,
			   (unsigned long long)stats.bufs_used);
}

/* Setting up */

static void *model_realloc(void *ctx, void *ptr, size_t old_bytes, size_t new_bytes)
{
	struct model *m = ctx;
	void *p;

	if (new_bytes > old_bytes && m->fail_ppm && rnd(m, MODEL_PPM) < m->fail_ppm)
		return NULL;
	m->n_bytes += new_bytes - old_bytes;
	if (!new_bytes) {
		free(ptr);
		return NULL;
	}
	p = realloc(ptr, new_bytes);
	if (!p)
		abort();
	return p;
}

static void neighbours(struct model *m, uint32_t link, const char *const texts[2])
{

	for (int end = 0; end < 2; end++) {
		struct weft_addr addr;
		uint8_t mac[6];

		must(m, weft_addr_parse(texts[end], &addr), texts[end]);
		must(m,
		     weft_addr_add(link_end(m, link, end), &addr,
				   addr.family == WEFT_AF_INET6 ? 64 : 24),
		     texts[end]);
		weft_netif_mac(link_end(m, link, end), mac);
		must(m, weft_neigh_add(link_end(m, link, !end), &addr, mac), texts[end]);
	}
}

static void link_new(struct model *m, struct weft_stack *a, struct weft_stack *b)
{
	struct weft_link_dir *dirs = m->dirs[m->n_links];
	char name[] = "eth0";

	name[3] = (char)('0' + m->n_links);
	dirs[0] = dir_draw(m);
	dirs[1] = dir_draw(m);
	if (m->n_links > 0)
		dirs[0].corrupt_ppm = dirs[1].corrupt_ppm = 0;
	must(m, weft_link_new(a, name, b, name, &dirs[0], &dirs[1], &m->links[m->n_links]), name);
	m->n_links++;
	for (int end = 0; end < 2; end++)
		weft_netif_set_up(link_end(m, m->n_links - 1, end), true);
	if (rnd_percent(m, 40))
		link_set_mtu(m, m->n_links - 1);
}

/* Both hosts, or only the client, can open fast; without cookies, since every host is new. */
static void fast_open_draw(struct model *m)
{
	if (!rnd_percent(m, 25))
		return;
	m->is_fast = true;
	set(m, m->hosts[0], "net.ipv4.tcp_fastopen", 1 | 4);
	if (rnd_percent(m, 80))
		set(m, m->hosts[1], "net.ipv4.tcp_fastopen", 2 | 0x200 | 0x400);
}

static void topology_new(struct model *m)
{
	static const char *const near[2][2] = {{"10.0.0.1", "10.0.0.2"}, {"fd00::1", "fd00::2"}};
	static const char *const via[2][2][2] = {
		{{"10.0.0.1", "10.0.0.254"}, {"10.0.1.254", "10.0.1.2"}},
		{{"fd00::1", "fd00::254"}, {"fd00:0:0:1::254", "fd00:0:0:1::2"}},
	};
	bool has_router = rnd_percent(m, 25), is_six;

	for (int i = 0; i < 2; i++) {
		must(m, weft_stack_new(m->eng, i ? "b" : "a", &m->hosts[i]), "stack");
		settings_draw(m, m->hosts[i]);
	}
	fast_open_draw(m);
	is_six = m->family == FAMILY_IP6;
	if (!has_router) {
		link_new(m, m->hosts[0], m->hosts[1]);
		neighbours(m, 0, near[is_six]);
		return;
	}
	must(m, weft_stack_new(m->eng, "r", &m->router), "stack");
	set(m, m->router, "net.ipv6.conf.all.accept_dad", 0);
	set(m, m->router, is_six ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward", 1);
	link_new(m, m->hosts[0], m->router);
	link_new(m, m->router, m->hosts[1]);
	neighbours(m, 0, via[is_six][0]);
	neighbours(m, 1, via[is_six][1]);
	must(m,
	     weft_route_add_text(m->hosts[0],
				 is_six ? "default via fd00::254" : "default via 10.0.0.254"),
	     "route");
	must(m,
	     weft_route_add_text(m->hosts[1],
				 is_six ? "default via fd00:0:0:1::254" : "default via 10.0.1.254"),
	     "route");
}

void model_net_new(struct model *m)
{
	struct weft_engine_config cfg = {
		.has_seed = true, .seed = m->seed, .realloc = model_realloc, .mem_ctx = m};

	if (rnd_percent(m, 10))
		cfg.max_pkts = (uint32_t)rnd_log(m, 128, 4096);
	must(m, weft_engine_new(&cfg, &m->eng), "engine");
	m->badness = (uint32_t)rnd(m, 4);
	m->family = (enum family)rnd(m, FAMILY_N);
	m->heal_ns = m->badness ? (int64_t)rnd_log(m, 10 * MODEL_MS, 50 * MODEL_S) : 0;
	m->has_outages = m->badness && rnd_percent(m, 30);
	topology_new(m);
	for (int i = 0; i < 2; i++) {
		m->netifs[i] = link_end(m, i ? m->n_links - 1 : 0, i);
		m->taps[i].tap =
			(struct netif_tap){.frame = tap_frame, .drop = tap_drop, .gone = tap_gone};
		list_add_tail(&netif_of(m->netifs[i])->taps, &m->taps[i].tap.link);
	}
	m->trouble = weft_timer_new(m->eng, trouble_timer, m);
	must(m, m->trouble ? 0 : -ENOMEM, "timer");
	weft_timer_start(m->trouble, (int64_t)rnd(m, (uint64_t)m->heal_ns + 1));
}

void model_net_starve(struct model *m)
{
	if (m->badness && rnd_percent(m, 10))
		m->fail_ppm = (uint32_t)rnd_log(m, 100, 100000);
}

void model_net_free(struct model *m)
{
	struct weft_engine_stats stats;

	weft_timer_free(m->trouble);
	for (int i = 0; i < 2; i++)
		weft_stack_free(m->hosts[i]);
	weft_stack_free(m->router);
	weft_engine_stats(m->eng, &stats);
	if (stats.pkts_used || stats.bufs_used || stats.n_timers)
		model_fail(m, "the stacks left packets, buffers or timers");
	weft_engine_free(m->eng);
	if (m->n_bytes)
		model_fail(m, "%llu bytes were not freed", (unsigned long long)m->n_bytes);
}
