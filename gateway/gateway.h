/* SPDX-License-Identifier: MIT */
/*
 * The gateway: a stack on one side, an ordinary user's sockets of the host on the other.
 *
 * How it works: the guest's interface of the stack answers for every destination
 * (weft/intercept.h). A connection of the guest waits until the host's kernel has connected a
 * socket to the same destination; then both are accepted and spliced. Datagrams get a host's socket
 * for each address and port of the guest, echo requests a ping socket. Forwards go the other way.
 * doc/gateway.md has the whole.
 *
 * A gateway lives on a loop and on one interface of a stack, both borrowed. It never blocks, and
 * everything that the guest can make it hold is bounded (struct gateway_limits).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "weft/io.h"
#include "weft/weft.h"

struct gateway;

enum {
	GATEWAY_MSG_MAX = 256,
	/* A peer that has gone without a word, on either side, is found out within two minutes
	 * when nothing waits for its ACK, which is repeated for longer: so long idle before
	 * keepalive asks it, how often, and how many times. */
	GATEWAY_KEEP_IDLE_S = 60,
	GATEWAY_KEEP_INTERVAL_S = 10,
	GATEWAY_KEEP_PROBES = 6,
	GATEWAY_RULES_MAX = 256,
	GATEWAY_FORWARDS_MAX = 1024,      /* a range counts once */
	GATEWAY_FORWARD_PORTS_MAX = 8192, /* ports of all forwards: a socket each */
	GATEWAY_MAPS_MAX = 16,
	GATEWAY_REFUSED_MAX = 64, /* that are remembered */
};

/* An outbound access rule; the first that fits decides. */
struct gateway_rule {
	bool is_allow;
	uint8_t proto;           /* WEFT_IPPROTO_TCP, _UDP, _ICMP (echo of both families); 0: any */
	struct weft_addr prefix; /* WEFT_AF_UNSPEC: any */
	uint8_t prefix_len;
	uint16_t port_first, port_last; /* both 0: any */
};

/* An address that the guest sees in place of one of the host: slirp's 10.0.2.2 for 127.0.0.1. */
struct gateway_map {
	struct weft_addr guest, host; /* of one family */
};

enum gateway_filtering {             /* RFC 4787 §5: who may send to a guest's mapped UDP port */
	GATEWAY_FILTER_ADDRESS_PORT, /* whom the guest has sent to */
	GATEWAY_FILTER_ADDRESS,      /* the same, from any port */
	GATEWAY_FILTER_NONE,         /* anybody: endpoint-independent */
};

/* 0: the default, in brackets. */
struct gateway_limits {
	uint32_t max_flows;         /* TCP connections (4096) */
	uint32_t max_connecting;    /* of them, the host's connect is under way (1024) */
	uint32_t max_half_open;     /* of them, the guest has not completed the handshake (half of
				       them); to one destination half as many */
	uint32_t max_mappings;      /* UDP ports of the guest, and echo sockets (1024) */
	uint32_t max_peers;         /* whom a mapping has sent to, with filtering (64) */
	uint32_t max_buffer_bytes;  /* of a connection, read from the host and not with the guest
				     * (2 MiB)
				     */
	uint32_t max_memory_bytes;  /* of all connections' bytes to the guest; beyond it, each has
				       64 KiB (128 MiB) */
	uint32_t udp_timeout_s;     /* of a mapping that is not used: RFC 4787 REQ-5 (300) */
	uint32_t connect_timeout_s; /* of the host's connect (120) */
	uint32_t icmp_errors_per_s; /* to the guest (1000) */
	uint32_t max_descriptors;   /* of sockets (the process's limit, less 64 or a quarter, up to
				       half, that the control socket and names need) */
};

struct gateway_config {
	/* The guest, as forwards reach it; WEFT_AF_UNSPEC: it has none of that family. Sources of
	 * what comes from the interface must be within these prefixes, or link-local. */
	struct weft_addr guest4, guest6;
	uint8_t guest4_len, guest6_len;
	/* Without this the guest does not reach addresses of the host's loopback, not even by a
	 * map. */
	bool allow_host_loopback;
	const struct gateway_map *maps; /* copied */
	size_t n_maps;
	const struct gateway_rule *rules; /* copied; nothing fits: allowed */
	size_t n_rules;
	enum gateway_filtering filtering;
	/* The host's own address that outbound sockets are bound to; WEFT_AF_UNSPEC: any. */
	struct weft_addr bind4, bind6;
	char bind_device[16]; /* SO_BINDTODEVICE of the host's sockets; "": any */
	struct gateway_limits limits;
};

/* On an interface of `st` that is up. 0, or -Exxx with what failed in `ret_msg` (GATEWAY_MSG_MAX
 * bytes). The loop watches everything: who turns it drives the gateway. */
int gateway_new(struct weft_loop *loop, struct weft_stack *st, struct weft_netif *nif,
		const struct gateway_config *cfg, struct gateway **ret, char *ret_msg) MUST_CHECK;
/* Before the stack: resets what is open and closes every descriptor. NULL is fine. */
void gateway_free(struct gateway *gw);
/* The guest has got another address (DHCP): forwards without one of their own use it. */
void gateway_set_guest(struct gateway *gw, const struct weft_addr *addr);
/* The guest is there no more, and the next one knows nothing of its connections: they are reset on
 * the host, and its mappings go. Forwards stay. */
void gateway_guest_gone(struct gateway *gw);

/*
 * Outbound rules, which may change while it runs; connections that stand are not asked again.
 */
struct gateway_rule_info {
	uint32_t id; /* of this run, never reused */
	struct gateway_rule rule;
	uint64_t n_hits; /* connections and datagrams that it has decided about */
};
/* All of them, replaced. -E2BIG, -EINVAL, -ENOMEM: nothing has changed. */
int gateway_set_rules(struct gateway *gw, const struct gateway_rule *rules, size_t n) MUST_CHECK;
/* Before the rule `before`, or at the end when that is 0. -ENOENT: there is no such rule; else as
 * above. */
int gateway_rule_add(struct gateway *gw, const struct gateway_rule *rule, uint32_t before,
		     uint32_t *ret_id) MUST_CHECK;
/* -ENOENT */
int gateway_rule_del(struct gateway *gw, uint32_t id) MUST_CHECK;
/* In their order. */
void gateway_rules(const struct gateway *gw,
		   void (*fn)(void *arg, const struct gateway_rule_info *info), void *arg);

/*
 * Forwards: ports of the host that lead to the guest.
 */
struct gateway_forward {
	uint8_t proto;              /* WEFT_IPPROTO_TCP or _UDP */
	struct weft_addr host_addr; /* WEFT_AF_UNSPEC: any address of either family */
	uint16_t host_port;
	uint16_t n_ports;            /* 0 counts as 1 */
	struct weft_addr guest_addr; /* WEFT_AF_UNSPEC: the guest's, of the client's family */
	uint16_t guest_port;         /* of the first; 0: the host's */
	bool hide_source; /* the client appears as the gateway, not with its own address */
};
/* Why a forward does not forward, or what it did last: one word, and a line for people. */
struct gateway_forward_info {
	uint32_t id; /* of this run, never reused */
	struct gateway_forward forward;
	uint64_t n_accepted, n_refused; /* connections, or clients of UDP */
	uint64_t bytes_in, bytes_out;   /* to the guest, from it */
	uint32_t n_open;
	/* "listening", "guest-refuses", "guest-unreachable", "guest-no-address", "full",
	 * "no-descriptors" */
	const char *state;
};
/* 0; -EADDRINUSE, -EACCES (a port that the user may not have), -EADDRNOTAVAIL and what else
 * bind(2) says, with the sentence in `ret_msg`; -EINVAL, -E2BIG. */
int gateway_forward_add(struct gateway *gw, const struct gateway_forward *fw, uint32_t *ret_id,
			char *ret_msg) MUST_CHECK;
/* Connections that stand stay. -ENOENT. */
int gateway_forward_del(struct gateway *gw, uint32_t id) MUST_CHECK;
void gateway_forwards(struct gateway *gw,
		      void (*fn)(void *arg, const struct gateway_forward_info *info), void *arg);

/*
 * Looking inside.
 */

/* Why a connection is not moving, of the direction that has bytes waiting. */
enum gateway_wait {
	GATEWAY_MOVING,
	GATEWAY_IDLE,              /* neither side has anything to say */
	GATEWAY_HOST_CONNECTING,   /* the host's kernel has no answer yet */
	GATEWAY_GUEST_CONNECTING,  /* the guest has not answered the SYN, or the SYN-ACK */
	GATEWAY_HOST_NOT_READING,  /* the host's socket takes no more */
	GATEWAY_GUEST_NOT_READING, /* the guest's window is full */
	GATEWAY_GUEST_NETWORK,     /* the guest's acknowledgements are waited for */
	GATEWAY_HOST_FINISHED,     /* the other side may still send */
	GATEWAY_GUEST_FINISHED,
	GATEWAY_WAIT_MAX,
};
/* "moving", "idle", "host-connecting", "guest-connecting", "host-not-reading", "guest-window",
 * "guest-network", "host-finished", "guest-finished". */
const char *gateway_wait_name(enum gateway_wait wait);

struct gateway_flow_info {
	uint8_t proto;               /* WEFT_IPPROTO_TCP, _UDP, _ICMP, _ICMPV6 */
	bool is_inbound;             /* by a forward */
	struct weft_sockaddr guest;  /* the guest's end */
	struct weft_sockaddr remote; /* whom it speaks to, as the guest sees it; UDP: unset */
	struct weft_sockaddr host;   /* the host's socket, its own name; unset while not known */
	enum gateway_wait wait;
	uint64_t bytes_out, bytes_in; /* from the guest, to it */
	uint32_t held_out, held_in;   /* bytes that wait within the gateway */
	int64_t age_ns, idle_ns;
};
void gateway_flows(struct gateway *gw, void (*fn)(void *arg, const struct gateway_flow_info *info),
		   void *arg);

/* What was refused last: a connection, a datagram, a ping, and why. */
enum gateway_refusal {
	GATEWAY_REFUSED_RULE,      /* `id` denies it */
	GATEWAY_REFUSED_LOOPBACK,  /* the host's loopback, which is not allowed */
	GATEWAY_REFUSED_NOBODY,    /* an address of the gateway's, which stands for nothing */
	GATEWAY_REFUSED_ON_LINK,   /* an address of the guest's own link, which nobody has */
	GATEWAY_REFUSED_SOURCE,    /* `src` is none of the guest's prefix */
	GATEWAY_REFUSED_PING,      /* no ping socket: net.ipv4.ping_group_range */
	GATEWAY_REFUSED_FULL,      /* a limit, or the host's memory and descriptors */
	GATEWAY_REFUSED_HALF_OPEN, /* the guest does not complete its connections */
	GATEWAY_REFUSED_FILTERED,  /* a datagram from somebody the guest has not sent to */
	GATEWAY_REFUSED_HOST,      /* the host's kernel said `err` */
	GATEWAY_REFUSED_FORWARD,   /* a client of the forward `id`, whose state says more */
	GATEWAY_REFUSAL_MAX,
};
/* "rule", "host-loopback", "nobody", "on-link", "source", "ping", "full", "half-open", "filtered",
 * "host", "forward". */
const char *gateway_refusal_name(enum gateway_refusal why);

struct gateway_refused {
	enum gateway_refusal why;
	uint8_t proto; /* WEFT_IPPROTO_TCP, _UDP, _ICMP, _ICMPV6 */
	struct weft_sockaddr src,
		dst;    /* as they were sent; of a forward, the client and the guest */
	uint32_t id;    /* of a rule or a forward; 0: none */
	int err;        /* a positive errno; 0: none */
	uint64_t n;     /* so many in a row */
	int64_t ago_ns; /* the last of them */
};
/* The newest first. */
void gateway_refused(const struct gateway *gw,
		     void (*fn)(void *arg, const struct gateway_refused *what), void *arg);

struct gateway_stats {
	uint64_t tcp_opened, tcp_refused, tcp_unreachable, tcp_timed_out, tcp_reset;
	uint64_t tcp_addr_gone; /* reset because the host has lost its address */
	uint64_t denied;        /* by a rule, or host loopback */
	uint64_t bad_source;    /* from an address that is not the guest's */
	uint64_t full;          /* a limit was met */
	/* Not completed by the guest: the oldest, ended for others; newcomers without a place. */
	uint64_t half_ended, half_refused;
	uint64_t udp_out, udp_in, udp_filtered, udp_send_errors;
	uint64_t echo_out, echo_in, echo_not_allowed; /* by net.ipv4.ping_group_range */
	uint64_t icmp_errors, icmp_errors_limited;    /* passed on to the guest; withheld */
	uint64_t bytes_out, bytes_in;                 /* TCP payload */
	uint32_t n_flows, n_connecting, n_half_open, n_mappings, n_fds;
};
void gateway_stats(const struct gateway *gw, struct gateway_stats *ret);
/* Whether the host lets this user have ping sockets, of each family; with the sentence that says
 * what grants it. */
bool gateway_can_ping(const struct gateway *gw, char *ret_hint);
