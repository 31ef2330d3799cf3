/* SPDX-License-Identifier: MIT */
/* Apps of weft nodes: from the lab file's words to the clients of net/, and what they have done. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "lab/labfile.h"

struct lab;
struct lab_node;
struct app;

struct lab_app {
	const struct labfile_app *file;
	struct app *app;
};

/* 0 or -Exxx; `ret` is untouched then. */
int lab_app_start(struct lab_node *node, const struct labfile_app *file,
		  struct lab_app *ret) MUST_CHECK;
void lab_app_stop(struct lab_app *app);
/* "http", as in the file. */
const char *lab_app_kind_name(const struct labfile_app *file);

/* One line an app, under a line of titles; nothing when there are no apps. */
void lab_apps_print(const struct lab *lab, FILE *out);
/* The same as an array of objects; times in ns. NULL: no memory. */
json_t *lab_apps_json(const struct lab *lab);
