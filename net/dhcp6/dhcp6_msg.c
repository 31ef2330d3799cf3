/* SPDX-License-Identifier: MIT */
/* Messages of DHCPv6; contracts in dhcp6_msg.h. */
#include "net/dhcp6/dhcp6_msg.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

enum {
	XID_MASK = 0xffffff,
	TYPE_SHIFT = 24,
	OPT_HDR = 4,
	IA_TIMES = 8, /* T1 and T2, which IA_TA does not have */
	IA_ADDR_TIMES = 8,
	IA_PREFIX_LEN = 25,
	DUID_MIN = 3, /* a type, and something of it */
	/* Of all search domains: a length for each of their dots and the root. */
	SEARCH_BYTES_MAX = DHCP6_SEARCH_MAX * (DHCP6_DOMAIN_MAX + 2),
};

/*
 * In.
 */

struct reading {
	struct dhcp6_query q;
	bool is_bad;
};

/* An option's number and body. False: there is no more, or `r` is bad. */
static bool option_next(struct rd *r, uint16_t *ret_option, struct rd *ret_body)
{
	if (!rd_left(r))
		return false;
	*ret_option = rd_be16(r);
	*ret_body = rd_sub(r, rd_be16(r));
	return rd_ok(r);
}

/* §21.2, §21.3: once. */
static void duid_read(struct reading *in, struct dhcp6_duid *id, struct rd *r)
{
	size_t n = rd_left(r);

	if (id->len || n < DUID_MIN || n > DHCP6_DUID_MAX) {
		in->is_bad = true;
		return;
	}
	rd_copy(r, id->b, n);
	id->len = (uint8_t)n;
}

/* §21.6: what the client says of its times is not asked for, options within neither. */
static void ia_addr_read(struct reading *in, struct dhcp6_ia *ia, struct rd *r)
{
	struct dhcp6_addr addr;

	rd_copy(r, addr.b, sizeof(addr.b));
	rd_skip(r, IA_ADDR_TIMES);
	if (!rd_ok(r))
		in->is_bad = true;
	else if (ia->n_addrs < DHCP6_IA_ADDRS_MAX)
		ia->addrs[ia->n_addrs++] = addr;
}

static void ia_prefix_check(struct reading *in, struct rd *r)
{
	rd_skip(r, IA_PREFIX_LEN);
	if (!rd_ok(r))
		in->is_bad = true;
}

static bool ia_is_known(const struct dhcp6_query *q, const struct dhcp6_ia *like)
{
	for (uint32_t i = 0; i < q->n_ias; i++)
		if (q->ias[i].kind == like->kind && q->ias[i].iaid == like->iaid)
			return true;
	return false;
}

/* §21.4, §21.5, §21.21 */
static void ia_read(struct reading *in, uint8_t kind, struct rd *r)
{
	struct dhcp6_ia ia = {.kind = kind, .iaid = rd_be32(r)};
	struct rd body;
	uint16_t option;

	if (kind != DHCP6_OPT_IA_TA)
		rd_skip(r, IA_TIMES);
	if (!rd_ok(r) || in->q.n_ias == DHCP6_IAS_MAX || ia_is_known(&in->q, &ia)) {
		in->is_bad = true;
		return;
	}
	while (option_next(r, &option, &body)) {
		if (option == DHCP6_OPT_IA_ADDR && kind != DHCP6_OPT_IA_PD)
			ia_addr_read(in, &ia, &body);
		else if (option == DHCP6_OPT_IA_PREFIX && kind == DHCP6_OPT_IA_PD)
			ia_prefix_check(in, &body);
	}
	in->is_bad |= !rd_ok(r);
	in->q.ias[in->q.n_ias++] = ia;
}

static void wanted_read(struct reading *in, struct rd *r)
{
	struct dhcp6_query *q = &in->q;

	if (rd_left(r) % 2)
		in->is_bad = true;
	while (rd_left(r) >= 2 && q->n_wanted < DHCP6_WANTED_MAX)
		q->wanted[q->n_wanted++] = rd_be16(r);
}

static void option_read(struct reading *in, uint16_t option, struct rd *body)
{
	switch (option) {
	case DHCP6_OPT_CLIENT_ID:
		duid_read(in, &in->q.client, body);
		break;
	case DHCP6_OPT_SERVER_ID:
		duid_read(in, &in->q.server, body);
		break;
	case DHCP6_OPT_IA_NA:
	case DHCP6_OPT_IA_TA:
	case DHCP6_OPT_IA_PD:
		ia_read(in, (uint8_t)option, body);
		break;
	case DHCP6_OPT_WANTED:
		wanted_read(in, body);
		break;
	case DHCP6_OPT_RAPID:
		in->q.rapid = true;
		break;
	default:
		break;
	}
}

/* §16.2 to §16.12: which identifiers a message of a type has, and that no associations are in what
 * asks for none. */
static bool is_complete(const struct dhcp6_query *q)
{
	switch (q->type) {
	case DHCP6_SOLICIT:
	case DHCP6_CONFIRM:
	case DHCP6_REBIND:
		return q->client.len && !q->server.len;
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		return q->client.len && q->server.len;
	case DHCP6_INFORMATION_REQUEST:
		return !q->n_ias;
	default:
		return false; /* a server's, or a relay's */
	}
}

int dhcp6_query_read(const uint8_t *buf, size_t len, struct dhcp6_query *ret)
{
	struct reading in = {.is_bad = false};
	struct rd r = rd_make(buf, len), body;
	uint32_t head = rd_be32(&r);
	uint16_t option;

	in.q.type = (uint8_t)(head >> TYPE_SHIFT);
	in.q.xid = head & XID_MASK;
	while (!in.is_bad && option_next(&r, &option, &body))
		option_read(&in, option, &body);
	if (!rd_ok(&r) || in.is_bad || !is_complete(&in.q))
		return -EBADMSG;
	*ret = in.q;
	return 0;
}

bool dhcp6_query_wants(const struct dhcp6_query *q, uint16_t option)
{
	for (uint32_t i = 0; i < q->n_wanted; i++)
		if (q->wanted[i] == option)
			return true;
	return false;
}

bool dhcp6_duid_eq(const struct dhcp6_duid *a, const struct dhcp6_duid *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

/*
 * Out.
 */

/* An option whose length is known when it ends. */
static uint8_t *option_begin(struct wr *w, uint16_t option)
{
	wr_be16(w, option);
	return wr_reserve(w, 2);
}

static void option_end(const struct wr *w, uint8_t *len)
{
	if (wr_ok(w))
		store_be16(len, (uint16_t)(w->p - len - 2));
}

static void duid_write(struct wr *w, uint16_t option, const struct dhcp6_duid *id)
{
	wr_be16(w, option);
	wr_be16(w, id->len);
	wr_bytes(w, id->b, id->len);
}

/* §21.13: for people too. */
static void status_write(struct wr *w, uint16_t status)
{
	static const char *const texts[] = {
		[DHCP6_SUCCESS] = "",
		[DHCP6_UNSPEC_FAIL] = "failed",
		[DHCP6_NO_ADDRS] = "no address is left",
		[DHCP6_NO_BINDING] = "not known here",
		[DHCP6_NOT_ON_LINK] = "not an address of this link",
		[DHCP6_USE_MULTICAST] = "ask the group",
		[DHCP6_NO_PREFIXES] = "no prefixes are delegated",
	};

	wr_be16(w, DHCP6_OPT_STATUS);
	wr_be16(w, (uint16_t)(2 + strlen(texts[status])));
	wr_be16(w, status);
	wr_bytes(w, texts[status], strlen(texts[status]));
}

static void ia_addr_write(struct wr *w, const struct dhcp6_addr *addr, uint32_t preferred_s,
			  uint32_t valid_s)
{
	wr_be16(w, DHCP6_OPT_IA_ADDR);
	wr_be16(w, sizeof(addr->b) + IA_ADDR_TIMES);
	wr_bytes(w, addr->b, sizeof(addr->b));
	wr_be32(w, preferred_s);
	wr_be32(w, valid_s);
}

static void ia_write(struct wr *w, const struct dhcp6_reply *reply, const struct dhcp6_reply_ia *ia)
{
	uint8_t *len = option_begin(w, ia->kind);

	wr_be32(w, ia->iaid);
	if (ia->kind != DHCP6_OPT_IA_TA) {
		/* §21.4: half and four fifths of the preferred time. */
		wr_be32(w, ia->has_addr ? reply->preferred_s / 2 : 0);
		wr_be32(w, ia->has_addr ? (uint32_t)((uint64_t)reply->preferred_s * 4 / 5) : 0);
	}
	if (ia->has_addr)
		ia_addr_write(w, &ia->addr, reply->preferred_s, reply->valid_s);
	for (uint32_t i = 0; i < ia->n_gone; i++)
		ia_addr_write(w, &ia->gone[i], 0, 0);
	if (ia->status)
		status_write(w, ia->status);
	option_end(w, len);
}

/* RFC 8415 §10: as DNS writes names, without its compression. */
static void domain_write(struct wr *w, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		wr_u8(w, (uint8_t)n);
		wr_bytes(w, name, n);
		name += n + (name[n] == '.');
	}
	wr_u8(w, 0);
}

/* RFC 3646 §4; the first that fit. */
static void search_write(struct wr *w, const struct dhcp6_params *p)
{
	uint8_t b[SEARCH_BYTES_MAX];
	struct wr list = wr_make(b, sizeof(b));
	size_t len = 0;

	for (uint32_t i = 0; i < p->n_search; i++) {
		domain_write(&list, p->search[i]);
		if (wr_ok(&list) && wr_len(&list) + OPT_HDR <= wr_left(w))
			len = wr_len(&list);
	}
	if (!len)
		return;
	wr_be16(w, DHCP6_OPT_SEARCH);
	wr_be16(w, (uint16_t)len);
	wr_bytes(w, b, len);
}

static void params_write(struct wr *w, const struct dhcp6_query *q, const struct dhcp6_params *p)
{
	if (p->n_dns && dhcp6_query_wants(q, DHCP6_OPT_DNS)) {
		wr_be16(w, DHCP6_OPT_DNS);
		wr_be16(w, (uint16_t)(p->n_dns * sizeof(p->dns[0].b)));
		for (uint32_t i = 0; i < p->n_dns; i++)
			wr_bytes(w, p->dns[i].b, sizeof(p->dns[i].b));
	}
	if (p->n_search && dhcp6_query_wants(q, DHCP6_OPT_SEARCH))
		search_write(w, p);
}

size_t dhcp6_reply_write(const struct dhcp6_query *q, const struct dhcp6_reply *reply,
			 uint8_t buf[DHCP6_MSG_MAX])
{
	struct wr w = wr_make(buf, DHCP6_MSG_MAX);

	wr_be32(&w, (uint32_t)reply->type << TYPE_SHIFT | q->xid);
	if (q->client.len)
		duid_write(&w, DHCP6_OPT_CLIENT_ID, &q->client);
	duid_write(&w, DHCP6_OPT_SERVER_ID, reply->server);
	if (reply->rapid) {
		wr_be16(&w, DHCP6_OPT_RAPID);
		wr_be16(&w, 0);
	}
	if (reply->has_status)
		status_write(&w, reply->status);
	for (uint32_t i = 0; i < reply->n_ias; i++)
		ia_write(&w, reply, &reply->ias[i]);
	if (reply->refresh_s && dhcp6_query_wants(q, DHCP6_OPT_REFRESH_TIME)) {
		wr_be16(&w, DHCP6_OPT_REFRESH_TIME);
		wr_be16(&w, sizeof(reply->refresh_s));
		wr_be32(&w, reply->refresh_s);
	}
	if (reply->params)
		params_write(&w, q, reply->params);
	return wr_len(&w);
}
