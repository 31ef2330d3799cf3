/* SPDX-License-Identifier: MIT */
/* Changes of resolv.conf; the contract is in resolvwatch.h. */
#include "cmd/resolvwatch.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_FOLDER = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE,
	IN_FILE = IN_CLOSE_WRITE,
};

/* What the file says; 0: nothing, or it is not there. */
static size_t text_read(const char *path, char text[RESOLVCONF_BYTES_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && len < RESOLVCONF_BYTES_MAX) {
		n = read(fd, text + len, RESOLVCONF_BYTES_MAX - len);
		if (n > 0)
			len += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return len;
}

/* Once more for what is watched already changes nothing. */
static void watches_add(const struct resolvwatch *w)
{
	char name[PATH_MAX], real[PATH_MAX];

	if (strlen(w->path) >= sizeof(name))
		return;
	memcpy(name, w->path, strlen(w->path) + 1);
	(void)inotify_add_watch(w->fd, dirname(name), IN_FOLDER);
	if (!realpath(w->path, real))
		return;
	(void)inotify_add_watch(w->fd, real, IN_FILE);
	(void)inotify_add_watch(w->fd, dirname(real), IN_FOLDER);
}

void resolvwatch_start(struct resolvwatch *w, const char *path, int out_fd)
{
	*w = (struct resolvwatch){
		.path = path, .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .out_fd = out_fd};
	if (w->fd >= 0)
		watches_add(w);
	w->len = text_read(path, w->text);
}

/* A file that is empty is being written, and comes once more. */
void resolvwatch_ready(struct resolvwatch *w)
{
	char text[RESOLVCONF_BYTES_MAX];
	size_t len;

	while (read(w->fd, text, sizeof(text)) > 0)
		;
	watches_add(w);
	len = text_read(w->path, text);
	if (!len || (len == w->len && !memcmp(text, w->text, len)))
		return;
	memcpy(w->text, text, len);
	w->len = len;
	(void)!send(w->out_fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void resolvwatch_stop(struct resolvwatch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	close(w->out_fd);
}
