/* SPDX-License-Identifier: MIT */
/*
 * A stack: one host, that is what Linux calls a network namespace. It owns interfaces, counters and
 * the state of each layer; it shares with other stacks of its engine the clock, pools and timers.
 *
 * Layers register here with those below them: EtherTypes (ip4, arp), IP protocols (tcp, udp, icmp).
 * A layer's own state hangs off a pointer that only that layer looks behind.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "core/engine.h"
#include "core/netif.h"
#include "pkt/pkt.h"
#include "wire/addr.h"

struct shard;
struct steer;
struct sysctl_table;

enum mib {
#define MIB(name, text) MIB_##name,
#include "core/mib.def"
#undef MIB
	MIB_MAX,
};

const char *mib_name(enum mib id);
const char *mib_text(enum mib id);

/* Input of an EtherType: `data` at the network header, l3_off set. */
typedef enum drop eth_proto_fn(struct netif *netif, struct pkt *pkt);

/* What a transport needs to know of the network header; addresses of both families in one form. */
struct ip_info {
	struct ip_addr src, dst;
	uint8_t proto;
	uint8_t ttl;
	uint8_t tos; /* DSCP and ECN */
	bool is_ip6;
	bool is_broadcast; /* dst is a broadcast or multicast address, at either layer */
	bool was_frag;     /* IPv6: it came in fragments, or as an atomic one */
	bool is_foreign;   /* dst is none of ours: the interface's intercept has it */
};

/* What an ICMP error says about a packet that we sent; addresses as we sent them. */
struct icmp_err {
	struct ip_addr src, dst; /* of the quoted packet: src is ours */
	struct ip_addr offender; /* who sent the error */
	uint8_t type, code;      /* as on the wire, of the packet's family */
	uint8_t proto;           /* of the quoted packet, above IP */
	bool is_ip6;
	bool is_hard;     /* RFC 1122 §4.2.3.9 */
	int err;          /* Linux's errno for it, positive */
	uint32_t mtu;     /* next-hop MTU of "fragmentation needed"/"packet too big"; else 0 */
	uint32_t pointer; /* of a parameter problem; else 0 */
	uint32_t quoted;  /* length of the quoted packet, as its header says; 0: not known */
};

/* A protocol above IP. */
struct ip_proto {
	uint8_t proto; /* IANA number */
	/* `data` at the transport header, l4_off set, netif set; pkt->len is exactly the payload of
	 * IP. */
	enum drop (*input)(struct stack *st, struct pkt *pkt, const struct ip_info *info);
	/* `quote` is at least the first 8 bytes of our transport header. May be NULL. */
	void (*error)(struct stack *st, const struct icmp_err *err, const uint8_t *quote,
		      uint32_t quote_len);
};

/* A layer that wants to know of interfaces; registered once, called in order of registration. */
struct stack_layer {
	const char *name;
	int (*netif_add)(struct netif *netif);     /* 0 or -ENOMEM: the interface is refused */
	void (*netif_del)(struct netif *netif);    /* also undoes netif_add */
	void (*netif_change)(struct netif *netif); /* running or MTU changed */
	void (*fini)(struct stack *st);            /* in reverse order */
};

enum {
	STACK_ETH_PROTOS = 8,
	STACK_LAYERS = 24,
	STACK_SYSCTLS = 32,
	STACK_NAME_MAX = 64,
};

struct stack {
	struct engine *eng;
	struct list netifs; /* in order of index */
	struct {
		uint16_t type;
		eth_proto_fn *input;
	} eth_protos[STACK_ETH_PROTOS];
	const struct ip_proto *ip_protos[256];

	/* state of the layers, each allocated and freed by its layer */
	struct neigh_table *neigh;
	struct bridge *bridges; /* the first of a chain */
	struct ip4 *ip4;
	struct ip6 *ip6;
	struct icmp *icmp;
	struct mcast *mcast;
	struct udp *udp;
	struct tcp *tcp;
	struct raw *raw;
	struct packet *packet;
	struct sock_table *socks;
	void *api; /* what api/ keeps with it */
	/* Raw sockets see datagrams before the protocol does; set by transport/raw.c. True: one of
	 * them took a copy, so that nobody else needs to. */
	bool (*raw_input)(struct stack *st, struct pkt *pkt, const struct ip_info *info);
	/* Raw sockets hear of errors about what they sent, too; says whether there is one. `proto`
	 * and `quote`, from the transport header on, are of the quoted packet. */
	bool (*raw_error)(struct stack *st, uint8_t proto, const struct icmp_err *err,
			  const uint8_t *quote, uint32_t quote_len);

	/* A packet with PKT_F_STAMP is handed to an interface (`is_sent` false), or to its driver;
	 * `data` at the Ethernet header. Set by transport/stamp.c. */
	void (*tx_stamp)(struct stack *st, struct pkt *pkt, bool is_sent);

	/* Of one of several stacks that share their addresses (link/shard.h); NULL: it has its own.
	 */
	const struct steer *steer;
	struct shard *shard;
	uint32_t shard_index;
	/* A datagram that came in fragments and is whole now, `data` at its IP header; says whether
	 * it belongs to another shard, and has taken it then. */
	bool (*steer_away)(struct stack *st, struct pkt *pkt, bool is_ip6);

	const struct stack_layer *layers[STACK_LAYERS];
	uint32_t n_layers;
	const struct sysctl_table *sysctls[STACK_SYSCTLS]; /* core/sysctl.h */
	uint32_t n_sysctls;

	uint64_t mib[MIB_MAX];
	uint64_t drops[DROP_MAX];
	uint32_t next_ifindex;
	uint32_t n_gro_socks; /* that asked for rows of datagrams (UDP_GRO) */
	uint32_t id;          /* unique in the engine, from 1 */
	struct list link;     /* engine->stacks */
	char name[STACK_NAME_MAX];
};

/* An empty stack: no layers, no interfaces. Public stacks come from api/, which adds the layers.
 * NULL: no memory. `name` is for traces, cut to fit. */
struct stack *stack_new(struct engine *eng, const char *name);
/* By stack.id, which no two stacks of an engine ever share; NULL: it has gone, or never was. */
const struct stack *stack_by_id(const struct engine *eng, uint32_t id);
/* Removes interfaces, then calls the layers' fini in reverse. NULL is fine. */
void stack_free(struct stack *st);
/* Registration, once at set-up; -ENOSPC: table full; -EEXIST: taken. */
int stack_layer_add(struct stack *st, const struct stack_layer *layer) MUST_CHECK;
int stack_eth_proto_add(struct stack *st, uint16_t ethertype, eth_proto_fn *input) MUST_CHECK;
int stack_ip_proto_add(struct stack *st, const struct ip_proto *proto) MUST_CHECK;

static inline void mib_add(struct stack *st, enum mib id, uint64_t n)
{
	st->mib[id] += n;
}

static inline void mib_inc(struct stack *st, enum mib id)
{
	st->mib[id]++;
}

/* The one place that frees, counts and traces a refused packet. Takes `pkt`; `st` is the stack in
 * whose hands it was. Returns the reason's errno, negative, for output functions to pass on. */
int pkt_drop(struct stack *st, struct pkt *pkt, enum drop why);
