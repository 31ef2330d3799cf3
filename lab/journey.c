/* SPDX-License-Identifier: MIT */
/* Joining trace events to paths; how it works is in journey.h. */
#include "lab/journey.h"

#include <jansson.h>
#include <string.h>

static bool same_place(const struct journey_step *a, const struct journey_step *b)
{
	return a->is_tx == b->is_tx && !strcmp(a->iface, b->iface) && !strcmp(a->node, b->node);
}

static bool is_path_of(const struct journey_path *p, const struct journey *j)
{
	if (p->n_steps != j->n_steps)
		return false;
	for (uint32_t i = 0; i < p->n_steps; i++)
		if (!same_place(&p->steps[i], &j->steps[i]))
			return false;
	return true;
}

static struct journey_path *path_get(struct journeys *js, const struct journey *j)
{
	struct journey_path *p;

	for (uint32_t i = 0; i < js->n_paths; i++)
		if (is_path_of(&js->paths[i], j))
			return &js->paths[i];
	if (js->n_paths == REPORT_PATHS)
		return NULL;
	p = &js->paths[js->n_paths++];
	*p = (struct journey_path){.n_steps = j->n_steps};
	memcpy(p->steps, j->steps, sizeof(p->steps));
	for (uint32_t i = 0; i < p->n_steps; i++)
		p->steps[i].t_ns = 0;
	return p;
}

static void journey_end(struct journeys *js, struct journey *j)
{
	struct journey_path *p;

	if (!j->trace_id)
		return;
	p = path_get(js, j);
	if (!p)
		js->n_lost++;
	for (uint32_t i = 0; p && i < p->n_steps; i++)
		p->steps[i].t_ns += j->steps[i].t_ns - j->steps[0].t_ns;
	if (p)
		p->n_journeys++;
	j->trace_id = 0;
	j->n_steps = 0;
}

static struct journey *journey_get(struct journeys *js, uint32_t trace_id)
{
	struct journey *j;

	for (uint32_t i = 0; i < REPORT_JOURNEYS; i++)
		if (js->live[i].trace_id == trace_id)
			return &js->live[i];
	j = &js->live[js->next++ % REPORT_JOURNEYS];
	journey_end(js, j);
	j->trace_id = trace_id;
	return j;
}

void journeys_event(struct journeys *js, const char *line)
{
	json_t *ev = json_loads(line, 0, NULL);
	const char *kind = NULL, *node = NULL, *iface = NULL;
	json_int_t t_ns = 0, trace_id = 0;
	struct journey_step *step;
	struct journey *j;

	if (!ev || json_unpack(ev, "{s:s, s:s, s:s, s:I, s:I}", "event", &kind, "stack", &node,
			       "if", &iface, "t_ns", &t_ns, "trace", &trace_id) < 0)
		goto out;
	if ((strcmp(kind, "rx") && strcmp(kind, "tx")) || trace_id <= 0 || trace_id > UINT32_MAX)
		goto out;
	j = journey_get(js, (uint32_t)trace_id);
	if (j->n_steps == REPORT_STEPS)
		goto out;
	step = &j->steps[j->n_steps++];
	memset(step, 0, sizeof(*step));
	strncat(step->node, node, sizeof(step->node) - 1);
	strncat(step->iface, iface, sizeof(step->iface) - 1);
	step->is_tx = kind[0] == 't';
	step->t_ns = t_ns;
out:
	json_decref(ev);
}

void journeys_finish(struct journeys *js)
{
	for (uint32_t i = 0; i < REPORT_JOURNEYS; i++)
		journey_end(js, &js->live[i]);
}
