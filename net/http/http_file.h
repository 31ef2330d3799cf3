/* SPDX-License-Identifier: MIT */
/*
 * A file that is being served: opened, read ahead and closed by the disk's thread, given out piece
 * by piece on the engine's.
 *
 * At most two pieces of HTTP_FILE_PIECE bytes are in memory: one that is being sent, and the next
 * one, which is read meanwhile.
 */
#pragma once

#include <stddef.h>

#include "net/http/http_cond.h"
#include "net/http/http_disk.h"

enum {
	HTTP_FILE_PIECE = 128 * 1024, /* bytes */
};

/* The folder whose files are served. */
struct http_folder {
	struct http_disk *disk;
	int fd;            /* O_PATH */
	uint32_t max_open; /* files at a time */
	uint32_t n_open;   /* that are not closed yet, the closing ones too */
};

struct http_file;

/*
 * Starts to open the file for `path`, in the normal form of http_path.h; of a path that ends in '/'
 * the index.html. `ready(arg)` is called on the engine's thread, never from inside a call, whenever
 * http_file_status() or http_file_peek() may say something other than -EAGAIN. -ENOMEM, -EMFILE
 * (`max_open` are open).
 */
int http_file_open(struct http_folder *folder, const char *path, void (*ready)(void *arg),
		   void *arg, struct http_file **ret) __attribute__((warn_unused_result));
/* No `ready` comes after this. What the disk's thread is doing for it is finished first, in the
 * background. NULL is fine. */
void http_file_close(struct http_file *file);

/* 0: it is open; -EAGAIN: not yet; -EISDIR: a folder, named without a '/' at its end; -EACCES: not
 * a regular file, or not readable, or outside the folder; else -Exxx of open(2). */
int http_file_status(const struct http_file *file);

/* Of an open file. */
uint64_t http_file_size(const struct http_file *file);
void http_file_validators(const struct http_file *file, struct http_validators *ret);

/* Starts to read `len` bytes from `off`, which lie inside the file. Once only. -ENOMEM. */
int http_file_start(struct http_file *file, uint64_t off, uint64_t len)
	__attribute__((warn_unused_result));
/* Sets `ret` to the bytes that come next, and returns how many are there; 0: that was all. -EAGAIN;
 * -EIO or another -Exxx of pread(2): the file is shorter than it was, or cannot be read. */
ptrdiff_t http_file_peek(const struct http_file *file, const void **ret);
/* Takes `len` of these bytes off. */
void http_file_take(struct http_file *file, size_t len);
