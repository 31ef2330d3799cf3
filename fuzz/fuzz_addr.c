/* SPDX-License-Identifier: MIT */
/*
 * The text of an address, and an address of 16 bytes. What is read, printed and read again is the
 * same address; what is printed is a fixed point.
 */
#include "fuzz.h"

#include "wire/addr.h"

#include <stdlib.h>

/* Not assert(): the calls in its argument must not vanish with it. */
static void check(bool ok)
{
	if (!ok)
		abort();
}

static void fuzz_text(const char *s)
{
	char buf[IP_ADDR_STRLEN];
	struct eth_addr eth, eth2;
	struct ip4_addr a4, a42;
	struct ip6_addr a6, a62;
	struct ip_addr ip, ip2;
	bool is4 = ip4_addr_parse(s, &a4) == 0;
	bool is6 = ip6_addr_parse(s, &a6) == 0;
	bool is = ip_addr_parse(s, &ip) == 0;

	check(!(is4 && is6) && is == (is4 || is6));
	if (is4)
		check(strcmp(ip4_addr_print(&a4, buf), s) == 0);
	if (is4 && ip4_addr_parse(buf, &a42) == 0)
		check(ip4_addr_eq(&a4, &a42));
	if (is6 && ip6_addr_parse(ip6_addr_print(&a6, buf), &a62) == 0)
		check(ip6_addr_eq(&a6, &a62));
	if (is && ip_addr_parse(ip_addr_print(&ip, buf), &ip2) == 0)
		check(ip_addr_eq(&ip, &ip2));
	if (eth_addr_parse(s, &eth) == 0 && eth_addr_parse(eth_addr_print(&eth, buf), &eth2) == 0)
		check(eth_addr_eq(&eth, &eth2));
}

/* The predicates of both views of one address agree. */
static void fuzz_bytes(const uint8_t *p)
{
	char buf[IP_ADDR_STRLEN];
	struct ip_addr ip, back;
	struct ip6_addr a6;
	struct ip4_addr a4;
	struct eth_addr eth;

	memcpy(&ip, p, sizeof(ip));
	memcpy(&eth, p, sizeof(eth));
	check(!eth_addr_is_broadcast(&eth) || eth_addr_is_multicast(&eth));
	check(!eth_addr_is_zero(&eth) || !eth_addr_is_multicast(&eth));
	a6 = ip_addr_to_ip6(&ip);
	back = ip_addr_from_ip6(&a6);
	check(ip_addr_eq(&ip, &back));
	if (ip_addr_parse(ip_addr_print(&ip, buf), &back) == 0)
		check(ip_addr_eq(&ip, &back));
	check(ip6_in_prefix(&a6, &a6, p[15] % 129u));
	if (!ip_addr_is_ip4(&ip)) {
		check(ip_addr_is_multicast(&ip) == ip6_addr_is_multicast(&a6));
		check(ip_addr_is_loopback(&ip) == ip6_addr_is_loopback(&a6));
		check(ip_addr_is_unspecified(&ip) == ip6_addr_is_unspecified(&a6));
		check(!ip6_addr_is_link_local(&a6) || !ip6_addr_is_multicast(&a6));
		return;
	}
	a4 = ip_addr_to_ip4(&ip);
	back = ip_addr_from_ip4(&a4);
	check(ip_addr_eq(&ip, &back));
	check(ip_addr_is_multicast(&ip) == ip4_addr_is_multicast(&a4));
	check(ip_addr_is_loopback(&ip) == ip4_addr_is_loopback(&a4));
	check(ip_addr_is_unspecified(&ip) == ip4_addr_is_unspecified(&a4));
	check(!ip4_addr_is_link_local(&a4) || !ip4_addr_is_broadcast(&a4));
	check(ip4_in_prefix(&a4, &a4, p[14] % 33u));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	if (!s)
		return 0;
	if (size > 0)
		memcpy(s, data, size);
	s[size] = '\0';
	fuzz_text(s);
	if (size == 16)
		fuzz_bytes(data);
	free(s);
	return 0;
}
