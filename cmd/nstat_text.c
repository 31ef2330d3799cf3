/* SPDX-License-Identifier: MIT */
/* What nstat shows of counters, as iproute2 6.1 prints it. */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "cmd/json_text.h"
#include "cmd/nstat.h"

/* nstat prints the files of /proc/net one after the other: snmp, then netstat. The groups stand in
 * their order; what only weft has comes last. */
static const char *const groups[] = {"Ip",  "Icmp",  "IcmpMsg", "Tcp",      "Udp",    "UdpLite",
				     "Ip6", "Icmp6", "Udp6",    "UdpLite6", "TcpExt", "IpExt"};
enum {
	N_GROUPS = sizeof(groups) / sizeof(groups[0]),
};

/* The group whose name is the longest that `name` begins with; N_GROUPS: none. */
static size_t group_of(const char *name)
{
	size_t best = N_GROUPS, best_len = 0;

	for (size_t i = 0; i < N_GROUPS; i++) {
		size_t len = strlen(groups[i]);

		if (len > best_len && strncmp(name, groups[i], len) == 0) {
			best = i;
			best_len = len;
		}
	}
	return best;
}

static bool is_wanted(const char *name, char *const *patterns)
{
	if (!patterns || !*patterns)
		return true;
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, FNM_CASEFOLD) == 0)
			return true;
	return false;
}

json_t *nstat_pick(const json_t *answer, const struct nstat_opts *o)
{
	json_t *now = json_object_get(answer, "kernel"), *value, *ret = json_object();
	const json_t *before = json_object_get(answer, "history");
	const char *name;

	for (size_t group = 0; group <= N_GROUPS; group++) {
		json_object_foreach (now, name, value) {
			json_int_t n = json_integer_value(value);

			if (group_of(name) != group || !is_wanted(name, o->patterns))
				continue;
			if (!o->is_absolute)
				n -= json_int_of(before, name);
			if (n || o->has_zeros)
				json_object_set_new(ret, name, json_integer(n));
		}
	}
	return ret;
}

void nstat_print(FILE *out, const json_t *counters, const struct nstat_opts *o)
{
	const json_t *value;
	const char *name;

	if (o->json) {
		json_t *all = json_pack("{s:O}", "kernel", (json_t *)(uintptr_t)counters);

		json_text_print(out, all, o->pretty);
		json_decref(all);
		return;
	}
	fputs("#kernel\n", out);
	/* The rate is nstat's daemon's, which we are not. */
	json_object_foreach ((json_t *)(uintptr_t)counters, name, value)
		fprintf(out, "%-32s%-16" PRId64 "%6.1f\n", name, (int64_t)json_integer_value(value),
			0.0);
}
