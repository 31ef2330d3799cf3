/* SPDX-License-Identifier: MIT */
/* Settings that a lab file gives to nodes: which ones there are only a stack can say. And limits.
 */
#pragma once

#include "base/compiler.h"
#include "lab/errors.h"
#include "lab/labfile.h"

struct weft_stack;

/* Gives a node's to its stack. 0, or -Exxx of the one that was refused, in `ret_bad`. */
int lab_sysctls_set(const struct labfile_node *node, struct weft_stack *st,
		    const struct labfile_sysctl **ret_bad) MUST_CHECK;
/* The limits of an owner (0: of the stack), if there are any; else those of net.limit.* stay. 0 or
 * -ENOMEM. */
int lab_limits_set(struct weft_stack *st, uint32_t owner,
		   const struct labfile_limits *limits) MUST_CHECK;
/* Those of all nodes, on a stack that is made for it. 0; -EINVAL: `errs` has what is wrong;
 * -ENOMEM. */
int lab_sysctls_check(const struct labfile *file, struct lab_errors *errs) MUST_CHECK;
