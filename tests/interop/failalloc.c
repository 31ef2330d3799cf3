/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a program under test: makes one allocation fail, and counts what stays allocated.
 *
 * FAILALLOC_PROGRAM  short name of the program; in others nothing happens
 * FAILALLOC_AT       which allocation fails, from 1; 0: none
 * FAILALLOC_OUT      at exit "CALLS LIVE\n" is appended to this file
 *
 * A process cloned from the program counts on from where its parent was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's allocator under its own names.
 * NOLINTBEGIN(bugprone-reserved-identifier) */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);
/* NOLINTEND(bugprone-reserved-identifier) */

static atomic_long n_calls, n_live;
static long fail_at;
static bool is_on;

__attribute__((constructor)) static void start(void)
{
	const char *program = getenv("FAILALLOC_PROGRAM");
	const char *at = getenv("FAILALLOC_AT");

	if (!program || strcmp(program, program_invocation_short_name) != 0)
		return;
	fail_at = at ? strtol(at, NULL, 10) : 0;
	is_on = true;
}

__attribute__((destructor)) static void finish(void)
{
	const char *path = getenv("FAILALLOC_OUT");
	char line[64];
	int fd;

	if (!is_on || !path)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	(void)!write(fd, line, (size_t)snprintf(line, sizeof(line), "%ld %ld\n", n_calls, n_live));
	close(fd);
}

static bool is_to_fail(void)
{
	return is_on && atomic_fetch_add(&n_calls, 1) + 1 == fail_at;
}

static void *counted(void *ptr)
{
	if (ptr && is_on)
		atomic_fetch_add(&n_live, 1);
	return ptr;
}

static void *failed(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return is_to_fail() ? failed() : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return is_to_fail() ? failed() : counted(__libc_calloc(n, size));
}

void *realloc(void *ptr, size_t size)
{
	void *fresh;

	if (!ptr)
		return malloc(size);
	if (is_to_fail())
		return failed();
	fresh = __libc_realloc(ptr, size);
	if (!fresh && !size && is_on) /* freed */
		atomic_fetch_sub(&n_live, 1);
	return fresh;
}

void free(void *ptr)
{
	if (ptr && is_on)
		atomic_fetch_sub(&n_live, 1);
	__libc_free(ptr);
}
