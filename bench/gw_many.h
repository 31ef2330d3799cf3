/* SPDX-License-Identifier: MIT */
/* Many downloads at once through a gateway: that all complete, how fast, and how fairly. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct many {
	const char *server; /* IPv4 address as the client knows it */
	uint16_t port;
	const char *client_netns, *server_netns; /* paths */
	uint32_t n;                              /* connections, all at once */
	uint64_t bytes;                          /* of each */
	const pid_t *pids;                       /* whose CPU time is read */
	uint32_t n_pids;
};

/* The server sends `bytes` to each of `n` clients, which connect together. Prints a line of JSON:
 * value (Gbit/s of all, from the first connect to the last byte), completed (downloads that got all
 * of their bytes), jain (Jain's index of the rates of all), and what meter_run() prints besides.
 * What has not ended after a minute is counted as it is. */
void many_run(const struct many *m);
