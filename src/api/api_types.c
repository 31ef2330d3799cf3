/* SPDX-License-Identifier: MIT */
/* Text of addresses, prefixes and endpoints for the public API. */
#include <errno.h>

#include "api/api_priv.h"
#include "base/fmt.h"
#include "weft/types.h"

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

int weft_sockaddr_parse(const char *text, struct weft_sockaddr *ret)
{
	bool in_brackets = *text == '[';
	const char *start = text + in_brackets;
	const char *end = strchr(start, in_brackets ? ']' : ':');
	struct weft_addr addr;
	uint32_t port;

	if (!end || api_addr_parse_part(start, end, &addr))
		return -EINVAL;
	if (in_brackets != (addr.family == WEFT_AF_INET6) || end[in_brackets] != ':')
		return -EINVAL;
	if (api_number_parse(end + in_brackets + 1, UINT16_MAX, &port))
		return -EINVAL;
	*ret = (struct weft_sockaddr){.addr = addr, .port = (uint16_t)port};
	return 0;
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
