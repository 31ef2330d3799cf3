/* SPDX-License-Identifier: MIT */
/* `weft serve SERVICE`: a service of net/ on the host's own sockets, without a lab. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "net/bulk/discard.h"
#include "net/echo/echo.h"
#include "net/http/http_server.h"
#include "net/rr/rr.h"
#include "weft/io.h"
#include "weft/weft.h"

struct serve {
	struct weft_engine *eng;
	struct weft_loop *loop;
	struct weft_net *net;
	struct weft_sockaddr at;
	const char *root; /* of http */
	bool is_quiet;
	struct http_server *http;
	struct echo *echo;
	struct discard *discard;
	struct rr_server *rr;
};

static void serve_help(FILE *out)
{
	fprintf(out,
		"usage: weft serve http --listen ADDRESS:PORT [--quiet] DIR\n"
		"       weft serve echo|discard|rr --listen ADDRESS:PORT\n\n"
		"Runs a service of weft's on the host's own sockets, in the foreground, until\n"
		"it gets SIGINT or SIGTERM.\n\n"
		"  http   serves the files below DIR, and prints a line a request\n"
		"  echo   sends back what comes, over TCP and UDP (RFC 862)\n"
		"  discard  takes what comes over TCP (RFC 863): the other end of an app `bulk`\n"
		"  rr     answers requests with as many bytes as they ask for: of an app `rr`\n\n"
		"  --listen ADDRESS:PORT   where; [ADDRESS]:PORT of IPv6; 0.0.0.0 and [::] are\n"
		"                          all addresses\n"
		"  --quiet                 no line a request\n\n"
		"Exit status: 0 when it was told to end, 1 when it could not start, 2 when the\n"
		"command line is wrong.\n");
}

static void log_line(void *arg, const char *line)
{
	(void)arg;
	printf("%s\n", line);
	fflush(stdout);
}

static int disk_watch(void *ctx, int fd, void (*fn)(void *arg, int fd, uint32_t events), void *arg)
{
	const struct serve *s = ctx;

	return weft_loop_watch(s->loop, fd, fn ? POLLIN : 0, fn, arg);
}

static int http_start(struct serve *s)
{
	const struct http_server_config cfg = {
		.at = s->at,
		.net = s->net,
		.root = s->root,
		.watch = disk_watch,
		.watch_ctx = s,
		.log = s->is_quiet ? NULL : log_line,
	};

	return http_server_new(NULL, &cfg, &s->http);
}

static int echo_start(struct serve *s)
{
	const struct echo_config cfg = {.at = s->at, .net = s->net, .tcp = true, .udp = true};

	return echo_new(NULL, &cfg, &s->echo);
}

static int discard_start(struct serve *s)
{
	const struct server_config cfg = {.at = s->at, .net = s->net};

	return discard_new(NULL, &cfg, &s->discard);
}

static int rr_start(struct serve *s)
{
	const struct server_config cfg = {.at = s->at, .net = s->net};

	return rr_server_new(NULL, &cfg, &s->rr);
}

static const struct {
	const char *name;
	bool wants_dir;
	int (*start)(struct serve *s);
} kinds[] = {
	{"http", true, http_start},
	{"echo", false, echo_start},
	{"discard", false, discard_start},
	{"rr", false, rr_start},
};

static void stop(void *arg, int fd, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	(void)!read(fd, &info, sizeof(info));
	weft_loop_stop(arg);
}

static int serve_open(struct serve *s)
{
	const struct weft_engine_config cfg = {
		.entropy = weft_io_entropy,
		.now_ns = weft_io_now_ns(),
		.epoch_ns = weft_io_epoch_ns(),
	};
	int err = weft_engine_new(&cfg, &s->eng);

	if (!err)
		err = weft_loop_new(s->eng, &s->loop);
	return err ? err : weft_host_net_new(s->loop, &s->net);
}

static void serve_close(struct serve *s)
{
	http_server_free(s->http);
	echo_free(s->echo);
	discard_free(s->discard);
	rr_server_free(s->rr);
	weft_host_net_free(s->net);
	weft_loop_free(s->loop);
	weft_engine_free(s->eng);
}

/* The signals are blocked first, so that none is lost between here and the loop. */
static int signals_open(struct serve *s, int *ret_fd)
{
	sigset_t set;
	int fd, err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = weft_loop_watch(s->loop, fd, POLLIN, stop, s->loop);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int serve(struct serve *s, size_t kind)
{
	char text[WEFT_SOCKADDR_STRLEN];
	int fd = -1;
	int err = serve_open(s);

	if (!err)
		err = signals_open(s, &fd);
	weft_sockaddr_print(&s->at, text, sizeof(text));
	if (!err) {
		err = kinds[kind].start(s);
		if (err)
			fprintf(stderr, "weft serve: %s on %s: %s\n", kinds[kind].name, text,
				strerror(-err));
	} else {
		fprintf(stderr, "weft serve: %s\n", strerror(-err));
	}
	if (!err) {
		printf("weft serve: %s on %s\n", kinds[kind].name, text);
		fflush(stdout);
		err = weft_loop_run(s->loop);
	}
	if (fd >= 0) {
		(void)weft_loop_watch(s->loop, fd, 0, NULL, NULL);
		close(fd);
	}
	serve_close(s);
	return err ? EXIT_FAILED : 0;
}

static size_t kind_find(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, word))
			break;
	return i;
}

/* 0, or the exit status with nothing more to do (-1: 0). */
static int options_read(struct serve *s, int argc, char **argv)
{
	static const struct option opts[] = {{"listen", required_argument, NULL, 'l'},
					     {"quiet", no_argument, NULL, 'q'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "l:qh", opts, NULL)) != -1) {
		if (opt == 'l' && weft_sockaddr_parse(optarg, &s->at)) {
			fprintf(stderr, "weft serve: %s is no ADDRESS:PORT\n", optarg);
			return EXIT_USAGE;
		}
		s->is_quiet |= opt == 'q';
		if (opt == 'h' || opt == '?') {
			serve_help(opt == 'h' ? stdout : stderr);
			return opt == 'h' ? -1 : EXIT_USAGE;
		}
	}
	return 0;
}

/* What is wrong with the command line, as a line on standard error. False: nothing is. */
static bool mistake_tell(const struct serve *s, int argc, char **argv)
{
	const char *word = argc > 0 ? argv[0] : NULL;
	size_t kind = word ? kind_find(word) : 0;
	bool is_known = kind < sizeof(kinds) / sizeof(kinds[0]);
	int n_words = is_known ? 1 + kinds[kind].wants_dir : 1;

	if (!word)
		fprintf(stderr, "weft serve: which service? http, echo, discard or rr\n");
	else if (!is_known)
		fprintf(stderr,
			"weft serve: there is no service %s; there are http, echo, discard and "
			"rr\n",
			word);
	else if (!s->at.addr.family)
		fprintf(stderr, "weft serve: where? --listen ADDRESS:PORT\n");
	else if (!s->at.port)
		fprintf(stderr, "weft serve: --listen wants a port from 1 to 65535\n");
	else if (argc < n_words)
		fprintf(stderr, "weft serve: %s serves a folder: which one?\n", word);
	else if (argc > n_words)
		fprintf(stderr, "weft serve: what is %s for? it is one word too many\n",
			argv[n_words]);
	else
		return false;
	return true;
}

static int serve_run(struct cmd_env *env, int argc, char **argv)
{
	struct serve s = {.root = NULL};
	int status = options_read(&s, argc, argv);
	size_t kind;

	(void)env;
	if (status)
		return status < 0 ? 0 : status;
	if (mistake_tell(&s, argc - optind, argv + optind)) {
		fprintf(stderr, "weft serve --help says how\n");
		return EXIT_USAGE;
	}
	kind = kind_find(argv[optind]);
	s.root = kinds[kind].wants_dir ? argv[optind + 1] : NULL;
	return serve(&s, kind);
}

const struct cmd cmd_serve = {"serve", "http|echo --listen ADDRESS:PORT",
			      "a service on the host's own sockets", serve_run, CMD_FILE};
