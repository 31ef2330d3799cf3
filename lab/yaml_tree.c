/* SPDX-License-Identifier: MIT */
/*
 * Events to a tree. The open collections are on a stack, as deep as files may be nested; children
 * are chained up until their parent's end, then put into an array. Sizes are added up on the way,
 * so that an alias, which stands for a whole tree, is refused before anything walks it.
 */
#include "lab/yaml_tree.h"

#include "lab/labfile.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <yaml.h>

/* A child in a collection that is still open. */
struct link {
	struct ynode *node;
	struct link *next;
};

/* An open collection. */
struct frame {
	struct ynode *node;
	struct link *first, **tail;
};

struct anchor {
	const char *name;
	struct ynode *node;
};

struct builder {
	struct arena *arena;
	struct lab_errors *errs;
	struct ynode *root;
	struct frame frames[LABFILE_MAX_DEPTH];
	uint32_t depth; /* frames in use */
	uint32_t n_docs, n_nodes;
	struct anchor *anchors; /* LABFILE_MAX_ANCHORS of them, once there is one */
	uint32_t n_anchors;
};

static struct lab_pos mark_pos(yaml_mark_t mark)
{
	return (struct lab_pos){.line = (uint32_t)mark.line + 1, .col = (uint32_t)mark.column + 1};
}

/* ---- What libyaml says, and what usually helps ---- */

static const struct {
	const char *problem;
	const char *advice;
} yaml_advice[] = {
	{"mapping values are not allowed in this context",
	 "a colon and a blank inside a text need quotes around it; or this line is indented "
	 "differently from the one above"},
	{"did not find expected key", "indent this line like the others of its mapping"},
	{"did not find expected '-' indicator", "indent this line like the others of its list"},
	{"did not find expected ',' or '}'", "is a } or a comma missing?"},
	{"did not find expected ',' or ']'", "is a ] or a comma missing?"},
	{"could not find expected ':'", "a key needs a colon and a blank behind it"},
	{"found unexpected end of stream", "is a quote not closed?"},
	{"did not find expected node content", "is a value missing, or a bracket too much?"},
	{"block sequence entries are not allowed in this context",
	 "the first \"- \" of a list stands on a line of its own"},
	{"found unknown escape character", "in double quotes, write \\\\ for a backslash"},
	{"did not find expected <document start>",
	 "is this line indented less than the ones above, or a quote closed too early?"},
};

static const char *advice_for(const char *problem)
{
	for (size_t i = 0; i < ARRAY_SIZE(yaml_advice); i++) {
		if (strcmp(yaml_advice[i].problem, problem) == 0)
			return yaml_advice[i].advice;
	}
	return NULL;
}

/* A character that starts nothing: a tab, or one that YAML has reserved. */
static void report_bad_start(struct lab_errors *errs, struct lab_pos pos, char c)
{
	if (c == '\t')
		lab_error_add(errs, pos, "a tab in the indentation; YAML allows only blanks");
	else
		lab_error_add(errs, pos, "a text that starts with %c needs quotes around it", c);
}

static struct lab_pos offset_pos(const char *buf, size_t len, size_t offset)
{
	struct lab_pos pos = {.line = 1, .col = 1};

	for (size_t i = 0; i < offset && i < len; i++) {
		if (buf[i] == '\n')
			pos = (struct lab_pos){.line = pos.line + 1, .col = 1};
		else if (((unsigned char)buf[i] & 0xc0) != 0x80)
			pos.col++;
	}
	return pos;
}

/* The byte at a place that libyaml names, in lines and characters. */
static char pos_char(const char *buf, size_t len, struct lab_pos pos)
{
	struct lab_pos at = {.line = 1, .col = 0};

	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)buf[i] & 0xc0) != 0x80)
			at.col++;
		if (at.line == pos.line && at.col == pos.col)
			return buf[i];
		if (buf[i] == '\n')
			at = (struct lab_pos){.line = at.line + 1, .col = 0};
	}
	return '?';
}

static int report_yaml(struct lab_errors *errs, const yaml_parser_t *p, const char *buf, size_t len)
{
	const char *problem = p->problem ? p->problem : "it cannot be parsed";
	const char *advice = advice_for(problem);
	struct lab_pos pos = mark_pos(p->problem_mark);
	char context[120] = "";

	/* Some of its stacks fail to grow without a word. */
	if (p->error == YAML_MEMORY_ERROR || p->error == YAML_NO_ERROR)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR) {
		lab_error_add(errs, offset_pos(buf, len, p->problem_offset),
			      "not YAML: %s; is this a text file?", problem);
	} else if (strcmp(problem, "found character that cannot start any token") == 0) {
		report_bad_start(errs, pos, pos_char(buf, len, pos));
	} else {
		if (p->context && p->context_mark.line != p->problem_mark.line)
			snprintf(context, sizeof(context), " %s that starts on line %u", p->context,
				 mark_pos(p->context_mark).line);
		lab_error_add(errs, pos, "not YAML: %s%s%s%s", problem, context, advice ? "; " : "",
			      advice ? advice : "");
	}
	return -EINVAL;
}

/* ---- Building ---- */

static int refuse(struct builder *bld, struct lab_pos pos, const char *what)
{
	lab_error_add(bld->errs, pos, "%s", what);
	return -EINVAL;
}

static int refuse_number(struct builder *bld, struct lab_pos pos, const char *what, int max)
{
	lab_error_add(bld->errs, pos, what, max);
	return -EINVAL;
}

/* Hangs a node into the innermost open collection. */
static int add_child(struct builder *bld, struct ynode *node, struct lab_pos pos)
{
	struct frame *frame;
	struct link *link;

	if (bld->depth == 0) {
		bld->root = node;
		return 0;
	}
	if (bld->depth + node->height > LABFILE_MAX_DEPTH)
		return refuse_number(bld, pos,
				     "the alias nests this more than %d deep; a lab file needs 8",
				     LABFILE_MAX_DEPTH);
	link = arena_alloc(bld->arena, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->node = node;
	frame = &bld->frames[bld->depth - 1];
	*frame->tail = link;
	frame->tail = &link->next;
	frame->node->n_items++;
	return 0;
}

/* An anchor on a node: its name, for aliases that follow. */
static int add_anchor(struct builder *bld, const yaml_char_t *name, struct ynode *node)
{
	struct anchor *a;

	if (!name)
		return 0;
	if (!bld->anchors)
		bld->anchors =
			arena_alloc_array(bld->arena, LABFILE_MAX_ANCHORS, sizeof(*bld->anchors));
	if (!bld->anchors)
		return -ENOMEM;
	for (uint32_t i = 0; i < bld->n_anchors; i++) {
		if (strcmp(bld->anchors[i].name, (const char *)name) != 0)
			continue;
		lab_error_add(bld->errs, node->pos,
			      "the anchor &%.40s stands on line %u already; choose another name",
			      (const char *)name, bld->anchors[i].node->pos.line);
		return -EINVAL;
	}
	if (bld->n_anchors == LABFILE_MAX_ANCHORS)
		return refuse_number(bld, node->pos, "more than %d anchors", LABFILE_MAX_ANCHORS);
	a = &bld->anchors[bld->n_anchors++];
	a->name = arena_strdup(bld->arena, (const char *)name);
	a->node = node;
	return a->name ? 0 : -ENOMEM;
}

static int add_alias(struct builder *bld, const yaml_char_t *name, struct lab_pos pos)
{
	for (uint32_t i = 0; i < bld->n_anchors; i++) {
		if (strcmp(bld->anchors[i].name, (const char *)name) != 0)
			continue;
		if (bld->anchors[i].node->is_open)
			return refuse(
				bld, pos,
				"this alias stands inside of what it stands for; write it out");
		return add_child(bld, bld->anchors[i].node, pos);
	}
	lab_error_add(bld->errs, pos,
		      "there is no anchor &%.40s before this alias; write it before what the alias "
		      "is to stand for",
		      (const char *)name);
	return -EINVAL;
}

/* A new node of any type, in its place. */
static int add_node(struct builder *bld, struct ynode model, const yaml_char_t *anchor,
		    const yaml_char_t *tag, struct ynode **ret)
{
	struct ynode *node;
	int err;

	if (++bld->n_nodes > LABFILE_MAX_VALUES)
		return refuse_number(
			bld, model.pos,
			"more than %d values; write fewer, a count makes nodes that are alike",
			LABFILE_MAX_VALUES);
	node = arena_alloc(bld->arena, sizeof(*node));
	if (!node)
		return -ENOMEM;
	*node = model;
	node->n_values = 1;
	if (tag) {
		node->tag = arena_strdup(bld->arena, (const char *)tag);
		if (!node->tag)
			return -ENOMEM;
	}
	err = add_anchor(bld, anchor, node);
	if (err == 0)
		err = add_child(bld, node, node->pos);
	*ret = node;
	return err;
}

static int add_scalar(struct builder *bld, const yaml_event_t *e)
{
	struct ynode model = {
		.type = YNODE_SCALAR,
		.pos = mark_pos(e->start_mark),
		.len = e->data.scalar.length,
		.is_plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
		.is_one_line = e->start_mark.line == e->end_mark.line,
	};
	struct ynode *node;

	model.text = arena_strndup(bld->arena, (const char *)e->data.scalar.value, model.len);
	if (!model.text)
		return -ENOMEM;
	return add_node(bld, model, e->data.scalar.anchor, e->data.scalar.tag, &node);
}

static int open_collection(struct builder *bld, enum ynode_type type, const yaml_event_t *e)
{
	struct ynode model = {.type = type, .pos = mark_pos(e->start_mark), .is_open = true};
	bool is_seq = type == YNODE_SEQ;
	struct ynode *node;
	struct frame *frame;
	int err;

	if (bld->depth == LABFILE_MAX_DEPTH)
		return refuse_number(bld, model.pos, "nested more than %d deep; a lab file needs 8",
				     LABFILE_MAX_DEPTH);
	err = add_node(bld, model,
		       is_seq ? e->data.sequence_start.anchor : e->data.mapping_start.anchor,
		       is_seq ? e->data.sequence_start.tag : e->data.mapping_start.tag, &node);
	if (err < 0)
		return err;
	frame = &bld->frames[bld->depth++];
	frame->node = node;
	frame->first = NULL;
	frame->tail = &frame->first;
	return 0;
}

/* All children are known now, and so is what they amount to. */
static int close_collection(struct builder *bld)
{
	struct frame *frame = &bld->frames[--bld->depth];
	struct ynode *node = frame->node;
	uint32_t n = 0;

	assert(node);
	node->items = arena_alloc_array(bld->arena, node->n_items, sizeof(struct ynode *));
	if (!node->items)
		return -ENOMEM;
	for (const struct link *l = frame->first; l; l = l->next) {
		node->items[n++] = l->node;
		node->n_values += l->node->n_values;
		if (node->height <= l->node->height)
			node->height = l->node->height + 1;
		if (node->n_values > LABFILE_MAX_VALUES)
			return refuse_number(bld, node->pos,
					     "aliases make this more than %d values; use fewer",
					     LABFILE_MAX_VALUES);
	}
	node->is_open = false;
	return 0;
}

static int add_event(struct builder *bld, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++bld->n_docs > 1)
			return refuse(bld, mark_pos(e->start_mark),
				      "a second document starts here; a lab file has one");
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(bld, YNODE_SEQ, e);
	case YAML_MAPPING_START_EVENT:
		return open_collection(bld, YNODE_MAP, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_collection(bld);
	case YAML_SCALAR_EVENT:
		return add_scalar(bld, e);
	case YAML_ALIAS_EVENT:
		return add_alias(bld, e->data.alias.anchor, mark_pos(e->start_mark));
	default:
		return 0;
	}
}

int yaml_tree_parse(struct arena *arena, struct lab_errors *errs, const char *buf, size_t len,
		    struct ynode **ret_root)
{
	struct builder bld = {.arena = arena, .errs = errs};
	yaml_parser_t p;
	bool done = false;
	int err = 0;

	if (!yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)buf, len);
	while (!done && err == 0) {
		yaml_event_t e;

		if (!yaml_parser_parse(&p, &e)) {
			err = report_yaml(errs, &p, buf, len);
			break;
		}
		done = e.type == YAML_STREAM_END_EVENT;
		err = add_event(&bld, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	if (err == 0)
		*ret_root = bld.root;
	return err;
}
