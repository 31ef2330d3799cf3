/* SPDX-License-Identifier: MIT */
/*
 * `weft ss`: what its files share.
 *
 *	ss.c         options, the lab
 *	ss_filter.c  states and expressions: "state established", "sport = :80 or not dst 10/8"
 *	ss_text.c    the table, its columns, and the lines of -i
 *
 * Everything works on the answer of ss.list (lab/rpc_ss.c), one JSON object a socket.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SS_USAGE = 255, /* ss's exit status for a wrong command line */
};

/* Kinds of sockets, as bits. */
enum {
	SS_TCP = 1 << 0,
	SS_UDP = 1 << 1,
	SS_RAW = 1 << 2,
	SS_ICMP = 1 << 3,
	SS_OTHER = 1 << 4, /* unix, packet, sctp …: a weft node has none */
	SS_INET = SS_TCP | SS_UDP | SS_RAW | SS_ICMP,
};

/* ---- ss_filter.c --------------------------------------------------------------------------- */

/* States as bits of Linux's numbers (enum weft_tcp_state). */
enum {
	SS_STATES_ALL = 0xffe,
	SS_STATES_LISTEN = 1 << 10 | 1 << 7,
	/* What is shown when nothing is said: all but LISTEN, UNCONN, TIME-WAIT and SYN-RECV. */
	SS_STATES_USUAL = SS_STATES_ALL & ~(1 << 10 | 1 << 7 | 1 << 6 | 1 << 3),
};
/* "established", "fin-wait-1", "connected" … 0: no such word. */
uint32_t ss_states_of(const char *word);
/* The bit of a state as ss shows it, "ESTAB". */
uint32_t ss_state_bit(const char *shown);

struct ss_filter;
/*
 * Reads an expression: `words` joined. 0 and *ret (NULL: no words, everything fits), the caller's;
 * or ss's exit status, after a message on stderr.
 */
int ss_filter_parse(char *const *words, struct ss_filter **ret);
bool ss_filter_fits(const struct ss_filter *f, const json_t *sock); /* NULL: yes */
void ss_filter_free(struct ss_filter *f);                           /* NULL is fine */

/* ---- ss_text.c ----------------------------------------------------------------------------- */

struct ss_opts {
	uint32_t kinds;  /* SS_TCP … */
	uint32_t states; /* bits */
	int family;      /* 4, 6; 0: both */
	bool is_numeric; /* -n: ports as numbers */
	bool no_header;
	bool oneline;  /* -O */
	bool timers;   /* -o: and TCP's options in -i */
	bool extended; /* -e */
	bool memory;
	bool info;
	uint32_t screen_columns; /* 0: no terminal, columns as narrow as they can be */
};

uint32_t ss_kind_of(const json_t *sock);
/* The table. */
void ss_table_print(FILE *out, const json_t *socks, const struct ss_opts *o);
/* -s, of all sockets. */
void ss_summary_print(FILE *out, const json_t *socks);
