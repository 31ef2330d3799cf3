/* SPDX-License-Identifier: MIT */
/* Changes of a running lab: links found by what people call them, and changed. */
#pragma once

#include <stdbool.h>

#include "lab/lab.h"

/* A link, and how it was named. */
struct lab_link_name {
	struct lab_link *link;
	int from;        /* the end that was named first */
	bool is_one_way; /* "A->B": the direction from `from` alone */
};

/*
 * The link that `text` names: "A-B", "A--B", "A->B", or one of its interfaces alone, where A and B
 * are "node" or "node:interface". 0; -ENOENT: there is none; -ENOTUNIQ: several; with a message in
 * `msg` (LAB_MSG_MAX bytes); -ENOMEM.
 */
int lab_link_find(struct lab *lab, const char *text, struct lab_link_name *ret,
		  char *msg) MUST_CHECK;
/* Changes one direction (0: from its first end). 0 or -EINVAL. */
int lab_link_change(struct lab_link *link, int dir, const struct weft_link_dir *to) MUST_CHECK;
void lab_link_set_up(struct lab_link *link, bool up);
