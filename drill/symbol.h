/* SPDX-License-Identifier: MIT */
/* Constants that scripts name: families, options, flags, errno. Values are Linux's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False: there is none of that name. */
bool drill_symbol(const char *name, int64_t *ret);
/* "ECONNRESET" for ECONNRESET; "errno 200" for what has no name. Returns `buf` or a constant. */
const char *drill_errno_name(int err, char *buf, unsigned size);
