/* SPDX-License-Identifier: MIT */
/*
 * The lab file's language as a JSON Schema (draft 7, which editors know), printed from the schema:
 * completion, help and red lines while one writes. It knows the form of a file, not the network in
 * it: `weft check` does.
 *
 * One definition for each mapping, and one more for what of it can stand in `defaults`.
 */
#include "lab/schema.h"

#include "lab/labfile.h"

#include <string.h>

/* ---- Patterns: in the part of regular expressions that ECMA 262 and POSIX share ---- */

#define NAME(first, rest, max) "[" first "][" rest "]{0," #max "}"
#define LABEL                  NAME("A-Za-z0-9_", "A-Za-z0-9_-", 62)
#define NODE                   NAME("A-Za-z0-9", "A-Za-z0-9._-", 62)
#define IFACE                  NAME("A-Za-z0-9", "A-Za-z0-9._-", 14)
#define NUMBER                 "([0-9]+[.]?[0-9]*|[.][0-9]+) *"
#define OCTET                  "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#define IP4                    "(" OCTET "[.]){3}" OCTET
#define IP6                    "[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(:" IP4 ")?"
#define IP                     "(" IP4 "|" IP6 ")"
#define NET                    "(" IP4 "/(3[0-2]|[12]?[0-9])|" IP6 "/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))"
#define END                    NODE ":" IFACE
#define LINK_END               NODE "(:" IFACE ")?"
#define BYTES                  "([KkMmGgTt][Ii]?)?[Bb]"

static const char *const patterns[LAB_N_TYPES] = {
	[LAB_T_LAB_NAME] = "^" NAME("a-z0-9", "a-z0-9_-", 31) "$",
	[LAB_T_NODE_NAME] = "^" NODE "$",
	[LAB_T_IF_NAME] = "^" IFACE "$",
	[LAB_T_HOST_NAME] = "^" LABEL "([.]" LABEL ")*$",
	[LAB_T_SYSCTL] = "^" LABEL "([.]" LABEL ")*$",
	[LAB_T_DOC_PATH] = "^/[^ ?#%\"<>\\\\]*$",
	[LAB_T_DIR] = "^.+$",
	[LAB_T_U32] = "^(0[Xx][0-9A-Fa-f]+|[0-9]+)$",
	[LAB_T_U64] = "^(0[Xx][0-9A-Fa-f]+|[0-9]+)$",
	[LAB_T_RATE] = "^([Uu][Nn][Ll][Ii][Mm][Ii][Tt][Ee][Dd]|" NUMBER
		       "([KkMmGgTt]?[Bb][Ii][Tt]|[KkMmGg][Ii][Bb][Ii][Tt]|[KkMmGg]?[Bb][Pp][Ss]))$",
	[LAB_T_DURATION] = "^(0|" NUMBER "[NnUuMm]?[Ss]([Ee][Cc])?)$",
	[LAB_T_SHARE] = "^(0|" NUMBER "%)$",
	[LAB_T_SIZE] = "^" NUMBER BYTES "$",
	[LAB_T_QUEUE] = "^" NUMBER "(|p|packets?|" BYTES ")$",
	[LAB_T_MSS] = "^(pmtu|0[Xx][0-9A-Fa-f]+|[0-9]+)$",
	[LAB_T_IP] = "^" IP "(%" IFACE ")?$",
	[LAB_T_HOST_NET] = "^" NET "$",
	[LAB_T_NET] = "^(default|" IP "|" NET ")$",
	[LAB_T_PREFIX] = "^" NET "$",
	[LAB_T_MAC] = "^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$",
	[LAB_T_TARGET] = "^(" IP "|" NODE ")$",
	[LAB_T_HOST] = "^(" IP "|" LABEL "([.]" LABEL ")*)$",
	[LAB_T_URL] = "^http://[!-~]+$",
	[LAB_T_END] = "^" END "$",
	[LAB_T_LINK_END] = "^" LINK_END "$",
	[LAB_T_ENDS] = "^ *" LINK_END " +-- +" LINK_END " *$",
};

/* Where we are in the text: how deep, and whether something stands at this level already. */
struct json {
	FILE *out;
	uint32_t depth;
	bool has_item;
};

static void json_indent(struct json *j)
{
	fputc('\n', j->out);
	for (uint32_t i = 0; i < j->depth; i++)
		fputs("  ", j->out);
}

static void json_next(struct json *j)
{
	if (j->has_item)
		fputc(',', j->out);
	if (j->depth)
		json_indent(j);
	j->has_item = true;
}

static void json_text(struct json *j, const char *s)
{
	fputc('"', j->out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', j->out);
		fputc(*s, j->out);
	}
	fputc('"', j->out);
}

static void json_name(struct json *j, const char *name)
{
	json_next(j);
	json_text(j, name);
	fputs(": ", j->out);
}

/* Opens a collection in place of a value. */
static void json_open(struct json *j, char bracket)
{
	fputc(bracket, j->out);
	j->depth++;
	j->has_item = false;
}

static void json_close(struct json *j, char bracket)
{
	j->depth--;
	if (j->has_item)
		json_indent(j);
	fputc(bracket, j->out);
	j->has_item = true;
}

static void json_object(struct json *j, const char *name)
{
	json_name(j, name);
	json_open(j, '{');
}

static void json_array(struct json *j, const char *name)
{
	json_name(j, name);
	json_open(j, '[');
}

/* An object in an array. */
static void json_item(struct json *j)
{
	json_next(j);
	json_open(j, '{');
}

static void json_string(struct json *j, const char *name, const char *value)
{
	json_name(j, name);
	json_text(j, value);
}

static void json_number(struct json *j, const char *name, uint64_t value)
{
	json_name(j, name);
	fprintf(j->out, "%llu", (unsigned long long)value);
}

static void json_word(struct json *j, const char *name, const char *word)
{
	json_name(j, name);
	fputs(word, j->out);
}

/* The name of a definition: without blanks, which a reference would have to escape. */
enum {
	DEFINITION_TEXT = 80
};

static const char *definition_name(const struct lab_schema *schema, bool is_template,
				   char buf[static DEFINITION_TEXT])
{
	snprintf(buf, DEFINITION_TEXT, "%s%s", schema->name, is_template ? "-default" : "");
	for (char *p = buf; (p = strchr(p, ' ')); *p = '-')
		;
	return buf;
}

static void json_ref(struct json *j, const struct lab_schema *schema, bool is_template)
{
	char name[DEFINITION_TEXT];

	json_name(j, "$ref");
	fprintf(j->out, "\"#/definitions/%s\"", definition_name(schema, is_template, name));
}

/* ---- Values ---- */

static void print_pattern(struct json *j, enum lab_type type)
{
	json_string(j, "type", "string");
	if (patterns[type])
		json_string(j, "pattern", patterns[type]);
}

static void print_words(struct json *j, const struct lab_word *words)
{
	json_array(j, "enum");
	for (; words->name; words++) {
		json_next(j);
		json_text(j, words->name);
	}
	json_close(j, ']');
}

/* A text that YAML may take for a number, such as the name 7. */
static void print_text(struct json *j, enum lab_type type)
{
	json_word(j, "type",
		  type == LAB_T_TEXT ? "[\"string\", \"number\", \"boolean\", \"null\"]"
				     : "[\"string\", \"integer\"]");
	if (patterns[type])
		json_string(j, "pattern", patterns[type]);
}

/* A quantity with a unit, or a plain number from `min` to `max`. */
static void print_quantity(struct json *j, enum lab_type type, uint64_t min, uint64_t max)
{
	json_array(j, "anyOf");
	json_item(j);
	print_pattern(j, type);
	json_close(j, '}');
	json_item(j);
	json_string(j, "type", "integer");
	json_number(j, "minimum", min);
	json_number(j, "maximum", max);
	json_close(j, '}');
	json_close(j, ']');
}

static void print_bool(struct json *j)
{
	json_array(j, "anyOf");
	json_item(j);
	json_string(j, "type", "boolean");
	json_close(j, '}');
	json_item(j);
	json_array(j, "enum");
	for (size_t i = 0; i < 6; i++) {
		static const char *const words[] = {"true", "false", "yes", "no", "on", "off"};

		json_next(j);
		json_text(j, words[i]);
	}
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
}

static void print_value(struct json *j, const struct lab_key *key);

/* A value of type `one`, or a list of values of type `item`, `n_items` of them unless that is 0. */
static void print_one_or_list(struct json *j, const struct lab_key *key, enum lab_type one,
			      enum lab_type item, uint32_t n_items)
{
	struct lab_key one_key = *key, item_key = *key;

	one_key.type = one;
	item_key.type = item;
	json_array(j, "anyOf");
	json_item(j);
	if (one == LAB_T_ENDS)
		print_pattern(j, one);
	else
		print_value(j, &one_key);
	json_close(j, '}');
	json_item(j);
	json_string(j, "type", "array");
	json_object(j, "items");
	print_value(j, &item_key);
	json_close(j, '}');
	if (n_items) {
		json_number(j, "minItems", n_items);
		json_number(j, "maxItems", n_items);
	}
	json_close(j, '}');
	json_close(j, ']');
}

static void print_list(struct json *j, const struct lab_key *key)
{
	json_word(j, "type", "[\"array\", \"null\"]");
	json_object(j, "items");
	json_ref(j, key->sub, false);
	json_close(j, '}');
}

static void print_named(struct json *j, const struct lab_key *key)
{
	json_word(j, "type", "[\"object\", \"null\"]");
	json_object(j, "propertyNames");
	json_string(j, "pattern", patterns[key->sub->name_type]);
	json_close(j, '}');
	json_object(j, "additionalProperties");
	json_ref(j, key->sub, false);
	json_close(j, '}');
}

static void print_collection(struct json *j, const struct lab_key *key)
{
	switch (key->type) {
	case LAB_T_WORDS:
		print_one_or_list(j, key, LAB_T_WORD, LAB_T_WORD, 0);
		break;
	case LAB_T_ENDS:
		print_one_or_list(j, key, LAB_T_ENDS, LAB_T_LINK_END, 2);
		break;
	case LAB_T_CAPTURE:
		print_one_or_list(j, key, LAB_T_BOOL, LAB_T_END, 0);
		break;
	case LAB_T_ADDRS:
		print_one_or_list(j, key, LAB_T_HOST_NET, LAB_T_HOST_NET, 0);
		break;
	case LAB_T_MAP:
		json_ref(j, key->sub, key->flags & LAB_KEY_TEMPLATE);
		break;
	case LAB_T_NAMED:
		print_named(j, key);
		break;
	default:
		print_list(j, key);
		break;
	}
}

static void print_value(struct json *j, const struct lab_key *key)
{
	switch (key->type) {
	case LAB_T_TEXT:
	case LAB_T_LAB_NAME:
	case LAB_T_DIR:
	case LAB_T_IF_NAME:
	case LAB_T_TARGET:
		print_text(j, key->type);
		break;
	case LAB_T_BOOL:
		print_bool(j);
		break;
	case LAB_T_U32:
	case LAB_T_U64:
		print_quantity(j, key->type, key->min, key->max);
		break;
	case LAB_T_WORD:
		print_words(j, key->words);
		break;
	case LAB_T_DURATION:
	case LAB_T_SHARE:
		print_quantity(j, key->type, 0, 0);
		break;
	case LAB_T_QUEUE:
		print_quantity(j, key->type, 1, 1000000);
		break;
	case LAB_T_MSS:
		print_quantity(j, key->type, LABFILE_MSS_MIN, LABFILE_MSS_MAX);
		break;
	default:
		if (key->type < LAB_T_WORDS)
			print_pattern(j, key->type);
		else
			print_collection(j, key);
		break;
	}
}

/* ---- Mappings ---- */

static void print_default(struct json *j, const struct lab_key *key)
{
	bool is_bare = key->type == LAB_T_U32 || key->type == LAB_T_U64 ||
		       key->type == LAB_T_BOOL || key->type == LAB_T_CAPTURE;

	if (!key->deflt || key->type == LAB_T_WORDS)
		return;
	if (is_bare)
		json_word(j, "default", key->deflt);
	else
		json_string(j, "default", key->deflt);
}

/* In draft 7, nothing counts beside a $ref; so the help stands around it. */
static void print_key(struct json *j, const struct lab_key *key)
{
	bool is_ref = key->type == LAB_T_MAP;

	json_object(j, key->name);
	json_string(j, "description", key->help);
	if (is_ref) {
		json_array(j, "allOf");
		json_item(j);
	}
	print_value(j, key);
	if (is_ref) {
		json_close(j, '}');
		json_close(j, ']');
	}
	print_default(j, key);
	json_close(j, '}');
}

static void print_keys(struct json *j, const struct lab_schema *schema, bool is_template)
{
	for (const struct lab_key *key = schema->keys; key->name; key++) {
		if (!(is_template && key->flags & LAB_KEY_OWN))
			print_key(j, key);
	}
	if (schema->also)
		print_keys(j, schema->also, is_template);
}

static bool has_required(const struct lab_schema *schema)
{
	for (const struct lab_key *key = schema->keys; key->name; key++) {
		if (key->flags & LAB_KEY_REQUIRED)
			return true;
	}
	return false;
}

static void print_object(struct json *j, const struct lab_schema *schema, bool is_template)
{
	json_string(j, "type", "object");
	json_object(j, "properties");
	print_keys(j, schema, is_template);
	json_close(j, '}');
	if (has_required(schema) && !is_template) {
		json_array(j, "required");
		for (const struct lab_key *key = schema->keys; key->name; key++) {
			if (key->flags & LAB_KEY_REQUIRED) {
				json_next(j);
				json_text(j, key->name);
			}
		}
		json_close(j, ']');
	}
	if (schema == &lab_schema_file) {
		json_object(j, "patternProperties");
		json_word(j, "^x-", "true");
		json_close(j, '}');
	}
	json_word(j, "additionalProperties", "false");
}

/* What may stand in place of a mapping. */
static void print_short(struct json *j, const struct lab_schema *schema)
{
	uint32_t offset;

	json_item(j);
	if (*schema->short_key)
		print_value(j, lab_schema_key(schema, schema->short_key, &offset));
	else
		json_string(j, "type", "string");
	json_close(j, '}');
}

static void print_definition(struct json *j, const struct lab_schema *schema, bool is_template)
{
	bool may_be_null = is_template || !has_required(schema);

	json_string(j, "description", schema->help);
	json_array(j, "anyOf");
	json_item(j);
	print_object(j, schema, is_template);
	json_close(j, '}');
	if (schema->short_key && !is_template)
		print_short(j, schema);
	if (may_be_null) {
		json_item(j);
		json_string(j, "type", "null");
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* A list's item that is one key, which says what it is, or that key alone. */
static void print_tagged(struct json *j, const struct lab_schema *schema)
{
	json_string(j, "description", schema->help);
	json_array(j, "anyOf");
	json_item(j);
	print_object(j, schema, false);
	json_number(j, "minProperties", 1);
	json_number(j, "maxProperties", 1);
	json_close(j, '}');
	json_item(j);
	json_array(j, "enum");
	for (const struct lab_key *key = schema->keys; key->name; key++) {
		if (has_required(key->sub))
			continue;
		json_next(j);
		json_text(j, key->name);
	}
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
}

/* Is it a kind of mapping that TAGGED keys hold, or one whose keys can be defaults? */
static bool is_used_as(const struct lab_schema *schema, enum lab_type type, uint32_t flags)
{
	for (size_t i = 0; lab_schemas[i]; i++) {
		for (const struct lab_key *key = lab_schemas[i]->keys; key->name; key++) {
			if (key->sub == schema && key->type == type &&
			    (key->flags & flags) == flags)
				return true;
		}
	}
	return false;
}

static void print_definitions(struct json *j)
{
	char name[DEFINITION_TEXT];

	for (size_t i = 1; lab_schemas[i]; i++) {
		const struct lab_schema *schema = lab_schemas[i];

		json_object(j, definition_name(schema, false, name));
		if (is_used_as(schema, LAB_T_TAGGED, 0))
			print_tagged(j, schema);
		else
			print_definition(j, schema, false);
		json_close(j, '}');
		if (!is_used_as(schema, LAB_T_MAP, LAB_KEY_TEMPLATE))
			continue;
		json_object(j, definition_name(schema, true, name));
		print_definition(j, schema, true);
		json_close(j, '}');
	}
}

void lab_schema_print_json(FILE *out)
{
	struct json j = {.out = out};

	json_open(&j, '{');
	json_string(&j, "$schema", "http://json-schema.org/draft-07/schema#");
	json_string(&j, "title", "weft lab file");
	json_string(&j, "description", lab_schema_file.help);
	print_object(&j, &lab_schema_file, false);
	json_object(&j, "definitions");
	print_definitions(&j);
	json_close(&j, '}');
	json_close(&j, '}');
	fputc('\n', out);
}
