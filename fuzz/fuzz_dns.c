/* SPDX-License-Identifier: MIT */
/*
 * DNS messages and names: what passes the check is written again and says the same, ages, and keeps
 * its form; names go to text and back.
 */
#include "fuzz.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/dns.h"

enum {
	OUT = 65535,
};

/* assert() of what has to be done in a build without asserts too, as that which counts coverage. */
static void must(bool ok)
{
	assert(ok);
	(void)ok;
}

static void name_again(const struct dns_name *name)
{
	char text[DNS_NAME_STRLEN];
	struct dns_name got, low = *name;

	must(dns_name_parse(dns_name_print(name, text, sizeof(text)), &got) == 0);
	must(dns_name_eq_case(name, &got));
	dns_name_lower(&low);
	must(dns_name_eq(name, &low) && dns_name_is_within(name, &low));
	must(dns_name_n_labels(name) <= DNS_POINTERS_MAX);
}

/* The input as the text of a name, and another below it. */
static void text_again(const uint8_t *data, size_t size)
{
	struct dns_name name, joined;
	char text[DNS_NAME_STRLEN];
	size_t n = size < sizeof(text) ? size : sizeof(text) - 1;

	memcpy(text, data, n);
	text[n] = '\0';
	if (dns_name_parse(text, &name))
		return;
	name_again(&name);
	(void)dns_name_print(&name, text, n);
	if (dns_name_join(&name, &name, &joined) == 0) {
		must(dns_name_is_within(&joined, &name));
		must(dns_name_n_labels(&joined) == 2 * dns_name_n_labels(&name));
	}
}

static void rr_again(struct dns_wr *w, const struct dns_rr *rr)
{
	struct ip6_addr aaaa;
	struct ip4_addr a;
	struct dns_name name;
	struct dns_soa soa;

	if (rr->class == DNS_CLASS_IN && dns_rr_a(rr, &a) == 0) {
		dns_a_write(w, rr->section, &rr->name, &a, rr->ttl_s);
	} else if (rr->class == DNS_CLASS_IN && dns_rr_aaaa(rr, &aaaa) == 0) {
		dns_aaaa_write(w, rr->section, &rr->name, &aaaa, rr->ttl_s);
	} else if (dns_rr_name(rr, &name) == 0 && rr->class == DNS_CLASS_IN) {
		name_again(&name);
		/* Pointers of the old message mean nothing in this one; DNAME has none. */
		if (rr->type == DNS_TYPE_DNAME) {
			dns_rr_begin(w, rr->section, &rr->name, rr->type, rr->class, rr->ttl_s);
			dns_name_write(w, &name, false);
			dns_rr_end(w);
		} else {
			dns_name_rr_write(w, rr->section, &rr->name, rr->type, &name, rr->ttl_s);
		}
	} else if (dns_rr_soa(rr, &soa) == 0 && rr->class == DNS_CLASS_IN) {
		dns_soa_write(w, rr->section, &rr->name, &soa, rr->ttl_s);
	} else {
		dns_rr_begin(w, rr->section, &rr->name, rr->type, rr->class, rr->ttl_s);
		wr_bytes(&w->w, rr->rdata, rr->rdata_len);
		dns_rr_end(w);
	}
}

static struct dns_edns edns_find(const uint8_t *msg, size_t len, bool *ret_has)
{
	struct dns_edns edns = {0};
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;

	*ret_has = false;
	must(dns_msg_open(&d, msg, len, &hdr) == 0);
	while (dns_rr_read(&d, &rr) > 0)
		if (dns_rr_edns(&rr, &edns) == 0)
			*ret_has = true;
	return edns;
}

static size_t msg_again(const uint8_t *msg, size_t len, uint8_t *out, size_t size)
{
	bool has_edns;
	struct dns_edns edns = edns_find(msg, len, &has_edns);
	struct dns_question q;
	struct dns_hdr hdr;
	struct dns_rd d;
	struct dns_rr rr;
	struct dns_wr w;

	must(dns_msg_open(&d, msg, len, &hdr) == 0);
	dns_wr_start(&w, out, size, &hdr, has_edns ? &edns : NULL);
	while (dns_question_read(&d, &q) > 0) {
		name_again(&q.name);
		dns_question_write(&w, &q);
	}
	while (dns_rr_read(&d, &rr) > 0)
		if (rr.type != DNS_TYPE_OPT)
			rr_again(&w, &rr);
	return dns_wr_finish(&w);
}

static void same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	struct dns_hdr ha, hb;
	struct dns_rd ra, rb;
	struct dns_rr x, y;

	must(dns_msg_open(&ra, a, a_len, &ha) == 0 && dns_msg_open(&rb, b, b_len, &hb) == 0);
	assert(ha.id == hb.id && ha.rcode == hb.rcode && ha.opcode == hb.opcode);
	assert(memcmp(ha.n, hb.n, sizeof(ha.n)) == 0);
	while (dns_rr_read(&ra, &x) > 0 && x.type != DNS_TYPE_OPT) {
		must(dns_rr_read(&rb, &y) > 0);
		assert(y.type == x.type && y.ttl_s == x.ttl_s && y.section == x.section);
		must(dns_name_eq_case(&x.name, &y.name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *out, *small;
	size_t len;

	text_again(data, size);
	if (size > OUT || dns_msg_check(data, size))
		return 0;
	out = malloc(OUT);
	small = malloc(size / 2 + 1);
	assert(out && small);
	len = msg_again(data, size, out, OUT);
	must(len && dns_msg_check(out, len) == 0);
	/* Compression differs from who wrote it: only then may it have become too long. */
	if (!((out[2] ^ data[2]) & 2))
		same(data, size, out, len);
	dns_msg_age(out, len, 10);
	must(dns_msg_check(out, len) == 0);
	(void)dns_msg_ttl_s(out, len);
	len = msg_again(data, size, small, size / 2);
	must(len <= size / 2 && (len == 0 || dns_msg_check(small, len) == 0));
	free(out);
	free(small);
	return 0;
}
