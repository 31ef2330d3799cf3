/* SPDX-License-Identifier: MIT */
/*
 * Names in a running lab: the resolver of weft nodes, and of the tools that work on any node. Its
 * answers are those of the hosts file of a kernel node.
 *
 * How it works: a name is looked for among the node's own hosts, then those of the lab, then the
 * nodes; the first place that has it wins. Names are compared without case. A node's name stands
 * for all its addresses, in the order of its interfaces, as they are now on nodes whose stack is
 * ours.
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "lab/lab.h"

/*
 * The addresses of `name` as `node` sees it, at most `max` of them in `ret`: those of `family`
 * (WEFT_AF_*), or with WEFT_AF_UNSPEC all; the best destination first, as the node's stack sees it
 * (RFC 6724), or where it has none of ours, IPv4. An address in text form stands for itself.
 * Returns how many there are at least (1 to max); or -ENOENT: there is no such name;
 * -EADDRNOTAVAIL: there is, without an address of that family.
 */
int lab_name_lookup(const struct lab_node *node, const char *name, int family,
		    struct weft_addr *ret, size_t max) MUST_CHECK;

/* The name of a lookup that failed with -ENOENT that was probably meant, or NULL. */
const char *lab_name_suggest(const struct lab_node *node, const char *name);

/* The other way: the node that has the address, or a host's name for it; NULL: nobody. */
const char *lab_name_of(const struct lab_node *node, const struct weft_addr *addr);
