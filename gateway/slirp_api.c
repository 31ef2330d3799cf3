/* SPDX-License-Identifier: MIT */
/* slirp4netns' API socket: its clients; the contract is in slirp_api.h. */
#include "gateway/slirp_api.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 8,
	READS_MAX = 16, /* of what is behind a request that is too long */
};

struct api_client {
	int fd;        /* -1: free */
	uint64_t turn; /* when it came: the least is the oldest */
	size_t len;
	char request[SLIRP_API_REQUEST_MAX];
};

struct slirp_api {
	struct weft_loop *loop;
	struct gateway *gw;
	struct weft_addr guest4;
	int fd;
	uint64_t turn;
	struct api_client clients[SLIRP_API_CLIENTS_MAX];
};

static void client_close(struct slirp_api *api, struct api_client *c)
{
	if (c->fd < 0)
		return;
	(void)weft_loop_watch(api->loop, c->fd, 0, NULL, NULL);
	close(c->fd);
	c->fd = -1;
}

/* What does not fit the socket's buffer at once is for a client that does not read: it is lost. */
static void client_answer(struct slirp_api *api, struct api_client *c)
{
	char *text = slirp_api_answer(api->gw, &api->guest4, c->request, c->len);

	if (text)
		(void)!send(c->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	free(text);
	/* What is not read would be a reset, before which the answer is lost. */
	for (int i = 0; i < READS_MAX; i++)
		if (recv(c->fd, c->request, sizeof(c->request), MSG_DONTWAIT) <= 0)
			break;
	client_close(api, c);
}

static bool is_complete(const struct api_client *c)
{
	json_t *req = json_loadb(c->request, c->len, JSON_DISABLE_EOF_CHECK, NULL);
	bool ret = req != NULL;

	json_decref(req);
	return ret;
}

static struct api_client *client_of(struct slirp_api *api, int fd)
{
	for (size_t i = 0; i < SLIRP_API_CLIENTS_MAX; i++)
		if (api->clients[i].fd == fd)
			return &api->clients[i];
	return NULL;
}

static void client_ready(void *arg, int fd, uint32_t events UNUSED)
{
	struct slirp_api *api = arg;
	struct api_client *c = client_of(api, fd);
	ssize_t n = recv(fd, c->request + c->len, sizeof(c->request) - c->len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		client_close(api, c);
		return;
	}
	c->len += (size_t)n;
	if (n == 0 || c->len == sizeof(c->request) || is_complete(c))
		client_answer(api, c);
}

/* A free place, or the oldest client's. */
static struct api_client *client_place(struct slirp_api *api)
{
	struct api_client *oldest = &api->clients[0];

	for (size_t i = 0; i < SLIRP_API_CLIENTS_MAX; i++) {
		if (api->clients[i].fd < 0)
			return &api->clients[i];
		if (api->clients[i].turn < oldest->turn)
			oldest = &api->clients[i];
	}
	client_close(api, oldest);
	return oldest;
}

static void api_ready(void *arg, int listen_fd, uint32_t events UNUSED)
{
	struct slirp_api *api = arg;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct api_client *c;

	if (fd < 0)
		return;
	c = client_place(api);
	c->fd = fd;
	c->len = 0;
	c->turn = ++api->turn;
	if (weft_loop_watch(api->loop, fd, POLLIN, client_ready, api) < 0) {
		close(fd);
		c->fd = -1;
	}
}

int slirp_api_listen(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno == ECONNREFUSED)
		unlink(path);
	mask = umask(0077);
	err = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, BACKLOG) < 0 ? -errno
											  : 0;
	umask(mask);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int slirp_api_new(struct weft_loop *loop, struct gateway *gw, const struct weft_addr *guest4,
		  int listen_fd, struct slirp_api **ret)
{
	struct slirp_api *api = calloc(1, sizeof(*api));
	int err;

	if (!api) {
		close(listen_fd);
		return -ENOMEM;
	}
	api->loop = loop;
	api->gw = gw;
	api->guest4 = *guest4;
	api->fd = listen_fd;
	for (size_t i = 0; i < SLIRP_API_CLIENTS_MAX; i++)
		api->clients[i].fd = -1;
	err = weft_loop_watch(loop, listen_fd, POLLIN, api_ready, api);
	if (err) {
		close(listen_fd);
		free(api);
		return err;
	}
	*ret = api;
	return 0;
}

void slirp_api_free(struct slirp_api *api)
{
	if (!api)
		return;
	for (size_t i = 0; i < SLIRP_API_CLIENTS_MAX; i++)
		client_close(api, &api->clients[i]);
	(void)weft_loop_watch(api->loop, api->fd, 0, NULL, NULL);
	close(api->fd);
	free(api);
}
