/* SPDX-License-Identifier: MIT */
/*
 * Control messages of sendmsg() and recvmsg(): made of what a script says, and compared with it.
 *
 *	msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data=16}]
 *
 * The data is a number, or a struct with Linux's names of fields: struct in_pktinfo, in6_pktinfo
 * and sock_extended_err. Of one that is expected only the fields that are named count.
 */
#include <string.h>

#include "drill/run_priv.h"

enum control_kind {
	CONTROL_INT, /* of one byte or four */
	CONTROL_ADDR4,
	CONTROL_ADDR6,
};

/* Fields of the structs, in Linux's layout. */
static const struct control_field {
	const char *name;
	size_t off, len;
	enum control_kind kind;
} fields[] = {
	{"ipi_ifindex", offsetof(struct weft_in_pktinfo, ifindex), 4, CONTROL_INT},
	{"ipi_spec_dst", offsetof(struct weft_in_pktinfo, spec_dst), 4, CONTROL_ADDR4},
	{"ipi_addr", offsetof(struct weft_in_pktinfo, addr), 4, CONTROL_ADDR4},
	{"ipi6_addr", offsetof(struct weft_in6_pktinfo, addr), 16, CONTROL_ADDR6},
	{"ipi6_ifindex", offsetof(struct weft_in6_pktinfo, ifindex), 4, CONTROL_INT},
	{"ee_errno", offsetof(struct weft_sock_extended_err, err), 4, CONTROL_INT},
	{"ee_origin", offsetof(struct weft_sock_extended_err, origin), 1, CONTROL_INT},
	{"ee_type", offsetof(struct weft_sock_extended_err, type), 1, CONTROL_INT},
	{"ee_code", offsetof(struct weft_sock_extended_err, code), 1, CONTROL_INT},
	{"ee_info", offsetof(struct weft_sock_extended_err, info), 4, CONTROL_INT},
	{"ee_data", offsetof(struct weft_sock_extended_err, data), 4, CONTROL_INT},
};

/* The data of one message as the script has it; bytes that it does not speak of are not in `mask`.
 */
struct control_data {
	size_t len;
	uint8_t bytes[DRILL_CONTROL_MAX], mask[DRILL_CONTROL_MAX];
};

static void data_put(struct control_data *d, size_t off, const void *from, size_t len)
{
	memcpy(d->bytes + off, from, len);
	memset(d->mask + off, 0xff, len);
	d->len = off + len > d->len ? off + len : d->len;
}

static bool data_field(struct drill_ctx *c, const struct drill_expr *e, struct control_data *d)
{
	const struct control_field *f = fields;
	struct weft_addr addr;
	uint32_t num;
	uint8_t byte;
	int64_t v;

	while (f < fields + ARRAY_SIZE(fields) && (!e->name || strcmp(f->name, e->name) != 0))
		f++;
	if (f == fields + ARRAY_SIZE(fields)) {
		drill_bad(c, "%.60s is no field of a control message", e->name ? e->name : "this");
		return false;
	}
	if (f->kind != CONTROL_INT) {
		if (!drill_expr_addr(c, e, &addr))
			return false;
		data_put(d, f->off, addr.bytes, f->len);
		return true;
	}
	if (!drill_expr_int(c, e, &v))
		return false;
	num = (uint32_t)v;
	byte = (uint8_t)v;
	data_put(d, f->off, f->len == 1 ? (void *)&byte : &num, f->len);
	return true;
}

/* `len`: bytes of a number. "..." is any. */
static bool data_read(struct drill_ctx *c, const struct drill_expr *e, size_t len,
		      struct control_data *d)
{
	uint8_t byte;
	int64_t v;
	int num;

	*d = (struct control_data){.len = 0};
	if (!e || e->kind == DRILL_EXPR_ELLIPSIS)
		return true;
	if (e->kind == DRILL_EXPR_STRUCT) {
		for (const struct drill_expr *i = e->first; i; i = i->next)
			if (!data_field(c, i, d))
				return false;
		return true;
	}
	if (!drill_expr_int(c, e, &v))
		return false;
	num = (int)v;
	byte = (uint8_t)v;
	data_put(d, 0, len == 1 ? (void *)&byte : &num, len == 1 ? 1 : sizeof(num));
	return true;
}

static bool names(struct drill_ctx *c, const struct drill_expr *e, struct weft_cmsghdr *ret)
{
	int64_t level, type;

	if (!drill_expr_int(c, drill_item(e, "cmsg_level"), &level) ||
	    !drill_expr_int(c, drill_item(e, "cmsg_type"), &type))
		return false;
	*ret = (struct weft_cmsghdr){.level = (int)level, .type = (int)type};
	return true;
}

bool drill_control_make(struct drill_ctx *c, const struct drill_expr *list, uint8_t *buf,
			size_t *ret_len)
{
	size_t used = 0;

	for (const struct drill_expr *e = list ? list->first : NULL; e; e = e->next) {
		struct weft_cmsghdr hdr;
		struct control_data d;

		if (!names(c, e, &hdr) || !data_read(c, drill_item(e, "cmsg_data"), 4, &d))
			return false;
		if (used + weft_cmsg_space(d.len) > DRILL_CONTROL_MAX) {
			drill_bad(c, "more control messages than %d bytes", DRILL_CONTROL_MAX);
			return false;
		}
		hdr.len = sizeof(hdr) + d.len;
		memset(buf + used, 0, weft_cmsg_space(d.len));
		memcpy(buf + used, &hdr, sizeof(hdr));
		memcpy(buf + used + sizeof(hdr), d.bytes, d.len);
		used += weft_cmsg_space(d.len);
	}
	*ret_len = used;
	return true;
}

static long long number_of(const uint8_t *data, size_t len)
{
	int num = 0;

	if (len == 1)
		return data[0];
	memcpy(&num, data, len < sizeof(num) ? len : sizeof(num));
	return num;
}

/* Of a message that is expected as `e`. */
static bool check_data(struct drill_ctx *c, const struct drill_expr *e,
		       const struct weft_cmsghdr *got, const uint8_t *data, size_t len)
{
	struct weft_cmsghdr want;
	struct control_data d;
	bool is_same;

	if (!names(c, e, &want) || !data_read(c, drill_item(e, "cmsg_data"), len, &d))
		return false;
	is_same = d.len <= len;
	for (size_t i = 0; is_same && i < d.len; i++)
		is_same = ((d.bytes[i] ^ data[i]) & d.mask[i]) == 0;
	if (got->level == want.level && got->type == want.type && is_same)
		return true;
	return drill_run_fail(c->run, c->ev->line,
			      "%s\n  expected level %d, type %d, data %lld\n"
			      "  seen     level %d, type %d, data %lld (%zu bytes)",
			      c->ev->text, want.level, want.type, number_of(d.bytes, d.len),
			      got->level, got->type, number_of(data, len), len);
}

bool drill_control_check(struct drill_ctx *c, const struct drill_expr *list, const uint8_t *buf,
			 size_t len)
{
	size_t pos = 0;

	for (const struct drill_expr *e = list->first; e; e = e->next) {
		struct weft_cmsghdr hdr;

		if (len - pos < sizeof(hdr))
			return drill_run_fail(c->run, c->ev->line,
					      "%s\n  a control message did not come", c->ev->text);
		memcpy(&hdr, buf + pos, sizeof(hdr));
		if (hdr.len < sizeof(hdr) || hdr.len > len - pos)
			return drill_run_fail(c->run, c->ev->line,
					      "%s\n  a control message of %zu bytes came",
					      c->ev->text, hdr.len);
		if (!check_data(c, e, &hdr, buf + pos + sizeof(hdr), hdr.len - sizeof(hdr)))
			return false;
		hdr.len = (hdr.len + 7) & ~(size_t)7;
		pos += hdr.len < len - pos ? hdr.len : len - pos;
	}
	return pos >= len || drill_run_fail(c->run, c->ev->line,
					    "%s\n  one more control message came", c->ev->text);
}
