/* SPDX-License-Identifier: MIT */
/*
 * Writing messages of DNS; contracts in dns.h.
 *
 * Compression: where a label of an earlier name stands, what follows it there is a suffix that
 * later names may point to. A pointer replaces a suffix of the very same bytes, so that names come
 * back with their case.
 */
#include "wire/dns.h"

enum {
	POINTER = 0xc000,
	POINTER_OFF_MAX = 0x3fff,
	LEN_POINTER = 0xc0,
	RR_LEN_OFF = 8, /* of what follows the name: where the length of the data is */
};

void dns_wr_start(struct dns_wr *d, uint8_t *buf, size_t size, const struct dns_hdr *hdr,
		  const struct dns_edns *edns)
{
	size_t opt = edns ? (size_t)DNS_OPT_LEN + edns->options_len : 0;

	*d = (struct dns_wr){.hdr = *hdr, .has_edns = edns != NULL};
	memset(d->hdr.n, 0, sizeof(d->hdr.n));
	if (edns)
		d->edns = *edns;
	if (size > UINT16_MAX)
		size = UINT16_MAX;
	d->w = wr_make(buf, size > opt ? size - opt : 0);
	wr_zero(&d->w, DNS_HDR_LEN);
}

/* The suffix of `name` from `from` on stands at `off`. */
static bool suffix_is_at(const struct dns_wr *d, size_t off, const struct dns_name *name,
			 size_t from)
{
	const uint8_t *msg = d->w.start;

	/* What has been written is well formed, and its pointers lead backwards. */
	for (;;) {
		size_t n = msg[off];

		if (n >= LEN_POINTER) {
			off = load_be16(msg + off) & POINTER_OFF_MAX;
			continue;
		}
		if (n != name->b[from] || memcmp(msg + off, name->b + from, n + 1) != 0)
			return false;
		if (n == 0)
			return true;
		off += n + 1;
		from += n + 1;
	}
}

static uint16_t suffix_find(const struct dns_wr *d, const struct dns_name *name, size_t from)
{
	for (uint16_t i = 0; i < d->n_names; i++)
		if (suffix_is_at(d, d->names[i], name, from))
			return d->names[i];
	return 0;
}

void dns_name_write(struct dns_wr *d, const struct dns_name *name, bool may_compress)
{
	size_t from = 0, start = wr_len(&d->w);
	uint16_t n_new = 0, at = 0;

	while (name->b[from]) {
		at = may_compress ? suffix_find(d, name, from) : 0;
		if (at)
			break;
		from += 1u + name->b[from];
		n_new++;
	}
	wr_bytes(&d->w, name->b, from);
	if (at)
		wr_be16(&d->w, (uint16_t)(POINTER | at));
	else
		wr_u8(&d->w, 0);
	if (!wr_ok(&d->w))
		return;
	for (size_t i = 0; n_new-- && d->n_names < DNS_WR_NAMES_MAX; i += 1u + name->b[i])
		if (start + i <= POINTER_OFF_MAX)
			d->names[d->n_names++] = (uint16_t)(start + i);
}

void dns_question_write(struct dns_wr *d, const struct dns_question *q)
{
	dns_name_write(d, &q->name, true);
	wr_be16(&d->w, q->type);
	wr_be16(&d->w, q->class);
	d->hdr.n[DNS_QUESTION]++;
}

void dns_rr_begin(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		  uint16_t type, uint16_t class, uint32_t ttl_s)
{
	d->at = d->w;
	d->n_names_at = d->n_names;
	d->hdr.n[section]++;
	/* What comes after something that did not fit stays out, however small. */
	if (d->is_full)
		d->w.end = d->w.p;
	dns_name_write(d, name, true);
	wr_be16(&d->w, type);
	wr_be16(&d->w, class);
	wr_be32(&d->w, ttl_s);
	wr_be16(&d->w, 0); /* the data's length: dns_rr_end() */
}

/* The length's place is found from the name, which is walked over. */
static uint8_t *rr_len_at(const struct dns_wr *d)
{
	uint8_t *p = d->at.p;

	while (*p && *p < LEN_POINTER)
		p += 1 + *p;
	p += *p ? 2 : 1;
	return p + RR_LEN_OFF;
}

static enum dns_section section_last(const struct dns_wr *d)
{
	int i = DNS_N_SECTIONS - 1;

	while (i > 0 && d->hdr.n[i] == 0)
		i--;
	return (enum dns_section)i;
}

bool dns_rr_end(struct dns_wr *d)
{
	uint8_t *len;

	if (!wr_ok(&d->w)) {
		d->w = d->at;
		d->n_names = d->n_names_at;
		d->hdr.n[section_last(d)]--;
		d->is_full = d->hdr.is_truncated = true;
		return false;
	}
	len = rr_len_at(d);
	store_be16(len, (uint16_t)(d->w.p - len - 2));
	return true;
}

void dns_a_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		 const struct ip4_addr *addr, uint32_t ttl_s)
{
	dns_rr_begin(d, section, name, DNS_TYPE_A, DNS_CLASS_IN, ttl_s);
	wr_bytes(&d->w, addr, sizeof(*addr));
	dns_rr_end(d);
}

void dns_aaaa_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		    const struct ip6_addr *addr, uint32_t ttl_s)
{
	dns_rr_begin(d, section, name, DNS_TYPE_AAAA, DNS_CLASS_IN, ttl_s);
	wr_bytes(&d->w, addr, sizeof(*addr));
	dns_rr_end(d);
}

void dns_name_rr_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		       uint16_t type, const struct dns_name *to, uint32_t ttl_s)
{
	dns_rr_begin(d, section, name, type, DNS_CLASS_IN, ttl_s);
	dns_name_write(d, to, true);
	dns_rr_end(d);
}

void dns_soa_write(struct dns_wr *d, enum dns_section section, const struct dns_name *name,
		   const struct dns_soa *soa, uint32_t ttl_s)
{
	dns_rr_begin(d, section, name, DNS_TYPE_SOA, DNS_CLASS_IN, ttl_s);
	dns_name_write(d, &soa->mname, true);
	dns_name_write(d, &soa->rname, true);
	wr_be32(&d->w, soa->serial);
	wr_be32(&d->w, soa->refresh_s);
	wr_be32(&d->w, soa->retry_s);
	wr_be32(&d->w, soa->expire_s);
	wr_be32(&d->w, soa->minimum_s);
	dns_rr_end(d);
}

static void opt_write(struct dns_wr *d)
{
	const struct dns_edns *e = &d->edns;

	/* The room was kept free at the start. */
	d->w.end += DNS_OPT_LEN + e->options_len;
	wr_u8(&d->w, 0);
	wr_be16(&d->w, DNS_TYPE_OPT);
	wr_be16(&d->w, e->udp_bytes);
	wr_u8(&d->w, e->rcode_high);
	wr_u8(&d->w, e->version);
	wr_be16(&d->w, e->wants_dnssec ? 0x8000 : 0);
	wr_be16(&d->w, e->options_len);
	wr_bytes(&d->w, e->options, e->options_len);
	d->hdr.n[DNS_ADDITIONAL]++;
}

static uint16_t hdr_flags(const struct dns_hdr *h)
{
	return (uint16_t)(h->is_response << 15 | (h->opcode & 0xf) << 11 |
			  h->is_authoritative << 10 | h->is_truncated << 9 |
			  h->wants_recursion << 8 | h->has_recursion << 7 | h->is_authentic << 5 |
			  h->no_check << 4 | (h->rcode & 0xf));
}

size_t dns_wr_finish(struct dns_wr *d)
{
	struct wr w;

	if (!wr_ok(&d->w))
		return 0;
	if (d->has_edns)
		opt_write(d);
	w = wr_make(d->w.start, DNS_HDR_LEN);
	wr_be16(&w, d->hdr.id);
	wr_be16(&w, hdr_flags(&d->hdr));
	for (int i = 0; i < DNS_N_SECTIONS; i++)
		wr_be16(&w, d->hdr.n[i]);
	return wr_len(&d->w);
}
