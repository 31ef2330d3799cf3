/* SPDX-License-Identifier: MIT */
/*
 * What an x86-64 machine can run. An instruction set counts when cpuid has it and the operating
 * system saves its registers (XCR0). The compiler's __builtin_cpu_supports() would do the same but
 * keeps its answer in a mutable global, of which the library has none.
 */
#include "base/cpu_priv.h"

#include <cpuid.h>
#include <errno.h>
#include <stdbool.h>

enum {
	XCR0_AVX = 0x06,    /* SSE and AVX state */
	XCR0_AVX512 = 0xe6, /* and mask registers, upper halves, registers 16 to 31 */
};

/* The thread's own block, whose first word is its address (System V ABI, thread-local storage). */
uintptr_t cpu_thread(void)
{
	uintptr_t self;

	__asm__("mov %%fs:0, %0" : "=r"(self));
	return self;
}

static uint32_t xcr0_read(void)
{
	uint32_t low, high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

/* Each cpuid costs microseconds in a virtual machine, which is left for it: three are enough. */
static bool cpu_has_level(enum cpu_level level)
{
	uint32_t xcr0 = XCR0_AVX, needs = bit_AVX2, eax, ebx, ecx, edx;

	if (level == CPU_AVX512) {
		xcr0 = XCR0_AVX512;
		needs |= bit_AVX512F | bit_AVX512BW | bit_AVX512VL;
	}
	if (__get_cpuid_max(0, NULL) < 7)
		return false;
	__cpuid(1, eax, ebx, ecx, edx);
	if (!(ecx & bit_OSXSAVE) || !(ecx & bit_SSE4_2) || (xcr0_read() & xcr0) != xcr0)
		return false;
	__cpuid_count(7, 0, eax, ebx, ecx, edx);
	return (ebx & needs) == needs;
}

static const struct cpu_ops cpu_ops_avx2 = {
	.name = "avx2",
	.csum_add = csum_add_avx2,
	.csum_copy = csum_copy_avx2,
	.crc32c = crc32c_sse42,
};

static const struct cpu_ops cpu_ops_avx512 = {
	.name = "avx512",
	.csum_add = csum_add_avx512,
	.csum_copy = csum_copy_avx512,
	.crc32c = crc32c_sse42,
};

int cpu_arch_ops(struct cpu_ops *ops, enum cpu_level level)
{
	if ((level != CPU_AVX2 && level != CPU_AVX512) || !cpu_has_level(level))
		return -ENOTSUP;
	*ops = level == CPU_AVX2 ? cpu_ops_avx2 : cpu_ops_avx512;
	return 0;
}
