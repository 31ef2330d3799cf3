/* SPDX-License-Identifier: MIT */
/*
 * The web server without memory: a run that does a bit of everything is repeated, and each of its
 * allocations fails once, alone or with all that follow. Nothing is lost or touched after that; a
 * connection is reset or told 503, and those after it are served again.
 *
 * The code under test is compiled once more for this, with malloc() and its like renamed.
 */
#include "net/http/http_server.h"

#include "fake_weft.h"
#include "net_oom.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BIG_SIZE = 300000,
};

static char folder[] = "/tmp/weft-test-oom-XXXXXX";
static char file_path[64];
static char bytes[BIG_SIZE];

static const struct http_doc docs[] = {
	{.path = "/hello", .text = "hello\n"},
	{.path = "/made", .size = BIG_SIZE},
};

static const char requests[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
			       "GET /made HTTP/1.1\r\nHost: a\r\nRange: bytes=1-200000\r\n\r\n"
			       "GET /file HTTP/1.1\r\nHost: a\r\n\r\n"
			       "HEAD /file HTTP/1.1\r\nHost: a\r\nX: ";
static const char requests_end[] =
	"\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
	"xxGET / HTTP/1.1\r\n\r\n";

static void ask(struct weft_sock *s)
{
	char pad[6000];

	memset(pad, 'x', sizeof(pad));
	fake_text(s, requests);
	fake_feed(s, pad, sizeof(pad)); /* the buffer has to grow for that */
	fake_text(s, requests_end);
	fake_run();
}

/* How often the status is answered. */
static size_t count(struct weft_sock *s, const char *status_line)
{
	size_t n = 0, len = strlen(status_line);
	const char *at = s->out, *end = s->out ? s->out + s->out_len : NULL;

	while (at && (at = memmem(at, (size_t)(end - at), status_line, len))) {
		n++;
		at += len;
	}
	return n;
}

static void assert_served(struct weft_sock *s)
{
	ask(s);
	assert_false(fake_is_gone(s));
	assert_true(s->out_fin);
	assert_int_equal(count(s, "HTTP/1.1 200 OK\r\n"), 3);
	assert_int_equal(count(s, "HTTP/1.1 206 "), 1);
	assert_int_equal(count(s, "HTTP/1.1 404 "), 1);
	assert_int_equal(count(s, "HTTP/1.1 400 "), 1);
}

/* False: the allocation that should fail did not come. */
static bool run_once(long fail_at, bool and_all_after)
{
	struct http_server_config cfg = {
		.port = 80,
		.root = folder,
		.docs = docs,
		.n_docs = ARRAY_SIZE(docs),
	};
	struct http_server *srv = NULL;
	struct weft_sock *s;
	int err;

	oom.is_on = true;
	oom.n = 0;
	oom.n_failed = 0;
	oom.fail_at = fail_at;
	oom.and_all_after = and_all_after;
	fake.alloc_fails = alloc_fails;
	err = http_server_new(NULL, &cfg, &srv);
	if (err) {
		assert_int_equal(err, -ENOMEM);
		assert_null(srv);
		fake_end();
		return true;
	}
	s = fake_connect();
	ask(s);
	oom.fail_at = -1;
	if (oom.n_failed) /* it was reset, or told so, or did without */
		assert_true(s->is_aborted || count(s, "HTTP/1.1 503 ") ||
			    count(s, "HTTP/1.1 200 OK\r\n") == 3);
	s = fake_connect();
	fake_run();
	assert_served(s);
	http_server_free(srv);
	fake_end();
	return oom.n_failed;
}

static void allocation_that_fails_alone_harms_one_connection(void **state UNUSED)
{
	long n = 0;

	while (run_once(n, false))
		n++;
	assert_true(n > 20);
}

static void memory_that_runs_out_harms_one_connection(void **state UNUSED)
{
	long n = 0;

	while (run_once(n, true))
		n++;
	assert_true(n > 20);
}

static int make_folder(void **state UNUSED)
{
	int fd;

	assert_non_null(mkdtemp(folder));
	snprintf(file_path, sizeof(file_path), "%s/file", folder);
	fd = open(file_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	return 0;
}

static int remove_folder(void **state UNUSED)
{
	unlink(file_path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocation_that_fails_alone_harms_one_connection),
		cmocka_unit_test(memory_that_runs_out_harms_one_connection),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
