/* SPDX-License-Identifier: MIT */
/*
 * The loopback interface: what is sent comes back, marked PKT_F_LOOPED, as the same packet: super-
 * packets whole, checksums PARTIAL.
 */
#pragma once

#include "base/compiler.h"

struct netif;
struct stack;

enum {
	LOOPBACK_MTU = 65535,
};

/* Adds the interface to `st`, which frees it; down, with carrier. 0, -ENOMEM, or as netif_add(). */
int loopback_new(struct stack *st, const char *name, struct netif **ret) MUST_CHECK;
