/* SPDX-License-Identifier: MIT */
/*
 * The largest of the last `len` units of any counter that never falls, in constant memory (K.
 * Nichols): the best, the best since it, and the best since that one.
 */
#pragma once

#include <stdint.h>

struct cc_filter {
	uint64_t v[3]; /* never rising */
	uint32_t t[3]; /* never falling */
};

static inline uint64_t cc_filter_max(const struct cc_filter *f)
{
	return f->v[0];
}

static inline void cc_filter_reset(struct cc_filter *f, uint32_t t, uint64_t v)
{
	for (int i = 0; i < 3; i++) {
		f->v[i] = v;
		f->t[i] = t;
	}
}

/* Forgets the best. */
static inline void cc_filter_shift(struct cc_filter *f, uint32_t t, uint64_t v)
{
	f->v[0] = f->v[1];
	f->t[0] = f->t[1];
	f->v[1] = f->v[2];
	f->t[1] = f->t[2];
	f->v[2] = v;
	f->t[2] = t;
}

static inline void cc_filter_add(struct cc_filter *f, uint32_t len, uint32_t t, uint64_t v)
{
	if (v >= f->v[0] || t - f->t[2] > len) {
		cc_filter_reset(f, t, v);
		return;
	}
	if (v >= f->v[1]) {
		f->v[1] = f->v[2] = v;
		f->t[1] = f->t[2] = t;
	} else if (v >= f->v[2]) {
		f->v[2] = v;
		f->t[2] = t;
	}
	if (t - f->t[0] > len) {
		cc_filter_shift(f, t, v);
		if (t - f->t[0] > len)
			cc_filter_shift(f, t, v);
	} else if (f->t[1] == f->t[0] && t - f->t[1] > len / 4) {
		/* A quarter of the window without a second best: take one of the second quarter. */
		f->v[1] = f->v[2] = v;
		f->t[1] = f->t[2] = t;
	} else if (f->t[2] == f->t[1] && t - f->t[2] > len / 2) {
		f->v[2] = v;
		f->t[2] = t;
	}
}
