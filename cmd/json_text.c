/* SPDX-License-Identifier: MIT */
/*
 * JSON in the two forms of iproute2. Both keep the order of members; the pretty one indents by four
 * blanks a level, an array being a level too, and puts the first member of an array beside its
 * bracket.
 */
#include "cmd/json_text.h"

#include <inttypes.h>

enum {
	INDENT = 4,
};

static void value_print(FILE *out, const json_t *value, int depth);

static void newline(FILE *out, int depth)
{
	fprintf(out, "\n%*s", depth * INDENT, "");
}

static void array_print(FILE *out, const json_t *array, int depth)
{
	const json_t *item;
	size_t i;

	fputs("[ ", out);
	json_array_foreach (array, i, item) {
		if (i > 0)
			putc(',', out);
		value_print(out, item, depth + 1);
	}
	fputs(json_array_size(array) ? " ]" : "]", out);
}

static void object_print(FILE *out, const json_t *object, int depth)
{
	const char *key, *sep = "";
	const json_t *item;

	putc('{', out);
	json_object_foreach ((json_t *)(uintptr_t)object, key, item) {
		fputs(sep, out);
		sep = ",";
		newline(out, depth + 1);
		fprintf(out, "\"%s\": ", key);
		value_print(out, item, depth + 1);
	}
	if (*sep)
		newline(out, depth);
	putc('}', out);
}

static void value_print(FILE *out, const json_t *value, int depth)
{
	if (json_is_array(value))
		array_print(out, value, depth);
	else if (json_is_object(value))
		object_print(out, value, depth);
	else
		json_dumpf(value, out, JSON_ENCODE_ANY);
}

void json_text_print(FILE *out, const json_t *value, bool is_pretty)
{
	if (is_pretty)
		value_print(out, value, 0);
	else
		json_dumpf(value, out, JSON_COMPACT);
	putc('\n', out);
}

const char *json_text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t json_int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void json_pick_into(json_t *ret, const json_t *object, const char *const *keys)
{
	for (; *keys; keys++) {
		json_t *value = json_object_get(object, *keys);

		if (value)
			json_object_set(ret, *keys, value);
	}
}

json_t *json_pick(const json_t *object, const char *const *keys)
{
	json_t *ret = json_object();

	json_pick_into(ret, object, keys);
	return ret;
}
