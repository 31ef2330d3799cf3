/* SPDX-License-Identifier: MIT */
/* Paths: their normal form, and that none leads out of the root. */
#include "net/http/http_path.h"

#include "unit.h"

#include <errno.h>

/* What a path becomes; NULL: it is refused. */
static const struct {
	const char *raw, *path;
} paths[] = {
	{"", "/"},
	{"/", "/"},
	{"//", "/"},
	{"///a", "/a"},
	{"/a", "/a"},
	{"/a/", "/a/"},
	{"/a//b///", "/a/b/"},
	{"/.", "/"},
	{"/./", "/"},
	{"/a/.", "/a/"},
	{"/a/./b", "/a/b"},
	{"/./a", "/a"},
	{"/.a", "/.a"},
	{"/a.", "/a."},
	{"/..a", "/..a"},
	{"/a..", "/a.."},
	{"/...", "/..."},
	{"/a..b/c", "/a..b/c"},
	{"/%61%2e%62", "/a.b"},
	{"/a%20b", "/a b"},
	{"/%C3%a4", "/\xc3\xa4"},
	{"/\xff", "/\xff"},
	{"/%ff", "/\xff"},
	{"/%25", "/%"},
	{"/%252e%252e", "/%2e%2e"},
	{"/a;b,c:d@e!$&'()*+=~", "/a;b,c:d@e!$&'()*+=~"},
	/* upwards, in every disguise */
	{"/..", NULL},
	{"/../", NULL},
	{"/a/..", NULL},
	{"/a/../b", NULL},
	{"/../../etc/passwd", NULL},
	{"/%2e%2e", NULL},
	{"/%2E%2e/etc", NULL},
	{"/.%2e/etc", NULL},
	{"/%2e./etc", NULL},
	{"/a/%2e%2e/b", NULL},
	{"//..", NULL},
	{"/./..", NULL},
	{"/a/.//..", NULL},
	{"/..%2f..%2fetc", NULL},
	{"/..%5c..%5cetc", NULL},
	{"/..\\..\\etc", NULL},
	/* what must not be in a name */
	{"/a%2fb", NULL},
	{"/a%2Fb", NULL},
	{"/%2f", NULL},
	{"/a\\b", NULL},
	{"/a%5cb", NULL},
	{"/a%5Cb", NULL},
	{"/%00", NULL},
	{"/a%00.html", NULL},
	{"/a%0ab", NULL},
	{"/a%0d%0aX: y", NULL},
	{"/a%1f", NULL},
	{"/a%7f", NULL},
	/* wrong escapes */
	{"/%", NULL},
	{"/%2", NULL},
	{"/a%4", NULL},
	{"/%zz", NULL},
	{"/%2g", NULL},
	{"/%g2", NULL},
	{"/%u002e", NULL},
	{"/%-1", NULL},
	{"/%%", NULL},
	/* no path at all */
	{"a", NULL},
	{"..", NULL},
	{"?", NULL},
};

static void paths_become_their_normal_form(void **state UNUSED)
{
	char path[HTTP_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct http_text raw = http_text_make(paths[i].raw, strlen(paths[i].raw));
		int r = http_path_parse(raw, path);

		if (!paths[i].path) {
			if (r != -EINVAL)
				fail_msg("%s is not refused: %d", paths[i].raw, r);
			continue;
		}
		if (r < 0)
			fail_msg("%s is refused: %d", paths[i].raw, r);
		assert_string_equal(path, paths[i].path);
		assert_int_equal(r, strlen(path));
	}
}

/* A normal form is its own normal form once it is escaped. */
static void normal_form_escaped_comes_back(void **state UNUSED)
{
	char escaped[3 * HTTP_PATH_SIZE], path[HTTP_PATH_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (!paths[i].path)
			continue;
		assert_int_equal(http_path_escape(paths[i].path, escaped, sizeof(escaped)), 0);
		assert_true(http_path_parse(http_text_make(escaped, strlen(escaped)), path) > 0);
		assert_string_equal(path, paths[i].path);
		assert_null(strpbrk(escaped, "\r\n\"<> \\"));
		assert_int_not_equal(escaped[1], '/');
	}
}

static void escape_without_room_is_refused(void **state UNUSED)
{
	char ret[8];

	for (size_t size = 0; size <= sizeof(ret); size++)
		assert_int_equal(http_path_escape("/a b/", ret, size),
				 size < 8 ? -ENAMETOOLONG : 0);
	assert_string_equal(ret, "/a%20b/");
}

static void path_without_room_is_too_long(void **state UNUSED)
{
	static char raw[HTTP_PATH_SIZE + 1], path[HTTP_PATH_SIZE];

	memset(raw, 'a', sizeof(raw));
	raw[0] = '/';
	assert_int_equal(http_path_parse(http_text_make(raw, HTTP_PATH_SIZE - 1), path),
			 HTTP_PATH_SIZE - 1);
	assert_int_equal(http_path_parse(http_text_make(raw, HTTP_PATH_SIZE), path), -ENAMETOOLONG);
}

/* Every path of up to six of these pieces: what is taken names nothing above the root. */
static void paths_of_all_pieces_stay_inside(void **state UNUSED)
{
	static const char *const pieces[] = {"/", ".", "%2e", "a", "%2f", "\\"};
	char path[HTTP_PATH_SIZE], raw[64];
	size_t n_total = 1;

	for (int depth = 0; depth < 6; depth++)
		n_total *= ARRAY_SIZE(pieces);
	for (size_t n = 0; n < n_total; n++) {
		size_t len = 0;

		raw[len++] = '/';
		for (size_t rest = n; rest; rest /= ARRAY_SIZE(pieces)) {
			const char *piece = pieces[rest % ARRAY_SIZE(pieces)];

			memcpy(raw + len, piece, strlen(piece));
			len += strlen(piece);
		}
		if (http_path_parse(http_text_make(raw, len), path) < 0)
			continue;
		assert_int_equal(path[0], '/');
		assert_null(strstr(path, "//"));
		assert_null(strstr(path, "/./"));
		assert_null(strstr(path, "/../"));
		assert_null(strchr(path, '\\'));
		len = strlen(path);
		assert_false(len >= 2 && strcmp(path + len - 2, "/.") == 0);
		assert_false(len >= 3 && strcmp(path + len - 3, "/..") == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_become_their_normal_form),
		cmocka_unit_test(normal_form_escaped_comes_back),
		cmocka_unit_test(escape_without_room_is_refused),
		cmocka_unit_test(path_without_room_is_too_long),
		cmocka_unit_test(paths_of_all_pieces_stay_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
