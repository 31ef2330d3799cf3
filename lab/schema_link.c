/* SPDX-License-Identifier: MIT */
/* The tables of the lab file's language: links, what they do to packets, and how that changes. */
#include "lab/schema_tables.h"

static const struct lab_word distributions[] = {
	{"uniform", LABFILE_UNIFORM},
	{"normal", LABFILE_NORMAL},
	{"pareto", LABFILE_PARETO},
	{"paretonormal", LABFILE_PARETONORMAL},
	{NULL, 0},
};

static const struct lab_key shape_keys[] = {
	{
		.name = "rate",
		.type = LAB_T_RATE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, rate_bps),
		.deflt = "unlimited",
		.help = "How fast frames go onto the link",
	},
	{
		.name = "delay",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, delay_ns),
		.deflt = "0",
		.help = "How long a frame is under way, one way; a round trip takes both "
			"directions'",
	},
	{
		.name = "jitter",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, jitter_ns),
		.deflt = "0",
		.help = "Added to the delay, evenly from 0 to this, or what `distribution` makes "
			"of it; the order is kept",
	},
	{
		.name = "distribution",
		.type = LAB_T_WORD,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, distribution),
		.words = distributions,
		.deflt = "uniform",
		.help = "How the jitter is distributed; but for `uniform` it is the standard "
			"deviation around the delay, as in tc-netem(8), and a delay is never less "
			"than 0",
	},
	{
		.name = "loss",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, loss_ppm),
		.deflt = "0%",
		.help = "Frames that are lost, each by itself",
	},
	{
		.name = "gemodel_p",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, gemodel_p_ppm),
		.deflt = "0%",
		.help = "Losses in bursts, by the model of Gilbert and Elliott in the words of "
			"tc-netem(8): how often a frame finds the link good and leaves it bad",
	},
	{
		.name = "gemodel_r",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, gemodel_r_ppm),
		.deflt = "0%",
		.help = "How often one finds it bad and leaves it good: a burst is 1/r frames long",
	},
	{
		.name = "gemodel_1-h",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, gemodel_1h_ppm),
		.deflt = "100%",
		.help = "Frames that are lost while it is bad",
	},
	{
		.name = "gemodel_1-k",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, gemodel_1k_ppm),
		.deflt = "0%",
		.help = "Frames that are lost while it is good",
	},
	{
		.name = "duplicate",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, duplicate_ppm),
		.deflt = "0%",
		.help = "Frames that arrive twice",
	},
	{
		.name = "corrupt",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, corrupt_ppm),
		.deflt = "0%",
		.help = "Frames that arrive with one bit turned over",
	},
	{
		.name = "reorder",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, reorder_ppm),
		.deflt = "0%",
		.help = "Frames that are held back, so that later ones overtake them",
	},
	{
		.name = "reorder_delay",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, reorder_delay_ns),
		.deflt = "1ms",
		.help = "How long those are held back; with 0 they skip the delay instead, as in "
			"tc-netem(8)",
	},
	{
		.name = "reorder_gap",
		.type = LAB_T_U32,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, reorder_gap),
		.max = 1000000,
		.deflt = "0",
		.help = "How many frames apart those are at least",
	},
	{
		.name = "reorder_correlation",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, reorder_corr_ppm),
		.deflt = "0%",
		.help = "How often a frame is treated as the one before it, which makes runs of "
			"such frames",
	},
	{
		.name = "queue",
		.type = LAB_T_QUEUE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, queue),
		.deflt = "1000",
		.help = "How many frames, or bytes, wait for the rate; what comes on top is "
			"dropped",
	},
	{
		.name = "ecn_threshold",
		.type = LAB_T_U32,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, ecn_pkts),
		.max = LAB_QUEUE_MAX_PKTS,
		.deflt = "0",
		.help = "When so many frames wait, further ones whose sender understands it are "
			"marked (CE of RFC 3168, as DCTCP wants it); with 0 none",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_shape = {
	.name = "direction",
	.help = "What a link does to frames. In a link itself these keys are for both directions, "
		"in its `a_to_b` and `b_to_a` for one.",
	.where = "links[], links[].a_to_b, links[].b_to_a",
	.size = sizeof(struct labfile_shape),
	.keys = shape_keys,
	.given_offset = offsetof(struct labfile_shape, given),
};

static const struct lab_word carriers[] = {
	{"up", LABFILE_CARRIER_UP},
	{"down", LABFILE_CARRIER_DOWN},
	{NULL, 0},
};

static const struct lab_key change_keys[] = {
	{
		.name = "at",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE | LAB_KEY_REQUIRED,
		FIELD(labfile_change, at_ns),
		.help = "When, after the start of the lab",
	},
	{
		.name = "state",
		.type = LAB_T_WORD,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_change, carrier),
		.words = carriers,
		.help = "Whether it is up from then on; it stays as it is without",
	},
	{
		.name = "set",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_change, both),
		.sub = &schema_shape,
		.help = "What is different then in both directions",
	},
	{
		.name = "a_to_b",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_change, dir[0]),
		.sub = &schema_shape,
		.help = "What is different then from a to b",
	},
	{
		.name = "b_to_a",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_change, dir[1]),
		.sub = &schema_shape,
		.help = "What is different then from b to a",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_change = {
	.name = "change",
	.help = "What becomes of a link while the lab runs: outages, another rate. What a change "
		"does not say stays as it was.",
	.where = "links[].changes[]",
	.size = sizeof(struct labfile_change),
	.keys = change_keys,
};

static const struct lab_key link_keys[] = {
	{
		.name = "between",
		.type = LAB_T_ENDS,
		.flags = LAB_KEY_REQUIRED | LAB_KEY_OWN,
		FIELD(labfile_link, ends),
		.help = "Its two ends, a and b, each NODE:INTERFACE, or the name of a switch alone "
			"for a port of its own",
	},
	{
		.name = "prefix",
		.type = LAB_T_PREFIX,
		.flags = LAB_KEY_OWN,
		FIELD(labfile_link, prefix),
		.help = "The network of the link, from which interfaces without an address get "
			"theirs: routers first, in the order of the file",
	},
	{
		.name = "up",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_link, up),
		.deflt = "true",
		.help = "Whether it is up when the lab starts",
	},
	{
		.name = "mtu",
		.type = LAB_T_U32,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_link, mtu),
		.min = 68,
		.max = 65535,
		.deflt = "1500",
		.help = "The longest packet that it carries, in bytes without the Ethernet header",
	},
	{
		.name = "a_to_b",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_link, dir[0]),
		.sub = &schema_shape,
		.help = "What is different from a to b",
	},
	{
		.name = "b_to_a",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_link, dir[1]),
		.sub = &schema_shape,
		.help = "What is different from b to a",
	},
	{
		.name = "changes",
		.type = LAB_T_LIST,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile_link, changes, n_changes),
		.sub = &schema_change,
		.help = "What becomes of it while the lab runs",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_link = {
	.name = "link",
	.help = "A cable between two interfaces.",
	.where = "links[]",
	.size = sizeof(struct labfile_link),
	.keys = link_keys,
	.also = &schema_shape,
	.also_offset = offsetof(struct labfile_link, both),
	.short_key = "between",
	.short_help = "\"NODE:INTERFACE -- NODE:INTERFACE\"",
	.defaults_name = "link",
};
