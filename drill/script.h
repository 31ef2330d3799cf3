/* SPDX-License-Identifier: MIT */
/*
 * A packet script as a tree: what the parser (parse.h) makes of the text and the runner (run.c)
 * executes. Everything lives in the script's arena. Times are microseconds, numbers host order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/arena.h"

enum {
	DRILL_TCP_OPTS_MAX = 40,
	DRILL_DEPTH_MAX = 64,               /* nesting of expressions */
	DRILL_SCRIPT_MAX = 256 * 1024,      /* bytes of a script */
	DRILL_PAYLOAD_MAX = 65535 - 60,     /* bytes of one packet */
	DRILL_TIME_MAX_S = 365 * 24 * 3600, /* of one time in a script */
};

/* ---- expressions: arguments of calls ---- */

enum drill_expr_kind {
	DRILL_EXPR_ELLIPSIS, /* ... */
	DRILL_EXPR_INT,
	DRILL_EXPR_WORD,
	DRILL_EXPR_STRING, /* also "abc"...: is_open */
	DRILL_EXPR_OR,     /* first | second */
	DRILL_EXPR_CALL,   /* word(first) : htons(8080), inet_addr("1.2.3.4") */
	DRILL_EXPR_LIST,   /* [a, b] */
	DRILL_EXPR_STRUCT, /* {a = 1, b} : items with or without names */
};

struct drill_expr {
	struct drill_expr *next; /* in a list, a struct, the arguments of a call */
	uint32_t line;
	enum drill_expr_kind kind;
	bool is_open;              /* a string that goes on: "abc"... */
	int64_t num;               /* INT */
	char *text;                /* WORD, STRING, CALL: its name */
	size_t len;                /* of a STRING, escapes resolved */
	char *name;                /* of an item of a struct; NULL: none */
	struct drill_expr *count;  /* name(count)= ...; NULL: none */
	struct drill_expr *first;  /* LIST, STRUCT: items; OR, CALL: operands */
	struct drill_expr *second; /* OR */
};

struct drill_call {
	char *name;
	struct drill_expr *args;
	uint32_t n_args;
	int64_t end_us; /* as written behind "..."; -1: does not block */
	struct drill_expr *result;
	char *error; /* "EINPROGRESS"; NULL: none */
	char *text;  /* as in the script, for messages */
};

/* ---- packets ---- */

enum drill_proto {
	DRILL_TCP,
	DRILL_UDP,
	DRILL_ICMP,
	DRILL_LAYERS, /* said header by header */
};

enum drill_tos_check {
	DRILL_TOS_NONE,
	DRILL_TOS_ECN,   /* the two ECN bits are `tos` */
	DRILL_TOS_ECT01, /* one of the two ECT code points */
	DRILL_TOS_ALL,   /* the whole octet */
};

/* Bits of struct drill_packet.flags, as in the TCP header. */
enum {
	DRILL_FIN = 0x001,
	DRILL_SYN = 0x002,
	DRILL_RST = 0x004,
	DRILL_PSH = 0x008,
	DRILL_ACK = 0x010,
	DRILL_URG = 0x020,
	DRILL_ECE = 0x040,
	DRILL_CWR = 0x080,
	DRILL_AE = 0x100,
};

/* ---- packets that are said header by header (layer.h) ---- */

enum drill_addr_kind {
	DRILL_ADDR_BYTES,
	DRILL_ADDR_LOCAL, /* the stack's, of the family of the run */
	DRILL_ADDR_REMOTE,
	DRILL_ADDR_GATEWAY,
	DRILL_ADDR_VAR, /* $name */
	DRILL_ADDR_ANY, /* ... : whatever it is */
};

struct drill_addr {
	enum drill_addr_kind kind;
	bool is_ip4;   /* BYTES */
	bool is_group; /* the solicited-node group of it */
	uint8_t bytes[16];
	char *var;
};

enum drill_field_kind {
	DRILL_FIELD_BYTES,
	DRILL_FIELD_ADDR,
	DRILL_FIELD_VAR,     /* $name, `len` bytes; without a name: whatever they are */
	DRILL_FIELD_PATTERN, /* `len` bytes of drill_pattern() */
	DRILL_FIELD_ICMP,    /* type and code, by the family */
	DRILL_FIELD_POINTER, /* second word of a parameter problem, by the family */
	DRILL_FIELD_QUOTE,   /* a whole packet */
	DRILL_FIELD_PAD,     /* PadN, up to a multiple of 8 */
};

struct drill_field {
	struct drill_field *next;
	const char *name;
	enum drill_field_kind kind;
	uint32_t len;
	uint8_t bytes[16];
	const uint8_t *data; /* BYTES that are more than 16; else NULL */
	struct drill_addr addr;
	char *var;
	const struct drill_layers *quote;
};

enum drill_layer_kind {
	DRILL_LAYER_EXT,  /* next header, length, fields */
	DRILL_LAYER_FRAG, /* a part of what follows */
	DRILL_LAYER_UPPER,
};

struct drill_layer {
	struct drill_layer *next;
	enum drill_layer_kind kind;
	uint8_t proto; /* of IPv4 where both families have one of their own (ICMP) */
	bool is_open;  /* UPPER: whatever follows the fields */
	struct drill_field *fields;
	/* UPPER */
	int32_t csum_at; /* -1: it has none */
	uint8_t hops;    /* the hop limit that it must have; 0: any */
	/* FRAG: bytes from `off` to `end` of what follows */
	uint32_t off, end, id;
	bool has_id, more;
};

struct drill_layers {
	bool is_arp; /* `first` is the ARP packet, and there is no IP header */
	struct drill_addr src, dst;
	bool has_mac;
	uint8_t mac[6]; /* injected: the source; expected: the destination */
	int32_t last;   /* next header of the last layer; -1: none */
	uint32_t says;  /* 1 << enum drill_subject */
	struct drill_layer *first;
};

/* What an ICMP error quotes. */
struct drill_quote {
	uint8_t proto; /* IP protocol: 6, 17; 0: nothing was said, TCP with sequence number 0 */
	uint32_t seq;
	uint32_t len;
};

struct drill_packet {
	bool is_in; /* injected ("<"); else expected (">") */
	enum drill_proto proto;
	enum drill_tos_check tos_check;
	uint8_t tos;
	uint8_t ttl; /* 0: 64 when sent, not looked at when expected */
	uint32_t flow_label;
	bool has_ports;
	uint16_t sport, dport;
	/* TCP */
	uint16_t flags;
	bool has_ace; /* flags hold a counter of AccECN: AE, CWR and ECE as one number */
	uint32_t seq, len;
	uint32_t ack;
	int32_t wnd; /* as in the header; -1: not looked at */
	uint16_t urg;
	bool opts_any; /* <...> */
	uint8_t opts_len;
	uint8_t opts[DRILL_TCP_OPTS_MAX];
	/* UDP: len. ICMP: */
	uint8_t icmp_type, icmp_code;
	int32_t icmp_mtu; /* -1: none */
	uint16_t icmp_id;
	struct drill_quote quote;
	const struct drill_layers *layers; /* LAYERS */
};

/* ---- events ---- */

enum drill_when {
	DRILL_AT,        /* 1.5 */
	DRILL_AFTER,     /* +.1 */
	DRILL_ANY_TIME,  /* * */
	DRILL_AT_RANGE,  /* 1.5~1.6 */
	DRILL_AFT_RANGE, /* +.1~+.2 */
};

enum drill_event_kind {
	DRILL_EV_PACKET,
	DRILL_EV_CALL,
	DRILL_EV_COMMAND,
	DRILL_EV_CODE,
};

struct drill_code; /* code.h */

struct drill_event {
	struct drill_event *next;
	uint32_t line;
	enum drill_when when;
	int64_t us, end_us; /* end_us: of ranges */
	enum drill_event_kind kind;
	struct drill_packet *packet;
	struct drill_call *call;
	char *command;
	struct drill_code *code;
	char *text; /* the line as written, for messages */
};

/* --name=value at the top of a script */
struct drill_option {
	struct drill_option *next;
	uint32_t line;
	char *name;
	char *value; /* NULL: none */
};

struct drill_script {
	struct arena arena;
	char *path;
	struct drill_option *options;
	char *init; /* command before the first event; NULL: none */
	uint32_t init_line;
	char *cleanup; /* command after the last event */
	uint32_t cleanup_line;
	struct drill_event *events;
	uint32_t n_events;
};
