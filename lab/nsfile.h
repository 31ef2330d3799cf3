/* SPDX-License-Identifier: MIT */
/*
 * Files as a process sees them that has just got namespaces of its own: settings below /proc, and
 * files that are put over the system's for this process and its children only.
 */
#pragma once

#include "base/compiler.h"

/* Writes `text` to a file that exists, in one write(2), as settings want it. 0 or -Exxx. */
int nsfile_write(const char *path, const char *text) MUST_CHECK;

/* Keeps to ourselves what is mounted from now on, in a chroot as well. 0 or -Exxx. */
int nsfile_mounts_private(void) MUST_CHECK;

/* Puts `text` over the file at `path`, below /etc; the text lives in a new file `tmp`, which may
 * lose its name afterwards. Where there is no such file, one is made in an overlay of /etc; where
 * the kernel has no overlays for us, it stays missing: not an error. 0 or -Exxx. */
int nsfile_cover(const char *path, const char *tmp, const char *text) MUST_CHECK;
