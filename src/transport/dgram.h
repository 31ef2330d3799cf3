/* SPDX-License-Identifier: MIT */
/*
 * What datagram sockets have in common (udp, raw, ping): a bounded receive queue, a peer, and a
 * route kept between packets.
 *
 * A packet on the receive queue has `data` at what the application gets, l3_off and l4_off as they
 * were, and its source address in `cb`. It counts with the memory behind it, not with its bytes, so
 * that small datagrams cannot hold much more memory than SO_RCVBUF says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "ip/ip4_opts.h"
#include "pkt/pkt.h"
#include "transport/dgram_mcast.h"
#include "transport/errq.h"
#include "transport/sock.h"
#include "transport/sock_bpf.h"
#include "transport/sock_ip6.h"

/* What the application wants to be told with each datagram: dgram_sock.wants. */
enum {
	DGRAM_WANTS_PKTINFO = 1 << 0,
	DGRAM_WANTS_TTL = 1 << 1,
	DGRAM_WANTS_TOS = 1 << 2,
	DGRAM_WANTS_PKTINFO6 = 1 << 3,
	DGRAM_WANTS_HOPLIMIT = 1 << 4,
	DGRAM_WANTS_TCLASS = 1 << 5,
	DGRAM_WANTS_ERR = 1 << 6,
	DGRAM_WANTS_ERR6 = 1 << 7,
	DGRAM_WANTS_OPTS = 1 << 8,
	DGRAM_WANTS_RETOPTS = 1 << 9,
	DGRAM_WANTS_HOPOPTS = 1 << 10,
	DGRAM_WANTS_DSTOPTS = 1 << 11,
	DGRAM_WANTS_RTHDR = 1 << 12,
};

struct dgram_cork;

struct dgram_sock {
	struct sock sk;
	struct pktq rcvq;
	uint32_t rcvq_mem; /* bytes of memory behind rcvq */
	uint32_t wants;    /* DGRAM_WANTS_* */
	uint8_t pmtudisc;  /* WEFT_IP_PMTUDISC_* */
	struct errq errq;
	struct sock_bpf bpf;
	struct dgram_mcast mcast;
	uint32_t rcvlowat;    /* SO_RCVLOWAT; 0: 1 */
	uint16_t gso_size;    /* UDP_SEGMENT; 0: none */
	bool takes_gro;       /* UDP_GRO */
	bool is_corked;       /* UDP_CORK */
	bool bound_to_group;  /* laddr is no address to send from: a group's, or a broadcast */
	struct ip4_opts opts; /* IP_OPTIONS */
	struct sock_ip6 ip6;
	/* Extension headers of the message under way, or held back, that control messages say. */
	struct ip6_exts *msg_exts;
	uint32_t pathmtu; /* IPV6_RECVPATHMTU: to be told, of the path to `pathmtu_dst`; 0: none */
	struct ip_addr pathmtu_dst;
	struct dgram_cork *cork; /* what is held back (dgram_cork.h); NULL: nothing */
	/* sk.dst is the route to this address, from this source. */
	struct ip_addr route_dst, route_src;
};

/* What goes for one message: the socket's settings, or what control messages say instead. */
struct dgram_ctl {
	struct ip_addr src; /* unspecified: the socket's */
	uint32_t oif;       /* 0: the socket's */
	uint8_t ttl;        /* 0: the stack's default */
	bool has_ttl;       /* the message says it */
	uint8_t tos;
	bool has_exts;     /* dgram_sock.msg_exts go, not the socket's */
	bool has_dontfrag; /* the message says it */
	bool dontfrag;
	uint32_t stamps; /* times of sending that are asked for: WEFT_SOF_TX_* */
	bool has_opts;   /* the message says them: IP_RETOPTS */
	struct ip4_opts opts;
	struct ip_dst dst; /* the route of a message that does not go where the socket does */
};

static inline struct dgram_sock *dgram_of(struct sock *sk)
{
	return container_of(sk, struct dgram_sock, sk);
}

static inline const struct dgram_sock *dgram_of_const(const struct sock *sk)
{
	return container_of(sk, const struct dgram_sock, sk);
}

/* The common part of a zeroed object, and what it holds at its end. */
void dgram_init(struct dgram_sock *ds, struct stack *st, const struct sock_proto *proto, int family,
		int protocol);
void dgram_fini(struct dgram_sock *ds);
/* proto->create for all of them. */
int dgram_new(struct stack *st, const struct sock_proto *proto, int family, int protocol,
	      struct dgram_sock **ret) MUST_CHECK;
void dgram_close(struct sock *sk, bool abort);
void dgram_destroy(struct sock *sk);

/* The queue has room for the packet. An empty one always has, so that a datagram larger than
 * SO_RCVBUF is not lost for ever, unless a limit (sock_limit.h) says otherwise. DROP_NONE,
 * DROP_UDP_RCVBUF or DROP_LIMIT_BYTES. */
enum drop dgram_admit(struct dgram_sock *ds, const struct pkt *pkt) MUST_CHECK;
static inline bool dgram_has_room(struct dgram_sock *ds, const struct pkt *pkt)
{
	return dgram_admit(ds, pkt) == DROP_NONE;
}
/* The memory behind its receive queue is `n` more. */
void dgram_mem_add(struct dgram_sock *ds, int64_t n);
uint32_t dgram_filter_run(const struct dgram_sock *ds, const struct pkt *pkt, bool is_ip6);
/* How many bytes from `data` on the socket's filter keeps; 0: the packet is not for it. */
static inline uint32_t dgram_filter(const struct dgram_sock *ds, const struct pkt *pkt, bool is_ip6)
{
	return likely(!ds->bpf.prog) ? UINT32_MAX : dgram_filter_run(ds, pkt, is_ip6);
}
/* Queues a packet and wakes the application. Takes it. */
void dgram_queue(struct dgram_sock *ds, struct pkt *pkt, const struct ip_addr *src);
/* proto->recv. The port of `msg` is left as it is. */
ptrdiff_t dgram_recv(struct sock *sk, struct sock_msg *msg);
/* proto->take: one datagram. */
ptrdiff_t dgram_take(struct sock *sk, struct sock_msg *msg, size_t max, uint32_t max_pkts,
		     struct pktq *q);
/* proto->recv_err. */
ptrdiff_t dgram_recv_err(struct sock *sk, struct sock_msg *msg);
uint32_t dgram_events(const struct sock *sk);
void dgram_diag(const struct sock *sk, struct sock_diag *ret);
int dgram_shutdown(struct sock *sk, bool rd, bool wr);

/* A group's or a broadcast address: one that may be bound to, but is nobody's source. */
bool dgram_addr_is_group(const struct stack *st, const struct ip_addr *addr);
/* bind, connect and disconnect of protocols with ports in the socket tables. */
int dgram_bind(struct sock *sk, const struct ip_addr *addr, uint16_t port);
int dgram_connect(struct sock *sk, const struct ip_addr *addr, uint16_t port);
int dgram_disconnect(struct sock *sk);

/* The route to a peer, kept for the packets to come, and the source address that goes with it: the
 * one that the application bound to, or selected. 0 or as ip_route(). */
int dgram_route_connect(struct dgram_sock *ds, const struct ip_addr *addr,
			struct ip_addr *ret_src) MUST_CHECK;
/* Where a message goes: its own destination, else the peer. 0; -EDESTADDRREQ; -EMSGSIZE: more than
 * `max_bytes`; -EOPNOTSUPP: a flag that makes no sense (WEFT_MSG_OOB; others are not looked at). */
int dgram_send_check(struct sock *sk, const struct sock_msg *msg, size_t max_bytes,
		     struct ip_addr *ret_dst) MUST_CHECK;
/* What is asked last, as in Linux, once the route is known: 0; -EACCES: a broadcast without leave;
 * a pending error; -EPIPE. */
int dgram_send_allowed(struct sock *sk, const struct ip_addr *dst) MUST_CHECK;
/* What a packet carries between the header of IP and the transport's; the largest that goes. */
uint32_t dgram_hdrs_len(const struct ip_out *out);
uint32_t dgram_mtu(const struct ip_out *out);
/* Bytes that a packet with `out` has room for behind the header of IP: what one packet can carry
 * at all; with `whole`, as much as goes without fragments where there must be none. */
uint32_t dgram_room(const struct ip_out *out, bool whole);
/* A message to `port` at `dst` is too large: with RECVERR the error queue is told. */
void dgram_too_large(struct dgram_sock *ds, const struct ip_addr *dst, uint16_t port,
		     struct dgram_ctl *ctl);
/* WEFT_SIOCINQ: bytes of the next datagram; WEFT_SIOCOUTQ: 0, what is sent has gone. -ENOTTY. */
int dgram_ioctl(struct sock *sk, unsigned int request, int *ret);
/* The settings for a message (dgram_cmsg.c). 0, or -EINVAL: a control message of level IP or IPv6
 * that is unknown or says nonsense. Those of other levels are left to the protocol. */
int dgram_ctl_parse(struct dgram_sock *ds, const struct sock_msg *msg,
		    struct dgram_ctl *ret) MUST_CHECK;
/* Fills in `out` for a packet to `dst`, with the source address selected. The route stays with the
 * socket, or with `ctl` when a control message says where to, so that only a change of destination
 * or of routes costs a lookup. `out` lives no longer than both. 0 or as ip_route(). */
int dgram_route(struct dgram_sock *ds, const struct ip_addr *dst, struct dgram_ctl *ctl,
		struct ip_out *out) MUST_CHECK;
/* Tells the application what it wants to know of a datagram that it receives (dgram_cmsg.c). */
void dgram_cmsg_recv(const struct dgram_sock *ds, const struct pkt *pkt, struct sock_msg *msg);
/* proto->cmsg_sent. */
void dgram_cmsg_sent(const struct sock *sk, const uint8_t *hdr, uint32_t ifindex,
		     struct sock_msg *msg);
/* proto->setopt and getopt for levels IP and IPv6, as far as the socket layer does not know an
 * option (dgram_opt.c). */
int dgram_setopt(struct sock *sk, int level, int name, const void *val, size_t len);
int dgram_getopt(struct sock *sk, int level, int name, void *val, size_t *len);
/* The DGRAM_WANTS_* bit of an option that asks for control messages; 0: it is none of those.
 * Streams keep them, too, to no effect. */
uint32_t dgram_want(const struct sock *sk, int level, int name);
/* The int that an option of level IP or IPv6 is given: at the former, as in Linux, a single byte
 * will do, and none is 0. -EINVAL. */
int dgram_opt_int(int level, const void *val, size_t len, int *ret) MUST_CHECK;
/* A packet with the message's bytes and room for headers; NULL: no memory. */
struct pkt *dgram_pkt_new(struct sock *sk, const struct sock_msg *msg) MUST_CHECK;
/* What a send returns of an output function's `err`, and the error queue that is told of a packet
 * which was too large. */
int dgram_output_done(struct sock *sk, int err, const struct ip_out *out, uint16_t port) MUST_CHECK;
/* ip_output(), where a queue that is full on the way is no error of the application's, as in
 * Linux. `port`: where to, for the error queue. Takes `pkt`. */
int dgram_output(struct sock *sk, struct pkt *pkt, const struct ip_out *out,
		 uint16_t port) MUST_CHECK;
/* An ICMP error about a packet that this socket sent to `port`, of which `bytes` are quoted from
 * its payload on. SO_ERROR if it is connected and the error says that sending on is of no use (RFC
 * 1122 §4.1.3.3); with IP_RECVERR all errors, also when it is not connected, and the error queue.
 * The path's MTU is learned unless the socket does without. */
void dgram_icmp_error(struct sock *sk, const struct icmp_err *err, uint16_t port,
		      const uint8_t *bytes, uint32_t len);
