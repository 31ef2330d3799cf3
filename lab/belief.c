/* SPDX-License-Identifier: MIT */
/* Whether a run can be believed; what is asked, and why, is in belief.h. */
#include "lab/belief.h"

#include <inttypes.h>

#include "lab/lab.h"

static int64_t tolerance_of(const struct lab *lab)
{
	int64_t least_ns = 2 * LAB_BELIEF_MIN_NS;
	bool has_delay = false;

	for (uint32_t i = 0; i < lab->n_links; i++)
		for (int d = 0; d < 2; d++) {
			int64_t delay_ns = lab->links[i]->dir[d].delay_ns;

			if (delay_ns && (!has_delay || delay_ns < least_ns)) {
				least_ns = delay_ns;
				has_delay = true;
			}
		}
	if (least_ns / 2 < LAB_BELIEF_MIN_NS)
		return LAB_BELIEF_MIN_NS;
	return least_ns / 2 < LAB_BELIEF_MAX_NS ? least_ns / 2 : LAB_BELIEF_MAX_NS;
}

void lab_belief_start(struct lab *lab)
{
	lab->tolerance_ns = tolerance_of(lab);
	if (lab->loop)
		weft_loop_set_tolerance(lab->loop, lab->tolerance_ns);
}

void lab_belief_get(const struct lab *lab, struct lab_belief *ret)
{
	struct weft_loop_stats s = {0};

	if (lab->loop)
		weft_loop_stats(lab->loop, &s);
	*ret = (struct lab_belief){
		.tolerance_ns = lab->tolerance_ns,
		.n_deadlines = s.n_timer_runs,
		.n_late = s.n_late,
		.late_ppm = s.n_timer_runs ? (uint32_t)(s.n_late * 1000000 / s.n_timer_runs) : 0,
		.late_max_ns = s.late_max_ns,
	};
	ret->is_believable =
		ret->late_ppm <= LAB_BELIEF_LATE_PPM && ret->late_max_ns <= LAB_BELIEF_STALL_NS;
}

static void print_figures(const struct lab_belief *b, FILE *out)
{
	fprintf(out,
		"%" PRIu64 " of %" PRIu64 " deadlines (%" PRIu32 ".%02" PRIu32
		" %%) were met more than %" PRId64 ".%" PRId64 " ms late, the worst %" PRId64
		".%" PRId64 " ms",
		b->n_late, b->n_deadlines, b->late_ppm / 10000, b->late_ppm / 100 % 100,
		b->tolerance_ns / 1000000, b->tolerance_ns / 100000 % 10, b->late_max_ns / 1000000,
		b->late_max_ns / 100000 % 10);
}

void lab_belief_print(const struct lab *lab, FILE *out)
{
	struct lab_belief b;

	if (!lab->loop)
		return;
	lab_belief_get(lab, &b);
	fprintf(out, "time ");
	print_figures(&b, out);
	fprintf(out, ": %s\n",
		b.is_believable ? "the run can be believed"
				: "this machine was too slow, do not trust the times of this run");
}

void lab_belief_warn(const struct lab *lab, FILE *out)
{
	struct lab_belief b;

	lab_belief_get(lab, &b);
	if (b.is_believable)
		return;
	fprintf(out, "weft: warning: this machine was too slow for lab %s: ", lab->name);
	print_figures(&b, out);
	fprintf(out, "; do not trust the times of this run\n");
}
