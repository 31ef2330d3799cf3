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

/* The register states that the operating system saves; 0 when it does not say. */
static uint32_t cpu_xcr0(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
		return 0;
	__asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	return eax;
}

static bool cpu_has_sse42(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_SSE4_2);
}

/* The feature bits of cpuid leaf 7, register ebx. */
static uint32_t cpu_leaf7_ebx(void)
{
	unsigned int eax, ebx, ecx, edx;

	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) ? ebx : 0;
}

static bool cpu_has_level(enum cpu_level level)
{
	uint32_t saved = cpu_xcr0(), has = cpu_leaf7_ebx(), xcr0 = XCR0_AVX, needs = bit_AVX2;

	if (level == CPU_AVX512) {
		xcr0 = XCR0_AVX512;
		needs |= bit_AVX512F | bit_AVX512BW | bit_AVX512VL;
	}
	return cpu_has_sse42() && (saved & xcr0) == xcr0 && (has & needs) == needs;
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
