/* SPDX-License-Identifier: MIT */
/*
 * What a TAP can do without a stack: the bulk figures' system calls, by a loop that knows no more
 * than it has to.
 *
 *	tap_floor out|out-copy|in SECONDS NETNS TAP
 *
 * out: opens a connection to the kernel's sockets by hand, and then writes the largest TSO
 * super-packets that the kernel's window has room for, of which only the sequence number changes;
 * of what comes back, acknowledgement and window are read. So the kernel's work is that of the
 * figure: its TCP receives, and its application reads. out-copy: the same, with what a copying API
 * and retransmission ask of any stack: the bytes come from an application's buffer, 128 KiB at a
 * time, into a queue that keeps them until they are acknowledged, and go to the TAP from there. in:
 * reads such super-packets, which a packet socket in the namespace sends; not more of them are
 * under way than the queue of the TAP holds, so none is dropped after it has been paid for. Counted
 * are the bytes of TCP payload, as in the bulk figures.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel_peer.h"
#include "weft/io.h"

enum {
	MSS = 1448,         /* MTU 1500, with options of the size of timestamps */
	PAYLOAD = 45 * MSS, /* the most whole segments that IPv4 takes */
	TCP_HDR = 20 + 12,  /* with NOPs instead of timestamps */
	SPORT_MIN = 20000,  /* another one in each run: the kernel remembers connections */
	SPORTS = 10000,
	ISS = 1,
	WSCALE = 7,         /* ours */
	READ_EVERY = 4,     /* frames written between two looks at what has come back; out-copy:
			       as many as the queue holds, which is faster there */
	IN_FLIGHT_MAX = 64, /* frames sent and not read: well below the TAP's queue of 500 */
	WAIT_MS = 10,
	QUEUE_BYTES = 1024 * 1024, /* out-copy: no other size is faster */
	OPEN_TRIES = 400, /* a TAP that has just got its reader comes up within a second or two */
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
		.tcp = {.source = htons((uint16_t)(SPORT_MIN + getpid() % SPORTS)),
			.dest = htons(BENCH_PORT),
			.window = htons(65535),
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

/* --- out --- */

struct out {
	int fd;
	uint32_t una, nxt, end; /* of ours: acknowledged, to be sent next, where the window ends */
	uint32_t queued;        /* out-copy: what is in the queue ends here */
	uint32_t rcv_nxt;
	uint8_t wscale; /* the kernel's */
	bool is_open, has_queue;
	struct frame frame;         /* out-copy: only its headers */
	uint8_t queue[QUEUE_BYTES]; /* a ring: byte `seq` is at seq % QUEUE_BYTES */
	uint8_t app[BULK_BYTES];
};

/* One's complement sum of 16-bit words. */
static uint32_t sum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sends `n_payload` bytes with `flags`; the kernel completes the checksum from the
 * pseudo-header's. */
static void out_send(struct out *o, uint32_t n_payload, uint8_t flags)
{
	struct frame *f = &o->frame;
	size_t hdr_len = offsetof(struct frame, payload), len = hdr_len + n_payload;
	size_t at = o->nxt % QUEUE_BYTES, left = QUEUE_BYTES - at;
	struct iovec iov[] = {{f, o->has_queue ? hdr_len : len},
			      {o->queue + at, n_payload < left ? n_payload : left},
			      {o->queue, n_payload < left ? 0 : n_payload - left}};
	uint16_t tcp_len = (uint16_t)(TCP_HDR + n_payload);
	uint32_t sum;

	f->vnet.gso_type = n_payload ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_NONE;
	f->vnet.gso_size = n_payload ? MSS : 0;
	f->ip.tot_len = htons((uint16_t)(len - offsetof(struct frame, ip)));
	f->ip.check = 0;
	f->ip.check = htons((uint16_t)~sum_fold(sum_add(0, &f->ip, sizeof(f->ip))));
	f->tcp.seq = htonl(o->nxt);
	f->tcp.ack_seq = htonl(o->rcv_nxt);
	f->tcp.syn = (flags & TH_SYN) != 0;
	f->tcp.ack = (flags & TH_ACK) != 0;
	sum = sum_add(IPPROTO_TCP + (uint32_t)tcp_len, &f->ip.saddr, 8);
	f->tcp.check = htons(sum_fold(sum));
	must_sys((int)writev(o->fd, iov, o->has_queue ? 3 : 1), "write");
	o->nxt += n_payload + ((flags & TH_SYN) != 0);
}

static void out_arp(const struct out *o, uint8_t *arp, size_t len)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 8};
	uint8_t *p = arp + sizeof(struct virtio_net_hdr) + sizeof(struct ether_header);
	uint8_t *eth = arp + sizeof(struct virtio_net_hdr);
	uint8_t sender[10], target[4];

	if (len < sizeof(struct virtio_net_hdr) + sizeof(struct ether_header) + 28 ||
	    p[7] != ARPOP_REQUEST)
		return;
	memcpy(sender, p + 8, sizeof(sender));
	memcpy(target, p + 24, sizeof(target));
	p[7] = ARPOP_REPLY;
	memcpy(p + 8, mac, sizeof(mac));
	memcpy(p + 14, target, sizeof(target));
	memcpy(p + 18, sender, sizeof(sender));
	memcpy(eth, eth + 6, 6);
	memcpy(eth + 6, mac, sizeof(mac));
	must_sys((int)write(o->fd, arp, len), "write");
}

/* The kernel's window scale, out of its SYN-ACK's options. */
static uint8_t wscale_of(const uint8_t *opt, const uint8_t *end)
{
	while (opt < end && *opt != TCPOPT_EOL) {
		if (*opt == TCPOPT_NOP) {
			opt++;
			continue;
		}
		if (end - opt < 2 || opt[1] < 2 || opt[1] > end - opt)
			break;
		if (opt[0] == TCPOPT_WINDOW && opt[1] == TCPOLEN_WINDOW)
			return opt[2];
		opt += opt[1];
	}
	return 0;
}

static void out_tcp(struct out *o, const uint8_t *p, const uint8_t *end)
{
	struct tcphdr tcp;

	if (end - p < (ptrdiff_t)sizeof(tcp))
		return;
	memcpy(&tcp, p, sizeof(tcp));
	if (tcp.dest != o->frame.tcp.source)
		return; /* of a connection that an earlier run left */
	if (tcp.rst)
		die("connection", -ECONNRESET);
	if (tcp.syn) {
		o->wscale = wscale_of(p + sizeof(tcp), end);
		o->rcv_nxt = ntohl(tcp.seq) + 1;
		o->is_open = true;
	}
	o->una = ntohl(tcp.ack_seq);
	o->end = o->una + ((uint32_t)ntohs(tcp.window) << (tcp.syn ? 0 : o->wscale));
}

/* What has come back; waits for it at most `wait_ms`. */
static void out_read(struct out *o, int wait_ms)
{
	struct pollfd pfd = {.fd = o->fd, .events = POLLIN};
	uint8_t buf[2048];
	const size_t ip_at = sizeof(struct virtio_net_hdr) + sizeof(struct ether_header);
	ssize_t n;

	if (wait_ms > 0)
		poll(&pfd, 1, wait_ms);
	while ((n = read(o->fd, buf, sizeof(buf))) > 0) {
		if (n < (ssize_t)(ip_at + sizeof(struct iphdr)))
			continue;
		if (buf[ip_at - 2] == 8 && buf[ip_at - 1] == 6)
			out_arp(o, buf, (size_t)n);
		else if (buf[ip_at - 2] == 8 && buf[ip_at] == 0x45 && buf[ip_at + 9] == IPPROTO_TCP)
			out_tcp(o, buf + ip_at + sizeof(struct iphdr), buf + n);
	}
	if (n < 0 && errno != EAGAIN)
		die("read", -errno);
}

/* A SYN whose options have the size of the later ones: MSS, window scale, NOPs. */
static void out_open(struct out *o)
{
	const uint8_t opts[] = {TCPOPT_MAXSEG, TCPOLEN_MAXSEG, (MSS + 12) >> 8, (MSS + 12) & 0xff,
				TCPOPT_NOP,    TCPOPT_WINDOW,  TCPOLEN_WINDOW,  WSCALE,
				TCPOPT_NOP,    TCPOPT_NOP,     TCPOPT_NOP,      TCPOPT_NOP};

	static_assert(sizeof(opts) == sizeof(o->frame.options), "one header size");
	for (int i = 0; i < OPEN_TRIES && !o->is_open; i++) {
		o->nxt = ISS;
		memcpy(o->frame.options, opts, sizeof(opts));
		out_send(o, 0, TH_SYN);
		out_read(o, WAIT_MS);
	}
	if (!o->is_open)
		die("connection", -ETIMEDOUT);
	memset(o->frame.options, TCPOPT_NOP, sizeof(o->frame.options));
	out_send(o, 0, TH_ACK);
}

static void tap_mac(const char *tap, uint8_t ret[6])
{
	struct ifreq req = {0};
	int fd = must_sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", tap);
	must_sys(ioctl(fd, SIOCGIFHWADDR, &req), "SIOCGIFHWADDR");
	memcpy(ret, req.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* The application writes as long as its buffer fits. */
static void out_fill(struct out *o)
{
	while (o->queued - o->una + BULK_BYTES <= QUEUE_BYTES) {
		size_t at = o->queued % QUEUE_BYTES, left = QUEUE_BYTES - at;
		size_t n = left < BULK_BYTES ? left : BULK_BYTES;

		memcpy(o->queue + at, o->app, n);
		memcpy(o->queue, o->app + n, BULK_BYTES - n);
		o->queued += BULK_BYTES;
	}
}

/* Payload of the next frame: what the window has room for, of what there is; 0: none. */
static uint32_t out_next(const struct out *o)
{
	uint32_t room = o->end - o->nxt;

	if (room >= 1u << 31 || (o->has_queue && o->queued - o->nxt < PAYLOAD))
		return 0;
	return room < PAYLOAD ? room / MSS * MSS : PAYLOAD;
}

struct out_how {
	const char *tap;
	bool has_queue;
};

static void out_write(struct gauge *g, const void *arg)
{
	static struct out o;
	const struct out_how *how = arg;
	bool is_ready = false; /* data has arrived */
	uint32_t una, len;

	o.fd = tap_open(how->tap);
	frame_init(&o.frame);
	tap_mac(how->tap, o.frame.eth.ether_dhost);
	out_open(&o);
	o.has_queue = how->has_queue;
	memset(o.app, 'w', sizeof(o.app)); /* else its pages are all the same one */
	o.queued = o.nxt;
	while (!gauge_is_stopping(g)) {
		int n = 0;

		if (o.has_queue)
			out_fill(&o);
		for (; (o.has_queue || n < READ_EVERY) && (len = out_next(&o)) > 0; n++)
			out_send(&o, len, TH_ACK);
		if (!is_ready && o.una != ISS + 1) {
			is_ready = true;
			gauge_ready(g);
		}
		if (n > 0) {
			out_read(&o, 0);
			continue;
		}
		una = o.una;
		out_read(&o, WAIT_MS);
		/* Seldom: a frame was lost while the TAP came up. */
		if (o.una == una)
			o.nxt = una;
	}
	close(o.fd);
}

/* --- in --- */

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
	struct kernel_peer peer = {.wait = WAIT_BLOCKING};
	struct out_how how = {.tap = tap};
	const struct worker out[] = {{"kernel", kernel_bulk_server, &peer, netns, 0},
				     {"loop", out_write, &how, netns, 0}};
	const struct worker in[] = {{"loop", in_read, tap, netns, 0},
				    {"packet socket", in_send, tap, netns, 0}};

	how.has_queue = argc == 5 && !strcmp(argv[1], "out-copy");
	if (how.has_queue || (argc == 5 && !strcmp(argv[1], "out"))) {
		meter_run(out, 2, UNIT_GBIT_S, meter_seconds(argv[2]), "");
	} else if (argc == 5 && !strcmp(argv[1], "in")) {
		meter_run(in, 2, UNIT_GBIT_S, meter_seconds(argv[2]), "");
	} else {
		fprintf(stderr, "usage: tap_floor out|out-copy|in SECONDS NETNS TAP\n");
		return 2;
	}
	return 0;
}
