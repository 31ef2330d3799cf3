/* SPDX-License-Identifier: MIT */
/*
 * DHCPv6: what clients send is read, and what is answered is well formed and stays within a
 * message. The first byte says what the answer has; the rest is the message.
 */
#include "fuzz.h"

#include "base/cursor.h"
#include "net/dhcp6/dhcp6_msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Options follow each other up to the end, and so do those within associations. */
static void options_check(struct rd r, bool is_top)
{
	while (rd_left(&r)) {
		uint16_t option = rd_be16(&r);
		struct rd body = rd_sub(&r, rd_be16(&r));

		assert(rd_ok(&r));
		if (!is_top || (option != DHCP6_OPT_IA_NA && option != DHCP6_OPT_IA_TA &&
				option != DHCP6_OPT_IA_PD))
			continue;
		rd_skip(&body, option == DHCP6_OPT_IA_TA ? 4 : 12);
		assert(rd_ok(&body));
		options_check(body, false);
	}
}

/* Each association gets what the bits say. */
static void reply_make(const struct dhcp6_query *q, uint8_t how, struct dhcp6_reply *r)
{
	for (; r->n_ias < q->n_ias; r->n_ias++) {
		const struct dhcp6_ia *ia = &q->ias[r->n_ias];
		struct dhcp6_reply_ia *a = &r->ias[r->n_ias];

		*a = (struct dhcp6_reply_ia){.kind = ia->kind,
					     .iaid = ia->iaid,
					     .status = how % (DHCP6_NO_PREFIXES + 1),
					     .has_addr = how & 8};
		memcpy(a->gone, ia->addrs, sizeof(a->gone));
		a->n_gone = how & 16 ? ia->n_addrs : 0;
	}
	r->has_status = how & 32;
	r->status = how % (DHCP6_NO_PREFIXES + 1);
	r->rapid |= q->rapid;
	r->refresh_s = how & 64 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char longest[DHCP6_DOMAIN_MAX + 1];
	const struct dhcp6_duid server = {.len = 10, .b = {0, 3, 0, 1}};
	struct dhcp6_params params = {.n_dns = DHCP6_DNS_MAX, .n_search = DHCP6_SEARCH_MAX};
	struct dhcp6_reply r = {.type = DHCP6_REPLY, .server = &server, .params = &params};
	uint8_t out[DHCP6_MSG_MAX];
	struct dhcp6_query q;
	size_t len;

	if (!size || dhcp6_query_read(data + 1, size - 1, &q))
		return 0;
	assert(q.n_ias <= DHCP6_IAS_MAX && q.n_wanted <= DHCP6_WANTED_MAX);
	if (dhcp6_duid_eq(&q.client, &server))
		r.rapid = true;
	for (size_t i = 0; i < DHCP6_DOMAIN_MAX; i++)
		longest[i] = i % 60 == 59 ? '.' : 'a';
	for (uint32_t i = 0; i < DHCP6_SEARCH_MAX; i++)
		params.search[i] = data[0] & 128 ? longest : "example.org";
	reply_make(&q, data[0], &r);
	len = dhcp6_reply_write(&q, &r, out);
	assert(len >= 4 && len <= sizeof(out) && out[0] == DHCP6_REPLY);
	options_check(rd_make(out + 4, len - 4), true);
	return 0;
}
