/* SPDX-License-Identifier: MIT */
/*
 * A client of a lab's control socket: what every command and tool is.
 *
 * How it works: client_open() finds the lab (the one named, or the only one that runs), and
 * client_call() sends one request and waits for its answer; notifications that belong to it are
 * handed to a function as they come. Where the socket lives, and how the remains of a lab that was
 * killed are removed, is lab/rundir.h.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "cmd/cmd.h"

struct client;

/* Connects to the lab that env->lab names, or to the only one. Prints what is wrong ("no lab is
 * running", "several labs are running: a, b; choose one with -l"). 0, or the exit status. */
int client_open(const struct cmd_env *env, struct client **ret) MUST_CHECK;
/* The same for the lab of that name. */
int client_open_lab(const struct cmd_env *env, const char *name, struct client **ret) MUST_CHECK;
void client_close(struct client *c); /* NULL is fine */
const char *client_lab_name(const struct client *c);
int client_fd(const struct client *c); /* its socket, for SO_PEERCRED */

/* What a call may bring besides its result. All zero: nothing is wanted. */
struct client_extra {
	/* A notification of this call; `params` is borrowed. Not 0: cancel the call, which ends
	 * client_call() with -ECANCELED. */
	int (*on_notify)(void *arg, const char *method, const json_t *params);
	void *arg;
	int *fds; /* descriptors of the answer go here, the caller's to close */
	size_t max_fds, n_fds;
	int *stop_fd; /* readable: cancel the call (a signalfd); NULL: none */
};

/*
 * One request; takes `params` (NULL: none). 0 and *ret_result, the caller's; or -Exxx: -ECANCELED,
 * -EPIPE (the lab has ended), -EREMOTEIO (the lab refused, client_error() says why), -ENOMEM. A
 * message for people has been printed by client_call(), as "weft TOOL: ..."; client_call_quiet()
 * prints nothing.
 */
int client_call(struct client *c, const char *method, json_t *params, struct client_extra *extra,
		json_t **ret_result) MUST_CHECK;
int client_call_quiet(struct client *c, const char *method, json_t *params,
		      struct client_extra *extra, json_t **ret_result) MUST_CHECK;
/* The error object of the last answer that was one: code, message, data; borrowed. */
const json_t *client_error(const struct client *c);

/* What client_call() prints when it returns `err`. */
void client_print_error(const struct client *c, int err);

/* The exit status for it: EXIT_USAGE when the lab says that the command line is wrong (no such
 * node, method or parameter), else EXIT_FAILED. */
int client_exit_status(const struct client *c, int err);

/*
 * Runs a program in the kernel node env->node, on our terminal, and waits for its end. Returns its
 * exit status (cmd.h), or EXIT_FAILED or EXIT_USAGE after a message.
 */
int client_exec(const struct cmd_env *env, struct client *c, char *const argv[]);
/*
 * For tools, before they read their arguments: when env->node is a kernel node, runs the system's
 * program argv[0] there with the same arguments and returns its exit status. -1: it is another kind
 * of node (or none was given): the tool is to do it. Else the exit status after a message.
 */
int client_tool_on_kernel_node(const struct cmd_env *env, int argc, char **argv);

/* `{"node": env->node}`, after checking that one was given; prints and returns NULL otherwise. */
json_t *client_node_params(const struct cmd_env *env);
