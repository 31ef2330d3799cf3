/* SPDX-License-Identifier: MIT */
/*
 * IPv4 below TCP with the kernel as the peer, over a TAP: echo, UDP and ICMP errors, both ways.
 * ARP is in test_arp_kernel.c.
 */
#include "wire.h"

#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT = 5000, /* of weft */
	KERNEL_PORT = 6000,
	CLOSED_PORT = 4999,
	MTU = 1500,
	JUMBO = 9000,
	IP_UDP_HDR = 28, /* of IPv4 and UDP, or IPv4 and ICMP echo */
	DGRAM_MAX = 65536,
	PATIENCE_S = 60,
	N_FLOOD = 20000,
	FLOOD_BYTES = 64,
	N_BURST = 200,
};

static struct wire wire;

static int setup(void **state)
{
	(void)state;
	wire_start(&wire, MTU);
	return 0;
}

static int setup_jumbo(void **state)
{
	(void)state;
	wire_start(&wire, JUMBO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wire_abandon(&wire);
	return 0;
}

static uint64_t counter(const char *name)
{
	return weft_stack_counter(wire.st, name);
}

/* The weft end. */

/* A socket that returns what it gets, and remembers. */
struct wecho {
	struct weft_sock *s;
	uint64_t n_datagrams;
	bool is_sink;
};

static void wecho_ready(struct weft_sock *s, void *arg, uint32_t events UNUSED)
{
	static uint8_t buf[DGRAM_MAX]; /* one thread, one call at a time */
	struct wecho *e = arg;
	struct weft_sockaddr from;
	ptrdiff_t n;

	while ((n = weft_recvfrom(s, buf, sizeof(buf), 0, &from)) >= 0) {
		e->n_datagrams++;
		if (!e->is_sink)
			assert_int_equal(weft_sendto(s, buf, (size_t)n, 0, &from), n);
	}
	assert_int_equal(n, -EAGAIN);
}

static void wecho_start(struct wecho *e, uint16_t port)
{
	struct weft_sockaddr any = {.addr = {.family = WEFT_AF_INET}, .port = port};

	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &e->s), 0);
	assert_int_equal(weft_bind(e->s, &any), 0);
	weft_on_event(e->s, wecho_ready, e);
}

static bool is_readable(void *arg)
{
	struct weft_sock *s = arg;

	return weft_events(s) & (WEFT_IN | WEFT_ERR);
}

static struct weft_sock *weft_client(int protocol, uint16_t port)
{
	struct weft_sockaddr to = wire_kernel_addr(port);
	struct weft_sock *s;

	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, protocol, &s), 0);
	assert_int_equal(weft_connect(s, &to), 0);
	return s;
}

/* Echo */

static uint16_t csum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Type, code, checksum, identifier, sequence number, then `len` bytes of stream `seq`. */
static void echo_fill(uint8_t *msg, uint16_t id, uint16_t seq, size_t len)
{
	struct icmphdr hdr = {
		.type = ICMP_ECHO,
		.un.echo = {.id = htons(id), .sequence = htons(seq)},
	};

	stream_fill(seq, 0, msg + sizeof(hdr), len);
	memcpy(msg, &hdr, sizeof(hdr));
	hdr.checksum = htons(csum16(msg, sizeof(hdr) + len));
	memcpy(msg, &hdr, sizeof(hdr));
}

/* Waits for the reply to request `seq`; `len` bytes of payload. */
static const char *echo_await(int fd, uint16_t id, uint16_t seq, size_t len)
{
	uint8_t buf[DGRAM_MAX];
	struct icmphdr hdr;
	struct iphdr ip;

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		size_t hdrs = sizeof(ip) + sizeof(hdr);

		if (n < (ssize_t)hdrs)
			return "no echo reply";
		memcpy(&ip, buf, sizeof(ip));
		memcpy(&hdr, buf + sizeof(ip), sizeof(hdr));
		if (hdr.type != ICMP_ECHOREPLY || ntohs(hdr.un.echo.id) != id)
			continue;
		if (ip.ttl != 64 || ip.ihl != 5)
			return "the echo reply has another TTL, or options";
		if (ntohs(hdr.un.echo.sequence) != seq || (size_t)n != hdrs + len)
			return "the echo reply is of another request or length";
		return stream_check(seq, 0, buf + hdrs, len) ? NULL : "the payload changed";
	}
}

struct sweep {
	uint32_t max_bytes, step;
};

static const char *kernel_pings(void *arg)
{
	const struct sweep *sweep = arg;
	uint8_t msg[DGRAM_MAX];
	const char *fault = NULL;
	int fd = kernel_raw(IPPROTO_ICMP);

	if (fd < 0)
		return "no raw socket";
	for (uint32_t len = 0; !fault && len <= sweep->max_bytes; len += sweep->step) {
		size_t size = sizeof(struct icmphdr) + len;

		echo_fill(msg, 77, (uint16_t)len, len);
		if (send(fd, msg, size, 0) != (ssize_t)size)
			fault = "cannot send an echo request";
		else
			fault = echo_await(fd, 77, (uint16_t)len, len);
	}
	close(fd);
	return fault;
}

static void kernel_pings_with_every_size_replies_match(void **state UNUSED)
{
	struct sweep sweep = {MTU - IP_UDP_HDR, 1};

	wire_join(&wire, wire_kernel(&wire, kernel_pings, &sweep), PATIENCE_S);
	assert_int_equal(counter("IcmpInEchos"), sweep.max_bytes + 1);
	assert_int_equal(counter("IcmpOutEchoReps"), sweep.max_bytes + 1);
	wire_stop(&wire);
}

static void kernel_pings_over_jumbo_frames_replies_match(void **state UNUSED)
{
	struct sweep sweep = {JUMBO - IP_UDP_HDR, 8};

	wire_join(&wire, wire_kernel(&wire, kernel_pings, &sweep), PATIENCE_S);
	wire_stop(&wire);
}

static void weft_pings_sizes(uint32_t max_bytes, uint32_t step)
{
	static uint8_t msg[DGRAM_MAX], answer[DGRAM_MAX];
	struct weft_sock *s = weft_client(WEFT_IPPROTO_ICMP, 0);

	for (uint32_t len = 0; len <= max_bytes; len += step) {
		size_t size = sizeof(struct icmphdr) + len;
		struct icmphdr hdr;

		echo_fill(msg, 0, (uint16_t)len, len);
		assert_int_equal(weft_send(s, msg, size, 0), size);
		wire_until(&wire, is_readable, s, PATIENCE_S);
		assert_int_equal(weft_recv(s, answer, sizeof(answer), 0), size);
		memcpy(&hdr, answer, sizeof(hdr));
		assert_int_equal(hdr.type, ICMP_ECHOREPLY);
		assert_int_equal(ntohs(hdr.un.echo.sequence), (uint16_t)len);
		assert_true(stream_check((uint16_t)len, 0, answer + sizeof(hdr), len));
	}
	weft_close(s);
}

static void weft_pings_with_every_size_kernel_replies(void **state UNUSED)
{
	weft_pings_sizes(MTU - IP_UDP_HDR, 1);
	wire_stop(&wire);
}

static void weft_pings_over_jumbo_frames_kernel_replies(void **state UNUSED)
{
	weft_pings_sizes(JUMBO - IP_UDP_HDR, 8);
	wire_stop(&wire);
}

/* Echo requests to a broadcast address are not answered unless the setting says so. */
static const char *kernel_pings_everybody(void *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a0900ff)};
	struct timeval short_wait = {.tv_usec = 300000};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	const bool *want = arg;
	const char *fault;
	uint8_t msg[sizeof(struct icmphdr)];
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_wait, sizeof(short_wait));
	echo_fill(msg, 5, 1, 0);
	if (fd < 0 || sendto(fd, msg, sizeof(msg), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		fault = "cannot ping everybody";
	else
		fault = echo_await(fd, 5, 1, 0);
	close(fd);
	if (*want)
		return fault;
	return fault ? NULL : "there was a reply";
}

static void kernel_pings_broadcast_only_setting_brings_reply(void **state UNUSED)
{
	bool want = false;

	wire_join(&wire, wire_kernel(&wire, kernel_pings_everybody, &want), PATIENCE_S);
	assert_int_equal(weft_stack_set(wire.st, "net.ipv4.icmp_echo_ignore_broadcasts", 0), 0);
	want = true;
	wire_join(&wire, wire_kernel(&wire, kernel_pings_everybody, &want), PATIENCE_S);
	wire_stop(&wire);
}

/* UDP */

/* Sends datagrams of every size, one at a time, and gets each back. */
static const char *kernel_udp_sweep(void *arg)
{
	const struct sweep *sweep = arg;
	uint8_t out[DGRAM_MAX], in[DGRAM_MAX];
	const char *fault = NULL;
	int fd = kernel_udp(KERNEL_PORT, PORT);

	if (fd < 0)
		return "no UDP socket";
	for (uint32_t len = 0; !fault && len <= sweep->max_bytes; len += sweep->step) {
		stream_fill(len, 0, out, len);
		if (send(fd, out, len, 0) != (ssize_t)len)
			fault = "cannot send a datagram";
		else if (recv(fd, in, sizeof(in), 0) != (ssize_t)len || memcmp(in, out, len))
			fault = "the datagram did not come back as it was";
	}
	close(fd);
	return fault;
}

static void udp_sweep_from_kernel(uint32_t max_bytes, uint32_t step)
{
	struct sweep sweep = {max_bytes, step};
	struct wecho e = {.is_sink = false};

	wecho_start(&e, PORT);
	wire_join(&wire, wire_kernel(&wire, kernel_udp_sweep, &sweep), PATIENCE_S);
	assert_int_equal(e.n_datagrams, max_bytes / step + 1);
	assert_int_equal(counter("UdpInDatagrams"), e.n_datagrams);
	assert_int_equal(counter("UdpInErrors"), 0);
	weft_close(e.s);
}

static void kernel_sends_udp_of_every_size_comes_back(void **state UNUSED)
{
	udp_sweep_from_kernel(MTU - IP_UDP_HDR, 1);
	wire_stop(&wire);
}

static void kernel_sends_udp_in_jumbo_frames_comes_back(void **state UNUSED)
{
	udp_sweep_from_kernel(JUMBO - IP_UDP_HDR, 8);
	wire_stop(&wire);
}

/* Returns datagrams until one with the single byte 0xff comes. */
static const char *kernel_udp_echo(void *arg)
{
	uint8_t buf[DGRAM_MAX];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	int fd = *(int *)arg;
	ssize_t n;

	for (;;) {
		n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len);
		if (n < 0)
			return "no datagram came";
		if (n == 1 && buf[0] == 0xff)
			return NULL;
		if (sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, from_len) != n)
			return "cannot return a datagram";
	}
}

static void weft_udp_sizes(uint32_t max_bytes, uint32_t step)
{
	static uint8_t out[DGRAM_MAX], in[DGRAM_MAX];
	struct weft_sock *s = weft_client(0, KERNEL_PORT);
	int fd = kernel_udp(KERNEL_PORT, 0);
	struct wire_thread *t = wire_kernel(&wire, kernel_udp_echo, &fd);

	for (uint32_t len = 0; len <= max_bytes; len += step) {
		stream_fill(len, 0, out, len);
		if (len == 1)
			out[0] = 1;
		assert_int_equal(weft_send(s, out, len, 0), len);
		wire_until(&wire, is_readable, s, PATIENCE_S);
		assert_int_equal(weft_recv(s, in, sizeof(in), 0), len);
		assert_memory_equal(in, out, len);
	}
	assert_int_equal(weft_send(s, "\xff", 1, 0), 1);
	wire_join(&wire, t, PATIENCE_S);
	weft_close(s);
	close(fd);
}

static void weft_sends_udp_of_every_size_comes_back(void **state UNUSED)
{
	weft_udp_sizes(MTU - IP_UDP_HDR, 1);
	wire_stop(&wire);
}

static void weft_sends_udp_in_jumbo_frames_comes_back(void **state UNUSED)
{
	weft_udp_sizes(JUMBO - IP_UDP_HDR, 8);
	wire_stop(&wire);
}

static const char *kernel_udp_without_checksum(void *arg)
{
	int fd = kernel_udp(KERNEL_PORT, PORT);
	char in[8] = "";
	int one = 1;
	ssize_t n;

	(void)arg;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one)) < 0)
		return "no UDP socket without a checksum";
	n = send(fd, "summed?", 8, 0) == 8 ? recv(fd, in, sizeof(in), 0) : -1;
	close(fd);
	return n == 8 && !memcmp(in, "summed?", 8) ? NULL : "it did not come back";
}

/* The UDP datagrams that weft sends are seen raw: their checksums are there, and never 0. */
static const char *kernel_udp_raw_exchange(void *arg)
{
	struct udphdr hdr = {.source = htons(KERNEL_PORT), .dest = htons(PORT), .len = htons(8)};
	int fd = kernel_raw(IPPROTO_UDP);
	int guard = kernel_udp(KERNEL_PORT, 0); /* so that the kernel does not refuse the answer */
	const char *fault = fd < 0 || guard < 0 ? "no raw socket" : NULL;
	uint8_t in[128];
	ssize_t n = -1;

	hdr.check = htons(*(uint16_t *)arg);
	if (!fault && send(fd, &hdr, sizeof(hdr), 0) == (ssize_t)sizeof(hdr))
		n = recv(fd, in, sizeof(in), 0);
	if (n >= (ssize_t)(sizeof(struct iphdr) + sizeof(hdr)))
		memcpy(&hdr, in + sizeof(struct iphdr), sizeof(hdr));
	if (!fault && (n < 28 || hdr.source != htons(PORT) || hdr.dest != htons(KERNEL_PORT)))
		fault = "no answer";
	if (!fault && !hdr.check)
		fault = "the answer has no checksum";
	close(fd);
	close(guard);
	return fault;
}

static void kernel_sends_udp_without_checksum_taken_and_answered_with_one(void **state UNUSED)
{
	struct wecho e = {.is_sink = false};
	uint16_t sum = 0;

	wecho_start(&e, PORT);
	wire_join(&wire, wire_kernel(&wire, kernel_udp_without_checksum, NULL), PATIENCE_S);
	wire_join(&wire, wire_kernel(&wire, kernel_udp_raw_exchange, &sum), PATIENCE_S);
	assert_int_equal(e.n_datagrams, 2);
	weft_close(e.s);
	wire_stop(&wire);
}

/* Datagrams that lie: a wrong sum, a length that is too long, one that is too short. */
static const char *kernel_udp_lies(void *arg)
{
	struct udphdr lies[] = {
		{.dest = htons(PORT), .len = htons(8), .check = htons(0x1234)},
		{.dest = htons(PORT), .len = htons(9)},
		{.dest = htons(PORT), .len = htons(7)},
		{.dest = htons(PORT), .len = 0},
	};
	int fd = kernel_raw(IPPROTO_UDP);

	(void)arg;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		if (fd < 0 || send(fd, &lies[i], sizeof(lies[i]), 0) != (ssize_t)sizeof(lies[i]))
			return "cannot send raw";
	if (send(fd, &lies[0], 5, 0) != 5) /* not even a header */
		return "cannot send five bytes";
	close(fd);
	return NULL;
}

static bool has_five_errors(void *arg UNUSED)
{
	return counter("UdpInErrors") == 5;
}

static void kernel_sends_udp_that_lies_it_is_counted_and_dropped(void **state UNUSED)
{
	struct wecho e = {.is_sink = true};

	wecho_start(&e, PORT);
	wire_join(&wire, wire_kernel(&wire, kernel_udp_lies, NULL), PATIENCE_S);
	wire_until(&wire, has_five_errors, NULL, PATIENCE_S);
	assert_int_equal(counter("UdpInCsumErrors"), 1);
	assert_int_equal(e.n_datagrams, 0);
	assert_int_equal(counter("IcmpOutMsgs"), 0);
	weft_close(e.s);
	wire_stop(&wire);
}

static const char *kernel_broadcasts(void *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a0900ff)};
	int fd = kernel_udp(KERNEL_PORT, 0);
	int one = 1;

	to.sin_port = htons(*(uint16_t *)arg);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) < 0 ||
	    sendto(fd, "all", 3, 0, (struct sockaddr *)&to, sizeof(to)) != 3)
		return "cannot broadcast";
	close(fd);
	return NULL;
}

static bool has_one_datagram(void *arg)
{
	return ((struct wecho *)arg)->n_datagrams == 1;
}

static bool has_no_port(void *arg UNUSED)
{
	return counter("UDP_NO_PORT") == 1;
}

static void kernel_broadcasts_udp_socket_gets_it_and_no_error_is_sent(void **state UNUSED)
{
	struct wecho e = {.is_sink = true};
	uint16_t port = PORT;

	wecho_start(&e, PORT);
	wire_join(&wire, wire_kernel(&wire, kernel_broadcasts, &port), PATIENCE_S);
	wire_until(&wire, has_one_datagram, &e, PATIENCE_S);
	port = CLOSED_PORT;
	wire_join(&wire, wire_kernel(&wire, kernel_broadcasts, &port), PATIENCE_S);
	wire_until(&wire, has_no_port, NULL, PATIENCE_S);
	assert_int_equal(counter("IcmpOutMsgs"), 0); /* RFC 1122 §3.2.2 */
	weft_close(e.s);
	wire_stop(&wire);
}

static const char *kernel_floods(void *arg)
{
	int fd = kernel_udp(KERNEL_PORT, PORT);
	uint8_t buf[FLOOD_BYTES] = {0};
	uint64_t *n_sent = arg;

	if (fd < 0)
		return "no UDP socket";
	for (int i = 0; i < N_FLOOD; i++)
		*n_sent += send(fd, buf, sizeof(buf), 0) == (ssize_t)sizeof(buf);
	close(fd);
	return NULL;
}

/* The application does not read: the queue is bounded, and what does not fit is counted. */
static void kernel_floods_a_socket_that_is_not_read_queue_stays_bounded(void **state UNUSED)
{
	struct wecho e = {.is_sink = true};
	uint64_t n_sent = 0;
	int size = 65536;

	wecho_start(&e, PORT);
	weft_on_event(e.s, NULL, NULL);
	assert_int_equal(weft_setsockopt(e.s, WEFT_SOL_SOCKET, WEFT_SO_RCVBUF, &size, sizeof(size)),
			 0);
	wire_join(&wire, wire_kernel(&wire, kernel_floods, &n_sent), PATIENCE_S);
	wire_for_ms(&wire, 100);
	assert_true(counter("UdpRcvbufErrors") > 0);
	weft_on_event(e.s, wecho_ready, &e);
	wire_for_ms(&wire, 100);
	assert_true(e.n_datagrams > 0 && e.n_datagrams < 3000);
	assert_int_equal(e.n_datagrams, counter("UdpInDatagrams"));
	assert_true(e.n_datagrams + counter("UdpRcvbufErrors") <= n_sent);
	weft_close(e.s);
	wire_stop(&wire);
}

/* What the kernel sees of the header that weft's options ask for. */
static const char *kernel_sees_ttl_and_tos(void *arg)
{
	char ctl[128], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl)};
	int fd = *(int *)arg;
	int ttl = 0, tos = 0;

	if (recvmsg(fd, &mh, 0) != 1)
		return "no datagram came";
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&mh); cm; cm = CMSG_NXTHDR(&mh, cm)) {
		if (cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_TTL)
			memcpy(&ttl, CMSG_DATA(cm), sizeof(ttl));
		if (cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_TOS)
			tos = *CMSG_DATA(cm);
	}
	return ttl == 3 && tos == 0x28 ? NULL : "another TTL or TOS";
}

static void weft_sets_ttl_and_tos_kernel_sees_them(void **state UNUSED)
{
	struct weft_sock *s = weft_client(0, KERNEL_PORT);
	int fd = kernel_udp(KERNEL_PORT, 0);
	int ttl = 3, tos = 0x28, one = 1;

	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_RECVTOS, &one, sizeof(one)), 0);
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IP, WEFT_IP_TTL, &ttl, sizeof(ttl)), 0);
	assert_int_equal(weft_setsockopt(s, WEFT_IPPROTO_IP, WEFT_IP_TOS, &tos, sizeof(tos)), 0);
	assert_int_equal(weft_send(s, "x", 1, 0), 1);
	wire_join(&wire, wire_kernel(&wire, kernel_sees_ttl_and_tos, &fd), PATIENCE_S);
	weft_close(s);
	close(fd);
	wire_stop(&wire);
}

/* Errors */

/* Sends to a port that nobody has: the socket must say so, and the error queue by whom. */
static const char *kernel_is_refused(void *arg)
{
	char ctl[512], byte;
	struct iovec iov = {&byte, 1};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl)};
	int fd = kernel_udp(KERNEL_PORT, CLOSED_PORT);
	struct sock_extended_err ee;
	struct sockaddr_in by;
	struct cmsghdr *cm;
	int one = 1;

	(void)arg;
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)) < 0)
		return "no UDP socket";
	if (send(fd, "knock", 5, 0) != 5 || recv(fd, &byte, 1, 0) >= 0 || errno != ECONNREFUSED)
		return "the socket was not refused";
	if (recvmsg(fd, &mh, MSG_ERRQUEUE) < 0 || !(cm = CMSG_FIRSTHDR(&mh)))
		return "nothing in the error queue";
	memcpy(&ee, CMSG_DATA(cm), sizeof(ee));
	memcpy(&by, CMSG_DATA(cm) + sizeof(ee), sizeof(by));
	close(fd);
	if (ee.ee_origin != SO_EE_ORIGIN_ICMP || ee.ee_type != ICMP_DEST_UNREACH ||
	    ee.ee_code != ICMP_PORT_UNREACH)
		return "another error";
	return by.sin_addr.s_addr == htonl(0x0a090002) ? NULL : "the error is not weft's";
}

static void weft_port_is_closed_kernel_client_is_refused(void **state UNUSED)
{
	wire_join(&wire, wire_kernel(&wire, kernel_is_refused, NULL), PATIENCE_S);
	assert_int_equal(counter("UdpNoPorts"), 1);
	assert_int_equal(counter("IcmpOutDestUnreachs"), 1);
	wire_stop(&wire);
}

static void kernel_port_is_closed_weft_client_is_refused(void **state UNUSED)
{
	struct weft_sock *s = weft_client(0, CLOSED_PORT);
	char byte;

	assert_int_equal(weft_send(s, "knock", 5, 0), 5);
	wire_until(&wire, is_readable, s, PATIENCE_S);
	assert_int_equal(weft_recv(s, &byte, 1, 0), -ECONNREFUSED);
	assert_int_equal(weft_recv(s, &byte, 1, 0), -EAGAIN); /* told once */
	weft_close(s);
	wire_stop(&wire);
}

static bool has_silent_neighbour(void *arg UNUSED)
{
	return counter("NEIGH_FAILED") == 1;
}

/* Host unreachable is no hard error: as on Linux, a datagram socket is not told. */
static void weft_sends_udp_to_an_address_nobody_has_it_is_dropped_and_counted(void **state UNUSED)
{
	struct weft_sockaddr to = wire_kernel_addr(KERNEL_PORT);
	struct weft_sock *s;

	to.addr.bytes[3] = 77;
	assert_int_equal(weft_socket(wire.st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &s), 0);
	assert_int_equal(weft_connect(s, &to), 0);
	assert_int_equal(weft_send(s, "anybody?", 8, 0), 8);
	wire_until(&wire, has_silent_neighbour, NULL, 10);
	assert_false(is_readable(s));
	assert_true(counter("ArpOutRequests") >= 3);
	weft_close(s);
	wire_stop(&wire);
}

/* Knocks at a closed port as fast as it can. */
static const char *kernel_knocks(void *arg)
{
	int fd = kernel_raw(IPPROTO_UDP); /* its errors do not stop it as a UDP socket's would */
	struct udphdr hdr = {
		.source = htons(KERNEL_PORT), .dest = htons(CLOSED_PORT), .len = htons(8)};

	(void)arg;
	if (fd < 0)
		return "no raw socket";
	for (int i = 0; i < N_BURST; i++)
		(void)!send(fd, &hdr, sizeof(hdr), 0);
	close(fd);
	return NULL;
}

static void kernel_knocks_fast_errors_are_few(void **state UNUSED)
{
	wire_join(&wire, wire_kernel(&wire, kernel_knocks, NULL), PATIENCE_S);
	wire_for_ms(&wire, 100);
	assert_true(counter("UdpNoPorts") > 100);
	assert_in_range(counter("IcmpOutDestUnreachs"), 1, 10); /* RFC 1812 §4.3.2.8 */
	assert_int_equal(counter("IcmpOutDestUnreachs") + counter("IcmpOutRateLimitHost"),
			 counter("UdpNoPorts"));
	wire_stop(&wire);
}

/* A protocol that weft does not have: protocol unreachable. */
static const char *kernel_uses_protocol(void *arg)
{
	int icmp = kernel_raw(IPPROTO_ICMP), fd = kernel_raw(253);
	const char *fault = icmp < 0 || fd < 0 ? "no raw socket" : NULL;
	struct icmphdr hdr = {.type = 255};
	uint8_t in[128];
	ssize_t n;

	(void)arg;
	if (!fault && send(fd, "?", 1, 0) != 1)
		fault = "cannot send";
	n = fault ? -1 : recv(icmp, in, sizeof(in), 0);
	if (n >= (ssize_t)(sizeof(struct iphdr) + sizeof(hdr)))
		memcpy(&hdr, in + sizeof(struct iphdr), sizeof(hdr));
	close(icmp);
	close(fd);
	if (fault)
		return fault;
	return hdr.type == ICMP_DEST_UNREACH && hdr.code == ICMP_PROT_UNREACH ? NULL
									      : "another answer";
}

static void kernel_uses_unknown_protocol_it_is_unreachable(void **state UNUSED)
{
	wire_join(&wire, wire_kernel(&wire, kernel_uses_protocol, NULL), PATIENCE_S);
	wire_stop(&wire);
}

#define WIRE_TEST(fn)  cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define JUMBO_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup_jumbo, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WIRE_TEST(kernel_pings_with_every_size_replies_match),
		JUMBO_TEST(kernel_pings_over_jumbo_frames_replies_match),
		WIRE_TEST(weft_pings_with_every_size_kernel_replies),
		JUMBO_TEST(weft_pings_over_jumbo_frames_kernel_replies),
		WIRE_TEST(kernel_pings_broadcast_only_setting_brings_reply),
		WIRE_TEST(kernel_sends_udp_of_every_size_comes_back),
		JUMBO_TEST(kernel_sends_udp_in_jumbo_frames_comes_back),
		WIRE_TEST(weft_sends_udp_of_every_size_comes_back),
		JUMBO_TEST(weft_sends_udp_in_jumbo_frames_comes_back),
		WIRE_TEST(kernel_sends_udp_without_checksum_taken_and_answered_with_one),
		WIRE_TEST(kernel_sends_udp_that_lies_it_is_counted_and_dropped),
		WIRE_TEST(kernel_broadcasts_udp_socket_gets_it_and_no_error_is_sent),
		WIRE_TEST(kernel_floods_a_socket_that_is_not_read_queue_stays_bounded),
		WIRE_TEST(weft_sets_ttl_and_tos_kernel_sees_them),
		WIRE_TEST(weft_port_is_closed_kernel_client_is_refused),
		WIRE_TEST(kernel_port_is_closed_weft_client_is_refused),
		WIRE_TEST(weft_sends_udp_to_an_address_nobody_has_it_is_dropped_and_counted),
		WIRE_TEST(kernel_knocks_fast_errors_are_few),
		WIRE_TEST(kernel_uses_unknown_protocol_it_is_unreachable),
	};

	return wire_begin(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
