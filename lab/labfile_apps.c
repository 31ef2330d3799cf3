/* SPDX-License-Identifier: MIT */
/* Apps: the names of their peers to addresses, URLs to hosts and paths, and what does not fit. */
#include "lab/labfile_priv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lab/suggest.h"

enum {
	APP_WHERE_MAX = LABFILE_NODE_NAME_MAX + 40,
	RR_HEAD = 8,           /* net/rr/rr.h */
	RR_MAX = 1 << 30,      /* the same */
	PROBE_MIN = 4,         /* net/ping/prober.h */
	PROBE_MAX = 65507 - 8, /* the same */
	HTTP_PORT = 80,
};

static const char *const kind_names[] = {
	[LABFILE_APP_HTTP] = "http", [LABFILE_APP_ECHO] = "echo", [LABFILE_APP_BULK] = "bulk",
	[LABFILE_APP_RR] = "rr",     [LABFILE_APP_PING] = "ping",
};

/* What the checks of one app share. */
struct app_check {
	struct lab_build *b;
	const struct labfile_node *node;
	struct labfile_app *app;
	char where[APP_WHERE_MAX];
};

static const struct labfile_host *host_find(const struct labfile_host *hosts, uint32_t n,
					    const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (hosts[i].name && strcasecmp(hosts[i].name, name) == 0)
			return &hosts[i];
	return NULL;
}

static void report_no_host(const struct app_check *c, struct lab_pos pos, const char *name)
{
	const struct labfile *lab = c->b->lab;
	struct lab_suggest near = lab_suggest_start(name);
	bool wanted = lab_errors_wants(c->b->errs, pos); /* else it is only counted */

	for (uint32_t i = 0; i < c->node->n_hosts && wanted; i++)
		lab_suggest_try(&near, c->node->hosts[i].name);
	for (uint32_t i = 0; i < lab->n_hosts && wanted; i++)
		lab_suggest_try(&near, lab->hosts[i].name);
	for (uint32_t i = 0; i < lab->n_nodes && wanted; i++)
		lab_suggest_try(&near, lab->nodes[i].name);
	if (near.best)
		lab_error_add(c->b->errs, pos,
			      "%s: there is no host \"%.100s\"; did you mean \"%s\"?", c->where,
			      name, near.best);
	else
		lab_error_add(c->b->errs, pos,
			      "%s: there is no host \"%.100s\"; write an address, the name of a "
			      "node or one under hosts",
			      c->where, name);
}

/* As in the node's hosts file: its own names, those of the lab, the nodes. */
static void host_resolve(const struct app_check *c, struct lab_pos pos, const char *name,
			 struct lab_ip *ret)
{
	const struct labfile *lab = c->b->lab;
	const struct labfile_host *host;
	const struct labfile_node *node;

	if (lab_ip_parse(name, ret) == 0)
		return;
	host = host_find(c->node->hosts, c->node->n_hosts, name);
	if (!host)
		host = host_find(lab->hosts, lab->n_hosts, name);
	if (host) {
		*ret = host->ip;
		return;
	}
	node = labfile_node_find(lab, name);
	if (!node)
		report_no_host(c, pos, name);
	else if (!labfile_node_addr(node) && !c->b->broken)
		lab_error_add(c->b->errs, pos, "%s: node \"%s\" has no address; give it one",
			      c->where, node->name);
	else if (labfile_node_addr(node))
		*ret = *labfile_node_addr(node);
}

/* "HOST", "HOST:PORT", "[ADDRESS]:PORT" in `text`, which is cut up. False: it is none of them. */
static bool authority_split(char *text, char **ret_host, uint32_t *ret_port)
{
	char *colon;
	uint64_t port = HTTP_PORT;
	const char *why;

	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] != '\0' && end[1] != ':'))
			return false;
		*end = '\0';
		*ret_host = text + 1;
		colon = end[1] ? end + 1 : NULL;
	} else {
		*ret_host = text;
		colon = strchr(text, ':');
	}
	if (colon) {
		*colon = '\0';
		if (lab_uint_parse(colon + 1, 1, 65535, &port, &why) < 0)
			return false;
	}
	*ret_port = (uint32_t)port;
	return **ret_host != '\0';
}

static int check_http(const struct app_check *c)
{
	struct labfile_app_args *args = &c->app->args;
	struct lab_pos pos = lab_build_field_pos(c->b, &args->url, args->pos);
	const char *start = args->url + strlen("http://");
	size_t n = strcspn(start, "/?");
	char *authority = arena_strndup(&c->b->tmp, start, n);
	char *host;

	args->host = arena_strndup(&c->b->lab->arena, start, n);
	args->path = arena_printf(&c->b->lab->arena, "%s%s", start[n] == '/' ? "" : "/", start + n);
	if (!authority || !args->host || !args->path)
		return -ENOMEM;
	if (authority_split(authority, &host, &args->port))
		host_resolve(c, pos, host, &args->ip);
	else
		lab_error_add(c->b->errs, pos,
			      "%s.url: \"%.100s\" is no host with or without a port; write "
			      "http://HOST/PATH or http://HOST:PORT/PATH",
			      c->where, args->host);
	return 0;
}

static void check_range(const struct app_check *c, const char *key, const uint64_t *value,
			uint64_t min, uint64_t max)
{
	if (*value >= min && *value <= max)
		return;
	lab_error_add(c->b->errs, lab_build_field_pos(c->b, value, c->app->args.pos),
		      "%s.%s: %llu bytes; write a size from %lluB to %lluB", c->where, key,
		      (unsigned long long)*value, (unsigned long long)min, (unsigned long long)max);
}

static void check_bulk(const struct app_check *c)
{
	const struct labfile_app_args *args = &c->app->args;
	bool has_time = args->time_ns > 0, has_size = args->size > 0;

	if (has_time != has_size)
		return;
	lab_error_add(c->b->errs, args->pos, "%s: give %s", c->where,
		      has_time ? "either size or time, not both; remove one"
			       : "size or time, more than 0: how much it sends, or for how long");
}

static int check_app(const struct app_check *c)
{
	struct labfile_app_args *args = &c->app->args;

	args->has_size = lab_build_has_field(c->b, &args->size);
	if (c->app->kind == LABFILE_APP_HTTP)
		return args->url ? check_http(c) : 0;
	if (args->target)
		host_resolve(c, lab_build_field_pos(c->b, &args->target, args->pos), args->target,
			     &args->ip);
	if (c->app->kind == LABFILE_APP_BULK) {
		check_bulk(c);
	} else if (c->app->kind == LABFILE_APP_RR) {
		check_range(c, "request", &args->request, RR_HEAD, RR_MAX);
		check_range(c, "response", &args->response, 0, RR_MAX);
	} else if (c->app->kind == LABFILE_APP_PING) {
		check_range(c, "size", &args->size, 0, PROBE_MAX);
	} else if (args->proto == LABFILE_UDP) {
		check_range(c, "size", &args->size, PROBE_MIN, PROBE_MAX);
	} else {
		check_range(c, "size", &args->size, 1, RR_MAX);
	}
	return 0;
}

static int check_apps(struct lab_build *b, const struct labfile_node *node)
{
	struct app_check c = {.b = b, .node = node};
	int err = 0;

	if (node->n_apps && node->kind != LABFILE_WEFT) {
		lab_error_add(b->errs, node->apps[0].pos,
			      "nodes.%s.apps: apps run on weft nodes only; %s", node->name,
			      node->kind == LABFILE_KERNEL ? "on a kernel node, start programs of "
							     "your own with weft run or weft exec"
							   : "a switch has no TCP/IP");
		return 0;
	}
	for (uint32_t i = 0; i < node->n_apps && err == 0; i++) {
		c.app = &node->apps[i];
		if (c.app->args.pos.line == 0)
			continue; /* it could not be read */
		snprintf(c.where, sizeof(c.where), "nodes.%s.apps[%u].%s", node->name, i,
			 kind_names[c.app->kind]);
		err = check_app(&c);
	}
	return err;
}

int labfile_apps_check(struct lab_build *b)
{
	int err = 0;

	for (uint32_t i = 0; i < b->lab->n_nodes && err == 0; i++)
		err = check_apps(b, &b->lab->nodes[i]);
	return err;
}
