/* SPDX-License-Identifier: MIT */
/*
 * The XDP program that hands an interface's frames to AF_XDP sockets: five instructions that look
 * up the socket of the queue a frame came on, and let frames of other queues pass to the host.
 *
 * It is attached by a bpf_link, which the kernel takes away when its last descriptor is closed, so
 * also when the process is killed.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"

struct xdp_prog {
	int map_fd, prog_fd, link_fd; /* -1: not open */
};

/* For queues 0 to n_queues-1 of an interface. 0 or -Exxx of bpf(2), with the step that failed;
 * xdp_prog_close() is right in any case. */
int xdp_prog_open(struct xdp_prog *x, uint32_t n_queues, const char **ret_step) MUST_CHECK;
/* From now on frames of the queue go to the socket. */
int xdp_prog_set(const struct xdp_prog *x, uint32_t queue, int xsk_fd) MUST_CHECK;
int xdp_prog_attach(struct xdp_prog *x, int ifindex, const char **ret_step) MUST_CHECK;
void xdp_prog_close(struct xdp_prog *x);
