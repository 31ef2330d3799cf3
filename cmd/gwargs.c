/* SPDX-License-Identifier: MIT */
/* Options of gateways; the contract is in gwargs.h. */
#include "cmd/gwargs.h"

#include <stdlib.h>
#include <string.h>

#include "lab/units.h"

enum {
	SPEC_MAX = 3 * WEFT_SOCKADDR_STRLEN,
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
		"      --mtu N                of the interface inside\n"
		"      --ipv4-only            no IPv6\n"
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

/* ADDR:FIRST[-LAST] */
static bool end_parse(char *text, struct weft_sockaddr *ret, uint16_t *ret_n_ports)
{
	char *dash = strrchr(text, '-');
	const char *why;
	uint64_t first = 0, last = 0;

	if (dash) {
		*dash = 0;
		if (lab_uint_parse(dash + 1, 1, UINT16_MAX, &last, &why) < 0)
			return false;
	}
	if (!strncmp(text, "*:", 2)) {
		*ret = (struct weft_sockaddr){.addr.family = WEFT_AF_UNSPEC};
		if (lab_uint_parse(text + 2, 1, UINT16_MAX, &first, &why) < 0)
			return false;
		ret->port = (uint16_t)first;
	} else if (weft_sockaddr_parse(text, ret) < 0) {
		return false;
	}
	if (!ret->port || (dash && last < ret->port))
		return false;
	*ret_n_ports = dash ? (uint16_t)(last - ret->port + 1) : 1;
	return true;
}

bool gwargs_forward_parse(const char *spec, struct gateway_forward *ret)
{
	struct gateway_forward f = {.n_ports = 1};
	char text[SPEC_MAX];
	char *proto, *host, *guest, *save = NULL;
	struct weft_sockaddr sa;
	uint16_t n_ports;

	if (strlen(spec) >= sizeof(text))
		return false;
	memcpy(text, spec, strlen(spec) + 1);
	proto = strtok_r(text, ",", &save);
	host = strtok_r(NULL, ",", &save);
	guest = strtok_r(NULL, ",", &save);
	if (!proto || !host || strtok_r(NULL, ",", &save) ||
	    (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0) ||
	    !end_parse(host, &sa, &f.n_ports))
		return false;
	f.proto = proto[0] == 't' ? WEFT_IPPROTO_TCP : WEFT_IPPROTO_UDP;
	f.host_addr = sa.addr;
	f.host_port = sa.port;
	if (guest) {
		if (!end_parse(guest, &sa, &n_ports) || (n_ports != 1 && n_ports != f.n_ports))
			return false;
		f.guest_addr = sa.addr;
		f.guest_port = sa.port;
	}
	*ret = f;
	return true;
}

/* FIRST[-LAST] */
static bool ports_parse(char *text, struct gateway_rule *ret)
{
	char *dash = strchr(text, '-');
	const char *why;
	uint64_t first, last;

	if (dash)
		*dash = 0;
	if (lab_uint_parse(text, 1, UINT16_MAX, &first, &why) < 0)
		return false;
	last = first;
	if (dash && lab_uint_parse(dash + 1, first, UINT16_MAX, &last, &why) < 0)
		return false;
	ret->port_first = (uint16_t)first;
	ret->port_last = (uint16_t)last;
	return true;
}

static bool rule_proto_parse(const char *text, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} words[] = {
		{"any", 0},
		{"tcp", WEFT_IPPROTO_TCP},
		{"udp", WEFT_IPPROTO_UDP},
		{"icmp", WEFT_IPPROTO_ICMP},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].name) != 0)
			continue;
		*ret = words[i].proto;
		return true;
	}
	return false;
}

bool gwargs_rule_parse(const char *spec, struct gateway_rule *ret)
{
	struct gateway_rule r = {0};
	char text[SPEC_MAX];
	char *proto, *prefix, *ports, *save = NULL;

	if (strlen(spec) >= sizeof(text))
		return false;
	memcpy(text, spec, strlen(spec) + 1);
	proto = strtok_r(text, ",", &save);
	prefix = strtok_r(NULL, ",", &save);
	ports = strtok_r(NULL, ",", &save);
	if (!proto || !prefix || strtok_r(NULL, ",", &save) || !rule_proto_parse(proto, &r.proto))
		return false;
	if (strcmp(prefix, "any") != 0 && weft_prefix_parse(prefix, &r.prefix, &r.prefix_len) < 0)
		return false;
	if (ports && (r.proto == WEFT_IPPROTO_ICMP || !ports_parse(ports, &r)))
		return false;
	*ret = r;
	return true;
}

static int wrong(const struct gwargs *a, const char *option, const char *value, const char *why)
{
	fprintf(stderr, "%s: %s %s: %s\n", a->p->tool, option, value, why);
	return GWARGS_WRONG;
}

static int rule_take(struct gwargs *a, bool is_allow, const char *value)
{
	struct gateway_config *gw = &a->p->run.gw;
	struct gateway_rule *r = &a->rules[gw->n_rules];
	const char *option = is_allow ? "--allow" : "--deny";

	if (gw->n_rules == GWARGS_RULES_MAX)
		return wrong(a, option, value, "there are 64 rules already");
	if (!gwargs_rule_parse(value, r))
		return wrong(a, option, value,
			     "write PROTO,PREFIX[,PORTS], for example tcp,10.0.0.0/8,80-443; "
			     "PROTO is tcp, udp, icmp or any");
	r->is_allow = is_allow;
	gw->rules = a->rules;
	gw->n_rules++;
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

/* 0, or GWARGS_WRONG. */
static int shared_take(struct gwargs *a, int opt, const char *value)
{
	struct gwproc *p = a->p;
	const char *why;
	uint64_t n;

	switch (opt) {
	case OPT_FORWARD:
		if (p->n_forwards == GWARGS_FORWARDS_MAX)
			return wrong(a, "--forward", value, "there are 64 already");
		if (!gwargs_forward_parse(value, &a->forwards[p->n_forwards++]))
			return wrong(a, "--forward", value,
				     "write PROTO,HOST:PORT[,GUEST:PORT], for example "
				     "tcp,127.0.0.1:8080,10.0.2.100:80");
		break;
	case OPT_LOOPBACK:
		p->run.gw.allow_host_loopback = true;
		break;
	case OPT_MTU:
		if (lab_uint_parse(value, GATEWAY_RUN_MTU_MIN, GATEWAY_RUN_MTU_MAX, &n, &why) < 0)
			return wrong(a, "--mtu", value, why);
		a->mtu = (uint32_t)n;
		break;
	case OPT_ALLOW:
	case OPT_DENY:
		return rule_take(a, opt == OPT_ALLOW, value);
	case OPT_FILTERING:
		return filtering_take(a, value);
	case OPT_UDP_TIMEOUT:
		if (lab_uint_parse(value, 1, UDP_TIMEOUT_MAX_S, &n, &why) < 0)
			return wrong(a, "--udp-timeout", value, why);
		p->run.gw.limits.udp_timeout_s = (uint32_t)n;
		break;
	case OPT_NAME:
		p->run.name = value;
		break;
	case OPT_NO_SANDBOX:
		p->box.empty_root = false;
		p->box.seccomp = false;
		break;
	default: /* OPT_IPV4 */
		p->run.addr6.family = p->run.dns6.family = p->run.gw.guest6.family = WEFT_AF_UNSPEC;
		p->run.no_ra = true;
		p->run.gw.n_maps = 1;
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

void gwargs_finish(struct gwargs *a)
{
	a->p->run.mtu = a->mtu;
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
