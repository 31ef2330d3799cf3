/* SPDX-License-Identifier: MIT */
/*
 * Messages between weft and a node's holder, over a SOCK_SEQPACKET socket pair: one struct each,
 * followed by strings where said. Both ends are the same program, so the layout is C's.
 */
#pragma once

#include <stdint.h>

#include "lab/holder.h"

enum {
	HOLDER_MSG_MAX = 100 * 1024, /* bytes of one message */
	HOLDER_TAPS_BATCH = 64,      /* descriptors a message, below the kernel's SCM_MAX_FD */
};

enum holder_msg_kind {
	/* to the holder */
	HOLDER_RUN,    /* + cwd, argv and environment as NUL-terminated strings; 3 descriptors */
	HOLDER_SIGNAL, /* value: the signal */
	/* from the holder */
	HOLDER_TAPS, /* up to HOLDER_TAPS_BATCH TAP descriptors, in the order of the interfaces */
	HOLDER_READY,
	HOLDER_FAILED,  /* value: -Exxx of the set-up; + the message */
	HOLDER_STARTED, /* value: 0 or the errno of exec */
	HOLDER_ENDED,   /* value: status as of wait(2) */
};

struct holder_msg {
	uint32_t kind; /* enum holder_msg_kind */
	uint32_t id;   /* of the program */
	int32_t value;
	uint32_t n_argv;
	uint32_t n_envp;
};

/* Who runs weft, asked before the clone: in a user namespace that is not mapped yet everybody has
 * the overflow id. */
struct holder_owner {
	uid_t uid;
	gid_t gid;
};

/* The child's side: sets the node up and serves until the socket closes. */
_Noreturn void holder_main(int sock, const struct holder_owner *owner,
			   const struct labfile_node *node, const char *hosts);

/* A process that has joined the node's network adds one interface and ends: HOLDER_TAPS and
 * HOLDER_READY, or HOLDER_FAILED. */
_Noreturn void holder_iface_main(int sock, const struct labfile_iface *iface);
