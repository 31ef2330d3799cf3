/* SPDX-License-Identifier: MIT */
/* Closeness is the number of letters inserted, deleted, changed or swapped with their neighbour. */
#include "lab/suggest.h"

#include <stdint.h>
#include <string.h>

enum {
	SUGGEST_MAX_LEN = 64, /* longer words are not compared */
};

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment, by rows: only the last three are needed. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	uint8_t rows[3][SUGGEST_MAX_LEN + 1];
	uint8_t *prev2 = rows[0], *prev = rows[1], *cur = rows[2], *spare;

	for (size_t j = 0; j <= b_len; j++) {
		cur[j] = (uint8_t)j;
		prev[j] = (uint8_t)j; /* never read, but the compiler cannot know */
	}
	for (size_t i = 1; i <= a_len; i++) {
		spare = prev2;
		prev2 = prev;
		prev = cur;
		cur = spare;
		cur[0] = (uint8_t)i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t d = prev[j - 1] + (size_t)(lower(a[i - 1]) != lower(b[j - 1]));

			d = min2(d, min2(prev[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				d = min2(d, prev2[j - 2] + (size_t)1);
			cur[j] = (uint8_t)d;
		}
	}
	return cur[b_len];
}

struct lab_suggest lab_suggest_start(const char *word)
{
	/* One mistake in three letters; beyond that, it is another word. */
	return (struct lab_suggest){.word = word, .best_distance = (strlen(word) + 2) / 3 + 1};
}

void lab_suggest_try(struct lab_suggest *s, const char *name)
{
	size_t a_len = strlen(s->word), b_len = strlen(name), d;

	if (a_len > SUGGEST_MAX_LEN || b_len > SUGGEST_MAX_LEN)
		return;
	if ((a_len > b_len ? a_len - b_len : b_len - a_len) >= s->best_distance)
		return;
	d = edit_distance(s->word, a_len, name, b_len);
	if (d < s->best_distance) {
		s->best = name;
		s->best_distance = d;
	}
}
