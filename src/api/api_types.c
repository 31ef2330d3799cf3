/* SPDX-License-Identifier: MIT */
/* Text of addresses, prefixes and endpoints for the public API. */
#include <errno.h>

#include "api/api_priv.h"
#include "base/fmt.h"
#include "weft/types.h"
#include "wire/special.h"

int weft_addr_parse(const char *text, struct weft_addr *ret)
{
	struct ip4_addr ip4;
	struct ip6_addr ip6;

	if (!ip4_addr_parse(text, &ip4)) {
		*ret = (struct weft_addr){.family = WEFT_AF_INET};
		memcpy(ret->bytes, &ip4, sizeof(ip4));
		return 0;
	}
	if (!ip6_addr_parse(text, &ip6)) {
		*ret = (struct weft_addr){.family = WEFT_AF_INET6};
		memcpy(ret->bytes, &ip6, sizeof(ip6));
		return 0;
	}
	return -EINVAL;
}

int weft_addr_special(const struct weft_addr *addr, struct weft_addr_special *ret)
{
	struct weft_addr_special info = {.name = NULL};
	const struct ip_special *special;
	unsigned int flags;
	struct ip_addr ip;
	int err = ip_addr_of(addr, &ip);

	if (err)
		return err;
	special = ip_special_find(&ip);
	if (special) {
		info.name = special->name;
		info.prefix = weft_addr_of(&special->prefix, ip_addr_family(&special->prefix));
		info.prefix_len = special->prefix_len;
		info.rfc = special->rfc;
	}
	flags = ip_special_flags(&ip);
	info.is_source = flags & IP_SPECIAL_SOURCE;
	info.is_destination = flags & IP_SPECIAL_DESTINATION;
	info.is_forwardable = flags & IP_SPECIAL_FORWARDABLE;
	info.is_global = flags & IP_SPECIAL_GLOBAL;
	info.is_reserved = flags & IP_SPECIAL_RESERVED;
	*ret = info;
	return 0;
}

/* The part of `text` before `end` as an address. */
static int api_addr_parse_part(const char *text, const char *end, struct weft_addr *ret)
{
	char part[WEFT_ADDR_STRLEN];
	size_t len = (size_t)(end - text);

	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = '\0';
	return weft_addr_parse(part, ret);
}

/* RFC 4007 §11: only what means something on one link, or in one site, has a zone. */
static bool api_addr_has_zone(const struct weft_addr *addr)
{
	const uint8_t *b = addr->bytes;

	if (addr->family != WEFT_AF_INET6)
		return false;
	return b[0] == 0xff ? (b[1] & 0xf) < 0xe : b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

/* The zone from `text` to `end`. */
static int api_zone_parse(struct stack *st, const char *text, const char *end, uint32_t *ret)
{
	char part[NETIF_NAME_MAX];
	size_t len = (size_t)(end - text);
	const struct netif *netif;

	if (len == 0 || len >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = '\0';
	if (!st)
		return api_number_parse(part, UINT32_MAX, ret);
	netif = netif_find(st, part);
	if (!netif && !api_number_parse(part, UINT32_MAX, ret))
		netif = netif_find_index(st, *ret);
	if (!netif)
		return -ENODEV;
	*ret = netif->index;
	return 0;
}

/* An address, perhaps with a zone, from `text` to `end`; without a stack the zone is a number. */
static int api_scoped_parse(struct stack *st, const char *text, const char *end,
			    struct weft_addr *ret, uint32_t *ret_scope)
{
	const char *percent = memchr(text, '%', (size_t)(end - text));
	struct weft_addr addr;
	uint32_t scope = 0;
	int err = api_addr_parse_part(text, percent ? percent : end, &addr);

	if (!err && percent)
		err = api_addr_has_zone(&addr) ? api_zone_parse(st, percent + 1, end, &scope)
					       : -EINVAL;
	if (err)
		return err;
	*ret = addr;
	*ret_scope = scope;
	return 0;
}

int weft_addr_parse_scoped(struct weft_stack *st, const char *text, struct weft_addr *ret,
			   uint32_t *ret_scope)
{
	return api_scoped_parse(stack_of(st), text, text + strlen(text), ret, ret_scope);
}

int api_number_parse(const char *text, uint32_t max, uint32_t *ret)
{
	uint64_t n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > max)
			return -EINVAL;
	}
	*ret = (uint32_t)n;
	return 0;
}

int weft_prefix_parse(const char *text, struct weft_addr *ret_addr, uint8_t *ret_len)
{
	const char *slash = strchr(text, '/');
	const char *end = slash ? slash : text + strlen(text);
	struct weft_addr addr;
	uint32_t max, len;

	if (api_addr_parse_part(text, end, &addr))
		return -EINVAL;
	max = addr.family == WEFT_AF_INET ? 32 : 128;
	len = max;
	if (slash && api_number_parse(slash + 1, max, &len))
		return -EINVAL;
	*ret_addr = addr;
	*ret_len = (uint8_t)len;
	return 0;
}

/* The longest text that fits, always with a NUL. */
static const char *api_text_fit(char *buf, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (size == 0)
		return buf;
	if (len >= size)
		len = size - 1;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return buf;
}

const char *weft_addr_print(const struct weft_addr *addr, char *buf, size_t size)
{
	char text[IP_ADDR_STRLEN] = "none";
	struct ip4_addr ip4;
	struct ip6_addr ip6;

	if (addr->family == WEFT_AF_INET) {
		memcpy(&ip4, addr->bytes, sizeof(ip4));
		ip4_addr_print(&ip4, text);
	} else if (addr->family == WEFT_AF_INET6) {
		memcpy(&ip6, addr->bytes, sizeof(ip6));
		ip6_addr_print(&ip6, text);
	}
	return api_text_fit(buf, size, text);
}

static int api_sockaddr_parse(struct stack *st, const char *text, struct weft_sockaddr *ret)
{
	bool in_brackets = *text == '[';
	const char *start = text + in_brackets;
	const char *end = strchr(start, in_brackets ? ']' : ':');
	struct weft_addr addr;
	uint32_t port, scope;
	int err = end ? api_scoped_parse(st, start, end, &addr, &scope) : -EINVAL;

	if (err)
		return err;
	if (in_brackets != (addr.family == WEFT_AF_INET6) || end[in_brackets] != ':')
		return -EINVAL;
	if (api_number_parse(end + in_brackets + 1, UINT16_MAX, &port))
		return -EINVAL;
	*ret = (struct weft_sockaddr){.addr = addr, .port = (uint16_t)port, .scope_id = scope};
	return 0;
}

int weft_sockaddr_parse(const char *text, struct weft_sockaddr *ret)
{
	return api_sockaddr_parse(NULL, text, ret);
}

int weft_sockaddr_parse_scoped(struct weft_stack *st, const char *text, struct weft_sockaddr *ret)
{
	return api_sockaddr_parse(stack_of(st), text, ret);
}

const char *weft_addr_print_scoped(struct weft_stack *st, const struct weft_addr *addr,
				   uint32_t scope, char *buf, size_t size)
{
	char ip[WEFT_ADDR_STRLEN], text[WEFT_SOCKADDR_STRLEN];
	const struct netif *netif = scope ? netif_find_index(stack_of(st), scope) : NULL;
	struct sb sb = sb_make(text, sizeof(text));

	sb_printf(&sb, "%s", weft_addr_print(addr, ip, sizeof(ip)));
	if (netif)
		sb_printf(&sb, "%%%s", netif->name);
	else if (scope)
		sb_printf(&sb, "%%%u", scope);
	return api_text_fit(buf, size, text);
}

const char *weft_sockaddr_print(const struct weft_sockaddr *sa, char *buf, size_t size)
{
	char addr[WEFT_ADDR_STRLEN], text[WEFT_SOCKADDR_STRLEN];
	struct sb sb = sb_make(text, sizeof(text));

	weft_addr_print(&sa->addr, addr, sizeof(addr));
	if (sa->addr.family != WEFT_AF_INET6)
		sb_printf(&sb, "%s:%u", addr, sa->port);
	else if (sa->scope_id)
		sb_printf(&sb, "[%s%%%u]:%u", addr, sa->scope_id, sa->port);
	else
		sb_printf(&sb, "[%s]:%u", addr, sa->port);
	return api_text_fit(buf, size, text);
}
