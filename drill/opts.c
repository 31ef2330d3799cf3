/* SPDX-License-Identifier: MIT */
/* Options, by packetdrill's names: of the command line and of the top of a script. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drill/drill.h"

void drill_opts_init(struct drill_opts *opts)
{
	*opts = (struct drill_opts){
		.ip = DRILL_IP4,
		.mtu = DRILL_MTU,
		.bind_port = 8080,
		.connect_port = 8080,
		.tolerance_us = 4000,
		.tolerance_percent = 1,
		.seed = 1,
	};
}

static bool number(const char *value, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	if (!value || *value < '0' || *value > '9')
		return false;
	errno = 0;
	n = strtoull(value, &end, 0);
	if (errno || *end || n > max)
		return false;
	*ret = n;
	return true;
}

static int set_ip(struct drill_opts *opts, const char *value)
{
	static const char *const names[] = {"ipv4", "ipv6", "ipv4-mapped-ipv6"};

	for (int i = 0; value && i < 3; i++) {
		if (!strcmp(value, names[i])) {
			opts->ip = (enum drill_ip)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* 255.255.0.0, or the length of a prefix. */
static int set_netmask(struct drill_opts *opts, const char *value)
{
	unsigned octets[4];
	uint32_t mask = 0;
	uint64_t n;

	if (value && *value == '/')
		value++;
	if (number(value, 128, &n)) {
		opts->prefix_len = (uint8_t)n;
		return 0;
	}
	if (!value ||
	    sscanf(value, "%3u.%3u.%3u.%3u", &octets[0], &octets[1], &octets[2], &octets[3]) != 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++)
		mask = mask << 8 | (octets[i] & 255);
	if (mask == 0 || (~mask & (~mask + 1)) != 0)
		return -EINVAL;
	opts->prefix_len = (uint8_t)(32 - __builtin_ctz(mask));
	return 0;
}

/* Options of packetdrill that mean nothing here: real devices, real time, real processes. */
static bool means_nothing(const char *name)
{
	static const char *const names[] = {
		"init_scripts", "speed",       "non_fatal",      "debug",
		"code_command", "code_format", "send_omit_free", "is_anyip",
		"define",       "nic_name",    "define_ipv4",    "define_ipv6",
		"tun_dev",      "no_cleanup",  "live_bind_port", "mss",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* False: there is no such flag. */
static bool set_flag(struct drill_opts *opts, const char *name)
{
	if (!strcmp(name, "strict_segments"))
		opts->strict_segments = true;
	else if (!strcmp(name, "same_mss"))
		opts->same_mss = true;
	else if (!strcmp(name, "nothing_left"))
		opts->nothing_left = true;
	else if (!strcmp(name, "verbose"))
		opts->verbose = true;
	else if (!strcmp(name, "dry_run"))
		opts->dry_run = true;
	else
		return false;
	return true;
}

static int set_number(struct drill_opts *opts, const char *name, const char *value)
{
	uint64_t n, max = 1000000000;

	if (!strcmp(name, "seed"))
		max = UINT64_MAX;
	else if (strstr(name, "port") || !strcmp(name, "mtu"))
		max = 65535;
	else if (strstr(name, "percent"))
		max = 1000;

	if (!number(value, max, &n))
		return -EINVAL;
	if (!strcmp(name, "mtu"))
		opts->mtu = (uint32_t)n;
	else if (!strcmp(name, "bind_port"))
		opts->bind_port = (uint16_t)n;
	else if (!strcmp(name, "connect_port"))
		opts->connect_port = (uint16_t)n;
	else if (!strcmp(name, "tolerance_usecs"))
		opts->tolerance_us = (int64_t)n;
	else if (!strcmp(name, "tolerance_percent"))
		opts->tolerance_percent = (uint32_t)n;
	else if (!strcmp(name, "tcp_ts_tick_usecs"))
		opts->ts_tick_us = (uint32_t)n;
	else
		opts->seed = n;
	return 0;
}

int drill_opts_set(struct drill_opts *opts, const char *name, const char *value)
{
	static const char *const numbers[] = {
		"mtu",
		"bind_port",
		"connect_port",
		"tolerance_usecs",
		"tolerance_percent",
		"tcp_ts_tick_usecs",
		"seed",
	};

	if (!value && set_flag(opts, name))
		return 0;
	if (!strcmp(name, "ip_version"))
		return set_ip(opts, value);
	if (!strcmp(name, "netmask_ip"))
		return set_netmask(opts, value);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(name, numbers[i]))
			return set_number(opts, name, value);
	if (!value)
		return means_nothing(name) ? 0 : -ENOENT;
	if (!strcmp(name, "local_ip"))
		opts->local_ip = value;
	else if (!strcmp(name, "remote_ip"))
		opts->remote_ip = value;
	else if (!strcmp(name, "gateway_ip"))
		opts->gateway_ip = value;
	else if (!means_nothing(name))
		return -ENOENT;
	return 0;
}
