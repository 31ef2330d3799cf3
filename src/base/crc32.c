/* SPDX-License-Identifier: MIT */
/*
 * CRCs in plain C, eight bytes at a time ("slicing by 8"): table[k][b] is what byte b contributes
 * when k more bytes follow it in the block.
 *
 * A CRC is linear, so an entry is the xor of what the bits of b contribute, and a table is made of
 * eight constants. Those of table k are x^(8k+1) ... x^(8k+8): the state 1 after so many steps of
 * the shift register (shift right; when a one falls out, xor the polynomial). Bit 7 of b is the
 * first of them, since seven of the steps only bring it to the end of the register.
 */
#include "base/crc32.h"

#include "base/cpu_priv.h"
#include "base/load.h"

#define CRC_BIT(b, bit, x) ((b) & (bit) ? (x) : 0U)
#define CRC_ENTRY(b, x1, x2, x3, x4, x5, x6, x7, x8)                                              \
	(CRC_BIT(b, 128U, x1) ^ CRC_BIT(b, 64U, x2) ^ CRC_BIT(b, 32U, x3) ^ CRC_BIT(b, 16U, x4) ^ \
	 CRC_BIT(b, 8U, x5) ^ CRC_BIT(b, 4U, x6) ^ CRC_BIT(b, 2U, x7) ^ CRC_BIT(b, 1U, x8))
#define CRC_4(b, ...)                                                  \
	CRC_ENTRY((b), __VA_ARGS__), CRC_ENTRY((b) + 1U, __VA_ARGS__), \
		CRC_ENTRY((b) + 2U, __VA_ARGS__), CRC_ENTRY((b) + 3U, __VA_ARGS__)
#define CRC_16(b, ...)                                                                       \
	CRC_4((b), __VA_ARGS__), CRC_4((b) + 4U, __VA_ARGS__), CRC_4((b) + 8U, __VA_ARGS__), \
		CRC_4((b) + 12U, __VA_ARGS__)
#define CRC_64(b, ...)                                                                            \
	CRC_16((b), __VA_ARGS__), CRC_16((b) + 16U, __VA_ARGS__), CRC_16((b) + 32U, __VA_ARGS__), \
		CRC_16((b) + 48U, __VA_ARGS__)
#define CRC_TABLE(...)                                                                        \
	{                                                                                     \
		CRC_64(0U, __VA_ARGS__), CRC_64(64U, __VA_ARGS__), CRC_64(128U, __VA_ARGS__), \
			CRC_64(192U, __VA_ARGS__)                                             \
	}

/* Polynomial 0xedb88320. */
static const uint32_t crc32_table[8][256] = {
	CRC_TABLE(0xedb88320, 0x76dc4190, 0x3b6e20c8, 0x1db71064, 0x0edb8832, 0x076dc419,
		  0xee0e612c, 0x77073096),
	CRC_TABLE(0x3b83984b, 0xf0794f05, 0x958424a2, 0x4ac21251, 0xc8d98a08, 0x646cc504,
		  0x32366282, 0x191b3141),
	CRC_TABLE(0xe1351b80, 0x709a8dc0, 0x384d46e0, 0x1c26a370, 0x0e1351b8, 0x0709a8dc,
		  0x0384d46e, 0x01c26a37),
	CRC_TABLE(0xed59b63b, 0x9b14583d, 0xa032af3e, 0x5019579f, 0xc5b428ef, 0x8f629757,
		  0xaa09c88b, 0xb8bc6765),
	CRC_TABLE(0xb1e6b092, 0x58f35849, 0xc1c12f04, 0x60e09782, 0x30704bc1, 0xf580a6c0,
		  0x7ac05360, 0x3d6029b0),
	CRC_TABLE(0x1eb014d8, 0x0f580a6c, 0x07ac0536, 0x03d6029b, 0xec53826d, 0x9b914216,
		  0x4dc8a10b, 0xcb5cd3a5),
	CRC_TABLE(0x8816eaf2, 0x440b7579, 0xcfbd399c, 0x67de9cce, 0x33ef4e67, 0xf44f2413,
		  0x979f1129, 0xa6770bb4),
	CRC_TABLE(0x533b85da, 0x299dc2ed, 0xf9766256, 0x7cbb312b, 0xd3e51bb5, 0x844a0efa,
		  0x4225077d, 0xccaa009e),
};

/* Polynomial 0x82f63b78. */
static const uint32_t crc32c_table[8][256] = {
	CRC_TABLE(0x82f63b78, 0x417b1dbc, 0x20bd8ede, 0x105ec76f, 0x8ad958cf, 0xc79a971f,
		  0xe13b70f7, 0xf26b8303),
	CRC_TABLE(0xfbc3faf9, 0xff17c604, 0x7f8be302, 0x3fc5f181, 0x9d14c3b8, 0x4e8a61dc,
		  0x274530ee, 0x13a29877),
	CRC_TABLE(0x8b277743, 0xc76580d9, 0xe144fb14, 0x70a27d8a, 0x38513ec5, 0x9edea41a,
		  0x4f6f520d, 0xa541927e),
	CRC_TABLE(0x52a0c93f, 0xaba65fe7, 0xd725148b, 0xe964b13d, 0xf64463e6, 0x7b2231f3,
		  0xbf672381, 0xdd45aab8),
	CRC_TABLE(0x6ea2d55c, 0x37516aae, 0x1ba8b557, 0x8f2261d3, 0xc5670b91, 0xe045beb0,
		  0x7022df58, 0x38116fac),
	CRC_TABLE(0x1c08b7d6, 0x0e045beb, 0x85f4168d, 0xc00c303e, 0x6006181f, 0xb2f53777,
		  0xdb8ca0c3, 0xef306b19),
	CRC_TABLE(0xf56e0ef4, 0x7ab7077a, 0x3d5b83bd, 0x9c5bfaa6, 0x4e2dfd53, 0xa5e0c5d1,
		  0xd0065990, 0x68032cc8),
	CRC_TABLE(0x34019664, 0x1a00cb32, 0x0d006599, 0x847609b4, 0x423b04da, 0x211d826d,
		  0x9278fa4e, 0x493c7d27),
};

static ALWAYS_INLINE uint32_t crc_run(const uint32_t table[8][256], const uint8_t *p, size_t len,
				      uint32_t state)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t a = state ^ load_le32(p), b = load_le32(p + 4);

		state = table[7][a & 0xff] ^ table[6][a >> 8 & 0xff] ^ table[5][a >> 16 & 0xff] ^
			table[4][a >> 24] ^ table[3][b & 0xff] ^ table[2][b >> 8 & 0xff] ^
			table[1][b >> 16 & 0xff] ^ table[0][b >> 24];
	}
	for (; len > 0; p++, len--)
		state = state >> 8 ^ table[0][(state ^ *p) & 0xff];
	return state;
}

uint32_t crc32(const void *buf, size_t len, uint32_t crc)
{
	return ~crc_run(crc32_table, buf, len, ~crc);
}

uint32_t crc32c_scalar(const void *buf, size_t len, uint32_t crc)
{
	return ~crc_run(crc32c_table, buf, len, ~crc);
}
