/* SPDX-License-Identifier: MIT */
/* Poll sets of the public API: handles; what they do is socket/pollset.h's. */
#include "api/api_priv.h"
#include "socket/pollset.h"
#include "weft/poll.h"

static struct pollset *pollset_of(struct weft_pollset *set)
{
	return (struct pollset *)(void *)set;
}

int weft_pollset_new(struct weft_engine *eng, struct weft_pollset **ret)
{
	struct pollset *set;
	int err = pollset_new(engine_of(eng), &set);

	if (!err)
		*ret = (struct weft_pollset *)(void *)set;
	return err;
}

void weft_pollset_free(struct weft_pollset *set)
{
	pollset_free(pollset_of(set));
}

int weft_pollset_add(struct weft_pollset *set, struct weft_sock *s, uint32_t events, uint64_t data)
{
	return pollset_add(pollset_of(set), sock_of(s), events, data);
}

int weft_pollset_mod(struct weft_pollset *set, struct weft_sock *s, uint32_t events, uint64_t data)
{
	return pollset_mod(pollset_of(set), sock_of(s), events, data);
}

int weft_pollset_del(struct weft_pollset *set, struct weft_sock *s)
{
	return pollset_del(pollset_of(set), sock_of(s));
}

size_t weft_pollset_get(struct weft_pollset *set, struct weft_poll_event *ret, size_t max)
{
	return pollset_get(pollset_of(set), ret, max);
}

void weft_pollset_on_ready(struct weft_pollset *set,
			   void (*fn)(struct weft_pollset *set, void *arg), void *arg)
{
	pollset_on_ready(pollset_of(set), fn, arg);
}

void weft_pollset_stats(const struct weft_pollset *set, struct weft_pollset_stats *ret)
{
	pollset_stats((const struct pollset *)(const void *)set, ret);
}
