/* SPDX-License-Identifier: MIT */
/* Doors; how they work is told in door.h. */
#include "core/door.h"

#include <assert.h>

#include "core/engine.h"

enum door_state {
	DOOR_AWAKE,
	DOOR_DOZING,
	DOOR_WAKING,
};

/* DOZING becomes AWAKE; WAKING stays for whoever is at it. */
static void door_rouse(struct door *door)
{
	uint32_t state = DOOR_DOZING;

	(void)atomic_compare_exchange_strong(&door->state, &state, DOOR_AWAKE);
}

/* AWAKE, and nobody is inside wake(). */
static void door_settle(struct door *door)
{
	door_rouse(door);
	while (atomic_load(&door->state) == DOOR_WAKING)
		; /* the other thread is in a system call that does not wait */
}

void door_open(struct engine *eng, struct door *door, const struct door_ops *ops)
{
	atomic_store(&door->state, DOOR_AWAKE);
	door->ops = ops;
	door->wake = eng->wake;
	door->wake_arg = eng->wake_arg;
	list_add_tail(&eng->doors, &door->link);
}

void door_close(struct door *door)
{
	door_settle(door);
	list_del(&door->link);
	list_init(&door->link);
}

void door_knock(struct door *door)
{
	uint32_t state = DOOR_DOZING;

	if (likely(atomic_load(&door->state) != DOOR_DOZING))
		return;
	if (!atomic_compare_exchange_strong(&door->state, &state, DOOR_WAKING))
		return;
	if (door->wake)
		door->wake(door->wake_arg);
	atomic_store(&door->state, DOOR_AWAKE);
}

void engine_set_wake(struct engine *eng, void (*wake)(void *arg), void *arg)
{
	struct door *door;

	eng->wake = wake;
	eng->wake_arg = arg;
	list_for_each (door, &eng->doors, link) {
		door_settle(door);
		door->wake = wake;
		door->wake_arg = arg;
	}
}

static void engine_rouse(struct engine *eng)
{
	struct door *door;

	list_for_each (door, &eng->doors, link)
		door_rouse(door);
	eng->is_dozing = false;
}

/* A door that is WAKING will be found AWAKE a moment later. */
static bool door_doze(struct door *door)
{
	uint32_t state = DOOR_AWAKE;

	return atomic_compare_exchange_strong(&door->state, &state, DOOR_DOZING) ||
	       state == DOOR_DOZING;
}

bool engine_doze(struct engine *eng)
{
	bool may = true;
	struct door *door;

	if (likely(list_is_empty(&eng->doors)))
		return true;
	eng->is_dozing = true;
	list_for_each (door, &eng->doors, link)
		may = door_doze(door) && may;
	list_for_each (door, &eng->doors, link)
		may = may && !door->ops->has_news(door);
	if (!may)
		engine_rouse(eng);
	return may;
}

bool engine_doors_take(struct engine *eng)
{
	bool has_more = false;
	struct door *door;

	if (eng->is_dozing)
		engine_rouse(eng);
	list_for_each_safe (door, &eng->doors, link)
		has_more = door->ops->take(door) || has_more;
	return has_more;
}
