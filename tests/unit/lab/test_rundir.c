/* SPDX-License-Identifier: MIT */
/* The directory of control sockets: whose it is, who lives in it, and what is swept out. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/rundir.h"

static char dir[] = "/tmp/weft-run-XXXXXX";

static int setup(void **state UNUSED)
{
	snprintf(dir, sizeof(dir), "/tmp/weft-run-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return setenv("XDG_RUNTIME_DIR", dir, 1);
}

static int teardown(void **state UNUSED)
{
	char sub[RUNDIR_PATH_MAX];

	snprintf(sub, sizeof(sub), "%s/weft", dir);
	if (rmdir(sub) < 0)
		assert_int_equal(errno, ENOENT);
	return rmdir(dir);
}

/* A lab that listens, without the lab. */
static int lab_fake(const char *name)
{
	char path[RUNDIR_PATH_MAX];
	int fd = -1;

	assert_int_equal(rundir_socket(name, path), 0);
	assert_int_equal(rundir_listen(path, &fd), 0);
	return fd;
}

static void lab_gone(const char *name, int fd)
{
	char path[RUNDIR_PATH_MAX];

	assert_int_equal(rundir_socket(name, path), 0);
	unlink(path);
	close(fd);
}

static void expect_labs(const char *names)
{
	struct rundir_list list;
	char text[200] = "";

	assert_int_equal(rundir_list(&list), 0);
	for (size_t i = 0; i < list.n; i++) {
		strncat(text, list.names[i], sizeof(text) - strlen(text) - 1);
		strncat(text, " ", sizeof(text) - strlen(text) - 1);
	}
	rundir_list_free(&list);
	assert_string_equal(text, names);
}

static void directory_is_made_for_us_alone(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX];
	struct stat st;

	expect_labs("");
	assert_int_equal(rundir_socket("a", path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void directory_open_to_others_is_refused(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX];

	snprintf(path, sizeof(path), "%s/weft", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(rundir_socket("a", path), -EACCES);
}

static void link_in_place_of_the_directory_is_refused(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX], link[RUNDIR_PATH_MAX];

	snprintf(link, sizeof(link), "%s/weft", dir);
	assert_int_equal(symlink("/tmp", link), 0);
	assert_int_equal(rundir_socket("a", path), -ENOTDIR);
	unlink(link);
}

static void runtime_directory_that_is_not_there_is_not_used(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX], want[40];

	setenv("XDG_RUNTIME_DIR", "/nowhere/at/all", 1);
	assert_int_equal(rundir_path(path), 0);
	snprintf(want, sizeof(want), "/tmp/weft-%u", (unsigned int)geteuid());
	assert_string_equal(path, want);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	assert_int_equal(rundir_path(path), 0);
	assert_string_equal(path, want);
}

static void names_that_are_none_are_refused(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX], longer[200];

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(rundir_socket("", path), -EINVAL);
	assert_int_equal(rundir_socket("..", path), -EINVAL);
	assert_int_equal(rundir_socket("a/b", path), -EINVAL);
	assert_int_equal(rundir_socket(longer, path), -ENAMETOOLONG);
}

static void labs_that_live_are_listed_in_order(void **state UNUSED)
{
	int b = lab_fake("b"), a = lab_fake("a");

	expect_labs("a b ");
	lab_gone("a", a);
	lab_gone("b", b);
	expect_labs("");
}

static void dead_sockets_are_swept_out_by_looking(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX];
	int a = lab_fake("a"), b = lab_fake("b");

	close(a);
	expect_labs("b ");
	assert_int_equal(rundir_socket("a", path), 0);
	assert_int_equal(access(path, F_OK), -1);
	lab_gone("b", b);
}

static void dead_socket_is_swept_out_by_connecting(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX];
	int fd;

	close(lab_fake("a"));
	assert_int_equal(rundir_socket("a", path), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(rundir_connect(path, &fd), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rundir_connect(path, &fd), -ENOENT);
}

static void name_of_a_dead_lab_can_be_used_again(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX];
	int fd, a;

	close(lab_fake("a"));
	a = lab_fake("a");
	assert_int_equal(rundir_socket("a", path), 0);
	assert_int_equal(rundir_listen(path, &fd), -EADDRINUSE);
	assert_int_equal(rundir_connect(path, &fd), 0);
	close(fd);
	lab_gone("a", a);
}

static void other_files_are_left_alone(void **state UNUSED)
{
	char path[RUNDIR_PATH_MAX];
	FILE *f;

	assert_int_equal(rundir_socket("file", path), 0);
	f = fopen(path, "we");
	assert_non_null(f);
	fclose(f);
	expect_labs("");
	/* No socket, so not one that a lab has left. */
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(directory_is_made_for_us_alone),
		TEST(directory_open_to_others_is_refused),
		TEST(link_in_place_of_the_directory_is_refused),
		TEST(runtime_directory_that_is_not_there_is_not_used),
		TEST(names_that_are_none_are_refused),
		TEST(labs_that_live_are_listed_in_order),
		TEST(dead_sockets_are_swept_out_by_looking),
		TEST(dead_socket_is_swept_out_by_connecting),
		TEST(name_of_a_dead_lab_can_be_used_again),
		TEST(other_files_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
