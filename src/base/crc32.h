/* SPDX-License-Identifier: MIT */
/*
 * Cyclic redundancy checks, both reflected, starting from and ending with all ones:
 * CRC-32 of IEEE 802.3 (Ethernet's FCS, zlib) and CRC-32C of Castagnoli (SCTP, RFC 9260; iSCSI).
 *
 * `crc` is 0 to begin with; the result of one call continues in the next. The Ethernet FCS and the
 * SCTP checksum are sent with store_le32().
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"

uint32_t crc32(const void *buf, size_t len, uint32_t crc);

static inline uint32_t crc32c(const struct cpu_ops *cpu, const void *buf, size_t len, uint32_t crc)
{
	return cpu->crc32c(buf, len, crc);
}
