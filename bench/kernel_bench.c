/* SPDX-License-Identifier: MIT */
/*
 * The kernel between two of its own network namespaces: what the in-process figures compare with.
 *
 *	kernel_bench FIGURE WAIT SECONDS NETNS-A NETNS-B
 *
 * FIGURE is bulk, rr, udp, udp-gso, crr, fwd4 or fwd6; WAIT is how endpoints wait: blocking, epoll
 * (rr, crr) or spin (rr, udp, and what has nothing to wait for: fwd). The client runs in NETNS-A
 * (a path, as NETNS-B is), the server in NETNS-B, where 10.0.0.2 is.
 */
#include <stdio.h>
#include <string.h>

#include "kernel_peer.h"

struct figure {
	const char *name;
	void (*server)(struct gauge *g, const void *arg);
	void (*client)(struct gauge *g, const void *arg);
	enum unit unit;
	unsigned int waits; /* those of enum wait_how that it knows, as bits */
	bool is_ip6, has_gso;
};

static const struct figure figures[] = {
	{"bulk", kernel_bulk_server, kernel_bulk_client, UNIT_GBIT_S, 1U << WAIT_BLOCKING, false,
	 false},
	{"rr", kernel_rr_server, kernel_rr_client, UNIT_PER_S,
	 1U << WAIT_BLOCKING | 1U << WAIT_EPOLL | 1U << WAIT_SPIN, false, false},
	{"udp", kernel_udp_server, kernel_udp_client, UNIT_PER_S,
	 1U << WAIT_BLOCKING | 1U << WAIT_SPIN, false, false},
	{"udp-gso", kernel_udp_server, kernel_udp_client, UNIT_PER_S,
	 1U << WAIT_BLOCKING | 1U << WAIT_SPIN, false, true},
	{"crr", kernel_crrs_server, kernel_crrs_client, UNIT_PER_S, 1U << WAIT_EPOLL, false, false},
	{"fwd4", kernel_fwd_count, kernel_fwd_send, UNIT_PER_S, 1U << WAIT_SPIN, false, false},
	{"fwd6", kernel_fwd_count, kernel_fwd_send, UNIT_PER_S, 1U << WAIT_SPIN, true, false},
};

static const char *const wait_names[] = {
	[WAIT_BLOCKING] = "blocking",
	[WAIT_EPOLL] = "epoll",
	[WAIT_SPIN] = "spin",
};

static const struct figure *figure_find(const char *name)
{
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		if (!strcmp(figures[i].name, name))
			return &figures[i];
	return NULL;
}

/* Returns whether the figure knows this way of waiting. */
static bool wait_parse(const struct figure *figure, const char *name, enum wait_how *ret)
{
	for (unsigned int i = 0; i < sizeof(wait_names) / sizeof(wait_names[0]); i++) {
		if (!strcmp(wait_names[i], name) && figure->waits & 1U << i) {
			*ret = (enum wait_how)i;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct kernel_peer peer = {.server = "10.0.0.2"};
	const struct figure *figure = argc == 6 ? figure_find(argv[1]) : NULL;

	if (!figure || !wait_parse(figure, argv[2], &peer.wait)) {
		fprintf(stderr, "usage: kernel_bench FIGURE blocking|epoll|spin SECONDS "
				"NETNS-A NETNS-B\n");
		return 2;
	}
	peer.is_ip6 = figure->is_ip6;
	peer.has_gso = figure->has_gso;

	const struct worker workers[] = {
		{"server", figure->server, &peer, argv[5], 0},
		{"client", figure->client, &peer, argv[4], 0},
	};

	meter_run(workers, 2, figure->unit, meter_seconds(argv[3]),
		  figure->unit == UNIT_GBIT_S ? "\"cc\": \"" KERNEL_CC "\", " : "");
	return 0;
}
