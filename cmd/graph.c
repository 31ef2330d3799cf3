/* SPDX-License-Identifier: MIT */
/*
 * `weft graph FILE`: a lab file as a picture. We print the language of Graphviz; its program dot
 * turns it into SVG or PNG. The picture is written beside its place first and then renamed, so a
 * failure leaves what was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/session.h"
#include "lab/graph.h"

static void graph_help(FILE *out)
{
	fprintf(out,
		"usage: weft graph [--all] [-o PICTURE] FILE\n\n"
		"Draws the lab that FILE describes: hosts and routers with their addresses, "
		"switches,\n"
		"links with what they do to packets, interfaces of the machine.\n\n"
		"  -o, --output PICTURE  write PICTURE.svg or PICTURE.png, which needs Graphviz;\n"
		"                        without it, print the text that Graphviz's dot draws\n"
		"  --all                 draw every node; else many copies at one switch are "
		"one\n");
}

/* "svg" or "png" by the ending of the name; NULL: neither. */
static const char *picture_type(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot && !strcasecmp(dot, ".svg"))
		return "svg";
	return dot && !strcasecmp(dot, ".png") ? "png" : NULL;
}

static int graph_failed(const char *what, int err)
{
	fprintf(stderr, "weft graph: %s: %s\n", what, strerror(err));
	return EXIT_FAILED;
}

/* Starts dot with its input and output; 0, or the errno. */
static int dot_spawn(const char *type, int in, int out, pid_t *ret_pid)
{
	char option[8];
	char *argv[] = {(char[]){"dot"}, option, NULL};
	posix_spawn_file_actions_t files;
	int err = posix_spawn_file_actions_init(&files);

	snprintf(option, sizeof(option), "-T%s", type);
	if (err)
		return err;
	err = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawnp(ret_pid, "dot", &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static int dot_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return graph_failed("waitpid", errno);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "weft graph: dot failed (%s %d)\n",
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return EXIT_FAILED;
}

/* The text of the graph into the pipe; 0, or the errno. */
static int graph_write(const struct labfile *file, bool all, int fd)
{
	FILE *f = fdopen(fd, "w");
	int err;

	if (!f) {
		err = errno;
		close(fd);
		return err;
	}
	err = -lab_graph_print(file, all, f);
	if (fclose(f) < 0 && !err)
		err = errno;
	return err == EPIPE ? 0 : err; /* dot has ended, and says why itself */
}

static int picture_draw(const struct labfile *file, bool all, const char *type, int out)
{
	int fds[2], err, status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return graph_failed("pipe", errno);
	err = dot_spawn(type, fds[0], out, &pid);
	close(fds[0]);
	if (err) {
		close(fds[1]);
		if (err != ENOENT)
			return graph_failed("dot", err);
		fprintf(stderr,
			"weft graph: there is no program `dot`: install Graphviz (apt install "
			"graphviz), or leave out -o and take the text to a machine that has it\n");
		return EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	err = graph_write(file, all, fds[1]);
	status = dot_wait(pid);
	return err && !status ? graph_failed("cannot write to dot", err) : status;
}

static int picture_write(const struct labfile *file, bool all, const char *type, const char *path)
{
	size_t size = strlen(path) + sizeof(".XXXXXX");
	char *tmp = malloc(size);
	mode_t mask = umask(0);
	int fd, status;

	umask(mask);
	if (!tmp)
		return graph_failed(path, ENOMEM);
	snprintf(tmp, size, "%s.XXXXXX", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		status = graph_failed(path, errno);
		free(tmp);
		return status;
	}
	status = picture_draw(file, all, type, fd);
	if (!status && (fchmod(fd, 0666 & ~mask) < 0 || rename(tmp, path) < 0))
		status = graph_failed(path, errno);
	if (status)
		unlink(tmp);
	close(fd);
	free(tmp);
	return status;
}

static int graph_print(const struct labfile *file, bool all)
{
	int err = -lab_graph_print(file, all, stdout);

	if (!err && (fflush(stdout) < 0 || ferror(stdout)))
		err = errno;
	return err ? graph_failed("cannot write", err) : 0;
}

static int graph_run(struct cmd_env *env, int argc, char **argv)
{
	static const struct option opts[] = {{"output", required_argument, NULL, 'o'},
					     {"all", no_argument, NULL, 'a'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};
	const char *picture = NULL, *type = NULL;
	struct labfile *file;
	bool all = false;
	int status, opt;

	(void)env;
	while ((opt = getopt_long(argc, argv, "o:h", opts, NULL)) != -1) {
		if (opt == 'o') {
			picture = optarg;
		} else if (opt == 'a') {
			all = true;
		} else {
			graph_help(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		graph_help(stderr);
		return EXIT_USAGE;
	}
	type = picture ? picture_type(picture) : NULL;
	if (picture && !type) {
		fprintf(stderr, "weft graph: -o %s: write a name that ends in .svg or .png\n",
			picture);
		return EXIT_USAGE;
	}
	status = session_load(argv[optind], &file);
	if (status)
		return status;
	status = picture ? picture_write(file, all, type, picture) : graph_print(file, all);
	labfile_free(file);
	return status;
}

const struct cmd cmd_graph = {"graph", "FILE [-o PICTURE]", "draw a lab file", graph_run, CMD_FILE};
