/* SPDX-License-Identifier: MIT */
/* `weft ip neigh`. */
#include <string.h>
#include <strings.h>

#include "cmd/ip.h"
#include "cmd/json_text.h"

struct neigh_args {
	const char *dst, *dev, *lladdr, *nud;
};

static bool nud_is_known(const char *state)
{
	static const char *const states[] = {"permanent",  "reachable", "noarp", "none",   "stale",
					     "incomplete", "delay",     "probe", "failed", "all"};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

static int args_read(struct ip *ip, struct neigh_args *ret)
{
	const char *word, **place;

	*ret = (struct neigh_args){0};
	while ((word = ip_next(ip))) {
		bool is_dst = false;

		if (!strcmp(word, "dev")) {
			place = &ret->dev;
		} else if (!strcmp(word, "lladdr")) {
			place = &ret->lladdr;
		} else if (!strcmp(word, "nud") || !strcmp(word, "state")) {
			place = &ret->nud;
		} else {
			is_dst = true;
			place = &ret->dst;
		}
		if (!is_dst || !strcmp(word, "to"))
			word = ip_value(ip);
		if (!word)
			return IP_USAGE;
		if (is_dst && ret->dst)
			return ip_garbage("to", word);
		*place = word;
	}
	if (ret->nud && !nud_is_known(ret->nud))
		return ip_bad_value(ret->nud, "nud state is bad");
	return IP_OK;
}

/* ---- showing ------------------------------------------------------------------------------- */

static bool neigh_fits(const struct ip *ip, const json_t *n, const struct neigh_args *f)
{
	const char *state = json_string_value(json_array_get(json_object_get(n, "state"), 0));
	struct ip_prefix want, have;

	if (!ip_prefix_read(json_text_of(n, "dst"), &have))
		return false;
	if (ip->opts.family && (ip->opts.family == 6) != (have.len > 32))
		return false;
	if (f->dev && strcmp(json_text_of(n, "dev"), f->dev) != 0)
		return false;
	if (f->nud && strcmp(f->nud, "all") != 0 && (!state || strcasecmp(state, f->nud) != 0))
		return false;
	return !f->dst || (ip_prefix_read(f->dst, &want) && ip_prefix_has(&want, &have));
}

/* IP_OK and *ret, the caller's. */
static int neighs_get(struct ip *ip, const struct neigh_args *f, json_t **ret)
{
	json_t *all, *fit, *n;
	size_t i;
	int err = IP_OK;

	if (f->dst)
		err = ip_prefix_check(ip, f->dst);
	if (!err)
		err = ip_call(ip, "ip.neighs", NULL, &all);
	if (err)
		return err;
	fit = json_array();
	json_array_foreach (all, i, n)
		if (neigh_fits(ip, n, f))
			json_array_append(fit, n);
	json_decref(all);
	*ret = fit;
	return IP_OK;
}

static void neighs_print(struct ip *ip, const json_t *neighs, bool hides_dev)
{
	json_t *shown;

	if (!ip->opts.json) {
		ip_neighs_print(ip->out, neighs, &ip->opts, hides_dev);
		return;
	}
	shown = ip_neighs_json(neighs, &ip->opts, hides_dev);
	ip_json_print(ip, shown);
	json_decref(shown);
}

static int neigh_show(struct ip *ip)
{
	struct neigh_args f;
	json_t *neighs;
	int err = args_read(ip, &f);

	if (!err)
		err = neighs_get(ip, &f, &neighs);
	if (err)
		return err;
	neighs_print(ip, neighs, f.dev != NULL);
	json_decref(neighs);
	return IP_OK;
}

/* ---- changing ------------------------------------------------------------------------------ */

static int args_check(struct ip *ip, const struct neigh_args *a)
{
	int err;

	if (!a->dev || !a->dst) {
		fprintf(stderr, "Device and destination are required arguments.\n");
		return IP_USAGE;
	}
	err = ip_addr_check(ip, a->dst);
	if (!err && a->lladdr)
		err = ip_lladdr_check(a->lladdr);
	return err;
}

static int neigh_set(struct ip *ip, const char *mode)
{
	struct neigh_args a;
	int err = args_read(ip, &a);

	if (!err)
		err = args_check(ip, &a);
	if (err)
		return err;
	if (!a.lladdr) {
		fprintf(stderr, "Error: No link layer address given.\n");
		return IP_REFUSED;
	}
	if (a.nud && strcmp(a.nud, "permanent") && strcmp(a.nud, "reachable") &&
	    strcmp(a.nud, "stale"))
		return ip_bad_value(a.nud, "a weft node sets permanent, reachable or stale");
	return ip_call(ip, "ip.neigh_set",
		       json_pack("{s:s, s:s, s:s, s:s, s:s}", "mode", mode, "dev", a.dev, "dst",
				 a.dst, "lladdr", a.lladdr, "state", a.nud ? a.nud : "permanent"),
		       NULL);
}

static int neigh_del(struct ip *ip)
{
	struct neigh_args a;
	int err = args_read(ip, &a);

	if (!err)
		err = args_check(ip, &a);
	if (err)
		return err;
	return ip_call(ip, "ip.neigh_del", json_pack("{s:s, s:s}", "dev", a.dev, "dst", a.dst),
		       NULL);
}

static int neigh_get(struct ip *ip)
{
	struct neigh_args a;
	json_t *neighs;
	int err = args_read(ip, &a);

	if (!err)
		err = args_check(ip, &a);
	if (!err)
		err = neighs_get(ip, &a, &neighs);
	if (err)
		return err;
	if (json_array_size(neighs))
		neighs_print(ip, neighs, false);
	else
		fprintf(stderr, "Error: Neighbour entry not found.\n");
	err = json_array_size(neighs) ? IP_OK : IP_REFUSED;
	json_decref(neighs);
	return err;
}

static int neigh_flush(struct ip *ip)
{
	struct neigh_args f;
	json_t *neighs, *n;
	uint32_t count = 0;
	size_t i;
	int err;

	if (ip->argc == 0) {
		fprintf(stderr, "Flush requires arguments.\n");
		return IP_FAILED;
	}
	err = args_read(ip, &f);
	if (!err)
		err = neighs_get(ip, &f, &neighs);
	if (err)
		return err;
	json_array_foreach (neighs, i, n) {
		const char *state =
			json_string_value(json_array_get(json_object_get(n, "state"), 0));

		/* What was set for good goes only when it is asked for. */
		if (!f.nud && state && strcmp(state, "PERMANENT") == 0)
			continue;
		count++;
		if (!err)
			err = ip_call(ip, "ip.neigh_del",
				      json_pack("{s:s, s:s}", "dev", json_text_of(n, "dev"), "dst",
						json_text_of(n, "dst")),
				      NULL);
	}
	json_decref(neighs);
	if (!err && ip->opts.stats && count)
		printf("\n*** Round 1, deleting %u entries ***\n"
		       "*** Flush is complete after 1 round ***\n",
		       count);
	else if (!err && ip->opts.stats)
		printf("Nothing to flush.\n");
	return err;
}

int ip_neigh_run(struct ip *ip)
{
	const char *verb = ip_next(ip);

	if (!verb)
		return neigh_show(ip);
	if (ip_word_is(verb, "add"))
		return neigh_set(ip, "add");
	if (ip_word_is(verb, "change") || !strcmp(verb, "chg"))
		return neigh_set(ip, "change");
	if (ip_word_is(verb, "replace"))
		return neigh_set(ip, "replace");
	if (ip_word_is(verb, "delete"))
		return neigh_del(ip);
	if (ip_word_is(verb, "get"))
		return neigh_get(ip);
	if (ip_word_is(verb, "show") || ip_word_is(verb, "list") || !strcmp(verb, "lst"))
		return neigh_show(ip);
	if (ip_word_is(verb, "flush"))
		return neigh_flush(ip);
	return ip_unknown_verb("neigh", verb);
}
