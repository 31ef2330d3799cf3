/* SPDX-License-Identifier: MIT */
/* Text forms of addresses; the contracts are in addr.h. */
#include "wire/addr.h"

#include <errno.h>

enum {
	IP6_GROUPS = 8,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads 1 to `max_digits` hex digits and moves `*s` behind them. */
static int hex_parse(const char **s, unsigned int max_digits, unsigned int *ret)
{
	unsigned int v = 0, n = 0;

	for (int d; (d = hex_digit(**s)) >= 0; (*s)++) {
		if (n++ == max_digits)
			return -EINVAL;
		v = v << 4 | (unsigned int)d;
	}
	if (n == 0)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Writes `v` in hex, without leading zeros beyond `min_digits`. */
static char *hex_print(char *p, unsigned int v, unsigned int min_digits)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int n = min_digits;

	while (n < 4 && v >> (4 * n) != 0)
		n++;
	while (n > 0)
		*p++ = digits[v >> (4 * --n) & 0xf];
	return p;
}

int eth_addr_parse(const char *s, struct eth_addr *ret)
{
	struct eth_addr a;

	for (size_t i = 0; i < sizeof(a.b); i++) {
		unsigned int v;

		if (i > 0 && *s++ != ':')
			return -EINVAL;
		if (hex_parse(&s, 2, &v) < 0)
			return -EINVAL;
		a.b[i] = (uint8_t)v;
	}
	if (*s != '\0')
		return -EINVAL;
	*ret = a;
	return 0;
}

char *eth_addr_print(const struct eth_addr *a, char buf[static ETH_ADDR_STRLEN])
{
	char *p = buf;

	for (size_t i = 0; i < sizeof(a->b); i++) {
		if (i > 0)
			*p++ = ':';
		p = hex_print(p, a->b[i], 2);
	}
	*p = '\0';
	return buf;
}

/* Reads a decimal octet without leading zeros and moves `*s` behind it. */
static int octet_parse(const char **s, uint8_t *ret)
{
	const char *p = *s;
	unsigned int v = 0;

	while (*p >= '0' && *p <= '9') {
		if (p > *s && v == 0)
			return -EINVAL; /* leading zero */
		v = v * 10 + (unsigned int)(*p++ - '0');
		if (v > 255)
			return -EINVAL;
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	*ret = (uint8_t)v;
	return 0;
}

int ip4_addr_parse(const char *s, struct ip4_addr *ret)
{
	struct ip4_addr a;

	for (size_t i = 0; i < sizeof(a.b); i++) {
		if (i > 0 && *s++ != '.')
			return -EINVAL;
		if (octet_parse(&s, &a.b[i]) < 0)
			return -EINVAL;
	}
	if (*s != '\0')
		return -EINVAL;
	*ret = a;
	return 0;
}

static char *octet_print(char *p, uint8_t v)
{
	if (v >= 100)
		*p++ = (char)('0' + v / 100);
	if (v >= 10)
		*p++ = (char)('0' + v / 10 % 10);
	*p++ = (char)('0' + v % 10);
	return p;
}

static char *quad_print(char *p, const uint8_t *octets)
{
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			*p++ = '.';
		p = octet_print(p, octets[i]);
	}
	*p = '\0';
	return p;
}

char *ip4_addr_print(const struct ip4_addr *a, char buf[static IP4_ADDR_STRLEN])
{
	quad_print(buf, a->b);
	return buf;
}

bool ip6_in_prefix(const struct ip6_addr *a, const struct ip6_addr *net, unsigned int plen)
{
	unsigned int n_bytes = plen / 8, n_bits = plen % 8;

	if (memcmp(a->b, net->b, n_bytes) != 0)
		return false;
	return n_bits == 0 || (a->b[n_bytes] ^ net->b[n_bytes]) >> (8 - n_bits) == 0;
}

/* The groups of an IPv6 address as they are read. */
struct ip6_text {
	uint16_t group[IP6_GROUPS];
	unsigned int n;   /* groups so far */
	unsigned int gap; /* how many there were before "::" */
	bool has_gap;
};

/* A dotted quad, which ends the address, as two groups. */
static int ip6_text_quad(struct ip6_text *t, const char *s)
{
	struct ip4_addr quad;

	if (t->n > IP6_GROUPS - 2 || ip4_addr_parse(s, &quad) < 0)
		return -EINVAL;
	t->group[t->n++] = load_be16(quad.b);
	t->group[t->n++] = load_be16(quad.b + 2);
	return 0;
}

/* Groups separated by ':', with one "::" at most, up to the NUL. */
static int ip6_text_parse(struct ip6_text *t, const char *s)
{
	if (s[0] == ':') {
		if (s[1] != ':')
			return -EINVAL;
		s++; /* so that the loop below finds the second colon as a separator */
	}
	while (true) {
		const char *start;
		unsigned int v;

		if (*s == ':') {
			if (t->has_gap)
				return -EINVAL;
			t->has_gap = true;
			t->gap = t->n;
			if (*++s == '\0')
				return 0;
		}
		start = s;
		if (t->n == IP6_GROUPS || hex_parse(&s, 4, &v) < 0)
			return -EINVAL;
		if (*s == '.')
			return ip6_text_quad(t, start);
		t->group[t->n++] = (uint16_t)v;
		if (*s == '\0')
			return 0;
		if (*s++ != ':' || *s == '\0')
			return -EINVAL;
	}
}

int ip6_addr_parse(const char *s, struct ip6_addr *ret)
{
	struct ip6_text t = {.n = 0};
	struct ip6_addr a = {{0}};
	unsigned int n_zero;

	if (ip6_text_parse(&t, s) < 0)
		return -EINVAL;
	/* RFC 4291 §2.2: "::" stands for one or more groups. */
	if (t.has_gap ? t.n == IP6_GROUPS : t.n != IP6_GROUPS)
		return -EINVAL;

	n_zero = IP6_GROUPS - t.n;
	for (unsigned int i = 0; i < t.n; i++) {
		unsigned int at = t.has_gap && i >= t.gap ? i + n_zero : i;

		store_be16(a.b + (size_t)at * 2, t.group[i]);
	}
	*ret = a;
	return 0;
}

/* The first of the longest runs of two or more zero groups (RFC 5952 §4.2); length 0: none. */
static void ip6_zero_run(const struct ip6_addr *a, unsigned int *ret_start, unsigned int *ret_len)
{
	unsigned int start = 0, len = 0;

	for (unsigned int i = 0; i < IP6_GROUPS; i++) {
		unsigned int n = 0;

		while (i + n < IP6_GROUPS && load_be16(a->b + (size_t)(i + n) * 2) == 0)
			n++;
		if (n > len && n > 1) {
			start = i;
			len = n;
		}
		i += n;
	}
	*ret_start = start;
	*ret_len = len;
}

static bool ip6_addr_is_v4mapped(const struct ip6_addr *a)
{
	return load_be64(a->b) == 0 && load_be32(a->b + 8) == 0xffff;
}

char *ip6_addr_print(const struct ip6_addr *a, char buf[static IP6_ADDR_STRLEN])
{
	unsigned int run_start, run_len;
	char *p = buf;

	if (ip6_addr_is_v4mapped(a)) { /* RFC 5952 §5 */
		memcpy(p, "::ffff:", 7);
		quad_print(p + 7, a->b + 12);
		return buf;
	}
	ip6_zero_run(a, &run_start, &run_len);
	for (unsigned int i = 0; i < IP6_GROUPS;) {
		if (run_len > 0 && i == run_start) {
			*p++ = ':';
			*p++ = ':';
			i += run_len;
			continue;
		}
		if (i > 0 && p[-1] != ':')
			*p++ = ':';
		p = hex_print(p, load_be16(a->b + (size_t)i * 2), 1);
		i++;
	}
	*p = '\0';
	return buf;
}

int ip_addr_parse(const char *s, struct ip_addr *ret)
{
	struct ip4_addr ip4;
	struct ip6_addr ip6;

	if (ip4_addr_parse(s, &ip4) == 0) {
		*ret = ip_addr_from_ip4(&ip4);
		return 0;
	}
	if (ip6_addr_parse(s, &ip6) == 0) {
		*ret = ip_addr_from_ip6(&ip6);
		return 0;
	}
	return -EINVAL;
}

char *ip_addr_print(const struct ip_addr *a, char buf[static IP_ADDR_STRLEN])
{
	struct ip6_addr ip6;

	if (ip_addr_is_ip4(a)) {
		quad_print(buf, a->b + 12);
		return buf;
	}
	ip6 = ip_addr_to_ip6(a);
	return ip6_addr_print(&ip6, buf);
}
