/* SPDX-License-Identifier: MIT */
/* The packet printer: IPv4 and IPv6 headers, ICMP and ICMPv6. */
#include "lab/pktprint_priv.h"

enum {
	IP4_HDR = 20,
	IP6_HDR = 40,
	IP4_MF = 0x2000,
	IP4_OFF_MASK = 0x1fff,
	IP_ECN_MASK = 3,
	EXT_HDRS_MAX = 8,
};

const char *pp_proto_name(uint8_t proto)
{
	static const struct {
		uint8_t proto;
		const char *name;
	} names[] = {
		{PP_HOPOPTS, "Options"},
		{PP_ICMP, "ICMP"},
		{PP_IGMP, "IGMP"},
		{PP_IPIP, "IPIP"},
		{PP_TCP, "TCP"},
		{PP_UDP, "UDP"},
		{PP_IP6, "IPv6"},
		{PP_ROUTING, "Routing"},
		{PP_FRAGMENT, "Fragment"},
		{PP_GRE, "GRE"},
		{PP_ESP, "ESP"},
		{PP_AH, "AH"},
		{PP_ICMP6, "ICMPv6"},
		{PP_DSTOPTS, "DSTOPT"},
		{88, "EIGRP"},
		{89, "OSPF"},
		{103, "PIM"},
		{112, "VRRP"},
		{132, "SCTP"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].proto == proto)
			return names[i].name;
	return NULL;
}

uint32_t pp_csum_add(uint32_t sum, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += load_be16(b + i);
	if (n % 2)
		sum += (uint32_t)b[n - 1] << 8;
	return sum;
}

uint16_t pp_csum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t pp_csum_l4(const struct pp_ip *ip, const uint8_t *b, size_t n)
{
	uint32_t sum = pp_csum_add(0, ip->src, ip->addr_len);

	sum = pp_csum_add(sum, ip->dst, ip->addr_len);
	sum += ip->proto + (uint32_t)n;
	return pp_csum_fold(pp_csum_add(sum, b, n));
}

static void pp_hosts(struct pp *p, const struct pp_ip *ip)
{
	pp_addr(p, ip->src, ip->addr_len);
	pp_put(p, " > ");
	pp_addr(p, ip->dst, ip->addr_len);
	pp_put(p, ": ");
}

/* What an IP header announces, by its protocol number. */
static void pp_payload(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip)
{
	if (p->depth >= PP_DEPTH_MAX) {
		pp_put(p, "...");
		return;
	}
	p->depth++;
	switch (ip->proto) {
	case PP_UDP:
		pp_udp(p, r, wire_len, ip);
		break;
	case PP_TCP:
		pp_tcp(p, r, wire_len, ip);
		break;
	case PP_ICMP:
		if (ip->addr_len == PP_IP4_LEN)
			pp_icmp4(p, r, wire_len, ip);
		else
			pp_put(p, " ip-proto-1 %zu", wire_len);
		break;
	case PP_ICMP6:
		if (ip->addr_len == PP_IP6_LEN)
			pp_icmp6(p, r, wire_len, ip);
		else
			pp_put(p, "[ICMPv6 requires IPv6] (invalid)");
		break;
	case PP_IPIP:
		if (!p->opts->has_link_header)
			pp_put(p, "IP ");
		pp_ip4(p, r, wire_len, false);
		break;
	case PP_IP6:
		if (!p->opts->has_link_header)
			pp_put(p, "IP6 ");
		pp_ip6(p, r, wire_len, false);
		break;
	case PP_NONE:
		pp_put(p, "no next header");
		break;
	default:
		pp_put(p, " ip-proto-%u %zu", ip->proto, wire_len);
	}
	p->depth--;
}

/* IPv4 */

static const char *ip4_opt_name(uint8_t type)
{
	switch (type) {
	case 0:
		return "EOL";
	case 1:
		return "NOP";
	case 7:
		return "RR";
	case 68:
		return "timestamp";
	case 130:
		return "security";
	case 131:
		return "LSRR";
	case 137:
		return "SSRR";
	case 148:
		return "RA";
	default:
		return NULL;
	}
}

static void pp_ip4_opts(struct pp *p, struct rd r)
{
	const char *sep = "";

	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), len = 1;
		const char *name = ip4_opt_name(type);
		struct rd body;

		if (name)
			pp_put(p, "%s%s", sep, name);
		else
			pp_put(p, "%sunknown %u", sep, type);
		sep = ",";
		if (type == 0)
			break;
		if (type == 1)
			continue;
		len = rd_u8(&r);
		if (!rd_ok(&r) || len < 2 || len - 2u > rd_left(&r)) {
			pp_put(p, " [bad length %u]", len);
			break;
		}
		body = rd_sub(&r, len - 2u);
		if (type != 7 && type != 131 && type != 137)
			continue;
		rd_u8(&body); /* the pointer */
		while (rd_left(&body) >= PP_IP4_LEN) {
			pp_put(p, " ");
			pp_addr(p, rd_bytes(&body, PP_IP4_LEN), PP_IP4_LEN);
		}
	}
}

static void pp_ecn(struct pp *p, uint8_t tos)
{
	static const char *const names[] = {"", ",ECT(1)", ",ECT(0)", ",CE"};

	pp_put(p, "%s", names[tos & IP_ECN_MASK]);
}

/* "(tos 0x0, ttl 64, ...)" of -v, and the line break after it. `h`: the whole header. */
static void pp_ip4_verbose(struct pp *p, const uint8_t *h, size_t hdr_len, size_t total)
{
	uint16_t off = load_be16(h + 6), csum = load_be16(h + 10), good;
	const char *proto = pp_proto_name(h[9]), *sep = "";

	pp_put(p, "(tos 0x%x", h[1]);
	pp_ecn(p, h[1]);
	if (h[8])
		pp_put(p, ", ttl %u", h[8]);
	pp_put(p, ", id %u, offset %u, flags [", load_be16(h + 4), (off & IP4_OFF_MASK) * 8u);
	if (!(off & ~IP4_OFF_MASK))
		pp_put(p, "none");
	for (int bit = 13; bit < 16; bit++) {
		static const char *const flags[] = {"+", "DF", "rsvd"};

		if (!(off >> bit & 1))
			continue;
		pp_put(p, "%s%s", sep, flags[bit - 13]);
		sep = ", ";
	}
	pp_put(p, "], proto %s (%u), length %zu", proto && h[9] ? proto : "unknown", h[9], total);
	if (hdr_len > IP4_HDR) {
		pp_put(p, ", options (");
		pp_ip4_opts(p, rd_make(h + IP4_HDR, hdr_len - IP4_HDR));
		pp_put(p, ")");
	}
	if (pp_csum_fold(pp_csum_add(0, h, hdr_len))) {
		good = pp_csum_fold(pp_csum_add(pp_csum_add(0, h, 10), h + 12, hdr_len - 12));
		pp_put(p, ", bad cksum %x (->%x)!", csum, good);
	}
	pp_put(p, ")\n    ");
}

static void pp_ip4_body(struct pp *p, struct rd r, const uint8_t *h, size_t total, size_t hdr_len,
			bool is_quoted)
{
	uint16_t off = load_be16(h + 6);
	struct pp_ip ip = {
		.src = h + 12,
		.dst = h + 16,
		.addr_len = PP_IP4_LEN,
		.proto = h[9],
		.is_cut = rd_left(&r) < total - hdr_len || (off & (IP4_MF | IP4_OFF_MASK)),
		.is_quoted = is_quoted,
	};

	if (off & IP4_OFF_MASK) {
		pp_hosts(p, &ip);
		pp_put(p, "ip-proto-%u", ip.proto);
		return;
	}
	if (ip.proto != PP_TCP && ip.proto != PP_UDP)
		pp_hosts(p, &ip);
	pp_payload(p, r, total - hdr_len, &ip);
}

void pp_ip4(struct pp *p, struct rd r, size_t wire_len, bool is_quoted)
{
	const uint8_t *h = rd_bytes(&r, IP4_HDR);
	size_t hdr_len, total;

	if (!h) {
		pp_put(p, " [|ip]");
		return;
	}
	if (h[0] >> 4 != 4) {
		pp_put(p, "wrong link-layer encapsulation (invalid)");
		return;
	}
	hdr_len = (h[0] & 15u) * 4;
	if (hdr_len < IP4_HDR) {
		pp_put(p, "bad-hlen %zu", hdr_len);
		return;
	}
	total = load_be16(h + 2);
	if (wire_len < total)
		pp_put(p, "truncated-ip - %zu bytes missing! ", total - wire_len);
	if (total == 0)
		total = wire_len; /* a super-packet, which is longer than the field can say */
	if (total < hdr_len) {
		pp_put(p, "bad-len %zu", total);
		return;
	}
	if (!rd_bytes(&r, hdr_len - IP4_HDR)) {
		pp_put(p, " [|ip]");
		return;
	}
	if (rd_left(&r) > total - hdr_len)
		r.end = r.p + (total - hdr_len);
	if (p->opts->verbose)
		pp_ip4_verbose(p, h, hdr_len, total);
	pp_ip4_body(p, r, h, total, hdr_len, is_quoted);
}

/* A packet quoted in an ICMP error: its first line, or all with -v. */
static void pp_quote(struct pp *p, struct rd r, size_t wire_len, bool is_ip6)
{
	if (p->depth >= PP_DEPTH_MAX)
		return;
	pp_put(p, "\n\t");
	if (!p->opts->has_link_header)
		pp_put(p, is_ip6 ? "IP6 " : "IP ");
	p->depth++;
	if (is_ip6)
		pp_ip6(p, r, wire_len, true);
	else
		pp_ip4(p, r, wire_len, true);
	p->depth--;
}

/* ICMP */

/* "HOST protocol 17 unreachable", "HOST udp port 53 unreachable": from the quoted packet. */
static void pp_icmp4_port(struct pp *p, const uint8_t *quote, size_t n)
{
	size_t hdr_len = (quote[0] & 15u) * 4;
	uint8_t proto = quote[9];

	if (hdr_len < IP4_HDR || n < hdr_len + 4) {
		pp_put(p, " [|icmp]");
		return;
	}
	pp_addr(p, quote + 16, PP_IP4_LEN);
	if (proto == PP_TCP || proto == PP_UDP) {
		pp_put(p, " %s port ", proto == PP_TCP ? "tcp" : "udp");
		pp_port(p, proto, load_be16(quote + hdr_len + 2));
	} else {
		pp_put(p, " protocol %u port %u", proto, load_be16(quote + hdr_len + 2));
	}
	pp_put(p, " unreachable");
}

static void pp_icmp4_unreach(struct pp *p, uint8_t code, uint16_t mtu, const uint8_t *quote,
			     size_t n)
{
	/* What stands before the address, and after it. */
	static const char *const texts[][2] = {
		{"net ", " unreachable"},
		{"host ", " unreachable"},
		{NULL, NULL},
		{NULL, NULL},
		{"", " unreachable - need to frag"},
		{"", " unreachable - source route failed"},
		{"net ", " unreachable - unknown"},
		{"host ", " unreachable - unknown"},
		{"", " unreachable - source host isolated"},
		{"net ", " unreachable - admin prohibited"},
		{"host ", " unreachable - admin prohibited"},
		{"net ", " unreachable - tos prohibited"},
		{"host ", " unreachable - tos prohibited"},
		{"host ", " unreachable - admin prohibited filter"},
		{"host ", " unreachable - host precedence violation"},
		{"host ", " unreachable - precedence cutoff"},
	};

	if (n < IP4_HDR) {
		pp_put(p, " [|icmp]");
	} else if (code == 3) {
		pp_icmp4_port(p, quote, n);
	} else if (code == 2) {
		pp_addr(p, quote + 16, PP_IP4_LEN);
		pp_put(p, " protocol %u unreachable", quote[9]);
	} else if (code < ARRAY_SIZE(texts)) {
		pp_put(p, "%s", texts[code][0]);
		pp_addr(p, quote + 16, PP_IP4_LEN);
		pp_put(p, "%s", texts[code][1]);
		if (code == 4 && mtu)
			pp_put(p, " (mtu %u)", mtu);
	} else {
		pp_addr(p, quote + 16, PP_IP4_LEN);
		pp_put(p, " unreachable-#%u", code);
	}
}

static void pp_icmp4_redirect(struct pp *p, uint8_t code, const uint8_t *gateway,
			      const uint8_t *quote, size_t n)
{
	static const char *const what[][2] = {
		{"redirect ", " to net "},
		{"redirect ", " to host "},
		{"redirect-tos ", " to net "},
		{"redirect-tos ", " to host "},
	};

	if (n < IP4_HDR) {
		pp_put(p, " [|icmp]");
		return;
	}
	if (code < ARRAY_SIZE(what))
		pp_put(p, "%s", what[code][0]);
	else
		pp_put(p, "redirect-#%u ", code);
	pp_addr(p, quote + 16, PP_IP4_LEN);
	pp_put(p, "%s", code < ARRAY_SIZE(what) ? what[code][1] : " to ");
	pp_addr(p, gateway, PP_IP4_LEN);
}

static const char *icmp4_type_name(uint8_t type)
{
	switch (type) {
	case 4:
		return "source quench";
	case 9:
		return "router advertisement";
	case 10:
		return "router solicitation";
	case 13:
		return "time stamp query";
	case 14:
		return "time stamp reply";
	case 15:
		return "information request";
	case 16:
		return "information reply";
	case 17:
		return "address mask request";
	case 18:
		return "address mask reply";
	default:
		return NULL;
	}
}

/* `h`: the first 8 bytes; the rest is the quoted packet. */
static void pp_icmp4_text(struct pp *p, const uint8_t *h, const uint8_t *quote, size_t n)
{
	switch (h[0]) {
	case 0:
	case 8:
		pp_put(p, "echo %s, id %u, seq %u", h[0] ? "request" : "reply", load_be16(h + 4),
		       load_be16(h + 6));
		break;
	case 3:
		pp_icmp4_unreach(p, h[1], load_be16(h + 6), quote, n);
		break;
	case 5:
		pp_icmp4_redirect(p, h[1], h + 4, quote, n);
		break;
	case 11:
		if (h[1] == 0)
			pp_put(p, "time exceeded in-transit");
		else if (h[1] == 1)
			pp_put(p, "ip reassembly time exceeded");
		else
			pp_put(p, "time exceeded-#%u", h[1]);
		break;
	case 12:
		if (h[1])
			pp_put(p, "parameter problem - code %u", h[1]);
		else
			pp_put(p, "parameter problem - octet %u", h[4]);
		break;
	default:
		if (icmp4_type_name(h[0]))
			pp_put(p, "%s", icmp4_type_name(h[0]));
		else
			pp_put(p, "type-#%u", h[0]);
	}
}

static bool icmp4_is_error(uint8_t type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

void pp_icmp4(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip)
{
	struct rd all = r;
	const uint8_t *h = rd_bytes(&r, 8);
	size_t n = rd_left(&r);
	uint16_t left;

	if (!h) {
		pp_put(p, "ICMP [|icmp]");
		return;
	}
	pp_put(p, "ICMP ");
	pp_icmp4_text(p, h, r.p, n);
	pp_put(p, ", length %zu", wire_len);
	if (p->opts->verbose && !ip->is_cut && !ip->is_quoted) {
		left = pp_csum_fold(pp_csum_add(0, all.p, rd_left(&all)));
		if (left) {
			uint32_t sum = pp_csum_add(0, all.p, 2);

			pp_put(p, " (wrong icmp cksum %x (->%x)!)", load_be16(h + 2),
			       pp_csum_fold(pp_csum_add(sum, all.p + 4, rd_left(&all) - 4)));
		}
	}
	if (p->opts->verbose && icmp4_is_error(h[0]))
		pp_quote(p, r, wire_len - 8, false);
}

/* IPv6 */

static void pp_ip6_verbose(struct pp *p, const uint8_t *h)
{
	uint32_t word = load_be32(h);
	uint8_t class = (uint8_t)(word >> 20);
	const char *name = pp_proto_name(h[6]);

	pp_put(p, "(");
	if (class)
		pp_put(p, "class 0x%02x, ", class);
	if (word & 0xfffff)
		pp_put(p, "flowlabel 0x%05x, ", word & 0xfffffu);
	pp_put(p, "hlim %u, next-header %s (%u) payload length: %u) ", h[7],
	       name ? name : "unknown", h[6], load_be16(h + 4));
}

/* "HBH ", "DSTOPT ", "RT6 (len=…": the extension headers that are skipped are named. */
static bool pp_ip6_ext(struct pp *p, struct rd *r, size_t *wire_len, uint8_t *proto)
{
	uint8_t next = rd_u8(r), len = rd_u8(r);
	size_t size = ((size_t)len + 1) * 8;

	rd_skip(r, size - 2);
	if (!rd_ok(r)) {
		pp_put(p, " [|ip6]");
		return false;
	}
	pp_put(p, "%s ", *proto == PP_HOPOPTS ? "HBH" : *proto == PP_ROUTING ? "srcrt" : "DSTOPT");
	*wire_len -= *wire_len < size ? *wire_len : size;
	*proto = next;
	return true;
}

/* True: the payload can be read (first fragment). */
static bool pp_ip6_frag(struct pp *p, struct rd *r, size_t *wire_len, struct pp_ip *ip)
{
	uint8_t next = rd_u8(r);
	uint16_t off;
	uint32_t id;

	rd_skip(r, 1);
	off = rd_be16(r);
	id = rd_be32(r);
	if (!rd_ok(r)) {
		pp_put(p, " [|frag]");
		return false;
	}
	*wire_len -= *wire_len < 8 ? *wire_len : 8;
	if (p->opts->verbose)
		pp_put(p, "frag (0x%08x:%u|%zu)", id, off & 0xfff8u, *wire_len);
	else
		pp_put(p, "frag (%u|%zu)", off & 0xfff8u, *wire_len);
	ip->proto = next;
	ip->is_cut = true;
	if (off & 0xfff8)
		return false;
	pp_put(p, " ");
	return true;
}

/* True: at the transport. */
static bool pp_ip6_exts(struct pp *p, struct rd *r, size_t *wire_len, struct pp_ip *ip)
{
	for (int i = 0; i < EXT_HDRS_MAX; i++) {
		switch (ip->proto) {
		case PP_HOPOPTS:
		case PP_ROUTING:
		case PP_DSTOPTS:
			if (!pp_ip6_ext(p, r, wire_len, &ip->proto))
				return false;
			break;
		case PP_FRAGMENT:
			if (!pp_ip6_frag(p, r, wire_len, ip))
				return false;
			break;
		default:
			return true;
		}
	}
	return false;
}

void pp_ip6(struct pp *p, struct rd r, size_t wire_len, bool is_quoted)
{
	const uint8_t *h = rd_bytes(&r, IP6_HDR);
	struct pp_ip ip = {.addr_len = PP_IP6_LEN, .is_quoted = is_quoted};
	size_t len;

	if (!h) {
		pp_put(p, " [|ip6]");
		return;
	}
	if (h[0] >> 4 != 6) {
		pp_put(p, "wrong link-layer encapsulation (invalid)");
		return;
	}
	len = load_be16(h + 4);
	if (wire_len < IP6_HDR + len)
		pp_put(p, "truncated-ip6 - %zu bytes missing!", IP6_HDR + len - wire_len);
	if (rd_left(&r) > len)
		r.end = r.p + len;
	if (p->opts->verbose)
		pp_ip6_verbose(p, h);
	ip.src = h + 8;
	ip.dst = h + 24;
	ip.proto = h[6];
	ip.is_cut = rd_left(&r) < len;
	if (ip.proto != PP_TCP && ip.proto != PP_UDP)
		pp_hosts(p, &ip);
	if (pp_ip6_exts(p, &r, &len, &ip))
		pp_payload(p, r, len, &ip);
}

/* ICMPv6 */

static void pp_icmp6_unreach(struct pp *p, uint8_t code, const uint8_t *quote, size_t n)
{
	static const char *const texts[] = {
		"unreachable route ",   " unreachable prohibited ", "beyond scope ",
		"unreachable address ", "unreachable port, ",
	};

	pp_put(p, "destination unreachable, ");
	if (code < ARRAY_SIZE(texts))
		pp_put(p, "%s", texts[code]);
	else
		pp_put(p, "code-#%u ", code);
	if (n < IP6_HDR) {
		pp_put(p, " [|icmp6]");
		return;
	}
	if (code < ARRAY_SIZE(texts))
		pp_addr(p, quote + 24, PP_IP6_LEN);
	if (code == 2) {
		pp_put(p, ", source address ");
		pp_addr(p, quote + 8, PP_IP6_LEN);
	}
	if (code == 4 && n >= IP6_HDR + 4 && (quote[6] == PP_TCP || quote[6] == PP_UDP)) {
		pp_put(p, " %s port ", quote[6] == PP_TCP ? "tcp" : "udp");
		pp_port(p, quote[6], load_be16(quote + IP6_HDR + 2));
	}
}

static void pp_icmp6_error(struct pp *p, const uint8_t *h, const uint8_t *quote, size_t n)
{
	switch (h[0]) {
	case 1:
		pp_icmp6_unreach(p, h[1], quote, n);
		break;
	case 2:
		pp_put(p, "packet too big, mtu %u", load_be32(h + 4));
		break;
	case 3:
		pp_put(p, "time exceeded in-transit");
		if (h[1] == 0 && n >= IP6_HDR) {
			pp_put(p, " for ");
			pp_addr(p, quote + 24, PP_IP6_LEN);
		} else if (h[1] == 1) {
			pp_put(p, " (reassembly)");
		}
		break;
	default:
		pp_put(p, "parameter problem, %s - octet %u",
		       h[1] == 0   ? "erroneous"
		       : h[1] == 1 ? "next header"
				   : "option",
		       load_be32(h + 4));
	}
}

/* Options of neighbour discovery that carry a link-layer address (RFC 4861 §4.6.1); the others by
 * number. */
static void pp_icmp6_nd_opts(struct pp *p, struct rd r)
{
	while (rd_left(&r) >= 8) {
		uint8_t type = rd_u8(&r), units = rd_u8(&r);
		struct rd body = rd_sub(&r, units ? units * 8u - 2 : rd_left(&r) + 1);

		if (!rd_ok(&body))
			break;
		if (type != 1 && type != 2) {
			pp_put(p, "\n\t  option (%u), length %u (%u)", type, units * 8u, units);
			continue;
		}
		pp_put(p, "\n\t  %s link-address option (%u), length %u (%u): ",
		       type == 1 ? "source" : "destination", type, units * 8u, units);
		pp_mac(p, rd_bytes(&body, 6));
	}
}

/* Neighbour discovery: whose address is meant. */
static void pp_icmp6_nd(struct pp *p, const uint8_t *h, struct rd r, size_t wire_len)
{
	const uint8_t *target = rd_bytes(&r, PP_IP6_LEN);
	const char *sep = "";
	static const char *const flags[] = {"override", "solicited", "router"};

	pp_put(p, h[0] == 135 ? "neighbor solicitation" : "neighbor advertisement");
	if (p->opts->verbose)
		pp_put(p, ", length %zu", wire_len);
	if (!target) {
		pp_put(p, " [|icmp6]");
		return;
	}
	pp_put(p, h[0] == 135 ? ", who has " : ", tgt is ");
	pp_addr(p, target, PP_IP6_LEN);
	if (!p->opts->verbose)
		return;
	if (h[0] == 136) {
		pp_put(p, ", Flags [");
		for (int i = 2; i >= 0; i--) {
			if (!(h[4] >> 5 >> i & 1))
				continue;
			pp_put(p, "%s%s", sep, flags[i]);
			sep = ", ";
		}
		pp_put(p, "]");
	}
	pp_icmp6_nd_opts(p, r);
}

static void pp_icmp6_text(struct pp *p, const uint8_t *h, struct rd r, size_t wire_len)
{
	switch (h[0]) {
	case 1:
	case 2:
	case 3:
	case 4:
		pp_icmp6_error(p, h, r.p, rd_left(&r));
		break;
	case 128:
	case 129:
		pp_put(p, "echo %s, id %u, seq %u", h[0] == 128 ? "request" : "reply",
		       load_be16(h + 4), load_be16(h + 6));
		break;
	case 130:
		pp_put(p, "multicast listener query");
		break;
	case 131:
		pp_put(p, "multicast listener report");
		break;
	case 132:
		pp_put(p, "multicast listener done");
		break;
	case 133:
		pp_put(p, "router solicitation");
		break;
	case 134:
		pp_put(p, "router advertisement");
		break;
	case 135:
	case 136:
		pp_icmp6_nd(p, h, r, wire_len);
		break;
	case 137:
		pp_put(p, "redirect");
		break;
	case 143:
		pp_put(p, "multicast listener report v2, %u group record(s)", load_be16(h + 6));
		break;
	default:
		pp_put(p, "unknown icmp6 type (%u)", h[0]);
	}
}

void pp_icmp6(struct pp *p, struct rd r, size_t wire_len, const struct pp_ip *ip)
{
	struct rd all = r;
	const uint8_t *h = rd_bytes(&r, 8);

	if (!h) {
		pp_put(p, "ICMP6 [|icmp6]");
		return;
	}
	if (p->opts->verbose && !ip->is_cut && !ip->is_quoted) {
		uint16_t left = pp_csum_l4(ip, all.p, rd_left(&all));

		if (left)
			pp_put(p, "[bad icmp6 cksum 0x%04x -> 0x%04x!] ", load_be16(h + 2),
			       pp_csum_fold((uint32_t)(uint16_t)~load_be16(h + 2) +
					    (uint16_t)~left));
		else
			pp_put(p, "[icmp6 sum ok] ");
	}
	pp_put(p, "ICMP6, ");
	pp_icmp6_text(p, h, r, wire_len);
	if (p->opts->verbose && h[0] >= 1 && h[0] <= 4 && wire_len >= 8)
		pp_quote(p, r, wire_len - 8, true);
	else if (!p->opts->verbose || (h[0] >= 130 && h[0] != 135 && h[0] != 136))
		pp_put(p, ", length %zu", wire_len);
}
