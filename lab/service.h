/* SPDX-License-Identifier: MIT */
/* Services of weft nodes: from the lab file's words to those of net/. */
#pragma once

#include "lab/labfile.h"

struct lab_node;
struct http_server;
struct echo;
struct discard;
struct rr_server;
struct radv;

struct lab_service {
	struct http_server *http; /* one of these */
	struct echo *echo;
	struct discard *discard;
	struct rr_server *rr;
	struct radv **radvs; /* one an interface */
	uint32_t n_radvs;
};

/* 0 or -Exxx; `ret` is untouched then. */
int lab_service_start(struct lab_node *node, const struct labfile_service *file,
		      struct lab_service *ret) MUST_CHECK;
/* "http", as in the file. */
const char *lab_service_kind_name(const struct labfile_service *file);
void lab_service_stop(struct lab_service *service);
