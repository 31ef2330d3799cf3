/* SPDX-License-Identifier: MIT */
/*
 * Loading lab files while memory runs out: each allocation fails in turn, ours and libyaml's. The
 * answer is -ENOMEM, and nothing is left allocated.
 */
#include "unit.h"

#include "lab/labfile.h"

#include <errno.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker names them so */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long countdown = -1; /* allocations that succeed before the one that fails; < 0: all do */
static long n_live;

static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

static void *count(void *p)
{
	n_live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : count(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __real_realloc(p, size) : count(__real_realloc(p, size));
}

void __wrap_free(void *p)
{
	n_live -= p != NULL;
	__real_free(p);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : count(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : count(__real_strndup(s, n));
}

/* NOLINTEND(bugprone-reserved-identifier) */

/* Loads the file with the n-th allocation failing, for each n until none does. */
static void load_with_failures(const char *path, int expected_err)
{
	static struct lab_errors errs;
	struct labfile *lab = NULL;
	long n = 0, n_live_before = n_live;
	int err;

	for (;; n++) {
		countdown = n;
		err = labfile_load(path, &lab, &errs);
		if (countdown >= 0) /* it never came to that */
			break;
		assert_int_equal(err, -ENOMEM);
		assert_null(lab);
		assert_int_equal(n_live, n_live_before);
	}
	countdown = -1;
	assert_true(n > 20);
	assert_int_equal(err, expected_err);
	labfile_free(lab);
	assert_int_equal(n_live, n_live_before);
}

static void good_file_without_memory_gives_enomem_and_leaks_nothing(void **state UNUSED)
{
	load_with_failures(SOURCE_DIR "/tests/lab/good/every-key.yaml", 0);
	load_with_failures(SOURCE_DIR "/tests/lab/good/small.yaml", 0);
	load_with_failures(SOURCE_DIR "/tests/lab/good/counts.yaml", 0);
	load_with_failures(SOURCE_DIR "/tests/lab/good/defaults.yaml", 0);
	load_with_failures(SOURCE_DIR "/tests/lab/good/assigned.yaml", 0);
	load_with_failures(SOURCE_DIR "/tests/lab/good/routing.yaml", 0);
	load_with_failures(SOURCE_DIR "/examples/home.yaml", 0);
}

static void bad_file_without_memory_gives_enomem_and_leaks_nothing(void **state UNUSED)
{
	load_with_failures(SOURCE_DIR "/tests/lab/bad/several.yaml", -EINVAL);
	load_with_failures(SOURCE_DIR "/tests/lab/bad/yaml-bad-indent.yaml", -EINVAL);
	load_with_failures(SOURCE_DIR "/tests/lab/bad/yaml-duplicate-anchor.yaml", -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_without_memory_gives_enomem_and_leaks_nothing),
		cmocka_unit_test(bad_file_without_memory_gives_enomem_and_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
