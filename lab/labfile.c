/* SPDX-License-Identifier: MIT */
/* Loading a lab file from end to end, and what its readers look up in it. */
#include "lab/labfile.h"

#include "lab/labfile_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int lab_build_field_add(struct lab_build *b, const void *field, struct lab_pos pos)
{
	if (b->n_fields == b->max_fields) {
		size_t max = b->max_fields ? 2 * b->max_fields : 256;
		struct lab_field_pos *fields = arena_alloc_array(&b->tmp, max, sizeof(*fields));

		if (!fields)
			return -ENOMEM;
		if (b->n_fields)
			memcpy(fields, b->fields, b->n_fields * sizeof(*fields));
		b->fields = fields;
		b->max_fields = max;
	}
	b->fields[b->n_fields++] = (struct lab_field_pos){.field = field, .pos = pos};
	return 0;
}

int lab_build_fields_copy(struct lab_build *b, const void *from, const void *to, size_t size)
{
	uintptr_t start = (uintptr_t)from, move = (uintptr_t)to - start;
	size_t lo = 0, hi = b->n_sorted;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)b->fields[mid].field < start)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < b->n_sorted && (uintptr_t)b->fields[lo].field - start < size; lo++) {
		uintptr_t at = (uintptr_t)b->fields[lo].field + move;
		int err = lab_build_field_add(b, (const void *)at, b->fields[lo].pos);

		if (err < 0)
			return err;
	}
	return 0;
}

static int field_cmp(const void *a_, const void *b_)
{
	const struct lab_field_pos *a = a_, *b = b_;
	uintptr_t fa = (uintptr_t)a->field, fb = (uintptr_t)b->field;

	return fa < fb ? -1 : fa > fb;
}

void lab_build_fields_sort(struct lab_build *b)
{
	if (b->n_fields)
		qsort(b->fields, b->n_fields, sizeof(*b->fields), field_cmp);
	b->n_sorted = b->n_fields;
}

static const struct lab_field_pos *build_field_find(const struct lab_build *b, const void *field)
{
	struct lab_field_pos key = {.field = field};

	if (b->n_sorted == 0)
		return NULL;
	return bsearch(&key, b->fields, b->n_sorted, sizeof(key), field_cmp);
}

struct lab_pos lab_build_field_pos(const struct lab_build *b, const void *field,
				   struct lab_pos otherwise)
{
	const struct lab_field_pos *found = build_field_find(b, field);

	return found ? found->pos : otherwise;
}

bool lab_build_has_field(const struct lab_build *b, const void *field)
{
	return build_field_find(b, field) != NULL;
}

/* "examples/home.yaml" to "home": what a name may not have becomes '-'. */
static char *name_from_file(struct arena *arena, const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
	const char *dot = strrchr(base, '.');
	size_t len = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	char *name = arena_strndup(arena, base, len < LABFILE_NAME_MAX ? len : LABFILE_NAME_MAX);

	for (char *p = name; p && *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
		else if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '_')
			*p = '-';
	}
	if (!name || *name == '\0' || *name == '-' || *name == '_')
		return name ? arena_strdup(arena, "lab") : NULL;
	return name;
}

static struct labfile *lab_new(const char *file)
{
	struct arena arena = {0};
	struct labfile *lab = arena_alloc(&arena, sizeof(*lab));

	if (lab) {
		lab->file = arena_strdup(&arena, file);
		lab->arena = arena;
	}
	if (!lab || !lab->file) {
		arena_fini(&arena);
		return NULL;
	}
	return lab;
}

void labfile_free(struct labfile *lab)
{
	struct arena arena;

	if (!lab)
		return;
	arena = lab->arena; /* the struct is in it */
	arena_fini(&arena);
}

/* The steps behind YAML. Each that would only repeat earlier mistakes is left out. */
static int build_steps(struct lab_build *b, struct ynode *root)
{
	int err = labfile_read(b, root);

	lab_build_fields_sort(b);
	if (err == 0 && !b->lab->name) {
		b->lab->name = name_from_file(&b->lab->arena, b->lab->file);
		err = b->lab->name ? 0 : -ENOMEM;
	}
	b->lab->has_seed = lab_build_has_field(b, &b->lab->seed);
	if (err == 0 && !(b->broken & LAB_BROKEN_NAMES))
		err = labfile_expand(b);
	if (err == 0 && !(b->broken & LAB_BROKEN_NAMES))
		err = labfile_resolve(b);
	if (err == 0 && !b->broken)
		err = labfile_assign(b);
	if (err == 0 && !(b->broken & LAB_BROKEN_NAMES)) {
		labfile_resolve_hosts(b);
		err = labfile_check(b);
	}
	if (err == 0 && !(b->broken & LAB_BROKEN_NAMES))
		err = labfile_apps_check(b);
	if (err == 0 && !b->broken)
		err = labfile_plan_check(b);
	if (err == 0 && !b->broken)
		err = labfile_gateways(b);
	if (err == 0 && !b->broken)
		err = labfile_routing(b);
	if (err == 0 && !b->broken)
		err = labfile_routes_check(b);
	return err;
}

static bool is_empty(const struct ynode *root)
{
	return !root || (root->type == YNODE_SCALAR && root->is_plain && root->len == 0);
}

static int build(struct lab_build *b, const char *buf, size_t len)
{
	struct ynode *root = NULL;
	int err = labfile_text_check(b, buf, len);

	if (err == 0)
		err = yaml_tree_parse(&b->tmp, b->errs, buf, len, &root);
	if (err < 0)
		return err;
	if (is_empty(root)) {
		lab_error_add(b->errs, (struct lab_pos){1, 1},
			      "the file is empty; write at least \"nodes:\" and one node");
		return -EINVAL;
	}
	err = build_steps(b, root);
	lab_errors_sort(b->errs);
	if (err == 0 && b->errs->n_errors)
		return -EINVAL;
	return err;
}

static int refuse_size(struct lab_errors *errs, unsigned long long n_bytes)
{
	lab_error_add(errs, (struct lab_pos){0},
		      "the file has %s%llu bytes, a lab file at most %d; is it the right file?",
		      n_bytes ? "" : "more than ", n_bytes ? n_bytes : LABFILE_MAX_BYTES,
		      LABFILE_MAX_BYTES);
	return -EINVAL;
}

int labfile_parse(const char *name, const char *dir, const char *buf, size_t len,
		  struct labfile **ret_lab, struct lab_errors *errs)
{
	struct lab_build b = {.errs = errs, .dir = dir};
	int err;

	*errs = (struct lab_errors){.file = name};
	if (len > LABFILE_MAX_BYTES)
		return refuse_size(errs, len);
	b.lab = lab_new(name);
	if (!b.lab)
		return -ENOMEM;
	err = build(&b, buf, len);
	arena_fini(&b.tmp);
	if (err < 0) {
		labfile_free(b.lab);
		return err;
	}
	*ret_lab = b.lab;
	return 0;
}

static int refuse_file(struct lab_errors *errs, const char *what, int err)
{
	if (err == ENOMEM)
		return -ENOMEM;
	lab_error_add(errs, (struct lab_pos){0}, "%s: %s", what, strerror(err));
	return -EINVAL;
}

/* Reads to the end of the file, which may be a pipe, or to one byte more than is allowed. */
static int read_fd(int fd, char *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

static int read_file(int fd, char **ret_buf, size_t *ret_len, struct lab_errors *errs)
{
	struct stat st;
	char *buf;
	int err;

	if (fstat(fd, &st) < 0)
		return refuse_file(errs, "cannot read the file", errno);
	if (S_ISDIR(st.st_mode))
		return refuse_file(errs, "cannot read the file", EISDIR);
	if (S_ISREG(st.st_mode) && st.st_size > LABFILE_MAX_BYTES)
		return refuse_size(errs, (unsigned long long)st.st_size);

	buf = malloc(LABFILE_MAX_BYTES + 1);
	if (!buf)
		return -ENOMEM;
	err = read_fd(fd, buf, LABFILE_MAX_BYTES + 1, ret_len);
	if (err < 0)
		err = refuse_file(errs, "cannot read the file", -err);
	else if (*ret_len > LABFILE_MAX_BYTES)
		err = refuse_size(errs, 0);
	if (err < 0) {
		free(buf);
		return err;
	}
	*ret_buf = buf;
	return 0;
}

/* The directory part of a path, "." where there is none; NULL: no memory. */
static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int labfile_load(const char *path, struct labfile **ret_lab, struct lab_errors *errs)
{
	char *buf = NULL, *dir = NULL;
	size_t len = 0;
	int fd, err;

	*errs = (struct lab_errors){.file = path};
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return refuse_file(errs, "cannot open the file", errno);
	err = read_file(fd, &buf, &len, errs);
	close(fd);
	if (err < 0)
		return err;

	dir = dir_of(path);
	err = dir ? labfile_parse(path, dir, buf, len, ret_lab, errs) : -ENOMEM;
	free(dir);
	free(buf);
	return err;
}

struct labfile_node *labfile_node_find(const struct labfile *lab, const char *name)
{
	size_t lo = 0, hi = lab->by_name ? lab->n_nodes : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int cmp = strcasecmp(name, lab->by_name[mid]->name);

		if (cmp == 0)
			return lab->by_name[mid];
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

struct labfile_iface *labfile_iface_find(const struct labfile_node *node, const char *name)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		if (strcmp(node->ifaces[i].name, name) == 0)
			return &node->ifaces[i];
	}
	return NULL;
}

const struct lab_ip *labfile_node_addr(const struct labfile_node *node)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++) {
		if (node->ifaces[i].n_addrs)
			return &node->ifaces[i].addrs[0].net.ip;
	}
	return NULL;
}

const struct lab_ip *labfile_node_addr_of(const struct labfile_node *node, uint8_t family)
{
	for (uint32_t i = 0; i < node->n_ifaces; i++)
		for (uint32_t k = 0; k < node->ifaces[i].n_addrs; k++)
			if (node->ifaces[i].addrs[k].net.ip.family == family)
				return &node->ifaces[i].addrs[k].net.ip;
	return NULL;
}

struct labfile_iface *labfile_iface_peer(const struct labfile_iface *iface)
{
	return iface->link ? iface->link->ends[!iface->end].iface : NULL;
}
