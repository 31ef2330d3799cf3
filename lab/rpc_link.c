/* SPDX-License-Identifier: MIT */
/* Methods about links: what there is and what it does to packets. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lab/lab.h"
#include "lab/live.h"
#include "lab/rpc.h"

enum {
	END_TEXT = LABFILE_NODE_NAME_MAX + LABFILE_IFACE_NAME_MAX + 2,
};

static const char *end_name(const struct labfile_end *end, char buf[static END_TEXT])
{
	snprintf(buf, END_TEXT, "%s:%s", end->node->name, end->iface->name);
	return buf;
}

/* The parameters that say what a direction does, and where each goes. */
#define FIELD(name, type) offsetof(struct weft_link_dir, name), sizeof(type)
static const struct shape_param {
	const char *name;
	size_t offset, size;
} shape_params[] = {
	{"rate_bps", FIELD(rate_bps, uint64_t)},
	{"delay_ns", FIELD(delay_ns, int64_t)},
	{"jitter_ns", FIELD(jitter_ns, int64_t)},
	{"loss_ppm", FIELD(loss_ppm, uint32_t)},
	{"duplicate_ppm", FIELD(duplicate_ppm, uint32_t)},
	{"corrupt_ppm", FIELD(corrupt_ppm, uint32_t)},
	{"reorder_ppm", FIELD(reorder_ppm, uint32_t)},
	{"reorder_delay_ns", FIELD(reorder_ns, int64_t)},
	{"gemodel_p_ppm", FIELD(gemodel_p_ppm, uint32_t)},
	{"gemodel_r_ppm", FIELD(gemodel_r_ppm, uint32_t)},
	{"gemodel_1h_ppm", FIELD(gemodel_1h_ppm, uint32_t)},
	{"gemodel_1k_ppm", FIELD(gemodel_1k_ppm, uint32_t)},
	{"reorder_gap", FIELD(reorder_gap, uint32_t)},
	{"reorder_correlation_ppm", FIELD(reorder_corr_ppm, uint32_t)},
	{"ecn_threshold", FIELD(ecn_pkts, uint32_t)},
	{"queue_pkts", FIELD(queue_pkts, uint32_t)},
	{"queue_bytes", FIELD(queue_bytes, uint32_t)},
};
#undef FIELD

/* In the order of enum weft_link_dist. */
static const char *const distributions[] = {"uniform", "normal", "pareto", "paretonormal"};

static json_int_t shape_value(const struct shape_param *p, const struct weft_link_dir *dir)
{
	const void *field = (const char *)dir + p->offset;
	uint32_t small;
	uint64_t value;

	/* A queue in bytes holds any number of packets. */
	if (p->offset == offsetof(struct weft_link_dir, queue_pkts) && dir->queue_bytes)
		return 0;
	if (p->size == sizeof(small)) {
		memcpy(&small, field, sizeof(small));
		return (json_int_t)small;
	}
	memcpy(&value, field, sizeof(value));
	return (json_int_t)value;
}

static json_t *dir_json(const struct lab_link *link, int d)
{
	const struct weft_link_dir *dir = &link->dir[d];
	char text[2][END_TEXT];
	struct weft_link_stats s;
	const struct labfile_end *from = &link->file->ends[d], *to = &link->file->ends[!d];
	json_t *shape, *stats;

	weft_link_stats(link->link, d, &s);
	stats = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "frames",
		(json_int_t)s.frames, "bytes", (json_int_t)s.bytes, "lost", (json_int_t)s.lost,
		"queue_drops", (json_int_t)s.queue_drops, "duplicated", (json_int_t)s.duplicated,
		"corrupted", (json_int_t)s.corrupted, "reordered", (json_int_t)s.reordered,
		"queue_peak_pkts", (json_int_t)s.queue_peak_pkts, "busy_ns", (json_int_t)s.busy_ns,
		"marked", (json_int_t)s.marked, "queue_pkts", (json_int_t)s.queue_pkts);
	shape = json_pack("{s:s, s:s, s:o, s:s}", "from", end_name(from, text[0]), "to",
			  end_name(to, text[1]), "stats", stats, "distribution",
			  distributions[dir->jitter_dist]);
	for (size_t i = 0; i < sizeof(shape_params) / sizeof(shape_params[0]); i++)
		json_object_set_new(shape, shape_params[i].name,
				    json_integer(shape_value(&shape_params[i], dir)));
	return shape;
}

static json_t *link_json(const struct lab_link *link)
{
	char text[2][END_TEXT];

	return json_pack("{s:[s, s], s:b, s:i, s:[o, o]}", "ends",
			 end_name(&link->file->ends[0], text[0]),
			 end_name(&link->file->ends[1], text[1]), "up", link->is_up, "mtu",
			 (int)link->file->mtu, "directions", dir_json(link, 0), dir_json(link, 1));
}

/* Changes what the call has parameters for. */
static void shape_apply(const struct rpc_call *call, struct weft_link_dir *dir)
{
	for (size_t i = 0; i < sizeof(shape_params) / sizeof(shape_params[0]); i++) {
		const struct shape_param *p = &shape_params[i];
		uint64_t value = (uint64_t)rpc_call_integer(call, p->name, -1);
		uint32_t small = (uint32_t)value;
		void *field = (char *)dir + p->offset;

		if (!json_object_get(rpc_call_params(call), p->name))
			continue;
		if (p->size == sizeof(small))
			memcpy(field, &small, sizeof(small));
		else
			memcpy(field, &value, sizeof(value));
	}
	for (uint32_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++)
		if (!strcmp(rpc_call_string(call, "distribution", ""), distributions[i]))
			dir->jitter_dist = i;
	/* A queue in bytes holds any number of packets, and one in packets any number of bytes. */
	if (rpc_call_integer(call, "queue_bytes", 0))
		dir->queue_pkts = UINT32_MAX;
	else if (rpc_call_integer(call, "queue_pkts", 0))
		dir->queue_bytes = 0;
}

static bool distribution_is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++)
		if (!strcmp(name, distributions[i]))
			return true;
	return false;
}

/* A burst that never ends is a mistake, not a link. */
static bool shape_has_endless_burst(const struct weft_link_dir *dir)
{
	return dir->gemodel_p_ppm && !dir->gemodel_r_ppm;
}

static int set_run(struct rpc_call *call)
{
	bool has_up = json_object_get(rpc_call_params(call), "up"), has_endless = false;
	const char *text = rpc_call_string(call, "link", "");
	struct weft_link_dir before[2];
	struct lab_link_name name;
	char msg[LAB_MSG_MAX];
	int err = lab_link_find(rpc_call_lab(call), text, &name, msg);

	if (err)
		return rpc_fail(call, RPC_INVALID_PARAMS, err, "%s", msg);
	if (has_up && name.is_one_way)
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"a link is up or down in both directions: write A-B, not A->B");
	if (!distribution_is_known(rpc_call_string(call, "distribution", distributions[0])))
		return rpc_fail(call, RPC_INVALID_PARAMS, 0,
				"distribution: write uniform, normal, pareto or paretonormal");
	memcpy(before, name.link->dir, sizeof(before));
	for (int i = 0; !err && i < (name.is_one_way ? 1 : 2); i++) {
		int d = i ? !name.from : name.from;
		struct weft_link_dir dir = before[d];

		shape_apply(call, &dir);
		has_endless |= shape_has_endless_burst(&dir);
		err = has_endless ? -EINVAL : lab_link_change(name.link, d, &dir);
	}
	if (err) {
		for (int d = 0; d < 2; d++)
			(void)!lab_link_change(name.link, d, &before[d]);
		if (has_endless)
			return rpc_fail(call, RPC_INVALID_PARAMS, 0,
					"gemodel_p without gemodel_r: once the link is bad it "
					"stays bad; give gemodel_r too");
		return rpc_fail_errno(call, err, "the link cannot do that");
	}
	if (has_up)
		lab_link_set_up(name.link, rpc_call_boolean(call, "up", true));
	return rpc_reply(call, link_json(name.link));
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
			"distribution, loss_ppm, gemodel_p_ppm, gemodel_r_ppm, gemodel_1h_ppm, "
			"gemodel_1k_ppm, duplicate_ppm, corrupt_ppm, reorder_ppm, "
			"reorder_delay_ns, reorder_gap, reorder_correlation_ppm, queue_pkts, "
			"queue_bytes, ecn_threshold, stats}`, `stats` being `{frames, bytes, lost, "
			"queue_drops, duplicated, corrupted, reordered, marked, queue_pkts, "
			"queue_peak_pkts, busy_ns}`: `queue_pkts` is what waits now",
		.run = list_run,
	},
	{
		.name = "link.set",
		.help = "Changes what a link does to packets, now; what is not given stays",
		.params =
			(const struct rpc_param[]){
				{"link", RPC_STRING, true, 0, 0,
				 "`A-B`, `A->B` for that direction alone, or one of its "
				 "interfaces; A and B are `node` or `node:interface`"},
				{"up", RPC_BOOLEAN, false, 0, 0,
				 "Whether it carries anything at all"},
				{"rate_bps", RPC_INTEGER, false, 0, (int64_t)LAB_RATE_MAX_BPS,
				 "Bits a second; 0 is unlimited"},
				{"delay_ns", RPC_INTEGER, false, 0, LAB_DURATION_MAX_NS,
				 "Delay one way"},
				{"jitter_ns", RPC_INTEGER, false, 0, LAB_DURATION_MAX_NS,
				 "Added to the delay, as `distribution` says"},
				{"distribution", RPC_STRING, false, 0, 0,
				 "Of the jitter: `uniform` from 0 to it; `normal`, `pareto`, "
				 "`paretonormal` around the delay"},
				{"loss_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Packets lost, of a million"},
				{"gemodel_p_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Losses in bursts: from the good state to the bad one"},
				{"gemodel_r_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE, "And back"},
				{"gemodel_1h_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Packets lost in the bad state, of a million"},
				{"gemodel_1k_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Packets lost in the good state, of a million"},
				{"duplicate_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Packets that arrive twice, of a million"},
				{"corrupt_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Packets that arrive with a bit turned over, of a million"},
				{"reorder_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "Packets held back, of a million"},
				{"reorder_delay_ns", RPC_INTEGER, false, 0, LAB_DURATION_MAX_NS,
				 "By how much they are"},
				{"reorder_gap", RPC_INTEGER, false, 0, 1000000,
				 "How many packets apart they are at least"},
				{"reorder_correlation_ppm", RPC_INTEGER, false, 0, LAB_SHARE_ONE,
				 "How often a packet is treated as the one before it"},
				{"queue_pkts", RPC_INTEGER, false, 0, LAB_QUEUE_MAX_PKTS,
				 "Packets that wait for the rate; 0 is the default, 1000"},
				{"queue_bytes", RPC_INTEGER, false, 0, LAB_QUEUE_MAX_BYTES,
				 "The same in bytes; 0 is unlimited"},
				{"ecn_threshold", RPC_INTEGER, false, 0, LAB_QUEUE_MAX_PKTS,
				 "Packets waiting from which on further ones are marked CE; 0 is "
				 "never"},
				{NULL, RPC_ANY, false, 0, 0, NULL},
			},
		.result = "The link, as link.list has it",
		.run = set_run,
	},
	{.name = NULL},
};
