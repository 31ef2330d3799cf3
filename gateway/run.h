/* SPDX-License-Identifier: MIT */
/*
 * A gateway as a program: a lab of one node (lab/lab.h) with the guest's TAP, or the socket of a
 * QEMU guest, as its interface, the node's addresses, router advertisements, and a gateway on it.
 * So it has the control socket of any lab, and `weft ss`, `dump`, `nstat` and `why` work on it as
 * on any node.
 *
 * Who makes the TAP, in which namespace and by which rights, is not known here: it comes as a
 * descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "gateway/gateway.h"
#include "gateway/qemu.h"

struct gateway_run;
struct lab;
struct tell;

/* What the guest learns by DHCPv6, and is told so in router advertisements. */
enum gateway_dhcp6 {
	GATEWAY_DHCP6_ADDRS, /* guest6 and those behind it, name servers, search list (M, O) */
	GATEWAY_DHCP6_OTHER, /* all but addresses (O) */
	GATEWAY_DHCP6_NONE,
};

enum {
	GATEWAY_RUN_MTU_MIN = 1280, /* IPv6's least */
	GATEWAY_RUN_MTU_MAX = 65521,
	GATEWAY_RUN_RESOLVERS_MAX = 8,
	GATEWAY_RUN_SEARCH_MAX = 8,
};

struct gateway_run_config {
	const char *name; /* of the lab: the name of its control socket; NULL: "gateway" */
	const char *node; /* of its node; NULL: "gateway" */
	/* One of the three; taken, also on failure; the others -1. */
	int tap_fd;             /* IFF_TAP | IFF_NO_PI | IFF_VNET_HDR */
	int qemu_fd;            /* a connected stream to QEMU's `-netdev stream`; ends with it */
	int qemu_listen_fd;     /* QEMU guests come there, one at a time (gateway/qemu.h) */
	qemu_guests_fn on_qemu; /* is told of them; may be NULL */
	void *on_qemu_arg;
	uint32_t mtu;   /* of the interface on our side; 0: 1500. The guest's own is its own */
	uint8_t mac[6]; /* ours; all zero: one is made */
	/* Our addresses on the link, and the prefix that the guest's are in too; gw.guest4 and
	 * gw.guest6 are the guest's. WEFT_AF_UNSPEC: not this family. Defaults are not filled in
	 * here: gateway_run_defaults() has them. */
	struct weft_addr addr4, addr6;
	uint8_t len4, len6;
	struct weft_addr dns4, dns6; /* of ours too, for the DNS forwarder; WEFT_AF_UNSPEC: none */
	/* Whom the forwarder asks, from the host; none: the servers of the host's resolv.conf. */
	struct weft_sockaddr resolvers[GATEWAY_RUN_RESOLVERS_MAX];
	uint32_t n_resolvers;
	/* A SOCK_SEQPACKET socket on which resolv.conf comes as a message when it has changed;
	 * taken, also on failure; -1: none. The forwarder asks the servers of the last one, and
	 * the guest is told its domains. */
	int resolv_fd;
	bool no_ra;   /* no router advertisements of addr6's prefix */
	bool no_dhcp; /* guest4 is not told by DHCP */
	enum gateway_dhcp6 dhcp6;
	/* The domains that the guest is told to search; none, and no_search not set: the host's. */
	const char *search[GATEWAY_RUN_SEARCH_MAX]; /* borrowed for the life of the run */
	uint32_t n_search;
	bool no_search;
	struct gateway_config gw;
	bool no_socket; /* no control socket */
};

/* slirp4netns' network: 10.0.2.0/24, we are .2, name server .3, guest .100; fd00::/64, ::2, ::3,
 * guest fd00::100. Host loopback is off; with it, our addresses stand for 127.0.0.1 and ::1. */
void gateway_run_defaults(struct gateway_run_config *cfg);

/* 0, or -Exxx with what failed in `ret_msg` (LAB_MSG_MAX bytes); nothing is left behind then. */
int gateway_run_start(const struct gateway_run_config *cfg, struct gateway_run **ret,
		      char *ret_msg) MUST_CHECK;
/* Ends everything. NULL is fine. */
void gateway_run_stop(struct gateway_run *run);

/* Turns until gateway_run_end() is called, the guest's device goes, or something fails: 0 or -Exxx.
 * For another loop: weft_loop_wants() of gateway_run_loop(). */
int gateway_run_loop_until_end(struct gateway_run *run) MUST_CHECK;
void gateway_run_end(struct gateway_run *run);

/* What it is made of; all live as long as the run. */
struct gateway *gateway_run_gateway(struct gateway_run *run);
struct tell *gateway_run_tell(struct gateway_run *run);
struct weft_loop *gateway_run_loop(struct gateway_run *run);
struct weft_stack *gateway_run_stack(struct gateway_run *run);
struct weft_netif *gateway_run_netif(struct gateway_run *run);
struct lab *gateway_run_lab(struct gateway_run *run);
