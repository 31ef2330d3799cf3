/* SPDX-License-Identifier: MIT */
/* What the files of the parser share. A function returns false when the script is wrong. */
#pragma once

#include "drill/parse.h"

struct drill_parser {
	struct drill_lex lx;
	struct drill_script *script;
	struct drill_error *err;
	struct drill_define *defines; /* of the script itself, before the caller's */
	bool is_ip6; /* the family that the script is run in, for --define_ipv4, --define_ipv6 */
	bool has_failed;
};

/* Notes a mistake at the look-ahead, unless there is one already; returns false. */
bool drill_fail(struct drill_parser *ps, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "expected WHAT, found ..." */
bool drill_expected(struct drill_parser *ps, const char *what);
bool drill_no_memory(struct drill_parser *ps);

bool drill_is_char(const struct drill_parser *ps, char ch);
bool drill_is_word(const struct drill_parser *ps, const char *word);
/* True: it was there, and has been taken. */
bool drill_accept(struct drill_parser *ps, char ch);
bool drill_accept_word(struct drill_parser *ps, const char *word);
bool drill_need(struct drill_parser *ps, char ch);
/* An integer from `lo` to `hi`; `what` for the message. */
bool drill_need_int(struct drill_parser *ps, const char *what, int64_t lo, int64_t hi,
		    int64_t *ret);

/* parse_packet.c: the look-ahead is < or >. */
bool drill_parse_packet(struct drill_parser *ps, struct drill_packet **ret);
/* parse_layer.c: the look-ahead is "from" or "arp". */
bool drill_parse_layers(struct drill_parser *ps, struct drill_packet *pkt);
/* parse_opts.c: what stands between < and >, behind the <. */
bool drill_parse_tcp_opts(struct drill_parser *ps, struct drill_packet *pkt);
/* parse_call.c */
bool drill_parse_call(struct drill_parser *ps, struct drill_call **ret);
/* Seconds as microseconds, not negative. */
bool drill_parse_time(struct drill_parser *ps, int64_t *ret);
