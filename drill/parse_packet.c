/* SPDX-License-Identifier: MIT */
/*
 * Packets: direction, what is said of the IP header, ports, and the segment, datagram or message.
 *
 *   < [ect0] 1001:2001(1000) ...   TCP: FLAGS SEQ:END(LEN) [ack N] [win N] [urg N] [<options>]
 *   > udp 5000 > 6000 (100)        UDP
 *   < icmp unreachable frag_needed mtu 1300 [1:1461(1460)]
 */
#include <string.h>

#include "drill/icmp_name.h"
#include "drill/parse_priv.h"

/* The flags of TCP as they are written; a digit is the counter of AccECN. */
static const struct {
	char ch;
	uint16_t bit;
} flag_letters[] = {
	{'F', DRILL_FIN}, {'S', DRILL_SYN}, {'R', DRILL_RST}, {'P', DRILL_PSH}, {'.', DRILL_ACK},
	{'U', DRILL_URG}, {'E', DRILL_ECE}, {'W', DRILL_CWR}, {'A', DRILL_AE},
};

static bool flag_one(struct drill_parser *ps, struct drill_packet *pkt, char ch)
{
	if (ch >= '0' && ch <= '7') {
		pkt->has_ace = true;
		pkt->flags |= (uint16_t)(((ch - '0') & 7) << 6);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(flag_letters); i++) {
		if (flag_letters[i].ch == ch) {
			pkt->flags |= flag_letters[i].bit;
			return true;
		}
	}
	return drill_fail(ps, "\"%c\" is no flag of TCP", ch);
}

static bool parse_flags(struct drill_parser *ps, struct drill_packet *pkt)
{
	char *flags;

	if (drill_accept(ps, '-'))
		return true;
	flags = drill_lex_raw(&ps->lx, "FSRPUEWA.01234567");
	if (!flags)
		return drill_no_memory(ps);
	if (!*flags)
		return drill_expected(ps, "TCP flags, udp or icmp");
	for (const char *f = flags; *f; f++)
		if (!flag_one(ps, pkt, *f))
			return false;
	return true;
}

/* SEQ:END(LEN) */
static bool parse_seq(struct drill_parser *ps, uint32_t *ret_seq, uint32_t *ret_len)
{
	int64_t seq, end, len;

	if (!drill_need_int(ps, "a sequence number", 0, UINT32_MAX, &seq) || !drill_need(ps, ':') ||
	    !drill_need_int(ps, "a sequence number", 0, UINT32_MAX, &end) || !drill_need(ps, '(') ||
	    !drill_need_int(ps, "a length", 0, DRILL_PAYLOAD_MAX, &len))
		return false;
	if ((uint32_t)(seq + len) != (uint32_t)end)
		return drill_fail(ps, "%lld:%lld is not as long as (%lld)", (long long)seq,
				  (long long)end, (long long)len);
	*ret_seq = (uint32_t)seq;
	*ret_len = (uint32_t)len;
	return drill_need(ps, ')');
}

static bool parse_tcp(struct drill_parser *ps, struct drill_packet *pkt)
{
	int64_t v = 0;

	pkt->proto = DRILL_TCP;
	if (!parse_flags(ps, pkt) || !parse_seq(ps, &pkt->seq, &pkt->len))
		return false;
	if (drill_accept_word(ps, "ack")) {
		if (!drill_need_int(ps, "an acknowledgement", 0, UINT32_MAX, &v))
			return false;
		pkt->ack = (uint32_t)v;
	}
	pkt->wnd = -1;
	if (drill_accept_word(ps, "win")) {
		if (!drill_need_int(ps, "a window", 0, UINT16_MAX, &v))
			return false;
		pkt->wnd = (int32_t)v;
	} else if (pkt->is_in) {
		return drill_expected(ps,
				      "\"win\" and the window, which an injected segment needs");
	}
	if (drill_accept_word(ps, "urg")) {
		if (!drill_need_int(ps, "an urgent pointer", 0, UINT16_MAX, &v))
			return false;
		pkt->urg = (uint16_t)v;
	}
	if (drill_accept(ps, '<') && !drill_parse_tcp_opts(ps, pkt))
		return false;
	if (drill_is_char(ps, '{'))
		return drill_fail(ps, "packets cannot be altered at random here");
	return true;
}

static bool parse_ports(struct drill_parser *ps, struct drill_packet *pkt)
{
	int64_t v;

	if (ps->lx.tok.kind != DRILL_TOK_INT)
		return true;
	if (!drill_need_int(ps, "a port", 0, UINT16_MAX, &v))
		return false;
	pkt->sport = (uint16_t)v;
	if (!drill_need(ps, '>') || !drill_need_int(ps, "a port", 0, UINT16_MAX, &v))
		return false;
	pkt->dport = (uint16_t)v;
	pkt->has_ports = true;
	return true;
}

static bool parse_udp(struct drill_parser *ps, struct drill_packet *pkt)
{
	int64_t len;

	pkt->proto = DRILL_UDP;
	if (pkt->tos_check == DRILL_TOS_ECN && pkt->is_in)
		pkt->tos_check = DRILL_TOS_ALL;
	if (!parse_ports(ps, pkt) || !drill_need(ps, '(') ||
	    !drill_need_int(ps, "a length", 0, DRILL_PAYLOAD_MAX, &len))
		return false;
	pkt->len = (uint32_t)len;
	return drill_need(ps, ')');
}

/* [1:1001(1000)] or [udp (100)]: the packet that an ICMP error is about. */
static bool parse_quote(struct drill_parser *ps, struct drill_quote *quote)
{
	int64_t len;

	if (!drill_accept(ps, '['))
		return true;
	if (drill_is_word(ps, "raw"))
		return drill_fail(ps, "ICMP errors about raw datagrams are not supported");
	if (drill_accept_word(ps, "udp")) {
		quote->proto = 17;
		if (!drill_need(ps, '(') ||
		    !drill_need_int(ps, "a length", 0, DRILL_PAYLOAD_MAX, &len) ||
		    !drill_need(ps, ')'))
			return false;
		quote->len = (uint32_t)len;
	} else {
		quote->proto = 6;
		if (!parse_seq(ps, &quote->seq, &quote->len))
			return false;
	}
	return drill_need(ps, ']');
}

static bool is_name(const struct drill_tok *tok)
{
	return tok->text && (tok->kind == DRILL_TOK_WORD || tok->kind == DRILL_TOK_INT);
}

static bool parse_icmp(struct drill_parser *ps, struct drill_packet *pkt)
{
	const struct drill_tok *tok = &ps->lx.tok;
	int64_t v;

	pkt->proto = DRILL_ICMP;
	pkt->icmp_mtu = -1;
	if (!is_name(tok) || !drill_icmp_type(tok->text, &pkt->icmp_type))
		return drill_expected(ps, "a type of ICMP");
	drill_lex_next(&ps->lx);
	if (is_name(tok) && strcmp(tok->text, "mtu") && strcmp(tok->text, "id")) {
		if (!drill_icmp_code(pkt->icmp_type, tok->text, &pkt->icmp_code))
			return drill_expected(ps, "a code of this type of ICMP");
		drill_lex_next(&ps->lx);
	}
	if (drill_accept_word(ps, "mtu")) {
		if (!drill_need_int(ps, "an MTU", 0, UINT16_MAX, &v))
			return false;
		pkt->icmp_mtu = (int32_t)v;
	}
	if (drill_accept_word(ps, "id")) {
		if (!drill_need_int(ps, "an identifier", 0, UINT16_MAX, &v))
			return false;
		pkt->icmp_id = (uint16_t)v;
	}
	return parse_quote(ps, &pkt->quote);
}

static bool parse_ecn(struct drill_parser *ps, struct drill_packet *pkt)
{
	static const char *const names[] = {"noecn", "ect1", "ect0", "ce"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (drill_accept_word(ps, names[i])) {
			pkt->tos_check = DRILL_TOS_ECN;
			pkt->tos = (uint8_t)i;
			return true;
		}
	}
	if (!drill_is_word(ps, "ect01"))
		return drill_expected(ps, "noecn, ect0, ect1, ect01, ce, tos, ttl or flowlabel");
	if (pkt->is_in)
		return drill_fail(ps, "ect01 is for expected packets only");
	drill_lex_next(&ps->lx);
	pkt->tos_check = DRILL_TOS_ECT01;
	return true;
}

static bool parse_ip_item(struct drill_parser *ps, struct drill_packet *pkt)
{
	int64_t v;

	if (drill_accept_word(ps, "tos")) {
		pkt->tos_check = DRILL_TOS_ALL;
		if (!drill_need_int(ps, "a type of service", 0, UINT8_MAX, &v))
			return false;
		pkt->tos = (uint8_t)v;
		return true;
	}
	if (drill_accept_word(ps, "ttl")) {
		if (!drill_need_int(ps, "a time to live", 0, UINT8_MAX, &v))
			return false;
		pkt->ttl = (uint8_t)v;
		return true;
	}
	if (drill_accept_word(ps, "flowlabel")) {
		if (!drill_need_int(ps, "a flow label", 0, 0xfffff, &v))
			return false;
		pkt->flow_label = (uint32_t)v;
		return true;
	}
	return parse_ecn(ps, pkt);
}

/* [ect0], (tos 0x10), [ce, flowlabel 0x1] */
static bool parse_ip_info(struct drill_parser *ps, struct drill_packet *pkt)
{
	char close;

	if (drill_accept(ps, '['))
		close = ']';
	else if (drill_accept(ps, '('))
		close = ')';
	else
		return true;
	do {
		if (!parse_ip_item(ps, pkt))
			return false;
	} while (drill_accept(ps, ','));
	return drill_need(ps, close);
}

bool drill_parse_packet(struct drill_parser *ps, struct drill_packet **ret)
{
	struct drill_packet *pkt = arena_alloc(&ps->script->arena, sizeof(*pkt));

	if (!pkt)
		return drill_no_memory(ps);
	*ret = pkt;
	pkt->is_in = drill_is_char(ps, '<');
	drill_lex_next(&ps->lx);
	for (size_t i = 0; i < 4; i++) {
		static const char *const outer[] = {"ipv4", "ipv6", "gre", "mpls"};

		if (drill_is_word(ps, outer[i]))
			return drill_fail(ps, "packets inside of packets (%s) are not supported",
					  outer[i]);
	}
	if (!parse_ip_info(ps, pkt))
		return false;
	if (drill_is_word(ps, "from") || drill_is_word(ps, "arp"))
		return drill_parse_layers(ps, pkt);
	if (drill_accept_word(ps, "udp"))
		return parse_udp(ps, pkt);
	if (drill_accept_word(ps, "icmp") || drill_accept_word(ps, "icmpv6"))
		return parse_icmp(ps, pkt);
	return parse_ports(ps, pkt) && parse_tcp(ps, pkt);
}
