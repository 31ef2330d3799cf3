/* SPDX-License-Identifier: MIT */
/*
 * What this machine allows, what that means for weft, and the one command that grants what is
 * missing.
 *
 * How it works: doctor_look() collects facts by trying (sockets, namespaces in a child that ends at
 * once, a TAP in them) and by reading settings; doctor_judge() turns facts into findings and
 * touches nothing, so that machines that we do not have can be judged too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	DOCTOR_FINDINGS_MAX = 16,
	DOCTOR_TEXT_MAX = 256,
	DOCTOR_UNKNOWN = -1, /* of a setting: the kernel does not have it */
};

/* Errors are positive errno values; 0: it worked. */
struct doctor_facts {
	char kernel[64];
	int kernel_major, kernel_minor;
	uid_t uid, gid;
	char user[64]; /* name of the user, or the number */

	int tun_err; /* open(2) of /dev/net/tun */

	int userns_err; /* unshare(2) of user and network namespaces */
	bool is_chroot; /* our root directory is not that of our mount namespace */
	int64_t max_user_namespaces, max_net_namespaces;
	int64_t unprivileged_userns_clone; /* Debian's switch */
	int64_t apparmor_restrict_userns;  /* Ubuntu's */
	bool has_tap_test;                 /* the following were found out */
	int tap_err;                       /* a TAP with a vnet header in a namespace of our own */
	bool offload_csum, offload_tso, offload_uso;

	int ping4_err, ping6_err; /* ICMP sockets of ordinary users */
	int64_t ping_group_first, ping_group_last;

	int xdp_err; /* socket(AF_XDP) */
	bool has_newuidmap, has_newgidmap;
	int64_t n_subuids;                               /* ids of /etc/subuid that are ours */
	uint64_t nofile_soft, nofile_hard, memlock_soft; /* UINT64_MAX: no limit */
	bool has_seccomp;                                /* filters */
	int64_t unprivileged_port_start;
};

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_LIMITED, /* weft works, something of it does not, or not as fast */
	DOCTOR_MISSING,
};

struct doctor_finding {
	const char *check; /* "tun", stable: for scripts */
	enum doctor_status status;
	char found[DOCTOR_TEXT_MAX];   /* what is so on this machine */
	char means[DOCTOR_TEXT_MAX];   /* for weft; empty when ok */
	char command[DOCTOR_TEXT_MAX]; /* that grants it; empty: none does */
};

void doctor_look(struct doctor_facts *ret);
/* Returns how many findings there are, in a fixed order. */
uint32_t doctor_judge(const struct doctor_facts *f, struct doctor_finding *ret);
/* "ok", "limited", "missing" */
const char *doctor_status_name(enum doctor_status status);
