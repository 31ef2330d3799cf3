/* SPDX-License-Identifier: MIT */
/*
 * Methods about reachability: an ICMP echo client on a weft node, with what iputils' ping can be
 * asked for. Requests leave from a timer, inside of the engine's run, so that a time is never that
 * of an earlier turn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/icmp_seen.h"
#include "lab/lab.h"
#include "lab/names.h"
#include "lab/ping_stats.h"
#include "lab/rpc.h"
#include "lab/rpc_tool.h"

enum {
	PING_PAYLOAD_MAX = 65507,
	PING_HDR = 8,
	PING_TIME_BYTES = 16, /* a payload of so much has a time in it */
	PING_TRACK = 4096,    /* requests of which the time is known */
	PING_PATTERN_MAX = 16,
	PING_BURST = 100, /* requests at one instant */
	PING_ADAPTIVE_MIN_NS = 2000000,
};

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

struct ping_request {
	uint64_t seq; /* 0: free */
	int64_t sent_ns;
	bool is_answered;
};

struct ping {
	struct rpc_call *call;
	struct lab_node *node;
	struct weft_sock *sock;
	struct weft_timer *timer;
	struct weft_addr dst, src;
	uint32_t scope_id;
	uint16_t id;
	uint64_t count; /* 0: no end */
	int64_t interval_ns, timeout_ns, deadline_ns;
	bool is_adaptive;
	int64_t next_ns;  /* when the next request leaves */
	int64_t until_ns; /* deadline on the engine's clock; INT64_MAX: none */
	int64_t linger_until_ns;
	bool has_begun, is_last_sent;
	size_t size;
	uint8_t *message;
	struct ping_stats stats;
	struct ping_request track[PING_TRACK];
};

static void ping_free(struct ping *p)
{
	weft_close(p->sock);
	weft_timer_free(p->timer);
	free(p->message);
	free(p);
}

static void ping_cancelled(void *arg)
{
	ping_free(arg);
}

static int64_t ping_now(const struct ping *p)
{
	return weft_engine_now_ns(p->node->lab->eng);
}

static json_t *stats_json(const struct ping *p)
{
	const struct ping_stats *s = &p->stats;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "transmitted", (json_int_t)s->n_sent, "received",
			 (json_int_t)s->n_received, "duplicates", (json_int_t)s->n_duplicates,
			 "errors", (json_int_t)s->n_errors, "time_ns",
			 (json_int_t)(s->last_ns - s->start_ns), "timed", (json_int_t)s->n_timed,
			 "rtt_min_us", (json_int_t)s->min_us, "rtt_avg_us",
			 (json_int_t)ping_stats_avg_us(s), "rtt_max_us", (json_int_t)s->max_us,
			 "rtt_mdev_us", (json_int_t)ping_stats_mdev_us(s), "rtt_ewma_us",
			 (json_int_t)(s->ewma_8us / 8), "pipe", (json_int_t)s->pipe);
}

static void ping_finish(struct ping *p)
{
	struct rpc_call *call = p->call;
	json_t *result = stats_json(p);

	ping_free(p);
	(void)rpc_reply(call, result);
}

/* Whether there is nothing to wait for any more (iputils: main_loop()). */
static bool ping_is_over(const struct ping *p)
{
	const struct ping_stats *s = &p->stats;
	int64_t now_ns = ping_now(p);

	if (p->count && s->n_received + s->n_errors >= p->count)
		return true;
	if (p->until_ns != INT64_MAX && s->n_errors)
		return true;
	return now_ns >= p->until_ns || (p->is_last_sent && now_ns >= p->linger_until_ns);
}

static void ping_arm(struct ping *p)
{
	int64_t at_ns = p->is_last_sent ? p->linger_until_ns : p->next_ns;

	weft_timer_start(p->timer, at_ns < p->until_ns ? at_ns : p->until_ns);
}

static void local_error_notify(struct ping *p, uint64_t seq, int err)
{
	(void)rpc_notify(p->call, "ping.local_error",
			 json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)seq, "errno",
				   strerrorname_np(-err), "text", strerror(-err)));
}

static void ping_send(struct ping *p)
{
	uint64_t seq = p->stats.n_sent + 1;
	struct weft_sockaddr to = {.addr = p->dst, .scope_id = p->scope_id};
	struct ping_request *req = &p->track[seq % PING_TRACK];
	ptrdiff_t n;

	rpc_tool_echo_fill(&p->dst, p->message, p->size + PING_HDR, p->id, (uint16_t)seq);
	*req = (struct ping_request){.seq = seq, .sent_ns = ping_now(p)};
	ping_stats_sent(&p->stats, ping_now(p));
	(void)rpc_notify(p->call, "ping.sent",
			 json_pack("{s:I, s:I}", "seq", (json_int_t)seq, "time_ns",
				   (json_int_t)rpc_tool_wall_ns(p->node->lab)));
	n = weft_sendto(p->sock, p->message, p->size + PING_HDR, 0, &to);
	if (n >= 0)
		return;
	ping_stats_error(&p->stats, seq);
	local_error_notify(p, seq, (int)n);
}

/* After the last request, iputils waits for twice the longest time seen, or for -W. */
static int64_t linger_ns(const struct ping *p)
{
	int64_t twice_ns = p->stats.max_us * 2 * 1000;

	if (!p->stats.n_received)
		return p->timeout_ns;
	return twice_ns > p->interval_ns ? twice_ns : p->interval_ns;
}

static void ping_send_due(struct ping *p)
{
	int64_t now_ns = ping_now(p);

	for (int i = 0; i < PING_BURST && !p->is_last_sent && p->next_ns <= now_ns; i++) {
		ping_send(p);
		p->next_ns = p->is_adaptive ? now_ns + p->interval_ns : p->next_ns + p->interval_ns;
		/* With a deadline, requests go on until as many answers have come. */
		if (p->count && p->stats.n_sent >= p->count && p->until_ns == INT64_MAX) {
			p->is_last_sent = true;
			p->linger_until_ns = now_ns + linger_ns(p);
		}
		if (!p->interval_ns)
			break;
	}
	if (p->next_ns < now_ns) /* we were late: no burst to make up for it */
		p->next_ns = now_ns;
}

static void ping_timer(void *arg)
{
	struct ping *p = arg;

	if (!p->has_begun) {
		p->has_begun = true;
		p->next_ns = ping_now(p);
		if (p->deadline_ns)
			p->until_ns = ping_now(p) + p->deadline_ns;
	}
	if (ping_is_over(p)) {
		ping_finish(p);
		return;
	}
	ping_send_due(p);
	ping_arm(p);
}

/* The request of that number on the wire, which has 16 bits; NULL: too long ago. */
static struct ping_request *request_of(struct ping *p, uint16_t seq16)
{
	uint64_t last = p->stats.n_sent;
	uint64_t seq = last - (uint16_t)((uint16_t)last - seq16);
	struct ping_request *req = &p->track[seq % PING_TRACK];

	return seq && seq <= last && req->seq == seq ? req : NULL;
}

static void ping_reply(struct ping *p, const struct icmp_seen *seen)
{
	struct ping_request *req = request_of(p, seen->seq);
	bool has_time = p->size >= PING_TIME_BYTES && req;
	int64_t rtt_ns = has_time ? ping_now(p) - req->sent_ns : -1;
	bool is_dup = req && req->is_answered;
	json_t *params;

	if (req)
		req->is_answered = true;
	ping_stats_reply(&p->stats, req ? req->seq : seen->seq, rtt_ns, is_dup);
	params = json_pack("{s:I, s:I, s:o, s:i, s:I, s:b}", "seq", (json_int_t)seen->seq, "bytes",
			   (json_int_t)seen->icmp_len, "from",
			   rpc_tool_host_json(p->node, &seen->from, seen->scope_id), "ttl",
			   (int)seen->ttl, "time_ns", (json_int_t)rpc_tool_wall_ns(p->node->lab),
			   "duplicate", is_dup);
	if (has_time)
		json_object_set_new(params, "rtt_ns", json_integer(rtt_ns));
	(void)rpc_notify(p->call, "ping.reply", params);
	if (!p->is_adaptive || is_dup || p->is_last_sent)
		return;
	p->next_ns = ping_now(p) + (rtt_ns < PING_ADAPTIVE_MIN_NS ? PING_ADAPTIVE_MIN_NS : 0);
}

static void ping_error(struct ping *p, const struct icmp_seen *seen)
{
	struct ping_request *req = request_of(p, seen->seq);

	if (memcmp(&seen->quoted_dst, &p->dst, sizeof(p->dst)) != 0)
		return;
	if (seen->kind != ICMP_SEEN_IS_REDIRECT)
		ping_stats_error(&p->stats, req ? req->seq : seen->seq);
	(void)rpc_notify(p->call, "ping.error",
			 json_pack("{s:I, s:o, s:i, s:i, s:I, s:I}", "seq", (json_int_t)seen->seq,
				   "from", rpc_tool_host_json(p->node, &seen->from, seen->scope_id),
				   "type", (int)seen->type, "code", (int)seen->code, "mtu",
				   (json_int_t)seen->mtu, "time_ns",
				   (json_int_t)rpc_tool_wall_ns(p->node->lab)));
}

static void ping_event(struct weft_sock *sock, void *arg, uint32_t events)
{
	struct ping *p = arg;
	struct icmp_seen seen;
	int err;

	(void)events;
	while ((err = rpc_tool_icmp_recv(sock, &p->dst, &seen)) != -EAGAIN) {
		if (err && err != -ENOMSG && err != -EBADMSG)
			break;
		if (err || seen.id != p->id)
			continue;
		if (!seen.is_error)
			ping_reply(p, &seen);
		else if (seen.quotes_echo)
			ping_error(p, &seen);
	}
	if (ping_is_over(p))
		ping_finish(p);
	else if (p->has_begun)
		ping_arm(p);
}

/* ---- starting ---------------------------------------------------------------------------- */

/* "ff00" to bytes; how many, or -EINVAL. */
static int pattern_read(const char *text, uint8_t ret[PING_PATTERN_MAX])
{
	size_t len = strlen(text), n = 0;

	if (len > 2 * PING_PATTERN_MAX || strspn(text, "0123456789abcdefABCDEF") != len)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		char pair[3] = {text[i], text[i + 1], '\0'};

		ret[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return (int)n;
}

static int message_make(struct ping *p, const char *pattern)
{
	uint8_t bytes[PING_PATTERN_MAX];
	int n = pattern_read(pattern, bytes);

	if (n < 0)
		return n;
	p->message = calloc(1, p->size + PING_HDR);
	if (!p->message)
		return -ENOMEM;
	for (size_t i = 0; i < p->size; i++)
		p->message[PING_HDR + i] = n ? bytes[i % (size_t)n] : (uint8_t)i;
	return 0;
}

static int sock_open(struct ping *p, const struct rpc_tool_route *route, int ttl, int tos)
{
	int on = 1;
	int err = rpc_tool_sock_open(route, false, tos, &p->sock);

	if (!err)
		err = weft_setsockopt(p->sock, WEFT_SOL_SOCKET, WEFT_SO_BROADCAST, &on, sizeof(on));
	if (!err && ttl)
		err = rpc_tool_sock_ttl(p->sock, &p->dst, ttl);
	if (!err)
		weft_on_event(p->sock, ping_event, p);
	return err;
}

/* False: the call has been refused, and *ret is what the method returns. */
static bool begin(struct ping *p, struct rpc_call *call, const struct rpc_tool_route *route,
		  int *ret)
{
	int64_t ttl = rpc_call_integer(call, "ttl", 0), tos = rpc_call_integer(call, "tos", 0);
	int err = message_make(p, rpc_call_string(call, "pattern", ""));

	if (err == -EINVAL) {
		*ret = rpc_fail(
			call, RPC_INVALID_PARAMS, 0,
			"`pattern` must be up to 32 hexadecimal digits, such as ff00; not `%s`",
			rpc_call_string(call, "pattern", ""));
		return false;
	}
	if (!err)
		err = sock_open(p, route, (int)ttl, (int)tos);
	if (!err) {
		p->timer = weft_timer_new(p->node->lab->eng, ping_timer, p);
		err = p->timer ? 0 : -ENOMEM;
	}
	if (err) {
		*ret = rpc_fail_errno(call, err, "cannot open an ICMP socket");
		return false;
	}
	(void)rpc_notify(call, "ping.begin",
			 json_pack("{s:o, s:o, s:I, s:s}", "to",
				   rpc_tool_host_json(p->node, &p->dst, p->scope_id), "source",
				   rpc_tool_addr_json(&p->src), "size", (json_int_t)p->size,
				   "family", p->dst.family == WEFT_AF_INET6 ? "inet6" : "inet"));
	weft_timer_start(p->timer, weft_engine_now_ns(p->node->lab->eng));
	rpc_call_on_cancel(call, ping_cancelled, p);
	return true;
}

static int ping_run(struct rpc_call *call)
{
	struct rpc_tool_route route;
	struct ping *p;
	int ret;

	if (!rpc_tool_route(call, &route, &ret))
		return ret;
	if (route.type == WEFT_ROUTE_BROADCAST && !rpc_call_boolean(call, "broadcast", false))
		return rpc_fail(call, RPC_FAILED, -EACCES,
				"the destination is a broadcast address");
	p = calloc(1, sizeof(*p));
	if (!p)
		return rpc_fail_errno(call, -ENOMEM, "ping");
	p->call = call;
	p->node = route.node;
	p->dst = route.dst;
	p->src = route.src;
	p->scope_id = route.scope_id;
	p->id = (uint16_t)weft_engine_random(route.node->lab->eng);
	p->count = (uint64_t)rpc_call_integer(call, "count", 0);
	p->size = (size_t)rpc_call_integer(call, "size", 56);
	p->is_adaptive = rpc_call_boolean(call, "adaptive", false);
	p->interval_ns = rpc_call_integer(call, "interval_ns", NS_PER_S);
	p->timeout_ns = rpc_call_integer(call, "timeout_ns", 10 * NS_PER_S);
	p->deadline_ns = rpc_call_integer(call, "deadline_ns", 0);
	p->until_ns = INT64_MAX;
	if (begin(p, call, &route, &ret))
		return RPC_LATER;
	ping_free(p);
	return ret;
}

static const struct rpc_param ping_params[] = {
	{"node", RPC_NODE, true, 0, 0, "The weft node that asks"},
	{"host", RPC_STRING, true, 0, 0,
	 "An address, with its interface (fe80::1%eth0) if it is link-local, or a name of the lab"},
	{"family", RPC_STRING, false, 0, 0,
	 "inet or inet6; default: of the address, the best of the name's by RFC 6724"},
	{"count", RPC_INTEGER, false, 1, INT64_MAX, "Requests to send; default: no end"},
	{"interval_ns", RPC_INTEGER, false, 1, 3600 * NS_PER_S, "Between requests; default 1 s"},
	{"size", RPC_INTEGER, false, 0, PING_PAYLOAD_MAX, "Bytes of payload; default 56"},
	{"timeout_ns", RPC_INTEGER, false, 1, 3600 * NS_PER_S,
	 "How long to wait after the last request when no answer has come; default 10 s"},
	{"deadline_ns", RPC_INTEGER, false, 1, 86400 * NS_PER_S,
	 "Ends after this long, however many have been answered; default: none"},
	{"ttl", RPC_INTEGER, false, 0, 255, "Time to live, hop limit; default, and 0: the node's"},
	{"tos", RPC_INTEGER, false, 0, 255, "Type of service, traffic class; default 0"},
	{"source", RPC_STRING, false, 0, 0, "Address to send from; default: by route"},
	{"dev", RPC_STRING, false, 0, 0, "Interface to send from; default: by route"},
	{"pattern", RPC_STRING, false, 0, 0,
	 "Payload in hexadecimal, repeated; default: counts up"},
	{"adaptive", RPC_BOOLEAN, false, 0, 0,
	 "The next request leaves when the last was answered; default false"},
	{"broadcast", RPC_BOOLEAN, false, 0, 0, "Broadcast addresses are allowed; default false"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

const struct rpc_method rpc_methods_ping[] = {
	{
		.name = "ping.start",
		.help = "Sends ICMP echo requests and waits for the answers",
		.params = ping_params,
		.result =
			"`{transmitted, received, duplicates, errors, time_ns, timed, rtt_min_us, "
			"rtt_avg_us, rtt_max_us, rtt_mdev_us, rtt_ewma_us, pipe}`, as iputils' "
			"ping "
			"counts them",
		.notifies =
			"`ping.begin` `{to, source, size, family}`; `ping.sent` `{seq, time_ns}`; "
			"`ping.reply` `{seq, bytes, from, ttl, time_ns, duplicate, rtt_ns}`; "
			"`ping.error` `{seq, from, type, code, mtu, time_ns}`, an ICMP error of "
			"that "
			"family; "
			"`ping.local_error` `{seq, errno, text}`. `to` and `from` are `{addr, "
			"name}`, `name` only if somebody in the lab has the address; times are "
			"since 1970",
		.run = ping_run,
	},
	{.name = NULL},
};
