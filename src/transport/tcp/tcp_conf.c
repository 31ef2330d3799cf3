/* SPDX-License-Identifier: MIT */
/* Settings of TCP by their sysctl names; ranges and defaults are Linux's. */
#include "core/sysctl.h"
#include "transport/tcp/tcp_priv.h"

void tcp_conf_default(struct tcp_conf *conf)
{
	*conf = (struct tcp_conf){
		.rmem_default = 131072,
		.rmem_max = 6 * 1024 * 1024,
		.wmem_default = 65536,
		.wmem_max = 4 * 1024 * 1024,
		.max_tw_buckets = 262144,
		.max_syn_backlog = 1024,
		.fin_timeout_s = 60,
		.keepalive_time_s = 7200,
		.keepalive_intvl_s = 75,
		.keepalive_probes = 9,
		.delack_ms = 40,
		.rto_min_ms = 200,
		.invalid_ratelimit_ms = 500,
		.challenge_ack_limit = 1000,
		.min_pmtu = 552,
		.mtu_expires_s = 600,
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

static const struct sysctl tcp_ctls[] = {
	TCP_CTL(rmem_default, "rmem_default", 4096, INT32_MAX, "receive buffer at first, bytes"),
	TCP_CTL(rmem_max, "rmem_max", 4096, INT32_MAX,
		"receive buffer that grew by itself at most, bytes"),
	TCP_CTL(wmem_default, "wmem_default", 4096, INT32_MAX, "send buffer at first, bytes"),
	TCP_CTL(wmem_max, "wmem_max", 4096, INT32_MAX,
		"send buffer that grew by itself at most, bytes"),
	TCP_CTL(max_tw_buckets, "max_tw_buckets", 0, INT32_MAX, "connections in TIME-WAIT"),
	TCP_CTL(max_syn_backlog, "max_syn_backlog", 1, 65535, "half-open connections a listener"),
	TCP_CTL(fin_timeout_s, "fin_timeout", 1, 120, "seconds in FIN-WAIT-2 after close"),
	TCP_CTL(keepalive_time_s, "keepalive_time", 1, 32767, "seconds idle before a probe"),
	TCP_CTL(keepalive_intvl_s, "keepalive_intvl", 1, 32767, "seconds between probes"),
	TCP_CTL(keepalive_probes, "keepalive_probes", 1, 127, "probes without an answer"),
	TCP_CTL(delack_ms, "delack_ms", 1, 500, "longest delay of an ACK, milliseconds"),
	TCP_CTL(rto_min_ms, "rto_min_ms", 1, 120000, "least retransmission timeout, milliseconds"),
	TCP_CTL(syn_retries, "syn_retries", 1, 15, "SYN retransmissions before giving up"),
	TCP_CTL(synack_retries, "synack_retries", 0, 14, "SYN-ACK retransmissions"),
	TCP_CTL(retries2, "retries2", 0, 30, "timeouts in a row before a connection is given up"),
	TCP_CTL(orphan_retries, "orphan_retries", 0, 30,
		"timeouts in a row before one that was closed is given up"),
	TCP_CTL(timestamps, "timestamps", 0, 1, "RFC 7323 timestamps"),
	TCP_CTL(sack, "sack", 0, 1, "RFC 2018 selective acknowledgements"),
	TCP_CTL(window_scaling, "window_scaling", 0, 1, "RFC 7323 window scaling"),
	TCP_CTL(slow_start_after_idle, "slow_start_after_idle", 0, 1,
		"shrink the congestion window after idling (RFC 2861)"),
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
	TCP_CTL(syncookies, "syncookies", 0, 2,
		"answer SYNs with cookies: 0 never, 1 when the SYN queue is full, 2 always"),
	TCP_CTL(syn_loss_iw, "syn_loss_iw", 1, 255,
		"lost SYNs from which on the initial window is one segment (RFC 5681: 1)"),
	SYSCTL(struct tcp_conf, min_pmtu, "net.ipv4.route.min_pmtu", 68, 65535,
	       "least path MTU that an ICMP error may ask of a connection; below, datagrams may be "
	       "fragmented"),
	SYSCTL(struct tcp_conf, mtu_expires_s, "net.ipv4.route.mtu_expires", 0, INT32_MAX,
	       "seconds for which a path MTU learned from an ICMP error holds"),
};

static const struct sysctl_table tcp_ctl_table = {
	.entries = tcp_ctls,
	.n_entries = ARRAY_SIZE(tcp_ctls),
	.base = tcp_conf_base,
};

int tcp_conf_register(struct stack *st)
{
	return sysctl_register(st, &tcp_ctl_table);
}
