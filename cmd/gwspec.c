/* SPDX-License-Identifier: MIT */
/* Forwards and access rules as words; the contract is in gwspec.h. */
#include "cmd/gwspec.h"

#include <string.h>

#include "lab/units.h"

enum {
	SPEC_MAX = 3 * WEFT_SOCKADDR_STRLEN,
};

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

bool gwspec_forward_parse(const char *spec, struct gateway_forward *ret)
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

bool gwspec_rule_parse(const char *spec, struct gateway_rule *ret)
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
