/* SPDX-License-Identifier: MIT */
/*
 * DHCP: what clients send is read, and what is answered is well formed and no longer than the
 * client takes. The first byte says what the answer has; the rest is the message.
 */
#include "fuzz.h"

#include "base/cursor.h"
#include "net/dhcp/dhcp_msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	HDR_LEN = 240, /* with the cookie */
	OPT_PAD = 0,
	OPT_END = 255,
};

static void options_check(struct rd r)
{
	uint8_t option = OPT_PAD;

	while (rd_left(&r) && option != OPT_END) {
		option = rd_u8(&r);
		assert(option != OPT_PAD);
		if (option != OPT_END)
			rd_skip(&r, rd_u8(&r));
	}
	assert(rd_ok(&r) && option == OPT_END);
	while (rd_left(&r)) {
		option = rd_u8(&r);
		assert(option == OPT_PAD);
	}
}

static void params_make(struct dhcp_params *p, uint8_t how)
{
	static const char name[] =
		"a-label-of-some-length.and-another-one-that-is-long-too.example";

	*p = (struct dhcp_params){.netmask = how & 1 ? 0xffffff00 : 0,
				  .broadcast = how & 1 ? 1 : 0,
				  .router = how & 2 ? 2 : 0,
				  .n_dns = how & 4 ? DHCP_DNS_MAX : 0,
				  .n_search = how & 8 ? DHCP_SEARCH_MAX : 0,
				  .mtu = how & 16 ? 1500 : 0};
	for (uint32_t i = 0; i < p->n_search; i++)
		p->search[i] = name;
}

/* As text: the bytes up to a zero. */
static void domain_check(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (dhcp_domain_is_right(text))
		assert(strlen(text) <= DHCP_DOMAIN_MAX && text[0] != '.');
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp_reply r = {.yiaddr = 1, .server = 2};
	uint8_t out[DHCP_MSG_MAX];
	struct dhcp_params params;
	struct dhcp_query q;
	size_t len;

	if (!size)
		return 0;
	domain_check(data + 1, size - 1);
	if (dhcp_query_read(data + 1, size - 1, &q))
		return 0;
	assert(q.max_bytes >= DHCP_MSG_SMALL && q.max_bytes <= DHCP_MSG_MAX);
	assert(!(q.mac[0] & 1) && q.n_wanted <= DHCP_WANTED_MAX);
	params_make(&params, data[0]);
	r.type = data[0] & 32 ? DHCP_ACK : DHCP_OFFER;
	r.lease_s = data[0] & 64 ? 600 : 0;
	r.message = data[0] & 128 ? "not an address of this network" : NULL;
	r.params = data[0] & 128 ? NULL : &params;
	len = dhcp_reply_write(&q, &r, out);
	assert(len >= DHCP_MSG_MIN && len <= q.max_bytes);
	options_check(rd_make(out + HDR_LEN, len - HDR_LEN));
	return 0;
}
