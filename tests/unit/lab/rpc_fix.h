/* SPDX-License-Identifier: MIT */
/*
 * What tests of the control socket share: a small lab of two weft nodes, and methods that do what a
 * test wants. A test that includes this has a table of methods of its own.
 */
#pragma once

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab/lab.h"
#include "lab/rpc_priv.h"

static const char fix_text[] = "lab: small\n"
			       "nodes:\n"
			       "  alpha: { interfaces: { eth0: 10.0.0.1/24 } }\n"
			       "  beta: { interfaces: { eth0: 10.0.0.2/24 } }\n"
			       "links: [ [ alpha:eth0, beta:eth0 ] ]\n";

static struct labfile *fix_file;
static struct lab *fix_lab;
/* What the methods have seen. */
static struct rpc_call *fix_open; /* of test.later, the last */
static unsigned int fix_n_cancelled, fix_n_runs;

static void fix_up(void)
{
	struct lab_errors *errs = calloc(1, sizeof(*errs));
	struct lab_config cfg = {.pcap = NULL};
	char msg[LAB_MSG_MAX];

	assert_int_equal(
		labfile_parse("small.yaml", NULL, fix_text, strlen(fix_text), &fix_file, errs), 0);
	free(errs);
	assert_int_equal(lab_start(fix_file, &cfg, &fix_lab, msg), 0);
	fix_open = NULL;
	fix_n_cancelled = fix_n_runs = 0;
}

static void fix_down(void)
{
	assert_int_equal(lab_stop(fix_lab), 0);
	labfile_free(fix_file);
}

/* ---- methods ----------------------------------------------------------------------------- */

static int echo_run(struct rpc_call *call)
{
	fix_n_runs++;
	return rpc_reply(call, json_deep_copy(rpc_call_params(call)));
}

static void later_cancel(void *arg)
{
	fix_n_cancelled++;
	/* Nothing may be sent any more; who tries it harms nobody. */
	(void)rpc_reply(arg, json_true());
}

static int later_run(struct rpc_call *call)
{
	fix_open = call;
	if (!rpc_call_boolean(call, "forever", false))
		rpc_call_on_cancel(call, later_cancel, call);
	return RPC_LATER;
}

static int silent_run(struct rpc_call *call)
{
	(void)call;
	return 0;
}

static int refuse_run(struct rpc_call *call)
{
	return rpc_fail_errno(call, -EEXIST, "the thing");
}

static int kind_run(struct rpc_call *call)
{
	return rpc_fail_kind(call, rpc_call_node(call, "node"), "kernel nodes");
}

static int large_run(struct rpc_call *call)
{
	size_t size = (size_t)rpc_call_integer(call, "size", 0);
	char *text = malloc(size + 1);
	json_t *reply;

	memset(text, 'x', size);
	text[size] = '\0';
	reply = json_string(text);
	free(text);
	return rpc_reply(call, reply);
}

/* An answer with the reading end of a pipe, in which there is a word. */
static int pipe_run(struct rpc_call *call)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "word", 4), 4);
	close(fds[1]);
	return rpc_reply_fds(call, json_true(), &fds[0], 1);
}

static const struct rpc_method fix_methods[] = {
	{
		.name = "test.echo",
		.help = "Answers its parameters",
		.params =
			(const struct rpc_param[]){
				{"text", RPC_STRING, false, 0, 0, "A text"},
				{"number", RPC_INTEGER, false, 1, 10, "A number"},
				{"flag", RPC_BOOLEAN, false, 0, 0, "A flag"},
				{"object", RPC_OBJECT, false, 0, 0, "An object"},
				{"list", RPC_ARRAY, false, 0, 0, "An array"},
				{"node", RPC_NODE, false, 0, 0, "A node"},
				{"any", RPC_ANY, false, 0, 0, "Anything"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "The parameters",
		.run = echo_run,
	},
	{
		.name = "test.later",
		.help = "Keeps its call",
		.params =
			(const struct rpc_param[]){
				{"forever", RPC_BOOLEAN, false, 0, 0, "Cannot be given up"},
				{"node", RPC_NODE, false, 0, 0, "A node"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "What the test wants",
		.run = later_run,
	},
	{
		.name = "test.need",
		.help = "Needs a parameter",
		.params =
			(const struct rpc_param[]){
				{"node", RPC_NODE, true, 0, 0, "The node"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "An error",
		.run = kind_run,
	},
	{
		.name = "test.large",
		.help = "Answers a long text",
		.params =
			(const struct rpc_param[]){
				{"size", RPC_INTEGER, true, 0, 0, "Bytes"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "The text",
		.run = large_run,
	},
	{.name = "test.silent", .help = "x", .result = "x", .run = silent_run},
	{.name = "test.refuse", .help = "x", .result = "x", .run = refuse_run},
	{.name = "test.pipe", .help = "x", .result = "x", .run = pipe_run},
	{.name = NULL},
};

extern const struct rpc_method rpc_methods_rpc[];
const struct rpc_method *const rpc_tables[] = {rpc_methods_rpc, fix_methods, NULL};
