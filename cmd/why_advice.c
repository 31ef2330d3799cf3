/* SPDX-License-Identifier: MIT */
/* What a person can do about each reason of src/pkt/drop.def; a test sees that none is missing. */
#include <string.h>

#include "base/compiler.h"
#include "cmd/why_text.h"

static const struct {
	const char *reason, *text;
} advice[] = {
	/* netif and media */
	{"IF_DOWN", "Set the interface up: weft -n NODE ip link set IF up"},
	{"IF_NO_HANDLER", "Give the interface an address, or make it a port of a bridge"},
	{"IF_TX_QUEUE",
	 "The sender is faster than the device; slow it down, or lengthen the queue"},
	{"IF_RX_RING",
	 "More frames came at once than the ring of the host's interface holds: a larger ring, or "
	 "less load"},
	{"IF_BACKLOG",
	 "More frames came at once than the node could take; is the machine overloaded?"},
	{"IF_CARRIER",
	 "The link is down: `weft link` shows it, `weft link set A-B up` brings it up"},
	{"IF_MTU", "Compare the MTUs of both ends: weft -n NODE ip link"},
	{"IF_DRIVER",
	 "Nothing is connected to the interface (`weft node` shows what is), or the kernel refused "
	 "the frame: is the other end of the TAP up?"},
	{"IF_GSO",
	 "The sender made a super-packet with a broken header: this is a fault of the sender"},
	{"NOMEM", "The lab holds more packets than its pools have; lower rates, or shorten queues"},
	{"LINK_LOSS",
	 "The link loses packets because it was told to: `weft link set A-B loss 0%` ends it"},
	{"LINK_QUEUE",
	 "The link is slower than what is sent over it: raise its rate or queue, or send less"},
	{"LINK_CORRUPT", "The link damages packets because it was told to (corrupt)"},
	/* Ethernet, bridge, ARP, neighbours */
	{"ETH_HDR", "The sender made a frame without a whole header"},
	{"ETH_OTHERHOST",
	 "Ordinary: a switch floods what it does not know yet, and others ignore it"},
	{"ETH_PROTO", "The node does not speak this protocol; nothing needs to be done"},
	{"ETH_SRC", "A frame cannot come from a group address: look at what the sender does"},
	{"ETH_VLAN", "The frame is tagged for a VLAN that this node has no interface in"},
	{"BRIDGE_SAME_PORT",
	 "Ordinary: sender and destination are behind the same port of the switch"},
	{"BRIDGE_NO_PORT", "The switch has no other port that is up"},
	{"BRIDGE_LOCAL", "Ordinary: frames to 01:80:c2:00:00:0x stay on their link (IEEE 802.1D)"},
	{"ARP_HDR", "The sender made an ARP packet that nobody can read"},
	{"ARP_NOT_US", "Ordinary: an ARP request goes to everybody, and all but one ignore it"},
	{"ARP_CONFLICT",
	 "Two nodes have the same address: find the other with `weft -n NODE ip neigh`"},
	{"NEIGH_FAILED",
	 "Nobody answers for the next hop: is it up, on this link, and in this subnet? "
	 "`weft -n NODE ip neigh` shows it as FAILED"},
	{"NEIGH_QUEUE",
	 "Packets came faster than the next hop could be asked for; the first ones were "
	 "kept, and it helps to try again"},
	{"NEIGH_FULL", "More neighbours than the table holds: net.ipv4.neigh.default.gc_thresh3"},
	/* IPv4 */
	{"IP4_HDR", "The header says something else than the packet: damaged, or made by hand"},
	{"IP4_CSUM", "Damaged on the way: a link with `corrupt`, or a fault of the sender"},
	{"IP4_VERSION", "The EtherType says IPv4 and the packet something else"},
	{"IP4_OPTIONS", "The sender wrote an option that cannot be read"},
	{"IP4_SOURCE_ROUTE",
	 "Source routing is refused, as everywhere: net.ipv4.conf.IF.accept_source_route"},
	{"IP4_SRC", "No host can have this source address: look at the sender's configuration"},
	{"IP4_DST", "No host can have this destination address"},
	{"IP4_NOT_LOCAL",
	 "The node is no router: `forwarding: true` in the lab file, or send it elsewhere"},
	{"IP4_NO_PROTO",
	 "Nothing on the node speaks this IP protocol; it has answered with an ICMP error"},
	{"IP_RPFILTER",
	 "The source is reached another way: net.ipv4.conf.IF.rp_filter, 2 is loose, 0 off"},
	{"IP_FRAG_DUP", "Harmless: a link duplicated a fragment, or a bridge has a loop"},
	{"IP_FRAG_OVERLAP",
	 "No sender makes such fragments by mistake: somebody attacks, or tests"},
	{"IP_FRAG_SIZE", "The sender cuts datagrams where no cut may be"},
	{"IP_FRAG_RANGE", "The sender's fragments contradict each other, or exceed 65535 bytes"},
	{"IP_FRAG_ECN", "Something on the way rewrites the ECN field of some fragments only"},
	{"IP_FRAG_TIMEOUT",
	 "One fragment was lost: look where; smaller datagrams would not need them"},
	{"IP_FRAG_MEM",
	 "Raise net.ipv4.ipfrag_high_thresh, or find out who sends so many fragments"},
	{"IP_FRAG_DIST", "Fragments came in great disorder: net.ipv4.ipfrag_max_dist"},
	{"IP4_TOO_LONG", "The datagram would be longer than IP allows"},
	/* IPv6 */
	{"IP6_HDR", "The header says something else than the packet: damaged, or made by hand"},
	{"IP6_VERSION", "The EtherType says IPv6 and the packet something else"},
	{"IP6_SRC",
	 "The source is a group, ::1 from outside, an address of this node itself, or stands for "
	 "one of IPv4: look at what the sender does"},
	{"IP6_DST",
	 "The destination is ::, ::1 from outside, or stands for one of IPv4; or a link-local "
	 "address is not on this link"},
	{"IP6_SCOPE",
	 "A link-local source cannot speak beyond its link: give the sender a global address"},
	{"IP6_NOT_LOCAL",
	 "The node is no router: `forwarding: true` in the lab file, or send it elsewhere"},
	{"IP6_NO_PROTO", "Nobody takes this protocol here; the sender has been told"},
	{"IP6_NO_NEXT", "Ordinary: the packet ends with its headers"},
	{"IP6_EXT",
	 "Extension headers out of order, too many, or cut off: made by hand, or an attack"},
	{"IP6_OPTION", "The sender uses an option that no one here knows"},
	{"IP6_ROUTING", "Source routing is refused, as everywhere (RFC 5095)"},
	{"IP6_TOO_LONG", "The packet would be longer than 65,535 bytes"},
	{"IP6_DISABLED", "net.ipv6.conf.all.disable_ipv6 is 1 on this node"},
	{"IP_NO_ROUTE",
	 "Add a route: weft -n NODE ip route add PREFIX via GATEWAY; `ip route get ADDRESS` "
	 "tells what is found"},
	{"IP_ROUTE_UNREACHABLE", "A route of type unreachable says so: weft -n NODE ip route"},
	{"IP_ROUTE_BLACKHOLE", "A route of type blackhole says so: weft -n NODE ip route"},
	{"IP_ROUTE_PROHIBIT", "A route of type prohibit says so: weft -n NODE ip route"},
	{"IP_TTL",
	 "The packet went round in a circle, or too far: `weft -n NODE traceroute ADDRESS` shows "
	 "where; with traceroute itself this is how it works"},
	{"IP_MTU",
	 "Too large for a link on the way; the sender has been told. If it does not listen, "
	 "lower its MTU"},
	{"IP_LINK_BROADCAST",
	 "Ordinary: what came as a broadcast on one link is not forwarded to another"},
	{"IP_BROADCAST", "The program must ask for it: SO_BROADCAST (ping -b)"},
	{"IP_FAMILY", "The node has no stack for this family of addresses"},
	{"IP_NO_SOURCE", "Give the node an address: weft -n NODE ip addr add ADDRESS/LEN dev IF"},
	/* ICMP */
	{"ICMP_HDR", "The sender made an ICMP message that is too short"},
	{"ICMP_CSUM", "Damaged on the way: a link with `corrupt`, or a fault of the sender"},
	{"ICMP_TYPE", "Ordinary: the node does not take part in this kind of ICMP"},
	{"ICMP_QUOTE",
	 "The error is about a packet that this node has not sent: a late one, or a forged one"},
	{"ICMP_BROADCAST", "Ordinary: pings to broadcast addresses are not answered"},
	{"ICMP_IGNORED", "The node was told not to answer: net.ipv4.icmp_echo_ignore_all"},
	{"ICMP_NO_SOCKET", "The program that asked has ended, or the answer is a forged one"},
	{"ICMP_RCVBUF", "The program does not read its answers fast enough"},
	{"ICMP_REDIRECT",
	 "Somebody forges, or the route has changed: `weft -n NODE ip route get DST`"},
	{"ICMP_REDIRECT_IGNORED", "The node was told not to heed redirects "
				  "(net.ipv4.conf.IF.accept_redirects), or forwards"},
	{"ICMP_RATELIMIT",
	 "Ordinary: a node sends only so many ICMP errors a second: net.ipv4.icmp_ratelimit"},
	/* neighbour discovery */
	{"ND_HDR",
	 "A message of neighbour discovery that breaks its rules, or comes from beyond the link"},
	{"ND_HOPS", "It comes from beyond the link, or somebody forges: neighbour discovery has "
		    "hop limit 255"},
	{"ND_FRAG", "No node fragments neighbour discovery (RFC 6980): somebody forges"},
	{"ND_RA_SRC", "Somebody forges: routers advertise from their link-local addresses"},
	{"ND_RA_IGNORED", "The node was told not to listen to routers "
			  "(net.ipv6.conf.IF.accept_ra), or is one itself"},
	{"ND_REDIRECT_SRC",
	 "Somebody forges, or the route has changed: `weft -n NODE ip -6 route get DST`"},
	{"ND_REDIRECT_IGNORED", "The node was told not to heed redirects "
				"(net.ipv6.conf.IF.accept_redirects), or forwards"},
	{"ND_TENTATIVE",
	 "The node does not use the address yet: `weft -n NODE ip -6 addr` says tentative"},
	{"ND_LOOPED", "A link gives back what is sent on it: look for a loop"},
	{"ND_NOT_US", "Ordinary: several addresses share a group, and all but one ignore it"},
	{"ND_CONFLICT",
	 "Two nodes have the same address: find the other with `weft -n NODE ip -6 neigh`"},
	/* Groups */
	{"MCAST_SOURCE", "The sockets that joined the group want other sources (RFC 3678 filters) "
			 "only: `weft_groups()` "
			 "shows what the interface takes"},
	{"IGMP_HDR", "The message does not fit its length: damaged, or made by hand"},
	{"IGMP_CSUM", "Damaged on the way: a link with `corrupt`, or a fault of the sender"},
	{"IGMP_TTL",
	 "IGMP is for one link and is sent with TTL 1: somebody sent it from elsewhere"},
	{"IGMP_TYPE",
	 "A message of another protocol over IGMP (DVMRP, PIMv1), which weft does not have"},
	{"MLD_HDR", "The message does not fit its length: damaged, or made by hand"},
	{"MLD_SRC", "MLD is for one link: hop limit 1, a link-local source and a router alert "
		    "option, or it was sent from elsewhere"},
	/* UDP and raw */
	{"UDP_HDR", "The length in the header does not fit the datagram: damaged, or made by hand"},
	{"UDP_CSUM", "Damaged on the way: a link with `corrupt`, or a fault of the sender"},
	{"UDP_NO_PORT",
	 "No program listens there: `weft -n NODE ss -lun` lists the ports that are open. The "
	 "sender has been told by an ICMP error"},
	{"LIMIT_SOCKS", "Somebody keeps sockets open: weft ss tells who; net.limit.sockets"},
	{"LIMIT_BYTES", "Programs do not read fast enough, or net.limit.bytes is too low"},
	{"LIMIT_PEER", "One peer opens many connections: net.limit.conns_per_peer"},
	{"LIMIT_RATE", "More connections come than net.limit.conns_per_s lets in"},
	{"INTERCEPT_QUEUE", "The gateway does not keep up with the datagrams of its guest"},
	{"TCP_REQUEST", "The connection's other half is still being made: the sender tries again"},
	{"TCP_REQUESTS_FULL",
	 "More connections wait to be made than may: the oldest first go or fail"},
	{"UDP_RCVBUF", "The program does not read fast enough: a larger SO_RCVBUF, or send less"},
	{"PACKET_RCVBUF", "The program does not read its packet socket fast enough"},
	{"SOCK_FILTER", "The program attached a filter to its socket (SO_ATTACH_FILTER) that "
			"refuses such packets"},
	{"RAW_RCVBUF", "The program does not read its raw socket fast enough"},
	/* TCP */
	{"TCP_HDR", "The header does not fit the segment: damaged, or made by hand"},
	{"TCP_CSUM", "Damaged on the way: a link with `corrupt`, or a fault of the sender"},
	{"TCP_OPTIONS", "The sender wrote an option that cannot be read"},
	{"TCP_FLAGS", "No TCP sends such flags together: a port scanner, or a fault of the sender"},
	{"TCP_NO_SOCKET",
	 "No program listens there: `weft -n NODE ss -ltn` lists the ports that are open. The "
	 "sender has been told by a reset"},
	{"TCP_NO_SOCKET_RST", "Ordinary: the connection was gone already"},
	{"TCP_BAD_ADDR", "TCP is between two hosts: a group address cannot take part"},
	{"TCP_PAWS", "Ordinary when segments overtake each other: an old one came late"},
	{"TCP_OLD_SEQ", "Ordinary after losses: the same data had come before"},
	{"TCP_WINDOW", "More than the receiver had room for, or from another connection"},
	{"TCP_ACK_OLD", "Ordinary when segments overtake each other: an acknowledgement came late"},
	{"TCP_ACK_UNSENT", "A forged segment, or the other side has forgotten the connection"},
	{"TCP_NO_ACK",
	 "Made by hand, or a fault of the sender: every segment but the first has an ACK"},
	{"TCP_RST_SEQ", "A forged reset, or a late one: the connection goes on (RFC 5961)"},
	{"TCP_SYN_IN_WINDOW",
	 "The other side begins anew, or somebody forges: the connection goes on (RFC 5961)"},
	{"TCP_SYN_AGAIN", "Ordinary: the first SYN of this connection is being answered"},
	{"TCP_DEFER", "Ordinary: the listener waits for data (TCP_DEFER_ACCEPT)"},
	{"TCP_COOKIE", "Ordinary under a flood of SYNs: a late segment, or a forged one"},
	{"TCP_RCVBUF", "The program does not read fast enough"},
	{"TCP_REASM", "Many losses at once: the receiver kept as much out of order as it may"},
	{"TCP_SYN_QUEUE",
	 "More connections begin at once than the listener holds: a longer backlog, or SYN "
	 "cookies (net.ipv4.tcp_syncookies)"},
	{"TCP_ACCEPT_QUEUE",
	 "The program does not accept fast enough: `ss -ltn` shows how many wait; a longer "
	 "backlog, net.core.somaxconn"},
	{"TCP_CLOSED",
	 "The program has closed while the other side was sending; that has got a reset"},
	{"TCP_TIME_WAIT", "Ordinary: a late segment of a connection that has ended"},
};

const char *why_advice(const char *reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(advice); i++)
		if (!strcmp(advice[i].reason, reason))
			return advice[i].text;
	return NULL;
}
