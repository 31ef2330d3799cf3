/* SPDX-License-Identifier: MIT */
/* `weft ip link` and `weft ip addr`: two views of the same interfaces, and what changes them. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "cmd/ip.h"
#include "cmd/json_text.h"
#include "weft/netif.h"

/* ---- showing ------------------------------------------------------------------------------- */

struct link_filter {
	const char *dev; /* NULL: all */
	bool is_up;
	const char *kind;  /* of linkinfo */
	const char *scope; /* of addresses */
	const char *label; /* a pattern */
	int secondary;     /* 1: those only, -1: none of them */
	struct ip_prefix to;
};

static bool filters_addrs(const struct ip *ip, const struct link_filter *f)
{
	return ip->opts.family || f->scope || f->label || f->secondary || f->to.family;
}

static bool link_fits(const json_t *link, const struct link_filter *f)
{
	const json_t *flag;
	size_t i;

	if (f->dev && strcmp(json_text_of(link, "ifname"), f->dev) != 0)
		return false;
	if (f->kind &&
	    strcmp(json_text_of(json_object_get(link, "linkinfo"), "info_kind"), f->kind) != 0)
		return false;
	if (!f->is_up)
		return true;
	json_array_foreach (json_object_get(link, "flags"), i, flag) {
		const char *name = json_string_value(flag);

		if (name && strcmp(name, "UP") == 0)
			return true;
	}
	return false;
}

static bool addr_fits(const struct ip *ip, const json_t *a, const struct link_filter *f)
{
	bool is_secondary = json_is_true(json_object_get(a, "secondary"));
	const char *family = json_text_of(a, "family");
	struct ip_prefix p;

	if (ip->opts.family && strcmp(family, ip->opts.family == 4 ? "inet" : "inet6") != 0)
		return false;
	if (f->scope && strcmp(json_text_of(a, "scope"), f->scope) != 0)
		return false;
	if (f->label && fnmatch(f->label, json_text_of(a, "label"), 0) != 0)
		return false;
	if (f->secondary && is_secondary != (f->secondary > 0))
		return false;
	if (!f->to.family)
		return true;
	return ip_prefix_read(json_text_of(a, "local"), &p) && ip_prefix_has(&f->to, &p);
}

/* Interfaces that fit, with those of their addresses that do. IP_OK and *ret, the caller's. */
static int links_get(struct ip *ip, const struct link_filter *f, enum ip_link_view view,
		     json_t **ret)
{
	json_t *all, *links, *link, *a;
	bool is_known = false;
	size_t i, j;
	int err = ip_call(ip, "ip.addrs", NULL, &all);

	if (err)
		return err;
	links = json_array();
	json_array_foreach (all, i, link) {
		json_t *fit = json_array(), *copy;

		if (f->dev && strcmp(json_text_of(link, "ifname"), f->dev) == 0)
			is_known = true;
		json_array_foreach (json_object_get(link, "addr_info"), j, a)
			if (addr_fits(ip, a, f))
				json_array_append(fit, a);
		copy = json_copy(link);
		/* A filter of addresses leaves out the interfaces that have none. */
		if (link_fits(link, f) &&
		    (view == IP_VIEW_LINK || !filters_addrs(ip, f) || json_array_size(fit) > 0)) {
			json_object_set(copy, "addr_info", fit);
			json_array_append(links, copy);
		}
		json_decref(copy);
		json_decref(fit);
	}
	json_decref(all);
	*ret = links;
	if (!f->dev || is_known)
		return IP_OK;
	fprintf(stderr, "Device \"%s\" does not exist.\n", f->dev);
	json_decref(links);
	return IP_FAILED;
}

static int filter_read(struct ip *ip, struct link_filter *f)
{
	const char *word, *value;
	int err;

	*f = (struct link_filter){0};
	while ((word = ip_next(ip))) {
		bool takes_value = !strcmp(word, "to") || !strcmp(word, "scope") ||
				   !strcmp(word, "label") || !strcmp(word, "type") ||
				   !strcmp(word, "dev");

		value = takes_value ? ip_value(ip) : word;
		if (!value)
			return IP_USAGE;
		if (!strcmp(word, "to")) {
			err = ip_prefix_check(ip, value);
			if (err)
				return err;
			(void)ip_prefix_read(value, &f->to);
		} else if (!strcmp(word, "scope")) {
			f->scope = strcmp(value, "all") ? value : NULL;
			if (f->scope && strcmp(value, "global") && strcmp(value, "link") &&
			    strcmp(value, "host"))
				return ip_bad_value(value, "invalid \"scope\"\n");
		} else if (!strcmp(word, "label")) {
			f->label = value;
		} else if (!strcmp(word, "type")) {
			f->kind = value;
		} else if (!strcmp(word, "up")) {
			f->is_up = true;
		} else if (!strcmp(word, "secondary") || !strcmp(word, "temporary")) {
			f->secondary = 1;
		} else if (!strcmp(word, "primary")) {
			f->secondary = -1;
		} else if (!strcmp(word, "permanent")) {
			continue; /* all are */
		} else if (f->dev) {
			return ip_garbage("dev", value);
		} else {
			f->dev = value;
		}
	}
	return IP_OK;
}

static int links_show(struct ip *ip, enum ip_link_view view)
{
	struct link_filter f;
	bool hides_lladdr;
	json_t *links;
	int err = filter_read(ip, &f);

	if (!err)
		err = links_get(ip, &f, view, &links);
	if (err)
		return err;
	if (f.label && view == IP_VIEW_ADDR)
		view = IP_VIEW_ADDR_ALONE;
	hides_lladdr = view != IP_VIEW_LINK && (ip->opts.family || f.to.family);
	if (ip->opts.json) {
		json_t *shown = ip_links_json(links, &ip->opts, view, hides_lladdr);

		ip_json_print(ip, shown);
		json_decref(shown);
	} else {
		ip_links_print(ip->out, links, &ip->opts, view, hides_lladdr);
	}
	json_decref(links);
	return IP_OK;
}

/* ---- addresses ----------------------------------------------------------------------------- */

struct addr_args {
	const char *address, *dev;
	bool nodad, noprefixroute;
	const char *valid, *preferred; /* as written; NULL: not */
};

/* A word with a value that changes nothing here, because there is only one way: the broadcast
 * address is the prefix's, the scope the address's, the label the interface's name. */
static bool addr_word_is_fixed(const char *word)
{
	static const char *const words[] = {"brd", "broadcast", "scope", "label", "metric"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* Words of iproute2 that addresses of a weft node have nothing for. */
static bool addr_word_is_known(const char *word)
{
	static const char *const words[] = {"peer",     "remote",     "anycast",
					    "home",     "mngtmpaddr", "optimistic",
					    "autojoin", "rtmetric",   "proto"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static int addr_args_read(struct ip *ip, struct addr_args *ret)
{
	const char *word;
	int err;

	*ret = (struct addr_args){0};
	while ((word = ip_next(ip))) {
		if (!strcmp(word, "dev")) {
			ret->dev = ip_value(ip);
			if (!ret->dev)
				return IP_USAGE;
		} else if (!strcmp(word, "nodad")) {
			ret->nodad = true;
		} else if (!strcmp(word, "noprefixroute")) {
			ret->noprefixroute = true;
		} else if (!strcmp(word, "valid_lft") || !strcmp(word, "preferred_lft")) {
			*(*word == 'v' ? &ret->valid : &ret->preferred) = ip_value(ip);
			if (!(*word == 'v' ? ret->valid : ret->preferred))
				return IP_USAGE;
		} else if (addr_word_is_known(word)) {
			fprintf(stderr,
				"weft ip: addresses of a weft node have no `%s`; they have a "
				"prefix "
				"and an interface\n",
				word);
			return IP_USAGE;
		} else if (addr_word_is_fixed(word)) {
			if (!ip_value(ip))
				return IP_USAGE;
		} else {
			if (!strcmp(word, "local"))
				word = ip_value(ip);
			if (!word)
				return IP_USAGE;
			if (ret->address)
				return ip_garbage("local", word);
			err = ip_prefix_check(ip, word);
			if (err)
				return err;
			ret->address = word;
		}
	}
	if (ret->dev)
		return IP_OK;
	fprintf(stderr, "Not enough information: \"dev\" argument is required.\n");
	return IP_FAILED;
}

/* The address on the interface as it stands there, with its length; the caller's. */
static int addr_find(struct ip *ip, const struct addr_args *args, char **ret)
{
	struct link_filter f = {.dev = args->dev};
	json_t *links, *a;
	size_t i;
	int err = links_get(ip, &f, IP_VIEW_LINK, &links);

	*ret = NULL;
	if (err)
		return err;
	json_array_foreach (json_object_get(json_array_get(links, 0), "addr_info"), i, a) {
		if (strcmp(json_text_of(a, "local"), args->address) != 0)
			continue;
		if (asprintf(ret, "%s/%d", args->address, (int)json_int_of(a, "prefixlen")) < 0)
			*ret = NULL;
		break;
	}
	json_decref(links);
	return IP_OK;
}

/* "forever" or seconds, into a parameter. */
static int addr_life_set(json_t *params, const char *name, const char *text)
{
	uint32_t s = UINT32_MAX;
	int err = text && strcmp(text, "forever") != 0 ? ip_number(text, UINT32_MAX, name, &s) : 0;

	if (!err && text)
		json_object_set_new(params, name, json_integer(s));
	return err;
}

static int addr_how_set(const struct addr_args *args, json_t *params)
{
	int err = addr_life_set(params, "valid_lft", args->valid);

	if (!err)
		err = addr_life_set(params, "preferred_lft", args->preferred);
	if (args->nodad)
		json_object_set_new(params, "nodad", json_true());
	if (args->noprefixroute)
		json_object_set_new(params, "noprefixroute", json_true());
	return err;
}

static int addr_change(struct ip *ip, const char *method, bool is_del)
{
	struct addr_args args;
	char *whole = NULL;
	json_t *params;
	int err = addr_args_read(ip, &args);

	if (err)
		return err;
	if (!args.address) {
		fprintf(stderr, "RTNETLINK answers: Operation not supported\n");
		return IP_REFUSED;
	}
	if (is_del && !strchr(args.address, '/')) {
		err = addr_find(ip, &args, &whole);
		if (err)
			return err;
		if (whole && !strstr(whole, "/32"))
			fprintf(stderr,
				"Warning: Executing wildcard deletion to stay compatible with old "
				"scripts.\n"
				"         Explicitly specify the prefix length (%s/32) to avoid "
				"this warning.\n"
				"         This special behaviour is likely to disappear in further "
				"releases,\n"
				"         fix your scripts!\n",
				args.address);
	}
	params = json_pack("{s:s, s:s}", "dev", args.dev, "address", whole ? whole : args.address);
	err = is_del ? IP_OK : addr_how_set(&args, params);
	if (!err)
		err = ip_call(ip, method, params, NULL);
	else
		json_decref(params);
	free(whole);
	return err;
}

/* `ip addr replace` and `change`: what is there already is fine. */
static int addr_replace(struct ip *ip)
{
	struct link_filter f = {0};
	struct addr_args args;
	struct ip_prefix want, have;
	bool is_there = false;
	json_t *links, *a;
	size_t i;
	int err = addr_args_read(ip, &args);

	if (!err && !args.address) {
		fprintf(stderr, "RTNETLINK answers: Operation not supported\n");
		err = IP_REFUSED;
	}
	f.dev = args.dev;
	if (!err)
		err = links_get(ip, &f, IP_VIEW_LINK, &links);
	if (err)
		return err;
	(void)ip_prefix_read(args.address, &want);
	json_array_foreach (json_object_get(json_array_get(links, 0), "addr_info"), i, a)
		if (ip_prefix_read(json_text_of(a, "local"), &have) && have.family == want.family &&
		    json_int_of(a, "prefixlen") == want.len &&
		    memcmp(have.bytes, want.bytes, sizeof(want.bytes)) == 0)
			is_there = true;
	json_decref(links);
	if (is_there)
		return IP_OK;
	return ip_call(ip, "ip.addr_add",
		       json_pack("{s:s, s:s}", "dev", args.dev, "address", args.address), NULL);
}

static void flush_report(const struct ip *ip, uint32_t n)
{
	if (!ip->opts.stats)
		return;
	if (n == 0)
		printf("Nothing to flush.\n");
	else
		printf("\n*** Round 1, deleting %u addresses ***\n"
		       "*** Flush is complete after 1 round ***\n",
		       n);
}

static int addr_flush(struct ip *ip)
{
	struct link_filter f;
	json_t *links, *link, *a;
	uint32_t n = 0;
	size_t i, j;
	int err;

	if (ip->argc == 0) {
		fprintf(stderr, "Flush requires arguments.\n");
		return IP_FAILED;
	}
	err = filter_read(ip, &f);
	if (!err)
		err = links_get(ip, &f, IP_VIEW_LINK, &links);
	if (err)
		return err;
	json_array_foreach (links, i, link) {
		json_array_foreach (json_object_get(link, "addr_info"), j, a) {
			char text[64];

			snprintf(text, sizeof(text), "%s/%d", json_text_of(a, "local"),
				 (int)json_int_of(a, "prefixlen"));
			if (!err)
				err = ip_call(ip, "ip.addr_del",
					      json_pack("{s:s, s:s}", "dev",
							json_text_of(link, "ifname"), "address",
							text),
					      NULL);
			n++;
		}
	}
	json_decref(links);
	if (!err)
		flush_report(ip, n);
	return err;
}

int ip_addr_run(struct ip *ip)
{
	const char *verb = ip_next(ip);

	if (!verb || ip_word_is(verb, "show") || ip_word_is(verb, "list") || !strcmp(verb, "lst"))
		return links_show(ip, IP_VIEW_ADDR);
	if (ip_word_is(verb, "add"))
		return addr_change(ip, "ip.addr_add", false);
	if (ip_word_is(verb, "change") || !strcmp(verb, "chg") || ip_word_is(verb, "replace"))
		return addr_replace(ip);
	if (ip_word_is(verb, "delete"))
		return addr_change(ip, "ip.addr_del", true);
	if (ip_word_is(verb, "flush"))
		return addr_flush(ip);
	return ip_unknown_verb("address", verb);
}

/* ---- links --------------------------------------------------------------------------------- */

/* A word of ours: iproute2 has none for it. */
static int link_mss_clamp(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);
	uint32_t mss = 0;
	int err = IP_OK;

	if (!value)
		return IP_USAGE;
	if (!strcmp(value, "pmtu"))
		mss = WEFT_MSS_PMTU;
	else if (strcmp(value, "off") != 0)
		err = ip_number(value, WEFT_MSS_PMTU - 1, "mss-clamp", &mss);
	if (!err)
		json_object_set_new(params, "mss_clamp", json_integer(mss));
	return err;
}

/* The same: elsewhere that is `ethtool -K DEV gro on|off`. */
static int link_gro(struct ip *ip, json_t *params)
{
	const char *value = ip_value(ip);

	if (!value)
		return IP_USAGE;
	if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0) {
		fprintf(stderr, "weft ip: gro is `on` or `off`, not `%s`\n", value);
		return IP_USAGE;
	}
	json_object_set_new(params, "gro", json_boolean(!strcmp(value, "on")));
	return IP_OK;
}

static int link_set_word(struct ip *ip, const char *word, json_t *params)
{
	bool is_up = !strcmp(word, "up");
	const char *value;
	uint32_t mtu;
	int err;

	if (is_up || !strcmp(word, "down")) {
		json_object_set_new(params, "up", json_boolean(is_up));
		return IP_OK;
	}
	if (!strcmp(word, "mtu")) {
		value = ip_value(ip);
		if (!value)
			return IP_USAGE;
		err = ip_number(value, UINT32_MAX, "mtu", &mtu);
		if (!err)
			json_object_set_new(params, "mtu", json_integer(mtu));
		return err;
	}
	if (!strcmp(word, "mss-clamp"))
		return link_mss_clamp(ip, params);
	if (!strcmp(word, "gro"))
		return link_gro(ip, params);
	if (ip_word_is(word, "address")) {
		value = ip_value(ip);
		if (!value)
			return IP_USAGE;
		err = ip_lladdr_check(value);
		if (!err)
			json_object_set_new(params, "address", json_string(value));
		return err;
	}
	return -1;
}

/* Words of ip link set that a weft node does not have. */
static bool link_word_is_known(const char *word)
{
	static const char *const words[] = {
		"alias",  "allmulticast", "arp",       "broadcast", "carrier",  "group",
		"master", "multicast",    "name",      "netns",     "nomaster", "promisc",
		"txqlen", "txqueuelen",   "qlen",      "trailers",  "dynamic",  "vf",
		"xdp",    "addrgenmode",  "operstate", "mode",      "state",    "brd"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static int link_set(struct ip *ip)
{
	json_t *params = json_object();
	const char *word, *dev = NULL;
	int err = IP_OK;

	while (!err && (word = ip_next(ip))) {
		err = link_set_word(ip, word, params);
		if (err >= 0)
			continue;
		err = IP_OK;
		if (link_word_is_known(word)) {
			fprintf(stderr,
				"weft ip: `%s` cannot be set on a weft node; up, down, mtu, "
				"address, mss-clamp and gro can\n",
				word);
			err = IP_USAGE;
			break;
		}
		if (!strcmp(word, "dev"))
			word = ip_value(ip);
		if (!word)
			err = IP_USAGE;
		else if (dev)
			err = ip_garbage("dev", word);
		else
			dev = word;
	}
	if (!err && !dev) {
		fprintf(stderr, "Not enough information: \"dev\" argument is required.\n");
		err = IP_USAGE;
	}
	if (err) {
		json_decref(params);
		return err;
	}
	json_object_set_new(params, "dev", json_string(dev));
	return ip_call(ip, "ip.link_set", params, NULL);
}

int ip_link_run(struct ip *ip)
{
	const char *verb = ip_next(ip);

	if (!verb || ip_word_is(verb, "show") || ip_word_is(verb, "list") || !strcmp(verb, "lst"))
		return links_show(ip, IP_VIEW_LINK);
	if (ip_word_is(verb, "set") || ip_word_is(verb, "change"))
		return link_set(ip);
	if (ip_word_is(verb, "add") || ip_word_is(verb, "delete") || ip_word_is(verb, "replace")) {
		fprintf(stderr,
			"weft ip: links of a weft node come from the lab file; show and set work "
			"on them\n");
		return IP_REFUSED;
	}
	return ip_unknown_verb("link", verb);
}
