/* SPDX-License-Identifier: MIT */
/*
 * The process behind a kernel node: it holds a network namespace and starts programs in it.
 *
 * How it works: holder_start() clones a child into namespaces of its own: network, mount, PID, UTS,
 * and a user namespace when weft does not run as root. The child is process 1 there, opens a TAP
 * for each interface and passes its descriptor back, sets addresses and routes, and puts the node's
 * hosts and resolv.conf over the system's in its own mount namespace. After that it starts programs
 * on request and reports how they ended.
 *
 * Nothing has a name in the file system: no /run/netns entry, no file, no persistent TAP. When weft
 * ends, however it ends, the kernel kills the child (PR_SET_PDEATHSIG), with it every process of
 * its PID namespace, and with the last of them the namespaces and devices are gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"

struct labfile;
struct labfile_iface;
struct labfile_node;
struct holder;

enum {
	HOLDER_ERR_MAX = 384, /* longest message, with the NUL */
};

/*
 * Makes the namespaces of `node`, with one TAP an interface. `hosts` is the text of its hosts file.
 * On success ret_tap_fds[i] is the descriptor of interface i, the caller's to close.
 * Returns 0, or -Exxx with a message that says what was refused and what to do in `ret_msg`
 * (HOLDER_ERR_MAX bytes): -EPERM, -EACCES, -ENOENT (/dev/net/tun), -ENOMEM, -ENOSPC …
 */
int holder_start(const struct labfile_node *node, const char *hosts, struct holder **ret,
		 int *ret_tap_fds, char *ret_msg) MUST_CHECK;

/* Adds an interface to a node that runs: its TAP, with MAC, MTU and addresses, up. 0 and the
 * descriptor, the caller's to close, which takes the interface away again; or as holder_start(). */
int holder_iface_add(struct holder *h, const struct labfile_iface *iface, int *ret_tap_fd,
		     char *ret_msg) MUST_CHECK;
/* Writes the node's hosts file anew; a node without one has no use for it: not an error. */
int holder_hosts_set(struct holder *h, const char *hosts) MUST_CHECK;

/* Kills everything in the node and waits for it. NULL is fine. */
void holder_stop(struct holder *h);

/* A program to run. Its standard input, output and error are `fds`, borrowed. */
struct holder_cmd {
	char *const *argv; /* argv[0] is searched in PATH */
	char *const *envp;
	const char *cwd;
	int fds[3];
};

/* Starts a program; its end is reported by holder_read() under *ret_id.
 * 0, -E2BIG (arguments and environment exceed 100 KiB), -EPIPE (the holder is gone), -ENOMEM. */
int holder_run(struct holder *h, const struct holder_cmd *cmd, uint32_t *ret_id) MUST_CHECK;
/* Sends a signal to a program that was started; nothing happens when it has ended. */
int holder_signal(struct holder *h, uint32_t id, int signo) MUST_CHECK;

struct holder_event {
	uint32_t id;
	bool started; /* false: exec failed, `err` says why */
	int err;      /* positive errno of a failed start */
	int status;   /* as wait(2) gives it */
};

/* Readable when holder_read() has something. */
int holder_fd(const struct holder *h);
/* Takes one report. 0; -EAGAIN: none; -EPIPE: the holder is gone, and the node with it. */
int holder_read(struct holder *h, struct holder_event *ret) MUST_CHECK;
/* PID of the node's first process as seen from here, for nsenter(1). */
pid_t holder_pid(const struct holder *h);
