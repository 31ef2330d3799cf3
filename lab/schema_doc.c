/* SPDX-License-Identifier: MIT */
/* The tables of doc/lab-file.md, printed from the schema. */
#include "lab/schema.h"

#include <string.h>

static void print_value(const struct lab_key *key, FILE *out)
{
	const struct lab_type_info *info = &lab_type_infos[key->type];

	if (key->words) {
		for (const struct lab_word *w = key->words; w->name; w++)
			fprintf(out, "%s`%s`", w == key->words ? "" : ", ", w->name);
		return;
	}
	fprintf(out, "%s", info->name);
	if (key->type == LAB_T_MAP)
		fprintf(out, " (%s)", key->sub->name);
	else if (key->sub)
		fprintf(out, key->type == LAB_T_NAMED ? " to %s%s" : " of %s%s", key->sub->name,
			lab_plural(key->sub->name));
	else if ((key->type == LAB_T_U32 || key->type == LAB_T_U64) && key->max < UINT32_MAX)
		fprintf(out, " from %llu to %llu", (unsigned long long)key->min,
			(unsigned long long)key->max);
	else if (info->example)
		fprintf(out, ", `%s`", info->example);
}

static void print_default(const struct lab_key *key, FILE *out)
{
	if (key->flags & LAB_KEY_REQUIRED)
		fprintf(out, "required");
	else if (key->deflt)
		fprintf(out, "`%s`", key->deflt);
}

static void print_keys(const struct lab_schema *schema, FILE *out)
{
	for (const struct lab_key *key = schema->keys; key->name; key++) {
		fprintf(out, "| `%s` | ", key->name);
		print_value(key, out);
		fprintf(out, " | ");
		print_default(key, out);
		fprintf(out, " | %s |\n", key->help);
	}
}

void lab_schema_print_markdown(const struct lab_schema *schema, FILE *out)
{
	fprintf(out, "%s", schema->help);
	if (*schema->where)
		fprintf(out, " Stands at `%s`.", schema->where);
	if (schema->short_help)
		fprintf(out, " Short form: %s.", schema->short_help);
	if (schema->also)
		fprintf(out, " The keys of a %s are keys here too.", schema->also->name);
	fprintf(out, "\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
	print_keys(schema, out);
}

void lab_types_print_markdown(FILE *out)
{
	fprintf(out, "| value | how to write it | for example |\n|---|---|---|\n");
	for (size_t i = 0; i < LAB_N_TYPES; i++) {
		const struct lab_type_info *info = &lab_type_infos[i];

		if (!info->example || i == LAB_T_LINK_END) /* ENDS says it all */
			continue;
		fprintf(out, "| %s | %s | `%s` |\n", info->name, info->advice, info->example);
	}
}
