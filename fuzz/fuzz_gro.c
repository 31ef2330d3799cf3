/* SPDX-License-Identifier: MIT */
/* Coalescing beside none: the input is a program of tests/lib/gro_twin.h. */
#include "fuzz.h"

#include "../tests/lib/gro_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gro_twin *t = calloc(1, sizeof(*t));

	assert(t);
	if (!gro_twin_run(t, data, size))
		abort();
	free(t);
	return 0;
}
