/* SPDX-License-Identifier: MIT */
/*
 * The kernel's sockets as a peer: workers that other programs measure against or together with.
 *
 * Streams run over IPv4 with congestion control pinned to KERNEL_CC, whatever the machine's default
 * is. Servers listen on all addresses of their namespace.
 */
#pragma once

#include "meter.h"

#define KERNEL_CC "cubic"

/* How an endpoint waits for its next byte or datagram. */
enum wait_how {
	WAIT_BLOCKING,
	WAIT_EPOLL, /* streams only */
	WAIT_SPIN,
};

struct kernel_peer {
	const char *server; /* IPv4 address; of clients only */
	uint16_t port;      /* of clients only; 0: BENCH_PORT */
	enum wait_how wait;
};

/* Workers; `arg` is a struct kernel_peer. */
void kernel_bulk_server(struct gauge *g, const void *arg); /* receives and counts */
void kernel_bulk_client(struct gauge *g, const void *arg); /* sends */
void kernel_rr_server(struct gauge *g, const void *arg);   /* sends each byte back */
void kernel_rr_client(struct gauge *g, const void *arg);   /* counts round trips */
void kernel_crr_server(struct gauge *g, const void *arg);  /* one byte there and back each */
void kernel_crr_client(struct gauge *g, const void *arg);  /* counts connections */
void kernel_udp_server(struct gauge *g, const void *arg);  /* receives and counts */
void kernel_udp_client(struct gauge *g, const void *arg);  /* sends */
