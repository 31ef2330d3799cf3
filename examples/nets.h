/* SPDX-License-Identifier: MIT */
/*
 * What rdt.c and chat.c are tried on: two networks that reach each other, in either family; two
 * weft stacks at the ends of a bad line, in virtual time, or the host's own loopback, in real time.
 * A program sees no more of the difference than nets_run() does.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "weft/io.h"
#include "weft/weft.h"

struct nets {
	const char *name;
	bool is_host;
	uint8_t family;
	struct weft_engine *eng;
	struct weft_loop *loop; /* of the host */
	struct weft_stack *stacks[2];
	struct weft_link *link;
	struct weft_net *host;
	struct weft_net net[2];       /* both ends; of the host, twice the same */
	struct weft_sockaddr ends[2]; /* their addresses, port 0 */
};

static inline void nets_end(struct nets *n)
{
	weft_host_net_free(n->host);
	weft_loop_free(n->loop);
	weft_stack_free(n->stacks[0]);
	weft_stack_free(n->stacks[1]);
	weft_engine_free(n->eng);
}

static inline int nets_stacks_start(struct nets *n)
{
	const char *const texts[2] = {n->family == WEFT_AF_INET ? "10.0.0.1" : "fd00::1",
				      n->family == WEFT_AF_INET ? "10.0.0.2" : "fd00::2"};
	const struct weft_link_dir bad = {.rate_bps = 20000000,
					  .delay_ns = 20000000,
					  .jitter_ns = 5000000,
					  .loss_ppm = 50000,
					  .duplicate_ppm = 20000,
					  .reorder_ppm = 50000,
					  .reorder_ns = 10000000};
	int err = weft_stack_new(n->eng, "near", &n->stacks[0]);

	if (!err)
		err = weft_stack_new(n->eng, "far", &n->stacks[1]);
	if (!err)
		err = weft_link_new(n->stacks[0], "eth0", n->stacks[1], "eth0", &bad, &bad,
				    &n->link);
	for (int i = 0; i < 2 && !err; i++) {
		/* Nobody else is on this line who could have the address. */
		err = weft_stack_set(n->stacks[i], "net.ipv6.conf.all.accept_dad", 0);
		if (!err)
			err = weft_addr_parse(texts[i], &n->ends[i].addr);
		if (!err)
			err = weft_addr_add(weft_link_netif(n->link, i), &n->ends[i].addr,
					    n->family == WEFT_AF_INET ? 24 : 64);
		weft_net_of_stack(n->stacks[i], &n->net[i]);
	}
	return err;
}

static inline int nets_host_start(struct nets *n)
{
	int err = weft_loop_new(n->eng, &n->loop);

	if (!err)
		err = weft_host_net_new(n->loop, &n->host);
	for (int i = 0; i < 2 && !err; i++) {
		err = weft_addr_parse(n->family == WEFT_AF_INET ? "127.0.0.1" : "::1",
				      &n->ends[i].addr);
		n->net[i] = *n->host;
	}
	return err;
}

static inline int nets_start(struct nets *n, bool is_host, uint8_t family)
{
	const struct weft_engine_config host = {.entropy = weft_io_entropy,
						.now_ns = weft_io_now_ns(),
						.epoch_ns = weft_io_epoch_ns()};
	const struct weft_engine_config seeded = {.has_seed = true, .seed = 7};
	int err;

	*n = (struct nets){.is_host = is_host, .family = family};
	n->name = is_host ? (family == WEFT_AF_INET ? "host, IPv4" : "host, IPv6")
			  : (family == WEFT_AF_INET ? "lossy line, IPv4" : "lossy line, IPv6");
	err = weft_engine_new(is_host ? &host : &seeded, &n->eng);
	if (!err)
		err = is_host ? nets_host_start(n) : nets_stacks_start(n);
	return err;
}

/* Lets time pass until `is_done` says so. 0; -ETIMEDOUT: it has not within `max_s` seconds. */
static inline int nets_run(struct nets *n, bool (*is_done)(void *arg), void *arg, int max_s)
{
	int64_t now_ns = weft_engine_now_ns(n->eng), end_ns;

	end_ns = (n->is_host ? weft_io_now_ns() : now_ns) + max_s * INT64_C(1000000000);
	while (!is_done(arg)) {
		if (n->is_host) {
			if (weft_io_now_ns() > end_ns)
				return -ETIMEDOUT;
			(void)weft_loop_turn(n->loop, 100000000);
			continue;
		}
		if (now_ns > end_ns)
			return -ETIMEDOUT;
		if (!weft_engine_run(n->eng, now_ns))
			now_ns = weft_engine_next_ns(n->eng);
	}
	return 0;
}

/* Runs `fn` on each of the four; the host may be without IPv6. The exit status. */
static inline int nets_each(int (*fn)(struct nets *n))
{
	int status = 0;

	for (int i = 0; i < 4; i++) {
		struct nets n;
		int err = nets_start(&n, i >= 2, i % 2 ? WEFT_AF_INET6 : WEFT_AF_INET);

		if (!err)
			err = fn(&n);
		if (i == 3 && (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT)) {
			printf("%s: there is none here\n", n.name);
			err = 0;
		}
		if (err)
			printf("%s: FAILED: %s\n", n.name, strerror(-err));
		status |= err != 0;
		nets_end(&n);
	}
	return status;
}
