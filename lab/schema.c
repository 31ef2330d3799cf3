/* SPDX-License-Identifier: MIT */
/*
 * The tables of the lab file's language: the file and nodes; links are in schema_link.c, services
 * and apps in schema_service.c. To add a key: a line here, a field in labfile.h.
 */
#include "lab/schema.h"

#include "lab/schema_tables.h"

#include <string.h>

static const struct lab_word kind_words[] = {
	{"weft", LABFILE_WEFT},
	{"kernel", LABFILE_KERNEL},
	{"switch", LABFILE_SWITCH},
	{NULL, 0},
};

static const struct lab_word routing_words[] = {
	{"none", LABFILE_ROUTING_NONE},
	{"auto", LABFILE_ROUTING_AUTO},
	{NULL, 0},
};

static const struct lab_word driver_words[] = {
	{"packet", LABFILE_DRIVER_PACKET},
	{"xdp", LABFILE_DRIVER_XDP},
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
	{
		.name = "acd",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, acd),
		.help = "Its IPv4 addresses are used only when nobody on the link has them, "
			"some 5 s after it comes up, and defended afterwards (RFC 5227); only on "
			"`weft` nodes. Of IPv6 addresses `dad` says so",
	},
	{
		.name = "link_local",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, link_local),
		.help = "It makes itself an IPv4 address of 169.254.0.0/16 that nobody else on "
			"the link has (RFC 3927), beside its others; only on `weft` nodes",
	},
	{
		.name = "mss_clamp",
		.type = LAB_T_MSS,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, mss_clamp),
		.help = "The most that a TCP segment may carry, told to both ends of connections "
			"that are forwarded by this interface: bytes, or `pmtu` for what fits the "
			"path; only on `weft` nodes",
	},
	{
		.name = "gro",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, gro),
		.deflt = "false",
		.help = "Frames of a TCP flow that arrive at once go up as one packet, as after "
			"`ethtool -K DEV gro on`: cheaper, and fewer acknowledgements; captures "
			"show the frames. Only on `weft` nodes; with `host`, it is on always",
	},
	{
		.name = "slaac",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, slaac),
		.deflt = "false",
		.help = "It listens to routers (`radv`) and makes IPv6 addresses of their "
			"prefixes; without an IPv6 address, a kernel node needs it to speak IPv6 "
			"at "
			"all",
	},
	{
		.name = "dad",
		.type = LAB_T_BOOL,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, dad),
		.deflt = "false",
		.help = "It asks whether another node has its IPv6 addresses before it uses them, "
			"which takes a second or two; of a weft node",
	},
	{
		.name = "host",
		.type = LAB_T_IF_NAME,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, host),
		.help = "The interface of this name that the machine has (a NIC, one end of a "
			"veth) takes the place of a link; it should have no address there. One of "
			"the "
			"lab's interfaces alone can have it; not of `kernel` nodes, nor in virtual "
			"time",
	},
	{
		.name = "driver",
		.type = LAB_T_WORD,
		.flags = LAB_KEY_ASIDE,
		FIELD(labfile_iface, driver),
		.words = driver_words,
		.deflt = "packet",
		.help = "How an interface of the machine is used: `packet`, beside the machine's "
			"own stack; `xdp`, whose frames that does not see",
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
		.help = "The gateway; without one, the destinations are on the link itself. A "
			"link-local one has its interface behind it: `fe80::1%eth0`",
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
	{
		.name = "mtu",
		.type = LAB_T_U32,
		FIELD(labfile_route, mtu),
		.min = 68,
		.max = UINT16_MAX,
		.help = "The longest packet to there, in bytes; without one, the interface's",
	},
	{
		.name = "initcwnd",
		.type = LAB_T_U32,
		FIELD(labfile_route, initcwnd),
		.min = 1,
		.max = UINT16_MAX,
		.help = "TCP's initial congestion window to there, in segments",
	},
	{
		.name = "congctl",
		.type = LAB_T_TEXT,
		FIELD(labfile_route, congctl),
		.help = "TCP's congestion control to there, by the name that TCP_CONGESTION has; "
			"without one, the node's",
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

static const struct lab_key sysctl_keys[] = {
	{
		.name = "value",
		.type = LAB_T_TEXT,
		.flags = LAB_KEY_REQUIRED,
		FIELD(labfile_sysctl, value),
		.help = "A number, or the name of a value where the setting has such",
	},
	END_OF_KEYS,
};

static const struct lab_schema schema_sysctl = {
	.name = "setting",
	.help = "A setting of the node's stack.",
	.where = "nodes.NAME.sysctls.NAME",
	.size = sizeof(struct labfile_sysctl),
	.keys = sysctl_keys,
	.name_offset = offsetof(struct labfile_sysctl, name),
	.name_type = LAB_T_SYSCTL,
	.short_key = "value",
	.short_help = "the value",
};

static const struct lab_key limits_keys[] = {
	{
		.name = "sockets",
		.type = LAB_T_U32,
		FIELD(labfile_limits, sockets),
		.min = 1,
		.max = UINT32_MAX,
		.help = "Sockets that are open, or not forgotten yet",
	},
	{
		.name = "memory",
		.type = LAB_T_SIZE,
		FIELD(labfile_limits, bytes),
		.help = "Memory behind the queues of all sockets",
	},
	{
		.name = "peer_connections",
		.type = LAB_T_U32,
		FIELD(labfile_limits, peer_connections),
		.min = 1,
		.max = UINT32_MAX,
		.help = "TCP connections, either way, with one address",
	},
	{
		.name = "rate",
		.type = LAB_T_U32,
		FIELD(labfile_limits, rate),
		.min = 1,
		.max = UINT32_MAX,
		.help = "New TCP connections a second, either way",
	},
	{
		.name = "burst",
		.type = LAB_T_U32,
		FIELD(labfile_limits, burst),
		.min = 1,
		.max = UINT32_MAX,
		.help = "So many of them may come at once; without it, those of a second",
	},
	{
		.name = "resets",
		.type = LAB_T_BOOL,
		FIELD(labfile_limits, resets),
		.deflt = "false",
		.help = "Whether SYNs that a limit refuses are reset; else they are dropped, and "
			"come again",
	},
	END_OF_KEYS,
};

const struct lab_schema schema_limits = {
	.name = "limits",
	.help = "What a node's stack, or one of its services, may have at most (doc/api.md); "
		"without a key there is no such limit.",
	.where = "nodes.NAME.limits",
	.size = sizeof(struct labfile_limits),
	.keys = limits_keys,
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
		.name = "sysctls",
		.type = LAB_T_NAMED,
		.flags = LAB_KEY_ASIDE,
		COUNTED(labfile_node, sysctls, n_sysctls),
		.sub = &schema_sysctl,
		.help = "Settings of its stack by their names, such as `tcp.profile: rfc`; only on "
			"`weft` nodes",
	},
	{
		.name = "limits",
		.type = LAB_T_MAP,
		FIELD(labfile_node, limits),
		.sub = &schema_limits,
		.help = "What its stack may have at most; only on `weft` nodes",
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
	&lab_schema_file,
	&schema_node,
	&schema_iface,
	&schema_route,
	&schema_service,
	&schema_http,
	&schema_doc,
	&schema_echo,
	&schema_discard,
	&schema_rr,
	&schema_radv,
	&schema_radv_prefix,
	&schema_radv_route,
	&schema_radv_dns,
	&schema_radv_search,
	&schema_app,
	&schema_app_http,
	&schema_app_echo,
	&schema_app_bulk,
	&schema_app_rr,
	&schema_app_ping,
	&schema_link,
	&schema_shape,
	&schema_change,
	&schema_host,
	&schema_sysctl,
	&schema_limits,
	&schema_defaults,
	NULL,
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
