/* SPDX-License-Identifier: MIT */
/*
 * Where the control sockets of running labs live: DIR/NAME.sock, in a directory of mode 0700 that
 * is ours: $XDG_RUNTIME_DIR/weft, or /tmp/weft-UID where that variable names no directory of ours.
 *
 * Whether a lab lives is asked by connecting: a socket that refuses is what a killed lab has left,
 * and whoever meets it removes it. Making a socket and removing one are done with the directory
 * locked (flock(2)), so that none is taken for dead between bind(2) and listen(2).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	RUNDIR_PATH_MAX = 108, /* of a socket's address, with the NUL */
};

/*
 * The path of the socket of lab `name`; the directory is made when it is missing. 0; -EINVAL: no
 * name of a lab; -ENAMETOOLONG; -EACCES: somebody else owns the directory; or what mkdir(2) says.
 */
int rundir_socket(const char *name, char ret[static RUNDIR_PATH_MAX]) MUST_CHECK;
/* The directory itself, for messages. Fills `ret`. */
int rundir_path(char ret[static RUNDIR_PATH_MAX]) MUST_CHECK;

/* A socket that listens at `path`, mode 0600, not blocking. 0; -EADDRINUSE: a lab is running there;
 * -ENAMETOOLONG, or what the system says. */
int rundir_listen(const char *path, int *ret_fd) MUST_CHECK;
/* Connects, without waiting. 0; -ENOENT: nobody is there (a dead socket has been removed);
 * -EAGAIN: somebody is, but does not answer; or what the system says. */
int rundir_connect(const char *path, int *ret_fd) MUST_CHECK;

/* The names of the labs that run, sorted; the sockets of others are removed. rundir_list_free(). */
struct rundir_list {
	char **names;
	size_t n;
};
int rundir_list(struct rundir_list *ret) MUST_CHECK;
void rundir_list_free(struct rundir_list *list);
/* Removes what killed labs have left. */
void rundir_sweep(void);
