/* SPDX-License-Identifier: MIT */
/* Settings by Linux's sysctl names, as scripts write them, applied to a stack. */
#pragma once

#include "base/compiler.h"
#include "weft/engine.h"

/* `name` with dots. 0: applied, or the same as what the stack does anyway; -EINVAL: `why` says why
 * it cannot be. */
int drill_setting_apply(struct weft_stack *st, const char *name, const char *value, char *why,
			size_t why_size) MUST_CHECK;
