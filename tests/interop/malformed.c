/* SPDX-License-Identifier: MIT */
/*
 * Feeds the frames of a capture file to a stack, one by one, and says what became of each.
 *
 *	malformed FILE.pcap
 *
 * prints one line a frame, in their order: its number, the drop reasons that it brought, and the
 * ICMP errors that were sent, as words (`IP4_CSUM`, `icmp:3/3`, `icmp6:4/1`). Sixty-one seconds go
 * by after each frame, so that fragments and half-open connections are over, too.
 *
 * The stack is 10.0.0.1/24 and fe80::1, 2001:db8::1/64 on an interface 02:00:00:00:00:01, with UDP
 * port 53 and TCP port 80 open. malformed.py makes the frames.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weft/weft.h"

enum {
	PCAP_HDR = 24,
	REC_HDR = 16,
	FRAME_MAX = 65536,
	REASONS_MAX = 512,
	ETH = 14,
	WAIT_S = 61,
};

static const int64_t ns_per_s = 1000000000;

struct host {
	struct weft_engine *eng;
	struct weft_stack *st;
	struct weft_netif *nif;
	struct weft_sock *udp, *tcp;
	char said[256]; /* ICMP errors of this frame */
};

static void die(const char *what)
{
	fprintf(stderr, "malformed: %s\n", what);
	exit(2);
}

static void say(struct host *h, const char *proto, int type, int code)
{
	size_t n = strlen(h->said);

	snprintf(h->said + n, sizeof(h->said) - n, " %s:%d/%d", proto, type, code);
}

/* Notes errors; what else is sent says nothing of the frame. */
static int host_tx(void *arg, const void *frame, size_t len)
{
	const uint8_t *p = frame;
	struct host *h = arg;

	if (len >= ETH + 28 && p[12] == 8 && p[13] == 0 && p[ETH + 9] == 1 &&
	    (p[ETH + 20] == 3 || p[ETH + 20] == 11 || p[ETH + 20] == 12))
		say(h, "icmp", p[ETH + 20], p[ETH + 21]);
	if (len >= ETH + 48 && p[12] == 0x86 && p[13] == 0xdd && p[ETH + 6] == 58 &&
	    p[ETH + 40] < 128)
		say(h, "icmp6", p[ETH + 40], p[ETH + 41]);
	return 0;
}

static void host_addr(struct host *h, const char *text, uint8_t prefix_len)
{
	struct weft_addr addr;

	if (weft_addr_parse(text, &addr) || weft_addr_add(h->nif, &addr, prefix_len))
		die("address");
}

static void host_neigh(struct host *h, const char *text)
{
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};
	struct weft_addr addr;

	if (weft_addr_parse(text, &addr) || weft_neigh_add(h->nif, &addr, mac))
		die("neighbour");
}

static void host_run(struct host *h, int64_t ns)
{
	int64_t end_ns = weft_engine_now_ns(h->eng) + ns, next_ns;

	while ((next_ns = weft_engine_next_ns(h->eng)) <= end_ns)
		(void)weft_engine_run(h->eng, next_ns);
	(void)weft_engine_run(h->eng, end_ns);
}

static void host_start(struct host *h)
{
	static const struct weft_frame_ops ops = {.tx = host_tx};
	const struct weft_engine_config cfg = {.has_seed = true, .seed = 1};
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	struct weft_sockaddr any = {.addr.family = WEFT_AF_INET};

	if (weft_engine_new(&cfg, &h->eng) || weft_stack_new(h->eng, "host", &h->st) ||
	    weft_netif_new(h->st, "eth0", mac, 1500, &ops, h, &h->nif))
		die("no stack");
	host_addr(h, "10.0.0.1", 24);
	host_neigh(h, "10.0.0.2");
	host_addr(h, "2001:db8::1", 64);
	host_neigh(h, "2001:db8::2");
	if (weft_stack_set(h->st, "net.ipv4.icmp_ratelimit", 0))
		die("setting");
	any.port = 53;
	if (weft_socket(h->st, WEFT_AF_INET, WEFT_SOCK_DGRAM, 0, &h->udp) ||
	    weft_bind(h->udp, &any))
		die("port 53");
	any.port = 80;
	if (weft_socket(h->st, WEFT_AF_INET, WEFT_SOCK_STREAM, 0, &h->tcp) ||
	    weft_bind(h->tcp, &any) || weft_listen(h->tcp, 16))
		die("port 80");
	host_run(h, 10 * ns_per_s);
}

struct drops {
	uint64_t n[REASONS_MAX];
	size_t at;
	bool prints;
};

static void drops_note(void *arg, const char *name, const char *text, uint64_t n)
{
	struct drops *d = arg;

	(void)text;
	if (d->at >= REASONS_MAX)
		die("too many reasons");
	if (d->prints && n != d->n[d->at])
		printf(" %s", name);
	d->n[d->at++] = n;
}

/* Takes what came through: it is not a drop. */
static void host_drain(struct host *h)
{
	static char buf[FRAME_MAX];
	struct weft_sock *conn;

	while (weft_recv(h->udp, buf, sizeof(buf), 0) >= 0)
		printf(" udp-received");
	while (weft_accept(h->tcp, &conn, NULL) == 0) {
		printf(" tcp-accepted");
		weft_abort(conn);
	}
}

static void host_frame(struct host *h, struct drops *d, unsigned int i, const uint8_t *frame,
		       size_t len)
{
	h->said[0] = '\0';
	printf("%u", i);
	if (weft_netif_rx(h->nif, frame, len))
		printf(" refused");
	host_run(h, WAIT_S * ns_per_s);
	d->at = 0;
	d->prints = true;
	weft_stack_drops(h->st, drops_note, d);
	host_drain(h);
	printf("%s\n", h->said);
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX];
	static struct drops drops;
	uint8_t hdr[PCAP_HDR];
	struct host h = {0};
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;

	if (!f || fread(hdr, 1, PCAP_HDR, f) != PCAP_HDR || le32(hdr) != 0xa1b2c3d4)
		die("usage: malformed FILE.pcap (little-endian, microseconds)");
	host_start(&h);
	weft_stack_drops(h.st, drops_note, &drops);
	for (unsigned int i = 0; fread(hdr, 1, REC_HDR, f) == REC_HDR; i++) {
		size_t len = le32(hdr + 8);

		if (len > sizeof(frame) || fread(frame, 1, len, f) != len)
			die("file is cut off");
		host_frame(&h, &drops, i, frame, len);
	}
	fclose(f);
	weft_close(h.udp);
	weft_close(h.tcp);
	weft_stack_free(h.st);
	weft_engine_free(h.eng);
	return 0;
}
