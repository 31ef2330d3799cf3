/* SPDX-License-Identifier: MIT */
/* Names of ICMP types and codes: RFC 792, RFC 1122 §3.2.2, RFC 1812 §5.2.7, RFC 4443. */
#include "drill/icmp_name.h"

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

struct icmp_name {
	const char *name;
	uint8_t type, code;
};

static const struct icmp_name types[] = {
	{"echo_reply", DRILL_ICMP_ECHO_REPLY, 0},
	{"unreachable", DRILL_ICMP_UNREACHABLE, 0},
	{"source_quench", DRILL_ICMP_SOURCE_QUENCH, 0},
	{"redirect", DRILL_ICMP_REDIRECT, 0},
	{"echo_request", DRILL_ICMP_ECHO_REQUEST, 0},
	{"time_exceeded", DRILL_ICMP_TIME_EXCEEDED, 0},
	{"parameter_problem", DRILL_ICMP_PARAMETER_PROBLEM, 0},
	{"packet_too_big", DRILL_ICMP_PACKET_TOO_BIG, 0},
};

/* The first name of a number is the one that is printed. */
static const struct icmp_name codes[] = {
	{"net_unreachable", DRILL_ICMP_UNREACHABLE, 0},
	{"host_unreachable", DRILL_ICMP_UNREACHABLE, 1},
	{"protocol_unreachable", DRILL_ICMP_UNREACHABLE, 2},
	{"port_unreachable", DRILL_ICMP_UNREACHABLE, 3},
	{"frag_needed", DRILL_ICMP_UNREACHABLE, 4},
	{"source_route_failed", DRILL_ICMP_UNREACHABLE, 5},
	{"net_unknown", DRILL_ICMP_UNREACHABLE, 6},
	{"net_unreachable_unknown", DRILL_ICMP_UNREACHABLE, 6},
	{"host_unknown", DRILL_ICMP_UNREACHABLE, 7},
	{"host_unreachable_unknown", DRILL_ICMP_UNREACHABLE, 7},
	{"source_host_isolated", DRILL_ICMP_UNREACHABLE, 8},
	{"host_unreachable_isolated", DRILL_ICMP_UNREACHABLE, 8},
	{"net_prohibited", DRILL_ICMP_UNREACHABLE, 9},
	{"net_unreachable_prohibited", DRILL_ICMP_UNREACHABLE, 9},
	{"host_prohibited", DRILL_ICMP_UNREACHABLE, 10},
	{"host_unreachable_prohibited", DRILL_ICMP_UNREACHABLE, 10},
	{"net_unreachable_for_tos", DRILL_ICMP_UNREACHABLE, 11},
	{"net_unreachable_tos", DRILL_ICMP_UNREACHABLE, 11},
	{"host_unreachable_for_tos", DRILL_ICMP_UNREACHABLE, 12},
	{"host_unreachable_tos", DRILL_ICMP_UNREACHABLE, 12},
	{"packet_filtered", DRILL_ICMP_UNREACHABLE, 13},
	{"comm_prohibited", DRILL_ICMP_UNREACHABLE, 13},
	{"host_precedence_violation", DRILL_ICMP_UNREACHABLE, 14},
	{"precedence_cutoff", DRILL_ICMP_UNREACHABLE, 15},
	{"ttl_exceeded", DRILL_ICMP_TIME_EXCEEDED, 0},
	{"in_transit", DRILL_ICMP_TIME_EXCEEDED, 0},
	{"exceeded_in_transit", DRILL_ICMP_TIME_EXCEEDED, 0},
	{"reassembly_exceeded", DRILL_ICMP_TIME_EXCEEDED, 1},
	{"pointer", DRILL_ICMP_PARAMETER_PROBLEM, 0},
	{"missing_option", DRILL_ICMP_PARAMETER_PROBLEM, 1},
	{"bad_length", DRILL_ICMP_PARAMETER_PROBLEM, 2},
	{"unknown_next_header", DRILL_ICMP_PARAMETER_PROBLEM, 1},
	{"unknown_option", DRILL_ICMP_PARAMETER_PROBLEM, 2},
	{"incomplete_chain", DRILL_ICMP_PARAMETER_PROBLEM, 3},
	{"net", DRILL_ICMP_REDIRECT, 0},
	{"host", DRILL_ICMP_REDIRECT, 1},
	/* ICMPv6 */
	{"no_route", DRILL_ICMP_UNREACHABLE, 0},
	{"noroute", DRILL_ICMP_UNREACHABLE, 0},
	{"admin_prohibited", DRILL_ICMP_UNREACHABLE, 13},
	{"adm_prohibited", DRILL_ICMP_UNREACHABLE, 13},
	{"address_unreachable", DRILL_ICMP_UNREACHABLE, 1},
	{"addr_unreach", DRILL_ICMP_UNREACHABLE, 1},
};

static bool icmp_number(const char *name, uint8_t *ret)
{
	unsigned n = 0;

	if (!*name)
		return false;
	for (const char *p = name; *p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		n = n * 10 + (unsigned)(*p - '0');
		if (n > UINT8_MAX)
			return false;
	}
	*ret = (uint8_t)n;
	return true;
}

bool drill_icmp_type(const char *name, uint8_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!strcmp(types[i].name, name)) {
			*ret = types[i].type;
			return true;
		}
	}
	return icmp_number(name, ret);
}

bool drill_icmp_code(uint8_t type, const char *name, uint8_t *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].type == type && !strcmp(codes[i].name, name)) {
			*ret = codes[i].code;
			return true;
		}
	}
	return icmp_number(name, ret);
}

/* What is the same in both, in the order in which one is looked for: the first with the numbers of
 * a script, and the first with those of ICMPv6. */
static const struct {
	uint8_t type, code, type6, code6;
	bool any_code; /* the code stays as it is */
} numbers6[] = {
	{DRILL_ICMP_ECHO_REQUEST, 0, 128, 0, true},
	{DRILL_ICMP_ECHO_REPLY, 0, 129, 0, true},
	{DRILL_ICMP_PACKET_TOO_BIG, 0, 2, 0, true},
	{DRILL_ICMP_UNREACHABLE, 4, 2, 0, false}, /* fragmentation needed */
	{DRILL_ICMP_UNREACHABLE, 0, 1, 0, false},
	{DRILL_ICMP_UNREACHABLE, 1, 1, 3, false},
	{DRILL_ICMP_UNREACHABLE, 3, 1, 4, false},
	{DRILL_ICMP_UNREACHABLE, 13, 1, 1, false},
	{DRILL_ICMP_UNREACHABLE, 5, 1, 5, false},
	{DRILL_ICMP_UNREACHABLE, 6, 1, 0, false},
	{DRILL_ICMP_UNREACHABLE, 7, 1, 3, false},
	{DRILL_ICMP_UNREACHABLE, 9, 1, 1, false},
	{DRILL_ICMP_UNREACHABLE, 10, 1, 1, false},
	{DRILL_ICMP_UNREACHABLE, 2, 4, 1, false}, /* no such protocol: unknown next header */
	{DRILL_ICMP_TIME_EXCEEDED, 0, 3, 0, true},
	{DRILL_ICMP_PARAMETER_PROBLEM, 0, 4, 0, true},
};

void drill_icmp6_numbers(uint8_t type, uint8_t code, uint8_t *ret_type, uint8_t *ret_code)
{
	*ret_type = type == DRILL_ICMP_UNREACHABLE ? 1 : type;
	*ret_code = type == DRILL_ICMP_UNREACHABLE ? 0 : code;
	for (size_t i = 0; i < ARRAY_SIZE(numbers6); i++) {
		if (numbers6[i].type != type || (!numbers6[i].any_code && numbers6[i].code != code))
			continue;
		*ret_type = numbers6[i].type6;
		*ret_code = numbers6[i].any_code ? code : numbers6[i].code6;
		return;
	}
}

bool drill_icmp6_meaning(uint8_t type, uint8_t code, uint8_t *ret_type, uint8_t *ret_code)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers6); i++) {
		if (numbers6[i].type6 != type ||
		    (!numbers6[i].any_code && numbers6[i].code6 != code))
			continue;
		*ret_type = numbers6[i].type;
		*ret_code = numbers6[i].any_code ? code : numbers6[i].code;
		return true;
	}
	return false;
}

const char *drill_icmp_type_name(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

const char *drill_icmp_code_name(uint8_t type, uint8_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].type == type && codes[i].code == code)
			return codes[i].name;
	return NULL;
}
