/* SPDX-License-Identifier: MIT */
/*
 * Settings of TCP by their sysctl names; ranges and defaults are Linux's, where Linux has them.
 *
 * Where the RFCs leave a choice, or Linux departs from them, the choice is a setting, and
 * tcp.profile sets all of them: to what Linux does, or to the RFCs' plain text.
 */
#include <assert.h>
#include <string.h>

#include "core/sysctl.h"
#include "transport/tcp/tcp_priv.h"

void tcp_conf_default(struct tcp_conf *conf)
{
	*conf = (struct tcp_conf){
		.notsent_lowat = UINT32_MAX,
		.fastopen = TCP_TFO_CLIENT,
		.rmem_min = 4096,
		.rmem_default = 131072,
		.rmem_max = 32 * 1024 * 1024,
		.wmem_min = 4096,
		.wmem_default = 65536,
		.wmem_max = 32 * 1024 * 1024,
		.max_tw_buckets = 131072,
		.max_syn_backlog = 1024,
		.fin_timeout_s = 60,
		.keepalive_time_s = 7200,
		.keepalive_intvl_s = 75,
		.keepalive_probes = 9,
		.delack_ms = 40,
		.rto_initial_ms = 1000,
		.rto_min_ms = 200,
		.rto_max_ms = 120000,
		.rto_min_of_variance = 1,
		.ts_tick_ms = 1,
		.tw_timeout_s = 60,
		.init_cwnd = 10,
		.quickacks = 16,
		.retries1 = 3,
		.reordering = 3,
		.max_reordering = 127,
		.recovery = 1,
		.early_retrans = 3,
		.frto = 2,
		.paws_window = 1,
		.nagle_minshall = 1,
		.push_bursts = 1,
		.ecn = 2,
		.ecn_fallback = 1,
		.pacing_ss_ratio = 200,
		.pacing_ca_ratio = 120,
		.icmp_fails_connect = 1,
		.invalid_ratelimit_ms = 500,
		.challenge_ack_limit = 1000,
		.min_pmtu = 552,
		.mtu_expires_s = 600,
		.base_mss = 1024,
		.min_snd_mss = TCP_MSS_MIN,
		.mtu_probe_floor = TCP_MSS_MIN,
		.probe_threshold = 8,
		.probe_interval_s = 600,
		/* RFC-DEVIATION: RFC 9293 §3.8.3 (MUST-23): 127 s for a connect, as in Linux. */
		.syn_retries = 6,
		.synack_retries = 5,
		.retries2 = 15,
		.orphan_retries = 8,
		.timestamps = 1,
		.sack = 1,
		.window_scaling = 1,
		.slow_start_after_idle = 1,
		.moderate_rcvbuf = 1,
		.rfc1337 = 1,
		.syn_loss_iw = 2,
		.syncookies = 1,
	};
}

static void *tcp_conf_base(struct stack *st)
{
	return st->tcp ? &st->tcp->conf : NULL;
}

#define TCP_CTL(field, name, lo, hi, text) \
	SYSCTL(struct tcp_conf, field, "net.ipv4.tcp_" name, lo, hi, text)

static const char *tcp_profile_name(int64_t value)
{
	return value == TCP_PROFILE_RFC ? "rfc" : "linux";
}

static const char *tcp_cc_value_name(int64_t value)
{
	const struct cc_ops *ops = cc_at((size_t)value);

	return ops ? ops->name : NULL;
}

#define TCP_TFO_KEY(i, which)                                  \
	TCP_CTL(tfo_key[i], "fastopen_key." #i, 0, UINT32_MAX, \
		which " word of the key of fast-open cookies; all 0: a random key, no older one")

static const struct sysctl tcp_ctls[] = {
	{
		.name = "tcp.profile",
		.text = "sets the choices that RFCs leave: as Linux (0), or as the RFCs' plain "
			"text (1)",
		.max = TCP_PROFILE_RFC,
		.scale = 1,
		.off = offsetof(struct tcp_conf, profile),
		.size = sizeof(((struct tcp_conf *)0)->profile),
		.value_name = tcp_profile_name,
	},
	TCP_CTL(rmem_min, "rmem_min", 1, INT32_MAX,
		"memory to receive that a connection may always have, bytes"),
	TCP_CTL(rmem_default, "rmem_default", 4096, INT32_MAX, "receive buffer at first, bytes"),
	TCP_CTL(rmem_max, "rmem_max", 4096, INT32_MAX,
		"receive buffer that grew by itself at most, bytes"),
	TCP_CTL(wmem_min, "wmem_min", 1, INT32_MAX,
		"memory to send that a connection may always have, bytes"),
	TCP_CTL(wmem_default, "wmem_default", 4096, INT32_MAX, "send buffer at first, bytes"),
	TCP_CTL(wmem_max, "wmem_max", 4096, INT32_MAX,
		"send buffer that grew by itself at most, bytes"),
	TCP_CTL(notsent_lowat, "notsent_lowat", 1, UINT32_MAX,
		"bytes written and not sent beyond which a socket takes no more; half of it wakes "
		"the "
		"application"),
	TCP_CTL(fastopen, "fastopen", 0, INT32_MAX,
		"fast open: sum of 1 client, 2 server, 4 client sends data without a cookie, 512 "
		"server takes it without one, 1024 listeners need not ask"),
	TCP_CTL(tfo_blackhole_timeout_s, "fastopen_blackhole_timeout_sec", 0, 1000000,
		"seconds for which clients make no fast open after a path swallowed one, twice "
		"that each time in a row; 0: no watch"),
	TCP_TFO_KEY(0, "first"),
	TCP_TFO_KEY(1, "second"),
	TCP_TFO_KEY(2, "third"),
	TCP_TFO_KEY(3, "fourth"),
	TCP_TFO_KEY(4, "older key's first"),
	TCP_TFO_KEY(5, "older key's second"),
	TCP_TFO_KEY(6, "older key's third"),
	TCP_TFO_KEY(7, "older key's fourth"),
	TCP_CTL(mem_min, "mem_min", 0, INT32_MAX,
		"memory of all connections, pages of 4096 bytes: below it a shortage ends"),
	TCP_CTL(mem_pressure, "mem_pressure", 0, INT32_MAX,
		"the same: above it memory is short, and buffers do not grow"),
	TCP_CTL(mem_max, "mem_max", 0, INT32_MAX,
		"the same: beyond it nobody gets more than the least"),
	TCP_CTL(max_tw_buckets, "max_tw_buckets", 0, INT32_MAX, "connections in TIME-WAIT"),
	TCP_CTL(max_syn_backlog, "max_syn_backlog", 1, 65535, "half-open connections a listener"),
	TCP_CTL(fin_timeout_s, "fin_timeout", 1, 120, "seconds in FIN-WAIT-2 after close"),
	TCP_CTL(keepalive_time_s, "keepalive_time", 1, 32767, "seconds idle before a probe"),
	TCP_CTL(keepalive_intvl_s, "keepalive_intvl", 1, 32767, "seconds between probes"),
	TCP_CTL(keepalive_probes, "keepalive_probes", 1, 127, "probes without an answer"),
	TCP_CTL(delack_ms, "delack_ms", 1, 500, "longest delay of an ACK, milliseconds"),
	TCP_CTL(rto_initial_ms, "rto_initial_ms", 1, 120000,
		"retransmission timeout before the first measurement, milliseconds (RFC 6298)"),
	TCP_CTL(rto_min_ms, "rto_min_ms", 1, 120000,
		"least retransmission timeout, milliseconds (RFC 6298: 1000)"),
	TCP_CTL(rto_min_of_variance, "rto_min_of_variance", 0, 1,
		"the least timeout holds for its variance term, so that the round trip is added"),
	TCP_CTL(rto_max_ms, "rto_max_ms", 1000, 120000,
		"longest retransmission timeout, milliseconds"),
	TCP_CTL(ts_tick_ms, "ts_tick_ms", 1, 1000,
		"milliseconds of a tick of the timestamp clock; for new connections only"),
	TCP_CTL(paws_window, "paws_window", 0, 127,
		"ticks by which a timestamp may be older than the last (RFC 7323: 0, which allows "
		"nothing else that is older)"),
	TCP_CTL(tw_timeout_s, "tw_timeout", 1, 3600,
		"seconds in TIME-WAIT (RFC 9293: 240, two MSL)"),
	TCP_CTL(init_cwnd, "init_cwnd", 0, 1000,
		"initial congestion window, segments (RFC 6928: 10); 0: as RFC 5681, 2 to 4"),
	TCP_CTL(quickacks, "quickacks", 0, 255,
		"ACKs without delay at the start of a connection (RFC 9293: none)"),
	TCP_CTL(fin_ack_waits, "fin_ack_waits", 0, 1,
		"the ACK of a FIN may be delayed like that of data, so that it can go with our "
		"FIN"),
	TCP_CTL(reordering, "reordering", 1, 127,
		"duplicate ACKs that tell of a loss (RFC 5681: 3)"),
	TCP_CTL(max_reordering, "max_reordering", 1, 127,
		"the same on paths that were seen to reorder, at most"),
	TCP_CTL(recovery, "recovery", 0, 255,
		"how losses are found: 1 by time (RFC 8985), +2 with a constant reordering window, "
		"+4 "
		"whatever is held; 0: by what is held (RFC 6675)"),
	TCP_CTL(early_retrans, "early_retrans", 0, 4,
		"3, 4: tail loss probes (RFC 8985); others: none"),
	TCP_CTL(frto, "frto", 0, 2, "find spurious timeouts (RFC 5682); 0: do not"),
	TCP_CTL(reduce_again, "reduce_again", 0, 1,
		"a retransmission that is lost makes the window smaller once more (RFC 5681 §4.3)"),
	TCP_CTL(nagle_minshall, "nagle_minshall", 0, 1,
		"a small segment waits for small ones only; 0: for any data in flight (RFC 896)"),
	TCP_CTL(push_bursts, "push_bursts", 0, 1,
		"PSH on the last segment of each burst; 0: of what was written (RFC 9293)"),
	TCP_CTL(icmp_fails_connect, "icmp_fails_connect", 0, 1,
		"net and host unreachable end a connect at once; 0: they do not (RFC 1122)"),
	TCP_CTL(icmp_aborts, "icmp_aborts", 0, 1,
		"port and protocol unreachable end connections (RFC 1122); 0: they do not (RFC "
		"5927)"),
	TCP_CTL(ecn, "ecn", 0, 2,
		"explicit congestion notification (RFC 3168): 0 never, 1 ask for it, 2 agree when "
		"asked"),
	TCP_CTL(ecn_fallback, "ecn_fallback", 0, 1, "a SYN that is repeated does not ask for ECN"),
	TCP_CTL(pacing_ss_ratio, "pacing_ss_ratio", 0, 1000,
		"pacing rate in slow start, percent of the window in a round trip"),
	TCP_CTL(pacing_ca_ratio, "pacing_ca_ratio", 0, 1000, "the same in congestion avoidance"),
	TCP_CTL(syn_retries, "syn_retries", 1, 15, "SYN retransmissions before giving up"),
	TCP_CTL(synack_retries, "synack_retries", 0, 14, "SYN-ACK retransmissions"),
	TCP_CTL(retries1, "retries1", 1, 255,
		"timeouts in a row before another route is looked for"),
	TCP_CTL(retries2, "retries2", 0, 30, "timeouts in a row before a connection is given up"),
	TCP_CTL(orphan_retries, "orphan_retries", 0, 30,
		"timeouts in a row before one that was closed is given up"),
	TCP_CTL(timestamps, "timestamps", 0, 1, "RFC 7323 timestamps"),
	TCP_CTL(sack, "sack", 0, 1, "RFC 2018 selective acknowledgements"),
	TCP_CTL(window_scaling, "window_scaling", 0, 1, "RFC 7323 window scaling"),
	TCP_CTL(slow_start_after_idle, "slow_start_after_idle", 0, 2,
		"shrink the congestion window after idling (RFC 2861); 2: keep what was validated, "
		"RFC 7661"),
	TCP_CTL(moderate_rcvbuf, "moderate_rcvbuf", 0, 1, "let the receive buffer grow"),
	TCP_CTL(rfc1337, "rfc1337", 0, 1, "ignore resets in TIME-WAIT"),
	TCP_CTL(invalid_ratelimit_ms, "invalid_ratelimit", 0, INT32_MAX,
		"least time between two answers of a connection to segments that are not its own, "
		"milliseconds"),
	TCP_CTL(challenge_ack_limit, "challenge_ack_limit", 0, INT32_MAX,
		"challenge ACKs a second of all connections, give or take half; the maximum: any"),
	TCP_CTL(stdurg, "stdurg", 0, 1,
		"the urgent pointer names the urgent byte (RFC 1122), not the one behind it (RFC "
		"6093)"),
	TCP_CTL(mtu_probing, "mtu_probing", 0, 2,
		"find the path MTU by probes (RFC 4821): 0 never, 1 when segments vanish and "
		"nobody says why, 2 always"),
	TCP_CTL(base_mss, "base_mss", 0, UINT16_MAX,
		"segment size that probes of the path MTU begin with, bytes"),
	TCP_CTL(min_snd_mss, "min_snd_mss", TCP_MSS_MIN, UINT16_MAX,
		"least segment size, whatever peer or path ask for, options included"),
	TCP_CTL(mtu_probe_floor, "mtu_probe_floor", TCP_MSS_MIN, UINT16_MAX,
		"least segment size that timeouts of such a search lead to"),
	TCP_CTL(probe_threshold, "probe_threshold", 1, INT32_MAX,
		"bytes of path MTU for which no more probes are sent"),
	TCP_CTL(probe_interval_s, "probe_interval", 0, INT32_MAX,
		"seconds after which the path MTU is searched again"),
	TCP_CTL(syncookies, "syncookies", 0, 2,
		"answer SYNs with cookies: 0 never, 1 when the SYN queue is full, 2 always"),
	TCP_CTL(syn_loss_iw, "syn_loss_iw", 1, 255,
		"lost SYNs from which on the initial window is one segment (RFC 5681: 1)"),
	{
		.name = "net.ipv4.tcp_congestion_control",
		.text = "congestion control of new sockets",
		.max = CC_COUNT - 1,
		.scale = 1,
		.off = offsetof(struct tcp_conf, congestion_control),
		.size = 1,
		.value_name = tcp_cc_value_name,
	},
	SYSCTL(struct tcp_conf, min_pmtu, "net.ipv4.route.min_pmtu", 68, 65535,
	       "least path MTU that an ICMP error may ask of a connection; below, datagrams may be "
	       "fragmented"),
	/* At 0 each error would send all of a window again at the old size, into the next error. */
	SYSCTL(struct tcp_conf, mtu_expires_s, "net.ipv4.route.mtu_expires", 1, INT32_MAX,
	       "seconds for which a path MTU learned from an ICMP error holds"),
};

/* The choices, as the RFCs' plain text has them; Linux's are the defaults. */
static const struct {
	const char *name;
	int64_t rfc;
} tcp_choices[] = {
	{"net.ipv4.tcp_rto_initial_ms", 1000},     /* RFC 6298 §2.1 */
	{"net.ipv4.tcp_rto_min_ms", 1000},         /* RFC 6298 §2.4 */
	{"net.ipv4.tcp_rto_min_of_variance", 0},   /* RFC 6298 §2.3, §2.4 */
	{"net.ipv4.tcp_rto_max_ms", 60000},        /* RFC 6298 §2.5: 60 s or more */
	{"net.ipv4.tcp_ts_tick_ms", 1},            /* RFC 7323 §5.4: 1 ms to 1 s */
	{"net.ipv4.tcp_paws_window", 0},           /* RFC 7323 §5.3 */
	{"net.ipv4.tcp_tw_timeout", 240},          /* RFC 9293 §3.4.2: MSL is two minutes */
	{"net.ipv4.tcp_init_cwnd", 0},             /* RFC 5681 §3.1 */
	{"net.ipv4.tcp_reduce_again", 1},          /* RFC 5681 §4.3 */
	{"net.ipv4.tcp_syn_loss_iw", 1},           /* RFC 5681 §3.1 */
	{"net.ipv4.tcp_quickacks", 0},             /* RFC 9293 §3.8.6.3 */
	{"net.ipv4.tcp_delack_ms", 200},           /* RFC 9293 §3.8.6.3: less than 500 */
	{"net.ipv4.tcp_reordering", 3},            /* RFC 5681 §3.2 */
	{"net.ipv4.tcp_max_reordering", 3},        /* RFC 6675 §2 */
	{"net.ipv4.tcp_nagle_minshall", 0},        /* RFC 9293 §3.7.4 */
	{"net.ipv4.tcp_push_bursts", 0},           /* RFC 9293 §3.9.1.2 */
	{"net.ipv4.tcp_syn_retries", 7},           /* RFC 9293 §3.8.3: three minutes */
	{"net.ipv4.tcp_synack_retries", 7},        /* the same */
	{"net.ipv4.tcp_icmp_fails_connect", 0},    /* RFC 9293 §3.9.2.2 */
	{"net.ipv4.tcp_icmp_aborts", 1},           /* the same */
	{"net.ipv4.route.min_pmtu", 68},           /* RFC 1191 §3 */
	{"net.ipv4.tcp_stdurg", 0},                /* RFC 9293 §3.8.5 */
	{"net.ipv4.tcp_slow_start_after_idle", 1}, /* RFC 5681 §4.1 */
};

/* Of a setting of the table below. */
static int64_t tcp_conf_value(const struct tcp_conf *conf, const char *name)
{
	size_t i = 0;

	while (strcmp(tcp_ctls[i].name, name) != 0)
		i++;
	return sysctl_load(&tcp_ctls[i], conf);
}

static void tcp_conf_changed(struct stack *st, const struct sysctl *ctl)
{
	struct tcp_conf linux_conf;

	if (ctl->off == offsetof(struct tcp_conf, tw_timeout_s))
		tcp_tw_rearm(st);
	ip_pmtu_conf_set(st, st->tcp->conf.min_pmtu, st->tcp->conf.mtu_expires_s);
	if (ctl->off != offsetof(struct tcp_conf, profile))
		return;
	tcp_conf_default(&linux_conf);
	for (size_t i = 0; i < ARRAY_SIZE(tcp_choices); i++) {
		const char *name = tcp_choices[i].name;
		int64_t value = st->tcp->conf.profile == TCP_PROFILE_RFC
					? tcp_choices[i].rfc
					: tcp_conf_value(&linux_conf, name);
		int err = sysctl_set(st, name, value);

		assert(!err);
		(void)err;
	}
}

static const struct sysctl_table tcp_ctl_table = {
	.entries = tcp_ctls,
	.n_entries = ARRAY_SIZE(tcp_ctls),
	.base = tcp_conf_base,
	.changed = tcp_conf_changed,
};

int tcp_conf_register(struct stack *st)
{
	return sysctl_register(st, &tcp_ctl_table);
}
