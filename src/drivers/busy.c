/* SPDX-License-Identifier: MIT */
/* When looking beats sleeping; how it works is in busy.h. */
#include "drivers/busy.h"

enum {
	BUSY_SMALL = 2048, /* bytes of a frame that is a message */
	BUSY_CREDIT = 16,  /* short waits in a row, until it is tried; a long one takes four */
	BUSY_LONG = 4,
	BUSY_PHASE = 64, /* turns */
	BUSY_KEEP = 32,  /* phases of the chosen way for one of the other */
	BUSY_GAIN = 8,   /* looking saves one part in so many */
	BUSY_CLIP = 4,   /* times max_ns: a sleeper's short wait; what a turn counts at most */
};

void busy_init(struct busy *b, int64_t max_ns)
{
	*b = (struct busy){.max_ns = max_ns, .n_left = 1};
}

void busy_note_frame(struct busy *b, uint32_t len)
{
	if (len > BUSY_SMALL)
		b->has_bulk = true;
	else
		b->n_small++;
}

int64_t busy_look_ns(const struct busy *b)
{
	return b->credit >= BUSY_CREDIT / 2 && b->is_looking ? b->max_ns : 0;
}

static void phase_begin(struct busy *b, bool is_looking)
{
	b->is_looking = is_looking;
	b->n_turns = b->n_frames = 0;
	b->took_ns = 0;
}

/* What a frame takes this way: half what was known, half what was seen. */
static void phase_note(struct busy *b)
{
	int64_t *known = &b->frame_ns[b->is_looking];
	int64_t seen_ns = b->took_ns / b->n_frames;

	*known = *known ? (*known + seen_ns) / 2 : seen_ns;
}

/* Looking saves enough. Who looks already stays with half of that, so that it is not one way now
 * and the other then. */
static bool is_better_looking(const struct busy *b)
{
	int64_t gain_ns = b->frame_ns[0] / (b->is_chosen ? 2 * BUSY_GAIN : BUSY_GAIN);

	return b->frame_ns[1] && b->frame_ns[1] <= b->frame_ns[0] - gain_ns;
}

static void phase_end(struct busy *b)
{
	phase_note(b);
	if (b->is_looking)
		b->backoff = 0;
	if (b->n_left > 1) {
		b->n_left--;
		phase_begin(b, b->is_chosen);
	} else if (b->n_left == 1) {
		b->n_left = 0;
		phase_begin(b, !b->is_chosen);
	} else {
		b->n_left = BUSY_KEEP;
		b->is_chosen = is_better_looking(b);
		phase_begin(b, b->is_chosen);
	}
}

/* Credit for messages to and fro; none at all is left when nothing is. */
static void credit_note(struct busy *b, bool is_short)
{
	if (is_short && b->n_small && !b->has_bulk)
		b->credit += b->credit < BUSY_CREDIT;
	else
		b->credit -= b->credit < BUSY_LONG ? b->credit : BUSY_LONG;
}

/* Nothing came while it looked, or there was bulk: not again so soon. */
static void phase_break(struct busy *b)
{
	if (b->is_looking) {
		b->backoff = b->backoff ? 2 * b->backoff : 1;
		if (b->backoff > BUSY_KEEP)
			b->backoff = BUSY_KEEP;
		b->n_left = b->backoff;
		b->is_chosen = false;
	}
	phase_begin(b, false);
}

void busy_note_wait(struct busy *b, int64_t from_ns, int64_t to_ns)
{
	int64_t turn_ns = to_ns - b->last_ns, most_ns = BUSY_CLIP * b->max_ns;

	if (!b->max_ns)
		return;
	/* Who sleeps where others want the CPU too is woken late. */
	credit_note(b, to_ns - from_ns < (b->is_looking ? b->max_ns : most_ns));
	if (b->credit >= BUSY_CREDIT / 2) {
		b->took_ns += turn_ns < most_ns ? turn_ns : most_ns;
		b->n_frames += b->n_small;
		if (++b->n_turns >= BUSY_PHASE && b->n_frames)
			phase_end(b);
	} else if (b->n_turns) {
		phase_break(b);
	}
	b->last_ns = to_ns;
	b->n_small = 0;
	b->has_bulk = false;
}
