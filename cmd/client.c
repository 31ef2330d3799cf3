/* SPDX-License-Identifier: MIT */
/* A client of a lab's control socket; the contract is in client.h. */
#include "cmd/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/rpc.h"
#include "lab/rundir.h"
#include "lab/suggest.h"

enum {
	READ_BYTES = 65536,
	/* A line longer than this comes from no lab. */
	LINE_MAX_BYTES = RPC_OUT_MAX + RPC_LINE_MAX,
	/* So long a lab may take to say that it has given a call up. */
	CANCEL_WAIT_MS = 1000,
};

struct client {
	int fd;
	char *lab;
	const char *tool; /* for messages */
	char *in;         /* what has come and has not been taken yet */
	size_t in_len, in_size;
	int64_t last_id;
	json_t *error;
	int fds[RPC_FDS_MAX]; /* that have come with the answer under way */
	size_t n_fds;
};

/* ---- finding the lab --------------------------------------------------------------------- */

static int lab_missing(const struct cmd_env *env, const char *name)
{
	struct lab_suggest near = lab_suggest_start(name);
	struct rundir_list labs = {NULL, 0};

	fprintf(stderr, "weft %s: no lab `%s` is running", env->tool, name);
	if (rundir_list(&labs) == 0)
		for (size_t i = 0; i < labs.n; i++)
			lab_suggest_try(&near, labs.names[i]);
	if (near.best)
		fprintf(stderr, "; did you mean `%s`?\n", near.best);
	else
		fprintf(stderr, "; `weft ls` lists those that are\n");
	rundir_list_free(&labs);
	return EXIT_FAILED;
}

int client_open_lab(const struct cmd_env *env, const char *name, struct client **ret)
{
	char path[RUNDIR_PATH_MAX];
	struct client *c;
	int fd = -1;
	int err = rundir_socket(name, path);

	if (!err)
		err = rundir_connect(path, &fd);
	if (err == -ENOENT || err == -EINVAL)
		return lab_missing(env, name);
	if (err) {
		fprintf(stderr, "weft %s: lab %s: %s\n", env->tool, name,
			err == -EAGAIN ? "it does not answer" : strerror(-err));
		return EXIT_FAILED;
	}
	c = calloc(1, sizeof(*c));
	if (c)
		c->lab = strdup(name);
	if (!c || !c->lab) {
		fprintf(stderr, "weft %s: out of memory\n", env->tool);
		close(fd);
		free(c);
		return EXIT_FAILED;
	}
	c->fd = fd;
	c->tool = env->tool;
	*ret = c;
	return 0;
}

/* The only lab that runs; 0, or the exit status. */
static int lab_only(const struct cmd_env *env, char **ret_name)
{
	struct rundir_list labs;
	int err = rundir_list(&labs);

	if (err) {
		fprintf(stderr, "weft %s: cannot look for labs: %s\n", env->tool, strerror(-err));
		return EXIT_FAILED;
	}
	if (labs.n == 1) {
		*ret_name = labs.names[0];
		labs.names[0] = NULL;
		rundir_list_free(&labs);
		return 0;
	}
	if (!labs.n) {
		fprintf(stderr,
			"weft %s: no lab is running; `weft up FILE` brings one up, "
			"`weft gateway` a gateway\n",
			env->tool);
		rundir_list_free(&labs);
		return EXIT_FAILED;
	}
	fprintf(stderr, "weft %s: several labs are running: ", env->tool);
	for (size_t i = 0; i < labs.n; i++)
		fprintf(stderr, "%s%s", i ? ", " : "", labs.names[i]);
	fprintf(stderr, "; choose one with -l\n");
	rundir_list_free(&labs);
	return EXIT_USAGE;
}

int client_open(const struct cmd_env *env, struct client **ret)
{
	char *name = NULL;
	int status;

	if (env->lab)
		return client_open_lab(env, env->lab, ret);
	status = lab_only(env, &name);
	if (!status)
		status = client_open_lab(env, name, ret);
	free(name);
	return status;
}

static void fds_drop(struct client *c)
{
	while (c->n_fds)
		close(c->fds[--c->n_fds]);
}

void client_close(struct client *c)
{
	if (!c)
		return;
	fds_drop(c);
	close(c->fd);
	json_decref(c->error);
	free(c->lab);
	free(c->in);
	free(c);
}

const char *client_lab_name(const struct client *c)
{
	return c->lab;
}

int client_fd(const struct client *c)
{
	return c->fd;
}

const json_t *client_error(const struct client *c)
{
	return c->error;
}

/* ---- bytes ------------------------------------------------------------------------------- */

/* Waits for `events` of the socket. 0; -ECANCELED: `stop_fd` is ready, which counts first, since a
 * lab that always has something to say would hide it; -ETIMEDOUT. */
static int client_wait(struct client *c, short events, int stop_fd, int timeout_ms)
{
	struct pollfd fds[2] = {{c->fd, events, 0}, {stop_fd, POLLIN, 0}};
	int n;

	do
		n = poll(fds, stop_fd >= 0 ? 2 : 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (!n)
		return -ETIMEDOUT;
	return fds[1].revents ? -ECANCELED : 0;
}

static int line_send(struct client *c, const char *line, size_t len)
{
	while (len) {
		ssize_t n = send(c->fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			line += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			int err = client_wait(c, POLLOUT, -1, -1);

			if (err)
				return err;
		} else if (errno != EINTR) {
			return errno == ECONNRESET ? -EPIPE : -errno;
		}
	}
	return 0;
}

/* Takes `message`. */
static int message_send(struct client *c, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	int err = text ? line_send(c, text, strlen(text)) : -ENOMEM;

	if (!err)
		err = line_send(c, "\n", 1);
	free(text);
	json_decref(message);
	return err;
}

static void fds_take(struct client *c, struct msghdr *mh)
{
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		const unsigned char *data = CMSG_DATA(cm);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
			if (c->n_fds < RPC_FDS_MAX)
				c->fds[c->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

/* Reads what there is. 0; -EAGAIN: nothing; -EPIPE: the lab has ended. */
static int bytes_read(struct client *c)
{
	union {
		char buf[CMSG_SPACE(RPC_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov;
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl)};
	ssize_t n;

	if (c->in_size - c->in_len < READ_BYTES) {
		size_t size = c->in_size ? c->in_size * 2 : (size_t)READ_BYTES;
		char *in = size <= LINE_MAX_BYTES * 2 ? realloc(c->in, size) : NULL;

		if (!in)
			return -ENOMEM;
		c->in = in;
		c->in_size = size;
	}
	iov = (struct iovec){c->in + c->in_len, READ_BYTES};
	n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	c->in_len += (size_t)n;
	fds_take(c, &mh);
	return 0;
}

/* The next message if it is there whole. 0; -EAGAIN; -EPROTO: not JSON. */
static int message_take(struct client *c, json_t **ret)
{
	char *end = c->in_len ? memchr(c->in, '\n', c->in_len) : NULL;
	size_t len;
	json_t *message;

	if (!end)
		return -EAGAIN;
	len = (size_t)(end - c->in);
	message = json_loadb(c->in, len, 0, NULL);
	c->in_len -= len + 1;
	memmove(c->in, end + 1, c->in_len);
	if (!message)
		return -EPROTO;
	*ret = message;
	return 0;
}

static int message_wait(struct client *c, int stop_fd, int timeout_ms, json_t **ret)
{
	for (;;) {
		int err = message_take(c, ret);

		if (err != -EAGAIN)
			return err;
		err = client_wait(c, POLLIN, stop_fd, timeout_ms);
		if (!err)
			err = bytes_read(c);
		if (err && err != -EAGAIN)
			return err;
	}
}

/* ---- calls ------------------------------------------------------------------------------- */

static bool is_answer_to(const json_t *message, int64_t id)
{
	const json_t *of = json_object_get(message, "id");

	if (json_object_get(message, "method"))
		return false;
	/* The lab tells what is wrong with the connection in an error without an id. */
	return json_is_integer(of) ? json_integer_value(of) == id
				   : json_object_get(message, "error") != NULL;
}

static bool is_notification_of(const json_t *message, int64_t id)
{
	const json_t *params = json_object_get(message, "params");

	return json_is_string(json_object_get(message, "method")) &&
	       json_integer_value(json_object_get(params, "id")) == id;
}

/* Asks the lab to give the call up and waits until it has. */
static void call_cancel(struct client *c, int64_t id)
{
	json_t *message;
	bool is_over = false;

	if (message_send(c, json_pack("{s:s, s:s, s:{s:I}}", "jsonrpc", "2.0", "method",
				      "rpc.cancel", "params", "id", (json_int_t)id)) < 0)
		return;
	while (!is_over && message_wait(c, -1, CANCEL_WAIT_MS, &message) == 0) {
		is_over = is_answer_to(message, id);
		json_decref(message);
	}
}

static int answer_take(struct client *c, const json_t *answer, json_t **ret_result)
{
	json_t *error = json_object_get(answer, "error");
	json_t *result = json_object_get(answer, "result");

	if (error) {
		c->error = json_incref(error);
		return -EREMOTEIO;
	}
	if (!result)
		return -EPROTO;
	*ret_result = json_incref(result);
	return 0;
}

static int answer_wait(struct client *c, int64_t id, const struct client_extra *extra,
		       json_t **ret_result)
{
	int stop_fd = extra && extra->stop_fd ? *extra->stop_fd : -1;

	for (;;) {
		json_t *message;
		bool is_answer;
		int err = message_wait(c, stop_fd, -1, &message);

		if (err == -ECANCELED)
			call_cancel(c, id);
		if (err)
			return err;
		is_answer = is_answer_to(message, id);
		if (is_answer)
			err = answer_take(c, message, ret_result);
		else if (extra && extra->on_notify && is_notification_of(message, id))
			err = extra->on_notify(
				extra->arg, json_string_value(json_object_get(message, "method")),
				json_object_get(message, "params"));
		json_decref(message);
		if (is_answer)
			return err;
		if (err) {
			call_cancel(c, id);
			return -ECANCELED;
		}
	}
}

static void fds_give(struct client *c, struct client_extra *extra)
{
	extra->n_fds = 0;
	for (size_t i = 0; i < c->n_fds && extra->n_fds < extra->max_fds; i++) {
		extra->fds[extra->n_fds++] = c->fds[i];
		c->fds[i] = -1;
	}
	for (size_t i = extra->n_fds; i < c->n_fds; i++)
		close(c->fds[i]);
	c->n_fds = 0;
}

int client_call_quiet(struct client *c, const char *method, json_t *params,
		      struct client_extra *extra, json_t **ret_result)
{
	int64_t id = ++c->last_id;
	json_t *request = json_pack("{s:s, s:I, s:s, s:o*}", "jsonrpc", "2.0", "id", (json_int_t)id,
				    "method", method, "params", params);
	int err;

	json_decref(c->error);
	c->error = NULL;
	err = message_send(c, request);
	/* A lab that has closed the connection may have said why. */
	if (!err || err == -EPIPE)
		err = answer_wait(c, id, extra, ret_result);
	if (!err && extra && extra->fds)
		fds_give(c, extra);
	fds_drop(c);
	return err;
}

int client_call(struct client *c, const char *method, json_t *params, struct client_extra *extra,
		json_t **ret_result)
{
	int err = client_call_quiet(c, method, params, extra, ret_result);

	if (err && err != -ECANCELED)
		client_print_error(c, err);
	return err;
}

void client_print_error(const struct client *c, int err)
{
	const char *text = json_string_value(json_object_get(c->error, "message"));

	if (err == -EREMOTEIO && text)
		fprintf(stderr, "weft %s: %s\n", c->tool, text);
	else if (err == -EPIPE)
		fprintf(stderr, "weft %s: lab %s has ended\n", c->tool, c->lab);
	else if (err == -EPROTO)
		fprintf(stderr, "weft %s: lab %s answers something else than JSON-RPC\n", c->tool,
			c->lab);
	else
		fprintf(stderr, "weft %s: lab %s: %s\n", c->tool, c->lab, strerror(-err));
}

int client_exit_status(const struct client *c, int err)
{
	json_int_t code = json_integer_value(json_object_get(c->error, "code"));

	return err == -EREMOTEIO && (code == RPC_NO_NODE || code == RPC_METHOD_NOT_FOUND ||
				     code == RPC_INVALID_PARAMS || code == RPC_WRONG_KIND)
		       ? EXIT_USAGE
		       : EXIT_FAILED;
}

json_t *client_node_params(const struct cmd_env *env)
{
	json_t *params;

	if (!env->node) {
		fprintf(stderr, "weft %s: on which node? weft -n NODE %s ...\n", env->tool,
			env->tool);
		return NULL;
	}
	params = json_pack("{s:s}", "node", env->node);
	if (!params)
		fprintf(stderr, "weft %s: the node's name is not UTF-8\n", env->tool);
	return params;
}
