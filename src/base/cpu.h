/* SPDX-License-Identifier: MIT */
/*
 * Routines of which a CPU with vector instructions has better versions. An engine chooses once, by
 * cpuid, and everything below calls through its table; the calls that read well are csum_add() and
 * csum_copy() (base/csum.h) and crc32c() (base/crc32.h), where the contracts are.
 *
 * Each version is a file of its own, compiled with its own instruction set; cpu_x86.c knows which a
 * machine can run. Other architectures have the portable one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct cpu_ops {
	const char *name; /* of the level, for people */
	uint64_t (*csum_add)(const void *buf, size_t len, uint64_t sum);
	uint64_t (*csum_copy)(void *dst, const void *src, size_t len, uint64_t sum);
	uint32_t (*crc32c)(const void *buf, size_t len, uint32_t crc);
};

enum cpu_level {
	CPU_SCALAR,
	CPU_AVX2,   /* and SSE4.2 */
	CPU_AVX512, /* F, BW and VL */
	CPU_LEVELS,
};

/* A number that is this thread's alone while it lives; 0: not known on this architecture. */
uintptr_t cpu_thread(void);

/* The best that this machine and its operating system support. */
void cpu_ops_init(struct cpu_ops *ops);

/* That level. Returns 0; or -ENOTSUP, with `ops` untouched, where it cannot run. */
int cpu_ops_init_level(struct cpu_ops *ops, enum cpu_level level) MUST_CHECK;
