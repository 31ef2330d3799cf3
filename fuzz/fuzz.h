/* SPDX-License-Identifier: MIT */
/* What a fuzz target defines; libFuzzer or standalone.c calls it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Runs one input: `data` is a heap block of exactly `size` bytes. Returns 0; aborts on a finding.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
