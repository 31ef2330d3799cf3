/* SPDX-License-Identifier: MIT */
/*
 * An Ethernet interface of the host's, as the drivers that share it know it: its index, MTU and
 * address, and news of its changes. It is looked for in the network namespace of the calling
 * thread, once; from then on it is known by its index, whatever its name becomes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "drivers/loop.h"
#include "wire/addr.h"

enum {
	HOSTIF_NAME_MAX = 16, /* IFNAMSIZ, with the NUL */
};

struct hostif {
	struct loop_watch watch; /* fd: rtnetlink's news of links; -1: closed */
	struct weft_loop *loop;
	/* The fields below have changed. */
	void (*changed)(struct hostif *h);
	char name[HOSTIF_NAME_MAX];
	int ifindex;
	uint32_t mtu;
	struct eth_addr mac;
	bool has_new_mtu; /* than at the last change */
	bool is_running;  /* up, and has its carrier */
	bool is_gone;     /* for good */
	/* what the device lets through for us besides, by hostif_filter() */
	struct eth_addr unicast;
	bool has_unicast, is_promisc;
};

/*
 * Finds `ifname` and reads what it is; hostif_watch() asks for news. Returns 0; -ENODEV: there is
 * none of that name; -EINVAL: no name of an interface; -EPROTONOSUPPORT: not Ethernet; else what
 * socket(2) says. Closed by hostif_close() in any case.
 */
int hostif_open(struct hostif *h, const char *ifname) MUST_CHECK;
int hostif_watch(struct hostif *h, struct weft_loop *loop,
		 void (*changed)(struct hostif *h)) MUST_CHECK;
void hostif_close(struct hostif *h);

/* The device lets through groups; frames for `mac`, if that is another than its own; and if asked
 * all. Held by a packet socket, any of the caller's, until that is closed. 0 or -Exxx of the
 * groups, which cannot do without. */
int hostif_groups(const struct hostif *h, int packet_fd) MUST_CHECK;
void hostif_filter(struct hostif *h, int packet_fd, const struct eth_addr *mac, bool wants_all);

/* Queues of the device that receive; 1 where it does not say. */
uint32_t hostif_n_queues(struct hostif *h);
/* The device takes VLAN tags out of what it receives: rxvlan of ethtool(8). */
bool hostif_strips_tags(struct hostif *h);
/* Its frames come from this machine and have never been on a wire: a veth. */
bool hostif_is_veth(struct hostif *h);

/* Where to say what failed, in the words of a configuration. */
struct hostif_why {
	char *text; /* NULL: nowhere */
	size_t bytes;
	const char *ifname;
	const char *caps; /* that -EPERM asks for */
};
/* Says that `step` failed with `err`, which it returns. */
int hostif_fault(const struct hostif_why *why, int err, const char *step);
