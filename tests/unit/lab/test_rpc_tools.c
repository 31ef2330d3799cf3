/* SPDX-License-Identifier: MIT */
/* The methods of `weft ip`, `ss` and `nstat`, on a lab of two weft nodes and a switch. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"

static const char lab_text[] = "lab: small\n"
			       "nodes:\n"
			       "  alpha:\n"
			       "    interfaces:\n"
			       "      eth0: { address: 10.0.0.1/24, mac: \"02:00:00:00:00:01\" }\n"
			       "    routes: [ default via 10.0.0.2 ]\n"
			       "    services: [ { echo: { port: 7, proto: [ tcp, udp ] } } ]\n"
			       "  beta: { forwarding: true, interfaces: { eth0: 10.0.0.2/24 } }\n"
			       "  sw: { kind: switch }\n"
			       "links: [ alpha:eth0 -- sw:p1, beta:eth0 -- sw:p2 ]\n";

static struct world {
	struct labfile *file;
	struct lab *lab;
	struct rpc_peer peer;
	char *answer;
} w;

static void peer_send(struct rpc_peer *peer UNUSED, char *line, size_t len UNUSED,
		      const int *fds UNUSED, size_t n_fds)
{
	assert_int_equal(n_fds, 0);
	assert_null(w.answer);
	w.answer = line;
}

static size_t peer_waiting(const struct rpc_peer *peer UNUSED)
{
	return 0;
}

static int setup(void **state UNUSED)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.pcap = NULL};
	char msg[LAB_MSG_MAX];

	w = (struct world){.lab = NULL};
	assert_int_equal(
		labfile_parse("small.yaml", NULL, lab_text, strlen(lab_text), &w.file, errs), 0);
	free(errs);
	assert_int_equal(lab_start(w.file, &cfg, &w.lab, msg), 0);
	rpc_peer_init(&w.peer, w.lab);
	w.peer.send = peer_send;
	w.peer.waiting = peer_waiting;
	return 0;
}

static int teardown(void **state UNUSED)
{
	rpc_peer_fini(&w.peer);
	assert_int_equal(lab_stop(w.lab), 0);
	labfile_free(w.file);
	return 0;
}

/* Calls a method for alpha; `params` is JSON with single quotes, without braces. The answer, the
 * caller's. */
static json_t *call_on(const char *node, const char *method, const char *params)
{
	char line[1024];
	json_t *answer;

	snprintf(line, sizeof(line),
		 "{'jsonrpc': '2.0', 'id': 1, 'method': '%s', 'params': {'node': '%s'%s%s}}",
		 method, node, *params ? ", " : "", params);
	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	rpc_peer_line(&w.peer, line, strlen(line));
	assert_non_null(w.answer);
	answer = json_loads(w.answer, 0, NULL);
	free(w.answer);
	w.answer = NULL;
	assert_non_null(answer);
	return answer;
}

static json_t *result_of(const char *node, const char *method, const char *params)
{
	json_t *answer = call_on(node, method, params);
	json_t *result = json_incref(json_object_get(answer, "result"));

	if (!result)
		fail_msg("%s %s: %s", method, params,
			 json_string_value(
				 json_object_get(json_object_get(answer, "error"), "message")));
	json_decref(answer);
	return result;
}

/* The call is refused with that message; `err`: name of the errno, or NULL for a bad parameter. */
static void refused(const char *method, const char *params, const char *err, const char *message)
{
	json_t *answer = call_on("alpha", method, params);
	json_t *error = json_object_get(answer, "error");
	const char *text = json_string_value(json_object_get(error, "message"));
	const char *name =
		json_string_value(json_object_get(json_object_get(error, "data"), "errno"));

	assert_non_null(text);
	if (!strstr(text, message))
		fail_msg("%s %s: %s", method, params, text);
	assert_int_equal(json_integer_value(json_object_get(error, "code")),
			 err ? RPC_FAILED : RPC_INVALID_PARAMS);
	if (err)
		assert_string_equal(name, err);
	json_decref(answer);
}

static void done(const char *method, const char *params)
{
	json_t *result = result_of("alpha", method, params);

	assert_true(json_is_null(result));
	json_decref(result);
}

/* The members of an entry of a list that `keys` names, as text. */
static void entry_is(const char *node, const char *method, size_t i, const char *want)
{
	json_t *list = result_of(node, method, ""), *entry = json_array_get(list, i);
	char *got = entry ? json_dumps(entry, JSON_COMPACT) : strdup("none");

	for (char *p = got; *p; p++)
		if (*p == '"')
			*p = '\'';
	if (!strstr(got, want))
		fail_msg("%s has no %s", got, want);
	free(got);
	json_decref(list);
}

static size_t count_of(const char *method)
{
	json_t *list = result_of("alpha", method, "");
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

static void interfaces_are_listed_as_by_ip(void **state UNUSED)
{
	entry_is("alpha", "ip.addrs", 0,
		 "{'ifindex':1,'ifname':'lo','flags':['LOOPBACK','UP','LOWER_UP'],'mtu':65535,"
		 "'qdisc':'noqueue','operstate':'UNKNOWN','linkmode':'DEFAULT','group':'default',"
		 "'txqlen':1000,'link_type':'loopback','address':'00:00:00:00:00:00'");
	entry_is("alpha", "ip.addrs", 1, "'ifname':'eth0','flags':['BROADCAST','MULTICAST','UP',");
	entry_is("alpha", "ip.addrs", 1, "'address':'02:00:00:00:00:01'");
	entry_is("alpha", "ip.addrs", 1, "'linkinfo':{'info_kind':'link'}");
	entry_is("alpha", "ip.addrs", 1,
		 "'addr_info':[{'family':'inet','local':'10.0.0.1','prefixlen':24,'broadcast':"
		 "'10.0.0.255','scope':'global','label':'eth0',");
	entry_is("sw", "ip.addrs", 1, "'ifname':'p1'");
	assert_int_equal(count_of("ip.addrs"), 2);
}

static void addresses_come_and_go(void **state UNUSED)
{
	done("ip.addr_add", "'dev': 'eth0', 'address': '10.0.0.9/24'");
	entry_is("alpha", "ip.addrs", 1,
		 "'local':'10.0.0.9','prefixlen':24,'broadcast':"
		 "'10.0.0.255','scope':'global','secondary':true");
	refused("ip.addr_add", "'dev': 'eth0', 'address': '10.0.0.9/24'", "EEXIST",
		"ipv4: Address already assigned.");
	done("ip.addr_del", "'dev': 'eth0', 'address': '10.0.0.9/24'");
	refused("ip.addr_del", "'dev': 'eth0', 'address': '10.0.0.9/24'", "EADDRNOTAVAIL",
		"ipv4: Address not found.");
	refused("ip.addr_add", "'dev': 'eth7', 'address': '10.0.0.9/24'", "ENODEV",
		"Cannot find device \"eth7\"");
	refused("ip.addr_add", "'dev': 'eth0', 'address': '10.0.0/24'", NULL, "`address` must be");
	refused("ip.addr_add", "'dev': 'eth0', 'address': '224.0.0.1/24'", "EINVAL", "");
	refused("ip.addr_add", "'dev': 'eth0'", NULL, "address");
}

static void links_are_set_all_or_nothing(void **state UNUSED)
{
	refused("ip.link_set", "'dev': 'eth0', 'up': false, 'mtu': 10", "EINVAL",
		"mtu less than device minimum.");
	refused("ip.link_set", "'dev': 'eth0', 'up': false, 'mtu': 65536", "EINVAL",
		"mtu greater than device maximum.");
	refused("ip.link_set", "'dev': 'eth0', 'up': false, 'address': '01:00:00:00:00:01'",
		"EADDRNOTAVAIL", "");
	refused("ip.link_set", "'dev': 'lo', 'address': '02:00:00:00:00:07'", "EOPNOTSUPP", "");
	refused("ip.link_set", "'dev': 'eth0', 'address': 'zz'", NULL, "`address` must be");
	refused("ip.link_set", "'dev': 'eth0', 'mtu': -1", NULL, "mtu");
	entry_is("alpha", "ip.addrs", 1, "'MULTICAST','UP'");
	done("ip.link_set", "'dev': 'eth0', 'up': false, 'mtu': 1400, 'address': "
			    "'02:00:00:00:00:07'");
	entry_is("alpha", "ip.addrs", 1,
		 "'flags':['BROADCAST','MULTICAST'],'mtu':1400,'qdisc':'noqueue','operstate':"
		 "'DOWN'");
	entry_is("alpha", "ip.addrs", 1, "'address':'02:00:00:00:00:07'");
	entry_is("alpha", "ip.routes", 0, "'flags':['dead','linkdown']");
	done("ip.link_set", "'dev': 'eth0', 'up': true, 'gro': true");
	entry_is("alpha", "ip.routes", 0, "'flags':[]");
	entry_is("alpha", "ip.addrs", 1, "'gro':true");
	done("ip.link_set", "'dev': 'eth0', 'gro': false");
}

static void routes_come_change_and_go(void **state UNUSED)
{
	entry_is("alpha", "ip.routes", 0,
		 "{'type':'unicast','dst':'default','gateway':'10.0.0.2','dev':'eth0','table':"
		 "'main','protocol':'static','scope':'global','flags':[]}");
	entry_is("alpha", "ip.routes", 2,
		 "{'type':'local','dst':'10.0.0.1','dev':'eth0','table':'local','protocol':"
		 "'kernel','scope':'host','prefsrc':'10.0.0.1','flags':[]}");
	done("ip.route_add", "'dst': '5.0.0.0/8', 'via': '10.0.0.2', 'metric': 9, 'protocol': 186");
	entry_is("alpha", "ip.routes", 1,
		 "'gateway':'10.0.0.2','dev':'eth0','table':'main','protocol':'bgp','scope':"
		 "'global','metric':9");
	refused("ip.route_add", "'dst': '5.0.0.0/8', 'via': '10.0.0.3', 'metric': 9", "EEXIST", "");
	done("ip.route_add",
	     "'mode': 'replace', 'dst': '5.0.0.0/8', 'via': '10.0.0.3', 'metric': 9");
	entry_is("alpha", "ip.routes", 1, "'gateway':'10.0.0.3'");
	refused("ip.route_add", "'mode': 'change', 'dst': '6.0.0.0/8', 'via': '10.0.0.3'", "ENOENT",
		"");
	done("ip.route_del", "'dst': '5.0.0.0/8'");
	refused("ip.route_del", "'dst': '5.0.0.0/8'", "ESRCH", "");
	done("ip.route_add", "'type': 'prohibit', 'dst': '5.0.0.0/8'");
	done("ip.route_del", "'dst': '5.0.0.0/8'"); /* of any type */
	refused("ip.route_add", "'dst': '5.0.0.0/8', 'via': '99.9.9.9'", "ENETUNREACH",
		"Nexthop has invalid gateway.");
	refused("ip.route_add", "'dst': '5.0.0.1/8', 'via': '10.0.0.2'", "EINVAL",
		"Invalid prefix for given prefix length.");
	refused("ip.route_add", "'dst': '5.0.0.0/8', 'dev': 'eth0', 'src': '9.9.9.9'", "EINVAL",
		"Invalid prefsrc address.");
	refused("ip.route_add", "'dst': '5.0.0.0/8'", "ENODEV", "");
	refused("ip.route_add", "'dst': '5.0.0.0/8', 'dev': 'nope'", "ENODEV",
		"Cannot find device");
	refused("ip.route_add", "'dst': '5.0.0.0/33', 'dev': 'eth0'", NULL, "`dst` must be");
	refused("ip.route_add", "'dst': 'default', 'via': 'x'", NULL, "`via` must be");
	refused("ip.route_add", "'mode': 'x', 'dst': 'default'", NULL, "`mode` must be");
	refused("ip.route_add", "'type': 'local', 'dst': 'default'", NULL, "`type` must be");
	done("ip.route_add", "'dst': '2001:db8::/32', 'dev': 'eth0'");
	refused("ip.route_add", "'dst': '2001:db8::/32', 'dev': 'eth0'", "EEXIST", "");
	done("ip.route_del", "'dst': '2001:db8::/32'");
}

static void route_that_is_asked_for_is_answered(void **state UNUSED)
{
	json_t *got = result_of("alpha", "ip.route_get", "'dst': '8.8.8.8'");
	char *text = json_dumps(got, JSON_COMPACT);

	assert_string_equal(text, "[{\"dst\":\"8.8.8.8\",\"gateway\":\"10.0.0.2\",\"dev\":\"eth0\","
				  "\"prefsrc\":\"10.0.0.1\",\"flags\":[],\"uid\":0,\"cache\":[]}]");
	free(text);
	json_decref(got);
	refused("ip.route_get", "'dst': '8.8.8.8', 'from': '9.9.9.9'", "ENETUNREACH", "");
	refused("ip.route_get", "'dst': '8.8.8.8', 'dev': 'eth9'", "ENODEV", "");
	refused("ip.route_get", "'dst': '8.8.8.0/24'", NULL, "`dst` must be an address");
	done("ip.route_add", "'type': 'unreachable', 'dst': '1.2.3.0/24'");
	refused("ip.route_get", "'dst': '1.2.3.4'", "EHOSTUNREACH", "");
}

static void neighbours_come_change_and_go(void **state UNUSED)
{
	const char mac[] = "'lladdr': '02:00:00:00:00:09'";
	char params[128];

	assert_int_equal(count_of("ip.neighs"), 0);
	snprintf(params, sizeof(params), "'dev': 'eth0', 'dst': '10.0.0.9', %s", mac);
	done("ip.neigh_set", params);
	entry_is("alpha", "ip.neighs", 0, "'lladdr':'02:00:00:00:00:09'");
	entry_is("alpha", "ip.neighs", 0, "'state':['PERMANENT']");
	refused("ip.neigh_set", params, "EEXIST", "");
	snprintf(params, sizeof(params),
		 "'mode': 'change', 'dev': 'eth0', 'dst': '10.0.0.9', 'state': 'stale', %s", mac);
	done("ip.neigh_set", params);
	entry_is("alpha", "ip.neighs", 0, "'state':['STALE']");
	refused("ip.neigh_set",
		"'mode': 'change', 'dev': 'eth0', 'dst': '10.0.0.8', 'lladdr': "
		"'02:00:00:00:00:08'",
		"ENOENT", "");
	refused("ip.neigh_set", "'mode': 'x', 'dev': 'eth0', 'dst': '10.0.0.8', 'lladdr': 'x'",
		NULL, "`mode` must be");
	refused("ip.neigh_set", "'state': 'x', 'dev': 'eth0', 'dst': '10.0.0.8', 'lladdr': 'x'",
		NULL, "`state` must be");
	refused("ip.neigh_set", "'dev': 'eth0', 'dst': '10.0.0.8', 'lladdr': 'x'", NULL,
		"`lladdr` must be");
	refused("ip.neigh_set", "'dev': 'eth0', 'dst': '10.0.0.8', 'lladdr': '01:00:00:00:00:01'",
		"EINVAL", "");
	done("ip.neigh_del", "'dev': 'eth0', 'dst': '10.0.0.9'");
	refused("ip.neigh_del", "'dev': 'eth0', 'dst': '10.0.0.9'", "ENOENT", "");
}

static void sockets_are_listed(void **state UNUSED)
{
	assert_int_equal(count_of("ss.list"), 4);
	for (size_t i = 0; i < 4; i++) {
		bool is_ip6 = i % 2;

		entry_is("alpha", "ss.list", i, "'ip_proto'");
		entry_is("alpha", "ss.list", i,
			 is_ip6 ? "'local':{'address':'::','port':7}"
				: "'local':{'address':'0.0.0.0','port':7}");
		entry_is("alpha", "ss.list", i,
			 is_ip6 ? "'peer':{'address':'::','port':0}"
				: "'peer':{'address':'0.0.0.0','port':0}");
	}
}

static int64_t counter(const char *params, const char *which, const char *name)
{
	json_t *answer = result_of("alpha", "nstat.read", params);
	json_t *value = json_object_get(json_object_get(answer, which), name);
	int64_t n = value ? json_integer_value(value) : -1;

	json_decref(answer);
	return n;
}

static void counters_are_remembered_when_asked_to(void **state UNUSED)
{
	assert_int_equal(counter("", "kernel", "IpInReceives"), 0);
	assert_int_equal(counter("", "history", "IpInReceives"), -1);
	assert_int_equal(counter("'remember': true", "history", "IpInReceives"), -1);
	assert_int_equal(counter("", "history", "IpInReceives"), 0);
	assert_int_equal(counter("'forget': true", "history", "IpInReceives"), -1);
	assert_int_equal(counter("", "history", "IpInReceives"), -1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(interfaces_are_listed_as_by_ip),
		T(addresses_come_and_go),
		T(links_are_set_all_or_nothing),
		T(routes_come_change_and_go),
		T(route_that_is_asked_for_is_answered),
		T(neighbours_come_change_and_go),
		T(sockets_are_listed),
		T(counters_are_remembered_when_asked_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
