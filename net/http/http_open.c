/* SPDX-License-Identifier: MIT */
/* Opening a file below a folder; the contracts are in http_open.h. */
#include "net/http/http_open.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	OPEN_TRIES = 8, /* openat2() says -EAGAIN when something is renamed under it */
	NAME_SIZE = 256,
};

/* Opens the next component below `dir_fd`. With O_PATH, O_NOFOLLOW opens a symbolic link itself. */
static int open_folder(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISLNK(st.st_mode))
		err = -ELOOP;
	else if (!S_ISDIR(st.st_mode))
		err = -ENOTDIR;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* Copies the component before the next slash. Sets `ret_rest` behind the slash, or to NULL. */
static int next_name(const char *path, char name[NAME_SIZE], const char **ret_rest)
{
	const char *slash = strchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : strlen(path);

	if (len >= NAME_SIZE)
		return -ENAMETOOLONG;
	memcpy(name, path, len);
	name[len] = '\0';
	if (len == 0 || strcmp(name, ".") == 0)
		return -ENOENT;
	if (strcmp(name, "..") == 0)
		return -EXDEV;
	*ret_rest = slash ? slash + 1 : NULL;
	return 0;
}

int http_open_walk(int root_fd, const char *path)
{
	char name[NAME_SIZE];
	int dir_fd = root_fd;
	int r = next_name(path, name, &path);

	while (r == 0 && path) {
		int fd = open_folder(dir_fd, name);

		if (dir_fd != root_fd)
			close(dir_fd);
		if (fd < 0)
			return fd;
		dir_fd = fd;
		r = next_name(path, name, &path);
	}
	if (r == 0) {
		r = openat(dir_fd, name, OPEN_FLAGS | O_NOFOLLOW);
		if (r < 0)
			r = -errno;
	}
	if (dir_fd != root_fd)
		close(dir_fd);
	return r;
}

int http_open_beneath(int root_fd, const char *path)
{
	struct open_how how = {
		.flags = OPEN_FLAGS,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	for (int i = 0; i < OPEN_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd >= 0)
		return fd;
	if (errno == ENOSYS || errno == EPERM || errno == EINVAL)
		return http_open_walk(root_fd, path);
	return -errno;
}
