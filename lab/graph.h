/* SPDX-License-Identifier: MIT */
/* A lab as a picture: the text that Graphviz draws. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "base/compiler.h"
#include "lab/labfile.h"

/*
 * The lab in the language of dot(1): shapes by what a node is, addresses at the ends of links, what
 * links do as their labels, interfaces of the machine as boxes of their own. Many copies of a node
 * at one place are drawn as one, unless `all`. -ENOMEM when memory runs out.
 */
int lab_graph_print(const struct labfile *lab, bool all, FILE *out) MUST_CHECK;
