/* SPDX-License-Identifier: MIT */
/*
 * The kernel's sockets as a peer: workers that other programs measure against or together with.
 *
 * Streams run with congestion control pinned to KERNEL_CC, whatever the machine's default
 * is. Servers listen on all addresses of their namespace.
 */
#pragma once

#include <netinet/in.h>

#include "meter.h"

#define KERNEL_CC "cubic"

/* How an endpoint waits for its next byte or datagram. */
enum wait_how {
	WAIT_BLOCKING,
	WAIT_EPOLL, /* streams only */
	WAIT_SPIN,
};

struct kernel_peer {
	const char *server; /* its address; of clients only */
	uint16_t port;      /* of clients only; 0: BENCH_PORT */
	enum wait_how wait;
	bool is_ip6;  /* of forwarding, bulk, and request and response */
	bool has_gso; /* of datagrams: UDP_SEGMENT and UDP_GRO */
};

/* The server's, over IPv4. */
struct sockaddr_in kernel_peer_address(const struct kernel_peer *peer);

/* Writes packet `i` of those that the routers are given: FWD_FRAME bytes. It goes by route i modulo
 * FWD_ROUTES. */
void fwd_frame_write(uint8_t *frame, const uint8_t *dst_mac, bool is_ip6, unsigned int i);

/* Workers; `arg` is a struct kernel_peer. */
void kernel_bulk_server(struct gauge *g, const void *arg); /* receives and counts */
void kernel_bulk_client(struct gauge *g, const void *arg); /* sends */
void kernel_rr_server(struct gauge *g, const void *arg);   /* sends each byte back */
void kernel_rr_client(struct gauge *g, const void *arg);   /* counts round trips */
void kernel_crr_server(struct gauge *g, const void *arg);  /* one byte there and back each */
void kernel_crr_client(struct gauge *g, const void *arg);  /* counts connections */
void kernel_udp_server(struct gauge *g, const void *arg);  /* receives and counts */
void kernel_udp_client(struct gauge *g, const void *arg);  /* sends */
void kernel_crrs_server(struct gauge *g, const void *arg); /* many: answers a byte, closes */
void kernel_crrs_client(struct gauge *g, const void *arg); /* CRR_OUTSTANDING at a time */
void kernel_fwd_send(struct gauge *g, const void *arg);    /* frames for the router, on CPU 0 */
void kernel_fwd_count(struct gauge *g, const void *arg);   /* what comes in by eth0 */
