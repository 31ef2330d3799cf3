/* SPDX-License-Identifier: MIT */
/* Methods about the lab as a whole. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lab/apps.h"
#include "lab/belief.h"
#include "lab/capture.h"
#include "lab/lab.h"
#include "lab/rpc.h"

/* The lab file's path, for somebody in another directory. */
static json_t *file_path(const struct lab *lab)
{
	char cwd[PATH_MAX], *path;
	json_t *text;

	if (lab->file->file[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return rpc_text(lab->file->file);
	if (asprintf(&path, "%s/%s", cwd, lab->file->file) < 0)
		return NULL;
	text = rpc_text(path);
	free(path);
	return text;
}

static int info_run(struct rpc_call *call)
{
	const struct lab *lab = rpc_call_lab(call);
	const char *capture = lab_capture_path(lab);
	struct weft_engine_stats eng;
	struct lab_belief belief;

	lab_belief_get(lab, &belief);
	weft_engine_stats(lab->eng, &eng);
	return rpc_reply(
		call,
		json_pack("{s:s, s:o, s:i, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:b, s:I}",
			  "name", lab->name, "file", file_path(lab), "pid", (int)getpid(), "nodes",
			  (json_int_t)lab->n_nodes, "links", (json_int_t)lab->n_links, "start_ns",
			  (json_int_t)lab->start_epoch_ns, "uptime_ns",
			  (json_int_t)(weft_engine_now_ns(lab->eng) - lab->start_ns), "capture",
			  capture ? rpc_text(capture) : json_null(), "late_max_ns",
			  (json_int_t)belief.late_max_ns, "tolerance_ns",
			  (json_int_t)belief.tolerance_ns, "deadlines",
			  (json_int_t)belief.n_deadlines, "late", (json_int_t)belief.n_late,
			  "is_believable", belief.is_believable, "mem_bytes",
			  (json_int_t)eng.mem_bytes));
}

static int apps_run(struct rpc_call *call)
{
	return rpc_reply(call, lab_apps_json(rpc_call_lab(call)));
}

static int down_run(struct rpc_call *call)
{
	struct lab *lab = rpc_call_lab(call);

	if (!lab->on_down)
		return rpc_fail(call, RPC_FAILED, -ENOSYS, "this lab cannot be taken down");
	lab->on_down(lab->on_down_arg);
	return rpc_reply(call, json_pack("{s:i}", "pid", (int)getpid()));
}

const struct rpc_method rpc_methods_lab[] = {
	{
		.name = "lab.info",
		.help = "What the lab is and how it does",
		.result = "`{name, file, pid, nodes, links, start_ns, uptime_ns, capture, "
			  "late_max_ns, tolerance_ns, deadlines, late, is_believable, mem_bytes}`: "
			  "numbers of nodes and links; `start_ns` is since 1970; `capture` is the "
			  "path of the capture file or null; of the `deadlines`, so many were met "
			  "more than `tolerance_ns` `late`, and `is_believable` says whether the "
			  "run's times can be",
		.run = info_run,
	},
	{
		.name = "lab.apps",
		.help = "What the apps of the lab file have done so far",
		.result = "`[{node, app, to, is_done, tries, ok, lost, failed, sent_bytes, "
			  "received_bytes, rate_bps, start_ns, end_ns, busy_ns, time_min_ns, "
			  "time_avg_ns, time_max_ns, error}]`: `start_ns` (-1: not yet) and "
			  "`end_ns` of its tries since the lab came up; `busy_ns` is what the rate "
			  "is of; `time_*` from request to answer; `error` only after a try that "
			  "failed",
		.run = apps_run,
	},
	{
		.name = "lab.down",
		.help = "Takes the lab down; the process ends soon after the answer",
		.result = "`{pid}`: the process to wait for",
		.run = down_run,
	},
	{.name = NULL},
};
