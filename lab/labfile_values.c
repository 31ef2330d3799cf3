/* SPDX-License-Identifier: MIT */
/* Scalars, and the lists of scalars that some keys take in their place. */
#include "lab/labfile_reader.h"

#include <errno.h>
#include <string.h>

int read_text(struct reader *rd, const struct path *path, struct lab_pos pos, const char *text,
	      const struct lab_key *key, void *field)
{
	const char *why;
	int err = lab_value_parse(key, text, &rd->b->lab->arena, field, &why);

	if (err == -EINVAL) {
		reader_report_value(rd, path, pos, key, text, why);
		return 0;
	}
	return err < 0 ? err : lab_build_field_add(rd->b, field, pos);
}

int read_scalar(struct reader *rd, const struct path *path, struct ynode *node,
		const struct lab_key *key, void *field)
{
	if (!node_is_plain(rd, path, node))
		return 0;
	if (node->type != YNODE_SCALAR || (node_is_null(node) && key->type != LAB_T_TEXT)) {
		reader_report_form(rd, path, node, key);
		return 0;
	}
	return read_text(rd, path, node->pos, node->text, key, field);
}

void array_store(const struct lab_key *key, void *base, void *array, uint32_t n)
{
	memcpy((char *)base + key->offset, &array, sizeof(array));
	memcpy((char *)base + key->n_offset, &n, sizeof(n));
}

static int read_addr(struct reader *rd, const struct path *path, struct ynode *node,
		     struct labfile_addr *addr)
{
	static const struct lab_key key = {.type = LAB_T_HOST_NET};

	addr->pos = node->pos;
	return read_scalar(rd, path, node, &key, &addr->net);
}

/* One address, or a list of them. */
int read_addrs(struct reader *rd, const struct path *path, struct ynode *node,
	       const struct lab_key *key, void *base)
{
	bool is_list = node->type == YNODE_SEQ;
	uint32_t n = is_list ? seq_len(node) : 1;
	struct labfile_addr *addrs;
	int err = 0;

	if (!node_is_plain(rd, path, node))
		return 0;
	addrs = arena_alloc_array(&rd->b->lab->arena, n, sizeof(*addrs));
	if (!addrs)
		return -ENOMEM;
	if (!is_list)
		err = read_addr(rd, path, node, addrs);
	for (uint32_t i = 0; is_list && i < n && err == 0; i++) {
		struct path at = {.up = path, .index = i};

		err = read_addr(rd, &at, seq_get(node, i), &addrs[i]);
	}
	array_store(key, base, addrs, n);
	return err;
}

/* One word, or a list of them, to the or of their values. */
int read_words(struct reader *rd, const struct path *path, struct ynode *node,
	       const struct lab_key *key, uint32_t *ret_words)
{
	uint32_t words = 0;
	int err = 0;

	if (node->type != YNODE_SEQ)
		return read_scalar(rd, path, node, key, ret_words);
	for (uint32_t i = 0; i < seq_len(node) && err == 0; i++) {
		struct path at = {.up = path, .index = i};
		uint32_t word = 0;

		err = read_scalar(rd, &at, seq_get(node, i), key, &word);
		words |= word;
	}
	if (seq_len(node) == 0)
		reader_report_form(rd, path, node, key);
	*ret_words = words;
	return err;
}

static const struct lab_key end_key = {.type = LAB_T_END};
static const struct lab_key link_end_key = {.type = LAB_T_LINK_END};

static int read_end(struct reader *rd, const struct path *path, struct ynode *node,
		    const struct lab_key *key, struct labfile_end *end)
{
	end->pos = node->pos;
	return read_scalar(rd, path, node, key, end);
}

/* "A -- B". Blanks around the parts are theirs to leave out. */
static int read_ends_text(struct reader *rd, const struct path *path, struct ynode *node,
			  const struct lab_key *key, struct labfile_end *ends)
{
	const char *text = node->text, *dashes = strstr(text, " -- ");
	const char *parts[2] = {text, dashes ? dashes + 4 : NULL};
	size_t lens[2];
	int err = 0;

	if (!dashes || strstr(dashes + 4, " -- ")) {
		reader_report_value(rd, path, node->pos, key, text,
				    lab_type_infos[LAB_T_ENDS].is_not);
		return 0;
	}
	lens[0] = (size_t)(dashes - text);
	lens[1] = strlen(parts[1]);
	for (int i = 0; i < 2 && err == 0; i++) {
		char *part;

		while (*parts[i] == ' ' && lens[i] > 0) {
			parts[i]++;
			lens[i]--;
		}
		while (lens[i] > 0 && parts[i][lens[i] - 1] == ' ')
			lens[i]--;
		part = arena_strndup(&rd->b->tmp, parts[i], lens[i]);
		if (!part)
			return -ENOMEM;
		ends[i].pos = node_pos_inside(node, (size_t)(parts[i] - text));
		err = read_text(rd, path, ends[i].pos, part, &link_end_key, &ends[i]);
	}
	return err;
}

int read_ends(struct reader *rd, const struct path *path, struct ynode *node,
	      const struct lab_key *key, struct labfile_end *ends)
{
	int err = 0;

	if (!node_is_plain(rd, path, node))
		return 0;
	if (node->type == YNODE_SCALAR && !node_is_null(node))
		return read_ends_text(rd, path, node, key, ends);
	if (node->type != YNODE_SEQ) {
		reader_report_form(rd, path, node, key);
		return 0;
	}
	if (seq_len(node) != 2) {
		reader_report(rd, path, node, "a link has two ends, this has %u; %s", seq_len(node),
			      lab_type_infos[LAB_T_ENDS].advice);
		return 0;
	}
	for (uint32_t i = 0; i < 2 && err == 0; i++) {
		struct path at = {.up = path, .index = i};

		err = read_end(rd, &at, seq_get(node, i), &link_end_key, &ends[i]);
	}
	return err;
}

int read_capture(struct reader *rd, const struct path *path, struct ynode *node,
		 const struct lab_key *key, void *base)
{
	struct labfile_end *ends;
	int err = 0;

	if (node->type != YNODE_SEQ) {
		struct lab_key as_bool = *key;

		as_bool.type = LAB_T_BOOL;
		return read_scalar(rd, path, node, &as_bool, (char *)base + key->offset2);
	}
	ends = arena_alloc_array(&rd->b->lab->arena, seq_len(node), sizeof(*ends));
	if (!ends)
		return -ENOMEM;
	for (uint32_t i = 0; i < seq_len(node) && err == 0; i++) {
		struct path at = {.up = path, .index = i};

		err = read_end(rd, &at, seq_get(node, i), &end_key, &ends[i]);
	}
	array_store(key, base, ends, seq_len(node));
	return err;
}
