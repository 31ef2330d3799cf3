/* SPDX-License-Identifier: MIT */
/* Packets that are said header by header: as bytes, and against what was seen. */
#include "drill/layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/load.h"
#include "drill/csum.h"
#include "drill/icmp_name.h"

enum {
	ETH_IP4 = 0x0800,
	ETH_ARP = 0x0806,
	ETH_IP6 = 0x86dd,
	IP4_LEN = 20,
	IP4_ALERT_LEN = 24,
	IP6_LEN = 40,
	EXT_MAX = 2048,
	IP_MAX = 65535,
	ICMP4 = 1,
	IGMP = 2,
	ICMP6 = 58,
	NO_NEXT = 59,
};

/* A packet that is being written. `mask` has a bit for each that was said. */
struct out {
	struct drill_names *names;
	uint8_t *bytes, *mask;
	size_t len, max;
	bool is_full, is_unknown; /* unknown: a $NAME without a value, which one must have */
	bool is_in, is_ip4;
	struct {
		const char *name;
		size_t at, len;
	} fields[DRILL_LAYER_FIELDS];
	size_t n_fields;
	/* $NAMES to be learned. */
	struct {
		const char *name;
		size_t at;
		uint8_t len;
	} vars[DRILL_LAYER_FIELDS];
	size_t n_vars;
};

/*
 * Names.
 */

void drill_names_fini(struct drill_names *names)
{
	while (names->known) {
		struct drill_known *next = names->known->next;

		free(names->known);
		names->known = next;
	}
}

static struct drill_known *var_find(const struct drill_names *names, const char *name)
{
	for (struct drill_known *v = names->known; v; v = v->next)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

static bool var_learn(struct drill_names *names, const char *name, const uint8_t *bytes,
		      uint8_t len)
{
	struct drill_known *v = var_find(names, name);

	if (v)
		return v->len == len && memcmp(v->bytes, bytes, len) == 0;
	v = calloc(1, sizeof(*v));
	if (!v)
		return false;
	*v = (struct drill_known){.next = names->known, .name = name, .len = len};
	memcpy(v->bytes, bytes, len);
	names->known = v;
	return true;
}

/*
 * Writing.
 */

static uint8_t *put(struct out *o, const char *name, size_t len, bool is_said)
{
	uint8_t *p = o->bytes + o->len;

	if (o->is_full || len > o->max - o->len) {
		o->is_full = true;
		return NULL;
	}
	memset(p, 0, len);
	memset(o->mask + o->len, is_said ? 0xff : 0, len);
	if (o->n_fields < DRILL_LAYER_FIELDS) {
		o->fields[o->n_fields].name = name;
		o->fields[o->n_fields].at = o->len;
		o->fields[o->n_fields++].len = len;
	}
	o->len += len;
	return p;
}

static void put_bytes(struct out *o, const char *name, const void *bytes, size_t len)
{
	uint8_t *p = put(o, name, len, true);

	if (p)
		memcpy(p, bytes, len);
}

static void put_int(struct out *o, const char *name, size_t len, uint32_t v)
{
	uint8_t *p = put(o, name, len, true);

	for (size_t i = 0; p && i < len; i++)
		p[i] = (uint8_t)(v >> 8 * (len - 1 - i));
}

static void put_var(struct out *o, const char *name, const char *var, uint8_t len)
{
	const struct drill_known *v = var ? var_find(o->names, var) : NULL;
	size_t at = o->len;

	if (v && v->len == len) {
		put_bytes(o, name, v->bytes, len);
		return;
	}
	o->is_unknown = true;
	if (put(o, name, len, false) && var && o->n_vars < DRILL_LAYER_FIELDS) {
		o->vars[o->n_vars].name = var;
		o->vars[o->n_vars].len = len;
		o->vars[o->n_vars++].at = at;
	}
}

/* The bytes that an address of a script stands for; NULL: it is not known yet. */
static const uint8_t *addr_bytes(const struct out *o, const struct drill_addr *a, size_t len)
{
	const struct drill_known *v;

	switch (a->kind) {
	case DRILL_ADDR_BYTES:
		return a->bytes;
	case DRILL_ADDR_LOCAL:
		return o->names->local.bytes;
	case DRILL_ADDR_REMOTE:
		return o->names->remote.bytes;
	case DRILL_ADDR_GATEWAY:
		return o->names->gateway.bytes;
	case DRILL_ADDR_VAR:
		v = var_find(o->names, a->var);
		return v && v->len == len ? v->bytes : NULL;
	default:
		return NULL;
	}
}

static void put_group(struct out *o, const char *name, const uint8_t *of)
{
	static const uint8_t head[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	uint8_t *p;

	put_bytes(o, name, head, sizeof(head));
	p = put(o, name, 3, of != NULL);
	if (p && of)
		memcpy(p, of + 13, 3);
	o->is_unknown |= !of;
}

static void put_addr(struct out *o, const char *name, const struct drill_addr *a, size_t len)
{
	const uint8_t *bytes = addr_bytes(o, a, len);

	if (a->is_group && len == 16) {
		put_group(o, name, bytes);
	} else if (bytes) {
		put_bytes(o, name, bytes, len);
	} else if (a->kind == DRILL_ADDR_VAR) {
		put_var(o, name, a->var, (uint8_t)len);
	} else {
		(void)put(o, name, len, false);
		o->is_unknown = true;
	}
}

static void put_pattern(struct out *o, const struct drill_field *f)
{
	uint8_t *p = put(o, f->name, f->len, true);

	for (size_t i = 0; p && i < f->len; i++)
		p[i] = drill_pattern(i);
}

static void put_icmp(struct out *o, const struct drill_field *f)
{
	uint8_t kind[2] = {f->bytes[0], f->bytes[1]};

	if (!o->is_ip4)
		drill_icmp6_numbers(f->bytes[0], f->bytes[1], &kind[0], &kind[1]);
	put_int(o, "type", 1, kind[0]);
	put_int(o, "code", 1, kind[1]);
}

static void put_packet(struct out *o, const struct drill_layers *all,
		       const struct drill_packet *pkt, uint16_t ip_id);

/* It may be of another family than what is around it. */
static void put_quote(struct out *o, const struct drill_layers *all)
{
	bool outer = o->is_ip4;

	put_packet(o, all, NULL, 1);
	o->is_ip4 = outer;
}

static void put_field(struct out *o, const struct drill_field *f, size_t begin)
{
	static const uint8_t zero[300];
	size_t odd;

	switch (f->kind) {
	case DRILL_FIELD_BYTES:
		put_bytes(o, f->name, f->data ? f->data : f->len > 16 ? zero : f->bytes, f->len);
		break;
	case DRILL_FIELD_ADDR:
		put_addr(o, f->name, &f->addr, f->len);
		break;
	case DRILL_FIELD_VAR:
		put_var(o, f->name, f->var, (uint8_t)f->len);
		break;
	case DRILL_FIELD_PATTERN:
		put_pattern(o, f);
		break;
	case DRILL_FIELD_ICMP:
		put_icmp(o, f);
		break;
	case DRILL_FIELD_POINTER:
		put_int(o, f->name, 4, load_be32(f->bytes) << (o->is_ip4 ? 24 : 0));
		break;
	case DRILL_FIELD_QUOTE:
		put_quote(o, f->quote);
		break;
	case DRILL_FIELD_PAD:
		odd = (o->len - begin) % 8;
		if (odd == 7) {
			put_int(o, "Pad1", 1, 0);
		} else if (odd > 0) {
			put_int(o, "PadN", 1, 1);
			put_int(o, "PadN's length", 1, (uint32_t)(6 - odd));
			put_bytes(o, "padding", zero, 6 - odd);
		}
		break;
	}
}

static uint8_t layer_proto(const struct out *o, const struct drill_layer *l,
			   const struct drill_layers *all)
{
	if (!l)
		return (uint8_t)(all->last >= 0 ? all->last : NO_NEXT);
	return l->proto == ICMP4 && !o->is_ip4 ? ICMP6 : l->proto;
}

/* Where the addresses of the IP header of this packet begin. */
struct ip_at {
	size_t src, dst;
};

static void set_csum(struct out *o, const struct drill_layer *l, uint8_t proto, size_t begin,
		     const struct ip_at *ip)
{
	uint8_t *at = o->bytes + begin + l->csum_at;
	struct weft_addr src = {.family = o->is_ip4 ? WEFT_AF_INET : WEFT_AF_INET6}, dst = src;
	size_t len = o->len - begin, n = o->is_ip4 ? 4 : 16;
	uint16_t sum;

	if (l->csum_at < 0 || o->is_full || len < (size_t)l->csum_at + 2)
		return;
	memcpy(src.bytes, o->bytes + ip->src, n);
	memcpy(dst.bytes, o->bytes + ip->dst, n);
	sum = proto == ICMP4 || proto == IGMP
		      ? drill_csum_fold(drill_csum_add(0, o->bytes + begin, len))
		      : drill_csum_l4(&src, &dst, proto, o->bytes + begin, len);
	store_be16(at, sum ? sum : 0xffff);
	memset(o->mask + begin + l->csum_at, 0, 2);
}

static void put_layers(struct out *o, const struct drill_layer *l, const struct drill_layers *all,
		       const struct ip_at *ip);

static void put_ext(struct out *o, const struct drill_layer *l, const struct drill_layers *all)
{
	size_t begin = o->len;

	put_int(o, "next header", 1, layer_proto(o, l->next, all));
	put_int(o, "header's length", 1, 0);
	for (const struct drill_field *f = l->fields; f; f = f->next)
		put_field(o, f, begin);
	o->is_full |= o->len - begin > EXT_MAX;
	if (!o->is_full)
		o->bytes[begin + 1] = (uint8_t)((o->len - begin) / 8 - 1);
}

/* Of the names to be learned from `first` on, which stand behind `begin`, those in the part from
 * `off` to `end` stay, at the beginning. */
static void vars_slice(struct out *o, size_t first, size_t begin, size_t off, size_t end)
{
	size_t n = first;

	for (size_t i = first; i < o->n_vars; i++) {
		size_t at = o->vars[i].at - begin;

		if (at < off || at + o->vars[i].len > end)
			continue;
		o->vars[n] = o->vars[i];
		o->vars[n++].at = begin + at - off;
	}
	o->n_vars = n;
}

/* What follows, of which only a part is kept. Returns whether there is more of it. */
static bool put_slice(struct out *o, const struct drill_layer *l, const struct drill_layers *all,
		      const struct ip_at *ip)
{
	size_t begin = o->len, n_fields = o->n_fields, n_vars = o->n_vars, total, end;

	put_layers(o, l->next, all, ip);
	if (o->is_full)
		return false;
	total = o->len - begin;
	end = l->end < total ? l->end : total;
	vars_slice(o, n_vars, begin, l->off, end);
	if (l->off >= end) {
		o->len = begin;
		return l->more;
	}
	memmove(o->bytes + begin, o->bytes + begin + l->off, end - l->off);
	memmove(o->mask + begin, o->mask + begin + l->off, end - l->off);
	o->len = begin + end - l->off;
	/* A checksum in it is no longer one that is looked at for itself. */
	o->n_fields = n_fields;
	return l->more || end < total;
}

static void put_frag6(struct out *o, const struct drill_layer *l, const struct drill_layers *all,
		      const struct ip_at *ip)
{
	size_t begin = o->len;
	bool more;

	put_int(o, "next header", 1, layer_proto(o, l->next, all));
	put_int(o, "reserved", 1, 0);
	put_int(o, "fragment offset", 2, 0);
	if (l->has_id || o->is_in)
		put_int(o, "identification", 4, l->id);
	else
		(void)put(o, "identification", 4, false);
	more = put_slice(o, l, all, ip);
	if (!o->is_full)
		store_be16(o->bytes + begin + 2, (uint16_t)(l->off | more));
}

static void put_layers(struct out *o, const struct drill_layer *l, const struct drill_layers *all,
		       const struct ip_at *ip)
{
	size_t begin = o->len;

	if (!l)
		return;
	if (l->kind == DRILL_LAYER_FRAG) {
		put_frag6(o, l, all, ip);
		return;
	}
	if (l->kind == DRILL_LAYER_EXT) {
		put_ext(o, l, all);
		put_layers(o, l->next, all, ip);
		return;
	}
	for (const struct drill_field *f = l->fields; f; f = f->next)
		put_field(o, f, begin);
	set_csum(o, l, layer_proto(o, l, all), begin, ip);
}

static const struct drill_layer *upper_of(const struct drill_layers *all)
{
	const struct drill_layer *l = all->first;

	while (l && l->next)
		l = l->next;
	return l && l->kind == DRILL_LAYER_UPPER ? l : NULL;
}

static bool is_open(const struct drill_layers *all)
{
	const struct drill_layer *upper = upper_of(all);

	return upper && upper->is_open;
}

static uint8_t hops_of(const struct drill_layers *all, const struct drill_packet *pkt)
{
	const struct drill_layer *upper = upper_of(all);

	if (pkt && pkt->ttl)
		return pkt->ttl;
	return upper ? upper->hops : 0;
}

/* A field that has a value when the packet is sent, and only counts when it was said. */
static void put_said(struct out *o, const char *name, size_t len, uint32_t v, bool is_said)
{
	put_int(o, name, len, v);
	if (!o->is_full && !is_said)
		memset(o->mask + o->len - len, 0, len);
}

static bool says_tos(const struct drill_packet *pkt)
{
	return pkt && pkt->tos_check == DRILL_TOS_ALL;
}

static void put_ip6(struct out *o, const struct drill_layers *all, const struct drill_packet *pkt)
{
	size_t begin = o->len;
	struct ip_at ip = {.src = begin + 8, .dst = begin + 24};
	uint8_t hops = hops_of(all, pkt), tos = says_tos(pkt) ? pkt->tos : 0;

	put_said(o, "version, traffic class", 2, 0x6000 | (uint32_t)tos << 4, says_tos(pkt));
	put_said(o, "flow label", 2, 0, false);
	put_said(o, "payload length", 2, 0, !is_open(all));
	put_int(o, "next header", 1, layer_proto(o, all->first, all));
	put_said(o, "hop limit", 1, hops ? hops : 64, hops);
	put_addr(o, "source", &all->src, 16);
	put_addr(o, "destination", &all->dst, 16);
	put_layers(o, all->first, all, &ip);
	o->is_full |= o->len - begin > IP6_LEN + IP_MAX;
	if (o->is_full)
		return;
	o->mask[begin] |= 0xf0;
	store_be16(o->bytes + begin + 4, (uint16_t)(o->len - begin - IP6_LEN));
}

static void put_ip4(struct out *o, const struct drill_layers *all, const struct drill_packet *pkt,
		    uint16_t ip_id)
{
	const struct drill_layer *frag =
		all->first && all->first->kind == DRILL_LAYER_FRAG ? all->first : NULL;
	const struct drill_layer *body = frag ? frag->next : all->first;
	uint8_t hops = hops_of(all, pkt), proto = layer_proto(o, body, all);
	size_t begin = o->len, hdr = proto == IGMP ? IP4_ALERT_LEN : IP4_LEN;
	struct ip_at ip = {.src = begin + 12, .dst = begin + 16};
	bool more = false;

	put_int(o, "version, header length", 1, (uint32_t)(0x40 | hdr / 4));
	put_said(o, "type of service", 1, says_tos(pkt) ? pkt->tos : 0, says_tos(pkt));
	put_said(o, "total length", 2, 0, !is_open(all));
	put_said(o, "identification", 2, frag && frag->has_id ? frag->id : ip_id,
		 frag && frag->has_id);
	put_int(o, "fragment offset", 2, 0);
	put_said(o, "time to live", 1, hops ? hops : 64, hops);
	put_int(o, "protocol", 1, proto);
	put_said(o, "header checksum", 2, 0, false);
	put_addr(o, "source", &all->src, 4);
	put_addr(o, "destination", &all->dst, 4);
	if (hdr == IP4_ALERT_LEN)
		put_int(o, "router alert", 4, 0x94040000);
	if (frag)
		more = put_slice(o, frag, all, &ip);
	else
		put_layers(o, all->first, all, &ip);
	o->is_full |= o->len - begin > IP_MAX;
	if (o->is_full)
		return;
	store_be16(o->bytes + begin + 2, (uint16_t)(o->len - begin));
	store_be16(o->bytes + begin + 6,
		   (uint16_t)((frag ? frag->off / 8 : 0) | (more ? 0x2000 : 0)));
	o->mask[begin + 6] = 0x3f; /* DF is nobody's business here */
	store_be16(o->bytes + begin + 10,
		   drill_csum_fold(drill_csum_add(0, o->bytes + begin, hdr)));
}

/* By its addresses where they say it, else as the script runs. */
static bool is_ip4(const struct out *o, const struct drill_layers *all)
{
	if (all->src.kind == DRILL_ADDR_BYTES && !all->src.is_group)
		return all->src.is_ip4;
	if (all->dst.kind == DRILL_ADDR_BYTES && !all->dst.is_group)
		return all->dst.is_ip4;
	return o->names->local.family == WEFT_AF_INET;
}

static void put_packet(struct out *o, const struct drill_layers *all,
		       const struct drill_packet *pkt, uint16_t ip_id)
{
	struct ip_at none = {0};

	o->is_ip4 = is_ip4(o, all);
	if (all->is_arp)
		put_layers(o, all->first, all, &none);
	else if (o->is_ip4)
		put_ip4(o, all, pkt, ip_id);
	else
		put_ip6(o, all, pkt);
}

/* To the group of the destination, or to `otherwise`. */
static void dst_mac(uint8_t *mac, const struct out *o, const struct drill_layers *all,
		    const uint8_t otherwise[6])
{
	const uint8_t *ip = o->bytes + DRILL_ETH_LEN;
	bool is_all = all->is_arp ? ip[7] == 1 : o->is_ip4 && ip[16] == 0xff;

	memcpy(mac, otherwise, 6);
	if (is_all)
		memset(mac, 0xff, 6);
	else if (all->is_arp)
		return;
	else if (!o->is_ip4 && ip[24] == 0xff)
		memcpy(mac, (uint8_t[]){0x33, 0x33, ip[36], ip[37], ip[38], ip[39]}, 6);
	else if (o->is_ip4 && ip[16] >= 224)
		memcpy(mac, (uint8_t[]){1, 0, 0x5e, ip[17] & 0x7f, ip[18], ip[19]}, 6);
}

static void write_frame(struct out *o, const struct drill_packet *pkt, uint16_t ip_id)
{
	const struct drill_layers *all = pkt->layers;
	const uint8_t *own = pkt->is_in ? o->names->remote_mac : o->names->local_mac;
	uint8_t *eth = put(o, "Ethernet header", DRILL_ETH_LEN, false);

	put_packet(o, all, pkt, ip_id);
	if (!eth || o->is_full)
		return;
	dst_mac(eth, o, all, o->names->local_mac);
	memcpy(eth + 6, pkt->is_in && all->has_mac ? all->mac : own, 6);
	if (!pkt->is_in && all->has_mac) {
		memcpy(eth, all->mac, 6);
		memset(o->mask, 0xff, 6);
	}
	store_be16(eth + 12, all->is_arp ? ETH_ARP : o->is_ip4 ? ETH_IP4 : ETH_IP6);
	memset(o->mask + 12, 0xff, 2);
}

size_t drill_layers_build(struct drill_names *names, const struct drill_packet *pkt, uint16_t ip_id,
			  uint8_t *frame, char *why, size_t why_size)
{
	struct out *o = calloc(1, sizeof(*o));
	uint8_t *mask = malloc(DRILL_FRAME_MAX);
	size_t len = 0;

	snprintf(why, why_size, "out of memory");
	if (o && mask) {
		*o = (struct out){.names = names,
				  .bytes = frame,
				  .mask = mask,
				  .max = DRILL_FRAME_MAX,
				  .is_in = true};
		write_frame(o, pkt, ip_id);
		len = o->is_full || o->is_unknown ? 0 : o->len;
		snprintf(why, why_size, "%s",
			 o->is_full ? "a packet of more than 65535 bytes"
				    : "an injected packet with a name that nothing was seen of");
	}
	free(mask);
	free(o);
	return len;
}

/*
 * Seen.
 */

/* The last header of an IPv6 packet, as far as its subject is concerned; NULL: there is none. */
static const uint8_t *last_header(const uint8_t *ip, size_t len, uint8_t *ret_proto)
{
	uint8_t proto = ip[6];
	size_t at = IP6_LEN;

	if (proto == 0 && len >= at + 8) {
		proto = ip[at];
		at += (size_t)ip[at + 1] * 8 + 8;
	}
	*ret_proto = proto;
	return at < len ? ip + at : NULL;
}

enum drill_subject drill_frame_subject(const uint8_t *frame, size_t len)
{
	uint16_t type = len >= DRILL_ETH_LEN ? load_be16(frame + 12) : 0;
	const uint8_t *ip = frame + DRILL_ETH_LEN, *l4;
	uint8_t proto;

	if (type == ETH_ARP)
		return DRILL_ABOUT_ARP;
	if (type == ETH_IP4 && len >= DRILL_ETH_LEN + IP4_LEN && ip[9] == IGMP)
		return DRILL_ABOUT_GROUPS4;
	if (type != ETH_IP6 || len < DRILL_ETH_LEN + IP6_LEN)
		return DRILL_ABOUT_OTHER;
	l4 = last_header(ip, len - DRILL_ETH_LEN, &proto);
	if (!l4 || proto != ICMP6)
		return DRILL_ABOUT_OTHER;
	if (l4[0] >= 133 && l4[0] <= 137)
		return DRILL_ABOUT_ND;
	return (l4[0] >= 130 && l4[0] <= 132) || l4[0] == 143 ? DRILL_ABOUT_GROUPS
							      : DRILL_ABOUT_OTHER;
}

static void say_hex(char *buf, size_t size, const uint8_t *p, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < len && i < 20 && at + 4 < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%02x", p[i]);
	if (len > 20)
		snprintf(buf + at, size - at, "..");
}

/* Names the field of byte `at`, which differs. */
static int differs(const struct out *o, const uint8_t *frame, size_t len, size_t at, char *why,
		   size_t why_size)
{
	for (size_t i = 0; i < o->n_fields; i++) {
		char want[48], got[48];
		size_t from = o->fields[i].at, n = o->fields[i].len;

		if (at < from || at >= from + n)
			continue;
		if (n > 32)
			from = at, n = 1;
		say_hex(want, sizeof(want), o->bytes + from, n);
		say_hex(got, sizeof(got), frame + from, from + n <= len ? n : len - from);
		snprintf(why, why_size, "%s: expected %s, seen %s", o->fields[i].name, want, got);
		return -EINVAL;
	}
	snprintf(why, why_size, "byte %zu: expected %02x, seen %02x", at - DRILL_ETH_LEN,
		 o->bytes[at], frame[at]);
	return -EINVAL;
}

/* The checksum of the message, where it has one and is whole. */
static bool csum_is_right(const struct out *o, const struct drill_layers *all, const uint8_t *frame,
			  size_t len)
{
	const struct drill_layer *upper = upper_of(all);
	const uint8_t *ip = frame + DRILL_ETH_LEN;
	struct weft_addr src = {.family = o->is_ip4 ? WEFT_AF_INET : WEFT_AF_INET6}, dst = src;
	size_t at = o->is_ip4 ? (size_t)(ip[0] & 15) * 4 : IP6_LEN, n;
	uint8_t proto = upper ? layer_proto(o, upper, all) : 0;

	n = (o->is_ip4 ? load_be16(ip + 2) : (size_t)load_be16(ip + 4) + IP6_LEN);
	if (!upper || upper->csum_at < 0 || DRILL_ETH_LEN + n > len)
		return !upper || upper->csum_at < 0;
	for (const struct drill_layer *l = all->first; l != upper; l = l->next) {
		if (l->kind == DRILL_LAYER_FRAG)
			return true;
		at += (size_t)ip[at + 1] * 8 + 8;
	}
	memcpy(src.bytes, ip + (o->is_ip4 ? 12 : 8), o->is_ip4 ? 4 : 16);
	memcpy(dst.bytes, ip + (o->is_ip4 ? 16 : 24), o->is_ip4 ? 4 : 16);
	if (at >= n)
		return false;
	if (proto == ICMP4 || proto == IGMP)
		return drill_csum_fold(drill_csum_add(0, ip + at, n - at)) == 0;
	return drill_csum_l4(&src, &dst, proto, ip + at, n - at) == 0;
}

static int compare(struct out *o, const struct drill_packet *want, const uint8_t *frame, size_t len,
		   char *why, size_t why_size)
{
	bool open = is_open(want->layers);

	for (size_t i = 0; i < o->len && i < len; i++)
		if ((o->bytes[i] ^ frame[i]) & o->mask[i])
			return differs(o, frame, len, i, why, why_size);
	if (len < o->len || (!open && len > o->len)) {
		snprintf(why, why_size, "length: expected %zu, seen %zu", o->len - DRILL_ETH_LEN,
			 len - DRILL_ETH_LEN);
		return -EINVAL;
	}
	if (!want->layers->is_arp && !csum_is_right(o, want->layers, frame, len)) {
		snprintf(why, why_size, "a wrong checksum");
		return -EINVAL;
	}
	for (size_t i = 0; i < o->n_vars; i++) {
		if (var_learn(o->names, o->vars[i].name, frame + o->vars[i].at, o->vars[i].len))
			continue;
		snprintf(why, why_size, "$%s: seen in two ways at once", o->vars[i].name);
		return -EINVAL;
	}
	return 0;
}

int drill_layers_match(struct drill_names *names, const struct drill_packet *want,
		       const uint8_t *frame, size_t len, char *why, size_t why_size)
{
	struct out *o = calloc(1, sizeof(*o));
	uint8_t *room = malloc(2 * (size_t)DRILL_FRAME_MAX);
	int err = -EINVAL;

	snprintf(why, why_size, "out of memory");
	if (o && room) {
		*o = (struct out){.names = names,
				  .bytes = room,
				  .mask = room + DRILL_FRAME_MAX,
				  .max = DRILL_FRAME_MAX};
		write_frame(o, want, 0);
		if (o->is_full)
			snprintf(why, why_size, "a packet of more than 65535 bytes");
		else
			err = compare(o, want, frame, len, why, why_size);
	}
	free(room);
	free(o);
	return err;
}
