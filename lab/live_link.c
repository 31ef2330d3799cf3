/* SPDX-License-Identifier: MIT */
/*
 * Links of a running lab by name; the contract is in live.h.
 *
 * Names of nodes may have hyphens in them, so "home-router-isp" says nothing about where it is to
 * be cut: every hyphen is tried, and what names a link counts.
 */
#include "lab/live.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lab/belief.h"
#include "lab/suggest.h"

struct search {
	struct lab *lab;
	struct lab_link_name found;
	unsigned int n_found; /* different links */
};

static int PRINTF_LIKE(3, 4) say(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, LAB_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* Whether `text`, `len` bytes of "node" or "node:interface", is that end of the link. */
static bool end_is(const struct lab_link *link, int end, const char *text, size_t len)
{
	const char *node = link->nodes[end]->file->name;
	const char *iface = link->file->ends[end].iface->name;
	size_t node_len = strlen(node);

	if (len < node_len || strncasecmp(text, node, node_len))
		return false;
	text += node_len;
	len -= node_len;
	return !len ||
	       (text[0] == ':' && len - 1 == strlen(iface) && !memcmp(text + 1, iface, len - 1));
}

static void search_hit(struct search *s, struct lab_link *link, int from, bool is_one_way)
{
	if (s->n_found && s->found.link == link)
		return;
	if (!s->n_found++)
		s->found = (struct lab_link_name){link, from, is_one_way};
}

static void search_pair(struct search *s, const char *a, size_t a_len, const char *b, bool one_way)
{
	for (uint32_t i = 0; i < s->lab->n_links; i++)
		for (int from = 0; from < 2; from++) {
			struct lab_link *link = s->lab->links[i];

			if (end_is(link, from, a, a_len) && end_is(link, !from, b, strlen(b)))
				search_hit(s, link, from, one_way);
		}
}

static void search_interface(struct search *s, const char *text)
{
	for (uint32_t i = 0; strchr(text, ':') && i < s->lab->n_links; i++)
		for (int end = 0; end < 2; end++)
			if (end_is(s->lab->links[i], end, text, strlen(text)))
				search_hit(s, s->lab->links[i], end, false);
}

/* Trims blanks at the end of [text, text + len). */
static size_t trim(const char *text, size_t len)
{
	while (len && text[len - 1] == ' ')
		len--;
	return len;
}

static void search_all(struct search *s, const char *text)
{
	const char *arrow = strstr(text, "->");

	if (arrow) {
		search_pair(s, text, trim(text, (size_t)(arrow - text)),
			    arrow + 2 + strspn(arrow + 2, " "), true);
		return;
	}
	for (const char *cut = strchr(text, '-'); cut; cut = strchr(cut + 1, '-')) {
		const char *b = cut + 1 + (cut[1] == '-');

		search_pair(s, text, trim(text, (size_t)(cut - text)), b + strspn(b, " "), false);
	}
	search_interface(s, text);
}

/* "a-b" and "a:eth0-b:eth0" of every link, of which the closest is offered. */
static int none_found(struct lab *lab, const char *text, char *msg)
{
	struct lab_suggest near = lab_suggest_start(text);
	const char *arrow = strstr(text, "->");
	char **names = calloc((size_t)lab->n_links * 4 + 1, sizeof(*names));
	uint32_t n = 0;

	for (uint32_t i = 0; names && i < lab->n_links; i++)
		for (int from = 0; from < 2; from++) {
			const struct lab_link *l = lab->links[i];
			const char *sep = arrow ? "->" : "-";

			if (asprintf(&names[n], "%s%s%s", l->nodes[from]->file->name, sep,
				     l->nodes[!from]->file->name) > 0)
				lab_suggest_try(&near, names[n++]);
			if (asprintf(&names[n], "%s:%s%s%s:%s", l->nodes[from]->file->name,
				     l->file->ends[from].iface->name, sep,
				     l->nodes[!from]->file->name,
				     l->file->ends[!from].iface->name) > 0)
				lab_suggest_try(&near, names[n++]);
		}
	if (near.best)
		say(msg, 0, "the lab has no link `%.100s`; did you mean `%s`?", text, near.best);
	else
		say(msg, 0, "the lab has no link `%.100s`; link.list and `weft link` list them",
		    text);
	while (n)
		free(names[--n]);
	free(names);
	return -ENOENT;
}

int lab_link_find(struct lab *lab, const char *text, struct lab_link_name *ret, char *msg)
{
	struct search s = {.lab = lab};

	search_all(&s, text);
	if (!s.n_found)
		return none_found(lab, text, msg);
	if (s.n_found > 1)
		return say(msg, -ENOTUNIQ,
			   "%u links are called `%.100s`: name the interfaces too, as in "
			   "`%s:%s-%s:%s`",
			   s.n_found, text, s.found.link->nodes[0]->file->name,
			   s.found.link->file->ends[0].iface->name,
			   s.found.link->nodes[1]->file->name,
			   s.found.link->file->ends[1].iface->name);
	*ret = s.found;
	return 0;
}

int lab_link_change(struct lab_link *link, int dir, const struct weft_link_dir *to)
{
	int err = weft_link_set(link->link, dir, to);

	if (!err)
		link->dir[dir] = *to;
	lab_belief_start(link->nodes[0]->lab); /* its delay may be the shortest now */
	return err;
}

void lab_link_set_up(struct lab_link *link, bool up)
{
	weft_link_set_up(link->link, up);
	link->is_up = up;
}
