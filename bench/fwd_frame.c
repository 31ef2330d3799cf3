/* SPDX-License-Identifier: MIT */
/* The packets that both routers are given. */
#include <arpa/inet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ethernet.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#include "kernel_peer.h"

static uint16_t sum16(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void ip4_write(uint8_t *p, unsigned int i)
{
	struct iphdr ip;

	memset(&ip, 0, sizeof(ip));
	ip.version = 4;
	ip.ihl = 5;
	ip.tot_len = htons(FWD_FRAME - ETH_HLEN);
	ip.ttl = 64;
	ip.protocol = IPPROTO_UDP;
	ip.saddr = htonl(0x0a000102);
	ip.daddr = htonl(0xac100001 + (i % FWD_ROUTES << 8) + i / FWD_ROUTES);
	ip.check = htons(sum16(&ip, sizeof(ip)));
	memcpy(p, &ip, sizeof(ip));
}

static void ip6_write(uint8_t *p, unsigned int i)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = htons(FWD_FRAME - ETH_HLEN - sizeof(ip)),
		.nexthdr = IPPROTO_UDP,
		.hop_limit = 64,
	};
	char dst[64];

	snprintf(dst, sizeof(dst), "2001:db8:%x:%x::1", FWD_FIRST6 + i % FWD_ROUTES,
		 i / FWD_ROUTES);
	inet_pton(AF_INET6, "2001:db8:1::2", &ip.saddr);
	inet_pton(AF_INET6, dst, &ip.daddr);
	memcpy(p, &ip, sizeof(ip));
}

void fwd_frame_write(uint8_t *frame, const uint8_t *dst_mac, bool is_ip6, unsigned int i)
{
	static const uint8_t src_mac[] = {2, 0, 0, 0, 0, 9};
	struct udphdr udp = {.source = htons(7), .dest = htons(9)};
	size_t ip_len = is_ip6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	memset(frame, 0, FWD_FRAME);
	memcpy(frame, dst_mac, 6);
	memcpy(frame + 6, src_mac, 6);
	frame[12] = is_ip6 ? 0x86 : 0x08;
	frame[13] = is_ip6 ? 0xdd : 0x00;
	if (is_ip6)
		ip6_write(frame + ETH_HLEN, i);
	else
		ip4_write(frame + ETH_HLEN, i);
	udp.len = htons((uint16_t)(FWD_FRAME - ETH_HLEN - ip_len));
	memcpy(frame + ETH_HLEN + ip_len, &udp, sizeof(udp));
}
