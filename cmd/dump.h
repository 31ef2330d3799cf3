/* SPDX-License-Identifier: MIT */
/*
 * Inside `weft dump`: the options, and lines of packets, whether they come from a lab or a file.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd/client.h"
#include "lab/pcapng_scan.h"
#include "lab/pktprint.h"

struct dump_opts {
	struct cmd_env *env;
	struct pkt_print_opts print;
	const char *ifname, *read_file, *write_file;
	char *filter; /* the words of the expression, joined; the caller's */
	bool is_numeric;
	unsigned int n_time;       /* how many -t */
	unsigned int n_hex;        /* -x: 1, -xx: 2 */
	unsigned int n_ascii;      /* -X: 1, -XX: 2 */
	bool is_text;              /* -A */
	bool is_any;               /* the interface stands before each line */
	int64_t count;             /* 0: no end */
	int64_t snaplen;           /* 0: default */
	json_t *names;             /* address to name; NULL: none */
	int64_t first_ns, last_ns; /* of the packets printed; 0: none yet */
	uint64_t n_captured, n_left_out;
};

/* The line (or lines) of a packet on stdout. */
void dump_print(struct dump_opts *o, const struct pcapng_scan_packet *pkt);
/* One packet as JSON. */
void dump_print_json(const struct dump_opts *o, const struct pcapng_scan_packet *pkt);
/* -r: the packets of a file. The exit status. */
int dump_file(struct dump_opts *o);
