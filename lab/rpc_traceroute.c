/* SPDX-License-Identifier: MIT */
/*
 * Methods about the way: probes with growing time to live from a weft node, and who answered them,
 * as Debian's traceroute sends and counts them.
 *
 * How it works: all probes lie in one array, hop after hop. Up to `n_parallel` of them are under
 * way; each is recognised in what a raw ICMP socket hears by what the error quotes (the UDP port
 * that it went to, or the number of the echo request). They are told in their order, a probe as
 * soon as those before it are done. An answer of the destination, or any "unreachable", makes its
 * hop the last one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/icmp_seen.h"
#include "lab/lab.h"
#include "lab/rpc.h"
#include "lab/rpc_tool.h"

enum {
	HOPS_MAX = 255,
	QUERIES_MAX = 10,
	IP4_HDR_BYTES = 20,
	IP6_HDR_BYTES = 40,
	PROBE_HDR_BYTES = 8, /* UDP or ICMP */
	PACKET_DEFAULT = 40, /* behind the IP header */
	PACKET_MAX = 65000,
	PORT_DEFAULT = 33434,
	PARALLEL_DEFAULT = 16,
};

#define NS_PER_S      INT64_C(1000000000)
#define WAIT_EXTRA_NS INT64_C(1000000) /* so that a factor of a very short time is some time */

struct probe {
	int64_t sent_ns; /* -1: not yet */
	int64_t rtt_ns;  /* -1: nobody answered */
	struct weft_addr from;
	uint32_t scope_id;
	uint32_t mtu;
	uint8_t type, code, ttl;
	bool is_done, is_final, is_error;
};

struct trace {
	struct rpc_call *call;
	struct lab_node *node;
	struct weft_sock *icmp, *udp; /* udp: NULL with echo requests */
	struct weft_timer *timer;
	struct weft_addr dst;
	uint32_t scope_id;
	uint16_t id;   /* of echo requests; our UDP port */
	uint16_t base; /* port or number of the first probe */
	bool is_icmp;
	uint32_t first_hop, max_hops, n_queries, n_parallel;
	int64_t wait_ns, here_factor, near_factor, send_wait_ns;
	int64_t send_next_ns;
	uint8_t *message; /* what is sent: with -I, the ICMP message */
	size_t message_len;
	uint32_t n_probes, n_sent, n_told, n_open, end; /* probes from `end` on are not wanted */
	bool is_reached;
	struct probe probes[];
};

static void trace_free(struct trace *t)
{
	weft_close(t->icmp);
	weft_close(t->udp);
	weft_timer_free(t->timer);
	free(t->message);
	free(t);
}

static void trace_cancelled(void *arg)
{
	trace_free(arg);
}

static int64_t trace_now(const struct trace *t)
{
	return weft_engine_now_ns(t->node->lab->eng);
}

static uint32_t probe_hop(const struct trace *t, uint32_t i)
{
	return t->first_hop + i / t->n_queries;
}

static void probe_tell(struct trace *t, uint32_t i)
{
	const struct probe *pb = &t->probes[i];
	json_t *params = json_pack("{s:I, s:I}", "hop", (json_int_t)probe_hop(t, i), "probe",
				   (json_int_t)(i % t->n_queries));

	if (pb->rtt_ns >= 0) {
		json_object_set_new(params, "from",
				    rpc_tool_host_json(t->node, &pb->from, pb->scope_id));
		json_object_set_new(params, "rtt_ns", json_integer(pb->rtt_ns));
		json_object_set_new(params, "ttl", json_integer(pb->ttl));
		json_object_set_new(params, "final", json_boolean(pb->is_final));
	}
	if (pb->is_error) {
		json_object_set_new(params, "type", json_integer(pb->type));
		json_object_set_new(params, "code", json_integer(pb->code));
		json_object_set_new(params, "mtu", json_integer(pb->mtu));
	}
	(void)rpc_notify(t->call, "traceroute.probe", params);
}

static void told_advance(struct trace *t)
{
	while (t->n_told < t->end && t->probes[t->n_told].is_done) {
		if (t->probes[t->n_told].is_final)
			t->end = (t->n_told / t->n_queries + 1) * t->n_queries;
		probe_tell(t, t->n_told++);
	}
}

static void trace_finish(struct trace *t)
{
	struct rpc_call *call = t->call;
	json_t *result = json_pack("{s:b, s:I}", "reached", t->is_reached, "hops",
				   (json_int_t)(t->end ? probe_hop(t, t->end - 1) : 0));

	trace_free(t);
	(void)rpc_reply(call, result);
}

/* ---- sending ----------------------------------------------------------------------------- */

static void probe_send(struct trace *t, uint32_t i)
{
	struct probe *pb = &t->probes[i];
	struct weft_sock *sock = t->is_icmp ? t->icmp : t->udp;
	struct weft_sockaddr to = {.addr = t->dst, .scope_id = t->scope_id};
	int ttl = (int)probe_hop(t, i);
	ptrdiff_t n;

	if (t->is_icmp)
		rpc_tool_echo_fill(&t->dst, t->message, t->message_len, t->id,
				   (uint16_t)(t->base + i));
	else
		to.port = (uint16_t)(t->base + i);
	pb->sent_ns = trace_now(t);
	n = rpc_tool_sock_ttl(sock, &t->dst, ttl);
	if (n == 0)
		n = weft_sendto(sock, t->message, t->message_len, 0, &to);
	(void)n; /* what could not be sent is not answered */
	t->n_sent++;
	t->n_open++;
}

static void probe_done(struct trace *t, struct probe *pb)
{
	pb->is_done = true;
	t->n_open--;
}

/* How long to wait for a probe: the maximum; or, when probes of its hop have been answered, some
 * times as long as these took; or of the next hop. */
static int64_t probe_wait_ns(const struct trace *t, uint32_t i)
{
	uint32_t hop_start = i - i % t->n_queries;
	int64_t wait_ns = t->wait_ns;

	for (uint32_t k = hop_start; k < hop_start + 2 * t->n_queries && k < t->n_sent; k++) {
		int64_t factor = k < hop_start + t->n_queries ? t->here_factor : t->near_factor;
		int64_t rtt_ns = t->probes[k].rtt_ns;

		if (!factor || !t->probes[k].is_done || rtt_ns < 0)
			continue;
		if ((rtt_ns + WAIT_EXTRA_NS) * factor < wait_ns)
			wait_ns = (rtt_ns + WAIT_EXTRA_NS) * factor;
	}
	return wait_ns;
}

/* Gives up those that have waited long enough; returns when the next one will have. */
static int64_t expire(struct trace *t)
{
	int64_t next_ns = INT64_MAX;

	for (uint32_t i = t->n_told; i < t->n_sent; i++) {
		struct probe *pb = &t->probes[i];
		int64_t at_ns;

		if (pb->is_done)
			continue;
		at_ns = pb->sent_ns + probe_wait_ns(t, i);
		if (at_ns <= trace_now(t))
			probe_done(t, pb);
		else if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}

/* Sends, gives up, tells, and waits for the next thing to do; or ends. */
static void trace_go_on(struct trace *t)
{
	int64_t next_ns = expire(t);

	told_advance(t);
	while (t->n_sent < t->end && t->n_open < t->n_parallel && t->send_next_ns <= trace_now(t)) {
		probe_send(t, t->n_sent);
		t->send_next_ns = trace_now(t) + t->send_wait_ns;
	}
	if (t->n_told >= t->end) {
		trace_finish(t);
		return;
	}
	if (t->n_sent < t->end && t->n_open < t->n_parallel && t->send_next_ns < next_ns)
		next_ns = t->send_next_ns;
	for (uint32_t i = t->n_told; i < t->n_sent; i++)
		if (!t->probes[i].is_done && t->probes[i].sent_ns + probe_wait_ns(t, i) < next_ns)
			next_ns = t->probes[i].sent_ns + probe_wait_ns(t, i);
	weft_timer_start(t->timer, next_ns);
}

static void trace_timer(void *arg)
{
	trace_go_on(arg);
}

/* ---- receiving --------------------------------------------------------------------------- */

/* The probe of that number, if it is still under way. */
static struct probe *probe_of(struct trace *t, uint16_t number)
{
	uint32_t i = (uint16_t)(number - t->base);

	return i < t->n_sent && !t->probes[i].is_done ? &t->probes[i] : NULL;
}

static void probe_answered(struct trace *t, struct probe *pb, const struct weft_addr *from,
			   uint32_t scope_id)
{
	pb->rtt_ns = trace_now(t) - pb->sent_ns;
	pb->from = *from;
	pb->scope_id = scope_id;
	probe_done(t, pb);
}

static void probe_final(struct trace *t, struct probe *pb)
{
	pb->is_final = true;
	if (memcmp(&pb->from, &t->dst, sizeof(t->dst)) == 0)
		t->is_reached = true;
}

static void on_error(struct trace *t, const struct icmp_seen *seen)
{
	bool is_ours = memcmp(&seen->quoted_dst, &t->dst, sizeof(t->dst)) == 0 &&
		       (t->is_icmp ? seen->quotes_echo && seen->id == t->id
				   : seen->quoted_proto == WEFT_IPPROTO_UDP &&
					     seen->quoted_sport == t->id);
	struct probe *pb =
		is_ours ? probe_of(t, t->is_icmp ? seen->seq : seen->quoted_dport) : NULL;

	if (!pb || (seen->kind != ICMP_SEEN_IS_TIME && seen->kind != ICMP_SEEN_IS_UNREACH))
		return;
	pb->is_error = true;
	pb->type = seen->type;
	pb->code = seen->code;
	pb->mtu = seen->mtu;
	pb->ttl = seen->ttl;
	probe_answered(t, pb, &seen->from, seen->scope_id);
	if (seen->kind == ICMP_SEEN_IS_UNREACH)
		probe_final(t, pb);
}

static void on_icmp(struct weft_sock *sock, void *arg, uint32_t events)
{
	struct trace *t = arg;
	struct icmp_seen seen;
	int err;

	(void)events;
	while ((err = rpc_tool_icmp_recv(sock, &t->dst, &seen)) != -EAGAIN) {
		struct probe *pb;

		if (err && err != -ENOMSG && err != -EBADMSG)
			break;
		if (err)
			continue;
		if (seen.is_error) {
			on_error(t, &seen);
			continue;
		}
		pb = t->is_icmp && seen.id == t->id ? probe_of(t, seen.seq) : NULL;
		if (!pb)
			continue;
		pb->ttl = seen.ttl;
		probe_answered(t, pb, &seen.from, seen.scope_id);
		probe_final(t, pb);
	}
	trace_go_on(t);
}

/* Somebody listens at a port that we have tried: the destination. */
static void on_udp(struct weft_sock *sock, void *arg, uint32_t events)
{
	struct trace *t = arg;
	struct weft_sockaddr from;
	uint8_t buf[1];

	(void)events;
	while (weft_recvfrom(sock, buf, sizeof(buf), 0, &from) >= 0) {
		struct probe *pb = probe_of(t, from.port);

		if (!pb || memcmp(&from.addr, &t->dst, sizeof(t->dst)) != 0)
			continue;
		probe_answered(t, pb, &from.addr, from.scope_id);
		probe_final(t, pb);
	}
	trace_go_on(t);
}

/* ---- starting ---------------------------------------------------------------------------- */

static int socks_open(struct trace *t, const struct rpc_tool_route *route, int tos)
{
	struct weft_sockaddr name;
	int err = rpc_tool_sock_open(route, false, tos, &t->icmp);

	if (err)
		return err;
	weft_on_event(t->icmp, on_icmp, t);
	if (t->is_icmp)
		return 0;
	err = rpc_tool_sock_open(route, true, tos, &t->udp);
	if (!err)
		err = weft_getsockname(t->udp, &name);
	if (err)
		return err;
	t->id = name.port;
	weft_on_event(t->udp, on_udp, t);
	return 0;
}

static size_t ip_hdr_bytes(const struct weft_addr *dst)
{
	return dst->family == WEFT_AF_INET6 ? IP6_HDR_BYTES : IP4_HDR_BYTES;
}

static int message_make(struct trace *t, int64_t packet_len)
{
	size_t overhead = ip_hdr_bytes(&t->dst) + (t->is_icmp ? 0 : PROBE_HDR_BYTES);
	size_t min = t->is_icmp ? PROBE_HDR_BYTES : 0;

	t->message_len = (size_t)packet_len > overhead + min ? (size_t)packet_len - overhead : min;
	t->message = calloc(1, t->message_len + 1);
	if (!t->message)
		return -ENOMEM;
	for (size_t i = min; i < t->message_len; i++)
		t->message[i] = (uint8_t)(0x40 + (i & 0x3f));
	return 0;
}

/* False: the call has been refused, and *ret is what the method returns. */
static bool begin(struct trace *t, struct rpc_call *call, const struct rpc_tool_route *route,
		  int *ret)
{
	int64_t packet_len = rpc_call_integer(call, "packet_len",
					      PACKET_DEFAULT + (int64_t)ip_hdr_bytes(&t->dst));
	int err = message_make(t, packet_len);

	if (!err)
		err = socks_open(t, route, (int)rpc_call_integer(call, "tos", 0));
	if (!err) {
		t->timer = weft_timer_new(t->node->lab->eng, trace_timer, t);
		err = t->timer ? 0 : -ENOMEM;
	}
	if (err) {
		*ret = rpc_fail_errno(call, err, "cannot open sockets");
		return false;
	}
	(void)rpc_notify(call, "traceroute.begin",
			 json_pack("{s:o, s:o, s:I, s:I, s:s}", "to",
				   rpc_tool_host_json(t->node, &t->dst, t->scope_id), "source",
				   rpc_tool_addr_json(&route->src), "max_hops",
				   (json_int_t)t->max_hops, "packet_len", (json_int_t)packet_len,
				   "family", t->dst.family == WEFT_AF_INET6 ? "inet6" : "inet"));
	weft_timer_start(t->timer, trace_now(t));
	rpc_call_on_cancel(call, trace_cancelled, t);
	return true;
}

static struct trace *trace_new(struct rpc_call *call, const struct rpc_tool_route *route)
{
	uint32_t first = (uint32_t)rpc_call_integer(call, "first_hop", 1);
	uint32_t max = (uint32_t)rpc_call_integer(call, "max_hops", 30);
	uint32_t queries = (uint32_t)rpc_call_integer(call, "queries", 3);
	uint32_t n = (max - first + 1) * queries;
	struct trace *t = calloc(1, sizeof(*t) + n * sizeof(t->probes[0]));

	if (!t)
		return NULL;
	t->call = call;
	t->node = route->node;
	t->dst = route->dst;
	t->scope_id = route->scope_id;
	t->first_hop = first;
	t->max_hops = max;
	t->n_queries = queries;
	t->n_probes = t->end = n;
	t->is_icmp = rpc_call_boolean(call, "icmp", false);
	t->id = (uint16_t)weft_engine_random(route->node->lab->eng);
	t->base = (uint16_t)rpc_call_integer(call, "port", t->is_icmp ? 1 : PORT_DEFAULT);
	t->n_parallel = (uint32_t)rpc_call_integer(call, "parallel", PARALLEL_DEFAULT);
	t->wait_ns = rpc_call_integer(call, "wait_ns", 5 * NS_PER_S);
	t->here_factor = rpc_call_integer(call, "wait_here", 3);
	t->near_factor = rpc_call_integer(call, "wait_near", 10);
	t->send_wait_ns = rpc_call_integer(call, "send_wait_ns", 0);
	for (uint32_t i = 0; i < n; i++)
		t->probes[i].sent_ns = t->probes[i].rtt_ns = -1;
	return t;
}

static int traceroute_run(struct rpc_call *call)
{
	struct rpc_tool_route route;
	struct trace *t;
	int ret;

	if (rpc_call_integer(call, "first_hop", 1) > rpc_call_integer(call, "max_hops", 30))
		return rpc_fail(call, RPC_INVALID_PARAMS, 0, "first hop out of range");
	if (!rpc_tool_route(call, &route, &ret))
		return ret;
	t = trace_new(call, &route);
	if (!t)
		return rpc_fail_errno(call, -ENOMEM, "traceroute");
	if (begin(t, call, &route, &ret))
		return RPC_LATER;
	trace_free(t);
	return ret;
}

static const struct rpc_param traceroute_params[] = {
	{"node", RPC_NODE, true, 0, 0, "The weft node that asks"},
	{"host", RPC_STRING, true, 0, 0,
	 "An address, with its interface (fe80::1%eth0) if it is link-local, or a name of the lab"},
	{"family", RPC_STRING, false, 0, 0,
	 "inet or inet6; default: of the address, the best of the name's by RFC 6724"},
	{"icmp", RPC_BOOLEAN, false, 0, 0, "Echo requests instead of UDP; default false"},
	{"first_hop", RPC_INTEGER, false, 1, HOPS_MAX, "First time to live; default 1"},
	{"max_hops", RPC_INTEGER, false, 1, HOPS_MAX, "Last time to live; default 30"},
	{"queries", RPC_INTEGER, false, 1, QUERIES_MAX, "Probes a hop; default 3"},
	{"parallel", RPC_INTEGER, false, 1, 1000, "Probes under way at a time; default 16"},
	{"port", RPC_INTEGER, false, 0, 65535,
	 "First UDP port, default 33434; or first echo number, default 1"},
	{"wait_ns", RPC_INTEGER, false, 0, 86400 * NS_PER_S,
	 "How long to wait for an answer; default 5 s"},
	{"wait_here", RPC_INTEGER, false, 0, 1000,
	 "At most so many times as long as others of the hop took; 0: no bound; default 3"},
	{"wait_near", RPC_INTEGER, false, 0, 1000, "The same of the next hop; default 10"},
	{"send_wait_ns", RPC_INTEGER, false, 0, 3600 * NS_PER_S, "Between probes; default 0"},
	{"packet_len", RPC_INTEGER, false, 0, PACKET_MAX,
	 "Bytes with the IP header; default 60, in IPv6 80"},
	{"tos", RPC_INTEGER, false, 0, 255, "Type of service; default 0"},
	{"source", RPC_STRING, false, 0, 0, "Address to send from; default: by route"},
	{"dev", RPC_STRING, false, 0, 0, "Interface to send from; default: by route"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

const struct rpc_method rpc_methods_traceroute[] = {
	{
		.name = "traceroute.start",
		.help = "Finds the routers on the way to a host by probes with growing time to "
			"live",
		.params = traceroute_params,
		.result =
			"`{reached, hops}`: whether the destination has answered, and the last hop "
			"tried",
		.notifies =
			"`traceroute.begin` `{to, source, max_hops, packet_len, "
			"family}`; "
			"`traceroute.probe` `{hop, probe, from, rtt_ns, ttl, final, type, code, "
			"mtu}`, in order: without `from` when nobody answered, with `type` and "
			"`code` when the answer was an ICMP error",
		.run = traceroute_run,
	},
	{.name = NULL},
};
