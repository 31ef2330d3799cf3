/* SPDX-License-Identifier: MIT */
/*
 * Packet sockets (packet(7)): whole frames of a stack's interfaces, both ways; and socket filters
 * in classic BPF.
 *
 *	weft_socket(st, WEFT_AF_PACKET, WEFT_SOCK_RAW, WEFT_ETH_P_ALL, &s)    with Ethernet header
 *	weft_socket(st, WEFT_AF_PACKET, WEFT_SOCK_DGRAM, 0x0800, &s)          without: "cooked"
 *
 * Numbers are Linux's, in host order: the EtherType 0x0800 is 0x0800. As a struct weft_sockaddr
 * the address of such a socket has the EtherType as its port and the interface's index as its
 * scope_id, and in its bytes what weft_ll_of() takes apart. Protocol 0 receives nothing until
 * weft_bind(); without one a socket has the frames of all interfaces.
 *
 * A socket of WEFT_ETH_P_ALL sees what is sent, too (WEFT_PACKET_OUTGOING), but never what it sent
 * itself. Frames are as on the wire, a VLAN tag included; only a super-packet that an interface
 * takes whole is seen whole, with its checksum still to be computed. The queue is bounded by
 * WEFT_SO_RCVBUF; what does not fit is counted (WEFT_PACKET_STATISTICS).
 */
#pragma once

#include "weft/socket.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
	WEFT_AF_PACKET = 17,
	WEFT_ETH_P_ALL = 3, /* every EtherType */
};

/* struct weft_ll, type: for whom a frame is. */
enum {
	WEFT_PACKET_HOST = 0,
	WEFT_PACKET_BROADCAST = 1,
	WEFT_PACKET_MULTICAST = 2,
	WEFT_PACKET_OTHERHOST = 3,
	WEFT_PACKET_OUTGOING = 4,
};

/* Linux's struct sockaddr_ll. Received: of the sender. To bind: protocol and ifindex count; to
 * send: ifindex, and of a cooked socket the destination, halen (6) and protocol. */
struct weft_ll {
	uint16_t protocol; /* EtherType */
	uint32_t ifindex;
	uint16_t hatype; /* 1: Ethernet, 772: loopback */
	uint8_t type;    /* WEFT_PACKET_* */
	uint8_t halen;
	uint8_t addr[8];
};

static inline struct weft_ll weft_ll_of(const struct weft_sockaddr *sa)
{
	struct weft_ll ll = {.protocol = sa->port, .ifindex = sa->scope_id};

	for (int i = 0; i < 8; i++)
		ll.addr[i] = sa->addr.bytes[i];
	ll.halen = sa->addr.bytes[8];
	ll.type = sa->addr.bytes[9];
	ll.hatype = (uint16_t)(sa->addr.bytes[10] << 8 | sa->addr.bytes[11]);
	return ll;
}

static inline struct weft_sockaddr weft_sockaddr_ll(const struct weft_ll *ll)
{
	struct weft_sockaddr sa = {.addr = {.family = WEFT_AF_PACKET}};

	sa.port = ll->protocol;
	sa.scope_id = ll->ifindex;
	for (int i = 0; i < 8; i++)
		sa.addr.bytes[i] = ll->addr[i];
	sa.addr.bytes[8] = ll->halen;
	sa.addr.bytes[9] = ll->type;
	sa.addr.bytes[10] = (uint8_t)(ll->hatype >> 8);
	sa.addr.bytes[11] = (uint8_t)ll->hatype;
	return sa;
}

/* Options of level WEFT_SOL_PACKET. */
enum {
	WEFT_SOL_PACKET = 263,
	WEFT_PACKET_ADD_MEMBERSHIP = 1,  /* struct weft_packet_mreq */
	WEFT_PACKET_DROP_MEMBERSHIP = 2, /* the same */
	WEFT_PACKET_STATISTICS = 6,      /* to read: struct weft_packet_stats; reading clears it */
	WEFT_PACKET_FANOUT = 18,      /* int: group number, and from bit 16 on its mode and flags */
	WEFT_PACKET_FANOUT_DATA = 22, /* struct weft_sock_fprog, of WEFT_PACKET_FANOUT_CBPF */
	WEFT_PACKET_IGNORE_OUTGOING = 23, /* int */
};
struct weft_packet_mreq {
	int ifindex;
	uint16_t type; /* WEFT_PACKET_MR_* */
	uint16_t alen;
	uint8_t address[8];
};
enum {
	WEFT_PACKET_MR_MULTICAST = 0,
	WEFT_PACKET_MR_PROMISC = 1,
	WEFT_PACKET_MR_ALLMULTI = 2,
	WEFT_PACKET_MR_UNICAST = 3,
};
struct weft_packet_stats {
	uint32_t packets; /* that passed the filter, those dropped included */
	uint32_t drops;   /* for want of room */
};
/* How the frames of a group are spread over its sockets. */
enum {
	WEFT_PACKET_FANOUT_HASH = 0,     /* by flow, both directions together */
	WEFT_PACKET_FANOUT_LB = 1,       /* in turn */
	WEFT_PACKET_FANOUT_CPU = 2,      /* by engine: all to the first, since a stack has one */
	WEFT_PACKET_FANOUT_ROLLOVER = 3, /* the first that has room */
	WEFT_PACKET_FANOUT_RND = 4,
	WEFT_PACKET_FANOUT_QM = 5,                 /* by receive queue: all to the first */
	WEFT_PACKET_FANOUT_CBPF = 6,               /* what a program returns, modulo the sockets */
	WEFT_PACKET_FANOUT_FLAG_ROLLOVER = 0x1000, /* who is full gives to the next */
	WEFT_PACKET_FANOUT_FLAG_UNIQUEID = 0x2000, /* a free group number; to read back */
	WEFT_PACKET_FANOUT_FLAG_IGNORE_OUTGOING = 0x4000,
};

/* Filters (classic BPF), options of WEFT_SOL_SOCKET for packet, raw, UDP and echo sockets. What a
 * program returns is how many bytes are kept; 0: the packet is not for this socket. It sees a
 * packet from where the socket would: UDP from its header on, raw sockets from the IP header on. */
struct weft_sock_filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
struct weft_sock_fprog {
	uint16_t len; /* instructions */
	const struct weft_sock_filter *filter;
};
enum {
	WEFT_SO_ATTACH_FILTER = 26, /* struct weft_sock_fprog: -EINVAL when Linux refuses it */
	WEFT_SO_GET_FILTER = 26,    /* instructions; `len` counts them, 0 asks how many there are */
	WEFT_SO_DETACH_FILTER = 27, /* -ENOENT: there is none */
	WEFT_SO_LOCK_FILTER = 44,   /* int, for good: neither is possible any more (-EPERM) */
};

/* Options of level WEFT_IPPROTO_UDP: many datagrams of one size in one call, or one of many. */
enum {
	/* int: sends are held back and become one datagram, which goes when this is 0 again. */
	WEFT_UDP_CORK = 1,
	/* int: what is sent goes in datagrams of so many bytes each, the last may be shorter; at
	 * most 64 of them. As a control message, a uint16_t: for one call. */
	WEFT_UDP_SEGMENT = 103,
	/* int: such a group is received as one, with its size in a control message, an int; and
	 * datagrams of one size and one sender that wait are put together to one. */
	WEFT_UDP_GRO = 104,
};

#ifdef __cplusplus
}
#endif
