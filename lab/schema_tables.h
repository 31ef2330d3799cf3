/* SPDX-License-Identifier: MIT */
/* What the files that hold the tables share: how a key is written, and each other's schemas. */
#pragma once

#include "lab/labfile.h"
#include "lab/schema.h"

/* The designators of a key: FIELD(struct, member), and COUNTED(struct, pointer, number). */
#define FIELD(s, m)      .offset = offsetof(struct s, m)
#define COUNTED(s, p, n) .offset = offsetof(struct s, p), .n_offset = offsetof(struct s, n)
#define END_OF_KEYS          \
	{                    \
		.name = NULL \
	}

extern const struct lab_schema schema_service, schema_http, schema_doc, schema_echo, schema_discard,
	schema_rr, schema_radv, schema_radv_prefix, schema_radv_route, schema_radv_dns,
	schema_radv_search;
extern const struct lab_schema schema_app, schema_app_http, schema_app_echo, schema_app_bulk,
	schema_app_rr, schema_app_ping;
extern const struct lab_schema schema_link, schema_shape, schema_change, schema_limits;
