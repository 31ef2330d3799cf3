/* SPDX-License-Identifier: MIT */
/* What tools share that run until somebody presses Ctrl-C: ping, traceroute, dump. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cmd/client.h"

/* A descriptor that is readable once SIGINT or SIGTERM has come, which from now on do nothing else;
 * -1 after a message. For client_extra.stop_fd. */
int live_stop_fd(const struct cmd_env *env);
/* Takes "--json" out of the arguments into env->json, wherever it stands before "--". */
void live_json_option(struct cmd_env *env, int *argc, char **argv);
/* An object of a notification as one line of JSON, with `event` in front. */
void live_json_line(const char *event, const json_t *params);
/* "0.5" in ns; false: not a number of seconds from `min_ns` to `max_ns`. */
bool live_seconds(const char *text, int64_t min_ns, int64_t max_ns, int64_t *ret_ns);
/* -4 or -6 into the parameter `family`; -EINVAL after a message: the other one was there before. */
int live_family_option(json_t *params, int opt, const char *tool) MUST_CHECK;
/* A whole number; -EINVAL: none; -ERANGE. Hexadecimal too when it begins with 0x. */
int live_number(const char *text, int64_t min, int64_t max, int64_t *ret);
/* The text of a member, or "" when there is none of that name. */
const char *live_text(const json_t *object, const char *key);
int64_t live_int(const json_t *object, const char *key);
/* "name (addr)" of a `{addr, name}`, or with `numeric` the address alone. */
const char *live_host(const json_t *host, bool numeric, char *buf, size_t size);
