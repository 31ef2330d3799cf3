/* SPDX-License-Identifier: MIT */
/* Forwards and access rules as words; the contract is in gwspec.h. */
#include "cmd/gwspec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lab/units.h"

enum {
	SPEC_MAX = 3 * WEFT_SOCKADDR_STRLEN,
};

static bool PRINTF_LIKE(2, 3) wrong(char *ret_why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ret_why, GWSPEC_WHY_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* The words of `spec`, which has commas between them: how many, at most one more than `max`; 0: the
 * whole is too long. `text` holds them. */
static size_t words_split(const char *spec, char text[SPEC_MAX], char **words, size_t max)
{
	char *save = NULL;
	size_t n = 0;

	if (strlen(spec) >= SPEC_MAX)
		return 0;
	memcpy(text, spec, strlen(spec) + 1);
	for (char *word = strtok_r(text, ",", &save); word && n <= max;
	     word = strtok_r(NULL, ",", &save))
		words[n++] = word;
	return n;
}

/* ADDR:FIRST[-LAST] */
static bool end_parse(const char *word, struct weft_sockaddr *ret, uint16_t *ret_n_ports)
{
	char text[SPEC_MAX];
	char *dash;
	const char *why;
	uint64_t first = 0, last = 0;

	memcpy(text, word, strlen(word) + 1);
	dash = strrchr(text, '-');
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

static bool not_an_end(char *ret_why, const char *word, const char *or_what)
{
	return wrong(ret_why,
		     "`%.60s` is not ADDRESS:PORT, with an IP address (IPv6 in brackets)%s and a "
		     "port or range within 1-65535",
		     word, or_what);
}

bool gwspec_forward_parse(const char *spec, struct gateway_forward *ret, char *ret_why)
{
	struct gateway_forward f = {.n_ports = 1};
	char text[SPEC_MAX], *words[4];
	struct weft_sockaddr sa;
	uint16_t n_ports;
	size_t n = words_split(spec, text, words, 3);

	if (n < 2)
		return wrong(ret_why, "a protocol and a port of the host are needed");
	if (n > 3)
		return wrong(ret_why, "`%.40s` is too much", words[3]);
	if (strcmp(words[0], "tcp") != 0 && strcmp(words[0], "udp") != 0)
		return wrong(ret_why, "`%.40s` is neither tcp nor udp", words[0]);
	if (!end_parse(words[1], &sa, &f.n_ports))
		return not_an_end(ret_why, words[1], " or *");
	f.proto = words[0][0] == 't' ? WEFT_IPPROTO_TCP : WEFT_IPPROTO_UDP;
	f.host_addr = sa.addr;
	f.host_port = sa.port;
	if (n == 3) {
		if (!end_parse(words[2], &sa, &n_ports))
			return not_an_end(ret_why, words[2], "");
		if (n_ports != 1 && n_ports != f.n_ports)
			return wrong(ret_why, "`%.60s` is not as many ports as `%.60s`", words[2],
				     words[1]);
		f.guest_addr = sa.addr;
		f.guest_port = sa.port;
	}
	*ret = f;
	return true;
}

/* FIRST[-LAST] */
static bool ports_parse(const char *word, struct gateway_rule *ret)
{
	char text[SPEC_MAX];
	char *dash;
	const char *why;
	uint64_t first, last;

	memcpy(text, word, strlen(word) + 1);
	dash = strchr(text, '-');
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

bool gwspec_rule_parse(const char *spec, struct gateway_rule *ret, char *ret_why)
{
	struct gateway_rule r = {0};
	char text[SPEC_MAX], *words[4];
	size_t n = words_split(spec, text, words, 3);

	if (n < 2)
		return wrong(ret_why, "a protocol and a prefix are needed");
	if (n > 3)
		return wrong(ret_why, "`%.40s` is too much", words[3]);
	if (!rule_proto_parse(words[0], &r.proto))
		return wrong(ret_why, "`%.40s` is none of tcp, udp, icmp and any", words[0]);
	if (strcmp(words[1], "any") != 0 &&
	    weft_prefix_parse(words[1], &r.prefix, &r.prefix_len) < 0)
		return wrong(ret_why, "`%.60s` is neither a prefix nor an address nor any",
			     words[1]);
	if (n == 3 && r.proto == WEFT_IPPROTO_ICMP)
		return wrong(ret_why, "pings have no ports as `%.40s`", words[2]);
	if (n == 3 && !ports_parse(words[2], &r))
		return wrong(ret_why, "`%.40s` is not a port or range within 1-65535", words[2]);
	*ret = r;
	return true;
}
