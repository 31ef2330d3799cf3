/* SPDX-License-Identifier: MIT */
/* The tables of the lab file's language. To add a key: a line here, a field in labfile.h. */
#include "lab/schema.h"

#include "lab/labfile.h"

#include <string.h>

/* The designators of a key: FIELD(struct, member), and COUNTED(struct, pointer, number). */
#define FIELD(s, m)      .offset = offsetof(struct s, m)
#define COUNTED(s, p, n) .offset = offsetof(struct s, p), .n_offset = offsetof(struct s, n)
#define END_OF_KEYS          \
	{                    \
		.name = NULL \
	}

static const struct lab_word kind_words[] = {
	{"weft", LABFILE_WEFT},
	{"kernel", LABFILE_KERNEL},
	{"switch", LABFILE_SWITCH},
	{NULL, 0},
};

static const struct lab_word proto_words[] = {
	{"tcp", LABFILE_TCP},
	{"udp", LABFILE_UDP},
	{NULL, 0},
};

static const struct lab_word routing_words[] = {
	{"none", LABFILE_ROUTING_NONE},
	{"auto", LABFILE_ROUTING_AUTO},
	{NULL, 0},
};

static const struct lab_key iface_keys[] = {
	{
		.name = "address",
		.type = LAB_T_ADDRS,
		COUNTED(labfile_iface, addrs, n_addrs),
		.help = "Its address with the length of the prefix, or a list of them; without "
			"it, the next free one of the link's prefix, if that has one; with an "
			"empty list, none: it takes part in its link only below IP",
	},
	{
		.name = "addresses",
		.type = LAB_T_ADDRS,
		.flags = LAB_KEY_ALIAS,
		COUNTED(labfile_iface, addrs, n_addrs),
		.help = "Another name for `address`",
	},
	{
		.name = "mac",
		.type = LAB_T_MAC,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, mac),
		.help = "Its Ethernet address; without one, weft makes one up from the names of "
			"lab, node and interface",
	},
	{
		.name = "mtu",
		.type = LAB_T_U32,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, mtu),
		.min = 68, /* RFC 791 §3.2 */
		.max = 65535,
		.help = "The longest packet that it sends, in bytes without the Ethernet header; "
			"without one, the link's",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_iface = {
	.name = "interface",
	.help = "An interface of a node.",
	.where = "nodes.NAME.interfaces.NAME",
	.size = sizeof(struct labfile_iface),
	.keys = iface_keys,
	.name_offset = offsetof(struct labfile_iface, name),
	.name_type = LAB_T_IF_NAME,
	.short_key = "address",
	.short_help = "an address (192.0.2.1/24) or a list of them",
};

static const struct lab_key route_keys[] = {
	{
		.name = "to",
		.type = LAB_T_NET,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_route, dst),
		.help = "The destinations: a prefix, or `default` for everything else",
	},
	{
		.name = "via",
		.type = LAB_T_IP,
		FIELD(labfile_route, via),
		.help = "The gateway; without one, the destinations are on the link itself",
	},
	{
		.name = "dev",
		.type = LAB_T_IF_NAME,
		FIELD(labfile_route, dev_name),
		.help = "The interface to send on; with `via`, it follows from the gateway",
	},
	{
		.name = "metric",
		.type = LAB_T_U32,
		FIELD(labfile_route, metric),
		.max = UINT32_MAX,
		.deflt = "0",
		.help = "Of two routes for the same prefix, the one with the smaller number is "
			"used",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_route = {
	.name = "route",
	.help = "A static route.",
	.where = "nodes.NAME.routes[]",
	.size = sizeof(struct labfile_route),
	.keys = route_keys,
	.short_key = "",
	.short_help =
		"words as in ip(8): \"PREFIX via GATEWAY [dev INTERFACE] [metric NUMBER]\" or "
		"\"PREFIX dev INTERFACE [metric NUMBER]\"",
};

static const struct lab_key doc_keys[] = {
	{
		.name = "text",
		.type = LAB_T_TEXT,
		FIELD(labfile_doc, text),
		.help = "Its content, as written here",
	},
	{
		.name = "size",
		.type = LAB_T_SIZE,
		FIELD(labfile_doc, size),
		.help = "Or: its length; the content is made up, always the same for the same "
			"`seed`",
	},
	{
		.name = "seed",
		.type = LAB_T_U64,
		FIELD(labfile_doc, seed),
		.max = UINT64_MAX,
		.deflt = "0",
		.help = "What made-up content is made from",
	},
	{
		.name = "type",
		.type = LAB_T_TEXT,
		FIELD(labfile_doc, type),
		.help = "Its Content-Type; without one, by the ending of the path",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_doc = {
	.name = "file",
	.help = "A document that the server has without a file on disk: give `text` or `size`.",
	.where = "nodes.NAME.services[].http.files.PATH",
	.size = sizeof(struct labfile_doc),
	.keys = doc_keys,
	.given_offset = offsetof(struct labfile_doc, given),
	.name_offset = offsetof(struct labfile_doc, path),
	.name_type = LAB_T_DOC_PATH,
	.short_key = "text",
	.short_help = "its text",
};

static const struct lab_key http_keys[] = {
	{
		.name = "port",
		.type = LAB_T_U32,
		FIELD(labfile_http, port),
		.min = 1,
		.max = 65535,
		.deflt = "80",
		.help = "The TCP port to listen on",
	},
	{
		.name = "root",
		.type = LAB_T_DIR,
		FIELD(labfile_http, root_text),
		.help = "The directory whose files it serves, relative to the lab file; nothing "
			"outside of it can be reached",
	},
	{
		.name = "files",
		.type = LAB_T_NAMED,
		COUNTED(labfile_http, docs, n_docs),
		.sub = &schema_doc,
		.help = "Documents by path (`/10m: {size: 10MB}`), besides or in place of `root`",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_http = {
	.name = "http",
	.help = "A web server (HTTP/1.1) for the files of `root` and the documents of `files`; it "
		"needs one of them.",
	.where = "nodes.NAME.services[].http",
	.size = sizeof(struct labfile_http),
	.keys = http_keys,
};

static const struct lab_key echo_keys[] = {
	{
		.name = "port",
		.type = LAB_T_U32,
		FIELD(labfile_echo, port),
		.min = 1,
		.max = 65535,
		.deflt = "7",
		.help = "The port to listen on",
	},
	{
		.name = "proto",
		.type = LAB_T_WORDS,
		FIELD(labfile_echo, protos),
		.words = proto_words,
		.deflt = "[tcp, udp]",
		.help = "One protocol or a list of them",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_echo = {
	.name = "echo",
	.help = "Sends back what it receives (RFC 862).",
	.where = "nodes.NAME.services[].echo",
	.size = sizeof(struct labfile_echo),
	.keys = echo_keys,
};

static const struct lab_key discard_keys[] = {
	{
		.name = "port",
		.type = LAB_T_U32,
		FIELD(labfile_listener, port),
		.min = 1,
		.max = 65535,
		.deflt = "9",
		.help = "The TCP port to listen on",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_discard = {
	.name = "discard",
	.help = "Takes all that it is sent and answers nothing (RFC 863): the other end of a bulk "
		"app.",
	.where = "nodes.NAME.services[].discard",
	.size = sizeof(struct labfile_listener),
	.keys = discard_keys,
};

static const struct lab_key rr_keys[] = {
	{
		.name = "port",
		.type = LAB_T_U32,
		FIELD(labfile_listener, port),
		.min = 1,
		.max = 65535,
		.deflt = "5002",
		.help = "The TCP port to listen on",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_rr = {
	.name = "rr",
	.help = "Answers each request of an rr app with as many bytes as it asks for.",
	.where = "nodes.NAME.services[].rr",
	.size = sizeof(struct labfile_listener),
	.keys = rr_keys,
};

/* In the order of enum labfile_service_kind. */
static const struct lab_key service_keys[] = {
	{
		.name = "http",
		.type = LAB_T_MAP,
		FIELD(labfile_service, http),
		.sub = &schema_http,
		.help = "A web server",
	},
	{
		.name = "echo",
		.type = LAB_T_MAP,
		FIELD(labfile_service, echo),
		.sub = &schema_echo,
		.help = "An echo server",
	},
	{
		.name = "discard",
		.type = LAB_T_MAP,
		FIELD(labfile_service, listener),
		.sub = &schema_discard,
		.help = "A server that takes all and answers nothing",
	},
	{
		.name = "rr",
		.type = LAB_T_MAP,
		FIELD(labfile_service, listener),
		.sub = &schema_rr,
		.help = "A server for requests and responses of given sizes",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_service = {
	.name = "service",
	.help = "A server that weft runs on the node: a list of mappings with one of these keys "
		"each.",
	.where = "nodes.NAME.services[]",
	.size = sizeof(struct labfile_service),
	.keys = service_keys,
	.name_offset = offsetof(struct labfile_service, kind),
	.short_key = "",
	.short_help = "the name of a service, with its defaults",
};

/* ---- Apps ---- */

/* Whom an app talks to, and the port. */
#define APP_TO                                                                           \
	{                                                                                \
		.name = "to", .type = LAB_T_HOST, .flags = LAB_KEY_REQUIRED,             \
		FIELD(labfile_app_args, target),                                         \
		.help = "The peer: an address, the name of a node or one under `hosts`", \
	}
#define APP_PORT(deflt_, service_)                                                          \
	{                                                                                   \
		.name = "port", .type = LAB_T_U32, FIELD(labfile_app_args, port), .min = 1, \
		.max = 65535, .deflt = (deflt_), .help = "The port of its " service_        \
	}
/* When its tries are made: the same keys for all kinds. */
#define APP_PLAN(count_, interval_, timeout_, what_)                                            \
	{.name = "at",                                                                          \
	 .type = LAB_T_DURATION,                                                                \
	 FIELD(labfile_app_args, at_ns),                                                        \
	 .deflt = "0",                                                                          \
	 .help = "When it starts, after the lab"},                                              \
		{.name = "count",                                                               \
		 .type = LAB_T_U32,                                                             \
		 FIELD(labfile_app_args, count),                                                \
		 .max = 1000000000,                                                             \
		 .deflt = (count_),                                                             \
		 .help = "How many " what_ " it makes; 0: it goes on for ever"},                \
		{.name = "interval",                                                            \
		 .type = LAB_T_DURATION,                                                        \
		 FIELD(labfile_app_args, interval_ns),                                          \
		 .deflt = (interval_),                                                          \
		 .help = "From the start of one to the start of the next"},                     \
	{                                                                                       \
		.name = "timeout", .type = LAB_T_DURATION, FIELD(labfile_app_args, timeout_ns), \
		.deflt = (timeout_), .help = "One that takes longer is given up as lost"        \
	}

static const struct lab_key app_http_keys[] = {
	{
		.name = "url",
		.type = LAB_T_URL,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_app_args, url),
		.help = "What it downloads; the host is an address, the name of a node or one "
			"under `hosts`",
	},
	{
		.name = "size",
		.type = LAB_T_SIZE,
		FIELD(labfile_app_args, size),
		.help = "The length that the document must have; without one, any is right",
	},
	APP_PLAN("1", "1s", "30s", "downloads"),
	END_OF_KEYS,
};

static const struct lab_key app_echo_keys[] = {
	APP_TO,
	APP_PORT("7", "echo service"),
	{
		.name = "proto",
		.type = LAB_T_WORD,
		FIELD(labfile_app_args, proto),
		.words = proto_words,
		.deflt = "tcp",
		.help = "Over TCP all messages go over one connection, each after the answer to "
			"the one before",
	},
	{
		.name = "size",
		.type = LAB_T_SIZE,
		FIELD(labfile_app_args, size),
		.deflt = "64B",
		.help = "The length of a message; at least 4B over UDP",
	},
	APP_PLAN("10", "1s", "5s", "messages"),
	END_OF_KEYS,
};

static const struct lab_key app_bulk_keys[] = {
	APP_TO,
	APP_PORT("9", "discard service"),
	{
		.name = "size",
		.type = LAB_T_SIZE,
		FIELD(labfile_app_args, size),
		.help = "How much it sends in each transfer: give `size` or `time`",
	},
	{
		.name = "time",
		.type = LAB_T_DURATION,
		FIELD(labfile_app_args, time_ns),
		.help = "Or: for how long it sends",
	},
	APP_PLAN("1", "1s", "30s", "transfers"),
	END_OF_KEYS,
};

static const struct lab_key app_rr_keys[] = {
	APP_TO,
	APP_PORT("5002", "rr service"),
	{
		.name = "request",
		.type = LAB_T_SIZE,
		FIELD(labfile_app_args, request),
		.deflt = "100B",
		.help = "The length of a request, at least 8B",
	},
	{
		.name = "response",
		.type = LAB_T_SIZE,
		FIELD(labfile_app_args, response),
		.deflt = "1000B",
		.help = "The length of a response",
	},
	APP_PLAN("100", "0", "5s", "requests"),
	END_OF_KEYS,
};

static const struct lab_key app_ping_keys[] = {
	APP_TO,
	{
		.name = "size",
		.type = LAB_T_SIZE,
		FIELD(labfile_app_args, size),
		.deflt = "56B",
		.help = "The length of what an echo request carries",
	},
	APP_PLAN("10", "1s", "5s", "echo requests"),
	END_OF_KEYS,
};

/* Each kind of app has some fields of struct labfile_app_args. */
#define APP_SCHEMA(name_, help_)                              \
	static const struct lab_schema schema_app_##name_ = { \
		.name = #name_ " app",                        \
		.help = help_,                                \
		.where = "nodes.NAME.apps[]." #name_,         \
		.size = sizeof(struct labfile_app_args),      \
		.keys = app_##name_##_keys,                   \
	}
APP_SCHEMA(http, "Downloads a document: each time a connection, a GET and its response.");
APP_SCHEMA(echo,
	   "Sends messages to an echo service and looks whether they come back as they were.");
APP_SCHEMA(bulk, "Sends as fast as TCP lets it to a discard service.");
APP_SCHEMA(
	rr,
	"Sends requests to an rr service over one connection, each after the response to the one "
	"before.");
APP_SCHEMA(ping, "Sends ICMP echo requests, whether or not the earlier ones have been answered.");

/* The tag's key, its number being of enum labfile_app_kind. */
#define APP_TAG(name_, help_)                                                \
	{                                                                    \
		.name = #name_, .type = LAB_T_MAP, FIELD(labfile_app, args), \
		.sub = &schema_app_##name_, .help = help_                    \
	}

static const struct lab_key app_keys[] = {
	APP_TAG(http, "Downloads"),
	APP_TAG(echo, "Messages that come back"),
	APP_TAG(bulk, "As much data as TCP can carry"),
	APP_TAG(rr, "Requests and responses"),
	APP_TAG(ping, "ICMP echo requests"),
	END_OF_KEYS,
};

static const struct lab_schema schema_app = {
	.name = "app",
	.help = "A client that weft runs on the node: a list of mappings with one of these keys "
		"each. `weft up --report` says how each fared.",
	.where = "nodes.NAME.apps[]",
	.size = sizeof(struct labfile_app),
	.keys = app_keys,
	.name_offset = offsetof(struct labfile_app, kind),
};

static const struct lab_key host_keys[] = {
	{
		.name = "address",
		.type = LAB_T_TARGET,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_host, target),
		.help = "An address, or the name of a node for its first address",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_host = {
	.name = "host",
	.help = "A further name for an address.",
	.where = "hosts.NAME",
	.size = sizeof(struct labfile_host),
	.keys = host_keys,
	.name_offset = offsetof(struct labfile_host, name),
	.name_type = LAB_T_HOST_NAME,
	.short_key = "address",
	.short_help = "an address or the name of a node",
};

static const struct lab_key node_keys[] = {
	{
		.name = "kind",
		.type = LAB_T_WORD,
		.flags = LAB_KEY_OWN,
		FIELD(labfile_node, kind),
		.words = kind_words,
		.deflt = "weft",
		.help = "`weft`: a host or router whose TCP/IP is weft's; `kernel`: one on the "
			"kernel's, in a network namespace; `switch`: an Ethernet switch",
	},
	{
		.name = "count",
		.type = LAB_T_U32,
		.flags = LAB_KEY_OWN,
		FIELD(labfile_node, count),
		.min = 1,
		.max = LABFILE_MAX_COUNT,
		.help = "So many nodes that are alike: NAME1, NAME2 and so on; a link to NAME is "
			"one to each of them",
	},
	{
		.name = "interfaces",
		.type = LAB_T_NAMED,
		.flags = LAB_KEY_OWN,
		COUNTED(labfile_node, ifaces, n_ifaces),
		.sub = &schema_iface,
		.help = "Its interfaces by name; without this key, and on every switch, those "
			"that links name are there",
	},
	{
		.name = "prefix",
		.type = LAB_T_PREFIX,
		.flags = LAB_KEY_OWN | LAB_KEY_SEPARATE,
		FIELD(labfile_node, prefix),
		.help = "On a switch: the network of the links that it joins, from which "
			"interfaces without an address get theirs",
	},
	{
		.name = "forwarding",
		.type = LAB_T_BOOL,
		FIELD(labfile_node, forwarding),
		.deflt = "false",
		.help = "Whether it forwards packets between its interfaces: a router does, a host "
			"does not",
	},
	{
		.name = "routes",
		.type = LAB_T_LIST,
		.flags = LAB_KEY_SEPARATE,
		COUNTED(labfile_node, routes, n_routes),
		.sub = &schema_route,
		.help = "Static routes, besides those to the networks of its own addresses",
	},
	{
		.name = "gateway",
		.type = LAB_T_TARGET,
		.flags = LAB_KEY_SEPARATE,
		FIELD(labfile_node, gateway),
		.help = "Its default route: the address or the name of a router, `none`, or "
			"`auto` for the first router on its links, which is what a host has that "
			"shares a link with a prefix",
	},
	{
		.name = "hosts",
		.type = LAB_T_NAMED,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile_node, hosts, n_hosts),
		.sub = &schema_host,
		.help = "Names that only this node knows",
	},
	{
		.name = "services",
		.type = LAB_T_TAGGED,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile_node, services, n_services),
		.sub = &schema_service,
		.help = "The servers that run on it; only on `weft` nodes",
	},
	{
		.name = "apps",
		.type = LAB_T_TAGGED,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile_node, apps, n_apps),
		.sub = &schema_app,
		.help = "The clients that run on it; only on `weft` nodes",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_node = {
	.name = "node",
	.help = "A host, a router or a switch.",
	.where = "nodes.NAME",
	.size = sizeof(struct labfile_node),
	.keys = node_keys,
	.name_offset = offsetof(struct labfile_node, name),
	.name_type = LAB_T_NODE_NAME,
	.defaults_key = node_keys, /* kind */
};

static const struct lab_key shape_keys[] = {
	{
		.name = "rate",
		.type = LAB_T_RATE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, rate_bps),
		.deflt = "unlimited",
		.help = "How fast frames go onto the link",
	},
	{
		.name = "delay",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, delay_ns),
		.deflt = "0",
		.help = "How long a frame is under way, one way; a round trip takes both "
			"directions'",
	},
	{
		.name = "jitter",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, jitter_ns),
		.deflt = "0",
		.help = "Added to the delay, evenly from 0 to this; the order is kept",
	},
	{
		.name = "loss",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, loss_ppm),
		.deflt = "0%",
		.help = "Frames that are lost, each by itself",
	},
	{
		.name = "duplicate",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, duplicate_ppm),
		.deflt = "0%",
		.help = "Frames that arrive twice",
	},
	{
		.name = "corrupt",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, corrupt_ppm),
		.deflt = "0%",
		.help = "Frames that arrive with one bit turned over",
	},
	{
		.name = "reorder",
		.type = LAB_T_SHARE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, reorder_ppm),
		.deflt = "0%",
		.help = "Frames that are held back, so that later ones overtake them",
	},
	{
		.name = "reorder_delay",
		.type = LAB_T_DURATION,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, reorder_delay_ns),
		.deflt = "1ms",
		.help = "How long those are held back; with 0 they skip the delay instead, as in "
			"tc-netem(8)",
	},
	{
		.name = "queue",
		.type = LAB_T_QUEUE,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_shape, queue),
		.deflt = "1000",
		.help = "How many frames, or bytes, wait for the rate; what comes on top is "
			"dropped",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_shape = {
	.name = "direction",
	.help = "What a link does to frames. In a link itself these keys are for both directions, "
		"in its `a_to_b` and `b_to_a` for one.",
	.where = "links[], links[].a_to_b, links[].b_to_a",
	.size = sizeof(struct labfile_shape),
	.keys = shape_keys,
	.given_offset = offsetof(struct labfile_shape, given),
};

static const struct lab_key link_keys[] = {
	{
		.name = "between",
		.type = LAB_T_ENDS,
		.flags = LAB_KEY_REQUIRED | LAB_KEY_OWN,
		FIELD(labfile_link, ends),
		.help = "Its two ends, a and b, each NODE:INTERFACE, or the name of a switch alone "
			"for a port of its own",
	},
	{
		.name = "prefix",
		.type = LAB_T_PREFIX,
		.flags = LAB_KEY_OWN,
		FIELD(labfile_link, prefix),
		.help = "The network of the link, from which interfaces without an address get "
			"theirs: routers first, in the order of the file",
	},
	{
		.name = "up",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_link, up),
		.deflt = "true",
		.help = "Whether it is up when the lab starts",
	},
	{
		.name = "mtu",
		.type = LAB_T_U32,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_link, mtu),
		.min = 68,
		.max = 65535,
		.deflt = "1500",
		.help = "The longest packet that it carries, in bytes without the Ethernet header",
	},
	{
		.name = "a_to_b",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_link, dir[0]),
		.sub = &schema_shape,
		.help = "What is different from a to b",
	},
	{
		.name = "b_to_a",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_ASIDE | LAB_KEY_OVERRIDE,
		FIELD(labfile_link, dir[1]),
		.sub = &schema_shape,
		.help = "What is different from b to a",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_link = {
	.name = "link",
	.help = "A cable between two interfaces.",
	.where = "links[]",
	.size = sizeof(struct labfile_link),
	.keys = link_keys,
	.also = &schema_shape,
	.also_offset = offsetof(struct labfile_link, both),
	.short_key = "between",
	.short_help = "\"NODE:INTERFACE -- NODE:INTERFACE\"",
	.defaults_name = "link",
};

/* The first three in the order of enum labfile_kind. */
static const struct lab_key defaults_keys[] = {
	{
		.name = "weft",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_TEMPLATE,
		FIELD(labfile_defaults, nodes[LABFILE_WEFT]),
		.sub = &schema_node,
		.help = "For nodes of kind `weft`",
	},
	{
		.name = "kernel",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_TEMPLATE,
		FIELD(labfile_defaults, nodes[LABFILE_KERNEL]),
		.sub = &schema_node,
		.help = "For nodes of kind `kernel`",
	},
	{
		.name = "switch",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_TEMPLATE,
		FIELD(labfile_defaults, nodes[LABFILE_SWITCH]),
		.sub = &schema_node,
		.help = "For nodes of kind `switch`",
	},
	{
		.name = "link",
		.type = LAB_T_MAP,
		.flags = LAB_KEY_TEMPLATE,
		FIELD(labfile_defaults, link),
		.sub = &schema_link,
		.help = "For links, both directions or either",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_defaults = {
	.name = "default",
	.help = "What nodes and links have that do not say it themselves: their own keys, but for "
		"those that tell one from the others.",
	.where = "defaults",
	.size = sizeof(struct labfile_defaults),
	.keys = defaults_keys,
};

static const struct lab_key file_keys[] = {
	{
		.name = "lab",
		.type = LAB_T_LAB_NAME,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile, name),
		.help = "The lab's name; without one, the file's name without its ending",
	},
	{
		.name = "nodes",
		.type = LAB_T_NAMED,
		.flags = LAB_KEY_REQUIRED,
		COUNTED(labfile, nodes, n_nodes),
		.sub = &schema_node,
		.help = "The nodes by name, at least one",
	},
	{
		.name = "links",
		.type = LAB_T_LIST,
		.flags = LAB_KEY_SEPARATE,
		COUNTED(labfile, links, n_links),
		.sub = &schema_link,
		.help = "The links between their interfaces; an interface has at most one",
	},
	{
		.name = "hosts",
		.type = LAB_T_NAMED,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile, hosts, n_hosts),
		.sub = &schema_host,
		.help = "Names that every node knows, besides those of the nodes themselves",
	},
	{
		.name = "defaults",
		.type = LAB_T_MAP,
		FIELD(labfile, defaults),
		.sub = &schema_defaults,
		.help = "What nodes and links have that do not say it themselves",
	},
	{
		.name = "routing",
		.type = LAB_T_WORD,
		.flags = LAB_KEY_SEPARATE,
		FIELD(labfile, routing),
		.words = routing_words,
		.deflt = "none",
		.help = "`auto`: every node that forwards has a route to every network of the lab, "
			"by the fewest routers between; `none`: only the routes of the file",
	},
	{
		.name = "seed",
		.type = LAB_T_U64,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile, seed),
		.max = UINT64_MAX,
		.help = "What all random decisions are made from; without one, each run has its "
			"own",
	},
	{
		.name = "capture",
		.type = LAB_T_CAPTURE,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile, captures, n_captures),
		.offset2 = offsetof(struct labfile, capture_all),
		.deflt = "false",
		.help = "What to write to pcapng files: `true` for every interface, or a list of "
			"NODE:INTERFACE",
	},
	END_OF_KEYS,
};

const struct lab_schema lab_schema_file = {
	.name = "lab file",
	.help = "The file as a whole. Keys that start with `x-` are for your own use, for example "
		"for anchors.",
	.where = "",
	.size = sizeof(struct labfile),
	.keys = file_keys,
};

const struct lab_schema *const lab_schemas[] = {
	&lab_schema_file, &schema_node,     &schema_iface,
	&schema_route,    &schema_service,  &schema_http,
	&schema_doc,      &schema_echo,     &schema_discard,
	&schema_rr,       &schema_app,      &schema_app_http,
	&schema_app_echo, &schema_app_bulk, &schema_app_rr,
	&schema_app_ping, &schema_link,     &schema_shape,
	&schema_host,     &schema_defaults, NULL,
};

const struct lab_key *lab_schema_key(const struct lab_schema *schema, const char *name,
				     uint32_t *ret_offset)
{
	for (const struct lab_key *key = schema->keys; key->name; key++) {
		if (strcmp(key->name, name) == 0) {
			*ret_offset = 0;
			return key;
		}
	}
	if (!schema->also)
		return NULL;
	for (const struct lab_key *key = schema->also->keys; key->name; key++) {
		if (strcmp(key->name, name) == 0) {
			*ret_offset = schema->also_offset;
			return key;
		}
	}
	return NULL;
}
