/* SPDX-License-Identifier: MIT */
/* What parse_layer.c (headers) and parse_message.c (messages) share. False, NULL: a mistake is
 * noted. */
#pragma once

#include "drill/parse_priv.h"

/* parse_layer.c */
/* A header behind those that `all` has. */
struct drill_layer *drill_layer_put(struct drill_parser *ps, struct drill_layers *all,
				    enum drill_layer_kind kind, uint8_t proto);
/* A field behind those that `l` has, all zero. */
struct drill_field *drill_field_put(struct drill_parser *ps, struct drill_layer *l,
				    const char *name, enum drill_field_kind kind, uint32_t len);
bool drill_field_int(struct drill_parser *ps, struct drill_layer *l, const char *name, uint32_t len,
		     uint32_t value);
/* These read the value from the script. */
bool drill_field_addr(struct drill_parser *ps, struct drill_layer *l, const char *name);
bool drill_field_mac(struct drill_parser *ps, struct drill_layer *l, const char *name);
bool drill_field_hex(struct drill_parser *ps, struct drill_layer *l, const char *name);
bool drill_parse_addr(struct drill_parser *ps, struct drill_addr *ret);
bool drill_parse_mac(struct drill_parser *ps, uint8_t ret[6]);
char *drill_parse_var(struct drill_parser *ps);
/* from ADDR to ADDR ... within an error. */
struct drill_layers *drill_parse_quote(struct drill_parser *ps, unsigned depth);

/* parse_message.c: what the last header carries. */
bool drill_parse_message(struct drill_parser *ps, struct drill_layers *all, unsigned depth);
