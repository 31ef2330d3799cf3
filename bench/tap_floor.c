/* SPDX-License-Identifier: MIT */
/*
 * What a TAP alone can do: the bulk figures' system calls, by a loop without a stack.
 *
 *	tap_floor out|in SECONDS NETNS TAP
 *
 * out: writes the largest TSO super-packets, which the kernel drops as early as it can, because
 * their destination is somebody else's MAC address. in: reads such super-packets, which a packet
 * socket in the namespace sends; not more of them are under way than the queue of the TAP holds, so
 * none is dropped after it has been paid for. Counted are the bytes of TCP payload, as in the bulk
 * figures.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "meter.h"
#include "weft/io.h"

enum {
	MSS = 1448,         /* MTU 1500, with timestamps */
	PAYLOAD = 45 * MSS, /* the most whole segments that IPv4 takes */
	TCP_HDR = 20 + 12,  /* with timestamps */
	IN_FLIGHT_MAX = 64, /* frames sent and not read: well below the TAP's queue of 500 */
	WAIT_MS = 10,
};

struct frame {
	struct virtio_net_hdr vnet;
	struct ether_header eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t options[TCP_HDR - sizeof(struct tcphdr)];
	uint8_t payload[PAYLOAD];
} __attribute__((packed));

static void frame_init(struct frame *f)
{
	*f = (struct frame){
		.vnet = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			 .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
			 .gso_size = MSS,
			 .hdr_len = offsetof(struct frame, payload) - sizeof(f->vnet),
			 .csum_start = offsetof(struct frame, tcp) - sizeof(f->vnet),
			 .csum_offset = offsetof(struct tcphdr, check)},
		.eth = {.ether_dhost = {2, 0, 0, 0, 0, 9},
			.ether_shost = {2, 0, 0, 0, 0, 8},
			.ether_type = htons(ETHERTYPE_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(sizeof(*f) - offsetof(struct frame, ip)),
		       .ttl = 64,
		       .protocol = IPPROTO_TCP,
		       .saddr = htonl(0x0a000001),
		       .daddr = htonl(0x0a000002)},
		.tcp = {.source = htons(1),
			.dest = htons(BENCH_PORT),
			.doff = TCP_HDR / 4,
			.ack = 1},
	};
	memset(f->options, TCPOPT_NOP, sizeof(f->options));
}

static int tap_open(const char *tap)
{
	int fd = weft_tap_open(tap);

	must(fd, tap);
	return fd;
}

static void out_write(struct gauge *g, const void *arg)
{
	static struct frame frame;
	int fd = tap_open(arg);

	frame_init(&frame);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		must_sys((int)write(fd, &frame, sizeof(frame)), "write");
		gauge_add(&g->n_bytes, PAYLOAD);
		gauge_add(&g->n_ops, 1);
	}
	close(fd);
}

/* Other frames than ours are nobody's: the namespace has no IPv6, and nothing else to say. */
static void in_read(struct gauge *g, const void *arg)
{
	static struct frame frame;
	struct pollfd pfd = {.fd = tap_open(arg), .events = POLLIN};

	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		ssize_t n = read(pfd.fd, &frame, sizeof(frame));

		if (n == sizeof(frame)) {
			gauge_add(&g->n_bytes, PAYLOAD);
			gauge_add(&g->n_ops, 1);
		} else if (n < 0 && errno == EAGAIN) {
			poll(&pfd, 1, WAIT_MS);
		} else if (n < 0) {
			die("read", -errno);
		}
	}
	close(pfd.fd);
}

/* Waits until there is room for a frame under way; returns how many of those sent are still
 * counted. Frames sent while the TAP comes up are lost: they are given up after a while. */
static uint64_t in_send_wait(const struct gauge *g, uint64_t n_sent)
{
	int64_t give_up_ns = weft_io_now_ns() + WAIT_MS * INT64_C(1000000);

	while (n_sent - atomic_load(&g->n_ops) >= IN_FLIGHT_MAX) {
		if (weft_io_now_ns() > give_up_ns)
			return atomic_load(&g->n_ops);
		sched_yield();
	}
	return n_sent;
}

static void in_send(struct gauge *g, const void *arg)
{
	static struct frame frame;
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETHERTYPE_IP),
				 .sll_ifindex = (int)if_nametoindex(arg)};
	int fd = must_sys(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), "packet socket");
	int one = 1;
	uint64_t n_sent = 0;

	must_sys(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), "PACKET_VNET_HDR");
	frame_init(&frame);
	gauge_ready(g);
	while (!gauge_is_stopping(g)) {
		n_sent = in_send_wait(g, n_sent);
		must_sys((int)sendto(fd, &frame, sizeof(frame), 0, (struct sockaddr *)&to,
				     sizeof(to)),
			 "send");
		n_sent++;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	const char *netns = argc == 5 ? argv[3] : "";
	const char *tap = argc == 5 ? argv[4] : "";
	const struct worker out[] = {{"loop", out_write, tap, netns, 0}};
	const struct worker in[] = {{"loop", in_read, tap, netns, 0},
				    {"packet socket", in_send, tap, netns, 0}};

	if (argc == 5 && !strcmp(argv[1], "out")) {
		meter_run(out, 1, UNIT_GBIT_S, meter_seconds(argv[2]), "");
	} else if (argc == 5 && !strcmp(argv[1], "in")) {
		meter_run(in, 2, UNIT_GBIT_S, meter_seconds(argv[2]), "");
	} else {
		fprintf(stderr, "usage: tap_floor out|in SECONDS NETNS TAP\n");
		return 2;
	}
	return 0;
}
