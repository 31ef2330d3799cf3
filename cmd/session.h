/* SPDX-License-Identifier: MIT */
/*
 * What `up` and `run` share: a lab from a file, signals, the loop, and the way out.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked and read from a descriptor of the loop, so the lab always
 * comes down in order. Everything that the kernel holds for us goes with our process anyway, so not
 * even SIGKILL leaves something behind.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "lab/errors.h"
#include "lab/lab.h"
#include "lab/rpc.h"

struct session {
	struct labfile *file;
	struct lab *lab;
	int sigfd;
	/* `from_tty`: the terminal has sent it to the programs of the lab, too. */
	void (*on_signal)(struct session *s, int signo, bool from_tty);
	bool is_ending; /* session_loop() returns */
	struct rpc_server *rpc;
};

/* Loads and starts; prints what is wrong. 0, or the exit status. */
int session_start(struct session *s, const char *path, const struct lab_config *cfg);
/* Runs the lab until is_ending or, if not negative, for `for_ns`. 0, or EXIT_FAILED after a
 * message. */
int session_loop(struct session *s, int64_t for_ns);
/* Takes the lab down. `status` is the exit status so far; returns it, or EXIT_FAILED when that is 0
 * and the capture could not be written. */
int session_end(struct session *s, int status);
/* The lab file with its mistakes, also those that only a stack can see. 0; -EINVAL; -ENOMEM. */
int session_read(const char *path, struct labfile **ret, struct lab_errors *errs) MUST_CHECK;
/* Loads and checks a lab file; prints errors and warnings. 0; EXIT_USAGE; or without
 * memory EXIT_FAILED. */
int session_load(const char *path, struct labfile **ret);
