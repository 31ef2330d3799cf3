/* SPDX-License-Identifier: MIT */
/*
 * A packet in one line of text, as tcpdump 4.99 prints it.
 *
 * It knows Ethernet with VLAN tags, ARP, IPv4, IPv6 with the usual extension headers, ICMP, ICMPv6,
 * UDP, TCP with its options, and DNS; what it does not know is named by number, with its bytes when
 * nothing else can be said. It needs nothing but libc, so that whatever has a packet can print it.
 *
 * The bytes may come from anybody: nothing is read beyond `len`, and text in them is printed with
 * everything that is not printable escaped. Where a packet ends too early, "[|NAME]" says in which
 * header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pkt_flows;

enum {
	PKT_PRINT_SIZE =
		8192, /* room that is enough for any packet, unless it has bad intentions */
};

/* All zero: tcpdump -n -S. */
struct pkt_print_opts {
	unsigned int verbose;    /* as many as there are -v: IP header, checksums, quoted packets */
	bool has_link_header;    /* -e */
	bool is_quiet;           /* -q */
	bool is_raw_bytes_shown; /* -x or -X: unknown packets need not print their bytes */
	struct pkt_flows
		*flows; /* sequence numbers relative to the first seen; NULL: as sent (-S) */
	/* Names instead of numbers; NULL, or a function that returns NULL: numbers (-n). `addr` is
	 * 4 bytes or 16. The text must last until the next call. */
	const char *(*host_name)(void *arg, const uint8_t *addr, size_t addr_len);
	const char *(*port_name)(void *arg, uint8_t ip_proto, uint16_t port);
	void *arg;
};

/*
 * Prints an Ethernet frame of which `len` bytes are there and `wire_len` were on the wire. Writes
 * at most `size` bytes with the NUL (size > 0), without a newline at the end; with `verbose`, or
 * when bytes are shown, there are several lines. Returns the length of the text in `buf`.
 */
size_t pkt_print(char *buf, size_t size, const void *frame, size_t len, size_t wire_len,
		 const struct pkt_print_opts *opts);
/* The same for a packet that begins with its IPv4 or IPv6 header. */
size_t pkt_print_ip(char *buf, size_t size, const void *packet, size_t len, size_t wire_len,
		    const struct pkt_print_opts *opts);
/* The bytes in lines of 16, "\n\t0x0000:  4500 0054 ..."; with their text beside them (-X), or not
 * (-x). */
size_t pkt_print_hex(char *buf, size_t size, const void *bytes, size_t len, bool has_text);
/* The bytes as text (-A), beginning with a newline. */
size_t pkt_print_text(char *buf, size_t size, const void *bytes, size_t len);

/* Remembers where the sequence numbers of the last some hundred connections began. NULL: no memory.
 */
struct pkt_flows *pkt_flows_new(void);
void pkt_flows_free(struct pkt_flows *flows); /* NULL is fine */
