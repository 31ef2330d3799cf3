/* SPDX-License-Identifier: MIT */
/*
 * Lines in backticks. No process is started: settings are read out of what looks like a shell's
 * commands and applied to the stack; what is known to mean nothing here is passed over; anything
 * else is refused by its name.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drill/run_priv.h"
#include "drill/settings.h"

enum {
	WORDS_MAX = 64,
	COMMAND_DEPTH_MAX = 4,    /* a script that names a script */
	COMMAND_FILE_MAX = 65536, /* bytes */
};

struct command {
	struct drill_run *run;
	uint32_t line;
	unsigned depth;
	char *words[WORDS_MAX]; /* of one simple command */
	unsigned n_words;
};

static bool run_text(struct drill_run *run, const char *text, uint32_t line, unsigned depth);

static bool refuse(const struct command *cmd)
{
	return drill_run_refuse(cmd->run, cmd->line,
				"the command `%.80s%s%.80s%s` is not known here", cmd->words[0],
				cmd->n_words > 1 ? " " : "", cmd->n_words > 1 ? cmd->words[1] : "",
				cmd->n_words > 2 ? " ..." : "");
}

/* ---- settings ---- */

/* "a/b/c" of /proc/sys, or "a.b.c". */
static bool apply(const struct command *cmd, char *name, const char *value)
{
	char why[200];
	int err;

	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '.';
	err = drill_setting_apply(cmd->run->st, name, value, why, sizeof(why));
	if (!err)
		return true;
	return drill_run_refuse(cmd->run, cmd->line, "%s", why);
}

static char *without_proc(char *path)
{
	static const char proc[] = "/proc/sys/";

	return strncmp(path, proc, sizeof(proc) - 1) == 0 ? path + sizeof(proc) - 1 : NULL;
}

/* sysctl [-q] [-w] NAME=VALUE... */
static bool cmd_sysctl(const struct command *cmd)
{
	for (unsigned i = 1; i < cmd->n_words; i++) {
		char *eq = strchr(cmd->words[i], '=');

		if (cmd->words[i][0] == '-')
			continue;
		if (!eq)
			return drill_run_refuse(cmd->run, cmd->line,
						"sysctl %s: only NAME=VALUE can be done",
						cmd->words[i]);
		*eq = '\0';
		if (!apply(cmd, cmd->words[i], eq + 1))
			return false;
	}
	return true;
}

/* echo VALUE... > /proc/sys/NAME */
static bool cmd_echo(const struct command *cmd)
{
	char value[200] = "";

	for (unsigned i = 1; i < cmd->n_words; i++) {
		size_t len = strlen(value);
		char *name = NULL;

		if (!strcmp(cmd->words[i], ">") && i + 1 < cmd->n_words)
			name = without_proc(cmd->words[i + 1]);
		else if (cmd->words[i][0] == '>')
			name = without_proc(cmd->words[i] + 1);
		if (name)
			return apply(cmd, name, value);
		if (cmd->words[i][0] == '>')
			return refuse(cmd);
		if (cmd->words[i][0] != '-')
			snprintf(value + len, sizeof(value) - len, "%s%s", len ? " " : "",
				 cmd->words[i]);
	}
	return true; /* words for the reader */
}

/* set_sysctls.py /proc/sys/NAME=VALUE... */
static bool cmd_set_sysctls(const struct command *cmd)
{
	for (unsigned i = 1; i < cmd->n_words; i++) {
		char *eq = strchr(cmd->words[i], '=');
		char *name = eq ? without_proc(cmd->words[i]) : NULL;

		if (!name)
			return refuse(cmd);
		*eq = '\0';
		if (!apply(cmd, name, eq + 1))
			return false;
	}
	return true;
}

/* ---- files ---- */

static char *file_read(const struct command *cmd, const char *name)
{
	const char *slash = strrchr(cmd->run->script->path, '/');
	size_t dir_len = slash && name[0] != '/' ? (size_t)(slash - cmd->run->script->path) + 1 : 0;
	char path[4096], *text = NULL;
	size_t len;
	FILE *f;

	if (snprintf(path, sizeof(path), "%.*s%s", (int)dir_len, cmd->run->script->path, name) >=
	    (int)sizeof(path))
		return NULL;
	f = fopen(path, "re");
	if (!f)
		return NULL;
	text = malloc(COMMAND_FILE_MAX + 1);
	len = text ? fread(text, 1, COMMAND_FILE_MAX + 1, f) : 0;
	fclose(f);
	if (!text || len > COMMAND_FILE_MAX) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

static bool cmd_file(const struct command *cmd)
{
	char *text;
	bool ok;

	if (cmd->depth >= COMMAND_DEPTH_MAX)
		return drill_run_refuse(cmd->run, cmd->line, "%s: files that name files too deeply",
					cmd->words[0]);
	text = file_read(cmd, cmd->words[0]);
	if (!text)
		return drill_run_refuse(cmd->run, cmd->line, "%s: cannot be read", cmd->words[0]);
	ok = run_text(cmd->run, text, cmd->line, cmd->depth + 1);
	free(text);
	return ok;
}

/* ---- one simple command ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool has_word(const struct command *cmd, const char *word)
{
	for (unsigned i = 0; i < cmd->n_words; i++)
		if (!strcmp(cmd->words[i], word))
			return true;
	return false;
}

/* Commands for the devices and caches of a real machine, which change nothing here. A queue that
 * loses or delays packets would. */
static bool means_nothing(const struct command *cmd)
{
	static const char *const names[] = {"ethtool",  "sync",   "true",  ":",     "exit",
					    "modprobe", "set",    "sleep", "nstat", "cat",
					    "restore",  "export", "chmod"};
	const char *w0 = cmd->words[0], *w1 = cmd->n_words > 1 ? cmd->words[1] : "";
	const char *last = cmd->words[cmd->n_words - 1];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(w0, names[i]))
			return true;
	if (!strncmp(w0, "/tmp/sysctl_restore_", 20))
		return true;
	if (!strcmp(w0, "tc"))
		return !has_word(cmd, "limit") && !has_word(cmd, "netem") && !has_word(cmd, "tbf");
	if (!strcmp(w0, "ss"))
		return strcmp(w1, "-K") != 0 && strcmp(w1, "--kill") != 0;
	if (strcmp(w0, "ip") != 0)
		return false;
	if (!strcmp(w1, "tcp_metrics") || !strcmp(w1, "link"))
		return true;
	return (!strcmp(w1, "route") || !strcmp(w1, "r") || !strcmp(w1, "addr") ||
		!strcmp(w1, "rule")) &&
	       (cmd->n_words == 2 || !strcmp(last, "list") || !strcmp(last, "show") ||
		!strcmp(cmd->words[2], "list") || !strcmp(cmd->words[2], "show") ||
		!strcmp(cmd->words[2], "flush"));
}

static bool run_simple(const struct command *cmd)
{
	const char *w0 = cmd->words[0];
	bool ok;

	if (!strcmp(w0, "ip") &&
	    drill_command_ip(cmd->run, cmd->line, cmd->words, cmd->n_words, &ok))
		return ok;
	if (!strcmp(w0, "sysctl"))
		return cmd_sysctl(cmd);
	if (!strcmp(w0, "echo"))
		return cmd_echo(cmd);
	if (ends_with(w0, "set_sysctls.py"))
		return cmd_set_sysctls(cmd);
	if (means_nothing(cmd))
		return true;
	if (ends_with(w0, ".sh"))
		return cmd_file(cmd);
	return refuse(cmd);
}

/* ---- words ---- */

/* $((1024*1024)) is worked out in place. False: it makes no sense. */
static bool expand_sum(const char **src, char **dst, const char *dst_end)
{
	const char *start = *src + 3, *end = strstr(start, "))");
	int64_t sum;
	int n;

	if (!end || drill_code_sum(start, (size_t)(end - start), &sum))
		return false;
	n = snprintf(*dst, (size_t)(dst_end - *dst), "%lld", (long long)sum);
	if (n < 0 || n >= dst_end - *dst)
		return false;
	*dst += n;
	*src = end + 2;
	return true;
}

/* Takes one word; quotes are taken off. Returns where it ended; NULL: it makes no sense. */
static const char *word_take(const char *p, char **dst, const char *dst_end)
{
	char quote = '\0';

	for (; *p; p++) {
		while (strncmp(p, "$((", 3) == 0 && quote != '\'')
			if (!expand_sum(&p, dst, dst_end))
				return NULL;
		if (*dst + 1 >= dst_end)
			return NULL;
		if (!*p || (!quote && (isspace((unsigned char)*p) || strchr(";&|", *p))))
			break;
		if (quote ? *p == quote : *p == '"' || *p == '\'')
			quote = (char)(quote ? '\0' : *p);
		else
			*(*dst)++ = *p;
	}
	*(*dst)++ = '\0';
	return quote ? NULL : p;
}

/* What sends the output elsewhere: > /dev/null, 2>&1. */
static void drop_redirections(struct command *cmd)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cmd->n_words; i++) {
		const char *w = cmd->words[i];

		if ((!strcmp(w, ">") || !strcmp(w, "2>") || !strcmp(w, "&>")) &&
		    i + 1 < cmd->n_words && !strcmp(cmd->words[i + 1], "/dev/null")) {
			i++;
			continue;
		}
		if (!strcmp(w, "2>/dev/null") || !strcmp(w, ">/dev/null") || !strcmp(w, "2>"))
			continue;
		cmd->words[n++] = cmd->words[i];
	}
	cmd->n_words = n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One line up to a newline, `;` or `&&`. `2>&1` loses its `&1` here, which is no command. */
static const char *run_one(struct command *cmd, const char *p, char *buf, size_t size)
{
	char *dst = buf;

	cmd->n_words = 0;
	for (;;) {
		while (is_blank(*p) || (*p == '\\' && p[1] == '\n'))
			p += *p == '\\' ? 2 : 1;
		if (*p == '#')
			p += strcspn(p, "\n");
		if (!*p || strchr("\n;&|", *p))
			break;
		if (cmd->n_words == WORDS_MAX)
			return NULL;
		cmd->words[cmd->n_words++] = dst;
		p = word_take(p, &dst, buf + size);
		if (!p)
			return NULL;
		if (p[0] == '&' && p[1] == '1')
			p += 2;
	}
	/* What comes when a command fails: ours do not, they end the script. */
	if (p[0] == '|' && p[1] == '|')
		p += strcspn(p, "\n");
	if (*p == '|')
		return NULL;
	while (*p == '\n' || *p == ';' || *p == '&')
		p++;
	return p;
}

static bool run_text(struct drill_run *run, const char *text, uint32_t line, unsigned depth)
{
	struct command cmd = {.run = run, .line = line, .depth = depth};
	size_t size = strlen(text) * 4 + 64;
	char *buf = malloc(size);
	bool ok = buf != NULL;

	for (const char *p = text; ok && *p;) {
		p = run_one(&cmd, p, buf, size);
		if (!p) {
			ok = drill_run_refuse(run, line,
					      "the command is not understood; pipes are not there");
			break;
		}
		drop_redirections(&cmd);
		ok = cmd.n_words == 0 || run_simple(&cmd);
	}
	free(buf);
	return ok;
}

bool drill_run_command(struct drill_run *run, const char *text, uint32_t line)
{
	return run_text(run, text, line, 0);
}
