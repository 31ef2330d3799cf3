/* SPDX-License-Identifier: MIT */
/* The methods of ping, traceroute, dump and why, in virtual time: what is told, and when. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/base64.h"
#include "lab/lab.h"
#include "lab/rpc_priv.h"
#include "lab/runner.h"

/* 5 ms each way behind the router. */
static const char lab_text[] =
	"lab: way\n"
	"nodes:\n"
	"  pc: { interfaces: { eth0: 10.0.1.1/24 }, routes: [ default via 10.0.1.2 ] }\n"
	"  gw: { forwarding: true, interfaces: { lan: 10.0.1.2/24, wan: 10.0.2.2/24 } }\n"
	"  far: { interfaces: { eth0: 10.0.2.3/24 }, routes: [ default via 10.0.2.2 ] }\n"
	"links:\n"
	"  - pc:eth0 -- gw:lan\n"
	"  - { between: [ gw:wan, far:eth0 ], delay: 5ms }\n";

/* The same in both families. */
static const char dual_text[] =
	"lab: way\n"
	"nodes:\n"
	"  pc: { interfaces: { eth0: [ 10.0.1.1/24, '2001:db8:1::1/64', 'fe80::11/64' ] },\n"
	"        routes: [ default via 10.0.1.2, 'default via 2001:db8:1::2' ] }\n"
	"  gw: { forwarding: true, interfaces: { lan: [ 10.0.1.2/24, '2001:db8:1::2/64', "
	"'fe80::12/64' ],\n"
	"        wan: [ 10.0.2.2/24, '2001:db8:2::2/64' ] } }\n"
	"  far: { interfaces: { eth0: [ 10.0.2.3/24, '2001:db8:2::3/64' ] },\n"
	"         routes: [ default via 10.0.2.2, 'default via 2001:db8:2::2' ] }\n"
	"links:\n"
	"  - pc:eth0 -- gw:lan\n"
	"  - { between: [ gw:wan, far:eth0 ], delay: 5ms }\n";

static struct world {
	struct labfile *file;
	struct lab *lab;
	struct rpc_peer peer;
	json_t *messages; /* that have come, as an array */
} w;

static void peer_send(struct rpc_peer *peer UNUSED, char *line, size_t len UNUSED,
		      const int *fds UNUSED, size_t n_fds UNUSED)
{
	json_t *message = json_loads(line, 0, NULL);

	assert_non_null(message);
	json_array_append_new(w.messages, message);
	free(line);
}

static size_t peer_waiting(const struct rpc_peer *peer UNUSED)
{
	return 0;
}

static int setup_lab(const char *yaml)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.is_sim = true};
	char msg[LAB_MSG_MAX];

	w = (struct world){.messages = json_array()};
	assert_int_equal(labfile_parse("way.yaml", NULL, yaml, strlen(yaml), &w.file, errs), 0);
	free(errs);
	assert_int_equal(lab_start(w.file, &cfg, &w.lab, msg), 0);
	rpc_peer_init(&w.peer, w.lab);
	w.peer.send = peer_send;
	w.peer.waiting = peer_waiting;
	return 0;
}

static int setup(void **state UNUSED)
{
	return setup_lab(lab_text);
}

static int setup_dual(void **state UNUSED)
{
	return setup_lab(dual_text);
}

static int teardown(void **state UNUSED)
{
	rpc_peer_fini(&w.peer);
	assert_int_equal(lab_stop(w.lab), 0);
	labfile_free(w.file);
	json_decref(w.messages);
	return 0;
}

static void request(int id, const char *method, const char *params)
{
	char line[1024];

	snprintf(line, sizeof(line), "{'jsonrpc': '2.0', 'id': %d, 'method': '%s', 'params': {%s}}",
		 id, method, params);
	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	rpc_peer_line(&w.peer, line, strlen(line));
}

static void pass(int64_t ms)
{
	int64_t end_ns = weft_engine_now_ns(w.lab->eng) + ms * 1000000;

	while (!runner_is_over(w.lab->runner, end_ns))
		assert_int_equal(runner_turn(w.lab->runner, end_ns), 0);
}

/* The parameters of the n-th notification of that name, from 0; NULL: there are fewer. Borrowed. */
static const json_t *notified(const char *method, size_t n)
{
	const json_t *message;
	size_t i;

	json_array_foreach (w.messages, i, message) {
		const char *name = json_string_value(json_object_get(message, "method"));

		if (name && !strcmp(name, method) && n-- == 0)
			return json_object_get(message, "params");
	}
	return NULL;
}

/* "result" or "error" of the answer to request `id`; NULL: not yet. Borrowed. */
static const json_t *answer(int id, const char *what)
{
	const json_t *message;
	size_t i;

	json_array_foreach (w.messages, i, message)
		if (!json_object_get(message, "method") &&
		    json_integer_value(json_object_get(message, "id")) == id)
			return json_object_get(message, what);
	return NULL;
}

static int64_t number(const json_t *object, const char *key)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_integer(v))
		fail_msg("%s is missing", key);
	return json_integer_value(v);
}

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static void refused(const char *method, const char *params, const char *message)
{
	const json_t *error;

	json_array_clear(w.messages);
	request(9, method, params);
	error = answer(9, "error");
	if (!error || !strstr(text(error, "message"), message))
		fail_msg("%s: %s", params, error ? text(error, "message") : "not refused");
}

/* ---- ping -------------------------------------------------------------------------------- */

static void ping_is_answered_after_the_delay_of_the_link(void **state UNUSED)
{
	const json_t *reply, *end;

	pass(100); /* the announcements of addresses are over */
	request(1, "ping.start", "'node': 'pc', 'host': 'far', 'count': 2");
	pass(3000);
	assert_string_equal(text(json_object_get(notified("ping.begin", 0), "to"), "addr"),
			    "10.0.2.3");
	assert_string_equal(text(notified("ping.begin", 0), "source"), "10.0.1.1");
	/* The first one also waits for two ARP answers, one of them over the link. */
	assert_int_equal(number(notified("ping.reply", 0), "rtt_ns"), 20000000);
	reply = notified("ping.reply", 1);
	assert_int_equal(number(reply, "rtt_ns"), 10000000);
	assert_int_equal(number(reply, "seq"), 2);
	assert_int_equal(number(reply, "ttl"), 63);
	assert_int_equal(number(reply, "bytes"), 64);
	assert_string_equal(text(json_object_get(reply, "from"), "name"), "far");
	end = answer(1, "result");
	assert_non_null(end);
	assert_int_equal(number(end, "transmitted"), 2);
	assert_int_equal(number(end, "received"), 2);
	assert_int_equal(number(end, "rtt_min_us"), 10000);
	assert_int_equal(number(end, "rtt_avg_us"), 15000);
	assert_int_equal(number(end, "rtt_mdev_us"), 5000);
	assert_int_equal(number(end, "time_ns"), 1000000000);
}

static void ping_that_dies_on_the_way_gets_the_routers_error(void **state UNUSED)
{
	const json_t *error;

	request(1, "ping.start", "'node': 'pc', 'host': '10.0.2.3', 'count': 1, 'ttl': 1");
	pass(100);
	error = notified("ping.error", 0);
	assert_int_equal(number(error, "type"), 11);
	assert_int_equal(number(error, "seq"), 1);
	assert_string_equal(text(json_object_get(error, "from"), "name"), "gw");
	assert_int_equal(number(answer(1, "result"), "errors"), 1);
}

static void ping_without_answer_ends_after_its_timeout(void **state UNUSED)
{
	request(1, "ping.start",
		"'node': 'pc', 'host': '10.0.2.99', 'count': 1, 'timeout_ns': 700000000");
	pass(699);
	assert_null(answer(1, "result"));
	pass(1);
	assert_int_equal(number(answer(1, "result"), "received"), 0);
}

static void ping_with_deadline_ends_at_it(void **state UNUSED)
{
	request(1, "ping.start",
		"'node': 'pc', 'host': 'far', 'interval_ns': 300000000, 'deadline_ns': 1000000000");
	pass(999);
	assert_null(answer(1, "result"));
	pass(1);
	assert_int_equal(number(answer(1, "result"), "transmitted"), 4);
	assert_int_equal(number(answer(1, "result"), "received"), 4);
}

static void ping_that_is_cancelled_leaves_nothing(void **state UNUSED)
{
	size_t n;

	request(1, "ping.start", "'node': 'pc', 'host': 'far'");
	pass(1500);
	request(2, "rpc.cancel", "'id': 1");
	n = json_array_size(w.messages);
	pass(5000);
	assert_int_equal(json_array_size(w.messages), n);
}

static void ping_that_makes_no_sense_is_refused(void **state UNUSED)
{
	refused("ping.start", "'node': 'pc', 'host': 'fra'", "did you mean far?");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'source': '9.9.9.9'",
		"Cannot assign requested address");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'source': 'x'",
		"must be an IP address");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'family': 'inet', 'source': '::1'",
		"must be an IPv4 address");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'family': 'inet6'", "no IPv6 address");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'family': 'six'",
		"must be inet or inet6");
	refused("ping.start", "'node': 'pc', 'host': 'fe80::1'", "Invalid argument");
	refused("ping.start", "'node': 'pc', 'host': 'fe80::1%eth9'", "No such device");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'dev': 'eth7'", "No such device");
	refused("ping.start", "'node': 'pc', 'host': '10.0.1.255'", "broadcast");
	refused("ping.start", "'node': 'pc', 'host': 'far', 'pattern': 'xy'", "hexadecimal");
	refused("ping.start", "'node': 'gw', 'host': '10.7.7.7'", "Network is unreachable");
}

/* ---- traceroute -------------------------------------------------------------------------- */

static void check_probe(size_t n, int64_t hop, const char *name, int64_t rtt_ns)
{
	const json_t *probe = notified("traceroute.probe", n);

	assert_int_equal(number(probe, "hop"), hop);
	assert_string_equal(text(json_object_get(probe, "from"), "name"), name);
	assert_int_equal(number(probe, "rtt_ns"), rtt_ns);
}

static void way_is_told_hop_by_hop(void **state UNUSED)
{
	const char *const params[] = {
		"'node': 'pc', 'host': 'far', 'queries': 2, 'parallel': 1",
		"'node': 'pc', 'host': 'far', 'queries': 2, 'parallel': 1, 'icmp': true",
	};

	for (int i = 0; i < 2; i++) {
		json_array_clear(w.messages);
		request(1, "ping.start", "'node': 'pc', 'host': 'far', 'count': 1"); /* ARP */
		request(2, "traceroute.start", params[i]);
		pass(5000);
		check_probe(0, 1, "gw", 0);
		check_probe(1, 1, "gw", 0);
		check_probe(3, 2, "far", 10000000);
		assert_null(notified("traceroute.probe", 4));
		assert_true(json_is_true(json_object_get(answer(2, "result"), "reached")));
		assert_int_equal(number(answer(2, "result"), "hops"), 2);
	}
}

static void hop_that_does_not_answer_is_given_up(void **state UNUSED)
{
	request(1, "traceroute.start",
		"'node': 'pc', 'host': '10.0.2.99', 'queries': 1, 'max_hops': 2, 'wait_ns': "
		"400000000");
	pass(399);
	assert_null(answer(1, "result"));
	pass(1);
	assert_null(json_object_get(notified("traceroute.probe", 1), "from"));
	assert_true(json_is_false(json_object_get(answer(1, "result"), "reached")));
}

static void no_way_ends_it_with_the_reason(void **state UNUSED)
{
	const json_t *probe;

	request(1, "traceroute.start", "'node': 'far', 'host': '10.7.7.7', 'queries': 1");
	pass(6000);
	probe = notified("traceroute.probe", 0);
	assert_int_equal(number(probe, "type"), 3);
	assert_int_equal(number(probe, "code"), 0);
	assert_null(notified("traceroute.probe", 1));
	refused("traceroute.start", "'node': 'pc', 'host': 'far', 'first_hop': 9, 'max_hops': 8",
		"first hop out of range");
}

/* ---- both families ----------------------------------------------------------------------- */

static const char *ping_begin_to(const char *params)
{
	json_array_clear(w.messages);
	request(1, "ping.start", params);
	pass(3000);
	assert_non_null(answer(1, "result"));
	return text(json_object_get(notified("ping.begin", 0), "to"), "addr");
}

static void name_is_asked_at_its_best_address_or_that_of_a_family(void **state UNUSED)
{
	const json_t *reply;

	pass(2500); /* nobody objects to the addresses */
	assert_string_equal(ping_begin_to("'node': 'pc', 'host': 'far', 'count': 1"),
			    "2001:db8:2::3");
	assert_string_equal(text(notified("ping.begin", 0), "source"), "2001:db8:1::1");
	assert_string_equal(text(notified("ping.begin", 0), "family"), "inet6");
	json_array_clear(w.messages);
	request(1, "ping.start", "'node': 'pc', 'host': 'far', 'family': 'inet6', 'count': 1");
	pass(100);
	reply = notified("ping.reply", 0);
	assert_int_equal(number(reply, "rtt_ns"), 10000000);
	assert_int_equal(number(reply, "ttl"), 63);
	assert_int_equal(number(reply, "bytes"), 64);
	assert_string_equal(text(json_object_get(reply, "from"), "name"), "far");
	assert_string_equal(
		ping_begin_to("'node': 'pc', 'host': 'far', 'family': 'inet', 'count': 1"),
		"10.0.2.3");
	assert_string_equal(text(notified("ping.begin", 0), "family"), "inet");
	assert_string_equal(
		ping_begin_to("'node': 'pc', 'host': 'far', 'source': '10.0.1.1', 'count': 1"),
		"10.0.2.3");
}

static void icmpv6_error_of_a_router_is_told(void **state UNUSED)
{
	const json_t *error;

	pass(2500);
	request(1, "ping.start", "'node': 'pc', 'host': '2001:db8:2::3', 'count': 1, 'ttl': 1");
	pass(100);
	error = notified("ping.error", 0);
	assert_int_equal(number(error, "type"), 3);
	assert_int_equal(number(error, "code"), 0);
	assert_int_equal(number(error, "seq"), 1);
	assert_string_equal(text(json_object_get(error, "from"), "name"), "gw");
	assert_int_equal(number(answer(1, "result"), "errors"), 1);
	json_array_clear(w.messages);
	request(2, "ping.start", "'node': 'far', 'host': '2001:db8:9::1', 'count': 1");
	pass(100);
	error = notified("ping.error", 0);
	assert_int_equal(number(error, "type"), 1);
	assert_int_equal(number(error, "code"), 0);
}

static void link_local_destination_has_its_interface_behind_it(void **state UNUSED)
{
	const json_t *reply;

	pass(2500);
	request(1, "ping.start", "'node': 'pc', 'host': 'fe80::12%eth0', 'count': 1");
	pass(100);
	assert_memory_equal(text(notified("ping.begin", 0), "source"), "fe80::", 6);
	reply = notified("ping.reply", 0);
	assert_string_equal(text(json_object_get(reply, "from"), "addr"), "fe80::12%eth0");
	assert_int_equal(number(reply, "ttl"), 64);
	assert_int_equal(number(answer(1, "result"), "received"), 1);
	json_array_clear(w.messages);
	request(1, "ping.start", "'node': 'pc', 'host': 'fe80::12', 'dev': 'eth0', 'count': 1");
	pass(100);
	assert_int_equal(number(answer(1, "result"), "received"), 1);
	json_array_clear(w.messages);
	request(2, "ping.start", "'node': 'pc', 'host': 'ff02::1%eth0', 'count': 1");
	pass(100);
	assert_int_equal(number(answer(2, "result"), "received"), 1);
	assert_non_null(
		strstr(text(json_object_get(notified("ping.reply", 0), "from"), "addr"), "%eth0"));
	json_array_clear(w.messages);
	request(3, "traceroute.start", "'node': 'pc', 'host': 'fe80::12%eth0', 'queries': 1");
	pass(100);
	assert_string_equal(text(json_object_get(notified("traceroute.probe", 0), "from"), "addr"),
			    "fe80::12%eth0");
}

static void way_over_ipv6_is_told_hop_by_hop(void **state UNUSED)
{
	const char *const params[] = {
		"'node': 'pc', 'host': 'far', 'queries': 2, 'parallel': 1",
		"'node': 'pc', 'host': 'far', 'queries': 2, 'parallel': 1, 'icmp': true",
	};

	pass(2500);
	for (int i = 0; i < 2; i++) {
		json_array_clear(w.messages);
		request(1, "ping.start", "'node': 'pc', 'host': 'far', 'count': 1");
		request(2, "traceroute.start", params[i]);
		pass(5000);
		assert_int_equal(number(notified("traceroute.begin", 0), "packet_len"), 80);
		check_probe(0, 1, "gw", 0);
		check_probe(1, 1, "gw", 0);
		check_probe(3, 2, "far", 10000000);
		assert_null(notified("traceroute.probe", 4));
		assert_true(json_is_true(json_object_get(answer(2, "result"), "reached")));
		assert_int_equal(number(answer(2, "result"), "hops"), 2);
	}
	json_array_clear(w.messages);
	request(2, "traceroute.start", "'node': 'far', 'host': '2001:db8:9::1', 'queries': 1");
	pass(6000);
	assert_int_equal(number(notified("traceroute.probe", 0), "type"), 1);
	assert_int_equal(number(notified("traceroute.probe", 0), "code"), 0);
	assert_null(notified("traceroute.probe", 1));
}

/* ---- dump -------------------------------------------------------------------------------- */

static const json_t *packet(size_t n)
{
	for (size_t i = 0; notified("dump.packets", i); i++) {
		const json_t *packets = json_object_get(notified("dump.packets", i), "packets");

		if (n < json_array_size(packets))
			return json_array_get(packets, n);
		n -= json_array_size(packets);
	}
	return NULL;
}

static void packets_that_pass_the_filter_are_told(void **state UNUSED)
{
	size_t len;
	uint8_t *data;

	request(1, "dump.start",
		"'node': 'gw', 'if': 'any', 'filter': 'icmp and host far', 'count': 3");
	request(2, "ping.start", "'node': 'pc', 'host': 'far', 'count': 1");
	pass(2000);
	assert_string_equal(text(packet(0), "if"), "lan");
	assert_string_equal(text(packet(0), "dir"), "in");
	assert_string_equal(text(packet(1), "if"), "wan");
	assert_string_equal(text(packet(1), "dir"), "out");
	assert_int_equal(number(packet(0), "trace"), number(packet(1), "trace"));
	assert_string_equal(text(packet(2), "dir"), "in");
	assert_null(packet(3)); /* the count */
	data = base64_decode(text(packet(0), "data"), &len);
	assert_non_null(data);
	assert_int_equal(len, 98);
	free(data);
	assert_int_equal(number(answer(1, "result"), "captured"), 3);
	assert_string_equal(text(json_object_get(notified("dump.begin", 0), "names"), "10.0.2.3"),
			    "far");
}

static void dropped_packet_is_told_with_its_reason(void **state UNUSED)
{
	request(1, "dump.start", "'node': 'gw', 'filter': 'icmp', 'count': 1");
	request(2, "ping.start", "'node': 'pc', 'host': '10.7.7.7', 'count': 1");
	pass(1000);
	assert_string_equal(text(packet(0), "dropped"), "IP_NO_ROUTE");
}

static void blocks_make_a_file(void **state UNUSED)
{
	size_t len;
	uint8_t *blocks;

	request(1, "dump.start", "'node': 'far', 'raw': true, 'filter': 'icmp', 'count': 2");
	request(2, "ping.start", "'node': 'pc', 'host': 'far', 'count': 1");
	pass(1000);
	blocks = base64_decode(text(notified("dump.blocks", 0), "blocks"), &len);
	assert_non_null(blocks);
	assert_memory_equal(blocks, "\x0a\x0d\x0d\x0a", 4);
	free(blocks);
	assert_int_equal(number(answer(1, "result"), "captured"), 2);
}

static void dump_that_makes_no_sense_is_refused(void **state UNUSED)
{
	refused("dump.start", "'node': 'gw', 'filter': 'host and'", "syntax error");
	refused("dump.start", "'node': 'gw', 'filter': 'host nowhere'", "`nowhere`");
	refused("dump.start", "'node': 'gw', 'if': 'eth9'", "eth9: No such device");
}

/* ---- why --------------------------------------------------------------------------------- */

static void check_hop(const json_t *event, size_t n, const char *kind, const char *key,
		      const char *value)
{
	const json_t *hop = json_array_get(json_object_get(event, "hops"), n);

	assert_string_equal(text(hop, "hop"), kind);
	if (key)
		assert_string_equal(text(hop, key), value);
}

static void drop_has_the_way_from_its_first_node(void **state UNUSED)
{
	const json_t *event;

	request(1, "ping.start", "'node': 'pc', 'host': '10.7.7.7', 'count': 1");
	pass(1000);
	request(2, "trace.drops", "'max': 1");
	event = json_array_get(answer(2, "result"), 0);
	assert_string_equal(text(event, "reason"), "IP_NO_ROUTE");
	assert_string_equal(text(event, "node"), "gw");
	assert_string_equal(text(event, "flow"), "10.0.1.1 > 10.7.7.7 icmp");
	check_hop(event, 0, "stack", "node", "pc");
	check_hop(event, 1, "sock", NULL, NULL);
	check_hop(event, 2, "route", NULL, NULL);
	check_hop(event, 3, "neigh", NULL, NULL);
	check_hop(event, 4, "tx", "if", "eth0");
	check_hop(event, 5, "stack", "node", "gw");
	check_hop(event, 6, "rx", "if", "lan");
	check_hop(event, 7, "drop", "reason", "IP_NO_ROUTE");
	request(3, "trace.drops", "'node': 'far'");
	assert_int_equal(json_array_size(answer(3, "result")), 0);
	request(4, "trace.drops", "'reason': 'UDP_NO_PORT'");
	assert_int_equal(json_array_size(answer(4, "result")), 0);
}

static void sampled_packet_has_its_times(void **state UNUSED)
{
	const json_t *events;
	char params[64];

	request(1, "trace.sample", "'every': 1");
	request(2, "dump.start", "'node': 'far', 'filter': 'icmp', 'count': 1");
	request(3, "ping.start", "'node': 'pc', 'host': 'far', 'count': 2");
	pass(3000);
	snprintf(params, sizeof(params), "'trace': %d", (int)number(packet(0), "trace"));
	request(4, "trace.get", params);
	events = answer(4, "result");
	assert_int_equal(json_array_size(events), 4);
	assert_string_equal(text(json_array_get(events, 0), "node"), "pc");
	assert_string_equal(text(json_array_get(events, 0), "event"), "tx");
	assert_string_equal(text(json_array_get(events, 3), "node"), "far");
	assert_int_equal(number(json_array_get(events, 3), "time_ns") -
				 number(json_array_get(events, 2), "time_ns"),
			 5000000);
	request(5, "trace.get", "'trace': 4000000000");
	assert_int_equal(json_array_size(answer(5, "result")), 0);
}

/* ---- names that routers tell of ---------------------------------------------------------- */

static const char dns_text[] =
	"lab: names\n"
	"nodes:\n"
	"  gw: { forwarding: true, interfaces: { lan: '2001:db8:1::53/64' },\n"
	"        services: [ { radv: { dns: [ '2001:db8:1::53' ], search: [ lab.example ],\n"
	"                              dns_lifetime: 30s } } ] }\n"
	"  pc: { interfaces: { eth0: { slaac: true } } }\n"
	"links:\n"
	"  - pc:eth0 -- gw:lan\n";

static struct {
	struct weft_sock *sock;
	unsigned int n_queries;
} ns;

/* Knows www.lab.example, as 2001:db8:1::80. */
static void ns_answer(struct weft_sock *s, void *arg UNUSED, uint32_t events UNUSED)
{
	static const uint8_t name[] = "\3www\3lab\7example"; /* with its end */
	static const uint8_t rr[] = {0xc0, 12,   0, 28, 0, 1, 0, 0, 0, 60, 0, 16, 0x20, 1,
				     0x0d, 0xb8, 0, 1,  0, 0, 0, 0, 0, 0,  0, 0,  0,    0x80};
	struct weft_sockaddr from;
	uint8_t m[512];
	ptrdiff_t len;

	while ((len = weft_recvfrom(s, m, sizeof(m), 0, &from)) > 12) {
		size_t end = 12 + strlen((char *)m + 12) + 5;
		bool is_known = !memcmp(m + 12, name, sizeof(name));
		bool has_addr = is_known && m[end - 3] == 28;

		ns.n_queries++;
		m[2] = 0x81;
		m[3] = is_known ? 0x80 : 0x83;
		m[7] = has_addr;
		m[9] = m[11] = 0;
		if (has_addr)
			memcpy(m + end, rr, sizeof(rr));
		assert_true(weft_sendto(s, m, end + (has_addr ? sizeof(rr) : 0), 0, &from) > 0);
	}
}

static int setup_dns(void **state UNUSED)
{
	struct weft_sockaddr at = {.addr = {.family = WEFT_AF_INET6}, .port = 53};

	setup_lab(dns_text);
	ns.n_queries = 0;
	assert_int_equal(
		weft_socket(w.lab->nodes[0]->stack, WEFT_AF_INET6, WEFT_SOCK_DGRAM, 0, &ns.sock),
		0);
	assert_int_equal(weft_bind(ns.sock, &at), 0);
	weft_on_event(ns.sock, ns_answer, NULL);
	return 0;
}

static int teardown_dns(void **state)
{
	weft_close(ns.sock);
	return teardown(state);
}

static const char *address(int id)
{
	const json_t *list = json_object_get(answer(id, "result"), "addresses");
	const char *s = json_string_value(json_array_get(list, 0));

	return s ? s : "";
}

/* RFC 8106: from the first advertisement to the end of what it says. */
static void names_are_asked_of_the_servers_and_in_the_domains_that_routers_tell(void **state UNUSED)
{
	request(1, "node.resolve", "'node': 'pc', 'name': 'www'");
	pass(1000);
	assert_string_equal(text(answer(1, "error"), "message"),
			    "www: Temporary failure in name resolution");
	pass(5000);
	request(2, "node.resolve", "'node': 'pc', 'name': 'www'");
	pass(1000);
	assert_string_equal(address(2), "2001:db8:1::80");
	request(3, "node.resolve", "'node': 'pc', 'name': 'nothing.example.', 'family': 'inet6'");
	pass(1000);
	assert_string_equal(text(answer(3, "error"), "message"),
			    "nothing.example.: Name or service not known");
	/* A name of the lab needs nobody, nor does an address. */
	ns.n_queries = 0;
	request(4, "node.resolve", "'node': 'pc', 'name': 'gw'");
	assert_string_equal(address(4), "2001:db8:1::53");
	assert_int_equal(ns.n_queries, 0);
	/* 30 s after the last of the first three advertisements there is nobody to ask. */
	pass(150000);
	request(5, "node.resolve", "'node': 'pc', 'name': 'www.lab.example.'");
	pass(1000);
	assert_string_equal(text(answer(5, "error"), "message"),
			    "www.lab.example.: Temporary failure in name resolution");
	assert_int_equal(ns.n_queries, 0);
}

static void who_does_not_listen_to_routers_knows_the_names_of_the_lab_alone(void **state UNUSED)
{
	request(1, "node.resolve", "'node': 'gw', 'name': 'www'");
	pass(1000);
	assert_string_equal(text(answer(1, "error"), "message"), "www: Name or service not known");
	refused("node.resolve", "'node': 'pc', 'name': 'www', 'family': 'ipx'",
		"must be inet or inet6");
	/* One that waits when its client goes. */
	pass(6000);
	request(2, "node.resolve", "'node': 'pc', 'name': 'www'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ping_is_answered_after_the_delay_of_the_link, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ping_that_dies_on_the_way_gets_the_routers_error,
						setup, teardown),
		cmocka_unit_test_setup_teardown(ping_without_answer_ends_after_its_timeout, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ping_with_deadline_ends_at_it, setup, teardown),
		cmocka_unit_test_setup_teardown(ping_that_is_cancelled_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ping_that_makes_no_sense_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(way_is_told_hop_by_hop, setup, teardown),
		cmocka_unit_test_setup_teardown(hop_that_does_not_answer_is_given_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_way_ends_it_with_the_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(
			name_is_asked_at_its_best_address_or_that_of_a_family, setup_dual,
			teardown),
		cmocka_unit_test_setup_teardown(icmpv6_error_of_a_router_is_told, setup_dual,
						teardown),
		cmocka_unit_test_setup_teardown(link_local_destination_has_its_interface_behind_it,
						setup_dual, teardown),
		cmocka_unit_test_setup_teardown(way_over_ipv6_is_told_hop_by_hop, setup_dual,
						teardown),
		cmocka_unit_test_setup_teardown(packets_that_pass_the_filter_are_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(dropped_packet_is_told_with_its_reason, setup,
						teardown),
		cmocka_unit_test_setup_teardown(blocks_make_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(dump_that_makes_no_sense_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(drop_has_the_way_from_its_first_node, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sampled_packet_has_its_times, setup, teardown),
		cmocka_unit_test_setup_teardown(
			names_are_asked_of_the_servers_and_in_the_domains_that_routers_tell,
			setup_dns, teardown_dns),
		cmocka_unit_test_setup_teardown(
			who_does_not_listen_to_routers_knows_the_names_of_the_lab_alone, setup_dns,
			teardown_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
