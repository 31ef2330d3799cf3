/* SPDX-License-Identifier: MIT */
/*
 * lwIP as a peer: one TCP stream between lwIP and the kernel's sockets over a TAP.
 *
 *	lwip_bench out|in SECONDS NETNS TAP
 *
 * The TAP, without vnet headers, is in the network namespace NETNS (a path) with the address
 * 10.0.0.2; lwIP has 10.0.0.1. One thread reads the TAP and runs the stack under its core lock,
 * frames a batch at a time, with the raw API: no messages to another thread, no sockets. Frames are
 * read into the packet buffers that the stack keeps, and the receiving application looks at
 * nothing, so lwIP copies once where weft copies twice. README.md says what Debian's library is
 * compiled with.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../kernel_peer.h"

#include <lwip/etharp.h>
#include <lwip/tcp.h>
#include <lwip/tcpip.h>
#include <netif/ethernet.h>

enum {
	MTU = 1500,
	FRAME_MAX = MTU + 14,
	BATCH = 64, /* frames read under one taking of the lock */
	WAIT_MS = 10,
	UP_MS = 10000, /* a TAP that has just got its reader comes up within a second or two */
};

struct side {
	struct gauge *gauge;
	int fd;
	struct netif nif;
	struct pbuf *next; /* for the next frame */
	bool is_out, is_connected;
	_Atomic bool is_up;
	uint8_t buf[BULK_BYTES];
};

static void must_lwip(err_t err, const char *what)
{
	if (err != ERR_OK)
		die(what, -err_to_errno(err));
}

/* --- the interface --- */

static err_t frame_output(struct netif *nif, struct pbuf *p)
{
	struct side *s = nif->state;
	uint8_t flat[FRAME_MAX];
	const void *frame = p->payload;

	/* The library is compiled to send single buffers; ARP's are too. */
	if (p->next) {
		pbuf_copy_partial(p, flat, p->tot_len, 0);
		frame = flat;
	}
	return write(s->fd, frame, p->tot_len) == p->tot_len ? ERR_OK : ERR_IF;
}

static err_t nif_init(struct netif *nif)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 8};

	nif->name[0] = 't';
	nif->name[1] = 'p';
	nif->hwaddr_len = sizeof(mac);
	memcpy(nif->hwaddr, mac, sizeof(mac));
	nif->mtu = MTU;
	nif->flags =
		NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	nif->output = etharp_output;
	nif->linkoutput = frame_output;
	return ERR_OK;
}

static int tap_open(const char *tap)
{
	struct ifreq req = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = must_sys(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", tap);
	must_sys(ioctl(fd, TUNSETIFF, &req), tap);
	return fd;
}

/* What is sent before is lost, and lwIP tries again after three seconds. */
static void tap_wait(const char *tap)
{
	struct ifreq req = {0};
	int fd = must_sys(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");

	snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", tap);
	for (int ms = 0; ms < UP_MS && !(req.ifr_flags & IFF_RUNNING); ms += WAIT_MS) {
		poll(NULL, 0, WAIT_MS);
		must_sys(ioctl(fd, SIOCGIFFLAGS, &req), "SIOCGIFFLAGS");
	}
	close(fd);
}

/* Reads what has come, and hands it up; returns whether there was anything. */
static bool frames_input(struct side *s)
{
	int n_frames = 0;

	LOCK_TCPIP_CORE();
	for (; n_frames < BATCH; n_frames++) {
		struct pbuf *p = s->next ? s->next : pbuf_alloc(PBUF_RAW, FRAME_MAX, PBUF_RAM);
		ssize_t n;

		if (!p)
			die("packet buffer", -ENOMEM);
		s->next = p;
		n = read(s->fd, p->payload, FRAME_MAX);
		if (n < 0 && errno != EAGAIN)
			die("read", -errno);
		if (n <= 0)
			break;
		s->next = NULL;
		pbuf_realloc(p, (u16_t)n);
		if (s->nif.input(p, &s->nif) != ERR_OK)
			pbuf_free(p);
	}
	UNLOCK_TCPIP_CORE();
	return n_frames > 0;
}

/* --- the applications --- */

static void on_err(void *arg, err_t err)
{
	const struct side *s = arg;

	if (!gauge_is_stopping(s->gauge))
		must_lwip(err, "connection");
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct side *s = arg;

	must_lwip(err, "receiver");
	if (!p)
		return ERR_OK;
	gauge_add(&s->gauge->n_bytes, p->tot_len);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	must_lwip(err, "accept");
	tcp_arg(pcb, arg);
	tcp_recv(pcb, on_recv);
	tcp_err(pcb, on_err);
	return ERR_OK;
}

/* As much as the send buffer takes. */
static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t n_acked)
{
	struct side *s = arg;
	err_t err = ERR_OK;

	(void)n_acked;
	while (err == ERR_OK && tcp_sndbuf(pcb) > 0) {
		u16_t room = tcp_sndbuf(pcb) < UINT16_MAX ? (u16_t)tcp_sndbuf(pcb) : UINT16_MAX;

		/* Whole segments: what is put behind a short one would be copied anew. */
		if (room < tcp_mss(pcb))
			break;
		err = tcp_write(pcb, s->buf, (u16_t)(room - room % tcp_mss(pcb)),
				TCP_WRITE_FLAG_COPY);
	}
	if (err != ERR_MEM) /* the queue of segments is full */
		must_lwip(err, "sender");
	return tcp_output(pcb);
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct side *s = arg;

	must_lwip(err, "connect");
	s->is_connected = true;
	tcp_sent(pcb, on_sent);
	return on_sent(s, pcb, 0);
}

static void out_start(struct side *s)
{
	struct tcp_pcb *pcb = tcp_new();
	ip_addr_t to;

	if (!pcb)
		die("connection", -ENOMEM);
	IP_ADDR4(&to, 10, 0, 0, 2);
	tcp_arg(pcb, s);
	tcp_err(pcb, on_err);
	must_lwip(tcp_connect(pcb, &to, BENCH_PORT, on_connected), "connect");
}

static void in_start(struct side *s)
{
	struct tcp_pcb *pcb = tcp_new();

	if (!pcb)
		die("listener", -ENOMEM);
	must_lwip(tcp_bind(pcb, IP_ANY_TYPE, BENCH_PORT), "bind");
	pcb = tcp_listen(pcb);
	tcp_arg(pcb, s);
	tcp_accept(pcb, on_accept);
}

/* --- the worker --- */

static void on_up(void *arg)
{
	struct side *s = arg;

	atomic_store(&s->is_up, true);
}

static void side_start(struct side *s, const char *tap)
{
	ip4_addr_t addr, mask, gw;

	s->fd = tap_open(tap);
	tap_wait(tap);
	tcpip_init(on_up, s); /* a thread for the timers */
	while (!atomic_load(&s->is_up))
		poll(NULL, 0, 1);
	IP4_ADDR(&addr, 10, 0, 0, 1);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	IP4_ADDR(&gw, 0, 0, 0, 0);
	LOCK_TCPIP_CORE();
	if (!netif_add(&s->nif, &addr, &mask, &gw, s, nif_init, ethernet_input))
		die("interface", -ENOMEM);
	netif_set_default(&s->nif);
	netif_set_up(&s->nif);
	if (s->is_out)
		out_start(s);
	else
		in_start(s);
	UNLOCK_TCPIP_CORE();
}

static void lwip_run(struct gauge *g, const char *tap, bool is_out)
{
	static struct side s;
	struct pollfd pfd;
	bool is_ready = false;

	s.gauge = g;
	s.is_out = is_out;
	memset(s.buf, 'w', sizeof(s.buf));
	side_start(&s, tap);
	pfd = (struct pollfd){.fd = s.fd, .events = POLLIN};
	while (!gauge_is_stopping(g)) {
		if (!is_ready && (!is_out || s.is_connected)) {
			is_ready = true;
			gauge_ready(g);
		}
		if (!frames_input(&s))
			poll(&pfd, 1, WAIT_MS);
	}
	/* The stack's thread cannot be ended: the process is. */
	_exit(0);
}

static void lwip_out(struct gauge *g, const void *arg)
{
	lwip_run(g, arg, true);
}

static void lwip_in(struct gauge *g, const void *arg)
{
	lwip_run(g, arg, false);
}

int main(int argc, char **argv)
{
	struct kernel_peer peer = {.server = "10.0.0.1", .wait = WAIT_BLOCKING};
	const char *netns = argc == 5 ? argv[3] : "";
	const char *tap = argc == 5 ? argv[4] : "";
	const struct worker out[] = {{"kernel", kernel_bulk_server, &peer, netns, 0},
				     {"lwip", lwip_out, tap, netns, 0}};
	const struct worker in[] = {{"lwip", lwip_in, tap, netns, 0},
				    {"kernel", kernel_bulk_client, &peer, netns, 0}};
	bool is_out = argc == 5 && !strcmp(argv[1], "out");

	if (argc != 5 || (!is_out && strcmp(argv[1], "in") != 0)) {
		fprintf(stderr, "usage: lwip_bench out|in SECONDS NETNS TAP\n");
		return 2;
	}
	meter_run(is_out ? out : in, 2, UNIT_GBIT_S, meter_seconds(argv[2]),
		  "\"cc\": \"" KERNEL_CC "\", ");
	return 0;
}
