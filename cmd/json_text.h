/* SPDX-License-Identifier: MIT */
/* JSON as iproute2's tools print it: in one line, or with -p over many. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Writes `value` and a newline. Keys keep their order. */
void json_text_print(FILE *out, const json_t *value, bool is_pretty);

/* Members of an object, for formatters: "" and 0 when there is none of that name and type. */
const char *json_text_of(const json_t *object, const char *key);
int64_t json_int_of(const json_t *object, const char *key);
static inline bool json_has(const json_t *object, const char *key)
{
	return json_object_get(object, key) != NULL;
}
/* An object of those members of `object` that `keys` names, in that order; a key that is not there
 * is left out. The caller's; NULL: no memory. */
json_t *json_pick(const json_t *object, const char *const *keys);
/* Copies those members over. */
void json_pick_into(json_t *ret, const json_t *object, const char *const *keys);
