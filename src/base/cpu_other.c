/* SPDX-License-Identifier: MIT */
/* Architectures without vector versions of their own; see cpu.h. */
#include "base/cpu_priv.h"

#include <errno.h>

uintptr_t cpu_thread(void)
{
	return 0;
}

int cpu_arch_ops(struct cpu_ops *ops UNUSED, enum cpu_level level UNUSED)
{
	return -ENOTSUP;
}
