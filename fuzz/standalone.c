/* SPDX-License-Identifier: MIT */
/*
 * A main() for fuzz targets without libFuzzer: runs every file of the named folders, and the empty
 * input, once. This makes a corpus an ordinary test, with any compiler and sanitizer.
 *
 * Inputs are handed over in blocks of exactly their size, so that a sanitizer sees the first byte
 * read past the end. Files are taken in the order of their names.
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[4096] = "the empty input";

/* Sanitizers abort on a finding; say which input it was. */
static void on_abort(int sig)
{
	static const char text[] = "\nthe input was: ";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)!write(STDERR_FILENO, path, strlen(path));
	(void)!write(STDERR_FILENO, "\n", 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static int run_file(void)
{
	struct stat st;
	uint8_t *data;
	FILE *file = fopen(path, "rb");
	size_t size, n_read;

	if (!file || fstat(fileno(file), &st) < 0) {
		perror(path);
		exit(1);
	}
	if (!S_ISREG(st.st_mode)) {
		fclose(file);
		return 0;
	}
	size = (size_t)st.st_size;
	data = malloc(size ? size : 1);
	n_read = data ? fread(data, 1, size, file) : 0;
	fclose(file);
	if (!data || n_read != size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int run_folder(const char *folder)
{
	struct dirent **entries;
	int n_run = 0;
	int n = scandir(folder, &entries, NULL, alphasort);

	if (n < 0) {
		perror(folder);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			n_run += run_file();
		free(entries[i]);
	}
	free(entries);
	return n_run;
}

int main(int argc, char **argv)
{
	uint8_t *nothing = malloc(1);
	int n_run = 0;

	signal(SIGABRT, on_abort);
	LLVMFuzzerTestOneInput(nothing, 0);
	free(nothing);
	for (int i = 1; i < argc; i++)
		n_run += run_folder(argv[i]);
	printf("%d inputs\n", n_run);
	if (n_run == 0)
		fprintf(stderr, "no corpus\n");
	return n_run == 0;
}
