/* SPDX-License-Identifier: MIT */
/*
 * slirp4netns' API: requests, a line each, to a gateway that only notes its forwards. The first
 * byte says whether they go by the socket, each on a connection of its own, and whether all places
 * are filled at the end; the second where each line is cut in two there. Most do not, which is a
 * hundred times as fast.
 */
#include "fuzz.h"

#include "gateway/slirp_api.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FORWARDS = 4,
	REQUESTS = 8,
	BY_SOCKET = 240, /* from this first byte on */
	FILLED = 255,
};

struct gateway {
	struct gateway_forward_info forwards[FORWARDS];
	uint32_t n;
};

/* The gateway's own, in place of those of forward.c. */

int gateway_forward_add(struct gateway *gw, const struct gateway_forward *fw, uint32_t *ret_id,
			char *ret_msg)
{
	assert(fw->host_port && fw->guest_port && fw->n_ports == 1);
	assert(fw->host_addr.family && (fw->proto == 6 || fw->proto == 17));
	if (gw->n == FORWARDS) {
		snprintf(ret_msg, GATEWAY_MSG_MAX, "too many");
		return -E2BIG;
	}
	*ret_id = gw->n + 1;
	gw->forwards[gw->n++] = (struct gateway_forward_info){.id = *ret_id, .forward = *fw};
	return 0;
}

int gateway_forward_del(struct gateway *gw, uint32_t id)
{
	return id && id <= gw->n ? 0 : -ENOENT;
}

void gateway_forwards(struct gateway *gw,
		      void (*fn)(void *arg, const struct gateway_forward_info *info), void *arg)
{
	for (uint32_t i = 0; i < gw->n; i++)
		fn(arg, &gw->forwards[i]);
}

/* A listener without a name in the file system, and its address. */
static int listener_make(struct sockaddr_un *ret, socklen_t *ret_len)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*ret_len = sizeof(*ret);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa.sun_family)) < 0 ||
	    listen(fd, 8) < 0 || getsockname(fd, (struct sockaddr *)ret, ret_len) < 0)
		abort();
	return fd;
}

static int client_make(const struct sockaddr_un *at, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)at, len) < 0)
		abort();
	return fd;
}

static void turn(struct weft_loop *loop)
{
	for (int i = 0; i < 3; i++)
		(void)!weft_loop_turn(loop, 0);
}

/* What comes back is JSON, with or without an error. */
static void answer_check(const char *text, size_t len)
{
	json_t *ans = json_loadb(text, len, 0, NULL);

	assert(ans && (json_object_get(ans, "error") || json_object_get(ans, "return")));
	json_decref(ans);
}

static void answer_read(int fd)
{
	char text[4096];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n > 0)
		answer_check(text, (size_t)n);
}

/* Made once: an engine with its pools takes longer than the requests. What serves them is made for
 * each input, so nothing of one is there for the next. */
static struct weft_loop *loop_get(void)
{
	const struct weft_engine_config cfg = {.has_seed = true};
	static struct weft_engine *eng;
	static struct weft_loop *loop;

	if (!loop && (weft_engine_new(&cfg, &eng) || weft_loop_new(eng, &loop)))
		abort();
	return loop;
}

/* A request, in two pieces. */
static void request_send(struct weft_loop *loop, int fd, const uint8_t *line, size_t len,
			 const uint8_t *data)
{
	size_t cut = data[1] < len ? data[1] : len;

	(void)!send(fd, line, cut, MSG_NOSIGNAL);
	turn(loop);
	(void)!send(fd, line + cut, len - cut, MSG_NOSIGNAL);
	turn(loop);
	if (data[1] & 1)
		(void)shutdown(fd, SHUT_WR);
	turn(loop);
	answer_read(fd);
}

/* More than there are places for: the oldest gives way. */
static void places_fill(struct weft_loop *loop, const struct sockaddr_un *at, socklen_t len)
{
	int fds[SLIRP_API_CLIENTS_MAX + 2];

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		fds[i] = client_make(at, len);
		turn(loop);
	}
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	turn(loop);
}

static void requests_by_socket(struct gateway *gw, const struct weft_addr *guest,
			       const uint8_t *data, size_t size)
{
	struct weft_loop *loop = loop_get();
	struct sockaddr_un at;
	struct slirp_api *api;
	socklen_t len;

	if (slirp_api_new(loop, gw, guest, listener_make(&at, &len), &api))
		abort();
	for (size_t i = 2, n = 0; i < size && n < REQUESTS; n++) {
		const uint8_t *end = memchr(data + i, '\n', size - i);
		size_t line = end ? (size_t)(end - data) - i : size - i;
		int fd = client_make(&at, len);

		request_send(loop, fd, data + i, line, data);
		close(fd);
		i += line + 1;
	}
	if (data[0] == FILLED)
		places_fill(loop, &at, len);
	slirp_api_free(api);
}

static void requests_answer(struct gateway *gw, const struct weft_addr *guest, const uint8_t *data,
			    size_t size)
{
	for (size_t i = 2, n = 0; i < size && n < REQUESTS; n++) {
		const uint8_t *end = memchr(data + i, '\n', size - i);
		size_t line = end ? (size_t)(end - data) - i : size - i;
		char *text = slirp_api_answer(gw, guest, (const char *)data + i, line);

		assert(text);
		answer_check(text, strlen(text));
		free(text);
		i += line + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct weft_addr guest = {.family = WEFT_AF_INET, .bytes = {10, 0, 2, 100}};
	struct gateway gw = {.n = 0};

	if (size < 2)
		return 0;
	if (data[0] >= BY_SOCKET)
		requests_by_socket(&gw, &guest, data, size);
	else
		requests_answer(&gw, &guest, data, size);
	return 0;
}
