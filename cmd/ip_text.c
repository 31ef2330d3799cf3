/* SPDX-License-Identifier: MIT */
/*
 * What `ip` shows, as iproute2 6.1 prints it: text for people, and JSON with the members that the
 * options ask for. The input is what the methods ip.* of the lab answer, which has everything.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/ip.h"
#include "cmd/json_text.h"

static const char *line_end(const struct ip_opts *o)
{
	return o->oneline ? "\\" : "\n";
}

/* ---- links --------------------------------------------------------------------------------- */

static void flags_print(FILE *out, const json_t *link)
{
	const json_t *flag;
	size_t i;

	putc('<', out);
	json_array_foreach (json_object_get(link, "flags"), i, flag)
		fprintf(out, "%s%s", i ? "," : "", json_string_value(flag));
	putc('>', out);
}

static void detail_print(FILE *out, const json_t *link, const struct ip_opts *o)
{
	static const struct {
		const char *word, *key;
	} words[] = {
		{"numtxqueues", "num_tx_queues"}, {"numrxqueues", "num_rx_queues"},
		{"gso_max_size", "gso_max_size"}, {"gso_max_segs", "gso_max_segs"},
		{"tso_max_size", "tso_max_size"}, {"tso_max_segs", "tso_max_segs"},
		{"gro_max_size", "gro_max_size"},
	};
	const json_t *kind = json_object_get(link, "linkinfo");
	const json_t *clamp = json_object_get(link, "mss_clamp");

	fprintf(out,
		" promiscuity %" PRId64 "  allmulti %" PRId64 " minmtu %" PRId64 " maxmtu %" PRId64
		" ",
		json_int_of(link, "promiscuity"), json_int_of(link, "allmulti"),
		json_int_of(link, "min_mtu"), json_int_of(link, "max_mtu"));
	if (json_is_string(clamp))
		fprintf(out, "mss_clamp %s ", json_string_value(clamp));
	else if (clamp)
		fprintf(out, "mss_clamp %" PRId64 " ", (int64_t)json_integer_value(clamp));
	if (json_is_true(json_object_get(link, "gro")))
		fputs("gro on ", out);
	if (kind)
		fprintf(out, "%s    %s ", line_end(o), json_text_of(kind, "info_kind"));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		fprintf(out, "%s %" PRId64 " ", words[i].word, json_int_of(link, words[i].key));
}

/* The figures of one direction, in columns that are wide enough for both. */
enum {
	STATS_COLUMNS = 6,
};
struct stats_row {
	const char *title;
	const char *names[STATS_COLUMNS];
	const char *keys[STATS_COLUMNS];
};
static const struct stats_row stats_rows[] = {
	{"RX:",
	 {"bytes", "packets", "errors", "dropped", "missed", "mcast"},
	 {"bytes", "packets", "errors", "dropped", "over_errors", "multicast"}},
	{"TX:",
	 {"bytes", "packets", "errors", "dropped", "carrier", "collsns"},
	 {"bytes", "packets", "errors", "dropped", "carrier_errors", "collisions"}},
};

static void stats_print(FILE *out, const json_t *link, const struct ip_opts *o)
{
	int width[STATS_COLUMNS] = {10, 7, 6, 7, 7, 7};
	const json_t *stats = json_object_get(link, "stats64");
	const json_t *dirs[] = {json_object_get(stats, "rx"), json_object_get(stats, "tx")};
	char number[24];

	for (size_t d = 0; d < 2; d++) {
		for (size_t c = 0; c < STATS_COLUMNS; c++) {
			int n = snprintf(number, sizeof(number), "%" PRId64,
					 json_int_of(dirs[d], stats_rows[d].keys[c]));

			if (n > width[c])
				width[c] = n;
		}
	}
	for (size_t d = 0; d < 2; d++) {
		const struct stats_row *row = &stats_rows[d];
		int title = (int)strlen(row->title);

		fprintf(out, "%s    %s%*s ", d ? line_end(o) : "", row->title, width[0] - title,
			row->names[0]);
		for (size_t c = 1; c < STATS_COLUMNS; c++)
			fprintf(out, "%*s ", width[c], row->names[c]);
		/* A column for compressed frames, which only some devices have. */
		fprintf(out, "%10s%s    ", "", line_end(o));
		for (size_t c = 0; c < STATS_COLUMNS; c++)
			fprintf(out, "%*" PRId64 " ", width[c], json_int_of(dirs[d], row->keys[c]));
	}
}

static void link_line_print(FILE *out, const json_t *link, const struct ip_opts *o,
			    enum ip_link_view view, bool hides_lladdr)
{
	fprintf(out, "%" PRId64 ": %s: ", json_int_of(link, "ifindex"),
		json_text_of(link, "ifname"));
	flags_print(out, link);
	fprintf(out, " mtu %" PRId64 " qdisc %s state %s ", json_int_of(link, "mtu"),
		json_text_of(link, "qdisc"), json_text_of(link, "operstate"));
	if (view == IP_VIEW_LINK)
		fprintf(out, "mode %s ", json_text_of(link, "linkmode"));
	fprintf(out, "group %s qlen %" PRId64, json_text_of(link, "group"),
		json_int_of(link, "txqlen"));
	if (!hides_lladdr || o->detail)
		fprintf(out, "%s    link/%s %s brd %s", line_end(o),
			json_text_of(link, "link_type"), json_text_of(link, "address"),
			json_text_of(link, "broadcast"));
	if (o->detail)
		detail_print(out, link, o);
}

static void lifetime_print(FILE *out, const char *word, int64_t seconds)
{
	if (seconds == UINT32_MAX)
		fprintf(out, "%s forever", word);
	else
		fprintf(out, "%s %" PRId64 "sec", word, seconds);
}

static void addr_print(FILE *out, const json_t *link, const json_t *a, const struct ip_opts *o)
{
	static const char *const flags[] = {"secondary",  "temporary", "tentative",
					    "deprecated", "dadfailed", "dynamic"};

	if (o->oneline)
		fprintf(out, "%" PRId64 ": %s", json_int_of(link, "ifindex"),
			json_text_of(link, "ifname"));
	fprintf(out, "    %s %s/%" PRId64 " ", json_text_of(a, "family"), json_text_of(a, "local"),
		json_int_of(a, "prefixlen"));
	if (json_has(a, "broadcast"))
		fprintf(out, "brd %s ", json_text_of(a, "broadcast"));
	fprintf(out, "scope %s ", json_text_of(a, "scope"));
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (json_is_true(json_object_get(a, flags[i])))
			fprintf(out, "%s ", flags[i]);
	fprintf(out, "%s%s       ", json_text_of(a, "label"), line_end(o));
	lifetime_print(out, "valid_lft", json_int_of(a, "valid_life_time"));
	lifetime_print(out, " preferred_lft", json_int_of(a, "preferred_life_time"));
	putc('\n', out);
}

static void link_brief_print(FILE *out, const json_t *link, enum ip_link_view view)
{
	const json_t *a;
	size_t i;

	fprintf(out, "%-16s %-14s ", json_text_of(link, "ifname"), json_text_of(link, "operstate"));
	if (view == IP_VIEW_LINK) {
		fprintf(out, "%s ", json_text_of(link, "address"));
		flags_print(out, link);
		putc(' ', out);
	} else {
		json_array_foreach (json_object_get(link, "addr_info"), i, a)
			fprintf(out, "%s/%" PRId64 " ", json_text_of(a, "local"),
				json_int_of(a, "prefixlen"));
	}
	putc('\n', out);
}

void ip_links_print(FILE *out, const json_t *links, const struct ip_opts *o, enum ip_link_view view,
		    bool hides_lladdr)
{
	const json_t *link, *a;
	size_t i, j;

	json_array_foreach (links, i, link) {
		if (o->brief) {
			link_brief_print(out, link, view);
			continue;
		}
		/* In one line, an address is a line and its link is not. */
		if (view == IP_VIEW_LINK || (view == IP_VIEW_ADDR && !o->oneline)) {
			link_line_print(out, link, o, view, hides_lladdr);
			if (view == IP_VIEW_LINK && o->stats) {
				fputs(line_end(o), out);
				stats_print(out, link, o);
			}
			putc('\n', out);
		}
		if (view == IP_VIEW_LINK)
			continue;
		json_array_foreach (json_object_get(link, "addr_info"), j, a)
			addr_print(out, link, a, o);
		if (o->stats && !o->oneline && view == IP_VIEW_ADDR) {
			stats_print(out, link, o);
			putc('\n', out);
		}
	}
}

json_t *ip_links_json(const json_t *links, const struct ip_opts *o, enum ip_link_view view,
		      bool hides_lladdr)
{
	static const char *const brief_link[] = {"ifname", "operstate", "address", "flags", NULL};
	static const char *const brief_addr[] = {"ifname", "operstate", NULL};
	static const char *const brief_addr_info[] = {"local", "prefixlen", NULL};
	static const char *const head[] = {"ifindex", "ifname",    "flags", "mtu",
					   "qdisc",   "operstate", NULL};
	static const char *const mode[] = {"linkmode", NULL};
	static const char *const queue[] = {"group", "txqlen", NULL};
	static const char *const lladdr[] = {"link_type", "address", "broadcast", NULL};
	static const char *const detail[] = {"promiscuity",
					     "allmulti",
					     "min_mtu",
					     "max_mtu",
					     "linkinfo",
					     "num_tx_queues",
					     "num_rx_queues",
					     "gso_max_size",
					     "gso_max_segs",
					     "tso_max_size",
					     "tso_max_segs",
					     "gro_max_size",
					     NULL};
	static const char *const addr_info[] = {"addr_info", NULL};
	static const char *const stats[] = {"stats64", NULL};
	json_t *ret = json_array();
	const json_t *link;
	size_t i;

	json_array_foreach (links, i, link) {
		json_t *one = json_object();

		if (o->brief) {
			json_pick_into(one, link, view == IP_VIEW_LINK ? brief_link : brief_addr);
			if (view != IP_VIEW_LINK) {
				json_t *list = json_array();
				const json_t *a;
				size_t j;

				json_array_foreach (json_object_get(link, "addr_info"), j, a)
					json_array_append_new(list, json_pick(a, brief_addr_info));
				json_object_set_new(one, "addr_info", list);
			}
		} else {
			if (view != IP_VIEW_ADDR_ALONE) {
				json_pick_into(one, link, head);
				if (view == IP_VIEW_LINK)
					json_pick_into(one, link, mode);
				json_pick_into(one, link, queue);
				if (!hides_lladdr || o->detail)
					json_pick_into(one, link, lladdr);
				if (o->detail)
					json_pick_into(one, link, detail);
			}
			if (view != IP_VIEW_LINK)
				json_pick_into(one, link, addr_info);
			if (o->stats)
				json_pick_into(one, link, stats);
		}
		json_array_append_new(ret, one);
	}
	return ret;
}

/* ---- routes -------------------------------------------------------------------------------- */

static bool is_hidden(const struct ip_hidden *hidden, const char *key)
{
	for (uint32_t i = 0; i < hidden->n; i++)
		if (strcmp(hidden->keys[i], key) == 0)
			return true;
	return false;
}

/* The value that goes without saying, unless details are asked for. */
static bool route_member_is_shown(const json_t *route, const char *key, const struct ip_opts *o,
				  const struct ip_hidden *hidden)
{
	static const struct {
		const char *key, *value;
	} usual[] = {{"type", "unicast"}, {"protocol", "boot"}, {"scope", "global"}};

	if (!json_has(route, key) || is_hidden(hidden, key))
		return false;
	if (strcmp(key, "table") == 0)
		return hidden->shows_table && strcmp(json_text_of(route, key), "main") != 0;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (strcmp(key, usual[i].key) == 0)
			return o->detail || strcmp(json_text_of(route, key), usual[i].value) != 0;
	return true;
}

static const struct {
	const char *key, *word; /* "": the value alone */
} route_members[] = {
	{"type", ""},          {"dst", ""},
	{"gateway", "via "},   {"dev", "dev "},
	{"table", "table "},   {"protocol", "proto "},
	{"scope", "scope "},   {"prefsrc", "src "},
	{"metric", "metric "}, {"expires", "expires "},
	{"pref", "pref "},
};

static void list_print(FILE *out, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		fprintf(out, "%s ", json_string_value(item));
}

static void ip_metrics_print(FILE *out, const json_t *route)
{
	const json_t *m = json_array_get(json_object_get(route, "metrics"), 0);

	if (json_has(m, "mtu"))
		fprintf(out, "mtu %" PRId64 " ", json_int_of(m, "mtu"));
	if (json_has(m, "initcwnd"))
		fprintf(out, "initcwnd %" PRId64 " ", json_int_of(m, "initcwnd"));
	if (json_has(m, "ecn"))
		fprintf(out, "features ecn ");
	if (json_has(m, "congestion"))
		fprintf(out, "congctl %s ", json_text_of(m, "congestion"));
}

void ip_routes_print(FILE *out, const json_t *routes, const struct ip_opts *o,
		     const struct ip_hidden *hidden)
{
	const json_t *route;
	size_t i;

	json_array_foreach (routes, i, route) {
		for (size_t m = 0; m < sizeof(route_members) / sizeof(route_members[0]); m++) {
			const char *key = route_members[m].key;

			if (!route_member_is_shown(route, key, o, hidden))
				continue;
			if (json_is_integer(json_object_get(route, key)))
				fprintf(out, "%s%" PRId64 "%s ", route_members[m].word,
					json_int_of(route, key),
					strcmp(key, "expires") ? "" : "sec");
			else
				fprintf(out, "%s%s ", route_members[m].word,
					json_text_of(route, key));
		}
		list_print(out, json_object_get(route, "flags"));
		ip_metrics_print(out, route);
		putc('\n', out);
	}
}

json_t *ip_routes_json(const json_t *routes, const struct ip_opts *o,
		       const struct ip_hidden *hidden)
{
	json_t *ret = json_array();
	const json_t *route;
	size_t i;

	json_array_foreach (routes, i, route) {
		json_t *one = json_object();

		for (size_t m = 0; m < sizeof(route_members) / sizeof(route_members[0]); m++) {
			const char *key = route_members[m].key;

			if (route_member_is_shown(route, key, o, hidden))
				json_object_set(one, key, json_object_get(route, key));
		}
		json_object_set(one, "flags", json_object_get(route, "flags"));
		if (json_has(route, "metrics"))
			json_object_set(one, "metrics", json_object_get(route, "metrics"));
		json_array_append_new(ret, one);
	}
	return ret;
}

static void word_print(FILE *out, const json_t *object, const char *key, const char *word)
{
	if (json_has(object, key))
		fprintf(out, "%s%s ", word, json_text_of(object, key));
}

void ip_route_got_print(FILE *out, const json_t *routes, const struct ip_opts *o)
{
	const json_t *route, *cache, *flag;
	size_t i, j;

	json_array_foreach (routes, i, route) {
		word_print(out, route, "type", "");
		word_print(out, route, "dst", "");
		word_print(out, route, "from", "from ");
		word_print(out, route, "gateway", "via ");
		word_print(out, route, "dev", "dev ");
		word_print(out, route, "prefsrc", "src ");
		list_print(out, json_object_get(route, "flags"));
		fprintf(out, "uid %" PRId64 " %s    cache ", json_int_of(route, "uid"),
			line_end(o));
		cache = json_object_get(route, "cache");
		json_array_foreach (cache, j, flag)
			fprintf(out, "%s%s", j ? "," : "<", json_string_value(flag));
		fputs(json_array_size(cache) ? "> " : "", out);
		ip_metrics_print(out, route);
		putc('\n', out);
	}
}

/* ---- neighbours ---------------------------------------------------------------------------- */

void ip_neighs_print(FILE *out, const json_t *neighs, const struct ip_opts *o, bool hides_dev)
{
	const json_t *n;
	size_t i;

	json_array_foreach (neighs, i, n) {
		if (o->brief) {
			fprintf(out, "%-39s ", json_text_of(n, "dst"));
			if (!hides_dev)
				fprintf(out, "%-16s ", json_text_of(n, "dev"));
			fprintf(out, "%s\n", json_text_of(n, "lladdr"));
			continue;
		}
		word_print(out, n, "dst", "");
		if (!hides_dev)
			word_print(out, n, "dev", "dev ");
		word_print(out, n, "lladdr", "lladdr ");
		if (o->stats)
			fprintf(out, " used %" PRId64 "/%" PRId64 "/%" PRId64 "probes %" PRId64 " ",
				json_int_of(n, "used"), json_int_of(n, "confirmed"),
				json_int_of(n, "updated"), json_int_of(n, "probes"));
		list_print(out, json_object_get(n, "state"));
		putc('\n', out);
	}
}

json_t *ip_neighs_json(const json_t *neighs, const struct ip_opts *o, bool hides_dev)
{
	static const char *const dst[] = {"dst", NULL}, *const dev[] = {"dev", NULL};
	static const char *const lladdr[] = {"lladdr", NULL}, *const state[] = {"state", NULL};
	static const char *const stats[] = {"used", "confirmed", "updated", "probes", NULL};
	json_t *ret = json_array();
	const json_t *n;
	size_t i;

	json_array_foreach (neighs, i, n) {
		json_t *one = json_pick(n, dst);

		if (!hides_dev)
			json_pick_into(one, n, dev);
		json_pick_into(one, n, lladdr);
		if (!o->brief) {
			if (o->stats)
				json_pick_into(one, n, stats);
			json_pick_into(one, n, state);
		}
		json_array_append_new(ret, one);
	}
	return ret;
}
