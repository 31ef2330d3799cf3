/* SPDX-License-Identifier: MIT */
/*
 * How it works: the file has one job at a time. While that is under way, the fields that it uses
 * (marked below) belong to the disk's thread. A file that is closed with its job under way is left
 * alone until the job is done, and then gets the job that closes its descriptor; after that it is
 * freed.
 *
 *	opening --> open --> reading <--> idle --> closing --> freed
 */
#include "net/http/http_file.h"

#include "net/http/http_open.h"
#include "net/http/http_path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct piece {
	uint8_t *bytes;
	size_t len, off; /* filled; of these, given out */
};

struct http_file {
	struct http_job job;
	struct http_folder *folder;
	void (*ready)(void *arg); /* NULL: closed, nobody wants to know */
	void *arg;

	/* The job's */
	int fd; /* -1: not open */
	int err;
	struct stat st;
	uint64_t read_off, read_left; /* of the part that is wanted, what is not read yet */
	struct piece *filling;        /* the piece that the job reads into */
	char path[HTTP_PATH_SIZE + sizeof("index.html")]; /* relative to the folder */

	struct piece pieces[2];
	uint32_t n_pieces; /* that have memory */
	uint32_t sending;  /* the one that is being given out */
	size_t piece_size;
};

static int open_regular(struct http_file *file)
{
	int fd = http_open_beneath(file->folder->fd, file->path);

	if (fd == -EXDEV || fd == -ELOOP || fd == -ENXIO || fd == -EPERM)
		return -EACCES;
	if (fd < 0)
		return fd;
	file->fd = fd;
	if (fstat(fd, &file->st) < 0)
		return -errno;
	if (S_ISDIR(file->st.st_mode))
		return -EISDIR;
	return S_ISREG(file->st.st_mode) ? 0 : -EACCES;
}

static void run_open(struct http_job *job)
{
	struct http_file *file = (struct http_file *)job;

	file->err = open_regular(file);
}

static void run_read(struct http_job *job)
{
	struct http_file *file = (struct http_file *)job;
	struct piece *p = file->filling;
	size_t want =
		file->read_left < file->piece_size ? (size_t)file->read_left : file->piece_size;

	p->len = 0;
	p->off = 0;
	while (p->len < want) {
		ssize_t n = pread(file->fd, p->bytes + p->len, want - p->len,
				  (off_t)(file->read_off + p->len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			file->err = n < 0 ? -errno : -EIO;
			break;
		}
		p->len += (size_t)n;
	}
	file->read_off += p->len;
	file->read_left -= p->len;
}

static void run_close(struct http_job *job)
{
	struct http_file *file = (struct http_file *)job;

	close(file->fd);
	file->fd = -1;
}

static void file_free(struct http_file *file)
{
	file->folder->n_open--;
	free(file->pieces[0].bytes);
	free(file->pieces[1].bytes);
	free(file);
}

static void start_job(struct http_file *file, void (*run)(struct http_job *job))
{
	file->job.run = run;
	http_disk_submit(file->folder->disk, &file->job);
}

/* Reads into the piece that is empty, if there is one, and something to read. */
static void read_ahead(struct http_file *file)
{
	for (uint32_t i = 0; i < file->n_pieces && file->job.is_done; i++) {
		struct piece *p = &file->pieces[(file->sending + i) % file->n_pieces];

		if (p->off < p->len || file->err || !file->read_left)
			continue;
		file->filling = p;
		start_job(file, run_read);
	}
}

/* No job is under way. */
static void finish(struct http_file *file)
{
	if (file->fd >= 0)
		start_job(file, run_close);
	if (file->job.is_done)
		file_free(file);
}

static void job_done(struct http_job *job)
{
	struct http_file *file = (struct http_file *)job;

	if (!file->ready) {
		finish(file);
		return;
	}
	read_ahead(file);
	file->ready(file->arg);
}

int http_file_open(struct http_folder *folder, const char *path, void (*ready)(void *arg),
		   void *arg, struct http_file **ret)
{
	size_t len = strlen(path);
	struct http_file *file;

	if (folder->n_open >= folder->max_open)
		return -EMFILE;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	folder->n_open++;
	file->job.done = job_done;
	file->folder = folder;
	file->ready = ready;
	file->arg = arg;
	file->fd = -1;
	memcpy(file->path, path + 1, len); /* with the NUL, without the first slash */
	if (path[len - 1] == '/')
		memcpy(file->path + len - 1, "index.html", sizeof("index.html"));
	start_job(file, run_open);
	*ret = file;
	return 0;
}

void http_file_close(struct http_file *file)
{
	if (!file)
		return;
	file->ready = NULL;
	if (file->job.is_done)
		finish(file);
}

int http_file_status(const struct http_file *file)
{
	return file->job.is_done ? file->err : -EAGAIN;
}

uint64_t http_file_size(const struct http_file *file)
{
	return (uint64_t)file->st.st_size;
}

void http_file_validators(const struct http_file *file, struct http_validators *ret)
{
	const struct timespec *mtime = &file->st.st_mtim;

	*ret = (struct http_validators){.has_mtime = true, .mtime_s = mtime->tv_sec};
	snprintf(ret->etag, sizeof(ret->etag), "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
		 (uint64_t)file->st.st_ino, (uint64_t)file->st.st_size,
		 (uint64_t)mtime->tv_sec * 1000000000 + (uint64_t)mtime->tv_nsec);
}

/* Without memory for a second piece, one has to do: then nothing is read ahead. */
int http_file_start(struct http_file *file, uint64_t off, uint64_t len)
{
	file->read_off = off;
	file->read_left = len;
	if (len == 0)
		return 0;
	file->piece_size = len < HTTP_FILE_PIECE ? (size_t)len : HTTP_FILE_PIECE;
	while (file->n_pieces < (len > HTTP_FILE_PIECE ? 2 : 1)) {
		uint8_t *bytes = malloc(file->piece_size);

		if (!bytes)
			break;
		file->pieces[file->n_pieces++].bytes = bytes;
	}
	if (file->n_pieces == 0)
		return -ENOMEM;
	read_ahead(file);
	return 0;
}

ptrdiff_t http_file_peek(const struct http_file *file, const void **ret)
{
	const struct piece *p = &file->pieces[file->sending];
	bool is_busy = !file->job.is_done;

	if (is_busy && file->filling == p)
		return -EAGAIN;
	if (p->off < p->len) {
		*ret = p->bytes + p->off;
		return (ptrdiff_t)(p->len - p->off);
	}
	return is_busy ? -EAGAIN : file->err;
}

void http_file_take(struct http_file *file, size_t len)
{
	struct piece *p = &file->pieces[file->sending];

	p->off += len;
	if (p->off < p->len)
		return;
	file->sending = (file->sending + 1) % file->n_pieces;
	read_ahead(file);
}
