/* SPDX-License-Identifier: MIT */
/*
 * The two states of a packet that a wire could not carry, a checksum still to be completed and a
 * segment size, as TAPs and packet sockets tell of them: in a virtio_net_hdr.
 */
#pragma once

#include "base/compiler.h"
#include "pkt/pkt.h"
#include "wire/vnet.h"

/* What the kernel gave with a frame becomes the state of the packet, whose `data` is at the
 * Ethernet header. 0, or -EBADMSG: it makes no sense. */
int offload_rx(struct pkt *pkt, const struct vnet_hdr *vh) MUST_CHECK;
/* What the kernel needs to know of a packet that it is given. */
void offload_tx(const struct pkt *pkt, struct vnet_hdr *vh);
