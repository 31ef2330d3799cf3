/* SPDX-License-Identifier: MIT */
/* Classic BPF: checks and interpreter; contracts in bpf.h. */
#include "base/bpf.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/load.h"

enum {
	BPF_CLASS_MASK = 0x07,
	BPF_OP_MASK = 0xf0,
	BPF_SIZE_MASK = 0x18,
	BPF_MODE_MASK = 0xe0,
	BPF_SHIFT_BITS = 32,
};

static_assert(sizeof(struct bpf_insn) == 8 && offsetof(struct bpf_insn, k) == 4,
	      "as Linux's struct sock_filter");

/*
 * Checking.
 */

static bool alu_is_known(uint16_t code)
{
	uint16_t op = code & BPF_OP_MASK;

	if (op == BPF_NEG)
		return code == (BPF_ALU | BPF_NEG);
	return op <= BPF_XOR && (code & ~(unsigned int)BPF_X) == (BPF_ALU | (unsigned int)op);
}

static bool jump_is_known(uint16_t code)
{
	uint16_t op = code & BPF_OP_MASK;

	if (op == BPF_JA)
		return code == (BPF_JMP | BPF_JA);
	return op <= BPF_JSET && (code & ~(unsigned int)BPF_X) == (BPF_JMP | (unsigned int)op);
}

/* The codes that Linux knows; unlike other implementations it takes no bit that means nothing. */
static bool insn_is_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
		return true;
	default:
		break;
	}
	if ((code & BPF_CLASS_MASK) == BPF_ALU)
		return alu_is_known(code);
	return (code & BPF_CLASS_MASK) == BPF_JMP && jump_is_known(code);
}

static bool ad_is_known(uint32_t ad)
{
	return ad < BPF_AD_MAX && ad % 4 == 0;
}

static bool operand_is_valid(const struct bpf_insn *in)
{
	switch (in->code) {
	case BPF_ALU | BPF_DIV | BPF_K:
	case BPF_ALU | BPF_MOD | BPF_K:
		return in->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return in->k < BPF_SHIFT_BITS;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return in->k < BPF_MEM_WORDS;
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
		/* From BPF_AD_OFF on there are no bytes; what is not known there is a mistake. */
		return in->k < (uint32_t)BPF_AD_OFF || ad_is_known(in->k - (uint32_t)BPF_AD_OFF);
	default:
		return true;
	}
}

static bool is_jump(const struct bpf_insn *in)
{
	return (in->code & BPF_CLASS_MASK) == BPF_JMP;
}

/* `n_left` instructions follow this one. */
static bool target_is_valid(const struct bpf_insn *in, uint32_t n_left)
{
	if (!is_jump(in))
		return true;
	if (in->code == (BPF_JMP | BPF_JA))
		return in->k < n_left;
	return in->jt < n_left && in->jf < n_left;
}

/*
 * On every way to a load from memory the word must have been written. `valid[i]` has the words
 * that are on all ways by which instruction i is jumped to; since jumps go forward only, one pass
 * knows them all in time.
 */
static bool memory_step(const struct bpf_insn *in, uint16_t *valid, uint32_t i, uint16_t *now)
{
	*now &= valid[i];
	switch (in->code) {
	case BPF_ST:
	case BPF_STX:
		*now |= (uint16_t)(1u << in->k);
		return true;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
		return *now & 1u << in->k;
	case BPF_JMP | BPF_JA:
		valid[i + 1 + in->k] &= *now;
		break;
	default:
		if (!is_jump(in))
			return true;
		valid[i + 1 + in->jt] &= *now;
		valid[i + 1 + in->jf] &= *now;
	}
	*now = UINT16_MAX; /* the next one is reached by jumps alone */
	return true;
}

static bool memory_is_valid(const struct bpf_insn *prog, uint32_t n_insns)
{
	uint16_t valid[BPF_INSNS_MAX], now = 0;

	for (uint32_t i = 0; i < n_insns; i++)
		valid[i] = UINT16_MAX;
	for (uint32_t i = 0; i < n_insns; i++)
		if (!memory_step(&prog[i], valid, i, &now))
			return false;
	return true;
}

int bpf_check(const struct bpf_insn *prog, uint32_t n_insns)
{
	if (n_insns == 0 || n_insns > BPF_INSNS_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n_insns; i++)
		if (!insn_is_known(prog[i].code) || !operand_is_valid(&prog[i]) ||
		    !target_is_valid(&prog[i], n_insns - i - 1))
			return -EINVAL;
	if ((prog[n_insns - 1].code & BPF_CLASS_MASK) != BPF_RET)
		return -EINVAL;
	return memory_is_valid(prog, n_insns) ? 0 : -EINVAL;
}

/*
 * Running.
 */

struct bpf_vm {
	uint32_t a, x;
	uint32_t mem[BPF_MEM_WORDS];
	const struct bpf_view *view;
};

static bool load_bytes(const struct bpf_view *view, uint32_t off, uint32_t n, uint8_t *ret)
{
	if (off <= INT32_MAX && view->lin_len >= n && off <= view->lin_len - n) {
		for (uint32_t i = 0; i < n; i++)
			ret[i] = view->data[off + i];
		return true;
	}
	return view->load && view->load(view->ctx, (int32_t)off, n, ret);
}

static bool load_sized(struct bpf_vm *vm, uint16_t code, uint32_t off, uint32_t *ret)
{
	uint8_t b[4];

	switch (code & BPF_SIZE_MASK) {
	case BPF_B:
		if (!load_bytes(vm->view, off, 1, b))
			return false;
		*ret = b[0];
		return true;
	case BPF_H:
		if (!load_bytes(vm->view, off, 2, b))
			return false;
		*ret = load_be16(b);
		return true;
	default:
		if (!load_bytes(vm->view, off, 4, b))
			return false;
		*ret = load_be32(b);
		return true;
	}
}

static void load_ancillary(struct bpf_vm *vm, uint32_t what)
{
	if (what == BPF_AD_ALU_XOR_X)
		vm->a ^= vm->x;
	else
		vm->a = vm->view->ancillary ? vm->view->ancillary(vm->view->ctx, (enum bpf_ad)what)
					    : 0;
}

/* False: the packet has no such bytes. */
static bool vm_load(struct bpf_vm *vm, const struct bpf_insn *in)
{
	switch (in->code & BPF_MODE_MASK) {
	case BPF_ABS:
		if (in->k >= (uint32_t)BPF_AD_OFF) {
			load_ancillary(vm, in->k - (uint32_t)BPF_AD_OFF);
			return true;
		}
		return load_sized(vm, in->code, in->k, &vm->a);
	case BPF_IND:
		return load_sized(vm, in->code, vm->x + in->k, &vm->a);
	case BPF_MEM:
		vm->a = vm->mem[in->k];
		return true;
	case BPF_LEN:
		vm->a = vm->view->len;
		return true;
	default: /* BPF_IMM */
		vm->a = in->k;
		return true;
	}
}

static bool vm_load_x(struct bpf_vm *vm, const struct bpf_insn *in)
{
	uint8_t b;

	switch (in->code & BPF_MODE_MASK) {
	case BPF_MSH: /* the length of an IPv4 header */
		if (!load_bytes(vm->view, in->k, 1, &b))
			return false;
		vm->x = (b & 0xfu) << 2;
		return true;
	case BPF_MEM:
		vm->x = vm->mem[in->k];
		return true;
	case BPF_LEN:
		vm->x = vm->view->len;
		return true;
	default: /* BPF_IMM */
		vm->x = in->k;
		return true;
	}
}

/* False: division by zero. */
static bool vm_alu(struct bpf_vm *vm, const struct bpf_insn *in)
{
	uint32_t op = in->code & BPF_OP_MASK, v = in->code & BPF_X ? vm->x : in->k;

	if ((op == BPF_DIV || op == BPF_MOD) && v == 0)
		return false;
	switch (op) {
	case BPF_ADD:
		vm->a += v;
		break;
	case BPF_SUB:
		vm->a -= v;
		break;
	case BPF_MUL:
		vm->a *= v;
		break;
	case BPF_DIV:
		vm->a /= v;
		break;
	case BPF_OR:
		vm->a |= v;
		break;
	case BPF_AND:
		vm->a &= v;
		break;
	case BPF_LSH: /* as Linux and its processors, modulo 32 */
		vm->a <<= v % BPF_SHIFT_BITS;
		break;
	case BPF_RSH:
		vm->a >>= v % BPF_SHIFT_BITS;
		break;
	case BPF_NEG:
		vm->a = 0 - vm->a;
		break;
	case BPF_MOD:
		vm->a %= v;
		break;
	default: /* BPF_XOR */
		vm->a ^= v;
		break;
	}
	return true;
}

static uint32_t vm_jump(const struct bpf_vm *vm, const struct bpf_insn *in)
{
	uint32_t v = in->code & BPF_X ? vm->x : in->k;
	bool yes;

	switch (in->code & BPF_OP_MASK) {
	case BPF_JA:
		return in->k;
	case BPF_JEQ:
		yes = vm->a == v;
		break;
	case BPF_JGT:
		yes = vm->a > v;
		break;
	case BPF_JGE:
		yes = vm->a >= v;
		break;
	default: /* BPF_JSET */
		yes = vm->a & v;
		break;
	}
	return yes ? in->jt : in->jf;
}

uint32_t bpf_run(const struct bpf_insn *prog, const struct bpf_view *view)
{
	struct bpf_vm vm = {.view = view};

	for (const struct bpf_insn *in = prog;; in++) {
		switch (in->code & BPF_CLASS_MASK) {
		case BPF_LD:
			if (!vm_load(&vm, in))
				return 0;
			break;
		case BPF_LDX:
			if (!vm_load_x(&vm, in))
				return 0;
			break;
		case BPF_ST:
			vm.mem[in->k] = vm.a;
			break;
		case BPF_STX:
			vm.mem[in->k] = vm.x;
			break;
		case BPF_ALU:
			if (!vm_alu(&vm, in))
				return 0;
			break;
		case BPF_JMP:
			in += vm_jump(&vm, in);
			break;
		case BPF_RET:
			return in->code & BPF_A ? vm.a : in->k;
		default: /* BPF_MISC */
			if (in->code & BPF_TXA)
				vm.a = vm.x;
			else
				vm.x = vm.a;
		}
	}
}
