/* SPDX-License-Identifier: MIT */
/* The tables of the lab file's language for what runs on nodes: services and apps. */
#include "lab/schema_tables.h"

static const struct lab_word proto_words[] = {
	{"tcp", LABFILE_TCP},
	{"udp", LABFILE_UDP},
	{NULL, 0},
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

const struct lab_schema schema_doc = {
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

/* Of a service: counted for its owner, which is its place among the node's services, from 1. */
#define LIMITS_KEY(s)                                                                         \
	{                                                                                     \
		.name = "limits", .type = LAB_T_MAP, FIELD(s, limits), .sub = &schema_limits, \
		.help = "What its sockets may have at most, besides the limits of the node"   \
	}

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
	LIMITS_KEY(labfile_http),
	END_OF_KEYS,
};

const struct lab_schema schema_http = {
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
	LIMITS_KEY(labfile_echo),
	END_OF_KEYS,
};

const struct lab_schema schema_echo = {
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
	LIMITS_KEY(labfile_listener),
	END_OF_KEYS,
};

const struct lab_schema schema_discard = {
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
	LIMITS_KEY(labfile_listener),
	END_OF_KEYS,
};

const struct lab_schema schema_rr = {
	.name = "rr",
	.help = "Answers each request of an rr app with as many bytes as it asks for.",
	.where = "nodes.NAME.services[].rr",
	.size = sizeof(struct labfile_listener),
	.keys = rr_keys,
};

/* As on the wire (RFC 4191 §2.1). */
static const struct lab_word pref_words[] = {
	{"medium", 0},
	{"high", 1},
	{"low", 3},
	{NULL, 0},
};

static const struct lab_key radv_prefix_keys[] = {
	{
		.name = "prefix",
		.type = LAB_T_PREFIX,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_radv_prefix, prefix),
		.help = "The IPv6 prefix; hosts make addresses of one of 64 bits only",
	},
	{
		.name = "on_link",
		.type = LAB_T_BOOL,
		FIELD(labfile_radv_prefix, on_link),
		.deflt = "true",
		.help = "Its addresses are on the link",
	},
	{
		.name = "autonomous",
		.type = LAB_T_BOOL,
		FIELD(labfile_radv_prefix, autonomous),
		.deflt = "true",
		.help = "Hosts make addresses of it",
	},
	{
		.name = "valid",
		.type = LAB_T_U32,
		FIELD(labfile_radv_prefix, valid_s),
		.max = UINT32_MAX,
		.deflt = "2592000",
		.help = "How many seconds these are valid; 4294967295: for ever",
	},
	{
		.name = "preferred",
		.type = LAB_T_U32,
		FIELD(labfile_radv_prefix, preferred_s),
		.max = UINT32_MAX,
		.deflt = "604800",
		.help = "How many of these they are preferred",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_radv_prefix = {
	.name = "advertised prefix",
	.help = "A prefix that is advertised.",
	.where = "nodes.NAME.services[].radv.prefixes[]",
	.size = sizeof(struct labfile_radv_prefix),
	.keys = radv_prefix_keys,
	.short_key = "prefix",
	.short_help = "a prefix (2001:db8:1::/64)",
};

static const struct lab_key radv_route_keys[] = {
	{
		.name = "prefix",
		.type = LAB_T_NET,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_radv_route, prefix),
		.help = "What is reached by this router",
	},
	{
		.name = "preference",
		.type = LAB_T_WORD,
		FIELD(labfile_radv_route, pref),
		.words = pref_words,
		.deflt = "medium",
		.help = "Against the same route by another router",
	},
	{
		.name = "lifetime",
		.type = LAB_T_DURATION,
		FIELD(labfile_radv_route, lifetime_ns),
		.deflt = "1800s",
		.help = "How long hosts keep it",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_radv_route = {
	.name = "advertised route",
	.help = "A route that is advertised (RFC 4191).",
	.where = "nodes.NAME.services[].radv.routes[]",
	.size = sizeof(struct labfile_radv_route),
	.keys = radv_route_keys,
	.short_key = "prefix",
	.short_help = "a prefix (2001:db8:2::/48)",
};

static const struct lab_key radv_dns_keys[] = {
	{
		.name = "address",
		.type = LAB_T_IP,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_radv_dns, ip),
		.help = "Its IPv6 address",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_radv_dns = {
	.name = "advertised name server",
	.help = "A name server that is advertised (RFC 8106).",
	.where = "nodes.NAME.services[].radv.dns[]",
	.size = sizeof(struct labfile_radv_dns),
	.keys = radv_dns_keys,
	.short_key = "address",
	.short_help = "an IPv6 address",
};

static const struct lab_key radv_search_keys[] = {
	{
		.name = "domain",
		.type = LAB_T_HOST_NAME,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_radv_dns, domain),
		.help = "Its name",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_radv_search = {
	.name = "advertised domain",
	.help = "A domain that hosts search names in (RFC 8106).",
	.where = "nodes.NAME.services[].radv.search[]",
	.size = sizeof(struct labfile_radv_dns),
	.keys = radv_search_keys,
	.short_key = "domain",
	.short_help = "a domain",
};

static const struct lab_key radv_keys[] = {
	{
		.name = "interface",
		.type = LAB_T_IF_NAME,
		FIELD(labfile_radv, iface),
		.help = "Where it advertises; without one, on each that has an IPv6 address with a "
			"prefix of 64 bits",
	},
	{
		.name = "prefixes",
		.type = LAB_T_LIST,
		COUNTED(labfile_radv, prefixes, n_prefixes),
		.sub = &schema_radv_prefix,
		.help = "What hosts make addresses of; without any, those of the interface's "
			"addresses that have 64 bits",
	},
	{
		.name = "interval",
		.type = LAB_T_DURATION,
		FIELD(labfile_radv, interval_ns),
		.deflt = "600s",
		.help = "The longest time between two advertisements, 4s to 1800s; the shortest is "
			"a third of it",
	},
	{
		.name = "lifetime",
		.type = LAB_T_DURATION,
		FIELD(labfile_radv, lifetime_ns),
		.deflt = "1800s",
		.help = "How long hosts have it as a default router; 0: not at all",
	},
	{
		.name = "preference",
		.type = LAB_T_WORD,
		FIELD(labfile_radv, pref),
		.words = pref_words,
		.deflt = "medium",
		.help = "Against other default routers (RFC 4191)",
	},
	{
		.name = "managed",
		.type = LAB_T_BOOL,
		FIELD(labfile_radv, managed),
		.deflt = "false",
		.help = "Addresses are to be had by DHCPv6",
	},
	{
		.name = "other",
		.type = LAB_T_BOOL,
		FIELD(labfile_radv, other),
		.deflt = "false",
		.help = "Other settings are to be had by DHCPv6",
	},
	{
		.name = "unicast",
		.type = LAB_T_BOOL,
		FIELD(labfile_radv, unicast),
		.deflt = "false",
		.help = "Hosts that ask are answered alone, not with all others (RFC 7772)",
	},
	{
		.name = "run_down",
		.type = LAB_T_BOOL,
		FIELD(labfile_radv, run_down),
		.deflt = "false",
		.help = "The lifetimes of prefixes count from the start of the lab and run down, "
			"instead "
			"of beginning anew with each advertisement",
	},
	{
		.name = "hop_limit",
		.type = LAB_T_U32,
		FIELD(labfile_radv, hop_limit),
		.max = 255,
		.deflt = "64",
		.help = "The hop limit of what hosts send; 0: not said",
	},
	{
		.name = "mtu",
		.type = LAB_T_U32,
		FIELD(labfile_radv, mtu),
		.max = 65535,
		.deflt = "0",
		.help = "The MTU of the link, 1280 at least; 0: not said",
	},
	{
		.name = "valid",
		.type = LAB_T_U32,
		FIELD(labfile_radv, valid_s),
		.max = UINT32_MAX,
		.deflt = "2592000",
		.help = "How many seconds addresses of the interface's own prefixes are valid",
	},
	{
		.name = "preferred",
		.type = LAB_T_U32,
		FIELD(labfile_radv, preferred_s),
		.max = UINT32_MAX,
		.deflt = "604800",
		.help = "How many of these they are preferred",
	},
	{
		.name = "routes",
		.type = LAB_T_LIST,
		COUNTED(labfile_radv, routes, n_routes),
		.sub = &schema_radv_route,
		.help = "Routes besides the default one",
	},
	{
		.name = "dns",
		.type = LAB_T_LIST,
		COUNTED(labfile_radv, dns, n_dns),
		.sub = &schema_radv_dns,
		.help = "Name servers",
	},
	{
		.name = "search",
		.type = LAB_T_LIST,
		COUNTED(labfile_radv, search, n_search),
		.sub = &schema_radv_search,
		.help = "Domains in which names are searched",
	},
	{
		.name = "dns_lifetime",
		.type = LAB_T_DURATION,
		FIELD(labfile_radv, dns_lifetime_ns),
		.deflt = "1800s",
		.help = "How long hosts use name servers and domains",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_radv = {
	.name = "radv",
	.help = "Advertises the node as an IPv6 router (RFC 4861), so that hosts configure "
		"themselves.",
	.where = "nodes.NAME.services[].radv",
	.size = sizeof(struct labfile_radv),
	.keys = radv_keys,
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
	{
		.name = "radv",
		.type = LAB_T_MAP,
		FIELD(labfile_service, radv),
		.sub = &schema_radv,
		.help = "IPv6 router advertisements",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_service = {
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
#define APP_SCHEMA(name_, help_)                         \
	const struct lab_schema schema_app_##name_ = {   \
		.name = #name_ " app",                   \
		.help = help_,                           \
		.where = "nodes.NAME.apps[]." #name_,    \
		.size = sizeof(struct labfile_app_args), \
		.keys = app_##name_##_keys,              \
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

const struct lab_schema schema_app = {
	.name = "app",
	.help = "A client that weft runs on the node: a list of mappings with one of these keys "
		"each. `weft up --report` says how each fared.",
	.where = "nodes.NAME.apps[]",
	.size = sizeof(struct labfile_app),
	.keys = app_keys,
	.name_offset = offsetof(struct labfile_app, kind),
};
