/* SPDX-License-Identifier: MIT */
/* The tables of weft-lab(5), in the macros of man(7), printed from the schema. */
#include "lab/schema.h"

#include <string.h>

/* Text of the schema: `words` in bold, and nothing that troff would take for itself. */
static void print_text(const char *s, FILE *out)
{
	bool bold = false;

	for (; *s; s++) {
		switch (*s) {
		case '`':
			bold = !bold;
			fputs(bold ? "\\fB" : "\\fP", out);
			break;
		case '\\':
			fputs("\\e", out);
			break;
		case '-':
			fputs("\\-", out);
			break;
		case '\'':
			fputs("\\(aq", out);
			break;
		default:
			fputc(*s, out);
		}
	}
}

static void print_sentence(const char *s, FILE *out)
{
	size_t len = strlen(s);

	print_text(s, out);
	fputs(len && s[len - 1] == '.' ? "\n" : ".\n", out);
}

static void print_words(const struct lab_word *words, FILE *out)
{
	for (const struct lab_word *w = words; w->name; w++) {
		fputs(w == words ? "\\fB" : ", \\fB", out);
		print_text(w->name, out);
		fputs("\\fP", out);
	}
}

static void print_value(const struct lab_key *key, FILE *out)
{
	const struct lab_type_info *info = &lab_type_infos[key->type];

	if (key->words)
		print_words(key->words, out);
	else
		print_text(info->name, out);
	if (key->type == LAB_T_MAP)
		fprintf(out, ": see \\fI%s\\fP", key->sub->name);
	else if (key->sub)
		fprintf(out, key->type == LAB_T_NAMED ? " to \\fI%s\\fP%s" : " of \\fI%s\\fP%s",
			key->sub->name, lab_plural(key->sub->name));
	else if ((key->type == LAB_T_U32 || key->type == LAB_T_U64) && key->max < UINT32_MAX)
		fprintf(out, " from %llu to %llu", (unsigned long long)key->min,
			(unsigned long long)key->max);
}

static void print_key(const struct lab_key *key, FILE *out)
{
	fputs(".TP\n\\fB", out);
	print_text(key->name, out);
	fputs("\\fP: ", out);
	print_value(key, out);
	if (key->flags & LAB_KEY_REQUIRED)
		fputs(" (required)", out);
	if (key->deflt) {
		fputs(" (default: \\fB", out);
		print_text(key->deflt, out);
		fputs("\\fP)", out);
	}
	fputc('\n', out);
	print_sentence(key->help, out);
}

void lab_schema_print_man(const struct lab_schema *schema, FILE *out)
{
	print_sentence(schema->help, out);
	if (*schema->where) {
		fputs("It stands at \\fB", out);
		print_text(schema->where, out);
		fputs("\\fP.\n", out);
	}
	if (schema->short_help) {
		fputs("Short form: ", out);
		print_sentence(schema->short_help, out);
	}
	if (schema->also)
		fprintf(out, "The keys of a \\fI%s\\fP are keys here too.\n", schema->also->name);
	for (const struct lab_key *key = schema->keys; key->name; key++)
		print_key(key, out);
}

void lab_types_print_man(FILE *out)
{
	for (size_t i = 0; i < LAB_N_TYPES; i++) {
		const struct lab_type_info *info = &lab_type_infos[i];

		if (!info->example || i == LAB_T_LINK_END)
			continue;
		fputs(".TP\n", out);
		print_text(info->name, out);
		fputs(" (\\fB", out);
		print_text(info->example, out);
		fputs("\\fP)\n", out);
		/* "write ..." is advice to one who has made a mistake; here it is what there is. */
		print_sentence(strncmp(info->advice, "write ", 6) == 0 ? info->advice + 6
								       : info->advice,
			       out);
	}
}
