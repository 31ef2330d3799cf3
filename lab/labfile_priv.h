/* SPDX-License-Identifier: MIT */
/*
 * How a lab file becomes a struct labfile, step by step. Each step adds what it finds to the
 * errors and goes on; it returns 0 also then, and -ENOMEM when it could not do its work.
 *
 *   labfile_text.c     bytes: is it text, UTF-8, not empty
 *   yaml_tree.c        YAML to a tree, within the limits of depth, number and aliases
 *   labfile_read.c     the tree by the schema: structs with values and defaults
 *   labfile_expand.c   nodes with a count: written out in full
 *   labfile_resolve.c  names to pointers, ports of switches, segments
 *   labfile_assign.c   addresses from prefixes
 *   labfile_check.c    each node and link by itself
 *   labfile_apps.c     apps: targets and URLs to addresses
 *   labfile_plan.c     addresses of the network as a whole
 *   labfile_gateway.c  default routes
 *   labfile_routing.c  routes that nobody has written
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
	size_t n_sorted;          /* the first so many of `fields` are in order */
	struct lab_group *groups; /* by name */
	size_t n_groups;
	bool *has_prefix; /* by segment */
};

/* Nodes that are alike: NAME1 to NAMEn. */
struct lab_group {
	const char *name;
	uint32_t count;
};

int labfile_text_check(struct lab_build *b, const char *buf, size_t len) MUST_CHECK;
int labfile_read(struct lab_build *b, struct ynode *root) MUST_CHECK;
int labfile_expand(struct lab_build *b) MUST_CHECK;
int labfile_resolve(struct lab_build *b) MUST_CHECK;
int labfile_assign(struct lab_build *b) MUST_CHECK;
void labfile_resolve_hosts(struct lab_build *b); /* when all have addresses */
int labfile_check(struct lab_build *b) MUST_CHECK;
int labfile_apps_check(struct lab_build *b) MUST_CHECK;
int labfile_plan_check(struct lab_build *b) MUST_CHECK;
int labfile_gateways(struct lab_build *b) MUST_CHECK;
int labfile_routing(struct lab_build *b) MUST_CHECK;
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

/* One more route; *max_routes is the room in node->routes, which may move. */
int lab_build_route_add(struct lab_build *b, struct labfile_node *node,
			const struct labfile_route *route, uint32_t *max_routes) MUST_CHECK;

/* NULL: no node with a count has this name. */
const struct lab_group *lab_build_group(const struct lab_build *b, const char *name);

int lab_build_field_add(struct lab_build *b, const void *field, struct lab_pos pos) MUST_CHECK;
/* The places of the fields in `size` bytes at `from` are also those of their copies at `to`. */
int lab_build_fields_copy(struct lab_build *b, const void *from, const void *to,
			  size_t size) MUST_CHECK;
void lab_build_fields_sort(struct lab_build *b); /* when all are there, before any is looked up */

/* Where the field was written, or `otherwise`. */
struct lab_pos lab_build_field_pos(const struct lab_build *b, const void *field,
				   struct lab_pos otherwise);
bool lab_build_has_field(const struct lab_build *b, const void *field);
