/* SPDX-License-Identifier: MIT */
/*
 * Marks memory that nobody may touch, such as a pool's free objects, for AddressSanitizer; without
 * it both do nothing.
 */
#pragma once

#include <stddef.h>

#if defined(__has_feature)
#define POISON_HAS_FEATURE(x) __has_feature(x)
#else
#define POISON_HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || POISON_HAS_FEATURE(address_sanitizer)

#include <sanitizer/asan_interface.h>

static inline void poison(const void *p, size_t len)
{
	__asan_poison_memory_region(p, len);
}

static inline void unpoison(const void *p, size_t len)
{
	__asan_unpoison_memory_region(p, len);
}

#else

static inline void poison(const void *p, size_t len)
{
	(void)p;
	(void)len;
}

static inline void unpoison(const void *p, size_t len)
{
	(void)p;
	(void)len;
}

#endif
