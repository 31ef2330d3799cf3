/* SPDX-License-Identifier: MIT */
/* Methods gateway.VERB; the contract is in rpc.h. */
#include "gateway/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/run.h"
#include "gateway/tell.h"
#include "lab/lab.h"
#include "lab/rpc.h"

enum {
	PORT_MAX = 65535,
};

static struct gateway *gateway_of(const struct rpc_call *call)
{
	return gateway_run_gateway(rpc_call_lab(call)->rpc_more_arg);
}

static const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case WEFT_IPPROTO_TCP:
		return "tcp";
	case WEFT_IPPROTO_UDP:
		return "udp";
	case WEFT_IPPROTO_ICMP:
		return "icmp";
	default:
		return "icmpv6";
	}
}

/* null: there is none. */
static json_t *addr_json(const struct weft_addr *addr)
{
	char text[WEFT_ADDR_STRLEN];

	return addr->family ? json_string(weft_addr_print(addr, text, sizeof(text))) : json_null();
}

static json_t *end_json(const struct weft_sockaddr *end)
{
	return end->addr.family ? json_pack("{s:o, s:i}", "address", addr_json(&end->addr), "port",
					    (int)end->port)
				: json_null();
}

/* ---- connections ------------------------------------------------------------------------- */

static void flow_add(void *arg, const struct gateway_flow_info *info)
{
	json_array_append_new(
		arg,
		json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "proto",
			  proto_name(info->proto), "direction", info->is_inbound ? "in" : "out",
			  "wait", gateway_wait_name(info->wait), "guest", end_json(&info->guest),
			  "remote", end_json(&info->remote), "host", end_json(&info->host),
			  "bytes_out", (json_int_t)info->bytes_out, "bytes_in",
			  (json_int_t)info->bytes_in, "held_out_bytes", (json_int_t)info->held_out,
			  "held_in_bytes", (json_int_t)info->held_in, "age_ns",
			  (json_int_t)info->age_ns, "idle_ns", (json_int_t)info->idle_ns));
}

static int flows_run(struct rpc_call *call)
{
	json_t *list = json_array();

	if (list)
		gateway_flows(gateway_of(call), flow_add, list);
	return rpc_reply(call, list);
}

/* ---- forwards ---------------------------------------------------------------------------- */

static json_t *forward_json(const struct gateway_forward_info *info)
{
	const struct gateway_forward *f = &info->forward;

	return json_pack("{s:I, s:s, s:o, s:i, s:i, s:o, s:i, s:b, s:s, s:I, s:I, s:I, s:I, s:I}",
			 "id", (json_int_t)info->id, "proto", proto_name(f->proto), "host_addr",
			 addr_json(&f->host_addr), "host_port", (int)f->host_port, "n_ports",
			 (int)f->n_ports, "guest_addr", addr_json(&f->guest_addr), "guest_port",
			 (int)(f->guest_port ? f->guest_port : f->host_port), "hide_source",
			 f->hide_source, "state", info->state, "open", (json_int_t)info->n_open,
			 "accepted", (json_int_t)info->n_accepted, "refused",
			 (json_int_t)info->n_refused, "bytes_in", (json_int_t)info->bytes_in,
			 "bytes_out", (json_int_t)info->bytes_out);
}

static void forward_list_add(void *arg, const struct gateway_forward_info *info)
{
	json_array_append_new(arg, forward_json(info));
}

static int forwards_run(struct rpc_call *call)
{
	json_t *list = json_array();

	if (list)
		gateway_forwards(gateway_of(call), forward_list_add, list);
	return rpc_reply(call, list);
}

static bool addr_read(const struct rpc_call *call, const char *name, struct weft_addr *ret)
{
	const char *text = rpc_call_string(call, name, NULL);

	return !text || weft_addr_parse(text, ret) == 0;
}

/* What is wrong with the parameters, or NULL. */
static const char *forward_read(const struct rpc_call *call, struct gateway_forward *f)
{
	const char *proto = rpc_call_string(call, "proto", "");

	if (!strcmp(proto, "tcp"))
		f->proto = WEFT_IPPROTO_TCP;
	else if (!strcmp(proto, "udp"))
		f->proto = WEFT_IPPROTO_UDP;
	else
		return "`proto` is `tcp` or `udp`";
	if (!addr_read(call, "host_addr", &f->host_addr))
		return "`host_addr` is not an IP address";
	if (!addr_read(call, "guest_addr", &f->guest_addr))
		return "`guest_addr` is not an IP address";
	f->host_port = (uint16_t)rpc_call_integer(call, "host_port", 0);
	f->n_ports = (uint16_t)rpc_call_integer(call, "n_ports", 1);
	f->guest_port = (uint16_t)rpc_call_integer(call, "guest_port", 0);
	f->hide_source = rpc_call_boolean(call, "hide_source", false);
	return NULL;
}

static int forward_add_run(struct rpc_call *call)
{
	struct gateway_forward f = {.n_ports = 1};
	const char *wrong = forward_read(call, &f);
	char msg[GATEWAY_MSG_MAX];
	uint32_t id = 0;
	int err;

	if (wrong)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s", wrong);
	err = gateway_forward_add(gateway_of(call), &f, &id, msg);
	if (err)
		return rpc_fail(call, RPC_FAILED, err, "%s", msg);
	return rpc_reply(call, json_pack("{s:I}", "id", (json_int_t)id));
}

static int forward_del_run(struct rpc_call *call)
{
	uint32_t id = (uint32_t)rpc_call_integer(call, "id", 0);

	if (gateway_forward_del(gateway_of(call), id) < 0)
		return rpc_fail(call, RPC_FAILED, -ENOENT, "there is no forward %u", id);
	return rpc_reply(call, json_object());
}

/* ---- what was refused -------------------------------------------------------------------- */

static void refused_add(void *arg, const struct gateway_refused *what)
{
	json_t *one = json_pack("{s:s, s:s, s:o, s:o, s:I, s:I}", "why",
				gateway_refusal_name(what->why), "proto", proto_name(what->proto),
				"from", end_json(&what->src), "to", end_json(&what->dst), "n",
				(json_int_t)what->n, "ago_ns", (json_int_t)what->ago_ns);

	if (what->id)
		json_object_set_new(one, what->why == GATEWAY_REFUSED_RULE ? "rule" : "forward",
				    json_integer(what->id));
	if (what->err)
		json_object_set_new(one, "error", json_string(strerror(what->err)));
	json_array_append_new(arg, one);
}

static int refused_run(struct rpc_call *call)
{
	json_t *list = json_array();

	if (list)
		gateway_refused(gateway_of(call), refused_add, list);
	return rpc_reply(call, list);
}

/* ---- rules ------------------------------------------------------------------------------- */

static const char *rule_proto_name(uint8_t proto)
{
	return proto ? proto_name(proto) : "any";
}

static void rule_list_add(void *arg, const struct gateway_rule_info *info)
{
	const struct gateway_rule *r = &info->rule;
	char prefix[WEFT_ADDR_STRLEN + 4] = "", addr[WEFT_ADDR_STRLEN];

	if (r->prefix.family)
		snprintf(prefix, sizeof(prefix), "%s/%u",
			 weft_addr_print(&r->prefix, addr, sizeof(addr)), r->prefix_len);
	json_array_append_new(arg, json_pack("{s:I, s:s, s:s, s:o, s:i, s:i, s:I}", "id",
					     (json_int_t)info->id, "action",
					     r->is_allow ? "allow" : "deny", "proto",
					     rule_proto_name(r->proto), "prefix",
					     prefix[0] ? json_string(prefix) : json_null(),
					     "port_first", (int)r->port_first, "port_last",
					     (int)r->port_last, "hits", (json_int_t)info->n_hits));
}

static int rules_run(struct rpc_call *call)
{
	json_t *list = json_array();

	if (list)
		gateway_rules(gateway_of(call), rule_list_add, list);
	return rpc_reply(call, list);
}

/* What is wrong with the parameters, or NULL. */
static const char *rule_read(const struct rpc_call *call, struct gateway_rule *r)
{
	static const uint8_t protos[] = {0, WEFT_IPPROTO_TCP, WEFT_IPPROTO_UDP, WEFT_IPPROTO_ICMP};
	const char *action = rpc_call_string(call, "action", "");
	const char *proto = rpc_call_string(call, "proto", "any");
	const char *prefix = rpc_call_string(call, "prefix", NULL);
	size_t i = 0;

	r->is_allow = !strcmp(action, "allow");
	if (!r->is_allow && strcmp(action, "deny") != 0)
		return "`action` is `allow` or `deny`";
	while (i < sizeof(protos) && strcmp(proto, rule_proto_name(protos[i])) != 0)
		i++;
	if (i == sizeof(protos))
		return "`proto` is `tcp`, `udp`, `icmp` or `any`";
	r->proto = protos[i];
	if (prefix && weft_prefix_parse(prefix, &r->prefix, &r->prefix_len) < 0)
		return "`prefix` is not an IP prefix";
	r->port_first = (uint16_t)rpc_call_integer(call, "port_first", 0);
	r->port_last = (uint16_t)rpc_call_integer(call, "port_last", r->port_first);
	if (r->port_last < r->port_first)
		return "`port_last` is below `port_first`";
	return NULL;
}

static int rule_add_run(struct rpc_call *call)
{
	uint32_t before = (uint32_t)rpc_call_integer(call, "before", 0), id;
	struct gateway_rule r = {0};
	const char *wrong = rule_read(call, &r);
	int err;

	if (wrong)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0, "%s", wrong);
	err = gateway_rule_add(gateway_of(call), &r, before, &id);
	if (err == -ENOENT)
		return rpc_fail(call, RPC_FAILED, err, "there is no rule %u", before);
	if (err)
		return rpc_fail(call, RPC_FAILED, err, "the rule: %s",
				err == -E2BIG ? "there are 256 already" : strerror(-err));
	return rpc_reply(call, json_pack("{s:I}", "id", (json_int_t)id));
}

static int rule_del_run(struct rpc_call *call)
{
	uint32_t id = (uint32_t)rpc_call_integer(call, "id", 0);

	if (gateway_rule_del(gateway_of(call), id) < 0)
		return rpc_fail(call, RPC_FAILED, -ENOENT, "there is no rule %u", id);
	return rpc_reply(call, json_object());
}

/* ---- figures ----------------------------------------------------------------------------- */

struct figure {
	const char *name;
	uint64_t n;
};

static void figures_put(json_t *result, const struct figure *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set_new(result, all[i].name, json_integer((json_int_t)all[i].n));
}

static void gateway_figures(json_t *result, const struct gateway *gw)
{
	struct gateway_stats s;

	gateway_stats(gw, &s);
	const struct figure all[] = {
		{"flows", s.n_flows},
		{"connecting", s.n_connecting},
		{"half_open", s.n_half_open},
		{"mappings", s.n_mappings},
		{"descriptors", s.n_fds},
		{"tcp_opened", s.tcp_opened},
		{"tcp_refused", s.tcp_refused},
		{"tcp_unreachable", s.tcp_unreachable},
		{"tcp_timed_out", s.tcp_timed_out},
		{"tcp_reset", s.tcp_reset},
		{"tcp_addr_gone", s.tcp_addr_gone},
		{"half_open_ended", s.half_ended},
		{"half_open_refused", s.half_refused},
		{"bytes_out", s.bytes_out},
		{"bytes_in", s.bytes_in},
		{"udp_out", s.udp_out},
		{"udp_in", s.udp_in},
		{"udp_filtered", s.udp_filtered},
		{"udp_send_errors", s.udp_send_errors},
		{"echo_out", s.echo_out},
		{"echo_in", s.echo_in},
		{"echo_not_allowed", s.echo_not_allowed},
		{"icmp_errors", s.icmp_errors},
		{"icmp_errors_limited", s.icmp_errors_limited},
		{"denied", s.denied},
		{"bad_source", s.bad_source},
		{"full", s.full},
	};

	figures_put(result, all, sizeof(all) / sizeof(all[0]));
}

static void dhcp_figures(json_t *result, const struct dhcp_stats *s)
{
	const struct figure all[] = {
		{"dhcp_queries", s->n_queries},   {"dhcp_invalid", s->n_invalid},
		{"dhcp_offers", s->n_offers},     {"dhcp_acks", s->n_acks},
		{"dhcp_naks", s->n_naks},         {"dhcp_declines", s->n_declines},
		{"dhcp_releases", s->n_releases}, {"dhcp_full", s->n_full},
		{"dhcp_failed", s->n_failed},
	};

	figures_put(result, all, sizeof(all) / sizeof(all[0]));
}

static void dhcp6_figures(json_t *result, const struct dhcp6_stats *s)
{
	const struct figure all[] = {
		{"dhcp6_leases", s->n_leases},
		{"dhcp6_queries", s->n_queries},
		{"dhcp6_malformed", s->n_malformed},
		{"dhcp6_not_local", s->n_not_local},
		{"dhcp6_other", s->n_other},
		{"dhcp6_silent", s->n_silent},
		{"dhcp6_advertised", s->n_advertised},
		{"dhcp6_replied", s->n_replied},
		{"dhcp6_leased", s->n_leased},
		{"dhcp6_renewed", s->n_renewed},
		{"dhcp6_released", s->n_released},
		{"dhcp6_declined", s->n_declined},
		{"dhcp6_full", s->n_full},
		{"dhcp6_failed", s->n_failed},
	};

	figures_put(result, all, sizeof(all) / sizeof(all[0]));
}

static void radv_figures(json_t *result, const struct radv_stats *s)
{
	const struct figure all[] = {
		{"ra_sent", s->n_sent},
		{"ra_solicited", s->n_solicited},
		{"ra_invalid", s->n_invalid},
		{"ra_failed", s->n_failed},
	};

	figures_put(result, all, sizeof(all) / sizeof(all[0]));
}

static void dns_figures(json_t *result, const struct dnsfwd_stats *s)
{
	const struct figure all[] = {
		{"dns_waiting", s->n_waiting},   {"dns_connections", s->n_conns},
		{"dns_queries", s->n_queries},   {"dns_over_tcp", s->n_tcp},
		{"dns_answers", s->n_answers},   {"dns_failed", s->n_failed},
		{"dns_tries", s->n_tries},       {"dns_timeouts", s->n_timeouts},
		{"dns_errors", s->n_errors},     {"dns_malformed", s->n_malformed},
		{"dns_forged", s->n_forged},     {"dns_truncated", s->n_truncated},
		{"dns_repeated", s->n_repeated}, {"dns_full", s->n_full},
		{"dns_cached", s->n_cached},     {"dns_cache_hits", s->n_hits},
	};

	figures_put(result, all, sizeof(all) / sizeof(all[0]));
}

static int stats_run(struct rpc_call *call)
{
	const struct gateway *gw = gateway_of(call);
	struct gateway_run *run = rpc_call_lab(call)->rpc_more_arg;
	char hint[GATEWAY_MSG_MAX];
	struct tell_stats told;
	json_t *result = json_object();

	gateway_figures(result, gw);
	tell_stats(gateway_run_tell(run), &told);
	if (told.has_dhcp)
		dhcp_figures(result, &told.dhcp);
	if (told.has_dhcp6)
		dhcp6_figures(result, &told.dhcp6);
	if (told.has_radv)
		radv_figures(result, &told.radv);
	if (told.has_dns)
		dns_figures(result, &told.dns);
	if (told.has_dns)
		json_object_set_new(result, "dns_resolver_changes",
				    json_integer((json_int_t)told.n_resolv_changes));
	if (!gateway_can_ping(gw, hint))
		json_object_set_new(result, "ping_hint", json_string(hint));
	return rpc_reply(call, result);
}

static const struct rpc_param forward_add_params[] = {
	{"proto", RPC_STRING, true, 0, 0, "`tcp` or `udp`"},
	{"host_port", RPC_INTEGER, true, 1, PORT_MAX, "The port of the host, the first of a range"},
	{"host_addr", RPC_STRING, false, 0, 0,
	 "The address of the host; default: all of both families"},
	{"n_ports", RPC_INTEGER, false, 1, PORT_MAX, "So many ports from there on; default 1"},
	{"guest_addr", RPC_STRING, false, 0, 0,
	 "Where it leads; default: the guest's address of the client's family"},
	{"guest_port", RPC_INTEGER, false, 1, PORT_MAX,
	 "The port there; default: that of the host"},
	{"hide_source", RPC_BOOLEAN, false, 0, 0,
	 "The client appears as the gateway, not with its own address; default false"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

static const struct rpc_param forward_del_params[] = {
	{"id", RPC_INTEGER, true, 1, UINT32_MAX, "Its number, as gateway.forwards has it"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

static const struct rpc_param rule_add_params[] = {
	{"action", RPC_STRING, true, 0, 0, "`allow` or `deny`"},
	{"proto", RPC_STRING, false, 0, 0,
	 "`tcp`, `udp`, `icmp` (echo of both families) or `any`, the default"},
	{"prefix", RPC_STRING, false, 0, 0, "An address or a prefix; default: all"},
	{"port_first", RPC_INTEGER, false, 1, PORT_MAX,
	 "A port, the first of a range; default: all"},
	{"port_last", RPC_INTEGER, false, 1, PORT_MAX, "The last of the range"},
	{"before", RPC_INTEGER, false, 1, UINT32_MAX,
	 "The rule that it comes before; default: at the end"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

static const struct rpc_param rule_del_params[] = {
	{"id", RPC_INTEGER, true, 1, UINT32_MAX, "Its number, as gateway.rules has it"},
	{NULL, RPC_ANY, false, 0, 0, NULL},
};

static const struct rpc_method methods[] = {
	{
		.name = "gateway.flows",
		.help = "Every connection of TCP, mapping of UDP and of echo requests, with one "
			"word that says why it is not moving",
		.result = "An array of `{proto, direction, wait, guest, remote, host, bytes_out, "
			  "bytes_in, held_out_bytes, held_in_bytes, age_ns, idle_ns}`: `proto` is "
			  "`tcp`, `udp`, `icmp` or `icmpv6`; `direction` `out`, or `in` of a "
			  "forward; `wait` `moving`, `idle`, `host-connecting`, "
			  "`guest-connecting`, `host-not-reading`, `guest-window`, "
			  "`guest-network`, `host-finished` or `guest-finished`; `guest`, "
			  "`remote` and `host` (the host's own socket) are `{address, port}` or "
			  "null; `out` is from the guest; `held_*` wait within the gateway",
		.run = flows_run,
	},
	{
		.name = "gateway.forwards",
		.help = "Every forward, with its counters and what it did last",
		.result = "An array of `{id, proto, host_addr, host_port, n_ports, guest_addr, "
			  "guest_port, hide_source, state, open, accepted, refused, bytes_in, "
			  "bytes_out}`: addresses are null where none was given; `state` is "
			  "`listening`, or why the last client was not let in: `guest-refuses`, "
			  "`guest-unreachable`, `guest-no-address`, `full`, `no-descriptors`; "
			  "`bytes_in` go to the guest",
		.run = forwards_run,
	},
	{
		.name = "gateway.forward_add",
		.help = "Makes ports of the host lead to the guest",
		.params = forward_add_params,
		.result = "`{id}`; refused with `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` (a port "
			  "that the user may not have), `E2BIG` (too many) and the sentence",
		.run = forward_add_run,
	},
	{
		.name = "gateway.forward_del",
		.help = "Ends a forward; its connections that stand stay",
		.params = forward_del_params,
		.result = "`{}`; refused with `ENOENT`",
		.run = forward_del_run,
	},
	{
		.name = "gateway.refused",
		.help = "What the gateway has refused by itself, and why: of the last 64",
		.result = "An array, the newest first, of `{why, proto, from, to, n, ago_ns}`: "
			  "`why` is `rule` (and `rule` its id), `host-loopback`, `nobody` (an "
			  "address of the gateway's, which stands for nothing), `on-link` (of the "
			  "guest's network, which nobody has), `source` (`from` is none of the "
			  "guest's), `ping` (no ping sockets), `full`, `half-open` (the guest does "
			  "not complete its connections), `filtered` (a datagram from somebody the "
			  "guest has not sent to), `host` (with what it said as `error`) or "
			  "`forward` (with its id as `forward`); `from` and `to` are `{address, "
			  "port}` or null; `n` the same in a row",
		.run = refused_run,
	},
	{
		.name = "gateway.rules",
		.help = "Whom the guest may reach, in the order in which the first that fits "
			"decides; what none fits is allowed",
		.result = "An array of `{id, action, proto, prefix, port_first, port_last, hits}`: "
			  "`action` is `allow` or `deny`, `prefix` null for all, ports 0 for all; "
			  "`hits` are connections and datagrams that it has decided about",
		.run = rules_run,
	},
	{
		.name = "gateway.rule_add",
		.help = "Adds a rule; connections that stand are not asked again",
		.params = rule_add_params,
		.result = "`{id}`; refused with `ENOENT` (of `before`) and `E2BIG` (256 are there)",
		.run = rule_add_run,
	},
	{
		.name = "gateway.rule_del",
		.help = "Takes a rule away",
		.params = rule_del_params,
		.result = "`{}`; refused with `ENOENT`",
		.run = rule_del_run,
	},
	{
		.name = "gateway.stats",
		.help = "What the gateway has done and what it holds",
		.result = "An object of numbers: `flows`, `connecting`, `mappings` and "
			  "`descriptors` that are there now; the others, by the names of struct "
			  "gateway_stats, have been counted since it came up. `ping_hint` is "
			  "there when the host gives no ping sockets, and says what grants them. "
			  "`dhcp_*`, `dhcp6_*`, `ra_*` and `dns_*` are of what tells the guest "
			  "its addresses and names, where that is on: `dhcp6_leases`, "
			  "`dns_waiting`, `dns_connections` and `dns_cached` are there now",
		.run = stats_run,
	},
	{.name = NULL},
};

const struct rpc_method *const gateway_rpc_tables[] = {methods, NULL};
