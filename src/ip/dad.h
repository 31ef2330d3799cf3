/* SPDX-License-Identifier: MIT */
/*
 * Duplicate address detection (RFC 4862 §5.4, RFC 7527): the life of an address before it is valid.
 *
 *	             nobody objects: dad_transmits times retrans_time
 *	TENTATIVE ------------------------------------------------------> PREFERRED, DEPRECATED
 *	   |  ^
 *	   |  +--- our own question came back: three more, as long as they do
 *	   +-----> DUPLICATE    somebody asks for the same address, or has it
 *
 * A tentative address waits while its interface does not run, then for a random time up to
 * router_solicitation_delay if many hosts may make addresses at this moment (the interface has just
 * come up, a router has advertised a prefix), then joins its solicited-node group and asks there.
 * It is in no table of our own, so nobody is answered and nothing is sent from it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct ip6_ifaddr;
struct netif;

/* Whether somebody has to be asked before it can be used. */
bool dad_is_needed(const struct ip6_ifaddr *ifa);
void dad_init(struct ip6_ifaddr *ifa);
/* Begins, if the address is tentative and its interface runs. */
void dad_start(struct ip6_ifaddr *ifa);
/* The interface begins to run, or ceases to. */
void dad_netif_change(struct netif *netif);
/* Another node asks for a tentative address, with this nonce if that is not NULL. True: it was our
 * own question. */
bool dad_solicit_input(struct ip6_ifaddr *ifa, const uint8_t *nonce);
/* Another node says that it has a tentative address. One that we made may be freed. */
void dad_fail(struct ip6_ifaddr *ifa);
