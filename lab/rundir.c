/* SPDX-License-Identifier: MIT */
/* The directory of control sockets; the contract is in rundir.h. */
#include "lab/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 1024, /* a script may start hundreds of commands at once, and each connects thrice
			 */
};

static const char suffix[] = ".sock";

/* 0 when `path` is a directory that belongs to us. */
static int dir_is_ours(const char *path, bool is_private)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid != geteuid() || (is_private && (st.st_mode & 077)))
		return -EACCES;
	return 0;
}

int rundir_path(char ret[static RUNDIR_PATH_MAX])
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	int n;

	if (run && run[0] == '/' && dir_is_ours(run, false) == 0)
		n = snprintf(ret, RUNDIR_PATH_MAX, "%s/weft", run);
	else
		n = snprintf(ret, RUNDIR_PATH_MAX, "/tmp/weft-%u", (unsigned int)geteuid());
	return n < RUNDIR_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int dir_make(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return dir_is_ours(path, true);
}

int rundir_socket(const char *name, char ret[static RUNDIR_PATH_MAX])
{
	char dir[RUNDIR_PATH_MAX];
	int err;

	if (!name[0] || name[0] == '.' || strchr(name, '/'))
		return -EINVAL;
	err = rundir_path(dir);
	if (!err && snprintf(ret, RUNDIR_PATH_MAX, "%s/%s%s", dir, name, suffix) >= RUNDIR_PATH_MAX)
		err = -ENAMETOOLONG;
	return err ? err : dir_make(dir);
}

/* Locks the directory of `path`; closing the descriptor unlocks. */
static int dir_lock(const char *path)
{
	char dir[RUNDIR_PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	fd = open(dir[0] ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR) {
			int err = -errno;

			close(fd);
			return err;
		}
	}
	return fd;
}

static int addr_set(struct sockaddr_un *addr, const char *path)
{
	*addr = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	memcpy(addr->sun_path, path, strlen(path) + 1);
	return 0;
}

/* connect(2) alone: -ECONNREFUSED is a dead socket. */
static int try_connect(const char *path, int *ret_fd)
{
	struct sockaddr_un addr;
	int err = addr_set(&addr, path);
	int fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* With the directory locked: removes a socket that nobody listens at. 0: nothing is at `path`;
 * -EADDRINUSE: a lab is. */
static int dead_remove(const char *path)
{
	struct stat st;
	int fd = -1;
	int err = try_connect(path, &fd);

	if (!err)
		close(fd);
	if (!err || err == -EAGAIN)
		return -EADDRINUSE;
	/* A file that is no socket refuses too; that one is none of ours. */
	if (err == -ECONNREFUSED && (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode)))
		return -ENOTSOCK;
	if (err == -ECONNREFUSED)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	return err == -ENOENT ? 0 : err;
}

int rundir_connect(const char *path, int *ret_fd)
{
	int err = try_connect(path, ret_fd);
	int lock;

	if (err != -ECONNREFUSED)
		return err;
	lock = dir_lock(path);
	if (lock < 0)
		return lock;
	err = dead_remove(path);
	close(lock);
	/* Somebody has started a lab of that name at this very moment. */
	if (err == -EADDRINUSE)
		return try_connect(path, ret_fd);
	return err ? err : -ENOENT;
}

static int listen_at(const char *path, int *ret_fd)
{
	struct sockaddr_un addr;
	int err = addr_set(&addr, path);
	int fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* On a socket that is not bound yet, this is the mode that bind(2) gives the file. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = -errno;
	} else if (listen(fd, BACKLOG) < 0) {
		err = -errno;
		unlink(path);
	}
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

int rundir_listen(const char *path, int *ret_fd)
{
	int lock = dir_lock(path);
	int err;

	if (lock < 0)
		return lock;
	err = dead_remove(path);
	if (!err)
		err = listen_at(path, ret_fd);
	close(lock);
	return err;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_add_name(struct rundir_list *list, const char *file, size_t len)
{
	char **names = realloc(list->names, (list->n + 1) * sizeof(*names));
	char *name = strndup(file, len);

	if (names)
		list->names = names;
	if (!names || !name) {
		free(name);
		return -ENOMEM;
	}
	list->names[list->n++] = name;
	return 0;
}

/* One entry of the directory: is it a lab, and does it live? */
static int list_look(struct rundir_list *list, const char *dir, const char *file)
{
	char path[RUNDIR_PATH_MAX];
	size_t len = strlen(file);
	int fd = -1;
	int err;

	if (file[0] == '.' || len <= strlen(suffix) ||
	    strcmp(file + len - strlen(suffix), suffix) ||
	    snprintf(path, sizeof(path), "%s/%s", dir, file) >= RUNDIR_PATH_MAX)
		return 0;
	err = rundir_connect(path, &fd);
	if (!err)
		close(fd);
	else if (err != -EAGAIN)
		return err == -ENOMEM || err == -EMFILE || err == -ENFILE ? err : 0;
	return list_add_name(list, file, len - strlen(suffix));
}

int rundir_list(struct rundir_list *ret)
{
	struct rundir_list list = {NULL, 0};
	char path[RUNDIR_PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int err = rundir_path(path);

	if (err)
		return err;
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return -errno;
	while (!err && dir && (entry = readdir(dir)))
		err = list_look(&list, path, entry->d_name);
	if (dir)
		closedir(dir);
	if (err) {
		rundir_list_free(&list);
		return err;
	}
	if (list.n)
		qsort(list.names, list.n, sizeof(*list.names), name_cmp);
	*ret = list;
	return 0;
}

void rundir_list_free(struct rundir_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct rundir_list){NULL, 0};
}

void rundir_sweep(void)
{
	struct rundir_list list = {NULL, 0};

	if (rundir_list(&list) == 0)
		rundir_list_free(&list);
}
