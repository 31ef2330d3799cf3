/* SPDX-License-Identifier: MIT */
/* Bringing a lab up where something fails: what is said, and that nothing is left. */
#include "unit.h"

#include "lab/lab.h"
#include "lab/sysctls.h"
#include "weft/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	struct lab_config cfg = {.pcap = "."};
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
	struct lab_config cfg = {.pcap = "."};
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

static void pcap_path_with_the_ending_is_the_file(void **state UNUSED)
{
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	struct lab_config cfg = {.pcap = "x.pcapng", .is_sim = true};
	struct labfile *file;
	struct lab *lab;

	enter(dir);
	file = load();
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	lab_stop(lab);
	labfile_free(file);
	assert_int_equal(access("small.pcapng", F_OK), -1);
	assert_int_equal(unlink("x.pcapng"), 0);
	leave(dir);
}

static void pcap_path_that_is_only_the_ending_is_a_directory(void **state UNUSED)
{
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	struct lab_config cfg = {.pcap = ".pcapng", .is_sim = true};
	struct labfile *file;
	struct lab *lab;

	enter(dir);
	file = load();
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	lab_stop(lab);
	labfile_free(file);
	assert_int_equal(unlink(".pcapng/small.pcapng"), 0);
	assert_int_equal(rmdir(".pcapng"), 0);
	leave(dir);
}

static void simulation_with_kernel_nodes_is_refused_by_their_names(void **state UNUSED)
{
	static const char text[] = "lab: k\n"
				   "nodes:\n"
				   "  a: { kind: kernel, interfaces: { eth0: 10.0.0.1/24 } }\n"
				   "  b: { interfaces: { eth0: 10.0.0.2/24 } }\n"
				   "  c: { kind: kernel, interfaces: { eth0: 10.0.1.1/24 } }\n"
				   "  d: { interfaces: { eth0: 10.0.1.2/24 } }\n"
				   "links: [ [ a:eth0, b:eth0 ], [ c:eth0, d:eth0 ] ]\n";
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.is_sim = true};
	char msg[LAB_MSG_MAX];
	struct labfile *file;
	struct lab *lab = NULL;

	assert_int_equal(labfile_parse("k.yaml", NULL, text, sizeof(text) - 1, &file, errs), 0);
	assert_int_equal(lab_start(file, &cfg, &lab, msg), -EOPNOTSUPP);
	assert_non_null(strstr(msg, ": a, c;"));
	assert_null(lab);
	labfile_free(file);
	free(errs);
}

static void simulation_starts_at_a_fixed_time_with_a_fixed_seed(void **state UNUSED)
{
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	struct lab_config cfg = {.is_sim = true};
	uint64_t random[2];
	struct labfile *file;
	struct lab *lab;

	enter(dir);
	file = load();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
		assert_int_equal(weft_engine_now_ns(lab->eng), 0);
		random[i] = weft_engine_random(lab->eng);
		lab_stop(lab);
	}
	assert_true(random[0] == random[1]);
	labfile_free(file);
	leave(dir);
}

static void settings_of_the_file_are_those_of_the_stack(void **state UNUSED)
{
	static const char text[] =
		"nodes:\n"
		"  a: { sysctls: { tcp.profile: rfc, net.ipv4.tcp_sack: 0 } }\n"
		"  b: {}\n"
		"links: [ { between: a:eth0 -- b:eth0, prefix: 10.0.0.0/24 } ]\n";
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	struct lab_config cfg = {.is_sim = true};
	struct labfile *file;
	struct lab *lab;
	int64_t v;

	enter(dir);
	file_put("small.yaml", text);
	file = load();
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	assert_int_equal(weft_stack_get(lab->nodes[0]->stack, "tcp.profile", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(weft_stack_get(lab->nodes[0]->stack, "net.ipv4.tcp_sack", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(weft_stack_get(lab->nodes[1]->stack, "net.ipv4.tcp_sack", &v), 0);
	assert_int_equal(v, 1);
	lab_stop(lab);
	labfile_free(file);
	leave(dir);
}

static void settings_that_are_none_are_named_with_their_places(void **state UNUSED)
{
	static const char text[] =
		"nodes:\n"
		"  a: { sysctls: { tcp.profile: 1, net.ipv4.tcp_sakc: 0 } }\n"
		"  b: { sysctls: { tcp.profile: bsd } }\n"
		"links: [ { between: a:eth0 -- b:eth0, prefix: 10.0.0.0/24 } ]\n";
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	char dir[] = "/tmp/weft-lab-XXXXXX";
	struct labfile *file;

	enter(dir);
	file_put("small.yaml", text);
	file = load();
	assert_int_equal(lab_sysctls_check(file, errs), -EINVAL);
	assert_int_equal(errs->n_errors, 2);
	assert_int_equal(errs->list[0].pos.line, 2);
	assert_non_null(
		strstr(errs->list[0].text, "a.sysctls.net.ipv4.tcp_sakc: there is no such"));
	assert_int_equal(errs->list[1].pos.line, 3);
	assert_non_null(strstr(errs->list[1].text, "b.sysctls.tcp.profile: bsd is none of"));
	free(errs);
	labfile_free(file);
	leave(dir);
}

/* A file's lines that have `what`. */
static int lines_with(const char *path, const char *what)
{
	FILE *f = fopen(path, "re");
	char line[1000];
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += line[0] == '{' && strstr(line, what);
	fclose(f);
	return n;
}

static void limits_hold_and_the_audit_log_says_what_they_refuse(void **state UNUSED)
{
	static const char text[] =
		"nodes:\n"
		"  a: { limits: { sockets: 2, memory: 1MB, rate: 5, burst: 9, resets: on } }\n"
		"  b: { services: [ echo: {}, discard: { limits: { sockets: 5 } } ] }\n"
		"links: [ { between: a:eth0 -- b:eth0, prefix: 10.0.0.0/24 } ]\n";
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	struct lab_config cfg = {.is_sim = true, .audit = "logs"};
	struct weft_sockaddr at = {.addr.family = WEFT_AF_INET, .port = 7};
	struct weft_sock *s[3];
	struct weft_limits limits;
	struct weft_usage usage;
	struct labfile *file;
	struct lab *lab;

	enter(dir);
	file_put("small.yaml", text);
	file = load();
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	assert_int_equal(weft_stack_limits_get(lab->nodes[0]->stack, 0, &limits, NULL), 0);
	assert_int_equal(limits.max_socks, 2);
	assert_int_equal(limits.max_bytes, 1000000);
	assert_int_equal(limits.conns_burst, 9);
	assert_true(limits.resets);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			weft_socket(lab->nodes[0]->stack, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s[i]),
			i < 2 ? 0 : -ENFILE);
	assert_int_equal(weft_bind(s[0], &at), 0);
	assert_int_equal(lines_with("logs/a.jsonl", "\"event\":\"bind\""), 1);
	assert_int_equal(lines_with("logs/a.jsonl", "\"call\":\"socket\""), 1);
	/* Services are owners, in their order: echo listens and is bound in both families. */
	assert_int_equal(lines_with("logs/b.jsonl", "\"owner\":1"), 6);
	assert_int_equal(lines_with("logs/b.jsonl", "\"owner\":2"), 4);
	assert_int_equal(weft_stack_limits_get(lab->nodes[1]->stack, 2, &limits, &usage), 0);
	assert_int_equal(limits.max_socks, 5);
	assert_int_equal(usage.n_socks, 2);
	lab_stop(lab);
	cfg.audit = "small.yaml"; /* no directory */
	assert_int_equal(lab_start(file, &cfg, &lab, msg), -ENOTDIR);
	assert_non_null(strstr(msg, "cannot write the audit log"));
	assert_int_equal(unlink("logs/a.jsonl") | unlink("logs/b.jsonl") | rmdir("logs"), 0);
	labfile_free(file);
	leave(dir);
}

static void note_progress(void *arg, uint32_t done, uint32_t total)
{
	uint32_t *last = arg;

	assert_int_equal(done, *last + 1);
	assert_true(done <= total);
	*last = done == total ? UINT32_MAX : done;
}

static void lab_that_comes_up_tells_its_progress(void **state UNUSED)
{
	char dir[] = "/tmp/weft-lab-XXXXXX", msg[LAB_MSG_MAX];
	uint32_t last = 0;
	struct lab_config cfg = {.on_progress = note_progress, .on_progress_arg = &last};
	struct labfile *file;
	struct lab *lab;

	enter(dir);
	file = load();
	assert_int_equal(lab_start(file, &cfg, &lab, msg), 0);
	assert_int_equal(last, UINT32_MAX);
	lab_stop(lab);
	labfile_free(file);
	leave(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pcap_path_with_the_ending_is_the_file),
		cmocka_unit_test(pcap_path_that_is_only_the_ending_is_a_directory),
		cmocka_unit_test(simulation_with_kernel_nodes_is_refused_by_their_names),
		cmocka_unit_test(simulation_starts_at_a_fixed_time_with_a_fixed_seed),
		cmocka_unit_test(lab_that_comes_up_captures),
		cmocka_unit_test(limits_hold_and_the_audit_log_says_what_they_refuse),
		cmocka_unit_test(settings_of_the_file_are_those_of_the_stack),
		cmocka_unit_test(settings_that_are_none_are_named_with_their_places),
		cmocka_unit_test(lab_that_comes_up_tells_its_progress),
		cmocka_unit_test(lab_whose_service_fails_leaves_an_older_capture_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
