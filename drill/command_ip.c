/* SPDX-License-Identifier: MIT */
/*
 * What `ip` does to the device of a script, in backticks: addresses (which are asked about, as
 * Linux does), neighbours, routes, up and down. Other devices, and what only shows something, are
 * nothing of ours: command.c passes it over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drill/run_priv.h"

enum {
	ROUTE_TEXT_MAX = 300,
};

struct ip_words {
	struct drill_run *run;
	uint32_t line;
	char *const *words; /* behind the object: add fe80::9/64 dev tun0 */
	unsigned n;
};

/* The word behind `name`; NULL: there is none. */
static const char *behind(const struct ip_words *w, const char *name)
{
	for (unsigned i = 0; i + 1 < w->n; i++)
		if (!strcmp(w->words[i], name))
			return w->words[i + 1];
	return NULL;
}

static bool has(const struct ip_words *w, const char *word)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!strcmp(w->words[i], word))
			return true;
	return false;
}

static bool is_ours(const struct ip_words *w)
{
	return has(w, "tun0");
}

static bool done(const struct ip_words *w, int err)
{
	return !err || drill_run_refuse(w->run, w->line, "ip: %s", strerror(-err));
}

static uint32_t lifetime(const char *word)
{
	return word && strcmp(word, "forever") != 0 ? (uint32_t)strtoul(word, NULL, 10)
						    : UINT32_MAX;
}

static bool do_addr(const struct ip_words *w)
{
	struct weft_addr_how how = {.dad = !has(w, "nodad")};
	struct weft_addr addr;
	uint8_t len;

	if (w->n < 2 || weft_prefix_parse(w->words[1], &addr, &len))
		return drill_run_refuse(w->run, w->line, "ip addr: ADDRESS/LENGTH is wanted");
	if (!strcmp(w->words[0], "del"))
		return done(w, weft_addr_del(w->run->nif, &addr, len));
	if (addr.family == WEFT_AF_INET)
		return done(w, weft_addr_add(w->run->nif, &addr, len));
	if (behind(w, "valid_lft")) {
		how.valid_s = lifetime(behind(w, "valid_lft"));
		how.preferred_s = behind(w, "preferred_lft") ? lifetime(behind(w, "preferred_lft"))
							     : how.valid_s;
	}
	return done(w, weft_addr_put(w->run->nif, &addr, len, &how));
}

static bool do_link(const struct ip_words *w)
{
	if (!has(w, "up") && !has(w, "down"))
		return true;
	weft_netif_set_up(w->run->nif, has(w, "up"));
	return true;
}

static bool do_neigh(const struct ip_words *w)
{
	const char *mac = behind(w, "lladdr");
	struct weft_addr addr;
	unsigned b[6];
	uint8_t bytes[6];

	if (w->n < 2 || weft_addr_parse(w->words[1], &addr))
		return drill_run_refuse(w->run, w->line, "ip neigh: an address is wanted");
	if (!strcmp(w->words[0], "del"))
		return done(w, weft_neigh_del(w->run->nif, &addr));
	if (!mac ||
	    sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) != 6)
		return drill_run_refuse(w->run, w->line, "ip neigh: lladdr MAC is wanted");
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)b[i];
	return done(w, weft_neigh_add(w->run->nif, &addr, bytes));
}

static bool do_route(const struct ip_words *w)
{
	char text[ROUTE_TEXT_MAX] = "";
	struct weft_route route = {.dst.family = w->run->local.family};
	size_t len = 0;

	if (!strcmp(w->words[0], "del")) {
		if (w->n < 2 || (strcmp(w->words[1], "default") != 0 &&
				 weft_prefix_parse(w->words[1], &route.dst, &route.prefix_len)))
			return drill_run_refuse(w->run, w->line, "ip route: a prefix is wanted");
		return done(w, weft_route_del(w->run->st, &route));
	}
	for (unsigned i = 1; i < w->n && len < sizeof(text); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
					w->words[i]);
	if (len >= sizeof(text))
		return drill_run_refuse(w->run, w->line, "ip route: too many words");
	return done(w, weft_route_add_text(w->run->st, text));
}

static const struct {
	const char *object;
	bool (*run)(const struct ip_words *);
	const char *verbs[2];
} objects[] = {
	{"addr", do_addr, {"add", "del"}},
	{"link", do_link, {"set"}},
	{"neigh", do_neigh, {"add", "del"}},
	{"route", do_route, {"add", "del"}},
};

bool drill_command_ip(struct drill_run *run, uint32_t line, char *const *words, unsigned n,
		      bool *ret_ok)
{
	unsigned at = n > 1 && (!strcmp(words[1], "-6") || !strcmp(words[1], "-4")) ? 2 : 1;
	struct ip_words w = {.run = run, .line = line, .words = words + at + 1};

	if (n < at + 2)
		return false;
	w.n = n - at - 1;
	if (!is_ours(&w))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		if (strcmp(words[at], objects[i].object) != 0)
			continue;
		for (size_t v = 0; v < ARRAY_SIZE(objects[i].verbs); v++) {
			if (!objects[i].verbs[v] || strcmp(w.words[0], objects[i].verbs[v]) != 0)
				continue;
			*ret_ok = objects[i].run(&w);
			return true;
		}
	}
	return false;
}
