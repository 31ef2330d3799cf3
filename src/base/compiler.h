/* SPDX-License-Identifier: MIT */
/*
 * The few compiler attributes that the tree uses, under one name each. Nothing else in the tree
 * writes __attribute__ or __builtin_expect.
 */
#pragma once

#include <stddef.h>

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ALWAYS_INLINE          inline __attribute__((always_inline))
#define CACHE_LINE             64
#define CACHE_ALIGNED          __attribute__((aligned(CACHE_LINE)))
#define UNUSED                 __attribute__((unused))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of type `type` whose member `member` lives at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
