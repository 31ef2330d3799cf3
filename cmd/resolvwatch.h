/* SPDX-License-Identifier: MIT */
/*
 * The host's resolv.conf while a gateway runs. The gateway itself is in an empty root and can read
 * no file; so the process that waits for it (gwproc.h) looks, and sends what the file says to it
 * when that has changed.
 *
 * How it works: inotify watches the folder that has the name, the folder of the file that it leads
 * to (it is a link, where systemd-resolved or resolvconf write it), and the file itself (which may
 * be mounted over the name).
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "gateway/resolvconf.h"

struct resolvwatch {
	const char *path;
	int fd; /* inotify's: ask resolvwatch_ready() when poll(2) says it is readable; -1: off */
	int out_fd; /* a SOCK_SEQPACKET socket, one message a change */
	size_t len;
	char text[RESOLVCONF_BYTES_MAX]; /* as it was last */
};

/* From now on. Takes `out_fd`. Without inotify it stays off. */
void resolvwatch_start(struct resolvwatch *w, const char *path, int out_fd);
void resolvwatch_ready(struct resolvwatch *w);
void resolvwatch_stop(struct resolvwatch *w);
