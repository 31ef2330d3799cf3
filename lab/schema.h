/* SPDX-License-Identifier: MIT */
/*
 * The language of lab files as data: every key of every mapping with its type, unit, default and
 * meaning. The reader (labfile_read.c) follows these tables, and so do the key tables of
 * doc/lab-file.md; a key that is not here does not exist.
 *
 * How it works: a schema describes one kind of mapping and the struct it fills, whose first member
 * is always `struct lab_pos pos`. A key says where in that struct its value goes. Containers (map,
 * list, named list) name the schema of what is in them.
 */
#pragma once

#include "base/compiler.h"
#include "lab/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum lab_type {
	/* Scalars, and the type of the field that each fills */
	LAB_T_TEXT,      /* const char *: any text */
	LAB_T_LAB_NAME,  /* const char * */
	LAB_T_NODE_NAME, /* const char * */
	LAB_T_IF_NAME,   /* const char * */
	LAB_T_HOST_NAME, /* const char * */
	LAB_T_SYSCTL,    /* const char *: the name of a setting */
	LAB_T_DOC_PATH,  /* const char *: the path of a URL */
	LAB_T_DIR,       /* const char *: a directory, relative to the lab file */
	LAB_T_BOOL,      /* bool */
	LAB_T_U32,       /* uint32_t from min to max */
	LAB_T_U64,       /* uint64_t from min to max */
	LAB_T_WORD,      /* uint32_t: the value of one of `words` */
	LAB_T_RATE,      /* uint64_t, bits a second */
	LAB_T_DURATION,  /* int64_t, ns */
	LAB_T_SHARE,     /* uint32_t, parts of a million */
	LAB_T_SIZE,      /* uint64_t, bytes */
	LAB_T_QUEUE,     /* struct lab_queue */
	LAB_T_MSS,       /* uint32_t: bytes, or LABFILE_MSS_PMTU */
	LAB_T_IP,        /* struct lab_scoped_ip */
	LAB_T_HOST_NET,  /* struct lab_net: an address with the length of its prefix */
	LAB_T_NET,       /* struct lab_net: a prefix, or "default" */
	LAB_T_PREFIX,    /* struct lab_net: a prefix whose addresses hosts can have */
	LAB_T_MAC,       /* struct lab_mac */
	LAB_T_TARGET,    /* const char *: an address or the name of a node */
	LAB_T_HOST,      /* const char *: an address, the name of a node, or one under hosts */
	LAB_T_URL,       /* const char *: http://HOST[:PORT][/PATH] */
	LAB_T_END,       /* struct labfile_end: "node:interface" */
	LAB_T_LINK_END,  /* struct labfile_end: likewise, or a switch alone */
	/* Collections and the rest; `sub` says what is in them where it is a mapping */
	LAB_T_WORDS,   /* uint32_t: the or of the values of some `words`; one, or a list */
	LAB_T_ENDS,    /* struct labfile_end[2]: "A -- B", or a list of two */
	LAB_T_CAPTURE, /* bool at offset2; or a list of END: pointer at offset, number at n_offset
			*/
	LAB_T_ADDRS,   /* one HOST_NET or a list: struct labfile_addr pointer, number */
	LAB_T_MAP,     /* a mapping: the struct itself */
	LAB_T_LIST,    /* a list of mappings: pointer, number */
	LAB_T_NAMED,   /* a mapping from names to mappings: pointer, number */
	LAB_T_TAGGED,  /* a list of mappings of one key each, which says what it is: pointer, number
			*/
	LAB_N_TYPES,
};

enum lab_key_flags {
	LAB_KEY_REQUIRED = 1 << 0,
	/* The same field as the key before it, under another name: only one of them is given. */
	LAB_KEY_ALIAS = 1 << 1,
	/* Nothing else in the file depends on the value: with a mistake in it, the checks of the
	 * network as a whole are still worth making. */
	LAB_KEY_ASIDE = 1 << 2,
	/* No other part of the file names what is in it, but the network is not complete without:
	 * with a mistake in it, names are still checked, addresses and routes are not. */
	LAB_KEY_SEPARATE = 1 << 3,
	/* A mapping that changes what stands in another one: keys left out have no default. */
	LAB_KEY_OVERRIDE = 1 << 4,
	/* It tells one thing from the others, so it cannot stand in `defaults`. */
	LAB_KEY_OWN = 1 << 5,
	/* A mapping of what others have when they do not say it: keys left out have no default. */
	LAB_KEY_TEMPLATE = 1 << 6,
};

struct lab_schema;

struct lab_word {
	const char *name;
	uint32_t value;
};

struct lab_key {
	const char *name; /* for TAGGED schemas, the tag */
	enum lab_type type;
	uint32_t flags;    /* enum lab_key_flags */
	uint32_t offset;   /* of the field in the struct of the schema */
	uint32_t n_offset; /* of the uint32_t with the number of items, for the types that have one
			    */
	uint32_t offset2;  /* CAPTURE: of the bool */
	uint64_t min, max; /* U32 and U64 */
	const struct lab_word *words; /* WORD and WORDS; ends with a NULL name */
	const struct lab_schema *sub; /* MAP, LIST, NAMED, TAGGED */
	const char *deflt; /* as one would write it in the file; NULL: zero, and `help` says so */
	const char *help;  /* one sentence, no full stop at the end */
};

struct lab_schema {
	const char *name;           /* for titles and messages: "link", "node" */
	const char *help;           /* one sentence */
	const char *where;          /* the path in the file: "nodes.NAME.interfaces.NAME" */
	size_t size;                /* of the struct */
	const struct lab_key *keys; /* ends with a NULL name */
	/* The keys of another schema that are keys of this one too, and the offset of its struct.
	 */
	const struct lab_schema *also;
	uint32_t also_offset;
	uint32_t given_offset; /* of a uint32_t that gets the mask of the keys in the file, or 0 */
	/* NAMED: where the name goes, and its type. TAGGED: where the kind goes; it is the
	 * number of the tag's key. */
	uint32_t name_offset;
	enum lab_type name_type;
	/* What a plain word or list in place of the mapping means: NULL, "" (each by its own
	 * parser) or the name of the key that it is the value of. */
	const char *short_key;
	const char *short_help; /* the form, for messages and the manual */
	/* The key of `defaults` for this kind of mapping: a name, or the WORD key that says it. */
	const char *defaults_name;
	const struct lab_key *defaults_key;
};

/* What a type is called and how it is written; `example` completes messages. */
struct lab_type_info {
	const char *name;    /* "rate" */
	const char *is_not;  /* the phrase of a value that is none: "is not a rate" */
	const char *advice;  /* "write a number and a unit: ..." */
	const char *example; /* "50mbit" */
	size_t size;         /* of the field, for scalars */
};

extern const struct lab_schema lab_schema_file;
extern const struct lab_type_info lab_type_infos[LAB_N_TYPES];

/* The ending of several of what `name` names: mappings, prefixes. */
const char *lab_plural(const char *name);

/* Every schema once, parents before children; ends with NULL. */
extern const struct lab_schema *const lab_schemas[];

/* The key of that name, here or in `also` (then *ret_offset is what to add to offsets). */
const struct lab_key *lab_schema_key(const struct lab_schema *schema, const char *name,
				     uint32_t *ret_offset);

/*
 * Parses the text of a scalar into the field. 0; -ENOMEM; or -EINVAL with *ret_why: a phrase that
 * follows the quoted text, as in units.h. Strings are copied into the arena.
 */
int lab_value_parse(const struct lab_key *key, const char *text, struct arena *arena, void *field,
		    const char **ret_why) MUST_CHECK;

/* What to write instead: the type's advice with the words or bounds of this key. Fills `buf`. */
const char *lab_key_advice(const struct lab_key *key, char *buf, size_t size);

/* The table of the keys of one schema in Markdown, as it stands in doc/lab-file.md. */
void lab_schema_print_markdown(const struct lab_schema *schema, FILE *out);

/* Both again for weft-lab(5), in the macros of man(7). */
void lab_schema_print_man(const struct lab_schema *schema, FILE *out);
void lab_types_print_man(FILE *out);

/* The whole language as a JSON Schema, for editors. */
void lab_schema_print_json(FILE *out);

/* The same for the types: how the values of each are written. */
void lab_types_print_markdown(FILE *out);
