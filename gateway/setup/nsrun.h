/* SPDX-License-Identifier: MIT */
/*
 * A program in namespaces of its own: user, network, mount and PID.
 *
 * How it works: nsrun_new() clones a first process into the namespaces and maps the user; it waits
 * there, so that a network can be made for it. nsrun_start() lets it go on: it covers resolv.conf,
 * mounts /proc anew and starts the program, in the caller's session and process group, so the
 * terminal's signals reach the program by themselves. When the program ends, the first process
 * tells how and ends too, and with it every process of the PID namespace; so it does when the
 * caller ends, however that comes.
 */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "gateway/setup/idmap.h"

enum {
	NSRUN_MSG_MAX = 384,
};

struct nsrun;

struct nsrun_config {
	enum idmap map; /* who the user is inside */
	char *const *argv;
	const char *resolv_conf; /* the text that covers the system's; NULL: leave that */
};

/* `cfg` must stay until the end. 0, or -Exxx with a sentence in `ret_msg` (NSRUN_MSG_MAX bytes). */
int nsrun_new(const struct nsrun_config *cfg, struct nsrun **ret, char *ret_msg) MUST_CHECK;
/* Of the first process, for netns_open(). */
pid_t nsrun_pid(const struct nsrun *r);
int nsrun_start(struct nsrun *r) MUST_CHECK;
/* Waits for the program and returns its exit status: its own, 128+N when signal N ended it, 126 and
 * 127 when it could not be started. Signals that are sent to this process (not by the terminal's
 * keys, which the program hears itself) are passed on to it. SIGCHLD and those that
 * nsrun_signals() has must be blocked. */
int nsrun_wait(struct nsrun *r);
void nsrun_signals(sigset_t *ret);
/* Kills what is left. NULL is fine. */
void nsrun_free(struct nsrun *r);
