/* SPDX-License-Identifier: MIT */
/*
 * Whether a loop looks for a moment before it sleeps: where messages go to and fro, the next one
 * comes sooner than a process falls asleep and is woken.
 *
 * How it works: nothing here knows what a machine's wake-ups cost, nor who else wants its CPUs, so
 * it is tried. While waits are short and frames are small, turns are measured in phases, of one way
 * and now and then of the other, by the time that a frame takes. Looking is chosen when it saves an
 * eighth, since it costs the CPU that a sleeper leaves to others. A few long waits, or large frames
 * (of which more come together when one sleeps), end it at once:
 *
 *	        short waits, small frames           a phase of each
 *	asleep ---------------------------> tried ------------------> the better, tried anew in turn
 *	   ^                                  |                                |
 *	   +----------------------------------+--------------------------------+  long waits, bulk
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct busy {
	int64_t max_ns;  /* to look for; 0: never */
	uint32_t credit; /* of short waits */
	bool is_looking; /* in this phase */
	/* The phase. */
	uint32_t n_turns, n_frames;
	int64_t took_ns, last_ns; /* turns, without what is beyond a bound; when the last ended */
	/* The phases. */
	int64_t frame_ns[2]; /* sleeping, looking; 0: not known */
	bool is_chosen;      /* looking is */
	uint32_t n_left;     /* of the chosen way; 0: this one tries the other */
	uint32_t backoff;    /* of them, after a look in vain */
	/* The turn. */
	uint32_t n_small;
	bool has_bulk;
};

/* Looks for at most `max_ns`; 0: never. */
void busy_init(struct busy *b, int64_t max_ns);
/* A frame of `len` bytes came or went. */
void busy_note_frame(struct busy *b, uint32_t len);
/* For how long to look before sleeping now. */
int64_t busy_look_ns(const struct busy *b);
/* A turn has waited from `from_ns` to `to_ns`: what was noted of frames until now was done in the
 * turn before. */
void busy_note_wait(struct busy *b, int64_t from_ns, int64_t to_ns);
