/* SPDX-License-Identifier: MIT */
/*
 * Multicast of a datagram socket: its memberships with their source filters, and how it sends
 * (weft/mcast.h, RFC 3678). Part of every struct dgram_sock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"
#include "core/stack.h"
#include "wire/addr.h"

struct dgram_sock;
struct sock;

struct dgram_mcast {
	struct list members; /* struct mcast_member */
	uint32_t n_members;
	uint32_t ifindex;   /* IP_MULTICAST_IF; 0: the route's */
	struct ip_addr src; /* the same by address; unspecified: selected */
	uint8_t ttl;
	bool no_loop;
	bool only_joined; /* IP_MULTICAST_ALL is 0 */
};

void dgram_mcast_init(struct dgram_mcast *mc);
/* Leaves all groups. */
void dgram_mcast_fini(struct dgram_sock *ds);
/* A datagram to a group may go to this socket: its source filter. */
bool dgram_mcast_takes(const struct dgram_sock *ds, const struct ip_info *info, uint32_t ifindex);
/* -ENOPROTOOPT: another option. */
int dgram_mcast_setopt(struct dgram_sock *ds, int level, int name, const void *val,
		       size_t len) MUST_CHECK;
int dgram_mcast_getopt(struct dgram_sock *ds, int level, int name, void *val,
		       size_t *len) MUST_CHECK;
