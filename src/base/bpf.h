/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF: the kernel's packet filter language (Linux's Documentation/networking/filter.rst),
 * for programs that an application attaches to a socket.
 *
 * How it works: a machine with an accumulator A, an index register X and 16 words of memory. Jumps
 * go forward only, so a program ends after at most as many steps as it has instructions; a load
 * from outside of the packet and a division by zero end it with 0. bpf_check() accepts exactly
 * what Linux accepts, and only checked programs may be run: bpf_run() relies on the checks (jumps
 * inside the program, memory written before it is read, the last instruction is a return).
 *
 * This file knows no packets: who runs a program describes the packet by a struct bpf_view.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
	BPF_INSNS_MAX = 4096, /* Linux's BPF_MAXINSNS */
	BPF_MEM_WORDS = 16,
};

/* As Linux's struct sock_filter, byte by byte. */
struct bpf_insn {
	uint16_t code;
	uint8_t jt, jf; /* instructions to skip when a condition holds, and when not */
	uint32_t k;
};

/* Instruction codes are put together from these, as everywhere. */
enum {
	BPF_LD = 0x00,
	BPF_LDX = 0x01,
	BPF_ST = 0x02,
	BPF_STX = 0x03,
	BPF_ALU = 0x04,
	BPF_JMP = 0x05,
	BPF_RET = 0x06,
	BPF_MISC = 0x07,
	/* loads: size and place */
	BPF_W = 0x00,
	BPF_H = 0x08,
	BPF_B = 0x10,
	BPF_IMM = 0x00,
	BPF_ABS = 0x20,
	BPF_IND = 0x40,
	BPF_MEM = 0x60,
	BPF_LEN = 0x80,
	BPF_MSH = 0xa0,
	/* arithmetic and jumps */
	BPF_ADD = 0x00,
	BPF_SUB = 0x10,
	BPF_MUL = 0x20,
	BPF_DIV = 0x30,
	BPF_OR = 0x40,
	BPF_AND = 0x50,
	BPF_LSH = 0x60,
	BPF_RSH = 0x70,
	BPF_NEG = 0x80,
	BPF_MOD = 0x90,
	BPF_XOR = 0xa0,
	BPF_JA = 0x00,
	BPF_JEQ = 0x10,
	BPF_JGT = 0x20,
	BPF_JGE = 0x30,
	BPF_JSET = 0x40,
	/* operand; of returns also A */
	BPF_K = 0x00,
	BPF_X = 0x08,
	BPF_A = 0x10,
	/* register moves */
	BPF_TAX = 0x00,
	BPF_TXA = 0x80,
};

/* Places of a load that are not bytes of the packet but what is known about it: k is
 * BPF_AD_OFF plus one of them. */
enum bpf_ad {
	BPF_AD_PROTOCOL = 0,
	BPF_AD_PKTTYPE = 4,
	BPF_AD_IFINDEX = 8,
	BPF_AD_NLATTR = 12,
	BPF_AD_NLATTR_NEST = 16,
	BPF_AD_MARK = 20,
	BPF_AD_QUEUE = 24,
	BPF_AD_HATYPE = 28,
	BPF_AD_RXHASH = 32,
	BPF_AD_CPU = 36,
	BPF_AD_ALU_XOR_X = 40, /* no load: A becomes A xor X */
	BPF_AD_VLAN_TAG = 44,
	BPF_AD_VLAN_TAG_PRESENT = 48,
	BPF_AD_PAY_OFFSET = 52,
	BPF_AD_RANDOM = 56,
	BPF_AD_VLAN_TPID = 60,
	BPF_AD_MAX = 64,
};

static const int32_t BPF_AD_OFF = -0x1000;
static const int32_t BPF_NET_OFF = -0x100000; /* from here on: bytes from the network header on */
static const int32_t BPF_LL_OFF = -0x200000;  /* from here on: bytes from the link header on */

/* A packet as a program sees it. */
struct bpf_view {
	const uint8_t *data; /* its first bytes, */
	uint32_t lin_len;    /* as many as lie there, */
	uint32_t len;        /* of so many */
	void *ctx;           /* for the functions below, each of which may be NULL */
	/* `n` bytes (1, 2 or 4) at an offset that is not, or not wholly, in `data`: beyond it, or
	 * below 0 from BPF_LL_OFF or BPF_NET_OFF on. False: there are none. */
	bool (*load)(void *ctx, int32_t off, uint32_t n, uint8_t *ret);
	/* What is known about the packet. */
	uint32_t (*ancillary)(void *ctx, enum bpf_ad what);
};

/* 0, or -EINVAL: Linux would not attach it. */
int bpf_check(const struct bpf_insn *prog, uint32_t n_insns) MUST_CHECK;
/* What a checked program returns for a packet: how many of its bytes to keep; 0: not this one. */
uint32_t bpf_run(const struct bpf_insn *prog, const struct bpf_view *view);
