/* SPDX-License-Identifier: MIT */
/*
 * Filters of `weft ss`: states, and expressions over addresses, ports and interfaces.
 *
 *	or   := and { ("or" | "|" | "||") and }
 *	and  := not { ["and" | "&" | "&&"] not }
 *	not  := ("not" | "!") not | "(" or ")" | term
 *	term := ("dst" | "src") [op] HOST | ("dport" | "sport") [op] PORT | "dev" [op] IF | HOST
 *
 * How it works: the words are cut into tokens, and read by a function a line of the grammar into an
 * array of nodes that name each other by index. Bounds: SS_NODES_MAX nodes, SS_DEPTH_MAX levels.
 */
#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/json_text.h"
#include "cmd/ss.h"
#include "weft/socket.h"
#include "weft/types.h"

enum {
	SS_NODES_MAX = 256,
	SS_DEPTH_MAX = 64,
	SS_TOKEN_MAX = 128,
};

/* ---- states -------------------------------------------------------------------------------- */

static const struct {
	const char *word, *shown;
} state_names[] = {
	[WEFT_TCP_ESTABLISHED] = {"established", "ESTAB"},
	[WEFT_TCP_SYN_SENT] = {"syn-sent", "SYN-SENT"},
	[WEFT_TCP_SYN_RECV] = {"syn-recv", "SYN-RECV"},
	[WEFT_TCP_FIN_WAIT1] = {"fin-wait-1", "FIN-WAIT-1"},
	[WEFT_TCP_FIN_WAIT2] = {"fin-wait-2", "FIN-WAIT-2"},
	[WEFT_TCP_TIME_WAIT] = {"time-wait", "TIME-WAIT"},
	[WEFT_TCP_CLOSE] = {"unconnected", "UNCONN"},
	[WEFT_TCP_CLOSE_WAIT] = {"close-wait", "CLOSE-WAIT"},
	[WEFT_TCP_LAST_ACK] = {"last-ack", "LAST-ACK"},
	[WEFT_TCP_LISTEN] = {"listening", "LISTEN"},
	[WEFT_TCP_CLOSING] = {"closing", "CLOSING"},
};

uint32_t ss_states_of(const char *word)
{
	const uint32_t bucket = 1u << WEFT_TCP_SYN_RECV | 1u << WEFT_TCP_TIME_WAIT;
	const uint32_t connected = SS_STATES_ALL & ~(1u << WEFT_TCP_CLOSE | 1u << WEFT_TCP_LISTEN);
	const struct {
		const char *word;
		uint32_t states;
	} sets[] = {
		{"all", SS_STATES_ALL},
		{"connected", connected},
		{"synchronized", connected & ~(1u << WEFT_TCP_SYN_SENT)},
		{"bucket", bucket},
		{"big", SS_STATES_ALL & ~bucket},
		{"close", 1u << WEFT_TCP_CLOSE},
		{"closed", 1u << WEFT_TCP_CLOSE},
		{"listen", 1u << WEFT_TCP_LISTEN},
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (strcasecmp(word, sets[i].word) == 0)
			return sets[i].states;
	for (size_t i = 1; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (strcasecmp(word, state_names[i].word) == 0)
			return 1u << i;
	return 0;
}

uint32_t ss_state_bit(const char *shown)
{
	for (size_t i = 1; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (strcmp(shown, state_names[i].shown) == 0)
			return 1u << i;
	return 0;
}

/* ---- the tree ------------------------------------------------------------------------------ */

enum node_kind {
	NODE_OR,
	NODE_AND,
	NODE_NOT,
	NODE_HOST, /* address and port of one end */
	NODE_PORT,
	NODE_DEV,
};

enum cmp {
	CMP_EQ,
	CMP_NE,
	CMP_LT,
	CMP_LE,
	CMP_GT,
	CMP_GE,
};

struct node {
	enum node_kind kind;
	uint32_t a, b;   /* operands */
	const char *end; /* "local" or "peer" */
	enum cmp cmp;
	bool has_addr, has_port;
	struct weft_addr addr;
	uint8_t len;
	uint16_t port;
	char dev[16];
};

struct ss_filter {
	uint32_t n;
	uint32_t root;
	struct node nodes[SS_NODES_MAX];
};

/* ---- reading ------------------------------------------------------------------------------- */

struct reader {
	const char *at;
	char token[SS_TOKEN_MAX]; /* the one to be read next; empty: the end */
	struct ss_filter *f;
	uint32_t depth;
	int status; /* not 0: it is wrong, and that has been said */
};

static int syntax_error(struct reader *r)
{
	if (!r->status)
		fprintf(stderr,
			"ss: the filter is wrong %s%s%s; expected are `dst ADDRESS[/LEN][:PORT]`, "
			"`src ...`, `sport OP PORT`, `dport OP PORT` or `dev IF`, with `and`, "
			"`or`, "
			"`not` and parentheses\n",
			r->token[0] ? "at \"" : "at its end", r->token, r->token[0] ? "\"" : "");
	r->status = SS_USAGE;
	return r->status;
}

static bool is_mark(char c)
{
	return c && strchr("()!=<>&|", c);
}

/* Reads the next token into r->token. */
static void advance(struct reader *r)
{
	size_t len = 0;

	while (isspace((unsigned char)*r->at))
		r->at++;
	if (*r->at == '(' || *r->at == ')') {
		len = 1;
	} else if (is_mark(*r->at)) {
		/* One of ! = == != < <= > >= & && | || */
		len = r->at[1] && (r->at[1] == '=' || (strchr("&|", *r->at) && r->at[1] == *r->at))
			      ? 2
			      : 1;
	} else {
		while (r->at[len] && !isspace((unsigned char)r->at[len]) && !is_mark(r->at[len]))
			len++;
	}
	if (len >= sizeof(r->token)) {
		memcpy(r->token, r->at, sizeof(r->token) - 1);
		r->token[sizeof(r->token) - 1] = '\0';
		(void)syntax_error(r);
		return;
	}
	memcpy(r->token, r->at, len);
	r->token[len] = '\0';
	r->at += len;
}

static bool token_is(const struct reader *r, const char *a, const char *b, const char *c)
{
	return !strcmp(r->token, a) || (b && !strcmp(r->token, b)) || (c && !strcmp(r->token, c));
}

/* A new node; the index of one that is never looked at when there are too many. */
static uint32_t node_new(struct reader *r, enum node_kind kind, uint32_t a, uint32_t b)
{
	if (r->f->n == SS_NODES_MAX) {
		if (!r->status)
			fprintf(stderr, "ss: the filter has more than %d parts\n", SS_NODES_MAX);
		r->status = SS_USAGE;
		return 0;
	}
	r->f->nodes[r->f->n] = (struct node){.kind = kind, .a = a, .b = b};
	return r->f->n++;
}

static uint32_t parse_or(struct reader *r);

static bool op_read(struct reader *r, enum cmp *ret)
{
	static const struct {
		const char *word;
		enum cmp cmp;
	} ops[] = {
		{"=", CMP_EQ},  {"==", CMP_EQ},  {"eq", CMP_EQ},  {"!=", CMP_NE},
		{"ne", CMP_NE}, {"neq", CMP_NE}, {"<", CMP_LT},   {"lt", CMP_LT},
		{"<=", CMP_LE}, {"le", CMP_LE},  {"leq", CMP_LE}, {">", CMP_GT},
		{"gt", CMP_GT}, {">=", CMP_GE},  {"ge", CMP_GE},  {"geq", CMP_GE},
	};

	*ret = CMP_EQ;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(r->token, ops[i].word) == 0) {
			*ret = ops[i].cmp;
			advance(r);
			return true;
		}
	}
	return false;
}

static int host_error(struct reader *r, const char *what, const char *text)
{
	if (!r->status)
		fprintf(stderr, what, text);
	if (!r->status)
		fprintf(stderr, "Cannot parse dst/src address.\n");
	r->status = 1;
	return r->status;
}

static int port_parse(struct reader *r, const char *text, uint16_t *ret)
{
	const struct servent *service;
	unsigned long n;
	char *end;

	n = strtoul(text, &end, 10);
	if (isdigit((unsigned char)*text) && !*end && n <= UINT16_MAX) {
		*ret = (uint16_t)n;
		return 0;
	}
	service = getservbyname(text, NULL);
	if (!*text || !service)
		return host_error(r, "Error: \"%s\" does not look like a port.\n", text);
	*ret = (uint16_t)((service->s_port & 0xff) << 8 | (service->s_port >> 8 & 0xff));
	return 0;
}

/* "ADDRESS", "ADDRESS/LEN", ":PORT", both, "[v6]:PORT", "*" or nothing before the colon. */
static int host_parse(struct reader *r, const char *text, struct node *n)
{
	char addr[SS_TOKEN_MAX];
	const char *colon = strrchr(text, ':'), *from = text;
	size_t len;

	if (strncmp(text, "inet:", 5) == 0)
		from = text + 5;
	/* A bare IPv6 address has colons and no port. */
	if (colon && colon >= from && *from != '[' && strchr(from, ':') != colon)
		colon = NULL;
	if (colon && *from == '[' && colon[-1] != ']' && !strchr(colon, '/'))
		colon = strchr(from, ']') && strchr(from, ']')[1] == ':' ? colon : NULL;
	if (colon && colon < from)
		colon = NULL;
	len = colon ? (size_t)(colon - from) : strlen(from);
	if (len >= 2 && *from == '[' && from[len - 1] == ']') {
		from++;
		len -= 2;
	}
	memcpy(addr, from, len);
	addr[len] = '\0';
	if (len && strcmp(addr, "*") != 0) {
		if (weft_prefix_parse(addr, &n->addr, &n->len))
			return host_error(
				r, "Error: an inet prefix is expected rather than \"%s\".\n", addr);
		n->has_addr = true;
	}
	if (!colon || strcmp(colon + 1, "*") == 0)
		return 0;
	n->has_port = true;
	return port_parse(r, colon + 1, &n->port);
}

static uint32_t parse_host(struct reader *r, const char *end, enum cmp cmp)
{
	uint32_t i = node_new(r, NODE_HOST, 0, 0);
	struct node *n = &r->f->nodes[i];

	if (r->status)
		return i;
	n->end = end;
	n->cmp = cmp;
	if (cmp != CMP_EQ && cmp != CMP_NE) {
		(void)syntax_error(r);
		return i;
	}
	if (host_parse(r, r->token, n) == 0)
		advance(r);
	return i;
}

static uint32_t parse_port(struct reader *r, const char *end, enum cmp cmp)
{
	uint32_t i = node_new(r, NODE_PORT, 0, 0);
	struct node *n = &r->f->nodes[i];

	if (r->status)
		return i;
	n->end = end;
	n->cmp = cmp;
	if (port_parse(r, r->token + (r->token[0] == ':'), &n->port) == 0)
		advance(r);
	return i;
}

static uint32_t parse_dev(struct reader *r, enum cmp cmp)
{
	uint32_t i = node_new(r, NODE_DEV, 0, 0);
	struct node *n = &r->f->nodes[i];

	if (r->status)
		return i;
	n->cmp = cmp;
	if ((cmp != CMP_EQ && cmp != CMP_NE) || strlen(r->token) >= sizeof(n->dev)) {
		(void)syntax_error(r);
		return i;
	}
	memcpy(n->dev, r->token, strlen(r->token) + 1);
	advance(r);
	return i;
}

static uint32_t parse_term(struct reader *r)
{
	const char *end = r->token[0] == 's' ? "local" : "peer";
	bool is_host = token_is(r, "src", "dst", NULL),
	     is_port = token_is(r, "sport", "dport", NULL);
	bool is_dev = token_is(r, "dev", NULL, NULL);
	enum cmp cmp = CMP_EQ;

	if (is_host || is_port || is_dev) {
		advance(r);
		(void)op_read(r, &cmp);
	} else {
		end = "peer"; /* an address alone is the peer's */
	}
	if (!r->token[0] || is_mark(r->token[0])) {
		(void)syntax_error(r);
		return 0;
	}
	if (is_dev)
		return parse_dev(r, cmp);
	return is_port ? parse_port(r, end, cmp) : parse_host(r, end, cmp);
}

static uint32_t parse_not(struct reader *r)
{
	uint32_t inner = 0;

	if (r->status || ++r->depth > SS_DEPTH_MAX) {
		(void)syntax_error(r);
		return 0;
	}
	if (token_is(r, "!", "not", NULL)) {
		advance(r);
		inner = node_new(r, NODE_NOT, parse_not(r), 0);
	} else if (token_is(r, "(", NULL, NULL)) {
		advance(r);
		inner = parse_or(r);
		if (!r->status && token_is(r, ")", NULL, NULL))
			advance(r);
		else
			(void)syntax_error(r);
	} else {
		inner = parse_term(r);
	}
	r->depth--;
	return inner;
}

static uint32_t parse_and(struct reader *r)
{
	uint32_t left = parse_not(r);

	while (!r->status && r->token[0] && !token_is(r, ")", NULL, NULL) &&
	       !token_is(r, "or", "|", "||")) {
		if (token_is(r, "and", "&", "&&"))
			advance(r);
		left = node_new(r, NODE_AND, left, parse_not(r));
	}
	return left;
}

static uint32_t parse_or(struct reader *r)
{
	uint32_t left = parse_and(r);

	while (!r->status && token_is(r, "or", "|", "||")) {
		advance(r);
		left = node_new(r, NODE_OR, left, parse_and(r));
	}
	return left;
}

/* The words with blanks between; the caller's. */
static char *words_join(char *const *words)
{
	size_t len = 1;
	char *text, *end;

	for (char *const *w = words; *w; w++)
		len += strlen(*w) + 1;
	text = end = malloc(len);
	if (!text)
		return NULL;
	for (char *const *w = words; *w; w++) {
		memcpy(end, *w, strlen(*w));
		end += strlen(*w);
		*end++ = ' ';
	}
	*end = '\0';
	return text;
}

int ss_filter_parse(char *const *words, struct ss_filter **ret)
{
	struct reader r = {0};
	char *text;

	*ret = NULL;
	if (!words || !*words)
		return 0;
	text = words_join(words);
	r.f = calloc(1, sizeof(*r.f));
	if (!text || !r.f) {
		fprintf(stderr, "ss: out of memory\n");
		free(text);
		free(r.f);
		return 1;
	}
	r.at = text;
	advance(&r);
	if (!r.token[0] && !r.status) { /* blanks alone */
		free(text);
		free(r.f);
		return 0;
	}
	r.f->root = parse_or(&r);
	if (!r.status && r.token[0])
		(void)syntax_error(&r);
	free(text);
	if (r.status)
		free(r.f);
	else
		*ret = r.f;
	return r.status;
}

void ss_filter_free(struct ss_filter *f)
{
	free(f);
}

/* ---- deciding ------------------------------------------------------------------------------ */

static bool addr_fits(const struct node *n, const char *text)
{
	uint8_t whole = n->len / 8, rest = n->len % 8;
	struct weft_addr a;

	if (weft_addr_parse(text, &a) || a.family != n->addr.family)
		return false;
	if (memcmp(a.bytes, n->addr.bytes, whole) != 0)
		return false;
	return rest == 0 || ((a.bytes[whole] ^ n->addr.bytes[whole]) >> (8 - rest)) == 0;
}

static bool cmp_holds(enum cmp cmp, int64_t a, int64_t b)
{
	switch (cmp) {
	case CMP_EQ:
		return a == b;
	case CMP_NE:
		return a != b;
	case CMP_LT:
		return a < b;
	case CMP_LE:
		return a <= b;
	case CMP_GT:
		return a > b;
	case CMP_GE:
		return a >= b;
	}
	return false;
}

static bool node_fits(const struct ss_filter *f, const struct node *n, const json_t *sock)
{
	const json_t *end = n->end ? json_object_get(sock, n->end) : NULL;
	bool fits;

	switch (n->kind) {
	case NODE_OR:
		return node_fits(f, &f->nodes[n->a], sock) || node_fits(f, &f->nodes[n->b], sock);
	case NODE_AND:
		return node_fits(f, &f->nodes[n->a], sock) && node_fits(f, &f->nodes[n->b], sock);
	case NODE_NOT:
		return !node_fits(f, &f->nodes[n->a], sock);
	case NODE_HOST:
		fits = (!n->has_addr || addr_fits(n, json_text_of(end, "address"))) &&
		       (!n->has_port || json_int_of(end, "port") == n->port);
		return fits == (n->cmp == CMP_EQ);
	case NODE_PORT:
		return cmp_holds(n->cmp, json_int_of(end, "port"), n->port);
	case NODE_DEV:
		fits = strcmp(json_text_of(sock, "dev"), n->dev) == 0;
		return fits == (n->cmp == CMP_EQ);
	}
	return false;
}

bool ss_filter_fits(const struct ss_filter *f, const json_t *sock)
{
	return !f || node_fits(f, &f->nodes[f->root], sock);
}
