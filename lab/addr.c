/* SPDX-License-Identifier: MIT */
/* Text to addresses and back; the contract is in addr.h. */
#include "lab/addr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A decimal number up to `max` without sign or leading zeros (010 is 8 to some, 10 to others). */
static int dec_parse(const char **sp, uint32_t max, uint32_t *ret)
{
	const char *s = *sp;
	uint32_t v = 0;

	if (*s < '0' || *s > '9' || (s[0] == '0' && s[1] >= '0' && s[1] <= '9'))
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint32_t)(*s - '0');
		if (v > max)
			return -EINVAL;
	}
	*sp = s;
	*ret = v;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four numbers with dots, up to the end of the string. */
static int ip4_bytes_parse(const char *s, uint8_t bytes[static 4])
{
	for (int i = 0; i < 4; i++) {
		uint32_t v;

		if (i > 0 && *s++ != '.')
			return -EINVAL;
		if (dec_parse(&s, 255, &v) < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)v;
	}
	return *s ? -EINVAL : 0;
}

/* One to four hexadecimal digits. */
static int ip6_group_parse(const char **sp, uint16_t *ret)
{
	const char *s = *sp;
	uint32_t v = 0;
	int n = 0;

	for (; n < 4 && hex_digit(*s) >= 0; n++, s++)
		v = v << 4 | (uint32_t)hex_digit(*s);
	if (n == 0)
		return -EINVAL;
	*sp = s;
	*ret = (uint16_t)v;
	return 0;
}

/*
 * Groups are stored from the left; `gap` remembers where "::" stood, and what came after it moves
 * to the right end when the string is over.
 */
static int ip6_bytes_parse(const char *s, uint8_t bytes[static 16])
{
	uint8_t out[16] = {0};
	int at = 0, gap = -1;

	if (s[0] == ':' && s[1] == ':') {
		gap = 0;
		s += 2;
	}
	while (*s) {
		uint16_t group;
		const char *start = s;

		if (at > 14 || ip6_group_parse(&s, &group) < 0)
			return -EINVAL;
		if (*s == '.') { /* RFC 4291 §2.2(3): the last 32 bits as IPv4 */
			if (at > 12 || ip4_bytes_parse(start, out + at) < 0)
				return -EINVAL;
			at += 4;
			break;
		}
		out[at++] = (uint8_t)(group >> 8);
		out[at++] = (uint8_t)group;
		if (!*s)
			break;
		if (*s++ != ':')
			return -EINVAL;
		if (*s == ':') {
			if (gap >= 0)
				return -EINVAL;
			gap = at;
			s++;
		} else if (!*s) {
			return -EINVAL;
		}
	}
	if (gap < 0 ? at != 16 : at > 14)
		return -EINVAL;

	memset(bytes, 0, 16);
	if (gap < 0)
		gap = at;
	memcpy(bytes, out, (size_t)gap);
	memcpy(bytes + 16 - (at - gap), out + gap, (size_t)(at - gap));
	return 0;
}

int lab_ip_parse(const char *s, struct lab_ip *ret)
{
	struct lab_ip ip = {.family = strchr(s, ':') ? LAB_IP6 : LAB_IP4};
	int err =
		ip.family == LAB_IP6 ? ip6_bytes_parse(s, ip.bytes) : ip4_bytes_parse(s, ip.bytes);

	if (err < 0)
		return err;
	*ret = ip;
	return 0;
}

int lab_net_parse(const char *s, struct lab_net *ret)
{
	const char *slash = strchr(s, '/');
	char addr[LAB_IP_TEXT] = {0};
	struct lab_net net;
	uint32_t len;

	if (!slash || (size_t)(slash - s) >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, s, (size_t)(slash - s));
	if (lab_ip_parse(addr, &net.ip) < 0)
		return -EINVAL;
	slash++;
	if (dec_parse(&slash, lab_ip_bits(&net.ip), &len) < 0 || *slash)
		return -EINVAL;
	net.len = (uint8_t)len;
	*ret = net;
	return 0;
}

int lab_scoped_ip_parse(const char *s, struct lab_scoped_ip *ret)
{
	const char *percent = strchr(s, '%');
	struct lab_scoped_ip scoped = {.ip = {.family = LAB_IP_NONE}};
	char text[LAB_IP_TEXT];
	size_t len = percent ? (size_t)(percent - s) : strlen(s);

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	if (lab_ip_parse(text, &scoped.ip) < 0)
		return -EINVAL;
	if (percent) {
		size_t zone_len = strlen(percent + 1);

		if (!lab_ip_is_link_local6(&scoped.ip) || zone_len == 0 ||
		    zone_len >= sizeof(scoped.zone))
			return -EINVAL;
		memcpy(scoped.zone, percent + 1, zone_len + 1);
	}
	*ret = scoped;
	return 0;
}

int lab_mac_parse(const char *s, struct lab_mac *ret)
{
	struct lab_mac mac;

	for (int i = 0; i < 6; i++) {
		int hi, lo;

		if (i > 0 && *s != ':' && *s != '-')
			return -EINVAL;
		if (i > 0)
			s++;
		hi = hex_digit(s[0]);
		lo = hi < 0 ? -1 : hex_digit(s[1]);
		if (lo < 0)
			return -EINVAL;
		mac.bytes[i] = (uint8_t)(hi << 4 | lo);
		s += 2;
	}
	if (*s)
		return -EINVAL;
	*ret = mac;
	return 0;
}

static uint16_t ip6_group(const struct lab_ip *ip, int i)
{
	return (uint16_t)(ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1]);
}

/* RFC 5952 §4.2: the longest run of zero groups, the first of equals, never a single one. */
static int ip6_zero_run(const struct lab_ip *ip, int *ret_start)
{
	int best = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && ip6_group(ip, i + n) == 0)
			n++;
		if (n > best) {
			best = n;
			*ret_start = i;
		}
		i += n;
	}
	return best > 1 ? best : 0;
}

static void ip6_format(const struct lab_ip *ip, char buf[static LAB_IP_TEXT])
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	int start = 0, n_zero = ip6_zero_run(ip, &start);
	const uint8_t *b = ip->bytes;
	int at = 0;

	if (memcmp(b, mapped, sizeof(mapped)) == 0) { /* RFC 5952 §5 */
		snprintf(buf, LAB_IP_TEXT, "::ffff:%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (n_zero && i == start) {
			at += snprintf(buf + at, (size_t)(LAB_IP_TEXT - at), "::");
			i += n_zero - 1;
			continue;
		}
		at += snprintf(buf + at, (size_t)(LAB_IP_TEXT - at), "%s%x",
			       i > 0 && !(n_zero && i == start + n_zero) ? ":" : "",
			       (unsigned)ip6_group(ip, i));
	}
}

const char *lab_ip_format(const struct lab_ip *ip, char buf[static LAB_IP_TEXT])
{
	const uint8_t *b = ip->bytes;

	if (ip->family == LAB_IP6)
		ip6_format(ip, buf);
	else
		snprintf(buf, LAB_IP_TEXT, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	return buf;
}

const char *lab_net_format(const struct lab_net *net, char buf[static LAB_NET_TEXT])
{
	char addr[LAB_IP_TEXT];

	snprintf(buf, LAB_NET_TEXT, "%s/%u", lab_ip_format(&net->ip, addr), net->len);
	return buf;
}

const char *lab_mac_format(const struct lab_mac *mac, char buf[static LAB_MAC_TEXT])
{
	const uint8_t *b = mac->bytes;

	snprintf(buf, LAB_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		 b[5]);
	return buf;
}

int lab_ip_cmp(const struct lab_ip *a, const struct lab_ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool lab_ip_eq(const struct lab_ip *a, const struct lab_ip *b)
{
	return lab_ip_cmp(a, b) == 0;
}

/* Adds to the number that the first `n_bytes` bytes are. */
static bool bytes_add(struct lab_ip *ip, int n_bytes, uint64_t n)
{
	struct lab_ip sum = *ip;

	for (int i = n_bytes - 1; i >= 0 && n; i--) {
		n += sum.bytes[i];
		sum.bytes[i] = (uint8_t)n;
		n >>= 8;
	}
	if (n)
		return false;
	*ip = sum;
	return true;
}

bool lab_ip_add(struct lab_ip *ip, uint32_t n)
{
	return bytes_add(ip, lab_ip_bits(ip) / 8, n);
}

bool lab_net_step(struct lab_net *net, uint32_t n)
{
	int n_bytes = (net->len + 7) / 8;

	return bytes_add(&net->ip, n_bytes, (uint64_t)n << (8 * n_bytes - net->len));
}

/* The mask of byte `i` under a prefix of `len` bits. */
static uint8_t mask_byte(uint8_t len, int i)
{
	int bits = len - 8 * i;

	if (bits >= 8)
		return 0xff;
	if (bits <= 0)
		return 0;
	return (uint8_t)(0xff00u >> bits);
}

struct lab_net lab_net_base(const struct lab_net *net)
{
	struct lab_net base = *net;

	for (int i = 0; i < 16; i++)
		base.ip.bytes[i] &= mask_byte(net->len, i);
	return base;
}

struct lab_ip lab_net_last(const struct lab_net *net)
{
	struct lab_ip last = net->ip;

	for (int i = 0; i < lab_ip_bits(&net->ip) / 8; i++)
		last.bytes[i] |= (uint8_t)~mask_byte(net->len, i);
	return last;
}

bool lab_net_has(const struct lab_net *net, const struct lab_ip *ip)
{
	if (net->ip.family != ip->family)
		return false;
	for (int i = 0; i < 16; i++) {
		if ((net->ip.bytes[i] ^ ip->bytes[i]) & mask_byte(net->len, i))
			return false;
	}
	return true;
}

static bool bytes_are_zero(const uint8_t *b, int n)
{
	for (int i = 0; i < n; i++) {
		if (b[i])
			return false;
	}
	return true;
}

const char *lab_ip_special(const struct lab_ip *ip)
{
	const uint8_t *b = ip->bytes;

	if (bytes_are_zero(b, 16))
		return "the unspecified address";
	if (ip->family == LAB_IP6) {
		if (bytes_are_zero(b, 15) && b[15] == 1)
			return "the loopback address";
		return b[0] == 0xff ? "a multicast address" : NULL;
	}
	if (b[0] == 0)
		return "an address of \"this network\" (0.0.0.0/8)";
	if (b[0] == 127)
		return "a loopback address";
	if (b[0] >= 224 && b[0] < 240)
		return "a multicast address";
	if (b[0] == 255 && b[1] == 255 && b[2] == 255 && b[3] == 255)
		return "the broadcast address";
	return b[0] >= 240 ? "a reserved address (240.0.0.0/4)" : NULL;
}

const char *lab_net_special(const struct lab_net *net)
{
	struct lab_net base = lab_net_base(net);
	struct lab_ip last = lab_net_last(net);

	if (lab_ip_special(&net->ip))
		return lab_ip_special(&net->ip);
	if (net->ip.family != LAB_IP4 || net->len >= 31) /* RFC 3021: /31 has two hosts */
		return NULL;
	if (lab_ip_eq(&net->ip, &base.ip))
		return "the address of the network itself";
	if (lab_ip_eq(&net->ip, &last))
		return "the broadcast address of its network";
	return NULL;
}
