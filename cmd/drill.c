/* SPDX-License-Identifier: MIT */
/* `weft drill SCRIPT|DIR...`: packet scripts against a stack in virtual time. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "drill/drill.h"
#include "drill/script.h"

enum {
	DIR_DEPTH_MAX = 16
};

/* A run of the command. */
struct drill_job {
	struct drill_opts opts;
	struct drill_define *defines;
	char **known; /* scripts that may fail, by the end of their path */
	size_t n_known;
	bool is_tap; /* a line `ok - NAME` a script */
	bool is_dir; /* close with a line of sums */
	uint32_t n_passed, n_failed, n_refused, n_known_failed;
};

static const char usage_text[] =
	"usage: weft drill [OPTIONS] SCRIPT|DIR...\n\n"
	"Runs packet scripts in packetdrill's language against a weft stack in virtual time; of a\n"
	"folder, every *.pkt in it. weft-drill(1) describes the language.\n\n"
	"  -D NAME=VALUE               a word of the scripts that stands for VALUE\n"
	"  --ip_version=V              ipv4, ipv6 or ipv4-mapped-ipv6\n"
	"  --local_ip=A --remote_ip=A --gateway_ip=A --netmask_ip=M\n"
	"  --mtu=N --bind_port=N --connect_port=N\n"
	"  --tolerance_usecs=N         by how much times may be off (4000)\n"
	"  --tolerance_percent=N       the same, of the time since the event before (1)\n"
	"  --tcp_ts_tick_usecs=N       check TS val, which ticks every N us (0: do not)\n"
	"  --same_mss                  in IPv6, MTUs are 20 larger than said, so that segments "
	"are\n"
	"                              as large as in IPv4\n"
	"  --strict_segments           expected segments are sent as they stand, never cut\n"
	"  --nothing_left              fail when more is sent than the script expects\n"
	"  --known=FILE                scripts listed there may fail (and should: it is said when\n"
	"                              one passes)\n"
	"  --tap                       a line \"ok - NAME\" or \"not ok - NAME\" for each script\n"
	"  --seed=N --dry_run -q -v\n\n"
	"Exit status: 0 all passed, 1 one failed, 2 one could not be run.\n";

static bool add_define(struct drill_job *job, const char *text)
{
	const char *eq = strchr(text, '=');
	struct drill_define *def;

	if (!eq || eq == text || !eq[1]) {
		fprintf(stderr, "weft: -D wants NAME=VALUE, not %s\n", text);
		return false;
	}
	def = calloc(1, sizeof(*def));
	if (!def)
		return false;
	def->name = strndup(text, (size_t)(eq - text));
	def->value = strdup(eq + 1);
	def->next = job->defines;
	job->defines = def;
	job->opts.defines = def;
	return def->name && def->value;
}

static char *file_read(const char *path, size_t max, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;

	if (!f)
		return NULL;
	text = malloc(max + 1);
	if (text) {
		*ret_len = fread(text, 1, max, f);
		text[*ret_len] = '\0';
		if (ferror(f)) {
			free(text);
			text = NULL;
			errno = EIO;
		}
	}
	fclose(f);
	return text;
}

/* One path a line; what follows a blank is for the reader, and so are lines that start with #. */
static bool known_read(struct drill_job *job, const char *path)
{
	size_t len = 0, n = 0;
	char *text = file_read(path, DRILL_SCRIPT_MAX, &len), *save = NULL;

	if (!text) {
		fprintf(stderr, "weft: %s: %s\n", path, strerror(errno));
		return false;
	}
	for (const char *p = text; *p; p++)
		n += *p == '\n';
	job->known = calloc(n + 1, sizeof(job->known[0]));
	for (char *line = job->known ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t word = strcspn(line, " \t\r");

		if (line[0] != '#' && word > 0)
			job->known[job->n_known++] = strndup(line, word);
	}
	free(text);
	return job->known != NULL;
}

static bool is_known(const struct drill_job *job, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < job->n_known; i++) {
		size_t n = job->known[i] ? strlen(job->known[i]) : 0;

		if (n > 0 && len >= n && !strcmp(path + len - n, job->known[i]) &&
		    (len == n || path[len - n - 1] == '/'))
			return true;
	}
	return false;
}

static void report(struct drill_job *job, const char *path, const struct drill_result *res)
{
	bool known = is_known(job, path), passed = res->verdict == DRILL_PASSED;

	if (passed && !known) {
		job->n_passed++;
	} else if (known && !passed) {
		job->n_known_failed++;
	} else if (passed || res->verdict == DRILL_FAILED) {
		job->n_failed++;
	} else {
		job->n_refused++;
	}
	if (known && passed)
		printf("%s: passes, though it is known to fail\n", path);
	else if (!passed && (!known || job->opts.verbose))
		printf("%s\n", res->text);
	if (job->is_tap && passed && known)
		printf("not ok - %s\n", path);
	else if (job->is_tap && known)
		printf("# %s is known to fail\n", path);
	else if (job->is_tap)
		printf("%s - %s\n", passed ? "ok" : "not ok", path);
}

static void run_file(struct drill_job *job, const char *path)
{
	struct drill_result res;
	size_t len = 0;
	char *text = file_read(path, DRILL_SCRIPT_MAX + 1, &len);

	if (!text) {
		fprintf(stderr, "weft: %s: %s\n", path, strerror(errno));
		job->n_refused++;
		return;
	}
	drill_run(path, text, len, &job->opts, &res);
	free(text);
	report(job, path, &res);
}

static int is_script(const struct dirent *ent)
{
	size_t len = strlen(ent->d_name);

	if (ent->d_name[0] == '.')
		return 0;
	return ent->d_type == DT_DIR || ent->d_type == DT_UNKNOWN || ent->d_type == DT_LNK ||
	       (len > 4 && !strcmp(ent->d_name + len - 4, ".pkt"));
}

static void run_path(struct drill_job *job, const char *path, unsigned depth);

static void run_dir(struct drill_job *job, const char *path, unsigned depth)
{
	struct dirent **ents;
	int n = scandir(path, &ents, is_script, alphasort);

	job->is_dir = true;
	if (n < 0 || depth > DIR_DEPTH_MAX) {
		fprintf(stderr, "weft: %s: %s\n", path, n < 0 ? strerror(errno) : "too deep");
		job->n_refused++;
		n = n < 0 ? 0 : n;
		ents = n ? ents : NULL;
	}
	for (int i = 0; i < n; i++) {
		char sub[4096];

		if (depth <= DIR_DEPTH_MAX &&
		    snprintf(sub, sizeof(sub), "%s/%s", path, ents[i]->d_name) < (int)sizeof(sub))
			run_path(job, sub, depth + 1);
		free(ents[i]);
	}
	free(ents);
}

/* Files that a folder holds besides scripts are passed over; what is named is run. */
static void run_path(struct drill_job *job, const char *path, unsigned depth)
{
	size_t len = strlen(path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		run_dir(job, path, depth);
	else if (depth == 0 || (len > 4 && !strcmp(path + len - 4, ".pkt")))
		run_file(job, path);
}

/* One of the command's words. A folder without scripts is a mistake: nothing would be tested. */
static void run_word(struct drill_job *job, const char *path)
{
	unsigned before = job->n_passed + job->n_failed + job->n_refused + job->n_known_failed;

	run_path(job, path, 0);
	if (job->n_passed + job->n_failed + job->n_refused + job->n_known_failed > before)
		return;
	fprintf(stderr, "weft: %s: there is no script (*.pkt) in it\n", path);
	job->n_refused++;
}

/* One option; `*i` goes on when it took the next word. False: it is wrong. */
static bool take_option(struct drill_job *job, int argc, char **argv, int *i)
{
	char *arg = argv[*i], *eq = strchr(arg, '=');
	int err;

	if (!strncmp(arg, "-D", 2)) {
		if (arg[2])
			return add_define(job, arg + 2);
		return ++*i < argc && add_define(job, argv[*i]);
	}
	if (!strncmp(arg, "--define=", 9))
		return add_define(job, arg + 9);
	if (!strncmp(arg, "--known=", 8))
		return known_read(job, arg + 8);
	if (!strcmp(arg, "-v"))
		return job->opts.verbose = true;
	if (!strcmp(arg, "--tap"))
		return job->is_tap = true;
	if (!strcmp(arg, "-q")) {
		job->opts.out = NULL;
		return true;
	}
	if (strncmp(arg, "--", 2) != 0) {
		fprintf(stderr, "weft: there is no option %s\n", arg);
		return false;
	}
	if (eq)
		*eq++ = '\0';
	err = drill_opts_set(&job->opts, arg + 2, eq);
	if (err == -ENOENT)
		fprintf(stderr, "weft: there is no option %s\n", arg);
	else if (err)
		fprintf(stderr, "weft: %s: %s is not understood\n", arg, eq ? eq : "no value");
	return !err;
}

static void job_fini(struct drill_job *job)
{
	while (job->defines) {
		struct drill_define *next = job->defines->next;

		free(job->defines->name);
		free(job->defines->value);
		free(job->defines);
		job->defines = next;
	}
	for (size_t i = 0; i < job->n_known; i++)
		free(job->known[i]);
	free(job->known);
}

static void sums(const struct drill_job *job, unsigned n_paths)
{
	if (!job->is_dir && n_paths < 2)
		return;
	printf("%s%u passed, %u failed", job->is_tap ? "# " : "", job->n_passed, job->n_failed);
	if (job->n_refused)
		printf(", %u could not be run", job->n_refused);
	if (job->n_known_failed)
		printf(", %u known to fail", job->n_known_failed);
	printf("\n");
}

static int drill_main(struct cmd_env *env, int argc, char **argv)
{
	struct drill_job job = {.is_tap = false};
	unsigned n_paths = 0;
	int status = 0, i;

	(void)env;
	drill_opts_init(&job.opts);
	job.opts.out = stdout;
	for (i = 1; i < argc && argv[i][0] == '-' && !status; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage_text, stdout);
			job_fini(&job);
			return 0;
		}
		if (!take_option(&job, argc, argv, &i))
			status = EXIT_USAGE;
	}
	for (; i < argc && !status; i++, n_paths++)
		run_word(&job, argv[i]);
	if (!status && n_paths == 0) {
		fputs(usage_text, stderr);
		status = EXIT_USAGE;
	}
	if (!status) {
		sums(&job, n_paths);
		status = job.n_failed ? EXIT_FAILED : job.n_refused ? EXIT_USAGE : 0;
	}
	job_fini(&job);
	return status;
}

const struct cmd cmd_drill = {"drill", "SCRIPT|DIR...", "run packet scripts against the stack",
			      drill_main, CMD_FILE};
