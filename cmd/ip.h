/* SPDX-License-Identifier: MIT */
/*
 * `weft ip`: what its files share.
 *
 *	ip.c         options, objects, refusals in iproute2's words
 *	ip_args.c    words of the command line: abbreviations, addresses, numbers
 *	ip_link.c    ip link and ip addr: they show the same things
 *	ip_route.c   ip route
 *	ip_neigh.c   ip neigh
 *	ip_text.c    results of the lab -> text and JSON as iproute2 prints them
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd/client.h"

/* iproute2's exit statuses. */
enum {
	IP_OK = 0,
	IP_FAILED = 1,  /* before the kernel was asked: no such device, a bad address */
	IP_REFUSED = 2, /* by the kernel */
	IP_USAGE = 255,
};

struct ip_opts {
	int family;  /* 4, 6; 0: all */
	bool brief;  /* -br */
	bool detail; /* -d */
	bool oneline;
	bool json, pretty;
	uint32_t stats; /* how many -s */
};

struct ip {
	struct cmd_env *env;
	struct client *client; /* NULL until a method is called */
	struct ip_opts opts;
	FILE *out;
	/* The words that are left. */
	int argc;
	char **argv;
};

/* ---- ip.c ---------------------------------------------------------------------------------- */

/* Calls a method for the node; takes `params`, to which the node is added. IP_OK and *ret_result,
 * the caller's (NULL: not wanted); else the exit status, after saying why as ip does. */
int ip_call(struct ip *ip, const char *method, json_t *params, json_t **ret_result);
/* Prints JSON as the options say. */
void ip_json_print(const struct ip *ip, const json_t *value);

/* ---- ip_args.c ----------------------------------------------------------------------------- */

/* `word` abbreviates `full`; the empty word does not. */
bool ip_word_is(const char *word, const char *full);
/* The next word, or NULL. */
const char *ip_next(struct ip *ip);
/* The value that belongs to the word before; NULL: it is missing, and that has been said
 * (IP_USAGE). */
const char *ip_value(struct ip *ip);
/* Says what is wrong with a value, and returns IP_USAGE. */
int ip_bad_value(const char *value, const char *what);
/* A word that nobody understands where `key` could stand: IP_USAGE. */
int ip_garbage(const char *key, const char *word);
/* The object's verb is unknown: IP_USAGE. */
int ip_unknown_verb(const char *object, const char *verb);
/* Checks "10.0.0.0/24", "default", "any", "all" or an address, of the family asked for. IP_OK, or
 * IP_FAILED after saying so. */
int ip_prefix_check(const struct ip *ip, const char *text);
int ip_addr_check(const struct ip *ip, const char *text);
/* A MAC address. */
int ip_lladdr_check(const char *text);
/* A number in [0, max]: IP_OK, or IP_USAGE after saying `Invalid "WHAT" value`. */
bool ip_number_read(const char *text, uint32_t max, uint32_t *ret);
int ip_number(const char *text, uint32_t max, const char *what, uint32_t *ret);

/* A prefix, for filters. */
struct ip_prefix {
	uint8_t family; /* WEFT_AF_*; 0: none, or each */
	uint8_t len;
	uint8_t bytes[16];
};
/* False: not a prefix. "default", "any" and "all" are of length 0 in whichever family. */
bool ip_prefix_read(const char *text, struct ip_prefix *ret);
/* `inner` is `outer` or within it. */
bool ip_prefix_has(const struct ip_prefix *outer, const struct ip_prefix *inner);

/* ---- ip_text.c ----------------------------------------------------------------------------- */

/* What of a link is shown. */
enum ip_link_view {
	IP_VIEW_LINK,
	IP_VIEW_ADDR,       /* with addr_info */
	IP_VIEW_ADDR_ALONE, /* the addresses without their links: a filter by label */
};
/* Links in the form of ip.addrs, filtered already. `hides_lladdr`: a filter by family or address
 * leaves the link-layer line out. */
void ip_links_print(FILE *out, const json_t *links, const struct ip_opts *o, enum ip_link_view view,
		    bool hides_lladdr);
/* The same objects as `ip -j` has them; the caller's. */
json_t *ip_links_json(const json_t *links, const struct ip_opts *o, enum ip_link_view view,
		      bool hides_lladdr);

/* What a filter has fixed is not printed again. Keys of the result, ended by NULL. */
struct ip_hidden {
	const char *keys[12];
	uint32_t n;
	bool shows_table; /* all tables are shown */
};
void ip_routes_print(FILE *out, const json_t *routes, const struct ip_opts *o,
		     const struct ip_hidden *hidden);
json_t *ip_routes_json(const json_t *routes, const struct ip_opts *o,
		       const struct ip_hidden *hidden);
/* The answer of ip.route_get. */
void ip_route_got_print(FILE *out, const json_t *routes, const struct ip_opts *o);

void ip_neighs_print(FILE *out, const json_t *neighs, const struct ip_opts *o, bool hides_dev);
json_t *ip_neighs_json(const json_t *neighs, const struct ip_opts *o, bool hides_dev);

/* ---- the objects: ip->argv is what stands after the object's name --------------------------- */

int ip_addr_run(struct ip *ip);
int ip_link_run(struct ip *ip);
int ip_route_run(struct ip *ip);
int ip_neigh_run(struct ip *ip);
