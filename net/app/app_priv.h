/* SPDX-License-Identifier: MIT */
/*
 * What a kind of client is made of. A kind embeds `struct app` as its first member, calls
 * app_init() when all else is ready, and says in its ops how a try begins and is given up.
 */
#pragma once

#include "net/app/app.h"

enum {
	APP_WORD_MAX = 48, /* of app.text */
};

struct app_ops {
	/* A try, `a->try_ns` being now: 0, and app_try_end() later; or -Exxx, and it has failed. */
	int (*begin)(struct app *a);
	/* Gives up the try under way. */
	void (*cancel)(struct app *a);
	/* At the deadline: whether the try has come on since the last one, and gets another; may
	 * be NULL. */
	bool (*has_progress)(struct app *a);
	/* Brings the figures of the try under way up to date; may be NULL. */
	void (*refresh)(struct app *a);
	/* All tries have ended; may be NULL. */
	void (*finish)(struct app *a);
	/* Closes and frees all, with the struct itself. */
	void (*free)(struct app *a);
	/* Tries overlap: each starts at its time, and ends without app_try_end(). */
	bool overlaps;
};

struct app {
	const struct app_ops *ops;
	struct weft_net net;
	struct weft_engine *eng;
	struct app_plan plan;
	struct weft_timer *next_timer, *deadline;
	struct app_stats stats;
	int64_t try_ns; /* when the last try began */
	bool is_trying;
	char text[APP_WORD_MAX]; /* room for stats.why */
};

/* Whose timers a client has: of plan->net, or of the stack. */
struct weft_engine *app_engine(struct weft_stack *st, const struct app_plan *plan);
/* Arms the first try. 0 or -ENOMEM: then the caller frees its struct by itself, app_fini() first.
 */
int app_init(struct app *a, const struct app_ops *ops, struct weft_stack *st,
	     const struct app_plan *plan) __attribute__((warn_unused_result));
void app_fini(struct app *a);

/* The try has ended: 0, or why it failed; `why` is a static text or `a->text`, or NULL. */
void app_try_end(struct app *a, int err, const char *why);
/* The deadline starts again: there was progress. */
void app_try_progress(struct app *a);
/* A time to keep: of a try that ended well. */
void app_time_add(struct app *a, int64_t took_ns);
/* Of overlapping tries: whether there will be none any more but those under way. */
bool app_is_last(const struct app *a);

/* A stream connection to `to`: 0, and `fn` is called when it is there or has failed; or -Exxx. */
int app_connect(struct app *a, const struct weft_sockaddr *to,
		void (*fn)(struct weft_sock *s, void *arg, uint32_t events), struct weft_sock **ret)
	__attribute__((warn_unused_result));
/* The end of a message does not wait for the acknowledgement of its start (Nagle, RFC 1122
 * §4.2.3.4). */
void app_no_delay(const struct app *a, struct weft_sock *s);
/* What has become of it: 0; -EAGAIN: not yet known; or why it failed. */
int app_connect_result(const struct app *a, struct weft_sock *s, uint32_t events);
