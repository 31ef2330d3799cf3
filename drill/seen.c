/* SPDX-License-Identifier: MIT */
/* Frames of the stack are read and checked; packets are printed as scripts write them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/load.h"
#include "drill/csum.h"
#include "drill/icmp_name.h"
#include "drill/packet.h"
#include "drill/tcp_opt.h"

struct reader {
	struct drill_seen *seen;
	const uint8_t *l4;
	size_t len; /* behind l4 */
	uint8_t proto;
	char *why;
	size_t why_size;
};

static int bad(struct reader *r, const char *why)
{
	snprintf(r->why, r->why_size, "%s", why);
	return -EBADMSG;
}

static int read_ip4(struct reader *r, const uint8_t *p, size_t len)
{
	struct drill_seen *seen = r->seen;
	size_t hdr = len > 0 ? (size_t)(p[0] & 15) * 4 : 0, total;

	if (len < 20 || p[0] >> 4 != 4 || hdr < 20 || hdr > len)
		return bad(r, "an IPv4 header that is too short");
	total = load_be16(p + 2);
	if (total < hdr || total > len)
		return bad(r, "an IPv4 length that does not fit the frame");
	if (drill_csum_fold(drill_csum_add(0, p, hdr)) != 0)
		return bad(r, "an IPv4 header with a wrong checksum");
	if (load_be16(p + 6) & 0x3fff)
		return bad(r, "a fragment");
	seen->pkt.tos = p[1];
	seen->pkt.ttl = p[8];
	seen->src.family = seen->dst.family = WEFT_AF_INET;
	memcpy(seen->src.bytes, p + 12, 4);
	memcpy(seen->dst.bytes, p + 16, 4);
	r->proto = p[9];
	r->l4 = p + hdr;
	r->len = total - hdr;
	return 0;
}

static int read_ip6(struct reader *r, const uint8_t *p, size_t len)
{
	struct drill_seen *seen = r->seen;

	if (len < 40 || p[0] >> 4 != 6 || (size_t)load_be16(p + 4) + 40 > len)
		return bad(r, "an IPv6 header that does not fit the frame");
	seen->pkt.tos = (uint8_t)(load_be16(p) >> 4);
	seen->pkt.flow_label = load_be32(p) & 0xfffff;
	seen->pkt.ttl = p[7];
	seen->src.family = seen->dst.family = WEFT_AF_INET6;
	memcpy(seen->src.bytes, p + 8, 16);
	memcpy(seen->dst.bytes, p + 24, 16);
	r->proto = p[6];
	r->l4 = p + 40;
	r->len = load_be16(p + 4);
	return 0;
}

static int read_tcp(struct reader *r)
{
	struct drill_packet *pkt = &r->seen->pkt;
	const uint8_t *p = r->l4;
	size_t hdr = r->len >= 20 ? (size_t)(p[12] >> 4) * 4 : 0;
	uint8_t pos = 0;

	if (hdr < 20 || hdr > r->len)
		return bad(r, "a TCP header that is too short");
	if (drill_csum_l4(&r->seen->src, &r->seen->dst, 6, p, r->len) != 0)
		return bad(r, "a TCP segment with a wrong checksum");
	if (p[12] & 0x0e)
		return bad(r, "a TCP segment with reserved bits");
	pkt->proto = DRILL_TCP;
	pkt->sport = load_be16(p);
	pkt->dport = load_be16(p + 2);
	pkt->seq = load_be32(p + 4);
	pkt->ack = load_be32(p + 8);
	pkt->flags = load_be16(p + 12) & 0x1ff;
	pkt->wnd = load_be16(p + 14);
	pkt->urg = load_be16(p + 18);
	pkt->opts_len = (uint8_t)(hdr - 20);
	memcpy(pkt->opts, p + 20, pkt->opts_len);
	while (drill_opt_next(pkt->opts, pkt->opts_len, &pos) > 0)
		;
	if (pos < pkt->opts_len)
		return bad(r, "a TCP option with a wrong length");
	pkt->len = (uint32_t)(r->len - hdr);
	r->seen->payload = p + hdr;
	return 0;
}

static int read_udp(struct reader *r)
{
	struct drill_packet *pkt = &r->seen->pkt;
	const uint8_t *p = r->l4;

	if (r->len < 8 || load_be16(p + 4) != r->len)
		return bad(r, "a UDP length that does not fit the datagram");
	if ((load_be16(p + 6) != 0 || r->seen->src.family == WEFT_AF_INET6) &&
	    drill_csum_l4(&r->seen->src, &r->seen->dst, 17, p, r->len) != 0)
		return bad(r, "a UDP datagram with a wrong checksum");
	pkt->proto = DRILL_UDP;
	pkt->sport = load_be16(p);
	pkt->dport = load_be16(p + 2);
	pkt->len = (uint32_t)(r->len - 8);
	r->seen->payload = p + 8;
	return 0;
}

static int read_icmp(struct reader *r)
{
	struct drill_packet *pkt = &r->seen->pkt;
	bool is_ip4 = r->proto == 1;

	if (r->len < 8)
		return bad(r, "an ICMP message that is too short");
	if ((is_ip4 ? drill_csum_fold(drill_csum_add(0, r->l4, r->len))
		    : drill_csum_l4(&r->seen->src, &r->seen->dst, 58, r->l4, r->len)) != 0)
		return bad(r, "an ICMP message with a wrong checksum");
	pkt->proto = DRILL_ICMP;
	pkt->icmp_type = r->l4[0];
	pkt->icmp_code = r->l4[1];
	if (!is_ip4 && !drill_icmp6_meaning(r->l4[0], r->l4[1], &pkt->icmp_type, &pkt->icmp_code))
		return -EPROTONOSUPPORT;
	pkt->icmp_mtu = -1;
	r->seen->icmp_rest = load_be32(r->l4 + 4);
	pkt->icmp_id = (uint16_t)(r->seen->icmp_rest >> 16);
	pkt->len = (uint32_t)(r->len - 8);
	r->seen->payload = r->l4 + 8;
	return 0;
}

int drill_seen_read(struct drill_seen *ret, char *why, size_t why_size)
{
	struct reader r = {.seen = ret, .why = why, .why_size = why_size};
	uint16_t type = ret->len >= DRILL_ETH_LEN ? load_be16(ret->frame + 12) : 0;
	int err;

	if (type == 0x0800)
		err = read_ip4(&r, ret->frame + DRILL_ETH_LEN, ret->len - DRILL_ETH_LEN);
	else if (type == 0x86dd)
		err = read_ip6(&r, ret->frame + DRILL_ETH_LEN, ret->len - DRILL_ETH_LEN);
	else
		return -EPROTONOSUPPORT;
	if (err)
		return err;
	if (r.proto == 6)
		return read_tcp(&r);
	if (r.proto == 17)
		return read_udp(&r);
	if (r.proto == 1 || r.proto == 58)
		return read_icmp(&r);
	return -EPROTONOSUPPORT;
}

/* ---- text ---- */

struct writer {
	char *buf;
	size_t size, len;
};

static void put(struct writer *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->len + 1 >= w->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->len, w->size - w->len, fmt, ap);
	va_end(ap);
	w->len += n > 0 ? (size_t)n : 0;
	if (w->len >= w->size)
		w->len = w->size - 1;
}

static void put_hex(struct writer *w, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(w, "%02x", p[i]);
}

static void put_sack(struct writer *w, const uint8_t *opt, uint8_t len)
{
	put(w, "sack");
	for (uint8_t i = 2; i + 8 <= len; i = (uint8_t)(i + 8))
		put(w, " %u:%u", load_be32(opt + i), load_be32(opt + i + 4));
}

static void put_opt(struct writer *w, const uint8_t *opt, uint8_t len)
{
	bool is_foexp =
		opt[0] == DRILL_OPT_EXP && len >= 4 && load_be16(opt + 2) == DRILL_OPT_EXP_FO;

	if (opt[0] == DRILL_OPT_EOL) {
		put(w, "eol");
	} else if (opt[0] == DRILL_OPT_NOP) {
		put(w, "nop");
	} else if (opt[0] == DRILL_OPT_MSS && len == 4) {
		put(w, "mss %u", load_be16(opt + 2));
	} else if (opt[0] == DRILL_OPT_WSCALE && len == 3) {
		put(w, "wscale %u", opt[2]);
	} else if (opt[0] == DRILL_OPT_SACK_OK && len == 2) {
		put(w, "sackOK");
	} else if (opt[0] == DRILL_OPT_SACK && len % 8 == 2) {
		put_sack(w, opt, len);
	} else if (opt[0] == DRILL_OPT_TS && len == 10) {
		put(w, "TS val %u ecr %u", load_be32(opt + 2), load_be32(opt + 6));
	} else if (opt[0] == DRILL_OPT_MD5) {
		put(w, "md5 ");
		put_hex(w, opt + 2, len - 2u);
	} else if (opt[0] == DRILL_OPT_FO || is_foexp) {
		put(w, is_foexp ? "FOEXP " : "FO ");
		put_hex(w, opt + (is_foexp ? 4 : 2), len - (is_foexp ? 4u : 2u));
	} else {
		put(w, "raw ");
		put_hex(w, opt, len);
	}
}

static void put_opts(struct writer *w, const struct drill_packet *pkt)
{
	uint8_t pos = 0, at = 0, len;
	const char *sep = " <";

	if (pkt->opts_any)
		put(w, " <...>");
	while ((len = drill_opt_next(pkt->opts, pkt->opts_len, &pos)) > 0) {
		put(w, "%s", sep);
		put_opt(w, pkt->opts + at, len);
		at = pos;
		sep = ",";
	}
	if (at < pkt->opts_len) {
		put(w, "%sraw ", sep);
		put_hex(w, pkt->opts + at, (size_t)pkt->opts_len - at);
	}
	if (pkt->opts_len > 0)
		put(w, ">");
}

static void put_tcp(struct writer *w, const struct drill_packet *pkt)
{
	static const char letters[] = "FSRP.UEWA";

	if (!pkt->flags)
		put(w, "-");
	for (unsigned i = 0; i < 9; i++)
		if (letters[i] != '.' && (pkt->flags & 1u << i))
			put(w, "%c", letters[i]);
	if (pkt->flags & DRILL_ACK)
		put(w, ".");
	put(w, " %u:%u(%u)", pkt->seq, pkt->seq + pkt->len, pkt->len);
	if (pkt->flags & DRILL_ACK)
		put(w, " ack %u", pkt->ack);
	if (pkt->wnd >= 0)
		put(w, " win %d", pkt->wnd);
	if (pkt->urg)
		put(w, " urg %u", pkt->urg);
	put_opts(w, pkt);
}

static void put_icmp(struct writer *w, const struct drill_packet *pkt)
{
	const char *type = drill_icmp_type_name(pkt->icmp_type);
	const char *code = drill_icmp_code_name(pkt->icmp_type, pkt->icmp_code);

	put(w, "icmp ");
	if (type)
		put(w, "%s", type);
	else
		put(w, "%u", pkt->icmp_type);
	if (code)
		put(w, " %s", code);
	else if (pkt->icmp_code)
		put(w, " %u", pkt->icmp_code);
	if (pkt->icmp_mtu >= 0)
		put(w, " mtu %d", pkt->icmp_mtu);
	if (pkt->icmp_id)
		put(w, " id %u", pkt->icmp_id);
	if (pkt->quote.proto == 17)
		put(w, " [udp (%u)]", pkt->quote.len);
	else if (pkt->quote.proto)
		put(w, " [%u:%u(%u)]", pkt->quote.seq, pkt->quote.seq + pkt->quote.len,
		    pkt->quote.len);
}

static void put_ip(struct writer *w, const struct drill_packet *pkt)
{
	static const char *const ecn[] = {"noecn", "ect1", "ect0", "ce"};

	if (pkt->tos_check == DRILL_TOS_ECN)
		put(w, "[%s] ", ecn[pkt->tos & 3]);
	else if (pkt->tos_check == DRILL_TOS_ECT01)
		put(w, "[ect01] ");
	else if (pkt->tos_check == DRILL_TOS_ALL)
		put(w, "[tos 0x%02x] ", pkt->tos);
	if (pkt->ttl)
		put(w, "(ttl %u) ", pkt->ttl);
	if (pkt->flow_label)
		put(w, "(flowlabel 0x%x) ", pkt->flow_label);
}

const char *drill_packet_text(const struct drill_packet *pkt, char *buf, size_t size)
{
	struct writer w = {.buf = buf, .size = size};

	buf[0] = '\0';
	put(&w, "%c ", pkt->is_in ? '<' : '>');
	if (pkt->proto == DRILL_LAYERS) {
		put(&w, "(said header by header)");
		return buf;
	}
	put_ip(&w, pkt);
	if (pkt->proto == DRILL_UDP)
		put(&w, "udp ");
	if (pkt->has_ports)
		put(&w, "%u > %u ", pkt->sport, pkt->dport);
	if (pkt->proto == DRILL_TCP)
		put_tcp(&w, pkt);
	else if (pkt->proto == DRILL_UDP)
		put(&w, "(%u)", pkt->len);
	else
		put_icmp(&w, pkt);
	return buf;
}
