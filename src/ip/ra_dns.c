/* SPDX-License-Identifier: MIT */
/*
 * Name servers and search domains of advertisements (RFC 8106 §5.3): a few of each, with the end of
 * their time. What is over is left out when somebody reads; at the bound, what ends first goes.
 */
#include "core/engine.h"
#include "ip/ip6.h"
#include "ip/ra.h"

#define NSEC_PER_SEC INT64_C(1000000000)

enum {
	LABEL_MAX = 63,
};

static int64_t end_ns(const struct ra_if *ra, uint32_t life_s)
{
	return life_s == ND_INFINITE_S ? INT64_MAX
				       : ra->netif->stack->eng->now_ns + life_s * NSEC_PER_SEC;
}

static void server_say(struct ra_if *ra, const struct ip6_addr *addr, uint32_t life_s)
{
	struct ra_server *s = ra->servers, *first = s;
	uint32_t i;

	for (i = 0; i < ra->n_servers && !ip6_addr_eq(&s[i].addr, addr); i++)
		if (s[i].until_ns < first->until_ns)
			first = &s[i];
	if (!life_s && i < ra->n_servers)
		s[i] = s[--ra->n_servers];
	if (!life_s)
		return;
	if (i < ra->n_servers)
		first = &s[i];
	else if (ra->n_servers < RA_DNS_MAX)
		first = &s[ra->n_servers++];
	*first = (struct ra_server){.addr = *addr, .until_ns = end_ns(ra, life_s)};
}

static void domain_say(struct ra_if *ra, const char *name, uint32_t life_s)
{
	struct ra_domain *d = ra->domains, *first = d;
	uint32_t i;

	for (i = 0; i < ra->n_domains && strcmp(d[i].name, name) != 0; i++)
		if (d[i].until_ns < first->until_ns)
			first = &d[i];
	if (!life_s && i < ra->n_domains)
		d[i] = d[--ra->n_domains];
	if (!life_s)
		return;
	if (i < ra->n_domains)
		first = &d[i];
	else if (ra->n_domains < RA_SEARCH_MAX)
		first = &d[ra->n_domains++];
	*first = (struct ra_domain){.until_ns = end_ns(ra, life_s)};
	memcpy(first->name, name, strlen(name) + 1);
}

static bool is_name_byte(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

/* A name as in DNS, without compression, to text; lower case. False: it is none, or the root. */
static bool name_read(struct rd *r, char ret[static RA_NAME_MAX])
{
	size_t len = 0;
	bool is_good = true;
	uint8_t n;

	while ((n = rd_u8(r)) && rd_ok(r)) {
		if (n > LABEL_MAX || len + n + 2 > RA_NAME_MAX)
			return false;
		if (len)
			ret[len++] = '.';
		while (n--) {
			uint8_t c = rd_u8(r);

			is_good = is_good && is_name_byte(c);
			ret[len++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
		}
	}
	ret[len] = '\0';
	return rd_ok(r) && len && is_good;
}

void ra_dns_say(struct ra_if *ra, const struct nd_opts *opts)
{
	struct rd r = rd_make(opts->dnssl, opts->dnssl_len);
	char name[RA_NAME_MAX];

	for (uint32_t i = 0; i < opts->n_dns; i++)
		if (!ip6_addr_is_multicast(&opts->dns[i].addr) &&
		    !ip6_addr_is_unspecified(&opts->dns[i].addr))
			server_say(ra, &opts->dns[i].addr, opts->dns[i].lifetime_s);
	/* The zeros at the end are no names, and neither is anything behind one that is wrong. */
	while (opts->dnssl && rd_left(&r) && name_read(&r, name))
		domain_say(ra, name, opts->dnssl_lifetime_s);
}
