/* SPDX-License-Identifier: MIT */
/*
 * Running a packet script: a stack with one interface whose other end is the script, in virtual
 * time. Used by `weft drill` (cmd/drill.c) and by tests.
 */
#pragma once

#include <stdio.h>

#include "base/compiler.h"
#include "drill/lex.h"

enum drill_ip {
	DRILL_IP4,
	DRILL_IP6,
	DRILL_IP4_MAPPED, /* IPv6 sockets, IPv4 packets */
};

enum {
	DRILL_MTU = 1500, /* unless it is said */
};

/* The command line, and the options at the top of a script, which win. */
struct drill_opts {
	enum drill_ip ip;
	const char *local_ip, *remote_ip, *gateway_ip; /* NULL: those of packetdrill */
	uint8_t prefix_len;                            /* of the local network; 0: default */
	uint32_t mtu;
	uint16_t bind_port, connect_port;
	int64_t tolerance_us;
	uint32_t tolerance_percent; /* of the time since the event before */
	uint32_t ts_tick_us;        /* of TS val; 0: not looked at */
	bool strict_segments;
	bool same_mss;     /* in IPv6, MTUs are 20 larger than said, so that a script's MSS holds */
	bool nothing_left; /* packets that the script does not expect fail it, at its end too */
	bool verbose;
	bool dry_run; /* parse only */
	uint64_t seed;
	const struct drill_define *defines;
	FILE *out; /* what scripts print, and -v */
};

/* packetdrill's defaults. */
void drill_opts_init(struct drill_opts *opts);
/* --name=value; `value` may be NULL and must live as long as `opts`. 0; -ENOENT: no such option;
 * -EINVAL: not that value. */
int drill_opts_set(struct drill_opts *opts, const char *name, const char *value) MUST_CHECK;

enum drill_verdict {
	DRILL_PASSED,
	DRILL_FAILED,
	DRILL_REFUSED, /* the script is not understood, or wants what is not there */
};

struct drill_result {
	enum drill_verdict verdict;
	char text[2400]; /* "path:line: ...", without a newline at the end; empty when passed */
	uint32_t n_events;
	int64_t virtual_us;
};

/* Runs the text of a script; `path` names it, and its folder is where its commands look for files.
 */
void drill_run(const char *path, const char *text, size_t len, const struct drill_opts *opts,
	       struct drill_result *ret);
