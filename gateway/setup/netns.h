/* SPDX-License-Identifier: MIT */
/*
 * The guest's side of a gateway: a TAP in a network namespace of somebody else, with addresses and
 * routes, made from outside of it.
 *
 * How it works: a short-lived child joins the namespace, makes the device and passes its descriptor
 * back (SCM_RIGHTS); the caller stays in its own namespaces and needs no privilege. An ordinary
 * user has rights in the namespace only as a member of the user namespace that owns it; the kernel
 * tells which one that is (ioctl_ns(2)), and the child joins it first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "lab/addr.h"

enum {
	NETNS_MSG_MAX = 384, /* longest message, with the NUL */
	NETNS_ADDRS_MAX = 4,
};

/* Which namespace: that of a process, or a file that stands for one (/run/netns/NAME). */
struct netns_target {
	pid_t pid;          /* when `path` is NULL */
	const char *path;   /* of the network namespace */
	const char *userns; /* joined first; NULL: the one that owns the network namespace */
};

struct netns_tap {
	const char *ifname;
	/* False: the device is made, and that is all; whoever owns the namespace sets it up. */
	bool configure;
	const uint8_t *mac; /* 6 bytes; NULL: the kernel's choice */
	uint32_t mtu;       /* 0: the kernel's choice */
	struct lab_net addrs[NETNS_ADDRS_MAX];
	uint32_t n_addrs;
	struct lab_ip via4, via6; /* default routes; LAB_IP_NONE: none */
	/* Ping sockets and ports below 1024 for everybody inside: it is the guest's own network. */
	bool open_to_users;
};

/* Opens both files of a target, which may go away afterwards. 0; -ESRCH, -ENOENT, -EACCES … with a
 * sentence in `ret_msg` (NETNS_MSG_MAX bytes). */
struct netns {
	int net;  /* descriptor of the network namespace */
	int user; /* of the user namespace; -1: none is to be joined */
};
int netns_open(const struct netns_target *target, struct netns *ret, char *ret_msg) MUST_CHECK;
void netns_close(struct netns *ns);

/* Makes the TAP. On success *ret_fd is its descriptor (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, not
 * blocking), the caller's to close, with which the device goes. 0, or -Exxx with a sentence. */
int netns_tap_open(const struct netns *ns, const struct netns_tap *tap, int *ret_fd,
		   char *ret_msg) MUST_CHECK;
