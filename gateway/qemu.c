/* SPDX-License-Identifier: MIT */
/* QEMU guests of a gateway; the contract is in qemu.h. */
#include "gateway/qemu.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	QEMU_BACKLOG = 4,
	QEMU_TEXT_MAX = 160,
};

struct qemu_guests {
	struct weft_loop *loop;
	struct weft_netif *nif;
	struct qemu_guests_config cfg;
};

static int addr_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (!*path || strlen(path) >= sizeof(ret->sun_path))
		return *path ? -ENAMETOOLONG : -EINVAL;
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

int qemu_connect(const char *path)
{
	struct sockaddr_un sa;
	int err = addr_of(path, &sa), fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* What a gateway that was killed has left there goes. */
static void leftover_remove(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = qemu_connect(path);
	if (fd >= 0)
		close(fd);
	else if (fd == -ECONNREFUSED)
		unlink(path);
}

int qemu_listen(const char *path)
{
	struct sockaddr_un sa;
	int err = addr_of(path, &sa), fd;
	mode_t mask;

	if (err)
		return err;
	leftover_remove(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	umask(mask);
	if (!err && listen(fd, QEMU_BACKLOG) < 0)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void tell(struct qemu_guests *g, const char *what)
{
	if (g->cfg.told)
		g->cfg.told(g->cfg.arg, what);
}

static void guest_ended(void *arg, const char *why)
{
	struct qemu_guests *g = arg;
	char text[QEMU_TEXT_MAX];

	if (g->cfg.gone)
		g->cfg.gone(g->cfg.gone_arg);
	snprintf(text, sizeof(text), "the guest has gone: %s", why);
	tell(g, text);
}

static void guest_comes(void *arg, int fd, uint32_t events)
{
	struct qemu_guests *g = arg;
	char text[QEMU_TEXT_MAX];
	int err, conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (conn < 0)
		return;
	err = weft_stream_attach(g->nif, conn);
	snprintf(text, sizeof(text), "a guest was sent away: %s",
		 err == -EBUSY ? "there is one already" : strerror(-err));
	tell(g, err ? text : "a guest has come");
}

int qemu_guests_new(struct weft_loop *loop, struct weft_stack *st, const char *name,
		    const struct qemu_guests_config *cfg, struct qemu_guests **ret)
{
	struct qemu_guests *g = calloc(1, sizeof(*g));
	int guest_fd = cfg->guest_fd;
	int err = g ? weft_stream_new(loop, st, name, guest_ended, g, &g->nif) : -ENOMEM;

	if (err)
		goto fail;
	g->loop = loop;
	g->cfg = *cfg;
	g->cfg.guest_fd = -1;
	if (guest_fd >= 0) {
		err = weft_stream_attach(g->nif, guest_fd);
		guest_fd = -1;
	}
	if (!err && cfg->listen_fd >= 0)
		err = weft_loop_watch(loop, cfg->listen_fd, POLLIN, guest_comes, g);
	if (err)
		goto fail_netif;
	*ret = g;
	return 0;
fail_netif:
	weft_netif_del(g->nif);
fail:
	if (guest_fd >= 0)
		close(guest_fd);
	if (cfg->listen_fd >= 0)
		close(cfg->listen_fd);
	free(g);
	return err;
}

void qemu_guests_free(struct qemu_guests *g)
{
	if (!g)
		return;
	if (g->cfg.listen_fd >= 0) {
		(void)weft_loop_watch(g->loop, g->cfg.listen_fd, 0, NULL, NULL);
		close(g->cfg.listen_fd);
	}
	free(g);
}

struct weft_netif *qemu_guests_netif(struct qemu_guests *g)
{
	return g->nif;
}
