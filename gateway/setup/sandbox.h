/* SPDX-License-Identifier: MIT */
/*
 * What a gateway is left with after its set-up: sockets, and nothing else of the system.
 *
 * How it works: the process enters a mount namespace of its own (an ordinary user: within a user
 * namespace of its own) whose root is an empty, read-only tmpfs; gives up every capability, from
 * the bounding set too; sets no_new_privs; and takes a seccomp filter that knows the calls a
 * gateway makes. Its sockets stay in the host's network namespace, where it is an ordinary user as
 * before.
 *
 * The filter: a call that is not listed fails with EPERM. Those that only an intruder makes
 * (execve, ptrace, mount, setns, bpf …) end the process. Sockets are of IP only, and no memory is
 * or becomes executable. EPERM for the rest, because a C library opens files at odd moments (malloc
 * asks for the overcommit policy), which is harmless and must not be the network's end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	SANDBOX_MSG_MAX = 256,
};

struct sandbox {
	bool empty_root; /* the mount namespace */
	bool seccomp;
	uint32_t max_files;  /* RLIMIT_NOFILE, at most what the hard limit allows; 0: the hard limit
			      */
	uint64_t max_memory; /* RLIMIT_AS in bytes; 0: none (a sanitized build takes no limit) */
};

/*
 * Of the whole process, which must have one thread, and for good. Capabilities, no_new_privs and
 * limits are set in any case. 0; -Exxx with a sentence in `ret_msg` (SANDBOX_MSG_MAX bytes): then
 * the process is in between and should end, except that -EPERM, -ENOSPC and -EUSERS of
 * `empty_root` come before anything has changed: this system forbids user namespaces.
 */
int sandbox_enter(const struct sandbox *box, char *ret_msg) MUST_CHECK;
