/* SPDX-License-Identifier: MIT */
/* Journeys in words; what they are made of is in lab/rpc_trace.c. */
#include "cmd/why_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	NODE_WIDTH = 12,
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static int64_t int_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

void why_print_ago(FILE *out, int64_t ns)
{
	int64_t ms = ns / 1000000;

	if (ms < 10000)
		fprintf(out, "%" PRId64 ".%03" PRId64 " s ago", ms / 1000, ms % 1000);
	else if (ms < 600000)
		fprintf(out, "%" PRId64 " s ago", ms / 1000);
	else
		fprintf(out, "%" PRId64 " min ago", ms / 60000);
}

static void print_packet(FILE *out, const json_t *event)
{
	const char *flow = text_of(event, "flow");

	fprintf(out, "packet %" PRId64 ": %s%s%" PRId64 " bytes", int_of(event, "trace"), flow,
		flow[0] ? ", " : "", int_of(event, "len"));
}

void why_print_line(FILE *out, const json_t *event)
{
	const char *flow = text_of(event, "flow"), *iface = text_of(event, "if");

	fprintf(out, "%8" PRId64 "  ", int_of(event, "trace"));
	why_print_ago(out, int_of(event, "ago_ns"));
	fprintf(out, "  %s%s%s  %s  %s%s(%s)\n", text_of(event, "node"), iface[0] ? ":" : "", iface,
		text_of(event, "reason"), flow, flow[0] ? "  " : "", text_of(event, "why"));
}

/* ---- hops -------------------------------------------------------------------------------- */

static const char *proto_name(int64_t proto)
{
	switch (proto) {
	case 1:
		return "ICMP";
	case 6:
		return "TCP";
	case 17:
		return "UDP";
	default:
		return "IP";
	}
}

/* The network of `bits` that the destination of "A:1 > B:2 tcp" is in; false: not IPv4. */
static bool network_of(const char *flow, int64_t bits, char *buf, size_t size)
{
	const char *at = strstr(flow, " > ");
	char text[INET_ADDRSTRLEN];
	struct in_addr addr;
	size_t n;

	if (!at || bits < 0 || bits > 32)
		return false;
	n = strspn(at + 3, "0123456789.");
	if (n >= sizeof(text))
		return false;
	memcpy(text, at + 3, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, &addr) != 1)
		return false;
	addr.s_addr &= htonl(bits ? UINT32_MAX << (32 - bits) : 0);
	inet_ntop(AF_INET, &addr, text, sizeof(text));
	snprintf(buf, size, "%s/%d", text, (int)bits);
	return true;
}

static void print_route(FILE *out, const json_t *event, int64_t bits)
{
	char net[64];

	if (bits == 0)
		fprintf(out, "the default route matches");
	else if (network_of(text_of(event, "flow"), bits, net, sizeof(net)))
		fprintf(out, "the route to %s matches", net);
	else
		fprintf(out, "a route with a prefix of %" PRId64 " bits matches", bits);
}

static void print_waiting(FILE *out, int64_t n)
{
	if (n > 1)
		fprintf(out, "waits for its turn on the link, behind %" PRId64 " packet%s", n - 1,
			n > 2 ? "s" : "");
	else
		fprintf(out, "goes onto the link at once");
}

/* What a hop says; `is_first`: it is the first one of all. */
static void print_hop(FILE *out, const json_t *event, const json_t *hop, bool is_first)
{
	const char *kind = text_of(hop, "hop"), *iface = text_of(hop, "if");
	int64_t n = int_of(hop, "n");

	if (!strcmp(kind, "rx") && !iface[0] && is_first) /* by the TAP of a kernel node */
		fprintf(out, "sent by the kernel");
	else if (!strcmp(kind, "rx"))
		fprintf(out, "comes in by %s", iface[0] ? iface : "an interface");
	else if (!strcmp(kind, "tx"))
		fprintf(out, "leaves by %s", iface[0] ? iface : "an interface");
	else if (!strcmp(kind, "route"))
		print_route(out, event, n);
	else if (!strcmp(kind, "bridge"))
		fprintf(out, n ? "the switch knows the port of the destination"
			       : "the switch floods it: it does not know where the destination is");
	else if (!strcmp(kind, "queue"))
		print_waiting(out, n);
	else if (!strcmp(kind, "sock"))
		fprintf(out, is_first ? "sent by a socket, %s" : "for a socket, %s", proto_name(n));
	else if (!strcmp(kind, "neigh"))
		fprintf(out, "waits until the next hop's link address is known (ARP)");
	else if (!strcmp(kind, "drop"))
		fprintf(out, "dropped: %s", text_of(hop, "reason"));
	else
		fprintf(out, "%s %" PRId64, kind, n);
}

/* Whether `word` stands at `at`, and not as a part of another. */
static bool is_word_at(const char *text, const char *at, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(at, word, len) && (at == text || at[-1] == ' ') &&
	       (at[len] == ' ' || at[len] == '\0');
}

/* The advice, with the names of node and interface where it says NODE and IF. */
static void print_what_to_do(FILE *out, const json_t *event, bool is_gateway)
{
	const char *reason = text_of(event, "reason");
	const char *text = is_gateway ? why_advice_gateway(reason) : why_advice(reason);
	const char *iface = text_of(event, "if");

	if (!text)
		return;
	fprintf(out, "\nWhat to do: ");
	for (const char *at = text; *at; at++) {
		if (is_word_at(text, at, "NODE")) {
			fputs(text_of(event, "node"), out);
			at += strlen("NODE") - 1;
		} else if (iface[0] && is_word_at(text, at, "IF")) {
			fputs(iface, out);
			at += strlen("IF") - 1;
		} else {
			fputc(*at, out);
		}
	}
	fprintf(out, ".\n");
}

static bool has_stack(const json_t *hops)
{
	const json_t *hop;
	size_t i;

	json_array_foreach (hops, i, hop)
		if (!strcmp(text_of(hop, "hop"), "stack"))
			return true;
	return false;
}

void why_print_drop(FILE *out, const json_t *event, bool is_gateway)
{
	const json_t *hops = json_object_get(event, "hops"), *hop;
	const char *node = text_of(event, "node"), *iface = text_of(event, "if");
	bool has_node = false, is_first = true;
	size_t i;

	print_packet(out, event);
	fprintf(out, "\ndropped ");
	why_print_ago(out, int_of(event, "ago_ns"));
	fprintf(out, " in %s%s%s: %s\n\n", node, iface[0] ? ", interface " : "", iface,
		text_of(event, "reason"));
	if (has_stack(hops))
		node = "?"; /* until a hop says it: the link that it came by has gone since */
	json_array_foreach (hops, i, hop) {
		if (!strcmp(text_of(hop, "hop"), "stack")) {
			node = text_of(hop, "node");
			has_node = false;
			continue;
		}
		fprintf(out, "  %-*s ", NODE_WIDTH, has_node ? "" : node);
		print_hop(out, event, hop, is_first);
		if (!strcmp(text_of(hop, "hop"), "drop"))
			fprintf(out, " (%s)", text_of(event, "why"));
		fprintf(out, "\n");
		has_node = true;
		is_first = false;
	}
	print_what_to_do(out, event, is_gateway);
}

/* ---- traced packets ---------------------------------------------------------------------- */

/* Where the hops of this event begin that no event before it has told: behind the last interface
 * passed before its own. */
static size_t hops_from(const json_t *hops)
{
	size_t n = json_array_size(hops), i = n ? n - 1 : 0;

	while (i > 0) {
		const char *kind = text_of(json_array_get(hops, i - 1), "hop");

		if (!strcmp(kind, "rx") || !strcmp(kind, "tx") || !strcmp(kind, "stack"))
			break;
		i--;
	}
	return i;
}

static void print_event(FILE *out, const json_t *event, int64_t start_ns, bool is_first)
{
	const json_t *hops = json_object_get(event, "hops");
	int64_t us = (int_of(event, "time_ns") - start_ns) / 1000;
	size_t n = json_array_size(hops);

	fprintf(out, "  %6" PRId64 ".%03" PRId64 " ms  %-*s ", us / 1000, us % 1000, NODE_WIDTH,
		text_of(event, "node"));
	for (size_t i = hops_from(hops); i < n; i++) {
		print_hop(out, event, json_array_get(hops, i), is_first && i + 1 < n);
		fprintf(out, i + 1 < n ? "; " : "");
	}
	if (!strcmp(text_of(event, "event"), "drop"))
		fprintf(out, " (%s)", text_of(event, "why"));
	fprintf(out, "\n");
}

void why_print_trace(FILE *out, const json_t *events, bool is_gateway)
{
	size_t n = json_array_size(events), i;
	const json_t *event, *first = json_array_get(events, 0), *last = NULL;

	if (!n)
		return;
	if (n == 1 && !strcmp(text_of(first, "event"), "drop")) {
		why_print_drop(out, first, is_gateway);
		return;
	}
	last = json_array_get(events, n - 1);
	print_packet(out, last);
	fprintf(out, "\n");
	why_print_ago(out, int_of(first, "ago_ns"));
	fprintf(out, ":\n\n");
	json_array_foreach (events, i, event)
		print_event(out, event, int_of(first, "time_ns"), i == 0);
	if (!strcmp(text_of(last, "event"), "drop"))
		print_what_to_do(out, last, is_gateway);
	else
		fprintf(out, "\nNothing is known of a drop: the last node has taken it, or it is "
			     "under way.\n");
}
