/* SPDX-License-Identifier: MIT */
/*
 * From the text of a packet script to its tree: a recursive-descent parser of the language of
 * packetdrill (doc/drill.md has it). The first mistake ends it.
 */
#pragma once

#include "base/compiler.h"
#include "drill/lex.h"
#include "drill/script.h"

struct drill_error {
	uint32_t line, column; /* 0: of no place in the script */
	char text[400];
};

/* `defines` may be NULL; `is_ip6`: the family of the run, for --define_ipv4 and
 * --define_ipv6. 0; -EINVAL: `err` says where and what; -ENOMEM. The script is the
 * caller's; it keeps nothing of `text`. */
int drill_parse(const char *path, const char *text, size_t len, const struct drill_define *defines,
		bool is_ip6, struct drill_script **ret, struct drill_error *err) MUST_CHECK;
/* NULL is fine. */
void drill_script_free(struct drill_script *script);
