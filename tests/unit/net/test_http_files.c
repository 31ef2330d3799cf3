/* SPDX-License-Identifier: MIT */
/*
 * The web server's files, with the disk's thread and without: every test runs in both ways, over
 * sockets without a stack (fake_weft.h) and a folder made for it.
 */
#include "net/http/http_server.h"

#include "fake_weft.h"
#include "net/http/http_open.h"
#include "net/http/http_priv.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t second_ns = 1000000000;

enum {
	BIG_SIZE = 1000003,
	NOW_S = 800000000,
	MTIME_S = 784111777,
};

static char folder[64];
static int folder_fd;
static struct http_server *srv;
static char big[BIG_SIZE];

/* The loop: what is watched, once. */
static struct {
	int fd;
	void (*fn)(void *arg, int fd, uint32_t events);
	void *arg;
	int err;
} watched;

static int watch(void *ctx, int fd, void (*fn)(void *arg, int fd, uint32_t events), void *arg)
{
	assert_ptr_equal(ctx, &watched);
	if (watched.err)
		return watched.err;
	watched.fd = fd;
	watched.fn = fn;
	watched.arg = arg;
	return 0;
}

/* Runs what is due, until the disk's thread has nothing more to do. */
static void run(void)
{
	struct pollfd pfd = {.fd = watched.fd, .events = POLLIN};

	fake_run();
	while (http_disk_n_jobs(srv->folder.disk)) {
		assert_int_equal(poll(&pfd, 1, 60000), 1);
		watched.fn(watched.arg, watched.fd, POLLIN);
		fake_run();
	}
}

static int64_t fixed_now(void *ctx UNUSED)
{
	return NOW_S;
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	struct timespec times[2] = {{.tv_sec = MTIME_S}, {.tv_sec = MTIME_S}};

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/weft-test-http-XXXXXX");
	assert_non_null(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	assert_int_equal(mkdirat(folder_fd, "www", 0755), 0);
	assert_int_equal(mkdirat(folder_fd, "www/sub", 0755), 0);
	assert_int_equal(mkdirat(folder_fd, "www/bare", 0755), 0);
	assert_int_equal(mkdirat(folder_fd, "www/odd", 0755), 0);
	assert_int_equal(mkdirat(folder_fd, "www/odd/index.html", 0755), 0);
	assert_int_equal(mkdirat(folder_fd, "www/a b?", 0755), 0);
	write_text("secret", "secret");
	write_text("www/index.html", "<p>home");
	write_text("www/hello.txt", "hello\n");
	write_text("www/sub/index.html", "<p>sub");
	write_text("www/sub/..x", "dots");
	write_text("www/empty", "");
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	write_file("www/big", big, sizeof(big));
	assert_int_equal(symlinkat("hello.txt", folder_fd, "www/link"), 0);
	assert_int_equal(symlinkat("sub", folder_fd, "www/sublink"), 0);
	assert_int_equal(symlinkat("../secret", folder_fd, "www/out"), 0);
	assert_int_equal(symlinkat("..", folder_fd, "www/up"), 0);
	assert_int_equal(symlinkat("/", folder_fd, "www/slash"), 0);
	assert_int_equal(symlinkat("/proc/self/root", folder_fd, "www/magic"), 0);
	assert_int_equal(symlinkat("loop", folder_fd, "www/loop"), 0);
	assert_int_equal(symlinkat("nothing", folder_fd, "www/dangling"), 0);
	assert_int_equal(mkfifoat(folder_fd, "www/fifo", 0644), 0);
}

/* Everything in the folder is known here, so that nothing else is ever removed. */
static void remove_folder(void)
{
	static const char *const files[] = {
		"secret",      "www/index.html", "www/hello.txt", "www/sub/index.html",
		"www/sub/..x", "www/empty",      "www/big",       "www/link",
		"www/sublink", "www/out",        "www/up",        "www/slash",
		"www/magic",   "www/loop",       "www/dangling",  "www/fifo",
	};
	static const char *const folders[] = {
		"www/odd/index.html", "www/odd", "www/bare", "www/sub", "www/a b?", "www",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		(void)unlinkat(folder_fd, files[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		(void)unlinkat(folder_fd, folders[i], AT_REMOVEDIR);
	close(folder_fd);
	assert_int_equal(rmdir(folder), 0);
}

static void shorten_big(off_t size)
{
	int fd = openat(folder_fd, "www/big", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static int start(uint32_t max_files, bool has_thread)
{
	char root[80];
	struct http_server_config cfg = {
		.port = 80,
		.root = root,
		.watch = has_thread ? watch : NULL,
		.watch_ctx = has_thread ? &watched : NULL,
		.now_s = fixed_now,
		.max_files = max_files,
	};

	snprintf(root, sizeof(root), "%s/www", folder);
	return http_server_new(NULL, &cfg, &srv);
}

static int set_up(bool has_thread)
{
	make_folder();
	assert_int_equal(start(0, has_thread), 0);
	return 0;
}

static int set_up_thread(void **state UNUSED)
{
	return set_up(true);
}

static int set_up_no_thread(void **state UNUSED)
{
	return set_up(false);
}

static int tear_down(void **state UNUSED)
{
	http_server_free(srv);
	srv = NULL;
	assert_null(watched.fn);
	watched.err = 0;
	fake_end();
	remove_folder();
	return 0;
}

static struct http_server_stats stats(void)
{
	struct http_server_stats s;

	http_server_stats(srv, &s);
	return s;
}

static struct weft_sock *asked(const char *text)
{
	struct weft_sock *s = fake_connect();

	fake_text(s, text);
	run();
	return s;
}

static unsigned int status_of(struct weft_sock *s)
{
	unsigned int status = 0;

	assert_int_equal(sscanf(fake_sent(s), "HTTP/1.1 %u ", &status), 1);
	return status;
}

static const char *body_of(struct weft_sock *s)
{
	const char *end = strstr(fake_sent(s), "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static bool says(struct weft_sock *s, const char *line)
{
	char with_ends[256];

	snprintf(with_ends, sizeof(with_ends), "\r\n%s\r\n", line);
	return s->out && strstr(s->out, with_ends) && strstr(s->out, with_ends) < body_of(s);
}

static size_t body_len(struct weft_sock *s)
{
	return s->out_len - (size_t)(body_of(s) - fake_sent(s));
}

#define GET(path)             "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_WITH(path, field) "GET " path " HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n"
#define MTIME                 "Sun, 06 Nov 1994 08:49:37 GMT"

static void paths_lead_to_files_of_the_folder_only(void **state UNUSED)
{
	static const struct {
		unsigned int status;
		const char *request, *line, *body; /* each may be NULL */
	} cases[] = {
		{200, GET("/"), "Content-Type: text/html; charset=utf-8", "<p>home"},
		{200, GET("/index.html"), NULL, "<p>home"},
		{200, GET("/hello.txt"), "Content-Type: text/plain; charset=utf-8", "hello\n"},
		{200, GET("/sub/"), NULL, "<p>sub"},
		{200, GET("/sub//./index.html"), NULL, "<p>sub"},
		{200, GET("/sub/..x"), NULL, "dots"},
		{200, GET("/empty"), "Content-Length: 0", ""},
		{200, GET("/link"), NULL, "hello\n"},
		{200, GET("/sublink/"), NULL, "<p>sub"},
		{301, GET("/sub"), "Location: /sub/", NULL},
		{301, GET("//sub?a=b"), "Location: /sub/?a=b", NULL},
		{301, GET("/sublink"), "Location: /sublink/", NULL},
		{301, GET("/a%20b%3f"), "Location: /a%20b%3F/", NULL},
		{404, GET("/bare/"), NULL, "404 Not Found\n"},
		{404, GET("/odd/"), NULL, NULL},
		{404, GET("/nothing"), NULL, NULL},
		{404, GET("/nothing/at/all"), NULL, NULL},
		{404, GET("/hello.txt/"), NULL, NULL},
		{404, GET("/hello.txt/x"), NULL, NULL},
		{404, GET("/dangling"), NULL, NULL},
		{404, GET("/secret"), NULL, NULL},
		{403, GET("/out"), NULL, "403 Forbidden\n"},
		{403, GET("/up/secret"), NULL, NULL},
		{403, GET("/slash/etc/passwd"), NULL, NULL},
		{403, GET("/magic/etc/passwd"), NULL, NULL},
		{403, GET("/loop"), NULL, NULL},
		{403, GET("/fifo"), NULL, NULL},
		{400, GET("/../secret"), NULL, NULL},
		{400, GET("/sub/../../secret"), NULL, NULL},
		{400, GET("/%2e%2e/secret"), NULL, NULL},
		{400, GET("/..%2fsecret"), NULL, NULL},
		{400, GET("/hello.txt%00.html"), NULL, NULL},
		{206, GET_WITH("/hello.txt", "Range: bytes=1-3"), "Content-Range: bytes 1-3/6",
		 "ell"},
		{206, GET_WITH("/hello.txt", "Range: bytes=1-3\r\nIf-Range: " MTIME), NULL, "ell"},
		{200, GET_WITH("/hello.txt", "Range: bytes=1-3\r\nIf-Range: \"x\""), NULL,
		 "hello\n"},
		{416, GET_WITH("/hello.txt", "Range: bytes=6-"), "Content-Range: bytes */6", NULL},
		{416, GET_WITH("/empty", "Range: bytes=0-"), "Content-Range: bytes */0", NULL},
		{304, GET_WITH("/hello.txt", "If-Modified-Since: " MTIME), "Last-Modified: " MTIME,
		 ""},
		{200, GET_WITH("/hello.txt", "If-None-Match: \"x\""), "Last-Modified: " MTIME,
		 "hello\n"},
		{412, GET_WITH("/hello.txt", "If-Match: \"x\""), NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct weft_sock *s = asked(cases[i].request);

		if (status_of(s) != cases[i].status || (cases[i].line && !says(s, cases[i].line)) ||
		    (cases[i].body && strcmp(body_of(s), cases[i].body) != 0))
			fail_msg("%s\n%s", cases[i].request, fake_sent(s));
		assert_null(strstr(fake_sent(s), "root:"));
		assert_int_equal(strstr(fake_sent(s), "secret") != NULL, false);
	}
	assert_int_equal(stats().n_files, 0);
	assert_int_equal(stats().n_requests, ARRAY_SIZE(cases));
}

static void tag_of_a_file_comes_back_as_not_modified(void **state UNUSED)
{
	struct weft_sock *s = asked(GET("/hello.txt"));
	const char *tag = strstr(fake_sent(s), "ETag: ") + 6;
	char request[256];

	snprintf(request, sizeof(request),
		 "GET /hello.txt HTTP/1.1\r\nHost: a\r\nIf-None-Match: %.*s\r\n\r\n",
		 (int)strcspn(tag, "\r"), tag);
	assert_int_equal(status_of(asked(request)), 304);
	write_text("www/hello.txt", "hallo\n!");
	assert_int_equal(status_of(asked(request)), 200);
}

static void big_file_arrives_whole_in_large_pieces(void **state UNUSED)
{
	struct weft_sock *s = asked(GET("/big"));

	assert_int_equal(body_len(s), BIG_SIZE);
	assert_memory_equal(body_of(s), big, BIG_SIZE);
	assert_int_equal(s->n_sends, (BIG_SIZE + 131071) / 131072);
	assert_int_equal(stats().n_files, 0);
}

static void big_file_arrives_whole_in_small_pieces(void **state UNUSED)
{
	struct weft_sock *s = fake_connect();
	size_t room = 1;

	fake_set_room(s, 0);
	fake_text(s, GET("/big"));
	run();
	while (stats().n_requests == 0) {
		room = room * 7 % 99991 + 1;
		fake_set_room(s, room);
		fake_run();
		if (watched.fn && poll(&(struct pollfd){.fd = watched.fd, .events = POLLIN}, 1, 0))
			watched.fn(watched.arg, watched.fd, POLLIN);
	}
	assert_int_equal(body_len(s), BIG_SIZE);
	assert_memory_equal(body_of(s), big, BIG_SIZE);
}

static void ranges_of_a_big_file_are_its_parts(void **state UNUSED)
{
	static const size_t offs[] = {0, 1, 131071, 131072, 131073, 262144, BIG_SIZE - 1};
	char request[128];

	for (size_t i = 0; i < ARRAY_SIZE(offs); i++) {
		struct weft_sock *s;

		snprintf(request, sizeof(request),
			 "GET /big HTTP/1.1\r\nHost: a\r\nRange: bytes=%zu-\r\n\r\n", offs[i]);
		s = asked(request);
		assert_int_equal(status_of(s), 206);
		assert_int_equal(body_len(s), BIG_SIZE - offs[i]);
		assert_memory_equal(body_of(s), big + offs[i], BIG_SIZE - offs[i]);
	}
}

static void file_that_gets_shorter_ends_the_connection(void **state UNUSED)
{
	struct weft_sock *s = fake_connect();

	fake_set_room(s, 1000);
	fake_text(s, GET("/big"));
	run();
	shorten_big(300000);
	fake_set_room(s, SIZE_MAX);
	run();
	assert_true(s->is_closed);
	assert_true(body_len(s) >= 262144 && body_len(s) <= 300000);
	assert_memory_equal(body_of(s), big, body_len(s));
	assert_int_equal(stats().n_broken, 1);
	assert_int_equal(stats().n_files, 0);
}

static void requests_pipelined_are_answered_in_order(void **state UNUSED)
{
	struct weft_sock *s =
		asked(GET("/hello.txt") GET("/sub") GET("/big") GET_WITH("/", "Connection: close"));
	const char *at = strstr(fake_sent(s), "HTTP/1.1 200");

	assert_non_null(at);
	at = strstr(at + 1, "HTTP/1.1 301");
	assert_non_null(at);
	at = strstr(at, "HTTP/1.1 200");
	assert_non_null(at);
	at = memmem(at + 1, s->out_len - (size_t)(at + 1 - fake_sent(s)), "HTTP/1.1 200", 12);
	assert_non_null(at);
	assert_non_null(strstr(at, "<p>home"));
	assert_true(s->out_fin);
}

static void files_above_the_bound_get_503(void **state UNUSED)
{
	struct weft_sock *first, *second;
	bool has_thread = watched.fn;

	http_server_free(srv);
	assert_int_equal(start(1, has_thread), 0);
	first = fake_connect();
	fake_set_room(first, 1000);
	fake_text(first, GET("/big"));
	run();
	assert_int_equal(stats().n_files, 1);
	second = asked(GET("/hello.txt"));
	assert_int_equal(status_of(second), 503);
	fake_set_room(first, SIZE_MAX);
	run();
	fake_clear(second);
	fake_text(second, GET("/hello.txt"));
	run();
	assert_int_equal(status_of(second), 200);
}

static void client_that_resets_lets_go_of_its_file(void **state UNUSED)
{
	struct weft_sock *opening = fake_connect();
	struct weft_sock *sending = fake_connect();

	fake_set_room(sending, 1000);
	fake_text(sending, GET("/big"));
	run();
	fake_text(opening, GET("/big"));
	fake_run();
	fake_reset(opening);
	fake_reset(sending);
	run();
	assert_true(fake_is_gone(opening) && fake_is_gone(sending));
	assert_int_equal(stats().n_files, 0);
	assert_int_equal(stats().n_open, 0);
}

static void server_freed_amid_files_waits_for_them(void **state UNUSED)
{
	for (int i = 0; i < 50; i++) {
		struct weft_sock *s = fake_connect();

		fake_set_room(s, i % 2 ? 1000 : SIZE_MAX);
		fake_text(s, i % 3 ? GET("/big") : GET("/nothing"));
		if (i % 4 == 0)
			run();
	}
	fake_run();
	http_server_free(srv);
	srv = NULL;
	assert_null(watched.fn);
}

static void loop_that_cannot_watch_refuses_the_server(void **state UNUSED)
{
	struct http_server *mine = srv;

	watched.err = -ENOSPC;
	srv = NULL;
	assert_int_equal(start(0, true), -ENOSPC);
	assert_null(srv);
	watched.err = 0;
	srv = mine;
}

static void client_waiting_for_a_file_for_60_s_is_reset(void **state UNUSED)
{
	struct weft_sock *s = fake_connect();

	fake_text(s, GET("/big"));
	fake_run(); /* what the disk's thread says is not looked at */
	fake_pass(60 * second_ns);
	assert_true(s->is_aborted);
	run();
	assert_int_equal(stats().n_files, 0);
}

/* Both ways to open, over the same table. */
static void opening_stays_beneath_the_folder(void **state UNUSED)
{
	static const struct {
		const char *path;
		int beneath, walk; /* 0 or the error */
	} cases[] = {
		{"hello.txt", 0, 0},
		{"sub/index.html", 0, 0},
		{"sub", 0, 0},
		{"fifo", 0, 0},
		{"nothing", -ENOENT, -ENOENT},
		{"nothing/x", -ENOENT, -ENOENT},
		{"hello.txt/x", -ENOTDIR, -ENOTDIR},
		{"link", 0, -ELOOP},
		{"sublink/index.html", 0, -ELOOP},
		{"out", -EXDEV, -ELOOP},
		{"up", -EXDEV, -ELOOP},
		{"up/secret", -EXDEV, -ELOOP},
		{"slash/etc/passwd", -EXDEV, -ELOOP},
		{"magic/etc/passwd", -EXDEV, -ELOOP},
		{"loop", -ELOOP, -ELOOP},
		{"../secret", -EXDEV, -EXDEV},
		{"sub/../../secret", -EXDEV, -EXDEV},
		{"..", -EXDEV, -EXDEV},
	};
	static char long_name[600];
	int root = openat(folder_fd, "www", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int a = http_open_beneath(root, cases[i].path);
		int b = http_open_walk(root, cases[i].path);

		if ((a < 0 ? a : 0) != cases[i].beneath || (b < 0 ? b : 0) != cases[i].walk)
			fail_msg("%s: %d %d", cases[i].path, a, b);
		if (a >= 0)
			close(a);
		if (b >= 0)
			close(b);
	}
	memset(long_name, 'a', sizeof(long_name) - 1);
	assert_int_equal(http_open_beneath(root, long_name), -ENAMETOOLONG);
	assert_int_equal(http_open_walk(root, long_name), -ENAMETOOLONG);
	assert_int_equal(http_open_walk(root, "/etc/passwd"), -ENOENT);
	assert_int_equal(http_open_beneath(root, "/etc/passwd"), -EXDEV);
	close(root);
}

#define with_thread(name) cmocka_unit_test_setup_teardown(name, set_up_thread, tear_down)
/* Each test twice: with the disk's thread, and without. */
#define both(name) \
	with_thread(name), cmocka_unit_test_setup_teardown(name, set_up_no_thread, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(paths_lead_to_files_of_the_folder_only),
		both(tag_of_a_file_comes_back_as_not_modified),
		both(big_file_arrives_whole_in_large_pieces),
		both(big_file_arrives_whole_in_small_pieces),
		both(ranges_of_a_big_file_are_its_parts),
		both(file_that_gets_shorter_ends_the_connection),
		both(requests_pipelined_are_answered_in_order),
		both(files_above_the_bound_get_503),
		both(client_that_resets_lets_go_of_its_file),
		both(server_freed_amid_files_waits_for_them),
		with_thread(loop_that_cannot_watch_refuses_the_server),
		with_thread(client_waiting_for_a_file_for_60_s_is_reset),
		both(opening_stays_beneath_the_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
