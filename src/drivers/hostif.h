/* SPDX-License-Identifier: MIT */
/*
 * An Ethernet interface of the host's, as the drivers that share it know it: its index, MTU and
 * address, and news of its changes. It is looked for in the network namespace of the calling
 * thread, once; from then on it is known by its index, whatever its name becomes.
 */
#pragma once

#include <stdbool.h>
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
	bool is_running; /* up, and has its carrier */
	bool is_gone;    /* for good */
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
