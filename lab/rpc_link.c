/* SPDX-License-Identifier: MIT */
/* Methods about links: what there is and what it does to packets. */
#include <errno.h>
#include <string.h>

#include "lab/lab.h"
#include "lab/rpc.h"

static json_t *dir_json(const struct lab_link *link, int d)
{
	const struct weft_link_dir *dir = &link->dir[d];
	struct weft_link_stats s;
	json_t *shape, *stats;

	weft_link_stats(link->link, d, &s);
	stats = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "frames", (json_int_t)s.frames,
		"bytes", (json_int_t)s.bytes, "lost", (json_int_t)s.lost, "queue_drops",
		(json_int_t)s.queue_drops, "duplicated", (json_int_t)s.duplicated, "corrupted",
		(json_int_t)s.corrupted, "reordered", (json_int_t)s.reordered, "queue_peak_pkts",
		(json_int_t)s.queue_peak_pkts, "busy_ns", (json_int_t)s.busy_ns);
	shape = json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "from",
		link->file->ends[d].text, "to", link->file->ends[!d].text, "rate_bps",
		(json_int_t)dir->rate_bps, "delay_ns", (json_int_t)dir->delay_ns, "jitter_ns",
		(json_int_t)dir->jitter_ns, "loss_ppm", (json_int_t)dir->loss_ppm, "duplicate_ppm",
		(json_int_t)dir->duplicate_ppm, "corrupt_ppm", (json_int_t)dir->corrupt_ppm,
		"reorder_ppm", (json_int_t)dir->reorder_ppm, "reorder_delay_ns",
		(json_int_t)dir->reorder_ns, "queue_pkts", (json_int_t)dir->queue_pkts,
		"queue_bytes", (json_int_t)dir->queue_bytes, "stats", stats);
	return shape;
}

static json_t *link_json(const struct lab_link *link)
{
	return json_pack("{s:[s, s], s:b, s:i, s:[o, o]}", "ends", link->file->ends[0].text,
			 link->file->ends[1].text, "up", link->is_up, "mtu", (int)link->file->mtu,
			 "directions", dir_json(link, 0), dir_json(link, 1));
}

static int list_run(struct rpc_call *call)
{
	const struct lab *lab = rpc_call_lab(call);
	json_t *list = json_array();

	for (uint32_t i = 0; i < lab->n_links; i++)
		json_array_append_new(list, link_json(lab->links[i]));
	return rpc_reply(call, list);
}

const struct rpc_method rpc_methods_link[] = {
	{
		.name = "link.list",
		.help = "Lists the links",
		.result =
			"An array of `{ends, up, mtu, directions}`: `ends` are two "
			"`node:interface`; a direction is `{from, to, rate_bps, delay_ns, "
			"jitter_ns, "
			"loss_ppm, duplicate_ppm, corrupt_ppm, reorder_ppm, reorder_delay_ns, "
			"queue_pkts, queue_bytes, stats}`, `stats` being `{frames, bytes, lost, "
			"queue_drops, duplicated, corrupted, reordered, queue_peak_pkts, busy_ns}`",
		.run = list_run,
	},
	{.name = NULL},
};
