/* SPDX-License-Identifier: MIT */
/* Maps of users and groups; the contract is in idmap.h. */
#include "gateway/setup/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/nsfile.h"

enum {
	MAP_MAX = 4096, /* of /proc/PID/uid_map */
	TEXT_MAX = 65536,
	LINE_MAX_BYTES = 256,
	NUMBER_MAX = 16,
	IDS_MAX = 65535, /* from 1 on: what containers expect */
	STATUS_NOT_FOUND = 127,
};

static int PRINTF_LIKE(3, 4) explain(char *msg, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, IDMAP_MSG_MAX, fmt, ap);
	va_end(ap);
	return err;
}

/* Every id that we know is the same inside: what our own map has on its left. */
static int map_identity(const char *own, char *ret, size_t size)
{
	FILE *f = fopen(own, "re");
	unsigned int inside, outside, count;
	size_t len = 0;

	if (!f)
		return -errno;
	ret[0] = 0;
	while (fscanf(f, "%u %u %u", &inside, &outside, &count) == 3 && len < size)
		len += (size_t)snprintf(ret + len, size - len, "%u %u %u\n", inside, inside, count);
	(void)fclose(f);
	return len && len < size ? 0 : -E2BIG;
}

static int map_write(pid_t pid, const char *which, unsigned int id, bool map_root)
{
	char path[64], own[64], map[MAP_MAX];
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, which);
	snprintf(own, sizeof(own), "/proc/self/%s", which);
	if (geteuid() == 0)
		err = map_identity(own, map, sizeof(map));
	else
		snprintf(map, sizeof(map), "%u %u 1", map_root ? 0 : id, id);
	return err ? err : nsfile_write(path, map);
}

static int maps_write(pid_t pid, bool map_root, char *msg)
{
	char path[64];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	err = geteuid() == 0 ? 0 : nsfile_write(path, "deny");
	if (!err)
		err = map_write(pid, "uid_map", geteuid(), map_root);
	if (!err)
		err = map_write(pid, "gid_map", getegid(), map_root);
	return err ? explain(msg, err, "cannot map the user into the namespace: %s", strerror(-err))
		   : 0;
}

/*
 * Subordinate ids.
 */

/* NAME:FIRST:COUNT */
static bool line_read(char *line, const char *name, uint32_t id, struct idmap_range *ret)
{
	char *save = NULL, *who = strtok_r(line, ":", &save), *end, number[NUMBER_MAX];
	const char *first = strtok_r(NULL, ":", &save), *n = strtok_r(NULL, ":", &save);
	unsigned long v[2];

	if (!who || !first || !n)
		return false;
	snprintf(number, sizeof(number), "%u", id);
	if (strcmp(who, number) != 0 && (!name || strcmp(who, name) != 0))
		return false;
	errno = 0;
	v[0] = strtoul(first, &end, 10);
	if (end == first || *end)
		return false;
	v[1] = strtoul(n, &end, 10);
	if (end == n || *end || errno || !v[1] || v[0] > UINT32_MAX - 1 || v[1] > UINT32_MAX - v[0])
		return false;
	*ret = (struct idmap_range){.first = (uint32_t)v[0], .n = (uint32_t)v[1]};
	return true;
}

bool idmap_range_find(const char *text, const char *name, uint32_t id, struct idmap_range *ret)
{
	char line[LINE_MAX_BYTES];

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n < sizeof(line)) {
			memcpy(line, text, n);
			line[n] = '\0';
			if (line_read(line, name, id, ret))
				return true;
		}
		text += n + (text[n] == '\n');
	}
	return false;
}

static int range_read(const char *path, struct idmap_range *ret, char *msg)
{
	const struct passwd *pw = getpwuid(getuid());
	char *text = calloc(1, TEXT_MAX);
	FILE *f = fopen(path, "re");
	bool is_there = false;

	if (text && f && fread(text, 1, TEXT_MAX - 1, f) > 0)
		is_there = idmap_range_find(text, pw ? pw->pw_name : NULL, getuid(), ret);
	if (f)
		(void)fclose(f);
	free(text);
	if (is_there)
		return 0;
	return explain(msg, -ENOENT,
		       "%s has no range for this user (as root: usermod --add-subuids "
		       "100000-165535 --add-subgids 100000-165535 USER)",
		       path);
}

/* newuidmap PID 0 ID 1 1 FIRST COUNT */
static int tool_run(const char *tool, pid_t pid, unsigned int id, const struct idmap_range *range,
		    char *msg)
{
	char words[4][NUMBER_MAX];
	char *argv[] = {(char *)(uintptr_t)tool,
			words[0],
			"0",
			words[1],
			"1",
			"1",
			words[2],
			words[3],
			NULL};
	int status;
	pid_t child;

	snprintf(words[0], NUMBER_MAX, "%d", (int)pid);
	snprintf(words[1], NUMBER_MAX, "%u", id);
	snprintf(words[2], NUMBER_MAX, "%u", range->first);
	snprintf(words[3], NUMBER_MAX, "%u", range->n < IDS_MAX ? range->n : IDS_MAX);
	child = fork();
	if (child == 0) {
		execvp(tool, argv);
		_exit(STATUS_NOT_FOUND);
	}
	if (child < 0)
		return explain(msg, -errno, "fork: %s", strerror(errno));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NOT_FOUND)
		return explain(msg, -ENOENT, "%s is not there (Debian: uidmap)", tool);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return explain(msg, -EPERM, "%s has refused the map", tool); /* it has said why */
	return 0;
}

static int maps_auto(pid_t pid, char *msg)
{
	struct idmap_range uids = {0}, gids = {0};
	int err = range_read("/etc/subuid", &uids, msg);

	if (!err)
		err = range_read("/etc/subgid", &gids, msg);
	if (!err)
		err = tool_run("newuidmap", pid, getuid(), &uids, msg);
	if (!err)
		err = tool_run("newgidmap", pid, getgid(), &gids, msg);
	return err;
}

int idmap_write(pid_t pid, enum idmap how, char *ret_msg)
{
	if (how == IDMAP_AUTO && geteuid() != 0)
		return maps_auto(pid, ret_msg);
	return maps_write(pid, how != IDMAP_SELF, ret_msg);
}
