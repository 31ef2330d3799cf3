/* SPDX-License-Identifier: MIT */
/* Coalescing beside none: the input is a program of tests/lib/gro_twin.h, of frames that a device
 * has and of packets that wait. */
#include "fuzz.h"

#include "../tests/lib/gro_twin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One for all inputs: to clear its 480 KiB, and to make an engine, took more than many. */
	static struct gro_twin t;
	static struct engine *eng;
	struct engine_config cfg = {.has_seed = true, .seed = 1};

	if (!eng && engine_new(&cfg, &eng) < 0)
		abort();
	for (int has_pkts = 0; has_pkts < 2; has_pkts++)
		if (!gro_twin_run(&t, eng, has_pkts, data, size))
			abort();
	return 0;
}
