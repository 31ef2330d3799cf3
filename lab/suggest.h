/* SPDX-License-Identifier: MIT */
/* "Did you mean": the closest of some names to a word that is none of them. */
#pragma once

#include <stddef.h>

struct lab_suggest {
	const char *word;
	const char *best; /* NULL: nothing is close enough */
	size_t best_distance;
};

struct lab_suggest lab_suggest_start(const char *word);

/* Offers a name; of equally close ones the first stays. */
void lab_suggest_try(struct lab_suggest *s, const char *name);
