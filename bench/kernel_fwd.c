/* SPDX-License-Identifier: MIT */
/*
 * The kernel's router on one core: frames are put into its first interface by a packet socket, and
 * what arrives behind its second one is counted by the interface there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel_peer.h"

enum {
	LOOK_NS = 1000000,
};

static const uint8_t router_mac[6] = {2, 0, 0, 0, 0, 1};

/* The sender's work and the router's, which the kernel does within the sender's system calls and in
 * softirqs of its CPU, have this one to themselves. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	must_sys(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

void kernel_fwd_send(struct gauge *g, const void *arg)
{
	static uint8_t frames[FWD_ROUTES][FWD_FRAME];
	static struct mmsghdr msgs[DGRAM_BATCH];
	static struct iovec iovs[DGRAM_BATCH];
	const struct kernel_peer *peer = arg;
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(peer->is_ip6 ? ETH_P_IPV6 : ETH_P_IP),
				 .sll_ifindex = (int)if_nametoindex("eth0")};
	int fd = must_sys(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "packet socket");
	int one = 1;
	unsigned int n = 0;

	must_sys(bind(fd, (struct sockaddr *)&to, sizeof(to)), "bind");
	must_sys(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)),
		 "PACKET_QDISC_BYPASS");
	for (unsigned int i = 0; i < FWD_ROUTES; i++)
		fwd_frame_write(frames[i], router_mac, peer->is_ip6, i);
	for (int i = 0; i < DGRAM_BATCH; i++)
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iovs[i], .msg_iovlen = 1};
	pin();
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		for (int i = 0; i < DGRAM_BATCH; i++, n = (n + FWD_STEP) % FWD_ROUTES)
			iovs[i] = (struct iovec){frames[n], FWD_FRAME};
		if (sendmmsg(fd, msgs, DGRAM_BATCH, 0) < 0 && errno != ENOBUFS)
			die("send", -errno);
	}
	close(fd);
}

/* Frames that the interface `eth0` has received. */
static uint64_t rx_packets(void)
{
	FILE *f = fopen("/proc/net/dev", "re");
	char line[512];
	unsigned long long bytes, n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " eth0: %llu %llu", &bytes, &n) == 2)
			break;
	if (f)
		fclose(f);
	return n;
}

void kernel_fwd_count(struct gauge *g, const void *arg)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	(void)arg;
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		uint64_t n = rx_packets();

		atomic_store(&g->n_bytes, n * FWD_FRAME);
		atomic_store(&g->n_ops, n);
		nanosleep(&pause, NULL);
	}
}
