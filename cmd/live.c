/* SPDX-License-Identifier: MIT */
/* What long-running tools share; the contract is in live.h. */
#include "cmd/live.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

int live_stop_fd(const struct cmd_env *env)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
	    (fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0) {
		fprintf(stderr, "weft %s: signals: %s\n", env->tool, strerror(errno));
		return -1;
	}
	return fd;
}

void live_json_option(struct cmd_env *env, int *argc, char **argv)
{
	int n = 1;

	for (int i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--")) {
			while (i < *argc)
				argv[n++] = argv[i++];
			break;
		}
		if (!strcmp(argv[i], "--json"))
			env->json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	*argc = n;
}

void live_json_line(const char *event, const json_t *params)
{
	json_t *line = json_pack("{s:s}", "event", event);

	json_object_update(line, (json_t *)(uintptr_t)params);
	json_object_del(line, "id");
	json_dumpf(line, stdout, JSON_COMPACT);
	printf("\n");
	fflush(stdout);
	json_decref(line);
}

bool live_seconds(const char *text, int64_t min_ns, int64_t max_ns, int64_t *ret_ns)
{
	uint64_t whole = 0, part = 0, unit = 1000000000;
	const char *s = text;

	for (; *s >= '0' && *s <= '9'; s++) {
		whole = whole * 10 + (uint64_t)(*s - '0');
		if (whole > 1000000000)
			return false;
	}
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++) {
			unit /= 10;
			part += (uint64_t)(*s - '0') * unit;
		}
	if (*s || s == text || (s == text + 1 && *text == '.'))
		return false;
	*ret_ns = (int64_t)(whole * 1000000000 + part);
	return *ret_ns >= min_ns && *ret_ns <= max_ns;
}

int live_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	int base = !strncmp(text, "0x", 2) || !strncmp(text, "0X", 2) ? 16 : 10;
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, base);
	if (errno == ERANGE)
		return -ERANGE;
	if (end == text || *end)
		return -EINVAL;
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

const char *live_text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

int64_t live_int(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *live_host(const json_t *host, bool numeric, char *buf, size_t size)
{
	const char *name = live_text(host, "name");

	if (numeric || !name[0])
		snprintf(buf, size, "%s", live_text(host, "addr"));
	else
		snprintf(buf, size, "%s (%s)", name, live_text(host, "addr"));
	return buf;
}

int live_family_option(json_t *params, int opt, const char *tool)
{
	const char *family = opt == '6' ? "inet6" : "inet", *before = live_text(params, "family");

	if (before[0] && strcmp(before, family) != 0) {
		fprintf(stderr, "%s: only one -4 or -6 option may be specified\n", tool);
		return -EINVAL;
	}
	json_object_set_new(params, "family", json_string(family));
	return 0;
}
