/* SPDX-License-Identifier: MIT */
/* The host's resolvers and search list: resolv.conf(5), as far as a forwarder needs it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/weft.h"

enum {
	RESOLVCONF_SERVERS_MAX = 8,
	RESOLVCONF_SEARCH_MAX = 8,
	RESOLVCONF_NAME_MAX = 253,
	RESOLVCONF_BYTES_MAX = 16384, /* of the file; what is beyond is not read */
};

struct resolvconf {
	struct weft_sockaddr servers[RESOLVCONF_SERVERS_MAX]; /* port 0 */
	uint32_t n_servers;
	char search[RESOLVCONF_SEARCH_MAX][RESOLVCONF_NAME_MAX + 1];
	uint32_t n_search;
};

/* Lines that say nothing to us are passed over, and so are addresses and domains that are none.
 * Without a server it is 127.0.0.1, as resolv.conf(5) says. */
void resolvconf_parse(const char *text, size_t len, struct resolvconf *ret);
/* 0; -Exxx of open(2) and read(2): `ret` is as of an empty file then. */
int resolvconf_read(const char *path, struct resolvconf *ret) MUST_CHECK;
