/* SPDX-License-Identifier: MIT */
/* What the files of packet sockets share with each other alone. */
#pragma once

#include "core/netif.h"
#include "socket/packet.h"
#include "transport/dgram.h"
#include "transport/sock_bpf.h"
#include "weft/packet.h"
#include "wire/eth.h"

enum {
	PACKET_FANOUT_SOCKS_MAX = 256,
	PACKET_MEMBERS_MAX = 64, /* of one socket; more is a mistake of the application */
	PACKET_ARPHRD_ETHER = 1,
	PACKET_ARPHRD_LOOPBACK = 772,
};

/* One interface. */
struct packet_if {
	struct list link; /* packet->ifs */
	struct netif_tap tap;
	struct netif *netif;
	bool is_tapped;
	bool was_up;
};

/* Sockets that share the frames that match. Invariant: all have its protocol and interface. */
struct packet_fanout {
	struct list link; /* packet->fanouts */
	uint16_t id;
	uint8_t mode;   /* WEFT_PACKET_FANOUT_* */
	uint16_t flags; /* WEFT_PACKET_FANOUT_FLAG_* */
	uint16_t protocol;
	uint32_t ifindex;
	uint32_t n_socks;
	uint32_t next; /* in turn */
	struct bpf_prog *prog;
	struct packet_sock *socks[PACKET_FANOUT_SOCKS_MAX];
};

/* PACKET_ADD_MEMBERSHIP. */
struct packet_member {
	struct list link; /* packet_sock->members */
	struct weft_packet_mreq mreq;
	uint32_t n_adds;
};

struct packet_sock {
	struct dgram_sock ds; /* ds.sk.conn.ifindex: 0: all; UINT32_MAX: it has gone */
	struct list link;     /* packet->socks, in order of creation */
	struct packet_fanout *fanout;
	struct list members; /* struct packet_member */
	uint32_t n_members;
	uint16_t protocol; /* EtherType; 0: receives nothing */
	bool is_cooked;
	bool ignores_outgoing;
	struct weft_packet_stats stats;
};

/* Of a stack. */
struct packet {
	struct list socks;
	struct list ifs;
	struct list fanouts;
	uint32_t n_socks;
	uint16_t next_fanout_id;
	const struct packet_sock *sender; /* during its netif_tx() */
};

static inline struct packet_sock *packet_of(struct sock *sk)
{
	return container_of(sk, struct packet_sock, ds.sk);
}

static inline const struct packet_sock *packet_of_const(const struct sock *sk)
{
	return container_of(sk, const struct packet_sock, ds.sk);
}

/* A frame as it passes. */
struct packet_frame {
	struct stack *st;
	const struct netif *netif;
	struct pkt *pkt; /* borrowed; `data` at the Ethernet header */
	struct eth_hdr hdr;
	uint8_t type; /* WEFT_PACKET_* */
};

/* packet_in.c: the tap of an interface. */
void packet_tap_frame(struct netif_tap *tap, const struct netif *netif, const struct pkt *pkt,
		      bool is_tx);
ptrdiff_t packet_recv(struct sock *sk, struct sock_msg *msg);
bool packet_has_room(struct packet_sock *ps, const struct pkt *pkt) MUST_CHECK;

/* packet_out.c */
ptrdiff_t packet_send(struct sock *sk, struct sock_msg *msg);

/* packet_opt.c */
int packet_setopt(struct sock *sk, int level, int name, const void *val, size_t len);
int packet_getopt(struct sock *sk, int level, int name, void *val, size_t *len);
/* Forgets memberships: all of them, or with `netif` those of that interface. */
void packet_members_drop(struct packet_sock *ps, const struct netif *netif);

/* packet_fanout.c */
int packet_fanout_join(struct packet_sock *ps, uint32_t arg) MUST_CHECK;
void packet_fanout_leave(struct packet_sock *ps);
/* Whose turn it is; NULL: nobody's. */
struct packet_sock *packet_fanout_choose(struct packet_fanout *fan, const struct packet_frame *f);
