/* SPDX-License-Identifier: MIT */
/* The XDP program; the contract is in xdp_prog.h, the instructions' form in the kernel's
 * Documentation/bpf/standardization/instruction-set.rst. */
#include "drivers/xdp_prog.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How much of a union bpf_attr is meant, up to and with that field. The kernel refuses what is not
 * 0 behind what it knows of a command, and an initialiser clears no more than the member it is for.
 */
#define ATTR_BYTES(field) (offsetof(union bpf_attr, field) + sizeof(((union bpf_attr *)0)->field))

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr, size_t n_bytes)
{
	long ret = syscall(SYS_bpf, cmd, attr, n_bytes);

	return ret < 0 ? -errno : (int)ret;
}

static int map_open(uint32_t n_queues)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_XSKMAP,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint32_t),
		.max_entries = n_queues,
	};

	return bpf(BPF_MAP_CREATE, &attr, ATTR_BYTES(max_entries));
}

/* return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS); */
static int prog_load(int map_fd)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct xdp_md, rx_queue_index)},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map_fd},
		{.code = 0}, /* the other half of the address */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map},
		{.code = BPF_JMP | BPF_EXIT},
	};
	static const char license[] = "MIT";
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.expected_attach_type = BPF_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)license,
		.prog_name = "weft_xsk",
	};

	return bpf(BPF_PROG_LOAD, &attr, ATTR_BYTES(expected_attach_type));
}

int xdp_prog_open(struct xdp_prog *x, uint32_t n_queues, const char **ret_step)
{
	*x = (struct xdp_prog){-1, -1, -1};
	*ret_step = "no map of sockets (bpf)";
	x->map_fd = map_open(n_queues);
	if (x->map_fd < 0)
		return x->map_fd;
	*ret_step = "the XDP program cannot be loaded (bpf)";
	x->prog_fd = prog_load(x->map_fd);
	return x->prog_fd < 0 ? x->prog_fd : 0;
}

int xdp_prog_set(const struct xdp_prog *x, uint32_t queue, int xsk_fd)
{
	uint32_t value = (uint32_t)xsk_fd;
	union bpf_attr attr = {
		.map_fd = (uint32_t)x->map_fd,
		.key = (uintptr_t)&queue,
		.value = (uintptr_t)&value,
	};

	return bpf(BPF_MAP_UPDATE_ELEM, &attr, ATTR_BYTES(flags));
}

int xdp_prog_attach(struct xdp_prog *x, int ifindex, const char **ret_step)
{
	union bpf_attr attr = {
		.link_create =
			{
				.prog_fd = (uint32_t)x->prog_fd,
				.target_ifindex = (uint32_t)ifindex,
				.attach_type = BPF_XDP,
			},
	};

	*ret_step = "the XDP program cannot be attached (another one is, or the MTU is too large)";
	x->link_fd = bpf(BPF_LINK_CREATE, &attr, ATTR_BYTES(link_create.flags));
	return x->link_fd < 0 ? x->link_fd : 0;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void xdp_prog_close(struct xdp_prog *x)
{
	fd_close(&x->link_fd);
	fd_close(&x->prog_fd);
	fd_close(&x->map_fd);
}
