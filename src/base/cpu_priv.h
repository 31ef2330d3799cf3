/* SPDX-License-Identifier: MIT */
/* The versions that cpu.c and its architecture's file choose from; see cpu.h. */
#pragma once

#include "base/cpu.h"

uint64_t csum_add_scalar(const void *buf, size_t len, uint64_t sum);
uint64_t csum_copy_scalar(void *dst, const void *src, size_t len, uint64_t sum);
uint64_t csum_add_avx2(const void *buf, size_t len, uint64_t sum);
uint64_t csum_copy_avx2(void *dst, const void *src, size_t len, uint64_t sum);
uint64_t csum_add_avx512(const void *buf, size_t len, uint64_t sum);
uint64_t csum_copy_avx512(void *dst, const void *src, size_t len, uint64_t sum);
uint32_t crc32c_scalar(const void *buf, size_t len, uint32_t crc);
uint32_t crc32c_sse42(const void *buf, size_t len, uint32_t crc);

/* The levels above CPU_SCALAR, as cpu_ops_init_level(): cpu_x86.c or cpu_other.c. */
int cpu_arch_ops(struct cpu_ops *ops, enum cpu_level level) MUST_CHECK;
