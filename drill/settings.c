/* SPDX-License-Identifier: MIT */
/*
 * Settings of scripts. One that the stack has is set. Linux has more: those that tune what the
 * stack does in one way are passed over when they ask for that, and refused otherwise. Those of
 * features that are not there at all are passed over, because the file of defaults with which
 * public scripts begin sets them: a script about such a feature fails by its packets.
 */
#include "drill/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Three numbers under one name, as Linux writes them; the stack has names of its own for some. */
static const struct {
	const char *name;
	const char *parts[3]; /* NULL: passed over */
} triples[] = {
	{"net.ipv4.tcp_rmem",
	 {"net.ipv4.tcp_rmem_min", "net.ipv4.tcp_rmem_default", "net.ipv4.tcp_rmem_max"}},
	{"net.ipv4.tcp_wmem",
	 {"net.ipv4.tcp_wmem_min", "net.ipv4.tcp_wmem_default", "net.ipv4.tcp_wmem_max"}},
	{"net.ipv4.tcp_mem",
	 {"net.ipv4.tcp_mem_min", "net.ipv4.tcp_mem_pressure", "net.ipv4.tcp_mem_max"}},
	{"net.ipv4.ip_local_port_range",
	 {"net.ipv4.ip_local_port_range.min", "net.ipv4.ip_local_port_range.max", NULL}},
};

/* Settings of Linux that the stack has no number for: `only` is the value that it does; NULL: any,
 * because the feature is not there, or does not show on the wire of one connection. */
static const struct {
	const char *name;
	const char *only;
} foreign[] = {
	{"net.ipv4.tcp_frto", NULL},
	{"net.ipv4.tcp_fack", "0"},
	{"net.ipv4.tcp_dsack", "1"},
	{"net.ipv4.tcp_reordering", "3"},
	{"net.ipv4.tcp_max_reordering", NULL},
	{"net.ipv4.tcp_allowed_congestion_control", NULL},
	{"net.ipv4.tcp_early_retrans", NULL},
	{"net.ipv4.tcp_recovery", NULL},
	{"net.ipv4.tcp_tso_win_divisor", NULL},
	{"net.ipv4.tcp_min_tso_segs", NULL},
	{"net.ipv4.tcp_tso_rtt_log", NULL},
	{"net.ipv4.tcp_limit_output_bytes", NULL},
	{"net.ipv4.tcp_autocorking", "0"},
	{"net.ipv4.tcp_ecn", "0"},
	{"net.ipv4.tcp_ecn_fallback", NULL},
	{"net.ipv4.tcp_pacing_ss_ratio", NULL},
	{"net.ipv4.tcp_pacing_ca_ratio", NULL},
	{"net.ipv4.tcp_syncookies", NULL},
	{"net.ipv4.tcp_no_metrics_save", NULL},
	{"net.ipv4.tcp_no_ssthresh_metrics_save", NULL},
	{"net.ipv4.tcp_low_latency", NULL},
	{"net.ipv4.tcp_adv_win_scale", NULL},
	{"net.ipv4.tcp_app_win", NULL},
	{"net.ipv4.tcp_abort_on_overflow", "0"},
	{"net.ipv4.tcp_mtu_probing", "0"},
	{"net.ipv4.tcp_base_mss", NULL},
	{"net.ipv4.tcp_min_snd_mss", NULL},
	{"net.ipv4.tcp_workaround_signed_windows", "0"},
	{"net.ipv4.tcp_invalid_ratelimit", NULL},
	{"net.ipv4.tcp_challenge_ack_limit", NULL},
	{"net.ipv4.tcp_tw_reuse", "0"},
	{"net.ipv4.tcp_stdurg", "0"},
	{"net.ipv4.tcp_retries1", NULL},
	{"net.ipv4.tcp_thin_linear_timeouts", "0"},
	{"net.ipv4.tcp_thin_dupack", "0"},
	{"net.ipv4.tcp_comp_sack_nr", NULL},
	{"net.ipv4.tcp_comp_sack_delay_ns", NULL},
	{"net.ipv4.tcp_comp_sack_slack_ns", NULL},
	{"net.ipv4.tcp_plb_enabled", "0"},
	{"net.ipv4.tcp_shrink_window", "0"},
	{"net.ipv4.ip_no_pmtu_disc", "0"},
	{"net.ipv4.route.min_pmtu", NULL},
	{"net.ipv4.ip_nonlocal_bind", NULL},
	{"net.core.default_qdisc", NULL},
	{"net.core.netdev_max_backlog", NULL},
	{"net.core.rmem_default", NULL},
	{"net.core.wmem_default", NULL},
	{"net.core.optmem_max", NULL},
	{"net.mptcp.enabled", NULL},
};

static int refuse(char *why, size_t size, const char *name, const char *value, const char *text)
{
	snprintf(why, size, "the setting %.60s=%.60s %s", name, value, text);
	return -EINVAL;
}

static bool number(const char *text, int64_t *ret, char **end)
{
	errno = 0;
	*ret = strtoll(text, end, 0);
	return *end != text && !errno;
}

static int apply_triple(struct weft_stack *st, const char *const parts[3], const char *name,
			const char *value, char *why, size_t why_size)
{
	const char *p = value;

	for (int i = 0; i < 3 && parts[i]; i++) {
		char *end;
		int64_t v;
		int err;

		if (!number(p, &v, &end))
			return refuse(why, why_size, name, value, "has too few numbers");
		p = end;
		err = weft_stack_set(st, parts[i], v);
		if (err && err != -ENOENT)
			return refuse(why, why_size, name, value, "is out of range");
	}
	return 0;
}

/* "1-2-3-4" or "1-2-3-4,5-6-7-8", words of 32 bits in hexadecimal, as Linux writes the key. */
static int apply_tfo_key(struct weft_stack *st, const char *name, const char *value, char *why,
			 size_t why_size)
{
	const char *p = value;
	char part[64], *end;

	for (int i = 0; i < 8; i++) {
		unsigned long word = *p ? strtoul(p, &end, 16) : 0;

		if (*p && (end == p || word > UINT32_MAX || (i % 4 != 3 && *end != '-')))
			return refuse(why, why_size, name, value, "is no key");
		if (*p)
			p = end + (*end != 0);
		snprintf(part, sizeof(part), "%s.%d", name, i);
		if (weft_stack_set(st, part, (int64_t)word))
			return refuse(why, why_size, name, value, "is not there");
	}
	return 0;
}

static int apply_foreign(const char *name, const char *value, char *why, size_t why_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		if (strcmp(foreign[i].name, name) != 0)
			continue;
		if (!foreign[i].only || !strcmp(foreign[i].only, value))
			return 0;
		return refuse(why, why_size, name, value, "asks for what the stack does not have");
	}
	return refuse(why, why_size, name, value, "is not known");
}

int drill_setting_apply(struct weft_stack *st, const char *name, const char *value, char *why,
			size_t why_size)
{
	int64_t v;
	char *end;
	int err;

	while (*value == ' ')
		value++;
	for (size_t i = 0; i < ARRAY_SIZE(triples); i++)
		if (!strcmp(triples[i].name, name))
			return apply_triple(st, triples[i].parts, name, value, why, why_size);
	if (!strcmp(name, "net.ipv4.tcp_fastopen_key"))
		return apply_tfo_key(st, name, value, why, why_size);
	if (number(value, &v, &end) && !*end)
		err = weft_stack_set(st, name, v);
	else
		err = weft_stack_set_text(st, name, value);
	if (!err)
		return 0;
	if (err == -EINVAL)
		return refuse(why, why_size, name, value, "is out of range");
	return apply_foreign(name, value, why, why_size);
}
