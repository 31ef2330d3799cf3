/* SPDX-License-Identifier: MIT */
/*
 * Who is who in a new user namespace: uid_map and gid_map of a process in it.
 *
 * An ordinary user may map its own id alone. With subordinate ids (subuid(5), subgid(5)) the setuid
 * programs newuidmap(1) and newgidmap(1) map those too: inside, the user is root, and 1 and up are
 * its range.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

enum {
	IDMAP_MSG_MAX = 256,
};

enum idmap {
	IDMAP_SELF, /* the user has its own id; root keeps all that it has */
	IDMAP_ROOT, /* the user is root; root keeps all that it has */
	IDMAP_AUTO, /* and has its subordinate ids; of root as above */
};

/* Of a process that has no map yet. 0, or -Exxx with a sentence in `ret_msg`. */
int idmap_write(pid_t pid, enum idmap how, char *ret_msg) MUST_CHECK;

struct idmap_range {
	uint32_t first, n;
};
/* The first range of the user, by its name (NULL: none) or number, in the text of subuid(5). False:
 * there is none. */
bool idmap_range_find(const char *text, const char *name, uint32_t id,
		      struct idmap_range *ret) MUST_CHECK;
