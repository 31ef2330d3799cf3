/* SPDX-License-Identifier: MIT */
/* Words of the command line of `weft ip`, and what is said when one of them is wrong: iproute2's
 * words and exit statuses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/ip.h"
#include "lab/addr.h"
#include "weft/types.h"

bool ip_word_is(const char *word, const char *full)
{
	size_t len = strlen(word);

	return len > 0 && strncmp(word, full, len) == 0;
}

const char *ip_next(struct ip *ip)
{
	if (ip->argc <= 0)
		return NULL;
	ip->argc--;
	return *ip->argv++;
}

const char *ip_value(struct ip *ip)
{
	const char *value = ip_next(ip);

	if (!value)
		fprintf(stderr, "Command line is not complete. Try option \"help\"\n");
	return value;
}

int ip_bad_value(const char *value, const char *what)
{
	fprintf(stderr, "Error: argument \"%s\" is wrong: %s\n", value, what);
	return IP_USAGE;
}

int ip_garbage(const char *key, const char *word)
{
	fprintf(stderr, "Error: either \"%s\" is duplicate, or \"%s\" is a garbage.\n", key, word);
	return IP_USAGE;
}

int ip_unknown_verb(const char *object, const char *verb)
{
	fprintf(stderr, "Command \"%s\" is unknown, try \"ip %s help\".\n", verb, object);
	return IP_USAGE;
}

static bool is_any(const char *text)
{
	return strcmp(text, "default") == 0 || strcmp(text, "any") == 0 || strcmp(text, "all") == 0;
}

bool ip_prefix_read(const char *text, struct ip_prefix *ret)
{
	struct weft_addr addr;
	uint8_t len;

	if (is_any(text)) {
		*ret = (struct ip_prefix){.family = WEFT_AF_UNSPEC};
		return true;
	}
	if (weft_prefix_parse(text, &addr, &len))
		return false;
	*ret = (struct ip_prefix){.family = addr.family, .len = len};
	memcpy(ret->bytes, addr.bytes, sizeof(ret->bytes));
	return true;
}

bool ip_prefix_has(const struct ip_prefix *outer, const struct ip_prefix *inner)
{
	uint8_t whole = outer->len / 8, rest = outer->len % 8;

	bool is_same = outer->family == inner->family || outer->family == WEFT_AF_UNSPEC ||
		       inner->family == WEFT_AF_UNSPEC;

	if (!is_same || outer->len > inner->len)
		return false;
	if (memcmp(outer->bytes, inner->bytes, whole) != 0)
		return false;
	return rest == 0 || ((outer->bytes[whole] ^ inner->bytes[whole]) >> (8 - rest)) == 0;
}

static const char *family_name(int family)
{
	return family == 4 ? "inet" : family == 6 ? "inet6" : "any valid";
}

static bool is_of_family(const struct ip *ip, uint8_t family)
{
	return ip->opts.family == 0 || (ip->opts.family == 4) == (family == WEFT_AF_INET);
}

int ip_prefix_check(const struct ip *ip, const char *text)
{
	struct ip_prefix p;

	if (ip_prefix_read(text, &p) && (is_any(text) || is_of_family(ip, p.family)))
		return IP_OK;
	fprintf(stderr, "Error: %s prefix is expected rather than \"%s\".\n",
		family_name(ip->opts.family), text);
	return IP_FAILED;
}

int ip_addr_check(const struct ip *ip, const char *text)
{
	struct weft_addr addr;

	if (weft_addr_parse(text, &addr) == 0 && is_of_family(ip, addr.family))
		return IP_OK;
	fprintf(stderr, "Error: %s address is expected rather than \"%s\".\n",
		family_name(ip->opts.family), text);
	return IP_FAILED;
}

int ip_lladdr_check(const char *text)
{
	struct lab_mac mac;

	if (lab_mac_parse(text, &mac) == 0)
		return IP_OK;
	fprintf(stderr, "\"%s\" is invalid lladdr.\n", text);
	return IP_FAILED;
}

bool ip_number_read(const char *text, uint32_t max, uint32_t *ret)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (!*text || *text == '-' || *end || errno || n > max)
		return false;
	*ret = (uint32_t)n;
	return true;
}

int ip_number(const char *text, uint32_t max, const char *what, uint32_t *ret)
{
	char msg[64];

	if (ip_number_read(text, max, ret))
		return IP_OK;
	snprintf(msg, sizeof(msg), "Invalid \"%s\" value\n", what);
	return ip_bad_value(text, msg);
}
