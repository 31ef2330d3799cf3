/* SPDX-License-Identifier: MIT */
/* Options of gateways; the contract is in gwargs.h. */
#include "cmd/gwargs.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/gwspec.h"
#include "lab/units.h"
#include "net/dhcp/dhcp_msg.h"

enum {
	OPT_FORWARD = 256, /* beyond characters: the callers' own */
	OPT_LOOPBACK,
	OPT_MTU,
	OPT_NAME,
	OPT_NO_SANDBOX,
	OPT_IPV4,
	OPT_ALLOW,
	OPT_DENY,
	OPT_FILTERING,
	OPT_UDP_TIMEOUT,
	OPT_IPV6,
	OPT_DNS,
	OPT_NO_DNS,
	OPT_SEARCH,
	OPT_NO_DHCP,
	OPT_NO_DHCPV6,
	OPT_DHCPV6,
	OPT_NO_RA,
	OPT_OUTBOUND,
};

enum {
	UDP_TIMEOUT_MAX_S = 86400,
};

static const struct option shared[] = {
	{"forward", required_argument, NULL, OPT_FORWARD},
	{"allow-host-loopback", no_argument, NULL, OPT_LOOPBACK},
	{"mtu", required_argument, NULL, OPT_MTU},
	{"name", required_argument, NULL, OPT_NAME},
	{"no-sandbox", no_argument, NULL, OPT_NO_SANDBOX},
	{"ipv4-only", no_argument, NULL, OPT_IPV4},
	{"allow", required_argument, NULL, OPT_ALLOW},
	{"deny", required_argument, NULL, OPT_DENY},
	{"udp-filtering", required_argument, NULL, OPT_FILTERING},
	{"udp-timeout", required_argument, NULL, OPT_UDP_TIMEOUT},
	{"ipv6-only", no_argument, NULL, OPT_IPV6},
	{"dns", required_argument, NULL, OPT_DNS},
	{"no-dns", no_argument, NULL, OPT_NO_DNS},
	{"search", required_argument, NULL, OPT_SEARCH},
	{"no-dhcp", no_argument, NULL, OPT_NO_DHCP},
	{"no-dhcpv6", no_argument, NULL, OPT_NO_DHCPV6},
	{"dhcpv6", required_argument, NULL, OPT_DHCPV6},
	{"no-ra", no_argument, NULL, OPT_NO_RA},
	{"outbound", required_argument, NULL, OPT_OUTBOUND},
};

void gwargs_help(FILE *out)
{
	fprintf(out,
		"      --forward SPEC         a port of the host leads inside: "
		"tcp,127.0.0.1:8080,10.0.2.100:80;\n"
		"                             ports may be ranges, several options may be given\n"
		"      --allow-host-loopback  10.0.2.2 and fd00::2 are the host's 127.0.0.1 and "
		"::1\n"
		"      --allow RULE, --deny RULE\n"
		"                             whom the guest may reach; the first that fits "
		"decides, else allowed:\n"
		"                             tcp,10.0.0.0/8,80-443  udp,any,53  any,::/0\n"
		"      --udp-filtering HOW    who may answer: address-port, whom the guest has "
		"sent "
		"to; address;\n"
		"                             none, anybody\n"
		"      --udp-timeout N        seconds after which a mapping goes; 300\n"
		"      --outbound ADDR|IFNAME the host's sockets have this address, or leave by "
		"this "
		"interface\n"
		"      --dns ADDR[:PORT]      a resolver that 10.0.2.3 and fd00::3 ask, in place "
		"of "
		"the host's\n"
		"      --no-dns               they do not answer\n"
		"      --search DOMAIN        the guest is told to search it, in place of the "
		"host's; "
		"none: nothing\n"
		"      --no-dhcp, --no-ra     no DHCP; no router advertisements\n"
		"      --dhcpv6 WHAT          stateful, with addresses, the default; stateless; "
		"off "
		"(--no-dhcpv6)\n"
		"      --mtu N                of the interface inside\n"
		"      --ipv4-only, --ipv6-only\n"
		"                             no IPv6; no IPv4\n"
		"      --name NAME            of its control socket: `weft -l NAME -n gateway ss`\n"
		"      --no-sandbox           keep files and system calls, to find faults\n");
}

void gwargs_init(struct gwargs *a, struct gwproc *p, const struct option *own, size_t n_own)
{
	const size_t n = sizeof(shared) / sizeof(shared[0]);

	*a = (struct gwargs){.p = p};
	memcpy(a->options, shared, sizeof(shared));
	memcpy(a->options + n, own, n_own * sizeof(*own));
	p->forwards = a->forwards;
}

static int wrong(const struct gwargs *a, const char *option, const char *value, const char *why)
{
	fprintf(stderr, "%s: %s %s: %s\n", a->p->tool, option, value, why);
	return GWARGS_WRONG;
}

/* A rule or a forward: which word is wrong, and an example of a right one. */
static int wrong_spec(const struct gwargs *a, const char *option, const char *value,
		      const char *why, const char *form)
{
	fprintf(stderr, "%s: %s %s: %s; write %s\n", a->p->tool, option, value, why, form);
	return GWARGS_WRONG;
}

static int rule_take(struct gwargs *a, bool is_allow, const char *value)
{
	struct gateway_config *gw = &a->p->run.gw;
	struct gateway_rule *r = &a->rules[gw->n_rules];
	const char *option = is_allow ? "--allow" : "--deny";
	char why[GWSPEC_WHY_MAX];

	if (gw->n_rules == GWARGS_RULES_MAX)
		return wrong(a, option, value, "there are 64 rules already");
	if (!gwspec_rule_parse(value, r, why))
		return wrong_spec(a, option, value, why,
				  "PROTO,PREFIX[,PORTS], for example tcp,10.0.0.0/8,80-443");
	r->is_allow = is_allow;
	gw->rules = a->rules;
	gw->n_rules++;
	return 0;
}

static int forward_take(struct gwargs *a, const char *value)
{
	struct gwproc *p = a->p;
	char why[GWSPEC_WHY_MAX];

	if (p->n_forwards == GWARGS_FORWARDS_MAX)
		return wrong(a, "--forward", value, "there are 64 already");
	if (!gwspec_forward_parse(value, &a->forwards[p->n_forwards++], why))
		return wrong_spec(a, "--forward", value, why,
				  "PROTO,HOST:PORT[,GUEST:PORT], for example "
				  "tcp,127.0.0.1:8080,10.0.2.100:80");
	return 0;
}

static int filtering_take(struct gwargs *a, const char *value)
{
	static const char *const names[] = {
		[GATEWAY_FILTER_ADDRESS_PORT] = "address-port",
		[GATEWAY_FILTER_ADDRESS] = "address",
		[GATEWAY_FILTER_NONE] = "none",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(value, names[i])) {
			a->p->run.gw.filtering = (enum gateway_filtering)i;
			return 0;
		}
	}
	return wrong(a, "--udp-filtering", value, "write address-port, address or none");
}

static int dns_take(struct gwargs *a, const char *value)
{
	struct gateway_run_config *run = &a->p->run;
	struct weft_sockaddr sa = {0};

	if (run->n_resolvers == GATEWAY_RUN_RESOLVERS_MAX)
		return wrong(a, "--dns", value, "there are 8 already");
	if (weft_addr_parse(value, &sa.addr) < 0 && weft_sockaddr_parse(value, &sa) < 0)
		return wrong(a, "--dns", value, "write an IP address, with a port or without");
	run->resolvers[run->n_resolvers++] = sa;
	return 0;
}

static int search_take(struct gwargs *a, const char *value)
{
	struct gateway_run_config *run = &a->p->run;

	if (!strcmp(value, "none")) {
		run->no_search = true;
		return 0;
	}
	if (run->n_search == GATEWAY_RUN_SEARCH_MAX)
		return wrong(a, "--search", value, "there are 8 already");
	if (!dhcp_domain_is_right(value))
		return wrong(a, "--search", value, "not a domain");
	run->search[run->n_search++] = value;
	return 0;
}

static int dhcp6_take(struct gwargs *a, const char *value)
{
	static const char *const names[] = {
		[GATEWAY_DHCP6_ADDRS] = "stateful",
		[GATEWAY_DHCP6_OTHER] = "stateless",
		[GATEWAY_DHCP6_NONE] = "off",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(value, names[i])) {
			a->p->run.dhcp6 = (enum gateway_dhcp6)i;
			return 0;
		}
	}
	return wrong(a, "--dhcpv6", value, "write stateful, stateless or off");
}

static int outbound_take(struct gwargs *a, const char *value)
{
	struct gateway_config *gw = &a->p->run.gw;
	struct weft_addr addr;

	if (weft_addr_parse(value, &addr) == 0) {
		*(addr.family == WEFT_AF_INET ? &gw->bind4 : &gw->bind6) = addr;
		return 0;
	}
	if (!*value || strlen(value) >= sizeof(gw->bind_device) || strpbrk(value, "/: "))
		return wrong(a, "--outbound", value,
			     "write an address of the host, or the name of an interface");
	memcpy(gw->bind_device, value, strlen(value) + 1);
	return 0;
}

static int outbound_bind(int fd, const struct weft_addr *addr)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
	int err;

	if (addr->family == WEFT_AF_INET) {
		memcpy(&sin.sin_addr, addr->bytes, 4);
		err = bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	} else {
		memcpy(&sin6.sin6_addr, addr->bytes, 16);
		err = bind(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	}
	return err < 0 ? -errno : 0;
}

static const char *outbound_reason(int err)
{
	switch (err) {
	case -ENODEV:
		return "neither an address nor an interface of the host";
	case -EADDRNOTAVAIL:
		return "not an address of the host";
	default:
		return strerror(-err);
	}
}

/* Whether sockets can have what --outbound says: not found out only when the guest wants one. */
static int outbound_try(const struct gwargs *a, const struct weft_addr *addr)
{
	int fd = socket(addr->family == WEFT_AF_INET6 ? AF_INET6 : AF_INET,
			SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *device = a->p->run.gw.bind_device, *what = device;
	socklen_t len = (socklen_t)strlen(device);
	char text[WEFT_ADDR_STRLEN];
	int err = fd < 0 ? -errno : 0;

	if (!err && len && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, len) < 0)
		err = -errno;
	if (!err && addr->family) {
		what = weft_addr_print(addr, text, sizeof(text));
		err = outbound_bind(fd, addr);
	}
	if (fd >= 0)
		close(fd);
	return err ? wrong(a, "--outbound", what, outbound_reason(err)) : 0;
}

static int outbound_check(const struct gwargs *a)
{
	static const struct weft_addr none;
	const struct gateway_config *gw = &a->p->run.gw;
	int err = gw->bind_device[0] ? outbound_try(a, &none) : 0;

	if (!err && gw->bind4.family)
		err = outbound_try(a, &gw->bind4);
	if (!err && gw->bind6.family)
		err = outbound_try(a, &gw->bind6);
	return err;
}

/* Of one family. */
static void family_drop(struct gateway_run_config *run, bool is_ip6)
{
	static const struct weft_addr none;

	*(is_ip6 ? &run->addr6 : &run->addr4) = none;
	*(is_ip6 ? &run->dns6 : &run->dns4) = none;
	*(is_ip6 ? &run->gw.guest6 : &run->gw.guest4) = none;
	if (is_ip6)
		run->gw.n_maps = 1;
	else if (run->gw.n_maps == 2)
		run->gw.maps++, run->gw.n_maps = 1;
}

/* 0, or GWARGS_WRONG. */
static int shared_take(struct gwargs *a, int opt, const char *value)
{
	struct gwproc *p = a->p;
	const char *why;
	uint64_t n;

	switch (opt) {
	case OPT_FORWARD:
		return forward_take(a, value);
	case OPT_LOOPBACK:
		p->run.gw.allow_host_loopback = true;
		break;
	case OPT_MTU:
		if (lab_uint_parse(value, GATEWAY_RUN_MTU_MIN, GATEWAY_RUN_MTU_MAX, &n, &why) < 0)
			return wrong(a, "--mtu", value, "write a number from 1280 to 65521");
		a->mtu = (uint32_t)n;
		break;
	case OPT_ALLOW:
	case OPT_DENY:
		return rule_take(a, opt == OPT_ALLOW, value);
	case OPT_FILTERING:
		return filtering_take(a, value);
	case OPT_UDP_TIMEOUT:
		if (lab_uint_parse(value, 1, UDP_TIMEOUT_MAX_S, &n, &why) < 0)
			return wrong(a, "--udp-timeout", value,
				     "write a number of seconds from 1 to 86400");
		p->run.gw.limits.udp_timeout_s = (uint32_t)n;
		break;
	case OPT_NAME:
		p->run.name = value;
		break;
	case OPT_NO_SANDBOX:
		p->box.empty_root = false;
		p->box.seccomp = false;
		break;
	case OPT_DNS:
		return dns_take(a, value);
	case OPT_NO_DNS:
		a->no_dns = true;
		break;
	case OPT_SEARCH:
		return search_take(a, value);
	case OPT_NO_DHCP:
		p->run.no_dhcp = true;
		break;
	case OPT_NO_DHCPV6:
		p->run.dhcp6 = GATEWAY_DHCP6_NONE;
		break;
	case OPT_DHCPV6:
		return dhcp6_take(a, value);
	case OPT_NO_RA:
		p->run.no_ra = true;
		break;
	case OPT_OUTBOUND:
		return outbound_take(a, value);
	case OPT_IPV4:
		a->ip4_only = true;
		break;
	default: /* OPT_IPV6 */
		a->ip6_only = true;
		break;
	}
	return 0;
}

int gwargs_next(struct gwargs *a, int argc, char **argv, const char *short_opts)
{
	for (;;) {
		int opt = getopt_long(argc, argv, short_opts, a->options, NULL);
		int err;

		if (opt == '?') {
			fprintf(stderr, "%s: `%s --help` lists the options\n", a->p->tool,
				a->p->tool);
			return GWARGS_WRONG;
		}
		if (opt < OPT_FORWARD)
			return opt;
		err = shared_take(a, opt, optarg);
		if (err)
			return err;
	}
}

int gwargs_finish(struct gwargs *a)
{
	struct gateway_run_config *run = &a->p->run;

	run->mtu = a->mtu;
	if (a->ip4_only && a->ip6_only)
		return wrong(a, "--ipv4-only", "--ipv6-only", "nothing is left");
	if (a->ip4_only || a->ip6_only)
		family_drop(run, a->ip4_only);
	if (a->no_dns)
		run->dns4.family = run->dns6.family = WEFT_AF_UNSPEC;
	return outbound_check(a);
}

static struct lab_ip lab_ip_of(const struct weft_addr *addr)
{
	struct lab_ip ip = {.family = LAB_IP_NONE};

	if (addr->family == WEFT_AF_INET)
		ip.family = LAB_IP4;
	else if (addr->family == WEFT_AF_INET6)
		ip.family = LAB_IP6;
	memcpy(ip.bytes, addr->bytes, lab_ip_bits(&ip) / 8);
	return ip;
}

void gwargs_tap_addrs(const struct gateway_run_config *run, struct netns_tap *tap)
{
	if (run->gw.guest4.family)
		tap->addrs[tap->n_addrs++] =
			(struct lab_net){lab_ip_of(&run->gw.guest4), run->gw.guest4_len};
	if (run->gw.guest6.family)
		tap->addrs[tap->n_addrs++] =
			(struct lab_net){lab_ip_of(&run->gw.guest6), run->gw.guest6_len};
	tap->via4 = lab_ip_of(&run->addr4);
	tap->via6 = lab_ip_of(&run->addr6);
}
