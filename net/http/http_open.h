/* SPDX-License-Identifier: MIT */
/* Opening a file below a folder, wherever symbolic links point. */
#pragma once

/*
 * Opens `path` (relative, not empty) for reading, below the folder `root_fd`; descriptors come with
 * O_CLOEXEC, and nothing waits for the other end of a FIFO. Symbolic links are followed as long as
 * they stay below. Returns a descriptor, or
 *   -EXDEV, -ELOOP  the path leads out of the folder, or goes in circles;
 *   -Exxx           of open(2).
 * Where the kernel (before Linux 5.6) or a sandbox has no openat2(2), it is http_open_walk().
 */
int http_open_beneath(int root_fd, const char *path) __attribute__((warn_unused_result));

/* The same, one component at a time, which follows no symbolic link at all: -ELOOP. */
int http_open_walk(int root_fd, const char *path) __attribute__((warn_unused_result));
