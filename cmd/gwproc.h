/* SPDX-License-Identifier: MIT */
/*
 * The process of a gateway, as `weft gateway`, `weft unshare` and slirp4netns' command line run it:
 * start, forwards, sandbox, readiness, the loop, the end.
 *
 * How it works: gwproc_run() forks. The child is the gateway; once it listens on all it has to, it
 * enters the sandbox and can touch no file any more. The parent does nothing but wait for it, hand
 * on the signals that end it, tell it when resolv.conf changes (resolvwatch.h), and remove its
 * sockets from the file system afterwards. When the
 * parent is killed, the pipe between them closes, and the child ends too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "gateway/run.h"
#include "gateway/setup/sandbox.h"

enum {
	GWPROC_ENDS_MAX = 4,
};

struct gwproc {
	const char *tool; /* for messages: "weft gateway" */
	struct gateway_run_config run;
	const struct gateway_forward *forwards;
	size_t n_forwards;
	struct sandbox box;
	/* A system without user namespaces is an error, not a warning. */
	bool must_have_root;
	const char *api_path;  /* slirp4netns' API socket; NULL: none */
	const char *qemu_path; /* of run.qemu_listen_fd, removed at the end; NULL: none */
	/* Descriptors that end the gateway as soon as poll(2) says anything of them. */
	int end_fds[GWPROC_ENDS_MAX];
	size_t n_end_fds;
	int ready_fd; /* gets "1" and is closed once all is in place; -1: none */
	void (*on_ready)(const struct gwproc *p, struct gateway_run *run); /* may be NULL */
};

/* Defaults: gateway_run_defaults(), the whole sandbox, no descriptors. */
void gwproc_init(struct gwproc *p, const char *tool);
/* Ends the gateway when `fd` has something to say. */
void gwproc_end_by(struct gwproc *p, int fd);

/* Runs the gateway, whose descriptors are taken, until it ends. Returns the exit status; messages
 * have been printed. */
int gwproc_run(struct gwproc *p) MUST_CHECK;
