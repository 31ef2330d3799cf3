/* SPDX-License-Identifier: MIT */
/*
 * A pair of interfaces joined by a wire without loss or delay, between stacks of one engine (or
 * within one). Packets cross as they are: super-packets whole, checksums PARTIAL, bytes shared.
 *
 * An end has carrier while the other end is up. Each belongs to its stack; when one is deleted the
 * other goes too.
 */
#pragma once

#include "base/compiler.h"
#include "wire/addr.h"

struct netif;
struct stack;

struct veth_end {
	struct stack *stack;
	const char *name;
};

/* Both ends are down. Addresses are drawn from the engine's random source (locally administered).
 * 0, -ENOMEM, or as netif_add(). ret[0] is a's end. */
int veth_new(const struct veth_end *a, const struct veth_end *b, struct netif *ret[2]) MUST_CHECK;
