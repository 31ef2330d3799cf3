/* SPDX-License-Identifier: MIT */
/* The control socket: clients that are slow, loud, many, or gone; over real sockets. */
#include "rpc_fix.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lab/rundir.h"
#include "lab/runner.h"

static struct rpc_server *srv;
static char dir[] = "/tmp/weft-rpc-XXXXXX", path[64];

static int setup(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/weft-rpc-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/small.sock", dir);
	fix_up();
	assert_int_equal(rpc_server_start(fix_lab, path, &srv), 0);
	return 0;
}

static int teardown(void **state UNUSED)
{
	rpc_server_stop(srv);
	fix_down();
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* Lets the lab do what there is to do. */
static void turn(int n)
{
	while (n--)
		assert_int_equal(
			runner_turn(fix_lab->runner, runner_now_ns(fix_lab->runner) + 1000000), 0);
}

static int client(void)
{
	int fd = -1;

	assert_int_equal(rundir_connect(path, &fd), 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			turn(1);
			continue;
		}
		text += n;
		len -= (size_t)n;
	}
}

#define SAY(fd, text) say(fd, text, strlen(text))
#define REQUEST(id, method, params)                                           \
	"{\"jsonrpc\": \"2.0\", \"id\": " id ", \"method\": \"" method "\", " \
	"\"params\": " params "}\n"

/* Reads until `want` lines are there, or the end when it is 0. Returns how many lines there were.
 */
static size_t hear(int fd, char *buf, size_t size, size_t want)
{
	size_t len = 0, lines = 0;

	for (int i = 0; i < 20000 && (!want || lines < want); i++) {
		ssize_t n = recv(fd, buf + len, size - len - 1, MSG_DONTWAIT);

		if (n == 0)
			break;
		if (n < 0) {
			turn(1);
			continue;
		}
		for (ssize_t k = 0; k < n; k++)
			lines += buf[len + (size_t)k] == '\n';
		len += (size_t)n;
	}
	buf[len] = '\0';
	return lines;
}

static void socket_is_private(void **state UNUSED)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void request_in_pieces_is_answered(void **state UNUSED)
{
	static const char request[] = REQUEST("1", "test.echo", "{\"text\": \"hallo\"}");
	char buf[500];
	int fd = client();

	for (size_t i = 0; i < strlen(request); i++) {
		say(fd, request + i, 1);
		turn(1);
	}
	assert_int_equal(hear(fd, buf, sizeof(buf), 1), 1);
	assert_non_null(strstr(buf, "hallo"));
	assert_int_equal(rpc_server_n_clients(srv), 1);
	close(fd);
	turn(2);
	assert_int_equal(rpc_server_n_clients(srv), 0);
}

static void requests_in_one_piece_are_answered_in_order(void **state UNUSED)
{
	char buf[1000];
	int fd = client();

	SAY(fd, REQUEST("1", "test.echo", "{}")
			REQUEST("2", "test.echo", "{}") "\n\n" REQUEST("3", "test.echo", "{}"));
	assert_int_equal(hear(fd, buf, sizeof(buf), 3), 3);
	assert_true(strstr(buf, "\"id\":1") < strstr(buf, "\"id\":2"));
	assert_true(strstr(buf, "\"id\":2") < strstr(buf, "\"id\":3"));
	close(fd);
}

static void client_that_has_said_all_is_answered_and_closed(void **state UNUSED)
{
	char buf[500];
	int fd = client();

	/* The last line needs no end. */
	SAY(fd, "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"test.later\"}");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	turn(3);
	assert_non_null(fix_open);
	assert_int_equal(fix_n_cancelled, 0);
	assert_int_equal(rpc_reply(fix_open, json_true()), 0);
	assert_int_equal(hear(fd, buf, sizeof(buf), 0), 1);
	assert_non_null(strstr(buf, "\"result\":true"));
	turn(2);
	assert_int_equal(rpc_server_n_clients(srv), 0);
	close(fd);
}

static void client_that_goes_gives_its_calls_up(void **state UNUSED)
{
	int fd = client();

	SAY(fd, REQUEST("1", "test.later", "{}"));
	turn(3);
	assert_non_null(fix_open);
	close(fd);
	turn(3);
	assert_int_equal(fix_n_cancelled, 1);
	assert_int_equal(rpc_server_n_clients(srv), 0);
}

static void line_over_the_bound_is_told_and_closed(void **state UNUSED)
{
	size_t size = RPC_LINE_MAX + 10000;
	char *text = malloc(size), buf[500];
	int fd = client();
	size_t sent = 0;

	memset(text, ' ', size);
	while (sent < size) {
		ssize_t n = send(fd, text + sent, size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		turn(1);
	}
	assert_int_equal(hear(fd, buf, sizeof(buf), 0), 1);
	assert_non_null(strstr(buf, "-32600"));
	turn(2);
	assert_int_equal(rpc_server_n_clients(srv), 0);
	close(fd);
	free(text);
}

static void line_at_the_bound_is_taken(void **state UNUSED)
{
	static const char request[] = REQUEST("1", "test.echo", "{}");
	size_t size = RPC_LINE_MAX;
	char *text = malloc(size), buf[500];
	int fd = client();

	memset(text, ' ', size);
	for (size_t i = 0; request[i]; i++)
		text[size - strlen(request) + i] = request[i];
	say(fd, text, size);
	assert_int_equal(hear(fd, buf, sizeof(buf), 1), 1);
	assert_non_null(strstr(buf, "\"result\":{}"));
	close(fd);
	free(text);
}

static void client_too_many_is_told_and_closed(void **state UNUSED)
{
	int fds[RPC_CLIENTS_MAX], fd;
	char buf[500];

	for (int i = 0; i < RPC_CLIENTS_MAX; i++)
		fds[i] = client();
	turn(10);
	assert_int_equal(rpc_server_n_clients(srv), RPC_CLIENTS_MAX);
	fd = client();
	assert_int_equal(hear(fd, buf, sizeof(buf), 0), 1);
	assert_non_null(strstr(buf, "64 clients"));
	close(fd);
	close(fds[0]);
	turn(3);
	fds[0] = client();
	SAY(fds[0], REQUEST("1", "test.echo", "{}"));
	assert_int_equal(hear(fds[0], buf, sizeof(buf), 1), 1);
	assert_non_null(strstr(buf, "result"));
	for (int i = 0; i < RPC_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* Its connection is seen before the others' ends. */
static void client_too_many_comes_as_another_goes_is_taken(void **state UNUSED)
{
	int fds[RPC_CLIENTS_MAX], fd;
	char buf[500];

	for (int i = 0; i < RPC_CLIENTS_MAX; i++)
		fds[i] = client();
	turn(10);
	fd = client();
	SAY(fd, REQUEST("1", "test.echo", "{}"));
	close(fds[0]);
	assert_int_equal(hear(fd, buf, sizeof(buf), 1), 1);
	assert_non_null(strstr(buf, "result"));
	close(fd);
	for (int i = 1; i < RPC_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* Forty answers of a megabyte each: more than may wait, so the client's requests wait instead. */
static void slow_reader_gets_every_answer(void **state UNUSED)
{
	enum {
		N = 40
	};
	static const char request[] = REQUEST("1", "test.large", "{\"size\": 1000000}");
	size_t size = 2000000, lines = 0, bytes = 0;
	char *buf = malloc(size);
	int fd = client();

	for (int i = 0; i < N; i++)
		SAY(fd, request);
	turn(100);
	for (int i = 0; i < 100000 && lines < N; i++) {
		ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);

		assert_int_not_equal(n, 0);
		if (n < 0) {
			turn(1);
			continue;
		}
		bytes += (size_t)n;
		for (ssize_t k = 0; k < n; k++)
			lines += buf[k] == '\n';
	}
	assert_int_equal(lines, N);
	assert_true(bytes > N * 1000000);
	close(fd);
	free(buf);
}

/* What cannot be put off, since calls were open before it stopped reading. */
static void reader_that_never_reads_is_closed(void **state UNUSED)
{
	struct rpc_call *calls[12];
	char *text = malloc(1000001);
	int fd = client();

	for (int i = 0; i < 12; i++) {
		char request[100];

		snprintf(request, sizeof(request),
			 "{\"jsonrpc\": \"2.0\", \"id\": %d, \"method\": \"test.later\"}\n", i);
		SAY(fd, request);
		turn(2);
		calls[i] = fix_open;
	}
	memset(text, 'x', 1000000);
	text[1000000] = '\0';
	for (int i = 0; i < 11; i++)
		assert_int_equal(rpc_reply(calls[i], json_string(text)), 0);
	turn(3);
	assert_int_equal(rpc_server_n_clients(srv), 0);
	assert_int_equal(fix_n_cancelled, 1);
	close(fd);
	free(text);
}

static void descriptors_come_with_their_answer(void **state UNUSED)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl;
	char buf[500], word[10] = "";
	struct iovec iov = {buf, sizeof(buf) - 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl)};
	int fd = client(), got;
	ssize_t n;

	SAY(fd, REQUEST("1", "test.pipe", "{}"));
	turn(3);
	n = recvmsg(fd, &mh, MSG_DONTWAIT);
	assert_true(n > 0);
	assert_non_null(CMSG_FIRSTHDR(&mh));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(got));
	assert_int_equal(read(got, word, sizeof(word)), 4);
	assert_string_equal(word, "word");
	close(got);
	close(fd);
}

static void second_server_at_the_path_is_refused(void **state UNUSED)
{
	struct rpc_server *other = NULL;

	assert_int_equal(rpc_server_start(fix_lab, path, &other), -EADDRINUSE);
	assert_null(other);
	close(client());
}

static void server_that_ends_cancels_and_leaves_no_socket(void **state UNUSED)
{
	char buf[100];
	int fd = client();

	SAY(fd, REQUEST("1", "test.later", "{}"));
	turn(3);
	rpc_server_stop(srv);
	srv = NULL;
	assert_int_equal(fix_n_cancelled, 1);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), -1);
}

static void server_leaves_the_socket_of_another_alone(void **state UNUSED)
{
	int fd;

	unlink(path);
	assert_int_equal(rundir_listen(path, &fd), 0);
	rpc_server_stop(srv);
	srv = NULL;
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
	unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(socket_is_private),
		TEST(request_in_pieces_is_answered),
		TEST(requests_in_one_piece_are_answered_in_order),
		TEST(client_that_has_said_all_is_answered_and_closed),
		TEST(client_that_goes_gives_its_calls_up),
		TEST(line_over_the_bound_is_told_and_closed),
		TEST(line_at_the_bound_is_taken),
		TEST(client_too_many_is_told_and_closed),
		TEST(client_too_many_comes_as_another_goes_is_taken),
		TEST(slow_reader_gets_every_answer),
		TEST(reader_that_never_reads_is_closed),
		TEST(descriptors_come_with_their_answer),
		TEST(second_server_at_the_path_is_refused),
		TEST(server_that_ends_cancels_and_leaves_no_socket),
		TEST(server_leaves_the_socket_of_another_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
