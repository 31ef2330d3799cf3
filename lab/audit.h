/* SPDX-License-Identifier: MIT */
/* The audit log of weft nodes, on request: what weft_stack_audit() tells, a file of JSON lines for
 * each node. */
#pragma once

#include "base/compiler.h"

struct lab_node;

/* From now on NODE.jsonl in lab->audit, a directory that is made, has what the node's stack tells;
 * nothing when that is NULL, and of nodes that are no weft nodes. Each line is there when it has
 * happened. 0, or -Exxx with a message in `msg` (LAB_MSG_MAX bytes). */
int lab_audit_start(struct lab_node *node, char *msg) MUST_CHECK;
/* Before the node's stack goes. */
void lab_audit_stop(struct lab_node *node);
