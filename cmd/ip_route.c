/* SPDX-License-Identifier: MIT */
/* `weft ip route`. */
#include <string.h>

#include "cmd/ip.h"
#include "cmd/json_text.h"
#include "weft/types.h"

/* Numbers of rtnetlink that have names (/etc/iproute2/rt_protos). */
static const struct {
	const char *name;
	uint32_t proto;
} protos[] = {
	{"redirect", 1}, {"kernel", 2}, {"boot", 3},   {"static", 4}, {"ra", 9},    {"dhcp", 16},
	{"babel", 42},   {"bgp", 186},  {"isis", 187}, {"ospf", 188}, {"rip", 189}, {"eigrp", 192},
};

static const char *const route_types[] = {"unicast",   "local",     "broadcast",
					  "multicast", "throw",     "unreachable",
					  "prohibit",  "blackhole", "nat"};

static bool is_route_type(const char *word)
{
	for (size_t i = 0; i < sizeof(route_types) / sizeof(route_types[0]); i++)
		if (strcmp(word, route_types[i]) == 0)
			return true;
	return false;
}

static int proto_read(const char *text, uint32_t *ret)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (strcmp(text, protos[i].name) == 0) {
			*ret = protos[i].proto;
			return IP_OK;
		}
	}
	if (ip_number(text, 255, "protocol", ret) == IP_OK)
		return IP_OK;
	return IP_USAGE;
}

/* ---- showing ------------------------------------------------------------------------------- */

enum route_match {
	MATCH_EXACT, /* that prefix */
	MATCH_ROOT,  /* it and what is in it */
	MATCH_MATCH, /* it and what it is in */
};

struct route_filter {
	struct ip_prefix dst;
	bool has_dst;
	enum route_match match;
	const char *table; /* "main", "local", "all" */
	/* Members that must have that text; the key is hidden then. */
	struct {
		const char *key, *value;
	} is[8];
	uint32_t n_is;
};

static bool route_fits(const struct ip *ip, const json_t *route, const struct route_filter *f)
{
	struct ip_prefix p;
	char number[16];
	bool is_six = strchr(json_text_of(route, "dst"), ':') ||
		      strchr(json_text_of(route, "gateway"), ':');

	if (is_six != (ip->opts.family == 6))
		return false;
	if (strcmp(f->table, "all") != 0 && strcmp(json_text_of(route, "table"), f->table) != 0)
		return false;
	for (uint32_t i = 0; i < f->n_is; i++) {
		const json_t *member = json_object_get(route, f->is[i].key);
		const char *text = json_text_of(route, f->is[i].key);

		if (json_is_integer(member)) {
			snprintf(number, sizeof(number), "%d", (int)json_integer_value(member));
			text = number;
		}
		if (strcmp(text, f->is[i].value) != 0)
			return false;
	}
	if (!f->has_dst)
		return true;
	if (!ip_prefix_read(json_text_of(route, "dst"), &p))
		return false;
	if (f->match == MATCH_EXACT)
		return p.len == f->dst.len && ip_prefix_has(&f->dst, &p);
	return f->match == MATCH_ROOT ? ip_prefix_has(&f->dst, &p) : ip_prefix_has(&p, &f->dst);
}

/* `to`, `root`, `match`, `exact`, or the prefix alone. */
static int filter_dst(struct ip *ip, const char *word, struct route_filter *f)
{
	int err;

	if (!strcmp(word, "to"))
		word = ip_value(ip);
	if (!word)
		return IP_USAGE;
	f->match = MATCH_EXACT;
	if (ip_word_is(word, "root") || ip_word_is(word, "match") || ip_word_is(word, "exact")) {
		f->match = word[0] == 'r' ? MATCH_ROOT : word[0] == 'm' ? MATCH_MATCH : MATCH_EXACT;
		word = ip_value(ip);
		if (!word)
			return IP_USAGE;
	}
	if (f->has_dst)
		return ip_garbage("to", word);
	err = ip_prefix_check(ip, word);
	if (err)
		return err;
	f->has_dst = ip_prefix_read(word, &f->dst);
	return IP_OK;
}

static int filter_table(const char *value, struct route_filter *f)
{
	static const struct {
		const char *word, *table;
	} tables[] = {{"main", "main"}, {"254", "main"},     {"local", "local"}, {"255", "local"},
		      {"all", "all"},   {"default", "none"}, {"253", "none"},    {"0", "all"}};
	uint32_t number;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (strcmp(value, tables[i].word) == 0) {
			f->table = tables[i].table;
			return IP_OK;
		}
	}
	/* There are no others: nothing fits. */
	f->table = "none";
	if (strspn(value, "0123456789") == strlen(value) &&
	    ip_number(value, UINT32_MAX, "table", &number) == IP_OK)
		return IP_OK;
	return ip_bad_value(value, "table id value is invalid\n");
}

static int filter_read(struct ip *ip, struct route_filter *f)
{
	/* Words that may be abbreviated, but not to nothing. */
	static const struct {
		const char *word, *key;
	} words[] = {
		{"dev", "dev"},         {"oif", "dev"},        {"via", "gateway"},
		{"src", "prefsrc"},     {"proto", "protocol"}, {"protocol", "protocol"},
		{"scope", "scope"},     {"type", "type"},      {"metric", "metric"},
		{"priority", "metric"},
	};
	const char *word, *value, *key;
	int err;

	*f = (struct route_filter){.table = "main"};
	while ((word = ip_next(ip))) {
		key = NULL;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !key; i++)
			if (strcmp(word, words[i].word) == 0)
				key = words[i].key;
		if (!key && ip_word_is(word, "table") && strlen(word) > 1) {
			value = ip_value(ip);
			if (!value)
				return IP_USAGE;
			err = filter_table(value, f);
			if (err)
				return err;
			continue;
		}
		if (!key) {
			err = is_route_type(word) ? ip_garbage("to", word)
						  : filter_dst(ip, word, f);
			if (err)
				return err;
			continue;
		}
		value = ip_value(ip);
		if (!value)
			return IP_USAGE;
		if (f->n_is == sizeof(f->is) / sizeof(f->is[0]))
			return ip_garbage(key, word);
		f->is[f->n_is].key = key;
		f->is[f->n_is++].value = value;
	}
	return IP_OK;
}

/* Routes that fit; IP_OK and *ret, the caller's. */
static int routes_get(struct ip *ip, const struct route_filter *f, json_t **ret)
{
	json_t *all, *fit, *route;
	size_t i;
	int err;

	for (i = 0; i < f->n_is; i++) {
		/* A device that is not there is a mistake, not an empty list. */
		json_t *links;
		bool is_there = false;

		if (strcmp(f->is[i].key, "dev") != 0)
			continue;
		err = ip_call(ip, "ip.addrs", NULL, &links);
		if (err)
			return err;
		for (size_t j = 0; j < json_array_size(links); j++)
			if (!strcmp(json_text_of(json_array_get(links, j), "ifname"),
				    f->is[i].value))
				is_there = true;
		json_decref(links);
		if (!is_there) {
			fprintf(stderr, "Cannot find device \"%s\"\n", f->is[i].value);
			return IP_FAILED;
		}
	}
	err = ip_call(ip, "ip.routes", NULL, &all);
	if (err)
		return err;
	fit = json_array();
	/* One table after the other. */
	for (int pass = 0; pass < 2; pass++) {
		json_array_foreach (all, i, route) {
			bool is_main = strcmp(json_text_of(route, "table"), "main") == 0;

			if (is_main == (pass == 0) && route_fits(ip, route, f))
				json_array_append(fit, route);
		}
	}
	json_decref(all);
	*ret = fit;
	return IP_OK;
}

static int route_show(struct ip *ip)
{
	struct ip_hidden hidden = {.n = 0};
	struct route_filter f;
	json_t *routes;
	int err = filter_read(ip, &f);

	if (!err)
		err = routes_get(ip, &f, &routes);
	if (err)
		return err;
	for (uint32_t i = 0; i < f.n_is; i++)
		if (strcmp(f.is[i].key, "type") != 0)
			hidden.keys[hidden.n++] = f.is[i].key;
	hidden.shows_table = strcmp(f.table, "all") == 0;
	if (ip->opts.json) {
		json_t *shown = ip_routes_json(routes, &ip->opts, &hidden);

		ip_json_print(ip, shown);
		json_decref(shown);
	} else {
		ip_routes_print(ip->out, routes, &ip->opts, &hidden);
	}
	json_decref(routes);
	return IP_OK;
}

/* ---- changing ------------------------------------------------------------------------------ */

/* Checks an address that belongs to a route: of the destination's family, once that is known. */
static int hop_check(const struct ip *ip, const json_t *params, const char *text)
{
	const char *dst = json_text_of(params, "dst");
	struct ip as_dst = *ip;

	if (!as_dst.opts.family && *dst && strcmp(dst, "default") != 0)
		as_dst.opts.family = strchr(dst, ':') ? 6 : 4;
	return ip_addr_check(&as_dst, text);
}

/* `via inet 10.0.0.1` says the family first. */
static int via_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);
	int err;

	if (value && (!strcmp(value, "inet") || !strcmp(value, "inet6")))
		value = ip_value(ip);
	if (!value)
		return IP_USAGE;
	err = hop_check(ip, params, value);
	if (!err)
		json_object_set_new(params, "via", json_string(value));
	return err;
}

static int metric_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);
	uint32_t n;

	if (!value)
		return IP_USAGE;
	if (!ip_number_read(value, UINT32_MAX, &n))
		return ip_bad_value(value, "\"metric\" value is invalid\n");
	json_object_set_new(params, "metric", json_integer(n));
	return IP_OK;
}

static int protocol_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);
	uint32_t n;

	if (!value)
		return IP_USAGE;
	if (proto_read(value, &n))
		return ip_bad_value(value, "\"protocol\" value is invalid\n");
	json_object_set_new(params, "protocol", json_integer(n));
	return IP_OK;
}

static int src_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);
	int err;

	if (!value)
		return IP_USAGE;
	err = hop_check(ip, params, value);
	if (!err)
		json_object_set_new(params, "src", json_string(value));
	return err;
}

static int dev_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);

	if (!value)
		return IP_USAGE;
	json_object_set_new(params, "dev", json_string(value));
	return IP_OK;
}

static int table_read(struct ip *ip)
{
	struct route_filter f;
	const char *value = ip_value(ip);
	int err;

	if (!value)
		return IP_USAGE;
	err = filter_table(value, &f);
	if (err || strcmp(f.table, "main") == 0)
		return err;
	fprintf(stderr, "weft ip: a weft node has the tables main and local, and routes are "
			"added to main\n");
	return IP_USAGE;
}

/* Words of iproute2 that a weft node has nothing for. */
static bool route_word_is_known(const char *word)
{
	static const char *const words[] = {
		"onlink",   "advmss",   "rtt",     "rttvar",        "window",    "cwnd",
		"initrwnd", "ssthresh", "realms",  "rto_min",       "hoplimit",  "quickack",
		"lock",     "pref",     "expires", "nexthop",       "encap",     "tos",
		"dsfield",  "weight",   "nhid",    "ttl-propagate", "pervasive", "reordering"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static int dst_read(struct ip *ip, const char *word, json_t *params)
{
	int err;

	if (!strcmp(word, "to"))
		word = ip_value(ip);
	if (word && !json_has(params, "type") && is_route_type(word)) {
		json_object_set_new(params, "type", json_string(word));
		word = ip_value(ip);
	}
	if (!word)
		return IP_USAGE;
	if (route_word_is_known(word)) {
		fprintf(stderr,
			"weft ip: routes of a weft node have no `%s`; they have via, dev, src, "
			"metric, proto, mtu, initcwnd, features and congctl\n",
			word);
		return IP_USAGE;
	}
	if (json_has(params, "dst"))
		return ip_garbage("to", word);
	err = ip_prefix_check(ip, word);
	if (!err)
		json_object_set_new(params, "dst",
				    json_string(!strcmp(word, "any") || !strcmp(word, "all")
							? "default"
							: word));
	return err;
}

static int scope_read(struct ip *ip)
{
	/* It follows from the gateway. */
	return ip_value(ip) ? IP_OK : IP_USAGE;
}

/* A number that the traffic of a route goes by. */
static int route_number_read(struct ip *ip, const char *name, json_t *params)
{
	const char *value = ip_value(ip);
	char why[64];
	uint32_t n;

	if (!value)
		return IP_USAGE;
	if (strcmp(value, "lock") == 0)
		return dst_read(ip, value, params);
	(void)snprintf(why, sizeof(why), "\"%s\" value is invalid\n", name);
	if (!ip_number_read(value, UINT16_MAX, &n))
		return ip_bad_value(value, why);
	json_object_set_new(params, name, json_integer(n));
	return IP_OK;
}

static int features_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);

	if (!value)
		return IP_USAGE;
	if (strcmp(value, "ecn") != 0)
		return ip_bad_value(value, "\"features\" value not valid\n");
	json_object_set_new(params, "ecn", json_true());
	return IP_OK;
}

static int congctl_read(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);

	if (!value)
		return IP_USAGE;
	if (strcmp(value, "lock") == 0)
		return dst_read(ip, value, params);
	json_object_set_new(params, "congctl", json_string(value));
	return IP_OK;
}

static int route_word(struct ip *ip, const char *word, json_t *params)
{
	if (!strcmp(word, "via"))
		return via_read(ip, params);
	if (!strcmp(word, "dev") || !strcmp(word, "oif"))
		return dev_read(ip, params);
	if (!strcmp(word, "src"))
		return src_read(ip, params);
	if (!strcmp(word, "metric") || ip_word_is(word, "priority") ||
	    ip_word_is(word, "preference"))
		return metric_read(ip, params);
	if (!strcmp(word, "proto") || !strcmp(word, "protocol"))
		return protocol_read(ip, params);
	if (!strcmp(word, "scope"))
		return scope_read(ip);
	if (!strcmp(word, "mtu") || !strcmp(word, "initcwnd"))
		return route_number_read(ip, word, params);
	if (!strcmp(word, "features"))
		return features_read(ip, params);
	if (!strcmp(word, "congctl"))
		return congctl_read(ip, params);
	if (!strcmp(word, "table"))
		return table_read(ip);
	return dst_read(ip, word, params);
}

/* What stands after the verb, as parameters. NULL: *ret_err is the exit status. */
static json_t *route_args(struct ip *ip, int *ret_err)
{
	json_t *params = json_object();
	const char *word;

	*ret_err = IP_OK;
	if (ip->argc == 0) {
		fprintf(stderr,
			"Usage: ip route { add | del | change | append | replace } [ TYPE ] "
			"PREFIX\n"
			"                [ via ADDRESS ] [ dev IF ] [ src ADDRESS ]\n"
			"                [ metric N ] [ proto PROTOCOL ] [ mtu N ] [ initcwnd N ]\n"
			"                [ features ecn ] [ congctl NAME ]\n"
			"       TYPE := { unicast | unreachable | blackhole | prohibit }\n");
		*ret_err = IP_USAGE;
	}
	while (!*ret_err && (word = ip_next(ip)))
		*ret_err = route_word(ip, word, params);
	if (!*ret_err && !json_has(params, "dst"))
		json_object_set_new(params, "dst", json_string("default"));
	if (!*ret_err)
		return params;
	json_decref(params);
	return NULL;
}

static int route_change(struct ip *ip, const char *mode)
{
	int err;
	json_t *params = route_args(ip, &err);

	if (!params)
		return err;
	json_object_set_new(params, "mode", json_string(mode));
	return ip_call(ip, "ip.route_add", params, NULL);
}

static int route_del(struct ip *ip)
{
	int err;
	json_t *params = route_args(ip, &err);

	return params ? ip_call(ip, "ip.route_del", params, NULL) : err;
}

/* A route of the list, as the parameters that delete it. */
static json_t *route_params(const json_t *route)
{
	json_t *params = json_object();
	uint32_t proto;

	json_object_set(params, "dst", json_object_get(route, "dst"));
	json_object_set(params, "type", json_object_get(route, "type"));
	if (json_has(route, "dev"))
		json_object_set(params, "dev", json_object_get(route, "dev"));
	if (json_has(route, "gateway"))
		json_object_set(params, "via", json_object_get(route, "gateway"));
	if (json_has(route, "metric"))
		json_object_set(params, "metric", json_object_get(route, "metric"));
	if (proto_read(json_text_of(route, "protocol"), &proto) == IP_OK)
		json_object_set_new(params, "protocol", json_integer(proto));
	return params;
}

static int route_flush(struct ip *ip)
{
	struct route_filter f;
	json_t *routes;
	uint32_t n;
	int err;

	if (ip->argc == 0) {
		fprintf(stderr, "\"ip route flush\" requires arguments.\n");
		return IP_FAILED;
	}
	err = filter_read(ip, &f);
	/* Those of the table local belong to addresses. */
	if (!strcmp(f.table, "all"))
		f.table = "main";
	if (!err)
		err = routes_get(ip, &f, &routes);
	if (err)
		return err;
	n = (uint32_t)json_array_size(routes);
	for (size_t i = 0; i < n && !err; i++)
		err = ip_call(ip, "ip.route_del", route_params(json_array_get(routes, i)), NULL);
	json_decref(routes);
	if (!err && ip->opts.stats && n)
		printf("\n*** Round 1, deleting %u entries ***\n"
		       "*** Flush is complete after 1 round ***\n",
		       n);
	else if (!err && ip->opts.stats)
		printf("Nothing to flush.\n");
	return err;
}

/* ---- asking -------------------------------------------------------------------------------- */

static int route_get_args(struct ip *ip, json_t *params)
{
	const char *word, *key, *slash;
	int err;

	while ((word = ip_next(ip))) {
		key = "dst";
		if (!strcmp(word, "from"))
			key = "from";
		else if (!strcmp(word, "oif") || !strcmp(word, "dev"))
			key = "dev";
		if (strcmp(key, "dst") != 0 || !strcmp(word, "to"))
			word = ip_value(ip);
		if (!word)
			return IP_USAGE;
		if (!strcmp(key, "dev")) {
			json_object_set_new(params, key, json_string(word));
			continue;
		}
		if (json_has(params, key)) {
			fprintf(stderr, "Error: inet prefix is expected rather than \"%s\".\n",
				word);
			return IP_FAILED;
		}
		err = ip_prefix_check(ip, word);
		if (err)
			return err;
		slash = strchr(word, '/');
		json_object_set_new(
			params, key,
			json_stringn(word, slash ? (size_t)(slash - word) : strlen(word)));
	}
	return IP_OK;
}

static int route_get(struct ip *ip)
{
	json_t *params = json_object(), *routes;
	int err = route_get_args(ip, params);

	if (!err && !json_has(params, "dst")) {
		fprintf(stderr, "need at least a destination address\n");
		err = IP_FAILED;
	}
	if (err) {
		json_decref(params);
		return err;
	}
	err = ip_call(ip, "ip.route_get", params, &routes);
	if (err)
		return err;
	if (ip->opts.json)
		ip_json_print(ip, routes);
	else
		ip_route_got_print(ip->out, routes, &ip->opts);
	json_decref(routes);
	return IP_OK;
}

int ip_route_run(struct ip *ip)
{
	const char *verb = ip_next(ip);

	if (!verb || ip_word_is(verb, "list") || ip_word_is(verb, "show") || !strcmp(verb, "lst"))
		return route_show(ip);
	if (ip_word_is(verb, "get"))
		return route_get(ip);
	if (ip_word_is(verb, "add"))
		return route_change(ip, "add");
	if (ip_word_is(verb, "change") || !strcmp(verb, "chg"))
		return route_change(ip, "change");
	if (ip_word_is(verb, "replace"))
		return route_change(ip, "replace");
	if (ip_word_is(verb, "append"))
		return route_change(ip, "append");
	if (ip_word_is(verb, "delete"))
		return route_del(ip);
	if (ip_word_is(verb, "flush"))
		return route_flush(ip);
	return ip_unknown_verb("route", verb);
}
