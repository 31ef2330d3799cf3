/* SPDX-License-Identifier: MIT */
/* Choice of the CPU-dependent routines; see cpu.h. */
#include "base/cpu.h"

#include "base/cpu_priv.h"

int cpu_ops_init_level(struct cpu_ops *ops, enum cpu_level level)
{
	if (level != CPU_SCALAR)
		return cpu_arch_ops(ops, level);
	*ops = (struct cpu_ops){
		.name = "scalar",
		.csum_add = csum_add_scalar,
		.csum_copy = csum_copy_scalar,
		.crc32c = crc32c_scalar,
	};
	return 0;
}

void cpu_ops_init(struct cpu_ops *ops)
{
	unsigned int level = CPU_LEVELS;

	do
		level--;
	while (cpu_ops_init_level(ops, (enum cpu_level)level) < 0);
}
