/* SPDX-License-Identifier: MIT */
/* What the files of the host's network share: its sockets (host.c) and its resolver
 * (host_resolve.c). */
#pragma once

#include "base/list.h"
#include "drivers/loop.h"
#include "weft/io.h"
#include "weft/net.h"

struct host_resolver;

struct host_net {
	struct weft_net net;
	struct weft_loop *loop;
	struct list socks;              /* struct host_sock */
	int spare_fd;                   /* -1: none could be had */
	struct host_resolver *resolver; /* NULL: nobody has asked yet */
	struct weft_host_net_stats stats;
};

int host_resolve(const struct weft_net *net, const char *name, int family, weft_resolve_fn *fn,
		 void *arg, struct weft_resolve **ret) MUST_CHECK;
void host_resolve_cancel(struct weft_resolve *r);
/* Waits for the question that is being asked. */
void host_resolver_free(struct host_net *net);
