/* SPDX-License-Identifier: MIT */
/*
 * A lab file: the description of a network, from YAML to checked plain data.
 *
 * What labfile_load() returns has passed every check of doc/lab-file.md, so its reader decides
 * nothing again: names are resolved to pointers, numbers are integers in the unit of their name,
 * defaults are filled in. It lives in one arena and is not changed afterwards. Nothing here
 * depends on the stack; nodes and links are made of this by the lab's runner.
 */
#pragma once

#include "base/compiler.h"
#include "lab/addr.h"
#include "lab/arena.h"
#include "lab/errors.h"
#include "lab/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	LABFILE_MAX_BYTES = 1 << 20, /* of a file; larger ones are refused before reading them */
	LABFILE_MAX_DEPTH = 32,      /* of nesting */
	LABFILE_MAX_VALUES = 100000, /* of YAML, counted with aliases expanded */
	LABFILE_MAX_COPIED = 50000,  /* nodes with all that is in them, or links, after `count` */
	LABFILE_MAX_DEFAULTED = 1000000, /* values of `defaults`, each time that they are used */
	LABFILE_MAX_COUNT = 10000,       /* of nodes that are alike */
	LABFILE_MAX_ROUTES = 200000,     /* that `routing: auto` makes */
	LABFILE_MAX_ANCHORS = 1000,      /* of YAML */
	LABFILE_MAX_IFACES = 1024,       /* of one node */
	LABFILE_MAX_ADDRS = 1024,        /* of one node */
	LABFILE_NAME_MAX = 32,           /* bytes of the lab's name */
	LABFILE_NODE_NAME_MAX = 63,      /* bytes: a label of DNS */
	LABFILE_IFACE_NAME_MAX = 15,     /* bytes: IFNAMSIZ without the NUL */
	LABFILE_HOST_NAME_MAX = 253,     /* bytes */
	LABFILE_URL_MAX = 2048,          /* bytes */
};

enum labfile_kind {
	LABFILE_WEFT,   /* our stack */
	LABFILE_KERNEL, /* a network namespace of the kernel, attached through TAPs */
	LABFILE_SWITCH, /* a learning bridge */
};

/* An address of an interface. */
struct labfile_addr {
	struct lab_pos pos;
	struct lab_net net; /* the host's address and the length of its prefix */
	bool is_assigned;   /* taken from the link's prefix; `pos` is that of the prefix */
};

enum {
	LABFILE_MSS_MIN = 48,
	LABFILE_MSS_MAX = 65495,
	LABFILE_MSS_PMTU = 65535, /* WEFT_MSS_PMTU */
};

/* How an interface of the machine is used. */
enum labfile_driver {
	LABFILE_DRIVER_PACKET, /* AF_PACKET */
	LABFILE_DRIVER_XDP,    /* AF_XDP */
};

struct labfile_iface {
	struct lab_pos pos;
	const char *name;
	bool is_implied; /* a link names it, its node does not */
	struct labfile_addr *addrs;
	uint32_t n_addrs;
	struct lab_mac mac; /* all zero: the runner makes one up */
	uint32_t mtu;       /* bytes, without the Ethernet header; 0: that of `host` */
	bool acd;           /* IPv4 addresses are asked about before they are used (RFC 5227) */
	bool link_local;    /* makes itself an IPv4 address of 169.254.0.0/16 (RFC 3927) */
	uint32_t mss_clamp; /* of TCP, in what is forwarded; 0: none; LABFILE_MSS_PMTU */
	bool gro;           /* frames that arrive together go up as one (WEFT_OFFLOAD_GRO) */
	bool slaac;         /* listens to routers, and asks about its addresses */
	bool dad;           /* asks about its addresses */
	const char *host;   /* the interface of the machine that it is; NULL: one of the lab */
	uint32_t driver;    /* enum labfile_driver; with `host` */

	struct labfile_node *node;
	struct labfile_link *link; /* NULL: not connected */
	uint32_t end;              /* which end of the link this is: 0 (a) or 1 (b) */
	uint32_t segment; /* interfaces with the same number hear each other's broadcasts */
};

struct labfile_route {
	struct lab_pos pos;
	struct lab_net dst;          /* bits behind the prefix are 0; length 0: default */
	struct lab_scoped_ip via;    /* the gateway; family LAB_IP_NONE: on the link */
	const char *dev_name;        /* as written, or NULL */
	struct labfile_iface *iface; /* where it leads: the one named, or the gateway's */
	uint32_t metric;             /* smaller is preferred */
	uint32_t mtu;                /* 0: the interface's */
	uint32_t initcwnd;           /* 0: the node's */
	const char *congctl;         /* or NULL: the node's */
	bool is_auto;                /* by `gateway` or `routing`, not in the file */
};

/* A name for an address, for hosts files and resolvers. */
struct labfile_host {
	struct lab_pos pos;
	const char *name;
	const char *target; /* as written: an address, or a node (its first address) */
	struct lab_ip ip;
};

/* A setting of a node's stack (doc/sysctl.md). */
struct labfile_sysctl {
	struct lab_pos pos;
	const char *name;
	const char *value; /* as written: a number or the name of a value */
};

/* A document that an http service makes up: exactly one of text and size. */
struct labfile_doc {
	struct lab_pos pos;
	uint32_t given;   /* bit n: the n-th key of the schema was written in the file */
	const char *path; /* starts with / */
	const char *text; /* NULL: `size` bytes made from `seed` */
	uint64_t size;    /* bytes */
	uint64_t seed;
	const char *type; /* the Content-Type, or NULL: by the path's extension */
};

/* Limits of a node's stack, or of a service; zero: none. */
struct labfile_limits {
	struct lab_pos pos;
	uint32_t sockets;
	uint64_t bytes;
	uint32_t peer_connections;
	uint32_t rate, burst; /* connections a second */
	bool resets;
};

struct labfile_http {
	struct lab_pos pos;
	uint32_t port;
	const char *root;      /* the directory of its files as one can open it, or NULL */
	const char *root_text; /* the same as written, relative to the lab file */
	struct labfile_doc *docs;
	uint32_t n_docs;
	struct labfile_limits limits;
};

enum { /* bits of labfile_echo.protos */
	LABFILE_TCP = 1,
	LABFILE_UDP = 2,
};

struct labfile_echo {
	struct lab_pos pos;
	uint32_t port;
	uint32_t protos;
	struct labfile_limits limits;
};

/* A service with nothing to say but where it listens. */
struct labfile_listener {
	struct lab_pos pos;
	uint32_t port;
	struct labfile_limits limits;
};

struct labfile_radv_prefix {
	struct lab_pos pos;
	struct lab_net prefix;
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s; /* UINT32_MAX: for ever */
};

struct labfile_radv_route {
	struct lab_pos pos;
	struct lab_net prefix;
	uint32_t pref; /* as on the wire */
	int64_t lifetime_ns;
};

/* A name server, or a search domain. */
struct labfile_radv_dns {
	struct lab_pos pos;
	struct lab_ip ip;
	const char *domain;
};

struct labfile_radv {
	struct lab_pos pos;
	const char *iface; /* NULL: each that has an IPv6 address of a /64 */
	int64_t interval_ns, lifetime_ns, dns_lifetime_ns;
	uint32_t valid_s, preferred_s;
	uint32_t pref; /* as on the wire */
	uint32_t hop_limit, mtu;
	bool managed, other, unicast, run_down;
	struct labfile_radv_prefix *prefixes;
	uint32_t n_prefixes;
	struct labfile_radv_route *routes;
	uint32_t n_routes;
	struct labfile_radv_dns *dns, *search;
	uint32_t n_dns, n_search;
};

enum labfile_service_kind {
	LABFILE_HTTP,
	LABFILE_ECHO,
	LABFILE_DISCARD,
	LABFILE_RR,
	LABFILE_RADV,
};

struct labfile_service {
	struct lab_pos pos;
	uint32_t kind; /* enum labfile_service_kind: which of these it is */
	struct labfile_http http;
	struct labfile_echo echo;
	struct labfile_listener listener; /* discard and rr */
	struct labfile_radv radv;
};

/* Of radv there are none. */
static inline const struct labfile_limits *lab_service_limits(const struct labfile_service *s)
{
	static const struct labfile_limits none;

	if (s->kind == LABFILE_HTTP)
		return &s->http.limits;
	if (s->kind == LABFILE_ECHO)
		return &s->echo.limits;
	return s->kind == LABFILE_RADV ? &none : &s->listener.limits;
}

enum labfile_app_kind {
	LABFILE_APP_HTTP,
	LABFILE_APP_ECHO,
	LABFILE_APP_BULK,
	LABFILE_APP_RR,
	LABFILE_APP_PING,
};

/* What an app is told; each kind has some of these. */
struct labfile_app_args {
	struct lab_pos pos;
	const char *target; /* as written: an address or a name; http: NULL */
	const char *url;    /* http, as written */
	const char *host;   /* http: of the URL, with its port */
	const char *path;   /* http: of the URL */
	struct lab_ip ip;   /* of the target */
	uint32_t port;
	uint32_t proto; /* echo: LABFILE_TCP or LABFILE_UDP */
	uint64_t size;  /* bytes */
	bool has_size;
	uint64_t request, response; /* rr: bytes */
	int64_t time_ns;            /* bulk */
	int64_t at_ns, interval_ns, timeout_ns;
	uint32_t count; /* 0: for ever */
};

/* A client that weft runs on the node. */
struct labfile_app {
	struct lab_pos pos;
	uint32_t kind; /* enum labfile_app_kind */
	struct labfile_app_args args;
};

struct labfile_node {
	struct lab_pos pos;
	const char *name;
	uint32_t kind; /* enum labfile_kind */
	uint32_t copy; /* of a node with a count: its number, from 1; else 0 */
	bool forwarding;
	struct labfile_iface *ifaces; /* in the order of the file; a switch's may come from links */
	uint32_t n_ifaces;
	struct labfile_route *routes;
	uint32_t n_routes;
	struct labfile_host *hosts;
	uint32_t n_hosts;
	struct labfile_sysctl *sysctls;
	uint32_t n_sysctls;
	struct labfile_limits limits;
	struct labfile_service *services;
	uint32_t n_services;
	struct labfile_app *apps;
	uint32_t n_apps;
	uint32_t index; /* in labfile.nodes */

	/* As written; what has become of them stands above. */
	uint32_t count;        /* 0: none */
	struct lab_net prefix; /* of a switch; family LAB_IP_NONE: none */
	const char *gateway;   /* "auto", "none", an address or a node; NULL */
};

/* One side of a link, or another mention of an interface. */
struct labfile_end {
	struct lab_pos pos;
	const char *text; /* "node:interface", in a capture or once it is resolved */
	struct labfile_node *node;
	struct labfile_iface *iface;
};

/* How the jitter of a link is distributed. */
enum labfile_distribution {
	LABFILE_UNIFORM,
	LABFILE_NORMAL,
	LABFILE_PARETO,
	LABFILE_PARETONORMAL,
};

/* What a link does to the packets of one direction. */
struct labfile_shape {
	struct lab_pos pos;
	uint32_t given;            /* bit n: the n-th key of the schema was written in the file */
	uint64_t rate_bps;         /* bits a second on the wire; 0: unlimited */
	int64_t delay_ns;          /* one way */
	int64_t jitter_ns;         /* added to the delay, evenly from 0 to this; keeps the order */
	uint32_t loss_ppm;         /* packets lost, of a million */
	uint32_t duplicate_ppm;    /* packets that arrive twice */
	uint32_t corrupt_ppm;      /* packets that arrive with a bit turned over */
	uint32_t reorder_ppm;      /* packets held back, so that later ones overtake them ... */
	int64_t reorder_delay_ns;  /* ... by this much; 0: they skip the delay instead */
	struct lab_queue queue;    /* what waits for the rate; more is dropped at the tail */
	uint32_t distribution;     /* of the jitter: enum labfile_distribution */
	uint32_t gemodel_p_ppm;    /* losses in bursts: from the good state to the bad one ... */
	uint32_t gemodel_r_ppm;    /* ... and back, with each packet */
	uint32_t gemodel_1h_ppm;   /* packets lost in the bad state */
	uint32_t gemodel_1k_ppm;   /* packets lost in the good state */
	uint32_t reorder_gap;      /* those held back are at least so many apart; 0: any */
	uint32_t reorder_corr_ppm; /* how often one is treated as the one before it */
	uint32_t ecn_pkts;         /* packets are marked when so many wait; 0: never */
};

enum labfile_carrier {
	LABFILE_CARRIER_KEEP,
	LABFILE_CARRIER_UP,
	LABFILE_CARRIER_DOWN,
};

/* What a link does from some time on. */
struct labfile_change {
	struct lab_pos pos;
	int64_t at_ns;               /* after the start of the lab */
	uint32_t carrier;            /* enum labfile_carrier */
	struct labfile_shape both;   /* as written: what is different in both directions ... */
	struct labfile_shape dir[2]; /* ... and in one; complete once it is resolved */
};

struct labfile_link {
	struct lab_pos pos;
	struct labfile_end ends[2];  /* a and b */
	struct labfile_shape both;   /* as written for both directions: for messages, not for use */
	struct labfile_shape dir[2]; /* [0]: from a to b, [1]: from b to a; complete */
	uint32_t mtu;                /* bytes, without the Ethernet header */
	bool up;
	struct labfile_change *changes; /* in the order of their times */
	uint32_t n_changes;
	uint32_t index;        /* in labfile.links */
	uint32_t number;       /* in the file: several have the same, where nodes have a count */
	struct lab_net prefix; /* as written; family LAB_IP_NONE: none */
};

/* What stands in `defaults`: read to be checked. The reader gives it to those that lack it. */
struct labfile_defaults {
	struct lab_pos pos;
	struct labfile_node nodes[3]; /* by enum labfile_kind */
	struct labfile_link link;
};

enum labfile_routing {
	LABFILE_ROUTING_NONE, /* only the routes of the file */
	LABFILE_ROUTING_AUTO, /* every router has a way to every network */
};

struct labfile {
	struct lab_pos pos;
	const char *name;
	const char *file; /* as given to labfile_load() */
	uint64_t seed;
	bool has_seed;
	struct labfile_node *nodes; /* in the order of the file, as everything else */
	uint32_t n_nodes;
	struct labfile_link *links;
	uint32_t n_links;
	struct labfile_host *hosts; /* names that every node knows, besides those of the nodes */
	uint32_t n_hosts;
	bool capture_all;
	struct labfile_end *captures; /* interfaces to capture, unless all are */
	uint32_t n_captures;
	uint32_t n_segments;
	uint32_t routing; /* enum labfile_routing */
	struct labfile_defaults defaults;

	struct labfile_node **by_name; /* the nodes again, sorted by name without case */
	struct arena arena;            /* holds all of this, and this struct itself */
};

/*
 * Reads and checks a lab file. Returns 0 and *ret_lab (warnings may be in `errs`), or:
 *   -EINVAL  the file is wrong or unreadable, and `errs` says where and why;
 *   -ENOMEM  memory ran out.
 * `errs` is emptied first and borrows `path`.
 */
int labfile_load(const char *path, struct labfile **ret_lab, struct lab_errors *errs) MUST_CHECK;

/*
 * The same for a file in memory. `name` stands in messages; paths in the file are relative to the
 * directory `dir`, and with NULL the file system is not looked at.
 */
int labfile_parse(const char *name, const char *dir, const char *buf, size_t len,
		  struct labfile **ret_lab, struct lab_errors *errs) MUST_CHECK;

void labfile_free(struct labfile *lab);

/* Whether a lab may be called so: it becomes part of file names. */
bool labfile_is_lab_name(const char *s);

/* NULL when there is none. */
struct labfile_node *labfile_node_find(const struct labfile *lab, const char *name);
struct labfile_iface *labfile_iface_find(const struct labfile_node *node, const char *name);

/* What a direction of a link does, for people: "100mbit 10ms loss 1%"; "" when it does nothing.
 * Fills `buf` and returns it. */
enum {
	LABFILE_SHAPE_TEXT = 400
};
const char *labfile_shape_format(const struct labfile_shape *s,
				 char buf[static LABFILE_SHAPE_TEXT]);

/* Every node with what it has got, every link with what it does: all that weft has filled in. */
void labfile_print_plan(const struct labfile *lab, FILE *out);

/* The address that stands for the node's name: its first, or NULL when it has none. */
const struct lab_ip *labfile_node_addr(const struct labfile_node *node);
/* The same of one family. */
const struct lab_ip *labfile_node_addr_of(const struct labfile_node *node, uint8_t family);

/* The interface at the other end of the link, or NULL. */
struct labfile_iface *labfile_iface_peer(const struct labfile_iface *iface);
