/* SPDX-License-Identifier: MIT */
/* Options of gateways, and forwards and rules as words. */
#include "cmd/gwargs.h"

#include "cmd/gwspec.h"
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

struct parsed {
	struct gwproc p;
	struct gwargs a;
	int status; /* 0, GWARGS_WRONG, or the caller's option that ended it */
};

/* The command line, its words separated by spaces. */
static void parse(struct parsed *r, const char *line)
{
	static const struct gateway_map maps[2] = {
		{.guest.family = WEFT_AF_INET, .host.family = WEFT_AF_INET},
		{.guest.family = WEFT_AF_INET6, .host.family = WEFT_AF_INET6},
	};
	static const struct option own[] = {{"own", required_argument, NULL, 'o'}};
	static char copies[8][512]; /* search domains are borrowed */
	static unsigned int n_copies;
	char *copy = copies[n_copies++ % 8], *save = NULL, *argv[32] = {NULL};
	int argc = 0, null = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(STDERR_FILENO);

	assert_true(strlen(line) < sizeof(copies[0]));
	snprintf(copy, sizeof(copies[0]), "test %s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	*r = (struct parsed){.p.tool = "test"};
	r->p.run.addr4.family = r->p.run.dns4.family = r->p.run.gw.guest4.family = WEFT_AF_INET;
	r->p.run.addr6.family = r->p.run.dns6.family = r->p.run.gw.guest6.family = WEFT_AF_INET6;
	r->p.run.gw.maps = maps;
	r->p.run.gw.n_maps = 2;
	r->p.box.seccomp = true;
	gwargs_init(&r->a, &r->p, own, 1);
	r->a.mtu = 1500;
	optind = 0;
	dup2(null, STDERR_FILENO);
	r->status = gwargs_next(&r->a, argc, argv, "");
	if (r->status == -1)
		r->status = gwargs_finish(&r->a);
	dup2(err, STDERR_FILENO);
	close(null);
	close(err);
}

static void right(struct parsed *r, const char *line)
{
	parse(r, line);
	assert_int_equal(r->status, 0);
}

static void wrong(const char *line)
{
	struct parsed r;

	parse(&r, line);
	assert_int_equal(r.status, GWARGS_WRONG);
}

static void option_of_the_caller_comes_back_to_it(void **state UNUSED)
{
	struct parsed r;

	parse(&r, "--mtu 9000 --own x --mtu 1400");
	assert_int_equal(r.status, 'o');
	assert_string_equal(optarg, "x");
	assert_int_equal(r.a.mtu, 9000);
}

static void resolvers_have_ports_or_not(void **state UNUSED)
{
	struct parsed r;

	right(&r,
	      "--dns 192.0.2.53 --dns 192.0.2.54:5353 --dns 2001:db8::53 --dns [2001:db8::1]:54");
	assert_int_equal(r.p.run.n_resolvers, 4);
	assert_int_equal(r.p.run.resolvers[0].port, 0);
	assert_int_equal(r.p.run.resolvers[1].port, 5353);
	assert_int_equal(r.p.run.resolvers[2].addr.family, WEFT_AF_INET6);
	assert_int_equal(r.p.run.resolvers[3].port, 54);
	assert_int_equal(r.p.run.dns4.family, WEFT_AF_INET);
	wrong("--dns example.org");
	wrong("--dns 192.0.2.53:x");
	wrong("--dns 1.1.1.1 --dns 1.1.1.1 --dns 1.1.1.1 --dns 1.1.1.1 --dns 1.1.1.1 --dns 1.1.1.1 "
	      "--dns 1.1.1.1 --dns 1.1.1.1 --dns 1.1.1.1");
	right(&r, "--no-dns");
	assert_int_equal(r.p.run.dns4.family, WEFT_AF_UNSPEC);
	assert_int_equal(r.p.run.dns6.family, WEFT_AF_UNSPEC);
	assert_true(r.a.no_dns);
}

static void search_lists_are_domains_or_none(void **state UNUSED)
{
	struct parsed r;

	right(&r, "--search example.org --search a.test");
	assert_int_equal(r.p.run.n_search, 2);
	assert_string_equal(r.p.run.search[1], "a.test");
	assert_false(r.p.run.no_search);
	right(&r, "--search none");
	assert_int_equal(r.p.run.n_search, 0);
	assert_true(r.p.run.no_search);
	wrong("--search a..b");
	wrong("--search .");
	wrong("--search a --search b --search c --search d --search e --search f --search g "
	      "--search h --search i");
}

static void what_tells_the_guest_can_be_turned_off(void **state UNUSED)
{
	struct parsed r;

	right(&r, "");
	assert_int_equal(r.p.run.dhcp6, GATEWAY_DHCP6_ADDRS);
	right(&r, "--no-dhcp --no-ra --no-dhcpv6");
	assert_true(r.p.run.no_dhcp && r.p.run.no_ra);
	assert_int_equal(r.p.run.dhcp6, GATEWAY_DHCP6_NONE);
	right(&r, "--dhcpv6 stateless");
	assert_int_equal(r.p.run.dhcp6, GATEWAY_DHCP6_OTHER);
	right(&r, "--dhcpv6 off");
	assert_int_equal(r.p.run.dhcp6, GATEWAY_DHCP6_NONE);
	wrong("--dhcpv6 yes");
}

static void one_family_alone_takes_the_other_away(void **state UNUSED)
{
	struct parsed r;

	right(&r, "--ipv4-only");
	assert_int_equal(r.p.run.addr6.family, WEFT_AF_UNSPEC);
	assert_int_equal(r.p.run.gw.guest6.family, WEFT_AF_UNSPEC);
	assert_int_equal(r.p.run.addr4.family, WEFT_AF_INET);
	assert_int_equal(r.p.run.gw.n_maps, 1);
	assert_int_equal(r.p.run.gw.maps[0].guest.family, WEFT_AF_INET);
	right(&r, "--ipv6-only");
	assert_int_equal(r.p.run.addr4.family, WEFT_AF_UNSPEC);
	assert_int_equal(r.p.run.dns6.family, WEFT_AF_INET6);
	assert_int_equal(r.p.run.gw.n_maps, 1);
	assert_int_equal(r.p.run.gw.maps[0].guest.family, WEFT_AF_INET6);
	wrong("--ipv4-only --ipv6-only");
}

static void outbound_is_an_address_of_each_family_or_an_interface(void **state UNUSED)
{
	struct parsed r;

	right(&r, "--outbound 127.0.0.1 --outbound ::1 --outbound lo");
	assert_int_equal(r.p.run.gw.bind4.family, WEFT_AF_INET);
	assert_int_equal(r.p.run.gw.bind6.bytes[15], 1);
	assert_string_equal(r.p.run.gw.bind_device, "lo");
	wrong("--outbound a-name-that-is-too-long");
	wrong("--outbound 192.0.2.1/24");
	/* None of the host's: RFC 5737, RFC 3849. */
	wrong("--outbound 192.0.2.1");
	wrong("--outbound 2001:db8::1");
	wrong("--outbound nosuch0");
}

static void numbers_have_their_ranges(void **state UNUSED)
{
	struct parsed r;

	right(&r, "--mtu 1280 --udp-timeout 1 --name x --no-sandbox --allow-host-loopback");
	assert_int_equal(r.p.run.mtu, 1280);
	assert_int_equal(r.p.run.gw.limits.udp_timeout_s, 1);
	assert_string_equal(r.p.run.name, "x");
	assert_false(r.p.box.seccomp);
	assert_true(r.p.run.gw.allow_host_loopback);
	wrong("--mtu 1279");
	wrong("--mtu 65522");
	wrong("--udp-timeout 0");
	wrong("--unknown");
	wrong("--mtu");
	right(&r, "--udp-filtering none");
	assert_int_equal(r.p.run.gw.filtering, GATEWAY_FILTER_NONE);
	wrong("--udp-filtering all");
}

static void rules_keep_their_order(void **state UNUSED)
{
	struct parsed r;

	right(&r, "--deny tcp,10.0.0.0/8,80-443 --allow any,any");
	assert_int_equal(r.p.run.gw.n_rules, 2);
	assert_false(r.p.run.gw.rules[0].is_allow);
	assert_int_equal(r.p.run.gw.rules[0].port_last, 443);
	assert_true(r.p.run.gw.rules[1].is_allow);
	wrong("--allow tcp");
}

static void forwards_are_counted(void **state UNUSED)
{
	struct parsed r;

	right(&r, "--forward tcp,127.0.0.1:8080,10.0.2.100:80 --forward udp,*:5000-5010");
	assert_int_equal(r.p.n_forwards, 2);
	assert_int_equal(r.p.forwards[1].n_ports, 11);
	wrong("--forward tcp");
}

static void forward_specs_are_told_from_what_is_none(void **state UNUSED)
{
	static const struct {
		const char *spec, *why;
	} bad[] = {
		{"", "are needed"},
		{"tcp", "are needed"},
		{"tcp,127.0.0.1", "`127.0.0.1` is not"},
		{"tcp,127.0.0.1:0", "`127.0.0.1:0` is not"},
		{"sctp,127.0.0.1:80", "`sctp` is neither"},
		{"tcp,127.0.0.1:80,10.0.2.100:80,x", "`x` is too much"},
		{"tcp,127.0.0.1:90-80", "`127.0.0.1:90-80` is not"},
		{"tcp,127.0.0.1:80-65536", "`127.0.0.1:80-65536` is not"},
		{"tcp,*:80-90,10.0.2.100:1-5",
		 "`10.0.2.100:1-5` is not as many ports as `*:80-90`"},
		{"tcp,*:80,fd00::100:80", "`fd00::100:80` is not"},
		{"tcp,*:x", "`*:x` is not"},
		{"tcp,:80", "`:80` is not"},
	};
	struct gateway_forward f;
	char text[400], why[GWSPEC_WHY_MAX] = "";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gwspec_forward_parse(bad[i].spec, &f, why) ||
			     !strstr(why, bad[i].why));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(gwspec_forward_parse(text, &f, why));
	assert_true(gwspec_forward_parse("tcp,[::1]:80-82,[fd00::100]:8080", &f, why));
	assert_int_equal(f.host_addr.family, WEFT_AF_INET6);
	assert_int_equal(f.n_ports, 3);
	assert_int_equal(f.guest_port, 8080);
	assert_true(gwspec_forward_parse("udp,*:53", &f, why));
	assert_int_equal(f.host_addr.family, WEFT_AF_UNSPEC);
	assert_int_equal(f.guest_addr.family, WEFT_AF_UNSPEC);
	assert_int_equal(f.proto, WEFT_IPPROTO_UDP);
}

static void rule_specs_are_told_from_what_is_none(void **state UNUSED)
{
	static const struct {
		const char *spec, *why;
	} bad[] = {
		{"", "are needed"},
		{"tcp", "are needed"},
		{"tcp,10.0.0.0/33", "`10.0.0.0/33` is neither"},
		{"tcp,x", "`x` is neither"},
		{"tcp,any,0", "`0` is not a port"},
		{"tcp,any,9-8", "`9-8` is not a port"},
		{"tcp,any,1,2", "`2` is too much"},
		{"icmp,any,7", "no ports as `7`"},
		{"sctp,any", "`sctp` is none"},
	};
	struct gateway_rule r;
	char why[GWSPEC_WHY_MAX] = "";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(gwspec_rule_parse(bad[i].spec, &r, why) || !strstr(why, bad[i].why));
	assert_true(gwspec_rule_parse("icmp,2001:db8::/32", &r, why));
	assert_int_equal(r.prefix_len, 32);
	assert_int_equal(r.proto, WEFT_IPPROTO_ICMP);
	assert_true(gwspec_rule_parse("any,192.0.2.1,53", &r, why));
	assert_int_equal(r.prefix_len, 32);
	assert_int_equal(r.port_first, 53);
	assert_int_equal(r.port_last, 53);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(option_of_the_caller_comes_back_to_it),
		cmocka_unit_test(resolvers_have_ports_or_not),
		cmocka_unit_test(search_lists_are_domains_or_none),
		cmocka_unit_test(what_tells_the_guest_can_be_turned_off),
		cmocka_unit_test(one_family_alone_takes_the_other_away),
		cmocka_unit_test(outbound_is_an_address_of_each_family_or_an_interface),
		cmocka_unit_test(numbers_have_their_ranges),
		cmocka_unit_test(rules_keep_their_order),
		cmocka_unit_test(forwards_are_counted),
		cmocka_unit_test(forward_specs_are_told_from_what_is_none),
		cmocka_unit_test(rule_specs_are_told_from_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
