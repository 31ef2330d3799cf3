/* SPDX-License-Identifier: MIT */
/* Files of a process in namespaces of its own; the contract is in nsfile.h. */
#include "lab/nsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int nsfile_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		err = -errno;
	else if ((size_t)n < strlen(text))
		err = -EIO;
	close(fd);
	return err;
}

/*
 * In a chroot the root directory need not be a mount, which the kernel answers with EINVAL: it is
 * put over itself then, and entered by "/..", which unlike "/" leads to what is mounted there.
 */
int nsfile_mounts_private(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount("/", "/", NULL, MS_BIND | MS_REC, NULL) < 0 || chdir("/..") < 0 ||
	    chroot(".") < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

static int file_create(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return -errno;
	close(fd);
	return nsfile_write(path, text);
}

/* Puts over /etc what has its files and can get more; those are kept beside `tmp`. */
static int etc_overlay(const char *tmp)
{
	char upper[64], work[64], options[256];

	snprintf(upper, sizeof(upper), "%s.upper", tmp);
	snprintf(work, sizeof(work), "%s.work", tmp);
	snprintf(options, sizeof(options), "lowerdir=/etc,upperdir=%s,workdir=%s", upper, work);
	if (mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0 ||
	    mount("overlay", "/etc", "overlay", MS_NOSUID | MS_NODEV, options) < 0)
		return -errno;
	return 0;
}

int nsfile_cover(const char *path, const char *tmp, const char *text)
{
	char *real = realpath(path, NULL);
	int err;

	/* A system that was only just unpacked has no /etc/hosts. */
	if (!real && errno == ENOENT)
		return etc_overlay(tmp) == 0 ? file_create(path, text) : 0;
	if (!real)
		return -errno;
	err = file_create(tmp, text);
	if (!err && mount(tmp, real, NULL, MS_BIND, NULL) < 0)
		err = -errno;
	free(real);
	return err;
}
