/* SPDX-License-Identifier: MIT */
/*
 * How a lab file becomes a struct labfile, step by step. Each step adds what it finds to the
 * errors and goes on; it returns 0 also then, and -ENOMEM when it could not do its work.
 *
 *   labfile_text.c     bytes: is it text, UTF-8, not empty
 *   yaml_tree.c        YAML to a tree, within the limits of depth, number and aliases
 *   labfile_read.c     the tree by the schema: structs with values and defaults
 *   labfile_resolve.c  names to pointers, ports of switches, segments
 *   labfile_check.c    each node and link by itself
 *   labfile_apps.c     apps: targets and URLs to addresses
 *   labfile_plan.c     addresses of the network as a whole
 *   labfile_routes.c   routes: gateways, duplicates, loops
 */
#pragma once

#include "lab/labfile.h"
#include "lab/yaml_tree.h"

/* Which later steps would only repeat an earlier mistake in other words. */
enum lab_broken {
	LAB_BROKEN_NAMES = 1 << 0, /* nodes or interfaces are missing: names cannot be resolved */
	LAB_BROKEN_PLAN = 1 << 1,  /* links, addresses or routes are */
};

/* Where in the file a field's value stands, for the messages of later steps. */
struct lab_field_pos {
	const void *field;
	struct lab_pos pos;
};

struct lab_build {
	struct labfile *lab;
	struct lab_errors *errs;
	const char *dir; /* NULL: do not look at the file system */
	struct arena tmp;
	uint32_t broken; /* enum lab_broken */
	struct lab_field_pos *fields;
	size_t n_fields, max_fields;
};

int labfile_text_check(struct lab_build *b, const char *buf, size_t len) MUST_CHECK;
int labfile_read(struct lab_build *b, struct ynode *root) MUST_CHECK;
int labfile_resolve(struct lab_build *b) MUST_CHECK;
int labfile_check(struct lab_build *b) MUST_CHECK;
int labfile_apps_check(struct lab_build *b) MUST_CHECK;
int labfile_plan_check(struct lab_build *b) MUST_CHECK;
int labfile_routes_check(struct lab_build *b) MUST_CHECK;

/* An interface's address among all addresses of the lab. */
struct lab_owner {
	struct labfile_iface *iface;
	const struct labfile_addr *addr;
};

/* All addresses of the lab, sorted by segment, then by address. */
struct lab_owners {
	struct lab_owner *list;
	size_t n;
};

int lab_owners_init(struct lab_owners *owners, struct lab_build *b) MUST_CHECK;

/* The interface that has the address within a segment, or NULL. */
struct labfile_iface *lab_owners_find(const struct lab_owners *owners, uint32_t segment,
				      const struct lab_ip *ip);

int lab_build_field_add(struct lab_build *b, const void *field, struct lab_pos pos) MUST_CHECK;
void lab_build_fields_sort(struct lab_build *b); /* when all are there, before any is looked up */

/* Where the field was written, or `otherwise`. */
struct lab_pos lab_build_field_pos(const struct lab_build *b, const void *field,
				   struct lab_pos otherwise);
bool lab_build_has_field(const struct lab_build *b, const void *field);
