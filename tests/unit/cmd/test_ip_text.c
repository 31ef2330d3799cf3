/* SPDX-License-Identifier: MIT */
/* What `weft ip` prints, against what iproute2 6.1 printed of the same interfaces and routes. */
#include "unit.h"

#include <stdlib.h>

#include "cmd/ip.h"
#include "cmd/json_text.h"

#define STATS                                                                                      \
	"'stats64': {'rx': {'bytes': 140, 'packets': 2, 'errors': 0, 'dropped': 0, "               \
	"'over_errors': 0, 'multicast': 0}, 'tx': {'bytes': 12345678901, 'packets': 4, 'errors': " \
	"0, 'dropped': 0, 'carrier_errors': 0, 'collisions': 0}}"
#define DETAIL                                                                                   \
	"'promiscuity': 0, 'allmulti': 0, 'min_mtu': 68, 'max_mtu': 65535, 'linkinfo': "         \
	"{'info_kind': 'veth'}, 'num_tx_queues': 2, 'num_rx_queues': 2, 'gso_max_size': 65536, " \
	"'gso_max_segs': 65535, 'tso_max_size': 524280, 'tso_max_segs': 65535, 'gro_max_size': " \
	"65536"
#define FOREVER "'valid_life_time': 4294967295, 'preferred_life_time': 4294967295"

static const char links_text[] =
	"[{'ifindex': 3, 'ifname': 'veth0', 'flags': ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'], "
	"'mtu': 1500, 'qdisc': 'noqueue', 'operstate': 'UP', 'linkmode': 'DEFAULT', 'group': "
	"'default', 'txqlen': 1000, 'link_type': 'ether', 'address': '5e:81:62:c7:19:ad', "
	"'broadcast': 'ff:ff:ff:ff:ff:ff', " DETAIL
	", 'addr_info': [{'family': 'inet', 'local': '10.0.0.1', 'prefixlen': 24, 'scope': "
	"'global', 'label': 'veth0', " FOREVER
	"}, {'family': 'inet', 'local': '10.0.0.3', 'prefixlen': 24, 'broadcast': '10.0.0.255', "
	"'scope': 'global', 'secondary': true, 'label': 'veth0', " FOREVER
	"}, {'family': 'inet6', 'local': 'fe80::1', 'prefixlen': 64, 'scope': 'link', " FOREVER
	"}], " STATS "}]";

/* JSON with single quotes, which are easier on the eye in C. */
static json_t *json(const char *text)
{
	char *copy = strdup(text);
	json_t *value;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	value = json_loads(copy, 0, NULL);
	assert_non_null(value);
	free(copy);
	return value;
}

struct output {
	FILE *out;
	char *text;
	size_t len;
};

static FILE *start(struct output *o)
{
	*o = (struct output){0};
	o->out = open_memstream(&o->text, &o->len);
	return o->out;
}

static void is(struct output *o, const char *want)
{
	fclose(o->out);
	assert_string_equal(o->text, want);
	free(o->text);
}

static void links_are(const struct ip_opts *o, enum ip_link_view view, bool hides_lladdr,
		      const char *want)
{
	json_t *links = json(links_text);
	struct output out;

	ip_links_print(start(&out), links, o, view, hides_lladdr);
	is(&out, want);
	json_decref(links);
}

#define HEAD    "3: veth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP "
#define LLADDR  "    link/ether 5e:81:62:c7:19:ad brd ff:ff:ff:ff:ff:ff"
#define FOR_ALL "       valid_lft forever preferred_lft forever\n"
#define ADDRS                                                                        \
	"    inet 10.0.0.1/24 scope global veth0\n" FOR_ALL                          \
	"    inet 10.0.0.3/24 brd 10.0.0.255 scope global secondary veth0\n" FOR_ALL \
	"    inet6 fe80::1/64 scope link \n" FOR_ALL
#define FIGURES                                                               \
	"    RX:   bytes packets errors dropped  missed   mcast           \n" \
	"            140       2      0       0       0       0 \n"           \
	"    TX:   bytes packets errors dropped carrier collsns           \n" \
	"    12345678901       4      0       0       0       0 \n"

static void addresses_are_printed_as_by_ip(void **state UNUSED)
{
	links_are(&(struct ip_opts){0}, IP_VIEW_ADDR, false,
		  HEAD "group default qlen 1000\n" LLADDR "\n" ADDRS);
	links_are(&(struct ip_opts){.family = 4}, IP_VIEW_ADDR, true,
		  HEAD "group default qlen 1000\n" ADDRS);
	links_are(&(struct ip_opts){.brief = true}, IP_VIEW_ADDR, false,
		  "veth0            UP             10.0.0.1/24 10.0.0.3/24 fe80::1/64 \n");
	links_are(&(struct ip_opts){.oneline = true}, IP_VIEW_ADDR, false,
		  "3: veth0    inet 10.0.0.1/24 scope global veth0\\       valid_lft forever "
		  "preferred_lft forever\n"
		  "3: veth0    inet 10.0.0.3/24 brd 10.0.0.255 scope global secondary veth0\\      "
		  " valid_lft forever preferred_lft forever\n"
		  "3: veth0    inet6 fe80::1/64 scope link \\       valid_lft forever "
		  "preferred_lft forever\n");
	links_are(&(struct ip_opts){.stats = 1}, IP_VIEW_ADDR, false,
		  HEAD "group default qlen 1000\n" LLADDR "\n" ADDRS FIGURES);
	links_are(&(struct ip_opts){0}, IP_VIEW_ADDR_ALONE, false, ADDRS);
}

static void links_are_printed_as_by_ip(void **state UNUSED)
{
	links_are(&(struct ip_opts){0}, IP_VIEW_LINK, false,
		  HEAD "mode DEFAULT group default qlen 1000\n" LLADDR "\n");
	links_are(&(struct ip_opts){.brief = true}, IP_VIEW_LINK, false,
		  "veth0            UP             5e:81:62:c7:19:ad "
		  "<BROADCAST,MULTICAST,UP,LOWER_UP> \n");
	links_are(&(struct ip_opts){.oneline = true}, IP_VIEW_LINK, false,
		  HEAD "mode DEFAULT group default qlen 1000\\" LLADDR "\n");
	links_are(&(struct ip_opts){.stats = 1}, IP_VIEW_LINK, false,
		  HEAD "mode DEFAULT group default qlen 1000\n" LLADDR "\n" FIGURES);
	links_are(&(struct ip_opts){.detail = true}, IP_VIEW_LINK, false,
		  HEAD "mode DEFAULT group default qlen 1000\n" LLADDR
		       " promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 \n"
		       "    veth numtxqueues 2 numrxqueues 2 gso_max_size 65536 gso_max_segs 65535 "
		       "tso_max_size 524280 tso_max_segs 65535 gro_max_size 65536 \n");
}

static void json_is(json_t *got, const char *want)
{
	char *text = json_dumps(got, JSON_COMPACT);

	for (char *p = text; *p; p++)
		if (*p == '"')
			*p = '\'';
	assert_string_equal(text, want);
	free(text);
	json_decref(got);
}

static void links_in_json_have_the_members_asked_for(void **state UNUSED)
{
	const struct ip_opts plain = {0}, brief = {.brief = true}, stats = {.stats = 1};
	json_t *links = json(links_text);

	json_is(ip_links_json(links, &plain, IP_VIEW_LINK, false),
		"[{'ifindex':3,'ifname':'veth0','flags':['BROADCAST','MULTICAST','UP','LOWER_UP'],"
		"'mtu':1500,'qdisc':'noqueue','operstate':'UP','linkmode':'DEFAULT','group':"
		"'default','txqlen':1000,'link_type':'ether','address':'5e:81:62:c7:19:ad',"
		"'broadcast':'ff:ff:ff:ff:ff:ff'}]");
	json_is(ip_links_json(links, &brief, IP_VIEW_LINK, false),
		"[{'ifname':'veth0','operstate':'UP','address':'5e:81:62:c7:19:ad','flags':["
		"'BROADCAST','MULTICAST','UP','LOWER_UP']}]");
	json_is(ip_links_json(links, &brief, IP_VIEW_ADDR, false),
		"[{'ifname':'veth0','operstate':'UP','addr_info':[{'local':'10.0.0.1','prefixlen':"
		"24},{'local':'10.0.0.3','prefixlen':24},{'local':'fe80::1','prefixlen':64}]}]");
	json_is(ip_links_json(links, &stats, IP_VIEW_LINK, true),
		"[{'ifindex':3,'ifname':'veth0','flags':['BROADCAST','MULTICAST','UP','LOWER_UP'],"
		"'mtu':1500,'qdisc':'noqueue','operstate':'UP','linkmode':'DEFAULT','group':"
		"'default','txqlen':1000,'stats64':{'rx':{'bytes':140,'packets':2,'errors':0,"
		"'dropped':0,'over_errors':0,'multicast':0},'tx':{'bytes':12345678901,'packets':4,"
		"'errors':0,'dropped':0,'carrier_errors':0,'collisions':0}}}]");
	json_decref(links);
}

static const char routes_text[] =
	"[{'type': 'unicast', 'dst': 'default', 'gateway': '10.0.0.2', 'dev': 'veth0', 'table': "
	"'main', 'protocol': 'boot', 'scope': 'global', 'flags': []},"
	"{'type': 'unreachable', 'dst': '1.2.3.0/24', 'table': 'main', 'protocol': 'boot', "
	"'scope': 'global', 'flags': []},"
	"{'type': 'unicast', 'dst': '192.168.7.0/24', 'dev': 'eth0', 'table': 'main', 'protocol': "
	"'kernel', 'scope': 'link', 'prefsrc': '192.168.7.1', 'flags': ['linkdown']},"
	"{'type': 'unicast', 'dst': '172.16.0.0/12', 'gateway': '10.0.0.2', 'dev': 'veth0', "
	"'table': 'main', 'protocol': 'static', 'scope': 'global', 'metric': 50, 'flags': []},"
	"{'type': 'local', 'dst': '10.0.0.1', 'dev': 'veth0', 'table': 'local', 'protocol': "
	"'kernel', 'scope': 'host', 'prefsrc': '10.0.0.1', 'flags': []}]";

static void routes_are(const struct ip_opts *o, const struct ip_hidden *hidden, const char *want)
{
	json_t *routes = json(routes_text);
	struct output out;

	ip_routes_print(start(&out), routes, o, hidden);
	is(&out, want);
	json_decref(routes);
}

static void routes_are_printed_as_by_ip(void **state UNUSED)
{
	const struct ip_hidden none = {.n = 0}, all = {.shows_table = true};
	const struct ip_hidden dev = {.keys = {"dev", "gateway", "metric"}, .n = 3};

	routes_are(&(struct ip_opts){0}, &none,
		   "default via 10.0.0.2 dev veth0 \n"
		   "unreachable 1.2.3.0/24 \n"
		   "192.168.7.0/24 dev eth0 proto kernel scope link src 192.168.7.1 linkdown \n"
		   "172.16.0.0/12 via 10.0.0.2 dev veth0 proto static metric 50 \n"
		   "local 10.0.0.1 dev veth0 proto kernel scope host src 10.0.0.1 \n");
	routes_are(&(struct ip_opts){0}, &all,
		   "default via 10.0.0.2 dev veth0 \n"
		   "unreachable 1.2.3.0/24 \n"
		   "192.168.7.0/24 dev eth0 proto kernel scope link src 192.168.7.1 linkdown \n"
		   "172.16.0.0/12 via 10.0.0.2 dev veth0 proto static metric 50 \n"
		   "local 10.0.0.1 dev veth0 table local proto kernel scope host src 10.0.0.1 \n");
	routes_are(&(struct ip_opts){.detail = true}, &dev,
		   "unicast default proto boot scope global \n"
		   "unreachable 1.2.3.0/24 proto boot scope global \n"
		   "unicast 192.168.7.0/24 proto kernel scope link src 192.168.7.1 linkdown \n"
		   "unicast 172.16.0.0/12 proto static scope global \n"
		   "local 10.0.0.1 proto kernel scope host src 10.0.0.1 \n");
}

static void routes_in_json_leave_out_what_goes_without_saying(void **state UNUSED)
{
	const struct ip_hidden none = {.n = 0};
	json_t *routes = json(routes_text);

	json_is(ip_routes_json(routes, &(struct ip_opts){0}, &none),
		"[{'dst':'default','gateway':'10.0.0.2','dev':'veth0','flags':[]},{'type':"
		"'unreachable','dst':'1.2.3.0/24','flags':[]},{'dst':'192.168.7.0/24','dev':'eth0',"
		"'protocol':'kernel','scope':'link','prefsrc':'192.168.7.1','flags':['linkdown']},"
		"{'dst':'172.16.0.0/12','gateway':'10.0.0.2','dev':'veth0','protocol':'static',"
		"'metric':50,'flags':[]},{'type':'local','dst':'10.0.0.1','dev':'veth0','protocol':"
		"'kernel','scope':'host','prefsrc':'10.0.0.1','flags':[]}]");
	json_decref(routes);
}

static void got(const char *route, bool oneline, const char *want)
{
	json_t *routes = json(route);
	struct output out;

	ip_route_got_print(start(&out), routes, &(struct ip_opts){.oneline = oneline});
	is(&out, want);
	json_decref(routes);
}

static void route_that_was_asked_for_is_printed_as_by_ip(void **state UNUSED)
{
	got("[{'dst':'8.8.8.8','gateway':'10.0.0.2','dev':'veth0','prefsrc':'10.0.0.1','flags':[],"
	    "'uid':0,'cache':[]}]",
	    false, "8.8.8.8 via 10.0.0.2 dev veth0 src 10.0.0.1 uid 0 \n    cache \n");
	got("[{'dst':'8.8.8.8','from':'10.0.0.3','gateway':'10.0.0.2','dev':'veth0','flags':[],"
	    "'uid':0,'cache':[]}]",
	    true, "8.8.8.8 from 10.0.0.3 via 10.0.0.2 dev veth0 uid 0 \\    cache \n");
	got("[{'type':'broadcast','dst':'10.0.0.255','dev':'veth0','prefsrc':'10.0.0.1','flags':[],"
	    "'uid':0,'cache':['local','brd']}]",
	    false, "broadcast 10.0.0.255 dev veth0 src 10.0.0.1 uid 0 \n    cache <local,brd> \n");
}

static void neighbours_are_printed_as_by_ip(void **state UNUSED)
{
	json_t *neighs = json("[{'dst': '10.0.0.9', 'dev': 'veth0', 'lladdr': '02:00:00:00:00:09', "
			      "'used': 1, 'confirmed': 2, 'updated': 3, 'probes': 4, 'state': "
			      "['PERMANENT']}, {'dst': '10.0.0.77', 'dev': 'veth0', 'used': 1, "
			      "'confirmed': 61, 'updated': 1, 'probes': 5, 'state': "
			      "['INCOMPLETE']}]");
	struct output out;

	ip_neighs_print(start(&out), neighs, &(struct ip_opts){0}, false);
	is(&out, "10.0.0.9 dev veth0 lladdr 02:00:00:00:00:09 PERMANENT \n"
		 "10.0.0.77 dev veth0 INCOMPLETE \n");
	ip_neighs_print(start(&out), neighs, &(struct ip_opts){.stats = 1}, true);
	is(&out, "10.0.0.9 lladdr 02:00:00:00:00:09  used 1/2/3probes 4 PERMANENT \n"
		 "10.0.0.77  used 1/61/1probes 5 INCOMPLETE \n");
	ip_neighs_print(start(&out), neighs, &(struct ip_opts){.brief = true}, false);
	is(&out, "10.0.0.9                                veth0            02:00:00:00:00:09\n"
		 "10.0.0.77                               veth0            \n");
	json_is(ip_neighs_json(neighs, &(struct ip_opts){0}, false),
		"[{'dst':'10.0.0.9','dev':'veth0','lladdr':'02:00:00:00:00:09','state':"
		"['PERMANENT']},{'dst':'10.0.0.77','dev':'veth0','state':['INCOMPLETE']}]");
	json_decref(neighs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_printed_as_by_ip),
		cmocka_unit_test(links_are_printed_as_by_ip),
		cmocka_unit_test(links_in_json_have_the_members_asked_for),
		cmocka_unit_test(routes_are_printed_as_by_ip),
		cmocka_unit_test(routes_in_json_leave_out_what_goes_without_saying),
		cmocka_unit_test(route_that_was_asked_for_is_printed_as_by_ip),
		cmocka_unit_test(neighbours_are_printed_as_by_ip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
