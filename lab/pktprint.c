/* SPDX-License-Identifier: MIT */
/* The packet printer: text that grows within its bounds, Ethernet, ARP and lines of bytes. What the
 * lines look like is said in pktprint.h; pktprint_ip.c goes on with what is inside. */
#include "lab/pktprint.h"

#include "lab/pktprint_priv.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	ETH_HDR = 14,
	ETH_TYPE_MIN = 1536, /* smaller: an 802.3 length */
	ETH_IP4 = 0x0800,
	ETH_ARP = 0x0806,
	ETH_RARP = 0x8035,
	ETH_VLAN = 0x8100,
	ETH_IP6 = 0x86dd,
	ETH_QINQ = 0x88a8,
	ETH_QINQ_OLD = 0x9100,
	VLAN_DEPTH_MAX = 8,
	HEX_LINE = 16,
	MAC_LEN = 6,
};

void pp_put(struct pp *p, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(p->buf + p->len, p->size - p->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		p->len += (size_t)n < p->size - p->len ? (size_t)n : p->size - p->len - 1;
}

void pp_char(struct pp *p, uint8_t c)
{
	if (c >= ' ' && c < 0x7f)
		pp_put(p, "%c", c);
	else
		pp_put(p, "\\%03o", c);
}

void pp_addr_numeric(struct pp *p, const uint8_t *addr, size_t addr_len)
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(addr_len == PP_IP4_LEN ? AF_INET : AF_INET6, addr, text, sizeof(text));
	pp_put(p, "%s", text);
}

void pp_addr(struct pp *p, const uint8_t *addr, size_t addr_len)
{
	const char *name =
		p->opts->host_name ? p->opts->host_name(p->opts->arg, addr, addr_len) : NULL;

	if (name)
		pp_put(p, "%s", name);
	else
		pp_addr_numeric(p, addr, addr_len);
}

void pp_port(struct pp *p, uint8_t ip_proto, uint16_t port)
{
	const char *name =
		p->opts->port_name ? p->opts->port_name(p->opts->arg, ip_proto, port) : NULL;

	if (name)
		pp_put(p, "%s", name);
	else
		pp_put(p, "%u", port);
}

void pp_mac(struct pp *p, const uint8_t *mac)
{
	pp_put(p, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static size_t hex_line(struct pp *p, const uint8_t *b, size_t off, size_t len, bool has_text)
{
	size_t n = len - off < HEX_LINE ? len - off : HEX_LINE;

	pp_put(p, "\n\t0x%04zx: ", off);
	for (size_t i = 0; i < HEX_LINE; i++) {
		if (i < n)
			pp_put(p, i % 2 ? "%02x" : " %02x", b[off + i]);
		else if (has_text)
			pp_put(p, i % 2 ? "  " : "   ");
	}
	if (has_text)
		pp_put(p, "  ");
	for (size_t i = 0; has_text && i < n; i++)
		pp_put(p, "%c", isgraph(b[off + i]) && b[off + i] < 0x80 ? b[off + i] : '.');
	return n;
}

static void pp_hex(struct pp *p, const uint8_t *b, size_t len, bool has_text)
{
	for (size_t off = 0; off < len && p->len + 1 < p->size;)
		off += hex_line(p, b, off, len, has_text);
}

static void pp_arp_op(struct pp *p, uint16_t op)
{
	static const char *const names[] = {
		[1] = "Request",       [2] = "Reply",           [3] = "Reverse Request",
		[4] = "Reverse Reply", [8] = "Inverse Request", [9] = "Inverse Reply",
		[10] = "NACK",
	};

	if (op < ARRAY_SIZE(names) && names[op])
		pp_put(p, "%s", names[op]);
	else
		pp_put(p, "Unknown (%u)", op);
}

static bool is_zero(const uint8_t *b, size_t n)
{
	while (n > 0)
		if (b[--n])
			return false;
	return true;
}

/* ARP for Ethernet and IPv4 after its fixed part: sender and target. */
static void pp_arp_body(struct pp *p, struct rd *r, uint16_t op, size_t wire_len)
{
	const uint8_t *sha = rd_bytes(r, MAC_LEN), *spa = rd_bytes(r, PP_IP4_LEN);
	const uint8_t *tha = rd_bytes(r, MAC_LEN), *tpa = rd_bytes(r, PP_IP4_LEN);

	if (!rd_ok(r)) {
		pp_put(p, " [|arp]");
		return;
	}
	pp_arp_op(p, op);
	switch (op) {
	case 1:
		pp_put(p, " who-has ");
		pp_addr(p, tpa, PP_IP4_LEN);
		if (!is_zero(tha, MAC_LEN)) {
			pp_put(p, " (");
			pp_mac(p, tha);
			pp_put(p, ")");
		}
		pp_put(p, " tell ");
		pp_addr(p, spa, PP_IP4_LEN);
		break;
	case 2:
		pp_put(p, " ");
		pp_addr(p, spa, PP_IP4_LEN);
		pp_put(p, " is-at ");
		pp_mac(p, sha);
		break;
	case 3:
	case 8:
		pp_put(p, " who-is ");
		pp_mac(p, tha);
		pp_put(p, " tell ");
		pp_mac(p, sha);
		break;
	case 4:
	case 9:
		pp_put(p, " ");
		pp_mac(p, op == 4 ? tha : sha);
		pp_put(p, " at ");
		pp_addr(p, op == 4 ? tpa : spa, PP_IP4_LEN);
		break;
	default:
		break;
	}
	pp_put(p, ", length %zu", wire_len);
}

static void pp_arp(struct pp *p, struct rd r, size_t wire_len)
{
	uint16_t hrd = rd_be16(&r), pro = rd_be16(&r);
	uint8_t hln = rd_u8(&r), pln = rd_u8(&r);
	uint16_t op = rd_be16(&r);
	bool is_usual = pro == ETH_IP4 && hln == MAC_LEN && pln == PP_IP4_LEN;
	static const char *const hrd_names[] = {[1] = "Ethernet", [6] = "TokenRing"};

	if (!rd_ok(&r)) {
		pp_put(p, " [|arp]");
		return;
	}
	if (!is_usual || p->opts->verbose) {
		if (hrd < ARRAY_SIZE(hrd_names) && hrd_names[hrd])
			pp_put(p, "%s (len %u), ", hrd_names[hrd], hln);
		else
			pp_put(p, "Unknown Hardware (%u) (len %u), ", hrd, hln);
		if (pro == ETH_IP4)
			pp_put(p, "IPv4 (len %u), ", pln);
		else
			pp_put(p, "Unknown Protocol (0x%04x) (len %u), ", pro, pln);
	}
	if (is_usual) {
		pp_arp_body(p, &r, op, wire_len);
		return;
	}
	pp_arp_op(p, op);
	pp_put(p, ", length %zu", wire_len);
}

static const char *eth_type_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ETH_IP4, "IPv4"},
		{ETH_ARP, "ARP"},
		{ETH_RARP, "Reverse ARP"},
		{ETH_VLAN, "802.1Q"},
		{ETH_IP6, "IPv6"},
		{ETH_QINQ, "802.1Q-QinQ"},
		{ETH_QINQ_OLD, "802.1Q-9100"},
		{0x8847, "MPLS unicast"},
		{0x8848, "MPLS multicast"},
		{0x8863, "PPPoE D"},
		{0x8864, "PPPoE S"},
		{0x888e, "EAPOL"},
		{0x88cc, "LLDP"},
		{0x88e5, "MACsec"},
		{0x9000, "Loopback"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return "Unknown";
}

static void pp_eth_addrs(struct pp *p, const uint8_t *hdr)
{
	pp_mac(p, hdr + MAC_LEN);
	pp_put(p, " > ");
	pp_mac(p, hdr);
}

static void pp_eth_header(struct pp *p, const uint8_t *hdr, uint16_t type, size_t wire_len)
{
	pp_eth_addrs(p, hdr);
	if (type < ETH_TYPE_MIN)
		pp_put(p, ", 802.3");
	else if (p->opts->is_quiet)
		pp_put(p, ", %s", eth_type_name(type));
	else
		pp_put(p, ", ethertype %s (0x%04x)", eth_type_name(type), type);
	pp_put(p, ", length %zu: ", wire_len);
}

/* Nothing here reads it: the header, if it has not been printed, and the bytes. */
static void pp_eth_unknown(struct pp *p, const uint8_t *hdr, uint16_t type, size_t frame_len,
			   struct rd r)
{
	if (!p->opts->has_link_header)
		pp_eth_header(p, hdr, type, frame_len);
	if (type < ETH_TYPE_MIN)
		pp_put(p, "LLC");
	if (!p->opts->is_raw_bytes_shown && !p->opts->is_quiet)
		pp_hex(p, r.p, rd_left(&r), true);
}

static void pp_eth_payload(struct pp *p, const uint8_t *hdr, uint16_t type, size_t frame_len,
			   struct rd r, size_t wire_len)
{
	bool has_name = !p->opts->has_link_header;

	switch (type) {
	case ETH_IP4:
		if (has_name)
			pp_put(p, "IP ");
		pp_ip4(p, r, wire_len, false);
		break;
	case ETH_IP6:
		if (has_name)
			pp_put(p, "IP6 ");
		pp_ip6(p, r, wire_len, false);
		break;
	case ETH_ARP:
	case ETH_RARP:
		if (has_name)
			pp_put(p, type == ETH_ARP ? "ARP, " : "Reverse ARP, ");
		pp_arp(p, r, wire_len);
		break;
	default:
		pp_eth_unknown(p, hdr, type, frame_len, r);
	}
}

/* Takes the tags off; false: cut in one of them. */
static bool pp_vlan(struct pp *p, struct rd *r, uint16_t *type, size_t *wire_len)
{
	for (int i = 0; i < VLAN_DEPTH_MAX; i++) {
		uint16_t tci;

		if (*type != ETH_VLAN && *type != ETH_QINQ && *type != ETH_QINQ_OLD)
			return true;
		tci = rd_be16(r);
		*type = rd_be16(r);
		if (!rd_ok(r)) {
			pp_put(p, " [|vlan]");
			return false;
		}
		*wire_len -= *wire_len < 4 ? *wire_len : 4;
		if (!p->opts->has_link_header)
			continue;
		pp_put(p, "vlan %u, p %u%s, ", tci & 0xfffu, tci >> 13,
		       tci & 0x1000 ? ", DEI" : "");
		if (*type >= ETH_TYPE_MIN && p->opts->is_quiet)
			pp_put(p, "%s, ", eth_type_name(*type));
		else if (*type >= ETH_TYPE_MIN)
			pp_put(p, "ethertype %s (0x%04x), ", eth_type_name(*type), *type);
	}
	return true;
}

static struct pp pp_make(char *buf, size_t size, const struct pkt_print_opts *opts)
{
	buf[0] = '\0';
	return (struct pp){.buf = buf, .size = size, .opts = opts};
}

size_t pkt_print(char *buf, size_t size, const void *frame, size_t len, size_t wire_len,
		 const struct pkt_print_opts *opts)
{
	struct pp p = pp_make(buf, size, opts);
	struct rd r = rd_make(frame, len);
	const uint8_t *hdr = rd_bytes(&r, ETH_HDR);
	size_t rest_len = wire_len > ETH_HDR ? wire_len - ETH_HDR : 0;
	uint16_t type;

	if (!hdr) {
		pp_put(&p, " [|ether]");
		return p.len;
	}
	type = load_be16(hdr + 2 * MAC_LEN);
	if (opts->has_link_header)
		pp_eth_header(&p, hdr, type, wire_len);
	if (pp_vlan(&p, &r, &type, &rest_len))
		pp_eth_payload(&p, hdr, type, wire_len, r, rest_len);
	return p.len;
}

size_t pkt_print_ip(char *buf, size_t size, const void *packet, size_t len, size_t wire_len,
		    const struct pkt_print_opts *opts)
{
	struct pp p = pp_make(buf, size, opts);
	struct rd r = rd_make(packet, len);
	const uint8_t *b = packet;
	bool is_ip6 = len > 0 && b[0] >> 4 == 6;

	if (!opts->has_link_header)
		pp_put(&p, is_ip6 ? "IP6 " : "IP ");
	if (is_ip6)
		pp_ip6(&p, r, wire_len, false);
	else
		pp_ip4(&p, r, wire_len, false);
	return p.len;
}

size_t pkt_print_hex(char *buf, size_t size, const void *bytes, size_t len, bool has_text)
{
	struct pp p = pp_make(buf, size, NULL);

	pp_hex(&p, bytes, len, has_text);
	return p.len;
}

size_t pkt_print_text(char *buf, size_t size, const void *bytes, size_t len)
{
	struct pp p = pp_make(buf, size, NULL);
	const uint8_t *b = bytes;

	pp_put(&p, "\n");
	for (size_t i = 0; i < len && p.len + 1 < size; i++) {
		if (b[i] == '\r' && (i + 1 == len || b[i + 1] == '\n'))
			continue; /* it belongs to the end of a line */
		if (b[i] == '\n' || b[i] == '\t' || (b[i] >= ' ' && b[i] < 0x7f))
			pp_put(&p, "%c", b[i]);
		else
			pp_put(&p, ".");
	}
	return p.len;
}
