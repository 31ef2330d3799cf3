/* SPDX-License-Identifier: MIT */
/*
 * Packets that are said header by header: addresses, extension headers, fragments, and the message.
 *
 *   from ADDR to ADDR [mac MAC] [hop <..>] [dst <..>] [routing TYPE LEFT] [frag 0:8 id 1] MESSAGE
 */
#include "drill/parse_layer.h"

#include <string.h>

#include "drill/layer.h"

enum {
	PROTO_HOPOPTS = 0,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_DSTOPTS = 60,
};

/*
 * Fields.
 */

struct drill_field *drill_field_put(struct drill_parser *ps, struct drill_layer *l,
				    const char *name, enum drill_field_kind kind, uint32_t len)
{
	struct drill_field *f = arena_alloc(&ps->script->arena, sizeof(*f)), **tail;

	if (!f) {
		drill_no_memory(ps);
		return NULL;
	}
	f->name = name;
	f->kind = kind;
	f->len = len;
	for (tail = &l->fields; *tail; tail = &(*tail)->next)
		;
	*tail = f;
	return f;
}

bool drill_field_int(struct drill_parser *ps, struct drill_layer *l, const char *name, uint32_t len,
		     uint32_t value)
{
	struct drill_field *f = drill_field_put(ps, l, name, DRILL_FIELD_BYTES, len);

	for (uint32_t i = 0; f && i < len; i++)
		f->bytes[i] = (uint8_t)(value >> 8 * (len - 1 - i));
	return f != NULL;
}

bool drill_field_addr(struct drill_parser *ps, struct drill_layer *l, const char *name)
{
	struct drill_field *f = drill_field_put(ps, l, name, DRILL_FIELD_ADDR, 16);

	return f && drill_parse_addr(ps, &f->addr);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Digits in hexadecimal; "..." at most is none. */
bool drill_field_hex(struct drill_parser *ps, struct drill_layer *l, const char *name)
{
	char *text = drill_lex_raw(&ps->lx, "0123456789abcdefABCDEF");
	size_t len = text ? strlen(text) : 0;
	struct drill_field *f;
	uint8_t *data;

	if (!text)
		return drill_no_memory(ps);
	if (len == 0 || len % 2)
		return drill_expected(ps, "bytes in hexadecimal, two digits each");
	f = drill_field_put(ps, l, name, DRILL_FIELD_BYTES, (uint32_t)(len / 2));
	data = arena_alloc(&ps->script->arena, len / 2);
	if (!f || !data)
		return drill_no_memory(ps);
	for (size_t i = 0; i < len / 2; i++)
		data[i] = (uint8_t)(nibble(text[2 * i]) * 16 + nibble(text[2 * i + 1]));
	f->data = data;
	return true;
}

/* $NAME, the `$` being the look-ahead; NULL: it is wrong. */
char *drill_parse_var(struct drill_parser *ps)
{
	char *name;

	if (!drill_accept(ps, '$') || ps->lx.tok.kind != DRILL_TOK_WORD) {
		drill_expected(ps, "$ and a name");
		return NULL;
	}
	name = ps->lx.tok.text;
	drill_lex_next(&ps->lx);
	return name;
}

bool drill_parse_mac(struct drill_parser *ps, uint8_t ret[6])
{
	static const uint8_t local[6] = {2, 0, 0, 0, 0, 1}, remote[6] = {2, 0, 0, 0, 0, 2};
	char *text;

	if (drill_is_word(ps, "local") || drill_is_word(ps, "remote")) {
		memcpy(ret, drill_is_word(ps, "local") ? local : remote, 6);
		drill_lex_next(&ps->lx);
		return true;
	}
	text = drill_lex_raw(&ps->lx, "0123456789abcdefABCDEF:");
	if (!text)
		return drill_no_memory(ps);
	if (strlen(text) != 17)
		return drill_expected(ps, "a hardware address: 02:00:00:00:00:01, local, remote");
	for (int i = 0; i < 6; i++) {
		int hi = nibble(text[3 * i]), lo = nibble(text[3 * i + 1]);

		if (hi < 0 || lo < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return drill_expected(ps, "a hardware address: 02:00:00:00:00:01");
		ret[i] = (uint8_t)(hi * 16 + lo);
	}
	return true;
}

bool drill_field_mac(struct drill_parser *ps, struct drill_layer *l, const char *name)
{
	struct drill_field *f = drill_field_put(ps, l, name, DRILL_FIELD_BYTES, 6);

	return f && drill_parse_mac(ps, f->bytes);
}

/*
 * Addresses.
 */

static bool set_literal(struct drill_parser *ps, struct drill_addr *ret, const char *text)
{
	struct weft_addr a;

	if (weft_addr_parse(text, &a))
		return drill_expected(ps, "an address");
	ret->kind = DRILL_ADDR_BYTES;
	ret->is_ip4 = a.family == WEFT_AF_INET;
	memcpy(ret->bytes, a.bytes, ret->is_ip4 ? 4 : 16);
	return true;
}

static bool parse_named(struct drill_parser *ps, struct drill_addr *ret, bool *ret_ok)
{
	static const struct {
		const char *word, *addr;
		enum drill_addr_kind kind;
	} names[] = {
		{"local", NULL, DRILL_ADDR_LOCAL},
		{"remote", NULL, DRILL_ADDR_REMOTE},
		{"gateway", NULL, DRILL_ADDR_GATEWAY},
		{"linklocal", "fe80::ff:fe00:1", DRILL_ADDR_BYTES},
		{"any", "::", DRILL_ADDR_BYTES},
		{"allnodes", "ff02::1", DRILL_ADDR_BYTES},
		{"allrouters", "ff02::2", DRILL_ADDR_BYTES},
		{"mld2routers", "ff02::16", DRILL_ADDR_BYTES},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!drill_accept_word(ps, names[i].word))
			continue;
		ret->kind = names[i].kind;
		*ret_ok = !names[i].addr || set_literal(ps, ret, names[i].addr);
		return true;
	}
	return false;
}

bool drill_parse_addr(struct drill_parser *ps, struct drill_addr *ret)
{
	char *text;
	bool ok;

	if (ps->lx.tok.kind == DRILL_TOK_ELLIPSIS) {
		ret->kind = DRILL_ADDR_ANY;
		drill_lex_next(&ps->lx);
		return true;
	}
	if (!ret->is_group && drill_accept_word(ps, "sol")) {
		ret->is_group = true;
		return drill_need(ps, '(') && drill_parse_addr(ps, ret) && drill_need(ps, ')');
	}
	if (drill_is_char(ps, '$')) {
		ret->kind = DRILL_ADDR_VAR;
		ret->var = drill_parse_var(ps);
		return ret->var != NULL;
	}
	if (parse_named(ps, ret, &ok))
		return ok;
	text = drill_lex_raw(&ps->lx, "0123456789abcdefABCDEF:.");
	if (!text)
		return drill_no_memory(ps);
	return set_literal(ps, ret, text);
}

/*
 * Headers.
 */

struct drill_layer *drill_layer_put(struct drill_parser *ps, struct drill_layers *all,
				    enum drill_layer_kind kind, uint8_t proto)
{
	struct drill_layer *l = arena_alloc(&ps->script->arena, sizeof(*l)), **tail;
	unsigned n = 1;

	if (!l) {
		drill_no_memory(ps);
		return NULL;
	}
	l->kind = kind;
	l->proto = proto;
	l->csum_at = -1;
	for (tail = &all->first; *tail; tail = &(*tail)->next)
		n++;
	if (n > DRILL_HEADERS_MAX) {
		drill_fail(ps, "a packet of too many headers");
		return NULL;
	}
	*tail = l;
	return l;
}

static bool parse_option(struct drill_parser *ps, struct drill_layer *l)
{
	int64_t v, len;

	if (drill_accept_word(ps, "pad1"))
		return drill_field_int(ps, l, "Pad1", 1, 0);
	if (drill_accept_word(ps, "padn"))
		return drill_need_int(ps, "the length of a PadN", 2, 257, &len) &&
		       drill_field_int(ps, l, "PadN", 1, 1) &&
		       drill_field_int(ps, l, "PadN's length", 1, (uint32_t)len - 2) &&
		       (len == 2 || drill_field_put(ps, l, "padding", DRILL_FIELD_BYTES,
						    (uint32_t)len - 2) != NULL);
	if (drill_accept_word(ps, "alert"))
		return drill_need_int(ps, "the value of a router alert", 0, UINT16_MAX, &v) &&
		       drill_field_int(ps, l, "router alert", 2, 0x0502) &&
		       drill_field_int(ps, l, "router alert's value", 2, (uint32_t)v);
	if (drill_accept_word(ps, "opt"))
		return drill_need_int(ps, "the type of an option", 0, 255, &v) &&
		       drill_need_int(ps, "the length of an option", 0, 255, &len) &&
		       drill_field_int(ps, l, "option", 1, (uint32_t)v) &&
		       drill_field_int(ps, l, "option's length", 1, (uint32_t)len) &&
		       (!len || drill_field_put(ps, l, "option's data", DRILL_FIELD_PATTERN,
						(uint32_t)len) != NULL);
	if (drill_accept_word(ps, "raw"))
		return drill_field_hex(ps, l, "option");
	return drill_expected(ps, "an option: pad1, padn, alert, opt, raw");
}

/* <alert 0, opt 0x1e 4>, padded to a multiple of 8 bytes. */
static bool parse_options(struct drill_parser *ps, struct drill_layer *l)
{
	if (!drill_need(ps, '<'))
		return false;
	do {
		if (!parse_option(ps, l))
			return false;
	} while (drill_accept(ps, ','));
	return drill_need(ps, '>') && drill_field_put(ps, l, "padding", DRILL_FIELD_PAD, 0);
}

static bool parse_routing(struct drill_parser *ps, struct drill_layer *l)
{
	int64_t type, left;

	return drill_need_int(ps, "the type of a routing header", 0, 255, &type) &&
	       drill_need_int(ps, "its segments left", 0, 255, &left) &&
	       drill_field_int(ps, l, "routing type", 1, (uint32_t)type) &&
	       drill_field_int(ps, l, "segments left", 1, (uint32_t)left) &&
	       drill_field_int(ps, l, "reserved", 4, 0) &&
	       drill_field_put(ps, l, "address", DRILL_FIELD_BYTES, 16);
}

/* frag 0:8 id 5: bytes 0 to 8 of what follows; `frag 0:8+` has more behind it even if not. */
static bool parse_frag(struct drill_parser *ps, struct drill_layer *l)
{
	int64_t off, end, id;

	if (!drill_need_int(ps, "where the fragment begins", 0, 65528, &off) ||
	    !drill_need(ps, ':') || !drill_need_int(ps, "where it ends", off, 65535, &end))
		return false;
	if (off % 8)
		return drill_fail(ps, "a fragment begins at a multiple of 8");
	l->off = (uint32_t)off;
	l->end = (uint32_t)end;
	l->more = drill_accept(ps, '+');
	l->has_id = drill_accept_word(ps, "id");
	if (!l->has_id)
		return true;
	if (!drill_need_int(ps, "an identification", 0, UINT32_MAX, &id))
		return false;
	l->id = (uint32_t)id;
	return true;
}

/* One header before the message. *ret: there was one. */
static bool parse_header(struct drill_parser *ps, struct drill_layers *all, bool *ret)
{
	static const struct {
		const char *word;
		enum drill_layer_kind kind;
		uint8_t proto;
		bool (*parse)(struct drill_parser *, struct drill_layer *);
	} headers[] = {
		{"hop", DRILL_LAYER_EXT, PROTO_HOPOPTS, parse_options},
		{"dst", DRILL_LAYER_EXT, PROTO_DSTOPTS, parse_options},
		{"routing", DRILL_LAYER_EXT, PROTO_ROUTING, parse_routing},
		{"frag", DRILL_LAYER_FRAG, PROTO_FRAGMENT, parse_frag},
	};

	*ret = true;
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		struct drill_layer *l;

		if (!drill_accept_word(ps, headers[i].word))
			continue;
		l = drill_layer_put(ps, all, headers[i].kind, headers[i].proto);
		return l && headers[i].parse(ps, l);
	}
	*ret = false;
	return true;
}

static struct drill_layers *parse_ip(struct drill_parser *ps, unsigned depth)
{
	struct drill_layers *all = arena_alloc(&ps->script->arena, sizeof(*all));
	bool more = true;
	int64_t next;

	if (!all) {
		drill_no_memory(ps);
		return NULL;
	}
	all->last = -1;
	if (!drill_parse_addr(ps, &all->src))
		return NULL;
	if (!drill_accept_word(ps, "to")) {
		drill_expected(ps, "\"to\" and an address");
		return NULL;
	}
	if (!drill_parse_addr(ps, &all->dst))
		return NULL;
	if (drill_accept_word(ps, "mac")) {
		all->has_mac = true;
		if (!drill_parse_mac(ps, all->mac))
			return NULL;
	}
	while (more)
		if (!parse_header(ps, all, &more))
			return NULL;
	if (drill_accept_word(ps, "next")) {
		if (!drill_need_int(ps, "a next header", 0, 255, &next))
			return NULL;
		all->last = (int32_t)next;
		return all;
	}
	return drill_parse_message(ps, all, depth) ? all : NULL;
}

struct arp_words {
	bool is_request;
	uint8_t sender_mac[6], target_mac[6];
	struct drill_addr sender, target;
};

static bool arp_mac(struct drill_parser *ps, struct drill_layer *l, const uint8_t mac[6])
{
	struct drill_field *f = drill_field_put(ps, l, "hardware address", DRILL_FIELD_BYTES, 6);

	if (f)
		memcpy(f->bytes, mac, 6);
	return f != NULL;
}

static bool arp_addr(struct drill_parser *ps, struct drill_layer *l, const char *name,
		     const struct drill_addr *addr)
{
	struct drill_field *f = drill_field_put(ps, l, name, DRILL_FIELD_ADDR, 4);

	if (f)
		f->addr = *addr;
	return f != NULL;
}

/* RFC 826, in the order of the wire. */
static bool arp_fields(struct drill_parser *ps, struct drill_layer *l, const struct arp_words *a)
{
	return drill_field_int(ps, l, "hardware type", 2, 1) &&
	       drill_field_int(ps, l, "protocol type", 2, 0x0800) &&
	       drill_field_int(ps, l, "lengths", 2, 0x0604) &&
	       drill_field_int(ps, l, "operation", 2, a->is_request ? 1 : 2) &&
	       arp_mac(ps, l, a->sender_mac) && arp_addr(ps, l, "sender", &a->sender) &&
	       arp_mac(ps, l, a->target_mac) && arp_addr(ps, l, "target", &a->target);
}

/* who_has TARGET tell SENDER, or SENDER is_at MAC to TARGET */
static bool arp_words(struct drill_parser *ps, struct arp_words *a)
{
	if (a->is_request) {
		if (!drill_parse_addr(ps, &a->target))
			return false;
		if (!drill_accept_word(ps, "tell"))
			return drill_expected(ps, "\"tell\"");
		return drill_parse_addr(ps, &a->sender);
	}
	if (!drill_parse_addr(ps, &a->sender))
		return false;
	if (!drill_accept_word(ps, "is_at"))
		return drill_expected(ps, "\"is_at\"");
	if (!drill_parse_mac(ps, a->sender_mac))
		return false;
	if (!drill_accept_word(ps, "to"))
		return drill_expected(ps, "\"to\" and an address");
	return drill_parse_addr(ps, &a->target);
}

static struct drill_layers *parse_arp(struct drill_parser *ps, bool is_in)
{
	struct drill_layers *all = arena_alloc(&ps->script->arena, sizeof(*all));
	struct drill_layer *l = all ? drill_layer_put(ps, all, DRILL_LAYER_UPPER, 0) : NULL;
	struct arp_words a = {.sender_mac = {2, 0, 0, 0, 0, (uint8_t)(is_in ? 2 : 1)}};

	if (!l) {
		drill_no_memory(ps);
		return NULL;
	}
	all->is_arp = true;
	all->last = -1;
	all->says = 1u << DRILL_ABOUT_ARP;
	a.is_request = drill_accept_word(ps, "who_has");
	if (!arp_words(ps, &a))
		return NULL;
	if (drill_accept_word(ps, "mac")) {
		all->has_mac = true;
		if (!drill_parse_mac(ps, all->mac))
			return NULL;
		if (a.is_request && is_in)
			memcpy(a.sender_mac, all->mac, 6);
	}
	if (!a.is_request)
		memcpy(a.target_mac, (uint8_t[]){2, 0, 0, 0, 0, is_in ? 1 : 2}, 6);
	if (!a.is_request && all->has_mac && !is_in)
		memcpy(a.target_mac, all->mac, 6);
	all->src = a.sender;
	all->dst = a.target;
	return arp_fields(ps, l, &a) ? all : NULL;
}

struct drill_layers *drill_parse_quote(struct drill_parser *ps, unsigned depth)
{
	if (depth >= DRILL_QUOTE_DEPTH) {
		drill_fail(ps, "errors about errors about errors");
		return NULL;
	}
	if (!drill_accept_word(ps, "from")) {
		drill_expected(ps, "\"from\"");
		return NULL;
	}
	return parse_ip(ps, depth + 1);
}

bool drill_parse_layers(struct drill_parser *ps, struct drill_packet *pkt)
{
	pkt->proto = DRILL_LAYERS;
	pkt->layers = drill_accept_word(ps, "from")  ? parse_ip(ps, 0)
		      : drill_accept_word(ps, "arp") ? parse_arp(ps, pkt->is_in)
						     : NULL;
	return pkt->layers != NULL;
}
