/* SPDX-License-Identifier: MIT */
/* Changes of a running lab: its links by name, and nodes that come and go. */
#pragma once

#include <jansson.h>
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

/*
 * Adds a node while the lab runs. `spec` is an object as `nodes: NAME:` of a lab file has it (NULL:
 * nothing is given); `links` an array of objects like the links of a lab file, but with `to`
 * ("node" or "node:interface") in place of `between`, and `interface`, the new node's (eth0, eth1
 * …; p1, p2 … of switches). An interface of the other node that is not there is made, and goes with
 * the link. 0; -EEXIST; -EINVAL: what is asked for is wrong; or what failed; with a message in
 * `msg`.
 */
int lab_node_add(struct lab *lab, const char *name, const json_t *spec, const json_t *links,
		 struct lab_node **ret, char *msg) MUST_CHECK;
/* Removes a node with its links. Interfaces of other nodes that were there before stay, without a
 * link; they keep their addresses and routes. The control socket's calls about it must have been
 * ended. */
void lab_node_del(struct lab_node *node);
