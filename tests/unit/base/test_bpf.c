/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF: what may be attached, what each instruction does, and the interpreter of libpcap as
 * a twin for random programs and packets.
 */
#include "base/bpf.h"

#include <errno.h>
#include <stdio.h>

#include "prng.h"
#include "unit.h"

/* Of libpcap, whose header cannot be included beside ours; struct bpf_insn is the same there. */
unsigned int bpf_filter(const struct bpf_insn *prog, const unsigned char *pkt,
			unsigned int wire_len, unsigned int len);
int bpf_validate(const struct bpf_insn *prog, int len);

#define STMT(code_, k_)                    \
	{                                  \
		.code = (code_), .k = (k_) \
	}
#define JUMP(code_, k_, jt_, jf_)                                    \
	{                                                            \
		.code = (code_), .k = (k_), .jt = (jt_), .jf = (jf_) \
	}
#define RET_A STMT(BPF_RET | BPF_A, 0)
#define assert_valid(...)                                                 \
	do {                                                              \
		const struct bpf_insn prog_[] = {__VA_ARGS__};            \
		assert_int_equal(bpf_check(prog_, ARRAY_SIZE(prog_)), 0); \
	} while (0)
#define assert_refused(...)                                                     \
	do {                                                                    \
		const struct bpf_insn prog_[] = {__VA_ARGS__};                  \
		assert_int_equal(bpf_check(prog_, ARRAY_SIZE(prog_)), -EINVAL); \
	} while (0)
#define run(view_, ...)                                     \
	run_checked((const struct bpf_insn[]){__VA_ARGS__}, \
		    ARRAY_SIZE(((const struct bpf_insn[]){__VA_ARGS__})), view_)

static const uint8_t bytes[] = {0x45, 0x01, 0x02, 0x03, 0x04, 0x85, 0xff, 0x80};
static const struct bpf_view eight = {.data = bytes, .lin_len = 8, .len = 8};

static uint32_t run_checked(const struct bpf_insn *prog, uint32_t n, const struct bpf_view *view)
{
	assert_int_equal(bpf_check(prog, n), 0);
	return bpf_run(prog, view);
}

/* What may be attached */

static void program_without_a_return_at_its_end_is_refused(void **state UNUSED)
{
	assert_valid(STMT(BPF_RET | BPF_K, 1));
	assert_refused(STMT(BPF_LD | BPF_IMM, 1));
	assert_refused(RET_A, STMT(BPF_MISC | BPF_TAX, 0));
	assert_int_equal(bpf_check(NULL, 0), -EINVAL);
}

static void program_of_4096_instructions_is_the_longest(void **state UNUSED)
{
	static struct bpf_insn prog[BPF_INSNS_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(prog); i++)
		prog[i] = (struct bpf_insn){.code = BPF_RET | BPF_K};
	assert_int_equal(bpf_check(prog, BPF_INSNS_MAX), 0);
	assert_int_equal(bpf_check(prog, BPF_INSNS_MAX + 1), -EINVAL);
}

static void code_with_bits_that_mean_nothing_is_refused(void **state UNUSED)
{
	assert_refused(STMT(BPF_RET | BPF_X, 0), RET_A);
	assert_refused(STMT(BPF_LDX | BPF_ABS, 0), RET_A);
	assert_refused(STMT(BPF_LD | BPF_B | BPF_LEN, 0), RET_A);
	assert_refused(STMT(BPF_LD | BPF_MSH, 0), RET_A);
	assert_refused(STMT(BPF_ALU | BPF_NEG | BPF_X, 0), RET_A);
	assert_refused(STMT(BPF_ALU | 0xb0, 1), RET_A);
	assert_refused(STMT(BPF_JMP | 0x50, 0), RET_A);
	assert_refused(STMT(BPF_JMP | BPF_JA | BPF_X, 0), RET_A);
	assert_refused(STMT(0x100 | BPF_ALU | BPF_ADD, 0), RET_A);
	assert_refused(STMT(BPF_ST | BPF_X, 0), RET_A);
}

static void jump_out_of_the_program_is_refused(void **state UNUSED)
{
	assert_valid(JUMP(BPF_JMP | BPF_JEQ, 0, 0, 1), RET_A, RET_A);
	assert_refused(JUMP(BPF_JMP | BPF_JEQ, 0, 0, 2), RET_A, RET_A);
	assert_refused(JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 2, 0), RET_A, RET_A);
	assert_valid(STMT(BPF_JMP | BPF_JA, 1), RET_A, RET_A);
	assert_refused(STMT(BPF_JMP | BPF_JA, 2), RET_A, RET_A);
	assert_refused(STMT(BPF_JMP | BPF_JA, UINT32_MAX), RET_A, RET_A);
}

static void constant_that_no_instruction_can_have_is_refused(void **state UNUSED)
{
	assert_refused(STMT(BPF_ALU | BPF_DIV, 0), RET_A);
	assert_refused(STMT(BPF_ALU | BPF_MOD, 0), RET_A);
	assert_valid(STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RET_A);
	assert_valid(STMT(BPF_ALU | BPF_LSH, 31), RET_A);
	assert_refused(STMT(BPF_ALU | BPF_LSH, 32), RET_A);
	assert_refused(STMT(BPF_ALU | BPF_RSH, 32), RET_A);
	assert_valid(STMT(BPF_ST, 15), RET_A);
	assert_refused(STMT(BPF_ST, 16), RET_A);
	assert_refused(STMT(BPF_STX, 16), RET_A);
	assert_refused(STMT(BPF_LD | BPF_MEM, 16), RET_A);
}

static void ancillary_load_that_is_not_known_is_refused(void **state UNUSED)
{
	assert_valid(STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_AD_OFF + BPF_AD_PKTTYPE), RET_A);
	assert_valid(STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)BPF_AD_OFF + BPF_AD_RANDOM), RET_A);
	assert_refused(STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_AD_OFF + 1), RET_A);
	assert_refused(STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_AD_OFF + BPF_AD_MAX), RET_A);
	assert_valid(STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_NET_OFF), RET_A);
	assert_valid(STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_AD_OFF - 1), RET_A);
}

static void memory_read_before_it_is_written_is_refused(void **state UNUSED)
{
	assert_refused(STMT(BPF_LD | BPF_MEM, 0), RET_A);
	assert_valid(STMT(BPF_ST, 0), STMT(BPF_LD | BPF_MEM, 0), RET_A);
	assert_refused(STMT(BPF_ST, 0), STMT(BPF_LDX | BPF_MEM, 1), RET_A);
	/* Written on one of two ways only. */
	assert_refused(JUMP(BPF_JMP | BPF_JEQ, 0, 1, 0), STMT(BPF_ST, 3), STMT(BPF_LD | BPF_MEM, 3),
		       RET_A);
	/* On both. */
	assert_valid(JUMP(BPF_JMP | BPF_JEQ, 0, 2, 0), STMT(BPF_ST, 3), STMT(BPF_JMP | BPF_JA, 1),
		     STMT(BPF_STX, 3), STMT(BPF_LD | BPF_MEM, 3), RET_A);
	/* A part that nobody jumps to may do as it likes. */
	assert_valid(STMT(BPF_JMP | BPF_JA, 1), STMT(BPF_LD | BPF_MEM, 3), RET_A);
}

/* What instructions do */

static void loads_are_big_endian_and_of_their_size(void **state UNUSED)
{
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_W | BPF_ABS, 1), RET_A), 0x01020304);
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_H | BPF_ABS, 5), RET_A), 0x85ff);
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_B | BPF_ABS, 7), RET_A), 0x80);
	assert_int_equal(
		run(&eight, STMT(BPF_LDX | BPF_IMM, 2), STMT(BPF_LD | BPF_B | BPF_IND, 3), RET_A),
		0x85);
	assert_int_equal(
		run(&eight, STMT(BPF_LDX | BPF_B | BPF_MSH, 0), STMT(BPF_MISC | BPF_TXA, 0), RET_A),
		20);
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_W | BPF_LEN, 0), RET_A), 8);
}

static void load_from_outside_of_the_packet_ends_with_0(void **state UNUSED)
{
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_W | BPF_ABS, 5), STMT(BPF_RET, 9)), 0);
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_B | BPF_ABS, 8), STMT(BPF_RET, 9)), 0);
	assert_int_equal(run(&eight, STMT(BPF_LDX | BPF_B | BPF_MSH, 8), STMT(BPF_RET, 9)), 0);
	assert_int_equal(run(&eight, STMT(BPF_LD | BPF_W | BPF_ABS, 0x7ffffffe), STMT(BPF_RET, 9)),
			 0);
	assert_int_equal(
		run(&eight, STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_LL_OFF), STMT(BPF_RET, 9)),
		0);
	/* The index wraps as in Linux. */
	assert_int_equal(run(&eight, STMT(BPF_LDX | BPF_IMM, UINT32_MAX),
			     STMT(BPF_LD | BPF_B | BPF_IND, 2), RET_A),
			 0x01);
}

static void division_by_zero_in_x_ends_with_0(void **state UNUSED)
{
	assert_int_equal(run(&eight, STMT(BPF_ALU | BPF_DIV | BPF_X, 0), STMT(BPF_RET, 9)), 0);
	assert_int_equal(run(&eight, STMT(BPF_ALU | BPF_MOD | BPF_X, 0), STMT(BPF_RET, 9)), 0);
}

static void shift_by_x_is_modulo_32(void **state UNUSED)
{
	assert_int_equal(run(&eight, STMT(BPF_LDX | BPF_IMM, 33), STMT(BPF_LD | BPF_IMM, 3),
			     STMT(BPF_ALU | BPF_LSH | BPF_X, 0), RET_A),
			 6);
	assert_int_equal(run(&eight, STMT(BPF_LDX | BPF_IMM, 33), STMT(BPF_LD | BPF_IMM, 6),
			     STMT(BPF_ALU | BPF_RSH | BPF_X, 0), RET_A),
			 3);
}

struct asked {
	int32_t off;
	uint32_t n;
	enum bpf_ad what;
};

static bool load_asked(void *ctx, int32_t off, uint32_t n, uint8_t *ret)
{
	*(struct asked *)ctx = (struct asked){.off = off, .n = n};
	memset(ret, 0x11, n);
	return true;
}

static uint32_t ancillary_asked(void *ctx, enum bpf_ad what)
{
	((struct asked *)ctx)->what = what;
	return 77;
}

static void what_is_not_in_the_linear_bytes_is_asked_for(void **state UNUSED)
{
	struct asked asked = {0};
	const struct bpf_view view = {.data = bytes,
				      .lin_len = 4,
				      .len = 8,
				      .ctx = &asked,
				      .load = load_asked,
				      .ancillary = ancillary_asked};

	assert_int_equal(run(&view, STMT(BPF_LD | BPF_H | BPF_ABS, 3), RET_A), 0x1111);
	assert_int_equal(asked.off, 3);
	assert_int_equal(asked.n, 2);
	assert_int_equal(
		run(&view, STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)BPF_NET_OFF + 9), RET_A), 0x11);
	assert_int_equal(asked.off, BPF_NET_OFF + 9);
	assert_int_equal(run(&view,
			     STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_AD_OFF + BPF_AD_IFINDEX),
			     RET_A),
			 77);
	assert_int_equal(asked.what, BPF_AD_IFINDEX);
	assert_int_equal(
		run(&view, STMT(BPF_LDX | BPF_IMM, 5), STMT(BPF_LD | BPF_IMM, 6),
		    STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)BPF_AD_OFF + BPF_AD_ALU_XOR_X), RET_A),
		3);
}

/* Against libpcap */

enum {
	PROG_MAX = 40,
	PKT_MAX = 64,
};

static const uint16_t codes[] = {
	BPF_LD | BPF_W | BPF_ABS,
	BPF_LD | BPF_H | BPF_ABS,
	BPF_LD | BPF_B | BPF_ABS,
	BPF_LD | BPF_B | BPF_IND,
	BPF_LD | BPF_H | BPF_IND,
	BPF_LD | BPF_W | BPF_LEN,
	BPF_LD | BPF_IMM,
	BPF_LD | BPF_MEM,
	BPF_LDX | BPF_W | BPF_LEN,
	BPF_LDX | BPF_B | BPF_MSH,
	BPF_LDX | BPF_IMM,
	BPF_LDX | BPF_MEM,
	BPF_ST,
	BPF_STX,
	BPF_ALU | BPF_ADD,
	BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB,
	BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL,
	BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_DIV,
	BPF_ALU | BPF_DIV | BPF_X,
	BPF_ALU | BPF_MOD,
	BPF_ALU | BPF_MOD | BPF_X,
	BPF_ALU | BPF_OR,
	BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_AND,
	BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_XOR,
	BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_LSH,
	BPF_ALU | BPF_RSH,
	BPF_ALU | BPF_NEG,
	BPF_JMP | BPF_JA,
	BPF_JMP | BPF_JEQ,
	BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGT,
	BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JGE,
	BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET,
	BPF_JMP | BPF_JSET | BPF_X,
	BPF_MISC | BPF_TAX,
	BPF_MISC | BPF_TXA,
	BPF_RET | BPF_A,
	BPF_RET | BPF_K,
};

/* A constant that the instruction may have, most of the time. */
static uint32_t random_k(struct prng *r, uint16_t code)
{
	switch (code & 7) {
	case BPF_LD:
	case BPF_LDX:
		return (uint32_t)prng_below(r,
					    (code & 0xe0) == BPF_MEM ? BPF_MEM_WORDS : PKT_MAX / 2);
	case BPF_ST:
	case BPF_STX:
		return (uint32_t)prng_below(r, BPF_MEM_WORDS);
	case BPF_ALU:
		return (uint32_t)prng_below(r, 32);
	default:
		return (uint32_t)prng_below(r, 300);
	}
}

static uint32_t random_prog(struct prng *r, struct bpf_insn *prog)
{
	uint32_t n = 2 + (uint32_t)prng_below(r, PROG_MAX - 1);

	for (uint32_t i = 0; i < n; i++) {
		struct bpf_insn *in = &prog[i];
		uint32_t n_left = n - i;

		in->code = codes[prng_below(r, ARRAY_SIZE(codes))];
		if (prng_below(r, 8) && (in->code & 7) == BPF_RET)
			in->code = BPF_MISC | BPF_TXA;
		in->k = in->code == (BPF_JMP | BPF_JA) ? (uint32_t)prng_below(r, n_left)
						       : random_k(r, in->code);
		in->jt = (uint8_t)prng_below(r, n_left);
		in->jf = (uint8_t)prng_below(r, n_left);
		if (prng_below(r, 2000) == 0)
			in->code ^= (uint16_t)(1u << prng_below(r, 16));
	}
	prog[n - 1] = (struct bpf_insn){.code = BPF_RET | BPF_A};
	return n;
}

static bool is_indexed(const struct bpf_insn *in)
{
	return (in->code & 0xe7) == (BPF_LD | BPF_IND);
}

/* From `i` on an index is used that has not been made small. */
static bool leads_to_index(const struct bpf_insn *prog, uint32_t n, uint32_t i)
{
	return i < n && (is_indexed(&prog[i]) || (i + 1 < n && is_indexed(&prog[i + 1])));
}

/* libpcap takes an index that wraps for a load from outside; so that both agree, every one is made
 * small, and no jump passes that by. */
static uint32_t tame_indexes(struct bpf_insn *prog, uint32_t n)
{
	struct bpf_insn out[4 * PROG_MAX];
	uint32_t n_out = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (is_indexed(&prog[i])) {
			out[n_out++] = (struct bpf_insn){.code = BPF_MISC | BPF_TXA};
			out[n_out++] = (struct bpf_insn){.code = BPF_ALU | BPF_AND, .k = 0xff};
			out[n_out++] = (struct bpf_insn){.code = BPF_MISC | BPF_TAX};
		}
		out[n_out++] = prog[i];
	}
	for (uint32_t i = 0; i < n_out; i++) {
		bool is_ja = out[i].code == (BPF_JMP | BPF_JA);

		if ((out[i].code & 7) == BPF_JMP &&
		    (leads_to_index(out, n_out, i + 1 + (is_ja ? out[i].k : out[i].jt)) ||
		     leads_to_index(out, n_out, i + 1 + (is_ja ? 0 : out[i].jf))))
			out[i] = (struct bpf_insn){.code = BPF_ALU | BPF_NEG};
	}
	memcpy(prog, out, n_out * sizeof(*prog));
	return n_out;
}

static void random_programs_do_what_they_do_in_libpcap(void **state UNUSED)
{
	struct bpf_insn prog[4 * PROG_MAX];
	struct prng r = prng_make();
	uint8_t pkt[PKT_MAX];
	uint32_t n_run = 0, n_taken = 0;

	for (int i = 0; i < 60000; i++) {
		uint32_t n = tame_indexes(prog, random_prog(&r, prog));
		struct bpf_view view = {.data = pkt, .len = (uint32_t)prng_below(&r, PKT_MAX + 1)};

		view.lin_len = view.len;
		if (bpf_check(prog, n))
			continue;
		/* What is valid here is valid there; libpcap does not look at memory. */
		assert_true(bpf_validate(prog, (int)n));
		for (size_t j = 0; j < sizeof(pkt); j++)
			pkt[j] = (uint8_t)prng_u64(&r);
		assert_int_equal(bpf_run(prog, &view), bpf_filter(prog, pkt, view.len, view.len));
		n_taken += bpf_run(prog, &view) != 0;
		n_run++;
	}
	printf("%u programs run, %u took their packet\n", n_run, n_taken);
	assert_true(n_run > 1000 && n_taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_without_a_return_at_its_end_is_refused),
		cmocka_unit_test(program_of_4096_instructions_is_the_longest),
		cmocka_unit_test(code_with_bits_that_mean_nothing_is_refused),
		cmocka_unit_test(jump_out_of_the_program_is_refused),
		cmocka_unit_test(constant_that_no_instruction_can_have_is_refused),
		cmocka_unit_test(ancillary_load_that_is_not_known_is_refused),
		cmocka_unit_test(memory_read_before_it_is_written_is_refused),
		cmocka_unit_test(loads_are_big_endian_and_of_their_size),
		cmocka_unit_test(load_from_outside_of_the_packet_ends_with_0),
		cmocka_unit_test(division_by_zero_in_x_ends_with_0),
		cmocka_unit_test(shift_by_x_is_modulo_32),
		cmocka_unit_test(what_is_not_in_the_linear_bytes_is_asked_for),
		cmocka_unit_test(random_programs_do_what_they_do_in_libpcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
