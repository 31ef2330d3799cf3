/* SPDX-License-Identifier: MIT */
/*
 * The method ss.list: every endpoint of a weft node with what ss shows of it, in a form of ours, as
 * ss has no JSON: words are those of ss, figures of TCP are those of struct weft_tcp_info.
 */
#include <string.h>

#include "lab/lab.h"
#include "lab/rpc.h"
#include "lab/rpc_ip.h"

static const char *const states[] = {
	[0] = "UNKNOWN",
	[WEFT_TCP_ESTABLISHED] = "ESTAB",
	[WEFT_TCP_SYN_SENT] = "SYN-SENT",
	[WEFT_TCP_SYN_RECV] = "SYN-RECV",
	[WEFT_TCP_FIN_WAIT1] = "FIN-WAIT-1",
	[WEFT_TCP_FIN_WAIT2] = "FIN-WAIT-2",
	[WEFT_TCP_TIME_WAIT] = "TIME-WAIT",
	[WEFT_TCP_CLOSE] = "UNCONN",
	[WEFT_TCP_CLOSE_WAIT] = "CLOSE-WAIT",
	[WEFT_TCP_LAST_ACK] = "LAST-ACK",
	[WEFT_TCP_LISTEN] = "LISTEN",
	[WEFT_TCP_CLOSING] = "CLOSING",
};

static const char *state_name(uint8_t state)
{
	return state < sizeof(states) / sizeof(states[0]) ? states[state] : states[0];
}

/* Why a connection is not sending. */
static const char *wait_name(uint8_t wait)
{
	switch ((enum weft_tcp_wait)wait) {
	case WEFT_TCP_WAIT_NONE:
		return "sending";
	case WEFT_TCP_WAIT_APP:
		return "app";
	case WEFT_TCP_WAIT_RWND:
		return "rwnd";
	case WEFT_TCP_WAIT_CWND:
		return "cwnd";
	case WEFT_TCP_WAIT_NAGLE:
		return "nagle";
	case WEFT_TCP_WAIT_HANDSHAKE:
		return "handshake";
	case WEFT_TCP_WAIT_MEM:
		return "memory";
	case WEFT_TCP_WAIT_PACING:
		return "pacing";
	}
	return "other";
}

static const char *timer_name(uint8_t timer)
{
	switch ((enum weft_tcp_timer)timer) {
	case WEFT_TCP_TIMER_NONE:
		return "off";
	case WEFT_TCP_TIMER_REXMT:
		return "on";
	case WEFT_TCP_TIMER_KEEPALIVE:
		return "keepalive";
	case WEFT_TCP_TIMER_TIMEWAIT:
		return "timewait";
	case WEFT_TCP_TIMER_PROBE:
		return "persist";
	}
	return "unknown";
}

static const char *ca_state_name(uint8_t state)
{
	static const char *const names[] = {"open", "disorder", "cwr", "recovery", "loss"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

/* A member of struct weft_tcp_info that is a number goes by its own name. */
#define N(field)                             \
	{                                    \
#field, (json_int_t)t->field \
	}

static json_t *tcp_json(const struct weft_tcp_info *t)
{
	const struct {
		const char *key;
		json_int_t value;
	} numbers[] = {
		N(retransmits),
		N(snd_wscale),
		N(rcv_wscale),
		N(rto_us),
		N(ato_us),
		N(snd_mss),
		N(rcv_mss),
		N(advmss),
		N(pmtu),
		N(rtt_us),
		N(rttvar_us),
		N(min_rtt_us),
		N(snd_cwnd),
		N(snd_ssthresh),
		N(snd_wnd),
		N(rcv_wnd),
		N(unacked),
		N(sacked),
		N(lost),
		N(retrans),
		N(total_retrans),
		N(bytes_sent),
		N(bytes_acked),
		N(bytes_received),
		N(bytes_retrans),
		N(segs_out),
		N(segs_in),
		N(data_segs_out),
		N(data_segs_in),
		N(notsent_bytes),
		N(sndq_bytes),
		N(rcvq_bytes),
		N(ofoq_bytes),
		N(handshake_ns),
		N(busy_ns),
		N(backoffs),
		N(rcv_space),
		N(last_snd_ago_ms),
		N(last_rcv_ago_ms),
		N(rcv_ssthresh),
		N(rcv_rtt_us),
		N(delivered),
		N(reordering),
		N(reord_seen),
		N(dsack_dups),
		N(rcv_ooopack),
		N(rwnd_limited_ns),
		N(sndbuf_limited_ns),
		N(delivery_rate),
		N(delivered_ce),
		N(cc_bw),
		N(cc_min_rtt_us),
		N(cc_pacing_gain_256),
		N(cc_cwnd_gain_256),
		N(cc_alpha_1024),
	};
	json_t *tcp = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "cc", t->cc, "ca_state",
				ca_state_name(t->ca_state), "wait", wait_name(t->wait), "ts",
				t->has_ts, "sack", t->has_sack, "wscale", t->has_wscale);

	if (tcp) {
		json_object_set_new(tcp, "ecn", json_boolean(t->has_ecn));
		json_object_set_new(tcp, "ecn_seen", json_boolean(t->has_ecn_seen));
		json_object_set_new(tcp, "app_limited", json_boolean(t->is_delivery_app_limited));
		json_object_set_new(tcp, "paced", json_boolean(t->is_paced));
	}
	/* The largest of 64 bits, "not known" and "any", is no number of JSON. */
	if (tcp && t->pacing_rate != UINT64_MAX)
		json_object_set_new(tcp, "pacing_rate", json_integer((json_int_t)t->pacing_rate));
	if (tcp && t->max_pacing_rate < INT64_MAX)
		json_object_set_new(tcp, "max_pacing_rate",
				    json_integer((json_int_t)t->max_pacing_rate));
	for (size_t i = 0; tcp && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(tcp, numbers[i].key, json_integer(numbers[i].value));
	return tcp;
}

#undef N

static json_t *end_json(const struct weft_sockaddr *sa, uint8_t family)
{
	struct weft_addr addr = sa->addr;

	/* No address is any address of the socket's family. */
	if (addr.family == WEFT_AF_UNSPEC)
		addr.family = family;
	return json_pack("{s:o, s:i}", "address", rpc_ip_addr_json(&addr), "port", (int)sa->port);
}

struct dump {
	struct weft_stack *st;
	json_t *list;
};

static void sock_add(void *arg, const struct weft_sock_info *info)
{
	const struct dump *d = arg;
	uint8_t family = info->local.addr.family ? info->local.addr.family : WEFT_AF_INET;
	bool is_raw = strcmp(info->proto, "raw") == 0;
	json_t *sock;

	sock = json_pack("{s:s, s:s, s:s, s:i, s:I, s:I, s:o, s:o}", "netid",
			 strcmp(info->proto, "ping") == 0 ? "icmp" : info->proto, "family",
			 family == WEFT_AF_INET ? "inet" : "inet6", "state",
			 state_name(info->state), "ip_proto", (int)info->ip_proto, "recv_q",
			 (json_int_t)info->recv_q, "send_q", (json_int_t)info->send_q, "local",
			 end_json(&info->local, family), "peer", end_json(&info->peer, family));
	if (!sock)
		return;
	/* Where others have a port, ss shows a raw socket's protocol. */
	if (is_raw)
		json_object_set_new(json_object_get(sock, "local"), "port",
				    json_integer(info->ip_proto));
	if (info->ifindex) {
		struct weft_netif *nif = NULL;

		while ((nif = weft_netif_next(d->st, nif)))
			if (weft_netif_index(nif) == info->ifindex)
				json_object_set_new(sock, "dev", json_string(weft_netif_name(nif)));
	}
	if (info->is_orphan)
		json_object_set_new(sock, "orphan", json_true());
	if (info->timer != WEFT_TCP_TIMER_NONE)
		json_object_set_new(sock, "timer",
				    json_pack("{s:s, s:I, s:i}", "name", timer_name(info->timer),
					      "left_ms", (json_int_t)(info->timer_ns / 1000000),
					      "tries", (int)info->timer_tries));
	if (info->has_buffers)
		json_object_set_new(sock, "mem",
				    json_pack("{s:I, s:I}", "rcvbuf_bytes",
					      (json_int_t)info->rcvbuf_bytes, "sndbuf_bytes",
					      (json_int_t)info->sndbuf_bytes));
	if (info->tcp)
		json_object_set_new(sock, "tcp", tcp_json(info->tcp));
	json_array_append_new(d->list, sock);
}

static int list_run(struct rpc_call *call)
{
	struct dump d;
	int ret = 0;

	d.st = rpc_ip_stack(call, &ret);
	if (!d.st)
		return ret;
	d.list = json_array();
	if (d.list)
		weft_stack_sockets(d.st, sock_add, &d);
	return rpc_reply(call, d.list);
}

static const struct rpc_param list_params[] = {
	{"node", RPC_NODE, true, 0, 0, "The node: of kind weft, or a switch"},
	{NULL, RPC_NODE, false, 0, 0, NULL},
};

extern const struct rpc_method rpc_methods_ss[];
const struct rpc_method rpc_methods_ss[] = {
	{
		.name = "ss.list",
		.help = "Every socket, connection and half-open connection of a node",
		.params = list_params,
		.result =
			"An array of `{netid, family, state, ip_proto, recv_q, send_q, local, "
			"peer, "
			"dev, orphan, timer, mem, tcp}`: `netid` is `tcp`, `udp`, `raw` or `icmp`, "
			"`state` a word of ss; `local` and `peer` are `{address, port}`; `dev` is "
			"there when it is bound to an interface, `orphan` when the application has "
			"closed it, `timer` (`{name, left_ms, tries}`) when one runs, `mem` "
			"(`{rcvbuf_bytes, sndbuf_bytes}`) of sockets, `tcp` of connections: "
			"`cc`, `ca_state`, `wait` (why it is not sending: `sending`, `app`, "
			"`rwnd`, "
			"`cwnd`, `nagle`, `handshake`, `memory`), and the figures of struct "
			"weft_tcp_info",
		.run = list_run,
	},
	{.name = NULL},
};
