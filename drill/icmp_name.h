/* SPDX-License-Identifier: MIT */
/*
 * Names of types and codes of ICMP. In the tree of a script a type is a number of ICMP for IPv4;
 * what has its own number in ICMPv6 is translated when the packet is made or read (build.c,
 * seen.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False: there is none of that name. Numbers are names too. */
bool drill_icmp_type(const char *name, uint8_t *ret);
bool drill_icmp_code(uint8_t type, const char *name, uint8_t *ret);
/* The numbers of ICMPv6 (RFC 4443) for a type and a code of a script. */
void drill_icmp6_numbers(uint8_t type, uint8_t code, uint8_t *ret_type, uint8_t *ret_code);
/* And back. False: a message that scripts do not speak of (neighbour discovery, groups). */
bool drill_icmp6_meaning(uint8_t type, uint8_t code, uint8_t *ret_type, uint8_t *ret_code);
/* NULL: no name. */
const char *drill_icmp_type_name(uint8_t type);
const char *drill_icmp_code_name(uint8_t type, uint8_t code);

enum {
	DRILL_ICMP_ECHO_REPLY = 0,
	DRILL_ICMP_UNREACHABLE = 3,
	DRILL_ICMP_SOURCE_QUENCH = 4,
	DRILL_ICMP_REDIRECT = 5,
	DRILL_ICMP_ECHO_REQUEST = 8,
	DRILL_ICMP_TIME_EXCEEDED = 11,
	DRILL_ICMP_PARAMETER_PROBLEM = 12,
	DRILL_ICMP_PACKET_TOO_BIG = 200, /* of ICMPv6 alone; no number of ICMP */
};
