/* SPDX-License-Identifier: MIT */
/* Messages of DHCP; contracts in dhcp_msg.h. */
#include "net/dhcp/dhcp_msg.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

enum {
	BOOTREQUEST = 1,
	BOOTREPLY = 2,
	HTYPE_ETHERNET = 1,
	SNAME_LEN = 64,
	FILE_LEN = 128,
	CHADDR_LEN = 16,
	COOKIE = 0x63825363,
	FLAG_BROADCAST = 0x8000,
	IP_UDP_LEN = 28, /* option 57 counts the headers of IP and UDP */
	IN_FILE = 1,     /* bits of option 52 */
	IN_SNAME = 2,
	PIECE_MAX = 255,
	LABEL_MAX = 63,
	/* Of all search domains: a length for each of their dots and the root. */
	SEARCH_BYTES_MAX = DHCP_SEARCH_MAX * (DHCP_DOMAIN_MAX + 2),
};

enum option {
	OPT_PAD = 0,
	OPT_NETMASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_DOMAIN = 15,
	OPT_MTU = 26,
	OPT_BROADCAST = 28,
	OPT_REQUESTED = 50,
	OPT_LEASE = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_WANTED = 55,
	OPT_MESSAGE = 56,
	OPT_MAX_BYTES = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLIENT_ID = 61,
	OPT_RAPID = 80,
	OPT_SEARCH = 119,
	OPT_END = 255,
};

/*
 * In.
 */

struct reading {
	struct dhcp_query q;
	uint8_t overload;
	bool is_bad;
};

/* One address; what has another length is no such option (and not to be guessed at). */
static dhcp_addr addr_read(struct reading *in, struct rd *r)
{
	dhcp_addr addr = rd_be32(r);

	if (!rd_ok(r) || rd_left(r))
		in->is_bad = true;
	return addr;
}

static void id_read(struct reading *in, struct rd *r)
{
	struct dhcp_client_id *id = &in->q.id;
	size_t n = rd_left(r);

	if (n > (size_t)(DHCP_ID_MAX - id->len)) {
		in->is_bad = true;
		return;
	}
	rd_copy(r, id->b + id->len, n);
	id->len = (uint8_t)(id->len + n);
}

static void wanted_read(struct dhcp_query *q, struct rd *r)
{
	while (rd_left(r) && q->n_wanted < DHCP_WANTED_MAX)
		q->wanted[q->n_wanted++] = rd_u8(r);
}

static uint8_t byte_read(struct reading *in, struct rd *r)
{
	uint8_t v = rd_u8(r);

	if (!rd_ok(r) || rd_left(r))
		in->is_bad = true;
	return v;
}

static void max_bytes_read(struct reading *in, struct rd *r)
{
	uint16_t v = rd_be16(r);

	if (!rd_ok(r) || rd_left(r))
		in->is_bad = true;
	else if (v > DHCP_MSG_MAX + IP_UDP_LEN)
		in->q.max_bytes = DHCP_MSG_MAX;
	else if (v > DHCP_MSG_SMALL + IP_UDP_LEN)
		in->q.max_bytes = (uint16_t)(v - IP_UDP_LEN);
}

static void option_read(struct reading *in, uint8_t option, struct rd *body)
{
	switch (option) {
	case OPT_TYPE:
		in->q.type = byte_read(in, body);
		break;
	case OPT_OVERLOAD:
		in->overload = byte_read(in, body);
		break;
	case OPT_REQUESTED:
		in->q.requested = addr_read(in, body);
		break;
	case OPT_SERVER:
		in->q.server = addr_read(in, body);
		break;
	case OPT_CLIENT_ID:
		id_read(in, body);
		break;
	case OPT_WANTED:
		wanted_read(&in->q, body);
		break;
	case OPT_MAX_BYTES:
		max_bytes_read(in, body);
		break;
	case OPT_RAPID:
		in->q.rapid = true;
		break;
	default:
		break;
	}
}

/* Options up to their end, which some clients leave out when the field ends there. */
static void options_read(struct reading *in, struct rd r)
{
	while (rd_left(&r) && !in->is_bad) {
		uint8_t option = rd_u8(&r);
		struct rd body;

		if (option == OPT_PAD)
			continue;
		if (option == OPT_END)
			return;
		body = rd_sub(&r, rd_u8(&r));
		if (rd_ok(&r))
			option_read(in, option, &body);
		else
			in->is_bad = true;
	}
}

static bool type_is_clients(uint8_t type)
{
	return type == DHCP_DISCOVER || type == DHCP_REQUEST || type == DHCP_DECLINE ||
	       type == DHCP_RELEASE || type == DHCP_INFORM;
}

/* An address that a host can have as its own: not of a group, and not none. */
static bool mac_is_right(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return !(mac[0] & 1) && memcmp(mac, none, sizeof(none)) != 0;
}

int dhcp_query_read(const uint8_t *buf, size_t len, struct dhcp_query *ret)
{
	struct reading in = {.q = {.max_bytes = DHCP_MSG_SMALL}};
	struct rd r = rd_make(buf, len), sname, file;
	uint8_t op = rd_u8(&r), htype = rd_u8(&r), hlen = rd_u8(&r);

	rd_skip(&r, 1); /* hops: a relay's */
	in.q.xid = rd_be32(&r);
	in.q.secs = rd_be16(&r);
	in.q.wants_broadcast = rd_be16(&r) & FLAG_BROADCAST;
	in.q.ciaddr = rd_be32(&r);
	rd_skip(&r, 8); /* yiaddr, siaddr: a server's */
	in.q.giaddr = rd_be32(&r);
	rd_copy(&r, in.q.mac, sizeof(in.q.mac));
	rd_skip(&r, CHADDR_LEN - sizeof(in.q.mac));
	sname = rd_sub(&r, SNAME_LEN);
	file = rd_sub(&r, FILE_LEN);
	if (rd_be32(&r) != COOKIE || !rd_ok(&r))
		return -EBADMSG;
	if (op != BOOTREQUEST || htype != HTYPE_ETHERNET || hlen != sizeof(in.q.mac) ||
	    !mac_is_right(in.q.mac))
		return -EBADMSG;
	options_read(&in, r);
	if (in.overload & IN_FILE)
		options_read(&in, file);
	if (in.overload & IN_SNAME)
		options_read(&in, sname);
	if (in.is_bad || !type_is_clients(in.q.type))
		return -EBADMSG;
	*ret = in.q;
	return 0;
}

bool dhcp_query_wants(const struct dhcp_query *q, uint8_t option)
{
	return memchr(q->wanted, option, q->n_wanted) != NULL;
}

/*
 * Out.
 */

bool dhcp_domain_is_right(const char *name)
{
	size_t label = 0, len = strlen(name);

	if (!len || len > DHCP_DOMAIN_MAX)
		return false;
	for (; *name; name++) {
		if (*name == '.' && !label)
			return false;
		label = *name == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label;
}

int dhcp_search_copy(const char *const *search, uint32_t n,
		     char store[DHCP_SEARCH_MAX][DHCP_DOMAIN_MAX + 1],
		     const char *ret[DHCP_SEARCH_MAX])
{
	if (n > DHCP_SEARCH_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		if (!dhcp_domain_is_right(search[i]))
			return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		memcpy(store[i], search[i], strlen(search[i]) + 1);
		ret[i] = store[i];
	}
	return 0;
}

/* Whole or not at all, the end mark's byte kept free; in pieces where it is long (RFC 3396). */
static void option_write(struct wr *w, uint8_t option, const void *data, size_t len)
{
	size_t n_pieces = (len + PIECE_MAX - 1) / PIECE_MAX;
	const uint8_t *p = data;

	if (len + 2 * n_pieces + 1 > wr_left(w))
		return;
	while (len) {
		size_t n = len < PIECE_MAX ? len : PIECE_MAX;

		wr_u8(w, option);
		wr_u8(w, (uint8_t)n);
		wr_bytes(w, p, n);
		p += n;
		len -= n;
	}
}

static void u32_write(struct wr *w, uint8_t option, uint32_t v)
{
	uint8_t b[4];

	store_be32(b, v);
	option_write(w, option, b, sizeof(b));
}

static void u16_write(struct wr *w, uint8_t option, uint16_t v)
{
	uint8_t b[2];

	store_be16(b, v);
	option_write(w, option, b, sizeof(b));
}

static void dns_write(struct wr *w, const struct dhcp_params *p)
{
	uint8_t b[4 * DHCP_DNS_MAX];

	for (uint32_t i = 0; i < p->n_dns; i++)
		store_be32(b + 4 * (size_t)i, p->dns[i]);
	option_write(w, OPT_DNS, b, 4 * (size_t)p->n_dns);
}

/* RFC 3397 §2: as DNS writes names; without its compression, which is allowed. */
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

static void search_write(struct wr *w, const struct dhcp_params *p)
{
	uint8_t b[SEARCH_BYTES_MAX];
	struct wr list = wr_make(b, sizeof(b));

	for (uint32_t i = 0; i < p->n_search; i++)
		domain_write(&list, p->search[i]);
	if (wr_ok(&list))
		option_write(w, OPT_SEARCH, b, wr_len(&list));
}

static void params_write(struct wr *w, const struct dhcp_query *q, const struct dhcp_params *p)
{
	/* The mask before the router (RFC 2132 §3.3). */
	if (p->netmask)
		u32_write(w, OPT_NETMASK, p->netmask);
	if (p->router)
		u32_write(w, OPT_ROUTER, p->router);
	if (p->n_dns)
		dns_write(w, p);
	if (p->mtu)
		u16_write(w, OPT_MTU, p->mtu);
	if (p->broadcast)
		u32_write(w, OPT_BROADCAST, p->broadcast);
	if (!p->n_search)
		return;
	option_write(w, OPT_DOMAIN, p->search[0], strlen(p->search[0]));
	if (dhcp_query_wants(q, OPT_SEARCH))
		search_write(w, p);
}

static void options_write(struct wr *w, const struct dhcp_query *q, const struct dhcp_reply *reply)
{
	option_write(w, OPT_TYPE, &reply->type, 1);
	u32_write(w, OPT_SERVER, reply->server);
	if (q->id.len) /* RFC 6842 §3 */
		option_write(w, OPT_CLIENT_ID, q->id.b, q->id.len);
	if (reply->lease_s) {
		u32_write(w, OPT_LEASE, reply->lease_s);
		u32_write(w, OPT_T1, reply->lease_s / 2); /* RFC 2131 §4.4.5 */
		u32_write(w, OPT_T2, (uint32_t)((uint64_t)reply->lease_s * 7 / 8));
	}
	if (q->type == DHCP_DISCOVER && reply->type == DHCP_ACK && wr_left(w) > 2) {
		wr_u8(w, OPT_RAPID); /* RFC 4039 §4 */
		wr_u8(w, 0);
	}
	if (reply->message)
		option_write(w, OPT_MESSAGE, reply->message, strlen(reply->message));
	if (reply->params)
		params_write(w, q, reply->params);
	wr_u8(w, OPT_END);
}

size_t dhcp_reply_write(const struct dhcp_query *q, const struct dhcp_reply *reply,
			uint8_t buf[DHCP_MSG_MAX])
{
	struct wr w = wr_make(buf, q->max_bytes);
	bool is_ack = reply->type == DHCP_ACK;

	wr_u8(&w, BOOTREPLY);
	wr_u8(&w, HTYPE_ETHERNET);
	wr_u8(&w, sizeof(q->mac));
	wr_u8(&w, 0);
	wr_be32(&w, q->xid);
	wr_be16(&w, 0);
	wr_be16(&w, q->wants_broadcast ? FLAG_BROADCAST : 0);
	wr_be32(&w, is_ack ? q->ciaddr : 0); /* RFC 2131 table 3 */
	wr_be32(&w, reply->yiaddr);
	wr_be32(&w, 0); /* siaddr: nothing to boot from */
	wr_be32(&w, q->giaddr);
	wr_bytes(&w, q->mac, sizeof(q->mac));
	wr_zero(&w, CHADDR_LEN - sizeof(q->mac) + SNAME_LEN + FILE_LEN);
	wr_be32(&w, COOKIE);
	options_write(&w, q, reply);
	if (wr_len(&w) < DHCP_MSG_MIN)
		wr_zero(&w, DHCP_MSG_MIN - wr_len(&w));
	return wr_len(&w);
}
