/* SPDX-License-Identifier: MIT */
/* Bringing a lab up where something fails: what is said, and that nothing is left. */
#include "unit.h"

#include "lab/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char lab_text[] = "lab: small\n"
			       "nodes:\n"
			       "  a:\n"
			       "    interfaces: { eth0: 10.0.0.1/24 }\n"
			       "    services: [ http: { root: www } ]\n"
			       "  b: { interfaces: { eth0: 10.0.0.2/24 } }\n"
			       "links: [ [ a:eth0, b:eth0 ] ]\n";

static void file_put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* A directory of its own, which is the current one. */
static void enter(char *dir)
{
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	file_put("small.yaml", lab_text);
	assert_int_equal(mkdir("www", 0777), 0);
}

static void leave(const char *dir)
{
	unlink("small.pcapng");
	unlink("small.yaml");
	rmdir("www");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(dir), 0);
}

static struct labfile *load(void)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct labfile *file = NULL;
	int err = labfile_load("small.yaml", &file, errs);

	lab_errors_print(errs, stdout);
	free(errs);
	assert_int_equal(err, 0);
	return file;
}

static void lab_that_comes_up_captures(void **state UNUSED)
{
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	struct lab_config cfg = {.pcap_dir = "."};
	struct labfile *file;
	struct lab *lab;

	enter(dir);
	file = load();
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	lab_stop(lab);
	labfile_free(file);
	assert_int_equal(access("small.pcapng", R_OK), 0);
	leave(dir);
}

static void lab_whose_service_fails_leaves_an_older_capture_alone(void **state UNUSED)
{
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX], text[8] = "";
	struct lab_config cfg = {.pcap_dir = "."};
	struct labfile *file;
	struct lab *lab = NULL;
	FILE *f;

	enter(dir);
	file = load();
	file_put("small.pcapng", "older");
	assert_int_equal(rmdir("www"), 0);
	assert_int_equal(lab_start(file, &cfg, &lab, msg), -ENOENT);
	assert_string_equal(msg, "node a: service http: No such file or directory");
	assert_null(lab);
	labfile_free(file);
	f = fopen("small.pcapng", "re");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, "older");
	assert_int_equal(fclose(f), 0);
	leave(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lab_that_comes_up_captures),
		cmocka_unit_test(lab_whose_service_fails_leaves_an_older_capture_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
