/* SPDX-License-Identifier: MIT */
/*
 * Kernel sockets on both sides of a gateway that runs already: what the gw- figures measure.
 *
 *	gw_bench bulk|rr|crr|udp SECONDS CLIENT-NETNS SERVER-NETNS ADDRESS PORT PID...
 *	gw_bench many N:BYTES CLIENT-NETNS SERVER-NETNS ADDRESS PORT PID...
 *
 * The server listens on all addresses of its namespace, BENCH_PORT; ADDRESS and PORT are how the
 * client reaches it, of either family for bulk and rr. The PIDs are the gateway's processes, whose
 * CPU time is read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gw_many.h"
#include "kernel_peer.h"

enum {
	PIDS_MAX = 4,
	ARGS = 7, /* before the first PID */
};

struct figure {
	const char *name;
	void (*server)(struct gauge *g, const void *arg);
	void (*client)(struct gauge *g, const void *arg);
	enum unit unit;
};

static const struct figure figures[] = {
	{"bulk", kernel_bulk_server, kernel_bulk_client, UNIT_GBIT_S},
	{"rr", kernel_rr_server, kernel_rr_client, UNIT_PER_S},
	{"crr", kernel_crr_server, kernel_crr_client, UNIT_PER_S},
	{"udp", kernel_udp_server, kernel_udp_client, UNIT_PER_S},
};

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: gw_bench bulk|rr|crr|udp SECONDS|many N:BYTES CLIENT-NETNS SERVER-NETNS "
		"ADDRESS PORT PID...\n");
	exit(2);
}

static unsigned long number(const char *text, const char **ret_end)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || (!ret_end && *end))
		usage();
	if (ret_end)
		*ret_end = end;
	return n;
}

int main(int argc, char **argv)
{
	struct kernel_peer peer = {.wait = WAIT_BLOCKING};
	static const char *const pid_names[PIDS_MAX] = {"gateway", "gateway1", "gateway2",
							"gateway3"};
	struct worker workers[2 + PIDS_MAX] = {0};
	uint32_t n_pids = argc > ARGS ? (uint32_t)(argc - ARGS) : 0;
	pid_t pids[PIDS_MAX];

	if (!n_pids || n_pids > PIDS_MAX)
		usage();
	for (uint32_t i = 0; i < n_pids; i++)
		pids[i] = (pid_t)number(argv[ARGS + i], NULL);
	peer.server = argv[5];
	peer.is_ip6 = strchr(peer.server, ':') != NULL;
	peer.port = (uint16_t)number(argv[6], NULL);
	if (!strcmp(argv[1], "many")) {
		const char *rest;
		uint32_t n = (uint32_t)number(argv[2], &rest);

		if (!n || *rest != ':')
			usage();
		many_run(&(struct many){.server = peer.server,
					.port = peer.port,
					.client_netns = argv[3],
					.server_netns = argv[4],
					.n = n,
					.bytes = number(rest + 1, NULL),
					.pids = pids,
					.n_pids = n_pids});
		return 0;
	}
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const struct figure *f = &figures[i];

		if (strcmp(f->name, argv[1]) != 0)
			continue;
		workers[0] = (struct worker){"server", f->server, &peer, argv[4], 0};
		workers[1] = (struct worker){"client", f->client, &peer, argv[3], 0};
		for (uint32_t j = 0; j < n_pids; j++)
			workers[2 + j] = (struct worker){.name = pid_names[j], .pid = pids[j]};
		meter_run(workers, 2 + n_pids, f->unit, meter_seconds(argv[2]),
			  "\"cc\": \"" KERNEL_CC "\", ");
		return 0;
	}
	usage();
}
